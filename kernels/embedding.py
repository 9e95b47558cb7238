"""Rows of a table: gathered by indices, and gradients added back into rows.

Sums into a row are made in the order of the indices. Threads share columns, never indices, so the bits do not depend on
how many there are, however often an index comes.
"""

import math

import numpy as np

from .jit import FLOAT32, entry, kernel
from .memory import empty
from .threads import parts, split

GRAIN = 400_000         # numbers added: some 100 us
COLUMNS = 64            # a thread has at least so many: lines of the cache that no other thread writes


def row_numbers(indices, count):
    """Integer indices as int64 from 0 to ``count - 1``, negative ones counted from the end.

    Raises:
        IndexError: for an index outside; the text names it, its position and the size.
        TypeError: for indices that are not integers.
    """
    indices = np.asarray(indices)
    if indices.dtype.kind not in "iub":
        raise TypeError(f"indices must be integers, got {indices.dtype} of shape {indices.shape}")
    if indices.size and (indices.min() < 0 or indices.max() >= count):
        wrong = (indices < -count) | (indices >= count)
        if wrong.any():
            at = tuple(np.argwhere(wrong)[0].tolist())
            raise IndexError(f"index {indices[at]}{f' at position {at}' if at else ''} is out of bounds for an axis of "
                             f"size {count}: indices must lie from {-count} to {count - 1}")
        indices = np.where(indices < 0, indices + np.int64(count), indices)
    return indices.astype(np.int64, copy=False)


def _gather(table, indices):
    return table[row_numbers(indices, len(table))]


@entry(_gather)
def gather(table, indices):
    """``table[indices]`` along the first axis.

    Arguments:
        table: (n, ...).
        indices: integers of any shape, negative ones counted from the end.

    Raises:
        IndexError: for an index outside the table.
    """
    rows = row_numbers(indices, len(table))
    if type(table) is not np.ndarray or not table.size:
        return table[rows]
    out = empty((*rows.shape, *table.shape[1:]), table.dtype)
    flat, taken = rows.reshape(-1), out.reshape(rows.size, *table.shape[1:])    # clip: checked already, and no buffer
    split(rows.size, lambda _part, low, high: np.take(table, flat[low:high], 0, out=taken[low:high], mode="clip"),
          max(1, GRAIN // max(1, math.prod(table.shape[1:]))))
    return out


@kernel("*f *i *f i i i i i")
def add_rows(g, indices, out, low, high, count, rows, width):
    """Columns ``low`` to ``high`` of ``out``: zeros, then each row of ``g`` added at its index."""
    for row in range(rows):
        for j in range(row * width + low, row * width + high):
            out[j] = 0
    for i in range(count):
        to, start = indices[i] * width, i * width
        for j in range(low, high):
            out[to + j] += g[start + j]


def _scatter(g, indices, count, out=None):
    rows = row_numbers(indices, count)
    out = np.empty((count, *g.shape[rows.ndim:]), g.dtype) if out is None else out
    out[...] = 0
    np.add.at(out, rows, g)
    return out


@entry(_scatter)
def scatter(g, indices, count, out=None):
    """Zeros of ``count`` rows, to which the rows of ``g`` are added at ``indices``: the gradient of :func:`gather`.

    Arguments:
        g: (*indices.shape, ...).
        indices: integers, negative ones counted from the end; repeated ones add up, in their order.
        count: how many rows the result has.
        out: where to write, contiguous.

    Raises:
        IndexError: for an index outside.
    """
    if g.dtype is not FLOAT32 or not g.size:
        return _scatter(g, indices, count, out)
    rows = row_numbers(indices, count)
    g, rows = (a if a.flags.c_contiguous else np.ascontiguousarray(a) for a in (g, rows))
    shape = g.shape[rows.ndim:]
    width = math.prod(shape)
    out = empty((count, *shape)) if out is None else out
    shares = min(parts((rows.size + count) * width, GRAIN), max(1, width // COLUMNS))
    edge = [width * i // shares for i in range(shares + 1)]
    split(shares, lambda _part, low, high: add_rows(g, rows, out, edge[low], edge[high], rows.size, count, width))
    return out
