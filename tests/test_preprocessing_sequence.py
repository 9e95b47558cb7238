"""Sequences: padding, windows of time series, pairs of words. What Keras 3 finds is in test_preprocessing_keras3.py."""

import json
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tahr import preprocessing
from tahr.preprocessing.sequence import (
    TimeseriesGenerator,
    make_sampling_table,
    pad_sequences,
    skipgrams,
    timeseries_dataset_from_array,
    timeseries_generator_from_json,
)
from tahr.utils.data_utils import OrderedEnqueuer, Sequence

rows = st.lists(st.lists(st.integers(1, 99), max_size=6), min_size=1, max_size=5)
ends = st.sampled_from(["pre", "post"])


def test_modules_load_by_name():
    assert {"image", "sequence", "text"} <= set(dir(preprocessing))
    for name in preprocessing.__all__:
        assert getattr(preprocessing, name).__name__ == f"tahr.preprocessing.{name}"
    with pytest.raises(AttributeError, match="'audio'; there are image, sequence, text"):
        _ = preprocessing.audio


@given(rows, st.none() | st.integers(0, 7), ends, ends)
def test_pad_sequences_is_what_lists_say(sequences, maxlen, padding, truncating):
    padded = pad_sequences(sequences, maxlen, padding=padding, truncating=truncating, value=-1)
    length = max(map(len, sequences)) if maxlen is None else maxlen
    assert padded.shape == (len(sequences), length) and padded.dtype == np.int32
    for row, sequence in zip(padded.tolist(), sequences):
        kept = sequence[:length] if truncating == "post" else sequence[max(len(sequence) - length, 0):]
        filler = [-1] * (length - len(kept))
        assert row == (filler + kept if padding == "pre" else kept + filler)


def test_pad_sequences_of_arrays_strings_and_nothing():
    steps = [np.ones((2, 3)), np.full((1, 3), 2.0)]
    padded = pad_sequences(steps, dtype="float32")
    assert padded.shape == (2, 2, 3) and padded.dtype == np.float32 and padded[1].tolist() == [[0] * 3, [2] * 3]
    assert pad_sequences([["a"], ["b", "c"]], dtype=object, value="-").tolist() == [["-", "a"], ["b", "c"]]
    assert pad_sequences([["a"]], 2, dtype="U3", value="-").tolist() == [["-", "a"]]
    assert pad_sequences([]).shape == (0, 0) and pad_sequences([[], []], 3).tolist() == [[0] * 3] * 2
    assert pad_sequences(np.array([[1, 2], [3, 4]]), 1).tolist() == [[2], [4]]


@pytest.mark.parametrize("arguments, options, text", [
    (([[1]],), {"padding": "left"}, "padding must be 'pre' or 'post', got 'left'"),
    (([[1]],), {"truncating": "left"}, "truncating must be 'pre' or 'post', got 'left'"),
    ((3,), {}, "must be a list of sequences, got int"), (([[1], 2],), {}, "non-iterable 2 at index 1"),
    (([[[1, 2]], [[1]]],), {}, r"must have one shape, got \(1,\) in sequence 1, and \(2,\) before"),
    (([[1]],), {"value": "x"}, "dtype 'int32' cannot hold the value 'x'; for strings use dtype=object"),
])
def test_pad_sequences_refuses(arguments, options, text):
    with pytest.raises(ValueError, match=text):
        pad_sequences(*arguments, **options)


def test_sampling_table_by_the_formula():
    table = make_sampling_table(1000, 1e-3)
    rank = 500
    frequency = 1 / (rank * (np.log(rank) + 0.577) + 0.5 - 1 / (12 * rank))
    assert table[rank] == pytest.approx(min(1, np.sqrt(1e-3 / frequency))) and table[0] == table[1]
    assert np.all(np.diff(table) >= 0) and table[-1] == 1 and make_sampling_table(10, 1e9).tolist() == [1] * 10


# Skipgrams

@given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 4), st.integers(0, 99))
def test_skipgrams_are_neighbours_and_random_pairs(words, window, seed):
    couples, labels = skipgrams(words, 10, window_size=window, negative_samples=1.5, seed=seed)
    near = sorted([a, b] for i, a in enumerate(words) for j, b in enumerate(words)
                  if a and b and i != j and abs(i - j) <= window)
    positive = [c for c, label in zip(couples, labels) if label]
    negative = [c for c, label in zip(couples, labels) if not label]
    assert sorted(positive) == near and len(negative) == int(1.5 * len(near))
    assert all(1 <= b <= 9 for _, b in negative) and {a for a, _ in negative} <= {a for a, _ in near}


def test_skipgrams_repeat_by_their_seed_and_by_that_of_random():
    words = [1, 2, 3, 4, 5, 6]
    state = random.getstate()
    assert skipgrams(words, 7, seed=1) == skipgrams(words, 7, seed=1) != skipgrams(words, 7, seed=2)
    assert random.getstate() == state
    first, second = (random.seed(3) or skipgrams(words, 7) for _ in range(2))
    assert first == second != skipgrams(words, 7)


