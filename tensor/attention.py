"""Attention: scaled dot products of queries and keys, whose softmax weighs the values."""

import math

import numpy as np

from ..autograd import Spec, Value, booleans, function, integers, op, raises, real, sample
from ..autograd.mode import recording
from ..autograd.value import spec, wrap
from ..kernels import attention as kernels
from . import shapes
from .adjust import match
from .create import asarray
from .linalg import matmul
from .movement import matrix_transpose, transpose
from .random import dropout as dropped
from .reduce import sum as total


def _agree(*sizes):
    return len({n for n in sizes if n is not None}) < 2


def _scores_shape(q, k, mask, bias):
    """(batch, heads, queries, keys), after a look at everything that makes the scores."""
    if q.ndim != 4 or k.ndim != 4:
        raise ValueError("attention needs queries and keys of shape (batch, time, heads, depth), got shapes "
                         f"{q.shape} and {k.shape}")
    if not all(_agree(q.shape[i], k.shape[i]) for i in (0, 2, 3)):
        raise ValueError(f"queries and keys must have the same batch, heads and depth, got shapes {q.shape} and "
                         f"{k.shape}")
    shape = q.shape[0], q.shape[2], q.shape[1], k.shape[1]
    for name, x in (("mask", mask), ("bias", bias)):
        if x is not None and not shapes.broadcasts(x.shape, shape):
            raise ValueError(f"the {name} of attention must broadcast to (batch, heads, queries, keys) = {shape}, got "
                             f"shape {x.shape}")
    if mask is not None and mask.dtype != bool:
        raise TypeError(f"the mask of attention must be boolean, true where a query looks at a key, got {mask.dtype}: "
                        "add numbers to the scores by bias=")
    return shape


def _attended_shape(q, k, v, mask, bias, **_attrs):
    _scores_shape(q, k, mask, bias)
    if v.ndim != 4 or not all(map(_agree, v.shape[:3], k.shape[:3])):
        raise ValueError("attention needs a value for each key, of shape (batch, keys, heads, width), got keys "
                         f"{k.shape} and values {v.shape}")
    if any(x.dtype.kind != "f" for x in (q, k, v)):
        raise TypeError(f"attention needs floats, got {q.dtype}, {k.dtype} and {v.dtype}")
    return (*q.shape[:3], v.shape[3])


# What the tests compare with: one query of one head at a time, in float64.

def _looped_softmax(x, mask=None, causal=False):
    shown = np.broadcast_to(True if mask is None else mask, x.shape)
    out = np.zeros(x.shape)
    for at in np.ndindex(x.shape[:-1]):
        looked = [j for j in range(x.shape[-1]) if shown[at][j] and x[at][j] > -np.inf and not (causal and j > at[-1])]
        out[at][looked] = np.exp(x[at][looked]) / math.fsum(np.exp(x[at][looked]))
    return out


def _looped_scores(q, k, bias=None, scale=None):
    return np.einsum("bihd,bjhd->bhij", q, k) * (q.shape[-1] ** -0.5 if scale is None else scale) + (
        0 if bias is None else bias)


def _looped(q, k, v, mask=None, bias=None, causal=False, scale=None):
    return np.einsum("bhij,bjhw->bihw", _looped_softmax(_looped_scores(q, k, bias, scale), mask, causal), v)


def _looped_grads(g, q, k, v, out, logsumexp, mask, bias, causal=False, scale=None):
    scores = _looped_scores(q, k, bias, scale)
    shown = np.broadcast_to(True if mask is None else mask, scores.shape) & ~(causal & (np.triu(np.ones(
        scores.shape[-2:]), 1) > 0))
    weights = np.exp(scores - logsumexp[..., None]) * shown
    slopes = np.einsum("biha,bjha->bhij", g, v) - np.einsum("biha,biha->bhi", g, out)[..., None]
    slopes *= weights * (q.shape[-1] ** -0.5 if scale is None else scale)
    return (np.einsum("bhij,bjhd->bihd", slopes, k), np.einsum("bhij,bihd->bjhd", slopes, q),
            np.einsum("bhij,biha->bjha", weights, g))


Q, K, V, OUT = real(2, 3, 2, 4), real(2, 5, 2, 4), real(2, 5, 2, 3), real(2, 3, 2, 3)
QUERIES, KEYS, VALUES, BIAS = 0, 1, 2, 4       # places of the arguments
BLIND = np.arange(3)[:, None] > 0       # a mask whose first query looks at nothing
CALLS = [sample(Q, K, V, None, None), sample(Q, K, V, None, real(2, 3, 5)),
         sample(Q, K, V, booleans(2, 1, 3, 5), None), sample(Q, K, V, BLIND, real(3, 1)),
         sample(Q, K, V, booleans(5), real(2, 3, 5), causal=True, scale=0.3),
         sample(real(0, 3, 2, 4), real(0, 5, 2, 4), real(0, 5, 2, 3), None, None)]
