"""Recurrent layers: masks, states, both directions, cells of users, Keras 1 spellings, golden values of Keras 3."""

import copy
import json
import pathlib
import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tahr
from tahr import layers, ops
from tahr.autograd import check_grads, gradients
from tahr.layers import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    ConvLSTM1D,
    ConvLSTM2D,
    ConvLSTM2DCell,
    ConvLSTM3D,
    CuDNNGRU,
    Dense,
    GRUCell,
    Input,
    Layer,
    LSTMCell,
    Masking,
    SimpleRNN,
    SimpleRNNCell,
    StackedRNNCells,
    TimeDistributed,
)
from tahr.layers.base import phase
from tahr.tensor import Symbol, Tensor
from tahr.utils.rng import Generator

from . import layer_rows_recurrent as reference
from .layer_rows import slide

F64 = {"dtype": "float64"}
PLAIN = {SimpleRNN: reference.simple_step, LSTM: reference.lstm_step, GRU: reference.gru_step,
         CuDNNGRU: reference.gru_after_step}
each_plain = pytest.mark.parametrize("cls", PLAIN, ids=lambda cls: cls.__name__)
MASK = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 0, 1], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], bool)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def tensor(a):
    return Tensor(a, dtype=a.dtype)


def with_random_weights(layer, shape, seed=1):
    """The layer, built, and its weights."""
    if not layer.built:
        layer(Symbol(shape, layer.dtype))
    weights = [normal(*w.shape, seed=seed + i) / 2 for i, w in enumerate(layer.weights)]
    layer.set_weights(weights)
    return layer, weights


def close(found, expected, rtol=1e-11):
    np.testing.assert_allclose(found.numpy() if hasattr(found, "numpy") else found, expected, rtol=rtol, atol=1e-13)


def numbers(out):
    return [o.numpy() for o in out] if isinstance(out, list) else out.numpy()


# Masks and states

@each_plain
@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("given", [False, True])
def test_masks_and_states(cls, zeros, backwards, given):
    layer, weights = with_random_weights(
        cls(3, return_sequences=True, return_state=True, go_backwards=backwards, zero_output_for_mask=zeros, **F64),
        (4, 5, 2))
    x = normal(4, 5, 2)
    states = [normal(4, 3, seed=7 + i) if given else np.zeros((4, 3)) for i in range(layer.state_count)]
    expected, last = reference.steps(x, states, PLAIN[cls](*weights), MASK, backwards, zeros)
    found, *ends = layer(x, mask=MASK, **({"initial_state": states} if given else {}))
    close(found, expected)
    for end, value in zip(ends, last, strict=True):
        close(end, value)
    layer.return_sequences = False
    close(layer(x, mask=tensor(MASK), **({"initial_state": states} if given else {}))[0],
          reference.steps(x, states, PLAIN[cls](*weights), MASK, backwards)[0][:, -1])


def test_masks_go_on_with_sequences():
    x = normal(2, 4, 3)
    x[0, 2:], x[1, :1] = 0, 0
    masked = Masking()(tensor(x))
    for arguments, expected in (({}, [None]), ({"return_sequences": True}, [masked.mask]),
                                ({"return_sequences": True, "return_state": True}, [masked.mask, None, None])):
        for layer in (LSTM(2, **arguments, **F64), RNN(LSTMCell(2, **F64), **arguments, **F64)):
            out = layer(masked)
            found = [o.mask for o in (out if isinstance(out, list) else [out])]
            assert [m is None for m in found] == [m is None for m in expected]
            if expected[0] is not None:
                np.testing.assert_array_equal(found[0].numpy(), masked.mask.numpy())


def test_masked_model_ignores_padding():
    model = tahr.Sequential([Masking(input_shape=(None, 2)), LSTM(3, return_sequences=True), GRU(2), Dense(1)])
    short = normal(2, 3, 2).astype("float32")
    padded = np.concatenate([short, np.zeros((2, 4, 2), "float32")], 1)
    np.testing.assert_allclose(model.predict(padded), model.predict(short), rtol=1e-5)


def test_masks_of_other_kinds():
    layer, _ = with_random_weights(LSTM(3, **F64), (4, 5, 2))
    x = normal(4, 5, 2)
    expected = layer(x, mask=MASK).numpy()
    for mask in (MASK.astype(float), MASK.astype(int).tolist(), MASK[:, :, None]):
        close(layer(x, mask=mask), expected)
    with pytest.raises(ValueError, match="mask"):
        layer(x, mask=MASK[:, :3])


def test_states_behind_the_input():
    layer, _ = with_random_weights(LSTM(3, return_state=True, **F64), (2, 5, 2))
    x, h, c = normal(2, 5, 2), normal(2, 3), normal(2, 3, seed=1)
    expected = numbers(layer(x, initial_state=[h, c]))
    for found in (layer([x, h, c]), layer((x, tensor(h), tensor(c)))):
        for a, b in zip(numbers(found), expected, strict=True):
            np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match=r"'lstm.*' has 2 state\(s\), its call got 1 as initial_state"):
        layer([x, h])
    with pytest.raises(ValueError, match="give each only once"):
        layer([x, h, c], initial_state=[h, c])
    gru, _ = with_random_weights(GRU(3, **F64), (2, 5, 2))
    np.testing.assert_array_equal(gru(x, initial_state=h).numpy(), gru([x, h]).numpy())


def test_states_are_symbols_of_a_graph():
    source, target = Input((4, 2)), Input((None, 3))
    encoder = LSTM(5, return_state=True)
    _, h, c = encoder(source)
    decoder = LSTM(5, return_sequences=True, return_state=True)
    out, *_ = decoder(target, initial_state=[h, c])
    model = tahr.Model([source, target], Dense(1)(out))
    a, b = normal(3, 4, 2).astype("float32"), normal(3, 6, 3).astype("float32")
    expected = model.predict([a, b])
    states = encoder(a)[1:]
    np.testing.assert_allclose(expected, model.layers[-1](decoder(b, initial_state=states)[0]).numpy(), rtol=1e-5)
    clone = tahr.Model.from_config(json.loads(json.dumps(model.get_config())))
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone.predict([a, b]), expected)
    listed = decoder([target, h, c])
    np.testing.assert_array_equal(tahr.Model([source, target], listed[0]).predict([a, b]),
                                  tahr.Model([source, target], out).predict([a, b]))
    model.compile("adam", "mse")
    assert model.fit([a, b], np.zeros((3, 6, 1)), epochs=5, verbose=0).history["loss"][-1] < np.mean(expected ** 2)
    assert len(model.trainable_weights) == 8


