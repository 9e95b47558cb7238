"""The functions of single elements: compiled code against the NumPy references, over shapes, strides and threads."""

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tahr.kernels import elementwise
from tahr.kernels.jit import ENTRIES
from tahr.utils import settings

NAMES = sorted(name for name, e in ENTRIES.items() if e.reference.__module__ == elementwise.__name__)
POSITIVE = {"log"}
ABOVE_MINUS_ONE = {"log1p"}
shapes = st.lists(st.integers(0, 9), max_size=3).map(tuple) | st.integers(1, 200).map(lambda n: (n,))


def arrays_of(name, shape, rng, spread=3.0):
    """As many float32 arrays as the entry takes."""
    count = sum(p.default is p.empty for p in inspect.signature(ENTRIES[name].reference).parameters.values())
    arrays = [(spread * rng.standard_normal(shape)).astype("float32") for _ in range(count)]
    if name in POSITIVE:
        arrays = [abs(a) + np.float32(1e-6) for a in arrays]
    return [np.maximum(a, np.float32(-0.999)) for a in arrays] if name in ABOVE_MINUS_ONE else arrays


def strided(a):
    """The same values with gaps between them, backwards."""
    wide = np.zeros([2 * n for n in a.shape], a.dtype)
    view = wide[tuple(slice(None, None, -2) for _ in a.shape)] if a.ndim else wide
    view[...] = a
    return view


