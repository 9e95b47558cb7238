"""Losses: functions of targets and predictions that give one value per sample, and their objects that give one number.

Shapes never broadcast: targets and predictions must have one shape, a last axis of 1 aside, which is added or dropped.
Cross-entropies of the outputs of ``softmax`` and ``sigmoid`` are computed from the logits, so that no probability is
clipped and no gradient lost; other probabilities are clipped to ``[epsilon, 1 - epsilon]``.
"""

from .base import Loss, get, loss_function
from .functions import (
    binary_crossentropy,
    categorical_crossentropy,
    mean_absolute_error,
    mean_squared_error,
    sparse_categorical_crossentropy,
)
from .objects import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    MeanAbsoluteError,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)

__all__ = ["BinaryCrossentropy", "CategoricalCrossentropy", "Loss", "MeanAbsoluteError", "MeanSquaredError",
           "SparseCategoricalCrossentropy", "binary_crossentropy", "categorical_crossentropy", "get", "loss_function",
           "mean_absolute_error", "mean_squared_error", "sparse_categorical_crossentropy"]
