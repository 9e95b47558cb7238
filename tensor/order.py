"""Sorting, searching and counting: indices are found without a gradient, values then taken with one."""

import builtins

import numpy as np

from ..autograd import apart, function, integers, op, raises, real, sample
from . import shapes
from .elementwise import negative
from .indexing import values_of
from .logic import invert
from .movement import reshape, slice_along
from .reduce import mean
from .reference import lanes
from .scatter import take_along_axis

ORDERED = [sample(apart(3, 4)), sample(apart(3, 4), axis=0), sample(apart(2, 3, 4), -2), sample(apart(0, 3)),
           raises(ValueError, "axis 1 is out of range for 1", real(3), 1)]


def _sorting(v):
    return sorted(range(len(v)), key=lambda i: v[i])


@op(shape=shapes.along, dtype="int64", samples=[*ORDERED, sample(integers(0, 3, 2, 9))], reference=lanes(_sorting),
    name="argsort")
def _argsort(x, axis=-1):
    return np.argsort(x, axis, kind="stable")


def argsort(x, axis=-1):
    """The indices that sort ``x`` along ``axis`` (None: flattened), equal elements in their order. No gradient."""
    return _argsort(reshape(x, -1), 0) if axis is None else _argsort(x, axis)


@function(reference=lambda x, axis=-1: np.sort(x, axis), samples=[*ORDERED, sample(apart(2, 3), None)])
def sort(x, axis=-1):
    """``x`` sorted along ``axis`` (None: flattened), smallest first; the gradient goes back to where elements were."""
    x, axis = (reshape(x, -1), 0) if axis is None else (x, axis)
    return take_along_axis(x, _argsort(x, axis), axis)


def _looped_topk(x, k, axis=-1, largest=True):
    values = lanes(lambda v: sorted(v, reverse=largest)[:k])(x, axis)
    return values, lanes(lambda v: _sorting([-a if largest else a for a in v.tolist()])[:k])(x, axis)


@function(reference=_looped_topk,
          samples=[sample(apart(3, 5), 2), sample(apart(4, 3), 3, axis=0, largest=False), sample(integers(0, 3, 9), 5),
                   sample(np.array([3, 0, 255, 7], np.uint8), 3),
                   raises(ValueError, "k must lie from 0 to 5", real(3, 5), 6)])
def topk(x, k, axis=-1, largest=True):
    """The ``k`` largest (or smallest) elements along ``axis``, in order, and their indices: ``values, indices``."""
    axis = shapes.normalize_axis(axis, x.ndim)
    if x.shape[axis] is not None and not 0 <= k <= x.shape[axis]:
        raise ValueError(f"k must lie from 0 to {x.shape[axis]}, the size of axis {axis} of shape {x.shape}, got {k}")
    backwards = negative if x.dtype.kind == "f" else invert      # of unsigned integers the negative wraps around
    indices = slice_along(_argsort(backwards(x) if largest else x, axis), axis, 0, k)
    return take_along_axis(x, indices, axis), indices


@function(reference=lambda x, axis=None, keepdims=False: np.median(x, axis, keepdims=keepdims),
          samples=[sample(apart(3, 4), axis=1), sample(apart(3, 5), axis=1, keepdims=True), sample(apart(3, 3)),
                   sample(apart(2, 3), keepdims=True), raises(ValueError, "of 0 elements", real(0, 3), axis=0)])
def median(x, axis=None, keepdims=False):
    """The middle element along ``axis`` (None: of all), or the mean of the middle two."""
    if axis is None:
        out = median(reshape(x, -1), 0)
        return reshape(out, (1,) * x.ndim) if keepdims else out
    axis = shapes.normalize_axis(axis, x.ndim)
    n = x.shape[axis]
    if n is None:       # a symbol: only the shape counts
        return mean(sort(x, axis), axis, keepdims)
    if n == 0:
        raise ValueError(f"there is no median of 0 elements: shape {x.shape}, axis {axis}")
    return mean(slice_along(sort(x, axis), axis, (n - 1) // 2, n // 2 + 1), axis, keepdims)


@op(shape=shapes.along, dtype="int64", samples=ORDERED, name="cummax_index",
    reference=lanes(lambda v: [builtins.max(range(t + 1), key=lambda i: v[i]) for t in range(len(v))]))
def _cummax_index(x, axis=-1):
    top = np.maximum.accumulate(x, axis)
    steps = np.arange(x.shape[axis]).reshape([-1 if i == axis % x.ndim else 1 for i in range(x.ndim)])
    return np.maximum.accumulate(np.where(x == top, steps, 0), axis)


@function(reference=lanes(lambda v: [builtins.max(v[:t + 1]) for t in range(len(v))]), samples=ORDERED)
def cummax(x, axis=-1):
    """The largest element so far along ``axis``; the gradient goes to where it (last) was."""
    return take_along_axis(x, _cummax_index(x, axis), axis)


def _counted_below(x, values, side="left"):
    """How many elements of ``x`` each value must stand behind."""
    before = lambda a, v: a < v or side == "right" and a == v
    return np.array([builtins.sum(before(a, v) for a in x) for v in np.ravel(values)]).reshape(np.shape(values))


@op(shape=lambda sorted_x, values, side: values.shape, dtype="int64",
    reference=_counted_below,
    samples=[sample(np.array([0.0, 1.0, 1.0, 3.0]), real(5)),
             sample(np.array([0, 1, 1, 3]), integers(-1, 5, 2, 4), side="right")])
def searchsorted(sorted_x, values, side="left"):
    """Where to insert ``values`` into the sorted vector, before (or after) equal elements. No gradient."""
    return np.searchsorted(sorted_x, values, side)


def _counted(x, length):
    if x.ndim != 1 or x.dtype.kind not in "iu":
        raise ValueError(f"bincount takes a vector of integers, got {x.dtype} of shape {x.shape}")
    return (length,)


@op(shape=_counted, dtype="int64", reference=lambda x, length: np.array([x.tolist().count(i) for i in range(length)]),
    samples=[sample(integers(0, 5, 20), 5), sample(integers(0, 3, 9), 6), sample(integers(0, 3, 0), 2),
             raises(ValueError, "a vector of integers", real(3), 2)], name="bincount")
def _bincount(x, length=0):
    _counted(x, length)
    return np.bincount(x, minlength=length)


def bincount(x, minlength=0):
    """How often each of 0, 1, 2, ... up to the largest occurs in a vector of non-negative integers. No gradient."""
    top = int(np.max(values_of(x), initial=-1))
    return _bincount(x, length=builtins.max(minlength, top + 1))
