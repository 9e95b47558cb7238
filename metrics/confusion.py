"""Counts of true and false positives and negatives over all batches, and the ratios made of them."""

import numpy as np

from ..losses.base import as_tensor, same_rank
from ..tensor import Tensor
from ..tensor.activation import sigmoid
from ..tensor.state import assign
from ..utils import settings
from .base import Metric
from .counts import confusion_state, only_largest, wide


class _Confusion(Metric):
    """A state of four rows, true and false positives, true and false negatives, with a column for each threshold."""

    def __init__(self, thresholds, name, dtype, top_k=None, class_id=None, from_logits=False, labels=None):
        super().__init__(name, dtype)
        self.limits = Tensor(thresholds, dtype="float64")
        self.top_k, self.class_id, self.from_logits, self.by_label = top_k, class_id, from_logits, labels is not None
        self.counts = self.add_weight("confusion", (4, len(thresholds), *((labels,) if labels else ())))

    true_positives = property(lambda self: self.counts[0])
    false_positives = property(lambda self: self.counts[1])
    true_negatives = property(lambda self: self.counts[2])
    false_negatives = property(lambda self: self.counts[3])

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take in a batch: targets of 0 and 1, predictions of their shape, and weights of it or of its first axes."""
        y_pred = as_tensor(y_pred)
        y_true = same_rank(as_tensor(y_true), y_pred)
        if self.from_logits:
            y_pred = sigmoid(y_pred)
        if self.top_k is not None:
            y_pred = only_largest(y_pred, self.top_k)
        if self.class_id is not None:
            y_true, y_pred = self._of_class(y_true, y_pred)
        try:
            weights = self.weighted(sample_weight, y_pred)
            assign(self.counts, confusion_state(y_true, y_pred, weights, self.limits, self.counts, self.by_label))
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None

    def weighted(self, sample_weight, y_pred):
        """The weights of the predictions."""
        return None if sample_weight is None else as_tensor(sample_weight)

    def _of_class(self, y_true, y_pred):
        if y_pred.ndim < 2 or not -y_pred.shape[-1] <= self.class_id < y_pred.shape[-1]:
            raise ValueError(f"{self.name}: class_id={self.class_id} needs predictions with that class along their "
                             f"last axis, got shape {y_pred.shape}")
        return y_true[..., self.class_id], y_pred[..., self.class_id]


def ratio(part, whole):
    """``part / whole``, 0 where the whole is 0.

    >>> ratio(np.array([1.0, 0.0]), np.array([2.0, 0.0]))
    array([0.5, 0. ])
    """
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole != 0)


def _limits(thresholds, default, name):
    """Thresholds as a list; each must lie in [0, 1]."""
    limits = np.ravel(default if thresholds is None else thresholds).astype(float).tolist()
    if thresholds is not None and not all(0 <= limit <= 1 for limit in limits):
        raise ValueError(f"{name}: thresholds must lie in [0, 1], got {thresholds}")
    return limits


class _AtThresholds(_Confusion):
    """Values at thresholds that the user gives: one, or an array of several."""

    def __init__(self, thresholds=None, top_k=None, class_id=None, name=None, dtype=None):
        default = 0.5 if top_k is None else -np.inf
        super().__init__(_limits(thresholds, default, type(self).__name__), name, dtype, top_k, class_id)
        self.thresholds = thresholds

    def value(self, tp, fp, tn, fn):
        """The value, of arrays with an element for each threshold."""

    def result(self):
        found = self.value(*self.counts.data)
        return float(found[0]) if len(found) == 1 else found.copy()


class _Count(_AtThresholds):
    def __init__(self, thresholds=None, name=None, dtype=None):
        super().__init__(thresholds, None, None, name, dtype)


class TruePositives(_Count):
    """How many targets of 1 are predicted above the threshold, by their weights.

    Arguments:
        thresholds: one or several in [0, 1], default 0.5; several give an array.
        name: default ``'true_positives'``.
        dtype: as for :class:`Metric`.

    Raises:
        ValueError: for thresholds outside [0, 1], and for shapes that do not fit.

    >>> TruePositives()([0, 1, 1], [0.9, 0.8, 0.2])
    1.0
    """

    def value(self, tp, fp, tn, fn):
        return tp


class FalsePositives(_Count):
    """How many targets of 0 are predicted above the threshold, by their weights.

    Arguments:
        thresholds, name, dtype: as for :class:`TruePositives`.

    Raises:
        ValueError: for thresholds outside [0, 1], and for shapes that do not fit.

    >>> FalsePositives()([0, 1, 1], [0.9, 0.8, 0.2])
    1.0
    """

    def value(self, tp, fp, tn, fn):
        return fp


class TrueNegatives(_Count):
    """How many targets of 0 are predicted at the threshold or below, by their weights.

    Arguments:
        thresholds, name, dtype: as for :class:`TruePositives`.

    Raises:
        ValueError: for thresholds outside [0, 1], and for shapes that do not fit.

    >>> TrueNegatives()([0, 1, 1], [0.9, 0.8, 0.2])
    0.0
    """

    def value(self, tp, fp, tn, fn):
        return tn


class FalseNegatives(_Count):
    """How many targets of 1 are predicted at the threshold or below, by their weights.

    Arguments:
        thresholds, name, dtype: as for :class:`TruePositives`.

    Raises:
        ValueError: for thresholds outside [0, 1], and for shapes that do not fit.

    >>> FalseNegatives()([0, 1, 1], [0.9, 0.8, 0.2])
    1.0
    """

    def value(self, tp, fp, tn, fn):
        return fn


class Precision(_AtThresholds):
    """The share of the predicted positives that are right: ``tp / (tp + fp)``, 0 without any; over all batches.

    Arguments:
        thresholds: one or several in [0, 1], default 0.5; several give an array.
        top_k: count as predicted the ``k`` largest of each sample (above the thresholds, if they are given).
        class_id: look at this class alone.
        name: default ``'precision'``.
        dtype: as for :class:`Metric`.

    Raises:
        ValueError: for thresholds outside [0, 1], and for shapes that do not fit.

    >>> Precision()([0, 1, 1], [0.9, 0.8, 0.2])
    0.5
    """

    def value(self, tp, fp, tn, fn):
        return ratio(tp, tp + fp)


class Recall(_AtThresholds):
    """The share of the positives that are predicted: ``tp / (tp + fn)``, 0 without any; over all batches.

    Arguments:
        thresholds, top_k, class_id, dtype: as for :class:`Precision`.
        name: default ``'recall'``.

    Raises:
        ValueError: for thresholds outside [0, 1], and for shapes that do not fit.

    >>> Recall()([0, 1, 1], [0.9, 0.8, 0.7])
    1.0
    """

    def value(self, tp, fp, tn, fn):
        return ratio(tp, tp + fn)


class MatthewsCorrelation(_AtThresholds):
    """``(tp tn - fp fn) / sqrt((tp + fp) (tp + fn) (tn + fp) (tn + fn))`` over all batches: from -1 to 1, 0 for chance.

    Arguments:
        thresholds: one or several in [0, 1], default 0.5; several give an array.
        name: default ``'matthews_correlation'``.
        dtype: as for :class:`Metric`.

    Raises:
        ValueError: for thresholds outside [0, 1], and for shapes that do not fit.

    Source: Matthews, Comparison of the predicted and observed secondary structure of T4 phage lysozyme, BBA 405, 1975.

    >>> MatthewsCorrelation()([0, 1, 1, 0], [0.1, 0.8, 0.7, 0.3])
    1.0
    """

    def __init__(self, thresholds=None, name=None, dtype=None):
        super().__init__(thresholds, None, None, name, dtype)

    def value(self, tp, fp, tn, fn):
        return ratio(tp * tn - fp * fn, np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)))


def evenly(count):
    """That many thresholds from 0 to 1.

    >>> evenly(3), evenly(1)
    ([0.0, 0.5, 1.0], [0.5])
    """
    return [0.5] if count == 1 else [i / (count - 1) for i in range(count)]


class _Best(_Confusion):
    """The best of one rate at the thresholds where another is at least a value."""

    def __init__(self, needed, num_thresholds, class_id, name, dtype):
        if not 0 <= needed <= 1:
            raise ValueError(f"{type(self).__name__} needs a rate in [0, 1], got {needed}")
        if not num_thresholds >= 1:
            raise ValueError(f"num_thresholds must be at least 1, got {num_thresholds}")
        super().__init__(evenly(num_thresholds), name, dtype, None, class_id)
        self.needed, self.num_thresholds = needed, num_thresholds

    def rates(self, tp, fp, tn, fn):
        """What is asked for, and what must be enough."""

    def result(self):
        wanted, bound = self.rates(*self.counts.data)
        return float(np.max(wanted, where=bound >= self.needed, initial=0.0))


class SensitivityAtSpecificity(_Best):
    """The largest sensitivity ``tp / (tp + fn)`` where the specificity ``tn / (tn + fp)`` is large enough.

    Arguments:
        specificity: the least, in [0, 1].
        num_thresholds: how many thresholds from 0 to 1 are tried, default 200.
        class_id: look at this class alone.
        name: default ``'sensitivity_at_specificity'``.
        dtype: as for :class:`Metric`.

    Raises:
        ValueError: for arguments outside these, and for shapes that do not fit.

    >>> SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])
    0.5
    """

    def __init__(self, specificity, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(specificity, num_thresholds, class_id, name, dtype)

    def rates(self, tp, fp, tn, fn):
        return ratio(tp, tp + fn), ratio(tn, tn + fp)


class SpecificityAtSensitivity(_Best):
    """The largest specificity ``tn / (tn + fp)`` where the sensitivity ``tp / (tp + fn)`` is large enough.

    Arguments:
        sensitivity: the least, in [0, 1].
        num_thresholds, class_id, name, dtype: as for :class:`SensitivityAtSpecificity`.

    Raises:
        ValueError: for arguments outside these, and for shapes that do not fit.

    >>> round(SpecificityAtSensitivity(0.5)([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8]), 4)
    0.6667
    """

    def __init__(self, sensitivity, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)

    def rates(self, tp, fp, tn, fn):
        return ratio(tn, tn + fp), ratio(tp, tp + fn)


class PrecisionAtRecall(_Best):
    """The largest precision where the recall is large enough.

    Arguments:
        recall: the least, in [0, 1].
        num_thresholds, class_id, name, dtype: as for :class:`SensitivityAtSpecificity`.

    Raises:
        ValueError: for arguments outside these, and for shapes that do not fit.

    >>> PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])
    0.5
    """

    def __init__(self, recall, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(recall, num_thresholds, class_id, name, dtype)

    def rates(self, tp, fp, tn, fn):
        return ratio(tp, tp + fp), ratio(tp, tp + fn)


class RecallAtPrecision(_Best):
    """The largest recall where the precision is large enough.

    Arguments:
        precision: the least, in [0, 1].
        num_thresholds, class_id, name, dtype: as for :class:`SensitivityAtSpecificity`.

    Raises:
        ValueError: for arguments outside these, and for shapes that do not fit.

    >>> RecallAtPrecision(0.8)([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
    0.5
    """

    def __init__(self, precision, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(precision, num_thresholds, class_id, name, dtype)

    def rates(self, tp, fp, tn, fn):
        return ratio(tp, tp + fn), ratio(tp, tp + fp)


class AUC(_Confusion):
    """The area under a curve through the rates at many thresholds: how well predictions sort positives from negatives.

    Arguments:
        num_thresholds: from just below 0 to just above 1, default 200.
        curve: ``'ROC'`` (the default: recall over the false positives' rate), ``'PR'`` (precision over recall) or
            ``'PRGAIN'`` (their gains).
        summation_method: between two thresholds the curve is ``'interpolation'`` (the default: straight, for ``'PR'``
            as the counts change), or has the smaller height, ``'minoring'``, or the larger, ``'majoring'``.
        name: default ``'auc'``.
        dtype: as for :class:`Metric`.
        thresholds: to use instead, between 0 and 1; both ends are added.
        multi_label: whether each column is a label with an area of its own, and the result their mean, default False.
        num_labels: their number, if it is to be fixed before the first batch.
        label_weights: of the labels in that mean; without ``multi_label``, of their predictions.
        from_logits: whether predictions are logits, default False.

    Raises:
        ValueError: for arguments outside these, and for shapes that do not fit.

    Source: Davis and Goadrich, The relationship between precision-recall and ROC curves, ICML 2006 (interpolation);
    Flach and Kull, Precision-recall-gain curves, NIPS 2015.

    >>> round(AUC()([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9]), 4)
    0.75
    """

    def __init__(self, num_thresholds=200, curve="ROC", summation_method="interpolation", name=None, dtype=None,
                 thresholds=None, multi_label=False, num_labels=None, label_weights=None, from_logits=False):
        if curve not in ("ROC", "PR", "PRGAIN"):
            raise ValueError(f"curve must be 'ROC', 'PR' or 'PRGAIN', got {curve!r}")
        if summation_method not in ("interpolation", "minoring", "majoring"):
            raise ValueError("summation_method must be 'interpolation', 'minoring' or 'majoring', got "
                             f"{summation_method!r}")
        if num_labels and not multi_label:
            raise ValueError("num_labels is for multi_label=True alone")
        if thresholds is None and not num_thresholds > 1:
            raise ValueError(f"num_thresholds must be at least 2, got {num_thresholds}")
        inner = evenly(num_thresholds)[1:-1] if thresholds is None else sorted(_limits(thresholds, None, "AUC"))
        self.thresholds = [-settings.epsilon(), *inner, 1 + settings.epsilon()]
        super().__init__(self.thresholds, name, dtype, None, None, from_logits, num_labels)
        self.num_thresholds, self.curve, self.summation_method = len(self.thresholds), curve, summation_method
        self.multi_label, self.num_labels = multi_label, num_labels
        self.label_weights = None if label_weights is None else np.asarray(label_weights, "float64")

    def update_state(self, y_true, y_pred, sample_weight=None):
        if self.multi_label and not self.by_label:
            self._of_labels(as_tensor(y_pred).shape)
        super().update_state(y_true, y_pred, sample_weight)

    def _of_labels(self, shape):
        """Make room for the labels of the first batch."""
        if len(shape) != 2:
            raise ValueError(f"{self.name}: multi_label needs predictions of shape (batch, labels), got {shape}")
        self.states.clear()
        self.counts, self.by_label = self.add_weight("confusion", (4, self.num_thresholds, shape[1])), True

    def weighted(self, sample_weight, y_pred):
        if self.label_weights is None or self.multi_label:
            return sample_weight
        by_label = np.broadcast_to(self.label_weights, y_pred.shape)
        return by_label if sample_weight is None else by_label * wide(as_tensor(sample_weight), y_pred)

    def result(self):
        counts = self.counts.data
        areas = _interpolated(*counts) if (self.curve, self.summation_method) == ("PR", "interpolation") else (
            _riemann(*CURVES[self.curve](*counts), self.summation_method))
        return float(np.average(areas, weights=self.label_weights)) if self.multi_label else float(areas)


def _gains(tp, fp, tn, fn):
    odds = ratio(tp + fn, tn + fp)
    recall = np.where(tp == 0, 0.0, 1 - odds * ratio(fn, tp))
    return np.maximum(recall, 0), np.where(tp == 0, 1.0, 1 - odds * ratio(fp, tp))


CURVES = {      # the two rates of each: abscissa and height
    "ROC": lambda tp, fp, tn, fn: (ratio(fp, fp + tn), ratio(tp, tp + fn)),
    "PR": lambda tp, fp, tn, fn: (ratio(tp, tp + fn), ratio(tp, tp + fp)),
    "PRGAIN": _gains,
}


def _riemann(x, y, method):
    """The area as rectangles between neighbouring thresholds."""
    height = {"interpolation": lambda a, b: (a + b) / 2, "minoring": np.minimum, "majoring": np.maximum}[method]
    return np.sum((x[:-1] - x[1:]) * height(y[:-1], y[1:]), axis=0)


def _interpolated(tp, fp, tn, fn):
    """The area under precision over recall, true and predicted positives both changing linearly between thresholds:
    the integral of ``(tp_b + slope * (p - p_b)) / p``."""
    p, change = tp + fp, tp[:-1] - tp[1:]
    slope = ratio(change, np.maximum(p[:-1] - p[1:], 0))
    both = (p[:-1] > 0) & (p[1:] > 0)
    growth = np.divide(p[:-1], p[1:], where=both, out=np.ones_like(change))
    return np.sum(ratio(slope * (change + (tp[1:] - slope * p[1:]) * np.log(growth)), (tp + fn)[1:]), axis=0)
