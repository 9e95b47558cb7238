"""check_grads finds what is wrong with a gradient, and lets right ones pass."""

import numpy as np
import pytest

import tahr
import tahr.autograd
from tahr import ops
from tahr.autograd import check_grads, custom_gradient

X, B = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]]), np.array([0.1, 0.2, 0.3])


def with_gradient(value, gradient):
    """A function with the gradient ``gradient(g, *args)``, one for each argument."""
    return custom_gradient(lambda *args: (value(*args), lambda g: gradient(g, *args)))


WRONG = {
    "sign": (lambda x: x * x, lambda g, x: -g * 2 * x, (X,)),
    "factor": (lambda x: x * x, lambda g, x: g * x, (X,)),
    "added constant": (lambda x: x * x, lambda g, x: g * (2 * x + 0.01), (X,)),
    "constant added to g": (lambda x: x * x, lambda g, x: (g + 0.01) * 2 * x, (X,)),
    "zero": (lambda x: x * x, lambda g, x: g * 0, (X,)),
    "one element": (lambda x: x * x, lambda g, x: g * 2 * x * np.array([[1, 1, 1], [1, 1.01, 1]]), (X,)),
    "permuted": (lambda x: x * x, lambda g, x: g * 2 * x[::-1], (X,)),
    "dropped sum": (lambda x, b: x + b, lambda g, x, b: (g, g[0]), (X, B)),
    "mean for sum": (lambda x, b: x + b, lambda g, x, b: (g, g.mean(0)), (X, B)),
    "one of two arguments": (lambda x, y: x * y, lambda g, x, y: (g * y, g * y), (X, X + 1)),
    "none of two": (lambda x, y: x * y, lambda g, x, y: (g * y, None), (X, X + 1)),
    "infinite": (lambda x: x * x, lambda g, x: g * x * float("inf"), (np.array([1.0]),)),
    "nan": (lambda x: x * x, lambda g, x: g * x * float("nan"), (X,)),
}


