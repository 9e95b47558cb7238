"""Losses as objects, with their options and a reduction."""

from collections.abc import Callable

from ..tensor.logic import greater, not_equal
from . import embeddings, focal, margins, overlap, probabilistic, regression, sequences
from .base import Loss, get
from .labels import as_labels
from .pairs import require_fraction, require_positive


class LossFunctionWrapper(Loss):
    """A function ``(y_true, y_pred) -> values`` as a loss object.

    Arguments:
        fn: the function, or the name of a loss function.
        reduction, name, dtype: as for :class:`Loss`; the default name is the function's.

    >>> LossFunctionWrapper("mse", reduction="sum")([[0.0], [2.0]], [[1.0], [2.0]])
    Tensor(1.)
    """

    def __init__(self, fn, reduction="sum_over_batch_size", name=None, dtype=None):
        self.fn = get(fn)
        super().__init__(reduction, name or getattr(self.fn, "__name__", None), dtype)

    def call(self, y_true, y_pred):
        return self.fn(y_true, y_pred)


class _Function(Loss):
    """A loss function as a class: its options are those of the function."""

    function: Callable | None = None

    def __init__(self, reduction="sum_over_batch_size", name=None, dtype=None):
        super().__init__(reduction, name, dtype)
        self.options = {}

    def _set(self, **options):
        self.options = options
        vars(self).update(options)

    def call(self, y_true, y_pred):
        return type(self).function(y_true, y_pred, **self.options)

class MeanSquaredError(_Function):
    """:func:`mean_squared_error` as an object.

    Arguments:
        reduction, name, dtype: as for :class:`Loss`.

    >>> float(MeanSquaredError()([[0.0], [2.0]], [[1.0], [2.0]]))
    0.5
    """

    function = staticmethod(regression.mean_squared_error)


class MeanAbsoluteError(_Function):
    """:func:`mean_absolute_error` as an object.

    Arguments:
        reduction, name, dtype: as for :class:`Loss`.

    >>> float(MeanAbsoluteError("sum")([[0.0], [2.0]], [[1.0], [2.0]]))
    1.0
    """

    function = staticmethod(regression.mean_absolute_error)


