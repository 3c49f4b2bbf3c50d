"""Hostile and stale links: never an exception or an empty page, always a sentence."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from core.layer.operations import check
from tests.examples import examples
from tests.viz.values import WORDS, all_values
from tests.viz.visit import link_of, opened, sent, values_of, visit, warned
from viz.choices import layer
from viz.features.sweep.params import SweepSettings

NAMES = [param.name for param in SweepSettings.params()]
HOSTILE: dict[str, tuple[dict[str, str], str]] = {
    "too large": ({"stride": "9"}, "`stride` must be from 1 to 8 (got `9`)"),
    "huge": ({"kernel_size": "9" * 5000}, "`kernel_size` must have at most 4000 characters"),
    "many digits": ({"seed": "1" * 3999}, "`seed` must be from 0 to 9999 (got `1111"),
    "negative": ({"padding": "-1"}, "`padding` must be from 0 to 10 (got `-1`)"),
    "a fraction": ({"dilation": "1.5"}, "`dilation` must be a whole number from 1 to 6"),
    "empty": ({"input_height": ""}, "`input_height` must be a whole number from 1 to 64"),
    "not a number": ({"bias": "nan"}, "`bias` must be from -1000 to 1000 (got `nan`)"),
    "infinite": ({"bias": "-inf"}, "`bias` must be from -1000 to 1000 (got `-inf`)"),
    "overflowing": ({"bias": "1e999"}, "`bias` must be from -1000 to 1000"),
    "null": ({"stride": "\x00"}, "`stride` must be a whole number"),
    "unicode": ({"picture": "🖼️\u202e雪"}, "`picture` must be one of "),
    "markup": ({"kernel": "<img src=x onerror=alert(1)>"}, "(got `img src=x onerror=alert(1)`)"),
    "markdown": (
        {"compare": "`](javascript:x) $\\frac{1}{0}$"},
        "(got `(javascript:x) frac{1}{0}`)",
    ),
    "long": ({"operation": "a" * 3999}, f"(got `{'a' * 40}…`)"),
    "an unknown operation": ({"operation": "attention"}, "`operation` must be one of convolution"),
    "an unknown name": ({"paddding": "3"}, "`paddding` is no setting of this page"),
    "a page of its own": ({"page": "../../etc/passwd"}, "`page` is no setting of this page"),
    "a switch": ({"reads": "yes"}, "`reads` must be true or false (got `yes`)"),
    "a pin": ({"pin": "x9"}, "`pin` must be a cell like o3.4 (got `x9`)"),
    "cells": ({"weights": "0.0.0.0:1e9"}, "`weights` must be cells like 0.0.0.0:1.5"),
    "more cells": ({"pixels": "0.0.0:1_;drop table"}, "`pixels` must be cells like 0.0.0:1.5"),
    "two at once": (
        {"stride": "x", "step": "-7"},
        "`stride` must be a whole number from 1 to 8 (got `x`); `step` must be from -1 to 30000",
    ),
}
CONTRADICTIONS: dict[str, tuple[dict[str, str], str]] = {
    "a kernel that does not fit": (
        {"kernel_size": "11", "padding": "0", "input_height": "3"},
        "Set `kernel_size` to 3.",
    ),
    "groups that do not divide": (
        {"groups": "3", "in_channels": "2", "out_channels": "4"},
        "Set `groups` to 2.",
    ),
    "a pool with more padding than kernel": (
        {"operation": "max_pooling", "padding": "10"},
        "Set `padding` to 1.",
    ),
    "'same' with a stride": ({"convention": "torch_same"}, "Set `convention` to number."),
    "an output no screen holds": (
        {
            "operation": "transposed_convolution",
            "stride": "8",
            "input_height": "64",
            "input_width": "64",
        },
        "Set `stride` to 2.",
    ),
    "nothing left of the output": (
        {"operation": "transposed_convolution", "padding": "10", "input_height": "2"},
        "Set `padding` to",
    ),
    "more mirror than picture": (
        {"padding_mode": "reflect", "padding": "9", "input_width": "3"},
        "Set `padding` to 2.",
    ),
    "output padding without room": (
        {"operation": "transposed_convolution", "stride": "1", "output_padding": "7"},
        "Set `output_padding` to 0.",
    ),
    "the second layer": (
        {"compare": "second", "kernel_size_b": "11"},
        "Set `kernel_size` to 10.",
    ),
    "an upload": ({"picture": "upload"}, "a link cannot carry one"),
}


def said(link: dict[str, str]) -> tuple[str, SweepSettings]:
    """What the page says of a link, and the values it ends with, all drawers open."""
    at = visit(**link)
    notes = "\n".join([warned(at), *(info.value for info in at.info)])
    assert all(line["agrees"] for line in sent(at)["frame"]["sizes"])
    values = values_of(at)
    for board in values.layers.values():
        check(layer.layer_spec(board), layer.input_size(board))
    assert link_of(at) == values.query(), "the URL says what is shown"
    opened(at)
    assert values_of(at) == values
    return notes, values


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_read_is_said(name: str) -> None:
    link, sentence = HOSTILE[name]
    notes, values = said(link)
    assert notes.startswith("Part of the link was ignored: ")
    assert sentence in notes
    assert values == SweepSettings()


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_what_does_not_fit_together_is_mended_and_said(name: str) -> None:
    link, sentence = CONTRADICTIONS[name]
    notes, _ = said(link)
    assert sentence in notes
    assert "ignored" not in notes


def test_one_bad_setting_does_not_spoil_the_others() -> None:
    notes, values = said({"stride": "3", "kernel_size": "abc", "picture": "ramp"})
    assert "`kernel_size`" in notes
    assert (values["stride"], values["kernel_size"], values["picture"]) == (3, 3, "ramp")


FEW = examples(25, suppress_health_check=[HealthCheck.too_slow])
NONSENSE = (
    st.text(max_size=30)
    | st.integers(-(10**20), 10**20).map(str)
    | st.floats().map(str)
    | st.sampled_from([*WORDS, "true", "1.5", "0.0.0:1", "0.0.0.0:1", "o1.1", "x" * 5000])
)


@FEW
@given(link=st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=9), NONSENSE, max_size=8))
def test_nonsense_never_empties_the_page(link: dict[str, str]) -> None:
    notes, _ = said(link)
    params = {param.name: param for param in SweepSettings.params()}
    refused = [name for name in link if name not in params]
    for name in link.keys() - set(refused):
        try:
            params[name].parse(link[name])
        except ValueError:
            refused.append(name)
    assert ("Part of the link was ignored" in notes) == bool(refused or _long(link))
    assert notes.count("is no setting of this page") == sum(n not in params for n in link)


def _long(link: dict[str, str]) -> bool:
    return any(len(text) > 4000 for text in link.values())


@FEW
@given(values=all_values())
def test_contradictions_never_empty_the_page(values: SweepSettings) -> None:
    notes, shown = said(values.query())
    assert "ignored" not in notes
    for name in NAMES:
        if shown[name] != values[name]:
            own_name = name.removesuffix("_b")
            assert f"`{own_name}`" in notes or "at their defaults" in notes
