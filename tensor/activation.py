"""Activation functions as ops."""

import math

import numpy as np

from ..autograd import function, nonzero, op, real, sample, within
from . import shapes
from .elementwise import PAIR, UNARY, absolute, clip, erf, exp, expm1, logaddexp, smooth, tanh
from .logic import less, where
from .reduce import ALONG
from .reduce import sum as total
from .reference import each, lanes

KINKED = [sample(nonzero(3, 4)), sample(nonzero(0, 3)), sample(nonzero())]


@op(shape=shapes.same, vjp=[lambda g, _out, _g, y: relu_grad_x(g, y), None],
    reference=each(lambda g, y: g if y > 0 else 0.0), samples=[sample(real(3, 4), nonzero(3, 4)), *PAIR[1:]])
def relu_grad_x(g, y):
    """The gradient of ``y = relu(x)``."""
    return g * (y > 0)


@op(shape=shapes.same, vjp=[lambda g, out, _x: relu_grad_x(g, out)], reference=each(lambda x: x if x > 0 else 0.0),
    samples=KINKED)
def relu(x):
    """``max(x, 0)``; its gradient is 0 at 0."""
    return np.maximum(x, 0)


def _logistic(x):
    return 1 / (1 + math.exp(-x))


@op(shape=shapes.same, vjp=[lambda g, _out, _g, y: sigmoid_grad_x(g, y), lambda g, _out, gy, y: g * gy * (1 - 2 * y)],
    reference=each(lambda g, y: g * (y - y ** 2)), samples=PAIR)
def sigmoid_grad_x(g, y):
    """The gradient of ``y = sigmoid(x)``."""
    return g * (y * (1 - y))


@smooth(vjp=[lambda g, out, _x: sigmoid_grad_x(g, out)], reference=each(_logistic), samples=UNARY)
def sigmoid(x):
    """``1 / (1 + exp(-x))``, without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(np.greater_equal(x, 0), 1, e) / (1 + e)


def _softmaxed(v):
    e = [math.exp(a - max(v)) for a in v]
    return [a / math.fsum(e) for a in e]


@op(shape=shapes.along, dtype="float", vjp=[lambda g, out, _x, axis: out * (g - total(g * out, axis, True))],
    reference=lanes(_softmaxed), samples=[*ALONG, sample(np.array([[1000.0, 1001.0], [-1000.0, 0.0]]))])
def softmax(x, axis=-1):
    """``exp(x) / sum(exp(x))`` along ``axis``, without overflow."""
    e = np.exp(x - np.maximum.reduce(x, axis=axis, keepdims=True, initial=-np.inf))
    return np.divide(e, np.add.reduce(e, axis=axis, keepdims=True), out=e if e.dtype.kind == "f" else None)


@op(shape=shapes.along, dtype="float", vjp=[lambda g, out, _x, axis: g - exp(out) * total(g, axis, True)],
    reference=lanes(lambda v: [math.log(p) for p in _softmaxed(v)]), samples=ALONG)
def log_softmax(x, axis=-1):
    """The logarithm of :func:`softmax`, without overflow or loss of small probabilities."""
    shifted = x - np.maximum.reduce(x, axis=axis, keepdims=True, initial=-np.inf)
    return shifted - np.log(np.add.reduce(np.exp(shifted), axis=axis, keepdims=True))


@function(reference=each(lambda x: math.log(1 + math.exp(x))), samples=UNARY)
def softplus(x):
    """``log(1 + exp(x))``, without overflow."""
    return logaddexp(x, 0.0)


@function(reference=each(lambda x: math.log(_logistic(x))), samples=UNARY)
def log_sigmoid(x):
    """``log(sigmoid(x))``, without overflow."""
    return -softplus(-x)


@function(reference=each(lambda x: x / (1 + abs(x))), samples=KINKED)
def softsign(x):
    """``x / (1 + |x|)``."""
    return x / (1 + absolute(x))


@function(reference=each(lambda x: min(max(0.2 * x + 0.5, 0.0), 1.0)),
          samples=[sample(within(-4, 4, 3, 4)), sample(real(0, 3))])
def hard_sigmoid(x):
    """``0.2 * x + 0.5`` limited to [0, 1]: Keras 1 and 2's meaning (Keras 3's is :func:`hard_silu`'s factor)."""
    return clip(0.2 * x + 0.5, 0, 1)


@function(reference=lambda x, negative_slope=0.2: each(lambda v: v if v > 0 else negative_slope * v)(x),
          samples=[*KINKED, sample(nonzero(5), 0.01)])
def leaky_relu(x, negative_slope=0.2):
    """``x``, and ``negative_slope * x`` below 0 (Maas et al., 2013)."""
    return where(less(x, 0), negative_slope * x, x)


@function(reference=lambda x, alpha=1.0: each(lambda v: v if v > 0 else alpha * (math.exp(v) - 1))(x),
          samples=[*KINKED, sample(nonzero(5), 0.5)])
def elu(x, alpha=1.0):
    """``x``, and ``alpha * (exp(x) - 1)`` below 0 (Clevert et al., 2015)."""
    negative = less(x, 0)
    return where(negative, alpha * expm1(where(negative, x, 0)), x)


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


@function(reference=each(lambda x: SELU_SCALE * (x if x > 0 else SELU_ALPHA * (math.exp(x) - 1))), samples=KINKED)
def selu(x):
    """The scaled :func:`elu` that keeps mean 0 and variance 1 (Klambauer et al., 2017)."""
    return SELU_SCALE * elu(x, SELU_ALPHA)


@function(reference=each(lambda x: x * _logistic(x)), samples=UNARY)
def silu(x):
    """``x * sigmoid(x)`` (Elfwing et al., 2017), also called swish."""
    return x * sigmoid(x)


def _gelu(x, approximate=False):
    if approximate:
        return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))
    return x * 0.5 * math.erfc(-x / math.sqrt(2))


@function(reference=lambda x, approximate=False: each(lambda v: _gelu(v, approximate))(x),
          samples=[*UNARY, sample(real(3, 4), approximate=True)])
def gelu(x, approximate=False):
    """``x`` times the normal distribution up to ``x`` (Hendrycks and Gimpel, 2016); ``approximate`` by a tanh."""
    if approximate:
        return 0.5 * x * (1 + tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
    return 0.5 * x * (1 + erf(x * math.sqrt(0.5)))


@function(reference=each(lambda x: x * math.tanh(math.log(1 + math.exp(x)))), samples=UNARY)
def mish(x):
    """``x * tanh(softplus(x))`` (Misra, 2019)."""
    return x * tanh(softplus(x))


@function(reference=each(lambda x: min(max(x, 0.0), 6.0)),
          samples=[sample(within(0.5, 5, 4)), sample(within(6.5, 9, 3)), *KINKED])
def relu6(x):
    """:func:`relu` limited to 6."""
    return clip(x, 0, 6)
