"""What a slide picture is, before it is drawn: its style, its name, its function.

Free of Matplotlib: the pages import this, and load Matplotlib when somebody asks for a file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from core.errors import SpecError

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure


class UnfitLinkError(SpecError):
    """A link whose settings could be drawn only if they were changed.

    Args:
        clauses: what would have to be changed, each as the page says it.
    """

    def __init__(self, clauses: Sequence[str]) -> None:
        text = "; ".join(clause.strip().rstrip(".").replace("`", "") for clause in clauses)
        super().__init__("link", f"cannot be drawn as it stands: {text}", "")


def refuse_unfit(clauses: Sequence[str]) -> None:
    """Raise UnfitLinkError where there is anything to say."""
    if clauses:
        raise UnfitLinkError(clauses)


NO_UPLOAD = "a picture of your own cannot be carried by a link"
Kind = Literal["svg", "pdf", "png", "gif", "mp4"]
KINDS: tuple[Kind, ...] = ("svg", "pdf", "png")
"""Stills."""
FILMS: tuple[Kind, ...] = ("gif", "mp4")

SIZES: dict[str, tuple[float, float]] = {
    "wide": (40 / 3, 7.5),
    "classic": (10.0, 7.5),
    "half": (6.5, 5.6),
}
"""Inches (width, height): a 16:9 slide, a 4:3 slide, half a slide beside text."""

LOWEST_DPI, HIGHEST_DPI = 72, 400
MAX_FRAMES = 200
"""Most frames of a film; a longer sweep shows every second, third, … step."""
MAX_DOTS = 500_000_000
"""Most dots of a file, all frames together: what one click may make the server draw."""
LONGEST_CAPTION = 300
"""Characters of settings, or of a link, that are printed below a picture."""
TOO_LONG = "The link is too long to print."
LONGEST_STRIP = 12
"""Most steps that stand side by side where they can still be made out."""
STRIPS = (3, 4, 6)
"""How many steps stand side by side in a strip."""

LIGHT = {
    "text": "#1A1A1A",
    "muted": "#595959",
    "line": "#BFBFBF",
    "background": "#FFFFFF",
    "panel": "#F0F2F6",
}
DARK = {
    "text": "#F0F2F6",
    "muted": "#B4BAC4",
    "line": "#4A525E",
    "background": "#12161C",
    "panel": "#1E242D",
}
"""The surroundings of a picture; what carries meaning has its color in `viz.theme`."""


@dataclass(frozen=True)
class Style:
    """How a picture is drawn, whatever it shows.

    Attributes:
        size: a key of `SIZES`.
        dpi: dots an inch of PNG and films, 72 to 400.
        dark: light type on dark paper.
        transparent: no paper at all; ``dark`` then says what it will stand on.
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


@dataclass(frozen=True)
class Film:
    """A picture that moves: drawn once, then only what moves.

    Attributes:
        figure: all of it, at the first frame.
        frames: how many.
        show: ``frame → artists`` brings everything that moves to that frame and returns it,
            hindmost first. The same artists every time: the rest is drawn once.
        fps: frames a second.
    """

    figure: Figure
    frames: int
    show: Callable[[int], Sequence[Artist]]
    fps: float = 8.0


@dataclass(frozen=True)
class Picture:
    """One picture that a page offers as a file.

    Attributes:
        name: for the file and the command line; lower case, unique on its page.
        label: for the menu.
        draw: the picture in a style; called inside `inked`.
        film: the same, moving; None for what does not move.
        frames: frames of the film.
        note: what the film leaves out, in words; "" for nothing.
        strip: some steps side by side, in a style; None for what has no steps.
        settings: what it shows, in words, for a caption; "" leaves it to the link.
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
        """The formats it comes in."""
        return KINDS + FILMS if self.film else KINDS


def film_steps(steps: int) -> tuple[range, str]:
    """The steps that a film of a sweep shows, and in words what it leaves out."""
    stride = -(-steps // MAX_FRAMES)
    if stride == 1:
        return range(steps), ""
    selected = range((steps - 1) % stride, steps, stride)  # the last step is always there
    return selected, f"{len(selected)} of {steps} steps: one in {stride}"


def bounded(picture: Picture, style: Style, kind: Kind) -> None:
    """Refuse what would take the server too long.

    Raises:
        SpecError: a format that the picture does not come in, or that cannot be transparent;
            too many dots.
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
