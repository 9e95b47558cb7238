"""grad, vjp, jvp and their kin: against closed forms, against each other, and composed."""

import collections
import functools

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import tahr
import tahr.autograd
from tahr import ops
from tahr.autograd import check_grads, checkpoint, grad, gradients, hessian, hvp, jacobian, jvp, value_and_grad, vjp

Point = collections.namedtuple("Point", "x y")
vectors = st.integers(0, 2 ** 32 - 1).map(lambda seed: np.random.default_rng(seed).uniform(-2, 2, 3).round(3))


@pytest.fixture(autouse=True)
def float64():
    """Closed forms are compared to 12 digits."""
    with tahr.utils.settings.using(floatx="float64"):
        yield


def close(found, expected, rtol=1e-12):
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=rtol, atol=1e-12)


def energy(x):
    """A scalar function with a full Hessian."""
    return ops.exp(x).sum() * ops.sin(x[0]) + (x ** 3).sum()


def field(x):
    """From 3 numbers to 2."""
    return ops.stack([x[0] * x[1] * x[2], ops.sin(x).sum()])


def field_jacobian(x):
    return [[x[1] * x[2], x[0] * x[2], x[0] * x[1]], np.cos(x)]


# Each against its closed form

def test_grad():
    x = np.array([1.0, 2.0, 3.0])
    close(grad(lambda x: (x ** 3).sum())(x), 3 * x ** 2)
    assert grad(lambda x: x ** 2)(3).item() == 6


def test_value_and_grad():
    value, gradient = value_and_grad(lambda x: (x ** 3).sum())(np.array([1.0, 2.0]))
    assert value.item() == 9
    close(gradient, [3, 12])


def test_aux():
    f = lambda x: ((x * x).sum(), {"twice": x * 2, "name": "f", "none": None})
    gradient, aux = grad(f, has_aux=True)([1.0, 2.0])
    close(gradient, [2, 4])
    close(aux["twice"], [2, 4])
    assert aux["name"] == "f" and aux["none"] is None and not aux["twice"].requires_grad
    (value, aux), gradient = value_and_grad(f, has_aux=True)([1.0, 2.0])
    assert value.item() == 5 and list(aux) == ["twice", "name", "none"]


@given(vectors, vectors)
def test_vjp(x, u):
    value, pull = vjp(lambda x: field(x), x)
    close(value, [x.prod(), np.sin(x).sum()])
    close(pull(u[:2])[0], u[:2] @ np.array(field_jacobian(x)))


@given(vectors, vectors)
def test_jvp(x, v):
    value, pushed = jvp(field, (x,), (v,))
    close(value, [x.prod(), np.sin(x).sum()])
    close(pushed, np.array(field_jacobian(x)) @ v)


@given(vectors)
def test_jacobian(x):
    close(jacobian(field)(x), field_jacobian(x))


def test_jacobian_of_matrices():
    x, y = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
    by_x, by_y = jacobian(lambda x, y: x @ y, (0, 1))(x, y)
    close(by_x, np.einsum("ia,bj->ijab", np.eye(2), y))
    close(by_y, np.einsum("ia,jb->ijab", x, np.eye(4)))


def test_jacobian_of_nothing():
    assert jacobian(lambda x: x[:0])(np.ones(3)).shape == (0, 3)


@given(vectors)
def test_hessian(x):
    close(hessian(lambda x: (x ** 3).sum() + x[0] * x[1])(x), np.diag(6 * x) + [[0, 1, 0], [1, 0, 0], [0, 0, 0]])


@given(vectors, vectors)
def test_hvp(x, v):
    found, = hvp(lambda x: (x ** 4).sum(), (x,), (v,))
    close(found, 12 * x ** 2 * v)


def test_linear_functions_have_no_second_derivative():
    close(hessian(lambda x: (3 * x).sum())(np.ones(2)), np.zeros((2, 2)))
    close(hvp(lambda x: (3 * x).sum(), (np.ones(2),), (np.ones(2),))[0], [0, 0])
    assert grad(grad(lambda x: 3 * x))(1.0).item() == 0


