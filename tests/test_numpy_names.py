"""Functions that are thin wrappers over ops: each call runs on NumPy and on tahr.ops and must give the same.

What is in the table of ops is tested by test_ops.py; the first test here sees that nothing falls between the two.
"""

import inspect
import zlib

import numpy as np
import pytest

from tahr import ops
from tahr.autograd import FUNCTIONS, OPS, apart, check_grads, integers, real
from tahr.tensor import PUBLIC, Symbol, Tensor
from tahr.tensor.conv import _grad_x_reference, _looped
from tahr.tensor.public import ALIASES

TABLE = {**FUNCTIONS, **OPS}
EXCUSED = {
    "empty": "its values are left to chance: below", "empty_like": "its values do not matter: below",
    **dict.fromkeys(["bernoulli", "categorical", "dropout", "gumbel", "multinomial", "normal", "permutation", "rand",
                     "randint", "randn", "truncated_normal", "uniform"], "random: tests/test_random.py"),
    **dict.fromkeys(["batch_norm", "normalize_with", "layer_norm", "rms_norm", "group_norm", "instance_norm"],
                    "ops with optional weights: tests/test_kernels_normalize.py, and the ops behind them in the table"),
    **dict.fromkeys(["lstm", "gru", "simple_rnn", "scan"],
                    "ops with optional states: tests/test_kernels_recurrent.py, and the ops behind them in the table"),
    "masked_softmax": "tests/test_kernels_attention.py",
}


class Call:
    """A function of a namespace and arrays, the arrays to draw, and what it means where NumPy has no such name.

    ``float_type`` is the dtype of float results for float32 arguments.
    """

    def __init__(self, function, *draws, expect=None, float_type="float32"):
        self.function, self.draws, self.expect, self.float_type = function, draws, expect, float_type

    def arrays(self, seed):
        rng = np.random.default_rng(zlib.crc32(seed.encode()))
        return [d(rng) if callable(d) else d for d in self.draws]

    def expected(self, arrays):
        return flat(self.expect(*arrays) if self.expect else self.function(np, *arrays))


def flat(result):
    return list(result) if isinstance(result, tuple | list) else [result]


def as_tensor(a):
    return Tensor(a, dtype=a.dtype)


def as_float32(a):
    return a.astype(np.float32) if a.dtype.kind == "f" else a


