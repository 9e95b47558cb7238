"""Gradient descent."""

from ..tensor.update import sgd_update
from .base import Optimizer
from .checks import checked_momentum


class SGD(Optimizer):
    """Gradient descent, with momentum: ``v = momentum * v - lr * g``, then ``p += v``.

    With Nesterov momentum ``p += momentum * v - lr * g``.

    Arguments:
        learning_rate: default 0.01.
        momentum: from 0 (none, the default) to 1.
        nesterov: whether to look ahead, default False.
        decay, name: as for :class:`Optimizer`, with all its options.

    Raises:
        ValueError: for an argument outside these.

    Source: Sutskever et al., On the importance of initialization and momentum in deep learning, ICML 2013.

    >>> import tahr
    >>> w = tahr.Variable([1.0])
    >>> SGD(0.1).apply([tahr.Tensor([2.0])], [w])
    >>> w.numpy()
    array([0.8], dtype=float32)
    """

    def __init__(self, learning_rate=0.01, momentum=0.0, nesterov=False, decay=0.0, name=None, **kwargs):
        super().__init__(learning_rate, decay, name, **kwargs)
        self.momentum, self.nesterov = checked_momentum(momentum), bool(nesterov)
        self.slots = ("velocity",) if momentum else ()

    def update(self, lr, parameter, gradient, velocity=None):
        step = lr * gradient
        if velocity is None:
            return parameter - step, {}
        velocity = self.momentum * velocity - step
        moved = self.momentum * velocity - step if self.nesterov else velocity
        return parameter + moved, {"velocity": velocity}

    def write(self, lr, parameter, gradient, velocity=None):
        sgd_update(parameter, gradient, lr, velocity, self.momentum, self.nesterov)