def test_constant_functions_have_no_derivative():
    constant = lambda x: ops.zeros(())
    assert grad(constant)(2.0).item() == 0
    close(jacobian(lambda x: ops.ones(2))(np.ones(3)), np.zeros((2, 3)))
    value, pushed = jvp(lambda x: (x * 2, 5.0), (1.0,), (1.0,))
    assert [v.item() for v in (*value, *pushed)] == [2, 5, 2, 0]


def test_unused_arguments_get_zeros():
    a, b = grad(lambda x, y: (x * x).sum(), (0, 1))(np.ones(2), np.ones((3, 1)))
    close(a, [2, 2])
    close(b, np.zeros((3, 1)))
    f, primals = lambda x, y: (x ** 3).sum(), (np.ones(2), np.ones(3))
    a, b = hvp(f, primals, primals)
    close(a, [6, 6])
    close(b, [0, 0, 0])
    assert jvp(f, primals, primals)[1].item() == 6


# Against each other

@given(vectors, vectors, vectors)
def test_products_with_the_jacobian_agree(x, v, u):
    full = np.asarray(jacobian(field)(x))
    close(jvp(field, (x,), (v,))[1], full @ v)
    close(vjp(field, x)[1](u[:2])[0], u[:2] @ full)


@given(vectors, vectors)
def test_products_with_the_hessian_agree(x, v):
    full = np.asarray(hessian(energy)(x))
    close(full, full.T)
    close(hvp(energy, (x,), (v,))[0], full @ v)
    close(jvp(grad(energy), (x,), (v,))[1], full @ v)
    close(vjp(grad(energy), x)[1](v)[0], v @ full)
    close(grad(lambda x: (grad(energy)(x) * v).sum())(x), full @ v)


@given(vectors)
def test_hessian_is_the_jacobian_of_the_gradient(x):
    close(jacobian(grad(energy))(x), hessian(energy)(x))
    columns = [jvp(grad(energy), (x,), (e,))[1] for e in np.eye(3)]
    close(np.stack(columns, 1), hessian(energy)(x))


def test_gradients_by_the_functions_agree_with_backward():
    x = tahr.Tensor([0.3, -1.0, 2.0], requires_grad=True)
    energy(x).backward()
    close(grad(energy)(x.numpy()), x.grad)


def test_transformed_functions_pass_check_grads():
    check_grads(grad(energy), [0.3, -1.0, 0.5], order=2)
    check_grads(lambda x, v: jvp(field, (x,), (v,))[1], [0.3, -1.0, 0.5], [1.0, 2.0, 3.0], order=2)
    check_grads(lambda x, u: vjp(field, x)[1](u)[0], [0.3, -1.0, 0.5], [1.0, 2.0], order=2)
    check_grads(jacobian(field), [0.3, -1.0, 0.5], order=1)


# argnums

def f3(x, y, z=2.0):
    return x * y ** 2 * z ** 3


@pytest.mark.parametrize("argnums, expected", [
    (0, 8), (1, 32), (2, 24), (-1, 24), (-3, 8), (np.int64(1), 32), ("x", 8), ("y", 32), ("z", 24),
    ((0, 2), (8, 24)), ((2, 0), (24, 8)), (["y"], (32,)), (("z", 0), (24, 8)), ((-1, "y"), (24, 32)),
], ids=str)
def test_argnums(argnums, expected):
    found = grad(f3, argnums)(2.0, 1.0, 2.0)
    close(found, expected)
    assert isinstance(found, tuple) == isinstance(expected, tuple)


@pytest.mark.parametrize("argnums", ["y", "z", ("z", 0), ("y", "z", "x")], ids=str)
def test_arguments_by_keyword(argnums):
    expected = {"x": 8, 0: 8, "y": 32, "z": 24}
    found = grad(f3, argnums)(2.0, z=2.0, y=1.0)
    close(found, [expected[n] for n in argnums] if isinstance(argnums, tuple) else expected[argnums])


