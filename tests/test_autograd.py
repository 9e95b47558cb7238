"""The graph: what it records, how backward walks it, what it keeps alive, and what it refuses."""

import re
import sys
import threading
import weakref

import numpy as np
import pytest

import tahr
from tahr import ops
from tahr.autograd import OPS, Op, check_grads, custom_gradient, detect_anomaly, engine, gradients, node, op
from tahr.autograd.mode import anomaly, recording


def leaf(values, dtype=None):
    return tahr.Tensor(values, requires_grad=True, dtype=dtype)


def here(lines_back=0):
    """``file:line`` of the caller, or of so many lines above."""
    return f"test_autograd.py:{sys._getframe(1).f_lineno - lines_back}"


@pytest.fixture
def pair():
    """A temporary op with two results, ``2 x`` and ``3 x``, and a list of the gradients that reach its rule."""
    given = []

    def rule(g, _out, _x):
        given.append([None if d is None else d.tolist() for d in g])
        a, b = (0 if d is None else d for d in g)
        return 2 * a + 3 * b

    @op(shape=lambda x: [x, x], vjp=[rule], name="pair")
    def pair(x):
        return 2 * x, 3 * x
    yield pair, given
    del OPS["pair"]


# Accumulation

def test_backward_adds_to_grad():
    x = leaf([1.0, 2.0])
    for times in (1, 2, 3):
        (x * x).sum().backward()
        np.testing.assert_array_equal(x.grad, [2.0 * times, 4.0 * times])
    x.zero_grad()
    (3 * x).sum().backward()
    np.testing.assert_array_equal(x.grad, [3, 3])


def test_gradient_from_above():
    x = leaf([1.0, 2.0])
    (x * x).backward(np.array([10.0, 100.0]))
    np.testing.assert_array_equal(x.grad, [20, 400])
    with pytest.raises(ValueError, match=r"gradient of a tensor of shape \(2,\) must have that shape, got \(3,\)"):
        (x * x).backward([1.0, 2.0, 3.0])


def test_single_element_of_any_shape_needs_no_gradient():
    x = leaf([[3.0]])
    (x * x).backward()
    assert x.grad.tolist() == [[6.0]]


def test_non_scalar_needs_a_gradient():
    with pytest.raises(RuntimeError, match=r"only from a scalar, this tensor has shape \(2, 3\): reduce it .*or pass"):
        (leaf(np.ones((2, 3))) * 2).backward()


def test_backward_without_a_graph():
    with pytest.raises(RuntimeError, match=r"requires_grad=True, .*outside no_grad\(\); this one, of shape \(\)"):
        tahr.Tensor(1.0).backward()
    x = leaf(1.0)
    with tahr.no_grad(), pytest.raises(RuntimeError, match="does not"):
        (x * 2).backward()


def test_backward_of_a_leaf_itself():
    x = leaf(2.0)
    x.backward()
    assert x.grad.item() == 1


@pytest.mark.parametrize("build, expected", [
    (lambda x: x + x, 2), (lambda x: x * x, 6), (lambda x: (x * 2) * (x + 1), 14),
    (lambda x: ops.exp(x) / ops.exp(x), 0), (lambda x: (lambda y: y * y + y)(x * 2), 26),
])
def test_diamonds(build, expected):
    x = leaf(3.0)
    build(x).backward()
    assert x.grad.item() == pytest.approx(expected, abs=1e-6)


def test_a_node_used_many_times():
    x = leaf(2.0)
    y = x * x
    sum((y * i for i in range(1, 200)), y).backward()
    assert x.grad.item() == 4 * (1 + 199 * 100)


def test_repeated_diamonds_are_walked_once():
    """2 ** 60 paths, 60 nodes."""
    x = leaf(1.0, "float64")
    y = x
    for _ in range(60):
        y = y + y
    y.backward()
    assert x.grad.item() == 2.0 ** 60


def test_only_leaves_get_grad():
    x = leaf(2.0)
    y = x * 3
    (y * y).backward()
    assert y.grad is None and x.grad.item() == 36


