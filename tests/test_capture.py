"""What the recorder takes down: every op as one line that gives the same bits again; functions under ``tahr.jit``."""


import numpy as np
import pytest

from tahr import layers, optimizers
from tahr.autograd import OPS
from tahr.autograd.capture import Recorder
from tahr.compiler.passes import optimized
from tahr.compiler.replay import function_of
from tahr.tensor import Tensor
from tahr.utils.rng import Generator

from .test_ops import as_float32, as_tensor, each_array

assert optimizers and layers       # which bring their ops with them

# Ops

WITHOUT_SAMPLES = {         # ops whose values no table holds: what they are called with here
    "assign": ([np.zeros((2, 3)), np.ones((2, 3))], {}),
    "sgd_update": ([np.ones(5), np.full(5, 2.0), np.array(0.1), np.ones(5)], {"momentum": 0.9}),
    "rmsprop_update": ([np.ones(5), np.full(5, 2.0), np.array(0.1), np.ones(5)], {}),
    "adam_update": ([np.ones(5), np.full(5, 2.0), np.array(0.1), np.array(3), np.ones(5), np.ones(5)], {}),
    "random_uniform": ([], {"shape": (2, 3), "dtype": "float32", "generator": Generator}),
    "random_normal": ([], {"shape": (2, 3), "dtype": "float32", "generator": Generator}),
    "random_truncated_normal": ([], {"shape": (2, 3), "dtype": "float32", "generator": Generator}),
    "random_integers": ([], {"low": 0, "high": 9, "shape": (2, 3), "dtype": "int64", "generator": Generator}),
    "random_permutation": ([], {"shape": (9,), "generator": Generator}),
    "dropout": ([np.ones((2, 9))], {"rate": 0.5, "generator": Generator}),
}


def calls():
    """Each op with each of its samples."""
    for name, entry in sorted(OPS.items()):
        for i, s in enumerate(s for s in entry.samples if s.error is None):
            yield pytest.param(entry, *s.draw(1), id=f"{name}-{i}")
        if name in WITHOUT_SAMPLES:
            yield pytest.param(entry, *WITHOUT_SAMPLES[name], id=name)


each_call = pytest.mark.parametrize("entry, args, attrs", list(calls()))


def test_every_op_is_called():
    assert {p.values[0].name for p in calls()} == set(OPS)


def several(out):
    return tuple(out) if isinstance(out, tuple | list) else (out,)


def generators(attrs):
    """The attributes with a generator where one is wanted."""
    return {k: v(3) if v is Generator else v for k, v in attrs.items()}


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each_call
def test_an_op_is_one_line_that_gives_the_same_again(entry, args, attrs, dtype):
    """Called by its record, so that what the public name does around it is left out; also after all passes."""
    args = each_array(args, as_float32 if dtype == "float32" else np.copy)
    expected = several(entry.function(*each_array(args, lambda a: as_tensor(a.copy())), **generators(attrs)))
    inputs = each_array(args, lambda a: as_tensor(a.copy()))
    arrays = [x.data for x in inputs if isinstance(x, Tensor)]
    attrs = generators(attrs)
    start = attrs["generator"].get_state() if "generator" in attrs else None
    with Recorder(arrays) as recorder:
        result = entry.function(*inputs, **attrs)
    program = recorder.program(list(several(result)))
    assert program is not None, recorder.reason
    assert [line.op for line in program.lines] == [entry]
    for made in (program, optimized(program)):
        if start is not None:
            attrs["generator"].set_state(start)
        found = function_of(made)(*[a.copy() for a in args if isinstance(a, np.ndarray)])
        for f, e in zip(found, expected, strict=True):
            assert (f.dtype, f.shape) == (e.dtype, e.shape)
            np.testing.assert_array_equal(f, e.numpy())


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@each_call
def test_an_op_writes_where_it_says(entry, args, attrs):
    """Into the inputs in ``writes`` and no others: a program may merge and move all else."""
    arrays = each_array(args, np.copy)
    entry.forward(*arrays, **generators(attrs))
    changed = {i for i, (a, b) in enumerate(zip(arrays, args))
               if isinstance(a, np.ndarray) and not np.array_equal(a, b, equal_nan=a.dtype.kind == "f")}
    full = all(a.size for a in args if isinstance(a, np.ndarray))
    assert changed == set(entry.writes) if full else changed <= set(entry.writes)


def test_what_writes_is_known():
    assert {o.name for o in OPS.values() if o.writes} == \
        {"assign"} | {name for name in OPS if name.endswith("_update")}
