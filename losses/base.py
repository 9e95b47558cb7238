"""What a loss is."""

from collections.abc import Callable

from ..autograd import Spec, Value
from ..tensor import Tensor
from ..tensor.create import ones_like
from ..tensor.elementwise import maximum
from ..tensor.logic import logical_and, where
from ..tensor.movement import expand_dims, squeeze
from ..tensor.reduce import mean
from ..tensor.reduce import sum as total
from ..utils.configurable import Configurable, serialize
from ..utils.custom import deserialized, in_scope
from ..utils.errors import did_you_mean
from ..utils.names import snake_case, under_names

FUNCTIONS: dict[str, Callable] = {}      # loss functions by every name they have


class Reduction:
    """What a loss object may do with the losses of its samples; the words themselves do as well.

    >>> Reduction.SUM
    'sum'
    """

    SUM_OVER_BATCH_SIZE = "sum_over_batch_size"
    SUM = "sum"
    NONE = "none"
    MEAN = "mean"
    MEAN_WITH_SAMPLE_WEIGHT = "mean_with_sample_weight"
    AUTO = "auto"

    @classmethod
    def all(cls):
        """All of them."""
        return tuple(word for name, word in vars(cls).items() if name.isupper())

    @classmethod
    def validate(cls, reduction):
        """``reduction``, None as ``'none'``.

        Raises:
            ValueError: for anything else that is none of :meth:`all`.

        >>> Reduction.validate(None)
        'none'
        """
        if reduction is not None and reduction not in REDUCTIONS:
            raise ValueError(f"reduction must be one of {', '.join(map(repr, REDUCTIONS))}, got {reduction!r}")
        return reduction or cls.NONE


REDUCTIONS = Reduction.all()
TENSORS = (Value, Spec)


def loss_function(*aliases):
    """Enter a function ``(y_true, y_pred) -> values`` under its name and aliases.

    >>> @loss_function("cubed")
    ... def mean_cubed_error(y_true, y_pred):
    ...     return mean(abs(y_pred - y_true) ** 3, -1)
    >>> get("cubed") is mean_cubed_error
    True
    >>> del FUNCTIONS["cubed"], FUNCTIONS["mean_cubed_error"]
    """
    return under_names(FUNCTIONS, aliases)


def get(identifier):
    """A loss by name (``'mse'``, ``'categorical_crossentropy'``), config, function or itself; None is none.

    Raises:
        ValueError: for an unknown name. TypeError: for a class instead of its object, and for anything else.

    >>> get("mse").__name__
    'mean_squared_error'
    """
    if (own := in_scope(identifier)) is not identifier:
        return own
    if isinstance(identifier, str):
        if identifier in FUNCTIONS:
            return FUNCTIONS[identifier]
        if identifier not in Loss.registry:
            raise ValueError(f"unknown loss {identifier!r}.{did_you_mean(identifier, FUNCTIONS)} "
                             f"Known: {', '.join(sorted(FUNCTIONS))}")
    if identifier is None or isinstance(identifier, Loss) or callable(identifier) and not isinstance(identifier, type):
        return identifier
    return Loss.get(identifier)


def deserialize(config, custom_objects=None):
    """The loss that :func:`serialize` wrote down; ``custom_objects`` maps further names to functions and classes.

    >>> deserialize(serialize(get("mse"))) is get("mse")
    True
    """
    return deserialized(config, custom_objects, get)


class Loss(Configurable):
    """Base of loss objects: ``loss(y_true, y_pred, sample_weight=None, mask=None)`` gives one number.

    A subclass defines ``call(y_true, y_pred)``, which returns one value for each sample (and position). Where ``mask``
    is False a value counts for nothing.

    Arguments:
        reduction: ``'sum_over_batch_size'`` (the default, also ``'mean'`` and ``'auto'``: the weighted sum divided by
            the number of values, not by the weights'), ``'mean_with_sample_weight'`` (by the weights' sum), ``'sum'``,
            or ``'none'`` (also None) for the weighted values themselves.
        name: default: from the class.
        dtype: to compute in; default: that of the predictions.

    Raises:
        ValueError: for another reduction, and when called with weights or a mask that do not fit.

    >>> class Pinball(Loss):
    ...     def call(self, y_true, y_pred):
    ...         over = y_pred - y_true
    ...         return mean(over * (over > 0), -1)
    >>> Pinball()([[1.0], [2.0]], [[3.0], [1.0]], sample_weight=[0.5, 1.0])
    Tensor(0.5)
    """

    def __init__(self, reduction="sum_over_batch_size", name=None, dtype=None):
        Reduction.validate(reduction)
        self.reduction, self.name, self.dtype = reduction, name or snake_case(type(self).__name__), dtype

    def call(self, y_true, y_pred):
        """One value per sample (and position)."""
        raise TypeError(f"{type(self).__name__} must define call(y_true, y_pred)")

    def counted(self, y_true, y_pred, values):
        """Which of the ``values`` that :meth:`call` returned count, as a mask of their shape; None for all."""
        return None

    def __call__(self, y_true, y_pred, sample_weight=None, mask=None):
        y_pred = as_tensor(y_pred) if self.dtype is None else as_tensor(y_pred).astype(self.dtype)
        y_true = as_tensor(y_true, like=y_pred)
        values = self.call(y_true, y_pred)
        own = self.counted(y_true, y_pred, values)
        if own is not None:
            mask = own if mask is None else logical_and(_fitting(as_tensor(mask), own, "a mask"), own)
        return reduce(values, sample_weight, mask, self.reduction)


