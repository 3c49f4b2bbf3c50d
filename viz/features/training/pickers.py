"""Widgets of the training lab's tabs that choose a net, a step and an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.training.spec import TrainingSpec
from viz.choices import network_analysis, unit
from viz.components.cone.cone import cone
from viz.features.training import nets, samples
from viz.features.training.compute import unit_position
from viz.features.training.params import PAGE, LabSettings
from viz.features.training.results import Lab
from viz.page.session import PageState, bind_widget, change_settings, current_settings
from viz.page.widgets import widget

if TYPE_CHECKING:
    from core.training.records import Record

CONE = "training_unit_cone"
"""Key of the cone on which a click chooses a unit."""


def snapshots(records: Sequence[Record]) -> list[Record]:
    """The records that hold an effective field and kernels."""
    return [record for record in records if record.snapshot is not None]


def net_picker(lab: Lab, page: PageState[LabSettings]) -> None:
    """Draw the choice of a net; draws nothing if there is only one."""
    names = lab.comparison.names
    if len(names) > 1:
        widget(page.values, "net", options=dict(enumerate(names)))


def net_and_step(lab: Lab, page: PageState[LabSettings]) -> None:
    """Draw the choices of a net and of a training step."""
    left, right = st.columns(2)
    with left:
        net_picker(lab, page)
    with right:
        snapshot_picker(lab, page)


def snapshot_picker(lab: Lab, page: PageState[LabSettings]) -> None:
    """Draw the choice of a training step among those with a snapshot."""
    steps = lab.comparison.specs[page.values.net].snapshot_steps
    at = page.values.at % len(steps)
    if len(steps) > 1:
        st.select_slider(
            "step of training",
            range(len(steps)),
            format_func=lambda index: f"{steps[index]:,}",
            key=bind_widget("training_at", at, at, steps),
            on_change=_on_step,
            args=(len(steps),),
        )


def _on_step(count: int) -> None:
    """Callback of a chosen step; the last of ``count`` is -1 in the link."""
    index = st.session_state["training_at"]
    change_settings(PAGE, {"at": -1 if index == count - 1 else index})


def sample_picker(page: PageState[LabSettings], count: int) -> None:
    """Draw the choice of a test image."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        widget(page.values, "sample", high=count - 1, width=180)
        for label, icon, step in (
            ("Previous image", "chevron_left", -1),
            ("Next image", "chevron_right", 1),
        ):
            st.button(
                label,
                icon=f":material/{icon}:",
                key=f"training_sample_{step}",
                on_click=_on_sample,
                args=(step, count),
            )


def _on_sample(step: int, count: int) -> None:
    """Callback of the buttons that go to the previous or next of ``count`` test images."""
    change_settings(PAGE, {"sample": (current_settings(PAGE, LabSettings).sample + step) % count})


def unit_picker(page: PageState[LabSettings], grid: tuple[int, int]) -> None:
    """Draw the choice of a unit of the last map, which has ``grid`` (rows, columns)."""
    if page.values.unit != "centre":
        row, column = unit_position(page.values.unit, grid)
        page.values = replace(page.values, unit=f"{row}.{column}")
    unit.unit_control(page.values, grid, label="unit of the last map, {}×{}".format(*grid))


def unit_map(page: PageState[LabSettings], spec: TrainingSpec, image: NDArray[np.float32]) -> None:
    """Draw the cone over one image (C, H, W); a click chooses a unit of the last map."""
    frame = st.expander("Choose the unit on the map", key="training_cone", on_change="rerun")
    if not frame.open:
        return
    network, line = nets.body_network(spec), nets.last_map(spec)
    row, column = unit_position(page.values.unit, line.node.grid)
    with frame:
        cone(
            network_analysis.cone_network(network),
            {"layer": line.node.name, "unit": (row, column), "axis": 1, "down": False,
             "zoom": False, "grid": None},
            title="The net before its head",
            picture=samples.png(samples.gray_levels(image)),
            identity=f"{spec.net} {spec.task.shape}",
            token=f"{row} {column}",
            key=CONE,
            on_view=partial(_on_unit, line.node.name),
        )  # fmt: skip


def _on_unit(layer: str) -> None:
    """Callback of the cone, which adopts a clicked unit if it is one of the last map."""
    choice = unit.cone_view_values(st.session_state[CONE].view)
    if choice and choice["layer"] == layer:
        change_settings(PAGE, {"unit": choice["unit"]})
