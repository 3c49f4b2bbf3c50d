"""Descriptions of slide pictures before they are drawn: style, name, and drawing function.

Without Matplotlib: the pages import this module, and Matplotlib only when a file is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from core.errors import SpecError

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

    from core.layer.sizes import AxisFormula
    from core.plots.plot import Plot
    from core.plots.table import Table


class UnfitLinkError(SpecError):
    """The settings of a link do not fit each other, or the network.

    Args:
        clauses: A clause for each setting that would have to change, as the page says it.
    """

    def __init__(self, clauses: Sequence[str]) -> None:
        text = "; ".join(clause.strip().rstrip(".").replace("`", "") for clause in clauses)
        super().__init__("link", f"cannot be drawn as it stands: {text}", "")


def refuse_unfit(clauses: Sequence[str]) -> None:
    """Raise `UnfitLinkError` with these clauses, if there are any."""
    if clauses:
        raise UnfitLinkError(clauses)


NO_UPLOAD = "a picture of your own cannot be carried by a link"
"""Clause for `refuse_unfit` if a link chooses the visitor's upload."""
Kind = Literal["svg", "pdf", "png", "gif", "mp4"]
"""Formats of files."""
KINDS: tuple[Kind, ...] = ("svg", "pdf", "png")
"""Formats of stills."""
FILMS: tuple[Kind, ...] = ("gif", "mp4")
"""Formats of films."""

SIZES: dict[str, tuple[float, float]] = {
    "wide": (40 / 3, 7.5),
    "classic": (10.0, 7.5),
    "half": (6.5, 5.6),
}
"""Inches (width, height): a 16:9 slide, a 4:3 slide, half a slide beside text."""

LOWEST_DPI, HIGHEST_DPI = 72, 400
"""Bounds of the resolution in dots per inch."""
MAX_FRAMES = 200
"""Most frames of a film; a longer sweep shows every second, third, … step."""
MAX_DOTS = 500_000_000
"""Most pixels of a file, all frames together: a bound on the server's work for one click."""
LONGEST_CAPTION = 300
"""Most characters of the settings, or of the link, that are printed below a picture."""
TOO_LONG = "The link is too long to print."
"""Text in place of a link with more than `LONGEST_CAPTION` characters."""
LONGEST_STRIP = 12
"""Most steps side by side; with more they would be too small to read."""
STRIPS = (3, 4, 6)
"""Numbers of steps side by side that the menu offers."""

LIGHT = {
    "text": "#1A1A1A",
    "muted": "#595959",
    "line": "#BFBFBF",
    "background": "#FFFFFF",
    "panel": "#F0F2F6",
}
"""Colors of text, lines and paper on light paper."""
DARK = {
    "text": "#F0F2F6",
    "muted": "#B4BAC4",
    "line": "#4A525E",
    "background": "#12161C",
    "panel": "#1E242D",
}
"""Colors of text, lines and paper on dark paper; `viz.theme` has the colors with a meaning."""


@dataclass(frozen=True)
class Style:
    """The size, resolution, colors and caption with which any picture can be drawn.

    Attributes:
        size: a key of `SIZES`.
        dpi: dots an inch of PNG and films, 72 to 400.
        dark: light type on dark paper.
        transparent: no paper; ``dark`` says what is behind the picture.
        caption: the settings in words, below the picture, cut short where they are long; ""
            for none.
        link: the address that opens this picture, below the caption, where it is short enough
            to be typed; "" for none.
        credit: who took the photograph that is chosen on the page, written into the file and
            not into the picture; "" for none.
    """

    size: str = "wide"
    dpi: int = 150
    dark: bool = False
    transparent: bool = False
    caption: str = ""
    link: str = ""
    credit: str = ""

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise SpecError("size", f"must be one of {', '.join(SIZES)}", self.size)
        if not LOWEST_DPI <= self.dpi <= HIGHEST_DPI:
            raise SpecError("dpi", f"must be from {LOWEST_DPI} to {HIGHEST_DPI}", self.dpi)
        if len(self.caption) > LONGEST_CAPTION:
            object.__setattr__(self, "caption", self.caption[: LONGEST_CAPTION - 1] + "…")
        if len(self.link) > LONGEST_CAPTION:
            object.__setattr__(self, "link", TOO_LONG)

    @property
    def inches(self) -> tuple[float, float]:
        """Width and height."""
        return SIZES[self.size]

    @property
    def ink(self) -> dict[str, str]:
        """The colors of type, lines and paper."""
        return DARK if self.dark else LIGHT

    @property
    def points(self) -> float:
        """The size of ordinary type: never below 14 points, more on a whole slide."""
        return 18.0 if self.inches[0] > 8 else 14.0


SMALL = 0.8
"""The smallest type on a slide, as a share of the ordinary one."""
AROUND_PAGE = 1.6
"""Inches of a slide's height that title, legend, notes and caption take at most."""


def type_unit(style: Style) -> float:
    """Inches of the smallest type's size, the unit of panels that are measured in type."""
    return SMALL * style.points / 72


def page_in_type(style: Style) -> tuple[float, float]:
    """Width and height that a slide has for one panel, in sizes of the smallest type."""
    width, height = style.inches
    unit = type_unit(style)
    return (width - 0.5) / unit, (height - AROUND_PAGE) / unit


