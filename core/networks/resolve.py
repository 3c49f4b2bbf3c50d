"""Shape inference for a whole network: channels, sizes, inferred settings and names of layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..errors import SpecError
from ..layer.window import Pair
from . import rules
from .blocks import Block, ConcatBlock, Layer, NetworkSpec, Repeat, ResidualBlock
from .layers import NO_PADS, Conv, ConvTranspose, Flatten, Leaf, Linear, Pad
from .rules import bounded, bounded_pair
from .shapes import Shape, channels_and_groups, output_shape

Path = tuple[int, ...]
"""The position of a layer: its index; inside a block (block's path, branch index, its index)."""


class LayerError(SpecError):
    """A layer that does not fit its input.

    Attributes:
        layer: qualified name of the layer's module in ``build``, e.g. ``"residual4.body.conv0"``.
        path: position of the layer in the spec.
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
    """One layer of a network with all inferred settings and shapes.

    Attributes:
        name: name of the module in its sequence: kind and 0-based position, e.g. ``"conv0"``. An
            implied ``Flatten`` or ``Pad`` has the position of the layer after it.
        path: position of the layer in the spec; all runs of a repeat have the same.
        layer: a leaf without unspecified settings, or the block as it is in the spec.
        before, after: shapes of the input and the output.
        chains: (name, resolved layers) of each branch of a block, or of each run of a repeat.
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
    """Infer the shapes and the unspecified settings of all layers.

    Args:
        spec: the network.
        in_channels: number of input channels.
        input_size: (height, width) of the input. If None, sizes are not inferred or checked, and
            a linear layer after ``flatten`` must specify its ``in_features``.

    Raises:
        LayerError: a layer does not fit its input, or its output would be empty.
        SpecError: in_channels or input_size out of range.
    """
    channels = bounded("in_channels", in_channels, 1, rules.MAX_CHANNELS)
    size = None
    if input_size is not None:
        size = bounded_pair("input_size", input_size, 1, rules.MAX_SIDE)
    return _resolve_sequence(spec.layers, Shape(channels, size), "", ())


def explicit(
    spec: NetworkSpec, in_channels: int = 3, input_size: Pair | None = None
) -> NetworkSpec:
    """The same network with repeats unrolled and all inferred settings explicit.

    Source that `core.networks.notation.to_source` writes is read as this spec. It raises the
    errors of `resolve`.
    """
    return NetworkSpec(tuple(_explicit_layers(resolve(spec, in_channels, input_size))))


def _explicit_layers(nodes: tuple[ResolvedLayer, ...]) -> Iterator[Layer]:
    """Yield the layers of resolved nodes, with repeats unrolled."""
    for node in nodes:
        chains = [tuple(_explicit_layers(inner)) for _, inner in node.chains]
        if isinstance(node.layer, Repeat):
            yield from (layer for chain in chains for layer in chain)
        elif isinstance(node.layer, ResidualBlock | ConcatBlock):
            yield node.layer.with_branches(tuple(chains))
        else:
            yield node.layer


def _resolve_sequence(
    layers: tuple[Layer, ...], shape: Shape, prefix: str, path: Path
) -> tuple[ResolvedLayer, ...]:
    """Resolve a sequence of layers.

    Args:
        layers: the layers.
        shape: shape of the first layer's input.
        prefix: qualified name of the enclosing module, with a dot; empty at the top.
        path: path of the enclosing branch.
    """
    nodes: list[ResolvedLayer] = []
    for index, layer in enumerate(layers):
        name, layer_path = f"{layer.kind}{index}", (*path, index)
        try:
            nodes += _resolve_layer(layer, shape, name, f"{prefix}{name}", layer_path)
        except LayerError:
            raise
        except SpecError as error:
            details = (error.parameter, error.rule, error.value)
            raise LayerError(f"{prefix}{name}", layer_path, *details) from error
        shape = nodes[-1].after
    return tuple(nodes)


def _resolve_layer(
    layer: Layer, shape: Shape, name: str, full_name: str, path: Path
) -> list[ResolvedLayer]:
    """Resolve one layer, preceded by the layers it implies.

    ``full_name`` is the layer's qualified name; the other arguments are those of `_resolve_sequence`.
    """
    if isinstance(layer, ResidualBlock | ConcatBlock | Repeat):
        return [_resolve_block(layer, shape, name, full_name, path)]
    nodes = []
    for step in as_torch_layers(layer, shape):
        after = output_shape(step, shape)
        own = name if step.kind == layer.kind else name.replace(layer.kind, step.kind, 1)
        nodes.append(ResolvedLayer(own, path, step, shape, after))
        shape = after
    return nodes


def as_torch_layers(layer: Leaf, shape: Shape) -> tuple[Leaf, ...]:
    """The one or two torch layers that compute a leaf, with all settings specified.

    A flattening may precede a linear layer, and a padding layer a convolution.

    Args:
        layer: the leaf.
        shape: shape of its input.
    """
    if isinstance(layer, Linear):
        flat = replace(layer, in_features=layer.in_features or shape.features)
        return (flat,) if shape.flat else (Flatten(), flat)
    if isinstance(layer, Conv | ConvTranspose) and shape.channels is not None:
        output_shape(layer, shape)  # raises if the layer does not fit
        out, groups = channels_and_groups(layer, shape.channels)
        layer = replace(layer, out_channels=out, groups=groups)
    if not isinstance(layer, Conv) or isinstance(layer.padding, str):
        return (layer,)
    if all(before == after for before, after in layer.padding):
        return (layer,)
    pad = Pad(layer.padding, layer.padding_mode)
    return pad, replace(layer, padding=NO_PADS, padding_mode="zeros")


def _resolve_block(
    layer: Block, shape: Shape, name: str, full_name: str, path: Path
) -> ResolvedLayer:
    """Resolve a block; the arguments are those of `_resolve_layer`."""
    if isinstance(layer, Repeat):
        return _resolve_repeat(layer, shape, name, full_name, path)
    chains = tuple(
        (
            label,
            _resolve_sequence(
                branch, shape, f"{full_name}.{_branch_module_name(layer, label)}.", (*path, index)
            ),
        )
        for index, (label, branch) in enumerate(
            zip(layer.branch_names, layer.branches, strict=True)
        )
    )
    ends = [nodes[-1].after if nodes else shape for _, nodes in chains]
    merge = sum_shape if isinstance(layer, ResidualBlock) else concat_shape
    return ResolvedLayer(name, path, layer, shape, merge(ends), chains)


def _branch_module_name(layer: ResidualBlock | ConcatBlock, label: str) -> str:
    """The name of a branch's module inside its block's module."""
    return label if isinstance(layer, ResidualBlock) else f"branches.{label}"


def _resolve_repeat(
    layer: Repeat, shape: Shape, name: str, full_name: str, path: Path
) -> ResolvedLayer:
    """Resolve all runs of a repeat; the arguments are those of `_resolve_layer`."""
    chains, before = [], shape
    for run in range(layer.times):
        nodes = _resolve_sequence(layer.body, shape, f"{full_name}.{run}.", (*path, 0))
        chains.append((str(run), nodes))
        shape = nodes[-1].after
    return ResolvedLayer(name, path, layer, before, shape, tuple(chains))


def sum_shape(branch_outputs: list[Shape]) -> Shape:
    """The shape of ``body + shortcut``.

    Args:
        branch_outputs: output shapes of body and shortcut; unknown parts may differ.

    Raises:
        SpecError: the shapes differ.
    """
    body, shortcut = branch_outputs
    if body.flat != shortcut.flat or _sizes_conflict(body.channels, shortcut.channels):
        rule = f"must leave what the shortcut does, {shortcut}; a shortcut conv1 can change that"
        raise SpecError("body", rule, str(body))
    if _sizes_conflict(body.size, shortcut.size):
        rule = f"must leave the shortcut's size, {shortcut}; give both the same strides"
        raise SpecError("body", rule, str(body))
    return Shape(
        body.channels if shortcut.channels is None else shortcut.channels,
        body.size or shortcut.size,
        body.flat,
    )


def concat_shape(branch_outputs: list[Shape]) -> Shape:
    """The shape of the branches' outputs concatenated along the channels.

    Raises:
        SpecError: the sizes differ, or there are too many channels.
    """
    first = next((end for end in branch_outputs if end.size is not None), branch_outputs[0])
    for end in branch_outputs:
        if end.flat != first.flat or _sizes_conflict(end.size, first.size):
            rule = f"must leave the other branches' size, {first}; give all the same strides"
            raise SpecError("branch", rule, str(end))
    counts = [end.channels for end in branch_outputs if end.channels is not None]
    channels = sum(counts) if len(counts) == len(branch_outputs) else None
    limit = rules.MAX_INPUTS if first.flat else rules.MAX_CHANNELS
    if channels is not None and channels > limit:
        raise SpecError("channels", f"must be at most {limit:,} after concat", channels)
    return replace(first, channels=channels)


def _sizes_conflict(one: object, other: object) -> bool:
    """Whether two values are both known (not None) and differ."""
    return one is not None and other is not None and one != other
