"""What metrics do with every batch, as ops: each answers which predictions hit, or adds a batch to a state.

One op a batch, because the gate would cost more than the arithmetic of a small batch. A state is one array; its op
returns the next, and the metric assigns it.
"""

import numpy as np

from ..autograd import integers, op, raises, real, sample, simplex, within
from ..autograd.value import spec
from ..utils import settings


def wide(weights, values):
    """Sample weights with axes of 1 at their end, so that they broadcast to the values; raises if they do not fit."""
    ends = _weighed(values, weights)
    return weights.reshape(ends + (1,) * (values.ndim - len(ends)))


def _weighed(values, weights):
    """The shape of the weights without axes of 1 at its end; raises unless it is that of the values' first axes.

    Weights with as many axes as the values may have 1 along any of them.
    """
    ends = () if weights is None else weights.shape
    if len(ends) == values.ndim and all(1 in (m, n) or None in (m, n) or m == n for m, n in zip(ends, values.shape)):
        return tuple(ends)
    while not fit(ends, values.shape[:len(ends)]) and ends[-1:] == (1,):
        ends = ends[:-1]
    if not fit(ends, values.shape[:len(ends)]):
        raise ValueError(f"sample weights of shape {weights.shape} do not fit values of shape {values.shape}")
    return ends


def fit(shape, other):
    """Whether two shapes are equal as far as they are known.

    >>> fit((2, None), (2, 3)), fit((2,), (2, 3))
    (True, False)
    """
    return shape == other or len(shape) == len(other) and all(m == n or None in (m, n) for m, n in zip(shape, other))


def _same(y_true, y_pred):
    if not fit(y_true.shape, y_pred.shape):
        raise ValueError(f"targets of shape {y_true.shape} do not fit predictions of shape {y_pred.shape}")


# Means

def _mean_shape(values, weights, state):
    _weighed(values, weights)
    return spec(state.shape, state.dtype)


def _looped_mean(values, weights, state):
    weights = np.ones(()) if weights is None else np.asarray(weights)
    weights = weights.reshape(weights.shape + (1,) * (values.ndim - weights.ndim)) * np.ones(values.shape)
    pairs = list(zip(values.ravel().tolist(), weights.ravel().tolist()))
    return state + [sum(v * w for v, w in pairs), sum(w for _, w in pairs)]


@op(shape=_mean_shape, reference=_looped_mean,
    samples=[sample(real(3, 4), None, real(2)), sample(real(3, 4), real(3), real(2)), sample(real(), None, real(2)),
             sample(real(3, 4), real(3, 4), real(2)), sample(real(), real(), real(2)), sample(real(0), None, real(2)),
             raises(ValueError, "sample weights of shape", real(3, 4), real(4), real(2))])
def mean_state(values, weights, state):
    """``state``, a total and a weight, with the values of another batch; what has weight 0 may be anything, NaN too."""
    values, out = np.asarray(values), state.copy()
    if weights is None:
        total, weight = np.add.reduce(values, axis=None, dtype=state.dtype) if values.ndim else values, values.size
    elif values.ndim:
        weights = np.broadcast_to(wide(np.asarray(weights), values), values.shape)
        products = np.multiply(values, weights, where=weights != 0, out=np.zeros(values.shape, state.dtype))
        total, weight = np.add.reduce(products, axis=None), np.add.reduce(weights, axis=None, dtype=state.dtype)
    else:       # one number for a batch: the loss, in every step
        weight = np.asarray(weights).item()
        total = values.item() * weight if weight else 0.0
    out[0] += total
    out[1] += weight
    return out


# Hits

def _floats(x):
    return x.dtype if x.dtype.kind == "f" else np.dtype(settings.floatx())


def _of_pairs(y_true, y_pred, **_options):
    _same(y_true, y_pred)
    return spec(y_pred.shape[:-1], _floats(y_pred))


@op(shape=_of_pairs, samples=[sample(integers(0, 2, 3, 4), within(0, 1, 3, 4)), sample(integers(0, 2, 2), real(2), 0.1),
                              sample(integers(0, 2, 3, 1), np.array([[0.5], [0.4], [0.6]])),
                              raises(ValueError, "do not fit predictions", integers(0, 2, 3), real(4))],
    reference=lambda y_true, y_pred, threshold=0.5: np.array((y_true == (y_pred > threshold)).tolist(), float).mean(-1))
