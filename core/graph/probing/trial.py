"""One recorded call of torch, run on real numbers to see what each of its outputs reads.

The call runs on its own on the CPU, on random numbers of the shapes it had, again and again
with one row or one column of one input changed. An output reads the row if NaN there alters
it, or a large finite change does. The image's axes may be given other lengths, where the call
takes them. Nothing but the recorded function is run.
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
from .map_fit import Reads

FLOPS_PER_NUMBER = 16
"""Floating-point operations that take about as long as reading or writing a number."""
INPUT_RANGES = ((0.5, 0.95), (0.1, 0.6))
"""Ranges of the random inputs: where their values decide what is read, the draws differ."""
CONSTANT_RANGE = (-1.0, 1.0)
"""Range of the constants whose values are not known."""
CHANGES = ((float("nan"), 1000.0), (float("nan"), -1000.0))
"""What is added to a row or a column, one after the other, for each draw."""

Lengths = tuple[int | None, int | None]
"""Of the image's axes, (height, width), in place of the real ones; None leaves one as it is."""


@dataclass(frozen=True)
class Observation:
    """What one result reads of one input along an image axis.

    Attributes:
        reads: for each dimension of the result, by its places, over all its other dimensions.
        tied: (dims, dims), true where what is read along one dimension hangs on the place along
            the other.
    """

    reads: tuple[Reads, ...]
    tied: NDArray[np.bool_]

    def agrees_with(self, other: Observation) -> bool:
        """Whether the same was seen, along all dimensions that have one length in both."""
        pairs = [(a, b) for a, b in zip(self.reads, other.reads, strict=True) if a.shape == b.shape]
        return np.array_equal(self.tied, other.tied) and all(np.array_equal(a, b) for a, b in pairs)


Observations = dict[tuple[int, int], Observation | None]
"""What was seen, by (an input's, a result's place); None where it hangs on the values."""


class NotProbedError(Exception):
    """Why running a call does not show what it reads."""


class NotRunError(NotProbedError):
    """A call fails on its own, or where the image has other lengths."""


class NotRepeatableError(RuntimeError):
    """A call draws random numbers, or turns values into Python numbers."""


