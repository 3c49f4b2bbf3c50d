"""The rules of the operations that compute on units: one by one, in sums, or all with all.

Elementwise functions and merges are one rule: inputs are broadcast against each other.
What sums over an image axis, or lets every position see every other, is global.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from core.graph_call import Call, Outcome, by_dims, dims_of, right_aligned, same, unknown, words
from core.graph_windows import GLOBAL, Rule


def elementwise(call: Call) -> Outcome:
    """Functions of one unit, and of the same unit of several inputs, with broadcasting."""
    links = [by_dims(s, call.out, right_aligned(s.shape, call.out)) for s in call.sources]
    return Outcome("merge" if len(links) > 1 else "pass", links)


def _mixing(call: Call, dims: Sequence[int], what: str) -> Outcome:
    """Every unit along ``dims`` sees all units along them; the shape is kept."""
    links = [by_dims(s, call.out, same(s), mixed=dims) for s in call.sources]
    mixes = any(s.held & set(dims) for s in call.sources)
    return Outcome("global" if mixes else "pass", links, f"{GLOBAL}: {what}" if mixes else "")


def mix_along(call: Call) -> Outcome:
    """softmax(input, dim) and its like: normalised, sorted or summed up along a dimension."""
    rank = len(call.sources[0].shape)
    default: object = 1 if call.operation == "normalize" else -1
    place = 2 if call.operation == "normalize" else 1
    dim = call.get(place, "dim", default)
    return _mixing(call, dims_of(dim, rank), f"{call.operation} over space")


def layer_norm(call: Call) -> Outcome:
    """layer_norm and rms_norm(input, normalized_shape): statistics over the last dimensions."""
    rank = len(call.sources[0].shape)
    last = len(cast(Sequence[int], call.get(1, "normalized_shape")))
    return _mixing(call, range(rank - last, rank), "statistics over space")


def group_norm(call: Call) -> Outcome:
    """group_norm: statistics over the positions of each sample."""
    return _mixing(call, range(1, len(call.sources[0].shape)), "statistics over space")


def instance_norm(call: Call) -> Outcome:
    """instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, …)."""
    if call.get(5, "use_input_stats", True):
        return group_norm(call)
    return elementwise(call)


def batch_norm(call: Call) -> Outcome:
    """batch_norm(input, running_mean, running_var, weight, bias, training, …)."""
    if call.get(5, "training", False) or call.get(1, "running_mean") is None:
        return group_norm(call)
    return elementwise(call)


def reduction(call: Call) -> Outcome:
    """mean, sum, amax, … (input, dim, keepdim): global where an image axis is summed over."""
    source = call.sources[0]
    rank = len(source.shape)
    if len(call.sources) > 1:  # max(x, y), min(x, y)
        return elementwise(call)
    place = 2 if call.operation in ("norm", "vector_norm", "quantile") else 1
    gone = dims_of(call.get(place, "dim", call.kwargs.get("axis")), rank)
    kept = len(call.out) == rank
    dims: dict[int, int] = {}
    for dim in range(rank):
        if dim not in gone:
            dims[dim] = dim if kept else len(dims)
    summed = any(source.node.grid[a] > 1 and source.node.dims[a] in gone for a in (0, 1))
    note = f"{GLOBAL}: {call.operation} over space" if summed else ""
    return Outcome("global" if summed else "pass", [by_dims(source, call.out, dims)], note)


def linear(call: Call) -> Outcome:
    """linear(input, weight, bias): mixes the last dimension."""
    source = call.sources[0]
    if len(call.sources) > 1:
        return unknown(call, "weights computed from the input")
    dims = {dim: dim for dim in range(len(source.shape) - 1)}
    mixes = len(source.shape) - 1 in source.held
    note = f"{GLOBAL}: fully connected over space" if mixes else ""
    return Outcome("global" if mixes else "pass", [by_dims(source, call.out, dims)], note)


def matmul(call: Call) -> Outcome:
    """matmul(a, b): a's columns and b's rows are summed over; the rest broadcasts."""
    first, second = call.get(0, "input"), call.get(1, "other")
    links, mixes = [], False
    for value, summed in ((first, -1), (second, -2)):
        source = call.source_of(value)
        if source is None:
            continue
        rank = len(source.shape)
        if rank < 2 or len(call.out) < 2:
            return unknown(call, "product with a vector")
        dims = right_aligned(source.shape, call.out)
        del dims[rank + summed]
        mixes = mixes or rank + summed in source.held
        links.append(by_dims(source, call.out, dims))
    note = f"{GLOBAL}: matrix product over space"
    return Outcome("global" if mixes else "merge", links, note if mixes else "")


def einsum(call: Call) -> Outcome:
    """einsum(equation, …): letters that do not reach the output are summed over."""
    equation, *operands = call.args
    if len(operands) == 1 and isinstance(operands[0], list | tuple):
        operands = list(operands[0])
    text = str(equation).replace(" ", "")
    terms, arrow, out = text.partition("->")
    if not arrow or "." in text or len(terms.split(",")) != len(operands):
        return unknown(call, "einsum in this form")
    links, mixes = [], False
    for letters, value in zip(terms.split(","), operands, strict=True):
        source = call.source_of(value)
        if source is not None:
            dims = {dim: out.index(name) for dim, name in enumerate(letters) if name in out}
            mixes = mixes or bool(source.held - set(dims))
            links.append(by_dims(source, call.out, dims))
    return Outcome(
        "global" if mixes else "merge", links, f"{GLOBAL}: einsum over space" if mixes else ""
    )


def attention(call: Call) -> Outcome:
    """scaled_dot_product_attention(q, k, v): every query sees every key along dimension −2."""
    token_dim = len(call.sources[0].shape) - 2
    return _attention(call, token_dim)


def multi_head_attention(call: Call) -> Outcome:
    """multi_head_attention_forward(q, k, v, …): tokens come first."""
    return _attention(call, 0)


def _attention(call: Call, token_dim: int) -> Outcome:
    links = []
    for source in call.sources:
        same = source.shape[token_dim] == call.out[token_dim]
        dims = {d: d for d in range(len(source.shape) - 1) if d != token_dim or same}
        links.append(by_dims(source, call.out, dims, mixed=[token_dim]))
    mixes = any(token_dim in source.held for source in call.sources)
    return Outcome("global" if mixes else "merge", links, f"{GLOBAL}: attention" if mixes else "")


_ELEMENTWISE = words("""
relu relu6 leaky_relu prelu rrelu elu selu celu gelu silu mish hardswish hardsigmoid hardtanh
sigmoid logsigmoid tanh softplus softsign softshrink hardshrink tanhshrink threshold dropout
dropout1d dropout2d alpha_dropout feature_alpha_dropout feature_dropout abs absolute neg negative
exp exp2 expm1 log log2 log10 log1p sqrt rsqrt square sin cos tan asin acos atan sinh cosh erf erfc
sign sgn floor ceil round trunc frac clamp clamp_min clamp_max clip pow rpow float_power reciprocal
contiguous clone detach to type float half double bfloat16 cpu cuda type_as nan_to_num logical_not
bitwise_not invert alias positive data local_response_norm identity add iadd radd sub subtract isub
rsub mul multiply imul rmul div divide true_divide idiv rdiv rtruediv truediv floor_divide
rfloordiv fmod remainder maximum minimum fmax fmin where lerp addcmul addcdiv atan2 hypot logaddexp
gt lt ge le eq ne greater less logical_and logical_or logical_xor bitwise_and bitwise_or and or
masked_fill copysign xlogy heaviside channel_shuffle requires_grad real isnan isinf isfinite glu
fill_diagonal dequantize logit sinc
""")
_MIXES = words("""
softmax log_softmax softmin normalize cumsum cumprod cummax cummin logcumsumexp sort argsort
gumbel_softmax
""")
_REDUCES = words("""
mean sum amax amin max min prod std var norm vector_norm logsumexp argmax argmin median any all
nansum nanmean count_nonzero
""")
MIXING_RULES: dict[str, Rule] = {
    **dict.fromkeys(_ELEMENTWISE, elementwise),
    **dict.fromkeys(_MIXES, mix_along),
    **dict.fromkeys(_REDUCES, reduction),
    **dict.fromkeys(("layer_norm", "rms_norm"), layer_norm),
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    "batch_norm": batch_norm,
    "linear": linear,
    **dict.fromkeys(("matmul", "bmm", "mm", "rmatmul"), matmul),
    "einsum": einsum,
    "scaled_dot_product_attention": attention,
    "multi_head_attention_forward": multi_head_attention,
}