def binary_hits(y_true, y_pred, threshold=0.5):
    """How often ``y_pred > threshold`` is ``y_true``, along the last axis."""
    _same(y_true, y_pred)
    return np.add.reduce(y_true == (y_pred > threshold), axis=-1, dtype=_floats(y_pred)) / max(y_pred.shape[-1], 1)


@op(shape=_of_pairs, reference=lambda y_true, y_pred: (np.argmax(y_true, -1) == np.argmax(y_pred, -1)).astype(float),
    samples=[sample(simplex(5, 2), real(5, 2)), sample(simplex(5, 3, 2), simplex(5, 3, 2)),
             raises(ValueError, "do not fit predictions", real(3, 2), real(3, 4))])
def categorical_hits(y_true, y_pred):
    """1 where the largest target is where the largest prediction is, along the last axis."""
    _same(y_true, y_pred)
    return (y_true.argmax(-1) == y_pred.argmax(-1)).astype(_floats(y_pred))


def _of_labels(labels, y_pred, **_options):
    if not fit(labels.shape, y_pred.shape[:-1]) or not y_pred.shape:
        raise ValueError(f"targets of shape {labels.shape} do not fit predictions of shape {y_pred.shape}")
    return spec(labels.shape, _floats(y_pred))


@op(shape=_of_labels, reference=lambda labels, y_pred: (labels == np.argmax(y_pred, -1)).astype(float),
    samples=[sample(integers(0, 2, 5), real(5, 2)), sample(integers(0, 3, 2, 5), real(2, 5, 3)),
             raises(ValueError, "do not fit predictions", integers(0, 2, 5), real(4, 2))])
def label_hits(labels, y_pred):
    """1 where the largest prediction is at the label."""
    _of_labels(labels, y_pred)
    return (labels == y_pred.argmax(-1)).astype(_floats(y_pred))


def _looped_top_k(labels, y_pred, k=5):
    rows = zip(labels.ravel().tolist(), y_pred.reshape(labels.size, -1).tolist())
    return np.array([float(label in sorted(range(len(row)), key=lambda i: -row[i])[:k]) for label, row in rows]
                    ).reshape(labels.shape)


@op(shape=_of_labels, reference=_looped_top_k,
    samples=[sample(integers(0, 4, 6), real(6, 4), 2), sample(integers(0, 6, 2, 5), real(2, 5, 6), k=3),
             sample(integers(0, 9, 6), real(6, 9)), raises(ValueError, "do not fit", integers(0, 2, 5), real(4, 2))])
def top_k_hits(labels, y_pred, k=5):
    """1 where fewer than ``k`` predictions are larger than the label's, which must be finite."""
    _of_labels(labels, y_pred)
    chosen = np.take_along_axis(y_pred, labels[..., None].astype(np.intp), -1)
    larger = np.count_nonzero(y_pred > chosen, axis=-1)
    return ((larger < k) & np.isfinite(chosen[..., 0])).astype(_floats(y_pred))


def _looped_largest(y_pred, k=1):
    rows = y_pred.reshape(-1, y_pred.shape[-1]).tolist() if y_pred.size else []
    kept = [[v if i in sorted(range(len(row)), key=lambda j: -row[j])[:k] else -np.inf for i, v in enumerate(row)]
            for row in rows]
    return np.array(kept).reshape(y_pred.shape)


@op(shape=lambda y_pred, k: y_pred.shape, reference=_looped_largest,
    samples=[sample(real(3, 4), 2), sample(real(2, 3, 5), k=3), sample(np.array([[0.5, 0.5, 0.1]]), 1)])
def only_largest(y_pred, k=1):
    """The ``k`` largest along the last axis, the first of equal ones, and -inf in the place of the others."""
    order = np.argsort(-y_pred, axis=-1, kind="stable")
    kept = y_pred.copy()
    np.put_along_axis(kept, order[..., k:], -np.inf, -1)
    return kept


# Confusion

def _confusion_shape(y_true, y_pred, weights, thresholds, state, by_label):
    _same(y_true, y_pred)
    _weighed(y_pred, weights)
    if by_label and y_pred.ndim != 2:
        raise ValueError(f"labels by themselves need predictions of shape (batch, labels), got {y_pred.shape}")
    return spec(state.shape, state.dtype)


def _looped_confusion(y_true, y_pred, weights, thresholds, state, by_label=False):
    weights = np.ones(()) if weights is None else np.asarray(weights)
    weights = weights.reshape(weights.shape + (1,) * (y_pred.ndim - weights.ndim)) * np.ones(y_pred.shape)
    out = np.array(state, float)
    for at, p in np.ndenumerate(y_pred):
        for j, threshold in enumerate(thresholds.tolist()):
            kind = (0 if y_true[at] else 1) if p > threshold else (3 if y_true[at] else 2)
            out[(kind, j, at[1]) if by_label else (kind, j)] += weights[at]
    return out


