"""Lion."""

from ..tensor.elementwise import sign
from .base import Optimizer
from .checks import checked_fraction


class Lion(Optimizer):
    """Steps of one size, in the direction of momentum and gradient: ``p -= lr * sign(b1 * m + (1 - b1) * g)``, then
    ``m = b2 * m + (1 - b2) * g``.

    Arguments:
        learning_rate: default 0.001; a third to a tenth of what is good for Adam.
        beta_1: the share of the momentum in the direction, in [0, 1); default 0.9.
        beta_2: of the running mean, in [0, 1); default 0.99.
        decay, name: as for :class:`Optimizer`, with all its options.

    Raises:
        ValueError: for an argument outside these.

    Source: Chen et al., Symbolic discovery of optimization algorithms, NeurIPS 2023.

    >>> import tahr
    >>> w = tahr.Variable([1.0, 2.0])
    >>> Lion(0.5).apply([tahr.Tensor([3.0, -0.1])], [w])
    >>> w.numpy()
    array([0.5, 2.5], dtype=float32)
    """

    slots = ("m",)

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.99, decay=0.0, name=None, **kwargs):
        super().__init__(learning_rate, decay, name, **kwargs)
        self.beta_1, self.beta_2 = checked_fraction("beta_1", beta_1), checked_fraction("beta_2", beta_2)

    def update(self, lr, parameter, gradient, m):
        step = lr * sign(self.beta_1 * m + (1 - self.beta_1) * gradient)
        return parameter - step, {"m": self.beta_2 * m + (1 - self.beta_2) * gradient}
