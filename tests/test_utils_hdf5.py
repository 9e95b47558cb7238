"""Rows of HDF5 files in place of arrays."""

import pickle
import shutil

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tahr.utils.hdf5 import HDF5Matrix

ARRAY = np.arange(60.0).reshape(20, 3)
START, END = 4, 16
ROWS = ARRAY[START:END]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("hdf5") / "data.h5"
    with h5py.File(path, "w") as file:
        file["group/x"] = ARRAY
        file["numbers"] = np.arange(5, dtype="i4")
    return path


@pytest.fixture(scope="module")
def matrix(path):
    with HDF5Matrix(path, "group/x", START, END) as matrix:
        yield matrix


ends = st.none() | st.integers(-14, 11)


@given(ends, st.none() | st.integers(-14, 20), st.none() | st.sampled_from([1, 2, 5, -1, -3]))
def test_slices_are_those_of_the_array(matrix, start, stop, step):
    np.testing.assert_array_equal(matrix[start:stop:step], ROWS[start:stop:step])


@given(st.lists(st.integers(-12, 11), max_size=8))
def test_lists_of_rows_in_any_order(matrix, rows):
    expected = ROWS[np.array(rows, int)]
    np.testing.assert_array_equal(matrix[rows], expected)
    np.testing.assert_array_equal(matrix[np.array(rows, int)], expected)


def test_rows_masks_ranges_and_everything(matrix):
    for row in (0, 11, -1, np.int64(3)):
        np.testing.assert_array_equal(matrix[row], ROWS[row])
    np.testing.assert_array_equal(matrix[range(2, 5)], ROWS[2:5])
    np.testing.assert_array_equal(matrix[ROWS[:, 0] > 20], ROWS[ROWS[:, 0] > 20])
    np.testing.assert_array_equal(np.asarray(matrix), ROWS)
    assert np.asarray(matrix, dtype="float32").dtype == np.float32
    assert (matrix.shape, matrix.dtype, matrix.ndim, matrix.size, len(matrix)) == ((12, 3), np.float64, 2, 36, 12)


@pytest.mark.parametrize("key, error, text", [
    (12, IndexError, "row 12 is asked for, and there are 12"), (-13, IndexError, "row -13"),
    ([0, 12], IndexError, "row 12"), (slice(12, 13), IndexError, "begins at row 12, and there are 12"),
    (range(12, 13), IndexError, "row 12"), (np.array([99]), IndexError, "row 99"),
    (None, TypeError, "integers, slices and lists"), (True, TypeError, "got bool True"),
    ("x", TypeError, "got str 'x'"),
    ([0.5], TypeError, "must hold integers"), ([[0]], TypeError, r"along one axis, got int64 of shape \(1, 1\)"),
    (np.array([True]), IndexError, r"a mask must have the shape \(12,\), got \(1,\)"),
])
def test_what_is_not_there(matrix, key, error, text):
    with pytest.raises(error, match=text):
        matrix[key]


def test_a_normalizer_sees_what_was_read(path):
    seen = []

    def normalizer(rows):
        seen.append(len(rows))
        return (rows.reshape(-1, 3, 1) / 2).astype("float32")

    with HDF5Matrix(path, "group/x", normalizer=normalizer) as matrix:
        assert matrix.shape == (20, 3, 1) and matrix.dtype == np.float32
        np.testing.assert_array_equal(matrix[2:4], ARRAY[2:4, :, None] / 2)
    assert seen == [1, 2]


def test_it_is_pickled_without_its_file_and_opens_it_again(path, tmp_path):
    path = shutil.copy(path, tmp_path)
    with HDF5Matrix(path, "numbers") as matrix:
        content = pickle.dumps(matrix)
    again = pickle.loads(content)
    assert again[1:3].tolist() == [1, 2]
    again.close()
    again.close()
    assert again[[3, 0]].tolist() == [3, 0]
    again.close()
    h5py.File(path, "a").close()        # nobody holds it


@pytest.mark.parametrize("start, end", [(-1, None), (3, 2), (0, 6), (6, None)])
def test_wrong_bounds(path, start, end):
    with pytest.raises(ValueError, match=f"0 <= start <= end <= 5, got {start} and {end}"):
        HDF5Matrix(path, "numbers", start, end)
    assert len(HDF5Matrix(path, "numbers", 5)) == 0


def test_no_such_file_or_data_set(path, tmp_path):
    with pytest.raises(OSError):
        HDF5Matrix(tmp_path / "none.h5", "x")
    with pytest.raises(KeyError, match="has no data set 'y'; at its top it has group, numbers"):
        HDF5Matrix(path, "y")


def test_a_model_learns_from_it(path):
    import tahr
    model = tahr.Sequential([tahr.layers.Dense(1, input_dim=3)])
    model.compile("sgd", "mse")
    with HDF5Matrix(path, "group/x", normalizer=lambda x: x / 60) as x:
        history = model.fit(x, ARRAY[:, 0] / 60, epochs=3, shuffle="batch", verbose=0, batch_size=8)
        assert history.history["loss"][-1] < history.history["loss"][0]
        np.testing.assert_allclose(model.predict(x), model.predict(ARRAY / 60), rtol=1e-5)
