"""Ops that combine elements along axes, and running ones that keep every step.

``max`` and ``min`` share a tie's gradient equally; ``norm`` and ``std`` take 0 where their derivative does not exist.
"""

import builtins
import math
import operator

import numpy as np

from ..autograd import apart, booleans, function, integers, kink, nonzero, op, positive, raises, real, sample
from ..autograd.value import spec
from ..utils import settings
from . import shapes
from .adjust import astype, broadcast_to
from .elementwise import absolute, exp, gradient_over, power, sign
from .logic import equal, isclose, where
from .movement import concatenate, flip, reshape, slice_along, transpose
from .reference import fold, lanes

WRONG_AXIS = [raises(ValueError, "axis 2 is out of range for 2", real(3, 4), 2),
              raises(ValueError, "names an axis twice", real(3, 4), (0, 0))]
REDUCED = [sample(real(3, 4)), sample(real(3, 4), axis=0), sample(real(3, 4), -1, True), sample(real()),
           sample(real(2, 3, 4), axis=(0, 2)), sample(real(2, 3, 4), [-1, 0], keepdims=True),
           sample(real(3, 2), axis=()), *WRONG_AXIS]
EMPTY = [sample(real(0, 3)), sample(real(2, 0), axis=1), sample(real(0, 3), axis=1)]
EXTREME = [sample(apart(3, 4)), sample(apart(3, 4), axis=0), sample(apart(2, 3, 4), (0, -1), True),
           sample(apart(0, 3), axis=1), raises(ValueError, "largest or smallest of 0", real(0, 3), 0), *WRONG_AXIS]
ALONG = [sample(real(3, 4)), sample(real(3, 4), axis=0), sample(real(2, 3, 4), axis=-2), sample(real(0, 3)),
         raises(ValueError, "axis 1 is out of range for 1", real(3), axis=1)]


def _restore(g, x, axis, keepdims):
    """A reduction's result or gradient, repeated along the axes that were reduced."""
    if not keepdims and len(g.shape):
        axes = shapes.normalize_axes(axis, len(x.shape))
        g = reshape(g, tuple(1 if i in axes else n for i, n in enumerate(x.shape)))
    return broadcast_to(g, x.shape)


def _count(x, axis):
    if axis is None:
        return math.prod(x.shape)
    return math.prod(x.shape[i] for i in shapes.normalize_axes(axis, len(x.shape)))


# Sums

_total = fold(operator.add, 0)


@op(shape=shapes.summed, vjp=[lambda g, _out, _x, axis, keepdims: _restore(g, _x, axis, keepdims)], reference=_total,
    samples=[*REDUCED, *EMPTY, sample(integers(0, 9, 3, 4), axis=1), sample(booleans(5))])
def sum(x, axis=None, keepdims=False):
    """The sum along ``axis`` (None: of all elements)."""
    return np.add.reduce(x, axis=shapes.as_axis(axis), keepdims=keepdims)


@op(shape=shapes.reduced, dtype="float",
    samples=[*REDUCED, sample(real(0, 3), axis=1), sample(integers(0, 9, 3, 4), axis=1)],
    vjp=[lambda g, _out, _x, axis, keepdims: _restore(g / _count(_x, axis), _x, axis, keepdims)],
    reference=lambda x, axis=None, keepdims=False: _total(x, axis, keepdims) / _count(x, axis))
def mean(x, axis=None, keepdims=False):
    """The arithmetic mean along ``axis`` (None: of all elements)."""
    if x.dtype.char not in "fd" or x.size == 0:
        return np.mean(x, shapes.as_axis(axis), keepdims=keepdims)
    total = np.add.reduce(x, axis=shapes.as_axis(axis), keepdims=keepdims)      # np.mean, without its 3 us of Python
    return total / _count(x, axis)


def _central_moment(x, axis=None, ddof=0, keepdims=False):
    n = _count(x, axis)
    return _total((x - _total(x, axis, True) / n) ** 2, axis, keepdims) / (n - ddof)


SPREAD = [sample(real(3, 4)), sample(real(3, 4), axis=0), sample(real(3, 4), -1, 1, True),
          sample(real(2, 3, 4), (0, 2), ddof=1),
          sample(integers(0, 9, 3, 4), axis=1), *WRONG_AXIS]


def _var_rule(g, _out, x, axis, ddof, keepdims):
    return _restore(g, x, axis, keepdims) * (x - mean(x, axis, True)) * (2 / (_count(x, axis) - ddof))


