"""The training lab as a visitor meets it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.training.studies import compare
from tests import polling
from tests.viz.features.training.training_visit import (
    READY,
    RECORDS,
    Server,
    again,
    asked,
    charts,
    labels,
    lines,
    press,
    said,
    table,
    tiny,
    trained,
    until,
    until_done,
    visit,
)
from tests.viz.visit import link_of, open_page, text_of, warned
from viz.choices import lab_store
from viz.choices.lab import TASKS, VARIES
from viz.features.training import compute
from viz.features.training.params import DEFAULT_VARIANTS, TABS, variant_label
from viz.features.training.words import percent
from viz.page import uploads
from viz.server import processes


@pytest.fixture
def server(monkeypatch: Any) -> Server:
    """Trains at once."""
    return Server(monkeypatch, held=False)


@pytest.fixture
def held(monkeypatch: Any) -> Server:
    """Makes a record when it is let."""
    return Server(monkeypatch, held=True)


# --- before anything is trained


def test_nothing_is_trained_before_somebody_asks_for_it(held: Server) -> None:
    at = visit()
    assert "Three nets that differ only in how they downsample, 3 seeds each" in text_of(at)
    assert labels(at).count("Train") == 1
    assert "about 1 min on a core that has nothing else to do, as an estimate" in said(at)
    for name in ("max pooling", "strided convolution", "blurred stride", "55,870", ">45<"):
        assert name in table(at)
    for _ in range(3):
        again(at)
    assert held.begun == []
    assert not lines(at)


@pytest.mark.slow
@pytest.mark.parametrize("vary", VARIES)
def test_everything_can_be_varied(vary: str, server: Server) -> None:
    at = visit(**tiny(vary=vary, variants="", depth=2))
    assert not at.warning
    chosen = at.multiselect(key="training_variants").value
    assert tuple(chosen) == DEFAULT_VARIANTS[vary]
    for value in DEFAULT_VARIANTS[vary]:
        assert variant_label(vary, value) in table(at)
    drawn = {each.key for kind in (at.slider, at.toggle, at.selectbox) for each in kind}
    assert vary not in drawn, "what differs is not among what is the same"


@pytest.mark.parametrize("task", TASKS)
def test_every_task_says_what_is_learned_and_comes_with_its_settings(
    task: str, server: Server
) -> None:
    at = visit()
    at.selectbox(key="task").set_value(task)
    again(at)
    assert link_of(at).get("task", "digits") == task
    if task == "own":
        assert "must be uploaded" in said(at)
        assert "Back to the digits" in labels(at)
        press(at, "Back to the digits")
        assert not at.info
        assert "task" not in link_of(at)
        return
    strips = [h.proto.body for h in at.get("html") if 'class="samples"' in h.proto.body]
    assert strips[0].count("<figure>") == 10, "what is to be learned, where the curves will be"
    assert strips[1].count("<figure>") == (4 if task == "digits" else 3), "and beside the task"
    if task == "long_range":
        assert at.slider(key="depth").value == 5
        assert "outer mark" in strips[0]


def test_variants_are_chosen_and_the_last_one_brings_back_the_usual(server: Server) -> None:
    at = visit(**tiny(variants=""))
    at.multiselect(key="training_variants").set_value(["dilated", "max"])
    again(at)
    assert link_of(at)["variants"] == "dilated,max"
    assert text_of(at).startswith("Two nets")
    at.multiselect(key="training_variants").set_value([])
    again(at)
    assert "variants" not in link_of(at)
    assert tuple(at.multiselect(key="training_variants").value) == DEFAULT_VARIANTS["downsampling"]


def test_another_thing_varied_has_variants_of_its_own(server: Server) -> None:
    at = visit(**tiny(variants="max,dilated"))
    at.selectbox(key="vary").set_value("skips")
    again(at)
    assert "variants" not in link_of(at)
    assert at.slider(key="depth").value == 2, "a level's first convolution cannot be skipped"
    assert not at.warning


def test_back_to_the_defaults(server: Server) -> None:
    at = visit(**tiny(tab="files"))
    press(at, "Reset")
    assert link_of(at) == {"tab": "files"}
    assert "Reset" not in labels(at)


EXTREME = [
    {"variants": "dilated,max_blur,extra_conv,average", "levels": 4, "depth": 1, "width": 4},
    {"vary": "depth", "variants": "6", "levels": 1, "steps": 30, "width": 32, "seeds": 5},
    {"vary": "learning_rate", "variants": "1e-06,10", "optimizer": "sgd", "batch": 256},
    {"task": "long_range", "distance": 14, "noise": 0, "rule": "agree", "head": "center"},
    {"smallest": 32, "largest": 32, "distractors": 4, "seed": 9999, "warm_up": 0},
]


@pytest.mark.parametrize("link", EXTREME, ids=str)
def test_extreme_settings_open(link: dict[str, Any], server: Server) -> None:
    at = visit(**tiny(variants="") | link)
    assert not at.warning
    assert "Train" in labels(at)


HOSTILE = [
    {"variants": "max,max"},
    {"variants": "1,2,3"},
    {"vary": "depth", "variants": "0"},
    {"vary": "skips", "depth": 1},
    {"smallest": 30, "largest": 10},
    {"width": 32, "depth": 6, "levels": 4, "steps": 2000, "seeds": 5, "variants": "dilated"},
    {"warm_up": 500, "steps": 300},
]
IGNORED = [
    {"variants": "a,b,c,d,e"},
    {"variants": "<script>alert(1)</script>"},
    {"digest": "../../etc/passwd"},
    {"seeds": 6},
    {"steps": "1e9"},
    {"unit": "-1.2"},
    {"tab": "nothing"},
    {"learning_rate": "nan"},
]


@pytest.mark.parametrize("link", HOSTILE, ids=str)
def test_what_cannot_be_trained_is_refused_with_a_way_back(
    link: dict[str, Any], server: Server
) -> None:
    at = visit(**link)
    assert " must " in warned(at)
    assert "Train" not in labels(at)
    at.button(key="training_start_over").click()
    again(at)
    assert not at.warning
    assert not link_of(at)


@pytest.mark.parametrize("link", IGNORED, ids=str)
def test_what_is_no_setting_is_ignored_and_told(link: dict[str, Any], server: Server) -> None:
    at = visit(**link)
    assert "Part of the link was ignored" in warned(at)
    assert "Train" in labels(at)


@pytest.mark.parametrize("tab", TABS)
def test_what_is_looked_at_is_kept_inside(tab: str, server: Server) -> None:
    at = visit(**tiny(seed=READY, tab=tab, net=3, at=200, sample=19_999, unit="99.99"))
    assert not at.warning
    assert at.session_state["page:training"]["published_values"]["net"] == 1


def test_images_that_are_not_here_any_more(server: Server) -> None:
    at = visit(task="own", digest="0" * 32)
    assert "uploaded once more" in said(at)
    assert "Train" not in labels(at)


# --- a visitor's own images


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def upload(at: AppTest, data: bytes) -> AppTest:
    at.file_uploader[0].set_value(("images.npz", data, "application/octet-stream"))
    return again(at)


def test_an_upload_is_refused_with_cores_sentence_and_then_accepted(server: Server) -> None:
    at = visit(**tiny(task="own"))
    at = upload(at, npz(pictures=np.zeros(3)))
    assert "These cannot be learned from." in said(at)
    assert "two arrays named images and labels" in said(at)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 3, 12, 10), dtype=np.uint8)
    at = upload(at, npz(images=images, labels=np.arange(40) % 2 + 7))
    assert "These cannot be learned from." not in said(at)
    own = lab_store.uploaded_images(link_of(at)["digest"])
    assert own is not None
    assert own.shape == (3, 12, 10)
    assert [h for h in at.get("html") if 'class="samples"' in h.proto.body]
    at = until_done(press(at, "Train"))
    assert not at.warning
    assert "test accuracy:" in said(at)


@pytest.mark.parametrize("name", ["images.exe", "images", "images.NPZ", "<b>.npz.svg"])
def test_what_an_upload_is_called_decides_nothing(name: str) -> None:
    at = visit(**tiny(task="own"))
    at.file_uploader[0].set_value((name, b"MZ" + bytes(100), "image/svg+xml"))
    assert "must be an undamaged .npz" in said(again(at))
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (40, 9, 9), dtype=np.uint8)
    at.file_uploader[0].set_value((name, npz(images=images, labels=np.arange(40) % 2), ""))
    at = again(at)
    assert "These cannot be learned from." not in said(at)
    assert "digest" in link_of(at)


def test_an_upload_that_is_gone_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the server has dropped it for newer ones of the same visitor."""
    monkeypatch.setattr(uploads.st, "session_state", {"training_upload": object()})
    assert uploads.uploaded_bytes("training_upload") is None


