"""Widgets of the training lab's sidebar: the task, what varies between the nets, and the rest."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import streamlit as st

from core.errors import SpecError
from core.training.spec import (
    DOWNSAMPLINGS,
    OPTIMIZERS,
    Digits,
    LongRange,
    OwnImages,
)
from viz.choices.lab import NetSettings
from viz.features.training import compute, params
from viz.features.training import samples as training_samples
from viz.features.training.params import (
    DEFAULT_VARIANTS,
    MAX_NETS,
    PAGE,
    Comparison,
    LabSettings,
    class_names,
    variant_label,
)
from viz.page import uploads
from viz.page.session import bind_widget, change_settings, current_settings
from viz.page.widgets import widget
from viz.page.words import error_sentence
from viz.server.settings import settings

TASK_SAYS = {
    Digits.kind: "1,797 handwritten digits, each at a random place and size on 32×32 pixels.",
    LongRange.kind: (
        "Two marks in noise, one in the center and one some pixels from it. The class depends on "
        "the outer one, and a unit in the center can learn it only if its field reaches there."
    ),
    OwnImages.kind: "An `.npz` file with two arrays, `images` and `labels`.",
}
"""Caption below the choice of the task, by its kind."""
_UPLOAD_RULES = (
    "`numpy.savez(file, images=…, labels=…)`: images (N, H, W) or (N, C, H, W), uint8 or float, 8 to "
    "64 pixels a side, at most 4 channels; labels (N,) whole numbers, at least 4 images of each. "
    "At most {megabytes} MB. The file stays in this server's memory for a while, never on disk."
)
"""Sentences on files that may be uploaded; `upload_rules` fills in the size."""


def upload_rules() -> str:
    """Sentences on the files that may be uploaded here."""
    return _UPLOAD_RULES.format(megabytes=settings().upload_mb)


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
"""Values offered as variants, by the parameter that varies; a link may contain others."""


def sidebar(values: LabSettings, comparison: Comparison | None) -> None:
    """Draw all settings.

    Args:
        values: The page's settings.
        comparison: The nets that they compare; None if that is impossible.
    """
    _task_picker(values)
    if comparison is not None:
        short = max(map(len, class_names(comparison.task))) < 4
        draw_sample_images(comparison, 4 if short else 3, 46)
    _variants_picker(values)
    with st.container(border=True):
        st.markdown("**The same for all nets**")
        for param in NetSettings.params():
            if param.name != values.vary:
                widget(values, param.name)
    left, right = st.columns(2)
    widget(values, "steps", left)
    widget(values, "seeds", right)
    _further_settings(values)
    plain = LabSettings.defaults("tab")
    if any(values[name] != default for name, default in plain.items()):
        st.button(
            "Reset", icon=":material/restart_alt:", width="stretch",
            on_click=change_settings, args=(PAGE, plain),
        )  # fmt: skip


# --- The task


def _task_picker(values: LabSettings) -> None:
    """Draw the choice of the task and its main setting."""
    widget(values, "task", on_change=_on_task)
    st.caption(TASK_SAYS[values.task])
    if values.task == OwnImages.kind:
        _image_upload()
    else:
        widget(values, "distractors" if values.task == Digits.kind else "distance")


def _on_task() -> None:
    """Callback of a chosen task, which brings settings with which it can be learned."""
    change_settings(PAGE, params.task_preset(st.session_state["task"]))


def draw_sample_images(comparison: Comparison, count: int, side: int) -> None:
    """Draw the first ``count`` images with their labels, each ``side`` pixels high."""
    if isinstance(comparison.task, OwnImages):
        images, labels = comparison.task.images[:count], comparison.task.labels[:count]
    else:
        images, labels = compute.test_images(comparison, count)
    names = class_names(comparison.task)
    st.html(training_samples.image_strip(images, [names[int(label)] for label in labels], side))


def _image_upload() -> None:
    """Draw the upload of images, and the reason if the last one was refused."""
    uploads.uploader(
        "images and labels (.npz)", uploads.ARRAYS, "training_upload", upload_rules(), _on_upload
    )
    if refused := st.session_state.get("training_refused"):
        st.error(refused)


def _on_upload() -> None:
    """Callback of an upload, which stores the images or the reason why they cannot be used."""
    data = uploads.uploaded_bytes("training_upload")
    st.session_state["training_refused"] = ""
    if data is None:
        return
    try:
        own = compute.store_images(data)
    except SpecError as error:
        st.session_state["training_refused"] = (
            f"These cannot be learned from. {error_sentence(error)}"
        )
    else:
        change_settings(PAGE, {"digest": own.digest, "sample": 0})


# --- The parameter that varies


def _variants_picker(values: LabSettings) -> None:
    """Draw the choice of the parameter that varies, and of its values."""
    widget(values, "vary", on_change=_on_vary)
    vary = values.vary
    chosen = DEFAULT_VARIANTS[vary]
    with suppress(SpecError):  # the page says what is wrong
        chosen = params.chosen_variants(values)
    st.multiselect(
        f"variants — a net each, up to {MAX_NETS}",
        dict.fromkeys((*CHOICES[vary], *chosen)),
        format_func=lambda value: variant_label(vary, value),
        max_selections=MAX_NETS,
        key=bind_widget("training_variants", list(chosen), vary, chosen),
        on_change=_on_variants,
    )


def _on_vary() -> None:
    """Callback of the choice of the parameter that varies."""
    change_settings(
        PAGE, params.vary_changes(current_settings(PAGE, LabSettings), st.session_state["vary"])
    )


def _on_variants() -> None:
    """Callback of the choice of variants; with none left, the default ones come back."""
    vary = current_settings(PAGE, LabSettings).vary
    chosen = tuple(st.session_state["training_variants"])
    change_settings(PAGE, {"variants": params.variants_text(vary, chosen) if chosen else ""})


# --- Settings that are the same for all nets


def _further_settings(values: LabSettings) -> None:
    """Draw the optimizer's settings, the seed and further ones, while their expander is open."""
    place = st.expander("Optimizer and first seed", key="training_more", on_change="rerun")
    if not place.open:
        return
    with place:
        for name in ("optimizer", "learning_rate"):
            if values.vary != name:
                widget(values, name)
        if values.vary != "learning_rate":
            st.caption("Rises over the warm-up, then falls to 0 along half a cosine.")
        of_task = {Digits.kind: ("smallest", "largest"), LongRange.kind: ("noise", "rule")}
        common = ("weight_decay", "batch", "warm_up", "seed")
        for name in (*common, *of_task.get(values.task, ()), "head"):
            widget(values, name)