def _std_rule(g, out, x, axis, ddof, keepdims):
    spread = (_count(x, axis) - ddof) * _restore(out, x, axis, keepdims)
    return gradient_over(_restore(g, x, axis, keepdims) * (x - mean(x, axis, True)), spread)


@op(shape=shapes.reduced, dtype="float", samples=SPREAD, reference=_central_moment, vjp=[_var_rule])
def var(x, axis=None, ddof=0, keepdims=False):
    """The variance along ``axis``: squared deviations from the mean, summed and divided by ``n - ddof``."""
    return np.var(x, shapes.as_axis(axis), ddof=ddof, keepdims=keepdims)


@op(shape=shapes.reduced, dtype="float", samples=[*SPREAD, kink(np.ones((2, 3)), axis=1)], vjp=[_std_rule],
    reference=lambda x, axis=None, ddof=0, keepdims=False: _central_moment(x, axis, ddof, keepdims) ** 0.5)
def std(x, axis=None, ddof=0, keepdims=False):
    """The standard deviation, the root of :func:`var`; its gradient is 0 where all elements are equal."""
    return np.std(x, shapes.as_axis(axis), ddof=ddof, keepdims=keepdims)


def _norm2_rule(g, out, x, axis, keepdims):
    return gradient_over(_restore(g, x, axis, keepdims) * x, _restore(out, x, axis, keepdims))


@op(shape=shapes.reduced, dtype="float", name="norm2", vjp=[_norm2_rule],
    samples=[*REDUCED, *EMPTY, kink(np.zeros((2, 3)), axis=1)],
    reference=lambda x, axis=None, keepdims=False: _total(x * x, axis, keepdims) ** 0.5)
def _norm2(x, axis=None, keepdims=False):
    return np.sqrt(np.add.reduce(np.square(x), axis=shapes.as_axis(axis), keepdims=keepdims))


def _reference_norm(x, ord=None, axis=None, keepdims=False):
    if ord in (None, "fro"):
        return _total(x * x, axis, keepdims) ** 0.5
    return np.linalg.norm(x, ord, axis, keepdims)


@function(reference=_reference_norm,
          samples=[sample(real(3, 4)), sample(real(3, 4), axis=1), sample(real(2, 3, 4), axis=(0, 2), keepdims=True),
                   sample(real(3, 4), "fro"), sample(real(5), 2), sample(real(4), 1), sample(apart(3, 4), 3, 0),
                   sample(nonzero(4), 1.5, keepdims=True), sample(apart(3, 4), np.inf, 1),
                   sample(apart(3, 4), -np.inf, -1, True), sample(real(3, 4), 0, 1), sample(integers(-2, 3, 4), 1),
                   raises(ValueError, "ord", real(3, 4), "nuc"), raises(ValueError, "one axis", real(3, 4), 1)])
def norm(x, ord=None, axis=None, keepdims=False):
    """The norm of vectors: ``ord`` 2 (default), 1, inf, -inf, 0 or any p, along one ``axis``.

    Without ``ord`` (or with ``'fro'``) the root of all squares along one or more axes. The gradient at 0 is 0.
    """
    if ord is None or ord == "fro" or ord == 2 and (isinstance(axis, int) or x.ndim == 1):
        return _norm2(x, axis, keepdims)
    if not isinstance(ord, int | float):
        raise ValueError(f"ord must be None, 'fro' or a number, got {ord!r}")
    if axis is None and x.ndim != 1 or isinstance(axis, tuple | list):
        raise ValueError(f"a norm of order {ord} needs one axis, got axis={axis} and shape {x.shape}")
    size = absolute(x if x.dtype.kind == "f" else astype(x, settings.floatx()))
    if ord == 0:
        return sum(sign(size), axis, keepdims)
    if ord == math.inf:
        return max(size, axis, keepdims)
    if ord == -math.inf:
        return min(size, axis, keepdims)
    if ord == 1:
        return sum(size, axis, keepdims)
    powers = sum(power(size, ord), axis, keepdims)
    nothing = equal(powers, 0)      # where the root's derivative is infinite
    return where(nothing, 0, power(where(nothing, 1, powers), 1 / ord))


# Extremes

def _extreme_rule(g, out, x, axis, keepdims):
    ties = astype(equal(x, _restore(out, x, axis, keepdims)), x.dtype)
    share = ties / sum(ties, axis, True)
    return _restore(g, x, axis, keepdims) * share


@op(shape=shapes.reduced_nonempty, vjp=[_extreme_rule], reference=fold(lambda a, b: a if a > b else b),
    samples=[*EXTREME, kink(np.array([[1.0, 3.0, 3.0], [2.0, 0.0, 2.0]]), axis=1)])
