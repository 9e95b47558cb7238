"""Generic tests over the tables of metrics: a row for each function and class, and nothing can be added untested."""

import copy
import dataclasses
import functools
import json
import pickle
import sys

import numpy as np
import pytest

from tahr import metrics
from tahr.losses.base import FUNCTIONS as LOSSES
from tahr.metrics import Mean, MeanOf, Metric
from tahr.metrics.base import FUNCTIONS
from tahr.tensor import Tensor


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
]
EXCUSED = {Mean: "takes values, not targets and predictions: tested below", MeanOf: "takes a function: tested below"}
each_row = pytest.mark.parametrize("row", [pytest.param(r, id=f"{r.cls.__name__}-{r.kind}-{i}")
                                           for i, r in enumerate(ROWS)])
SAMPLES = 23


def data(kind):
    rng = np.random.default_rng(4)
    n, k = SAMPLES, 3
    p = rng.random({"binary": (n, 1), "positions": (n, 5, k)}.get(kind, (n, k))).astype(np.float32)
    t = {"many": rng.integers(0, 2, (n, k)), "binary": rng.integers(0, 2, (n, 1)), "labels": rng.integers(0, k, n),
         "one-hot": np.eye(k)[rng.integers(0, k, n)], "positions": rng.integers(0, k, (n, 5))}[kind]
    return t, p


def ours(kind):
    """The package's classes of a kind, not those that examples and tests define."""
    return {c for c in kind.registry.values() if c.__module__.startswith("tahr.")
            and getattr(sys.modules[c.__module__], c.__name__, None) is c}


def test_every_metric_has_a_row():
    classes = ours(Metric)
    assert classes == {r.cls for r in ROWS} | set(EXCUSED)
    assert set(FUNCTIONS.values()) == {r.function for r in ROWS if r.function}
    names = {f.__name__ for f in FUNCTIONS.values()} | {c.__name__ for c in classes}
    assert set(metrics.__all__) - {"Metric", "get", "metric_function"} == names


# Values

@each_row
def test_value(row):
    t, p = data(row.kind)
    expected = row.reference(t, p)
    assert 0 < expected.mean() < 1
    assert row.cls(**row.args)(t, p) == pytest.approx(expected.mean(), rel=1e-12)
    for given in ((t, p), (Tensor(t), Tensor(p)), (t.astype(np.float32), Tensor(p)), (t.tolist(), p.tolist())):
        if row.function:
            found = row.function(*given)
            assert isinstance(found, np.ndarray)
            np.testing.assert_array_equal(found, expected)
        assert row.cls(**row.args)(*given) == row.cls(**row.args)(t, p)


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
    assert metric.result() == pytest.approx(expected, rel=1e-6)
    whole = row.cls(**row.args)
    whole.update_state(t, p, w)
    assert whole.result() == pytest.approx(metric.result(), rel=1e-12)


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
            assert metric.result() == pytest.approx(np.average(values, weights=wide), rel=1e-6)
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


def worst(y_true, y_pred):
    return abs(y_true - y_pred).max(-1)


def batch_spread(y_true, y_pred):
    return (y_pred - y_true).std()


def test_functions_of_users():
    rng = np.random.default_rng(0)
    t, p, w = rng.random((10, 3)), rng.random((10, 3)), rng.random(10)
    metric = metrics.get(worst)
    assert type(metric) is MeanOf and metric.name == "worst"
    for rows in (slice(0, 3), slice(3, 10)):
        metric.update_state(Tensor(t[rows]), Tensor(p[rows]), w[rows])
    assert metric.result() == pytest.approx(np.average(worst(t, p), weights=w), rel=1e-6)
    assert MeanOf(functools.partial(worst), name="w").name == "w"
    assert MeanOf(functools.partial(worst)).name == "partial"


def test_one_number_for_a_batch_counts_for_its_samples():
    rng = np.random.default_rng(0)
    t, p = rng.random((10, 3)), rng.random((10, 3))
    metric = metrics.get(batch_spread)
    parts = [slice(0, 3), slice(3, 10)]
    for rows in parts:
        metric.update_state(Tensor(t[rows]), Tensor(p[rows]))
    assert metric.result() == pytest.approx(sum(batch_spread(t[r], p[r]) * len(t[r]) for r in parts) / 10, rel=1e-6)
    with pytest.raises(ValueError, match="batch_spread: the function gives one number for the whole batch"):
        metric.update_state(t, p, np.ones(10))


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_losses_as_metrics(name):
    t, p = data("labels" if name.startswith("sparse") else "one-hot")
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
    assert config == {**({"threshold": 0.5} if row.cls is metrics.BinaryAccuracy else {}), **row.args, "name": "mine"}
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
        assert by_name.function is row.function and by_name.name == row.function.__name__
        assert row.cls().name == row.function.__name__
    with pytest.raises(TypeError, match=r"unknown argument 'nam'. Did you mean 'name'\?"):
        row.cls(nam="x")


def test_names_and_errors():
    assert metrics.get("acc").name == "acc" and metrics.get("acc").function is metrics.accuracy
    metric = metrics.Accuracy()
    assert metrics.get(metric) is metric
    by_name = MeanOf("acc")
    assert by_name.function is MeanOf.from_config(by_name.get_config()).function is metrics.accuracy
    for make in (metrics.get, MeanOf):
        with pytest.raises(ValueError, match=r"unknown metric 'acuracy'. Did you mean 'accuracy'\? Known: acc, acc"):
            make("acuracy")
    with pytest.raises(TypeError, match=r"Accuracy is a class: did you forget the parentheses, Accuracy\(\)\?"):
        metrics.get(metrics.Accuracy)
    with pytest.raises(TypeError, match="expected the name of a metric or a metric object, got int 3"):
        metrics.get(3)
    for call, text in ((lambda: Metric().update_state([], []), "update_state"), (lambda: Metric().result(), "result")):
        with pytest.raises(TypeError, match=rf"Metric must define {text}\("):
            call()


def test_metrics_of_users():
    class Largest(Metric):
        def update_state(self, y_true, y_pred, sample_weight=None):
            self.value = max(self.value, float(np.max(y_pred)))

        def result(self):
            return self.value

        def reset_state(self):
            self.value = 0.0

    metric = metrics.get("Largest")
    assert metric.name == "largest"
    assert metric([0], [3.0]) == 3.0 and metric([0], [2.0]) == 3.0
    metric.reset_states()
    assert metric.result() == 0.0
