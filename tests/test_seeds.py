"""Seeds decide what they say, whatever other threads draw."""

from __future__ import annotations

import ast
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from core.erf import studies
from core.erf.study import StudySettings
from core.networks import build, zoo
from core.networks.notation import parse_notation
from core.networks.swaps import with_pooling
from core.seeded import seeded
from tests.viz.features.erf.erf_visit import requested, tiny
from viz.choices import network_analysis
from viz.features.blocks import compute as compute_blocks
from viz.features.blocks.params import Block
from viz.features.erf import compute as compute_erf

LAYERS = "conv3 s2 p1 c4, bn, relu, se, residual[conv3 p1 c4, ln], deconv2 s2 c2, gap, fc5"


@contextmanager
def others_draw() -> Iterator[None]:
    """A thread that draws from torch's global generator, and seeds it, all the time."""
    over = threading.Event()

    def draw() -> None:
        while not over.is_set():
            torch.manual_seed(1)
            torch.rand(3)

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def weights(module: nn.Module) -> torch.Tensor:
    """All parameters and buffers of a network, one after the other."""
    return torch.cat([tensor.flatten().double() for tensor in module.state_dict().values()])


def own_code() -> nn.Module:
    """What other people's classes do when they draw."""
    made = nn.Module()
    made.token = nn.Parameter(torch.randn(1, 1, 4))
    made.table = nn.Parameter(torch.empty(5, 5))
    nn.init.trunc_normal_(made.table, std=0.02)
    made.scale = nn.Parameter(torch.full((4,), 1e-6))
    made.register_buffer("order", torch.randperm(16))
    made.register_buffer("features", torch.distributions.Normal(0.0, 1.0).sample((4,)))
    made.sparse = nn.Parameter(nn.init.sparse_(torch.empty(6, 6), 0.5))
    made.turn = nn.Parameter(nn.init.orthogonal_(torch.empty(6, 6)))
    made.normed = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4))
    return made


def by_seeded(make: Callable[[], nn.Module]) -> Callable[[int], nn.Module]:
    def made(seed: int) -> nn.Module:
        with seeded(seed):
            return make()

    return made


BUILDERS: dict[str, Callable[[int], nn.Module]] = {
    "notation": lambda seed: build(parse_notation(LAYERS), 3, (16, 16), seed=seed),
    "zoo": lambda seed: zoo.build("lenet5", seed=seed),
    "study": lambda seed: studies._conv_stack([{}, {"groups": 2}], StudySettings(4, seed=seed)),
    "block": lambda seed: compute_blocks.network(
        Block("a block", "conv3 p1 c4, relu", (3, 16, 16), 2, "china", seed)
    ),
    "page": lambda seed: compute_erf.network(
        requested(**tiny("conv3 c4, maxpool2, conv3 c2", draw_seed=seed), pooling="strided")
    ),
    "shift": lambda seed: network_analysis.module(
        requested(**tiny(LAYERS)).network, "cpu", None, seed
    ),
    "swap": lambda seed: with_pooling(
        build(parse_notation("conv3 c4, maxpool2"), seed=seed), "strided", (3, 16, 16), seed
    ),
    "attention": by_seeded(lambda: nn.TransformerEncoderLayer(8, 2, 16)),
    "recurrent": by_seeded(lambda: nn.LSTM(3, 4, 2)),
    "others": by_seeded(own_code),
}


@pytest.mark.parametrize("name", BUILDERS)
def test_the_weights_are_the_seeds_while_other_threads_draw(name: str) -> None:
    make = BUILDERS[name]
    alone = [weights(make(seed)) for seed in range(4)]
    assert not torch.equal(alone[0], alone[1])
    with others_draw(), ThreadPoolExecutor(2) as threads:
        together = list(threads.map(lambda i: weights(make(i % 4)), range(8)))
    assert all(torch.equal(found, alone[i % 4]) for i, found in enumerate(together))


def test_of_eighty_networks_built_by_four_threads_at_once_none_differs() -> None:
    make = BUILDERS["notation"]
    alone = [weights(make(seed)) for seed in range(4)]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda i: weights(make(i % 4)), range(80)))
    differ = sum(not torch.equal(found, alone[i % 4]) for i, found in enumerate(together))
    assert differ == 0


@pytest.mark.parametrize("name", BUILDERS)
def test_the_global_generators_are_left_alone(name: str) -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()  # type: ignore[index,union-attr]
    BUILDERS[name](0)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]  # type: ignore[index,union-attr]


# --- no line draws from a generator that threads share ---------------------------------------------

