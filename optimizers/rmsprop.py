"""RMSprop."""

from ..tensor.elementwise import maximum, sqrt, square
from ..tensor.update import rmsprop_update
from .base import Optimizer
from .checks import checked_epsilon, checked_fraction, checked_momentum


class RMSprop(Optimizer):
    """Divides each gradient by a running mean of its size: ``a = rho * a + (1 - rho) * g**2``,
    ``p -= lr * g / (sqrt(a) + epsilon)``, as Keras 2 (Keras 3 adds epsilon inside the root).

    Centered, it divides by the standard deviation, with ``c = rho * c + (1 - rho) * g`` by
    ``sqrt(a - c**2 + epsilon)``, as Keras 3: the difference may be almost nothing, and epsilon outside would be too
    small to help. With momentum these steps ``s`` are summed up: ``m = momentum * m + s``, ``p -= m``.

    Arguments:
        learning_rate: default 0.001.
        rho: of the running mean, in [0, 1); default 0.9.
        epsilon: keeps the division away from 0; positive, default 1e-7.
        decay: as for :class:`Optimizer`, with all its options.
        momentum: from 0 (none, the default) to 1.
        centered: whether to divide by the standard deviation, default False.
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
    def __init__(self, learning_rate=0.001, rho=0.9, epsilon=1e-7, decay=0.0, momentum=0.0, centered=False,
                 name="rmsprop", **kwargs):
        super().__init__(learning_rate, decay, name, **kwargs)
        self.rho, self.epsilon = checked_fraction("rho", rho), checked_epsilon(epsilon)
        self.momentum, self.centered = checked_momentum(momentum), bool(centered)
        self.slots = ("accumulator",) + ("momentum",) * (momentum > 0) + ("center",) * self.centered

    def update(self, lr, parameter, gradient, accumulator, momentum=None, center=None):
        slots = {"accumulator": self.rho * accumulator + (1 - self.rho) * square(gradient)}
        if center is None:
            size = sqrt(slots["accumulator"]) + self.epsilon
        else:
            slots["center"] = self.rho * center + (1 - self.rho) * gradient
            variance = maximum(slots["accumulator"] - square(slots["center"]), 0.0)      # below 0 by rounding
            size = sqrt(variance + self.epsilon)
        step = lr * gradient / size
        if momentum is not None:
            step = slots["momentum"] = self.momentum * momentum + step
        return parameter - step, slots

    def write(self, lr, parameter, gradient, accumulator, **rest):
        if rest:
            return Optimizer.write(self, lr, parameter, gradient, accumulator=accumulator, **rest)
        rmsprop_update(parameter, gradient, lr, accumulator, self.rho, self.epsilon)