def test_gradients_are_objects_of_their_own():
    """Rules hand on what they get; still, changing one gradient changes no other, nor the seed."""
    x, y, seed = leaf([1.0, 2.0]), leaf([3.0, 4.0]), tahr.Tensor([1.0, 1.0])
    (x + y).backward(seed)
    x.grad *= 10
    seed.assign([7, 7])
    np.testing.assert_array_equal(x.grad, [10, 10])
    np.testing.assert_array_equal(y.grad, [1, 1])
    a, b = gradients(x + y, [x, y], [np.ones(2)])
    a += 5
    np.testing.assert_array_equal(b, [1, 1])


def test_seed_array_may_be_reused():
    x, seed = leaf([1.0, 2.0]), np.ones(2, np.float32)
    (x + 0).backward(seed)
    seed[:] = 99
    np.testing.assert_array_equal(x.grad, [1, 1])


# Several backward passes

def test_second_backward_explains():
    x = leaf([1.0, 2.0])
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match=r"freed by an earlier backward \(at 'sum'\).*retain_graph=True"):
        y.backward()
    np.testing.assert_array_equal(x.grad, [2, 4])


def test_retain_graph():
    x = leaf([1.0, 2.0])
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_array_equal(x.grad, [4, 8])
    with pytest.raises(RuntimeError, match="freed"):
        y.backward()


def test_shared_part_is_freed():
    x = leaf(2.0)
    shared = x * x
    (shared * 2).backward()
    with pytest.raises(RuntimeError, match=r"freed by an earlier backward \(at 'multiply'\)"):
        (shared * 3).backward()


def test_create_graph():
    x = leaf(2.0)
    (x ** 4).backward(create_graph=True)
    first = x.grad
    assert first.item() == 32 and first.requires_grad
    x.zero_grad()
    first.backward(create_graph=True)
    second = x.grad
    x.zero_grad()
    second.backward()
    assert second.item() == 48 and x.grad.item() == 48 and not x.grad.requires_grad


def test_create_graph_adds_up_too():
    x = leaf(3.0)
    (x ** 2).backward(create_graph=True)
    (x ** 3).backward(create_graph=True)
    total = x.grad
    x.zero_grad()
    total.backward()
    assert x.grad.item() == 2 + 6 * 3


def test_backward_inside_no_grad():
    x = leaf(3.0)
    y = x * x
    with tahr.no_grad():
        y.backward()
    assert x.grad.item() == 6


# gradients()

def test_gradients_touch_no_grad():
    x, y = leaf([1.0, 2.0]), leaf(3.0)
    a, b = gradients((x * y).sum(), [x, y])
    np.testing.assert_array_equal(a, [3, 3])
    assert b.item() == 3 and x.grad is None and y.grad is None and not a.requires_grad


def test_gradients_of_one_input_still_give_a_list():
    x = leaf(3.0)
    assert [g.item() for g in gradients(x * x, x)] == [6]


def test_gradients_of_unused_inputs():
    x, unused, constant = leaf(1.0), leaf([1.0, 2.0]), tahr.Tensor(1.0)
    assert gradients(x * 2, [unused, x, constant], allow_unused=True)[::2] == [None, None]
    with pytest.raises(RuntimeError, match=r"do not depend on input 1 of shape \(2,\).*allow_unused=True"):
        gradients(x * 2, [x, unused])
    assert gradients(constant * 2, [x], allow_unused=True) == [None]


def test_gradients_of_several_outputs_add_up():
    x = leaf([1.0, 2.0])
    outputs = [(x * x).sum(), 3 * x]
    g, = gradients(outputs, [x], [None, [10.0, 100.0]], retain_graph=True)
    np.testing.assert_array_equal(g, [32, 304])
    with pytest.raises(ValueError, match=r"list of 2 gradient\(s\), one for each output, got 1"):
        gradients(outputs, [x], [None])
    with pytest.raises(ValueError, match="got Tensor"):
        gradients(outputs, [x], tahr.Tensor(1.0))
    np.testing.assert_array_equal(gradients([x.sum(), (x * x).sum()], [x])[0], [3, 5])


@pytest.mark.parametrize("seed", [[1.0, 10.0], np.array([1.0, 10.0]), tahr.Tensor([1.0, 10.0]),
                                  [tahr.Tensor([1.0, 10.0])], (np.array([1.0, 10.0]),)], ids=repr)
def test_gradient_of_a_single_output_in_any_form(seed):
    x = leaf([1.0, 2.0])
    np.testing.assert_array_equal(gradients(x * x, x, seed)[0], [2, 40])


