"""Losses of numbers: how far predictions are from targets."""

import math

from ..tensor.activation import softplus
from ..tensor.elementwise import absolute, log, maximum, minimum, square
from ..tensor.reduce import mean
from ..tensor.reduce import sum as total
from ..utils import settings
from .base import loss_function
from .pairs import pair, require_positive, unit


@loss_function("mse", "MSE")
def mean_squared_error(y_true, y_pred):
    """``mean((y_true - y_pred)**2)`` over the last axis.

    Arguments:
        y_true, y_pred: shape (batch, ..., features).

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for targets of another shape than the predictions.

    >>> mean_squared_error([[0.0, 2.0]], [[1.0, 2.0]])
    Tensor([0.5])
    """
    y_true, y_pred = pair(y_true, y_pred)
    return mean(square(y_pred - y_true), -1)


@loss_function("mae", "MAE")
def mean_absolute_error(y_true, y_pred):
    """``mean(|y_true - y_pred|)`` over the last axis.

    Arguments:
        y_true, y_pred: shape (batch, ..., features).

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for targets of another shape than the predictions.

    >>> mean_absolute_error([[0.0, 2.0]], [[1.0, 2.0]])
    Tensor([0.5])
    """
    y_true, y_pred = pair(y_true, y_pred)
    return mean(absolute(y_pred - y_true), -1)


@loss_function("mape", "MAPE")
def mean_absolute_percentage_error(y_true, y_pred):
    """``100 * mean(|y_true - y_pred| / max(|y_true|, epsilon))`` over the last axis.

    Arguments:
        y_true, y_pred: shape (batch, ..., features).

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for targets of another shape than the predictions.

    >>> mean_absolute_percentage_error([[2.0, 4.0]], [[1.0, 4.0]])
    Tensor([25.])
    """
    y_true, y_pred = pair(y_true, y_pred)
    return 100.0 * mean(absolute(y_true - y_pred) / maximum(absolute(y_true), settings.epsilon()), -1)


@loss_function("msle", "MSLE")
def mean_squared_logarithmic_error(y_true, y_pred):
    """``mean((log(1 + y_true) - log(1 + y_pred))**2)`` over the last axis, both taken as at least epsilon.

    Arguments:
        y_true, y_pred: shape (batch, ..., features).

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for targets of another shape than the predictions.

    >>> round(float(mean_squared_logarithmic_error([[0.0]], [[1.0]])), 4)
    0.4805
    """
    y_true, y_pred = (log(maximum(y, settings.epsilon()) + 1.0) for y in pair(y_true, y_pred))
    return mean(square(y_pred - y_true), -1)


@loss_function("huber_loss")
def huber(y_true, y_pred, delta=1.0):
    """Half the squared error where it is below ``delta``, beyond it linear: ``delta * |e| - delta**2 / 2``; the mean
    over the last axis.

    Arguments:
        y_true, y_pred: shape (batch, ..., features).
        delta: where the square ends; positive, default 1.

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for targets of another shape than the predictions, and for ``delta`` not above 0.

    Source: Huber, Robust estimation of a location parameter, Annals of Mathematical Statistics 35, 1964.

    >>> huber([[0.0, 0.0]], [[0.5, 3.0]])
    Tensor([1.3125])
    """
    require_positive("delta", delta)
    y_true, y_pred = pair(y_true, y_pred)
    error = absolute(y_pred - y_true)
    near = minimum(error, delta)
    return mean(0.5 * square(near) + delta * (error - near), -1)


@loss_function("logcosh")
def log_cosh(y_true, y_pred):
    """``mean(log(cosh(y_pred - y_true)))`` over the last axis, without overflow: half the square near 0, the absolute
    error less ``log(2)`` far away.

    Arguments:
        y_true, y_pred: shape (batch, ..., features).

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for targets of another shape than the predictions.

    >>> round(float(log_cosh([[0.0]], [[1000.0]])), 2)
    999.31
    """
    y_true, y_pred = pair(y_true, y_pred)
    error = y_pred - y_true
    return mean(error + softplus(-2.0 * error) - math.log(2.0), -1)


@loss_function("cosine_proximity", "cosine")
def cosine_similarity(y_true, y_pred, axis=-1):
    """``-sum(y_true / |y_true| * y_pred / |y_pred|)``: -1 for vectors of one direction, 1 for opposite ones, 0 for
    orthogonal ones and where a vector is 0.

    Arguments:
        y_true, y_pred: shape (batch, ..., features).
        axis: of the vectors, default -1.

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for targets of another shape than the predictions.

    >>> cosine_similarity([[0.0, 2.0]], [[0.0, 4.0]])
    Tensor([-1.])
    """
    y_true, y_pred = pair(y_true, y_pred)
    return -total(unit(y_true, axis) * unit(y_pred, axis), axis)
