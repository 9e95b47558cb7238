"""Generic tests over the tables of metrics: a row for each function and class, and nothing can be added untested."""

import copy
import dataclasses
import functools
import json
import pathlib
import pickle
import sys

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from tahr import losses, metrics
from tahr.autograd import OPS
from tahr.losses.base import FUNCTIONS as LOSSES
from tahr.metrics import Mean, MeanMetricWrapper, Metric, Sum
from tahr.metrics.base import FUNCTIONS, STREAMING, State
from tahr.tensor import Symbol, Tensor


@dataclasses.dataclass
class Row:
    """A metric, data of one kind, and a NumPy reference that gives one value for each sample (and position)."""

    cls: type
    kind: str
    reference: callable
    args: dict = dataclasses.field(default_factory=dict)
    function: callable = None


def hits(t, p):
    return (t == p).astype(float)


def top(labels, p, k):
    """Whether the label is among the k largest, by sorting."""
    return np.array([[label in np.argsort(-row)[:k]] for label, row in zip(labels, p)], float)[:, 0]


def loss(function, **options):
    """The reference of a metric that is the mean of a loss: the loss has references of its own."""
    return lambda t, p: function(t, Tensor(p), **options).numpy()


def pearson(t, p):
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(t, p)])


def concordance(t, p):
    cov = [np.cov(a, b, ddof=0) for a, b in zip(t, p)]
    return np.array([2 * c[0, 1] / (c[0, 0] + c[1, 1] + (a.mean() - b.mean()) ** 2) for c, a, b in zip(cov, t, p)])


def cosine(t, p):
    return np.sum(t * p, -1) / np.sqrt(np.sum(t * t, -1) * np.sum(p * p, -1))


ROWS = [
    Row(metrics.BinaryAccuracy, "many", lambda t, p: hits(t, p > 0.5).mean(-1), function=metrics.binary_accuracy),
    Row(metrics.BinaryAccuracy, "many", lambda t, p: hits(t, p > 0.8).mean(-1), {"threshold": 0.8}),
    Row(metrics.BinaryAccuracy, "binary", lambda t, p: hits(t, p > 0.5)[:, 0], function=metrics.binary_accuracy),
    Row(metrics.CategoricalAccuracy, "one-hot", lambda t, p: hits(np.argmax(t, -1), np.argmax(p, -1)),
        function=metrics.categorical_accuracy),
    Row(metrics.SparseCategoricalAccuracy, "labels", lambda t, p: hits(t, np.argmax(p, -1)),
        function=metrics.sparse_categorical_accuracy),
    Row(metrics.SparseCategoricalAccuracy, "positions", lambda t, p: hits(t, np.argmax(p, -1)),
        function=metrics.sparse_categorical_accuracy),
    Row(metrics.Accuracy, "binary", lambda t, p: hits(t, p > 0.5)[:, 0], function=metrics.accuracy),
    Row(metrics.Accuracy, "one-hot", lambda t, p: hits(np.argmax(t, -1), np.argmax(p, -1)), function=metrics.accuracy),
    Row(metrics.Accuracy, "labels", lambda t, p: hits(t, np.argmax(p, -1)), function=metrics.accuracy),
    Row(metrics.Accuracy, "positions", lambda t, p: hits(t, np.argmax(p, -1)), function=metrics.accuracy),
    Row(metrics.TopKCategoricalAccuracy, "one-hot", lambda t, p: top(np.argmax(t, -1), p, 2), {"k": 2}),
    Row(metrics.SparseTopKCategoricalAccuracy, "labels", lambda t, p: top(t, p, 2), {"k": 2}),
    Row(metrics.MeanSquaredError, "reals", loss(losses.mse)),
    Row(metrics.MeanAbsoluteError, "reals", loss(losses.mae)),
    Row(metrics.MeanAbsolutePercentageError, "reals", loss(losses.mape)),
    Row(metrics.MeanSquaredLogarithmicError, "reals", loss(losses.msle)),
    Row(metrics.LogCoshError, "reals", loss(losses.logcosh)),
    Row(metrics.Hinge, "many", loss(losses.hinge)),
    Row(metrics.SquaredHinge, "many", loss(losses.squared_hinge)),
    Row(metrics.CategoricalHinge, "one-hot", loss(losses.categorical_hinge)),
    Row(metrics.Poisson, "many", loss(losses.poisson)),
    Row(metrics.KLDivergence, "one-hot", loss(losses.kld)),
    Row(metrics.BinaryCrossentropy, "many", loss(losses.bce)),
    Row(metrics.BinaryCrossentropy, "many", loss(losses.bce, from_logits=True, label_smoothing=0.1),
        {"from_logits": True, "label_smoothing": 0.1}),
    Row(metrics.CategoricalCrossentropy, "one-hot", loss(losses.cce, from_logits=True, label_smoothing=0.2),
        {"from_logits": True, "label_smoothing": 0.2}),
    Row(metrics.SparseCategoricalCrossentropy, "labels", loss(losses.scce, from_logits=True), {"from_logits": True}),
    Row(metrics.CosineSimilarity, "reals", cosine, function=metrics.cosine_similarity),
    Row(metrics.PearsonCorrelation, "reals", pearson, function=metrics.pearson_correlation),
    Row(metrics.ConcordanceCorrelation, "reals", concordance, function=metrics.concordance_correlation),
]
MEANS_ELSEWHERE = {Mean: "takes values, not targets and predictions", Sum: "the same",
                   MeanMetricWrapper: "takes a function"}


# Metrics that are no mean over samples: a reference of all data, targets, predictions and sample weights at once

def counted(t, p, w, threshold=0.5):
    """Weights of true and false positives, true and false negatives, by looking at one prediction after the other."""
    out = np.zeros(4)
    for at, x in np.ndenumerate(p):
        out[(0 if t[at] else 1) if x > threshold else (3 if t[at] else 2)] += w[at[0]]
    return out


