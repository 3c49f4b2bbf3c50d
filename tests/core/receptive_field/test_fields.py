"""Closed form against gradient support, published numbers, notes, cones, the command line."""

from __future__ import annotations

import csv
import io
import itertools
import json
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, assume, given
from hypothesis import strategies as st
from torch import nn

from core.errors import SpecError
from core.graph import network_graph
from core.receptive_field import (
    ReceptiveField,
    fields_of,
    measure_receptive_field,
    receptive_fields,
    recurrence,
)
from core.receptive_field.cli import main
from core.receptive_field.measured import LayerProbe
from tests.core.random_networks import CHANNELS, Call, branching, chains, fits, two_branches
from tests.examples import examples

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
many = examples(150, suppress_health_check=list(HealthCheck), deadline=None)
some = examples(75, suppress_health_check=list(HealthCheck), deadline=None)


def last_field(module: nn.Module, size: tuple[int, ...]) -> ReceptiveField:
    return list(fields_of(network_graph(module, size)).values())[-1]


def sizes(module: nn.Module, size: tuple[int, ...], kinds: tuple[str, ...] = ("window",)) -> list:
    return [f.size[1] for f in receptive_fields(module, size).values() if f.kind in kinds]


def check_units(module: nn.Module, size: tuple[int, ...], choice: st.DataObject) -> None:
    """Every unit of a small map, or its border and some others, against the gradient."""
    field = last_field(module, size)
    assert field.kind != "unknown", field.note
    assume(field.exact)
    probe = LayerProbe(module, size, field.name)
    assert probe.grid == field.grid
    units = list(itertools.product(*map(range, field.grid)))
    if len(units) > 12:
        inner = choice.draw(st.lists(st.sampled_from(units), min_size=6, max_size=6))
        units = [*units[:2], *units[-2:], *inner]
    for unit in units:
        assert field.interval(unit).clipped == probe.box(unit), (unit, field.note)


@many
@given(chains(1), st.data())
def test_chains_in_one_dimension_equal_the_gradient(case, data):
    assume(fits(*case))
    check_units(*case, data)


@many
@given(chains(2), st.data())
def test_chains_in_two_dimensions_equal_the_gradient(case, data):
    assume(fits(*case))
    check_units(*case, data)


@some
@given(branching(1), st.data())
def test_branching_graphs_in_one_dimension_equal_the_gradient(case, data):
    assume(fits(*case))
    check_units(*case, data)


@some
@given(branching(2), st.data())
def test_branching_graphs_in_two_dimensions_equal_the_gradient(case, data):
    assume(fits(*case))
    check_units(*case, data)


