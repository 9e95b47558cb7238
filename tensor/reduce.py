"""Ops that combine elements along axes, and running ones that keep every step.

``max`` and ``min`` share a tie's gradient equally; ``norm`` and ``std`` take 0 where their derivative does not exist.
"""

import builtins
import math

import numpy as np

from ..autograd import apart, booleans, function, integers, op, raises, real, sample
from ..autograd.value import spec
from . import shapes
from .adjust import broadcast_to
from .elementwise import absolute, equal, exp, gradient_over, multiply, power
from .movement import concatenate, flip, reshape, slice_along, transpose
from .reference import fold, lanes

WRONG_AXIS = [raises(ValueError, "axis 2 is out of range for 2", real(3, 4), 2),
              raises(ValueError, "names an axis twice", real(3, 4), (0, 0))]
REDUCED = [sample(real(3, 4)), sample(real(3, 4), axis=0), sample(real(3, 4), -1, True), sample(real()),
           sample(real(2, 3, 4), axis=(0, 2)), sample(real(2, 3, 4), (-1, 0), keepdims=True), sample(real(3, 2), axis=()),
           *WRONG_AXIS]
EMPTY = [sample(real(0, 3)), sample(real(2, 0), axis=1), sample(real(0, 3), axis=1)]
EXTREME = [sample(apart(3, 4)), sample(apart(3, 4), axis=0), sample(apart(2, 3, 4), (0, -1), True),
           sample(apart(0, 3), axis=1), raises(ValueError, "largest or smallest of 0", real(0, 3), 0), *WRONG_AXIS]
ALONG = [sample(real(3, 4)), sample(real(3, 4), axis=0), sample(real(2, 3, 4), axis=-2), sample(real(0, 3)),
         raises(ValueError, "axis 1 is out of range for 1", real(3), axis=1)]


def _restore(g, x, axis, keepdims):
    """A reduction's result or gradient, repeated along the axes that were reduced."""
    if not keepdims:
        axes = shapes.normalize_axes(axis, len(x.shape))
        g = reshape(g, tuple(1 if i in axes else n for i, n in enumerate(x.shape)))
    return broadcast_to(g, x.shape)


def _count(x, axis):
    return math.prod(x.shape[i] for i in shapes.normalize_axes(axis, len(x.shape)))


# Sums

@op(shape=shapes.summed, vjp=[lambda g, _out, _x, axis, keepdims: _restore(g, _x, axis, keepdims)],
    reference=fold(lambda a, b: a + b, 0),
    samples=[*REDUCED, *EMPTY, sample(integers(0, 9, 3, 4), axis=1), sample(booleans(5))])
def sum(x, axis=None, keepdims=False):
    """The sum along ``axis`` (None: of all elements)."""
    return np.add.reduce(x, axis=axis, keepdims=keepdims)


@op(shape=shapes.reduced, dtype="float", samples=[*REDUCED, sample(real(0, 3), axis=1), sample(integers(0, 9, 3, 4), axis=1)],
    vjp=[lambda g, _out, _x, axis, keepdims: _restore(g, _x, axis, keepdims) / _count(_x, axis)],
    reference=lambda x, axis=None, keepdims=False: fold(lambda a, b: a + b, 0)(x, axis, keepdims) / _count(x, axis))
def mean(x, axis=None, keepdims=False):
    """The arithmetic mean along ``axis`` (None: of all elements)."""
    return np.mean(x, axis, keepdims=keepdims)


def _central_moment(x, axis=None, ddof=0, keepdims=False):
    n = _count(x, axis)
    total = fold(lambda a, b: a + b, 0)
    return total((x - total(x, axis, True) / n) ** 2, axis, keepdims) / (n - ddof)


SPREAD = [sample(real(3, 4)), sample(real(3, 4), axis=0), sample(real(3, 4), -1, 1, True), sample(real(2, 3, 4), (0, 2), ddof=1),
          sample(integers(0, 9, 3, 4), axis=1), *WRONG_AXIS]


@op(shape=shapes.reduced, dtype="float", samples=SPREAD, reference=_central_moment,
    vjp=[lambda g, _out, x, axis, ddof, keepdims: _restore(g, x, axis, keepdims) * (x - mean(x, axis, True)) * (
        2 / (_count(x, axis) - ddof))])
def var(x, axis=None, ddof=0, keepdims=False):
    """The variance along ``axis``: squared deviations from the mean, summed and divided by ``n - ddof``."""
    return np.var(x, axis, ddof=ddof, keepdims=keepdims)


