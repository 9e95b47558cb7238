"""The Tensor: how it is made, printed, copied, computed with, written into, indexed, and where gradients have kinks."""

import copy
import inspect
import math
import operator
import pickle
import re
import weakref

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

import tahr
from tahr import ops
from tahr.autograd import gradients
from tahr.tensor import Symbol, Tensor
from tahr.utils import settings


def leaf(data, dtype=None):
    return Tensor(data, requires_grad=True, dtype=dtype)


def equal(found, expected, rtol=0.0):
    assert isinstance(found, Tensor) and found.shape == np.shape(expected)
    np.testing.assert_allclose(found.numpy(), expected, rtol=rtol)


# Making

@pytest.mark.parametrize("data, dtype", [
    (1.5, "float32"), ([1.5, 2], "float32"), (np.ones(2), "float32"), (np.float64(2), "float32"),
    (np.ones(2, np.float16), "float32"), (np.ones(2, np.float32), "float32"), (3, "int64"), ([1, 2], "int64"),
    (np.ones(2, np.uint8), "uint8"), (True, "bool"), ([[True], [False]], "bool"), ([], "float32"), (1j, "complex128"),
    ((1, 2.0), "float32"), (range(3), "int64"), (np.ones((2, 0), np.int8), "int8"),
])
def test_floating_point_data_become_floatx(data, dtype):
    t = Tensor(data)
    assert t.dtype == dtype
    equal(t, np.asarray(data))


@pytest.mark.parametrize("dtype", ["float64", np.float16, np.dtype("int8"), bool, int, "uint32", "complex64"])
def test_dtype_is_respected(dtype):
    assert Tensor([0, 1, 2.0], dtype=dtype).dtype == np.dtype(dtype)


def test_another_floatx():
    with settings.using(floatx="float64"):
        assert Tensor([0.1]).dtype == np.float64 and Tensor([0.1]).item() == 0.1
        assert (Tensor([1, 2]) / 2).dtype == np.float64
    with settings.using(floatx="float16"):
        assert Tensor(np.ones(2)).dtype == np.float16


def test_data_are_copied():
    array = np.ones(3, np.float32)
    source = leaf(array)
    t, u = Tensor(array), Tensor(source)
    array[:] = 7
    source.data[:] = 8
    equal(t, [1, 1, 1])
    equal(u, [1, 1, 1])
    assert not u.requires_grad


def test_lists_may_hold_tensors():
    x = Tensor([1.0, 2.0])
    equal(Tensor([x, [3, 4], (x * 2)]), [[1, 2], [3, 4], [2, 4]])
    equal(Tensor([[x[0], 5], [x[1], Tensor(6)]]), [[1, 5], [2, 6]])
    assert Tensor([Tensor(1), Tensor(2)]).dtype == np.int64


@pytest.mark.parametrize("error, text, data", [
    (ValueError, r"rows of one length, got a list whose 2 items have the shapes \[\(1,\), \(2,\)\]",
     [[1.0], [1.0, 2.0]]),
    (ValueError, "rows of one length", [1.0, [2.0]]),
    (TypeError, "needs numbers .* got str", "abc"),
    (TypeError, "needs numbers .* got list of dtype <U1", ["a", "b"]),
    (TypeError, "needs numbers .* got list of dtype object", [None, 1.0]),
    (TypeError, "needs numbers .* got dict of dtype object", {"a": 1}),
    (TypeError, "needs numbers .* got set of dtype object", {1, 2}),
    (TypeError, "needs numbers .* got ndarray", np.array([object()])),
    (TypeError, "needs numbers", np.zeros(2, [("a", "f4")])),
    (TypeError, "needs numbers", np.array(["2020-01-01"], "datetime64[D]")),
    (TypeError, r"needs values, got Symbol\(shape=\(2,\), dtype=float32\)", Symbol((2,))),
])
def test_what_is_not_numbers_is_refused(error, text, data):
    with pytest.raises(error, match=text):
        Tensor(data)


def test_a_dtype_that_is_not_numbers_is_refused():
    with pytest.raises(TypeError, match="needs numbers"):
        Tensor([1, 2], dtype="U3")


def test_attributes():
    t = Tensor(np.zeros((2, 3), np.float32))
    assert (t.shape, t.ndim, t.size, t.itemsize, t.nbytes, t.device) == ((2, 3), 2, 6, 4, 24, "cpu")
    assert t.name is None and t.grad is None and t.grad_fn is None and t.is_leaf
    assert t.T.shape == (3, 2) and ops.zeros((2, 3, 4)).T.shape == (4, 3, 2)
    assert ops.zeros((2, 3, 4)).mT.shape == (2, 4, 3)


# Printing

@pytest.mark.parametrize("make, text", [
    (lambda: Tensor(1.5), "Tensor(1.5)"),
    (lambda: Tensor(3), "Tensor(3)"),
    (lambda: Tensor([1.0, 2.5]), "Tensor([1. , 2.5])"),
    (lambda: Tensor([True, False]), "Tensor([ True, False])"),
    (lambda: Tensor([1.0], dtype="float64"), "Tensor([1.], dtype=float64)"),
    (lambda: Tensor([1], dtype="uint8"), "Tensor([1], dtype=uint8)"),
    (lambda: Tensor([]), "Tensor([])"),
    (lambda: ops.zeros((0, 3)), "Tensor([], shape=(0, 3))"),
    (lambda: leaf([1.0]), "Tensor([1.], requires_grad=True)"),
    (lambda: leaf([1.0]) + 1, "Tensor([2.], grad_fn=add)"),
    (lambda: leaf(1.0, "float64").exp(), "Tensor(2.71828183, dtype=float64, grad_fn=exp)"),
    (lambda: Tensor([[1.0, 2.0], [3.0, 4.0]]), "Tensor([[1., 2.],\n        [3., 4.]])"),
    (lambda: tahr.Variable([[1], [2]]), "Variable([[1],\n          [2]])"),
    (lambda: Symbol((None, 3)), "Symbol(shape=(None, 3), dtype=float32)"),
])
def test_repr(make, text):
    assert repr(make()) == str(make()) == text


def test_repr_of_many_elements_is_short():
    assert repr(ops.arange(10000)) == "Tensor([   0,    1,    2, ..., 9997, 9998, 9999])"
    assert len(repr(ops.zeros((1000, 1000)))) < 1000


