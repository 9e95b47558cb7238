"""The strategies keep their promises, and ops keep theirs over what they draw."""

import importlib.util
import sys

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from tahr import ops
from tahr.autograd import check_grads, strategies

# Promises

@given(st.integers(0, 2), st.integers(2, 4), st.integers(0, 1), st.integers(1, 5), st.data())
def test_shapes(min_dims, max_dims, min_side, max_side, data):
    shape = data.draw(strategies.shapes(min_dims, max_dims, min_side, max_side))
    assert isinstance(shape, tuple) and min_dims <= len(shape) <= max_dims
    assert all(min_side <= n <= max_side for n in shape)


@given(st.integers(1, 4), st.integers(0, 2), st.data())
def test_broadcastable(n, min_dims, data):
    shapes, result = data.draw(strategies.broadcastable(n, min_dims, max_dims=3, min_side=0))
    assert len(shapes) == n and np.broadcast_shapes(*shapes) == result
    assert all(min_dims <= len(shape) <= 3 for shape in shapes)


@given(st.integers(0, 4), st.data())
def test_axes(ndim, data):
    axis = data.draw(strategies.axes(ndim))
    np.zeros((1,) * ndim).sum(axis)     # NumPy refuses wrong ones and repeated ones


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "int8", "uint8", "bool"])
@given(strategies.shapes(min_side=0), st.data())
def test_arrays(dtype, shape, data):
    x = data.draw(strategies.arrays(shape, dtype, low=0 if dtype == "uint8" else -3, high=5))
    assert x.shape == shape and x.dtype == dtype and np.all((x >= -3) & (x <= 5))


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int32"])
@given(st.floats(-5, 5), st.floats(0, 3), st.lists(st.floats(-4, 4), max_size=3), st.floats(0.01, 1), st.data())
def test_arrays_stay_away(dtype, low, width, kinks, distance, data):
    try:
        strategy = strategies.arrays((20,), dtype, low, low + width, kinks, distance)
    except ValueError as error:
        assert "away from" in str(error)
        return
    x = data.draw(strategy).astype(np.float64)
    assert np.all((x >= low) & (x <= low + width))
    assert all(np.abs(x - kink).min() >= distance - 1e-12 for kink in kinks)


def test_arrays_fill_what_is_left():
    @settings(max_examples=20)
    @given(strategies.arrays((1000,), low=-1, high=1, away_from=[0.5], distance=0.25))
    def check(x):
        counts = np.histogram(x, [-1, -0.5, 0, 0.25, 0.75, 1])[0]
        assert counts[3] == 0 and counts[[0, 1]].min() > 200 and counts[[2, 4]].min() > 100
    check()


def test_a_single_number_may_be_left():
    @settings(max_examples=5)
    @given(strategies.arrays((3,), low=-1, high=1, away_from=[0], distance=1))
    def check(x):
        assert set(x.tolist()) <= {-1.0, 1.0}
    check()


def test_nothing_left_is_an_error():
    with pytest.raises(ValueError, match=r"no float64 lies from 0 to 1 and at least 2 away from \[0.5\]"):
        strategies.arrays((2,), low=0, high=1, away_from=[0.5], distance=2)
    with pytest.raises(ValueError, match="no int64 lies"):
        strategies.arrays((2,), "int64", low=0.2, high=0.8)


def test_every_layout_is_drawn():
    seen = set()

    @given(strategies.arrays((2, 6)))
    def collect(x):
        seen.add("C" if x.flags.c_contiguous else "Fortran" if x.flags.f_contiguous else x.strides)
    collect()
    assert seen == {"C", "Fortran", (2 * 12 * 8, 2 * 8), (-6 * 8, -8)}

    @given(strategies.arrays((2, 6), strided=False))
    def plain(x):
        assert x.flags.c_contiguous
    plain()


def test_layouts_hold_the_same_values():
    x = np.arange(6.0).reshape(2, 3)
    for layout in strategies.LAYOUTS:
        np.testing.assert_array_equal(strategies._laid_out(x, layout), x)
        assert strategies._laid_out(np.array(3.0), layout).shape == ()


def test_arrays_come_again():
    seen = []

    @settings(max_examples=10, derandomize=True, database=None)
    @given(strategies.arrays((3,)))
    def draw(x):
        seen.append(tuple(x.tolist()))
    draw()
    draw()
    assert seen[:10] == seen[10:] and len(set(seen)) > 5


