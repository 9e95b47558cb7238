"""Gradients given by hand (custom_gradient, Function), and those that recompute (checkpoint)."""

import weakref

import numpy as np
import pytest

import tahr
import tahr.autograd
from tahr import ops
from tahr.autograd import Function, check_grads, checkpoint, custom_gradient, grad, gradients, hvp


def leaf(values, dtype=None):
    return tahr.Tensor(values, requires_grad=True, dtype=dtype)


@custom_gradient
def exp_by_result(x):
    y = ops.exp(x)
    return y, lambda g: g * y


@custom_gradient
def exp_by_argument(x):
    return ops.exp(x), lambda g: g * ops.exp(x)


class Exp(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(ops.exp(x))
        return ctx.saved_tensors[0]

    @staticmethod
    def backward(ctx, g):
        y, = ctx.saved_tensors
        return g * y


@custom_gradient
def product(x, y):
    return x * y, lambda g: (g * y, g * x)


class Product(Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        return g * y, g * x


@custom_gradient
def sine_and_cosine(x):
    s, c = ops.sin(x), ops.cos(x)
    return (s, c), lambda gs, gc: gs * c - gc * s


class SineAndCosine(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.s, ctx.c = ops.sin(x), ops.cos(x)
        return ctx.s, ctx.c

    @staticmethod
    def backward(ctx, gs, gc):
        return gs * ctx.c - gc * ctx.s


# To every order

@pytest.mark.parametrize("f", [exp_by_result, exp_by_argument, Exp.apply])
def test_all_orders(f):
    check_grads(f, [0.5, -1.0], order=3)
    assert grad(grad(grad(f)))(0.0).item() == 1


@pytest.mark.parametrize("f", [product, Product.apply])
def test_several_arguments(f):
    check_grads(f, [0.5, -1.0], [2.0, 3.0], order=3)
    check_grads(lambda x: f(x, x), [0.5, -1.0], order=2)


@pytest.mark.parametrize("f", [sine_and_cosine, SineAndCosine.apply])
def test_several_results(f):
    check_grads(f, [0.5, -1.0], order=3)
    check_grads(lambda x: ops.multiply(*f(x)), [0.5, -1.0], order=2)


@pytest.mark.parametrize("f", [sine_and_cosine, SineAndCosine.apply])
def test_unused_results_get_zeros(f):
    check_grads(lambda x: f(x)[0], [0.5, -1.0], order=2)
    check_grads(lambda x: f(x)[1], [0.5, -1.0], order=2)


def test_the_given_gradient_is_used():
    @custom_gradient
    def round_straight_through(x):
        return ops.round(x), lambda g: g
    x = leaf([0.4, 1.6])
    y = round_straight_through(x)
    (y * y).sum().backward()
    np.testing.assert_array_equal(y, [0, 2])
    np.testing.assert_array_equal(x.grad, [0, 4])
    assert y.grad_fn == "round_straight_through"


def test_functions_in_a_graph():
    x = leaf([0.1, 0.2])
    (Product.apply(Exp.apply(2 * x), exp_by_result(3 * x)) * x).sum().backward()
    v = np.array([0.1, 0.2])
    np.testing.assert_allclose(x.grad, np.exp(5 * v) * (5 * v + 1), rtol=1e-5)


def test_structured_results():
    @custom_gradient
    def f(x):
        return {"double": 2 * x, "rest": [3 * x]}, lambda a, b: 2 * a + 3 * b
    x = leaf([1.0, 2.0])
    out = f(x)
    (out["double"] * 10 + out["rest"][0]).sum().backward()
    np.testing.assert_array_equal(x.grad, [23, 23])


def test_results_without_a_gradient():
    """Integers, and what is no tensor; their gradients are None."""
    given = []

    @custom_gradient
    def top(x):
        i = ops.argmax(x)
        return (x * 2, i, "label"), lambda *grads: (given.extend(grads), grads[0] * 2)[1]
    x = leaf([1.0, 5.0])
    doubled, index, label = top(x)
    assert doubled.requires_grad and not index.requires_grad and index.item() == 1 and label == "label"
    doubled.sum().backward()
    np.testing.assert_array_equal(x.grad, [2, 2])
    assert given[1:] == [None, None]


def test_numpy_inside():
    @custom_gradient
    def f(x):
        values = np.asarray(x)
        return values ** 2, lambda g: np.asarray(g) * 2 * values
    x = leaf([1.0, 3.0])
    f(x).sum().backward()
    np.testing.assert_array_equal(x.grad, [2, 6])
    assert isinstance(x.grad, tahr.Tensor) and x.grad.dtype == np.float32


def test_other_arguments():
    @custom_gradient
    def scaled(x, factor, *, shift=0.0):
        return x * factor + shift, lambda g: (g * factor, None)
    x = leaf([1.0, 2.0])
    y = scaled(x, 3.0, shift=1.0)
    y.sum().backward()
    np.testing.assert_array_equal(y, [4, 7])
    np.testing.assert_array_equal(x.grad, [3, 3])


def test_function_takes_keywords_and_knows_what_is_needed():
    class Scaled(Function):
        @staticmethod
        def forward(ctx, x, y, factor=1.0):
            ctx.factor = factor
            assert ctx.saved_tensors == ()
            return (x + y) * factor

        @staticmethod
        def backward(ctx, g):
            assert ctx.needs_input_grad == (True, False)
            return g * ctx.factor, None
    x = leaf([1.0, 2.0])
    y = Scaled.apply(x, tahr.Tensor([1.0, 1.0]), factor=5.0)
    y.sum().backward()
    assert y.grad_fn == "Scaled"
    np.testing.assert_array_equal(x.grad, [5, 5])


def test_none_is_no_gradient():
    @custom_gradient
    def first(x, y):
        return x * 2 + y * 3, lambda g: (g * 2, None)
    x, y = leaf(1.0), leaf(1.0)
    first(x, y).backward()
    assert x.grad.item() == 2 and y.grad is None
    assert gradients(first(x, y), [y], allow_unused=True) == [None]


def test_gradients_take_the_dtype_of_their_argument():
    seen = []
    look = custom_gradient(lambda x: (x * 1, lambda g: (seen.append(g.dtype), g)[1]))
    widening = custom_gradient(lambda x: (x * 1, lambda g: g.astype("float64") * np.ones(2)))
    widening(look(leaf([1.0, 2.0]))).sum().backward()
    assert seen == [np.float32]


def test_the_gradient_function_runs_once_for_several_arguments():
    calls = []

    @custom_gradient
    def f(x, y):
        return x * y, lambda g: (calls.append(1), (g * y, g * x))[1]
    f(leaf(2.0), leaf(3.0)).backward()
    assert calls == [1]
    x = leaf(2.0)
    f(x, 3.0)
    f(tahr.Tensor(1.0), 2.0)
    assert calls == [1]


def test_specs_pass():
    """Shape inference runs the function on symbols."""
    x = tahr.Symbol((None, 3))
    assert product(x, x).shape == Product.apply(x, x).shape == checkpoint(lambda x: x * 2)(x).shape == (None, 3)


# In no_grad, and of what needs no gradient

@pytest.mark.parametrize("f", [exp_by_result, Exp.apply, checkpoint(ops.exp)])
def test_no_graph_where_none_is_wanted(f):
    with tahr.no_grad():
        assert not f(leaf(1.0)).requires_grad
    assert not f(tahr.Tensor(1.0)).requires_grad


# Errors

def test_wrong_number_of_gradients():
    @custom_gradient
    def greedy(x, y):
        return x * y, lambda g: g
    with pytest.raises(ValueError, match=r"gradient function of greedy must .* its 2 positional argument\(s\), got 1"):
        greedy(leaf(1.0), leaf(2.0)).backward()


def test_wrong_shape_of_gradient():
    @custom_gradient
    def forgetful(x, b):
        return x + b, lambda g: (g, g)
    with pytest.raises(ValueError, match=r"of forgetful must return .*shape \(3,\) for argument 1, got \(2, 3\)"):
        forgetful(leaf(np.ones((2, 3))), leaf(np.ones(3))).sum().backward()
    scalar = custom_gradient(lambda x: (x * 2, lambda g: 2.0))
    with pytest.raises(ValueError, match=r"of <lambda> must .*shape \(2,\) for argument 0, got \(\)"):
        scalar(leaf([1.0, 2.0])).sum().backward()


@pytest.mark.parametrize("result", [1.0, (1.0, 2.0), np.ones(2), None, (abs,), (1.0, abs, 2.0)], ids=str)
def test_no_pair_of_value_and_gradient(result):
    @custom_gradient
    def lonely(x):
        return result
    for x in (leaf(1.0), tahr.Tensor(1.0)):
        with pytest.raises(TypeError, match=r"must return \(value, gradient function\), lonely returned"):
            lonely(x)


def test_tracked_keyword():
    """It would get no gradient."""
    scaled = custom_gradient(lambda x, *, y, factor: (x * y * factor, lambda g: g * y * factor))
    with pytest.raises(TypeError, match=r"<lambda> gives .*\['y'\] require one and came by keyword"):
        scaled(leaf(1.0), y=leaf(2.0), factor=3.0)
    assert product(leaf(1.0), y=tahr.Tensor(2.0)).item() == 2


def test_a_tensor_of_two_rows_is_no_pair():
    with pytest.raises(TypeError, match="returned Tensor"):
        custom_gradient(lambda x: x)(leaf([1.0, 2.0]))


# Memory

@pytest.mark.parametrize("f", [exp_by_result, exp_by_argument, Exp.apply, lambda x: product(x, x),
                               lambda x: sine_and_cosine(x)[1], checkpoint(lambda x: ops.exp(x) * x)])
def test_no_cycles(f, no_gc):
    x = leaf([1.0, 2.0])
    y = f(x)
    z = ops.exp(y).sum()
    g, = gradients(z, [x], create_graph=True)
    g.sum().backward(retain_graph=True)
    refs = [weakref.ref(t) for t in (x, y, z, g, x.node, y.node, y.node.parents[0], z.node, g.node, x.grad)]
    del x, y, z, g
    assert [r() for r in refs] == [None] * len(refs)


def test_backward_frees_what_the_gradient_function_holds(no_gc):
    x = leaf([1.0, 2.0])
    alive = []

    def f(x):
        h = ops.exp(x)
        alive.append(weakref.ref(h.data))
        return h * 1, lambda g: g * h
    y = custom_gradient(f)(x)
    assert alive[0]() is not None
    y.sum().backward()
    assert alive[0]() is None
    with pytest.raises(RuntimeError, match=r"freed by an earlier backward \(at 'f'\)"):
        y.sum().backward()


def test_writes_to_the_arguments_are_noticed():
    for f in (exp_by_argument, Exp.apply, checkpoint(ops.exp), custom_gradient(lambda x: (x, lambda g: -g))):
        w = leaf([1.0, 2.0])
        y = f(w).sum()
        w.assign([0.0, 0.0])
        with pytest.raises(RuntimeError, match=r"shape \(2,\) as it was in the forward pass.*test_custom.py"):
            y.backward()


def test_a_result_that_is_the_argument_shares_its_version():
    reversal = custom_gradient(lambda x: (x, lambda g: -g))
    w, x = leaf([1.0, 2.0]), leaf(1.0)
    y = (reversal(w.detach()) * x).sum() + (reversal(w) * x).sum()
    y.backward()
    np.testing.assert_array_equal(w.grad, [-1, -1])
    z = (reversal(w) * x).sum()
    w.assign([5.0, 5.0])
    with pytest.raises(RuntimeError, match="'multiply' .* written 1 time"):
        z.backward()


# Checkpoints

def network(x, w):
    h = ops.tanh(x @ w)
    return ops.tanh(h @ w + x)


def test_checkpoint_equals_its_function():
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((3, 4)), rng.standard_normal((4, 4))
    results = []
    for f in (network, checkpoint(network)):
        a, b = leaf(x, "float64"), leaf(w, "float64")
        y = f(a * 2, b) * b.sum()
        y.sum().backward()
        results.append((y, a.grad, b.grad))
    for plain, again in zip(*results):
        np.testing.assert_allclose(plain, again, rtol=1e-12)


def test_checkpoint_to_higher_orders():
    check_grads(checkpoint(network), np.eye(2) / 3, np.array([[0.5, -1.0], [0.3, 0.2]]), order=3)
    f = lambda x: network(x, np.float64([[0.5, -1.0], [0.3, 0.2]])).sum()
    x, v = np.eye(2), np.ones((2, 2))
    np.testing.assert_allclose(hvp(checkpoint(f), (x,), (v,))[0], hvp(f, (x,), (v,))[0], rtol=1e-6)


def test_gradients_into_what_a_checkpoint_closes_over():
    """A leaf, and a result that depends on the same leaf as the argument does: each path counts once."""
    x = leaf([2.0, 3.0])
    h, interior = x * 2, x * x
    y = checkpoint(lambda a: (a * x * interior).sum())(h)        # 2 x^4
    y.backward()
    np.testing.assert_array_equal(x.grad, 8 * np.array([8.0, 27.0]))


def test_second_order_through_what_a_checkpoint_closes_over():
    def f(x):
        h, interior = x * 2, x * x
        return checkpoint(lambda a: a * x * interior)(h)
    check_grads(f, [2.0, 3.0], order=3)


def test_checkpoint_leaves_the_outer_graph_alone():
    x = leaf([2.0, 3.0])
    h = x * x
    checkpoint(lambda a: (a * a).sum())(h).backward(retain_graph=True)
    h.sum().backward()
    np.testing.assert_array_equal(x.grad, [4 * 8 + 4, 4 * 27 + 6])


def test_checkpoint_reaches_leaves_made_inside():
    """As a layer's weights, which begin to exist at its first call."""
    made = {}

    def f(x):
        w = made.setdefault("w", tahr.Tensor([3.0, 4.0]) if made else leaf([3.0, 4.0]))
        return (w * x * x).sum()
    x = leaf([1.0, 2.0])
    checkpoint(f)(x).backward()
    np.testing.assert_array_equal(made["w"].grad, [1, 4])
    np.testing.assert_array_equal(x.grad, [6, 16])


def test_checkpoint_repeats_dropout():
    x = leaf(np.ones(1000))
    f = lambda x: ops.dropout(x * 3, 0.5)
    y = checkpoint(f)(x)
    between = ops.dropout(tahr.Tensor(np.ones(1000)), 0.5).numpy()
    y.sum().backward()
    after = ops.dropout(tahr.Tensor(np.ones(1000)), 0.5).numpy()
    np.testing.assert_array_equal(x.grad, y)
    assert 300 < (y.numpy() == 0).sum() < 700
    assert not np.array_equal(y.numpy() / 3, between) and not np.array_equal(between, after)

    tahr.utils.rng.seed_default(0)          # the recomputation took nothing from the stream
    f(x)
    np.testing.assert_array_equal(f(x.detach()).numpy() / 3, between)
    np.testing.assert_array_equal(f(x.detach()).numpy() / 3, after)


def test_nested_checkpoints():
    inner = checkpoint(lambda x: ops.dropout(ops.tanh(x), 0.3))
    plain = lambda x: ops.dropout(ops.tanh(x), 0.3)
    results = []
    for part, whole in ((plain, lambda f: f), (inner, checkpoint)):
        tahr.utils.rng.seed_default(1)
        x = leaf(np.linspace(-1, 1, 20))
        y = whole(lambda x, part=part: part(part(x) * x).sum())(x)
        y.backward()
        results.append((y, x.grad))
    for found, expected in zip(*results):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_checkpoints_of_several_results():
    f = lambda x, n: {"a": x * n, "b": (ops.exp(x), n), "c": None}
    x = leaf([1.0, 2.0])
    out = checkpoint(f)(x, 3)
    assert out["b"][1] == 3 and out["c"] is None and list(out) == ["a", "b", "c"]
    (out["a"] + out["b"][0]).sum().backward()
    np.testing.assert_allclose(x.grad, 3 + np.exp([1, 2]), rtol=1e-6)
    x.zero_grad()
    checkpoint(f)(x, 3)["a"].sum().backward()
    np.testing.assert_array_equal(x.grad, [3, 3])


def test_checkpoint_takes_tensors_anywhere():
    x, y, z = leaf(2.0), leaf(3.0), leaf(5.0)
    checkpoint(lambda pair, *, by: pair[0] * pair[1]["y"] * by)([x, {"y": y}], by=z).backward()
    assert [t.grad.item() for t in (x, y, z)] == [15, 10, 6]


def test_checkpoint_that_returns_an_argument_or_a_constant():
    x, w = leaf(2.0), leaf(7.0)
    same, constant, outside = checkpoint(lambda x: (x, ops.zeros(()), w))(x)
    (same * 3 + constant + outside * 5).backward()
    assert x.grad.item() == 3 and w.grad.item() == 5


def test_intermediate_arrays_die_after_the_forward_pass(no_gc):
    refs = []

    def f(x):
        h = ops.exp(x)
        g = ops.sin(h)
        refs.extend([weakref.ref(h.data), weakref.ref(g.data)])
        return (h * g).sum()
    x = leaf(np.ones(5))
    y = checkpoint(f)(x)
    assert [r() for r in refs] == [None, None]
    y.backward()
    assert [r() for r in refs] == [None] * 4
    plain = f(leaf(np.ones(5)))
    assert refs[-1]() is not None and plain.requires_grad


def test_checkpoint_without_tracked_arguments(no_gc):
    w, refs = leaf(np.ones(5)), []

    def f(x):
        h = ops.exp(w * x)
        refs.append(weakref.ref(h.data))
        return (h * h).sum()
    y = checkpoint(f)(tahr.Tensor(2.0))
    assert refs[0]() is None
    y.backward()
    np.testing.assert_allclose(w.grad, np.full(5, 4 * np.exp(4)), rtol=1e-6)


def test_error_in_the_recomputation_restores_the_generator():
    calls = []

    def f(x):
        calls.append(1)
        if len(calls) > 1:
            raise KeyError("second run")
        return ops.dropout(x, 0.5)
    y = checkpoint(f)(leaf(np.ones(4)))
    state = tahr.utils.rng.default_generator().get_state()
    with pytest.raises(KeyError, match="second run"):
        y.sum().backward()
    assert repr(tahr.utils.rng.default_generator().get_state()) == repr(state)
    assert tahr.autograd.mode.recording()
