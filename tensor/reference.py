"""What ops mean, in the plainest NumPy: helpers for the references that the tests compare with."""

import itertools

import numpy as np


def each(scalar_function, dtype=float):
    """A function of Python numbers, applied element by element."""
    def reference(*arrays):
        arrays = np.broadcast_arrays(*arrays)
        out = [scalar_function(*numbers) for numbers in zip(*(a.ravel().tolist() for a in arrays))]
        return np.array(out, dtype).reshape(arrays[0].shape)
    return reference


def fold(combine, start=None):
    """A reduction as a loop over the elements, combining two numbers at a time."""
    def reference(x, axis=None, keepdims=False):
        x = np.asarray(x)
        axes = range(x.ndim) if axis is None else [a % x.ndim for a in np.ravel(axis).astype(int)]
        shape = [1 if i in axes else n for i, n in enumerate(x.shape)]
        out = np.full(shape, np.nan if start is None else start, dtype=float)
        seen = np.zeros(shape, bool)
        for index in itertools.product(*map(range, x.shape)):
            at = tuple(0 if i in axes else n for i, n in enumerate(index))
            out[at] = x[index] if start is None and not seen[at] else combine(out[at], x[index])
            seen[at] = True
        return out if keepdims else out.reshape([n for i, n in enumerate(x.shape) if i not in axes])
    return reference


def lanes(function):
    """A function of one vector, applied along an axis of any array."""
    def reference(x, axis=-1):
        return np.apply_along_axis(lambda v: np.asarray(function(v)), axis, x) if x.size else np.asarray(x)
    return reference
