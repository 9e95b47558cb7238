"""The share of predictions that are right."""

import functools

import numpy as np

from ..tensor import Tensor
from .base import MeanOf, metric_function


def _arrays(y_true, y_pred):
    return (x.data if isinstance(x, Tensor) else np.asarray(x) for x in (y_true, y_pred))


def _require(fits, name, y_true, y_pred):
    if not fits:
        raise ValueError(f"{name}: targets of shape {y_true.shape} do not fit predictions of shape {y_pred.shape}")


@metric_function()
def binary_accuracy(y_true, y_pred, threshold=0.5):
    """How often ``y_pred > threshold`` is ``y_true``, the mean over the last axis.

    Arguments:
        y_true: 0 or 1; shape (batch, ..., outputs), or without the last axis if it is 1.
        y_pred: probabilities; shape (batch, ..., outputs).
        threshold: default 0.5, which itself counts as 0.

    Returns:
        An array of shape (batch, ...).

    Raises:
        ValueError: for targets of another shape.

    >>> binary_accuracy([[1], [0]], [[0.9], [0.6]])
    array([1., 0.])
    """
    y_true, y_pred = _arrays(y_true, y_pred)
    if y_true.ndim == y_pred.ndim - 1 and y_pred.shape[-1] == 1:
        y_true = y_true[..., None]
    _require(y_true.shape == y_pred.shape, "binary_accuracy", y_true, y_pred)
    return np.mean(y_true == (y_pred > threshold), axis=-1)


@metric_function()
def categorical_accuracy(y_true, y_pred):
    """Whether the largest prediction is where the largest target is.

    Arguments:
        y_true: one-hot or soft targets; shape (batch, ..., classes).
        y_pred: probabilities or logits; same shape.

    Returns:
        An array of shape (batch, ...).

    Raises:
        ValueError: for targets of another shape.

    >>> categorical_accuracy([[0, 1], [1, 0]], [[0.2, 0.8], [0.4, 0.6]])
    array([1., 0.])
    """
    y_true, y_pred = _arrays(y_true, y_pred)
    _require(y_true.shape == y_pred.shape, "categorical_accuracy", y_true, y_pred)
    return (y_true.argmax(-1) == y_pred.argmax(-1)).astype(float)


@metric_function()
def sparse_categorical_accuracy(y_true, y_pred):
    """Whether the largest prediction is at the label.

    Arguments:
        y_true: class labels from 0; shape (batch, ...) or (batch, ..., 1).
        y_pred: probabilities or logits; shape (batch, ..., classes).

    Returns:
        An array of shape (batch, ...).

    Raises:
        ValueError: for labels of another shape.

    >>> sparse_categorical_accuracy([1, 0], [[0.2, 0.8], [0.4, 0.6]])
    array([1., 0.])
    """
    y_true, y_pred = _arrays(y_true, y_pred)
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = y_true[..., 0]
    _require(y_true.shape == y_pred.shape[:-1], "sparse_categorical_accuracy", y_true, y_pred)
    return (y_true == y_pred.argmax(-1)).astype(float)


@metric_function("acc")
def accuracy(y_true, y_pred):
    """The accuracy that the shapes ask for.

    Arguments:
        y_true, y_pred: predictions with a last axis of 1, or with the batch axis alone, are binary; targets of the
            predictions' shape are one-hot; targets without the last axis, or with 1 there, are labels.

    Returns:
        An array with one value for each sample (and position).

    Raises:
        ValueError: for shapes that fit none of these.

    >>> accuracy([[1], [0]], [[0.9], [0.6]]), accuracy([1, 0], [[0.2, 0.8], [0.4, 0.6]])
    (array([1., 0.]), array([1., 0.]))
    """
    y_true, y_pred = _arrays(y_true, y_pred)
    if y_pred.ndim == 1:
        y_pred = y_pred[:, None]
    if y_pred.shape[-1:] == (1,):
        return binary_accuracy(y_true, y_pred)
    if y_true.shape == y_pred.shape:
        return categorical_accuracy(y_true, y_pred)
    return sparse_categorical_accuracy(y_true, y_pred)


class Accuracy(MeanOf):
    """:func:`accuracy` over all samples.

    Arguments:
        name: default ``'accuracy'``.

    >>> Accuracy()([1, 0], [[0.2, 0.8], [0.4, 0.6]])
    0.5
    """

    def __init__(self, name="accuracy"):
        super().__init__(accuracy, name)


class BinaryAccuracy(MeanOf):
    """:func:`binary_accuracy` over all samples.

    Arguments:
        threshold: as for the function, default 0.5.
        name: default ``'binary_accuracy'``.

    >>> BinaryAccuracy(threshold=0.7)([[1], [0]], [[0.9], [0.6]])
    1.0
    """

    def __init__(self, threshold=0.5, name="binary_accuracy"):
        super().__init__(functools.partial(binary_accuracy, threshold=threshold), name)


class CategoricalAccuracy(MeanOf):
    """:func:`categorical_accuracy` over all samples.

    Arguments:
        name: default ``'categorical_accuracy'``.

    >>> CategoricalAccuracy()([[0, 1], [1, 0]], [[0.2, 0.8], [0.4, 0.6]])
    0.5
    """

    def __init__(self, name="categorical_accuracy"):
        super().__init__(categorical_accuracy, name)


class SparseCategoricalAccuracy(MeanOf):
    """:func:`sparse_categorical_accuracy` over all samples.

    Arguments:
        name: default ``'sparse_categorical_accuracy'``.

    >>> SparseCategoricalAccuracy()([1, 0], [[0.2, 0.8], [0.4, 0.6]])
    0.5
    """

    def __init__(self, name="sparse_categorical_accuracy"):
        super().__init__(sparse_categorical_accuracy, name)