def test_gradients_of_interior_tensors():
    x = leaf([1.0, 2.0])
    h = x * 3
    y = (h * h).sum()
    of_h, of_x = gradients(y, [h, x], retain_graph=True)
    np.testing.assert_array_equal(of_h, [6, 12])
    np.testing.assert_array_equal(of_x, [18, 36])
    y.backward()
    np.testing.assert_array_equal(x.grad, [18, 36])


def test_gradients_free_only_what_they_passed():
    x = leaf(2.0)
    h = x * x
    gradients(h * h, [h])
    h.backward()
    assert x.grad.item() == 4


def test_gradients_by_an_output():
    x = leaf([1.0, 2.0])
    y = x * x
    np.testing.assert_array_equal(gradients(y, [y], [np.array([5.0, 6.0])])[0], [5, 6])


# Several results

def test_several_results(pair):
    double_and_triple, given = pair
    x = leaf([1.0, 2.0])
    a, b = double_and_triple(x)
    (10 * a + b).sum().backward()
    np.testing.assert_array_equal(x.grad, [23, 23])
    assert a.grad_fn == b.grad_fn == "pair" and given == [[[10, 10], [1, 1]]]


def test_unused_results_give_no_gradient(pair):
    double_and_triple, given = pair
    x = leaf([1.0, 2.0])
    double_and_triple(x)[1].sum().backward()
    np.testing.assert_array_equal(x.grad, [3, 3])
    assert given == [[None, [1, 1]]]


def test_several_results_to_second_order(pair):
    check_grads(lambda x: ops.multiply(*pair[0](x)), [1.0, -2.0], order=3)


def test_several_results_that_their_rule_uses():
    """To second order a result counts twice: where it went, and in the rule."""
    def rule(g, out, _x):
        return sum(d * o for d, o in zip(g, out[::-1]) if d is not None)

    @op(shape=lambda x: [x, x], vjp=[rule], name="sinh_and_cosh")
    def sinh_and_cosh(x):
        return np.sinh(x), np.cosh(x)
    try:
        check_grads(sinh_and_cosh, [1.0, -2.0], order=3)
        check_grads(lambda x: sinh_and_cosh(x)[0], [1.0, -2.0], order=3)
        check_grads(lambda x: ops.multiply(*sinh_and_cosh(x)), [1.0, -2.0], order=3)
    finally:
        del OPS["sinh_and_cosh"]


def test_several_results_freed_graph_explains(pair):
    a, b = pair[0](leaf([1.0, 2.0]))
    a.sum().backward()
    with pytest.raises(RuntimeError, match=r"freed by an earlier backward \(at 'pair'\)"):
        b.sum().backward()


def test_several_results_without_a_graph(pair):
    with tahr.no_grad():
        assert not any(t.requires_grad for t in pair[0](leaf([1.0, 2.0])))
    assert not any(t.requires_grad for t in pair[0](tahr.Tensor([1.0, 2.0])))


def test_integer_results_have_no_gradient():
    x = leaf([1.0, 2.0])
    assert not x.astype("int64").requires_grad and not ops.argmax(x).requires_grad and not (x > 1).requires_grad


def test_inputs_without_a_rule():
    x, y = leaf([1.0, -2.0]), leaf([-3.0, 4.0])
    ops.copysign(x, y).sum().backward()
    np.testing.assert_array_equal(x.grad, [-1, -1])
    assert y.grad is None


def test_a_rule_may_give_no_gradient():
    """Then none goes on from there, while other paths do."""
    silent = custom_gradient(lambda x: (x * 1, lambda g: None))
    x = leaf([1.0, 2.0])
    h = ops.exp(x)
    (silent(h) + x * 3).sum().backward()
    np.testing.assert_array_equal(x.grad, [3, 3])


# Depth

@pytest.mark.parametrize("depth", [20_000, 200_000])
def test_depth_does_not_recurse(depth, no_gc):
    """Neither backward nor the deallocation of the chain, which happens node by node in C."""
    x = leaf(1.0)
    y = x
    for _ in range(depth):
        y = y + 1
    y.backward()
    assert x.grad.item() == 1
    last = weakref.ref(y.node)
    del y
    assert last() is None


def test_depth_does_not_recurse_when_never_walked(no_gc):
    y = x = leaf(1.0)
    for _ in range(200_000):
        y = y * 1.0
    first = weakref.ref(x.node)
    del x, y
    assert first() is None