@dataclass(frozen=True)
class Film:
    """A picture with frames, of which only some artists change.

    Attributes:
        figure: The figure at the first frame.
        frames: Number of frames.
        show: ``frame → artists`` updates all changing artists to that frame and returns them,
            the hindmost first; they must be the same artists for every frame.
        fps: Frames per second.
    """

    figure: Figure
    frames: int
    show: Callable[[int], Sequence[Artist]]
    fps: float = 8.0


@dataclass(frozen=True)
class Picture:
    """One picture that a page offers as a file.

    Attributes:
        name: Name in the file and on the command line; lower case, unique on its page.
        label: Text in the menu.
        draw: Draws the picture in a style; called inside `matplotlib_style`.
        film: Makes the film in a style; None for a picture that does not move.
        frames: Number of frames of the film.
        note: Which steps the film leaves out, in words; "" for none.
        strip: Draws that many steps side by side in a style; None for a picture without steps.
        settings: The settings in words, for a caption; "" for those of the link.
    """

    name: str
    label: str
    draw: Callable[[Style], Figure]
    film: Callable[[Style], Film] | None = None
    frames: int = 0
    note: str = ""
    strip: Callable[[Style, int], Figure] | None = None
    settings: str = ""

    def kinds(self) -> tuple[Kind, ...]:
        """The formats in which the picture can be drawn."""
        return KINDS + FILMS if self.film else KINDS


def plot_picture(name: str, label: str, make: Callable[[], Plot | Table]) -> Picture:
    """A picture that is a plot or a table.

    Args:
        name, label: See `Picture`.
        make: Describes it, and computes what it needs; called when a file is drawn.
    """
    return Picture(name, label, partial(_draw_content, make))


def formula_picture(
    name: str, label: str, make: Callable[[], tuple[AxisFormula, AxisFormula]], title: str
) -> Picture:
    """A picture of the formula of an output size with its numbers.

    Args:
        name, label: See `Picture`.
        make: Computes the formulas of height and width; called when a file is drawn.
        title: The heading.
    """

    def draw(style: Style) -> Figure:
        from viz.slides.formula import formula

        return formula(make(), style, title=title)

    return Picture(name, label, draw)


def film_picture(
    name: str,
    label: str,
    make: Callable[[], Sequence[Plot]],
    frames: int,
    fps: float = 2.0,
    strip: Callable[[int], Plot] | None = None,
    still: int = 0,
) -> Picture:
    """A picture that moves: plots that differ in marks, subtitle and headings only.

    Args:
        name, label, frames: See `Picture`.
        make: Describes all frames; called when a file is drawn.
        fps: Frames per second.
        strip: Describes so many of the frames side by side; None if it is not offered.
        still: The frame that is drawn where nothing moves.
    """
    draw_strip = None if strip is None else partial(_draw_strip, strip)
    return Picture(
        name,
        label,
        lambda style: _draw_content(lambda: make()[still], style),
        film=partial(_film_of_plots, make, fps),
        frames=frames,
        strip=draw_strip,
    )


def _draw_strip(describe: Callable[[int], Plot], style: Style, count: int) -> Figure:
    """Draw so many steps side by side."""
    return _draw_content(partial(describe, count), style)


def _draw_content(make: Callable[[], Plot | Table], style: Style) -> Figure:
    """Draw a plot or a table; on half a slide the table that takes a plot's place, if any."""
    from core.plots.table import Table
    from viz.slides.plot import draw
    from viz.slides.tables import draw_table

    content = make()
    if not isinstance(content, Table) and content.half_table is not None and style.inches[0] < 8:
        content = content.half_table
    return draw_table(content, style) if isinstance(content, Table) else draw(content, style)


def _film_of_plots(make: Callable[[], Sequence[Plot]], fps: float, style: Style) -> Film:
    """Make a film of plots."""
    from viz.slides.plot import film

    return film(make(), style, fps)


def film_steps(steps: int) -> tuple[range, str]:
    """The steps that a film of ``steps`` steps shows, and a note on those it leaves out."""
    stride = -(-steps // MAX_FRAMES)
    if stride == 1:
        return range(steps), ""
    selected = range((steps - 1) % stride, steps, stride)  # the last step is always there
    return selected, f"{len(selected)} of {steps} steps: one in {stride}"


def check_limits(picture: Picture, style: Style, kind: Kind) -> None:
    """Check that a picture can be drawn in this style and format, and without too much work.

    Raises:
        SpecError: The picture does not have this format, the format cannot be transparent, or the
            file would have too many pixels.
    """
    if kind not in picture.kinds():
        raise SpecError("kind", f"of {picture.name!r} is {', '.join(picture.kinds())}", kind)
    if kind == "mp4" and style.transparent:
        rule = "cannot be had in MP4, which has no transparency; use GIF, or leave it out"
        raise SpecError("transparent", rule, "true")
    if kind in ("svg", "pdf"):
        return
    width, height = style.inches
    dots = width * height * style.dpi**2 * (picture.frames if kind in FILMS else 1)
    if dots > MAX_DOTS:
        rule = (
            f"makes {dots / 1e6:.0f} million dots of this; at most {MAX_DOTS / 1e6:.0f} are drawn"
        )
        raise SpecError("dpi", rule, style.dpi)