class Repeatable(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses operations that draw random numbers or give Python their values.

    Raises:
        NotRepeatableError: inside the ``with``, from the call itself.
    """

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation of torch unless one of its tags says that it cannot be repeated."""
        if _UNREPEATABLE_TAGS & set(func.tags):
            raise NotRepeatableError(str(func))
        return func(*args, **(kwargs or {}))


_UNREPEATABLE_TAGS = {torch.Tag.nondeterministic_seeded, torch.Tag.data_dependent_output}


class Trial:
    """A call that can be run on other values, and on images of other lengths.

    Attributes:
        sources: its inputs that depend on the image, by the id of their tensor.
        dims: the dimensions in which their height and width lie; None where one is gone.
        shapes: of its results.
        tokens: the dimension in which inputs have height and width row by row, if they do.
    """

    def __init__(self, call: Call, shapes: Sequence[Shape], constants: Constants) -> None:
        self.call, self.shapes, self.constants = call, shapes, constants
        self.tensors = {id(tensor): tensor for tensor in tensors_in((call.args, call.kwargs))}
        sources = {key: call.source_of(tensor) for key, tensor in self.tensors.items()}
        self.sources = {key: source for key, source in sources.items() if source}
        self.dims = {key: _image_dims(source) for key, source in self.sources.items()}
        rolled = (rows for rows, cols in self.dims.values() if rows is not None and rows == cols)
        self.tokens = next(rolled, None)
        self._check()

    def _check(self) -> None:
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

    def key(self) -> object:
        """Equal for calls that run the same on inputs laid out the same."""
        order = {key: place for place, key in enumerate(self.sources)}

        def mark(tensor: torch.Tensor) -> object:
            plain = tuple(tensor.shape), tensor.dtype
            if source := self.sources.get(id(tensor)):
                return order[id(tensor)], source.layout, source.node.grid, plain
            return plain if self.constants.fixed_values(tensor) is None else id(tensor)

        return self.call.function, repr(
            _map_tensors((list(self.call.args), self.call.kwargs), mark)
        )

    def length(self, axis: int) -> int:
        """Units along an image axis, of the input that has most."""
        return max(source.node.grid[axis] for source in self.sources.values())

    def resizable(self, axis: int) -> bool:
        """All inputs have the same length along an image axis, or one unit."""
        return len({s.node.grid[axis] for s in self.sources.values()} - {1}) < 2

    def grid(self, source: Source, lengths: Lengths) -> tuple[int, int]:
        """The units of an input where the image's axes have other lengths."""
        rows, cols = (
            n if n == 1 or length is None else length
            for n, length in zip(source.node.grid, lengths, strict=True)
        )
        return rows, cols

    def _shape_for(self, key: int, lengths: Lengths) -> Shape:
        shape = list(self.tensors[key].shape)
        if source := self.sources.get(key):
            grid = self.grid(source, lengths)
            for dim, n in zip(self.dims[key], grid, strict=True):
                if dim is not None:
                    shape[dim] = n if self.tokens is None else prod(grid)
        return tuple(shape)

    def cost(self, axis: int, lengths: Lengths) -> int:
        """Numbers that `seen` reads and writes.

        Raises:
            NotRunError: the call does not take these lengths.
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
        return once * len(INPUT_RANGES) * (len(CHANGES[0]) * changes + 2)

    def _run_call(self, values: Mapping[int, torch.Tensor], device: str) -> list[torch.Tensor]:
        function: Any = self.call.function
        plain = (list(self.call.args), dict(self.call.kwargs))
        try:
            with DisableTorchFunction(), torch.no_grad():
                args, kwargs = _map_tensors(plain, lambda tensor: values[id(tensor)], device)
                with Repeatable():  # type: ignore[no-untyped-call]
                    return tensors_in((function(*args, **kwargs),))
        except Exception as error:
            line = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise NotRunError(f"cannot be run on its own ({line[:120]})") from error

    def observe(self, axis: int, lengths: Lengths) -> Observations:
        """What the results read along an image axis.

        Raises:
            NotProbedError: that cannot be seen.
        """
        first, *others = (
            self._observe_draw(axis, lengths, draw) for draw in range(len(INPUT_RANGES))
        )
        return {
            pair: here if all(here.agrees_with(other[pair]) for other in others) else None
            for pair, here in first.items()
        }

    def _observe_draw(
        self, axis: int, lengths: Lengths, draw: int
    ) -> dict[tuple[int, int], Observation]:
        values = self._random_values(lengths, draw)
        base = self._unchanged_results(values)
        observations = {}
        for order, (key, source) in enumerate(self.sources.items()):
            grid = self.grid(source, lengths)
            marks = [
                self._altered_by(
                    values, base, key, self._index_of(key, axis, unit, grid), CHANGES[draw]
                )
                for unit in range(grid[axis])
            ]
            for place in range(len(base)):
                observations[order, place] = _observation_from(
                    [self._with_token_axes(each[place], grid) for each in marks]
                )
        return observations

    def _random_values(self, lengths: Lengths, draw: int) -> dict[int, torch.Tensor]:
        """Random inputs; of constants what they hold where it is known, random numbers otherwise."""
        generator = torch.Generator().manual_seed(draw)
        values = {}
        for key, tensor in self.tensors.items():
            fixed = None if key in self.sources else self.constants.fixed_values(tensor)
            if fixed is None:
                ends = INPUT_RANGES[draw] if key in self.sources else CONSTANT_RANGE
                shape = self._shape_for(key, lengths)
                values[key] = _random_tensor(shape, tensor.dtype, ends, generator)
                if key not in self.sources and self.constants.is_tracked(tensor):
                    present = self.constants.nonzero_mask(tensor)
                    values[key] = values[key] if present is None else values[key] * present.cpu()
            else:
                values[key] = fixed.clone()
        return values

    def _unchanged_results(self, values: Mapping[int, torch.Tensor]) -> list[torch.Tensor]:
        """The results on the values as they are; the same whenever the call is made."""
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

    def _index_of(self, key: int, axis: int, unit: int, grid: tuple[int, int]) -> tuple[Any, ...]:
        """The part of an input that is one of its rows or columns, as an index."""
        dim = self.dims[key][axis]
        if dim is None:
            return (...,)
        if self.tokens is not None:
            tokens = torch.arange(prod(grid)).view(grid).select(axis, unit)
            return (*[slice(None)] * dim, tokens)
        return (*[slice(None)] * dim, unit)

    def _altered_by(
        self,
        values: Mapping[int, torch.Tensor],
        base: Sequence[torch.Tensor],
        key: int,
        piece: tuple[Any, ...],
        changes: Sequence[float],
    ) -> list[torch.Tensor]:
        """Where each result is altered by one of the changes of a piece of an input."""
        altered = [torch.zeros(result.shape, dtype=torch.bool) for result in base]
        for change in changes:
            changed = values[key].clone()
            if changed.dtype == torch.bool:
                changed[piece] = ~changed[piece]
            else:
                changed[piece] += change
            results = self._run_call({**values, key: changed}, "cpu")
            for here, one, other in zip(altered, base, results, strict=True):
                here |= _differs(one, other)
        return altered

    def _with_token_axes(self, result: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
        """A result with the height and the width of its tokens in dimensions of their own."""
        dim = self.tokens
        if dim is not None and result.ndim > dim and result.shape[dim] == prod(grid):
            return result.reshape(*result.shape[:dim], *grid, *result.shape[dim + 1 :])
        return result


def _map_tensors(value: Any, new: Callable[[torch.Tensor], Any], device: str = "cpu") -> Any:
    """The same arguments with other tensors and another device, through lists, tuples and dicts."""
    if isinstance(value, torch.Tensor):
        return new(value)
    if isinstance(value, torch.device):
        return torch.device(device)
    if isinstance(value, list):
        return [_map_tensors(part, new, device) for part in value]
    if type(value) is tuple:
        return tuple(_map_tensors(part, new, device) for part in value)
    if isinstance(value, dict):
        moved = {key: _map_tensors(part, new, device) for key, part in value.items()}
        return moved | ({"device": device} if value.get("device") is not None else {})
    return value


def _image_dims(source: Source) -> Dims:
    """The dimensions of both axes of an input that has each of them in one piece."""
    layout = source.layout
    plain = all(len(placed_parts(layout, axis)) < 2 for axis in (0, 1))
    mixed = any(part.axis is None for parts in layout for part in parts)
    rows, cols = outer_dims(layout)
    turned = rows is not None and rows == cols and layout[rows][0].axis == 1
    if not plain or mixed or turned:
        raise NotProbedError("its input has the image in blocks")
    return rows, cols


def _random_tensor(
    shape: Shape, dtype: torch.dtype, ends: tuple[float, float], generator: torch.Generator
) -> torch.Tensor:
    low, high = ends
    even = torch.rand(shape, generator=generator)
    return even > 0.5 if dtype == torch.bool else (low + (high - low) * even).to(dtype)


def _differs(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Where two results differ; NaN is equal to itself."""
    return (one != other) & ~((one != one) & (other != other))


def _observation_from(altered: Sequence[torch.Tensor]) -> Observation:
    """From where a result is altered, for each row or column that was changed."""
    marks = [each.reshape(1) if each.ndim == 0 else each for each in altered]
    by_dim = [[_marked_along(each, dim) for dim in range(each.ndim)] for each in marks]
    reads = tuple(np.stack(column, axis=1) for column in zip(*by_dim, strict=True))
    rank = marks[0].ndim
    tied = np.zeros((rank, rank), dtype=np.bool_)
    read = [(each, alone) for each, alone in zip(marks, by_dim, strict=True) if alone[0].any()]
    for one, other in permutations((d for d in range(rank) if marks[0].shape[d] > 1), 2):
        tied[one, other] = not all(
            np.array_equal(alone[other], read[0][1][other])
            and np.array_equal(_marked_along(each, one, other), _outer_product(alone, one, other))
            for each, alone in read
        )
    return Observation(reads, tied)


def _outer_product(alone: Sequence[NDArray[np.bool_]], one: int, other: int) -> NDArray[np.bool_]:
    """The marks along two dimensions if there is one wherever there is one along both."""
    low, high = sorted((one, other))
    return np.outer(alone[low], alone[high])


def _marked_along(marks: torch.Tensor, *dims: int) -> NDArray[np.bool_]:
    """At which places of some dimensions there is a mark, along the others."""
    others = tuple(dim for dim in range(marks.ndim) if dim not in dims)
    there: NDArray[np.bool_] = (marks.any(dim=others) if others else marks).numpy()
    return there
