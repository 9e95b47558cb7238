"""The pooling kernels: compiled code against the NumPy references, over shapes, windows, strides and paddings."""

import os
import subprocess
import sys

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from tahr.kernels import pool
from tahr.utils import settings

CHANNELS = [1, 2, 7, 15, 16, 17, 33, 64, 70]


@st.composite
def cases(draw, ndim=None):
    """The shape of an input, and window, strides and pads that fit it."""
    ndim = ndim or draw(st.integers(1, 3))
    window = tuple(draw(st.integers(1, 4)) for _ in range(ndim))
    strides = tuple(draw(st.integers(1, 4)) for _ in range(ndim))
    pads = tuple((draw(st.integers(0, k - 1)), draw(st.integers(0, k - 1))) for k in window)
    space = tuple(max(k - sum(p), 1) + draw(st.integers(0, 6)) for k, p in zip(window, pads))
    return (draw(st.integers(0, 3)), *space, draw(st.sampled_from(CHANNELS))), window, strides, pads


def drawn(shape, seed=0, ties=False):
    rng = np.random.default_rng(seed)
    return (rng.integers(-2, 3, shape) if ties else rng.standard_normal(shape)).astype(np.float32)


def exact(entry, *args):
    """The reference in float64, cast back."""
    out = entry.entry.reference(*(a.astype(np.float64) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a
                                  for a in args))
    return out[0] if isinstance(out, tuple) else out


@given(cases(), st.booleans())
def test_max_pool(case, ties):
    shape, *how = case
    x = drawn(shape, ties=ties)
    y, index = pool.max_pool(x, *how)
    expected, where = pool.max_pool.entry.reference(x, *how)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(index, where)
    assert y.dtype == np.float32 and index.dtype == where.dtype == np.uint8


@given(cases())
def test_max_pool_grad(case):
    shape, *how = case
    _, index = pool.max_pool(drawn(shape), *how)
    g = drawn(index.shape, 1)
    dx = pool.max_pool_grad_x(g, index, shape, *how)
    np.testing.assert_allclose(dx, exact(pool.max_pool_grad_x, g, index, shape, *how), rtol=1e-6, atol=2e-6)
    assert dx.shape == shape and dx.dtype == np.float32


@given(cases())
def test_the_pick_is_the_transpose_of_the_gradient(case):
    shape, *how = case
    x = drawn(shape).astype(np.float64)
    y, index = pool.max_pool(x, *how)
    np.testing.assert_array_equal(pool.max_pool_pick(x, index, *how), y)
    g = drawn(index.shape, 1).astype(np.float64)
    back = pool.max_pool_grad_x(g, index, shape, *how)
    np.testing.assert_allclose(np.sum(back * x), np.sum(g * y), rtol=1e-10, atol=1e-10)


@given(cases(), st.sampled_from([True, False, None]))
def test_mean_and_sum_pool(case, count_inside):
    """Up to 64 numbers under a window: of a sum, numbers near 100 may differ in the last place."""
    shape, *how = case
    x = drawn(shape)
    forward, back, last = ((pool.sum_pool, pool.sum_pool_grad_x, ()) if count_inside is None
                           else (pool.mean_pool, pool.mean_pool_grad_x, (count_inside,)))
    y = forward(x, *how, *last)
    error = 2e-5 if count_inside is None else 2e-6
    np.testing.assert_allclose(y, exact(forward, x, *how, *last), rtol=1e-6, atol=error)
    g = drawn(y.shape, 1)
    dx = back(g, shape, *how, *last)
    np.testing.assert_allclose(dx, exact(back, g, shape, *how, *last), rtol=1e-6, atol=error)
    assert y.dtype == dx.dtype == np.float32


@given(cases(ndim=2), st.integers(0, 2 ** 32 - 1))
def test_nan_and_infinity(case, seed):
    """NaN is the largest, its first occurrence counts; no other window is touched."""
    shape, *how = case
    x = drawn(shape)
    choice = np.random.default_rng(seed).integers(0, 12, shape)
    for i, value in enumerate((np.nan, np.inf, -np.inf, 1e-42)):
        x[choice == i] = value
    y, index = pool.max_pool(x, *how)
    expected, where = pool.max_pool.entry.reference(x, *how)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(index, where)
    g = np.where(choice == 0, np.nan, 1).astype(np.float32).ravel()[:y.size]
    g = np.resize(g, y.shape).astype(np.float32)
    np.testing.assert_allclose(pool.max_pool_grad_x(g, index, shape, *how),
                               pool.max_pool_grad_x.entry.reference(g, index, shape, *how), rtol=1e-6)
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(pool.mean_pool(x, *how), exact(pool.mean_pool, x, *how), rtol=1e-5, atol=1e-6)


def test_nothing_but_the_smallest():
    x = np.full((1, 3, 3, 5), -np.inf, np.float32)
    y, index = pool.max_pool(x, (2, 2), (1, 1), ((1, 1), (1, 1)))
    assert np.all(y == -np.inf) and index[0, 0, 0, 0] == 3 and index[0, 1, 1, 0] == 0


