"""Ops that move elements without changing them."""

import itertools
import math
import operator

import numpy as np

from ..autograd import function, op, raises, real, sample
from . import shapes
from .adjust import broadcast_to


def _by_element(place):
    """A reference that puts each element, by its index, where ``place(index, shape)`` says."""
    def reference(x, *args, **kwargs):
        moved = {place(i, x.shape, *args, **kwargs): x[i] for i in itertools.product(*map(range, x.shape))}
        if not moved:
            return None
        out = np.empty([max(sizes) + 1 for sizes in zip(*moved, strict=True)])
        for index, value in moved.items():
            out[index] = value
        return out
    return reference


# Shape

@op(shape=lambda x, shape: shapes.resolve_reshape(x.shape, shape), name="reshape",
    vjp=[lambda g, _out, _x, shape: _reshape(g, _x.shape)],
    reference=lambda x, shape: np.array(x.ravel().tolist()).reshape(shape),
    samples=[sample(real(3, 4), (2, 6)), sample(real(3, 4), shape=(-1, 2)), sample(real(2, 3, 4), (2, 12)),
             sample(real(0, 3), (0, 3, 1)), sample(real(1), ()),
             raises(ValueError, r"cannot reshape \(3, 4\) \(12 elements\) to \(5, -1\): 12 is", real(3, 4), (5, -1)),
             raises(ValueError, "the total must not change", real(3, 4), (3, 3)),
             raises(ValueError, "can only infer one size", real(3, 4), (-1, -1))])
def _reshape(x, shape=()):
    return x.reshape(shape)


def reshape(x, shape):
    """The same elements in another shape (an int or several); one size may be -1 and is inferred."""
    shape = shapes.as_shape(shape)
    if shape.count(None) == 1 and -1 not in shape and shapes.size(x.shape) is None:
        _reshape(x, shape)      # says what does not fit; the size that is open stays so, for values to come
        out = _reshape(x, tuple(-1 if n is None else n for n in shape))
        return out
    return _reshape(x, shape)


def _permuted(x, axes):
    if len(axes) != x.ndim:
        raise ValueError(f"axes {axes} must name each of the {x.ndim} dimensions of shape {x.shape} once")
    return tuple(x.shape[i] for i in shapes.normalize_axes(axes, x.ndim))


def _inverse(axes):
    order = [a % len(axes) for a in axes]
    return tuple(order.index(i) for i in range(len(axes)))


@op(shape=_permuted, vjp=[lambda g, _out, _x, axes: _transpose(g, _inverse(axes))],
    name="transpose", reference=lambda x, axes: np.einsum(x, list(range(x.ndim)), [a % x.ndim for a in axes]),
    samples=[sample(real(3, 4), (1, 0)), sample(real(2, 3, 4), (2, 0, 1)), sample(real(2, 3, 4), axes=(-2, -1, 0)),
             sample(real(0, 3), (1, 0)), raises(ValueError, "must name each of the 2 dimensions", real(3, 4), (0,)),
             raises(ValueError, "names an axis twice", real(3, 4), (0, 0))])
def _transpose(x, axes=()):
    return x.transpose(axes)


def transpose(x, axes=None):
    """The axes in another order; None reverses them."""
    return _transpose(x, tuple(range(x.ndim))[::-1] if axes is None else shapes.as_shape(axes))


def swapaxes(x, axis1, axis2):
    """Two axes exchanged."""
    order = list(range(x.ndim))
    a, b = shapes.normalize_axis(axis1, x.ndim), shapes.normalize_axis(axis2, x.ndim)
    order[a], order[b] = b, a
    return _transpose(x, tuple(order))


def moveaxis(x, source, destination):
    """Axes moved to other places, the rest keeping their order."""
    source, destination = shapes.normalize_axes(source, x.ndim), shapes.normalize_axes(destination, x.ndim)
    if len(source) != len(destination):
        raise ValueError(f"source and destination must name equally many axes, got {source} and {destination}")
    order = [i for i in range(x.ndim) if i not in source]
    for to, axis in sorted(zip(destination, source)):
        order.insert(to, axis)
    return _transpose(x, tuple(order))


def matrix_transpose(x):
    """The last two axes exchanged."""
    return swapaxes(x, -1, -2)


