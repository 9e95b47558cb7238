"""Ftrl."""

from ..tensor.elementwise import clip, power, square
from ..tensor.logic import where
from .base import Optimizer
from .checks import checked_size


class Ftrl(Optimizer):
    """Follow the regularized leader: weights that would be small become exactly 0.

    With ``q`` the negative of ``learning_rate_power``, ``g' = g + 2 * shrinkage * p`` and ``a' = a + g**2``:
    ``z += g' - (a'**q - a**q) / lr * p``, ``p = (clip(z, -l1, l1) - z) / (a'**q / lr + 2 * l2 + beta / lr)``. With a
    learning rate of 0 nothing is changed.

    Arguments:
        learning_rate: default 0.001.
        learning_rate_power: how fast steps shrink; not positive, default -0.5.
        initial_accumulator_value: where ``a`` begins; positive, default 0.1.
        l1_regularization_strength, l2_regularization_strength: ``l1`` and ``l2``; not negative, default 0.
        l2_shrinkage_regularization_strength: ``shrinkage``, a penalty in the gradient; not negative, default 0.
        beta: not negative, default 0.
        decay, name: as for :class:`Optimizer`, with all its options.

    Raises:
        ValueError: for an argument outside these.

    Source: McMahan et al., Ad click prediction: a view from the trenches, KDD 2013.

    >>> import tahr
    >>> w = tahr.Variable([0.0, 0.0])
    >>> Ftrl(0.5, l1_regularization_strength=0.2).apply([tahr.Tensor([3.0, -0.1])], [w])
    >>> tahr.ops.round(w.value, 3)
    Tensor([-0.464,  0.   ])
    """

    slots = ("accumulator", "linear")

    def __init__(self, learning_rate=0.001, learning_rate_power=-0.5, initial_accumulator_value=0.1,
                 l1_regularization_strength=0.0, l2_regularization_strength=0.0,
                 l2_shrinkage_regularization_strength=0.0, beta=0.0, decay=0.0, name=None, **kwargs):
        super().__init__(learning_rate, decay, name, **kwargs)
        if not learning_rate_power <= 0:
            raise ValueError(f"learning_rate_power must not be positive, got {learning_rate_power}")
        if not checked_size("initial_accumulator_value", initial_accumulator_value) > 0:
            raise ValueError(f"initial_accumulator_value must be positive, got {initial_accumulator_value}")
        self.learning_rate_power, self.beta = learning_rate_power, checked_size("beta", beta)
        self.starts = {"accumulator": initial_accumulator_value}
        self.l1 = checked_size("l1_regularization_strength", l1_regularization_strength)
        self.l2 = checked_size("l2_regularization_strength", l2_regularization_strength)
        self.shrinkage = checked_size("l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength)

    def update(self, lr, parameter, gradient, accumulator, linear):
        moves = lr > 0
        lr, q = where(moves, lr, 1.0).astype(lr.dtype), -self.learning_rate_power
        total = accumulator + square(gradient)
        change = (power(total, q) - power(accumulator, q)) / lr
        z = linear + gradient + 2 * self.shrinkage * parameter - change * parameter
        moved = (clip(z, -self.l1, self.l1) - z) / ((power(total, q) + self.beta) / lr + 2 * self.l2)
        return where(moves, moved, parameter), {"accumulator": where(moves, total, accumulator),
                                                "linear": where(moves, z, linear)}
