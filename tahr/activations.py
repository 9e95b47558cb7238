"""Activation functions by their Keras names.

``softmax`` and ``sigmoid`` leave on their result what they were applied to: the cross-entropies compute from there,
which is stable where probabilities round to 0 or 1.
"""

import warnings

from . import ops
from .ops import (
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
    tanh,
)
from .tensor import Symbol, Tensor
from .utils.configurable import refuse_class, serialize
from .utils.custom import deserialized, in_scope
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
def relu(x, negative_slope=0.0, max_value=None, threshold=0.0, alpha=None):
    """``x`` above ``threshold``, ``negative_slope * (x - threshold)`` below it, at most ``max_value``.

    ``alpha`` is Keras 2's name of ``negative_slope``.

    >>> relu([-1.0, 2.0, 9.0], negative_slope=0.5, max_value=6.0)
    Tensor([-0.5,  2. ,  6. ])
    """
    if alpha is not None:
        if negative_slope:
            raise TypeError("relu got both 'alpha' and 'negative_slope', two spellings of one argument: keep "
                            "'negative_slope'")
        negative_slope = alpha
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


@activation
def hard_sigmoid_keras3(x):
    """``min(max(x + 3, 0), 6) / 6``: what Keras 3 and PyTorch call ``hard_sigmoid``.

    >>> hard_sigmoid_keras3([-4.0, 0.0, 1.5])
    Tensor([0.  , 0.5 , 0.75])
    """
    return relu6(_tensor(x) + 3.0) / 6.0


@activation
def hard_silu(x):
    """``x * min(max(x + 3, 0), 6) / 6`` (Howard et al., 2019), also called hard swish.

    >>> hard_silu([-4.0, 1.5, 4.0])
    Tensor([-0.   ,  1.125,  4.   ])
    """
    x = _tensor(x)
    return x * hard_sigmoid_keras3(x)


@activation
def hard_tanh(x):
    """``x`` limited to [-1, 1].

    >>> hard_tanh([-2.0, 0.5])
    Tensor([-1. ,  0.5])
    """
    return ops.clip(x, -1.0, 1.0)


@activation
def tanh_shrink(x):
    """``x - tanh(x)``.

    >>> tanh_shrink([0.0])
    Tensor([0.])
    """
    x = _tensor(x)
    return x - tanh(x)


@activation
def soft_shrink(x, threshold=0.5):
    """``x`` drawn to 0 by ``threshold``, 0 if that passes it.

    >>> soft_shrink([-2.0, 0.25, 1.0])
    Tensor([-1.5,  0. ,  0.5])
    """
    x = _tensor(x)
    return ops.where(x > threshold, x - threshold, ops.where(x < -threshold, x + threshold, x * 0.0))


@activation
def hard_shrink(x, threshold=0.5):
    """``x``, and 0 within ``threshold`` of 0.

    >>> hard_shrink([-2.0, 0.25, 1.0])
    Tensor([-2.,  0.,  1.])
    """
    x = _tensor(x)
    return ops.where(ops.absolute(x) <= threshold, 0.0, x)


@activation
def threshold(x, threshold, default_value):
    """``x`` above ``threshold``, ``default_value`` elsewhere.

    >>> threshold([-2.0, 0.25, 1.0], 0.5, 7.0)
    Tensor([7., 7., 1.])
    """
    x = _tensor(x)
    return ops.where(x <= threshold, default_value, x)


@activation
def celu(x, alpha=1.0):
    """``x``, and ``alpha * (exp(x / alpha) - 1)`` below 0: an :func:`elu` without a kink (Barron, 2017).

    >>> celu([2.0, 0.0])
    Tensor([2., 0.])
    """
    return alpha * elu(_tensor(x) / alpha)


@activation
def glu(x, axis=-1):
    """``a * sigmoid(b)`` of the halves ``a`` and ``b`` along an axis (Dauphin et al., 2017).

    >>> glu([2.0, 0.0])
    Tensor([1.])
    """
    x = _tensor(x)
    if x.shape[axis] is not None and x.shape[axis] % 2:
        raise ValueError(f"glu halves axis {axis}, which must be even, got shape {x.shape}")
    a, b = ops.split(x, 2, axis)
    return a * ops.sigmoid(b)