def expand_dims(x, axis):
    """New axes of size 1 at the places ``axis`` (an int or several) of the result."""
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    axes = shapes.normalize_axes(axes, x.ndim + len(axes))
    if None in x.shape:     # a new shape would be wrong for the values to come
        return x[tuple(None if i in axes else slice(None) for i in range(x.ndim + len(axes)))]
    old = iter(x.shape)
    return _reshape(x, tuple(1 if i in axes else next(old) for i in range(x.ndim + len(axes))))


def squeeze(x, axis=None):
    """Without the axes of size 1, or without those named."""
    axes = [i for i, n in enumerate(x.shape) if n == 1] if axis is None else shapes.normalize_axes(axis, x.ndim)
    if wrong := [i for i in axes if x.shape[i] not in (1, None)]:
        raise ValueError(f"squeeze removes axes of size 1, but axis {wrong[0]} of shape {x.shape} has size "
                         f"{x.shape[wrong[0]]}")
    if None in x.shape:
        return x[tuple(0 if i in axes else slice(None) for i in range(x.ndim))]
    return _reshape(x, tuple(n for i, n in enumerate(x.shape) if i not in axes))


def ravel(x):
    """All elements in one dimension."""
    return _reshape(x, (-1,))


def flatten(x, start_dim=0, end_dim=-1):
    """The axes from ``start_dim`` to ``end_dim`` merged into one."""
    if x.ndim == 0:
        return _reshape(x, (1,))
    start, end = shapes.normalize_axis(start_dim, x.ndim), shapes.normalize_axis(end_dim, x.ndim)
    merged = shapes.size(x.shape[start:end + 1])
    if merged is None and None not in x.shape[:start] + x.shape[end + 1:]:
        merged = -1
    return _reshape(x, (*x.shape[:start], merged, *x.shape[end + 1:]))


def broadcast_arrays(*arrays):
    """All arguments broadcast against each other."""
    shape = shapes.broadcast_shapes(*(x.shape for x in arrays))
    return tuple(broadcast_to(x, shape) for x in arrays)


def meshgrid(*arrays, indexing="xy"):
    """Coordinate tensors of coordinate vectors: axis ``i`` follows vector ``i``, but ``'xy'`` swaps the first two."""
    if indexing not in ("xy", "ij"):
        raise ValueError(f"indexing must be 'xy' or 'ij', got {indexing!r}")
    along = [_reshape(x, tuple(-1 if i == axis else 1 for i in range(len(arrays)))) for axis, x in enumerate(arrays)]
    grids = broadcast_arrays(*along)
    return tuple(swapaxes(x, 0, 1) for x in grids) if indexing == "xy" and len(arrays) > 1 else grids


# Order

def _flipped(i, shape, axis=None):
    axes = range(len(shape)) if axis is None else [a % len(shape) for a in np.atleast_1d(axis)]
    return tuple(n - 1 - k if j in axes else k for j, (k, n) in enumerate(zip(i, shape)))


@op(shape=shapes.along, vjp=[lambda g, _out, _x, axis: flip(g, axis)], reference=_by_element(_flipped),
    samples=[sample(real(3, 4)), sample(real(3, 4), 0), sample(real(2, 3, 4), axis=(0, -1)),
             raises(ValueError, "out of range", real(3), 1)])
def flip(x, axis=None):
    """The order reversed along ``axis`` (None: along all)."""
    return np.flip(x, axis)


def _rolled(i, shape, shift, axis=None):
    if axis is None:
        flat = (np.ravel_multi_index(i, shape) + shift) % math.prod(shape)
        return tuple(map(int, np.unravel_index(flat, shape)))
    moves = dict(zip([a % len(shape) for a in np.atleast_1d(axis)], np.atleast_1d(shift)))
    return tuple((k + moves.get(j, 0)) % n for j, (k, n) in enumerate(zip(i, shape)))


def _back(shift):
    return tuple(-s for s in shift) if isinstance(shift, tuple | list) else -shift


@op(shape=shapes.along, vjp=[lambda g, _out, _x, shift, axis: roll(g, _back(shift), axis)],
    reference=_by_element(_rolled),
    samples=[sample(real(3, 4), 5), sample(real(3, 4), 1, axis=1), sample(real(3, 4), (1, -2), (0, 1)),
             raises(ValueError, "out of range", real(3), 1, axis=1)])
def roll(x, shift=0, axis=None):
    """Elements shifted along ``axis``, those that fall off coming back at the other end."""
    return np.roll(x, shift, axis)


def _turned(i, shape, k=1):
    for _ in range(k % 4):
        i, shape = (shape[1] - 1 - i[1], i[0]), shape[::-1]
    return i


