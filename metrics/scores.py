"""F-scores and the coefficient of determination over all batches."""

import warnings

import numpy as np

from ..losses.base import as_tensor
from ..losses.pairs import pair
from ..tensor.movement import expand_dims
from ..tensor.state import assign
from .base import STREAMING, Metric
from .confusion import ratio
from .counts import decisions_state, moments_state


class _Columns(Metric):
    """A state of some rows with a column for each output, made when the first batch comes."""

    rows = 0
    sums = None

    def take(self, op, y_true, y_pred, sample_weight, **options):
        """Bring the state forward by an op."""
        y_true, y_pred = pair(y_true, y_pred)
        if y_pred.ndim == 1:
            y_true, y_pred = expand_dims(y_true, 1), expand_dims(y_pred, 1)
        if self.sums is None:
            self.sums = self.add_weight("sums", (self.rows, y_pred.shape[-1]))
        try:
            assign(self.sums, op(y_true, y_pred, sample_weight, self.sums, **options))
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None

    def read(self):
        """The rows as arrays; None before the first batch."""
        return None if self.sums is None else self.sums.data


class FBetaScore(_Columns):
    """``(1 + beta**2) p r / (beta**2 p + r)`` of the precision ``p`` and the recall ``r`` over all batches.

    Arguments:
        average: None (the default) for an array with a score for each class, ``'micro'`` for that of all counts
            together, ``'macro'`` for the mean over the classes, ``'weighted'`` for the mean by the number of targets.
        beta: how much more the recall counts than the precision; positive, default 1.
        threshold: above which a prediction is positive, in (0, 1]; None (the default) takes the largest of each
            sample.
        name: default ``'fbeta_score'``.
        dtype: as for :class:`Metric`.

    Raises:
        ValueError: for arguments outside these, and for targets of another shape than the predictions.

    Source: van Rijsbergen, Information retrieval, 1979.

    >>> FBetaScore("micro", threshold=0.5)([[1, 0], [1, 1]], [[0.9, 0.2], [0.8, 0.6]])
    1.0
    """

    rows = 3

    def __init__(self, average=None, beta=1.0, threshold=None, name="fbeta_score", dtype=None):
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(f"average must be None, 'micro', 'macro' or 'weighted', got {average!r}")
        if not beta > 0:
            raise ValueError(f"beta must be positive, got {beta}")
        if threshold is not None and not 0 < threshold <= 1:
            raise ValueError(f"threshold must lie in (0, 1], got {threshold}")
        super().__init__(name, dtype)
        self.average, self.beta, self.threshold = average, beta, threshold

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.take(decisions_state, y_true, y_pred, sample_weight, threshold=self.threshold)

    def result(self):
        counts = self.read()
        if counts is None:
            return 0.0
        tp, fp, fn = counts.sum(1) if self.average == "micro" else counts
        weight = self.beta ** 2
        scores = ratio((1 + weight) * tp, (1 + weight) * tp + weight * fn + fp)
        if self.average is None:
            return scores
        by = (tp + fn) if self.average == "weighted" and (tp + fn).any() else None
        return float(np.average(scores, weights=by))


class F1Score(FBetaScore):
    """:class:`FBetaScore` with ``beta=1``: ``2 p r / (p + r)``.

    Arguments:
        average, threshold, dtype: as for :class:`FBetaScore`.
        name: default ``'f1_score'``.

    Raises:
        ValueError: for arguments outside these, and for targets of another shape than the predictions.

    >>> F1Score("macro")([[1, 0], [0, 1]], [[0.9, 0.2], [0.4, 0.6]])
    1.0
    """

    def __init__(self, average=None, threshold=None, name="f1_score", dtype=None):
        super().__init__(average, 1.0, threshold, name, dtype)


def _global(name):
    """The F-score of all decisions together, under the names that Keras 1 had for it, batch by batch."""
    return FBetaScore("micro", threshold=0.5, name=name)


STREAMING.update(dict.fromkeys(("fbeta_score", "fmeasure", "fscore", "f1score"), _global))


class R2Score(_Columns):
    """The share of the targets' variance that is explained: ``1 - sum((y - p)**2) / sum((y - mean(y))**2)``.

    Arguments:
        class_aggregation: of several outputs ``'uniform_average'`` (the default) takes the mean,
            ``'variance_weighted_average'`` weighs by the targets' variance, None gives an array.
        num_regressors: of the linear model whose adjusted score ``1 - (1 - r2) (n - 1) / (n - num_regressors - 1)``
            is meant, ``n`` being the number of targets; default 0, which adjusts nothing.
        name: default ``'r2_score'``.
        dtype: as for :class:`Metric`.

    Raises:
        ValueError: for arguments outside these, and for targets of another shape than the predictions.

    >>> round(R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]]), 4)
    0.5714
    """

    rows = 4

    def __init__(self, class_aggregation="uniform_average", num_regressors=0, name="r2_score", dtype=None):
        if class_aggregation not in (None, "uniform_average", "variance_weighted_average"):
            raise ValueError("class_aggregation must be None, 'uniform_average' or 'variance_weighted_average', got "
                             f"{class_aggregation!r}")
        if not num_regressors >= 0:
            raise ValueError(f"num_regressors must not be negative, got {num_regressors}")
        super().__init__(name, dtype)
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self.seen = self.add_weight("seen")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.take(moments_state, y_true, y_pred, sample_weight)
        self.seen.assign_add(as_tensor(y_pred).size)

    def result(self):
        sums = self.read()
        if sums is None:
            return 0.0
        weight, total_, squares, errors = sums
        spread = squares - total_ * ratio(total_, weight)
        scores = np.where(spread != 0, 1 - ratio(errors, spread), 0.0)
        if self.class_aggregation == "uniform_average":
            scores = scores.mean()
        elif self.class_aggregation == "variance_weighted_average":
            scores = ratio((spread * scores).sum(keepdims=True), spread.sum(keepdims=True))[0]
        scores = self._adjusted(scores)
        return scores if self.class_aggregation is None else float(scores)

    def _adjusted(self, scores):
        n, p = float(self.seen), self.num_regressors
        if p and n - p - 1 <= 0:
            warnings.warn(f"{self.name}: {p} regressors need more than {p + 1} targets for an adjusted score, got "
                          f"{n:.0f}: this is the score as it is", stacklevel=3)
            return scores
        return 1 - (1 - scores) * (n - 1) / (n - p - 1) if p else scores
