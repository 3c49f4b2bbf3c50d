"""Reading of pasted PyTorch source, with ``ast`` and an allowlist; it is never executed.

The source may contain: ``torch.nn`` layers with literal arguments; ``nn.Sequential`` of layers, of
other ``nn.Sequential`` or of one ``OrderedDict([(name, layer), ...])``, whose names are dropped; a
list of layers; an assignment of these to a name; imports of torch; and the classes that
``core.networks.notation.to_source`` writes, if they are word for word the same.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..blocks import ConcatBlock, Layer, NetworkSpec, ResidualBlock
from ..layers import Flatten, Leaf, Linear, PixelShuffle, PixelUnshuffle
from ..resolve import concat_shape, sum_shape
from ..rules import MAX_LAYERS
from ..shapes import Shape, output_shape
from ..torch_forms import FORMS, TorchForm
from . import advice
from .arguments import ReadLayer, channel_mismatch_message, misplaced_layer_rule, read_call
from .code import helper_sources
from .errors import NotationError
from .places import SourcePositions
from .scan import checked_source

FORM_OF = {form.name: form for form in FORMS}
"""The form of each class by its name."""
TORCH_NAMES = (*(form.name for form in FORMS if not form.custom), "Sequential", "OrderedDict")
"""Names of classes of torch and ``collections`` that source may use."""
CUSTOM_MODULES = (*(form.name for form in FORMS if form.custom), "Residual", "Concat")
"""Names of custom classes, which are used without a module prefix."""
MODULES = ("torch", "collections", "typing", "__future__")
"""Modules that source may import."""
REARRANGING = (Flatten, PixelShuffle, PixelUnshuffle)
"""Layers that change the number of channels without declaring one.

