"""Writing networks as PyTorch source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ...errors import SpecError
from ...layer.window import Pair
from ..blocks import LEAVES, ConcatBlock, NetworkSpec, Repeat, ResidualBlock
from ..resolve import LayerError, ResolvedLayer, resolve
from ..torch_forms import constructor_call

MODULES_FILE = Path(__file__).parent.parent / "modules.py"


def to_source(spec: NetworkSpec, in_channels: int = 3, input_size: Pair | None = None) -> str:
    """The network as a program that defines ``net``, with repeats unrolled.

    Executing it builds the same module as `core.networks.build` with these arguments, except for
    the names of submodules. ``parse_source`` reads it as the spec of `core.networks.explicit`.

    Raises:
        LayerError: a layer does not fit; see `core.networks.build`.
    """
    body = "\n".join(_sequence_lines(resolve(spec, in_channels, input_size), 0, "net = "))
    used = [source for name, source in helper_sources().items() if f"{name}(" in body]
    imports = "import torch\nfrom torch import nn\n" if used else "from torch import nn\n"
    parts = [imports, *used, body.removesuffix(",")]
    return ("\n\n" if used else "\n").join(parts) + "\n"


@cache
def helper_sources() -> dict[str, str]:
    """The source of each class in ``core.networks.modules``, by the class name."""
    text = MODULES_FILE.read_text(encoding="utf-8")
    classes = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    return {each.name: f"{ast.get_source_segment(text, each)}\n" for each in classes}


def _sequence_lines(
    nodes: tuple[ResolvedLayer, ...], depth: int, prefix: str = ""
) -> Iterator[str]:
    """Yield the lines of an nn.Sequential; the last one ends with a comma.

    Args:
        nodes: the layers.
        depth: number of indents.
        prefix: text before ``nn.Sequential``.
    """
    indent = "    " * depth
    if not nodes:
        yield f"{indent}{prefix}nn.Sequential(),"
        return
    yield f"{indent}{prefix}nn.Sequential("
    for node in nodes:
        yield from _layer_lines(node, depth + 1)
    yield f"{indent}),"


def _layer_lines(node: ResolvedLayer, depth: int) -> Iterator[str]:
    """Yield the lines of one layer or block, each ending with a comma."""
    indent = "    " * depth
    if isinstance(node.layer, Repeat):
        for _, nodes in node.chains:
            for inner in nodes:
                yield from _layer_lines(inner, depth)
    elif isinstance(node.layer, ResidualBlock | ConcatBlock):
        name = "Residual" if isinstance(node.layer, ResidualBlock) else "Concat"
        yield f"{indent}{name}("  # a class of core.networks.modules
        for _, nodes in node.chains:
            yield from _sequence_lines(nodes, depth + 1)
        yield f"{indent}),"
    else:
        yield f"{indent}{_constructor_text(node)},"


def _constructor_text(node: ResolvedLayer) -> str:
    assert isinstance(node.layer, LEAVES)
    try:
        constructor = constructor_call(node.layer, node.before)
    except SpecError as error:
        position = (node.name, node.path)
        raise LayerError(*position, error.parameter, error.rule, error.value) from error
    name = constructor.name if constructor.custom else f"nn.{constructor.name}"
    arguments = [repr(value) for value in constructor.positional]
    arguments += [f"{key}={value!r}" for key, value in constructor.named]
    return f"{name}({', '.join(arguments)})"
