"""Shape rules, and the arithmetic of shapes in which None stands for any size."""

import math
import operator

import numpy as np

from ..autograd.value import spec


def same(x, *_others, **_attrs):
    """The shape of the first argument."""
    return x.shape


def broadcast(*specs, **_attrs):
    """The shape to which all arguments broadcast."""
    return broadcast_shapes(*(s.shape for s in specs if s is not None))


def broadcast_shapes(*shapes):
    """NumPy's broadcasting, with None: None against n > 1 is n, against 1 or None it stays None.

    >>> broadcast_shapes((None, 1, 3), (4, 1))
    (None, 4, 3)
    """
    ndim = max(map(len, shapes), default=0)
    return tuple(_broadcast_sizes([s[i - ndim] for s in shapes if i - ndim >= -len(s)], shapes) for i in range(ndim))


def broadcasts(shape, target):
    """Whether an array of ``shape`` can be broadcast to ``target``."""
    return len(shape) <= len(target) and all(
        m in (n, 1, None) or n is None for m, n in zip(reversed(shape), reversed(target)))


def _broadcast_sizes(sizes, shapes):
    fixed = {n for n in sizes if n is not None and n != 1}
    if len(fixed) > 1:
        raise ValueError(f"shapes {' and '.join(map(str, shapes))} do not broadcast: sizes counted from the last axis "
                         f"must be equal or 1, but {sorted(fixed)} meet")
    return fixed.pop() if fixed else None if None in sizes else 1


def normalize_axis(axis, ndim):
    """One axis as an integer from 0 to ndim - 1."""
    axis = operator.index(axis)
    if not -ndim <= axis < ndim:
        raise ValueError(f"axis {axis} is out of range for {ndim} dimension(s)"
                         + (f": it must lie from {-ndim} to {ndim - 1}" if ndim else ""))
    return axis % ndim


def normalize_axes(axis, ndim):
    """An ``axis`` argument (None for all, an int, or several) as a tuple of axes from 0 to ndim - 1."""
    if axis is None:
        return tuple(range(ndim))
    axes = tuple(normalize_axis(a, ndim) for a in (axis if isinstance(axis, tuple | list) else (axis,)))
    if len(set(axes)) < len(axes):
        raise ValueError(f"axis {axis} names an axis twice")
    return axes


def as_axis(axis):
    """An ``axis`` argument as NumPy takes it: a list becomes a tuple."""
    return tuple(axis) if isinstance(axis, list) else axis


def reduced(x, axis=None, keepdims=False, **_attrs):
    """The shape rule of reductions."""
    axes = normalize_axes(axis, x.ndim)
    return tuple(1 if i in axes else n for i, n in enumerate(x.shape) if keepdims or i not in axes)


def reduced_nonempty(x, axis=None, keepdims=False, **_attrs):
    """The shape rule of reductions that have no value over nothing (max, argmax)."""
    if any(x.shape[i] == 0 for i in normalize_axes(axis, x.ndim)):
        raise ValueError(f"there is no largest or smallest of 0 elements: shape {x.shape}, axis {axis}")
    return reduced(x, axis, keepdims)


def along(x, axis=None, **_attrs):
    """The shape rule of ops along existing axes that keep the shape (softmax, cumsum, flip)."""
    normalize_axes(axis, x.ndim)
    return x.shape


def summed(x, axis=None, keepdims=False):
    """The Spec of a sum: NumPy widens booleans and small integers."""
    dtype = np.add.reduce(np.zeros(1, x.dtype)).dtype if x.dtype.kind in "biu" else x.dtype
    return spec(reduced(x, axis, keepdims), dtype)


def size(shape):
    """The product of the sizes; None if one of them is."""
    return None if None in shape else math.prod(shape)


def resolve_reshape(old, new):
    """``new`` with its -1 filled in; raises if the number of elements differs."""
    new = tuple(new)
    if new.count(-1) > 1:
        raise ValueError(f"can only infer one size: the new shape {new} has {new.count(-1)} entries of -1")
    total, rest = size(old), math.prod(n for n in new if n not in (None, -1))
    if total is None or None in new:
        return _resolve_open(old, new)
    if -1 in new:
        if rest == 0 or total % rest:
            raise ValueError(f"cannot reshape {old} ({total} elements) to {new}: {total} is not a multiple of {rest}")
        return tuple(total // rest if n == -1 else n for n in new)
    if total != rest:
        raise ValueError(f"cannot reshape {old} ({total} elements) to {new} ({rest} elements): the total must not "
                         "change")
    return new


def _resolve_open(old, new):
    """The shapes have unknown sizes: those common to both cancel, a -1 that depends on one is None."""
    unknown = [n for n in old if n is None]
    known = math.prod(n for n in old if n is not None)
    kept = [n for n in new if n is None]
    rest = math.prod(n for n in new if n not in (None, -1))
    if -1 not in new:
        return new
    if len(kept) == len(unknown) and rest and known % rest == 0:
        return tuple(known // rest if n == -1 else n for n in new)
    return tuple(None if n == -1 else n for n in new)


def as_shape(shape):
    """A ``shape`` argument (an int or a sequence of ints) as a tuple."""
    if isinstance(shape, int | np.integer):
        return (int(shape),)
    return tuple(None if n is None else operator.index(n) for n in shape)
