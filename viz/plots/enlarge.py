"""Plotly's pixels, larger: what a projector needs, with the picture's proportions kept."""

from __future__ import annotations

from typing import Any

import numpy as np

FONT = 12.0
"""Plotly's own size of type, where a figure names none."""
PIXELS = {"size", "thickness", "ticklen", "standoff", "xshift", "yshift", "itemwidth", "ax", "ay"}
SIDES = {"l", "r", "t", "b", "pad"}
DATA = {"contours", "xbins", "ybins"}
"""Their ``size`` is a step of the data."""


def enlarged(value: Any, by: float, name: str = "", around: str = "") -> Any:
    """A figure's dictionary with every length in pixels multiplied.

    Args:
        value: a plain figure, or a part of one.
        by: the factor.
        name: the part's name in what is ``around`` it.
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
