"""What programs of Keras 2 rely on around training: weights by name, metrics of several outputs, data that change."""

import numpy as np
import pytest

import tahr
from tahr import activations, callbacks, constraints, initializers, losses, metrics, regularizers
from tahr import backend as K  # noqa: N812
from tahr.layers import Activation, Conv2D, Dense, Input
from tahr.models.data import SparseRows, as_array
from tahr.utils import Sequence, custom_object_scope

X = np.array([[1.0], [2.0], [3.0], [4.0]], "float32")
Y = [2 * X, X]                                  # the model below gives 3 * x twice
WEIGHTS = [np.array([2.0, 3.0, 4.0, 5.0]), np.array([3.5, 2.5, 1.5, 0.5])]


def two_outputs(**options):
    x = Input(shape=(1,))
    model = tahr.Model(x, [Dense(1, kernel_initializer=initializers.Constant(3.0), name=name, trainable=False)(x)
                           for name in "ab"])
    model.compile("sgd", "mse", **options)
    return model


def mse(weights=None, y=Y):
    """Of both outputs, from the formula."""
    weights = [np.ones(4) if w is None else w for w in weights or [None, None]]
    return [np.mean(w * (3 * X - t)[:, 0] ** 2) for w, t in zip(weights, y)]


@pytest.mark.parametrize("given, used", [
    ({"b": WEIGHTS[1]}, [None, WEIGHTS[1]]), ({"a": WEIGHTS[0], "b": WEIGHTS[1]}, WEIGHTS),
    ([WEIGHTS[0], None], [WEIGHTS[0], None]), ({}, [None, None]),
])
def test_outputs_without_sample_weights(given, used):
    model, expected = two_outputs(), mse(used)
    for found in (model.train_on_batch(X, Y, sample_weight=given), model.test_on_batch(X, Y, sample_weight=given),
                  model.evaluate(X, Y, sample_weight=given, batch_size=2)):
        np.testing.assert_allclose(found, [sum(expected), *expected], rtol=1e-6)


def test_sample_weights_for_no_output():
    with pytest.raises(ValueError, match=r"sample_weight names 'c', which is no output of the model.*\['a', 'b'\]"):
        two_outputs().train_on_batch(X, Y, sample_weight={"c": WEIGHTS[0]})


def test_a_metric_object_counts_for_each_output_by_itself():
    given, weighted = metrics.MeanSquaredError(name="plain"), metrics.MeanSquaredError(name="weighted")
    model = two_outputs(metrics=[given], weighted_metrics=[weighted])
    logs = model.fit(X, Y, sample_weight=dict(zip("ab", WEIGHTS)), batch_size=3, verbose=0).history
    for name, w, t in zip("ab", WEIGHTS, Y):
        squares = (3 * X - t)[:, 0] ** 2
        np.testing.assert_allclose(logs[f"{name}_plain"], squares.mean(), rtol=1e-6)
        np.testing.assert_allclose(logs[f"{name}_weighted"], (w * squares).sum() / w.sum(), rtol=1e-6)
    assert model.metrics_names == ["loss", "a_loss", "b_loss", "a_plain", "a_weighted", "b_plain", "b_weighted"]
    assert given.result() == 0 and len({id(m) for m in model.metrics}) == 4


def test_a_metric_object_of_one_output_is_the_users():
    given, model = metrics.MeanSquaredError(), tahr.Sequential([Dense(1, input_dim=1)])
    model.compile("sgd", "mse", metrics=[given])
    model.evaluate(X, X)
    assert model.metrics == [given] and given.result() > 0


# Data

