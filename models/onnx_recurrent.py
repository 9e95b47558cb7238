"""Recurrent layers in ONNX, which has (steps, samples, features), and gates in an order of its own."""

import numpy as np

from ..layers.bidirectional import Bidirectional
from ..layers.cells import GRUCell, LSTMCell, SimpleRNNCell
from ..layers.recurrent import RNN
from .onnx_table import activation_name, writes

CELLS = {LSTMCell: ("LSTM", (0, 3, 1, 2)), GRUCell: ("GRU", (0, 1, 2)), SimpleRNNCell: ("RNN", (0,))}
IN_CELLS = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "linear": "Affine", "hard_sigmoid": "HardSigmoid",
            "elu": "Elu", "softsign": "Softsign", "softplus": "Softplus"}
PARAMETERS = {"linear": (1.0, 0.0), "hard_sigmoid": (0.2, 0.5), "elu": (1.0, None)}


def _in_cell(function, cell):
    name = activation_name(function, cell)
    if name not in IN_CELLS:
        raise ValueError(f"layer {cell.name!r}: the activation {name!r} has no ONNX form inside recurrent layers; "
                         f"those that have: {', '.join(IN_CELLS)}")
    return IN_CELLS[name], PARAMETERS.get(name, (None, None))


def _gates_first(array, order):
    parts = np.split(array, len(order), -1)
    return np.concatenate([parts[i] for i in order], -1).T


@writes(RNN)
def _recurrent(w, layer, x, shape):
    out, states = _sequence(w, layer, x)
    return [out, *states] if layer.return_state else out


def _sequence(w, layer, x):
    """The output of a recurrent layer, and its last states."""
    cell = layer.cell
    kind = next((kind for kind in CELLS if type(cell) is kind), None)
    if kind is None:
        raise ValueError(f"layer {layer.name!r}: a recurrent layer of {type(cell).__name__} has no ONNX form; those of "
                         f"{', '.join(kind.__name__ for kind in CELLS)} have")
    name, order = CELLS[kind]
    x = w.transpose(x, (1, 0, 2))
    if layer.go_backwards:
        x = _turned(w, x, 0)
    kernels = [w.constant(_gates_first(v.data, order)[None], v.name) for v in (cell.kernel, cell.recurrent_kernel)]
    found = w.op(name, x, *kernels, _cell_bias(w, cell, order), hidden_size=cell.units,
                 outputs=3 if name == "LSTM" else 2, **_cell_options(cell, name))
    states = [w.op("Squeeze", state, w.integers(0)) for state in found[1:]]
    if not layer.return_sequences:
        return states[0], states
    return w.transpose(w.op("Squeeze", found[0], w.integers(1)), (1, 0, 2)), states


def _turned(w, x, axis):
    """``x`` with an axis the other way round."""
    return w.op("Slice", x, w.integers(-1), w.integers(np.iinfo(np.int64).min), w.integers(axis), w.integers(-1))


def _cell_bias(w, cell, order):
    if cell.bias is None:
        return None
    bias = cell.bias.data
    own, recurrent = bias if bias.ndim == 2 else (bias, np.zeros_like(bias))
    return w.constant(np.concatenate([_gates_first(own, order), _gates_first(recurrent, order)])[None], cell.bias.name)


def _cell_options(cell, name):
    functions = [_in_cell(cell.activation, cell)]
    if name != "RNN":
        functions = [_in_cell(cell.recurrent_activation, cell), functions[0]] + functions * (name == "LSTM")
    alphas, betas = ([p[i] for _, p in functions if p[i] is not None] for i in (0, 1))
    options = {"activations": [title for title, _ in functions]}
    options |= {"activation_alpha": alphas} if alphas else {}
    options |= {"activation_beta": betas} if betas else {}
    return options | ({"linear_before_reset": int(cell.reset_after)} if name == "GRU" else {})


@writes(Bidirectional)
def _both_ways(w, layer, x, shape):
    (forward, states), (back, more) = (_sequence(w, one, x) for one in (layer.forward_layer, layer.backward_layer))
    if layer.return_sequences:
        back = _turned(w, back, 1)
    merged = {"concat": lambda: w.op("Concat", forward, back, axis=-1), "sum": lambda: w.op("Add", forward, back),
              "mul": lambda: w.op("Mul", forward, back), "ave": lambda: w.op("Mean", forward, back),
              None: lambda: [forward, back]}[layer.merge_mode]()
    if not layer.return_state:
        return merged
    return [*(merged if isinstance(merged, list) else [merged]), *states, *more]