@many
@given(chains(1, longest=3), st.data())
def test_unclipped_is_what_a_unit_far_from_every_border_sees(case, data):
    module, _ = case
    size = (CHANNELS, 260)
    assume(fits(module, size))
    fields = list(fields_of(network_graph(module, size)).values())
    field = fields[-1]
    # With fewer units in any map none is far from its borders.
    assume(min(each.grid[1] for each in fields) > 20)
    probe = LayerProbe(module, size, field.name)
    for unit in {field.grid[1] // 2, max(0, field.grid[1] // 2 - 1)}:
        box = probe.box((0, unit))
        if box and box[1][0] >= 80 and box[1][1] < 180:
            assert field.interval(unit).unclipped == box
            path = field.axes[1].paths[0]
            if path.period == 1:
                start = unit * field.effective_stride[1] - field.effective_padding[1]
                assert box[1] == (start, start + field.size[1] - 1)
                assert field.center[1] + unit * field.effective_stride[1] == sum(box[1]) / 2


@some
@given(two_branches())
def test_alignment_is_that_of_the_measured_centres(module):
    size = (CHANNELS, 90)
    assume(fits(module, size))
    graph = network_graph(module, size)
    left, right = (LayerProbe(module, size, name) for name in graph["add"].inputs)
    pairs = [(left.box((0, u)), right.box((0, u))) for u in range(graph["add"].grid[1])]
    inner = [
        (sum(a[1]), sum(b[1]))
        for a, b in pairs
        if a and b and min(a[1][0], b[1][0]) > 12 and max(a[1][1], b[1][1]) < 77
    ]
    assume(len(inner) >= 10)
    field = fields_of(graph)["add"]
    assert field.aligned == all(a == b for a, b in inner)
    assert ("not aligned" in field.note) == (not field.aligned)


def test_published_numbers():
    strided = nn.Sequential(*(nn.Conv2d(3, 3, 3, 2) for _ in range(4)))
    assert sizes(strided, (3, 64, 64)) == [3, 7, 15, 31]
    pairs = [layer for _ in range(4) for layer in (nn.Conv2d(3, 3, 3, padding=1), nn.MaxPool2d(2))]
    assert sizes(nn.Sequential(*pairs), (3, 64, 64)) == [3, 4, 8, 10, 18, 22, 38, 46]
    dilated = nn.Sequential(*(nn.Conv1d(3, 3, 3, dilation=2**i, padding=2**i) for i in range(5)))
    assert sizes(dilated, (3, 64))[-1] == 63


class Same(nn.Conv2d):
    """TF SAME with stride 2: padding made from the input's size."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        need = [max((-(n // -2) - 1) * 2 + 3 - n, 0) for n in x.shape[2:]]
        (h, w) = need
        return F.conv2d(F.pad(x, (w // 2, w - w // 2, h // 2, h - h // 2)), self.weight, stride=2)


class Excited(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        return x * self.fc(x.mean((2, 3))).sigmoid()[:, :, None, None]


def attention(x: torch.Tensor) -> torch.Tensor:
    tokens = x.flatten(2).transpose(1, 2)
    return (tokens @ tokens.mT).softmax(-1) @ tokens


NOTED = {
    "global pooling": nn.AdaptiveAvgPool2d(1),
    "fully connected over space": nn.Sequential(nn.Flatten(), nn.Linear(3 * 81, 4)),
    "mean over space": Call(lambda x: x.mean((2, 3)), "mean"),
    "mean over space ": Excited(),
    "matrix product over space": Call(attention, "attention"),
    "attention": Call(lambda x: F.scaled_dot_product_attention(*[x.flatten(2).mT] * 3), "sdpa"),
    "attention ": Call(lambda x: nn.MultiheadAttention(3, 1)(*[x.flatten(2)[0].T] * 3)[0], "mha"),
    "cat mixes the image axes": Call(
        lambda x: torch.cat([torch.zeros(1, 3, 1), x.flatten(2)], 2), "class token"
    ),
    "softmax over space": Call(lambda x: x.flatten(2).softmax(2), "softmax"),
    "statistics over space": nn.InstanceNorm2d(3),
    "statistics over space ": nn.BatchNorm2d(3, track_running_stats=False),
}


@pytest.mark.parametrize("note", NOTED)
def test_global_operations_see_the_whole_image(note: str):
    field = list(receptive_fields(NOTED[note], (3, 9, 9)).values())[-1]
    assert f"whole image: {note.strip()}" in field.note
    assert (field.size, field.interval((0, 0)).clipped) == ((9, 9), ((0, 8), (0, 8)))


LOCAL = {
    "batch norm": nn.BatchNorm2d(3),
    "layer norm over channels": Call(
        lambda x: F.layer_norm(x.permute(0, 2, 3, 1), (3,)).permute(0, 3, 1, 2), "ln"
    ),
    "softmax over channels": nn.Softmax2d(),
    "linear over channels": Call(lambda x: F.linear(x.movedim(1, -1), torch.ones(3, 3)), "1x1"),
    "einsum": Call(lambda x: torch.einsum("bchw,cd->bdhw", x, torch.ones(3, 2)), "einsum"),
    "channel shuffle": Call(lambda x: x.view(1, 3, 1, 9, 9).transpose(1, 2).reshape(x.shape), "cs"),
    "glu": Call(lambda x: F.glu(torch.cat([x, x], 1), 1), "glu"),
    "tokens and back": Call(lambda x: x.flatten(2).mT.mT.unflatten(2, (9, 9)), "tokens"),
}


@pytest.mark.parametrize("name", LOCAL)
def test_what_mixes_channels_only_passes_through(name: str):
    field = list(receptive_fields(LOCAL[name], (3, 9, 9)).values())[-1]
    assert (field.size, field.note, field.grid) == ((1, 1), "", (9, 9))


def test_mixing_along_one_axis_is_global_along_that_axis_only():
    strip = nn.Sequential(nn.Conv2d(3, 3, 3), Call(lambda x: x + x.mean(3, keepdim=True), "strip"))
    field = list(receptive_fields(strip, (3, 9, 9)).values())[-1]
    assert field.size == (3, 9)


def test_window_attention_written_with_views_stays_in_its_windows():
    def windows(x: torch.Tensor) -> torch.Tensor:
        cut = x.permute(0, 2, 3, 1).reshape(1, 3, 4, 3, 4, 3).transpose(2, 3).reshape(9, 16, 3)
        mixed = F.scaled_dot_product_attention(cut, cut, cut)
        return mixed.view(1, 3, 3, 4, 4, 3).transpose(2, 3).reshape(1, 12, 12, 3)

    field = list(receptive_fields(Call(windows, "windows"), (3, 12, 12)).values())[-1]
    assert (field.size, field.grid) == ((4, 4), (12, 12))
    assert field.interval((5, 11)).clipped == ((4, 7), (8, 11))


def test_dependence_on_phase_size_and_alignment_is_told_with_its_range():
    up = nn.Sequential(nn.ConvTranspose2d(3, 3, 2, 2), nn.Conv2d(3, 3, 3, padding=1))
    field = receptive_fields(up, (3, 9, 9))["_1"]
    assert (field.size, field.effective_stride) == ((2, 2), (0.5, 0.5))
    assert "height depends on the output phase: always 2 px" in field.note
    up[1] = nn.Conv2d(3, 3, 2)
    assert "output phase: 1 to 2 px" in receptive_fields(up, (3, 9, 9))["_1"].note
    same = receptive_fields(Same(3, 3, 3), (3, 9, 9))["conv2d"]
    assert "height's effective padding 0 to 1" in same.note
    assert (
        "input size"
        in receptive_fields(nn.AdaptiveAvgPool2d(3), (3, 9, 9))["adaptive_avg_pool2d"].note
    )
    shifted = Call(lambda x: F.avg_pool2d(x, 2, 1) + x[..., 1:, 1:], "shifted")
    assert "centers up to 0.5 px apart" in receptive_fields(shifted, (3, 9, 9))["add"].note
    mixed = Call(lambda x: F.avg_pool2d(x, 2) + x[..., :4, :4], "mixed")
    field = receptive_fields(mixed, (3, 9, 9))["add"]
    assert not field.aligned
    assert "effective strides 2 and 1" in field.note
    assert "wraps around" in receptive_fields(nn.CircularPad2d(1), (3, 9, 9))["pad"].note


def test_a_size_that_follows_the_input_is_no_fixed_size():
    def doubled(x: torch.Tensor) -> torch.Tensor:
        return F.interpolate(x, size=[2 * n for n in x.shape[-2:]])

    for follows in (doubled, lambda x: x + F.interpolate(x, size=x.shape[-2:])):
        field = list(receptive_fields(Call(follows, "resized"), (3, 16, 16)).values())[-1]
        assert "input size" not in field.note
    fixed = Call(lambda x: F.interpolate(x, size=(8, 8)), "resized")
    field = list(receptive_fields(fixed, (3, 16, 16)).values())[-1]
    assert "resized to a fixed size" in field.note
    assert "effective stride 2 to 2.375" in field.note


def test_units_that_see_nothing():
    holes = nn.Sequential(nn.ConvTranspose2d(3, 3, 1, 2), nn.ReLU())
    field = receptive_fields(holes, (3, 9, 9))["_1"]
    assert field.interval((0, 1)) == (None, None)
    assert "0 to 1 px" in field.note
    blind = receptive_fields(nn.Conv1d(3, 3, 2, padding=3), (3, 9))["conv1d"]
    assert blind.interval(0).clipped is None
    assert blind.interval(0).unclipped == ((0, 0), (-3, -2))
    with pytest.raises(SpecError, match="must lie in the 1×14 units"):
        blind.interval(14)


def test_the_cone_of_a_unit_and_what_depends_on_it():
    module = nn.Sequential(nn.Conv2d(3, 3, 3, 2, 1), nn.Conv2d(3, 3, 3, padding=1), nn.ReLU())
    fields = receptive_fields(module, (3, 9, 9))
    cone = fields["_2"].ancestors((0, 2))
    image = next(iter(fields))
    assert list(cone) == [image, "_0", "_1", "_2"]
    assert cone["_0"] == ((0, 1), (1, 3))
    assert cone[image] == fields["_2"].interval((0, 2)).clipped == ((0, 3), (1, 7))
    heirs = fields[image].descendants((0, 0))
    assert (heirs["_0"], heirs["_1"]) == (((0, 0), (0, 0)), ((0, 1), (0, 1)))


@some
@given(branching(1), st.data())
def test_ancestors_and_descendants_are_each_others_inverse(case, data):
    module, size = case
    assume(fits(module, size))
    fields = fields_of(network_graph(module, size))
    last, first = list(fields.values())[-1], next(iter(fields.values()))
    unit = data.draw(st.integers(0, last.grid[1] - 1))
    if last.kind == "global":
        return
    box = last.ancestors((0, unit)).get(first.name)
    assert box == last.interval((0, unit)).clipped
    for end in box.cols if box else ():
        assert last.name in first.descendants((0, end))


def test_recurrence_is_the_textbook_one():
    module = nn.Sequential(nn.Conv2d(3, 3, 7, 2, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
    fields = receptive_fields(module, (3, 32, 32))
    lines = [str(step) for step in recurrence(fields, "_2")]
    assert lines == [
        "_0: r = 1 + (7 − 1)·1 = 7, j = 1·2 = 2",
        "_2: r = 7 + (3 − 1)·2 = 11, j = 2·2 = 4",
    ]
    with pytest.raises(SpecError):
        recurrence(fields, "nobody")


def test_a_field_too_wide_is_refused():
    with pytest.raises(SpecError, match=r"beyond 2\^40"):
        receptive_fields(nn.Conv1d(3, 3, 3, dilation=2**40, padding=2**40), (3, 9))


def test_antialiased_resizing_and_units_read_through_normalisations():
    shrink = Call(lambda x: F.interpolate(x, (4, 3), mode="bilinear", antialias=True), "shrink")
    for module in (shrink, nn.LayerNorm([10, 10]), nn.Softmax(2), nn.GroupNorm(1, 3)):
        field, size = last_field(module, (3, 10, 10)), (3, 10, 10)
        probe = LayerProbe(module, size, field.name)
        for unit in itertools.product(*map(range, field.grid)):
            assert field.interval(unit).clipped == probe.box(unit)


@pytest.mark.slow
def test_ten_thousand_layers():
    layer = nn.Conv2d(3, 3, 3, padding=1)
    module = nn.Sequential(*(layer for _ in range(10_000)))
    field = list(receptive_fields(module, (3, 32, 32)).values())[-1]
    assert (field.size, field.interval((3, 3)).clipped) == ((20_001,) * 2, ((0, 31),) * 2)


class ByValue(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 5, 2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x) if x.mean() > -1e9 else x


def test_measuring_works_where_tracing_does_not():
    found = measure_receptive_field(ByValue(), (3, 32, 32), "conv", (0, 3))
    assert found.box == ((0, 2), (4, 8))
    assert (found.size, found.effective_stride, found.effective_padding) == ((5, 5), (2, 2), (2, 2))


def test_measuring_survives_depth_zeros_and_saturation_and_leaves_the_module_alone():
    gates = [nn.BatchNorm1d(2), nn.ReLU6(True), nn.Sigmoid()]
    pairs = (nn.Sequential(nn.Conv1d(2, 2, 3, padding=1), *gates) for _ in range(400))
    module = nn.Sequential(*pairs).train()
    before = [p.clone() for p in module.parameters()]
    found = LayerProbe(module, (2, 900), "399.0")
    assert found.box((0, 450)) == ((0, 0), (50, 850))
    assert module.training
    assert all(torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True))


@pytest.mark.parametrize(
    "layer, unit, budget, sentence",
    [
        ("nobody", None, 10**9, "layer must be"),
        ("0", (40, 0), 10**9, "unit must lie"),
        ("0", None, 10, r"max_flops must be at least 3.3e\+04 for 0"),
    ],
)
def test_measuring_refuses_with_a_sentence(layer, unit, budget, sentence):
    module = nn.Sequential(nn.Conv2d(3, 3, 3))
    with pytest.raises(SpecError, match=sentence):
        measure_receptive_field(module, (3, 16, 16), layer, unit, budget)


def test_the_command_line(capsys: pytest.CaptureFixture[str]):
    name = "torch.nn:Identity"
    main([name, "--input", "3,8,8", "--csv"])
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out.strip()))
    assert (row["output"], row["size"], row["aligned"]) == ("3×8×8", "1", "yes")
    main([name, "--input", "3,8,8", "--json"])
    (data,) = json.loads(capsys.readouterr().out)
    assert data["paths"][0] == [
        {"period": 1, "advance": 1, "spans": [[0, 0]], "since": [None, None]}
    ]
    main([name, "--input", "3,8,8"])
    assert capsys.readouterr().out.startswith("node")
    for wrong in (
        ["os:nobody", "--input", "3,8,8"],
        ["os:getcwd", "--input", "3,8,8"],
        [name, "--input", "x"],
    ):
        with pytest.raises(SystemExit):
            main(wrong)
        assert "Traceback" not in capsys.readouterr().err


def test_the_command_line_runs_as_a_module():
    command = [sys.executable, "-m", "core.receptive_field", "torch.nn:ReLU", "--input", "3,8,8"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "relu" in done.stdout
