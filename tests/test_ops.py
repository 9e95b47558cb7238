"""Generic tests over the table of ops: whatever is in it is tested here, and nothing can be added untested."""

import zlib

import numpy as np
import pytest

from tahr import tensor
from tahr.autograd import FUNCTIONS, OPS, check_grads
from tahr.tensor import Symbol, Tensor

TABLE = {**FUNCTIONS, **OPS}
EXCUSED = {
    "assign": "writes into its argument: tests/test_tensor.py",
    **dict.fromkeys(["sgd_update", "rmsprop_update", "adam_update"], "write in place: tests/test_optimizers.py"),
    "random_uniform": "no fixed value: tests/test_random.py", "random_normal": "no fixed value: tests/test_random.py",
    "random_truncated_normal": "no fixed value: tests/test_random.py",
    "random_integers": "no fixed value: tests/test_random.py",
    "random_permutation": "no fixed value: tests/test_random.py",
    "dropout": "no fixed value: tests/test_random.py",
}
TESTED = {name: entry for name, entry in sorted(TABLE.items()) if name not in EXCUSED}
CALLS = [pytest.param(entry, s, id=f"{name}-{i}") for name, entry in TESTED.items()
         for i, s in enumerate(s for s in entry.samples if s.error is None)]
ERRORS = [pytest.param(entry, s, id=f"{name}-{i}") for name, entry in TESTED.items()
          for i, s in enumerate(s for s in entry.samples if s.error)]
DIFFERENTIABLE = [p for p in CALLS if p.values[0].differentiable]


def seed_of(entry):
    return zlib.crc32(entry.name.encode())


def drawn(entry, sample):
    return sample.draw(seed_of(entry))


def each_array(args, convert):
    return [convert(a) if isinstance(a, np.ndarray) else a for a in args]


def as_tensor(a):
    return Tensor(a, dtype=a.dtype)


def as_float32(a):
    return a.astype(np.float32) if a.dtype.kind == "f" else a


def run(entry, args, kwargs):
    """All results, as a tuple."""
    out = entry.function(*args, **kwargs)
    return tuple(out) if isinstance(out, tuple | list) else (out,)


def close(found, expected, rtol=1e-10):
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(np.asarray(found, float), np.asarray(expected, float), rtol=rtol, atol=1e-12)


def test_every_op_is_tested():
    untested = [name for name, entry in TABLE.items() if name not in EXCUSED
                and (entry.reference is None or not any(s.error is None for s in entry.samples))]
    assert not untested, f"without a reference or samples, and not excused: {untested}"
    assert not set(EXCUSED) - set(TABLE)


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@pytest.mark.parametrize("entry, sample", CALLS)
def test_value(entry, sample):
    args, kwargs = drawn(entry, sample)
    expected = entry.reference(*args, **kwargs)
    expected = expected if isinstance(expected, tuple | list) else (expected,)
    found = run(entry, each_array(args, as_tensor), kwargs)
    assert len(found) == len(expected)
    for f, e in zip(found, expected):
        if e is not None:
            close(f, e, rtol=1e-10 if f.dtype == np.float64 else 1e-6)


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("entry, sample", CALLS)
def test_shape_rule(entry, sample, dtype):
    """The shape rule says what the forward returns, its dtype too."""
    args, kwargs = drawn(entry, sample)
    args = args if dtype == "float64" else each_array(args, as_float32)
    found = run(entry, each_array(args, as_tensor), kwargs)
    inferred = run(entry, each_array(args, lambda a: Symbol(a.shape, a.dtype)), kwargs)
    for f, i in zip(found, inferred, strict=True):
        assert isinstance(i, Symbol)
        assert len(i.shape) == f.ndim and all(m in (None, n) for m, n in zip(i.shape, f.shape))
        assert i.dtype == f.dtype
    if not any(a.dtype == bool for a in args if isinstance(a, np.ndarray)):     # a mask's hits are unknown
        assert [i.shape for i in inferred] == [f.shape for f in found]


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@pytest.mark.parametrize("entry, sample", CALLS)
def test_shape_rule_with_unknown_batch(entry, sample):
    args, kwargs = drawn(entry, sample)
    if not any(isinstance(a, np.ndarray) and a.ndim for a in args):
        return
    found = run(entry, each_array(args, as_tensor), kwargs)
    first = next(a for a in args if isinstance(a, np.ndarray) and a.ndim)
    open_ = lambda a: Symbol((None, *a.shape[1:]) if a is first else a.shape, a.dtype)
    inferred = run(entry, each_array(args, open_), kwargs)
    if len(inferred) == len(found):
        for f, i in zip(found, inferred):
            assert len(i.shape) == f.ndim and all(m in (None, n) for m, n in zip(i.shape, f.shape))


