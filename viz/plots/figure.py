"""A Plotly figure that is validated only when a property of it is read.

Plotly validates and copies every property of every trace and axis, twice: 5 to 15 ms for each
figure in every rerun, more than all other work of a page. The browser gets the same JSON without
it. Code that reads ``layout`` or ``data``, such as a test, gets the validated figure.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio

# Plotly uses pandas if it is in sys.modules, and fails while another thread still imports it.
import_module("pandas")

SHORT = {
    "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "float32": "f4", "float64": "f8",
}  # fmt: skip
"""Types of arrays that the browser's side of Plotly reads, and their names there."""


class Figure(go.Figure):
    """Traces and layout as the plain dictionaries that the browser reads.

    They have none of Plotly's shorthands such as ``title_text``, no names of color scales, and
    ends of axes as lists. They are not copied, and must not be changed afterwards.
    """

    def __init__(self, traces: Sequence[dict[str, Any]], layout: dict[str, Any]) -> None:
        self.__dict__["_plain"] = (traces, layout)

    def __getattr__(self, name: str) -> Any:
        """Create the validated figure when an attribute of it is first read."""
        if name.startswith("__") or "_plain" not in self.__dict__:
            raise AttributeError(name)
        traces, layout = self.__dict__.pop("_plain")
        super().__init__({"data": traces, "layout": layout})
        return getattr(self, name)

    def to_dict(self) -> dict[str, Any]:
        """The figure as the browser gets it."""
        if "_plain" not in self.__dict__:  # it may have been changed since
            checked: dict[str, Any] = super().to_dict()
            return checked
        traces, layout = self.__dict__["_plain"]
        data = [{"type": "scatter"} | _browser_form(trace) for trace in traces]
        return {"data": data, "layout": _template(pio.templates.default) | _browser_form(layout)}


@lru_cache(maxsize=8)
def _template(name: str | None) -> dict[str, Any]:
    """The layout, as the browser gets it, of an empty figure with this template."""
    layout: dict[str, Any] = go.Figure(layout={"template": name}).to_dict()["layout"]
    return layout


def _browser_form(value: Any) -> Any:
    """A value without None entries, and with arrays as typed arrays of the browser."""
    if isinstance(value, dict):
        return {key: _browser_form(each) for key, each in value.items() if each is not None}
    if isinstance(value, np.ndarray):
        return _typed_array(value)
    if isinstance(value, list | tuple) and any(isinstance(v, dict | np.ndarray) for v in value):
        return [_browser_form(each) for each in value]
    return value


def _typed_array(array: np.ndarray[Any, Any]) -> Any:
    """An array in Base64, or as lists if the browser has no such type."""
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