@pytest.mark.parametrize("value, gradient, args", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("order", [1, 2])
def test_wrong_gradients_are_caught(value, gradient, args, order):
    with pytest.raises(AssertionError, match="the gradient of order 1 with respect to argument"):
        check_grads(with_gradient(value, gradient), *args, order=order)


RIGHT = {
    "square": (lambda x: x * x, lambda g, x: g * 2 * x, (X,)),
    "broadcast": (lambda x, b: x * b, lambda g, x, b: (g * b, (g * x).sum(0)), (X, B)),
    "matmul": (lambda x, y: x @ y, lambda g, x, y: (g @ y.T, x.T @ g), (X, X.T)),
    "scalar": (lambda x: x * x * x, lambda g, x: g * 3 * x * x, (2.0,)),
    "empty": (lambda x: x * x, lambda g, x: g * 2 * x, (np.zeros((0, 3)),)),
    "large": (lambda x: ops.exp(x), lambda g, x: g * ops.exp(x), (np.full(3, 20.0),)),
}


@pytest.mark.parametrize("value, gradient, args", RIGHT.values(), ids=RIGHT)
@pytest.mark.parametrize("order", [1, 2, 3])
def test_right_gradients_pass(value, gradient, args, order):
    check_grads(with_gradient(value, gradient), *args, order=order)


def test_wrong_shapes_are_caught():
    with pytest.raises(ValueError, match=r"shape \(3,\) for argument 1, got \(2, 3\)"):
        check_grads(with_gradient(lambda x, b: x + b, lambda g, x, b: (g, g)), X, B)


def test_wrong_second_derivative_alone():
    """The first is right; the factor that hides from the graph is not."""
    cut = with_gradient(lambda x: x ** 3, lambda g, x: g * 3 * x.detach() ** 2)
    check_grads(cut, X, order=1)
    with pytest.raises(AssertionError, match="the gradient of order 2 with respect to argument 0"):
        check_grads(cut, X, order=2)


def test_wrong_third_derivative_alone():
    inner = with_gradient(lambda x: x ** 2, lambda g, x: g * 2 * x.detach())
    outer = with_gradient(lambda x: x ** 3, lambda g, x: g * 3 * inner(x))
    check_grads(outer, X, order=2)
    with pytest.raises(AssertionError, match="order 3"):
        check_grads(outer, X, order=3)


def test_second_order_by_what_flows_in():
    """A gradient must be linear in ``g``, and differentiable by it."""
    cut = with_gradient(lambda x: 3 * x, lambda g, x: 3 * g.detach())
    check_grads(cut, X, order=1)
    with pytest.raises(AssertionError, match="order 2 with respect to argument 1"):
        check_grads(cut, X, order=2)


@pytest.mark.parametrize("leak", [
    lambda x: ops.asarray(np.asarray(x) ** 2, dtype="float64"), lambda x: x.detach() ** 2, lambda x: x.numpy() * x,
], ids=["asarray", "detach", "numpy"])
def test_functions_that_leave_the_graph(leak):
    with pytest.raises(AssertionError, match="order 1"):
        check_grads(leak, X)


def test_kinks():
    """At a kink the differences mean something else than any gradient; away from it all is well."""
    check_grads(ops.relu, [0.5, -0.5])
    with pytest.raises(AssertionError):
        check_grads(ops.relu, [0.5, 0.0])


def test_error_text():
    with pytest.raises(AssertionError) as caught:
        check_grads(with_gradient(lambda x, y: x * y, lambda g, x, y: (g * y, 2 * g * x)), [3.0, 4.0], [1.0, 2.0],
                    order=1)
    words = str(caught.value)
    assert words.startswith("the gradient of order 1 with respect to argument 1 (shape (2,)) gives ")
    found, expected = (float(w) for w in words.replace(",", "").split() if "." in w and w[-1].isdigit())
    assert found == pytest.approx(2 * expected, rel=1e-6)


def test_other_arguments_are_handed_on():
    seen = []

    def f(x, axis, labels, table, *, flag=None):
        seen.append((axis, labels, table))
        return x.sum(axis) + labels.sum()
    labels, table = np.array([1, 2]), {"a": 1}
    check_grads(f, X, 0, labels, table)
    assert all(axis == 0 and kept is labels and t is table for axis, kept, t in seen)


def test_tensors_lists_and_numbers_are_checked_in_float64():
    seen = set()

    def f(*args):
        seen.update(a.dtype.name for a in args)
        return sum(a.sum() for a in args)
    check_grads(f, tahr.Tensor([1.0, 2.0]), [1.0], 2.0, np.float32(3.0), np.ones(2, np.float16), order=1)
    assert seen == {"float64"}


def test_arguments_keep_their_values():
    x, t = X.copy(), tahr.Tensor(X, requires_grad=True)
    check_grads(lambda a, b: a * b, x, t)
    np.testing.assert_array_equal(x, X)
    assert t.grad is None and t.requires_grad


def test_several_results():
    check_grads(lambda x: (x * x, ops.argmax(x), [1], ops.exp(x)), X)
    check_grads(lambda x: [x * x, x.sum()], X)
    f = custom_gradient(lambda x: ((x * 2, x * 3), lambda g, h: 2 * g + 4 * h))
    with pytest.raises(AssertionError):
        check_grads(f, X)


def test_nothing_to_check():
    with pytest.raises(TypeError, match="needs at least one floating-point argument, got int, ndarray"):
        check_grads(lambda x, y: x, 1, np.arange(3))
    with pytest.raises(TypeError, match="got none"):
        check_grads(lambda: tahr.Tensor(1.0))
    with pytest.raises(TypeError, match="a function that returns floating-point tensors"):
        check_grads(ops.argmax, X)


def test_tolerances_and_seed():
    f = with_gradient(lambda x: x * x, lambda g, x: g * 2.001 * x)
    check_grads(f, X, order=1, rtol=1e-2)
    for seed in range(5):
        with pytest.raises(AssertionError):
            check_grads(f, X, order=1, seed=seed)


def test_functions_that_write():
    def f(x, y):
        x *= y
        x[0] = y[1] * y[0]
        y += x
        return y * y
    check_grads(f, X, X + 1)


def test_works_inside_no_grad():
    with tahr.no_grad():
        check_grads(ops.tanh, X)
        with pytest.raises(AssertionError):
            check_grads(with_gradient(lambda x: x * x, lambda g, x: g), X)


def test_arguments_that_do_not_matter():
    check_grads(lambda x, y: x * 2, X, X)
    check_grads(lambda x: ops.zeros(3, dtype="float64"), X)