def of_counts(value, *thresholds):
    def reference(t, p, w):
        found = [value(*counted(t, p, w, threshold)) for threshold in thresholds]
        return found if len(found) > 1 else found[0]
    return reference


def precision(tp, fp, tn, fn):
    return tp / (tp + fp) if tp + fp else 0.0


def recall(tp, fp, tn, fn):
    return tp / (tp + fn) if tp + fn else 0.0


def specificity(tp, fp, tn, fn):
    return tn / (tn + fp) if tn + fp else 0.0


def best(wanted, bound, least, count):
    def reference(t, p, w):
        rows = [counted(t, p, w, i / (count - 1)) for i in range(count)]
        return max([wanted(*row) for row in rows if bound(*row) >= least], default=0.0)
    return reference


def of_largest(k, value):
    def reference(t, p, w):
        chosen = np.zeros_like(p)
        for row, scores in zip(chosen, p):
            row[np.argsort(-scores)[:k]] = 1
        return value(*counted(t, chosen, w))
    return reference


def of_class(i, reference):
    return lambda t, p, w: reference(t[:, [i]], p[:, [i]], w)


def matthews(t, p, w):
    """The correlation of truth and decision."""
    a, b, w = t.ravel(), (p > 0.5).ravel(), np.repeat(w, t.shape[1])
    c = np.cov(np.stack([a, b]).astype(float), aweights=w, ddof=0)
    return c[0, 1] / np.sqrt(c[0, 0] * c[1, 1])


