"""Runs one recorded torch call on random numbers to observe what each of its outputs reads.

The call runs by itself on the CPU, on random inputs of the recorded shapes, once for each row or
column of each input with that row or column changed. An output reads the row if NaN in it, or a
large finite change of it, alters the output. The image axes may have other lengths than recorded
if the call accepts them. Only the recorded function is run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...tensors import tensors_in
from ...torch_private import DisableTorchFunction, FlopCounter, TorchDispatchMode
from ..axes.layout import Dims, Shape, outer_dims, placed_parts
from ..rules.call import Call, Source
from ..tracing.constants import Constants
from .map_fit import ReadMatrix

FLOPS_PER_NUMBER = 16
"""Number of floating-point operations that take about as long as reading or writing a number."""
INPUT_RANGES = ((0.5, 0.95), (0.1, 0.6))
"""The ranges of the two random draws of the inputs.

The draws are observed separately. Where the observations differ, the reads depend on the values.
"""
CONSTANT_RANGE = (-1.0, 1.0)
"""The range of random numbers for constants of unknown values."""
INPUT_CHANGES = ((float("nan"), 1000.0), (float("nan"), -1000.0))
"""For each draw, the changes that are added to a row or column, in separate runs."""

Lengths = tuple[int | None, int | None]
"""The lengths of (height, width) for a trial; None stands for the recorded length."""


@dataclass(frozen=True)
class Observation:
    """The units of an image axis of one input that one result was observed to read.

    Attributes:
        reads: for each dimension of the result, the units that each index along it reads, united
            over all other dimensions.
        tied: a matrix (dimensions, dimensions) that is True where the reads along one dimension
            depend on the index along the other.
    """

    reads: tuple[ReadMatrix, ...]
    tied: NDArray[np.bool_]

    def agrees_with(self, other: Observation) -> bool:
        """Whether two observations are equal along all dimensions that have the same length."""
        pairs = [(a, b) for a, b in zip(self.reads, other.reads, strict=True) if a.shape == b.shape]
        return np.array_equal(self.tied, other.tied) and all(np.array_equal(a, b) for a, b in pairs)


Observations = dict[tuple[int, int], Observation | None]
"""Observations by (index of the input, index of the result); None if they depend on values."""


class NotProbedError(Exception):
    """The reason why a call's reads cannot be observed by running it."""


class NotRunError(NotProbedError):
    """The error of a call that fails by itself, or for the lengths of a trial."""


class NotRepeatableError(RuntimeError):
    """The error of a call that draws random numbers or turns values into Python numbers."""


