"""Cross-entropies from logits: one value for each sample, stable for logits of any size."""

import math

import numpy as np

from ..autograd import integers, op, raises, real, sample, simplex, within
from ..autograd.value import spec
from ..kernels import elementwise
from ..kernels import softmax as rows
from . import shapes
from .activation import log_softmax, sigmoid, softmax
from .adjust import match
from .elementwise import negative
from .movement import expand_dims
from .reduce import sum as total
from .reference import each


def _same_shapes(logits, targets):
    if len(logits.shape) != len(targets.shape) or any(
            m != n for m, n in zip(logits.shape, targets.shape) if None not in (m, n)):
        raise ValueError(f"logits and targets must have one shape, got {logits.shape} and {targets.shape}")
    return logits.shape


def _change_of_softmax(g, _out, gy, x, t, _p):
    p = softmax(x)
    return expand_dims(gy, -1) * total(t, -1, True) * p * (g - total(g * p, -1, True))


def _difference(g, x, t, p=None):
    e = np.exp(x)
    return g[..., None] * (e / e.sum(-1, keepdims=True) * t.sum(-1, keepdims=True) - t)


@op(shape=lambda g, logits, targets, p: logits.shape,
    vjp=[lambda g, _out, _g, x, t, _p: total(g * (softmax(x) * total(t, -1, True) - t), -1), _change_of_softmax,
         lambda g, _out, gy, x, _t, _p: expand_dims(gy, -1) * (total(g * softmax(x), -1, True) - g), None],
    reference=_difference,
    samples=[sample(real(3), real(3, 4), simplex(3, 4), None), sample(real(2, 3), real(2, 3, 4), real(2, 3, 4), None),
             sample(real(0), real(0, 3), real(0, 3), None)])
def softmax_cross_entropy_grad_x(g, logits, targets, p):
    """The gradient of :func:`softmax_cross_entropy` for its logits: ``softmax - targets`` where targets sum to 1.

    ``p`` is the softmax of the logits if the forward pass has kept it, else None.
    """
    return rows.softmax_cross_entropy_grad_x(g, targets, rows.softmax(logits) if p is None else p)


@op(shape=lambda logits, targets: _same_shapes(logits, targets)[:-1], adjust=match, residual=True,
    vjp=[lambda g, _out, x, t, residual: softmax_cross_entropy_grad_x(g, x, t, residual),
         lambda g, _out, x, _t, residual: negative(expand_dims(g, -1) * log_softmax(x))],
    reference=lambda x, t: -np.sum(t * (x - np.log(np.sum(np.exp(x), -1, keepdims=True))), -1),
    samples=[sample(real(3, 4), simplex(3, 4)), sample(real(2, 3, 4), real(2, 3, 4)), sample(real(0, 3), real(0, 3)),
             raises(ValueError, "must have one shape", real(3, 4), real(3))])
def softmax_cross_entropy(logits, targets):
    """``-sum(targets * log_softmax(logits))`` along the last axis; ``targets`` are probabilities, e.g. one-hot."""
    _same_shapes(logits, targets)
    return rows.softmax_cross_entropy(logits, targets)


@op(shape=lambda labels, classes, dtype: spec((*labels.shape, classes), dtype),
    reference=lambda labels, classes, dtype="float32": np.eye(classes)[labels],
    samples=[sample(integers(0, 4, 5), 4), sample(integers(0, 3, 2, 3), 3, "float64")], name="one_hot")
def _one_hot(labels, classes=0, dtype="float32"):
    return np.equal(labels[..., None], np.arange(classes)).astype(dtype)


def one_hot(labels, num_classes, dtype="float32"):
    """Rows with a 1 at each label: shape ``labels.shape + (num_classes,)``; zeros for labels outside the range."""
    return _one_hot(labels, num_classes, dtype)


def check_labels(labels, classes):
    """Raise, naming label and position, unless all labels lie from 0 to ``classes - 1``."""
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        at = np.argwhere((labels < 0) | (labels >= classes))[0]
        raise ValueError(f"class labels must lie from 0 to {classes - 1}, the classes of the output, got "
                         f"{labels[tuple(at)]} at position {tuple(at.tolist())}")


def _label_shape(logits, labels):
    if len(labels.shape) != len(logits.shape) - 1 or labels.dtype.kind not in "iu":
        raise ValueError(f"labels must be integers with one axis less than the logits, got {labels.dtype} of shape "
                         f"{labels.shape} for logits of shape {logits.shape}")
    _same_shapes(spec(logits.shape[:-1]), labels)
    return logits.shape[:-1]


