"""The choice of a network: from a link's plain values to something that can be built."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from core.errors import SpecError
from core.networks.notation import parse_notation
from core.networks.zoo import NAMES, TABLE
from core.networks.zoo_lines import NOTATIONS
from core.training.nets import model
from core.training.text import from_text, to_text
from tests.viz.choices.trained_net import STRIDED, shelf
from viz.choices import network as network_state
from viz.choices.network import DEFAULT, MODULE, OWN, TRAINED, Network, NetworkSettings
from viz.features.training import compute, params
from viz.params import MAX_TEXT

PARSE = {param.name: param.parse for param in NetworkSettings.params()}


def values(**changes: Any) -> NetworkSettings:
    assert changes.keys() <= PARSE.keys()
    return NetworkSettings().updated(changes)


def settled(**changes: Any) -> NetworkSettings:
    return network_state.with_suitable_input(values(**changes))


def test_the_defaults_read_back() -> None:
    for param in NetworkSettings.params():
        if param.name != "module":
            assert param.parse(param.format(param.default)) == param.default
    assert len(NOTATIONS[DEFAULT]) < MAX_TEXT


@pytest.mark.parametrize("name", NAMES)
def test_an_architecture_opens_on_its_published_input(name: str) -> None:
    found = settled(network=name, in_channels=7)
    network = network_state.network(found)
    assert network.input_size == TABLE[name].input_size
    assert network == network_state.published_network(name)
    assert network.title == TABLE[name].title
    assert all(parameter.is_meta for parameter in network.build().parameters())


def test_what_a_link_says_of_the_input_stands() -> None:
    found = settled(network="resnet18", input_height=17, in_channels=9)
    assert network_state.network(found).input_size == (3, 17, 224)
    own = settled(network=OWN, input_width=5, in_channels=9)
    assert network_state.network(own).input_size == (9, 64, 5)


@given(st.integers(0, 1024), st.integers(0, 1024), st.sampled_from([*NAMES, OWN]))
def test_settling_twice_changes_nothing(height: int, width: int, name: str) -> None:
    once = settled(network=name, input_height=height, input_width=width)
    assert network_state.with_suitable_input(once) == once
    for param in NetworkSettings.params():
        if param.name != "module":
            assert param.parse(param.format(once[param.name])) == once[param.name]


def test_layers_of_ones_own_are_built() -> None:
    found = settled(network=OWN, layers="conv3 p1 c8, relu", in_channels=5)
    network = network_state.network(found)
    assert network.spec == parse_notation("conv3 p1 c8, relu")
    assert network.title == "These layers"
    assert [tuple(p.shape) for p in network.build().parameters()] == [(8, 5, 3, 3), (8,)]
    assert network.with_image_size(9, 7).input_size == (5, 9, 7)
    assert network.with_image_size(9, 7).spec == network.spec


def test_networks_are_told_apart() -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"network": "vgg16"},
        {"input_width": 65},
        {"network": OWN},
        {"network": OWN, "layers": "conv3"},
        {"network": OWN, "layers": "conv3", "in_channels": 4},
    ]
    networks = {network_state.network(settled(**change)) for change in changes}
    assert len(networks) == len(changes)
    same = settled(layers="conv3", module="a:b"), settled()
    assert network_state.network(same[0]) == network_state.network(same[1])


@pytest.mark.parametrize(
    "name, text",
    [
        ("network", "resnet51"),
        ("network", ""),
        ("network", MODULE),
        ("layers", "conv0"),
        ("layers", "nn.Sequential(nn.ReLU())"),
        ("module", "os"),
        ("module", "os:system('true')"),
        ("module", "a b:c"),
        ("module", "os:system\n"),
        ("in_channels", "0"),
        ("input_height", "1025"),
        ("input_width", "-1"),
    ],
)
def test_what_is_no_value_is_refused(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"must|is no network"):
        PARSE[name](text)


@pytest.mark.parametrize("value, allowed", [("1", True), ("0", False), ("", False)])
def test_modules_by_name_need_the_switch(
    value: str, allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIDES_LOCAL_MODULES", value)
    assert network_state.modules_allowed() == allowed
    assert (MODULE in network_state.network_options()) == allowed
    if allowed:
        assert PARSE["network"](MODULE) == MODULE
    else:
        with pytest.raises(ValueError, match="must be own or an architecture"):
            PARSE["network"](MODULE)


def test_a_module_is_loaded_only_when_it_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIDES_LOCAL_MODULES", "1")
    with pytest.raises(SpecError, match="module must be named"):
        network_state.network(settled(network=MODULE))
    network = network_state.network(settled(network=MODULE, module="torch.nn:Identity"))
    assert isinstance(network.build(), nn.Identity)
    assert network.title == "torch.nn:Identity"
    missing = network_state.network(settled(network=MODULE, module="torch.nn:Nothing"))
    with pytest.raises(SpecError, match="cannot be loaded"):
        missing.build()


def test_every_option_has_words() -> None:
    titles = [
        network_state.network_title(name) for name in [*network_state.network_options(), MODULE]
    ]
    assert len(set(titles)) == len(titles)
    assert network_state.network_options()[-1] == OWN
    assert isinstance(hash(Network("own", parse_notation("relu"), "", (1, 2, 3))), int)


# --- Nets of the training lab ---------------------------------------------------------------------

LAB = {param.name: param for param in params.LabSettings.params()}
RUNS = st.fixed_dictionaries(
    {"depth": st.integers(2, 6)},
    optional={
        "vary": st.just("downsampling"),
        "variants": st.sampled_from(["max", "strided", "dilated", "max_blur"]),
        "levels": st.integers(1, 4),
        "width": st.integers(4, 32),
        "batch_norm": st.booleans(),
        "skips": st.booleans(),
        "optimizer": st.sampled_from(["adamw", "sgd"]),
        "learning_rate": st.sampled_from([1e-6, 0.003, 0.01, 0.5, 10.0]),
        "steps": st.integers(30, 2000),
        "warm_up": st.integers(0, 30),
        "task": st.sampled_from(["digits", "long_range"]),
        "distance": st.integers(3, 14),
        "distractors": st.integers(0, 4),
        "head": st.sampled_from(["suited", "average", "center"]),
        "seed": st.integers(0, 9999),
        "seeds": st.integers(1, 5),
    },
)


@given(RUNS)
def test_a_run_of_the_lab_comes_through_a_link_and_leads_back_to_itself(
    lab: dict[str, Any],
) -> None:
    asked = params.comparison(params.LabSettings().updated(lab))
    for net, seed in ((0, asked.seeds[0]), (len(asked.specs) - 1, asked.seeds[-1])):
        spec = asked.run_spec(net, seed)
        line = PARSE["run"](to_text(spec))
        assert PARSE["run"](line) == line == to_text(spec)
        values, ignored = params.LabSettings.decoded(network_state.training_lab_query(line))
        assert not ignored
        back = params.comparison(values)
        assert [back.run_spec(0, each) for each in back.seeds] == [spec]
        assert len(back.specs) == 1


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "max depth=2 depth=2",
        "max nonsense=1",
        "max depth=99",
        "max seed=10000",
        "max steps=5",
        "max steps=5000",
        "max task=own",
        "max task=own digest=nonsense",
        "max digest=0",
        "<script>alert(1)</script>",
        "max " + "x" * 3000,
        "max=1",
        "max seed=1\n",
        "strided skips=true",
        "\x00",
        " ",
    ],
)
def test_what_no_lab_trains_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no training run|is none of the training lab"):
        PARSE["run"](text)


@given(st.text(max_size=60) | st.from_regex(r"max( [a-z_]{1,9}=[a-z0-9.]{0,4}){0,3}"))
def test_any_text_is_a_run_or_refused_in_a_sentence(text: str) -> None:
    with suppress(ValueError):
        line = PARSE["run"](text)
        assert line == "" or to_text(from_text(line)) == line


def test_how_often_a_run_was_looked_at_makes_no_other_net() -> None:
    assert PARSE["run"]("max seed=2 records=7 erf_draws=3") == "max seed=2"


def test_a_trained_net_takes_what_it_learned_from_and_no_other_input() -> None:
    once = settled(network=TRAINED, run=STRIDED, in_channels=7, input_height=99)
    network = network_state.network(once)
    assert network.input_size == (1, 32, 32)
    assert network.title == "Trained: strided, seed 0, 30 steps"
    assert network == network_state.network(settled(network=TRAINED, run=STRIDED))
    assert network != network_state.network(settled(network=TRAINED, run=f"{STRIDED} seed=1"))
    assert isinstance(hash(network), int)


def test_the_structure_of_a_trained_net_has_no_weights() -> None:
    network = network_state.network(settled(network=TRAINED, run=STRIDED))
    assert network.run is not None
    whole = model(network.run.net, network.run.task, 0)
    shapes = {name: each.shape for name, each in whole.state_dict().items()}
    bare = network.build("meta").state_dict()
    assert {name: each.shape for name, each in bare.items()} == shapes
    assert all(each.is_meta for each in bare.values())


def test_a_run_has_to_be_named() -> None:
    found = settled(network=TRAINED)
    assert found["input_height"] == 32
    network = network_state.network(found)
    assert network.title == "A trained net"
    with pytest.raises(SpecError, match="run must name a run of the training lab"):
        network.build()


def test_a_trained_net_is_offered_only_where_one_is_named() -> None:
    assert TRAINED not in network_state.network_options()
    assert TRAINED in network_state.network_options(trained=True)
    assert network_state.network_title(TRAINED) == "a net from the training lab"


def test_a_net_of_a_visitors_images_needs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf(monkeypatch)
    file = io.BytesIO()
    np.savez(file, images=np.random.default_rng(0).random((24, 9, 8)), labels=np.repeat([3, 8], 12))
    digest = "0" * 32
    line = PARSE["run"](f"max levels=1 task=own digest={digest}")
    with pytest.raises(SpecError, match="images that are not here any more"):
        network_state.network(settled(network=TRAINED, run=line)).build()
    own = compute.store_images(file.getvalue())
    line = PARSE["run"](line.replace(digest, own.digest))
    network = network_state.network(settled(network=TRAINED, run=line))
    assert network.input_size == own.shape
    assert network.run is not None
    assert network.run.task == own
    assert to_text(network.run) == line
    kept = network.run.task.images  # type: ignore[union-attr]
    assert len(kept) == 1, "the images themselves are nothing for a cache to hold on to"
    assert kept.base is None