MASK = np.arange(12).reshape(3, 4) % 3 == 0
CALLS = {
    # Shape
    "reshape": [Call(lambda m, x: m.reshape(x, (2, 6)), real(3, 4)), Call(lambda m, x: m.reshape(x, -1), real(3, 4)),
                Call(lambda m, x: m.reshape(x, [4, -1]), real(3, 4)), Call(lambda m, x: m.reshape(x, ()), real(1))],
    "transpose": [Call(lambda m, x: m.transpose(x), real(2, 3, 4)), Call(lambda m, x: m.transpose(x), real()),
                  Call(lambda m, x: m.transpose(x, [2, 0, 1]), real(2, 3, 4)),
                  Call(lambda m, x: m.transpose(x, axes=(-1, 0)), real(2, 3))],
    "swapaxes": [Call(lambda m, x: m.swapaxes(x, 0, -1), real(2, 3, 4))],
    "moveaxis": [Call(lambda m, x: m.moveaxis(x, 0, -1), real(2, 3, 4)),
                 Call(lambda m, x: m.moveaxis(x, (0, 1), (2, 0)), real(2, 3, 4)),
                 Call(lambda m, x: m.moveaxis(x, [-1], [0]), real(2, 3, 4))],
    "matrix_transpose": [Call(lambda m, x: m.matrix_transpose(x), real(2, 3, 4))],
    "expand_dims": [Call(lambda m, x: m.expand_dims(x, 1), real(3, 4)),
                    Call(lambda m, x: m.expand_dims(x, (0, -1)), real(3, 4))],
    "squeeze": [Call(lambda m, x: m.squeeze(x), real(1, 3, 1)), Call(lambda m, x: m.squeeze(x, 0), real(1, 3, 1)),
                Call(lambda m, x: m.squeeze(x, axis=(0, -1)), real(1, 3, 1)), Call(lambda m, x: m.squeeze(x), real())],
    "ravel": [Call(lambda m, x: m.ravel(x), real(2, 3)), Call(lambda m, x: m.ravel(x), real())],
    "flatten": [Call(lambda m, x: m.flatten(x), real(2, 3, 4), expect=lambda x: x.reshape(24)),
                Call(lambda m, x: m.flatten(x, 1), real(2, 3, 4), expect=lambda x: x.reshape(2, 12)),
                Call(lambda m, x: m.flatten(x, 0, -2), real(2, 3, 4), expect=lambda x: x.reshape(6, 4)),
                Call(lambda m, x: m.flatten(x), real(), expect=lambda x: x.reshape(1))],
    "broadcast_to": [Call(lambda m, x: m.broadcast_to(x, (2, 3, 4)), real(3, 1)),
                     Call(lambda m, x: m.broadcast_to(x, 4), real(1)),
                     Call(lambda m, x: m.broadcast_to(x, [2, 3]), real(3))],
    "broadcast_arrays": [Call(lambda m, x, y: m.broadcast_arrays(x, y), real(3, 1), real(4)),
                         Call(lambda m, x: m.broadcast_arrays(x, 2.0), real(3))],
    "meshgrid": [Call(lambda m, x, y: m.meshgrid(x, y), real(3), real(4)),
                 Call(lambda m, x, y, z: m.meshgrid(x, y, z, indexing="ij"), real(3), real(2), real(4)),
                 Call(lambda m, x: m.meshgrid(x), real(3))],
    # Joining, cutting, repeating
    "concatenate": [Call(lambda m, x, y: m.concatenate([x, y]), real(2, 3), real(4, 3)),
                    Call(lambda m, x, y: m.concatenate((x, y, x), axis=-1), real(2, 3), real(2, 1)),
                    Call(lambda m, x, y: m.concatenate([x, y], axis=None), real(2, 3), real(2)),
                    Call(lambda m, x: m.concatenate(x, 1), real(2, 3, 4)),
                    Call(lambda m, x, y: m.concatenate([x, y]), real(2), integers(0, 9, 3))],
    "stack": [Call(lambda m, x, y: m.stack([x, y]), real(2, 3), real(2, 3)),
              Call(lambda m, x, y: m.stack((x, y), axis=-1), real(2, 3), real(2, 3)),
              Call(lambda m, x: m.stack(x, 1), real(2, 3))],
    "split": [Call(lambda m, x: m.split(x, 3), real(6, 2)), Call(lambda m, x: m.split(x, [1, 4], axis=1), real(2, 6)),
              Call(lambda m, x: m.split(x, (2, -1, 9)), real(5)), Call(lambda m, x: m.split(x, 2), real(0, 3))],
    "chunk": [Call(lambda m, x: m.chunk(x, 3), real(7, 2), expect=lambda x: [x[:3], x[3:6], x[6:]]),
              Call(lambda m, x: m.chunk(x, 4, axis=1), real(2, 3), expect=lambda x: [x[:, :1], x[:, 1:2], x[:, 2:]])],
    "unstack": [Call(lambda m, x: m.unstack(x), real(2, 3), expect=list),
                Call(lambda m, x: m.unstack(x, axis=-1), real(2, 3), expect=lambda x: list(x.T))],
    "tile": [Call(lambda m, x: m.tile(x, 2), real(2, 3)), Call(lambda m, x: m.tile(x, (2, 1, 3)), real(2, 3)),
             Call(lambda m, x: m.tile(x, [3]), real(2, 3)), Call(lambda m, x: m.tile(x, 2), real())],
    "repeat": [Call(lambda m, x: m.repeat(x, 2), real(2, 3)), Call(lambda m, x: m.repeat(x, [2, 0, 1], 1), real(2, 3)),
               Call(lambda m, x: m.repeat(x, np.array([1, 3]), axis=-2), real(2, 3))],
    # Parts
    "getitem": [Call(lambda m, x: m.getitem(x, (slice(None, None, -2), 1)), real(5, 3), expect=lambda x: x[::-2, 1]),
                Call(lambda m, x: m.getitem(x, MASK), real(3, 4), expect=lambda x: x[MASK]),
                Call(lambda m, x: m.getitem(x, [2, 0, 2]), real(3, 4), expect=lambda x: x[[2, 0, 2]])],
    "setitem": [Call(lambda m, x, v: m.setitem(x, 1, v), real(3, 4), real(4),
                     expect=lambda x, v: np.stack([x[0], v, x[2]])),
                Call(lambda m, x: m.setitem(x, MASK, 0.5), real(3, 4), expect=lambda x: np.where(MASK, 0.5, x))],
    "take": [Call(lambda m, x, i: m.take(x, i), real(3, 4), integers(0, 12, 5)),
             Call(lambda m, x, i: m.take(x, i, axis=1), real(3, 4), integers(-4, 4, 2, 2)),
             Call(lambda m, x: m.take(x, 2, 0), real(3, 4)), Call(lambda m, x: m.take(x, [[0, 1]], 0), real(3, 4))],
    "gather": [Call(lambda m, x, i: m.gather(x, 1, i), real(3, 4), integers(0, 4, 3, 2),
                    expect=lambda x, i: np.take_along_axis(x, i, 1))],
    "scatter": [Call(lambda m, x, v: m.scatter(x, 1, [[0], [2]], v), real(2, 3), real(2, 1),
                     expect=lambda x, v: np.array([[v[0, 0], x[0, 1], x[0, 2]], [x[1, 0], x[1, 1], v[1, 0]]]))],
    "where": [Call(lambda m, c, x, y: m.where(c, x, y), MASK, real(3, 4), real(4)),
              Call(lambda m, c, x: m.where(c, x, 0.0), integers(0, 2, 3, 4), real(3, 1)),
              Call(lambda m, c, x: m.where(c, 1.0, x), real(), real(2)), Call(lambda m, c: m.where(c), MASK)],
    "nonzero": [Call(lambda m, x: m.nonzero(x), integers(0, 2, 3, 4))],
    "unique": [Call(lambda m, x: m.unique(x), integers(0, 5, 3, 4))],
    "bincount": [Call(lambda m, x: m.bincount(x), integers(0, 5, 9)),
                 Call(lambda m, x: m.bincount(x, minlength=7), integers(0, 5, 9)),
                 Call(lambda m, x: m.bincount(x), np.zeros(0, np.int64))],
    # Numbers
    "argsort": [Call(lambda m, x: m.argsort(x), apart(3, 4)), Call(lambda m, x: m.argsort(x, axis=0), apart(3, 4)),
                Call(lambda m, x: m.argsort(x, axis=None), apart(3, 4))],
    "cumsum": [Call(lambda m, x: m.cumsum(x), real(3, 4)), Call(lambda m, x: m.cumsum(x, axis=1), real(3, 4)),
               Call(lambda m, x: m.cumsum(x), MASK)],
    "cumprod": [Call(lambda m, x: m.cumprod(x), real(3, 2)), Call(lambda m, x: m.cumprod(x, axis=0), real(3, 4))],
    "einsum": [Call(lambda m, x, y: m.einsum("ij,jk->ik", x, y), real(2, 3), real(3, 4)),
               Call(lambda m, x: m.einsum("...ii", x), real(2, 3, 3))],
    "linear": [Call(lambda m, x, w, b: m.linear(x, w, b), real(2, 3), real(3, 4), real(4),
                    expect=lambda x, w, b: x @ w + b),
               Call(lambda m, x, w: m.linear(x, w), real(5, 2, 3), real(3, 4), expect=np.matmul)],
    "one_hot": [Call(lambda m, x: m.one_hot(x, 4), integers(0, 4, 2, 3), expect=lambda x: np.eye(4)[x]),
                Call(lambda m, x: m.one_hot(x, 2, "int64"), np.array([1, 5, -1]),
                     expect=lambda x: np.array([[0, 1], [0, 0], [0, 0]]))],
    "conv": [Call(lambda m, x, w: m.conv(x, w, strides=2, padding="same"), real(1, 5, 4, 2), real(3, 2, 2, 3),
                  expect=lambda x, w: _looped(x, w, (2, 2), "same"))],
    "conv_transpose": [Call(lambda m, g, w: m.conv_transpose(g, w, (1, 5, 2), strides=2), real(1, 2, 3), real(3, 2, 3),
                            expect=lambda g, w: _grad_x_reference(g, w, (1, 5, 2), strides=(2,)))],
    "astype": [Call(lambda m, x: m.astype(x, "float64"), real(3), expect=np.float64, float_type="float64"),
               Call(lambda m, x: m.astype(x, np.int32), real(3), expect=np.int32),
               Call(lambda m, x: m.astype(x, bool), integers(0, 2, 5), expect=lambda x: x != 0)],
    # Making tensors
    "full_like": [Call(lambda m, x: m.full_like(x, 2.5), real(2, 3)), Call(lambda m, x: m.full_like(x, 2), real(2)),
                  Call(lambda m, x: m.full_like(x, 2.5), integers(0, 9, 3)),
                  Call(lambda m, x: m.full_like(x, 2, dtype=np.float64), integers(0, 9, 3), float_type="float64")],
    "zeros_like": [Call(lambda m, x: m.zeros_like(x), real(2, 3)),
                   Call(lambda m, x: m.zeros_like(x, dtype="int8"), real(0, 3))],
    "ones_like": [Call(lambda m, x: m.ones_like(x), real(2, 3)), Call(lambda m, x: m.ones_like(x, bool), real(2))],
    "zeros": [Call(lambda m: m.zeros((2, 3))), Call(lambda m: m.zeros(3, dtype=np.int64))],
    "ones": [Call(lambda m: m.ones((2, 3))), Call(lambda m: m.ones((), "bool"))],
    "full": [Call(lambda m: m.full((2, 3), 1.5)), Call(lambda m: m.full(2, 7)), Call(lambda m: m.full(2, 7, "int8")),
             Call(lambda m: m.full((2, 2), [1.0, 2.0]))],
    "eye": [Call(lambda m: m.eye(3)), Call(lambda m: m.eye(2, 4, 1)), Call(lambda m: m.eye(2, k=-1, dtype="int64"))],
    "identity": [Call(lambda m: m.identity(3)), Call(lambda m: m.identity(2, "int64"))],
    "arange": [Call(lambda m: m.arange(5)), Call(lambda m: m.arange(2, 9, 3)), Call(lambda m: m.arange(0.0, 1.0, 0.25)),
               Call(lambda m: m.arange(3, dtype="int8")), Call(lambda m: m.arange(5, 0, -2))],
    "linspace": [Call(lambda m: m.linspace(0, 1, 5)), Call(lambda m: m.linspace(-1.0, 1.0, num=4, endpoint=False)),
                 Call(lambda m: m.linspace(1, 3))],
    "logspace": [Call(lambda m: m.logspace(0, 2, 3)), Call(lambda m: m.logspace(0, 3, num=4, base=2.0))],
    "array": [Call(lambda m: m.array([[1.5, 2.0], [3.0, 4.0]])), Call(lambda m: m.array([1, 2])),
              Call(lambda m: m.array([1, 2], dtype="float64"), float_type="float64"), Call(lambda m: m.array(True))],
    "asarray": [Call(lambda m: m.asarray([1.5, 2.0])), Call(lambda m: m.asarray(3)),
                Call(lambda m, x: m.asarray(x), real(2, 3)),
                Call(lambda m, x: m.asarray(x, "float64"), real(2), float_type="float64")],
    "from_numpy": [Call(lambda m: m.from_numpy(np.arange(3)), expect=lambda: np.arange(3))],
    "from_dlpack": [Call(lambda m: m.from_dlpack(np.arange(3)))],
}
ALL = [pytest.param(name, call, id=f"{name}-{i}") for name, calls in CALLS.items() for i, call in enumerate(calls)]
OF_ARRAYS = [p for p in ALL if p.values[1].draws]
CREATION = {"array", "asarray", "from_numpy", "from_dlpack"}
VALUE_DEPENDENT = {"nonzero", "unique", "bincount"}     # nothing to infer from a shape


