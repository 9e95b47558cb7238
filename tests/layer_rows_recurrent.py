"""References for recurrent layers: plain NumPy, a loop over the steps; and how the layers are made that they stand for.

Each function takes the input (batch, steps, ...) and the weights, and returns the outputs of all steps.
"""

import contextlib
import functools

import numpy as np

from tahr import layers
from tahr.layers.base import phase
from tahr.tensor import Variable

from .layer_rows import slide


def logistic(x):
    return 1 / (1 + np.exp(-x))


def hard(x):
    return np.clip(0.2 * x + 0.5, 0, 1)


def steps(x, state, step, mask=None, backwards=False, zeros=False):
    """The outputs of all steps in their order, and the last state; ``state`` is a list of arrays (batch, ...).

    A masked row keeps its states and repeats its output, which begins with 0.
    """
    outputs, before = [], None
    for t in reversed(range(x.shape[1])) if backwards else range(x.shape[1]):
        out, new = step(x[:, t], state)
        if mask is not None:
            out, new = out.copy(), [n.copy() for n in new]
            for row in range(len(x)):
                if not mask[row, t]:
                    out[row] = 0 if before is None or zeros else before[row]
                    for n, old in zip(new, state):
                        n[row] = old[row]
            before = out
        outputs.append(out)
        state = new
    return np.stack(outputs, 1), state


def gates(x, kernel, bias=0.0):
    """The columns of each gate are a matrix of their own."""
    return lambda count: np.split(x @ kernel + bias, count, -1)


def simple_step(w, u, b=0.0, act=np.tanh):
    def step(x, state):
        h = act(x @ w + state[0] @ u + b)
        return h, [h]
    return step


def lstm_step(w, u, b=0.0, act=np.tanh, rec=logistic):
    def step(x, state):
        h, c = state
        i, f, new, o = (p + q for p, q in zip(gates(x, w, b)(4), gates(h, u)(4)))
        c = rec(f) * c + rec(i) * act(new)
        h = rec(o) * act(c)
        return h, [h, c]
    return step


def gru_step(w, u, b=0.0, act=np.tanh, rec=logistic):
    n = u.shape[0]

    def step(x, state):
        h = state[0]
        z, r, new = gates(x, w, b)(3)
        z, r = rec(z + h @ u[:, :n]), rec(r + h @ u[:, n:2 * n])
        h = z * h + (1 - z) * act(new + (r * h) @ u[:, 2 * n:])
        return h, [h]
    return step


def gru_after_step(w, u, b, act=np.tanh, rec=logistic):
    def step(x, state):
        h = state[0]
        (z, r, new), (hz, hr, hnew) = gates(x, w, b[0])(3), gates(h, u, b[1])(3)
        z, r = rec(z + hz), rec(r + hr)
        h = z * h + (1 - z) * act(new + r * hnew)
        return h, [h]
    return step


def conv_step(w, u, b=0.0, act=np.tanh, rec=hard, **options):
    def step(x, state):
        h, c = state
        rank = w.ndim - 2
        z = slide(x, w, b, **options) + slide(h, u, 0.0, 1, "same")
        i, f, new, o = np.split(z, 4, rank + 1)
        c = rec(f) * c + rec(i) * act(new)
        h = rec(o) * act(c)
        return h, [h, c]
    return step


def zeros(x, *sizes):
    return [np.zeros((len(x), *np.atleast_1d(n))) for n in sizes]


def simple(x, w, u, b=0.0, act=np.tanh, **order):
    return steps(x, zeros(x, len(u)), simple_step(w, u, b, act), **order)[0]


def lstm(x, w, u, b=0.0, act=np.tanh, rec=logistic, **order):
    return steps(x, zeros(x, len(u), len(u)), lstm_step(w, u, b, act, rec), **order)[0]


def gru(x, w, u, b=0.0, act=np.tanh, rec=logistic, **order):
    return steps(x, zeros(x, len(u)), gru_step(w, u, b, act, rec), **order)[0]


def gru_after(x, w, u, b, **order):
    return steps(x, zeros(x, len(u)), gru_after_step(w, u, b), **order)[0]


def conv(x, w, u, b=0.0, act=np.tanh, rec=hard, **options):
    size = slide(x[:, 0], w, b, **options).shape[1:-1]
    shape = (*size, u.shape[-2])
    return steps(x, [np.zeros((len(x), *shape)) for _ in range(2)], conv_step(w, u, b, act, rec, **options))[0]


def channels_first(x, *weights):
    return np.moveaxis(conv(np.moveaxis(x, 2, -1), *weights), -1, 2)