# Memory

def test_no_cycles_forward(no_gc):
    x = leaf(np.ones((3, 4)))
    y = ops.tanh(x @ x.T).sum()
    refs = [weakref.ref(t) for t in (x, y, x.node, y.node)]
    del x, y
    assert [r() for r in refs] == [None] * 4


def test_no_cycles_after_backward(no_gc):
    x = leaf(np.ones((3, 4)))
    h = ops.exp(x)
    y = ops.logsumexp(ops.softmax(h) * h)
    y.backward()
    refs = [weakref.ref(t) for t in (x, h, y, x.node, h.node, y.node, x.grad)]
    del x, h, y
    assert [r() for r in refs] == [None] * 7


def test_no_cycles_after_create_graph(no_gc):
    """Rules that use the result (exp, tanh) hang the new graph below the old one's nodes, not on them."""
    x = leaf([1.0, 2.0])
    h = ops.exp(x)
    y = (ops.tanh(h) / h).sum()
    g, = gradients(y, [x], create_graph=True)
    gg, = gradients(g.sum(), [x], create_graph=True)
    refs = [weakref.ref(t) for t in (x, h, y, g, gg, x.node, h.node, y.node, g.node, gg.node)]
    del x, h, y, g, gg
    assert [r() for r in refs] == [None] * 10


def test_no_cycles_of_several_results(no_gc, pair):
    x = leaf([1.0, 2.0])
    a, b = pair[0](x)
    g, = gradients((a * b).sum(), [x], create_graph=True)
    refs = [weakref.ref(t) for t in (a, b, a.node, a.node.parents[0], g.node)]
    del a, b, g
    assert [r() for r in refs] == [None] * 5


def test_backward_frees_saved_arrays(no_gc):
    x = leaf(np.ones(4))
    h = ops.exp(x)
    y = (h * h).sum()
    saved = weakref.ref(h.data)
    del h
    assert saved() is not None
    y.backward()
    assert saved() is None and y.node is not None


def test_retained_graph_keeps_saved_arrays():
    x = leaf(np.ones(4))
    h = ops.exp(x)
    y = (h * h).sum()
    saved = weakref.ref(h.data)
    del h
    y.backward(retain_graph=True)
    assert saved() is not None


def test_saved_arrays_die_during_backward(no_gc):
    """Once past it, nothing holds what a node saved."""
    alive = []

    @custom_gradient
    def look(x):
        return x * 1, lambda g: (alive.append(saved() is not None), g)[1]
    h = ops.exp(look(leaf(np.ones(4))))
    saved = weakref.ref(h.data)
    y = (h * h).sum()
    del h
    assert saved() is not None
    y.backward()
    assert alive == [False]


def test_unneeded_inputs_die_while_the_graph_lives(no_gc):
    x = leaf(np.ones(4))
    a, b = x * 2, x * 3
    y = a + b
    dead, kept = [weakref.ref(a.data), weakref.ref(b.data)], weakref.ref(y.data)
    z = y * y
    del a, b, y
    assert [r() for r in dead] == [None, None] and kept() is not None
    z.sum().backward()
    np.testing.assert_array_equal(x.grad, [50] * 4)


def test_unneeded_result_dies_while_the_graph_lives(no_gc):
    x = leaf(np.ones(4))
    y = x * x               # the rule needs x, not y
    dead = weakref.ref(y.data)
    z = ops.sum(y)          # the rule needs shapes alone
    del y
    assert dead() is None and z.requires_grad


def test_star_inputs_with_an_underscore_are_not_kept(no_gc):
    @op(shape=lambda *xs: xs[0].shape, vjp=lambda i: lambda g, _out, *_xs: g, name="summed")
    def summed(*xs):
        return sum(xs)
    try:
        x = leaf(np.ones(2))
        h = x * 2
        y = summed(h, h, x)
        dead = weakref.ref(h.data)
        del h
        assert dead() is None
        y.sum().backward()
        np.testing.assert_array_equal(x.grad, [5, 5])
    finally:
        del OPS["summed"]


def test_leaf_may_die_before_backward():
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    z = (x * y).sum()
    del x
    z.backward()
    np.testing.assert_array_equal(y.grad, [1, 2])