ERRORS = [raises(ValueError, r"shape \(batch, time, heads, depth\)", real(3, 2, 4), K, V, None, None),
          raises(ValueError, "same batch, heads and depth", real(2, 3, 2, 5), K, V, None, None),
          raises(ValueError, "a value for each key", Q, K, real(2, 3, 2, 3), None, None),
          raises(ValueError, "the mask of attention must broadcast", Q, K, V, booleans(3, 3, 5), None),
          raises(TypeError, "must be boolean", Q, K, V, integers(0, 2, 3, 5), None),
          raises(TypeError, "attention needs floats", integers(0, 9, 2, 3, 2, 4), K, V, None, None)]


def _masked_shape(x, mask, causal):
    if mask is not None and not shapes.broadcasts(mask.shape, x.shape):
        raise ValueError(f"the mask of a softmax must broadcast to its input of shape {x.shape}, got {mask.shape}")
    if causal and x.ndim < 2:
        raise ValueError(f"a causal softmax needs an axis of queries before the last, got shape {x.shape}")
    return x.shape


@op(shape=_masked_shape, dtype="float", name="masked_softmax", reference=_looped_softmax,
    vjp=[lambda g, out, _x, _mask, causal: out * (g - total(g * out, -1, True)), None],
    samples=[sample(real(2, 3, 4), None), sample(real(2, 3, 4), booleans(3, 4)), sample(real(3, 4), BLIND, causal=True),
             sample(real(0, 3), None), sample(np.array([[700.0, -np.inf], [-np.inf, -np.inf]]), None),
             raises(ValueError, "must broadcast to its input", real(3), booleans(2, 3)),
             raises(ValueError, "needs an axis of queries", real(3), None, True)])
def _masked_softmax(x, mask, causal=False):
    _masked_shape(x, mask, causal)
    if mask is not None:
        x = np.where(mask, x, -np.inf)
    if causal:
        x = np.where(np.tri(*x.shape[-2:], dtype=bool), x, -np.inf)
    best = x.max(-1, keepdims=True, initial=-np.inf)
    weights = np.exp(x - np.where(np.isneginf(best), 0, best))
    sums = weights.sum(-1, keepdims=True)
    return weights / np.where(sums == 0, 1, sums)


# The op over the kernel, and its gradients

def _grads_shape(g, q, k, v, out, logsumexp, mask, bias, **_attrs):
    shape = _attended_shape(q, k, v, mask, bias)
    if not all(len(x.shape) == 4 and all(map(_agree, x.shape, shape)) for x in (g, out)):
        raise ValueError(f"the result of attention and its gradient have the shape {shape}, got {out.shape} and "
                         f"{g.shape}")
    return [spec(x.shape, x.dtype) for x in (q, k, v)]


@op(shape=_grads_shape, name="scaled_attention_grads", reference=_looped_grads,
    samples=[sample(OUT, Q, K, V, OUT, real(2, 2, 3), None, None),
             sample(OUT, Q, K, V, OUT, real(2, 2, 3), booleans(3, 5), real(5), causal=True, scale=0.3),
             raises(ValueError, "the result of attention", K, Q, K, V, OUT, real(2, 2, 3), None, None)])
def _attention_grads(g, q, k, v, out, logsumexp, mask, bias, causal=False, scale=None):
    """The gradients of attention for queries, keys and values. It has no gradient: where one may be asked for, ops
    that have one stand in (see :func:`_gradient`)."""
    _grads_shape(g, q, k, v, out, logsumexp, mask, bias)
    return kernels.attention_grad(g, q, k, v, out, logsumexp, mask, bias, causal, scale)


def _composed_gradient(which, g, q, k, v, mask, bias, causal, scale):
    """The gradient for one argument, by its place, with the full matrix of scores: can be differentiated further."""
    weights = _weights(q, k, mask, bias, causal, scale)
    g = _by_head(g)
    if which == VALUES:
        return _by_head(matmul(matrix_transpose(weights), g))
    slopes = matmul(g, matrix_transpose(_by_head(v)))
    slopes = weights * (slopes - total(weights * slopes, -1, True))
    if which == BIAS:
        return slopes
    product = matmul(slopes, _by_head(k)) if which == QUERIES else matmul(matrix_transpose(slopes), _by_head(q))
    return _by_head(product) * _scale(scale, q)


