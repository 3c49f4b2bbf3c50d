"""Reading pasted PyTorch source: with ast, against a white list, never executed.

Read are ``torch.nn`` layers with literal arguments, ``nn.Sequential`` of layers, of other
``nn.Sequential`` or of one ``OrderedDict([(name, layer), ...])`` (the names are dropped),
assigned to a name or not, a bare list of layers, torch's import lines, and the classes
``core.networks.notation.to_source`` writes, as long as they are word for word the same.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..blocks import ConcatBlock, Layer, NetworkSpec, ResidualBlock
from ..layers import Flatten, Leaf, Linear, PixelShuffle, PixelUnshuffle
from ..resolve import stack_of, sum_of
from ..rules import MAX_LAYERS
from ..shapes import Shape, advance
from ..torch_forms import FORMS, TorchForm
from . import advice
from .arguments import ReadLayer, mismatch, misplaced, read_call
from .code import helper_sources
from .errors import NotationError
from .places import SourcePositions
from .scan import scanned

FORM_OF = {form.name: form for form in FORMS}
TORCH_NAMES = (*(form.name for form in FORMS if not form.ours), "Sequential", "OrderedDict")
OURS = (*(form.name for form in FORMS if form.ours), "Residual", "Concat")
MODULES = ("torch", "collections", "typing", "__future__")
UNCOUNTED = (Flatten, PixelShuffle, PixelUnshuffle)
"""Behind these, channels no layer has named are not the input's."""


@dataclass(frozen=True)
class SourceNetwork:
    """A network that was read from source.

    Attributes:
        spec: the network.
        in_channels: what its first layer takes, or None where no layer tells.
    """

    spec: NetworkSpec
    in_channels: int | None


def parse_source(text: str) -> NetworkSpec:
    """The network that PyTorch source writes.

    Raises:
        NotationError: a SpecError with the position of what cannot be read, or of a layer
            which torch would refuse behind the one before it.
    """
    return read_source(text).spec


def read_source(text: str) -> SourceNetwork:
    """As ``parse_source``, with the number of input channels. Raises as it does."""
    places = _dedented(scanned(_without_helpers(text)))
    return _Reader(places).network(_tree(places))


def _without_helpers(text: str) -> str:
    """The text with the classes that ``to_source`` writes blanked, line for line."""
    for source in helper_sources().values():
        text = text.replace(source, "\n" * source.count("\n"), 1)
    return text


def _dedented(text: str) -> SourcePositions:
    """The text with statements moved to column 0."""
    lines, indents, depth = [], [], 0
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip()) if depth == 0 else 0
        lines.append(line[indent:])
        indents.append(indent)
        depth += sum(map(line.count, "([")) - sum(map(line.count, ")]"))
    return SourcePositions(tuple(lines), tuple(indents))


def _tree(places: SourcePositions) -> ast.Module:
    try:
        return ast.parse("\n".join(places.lines))
    except SyntaxError as error:
        line = min(error.lineno or 1, len(places.lines))
        column = max(1, error.offset or 1) + places.indents[line - 1]
        line_text = places.lines[line - 1].strip() or "the end"
        rule = f"is no Python: {error.msg}"
    except (ValueError, RecursionError, MemoryError):
        line, column, line_text, rule = 1, 1, places.lines[0], "is nested too deeply to be read"
    hint = "write nn.Sequential(...), or notation such as conv3 s2 p1 c64, relu"
    raise NotationError("the source", rule, line_text, line, column, hint)