def test_the_largest_upload_is_the_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIDES_UPLOAD_MB", "2")
    at = visit(**tiny(task="own"))
    assert "At most 2 MB." in said(at)
    assert "At most 2 MB." in at.file_uploader[0].help
    at = upload(at, b"PK" + bytes(2 * 2**20))
    assert "must be at most 2 MB" in said(at)


# --- training


def test_trained_to_the_end_for_everybody(server: Server) -> None:
    link = tiny(seed=5)
    at = trained(**link)
    assert not at.warning
    assert "Go on" not in labels(at)
    assert "Train" not in labels(at)
    runs = compute.stored_records(asked(**link))
    assert {key: len(records) for key, records in runs.items()} == {
        (net, 5): RECORDS for net in (0, 1)
    }
    for records in runs.values():
        assert percent(records[-1].snapshot.test_accuracy).removesuffix(" %") in table(at)
    assert {
        "training_test_accuracy",
        "training_loss",
        "training_train_accuracy",
        "training_accuracy",
    } <= charts(at)
    assert "With one seed, test accuracy:" in said(at)
    assert "trained here earlier" not in said(at), "this visit has trained them"
    assert "trained here earlier" in said(again(visit(**link))), "another one has not"
    begun = list(server.begun)
    at = visit(**link)
    assert "Train" not in labels(at), "what one has trained all others see at once"
    assert "training_test_accuracy" in charts(at)
    assert server.begun == begun