def test_the_shape_may_be_drawn_too():
    @given(strategies.arrays(strategies.shapes(min_dims=2, max_dims=2)))
    def check(x):
        assert x.ndim == 2
    check()


def test_without_hypothesis_the_error_names_the_fix(monkeypatch):
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    spec = importlib.util.spec_from_file_location("strategies_alone", strategies.__file__)
    with pytest.raises(ImportError, match=r'needs Hypothesis: pip install "tahr\[test\]"'):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


# Properties of ops: values as NumPy's, gradients as the differences say

few = settings(max_examples=15)
BINARY = {"add": {}, "subtract": {}, "multiply": {}, "divide": {"away_from": [0]}, "power": {"low": 0.3},
          "hypot": {"away_from": [0]}, "logaddexp": {}, "arctan2": {"away_from": [0]}}
UNARY = {"exp": {}, "log": {"low": 0.1}, "sqrt": {"low": 0.1}, "tanh": {}, "absolute": {"away_from": [0]},
         "square": {}, "sin": {}, "arctan": {}, "reciprocal": {"away_from": [0]}, "log1p": {"low": -0.9},
         "cbrt": {"away_from": [0]}, "arcsinh": {}}
REDUCTIONS = ["sum", "mean", "prod", "var", "std"]
EXTREMES = ["max", "min"]


def same(found, expected, rtol=1e-9):
    assert found.shape == np.shape(expected) and found.dtype == expected.dtype
    np.testing.assert_allclose(np.asarray(found), expected, rtol=rtol, atol=1e-10)


def tensor(x):
    """A tensor over the very memory of the array, layout and all."""
    return ops.from_numpy(np.asarray(x))


@pytest.mark.parametrize("name", BINARY)
@few
@given(st.data())
def test_binary_ops_broadcast(name, data):
    shapes, result = data.draw(strategies.broadcastable(2, min_side=0))
    x, y = (data.draw(strategies.arrays(shape, **BINARY[name])) for shape in shapes)
    op = getattr(ops, name)
    same(op(tensor(x), tensor(y)), getattr(np, name)(x, y))
    assert op(tensor(x), tensor(y)).shape == result
    check_grads(op, x, y)


@pytest.mark.parametrize("name", ["maximum", "minimum"])
@few
@given(st.data())
def test_extremes_of_two(name, data):
    shapes, _ = data.draw(strategies.broadcastable(2))
    x = data.draw(strategies.arrays(shapes[0], low=-1, high=1))
    y = data.draw(strategies.arrays(shapes[1], low=-2, high=2, away_from=[0], distance=1.05))       # no ties
    same(getattr(ops, name)(tensor(x), tensor(y)), getattr(np, name)(x, y))
    check_grads(getattr(ops, name), x, y)


@pytest.mark.parametrize("name", UNARY)
@few
@given(st.data())
def test_unary_ops(name, data):
    x = data.draw(strategies.arrays(strategies.shapes(min_side=0), **UNARY[name]))
    same(getattr(ops, name)(tensor(x)), getattr(np, name)(x))
    check_grads(getattr(ops, name), x)


@few
@given(st.data())
def test_where(data):
    shapes, _ = data.draw(strategies.broadcastable(3))
    condition = data.draw(strategies.arrays(shapes[0], "bool"))
    x, y = (data.draw(strategies.arrays(shape)) for shape in shapes[1:])
    same(ops.where(tensor(condition), tensor(x), tensor(y)), np.where(condition, x, y))
    check_grads(lambda x, y: ops.where(condition, x, y), x, y)


@pytest.mark.parametrize("name", REDUCTIONS)
@few
@given(st.data())
def test_reductions(name, data):
    x = data.draw(strategies.arrays(strategies.shapes()))
    axis, keepdims = data.draw(strategies.axes(x.ndim)), data.draw(st.booleans())
    call = lambda x: getattr(ops, name)(x, axis=axis, keepdims=keepdims)
    expected = getattr(np, name)(x, axis=axis, keepdims=keepdims)
    same(call(tensor(x)), np.asarray(expected))
    if name != "std" or np.min(expected, initial=1) > 0.05:     # a kink where all elements are equal
        check_grads(call, x)


