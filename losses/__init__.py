"""Losses: functions of targets and predictions that give one value per sample, and their objects that give one number.

Shapes never broadcast: targets and predictions must have one shape, a last axis of 1 aside, which is added or dropped.
Cross-entropies of the outputs of ``softmax`` and ``sigmoid`` are computed from the logits, so that no probability is
clipped and no gradient lost; other probabilities are clipped to ``[epsilon, 1 - epsilon]``.

Every loss function is here under all its names: ``losses.mse`` is ``losses.mean_squared_error``.
"""

from collections.abc import Callable

from . import objects
from .base import FUNCTIONS, Loss, Reduction, deserialize, get, loss_function, reduce, serialize

_ALL = {**FUNCTIONS, **{name: value for name, value in vars(objects).items()
                        if isinstance(value, type) and issubclass(value, Loss) and not name.startswith("_")}}
globals().update(_ALL)
__all__ = ["Reduction", "deserialize", "get", "loss_function", "reduce", "serialize", *sorted(_ALL)]


def __getattr__(name: str) -> Callable:     # for names that are not there; tells type checkers what those there are
    raise AttributeError(f"tahr.losses has no {name!r}")