@pytest.mark.parametrize("argnums, args, kwargs, text", [
    (3, (1.0, 2.0, 3.0), {}, r"argnums=3 for a call of f3 with 3 positional argument\(s\)"),
    (-3, (1.0, 2.0), {}, "argnums=-3"), (1, (1.0,), {"y": 2.0}, "passed by keyword go by their names"),
    ("w", (1.0, 2.0), {}, "argnums names 'w', which is no argument of this call of f3"),
    ("z", (1.0, 2.0), {}, "argnums names 'z'"), (1.5, (1.0, 2.0), {}, "an index, a name or a tuple of them, got 1.5"),
    (None, (1.0, 2.0), {}, "got None"), ((0, -2), (1.0, 2.0), {}, "names an argument of f3 twice"),
    (("x", 0), (1.0, 2.0), {}, "twice"),
])
@pytest.mark.parametrize("transform", [grad, value_and_grad, jacobian, hessian])
def test_wrong_argnums(transform, argnums, args, kwargs, text):
    with pytest.raises(TypeError, match=text):
        transform(f3, argnums)(*args, **kwargs)


def test_variadic_functions_go_by_index():
    close(grad(lambda *xs: xs[0] * xs[1] ** 2, 1)(2.0, 3.0), 12)
    with pytest.raises(TypeError, match="names 'xs'"):
        grad(lambda *xs: xs[0], "xs")(2.0)


def test_names_survive_composition():
    close(grad(grad(f3, "y"), "z")(1.0, 2.0, 3.0), 108)
    assert grad(f3).__name__ == "f3" and value_and_grad(f3).__wrapped__ is f3


def test_callables_without_a_name():
    close(grad(functools.partial(f3, z=1.0))(1.0, 2.0), 4)
    with pytest.raises(TypeError, match="partial returned a?.*shape"):
        grad(functools.partial(lambda x: x * 1))(np.ones(2))


# Trees

TREES = [
    {"w": [1.0, 2.0], "b": 3.0}, [np.array([1.0, 2.0]), 3.0], (tahr.Tensor([1.0, 2.0]), (3.0,)), Point(np.ones(2), 4.0),
    {"a": [{"b": (1.0, np.ones((2, 2)))}, 5.0], "empty": {}, "none": []},
]


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_results_are_structured_like_the_arguments(tree):
    total = lambda t: sum((leaf ** 2).sum() for leaf in tahr.utils.tree.flatten(t)[0])
    found = grad(total)(tree)
    leaves, build = tahr.utils.tree.flatten(tree)
    expected = build([2 * np.asarray(leaf) for leaf in leaves])
    assert type(found) is type(tree)
    compare(found, expected)
    compare(vjp(total, tree)[1](1.0), (expected,))
    compare(hvp(total, (tree,), (tree,)), (expected,))
    compare(jvp(total, (tree,), (tree,))[1], 2 * sum((np.asarray(leaf) ** 2).sum() for leaf in leaves))


def compare(found, expected):
    if isinstance(expected, dict):
        assert list(found) == list(expected)        # the order too: one may zip the values of both
        found, expected = list(found.values()), list(expected.values())
    if isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for f, e in zip(found, expected):
            compare(f, e)
    else:
        close(found, expected)


def test_structured_results():
    x = np.array([1.0, 2.0])
    value, pull = vjp(lambda x: {"a": x * 2, "b": (x.sum(),)}, x)
    close(value["a"], [2, 4])
    close(pull({"b": (10.0,), "a": np.ones(2)})[0], [12, 12])
    found = jacobian(lambda p: Point(p["x"] ** 2, p["x"].sum()))({"x": x})
    close(found.x["x"], np.diag(2 * x))
    close(found.y["x"], [1, 1])


