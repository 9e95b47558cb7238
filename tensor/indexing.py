"""Reading and writing parts of tensors.

Indices that are arrays or tensors are inputs of the ops, the rest of an index (ints, slices, None, ...) is an
attribute, so that a captured step follows the indices of each batch.
"""

import numpy as np

from ..autograd import Spec, Value, apart, booleans, function, integers, op, raises, real, sample
from ..autograd.value import spec, wrap
from . import shapes
from .adjust import astype, broadcast_to, match
from .create import ones_like
from .elementwise import equal, not_equal
from .elementwise import where as _select
from .movement import moveaxis, pad_constant, reshape
from .reduce import sum as total

ARRAY = "array"     # stands in a key for an index that is an input


def _fill(key, indices):
    """The key with its arrays put back."""
    indices = iter(indices)
    return tuple(next(indices) if isinstance(k, str) else k for k in key)


def _indexed(x, *indices, key):
    """The shape of ``x[key]``, by NumPy's own rules: on arrays without memory, unknown sizes standing aside."""
    full = _fill(key, indices)
    if None in x.shape or any(_is_mask(i) or None in i.shape for i in indices):
        return _indexed_open(x, full)
    stand_in = np.broadcast_to(np.zeros((), x.dtype), x.shape)
    return stand_in[tuple(np.zeros(k.shape, k.dtype) if isinstance(k, Spec) else k for k in full)].shape


def _indexed_open(x, key):
    """The same with unknown sizes: each part of the key takes axes of ``x`` and gives axes of the result."""
    sizes, out, picked, places = list(x.shape), [], [], []
    for k in _without_ellipsis(key, x.ndim):
        if k is None:
            out.append(1)
        elif isinstance(k, slice):
            out.append(_sliced_size(sizes.pop(0), k))
        else:
            del sizes[:_axes_taken(k)]
            picked.append((None,) if _is_mask(k) else k.shape if isinstance(k, Spec) else ())
            places.append(len(out))
    if any(isinstance(k, Spec) for k in key):       # arrays and ints side by side give their axes there, else in front
        at = places[0] if len(set(places)) == 1 else 0
        out[at:at] = shapes.broadcast_shapes(*picked)
    return tuple(out + sizes)


def _without_ellipsis(key, ndim):
    rest = ndim - sum(map(_axes_taken, key))
    if rest < 0:
        raise IndexError(f"too many indices: {ndim - rest} for {ndim} dimension(s)")
    at = next((i for i, k in enumerate(key) if k is Ellipsis), len(key))
    return (*key[:at], *[slice(None)] * rest, *key[at + 1:])


def _axes_taken(k):
    return 0 if k is None or k is Ellipsis else k.ndim if _is_mask(k) else 1


def _is_mask(k):
    return isinstance(k, Spec) and k.dtype == bool


def _sliced_size(n, k):
    return None if n is None else len(range(n)[k])


def _split_key(key):
    """An index as ``key, inputs``: arrays and tensors taken out."""
    inputs, template = [], []
    for k in key if isinstance(key, tuple) else (key,):
        if isinstance(k, list | tuple | range | np.bool):
            k = np.asarray(k) if np.size(k) else np.zeros(np.shape(k), np.int64)
        if isinstance(k, Value | Spec | np.ndarray):
            if k.dtype.kind not in "biu":
                raise IndexError(f"indices must be integers or booleans, got {k.dtype} of shape {k.shape}")
            inputs.append(k)
            template.append(ARRAY)
        elif k is None or k is Ellipsis or isinstance(k, slice | int | np.integer | bool):
            template.append(k)
        else:
            raise IndexError(f"an index must be an int, slice, None, ..., integer or boolean array, got "
                             f"{type(k).__name__} {k!r}")
    return tuple(template), inputs


_ROWS = sample(real(4, 3), integers(-4, 4, 2, 5), key=(ARRAY,))
_KEYS = [sample(real(4, 3), key=(1,)), sample(real(4, 3), key=(slice(None, None, -2), None, 0)),
         sample(real(2, 3, 4), key=(Ellipsis, slice(1, 3))), _ROWS, sample(real(4, 3), booleans(4), key=(ARRAY,)),
         sample(real(2, 3, 4), integers(0, 3, 2), integers(0, 4, 5, 1), key=(slice(None), ARRAY, ARRAY)),
         sample(real(2, 3, 4), integers(0, 2, 5), integers(0, 4, 5), key=(ARRAY, slice(None), ARRAY)),
         sample(real(4, 3), booleans(4, 3), key=(ARRAY,)), sample(real(0, 3), key=(slice(None), 1))]