def in_table(function):
    """Whether test_ops.py runs this function: itself, or made to take lists."""
    itself = {function, getattr(function, "__wrapped__", function)}
    return any(entry.function in itself for entry in TABLE.values())


def test_every_public_function_is_tested():
    names = {n: f for n, f in PUBLIC.items() if n not in ALIASES}
    untested = [n for n, f in names.items() if not in_table(f) and n not in CALLS and n not in EXCUSED]
    assert not untested, f"neither in the table of ops, nor in this one, nor excused: {untested}"
    assert not [n for n in {**CALLS, **EXCUSED} if n not in names or in_table(names[n])], "named here needlessly"


def test_ops_holds_every_public_function():
    assert set(ops.__all__) == set(PUBLIC) and all(getattr(ops, n) is f for n, f in PUBLIC.items())


@pytest.mark.parametrize("alias, name", ALIASES.items())
def test_alias(alias, name):
    assert getattr(ops, alias) is getattr(ops, name)
    numpys = getattr(np, alias, None)
    if isinstance(numpys, np.ufunc) and alias not in ("fabs", "rint"):      # these two are ufuncs of their own
        assert numpys.__name__ in (name, alias)


def test_defaults_are_numpys():
    """Where a parameter has NumPy's name, it has NumPy's default, unless NumPy's stands for nothing."""
    found = []
    for name, function in PUBLIC.items():
        try:
            theirs = inspect.signature(getattr(np, name)).parameters
        except (AttributeError, ValueError, TypeError):
            continue
        for p in inspect.signature(function).parameters.values():
            default = theirs[p.name].default if p.name in theirs and p.name != "dtype" else p.empty
            if p.default is not p.empty and default not in (p.empty, np._NoValue, p.default):
                found.append((name, p.name, p.default, default))
    assert not found


