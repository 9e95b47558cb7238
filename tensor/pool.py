"""Pooling over any number of spatial axes, channels last."""

import functools
import itertools
import math

import numpy as np

from ..autograd import apart, function, integers, op, raises, real, sample
from ..autograd.value import spec
from ..kernels import pool as kernels
from ..utils import settings
from . import shapes
from .indexing import take
from .logic import where
from .movement import reshape
from .reduce import max as largest
from .reduce import mean
from .windows import check_padding, per_axis, window_sizes


def _pads(space, window, strides, padding):
    """The (before, after) of each axis; no window may lie in them alone."""
    _, pads = window_sizes(space, window, strides, padding, (1,) * len(window))
    if any(max(pad) >= k for pad, k in zip(pads, window)):
        raise ValueError(f"padding {pads} must be smaller than the window {window}: else one lies in it alone")
    return pads


def _pooled_shape(x, window, strides, padding, **_attrs):
    if x.ndim != len(window) + 2:
        raise ValueError(f"pooling over {len(window)} spatial axes needs an input (batch, *space, channels) of "
                         f"{len(window) + 2} dimensions, got shape {x.shape}")
    sizes, _ = window_sizes(x.shape[1:-1], window, strides, padding, (1,) * len(window))
    _pads(x.shape[1:-1], window, strides, padding)
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


def _kernel_arguments(space, window, strides, padding):
    return window, strides, _pads(space, window, strides, padding)


# The largest element

def _each_tap(index, shape, window, strides, padding):
    """Each output, and the place in the image of the tap that ``index`` names there; None outside the image."""
    _, pads = window_sizes(shape[1:-1], window, strides, padding, (1,) * len(window))
    for out, number in np.ndenumerate(index):
        tap = np.unravel_index(number, window)
        place = [i * s - a + int(t) for i, s, (a, _), t in zip(out[1:-1], strides, pads, tap)]
        inside = all(0 <= p < n for p, n in zip(place, shape[1:-1]))
        yield out, (out[0], *place, out[-1]) if inside else None


def _looped_route(g, index, shape, window, strides, padding="valid"):
    out = np.zeros(shape)
    for at, place in _each_tap(index, shape, window, strides, padding):
        if place:
            out[place] += g[at]
    return out


def _looped_pick(x, index, window, strides, padding="valid"):
    out = np.zeros(index.shape)
    for at, place in _each_tap(index, x.shape, window, strides, padding):
        out[at] = x[place] if place else 0
    return out


@op(shape=lambda g, index, shape, **_attrs: spec(shape, g.dtype), reference=_looped_route,
    vjp=[lambda g, _out, _g, index, shape, **attrs: max_pool_pick(g, index, **attrs), None],
    samples=[sample(real(2, 2, 2, 3), integers(0, 6, 2, 2, 2, 3), shape=(2, 5, 6, 3), window=(2, 3), strides=(2, 3)),
             sample(real(1, 3, 3, 2), integers(0, 9, 1, 3, 3, 2), shape=(1, 5, 5, 2), window=(3, 3), strides=(2, 2),
                    padding="same")])
def max_pool_grad_x(g, index, shape=(), window=(), strides=(), padding="valid"):
    """The gradient of :func:`max_pool`: each ``g`` where the tap of its window is that ``index`` names."""
    return kernels.max_pool_grad_x(g, index, shape, *_kernel_arguments(shape[1:-1], window, strides, padding))


@op(shape=lambda x, index, **_attrs: spec(index.shape, x.dtype), reference=_looped_pick,
    vjp=[lambda g, _out, _x, index, **attrs: max_pool_grad_x(g, index, shape=_x.shape, **attrs), None],
    samples=[sample(real(2, 5, 6, 3), integers(0, 6, 2, 2, 2, 3), window=(2, 3), strides=(2, 3)),
             sample(real(1, 5, 5, 2), integers(0, 9, 1, 3, 3, 2), window=(3, 3), strides=(2, 2), padding="same")])
def max_pool_pick(x, index, window=(), strides=(), padding="valid"):
    """The element of each window whose tap ``index`` names; 0 for one in the padding."""
    return kernels.max_pool_pick(x, index, *_kernel_arguments(x.shape[1:-1], window, strides, padding))


def _max_rule(g, _out, _x, window, strides, padding, residual):
    window, strides, padding = _arguments(_x, window, strides, padding)
    return max_pool_grad_x(g, residual, shape=_x.shape, window=window, strides=strides, padding=padding)


@op(shape=lambda x, window, strides, padding: _pooled_shape(x, *_arguments(x, window, strides, padding)),
    residual=True, vjp=[_max_rule], reference=_pooled(max), samples=POOLS)
