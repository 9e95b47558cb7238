"""Generic tests over the tables of losses: a row for each function and object, and nothing can be added untested."""

import copy
import dataclasses
import itertools
import json
import pathlib
import pickle
import sys

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tahr import losses
from tahr.activations import sigmoid, softmax
from tahr.autograd import OPS, check_grads, gradients
from tahr.losses import Loss, Reduction
from tahr.losses.base import FUNCTIONS, fitting_weights, reduce, same_rank
from tahr.losses.labels import labels_within
from tahr.tensor import Symbol, Tensor
from tahr.tensor.create import from_numpy
from tahr.utils import settings


@dataclasses.dataclass
class Row:
    """A loss as function and object, on targets and predictions of one kind, and what it must compute.

    ``reference(y_true, y_pred)`` is NumPy in float64 and gives one value per sample; ``args`` are options.
    """

    function: callable
    cls: type
    kind: str
    reference: callable
    args: dict = dataclasses.field(default_factory=dict)


def clipped(p, epsilon=1e-7):
    return np.clip(p, epsilon, 1 - epsilon)


def share(x):
    return x / x.sum(-1, keepdims=True)


def soft(x):
    return share(np.exp(x - x.max(-1, keepdims=True)))


def logistic(x):
    return 1 / (1 + np.exp(-x))


def bce(t, p):
    return np.mean(-t * np.log(p) - (1 - t) * np.log(1 - p), -1)


def cce(t, p):
    return -np.sum(t * np.log(p), -1)


def unit(x):
    return x / np.sqrt((x * x).sum(-1, keepdims=True))


def huber(t, p, delta=1.0):
    e = np.abs(p - t)
    return np.where(e < delta, e ** 2 / 2, delta * e - delta ** 2 / 2).mean(-1)


def focal(t, p, gamma=2.0):
    q = np.where(t == 1, p, 1 - p)
    return (1 - q) ** gamma * -np.log(q)


def at_labels(t, p):
    return -np.log([[row[label] for row, label in zip(rows, labels)] for rows, labels in zip(p, t)])


ROWS = [
    Row(losses.mean_squared_error, losses.MeanSquaredError, "reals", lambda t, p: np.mean((t - p) ** 2, -1)),
    Row(losses.mean_absolute_error, losses.MeanAbsoluteError, "reals", lambda t, p: np.mean(np.abs(t - p), -1)),
    Row(losses.binary_crossentropy, losses.BinaryCrossentropy, "many", lambda t, p: bce(t, clipped(p))),
    Row(losses.binary_crossentropy, losses.BinaryCrossentropy, "many", lambda t, p: bce(0.8 * t + 0.1, clipped(p)),
        {"label_smoothing": 0.2}),
    Row(losses.binary_crossentropy, losses.BinaryCrossentropy, "many logits", lambda t, x: bce(t, logistic(x)),
        {"from_logits": True}),
    Row(losses.binary_crossentropy, losses.BinaryCrossentropy, "many logits",
        lambda t, x: bce(0.7 * t + 0.15, logistic(x)), {"from_logits": True, "label_smoothing": 0.3}),
    Row(losses.categorical_crossentropy, losses.CategoricalCrossentropy, "one", lambda t, p: cce(t, clipped(share(p)))),
    Row(losses.categorical_crossentropy, losses.CategoricalCrossentropy, "one",
        lambda t, p: cce(0.9 * t + 0.1 / 4, clipped(share(p))), {"label_smoothing": 0.1}),
    Row(losses.categorical_crossentropy, losses.CategoricalCrossentropy, "one logits", lambda t, x: cce(t, soft(x)),
        {"from_logits": True}),
    Row(losses.sparse_categorical_crossentropy, losses.SparseCategoricalCrossentropy, "label",
        lambda t, p: at_labels(t, clipped(share(p)))),
    Row(losses.sparse_categorical_crossentropy, losses.SparseCategoricalCrossentropy, "label logits",
        lambda t, x: at_labels(t, soft(x)), {"from_logits": True}),
    Row(losses.mean_absolute_percentage_error, losses.MeanAbsolutePercentageError, "reals",
        lambda t, p: 100 * np.mean(np.abs((t - p) / t), -1)),
    Row(losses.mean_squared_logarithmic_error, losses.MeanSquaredLogarithmicError, "reals",
        lambda t, p: np.mean(np.log((1 + np.maximum(t, 1e-7)) / (1 + np.maximum(p, 1e-7))) ** 2, -1)),
    Row(losses.huber, losses.Huber, "reals", huber),
    Row(losses.huber, losses.Huber, "reals", lambda t, p: huber(t, p, 0.4), {"delta": 0.4}),
    Row(losses.log_cosh, losses.LogCosh, "reals", lambda t, p: np.log(np.cosh(t - p)).mean(-1)),
    Row(losses.cosine_similarity, losses.CosineSimilarity, "reals", lambda t, p: -(unit(t) * unit(p)).sum(-1)),
    Row(losses.hinge, losses.Hinge, "signs", lambda t, p: np.maximum(1 - t * p, 0).mean(-1)),
    Row(losses.hinge, losses.Hinge, "bits", lambda t, p: np.maximum(1 - (2 * t - 1) * p, 0).mean(-1)),
    Row(losses.squared_hinge, losses.SquaredHinge, "signs", lambda t, p: (np.maximum(1 - t * p, 0) ** 2).mean(-1)),
    Row(losses.categorical_hinge, losses.CategoricalHinge, "one-hot",
        lambda t, p: np.maximum(np.where(t == 1, 0, p).max(-1) - np.where(t == 1, p, 0).sum(-1) + 1, 0)),
    Row(losses.kl_divergence, losses.KLDivergence, "one",
        lambda t, p: np.sum(np.clip(t, 1e-7, 1) * np.log(np.clip(t, 1e-7, 1) / np.clip(p, 1e-7, 1)), -1)),
    Row(losses.poisson, losses.Poisson, "counts", lambda t, p: np.mean(p - t * np.log(p + 1e-7), -1)),
    Row(losses.binary_focal_crossentropy, losses.BinaryFocalCrossentropy, "many", lambda t, p: focal(t, p).mean(-1)),
    Row(losses.binary_focal_crossentropy, losses.BinaryFocalCrossentropy, "many",
        lambda t, p: (focal(t, p, 1.5) * np.where(t == 1, 0.3, 0.7)).mean(-1),
        {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5}),
    Row(losses.binary_focal_crossentropy, losses.BinaryFocalCrossentropy, "many logits",
        lambda t, x: bce(t, logistic(x)), {"gamma": 0, "from_logits": True}),
    Row(losses.categorical_focal_crossentropy, losses.CategoricalFocalCrossentropy, "one",
        lambda t, p: np.sum(-0.25 * (1 - share(p)) ** 2 * t * np.log(share(p)), -1)),
    Row(losses.categorical_focal_crossentropy, losses.CategoricalFocalCrossentropy, "one logits",
        lambda t, x: np.sum(-np.array([0.1, 0.2, 0.3, 0.4]) * (1 - soft(x)) * t * np.log(soft(x)), -1),
        {"alpha": [0.1, 0.2, 0.3, 0.4], "gamma": 1.0, "from_logits": True}),
    Row(losses.categorical_generalized_cross_entropy, losses.CategoricalGeneralizedCrossEntropy, "label",
        lambda t, p: (1 - np.exp(-0.3 * at_labels(t, p))) / 0.3, {"q": 0.3}),
]
ELSEWHERE = {       # no value for each position of any predictions: tested by themselves
    losses.dice: losses.Dice, losses.tversky: losses.Tversky, losses.circle: losses.Circle, losses.ctc: losses.CTC,
    losses.crossentropy: losses.LossFunctionWrapper,
}
each_row = pytest.mark.parametrize("row", [pytest.param(r, id=f"{r.cls.__name__}-{i}") for i, r in enumerate(ROWS)])
crossentropies = pytest.mark.parametrize("row", [pytest.param(r, id=f"{r.cls.__name__}-{i}")
                                                 for i, r in enumerate(ROWS) if r.kind.endswith("logits")
                                                 and "focal" not in r.function.__name__])