@pytest.mark.parametrize("entry, sample", ERRORS)
@pytest.mark.parametrize("kind", [as_tensor, lambda a: Symbol(a.shape, a.dtype)], ids=["tensor", "symbol"])
def test_error(entry, sample, kind):
    args, kwargs = drawn(entry, sample)
    with pytest.raises(sample.error, match=sample.match):
        entry.function(*each_array(args, kind), **kwargs)


@pytest.mark.parametrize("entry, sample", DIFFERENTIABLE)
def test_gradient_to_second_order(entry, sample):
    args, kwargs = drawn(entry, sample)
    floats_out = any(o.dtype.kind == "f" for o in run(entry, each_array(args, as_tensor), kwargs))
    if floats_out and any(isinstance(a, np.ndarray) and a.dtype.kind == "f" for a in args):
        arrays = [a for a in args if isinstance(a, np.ndarray)]

        def call(*tensors):
            tensors = iter(tensors)
            return entry.function(*(next(tensors) if isinstance(a, np.ndarray) else a for a in args), **kwargs)
        check_grads(call, *arrays, order=sample.order)


@pytest.mark.parametrize("name", sorted(TESTED))
def test_some_sample_takes_gradients(name):
    """A differentiable op has a sample with a float array that is not empty, so that the test above says something."""
    entry = TESTED[name]
    if entry.differentiable:
        assert any(isinstance(a, np.ndarray) and a.dtype.kind == "f" and a.size for s in entry.samples
                   if s.error is None for a in drawn(entry, s)[0])


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@pytest.mark.parametrize("entry, sample", CALLS)
def test_float32_stays(entry, sample):
    """float32 in, float32 (or integers) out, close to the float64 result."""
    args, kwargs = drawn(entry, sample)
    if kwargs.get("dtype") == "float64" or "float64" in [a for a in args if isinstance(a, str)]:
        return
    exact = run(entry, each_array(args, lambda a: as_tensor(as_float32(a).astype(a.dtype))), kwargs)
    found = run(entry, each_array(args, lambda a: as_tensor(as_float32(a))), kwargs)
    for f, e in zip(found, exact):
        assert f.dtype != np.float64
        if f.dtype.kind == "f" and entry.name != "nextafter":
            np.testing.assert_allclose(f.numpy(), e.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@pytest.mark.parametrize("entry, sample", CALLS)
def test_inputs_untouched_and_any_strides(entry, sample):
    args, kwargs = drawn(entry, sample)
    before = each_array(args, np.copy)
    expected = run(entry, each_array(args, as_tensor), kwargs)

    def strided(a):
        """The same values with gaps between them, in backward memory."""
        wide = np.zeros([2 * n for n in a.shape], a.dtype)
        view = wide[tuple(slice(None, None, -2) for _ in a.shape)] if a.ndim else wide
        view[...] = a
        return tensor.create.from_numpy(view)
    found = run(entry, each_array(args, strided), kwargs)
    for f, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(f.numpy(), e.numpy(), rtol=1e-12, atol=1e-13)
    for a, b in zip(args, before):
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b)


@pytest.mark.filterwarnings("ignore:(Mean of empty|Degrees of freedom|divide by zero|invalid value):RuntimeWarning")
@pytest.mark.parametrize("entry, sample", CALLS)
def test_empty_batch(entry, sample):
    """With no rows, the op and its shape rule give the same empty result, or both raise."""
    args, kwargs = drawn(entry, sample)
    arrays = [a for a in args if isinstance(a, np.ndarray) and a.ndim]
    if not arrays or "shape" in kwargs or "key" in kwargs or any(isinstance(a, tuple) for a in args):
        return
    n = arrays[0].shape[0]
    empty = each_array(args, lambda a: a[:0] if a.ndim and len(a) == n else a)
    try:
        found = run(entry, each_array(empty, as_tensor), kwargs)
    except IndexError:      # an index points into nothing: a matter of values
        return
    except ValueError:
        with pytest.raises(ValueError):
            run(entry, each_array(empty, lambda a: Symbol(a.shape, a.dtype)), kwargs)
        return
    inferred = run(entry, each_array(empty, lambda a: Symbol(a.shape, a.dtype)), kwargs)
    for f, i in zip(found, inferred, strict=True):
        assert all(m in (None, n) for m, n in zip(i.shape, f.shape, strict=True))