def test_skipgrams_with_a_sampling_table_and_categories():
    couples, labels = skipgrams([1, 2, 3], 4, negative_samples=0, sampling_table=[1, 1, 0, 1], shuffle=False)
    assert couples == [[1, 2], [1, 3], [3, 1], [3, 2]] and labels == [1] * 4
    couples, labels = skipgrams([1, 2], 3, categorical=True, shuffle=False, seed=0)
    assert labels == [[0, 1], [0, 1], [1, 0], [1, 0]]
    assert skipgrams([0, 0], 3) == ([], [])


# Time series

@given(st.integers(1, 5), st.integers(1, 3), st.integers(1, 4), st.integers(0, 3), st.integers(1, 5), st.booleans())
def test_windows_are_what_the_formula_says(length, rate, stride, start, batch_size, reverse):
    data, targets = np.arange(20), np.arange(20) * 10
    series = TimeseriesGenerator(data, targets, length, rate, stride, start, 17, reverse=reverse, batch_size=batch_size)
    expected = list(range(start + length, 18, stride))
    windows = [(x, y) for xs, ys in series for x, y in zip(xs, ys)]
    assert len(windows) == len(expected) and len(series) == -(-len(expected) // batch_size)
    for (x, y), r in zip(windows, expected):
        window = list(range(r - length, r, rate))
        assert x.tolist() == (window[::-1] if reverse else window) and y == 10 * r


def test_timeseries_generator_is_a_sequence_of_lists_too():
    series = TimeseriesGenerator([[1], [2], [3], [4]], [5, 6, 7, 8], 2, batch_size=1)
    assert isinstance(series, Sequence) and len(series) == 2
    assert series[-1][0].tolist() == [[[2], [3]]]
    with pytest.raises(IndexError):
        series[2]
    enqueuer = OrderedEnqueuer(series)
    enqueuer.start(2)
    batches = enqueuer.get()
    assert [next(batches)[1].tolist() for _ in range(3)] == [[7], [8], [7]]
    enqueuer.stop()


def test_shuffled_windows_are_windows():
    np.random.seed(0)
    x, y = TimeseriesGenerator(np.arange(30), np.arange(30), 3, shuffle=True, batch_size=50)[0]
    assert x.shape == (50, 3) and np.array_equal(x[:, -1] + 1, y) and y.min() >= 3 and len(set(y)) > 10


def test_timeseries_generator_refuses():
    with pytest.raises(ValueError, match="same length, got 3 and 2"):
        TimeseriesGenerator([1, 2, 3], [1, 2], 1)
    with pytest.raises(ValueError, match=r"`start_index\+length=5 > end_index=4` is disallowed"):
        TimeseriesGenerator(np.arange(5), np.arange(5), 5)


def test_timeseries_generator_as_json():
    made = TimeseriesGenerator(np.arange(9), list(range(9)), 2, 1, 2, start_index=1, reverse=True, batch_size=3)
    again = timeseries_generator_from_json(made.to_json())
    assert len(again) == len(made) == 1 and json.loads(made.to_json())["class_name"] == "TimeseriesGenerator"
    for a, b in zip(made[0], again[0]):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(TypeError, match="data must be numbers that JSON can hold"):
        TimeseriesGenerator([{1}, {2}], [1, 2], 1).to_json()


@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(0, 4), st.none() | st.integers(15, 20),
       st.none() | st.integers(1, 4))
def test_windows_as_keras_3_cuts_them(length, stride, rate, start, end, batch_size):
    data, targets = np.arange(20), np.arange(20) * 10
    made = timeseries_dataset_from_array(data, targets, length, stride, rate, batch_size, False, None, start, end)
    found = [(x.tolist(), y) for x, y in made] if batch_size is None else [
        (x.tolist(), y) for xs, ys in made for x, y in zip(xs, ys)]
    starts = range(start, (end or 20) - (length - 1) * rate, stride)
    assert found == [([s + k * rate for k in range(length)], 10 * s) for s in starts]


def test_windows_in_random_order():
    made = timeseries_dataset_from_array(np.arange(10), None, 2, batch_size=4, shuffle=True, seed=1)
    first = np.concatenate(list(made))
    made.on_epoch_end()
    second = np.concatenate(list(made))
    assert sorted(first.tolist()) == sorted(second.tolist()) == [[i, i + 1] for i in range(9)]
    assert first.tolist() != second.tolist()
    again = timeseries_dataset_from_array(np.arange(10), None, 2, batch_size=4, shuffle=True, seed=1)
    np.testing.assert_array_equal(np.concatenate(list(again)), first)
    with pytest.raises(ValueError, match="sequence_length must be a positive integer, got 0"):
        timeseries_dataset_from_array(np.arange(10), None, 0)
    with pytest.raises(ValueError, match="no window of 11 steps at a sampling rate of 1 fits"):
        timeseries_dataset_from_array(np.arange(10), None, 11)
