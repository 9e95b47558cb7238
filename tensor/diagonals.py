"""Diagonals of matrices."""

import numpy as np

from ..autograd import function, op, raises, real, sample
from . import shapes
from .indexing import ARRAY, add_at
from .movement import moveaxis
from .reduce import sum as total


def _diagonal_length(rows, columns, offset):
    if None in (rows, columns):
        return None
    return max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)


def _diagonal_shape(x, offset, axis1, axis2):
    a, b = shapes.normalize_axes((axis1, axis2), x.ndim)
    rest = tuple(n for i, n in enumerate(x.shape) if i not in (a, b))
    return (*rest, _diagonal_length(x.shape[a], x.shape[b], offset))


def _diagonal_rule(g, _out, _x, offset, axis1, axis2):
    a, b = shapes.normalize_axes((axis1, axis2), len(_x.shape))
    rest = tuple(n for i, n in enumerate(_x.shape) if i not in (a, b))
    steps = np.arange(g.shape[-1])
    full = add_at(g, steps - min(offset, 0), steps + max(offset, 0), key=(Ellipsis, ARRAY, ARRAY),
                  shape=(*rest, _x.shape[a], _x.shape[b]))
    return moveaxis(full, (-2, -1), (a, b))


def _looped_diagonal(x, offset=0, axis1=0, axis2=1):
    x = np.moveaxis(x, (axis1, axis2), (-2, -1))
    rows, columns = x.shape[-2:]
    found = [x[..., row, row + offset] for row in range(rows) if 0 <= row + offset < columns]
    return np.stack(found, -1) if found else np.zeros((*x.shape[:-2], 0))


@op(shape=_diagonal_shape, vjp=[_diagonal_rule], reference=_looped_diagonal,
    samples=[sample(real(3, 4)), sample(real(4, 3), 1), sample(real(2, 3, 4), -1, 1, 2), sample(real(3, 3), 5),
             sample(real(3, 2, 4), 0, 2, 0), raises(ValueError, "out of range", real(3)),
             raises(ValueError, "twice", real(3, 3), 0, 1, 1)])
def diagonal(x, offset=0, axis1=0, axis2=1):
    """The diagonal of two axes, ``offset`` places above the main one, as a new last axis."""
    return np.diagonal(x, offset, axis1, axis2)


@function(reference=lambda x, offset=0, axis1=0, axis2=1: np.trace(x, offset, axis1, axis2),
          samples=[sample(real(3, 4)), sample(real(2, 4, 3), 1, -2, -1)])
def trace(x, offset=0, axis1=0, axis2=1):
    """The sum of the diagonal of two axes."""
    return total(diagonal(x, offset, axis1, axis2), -1)


def _square(x, k):
    if x.ndim != 1:
        raise ValueError(f"diag takes a vector or a matrix, got shape {x.shape}")
    n = None if x.shape[0] is None else x.shape[0] + abs(k)
    return (n, n)


@op(shape=_square, vjp=[lambda g, _out, _x, k: diagonal(g, k)], name="diagflat", reference=np.diagflat,
    samples=[sample(real(3)), sample(real(3), -2), sample(real(3), k=1),
             raises(ValueError, "a vector or a matrix", real(2, 2))])
def diagflat(x, k=0):
    """A vector's elements on the ``k``-th diagonal of a square matrix of zeros."""
    _square(x, k)
    return np.diag(x, k)


@function(reference=np.diag, samples=[sample(real(3), -2), sample(real(3, 4), 1), sample(real(3), k=1),
                                      raises(ValueError, "a vector or a matrix", real(2, 2, 2))])
def diag(x, k=0):
    """The ``k``-th diagonal of a matrix, or a vector's elements on that diagonal of a square matrix of zeros."""
    return diagonal(x, k) if x.ndim == 2 else diagflat(x, k)