@pytest.mark.parametrize("name, call", ALL)
def test_value(name, call):
    arrays = call.arrays(name)
    found = flat(call.function(ops, *map(as_tensor, arrays)))
    for f, e in zip(found, call.expected(arrays), strict=True):
        assert isinstance(f, Tensor) and f.shape == np.shape(e)
        np.testing.assert_allclose(f.numpy(), e, rtol=1e-6 if f.dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("name, call", ALL)
def test_dtype(name, call):
    """Floats stay or become float32 unless another type was asked for; other dtypes are NumPy's."""
    arrays = [as_float32(a) for a in call.arrays(name)]
    for f, e in zip(flat(call.function(ops, *map(as_tensor, arrays))), call.expected(arrays), strict=True):
        expected = np.asarray(e).dtype
        assert f.dtype == (call.float_type if expected.kind == "f" else expected)


@pytest.mark.parametrize("name, call", OF_ARRAYS)
def test_takes_lists_and_arrays(name, call):
    """Where an array belongs, nested lists do as well, and NumPy arrays."""
    arrays = call.arrays(name)
    lists = [a.tolist() for a in arrays] if all(a.size for a in arrays) else arrays     # [] has no second axis
    for given in (arrays, lists):
        for f, e in zip(flat(call.function(ops, *given)), call.expected(arrays), strict=True):
            assert isinstance(f, Tensor) and f.shape == np.shape(e)
            assert f.dtype == call.float_type or f.dtype.kind != "f"
            np.testing.assert_allclose(f.numpy(), e, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name, call", [p for p in OF_ARRAYS if p.values[1].expect is None
                                        and p.values[0] not in CREATION])
