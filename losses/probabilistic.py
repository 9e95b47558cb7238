"""Losses of probabilities: cross-entropies and their kin."""

from ..autograd import Spec
from ..tensor.elementwise import clip, log
from ..tensor.logic import not_equal, where
from ..tensor.loss import sigmoid_cross_entropy, softmax_cross_entropy, sparse_softmax_cross_entropy
from ..tensor.movement import expand_dims, squeeze
from ..tensor.reduce import mean
from ..tensor.reduce import sum as total
from ..tensor.scatter import take_along_axis
from ..utils import settings
from .base import as_tensor, loss_function
from .labels import as_labels, labels_within
from .pairs import axis_last, floats, logits_of, pair, probabilities, require_classes, smoothed


@loss_function("bce", "BCE")
def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """``-(y log p + (1 - y) log(1 - p))``, the mean over the last axis.

    Arguments:
        y_true: 0 or 1, or anything between; shape (batch, ..., outputs).
        y_pred: probabilities, or logits with ``from_logits``; same shape.
        from_logits: default False.
        label_smoothing: draws targets to 0.5 by this fraction, default 0.
        axis: the mean's, default -1.

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for targets of another shape than the predictions, and for smoothing outside [0, 1].

    >>> binary_crossentropy([[1.0]], [[0.5]])
    Tensor([0.6931472])
    """
    y_true, y_pred = pair(y_true, y_pred)
    y_true = smoothed(y_true, label_smoothing, 2)
    logits = logits_of(y_pred, from_logits, "sigmoid")
    if logits is not None:
        return mean(sigmoid_cross_entropy(logits, y_true), axis)
    p = probabilities(y_pred)
    return -mean(y_true * log(p) + (1 - y_true) * log(1 - p), axis)


@loss_function("cce", "CCE")
def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """``-sum(y log p)`` over the last axis, the classes.

    Arguments:
        y_true: one-hot or soft targets; shape (batch, ..., classes).
        y_pred: probabilities, normalised here if they are not, or logits with ``from_logits``; same shape.
        from_logits: default False.
        label_smoothing: draws targets to the uniform distribution by this fraction, default 0.
        axis: of the classes, default -1.

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for targets of another shape than the predictions, for fewer than 2 classes, and for smoothing
            outside [0, 1].

    >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])
    Tensor([0.6931472])
    """
    y_true, y_pred = pair(y_true, y_pred)
    require_classes(y_pred, axis, "categorical_crossentropy")
    y_true, y_pred = axis_last(axis, y_true, y_pred)
    y_true = smoothed(y_true, label_smoothing, y_pred.shape[-1])
    logits = logits_of(y_pred, from_logits, "softmax")
    if logits is not None:
        return softmax_cross_entropy(logits, y_true)
    return -total(y_true * log(probabilities(y_pred / total(y_pred, -1, True))), -1)


@loss_function("scce")
def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False, axis=-1, ignore_class=None):
    """:func:`categorical_crossentropy` for integer labels.

    Arguments:
        y_true: class labels from 0; shape (batch, ...) or (batch, ..., 1).
        y_pred: probabilities, or logits with ``from_logits``; shape (batch, ..., classes).
        from_logits: default False.
        axis: of the classes, default -1.
        ignore_class: a label, -1 or 255 say, whose positions have loss 0; the loss object's mean leaves them out, too.
            Default None.

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for labels of another shape, for fewer than 2 classes, and for a label that is no class of the
            output; the text names it and its position.

    >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]])
    Tensor([0.6931472])
    """
    y_pred = floats(y_pred)
    require_classes(y_pred, axis, "sparse_categorical_crossentropy")
    labels = as_labels(y_true, y_pred, axis)
    y_pred, = axis_last(axis, y_pred)
    if ignore_class is None:
        return _of_labels(labels, y_pred, from_logits)
    wanted = not_equal(labels, ignore_class)
    return where(wanted, _of_labels(where(wanted, labels, 0), y_pred, from_logits), 0.0)


def _of_labels(labels, y_pred, from_logits):
    logits = logits_of(y_pred, from_logits, "softmax")
    if logits is not None:
        return sparse_softmax_cross_entropy(logits, labels)
    if not isinstance(y_pred, Spec):
        labels = labels_within(labels, y_pred.shape[-1])
    p = probabilities(y_pred / total(y_pred, -1, True))
    return -squeeze(log(take_along_axis(p, expand_dims(labels, -1), -1)), -1)


@loss_function("ce")
def crossentropy(y_true, y_pred):
    """The cross-entropy that the shapes ask for: of one output between 0 and 1 :func:`binary_crossentropy`, of targets
    of the predictions' shape :func:`categorical_crossentropy`, else :func:`sparse_categorical_crossentropy`.

    Arguments:
        y_true, y_pred: as these take them.

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for shapes that fit none of these.

    >>> crossentropy([1], [[0.5, 0.5]]), crossentropy([1], [[0.5]])
    (Tensor([0.6931472]), Tensor([0.6931472]))
    """
    y_true, y_pred = as_tensor(y_true), floats(y_pred)
    if y_pred.ndim <= 1 or y_pred.shape[-1] == 1:
        return binary_crossentropy(y_true, y_pred)
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] != 1:
        return categorical_crossentropy(y_true, y_pred)
    return sparse_categorical_crossentropy(y_true, y_pred)


@loss_function("kullback_leibler_divergence", "kld", "KLD")
def kl_divergence(y_true, y_pred):
    """``sum(y log(y / p))`` over the last axis, the classes: what is lost by taking ``p`` for the distribution ``y``.

    Arguments:
        y_true, y_pred: probabilities, both clipped to [epsilon, 1]; shape (batch, ..., classes).

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for targets of another shape than the predictions.

    Source: Kullback and Leibler, On information and sufficiency, Annals of Mathematical Statistics 22, 1951.

    >>> round(float(kl_divergence([[0.5, 0.5]], [[0.25, 0.75]])), 4)
    0.1438
    """
    y_true, y_pred = (clip(y, settings.epsilon(), 1.0) for y in pair(y_true, y_pred))
    return total(y_true * log(y_true / y_pred), -1)


@loss_function()
def poisson(y_true, y_pred):
    """``mean(y_pred - y_true log(y_pred + epsilon))`` over the last axis: of counts and their expected values.

    Arguments:
        y_true, y_pred: not negative; shape (batch, ..., features).

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for targets of another shape than the predictions.

    >>> round(float(poisson([[0.0, 2.0]], [[1.0, 1.0]])), 4)
    1.0
    """
    y_true, y_pred = pair(y_true, y_pred)
    return mean(y_pred - y_true * log(y_pred + settings.epsilon()), -1)