@op(shape=shapes.reduced, dtype="float", samples=SPREAD,
    vjp=[lambda g, out, x, axis, ddof, keepdims: gradient_over(
        _restore(g, x, axis, keepdims) * (x - mean(x, axis, True)), (_count(x, axis) - ddof) * _restore(out, x, axis, keepdims))],
    reference=lambda x, axis=None, ddof=0, keepdims=False: _central_moment(x, axis, ddof, keepdims) ** 0.5)
def std(x, axis=None, ddof=0, keepdims=False):
    """The standard deviation, the root of :func:`var`; its gradient is 0 where all elements are equal."""
    return np.std(x, axis, ddof=ddof, keepdims=keepdims)


@op(shape=shapes.reduced, dtype="float", samples=[*REDUCED, *EMPTY], name="norm2",
    vjp=[lambda g, out, x, axis, keepdims: gradient_over(_restore(g, x, axis, keepdims) * x, _restore(out, x, axis, keepdims))],
    reference=lambda x, axis=None, keepdims=False: fold(lambda a, b: a + b, 0)(x * x, axis, keepdims) ** 0.5)
def _norm2(x, axis=None, keepdims=False):
    return np.sqrt(np.add.reduce(np.square(x), axis=axis, keepdims=keepdims))


def _reference_norm(x, ord=None, axis=None, keepdims=False):
    shape = x.shape if axis is None else None
    if ord is None or axis is None:
        flat = x.ravel() if axis is None else x
        result = np.sqrt(fold(lambda a, b: a + b, 0)(x * x, axis, keepdims)) if ord in (None, 2, "fro") else np.linalg.norm(flat, ord)
        return result.reshape((1,) * len(shape)) if keepdims and shape is not None else result
    return np.linalg.norm(x, ord, axis, keepdims)


@function(reference=_reference_norm, samples=[
    sample(real(3, 4)), sample(real(3, 4), axis=1), sample(real(4), 1), sample(apart(3, 4), 3, 0), sample(apart(3, 4), np.inf, 1),
    sample(apart(3, 4), -np.inf, -1, True), sample(real(3, 4), "fro"), sample(real(3, 4), 0, 1),
    raises(ValueError, "ord", real(3, 4), "nuc"), raises(ValueError, "one axis", real(3, 4), 1)])
def norm(x, ord=None, axis=None, keepdims=False):
    """The norm of vectors: ``ord`` 2 (default), 1, inf, -inf, 0 or any p, along one ``axis``.

    Without ``ord`` (or with ``'fro'``) the root of all squares along one or more axes. The gradient at 0 is 0.
    """
    if ord is None or ord == "fro" or ord == 2 and (isinstance(axis, int) or x.ndim == 1):
        return _norm2(x, axis, keepdims)
    if not isinstance(ord, int | float):
        raise ValueError(f"ord must be None, 'fro' or a number, got {ord!r}")
    if axis is None and x.ndim != 1 or isinstance(axis, tuple):
        raise ValueError(f"a norm of order {ord} needs one axis, got axis={axis} and shape {x.shape}")
    size = absolute(x)
    if ord == 0:
        return sum((x != 0) * 1.0, axis, keepdims)
    if ord == math.inf:
        return max(size, axis, keepdims)
    if ord == -math.inf:
        return min(size, axis, keepdims)
    if ord == 1:
        return sum(size, axis, keepdims)
    return power(sum(power(size, ord), axis, keepdims), 1 / ord)


# Extremes

def _extreme_rule(g, out, x, axis, keepdims):
    ties = multiply(equal(x, _restore(out, x, axis, keepdims)), 1.0)
    share = ties / sum(ties, axis, True)
    return _restore(g, x, axis, keepdims) * share


@op(shape=shapes.reduced_nonempty, vjp=[_extreme_rule], reference=fold(lambda a, b: a if a > b else b), samples=EXTREME)
def max(x, axis=None, keepdims=False):
    """The largest element along ``axis``; NaN if there is one."""
    return np.maximum.reduce(x, axis=axis, keepdims=keepdims)


@op(shape=shapes.reduced_nonempty, vjp=[_extreme_rule], reference=fold(lambda a, b: a if a < b else b), samples=EXTREME)
def min(x, axis=None, keepdims=False):
    """The smallest element along ``axis``; NaN if there is one."""
    return np.minimum.reduce(x, axis=axis, keepdims=keepdims)


def _index_reference(better):
    def first(v):
        return next(i for i, a in enumerate(v) if not builtins.any(better(b, a) for b in v))

    def reference(x, axis=None, keepdims=False):
        out = np.apply_along_axis(first, axis, x) if axis is not None else np.asarray(first(x.ravel()))
        return np.expand_dims(out, tuple(range(x.ndim)) if axis is None else axis) if keepdims else out
    return reference


