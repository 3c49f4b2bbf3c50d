"""A net of the training lab on the pages that look at networks: here, not here, and nonsense."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.viz.choices.trained_net import STRIDED, shelf
from tests.viz.features.erf.erf_visit import requested
from tests.viz.visit import MAIN, open_page, run_until_done
from viz.choices.network_picker import TRAIN
from viz.features.erf import compute
from viz.features.erf import params as erf_state
from viz.features.erf.tabs import measurement_code
from viz.features.fields import params as fields_state
from viz.features.training import params as training_state

LINK = {"network": "trained", "run": STRIDED}
QUERIES: dict[str, dict[str, str]] = {
    "fields": {},
    "erf": {"weights": "as_is", "draws": "1"},
    "shift": {"tab": "network"},
}
TITLE = "Trained: strided, seed 0, 30 steps"
ABSENT = "is not trained on this server"


def visit(page: str, **link: str) -> AppTest:
    """The page, opened by a link, after all that it computes."""
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    open_page(at, page)
    at.query_params.update(link)
    return settled(at)


def again(at: AppTest) -> AppTest:
    """Run the page, which must not fail."""
    at.run()
    assert not at.exception, [each.value for each in at.exception]
    return at


def settled(at: AppTest) -> AppTest:
    """Run the page until nothing is computed any more."""
    return run_until_done(again(at), again)


def said(at: AppTest) -> str:
    kinds = (at.title, at.header, at.markdown, at.caption, at.warning, at.error, at.info)
    return "\n".join(element.value for kind in kinds for element in kind)


def lab_links(at: AppTest) -> list[tuple[str, dict[str, Any]]]:
    """Label and settings of every link to the training lab."""
    protos = [each.proto for each in at.get("page_link")]
    found = [proto for proto in protos if proto.page.endswith("training")]
    queries = [parse_qs(urlsplit(f"?{proto.query_string}").query) for proto in found]
    return [
        (proto.label, {name: text[0] for name, text in query.items()})
        for proto, query in zip(found, queries, strict=True)
    ]


@pytest.mark.parametrize("page", QUERIES)
def test_a_trained_net_is_looked_at(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf(monkeypatch, STRIDED)
    at = visit(page, **LINK, **QUERIES[page])
    assert not at.warning, at.warning[0].value
    assert ABSENT not in said(at)
    assert at.selectbox(key="network").value == "trained"
    assert "a net from the training lab" in at.selectbox(key="network").options
    assert "Learns from handwritten digits, 30 steps of AdamW" in said(at)
    assert "1×32×32" in said(at)
    if page != "shift":
        assert TITLE in said(at)
    assert [label for label, _ in lab_links(at)] == ["Its training"]
    assert dict(at.query_params)["run"] in (STRIDED, [STRIDED])


@pytest.mark.parametrize("page", QUERIES)
def test_a_net_that_is_not_trained_leads_to_the_lab_that_trains_it(
    page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf(monkeypatch)
    at = visit(page, **LINK, **QUERIES[page])
    if page != "fields":  # the windows are the same with any weights
        assert ABSENT in at.warning[0].value
        assert len(lab_links(at)) == 2, "beside the sentence, and in the sidebar"
    links = [query for label, query in lab_links(at) if label == TRAIN]
    assert links
    values, ignored = training_state.LabSettings.decoded(links[0])
    assert not ignored
    found = training_state.comparison(values)
    assert [found.run_spec(0, seed) for seed in found.seeds] == [
        training_state.comparison(values).specs[0]
    ]
    assert found.specs[0].net.downsampling == "strided"
    assert found.specs[0].steps == 30


@pytest.mark.parametrize(
    ("page", "tab"),
    [*(("fields", tab) for tab in fields_state.TABS), *(("erf", tab) for tab in erf_state.TABS)],
)
def test_every_tab_opens(page: str, tab: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf(monkeypatch, STRIDED)
    at = visit(page, **LINK, **QUERIES[page], tab=tab)
    assert not at.warning, at.warning[0].value


def test_weights_that_are_drawn_are_said_to_be_others(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf(monkeypatch, STRIDED)
    at = visit("erf", **LINK, draws="1")
    assert "The trained weights are not used" in said(at)
    next(each for each in at.button if each.label == "Use the trained weights").click()
    at = settled(at)
    assert "not used" not in said(at)
    assert at.selectbox(key="weights").value == "as_is"


@pytest.mark.parametrize("page", QUERIES)
@pytest.mark.parametrize("run", ["nonsense", "max depth=99", "max <script>=1", "max seed=10000"])
def test_a_run_that_is_none_is_ignored_with_a_clause(
    page: str, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf(monkeypatch)
    at = visit(page, network="trained", run=run, **QUERIES[page])
    assert "Part of the link was ignored: `run` is n" in at.warning[0].value
    assert "<script>" not in said(at)
    assert "Run must name a run of the training lab" in said(at)


def test_another_network_can_be_chosen_and_the_trained_one_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shelf(monkeypatch, STRIDED)
    at = visit("fields", **LINK)
    at.selectbox(key="network").set_value("resnet18")
    at = settled(at)
    assert "ResNet-18 on 224×224" in said(at)
    at.selectbox(key="network").set_value("trained")
    assert f"{TITLE} on 32×32" in said(settled(at))


def test_the_code_makes_the_same_map(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf(monkeypatch, STRIDED)
    for weights in ("as_is", "he"):
        asked = requested(**LINK, weights=weights, draws=1)
        erf = compute.work(asked)(lambda *_: True)
        made: dict[str, Any] = {}
        exec(measurement_code(asked, erf).replace("print(erf.sigma)", ""), made)
        np.testing.assert_allclose(made["erf"].map, erf.map, rtol=1e-5)


def test_a_trained_net_has_code_and_no_seed_of_random_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shelf(monkeypatch, STRIDED)
    at = visit("fields", **LINK, tab="code")
    assert any("nn.Conv2d(1, 4, 3, stride=2" in each.value for each in at.code)
    at = visit("shift", **LINK, tab="network")
    assert "draw_seed" not in [each.key for each in at.number_input]
    at = visit("erf", **LINK, **QUERIES["erf"])
    assert "as they were trained" in at.selectbox(key="weights").options


def test_two_trained_nets_are_told_apart_by_the_cone(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf(monkeypatch)
    values = fields_state.FieldSettings().updated(LINK)
    other = values.updated(run=f"{STRIDED} seed=1")
    assert fields_state.cone_identity(values) != fields_state.cone_identity(other)