SHAPE = (5, 3, 4)       # samples, positions, outputs


def data(kind):
    """Targets and predictions, in float64."""
    rng = np.random.default_rng(3)
    logits = rng.standard_normal(SHAPE)
    targets = {"reals": rng.standard_normal(SHAPE), "many": (rng.random(SHAPE) < 0.5).astype(float),
               "one": rng.dirichlet(np.ones(4), SHAPE[:-1]), "label": rng.integers(0, 4, SHAPE[:-1]),
               "signs": rng.choice([-1.0, 1.0], SHAPE), "bits": rng.choice([0.0, 1.0], SHAPE),
               "counts": rng.integers(0, 5, SHAPE).astype(float),
               "one-hot": np.eye(4)[rng.integers(0, 4, SHAPE[:-1])]}[kind.split()[0]]
    if kind in ("reals", "signs", "bits", "one-hot") or kind.endswith("logits"):
        return targets, logits
    if kind == "counts":
        return targets, np.exp(logits)
    return targets, logistic(logits) if kind == "many" else soft(logits) * 0.9      # not normalised


def tensor(a):
    return Tensor(a, dtype=a.dtype)


def ours(kind):
    """The package's classes of a kind, not those that examples and tests define."""
    return {c for c in kind.registry.values() if c.__module__.startswith("tahr.")
            and getattr(sys.modules[c.__module__], c.__name__, None) is c}


def test_every_loss_has_a_row():
    assert set(FUNCTIONS.values()) == {r.function for r in ROWS} | set(ELSEWHERE)
    assert ours(Loss) == {r.cls for r in ROWS} | set(ELSEWHERE.values())
    public = set(losses.__all__) - {"Loss", "Reduction", "deserialize", "get", "loss_function", "reduce", "serialize"}
    assert public == set(FUNCTIONS) | {c.__name__ for c in ours(Loss)}
    assert all(getattr(losses, name) is function for name, function in FUNCTIONS.items())


# Values

@each_row
def test_value(row):
    t, p = data(row.kind)
    values = row.function(tensor(t), tensor(p), **row.args)
    expected = row.reference(t, p)
    assert values.dtype == np.float64 and values.shape == expected.shape == SHAPE[:-1]
    np.testing.assert_allclose(values.numpy(), expected, rtol=1e-10)
    np.testing.assert_allclose(row.function(t, tensor(p), **row.args).numpy(), expected, rtol=1e-10)


@each_row
def test_object(row):
    t, p = data(row.kind)
    expected = row.reference(t, p)
    for reduction, reduced in (("sum_over_batch_size", expected.mean()), ("sum", expected.sum()), ("none", expected),
                               (None, expected)):
        value = row.cls(**row.args, reduction=reduction)(t, tensor(p))
        assert value.shape == reduced.shape
        np.testing.assert_allclose(value.numpy(), reduced, rtol=1e-10)


