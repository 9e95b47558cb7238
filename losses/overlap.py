"""Losses of regions: how little two sets have in common."""

from ..tensor.reduce import sum as total
from ..utils import settings
from .base import loss_function
from .pairs import pair


@loss_function()
def dice(y_true, y_pred, axis=None):
    """``1 - 2 sum(y p) / (sum(y) + sum(p) + epsilon)``: 0 for equal sets, 1 for sets that are apart.

    Arguments:
        y_true: 0 or 1; shape (batch, ...).
        y_pred: between 0 and 1; same shape.
        axis: one axis or several to sum over; None, the default, is all, the batch's too.

    Returns:
        A number, or the shape that ``axis`` leaves.

    Raises:
        ValueError: for targets of another shape than the predictions.

    Source: Milletari et al., V-Net, 3DV 2016.

    >>> round(float(dice([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])), 4)
    0.3333
    """
    y_true, y_pred = pair(y_true, y_pred)
    common, both = total(y_true * y_pred, axis), total(y_true, axis) + total(y_pred, axis)
    return 1 - 2.0 * common / (both + settings.epsilon())


@loss_function()
def tversky(y_true, y_pred, alpha=0.5, beta=0.5, axis=None):
    """``1 - c / (c + alpha m + beta f + epsilon)`` of the common part ``c = sum(y p)``, the missed one
    ``m = sum(y (1 - p))`` and the false one ``f = sum((1 - y) p)``.

    Arguments:
        y_true: 0 or 1; shape (batch, ...).
        y_pred: between 0 and 1; same shape.
        alpha: the weight of what is missed, default 0.5: so Keras computes, while the paper has the two exchanged.
        beta: the weight of what is predicted and false, default 0.5; with 0.5 and 0.5 this is :func:`dice`.
        axis: one axis or several to sum over; None, the default, is all, the batch's too.

    Returns:
        A number, or the shape that ``axis`` leaves.

    Raises:
        ValueError: for targets of another shape than the predictions.

    Source: Salehi et al., Tversky loss function for image segmentation, MLMI 2017.

    >>> round(float(tversky([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]], alpha=1.0)), 4)
    0.5
    """
    y_true, y_pred = pair(y_true, y_pred)
    common = total(y_true * y_pred, axis)
    missed, false = total(y_true * (1 - y_pred), axis), total((1 - y_true) * y_pred, axis)
    return 1 - common / (common + alpha * missed + beta * false + settings.epsilon())
