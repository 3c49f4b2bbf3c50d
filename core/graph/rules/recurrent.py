"""Receptive-field rules of recurrent layers and running sums.

In these, a unit reads every earlier step; in a bidirectional recurrence it reads all steps. The
image axis that does not hold the steps is unchanged.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from ..axes.axis_map import causal_map
from .call import Call, Link, Outcome, Source, names_in, normalized_dims, same_dims
from .links import link_by_dims, unknown_outcome
from .windows import EARLIER_NOTE, GLOBAL_NOTE, Rule


def cumulative(call: Call) -> Outcome:
    """The receptive-field rule of cumsum, cumprod, cummax, cummin and logcumsumexp(input, dim)."""
    source = call.sources[0]
    (dim,) = normalized_dims(call.get(1, "dim"), len(source.shape))
    maps = {dim: causal_map(source.shape[dim])} if dim in source.image_dims else {}
    return _causal_outcome(
        [link_by_dims(source, call.out, same_dims(source), maps)], call.operation
    )


def _causal_outcome(links: list[Link], name: str) -> Outcome:
    """The outcome of an operation along time steps; ``name`` is its name in the note."""
    steps = any(axis.causal for link in links for axis in link.maps)
    return Outcome("window" if steps else "pass", links, f"{EARLIER_NOTE}: {name}" if steps else "")


def recurrent(call: Call) -> Outcome:
    """The receptive-field rule of lstm, gru, rnn_tanh and rnn_relu.

    Their arguments are (input, state, weights, has_biases, num_layers, dropout, train,
    bidirectional, batch_first). The final states, which they return too, read all steps.
    """
    second = call.args[1] if len(call.args) == 9 else None
    if second is None or (isinstance(second, torch.Tensor) and second.ndim == 1):
        return unknown_outcome(call, "a packed sequence")
    bidirectional, batch_first = bool(call.args[7]), bool(call.args[8])
    time, batch = (1, 0) if batch_first else (0, 1)
    links, states = [], []
    for source in call.sources:
        if source is call.sources[0] and call.source_of(call.args[0]):
            dims = {time: time, batch: batch}
            maps = {} if bidirectional else {time: causal_map(source.shape[time])}
            links.append(
                link_by_dims(source, call.out, dims, maps, [time] if bidirectional else [])
            )
            states.append(link_by_dims(source, (1, call.out[batch], 1), {batch: 1}))
        else:
            links.append(link_by_dims(source, call.out, {1: batch}))
            states.append(link_by_dims(source, (1, call.out[batch], 1), {1: 1}))
    if bidirectional:
        outcome = Outcome("global", links, f"{GLOBAL_NOTE}: {call.operation} in both directions")
    else:
        outcome = _causal_outcome(links, call.operation)
    final = Outcome("global", states, f"{GLOBAL_NOTE}: {call.operation} over all steps")
    return replace(outcome, states=final)


def recurrent_cell(call: Call) -> Outcome:
    """The receptive-field rule of a single step of a recurrent layer.

    The step mixes the channels (last dimension) of the input and of the state.
    """
    links = [_channel_mixing_link(source, call) for source in call.sources]
    return Outcome("merge" if len(links) > 1 else "pass", links)


def _channel_mixing_link(source: Source, call: Call) -> Link:
    """The link of an input whose last dimension is summed over."""
    return link_by_dims(source, call.out, {d: d for d in range(len(source.shape) - 1)})


RECURRENT_RULES: dict[str, Rule] = {
    **dict.fromkeys(names_in("cumsum cumprod cummax cummin logcumsumexp"), cumulative),
    **dict.fromkeys(names_in("lstm gru rnn_tanh rnn_relu"), recurrent),
    **dict.fromkeys(names_in("lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell"), recurrent_cell),
}
