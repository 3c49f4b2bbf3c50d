"""The page "Architectures" as a visitor meets it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.networks.zoo import NAMES, TABLE
from tests.architectures import others_slow
from tests.viz.features.blocks.blocks_visit import (
    again,
    quiet,
    said,
    settled,
    tables,
    url_of,
    visit,
)
from viz.page.tables import WAITING


@pytest.fixture(autouse=True)
def rest() -> Iterator[None]:
    """Nothing goes on after a test."""
    yield
    quiet()


def row(table: str, name: str) -> list[str]:
    """The cells of the row whose name this is."""
    line = next(part for part in table.split("<tr>") if f">{name}</th>" in part)
    return [cell.rsplit(">", 1)[1] for cell in line.split("</td>")[:-1]]


def test_stems() -> None:
    app = settled(visit("architectures"))
    (table,) = tables(app)
    assert row(table, "parameters") == ["9,536", "928", "4,896", "590,592"]
    assert row(table, "effective stride") == ["4 px", "2 px", "4 px", "16 px"]
    assert row(table, "receptive field") == ["11 px", "3 px", "4 px", "16 px"]
    assert row(table, "never read") == ["0 %"] * 4
    assert row(table, "output") == ["64×56×56 ✓", "32×112×112 ✓", "96×56×56 ✓", "768×14×14 ✓"]
    assert WAITING not in table
    assert all("ms" in cell or "µs" in cell or " s" in cell for cell in row(table, "forward"))
    assert len(app.get("plotly_chart")) == 1 + 4
    assert url_of(app) == {}


def test_resnets_blocks() -> None:
    app = settled(visit("architectures", view="residual"))
    (table,) = tables(app)
    assert row(table, "never read") == ["75 %", "0 %", "0 %"]
    assert row(table, "pixels without a gradient") == ["75 %", "0 %", "0 %"]
    assert "All give **512×28×28** from **379,392** parameters" in said(app)


@pytest.mark.parametrize("name", others_slow(NAMES))
def test_every_architecture_stage_by_stage(name: str) -> None:
    app = visit("architectures", view="stages", network=name)
    frame = app.dataframe[0].value
    assert frame["parameters"].iloc[-1] == TABLE[name].parameters
    assert frame["parameters"].iloc[:-1].sum() == TABLE[name].parameters
    assert f"published: {TABLE[name].parameters:,} ✓" in said(app)
    assert not app.warning


def test_nonsense_is_said() -> None:
    app = visit("architectures", view="stages", network="own", picture="x")
    assert "`network`" in app.warning[0].value
    assert "`picture`" in app.warning[0].value


def test_views_keep_their_settings() -> None:
    app = visit("architectures", view="stages", network="vgg16")
    app.selectbox(key="network").set_value("resnet18")
    again(app)
    assert url_of(app) == {"view": "stages", "network": "resnet18"}
