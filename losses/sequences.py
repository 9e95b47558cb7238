"""Losses of sequences that are not aligned."""

import numpy as np

from ..tensor.activation import log_softmax
from ..tensor.adjust import broadcast_to
from ..tensor.create import full_like, zeros_like
from ..tensor.elementwise import logaddexp
from ..tensor.logic import equal, logical_and, not_equal, where
from ..tensor.movement import concatenate, expand_dims, stack
from ..tensor.reduce import sum as total
from ..tensor.scatter import take_along_axis
from .base import as_tensor, loss_function
from .pairs import floats


@loss_function()
def ctc(y_true, y_pred):
    """Connectionist temporal classification: ``-log`` of the probability that the outputs, read one after the other
    with repetitions and then blanks left out, spell the labels.

    Arguments:
        y_true: labels from 1, class 0 being the blank; shorter sequences are filled up with 0. Shape (batch, labels).
        y_pred: logits; shape (batch, time, classes).

    Returns:
        Shape (batch,).

    Raises:
        ValueError: for shapes other than these.

    Source: Graves et al., Connectionist temporal classification, ICML 2006.

    >>> round(float(ctc([[1]], [[[0.0, 0.0], [0.0, 0.0]]])), 4)
    0.2877
    """
    y_true, y_pred = as_tensor(y_true), floats(y_pred)
    if y_pred.ndim != 3 or y_true.ndim != 2 or y_true.shape[0] != y_pred.shape[0]:
        raise ValueError(f"ctc needs labels of shape (batch, labels) and logits of shape (batch, time, classes), got "
                         f"{y_true.shape} and {y_pred.shape}")
    labels = y_true if y_true.dtype.kind in "iu" else y_true.astype("int64")
    path = _with_blanks(labels)
    places = broadcast_to(expand_dims(path, 1), (*y_pred.shape[:2], path.shape[1]))
    steps = take_along_axis(log_softmax(y_pred), places, -1)
    nothing = float(np.finfo(y_pred.dtype).min) / 4        # the logarithm of nothing, finite to have a gradient
    never = full_like(steps[:, 0, :2], nothing)
    jumps = logical_and(not_equal(path, 0), concatenate([equal(path[:, :2], -1), not_equal(path[:, 2:], path[:, :-2])],
                                                        1))
    reached = concatenate([steps[:, 0, :2], full_like(steps[:, 0, 2:], nothing)], 1)
    for t in range(1, y_pred.shape[1]):
        padded = concatenate([never, reached], 1)
        reached = steps[:, t] + logaddexp(logaddexp(reached, padded[:, 1:-1]),
                                          where(jumps, padded[:, :-2], nothing))
    end = 2 * total(not_equal(labels, 0).astype("int64"), 1, True)
    last = take_along_axis(concatenate([never[:, :1], reached], 1), concatenate([end, end + 1], 1), -1)
    return -logaddexp(last[:, 0], last[:, 1])


def _with_blanks(labels):
    """Blank, label, blank, ..., label, blank."""
    blanks = zeros_like(labels)
    pairs = stack([blanks, labels], 2).reshape((labels.shape[0], 2 * labels.shape[1]))
    return concatenate([pairs, zeros_like(pairs[:, :1])], 1)
