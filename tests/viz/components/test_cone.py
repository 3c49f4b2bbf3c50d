"""The cone's mount: what the browser is sent, and when it must take the view over."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.networks.notation import parse_notation
from tests.viz.features.fields.fields_visit import again, cones, visit
from viz import theme
from viz.choices import network_analysis
from viz.choices.network import OWN, Network, published_network
from viz.components.cone import cone


def test_code_is_fetched_and_data_is_plain_json() -> None:
    at = visit()
    mounted = [each.proto for each in at.get("bidi_component")]
    [proto] = [each for each in mounted if each.component_name == cone.NAME]
    assert (proto.js_source_path, proto.css_source_path) == ("cone/cone.js", "cone/cone.css")
    assert proto.js_content == "", "the code is fetched, not sent with every change of the data"
    assert 'data-testid="cone"' in proto.html_content
    data = cones(at)[0]
    network = network_analysis.cone_network(published_network("four_conv_pool"))
    assert (data["lines"], data["rows"]) == (network["lines"], list(range(9)))
    assert data["palette"]["meanings"] == theme.MEANINGS
    assert data["palette"]["branches"] == list(theme.BRANCHES)
    assert data["title"] == "Four 3×3, each with a 2×2 max-pool on 64×64"


def test_a_link_sets_the_view() -> None:
    link = {"layer": "conv3", "unit": "2.5", "axis": "height", "down": "true", "zoom": "true"}
    (data,) = cones(visit(centres="false", **link))
    assert data["view"] == {
        "layer": "conv3",
        "unit": [2, 5],
        "axis": 0,
        "down": True,
        "zoom": True,
        "grid": False,
    }
    (data,) = cones(visit())
    assert data["view"]["layer"] == "pool4", "without a word, the last feature map"
    assert data["view"]["unit"] is None
    assert data["view"]["grid"] is None, "the centers are drawn where they do not hide the image"


def test_a_modules_name_is_a_layer_too() -> None:
    (data,) = cones(visit(network="resnet18", layer="layer1.0.conv1"))
    assert data["view"]["layer"] == "layer1_0_conv1"


CHANGES: list[tuple[dict[str, Any], bool]] = [
    ({}, False),
    ({"layer": "conv1"}, False),
    ({"picture": "flower"}, False),
    ({"tab": "edit"}, False),
    ({"network": "four_strided"}, True),
    ({"input_width": "65"}, True),
    ({"network": "own"}, True),
]


@pytest.mark.parametrize("link, other", CHANGES, ids=str)
def test_the_identity_follows_the_network(link: dict[str, str], other: bool) -> None:
    assert (cones(visit())[0]["id"] != cones(visit(**link))[0]["id"]) == other


def test_the_token_follows_the_link_and_not_the_cone_itself() -> None:
    at = visit(network="four_strided")
    token = cones(at)[0]["token"]
    at.number_input(key="seed" if "seed" in at.session_state else "input_height").set_value(64)
    assert cones(again(at))[0]["token"] == token
    at.query_params["layer"] = "conv1"
    (data,) = cones(again(at))
    assert data["token"] != token
    assert data["view"]["layer"] == "conv1"


def size_of(network: Network) -> int:
    return len(json.dumps(network_analysis.cone_network(network)))


def test_what_is_sent_stays_small() -> None:
    assert size_of(published_network("resnet152")) < 400_000
    deep = Network(OWN, parse_notation("300x[conv3 p1 c1]"), "", (3, 64, 64))
    assert size_of(deep) < 300_000
