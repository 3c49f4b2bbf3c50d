"""A journey in Firefox: every page opens, the player plays, keys work, a typed weight counts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.browser.conftest import EXCEPTION, go_without
from tests.browser.firefox.bidi import Firefox, firefox
from viz.pages import PAGES

COMPLETE = (
    "!!find('[data-test-script-state=notRunning]') && !find('[data-testid=stSkeleton]')"
    " && !!find('[data-testid=stMain] h1, [data-testid=sweep-player][data-ready=true] h1')"
    " && !find('[data-testid=cone]:empty, .keys:not([data-ready]), .spoken:empty')"
)
"""Whether the script has run and all components are there: a page that is left earlier complains."""
STATE = "JSON.parse(find('[data-testid=sweep-player]').dataset.state)"
LEFT = "disconnected from server"
"""Part of what Streamlit's browser code says when a page is left while it has something to send."""
INK = """(() => {
  const canvas = find('.stage canvas.still');
  const bytes = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(new Uint32Array(bytes.buffer)).size;
})()"""
"""Number of different colors in the picture of the board."""
CELL = "find('.stage input')"


@pytest.fixture(scope="module")
def visitor() -> Iterator[Firefox]:
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    if path is None:
        go_without("Firefox")
    pytest.importorskip("websockets")
    with firefox(path) as tab:
        yield tab


@pytest.fixture(autouse=True)
def no_complaints(visitor: Firefox) -> Iterator[None]:
    visitor.complaints.clear()
    yield
    assert not [said for said in visitor.complaints if LEFT not in said]


def test_every_page_opens(app_url: str, visitor: Firefox) -> None:
    for page in PAGES:
        visitor.open(
            f"{app_url}/?page={page.name}" if page is PAGES[0] else f"{app_url}/{page.name}"
        )
        visitor.until(COMPLETE)
        assert not visitor.evaluate(f"!!find('{EXCEPTION}')"), page.name
        main = "find('[data-testid=stMain]')"
        assert visitor.evaluate(f"{main}.scrollWidth - {main}.clientWidth") <= 0, page.name


def test_the_player_draws_plays_and_follows_the_keys(app_url: str, visitor: Firefox) -> None:
    visitor.open(app_url)
    visitor.until(COMPLETE)
    assert visitor.until(INK) > 10, "the board is drawn"
    visitor.evaluate("find('.stage').focus() ?? true")
    visitor.press("Home")
    visitor.until(f"{STATE}.step === 0")
    visitor.press("Right")
    visitor.until(f"{STATE}.step === 1")
    visitor.press(" ")
    visitor.until(f"{STATE}.step > 1")
    visitor.press(" ")


def test_a_typed_weight_is_in_the_link(app_url: str, visitor: Firefox) -> None:
    visitor.open(app_url)
    visitor.until(COMPLETE)
    visitor.evaluate("find('.stage').focus() ?? true")
    visitor.press("Home", "k", "Enter")
    visitor.until(f"!!{CELL}")
    visitor.evaluate(f"({CELL}.select(), true)")
    visitor.press("7", "Enter")
    visitor.until("location.search.includes('7')")
    visitor.until(COMPLETE)
