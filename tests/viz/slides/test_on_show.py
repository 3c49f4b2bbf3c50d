"""What the pages hand to the menu for slides: the pictures on show, that of the open tab first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.viz.visit import MAIN, open_page
from viz.features.blocks import tabs as blocks_tabs
from viz.features.erf import tabs as erf_tabs
from viz.features.gradients import tabs as gradients_tabs
from viz.features.shift import tabs as shift_tabs
from viz.page import progress
from viz.slides.style import Picture

TABS = (blocks_tabs, erf_tabs, gradients_tabs, shift_tabs)
OWN = {"compare": "own", "a": "conv3 s2 p1 c4", "b": "maxpool2", "batch": 1, "in_channels": 3}


@pytest.mark.parametrize(
    "page, query, names",
    [
        ("erf", {"layers": "2x[conv3 p1 c2, relu]", "draws": 1, "tab": "energy"}, "map sections"),
        (
            "erf",
            {"layers": "conv3 p1 c2", "draws": 1, "tab": "compare", "compare": "units"},
            "variants map",
        ),
        ("blocks", OWN | {"tab": "pictures"}, "gradients maps facts"),
        ("blocks", OWN | {"tab": "cost"}, "times memory facts"),
        ("blocks", OWN | {"tab": "properties"}, "properties facts"),
        ("gradients", {"tab": "numbers"}, "layers"),
        ("gradients", {"tab": "counts"}, "counts layers"),
        ("gradients", {"tab": "back"}, "backward layers"),
        ("gradients", {"tab": "depth", "depth": 5, "levels": 1, "draws": 8}, "flow dead layers"),
        ("shift", {"side": 48}, "convolution max_pooling average_pooling film_convolution"),
        ("shift", {"side": 48, "tab": "curve"}, "curve"),
        ("shift", {"side": 48, "tab": "spectra"}, "spectra folded"),
        ("shift", {"tab": "network", "layers": "conv3 s2 p1 c4"}, "network network_curve"),
    ],
)
def test_the_pictures_on_show(
    page: str, query: dict[str, Any], names: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered: list[Sequence[Picture]] = []

    def menu(name: str, pictures: Sequence[Picture], settings: str) -> None:
        assert name == page
        assert settings
        offered.append(pictures)

    def at_once(slot: str, works: Any, draw: Any) -> Any:
        views = {
            key: progress.View("done", result=work(lambda *told: True))
            for key, work in works.items()
        }
        draw(views)
        return views

    for tabs in TABS:
        monkeypatch.setattr(tabs, "save_menu", menu)
    monkeypatch.setattr(progress, "request_and_draw", at_once)
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    open_page(at, page)
    small = {"input_height": 16, "input_width": 16}
    at.query_params.update({name: str(value) for name, value in (small | query).items()})
    at.run()
    assert not at.exception
    found = [picture.name for picture in offered[-1]]
    assert found[: len(names.split())] == names.split()