def test_hessian_of_several_arguments():
    (xx, xy), (yx, yy) = hessian(lambda x, y: (x ** 2 * y).sum(), (0, 1))(np.array([1.0, 2.0]), 3.0)
    close(xx, [[6, 0], [0, 6]])
    close(xy, [2, 4])
    close(yx, [2, 4])
    close(yy, 0)
    table = hessian(lambda p: p["a"] * p["b"])({"a": 2.0, "b": 3.0})
    assert table["a"]["b"].item() == table["b"]["a"].item() == 1 and table["a"]["a"].item() == 0


# Composition

def test_grad_of_grad_of_grad():
    g = lambda x: ops.sin(x) * x
    x = 0.7
    close(grad(grad(grad(g)))(x), -x * np.cos(x) - 3 * np.sin(x))
    close(grad(grad(grad(grad(grad(lambda x: x ** 6)))))(2.0), 720 * 2)


def test_perturbations_are_not_confused():
    assert grad(lambda x: x * grad(lambda y: x * y)(x))(3.0).item() == 6
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(3.0).item() == 1
    assert grad(lambda x: grad(lambda y: x * y)(2.0))(3.0).item() == 1
    assert jvp(lambda x: x * jvp(lambda y: x * y, (x,), (1.0,))[1], (3.0,), (1.0,))[1].item() == 6
    assert grad(lambda x: jvp(lambda y: x * y ** 2, (x,), (1.0,))[1])(3.0).item() == 12


def test_vjp_of_jvp_and_jvp_of_vjp():
    x, v = np.array([0.3, -1.0, 0.5]), np.array([1.0, 2.0, 3.0])
    directional = lambda x: jvp(energy, (x,), (v,))[1]
    close(vjp(directional, x)[1](1.0)[0], np.asarray(hessian(energy)(x)) @ v)
    pulled = lambda x: vjp(energy, x)[1](1.0)[0]
    close(jvp(pulled, (x,), (v,))[1], np.asarray(hessian(energy)(x)) @ v)


def test_jvp_is_differentiable_by_its_tangents():
    x, v = np.array([0.3, -1.0, 0.5]), np.array([1.0, 2.0, 3.0])
    close(jacobian(lambda v: jvp(field, (x,), (v,))[1])(v), jacobian(field)(x))


def test_pull_is_differentiable_by_its_cotangent():
    x = np.array([0.3, -1.0, 0.5])
    pull = vjp(field, x)[1]
    close(jacobian(lambda u: pull(u)[0])(np.ones(2)), np.asarray(jacobian(field)(x)).T)
    u = tahr.Tensor([1.0, 2.0], requires_grad=True)
    pull(u)[0].sum().backward()
    close(u.grad, np.asarray(jacobian(field)(x)).sum(1))


def test_pull_may_be_called_again():
    pull = vjp(lambda x: x * x, np.array([1.0, 2.0]))[1]
    for scale in (1.0, 10.0):
        close(pull(np.full(2, scale))[0], [2 * scale, 4 * scale])


def test_closures_over_tracked_tensors():
    w = tahr.Tensor([2.0, 3.0], requires_grad=True)
    gradient = grad(lambda x: (w * x ** 2).sum())(np.array([1.0, 1.0]))
    close(gradient, [4, 6])
    gradient.sum().backward()
    close(w.grad, [2, 2])
    value, pushed = jvp(lambda x: w * x, (np.ones(2),), (np.array([5.0, 6.0]),))
    w.zero_grad()
    pushed.sum().backward()
    close(w.grad, [5, 6])
    w.zero_grad()
    value, _ = value_and_grad(lambda x: (w * x).sum())(np.array([7.0, 8.0]))
    value.backward()
    close(w.grad, [7, 8])


def test_backward_inside_of_a_transformed_function():
    """It is an inner differentiation of its own; the outer one goes through what came of it as a constant."""
    def f(x):
        w = tahr.Tensor(3.0, requires_grad=True)
        (w ** 2).backward()
        return x * w.grad
    assert grad(f)(5.0).item() == 6

    def second(x):
        w = tahr.Tensor(3.0, requires_grad=True)
        (w ** 2 * x).backward(create_graph=True)
        return w.grad * x
    assert grad(second)(5.0).item() == 60


