"""The updates of the optimizers as ops: each writes new parameters and slots into the memory of the old."""

import numpy as np

from ..autograd import op


def _updated(parameter, *_others, **_attrs):
    return parameter.shape


def _descend(parameter, step, mean_square, epsilon):
    root = np.sqrt(mean_square)
    root += epsilon
    step /= root
    parameter -= step
    return parameter


@op(shape=_updated)
def sgd_update(parameter, gradient, lr, velocity, momentum=0.0, nesterov=False):
    """``v = momentum * v - lr * g``, then ``p += v``, or ``p += momentum * v - lr * g`` with Nesterov.

    Without momentum there is no ``v``, and ``p -= lr * g``.
    """
    step = gradient * lr
    if velocity is None:
        parameter -= step
        return parameter
    velocity *= momentum
    velocity -= step
    parameter += momentum * velocity - step if nesterov else velocity
    return parameter


@op(shape=_updated)
def rmsprop_update(parameter, gradient, lr, accumulator, rho=0.9, epsilon=1e-7):
    """``a = rho * a + (1 - rho) * g**2``, then ``p -= lr * g / (sqrt(a) + epsilon)``."""
    accumulator *= rho
    accumulator += np.square(gradient) * (1 - rho)
    return _descend(parameter, lr * gradient, accumulator, epsilon)


@op(shape=_updated)
def adam_update(parameter, gradient, rate, m, v, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """``m`` and ``v``, the running means of ``g`` and ``g**2``, then ``p -= rate * m / (sqrt(v) + epsilon)``."""
    m *= beta_1
    m += gradient * (1 - beta_1)
    v *= beta_2
    v += np.square(gradient) * (1 - beta_2)
    return _descend(parameter, rate * m, v, epsilon)
