"""Pooling over any number of spatial axes, channels last."""

import itertools
import math

import numpy as np

from ..autograd import apart, function, integers, op, raises, real, sample
from ..autograd.value import spec
from . import shapes
from .movement import reshape
from .scatter import take_along_axis
from .windows import check_padding, padded, per_axis, taps, window_sizes


def _pooled_shape(x, window, strides, padding):
    if x.ndim != len(window) + 2:
        raise ValueError(f"pooling over {len(window)} spatial axes needs an input (batch, *space, channels) of "
                         f"{len(window) + 2} dimensions, got shape {x.shape}")
    sizes, _ = window_sizes(x.shape[1:-1], window, strides, padding, (1,) * len(window))
    return (x.shape[0], *sizes, x.shape[-1])


def _windows(x, window, strides, padding):
    """Each output's index, and the elements of its window that lie inside the image."""
    sizes, pads = window_sizes(x.shape[1:-1], window, strides, padding, (1,) * len(window))
    for index in np.ndindex(x.shape[0], *sizes, x.shape[-1]):
        b, *at, c = index
        ranges = [range(max(i * s - a, 0), min(i * s - a + k, n))
                  for i, s, k, n, (a, _) in zip(at, strides, window, x.shape[1:-1], pads)]
        yield index, [(b, *place, c) for place in itertools.product(*ranges)]


def _pooled(combine):
    def reference(x, window, strides=None, padding="valid"):
        window = per_axis("pool_size", window, x.ndim - 2)
        strides = per_axis("strides", strides or window, x.ndim - 2)
        out = {index: combine([x[i] for i in inside]) for index, inside in _windows(x, window, strides, padding)}
        return np.array(list(out.values())).reshape(np.max(list(out), axis=0) + 1)
    return reference


POOLS = [sample(apart(2, 5, 6, 3), (2, 3)), sample(integers(-9, 9, 2, 4, 4, 1), 2, padding="same"),
         sample(apart(1, 5, 5, 2), (3, 3), (2, 2), "same"),
         sample(apart(2, 7, 2), 3, 2), sample(apart(1, 4, 3, 4, 2), 2, 1),
         sample(apart(1, 4, 4, 1), 2, padding=((1, 1), (0, 1))),
         raises(ValueError, "does not fit into 2", real(1, 2, 5, 2), (3, 3)),
         raises(ValueError, "must be a positive", real(1, 5, 5, 2), 0)]


def _looped_index(x, window, strides, padding):
    out = []
    for _, inside in _windows(x, window, strides, padding):
        _, *place, _ = max(inside, key=lambda i: x[i])
        out.append(np.ravel_multi_index(place, x.shape[1:-1]))
    return np.array(out).reshape(_pooled_shape(x, window, strides, padding))


@op(shape=_pooled_shape, dtype="int64", name="max_pool_index", reference=_looped_index,
    samples=[sample(apart(2, 5, 6, 3), (2, 3), (2, 3), "valid"), sample(apart(1, 5, 5, 2), (3, 3), (2, 2), "same"),
             raises(ValueError, "needs an input", real(5, 5, 2), (2, 2), (2, 2), "valid")])
def _max_pool_index(x, window=(), strides=(), padding="valid"):
    """Where in the image, its space flattened, the maximum of each window is (the first of equals)."""
    _pooled_shape(x, window, strides, padding)
    ones = (1,) * len(window)
    sizes, pads = window_sizes(x.shape[1:-1], window, strides, padding, ones)
    flat = np.arange(math.prod(x.shape[1:-1])).reshape(1, *x.shape[1:-1], 1)
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    x, flat = padded(x, pads, lowest), padded(flat, pads, -1)
    best = np.full((len(x), *sizes, x.shape[-1]), lowest, x.dtype)
    where = np.full(best.shape, -1)
    for _, view in taps(window, sizes, strides, ones):
        here, number = x[(slice(None), *view)], flat[(slice(None), *view)]
        better = ((here > best) | np.isnan(here) | (where < 0)) & (number >= 0)
        best, where = np.where(better, here, best), np.where(better, number, where)
    return where


