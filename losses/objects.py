"""Losses as objects, with their options and a reduction."""

from collections.abc import Callable

from . import functions
from .base import Loss


class MeanSquaredError(Loss):
    """:func:`mean_squared_error` as an object.

    Arguments:
        reduction, name: as for :class:`Loss`.

    >>> float(MeanSquaredError()([[0.0], [2.0]], [[1.0], [2.0]]))
    0.5
    """

    def call(self, y_true, y_pred):
        return functions.mean_squared_error(y_true, y_pred)


class MeanAbsoluteError(Loss):
    """:func:`mean_absolute_error` as an object.

    Arguments:
        reduction, name: as for :class:`Loss`.

    >>> float(MeanAbsoluteError("sum")([[0.0], [2.0]], [[1.0], [2.0]]))
    1.0
    """

    def call(self, y_true, y_pred):
        return functions.mean_absolute_error(y_true, y_pred)


class _Crossentropy(Loss):
    function: Callable | None = None

    def __init__(self, from_logits=False, label_smoothing=0.0, reduction="sum_over_batch_size", name=None):
        super().__init__(reduction, name)
        if not 0 <= label_smoothing <= 1:
            raise ValueError(f"label_smoothing must lie in [0, 1], got {label_smoothing}")
        self.from_logits, self.label_smoothing = from_logits, label_smoothing

    def call(self, y_true, y_pred):
        return self.function(y_true, y_pred, self.from_logits, self.label_smoothing)


class BinaryCrossentropy(_Crossentropy):
    """:func:`binary_crossentropy` as an object.

    Arguments:
        from_logits, label_smoothing: as for the function, default False and 0.
        reduction, name: as for :class:`Loss`.

    Raises:
        ValueError: for smoothing outside [0, 1].

    >>> BinaryCrossentropy(from_logits=True)([[1.0]], [[0.0]])
    Tensor(0.6931472)
    """

    function = staticmethod(functions.binary_crossentropy)


class CategoricalCrossentropy(_Crossentropy):
    """:func:`categorical_crossentropy` as an object.

    Arguments:
        from_logits, label_smoothing: as for the function, default False and 0.
        reduction, name: as for :class:`Loss`.

    Raises:
        ValueError: for smoothing outside [0, 1].

    >>> CategoricalCrossentropy(from_logits=True)([[0.0, 1.0]], [[0.0, 0.0]])
    Tensor(0.6931472)
    """

    function = staticmethod(functions.categorical_crossentropy)


class SparseCategoricalCrossentropy(Loss):
    """:func:`sparse_categorical_crossentropy` as an object.

    Arguments:
        from_logits: as for the function, default False.
        reduction, name: as for :class:`Loss`.

    >>> SparseCategoricalCrossentropy(from_logits=True)([1], [[0.0, 0.0]])
    Tensor(0.6931472)
    """

    def __init__(self, from_logits=False, reduction="sum_over_batch_size", name=None):
        super().__init__(reduction, name)
        self.from_logits = from_logits

    def call(self, y_true, y_pred):
        return functions.sparse_categorical_crossentropy(y_true, y_pred, self.from_logits)