class Growing(Sequence):
    """Batches that are larger, and so fewer, after each epoch."""

    def __init__(self):
        self.size = 1

    def __len__(self):
        return -(-12 // self.size)

    def __getitem__(self, index):
        return np.ones((self.size, 1)), np.ones((self.size, 1))

    def on_epoch_end(self):
        self.size += 2


class Seen(callbacks.Callback):
    def __init__(self):
        self.batches, self.steps = [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.append(0)
        self.steps.append(self.params["steps"])

    def on_train_batch_end(self, batch, logs=None):
        self.batches[-1] += 1


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_sequence_may_have_another_length_after_each_epoch(workers):
    seen, model = Seen(), tahr.Sequential([Dense(1, input_dim=1)])
    model.compile("sgd", "mse")
    model.fit(Growing(), epochs=4, workers=workers, callbacks=[seen], verbose=0, shuffle=False)
    assert seen.batches == seen.steps == [12, 4, 3, 2]
    model.fit(Growing(), epochs=3, steps_per_epoch=2, workers=workers, callbacks=[seen], verbose=0)
    assert seen.batches[4:] == seen.steps[4:] == [2, 2, 2]


def test_callbacks_have_the_validation_data():
    given, held, streamed = (callbacks.Callback() for _ in range(3))
    model = tahr.Sequential([Dense(1, input_dim=1)])
    model.compile("sgd", "mse")
    model.fit(X, X, validation_data=(X, Y[0], WEIGHTS[0]), callbacks=[given], verbose=0)
    assert given.validation_data[0] is X and given.validation_data[1] is Y[0]
    np.testing.assert_array_equal(given.validation_data[2], WEIGHTS[0])
    model.fit(X, Y[0], validation_split=0.5, callbacks=[held], verbose=0)
    for found, expected in zip(held.validation_data, (X[2:], Y[0][2:], [1, 1]), strict=True):
        np.testing.assert_array_equal(found, expected)
    model.fit(X, X, validation_data=iter([(X, X)]), validation_steps=1, callbacks=[streamed], verbose=0)
    assert streamed.validation_data is None


@pytest.mark.parametrize("layout", ["csr_matrix", "coo_matrix", "csc_array"])
def test_sparse_matrices_of_scipy(layout):
    sparse = pytest.importorskip("scipy.sparse")
    dense = np.random.default_rng(0).random((7, 5)) * (np.random.default_rng(1).random((7, 5)) < 0.4)
    x, y = getattr(sparse, layout)(dense), dense[:, :1]

    def run(data, targets):
        tahr.utils.set_random_seed(0)
        model = tahr.Sequential([Dense(1, input_dim=5)])
        model.compile("sgd", "mse")
        logs = model.fit(data, targets, batch_size=2, epochs=2, validation_split=0.3, verbose=0).history
        return *logs.values(), model.evaluate(data, targets, verbose=0), model.predict(data, batch_size=3)
    expected = run(dense, y)
    for found in (run(x, y), run(dense, getattr(sparse, layout)(y)), run([x], [y])):
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)


def test_rows_of_sparse_matrices():
    sparse = pytest.importorskip("scipy.sparse")
    rows = as_array(sparse.csr_matrix(np.eye(3, 4)), "x")
    assert isinstance(rows, SparseRows) and len(rows) == 3 and rows.shape == (3, 4) and rows.size == 3
    np.testing.assert_array_equal(np.asarray(rows[np.array([2, 0])]), np.eye(3, 4)[[2, 0]])
    np.testing.assert_array_equal(np.asarray(rows[1:], "float32"), np.eye(3, 4)[1:])
    with pytest.raises(TypeError, match="must hold numbers, got complex128"):
        as_array(sparse.csr_matrix(np.eye(2) * 1j), "x")


def test_targets_given_to_compile():
    model = tahr.Sequential([Dense(1, input_dim=1, kernel_initializer=initializers.Constant(3.0))])
    model.compile("sgd", "mse", target_tensors=K.variable(Y[0]))
    assert model.test_on_batch(X, None) == pytest.approx(mse()[0])
    with pytest.raises(ValueError, match="target_tensors: y must be None"):
        model.test_on_batch(X, Y[0])
    model.compile("sgd", "mse", target_tensors=[K.placeholder((None, 1))])       # takes the place of y, which feeds it
    assert model.test_on_batch(X, Y[0]) == pytest.approx(mse()[0])
    with pytest.raises(ValueError, match="has 2 outputs, but you passed a single tensor"):
        two_outputs(target_tensors=K.variable(Y[0]))
    assert two_outputs(target_tensors=[K.variable(y) for y in Y]).test_on_batch(X, None)[1:] == pytest.approx(mse())


def test_a_list_of_the_only_input_before_the_model_is_built():
    model = tahr.Sequential([Activation("relu"), Dense(2)])
    assert model.predict([X]).shape == (4, 2) and model.input_shape == (None, 1)


# Reports

def test_symbols_reported_as_metrics():
    x = Input(shape=(1,))
    y = Dense(1, kernel_initializer=initializers.Constant(3.0), trainable=False)(x)
    model = tahr.Model(x, y)
    model.add_metric(K.sum(y), name="total")
    model.add_loss(K.mean(y))
    model.add_metric(K.max(y), name="largest", aggregation="mean")
    model.compile("sgd", "mse")
    logs = model.fit(X, X, batch_size=2, epochs=3, validation_data=(X[:2], X[:2]), shuffle=False, verbose=0).history
    np.testing.assert_allclose(logs["total"], [(9 + 21) / 2] * 3, rtol=1e-6)       # of both batches
    np.testing.assert_allclose(logs["largest"], [(6 + 12) / 2] * 3, rtol=1e-6)
    np.testing.assert_allclose(logs["val_total"], [9] * 3, rtol=1e-6)
    np.testing.assert_allclose(logs["loss"], [np.mean((3 * X - X) ** 2) + 7.5] * 3, rtol=1e-6)
    assert model.evaluate(X, X, batch_size=4)[1:] == pytest.approx([30, 12])
    np.testing.assert_allclose(model.predict(X), 3 * X)


@pytest.mark.parametrize("first", [True, False])
def test_labels_with_an_axis_of_one_beside_channels(first):
    """Class labels may have the size 1 along the axis of the classes, wherever that is."""
    p = np.random.default_rng(0).random((2, 3, 4, 5)) + 0.1
    p /= p.sum(-1, keepdims=True)
    labels = np.random.default_rng(1).integers(0, 5, (2, 3, 4, 1))
    expected = -np.log(np.take_along_axis(p, labels, -1))[..., 0]
    if first:
        p, labels = np.moveaxis(p, -1, 1), np.moveaxis(labels, -1, 1)
    found = K.sparse_categorical_crossentropy(labels, K.constant(p), axis=1 if first else -1)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)