After them, the channels that a layer declares are no longer those of the network's input.
"""


@dataclass(frozen=True)
class SourceNetwork:
    """A network that was read from source.

    Attributes:
        spec: the network.
        in_channels: number of input channels; None if no layer declares it.
    """

    spec: NetworkSpec
    in_channels: int | None


def parse_source(text: str) -> NetworkSpec:
    """Read a network from PyTorch source.

    Raises:
        NotationError: the source cannot be read, or a layer does not fit the one before it; has
            the position of the error.
    """
    return read_source(text).spec


def read_source(text: str) -> SourceNetwork:
    """As `parse_source`, with the number of input channels."""
    positions = _dedented_lines(checked_source(_without_helper_classes(text)))
    return _Reader(positions).network(_syntax_tree(positions))


def _without_helper_classes(text: str) -> str:
    """The text with the classes that ``to_source`` writes replaced by empty lines."""
    for source in helper_sources().values():
        text = text.replace(source, "\n" * source.count("\n"), 1)
    return text


def _dedented_lines(text: str) -> SourcePositions:
    """The lines of the text with the indents of statements removed."""
    lines, indents, depth = [], [], 0
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip()) if depth == 0 else 0
        lines.append(line[indent:])
        indents.append(indent)
        depth += sum(map(line.count, "([")) - sum(map(line.count, ")]"))
    return SourcePositions(tuple(lines), tuple(indents))


def _syntax_tree(positions: SourcePositions) -> ast.Module:
    """The syntax tree of the lines; a syntax error becomes a NotationError."""
    try:
        return ast.parse("\n".join(positions.lines))
    except SyntaxError as error:
        line = min(error.lineno or 1, len(positions.lines))
        column = max(1, error.offset or 1) + positions.indents[line - 1]
        line_text = positions.lines[line - 1].strip() or "the end"
        rule = f"is no Python: {error.msg}"
    except (ValueError, RecursionError, MemoryError):
        line, column, line_text, rule = 1, 1, positions.lines[0], "is nested too deeply to be read"
    hint = "write nn.Sequential(...), or notation such as conv3 s2 p1 c64, relu"
    raise NotationError("the source", rule, line_text, line, column, hint)


class _Reader:
    """Reads one syntax tree and infers the shape at each layer.

    Attributes:
        positions: positions of the source in the pasted text.
        prefixes: names under which the source imports ``torch.nn`` and ``collections``.
        shape: output shape of the last layer read.
        in_channels: number of input channels of the network, None while unknown.
        channels_rearranged: whether a layer of ``REARRANGING`` or a concatenation was read.
        layers: number of layers read.
    """

    def __init__(self, positions: SourcePositions) -> None:
        self.positions = positions
        self.prefixes = {"", "nn", "torch.nn", "collections"}
        self.shape = Shape(None)
        self.in_channels: int | None = None
        self.channels_rearranged = False
        self.layers = 0

    def error(
        self, node: ast.AST, rule: str, value: object = None, hint: str = "", name: str = ""
    ) -> NotationError:
        return self.positions.error(node, name or "the source", rule, value, hint)

    def network(self, tree: ast.Module) -> SourceNetwork:
        """The network of a whole text."""
        values = [
            value for value in map(self.expression_of_statement, tree.body) if value is not None
        ]
        if len(values) > 1 and any(isinstance(node, ast.Assign) for node in tree.body):
            raise self.error(*advice.several_statements_message(values))
        layers = tuple(layer for value in values for layer in self.layers_of_expression(value))
        if not layers:
            raise self.error(
                tree, "must have at least one layer", "none", "try nn.Conv2d(3, 64, 3)"
            )
        spec = self.positions.build_at(values[0], lambda: NetworkSpec(layers))
        return SourceNetwork(spec, self.in_channels)

    def expression_of_statement(self, node: ast.stmt) -> ast.expr | None:
        """The expression that a statement consists of or assigns; None for an import."""
        if isinstance(node, ast.Import | ast.ImportFrom):
            self.read_import(node)
            return None
        if isinstance(node, ast.Expr | ast.Assign):
            return node.value
        raise self.error(node, "can have imports and one network only")

    def read_import(self, node: ast.Import | ast.ImportFrom) -> None:
        """Record the names under which an import statement makes torch.nn available."""
        start = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
        for each in node.names:
            name, alias = start + each.name, each.asname or each.name
            if name.split(".")[0] not in MODULES:
                raise self.error(node, "can import from torch only; nothing is executed")
            if name == "torch":
                self.prefixes.add(f"{alias}.nn")
            elif name in ("torch.nn", "collections"):
                self.prefixes.add(alias)

    def layers_of_expression(self, node: ast.expr) -> tuple[Layer, ...]:
        """The layers of an expression: of a layer, a Sequential, a block, or a list of these."""
        if isinstance(node, ast.List | ast.Tuple):
            return self.layers_in_sequence(node.elts)
        if not isinstance(node, ast.Call):
            raise self.error(node, *advice.not_a_layer_message(node))
        name = self.class_name(node)
        if name == "Sequential":
            return self.layers_of_sequential(node)
        if name in ("Residual", "Concat"):
            return (self.block_of_call(node, name),)
        if name == "OrderedDict":
            raise self.error(node, "must stand inside nn.Sequential(...)", name=name)
        return (self.leaf_of_call(node, FORM_OF[name]),)

    def layers_in_sequence(self, nodes: Sequence[ast.expr]) -> tuple[Layer, ...]:
        """The layers of several expressions in sequence."""
        return tuple(layer for node in nodes for layer in self.layers_of_expression(node))

    def class_name(self, node: ast.Call) -> str:
        """The name of the class that a call constructs; raises unless it is allowed."""
        path = advice.dotted_name(node.func) or "?"
        prefix, _, name = path.rpartition(".")
        if (
            prefix not in self.prefixes
            or name not in (*TORCH_NAMES, *CUSTOM_MODULES)
            or (prefix and name in CUSTOM_MODULES)
        ):
            raise self.error(node, *advice.unknown_class_message(node.func, TORCH_NAMES))
        return name

    def layers_of_sequential(self, node: ast.Call) -> tuple[Layer, ...]:
        """The layers of a call of nn.Sequential."""
        if node.keywords:
            rule = "takes layers without names"
            raise self.error(node.keywords[0], rule, name="nn.Sequential")
        first = node.args[0] if node.args else None
        if isinstance(first, ast.Call) and self.class_name(first) == "OrderedDict":
            return self.layers_in_sequence(list(self.ordered_dict_layers(node, first)))
        if isinstance(first, ast.List | ast.Tuple):
            rule = "takes layers, not a list of them: leave its brackets out"
            raise self.error(first, rule, name="nn.Sequential")
        return self.layers_in_sequence(node.args)

    def ordered_dict_layers(self, node: ast.Call, inner: ast.Call) -> Iterator[ast.expr]:
        """Yield the layers of ``OrderedDict([(name, layer), ...])``.

        Args:
            node: the call of nn.Sequential.
            inner: the call of OrderedDict inside it.
        """
        items = inner.args[0] if len(inner.args) == 1 and not inner.keywords else None
        if len(node.args) != 1 or not isinstance(items, ast.List | ast.Tuple):
            rule = "must be OrderedDict([(name, layer), ...]), and nothing beside it"
            raise self.error(inner, rule, name="nn.Sequential")
        for item in items.elts:
            pair = item.elts if isinstance(item, ast.Tuple | ast.List) else []
            if len(pair) != 2 or not isinstance(getattr(pair[0], "value", None), str):
                raise self.error(item, 'must hold ("name", layer) pairs', name="OrderedDict")
            yield pair[1]

    def block_of_call(self, node: ast.Call, name: str) -> ResidualBlock | ConcatBlock:
        """The block that a call of ``Residual`` or ``Concat`` constructs."""
        residual = name == "Residual"
        if node.keywords or (residual and len(node.args) != 2):
            raise self.error(node, "takes modules without names: a body, a shortcut", name=name)
        before, chains, ends = self.shape, [], []
        for branch in node.args:
            self.shape = before
            chains.append(self.layers_of_expression(branch))
            ends.append(self.shape)
        self.count_layer(node)
        build_at = self.positions.build_at
        block = build_at(
            node, lambda: ResidualBlock(*chains) if residual else ConcatBlock(tuple(chains))
        )
        self.shape = build_at(node, lambda: (sum_shape if residual else concat_shape)(ends))
        self.channels_rearranged |= not residual
        return block

    def count_layer(self, node: ast.AST) -> None:
        self.layers += 1
        if self.layers > MAX_LAYERS:
            raise self.error(node, f"must have at most {MAX_LAYERS:,} layers")

    def leaf_of_call(self, node: ast.Call, form: TorchForm) -> Leaf:
        """The layer that a call of a torch class constructs; checks it against its input."""
        self.count_layer(node)
        read = read_call(node, form, self.positions)
        if self.layers == 1 and isinstance(read.layer, Linear):
            self.shape, self.channels_rearranged = Shape(None, flat=True), True
        rule = misplaced_layer_rule(form, read.layer, self.shape.flat)
        if rule:
            raise self.error(node, rule, name=f"nn.{form.name}")
        if read.input_channels is not None:
            self.check_input_channels(node, form, read, read.input_channels)
        self.shape = self.positions.build_at(
            node, lambda: output_shape(read.layer, self.shape), read.at
        )
        self.channels_rearranged |= isinstance(read.layer, REARRANGING)
        return read.layer

    def check_input_channels(
        self, node: ast.Call, form: TorchForm, read: ReadLayer, declared: int
    ) -> None:
        """Compare the input channels that a layer declares with the inferred ones."""
        channels = self.shape.channels
        if channels is None and not self.channels_rearranged:
            channels = self.in_channels = self.in_channels or declared
        if channels not in (None, declared):
            raise self.positions.error(
                read.at[form.input_argument],
                *channel_mismatch_message(form, declared, channels or declared),
            )
        self.shape = replace(self.shape, channels=declared)