@pytest.mark.parametrize("rules, kept", [
    ([lambda g, _out, _x, _y: g, lambda g, _out, _x, _y: g], [False, False]),
    ([lambda g, _out, x, _y: g, lambda g, _out, _x, _y: g], [True, False]),
    ([lambda g, *_: g, lambda g, _out, _x, y: g], [False, True]),
    ([lambda g, *args: g, None], [True, True]),
    (lambda i: lambda g, _out, x, *_rest, scale: g, [True, False]),
    (lambda i: lambda g, _out, _x, *rest: g, [False, True]),
    (lambda i: lambda g, _out, _x, y, *_rest: g, [False, True]),
])
def test_parameter_names_say_what_is_kept(rules, kept):
    record = Op("record", None, None, rules)
    keeps = record.keeps + (record.keeps_rest,) * (2 - len(record.keeps))
    assert list(keeps) == kept


# Calls

@pytest.fixture
def scaled():
    @op(shape=lambda x, y, scale, shift: x.shape, name="scaled")
    def scaled(x, y, scale=1.0, *, shift=0.0):
        return (x + y) * scale + shift

    @op(shape=lambda *xs, scale: xs[0].shape, name="scaled_all")
    def scaled_all(*xs, scale=1.0):
        return sum(xs) * scale
    yield scaled, scaled_all
    del OPS["scaled"], OPS["scaled_all"]


def test_inputs_and_attributes_by_position_or_name(scaled):
    one, several = scaled
    results = [one(1.0, 2.0, 3.0, shift=1.0), one(y=2.0, x=1.0, shift=1.0, scale=3.0),
               one(1.0, y=2.0, scale=3.0, shift=1.0)]
    assert [r.item() for r in results] == [10, 10, 10] and one(1.0, 2.0).item() == 3
    assert several(1.0, 2.0, 3.0, scale=2.0).item() == 12 and several(1.0).item() == 1
    x = tahr.Symbol((None, 3))
    assert one(x, 1.0).shape == several(x, x).shape == (None, 3)


@pytest.mark.parametrize("args, kwargs, text", [
    ((1.0,), {}, r"scaled\(x, y, scale, shift\): \['y'\] missing"), ((), {"y": 1.0}, r"\['x'\] missing"),
    ((1.0, 2.0), {"y": 2.0}, r"\['y'\] given twice"), ((1.0, 2.0), {"scal": 2.0}, r"unknown \['scal'\]"),
    ((1.0, 2.0, 3.0, 4.0, 5.0), {}, "takes 4 arguments, got 5"),
])
def test_wrong_calls(scaled, args, kwargs, text):
    with pytest.raises(TypeError, match=text):
        scaled[0](*args, **kwargs)


def test_wrong_calls_of_ops_of_any_number(scaled):
    with pytest.raises(TypeError, match=r"scaled_all.*unknown \['shift'\]"):
        scaled[1](1.0, 2.0, shift=1.0)


# Switches

def test_no_grad_records_nothing():
    x = leaf(1.0)
    with tahr.no_grad():
        assert not (x * 2).requires_grad
        with tahr.enable_grad():
            assert (x * 2).requires_grad
            with tahr.set_grad_enabled(False):
                assert not (x * 2).requires_grad
            with tahr.set_grad_enabled(True):
                assert (x * 2).requires_grad
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad


def test_switches_end_with_an_exception():
    with pytest.raises(KeyError), tahr.no_grad():
        raise KeyError
    assert recording()
    with pytest.raises(KeyError), detect_anomaly():
        raise KeyError
    assert not anomaly()


def test_switches_of_two_kinds_nest():
    with tahr.no_grad():
        with detect_anomaly():
            assert not recording() and anomaly()
        assert not recording() and not anomaly()
    assert recording()


def test_one_switch_object_may_be_entered_twice():
    switch = tahr.no_grad()
    with switch:
        with switch, tahr.enable_grad(), switch:
            assert not recording()
        assert not recording()
    assert recording()


def test_switches_decorate_functions():
    @tahr.no_grad()
    def inference(x, depth=3):
        """Doc."""
        return inference(x, depth - 1) if depth else recording()
    assert inference(1.0) is False and recording()
    assert inference.__name__ == "inference" and inference.__doc__ == "Doc."


