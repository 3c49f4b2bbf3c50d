"""A Plotly figure that is checked by Plotly only when somebody asks it something.

Plotly looks up and copies every property of every trace and axis, twice: 5 to 15 ms a figure,
in every rerun of every visitor, more than all else a page does. What goes to the browser is the
same without. Tests, and whoever else reads ``layout`` or ``data``, meet the checked figure.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any, ClassVar

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio

from viz.plots.enlarge import FONT, enlarged

# Plotly looks at pandas as soon as any thread has begun to import it, and falls over half of it.
import_module("pandas")

FIRST = {"xaxis1": "xaxis", "yaxis1": "yaxis"}
"""First axes as Plotly's Python may count them, and their names in the browser."""
AXES = {"xaxis", "yaxis", "anchor", "scaleanchor"}
"""Properties that name an axis."""
PLAIN_LISTS = {"range"}
"""Properties whose arrays the browser wants as lists."""
SHORT = {
    "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "float32": "f4", "float64": "f8",
}  # fmt: skip
"""Types of arrays that the browser's side of Plotly reads, and their names there."""


class Figure(go.Figure):
    """Traces and layout as plain dictionaries; none of Plotly's shorthands such as ``title_text``.

    They must not be changed any more: nothing of them is copied.

    Attributes:
        scale: asked when a figure goes to the browser: how much larger than on a desk.
    """

    scale: ClassVar[Callable[[], float]] = staticmethod(lambda: 1.0)

    def __init__(self, traces: Sequence[dict[str, Any]], layout: dict[str, Any]) -> None:
        self.__dict__["_plain"] = (traces, layout)

    def __getattr__(self, name: str) -> Any:
        """Whatever else a figure has; only now is it made."""
        if name.startswith("__") or "_plain" not in self.__dict__:
            raise AttributeError(name)
        traces, layout = self.__dict__.pop("_plain")
        super().__init__({"data": traces, "layout": layout})
        return getattr(self, name)

    def to_dict(self) -> dict[str, Any]:
        """What goes to the browser."""
        if "_plain" not in self.__dict__:  # it may have been changed since
            checked: dict[str, Any] = super().to_dict()
            return checked
        traces, layout = self.__dict__["_plain"]
        by = Figure.scale()
        if by != 1:
            traces = [enlarged(trace, by) for trace in traces]
            layout = enlarged({"font": {"size": FONT}} | layout, by, "layout")
        data = [{"type": "scatter"} | _light(trace) for trace in traces]
        return {"data": data, "layout": _template(pio.templates.default) | _light(layout)}


@lru_cache(maxsize=8)
def _template(name: str | None) -> dict[str, Any]:
    """The layout of a figure that has nothing but this template, as it goes to the browser."""
    layout: dict[str, Any] = go.Figure(layout={"template": name}).to_dict()["layout"]
    return layout


@lru_cache(maxsize=8)
def _stops(name: str) -> list[list[Any]]:
    """A color scale by its name, which the browser would look up in capitals, as its colors."""
    return [list(stop) for stop in go.Heatmap(colorscale=name).colorscale]


def _light(value: Any, name: str = "") -> Any:
    """Without what is None, with arrays as the browser's typed arrays."""
    if name == "colorscale" and isinstance(value, str):
        return _stops(value)
    if name in AXES and value in ("x1", "y1"):
        return value[0]
    if isinstance(value, dict):
        present = {key: each for key, each in value.items() if each is not None}
        return {FIRST.get(key, key): _light(each, key) for key, each in present.items()}
    if isinstance(value, np.ndarray):
        return value.tolist() if name in PLAIN_LISTS else _typed(value)
    if isinstance(value, list | tuple) and any(isinstance(v, dict | np.ndarray) for v in value):
        return [_light(each) for each in value]
    return value


def _typed(array: np.ndarray[Any, Any]) -> Any:
    """An array in Base64; as lists where the browser has no such type."""
    if array.dtype.kind in "iu" and array.size:
        low, high = int(array.min()), int(array.max())
        kinds = (kind for kind in map(np.dtype, SHORT) if kind.kind in "iu")
        fits = [k for k in kinds if np.iinfo(k).min <= low and high <= np.iinfo(k).max]
        array = array.astype(fits[0]) if fits else array
    short = SHORT.get(str(array.dtype))
    if short is None or not array.size:
        return array.tolist()
    encoded = {"dtype": short, "bdata": b64encode(array.tobytes()).decode()}
    return encoded | ({"shape": ", ".join(map(str, array.shape))} if array.ndim > 1 else {})
