"""Widgets of the training lab: what is learned, what differs between the nets, what does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import streamlit as st

from core.errors import SpecError
from core.training.spec import (
    DOWNSAMPLINGS,
    MAX_SEEDS,
    OPTIMIZERS,
    RULES,
    Digits,
    LongRange,
    OwnImages,
)
from viz.choices.lab import OPTIMIZER_WORDS, STEPS, TASKS, VARIES
from viz.features.training import compute, params
from viz.features.training import samples as training_samples
from viz.features.training.params import (
    DEFAULT_VARIANTS,
    DOWNSAMPLING_WORDS,
    MAX_NETS,
    PAGE,
    PARAMS,
    Comparison,
    Values,
    class_names,
    label,
)
from viz.page import uploads
from viz.page.session import change, current, give
from viz.page.words import sentence
from viz.params import defaults
from viz.server.settings import settings

TASK_SAYS = {
    Digits.kind: "1,797 handwritten digits, each at a random place and size on 32×32 pixels.",
    LongRange.kind: (
        "Two marks in noise, some pixels apart. The class depends on the far one, and a unit in "
        "the centre can learn it only if its field reaches there."
    ),
    OwnImages.kind: "An `.npz` file with two arrays, `images` and `labels`.",
}
_UPLOAD_SAYS = (
    "`numpy.savez(file, images=…, labels=…)`: images (N, H, W) or (N, C, H, W), uint8 or float, 8 to "
    "64 pixels a side, at most 4 channels; labels (N,) whole numbers, at least 4 images of each. "
    "At most {megabytes} MB. Kept in this server's memory for a while, never on disk."
)


def upload_says() -> str:
    """What may be uploaded here, in sentences."""
    return _UPLOAD_SAYS.format(megabytes=settings().upload_mb)


RULE_WORDS = {"far": "the far mark's sign", "agree": "whether both signs agree"}
CHOICES: dict[str, Sequence[Any]] = {
    "downsampling": DOWNSAMPLINGS,
    "batch_norm": (True, False),
    "skips": (True, False),
    "levels": (1, 2, 3, 4),
    "depth": (1, 2, 3, 4, 5, 6),
    "width": (4, 6, 8, 12, 16, 24, 32),
    "optimizer": OPTIMIZERS,
    "learning_rate": (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1),
}
"""What is offered of each thing that can differ; a link may name others."""


def sidebar(values: Values, asked: Comparison | None) -> None:
    """All settings.

    Args:
        values: of the page.
        asked: what they ask for; None where that cannot be.
    """
    _task(values)
    if asked is not None:
        short = max(map(len, class_names(asked.task))) < 4
        samples(asked, 4 if short else 3, 46)
    _varied(values)
    with st.container(border=True):
        st.markdown("**The same for all nets**")
        for name, draw in BODY.items():
            if name != values["vary"]:
                draw(values)
    left, right = st.columns(2)
    left.number_input(
        f"steps, {STEPS[0]}–{STEPS[1]:,}", *STEPS, step=30, key=give(values, "steps"),
        help="Updates of the weights, one after every batch. The learning rate falls to 0 over "
        "all of them, so a run with fewer steps is not the beginning of one with more.",
    )  # fmt: skip
    right.number_input(
        f"seeds, 1–{MAX_SEEDS}", 1, MAX_SEEDS, key=give(values, "seeds"),
        help="Every net is trained once for each: other first weights, other batches. How far "
        "the runs differ shows what chance does.",
    )  # fmt: skip
    _more(values)
    plain = defaults(PARAMS, "tab")
    if any(values[name] != default for name, default in plain.items()):
        st.button(
            "Back to the defaults", icon=":material/restart_alt:", width="stretch",
            on_click=change, args=(PAGE, plain),
        )  # fmt: skip


# --- What is learned


def _task(values: Values) -> None:
    st.selectbox(
        "task — what is learned",
        list(TASKS),
        format_func=TASKS.__getitem__,
        key=give(values, "task"),
        on_change=_on_task,
    )
    st.caption(TASK_SAYS[values["task"]])
    _TASK_CONTROLS[values["task"]](values)


def _on_task() -> None:
    """Settings with which the task can be learned."""
    change(PAGE, params.preset(st.session_state["task"]))


def samples(asked: Comparison, count: int, side: int) -> None:
    """What the nets get to see: some images with their labels, ``side`` pixels high."""
    if isinstance(asked.task, OwnImages):
        images, labels = asked.task.images[:count], asked.task.labels[:count]
    else:
        images, labels = compute.test_images(asked, count)
    names = class_names(asked.task)
    st.html(training_samples.strip(images, [names[int(label)] for label in labels], side))


def _digits(values: Values) -> None:
    st.slider("distractors — pieces of other digits, 0–4", 0, 4, key=give(values, "distractors"))


def _marks(values: Values) -> None:
    st.slider("distance — pixels between the marks, 3–14", 3, 14, key=give(values, "distance"))


def _own(values: Values) -> None:
    uploads.uploader(
        "images and labels (.npz)", uploads.ARRAYS, "training_upload", upload_says(), _on_upload
    )
    if refused := st.session_state.get("training_refused"):
        st.error(refused)


def _on_upload() -> None:
    """What was given, or why it cannot be learned from."""
    data = uploads.sent("training_upload")
    st.session_state["training_refused"] = ""
    if data is None:
        return
    try:
        own = compute.hold(data)
    except SpecError as error:
        st.session_state["training_refused"] = f"These cannot be learned from. {sentence(error)}"
    else:
        change(PAGE, {"digest": own.digest, "sample": 0})


_TASK_CONTROLS: dict[str, Callable[[Values], None]] = {
    Digits.kind: _digits,
    LongRange.kind: _marks,
    OwnImages.kind: _own,
}


# --- What differs


def _varied(values: Values) -> None:
    st.selectbox(
        "vary — what differs between the nets",
        list(VARIES),
        format_func=VARIES.__getitem__,
        key=give(values, "vary"),
        on_change=_on_vary,
    )
    vary = values["vary"]
    chosen = DEFAULT_VARIANTS[vary]
    with suppress(SpecError):  # the page says what is wrong
        chosen = params.variants(values)
    st.multiselect(
        f"variants — a net each, up to {MAX_NETS}",
        dict.fromkeys((*CHOICES[vary], *chosen)),
        format_func=lambda value: label(vary, value),
        max_selections=MAX_NETS,
        key=give({"training_variants": list(chosen)}, "training_variants", vary, chosen),
        on_change=_on_variants,
    )


def _on_vary() -> None:
    change(PAGE, params.on_vary(current(PAGE), st.session_state["vary"]))


def _on_variants() -> None:
    """None left: the usual ones."""
    vary = current(PAGE)["vary"]
    chosen = tuple(st.session_state["training_variants"])
    change(PAGE, {"variants": params.variants_text(vary, chosen) if chosen else ""})


# --- What does not


def _downsampling(values: Values) -> None:
    _choice(
        values, "downsampling", "downsampling — how the map is halved", DOWNSAMPLING_WORDS,
        "What stands between two levels; *dilation* halves nothing and spreads the kernels instead.",
    )  # fmt: skip


def _levels(values: Values) -> None:
    st.slider(
        "levels — halvings, 1–4", 1, 4, key=give(values, "levels"),
        help="Each halves the map's sides and doubles its channels.",
    )  # fmt: skip


def _depth(values: Values) -> None:
    st.slider(
        "depth — 3×3 convolutions a level, 1–6", 1, 6, key=give(values, "depth"),
        help="On each of the levels, the first one before any halving.",
    )  # fmt: skip


def _width(values: Values) -> None:
    st.slider(
        "width — channels of the first level, 4–32", 4, 32, key=give(values, "width"),
        help="Twice as many after every halving.",
    )  # fmt: skip


def _batch_norm(values: Values) -> None:
    st.toggle(
        "batch_norm — batch normalisation", key=give(values, "batch_norm"),
        help="After every convolution: mean 0 and variance 1 over the batch, then a learned scale.",
    )  # fmt: skip


def _skips(values: Values) -> None:
    st.toggle(
        "skips — residual shortcuts", key=give(values, "skips"),
        help="A convolution that keeps the channels adds its input to its output. Needs a depth "
        "of at least 2.",
    )  # fmt: skip


BODY: dict[str, Callable[[Values], None]] = {
    "downsampling": _downsampling,
    "levels": _levels,
    "depth": _depth,
    "width": _width,
    "batch_norm": _batch_norm,
    "skips": _skips,
}


def _more(values: Values) -> None:
    """How it is trained, which few change; drawn while it is open."""
    place = st.expander("Optimiser and first seed", key="training_more", on_change="rerun")
    if not place.open:
        return
    with place:
        if values["vary"] != "optimizer":
            _choice(values, "optimizer", "optimizer", OPTIMIZER_WORDS)
        if values["vary"] != "learning_rate":
            _number(values, "learning_rate", "learning_rate — at its highest", 1e-6, 10.0)
            st.caption("Rises over the warm-up, then falls to 0 along half a cosine.")
        _number(values, "weight_decay", "weight_decay, 0–1", 0.0, 1.0)
        st.number_input("batch — images a step, 2–256", 2, 256, key=give(values, "batch"))
        st.number_input(
            f"warm_up — steps, 0–{STEPS[1]:,}", 0, STEPS[1], key=give(values, "warm_up")
        )
        st.number_input("seed — the first one, 0–9999", 0, 9999, key=give(values, "seed"))
        _of_task(values)


def _of_task(values: Values) -> None:
    if values["task"] == Digits.kind:
        st.slider("smallest — side of a digit, 8–32 px", 8, 32, key=give(values, "smallest"))
        st.slider("largest — side of a digit, 8–32 px", 8, 32, key=give(values, "largest"))
    elif values["task"] == LongRange.kind:
        st.slider("noise — standard deviation, 0–1", 0.0, 1.0, step=0.05,
                  key=give(values, "noise"))  # fmt: skip
        _choice(values, "rule", "rule — what is to be told", {n: RULE_WORDS[n] for n in RULES})
    _choice(values, "head", "head — what the scores are read from", HEAD_WORDS)


HEAD_WORDS = {
    "suited": "what suits the task",
    "average": "mean over the map",
    "center": "the unit in the centre",
}


def _choice(
    values: Values, name: str, text: str, options: dict[str, str], note: str | None = None
) -> None:
    st.selectbox(
        text, list(options), format_func=options.__getitem__, key=give(values, name), help=note
    )


def _number(values: Values, name: str, text: str, low: float, high: float) -> None:
    st.number_input(text, low, high, step=0.001, format="%g", key=give(values, name))