def _listed(x, *indices, key):
    """``x[key]`` through nested lists of element numbers."""
    numbers = np.arange(x.size).reshape(x.shape)[_fill(key, indices)]
    flat = x.ravel().tolist()
    return np.array([flat[i] for i in numbers.ravel()]).reshape(numbers.shape)


def _read_rule(i):
    if i == 0:
        return lambda g, _out, _x, *indices, key: add_at(g, *indices, key=key, shape=_x.shape)
    return None


@op(shape=_indexed, vjp=_read_rule, name="getitem", reference=_listed,
    samples=[*_KEYS, raises(IndexError, "out of bounds", real(4, 3), key=(4,)),
             raises(IndexError, "too many indices", real(4), key=(0, 0))])
def _getitem(x, *indices, key=()):
    return x[_fill(key, indices)]


def _accumulated(g, *indices, key, shape):
    out = np.zeros(shape).ravel()
    numbers = np.arange(out.size).reshape(shape)[_fill(key, indices)]
    for i, v in zip(numbers.ravel(), np.asarray(g).ravel()):
        out[i] += v
    return out.reshape(shape)


def _add_rule(i):
    if i == 0:
        return lambda g, _out, _g, *indices, key, shape: _getitem(g, *indices, key=key)
    return None


@op(shape=lambda g, *indices, key, shape: shape, name="add_at", reference=_accumulated, vjp=_add_rule,
    samples=[sample(real(3), key=(1,), shape=(4, 3)),
             sample(real(2, 5, 3), integers(-4, 4, 2, 5), key=(ARRAY,), shape=(4, 3)),
             sample(real(2), key=(slice(None, None, -2), 0), shape=(4, 3))])
def add_at(g, *indices, key=(), shape=()):
    """Zeros of ``shape`` to which ``g`` is added at ``key``, repeated indices adding up: the gradient of indexing."""
    out = np.zeros(shape, g.dtype)
    if indices:
        np.add.at(out, _fill(key, indices), g)
    else:
        out[key] = g
    return out


def _written(x, value, *indices, key):
    out = np.array(x, dtype=float).ravel()
    numbers = np.arange(out.size).reshape(x.shape)[_fill(key, indices)]
    for i, v in zip(numbers.ravel(), np.broadcast_to(value, numbers.shape).ravel()):
        out[i] = v
    return out.reshape(x.shape)


def _write_rule(i):
    if i == 0:
        return lambda g, _out, _x, _value, *indices, key: _setitem(g, 0, *indices, key=key)
    if i == 1:
        return lambda g, _out, _x, _value, *indices, key: match(_getitem(g, *indices, key=key), _value)
    return None


def _write_shape(x, value, *indices, key):
    target = _indexed(x, *indices, key=key)
    if None not in target and not shapes.broadcasts(value.shape, target):
        raise ValueError(f"cannot write a value of shape {value.shape} into a selection of shape {target}")
    return spec(x.shape, x.dtype)


@op(shape=_write_shape, vjp=_write_rule, name="setitem", reference=_written,
    samples=[sample(real(4, 3), real(3), key=(1,)), sample(real(4, 3), 0.5, key=(slice(1, 3),)),
             sample(real(4, 3), real(2, 3), np.array([3, 0]), key=(ARRAY,)),
             sample(real(4, 3), 2.0, np.array([True, False, False, True]), key=(ARRAY,)),
             sample(real(4, 3), real(2, 1), key=(slice(None, None, 2), slice(None))),
             raises(ValueError, "cannot write a value of shape", real(4, 3), real(2), key=(1,))])
def _setitem(x, value, *indices, key=()):
    out = x.copy()
    out[_fill(key, indices)] = value
    return out


def getitem(x, key):
    """``x[key]``: ints, slices, None, ``...``, boolean masks and integer arrays, in any mixture, as in NumPy."""
    key, indices = _split_key(key)
    return _getitem(x, *indices, key=key)


def setitem(x, key, value):
    """A copy of ``x`` with ``value`` written at ``key``; gradients flow to both."""
    key, indices = _split_key(key)
    return _setitem(x, value, *indices, key=key)