def ranked(t, p, w):
    """The weighted share of pairs of a positive and a negative that are in order, ties half: the exact area."""
    t, p, w = t.ravel(), p.ravel(), np.repeat(w, t.size // len(t))
    pairs = [(w[i] * w[j], p[i], p[j]) for i in np.flatnonzero(t) for j in np.flatnonzero(t == 0)]
    return sum(v * ((a > b) + (a == b) / 2) for v, a, b in pairs) / sum(v for v, _, _ in pairs)


def area(curve, method, count=9):
    """Riemann sums over the thresholds."""
    def reference(t, p, w):
        points = [curve(*counted(t, p, w, x)) for x in [-1, *(i / (count - 1) for i in range(1, count - 1)), 2]]
        heights = {"minoring": min, "majoring": max, "interpolation": lambda a, b: (a + b) / 2}[method]
        return sum((a[0] - b[0]) * heights(a[1], b[1]) for a, b in zip(points, points[1:]))
    return reference


def roc(tp, fp, tn, fn):
    return fp / (fp + tn), tp / (tp + fn)


def pr(tp, fp, tn, fn):
    return tp / (tp + fn), precision(tp, fp, tn, fn)


def gain(tp, fp, tn, fn):
    odds = (tp + fn) / (tn + fp)
    return (max(1 - odds * fn / tp, 0), 1 - odds * fp / tp) if tp else (0.0, 1.0)


def precision_integrated(t, p, w, count=9):
    """Precision over recall by many small steps between the thresholds, counts changing linearly."""
    rows = [counted(t, p, w, x) for x in [-1, *(i / (count - 1) for i in range(1, count - 1)), 2]]
    positives, out = rows[0][0], 0.0
    for a, b in zip(rows, rows[1:]):
        for s in (np.arange(4000) + 0.5) / 4000:
            tp, fp = b[0] + s * (a[0] - b[0]), b[1] + s * (a[1] - b[1])
            out += (a[0] - b[0]) / 4000 * tp / (tp + fp) / positives if tp + fp else 0
    return out


def by_label(reference, weights=None):
    return lambda t, p, w: np.average([reference(t[:, [i]], p[:, [i]], w) for i in range(t.shape[1])], weights=weights)


def f_scores(beta=1.0, threshold=None):
    def reference(t, p, w):
        chosen = p == p.max(1, keepdims=True) if threshold is None else p > threshold
        rows = [counted(t[:, [i]], chosen[:, [i]], w) for i in range(t.shape[1])]
        b = beta ** 2
        return np.array([(1 + b) * precision(*r) * recall(*r) / (b * precision(*r) + recall(*r) or 1) for r in rows])
    return reference


def micro(beta, threshold):
    def reference(t, p, w):
        counts = counted(t, p, w, threshold)
        a, b = precision(*counts), recall(*counts)
        return (1 + beta ** 2) * a * b / (beta ** 2 * a + b)
    return reference


def r2(t, p, w):
    mean = np.average(t, axis=0, weights=w)
    return 1 - (w @ (t - p) ** 2) / (w @ (t - mean) ** 2)


def overlap(classes, t, p, w):
    out = []
    for i in classes:
        both, either = w @ ((t == i) & (p == i)), w @ ((t == i) | (p == i))
        out += [both / either] if either else []
    return np.mean(out)


WHOLE = [
    Row(metrics.RootMeanSquaredError, "reals", lambda t, p, w: np.sqrt(np.average(((t - p) ** 2).mean(1), weights=w))),
    Row(metrics.TruePositives, "many", of_counts(lambda *c: c[0], 0.5)),
    Row(metrics.FalsePositives, "many", of_counts(lambda *c: c[1], 0.5)),
    Row(metrics.TrueNegatives, "many", of_counts(lambda *c: c[2], 0.3), {"thresholds": 0.3}),
    Row(metrics.FalseNegatives, "many", of_counts(lambda *c: c[3], 0.9, 0.3), {"thresholds": [0.9, 0.3]}),
    Row(metrics.Precision, "many", of_counts(precision, 0.5)),
    Row(metrics.Precision, "binary", of_counts(precision, 0.2, 0.8), {"thresholds": [0.2, 0.8]}),
    Row(metrics.Precision, "many", of_largest(2, precision), {"top_k": 2}),
    Row(metrics.Recall, "many", of_class(1, of_counts(recall, 0.6)), {"thresholds": 0.6, "class_id": 1}),
    Row(metrics.Recall, "many", of_largest(1, recall), {"top_k": 1}),
    Row(metrics.MatthewsCorrelation, "many", matthews),
    Row(metrics.SensitivityAtSpecificity, "many", best(recall, specificity, 0.6, 200), {"specificity": 0.6}),
    Row(metrics.SpecificityAtSensitivity, "many", best(specificity, recall, 0.6, 20),
        {"sensitivity": 0.6, "num_thresholds": 20}),
    Row(metrics.PrecisionAtRecall, "many", of_class(0, best(precision, recall, 0.4, 200)),
        {"recall": 0.4, "class_id": 0}),
    Row(metrics.RecallAtPrecision, "many", best(recall, precision, 0.5, 200), {"precision": 0.5}),
    Row(metrics.AUC, "eighths", ranked, {"num_thresholds": 9}),
    Row(metrics.AUC, "eighths", area(roc, "minoring"), {"num_thresholds": 9, "summation_method": "minoring"}),
    Row(metrics.AUC, "many", area(pr, "majoring", 40), {"num_thresholds": 40, "curve": "PR",
                                                        "summation_method": "majoring"}),
    Row(metrics.AUC, "eighths", area(gain, "interpolation"), {"num_thresholds": 9, "curve": "PRGAIN"}),
    Row(metrics.AUC, "eighths", precision_integrated, {"num_thresholds": 9, "curve": "PR"}),
    Row(metrics.AUC, "eighths", ranked, {"thresholds": [i / 8 for i in (3, 1, 2, 4, 5, 6, 7)]}),
    Row(metrics.AUC, "eighths", by_label(ranked), {"num_thresholds": 9, "multi_label": True}),
    Row(metrics.AUC, "eighths", by_label(ranked, [0.1, 0.5, 0.4]),
        {"num_thresholds": 9, "multi_label": True, "num_labels": 3, "label_weights": [0.1, 0.5, 0.4]}),
    Row(metrics.F1Score, "one-hot", f_scores()),
    Row(metrics.F1Score, "many", lambda t, p, w: np.mean(f_scores(1.0, 0.5)(t, p, w)),
        {"average": "macro", "threshold": 0.5}),
    Row(metrics.FBetaScore, "many", micro(2.0, 0.4), {"average": "micro", "threshold": 0.4, "beta": 2.0}),
    Row(metrics.FBetaScore, "one-hot", lambda t, p, w: np.average(f_scores(0.5)(t, p, w), weights=w @ t),
        {"average": "weighted", "beta": 0.5}),
    Row(metrics.R2Score, "reals", lambda t, p, w: r2(t, p, w).mean()),
    Row(metrics.R2Score, "reals", r2, {"class_aggregation": None}),
    Row(metrics.R2Score, "reals", lambda t, p, w: np.average(r2(t, p, w), weights=[np.cov(c, aweights=w) for c in t.T]),
        {"class_aggregation": "variance_weighted_average"}),
    Row(metrics.R2Score, "reals", lambda t, p, w: 1 - (1 - r2(t, p, w).mean()) * (t.size - 1) / (t.size - 5),
        {"num_regressors": 4}),
    Row(metrics.IoU, "classes", lambda t, p, w: overlap([0, 2], t, p, w),
        {"num_classes": 3, "target_class_ids": [0, 2]}),
    Row(metrics.MeanIoU, "classes", lambda t, p, w: overlap([0, 1, 2], t, p, w), {"num_classes": 3}),
    Row(metrics.MeanIoU, "classes", lambda t, p, w: overlap([0, 2], t[t != 1], p[t != 1], w[t != 1]) * 2 / 3
        + overlap([1], t[t != 1], p[t != 1], w[t != 1]) / 3, {"num_classes": 3, "ignore_class": 1}),
    Row(metrics.BinaryIoU, "binary", lambda t, p, w: overlap([0, 1], t[:, 0], p[:, 0] >= 0.3, w), {"threshold": 0.3}),
    Row(metrics.OneHotIoU, "one-hot", lambda t, p, w: overlap([1], np.argmax(t, 1), np.argmax(p, 1), w),
        {"num_classes": 3, "target_class_ids": [1]}),
    Row(metrics.OneHotMeanIoU, "one-hot", lambda t, p, w: overlap([0, 1, 2], np.argmax(t, 1), np.argmax(p, 1), w),
        {"num_classes": 3}),
]
each_whole = pytest.mark.parametrize("row", [pytest.param(r, id=f"{r.cls.__name__}-{i}") for i, r in enumerate(WHOLE)])
each_row = pytest.mark.parametrize("row", [pytest.param(r, id=f"{r.cls.__name__}-{r.kind}-{i}")
                                           for i, r in enumerate(ROWS)])
SAMPLES = 23


def data(kind):
    rng = np.random.default_rng(4)
    n, k = SAMPLES, 3
    p = rng.random({"binary": (n, 1), "positions": (n, 5, k)}.get(kind, (n, k))).astype(np.float32)
    t = {"reals": rng.standard_normal((n, k)).astype(np.float32), "many": rng.integers(0, 2, (n, k)),
         "binary": rng.integers(0, 2, (n, 1)), "labels": rng.integers(0, k, n),
         "one-hot": np.eye(k)[rng.integers(0, k, n)], "positions": rng.integers(0, k, (n, 5)),
         "eighths": rng.integers(0, 2, (n, k)), "classes": rng.integers(0, k, n)}[kind]
    if kind == "classes":
        return t, rng.integers(0, k, n)
    return t, (np.floor(p * 8) + 0.5) / 8 if kind == "eighths" else p


def ours(kind):
    """The package's classes of a kind, not those that examples and tests define."""
    return {c for c in kind.registry.values() if c.__module__.startswith("tahr.")
            and getattr(sys.modules[c.__module__], c.__name__, None) is c}


def test_every_metric_has_a_row():
    classes = ours(Metric)
    assert classes == {r.cls for r in ROWS} | set(MEANS_ELSEWHERE) | {r.cls for r in WHOLE}
    by_class = {metrics.top_k_categorical_accuracy, metrics.sparse_top_k_categorical_accuracy}      # k is not 5 there
    assert set(FUNCTIONS.values()) == {r.function for r in ROWS if r.function} | by_class
    names = {*FUNCTIONS, *LOSSES} | {c.__name__ for c in classes}
    assert set(metrics.__all__) - {"Metric", "custom_metric", "deserialize", "get", "metric_function", "serialize"
                                   } == names
    assert all(getattr(metrics, name) is FUNCTIONS.get(name, LOSSES.get(name)) for name in {*FUNCTIONS, *LOSSES})


# Values

@each_row
def test_value(row):
    t, p = data(row.kind)
    expected = row.reference(t, p)
    assert expected.std() > 0.01
    assert row.cls(**row.args)(t, p) == pytest.approx(expected.mean(), rel=1e-5)
    for given in ((t, p), (Tensor(t), Tensor(p)), (t.astype(np.float32), Tensor(p)), (t.tolist(), p.tolist())):
        if row.function:
            found = row.function(*given)
            assert isinstance(found, Tensor) and found.dtype == np.float32
            np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-5)
        assert row.cls(**row.args)(*given) == row.cls(**row.args)(t, p)


