"""NumPy's functions and ufuncs on tensors: the op of that name runs, so that the graph goes on, or it is refused."""

import operator

import numpy as np
import pytest

from tahr.autograd import sample
from tahr.tensor import Symbol, Tensor

RNG = np.random.default_rng(0)
A, B = RNG.uniform(0.1, 0.9, (3, 4)), RNG.uniform(0.1, 0.9, (3, 4))
V, W = RNG.uniform(0.1, 0.9, 4), RNG.uniform(0.1, 0.9, 4)
X = RNG.normal(size=(2, 3, 4))


def leaves(*arrays):
    return [Tensor(a, requires_grad=True, dtype=a.dtype) for a in arrays]


def flat(result):
    return list(result) if isinstance(result, tuple | list) else [result]


def same(f, arrays, gradients=True):
    """``f`` of tensors is ``f`` of arrays, and its gradient goes to each of them."""
    tensors = leaves(*arrays)
    found = flat(f(*tensors))
    for t, e in zip(found, flat(f(*arrays)), strict=True):
        assert isinstance(t, Tensor) and t.shape == np.shape(e)
        np.testing.assert_allclose(t.numpy(), e, rtol=1e-10)
    if gradients:
        sum((t.sum() for t in found), Tensor(0.0, dtype="float64")).backward()
        assert all(t.grad is not None for t in tensors)


# Ufuncs

SMOOTH = ("exp exp2 expm1 log log2 log10 log1p sqrt cbrt square reciprocal negative positive absolute fabs abs sin cos "
          "tan arcsin arccos arctan sinh cosh tanh arcsinh arctanh deg2rad rad2deg degrees radians conjugate "
          "conj").split()
STEPS = "sign floor ceil trunc rint isnan isinf isfinite signbit logical_not".split()
OF_TWO = ("add subtract multiply divide true_divide power maximum minimum hypot arctan2 logaddexp fmod remainder "
          "mod").split()
WITHOUT = ("floor_divide nextafter equal not_equal less less_equal greater greater_equal logical_and logical_or "
           "logical_xor").split()


@pytest.mark.parametrize("name", SMOOTH)
def test_unary_ufuncs(name):
    same(getattr(np, name), [A])


@pytest.mark.parametrize("name", STEPS)
def test_unary_ufuncs_without_gradient(name):
    same(getattr(np, name), [A], gradients=False)


@pytest.mark.parametrize("name", OF_TWO)
def test_binary_ufuncs(name):
    same(getattr(np, name), [A, B])
    same(lambda t: getattr(np, name)(t, B), [A])
    same(lambda t: getattr(np, name)(B, t), [A])
    same(lambda t: getattr(np, name)(t, 0.5), [A])


@pytest.mark.parametrize("name", WITHOUT)
def test_binary_ufuncs_without_gradient(name):
    same(getattr(np, name), [A, B], gradients=False)
    same(lambda t: getattr(np, name)(0.5, t), [A], gradients=False)


def test_other_ufuncs():
    same(np.matmul, [A, B.T])
    same(np.vecdot, [A, B])
    same(lambda x, y: np.vecdot(x, y, axis=0), [A, B])
    same(np.divmod, [A, B])
    same(np.copysign, [A, B], gradients=False)
    for f in (np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.left_shift, np.right_shift):
        assert f(Tensor([5, 6]), np.array([3, 1])).tolist() == f(np.array([5, 6]), np.array([3, 1])).tolist()
    assert np.invert(Tensor([5, 6])).tolist() == [-6, -7]


@pytest.mark.parametrize("ufunc, op", [
    (np.add, "sum"), (np.multiply, "prod"), (np.maximum, "max"), (np.minimum, "min"), (np.logical_and, "all"),
    (np.logical_or, "any"),
])
def test_reduce(ufunc, op):
    differentiable = op not in ("all", "any")
    for kwargs in ({}, {"axis": 1}, {"axis": None}, {"axis": (0, 1), "keepdims": True}):
        same(lambda t, kwargs=kwargs: ufunc.reduce(t, **kwargs), [A], differentiable)
    same(lambda t: ufunc.reduce(t, 1), [A], differentiable)
    assert not differentiable or ufunc.reduce(leaves(A)[0]).grad_fn == op