def test_switches_decorate_generators():
    seen = []

    @tahr.no_grad()
    def numbers():
        try:
            seen.append(recording())
            got = yield 1
            seen.append((got, recording()))
            try:
                yield 2
            except KeyError:
                seen.append(("caught", recording()))
            yield 3
            return "result"
        finally:
            seen.append(("finally", recording()))

    def consume():
        generator = numbers()
        assert next(generator) == 1 and recording()
        assert generator.send("hello") == 2 and recording()
        assert generator.throw(KeyError()) == 3 and recording()
        result = yield from generator
        assert recording()
        return result

    with pytest.raises(StopIteration, match="result"):
        next(consume())
    assert seen == [False, ("hello", False), ("caught", False), ("finally", False)] and recording()


def test_closing_a_decorated_generator_runs_its_end():
    seen = []

    @tahr.no_grad()
    def numbers():
        try:
            yield 1
        finally:
            seen.append(recording())
    generator = numbers()
    next(generator)
    generator.close()
    assert seen == [False] and recording()


def test_switches_hold_for_one_thread():
    inside, done, seen = threading.Event(), threading.Event(), {}
    switch = tahr.no_grad()         # one object, used by both threads

    def other():
        seen["before"] = recording()
        with tahr.enable_grad(), switch:
            seen["inside"] = recording()
            inside.set()
            done.wait(10)
        seen["after"] = recording()

    with switch:
        thread = threading.Thread(target=other)
        thread.start()
        assert inside.wait(10) and not recording()
    assert recording()
    done.set()
    thread.join()
    assert recording() and seen == {"before": True, "inside": False, "after": True}


# Anomalies

def test_anomaly_names_the_op_and_the_line_that_ran_it():
    x = leaf([0.0, 1.0])
    with detect_anomaly():
        y = ops.sqrt(x)
        line = here(1)
        with pytest.raises(FloatingPointError, match=rf"'sqrt' with respect to argument 0 \(shape \(2,\)\) .*{line}"):
            y.sum().backward()
    assert x.grad is None


def test_anomaly_outside_of_the_forward_pass():
    y = ops.sqrt(leaf(0.0))
    with detect_anomaly(), pytest.raises(FloatingPointError, match=r"a line outside detect_anomaly\(\)"):
        y.backward()


def test_anomaly_of_a_custom_gradient():
    @custom_gradient
    def bad(x):
        return x * 1, lambda g: g * float("nan")
    with detect_anomaly():
        y = bad(leaf(1.0))
        with pytest.raises(FloatingPointError, match=f"'bad' .* {here(1)}"):
            y.backward()


def test_without_detection_infinite_gradients_pass():
    x = leaf(0.0)
    ops.sqrt(x).backward()
    assert x.grad.item() == float("inf")


# Writes

READ = {"itself": lambda w: w, "slice": lambda w: w[1:], "reshape": lambda w: w.reshape(2, 3),
        "transpose": lambda w: w.T, "slice of a slice": lambda w: w[1:][::2], "detached": lambda w: w.detach()}


@pytest.mark.parametrize("read", READ.values(), ids=READ)
def test_a_write_that_spoils_a_gradient_is_an_error(read):
    w, x = leaf(np.ones((3, 2))), leaf(1.0)
    y = (x * read(w)).sum()
    w.assign(np.zeros((3, 2)))
    shape = re.escape(str(read(w).shape))
    with pytest.raises(RuntimeError, match=rf"'multiply' needs a tensor of shape {shape} .*1 time.*{here(2)}.*copy"):
        y.backward()
    assert x.grad is None


def test_a_write_beside_an_unwritten_input_is_noticed():
    w, x = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    for y in (w * ops.exp(x), ops.exp(x) * w):
        y = y.sum()
        w.assign(w.detach() + 1)
        with pytest.raises(RuntimeError, match=r"'multiply' needs .* was written"):
            y.backward()


def test_a_write_through_one_of_several_results_is_noticed():
    @op(shape=lambda x: [x, x], vjp=[lambda g, _out, _x: g[0]], name="views")
    def views(x):
        return x[:], x[::-1]
    try:
        w, x = leaf([1.0, 2.0]), leaf(1.0)
        ys = [(x * view).sum() for view in views(w)]
        w.assign(0)
        for y in ys:
            with pytest.raises(RuntimeError, match="written 1 time"):
                y.backward()
    finally:
        del OPS["views"]