@each_row
def test_shapes_are_inferred(row):
    t, p = data(row.kind)
    if row.function:
        found = row.function(Symbol((None, *t.shape[1:]), t.dtype), Symbol((None, *p.shape[1:])))
        assert found.shape == (None, *row.reference(t, p).shape[1:]) and found.dtype == np.float32


@each_row
@pytest.mark.parametrize("weighted", [False, True])
def test_uneven_batches_give_the_whole(row, weighted):
    t, p = data(row.kind)
    values = row.reference(t, p)
    w = np.random.default_rng(1).random(SAMPLES).astype(np.float32) if weighted else None
    metric = row.cls(**row.args)
    for rows in np.split(np.arange(SAMPLES), [1, 8, 8, 20]):    # one of them is empty
        metric.update_state(t[rows], p[rows], w[rows] if weighted else None)
    expected = np.average(values.reshape(SAMPLES, -1).mean(1), weights=w)
    assert isinstance(metric.result(), float)
    assert metric.result() == pytest.approx(expected, rel=1e-5)
    whole = row.cls(**row.args)
    whole.update_state(t, p, w)
    assert whole.result() == pytest.approx(metric.result(), rel=1e-6)


@each_row
def test_weights_by_sample_and_by_position(row):
    t, p = data(row.kind)
    values, rng = row.reference(t, p), np.random.default_rng(0)
    for shape in ((SAMPLES,), (SAMPLES, 1), values.shape, (*values.shape, 1)):
        w = rng.random(shape)
        wide = w.reshape(values.shape) if w.size == values.size else None
        if wide is None:
            wide = np.broadcast_to(w.reshape(SAMPLES, *[1] * (values.ndim - 1)), values.shape)
        for given in (w, Tensor(w), w.tolist()):
            metric = row.cls(**row.args)
            metric.update_state(t, p, sample_weight=given)
            assert metric.result() == pytest.approx(np.average(values, weights=wide), rel=1e-5)
    metric = row.cls(**row.args)
    metric.update_state(t, p, np.zeros(SAMPLES))
    assert metric.result() == 0.0
    with pytest.raises(ValueError, match=rf"{metric.name}: sample weights of shape \(2,\) do not fit values of shape"):
        metric.update_state(t, p, np.ones(2))


@each_row
@pytest.mark.parametrize("name", ["reset_state", "reset_states"])
def test_reset(row, name):
    t, p = data(row.kind)
    metric = row.cls(**row.args)
    metric.update_state(t, p)
    getattr(metric, name)()
    assert metric.result() == 0.0
    metric.update_state(t[:3], p[:3])
    assert metric.result() == row.cls(**row.args)(t[:3], p[:3])


@each_row
def test_input_untouched(row):
    t, p = data(row.kind)
    before = t.copy(), p.copy()
    row.cls(**row.args)(t, p, np.ones(SAMPLES))
    np.testing.assert_array_equal(t, before[0])
    np.testing.assert_array_equal(p, before[1])


# Shapes

ACCURACIES = [      # targets, predictions, and which accuracy they ask for
    ((5,), (5,), metrics.binary_accuracy), ((5, 1), (5,), metrics.binary_accuracy),
    ((5,), (5, 1), metrics.binary_accuracy), ((5, 1), (5, 1), metrics.binary_accuracy),
    ((5, 2), (5, 2, 1), metrics.binary_accuracy), ((5, 3), (5, 3), metrics.categorical_accuracy),
    ((5, 2, 3), (5, 2, 3), metrics.categorical_accuracy), ((5,), (5, 3), metrics.sparse_categorical_accuracy),
    ((5, 1), (5, 3), metrics.sparse_categorical_accuracy), ((5, 2), (5, 2, 3), metrics.sparse_categorical_accuracy),
    ((5, 2, 1), (5, 2, 3), metrics.sparse_categorical_accuracy),
]


@pytest.mark.parametrize("targets, predictions, function", ACCURACIES)
def test_accuracy_is_the_one_that_the_shapes_ask_for(targets, predictions, function):
    rng = np.random.default_rng(0)
    t, p = rng.integers(0, 2, targets), rng.random(predictions)
    if function is metrics.binary_accuracy:
        rank = max(p.ndim, 2)
        expected = function(t.reshape(t.shape[:rank - 1] + (1,)), p.reshape(p.shape[:rank - 1] + (1,)))
    else:
        expected = function(t, p)
    np.testing.assert_array_equal(metrics.accuracy(t, p), expected)
    assert len(expected) == 5 and 0 < expected.mean() < 1