def test_transforms_inside_no_grad():
    x = tahr.Tensor(3.0, requires_grad=True)
    with tahr.no_grad():
        gradient = grad(grad(lambda x: x ** 3))(x)
        assert not tahr.autograd.mode.recording()
    assert gradient.item() == 18 and not gradient.requires_grad


def test_no_grad_inside_of_a_transformed_function():
    def f(x):
        with tahr.no_grad():
            factor = x * x
        return x * factor
    assert grad(f)(3.0).item() == 9


def test_transforms_of_checkpoints():
    x, v = np.array([0.3, -1.0, 0.5]), np.array([1.0, 2.0, 3.0])
    close(grad(checkpoint(energy))(x), grad(energy)(x))
    close(hvp(checkpoint(energy), (x,), (v,))[0], hvp(energy, (x,), (v,))[0])
    close(hessian(checkpoint(energy))(x), hessian(energy)(x))


# What results and arguments keep

def test_results_at_top_level_carry_no_graph():
    x, v = np.ones(3), np.ones(3)
    f = lambda x: (energy(x), x * 2)
    results = [grad(energy)(x), *value_and_grad(energy)(x), *grad(f, has_aux=True)(x), jacobian(field)(x),
               hessian(energy)(x), *hvp(energy, (x,), (v,)), *jvp(field, (x,), (v,)), vjp(field, x)[0],
               vjp(field, x)[1](v[:2])[0], grad(lambda x: grad(lambda y: (x * y).sum())(x).sum())(x),
               grad(lambda x: grad(lambda y: y ** 2)(4.0) * x.sum())(x)]
    assert not any(r.requires_grad for r in results)
    inner = lambda x: grad(lambda y: (x * y ** 2).sum())(4.0)       # a graph that holds the inner one's beginning
    value, gradient = value_and_grad(inner)(x)
    assert not value.requires_grad and not gradient.requires_grad


@pytest.mark.parametrize("call", [
    lambda x: grad(lambda x: (x ** 3).sum())(x), lambda x: value_and_grad(lambda x: (x ** 3).sum())(x)[1],
    lambda x: vjp(lambda x: x ** 3, x)[1](np.ones(2))[0], lambda x: jvp(lambda x: x ** 3, (x,), (np.ones(2),))[1],
    lambda x: jacobian(lambda x: (x ** 3).sum())(x),
    lambda x: hvp(lambda x: (x ** 4).sum() / 4, (x,), (np.ones(2),))[0],
])
def test_tensors_that_require_gradients(call):
    """Their .grad is untouched, and the result can be differentiated on."""
    x = tahr.Tensor([1.0, 2.0], requires_grad=True)
    found = call(x)
    close(found, [3, 12])
    assert x.grad is None and found.requires_grad
    close(gradients(found.sum(), [x])[0], [6, 12])
    check_grads(call, [1.0, 2.0], order=1)


def test_results_share_no_fate_with_each_other():
    a, b = grad(lambda x, y: (x + y).sum(), (0, 1))(np.ones(2), np.ones(2))
    a *= 5
    close(b, [1, 1])


def test_writes_to_arguments_after_the_call_are_noticed():
    t, x = tahr.Tensor([1.0, 2.0]), tahr.Tensor(1.0, requires_grad=True)
    pull = vjp(lambda t: t * t, t)[1]
    same = vjp(lambda t: t, t)[0]
    y = (x * same).sum()
    t.assign([5.0, 5.0])
    for use in (lambda: pull(np.ones(2)), y.backward):
        with pytest.raises(RuntimeError, match="written 1 time"):
            use()


def test_results_share_no_memory_with_arrays_that_came_in():
    x, c = np.ones(2), np.ones(2)
    value, pull = vjp(lambda x: x, x)
    pulled, = pull(c)
    x[:], c[:] = 7, 7
    close(value, [1, 1])
    close(pulled, [1, 1])


