"""Kernels over rows and flat arrays (softmax, updates of optimizers, embedding) against their NumPy references."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tahr.kernels import embedding, softmax, update
from tahr.kernels.jit import ENTRIES
from tahr.utils import settings

seeds, lengths = st.integers(0, 20), st.integers(1, 70) | st.sampled_from([127, 128, 300, 1000])


def normal(rng, *shape, spread=1.0):
    return (spread * rng.standard_normal(shape)).astype("float32")


def as_float64(*arrays):
    return [a.astype(float) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in arrays]


def results(out):
    return out if isinstance(out, tuple) else (out,)


# Softmax and its relatives

def row_calls(rng, shape):
    """Each entry over rows with its arguments."""
    x, g = normal(rng, *shape, spread=4.0), normal(rng, *shape[:-1])
    y, n = normal(rng, *shape), shape[-1]
    targets, labels = rng.dirichlet(np.ones(n), shape[:-1]).astype("float32"), rng.integers(0, n, shape[:-1])
    p = softmax.softmax.entry.reference(x)
    return [("softmax", x), ("log_softmax", x), ("logsumexp", x), ("softmax_grad_x", y, p),
            ("log_softmax_grad_x", y, np.log(p)), ("softmax_cross_entropy", x, targets),
            ("softmax_cross_entropy_grad_x", g, targets, p), ("sparse_softmax_cross_entropy", x, labels),
            ("sparse_softmax_cross_entropy_grad_x", g, labels, p)]


def row_names():
    return {name for name, e in ENTRIES.items() if e.reference.__module__ == softmax.__name__}


def test_every_entry_over_rows_is_called():
    assert {name for name, *_ in row_calls(np.random.default_rng(0), (2, 3))} == row_names()


@given(lead=st.lists(st.integers(1, 6), max_size=2), n=lengths, seed=seeds, gaps=st.booleans())
def test_rows(lead, n, seed, gaps):
    """Against float64: 2e-6 of the largest numbers that are added or subtracted, 20 or less here."""
    for name, *args in row_calls(np.random.default_rng(seed), (*lead, n)):
        exact = results(ENTRIES[name].reference(*as_float64(*args)))
        if gaps:
            args = [np.repeat(a, 2, -1)[..., ::2] if a.ndim else a for a in args]
        for found, right in zip(results(ENTRIES[name].fast(*args)), exact, strict=True):
            assert found.shape == right.shape and found.dtype == np.float32
            np.testing.assert_allclose(found, right, rtol=4e-6, atol=4e-6 + 1e-7 * n ** 0.5, err_msg=name)


@pytest.mark.parametrize("shape, axis", [((3, 4), 0), ((3, 4), 1), ((2, 3, 4), 1), ((2, 3, 4), -2), ((5,), 0),
                                         ((5,), -1)])
def test_axes(shape, axis):
    x, y = normal(np.random.default_rng(0), *shape), normal(np.random.default_rng(1), *shape)
    for name, *args in [("softmax", x), ("log_softmax", x), ("softmax_grad_x", x, y), ("log_softmax_grad_x", x, y)]:
        np.testing.assert_allclose(ENTRIES[name].fast(*args, axis), ENTRIES[name].reference(*args, axis), rtol=1e-5,
                                   atol=1e-6)


@pytest.mark.parametrize("n", [1, 10, 16, 33, 128])
def test_rows_have_the_same_bits_whoever_computes_them(n, monkeypatch):
    """Any number of rows, any place among them, any number of threads."""
    calls = row_calls(np.random.default_rng(3), (100, n))
    wholes = {name: results(ENTRIES[name].fast(*args)) for name, *args in calls}
    for name, *args in calls:
        for start, stop in [(0, 1), (3, 4), (5, 70)]:
            for part, whole in zip(results(ENTRIES[name].fast(*[a[start:stop] for a in args])), wholes[name]):
                np.testing.assert_array_equal(part, whole[start:stop])
    monkeypatch.setattr(softmax, "GRAIN", 7 * n)
    monkeypatch.setattr(softmax, "LIGHT", 7 * n)
    for threads in (1, 3):
        with settings.using(num_threads=threads):
            for name, *args in calls:
                for again, whole in zip(results(ENTRIES[name].fast(*args)), wholes[name]):
                    np.testing.assert_array_equal(again, whole)


@pytest.mark.parametrize("n", [3, 40])
def test_rows_with_infinities_and_nan(n):
    x = np.zeros((6, n), "float32")
    x[0, 1], x[1, 1], x[2, 1], x[3], x[4, 0], x[5] = -np.inf, np.inf, np.nan, -np.inf, 1e38, 1e-40
    for name in ("softmax", "log_softmax", "logsumexp"):
        with np.errstate(all="ignore"):
            exact = ENTRIES[name].reference(x.astype(float))
        np.testing.assert_allclose(ENTRIES[name].fast(x), exact.astype("float32"), rtol=2e-6)
    assert np.isnan(softmax.softmax(x)[1:4]).all() and softmax.softmax(x)[0, 1] == 0
    for name, other in [("softmax_cross_entropy", np.eye(n, dtype="float32")[:1].repeat(6, 0)),
                        ("sparse_softmax_cross_entropy", np.zeros(6, int))]:
        loss, p = ENTRIES[name].fast(x, other)
        np.testing.assert_array_equal(np.isnan(p).any(-1), [False, True, True, True, False, False])
        assert np.isnan(loss[1:4]).all() and abs(loss[5] - math.log(n)) < 1e-6 and loss[4] == 0


def test_large_logits_lose_nothing():
    x = np.array([[1000.0, 1001.0], [-1e30, 0.0]], "float32")
    np.testing.assert_allclose(softmax.log_softmax(x)[0], [-1.3132616, -0.3132617], rtol=1e-6)
    assert softmax.sparse_softmax_cross_entropy(x, np.array([0, 0]))[0][1] == np.float32(1e30)


def test_nothing_to_do():
    for name, *args in row_calls(np.random.default_rng(0), (0, 4)):
        for found, right in zip(results(ENTRIES[name].fast(*args)), results(ENTRIES[name].reference(*args))):
            assert found.shape == right.shape
    assert softmax.softmax(np.zeros((3, 0), "float32")).shape == (3, 0)
    assert softmax.logsumexp(np.zeros((2, 0), "float32")).tolist() == [-np.inf] * 2


def test_labels_of_any_integer_type():
    x, labels = normal(np.random.default_rng(0), 5, 4), np.array([0, 3, 1, 2, 3])
    right = softmax.sparse_softmax_cross_entropy(x, labels)[0]
    for dtype in ("int8", "uint8", "int32", "uint64"):
        np.testing.assert_array_equal(softmax.sparse_softmax_cross_entropy(x, labels.astype(dtype))[0], right)


WIDTHS = """
import numpy as np
from tahr.kernels import simd, softmax
simd.LANES.value = lambda: {lanes}
rng = np.random.default_rng(0)
for n in (1, 3, 4, 7, 8, 9, 31, 32, 33, 64, 100, 129):
    x = rng.standard_normal((5, n)).astype("float32")
    x[2, n // 2] = np.nan
    np.testing.assert_allclose(softmax.softmax.entry.fast(x), softmax.softmax.entry.reference(x), rtol=1e-5)
    x[2, n // 2], x[np.arange(5), rng.integers(0, n, 5)] = 0, 100
    np.testing.assert_allclose(softmax.logsumexp.entry.fast(x), softmax.logsumexp.entry.reference(x), rtol=1e-5)
"""


@pytest.mark.parametrize("lanes", [4, 8])
def test_vectors_of_other_processors(lanes, tmp_path):
    code = WIDTHS.format(lanes=lanes)
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "TAHR_CACHE": str(tmp_path)}, check=True)


# Updates of optimizers

UPDATES = {     # name: the entry, how many slots, further arguments
    "sgd": (update.sgd, 0, ()), "momentum": (update.sgd, 1, (0.9,)), "nesterov": (update.sgd, 1, (0.8, True)),
    "rmsprop": (update.rmsprop, 1, (0.7, 1e-3)), "adagrad": (update.adagrad, 1, (1e-4,)),
    "adadelta": (update.adadelta, 2, (0.6, 1e-5)), "adam": (update.adam, 2, (0.8, 0.99, 1e-6)),
}
each_update = pytest.mark.parametrize("name", UPDATES)


def started(name, n, rng, scale=0):
    """Parameters, a gradient, a learning rate and slots; ``scale`` spreads their sizes over so many powers of ten."""
    spread = lambda: 10.0 ** rng.integers(-scale, 2, n) if scale else 1.0
    slots = [abs(normal(rng, n) * spread()).astype("float32") for _ in range(UPDATES[name][1])]
    return [normal(rng, n), (normal(rng, n) * spread()).astype("float32"), np.array(0.05, "float32"), *slots]


def test_every_update_is_tested():
    names = {name for name, e in ENTRIES.items() if e.reference.__module__ == update.__name__}
    assert names == {f.entry.name for f, *_ in UPDATES.values()}


@each_update
@given(n=st.integers(0, 70) | st.just(1000), seed=seeds, scale=st.sampled_from([0, 20, 37]))
def test_updates_have_the_references_bits(name, n, seed, scale):
    entry, _, options = UPDATES[name]
    ours = started(name, n, np.random.default_rng(seed), scale)
    theirs = [a.copy() for a in ours]
    for _ in range(3):
        entry.entry.fast(*ours, *options)
        entry.entry.reference(*theirs, *options)
    for a, b in zip(ours, theirs):
        np.testing.assert_array_equal(a.view("int32"), b.view("int32"))


@each_update
def test_updates_by_several_threads(name, monkeypatch):
    entry, _, options = UPDATES[name]
    whole, parts = (started(name, 1000, np.random.default_rng(0)) for _ in range(2))
    entry(*whole, *options)
    monkeypatch.setattr(update, "GRAIN", 60)
    with settings.using(num_threads=3):
        entry(*parts, *options)
    for a, b in zip(whole, parts):
        np.testing.assert_array_equal(a, b)


@each_update
def test_slots_do_not_become_denormal(name):
    entry, slots, options = UPDATES[name]
    for call in (entry.entry.fast, entry.entry.reference):
        arrays = started(name, 50, np.random.default_rng(0))
        arrays[1][:] = 0
        for slot in arrays[3:]:
            slot[:] = 2e-38
        for _ in range(400):
            call(*arrays, *options)
        if name != "adagrad":       # which adds up
            assert not any(slot.any() for slot in arrays[3:])


@each_update
def test_updates_of_nan_and_infinity(name):
    entry, _, options = UPDATES[name]
    arrays = started(name, 20, np.random.default_rng(0))
    arrays[1][3], arrays[1][7] = np.nan, np.inf
    before = [a.copy() for a in arrays]
    with np.errstate(all="ignore"):
        entry.entry.reference(*before, *options)
    entry(*arrays, *options)
    for a, b in zip(arrays, before):
        np.testing.assert_array_equal(a, b)
    assert np.isnan(arrays[0][3]) and np.isfinite(np.delete(arrays[0], [3, 7])).all()


@each_update
@pytest.mark.parametrize("kind", ["float64", "strided", "number"])
def test_updates_of_other_arrays(name, kind):
    """They take the reference, and write where they must."""
    entry, _, options = UPDATES[name]
    right = started(name, 12, np.random.default_rng(0))
    arrays = [a.copy() for a in right]
    entry(*right, *options)
    if kind == "float64":
        arrays = as_float64(*arrays)
    elif kind == "strided":
        arrays = [np.repeat(a, 2)[::2] if a.ndim else a for a in arrays]
    else:
        arrays[2] = 0.05
    entry(*arrays, *options)
    for a, b in zip(arrays, right):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


# Embedding

@given(rows=st.integers(1, 40), width=st.integers(1, 70) | st.just(200), count=st.integers(0, 60), seed=seeds,
       kind=st.sampled_from(["int64", "int32", "int8"]))
def test_rows_gathered_and_added(rows, width, count, seed, kind):
    rng = np.random.default_rng(seed)
    table, g = normal(rng, rows, width), normal(rng, count, width)
    indices = rng.integers(-rows, rows, count).astype(kind)
    np.testing.assert_array_equal(embedding.gather.entry.fast(table, indices), table[indices])
    right = np.zeros((rows, width), "float32")
    for i, row in zip(indices, g):
        right[i] += row
    np.testing.assert_array_equal(embedding.scatter.entry.fast(g, indices, rows), right)
    np.testing.assert_allclose(embedding.scatter.entry.reference(g, indices, rows), right, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape, at", [((5,), (7,)), ((5, 3, 2), (4, 6)), ((5, 3), ()), ((5, 0), (4,)), ((5, 3), (0,))])
def test_tables_and_indices_of_any_rank(shape, at):
    rng = np.random.default_rng(0)
    table, indices = normal(rng, *shape), rng.integers(-5, 5, at)
    np.testing.assert_array_equal(embedding.gather(table, indices), table[indices])
    g = normal(rng, *at, *shape[1:])
    right = np.zeros(shape, "float32")
    np.add.at(right, indices, g)
    for call in (embedding.scatter, embedding.scatter.entry.reference):
        np.testing.assert_allclose(call(g, indices, 5), right, rtol=1e-6, atol=1e-6)


def test_gaps_and_other_types():
    rng = np.random.default_rng(0)
    table, g, indices = normal(rng, 6, 8)[::2, ::-1], normal(rng, 5, 16)[:, ::2], np.array([0, 2, 1, 2, -1])[::-1]
    np.testing.assert_array_equal(embedding.gather(table, indices), table[indices])
    exact = embedding.scatter(g.astype(float), indices, 3)
    np.testing.assert_allclose(embedding.scatter(g, indices, 3), exact, rtol=1e-6)
    assert embedding.gather(np.arange(6), indices).dtype == np.int64


def test_sums_of_rows_by_several_threads(monkeypatch):
    rng = np.random.default_rng(0)
    g, indices, table = normal(rng, 500, 300), rng.integers(0, 7, 500), normal(rng, 7, 300)
    whole, taken = embedding.scatter(g, indices, 7), embedding.gather(table, indices)
    monkeypatch.setattr(embedding, "GRAIN", 1000)
    for threads in (1, 3):
        with settings.using(num_threads=threads):
            np.testing.assert_array_equal(embedding.scatter(g, indices, 7), whole)
            np.testing.assert_array_equal(embedding.gather(table, indices), taken)


@pytest.mark.parametrize("indices, text", [
    ([0, 5], r"index 5 at position \(1,\) is out of bounds for an axis of size 5: indices must lie from -5 to 4"),
    ([[0, -6]], r"index -6 at position \(0, 1\)"), (7, "index 7 is out of bounds"),
    (np.array([200], "uint8"), "index 200"), (np.array([2 ** 63], "uint64"), "index 9223372036854775808 at"),
])
def test_indices_out_of_bounds(indices, text):
    table = np.zeros((5, 3), "float32")
    for call in (embedding.gather, embedding.gather.entry.reference):
        with pytest.raises(IndexError, match=text):
            call(table, indices)
    g = np.zeros((*np.shape(indices), 3), "float32")
    for call in (embedding.scatter, embedding.scatter.entry.reference):
        with pytest.raises(IndexError, match=text):
            call(g, indices, 5)


def test_indices_must_be_integers():
    with pytest.raises(TypeError, match=r"indices must be integers, got float64 of shape \(2,\)"):
        embedding.gather(np.zeros((5, 3), "float32"), np.array([0.0, 1.0]))