def test_format():
    assert f"{Tensor(1.23456):.2f} {Tensor(7):03d} {leaf(0.5)}" == "1.23 007 0.5"
    assert f"{Tensor([1.0])}" == "Tensor([1.])"
    with pytest.raises(TypeError, match=r"needs a 0-d tensor, this one has shape \(2,\)"):
        f"{Tensor([1.0, 2.0]):.2f}"


# Python's protocols

def test_numbers():
    assert (float(Tensor(2.5)), int(Tensor(2.9)), complex(Tensor(1.5)), bool(Tensor(0.0))) == (2.5, 2, 1.5, False)
    assert (Tensor([[4]]).item(), float(Tensor([2.5])), bool(Tensor([3]))) == (4, 2.5, True)
    assert type(Tensor(3).item()) is int and type(Tensor(3.0).item()) is float and type(Tensor(True).item()) is bool
    assert Tensor([[1, 2], [3, 4]]).tolist() == [[1, 2], [3, 4]] and Tensor(1.5).tolist() == 1.5
    assert math.sqrt(leaf(4.0)) == 2.0


def test_indices():
    assert [10, 20, 30][Tensor(1)] == 20 and list(range(Tensor(3))) == [0, 1, 2]
    for t in (Tensor(1.0), Tensor([1]), Tensor(True)):
        with pytest.raises(TypeError, match="only a 0-d integer tensor is an index"):
            operator.index(t)


@pytest.mark.parametrize("error, text, f", [
    (ValueError, r"item\(\) needs a tensor with one element, this one has shape \(2,\)", lambda t: t.item()),
    (ValueError, "needs a tensor with one element", float),
    (ValueError, "needs a tensor with one element", int),
    (ValueError, r"the truth of a tensor of shape \(2,\) is not one value: use x.any\(\) or x.all\(\)", bool),
    (ValueError, "the truth of a tensor", lambda t: t in [Tensor([3.0, 4.0])]),
    (TypeError, "a 0-d tensor has no length", lambda t: len(t[0])),
    (TypeError, "a 0-d tensor cannot be iterated over", lambda t: iter(t[0])),
])
def test_protocol_errors(error, text, f):
    with pytest.raises(error, match=text):
        f(Tensor([1.0, 2.0]))


def test_len_iter_contains():
    t = leaf([[1.0, 2.0], [3.0, 4.0]])
    assert len(t) == 2 and len(ops.zeros((0, 3))) == 0
    first, second = t
    equal(second, [3, 4])
    (first * Tensor([1.0, 10.0])).sum().backward()
    equal(t.grad, [[1, 10], [0, 0]])
    assert 3 in t and Tensor(4.0) in t and 5.0 not in t
    assert list(ops.zeros((0, 3))) == [] and [x.item() for x in Tensor([1, 2])] == [1, 2]
    assert max(Tensor([1, 3, 2])).item() == 3 and [x.item() for x in reversed(Tensor([1, 2]))] == [2, 1]


def test_hash_is_identity():
    a, b = Tensor([1.0]), Tensor([1.0])
    table = {a: "a", b: "b"}
    assert table[a] == "a" and table[b] == "b" and len({a, b, a}) == 2
    before = hash(a)
    a += 1
    assert hash(a) == before and table[a] == "a"


def test_comparison_with_what_is_no_number():
    t = Tensor([1.0, 2.0])
    assert (t == None) is False and (t != None) is True and (t == "auto") is False      # noqa: E711
    assert t not in ("auto", None)


def test_weakref():
    t = leaf([1.0])
    ref = weakref.ref(t)
    assert ref() is t
    del t
    assert ref() is None


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(protocol):
    t = leaf([[1.0, 2.0]], "float64")
    t.name = "w"
    (t * 3).sum().backward()
    back = pickle.loads(pickle.dumps(t, protocol))
    equal(back, t.numpy())
    assert (back.dtype, back.requires_grad, back.is_leaf, back.name, back.grad) == (t.dtype, True, True, "w", None)
    with tahr.no_grad():
        back += 1       # has memory of its own, and may be written
    assert (back.numpy()[0, 0], t.numpy()[0, 0]) == (2, 1)


def test_values_travel_and_graphs_do_not():
    x = leaf([1.0, 2.0])
    for duplicate in (copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))):
        y = duplicate(x * 2)
        equal(y, [2, 4])
        assert y.is_leaf and not y.requires_grad
        assert not duplicate(Tensor([1])).requires_grad


def test_copies():
    x = leaf([1.0, 2.0])
    x.name = "x"
    shallow, deep, recorded = copy.copy(x), copy.deepcopy(x), x.copy()
    assert shallow.requires_grad and deep.requires_grad and (shallow.name, deep.name) == ("x", "x")
    assert np.shares_memory(shallow.numpy(), x.numpy()) and not np.shares_memory(deep.numpy(), x.numpy())
    assert recorded.grad_fn == "copy" and not np.shares_memory(recorded.numpy(), x.numpy())
    (shallow * 2).sum().backward()
    assert x.grad is None and shallow.grad is not None
    same = copy.deepcopy({"a": x, "b": [x]})
    assert same["a"] is same["b"][0] and same["a"] is not x