def test_arrays_on_the_left():
    t = Tensor(A, requires_grad=True)
    for f in (lambda: A * t, lambda: A - t, lambda: np.float64(2) / t, lambda: np.float32(2) ** t, lambda: A.T @ t,
              lambda: np.int64(3) + t, lambda: np.array(2.0) * t):
        assert isinstance(f(), Tensor) and f().requires_grad and f().dtype == np.float32


@pytest.mark.parametrize("text, f", [
    ("np.add cannot write tensors through out=", lambda t: np.add(t, 1.0, out=np.zeros((3, 4)))),
    (r"out=, which would lose their graph: .*\(x = x \+ t instead", lambda t: A.copy().__iadd__(t)),
    ("np.exp cannot write tensors through out=", lambda t: np.exp(A, out=t)),
    ("np.exp takes no where=, dtype= or alike on tensors: use tahr.ops", lambda t: np.exp(t, where=A > 0.5)),
    ("np.add takes no where=, dtype=", lambda t: np.add(t, t, dtype="float64")),
    ("np.add takes no", lambda t: np.add.reduce(t, initial=1.0)),
    ("np.add.accumulate has no counterpart on tensors: use tahr.ops, or np.asarray", lambda t: np.add.accumulate(t)),
    ("np.multiply.outer has no counterpart", lambda t: np.multiply.outer(t, t)),
    ("np.add.reduceat has no counterpart", lambda t: np.add.reduceat(t, [0])),
    ("np.add.at has no counterpart", lambda t: np.add.at(t, [0], 1.0)),
    ("np.subtract.reduce has no counterpart", lambda t: np.subtract.reduce(t)),
    ("np.heaviside has no counterpart", lambda t: np.heaviside(t, 0.5)),
    ("np.gcd has no counterpart", lambda t: np.gcd(Tensor([1]), 2)),
])
def test_refused_ufuncs(text, f):
    with pytest.raises(TypeError, match=text):
        f(Tensor(A, requires_grad=True))


# Functions