@pytest.mark.slow
def test_half_of_it_is_there_and_going_on_begins_where_it_stands(server: Server) -> None:
    trained(**tiny(variants="max", seed=7))
    at = visit(**tiny(variants="max,strided", seed=7))
    assert "Go on" in labels(at)
    assert "is done and stored" in said(at)
    server.begun.clear()
    until_done(press(at, "Go on"))
    assert server.begun == [(1, 0)], "the other one is finished"


def test_stopped_and_gone_on_with(held: Server) -> None:
    link = tiny(seed=8, variants="max")
    at = press(visit(**link), "Train")
    assert lines(at)
    held.go(12)
    until(at, lambda at: any("11 of 30 steps" in line for line in lines(at)))
    press(at, "Stop")
    held.go(1)
    assert "Go on" in labels(at)
    assert not lines(at)
    until(at, lambda _: not held.streams)
    step = compute.stored_records(asked(**link))[0, 8][-1].step
    assert 11 <= step <= 12
    assert "training_loss" in charts(at), "what is done is on show"
    press(at, "Go on")
    held.go()
    until_done(at)
    assert held.begun == [(0, 0), (0, step)]
    found = compute.stored_records(asked(**link))[0, 8]
    whole = [each.record for each in compare(asked(**link).specs, [8])]
    assert list(found) == whole, "as if it had never been stopped"


def test_a_changed_setting_ends_the_training_and_starts_nothing(held: Server) -> None:
    at = press(visit(**tiny(seed=9)), "Train")
    until(at, lambda _: held.streams)
    at.slider(key="width").set_value(5)
    again(at)
    held.go()
    assert "Train" in labels(at)
    until(at, lambda _: not held.streams)
    assert held.begun == [(0, 0), (1, 0)]


def test_leaving_the_page_frees_the_slot(held: Server) -> None:
    at = press(visit(**tiny(seed=10)), "Train")
    until(at, lambda _: held.streams)
    open_page(at, "sizes").run()
    held.go()
    polling.until(lambda: not held.streams)
    assert not all(compute.is_over(asked(**tiny(seed=10)), seed) for seed in (10,))


@pytest.mark.slow
def test_the_place_in_the_queue_is_told(held: Server) -> None:
    one = press(visit(**tiny(seed=11)), "Train")
    until(one, lambda _: held.streams)
    other = press(visit(**tiny(seed=12)), "Train")
    assert "in the queue, 1 training before this one" in lines(other)[0]
    held.go()
    until_done(other)
    until_done(one)


@pytest.mark.slow
def test_a_run_that_cannot_go_on_says_why_and_the_others_end(server: Server) -> None:
    deep = {"levels": 2, "depth": 4, "batch_norm": False, "warm_up": 10, "optimizer": "sgd"}
    at = trained(**tiny(vary="learning_rate", variants="0.01,10") | deep)
    assert "learning rate 10, seed 0: learning_rate must be smaller" in warned(at)
    assert "Go on" not in labels(at)
    accuracies = table(at).partition("test accuracy")[2].partition("</tr>")[0]
    assert accuracies.count("–<") == 1, "the other net has its accuracy"


@pytest.mark.slow
def test_a_worker_that_was_killed_can_be_tried_again(server: Server, monkeypatch: Any) -> None:
    def killed(*args: Any) -> Any:
        raise MemoryError("a worker process was killed")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(processes, "stream", killed)
        at = until_done(press(visit(**tiny(seed=14)), "Train"))
    assert "Seed 14: it needs more memory than is free here" in warned(at)
    until_done(press(at, "Try again"))
    assert not at.warning
    assert "test accuracy:" in said(at)
