"""Hypothesis strategies for tests of ops and of functions made of them: shapes, arrays and axes.

>>> from hypothesis import given
>>> from tahr.autograd import check_grads
>>> from tahr.ops import relu
>>> @given(arrays((2, 3), away_from=[0], distance=0.1))
... def test_relu(x):
...     check_grads(relu, x)
>>> test_relu()
"""

import math

import numpy as np

try:
    from hypothesis import strategies as st
except ImportError:
    raise ImportError('tahr.autograd.strategies needs Hypothesis: pip install "tahr[test]"') from None

LAYOUTS = ("C", "Fortran", "gaps", "reversed")


def shapes(min_dims=0, max_dims=3, min_side=1, max_side=4):
    """Shapes with so many dimensions, of such sizes; ``min_side=0`` lets arrays be empty.

    >>> from hypothesis import given
    >>> @given(shapes(min_dims=1, max_dims=2))
    ... def test_sum(shape):
    ...     assert np.zeros(shape).sum(0).ndim == len(shape) - 1
    >>> test_sum()
    """
    return st.lists(st.integers(min_side, max_side), min_size=min_dims, max_size=max_dims).map(tuple)


@st.composite
def broadcastable(draw, n, min_dims=0, max_dims=3, min_side=1, max_side=4):
    """``n`` shapes that broadcast against each other, and the shape that results: ``shapes, result``.

    >>> from hypothesis import given
    >>> @given(broadcastable(2))
    ... def test_add(drawn):
    ...     (a, b), result = drawn
    ...     assert (np.zeros(a) + np.zeros(b)).shape == result
    >>> test_add()
    """
    full = draw(shapes(min_dims, max_dims, min_side, max_side))
    drawn = []
    for _ in range(n):
        kept = full[draw(st.integers(0, len(full) - min_dims)):]
        drawn.append(tuple(1 if draw(st.booleans()) else size for size in kept))
    return tuple(drawn), np.broadcast_shapes(*drawn)


def arrays(shape, dtype="float64", low=-2.0, high=2.0, away_from=(), distance=0.1, strided=True):
    """Arrays of numbers drawn at random, in any layout of memory.

    One integer seeds all elements, so that examples are quick to draw and come again.

    Arguments:
        shape: a tuple, or a strategy of tuples.
        dtype: of floats, integers or booleans.
        low, high: the range, both ends included.
        away_from: kinks and poles: numbers from which all elements stay away.
        distance: how far, at least.
        strided: draw also Fortran order, gaps between the elements (NaN, for floats) and backward memory.

    Raises:
        ValueError: if no number of this dtype is left.

    >>> from hypothesis import given
    >>> @given(arrays((3, 4), low=0.5, away_from=[1], distance=0.25))
    ... def test_log(x):
    ...     assert np.abs(np.log(x)).min() > 0.2
    >>> test_log()
    """
    pieces = _pieces(np.dtype(dtype), low, high, away_from, distance)
    seeds, layouts = st.integers(0, 2 ** 32 - 1), st.sampled_from(LAYOUTS if strided else LAYOUTS[:1])
    shape = shape if isinstance(shape, st.SearchStrategy) else st.just(tuple(shape))
    return st.builds(lambda shape, seed, layout: _laid_out(_drawn(shape, np.dtype(dtype), pieces, seed), layout),
                     shape, seeds, layouts)


def axes(ndim):
    """The ``axis`` arguments of a reduction of so many dimensions: None, one axis, or a tuple of different ones.

    >>> from hypothesis import given
    >>> @given(axes(3))
    ... def test_sum(axis):
    ...     assert np.zeros((2, 2, 2)).sum(axis, keepdims=True).ndim == 3
    >>> test_sum()
    """
    if ndim == 0:
        return st.sampled_from([None, ()])
    one = st.integers(-ndim, ndim - 1)
    return st.none() | one | st.lists(one, unique_by=lambda axis: axis % ndim).map(tuple)


def _pieces(dtype, low, high, away_from, distance):
    """The intervals that are left of the range, their ends numbers of the dtype."""
    if dtype.kind == "b":
        return [(0, 1)]
    pieces = [(low, high)]
    for kink in away_from:
        pieces = [part for a, b in pieces for part in ((a, min(b, kink - distance)), (max(a, kink + distance), b))]
    inward = (math.ceil, math.floor) if dtype.kind in "iu" else (
        lambda a: _rounded(a, dtype, math.inf), lambda b: _rounded(b, dtype, -math.inf))
    pieces = [(inward[0](a), inward[1](b)) for a, b in pieces]
    pieces = [(a, b) for a, b in pieces if a <= b]
    if not pieces:
        raise ValueError(f"no {dtype} lies from {low} to {high} and at least {distance} away from {list(away_from)}")
    return pieces


def _rounded(x, dtype, towards):
    """``x`` as a number of the dtype that does not lie on the other side of it."""
    near = dtype.type(x)
    beyond = float(near) < x if towards > 0 else float(near) > x        # NumPy would round x first
    return float(np.nextafter(near, dtype.type(towards)) if beyond else near)


def _drawn(shape, dtype, pieces, seed):
    rng = np.random.default_rng(seed)
    low, high = np.array(pieces).T
    weights = high - low + (1 if dtype.kind != "f" else 1e-9)       # a piece may be a single number
    piece = rng.choice(len(pieces), shape, p=weights / weights.sum())
    if dtype.kind == "f":       # rounding to the dtype keeps order, so nothing leaves its piece
        return np.asarray(rng.uniform(low[piece], high[piece])).astype(dtype)
    return np.asarray(rng.integers(low[piece], high[piece], endpoint=True)).astype(dtype)


def _laid_out(array, layout):
    """The same values with another arrangement in memory."""
    backwards = (..., *[slice(None, None, -1)] * array.ndim)
    if layout == "Fortran":
        return array.copy("F")
    if layout == "reversed":
        return array[backwards].copy()[backwards]
    if layout == "gaps":
        wide = np.full([2 * n for n in array.shape], np.nan if array.dtype.kind == "f" else 0, array.dtype)
        view = wide[(..., *[slice(None, None, 2)] * array.ndim)]
        view[...] = array
        return view
    return array
