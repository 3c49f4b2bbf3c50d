"""The one palette: one meaning, one colour, on every page.

Okabe and Ito's colours, safe for the colour-blind; each meaning also has a shape
(outline, hatching, dashes), so that pictures read in grey.
"""

from __future__ import annotations

INPUT = "#0072B2"
WINDOW = "#E69F00"
OUTPUT = "#009E73"
UNREAD = "#D55E00"
PADDING = "#8A8A8A"
PINNED = "#CC79A7"

MAGNITUDE = "cividis"
"""Colour scale of magnitudes (Plotly and Matplotlib know it by this name)."""

SIGNED = ("#2166AC", "#F7F7F7", "#B2182B")
"""Negative, zero, positive; the scale is always centered on zero."""

MEANINGS: dict[str, str] = {
    "input": INPUT,
    "window": WINDOW,
    "output": OUTPUT,
    "unread": UNREAD,
    "padding": PADDING,
    "pinned": PINNED,
}
"""Sent to the JavaScript, which has no colours of its own."""

BRANCHES = (WINDOW, PINNED, "#56B4E9", "#A08A00")
"""Paths through a network's branches, in the order of a merge's inputs; the first is the trunk."""

DASHES: tuple[tuple[int, ...], ...] = ((), (5, 3), (2, 3), (8, 3, 2, 3))
"""The same paths in grey: dashes of their lines."""

GREY = ("#000000", "#FFFFFF")
"""Pictures: dark to light, as the camera saw them."""

PAPER: dict[str, str] = {
    "text": "#1A1A1A",
    "muted": "#666666",
    "line": "#D5D5D5",
    "background": "#FFFFFF",
    "panel": "#F0F2F6",
}
"""The surroundings of a saved picture, whatever the theme on screen."""
