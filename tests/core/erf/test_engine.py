"""The engine's manners: what it is asked, what it tells, what it refuses, what it leaves alone."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import torch
from torch import nn

from core.erf import METRICS, Stopped, effective_receptive_field
from core.erf.cli import main
from core.errors import SpecError
from tests.core.calls import Calls
from tests.core.erf_oracle import on_the_image, plain_gradient, stack

SIZE = (3, 40, 40)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(inplace=True),
        nn.Conv2d(6, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU(), nn.Dropout(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5),
    )  # fmt: skip


class Watched:
    """A network in a state that nobody would restore by chance."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.net = network().train()
        self.net[4].eval()
        self.net[3].requires_grad_(False)
        for layer in (self.net, self.net[0], self.net[3]):
            layer.register_forward_hook(lambda *_: self.calls.append("forward"))
            layer.register_forward_pre_hook(lambda *_: self.calls.append("before"))
            layer.register_full_backward_hook(lambda *_: self.calls.append("backward"))
        self.net(torch.randn(2, *SIZE)).sum().backward()
        self.calls.clear()
        self.kept = self.state()

    def state(self) -> tuple:
        parameters = dict(self.net.named_parameters())
        return (
            {name: tensor.clone() for name, tensor in self.net.state_dict().items()},
            {n: None if p.grad is None else p.grad.clone() for n, p in parameters.items()},
            {n: (id(p), p.data_ptr(), p.requires_grad) for n, p in parameters.items()},
            [(id(m), m.training, list(m._forward_hooks)) for m in self.net.modules()],
            [(list(m._forward_pre_hooks), list(m._backward_hooks)) for m in self.net.modules()],
            [sorted(vars(m)) for m in self.net.modules()],
            [getattr(m, "inplace", None) for m in self.net.modules()],
        )

    def check(self) -> None:
        now = self.state()
        for before, after in zip(self.kept[:2], now[:2], strict=True):
            assert before.keys() == after.keys()
            for name, tensor in before.items():
                assert tensor is after[name] is None or torch.equal(tensor, after[name])
        assert self.kept[2:] == now[2:]
        assert self.calls == []


@pytest.mark.parametrize("weights", ["as_is", "he", "xavier", "orthogonal", "uniform"])
@pytest.mark.parametrize("bf16", [False, True])
def test_the_module_comes_back_untouched(weights, bf16):
    watched = Watched()
    effective_receptive_field(watched.net, SIZE, draws=2, weights=weights, bf16=bf16)
    watched.check()


