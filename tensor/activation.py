"""Activation functions as ops."""

import cmath
import math

import numpy as np

from ..autograd import function, nonzero, op, real, sample, within
from ..kernels import elementwise as kernels
from ..kernels import softmax as rows
from . import shapes
from .elementwise import PAIR, UNARY, absolute, clip, exp, negative, smooth, tanh
from .logic import less, where
from .reduce import ALONG
from .reduce import sum as total
from .reference import each, lanes

KINKED = [sample(nonzero(3, 4)), sample(nonzero(0, 3)), sample(nonzero())]


@op(shape=shapes.same, vjp=[lambda g, _out, _g, y: relu_grad_x(g, y), None],
    reference=each(lambda g, y: g if y > 0 else 0.0), samples=[sample(real(3, 4), nonzero(3, 4)), *PAIR[1:]])
def relu_grad_x(g, y):
    """The gradient of ``y = relu(x)``."""
    return kernels.relu_grad_x(g, y)


@op(shape=shapes.same, vjp=[lambda g, out, _x: relu_grad_x(g, out)], reference=each(lambda x: x if x > 0 else 0.0),
    samples=KINKED)
def relu(x):
    """``max(x, 0)``; its gradient is 0 at 0."""
    return kernels.relu(x)


def _logistic(x):
    return 1 / (1 + math.exp(-x))


@op(shape=shapes.same, vjp=[lambda g, _out, _g, y: sigmoid_grad_x(g, y), lambda g, _out, gy, y: g * gy * (1 - 2 * y)],
    reference=each(lambda g, y: g * (y - y ** 2)), samples=PAIR)
def sigmoid_grad_x(g, y):
    """The gradient of ``y = sigmoid(x)``."""
    return kernels.sigmoid_grad_x(g, y)


@smooth(vjp=[lambda g, out, _x: sigmoid_grad_x(g, out)], reference=each(_logistic), samples=UNARY)
def sigmoid(x):
    """``1 / (1 + exp(-x))``, without overflow."""
    return kernels.sigmoid(x)


def _softmaxed(v):
    e = [math.exp(a - max(v)) for a in v]
    return [a / math.fsum(e) for a in e]


ALONG_PAIR = [sample(real(3, 4), real(3, 4)), sample(real(2, 3, 4), real(2, 3, 4), axis=1),
              sample(real(0, 3), real(0, 3))]


def _softmax_grad_y(g, _out, gy, y, axis):
    return g * (gy - total(gy * y, axis, True)) - gy * total(g * y, axis, True)


@op(shape=lambda g, y, axis: shapes.along(y, axis),
    vjp=[lambda g, _out, _g, y, axis: softmax_grad_x(g, y, axis), _softmax_grad_y],
    reference=lambda g, y, axis=-1: y * g - y * np.sum(y * g, axis, keepdims=True), samples=ALONG_PAIR)
def softmax_grad_x(g, y, axis=-1):
    """The gradient of ``y = softmax(x)``."""
    return rows.softmax_grad_x(g, y, axis)


@op(shape=shapes.along, dtype="float", vjp=[lambda g, out, _x, axis: softmax_grad_x(g, out, axis)],
    reference=lanes(_softmaxed), samples=[*ALONG, sample(np.array([[1000.0, 1001.0], [-1000.0, 0.0]]))])
def softmax(x, axis=-1):
    """``exp(x) / sum(exp(x))`` along ``axis``, without overflow."""
    return rows.softmax(x, axis)


@op(shape=lambda g, y, axis: shapes.along(y, axis),
    vjp=[lambda g, _out, _g, y, axis: g - total(g * exp(y), axis, True),
         lambda g, _out, gy, y, axis: negative(g * exp(y)) * total(gy, axis, True)],
    reference=lambda g, y, axis=-1: g - np.exp(y) * np.sum(g, axis, keepdims=True), samples=ALONG_PAIR)
def log_softmax_grad_x(g, y, axis=-1):
    """The gradient of ``y = log_softmax(x)``."""
    return rows.log_softmax_grad_x(g, y, axis)


