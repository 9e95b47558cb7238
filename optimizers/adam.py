"""Adam."""

from ..tensor.elementwise import power, sqrt, square
from ..tensor.update import adam_update
from .base import Optimizer, checked_epsilon, checked_fraction


class Adam(Optimizer):
    """Momentum over a running mean of the gradient's size, both corrected for beginning at 0:
    ``m = b1 * m + (1 - b1) * g``, ``v = b2 * v + (1 - b2) * g**2``,
    ``p -= lr * sqrt(1 - b2**t) / (1 - b1**t) * m / (sqrt(v) + epsilon)`` at update ``t`` (from 1).

    Epsilon stands where Keras has it, the paper's "epsilon hat", not where PyTorch has it.

    Arguments:
        learning_rate: default 0.001.
        beta_1, beta_2: of the running means, in [0, 1); default 0.9 and 0.999.
        epsilon: keeps the division away from 0; positive, default 1e-7.
        decay, name: as for :class:`Optimizer`.

    Raises:
        ValueError: for an argument outside these.

    Source: Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015.

    >>> import tahr
    >>> w = tahr.Variable([1.0, 2.0])
    >>> Adam(0.5).apply([tahr.Tensor([3.0, -0.1])], [w])
    >>> tahr.ops.round(w.value, 3)
    Tensor([0.5, 2.5])
    """

    slots = ("m", "v")

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, decay=0.0, name=None):
        super().__init__(learning_rate, decay, name)
        self.beta_1, self.beta_2 = checked_fraction("beta_1", beta_1), checked_fraction("beta_2", beta_2)
        self.epsilon = checked_epsilon(epsilon)

    def update(self, lr, parameter, gradient, m, v):
        m = self.beta_1 * m + (1 - self.beta_1) * gradient
        v = self.beta_2 * v + (1 - self.beta_2) * square(gradient)
        return parameter - self._rate(lr) * m / (sqrt(v) + self.epsilon), {"m": m, "v": v}

    def write(self, lr, parameter, gradient, m, v):
        adam_update(parameter, gradient, lr, self.iterations, m, v, self.beta_1, self.beta_2, self.epsilon)

    def _rate(self, lr):
        """The step size, corrected for the running means' beginning at 0."""
        return lr * (sqrt(self._corrected(self.beta_2)) / self._corrected(self.beta_1)).astype(lr.dtype)

    def _corrected(self, beta):
        """``1 - beta**t`` for the update now made, in float64: float32 would lose half its digits while it is small."""
        return 1 - power(beta, self.iterations.astype("float64") + 1)
