"""Losses of margins: nothing for predictions that are right by a margin of 1."""

from ..tensor.elementwise import maximum, square
from ..tensor.logic import equal, logical_or, where
from ..tensor.reduce import all as every
from ..tensor.reduce import max as largest
from ..tensor.reduce import mean
from ..tensor.reduce import sum as total
from .base import loss_function
from .pairs import pair


@loss_function()
def hinge(y_true, y_pred):
    """``mean(max(1 - y_true * y_pred, 0))`` over the last axis.

    Arguments:
        y_true: -1 or 1; if all targets of the batch are 0 or 1, 0 stands for -1. Shape (batch, ..., outputs).
        y_pred: same shape.

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for targets of another shape than the predictions.

    >>> hinge([[-1.0, 1.0]], [[-2.0, 0.5]])
    Tensor([0.25])
    """
    return mean(_shortfall(y_true, y_pred), -1)


@loss_function()
def squared_hinge(y_true, y_pred):
    """``mean(max(1 - y_true * y_pred, 0)**2)`` over the last axis.

    Arguments:
        y_true, y_pred: as for :func:`hinge`.

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for targets of another shape than the predictions.

    >>> squared_hinge([[-1.0, 1.0]], [[-2.0, 0.5]])
    Tensor([0.125])
    """
    return mean(square(_shortfall(y_true, y_pred)), -1)


def _shortfall(y_true, y_pred):
    y_true, y_pred = pair(y_true, y_pred)
    binary = every(logical_or(equal(y_true, 0), equal(y_true, 1)))
    return maximum(1.0 - where(binary, 2.0 * y_true - 1.0, y_true) * y_pred, 0.0)


@loss_function()
def categorical_hinge(y_true, y_pred):
    """``max(1 + n - p, 0)``, where ``p`` is the prediction of the true class and ``n`` the largest of the others'.

    Arguments:
        y_true: one-hot; shape (batch, ..., classes).
        y_pred: same shape.

    Returns:
        Shape (batch, ...).

    Raises:
        ValueError: for targets of another shape than the predictions.

    >>> categorical_hinge([[0.0, 1.0]], [[0.25, 0.75]])
    Tensor([0.5])
    """
    y_true, y_pred = pair(y_true, y_pred)
    return maximum(largest((1.0 - y_true) * y_pred, -1) - total(y_true * y_pred, -1) + 1.0, 0.0)