SHAPE_ERRORS = [
    (metrics.binary_accuracy, (5,), (5, 3)), (metrics.binary_accuracy, (5, 1), (5, 3)),
    (metrics.binary_accuracy, (4, 1), (2, 2)), (metrics.categorical_accuracy, (5,), (5, 3)),
    (metrics.categorical_accuracy, (5, 3), (5, 4)), (metrics.sparse_categorical_accuracy, (5, 3), (5, 3)),
    (metrics.sparse_categorical_accuracy, (4,), (5, 3)), (metrics.accuracy, (2, 2), (4, 1)),
    (metrics.accuracy, (4,), (5, 1)), (metrics.accuracy, (4,), (5,)), (metrics.accuracy, (5, 2), (5, 3)),
    (metrics.accuracy, (5, 2), (5,)),
]


@pytest.mark.parametrize("function, targets, predictions", SHAPE_ERRORS)
def test_shapes_never_broadcast(function, targets, predictions):
    with pytest.raises(ValueError, match=r"accuracy: targets of shape .* do not fit predictions of shape "):
        function(np.zeros(targets, int), np.zeros(predictions))


def test_threshold_counts_as_0():
    np.testing.assert_array_equal(metrics.binary_accuracy([[0], [1]], [[0.5], [0.5]]), [1.0, 0.0])


def test_binary_accuracy_of_positions():
    t, p = np.array([[0, 1, 1]]), np.array([[[0.2], [0.9], [0.1]]])
    np.testing.assert_array_equal(metrics.binary_accuracy(t, p), [[1.0, 1.0, 0.0]])
    np.testing.assert_array_equal(metrics.binary_accuracy(t[..., None], p), [[1.0, 1.0, 0.0]])
    found = metrics.binary_accuracy(np.array([[[0, 1], [1, 1]]]), np.array([[[0.9, 0.9], [0.8, 0.6]]]))
    np.testing.assert_array_equal(found, [[0.5, 1.0]])


# The mean, and functions

def test_mean():
    mean = Mean()
    assert (mean.name, mean.result()) == ("mean", 0.0)
    mean.update_state([1.0, 2.0, 3.0])
    mean.update_state(Tensor([[8.0], [6.0]]), sample_weight=[0.5, 1.0])
    assert mean.result() == pytest.approx((6 + 4 + 6) / (3 + 1.5))
    mean.reset_state()
    mean.update_state(4.0, 3)
    mean.update_state(np.zeros((2, 3)))
    assert mean.result() == pytest.approx(12 / 9)
    mean.update_state(np.zeros((0, 3)))
    mean.update_state(np.zeros((2, 0)), [1.0, 1.0])
    assert mean.result() == pytest.approx(12 / 9)
    with pytest.raises(ValueError, match=r"mean: sample weights of shape \(2, 2\) do not fit values of shape \(2,\)"):
        mean.update_state([1.0, 2.0], np.ones((2, 2)))


def test_totals_are_float64():
    mean = Mean()
    for _ in range(100):
        mean.update_state(np.full(1000, 0.1, np.float32))
    assert mean.result() == pytest.approx(np.float32(0.1), rel=1e-12)


@hypothesis.given(st.lists(st.lists(st.floats(-100, 100), max_size=4), max_size=6), st.randoms(use_true_random=False))
def test_mean_and_sum_of_any_batches(batches, random):
    mean, whole, weights = Mean(), Sum(), [[random.choice([0.0, 0.5, 2.0]) for _ in batch] for batch in batches]
    for batch, w in zip(batches, weights):
        mean.update_state(np.array(batch), w)
        whole.update_state(np.array(batch), w)
    flat, w = np.concatenate([[], *batches]), np.concatenate([[], *weights])
    assert whole.result() == pytest.approx(flat @ w, rel=1e-9, abs=1e-9)
    assert mean.result() == pytest.approx(flat @ w / w.sum() if w.sum() else 0.0, rel=1e-9, abs=1e-9)
    assert (float(mean.total), float(mean.count)) == pytest.approx((flat @ w, w.sum()), rel=1e-9, abs=1e-9)


def test_what_has_no_weight_may_be_anything():
    mean = Mean()
    mean.update_state([np.nan, 1.0, np.inf], [0.0, 2.0, 0.0])
    mean.update_state(np.nan, 0.0)
    assert mean.result() == 1.0
    score = metrics.R2Score()
    score.update_state([[1.0], [2.0], [5.0]], [[1.0], [3.0], [np.nan]], [1.0, 1.0, 0.0])
    assert score.result() == pytest.approx(-1.0)


def worst(y_true, y_pred):
    return abs(y_true - y_pred).max(-1)


def batch_spread(y_true, y_pred):
    return (y_pred - y_true).std()


def test_functions_of_users():
    rng = np.random.default_rng(0)
    t, p, w = rng.random((10, 3)), rng.random((10, 3)), rng.random(10)
    metric = metrics.get(worst)
    assert type(metric) is MeanMetricWrapper and metric.name == "worst"
    for rows in (slice(0, 3), slice(3, 10)):
        metric.update_state(Tensor(t[rows]), Tensor(p[rows]), w[rows])
    assert metric.result() == pytest.approx(np.average(worst(t, p), weights=w), rel=1e-6)
    assert MeanMetricWrapper(functools.partial(worst), name="w").name == "w"
    assert MeanMetricWrapper(functools.partial(worst)).name == "partial"
    assert metrics.get(lambda y_true, y_pred: y_pred).name == "lambda"
    assert metrics.custom_metric("mine", worst).name == "mine" and metrics.custom_metric("mine", worst).fn is worst


def test_one_number_for_a_batch_counts_for_its_samples():
    rng = np.random.default_rng(0)
    t, p, w = rng.random((10, 3)), rng.random((10, 3)), rng.random(10)
    parts = [slice(0, 3), slice(3, 10)]
    metric, weighted = metrics.get(batch_spread), metrics.get(batch_spread)
    for rows in parts:
        metric.update_state(Tensor(t[rows]), Tensor(p[rows]))
        weighted.update_state(Tensor(t[rows]), Tensor(p[rows]), Tensor(w[rows]))
    spreads = [batch_spread(t[r], p[r]) for r in parts]
    assert metric.result() == pytest.approx(np.average(spreads, weights=[3, 7]), rel=1e-6)
    assert weighted.result() == pytest.approx(np.average(spreads, weights=[w[r].sum() for r in parts]), rel=1e-6)


