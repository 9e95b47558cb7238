"""Shapes: joining, repeating, padding, cutting and resizing."""

import math

import numpy as np

from .. import tensor
from ..autograd import Spec
from . import config, creation
from .graph import as_tensor, late

ops = tensor.PUBLIC


def concatenate(tensors, axis=-1):
    """Tensors joined along an axis.

    >>> concatenate([[[1.0]], [[2.0]]])
    Tensor([[1., 2.]])
    """
    return ops["concatenate"]([as_tensor(x) for x in tensors], axis)


@late
def stack(x, axis=0):
    """Tensors of one shape joined along a new axis."""
    return ops["stack"]([as_tensor(t) for t in x], axis)


def reshape(x, shape):
    """The same elements in another shape; one size may be -1, sizes may be elements of ``K.shape(y)``.

    >>> reshape([[1.0, 2.0]], (2, 1)).shape
    (2, 1)
    """
    x = as_tensor(x)
    return _reshaped(x, shape) if isinstance(shape, Spec) or any(isinstance(n, Spec) for n in _listed(shape)) else \
        ops["reshape"](x, creation.sizes(shape, x))


def _listed(shape):
    return shape if isinstance(shape, list | tuple) else ()


@late
def _reshaped(x, shape):
    return ops["reshape"](x, creation.sizes(shape, x))


def permute_dimensions(x, pattern):
    """The axes in another order.

    >>> permute_dimensions([[1.0, 2.0]], (1, 0)).shape
    (2, 1)
    """
    return ops["transpose"](as_tensor(x), tuple(pattern))


def repeat_elements(x, rep, axis):
    """Each slice along an axis ``rep`` times, one after the other.

    >>> repeat_elements([1.0, 2.0], 2, 0)
    Tensor([1., 1., 2., 2.])
    """
    return ops["repeat"](as_tensor(x), rep, axis)


@late
def repeat(x, n):
    """(batch, features) as (batch, n, features).

    >>> repeat([[1.0, 2.0]], 3).shape
    (1, 3, 2)
    """
    x = as_tensor(x)
    if x.ndim != 2:
        raise ValueError(f"K.repeat takes (batch, features), got shape {x.shape}")
    return ops["repeat"](ops["expand_dims"](x, 1), int(n), 1)


@late
def tile(x, n):
    """``x`` as a whole, ``n`` times along each axis; a number counts for the first ones, as in NumPy's ``tile``.

    >>> tile([1.0, 2.0], 2)
    Tensor([1., 2., 1., 2.])
    """
    x = as_tensor(x)
    times = creation.sizes(n)
    return ops["tile"](x, (1,) * (x.ndim - len(times)) + times)


def flatten(x):
    """All elements in one row."""
    return ops["reshape"](as_tensor(x), (-1,))


def batch_flatten(x):
    """(batch, ...) as (batch, features).

    >>> batch_flatten([[[1.0], [2.0]]]).shape
    (1, 2)
    """
    x = as_tensor(x)
    if None in x.shape[1:]:
        return _rows(x)
    features = math.prod(x.shape[1:])
    return ops["reshape"](x, (-1 if x.shape[0] is None else x.shape[0], features))


@late
def _rows(x):
    open_size = None in x.shape[1:]
    return ops["reshape"](x, (x.shape[0], None if open_size else math.prod(x.shape[1:])))


@late
def expand_dims(x, axis=-1):
    """A new axis of size 1."""
    return ops["expand_dims"](as_tensor(x), axis)


@late
def squeeze(x, axis):
    """Without an axis of size 1."""
    return ops["squeeze"](as_tensor(x), axis)


def one_hot(indices, num_classes):
    """Rows with a 1 at each index.

    >>> one_hot([0, 2], 3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    indices = as_tensor(indices)
    return ops["one_hot"](indices if indices.dtype.kind in "iu" else indices.astype("int32"), num_classes)


def reverse(x, axes):
    """The order reversed along some axes.

    >>> reverse([1.0, 2.0], 0)
    Tensor([2., 1.])
    """
    return ops["flip"](as_tensor(x), tuple(axes) if isinstance(axes, list) else axes)


@late
def slice(x, start, size):
    """``size`` elements (-1: all there are) from ``start`` on, along each axis.

    >>> slice([[1.0, 2.0], [3.0, 4.0]], (0, 1), (2, 1)).tolist()
    [[2.0], [4.0]]
    """
    x, start, size = as_tensor(x), creation.sizes(start), creation.sizes(size)
    if len(start) != len(size) or len(start) != x.ndim:
        raise ValueError(f"K.slice needs a start and a size for each axis of shape {x.shape}, got {start} and {size}")
    for axis, (first, count) in enumerate(zip(start, size)):
        n = x.shape[axis]
        stop = n if count == -1 else None if count is None else first + count
        if n is None and stop is None and not first:
            continue
        x = ops["getitem"](x, (*[_ALL] * axis, _range(first, stop)))
    return x


_range = type(np.s_[:])
_ALL = _range(None)


# Images

def _last(x, data_format, move=True):
    """``x`` with its channels last, and the way back."""
    x = as_tensor(x)
    if config.normalize_data_format(data_format) == "channels_last":
        return x, lambda out: out
    return (ops["moveaxis"](x, 1, -1) if move else x), lambda out: ops["moveaxis"](out, -1, 1)


def _padded(x, pairs, data_format):
    x = as_tensor(x)
    pairs = [tuple(pair) for pair in pairs]
    last = config.normalize_data_format(data_format) == "channels_last"
    return ops["pad"](x, [(0, 0), *pairs, (0, 0)] if last else [(0, 0), (0, 0), *pairs])


def temporal_padding(x, padding=(1, 1)):
    """Zeros before and after the time axis of (batch, time, features).

    >>> temporal_padding([[[5.0]]]).numpy().ravel()
    array([0., 5., 0.], dtype=float32)
    """
    return _padded(x, [padding], "channels_last")


def spatial_2d_padding(x, padding=((1, 1), (1, 1)), data_format=None):
    """Zeros around images."""
    return _padded(x, padding, data_format)


def spatial_3d_padding(x, padding=((1, 1), (1, 1), (1, 1)), data_format=None):
    """Zeros around volumes."""
    return _padded(x, padding, data_format)


@late
def resize_images(x, height_factor, width_factor, data_format, interpolation="nearest"):
    """Images whose sides are so many times as long, by ``'nearest'`` or ``'bilinear'`` interpolation.

    >>> resize_images([[[[1.0]]]], 2, 3, "channels_last").shape
    (1, 2, 3, 1)
    """
    x, back = _last(x, data_format)
    return back(ops["upsample"](x, (height_factor, width_factor), interpolation))


@late
def resize_volumes(x, depth_factor, height_factor, width_factor, data_format):
    """Volumes whose sides are so many times as long."""
    x, back = _last(x, data_format)
    return back(ops["upsample"](x, (depth_factor, height_factor, width_factor)))
