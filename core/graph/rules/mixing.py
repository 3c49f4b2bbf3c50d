"""Receptive-field rules of elementwise functions, norms, reductions, matrix products and attention.

Elementwise functions of one or several inputs share one rule, which broadcasts the inputs against
each other. An operation that sums over an image axis, or lets every position read every other, is
global.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import torch

from ..axes.layout import Shape
from ..axes.nesting import map_of_reads
from .attention_masks import (
    MASKED_SCORES_REASON,
    UNKNOWN_MASK_REASON,
    VisibleKeys,
    masks_attention_scores,
    visible_keys,
)
from .call import Call, Link, Outcome, Source, broadcast_dims, names_in, normalized_dims, same_dims
from .links import link_by_dims, unknown_outcome
from .windows import EARLIER_NOTE, GLOBAL_NOTE, Rule


def elementwise(call: Call) -> Outcome:
    """The receptive-field rule of elementwise functions.

    Every output unit reads the same unit of one or several inputs, which are broadcast.
    """
    links = [link_by_dims(s, call.out, broadcast_dims(s.shape, call.out)) for s in call.sources]
    bound = MASKED_SCORES_REASON if masks_attention_scores(call) else ""
    if not bound and call.operation == "where" and _selects_by_constant_mask(call):
        bound = "a constant mask chooses between branches, and both are counted"
    return Outcome("merge" if len(links) > 1 else "pass", links, bound=bound)


def _selects_by_constant_mask(call: Call) -> bool:
    """Whether where() has a condition that does not depend on the input, and two branches that do."""
    values = (call.get(0, "condition"), call.get(1, "input"), call.get(2, "other"))
    condition, *branches = map(call.source_of, values)
    return condition is None and None not in branches


def _reducing_outcome(links: Sequence[Link], kind: str, phrase: str) -> Outcome:
    """The outcome of an operation that may sum over units; global if it sums over a whole axis.

    Args:
        links: one link for each input.
        kind: the kind of node if every unit reads only itself.
        phrase: the phrase for the note about a sum over a whole axis, such as "mean over space".
    """
    axes = [axis for link in links for axis in link.maps]
    if any(axis.whole and axis.n_in > 1 for axis in axes):
        return Outcome("global", links, f"{GLOBAL_NOTE}: {phrase}")
    if any(axis.causal for axis in axes):
        return Outcome("window", links, f"{EARLIER_NOTE}: {phrase}")
    sums = any(len(taps) > 1 for axis in axes for taps in axis.taps)
    return Outcome("window" if sums else kind, links)


def _mixing_outcome(call: Call, dims: Sequence[int], phrase: str) -> Outcome:
    """The outcome of an operation of unchanged shape that mixes all units along ``dims``."""
    links = [link_by_dims(s, call.out, same_dims(s), mixed=dims) for s in call.sources]
    return _reducing_outcome(links, "pass", phrase)


def mix_along(call: Call) -> Outcome:
    """The receptive-field rule of softmax(input, dim), sort and similar functions.

    They mix all elements along a dimension.
    """
    rank = len(call.sources[0].shape)
    default: object = 1 if call.operation == "normalize" else -1
    dim_position = 2 if call.operation == "normalize" else 1
    dim = call.get(dim_position, "dim", default)
    return _mixing_outcome(call, normalized_dims(dim, rank), f"{call.operation} over space")


def layer_norm(call: Call) -> Outcome:
    """The receptive-field rule of layer_norm and rms_norm(input, normalized_shape, …).

    Their statistics run over the last dimensions.
    """
    rank = len(call.sources[0].shape)
    last = len(cast(Sequence[int], call.get(1, "normalized_shape")))
    return _mixing_outcome(call, range(rank - last, rank), "statistics over space")


def group_norm(call: Call) -> Outcome:
    """The receptive-field rule of group_norm(input, num_groups, …).

    Its statistics are taken to run over all dimensions but the batch.
    """
    return _mixing_outcome(call, range(1, len(call.sources[0].shape)), "statistics over space")


def instance_norm(call: Call) -> Outcome:
    """The receptive-field rule of instance_norm; with running statistics it is elementwise."""
    if call.get(5, "use_input_stats", True):
        return group_norm(call)
    return elementwise(call)


def batch_norm(call: Call) -> Outcome:
    """The receptive-field rule of batch_norm(input, running_mean, running_var, …, training, …).

    It is elementwise unless it uses the statistics of the batch.
    """
    if call.get(5, "training", False) or call.get(1, "running_mean") is None:
        return group_norm(call)
    return elementwise(call)


def reduction(call: Call) -> Outcome:
    """The receptive-field rule of mean, sum, amax and other reductions (input, dim, keepdim)."""
    source = call.sources[0]
    rank = len(source.shape)
    pairs = call.operation == "cosine_similarity"
    if len(call.sources) > 1 and not pairs:  # max(x, y), min(x, y)
        return elementwise(call)
    dim_position = 2 if pairs or call.operation in _DIM_IS_THIRD_ARGUMENT else 1
    default: object = 1 if pairs else call.kwargs.get("axis")
    reduced = normalized_dims(call.get(dim_position, "dim", default), rank)
    keepdim = len(call.out) == rank
    dims: dict[int, int] = {}
    for dim in range(rank):
        if dim not in reduced:
            dims[dim] = dim if keepdim else len(dims)
    links = [link_by_dims(source, call.out, dims) for source in call.sources]
    return _reducing_outcome(links, "merge" if pairs else "pass", f"{call.operation} over space")


_DIM_IS_THIRD_ARGUMENT = names_in("norm vector_norm matrix_norm quantile nanquantile")
"""Reductions (input, order or quantile, dim) whose ``dim`` is the third argument."""


def linear(call: Call) -> Outcome:
    """The receptive-field rule of linear(input, weight, bias), which mixes the last dimension."""
    source = call.sources[0]
    if len(call.sources) > 1:
        return unknown_outcome(call, "weights computed from the input")
    dims = {dim: dim for dim in range(len(source.shape) - 1)}
    return _reducing_outcome(
        [link_by_dims(source, call.out, dims)], "pass", "fully connected over space"
    )


def bilinear(call: Call) -> Outcome:
    """The receptive-field rule of bilinear(input1, input2, weight, bias).

    It mixes the last dimensions of both inputs.
    """
    links = []
    for position, name in enumerate(("input1", "input2")):
        source = call.source_of(call.get(position, name))
        if source is not None:
            dims = {d: d for d in range(len(source.shape) - 1)}
            links.append(link_by_dims(source, call.out, dims))
    return _reducing_outcome(links, "merge", "bilinear over space")


def add_product(call: Call) -> Outcome:
    """The receptive-field rule of addmm and baddbmm(input, a, b).

    They add ``input`` to the matrix product of a and b.
    """
    first = call.get(1, "mat1", call.kwargs.get("batch1"))
    second = call.get(2, "mat2", call.kwargs.get("batch2"))
    product = matmul(replace(call, args=(first, second), kwargs={}))
    added = call.source_of(call.get(0, "input"))
    if added is None or product.kind == "unknown":
        return product
    link = link_by_dims(added, call.out, broadcast_dims(added.shape, call.out))
    return replace(product, links=[link, *product.links])


def tensordot(call: Call) -> Outcome:
    """The receptive-field rule of tensordot(a, b, dims).

    ``dims`` are summed over. The output has the other dimensions of a, then those of b.
    """
    dims, links, start = call.get(2, "dims", 2), [], 0
    for position, name in enumerate(("a", "b")):
        value = cast(torch.Tensor, call.get(position, name))
        rank = value.ndim
        if isinstance(dims, int):
            reduced = list(range(rank - dims, rank) if position == 0 else range(dims))
        else:
            reduced = normalized_dims(cast(Sequence[object], dims)[position], rank)
        remaining = [dim for dim in range(rank) if dim not in reduced]
        source = call.source_of(value)
        if source is not None:
            links.append(
                link_by_dims(source, call.out, {d: start + i for i, d in enumerate(remaining)})
            )
        start += len(remaining)
    return _reducing_outcome(links, "merge", "tensor product over space")


def matmul(call: Call) -> Outcome:
    """The receptive-field rule of matmul(a, b).

    It sums over the columns of a and the rows of b, and broadcasts the other dimensions.
    """
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
    """The receptive-field rule of einsum(equation, …).

    It sums over the letters that the output lacks.
    """
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
    """The receptive-field rule of scaled_dot_product_attention(q, k, v, mask).

    The tokens lie in dimension -2. Every output reads its own query, and the keys and values that
    the mask admits. It also reads its row of the mask, if the mask depends on the network's input.
    """
    rank, links = len(call.out), []
    sources = [call.source_of(call.get(i, name)) for i, name in enumerate(_SUMMED_OVER)]
    keys = cast(torch.Tensor, call.get(1, "key")).shape[-2]
    mask = call.get(3, "attn_mask")
    if call.get(5, "is_causal", False):
        seen = VisibleKeys(map_of_reads(np.tri(call.out[-2], keys, dtype=bool)))
    else:
        seen = visible_keys(call, mask, true_excludes=False)
    for source, summed in zip(sources, _SUMMED_OVER.values(), strict=True):
        if source is not None:
            dims = {
                d: o
                for d, o in broadcast_dims(source.shape, call.out).items()
                if o - rank not in summed
            }
            links.append(
                _key_link(source, call.out, dims, rank - 2 if -2 in summed else None, seen)
            )
    return replace(_reducing_outcome(links, "merge", "attention"), bound=seen.bound)


_SUMMED_OVER = {"query": (-1,), "key": (-2, -1), "value": (-2,), "attn_mask": (-1,)}
"""The dimensions of each argument of an attention that its output sums over."""


def multi_head_attention(call: Call) -> Outcome:
    """The receptive-field rule of multi_head_attention_forward(q, k, v, …).

    The tokens lie in dimension 0.
    """
    links = []
    seen = visible_keys(call, call.kwargs.get("attn_mask"), true_excludes=True)
    if call.kwargs.get("key_padding_mask") is not None:
        seen = seen._replace(bound=UNKNOWN_MASK_REASON)
    for position, name in enumerate(("query", "key", "value")):
        source = call.source_of(call.get(position, name))
        if source is not None:
            dims = {d: d for d in range(1 if position else 0, len(source.shape) - 1)}
            links.append(_key_link(source, call.out, dims, 0 if position else None, seen))
    return replace(_reducing_outcome(links, "merge", "attention"), bound=seen.bound)


def _key_link(
    source: Source, out: Shape, dims: dict[int, int], token_dim: int | None, seen: VisibleKeys
) -> Link:
    """The link of the queries, keys or values of an attention.

    Args:
        source: the queries, keys or values.
        out: the shape of the output.
        dims: the output dimensions of the input dimensions that are not summed over.
        token_dim: the output dimension of the tokens, for keys and values; None for queries.
        seen: the keys that each query reads.
    """
    own = None if token_dim is None else token_dim - len(out) + len(source.shape)
    if own is None or seen.axis is None or own not in source.image_dims:
        return link_by_dims(source, out, dims)
    return link_by_dims(source, out, dims | {own: cast(int, token_dim)}, {own: seen.axis})


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
"""Functions whose output unit reads the same unit of each input."""
_MIX_ALONG_DIM = names_in("""
softmax log_softmax softmin normalize sort argsort gumbel_softmax msort cross
""")
"""Functions of unchanged shape whose outputs read all elements along one dimension."""
_REDUCTIONS = names_in("""
mean sum amax amin max min prod std var norm vector_norm logsumexp argmax argmin median any all
nansum nanmean count_nonzero std_mean var_mean aminmax nanmedian quantile nanquantile
cosine_similarity
""")
"""Functions that sum or search over one or more dimensions and drop these."""
MIXING_RULES: dict[str, Rule] = {
    **dict.fromkeys(_ELEMENTWISE, elementwise),
    **dict.fromkeys(_MIX_ALONG_DIM, mix_along),
    **dict.fromkeys(_REDUCTIONS, reduction),
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
