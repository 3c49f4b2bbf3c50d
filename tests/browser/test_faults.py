"""Faults as an open tab meets them: the server is killed and comes back, the disk is full."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.browser.board import Board, stranger
from tests.browser.conftest import EXCEPTION
from tests.faults.test_full_disk import serving_with_a_full_disk
from tests.faults.test_restart import kill, one_server_after_another
from tests.serving import free_port, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser

AWAY = "[data-test-connection-state]:not([data-test-connection-state=CONNECTED])"
BACK = "[data-test-connection-state=CONNECTED]"
LINK = {"stride": "3", "kernel_size": "5", "picture": "ramp", "pin": "o1.1"}


def test_an_open_tab_comes_back_with_the_state_of_its_link(browser: Browser) -> None:
    port = free_port()
    with one_server_after_another() as servers, stranger(browser) as context:
        first = servers.enter_context(serving(port=port))
        board = Board(context.new_page(), first.url).open(**LINK)
        before = board.press("ArrowRight")
        board.until_link(step=str(before["step"]))
        link, title = board.link, board.title
        kill(first)
        board.page.wait_for_selector(AWAY)
        servers.enter_context(serving(port=port))
        board.page.wait_for_selector(BACK)
        board.at_rest()
        assert (board.link, board.title) == (link, title)
        assert board.state == before
        board.pick("operation", "Max pooling")  # no mere picture of a page: it answers
        board.until_link(**link | {"operation": "max_pooling"})
        assert not board.page.locator(EXCEPTION).count()


@pytest.mark.slow
def test_a_picture_is_uploaded_while_the_disk_is_full(browser: Browser) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (900, 1300, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    assert file.tell() > 3 * 2**20, "more than a web server keeps in memory unasked"
    picture = {"name": "mine.png", "mimeType": "image/png", "buffer": file.getvalue()}
    with serving_with_a_full_disk() as server, stranger(browser) as context:
        board = Board(context.new_page(), server.url).open(picture="upload")
        board.page.get_by_text("Input", exact=True).first.click()
        board.page.locator("[data-testid=stFileUploaderDropzoneInput]").set_input_files(picture)
        board.page.get_by_text("A picture of your own is not loaded").wait_for(state="detached")
        assert not board.page.locator(EXCEPTION).count()