def test_the_module_comes_back_untouched_after_errors_and_stops():
    watched = Watched()
    with pytest.raises(SpecError):
        effective_receptive_field(watched.net, SIZE, layer="nowhere")
    watched.net[0].bias.data.fill_(-1e9)
    watched.kept = watched.state()
    with pytest.raises(SpecError, match="exactly 0"):
        effective_receptive_field(watched.net, SIZE, layer="2")
    watched.check()
    watched = Watched()
    asked = {"draws": 40, "weights": "he"}
    with pytest.raises(Stopped):
        effective_receptive_field(watched.net, SIZE, progress=lambda report: False, **asked)
    with pytest.raises(ZeroDivisionError):
        effective_receptive_field(watched.net, SIZE, progress=lambda report: 1 // 0, **asked)
    watched.check()


def test_a_stop_keeps_the_draws_done():
    seen = []

    def report(progress):
        seen.append(progress)
        return progress.done < 8

    with pytest.raises(Stopped, match="after 8 of 40") as stopped:
        effective_receptive_field(stack(3), SIZE, draws=40, weights="he", progress=report)
    partial = stopped.value.partial
    assert [progress.done for progress in seen] == [4, 8]
    assert partial.convergence[-1].draws == 8
    eight = effective_receptive_field(stack(3), SIZE, draws=8, weights="he")
    assert np.array_equal(partial.map, eight.map)


def test_progress_ends_with_the_result_and_a_late_stop_is_no_stop():
    seen = []
    result = effective_receptive_field(
        stack(4), SIZE, draws=10, weights="he", progress=lambda p: seen.append(p) or p.done < 10
    )
    assert [p.done for p in seen] == [4, 8, 10]
    assert all(p.total == 10 for p in seen)
    assert np.array_equal(seen[-1].partial.map, result.map)
    assert [point.draws for point in result.convergence] == [1, 2, 4, 8, 10]
    assert seen[-1].convergence == result.convergence[-1]


def test_more_draws_settle_the_map():
    result = effective_receptive_field(stack(4), SIZE, draws=256)
    differences = [point.difference for point in result.convergence]
    assert np.isnan(differences[0])
    assert differences[-1] < differences[3] / 2
    assert 0 <= min(differences[1:]) <= max(differences[1:]) <= 1


@pytest.mark.parametrize("weights", ["as_is", "he", "orthogonal"])
def test_a_seed_gives_the_same_bits_and_another_seed_others(weights):
    net = network()
    maps = [
        effective_receptive_field(net, SIZE, weights=weights, draws=6, seed=seed, device="cpu").map
        for seed in (3, 3, 4)
    ]
    assert np.array_equal(maps[0], maps[1])
    assert not np.array_equal(maps[0], maps[2])


def test_the_caller_s_generator_and_modes_are_left_alone():
    net = network()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        one = effective_receptive_field(net, SIZE, weights="he")
        assert not torch.is_grad_enabled()
    with torch.inference_mode():
        other = effective_receptive_field(net, SIZE, weights="he")
    assert torch.equal(before, torch.get_rng_state())
    assert np.array_equal(one.map, other.map)
    assert np.array_equal(one.map, effective_receptive_field(net, SIZE, weights="he").map)


def test_chunks_change_nothing_but_the_time():
    net = network()
    large = effective_receptive_field(net, SIZE, draws=12)
    least = next(b for b in range(10**4, 10**8, 10**5) if _fits(net, b))
    small = effective_receptive_field(net, SIZE, draws=12, budget=least)
    assert small.run.batch < large.run.batch == 12
    assert small.map == pytest.approx(large.map, abs=1e-6)


def _fits(net: nn.Module, budget: int) -> bool:
    try:
        effective_receptive_field(net, SIZE, draws=1, budget=budget)
    except SpecError:
        return False
    return True


def never(progress):
    raise AssertionError("it has started")


def test_what_cannot_fit_is_refused_before_it_starts_with_what_would():
    net = stack(30, 64, between=nn.ReLU)
    with pytest.raises(SpecError, match=r"budget of 2 GB; about \d+×\d+ pixels") as error:
        effective_receptive_field(net, (3, 1024, 1024), draws=64, progress=never, crop=False)
    side = int(error.value.rule.split("about ")[-1].split("×")[0])
    assert 64 <= side < 1024
    budget = 2 * 10**9 // 64  # the same question, small enough to be tried out
    with pytest.raises(SpecError, match=r"about \d+×\d+ pixels") as error:
        effective_receptive_field(net, (3, 200, 200), progress=never, crop=False, budget=budget)
    side = int(error.value.rule.split("about ")[-1].split("×")[0])
    fitting = effective_receptive_field(net, (3, side, side), draws=1, crop=False, budget=budget)
    assert fitting.run.crop.size == (side, side)
    with pytest.raises(SpecError, match="is too small"):
        effective_receptive_field(network(), SIZE, budget=1000)


def test_large_images_and_many_draws_are_chunked():
    reports = []
    net = stack(6, 4, between=nn.ReLU)
    result = effective_receptive_field(
        net, (3, 1024, 1024), draws=4, crop=False, progress=reports.append, budget=700 * 10**6
    )
    assert result.run.batch < 4
    assert len(reports) >= 2
    cropped = effective_receptive_field(net, (3, 1024, 1024), draws=64)
    assert cropped.run.crop.size == (13, 13)
    assert cropped.run.batch == 64


BAD = [
    ({"layer": "nowhere"}, "layer"), ({"layer": ""}, "layer"), ({"layer": "9"}, "layer"),
    ({"unit": (99, 0)}, "unit"), ({"unit": (-1, 0)}, "unit"), ({"unit": 3}, "unit"),
    ({"unit": (1.5, 2)}, "unit"), ({"unit": (1, 2, 3)}, "unit"), ({"unit": "ab"}, "unit"),
    ({"draws": 0}, "draws"), ({"draws": 10**6}, "draws"), ({"draws": 1.5}, "draws"),
    ({"inputs": "zeros"}, "inputs"), ({"inputs": np.zeros((3, 9, 9))}, "inputs"),
    ({"inputs": np.zeros((0, *SIZE))}, "inputs"), ({"inputs": np.full(SIZE, np.nan)}, "inputs"),
    ({"inputs": [["a"]]}, "inputs"), ({"inputs": None}, "inputs"),
    ({"weights": "best"}, "weights"), ({"aggregate": "max"}, "aggregate"),
    ({"seed": -1}, "seed"), ({"seed": 2**64}, "seed"), ({"device": "tpu"}, "device"),
    ({"budget": 0}, "budget"), ({"input_size": (3, 40)}, "module"),
    ({"input_size": (4, 40, 40)}, "module"), ({"input_size": (SIZE, SIZE)}, "input_size"),
    ({"input_size": "3,40,40"}, "input_size"),
]  # fmt: skip


@pytest.mark.parametrize("asked, parameter", BAD)
def test_bad_settings_are_refused_with_a_sentence(asked, parameter):
    with pytest.raises(SpecError) as error:
        effective_receptive_field(network(), **{"input_size": SIZE} | asked)
    assert error.value.parameter == parameter, error.value


def test_modules_that_cannot_run_are_refused():
    empty = nn.Sequential(nn.Conv2d(3, 3, 3).to("meta"))
    with pytest.raises(SpecError, match="meta device"):
        effective_receptive_field(empty, SIZE)
    with pytest.raises(SpecError, match="decides by the values"):
        effective_receptive_field(Calls(lambda self, x: x if x.sum() > 0 else -x), SIZE)
    holes = nn.ConvTranspose2d(3, 3, 1, 2)
    with pytest.raises(SpecError, match="sees nothing"):
        effective_receptive_field(holes, SIZE, unit=(1, 1))


def test_the_layer_is_a_module_or_a_node_and_by_default_the_last_with_an_extent():
    net = nn.Sequential()
    net.add_module("body", network())
    default = effective_receptive_field(net, SIZE, draws=2)
    assert (default.layer, default.module, default.grid) == ("body_6", "body.6", (20, 20))
    assert default.unit == (10, 10)
    for layer, size in (("body.0", 3), ("body_1", 3), ("body.3", 5), ("input_1", 1)):
        result = effective_receptive_field(net, SIZE, layer, draws=2)
        assert result.theory.size == result.map.shape == (size, size)
    assert effective_receptive_field(stack(2), (3, 5, 5), draws=1).grid == (5, 5)
    valid = nn.Sequential(nn.Conv2d(3, 3, 3), nn.Conv2d(3, 3, 3))
    assert effective_receptive_field(valid, (3, 5, 5), draws=1).grid == (1, 1)


def test_parts_of_split_tensors_are_found():
    net = Calls(
        lambda self, x: self.b(self.a(x).chunk(2, 1)[1]), a=nn.Conv2d(3, 4, 3), b=nn.Conv2d(2, 2, 3)
    )
    image = torch.randn(SIZE)
    asked = {"inputs": image, "draws": 1, "aggregate": "signed", "unit": (9, 9)}
    part = effective_receptive_field(net, SIZE, "getitem", **asked)
    leaf = image[None].requires_grad_()
    (wanted,) = torch.autograd.grad(net.a(leaf)[0, 2:, 9, 9].sum(), leaf)
    wanted = wanted[0].sum(0)[9:12, 9:12]
    assert part.map == pytest.approx((wanted / wanted.abs().sum()).numpy(), abs=1e-6)


def test_sequences_tokens_and_tied_weights():
    sequence = nn.Sequential(nn.Conv1d(2, 3, 5), nn.ReLU(), nn.Conv1d(3, 3, 3, 2))
    result = effective_receptive_field(sequence, (2, 60), unit=7)
    assert (result.map.shape, result.origin, result.unit) == ((1, 7), (0, 14), (0, 7))
    shared = nn.Conv2d(3, 3, 3)
    tied = nn.Sequential(shared, nn.ReLU(), shared)
    assert effective_receptive_field(tied, SIZE, weights="he").theory.size == (5, 5)
    patches = nn.Conv2d(3, 8, 8, 8)
    tokens = Calls(lambda self, x: self.patches(x).flatten(2).mT, patches=patches)
    result = effective_receptive_field(tokens, SIZE, unit=(2, 3), draws=2)
    assert (result.origin, result.map.shape) == ((16, 24), (8, 8))
    attention = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    mixed = Calls(lambda self, x: self.a(self.p(x).flatten(2).mT), a=attention, p=patches)
    for weights in ("as_is", "he"):
        whole = effective_receptive_field(mixed, SIZE, unit=(2, 3), draws=2, weights=weights)
        assert whole.map.shape == (40, 40)


def test_weight_and_spectral_norm_work_and_keep_their_hooks():
    for wrap in (nn.utils.parametrizations.weight_norm, nn.utils.parametrizations.spectral_norm):
        net = nn.Sequential(wrap(nn.Conv2d(3, 4, 3)), nn.BatchNorm2d(4)).eval()
        plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).eval()
        plain[0].weight.data, plain[0].bias.data = net[0].weight.detach(), net[0].bias.detach()
        one, other = (effective_receptive_field(n, SIZE) for n in (net, plain))
        assert one.map == pytest.approx(other.map, abs=1e-6)