def max_pool(x, window=2, strides=None, padding="valid"):
    """The largest element of each window; ``strides`` default to the window's size.

    ``x`` is (batch, *space, channels); ``window`` and ``strides`` an int or one for each spatial axis; ``padding``
    ``'valid'``, ``'same'`` or (before, after) pairs smaller than the window. The gradient goes to the first of equal
    maxima.

    >>> import tahr
    >>> tahr.ops.max_pool(tahr.Tensor([[[1.0], [3.0], [2.0], [0.0]]]), 2)
    Tensor([[[3.],
             [2.]]])
    """
    window, strides, padding = _arguments(x, window, strides, padding)
    _pooled_shape(x, window, strides, padding)
    return kernels.max_pool(x, *_kernel_arguments(x.shape[1:-1], window, strides, padding))


# Sum and mean

def _share_out(mean):
    """The reference of a gradient: each element of a window gets its output's, all of it or its share."""
    def reference(g, shape, window, strides, padding="valid", count_inside=True):
        out = np.zeros(shape)
        for index, inside in _windows(out, window, strides, padding):
            for place in inside:
                out[place] += g[index] / ((len(inside) if count_inside else math.prod(window)) if mean else 1)
        return out
    return reference


def _mean_out(x, window, strides, padding="valid", count_inside=True):
    total = _pooled(math.fsum)(x, window, strides, padding)
    return total / (_pooled(len)(x, window, strides, padding) if count_inside else math.prod(window))


SUMS = [sample(real(2, 5, 6, 3), (2, 3), (2, 3), "valid"), sample(real(1, 5, 5, 2), (3, 3), (2, 2), "same"),
        raises(ValueError, "needs an input", real(5, 5, 2), (2, 2), (2, 2), "valid")]
SUM_GRADS = [sample(real(2, 2, 2, 3), (2, 5, 6, 3), (2, 3), (2, 3), "valid"),
             sample(real(1, 3, 3, 2), (1, 5, 5, 2), (3, 3), (2, 2), "same")]


@op(shape=lambda x, **attrs: shapes.summed(spec(_pooled_shape(x, **attrs), x.dtype), ()), reference=_pooled(math.fsum),
    samples=SUMS, vjp=[lambda g, _out, _x, **attrs: sum_pool_grad_x(g, _x.shape, **attrs)])
def sum_pool(x, window=(), strides=(), padding="valid"):
    """The sum of each window; arguments as for :func:`max_pool`, one size and stride for each spatial axis."""
    _pooled_shape(x, window, strides, padding)
    return kernels.sum_pool(x, *_kernel_arguments(x.shape[1:-1], window, strides, padding))


@op(shape=lambda g, shape, **_: spec(shape, g.dtype), reference=_share_out(mean=False), samples=SUM_GRADS,
    vjp=[lambda g, _out, _g, shape, **attrs: sum_pool(g, **attrs)])
def sum_pool_grad_x(g, shape=(), window=(), strides=(), padding="valid"):
    """The gradient of :func:`sum_pool`: each element of ``shape`` gets the sum over the windows that hold it."""
    return kernels.sum_pool_grad_x(g, shape, *_kernel_arguments(shape[1:-1], window, strides, padding))


@op(shape=_pooled_shape, dtype="float", name="mean_pool", reference=_mean_out,
    vjp=[lambda g, _out, _x, **attrs: mean_pool_grad_x(g, _x.shape, **attrs)],
    samples=[*SUMS, sample(real(1, 5, 5, 2), (3, 3), (2, 2), "same", count_inside=False)])
def _mean_pool(x, window=(), strides=(), padding="valid", count_inside=True):
    _pooled_shape(x, window, strides, padding)
    return kernels.mean_pool(x, *_kernel_arguments(x.shape[1:-1], window, strides, padding), count_inside)


@op(shape=lambda g, shape, **_: spec(shape, g.dtype), reference=_share_out(mean=True),
    vjp=[lambda g, _out, _g, shape, **attrs: _mean_pool(g, **attrs)],
    samples=[*SUM_GRADS, sample(real(1, 3, 3, 2), (1, 5, 5, 2), (3, 3), (2, 2), "same", count_inside=False)])
def mean_pool_grad_x(g, shape=(), window=(), strides=(), padding="valid", count_inside=True):
    """The gradient of :func:`average_pool` for an ``x`` of ``shape``."""
    return kernels.mean_pool_grad_x(g, shape, *_kernel_arguments(shape[1:-1], window, strides, padding), count_inside)


def _average_out(x, window, strides=None, padding="valid", count_inside=True):
    return _mean_out(x, *_arguments(x, window, strides, padding), count_inside)


@function(reference=_average_out, samples=[*POOLS, sample(real(1, 4, 4, 1), 3, 1, "same", count_inside=False)])
def average_pool(x, window, strides=None, padding="valid", count_inside=True):
    """The mean of each window; arguments as for :func:`max_pool`.

    The sum is divided by the number of elements inside the image, or, without ``count_inside``, by the window's size.
    """
    return _mean_pool(x, *_arguments(x, window, strides, padding), count_inside)


# Over all space, and over bins

WHOLE = [sample(apart(2, 3, 4, 2)), sample(apart(3, 5, 2)), sample(apart(2, 17, 17, 1)), sample(apart(0, 3, 2)),
         raises(ValueError, "needs an input", real(3, 2))]


