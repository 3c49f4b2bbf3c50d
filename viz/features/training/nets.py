"""The nets of a comparison as networks of other pages, as Python code, and as links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any

from core.training.spec import OwnImages, TrainingSpec
from core.training.text import to_text
from viz.choices import network_analysis
from viz.choices.network import OWN, Network
from viz.features.training.params import Comparison

if TYPE_CHECKING:
    from core.receptive_field.outline import Line

SWEEP_SIDE = 16
"""Side in pixels of the enlarged digit over which the sweep page moves a kernel."""
MAX_SWEEP_CHANNELS = 4
"""The sweep page takes at most this many channels."""


def body_network(spec: TrainingSpec) -> Network:
    """The layers before the head as a `Network` of other pages, on the task's images."""
    from core.training.nets import layers_before_head

    return Network(OWN, layers_before_head(spec.net), "", spec.task.shape)


def last_map(spec: TrainingSpec) -> Line:
    """Grid and receptive field of the last map before the head."""
    return network_analysis.analysis(body_network(spec)).lines[-1]


def training_code(comparison: Comparison) -> str:
    """Python code that trains the same runs with `core`."""
    kinds = ["Net", type(comparison.task).__name__, "TrainingSpec"]
    imports = [
        f"from core.training import {', '.join(sorted(set(kinds) - {'OwnImages'}))}",
        "from core.training.studies import compare",
    ]
    task = f"task = {_spec_expression(comparison.task)}"
    if isinstance(comparison.task, OwnImages):
        imports = ["from pathlib import Path", "", *imports]
        imports.append("from core.training.uploads import read_npz")
        task = 'task = read_npz(Path("images.npz").read_bytes())'
    specs = [f"    {_spec_expression(spec)}," for spec in comparison.specs]
    return "\n".join(
        [*imports, "", task, "specs = [", *specs, "]",
         f"for net, seed, record in compare(specs, seeds={list(comparison.seeds)}):",
         "    print(net, seed, record.step, record.loss, record.train_accuracy)"]
    )  # fmt: skip


def _spec_expression(spec: Any) -> str:
    """A spec as a Python expression without defaults; its task is the variable ``task``."""
    arguments = []
    for each in fields(spec):
        value = getattr(spec, each.name)
        if each.name == "downsampling":
            arguments.append(repr(value))
        elif each.name == "task":
            arguments.append("task")
        elif each.name == "net":
            arguments.append(_spec_expression(value))
        elif each.name != "seed" and (each.default is MISSING or value != each.default):
            arguments.append(f"{each.name}={value!r}")
    return f"{type(spec).__name__}({', '.join(arguments)})"


def page_links(comparison: Comparison, net: int, seed: int) -> Mapping[str, dict[str, str]]:
    """The link parameters that open a trained net, by page."""
    run = {"network": "trained", "run": to_text(comparison.run_spec(net, seed))}
    return {
        "fields": run,
        "erf": run | {"weights": "as_is"},
        "shift": run | {"tab": "network"},
    }


def sweep_settings(spec: TrainingSpec, kernel: Any, digit: int) -> dict[str, Any]:
    """The sweep page's settings that move one kernel of the first layer over a digit.

    Args:
        spec: The net's run, which decides the stride.
        kernel: (C, 3, 3) the kernel's weights.
        digit: Seed of the sweep page's digit.
    """
    channels = min(len(kernel), MAX_SWEEP_CHANNELS)
    weights = {
        (0, c, row, column): round(float(kernel[c, row, column]), 3)
        for c in range(channels)
        for row in range(3)
        for column in range(3)
    }
    strided = spec.net.downsampling == "strided" and spec.net.depth == 1
    return {
        "operation": "convolution", "kernel_size": 3, "padding": 1, "stride": 2 if strided else 1,
        "picture": "digit", "seed": digit, "input_height": SWEEP_SIDE, "input_width": SWEEP_SIDE,
        "in_channels": channels, "kernel": "identity",
        "weights": "_".join(
            f"{'.'.join(map(str, index))}:{weight:g}" for index, weight in sorted(weights.items())
        ),
    }  # fmt: skip
