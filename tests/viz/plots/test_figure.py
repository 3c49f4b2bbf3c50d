"""What goes to the browser unchecked is what Plotly's own check would send."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from viz.plots.figure import Figure

LAYOUT = {
    "xaxis": {"range": [0.0, 3.0], "domain": (0, 0.5), "title": None},
    "annotations": [{"text": "a", "x": 1, "font": {"size": 12}}],
    "width": 300,
}


def sent(figure: go.Figure) -> Any:
    """As `st.plotly_chart` writes it for the browser."""
    return json.loads(pio.to_json(figure.to_dict(), validate=False))


def both(traces: list[dict[str, Any]], layout: dict[str, Any]) -> tuple[Any, Any]:
    """From this figure, and from Plotly's."""
    return sent(Figure(traces, layout)), sent(go.Figure({"data": traces, "layout": layout}))


@given(
    hnp.arrays(
        st.sampled_from(["int64", "uint64", "int32", "uint8", "float32", "float64", "bool"]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=4),
    )
)
def test_every_array_arrives_as_plotly_would_send_it(z: np.ndarray[Any, Any]) -> None:
    ours, theirs = both([{"type": "heatmap", "z": z, "text": z.astype(str)}], LAYOUT)
    assert values(ours["data"][0]["z"]) == values(theirs["data"][0]["z"])
    assert ours["data"][0]["text"] == theirs["data"][0]["text"]
    assert ours["layout"] == theirs["layout"]


def values(array: Any) -> Any:
    """A list, or a typed array as the browser reads it; its type may be a smaller one."""
    if isinstance(array, list):
        return array
    import base64

    shape = [int(side) for side in array["shape"].split(", ")]
    raw = np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"]).reshape(shape)
    return np.where(np.isfinite(raw), raw, None).tolist()


def test_what_is_none_stays_out_and_gaps_stay_in() -> None:
    traces = [{"x": [1, None, 3], "y": (np.float64(2), 3, 4), "name": None, "marker": {"size": 3}}]
    ours, theirs = both(traces, {})
    assert ours == theirs
    assert "name" not in ours["data"][0]
    assert ours["data"][0]["x"] == [1, None, 3]


def test_a_figure_that_is_asked_is_checked() -> None:
    figure = Figure([{"type": "heatmap", "zz": 1}], {})
    assert sent(figure)["data"] == [{"type": "heatmap", "zz": 1}]
    with pytest.raises(ValueError, match="zz"):
        print(figure.layout)


def test_a_figure_that_was_changed_sends_the_change() -> None:
    figure = Figure([{"y": [1]}], LAYOUT)
    assert figure.layout.width == 300
    assert figure.data[0].y == (1,)
    figure.update_layout(width=400)
    assert sent(figure)["layout"]["width"] == 400


def test_the_template_of_the_run_is_sent() -> None:
    before = pio.templates.default
    try:
        for name in ("plotly_dark", "simple_white", None):
            pio.templates.default = name
            ours, theirs = both([{"y": [1]}], {})
            assert ours["layout"].get("template") == theirs["layout"].get("template"), name
    finally:
        pio.templates.default = before