def test_numpys_function_takes_tensors(name, call):
    """``np.reshape(t, ...)`` is ``tahr.ops.reshape(t, ...)``."""
    tensors = [as_tensor(a).requires_grad_(a.dtype.kind == "f") for a in call.arrays(name)]
    for f, e in zip(flat(call.function(np, *tensors)), flat(call.function(ops, *tensors)), strict=True):
        assert isinstance(f, Tensor) and f.dtype == e.dtype and f.grad_fn == e.grad_fn
        np.testing.assert_array_equal(f.numpy(), e.numpy())


@pytest.mark.parametrize("name, call", OF_ARRAYS)
def test_gradient_to_second_order(name, call):
    arrays = call.arrays(name)
    outputs = flat(call.function(ops, *map(as_tensor, arrays)))
    if all(a.dtype.kind == "f" for a in arrays) and all(o.dtype.kind == "f" for o in outputs):
        check_grads(lambda *tensors: tuple(flat(call.function(ops, *tensors))), *arrays)


WITHOUT_GRADIENT = {"zeros_like", "ones_like", "full_like", "nonzero", "unique", "bincount", "argsort", "one_hot"}


@pytest.mark.parametrize("name", sorted({p.values[0] for p in OF_ARRAYS} - WITHOUT_GRADIENT))
def test_some_call_has_a_gradient(name):
    """The test above says something about this function."""
    outputs = []
    for call in CALLS[name]:
        tensors = [as_tensor(a).requires_grad_(a.dtype.kind == "f") for a in call.arrays(name)]
        outputs += flat(call.function(ops, *tensors))
    assert any(o.requires_grad for o in outputs)


