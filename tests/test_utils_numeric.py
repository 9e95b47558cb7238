"""Labels as one-hot rows, rows of length one, and several spellings of arguments."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tahr.utils import keras1
from tahr.utils.numeric import normalize, to_categorical
from tahr.utils.spellings import spellings


@given(hnp.arrays(np.int64, hnp.array_shapes(min_dims=1, max_dims=3, max_side=4), elements=st.integers(0, 5)))
def test_to_categorical_is_a_row_of_the_identity(y):
    rows = to_categorical(y, 6)
    assert rows.dtype == np.float32
    expected = np.eye(6)[y]
    np.testing.assert_array_equal(rows, expected[..., 0, :] if y.ndim > 1 and y.shape[-1] == 1 else expected)


@pytest.mark.parametrize("y, shape", [([1, 0], (2, 2)), ([[1], [2]], (2, 3)), (2, (3,)), ([1.0, 0.0], (2, 2)),
                                      (np.array([True, False]), (2, 2)), (np.zeros((2, 0, 1), int), None)])
def test_to_categorical_shapes(y, shape):
    if shape is None:
        assert to_categorical(y, 3).shape == (2, 0, 3)
    else:
        assert to_categorical(y).shape == shape
        assert to_categorical(y, dtype="float64").dtype == np.float64


@pytest.mark.parametrize("y, n, error, text", [
    ([[0, 1], [5, 1]], 3, IndexError, r"between 0 and num_classes - 1 = 2, got 5 at index \(1, 0\)"),
    ([0, -1], None, IndexError, r"got -1 at index \(1,\)"),
    ([0.5, 1], None, ValueError, r"must be whole, got 0.5 at index \(0,\)"),
    ([float("nan")], None, ValueError, "must be whole, got nan"),
    (["a"], None, ValueError, "must be class numbers, got <U1 array.*np.unique"),
    ([], None, ValueError, "without any class numbers, give num_classes"),
])
def test_to_categorical_refuses(y, n, error, text):
    with pytest.raises(error, match=text):
        to_categorical(y, n)


@pytest.mark.parametrize("order", [1, 2, 3, np.inf])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_normalize_gives_norm_one_and_leaves_zeros(order, axis):
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    x[2] = 0
    kept = x.copy()
    y = normalize(x, axis, order)
    norms = np.max(np.abs(y), axis) if order == np.inf else (np.abs(y) ** order).sum(axis) ** (1 / order)
    np.testing.assert_allclose(norms, (x != 0).any(axis), rtol=1e-5)
    np.testing.assert_array_equal(np.sign(y), np.sign(x))
    np.testing.assert_array_equal(x, kept)
    assert y.dtype == np.float32 and y.shape == x.shape


def test_normalize_of_one_vector_integers_and_a_number():
    np.testing.assert_allclose(normalize([3, 4]), [0.6, 0.8])
    assert normalize(np.array([3, 4])).dtype == np.float64
    with pytest.raises(ValueError, match="at least one axis, got the single number 3"):
        normalize(3)


def test_newer_spellings_are_silent_and_older_ones_warn(monkeypatch):
    monkeypatch.setitem(keras1.RENAMED, "to_categorical", {"nb_classes": "num_classes"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert to_categorical(x=[1]).shape == (1, 2)
    with pytest.warns(DeprecationWarning, match="'nb_classes' is now called 'num_classes'") as caught:
        assert to_categorical([1], nb_classes=4).shape == (1, 4)
    assert caught[0].filename == __file__
    with pytest.raises(TypeError, match="both 'nb_classes' and 'num_classes'"):
        to_categorical([1], nb_classes=4, num_classes=3)
    with pytest.raises(TypeError, match="to_categorical got both 'x' and 'y'.*keep 'y'"):
        to_categorical(x=[1], y=[2])


def test_spellings_of_a_constructor_go_by_the_class(monkeypatch):
    class Goat:
        @spellings(size="height")
        def __init__(self, height, horns=2):
            self.height, self.horns = height, horns

    monkeypatch.setitem(keras1.RENAMED, "Goat", {"nb_horn": "horns"})
    with pytest.warns(DeprecationWarning, match="Goat: 'nb_horn' is now called 'horns'"):
        goat = Goat(size=80, nb_horn=1)
    assert (goat.height, goat.horns) == (80, 1)