def _gradient(which):
    def rule(g, out, q, k, v, mask, bias, causal, scale, residual):
        if which == BIAS or recording():
            return _composed_gradient(which, g, q, k, v, mask, bias, causal, scale)
        if residual.get("g") is not g:      # the first rule of this step; the others take what it has found
            residual["found"] = _attention_grads(g, q, k, v, out, wrap(residual["logsumexp"]), mask, bias,
                                                 causal=causal, scale=scale)
            residual["g"] = g
        return residual["found"][which]
    return rule


@op(shape=_attended_shape, residual=True, name="scaled_attention", adjust=match, reference=_looped,
    samples=[*CALLS, *ERRORS],
    vjp=[_gradient(QUERIES), _gradient(KEYS), _gradient(VALUES), None, _gradient(BIAS)])
def _attention(q, k, v, mask, bias, causal=False, scale=None):
    _attended_shape(q, k, v, mask, bias)
    out, logsumexp = kernels.attention(q, k, v, mask, bias, causal, scale)
    return out, {"logsumexp": logsumexp}


# What users call

def _by_head(x):
    """(batch, time, heads, depth) with the axes of time and heads exchanged, or back."""
    return transpose(x, (0, 2, 1, 3))


def _scale(scale, q):
    return 1 / math.sqrt(max(q.shape[-1], 1)) if scale is None else scale


def _weights(q, k, mask, bias, causal, scale):
    scores = matmul(_by_head(q), matrix_transpose(_by_head(k))) * _scale(scale, q)
    return _masked_softmax(scores if bias is None else scores + bias, mask, causal=causal)


def masked_softmax(x, mask=None, causal=False):
    """:func:`softmax` over the last axis, of the elements where ``mask`` is true; the others, and rows of nothing
    else, are 0. ``causal`` leaves row ``i`` its elements 0 to ``i``.

    >>> from tahr import Tensor
    >>> masked_softmax(Tensor([[1.0, 1.0, 5.0]]), Tensor([[True, True, False]]))
    Tensor([[0.5, 0.5, 0. ]])
    """
    return _masked_softmax(x, mask, causal=causal)


@function(reference=lambda q, k, mask=None, bias=None, causal=False, scale=None: _looped_softmax(
              _looped_scores(q, k, bias, scale), mask, causal),
          samples=[sample(Q, K), sample(Q, K, booleans(3, 5), real(2, 1, 5), causal=True, scale=0.3),
                   raises(ValueError, "same batch, heads and depth", Q, real(2, 3, 2, 5))])
def attention_weights(q, k, mask=None, bias=None, causal=False, scale=None):
    """The weights with which :func:`attention` sums values: (batch, heads, queries, keys), each row's sum 1 or 0."""
    q, k, mask, bias = _inputs(q, k, mask, bias)
    _scores_shape(q, k, mask, bias)
    return _weights(q, k, mask, bias, causal, scale)


@function(reference=_looped, samples=[*CALLS, *ERRORS])
def attention(q, k, v, mask=None, bias=None, causal=False, scale=None, dropout=0.0, generator=None):
    """Scaled dot product attention: ``softmax(scale q k^T + bias) v`` for each head (Vaswani et al., 2017).

    Arguments:
        q: queries, (batch, queries, heads, depth).
        k: keys, (batch, keys, heads, depth).
        v: values, (batch, keys, heads, width).
        mask: booleans that broadcast to (batch, heads, queries, keys): a query looks at keys where it is true. A
            query that may look at nothing gives 0.
        bias: numbers added to the scores, broadcast like the mask; -inf hides a key.
        causal: query i looks at keys 0 to i only.
        scale: a number; ``1 / sqrt(depth)`` unless given.
        dropout: the probability with which a weight is set to 0, the rest divided by ``1 - dropout``.
        generator: of the dropout; the default one unless given.

    Output shape: (batch, queries, heads, width). Memory is linear in time, except with dropout, for the gradient of a
    bias and for second derivatives, which take a matrix of queries by keys.

    Raises: ValueError where shapes do not fit; TypeError for a mask that is not boolean and for integers.

    >>> from tahr import Tensor
    >>> q = k = Tensor([[[[0.0]], [[0.0]]]])
    >>> attention(q, k, Tensor([[[[1.0]], [[3.0]]]]), causal=True).numpy().ravel()
    array([1., 2.], dtype=float32)
    """
    q, k, v, mask, bias = _inputs(q, k, v, mask, bias)
    if dropout == 0:
        return _attention(q, k, v, mask, bias, causal=causal, scale=scale)
    _attended_shape(q, k, v, mask, bias)
    weights = dropped(_weights(q, k, mask, bias, causal, scale), dropout, generator=generator)
    return _by_head(matmul(weights, _by_head(v)))


def _inputs(*given):
    return [x if x is None or isinstance(x, (Value, Spec)) else asarray(x) for x in given]
