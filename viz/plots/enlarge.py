"""Enlarges the lengths in pixels of a Plotly figure, for projectors."""

from __future__ import annotations

from typing import Any

import numpy as np

FONT = 12.0
"""Plotly's default font size in pixels."""
PIXELS = {"size", "thickness", "ticklen", "standoff", "xshift", "yshift", "itemwidth", "ax", "ay"}
"""Properties whose values are lengths in pixels."""
SIDES = {"l", "r", "t", "b", "pad"}
"""Properties of ``margin`` and ``pad`` whose values are lengths in pixels."""
DATA = {"contours", "xbins", "ybins"}
"""Properties whose ``size`` is in units of the data, not in pixels."""


def enlarged(value: Any, by: float, name: str = "", around: str = "") -> Any:
    """A figure's dictionary with every length in pixels multiplied by a factor.

    Args:
        value: The figure as plain dictionaries and lists, or a part of it.
        by: The factor.
        name: The part's key.
        around: The key of the dictionary that contains the part.
    """
    if isinstance(value, dict):
        return {key: enlarged(each, by, key, name) for key, each in value.items()}
    pixels = (
        (name in PIXELS and around not in DATA)
        or (name == "width" and around in ("line", "layout"))
        or (name == "height" and around == "layout")
        or (name in SIDES and around in ("margin", "pad"))
    )
    if isinstance(value, list | tuple):
        if pixels and all(isinstance(each, int | float) for each in value):
            return [each * by for each in value]
        return [enlarged(each, by, "", name) for each in value]
    if isinstance(value, np.ndarray):
        return value * by if pixels and value.dtype.kind in "iuf" else value
    if pixels and isinstance(value, int | float) and not isinstance(value, bool):
        return value * by
    return value
