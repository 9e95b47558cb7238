"""Activation functions by their Keras names.

``softmax`` and ``sigmoid`` leave on their result what they were applied to: the cross-entropies compute from there,
which is stable where probabilities round to 0 or 1.
"""

from . import ops
from .tensor import Symbol, Tensor
from .tensor.activation import (
    elu,
    gelu,
    hard_sigmoid,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    mish,
    relu6,
    selu,
    silu,
    softplus,
    softsign,
)
from .tensor.elementwise import tanh
from .utils.configurable import refuse_class
from .utils.errors import did_you_mean

ACTIVATIONS = {}


def activation(function):
    """Enter a function of a tensor in the table that names are looked up in.

    >>> @activation
    ... def cube(x):
    ...     return x ** 3
    >>> get("cube") is cube
    True
    >>> del ACTIVATIONS["cube"]
    """
    ACTIVATIONS[function.__name__] = function
    return function


@activation
def linear(x):
    """``x`` itself.

    >>> linear(3.0)
    3.0
    """
    return x


@activation
def softmax(x, axis=-1):
    """``exp(x) / sum(exp(x))`` along ``axis``, without overflow.

    >>> softmax([[0.0, 0.0]])
    Tensor([[0.5, 0.5]])
    """
    x = _tensor(x)
    out = ops.softmax(x, axis)
    return _with_origin(out, "softmax", x) if axis in (-1, out.ndim - 1) else out


@activation
def sigmoid(x):
    """``1 / (1 + exp(-x))``, without overflow.

    >>> sigmoid([0.0, -1000.0])
    Tensor([0.5, 0. ])
    """
    x = _tensor(x)
    return _with_origin(ops.sigmoid(x), "sigmoid", x)


def _with_origin(out, function, x):
    """``out``, with what a loss needs to compute from ``x`` instead: the function's name tells whether it may."""
    if isinstance(out, Tensor):
        out.logits = function, x
    return out


def _tensor(x):
    return x if isinstance(x, Tensor | Symbol) else Tensor(x)


@activation
def relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    """``x`` above ``threshold``, ``negative_slope * (x - threshold)`` below it, at most ``max_value``.

    >>> relu([-1.0, 2.0, 9.0], negative_slope=0.5, max_value=6.0)
    Tensor([-0.5,  2. ,  6. ])
    """
    if (negative_slope, max_value, threshold) == (0.0, None, 0.0):
        return ops.relu(x)
    x = _tensor(x)
    if negative_slope:
        out = ops.where(x > threshold, x, negative_slope * (x - threshold))
    else:       # not a product, which would be NaN for -inf; and NaN stays NaN
        out = ops.where(x <= threshold, 0.0, x)
    return out if max_value is None else ops.minimum(out, max_value)


@activation
def exponential(x):
    """``exp(x)``.

    >>> exponential([0.0])
    Tensor([1.])
    """
    return ops.exp(x)


for _function in (elu, gelu, hard_sigmoid, leaky_relu, log_sigmoid, log_softmax, mish, relu6, selu, silu, softplus,
                  softsign, tanh):
    activation(_function)
swish = ACTIVATIONS["swish"] = silu


def get(identifier):
    """An activation by name or itself; None is ``linear``.

    Raises:
        ValueError: for an unknown name. TypeError: for a class instead of its object, and for anything else.

    >>> get("relu") is relu, get(None) is linear
    (True, True)
    """
    if identifier is None:
        return linear
    refuse_class(identifier)
    if callable(identifier):
        return identifier
    if not isinstance(identifier, str):
        raise TypeError(f"expected the name of an activation or a function of a tensor, got "
                        f"{type(identifier).__name__} {identifier!r}")
    if identifier not in ACTIVATIONS:
        raise ValueError(f"unknown activation {identifier!r}.{did_you_mean(identifier, ACTIVATIONS)} "
                         f"Known: {', '.join(sorted(ACTIVATIONS))}")
    return ACTIVATIONS[identifier]
