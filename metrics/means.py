"""Means of losses and of correlations over all samples."""

from ..losses import margins, probabilistic, regression
from ..losses.pairs import pair, unit
from ..tensor.elementwise import square
from ..tensor.reduce import mean, std, var
from ..tensor.reduce import sum as total
from ..utils import settings
from .base import MeanMetricWrapper, metric_function


class MeanSquaredError(MeanMetricWrapper):
    """:func:`~tahr.losses.mean_squared_error` over all samples.

    Arguments:
        name: default ``'mean_squared_error'``.
        dtype: as for :class:`Metric`.

    >>> MeanSquaredError()([[0.0], [2.0]], [[1.0], [2.0]])
    0.5
    """

    def __init__(self, name="mean_squared_error", dtype=None):
        super().__init__(regression.mean_squared_error, name, dtype)


class MeanAbsoluteError(MeanMetricWrapper):
    """:func:`~tahr.losses.mean_absolute_error` over all samples.

    Arguments:
        name: default ``'mean_absolute_error'``.
        dtype: as for :class:`Metric`.

    >>> MeanAbsoluteError()([[0.0], [2.0]], [[1.0], [2.0]])
    0.5
    """

    def __init__(self, name="mean_absolute_error", dtype=None):
        super().__init__(regression.mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(MeanMetricWrapper):
    """:func:`~tahr.losses.mean_absolute_percentage_error` over all samples.

    Arguments:
        name: default ``'mean_absolute_percentage_error'``.
        dtype: as for :class:`Metric`.

    >>> MeanAbsolutePercentageError()([[2.0], [4.0]], [[1.0], [4.0]])
    25.0
    """

    def __init__(self, name="mean_absolute_percentage_error", dtype=None):
        super().__init__(regression.mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """:func:`~tahr.losses.mean_squared_logarithmic_error` over all samples.

    Arguments:
        name: default ``'mean_squared_logarithmic_error'``.
        dtype: as for :class:`Metric`.

    >>> round(MeanSquaredLogarithmicError()([[0.0]], [[1.0]]), 4)
    0.4805
    """

    def __init__(self, name="mean_squared_logarithmic_error", dtype=None):
        super().__init__(regression.mean_squared_logarithmic_error, name, dtype)


class LogCoshError(MeanMetricWrapper):
    """:func:`~tahr.losses.log_cosh` over all samples.

    Arguments:
        name: default ``'logcosh'``.
        dtype: as for :class:`Metric`.

    >>> round(LogCoshError()([[0.0]], [[1000.0]]), 2)
    999.31
    """

    def __init__(self, name="logcosh", dtype=None):
        super().__init__(regression.log_cosh, name, dtype)


class Hinge(MeanMetricWrapper):
    """:func:`~tahr.losses.hinge` over all samples.

    Arguments:
        name: default ``'hinge'``.
        dtype: as for :class:`Metric`.

    >>> Hinge()([[-1.0], [1.0]], [[-2.0], [0.5]])
    0.25
    """

    def __init__(self, name="hinge", dtype=None):
        super().__init__(margins.hinge, name, dtype)


class SquaredHinge(MeanMetricWrapper):
    """:func:`~tahr.losses.squared_hinge` over all samples.

    Arguments:
        name: default ``'squared_hinge'``.
        dtype: as for :class:`Metric`.

    >>> SquaredHinge()([[-1.0], [1.0]], [[-2.0], [0.5]])
    0.125
    """

    def __init__(self, name="squared_hinge", dtype=None):
        super().__init__(margins.squared_hinge, name, dtype)


class CategoricalHinge(MeanMetricWrapper):
    """:func:`~tahr.losses.categorical_hinge` over all samples.

    Arguments:
        name: default ``'categorical_hinge'``.
        dtype: as for :class:`Metric`.

    >>> CategoricalHinge()([[0.0, 1.0]], [[0.25, 0.75]])
    0.5
    """

    def __init__(self, name="categorical_hinge", dtype=None):
        super().__init__(margins.categorical_hinge, name, dtype)


class Poisson(MeanMetricWrapper):
    """:func:`~tahr.losses.poisson` over all samples.

    Arguments:
        name: default ``'poisson'``.
        dtype: as for :class:`Metric`.

    >>> round(Poisson()([[0.0, 2.0]], [[1.0, 1.0]]), 4)
    1.0
    """

    def __init__(self, name="poisson", dtype=None):
        super().__init__(probabilistic.poisson, name, dtype)


class KLDivergence(MeanMetricWrapper):
    """:func:`~tahr.losses.kl_divergence` over all samples.

    Arguments:
        name: default ``'kl_divergence'``.
        dtype: as for :class:`Metric`.

    >>> round(KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]]), 4)
    0.1438
    """

    def __init__(self, name="kl_divergence", dtype=None):
        super().__init__(probabilistic.kl_divergence, name, dtype)


class RootMeanSquaredError(MeanMetricWrapper):
    """The root of the mean of all squared errors.

    Arguments:
        name: default ``'root_mean_squared_error'``.
        dtype: as for :class:`Metric`.

    >>> RootMeanSquaredError()([[0.0], [0.0]], [[1.0], [7.0]])
    5.0
    """

    def __init__(self, name="root_mean_squared_error", dtype=None):
        super().__init__(regression.mean_squared_error, name, dtype)

    def values(self, y_true, y_pred):
        y_true, y_pred = pair(y_true, y_pred)
        return square(y_pred - y_true)

    def result(self):
        return super().result() ** 0.5


class BinaryCrossentropy(MeanMetricWrapper):
    """:func:`~tahr.losses.binary_crossentropy` over all samples.

    Arguments:
        name: default ``'binary_crossentropy'``.
        dtype: as for :class:`Metric`.
        from_logits, label_smoothing: as for the function, default False and 0.

    >>> round(BinaryCrossentropy()([[1.0]], [[0.5]]), 4)
    0.6931
    """

    def __init__(self, name="binary_crossentropy", dtype=None, from_logits=False, label_smoothing=0.0):
        super().__init__(probabilistic.binary_crossentropy, name, dtype)
        self.from_logits, self.label_smoothing = from_logits, label_smoothing

    def values(self, y_true, y_pred):
        return self.fn(y_true, y_pred, self.from_logits, self.label_smoothing)


class CategoricalCrossentropy(MeanMetricWrapper):
    """:func:`~tahr.losses.categorical_crossentropy` over all samples.

    Arguments:
        name: default ``'categorical_crossentropy'``.
        dtype: as for :class:`Metric`.
        from_logits, label_smoothing, axis: as for the function, default False, 0 and -1.

    >>> round(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]]), 4)
    0.6931
    """

    def __init__(self, name="categorical_crossentropy", dtype=None, from_logits=False, label_smoothing=0.0, axis=-1):
        super().__init__(probabilistic.categorical_crossentropy, name, dtype)
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis

    def values(self, y_true, y_pred):
        return self.fn(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """:func:`~tahr.losses.sparse_categorical_crossentropy` over all samples.

    Arguments:
        name: default ``'sparse_categorical_crossentropy'``.
        dtype: as for :class:`Metric`.
        from_logits, axis: as for the function, default False and -1.

    >>> round(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]]), 4)
    0.6931
    """

    def __init__(self, name="sparse_categorical_crossentropy", dtype=None, from_logits=False, axis=-1):
        super().__init__(probabilistic.sparse_categorical_crossentropy, name, dtype)
        self.from_logits, self.axis = from_logits, axis

    def values(self, y_true, y_pred):
        return self.fn(y_true, y_pred, self.from_logits, self.axis)


class _Along(MeanMetricWrapper):
    """The mean of a function of vectors."""

    def __init__(self, fn, name, dtype, axis):
        super().__init__(fn, name, dtype)
        self.axis = axis

    def values(self, y_true, y_pred):
        return self.fn(y_true, y_pred, self.axis)


@metric_function("cosine_proximity", "cosine")
def cosine_similarity(y_true, y_pred, axis=-1):
    """``sum(y_true / |y_true| * y_pred / |y_pred|)``: 1 for vectors of one direction. The loss is the negative of it.

    Arguments:
        y_true, y_pred: shape (batch, ..., features).
        axis: of the vectors, default -1.

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for targets of another shape than the predictions.

    >>> cosine_similarity([[0.0, 2.0]], [[0.0, 4.0]])
    Tensor([1.])
    """
    y_true, y_pred = pair(y_true, y_pred)
    return total(unit(y_true, axis) * unit(y_pred, axis), axis)


@metric_function()
def pearson_correlation(y_true, y_pred, axis=-1):
    """The correlation coefficient of each target with its prediction, from -1 to 1.

    Arguments:
        y_true, y_pred: shape (batch, ..., features).
        axis: along which to correlate, default -1.

    Returns:
        Shape (batch, ...); NaN where all targets or all predictions are equal.

    Raises:
        ValueError: for targets of another shape than the predictions.

    >>> pearson_correlation([[0.0, 1.0, 2.0]], [[5.0, 7.0, 9.0]]).round(4)
    Tensor([1.])
    """
    y_true, y_pred = (y - mean(y, axis, True) for y in pair(y_true, y_pred))
    return mean(y_true / std(y_true, axis, keepdims=True) * y_pred / std(y_pred, axis, keepdims=True), axis)


@metric_function()
def concordance_correlation(y_true, y_pred, axis=-1):
    """``2 cov / (var(y) + var(p) + (mean(y) - mean(p))**2)``: the correlation, less for a shift or another scale.

    Arguments:
        y_true, y_pred: shape (batch, ..., features).
        axis: along which to correlate, default -1.

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for targets of another shape than the predictions.

    Source: Lin, A concordance correlation coefficient to evaluate reproducibility, Biometrics 45, 1989.

    >>> concordance_correlation([[0.0, 1.0, 2.0]], [[0.0, 1.0, 2.0]]).round(4)
    Tensor([1.])
    """
    y_true, y_pred = pair(y_true, y_pred)
    shift = mean(y_true, axis) - mean(y_pred, axis)
    covariance = mean((y_true - mean(y_true, axis, True)) * (y_pred - mean(y_pred, axis, True)), axis)
    return 2 * covariance / (var(y_true, axis) + var(y_pred, axis) + square(shift) + settings.epsilon())


class CosineSimilarity(_Along):
    """:func:`cosine_similarity` over all samples: 1 is the best.

    Arguments:
        name: default ``'cosine_similarity'``.
        dtype: as for :class:`Metric`.
        axis: of the vectors, default -1.

    >>> CosineSimilarity()([[0.0, 2.0]], [[0.0, 4.0]])
    1.0
    """

    def __init__(self, name="cosine_similarity", dtype=None, axis=-1):
        super().__init__(cosine_similarity, name, dtype, axis)


class PearsonCorrelation(_Along):
    """:func:`pearson_correlation` over all samples.

    Arguments:
        name: default ``'pearson_correlation'``.
        dtype: as for :class:`Metric`.
        axis: along which to correlate, default -1.

    >>> round(PearsonCorrelation()([[0.0, 1.0, 2.0]], [[5.0, 7.0, 9.0]]), 4)
    1.0
    """

    def __init__(self, name="pearson_correlation", dtype=None, axis=-1):
        super().__init__(pearson_correlation, name, dtype, axis)


class ConcordanceCorrelation(_Along):
    """:func:`concordance_correlation` over all samples.

    Arguments:
        name: default ``'concordance_correlation'``.
        dtype: as for :class:`Metric`.
        axis: along which to correlate, default -1.

    >>> round(ConcordanceCorrelation()([[0.0, 1.0, 2.0]], [[0.0, 1.0, 2.0]]), 4)
    1.0
    """

    def __init__(self, name="concordance_correlation", dtype=None, axis=-1):
        super().__init__(concordance_correlation, name, dtype, axis)
