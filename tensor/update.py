"""The updates of the optimizers as ops: each writes new parameters and slots into the memory of the old."""

import math

import numpy as np

from ..autograd import op, positive, real, sample
from ..kernels import update


def _updated(parameter, *_others, **_attrs):
    return parameter.shape


@op(shape=_updated, writes=(0, 3))
def sgd_update(parameter, gradient, lr, velocity, momentum=0.0, nesterov=False):
    """``v = momentum * v - lr * g``, then ``p += v``, or ``p += momentum * v - lr * g`` with Nesterov.

    Without momentum there is no ``v``, and ``p -= lr * g``.
    """
    update.sgd(parameter, gradient, lr, velocity, momentum, nesterov)
    return parameter


@op(shape=_updated, writes=(0, 3))
def rmsprop_update(parameter, gradient, lr, accumulator, rho=0.9, epsilon=1e-7):
    """``a = rho * a + (1 - rho) * g**2``, then ``p -= lr * g / (sqrt(a) + epsilon)``."""
    update.rmsprop(parameter, gradient, lr, accumulator, rho, epsilon)
    return parameter


@op(shape=_updated, writes=(0, 3),
    reference=lambda p, g, lr, a, epsilon=1e-7: p - lr * g / (np.sqrt(a + g ** 2) + epsilon),
    samples=[sample(real(5), real(5), positive(), positive(5)), sample(real(0), real(0), positive(), positive(0)),
             sample(real(2, 3), real(2, 3), positive(), positive(2, 3), epsilon=0.1)])
def adagrad_update(parameter, gradient, lr, accumulator, epsilon=1e-7):
    """``a = a + g**2``, then ``p -= lr * g / (sqrt(a) + epsilon)``."""
    update.adagrad(parameter, gradient, lr, accumulator, epsilon)
    return parameter


def _adadelta(p, g, lr, a, d, rho=0.95, epsilon=1e-7):
    return p - lr * g * np.sqrt(d + epsilon) / np.sqrt(rho * a + (1 - rho) * g ** 2 + epsilon)


@op(shape=_updated, writes=(0, 3, 4), reference=_adadelta,
    samples=[sample(real(5), real(5), positive(), positive(5), positive(5)),
             sample(real(2, 3), real(2, 3), positive(), positive(2, 3), positive(2, 3), rho=0.5, epsilon=0.1),
             sample(real(0), real(0), positive(), positive(0), positive(0))])
def adadelta_update(parameter, gradient, lr, accumulator, steps, rho=0.95, epsilon=1e-7):
    """``a = rho * a + (1 - rho) * g**2``, ``u = g * sqrt(d + epsilon) / sqrt(a + epsilon)``, ``p -= lr * u``.

    ``d``, in ``steps``, is the running mean of ``u**2``.
    """
    update.adadelta(parameter, gradient, lr, accumulator, steps, rho, epsilon)
    return parameter


@op(shape=_updated, writes=(0, 4, 5))
def adam_update(parameter, gradient, lr, iterations, m, v, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """``m`` and ``v``, the running means of ``g`` and ``g**2``, then ``p -= rate * m / (sqrt(v) + epsilon)``.

    ``rate = lr * sqrt(1 - beta_2**t) / (1 - beta_1**t)`` at update ``t = iterations + 1``, in float64: float32 would
    lose half the digits of those differences while they are small. As ops on single numbers this took 45 us.
    """
    t = int(iterations) + 1
    rate = float(lr) * math.sqrt(1 - beta_2 ** t) / (1 - beta_1 ** t)
    update.adam(parameter, gradient, np.asarray(rate, parameter.dtype), m, v, beta_1, beta_2, epsilon)
    return parameter