@each_row
def test_sample_weights(row):
    """One for each sample, or for each position: the weighted sum over the number of values, as in Keras 2.3 and 3."""
    t, p = data(row.kind)
    values, rng = row.reference(t, p), np.random.default_rng(0)
    for shape in ((5,), (5, 1), (5, 3), (5, 3, 1)):
        w = rng.random(shape)
        weighted = values * (w[..., 0] if len(shape) == 3 else w if w.ndim == 2 else w[:, None])
        for given in (w, tensor(w), w.tolist()):
            np.testing.assert_allclose(float(row.cls(**row.args)(t, tensor(p), given)), weighted.mean(), rtol=1e-10)
        none = row.cls(**row.args, reduction="none")(t, tensor(p), sample_weight=w)
        np.testing.assert_allclose(none.numpy(), weighted, rtol=1e-10)
        total = row.cls(**row.args, reduction="sum")(t, tensor(p), w)
        np.testing.assert_allclose(float(total), weighted.sum(), rtol=1e-10)
    assert float(row.cls(**row.args)(t, tensor(p), np.ones(5, bool))) == float(row.cls(**row.args)(t, tensor(p)))
    for shape in ((3,), (1, 3), (4, 3), (5, 4), (5, 3, 4)):
        with pytest.raises(ValueError, match=r"sample weights of shape .* do not fit losses of shape \(5, 3\)"):
            row.cls(**row.args)(t, tensor(p), np.ones(shape))


@each_row
def test_float32_stays(row):
    t, p = data(row.kind)
    for y_true in (t, tensor(t), t.astype(np.float32) if t.dtype.kind == "f" else t.astype(np.uint8)):
        values = row.function(y_true, Tensor(p), **row.args)
        assert values.dtype == np.float32
        np.testing.assert_allclose(values.numpy(), row.reference(t, p), rtol=1e-4, atol=1e-6)
        loss = row.cls(**row.args)(y_true, Tensor(p), np.arange(5))     # integers beside float32 are float64 in NumPy
        assert loss.dtype == np.float32 and loss.shape == ()


@each_row
def test_input_untouched(row):
    t, p = data(row.kind)
    before = t.copy(), p.copy()
    row.cls(**row.args)(from_numpy(t), from_numpy(p), np.ones(5))
    np.testing.assert_array_equal(t, before[0])
    np.testing.assert_array_equal(p, before[1])


@each_row
def test_empty_batch(row):
    t, p = data(row.kind)
    assert row.function(tensor(t[:0]), tensor(p[:0]), **row.args).shape == (0, 3)


# Gradients

@each_row
def test_gradient_to_second_order(row):
    t, p = data(row.kind)
    check_grads(lambda p: row.function(tensor(t), p, **row.args), p)
    if row.kind.split()[0] in ("many", "one") and "focal" not in row.function.__name__:
        check_grads(lambda t, p: row.function(t, p, **row.args), t, p)
    w = np.random.default_rng(0).random(5)
    check_grads(lambda p, w: row.cls(**row.args)(tensor(t), p, w), p, w)


@crossentropies
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_huge_logits(row, dtype):
    """Value and gradient are right for logits that no exponential survives."""
    x = np.array([[[1000.0, -1000.0, 0.0, 500.0]]])
    t = {"many": np.array([[[0.0, 1.0, 0.0, 1.0]]]), "one": np.array([[[0.0, 1.0, 0.0, 0.0]]]),
         "label": np.array([[1]])}[row.kind.split()[0]]
    logits = Tensor(x, dtype=dtype, requires_grad=True)
    value = row.function(t, logits, **row.args)
    grad, = gradients(value.sum(), [logits])
    if row.kind.startswith("many"):
        s = row.args.get("label_smoothing", 0.0)
        u = t * (1 - s) + s / 2
        expected = np.mean(np.maximum(x, 0) - x * u + np.log1p(np.exp(-np.abs(x))), -1)
        slope = ((x > 0) + 0.5 * (x == 0) - u) / 4
    else:
        expected, slope = [[2000.0]], np.array([[[1.0, -1.0, 0.0, 0.0]]])
    np.testing.assert_allclose(value.numpy(), expected, rtol=1e-6)
    np.testing.assert_allclose(grad.numpy(), slope, atol=1e-6)


@crossentropies
def test_probabilities_of_our_activations_are_computed_from_their_logits(row):
    """Where softmax or sigmoid rounds to 0 and 1, too; smoothing as with logits."""
    t, x = data(row.kind)
    x = x * 100
    activation = sigmoid if row.kind.startswith("many") else softmax
    options = {k: v for k, v in row.args.items() if k != "from_logits"}
    logits, same = (Tensor(x, requires_grad=True) for _ in range(2))
    found, expected = row.function(t, activation(logits), **options), row.function(t, same, **row.args)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-6)
    for f, e in zip(gradients(found.sum(), [logits]), gradients(expected.sum(), [same])):
        np.testing.assert_allclose(f.numpy(), e.numpy(), rtol=1e-5, atol=1e-6)


def test_probabilities_of_the_other_activation_are_taken_as_they_are():
    """The loss of a network that ends in sigmoid where softmax is meant, or the reverse, is that of its outputs."""
    _, x = data("many logits")
    t = np.eye(4)[np.argmax(x, -1)]
    found = losses.categorical_crossentropy(t, sigmoid(tensor(x)))
    np.testing.assert_allclose(found.numpy(), cce(t, share(logistic(x))), rtol=1e-6)
    labels = losses.sparse_categorical_crossentropy(np.argmax(x, -1), sigmoid(tensor(x)))
    np.testing.assert_allclose(labels.numpy(), found.numpy(), rtol=1e-6)
    found = losses.binary_crossentropy(t, softmax(tensor(x)))
    np.testing.assert_allclose(found.numpy(), bce(t, soft(x)), rtol=1e-5)


