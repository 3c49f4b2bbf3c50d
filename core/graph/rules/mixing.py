"""The rules of the operations that compute on units: one by one, in sums, or all with all.

Elementwise functions and merges are one rule: inputs are broadcast against each other.
What sums over an image axis, or lets every position see every other, is global.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import torch

from ..axes.layout import Shape
from ..axes.nesting import map_of_matrix
from .attention_masks import (
    MASKED_SCORES_BOUND,
    UNKNOWN_MASK_BOUND,
    VisibleKeys,
    masks_scores,
    visible_keys,
)
from .call import Call, Link, Outcome, Source, broadcast_dims, names_in, normalized_dims, same_dims
from .links import link_by_dims, unknown_outcome
from .windows import EARLIER, GLOBAL, Rule


def elementwise(call: Call) -> Outcome:
    """Functions of one unit, and of the same unit of several inputs, with broadcasting."""
    links = [link_by_dims(s, call.out, broadcast_dims(s.shape, call.out)) for s in call.sources]
    bound = MASKED_SCORES_BOUND if masks_scores(call) else ""
    if not bound and call.operation == "where" and _chooses_by_a_constant(call):
        bound = "a constant mask chooses between branches, and both are counted"
    return Outcome("merge" if len(links) > 1 else "pass", links, bound=bound)


def _chooses_by_a_constant(call: Call) -> bool:
    """where(condition, input, other): the condition does not depend on the image, both values do."""
    values = (call.get(0, "condition"), call.get(1, "input"), call.get(2, "other"))
    condition, *branches = map(call.source_of, values)
    return condition is None and None not in branches


def _reducing_outcome(links: Sequence[Link], kind: str, what: str) -> Outcome:
    """The outcome of links that may sum over units: global where one sums over a whole axis.

    Args:
        links: one for each input.
        kind: where each unit reads its own.
        what: the words for a sum over a whole axis.
    """
    axes = [axis for link in links for axis in link.maps]
    if any(axis.whole and axis.n_in > 1 for axis in axes):
        return Outcome("global", links, f"{GLOBAL}: {what}")
    if any(axis.causal for axis in axes):
        return Outcome("window", links, f"{EARLIER}: {what}")
    sums = any(len(taps) > 1 for axis in axes for taps in axis.taps)
    return Outcome("window" if sums else kind, links)


def _mixing_outcome(call: Call, dims: Sequence[int], what: str) -> Outcome:
    """Every unit along ``dims`` sees all units along them; the shape is kept."""
    links = [link_by_dims(s, call.out, same_dims(s), mixed=dims) for s in call.sources]
    return _reducing_outcome(links, "pass", what)


def mix_along(call: Call) -> Outcome:
    """softmax(input, dim) and its like: normalized, sorted or summed up along a dimension."""
    rank = len(call.sources[0].shape)
    default: object = 1 if call.operation == "normalize" else -1
    place = 2 if call.operation == "normalize" else 1
    dim = call.get(place, "dim", default)
    return _mixing_outcome(call, normalized_dims(dim, rank), f"{call.operation} over space")


def layer_norm(call: Call) -> Outcome:
    """layer_norm and rms_norm(input, normalized_shape): statistics over the last dimensions."""
    rank = len(call.sources[0].shape)
    last = len(cast(Sequence[int], call.get(1, "normalized_shape")))
    return _mixing_outcome(call, range(rank - last, rank), "statistics over space")


def group_norm(call: Call) -> Outcome:
    """group_norm: statistics over the positions of each sample."""
    return _mixing_outcome(call, range(1, len(call.sources[0].shape)), "statistics over space")


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
    pairs = call.operation == "cosine_similarity"
    if len(call.sources) > 1 and not pairs:  # max(x, y), min(x, y)
        return elementwise(call)
    place = 2 if pairs or call.operation in _DIM_IS_THIRD_ARGUMENT else 1
    default: object = 1 if pairs else call.kwargs.get("axis")
    gone = normalized_dims(call.get(place, "dim", default), rank)
    keepdim = len(call.out) == rank
    dims: dict[int, int] = {}
    for dim in range(rank):
        if dim not in gone:
            dims[dim] = dim if keepdim else len(dims)
    links = [link_by_dims(source, call.out, dims) for source in call.sources]
    return _reducing_outcome(links, "merge" if pairs else "pass", f"{call.operation} over space")


_DIM_IS_THIRD_ARGUMENT = names_in("norm vector_norm matrix_norm quantile nanquantile")


def linear(call: Call) -> Outcome:
    """linear(input, weight, bias): mixes the last dimension."""
    source = call.sources[0]
    if len(call.sources) > 1:
        return unknown_outcome(call, "weights computed from the input")
    dims = {dim: dim for dim in range(len(source.shape) - 1)}
    return _reducing_outcome(
        [link_by_dims(source, call.out, dims)], "pass", "fully connected over space"
    )


def bilinear(call: Call) -> Outcome:
    """bilinear(input1, input2, weight, bias): mixes the last dimension of both."""
    links = []
    for place, name in enumerate(("input1", "input2")):
        source = call.source_of(call.get(place, name))
        if source is not None:
            dims = {d: d for d in range(len(source.shape) - 1)}
            links.append(link_by_dims(source, call.out, dims))
    return _reducing_outcome(links, "merge", "bilinear over space")


def add_product(call: Call) -> Outcome:
    """addmm, baddbmm(input, a, b): a product and what is added to it."""
    first = call.get(1, "mat1", call.kwargs.get("batch1"))
    second = call.get(2, "mat2", call.kwargs.get("batch2"))
    product = matmul(replace(call, args=(first, second), kwargs={}))
    added = call.source_of(call.get(0, "input"))
    if added is None or product.kind == "unknown":
        return product
    link = link_by_dims(added, call.out, broadcast_dims(added.shape, call.out))
    return replace(product, links=[link, *product.links])


def tensordot(call: Call) -> Outcome:
    """tensordot(a, b, dims): the dims named are summed over, the rest of a and then b is kept."""
    dims, links, start = call.get(2, "dims", 2), [], 0
    for place, name in enumerate(("a", "b")):
        value = cast(torch.Tensor, call.get(place, name))
        rank = value.ndim
        if isinstance(dims, int):
            gone = list(range(rank - dims, rank) if place == 0 else range(dims))
        else:
            gone = normalized_dims(cast(Sequence[object], dims)[place], rank)
        remaining = [dim for dim in range(rank) if dim not in gone]
        source = call.source_of(value)
        if source is not None:
            links.append(
                link_by_dims(source, call.out, {d: start + i for i, d in enumerate(remaining)})
            )
        start += len(remaining)
    return _reducing_outcome(links, "merge", "tensor product over space")


def matmul(call: Call) -> Outcome:
    """matmul(a, b): a's columns and b's rows are summed over; the rest broadcasts."""
    first, second = call.get(0, "input"), call.get(1, "other", call.kwargs.get("mat2"))
    links = []
    for value, summed in ((first, -1), (second, -2)):
        source = call.source_of(value)
        if source is None:
            continue
        rank = len(source.shape)
        if rank < 2 or len(call.out) < 2:
            return unknown_outcome(call, "product with a vector")
        dims = broadcast_dims(source.shape, call.out)
        del dims[rank + summed]
        links.append(link_by_dims(source, call.out, dims))
    return _reducing_outcome(links, "merge", "matrix product over space")


def einsum(call: Call) -> Outcome:
    """einsum(equation, …): letters that do not reach the output are summed over."""
    equation, *operands = call.args
    if len(operands) == 1 and isinstance(operands[0], list | tuple):
        operands = list(operands[0])
    text = str(equation).replace(" ", "")
    terms, arrow, out = text.partition("->")
    if not arrow or "." in text or len(terms.split(",")) != len(operands):
        return unknown_outcome(call, "einsum in this form")
    links = []
    for letters, value in zip(terms.split(","), operands, strict=True):
        source = call.source_of(value)
        if source is not None:
            dims = {dim: out.index(name) for dim, name in enumerate(letters) if name in out}
            links.append(link_by_dims(source, call.out, dims))
    return _reducing_outcome(links, "merge", "einsum over space")


def attention(call: Call) -> Outcome:
    """scaled_dot_product_attention(q, k, v, mask): queries along dimension -2, as keys and values.

    Every query reads itself, and every key and value that the mask lets it see; a mask that
    hangs on the input is read along both.
    """
    rank, links = len(call.out), []
    sources = [call.source_of(call.get(i, name)) for i, name in enumerate(_SUMMED_OVER)]
    keys = cast(torch.Tensor, call.get(1, "key")).shape[-2]
    mask = call.get(3, "attn_mask")
    if call.get(5, "is_causal", False):
        seen = VisibleKeys(map_of_matrix(np.tri(call.out[-2], keys, dtype=bool)))
    else:
        seen = visible_keys(call, mask, hides=False)
    for source, gone in zip(sources, _SUMMED_OVER.values(), strict=True):
        if source is not None:
            dims = {
                d: o
                for d, o in broadcast_dims(source.shape, call.out).items()
                if o - rank not in gone
            }
            links.append(_key_link(source, call.out, dims, rank - 2 if -2 in gone else None, seen))
    return replace(_reducing_outcome(links, "merge", "attention"), bound=seen.bound)


_SUMMED_OVER = {"query": (-1,), "key": (-2, -1), "value": (-2,), "attn_mask": (-1,)}


def multi_head_attention(call: Call) -> Outcome:
    """multi_head_attention_forward(q, k, v, …): tokens come first, channels last."""
    links = []
    seen = visible_keys(call, call.kwargs.get("attn_mask"), hides=True)
    if call.kwargs.get("key_padding_mask") is not None:
        seen = seen._replace(bound=UNKNOWN_MASK_BOUND)
    for place, name in enumerate(("query", "key", "value")):
        source = call.source_of(call.get(place, name))
        if source is not None:
            dims = {d: d for d in range(1 if place else 0, len(source.shape) - 1)}
            links.append(_key_link(source, call.out, dims, 0 if place else None, seen))
    return replace(_reducing_outcome(links, "merge", "attention"), bound=seen.bound)


def _key_link(
    source: Source, out: Shape, dims: dict[int, int], token: int | None, seen: VisibleKeys
) -> Link:
    """The link of keys or values, of whose tokens each output sees some; of queries, its own."""
    own = None if token is None else token - len(out) + len(source.shape)
    if own is None or seen.axis is None or own not in source.image_dims:
        return link_by_dims(source, out, dims)
    return link_by_dims(source, out, dims | {own: cast(int, token)}, {own: seen.axis})


_ELEMENTWISE = names_in("""
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
acosh arccos arccosh arcsin arcsinh arctan arctan2 arctanh asinh atanh deg2rad rad2deg digamma
lgamma mvlgamma polygamma igamma igammac expit ndtr log_ndtr entr xlog1py zeta
fix signbit ldexp gcd lcm nextafter logaddexp2 conj conj_physical resolve_conj resolve_neg angle
polar complex imag isclose isneginf isposinf isreal greater_equal less_equal not_equal bitwise_xor
bitwise_left_shift bitwise_right_shift lshift rshift ilshift irshift xor iand ior ixor mod imod rmod
ipow itruediv ifloordiv pos bool byte char short int long half cdouble cfloat chalf as_tensor asarray
dropout3d native_dropout isin bucketize rrelu_with_noise pin_memory
native_batch_norm_legit_no_training
""")
_MIXES = names_in("""
softmax log_softmax softmin normalize sort argsort gumbel_softmax msort cross
""")
_REDUCES = names_in("""
mean sum amax amin max min prod std var norm vector_norm logsumexp argmax argmin median any all
nansum nanmean count_nonzero std_mean var_mean aminmax nanmedian quantile nanquantile
cosine_similarity
""")
MIXING_RULES: dict[str, Rule] = {
    **dict.fromkeys(_ELEMENTWISE, elementwise),
    **dict.fromkeys(_MIXES, mix_along),
    **dict.fromkeys(_REDUCES, reduction),
    **dict.fromkeys(("layer_norm", "rms_norm", "native_layer_norm"), layer_norm),
    **dict.fromkeys(("group_norm", "native_group_norm"), group_norm),
    "instance_norm": instance_norm,
    "batch_norm": batch_norm,
    "linear": linear,
    "bilinear": bilinear,
    **dict.fromkeys(("addmm", "baddbmm"), add_product),
    "tensordot": tensordot,
    **dict.fromkeys(("matmul", "bmm", "mm", "rmatmul"), matmul),
    "einsum": einsum,
    "scaled_dot_product_attention": attention,
    "multi_head_attention_forward": multi_head_attention,
}