@pytest.mark.parametrize("name", EXTREMES)
@few
@given(st.data())
def test_extremes(name, data):
    shape = data.draw(strategies.shapes())
    x = data.draw(strategies.arrays(shape, low=-0.4, high=0.4)) + np.random.default_rng(
        data.draw(st.integers(0, 99))).permutation(int(np.prod(shape))).reshape(shape)      # no ties
    axis, keepdims = data.draw(strategies.axes(x.ndim)), data.draw(st.booleans())
    call = lambda x: getattr(ops, name)(x, axis=axis, keepdims=keepdims)
    same(call(tensor(x)), np.asarray(getattr(np, name)(x, axis=axis, keepdims=keepdims)))
    check_grads(call, x)


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "softmax", "flip", "sort"])
@few
@given(st.data())
def test_ops_along_an_axis(name, data):
    x = data.draw(strategies.arrays(strategies.shapes(min_dims=1, min_side=0)))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    softmax = lambda x, axis: np.exp(x) / np.exp(x).sum(axis, keepdims=True)
    same(getattr(ops, name)(tensor(x), axis), (softmax if name == "softmax" else getattr(np, name))(x, axis))
    check_grads(lambda x: getattr(ops, name)(x, axis), x)


@few
@given(st.data())
def test_transpose(data):
    x = data.draw(strategies.arrays(strategies.shapes(min_side=0)))
    order = data.draw(st.permutations(range(x.ndim)))
    order = tuple(i - x.ndim if data.draw(st.booleans()) else i for i in order)
    same(ops.transpose(tensor(x), order), x.transpose(order))
    check_grads(lambda x: ops.transpose(x, order), x)


@few
@given(st.data())
def test_broadcast_to_and_its_gradient(data):
    (shape, _), result = data.draw(strategies.broadcastable(2))
    x, g = data.draw(strategies.arrays(shape)), data.draw(strategies.arrays(result))
    same(ops.broadcast_to(tensor(x), result), np.broadcast_to(x, result))
    reached = ops.sum_to(tensor(g), shape)
    assert reached.shape == shape
    np.testing.assert_allclose(np.sum(reached.numpy() * x), np.sum(g * np.broadcast_to(x, result)), atol=1e-9)
    check_grads(lambda x: ops.broadcast_to(x, result), x)
    check_grads(lambda g: ops.sum_to(g, shape), g)


@few
@given(st.data())
def test_matmul(data):
    (a, b), _ = data.draw(strategies.broadcastable(2, max_dims=2, max_side=3))
    n, k, m = (data.draw(st.integers(1, 3)) for _ in range(3))
    x, y = data.draw(strategies.arrays((*a, n, k))), data.draw(strategies.arrays((*b, k, m)))
    same(ops.matmul(tensor(x), tensor(y)), x @ y)
    check_grads(ops.matmul, x, y)


@few
@given(st.data())
def test_basic_indexing(data):
    from hypothesis.extra.numpy import basic_indices
    x = data.draw(strategies.arrays(strategies.shapes(min_dims=1, min_side=0)))
    key = data.draw(basic_indices(x.shape, allow_newaxis=True))
    same(tensor(x)[key], np.asarray(x[key]))
    check_grads(lambda x: x[key], x)


@few
@given(st.data())
def test_reshape(data):
    x = data.draw(strategies.arrays(strategies.shapes()))
    sizes = data.draw(st.permutations([*x.shape, 1]))
    same(ops.reshape(tensor(x), sizes), x.reshape(sizes))
    check_grads(lambda x: ops.reshape(x, (-1, 1)), x)


@few
@given(st.data())
def test_concatenate_and_split(data):
    shape = data.draw(strategies.shapes(min_dims=1))
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    lengths = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    parts = [data.draw(strategies.arrays([n if i == axis % len(shape) else m for i, m in enumerate(shape)]))
             for n in lengths]
    whole = np.concatenate(parts, axis)
    same(ops.concatenate([tensor(p) for p in parts], axis), whole)
    for found, expected in zip(ops.split(tensor(whole), np.cumsum(lengths)[:-1].tolist(), axis), parts):
        same(found, expected)
    check_grads(lambda *parts: ops.concatenate(parts, axis), *parts)