def test_gradients_flow_to_states():
    layer, _ = with_random_weights(GRU(3, **F64), (2, 4, 2))
    check_grads(lambda x, h: layer(x, initial_state=h), normal(2, 4, 2), normal(2, 3))


@each_plain
def test_a_step_with_the_cell(cls):
    layer, _ = with_random_weights(cls(3, return_sequences=True, **F64), (2, 4, 2))
    x, outputs = normal(2, 4, 2), []
    states = layer.get_initial_state(tensor(x))
    assert [s.shape for s in states] == [(2, 3)] * layer.state_count
    assert [s.shape for s in layer.get_initial_state(Symbol((None, 7, 2)))] == [(None, 3)] * layer.state_count
    assert [s.shape for s in layer.cell.get_initial_state(2)] == [(2, 3)] * layer.state_count
    for t in range(4):
        out, states = layer.cell(x[:, t], states)
        outputs.append(out.numpy())
    close(layer(x), np.stack(outputs, 1))
    assert layer.cell.output_size == 3
    with pytest.raises(ValueError, match=rf"has {layer.state_count} state\(s\), got 3"):
        layer.cell(x[:, 0], [states[0]] * 3)


def test_every_cell_is_tested_here():
    cells = {c for name, c in Layer.registry.items() if name.endswith(("Cell", "Cells"))
             and c.__module__.startswith("tahr.")}
    assert cells == reference.CELLS == {SimpleRNNCell, GRUCell, LSTMCell, StackedRNNCells, ConvLSTM2DCell}


# Cells

CELLS = [SimpleRNNCell(3, "relu"), GRUCell(2, reset_after=True), GRUCell(2, use_bias=False), LSTMCell(3, seed=1),
         StackedRNNCells([LSTMCell(3), GRUCell(2)])]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: type(cell).__name__)
def test_cells_go_through_configs_and_pickles(cell):
    read = json.loads(json.dumps({"class_name": type(cell).__name__, "config": cell.get_config()}))
    x = normal(2, 4, 2).astype("float32")
    first = RNN(cell, return_sequences=True)
    expected = first(x).numpy()
    for other in (RNN(read, return_sequences=True), RNN.from_config(first.get_config()),
                  pickle.loads(pickle.dumps(first)), copy.deepcopy(first)):
        other(x)
        other.set_weights(first.get_weights())
        np.testing.assert_allclose(other(x).numpy(), expected, rtol=1e-5, atol=1e-6)
        assert other.get_config()["cell"] == first.get_config()["cell"]