def test_channels_first_labels_through_a_model():
    with tahr.utils.settings.using(image_data_format="channels_first"):
        x = Input(shape=(1, 3, 3))
        model = tahr.Model(x, Conv2D(4, 1, activation="softmax", kernel_initializer="ones")(x))
        model.compile("sgd", lambda y, p: K.sparse_categorical_crossentropy(y, p, axis=1))
        images = np.arange(9.0).reshape(1, 1, 3, 3)
        assert model.evaluate(images, images.astype(int) % 4) == pytest.approx(np.log(4), rel=1e-5)     # all alike


# Callbacks by hand

class Standing:
    """As much of a model as callbacks need; nothing else holds it."""

    def __init__(self):
        self.stop_training, self.weights, self.optimizer = False, -1, self
        self.lr = K.variable(1.0)

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = weights


def test_a_model_assigned_by_hand_stays():
    stopping = callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    stopping.model = Standing()
    stopping.on_train_begin()
    for epoch, loss in enumerate([0.2, 0.1, 0.3, 0.2]):
        stopping.model.weights = epoch
        stopping.on_epoch_end(epoch, {"val_loss": loss})
        if stopping.model.stop_training:
            break
    assert epoch == 3 and stopping.model.weights == 1       # restored at once, for callbacks that come after