def _looped_cross_entropy(x, labels):
    rows = x.reshape(-1, x.shape[-1]).tolist()
    out = [math.log(math.fsum(map(math.exp, row))) - row[label] for row, label in zip(rows, labels.ravel())]
    return np.array(out).reshape(labels.shape)


def _change_of_sparse_softmax(g, _out, gy, x, _labels, _p):
    p = softmax(x)
    return expand_dims(gy, -1) * p * (g - total(g * p, -1, True))


@op(shape=lambda g, logits, labels, p: logits.shape,
    vjp=[lambda g, _out, _g, x, labels, _p: total(g * (softmax(x) - _one_hot(labels, x.shape[-1], x.dtype.name)), -1),
         _change_of_sparse_softmax, None, None],
    reference=lambda g, x, labels, p=None: _difference(g, x, np.eye(x.shape[-1])[labels]),
    samples=[sample(real(3), real(3, 4), integers(0, 4, 3), None),
             sample(real(2, 3), real(2, 3, 4), integers(0, 4, 2, 3), None),
             sample(real(0), real(0, 4), integers(0, 4, 0), None)])
def sparse_softmax_cross_entropy_grad_x(g, logits, labels, p):
    """The gradient of :func:`sparse_softmax_cross_entropy` for its logits: ``softmax - one_hot(labels)``.

    ``p`` is the softmax of the logits if the forward pass has kept it, else None.
    """
    return rows.sparse_softmax_cross_entropy_grad_x(g, labels, rows.softmax(logits) if p is None else p)


@op(shape=_label_shape, residual=True,
    vjp=[lambda g, _out, x, labels, residual: sparse_softmax_cross_entropy_grad_x(g, x, labels, residual), None],
    reference=_looped_cross_entropy,
    samples=[sample(real(3, 4), integers(0, 4, 3)), sample(real(2, 3, 4), integers(0, 4, 2, 3)),
             sample(real(0, 4), integers(0, 4, 0)),
             raises(ValueError, "one axis less than the logits", real(3, 4), integers(0, 4, 3, 1)),
             raises(ValueError, "labels must be integers", real(3, 4), real(3))])
def sparse_softmax_cross_entropy(logits, labels):
    """:func:`softmax_cross_entropy` for integer class labels, one axis less than the logits."""
    _label_shape(logits, labels)
    check_labels(labels, logits.shape[-1])
    return rows.sparse_softmax_cross_entropy(logits, labels)


def _bce(x, t):
    p = 1 / (1 + math.exp(-x))
    return -t * math.log(p) - (1 - t) * math.log(1 - p)


def _bend(x):
    s = sigmoid(x)
    return s * (1 - s)


@op(shape=shapes.broadcast, dtype="float", adjust=match,
    vjp=[lambda g, _out, _g, x, t: g * (sigmoid(x) - t), lambda g, _out, gy, x, _t: g * gy * _bend(x),
         lambda g, _out, gy, _x, _t: negative(g * gy)],
    reference=each(lambda g, x, t: g * (1 / (1 + math.exp(-x)) - t)),
    samples=[sample(real(3, 4), real(3, 4), within(0, 1, 3, 4)), sample(real(3, 4), real(3, 1), within(0, 1, 4)),
             sample(real(0, 2), real(0, 2), real(1))])
def sigmoid_cross_entropy_grad_x(g, logits, targets):
    """The gradient of :func:`sigmoid_cross_entropy` for its logits."""
    return elementwise.sigmoid_cross_entropy_grad_x(g, logits, targets)


@op(shape=shapes.broadcast, dtype="float", adjust=match, reference=each(_bce),
    vjp=[lambda g, _out, x, t: sigmoid_cross_entropy_grad_x(g, x, t), lambda g, _out, x, _t: negative(g * x)],
    samples=[sample(real(3, 4), within(0, 1, 3, 4)), sample(real(3, 1), within(0, 1, 4)), sample(real(0, 2), real(1)),
             raises(ValueError, "do not broadcast", real(3), real(4))])
def sigmoid_cross_entropy(logits, targets):
    """``-t log(sigmoid(x)) - (1 - t) log(1 - sigmoid(x))``, element by element."""
    return elementwise.sigmoid_cross_entropy(logits, targets)
