"""Programs: what passes leave and what they may not touch, and the compiled function against the list of calls."""

import dataclasses
import itertools

import numpy as np
import pytest

import tahr
from tahr import layers, metrics, optimizers
from tahr.autograd import OPS
from tahr.autograd.capture import Recorder, Slot
from tahr.autograd.value import wrap
from tahr.compiler import native, passes
from tahr.compiler.explain import peak, table
from tahr.compiler.lower import LOWERED
from tahr.compiler.native import Native
from tahr.compiler.passes import PASSES, acts, common, cost, dead, epilogues, into_flat, optimized, transposes
from tahr.compiler.replay import function_of, source
from tahr.compiler.writer import NotWritableError
from tahr.layers.phase import phase
from tahr.tensor import Tensor, Variable
from tahr.tensor.random import dropout
from tahr.utils.rng import Generator


def recorded(function, *arrays):
    with Recorder(list(arrays)) as recorder:
        result = function(*map(wrap, arrays))
    program = recorder.program(result)
    assert program is not None, recorder.reason
    return program


def names(program):
    return [line.op.name for line in program.lines]


def floats(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


X = floats(3, 4)


def same(program, other, *arrays):
    for a, b in zip(function_of(program)(*arrays), function_of(other)(*arrays), strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype


# Passes

def test_dead_lines_go_and_what_acts_stays():
    state, generator = Variable(floats(3, 4)), Generator(1)

    def function(x):
        unused = x * 2
        unused = unused + 1
        dropout(x, 0.5, generator=generator)
        state.assign(x)
        return x - 1
    program = dead(recorded(function, X))
    assert names(program) == ["dropout", "assign", "subtract"]


def test_a_calculation_is_made_once():
    program = recorded(lambda x: (x + 1) * (x + 1) - (x + 1.0), X)
    assert names(common(program)) == ["add", "multiply", "add", "subtract"]        # 1 and 1.0 are two numbers
    same(program, common(program), X)


def test_state_read_before_and_after_a_write_is_not_the_same():
    state = Variable(floats(3, 4))

    def function(x):
        before = state * 2
        state.assign(x)
        return before + state * 2
    program = common(recorded(function, X))
    assert names(program).count("multiply") == 2


def test_random_numbers_are_drawn_as_often_as_asked_for():
    generator = Generator(1)
    program = recorded(lambda x: dropout(x, 0.5, generator=generator) + dropout(x, 0.5, generator=generator), X)
    assert names(common(program)) == ["dropout", "dropout", "add"]


def test_zeros_of_two_signs_are_two_numbers():
    program = common(recorded(lambda x: (x * 0.0, x * -0.0), X))
    assert len(program.lines) == 2


def test_transposes_cancel():
    x = floats(2, 3, 4)

    def function(x):
        there = tahr.ops.transpose(x, (2, 0, 1))
        return tahr.ops.transpose(there, (1, 2, 0)) + 1
    program = recorded(function, x)
    assert names(transposes(program)) == ["add"]
    same(program, transposes(program), x)


def test_transposes_merge():
    x = floats(2, 3, 4)
    program = recorded(lambda x: tahr.ops.transpose(tahr.ops.transpose(x, (2, 0, 1)), (2, 0, 1)), x)
    assert names(transposes(program)) == ["transpose"]
    same(program, transposes(program), x)


def test_transposes_cancel_through_functions_of_elements():
    x, y = floats(2, 3, 4), floats(2, 3, 4, seed=1)

    def function(x, y):
        x, y = (tahr.ops.transpose(a, (0, 2, 1)) for a in (x, y))
        return tahr.ops.transpose(tahr.ops.relu(x + y) * 2, (0, 2, 1))
    program = recorded(function, x, y)
    assert names(transposes(program)) == ["add", "relu", "multiply"]
    same(program, transposes(program), x, y)
    alone = recorded(lambda x: tahr.ops.transpose(tahr.ops.relu(tahr.ops.transpose(x, (0, 2, 1))), (0, 2, 1)), x)
    assert names(transposes(alone)) == ["relu"]
    same(alone, transposes(alone), x)


def test_a_transpose_that_somebody_else_reads_stays():
    x = floats(2, 3, 4)

    def function(x):
        there = tahr.ops.transpose(x, (0, 2, 1))
        return there, tahr.ops.transpose(there, (0, 2, 1)) + 1
    program = recorded(function, x)
    assert names(transposes(program)) == ["transpose", "add"]
    same(program, transposes(program), x)


def test_state_behind_a_transpose_may_be_written_meanwhile():
    state = Variable(floats(3, 4))

    def function(x):
        view = tahr.ops.transpose(state, (1, 0))
        copied = view * 1
        state.assign(x)
        return tahr.ops.transpose(copied, (1, 0))
    program = recorded(function, X)
    before = state.numpy().copy()
    [found] = function_of(transposes(program))(floats(3, 4, seed=5))
    np.testing.assert_array_equal(found, X)         # what the recording left there
    assert not np.array_equal(before, state.numpy())


@pytest.mark.parametrize("op", [o for o in OPS.values() if o.rectified], ids=lambda o: o.name)
def test_rectified_is_the_op_and_then_a_rectifier(op):
    """On all samples of the op; the kernel adds in the same order, so the bits are the same."""
    for s, dtype in itertools.product([s for s in op.samples if s.error is None], ["float32", "float64"]):
        args, attrs = s.draw()
        args = [a.astype(dtype) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in args]
        expected, found = op.forward(*args, **attrs), op.rectified(*args, **attrs)
        if op.residual:
            (expected, *more), (found, *others) = expected[0], found[0]
            np.testing.assert_array_equal(others, more)
        np.testing.assert_array_equal(found, np.maximum(expected, 0))


@pytest.mark.parametrize("op", [o for o in OPS.values() if o.into], ids=lambda o: o.name)
def test_into_writes_what_the_op_gives(op):
    for s, dtype in itertools.product([s for s in op.samples if s.error is None], ["float32", "float64"]):
        args, attrs = s.draw()
        args = [a.astype(dtype) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in args]
        expected = op.forward(*args, **attrs)
        out = np.full(expected.shape, np.nan, expected.dtype)
        op.into(*args, out=out, **attrs)
        np.testing.assert_array_equal(out, expected)


def test_large_gradients_are_made_where_they_are_gathered(monkeypatch):
    monkeypatch.setattr(passes, "WORTH", 64)
    gathered, product = OPS["gathered"].function, OPS["linear_grad_w"].function

    def function(x, g):
        return gathered(g, product(x, g), x + 1, product(g, g), g.sum(0)) * 2
    program = recorded(function, floats(7, 5), floats(7, 6, seed=1))
    better = into_flat(program)
    assert names(better) == ["empty_flat", "linear_grad_w_into", "add", "linear_grad_w_into", "sum",
                             "gathered_rest_into", "multiply"]
    same(program, better, floats(7, 5, seed=2), floats(7, 6, seed=3))
    assert len(dead(better).lines) == len(better.lines)


def test_a_gradient_that_is_gathered_twice_is_made_once(monkeypatch):
    monkeypatch.setattr(passes, "WORTH", 64)
    gathered, product = OPS["gathered"].function, OPS["linear_grad_w"].function

    def function(x, g):
        w = product(x, g)
        return gathered(w, w), gathered(g, w), w + 1
    program = recorded(function, floats(7, 5), floats(7, 6, seed=1))
    same(program, into_flat(program), floats(7, 5, seed=2), floats(7, 6, seed=3))


def test_a_rectifier_goes_into_the_product_before_it():
    w, b = Variable(floats(4, 5)), Variable(floats(5))
    program = recorded(lambda x: tahr.ops.relu(tahr.ops.linear(x, w, b)), X)
    assert names(epilogues(program)) == ["linear_relu"]
    same(program, epilogues(program), X)


def test_a_product_that_is_read_itself_keeps_its_rectifier_apart():
    w = Variable(floats(4, 5))

    def function(x):
        y = tahr.ops.linear(x, w)
        return tahr.ops.relu(y), y
    assert names(epilogues(recorded(function, X))) == ["linear", "relu"]


def test_every_pass_is_part_of_the_whole():
    program = recorded(lambda x: tahr.ops.relu(tahr.ops.linear(x + 0, Variable(floats(4, 2)))) + (x + 0).sum(), X)
    best = optimized(program)
    for improve in PASSES:
        assert len(improve(best).lines) == len(best.lines)
    same(program, best, X)


# What programs say

def test_source_names_ops_and_slots():
    w = Variable(floats(4, 2))
    program = recorded(lambda x: tahr.ops.linear(x, w).sum(0), X)
    text, scope = source(program)
    assert text.splitlines()[0] == "def step(i0):" and "linear(i0, k1, None)" in text
    assert scope["k1"] is w.data


def test_table_and_peak():
    program = recorded(lambda x: ((x + 1) * 2).sum(), X)
    assert peak(program) == 2 * X.nbytes
    text = table(program)
    assert "3 lines, 25 FLOP; at most 96 B of results at once, 0 B kept" in text
    assert [row.split()[1] for row in text.splitlines()[1:4]] == ["add", "multiply", "sum"]


def test_cost_of_products():
    w = Variable(floats(4, 5))
    program = recorded(lambda x: tahr.ops.linear(x, w), X)
    assert cost(program.lines[0]) == 2 * 3 * 4 * 5


def test_errors_of_a_line_say_where_it_was_called():
    labels = np.array([0, 1, 2])
    logits = Variable(floats(3, 4))
    program = recorded(lambda y: tahr.ops.sparse_softmax_cross_entropy(logits, y), labels)
    with pytest.raises(ValueError, match="from 0 to 3, .* got 9 at position") as caught:
        function_of(program)(np.array([0, 9, 2]))
    assert any("test_compiler.py" in note for note in caught.value.__notes__)


# One compiled function

@dataclasses.dataclass
class Row:
    """A function of arrays that can be written down, and the arrays."""

    name: str
    function: callable
    arrays: tuple
    rtol: float = 2e-6


def updating(make, **kwargs):
    """Two updates of a parameter by an optimizer, whose state counts as well."""
    def function(g):
        return optimizer.apply([g], [w]) or tahr.ops.add(w, 0)
    w, optimizer = Variable(floats(4, 5)), make(**kwargs)
    optimizer.build([w])
    return function


def unary(name, positive=False):
    array = np.abs(floats(4, 5)) + 0.1 if positive else floats(4, 5) * 3
    return Row(name, lambda x: getattr(tahr.ops, name)(x), (array,))


def grown(name, *arguments):
    """The gradient of an op for its first argument."""
    def function(x):
        leaf = Tensor(0.0)
        leaf.data = x.data
        leaf.requires_grad = True
        out = getattr(tahr.ops, name)(leaf, *arguments)
        return tahr.autograd.gradients((out * out).sum(), [leaf])[0]
    return Row(f"{name}_gradient", function, (floats(4, 5),), 2e-5)


def recurrent(cell, bias=True, states=False, gradient=False, **options):
    """A recurrent layer over 6 steps of 4 numbers, or the gradients of its sums for all that it is computed from."""
    gates, units = {"lstm": 4, "gru": 3}.get(cell, 1), 5
    biases = (2, 3 * units) if options.get("reset_after") else (gates * units,)
    shapes = [(3, 6, 4), (4, gates * units), (units, gates * units)] + [biases] * bias
    shapes += [(3, units)] * (states * (2 if cell == "lstm" else 1))
    arrays = [floats(*shape, seed=i) for i, shape in enumerate(shapes)]

    def function(*tensors):
        leaves = [Tensor(0.0) for _ in tensors]
        for leaf, t in zip(leaves, tensors):
            leaf.data, leaf.requires_grad = t.data, gradient
        names = ("bias",) * bias + (("h", "c") if cell == "lstm" else ("h",)) * states
        outs = getattr(tahr.ops, cell)(*leaves[:3], **dict(zip(names, leaves[3:])), **options)
        if not gradient:
            return list(outs)
        total = sum((out * out).sum() for out in (outs if states else outs[:1]))
        return tahr.autograd.gradients(total, leaves[0 if states else 1:])
    return Row(f"{cell}{'_bias' * bias}{'_states' * states}{'_gradients' * gradient}{'_'.join(options)}", function,
               tuple(arrays), 1e-5)


W, B, V = Variable(floats(5, 6)), Variable(floats(6)), Variable(floats(5))
assert metrics.Accuracy and layers.Embedding       # which bring their ops with them
LABELS, HOT = np.array([0, 4, 2, 1]), np.eye(5, dtype="float32")[[0, 4, 2, 1]]
ROWS = [
    *map(unary, ("negative", "square", "absolute", "relu", "positive", "tanh", "sigmoid", "softplus", "silu", "exp",
                 "expm1", "erf", "elu", "gelu", "leaky_relu", "softmax")),
    *[unary(name, True) for name in ("sqrt", "log", "log1p")],
    *map(grown, ("tanh", "sigmoid", "softplus", "silu", "relu", "elu", "gelu", "leaky_relu")), grown("gelu", True),
    *[Row(f"{name}_{kind}", lambda x, y, name=name: getattr(tahr.ops, name)(x, y), (floats(4, 5), other))
      for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum")
      for kind, other in [("same", floats(4, 5, seed=1)), ("row", floats(5, seed=1)), ("column", floats(4, 1, seed=1)),
                          ("number", np.float32(2.5).reshape(()))]],
    Row("integers", lambda x: x * 3 + x - 1, (np.arange(6).reshape(2, 3),)),
    Row("scalar", lambda x: (2.0 - x) / 3, (floats(4, 5),)),
    Row("astype", lambda x: x.astype("float64").astype("float32") + tahr.ops.asarray(3).astype("float32"), (X,)),
    Row("gelu_approximate", lambda x: tahr.ops.gelu(x, approximate=True), (floats(4, 5),)),
    Row("reshape", lambda x: x.reshape(2, 6) + 1, (X,)),
    Row("broadcast_to", lambda x: tahr.ops.broadcast_to(x, (2, 3, 4)) * 2, (X,)),
    Row("copy", lambda x: x.copy() * 2, (X,)),
    *[Row(f"{name}_{axis}", lambda x, name=name, axis=axis: getattr(tahr.ops, name)(x, axis), (floats(3, 4, 5),))
      for name in ("sum", "mean") for axis in (None, 0, -1, (0, 1), (1, 2))],
    Row("sum_to", lambda x: OPS["sum_to"].function(x, shape=(4, 5)), (floats(3, 4, 5),)),
    Row("linear", lambda x: tahr.ops.linear(x, W, B), (floats(7, 5),)),
    Row("linear_without_bias", lambda x: tahr.ops.linear(x, W), (floats(2, 3, 5),)),
    Row("add_relu", lambda x, y: tahr.ops.relu(x + y), (floats(4, 5), floats(5, seed=1))),
    Row("linear_relu", lambda x: tahr.ops.relu(tahr.ops.linear(x, W, B)), (floats(7, 5),)),
    Row("linear_grad_x", lambda g: OPS["linear_grad_x"].function(g, W), (floats(7, 6),)),
    Row("linear_grad_w", lambda x, g: OPS["linear_grad_w"].function(x, g), (floats(7, 5), floats(7, 6, seed=1))),
    Row("matmul", lambda x, y: x @ y, (floats(7, 5), floats(5, 3, seed=1))),
    Row("gathered", lambda x, y: OPS["gathered"].function(x * 2, y), (floats(7, 5), floats(3, seed=1))),
    Row("gathered_in_place", lambda x, g: OPS["gathered"].function(OPS["linear_grad_w"].function(x, g), g),
        (floats(7, 5), floats(7, 6, seed=1))),
    *[recurrent(cell, bias, False, gradient, **options) for cell, options in (
        ("lstm", {}), ("lstm", {"go_backwards": True, "activation": "relu"}), ("simple_rnn", {}),
        ("gru", {}), ("gru", {"reset_after": True}))
      for bias in (False, True) for gradient in (False, True)],
    *[Row(f"concatenate_{axis}", lambda x, y, axis=axis: tahr.ops.concatenate([x, y, x], axis), (X, X + 1))
      for axis in (0, 1, -1)],
    *[Row(f"slice_{axis}", lambda x, axis=axis: OPS["slice_along"].function(x, axis, 1, 3) + 0, (floats(4, 5, 3),))
      for axis in (0, 1, 2)],
    *[Row(f"flip_{axis}", lambda x, axis=axis: tahr.ops.flip(x, axis) + 0, (floats(4, 5, 3),))
      for axis in (0, -1, None, (0, 1))],
    Row("softmax_cross_entropy", lambda x, t: tahr.ops.softmax_cross_entropy(x, t), (floats(4, 5), HOT)),
    Row("sparse_softmax_cross_entropy", lambda x, t: tahr.ops.sparse_softmax_cross_entropy(x, t),
        (floats(4, 5), LABELS)),
    Row("sparse_of_int32", lambda x, t: tahr.ops.sparse_softmax_cross_entropy(x, t),
        (floats(4, 5), LABELS.astype("int32"))),
    Row("sigmoid_cross_entropy", lambda x, t: tahr.ops.sigmoid_cross_entropy(x, t), (floats(4, 5), HOT)),
    Row("labels_within", lambda t: OPS["labels_within"].function(t, classes=5) + 0, (LABELS,)),
    Row("rows_within", lambda t: OPS["rows_within"].function(t, rows=5) + 0, (LABELS,)),
    Row("take", lambda t: tahr.ops.take(W, t, 0), (LABELS,)),
    Row("assign", lambda x: _assigned(x), (floats(5),)),
    Row("assign_number", lambda x: _assigned(x, 2.5), (floats(5),)),
    *[Row(f"{name}_hits", lambda t, p, name=name: OPS[f"{name}_hits"].function(t, p), pair) for name, pair in {
        "categorical": (HOT, floats(4, 5)), "label": (LABELS, floats(4, 5)), "binary": (HOT, floats(4, 5))}.items()],
    Row("mean_state", lambda v: OPS["mean_state"].function(v, None, Tensor([1.0, 2.0], dtype="float64")),
        (floats(4, 5),)),
    Row("mean_state_weighted", lambda v, w: OPS["mean_state"].function(v, w, Tensor([1.0, 2.0], dtype="float64")),
        (floats(4, 5), np.array([0, 1, 2, 0.5], "float32"))),
    Row("sgd", updating(optimizers.SGD), (floats(4, 5, seed=1),)),
    Row("momentum", updating(optimizers.SGD, momentum=0.9), (floats(4, 5, seed=1),)),
    Row("nesterov", updating(optimizers.SGD, momentum=0.9, nesterov=True), (floats(4, 5, seed=1),)),
    Row("rmsprop", updating(optimizers.RMSprop), (floats(4, 5, seed=1),)),
    Row("adagrad", updating(optimizers.Adagrad), (floats(4, 5, seed=1),)),
    Row("adadelta", updating(optimizers.Adadelta), (floats(4, 5, seed=1),)),
    Row("adam", updating(optimizers.Adam), (floats(4, 5, seed=1),)),
]


def _assigned(x, value=None):
    V.assign(x if value is None else value)
    return tahr.ops.add(V, 0)


def state(program):
    return [slot.array for slot in program.kept]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_compiled_does_what_the_calls_do(row):
    """Results and state, to within float32's rounding of sums in another order."""
    program = optimized(recorded(row.function, *row.arrays))
    code = Native(program)
    others = tuple((a[::-1] if a.ndim else a * 2).copy() for a in row.arrays)
    before = [a.copy() for a in state(program)]
    expected, after = [], None
    for arrays in (row.arrays, others):
        expected += [np.array(a) for a in function_of(program)(*arrays)]
    after = [a.copy() for a in state(program)]
    for a, b in zip(state(program), before):
        if a.flags.writeable:
            a[...] = b
    found = [a for arrays in (row.arrays, others) for a in code(*arrays)]
    for a, b in zip((*found, *state(program)), (*expected, *after), strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=row.rtol, atol=row.rtol)


def test_every_op_that_can_be_written_has_a_row():
    seen = set(itertools.chain.from_iterable(names(optimized(recorded(r.function, *r.arrays))) for r in ROWS))
    assert set(LOWERED) - seen == {"dropout", "dropout_grad_x", "softmax_cross_entropy_grad_x", "softmax_cross_entropy",
                                   "sparse_softmax_cross_entropy_grad_x", "sigmoid_cross_entropy_grad_x"} - seen


@pytest.mark.parametrize("name", ["softmax", "sparse_softmax", "sigmoid"])
def test_gradients_of_cross_entropies(name):
    targets = LABELS if name == "sparse_softmax" else HOT
    leaf = Variable(floats(4, 5))

    def function(t):
        return tahr.autograd.gradients(getattr(tahr.ops, f"{name}_cross_entropy")(leaf, t).mean(), [leaf])[0]
    program = optimized(recorded(function, targets))
    [expected], [found] = function_of(program)(targets[::-1].copy()), Native(program)(targets[::-1].copy())
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("size", [5, 64, 1000])
def test_dropout_draws_the_same_numbers(size):
    generator, leaf = Generator(3), Variable(floats(2, size))

    def function(x):
        y = dropout(leaf * x, 0.3, generator=generator)
        return y, tahr.autograd.gradients(y.sum(), [leaf])[0]
    x = floats(2, size, seed=1)
    program = optimized(recorded(function, x))
    code, at = Native(program), generator.get_state()
    expected = [function_of(program)(x) for _ in range(3)]
    generator.set_state(at)
    for wanted in expected:
        for a, b in zip(code(x), wanted, strict=True):
            np.testing.assert_array_equal(a, b)


def test_wrong_labels_change_nothing():
    counter, generator = Variable(0, trainable=False), Generator(1)
    logits = Variable(floats(4, 5))

    def function(t):
        counter.assign(counter + 1)
        noisy = dropout(logits, 0.5, generator=generator)
        return tahr.ops.sparse_softmax_cross_entropy(noisy, t).sum()
    code = Native(optimized(recorded(function, LABELS)))
    before, place = int(counter), generator.get_state()["position"]
    assert code(np.array([0, 1, 5, 0])) is None and code(np.array([0, 1, -1, 0])) is None
    assert int(counter) == before and generator.get_state()["position"] == place
    assert code(LABELS) is not None and int(counter) == before + 1


def test_a_check_of_what_is_computed_cannot_be_written():
    logits = Variable(floats(4, 5))
    program = recorded(lambda t: tahr.ops.sparse_softmax_cross_entropy(logits, (t * 2).astype("int64")),
                       np.zeros(4, "int64"))
    with pytest.raises(NotWritableError, match="computed on the way"):
        Native(program)


def test_large_programs_stay_lists_of_calls(monkeypatch):
    program = recorded(lambda x: x * 2, X)
    monkeypatch.setattr(native, "SMALL", 5)
    with pytest.raises(NotWritableError, match="operations"):
        Native(program)


def test_object_code_comes_from_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(native, "cache_folder", lambda: tmp_path)
    program = recorded(lambda x: x * 2 + 7.25, X)
    Native(program)
    [file] = tmp_path.iterdir()
    monkeypatch.setattr(native, "_object_code", lambda text: pytest.fail("it is there"))
    np.testing.assert_array_equal(Native(program)(X)[0], X * 2 + np.float32(7.25))
    assert file.name.startswith("step-")


def model(seed=0, optimizer="sgd", **options):
    tahr.utils.set_random_seed(seed)
    made = tahr.Sequential([layers.Dense(8, activation="tanh", input_dim=5), layers.Dropout(0.2),
                            layers.Dense(4, activation="relu"), layers.Dense(3, activation="softmax")])
    made.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"], **options)
    return made


DATA = floats(50, 5), np.eye(3, dtype="float32")[np.arange(50) % 3]


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
@pytest.mark.parametrize("batch_size", [10, 16])
def test_an_epoch_in_one_call_is_the_epoch_step_by_step(optimizer, batch_size):
    """Also with a last, smaller batch. The first steps of both are recorded; the sums of the compiled ones differ."""
    histories, weights = [], []
    for eagerly in (False, True):
        made = model(1, optimizer, run_eagerly=eagerly)
        histories.append(made.fit(*DATA, batch_size=batch_size, epochs=6, verbose=0).history)
        weights.append(made.get_weights())
        if not eagerly:
            assert any(kind.native is not None for kind in made._captured["train_step"]._kinds.values())
    for key in histories[0]:
        np.testing.assert_allclose(histories[0][key], histories[1][key], rtol=1e-5)
    for a, b in zip(*weights):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_the_same_seed_gives_the_same_bits():
    first, second = (model(2) for _ in range(2))
    for made in (first, second):
        tahr.utils.set_random_seed(7)
        made.fit(*DATA, batch_size=10, epochs=5, verbose=0)
    for a, b in zip(first.get_weights(), second.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_callbacks_that_want_every_batch_get_every_batch():
    seen = []

    class Watch(tahr.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append((batch, logs["size"], round(logs["loss"], 4)))
    made = model(3)
    made.fit(*DATA, batch_size=16, epochs=4, verbose=0, callbacks=[Watch()])
    assert [s[:2] for s in seen] == [(0, 16), (1, 16), (2, 16), (3, 2)] * 4


@pytest.mark.parametrize("eagerly", [False, True])
def test_steps_per_execution(eagerly):
    """Callbacks are called once every so many batches, with the number of the last."""
    seen = []

    class Watch(tahr.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            seen.append(batch)

        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)
    made = model(3, steps_per_execution=3, run_eagerly=eagerly)
    made.fit(*DATA, batch_size=10, epochs=3, verbose=0, callbacks=[Watch()])
    assert seen == [0, 2, 3, 4] * 3
    assert int(made.optimizer.iterations) == 15


def test_data_of_other_dtypes_and_orders():
    x, y = DATA
    results = []
    for data in (x, x.astype("float64"), np.asfortranarray(x), np.repeat(x, 2, 1)[:, ::2]):
        made = model(4)
        made.fit(data, y, batch_size=10, epochs=4, verbose=0)
        results.append(made.get_weights()[0])
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])


def test_evaluate_in_one_call():
    made, slow = model(5), model(5, run_eagerly=True)
    for _ in range(5):
        np.testing.assert_allclose(made.evaluate(*DATA, batch_size=8, verbose=0),
                                   slow.evaluate(*DATA, batch_size=8, verbose=0), rtol=1e-6)


def test_predictions_are_nobody_elses_memory():
    made = model(6)
    for _ in range(5):
        first = made.predict(DATA[0][:4])
    kept = first.copy()
    made.predict(DATA[0][4:8])
    np.testing.assert_array_equal(first, kept)


def test_acts():
    generator, w = Generator(0), Variable([1.0])
    program = recorded(lambda x: (dropout(x, 0.5, generator=generator), w.assign([2.0]), x + 1)[2], X)
    assert [acts(line) for line in program.lines] == [True, True, False]
    assert all(isinstance(s, Slot) for s in program.inputs)


@pytest.mark.parametrize("training", [False, True])
def test_calls_of_a_model_without_gradients_are_recorded(training):
    made, x = model(7), DATA[0][:6]
    tahr.utils.set_random_seed(1)
    with tahr.no_grad(), phase(training):
        found = [made(x) for _ in range(5)]
    tahr.utils.set_random_seed(1)
    made.run_eagerly = True
    with tahr.no_grad(), phase(training):
        expected = [made(x) for _ in range(5)]
    assert made._captured["call"].programs()
    for a, b in zip(found, expected):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=2e-6)
        assert [type(part) for part in a.logits] == [type(part) for part in b.logits]
        np.testing.assert_allclose(a.logits[-1].numpy(), b.logits[-1].numpy(), rtol=2e-6, atol=1e-6)


def test_calls_of_a_model_with_gradients_keep_their_graph():
    made = model(8)
    for _ in range(5):
        assert made(DATA[0][:4]).requires_grad
    assert "call" not in made._captured