def test_a_view_of_new_memory_is_no_view_of_the_input():
    @op(shape=lambda x: (x.shape[0] * 2,), vjp=[lambda g, _out, _x: 2 * g.reshape(2, -1).sum(0)], name="twice")
    def twice(x):
        return np.stack([2 * x, 2 * x]).reshape(-1)
    try:
        w = leaf([1.0, 2.0])
        y = ops.square(twice(w)).sum()
        w.assign([0.0, 0.0])
        y.backward()
        np.testing.assert_array_equal(w.grad, [16, 32])
    finally:
        del OPS["twice"]


def test_a_write_through_a_view_is_noticed():
    w, x = tahr.Tensor([1.0, 2.0, 3.0]), leaf(1.0)
    y = (x * w).sum()
    w[1:].assign(0)
    with pytest.raises(RuntimeError, match="written 1 time"):
        y.backward()


def test_views_of_one_buffer_are_told_apart():
    """Weights may lie side by side in one array."""
    buffer = np.ones(4, np.float32)
    a, b = (tahr.ops.from_numpy(part).requires_grad_() for part in (buffer[:2], buffer[2:]))
    y = ops.multiply(ops.reshape(b, (2, 1)), leaf(2.0)).sum()
    a.assign([6, 6])
    y.backward(retain_graph=True)
    np.testing.assert_array_equal(b.grad, [2, 2])
    b.assign([6, 6])
    with pytest.raises(RuntimeError, match=r"shape \(2, 1\) .* written 1 time"):
        y.backward()


def test_harmless_writes():
    """After backward, of what no rule needs, or of a copy."""
    w, b, x = leaf([1.0, 2.0]), leaf([0.0, 0.0]), leaf([3.0, 4.0])
    for _ in range(2):
        y = (w.copy() * x + b).sum()
        w.assign(w.detach() + 1)
        b.assign([9.0, 9.0])
        y.backward()
        x.assign(x.detach() * 2)
    np.testing.assert_array_equal(w.grad, [9, 12])
    np.testing.assert_array_equal(b.grad, [2, 2])


def test_a_write_spoils_second_order_too():
    """The graph of the backward pass saves what the first one did."""
    w = leaf([2.0, 3.0])
    g, = gradients((w ** 3).sum(), [w], create_graph=True)
    w.assign([0.0, 0.0])
    with pytest.raises(RuntimeError, match=rf"written 1 time.*{here(1)}"):
        g.sum().backward()


def test_a_write_in_no_grad_by_operator_is_noticed():
    w = leaf([2.0, 3.0])
    y = (w * w).sum()
    with tahr.no_grad():
        w -= 0.1
    with pytest.raises(RuntimeError, match=f"written 1 time.*{here(1)}"):
        y.backward()


def test_rebinding_keeps_saved_values():
    """``x += 1`` and ``x[0] = 1`` give the name a new value; the graph has the old one."""
    w, x = leaf([1.0, 2.0]), tahr.Tensor([3.0, 4.0])
    h = w * x
    y = (h * h).sum()
    x += 100
    x[0] = -5
    h += 1
    h[1] = 0
    y.backward()
    np.testing.assert_array_equal(w.grad, [18, 64])


def test_results_that_are_the_input_itself_share_its_version():
    @op(shape=lambda x: x.shape, vjp=[lambda g, _out, _x: g], name="same")
    def same(x):
        return x
    try:
        w, x = leaf([1.0, 2.0]), leaf(1.0)
        y = (same(w) * x).sum()
        w.assign(0)
        with pytest.raises(RuntimeError, match="written 1 time"):
            y.backward()
    finally:
        del OPS["same"]


# Dtypes

@pytest.mark.parametrize("low, high", [("float32", "float64"), ("float64", "float32"), ("float16", "float32")])
@pytest.mark.parametrize("mix", [
    lambda x, w: x * w, lambda x, w: x @ w.T, lambda x, w: ops.linear(x, w.T), lambda x, w: ops.concatenate([x, w]),
    lambda x, w: ops.where(x > 0, x, w), lambda x, w: x.astype(w.dtype) + w, lambda x, w: ops.exp(x) + ops.tanh(w),
], ids=["multiply", "matmul", "linear", "concatenate", "where", "astype", "unary"])
def test_gradients_have_the_dtype_of_their_leaf(mix, low, high):
    x, w = leaf(np.ones((2, 3)), low), leaf(np.ones((2, 3)), high)
    mix(x, w).sum().backward()
    assert (x.grad.dtype, w.grad.dtype) == (x.dtype, w.dtype)


