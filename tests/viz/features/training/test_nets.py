"""The nets of a comparison as code, as links, and as images."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from core.training import DOWNSAMPLINGS, OPTIMIZERS, OwnImages
from core.training.nets import model
from core.training.text import from_text
from tests.examples import examples
from tests.viz.features.training.training_visit import DEFAULTS, asked
from viz.choices.lab import VARIES
from viz.features.training import nets, samples
from viz.features.training.params import comparison, task_preset

tasks = st.sampled_from(["digits", "long_range"]).map(
    lambda task: {"task": task} | task_preset(task)
)
links: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "vary": st.sampled_from(list(VARIES)),
        "seeds": st.integers(1, 5),
        "depth": st.integers(2, 6),
    },
    optional={
        "downsampling": st.sampled_from(DOWNSAMPLINGS),
        "optimizer": st.sampled_from(OPTIMIZERS),
        "batch_norm": st.booleans(),
        "weight_decay": st.floats(0, 1),
        "distractors": st.integers(0, 4),
        "distance": st.integers(3, 14),
        "head": st.sampled_from(["suited", "average", "center"]),
        "seed": st.integers(0, 9999),
    },
)


@given(tasks, links)
@example({"task": "digits"}, {"vary": "downsampling", "seeds": 2, "seed": 9999})
def test_the_code_makes_the_same_specs(task: dict[str, Any], link: dict[str, Any]) -> None:
    wanted = asked(**task | link)
    shown: dict[str, Any] = {}
    code = nets.training_code(wanted)
    exec(compile(code[: code.index("for net")], "", "exec"), shown)
    first = wanted.seeds[0]
    assert tuple(replace(spec, seed=first) for spec in shown["specs"]) == wanted.specs
    assert f"seeds={list(wanted.seeds)}" in code


def test_the_code_of_ones_own_images_reads_them() -> None:
    images = np.zeros((8, 1, 16, 16), np.float32)
    own = OwnImages("0" * 32, images, np.arange(8) % 2, (0, 1))
    wanted = comparison(DEFAULTS.updated({"task": "own", "digest": own.digest}), own)
    code = nets.training_code(wanted)
    compile(code, "", "exec")
    assert 'task = read_npz(Path("images.npz").read_bytes())' in code


@examples(20)
@given(tasks, links)
def test_the_last_map_is_the_one_before_the_head(
    task: dict[str, Any], link: dict[str, Any]
) -> None:
    import torch

    spec = asked(**task | link).specs[0]
    body = model(spec.net, spec.task, 0).get_submodule("body").eval()
    with torch.inference_mode():
        out = body(torch.zeros(1, *spec.task.shape))
    assert nets.last_map(spec).node.shape == tuple(out.shape)


@given(links, st.integers(0, 2))
def test_links_name_the_run(link: dict[str, Any], net: int) -> None:
    wanted = asked(**link)
    net = min(net, len(wanted.specs) - 1)
    for seed in wanted.seeds:
        for query in nets.page_links(wanted, net, seed).values():
            assert query["network"] == "trained"
            assert from_text(query["run"]) == wanted.run_spec(net, seed)


@pytest.mark.parametrize("channels, mode", [(1, "L"), (2, "L"), (3, "RGB"), (4, "RGB")])
def test_samples_are_shown_as_they_are(channels: int, mode: str) -> None:
    images = np.random.default_rng(0).normal(size=(3, channels, 8, 12)).astype(np.float32)
    html = samples.image_strip(images, ["<b>", "1", "2"], side=16)
    assert "<b>" not in html
    assert html.count("width: 24px; height: 16px") == 3
    files = re.findall(r"base64,([^)]+)\)", html)
    shown = [Image.open(io.BytesIO(base64.b64decode(each))) for each in files]
    assert [(each.mode, each.size) for each in shown] == [(mode, (12, 8))] * 3
    spread = (images - images.min()) / (images.max() - images.min()) * 255
    planes = np.asarray(shown[1]).reshape(8, 12, -1).transpose(2, 0, 1)
    np.testing.assert_allclose(planes, spread[1][: len(planes)], atol=0.51)