@op(shape=_confusion_shape, reference=_looped_confusion,
    samples=[sample(integers(0, 2, 5, 3), within(0, 1, 5, 3), None, np.array([0.3, 0.9, 0.5]), real(4, 3)),
             sample(integers(0, 2, 6), within(0, 1, 6), within(0, 1, 6), np.array([0.5]), real(4, 1)),
             sample(integers(0, 2, 5, 3), within(0, 1, 5, 3), within(0, 1, 5), np.array([0.2, 0.5]), real(4, 2, 3),
                    by_label=True),
             sample(integers(0, 2, 3), np.array([0.25, 0.5, 0.75]), None, np.array([0.5, 0.75]), real(4, 2)),
             raises(ValueError, "do not fit predictions", integers(0, 2, 5), real(6), None, real(1), real(4, 1)),
             raises(ValueError, "need predictions of shape", integers(0, 2, 5), real(5), None, real(1), real(4, 1, 1),
                    by_label=True)])
def confusion_state(y_true, y_pred, weights, thresholds, state, by_label=False):
    """``state``, the weights of the true and false positives, true and false negatives for each threshold (and label),
    with another batch; positive is what lies above the threshold."""
    _confusion_shape(y_true, y_pred, weights, thresholds, state, by_label)
    positive = y_true != 0
    weights = None if weights is None else np.broadcast_to(wide(np.asarray(weights), y_pred), y_pred.shape)
    if thresholds.size == 1 and not by_label:       # half the time of what follows
        return state + _at_one(positive, y_pred > thresholds.astype(y_pred.dtype), weights)
    order, labels = np.argsort(thresholds), y_pred.shape[1] if by_label else 1
    above = np.searchsorted(thresholds[order].astype(y_pred.dtype), y_pred)     # how many thresholds p exceeds
    cells = (positive * (len(order) + 1) + above) * labels
    cells = cells + np.arange(labels) if by_label else cells
    weights = None if weights is None else weights.ravel()
    found = np.bincount(cells.ravel(), weights, 2 * (len(order) + 1) * labels)
    counts = np.empty((4, len(order), labels), state.dtype)
    for i, kind in enumerate(found.reshape(2, len(order) + 1, labels)[::-1]):
        counts[i, order] = kind[::-1].cumsum(0)[::-1][1:]       # of those that exceed this threshold or more
        counts[3 - i, order] = kind.cumsum(0)[:-1]
    return state + counts.reshape(state.shape)


def _at_one(positive, predicted, weights):
    count = np.count_nonzero if weights is None else lambda chosen: np.sum(weights, where=chosen)
    true, all_predicted, all_positive = count(positive & predicted), count(predicted), count(positive)
    whole = positive.size if weights is None else weights.sum()
    return np.array([[true], [all_predicted - true], [whole - all_predicted - all_positive + true],
                     [all_positive - true]], "float32" if weights is None else weights.dtype)


def _matrix_shape(y_true, y_pred, weights, state):
    _same(y_true, y_pred)
    _weighed(y_pred, weights)
    return spec(state.shape, state.dtype)


def _looped_matrix(y_true, y_pred, weights, state):
    weights = np.ones(()) if weights is None else np.asarray(weights)
    weights = weights.reshape(weights.shape + (1,) * (y_pred.ndim - weights.ndim)) * np.ones(y_pred.shape)
    out = np.array(state, float)
    for at, p in np.ndenumerate(y_pred):
        if 0 <= p < len(state) and 0 <= y_true[at] < len(state):
            out[y_true[at], p] += weights[at]
    return out


@op(shape=_matrix_shape, reference=_looped_matrix,
    samples=[sample(integers(0, 4, 9), integers(0, 4, 9), None, real(4, 4)),
             sample(integers(-1, 3, 2, 9), integers(0, 4, 2, 9), within(0, 1, 2), real(3, 3)),
             raises(ValueError, "do not fit predictions", integers(0, 2, 5), integers(0, 2, 6), None, real(2, 2))])