def test_arguments_are_untouched():
    x = np.ones(3)
    t = tahr.Tensor([1.0, 2.0])

    def f(x, t):
        x += 1
        t[0] = 7
        return (x * x).sum() + t.sum()
    close(grad(f)(x, t), [4, 4, 4])
    close(x, [1, 1, 1])


@pytest.mark.parametrize("requires_grad", [False, True])
def test_writes_to_arguments_are_part_of_the_function(requires_grad):
    def f(x):
        x *= 3
        x[0] = x[1] * x[1]
        return (x * x).sum()
    x = tahr.Tensor([1.0, 2.0], requires_grad)
    expected = [0, 4 * 81 * 8 + 36]         # f is (3 y)^4 + (3 y)^2
    close(grad(f)(x), expected)
    close(grad(checkpoint(f))(x), expected)
    close(x, [1, 2])


def test_float32_unless_the_argument_says_otherwise():
    with tahr.utils.settings.using(floatx="float32"):
        assert grad(lambda x: (x * x).sum())(np.ones(2)).dtype == np.float32
        assert grad(lambda x: (x * x).sum())(tahr.Tensor([1.0], dtype="float64")).dtype == np.float64
        assert hessian(lambda x: (x * x).sum())([1.0]).dtype == np.float32
        assert grad(lambda x: x * x)(3).dtype == np.float32


# Errors

def test_the_result_must_be_a_scalar():
    for f, got in [(lambda x: x * 2, r"float64 of shape \(2,\)"), (lambda x: (x.sum(), 1), "tuple"),
                   (lambda x: float(x.sum()), "float"), (lambda x: ops.argmax(x), r"int64 of shape \(\)")]:
        f.__name__ = "loss"
        for call in (grad(f), value_and_grad(f), lambda x, f=f: hvp(f, (x,), (x,))):
            with pytest.raises(TypeError, match=rf"scalar tensor of floats, loss returned {got}: reduce it"):
                call(np.ones(2))


def test_arguments_must_be_floats():
    for x, got in [(np.arange(3), r"int64 of shape \(3,\)"), (np.ones(2, complex), "complex128"), (None, "object"),
                   (tahr.Tensor([1, 2]), r"int64 of shape \(2,\)"), (np.array(["a"]), "<U1")]:
        with pytest.raises(TypeError, match=f"with respect to floats, got {got}"):
            grad(lambda x: x.sum())(x)


def test_aux_must_come_as_a_pair():
    for f, got in [(lambda x: x, "Tensor"), (lambda x: (x.sum(), 1, 2), "tuple"), (lambda x: [x.sum(), 1], "list")]:
        with pytest.raises(TypeError, match=rf"must return \(scalar, anything\), <lambda> returned {got}"):
            grad(f, has_aux=True)(np.ones(2))


def test_vectors_must_fit():
    x = np.ones(3)
    with pytest.raises(ValueError, match=r"vector of shape \(2,\) was given for a tensor of shape \(3,\)"):
        jvp(lambda x: x, (x,), (np.ones(2),))
    with pytest.raises(ValueError, match=r"vector of shape \(3,\) was given for a tensor of shape \(2,\)"):
        vjp(field, x)[1](x)
    with pytest.raises(ValueError, match=r"expected a tuple of 1 item\(s\), got 2"):
        jvp(lambda x: x, (x,), (x, x))
    with pytest.raises(ValueError, match=r"expected a dict with the keys \['a'\], got Tensor"):
        vjp(lambda x: {"a": x}, x)[1](tahr.Tensor(x))
    with pytest.raises(TypeError, match=r"primals must be a tuple .* got ndarray: write \(x,\)"):
        jvp(lambda x: x, x, (x,))
    with pytest.raises(TypeError, match="tangents must be a tuple"):
        hvp(energy, (x,), x)