def test_the_names():
    assert {"exp", "log", "tanh", "sigmoid", "erf", "gelu", "softplus", "elu", "silu"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@given(shape=shapes, seed=st.integers(0, 10), gaps=st.booleans())
def test_as_the_reference(name, shape, seed, gaps):
    """Against float64: 4e-6 of the value, or of 1 where values nearly cancel."""
    entry = ENTRIES[name]
    arrays = arrays_of(name, shape, np.random.default_rng(seed))
    exact = entry.reference(*[a.astype(float) for a in arrays])
    found = entry.fast(*(map(strided, arrays) if gaps else arrays))
    assert found.shape == shape and found.dtype == np.float32
    np.testing.assert_allclose(found, exact, rtol=4e-6, atol=4e-6)


@pytest.mark.parametrize("name, numbers", [("elu", (0.5, 1.5)), ("elu_grad_x", (0.5, 1.5)), ("elu", (0.3,)),
                                           ("leaky_relu", (0.01,)), ("leaky_relu_grad_x", (0.01,)),
                                           ("elu", (0.0,)), ("leaky_relu", (-1.0,))])
def test_numbers(name, numbers):
    entry, arrays = ENTRIES[name], arrays_of(name, (50,), np.random.default_rng(0))
    np.testing.assert_allclose(entry.fast(*arrays, *numbers), entry.reference(*arrays, *numbers), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_bits_depend_on_the_element_alone(name, monkeypatch):
    """Not on the size of the array, on the place in it, or on the threads."""
    entry, arrays = ENTRIES[name], arrays_of(name, 1100, np.random.default_rng(1))
    whole = entry.fast(*arrays)
    for start, stop in [(0, n) for n in range(1, 40)] + [(n, n + 5) for n in range(30, 70)] + [(7, 1000)]:
        np.testing.assert_array_equal(entry.fast(*[a[start:stop].copy() for a in arrays]), whole[start:stop])
    monkeypatch.setattr(elementwise, "GRAIN", 37)
    for threads in (1, 3):
        with settings.using(num_threads=threads):
            np.testing.assert_array_equal(entry.fast(*arrays), whole)


@pytest.mark.parametrize("name", NAMES)
def test_out(name):
    entry, arrays = ENTRIES[name], arrays_of(name, (5, 7), np.random.default_rng(2))
    for call in (entry.fast, entry.reference):
        out = np.full((5, 7), np.nan, "float32")
        assert call(*arrays, out=out) is out
        np.testing.assert_allclose(out, entry.fast(*arrays), rtol=1e-5, atol=1e-6)


SPECIAL = np.array([0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 1e-38, 1e30, -1e30, 89, -89, -104, 60],
                   "float32")


@pytest.mark.parametrize("name", NAMES)
def test_infinities_nan_and_denormals(name):
    entry = ENTRIES[name]
    count = len(arrays_of(name, 1, np.random.default_rng(0)))
    values = SPECIAL if name != "log" else np.maximum(SPECIAL, 0)
    values = values if name != "log1p" else np.maximum(values, -1)
    arrays = [a.ravel().copy() for a in np.meshgrid(*[values] * count)]
    with np.errstate(all="ignore"):
        exact = entry.reference(*[a.astype(float) for a in arrays]).astype("float32")
    found = entry.fast(*arrays)
    if count == 1:
        np.testing.assert_array_equal(np.isnan(found), np.isnan(exact))
        np.testing.assert_array_equal(np.isinf(found), np.isinf(exact))
    whole = np.isfinite(found) & np.isfinite(exact) & (abs(exact) < 1e30)
    np.testing.assert_allclose(found[whole], exact[whole], rtol=1e-5, atol=1e-6)
    nan = np.logical_or.reduce([np.isnan(a) for a in arrays])
    if name not in ("relu_grad_x",):        # which chooses: what is not chosen does not count
        finite_beside = np.logical_and.reduce([np.isnan(a) | np.isfinite(a) for a in arrays])
        chosen = nan & finite_beside & np.isnan(exact)
        assert np.isnan(found[chosen]).all()


def test_limits():
    inf = np.array([np.inf, -np.inf], "float32")
    for name, expected in {"gelu": [np.inf, 0], "gelu_tanh": [np.inf, 0], "silu": [np.inf, 0], "elu": [np.inf, -1],
                           "softplus": [np.inf, 0], "sigmoid": [1, 0]}.items():
        assert ENTRIES[name].fast(inf).tolist() == expected, name
        with np.errstate(all="ignore"):
            assert ENTRIES[name].reference(inf.astype(float)).tolist() == expected, name
    one = np.ones(2, "float32")
    for name in ("gelu_grad_x", "gelu_tanh_grad_x", "silu_grad_x", "softplus_grad_x", "elu_grad_x"):
        assert ENTRIES[name].fast(one, inf).tolist() == [1, 0], name


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_float32_takes_the_reference(name):
    arrays = arrays_of(name, (3, 4), np.random.default_rng(3), 1.0)
    entry = getattr(elementwise, name)
    for dtype in ("float64", "float16"):
        found = entry(*[a.astype(dtype) for a in arrays])
        assert found.dtype == dtype
        np.testing.assert_allclose(found, entry(*arrays), rtol=1e-5 if dtype == "float64" else 0.02, atol=2e-3)
    assert entry(*[np.arange(1, 4) for _ in arrays]).shape == (3,)
    with settings.using(numba=False):
        np.testing.assert_array_equal(entry(*arrays), ENTRIES[name].reference(*arrays))


def test_shapes_that_broadcast_take_the_reference():
    g, x = np.ones((3, 4), "float32"), np.arange(4, dtype="float32")
    np.testing.assert_allclose(elementwise.silu_grad_x(g, x), elementwise.silu_grad_x(g, np.tile(x, (3, 1))), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_relu(dtype, monkeypatch):
    x = np.array([[0, -1, 2], [5, -3, 1]] * 40, dtype)
    whole = elementwise.relu(x)
    assert whole[:2].tolist() == [[0, 0, 2], [5, 0, 1]] and whole.dtype == dtype
    monkeypatch.setattr(elementwise, "GRAIN", 50)
    np.testing.assert_array_equal(elementwise.relu(x), whole)
    out = np.empty_like(x)
    assert elementwise.relu(x, out=out) is out and (out == whole).all()
    np.testing.assert_array_equal(elementwise.relu(x[::2, ::-1]), whole[::2, ::-1])