def stacked(x, *weights):
    """An LSTM below a GRU."""
    return gru(lstm(x, *weights[:3]), *weights[3:])


def both_ways(x, *weights, one=lstm):
    """The outputs of both ways at each step."""
    half = len(weights) // 2
    return one(x, *weights[:half]), one(x[:, ::-1], *weights[half:])[:, ::-1]


def sequence(*shape):
    return (2, 4, *shape)


def config(name, **arguments):
    return {"class_name": name, "config": {"name": name.lower(), **arguments}}


last = lambda reference: lambda *arrays: reference(*arrays)[:, -1]
ALL = {"return_sequences": True}
LSTM_ALL = config("LSTM", units=2, **ALL)
ROWS = [
    (layers.SimpleRNN, {"units": 3}, sequence(2), last(simple)),
    (layers.SimpleRNN, {"units": 2, "activation": "relu", "use_bias": False, "go_backwards": True, **ALL}, sequence(2),
     lambda *a: simple(*a, act=lambda x: np.maximum(x, 0), backwards=True), (1,)),
    (layers.LSTM, {"units": 2}, sequence(2), last(lstm)),
    (layers.LSTM, {"units": 2, "recurrent_activation": "hard_sigmoid", "activation": "sigmoid", **ALL}, sequence(3),
     lambda *a: lstm(*a, act=logistic, rec=hard), (1,)),
    (layers.LSTM, {"units": 2, "activation": "selu", "use_bias": False, "unroll": True, **ALL}, sequence(2),
     lambda *a: lstm(*a, act=lambda x: 1.0507009873554805 * np.where(
         x > 0, x, 1.6732632423543772 * (np.exp(np.minimum(x, 0)) - 1))), (1,)),
    (layers.GRU, {"units": 2, "implementation": 1}, sequence(2), last(gru)),
    (layers.GRU, {"units": 2, "reset_after": True, **ALL}, sequence(2), gru_after, (1,)),
    (layers.CuDNNGRU, {"units": 3}, sequence(2), last(gru_after)),
    (layers.RNN, {"cell": config("GRUCell", units=2), **ALL}, sequence(2), gru, (1,)),
    (layers.RNN, {"cell": config("StackedRNNCells", cells=[config("LSTMCell", units=2), config("GRUCell", units=3)])},
     sequence(2), last(stacked)),
    (layers.Bidirectional, {"layer": LSTM_ALL}, sequence(2), lambda *a: np.concatenate(both_ways(*a), -1), (1,)),
    (layers.Bidirectional, {"layer": config("SimpleRNN", units=2), "merge_mode": "mul"}, sequence(2),
     lambda x, *w: simple(x, *w[:3])[:, -1] * simple(x[:, ::-1], *w[3:])[:, -1]),
    (layers.ConvLSTM1D, {"filters": 2, "kernel_size": 2, "strides": 2, "padding": "same"}, sequence(3, 2),
     last(lambda *a: conv(*a, strides=2, padding="same"))),
    (layers.ConvLSTM2D, {"filters": 2, "kernel_size": 2, **ALL}, (2, 2, 3, 4, 1), conv, (1,)),
    (layers.ConvLSTM2D, {"filters": 1, "kernel_size": (1, 2), "data_format": "channels_first", **ALL}, (2, 2, 2, 2, 3),
     channels_first, (1,)),
    (layers.ConvLSTM3D, {"filters": 1, "kernel_size": 2, "recurrent_activation": "sigmoid", "use_bias": False},
     (2, 2, 2, 3, 2, 1), last(lambda *a: conv(*a, rec=logistic))),
]
CELLS = {layers.SimpleRNNCell, layers.GRUCell, layers.LSTMCell, layers.StackedRNNCells, layers.ConvLSTM2DCell}


@contextlib.contextmanager
def replaced(layer, variables, tensors):
    """Within it, tensors stand in the place of weights of the layer and of the layers inside it."""
    places = {id(v): t for v, t in zip(variables, tensors)}
    held = [(part, name, v) for part in layer.all_layers() for name, v in vars(part).items()
            if isinstance(v, Variable) and id(v) in places]
    assert len(held) == len(variables)
    for part, name, v in held:
        vars(part)[name] = places[id(v)]
    try:
        yield
    finally:
        for part, name, v in held:
            vars(part)[name] = v


def with_weights_of_parts(flat):
    """``flat(layer, variables, x, tensors, training)`` for layers whose weights lie in layers inside them as well."""
    @functools.wraps(flat)
    def with_weights(layer, variables, x, tensors, training):
        if not layer.sublayers:
            return flat(layer, variables, x, tensors, training)
        with replaced(layer, variables, tensors), phase(training):
            return layer(x)
    return with_weights