def test_seeds_take_the_dtype_of_their_output():
    x = leaf([1.0, 2.0])
    ops.exp(x).backward(tahr.Tensor([1.0, 1.0], dtype="float64"))
    assert x.grad.dtype == np.float32
    seen = []
    look = custom_gradient(lambda x: (x * 1, lambda g: (seen.append(g.dtype), g)[1]))
    gradients(look(x), [x], [np.ones(2)])
    gradients(look(x), [x], [tahr.Tensor([1.0, 1.0], dtype="float64")])
    assert seen == [np.float32, np.float32]
    x64 = leaf([1.0, 2.0], "float64")
    assert gradients(ops.exp(x64), [x64], [np.ones(2, np.float32)])[0].dtype == np.float64


# Errors

def test_an_error_in_a_rule_leaves_things_as_they_were():
    @custom_gradient
    def fails(x):
        def gradient(g):
            raise KeyError("on purpose")
        return x * 1, gradient
    x, y = leaf(1.0), leaf(2.0)
    y.grad = kept = tahr.Tensor(5.0)
    z = fails(x) * y
    with pytest.raises(KeyError, match="on purpose"):
        z.backward(create_graph=True)
    assert recording() and x.grad is None and y.grad is kept
    (x * y).backward()
    assert x.grad.item() == 2 and y.grad.item() == 6


def test_an_error_in_a_forward_pass_names_the_op():
    @op(shape=lambda x: x.shape, name="broken")
    def broken(x):
        raise KeyError("on purpose")
    try:
        with pytest.raises(KeyError, match="on purpose") as caught:
            broken(leaf(np.ones((2, 3))))
        assert caught.value.__notes__ == ["in tahr.ops.broken of (2, 3)"]
    finally:
        del OPS["broken"]


def test_a_rule_of_the_wrong_shape_is_named():
    @op(shape=lambda x: x.shape[1:], vjp=[lambda g, _out, _x: g], name="forgetful")
    def forgetful(x):
        return x.sum(0)
    try:
        with pytest.raises(ValueError, match=r"rule of 'forgetful' for argument 0 must give .*\(2, 3\), gave \(3,\)"):
            forgetful(leaf(np.ones((2, 3)))).sum().backward()
    finally:
        del OPS["forgetful"]


def test_the_engine_fits_on_a_page():
    with open(engine.__file__, encoding="utf-8") as file:
        assert len(file.readlines()) <= 200


def test_numbers_grow_from_parents_to_children():
    x = leaf(1.0)
    y = ops.exp(x) * x
    numbers = [n.number for n in node.reachable([y.node])]
    assert len(numbers) == 3 and numbers == sorted(numbers, reverse=True)
    assert all(p.number < n.number for n in node.reachable([y.node]) for p in n.parents if p)


# Threads

def run_threads(work, count=8):
    errors = []

    def guarded(i):
        try:
            work(i)
        except BaseException as error:
            errors.append(error)
    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


def test_threads_with_graphs_of_their_own():
    results = {}

    def work(i):
        x = leaf(np.full(5, i + 1.0))
        for _ in range(20):
            x.zero_grad()
            y = x
            for _ in range(10):
                y = ops.tanh(y) * x
            y.sum().backward()
        results[i] = x.grad.numpy()
    run_threads(work)
    alone = dict(results)
    for i in range(8):
        work(i)
        np.testing.assert_array_equal(results[i], alone[i])


def test_threads_add_to_shared_leaves():
    w = leaf(np.zeros(3))

    def work(i):
        for _ in range(50):
            (w * float(i)).sum().backward()
    run_threads(work)
    np.testing.assert_array_equal(w.grad, [50 * sum(range(8))] * 3)


def test_threads_walk_one_retained_graph():
    w = leaf([1.0, 2.0])
    y = (ops.exp(w) * w).sum()
    expected, = gradients(y, [w], retain_graph=True)

    def work(i):
        for _ in range(30):
            g, = gradients(y, [w], retain_graph=True)
            np.testing.assert_array_equal(g, expected)
    run_threads(work)
