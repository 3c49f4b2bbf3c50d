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
    url_of,
    visit,
)
from tests.viz.html_tables import table_of, tables_of
from viz.page.tables import WAITING


@pytest.fixture(autouse=True)
def rest() -> Iterator[None]:
    """Nothing goes on after a test."""
    yield
    quiet()


def test_stems() -> None:
    app = settled(visit("architectures"))
    (table,) = tables_of(app)
    assert table.row("parameters") == ["9,536", "928", "4,896", "590,592"]
    assert table.row("effective stride (px)") == ["4", "2", "4", "16"]
    assert table.row("receptive field (px)") == ["11", "3", "4", "16"]
    assert table.row("never read (%)") == ["0"] * 4
    assert table.row("output") == ["64×56×56", "32×112×112", "96×56×56", "768×14×14"]
    assert "PyTorch finds the same shapes" in said(app)
    assert not any(WAITING in cell for row in table.rows for cell in row)
    assert any(row[0].startswith("forward (") and row[0].endswith("s)") for row in table.rows)
    assert len(app.get("plotly_chart")) == 1 + 4
    assert url_of(app) == {}


def test_resnets_blocks() -> None:
    app = settled(visit("architectures", view="residual"))
    (table,) = tables_of(app)
    assert table.row("never read (%)") == ["75", "0", "0"]
    assert table.row("pixels without a gradient (%)") == ["75", "0", "0"]
    assert "All give **512×28×28** from **379,392** parameters" in said(app)


@pytest.mark.parametrize("name", others_slow(NAMES))
def test_every_architecture_stage_by_stage(name: str) -> None:
    app = visit("architectures", view="stages", network=name)
    cells = table_of(app).columns["parameters"]
    *stages, total = (int(cell.replace(",", "")) for cell in cells)
    assert total == sum(stages) == TABLE[name].parameters
    assert f"published: {TABLE[name].parameters:,} :material/check:" in said(app)
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