@activation
def squareplus(x, b=4.0):
    """``(x + sqrt(x**2 + b)) / 2`` (Barron, 2021).

    >>> squareplus([0.0])
    Tensor([1.])
    """
    x = _tensor(x)
    return 0.5 * (x + ops.sqrt(x * x + b))


@activation
def sparse_plus(x):
    """0 up to -1, ``(x + 1)**2 / 4`` up to 1, then ``x``.

    >>> sparse_plus([-2.0, 0.0, 3.0])
    Tensor([0.  , 0.25, 3.  ])
    """
    x = _tensor(x)
    inner = ops.clip(x, -1.0, 1.0)
    return ops.where(x >= 1, x, 0.25 * ops.square(inner + 1.0))


@activation
def sparse_sigmoid(x):
    """``(x + 1) / 2`` limited to [0, 1].

    >>> sparse_sigmoid([-2.0, 0.0, 3.0])
    Tensor([0. , 0.5, 1. ])
    """
    return ops.clip(0.5 * _tensor(x) + 0.5, 0.0, 1.0)


@activation
def sparsemax(x, axis=-1):
    """The distribution that is nearest to ``x`` along an axis; unlike :func:`softmax`'s it has zeros.

    Source: Martins and Astudillo, From softmax to sparsemax, ICML 2016.

    >>> sparsemax([[1.0, 0.5, -1.0]])
    Tensor([[0.75, 0.25, 0.  ]])
    """
    x = ops.moveaxis(_tensor(x), axis, -1)
    falling = -ops.sort(-x, -1)
    counts = ops.arange(1, x.shape[-1] + 1).astype(x.dtype)
    kept = ops.max(ops.where(1 + counts * falling > ops.cumsum(falling, -1), counts, 0.0), -1, True)
    smallest = ops.take_along_axis(falling, kept.astype("int64") - 1, -1)
    excess = ops.sum(ops.where(x >= smallest, x, 0.0), -1, True) - 1
    return ops.moveaxis(ops.maximum(x - excess / kept, 0.0), -1, axis)


for _function in (elu, gelu, hard_sigmoid, leaky_relu, log_sigmoid, log_softmax, mish, relu6, selu, silu, softplus,
                  softsign, tanh):
    activation(_function)
swish = ACTIVATIONS["swish"] = silu
hard_swish = ACTIVATIONS["hard_swish"] = hard_silu


def get(identifier):
    """An activation by name or itself; None is ``linear``.

    Raises:
        ValueError: for an unknown name. TypeError: for a class instead of its object, and for anything else.

    >>> get("relu") is relu, get(None) is linear
    (True, True)
    """
    if (own := in_scope(identifier)) is not identifier:
        return own
    if identifier is None:
        return linear
    refuse_class(identifier)
    if callable(identifier):
        if hasattr(identifier, "get_weights"):
            warnings.warn(f"the layer {identifier!r} was given as an activation, which configs and files do not keep: "
                          "add it to the model as a layer of its own", UserWarning, stacklevel=2)
        return identifier
    if not isinstance(identifier, str):
        raise TypeError(f"expected the name of an activation or a function of a tensor, got "
                        f"{type(identifier).__name__} {identifier!r}")
    if identifier not in ACTIVATIONS:
        raise ValueError(f"unknown activation {identifier!r}.{did_you_mean(identifier, ACTIVATIONS)} "
                         f"Known: {', '.join(sorted(ACTIVATIONS))}")
    return ACTIVATIONS[identifier]


def deserialize(config, custom_objects=None):
    """The activation that :func:`serialize` wrote down, by its name; ``custom_objects`` maps further names.

    >>> deserialize(serialize(relu)) is relu
    True
    """
    return get(deserialized(config, custom_objects, get))


__all__ = ["ACTIVATIONS", "activation", "deserialize", "get", "serialize", *ACTIVATIONS]