CALLS = {       # what follows the tensor in calls of np.<name>
    "sum": [sample(), sample(0), sample(axis=(0, 1), keepdims=True), sample(None), sample(1, None, None, True)],
    "mean": [sample(), sample(axis=0), sample(1, keepdims=True)], "prod": [sample(), sample(axis=1)],
    "max": [sample(), sample(axis=1, keepdims=True)], "amax": [sample(0)],
    "min": [sample(), sample(1, None, True)], "amin": [sample(axis=0)],
    "var": [sample(), sample(0, ddof=1), sample(axis=1, keepdims=True)],
    "std": [sample(), sample(0, None, None, 1), sample(ddof=1, axis=1)],
    "median": [sample(), sample(axis=0), sample(1, keepdims=True)],
    "cumsum": [sample(), sample(axis=0), sample(1)], "cumprod": [sample(), sample(axis=1)],
    "diff": [sample(), sample(2, axis=0), sample(n=1)],
    "linalg.norm": [sample(), sample(axis=0), sample(1, axis=1), sample("fro"),
                    sample(ord=np.inf, axis=1, keepdims=True)],
    "clip": [sample(0.2, 0.8), sample(a_min=0.2, a_max=0.8), sample(0.5, None), sample(None, 0.5), sample(V, 1.0)],
    "reshape": [sample((4, 3)), sample(-1), sample((2, 6), order="C")],
    "transpose": [sample(), sample((1, 0)), sample(axes=[0, 1])], "permute_dims": [sample((1, 0))],
    "matrix_transpose": [sample()], "linalg.matrix_transpose": [sample()], "swapaxes": [sample(0, 1)],
    "moveaxis": [sample(0, -1)], "expand_dims": [sample(1), sample(axis=(0, 2))], "squeeze": [sample()],
    "ravel": [sample()], "flip": [sample(), sample(axis=1)], "roll": [sample(2), sample(1, axis=0)],
    "rot90": [sample(), sample(k=2)], "sort": [sample(), sample(axis=0), sample(None), sample(kind="stable")],
    "repeat": [sample(2), sample([1, 2, 0], axis=0)], "tile": [sample((2, 1))], "broadcast_to": [sample((2, 3, 4))],
    "pad": [sample(1), sample(((1, 0), (0, 2)), "edge"), sample(1, constant_values=2.0),
            sample(pad_width=2, mode="reflect")],
    "split": [sample(3), sample([1, 3], axis=1), sample(2, 1)],
    "take": [sample([0, 5]), sample([2, 0], axis=1), sample(np.array([[1]]), 0)],
    "take_along_axis": [sample(np.array([[0, 2]]), axis=1)], "diag": [sample(), sample(k=1)],
    "diagonal": [sample(), sample(1, 0, 1)], "trace": [sample(), sample(offset=1)], "tril": [sample()],
    "triu": [sample(k=1)], "dot": [sample(V), sample(B.T)], "inner": [sample(V)], "outer": [sample(V)],
    "kron": [sample(V)], "tensordot": [sample(B), sample(B, axes=((0,), (0,)))], "linalg.matmul": [sample(B.T)],
    "linalg.vecdot": [sample(B)], "linalg.tensordot": [sample(B)], "sinc": [sample()], "copy": [sample()],
    "broadcast_arrays": [sample(V)],
}
OTHER_CALLS = [
    lambda t: np.sum(a=t, axis=-1), lambda t: np.dot(B.T, t), lambda t: np.where(A > 0.5, t, 0.0),
    lambda t: np.where(A > 0.5, 1.0, t), lambda t: np.einsum("ij,kj->ik", t, B),
    lambda t: np.einsum("ij->j", t, optimize=True), lambda t: np.linalg.outer(t[0], V),
    lambda t: np.round(t, 1) + 0 * t, lambda t: np.around(t, decimals=1) + 0 * t, lambda t: np.zeros_like(t) + t,
    lambda t: np.full_like(t, 2.5) + t, lambda t: np.ones_like(t, dtype="float64") + t,
    lambda t: np.concatenate([t, B]), lambda t: np.concatenate([B, t], axis=1), lambda t: np.concatenate((t, t), -1),
    lambda t: np.concat([t, t]), lambda t: np.stack([t, B]), lambda t: np.stack((t, t), axis=-1),
    lambda t: np.meshgrid(t[0], V, indexing="ij"),
]
WITHOUT_GRADIENT = [
    lambda t: np.argmax(t), lambda t: np.argmax(t, axis=0), lambda t: np.argmin(t, 1, keepdims=True),
    lambda t: np.argsort(t), lambda t: np.argsort(t, axis=0, kind="stable"), lambda t: np.any(t > 0.5, axis=1),
    lambda t: np.all(t > 0.5), lambda t: np.count_nonzero(t > 0.5, axis=0), lambda t: np.nonzero(t > 0.5),
    lambda t: np.unique(t > 0.5), lambda t: np.allclose(t, A), lambda t: np.isclose(t, B, atol=0.5),
    lambda t: np.searchsorted(t[0] * 0, [1.0, -1.0]), lambda t: np.searchsorted(np.sort(t[0]), V, side="right"),
    lambda t: np.where(t > 0.5), lambda t: np.empty_like(t) * 0,
]


@pytest.mark.parametrize("name, call", [pytest.param(n, c, id=f"{n}-{i}") for n, cs in CALLS.items()
                                        for i, c in enumerate(cs)])
def test_functions(name, call):
    function = operator.attrgetter(name)(np)
    same(lambda t: function(t, *call.args, **call.kwargs), [A])


@pytest.mark.parametrize("f", OTHER_CALLS)
def test_other_calls(f):
    same(f, [A])


@pytest.mark.parametrize("f", WITHOUT_GRADIENT)
def test_functions_without_gradient(f):
    same(f, [A], gradients=False)