def as_tensor(x, like=None):
    """``x`` as it is if a tensor or symbol, else as a tensor, floats in the dtype of the float tensor ``like``.

    >>> as_tensor([1.0], like=Tensor([2.0], dtype="float64")).dtype
    dtype('float64')
    """
    if isinstance(x, TENSORS):
        return x
    tensor = Tensor(x)
    if like is None or "f" != tensor.dtype.kind or tensor.dtype == like.dtype or "f" != like.dtype.kind:
        return tensor
    return Tensor(x, dtype=like.dtype)


def reduce(values, sample_weight=None, mask=None, reduction="sum_over_batch_size"):
    """Losses of samples to one number: ``sum(values * weights) / n``, ``n`` counting the values that are not masked.

    Arguments:
        values: one for each sample (and position), shape (batch, ...). A single number stands for the whole batch, and
            no mask changes it.
        sample_weight: of the values' shape, or of their first axes; axes of 1 at the end do not count.
        mask: the same, True where a value counts; a masked value may be anything, NaN too. With nothing left the
            result is 0.
        reduction: see :class:`Loss`.

    Raises:
        ValueError: for weights or a mask of another shape.

    >>> reduce(Tensor([1.0, 2.0]), [1.0, 3.0])
    Tensor(3.5)
    >>> reduce(Tensor([1.0, 2.0, 6.0]), mask=[True, False, True])
    Tensor(3.5)
    """
    values, weights, reduction = as_tensor(values), None, Reduction.validate(reduction)
    if mask is not None and values.ndim:
        mask = _fitting(as_tensor(mask), values, "a mask").astype(bool)
        values = where(mask, values, 0.0)
    else:
        mask = None
    if sample_weight is not None:
        weights = fitting_weights(as_tensor(sample_weight, like=values), values)
        values = values * weights
    if reduction == "none":
        return values
    if reduction == "sum":
        return total(values)
    by_weight = reduction == "mean_with_sample_weight" and weights is not None
    if mask is None and not by_weight:
        return mean(values)
    n = total(ones_like(values) * (weights if by_weight else 1.0) * (1.0 if mask is None else mask))
    return total(values) / (where(n == 0, 1.0, n) if by_weight else maximum(n, 1.0))


def fitting_weights(weights, values):
    """Sample weights with axes of 1 at the end, so that they multiply the values; ValueError if they do not fit.

    >>> fitting_weights(Tensor([1.0, 3.0]), Tensor([[1.0], [2.0]])).shape
    (2, 1)
    """
    return _fitting(weights, values, "sample weights")


def _fitting(weights, values, what):
    while not _fit(weights.shape, values.shape[:weights.ndim]) and weights.shape[-1:] == (1,):
        weights = squeeze(weights, -1)
    if not _fit(weights.shape, values.shape[:weights.ndim]):
        raise ValueError(f"{what} of shape {weights.shape} do not fit losses of shape {values.shape}: give one "
                         "for each sample (or each position of each sample)")
    for _ in range(values.ndim - weights.ndim):
        weights = expand_dims(weights, -1)
    return weights


def _fit(shape, other):
    """Whether two shapes are equal as far as they are known."""
    return shape == other or len(shape) == len(other) and all(m == n or None in (m, n) for m, n in zip(shape, other))


def same_rank(y_true, y_pred):
    """Targets with the rank of the predictions: a last axis of 1 is added or dropped; other shapes must be equal.

    >>> same_rank(Tensor([1, 0]), Tensor([[0.9], [0.2]])).shape
    (2, 1)
    """
    if y_true.ndim == y_pred.ndim - 1 and y_pred.shape[-1] == 1:
        y_true = expand_dims(y_true, -1)
    elif y_true.ndim == y_pred.ndim + 1 and y_true.shape[-1] == 1:
        y_true = squeeze(y_true, -1)
    if not _fit(y_true.shape, y_pred.shape):
        raise ValueError(f"targets of shape {y_true.shape} do not fit predictions of shape {y_pred.shape}: this loss "
                         f"compares element with element and does not broadcast{_hint(y_true, y_pred)}")
    return y_true


def _hint(y_true, y_pred):
    if y_pred.ndim == 2 and y_true.shape in (y_pred.shape[:1], (y_pred.shape[0], 1)):
        return (f"; class indices need sparse_categorical_crossentropy, or one-hot targets with {y_pred.shape[-1]} "
                "columns (tahr.ops.one_hot)")
    return ""


__all__ = ["FUNCTIONS", "Loss", "Reduction", "as_tensor", "deserialize", "fitting_weights", "get", "loss_function",
           "reduce", "same_rank", "serialize"]