POSITION = [sample(real(3, 4)), sample(real(3, 4), axis=0), sample(integers(0, 3, 4, 9), 1, True), sample(real(3, 4), keepdims=True),
            raises(ValueError, "largest or smallest of 0", real(0, 3), 0), WRONG_AXIS[0]]


@op(shape=shapes.reduced_nonempty, dtype="int64", reference=_index_reference(lambda b, a: b > a), samples=POSITION)
def argmax(x, axis=None, keepdims=False):
    """The index of the (first) largest element. No gradient."""
    return np.argmax(x, axis, keepdims=keepdims)


@op(shape=shapes.reduced_nonempty, dtype="int64", reference=_index_reference(lambda b, a: b < a), samples=POSITION)
def argmin(x, axis=None, keepdims=False):
    """The index of the (first) smallest element. No gradient."""
    return np.argmin(x, axis, keepdims=keepdims)


# Logic

TRUTH = [sample(booleans(3, 4)), sample(booleans(3, 4), axis=0), sample(booleans(2, 3, 4), (0, 2), True), sample(booleans(0, 3), 0),
         sample(integers(0, 2, 3, 4), 1)]


@op(shape=shapes.reduced, dtype="bool", reference=fold(lambda a, b: bool(a) or bool(b), False), samples=TRUTH)
def any(x, axis=None, keepdims=False):
    """Whether an element is true. No gradient."""
    return np.logical_or.reduce(x, axis=axis, keepdims=keepdims)


@op(shape=shapes.reduced, dtype="bool", reference=fold(lambda a, b: bool(a) and bool(b), True), samples=TRUTH)
def all(x, axis=None, keepdims=False):
    """Whether all elements are true. No gradient."""
    return np.logical_and.reduce(x, axis=axis, keepdims=keepdims)


@op(shape=shapes.reduced, dtype="int64", reference=fold(lambda a, b: a + (b != 0), 0), samples=TRUTH)
def count_nonzero(x, axis=None, keepdims=False):
    """How many elements are not 0. No gradient."""
    return np.count_nonzero(x, axis, keepdims=keepdims)


# Products and running reductions

def _exclusive(x, axis):
    """The running product without the element itself: 1, x0, x0 x1, ..."""
    n = x.shape[axis]
    ones = np.ones([1 if i == axis % len(x.shape) else k for i, k in enumerate(x.shape)], x.dtype)
    return slice_along(concatenate([ones, cumprod(x, axis)], axis), axis % len(x.shape), 0, n)


def _prod_rule(g, _out, x, axis, keepdims):
    """Each element's cofactor: the product of those before it times that of those after. Right for zeros too."""
    axes = shapes.normalize_axes(axis, x.ndim)
    rest = tuple(i for i in range(x.ndim) if i not in axes)
    lanes = reshape(transpose(x, (*rest, *axes)), (*(x.shape[i] for i in rest), _count(x, axis)))
    others = _exclusive(lanes, -1) * flip(_exclusive(flip(lanes, -1), -1), -1)
    others = transpose(reshape(others, tuple(x.shape[i] for i in (*rest, *axes))), tuple(np.argsort((*rest, *axes)).tolist()))
    return _restore(g, x, axis, keepdims) * others


def _produced(x, axis, keepdims):
    return spec(shapes.reduced(x, axis, keepdims), np.multiply.reduce(np.ones(1, x.dtype)).dtype)


@op(shape=_produced, vjp=[_prod_rule], reference=fold(lambda a, b: a * b, 1),
    samples=[*REDUCED, sample(real(2, 0), axis=1), sample(np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 4.0]]), axis=1),
             sample(integers(1, 4, 3, 2), 0)])
def prod(x, axis=None, keepdims=False):
    """The product along ``axis``; its gradient is right where elements are 0."""
    return np.multiply.reduce(x, axis=axis, keepdims=keepdims)


@op(shape=lambda x, axis: spec(shapes.along(x, axis), np.add.accumulate(np.zeros(1, x.dtype)).dtype),
    vjp=[lambda g, _out, _x, axis: flip(cumsum(flip(g, axis), axis), axis)],
    reference=lanes(lambda v: [math.fsum(v[:i + 1]) for i in range(len(v))]),
    samples=[sample(real(3, 4), 0), sample(real(2, 3, 4), axis=-2), sample(integers(0, 9, 5)),
             raises(ValueError, "axis 1 is out of range for 1", real(3), axis=1)])
def cumsum(x, axis=-1):
    """The running sum along ``axis``."""
    return np.add.accumulate(x, axis)


