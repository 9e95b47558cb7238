"""Recurrent layers over whole sequences, trained and run."""

import numpy as np

from tahr.kernels.recurrent import GATES, rnn, rnn_grad

from ..cases import Case, family, normal, shrunk, size_of

SHAPES = [(32, 80, 128, 128), (64, 8, 16, 32), (128, 40, 60, 128), (16, 16, 256, 128)]      # batch, time, input, units
CELLS = {"lstm": "LSTM", "gru_reset_after": "GRU", "simple": "RNN", "gru": None}    # PyTorch has no other GRU
ORDER = {"LSTM": [0, 1, 2, 3], "GRU": [1, 0, 2], "RNN": [0]}      # our gates in PyTorch's order


def _weights(cell, inputs, units):
    gates = GATES[cell]
    bias = (2, gates * units) if cell == "gru_reset_after" else (gates * units,)
    return [w * np.float32(units ** -0.5) for w in (normal(inputs, gates * units, seed=1),
                                                   normal(units, gates * units, seed=2), normal(*bias, seed=3))]


def _how(cell, x, kernel, recurrent, bias):
    """The arguments that run and gradient have in common: no first state, mask or dropout."""
    return cell, x, kernel, recurrent, bias, None, None, None, None, None


def _train(cell, g, *arrays):
    how = _how(cell, *arrays)
    (y, _, _), saved = rnn(*how, "tanh", "sigmoid", False, False, True)
    dx, dw, du, db, *_ = rnn_grad(*how, g, None, None, saved, "tanh", "sigmoid", False, False, True)
    return y, dx, dw, du, *(db if db.ndim == 2 else [db])


def _run(cell, *arrays):
    return rnn(*_how(cell, *arrays), "tanh", "sigmoid", False, False, False)[0][0]


def _module(torch, name, kernel, recurrent, bias, batch_first):
    """PyTorch's layer with our weights."""
    module = getattr(torch.nn, name)(len(kernel), len(recurrent), batch_first=batch_first)
    gates = lambda w: np.concatenate([np.split(w, len(ORDER[name]), -1)[i] for i in ORDER[name]], -1)
    biases = bias if bias.ndim == 2 else (bias, np.zeros_like(bias))
    for p, w in zip(module.parameters(), (kernel, recurrent, *biases)):
        p.data.copy_(torch.from_numpy(gates(w).T.copy()))
    return module


def _by(torch, name, training, g, x, *weights):
    """``{layout: function}``; gradients by autograd, for PyTorch does not let us call its kernels."""
    def function(batch_first):
        module = _module(torch, name, *weights, batch_first)
        order = (lambda a: a) if batch_first else (lambda a: np.ascontiguousarray(a.swapaxes(0, 1)))
        tx, tg = (torch.from_numpy(order(a)) for a in (x, g))
        if not training:
            return lambda: module(tx)[0]
        tx.requires_grad_()
        parameters = [tx, *module.parameters()]
        compared = 5 if name == "GRU" else 4        # the gradient of a second bias is that of the first once more

        def train():
            with torch.enable_grad():
                y = module(tx)[0]
                return y.detach(), torch.autograd.grad(y, parameters, tg)[:compared]
        return train
    return {"batch first": function(True), "time first": function(False)}


@family("recurrent")
def sequences(torch, tiny):
    """Forward and through time; forward alone."""
    for cell, name in CELLS.items():
        for shape in SHAPES[:1 if name in (None, "RNN") else None]:
            batch, time, inputs, units = shrunk(shape, tiny)
            x, g = normal(batch, time, inputs), normal(batch, time, units, seed=4)
            arrays = x, *_weights(cell, inputs, units)
            products = 2.0 * batch * time * (inputs + units) * GATES[cell] * units
            words = f"{cell} {batch} x {time} x {inputs} to {units}"
            train = Case(f"{words}, training", lambda c=cell, g=g, a=arrays: _train(c, g, *a), flops=3 * products,
                         bytes=4 * size_of(g))
            run = Case(words, lambda c=cell, a=arrays: _run(c, *a), flops=products, bytes=size_of(x, g))
            if torch and name:
                train.torch = _by(torch, name, True, g, *arrays)
                run.torch = _by(torch, name, False, g, *arrays)
            yield from (train, run)