class _Reader:
    """Reads one text, and infers the shape at each layer as torch would."""

    def __init__(self, places: SourcePositions) -> None:
        self.places = places
        self.prefixes = {"", "nn", "torch.nn", "collections"}
        self.shape = Shape(None)
        self.in_channels: int | None = None
        self.uncounted = False
        self.layers = 0

    def error(
        self, node: ast.AST, rule: str, value: object = None, hint: str = "", name: str = ""
    ) -> NotationError:
        return self.places.error(node, name or "the source", rule, value, hint)

    def network(self, tree: ast.Module) -> SourceNetwork:
        values = [value for value in map(self.statement, tree.body) if value is not None]
        if len(values) > 1 and any(isinstance(node, ast.Assign) for node in tree.body):
            raise self.error(*advice.several(values))
        layers = tuple(layer for value in values for layer in self.module(value))
        if not layers:
            raise self.error(
                tree, "must have at least one layer", "none", "try nn.Conv2d(3, 64, 3)"
            )
        spec = self.places.build_at(values[0], lambda: NetworkSpec(layers))
        return SourceNetwork(spec, self.in_channels)

    def statement(self, node: ast.stmt) -> ast.expr | None:
        """The expression of a statement that is a network, None for an import."""
        if isinstance(node, ast.Import | ast.ImportFrom):
            self.imported(node)
            return None
        if isinstance(node, ast.Expr | ast.Assign):
            return node.value
        raise self.error(node, "can have imports and one network only")

    def imported(self, node: ast.Import | ast.ImportFrom) -> None:
        """Learns under which name torch.nn goes."""
        start = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
        for each in node.names:
            name, alias = start + each.name, each.asname or each.name
            if name.split(".")[0] not in MODULES:
                raise self.error(node, "can import from torch only; nothing is executed")
            if name == "torch":
                self.prefixes.add(f"{alias}.nn")
            elif name in ("torch.nn", "collections"):
                self.prefixes.add(alias)

    def module(self, node: ast.expr) -> tuple[Layer, ...]:
        """The layers of an expression: a layer, a Sequential, or several of them."""
        if isinstance(node, ast.List | ast.Tuple):
            return self.chain(node.elts)
        if not isinstance(node, ast.Call):
            raise self.error(node, *advice.no_layer(node))
        name = self.called(node)
        if name == "Sequential":
            return self.sequential(node)
        if name in ("Residual", "Concat"):
            return (self.block(node, name),)
        if name == "OrderedDict":
            raise self.error(node, "must stand inside nn.Sequential(...)", name=name)
        return (self.leaf(node, FORM_OF[name]),)

    def chain(self, nodes: Sequence[ast.expr]) -> tuple[Layer, ...]:
        return tuple(layer for node in nodes for layer in self.module(node))

    def called(self, node: ast.Call) -> str:
        """The class a call names, checked against the white list."""
        path = advice.dotted(node.func) or "?"
        prefix, _, name = path.rpartition(".")
        if (
            prefix not in self.prefixes
            or name not in (*TORCH_NAMES, *OURS)
            or (prefix and name in OURS)
        ):
            raise self.error(node, *advice.no_class(node.func, TORCH_NAMES))
        return name

    def sequential(self, node: ast.Call) -> tuple[Layer, ...]:
        if node.keywords:
            rule = "takes layers without names"
            raise self.error(node.keywords[0], rule, name="nn.Sequential")
        first = node.args[0] if node.args else None
        if isinstance(first, ast.Call) and self.called(first) == "OrderedDict":
            return self.chain(list(self.ordered(node, first)))
        if isinstance(first, ast.List | ast.Tuple):
            rule = "takes layers, not a list of them: leave its brackets out"
            raise self.error(first, rule, name="nn.Sequential")
        return self.chain(node.args)

    def ordered(self, node: ast.Call, inner: ast.Call) -> Iterator[ast.expr]:
        """The layers of ``OrderedDict([(name, layer), ...])``."""
        items = inner.args[0] if len(inner.args) == 1 and not inner.keywords else None
        if len(node.args) != 1 or not isinstance(items, ast.List | ast.Tuple):
            rule = "must be OrderedDict([(name, layer), ...]), and nothing beside it"
            raise self.error(inner, rule, name="nn.Sequential")
        for item in items.elts:
            pair = item.elts if isinstance(item, ast.Tuple | ast.List) else []
            if len(pair) != 2 or not isinstance(getattr(pair[0], "value", None), str):
                raise self.error(item, 'must hold ("name", layer) pairs', name="OrderedDict")
            yield pair[1]

    def block(self, node: ast.Call, name: str) -> ResidualBlock | ConcatBlock:
        """A call of one of the classes that ``to_source`` writes."""
        residual = name == "Residual"
        if node.keywords or (residual and len(node.args) != 2):
            raise self.error(node, "takes modules without names: a body, a shortcut", name=name)
        before, chains, ends = self.shape, [], []
        for branch in node.args:
            self.shape = before
            chains.append(self.module(branch))
            ends.append(self.shape)
        self.counted(node)
        build_at = self.places.build_at
        block = build_at(
            node, lambda: ResidualBlock(*chains) if residual else ConcatBlock(tuple(chains))
        )
        self.shape = build_at(node, lambda: (sum_of if residual else stack_of)(ends))
        self.uncounted |= not residual
        return block

    def counted(self, node: ast.AST) -> None:
        self.layers += 1
        if self.layers > MAX_LAYERS:
            raise self.error(node, f"must have at most {MAX_LAYERS:,} layers")

    def leaf(self, node: ast.Call, form: TorchForm) -> Leaf:
        self.counted(node)
        read = read_call(node, form, self.places)
        if self.layers == 1 and isinstance(read.layer, Linear):
            self.shape, self.uncounted = Shape(None, flat=True), True
        wrong = misplaced(form, read.layer, self.shape.flat)
        if wrong:
            raise self.error(node, wrong, name=f"nn.{form.name}")
        if read.arriving is not None:
            self.arrives(node, form, read, read.arriving)
        self.shape = self.places.build_at(node, lambda: advance(read.layer, self.shape), read.at)
        self.uncounted |= isinstance(read.layer, UNCOUNTED)
        return read.layer

    def arrives(self, node: ast.Call, form: TorchForm, read: ReadLayer, arriving: int) -> None:
        """Compare the input channels that a layer declares with the inferred ones."""
        channels = self.shape.channels
        if channels is None and not self.uncounted:
            channels = self.in_channels = self.in_channels or arriving
        if channels not in (None, arriving):
            raise self.places.error(
                read.at[form.arriving], *mismatch(form, arriving, channels or arriving)
            )
        self.shape = replace(self.shape, channels=arriving)