# Along one axis

def _taken(x, indices, axis):
    axis = shapes.normalize_axis(axis, x.ndim)
    if x.shape[axis] == 0 and 0 not in indices.shape:
        raise IndexError(f"cannot take from axis {axis} of shape {x.shape}, which is empty")
    return spec((*x.shape[:axis], *indices.shape, *x.shape[axis + 1:]), x.dtype)


def _looped_take(x, indices, axis=0):
    before, indices = (slice(None),) * (axis % x.ndim), np.asarray(indices)
    out = np.empty(x.shape[:len(before)] + indices.shape + x.shape[len(before) + 1:])
    for at, index in np.ndenumerate(indices):
        out[before + at] = x[(*before, index)]
    return out


@op(shape=_taken, vjp=[lambda g, _out, _x, indices, axis: _take_grad(g, indices, axis=axis, shape=_x.shape), None],
    name="take", reference=_looped_take,
    samples=[sample(real(5, 3), integers(0, 5, 4)), sample(real(5, 3), integers(-3, 3, 2, 4), axis=1),
             sample(real(2, 4, 3), integers(0, 4, 2, 2), axis=-2), sample(real(5, 3), 2),
             sample(real(5, 3), integers(0, 5, 0)),
             raises(ValueError, "axis 2 is out of range", real(5, 3), integers(0, 2, 2), axis=2)])
def _take(x, indices, axis=0):
    return np.take(x, indices, axis)


@op(shape=lambda g, indices, axis, shape: spec(shape, g.dtype), name="take_grad_x",
    vjp=[lambda g, _out, _g, indices, axis, shape: _take(g, indices, axis), None],
    reference=lambda g, indices, axis, shape: _accumulated(
        g, indices, key=(slice(None),) * (axis % len(shape)) + (ARRAY,), shape=shape),
    samples=[sample(real(4, 3), integers(0, 5, 4), axis=0, shape=(5, 3)),
             sample(real(2, 2, 4), integers(0, 3, 2, 4), axis=1, shape=(2, 3)),
             sample(real(0, 3), integers(0, 5, 0), axis=0, shape=(5, 3))])
def _take_grad(g, indices, axis=0, shape=()):
    out = np.zeros(shape, g.dtype)
    np.add.at(out, (slice(None),) * (axis % len(shape)) + (indices,), g)
    return out


def take(x, indices, axis=None):
    """The slices of ``x`` along ``axis`` (None: of ``x`` flattened) at ``indices``, an integer or an array of them."""
    if axis is None:
        x, axis = reshape(x, -1), 0
    return _take(x, indices, axis)


PAD_MODES = ("constant", "reflect", "edge", "symmetric", "wrap")


@function(reference=np.pad,
          samples=[sample(real(2, 3), 1), sample(real(2, 3), ((1, 2), (0, 1)), constant_values=1.5),
                   sample(real(3, 4), ((0, 0), (2, 1)), "reflect"), sample(real(3, 4), (2, 5), "edge"),
                   sample(real(0, 3), ((0, 0), (1, 1)), "edge"), sample(real(3), 7, mode="symmetric"),
                   sample(real(2, 3), ((3, 1), (0, 4)), mode="wrap"),
                   raises(ValueError, "mode must be one of", real(3), 1, "mirror"),
                   raises(ValueError, "must not be negative", real(3), -1),
                   raises(ValueError, "one pair .* each of the 2 axes", real(2, 3), ((1, 1), (2, 2), (3, 3)))])
def pad(x, pad_width, mode="constant", constant_values=0):
    """``x`` with elements around it.

    Arguments:
        pad_width: how many: one number for all sides, one pair ``(before, after)`` for all axes, or a pair for each.
        mode: ``'constant'`` adds ``constant_values``, ``'edge'`` the outermost element; ``'reflect'`` mirrors at that
            element, ``'symmetric'`` beside it; ``'wrap'`` goes on at the other end.

    >>> import tahr
    >>> tahr.ops.pad([1.0, 2.0, 3.0], 2, mode="reflect")
    Tensor([3., 2., 1., 2., 3., 2., 1.])
    """
    if mode not in PAD_MODES:
        raise ValueError(f"mode must be one of {', '.join(map(repr, PAD_MODES))}, got {mode!r}")
    widths = _pad_widths(pad_width, x.ndim)
    if mode == "constant":
        return pad_constant(x, widths, constant_values)
    for axis, width in enumerate(widths):
        if width != (0, 0):
            n = x.shape[axis]
            x = _take(x, spec((None,), "int64") if n is None else np.pad(np.arange(n), width, mode), axis)
    return x


