"""The colors of a plot's description, for both renderers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viz.theme import (
    BRANCHES,
    GREY,
    INPUT,
    MAGNITUDE_STOPS,
    OUTPUT,
    PADDING,
    PINNED,
    SIGNED,
    UNREAD,
    WINDOW,
)

if TYPE_CHECKING:
    from core.plots.plot import Color, Scale

HEX: dict[Color, str] = {
    "input": INPUT,
    "window": WINDOW,
    "output": OUTPUT,
    "unread": UNREAD,
    "padding": PADDING,
    "pinned": PINNED,
    "sky": BRANCHES[2],
    "olive": BRANCHES[3],
    "white": "#FFFFFF",
    "black": "#000000",
}
"""Colors that are the same on light and on dark paper; type has the paper's own."""
ON_DARK: dict[Color, str] = {"input": BRANCHES[2], "sky": "#BFE6FF"}
"""Colors on the screen that are too dark for lines on dark paper, and what replaces them there."""
SIGNED_ON_DARK = ("#3B8BD6", "#232A34", "#E0565B")
"""Colors of signed values on dark paper on the screen: negative, zero, positive."""
OVERLAY = 0.85
"""Opacity of the highest values of a scale that lies over a photograph."""
TEXT = {False: "#1A1A1A", True: "#F0F2F6"}
"""Color of type on the screen, by whether the paper is dark."""
MUTED = {False: "#5F6470", True: "#B4BAC4"}
"""Color of captions on the screen, by whether the paper is dark."""
GROUND = {False: "#FFFFFF", True: "#12161C"}
"""Color of the paper on the screen, by whether it is dark: of hatching in bars, and around symbols."""


def screen_color(color: Color, dark: bool) -> str:
    """A color of a description as ``#RRGGBB``, on the screen."""
    own: dict[Color, str] = {"text": TEXT[dark], "muted": MUTED[dark]}
    return own.get(color) or (ON_DARK.get(color) if dark else None) or HEX[color]


def stops(scale: Scale, dark: bool = False) -> list[tuple[float, str]]:
    """(position, color) along a scale: ``#RRGGBB``, or ``rgba()`` of one that is transparent.

    Args:
        scale: The scale.
        dark: Whether it is for dark paper on the screen, where zero is dark too.
    """
    if scale.colors == "overlay":
        shares = [n / 10 for n in range(11)]
        return [(share, rgba(WINDOW, OVERLAY * share**0.5)) for share in shares]
    colors = {"magnitude": MAGNITUDE_STOPS, "signed": SIGNED, "grey": GREY}[scale.colors]
    colors = SIGNED_ON_DARK if dark and scale.colors == "signed" else colors
    return [(n / (len(colors) - 1), color) for n, color in enumerate(colors)]


def rgba(color: str, opacity: float) -> str:
    """A color ``#RRGGBB`` with an opacity from 0 to 1."""
    red, green, blue = _parts(color)
    return f"rgba({red},{green},{blue},{opacity:.3f})"


def _parts(color: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue


def color_at(scale: Scale, share: float, dark: bool = False) -> str:
    """The color at a position of a scale that is not transparent, 0 to 1, as ``#RRGGBB``."""
    places = stops(scale, dark)
    number = min(int(share * (len(places) - 1)), len(places) - 2)
    (low, before), (high, after) = places[number : number + 2]
    part = (share - low) / (high - low)
    mixed = (round(a + (b - a) * part) for a, b in zip(_parts(before), _parts(after), strict=True))
    return "#" + "".join(f"{each:02X}" for each in mixed)


def luminance(color: str) -> float:
    """Relative luminance of a color ``#RRGGBB``, 0 to 1 (WCAG 2)."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (part / 255 for part in _parts(color))
    ]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def ink_on(color: str) -> str:
    """Black or white type, whichever has more contrast on a color ``#RRGGBB`` (WCAG 2)."""
    return "#000000" if (luminance(color) + 0.05) ** 2 > 0.05 * 1.05 else "#FFFFFF"