@function(reference=_by_element(_turned),
          samples=[sample(real(2, 3)), sample(real(2, 3), 2), sample(real(2, 3), -1), sample(real(2, 3), k=4)])
def rot90(x, k=1, axes=(0, 1)):
    """Turned by ``k`` right angles in the plane of two axes, from the first towards the second."""
    a, b = axes
    match k % 4:
        case 0:
            return x
        case 1:
            return flip(swapaxes(x, a, b), a)
        case 2:
            return flip(x, (a, b))
        case _:
            return swapaxes(flip(x, a), a, b)


# Joining and repeating

def _joined(*xs, axis):
    if not xs:
        raise ValueError("need at least one array to concatenate, got none")
    if xs[0].ndim == 0:
        raise ValueError("0-d arrays cannot be concatenated: use stack")
    axis = shapes.normalize_axis(axis, xs[0].ndim)
    rest = lambda x: x.shape[:axis] + x.shape[axis + 1:]
    for x in xs[1:]:
        if x.ndim != xs[0].ndim or any(a != b for a, b in zip(rest(x), rest(xs[0])) if None not in (a, b)):
            raise ValueError(f"shapes to concatenate may differ only along axis {axis}, "
                             f"got {' and '.join(str(x.shape) for x in xs)}")
    sizes = [x.shape[axis] for x in xs]
    merged = tuple(next((n for n in column if n is not None), None) for column in zip(*(x.shape for x in xs)))
    return (*merged[:axis], None if None in sizes else sum(sizes), *merged[axis + 1:])


def _joined_rule(i):
    def rule(g, _out, *_xs, axis):
        axis = axis % len(_xs[0].shape)
        start = sum(x.shape[axis] for x in _xs[:i])
        return slice_along(g, axis, start, start + _xs[i].shape[axis])
    return rule


@op(shape=_joined, vjp=_joined_rule, name="concatenate", reference=lambda *xs, axis=0: np.moveaxis(
        np.array([row for x in xs for row in np.moveaxis(x, axis, 0)]), 0, axis),
    samples=[sample(real(2, 3), real(4, 3)), sample(real(2, 3), real(2, 1), real(2, 2), axis=-1),
             sample(real(0, 3), real(2, 3)),
             raises(ValueError, "may differ only along axis 0", real(2, 3), real(2, 4)),
             raises(ValueError, "axis 2 is out of range", real(2, 3), real(2, 3), axis=2),
             raises(ValueError, "0-d arrays", real(), real())])
def _concatenate(*arrays, axis=0):
    return np.concatenate(arrays, axis)


def concatenate(arrays, axis=0):
    """Arrays joined along an existing axis."""
    if axis is None:
        arrays, axis = [ravel(x) for x in arrays], 0
    return _concatenate(*arrays, axis=axis)


def stack(arrays, axis=0):
    """Arrays of one shape joined along a new axis."""
    arrays = list(arrays)
    if len({tuple(x.shape) for x in arrays}) != 1:
        raise ValueError(f"arrays to stack must have one shape, got {[tuple(x.shape) for x in arrays]}")
    return _concatenate(*(expand_dims(x, axis) for x in arrays), axis=axis)


def _sliced(x, axis, start, stop):
    n = x.shape[axis]
    return (*x.shape[:axis], None if n is None else len(range(n)[start:stop]), *x.shape[axis + 1:])


def _slice_rule(g, _out, _x, axis, start, stop):
    outside = (start, _x.shape[axis] - stop)
    return pad_constant(g, tuple(outside if i == axis else (0, 0) for i in range(len(_x.shape))))


@op(shape=_sliced, vjp=[_slice_rule],
    reference=lambda x, axis, start, stop: np.stack([np.take(x, i, axis) for i in range(start, stop)], axis),
    samples=[sample(real(3, 4), 1, 1, 3), sample(real(3, 4), axis=0, start=0, stop=2)])
def slice_along(x, axis=0, start=0, stop=0):
    """``x[start:stop]`` along ``axis``, with ``0 <= start <= stop``."""
    return x[(slice(None),) * axis + (slice(start, stop),)]