def _pad_widths(pad_width, ndim):
    try:
        widths = np.broadcast_to(np.asarray(pad_width), (ndim, 2)).tolist()
    except ValueError:
        raise ValueError("pad_width must be a number, a pair (before, after), or one pair for each of the "
                         f"{ndim} axes, got {pad_width}") from None
    if any(n < 0 for pair in widths for n in pair):
        raise ValueError(f"pad widths must not be negative, got {pad_width}")
    return tuple(map(tuple, widths))


def _gathered(x, index, dim):
    axis = shapes.normalize_axis(dim, x.ndim)
    if index.ndim != x.ndim:
        raise ValueError(f"indices must have as many dimensions as the array, got shapes {index.shape} and {x.shape}")
    if any(m > n for i, (m, n) in enumerate(zip(index.shape, x.shape)) if i != axis and None not in (m, n)):
        raise ValueError(f"indices of shape {index.shape} reach beyond the array of shape {x.shape}, off axis {axis}")
    return index.shape


def _grid(index, axis):
    """The key that selects ``index`` along ``axis`` and the same place as in ``index`` along the other axes."""
    grids = np.ogrid[tuple(slice(n) for n in index.shape)]
    return tuple(index if i == axis % index.ndim else grid for i, grid in enumerate(grids))


def _places(index, axis):
    """Each position in ``index``, and the position it stands for."""
    for i in np.ndindex(index.shape):
        at = list(i)
        at[axis] = index[i]
        yield i, tuple(at)


def _looped(x, index, dim=0):
    out = np.empty(index.shape)
    for i, at in _places(index, dim):
        out[i] = x[at]
    return out


def _scattered(x, src, index, dim=0):
    out = np.array(x)
    for i, at in _places(index, dim):
        out[at] = np.broadcast_to(src, index.shape)[i]
    return out


def _summed(src, index, dim, shape):
    out = np.zeros(shape)
    for i, at in _places(index, dim):
        out[at] += np.broadcast_to(src, index.shape)[i]
    return out


@op(shape=lambda x, index, dim: spec(_gathered(x, index, dim), x.dtype), name="gather", reference=_looped,
    vjp=[lambda g, _out, _x, index, dim: _add_along(g, index, dim=dim, shape=_x.shape), None],
    samples=[sample(real(5, 3), integers(0, 5, 2, 3), dim=0), sample(real(5, 3), integers(-3, 3, 4, 4), dim=-1),
             sample(real(2, 4, 3), integers(0, 4, 2, 6, 2), dim=1), sample(real(0, 3), integers(0, 3, 0, 2), dim=1),
             raises(ValueError, "as many dimensions", real(5, 3), integers(0, 3, 5)),
             raises(ValueError, "reach beyond", real(5, 3), integers(0, 3, 6, 2), dim=1)])
def _gather(x, index, dim=0):
    _gathered(x, index, dim)
    return x[_grid(index, dim)]


def _scatter_shape(x, src, index, dim):
    target = _gathered(x, index, dim)
    if None not in target and not shapes.broadcasts(src.shape, target):
        raise ValueError(f"cannot write a value of shape {src.shape} at indices of shape {target}")
    return spec(x.shape, x.dtype)


@op(shape=lambda src, index, dim, shape: _scatter_shape(spec(shape, src.dtype), src, index, dim),
    name="add_along_axis", reference=_summed,
    vjp=[lambda g, _out, _src, index, dim, shape: match(_gather(g, index, dim), _src), None],
    samples=[sample(real(2, 3), integers(0, 5, 2, 3), dim=0, shape=(5, 3)),
             sample(real(2, 6), integers(-4, 4, 2, 6), dim=1, shape=(3, 4)),
             sample(real(3), integers(0, 5, 2, 3), dim=0, shape=(5, 3)),
             raises(ValueError, "reach beyond", real(4, 2), integers(0, 5, 4, 2), dim=1, shape=(3, 5))])
