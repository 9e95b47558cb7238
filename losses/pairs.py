"""What every loss function does first: targets and predictions of one shape and dtype, and the axis that it reduces."""

import numpy as np

from ..tensor.elementwise import clip, maximum, rsqrt, square
from ..tensor.movement import moveaxis
from ..tensor.reduce import sum as total
from ..utils import settings
from .base import as_tensor, same_rank


def floats(y_pred):
    """Predictions as floats, so that no difference of integers wraps around.

    >>> floats([1, 2])
    Tensor([1., 2.])
    """
    y_pred = as_tensor(y_pred)
    return y_pred if y_pred.dtype.kind == "f" else y_pred.astype(settings.floatx())


def pair(y_true, y_pred):
    """Targets and predictions as tensors of one shape and dtype.

    >>> pair([1, 0], [[0.5], [0.25]])[0]
    Tensor([[1.],
            [0.]])
    """
    y_pred = floats(y_pred)
    y_true = same_rank(as_tensor(y_true, like=y_pred), y_pred)
    return y_true if y_true.dtype == y_pred.dtype else y_true.astype(y_pred.dtype), y_pred


def axis_last(axis, *tensors):
    """The tensors with an axis moved to the end.

    >>> x, = axis_last(0, as_tensor([[1.0], [2.0]]))
    >>> x.shape
    (1, 2)
    """
    return tensors if axis == -1 else tuple(moveaxis(t, axis, -1) for t in tensors)


def logits_of(y_pred, from_logits, activation):
    """What the activation was applied to; None for probabilities of another origin."""
    if from_logits:
        return y_pred
    known = getattr(y_pred, "logits", None)
    return known[1] if known is not None and known[0] == activation else None


def probabilities(y_pred):
    """Away from 0 and 1, by epsilon or what the dtype can tell from 1.

    >>> probabilities(as_tensor([0.5, 1.0]))
    Tensor([0.5      , 0.9999999])
    """
    epsilon = max(settings.epsilon(), float(np.finfo(y_pred.dtype).epsneg))
    return clip(y_pred, epsilon, 1 - epsilon)


def require_classes(y_pred, axis, name):
    """Raise unless there are at least 2 classes along the axis."""
    if y_pred.ndim == 0 or (y_pred.shape[axis] or 2) < 2:
        raise ValueError(f"{name} needs at least 2 classes, the predictions have shape {y_pred.shape}: for one output "
                         "between 0 and 1 use binary_crossentropy")


def smoothed(y_true, amount, classes):
    """Targets drawn to the uniform distribution.

    >>> smoothed(as_tensor([1.0, 0.0]), 0.5, 2)
    Tensor([0.75, 0.25])
    """
    require_fraction("label_smoothing", amount)
    return y_true * (1 - amount) + amount / classes if amount else y_true


def require_fraction(name, value):
    """Raise unless the value lies in [0, 1]."""
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must lie in [0, 1], got {value}")


def require_positive(name, value):
    """Raise unless the value is above 0."""
    if not value > 0:
        raise ValueError(f"{name} must be positive, got {value}")


def unit(x, axis):
    """Vectors divided by their length; one of 0 stays 0.

    >>> unit(as_tensor([3.0, 4.0]), -1)
    Tensor([0.6, 0.8])
    """
    return x * rsqrt(maximum(total(square(x), axis, True), 1e-12))