def test_functions_that_give_a_dict():
    """Each entry is a mean of its own, under its key."""
    def false_rates(y_true, y_pred):
        wrong = abs(y_true - y_pred)
        return {"false_neg": (wrong * y_true).mean(), "false_pos": (wrong * (1 - y_true))[:, 0]}

    t, p = Tensor(np.array([[1.0], [0.0], [1.0]])), Tensor(np.array([[0.5], [0.25], [1.0]]))
    metric = metrics.get(false_rates)
    metric.update_state(t[:2], p[:2])
    metric.update_state(t[2:], p[2:])
    assert metric.logs() == metric.result() == {"false_neg": pytest.approx((0.25 * 2) / 3),
                                                "false_pos": pytest.approx(0.25 / 3)}
    assert all(type(v) is float for v in metric.logs().values())
    metric.reset_state()
    assert metric.logs() == {"false_neg": 0.0, "false_pos": 0.0}


# Metrics of all data

@each_whole
@pytest.mark.parametrize("weighted", [False, True])
def test_whole_value(row, weighted):
    """Over uneven batches, one of them empty, and in one batch: the value of all data, never a mean of values."""
    t, p = data(row.kind)
    w = np.round(np.random.default_rng(1).random(SAMPLES) * 8) / 8 if weighted else None
    expected = row.reference(t, p, np.ones(SAMPLES) if w is None else w)
    for cuts in ([], [1, 8, 8, 20]):
        for convert in (np.asarray, Tensor):
            metric = row.cls(**row.args)
            for rows in np.split(np.arange(SAMPLES), cuts):
                metric.update_state(convert(t[rows]), convert(p[rows]), None if w is None else convert(w[rows]))
            found = metric.result()
            assert isinstance(found, float if np.ndim(expected) == 0 else np.ndarray)
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
            logs = metric.logs()
            assert list(logs) == [metric.name] and type(logs[metric.name]) is type(found)


@each_whole
def test_whole_reset_and_config(row):
    t, p = data(row.kind)
    metric = row.cls(**row.args, name="mine")
    metric.update_state(t, p)
    value = metric.result()
    config = metric.get_config()
    assert config.items() >= {**row.args, "name": "mine"}.items()
    read = json.loads(json.dumps({"class_name": row.cls.__name__, "config": config}))
    for clone in (row.cls.from_config(config), metrics.get(read), metrics.deserialize(metrics.serialize(metric))):
        assert json.dumps(clone.get_config()) == json.dumps(config)
        np.testing.assert_array_equal(clone(t, p), value)
    for clone in (copy.deepcopy(metric), pickle.loads(pickle.dumps(metric))):
        np.testing.assert_array_equal(clone.result(), value)
        clone.reset_states()
        assert not np.any([v.numpy() for v in clone.variables if v.ndim])
        clone.update_state(t, p)
        np.testing.assert_array_equal(clone.result(), value)
        np.testing.assert_array_equal(metric.result(), value)
    with pytest.raises(TypeError, match=r"unknown argument 'nam'. Did you mean 'name'\?"):
        row.cls(**row.args, nam="x")


@each_whole
def test_whole_misfits(row):
    t, p = data(row.kind)
    metric = row.cls(**row.args)
    with pytest.raises(ValueError, match="shape"):
        metric.update_state(t[:5], p[:4])
    with pytest.raises(ValueError, match=rf"{metric.name}: .*sample weights of shape \(2,\) do not fit"):
        metric.update_state(t, p, np.ones(2))
    before = row.cls(**row.args).result()
    assert np.all(np.isfinite(before))


def test_counts_by_name():
    metric = metrics.Precision()
    metric.update_state([0, 1, 1, 0], [0.9, 0.8, 0.2, 0.1])
    assert [float(v[0]) for v in (metric.true_positives, metric.false_positives, metric.true_negatives,
                                  metric.false_negatives)] == [1.0, 1.0, 1.0, 1.0]
    assert metrics.MeanIoU(2)([0, 1], [0, 1]) == 1.0


def test_labels_that_are_no_class_do_not_count():
    metric = metrics.MeanIoU(2)
    metric.update_state([[0, 1, 255]], [[0, 1, 1]])
    assert metric.result() == 1.0 and metric.total_cm.numpy().sum() == 2


def test_ties_and_bad_predictions_in_the_top_k():
    p = [[0.2, 0.2, 0.1], [np.nan, 0.1, 0.3]]
    np.testing.assert_array_equal(metrics.sparse_top_k_categorical_accuracy([1, 0], p, k=1).numpy(), [1.0, 0.0])


def test_logits_of_areas():
    t, p = data("eighths")
    logits = np.log(p / (1 - p))
    assert metrics.AUC(9, from_logits=True)(t, logits) == pytest.approx(metrics.AUC(9)(t, p), rel=1e-6)


def test_label_weights_without_multi_label():
    t, p = data("eighths")
    weights = [0.5, 2.0, 1.0]
    expected = ranked(t.T.ravel(), p.T.ravel(), np.repeat(weights, SAMPLES))
    assert metrics.AUC(9, label_weights=weights)(t, p) == pytest.approx(expected, rel=1e-6)


def test_the_outputs_stay_as_many():
    score = metrics.R2Score()
    score.update_state([[1.0, 2.0]], [[1.0, 2.0]])
    with pytest.raises(ValueError, match="r2_score: all batches must have the same number of outputs, 2 before"):
        score.update_state([[1.0]], [[1.0]])
    with pytest.raises(ValueError, match=r"auc: multi_label needs predictions of shape \(batch, labels\), got \(3,\)"):
        metrics.AUC(multi_label=True).update_state([1, 0, 1], [0.5, 0.1, 0.2])


