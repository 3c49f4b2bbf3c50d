"""Slides of the shift page: layers without and with a blur, curves over all shifts, a film."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from viz.features.shift.plots import cosine_text, output_color_range
from viz.slides.margins import bar, is_wide, legend, noted, room
from viz.slides.parts import colormap, plain, sheet, titled, wrapped
from viz.slides.style import Film, Style
from viz.theme import INPUT, OUTPUT, PADDING, WINDOW

if TYPE_CHECKING:
    from core.shift.consistency import Consistency, ShiftComparison

Grid = NDArray[np.floating]
FRAMES_PER_SECOND = 2.0
"""Frames per second of the film, as in the animation on the page."""


def pair(
    plain_: ShiftComparison,
    blurred: ShiftComparison,
    style: Style,
    *,
    title: str,
    subtitle: str,
    signed: bool,
    picture: Grid | None = None,
) -> Figure:
    """Outputs of the moved picture above, how they differ from the moved outputs below.

    Args:
        plain_, blurred: Comparisons of the layer without and with a blur, drawn on one scale.
        style: Style of the slide.
        title: Name of the layer.
        subtitle: Line below the title, with the shift.
        signed: Whether the outputs can be negative; if not, they are drawn in grey.
        picture: (H, W) the shifted picture, drawn at the left on wide slides; None for none.
    """
    figure = sheet(style)
    titled(figure, title, subtitle, style)
    beside, grid = _stage(figure, picture is not None and is_wide(style))
    outputs = [np.asarray(each.output[0]) for each in (plain_, blurred)]
    differences = [np.asarray(each.difference[0]) for each in (plain_, blurred)]
    most = max(float(np.abs(d).max()) for d in differences) or 1.0
    rows = (
        (outputs, output_color_range(np.stack(outputs), signed), "signed" if signed else "grey"),
        (differences, (-most, most), "signed"),
    )
    points, inches = 0.85 * style.points, 0.4 * room(figure, style)[1]
    for name, axes, (maps, span, scale) in zip(("output", "difference"), grid, rows, strict=True):
        for place, values in zip(axes, maps, strict=True):
            artist = _map(place, values, span, scale)
        bar(axes, artist, name, inches=inches)
    for place, each, name in zip(grid[0], (plain_, blurred), ("no blur", "blur"), strict=True):
        place.set_title(f"{name}: cosine {cosine_text(each.cosine)}", fontsize=points)
    if beside is not None and picture is not None:
        _map(beside, picture, (float(picture.min()), float(picture.max())), "grey")
        beside.set_title("the moved picture", fontsize=points)
    return figure


def _stage(figure: Figure, picture: bool) -> tuple[Axes | None, list[list[Axes]]]:
    """Axes for a picture, where there is one, and beside it two rows of two."""
    place = figure.add_gridspec(2, 2 + picture, width_ratios=[1.25, 1, 1][not picture :])
    grid = [
        [figure.add_subplot(place[row, column + picture]) for column in (0, 1)] for row in (0, 1)
    ]
    return (figure.add_subplot(place[:, 0]) if picture else None), grid


def _map(axes: Axes, values: Grid, span: tuple[float, float], scale: str) -> AxesImage:
    """Pixels without axes: a picture, or what a layer makes of it."""
    look: dict[str, Any] = {"cmap": colormap(scale), "vmin": span[0], "vmax": span[1]}
    image: AxesImage = axes.imshow(values, interpolation="none", **look)
    axes.set(xticks=[], yticks=[])
    return image


def curve(
    pairs: Mapping[str, tuple[Consistency, Consistency]],
    style: Style,
    *,
    title: str,
    expected: Mapping[str, Sequence[NDArray[np.float64] | None]] | None = None,
    current: int | None = None,
    last: int | None = None,
    notes: Sequence[str] = (),
) -> Figure:
    """Cosine over the shift in pixels, without and with a blur, a panel for each layer.

    Args:
        pairs: what each layer, or network, is called; without and with the blur.
        style: Style of the slide.
        title: of all panels.
        expected: the closed form of both, where there is one.
        current: a shift that is shown elsewhere.
        last: the last shift in view; all by default.
        notes: Lines at the foot.
    """
    figure = sheet(style)
    titled(figure, title, "", style)
    noted(figure, notes, style)
    forms = expected or {}
    has_form = any(form is not None for two in forms.values() for form in two)
    legend(figure, _keys(has_form, current is not None), style)
    wide = is_wide(style)
    shape = (1, len(pairs)) if wide else (len(pairs), 1)
    drawn = figure.subplots(*shape, squeeze=False, sharex=True).ravel()
    across = style.inches[0] / (len(pairs) if wide else 1) - 1.0
    for axes, (name, two) in zip(drawn, pairs.items(), strict=True):
        at = np.abs(two[0].shifts).max(axis=1)
        seen = at <= (at.max() if last is None else last)
        for result, look in zip(two, LOOKS, strict=True):
            axes.plot(at[seen], result.cosine[seen], **look)
        for form in forms.get(name, ()):
            if form is not None:
                axes.plot(at[seen], form[seen], **RING)
        if current is not None:
            axes.axvline(current, color=PADDING, ls=(0, (6, 4)))
        plain(axes)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5 if wide else 3))
        axes.ticklabel_format(axis="y", useOffset=False)
        lines = wrapped(name, 0.9 * style.points, across)
        if len(pairs) > 1:
            look = {"loc": "left", "linespacing": 1.1, "fontsize": 0.9 * style.points}
            axes.set_title("\n".join(lines), **look)
    for axes in drawn if wide else drawn[-1:]:
        axes.set_xlabel("shift (px)")
    for axes in drawn[:1] if wide else drawn:
        axes.set_ylabel("cosine")
    return figure


LOOKS: tuple[dict[str, Any], ...] = (
    {"color": WINDOW, "ls": ":", "marker": "D", "ms": 7, "label": "no blur"},
    {"color": OUTPUT, "ls": "-", "marker": "s", "ms": 7, "label": "blur"},
)
RING: dict[str, Any] = {
    "ls": "",
    "marker": "o",
    "ms": 14,
    "mfc": "none",
    "mec": INPUT,
    "mew": 2,
    "label": "closed form",
}


def _keys(has_form: bool, current: bool) -> list[Line2D]:
    """The entries of the legend."""
    now = {"color": PADDING, "ls": (0, (6, 4)), "label": "the shift shown"}
    looks = [*LOOKS, *([RING] if has_form else []), *([now] if current else [])]
    return [Line2D([], [], **look) for look in looks]


def film(
    reels: Mapping[str, tuple[NDArray[Any], tuple[float, float], str]],
    style: Style,
    *,
    title: str,
    captions: Sequence[str],
) -> Film:
    """A film of panels that change together while the picture is shifted by single pixels.

    Args:
        reels: The panels by heading, in the order picture, two outputs, two differences. Each is
            its frames (FRAMES, H, W), the values at the ends of the color scale, and the name of
            the scale for `viz.slides.parts.colormap`.
        style: Style of the film.
        title: Title of the film.
        captions: A short line for each frame.
    """
    figure = sheet(style)
    titled(figure, title, captions[0], style)
    words = figure.texts[-1]
    beside, grid = _stage(figure, True)
    assert beside is not None
    points, images = 0.85 * style.points, []
    across = style.inches[0] / 3 - 0.4
    for axes, (name, (frames, span, scale)) in zip(
        [beside, *grid[0], *grid[1]], reels.items(), strict=True
    ):
        images.append(_map(axes, frames[0], span, scale))
        lines = wrapped(name, points, across)
        axes.set_title("\n".join(lines), fontsize=points, linespacing=1.1)
    stacks = [frames for frames, _, _ in reels.values()]

    def show(frame: int) -> list[Any]:
        words.set_text(captions[frame])
        for image, frames in zip(images, stacks, strict=True):
            image.set_data(frames[frame])
        return [*images, words]

    return Film(figure, len(captions), show, FRAMES_PER_SECOND)