def test_softmax_along_another_axis_leaves_no_logits():
    _, x = data("one logits")
    p = soft(np.moveaxis(x, 1, -1))
    t = np.eye(4)[np.argmax(x, -1)]
    assert softmax(tensor(x), axis=1).logits is None and softmax(tensor(x), axis=2).logits is not None
    found = losses.categorical_crossentropy(t, softmax(tensor(x), axis=1))
    np.testing.assert_allclose(found.numpy(), cce(t, clipped(share(np.moveaxis(p, -1, 1)))), rtol=1e-10)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_certain_probabilities_stay_finite(dtype):
    for name, t in (("binary_crossentropy", [[1.0, 0.0]]), ("categorical_crossentropy", [[1.0, 0.0]]),
                    ("sparse_categorical_crossentropy", [0])):
        for p in ([[0.0, 1.0]], [[1.0, 0.0]]):
            p = Tensor(p, dtype=dtype, requires_grad=True)
            value = FUNCTIONS[name](t, p)
            assert np.isfinite(value.numpy()).all() and value.dtype == dtype
            assert np.isfinite(gradients(value.sum(), [p])[0].numpy()).all()
    with settings.using(epsilon=1e-12):
        assert np.isfinite(losses.binary_crossentropy([[1.0, 0.0]], Tensor([[0.0, 1.0]])).numpy()).all()


def test_epsilon_is_the_setting():
    with settings.using(epsilon=1e-2):
        np.testing.assert_allclose(losses.binary_crossentropy([[1.0]], [[0.0]]).numpy(), -np.log([1e-2]), rtol=1e-6)


# Shapes and labels

@pytest.mark.parametrize("name", ["mse", "mae", "binary_crossentropy"])
def test_a_last_axis_of_one_is_added_or_dropped(name):
    t, p = np.array([1.0, 0.0, 1.0]), np.array([0.9, 0.2, 0.4])
    expected = FUNCTIONS[name](t[:, None], p[:, None]).numpy()
    assert expected.shape == (3,)
    np.testing.assert_array_equal(FUNCTIONS[name](t, p[:, None]).numpy(), expected)
    assert FUNCTIONS[name](t[:, None], p).shape == FUNCTIONS[name](t, p).shape == ()
    np.testing.assert_allclose(FUNCTIONS[name](t[:, None], p).numpy(), expected.mean(), rtol=1e-6)
    t, p = np.ones((2, 3)), np.full((2, 3), 0.4)
    np.testing.assert_array_equal(FUNCTIONS[name](t, p[..., None]).numpy(), FUNCTIONS[name](t[..., None], p[..., None]))
    np.testing.assert_array_equal(FUNCTIONS[name](t[..., None], p).numpy(), FUNCTIONS[name](t, p))


SHAPE_ERRORS = [
    ("mse", (3,), (3, 2), "class indices need sparse"), ("mse", (3, 1), (3, 2), "class indices need sparse"),
    ("mse", (3, 2), (3, 1), "does not broadcast$"), ("mse", (3, 2), (3,), "does not broadcast$"),
    ("mae", (3, 2, 2), (3, 2, 1), "does not broadcast$"), ("mae", (3, 2), (3, 2, 2), "does not broadcast$"),
    ("mae", (1, 2), (3, 2), "does not broadcast$"), ("mae", (3, 2, 2), (3, 2), "does not broadcast$"),
    ("bce", (3,), (3, 2), "does not broadcast; class indices"), ("bce", (4, 1), (3, 1), "does not broadcast$"),
    ("cce", (3,), (3, 4), r"or one-hot targets with 4 columns \(tahr.ops.one_hot\)"),
    ("cce", (3, 1), (3, 4), "class indices need sparse_categorical_crossentropy"),
    ("cce", (3, 4), (3, 5), r"targets of shape \(3, 4\) do not fit predictions of shape \(3, 5\)"),
    ("cce", (3, 1), (3, 1), r"at least 2 classes, the predictions have shape \(3, 1\).*use binary_crossentropy"),
    ("sparse_categorical_crossentropy", (3, 4), (3, 4), "one-hot targets need categorical_crossentropy"),
    ("sparse_categorical_crossentropy", (4,), (3, 4), r"labels of shape \(4,\) do not fit .*needs shape \(3,\)$"),
    ("sparse_categorical_crossentropy", (3,), (3, 5, 4), r"needs shape \(3, 5\)$"),
    ("sparse_categorical_crossentropy", (3,), (3, 1), "at least 2 classes"),
    ("sparse_categorical_crossentropy", (), (), "at least 2 classes"),
]


@pytest.mark.parametrize("name, targets, predictions, text", SHAPE_ERRORS)
def test_shapes_never_broadcast(name, targets, predictions, text):
    with pytest.raises(ValueError, match=text):
        FUNCTIONS[name](np.zeros(targets), np.ones(predictions))


@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("labels, text", [([0, 4, 1], r"from 0 to 3, .*got 4 at position \(1,\)"),
                                          ([0, 1, -1], r"got -1 at position \(2,\)")])