def test_norms_folded_into_convolutions_compute_the_same():
    net = network()
    for norm in (net[1], net[4]):
        for tensor in (norm.weight.data, norm.running_var):
            tensor.uniform_(0.2, 3)
        for tensor in (norm.bias.data, norm.running_mean):
            tensor.uniform_(-1, 1)
    unfolded = copy.deepcopy(net)
    for place in (1, 4):
        unfolded[place].__class__ = type("Own", (nn.BatchNorm2d,), {})
    image = torch.randn(SIZE)
    for layer in ("0", "1", "3", "4", "5"):
        one, other = (
            effective_receptive_field(n, SIZE, layer, inputs=image) for n in (net, unfolded)
        )
        assert one.map == pytest.approx(other.map, abs=1e-6)
        assert one.total == pytest.approx(other.total, rel=1e-4)


def test_several_images_are_taken_in_turn():
    images = torch.randn(3, *SIZE)
    net = stack(2, between=nn.ReLU)
    result = effective_receptive_field(net, SIZE, inputs=images.numpy(), draws=6, aggregate="relu")
    gradients = [plain_gradient(net, image, "3", (20, 20)) for image in images]
    wanted = sum(np.maximum(gradient, 0).sum(0) for gradient in gradients)
    assert on_the_image(result) == pytest.approx(wanted / wanted.sum(), abs=1e-6)
    assert result.recipe.inputs == "3 images"
    assert "3 images as input" in str(result.recipe)


