"""The palette of all pages: a color has the same meaning everywhere.

The colors are those of Okabe and Ito, which color-blind people can tell apart. Each meaning also
has a shape (outline, hatching, dashes), so that pictures can be read in grey.
"""

from __future__ import annotations

INPUT = "#0072B2"
WINDOW = "#E69F00"
OUTPUT = "#009E73"
UNREAD = "#D55E00"
PADDING = "#8A8A8A"
PINNED = "#CC79A7"

MAGNITUDE_STOPS = (
    *("#00224E", "#002E6A", "#1A386F", "#32436D", "#434E6C", "#535A6D", "#61656F", "#6F7073"),
    *("#7D7C78", "#8C8878", "#9B9476", "#ABA072", "#BCAE6C", "#CDBB63", "#DEC958", "#F0D846"),
    "#FEE838",
)
"""Equally spaced colors of the scale for magnitudes: cividis (Nuñez, Anderton, Renslow, 2018)."""

SIGNED = ("#2166AC", "#F7F7F7", "#B2182B")
"""Colors of the color scale for signed values: negative, zero, positive, centered on zero."""

MEANINGS: dict[str, str] = {
    "input": INPUT,
    "window": WINDOW,
    "output": OUTPUT,
    "unread": UNREAD,
    "padding": PADDING,
    "pinned": PINNED,
}
"""Color by meaning, as the JavaScript components receive it."""

BRANCHES = (WINDOW, PINNED, "#56B4E9", "#A08A00")
"""Colors of a network's branches, in the order of the inputs of the node that merges them."""

DASHES: tuple[tuple[int, ...], ...] = ((), (5, 3), (2, 3), (8, 3, 2, 3))
"""Dash patterns of the lines of `BRANCHES`, so that they differ in grey too."""

COUNTS = ("#FFFFFF", WINDOW)
"""Ends of the color scale for counts: zero, and the largest count."""

GREY = ("#000000", "#FFFFFF")
"""Ends of the color scale for photographs: dark and light."""

PAPER: dict[str, str] = {
    "text": "#1A1A1A",
    "muted": "#666666",
    "line": "#D5D5D5",
    "background": "#FFFFFF",
    "panel": "#F0F2F6",
}
"""Colors of text, lines and background in a saved light picture, whatever the theme on screen."""

VERDICTS: dict[str, tuple[str, str]] = {
    "yes": ("#007A59", "#2BC09A"),
    "no": ("#B34700", "#FF8A4C"),
    "partly": ("#8F5F00", "#E9B44C"),
}
"""Colors of words and icons that say whether something holds, on light and on dark paper: darker
and lighter relatives of `OUTPUT`, `UNREAD` and `WINDOW`, which as text would be too pale."""

CHOSEN = "#005A8C"
"""Color of the chosen one of several options on the sidebar's tinted paper: a darker `INPUT`."""