@op(shape=shapes.along, dtype="float", vjp=[lambda g, out, _x, axis: log_softmax_grad_x(g, out, axis)],
    reference=lanes(lambda v: [math.log(p) for p in _softmaxed(v)]), samples=ALONG)
def log_softmax(x, axis=-1):
    """The logarithm of :func:`softmax`, without overflow or loss of small probabilities."""
    return rows.log_softmax(x, axis)


@op(shape=shapes.same, vjp=[lambda g, _out, _g, x: softplus_grad_x(g, x),
                            lambda g, _out, gy, x: sigmoid_grad_x(g * gy, sigmoid(x))],
    reference=each(lambda g, x: g * _logistic(x)), samples=PAIR)
def softplus_grad_x(g, x):
    """The gradient of :func:`softplus`: ``g * sigmoid(x)``."""
    return kernels.softplus_grad_x(g, x)


@smooth(vjp=[lambda g, _out, x: softplus_grad_x(g, x)], reference=each(lambda x: math.log(1 + math.exp(x))),
        samples=UNARY)
def softplus(x):
    """``log(1 + exp(x))``, without overflow."""
    return kernels.softplus(x)


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


KINKED_PAIR = [sample(real(3, 4), nonzero(3, 4)), sample(real(0, 3), nonzero(0, 3))]


@op(shape=shapes.same, vjp=[lambda g, _out, _g, x, negative_slope: leaky_relu_grad_x(g, x, negative_slope), None],
    reference=lambda g, x, negative_slope=0.2: each(lambda u, v: u if v > 0 else negative_slope * u)(g, x),
    samples=[*KINKED_PAIR, sample(real(5), nonzero(5), 0.01)])
def leaky_relu_grad_x(g, x, negative_slope=0.2):
    """The gradient of :func:`leaky_relu`; 1 at 0."""
    return kernels.leaky_relu_grad_x(g, x, negative_slope)


@smooth(vjp=[lambda g, _out, x, negative_slope: leaky_relu_grad_x(g, x, negative_slope)],
        reference=lambda x, negative_slope=0.2: each(lambda v: v if v > 0 else negative_slope * v)(x),
        samples=[*KINKED, sample(nonzero(5), 0.01)])
def leaky_relu(x, negative_slope=0.2):
    """``x``, and ``negative_slope * x`` below 0 (Maas et al., 2013)."""
    return kernels.leaky_relu(x, negative_slope)


def _elu_reference(x, alpha=1.0, scale=1.0):
    return each(lambda v: scale * (v if v > 0 else alpha * (math.exp(v) - 1)))(x)


def _elu_slope(g, x, alpha=1.0, scale=1.0):
    return each(lambda u, v: scale * u * (1 if v > 0 else alpha * math.exp(v)))(g, x)


@op(shape=shapes.same, reference=_elu_slope, samples=[*KINKED_PAIR, sample(real(5), nonzero(5), 0.5, scale=1.5)],
    vjp=[lambda g, _out, _g, x, alpha, scale: elu_grad_x(g, x, alpha, scale),
         lambda g, _out, gy, x, alpha, scale: where(less(x, 0), elu_grad_x(g * gy, x, alpha, scale), 0)])
def elu_grad_x(g, x, alpha=1.0, scale=1.0):
    """The gradient of ``scale * elu(x, alpha)``; ``scale`` at 0."""
    return kernels.elu_grad_x(g, x, alpha, scale)


@smooth(vjp=[lambda g, _out, x, alpha, scale: elu_grad_x(g, x, alpha, scale)], reference=_elu_reference,
        samples=[*KINKED, sample(nonzero(5), 0.5), sample(nonzero(5), alpha=0.5, scale=1.5)])
def elu(x, alpha=1.0, scale=1.0):
    """``x``, and ``alpha * (exp(x) - 1)`` below 0 (Clevert et al., 2015); both times ``scale``."""
    return kernels.elu(x, alpha, scale)


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