@function(reference=_pooled(max), samples=POOLS)
def max_pool(x, window, strides=None, padding="valid"):
    """The largest element of each window; ``strides`` default to the window's size.

    ``x`` is (batch, *space, channels); ``window`` and ``strides`` an int or one for each spatial axis; ``padding``
    ``'valid'``, ``'same'`` or (before, after) pairs. The gradient goes to the first of equal maxima.
    """
    window, strides, padding = _arguments(x, window, strides, padding)
    index = _max_pool_index(x, window, strides, padding)
    space = shapes.size(x.shape[1:-1])
    flat = take_along_axis(reshape(x, (x.shape[0], space, x.shape[-1])),
                           reshape(index, (x.shape[0], shapes.size(index.shape[1:-1]), x.shape[-1])), 1)
    return reshape(flat, index.shape)


def _counts(shape, window, strides, padding):
    """How many elements of each window lie inside the image."""
    ones = np.ones((1, *shape[1:-1], 1))
    sizes, pads = window_sizes(shape[1:-1], window, strides, padding, (1,) * len(window))
    ones = padded(ones, pads)
    return sum(ones[(slice(None), *view)] for _, view in taps(window, sizes, strides, (1,) * len(window)))


@op(shape=_pooled_shape, dtype="float", name="mean_pool", reference=_pooled(lambda v: math.fsum(v) / len(v)),
    vjp=[lambda g, _out, _x, window, strides, padding: _mean_pool_grad(g, _x.shape, window, strides, padding)],
    samples=[sample(real(2, 5, 6, 3), (2, 3), (2, 3), "valid"), sample(real(1, 5, 5, 2), (3, 3), (2, 2), "same"),
             raises(ValueError, "needs an input", real(5, 5, 2), (2, 2), (2, 2), "valid")])
def _mean_pool(x, window=(), strides=(), padding="valid"):
    _pooled_shape(x, window, strides, padding)
    ones = (1,) * len(window)
    sizes, pads = window_sizes(x.shape[1:-1], window, strides, padding, ones)
    counts = _counts(x.shape, window, strides, padding)
    x = padded(x, pads)
    total = sum(x[(slice(None), *view)] for _, view in taps(window, sizes, strides, ones))
    return np.divide(total, counts, dtype=total.dtype if total.dtype.kind == "f" else None)


def _shared_out(g, shape, window, strides, padding):
    out = np.zeros(shape)
    for index, inside in _windows(out, window, strides, padding):
        for place in inside:
            out[place] += g[index] / len(inside)
    return out


@op(shape=lambda g, shape, **_: spec(shape, g.dtype), name="mean_pool_grad_x", reference=_shared_out,
    vjp=[lambda g, _out, _g, shape, window, strides, padding: _mean_pool(g, window, strides, padding)],
    samples=[sample(real(2, 2, 2, 3), (2, 5, 6, 3), (2, 3), (2, 3), "valid"),
             sample(real(1, 3, 3, 2), (1, 5, 5, 2), (3, 3), (2, 2), "same")])
def _mean_pool_grad(g, shape=(), window=(), strides=(), padding="valid"):
    ones = (1,) * len(window)
    sizes, pads = window_sizes(shape[1:-1], window, strides, padding, ones)
    out = np.zeros((shape[0], *(n + a + b for n, (a, b) in zip(shape[1:-1], pads)), shape[-1]), g.dtype)
    share = np.divide(g, _counts(shape, window, strides, padding), dtype=g.dtype)
    for _, view in taps(window, sizes, strides, ones):
        out[(slice(None), *view)] += share
    return out[(slice(None), *(slice(a, a + n) for n, (a, _) in zip(shape[1:-1], pads)))]


@function(reference=_pooled(lambda v: math.fsum(v) / len(v)), samples=POOLS)
def average_pool(x, window, strides=None, padding="valid"):
    """The mean of each window, over the elements inside the image; arguments as for :func:`max_pool`."""
    window, strides, padding = _arguments(x, window, strides, padding)
    return _mean_pool(x, window, strides, padding)


def _arguments(x, window, strides, padding):
    ndim = x.ndim - 2
    window = per_axis("pool_size", window, ndim)
    return window, per_axis("strides", window if strides is None else strides, ndim), check_padding(padding, ndim)