def test_labels_outside_the_classes(labels, text, from_logits):
    with pytest.raises(ValueError, match=text):
        losses.sparse_categorical_crossentropy(labels, np.ones((3, 4)) / 4, from_logits=from_logits)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "float32", "bool"])
def test_labels_of_any_dtype_with_or_without_a_last_axis(dtype):
    labels, p = np.array([0, 1, 1]), soft(np.random.default_rng(0).standard_normal((3, 4)))
    expected = -np.log(p[np.arange(3), labels])
    for given in (labels.astype(dtype), labels.astype(dtype)[:, None]):
        for from_logits, y_pred in ((False, p), (True, np.log(p))):
            found = losses.sparse_categorical_crossentropy(given, tensor(y_pred), from_logits)
            np.testing.assert_allclose(found.numpy(), expected, rtol=1e-10)
    labels, p = labels.reshape(1, 3, 1).astype(dtype), p.reshape(1, 3, 4)
    found = losses.sparse_categorical_crossentropy(labels, tensor(p))
    np.testing.assert_allclose(found.numpy(), [expected], rtol=1e-10)


@pytest.mark.parametrize("dtype", ["uint8", "bool", "int64"])
def test_integers_do_not_wrap_around(dtype):
    t, p = np.array([[1, 0]], dtype), np.array([[0, 1]], dtype)
    np.testing.assert_array_equal(losses.mean_squared_error(t, p).numpy(), [1.0])
    np.testing.assert_array_equal(losses.mean_absolute_error(t, p).numpy(), [1.0])
    assert np.isfinite(losses.binary_crossentropy(t, p).numpy()).all()


def test_targets_outside_0_to_1():
    """People do train a sigmoid on them: no NaN."""
    t = np.random.default_rng(0).standard_normal((20, 3)) * 5
    for p in (logistic(t), tensor(t)):
        assert np.isfinite(losses.binary_crossentropy(t, p, from_logits=isinstance(p, Tensor)).numpy()).all()


# Objects and names

