"""Cross-entropies that weigh samples by how well they are predicted already."""

import numpy as np

from ..tensor.activation import log_softmax, sigmoid, softmax
from ..tensor.elementwise import log, maximum, power
from ..tensor.loss import one_hot, sigmoid_cross_entropy
from ..tensor.reduce import mean
from ..tensor.reduce import sum as total
from ..utils import settings
from .base import as_tensor, loss_function
from .labels import as_labels
from .pairs import axis_last, floats, logits_of, pair, probabilities, require_classes, smoothed


@loss_function()
def binary_focal_crossentropy(y_true, y_pred, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False,
                              label_smoothing=0.0, axis=-1):
    """:func:`binary_crossentropy` times ``(1 - q)**gamma``, ``q`` being the probability given to the truth; the mean
    over the last axis.

    Arguments:
        y_true: 0 or 1; shape (batch, ..., outputs).
        y_pred: probabilities, or logits with ``from_logits``; same shape.
        apply_class_balancing: whether class 1 weighs ``alpha`` and class 0 ``1 - alpha``, default False.
        alpha: default 0.25.
        gamma: how little the well predicted count, default 2; 0 is the cross-entropy.
        from_logits: default False.
        label_smoothing: draws targets to 0.5 by this fraction, default 0.
        axis: the mean's, default -1.

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for targets of another shape than the predictions, and for smoothing outside [0, 1].

    Source: Lin et al., Focal loss for dense object detection, ICCV 2017.

    >>> round(float(binary_focal_crossentropy([[1.0]], [[0.5]])), 4)
    0.1733
    """
    y_true, y_pred = pair(y_true, y_pred)
    y_true = smoothed(y_true, label_smoothing, 2)
    logits = logits_of(y_pred, from_logits, "sigmoid")
    if logits is None:
        clipped = probabilities(y_pred)
        values = -(y_true * log(clipped) + (1 - y_true) * log(1 - clipped))
    else:
        values, y_pred = sigmoid_cross_entropy(logits, y_true), sigmoid(logits)
    wrong = y_true * (1 - y_pred) + (1 - y_true) * y_pred
    values = _focused(wrong, gamma, values)
    return mean(values * (y_true * alpha + (1 - y_true) * (1 - alpha)) if apply_class_balancing else values, axis)


def _focused(wrong, gamma, values):
    return power(wrong, gamma) * values if gamma else values


@loss_function()
def categorical_focal_crossentropy(y_true, y_pred, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0,
                                   axis=-1):
    """``-sum(alpha (1 - p)**gamma y log p)`` over the last axis, the classes.

    Arguments:
        y_true: one-hot; shape (batch, ..., classes).
        y_pred: probabilities, normalised here if they are not, or logits with ``from_logits``; same shape.
        alpha: a weight, or one for each class, default 0.25.
        gamma: how little the well predicted count, default 2.
        from_logits: default False.
        label_smoothing: draws targets to the uniform distribution by this fraction, default 0.
        axis: of the classes, default -1.

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for targets of another shape than the predictions, for fewer than 2 classes, and for smoothing
            outside [0, 1].

    Source: Lin et al., Focal loss for dense object detection, ICCV 2017.

    >>> round(float(categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.0433
    """
    y_true, y_pred = pair(y_true, y_pred)
    require_classes(y_pred, axis, "categorical_focal_crossentropy")
    y_true, y_pred = axis_last(axis, y_true, y_pred)
    y_true = smoothed(y_true, label_smoothing, y_pred.shape[-1])
    logits = logits_of(y_pred, from_logits, "softmax")
    if logits is None:
        p = probabilities(y_pred / total(y_pred, -1, True))
        log_p = log(p)
    else:
        p, log_p = softmax(logits), log_softmax(logits)
    alpha = alpha if np.ndim(alpha) == 0 else as_tensor(alpha, like=p)
    return -total(alpha * _focused(1 - p, gamma, y_true * log_p), -1)


@loss_function()
def categorical_generalized_cross_entropy(y_true, y_pred, q=0.5):
    """``(1 - p**q) / q``, ``p`` being the probability given to the label: bounded, so that wrong labels do less harm.

    Arguments:
        y_true: class labels from 0; shape (batch, ...) or (batch, ..., 1).
        y_pred: probabilities; shape (batch, ..., classes).
        q: between 0 (the cross-entropy) and 1 (the absolute error), default 0.5.

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for labels of another shape, and for ``q`` outside (0, 1).

    Source: Zhang and Sabuncu, Generalized cross entropy loss for training deep neural networks with noisy labels,
    NeurIPS 2018.

    >>> categorical_generalized_cross_entropy([1], [[0.75, 0.25]])
    Tensor([1.])
    """
    require_q(q)
    y_pred = floats(y_pred)
    require_classes(y_pred, -1, "categorical_generalized_cross_entropy")
    labels = as_labels(y_true, y_pred, name="categorical_generalized_cross_entropy")
    p = total(y_pred * one_hot(labels, y_pred.shape[-1], y_pred.dtype.name), -1)
    return (1 - power(maximum(p, settings.epsilon()), q)) / q


def require_q(q):
    """Raise unless ``q`` lies between 0 and 1."""
    if not 0 < q < 1:
        raise ValueError(f"q must lie between 0 and 1, got {q}")