class Minimal(Layer):
    """The cell of Keras's documentation."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, input_shape):
        self.kernel = self.add_weight("kernel", (input_shape[-1], self.units), initializer="uniform")
        self.recurrent_kernel = self.add_weight("recurrent_kernel", (self.units, self.units), initializer="uniform")
        self.built = True

    def call(self, inputs, states):
        output = ops.matmul(inputs, self.kernel) + ops.matmul(states[0], self.recurrent_kernel)
        return output, [output]


@pytest.mark.parametrize("backwards", [False, True])
def test_cells_of_users(backwards):
    layer, (w, u) = with_random_weights(
        RNN(Minimal(3), return_sequences=True, return_state=True, go_backwards=backwards, **F64), (4, 5, 2))
    x, h = normal(4, 5, 2), normal(4, 3)
    step = reference.simple_step(w, u, act=lambda x: x)
    for mask in (None, MASK):
        expected, last = reference.steps(x, [h], step, mask, backwards)
        found, end = layer(x, initial_state=[h], mask=mask)
        close(found, expected)
        close(end, last[0])
    assert [s.shape for s in layer(Symbol((None, None, 2)))] == [(None, None, 3), (None, 3)]
    check_grads(lambda x: layer(x, mask=MASK)[0], x)


def test_stack_of_cells_of_users_trains():
    model = tahr.Sequential([RNN([Minimal(4), Minimal(3)], input_shape=(None, 2)), Dense(1)])
    assert [w.shape for w in model.weights[:4]] == [(2, 4), (4, 4), (4, 3), (3, 3)]
    model.compile(tahr.optimizers.Adam(0.02), "mse")
    x = normal(64, 5, 2).astype("float32")
    history = model.fit(x, x[:, -1, :1], epochs=20, verbose=0).history["loss"]
    assert history[-1] < 0.7 * history[0]
    clone = tahr.Sequential.from_config(json.loads(json.dumps(model.get_config())))
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone.predict(x), model.predict(x))


class Bare:
    """No layer: anything with a call and a state_size will do. Two states of different shapes, another output."""

    state_size = [(2, 3), 4]
    output_size = 1

    def call(self, inputs, states, training=None):
        a, b = states
        return ops.sum(b, -1, keepdims=True) + (100.0 if training else 0.0), [a + ops.expand_dims(inputs, 1), b + 1.0]


def test_states_of_any_shape():
    layer = RNN(Bare(), return_state=True, return_sequences=True, **F64)
    x = normal(2, 5, 3)
    out, a, b = layer(x)
    assert (out.shape, a.shape, b.shape) == ((2, 5, 1), (2, 2, 3), (2, 4))
    close(out, np.broadcast_to(4.0 * np.arange(5)[:, None], (2, 5, 1)))
    close(a, np.repeat(x.sum(1)[:, None], 2, 1))
    assert layer(x, training=True)[0].numpy().min() == 100.0
    assert [s.shape for s in layer(Symbol((None, 5, 3)))] == [(None, 5, 1), (None, 2, 3), (None, 4)]
    with phase(True):
        assert layer(x)[0].numpy().min() == 100.0


def test_initial_states_of_the_cells_own():
    class Ones(Minimal):
        def get_initial_state(self, batch_size=None):
            return [ops.ones((batch_size, self.units), self.dtype)]

    layer, (w, u) = with_random_weights(RNN(Ones(3), **F64), (2, 4, 2))
    x = normal(2, 4, 2)
    close(layer(x), reference.steps(x, [np.ones((2, 3))], reference.simple_step(w, u, act=lambda x: x))[0][:, -1])


class Attentive(Minimal):
    def build(self, input_shape):
        step, constant = input_shape
        super().build(step)
        self.constant_kernel = self.add_weight("constant_kernel", (constant[-1], self.units))

    def call(self, inputs, states, constants):
        output, states = super().call(inputs, states)
        output = output + ops.matmul(constants[0], self.constant_kernel)
        return output, [output]


def test_constants():
    layer = RNN(Attentive(3), **F64)
    x, h, k = normal(2, 4, 2), normal(2, 3), normal(2, 5)
    layer(x, constants=[k])
    layer, (w, u, v) = with_random_weights(layer, None)
    step = lambda x, state: (lambda h: (h, [h]))(x @ w + state[0] @ u + k @ v)
    expected = reference.steps(x, [h], step)[0][:, -1]
    close(layer(x, initial_state=h, constants=k), expected)
    close(layer([x, h], constants=[k]), expected)
    close(layer([x, h, k]), expected)       # how many constants there are is known by now
    a, b = Input((4, 2)), Input((5,))
    model = tahr.Model([a, b], RNN(Attentive(3))(a, constants=b))
    data = [x.astype("float32"), k.astype("float32")]
    clone = tahr.Model.from_config(json.loads(json.dumps(model.get_config())))
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone.predict(data), model.predict(data))
    assert RNN.from_config({**layer.get_config(), "num_constants": 1}).constant_count == 1
    stacked = RNN([Attentive(3), Minimal(2)], **F64)
    assert stacked(x, constants=[k]).shape == (2, 2)
    both = Bidirectional(RNN(Attentive(3), **F64), **F64)
    assert both(x, constants=[k]).shape == (2, 6)
    read = Bidirectional.from_config({**both.get_config(), "num_constants": 1})
    read(x, constants=[k])
    read.set_weights(both.get_weights())
    close(read([x, k]), both(x, constants=[k]).numpy())
    with pytest.raises(ValueError, match="the RNN cell Minimal does not support constants"):
        RNN(Minimal(3))(x, constants=[k])


class Wrong(Minimal):
    def call(self, inputs, states):
        return self.answer(inputs)


@pytest.mark.parametrize("answer, text", [
    (lambda x: x, r"must return \(output, states\), got"),
    (lambda x: (x, [x, x]), r"got 1 state\(s\) and returned 2"),
])
def test_what_cells_must_return(answer, text):
    cell = Wrong(2)
    cell.answer = answer
    for x in (Symbol((2, 3, 2)), ops.ones((2, 3, 2))):
        with pytest.raises(ValueError, match=text):
            RNN(cell)(x)


@pytest.mark.parametrize("cell, text", [
    (Dense(2), "the RNN cell Dense needs an attribute state_size"),
    (3, r"an RNN cell needs a method call\(inputs, states\), got int 3"),
    ([LSTMCell(2), "x"], r"an RNN cell needs a method call\(inputs, states\), got str"),
    ([], "at least one cell"),
])
def test_what_is_no_cell(cell, text):
    with pytest.raises(ValueError, match=text):
        RNN(cell)


def test_a_subclass_of_a_cell_has_its_own_step():
    class Doubled(LSTMCell):
        def call(self, inputs, states=None, training=None):
            out, states = super().call(inputs, states, training)
            return 2 * out, states

    x = normal(2, 4, 3)
    plain, _ = with_random_weights(RNN(LSTMCell(2), return_sequences=True, **F64), (2, 4, 3))
    doubled, _ = with_random_weights(RNN(Doubled(2), return_sequences=True, **F64), (2, 4, 3))
    close(doubled(x), 2 * plain(x).numpy())
    seen = RNN(Doubled(2, dropout=0.5, seed=3), return_sequences=True, **F64)
    ones = np.ones((1, 6, 8))
    seen(ones)
    seen.cell.kernel.assign(np.ones((8, 8)))
    seen.cell.recurrent_kernel.assign(0)
    with phase(True):
        drawn = [seen(ones).numpy() for _ in range(2)]
    assert not np.array_equal(*drawn) and seen.cell.held_masks is None


# Dropout

@each_plain
def test_dropout_is_the_same_at_all_steps(cls):
    layer, weights = with_random_weights(
        cls(3, **({} if cls is CuDNNGRU else {}), return_sequences=True, dropout=0.5, recurrent_dropout=0.25, seed=5,
            **F64), (2, 6, 4))
    x = normal(2, 6, 4)
    gates = layer.cell.gates
    generator = Generator(5)
    ones = lambda n: tensor(np.ones((2, gates, n)))
    kept, met = (ops.dropout(ones(n), rate, None, generator).numpy() for n, rate in ((4, 0.5), (3, 0.25)))
    step = dropped_step(cls, weights, kept, met)
    expected = reference.steps(x, [np.zeros((2, 3))] * layer.state_count, step)[0]
    close(layer(x, training=True), expected)
    assert not np.allclose(layer(x, training=True).numpy(), expected)      # drawn anew for each batch
    plain = reference.steps(x, [np.zeros((2, 3))] * layer.state_count, PLAIN[cls](*weights))[0]
    close(layer(x), plain)


def dropped_step(cls, weights, kept, met):
    """A step in which every gate sees its own part of the input and of the state."""
    w, u, b = weights
    count = kept.shape[1]
    inner, outer = b if b.ndim == 2 else (b, np.zeros(b.shape))
    parts = lambda a: np.split(a, count, -1)
    rec, act = reference.logistic, np.tanh

    def step(x, state):
        h = state[0]
        z = [(x * kept[:, g]) @ p + q for g, (p, q) in enumerate(zip(parts(w), parts(inner)))]
        v = [(h * met[:, g]) @ p + q for g, (p, q) in enumerate(zip(parts(u), parts(outer)))]
        if cls is SimpleRNN:
            new = [act(z[0] + v[0])]
        elif cls is LSTM:
            c = rec(z[1] + v[1]) * state[1] + rec(z[0] + v[0]) * act(z[2] + v[2])
            new = [rec(z[3] + v[3]) * act(c), c]
        else:
            update, reset = rec(z[0] + v[0]), rec(z[1] + v[1])
            inside = reset * v[2] if cls is CuDNNGRU else (reset * h * met[:, 2]) @ parts(u)[2]
            new = [update * h + (1 - update) * act(z[2] + inside)]
        return new[0], new
    return step


def test_dropout_in_a_stack_is_the_same_at_all_steps():
    """Without a recurrent part and with the same input at each step, outputs differ only by what is dropped."""
    cells = [SimpleRNNCell(3, "linear", recurrent_initializer="zeros", dropout=0.5),
             SimpleRNNCell(50, "linear", recurrent_initializer="zeros", dropout=0.5)]
    layer = RNN(cells, return_sequences=True)
    x = ops.ones((4, 6, 8))
    out = layer(x, training=True).numpy()
    np.testing.assert_allclose(out, out[:, :1] + np.zeros((1, 6, 1)), rtol=1e-5, atol=1e-6)
    assert not np.allclose(out[0], out[1])
    assert not np.allclose(layer(x, training=True).numpy(), out)
    film = ConvLSTM2D(2, 3, recurrent_initializer="zeros", dropout=0.5, recurrent_dropout=0.5, return_sequences=True)
    assert not np.allclose(film(ops.ones((1, 2, 5, 5, 1)), training=True).numpy(),
                           film(ops.ones((1, 2, 5, 5, 1))).numpy())


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_rates(rate):
    for arguments in ({"dropout": rate}, {"recurrent_dropout": rate}):
        with pytest.raises(ValueError, match="dropout rate must lie in"):
            LSTM(2, **arguments)


# Stateful

STATEFUL = {
    "lstm": lambda **kw: LSTM(3, **kw), "gru": lambda **kw: GRU(3, **kw), "simple": lambda **kw: SimpleRNN(3, **kw),
    "after": lambda **kw: GRU(3, reset_after=True, **kw), "cell": lambda **kw: RNN(Minimal(3), **kw),
    "stack": lambda **kw: RNN([LSTMCell(2), GRUCell(3)], **kw),
}
each_stateful = pytest.mark.parametrize("make", STATEFUL.values(), ids=STATEFUL)


@each_stateful
def test_stateful_goes_on(make):
    """Batch by batch gives what one long sequence gives."""
    x = normal(2, 9, 4)
    whole = make(return_sequences=True, **F64)
    expected = whole(x).numpy()
    layer = make(return_sequences=True, stateful=True, batch_input_shape=(2, 3, 4), **F64)
    layer(Symbol((2, 3, 4), "float64"))
    layer.set_weights(whole.get_weights())
    for _ in range(2):
        found = [layer(x[:, t:t + 3]).numpy() for t in (0, 3, 6)]
        close(np.concatenate(found, 1), expected)
        layer.reset_states()
    assert not any(np.any(s.numpy()) for s in layer.states)
    assert len(layer.get_weights()) == len(whole.get_weights())       # states are no weights


def test_stateful_model_in_all_phases():
    model = tahr.Sequential([LSTM(3, return_sequences=True, stateful=True, batch_input_shape=(4, 2, 5)),
                             GRU(2, stateful=True), Dense(1)])
    assert model.stateful and [layer.input_spec.axes.get(0) for layer in model.layers[:2]] == [4, 4]
    model.compile("sgd", "mse")
    x, y = normal(8, 2, 5).astype("float32"), np.zeros((8, 1), "float32")
    first = model.predict(x, batch_size=4)
    again = model.predict(x, batch_size=4)
    assert not np.allclose(first, again)        # predict goes on as well
    model.reset_states()
    np.testing.assert_array_equal(model.predict(x, batch_size=4), first)
    before = [s.numpy().copy() for s in model.layers[0].states]
    model.evaluate(x, y, batch_size=4, verbose=0)
    middle = [s.numpy().copy() for s in model.layers[0].states]
    model.fit(x, y, batch_size=4, epochs=1, shuffle=False, verbose=0)
    after = [s.numpy().copy() for s in model.layers[0].states]
    for a, b in ((before, middle), (middle, after)):
        assert not np.allclose(a[0], b[0])
    with pytest.raises(ValueError, match="In a stateful network, you should only pass inputs with a number of samples "
                       "that can be divided by the batch size. Found: 6 samples"):
        model.fit(x[:6], y[:6], batch_size=4, verbose=0)
    with pytest.raises(ValueError, match="fixed batch size 4"):
        model.fit(x, y, batch_size=2, verbose=0)


def test_predictions_of_stateful_layers_equal_those_of_a_long_sequence():
    stateful = tahr.Sequential([LSTM(4, stateful=True, return_sequences=True, batch_input_shape=(2, 3, 1)),
                                LSTM(4, stateful=True, return_sequences=True), Dense(1)])
    plain = tahr.Sequential([LSTM(4, return_sequences=True, input_shape=(None, 1)), LSTM(4, return_sequences=True),
                             Dense(1)])
    plain.set_weights(stateful.get_weights())
    x = normal(2, 12, 1).astype("float32")
    batches = np.concatenate([x[:, t:t + 3] for t in range(0, 12, 3)])
    found = stateful.predict(batches, batch_size=2).reshape(4, 2, 3, 1)
    np.testing.assert_allclose(np.concatenate(found, 1), plain.predict(x), rtol=1e-5, atol=1e-6)


def test_no_gradient_flows_across_batches():
    layer = LSTM(2, stateful=True, **F64)
    a, b = (Tensor(normal(1, 3, 2, seed=i), dtype="float64", requires_grad=True) for i in range(2))
    layer(a)
    out = layer(b)
    found = gradients(out.sum(), [a, b], allow_unused=True)
    assert found[0] is None and np.abs(found[1].numpy()).max() > 0
    kernel, = gradients(layer(b).sum(), [layer.kernel])
    states = [s.numpy().copy() for s in layer.states]
    layer.reset_states()
    layer(a), layer(b)
    plain = LSTM(2, **F64)
    plain(b)
    plain.set_weights(layer.get_weights())
    other, = gradients(plain(b, initial_state=[s.detach() for s in map(tensor, numbers(layer.states))]).sum(),
                       [plain.kernel])
    close(kernel, other.numpy(), 1e-9)
    assert not np.allclose(states[0], layer.states[0].numpy())


@pytest.mark.parametrize("make", [lambda: LSTM(2, stateful=True), lambda: Bidirectional(LSTM(2, stateful=True)),
                                  lambda: RNN(Minimal(2), stateful=True)])
def test_stateful_needs_a_batch_size(make):
    text = (r"If a RNN is stateful, it needs to know its batch size. Specify the batch size of your input tensors: \n"
            r"- If using a Sequential model, specify the batch size by passing a `batch_input_shape` argument to your "
            r"first layer.\n- If using the functional API, specify the batch size by passing a `batch_shape` argument "
            r"to your Input layer.")
    with pytest.raises(ValueError, match=text):
        make()(Input((3, 2)))
    make()(Input(batch_shape=(4, 3, 2)))
    layer = LSTM(2, stateful=True)
    with pytest.raises(ValueError, match=text):
        layer.reset_states([np.zeros((4, 2))] * 2)
    layer.reset_states()        # there is nothing to reset yet


def test_reset_states_with_values():
    layer = LSTM(3, stateful=True, name="memory", **F64)
    x, h, c = normal(2, 4, 5), normal(2, 3), normal(2, 3, seed=1)
    layer(x)
    layer.reset_states([h, c])
    found = layer(x).numpy()
    close(found, LSTM(3, weights=layer.get_weights(), **F64)(x, initial_state=[h, c]).numpy())
    layer.reset_states()
    assert not np.allclose(layer(x).numpy(), found)
    close(layer(x, initial_state=[h, c]), found)
    with pytest.raises(ValueError, match="Layer memory expects 2 states, but it received 1 state values"):
        layer.reset_states(h)
    with pytest.raises(ValueError, match=r"State 1 is incompatible with layer memory: expected shape=\(2, 3\), found "
                       r"shape=\(2, 4\)"):
        layer.reset_states([h, np.zeros((2, 4))])
    with pytest.raises(AttributeError, match="Layer must be stateful."):
        LSTM(3).reset_states()
    with pytest.raises(ValueError, match="expected 2 along axis 0, got 3"):
        layer(normal(3, 4, 5))
    simple = SimpleRNN(3, stateful=True)
    simple(ops.ones((2, 4, 5)))
    simple.reset_states(np.ones((2, 3)))
    np.testing.assert_array_equal(simple.states[0].numpy(), 1)


# Both ways

MERGED = {"concat": lambda a, b: np.concatenate([a, b], -1), "sum": np.add, "mul": np.multiply,
          "ave": lambda a, b: (a + b) / 2, None: lambda a, b: [a, b]}


@pytest.mark.parametrize("state", [False, True])
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("mode", MERGED)
@pytest.mark.parametrize("cls", [LSTM, GRU])
def test_both_ways_are_two_layers(cls, mode, sequences, state):
    arguments = {"return_sequences": sequences, "return_state": state}
    layer, weights = with_random_weights(Bidirectional(cls(3, **arguments), merge_mode=mode, **F64), (4, 5, 2))
    half = len(weights) // 2
    there = cls(3, **arguments, weights=weights[:half], **F64)
    back = cls(3, **arguments, weights=weights[half:], go_backwards=True, **F64)
    x = normal(4, 5, 2)
    count = there.state_count
    states = [normal(4, 3, seed=i) for i in range(2 * count)]
    for mask in (None, MASK):
        for initial in (None, states):
            first, second = (None, None) if initial is None else (initial[:count], initial[count:])
            outs = [numbers(there(x, mask=mask, initial_state=first)),
                    numbers(back(x, mask=mask, initial_state=second))]
            (a, *a_states), (b, *b_states) = outs if state else [[o] for o in outs]
            merged = MERGED[mode](a, b[:, ::-1] if sequences else b)
            expected = [*(merged if mode is None else [merged]), *a_states, *b_states]
            found = layer(x, mask=mask, initial_state=initial)
            found = found if isinstance(found, list) else [found]
            for one, value in zip(found, expected, strict=True):
                close(one, value)
    symbols = layer(Symbol((None, 5, 2)))
    symbols = symbols if isinstance(symbols, list) else [symbols]
    assert [s.shape for s in symbols] == [(None, *e.shape[1:]) for e in expected]


def test_masks_go_both_ways_and_on():
    x = normal(2, 4, 3)
    x[0, 2:] = 0
    masked = Masking()(tensor(x))
    for mode in ("sum", None):
        out = Bidirectional(LSTM(2, return_sequences=True), mode)(masked)
        for one in out if mode is None else [out]:
            np.testing.assert_array_equal(one.mask.numpy(), masked.mask.numpy())
        assert getattr(Bidirectional(LSTM(2), mode)(masked), "mask", None) is None
    out = Bidirectional(LSTM(2, return_sequences=True, return_state=True))(masked)
    assert [o.mask is None for o in out] == [False] + [True] * 4


def test_states_of_both_ways():
    layer = Bidirectional(LSTM(3, return_state=True, **F64), **F64)
    x, states = normal(2, 4, 5), [normal(2, 3, seed=i) for i in range(4)]
    expected = numbers(layer(x, initial_state=states))
    for a, b in zip(numbers(layer([x, *states])), expected, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match=r"2 state\(s\) for the way forward and as many for the way back, got 3"):
        layer(x, initial_state=states[:3])


def test_both_ways_of_a_stateful_layer():
    layer = Bidirectional(GRU(3, stateful=True), batch_input_shape=(2, 4, 5))
    model = tahr.Sequential([layer, Dense(1)])
    assert model.stateful and layer.stateful
    x = normal(2, 4, 5).astype("float32")
    first = model.predict(x, batch_size=2)
    assert not np.allclose(model.predict(x, batch_size=2), first)
    model.reset_states()
    np.testing.assert_array_equal(model.predict(x, batch_size=2), first)
    states = [normal(2, 3, seed=i).astype("float32") for i in range(2)]
    layer.reset_states(states)
    for own, value in zip(layer.states, states, strict=True):
        np.testing.assert_array_equal(own.numpy(), value)


def test_parts_of_both_ways():
    inner = LSTM(3, name="words", kernel_regularizer="l2", activity_regularizer="l2")
    layer = Bidirectional(inner, name="both")
    layer(ops.ones((2, 4, 5)))
    assert (layer.forward_layer.name, layer.backward_layer.name) == ("forward_words", "backward_words")
    assert [w.name for w in layer.weights[::3]] == ["forward_words/kernel", "backward_words/kernel"]
    assert not inner.built and layer.layer is layer.forward_layer
    assert len(layer.losses) == 4
    layer.trainable = False
    assert layer.trainable_weights == [] and not layer.backward_layer.cell.trainable
    frozen = Bidirectional(LSTM(3), trainable=False)
    frozen(ops.ones((2, 4, 5)))
    assert frozen.trainable_weights == []
    inner(ops.ones((2, 4, 5)))
    np.testing.assert_array_equal(Bidirectional(inner)(ops.ones((2, 4, 5)))[:, :3].numpy(),
                                  inner(ops.ones((2, 4, 5))).numpy())       # with the weights of one that is built
    weights = layer.get_weights()
    again = Bidirectional(LSTM(3), weights=weights)
    np.testing.assert_array_equal(again(ops.ones((2, 4, 5))).numpy(), layer(ops.ones((2, 4, 5))).numpy())
    assert Bidirectional(LSTM(3, input_shape=(4, 5))).batch_input_shape == (None, 4, 5)


def test_another_layer_for_the_way_back():
    layer = Bidirectional(LSTM(3, return_sequences=True), backward_layer=GRU(2, return_sequences=True,
                                                                             go_backwards=True))
    x = ops.ones((2, 4, 5))
    assert layer(x).shape == (2, 4, 5)
    clone = Bidirectional.from_config(json.loads(json.dumps(layer.get_config())))
    clone(x)
    clone.set_weights(layer.get_weights())
    np.testing.assert_array_equal(clone(x).numpy(), layer(x).numpy())


@pytest.mark.parametrize("make, text", [
    (lambda: Bidirectional(LSTM(2), "foo"), 'Invalid merge mode. Merge mode should be one of {"sum", "mul", "ave", '
     '"concat", None}'),
    (lambda: Bidirectional(Dense(2)), "needs a recurrent layer, with go_backwards, got Dense"),
    (lambda: Bidirectional("lstm"), "needs a layer to wrap"),
    (lambda: Bidirectional(LSTM(2), backward_layer=LSTM(2)), "should have different `go_backwards` value"),
    (lambda: Bidirectional(LSTM(2), backward_layer=LSTM(2, go_backwards=True, return_state=True)),
     "must have the same return_state"),
])
def test_what_does_not_go_both_ways(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_inside_other_layers():
    x = normal(2, 3, 4, 5)
    inner = LSTM(2, **F64)
    out = TimeDistributed(inner)(tensor(x))
    close(out, np.stack([inner(x[:, t]).numpy() for t in range(3)], 1))
    film, weights = with_random_weights(Bidirectional(ConvLSTM2D(1, 2, return_sequences=True), **F64), (2, 3, 4, 5, 1))
    x = normal(2, 3, 4, 5, 1)
    close(film(x), np.concatenate([reference.conv(x, *weights[:3]), reference.conv(x[:, ::-1], *weights[3:])[:, ::-1]],
                                  -1))


# Images

@pytest.mark.parametrize("backwards", [False, True])
def test_film_with_mask_and_states(backwards):
    layer, weights = with_random_weights(ConvLSTM2D(2, 3, padding="same", return_sequences=True, return_state=True,
                                                    go_backwards=backwards, **F64), (4, 5, 4, 3, 1))
    x, states = normal(4, 5, 4, 3, 1), [normal(4, 4, 3, 2, seed=i) for i in range(2)]
    expected, last = reference.steps(x, states, reference.conv_step(*weights, padding="same"), MASK, backwards)
    found = layer([x, *states], mask=MASK)
    for one, value in zip(found, [expected, *last], strict=True):
        close(one, value)


def test_stateful_film():
    x = normal(2, 6, 4, 3, 1)
    whole, weights = with_random_weights(ConvLSTM2D(2, 2, return_sequences=True, **F64), (2, 6, 4, 3, 1))
    layer = ConvLSTM2D(2, 2, return_sequences=True, stateful=True, batch_input_shape=(2, 3, 4, 3, 1), weights=weights,
                       **F64)
    found = np.concatenate([layer(x[:, t:t + 3]).numpy() for t in (0, 3)], 1)
    close(found, whole(x).numpy())
    assert [s.shape for s in layer.states] == [(2, 3, 2, 2)] * 2


def test_stack_of_convolutions():
    cells = [ConvLSTM2DCell(2, 2), ConvLSTM2DCell(1, 3, padding="same")]
    layer, weights = with_random_weights(RNN(cells, **F64), (2, 3, 4, 5, 1))
    x = normal(2, 3, 4, 5, 1)
    below = reference.conv(x, *weights[:3])
    close(layer(x), reference.conv(below, *weights[3:], padding="same")[:, -1])
    assert [s.shape for s in layer.get_initial_state(tensor(x))] == [(2, 3, 4, 2)] * 2 + [(2, 3, 4, 1)] * 2


def test_film_cell_alone():
    cell, weights = with_random_weights(ConvLSTM2DCell(2, 2, dilation_rate=2, recurrent_activation="sigmoid",
                                                       data_format="channels_first", **F64), (3, 1, 5, 6))
    x = normal(3, 1, 5, 6)
    out, (h, c) = cell(x, None)
    shape = slide(np.moveaxis(x, 1, -1), *weights[::2], dilation=2).shape[1:3]
    step = reference.conv_step(*weights, rec=reference.logistic, dilation=2)
    expected, states = step(np.moveaxis(x, 1, -1), [np.zeros((3, *shape, 2))] * 2)
    close(out, np.moveaxis(expected, -1, 1))
    close(c, np.moveaxis(states[1], -1, 1))
    assert h.shape == out.shape and (cell.state_size, cell.output_size) == ((2, 2), 2)


@pytest.mark.parametrize("make, text", [
    (lambda: ConvLSTM2D(0, 3), "filters must be a positive integer"),
    (lambda: ConvLSTM2D(2, 3, padding="causal"), "padding must be 'valid' or 'same'"),
    (lambda: ConvLSTM2D(2, 3, strides=2, dilation_rate=2), "strides and dilation_rate cannot both exceed 1"),
    (lambda: ConvLSTM2D(2, (3, 3, 3)), "kernel_size must be a positive integer or 2 of them"),
    (lambda: ConvLSTM2D(2, 3)(Input((None, 5, 5, None))), "the channel dimension of the inputs should be defined"),
    (lambda: ConvLSTM1D(2, 3)(Input((5, 5, 5, 5))), "expected 4 dimensions, got 5"),
    (lambda: ConvLSTM3D(2, 3)(Input((5, 5, 5, 5))), "expected 6 dimensions, got 5"),
    (lambda: LSTM(0), "units must be a positive integer, got 0"),
    (lambda: LSTM(2)(Input((3,))), "expected 3 dimensions, got 2"),
    (lambda: LSTM(2)(Input((3, None))), "the weight 'kernel' needs a known shape"),
    (lambda: GRU(2, recurrent_activation="sigmoidal"), "unknown activation 'sigmoidal'"),
    (lambda: RNN(Minimal(2))(ops.ones((2, 0, 3))), r"at least 1 step, got an input of shape \(2, 0, 3\)"),
    (lambda: RNN(LSTMCell(2))(Input((3,))), "expected at least 3 dimensions, got 2"),
])
def test_errors(make, text):
    with pytest.raises(ValueError, match=text):
        make()


# Weights and options

@pytest.mark.parametrize("cls, shapes", [
    (SimpleRNN, [(5, 3), (3, 3), (3,)]), (LSTM, [(5, 12), (3, 12), (12,)]), (GRU, [(5, 9), (3, 9), (9,)]),
    (CuDNNGRU, [(5, 9), (3, 9), (2, 9)]),
])
def test_weights(cls, shapes):
    layer = cls(3, name="memory")
    layer(ops.ones((2, 4, 5)))
    assert [w.shape for w in layer.weights] == shapes
    assert [w.name for w in layer.weights] == ["memory/kernel", "memory/recurrent_kernel", "memory/bias"]
    assert layer.kernel is layer.cell.kernel and layer.bias is layer.weights[2]
    assert cls(3, use_bias=False).count_params() == 0 if cls is not CuDNNGRU else True
    recurrent = layer.recurrent_kernel.numpy()
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(3), atol=1e-5)      # orthogonal
    bias = layer.bias.numpy()
    np.testing.assert_array_equal(bias, [0] * 3 + [1] * 3 + [0] * 6 if cls is LSTM else np.zeros(bias.shape))


def test_parameters_of_the_seeds():
    layer = LSTM(32, input_shape=(8, 16))
    assert tahr.Sequential([layer]).count_params() == 4 * (16 * 32 + 32 * 32 + 32)


def test_first_layer_shapes():
    made = [tahr.Sequential([LSTM(32, **arguments)]) for arguments in (
        {"input_shape": (10, 64)}, {"batch_input_shape": (None, 10, 64)}, {"input_length": 10, "input_dim": 64})]
    assert {model.input_shape for model in made} == {(None, 10, 64)}
    assert {model.output_shape for model in made} == {(None, 32)}


def test_bias_of_the_forget_gate():
    for arguments, expected in (({"unit_forget_bias": False}, [0] * 8),
                                ({"bias_initializer": "ones"}, [1] * 8),
                                ({"bias_initializer": tahr.initializers.Constant(2.0)}, [2, 2, 1, 1, 2, 2, 2, 2])):
        layer = LSTM(2, **arguments)
        layer(ops.ones((1, 3, 2)))
        np.testing.assert_array_equal(layer.bias.numpy(), expected)


@pytest.mark.parametrize("cls, arguments", [(SimpleRNN, {}), (LSTM, {}), (GRU, {}), (ConvLSTM2D, {"kernel_size": 2})])
def test_regularizers_and_constraints(cls, arguments):
    options = {f"{name}_{kind}": value for name in ("kernel", "recurrent", "bias")
               for kind, value in (("regularizer", "l2"), ("constraint", "non_neg"))}
    layer = cls(2, **arguments, **options, bias_initializer="ones", activity_regularizer="l2")
    layer(ops.ones((2, 3, 4, 4, 1) if cls is ConvLSTM2D else (2, 3, 2)))
    assert len(layer.losses) == 4 and all(float(loss) > 0 for loss in layer.losses)
    assert all(isinstance(w.constraint, tahr.constraints.NonNeg) for w in layer.weights)
    assert len(layer.cell.losses) == 3


def test_activity_of_any_recurrent_layer():
    layer = RNN(Minimal(2), activity_regularizer="l1")
    out = layer(ops.ones((2, 3, 2)))
    np.testing.assert_allclose(float(layer.losses[0]), 0.01 * np.abs(out.numpy()).sum(), rtol=1e-5)


def test_freezing_reaches_the_cell():
    for layer in (LSTM(2, trainable=False), RNN(LSTMCell(2), trainable=False), RNN([Minimal(2)], trainable=False)):
        layer(ops.ones((2, 3, 2)))
        assert layer.trainable_weights == [] and layer.weights
        layer.trainable = True
        assert layer.trainable_weights == layer.weights or len(layer.trainable_weights) == len(layer.weights)


def test_integers_are_taken():
    layer = LSTM(2)
    np.testing.assert_array_equal(layer(np.ones((2, 3, 4), "int64")).numpy(), layer(ops.ones((2, 3, 4))).numpy())


def test_unroll_and_implementation_change_nothing():
    x = normal(2, 4, 3)
    first = LSTM(2, **F64)
    expected = first(x).numpy()
    for arguments in ({"unroll": True}, {"implementation": 1}, {"implementation": 0}):
        layer = LSTM(2, **arguments, weights=first.get_weights(), **F64)
        np.testing.assert_array_equal(layer(x).numpy(), expected)
        assert layer.get_config().items() >= arguments.items()


def test_steps_may_be_any():
    layer, weights = with_random_weights(LSTM(2, return_sequences=True, **F64), (None, None, 3))
    for shape in ((1, 1, 3), (2, 7, 3), (5, 2, 3)):
        x = normal(*shape)
        close(layer(x), reference.lstm(x, *weights))


@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 3), st.sampled_from(list(PLAIN)), st.booleans(),
       st.data())
def test_any_size_and_mask(batch, time, units, cls, backwards, data):
    layer, weights = with_random_weights(cls(units, return_sequences=True, go_backwards=backwards, **F64),
                                         (batch, time, 2))
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=batch * time, max_size=batch * time)))
    mask = mask.reshape(batch, time)
    x = normal(batch, time, 2)
    states = [np.zeros((batch, units))] * layer.state_count
    close(layer(x, mask=mask), reference.steps(x, states, PLAIN[cls](*weights), mask, backwards)[0], 1e-9)


# Keras 1

OLD = {"output_dim": 3, "init": "uniform", "inner_init": "orthogonal", "W_regularizer": "l2", "U_regularizer": "l1",
       "b_regularizer": "l2", "dropout_W": 0.25, "dropout_U": 0.5, "consume_less": "gpu"}
NEW = {"units": 3, "kernel_initializer": "uniform", "recurrent_initializer": "orthogonal", "kernel_regularizer": "l2",
       "recurrent_regularizer": "l1", "bias_regularizer": "l2", "dropout": 0.25, "recurrent_dropout": 0.5,
       "implementation": 2}


@pytest.mark.parametrize("cls", [SimpleRNN, LSTM, GRU])
def test_keras1_spellings(cls):
    with pytest.warns(DeprecationWarning) as told:
        old = cls(name="a", **OLD)
    assert len(told) == len(OLD) and "'output_dim' is now called 'units'" in str(told[0].message)
    legacy = {} if cls is SimpleRNN else {"recurrent_activation": "hard_sigmoid"}
    assert old.get_config() == cls(name="a", **NEW, **legacy).get_config()
    with pytest.raises(TypeError, match="received both the legacy keyword argument `output_dim` and the Keras 2 "
                       "keyword argument `units`"):
        cls(units=3, output_dim=3)


def rec(layer):
    return layer.get_config()["recurrent_activation"]


@pytest.mark.parametrize("cls", [LSTM, GRU])
def test_keras1_defaults_come_with_keras1_spellings(cls):
    assert rec(cls(3)) == rec(cls(3, kernel_initializer="uniform", input_dim=3)) == "sigmoid"
    for old in ({"output_dim": 3}, {"units": 3, "inner_init": "orthogonal"}, {"units": 3, "consume_less": "mem"},
                {"units": 3, "dropout_W": 0.5}, {"units": 3, "init": "uniform"}):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            assert rec(cls(**old)) == "hard_sigmoid"
            assert rec(cls(**old, recurrent_activation="tanh")) == "tanh"
            assert rec(cls(**old, inner_activation="tanh")) == "tanh"
    with pytest.warns(DeprecationWarning):
        layer = cls(output_dim=3, activation="sigmoid", inner_activation="hard_sigmoid")
    assert (rec(layer), layer.get_config()["activation"]) == ("hard_sigmoid", "sigmoid")
    assert rec(cls.from_config(cls(3).get_config())) == "sigmoid"


def test_keras1_forget_bias():
    layer = LSTM(3, forget_bias_init="one", unit_forget_bias=False)
    assert layer.unit_forget_bias and rec(layer) == "hard_sigmoid"
    with pytest.warns(UserWarning, match="forget_bias_init='zero' is ignored"):
        LSTM(3, forget_bias_init="zero")


def test_keras1_film():
    with pytest.warns(DeprecationWarning):
        layer = ConvLSTM2D(nb_filter=4, nb_row=3, nb_col=2, border_mode="same", inner_activation="sigmoid",
                           subsample=(1, 1), dim_ordering="tf")
    assert layer(ops.ones((2, 3, 5, 6, 1))).shape == (2, 5, 6, 4)
    assert (layer.kernel_size, rec(layer)) == ((3, 2), "sigmoid")


def test_other_names():
    assert layers.CuDNNLSTM is LSTM and layers.ConvRNN2D is RNN
    assert CuDNNGRU(3).reset_after and not GRU(3).reset_after
    assert layers.CuDNNLSTM(3).get_config()["recurrent_activation"] == "sigmoid"
    config = {"class_name": "CuDNNLSTM", "config": {"units": 2, "name": "c"}}
    assert isinstance(Layer.get(config), LSTM)


# Keras 3

GOLDEN = np.load(pathlib.Path(__file__).parent / "golden" / "recurrent.npz")
CASES = sorted({key.split("/")[0] for key in GOLDEN if "/" in key})


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_keras3(name, dtype):
    case = {key.removeprefix(f"{name}/"): GOLDEN[key] for key in GOLDEN if key.startswith(f"{name}/")}
    cls, arguments = json.loads(str(case["spec"]))
    parts = lambda kind: [case[f"{kind}{i}"] for i in range(12) if f"{kind}{i}" in case]
    layer = getattr(layers, cls)(**arguments, dtype=dtype, weights=parts("weight"))
    given = {"mask": case["mask"]} if "mask" in case else {}
    if states := parts("state"):
        given["initial_state"] = states
    out = layer(case["x"], **given)
    for found, expected in zip(out if isinstance(out, list) else [out], parts("y"), strict=True):
        assert found.dtype == dtype
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-6)


def test_keras3_covers_the_layers():
    assert {json.loads(str(GOLDEN[f"{name}/spec"]))[0] for name in CASES} == {
        "SimpleRNN", "LSTM", "GRU", "Bidirectional", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}


# Training

@pytest.mark.parametrize("make", [
    lambda: LSTM(8, dropout=0.1, recurrent_dropout=0.1), lambda: GRU(8, reset_after=True),
    lambda: SimpleRNN(8, go_backwards=True), lambda: Bidirectional(GRU(4)), lambda: RNN([LSTMCell(8), GRUCell(4)]),
], ids=["lstm", "gru", "simple", "both", "stack"])
def test_training_lowers_the_loss(make):
    model = tahr.Sequential([Input((6, 2)), make(), Dense(1)])
    model.compile(tahr.optimizers.Adam(0.01), "mse")
    x = normal(128, 6, 2).astype("float32")
    y = np.tanh(x[:, :, 0].mean(1, keepdims=True))
    history = model.fit(x, y, epochs=15, verbose=0).history["loss"]
    assert history[-1] < 0.5 * history[0]
