"""Matrix products against NumPy's in float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tahr.kernels.gemm import matmul
from tahr.utils import settings

SIZES = st.one_of(st.integers(0, 20), st.sampled_from([31, 32, 33, 64, 65, 70, 100, 257]))


def arrays(rng, *shapes):
    return [rng.standard_normal(shape).astype("float32") for shape in shapes]


def bound(k):
    """The largest error that rounding may make: each of ``k`` sums of numbers around sqrt(k)."""
    return 1e-6 * max(k, 1)


@given(SIZES, SIZES, SIZES, st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_matmul_agrees_with_its_reference(m, n, k, turn_a, turn_b, with_bias, relu, add):
    rng = np.random.default_rng(m * n + k)
    a, b, bias, out = arrays(rng, (k, m) if turn_a else (m, k), (n, k) if turn_b else (k, n), (n,), (m, n))
    bias = bias if with_bias else None
    wide = [None if x is None else x.astype("float64") for x in (a, b, bias, out)]
    expected = matmul(wide[0], wide[1], turn_a, turn_b, wide[2], relu, wide[3] if add else None, add)
    before = a.copy(), b.copy()
    got = matmul(a, b, turn_a, turn_b, bias, relu, out if add else None, add)
    assert got.dtype == np.float32 and got.shape == (m, n)
    np.testing.assert_allclose(got, expected, atol=bound(k), rtol=1e-5)
    assert np.array_equal(a, before[0]) and np.array_equal(b, before[1])


@pytest.mark.parametrize("m, n, k", [(300, 200, 1000), (5, 700, 900), (1000, 10, 40), (600, 33, 5)])
def test_large_products_have_the_same_bits_for_any_number_of_threads(m, n, k):
    a, b = arrays(np.random.default_rng(0), (m, k), (k, n))
    found = []
    for count in (1, 2, 5):
        with settings.using(num_threads=count):
            found.append(matmul(a, b))
    np.testing.assert_allclose(found[0], a.astype("float64") @ b, atol=bound(k), rtol=1e-5)
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])


def test_a_row_has_the_same_bits_whatever_its_neighbours():
    a, b = arrays(np.random.default_rng(1), (100, 300), (300, 70))
    whole = matmul(a, b)
    for part in (slice(0, 40), slice(7, 60), slice(50, 63)):
        assert np.array_equal(matmul(a[part], b), whole[part])


@given(st.integers(0, 4), st.integers(1, 30), st.integers(1, 40), st.integers(1, 50), st.booleans(), st.booleans(),
       st.booleans())
def test_stacks(batch, m, n, k, turn_a, turn_b, one):
    a, b = arrays(np.random.default_rng(k), (batch, k, m) if turn_a else (batch, m, k),
                  ((n, k) if turn_b else (k, n)) if one else (batch, n, k) if turn_b else (batch, k, n))
    expected = matmul(a.astype("float64"), b.astype("float64"), turn_a, turn_b)
    np.testing.assert_allclose(matmul(a, b, turn_a, turn_b), expected, atol=bound(k), rtol=1e-5)


def test_memory_in_another_order():
    a, b = arrays(np.random.default_rng(2), (90, 120), (120, 160))
    np.testing.assert_array_equal(matmul(a[::2, ::-1], b[::-1, ::2]),
                                  matmul(a[::2, ::-1].copy(), b[::-1, ::2].copy()))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e-40])
@pytest.mark.parametrize("relu", [False, True])
def test_what_is_no_ordinary_number_reaches_its_row_alone(value, relu):
    a, b = arrays(np.random.default_rng(3), (50, 60), (60, 70))
    b = np.abs(b)
    a[13, 5] = value
    with np.errstate(invalid="ignore"):
        expected = matmul(a.astype("float64"), b.astype("float64"), False, False, None, relu)
    got = matmul(a, b, False, False, None, relu)
    np.testing.assert_allclose(got, expected, atol=1e-4, rtol=1e-4)


def test_other_types_take_the_reference():
    a, b = np.ones((40, 50), "float32"), np.ones((50, 60), "int64")
    assert (matmul(a, b) == 50).all() and matmul(a, b).dtype == np.float64
    assert matmul(a, a.T.astype("float64")).dtype == np.float64


def test_shapes_that_do_not_fit_are_refused_before_memory_is_touched():
    a = np.ones((40, 50), "float32")
    with pytest.raises(ValueError, match="does not fit"):
        matmul(a, a)
    with pytest.raises(ValueError, match="does not fit"):
        matmul(a, a.T, False, False, np.ones(3, "float32"))