class MeanAbsolutePercentageError(_Function):
    """:func:`mean_absolute_percentage_error` as an object.

    Arguments:
        reduction, name, dtype: as for :class:`Loss`.

    >>> MeanAbsolutePercentageError()([[2.0], [4.0]], [[1.0], [4.0]])
    Tensor(25.)
    """

    function = staticmethod(regression.mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(_Function):
    """:func:`mean_squared_logarithmic_error` as an object.

    Arguments:
        reduction, name, dtype: as for :class:`Loss`.

    >>> round(float(MeanSquaredLogarithmicError()([[0.0]], [[1.0]])), 4)
    0.4805
    """

    function = staticmethod(regression.mean_squared_logarithmic_error)


class LogCosh(_Function):
    """:func:`log_cosh` as an object.

    Arguments:
        reduction, name, dtype: as for :class:`Loss`.

    >>> round(float(LogCosh()([[0.0]], [[1000.0]])), 2)
    999.31
    """

    function = staticmethod(regression.log_cosh)


class Hinge(_Function):
    """:func:`hinge` as an object.

    Arguments:
        reduction, name, dtype: as for :class:`Loss`.

    >>> Hinge()([[-1.0], [1.0]], [[-2.0], [0.5]])
    Tensor(0.25)
    """

    function = staticmethod(margins.hinge)


class SquaredHinge(_Function):
    """:func:`squared_hinge` as an object.

    Arguments:
        reduction, name, dtype: as for :class:`Loss`.

    >>> SquaredHinge()([[-1.0], [1.0]], [[-2.0], [0.5]])
    Tensor(0.125)
    """

    function = staticmethod(margins.squared_hinge)


class CategoricalHinge(_Function):
    """:func:`categorical_hinge` as an object.

    Arguments:
        reduction, name, dtype: as for :class:`Loss`.

    >>> CategoricalHinge()([[0.0, 1.0]], [[0.25, 0.75]])
    Tensor(0.5)
    """

    function = staticmethod(margins.categorical_hinge)


class KLDivergence(_Function):
    """:func:`kl_divergence` as an object.

    Arguments:
        reduction, name, dtype: as for :class:`Loss`.

    >>> round(float(KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]])), 4)
    0.1438
    """

    function = staticmethod(probabilistic.kl_divergence)


class Poisson(_Function):
    """:func:`poisson` as an object.

    Arguments:
        reduction, name, dtype: as for :class:`Loss`.

    >>> round(float(Poisson()([[0.0, 2.0]], [[1.0, 1.0]])), 4)
    1.0
    """

    function = staticmethod(probabilistic.poisson)


class CTC(_Function):
    """:func:`ctc` as an object.

    Arguments:
        reduction, name, dtype: as for :class:`Loss`.

    >>> round(float(CTC()([[1]], [[[0.0, 0.0], [0.0, 0.0]]])), 4)
    0.2877
    """

    function = staticmethod(sequences.ctc)


class Huber(_Function):
    """:func:`huber` as an object.

    Arguments:
        delta: as for the function, default 1.
        reduction, name, dtype: as for :class:`Loss`.

    Raises:
        ValueError: for ``delta`` not above 0.

    >>> Huber(delta=2.0)([[0.0, 0.0]], [[1.0, 3.0]])
    Tensor(2.25)
    """

    function = staticmethod(regression.huber)

    def __init__(self, delta=1.0, reduction="sum_over_batch_size", name=None, dtype=None):
        super().__init__(reduction, name, dtype)
        require_positive("delta", delta)
        self._set(delta=delta)


class CosineSimilarity(_Function):
    """:func:`cosine_similarity` as an object: -1 is the best.

    Arguments:
        axis: of the vectors, default -1.
        reduction, name, dtype: as for :class:`Loss`.

    >>> CosineSimilarity()([[0.0, 2.0]], [[0.0, 4.0]])
    Tensor(-1.)
    """

    function = staticmethod(regression.cosine_similarity)

    def __init__(self, axis=-1, reduction="sum_over_batch_size", name=None, dtype=None):
        super().__init__(reduction, name, dtype)
        self._set(axis=axis)


class _Crossentropy(_Function):
    def __init__(self, from_logits=False, label_smoothing=0.0, reduction="sum_over_batch_size", name=None, axis=-1,
                 dtype=None):
        super().__init__(reduction, name, dtype)
        require_fraction("label_smoothing", label_smoothing)
        self._set(from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


class BinaryCrossentropy(_Crossentropy):
    """:func:`binary_crossentropy` as an object.

    Arguments:
        from_logits, label_smoothing, axis: as for the function, default False, 0 and -1.
        reduction, name, dtype: as for :class:`Loss`.

    Raises:
        ValueError: for smoothing outside [0, 1].

    >>> BinaryCrossentropy(from_logits=True)([[1.0]], [[0.0]])
    Tensor(0.6931472)
    """

    function = staticmethod(probabilistic.binary_crossentropy)


class CategoricalCrossentropy(_Crossentropy):
    """:func:`categorical_crossentropy` as an object.

    Arguments:
        from_logits, label_smoothing, axis: as for the function, default False, 0 and -1.
        reduction, name, dtype: as for :class:`Loss`.

    Raises:
        ValueError: for smoothing outside [0, 1].

    >>> CategoricalCrossentropy(from_logits=True)([[0.0, 1.0]], [[0.0, 0.0]])
    Tensor(0.6931472)
    """

    function = staticmethod(probabilistic.categorical_crossentropy)


class SparseCategoricalCrossentropy(_Function):
    """:func:`sparse_categorical_crossentropy` as an object.

    Arguments:
        from_logits, ignore_class, axis: as for the function, default False, None and -1.
        reduction, name, dtype: as for :class:`Loss`; positions of the ignored class do not count.

    >>> SparseCategoricalCrossentropy(from_logits=True)([1], [[0.0, 0.0]])
    Tensor(0.6931472)
    >>> SparseCategoricalCrossentropy(ignore_class=-1)([1, -1], [[0.5, 0.5], [0.5, 0.5]])
    Tensor(0.6931472)
    """

    function = staticmethod(probabilistic.sparse_categorical_crossentropy)

    def __init__(self, from_logits=False, reduction="sum_over_batch_size", name=None, ignore_class=None, axis=-1,
                 dtype=None):
        super().__init__(reduction, name, dtype)
        self._set(from_logits=from_logits, ignore_class=ignore_class, axis=axis)

    def counted(self, y_true, y_pred, values):
        if self.ignore_class is None:
            return None
        return not_equal(as_labels(y_true, y_pred, self.axis), self.ignore_class)


class BinaryFocalCrossentropy(_Function):
    """:func:`binary_focal_crossentropy` as an object.

    Arguments:
        apply_class_balancing, alpha, gamma, from_logits, label_smoothing, axis: as for the function.
        reduction, name, dtype: as for :class:`Loss`.

    Raises:
        ValueError: for smoothing outside [0, 1].

    >>> round(float(BinaryFocalCrossentropy()([[1.0]], [[0.5]])), 4)
    0.1733
    """

    function = staticmethod(focal.binary_focal_crossentropy)

    def __init__(self, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0,
                 axis=-1, reduction="sum_over_batch_size", name=None, dtype=None):
        super().__init__(reduction, name, dtype)
        require_fraction("label_smoothing", label_smoothing)
        self._set(apply_class_balancing=apply_class_balancing, alpha=alpha, gamma=gamma, from_logits=from_logits,
                  label_smoothing=label_smoothing, axis=axis)


class CategoricalFocalCrossentropy(_Function):
    """:func:`categorical_focal_crossentropy` as an object.

    Arguments:
        alpha, gamma, from_logits, label_smoothing, axis: as for the function.
        reduction, name, dtype: as for :class:`Loss`.

    Raises:
        ValueError: for smoothing outside [0, 1].

    >>> round(float(CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.0433
    """

    function = staticmethod(focal.categorical_focal_crossentropy)

    def __init__(self, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1,
                 reduction="sum_over_batch_size", name=None, dtype=None):
        super().__init__(reduction, name, dtype)
        require_fraction("label_smoothing", label_smoothing)
        self._set(alpha=alpha, gamma=gamma, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


class CategoricalGeneralizedCrossEntropy(_Function):
    """:func:`categorical_generalized_cross_entropy` as an object.

    Arguments:
        q: as for the function, default 0.5.
        reduction, name, dtype: as for :class:`Loss`.

    Raises:
        ValueError: for ``q`` outside (0, 1).

    >>> CategoricalGeneralizedCrossEntropy()([1], [[0.75, 0.25]])
    Tensor(1.)
    """

    function = staticmethod(focal.categorical_generalized_cross_entropy)

    def __init__(self, q=0.5, reduction="sum_over_batch_size", name=None, dtype=None):
        super().__init__(reduction, name, dtype)
        focal.require_q(q)
        self._set(q=q)


class Dice(_Function):
    """:func:`dice` as an object.

    Arguments:
        reduction, name, dtype: as for :class:`Loss`.
        axis: as for the function, default None.

    >>> round(float(Dice()([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])), 4)
    0.3333
    """

    function = staticmethod(overlap.dice)

    def __init__(self, reduction="sum_over_batch_size", name=None, axis=None, dtype=None):
        super().__init__(reduction, name, dtype)
        self._set(axis=axis)


class Tversky(_Function):
    """:func:`tversky` as an object.

    Arguments:
        alpha, beta, axis: as for the function, default 0.5, 0.5 and None.
        reduction, name, dtype: as for :class:`Loss`.

    >>> round(float(Tversky(alpha=1.0)([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])), 4)
    0.5
    """

    function = staticmethod(overlap.tversky)

    def __init__(self, alpha=0.5, beta=0.5, reduction="sum_over_batch_size", name=None, dtype=None, axis=None):
        super().__init__(reduction, name, dtype)
        self._set(alpha=alpha, beta=beta, axis=axis)


class Circle(_Function):
    """:func:`circle` as an object; samples without loss do not count.

    Arguments:
        gamma, margin, remove_diagonal: as for the function, default 80, 0.4 and True.
        reduction, name, dtype: as for :class:`Loss`.

    Raises:
        ValueError: for ``gamma`` not above 0, and for a margin outside [0, 1].

    >>> round(float(Circle(gamma=1.0)([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])), 4)
    0.5459
    """

    function = staticmethod(embeddings.circle)

    def __init__(self, gamma=80.0, margin=0.4, remove_diagonal=True, reduction="sum_over_batch_size", name=None,
                 dtype=None):
        super().__init__(reduction, name, dtype)
        require_positive("gamma", gamma)
        require_fraction("margin", margin)
        self._set(gamma=gamma, margin=margin, remove_diagonal=remove_diagonal)

    def counted(self, y_true, y_pred, values):
        return greater(values, 0)