@pytest.mark.parametrize("name, call", [p for p in OF_ARRAYS if p.values[0] not in CREATION])
def test_shape_rule(name, call):
    """Symbols go through with the shape and dtype that tensors have, as far as these do not depend on values."""
    arrays = [as_float32(a) for a in call.arrays(name)]
    symbols = [Symbol(a.shape, a.dtype) for a in arrays]
    if name in VALUE_DEPENDENT or name == "where" and len(arrays) == 1:
        with pytest.raises(TypeError, match="depends on the values"):
            call.function(ops, *symbols)
        return
    found = flat(call.function(ops, *map(as_tensor, arrays)))
    for f, i in zip(found, flat(call.function(ops, *symbols)), strict=True):
        assert isinstance(i, Symbol) or name == "broadcast_arrays"      # of a number there is a value
        assert i.dtype == f.dtype and len(i.shape) == f.ndim
        assert all(m == n or m is None and name == "getitem" for m, n in zip(i.shape, f.shape))


@pytest.mark.parametrize("error, text, f", [
    (ValueError, "indexing must be 'xy' or 'ij'", lambda: ops.meshgrid([1.0], indexing="yx")),
    (ValueError, "does not divide into 4 equal parts", lambda: ops.split(ops.ones(6), 4)),
    (ValueError, "does not divide into 0 equal parts", lambda: ops.split(ops.ones(6), 0)),
    (ValueError, "size is not known", lambda: ops.split(Symbol((None, 2)), 2)),
    (ValueError, "into 0 chunks", lambda: ops.chunk(ops.ones(6), 0)),
    (ValueError, "axis 1 of shape .* has size 3", lambda: ops.squeeze(ops.ones((1, 3)), 1)),
    (ValueError, "must have one shape", lambda: ops.stack([ops.ones(2), ops.ones(3)])),
    (ValueError, "at least one array", lambda: ops.concatenate([])),
    (ValueError, "equally many axes", lambda: ops.moveaxis(ops.ones((2, 3)), (0, 1), 0)),
    (ValueError, "a condition alone, or", lambda: ops.where([True], 1.0)),
    (TypeError, "from_numpy takes a NumPy array, got list", lambda: ops.from_numpy([1.0])),
    (TypeError, "needs numbers", lambda: ops.from_numpy(np.array(["a"]))),
    (TypeError, "needs numbers", lambda: ops.zeros(2, dtype="U3") if ops.array([1], dtype="U3") else None),
    (TypeError, "needs values", lambda: ops.asarray(Symbol((2,)))),
])
def test_errors(error, text, f):
    with pytest.raises(error, match=text):
        f()


def test_empty_has_shape_and_dtype():
    assert (ops.empty((2, 3)).shape, ops.empty(2).dtype, ops.empty(2, "int8").dtype) == ((2, 3), np.float32, np.int8)
    assert ops.empty_like(ops.ones((2, 3)), "int8").shape == (2, 3)
    assert ops.empty_like(ops.ones(2)).dtype == np.float32


def test_asarray_keeps_tensors_and_memory():
    t = Tensor([1.0, 2.0], requires_grad=True)
    assert ops.asarray(t) is t
    assert ops.asarray(t, "float64").grad_fn == "astype" and ops.asarray(t, copy=True).grad_fn == "copy"
    array = np.ones((3, 2), np.float32).T
    assert np.shares_memory(ops.asarray(array).numpy(), array)
    assert not np.shares_memory(ops.asarray(array, copy=True).numpy(), array)
    assert not np.shares_memory(ops.array(array).numpy(), array)


def test_float64_arrays_take_the_float_type_beside_them():
    """In composed functions as in ops: NumPy's default type does not make results float64, nor lose a tensor's."""
    array = np.array([1.0, 1e-9])
    for dtype in ("float32", "float64", "float16"):
        assert ops.dot(Tensor([1.0, 1.0], dtype=dtype), array).dtype == dtype
    assert ops.dot(Tensor([0.0, 1.0], dtype="float64"), array).item() == 1e-9
    assert ops.stack([Tensor([1.0, 1.0], dtype="float64"), array])[1, 1].item() == 1e-9