ROOT = Path(__file__).resolve().parent.parent
SHARED = {
    *("manual_seed", "seed", "fork_rng", "rand", "randn", "randint", "randperm", "normal"),
    *("rand_like", "randn_like", "randint_like", "bernoulli", "multinomial", "poisson"),
    *("set_rng_state", "get_rng_state"),
}
"""Functions of ``torch`` that read or set the global generator, unless one is handed over."""
IN_PLACE = {
    *("normal_", "uniform_", "random_", "bernoulli_", "exponential_", "cauchy_", "geometric_"),
    *("log_normal_", "trunc_normal_", "kaiming_normal_", "kaiming_uniform_", "xavier_normal_"),
    *("xavier_uniform_", "orthogonal_", "sparse_"),
}
"""Methods of tensors and functions of ``nn.init`` that draw."""
DRAWING_LAYERS = {
    name
    for name, layer in vars(nn).items()
    if isinstance(layer, type) and hasattr(layer, "reset_parameters") and "Norm" not in name
} | {"MultiheadAttention", "Transformer", "TransformerEncoderLayer", "TransformerDecoderLayer"}
BUILDING = {"build", "zoo.build", "networks.build"}
"""Functions of core that build a network."""
DEFINITIONS = ("core/networks/zoo/", "core/networks/modules.py", "core/networks/build.py")
"""Where networks are defined: what is drawn there is decided by whoever builds them."""


def offences(source: str, definitions: bool = False) -> list[str]:
    """What in a file draws from, or sets, a generator that the threads of the process share."""
    found: list[str] = []

    def walk(node: ast.AST, inside: bool) -> None:
        if isinstance(node, ast.With) and any(
            ast.unparse(item.context_expr).startswith("seeded(") for item in node.items
        ):
            inside = True
        if isinstance(node, ast.ClassDef):
            inside = True
        if isinstance(node, ast.Call) and not inside and shares(node, definitions):
            found.append(f"line {node.lineno}: {ast.unparse(node)}")
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {getattr(node, "module", None), *(alias.name for alias in node.names)}
            found.extend(f"line {node.lineno}: random" for _ in names & {"random"})
        for child in ast.iter_child_nodes(node):
            walk(child, inside)

    walk(ast.parse(source), False)
    return found


def shares(call: ast.Call, definitions: bool) -> bool:
    """Whether a call draws from a shared generator or sets one."""
    name, keywords = ast.unparse(call.func), {each.arg for each in call.keywords}
    owner, _, last = name.rpartition(".")
    if "generator" in keywords:
        return False
    if owner in ("np.random", "numpy.random"):
        return last not in ("default_rng", "Generator", "SeedSequence")
    if owner == "random":
        return True
    if owner in ("torch", "torch.random", "torch.cuda", "torch.default_generator"):
        return last in SHARED
    if last in IN_PLACE:
        return True
    built = name in BUILDING and "seed" not in keywords
    layer = not definitions and owner in ("nn", "torch.nn") and last in DRAWING_LAYERS
    return (built or layer) and not on_meta(call)


def on_meta(call: ast.Call) -> bool:
    """Whether nothing is drawn, as there are no numbers."""
    values = [*call.args, *(each.value for each in call.keywords if each.arg == "device")]
    return any(isinstance(value, ast.Constant) and value.value == "meta" for value in values)


@pytest.mark.parametrize("room", ["core", "viz"])
def test_no_line_draws_from_a_generator_that_threads_share(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    found = [
        f"{name}, {offence}"
        for file in files
        for name in [file.relative_to(ROOT).as_posix()]
        for offence in offences(file.read_text(), name.startswith(DEFINITIONS))
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        *("torch.manual_seed(0)", "torch.random.manual_seed(0)", "torch.rand(3)", "torch.randn(2)"),
        *(
            "torch.randperm(4)",
            "torch.bernoulli(p)",
            "torch.normal(0.0, 1.0, (3,))",
            "random.random()",
        ),
        *("with torch.random.fork_rng(devices=[]):\n    pass", "np.random.rand(3)"),
        *("np.random.seed(0)", "x.normal_()", "nn.init.trunc_normal_(x)", "import random"),
        *("nn.Conv2d(1, 1, 3)", "zoo.build('lenet5')", "build(spec, 3)", "nn.LSTM(2, 2)"),
        *("torch.randn_like(x)", "from random import random", "torch.cuda.manual_seed(1)"),
    ],
)
def test_the_rule_finds(line: str) -> None:
    assert offences(line)


@pytest.mark.parametrize(
    "line",
    [
        *(
            "torch.Generator().manual_seed(0)",
            "torch.rand(3, generator=g)",
            "np.random.default_rng(0)",
        ),
        *("x.normal_(0, 1, generator=g)", "nn.Conv2d(1, 1, 3, device='meta')", "nn.ReLU()"),
        *("zoo.build('lenet5', 'meta')", "build(spec, 3, seed=1)", "nn.BatchNorm2d(3)"),
        *("with seeded(1):\n    nn.Conv2d(1, 1, 3)", "'torch.manual_seed(0)'"),
        "class A(nn.Module):\n    def __init__(self):\n        self.a = nn.Linear(1, 1)",
    ],
)
def test_the_rule_lets_through(line: str) -> None:
    assert offences(line) == []