def test_the_rate_of_an_optimizer_that_calls_it_lr():
    plateau = callbacks.ReduceLROnPlateau(patience=1, factor=0.5)
    plateau.model = Standing()
    variable = plateau.model.lr
    for epoch in range(2):
        plateau.on_epoch_end(epoch, {"val_loss": 1.0})
    assert plateau.model.lr is variable and float(variable) == 0.5
    plateau.model.lr = 0.25
    callbacks.rates.set_rate(plateau.model, 0.125)
    assert plateau.model.lr == 0.125
    plateau.model.optimizer = None
    with pytest.raises(ValueError, match="no optimizer with a learning rate"):
        plateau.on_epoch_end(3, {"val_loss": 1.0})


# Names and configs of the user's own

class Mixed:
    """A loss with a config, derived from nothing."""

    def __init__(self, share):
        self.share = share

    def __call__(self, y_true, y_pred):
        return self.share * losses.mse(y_true, y_pred) + (1 - self.share) * losses.mae(y_true, y_pred)

    def get_config(self):
        return {"share": self.share}


def test_a_loss_object_of_the_users_own():
    config = losses.serialize(Mixed(0.25))
    assert config == {"class_name": "Mixed", "config": {"share": 0.25}}
    with custom_object_scope({"Mixed": Mixed}):
        assert losses.deserialize(config).share == 0.25 == losses.get(config).share
    with pytest.raises(ValueError, match="unknown loss 'Mixed'"):
        losses.get(config)


@pytest.mark.parametrize("module", [activations, constraints, initializers, regularizers, losses])
def test_names_within_a_scope(module):
    def mine(x, *rest):
        return x
    with custom_object_scope({"mine": mine, "Mixed": Mixed}):
        assert module.get("mine") is mine
        assert module.get({"class_name": "Mixed", "config": {"share": 2}}).share == 2
    with pytest.raises(ValueError, match="'mine'"):
        module.get("mine")


def test_metrics_by_names_within_a_scope():
    def off(y_true, y_pred):
        return abs(y_true - y_pred)
    model = tahr.Sequential([Dense(1, input_dim=1, kernel_initializer=initializers.Constant(3.0))])
    with custom_object_scope({"off": off}):
        model.compile("sgd", "mse", metrics=["off"])
    assert model.evaluate(X, X, return_dict=True)["off"] == pytest.approx(np.mean(2 * X))


# Weights of metrics

P, T = np.array([[0.9, 0.2, 0.8, 0.1], [0.2, 0.9, 0.7, 0.6]]), np.array([[0, 1, 1, 0], [1, 0, 0, 0]])


@pytest.mark.parametrize("weights", [37.0, [[0.5, 2.0, 3.0, 5.0]], [[2.0], [3.0]], [2.0, 3.0],
                                     np.arange(8).reshape(2, 4)])
def test_weights_that_broadcast(weights):
    """A number, one for each sample, and weights with as many axes as the predictions and 1 along any."""
    w = np.broadcast_to(np.reshape(weights, (2, 1)) if np.shape(weights) == (2,) else weights, P.shape)
    for cls, hit in ((metrics.TruePositives, (P > 0.5) & (T == 1)), (metrics.TrueNegatives, (P <= 0.5) & (T == 0))):
        assert cls()(T, P, sample_weight=weights) == pytest.approx((w * hit).sum())
    assert metrics.Mean()(P, sample_weight=weights) == pytest.approx((w * P).sum() / w.sum())


@pytest.mark.parametrize("weights", [np.ones(4), np.ones((1, 3)), np.ones((4, 2))])
def test_weights_that_do_not_fit(weights):
    for metric, data in ((metrics.TruePositives(), (T, P)), (metrics.Mean(), (P,))):
        with pytest.raises(ValueError, match="do not fit"):
            metric(*data, sample_weight=weights)


def test_metrics_are_stateful():
    assert metrics.Mean().stateful and metrics.AUC.stateful