@pytest.mark.parametrize("window, kind", [((256,), np.uint8), ((257,), np.int32), ((20, 21), np.int32)])
def test_large_windows(window, kind):
    shape = (2, *(n + 3 for n in window), 18)
    how = (1,) * len(window), ((0, 0),) * len(window)
    x = drawn(shape)
    y, index = pool.max_pool(x, window, *how)
    expected, where = pool.max_pool.entry.reference(x, window, *how)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(index, where)
    assert index.dtype == kind
    g = drawn(y.shape, 1)
    dx = pool.max_pool_grad_x(g, index, shape, window, *how)
    np.testing.assert_allclose(dx, exact(pool.max_pool_grad_x, g, index, shape, window, *how), rtol=1e-6, atol=1e-5)


def test_the_mean_of_very_many_is_exact_to_1e_6():
    """Added one after the other, 90000 numbers near 1 are off by 1e-5."""
    x = 1 + drawn((1, 300, 300, 3)) / 8
    y = pool.mean_pool(x, (300, 300), (1, 1), ((0, 0), (0, 0)))
    np.testing.assert_allclose(y, exact(pool.mean_pool, x, (300, 300), (1, 1), ((0, 0), (0, 0))), rtol=1e-6)


def test_any_strides_and_other_types():
    wide = drawn((2, 12, 10, 40))
    x = wide[:, ::-2, 1:, ::2]
    how = (2, 2), (2, 1), ((0, 0), (1, 0))
    packed = np.ascontiguousarray(x)
    for found, expected in zip(pool.max_pool(x, *how), pool.max_pool(packed, *how)):
        np.testing.assert_array_equal(found, expected)
    y, index = pool.max_pool(packed, *how)
    g = drawn((*y.shape[:-1], 2 * y.shape[-1]), 1)[..., ::2]
    for i in (index, index.astype(np.int64), np.asfortranarray(index)):
        np.testing.assert_array_equal(pool.max_pool_grad_x(g, i, x.shape, *how),
                                      pool.max_pool_grad_x(np.ascontiguousarray(g), index, x.shape, *how))
    np.testing.assert_array_equal(pool.mean_pool(x, *how), pool.mean_pool(packed, *how))
    whole = np.arange(24).reshape(1, 4, 6, 1)
    y, index = pool.max_pool(whole, (2, 3), (2, 3), ((0, 0), (0, 0)))
    assert y.dtype == whole.dtype and y.ravel().tolist() == [8, 11, 20, 23] and set(index.ravel()) == {5}
    assert pool.mean_pool(whole, (2, 3), (2, 3), ((0, 0), (0, 0))).ravel().tolist() == [4.0, 7.0, 16.0, 19.0]


def test_four_axes_of_space():
    x = drawn((2, 3, 4, 3, 2, 5))
    how = (2, 2, 3, 1), (1, 2, 1, 1), ((0, 0),) * 4
    y, index = pool.max_pool(x, *how)
    assert y.shape == (2, 2, 2, 1, 2, 5) and y[0, 0, 0, 0, 0, 0] == x[0, :2, :2, :3, 0, 0].max()
    assert pool.max_pool_grad_x(y, index, x.shape, *how).sum() == pytest.approx(y.sum(), rel=1e-5)


def test_a_window_in_the_padding_is_refused():
    with pytest.raises(ValueError, match="would lie in the padding"):
        pool.max_pool(np.ones((1, 4, 3), np.float32), (2,), (1,), ((2, 0),))


def test_bits_do_not_depend_on_threads():
    shape, *how = (5, 70, 71, 20), (3, 3), (2, 2), ((1, 0), (0, 1))
    x = drawn(shape)

    def results(threads):
        with settings.using(num_threads=threads):
            y, index = pool.max_pool(x, *how)
            mean = pool.mean_pool(x, *how)
            return [y, index, mean, pool.max_pool_grad_x(mean, index, shape, *how),
                    pool.mean_pool_grad_x(y, shape, *how)]
    for one, three in zip(results(1), results(3)):
        np.testing.assert_array_equal(one, three)


OTHER_WIDTH = """
import numpy as np
from tahr.kernels import simd
simd.LANES.value = lambda: {lanes}
from tahr.kernels import pool
rng = np.random.default_rng(0)
for channels in (1, 6, 8, 21, 70):
    x = rng.standard_normal((2, 9, 8, channels), dtype=np.float32)
    how = (3, 2), (2, 2), ((1, 1), (0, 1))
    y, index = pool.max_pool(x, *how)
    for found, wanted in zip((y, index), pool.max_pool.entry.reference(x, *how)):
        np.testing.assert_array_equal(found, wanted)
    for back, args in ((pool.max_pool_grad_x, (y, index, x.shape, *how)), (pool.mean_pool_grad_x, (y, x.shape, *how)),
                       (pool.mean_pool, (x, *how))):
        np.testing.assert_allclose(back(*args), back.entry.reference(*args), rtol=1e-5, atol=1e-6)
"""


@pytest.mark.parametrize("lanes", [4, 8])
def test_other_widths_of_vectors(lanes, tmp_path):
    """Narrower vectors, as other processors have them, run here too."""
    subprocess.run([sys.executable, "-c", OTHER_WIDTH.format(lanes=lanes)], check=True,
                   env={**os.environ, "TAHR_CACHE": str(tmp_path)})