@each_row
def test_config_round_trip(row):
    loss = row.cls(**row.args, reduction="sum", name="mine")
    config = loss.get_config()
    assert config.items() >= {**row.args, "reduction": "sum", "name": "mine"}.items()
    read = json.loads(json.dumps({"class_name": row.cls.__name__, "config": config}))
    for clone in (row.cls.from_config(config), losses.get(read), copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert type(clone) is row.cls and clone.get_config() == config
        t, p = data(row.kind)
        assert float(clone(t, tensor(p))) == float(loss(t, tensor(p)))


@each_row
def test_names(row):
    assert losses.get(row.function.__name__) is row.function is losses.get(row.function)
    assert type(losses.get(row.cls.__name__)) is row.cls
    assert row.cls().name == row.function.__name__
    loss = row.cls()
    assert losses.get(loss) is loss
    with pytest.raises(TypeError, match=r"unknown argument 'reductoin'. Did you mean 'reduction'\?"):
        row.cls(reductoin="sum")


def test_aliases_and_unknown_names():
    assert losses.get("mse") is losses.get("MSE") is losses.mean_squared_error
    assert losses.get("mae") is losses.get("MAE") is losses.mean_absolute_error
    assert losses.get("bce") is losses.binary_crossentropy and losses.get("cce") is losses.categorical_crossentropy
    with pytest.raises(ValueError, match="unknown loss 'mean_square_error'. Did you mean 'mean_squared_error'. .*mse"):
        losses.get("mean_square_error")
    with pytest.raises(TypeError, match=r"is a class: did you forget the parentheses, MeanSquaredError\(\)\?"):
        losses.get(losses.MeanSquaredError)
    assert losses.get(None) is None
    with pytest.raises(TypeError, match="expected the name of a loss or a loss object"):
        losses.get(3)


def test_option_errors():
    for reduction in ("avg", True):
        with pytest.raises(ValueError, match="reduction must be one of 'sum_over_batch_size', 'sum', 'none', .*, got "):
            losses.MeanSquaredError(reduction=reduction)
    for make in (losses.BinaryCrossentropy, losses.CategoricalCrossentropy):
        assert float(make(label_smoothing=1.0)([[0.0, 1.0]], [[0.5, 0.5]])) == pytest.approx(np.log(2), rel=1e-6)
        for amount in (-0.1, 1.5):
            with pytest.raises(ValueError, match=r"label_smoothing must lie in \[0, 1\]"):
                make(label_smoothing=amount)
            with pytest.raises(ValueError, match=r"label_smoothing must lie in \[0, 1\]"):
                FUNCTIONS[make().name]([[0.0, 1.0]], [[0.5, 0.5]], label_smoothing=amount)


def test_losses_of_users():
    class Signed(Loss):
        def __init__(self, power=1):
            super().__init__()
            self.power = power

        def call(self, y_true, y_pred):
            return ((y_pred - y_true) ** self.power).mean(-1)

    loss = Signed(power=3)
    assert float(loss([[1.0], [2.0]], [[2.0], [1.0]], sample_weight=[1.0, 0.0])) == 0.5
    assert loss.name == "signed" and losses.get({"class_name": "Signed", "config": loss.get_config()}).power == 3
    function = lambda y_true, y_pred: y_pred - y_true
    assert losses.get(function) is function
    with pytest.raises(TypeError, match=r"Loss must define call\(y_true, y_pred\)"):
        Loss()([1.0], [1.0])


def test_reduce():
    values = Tensor([[1.0, 3.0]], dtype="float64")
    assert float(reduce(values)) == 2.0 and float(reduce(Tensor(5.0))) == 5.0
    assert float(reduce(values, [2.0])) == 4.0 and reduce([1.0, 2.0], reduction="none").shape == (2,)
    with pytest.raises(ValueError, match=r"do not fit losses of shape \(\): give one for each sample"):
        reduce(Tensor(1.0), [1.0, 2.0])
    assert fitting_weights(Tensor([2.0]), values).shape == (1, 1)
    assert same_rank(Tensor([[1.0]]), Tensor([1.0])).shape == (1,)


# Keras 3

FOLDER = pathlib.Path(__file__).parent / "golden"
GOLDEN = {**np.load(FOLDER / "keras3.npz"), **{key.replace("/", "/more_", 1): value for key, value
                                               in np.load(FOLDER / "losses_metrics.npz").items()}}
CASES = sorted({key.split("/")[1] for key in GOLDEN if key.startswith("losses/")})


# Certain predictions are clipped to 1 - 1e-7, which is another number in float32, so that case is one of float64 alone.
@pytest.mark.parametrize("name, dtype", [(name, dtype) for name in CASES for dtype in ("float64", "float32")
                                         if (name, dtype) != ("bce_certain", "float32")])
def test_keras3(name, dtype):
    case = {key.split("/")[2]: value for key, value in GOLDEN.items() if key.startswith(f"losses/{name}/")}
    cls, args = json.loads(str(case["spec"]))
    args = {k: tuple(v) if k == "axis" else v for k, v in args.items()}
    loss, y_pred = getattr(losses, cls)(**args), Tensor(case["y_pred"], dtype=dtype)
    np.testing.assert_allclose(loss(case["y_true"], y_pred).numpy(), case["value"], rtol=1e-5, atol=1e-7)
    if "weighted" in case:
        weighted = loss(case["y_true"], y_pred, case["weights"])
        np.testing.assert_allclose(weighted.numpy(), case["weighted"], rtol=1e-5, atol=1e-7)


def test_keras3_covers_every_loss():
    assert {json.loads(str(GOLDEN[f"losses/{name}/spec"]))[0] for name in CASES} == (
        {c.__name__ for c in ours(Loss)} - {"LossFunctionWrapper"})


def test_a_prediction_written_in_place_forgets_its_logits():
    p = softmax(Tensor([[5.0, 0.0]]))
    p *= 0
    p += 0.5
    np.testing.assert_allclose(losses.categorical_crossentropy([[0.0, 1.0]], p).numpy(), [np.log(2)], rtol=1e-6)


# Masks, and classes that do not count

REDUCTIONS = {      # of values, weights and mask (1 where it counts), in NumPy
    "sum": lambda v, w, m: (v * w * m).sum(),
    "sum_over_batch_size": lambda v, w, m: (v * w * m).sum() / max(m.sum(), 1),
    "mean_with_sample_weight": lambda v, w, m: (v * w * m).sum() / ((w * m).sum() or 1),
    "none": lambda v, w, m: v * w * m,
}
REDUCTIONS |= {"mean": REDUCTIONS["sum_over_batch_size"], "auto": REDUCTIONS["sum_over_batch_size"]}


def test_every_reduction_has_a_reference():
    assert set(REDUCTIONS) == set(Reduction.all())


@hypothesis.given(st.sampled_from(sorted(REDUCTIONS)), st.data())
def test_masked_values_do_not_count(reduction, data):
    shape = data.draw(arrays.array_shapes(min_dims=1, max_dims=3, max_side=4))
    some = lambda: data.draw(st.integers(1, len(shape)))
    weights = np.random.default_rng(0).random(shape[:some()])
    mask = data.draw(arrays.arrays(bool, shape[:some()]))
    values = np.random.default_rng(1).standard_normal(shape)
    wide = lambda a: a.reshape(a.shape + (1,) * (len(shape) - a.ndim)) * np.ones(shape)
    expected = REDUCTIONS[reduction](values, wide(weights), wide(mask.astype(float)))
    spoiled = np.where(wide(mask) == 1, values, np.nan)     # padding may hold anything
    found = reduce(tensor(spoiled), weights, mask, reduction)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-12)
    unweighted = reduce(tensor(spoiled), None, mask.astype("float32"), reduction)
    np.testing.assert_allclose(unweighted.numpy(), REDUCTIONS[reduction](values, 1.0 + 0 * values, wide(mask * 1.0)),
                               rtol=1e-12, atol=1e-12)


def test_masks_of_loss_objects():
    t, p = np.zeros((2, 3, 1)), np.arange(6.0).reshape(2, 3, 1)
    mask = np.array([[True, True, False], [True, False, False]])
    loss = losses.MeanSquaredError()
    assert float(loss(t, p, mask=mask)) == pytest.approx((0 + 1 + 9) / 3)
    assert float(loss(t, p, [1.0, 2.0], mask[..., None])) == pytest.approx((0 + 1 + 2 * 9) / 3)
    check_grads(lambda p: loss(t, p, mask=mask), p)
    assert float(reduce(Tensor(5.0), mask=mask)) == 5.0      # one number for the whole batch
    with pytest.raises(ValueError, match=r"a mask of shape \(3, 2\) do not fit losses of shape \(2, 3\)"):
        loss(t, p, mask=mask.T)


