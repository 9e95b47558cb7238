"""Adagrad and Adadelta: step sizes for each parameter from the gradients it has seen."""

from ..tensor.elementwise import sqrt, square
from ..tensor.update import adadelta_update, adagrad_update
from .base import Optimizer
from .checks import checked_epsilon, checked_fraction, checked_size


class Adagrad(Optimizer):
    """Divides each gradient by the root of all its squares so far: ``a = a + g**2``,
    ``p -= lr * g / (sqrt(a) + epsilon)``.

    Arguments:
        learning_rate: default 0.01, as Keras 2 (Keras 3: 0.001).
        epsilon: keeps the division away from 0; positive, default 1e-7.
        decay: as for :class:`Optimizer`, with all its options.
        initial_accumulator_value: where ``a`` begins; not negative, default 0, as Keras 2 (Keras 3: 0.1).
        name: default ``'adagrad'``.

    Raises:
        ValueError: for an argument outside these.

    Source: Duchi, Hazan and Singer, Adaptive subgradient methods, JMLR 12, 2011.

    >>> import tahr
    >>> w = tahr.Variable([1.0, 2.0])
    >>> Adagrad(0.5).apply([tahr.Tensor([3.0, -0.1])], [w])
    >>> tahr.ops.round(w.value, 5)
    Tensor([0.5, 2.5])
    """

    slots = ("accumulator",)

    def __init__(self, learning_rate=0.01, epsilon=1e-7, decay=0.0, initial_accumulator_value=0.0, name=None,
                 **kwargs):
        super().__init__(learning_rate, decay, name, **kwargs)
        self.epsilon = checked_epsilon(epsilon)
        self.initial_accumulator_value = checked_size("initial_accumulator_value", initial_accumulator_value)
        self.starts = {"accumulator": initial_accumulator_value}

    def update(self, lr, parameter, gradient, accumulator):
        accumulator = accumulator + square(gradient)
        return parameter - lr * gradient / (sqrt(accumulator) + self.epsilon), {"accumulator": accumulator}

    def write(self, lr, parameter, gradient, accumulator):
        adagrad_update(parameter, gradient, lr, accumulator, self.epsilon)


class Adadelta(Optimizer):
    """Measures each step by the steps before it: ``a = rho * a + (1 - rho) * g**2``,
    ``u = g * sqrt(d + epsilon) / sqrt(a + epsilon)``, ``p -= lr * u``, ``d = rho * d + (1 - rho) * u**2``.

    Arguments:
        learning_rate: default 1.0, as Keras 2 (Keras 3: 0.001, with which it hardly learns).
        rho: of the running means, in [0, 1); default 0.95.
        epsilon: what the first steps are measured by; positive, default 1e-7.
        decay: as for :class:`Optimizer`, with all its options.
        name: default ``'adadelta'``.

    Raises:
        ValueError: for an argument outside these.

    Source: Zeiler, ADADELTA: an adaptive learning rate method, 2012.

    >>> import tahr
    >>> w = tahr.Variable([1.0])
    >>> Adadelta(rho=0.75, epsilon=1.0).apply([tahr.Tensor([2.0])], [w])
    >>> tahr.ops.round(w.value, 5)          # 1 - 2 * sqrt(0 + 1) / sqrt(1 + 1)
    Tensor([-0.41421])
    """

    slots = ("accumulator", "steps")

    def __init__(self, learning_rate=1.0, rho=0.95, epsilon=1e-7, decay=0.0, name=None, **kwargs):
        super().__init__(learning_rate, decay, name, **kwargs)
        self.rho, self.epsilon = checked_fraction("rho", rho), checked_epsilon(epsilon)

    def update(self, lr, parameter, gradient, accumulator, steps):
        accumulator = self.rho * accumulator + (1 - self.rho) * square(gradient)
        step = gradient * sqrt(steps + self.epsilon) / sqrt(accumulator + self.epsilon)
        steps = self.rho * steps + (1 - self.rho) * square(step)
        return parameter - lr * step, {"accumulator": accumulator, "steps": steps}

    def write(self, lr, parameter, gradient, accumulator, steps):
        adadelta_update(parameter, gradient, lr, accumulator, steps, self.rho, self.epsilon)
