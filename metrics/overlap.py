"""Intersection over union of predicted and true regions, over all batches."""

import numpy as np

from ..losses.base import as_tensor
from ..tensor.logic import equal, greater_equal, where
from ..tensor.movement import squeeze
from ..tensor.reduce import argmax
from ..tensor.state import assign
from .base import Metric
from .counts import matrix_state


class _IoU(Metric):
    """A state with the weights of all pairs of a class (rows) and a predicted class (columns)."""

    def __init__(self, num_classes, target_class_ids, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis):
        if not num_classes >= 2:
            raise ValueError(f"num_classes must be at least 2, got {num_classes}")
        if not all(0 <= i < num_classes for i in target_class_ids):
            raise ValueError(f"target_class_ids must lie from 0 to {num_classes - 1}, got {list(target_class_ids)}")
        super().__init__(name, dtype)
        self.num_classes, self.target_class_ids, self.ignore_class = num_classes, list(target_class_ids), ignore_class
        self.sparse_y_true, self.sparse_y_pred, self.axis = sparse_y_true, sparse_y_pred, axis
        self.matrix = self.add_weight("total_confusion_matrix", (num_classes, num_classes))

    total_cm = property(lambda self: self.matrix)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take in a batch of classes, one for each sample (and position); what is no class does not count."""
        y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
        y_true = y_true if self.sparse_y_true else argmax(y_true, self.axis)
        y_pred = y_pred if self.sparse_y_pred else argmax(y_pred, self.axis)
        if y_true.ndim == y_pred.ndim + 1 and y_true.shape[-1] == 1:
            y_true = squeeze(y_true, -1)
        elif y_pred.ndim == y_true.ndim + 1 and y_pred.shape[-1] == 1:
            y_pred = squeeze(y_pred, -1)
        if self.ignore_class is not None:
            y_true = where(equal(y_true, self.ignore_class), -1, y_true.astype("int64"))
        try:
            assign(self.matrix, matrix_state(y_true, y_pred, sample_weight, self.matrix))
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None

    def result(self):
        matrix = self.matrix.data
        both = np.diag(matrix)[self.target_class_ids]
        either = (matrix.sum(0) + matrix.sum(1))[self.target_class_ids] - both
        there = either > 0
        return float(np.mean(both[there] / either[there])) if there.any() else 0.0


class IoU(_IoU):
    """``tp / (tp + fp + fn)`` of some classes, the mean over those of them that occur; over all batches.

    Arguments:
        num_classes: at least 2.
        target_class_ids: the classes in question.
        name: default ``'io_u'``.
        dtype: as for :class:`Metric`.
        ignore_class: a label whose positions do not count.
        sparse_y_true, sparse_y_pred: whether they are classes (the default) or have an axis of scores of them.
        axis: of the scores, default -1.

    Raises:
        ValueError: for arguments outside these, and for targets of another shape than the predictions.

    >>> IoU(2, [0])([0, 0, 1, 1], [0, 1, 0, 1])
    0.3333333333333333
    """

    def __init__(self, num_classes, target_class_ids, name=None, dtype=None, ignore_class=None, sparse_y_true=True,
                 sparse_y_pred=True, axis=-1):
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)


class MeanIoU(_IoU):
    """:class:`IoU` of all classes.

    Arguments:
        num_classes, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis: as for :class:`IoU`.
        name: default ``'mean_io_u'``.

    Raises:
        ValueError: for arguments outside these, and for targets of another shape than the predictions.

    >>> MeanIoU(2)([0, 0, 1, 1], [0, 1, 0, 1])
    0.3333333333333333
    """

    def __init__(self, num_classes, name=None, dtype=None, ignore_class=None, sparse_y_true=True, sparse_y_pred=True,
                 axis=-1):
        super().__init__(num_classes, range(num_classes), name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)


class BinaryIoU(_IoU):
    """:class:`IoU` of classes 0 and 1, predicted as probabilities of 1.

    Arguments:
        target_class_ids: default (0, 1).
        threshold: the least probability that means 1, default 0.5.
        name: default ``'binary_io_u'``.
        dtype: as for :class:`Metric`.

    Raises:
        ValueError: for other classes, and for targets of another shape than the predictions.

    >>> BinaryIoU()([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])
    0.5833333333333333
    """

    def __init__(self, target_class_ids=(0, 1), threshold=0.5, name=None, dtype=None):
        super().__init__(2, target_class_ids, name, dtype, None, True, True, -1)
        self.threshold = threshold

    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_true, greater_equal(as_tensor(y_pred), self.threshold).astype("int64"), sample_weight)


class OneHotIoU(_IoU):
    """:class:`IoU` for one-hot targets.

    Arguments:
        num_classes, target_class_ids, dtype, ignore_class, axis: as for :class:`IoU`.
        name: default ``'one_hot_io_u'``.
        sparse_y_pred: whether predictions are classes; default False, they are scores.

    Raises:
        ValueError: for arguments outside these, and for targets of another shape than the predictions.

    >>> OneHotIoU(2, [0])([[1, 0], [0, 1]], [[0.9, 0.1], [0.8, 0.2]])
    0.5
    """

    def __init__(self, num_classes, target_class_ids, name=None, dtype=None, ignore_class=None, sparse_y_pred=False,
                 axis=-1):
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)


class OneHotMeanIoU(_IoU):
    """:class:`MeanIoU` for one-hot targets.

    Arguments:
        num_classes, dtype, ignore_class, axis: as for :class:`IoU`.
        name: default ``'one_hot_mean_io_u'``.
        sparse_y_pred: whether predictions are classes; default False, they are scores.

    Raises:
        ValueError: for arguments outside these, and for targets of another shape than the predictions.

    >>> OneHotMeanIoU(2)([[1, 0], [0, 1]], [[0.9, 0.1], [0.8, 0.2]])
    0.25
    """

    def __init__(self, num_classes, name=None, dtype=None, ignore_class=None, sparse_y_pred=False, axis=-1):
        super().__init__(num_classes, range(num_classes), name, dtype, ignore_class, False, sparse_y_pred, axis)
