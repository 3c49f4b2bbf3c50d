"""The rules of recurrence and running sums: along their axis a unit sees every earlier step.

Both directions together see all of it. Only the axis of the steps is concerned; the other one,
and the grid, stay as they are.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from ..axes.axis_map import causal
from .call import Call, Link, Outcome, Source, dims_of, same, words
from .links import by_dims, unknown
from .windows import EARLIER, GLOBAL, Rule


def running(call: Call) -> Outcome:
    """cumsum, cumprod, cummax, cummin and logcumsumexp(input, dim)."""
    source = call.sources[0]
    (dim,) = dims_of(call.get(1, "dim"), len(source.shape))
    maps = {dim: causal(source.shape[dim])} if dim in source.held else {}
    return _earlier([by_dims(source, call.out, same(source), maps)], call.operation)


def _earlier(links: list[Link], name: str) -> Outcome:
    steps = any(axis.causal for link in links for axis in link.maps)
    return Outcome("window" if steps else "pass", links, f"{EARLIER}: {name}" if steps else "")


def recurrent(call: Call) -> Outcome:
    """lstm, gru, rnn_tanh and rnn_relu(input, state, weights, bias, layers, …, both, batch_first).

    The states that are returned as well have seen all steps.
    """
    second = call.args[1] if len(call.args) == 9 else None
    if second is None or (isinstance(second, torch.Tensor) and second.ndim == 1):
        return unknown(call, "a packed sequence")
    both, batch_first = bool(call.args[7]), bool(call.args[8])
    time, batch = (1, 0) if batch_first else (0, 1)
    links, states = [], []
    for source in call.sources:
        if source is call.sources[0] and call.source_of(call.args[0]):
            dims = {time: time, batch: batch}
            maps = {} if both else {time: causal(source.shape[time])}
            links.append(by_dims(source, call.out, dims, maps, [time] if both else []))
            states.append(by_dims(source, (1, call.out[batch], 1), {batch: 1}))
        else:
            links.append(by_dims(source, call.out, {1: batch}))
            states.append(by_dims(source, (1, call.out[batch], 1), {1: 1}))
    if both:
        outcome = Outcome("global", links, f"{GLOBAL}: {call.operation} in both directions")
    else:
        outcome = _earlier(links, call.operation)
    final = Outcome("global", states, f"{GLOBAL}: {call.operation} over all steps")
    return replace(outcome, states=final)


def cell(call: Call) -> Outcome:
    """One step of a recurrence: input and state, channels last, are mixed."""
    links = [_channels_mixed(source, call) for source in call.sources]
    return Outcome("merge" if len(links) > 1 else "pass", links)


def _channels_mixed(source: Source, call: Call) -> Link:
    return by_dims(source, call.out, {d: d for d in range(len(source.shape) - 1)})


RECURRENT_RULES: dict[str, Rule] = {
    **dict.fromkeys(words("cumsum cumprod cummax cummin logcumsumexp"), running),
    **dict.fromkeys(words("lstm gru rnn_tanh rnn_relu"), recurrent),
    **dict.fromkeys(words("lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell"), cell),
}
