"""The share of predictions that are right."""

from ..losses.base import as_tensor
from ..tensor.movement import expand_dims, squeeze
from ..tensor.reduce import argmax
from .base import MeanMetricWrapper, metric_function
from .counts import binary_hits, categorical_hits, label_hits, top_k_hits


def _pair(y_true, y_pred):
    """Targets and predictions as tensors; targets get the last axis of 1 that the predictions have."""
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    if y_true.ndim == y_pred.ndim - 1 and y_pred.shape[-1] == 1:
        y_true = expand_dims(y_true, -1)
    return y_true, y_pred


def _labels(y_true, y_pred):
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    return squeeze(y_true, -1) if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1 else y_true, y_pred


def _named(function, hits, *arguments):
    """The hits; an error begins with the metric's name."""
    try:
        return hits(*arguments)
    except ValueError as error:
        raise ValueError(f"{function}: {error}") from None


@metric_function()
def binary_accuracy(y_true, y_pred, threshold=0.5):
    """How often ``y_pred > threshold`` is ``y_true``, the mean over the last axis.

    Arguments:
        y_true: 0 or 1; shape (batch, ..., outputs), or without the last axis if it is 1.
        y_pred: probabilities; shape (batch, ..., outputs).
        threshold: default 0.5, which itself counts as 0.

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for targets of another shape.

    >>> binary_accuracy([[1], [0]], [[0.9], [0.6]])
    Tensor([1., 0.])
    """
    return _named("binary_accuracy", binary_hits, *_pair(y_true, y_pred), threshold)


@metric_function()
def categorical_accuracy(y_true, y_pred):
    """Whether the largest prediction is where the largest target is.

    Arguments:
        y_true: one-hot or soft targets; shape (batch, ..., classes).
        y_pred: probabilities or logits; same shape.

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for targets of another shape.

    >>> categorical_accuracy([[0, 1], [1, 0]], [[0.2, 0.8], [0.4, 0.6]])
    Tensor([1., 0.])
    """
    return _named("categorical_accuracy", categorical_hits, as_tensor(y_true), as_tensor(y_pred))


@metric_function()
def sparse_categorical_accuracy(y_true, y_pred):
    """Whether the largest prediction is at the label.

    Arguments:
        y_true: class labels from 0; shape (batch, ...) or (batch, ..., 1).
        y_pred: probabilities or logits; shape (batch, ..., classes).

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for labels of another shape.

    >>> sparse_categorical_accuracy([1, 0], [[0.2, 0.8], [0.4, 0.6]])
    Tensor([1., 0.])
    """
    return _named("sparse_categorical_accuracy", label_hits, *_labels(y_true, y_pred))


@metric_function()
def top_k_categorical_accuracy(y_true, y_pred, k=5):
    """Whether the prediction at the largest target is among the ``k`` largest; equal ones share their place.

    Arguments:
        y_true: one-hot or soft targets; shape (batch, ..., classes).
        y_pred: probabilities or logits; same shape.
        k: default 5.

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for targets of another shape.

    >>> top_k_categorical_accuracy([[0, 0, 1], [1, 0, 0]], [[0.2, 0.5, 0.3], [0.1, 0.5, 0.4]], k=2)
    Tensor([1., 0.])
    """
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    if y_true.shape != y_pred.shape:
        raise ValueError(f"top_k_categorical_accuracy: targets of shape {y_true.shape} do not fit predictions of shape "
                         f"{y_pred.shape}")
    return top_k_hits(argmax(y_true, -1), y_pred, k)


@metric_function()
def sparse_top_k_categorical_accuracy(y_true, y_pred, k=5):
    """Whether the prediction at the label is among the ``k`` largest; equal ones share their place.

    Arguments:
        y_true: class labels from 0; shape (batch, ...) or (batch, ..., 1).
        y_pred: probabilities or logits; shape (batch, ..., classes).
        k: default 5.

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for labels of another shape.

    >>> sparse_top_k_categorical_accuracy([2, 0], [[0.2, 0.5, 0.3], [0.1, 0.5, 0.4]], k=2)
    Tensor([1., 0.])
    """
    return _named("sparse_top_k_categorical_accuracy", top_k_hits, *_labels(y_true, y_pred), k)


