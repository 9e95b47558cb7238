"""Integer labels: their shape, dtype and range."""

import numpy as np

from ..autograd import integers, op, sample
from ..tensor import shapes
from ..tensor.loss import check_labels
from ..tensor.movement import squeeze
from .base import as_tensor


@op(shape=shapes.same, reference=lambda labels, classes: np.array(labels.tolist(), labels.dtype).reshape(labels.shape),
    samples=[sample(integers(0, 4, 5), 4), sample(integers(0, 3, 2, 3), classes=3)])
def labels_within(labels, classes=0):
    """The labels; raises, naming label and position, unless all lie from 0 to ``classes - 1``."""
    check_labels(labels, classes)
    return labels.copy()


def as_labels(y_true, y_pred, axis=-1, name="sparse_categorical_crossentropy"):
    """Integer labels of the predictions' shape without the axis of the classes.

    >>> as_labels([[1], [0]], as_tensor([[0.2, 0.8], [0.5, 0.5]]))
    Tensor([1, 0])
    """
    y_true = as_tensor(y_true)
    if y_true.ndim == y_pred.ndim and y_true.shape[axis] == 1:
        y_true = squeeze(y_true, axis)
    wanted = [n for i, n in enumerate(y_pred.shape) if i != axis % y_pred.ndim]
    if y_true.ndim != len(wanted) or any(m != n for m, n in zip(y_true.shape, wanted) if None not in (m, n)):
        hint = "; one-hot targets need categorical_crossentropy" if y_true.shape == y_pred.shape else ""
        raise ValueError(f"labels of shape {y_true.shape} do not fit predictions of shape {y_pred.shape}: {name} needs "
                         f"shape {tuple(wanted)}{hint}")
    return y_true if y_true.dtype.kind in "iu" else y_true.astype("int64")