def _add_along(src, index, dim=0, shape=()):
    out = np.zeros(shape, src.dtype)
    np.add.at(out, _grid(index, dim), src)
    return out


@op(shape=_scatter_shape, name="scatter", reference=_scattered,
    vjp=[lambda g, _out, _x, _src, index, dim: _scatter(g, 0, index, dim=dim),
         lambda g, _out, _x, _src, index, dim: match(_gather(g, index, dim=dim), _src), None],
    samples=[sample(real(5, 3), real(2, 3), np.array([[0, 1, 2], [4, 3, 3]]), dim=0),
             sample(real(2, 5), 1.5, np.array([[0, 3], [4, 1]]), dim=1),
             sample(real(3, 2), real(2), np.array([[2, 0], [0, 1]]), dim=0),
             raises(ValueError, "cannot write a value", real(3, 2), real(3), np.array([[2, 0]]), dim=0)])
def _scatter(x, src, index, dim=0):
    out = x.copy()
    out[_grid(index, dim)] = src
    return out


def gather(x, dim, index):
    """``out[i, j] = x[index[i, j], j]`` for ``dim`` 0, and so on; ``index`` may be smaller off that axis."""
    return _gather(x, index, dim=dim)


def scatter(x, dim, index, src):
    """A copy of ``x`` with ``src`` (a tensor or a number) written where :func:`gather` would read.

    Where indices repeat one of the values stays, and the gradient goes to all of them: avoid it.
    """
    return _scatter(x, src, index, dim=dim)


@function(reference=lambda x, dim, index, src: x + _summed(src, index, dim, x.shape),
          samples=[sample(real(5, 3), 0, integers(0, 5, 2, 3), real(2, 3)),
                   sample(real(5, 3), 1, integers(0, 3, 4, 6), real(4, 6)),
                   sample(real(5, 3), 0, integers(0, 5, 2, 3), real(3))])
def scatter_add(x, dim, index, src):
    """``x`` plus the elements of ``src``, each added where :func:`gather` would read; repeats add up."""
    return x + _add_along(src, index, dim=dim, shape=x.shape)


def _extreme_shares(out, x, src, index, dim):
    """Which elements of ``x`` and of ``src`` are the result, each as its share among equals."""
    own, others = astype(equal(x, out), out.dtype), astype(equal(src, _gather(out, index, dim)), out.dtype)
    equals = own + _add_along(others, index, dim, out.shape)
    return own / equals, others / _gather(equals, index, dim)


def _looped_extreme(x, src, index, dim=0, largest=True):
    out = np.array(x)
    for i, at in _places(index, dim):
        out[at] = (max if largest else min)(out[at], src[i])
    return out


@op(shape=lambda x, src, index, dim, largest: _scatter_shape(x, src, index, dim), name="scatter_extreme",
    vjp=[lambda g, out, x, src, index, dim, largest: g * _extreme_shares(out, x, src, index, dim)[0],
         lambda g, out, x, src, index, dim, largest:
             _gather(g, index, dim) * _extreme_shares(out, x, src, index, dim)[1], None],
    reference=_looped_extreme,
    samples=[sample(real(5, 3), real(2, 3), integers(0, 5, 2, 3), dim=0),
             sample(real(2, 3), real(2, 6), integers(0, 3, 2, 6), dim=1, largest=False)])
def _scatter_extreme(x, src, index, dim=0, largest=True):
    out = x.copy()
    (np.maximum if largest else np.minimum).at(out, _grid(index, dim), src)
    return out


def _looped_reduction(x, dim, index, src, reduce="sum", include_self=True):
    """The elements that meet at each place, listed and then reduced."""
    combine = {"sum": np.sum, "mean": np.mean, "amax": np.max, "amin": np.min}[reduce]
    met = {}
    for i, at in _places(index, dim):
        at = tuple(np.mod(at, x.shape))
        met.setdefault(at, [x[at]] if include_self else []).append(src[i])
    out = np.array(x)
    for at, values in met.items():
        out[at] = combine(values)
    return out