class RefuseUnrepeatable(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A context that refuses operations which draw random numbers or return Python numbers.

    Such an operation raises `NotRepeatableError` inside the context.
    """

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs an operation unless one of its tags says that its result varies."""
        if _UNREPEATABLE_TAGS & set(func.tags):
            raise NotRepeatableError(str(func))
        return func(*args, **(kwargs or {}))


_UNREPEATABLE_TAGS = {torch.Tag.nondeterministic_seeded, torch.Tag.data_dependent_output}
"""torch's tags of random operations and of operations that return Python numbers."""


class Trial:
    """A recorded call that can be run on other values and on images of other lengths.

    Attributes:
        call: the call.
        shapes: the recorded shapes of its results.
        constants: the values of the run's constants.
        tensors: all tensors among its arguments, by their ``id``.
        sources: the inputs that depend on the image, by the ``id`` of their tensor.
        dims: for each of these, the dimensions of the height and the width, or None.
        tokens: the dimension in which the inputs have tokens in row-major order; None if they
            have no tokens.
    """

    def __init__(self, call: Call, shapes: Sequence[Shape], constants: Constants) -> None:
        self.call, self.shapes, self.constants = call, shapes, constants
        self.tensors = {id(tensor): tensor for tensor in tensors_in((call.args, call.kwargs))}
        sources = {key: call.source_of(tensor) for key, tensor in self.tensors.items()}
        self.sources = {key: source for key, source in sources.items() if source}
        self.dims = {key: _image_dims(source) for key, source in self.sources.items()}
        shared = (rows for rows, cols in self.dims.values() if rows is not None and rows == cols)
        self.tokens = next(shared, None)
        self._check()

    def _check(self) -> None:
        """Raises NotProbedError for unknown indices, and for tokens beside other layouts."""
        for key, tensor in self.tensors.items():
            if tensor.is_floating_point() or tensor.is_complex():
                continue
            if key in self.sources and tensor.dtype != torch.bool:
                raise NotProbedError("reads indices that depend on the input")
            if key not in self.sources and self.constants.fixed_values(tensor) is None:
                raise NotProbedError("reads indices whose values are not known")
        layouts = {(source.layout, source.node.grid) for source in self.sources.values()}
        if self.tokens is not None and len(layouts) > 1:
            raise NotProbedError("mixes tokens with others")

    def cache_key(self) -> object:
        """A hashable key that is equal for calls with equal arguments, shapes and layouts."""
        order = {key: i for i, key in enumerate(self.sources)}

        def mark(tensor: torch.Tensor) -> object:
            plain = tuple(tensor.shape), tensor.dtype
            if source := self.sources.get(id(tensor)):
                return order[id(tensor)], source.layout, source.node.grid, plain
            return plain if self.constants.fixed_values(tensor) is None else id(tensor)

        return self.call.function, repr(
            _replace_tensors((list(self.call.args), self.call.kwargs), mark)
        )

    def length(self, axis: int) -> int:
        """The number of units along an image axis, in the input that has most."""
        return max(source.node.grid[axis] for source in self.sources.values())

    def is_resizable(self, axis: int) -> bool:
        """Whether an image axis may get another length: all inputs have one length or one unit."""
        return len({s.node.grid[axis] for s in self.sources.values()} - {1}) < 2

    def grid(self, source: Source, lengths: Lengths) -> tuple[int, int]:
        """The units of an input along (height, width) if the image axes have these lengths."""
        rows, cols = (
            n if n == 1 or length is None else length
            for n, length in zip(source.node.grid, lengths, strict=True)
        )
        return rows, cols

    def _shape_for(self, key: int, lengths: Lengths) -> Shape:
        """The shape of an argument if the image axes have these lengths."""
        shape = list(self.tensors[key].shape)
        if source := self.sources.get(key):
            grid = self.grid(source, lengths)
            for dim, n in zip(self.dims[key], grid, strict=True):
                if dim is not None:
                    shape[dim] = n if self.tokens is None else prod(grid)
        return tuple(shape)

    def observation_cost(self, axis: int, lengths: Lengths) -> int:
        """The number of values that `observe` reads and writes; operations count as fractions.

        Raises:
            NotRunError: the call does not run at these lengths.
        """
        shapes = {key: self._shape_for(key, lengths) for key in self.tensors}
        empty = {
            key: torch.empty(shapes[key], dtype=tensor.dtype, device="meta")
            for key, tensor in self.tensors.items()
        }
        with FlopCounter() as counter:
            results = self._run_call(empty, "meta")
        if [result.ndim for result in results] != [len(shape) for shape in self.shapes]:
            raise NotRunError("gives something else for other lengths")
        once = sum(map(prod, shapes.values())) + sum(result.numel() for result in results)
        once += int(counter.get_total_flops()) // FLOPS_PER_NUMBER
        changes = sum(self.grid(source, lengths)[axis] for source in self.sources.values())
        return once * len(INPUT_RANGES) * (len(INPUT_CHANGES[0]) * changes + 2)

    def _run_call(self, values: Mapping[int, torch.Tensor], device: str) -> list[torch.Tensor]:
        """The tensors that the function returns for these values of its arguments.

        Raises:
            NotRunError: the function fails.
        """
        function: Any = self.call.function
        plain = (list(self.call.args), dict(self.call.kwargs))
        try:
            with DisableTorchFunction(), torch.no_grad():
                args, kwargs = _replace_tensors(plain, lambda tensor: values[id(tensor)], device)
                with RefuseUnrepeatable():  # type: ignore[no-untyped-call]
                    return tensors_in((function(*args, **kwargs),))
        except Exception as error:
            line = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise NotRunError(f"cannot be run on its own ({line[:120]})") from error

    def observe(self, axis: int, lengths: Lengths) -> Observations:
        """The units of an image axis that the results read, if the axes have these lengths.

        Raises:
            NotProbedError: the call is not repeatable or returns NaN.
        """
        first, *others = (
            self._observe_draw(axis, lengths, draw) for draw in range(len(INPUT_RANGES))
        )
        return {
            pair: own if all(own.agrees_with(other[pair]) for other in others) else None
            for pair, own in first.items()
        }

    def _observe_draw(
        self, axis: int, lengths: Lengths, draw: int
    ) -> dict[tuple[int, int], Observation]:
        """The observations of one random draw, by (index of the input, index of the result)."""
        values = self._random_values(lengths, draw)
        base = self._unchanged_results(values)
        observations = {}
        for order, (key, source) in enumerate(self.sources.items()):
            grid = self.grid(source, lengths)
            marks = [
                self._altered_elements(
                    values,
                    base,
                    key,
                    self._index_of_row_or_column(key, axis, unit, grid),
                    INPUT_CHANGES[draw],
                )
                for unit in range(grid[axis])
            ]
            for result_index in range(len(base)):
                observations[order, result_index] = _observation_from(
                    [self._with_token_axes(each[result_index], grid) for each in marks]
                )
        return observations

    def _random_values(self, lengths: Lengths, draw: int) -> dict[int, torch.Tensor]:
        """Random inputs, and constants with their values if these are known, else random ones."""
        generator = torch.Generator().manual_seed(draw)
        values = {}
        for key, tensor in self.tensors.items():
            fixed = None if key in self.sources else self.constants.fixed_values(tensor)
            if fixed is None:
                limits = INPUT_RANGES[draw] if key in self.sources else CONSTANT_RANGE
                shape = self._shape_for(key, lengths)
                values[key] = _random_tensor(shape, tensor.dtype, limits, generator)
                if key not in self.sources and self.constants.is_tracked(tensor):
                    present = self.constants.nonzero_mask(tensor)
                    values[key] = values[key] if present is None else values[key] * present.cpu()
            else:
                values[key] = fixed.clone()
        return values

    def _unchanged_results(self, values: Mapping[int, torch.Tensor]) -> list[torch.Tensor]:
        """The results for unchanged inputs.

        Raises:
            NotProbedError: the call writes to its arguments, its results vary, or they are NaN.
        """
        before = {key: value.clone() for key, value in values.items()}
        base = [result.clone() for result in self._run_call(values, "cpu")]
        again = self._run_call(values, "cpu")
        if any(_differs(values[key], before[key]).any() for key in before):
            raise NotProbedError("writes to what it is given")
        if any(_differs(one, other).any() for one, other in zip(base, again, strict=True)):
            raise NotProbedError("gives other results each time")
        if any(result.isnan().any() for result in base):
            raise NotProbedError("gives no numbers for random ones")
        return base

    def _index_of_row_or_column(
        self, key: int, axis: int, unit: int, grid: tuple[int, int]
    ) -> tuple[Any, ...]:
        """The index of one row or column in the tensor of an input."""
        dim = self.dims[key][axis]
        if dim is None:
            return (...,)
        if self.tokens is not None:
            tokens = torch.arange(prod(grid)).view(grid).select(axis, unit)
            return (*[slice(None)] * dim, tokens)
        return (*[slice(None)] * dim, unit)

    def _altered_elements(
        self,
        values: Mapping[int, torch.Tensor],
        base: Sequence[torch.Tensor],
        key: int,
        index: tuple[Any, ...],
        changes: Sequence[float],
    ) -> list[torch.Tensor]:
        """For each result, the boolean mask of its elements that changes at an index alter.

        Args:
            values: the unchanged arguments.
            base: the results for these.
            key: the input that is changed.
            index: the row or column of the input.
            changes: the numbers that are added there, in separate runs.
        """
        altered = [torch.zeros(result.shape, dtype=torch.bool) for result in base]
        for change in changes:
            changed = values[key].clone()
            if changed.dtype == torch.bool:
                changed[index] = ~changed[index]
            else:
                changed[index] += change
            results = self._run_call({**values, key: changed}, "cpu")
            for mask, one, other in zip(altered, base, results, strict=True):
                mask |= _differs(one, other)
        return altered

    def _with_token_axes(self, result: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
        """A result in which the dimension of tokens is split into height and width."""
        dim = self.tokens
        if dim is not None and result.ndim > dim and result.shape[dim] == prod(grid):
            return result.reshape(*result.shape[:dim], *grid, *result.shape[dim + 1 :])
        return result


def _replace_tensors(
    value: Any, replacement_of: Callable[[torch.Tensor], Any], device: str = "cpu"
) -> Any:
    """Nested arguments in which other tensors replace the tensors, and ``device`` every device."""
    if isinstance(value, torch.Tensor):
        return replacement_of(value)
    if isinstance(value, torch.device):
        return torch.device(device)
    if isinstance(value, list):
        return [_replace_tensors(part, replacement_of, device) for part in value]
    if type(value) is tuple:
        return tuple(_replace_tensors(part, replacement_of, device) for part in value)
    if isinstance(value, dict):
        moved = {key: _replace_tensors(part, replacement_of, device) for key, part in value.items()}
        return moved | ({"device": device} if value.get("device") is not None else {})
    return value


def _image_dims(source: Source) -> Dims:
    """The dimensions of the height and the width of an input.

    Raises:
        NotProbedError: an axis is cut into several parts or shares its dimension with channels.
    """
    layout = source.layout
    plain = all(len(placed_parts(layout, axis)) < 2 for axis in (0, 1))
    mixed = any(part.axis is None for parts in layout for part in parts)
    rows, cols = outer_dims(layout)
    column_major = rows is not None and rows == cols and layout[rows][0].axis == 1
    if not plain or mixed or column_major:
        raise NotProbedError("its input has the image in blocks")
    return rows, cols


def _random_tensor(
    shape: Shape, dtype: torch.dtype, limits: tuple[float, float], generator: torch.Generator
) -> torch.Tensor:
    """Uniform random numbers between two limits; for booleans, True with probability 1/2."""
    low, high = limits
    uniform = torch.rand(shape, generator=generator)
    return uniform > 0.5 if dtype == torch.bool else (low + (high - low) * uniform).to(dtype)


def _differs(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """The boolean mask of the elements in which two results differ; NaN equals NaN."""
    return (one != other) & ~((one != one) & (other != other))


def _observation_from(altered: Sequence[torch.Tensor]) -> Observation:
    """The observation of one result.

    Args:
        altered: for each changed row or column, the boolean mask of the altered elements.
    """
    marks = [each.reshape(1) if each.ndim == 0 else each for each in altered]
    by_dim = [[_any_over_other_dims(each, dim) for dim in range(each.ndim)] for each in marks]
    reads = tuple(np.stack(column, axis=1) for column in zip(*by_dim, strict=True))
    rank = marks[0].ndim
    tied = np.zeros((rank, rank), dtype=np.bool_)
    read = [(each, alone) for each, alone in zip(marks, by_dim, strict=True) if alone[0].any()]
    for one, other in permutations((d for d in range(rank) if marks[0].shape[d] > 1), 2):
        tied[one, other] = not all(
            np.array_equal(alone[other], read[0][1][other])
            and np.array_equal(
                _any_over_other_dims(each, one, other), _outer_product(alone, one, other)
            )
            for each, alone in read
        )
    return Observation(reads, tied)


def _outer_product(
    marks_by_dim: Sequence[NDArray[np.bool_]], dim: int, other_dim: int
) -> NDArray[np.bool_]:
    """The marks in the plane of two dimensions if they are independent along both.

    Args:
        marks_by_dim: the boolean marks along each dimension.
        dim, other_dim: the two dimensions.
    """
    low, high = sorted((dim, other_dim))
    return np.outer(marks_by_dim[low], marks_by_dim[high])


def _any_over_other_dims(marks: torch.Tensor, *dims: int) -> NDArray[np.bool_]:
    """The marks along some dimensions, united over all other dimensions."""
    others = tuple(dim for dim in range(marks.ndim) if dim not in dims)
    united: NDArray[np.bool_] = (marks.any(dim=others) if others else marks).numpy()
    return united