def split(x, indices_or_sections, axis=0):
    """Cut along ``axis`` into so many equal parts, or before each of the given indices; returns a list."""
    axis = shapes.normalize_axis(axis, x.ndim)
    n = x.shape[axis]
    if n is None:
        raise ValueError(f"cannot cut axis {axis} of shape {x.shape}, whose size is not known yet")
    if isinstance(indices_or_sections, int | np.integer):
        if indices_or_sections < 1 or n % indices_or_sections:
            raise ValueError(f"axis {axis} of shape {x.shape} does not divide into {indices_or_sections} equal parts")
        cuts = [n // indices_or_sections * i for i in range(indices_or_sections + 1)]
    else:
        cuts = [0, *(min(max(i + n if i < 0 else i, 0), n) for i in indices_or_sections), n]
    return [slice_along(x, axis, a, max(a, b)) for a, b in itertools.pairwise(cuts)]


def chunk(x, chunks, axis=0):
    """Cut along ``axis`` into at most ``chunks`` parts of one size, the last perhaps smaller."""
    n = x.shape[shapes.normalize_axis(axis, x.ndim)]
    if n is None or chunks < 1:
        raise ValueError(f"cannot cut axis {axis} of shape {x.shape} into {chunks} chunks")
    size = max(math.ceil(n / chunks), 1)
    return split(x, list(range(size, n, size)), axis)


def unstack(x, axis=0):
    """The slices along ``axis``, as a list, without that axis."""
    axis = shapes.normalize_axis(axis, x.ndim)
    return [squeeze(slice_along(x, axis, i, i + 1), axis) for i in range(x.shape[axis])]


def tile(x, reps):
    """``x`` repeated as a whole, ``reps`` times along each axis (as NumPy's ``tile``)."""
    reps = shapes.as_shape(reps)
    ndim = max(len(reps), x.ndim)
    reps, shape = (1,) * (ndim - len(reps)) + reps, (1,) * (ndim - x.ndim) + tuple(x.shape)
    x = _reshape(x, tuple(size for n in shape for size in (1, n)))
    x = broadcast_to(x, tuple(size for pair in zip(reps, shape) for size in pair))
    return _reshape(x, tuple(None if n is None else r * n for r, n in zip(reps, shape)))


# Padding and masks

def _padded(x, widths, value=0.0):
    out = np.full([n + a + b for n, (a, b) in zip(x.shape, widths)], value, dtype=float)
    for index in itertools.product(*map(range, x.shape)):
        out[tuple(i + a for i, (a, _) in zip(index, widths))] = x[index]
    return out


@op(shape=lambda x, widths, value: tuple(None if n is None else n + a + b for n, (a, b) in zip(x.shape, widths)),
    vjp=[lambda g, _out, _x, widths, value: _unpad(g, widths)], reference=_padded,
    samples=[sample(real(2, 3), ((1, 2), (0, 1))), sample(real(3), ((2, 0),), value=1.5),
             sample(real(0, 2), ((1, 1), (0, 0)))])
def pad_constant(x, widths=(), value=0):
    """``x`` with ``value`` around it: ``widths`` is a tuple of ``(before, after)``, one for each axis."""
    out = np.full([n + a + b for n, (a, b) in zip(x.shape, widths)], value, x.dtype)
    out[tuple(slice(a, a + n) for n, (a, _) in zip(x.shape, widths))] = x
    return out


def _unpad(x, widths):
    for axis, (a, b) in enumerate(widths):
        if a or b:
            x = slice_along(x, axis, a, x.shape[axis] - b)
    return x


def _matrix(x, k):
    if x.ndim < 2:
        raise ValueError(f"a triangle needs at least 2 dimensions, got shape {x.shape}")
    return x.shape


def _kept(keep):
    """A reference that keeps the elements whose diagonal, counted from the main one, is right."""
    def reference(x, k=0):
        out = np.zeros(x.shape)
        for (*batch, row, column), value in np.ndenumerate(x):
            if keep(column - row, k):
                out[(*batch, row, column)] = value
        return out
    return reference


TRIANGLES = [sample(real(3, 4)), sample(real(2, 3, 3), 1), sample(real(4, 3), k=-1),
             raises(ValueError, "at least 2 dimensions", real(3))]


@op(shape=_matrix, vjp=[lambda g, _out, _x, k: tril(g, k)], reference=_kept(operator.le), samples=TRIANGLES)
def tril(x, k=0):
    """The last two axes' lower triangle: zeros above the ``k``-th diagonal."""
    _matrix(x, k)
    return np.tril(x, k)


@op(shape=_matrix, vjp=[lambda g, _out, _x, k: triu(g, k)], reference=_kept(operator.ge), samples=TRIANGLES)
def triu(x, k=0):
    """The last two axes' upper triangle: zeros below the ``k``-th diagonal."""
    _matrix(x, k)
    return np.triu(x, k)