def test_bfloat16_is_labelled_and_keeps_the_width():
    net = stack(6, 16, between=nn.ReLU)
    full, half = (effective_receptive_field(net, SIZE, draws=64, bf16=b) for b in (False, True))
    assert (full.run.dtype, half.run.dtype) == ("float32", "bfloat16")
    assert "bfloat16" in str(half.recipe)
    assert "bfloat16" not in str(full.recipe)
    assert half.sigma == pytest.approx(full.sigma, rel=0.05)
    assert effective_receptive_field(net.double(), SIZE, draws=1).run.dtype == "float64"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here")
def test_cuda_gives_the_cpu_s_map():
    one, other = (
        effective_receptive_field(network(), SIZE, weights="he", device=d) for d in ("cpu", "cuda")
    )
    assert other.run.device == "cuda"
    assert one.map == pytest.approx(other.map, abs=1e-3 * one.map.max())


def test_the_result_is_plain_data_and_cannot_be_written_to():
    result = effective_receptive_field(network(), SIZE, unit=(0, 5))
    data = json.loads(json.dumps(result.as_data(), allow_nan=False))
    assert {metric.name for metric in METRICS} <= set(data)
    assert data["squares"]["0.5"] == result.square(0.5)
    assert result.map.sum() == pytest.approx(1)
    assert result.map.dtype == np.float64
    with pytest.raises(ValueError, match="read-only"):
        result.map[0, 0] = 1
    assert result.four_sigma_share == pytest.approx([4 * s / 5 for s in result.sigma])
    assert result.lost_to_padding > 0


def test_the_command_line_writes_what_the_function_returns(tmp_path, capsys):
    out = tmp_path / "erf.npz"
    asked = ["tests.core.erf_oracle:stack2", "--input", "3,40,40", "--layer", "1", "--draws", "4"]
    main([*asked, "--unit", "7,8", "--weights", "uniform", "--out", str(out)])
    assert "σ (px)" in capsys.readouterr().out
    stored = np.load(out)
    assert stored["map"].sum() == pytest.approx(1)
    assert stored["origin"].tolist() == [5, 6]
    assert json.loads(str(stored["data"]))["unit"] == [7, 8]
    main([*asked, "--json"])
    assert json.loads(capsys.readouterr().out)["theoretical_size"] == [5, 5]


@pytest.mark.parametrize(
    "wrong",
    [
        ["--layer", "x9"],
        ["--input", "3,a"],
        ["--unit", "1"],
        ["--image", "none.npy"],
        ["--out", "/no/a"],
    ],
)
def test_the_command_line_refuses_with_a_sentence(wrong, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["tests.core.erf_oracle:stack2", "--input", "3,20,20", *wrong])
    assert stopped.value.code == 2
    told = capsys.readouterr().err.strip()
    assert told
    assert "Traceback" not in told
