"""Reading and writing single elements along one axis, each of the other positions by itself."""

import numpy as np

from ..autograd import apart, function, integers, kink, op, raises, real, sample
from ..autograd.value import spec
from . import shapes
from .adjust import astype, broadcast_to, match
from .create import ones_like
from .logic import equal


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
             sample(real(2, 3), real(2, 6), integers(0, 3, 2, 6), dim=1, largest=False),
             kink(np.array([1.0, 2.0, 5.0]), np.array([1.0, 4.0, 4.0]), np.array([0, 1, 1]), dim=0, largest=True)])
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
