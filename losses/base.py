"""What a loss is."""

from collections.abc import Callable

from ..autograd import Value
from ..tensor import Tensor
from ..tensor.movement import squeeze
from ..tensor.reduce import mean
from ..tensor.reduce import sum as total
from ..utils.configurable import Configurable
from ..utils.errors import did_you_mean
from ..utils.names import snake_case, under_names

FUNCTIONS: dict[str, Callable] = {}      # loss functions by every name they have


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
    """A loss by name (``'mse'``, ``'categorical_crossentropy'``), config, function or itself.

    Raises:
        ValueError: for an unknown name. TypeError: for a class instead of its object, and for anything else.

    >>> get("mse").__name__
    'mean_squared_error'
    """
    if isinstance(identifier, str):
        if identifier in FUNCTIONS:
            return FUNCTIONS[identifier]
        if identifier not in Loss.registry:
            raise ValueError(f"unknown loss {identifier!r}.{did_you_mean(identifier, FUNCTIONS)} "
                             f"Known: {', '.join(sorted(FUNCTIONS))}")
    if isinstance(identifier, Loss) or callable(identifier) and not isinstance(identifier, type):
        return identifier
    return Loss.get(identifier)


class Loss(Configurable):
    """Base of loss objects: ``loss(y_true, y_pred, sample_weight=None)`` gives one number.

    A subclass defines ``call(y_true, y_pred)``, which returns one value for each sample (and position).

    Arguments:
        reduction: ``'sum_over_batch_size'`` (the default: the weighted sum divided by the number of values, not by the
            weights'), ``'sum'``, or ``'none'`` (also None) for the weighted values themselves.
        name: default: from the class.

    Raises:
        ValueError: for another reduction, and when called with weights that do not fit.

    >>> class Pinball(Loss):
    ...     def call(self, y_true, y_pred):
    ...         over = y_pred - y_true
    ...         return mean(over * (over > 0), -1)
    >>> Pinball()([[1.0], [2.0]], [[3.0], [1.0]], sample_weight=[0.5, 1.0])
    Tensor(0.5)
    """

    def __init__(self, reduction="sum_over_batch_size", name=None):
        if reduction not in ("sum_over_batch_size", "sum", "none", None):
            raise ValueError(f"reduction must be 'sum_over_batch_size', 'sum' or 'none', got {reduction!r}")
        self.reduction, self.name = reduction, name or snake_case(type(self).__name__)

    def call(self, y_true, y_pred):
        """One value per sample (and position)."""
        raise TypeError(f"{type(self).__name__} must define call(y_true, y_pred)")

    def __call__(self, y_true, y_pred, sample_weight=None):
        y_pred = as_tensor(y_pred)
        return reduce(self.call(as_tensor(y_true, like=y_pred), y_pred), sample_weight, self.reduction)


def as_tensor(x, like=None):
    """``x`` as it is if a tensor, else as a tensor, floats in the dtype of the float tensor ``like`` (default floatx).

    >>> as_tensor([1.0], like=Tensor([2.0], dtype="float64")).dtype
    dtype('float64')
    """
    if isinstance(x, Value):
        return x
    tensor = Tensor(x)
    if like is None or "f" != tensor.dtype.kind or tensor.dtype == like.dtype or "f" != like.dtype.kind:
        return tensor
    return Tensor(x, dtype=like.dtype)


def reduce(values, sample_weight=None, reduction="sum_over_batch_size"):
    """Losses of samples to one number.

    Arguments:
        values: one for each sample (and position), shape (batch, ...).
        sample_weight: of the values' shape, or of their first axes; axes of 1 at the end do not count.
        reduction: see :class:`Loss`.

    >>> reduce(Tensor([1.0, 2.0]), [1.0, 3.0])
    Tensor(3.5)
    """
    values = as_tensor(values)
    if sample_weight is not None:
        values = values * fitting_weights(as_tensor(sample_weight, like=values), values)
    if reduction == "sum_over_batch_size":
        return mean(values)
    return total(values) if reduction == "sum" else values


def fitting_weights(weights, values):
    """Sample weights with axes of 1 at the end, so that they multiply the values; ValueError if they do not fit.

    >>> fitting_weights(Tensor([1.0, 3.0]), Tensor([[1.0], [2.0]])).shape
    (2, 1)
    """
    while weights.shape != values.shape[:weights.ndim] and weights.shape[-1:] == (1,):
        weights = squeeze(weights, -1)
    if weights.shape != values.shape[:weights.ndim]:
        raise ValueError(f"sample weights of shape {weights.shape} do not fit losses of shape {values.shape}: give one "
                         "weight for each sample (or each position of each sample)")
    return weights.reshape((*weights.shape, *(1,) * (values.ndim - weights.ndim)))


def same_rank(y_true, y_pred):
    """Targets with the rank of the predictions: a last axis of 1 is added or dropped; other shapes must be equal.

    >>> same_rank(Tensor([1, 0]), Tensor([[0.9], [0.2]])).shape
    (2, 1)
    """
    if y_true.ndim == y_pred.ndim - 1 and y_pred.shape[-1] == 1:
        y_true = y_true.reshape((*y_true.shape, 1))
    elif y_true.ndim == y_pred.ndim + 1 and y_true.shape[-1] == 1:
        y_true = squeeze(y_true, -1)
    if y_true.shape != y_pred.shape:
        raise ValueError(f"targets of shape {y_true.shape} do not fit predictions of shape {y_pred.shape}: this loss "
                         f"compares element with element and does not broadcast{_hint(y_true, y_pred)}")
    return y_true


def _hint(y_true, y_pred):
    if y_pred.ndim == 2 and y_true.shape in (y_pred.shape[:1], (y_pred.shape[0], 1)):
        return (f"; class indices need sparse_categorical_crossentropy, or one-hot targets with {y_pred.shape[-1]} "
                "columns (tahr.ops.one_hot)")
    return ""