@pytest.mark.parametrize("from_logits", [False, True])
def test_ignored_classes_do_not_count(from_logits):
    rng = np.random.default_rng(0)
    labels, x = np.array([[0, 255, 2], [255, 1, 1]]), rng.standard_normal((2, 3, 4))
    given = x if from_logits else soft(x)
    rows = [(i, j) for i, j in np.ndindex(2, 3) if labels[i, j] != 255]
    expected = np.array([-np.log(soft(x)[i, j, labels[i, j]]) for i, j in rows])
    values = losses.sparse_categorical_crossentropy(labels, tensor(given), from_logits, ignore_class=255).numpy()
    np.testing.assert_allclose([values[at] for at in rows], expected, rtol=1e-10)
    assert not values[labels == 255].any()
    loss = losses.SparseCategoricalCrossentropy(from_logits, ignore_class=255)
    assert float(loss(labels[..., None], tensor(given))) == pytest.approx(expected.mean(), rel=1e-10)
    mask = np.array([[True, True, True], [True, True, False]])
    assert float(loss(labels, tensor(given), mask=mask)) == pytest.approx(expected[:3].mean(), rel=1e-10)
    assert float(loss(np.full((2, 3), 255), tensor(given))) == 0.0


@pytest.mark.parametrize("name, args", [("categorical_crossentropy", {"from_logits": True}),
                                        ("categorical_crossentropy", {}), ("categorical_focal_crossentropy", {})])
def test_classes_along_another_axis(name, args):
    rng = np.random.default_rng(0)
    t, p = rng.dirichlet(np.ones(3), (2, 4)), soft(rng.standard_normal((2, 4, 3)))
    expected = FUNCTIONS[name](t, tensor(p), **args).numpy()
    found = FUNCTIONS[name](np.moveaxis(t, -1, 1), tensor(np.moveaxis(p, -1, 1)), **args, axis=1)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-10)


def test_labels_along_another_axis():
    rng = np.random.default_rng(0)
    labels, p = rng.integers(0, 3, (2, 4)), soft(rng.standard_normal((2, 4, 3)))
    expected = losses.sparse_categorical_crossentropy(labels, tensor(p)).numpy()
    for given in (labels, labels[:, None]):
        found = losses.sparse_categorical_crossentropy(given, tensor(np.moveaxis(p, -1, 1)), axis=1)
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-10)


# Losses of whole batches, pairs and sequences

@pytest.mark.parametrize("axis", [None, 1, (0, 2)])
def test_dice_and_tversky(axis):
    rng = np.random.default_rng(0)
    t, p = (rng.random((3, 4, 2)) < 0.5).astype(float), rng.random((3, 4, 2))
    both, missed, false = ((a * b).sum(axis) for a, b in ((t, p), (t, 1 - p), (1 - t, p)))
    dice, tversky = 1 - 2 * both / (t + p).sum(axis), 1 - both / (both + 0.3 * missed + 0.9 * false)
    np.testing.assert_allclose(losses.dice(t, tensor(p), axis).numpy(), dice, rtol=1e-6)
    np.testing.assert_allclose(losses.tversky(t, tensor(p), 0.3, 0.9, axis).numpy(), tversky, rtol=1e-6)
    assert float(losses.Dice(axis=axis)(t, tensor(p))) == pytest.approx(dice.mean(), rel=1e-6)
    assert float(losses.Tversky(0.3, 0.9, axis=axis)(t, tensor(p))) == pytest.approx(tversky.mean(), rel=1e-6)
    check_grads(lambda p: losses.dice(t, p, axis), p)
    check_grads(lambda p: losses.tversky(t, p, 0.3, 0.9, axis), p)
    assert float(losses.dice(np.zeros((2, 2)), np.zeros((2, 2)))) == 1.0


def circle_loss(labels, x, gamma, margin, diagonal):
    d, out = np.maximum(1 - x @ x.T, 0), []
    for i, label in enumerate(labels):
        near = [np.exp(-gamma * (margin + d[i, j]) * (margin - d[i, j])) for j, other in enumerate(labels)
                if other == label and (j != i or diagonal)]
        far = [np.exp(gamma * max(1 + margin - d[i, j], 0) * (1 - margin - d[i, j])) for j, other in enumerate(labels)
               if other != label]
        out.append(np.log(1 + sum(near) * sum(far)))
    return np.array(out)


@pytest.mark.parametrize("diagonal", [False, True])
def test_circle(diagonal):
    labels, x = np.array([0, 1, 1, 2, 0]), unit(np.random.default_rng(0).standard_normal((5, 3)))
    expected = circle_loss(labels, x, 2.0, 0.3, diagonal)
    for given in (labels, labels[:, None]):
        found = losses.circle(given, tensor(x), remove_diagonal=not diagonal, gamma=2.0, margin=0.3)
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-10, atol=1e-15)
    assert (found.numpy()[3] == 0) == (not diagonal)         # the only sample of its class
    mean = losses.Circle(2.0, 0.3, not diagonal)(labels, tensor(x))
    assert float(mean) == pytest.approx(expected[expected > 0].mean(), rel=1e-10)
    check_grads(lambda x: losses.circle(labels, x, gamma=2.0, margin=0.3), x)
    others = losses.circle(labels[:2], tensor(x[:2]), labels, tensor(x), False, 2.0, 0.3)
    np.testing.assert_allclose(others.numpy(), circle_loss(labels, x, 2.0, 0.3, True)[:2], rtol=1e-10)
    with pytest.raises(ValueError, match=r"circle needs embeddings .* got y_true of shape \(4,\) for embeddings of"):
        losses.circle(labels[:4], x)


def spelled(path):
    """What a path of classes reads: repetitions and then blanks left out."""
    return [c for i, c in enumerate(path) if c and (i == 0 or path[i - 1] != c)]