def test_functions_of_several_tensors():
    same(lambda x, y: np.concatenate([x, y]), [A, B])
    same(lambda x, y: np.stack([x, y], axis=1), [A, B])
    same(lambda x, y: np.where(A > 0.5, x, y), [A, B])
    same(lambda x, y: np.einsum("ij,ij->i", x, y), [A, B])
    same(lambda x, y: np.dot(x, y), [V, W])
    same(lambda x, y: np.kron(x, y), [V, W])
    same(lambda x: np.mean(x, axis=(0, 2)), [X])
    same(lambda x: np.split(x, 2, axis=-1), [X])


def test_shapes():
    for t in (Tensor(A), Symbol((3, 4))):
        assert (np.shape(t), np.ndim(t)) == ((3, 4), 2)
    assert np.size(Tensor(A)) == 12


def test_bincount_of_integers():
    assert np.bincount(Tensor([1, 3, 1]), minlength=6).tolist() == [0, 2, 0, 1, 0, 0]


def test_symbols_go_through_numpy():
    x = Symbol((None, 4))
    assert np.exp(x).shape == (None, 4) and np.sum(x, axis=1).shape == (None,) and (A @ np.transpose(x)).shape == (3,
                                                                                                                   None)
    assert np.concatenate([x, x], axis=1).shape == (None, 8) and np.add.reduce(x).shape == (4,)


@pytest.mark.parametrize("text, f", [
    ("np.linalg.inv has no counterpart on tensors: use tahr.ops, or np.asarray", lambda t: np.linalg.inv(t)),
    ("np.fft.fft has no counterpart", lambda t: np.fft.fft(t)),
    ("np.histogram has no counterpart", lambda t: np.histogram(t)),
    ("np.array_split has no counterpart", lambda t: np.array_split(t, 2)),
    ("np.copyto has no counterpart", lambda t: np.copyto(A.copy(), t)),
    ("np.linspace has no counterpart", lambda t: np.linspace(t[0], 1.0)),
    ("np.put_along_axis has no counterpart", lambda t: np.put_along_axis(t, np.array([[0]]), 1.0, 1)),
    ("np.linalg.diagonal has no counterpart", lambda t: np.linalg.diagonal(t)),
    ("np.linalg.trace has no counterpart", lambda t: np.linalg.trace(t)),
    ("np.sum takes no dtype= on tensors: use tahr.ops, or np.asarray", lambda t: np.sum(t, dtype="float64")),
    ("np.sum takes no dtype= on", lambda t: np.sum(t, 0, np.float64)),
    ("np.sum takes no initial= on", lambda t: np.sum(t, initial=1.0)),
    ("np.sum takes no where= on", lambda t: np.sum(t, where=A > 0.5)),
    ("np.mean takes no out= on", lambda t: np.mean(t, axis=0, out=np.zeros(4))),
    ("np.concatenate takes no out= on", lambda t: np.concatenate([t, t], out=np.zeros((6, 4)))),
    ("np.reshape takes no order= on", lambda t: np.reshape(t, -1, order="F")),
    ("np.take takes no mode= on", lambda t: np.take(t, [9], mode="clip")),
    ("np.unique takes no return_counts= on", lambda t: np.unique(t, return_counts=True)),
    ("np.einsum takes no out= on", lambda t: np.einsum("ij->", t, out=np.zeros(()))),
    ("np.pad takes no stat_length= on", lambda t: np.pad(t, 1, stat_length=2)),
    ("np.bincount takes no weights= on", lambda t: np.bincount(Tensor([1, 2]), weights=np.ones(2))),
    ("np.diff takes no prepend= on", lambda t: np.diff(t, prepend=0.0)),
])
def test_refused_functions(text, f):
    with pytest.raises(TypeError, match=text):
        f(Tensor(A, requires_grad=True))


def test_functions_before_they_had_signatures(monkeypatch):
    """Older NumPys do not tell the parameters of functions written in C: those go through as they are called."""
    def unknown(function):
        raise ValueError("no signature found")
    monkeypatch.setattr("tahr.tensor.interop.inspect.signature", unknown)
    same(lambda x, y: np.concatenate([x, y], axis=1), [A, B])
    same(lambda x: np.where(A > 0.5, x, 0.0), [A])
    same(lambda x: np.dot(x, V), [A])