def _unrolled(a, b, axis=-1):
    """The recurrence written out: b[t] + a[t] b[t-1] + a[t] a[t-1] b[t-2] + ..."""
    a, b = np.moveaxis(a, axis, 0), np.moveaxis(b, axis, 0)
    steps = [np.sum([b[s] * np.prod(a[s + 1:t + 1], axis=0) for s in range(t + 1)], axis=0) for t in range(len(b))]
    return np.moveaxis(np.array(steps), 0, axis)


@op(shape=lambda a, b, axis: shapes.along(b, axis),
    vjp=[lambda g, out, a, _b, axis: _carried(g, a, axis) * _before(out, axis),
         lambda g, _out, a, _b, axis: _carried(g, a, axis)],
    reference=_unrolled,
    samples=[sample(real(3, 4), real(3, 4)), sample(real(3, 4), real(3, 4), axis=0), sample(real(5), real(5)),
             raises(ValueError, "axis 1 is out of range", real(3), real(3), axis=1)])
def linear_recurrence(a, b, axis=-1):
    """``s`` with ``s[t] = a[t] * s[t - 1] + b[t]`` along ``axis``, beginning from 0; ``a[0]`` does not matter."""
    out = np.empty(np.broadcast_shapes(a.shape, b.shape), np.result_type(a, b))
    a, b, lane = np.moveaxis(a, axis, 0), np.moveaxis(b, axis, 0), np.moveaxis(out, axis, 0)
    state = np.zeros(lane.shape[1:], lane.dtype)
    for t in range(len(lane)):
        state = lane[t] = a[t] * state + b[t]
    return out


def _before(x, axis):
    """``x[t - 1]`` at ``t``, and 0 at the beginning."""
    axis = axis % len(x.shape)
    zeros = np.zeros([1 if i == axis else n for i, n in enumerate(x.shape)], x.dtype)
    return concatenate([zeros, slice_along(x, axis, 0, x.shape[axis] - 1)], axis) if x.shape[axis] else x


def _carried(g, a, axis):
    """What reaches each ``b[t]``: ``r[t] = g[t] + a[t + 1] * r[t + 1]``, the recurrence backwards."""
    return flip(linear_recurrence(_before(flip(a, axis), axis), flip(g, axis), axis), axis)


@op(shape=lambda x, axis: spec(shapes.along(x, axis), np.multiply.accumulate(np.ones(1, x.dtype)).dtype),
    vjp=[lambda g, out, x, axis: _carried(g, x, axis) * _exclusive(x, axis)],
    reference=lanes(lambda v: [math.prod(v[:i + 1]) for i in range(len(v))]),
    samples=[sample(real(3, 4), 0), sample(real(2, 3, 4), axis=-2), sample(np.array([2.0, 0.0, 3.0, 0.0, 5.0])),
             sample(integers(0, 9, 5)), raises(ValueError, "axis 1 is out of range for 1", real(3), axis=1)])
def cumprod(x, axis=-1):
    """The running product along ``axis``; its gradient is right where elements are 0."""
    return np.multiply.accumulate(x, axis)


@op(shape=lambda x, axis: shapes.along(x, axis), dtype="float", vjp=[lambda g, out, x, axis: exp(x - out) * _carried(
        g, exp(_before(out, axis) - out), axis)],
    reference=lanes(lambda v: [math.log(math.fsum(map(math.exp, v[:i + 1]))) for i in range(len(v))]), samples=ALONG)
def logcumsumexp(x, axis=-1):
    """The logarithm of the running sum of ``exp(x)``, without overflow."""
    return np.logaddexp.accumulate(x, axis)


@op(shape=shapes.reduced, dtype="float", samples=[*REDUCED, sample(real(0, 3), axis=1), sample(np.array([[800.0, 801.0], [-900.0, -901.0]]), 1)],
    vjp=[lambda g, out, x, axis, keepdims: _restore(g, x, axis, keepdims) * exp(x - _restore(out, x, axis, keepdims))],
    reference=fold(lambda a, b: builtins.max(a, b) + math.log1p(math.exp(-abs(a - b)))))
def logsumexp(x, axis=None, keepdims=False):
    """``log(sum(exp(x)))`` along ``axis``, without overflow."""
    top = np.maximum.reduce(x, axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0).astype(np.result_type(top, np.float16), copy=False)
    with np.errstate(divide="ignore"):
        out = np.log(np.add.reduce(np.exp(x - top), axis=axis, keepdims=True)) + top
    return out if keepdims else out.reshape(shapes.reduced(x, axis))