@pytest.mark.parametrize("labels, time", [([1, 2], 4), ([1, 1], 4), ([2], 3), ([1, 2, 1], 3), ([], 3)])
def test_ctc(labels, time):
    """Against the sum over all paths."""
    x = np.random.default_rng(len(labels)).standard_normal((time, 3))
    p = soft(x)
    total = sum(np.prod([p[t, c] for t, c in enumerate(path)])
                for path in itertools.product(range(3), repeat=time) if spelled(path) == labels)
    padded = np.array([labels + [0] * (3 - len(labels)), [2, 0, 0]])
    both = tensor(np.stack([x, x]))
    assert losses.ctc(padded, both).numpy()[0] == pytest.approx(-np.log(total), rel=1e-10)
    assert float(losses.CTC("sum")(padded[:1], both[:1])) == pytest.approx(-np.log(total), rel=1e-10)
    check_grads(lambda x: losses.ctc(padded, x), np.stack([x, x]))
    grad, = gradients(losses.ctc(padded, z := Tensor(np.stack([x, x]), requires_grad=True)).sum(), [z])
    assert losses.ctc(padded, z).dtype == np.float32 and np.isfinite(grad.numpy()).all()
    with pytest.raises(ValueError, match="ctc needs labels of shape"):
        losses.ctc([1, 2], both)


def test_crossentropy_is_the_one_that_the_shapes_ask_for():
    rng = np.random.default_rng(0)
    labels, p, one = rng.integers(0, 3, 5), soft(rng.standard_normal((5, 3))), rng.random((5, 1))
    bits = rng.integers(0, 2, 5)
    for name in ("crossentropy", "ce"):
        loss = losses.get(name)
        for t in (labels, labels[:, None], np.eye(3)[labels]):
            np.testing.assert_allclose(loss(t, tensor(p)).numpy(), at_labels([labels], [p])[0], rtol=1e-6)
        for t in (bits, bits[:, None]):
            np.testing.assert_allclose(loss(t, tensor(one)).numpy(), bce(bits[:, None], one), rtol=1e-6)


# Symbols, wrappers and configs

@each_row
def test_shapes_are_inferred(row):
    """Models that add a loss of symbols compute with shapes alone."""
    t, p = data(row.kind)
    for batch in (5, None):
        symbols = Symbol((batch, *t.shape[1:]), t.dtype if t.dtype.kind == "i" else None), Symbol((batch, *p.shape[1:]))
        values = row.function(*symbols, **row.args)
        assert values.shape == (batch, 3) and values.dtype == np.float32
        assert row.cls(**row.args)(*symbols).shape == ()


def test_function_wrapper():
    wrapped = losses.LossFunctionWrapper(losses.mean_squared_error, "sum")
    assert wrapped.name == "mean_squared_error" and float(wrapped([[1.0], [2.0]], [[0.0], [0.0]])) == 5.0
    assert losses.LossFunctionWrapper("mse", name="x").get_config()["name"] == "x"
    clone = losses.get(json.loads(json.dumps(losses.serialize(wrapped))))
    assert clone.fn is losses.mse and clone.reduction == "sum"


def test_serialize_and_deserialize():
    assert losses.serialize(losses.mse) == "mean_squared_error"
    assert losses.deserialize("mae") is losses.mean_absolute_error
    huber = losses.deserialize(losses.serialize(losses.Huber(2.0, name="h")))
    assert type(huber) is losses.Huber and (huber.delta, huber.name) == (2.0, "h")
    mine = lambda y_true, y_pred: y_pred

    class Shifted(losses.Huber):
        pass

    assert losses.deserialize("mine", {"mine": mine}) is mine
    config = {"class_name": "Other", "config": {"delta": 3.0}}
    assert losses.deserialize(config, {"Other": Shifted}).delta == 3.0
    assert type(losses.deserialize("Other", {"Other": Shifted})) is Shifted
    with pytest.raises(ValueError, match="unknown loss 'Other'"):
        losses.deserialize(config)


def test_dtype_of_objects():
    loss = losses.MeanSquaredError(dtype="float64")
    assert loss([[1.0]], Tensor([[0.0]])).dtype == np.float64 and loss.get_config()["dtype"] == "float64"


def test_cosine_of_nothing_is_0():
    x = Tensor([[0.0, 0.0]], requires_grad=True)
    value = losses.cosine_similarity([[1.0, 2.0]], x)
    assert float(value) == 0.0 and np.isfinite(gradients(value.sum(), [x])[0].numpy()).all()


@pytest.mark.parametrize("make, text", [
    (lambda: losses.Huber(0), "delta must be positive, got 0"),
    (lambda: losses.huber([1.0], [1.0], delta=-1.0), "delta must be positive, got -1.0"),
    (lambda: losses.CategoricalGeneralizedCrossEntropy(1.0), "q must lie between 0 and 1, got 1.0"),
    (lambda: losses.Circle(gamma=0), "gamma must be positive"), (lambda: losses.Circle(margin=2), "margin must lie in"),
    (lambda: losses.BinaryFocalCrossentropy(label_smoothing=2), r"label_smoothing must lie in \[0, 1\]"),
])
def test_options_outside_their_range(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_labels_within():
    """The op that checks labels: its samples, wherever the table of ops is tested without it."""
    for s in OPS["labels_within"].samples:
        args, kwargs = s.draw()
        np.testing.assert_array_equal(labels_within(*args, **kwargs).numpy(), args[0])
    assert labels_within(Symbol((None, 2), "int64"), 3).shape == (None, 2)
