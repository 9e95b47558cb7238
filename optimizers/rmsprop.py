"""RMSprop."""

from ..tensor.elementwise import sqrt, square
from ..tensor.update import rmsprop_update
from .base import Optimizer, checked_epsilon, checked_fraction


class RMSprop(Optimizer):
    """Divides each gradient by a running mean of its size: ``a = rho * a + (1 - rho) * g**2``,
    ``p -= lr * g / (sqrt(a) + epsilon)``, as Keras 2 (Keras 3 adds epsilon inside the root).

    Arguments:
        learning_rate: default 0.001.
        rho: of the running mean, in [0, 1); default 0.9.
        epsilon: keeps the division away from 0; positive, default 1e-7.
        decay: as for :class:`Optimizer`.
        name: default ``'rmsprop'``.

    Raises:
        ValueError: for an argument outside these.

    Source: Tieleman and Hinton, Lecture 6.5, Neural networks for machine learning, 2012.

    >>> import tahr
    >>> w = tahr.Variable([1.0, 2.0])
    >>> RMSprop(0.5, rho=0.75).apply([tahr.Tensor([3.0, -0.1])], [w])
    >>> tahr.ops.round(w.value, 5)
    Tensor([0., 3.])
    """

    aliases = ("rmsprop",)      # snake case would be rm_sprop
    slots = ("accumulator",)

    def __init__(self, learning_rate=0.001, rho=0.9, epsilon=1e-7, decay=0.0, name="rmsprop"):
        super().__init__(learning_rate, decay, name)
        self.rho, self.epsilon = checked_fraction("rho", rho), checked_epsilon(epsilon)

    def update(self, lr, parameter, gradient, accumulator):
        accumulator = self.rho * accumulator + (1 - self.rho) * square(gradient)
        return parameter - lr * gradient / (sqrt(accumulator) + self.epsilon), {"accumulator": accumulator}

    def write(self, lr, parameter, gradient, accumulator):
        rmsprop_update(parameter, gradient, lr, accumulator, self.rho, self.epsilon)