@metric_function("acc")
def accuracy(y_true, y_pred):
    """The accuracy that the shapes ask for.

    Arguments:
        y_true, y_pred: predictions with a last axis of 1, or with the batch axis alone, are binary; targets of the
            predictions' shape are one-hot; targets without the last axis, or with 1 there, are labels.

    Returns:
        One value for each sample (and position).

    Raises:
        ValueError: for shapes that fit none of these.

    >>> accuracy([[1], [0]], [[0.9], [0.6]]), accuracy([1, 0], [[0.2, 0.8], [0.4, 0.6]])
    (Tensor([1., 0.]), Tensor([1., 0.]))
    """
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    if y_pred.ndim == 1:
        y_pred = expand_dims(y_pred, 1)
    if y_pred.shape[-1:] == (1,):
        return binary_accuracy(y_true, y_pred)
    if y_true.shape == y_pred.shape:
        return categorical_accuracy(y_true, y_pred)
    return sparse_categorical_accuracy(y_true, y_pred)


class Accuracy(MeanMetricWrapper):
    """:func:`accuracy` over all samples.

    Arguments:
        name: default ``'accuracy'``.
        dtype: as for :class:`Metric`.

    >>> Accuracy()([1, 0], [[0.2, 0.8], [0.4, 0.6]])
    0.5
    """

    def __init__(self, name="accuracy", dtype=None):
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """:func:`binary_accuracy` over all samples.

    Arguments:
        name: default ``'binary_accuracy'``.
        dtype: as for :class:`Metric`.
        threshold: as for the function, default 0.5.

    >>> BinaryAccuracy(threshold=0.7)([[1], [0]], [[0.9], [0.6]])
    1.0
    """

    def __init__(self, name="binary_accuracy", dtype=None, threshold=0.5):
        super().__init__(binary_accuracy, name, dtype)
        self.threshold = threshold

    def values(self, y_true, y_pred):
        return binary_accuracy(y_true, y_pred, self.threshold)


class CategoricalAccuracy(MeanMetricWrapper):
    """:func:`categorical_accuracy` over all samples.

    Arguments:
        name: default ``'categorical_accuracy'``.
        dtype: as for :class:`Metric`.

    >>> CategoricalAccuracy()([[0, 1], [1, 0]], [[0.2, 0.8], [0.4, 0.6]])
    0.5
    """

    def __init__(self, name="categorical_accuracy", dtype=None):
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """:func:`sparse_categorical_accuracy` over all samples.

    Arguments:
        name: default ``'sparse_categorical_accuracy'``.
        dtype: as for :class:`Metric`.

    >>> SparseCategoricalAccuracy()([1, 0], [[0.2, 0.8], [0.4, 0.6]])
    0.5
    """

    def __init__(self, name="sparse_categorical_accuracy", dtype=None):
        super().__init__(sparse_categorical_accuracy, name, dtype)


class _TopK(MeanMetricWrapper):
    def __init__(self, fn, k, name, dtype):
        if not k >= 1:
            raise ValueError(f"k must be at least 1, got {k}")
        super().__init__(fn, name, dtype)
        self.k = k

    def values(self, y_true, y_pred):
        return self.fn(y_true, y_pred, self.k)


class TopKCategoricalAccuracy(_TopK):
    """:func:`top_k_categorical_accuracy` over all samples.

    Arguments:
        k: default 5.
        name: default ``'top_k_categorical_accuracy'``.
        dtype: as for :class:`Metric`.

    Raises:
        ValueError: for ``k`` below 1.

    >>> TopKCategoricalAccuracy(k=2)([[0, 0, 1], [1, 0, 0]], [[0.2, 0.5, 0.3], [0.1, 0.5, 0.4]])
    0.5
    """

    def __init__(self, k=5, name="top_k_categorical_accuracy", dtype=None):
        super().__init__(top_k_categorical_accuracy, k, name, dtype)


class SparseTopKCategoricalAccuracy(_TopK):
    """:func:`sparse_top_k_categorical_accuracy` over all samples.

    Arguments:
        k: default 5.
        name: default ``'sparse_top_k_categorical_accuracy'``.
        dtype: as for :class:`Metric`.

    Raises:
        ValueError: for ``k`` below 1.

    >>> SparseTopKCategoricalAccuracy(k=2)([2, 0], [[0.2, 0.5, 0.3], [0.1, 0.5, 0.4]])
    0.5
    """

    def __init__(self, k=5, name="sparse_top_k_categorical_accuracy", dtype=None):
        super().__init__(sparse_top_k_categorical_accuracy, k, name, dtype)