@function(reference=each(lambda x: SELU_SCALE * (x if x > 0 else SELU_ALPHA * (math.exp(x) - 1))), samples=KINKED)
def selu(x):
    """The scaled :func:`elu` that keeps mean 0 and variance 1 (Klambauer et al., 2017)."""
    return elu(x, SELU_ALPHA, SELU_SCALE)


def _silu_curvature(g, _out, gy, x):
    s = sigmoid(x)
    return sigmoid_grad_x(g * gy, s) * (2 + x * (1 - 2 * s))


def _silu_slope(g, x):
    s = _logistic(x)
    return g * s * (1 + x * (1 - s))


@op(shape=shapes.same, vjp=[lambda g, _out, _g, x: silu_grad_x(g, x), _silu_curvature], reference=each(_silu_slope),
    samples=PAIR)
def silu_grad_x(g, x):
    """The gradient of :func:`silu`."""
    return kernels.silu_grad_x(g, x)


@smooth(vjp=[lambda g, _out, x: silu_grad_x(g, x)], reference=each(lambda x: x * _logistic(x)), samples=UNARY)
def silu(x):
    """``x * sigmoid(x)`` (Elfwing et al., 2017), also called swish."""
    return kernels.silu(x)


DENSITY, GELU_X, GELU_CUBE = (2 * math.pi) ** -0.5, (8 / math.pi) ** 0.5, 0.044715


def _gelu_reference(x, approximate=False):
    if approximate:
        return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))
    return x * 0.5 * math.erfc(-x / math.sqrt(2))


def _gelu_slope(g, x, approximate=False):
    """``g`` times the derivative, by a difference over so small an imaginary step that nothing cancels."""
    if approximate:
        return g * (_gelu_complex(x + 1e-30j)).imag / 1e-30
    return g * (0.5 * math.erfc(-x / math.sqrt(2)) + x * math.exp(-x * x / 2) / math.sqrt(2 * math.pi))


def _gelu_complex(x):
    return 0.5 * x * (1 + cmath.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))


def _gelu_curvature(g, _out, gy, x, approximate):
    if not approximate:
        return g * gy * (DENSITY * exp(-0.5 * x * x)) * (2 - x * x)
    s = sigmoid(GELU_X * (x + GELU_CUBE * x * x * x))
    slope, bend = GELU_X * (1 + 3 * GELU_CUBE * x * x), 6 * GELU_X * GELU_CUBE * x      # of what the sigmoid is of
    return sigmoid_grad_x(g * gy, s) * (2 * slope + x * ((1 - 2 * s) * slope * slope + bend))


@op(shape=shapes.same, vjp=[lambda g, _out, _g, x, approximate: gelu_grad_x(g, x, approximate), _gelu_curvature],
    reference=lambda g, x, approximate=False: each(lambda u, v: _gelu_slope(u, v, approximate))(g, x),
    samples=[*PAIR, sample(real(3, 4), real(3, 4), approximate=True)])
def gelu_grad_x(g, x, approximate=False):
    """The gradient of :func:`gelu`."""
    return kernels.gelu_tanh_grad_x(g, x) if approximate else kernels.gelu_grad_x(g, x)


@smooth(vjp=[lambda g, _out, x, approximate: gelu_grad_x(g, x, approximate)],
        reference=lambda x, approximate=False: each(lambda v: _gelu_reference(v, approximate))(x),
        samples=[*UNARY, sample(real(3, 4), approximate=True)])
def gelu(x, approximate=False):
    """``x`` times the normal distribution up to ``x`` (Hendrycks and Gimpel, 2016); ``approximate`` by a tanh."""
    return kernels.gelu_tanh(x) if approximate else kernels.gelu(x)


@function(reference=each(lambda x: x * math.tanh(math.log(1 + math.exp(x)))), samples=UNARY)
def mish(x):
    """``x * tanh(softplus(x))`` (Misra, 2019)."""
    return x * tanh(softplus(x))


@function(reference=each(lambda x: min(max(x, 0.0), 6.0)),
          samples=[sample(within(0.5, 5, 4)), sample(within(6.5, 9, 3)), *KINKED])
def relu6(x):
    """:func:`relu` limited to 6."""
    return clip(x, 0, 6)
