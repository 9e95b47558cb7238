"""Broadcasting, casting, and their undoing: what every gradient rule may need at its end."""

import math

import numpy as np

from ..autograd import integers, op, raises, real, sample
from ..autograd.value import spec
from . import shapes
from .convert import resolve_dtype


def _broadcast_shape(x, shape):
    if not shapes.broadcasts(x.shape, shape):
        raise ValueError(f"cannot broadcast shape {x.shape} to {tuple(shape)}")
    return shape


@op(shape=_broadcast_shape, vjp=[lambda g, _out, _x, shape: sum_to(g, _x.shape)], name="broadcast_to",
    reference=lambda x, shape: x * np.ones(shape),
    samples=[sample(real(3, 1), (2, 3, 4)), sample(real(3), (3,)), sample(real(0, 1), (0, 2)),
             raises(ValueError, "cannot broadcast shape", real(3), (2, 4))])
def _broadcast_to(x, shape=()):
    if math.prod(shape) > 4096:
        return np.broadcast_to(x, shape)
    out = np.empty(shape, x.dtype)      # a view takes NumPy 4 us to make, a small copy 0.7
    out[...] = x
    return out


def broadcast_to(x, shape):
    """``x`` repeated along new axes and along axes of size 1 until it has ``shape``."""
    return _broadcast_to(x, shapes.as_shape(shape))


@op(shape=lambda x, shape: shape, vjp=[lambda g, _out, _x, shape: broadcast_to(g, _x.shape)],
    reference=lambda x, shape: np.tensordot(np.ones(len(x)), x, (0, 0)).reshape(shape),
    samples=[sample(real(3, 4), (4,)), sample(real(3, 4), shape=(1, 4)), sample(real(0, 2), (2,))])
def sum_to(x, shape=()):
    """``x`` summed over the axes along which an array of ``shape`` would be broadcast to it."""
    lead = x.ndim - len(shape)
    if x.shape[lead:] == shape:
        return np.add.reduce(x, axis=tuple(range(lead)))
    axes = tuple(i for i in range(x.ndim) if i < lead or shape[i - lead] == 1 != x.shape[i])
    return np.add.reduce(x, axis=axes).reshape(shape)


@op(shape=lambda x, dtype: spec(x.shape, dtype), vjp=[lambda g, _out, _x, dtype: _astype(g, _x.dtype.name)],
    name="astype", reference=lambda x, dtype: np.array(x.tolist(), dtype=dtype),
    samples=[sample(real(3), "float64"), sample(integers(0, 9, 3), "float64"), sample(real(2, 3), dtype="int32")])
def _astype(x, dtype=None):
    return x.astype(dtype)


def astype(x, dtype):
    """``x`` as another dtype: a name, a type or a NumPy dtype. Gradients come back in the dtype of ``x``."""
    return _astype(x, resolve_dtype(dtype).name)


@op(shape=shapes.same, vjp=[lambda g, _out, _x: g], reference=np.copy, samples=[sample(real(2, 3)), sample(real())])
def copy(x):
    """The values in memory of their own."""
    return x.copy()


def match(g, like):
    """The gradient ``g`` brought to the shape and dtype of the argument it belongs to."""
    if g.shape != like.shape:
        g = sum_to(g, like.shape)
    return g if g.dtype == like.dtype else astype(g, like.dtype)
