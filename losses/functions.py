"""Loss functions: one value per sample, the last axis reduced."""

import numpy as np

from ..tensor.elementwise import absolute, clip, log, square
from ..tensor.loss import check_labels, sigmoid_cross_entropy, softmax_cross_entropy, sparse_softmax_cross_entropy
from ..tensor.movement import expand_dims, squeeze
from ..tensor.reduce import mean
from ..tensor.reduce import sum as total
from ..tensor.scatter import take_along_axis
from ..utils import settings
from .base import as_tensor, loss_function, same_rank


def _predictions(y_pred):
    """Floats, so that no difference of integers wraps around."""
    y_pred = as_tensor(y_pred)
    return y_pred if y_pred.dtype.kind == "f" else y_pred.astype(settings.floatx())


def _pair(y_true, y_pred):
    """Targets and predictions of one shape and dtype."""
    y_pred = _predictions(y_pred)
    y_true = same_rank(as_tensor(y_true, like=y_pred), y_pred)
    return y_true if y_true.dtype == y_pred.dtype else y_true.astype(y_pred.dtype), y_pred


@loss_function("mse", "MSE")
def mean_squared_error(y_true, y_pred):
    """``mean((y_true - y_pred)**2)`` over the last axis.

    Arguments:
        y_true, y_pred: shape (batch, ..., features).

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for targets of another shape than the predictions.

    >>> mean_squared_error([[0.0, 2.0]], [[1.0, 2.0]])
    Tensor([0.5])
    """
    y_true, y_pred = _pair(y_true, y_pred)
    return mean(square(y_pred - y_true), -1)


@loss_function("mae", "MAE")
def mean_absolute_error(y_true, y_pred):
    """``mean(|y_true - y_pred|)`` over the last axis.

    Arguments:
        y_true, y_pred: shape (batch, ..., features).

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for targets of another shape than the predictions.

    >>> mean_absolute_error([[0.0, 2.0]], [[1.0, 2.0]])
    Tensor([0.5])
    """
    y_true, y_pred = _pair(y_true, y_pred)
    return mean(absolute(y_pred - y_true), -1)


def _logits(y_pred, from_logits, activation):
    """What the activation was applied to; None for probabilities of another origin."""
    if from_logits:
        return y_pred
    return y_pred.logits[1] if y_pred.logits is not None and y_pred.logits[0] == activation else None


def _probabilities(y_pred):
    """Away from 0 and 1, by epsilon or what the dtype can tell from 1."""
    epsilon = max(settings.epsilon(), float(np.finfo(y_pred.dtype).epsneg))
    return clip(y_pred, epsilon, 1 - epsilon)


def _smoothed(y_true, amount, classes):
    if not 0 <= amount <= 1:
        raise ValueError(f"label_smoothing must lie in [0, 1], got {amount}")
    return y_true * (1 - amount) + amount / classes if amount else y_true


def _require_classes(y_pred, name):
    if y_pred.ndim == 0 or y_pred.shape[-1] < 2:
        raise ValueError(f"{name} needs at least 2 classes, the predictions have shape {y_pred.shape}: for one output "
                         "between 0 and 1 use binary_crossentropy")


@loss_function("bce")
def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0):
    """``-(y log p + (1 - y) log(1 - p))``, the mean over the last axis.

    Arguments:
        y_true: 0 or 1, or anything between; shape (batch, ..., outputs).
        y_pred: probabilities, or logits with ``from_logits``; same shape.
        from_logits: default False.
        label_smoothing: draws targets to 0.5 by this fraction, default 0.

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for targets of another shape than the predictions, and for smoothing outside [0, 1].

    >>> binary_crossentropy([[1.0]], [[0.5]])
    Tensor([0.6931472])
    """
    y_true, y_pred = _pair(y_true, y_pred)
    y_true = _smoothed(y_true, label_smoothing, 2)
    logits = _logits(y_pred, from_logits, "sigmoid")
    if logits is not None:
        return mean(sigmoid_cross_entropy(logits, y_true), -1)
    p = _probabilities(y_pred)
    return -mean(y_true * log(p) + (1 - y_true) * log(1 - p), -1)


@loss_function("cce")
def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0):
    """``-sum(y log p)`` over the last axis, the classes.

    Arguments:
        y_true: one-hot or soft targets; shape (batch, ..., classes).
        y_pred: probabilities, normalised here if they are not, or logits with ``from_logits``; same shape.
        from_logits: default False.
        label_smoothing: draws targets to the uniform distribution by this fraction, default 0.

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for targets of another shape than the predictions, for fewer than 2 classes, and for smoothing
            outside [0, 1].

    >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])
    Tensor([0.6931472])
    """
    y_true, y_pred = _pair(y_true, y_pred)
    _require_classes(y_pred, "categorical_crossentropy")
    y_true = _smoothed(y_true, label_smoothing, y_pred.shape[-1])
    logits = _logits(y_pred, from_logits, "softmax")
    if logits is not None:
        return softmax_cross_entropy(logits, y_true)
    return -total(y_true * log(_probabilities(y_pred / total(y_pred, -1, True))), -1)


@loss_function()
def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False):
    """:func:`categorical_crossentropy` for integer labels.

    Arguments:
        y_true: class labels from 0; shape (batch, ...) or (batch, ..., 1).
        y_pred: probabilities, or logits with ``from_logits``; shape (batch, ..., classes).
        from_logits: default False.

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for labels of another shape, for fewer than 2 classes, and for a label that is no class of the
            output; the text names it and its position.

    >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]])
    Tensor([0.6931472])
    """
    y_pred = _predictions(y_pred)
    _require_classes(y_pred, "sparse_categorical_crossentropy")
    labels = _labels(as_tensor(y_true), y_pred)
    logits = _logits(y_pred, from_logits, "softmax")
    if logits is not None:
        return sparse_softmax_cross_entropy(logits, labels)
    check_labels(labels.data, y_pred.shape[-1])
    p = _probabilities(y_pred / total(y_pred, -1, True))
    return -squeeze(log(take_along_axis(p, expand_dims(labels, -1), -1)), -1)


def _labels(y_true, y_pred):
    """Integer labels of the predictions' rank less one."""
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = squeeze(y_true, -1)
    if y_true.shape != y_pred.shape[:-1]:
        hint = "; one-hot targets need categorical_crossentropy" if y_true.shape == y_pred.shape else ""
        raise ValueError(f"labels of shape {y_true.shape} do not fit predictions of shape {y_pred.shape}: "
                         f"sparse_categorical_crossentropy needs shape {y_pred.shape[:-1]}{hint}")
    return y_true if y_true.dtype.kind in "iu" else y_true.astype("int64")