def max(x, axis=None, keepdims=False):
    """The largest element along ``axis``; NaN if there is one."""
    return np.maximum.reduce(x, axis=shapes.as_axis(axis), keepdims=keepdims)


@op(shape=shapes.reduced_nonempty, vjp=[_extreme_rule], reference=fold(lambda a, b: a if a < b else b),
    samples=[*EXTREME, kink(np.array([[3.0, 1.0, 1.0], [0.0, 2.0, 0.0]]), axis=1)])
def min(x, axis=None, keepdims=False):
    """The smallest element along ``axis``; NaN if there is one."""
    return np.minimum.reduce(x, axis=shapes.as_axis(axis), keepdims=keepdims)


def _index_reference(better):
    def first(v):
        return next(i for i, a in enumerate(v) if not builtins.any(better(b, a) for b in v))

    def reference(x, axis=None, keepdims=False):
        out = np.apply_along_axis(first, axis, x) if axis is not None else np.asarray(first(x.ravel()))
        return np.expand_dims(out, tuple(range(x.ndim)) if axis is None else axis) if keepdims else out
    return reference


POSITION = [sample(real(3, 4)), sample(real(3, 4), axis=0), sample(integers(0, 3, 4, 9), 1, True),
            sample(real(3, 4), keepdims=True),
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

TRUTH = [sample(booleans(3, 4)), sample(booleans(3, 4), axis=0), sample(booleans(2, 3, 4), (0, 2), True),
         sample(booleans(0, 3), 0), sample(integers(0, 2, 3, 4), [1])]


@op(shape=shapes.reduced, dtype="bool", reference=fold(lambda a, b: bool(a) or bool(b), False), samples=TRUTH)
def any(x, axis=None, keepdims=False):
    """Whether an element is true. No gradient."""
    return np.logical_or.reduce(x, axis=shapes.as_axis(axis), keepdims=keepdims)


@op(shape=shapes.reduced, dtype="bool", reference=fold(lambda a, b: bool(a) and bool(b), True), samples=TRUTH)
def all(x, axis=None, keepdims=False):
    """Whether all elements are true. No gradient."""
    return np.logical_and.reduce(x, axis=shapes.as_axis(axis), keepdims=keepdims)


@function(reference=np.allclose, differentiable=False,
          samples=[sample(real(3), real(3)), sample(positive(3, 2), positive(2), rtol=9.0),
                   sample(np.array([1.0, np.nan]), np.array([1.0, np.nan]), equal_nan=True),
                   raises(ValueError, "do not broadcast", real(2), real(3))])
def allclose(x, y, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Whether ``|x - y| <= atol + rtol * |y|`` for all elements. No gradient."""
    return all(isclose(x, y, rtol, atol, equal_nan))


@op(shape=shapes.reduced, dtype="int64", reference=fold(lambda a, b: a + (b != 0), 0), samples=TRUTH)
def count_nonzero(x, axis=None, keepdims=False):
    """How many elements are not 0. No gradient."""
    return np.count_nonzero(x, shapes.as_axis(axis), keepdims=keepdims)


# Products and running reductions

def _exclusive(x, axis):
    """The running product without the element itself: 1, x0, x0 x1, ..."""
    n = x.shape[axis]
    ones = np.ones([1 if i == axis % len(x.shape) else k for i, k in enumerate(x.shape)], x.dtype)
    return slice_along(concatenate([ones, _cumprod(x, axis)], axis), axis % len(x.shape), 0, n)


def _prod_rule(g, _out, x, axis, keepdims):
    """Each element's cofactor: the product of those before it times that of those after. Right for zeros too."""
    axes = shapes.normalize_axes(axis, x.ndim)
    order = (*(i for i in range(x.ndim) if i not in axes), *axes)
    last = transpose(x, order)
    lanes = reshape(last, (*last.shape[:x.ndim - len(axes)], _count(x, axis)))
    others = _exclusive(lanes, -1) * flip(_exclusive(flip(lanes, -1), -1), -1)
    others = transpose(reshape(others, last.shape), np.argsort(order))
    return _restore(g, x, axis, keepdims) * others


def _produced(x, axis, keepdims):
    return spec(shapes.reduced(x, axis, keepdims), np.multiply.reduce(np.ones(1, x.dtype)).dtype)


@op(shape=_produced, vjp=[_prod_rule], reference=fold(lambda a, b: a * b, 1),
    samples=[*REDUCED, sample(real(2, 0), axis=1), sample(np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 4.0]]), axis=1),
             sample(integers(1, 4, 3, 2), 0)])
