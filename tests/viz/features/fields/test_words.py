"""The sentence above the cone says what is so for the network that is shown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from torch import nn

from core.graph import network_graph
from core.receptive_field import fields_of
from core.receptive_field.measured import MeasuredField
from core.receptive_field.outline import outline
from tests.core.receptive_field.test_bounds import Bounded
from viz.choices import network as network_state
from viz.choices import network_analysis
from viz.choices.network import Network, NetworkSettings
from viz.choices.network_analysis import Analysis
from viz.features.fields import measured
from viz.features.fields.words import headline
from viz.page.words import field_size_text


def network(layers: str, side: int = 32) -> Network:
    return network_state.network(
        NetworkSettings(
            network="own", layers=layers, in_channels=3, input_height=side, input_width=side
        )
    )


def of(layers: str, side: int = 32) -> str:
    return headline(network_analysis.analysis(network(layers, side)))


def bounded() -> Analysis:
    """A network of which only an upper bound is known from its second layer on."""
    found = network_analysis.analysis(network("conv3 p1"))
    graph = network_graph(nn.Sequential(*list(Bounded())[:3]), (3, 32, 32))
    fields = fields_of(graph)
    return replace(found, graph=graph, fields=fields, lines=outline(graph, fields))


SAID = {
    "conv3 c8, conv3 c8, maxpool2, conv3 c8, maxpool2, conv5 c8": (
        28,
        ["The only unit of its last feature map", "sees **28×28** pixels of the image"],
    ),
    "conv3, conv3": (
        32,
        ["A unit of its last", "sees **5×5** pixels of the image", "1 pixel apart"],
    ),
    "conv3 p1, conv37 p18": (32, ["sees **39×39** pixels: its", "more than the image"]),
    "conv3 s8, up8": (32, ["sees **3×3** pixels of the image", "1 pixel apart on average"]),
    "conv3 p1, up2, conv3 p1": (32, ["sees **4×4** pixels of the image", "apart on average"]),
    "convt3 s2": (32, ["sees up to **2×2**"]),
    "conv3, conv3x1 s2x1": (32, ["2 pixels down and 1 pixels across apart"]),
    "conv3, se2, conv3": (
        32,
        ["on every unit depends on the whole image. A unit of the last feature"],
    ),
}


@pytest.mark.parametrize("layers", SAID)
def test_a_headline_is_made_from_what_it_speaks_of(layers: str) -> None:
    side, parts = SAID[layers]
    text = of(layers, side)
    assert all(part in text for part in parts), text
    assert ("up to" in text) == any("up to" in part for part in parts)


def test_a_bound_is_called_at_most_everywhere() -> None:
    found = bounded()
    text = headline(found)
    assert "on a unit may depend on the whole image: an upper bound." in text
    assert [field_size_text(line.field) for line in found.lines][-1] == "at most whole image"
    assert field_size_text(found.deepest.field) == "3"


def test_a_measurement_inside_a_bound_does_not_differ_from_it() -> None:
    line = bounded().lines[-1]
    inside = MeasuredField((3, 3), ((2, 5), (2, 5)), (4, 4), (1, 1), (1, 1))
    text = measured.agreement_sentence(line, inside)
    assert "the closed form gives an upper bound here: " in text
    assert "with all weights positive and means in place of maxima" in text
    exact = network_analysis.analysis(network("conv3, conv3")).lines[-1]
    assert "**The closed form differs.**" in measured.agreement_sentence(exact, inside)
