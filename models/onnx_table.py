"""What layers are in ONNX: the table that the modules ``onnx_...`` fill, and activations."""

import math
from collections.abc import Callable

import numpy as np

from .. import activations
from ..tensor.activation import SELU_ALPHA, SELU_SCALE

TABLE: dict[type, Callable] = {}


def writes(*kinds, ignores_masks=False):
    """Decorate a function ``(writer, layer, x, shape) -> name`` (or a list of names) that writes such layers."""
    def register(function):
        function.ignores_masks = ignores_masks
        TABLE.update(dict.fromkeys(kinds, function))
        return function
    return register


def writer_of(layer):
    """The function that writes a layer.

    Raises:
        ValueError: for a layer of a class that has none.
    """
    found = next((TABLE[kind] for kind in type(layer).__mro__ if kind in TABLE), None)
    if found is None:
        raise ValueError(f"layer {layer.name!r} ({type(layer).__name__}) has no ONNX form")
    return found


def number(w, value, like="float32"):
    """A scalar constant."""
    return w.constant(np.array(value, like))


# Activations

def _relu(w, x, dtype, slope=0.0, limit=None, threshold=0.0):
    if threshold:
        above = w.op("Greater", x, number(w, threshold, dtype))
        below = w.op("Mul", w.op("Sub", x, number(w, threshold, dtype)), number(w, slope, dtype))
        x = w.op("Where", above, x, below)
    else:
        x = w.op("LeakyRelu", x, alpha=slope) if slope else w.op("Relu", x)
    return x if limit is None else w.op("Min", x, number(w, limit, dtype))


def _gelu(w, x, dtype):
    """``x * (1 + erf(x / sqrt(2))) / 2``."""
    scaled = w.op("Erf", w.op("Mul", x, number(w, math.sqrt(0.5), dtype)))
    return w.op("Mul", w.op("Mul", x, number(w, 0.5, dtype)), w.op("Add", scaled, number(w, 1.0, dtype)))


def _times(w, x, factor):
    return w.op("Mul", x, factor)


FUNCTIONS = {       # by the names of tahr.activations
    "linear": lambda w, x, dtype: x,
    "relu": _relu,
    "relu6": lambda w, x, dtype: _relu(w, x, dtype, limit=6.0),
    "leaky_relu": lambda w, x, dtype: w.op("LeakyRelu", x, alpha=0.2),
    "sigmoid": lambda w, x, dtype: w.op("Sigmoid", x),
    "hard_sigmoid": lambda w, x, dtype: w.op("HardSigmoid", x, alpha=0.2, beta=0.5),
    "hard_sigmoid_keras3": lambda w, x, dtype: w.op("HardSigmoid", x, alpha=1 / 6, beta=0.5),
    "tanh": lambda w, x, dtype: w.op("Tanh", x),
    "hard_tanh": lambda w, x, dtype: w.op("Clip", x, number(w, -1.0, dtype), number(w, 1.0, dtype)),
    "tanh_shrink": lambda w, x, dtype: w.op("Sub", x, w.op("Tanh", x)),
    "softmax": lambda w, x, dtype: w.op("Softmax", x, axis=-1),
    "log_softmax": lambda w, x, dtype: w.op("LogSoftmax", x, axis=-1),
    "softplus": lambda w, x, dtype: w.op("Softplus", x),
    "softsign": lambda w, x, dtype: w.op("Softsign", x),
    "log_sigmoid": lambda w, x, dtype: w.op("Neg", w.op("Softplus", w.op("Neg", x))),
    "elu": lambda w, x, dtype: w.op("Elu", x),
    "celu": lambda w, x, dtype: w.op("Celu", x),
    "selu": lambda w, x, dtype: w.op("Selu", x, alpha=SELU_ALPHA, gamma=SELU_SCALE),
    "gelu": _gelu,
    "silu": lambda w, x, dtype: _times(w, x, w.op("Sigmoid", x)),
    "hard_silu": lambda w, x, dtype: _times(w, x, w.op("HardSigmoid", x, alpha=1 / 6, beta=0.5)),
    "mish": lambda w, x, dtype: _times(w, x, w.op("Tanh", w.op("Softplus", x))),
    "exponential": lambda w, x, dtype: w.op("Exp", x),
    "soft_shrink": lambda w, x, dtype: w.op("Shrink", x, lambd=0.5, bias=0.5),
    "hard_shrink": lambda w, x, dtype: w.op("Shrink", x, lambd=0.5, bias=0.0),
}


def activation_name(function, owner):
    """The name under which :data:`FUNCTIONS` has an activation."""
    name = next((name for name in FUNCTIONS if activations.ACTIVATIONS[name] is function), None)
    if name is None:
        raise ValueError(f"layer {owner.name!r}: the activation {getattr(function, '__name__', function)!r} has no "
                         f"ONNX form; those that have: {', '.join(FUNCTIONS)}")
    return name


def activate(w, layer, x):
    """``layer.activation`` of ``x``."""
    return FUNCTIONS[activation_name(layer.activation, layer)](w, x, layer.dtype)