@function(reference=_looped_reduction,
          samples=[sample(real(5, 3), 0, integers(0, 5, 2, 3), real(2, 3)),
                   sample(real(5, 3), 1, integers(-3, 3, 4, 6), real(4, 6), "mean"),
                   sample(real(2, 5), 1, integers(0, 3, 2, 6), real(2, 6), "mean", include_self=False),
                   sample(apart(2, 5), 1, integers(0, 3, 2, 6), real(2, 6), "amax"),
                   sample(apart(2, 5), 1, integers(0, 3, 2, 6), real(2, 6), "amax", False),
                   sample(apart(3, 2), 0, integers(0, 3, 4, 2), real(4, 2), reduce="amin"),
                   raises(ValueError, "reduce must be one of", real(3), 0, integers(0, 3, 2), real(2), "median")])
def scatter_reduce(x, dim, index, src, reduce="sum", include_self=True):
    """A copy of ``x`` where each element of ``src`` is combined with what :func:`gather` would read at its place.

    ``reduce`` is ``'sum'``, ``'mean'``, ``'amax'`` or ``'amin'``; ``include_self=False`` leaves out the elements of
    ``x`` at the places that ``index`` names. Equal extremes share their gradient.
    """
    neutral = {"sum": 0, "mean": 0, "amax": -np.inf, "amin": np.inf}
    if reduce not in neutral:
        raise ValueError(f"reduce must be one of {', '.join(map(repr, neutral))}, got {reduce!r}")
    if not include_self:
        x = _scatter(x, neutral[reduce], index, dim)
    if reduce in ("amax", "amin"):
        return _scatter_extreme(x, src, index, dim, reduce == "amax")
    added = scatter_add(x, dim, index, src)
    if reduce == "sum":
        return added
    count = ones_like(x)
    if not include_self:
        count = _scatter(count, 0, index, dim)
    return added / scatter_add(count, dim, index, ones_like(src))


@function(reference=lambda x, indices, axis=-1: np.take_along_axis(x, indices, axis),
          samples=[sample(real(5, 3), integers(0, 5, 2, 3), axis=0), sample(real(5, 3), integers(-3, 3, 1, 4)),
                   sample(real(1, 4), integers(0, 4, 3, 2)),
                   raises(ValueError, "as many dimensions", real(5, 3), integers(0, 3, 5))])
def take_along_axis(x, indices, axis=-1):
    """Elements of ``x`` at ``indices`` along ``axis``, each of the other positions by itself (as from ``argsort``)."""
    return _gather(*_side_by_side(x, indices, axis), dim=axis)


@function(reference=lambda x, indices, values, axis=-1: _scattered(x, values, indices, axis),
          samples=[sample(real(2, 5), np.array([[0, 3], [4, 1]]), real(2, 2)),
                   sample(real(3, 2), np.array([[2, 0]]), 1.5, axis=0)])
def put_along_axis(x, indices, values, axis=-1):
    """A copy of ``x`` with ``values`` at ``indices`` along ``axis``: what :func:`take_along_axis` would read."""
    return _scatter(x, values, _side_by_side(x, indices, axis)[1], dim=axis)


def _side_by_side(x, indices, axis):
    """Both broadcast to one shape, each with its own size along ``axis``."""
    if x.ndim != indices.ndim:
        return x, indices
    axis = shapes.normalize_axis(axis, x.ndim)
    resized = lambda shape, n: (*shape[:axis], n, *shape[axis + 1:])
    others = shapes.broadcast_shapes(resized(x.shape, 1), resized(indices.shape, 1))
    widened = lambda t, shape: t if t.shape == shape else broadcast_to(t, shape)
    return (widened(x, resized(others, x.shape[axis])), widened(indices, resized(others, indices.shape[axis])))


def where(condition, x=None, y=None):
    """``x`` where ``condition`` holds, else ``y``; with ``condition`` alone, the indices where it holds.

    No gradient enters the branch that is not chosen, and so none leaves it, even where its derivative is infinite.

    >>> import tahr
    >>> x = tahr.Tensor([0.0, 4.0], requires_grad=True)
    >>> tahr.ops.where(x > 0, tahr.ops.sqrt(x), 0).sum().backward()
    >>> x.grad
    Tensor([0.  , 0.25])
    """
    if x is None and y is None:
        return nonzero(condition)
    if x is None or y is None:
        raise ValueError("where takes a condition alone, or a condition and two values, got one value")
    return _select(condition if condition.dtype == bool else not_equal(condition, 0), x, y)