def test_too_many_regressors():
    score = metrics.R2Score(num_regressors=2)
    score.update_state([1.0, 2.0, 4.0], [1.0, 2.0, 3.0])
    with pytest.warns(UserWarning, match="r2_score: 2 regressors need more than 3 targets"):
        assert score.result() == pytest.approx(r2(np.array([[1.0], [2.0], [4.0]]), np.array([[1.0], [2.0], [3.0]]),
                                                  np.ones(3))[0])


@pytest.mark.parametrize("make, text", [
    (lambda: metrics.Precision(1.5), r"thresholds must lie in \[0, 1\], got 1.5"),
    (lambda: metrics.AUC(curve="roc"), "curve must be 'ROC', 'PR' or 'PRGAIN', got 'roc'"),
    (lambda: metrics.AUC(summation_method="x"), "summation_method must be"),
    (lambda: metrics.AUC(1), "num_thresholds must be at least 2"), (lambda: metrics.AUC(num_labels=3), "num_labels"),
    (lambda: metrics.RecallAtPrecision(2), r"needs a rate in \[0, 1\], got 2"),
    (lambda: metrics.RecallAtPrecision(0.5, 0), "num_thresholds must be at least 1"),
    (lambda: metrics.F1Score("mean"), "average must be None"), (lambda: metrics.FBetaScore(beta=0), "beta must be"),
    (lambda: metrics.F1Score(threshold=0), r"threshold must lie in \(0, 1\]"),
    (lambda: metrics.R2Score("mean"), "class_aggregation must be"),
    (lambda: metrics.R2Score(num_regressors=-1), "num_regressors must not be negative"),
    (lambda: metrics.IoU(1, [0]), "num_classes must be at least 2"),
    (lambda: metrics.IoU(2, [2]), r"target_class_ids must lie from 0 to 1, got \[2\]"),
    (lambda: metrics.TopKCategoricalAccuracy(0), "k must be at least 1"),
    (lambda: metrics.Precision(class_id=4)([[1, 0]], [[0.2, 0.3]]), "class_id=4 needs predictions with that class"),
    (lambda: metrics.Precision(class_id=0)([1, 0], [0.2, 0.3]), "class_id=0 needs"),
    (lambda: Metric().add_weight("x", initializer="glorot"), "a state begins as 'zeros', 'ones', a number"),
])
def test_wrong_options(make, text):
    with pytest.raises(ValueError, match=text):
        make()


# Ops, wherever the table of ops is tested without them

@pytest.mark.parametrize("name, i", [(name, i) for name, entry in sorted(OPS.items())
                                     if entry.forward.__module__ == "tahr.metrics.counts"
                                     for i in range(len(entry.samples))])
def test_op(name, i):
    entry, sample = OPS[name], OPS[name].samples[i]
    args, kwargs = sample.draw(i)
    tensors = [Tensor(a, dtype=a.dtype) if isinstance(a, np.ndarray) else a for a in args]
    if sample.error:
        with pytest.raises(sample.error, match=sample.match):
            entry.function(*tensors, **kwargs)
    else:
        found = entry.function(*tensors, **kwargs)
        np.testing.assert_allclose(found.numpy(), entry.reference(*args, **kwargs), rtol=1e-10)


OF_BATCHES = {"ctc", "circle", "dice", "tversky"}       # no loss of each sample by itself, or of other shapes


@pytest.mark.parametrize("name", sorted(LOSSES.keys() - FUNCTIONS.keys() - OF_BATCHES))
def test_losses_as_metrics(name):
    labels = LOSSES[name] in (losses.scce, losses.categorical_generalized_cross_entropy)
    t, p = data("labels" if labels else "one-hot")
    p = p / p.sum(-1, keepdims=True)
    metric = metrics.get(name, LOSSES)
    assert metric.name == name
    for rows in (slice(0, 9), slice(9, SAMPLES)):
        metric.update_state(t[rows], Tensor(p[rows], requires_grad=True))
    assert metric.result() == pytest.approx(float(LOSSES[name](t, p).mean()), rel=1e-6)


# Objects and names

@each_row
def test_config_round_trip(row):
    metric = row.cls(**row.args, name="mine")
    config = metric.get_config()
    assert config.items() >= {**row.args, "name": "mine"}.items()
    t, p = data(row.kind)
    metric.update_state(t, p)
    read = json.loads(json.dumps({"class_name": row.cls.__name__, "config": config}))
    for clone in (row.cls.from_config(config), metrics.get(read)):
        assert clone.get_config() == config and clone.result() == 0.0
        assert clone(t, p) == metric.result()
    for clone in (copy.deepcopy(metric), pickle.loads(pickle.dumps(metric))):
        assert clone.result() == metric.result()


@each_row
def test_names(row):
    assert type(metrics.get(row.cls.__name__)) is row.cls
    if row.function:
        by_name = metrics.get(row.function.__name__)
        assert by_name.fn is row.function and by_name.name == row.function.__name__
        assert row.cls().name == row.function.__name__
    with pytest.raises(TypeError, match=r"unknown argument 'nam'. Did you mean 'name'\?"):
        row.cls(nam="x")


def test_names_and_errors():
    assert metrics.get("acc").name == "acc" and metrics.get("acc").fn is metrics.accuracy
    metric = metrics.Accuracy()
    assert metrics.get(metric) is metric
    by_name = MeanMetricWrapper("acc")
    assert by_name.fn is MeanMetricWrapper.from_config(by_name.get_config()).fn is metrics.accuracy
    for make in (metrics.get, MeanMetricWrapper):
        with pytest.raises(ValueError, match=r"metric 'acuracy'. Did you mean 'accuracy'\? Known: BCE, .*auc, "):
            make("acuracy")
    with pytest.raises(TypeError, match=r"Accuracy is a class: did you forget the parentheses, Accuracy\(\)\?"):
        metrics.get(metrics.Accuracy)
    with pytest.raises(TypeError, match="expected the name of a metric or a metric object, got int 3"):
        metrics.get(3)
    for call, text in ((lambda: Metric().update_state([], []), "update_state"), (lambda: Metric().result(), "result")):
        with pytest.raises(TypeError, match=rf"Metric must define {text}\("):
            call()