def test_to_and_contiguous():
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    assert x.to("float64").dtype == np.float64 and x.contiguous() is x
    turned = x.T.contiguous()
    assert turned.data.flags.c_contiguous
    equal(turned, x.numpy().T)
    (turned * Tensor([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
    equal(x.grad, [[1, 3], [2, 4]])


# Leaves

@pytest.mark.parametrize("data", [[1, 2], [True], 1j])
def test_only_floats_require_gradients(data):
    with pytest.raises(TypeError, match="only floating-point tensors can require a gradient, this one is"):
        Tensor(data, requires_grad=True)
    with pytest.raises(TypeError, match="only floating-point"):
        Tensor(data).requires_grad_()


def test_requires_grad_of_results_is_fixed():
    y = leaf([1.0]) * 2
    assert y.requires_grad and not y.is_leaf and y.grad_fn == "multiply"
    for wanted in (True, False):
        with pytest.raises(RuntimeError, match=r"the result of multiply: use detach\(\)"):
            y.requires_grad = wanted
    assert not y.detach().requires_grad and np.shares_memory(y.detach().numpy(), y.numpy())


def test_requires_grad_can_be_set_and_cleared():
    x = Tensor([1.0])
    assert x.requires_grad_() is x and x.requires_grad
    (x * x).backward()
    equal(x.grad, [2])
    x.zero_grad()
    assert x.grad is None
    assert not x.requires_grad_(False).requires_grad and not (x * x).requires_grad
    x.requires_grad = True
    (x * x).backward()
    equal(x.grad, [2])


def test_a_result_that_becomes_a_leaf_has_memory_of_its_own():
    x = leaf([1.0, 2.0])
    y = x * 2
    squared = (y * y).sum()
    w = y.detach().requires_grad_()
    with tahr.no_grad():
        w -= 1      # must not reach y, which the graph needs
    squared.backward()
    equal(x.grad, [8, 16])
    equal(w, [1, 3])
    v = ops.randn(3).requires_grad_()
    with tahr.no_grad():
        v *= 0
    equal(v, [0, 0, 0])


# Operators

def close(found, expected):
    assert isinstance(found, Tensor)
    np.testing.assert_allclose(found.numpy(), np.asarray(expected, found.dtype), rtol=2e-6)


ARITHMETIC = [operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow]
COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]
OTHERS = {
    "tensor": Tensor([0.5, 2.0, 1.5]), "float": 2.0, "int": 3, "bool": True, "float64": np.float64(2.0),
    "float32": np.float32(2.0), "int64": np.int64(3), "0-d": np.array(2.0), "float64 array": np.array([0.5, 2.0, 1.5]),
    "float32 array": np.array([0.5, 2.0, 1.5], np.float32), "int array": np.array([1, 2, 3]),
    "int32 scalar": np.int32(2), "list": [0.5, 2.0, 1.5], "column": np.array([[0.5], [2.0]]), "float16": np.float16(2),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("f", ARITHMETIC + COMPARISONS)
def test_operators_with_anything_on_either_side(f, other):
    """A float32 tensor stays float32, in the graph, whatever stands beside it and wherever."""
    array = np.array([1.25, 0.75, 2.5], np.float32)
    t = leaf(array)
    plain = other.numpy() if isinstance(other, Tensor) else np.asarray(other)
    for found, expected in ((f(t, other), f(array, plain)), (f(other, t), f(plain, array))):
        close(found, expected)
        assert found.dtype == (np.bool_ if f in COMPARISONS else np.float32)
        differentiable = f not in COMPARISONS and f is not operator.floordiv
        assert found.requires_grad == differentiable


@pytest.mark.parametrize("other", [Tensor([3, 1, 2]), 2, np.int64(2), np.array([3, 1, 2]), [3, 1, 2]])
@pytest.mark.parametrize("f", [operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift])
def test_operators_of_integers(f, other):
    array = np.array([5, 6, 12])
    plain = other.numpy() if isinstance(other, Tensor) else np.asarray(other)
    equal(f(Tensor(array), other), f(array, plain))
    equal(f(other, Tensor(array)), f(plain, array))


def test_unary_operators():
    x = leaf([1.25, -0.5])
    equal(-x, [-1.25, 0.5])
    equal(+x, [1.25, -0.5])
    equal(abs(x), [1.25, 0.5])
    equal(round(x), [1, 0])
    equal(round(x, 1), [1.2, -0.5], 1e-6)
    equal(~Tensor([True, False]), [False, True])
    equal(~Tensor([1, -1]), [-2, 0])
    assert (-x).grad_fn == "negative" and abs(x).grad_fn == "absolute"


@pytest.mark.parametrize("other", [2.0, Tensor([2.0, 1.5]), np.array([2.0, 1.5])])
def test_divmod(other):
    array = np.array([5.5, -3.0], np.float32)
    plain = np.asarray(other)
    for found, expected in ((divmod(Tensor(array), other), divmod(array, plain)),
                            (divmod(other, Tensor(array)), divmod(plain, array))):
        assert len(found) == 2
        close(found[0], expected[0])
        close(found[1], expected[1])


def test_matmul_on_either_side():
    a, b = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
    x, y = leaf(a), leaf(b)
    for found in (x @ y, x @ b, a @ y, x @ b.tolist(), a.tolist() @ y):
        equal(found, a @ b)
        assert found.dtype == np.float32 and found.grad_fn == "matmul"


def test_gradients_reach_through_reflected_operators():
    x = leaf([2.0, 4.0])
    (np.array([1.0, 3.0]) * x + 1 / x - (3.0 - x) ** 2 + np.float64(2) ** x).sum().backward()
    a = np.array([2.0, 4.0])
    equal(x.grad, [1, 3] - 1 / a ** 2 + 2 * (3 - a) + math.log(2) * 2 ** a, 1e-6)


def result_type(f, left, right):
    return f(Tensor([1], dtype=left), Tensor([1], dtype=right) if isinstance(right, str) else right).dtype


@pytest.mark.parametrize("left, right, expected", [
    ("float32", 2.0, "float32"), ("float16", 2.0, "float16"), ("float64", 2.0, "float64"), ("float32", 2, "float32"),
    ("float16", np.float64(2), "float16"), ("float16", np.ones(1), "float16"), ("float16", "float32", "float32"),
    ("float32", "float64", "float64"), ("float64", np.float32(2), "float64"), ("float16", np.float32(2), "float32"),
    ("int64", 2, "int64"), ("int64", 2.0, "float32"), ("int32", 2, "int32"), ("uint8", 1, "uint8"),
    ("int8", 2.0, "float32"),
    ("uint8", np.array([1], np.int64), "int64"), ("int64", "float32", "float32"), ("int64", np.ones(1), "float32"),
    ("int64", np.float64(2), "float32"), ("int64", "float64", "float64"), ("int8", "float16", "float16"),
    ("bool", 2.0, "float32"), ("bool", 2, "int64"), ("bool", "bool", "bool"), ("bool", "float32", "float32"),
    ("complex64", 2.0, "complex64"), ("float32", 2j, "complex64"),
])
def test_promotion(left, right, expected):
    """NumPy 2's rules, where Python numbers are weak, but float64 only if a tensor or floatx asks for it."""
    for f in (operator.add, operator.mul):
        assert result_type(f, left, right) == expected == result_type(lambda a, b, f=f: f(b, a), left, right)


def test_conditions_do_not_take_part_in_promotion():
    for condition in (Tensor([1, 0]), Tensor([True, False]), Tensor([0.5, 0.0], dtype="float64")):
        chosen = ops.where(condition, Tensor([1.0, 2.0], dtype="float16"), 0.0)
        assert chosen.dtype == np.float16 and chosen.tolist() == [1, 0]
        assert ops.where(Symbol((2,), condition.dtype), Symbol((2,), "float16"), 0.0).dtype == np.float16
        assert ops.where(condition, Tensor([1.0, 2.0], dtype="float16"), np.zeros(2)).dtype == np.float16


def test_true_division_of_integers():
    for other in (2, Tensor(2), np.int64(2)):
        assert (Tensor([1, 2]) / other).dtype == np.float32
    assert (Tensor([7, 8]) // 2).dtype == np.int64 and (Tensor([7, 8]) ** 2).dtype == np.int64
    assert Tensor([1, 2]).mean().dtype == np.float32 and Tensor([True, True]).sum().item() == 2


@pytest.mark.parametrize("f, error, text", [
    (lambda t: t + "a", TypeError, "add"), (lambda t: t + None, TypeError, "NoneType"),
    (lambda t: t @ 2.0, ValueError, r"use \* to scale"),
    (lambda t: t + [1.0, 2.0, 3.0], ValueError, "do not broadcast"),
    (lambda t: t & 1, TypeError, "bitwise_and"), (lambda t: ~t, TypeError, "invert"),
    (lambda t: t * object(), TypeError, "expected numbers, got object"),
])
def test_operator_errors(f, error, text):
    with pytest.raises(error, match=text) as caught:
        f(Tensor([1.0, 2.0]))
    assert re.search("tahr.ops|do not broadcast|scale|expected numbers", str(caught.value) + str(caught.value.__notes__
                     if hasattr(caught.value, "__notes__") else ""))


# Writing

IN_PLACE = [operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ifloordiv, operator.imod,
            operator.ipow]


@pytest.mark.parametrize("other", [2.0, Tensor([0.5, 2.0]), np.array([0.5, 2.0]), np.float64(1.5), 2])
@pytest.mark.parametrize("f", IN_PLACE)
def test_in_place_operators(f, other):
    plain = getattr(operator, f.__name__[1:])
    t = before = Tensor([1.25, 0.75])
    t = f(t, other)
    assert t is before and t.dtype == np.float32
    close(t, plain(np.array([1.25, 0.75], np.float32), np.asarray(other)))


@pytest.mark.parametrize("f", [operator.iand, operator.ior, operator.ixor, operator.ilshift, operator.irshift])
def test_in_place_operators_of_integers(f):
    t = f(Tensor([5, 6]), 3)
    equal(t, f(np.array([5, 6]), 3))
    assert t.dtype == np.int64


def test_in_place_matmul():
    t = Tensor([[1.0, 2.0], [3.0, 4.0]])
    t @= [[0.0, 1.0], [1.0, 0.0]]
    equal(t, [[2, 1], [4, 3]])


def test_in_place_writes_keep_gradients_right():
    x = leaf([1.0, 2.0])
    y = x * 2
    squared = (y * y).sum()
    y += 1
    y *= y
    y[0] = x[1]
    y[1] += 3 * x[0]
    (squared + y.sum()).backward()
    equal(y, [2, 28])
    equal(x.grad, [8 + 3, 16 + 1 + 2 * 5 * 2])      # y is (x[1], (2 x[1] + 1)**2 + 3 x[0]) in the end


def test_in_place_writes_reach_no_view_and_no_array():
    array = np.zeros(3, np.float32)
    t = ops.from_numpy(array)
    view, shared, same = t[:2], t.numpy(), t
    t += 1
    t[0] = 5
    equal(t, [5, 1, 1])
    equal(view, [0, 0])
    assert same is t and not array.any() and not shared.any()


def test_in_place_writes_start_a_graph():
    x, t = leaf([2.0]), Tensor([1.0, 1.0])
    t *= x
    assert t.grad_fn == "multiply"
    t[1:] = x * x
    t.sum().backward()
    equal(x.grad, [1 + 4])


def test_in_place_writes_keep_shape_and_dtype():
    t, i = Tensor([1.0, 2.0]), Tensor([1, 2])
    with pytest.raises(ValueError, match=r"here \(2,\) float32 would become \(3, 2\) float32: write x = x \+ y"):
        t += ops.ones((3, 2))
    with pytest.raises(ValueError, match="keeps shape and dtype, here .* int64 would become .* float32"):
        i += 0.5
    equal(t, [1, 2])
    equal(i, [1, 2])


def test_a_leaf_in_a_graph_cannot_be_written():
    x = leaf([1.0, 2.0])
    for write in (lambda: operator.iadd(x, 1), lambda: x.__setitem__(0, 1.0)):
        with pytest.raises(RuntimeError, match=r"\(shape \(2,\)\) cannot be written in place .* tahr.no_grad\(\)"):
            write()
    memory = x.numpy()
    with tahr.no_grad():
        x -= 0.5
        x[0] = 7
    equal(x, [7, 1.5])
    assert x.is_leaf and x.requires_grad and memory[0] == 7       # written, not replaced


def test_assign():
    w = ops.zeros((2, 2))
    memory = w.numpy()
    assert w.assign([[1, 2], [3, 4]]) is w
    assert memory.tolist() == [[1, 2], [3, 4]]
    w.assign(w[::-1])       # from its own memory
    equal(w, [[3, 4], [1, 2]])
    w.assign(leaf(5.0))
    equal(w, np.full((2, 2), 5))
    assert not w.requires_grad
    doubles = Tensor([0.0], dtype="float64").assign(np.array([0.1]))
    assert doubles.item() == 0.1
    equal(Tensor([1, 2]).assign([3, 4]), [3, 4])


def test_assign_writes_through_detached_tensors_and_views():
    w = leaf([1.0, 2.0, 3.0])
    row = w[:2]
    w.detach().assign([7, 8, 9])
    equal(w, [7, 8, 9])
    equal(row, [7, 8])


@pytest.mark.parametrize("error, text, f", [
    (ValueError, r"assign needs a value of shape \(2,\) \(or a scalar\), got \(3,\)",
     lambda: ops.zeros(2).assign([1, 2, 3])),
    (ValueError, "assign needs a value", lambda: ops.zeros(2).assign([[1, 2]])),
    (TypeError, "same_kind", lambda: Tensor([1, 2]).assign(0.5)),
    (RuntimeError, r"writes into leaves, this tensor is the result of multiply", lambda: (leaf([1.0]) * 2).assign(1)),
    (RuntimeError, "writes into leaves", lambda: (Tensor([1.0]) * 2).assign(1)),
])
def test_assign_errors(error, text, f):
    with pytest.raises(error, match=text):
        f()


def test_a_spoiled_gradient_names_op_shape_and_line():
    w = leaf([1.0, 2.0])
    loss = (w * w).sum()
    with tahr.no_grad():
        w -= 0.1
        line = inspect.currentframe().f_lineno - 1
    with pytest.raises(RuntimeError,
                       match=rf"'multiply' needs a tensor of shape \(2,\) .* test_tensor.py:{line}: call"):
        loss.backward()


# Indexing

@st.composite
def indices(draw, shape):
    """Any mixture of ints, slices, None, Ellipsis, integer arrays and masks that may fit ``shape``."""
    common = draw(hnp.array_shapes(min_dims=1, max_dims=2, max_side=3))
    key, axis = [], 0
    while axis < len(shape):
        n = shape[axis]
        kind = draw(st.sampled_from(["int", "slice", "slice", "array", "mask", "mask2", "none", "rest"]))
        if kind == "none":
            key.append(None)
            continue
        if kind == "int":
            key.append(draw(st.integers(-n, n - 1)))
        elif kind == "slice":
            key.append(draw(st.slices(n)))
        elif kind == "array":
            key.append(draw(hnp.arrays(np.int64, draw(st.sampled_from([common, (1,), ()])),
                                       elements=st.integers(-n, n - 1))))
        elif kind == "mask" or kind == "mask2" and axis + 1 == len(shape):
            key.append(draw(hnp.arrays(bool, (n,))))
        elif kind == "mask2":
            key.append(draw(hnp.arrays(bool, shape[axis:axis + 2])))
            axis += 1
        else:
            if Ellipsis not in [k for k in key if not isinstance(k, np.ndarray)]:
                key.append(Ellipsis)
            axis = draw(st.integers(axis, len(shape) - 1))
            if axis < len(shape) - 1:
                continue
        axis += 1
    return tuple(key)


SHAPES = st.sampled_from([(5,), (3, 4), (2, 3, 4), (1, 4, 1, 2)])


@st.composite
def arrays_and_indices(draw):
    shape = draw(SHAPES)
    return np.arange(1.0, math.prod(shape) + 1).reshape(shape), draw(indices(shape))


def selected(array, key):
    """NumPy's answer, None where it refuses the key."""
    try:
        return array[key]
    except IndexError:
        return None


@settings_of_hypothesis(max_examples=150)
@given(arrays_and_indices())
def test_reading(case):
    array, key = case
    expected, t = selected(array, key), leaf(array, "float64")
    if expected is None:
        with pytest.raises(IndexError):
            t[key]
        return
    found = t[key]
    equal(found, expected)
    weights = np.arange(1.0, expected.size + 1).reshape(expected.shape)
    (found * Tensor(weights, dtype="float64")).sum().backward()
    gradient = np.zeros(array.shape)
    np.add.at(gradient, key, weights)
    equal(t.grad, gradient)
    tensors = tuple(Tensor(k) if isinstance(k, np.ndarray) else k for k in key)
    equal(t[tensors], expected)


@settings_of_hypothesis(max_examples=150)
@given(arrays_and_indices())
def test_writing(case):
    array, key = case
    target = selected(array, key)
    if target is None or selected(np.zeros(array.shape), key).size > np.unique(
            np.arange(array.size).reshape(array.shape)[key]).size:      # places named twice: any value may stay
        return
    x, value = leaf(array, "float64"), leaf(-np.arange(1.0, target.size + 1).reshape(target.shape), "float64")
    t = x * 1
    t[key] = value
    expected = array.copy()
    expected[key] = value.numpy()
    equal(t, expected)
    weights = np.arange(1.0, array.size + 1).reshape(array.shape)
    (t * Tensor(weights, dtype="float64")).sum().backward()
    equal(value.grad, weights[key])
    kept = weights.copy()
    kept[key] = 0
    equal(x.grad, kept)
    t[key] = 0.5
    expected[key] = 0.5
    equal(t, expected)


@settings_of_hypothesis(max_examples=300)
@given(arrays_and_indices(), st.data())
def test_index_shapes(case, data):
    """The shape rule knows the result's shape, of sizes that are not known yet at least the number."""
    array, key = case
    expected = selected(array, key)
    if expected is None:
        return
    masks = any(isinstance(k, np.ndarray) and k.dtype == bool for k in key)
    whole = Symbol(array.shape)[key].shape
    assert len(whole) == expected.ndim and all(m == n or m is None and masks for m, n in zip(whole, expected.shape))
    unknown = data.draw(st.integers(0, array.ndim - 1))
    found = Symbol([None if i == unknown else n for i, n in enumerate(array.shape)])[key].shape
    assert len(found) == expected.ndim and all(m in (None, n) for m, n in zip(found, expected.shape))
    symbols = tuple(Symbol(k.shape, k.dtype) if isinstance(k, np.ndarray) else k for k in key)
    assert Symbol(array.shape)[symbols].shape == whole


ROWS, PLACES, POINT = np.array([[0, 1, 1], [1, 0, 1]]), np.array([0, 1, 1]), np.array(1)


@pytest.mark.parametrize("key", [
    (PLACES, slice(None), PLACES), (slice(None), PLACES, ROWS), (0, slice(None), ROWS), (slice(None), 1, PLACES),
    (PLACES, None, PLACES), (Ellipsis, ROWS), (ROWS, Ellipsis, 0), (0, POINT), (POINT, slice(1, None), 0),
    (None, 0, None), (slice(None, None, -1), Ellipsis, slice(1)), np.eye(2, 3) > 0,
], ids=str)
def test_index_shapes_with_unknown_sizes(key):
    """Arrays and ints side by side give their axes there, else in front: as in NumPy."""
    expected = np.zeros((2, 3, 5))[key].shape
    for shape in ((None, 3, 5), (2, None, 5), (2, 3, None), (None, None, None)):
        found = Symbol(shape)[key].shape
        assert len(found) == len(expected) and all(m in (None, n) for m, n in zip(found, expected))
    known = Symbol((None, 3, 5))[:, PLACES, 1:].shape
    assert known == (None, 3, 4)


@pytest.mark.parametrize("key", [
    [0, 2], [[0, 2], [1, 1]], (slice(None), [3, 0]), ([0, 1], [1, 2]), range(2), np.int64(1), np.True_, True, [], (),
    ([True, False, True],), ((0, 1), 2), slice(None, None, -1), (Ellipsis, None), np.array([], int), Ellipsis,
], ids=str)
def test_keys_of_other_types(key):
    array = np.arange(12.0).reshape(3, 4)
    equal(Tensor(array)[key], array[key])


@pytest.mark.parametrize("error, text, key", [
    (IndexError, "out of bounds", 3), (IndexError, "out of bounds", [0, -4]),
    (IndexError, "too many indices", (0, 0, 0)),
    (IndexError, "integers or booleans, got float32", Tensor([0.0])), (IndexError, "got float64", [0.5]),
    (IndexError, "an index must be an int, slice, .* got str 'a'", "a"), (IndexError, "got float 1.0", 1.0),
    (IndexError, "boolean index did not match", [True, False]), (IndexError, "single ellipsis", (Ellipsis, Ellipsis)),
])
def test_index_errors(error, text, key):
    for use in (lambda t: t[key], lambda t: t.__setitem__(key, 0.0)):
        with pytest.raises(error, match=text):
            use(Tensor(np.zeros((3, 4))))


def test_write_errors():
    t = ops.zeros((3, 4))
    with pytest.raises(ValueError, match=r"a value of shape \(3,\) into a selection of shape \(4,\)"):
        t[0] = [1.0, 2.0, 3.0]
    with pytest.raises(IndexError, match="too many indices: 3 for 2"):
        Symbol((None, 4))[0, 0, 0]


def test_slices_share_memory_and_masks_do_not():
    t = ops.arange(6).reshape(2, 3)
    assert np.shares_memory(t[1:].numpy(), t.numpy()) and np.shares_memory(t[:, ::-1].numpy(), t.numpy())
    assert not np.shares_memory(t[t > 2].numpy(), t.numpy()) and not np.shares_memory(t[[0]].numpy(), t.numpy())


def test_gradient_of_an_index_is_differentiable():
    x = leaf([1.0, 2.0, 3.0])
    y = (x[[0, 0, 2]] ** 3).sum()
    (g,) = gradients(y, [x], create_graph=True)
    equal(g, [6, 0, 27])
    g.sum().backward()
    equal(x.grad, [12, 0, 18])


# Nothing and almost nothing

def test_empty_tensors():
    t = leaf(np.zeros((0, 3)))
    assert t.sum().item() == 0 and t.prod().item() == 1 and t.any().item() is False and t.all().item() is True
    assert (t + 1).shape == (0, 3) and (t @ ops.ones((3, 2))).shape == (0, 2) and t.T.shape == (3, 0)
    assert (ops.ones((2, 0)) @ ops.ones((0, 3))).tolist() == [[0] * 3] * 2
    (t * 2).sum().backward()
    assert t.grad.shape == (0, 3)
    for f in (ops.max, ops.min, ops.argmax, ops.argmin):
        with pytest.raises(ValueError, match="no largest or smallest of 0 elements"):
            f(t)
    with pytest.raises(ValueError, match="needs a tensor with one element"):
        t.item()
    with pytest.raises(ValueError, match=r"shape \(0, 3\) is not one value"):
        bool(t)


def test_zero_d_tensors():
    x = leaf(2.0)
    assert x.shape == () and x.size == 1 and x.ndim == 0 and x.T.shape == () and x.sum().shape == ()
    for f in (ops.exp, ops.softplus, ops.sum, ops.max, ops.mean, ops.norm, ops.squeeze, ops.sigmoid, ops.median):
        assert type(f(x)) is Tensor and type(f(x).data) is np.ndarray and f(x).shape == () and f(x).dtype == np.float32
    (x[()] * x[None][0] * x[...]).backward()
    equal(x.grad, 12)
    x = Tensor(1.0)
    x[()] = 3
    equal(x, 3)
    x += 1
    equal(x, 4)


# Memory

def test_numpy_is_read_only_and_shared():
    t = leaf([1.0, 2.0])
    array = t.numpy()
    assert np.shares_memory(array, t.data) and not array.flags.writeable and t.data.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1
    assert (t * 2).numpy().tolist() == [2, 4]


def test_array_protocol():
    t = leaf([1.0, 2.0])
    assert type(np.asarray(t)) is np.ndarray and np.shares_memory(np.asarray(t), t.data)
    assert not np.shares_memory(np.array(t), t.data) and np.array(t).flags.writeable
    assert np.asarray(t, dtype="float64").dtype == np.float64
    assert np.shares_memory(np.asarray(t, dtype="float32", copy=False), t.data)
    with pytest.raises(ValueError, match="a float32 tensor cannot become int64 without a copy"):
        np.asarray(t, dtype="int64", copy=False)
    assert np.array([t, t]).shape == (2, 2)
    with pytest.raises(TypeError, match="has no value yet"):
        np.asarray(Symbol((2,)))


def test_from_numpy_shares_memory():
    array = np.arange(6.0).reshape(2, 3).T
    t = ops.from_numpy(array)
    assert t.data is array and t.dtype == np.float64
    array[0, 0] = 9
    assert t[0, 0].item() == 9
    t.assign(ops.zeros((3, 2)))
    assert not array.any()


def test_dlpack():
    array = np.arange(3, dtype=np.float32)
    t = ops.from_dlpack(array)
    assert np.shares_memory(t.data, array) and t.dtype == np.float32
    back = np.from_dlpack(Tensor([1.0, 2.0]))
    assert back.tolist() == [1, 2]
    again = ops.from_dlpack(t)
    assert isinstance(again, Tensor) and np.shares_memory(again.data, array)
    assert t.__dlpack_device__() == array.__dlpack_device__()


def test_memoryview_of_numpy():
    assert memoryview(Tensor([1, 2]).numpy()).tolist() == [1, 2]


# Lists

@pytest.mark.parametrize("f, expected", [
    (lambda: ops.transpose([[1, 2], [3, 4]]), [[1, 3], [2, 4]]),
    (lambda: ops.stack([[1.0, 2.0], [3.0, 4.0]]), [[1, 2], [3, 4]]),
    (lambda: ops.squeeze([[1.0]]), 1.0), (lambda: ops.dot([1.0, 2.0], [3.0, 4.0]), 11.0),
    (lambda: ops.dot(2.0, [3.0]), [6.0]),
    (lambda: ops.lerp([0.0], [2.0], 0.25), [0.5]), (lambda: ops.deg2rad(180), math.pi),
    (lambda: ops.take_along_axis([3.0, 1.0], [1, 0]), [1, 3]), (lambda: Tensor([1.0, 2.0]).dot([3.0, 4.0]), 11.0),
    (lambda: Tensor([1.0, 2.0]).masked_select([True, False]), [1.0]),
    (lambda: ops.concatenate([[1.0], Tensor([2.0])]), [1, 2]),
    (lambda: ops.softplus(0.0), math.log(2)), (lambda: ops.reshape(x=[1.0, 2.0], shape=(2, 1)), [[1], [2]]),
])
def test_composed_functions_take_lists_and_numbers(f, expected):
    found = f()
    assert isinstance(found, Tensor) and found.dtype.name in ("float32", "int64")
    equal(found, expected, 1e-6)


def test_numbers_stay_weak_in_composed_functions():
    half, small = Tensor([1.0], dtype="float16"), Tensor([1], dtype="int8")
    for f, expected in ((lambda: ops.where([True], half, 0.0), "float16"),
                        (lambda: ops.where([True], 2, small), "int8"),
                        (lambda: ops.divmod(small, 2)[0], "int8"), (lambda: ops.xlogy(2, half), "float16"),
                        (lambda: ops.dot(half, 2), "float16"), (lambda: ops.dot(small, 2.0), "float32"),
                        (lambda: ops.where([True], 1, 2), "int64"), (lambda: ops.where([True], 1.0, 2), "float32"),
                        (lambda: ops.stack([Tensor(1.0, dtype="float16"), 2.0]), "float16")):
        assert f().dtype == expected


def test_composed_functions_refuse_nonsense():
    with pytest.raises(TypeError, match="expected numbers"):
        ops.squeeze([None])
    with pytest.raises(TypeError, match="missing a required argument: 'shape'"):
        ops.reshape([1.0])


def test_methods_take_sizes_one_by_one():
    t = ops.arange(24)
    assert t.reshape(2, 3, 4).shape == t.reshape((2, 3, 4)).shape == t.view(2, 3, -1).shape == (2, 3, 4)
    assert t.reshape(-1).shape == (24,) and Tensor([5]).reshape().shape == Tensor([5]).reshape(()).shape == ()
    t = t.reshape(2, 3, 4)
    assert t.transpose(2, 0, 1).shape == t.transpose((2, 0, 1)).shape == t.permute(2, 0, 1).shape == (4, 2, 3)
    assert t.transpose().shape == (4, 3, 2) and ops.arange(3).transpose(0).shape == (3,)


# Kinks: what the gradient is where there is none

ZERO, INFINITE = 0.0, math.inf
KINKS = {
    "abs": (ops.absolute, [0.0], [ZERO]), "sign": (lambda x: ops.sign(x) + 0 * x, [0.0], [ZERO]),
    "relu": (ops.relu, [0.0], [ZERO]), "leaky_relu": (ops.leaky_relu, [0.0], [1.0]),
    "max": (ops.max, [1.0, 3.0, 3.0], [0, 0.5, 0.5]), "min": (ops.min, [1.0, 1.0, 3.0, 1.0], [1 / 3, 1 / 3, 0, 1 / 3]),
    "maximum": (lambda x: ops.maximum(x, 1.0), [1.0], [0.5]), "minimum": (lambda x: ops.minimum(1.0, x), [1.0], [0.5]),
    "maximum of itself": (lambda x: ops.maximum(x, x), [2.0], [1.0]),
    "clip": (lambda x: ops.clip(x, 0, 1), [0.0, 1.0, 2.0, -1.0], [1, 1, 0, 0]),
    "norm": (ops.norm, [0.0, 0.0], [ZERO, ZERO]), "norm 1": (lambda x: ops.norm(x, 1), [0.0, 2.0], [ZERO, 1]),
    "norm 3": (lambda x: ops.norm(x, 3), [0.0, 0.0], [ZERO, ZERO]),
    "norm 3, partly": (lambda x: ops.norm(x, 3), [0.0, 2.0], [0, 1]),
    "norm inf": (lambda x: ops.norm(x, math.inf), [0.0, 0.0], [ZERO, ZERO]),
    "norm of rows": (lambda x: ops.norm(x, axis=1), [[0.0, 0.0], [3.0, 4.0]], [[ZERO, ZERO], [0.6, 0.8]]),
    "std": (ops.std, [2.0, 2.0, 2.0], [ZERO] * 3), "var": (ops.var, [2.0, 2.0], [ZERO] * 2),
    "hypot": (lambda x: ops.hypot(x, 0.0) + ops.hypot(0.0, x), [0.0], [ZERO]),
    "arctan2": (lambda x: ops.arctan2(x, 0.0) + ops.arctan2(0.0, x), [0.0], [ZERO]),
    "prod": (ops.prod, [0.0, 2.0, 3.0], [6, 0, 0]), "prod of two zeros": (ops.prod, [0.0, 0.0, 3.0], [0, 0, 0]),
    "cumprod": (lambda x: ops.cumprod(x).sum(), [0.0, 2.0], [3, 0]),
    "sqrt": (ops.sqrt, [0.0], [INFINITE]), "cbrt": (ops.cbrt, [0.0], [INFINITE]),
    "x**0.5": (lambda x: x ** 0.5, [0.0], [INFINITE]),
    "x**0": (lambda x: x ** 0, [0.0], [ZERO]), "x**1": (lambda x: x ** 1, [0.0], [1.0]),
    "x**2": (lambda x: x ** 2, [0.0], [ZERO]),
    "x**0.0": (lambda x: x ** Tensor(0.0), [0.0], [ZERO]), "x**1.0": (lambda x: x ** Tensor(1.0), [0.0], [1.0]),
    "x**3.0": (lambda x: x ** Tensor(3.0), [-2.0, 0.0], [12.0, ZERO]), "1/x": (lambda x: 1 / x, [0.0], [-INFINITE]),
    "x**1.5": (lambda x: x ** 1.5, [0.0, 4.0], [ZERO, 3.0]),
    "0**y": (lambda y: 0.0 ** y, [2.0, 0.5, 0.0], [ZERO] * 3), "sinc": (ops.sinc, [0.0], [ZERO]),
    "softplus": (ops.softplus, [-1000.0, 1000.0], [0, 1]), "sigmoid": (ops.sigmoid, [-1000.0, 1000.0], [0, 0]),
    "logsumexp": (ops.logsumexp, [-1000.0, 1000.0], [0, 1]),
    "softmax": (lambda x: ops.softmax(x)[0], [1000.0, 0.0], [0, 0]),
    "elu": (ops.elu, [0.0, 1000.0, -1000.0], [1, 1, 0]),
    "logaddexp": (lambda x: ops.logaddexp(x, -x), [1000.0, -1000.0], [1, -1]),
    "cummax": (lambda x: ops.cummax(x).sum(), [1.0, 1.0], [1, 1]),
    "round": (lambda x: ops.round(x) + 0 * x, [0.5], [ZERO]),
    "xlogy": (lambda y: ops.xlogy(0.0, y), [0.0], [ZERO]),
    "where sqrt": (lambda x: ops.where(x > 0, ops.sqrt(x), 0), [0.0, 4.0, -1.0], [ZERO, 0.25, ZERO]),
    "where 1/x": (lambda x: ops.where(x != 0, 1 / x, 0), [0.0, 2.0], [ZERO, -0.25]),
    "where x/x": (lambda x: ops.where(x != 0, x / x, 0), [0.0, 2.0], [ZERO, ZERO]),
    "where reciprocal": (lambda x: ops.where(x != 0, ops.reciprocal(x), 0), [0.0, 2.0], [ZERO, -0.25]),
    "where log": (lambda x: ops.where(x > 0, ops.log(x), 0), [0.0, 2.0, -1.0], [ZERO, 0.5, ZERO]),
    "where log1p": (lambda x: ops.where(x > -1, ops.log1p(x), 0), [-1.0, 1.0], [ZERO, 0.5]),
    "where x**0.5": (lambda x: ops.where(x > 0, x ** 0.5, 0), [0.0, 4.0, -1.0], [ZERO, 0.25, ZERO]),
    "where x**-1": (lambda x: ops.where(x != 0, x ** -1, 0), [0.0, 2.0], [ZERO, -0.25]),
    "where x**y": (lambda x: ops.where(x > 0, x ** Tensor(0.5), 0), [0.0, 4.0, -1.0], [ZERO, 0.25, ZERO]),
    "where x**1.5": (lambda x: ops.where(x > 0, x ** 1.5, 0), [0.0, 4.0, -1.0], [ZERO, 3.0, ZERO]),
    "where c**x": (lambda x: ops.where(x > 0, Tensor(0.0) ** x, 0), [-1.0, 2.0], [ZERO, ZERO]),
    "where rsqrt": (lambda x: ops.where(x > 0, ops.rsqrt(x), 0), [0.0, 4.0], [ZERO, -1 / 16]),
    "where arcsin": (lambda x: ops.where(ops.absolute(x) < 1, ops.arcsin(x), 0), [1.0, 0.0], [ZERO, 1]),
    "where arccosh": (lambda x: ops.where(x > 1, ops.arccosh(x), 0), [1.0], [ZERO]),
    "where norm": (lambda x: ops.where(x > 0, ops.norm(x), 0).sum(), [0.0], [ZERO]),
}


@pytest.mark.parametrize("f, at, expected", KINKS.values(), ids=KINKS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_at_kinks(f, at, expected, dtype):
    x = leaf(at, dtype)
    with np.errstate(all="ignore"):     # what is infinite may be said once, in the forward pass
        out = f(x).sum()
    out.backward()
    assert x.grad.dtype == dtype
    equal(x.grad, expected, 1e-6)


@pytest.mark.parametrize("name", ["sqrt", "reciprocal", "log", "log1p", "x**0.5", "x**-1", "rsqrt", "arcsin"])
def test_second_derivatives_of_masked_branches(name):
    f, at, _ = KINKS["where " + name]
    x = leaf(at)
    with np.errstate(all="ignore"):
        (g,) = gradients(f(x).sum(), [x], create_graph=True)
        (second,) = gradients(g.sum(), [x], allow_unused=True)
    assert second is None or not np.isnan(second.numpy()).any()


def test_ties_between_arguments_are_shared():
    for f in (ops.maximum, ops.minimum):
        x, y = leaf([1.0, 2.0]), leaf([1.0, 2.0])
        f(x, y).sum().backward()
        equal(x.grad, [0.5, 0.5])
        equal(y.grad, [0.5, 0.5])
    x = leaf([[1.0, 1.0], [0.0, 1.0]], "float64")
    x.max(axis=1).sum().backward()
    equal(x.grad, [[0.5, 0.5], [0, 1]])
    x = leaf(np.ones(3), "float64")
    x.max().backward()
    equal(x.grad, np.full(3, 1 / 3), 1e-15)     # in the precision of the tensor


def test_ties_of_scattered_extremes_are_shared():
    x, src = leaf([3.0, 1.0, 5.0]), leaf([3.0, 3.0, 0.0, 5.0])
    out = ops.scatter_reduce(x, 0, [0, 0, 1, 2], src, "amax")
    equal(out, [3, 1, 5])
    (out * Tensor([1.0, 10.0, 100.0])).sum().backward()
    equal(x.grad, [1 / 3, 10, 50], 1e-6)
    equal(src.grad, [1 / 3, 1 / 3, 0, 50], 1e-6)