@function(reference=lambda x, dim, index: np.stack([x.take(i, dim) for i in index], dim),
          samples=[sample(real(2, 4), 1, integers(0, 4, 5)), sample(real(3, 2), 0, integers(0, 3, 2))])
def index_select(x, dim, index):
    """PyTorch's name for :func:`take` along one axis."""
    return _take(x, index, dim)


def _added_slices(x, dim, index, source):
    out = np.moveaxis(np.array(x), dim, 0)
    for i, piece in zip(index, np.moveaxis(source, dim, 0), strict=True):
        out[i] += piece
    return np.moveaxis(out, 0, dim)


@function(reference=_added_slices,
          samples=[sample(real(3, 4), 1, integers(0, 4, 5), real(3, 5)),
                   sample(real(3, 4), 0, integers(0, 3, 2), real(2, 4))])
def index_add(x, dim, index, source):
    """``x`` plus the slices of ``source``, each added at its ``index`` along axis ``dim``; repeats add up."""
    axis = shapes.normalize_axis(dim, x.ndim)
    return x + _take_grad(source, index, axis=axis, shape=x.shape)


@function(reference=lambda x, mask: np.extract(np.broadcast_to(mask, x.shape), x),
          samples=[sample(real(3, 4), np.arange(12).reshape(3, 4) % 3 == 0),
                   sample(real(3, 4), np.array([True, False, True, True]))])
def masked_select(x, mask):
    """The elements of ``x`` where ``mask`` holds, in one dimension."""
    shape = shapes.broadcast_shapes(x.shape, mask.shape)
    return getitem(broadcast_to(x, shape), broadcast_to(mask, shape))


@function(reference=lambda x, mask, value: np.where(np.logical_not(mask), x, value),
          samples=[sample(real(3, 4), booleans(3, 4), -1.0), sample(real(3, 4), booleans(4), real(3, 1))])
def masked_fill(x, mask, value):
    """``value`` where ``mask`` holds, else ``x``."""
    return _select(mask, value, x)


def _repeated(x, repeats, axis):
    n, axis = x.shape[axis], shapes.normalize_axis(axis, x.ndim)
    if not isinstance(repeats, int) and n not in (None, len(repeats)):
        raise ValueError(f"repeats must be one number or one for each of the {n} slices, got {len(repeats)}")
    if not isinstance(repeats, int):
        n = sum(repeats)
    elif n is not None:
        n = n * repeats
    return (*x.shape[:axis], n, *x.shape[axis + 1:])


def _repeat_rule(g, _out, _x, repeats, axis):
    return _take_grad(g, np.repeat(np.arange(_x.shape[axis]), repeats), axis=axis, shape=_x.shape)


def _looped_repeat(x, repeats, axis):
    repeats = [repeats] * x.shape[axis] if isinstance(repeats, int) else repeats
    pieces = [piece for piece, times in zip(np.moveaxis(x, axis, 0), repeats) for _ in range(times)]
    return np.stack(pieces, axis)


@op(shape=_repeated, vjp=[_repeat_rule], name="repeat", reference=_looped_repeat,
    samples=[sample(real(2, 3), 2, axis=1), sample(real(3, 2), (1, 0, 2), axis=0), sample(real(2, 3), 3, -1),
             raises(ValueError, "one for each of the 3 slices", real(3, 2), (1, 2), axis=0)])
def _repeat(x, repeats=1, axis=0):
    _repeated(x, repeats, axis)
    return np.repeat(x, repeats, axis)


def repeat(x, repeats, axis=None):
    """Each element (or slice along ``axis``) repeated ``repeats`` times; an int, or one number for each."""
    if axis is None:
        x, axis = reshape(x, -1), 0
    return _repeat(x, int(repeats) if np.ndim(repeats) == 0 else tuple(map(int, repeats)), axis=axis)


# Diagonals

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


# Where the result's shape depends on the values: no gradient, and nothing to infer

def nonzero(x):
    """The indices of the elements that are not 0, one integer tensor for each dimension."""
    return tuple(wrap(i) for i in np.nonzero(values_of(x)))


def unique(x):
    """The different elements of ``x``, sorted."""
    return wrap(np.unique(values_of(x)))


def values_of(x):
    """The array of a tensor, for results whose shape depends on the values."""
    if isinstance(x, Spec):
        raise TypeError(f"the shape of this result depends on the values, which {x!r} does not have")
    return x.data