def test_names_of_objects():
    """A name stays the metric's: the user finds it in the logs again. Keras 1's names mean the metric of all data."""
    for name, cls in {"auc": metrics.AUC, "AUC": metrics.AUC, "precision": metrics.Precision,
                      "recall": metrics.Recall, "matthews_correlation": metrics.MatthewsCorrelation,
                      "f1_score": metrics.F1Score, "F1Score": metrics.F1Score}.items():
        assert type(metrics.get(name)) is cls and metrics.get(name).name == name
    assert set(STREAMING) == {"fbeta_score", "fmeasure", "fscore", "f1score"}
    t, p = data("many")
    for name in STREAMING:
        metric = metrics.get(name)
        assert metric.name == name
        assert metric(t, p) == pytest.approx(micro(1.0, 0.5)(t, p, np.ones(SAMPLES)))
    assert metrics.get(None) is None
    for name in ("cosine_similarity", "cosine_proximity", "cosine"):        # the metric, not the loss: 1 is the best
        assert metrics.get(name)([[1.0, 2.0]], [[2.0, 4.0]]) == pytest.approx(1.0)
    assert metrics.get("mse").fn is losses.mean_squared_error and metrics.mse is losses.mse
    assert metrics.deserialize("mine", {"mine": worst}).fn is worst
    own = metrics.get("own", {"own": worst})
    assert own.fn is worst and own.name == "own"
    with pytest.raises(TypeError, match="IoU: missing a required argument: 'num_classes'"):
        metrics.get("IoU")


def test_metrics_of_users():
    class Largest(Metric):
        def __init__(self, name=None, start=0.0):
            super().__init__(name)
            self.value = self.add_weight("value", initializer=start)

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.value.assign(max(float(self.value), float(np.max(y_pred))))

        def result(self):
            return self.value

    metric = metrics.get("Largest")
    assert metric.name == "Largest" and Largest().name == "largest"
    assert float(metric([0], [3.0])) == 3.0 and float(metric([0], [2.0])) == 3.0
    assert metric.logs() == {"Largest": 3.0} and type(metric.logs()["Largest"]) is float
    metric.reset_states()
    assert float(metric.result()) == 0.0
    begun = Largest(start=5.0)
    begun.update_state([0], [7.0])
    begun.reset_state()
    assert float(begun.result()) == 5.0 and [v.name for v in begun.weights] == ["value"]


@pytest.mark.parametrize("names", [("reset_state",), ("reset_states",), ("reset_state", "reset_states")])
def test_either_name_of_reset_may_be_overridden(names):
    called = []
    resets = {name: lambda self, name=name: (called.append(name), getattr(Metric, name)(self)) for name in names}
    metric = type("Counted", (Mean,), resets)()
    for name in ("reset_state", "reset_states"):
        metric.update_state(3.0)
        called.clear()
        getattr(metric, name)()
        assert called == ([name] if name in names else list(names)) and metric.result() == 0.0


def test_states():
    metric = Metric()
    for made in (metric.add_weight("x", (2,), "ones"), metric.add_variable((2,), "x", "ones"),
                 metric.add_weight(shape=(2,), name="x", initializer=1),
                 metric.add_weight("x", 2, lambda shape, dtype: np.ones(shape, dtype))):
        assert isinstance(made, State) and made.name == "x" and made.shape == (2,) and made.dtype == np.float64
        np.testing.assert_array_equal(made.numpy(), [1.0, 1.0])
    assert len(metric.variables) == 4 and metric.weights == metric.variables
    count = Metric(dtype="int64").add_weight("n")
    count.assign_add(3)
    count.assign_sub(Tensor(1))
    assert count.dtype == np.int64 and int(count) == 2
    grown = metric.add_weight("y", dtype="float32")
    grown.assign_add(Tensor(2.0, requires_grad=True) * 3)
    assert float(grown) == 6.0 and not grown.requires_grad
    for clone in (copy.deepcopy(grown), pickle.loads(pickle.dumps(grown))):
        assert float(clone) == 6.0 and float(clone.initial) == 0.0 and clone.dtype == np.float32


# Keras 3

with np.load(pathlib.Path(__file__).parent / "golden" / "losses_metrics.npz") as _file:
    GOLDEN = {key: _file[key] for key in _file if key.startswith("metrics/")}
CASES = sorted({key.split("/")[1] for key in GOLDEN})


@pytest.mark.parametrize("name", CASES)
def test_keras3(name):
    case = {key.split("/")[2]: value for key, value in GOLDEN.items() if key.startswith(f"metrics/{name}/")}
    cls, args = json.loads(str(case["spec"]))
    for key in ("value", "weighted"):
        if key not in case:
            continue
        metric = getattr(metrics, cls)(**args)
        for i in range(3):
            given = [case[f"y_true{i}"], *([case[f"y_pred{i}"]] if f"y_pred{i}" in case else [])]
            metric.update_state(*given, **({"sample_weight": case[f"weights{i}"]} if key == "weighted" else {}))
        np.testing.assert_allclose(metric.result(), case[key], rtol=1e-5, atol=1e-7)


def test_keras3_covers_every_metric():
    found = {json.loads(str(GOLDEN[f"metrics/{name}/spec"]))[0] for name in CASES}
    own = {"Accuracy": "resolved by shapes", "MatthewsCorrelation": "Keras 1's", "MeanMetricWrapper": "a function's"}
    assert found == {c.__name__ for c in ours(Metric)} - set(own)