def _space(x):
    if x.ndim < 3:
        raise ValueError(f"pooling needs an input (batch, *space, channels), got shape {x.shape}")
    return tuple(range(1, x.ndim - 1))


def _over_all(x, reduce, pool):
    """The kernels reduce faster than NumPy does, where there is something to reduce and its size is known."""
    axes, space = _space(x), x.shape[1:-1]
    if None in space or 0 in space:
        return reduce(x, axes)
    return reshape(pool(x, space), (x.shape[0], x.shape[-1]))


@function(reference=lambda x: np.array([[v.max() for v in image.reshape(-1, x.shape[-1]).T] for image in x]).reshape(
    len(x), x.shape[-1]), samples=WHOLE)
def global_max_pool(x):
    """The largest element of each channel of each image: (batch, *space, channels) to (batch, channels)."""
    return _over_all(x, largest, max_pool)


@function(reference=lambda x: np.array([[math.fsum(v) / len(v) for v in image.reshape(-1, x.shape[-1]).T]
                                        for image in x]).reshape(len(x), x.shape[-1]), samples=WHOLE)
def global_mean_pool(x):
    """The mean of each channel of each image: (batch, *space, channels) to (batch, channels)."""
    return _over_all(x, mean, average_pool)


def _bins(n, size):
    """Where ``size`` bins over ``n`` elements begin and end: PyTorch's rule; bins may share an element."""
    i = np.arange(size)
    return i * n // size, -(-(i + 1) * n // size)


def _in_bins(x, sizes):
    """``x`` with each bin's elements in a row, its last repeated where others are longer: ``x, bin sizes, own``.

    ``own`` has for each axis whether an element is no repetition, bin by bin; None where the axis divides evenly.
    """
    window, own = [], []
    for axis, (n, size) in enumerate(zip(x.shape[1:-1], sizes), 1):
        start, stop = _bins(n, size)
        longest = int(np.max(stop - start))
        places = start[:, None] + np.arange(longest)
        if n % size:
            x = take(x, np.minimum(places, stop[:, None] - 1).ravel(), axis)
        window.append(longest)
        own.append(places < stop[:, None])
    return x, tuple(window), own


def _binned(combine):
    def reference(x, sizes):
        sizes = per_axis("output_size", sizes, x.ndim - 2)
        out = np.zeros((len(x), *sizes, x.shape[-1]))
        for index in np.ndindex(sizes):
            ranges = tuple(slice(i * n // size, math.ceil((i + 1) * n / size))
                           for i, n, size in zip(index, x.shape[1:-1], sizes))
            out[(slice(None), *index)] = combine(x[(slice(None), *ranges)], tuple(range(1, x.ndim - 1)))
        return out
    return reference


BINS = [sample(apart(2, 7, 5, 2), (3, 2)), sample(apart(1, 6, 4, 3), (2, 4)), sample(apart(2, 3, 2), 5),
        sample(apart(0, 5, 2), 2), raises(ValueError, "output_size must be", real(1, 4, 4, 1), (2, 0)),
        raises(ValueError, "needs an input", real(3, 2), 2)]


@function(reference=_binned(np.max), samples=BINS)
def adaptive_max_pool(x, output_size):
    """The largest element of each of ``output_size`` bins (an int or one for each spatial axis) of nearly equal sizes.

    Bin ``i`` of ``n`` elements reaches from ``floor(i n / size)`` to ``ceil((i + 1) n / size)``.
    """
    _space(x)
    sizes = per_axis("output_size", output_size, x.ndim - 2)
    if None in x.shape[1:-1]:
        return spec((x.shape[0], *sizes, x.shape[-1]), x.dtype)
    x, window, _ = _in_bins(x, sizes)       # repetitions come last, so that the first of equals is never one
    return max_pool(x, window)


@function(reference=_binned(np.mean), samples=BINS)
def adaptive_mean_pool(x, output_size):
    """The mean of each of ``output_size`` bins; see :func:`adaptive_max_pool`."""
    _space(x)
    sizes = per_axis("output_size", output_size, x.ndim - 2)
    dtype = x.dtype if x.dtype.kind == "f" else settings.floatx()
    if None in x.shape[1:-1]:
        return spec((x.shape[0], *sizes, x.shape[-1]), dtype)
    x, window, own = _in_bins(x, sizes)
    if all(map(np.all, own)):
        return average_pool(x, window)
    inside = functools.reduce(np.logical_and.outer, [mask.ravel() for mask in own])
    counts = functools.reduce(np.multiply.outer, [mask.sum(1) for mask in own])
    return sum_pool(where(inside[..., None], x, 0), window, window) / counts[..., None].astype(dtype)


def _arguments(x, window, strides, padding):
    ndim = x.ndim - 2
    window = per_axis("pool_size", window, ndim)
    return window, per_axis("strides", window if strides is None else strides, ndim), check_padding(padding, ndim)