def matrix_state(y_true, y_pred, weights, state):
    """``state``, the weights of the pairs of a class (rows) and a predicted class, with another batch; a label that is
    no class does not count."""
    _matrix_shape(y_true, y_pred, weights, state)
    n = len(state)
    inside = (y_true >= 0) & (y_true < n) & (y_pred >= 0) & (y_pred < n)
    cells = (y_true[inside].astype(np.intp) * n + y_pred[inside].astype(np.intp))
    if weights is not None:
        weights = np.broadcast_to(wide(np.asarray(weights), y_pred), y_pred.shape)[inside]
    return state + np.bincount(cells, weights, n * n).reshape(n, n).astype(state.dtype)


# Sums by output

def _columns_shape(y_true, y_pred, weights, state, **_options):
    _same(y_true, y_pred)
    _weighed(y_pred, weights)
    if not y_pred.ndim or not fit(state.shape[1:], y_pred.shape[-1:]):
        raise ValueError(f"all batches must have the same number of outputs, {state.shape[-1]} before and now "
                         f"predictions of shape {y_pred.shape}")
    return spec(state.shape, state.dtype)


def _summed(rows, weights, state):
    """Rows of values (..., outputs), weighted and summed but for the outputs, added to the state."""
    outputs = state.shape[1]
    if weights is not None:
        weights = np.broadcast_to(wide(np.asarray(weights), rows[0]), rows[0].shape)
        rows = [np.multiply(row, weights, where=weights != 0, out=np.zeros(row.shape, state.dtype)) for row in rows]
    return state + np.stack([np.add.reduce(row.reshape(-1, outputs), axis=0, dtype=state.dtype) for row in rows])


def _looped_decisions(y_true, y_pred, weights, state, threshold=None):
    weights = np.ones(()) if weights is None else np.asarray(weights)
    weights = weights.reshape(weights.shape + (1,) * (y_pred.ndim - weights.ndim)) * np.ones(y_pred.shape)
    out = np.array(state, float)
    for at, p in np.ndenumerate(y_pred):
        chosen = abs(p) > 1e-9 and p == max(y_pred[at[:-1]]) if threshold is None else p > threshold
        truth, column = y_true[at], at[-1]
        out[0, column] += weights[at] * truth * chosen
        out[1, column] += weights[at] * (1 - truth) * chosen
        out[2, column] += weights[at] * truth * (not chosen)
    return out


@op(shape=_columns_shape, reference=_looped_decisions,
    samples=[sample(integers(0, 2, 5, 4), within(0, 1, 5, 4), None, real(3, 4)),
             sample(integers(0, 2, 6, 2), within(0, 1, 6, 2), within(0, 1, 6), real(3, 2), threshold=0.4),
             sample(integers(0, 2, 2, 5, 4), within(0, 1, 2, 5, 4), within(0, 1, 2, 5), real(3, 4)),
             raises(ValueError, "the same number of outputs", integers(0, 2, 5, 4), real(5, 4), None, real(3, 2))])
def decisions_state(y_true, y_pred, weights, state, threshold=None):
    """``state``, for each output the weights of true and false positives and false negatives, with another batch.

    Positive is what lies above the threshold, without one the largest of each sample unless that is 0.
    """
    _columns_shape(y_true, y_pred, weights, state)
    if threshold is None:
        chosen = (y_pred >= y_pred.max(-1, keepdims=True, initial=-np.inf)) & (np.abs(y_pred) > 1e-9)
    else:
        chosen = y_pred > threshold
    true = np.multiply(y_true, chosen, dtype=state.dtype)
    return _summed([true, chosen - true, y_true - true], weights, state)


def _looped_moments(y_true, y_pred, weights, state):
    weights = np.ones(()) if weights is None else np.asarray(weights)
    weights = weights.reshape(weights.shape + (1,) * (y_pred.ndim - weights.ndim)) * np.ones(y_pred.shape)
    out = np.array(state, float)
    for at, p in np.ndenumerate(y_pred):
        for i, value in enumerate((1.0, y_true[at], y_true[at] ** 2, (y_true[at] - p) ** 2)):
            out[i, at[-1]] += weights[at] * value
    return out


@op(shape=_columns_shape, reference=_looped_moments,
    samples=[sample(real(5, 3), real(5, 3), None, real(4, 3)), sample(real(6, 2), real(6, 2), real(6), real(4, 2)),
             raises(ValueError, "the same number of outputs", real(5, 4), real(5, 4), None, real(4, 2))])
def moments_state(y_true, y_pred, weights, state):
    """``state``, for each output the sums of 1, the target, its square and the squared error, with another batch."""
    _columns_shape(y_true, y_pred, weights, state)
    exact = y_true.astype(state.dtype)
    return _summed([np.ones_like(exact), exact, exact * exact, np.square(exact - y_pred)], weights, state)