def prod(x, axis=None, keepdims=False):
    """The product along ``axis``; its gradient is right where elements are 0."""
    return np.multiply.reduce(x, axis=shapes.as_axis(axis), keepdims=keepdims)


def _accumulated(ufunc):
    """The shape rule of a running ufunc: NumPy widens booleans and small integers."""
    return lambda x, axis: spec(shapes.along(x, axis), ufunc.accumulate(np.ones(1, x.dtype)).dtype)


RUNNING = [sample(real(3, 4), 0), sample(real(2, 3, 4), axis=-2), sample(integers(0, 9, 5), 0), sample(real(0, 3), 1),
           raises(ValueError, "axis 1 is out of range for 1", real(3), axis=1)]


@op(shape=_accumulated(np.add), vjp=[lambda g, _out, _x, axis: flip(_cumsum(flip(g, axis), axis), axis)],
    reference=lanes(lambda v: [math.fsum(v[:i + 1]) for i in range(len(v))]), samples=RUNNING, name="cumsum")
def _cumsum(x, axis=0):
    return np.add.accumulate(x, axis)


def cumsum(x, axis=None):
    """The running sum along ``axis`` (None: of ``x`` flattened)."""
    return _cumsum(reshape(x, -1), 0) if axis is None else _cumsum(x, axis)


@function(reference=np.diff,
          samples=[sample(real(3, 4)), sample(real(5, 2), 2, 0), sample(real(3), 4), sample(integers(0, 9, 4)),
                   sample(real(3), 0), raises(ValueError, "n must not be negative", real(3), -1),
                   raises(ValueError, "out of range", real(3), axis=1)])
def diff(x, n=1, axis=-1):
    """The differences of neighbours along ``axis``, ``n`` times over."""
    axis = shapes.normalize_axis(axis, x.ndim)
    if n < 0:
        raise ValueError(f"diff's n must not be negative, got {n}")
    for _ in range(n):
        size = x.shape[axis] or 0
        x = slice_along(x, axis, builtins.min(1, size), size) - slice_along(x, axis, 0, builtins.max(size - 1, 0))
    return x


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


@op(shape=_accumulated(np.multiply), vjp=[lambda g, _out, x, axis: _carried(g, x, axis) * _exclusive(x, axis)],
    reference=lanes(lambda v: [math.prod(v[:i + 1]) for i in range(len(v))]),
    samples=[*RUNNING, sample(np.array([2.0, 0.0, 3.0, 0.0, 5.0]))], name="cumprod")
def _cumprod(x, axis=0):
    return np.multiply.accumulate(x, axis)


def cumprod(x, axis=None):
    """The running product along ``axis`` (None: of ``x`` flattened); its gradient is right where elements are 0."""
    return _cumprod(reshape(x, -1), 0) if axis is None else _cumprod(x, axis)


def _logcumsumexp_rule(g, out, x, axis):
    return exp(x - out) * _carried(g, exp(_before(out, axis) - out), axis)


@op(shape=shapes.along, dtype="float", vjp=[_logcumsumexp_rule],
    reference=lanes(lambda v: [math.log(math.fsum(map(math.exp, v[:i + 1]))) for i in range(len(v))]), samples=ALONG)
def logcumsumexp(x, axis=-1):
    """The logarithm of the running sum of ``exp(x)``, without overflow."""
    return np.logaddexp.accumulate(x, axis)


def _logsumexp_rule(g, out, x, axis, keepdims):
    return _restore(g, x, axis, keepdims) * exp(x - _restore(out, x, axis, keepdims))


@op(shape=shapes.reduced, dtype="float", vjp=[_logsumexp_rule],
    samples=[*REDUCED, sample(real(0, 3), axis=1), sample(np.array([[800.0, 801.0], [-900.0, -901.0]]), 1)],
    reference=fold(lambda a, b: builtins.max(a, b) + math.log1p(math.exp(-abs(a - b)))))
def logsumexp(x, axis=None, keepdims=False):
    """``log(sum(exp(x)))`` along ``axis``, without overflow."""
    axis = shapes.as_axis(axis)
    top = np.maximum.reduce(x, axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0).astype(np.result_type(top, np.float16), copy=False)
    with np.errstate(divide="ignore"):
        out = np.log(np.add.reduce(np.exp(x - top), axis=axis, keepdims=True)) + top
    return out if keepdims else out.reshape(shapes.reduced(x, axis))
