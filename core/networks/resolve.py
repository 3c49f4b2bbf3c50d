"""Shape inference for a whole network: channels, groups, flattening and names of all layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..errors import SpecError
from ..layer.window import Pair
from . import rules
from .blocks import Block, ConcatBlock, Layer, NetworkSpec, Repeat, ResidualBlock
from .layers import NO_PADS, Conv, ConvTranspose, Flatten, Leaf, Linear, Pad
from .rules import bounded, bounded_pair
from .shapes import Shape, advance, depthwise

Path = tuple[int, ...]
"""The position of a layer: its index, then for each enclosing block the branch and the index."""


class LayerError(SpecError):
    """A layer that does not fit its input.

    Attributes:
        layer: the layer's name, as ``build`` names its module, e.g. ``"residual4.body.conv0"``.
        path: where it stands in the spec.
    """

    def __init__(self, layer: str, path: Path, parameter: str, rule: str, value: object) -> None:
        super().__init__(parameter, rule, value)
        self.args = (layer, path, parameter, rule, value)
        self.layer = layer
        self.path = path

    def __str__(self) -> str:
        return f"{self.layer}: {super().__str__()}"


@dataclass(frozen=True)
class ResolvedLayer:
    """One layer of a network with everything inferred.

    Attributes:
        name: of the module in its chain: kind and 0-based position, e.g. ``"conv0"``. What
            is put in before a layer (a ``Flatten``, a ``Pad``) has that layer's position.
        path: of the layer in the spec; the same in each run of a repeat.
        layer: a leaf with nothing left to infer, or the block as it is in the spec.
        before, after: what arrives and what leaves.
        chains: names and nodes of a block's branches; of a repeat, one for each run.
    """

    name: str
    path: Path
    layer: Layer
    before: Shape
    after: Shape
    chains: tuple[tuple[str, tuple[ResolvedLayer, ...]], ...] = ()


def resolve(
    spec: NetworkSpec, in_channels: int = 3, input_size: Pair | None = None
) -> tuple[ResolvedLayer, ...]:
    """Follows channels and, where known, sizes through the network.

    Args:
        spec: the network.
        in_channels: of the input.
        input_size: (height, width), or None: then only what is independent of it is checked,
            and a linear layer after ``flatten`` has to say its ``in_features``.

    Raises:
        LayerError: a layer cannot take what arrives, or its output would be empty.
        SpecError: in_channels or input_size out of range.
    """
    channels = bounded("in_channels", in_channels, 1, rules.MAX_CHANNELS)
    size = None
    if input_size is not None:
        size = bounded_pair("input_size", input_size, 1, rules.MAX_SIDE)
    return _chain(spec.layers, Shape(channels, size), "", ())


def explicit(
    spec: NetworkSpec, in_channels: int = 3, input_size: Pair | None = None
) -> NetworkSpec:
    """The same network with repeats unrolled and all inferred settings explicit.

    This is what reading ``core.networks.notation.to_source`` gives back. Raises as ``resolve`` does.
    """
    return NetworkSpec(tuple(_written(resolve(spec, in_channels, input_size))))


def _written(nodes: tuple[ResolvedLayer, ...]) -> Iterator[Layer]:
    for node in nodes:
        chains = [tuple(_written(inner)) for _, inner in node.chains]
        if isinstance(node.layer, Repeat):
            yield from (layer for chain in chains for layer in chain)
        elif isinstance(node.layer, ResidualBlock | ConcatBlock):
            yield node.layer.with_branches(tuple(chains))
        else:
            yield node.layer


def _chain(
    layers: tuple[Layer, ...], shape: Shape, prefix: str, path: Path
) -> tuple[ResolvedLayer, ...]:
    nodes: list[ResolvedLayer] = []
    for index, layer in enumerate(layers):
        name, here = f"{layer.kind}{index}", (*path, index)
        try:
            nodes += _nodes(layer, shape, name, f"{prefix}{name}", here)
        except LayerError:
            raise
        except SpecError as error:
            details = (error.parameter, error.rule, error.value)
            raise LayerError(f"{prefix}{name}", here, *details) from error
        shape = nodes[-1].after
    return tuple(nodes)


def _nodes(layer: Layer, shape: Shape, name: str, full: str, path: Path) -> list[ResolvedLayer]:
    """The layer as a node, preceded by the layers it implies."""
    if isinstance(layer, ResidualBlock | ConcatBlock | Repeat):
        return [_block(layer, shape, name, full, path)]
    nodes = []
    for step in as_torch_layers(layer, shape):
        after = advance(step, shape)
        own = name if step.kind == layer.kind else name.replace(layer.kind, step.kind, 1)
        nodes.append(ResolvedLayer(own, path, step, shape, after))
        shape = after
    return nodes


def as_torch_layers(layer: Leaf, shape: Shape) -> tuple[Leaf, ...]:
    """A leaf as the one or two layers of torch that compute it, with nothing left to infer."""
    if isinstance(layer, Linear):
        flat = replace(layer, in_features=layer.in_features or shape.features)
        return (flat,) if shape.flat else (Flatten(), flat)
    if isinstance(layer, Conv | ConvTranspose) and shape.channels is not None:
        advance(layer, shape)  # refuses what could not even be written out
        out, groups = depthwise(layer, shape.channels)
        layer = replace(layer, out_channels=out, groups=groups)
    if not isinstance(layer, Conv) or isinstance(layer.padding, str):
        return (layer,)
    if all(before == after for before, after in layer.padding):
        return (layer,)
    pad = Pad(layer.padding, layer.padding_mode)
    return pad, replace(layer, padding=NO_PADS, padding_mode="zeros")


def _block(layer: Block, shape: Shape, name: str, full: str, path: Path) -> ResolvedLayer:
    if isinstance(layer, Repeat):
        return _repeat(layer, shape, name, full, path)
    chains = tuple(
        (label, _chain(branch, shape, f"{full}.{_branch(layer, label)}.", (*path, index)))
        for index, (label, branch) in enumerate(
            zip(layer.branch_names, layer.branches, strict=True)
        )
    )
    ends = [nodes[-1].after if nodes else shape for _, nodes in chains]
    merge = sum_of if isinstance(layer, ResidualBlock) else stack_of
    return ResolvedLayer(name, path, layer, shape, merge(ends), chains)


def _branch(layer: ResidualBlock | ConcatBlock, label: str) -> str:
    return label if isinstance(layer, ResidualBlock) else f"branches.{label}"


def _repeat(layer: Repeat, shape: Shape, name: str, full: str, path: Path) -> ResolvedLayer:
    chains, before = [], shape
    for run in range(layer.times):
        nodes = _chain(layer.body, shape, f"{full}.{run}.", (*path, 0))
        chains.append((str(run), nodes))
        shape = nodes[-1].after
    return ResolvedLayer(name, path, layer, before, shape, tuple(chains))


def sum_of(ends: list[Shape]) -> Shape:
    """The shape of ``body + shortcut``, which must both have it."""
    body, shortcut = ends
    if body.flat != shortcut.flat or _differ(body.channels, shortcut.channels):
        rule = f"must leave what the shortcut does, {shortcut}; a shortcut conv1 can change that"
        raise SpecError("body", rule, str(body))
    if _differ(body.size, shortcut.size):
        rule = f"must leave the shortcut's size, {shortcut}; give both the same strides"
        raise SpecError("body", rule, str(body))
    return Shape(
        body.channels if shortcut.channels is None else shortcut.channels,
        body.size or shortcut.size,
        body.flat,
    )


def stack_of(ends: list[Shape]) -> Shape:
    """The shape of the branches' outputs concatenated along the channels."""
    first = next((end for end in ends if end.size is not None), ends[0])
    for end in ends:
        if end.flat != first.flat or _differ(end.size, first.size):
            rule = f"must leave the other branches' size, {first}; give all the same strides"
            raise SpecError("branch", rule, str(end))
    counts = [end.channels for end in ends if end.channels is not None]
    channels = sum(counts) if len(counts) == len(ends) else None
    limit = rules.MAX_INPUTS if first.flat else rules.MAX_CHANNELS
    if channels is not None and channels > limit:
        raise SpecError("channels", f"must be at most {limit:,} after concat", channels)
    return replace(first, channels=channels)


def _differ(one: object, other: object) -> bool:
    """Whether two numbers are known and not the same."""
    return one is not None and other is not None and one != other
