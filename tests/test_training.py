"""Sequential, compile, fit, evaluate and predict: what they do, and what they say when misused."""

import io
import warnings
import weakref

import numpy as np
import pytest

import tahr
from tahr.callbacks import Callback, History
from tahr.layers import Activation, BatchNormalization, Dense, Dropout, Embedding, Flatten, Input
from tahr.utils import names, rng

X = np.random.default_rng(0).normal(size=(40, 5))
Y = (X[:, :1] > 0).astype("float32")
LABELS = np.arange(40) % 3


def binary_model(**compile_args):
    rng.seed_default(1)
    model = tahr.Sequential([Dense(8, activation="tanh", input_shape=(5,)), Dense(1, activation="sigmoid")])
    model.compile(**{"optimizer": "sgd", "loss": "binary_crossentropy", **compile_args})
    return model


def classifier(loss="sparse_categorical_crossentropy", **compile_args):
    model = tahr.Sequential([Dense(8, activation="relu", input_shape=(5,)), Dense(3, activation="softmax")])
    model.compile("adam", loss, **compile_args)
    return model


# Building

def test_list_and_add_give_the_same_model():
    names.reset_uids()
    first = tahr.Sequential([Dense(32, input_dim=784), Activation("relu"), Dense(10), Activation("softmax")])
    names.reset_uids()
    second = tahr.Sequential()
    for layer in (Dense(32, input_dim=784), Activation("relu"), Dense(10), Activation("softmax")):
        assert second.add(layer) is None
    assert first.get_config() == second.get_config()
    assert first.count_params() == second.count_params() == 25450


@pytest.mark.parametrize("first", [dict(input_shape=(784,)), dict(batch_input_shape=(None, 784)), dict(input_dim=784)])
def test_three_spellings_of_the_input_shape(first):
    model = tahr.Sequential([Dense(32, **first)])
    assert model.output_shape == (None, 32)
    assert [w.shape for w in model.weights] == [(784, 32), (32,)]


def test_input_in_front():
    model = tahr.Sequential([Input((784,)), Dense(32)])
    assert model.output_shape == (None, 32) and len(model.layers) == 1
    with pytest.raises(ValueError, match="in front of the first layer"):
        model.add(Input((3,)))


def test_bare_int_as_input_shape():
    with pytest.raises(ValueError, match=r"write input_shape=\(784,\)"):
        Dense(32, input_shape=784)


def test_shape_error_at_the_offending_add():
    model = tahr.Sequential([Dense(4, input_dim=3)])
    with pytest.raises(ValueError, match="conv2d_.*expected 4 dimensions, got 2"):
        model.add(tahr.layers.Conv2D(2, 3))
    assert len(model.layers) == 1 and model.output_shape == (None, 4)
    model.add(Dense(2))
    assert model.output_shape == (None, 2)


def test_only_layers_can_be_added():
    with pytest.raises(TypeError, match="only layers can be added .* did you forget the parentheses"):
        tahr.Sequential([Dense])
    with pytest.raises(ValueError, match="a layer named 'a' already"):
        tahr.Sequential([Dense(1, name="a", input_dim=1), Dense(1, name="a")])


def test_deferred_build():
    model = tahr.Sequential([Dense(4), Dense(1)])
    with pytest.raises(ValueError, match="is not built yet"):
        model.summary()
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    assert model.output_shape == (None, 1) and model.count_params() == 5 * 4 + 4 + 5


def test_pop():
    model = tahr.Sequential([Dense(4, input_dim=3), Dense(2)])
    model.pop()
    assert model.output_shape == (None, 4)
    model.pop()
    with pytest.raises(TypeError, match="no layers to pop"):
        model.pop()
    model.add(Dense(2, input_dim=7))        # the popped layer's input shape went with it
    assert model.output_shape == (None, 2) and model.layers[0].kernel.shape == (7, 2)
    model = tahr.Sequential([Input((3,)), Dense(4)])
    model.pop()
    model.add(Dense(5))                     # an Input in front stays
    assert model.layers[0].kernel.shape == (3, 5)


def test_get_layer():
    model = binary_model()
    name = model.layers[1].name
    assert model.get_layer(name) is model.get_layer(index=-1) is model.layers[1]
    for arguments, text in ((dict(index=9), "layer at index 9 but model only has 2"),
                            ({}, "Provide either a layer name or layer index"),
                            (dict(name="foo"), f"No such layer: foo; the model has .*{name}")):
        with pytest.raises(ValueError, match=text):
            model.get_layer(**arguments)


def test_summary_counts_parameters():
    names.reset_uids()
    model = tahr.Sequential([Dense(256, activation="relu", input_shape=(784,)), Dense(128), BatchNormalization(),
                             Dense(10)])
    lines = []
    model.summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert "dense_1 (Dense)              (None, 256)               200,960" in text
    assert "Total params: 235,658" in text
    assert "Trainable params: 235,402" in text and "Non-trainable params: 256" in text


def test_config_round_trip():
    model = classifier()
    again = tahr.Sequential.from_config(model.get_config())
    assert again.get_config() == model.get_config()
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


# Compile

@pytest.mark.parametrize("arguments, error, text", [
    (dict(loss="binary_crosentropy"), ValueError, "unknown loss 'binary_.*Did you mean 'binary_crossentropy'"),
    (dict(optimizer="adm"), ValueError, "unknown optimizer 'adm'. Did you mean 'adam'"),
    (dict(optimizer=tahr.optimizers.SGD), TypeError, r"did you forget the parentheses, SGD\(\)"),
    (dict(metrics=["acuracy"]), ValueError, "unknown metric 'acuracy'. Did you mean 'accuracy'"),
    (dict(optimizer=3), TypeError, "expected the name of an optimizer or an optimizer object, got int 3"),
    (dict(losss="mse"), TypeError, "losss"),
])
def test_compile_errors_come_at_once_and_change_nothing(arguments, error, text):
    model = binary_model()
    before = model.optimizer, model.loss_function
    with pytest.raises(error, match=text):
        model.compile(**{"optimizer": "sgd", "loss": "mse", **arguments})
    assert (model.optimizer, model.loss_function) == before


def test_uncompiled():
    model = tahr.Sequential([Dense(1, input_dim=5)])
    with pytest.raises(RuntimeError, match="must be compiled before"):
        model.fit(X, Y)
    assert model.predict(X).shape == (40, 1)
    model.compile("sgd")
    with pytest.raises(ValueError, match="without a loss"):
        model.fit(X, Y)


def test_misspelt_arguments():
    with pytest.raises(TypeError, match="unknown argument 'inpuit_shape'. Did you mean 'input_shape'"):
        Dense(3, inpuit_shape=(4,))
    with pytest.raises(TypeError, match="unknown argument 'epoch'. Did you mean 'epochs'"):
        binary_model().fit(X, Y, epoch=3)
    with pytest.raises(TypeError, match="both 'nb_epoch' and 'epochs'"):
        binary_model().fit(X, Y, epochs=2, nb_epoch=3)


def test_a_weight_that_the_loss_does_not_use_is_named():
    class Net(tahr.Model):
        def __init__(self):
            super().__init__()
            self.used, self.idle = Dense(1), Dense(1, name="idle")

        def call(self, x):
            self.idle(x)
            return self.used(x)
    model = Net()
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="the gradient of idle/kernel is None: the loss does not depend on it"):
        model.train_on_batch(X, Y)


# Data

@pytest.mark.parametrize("x, y, text", [
    (X[0], Y[:1], r"must have 2 dimensions.*got an array of shape \(5, 1\)|must have shape"),
    (X[:, None], Y, r"must have 2 dimensions, shape \(None, 5\), got an array of shape \(40, 1, 5\)"),
    (X[:, :4], Y, r"must have shape \(None, 5\), got an array of shape \(40, 4\)"),
    (X, Y[:-1], "same number of samples, got 40 and 39"),
    (X[:0], Y[:0], "there is no data: the input has 0 samples"),
    (None, Y, "x is missing"), (X, None, "y is missing"),
    ([["a"]], Y, "must be numbers"), ([[1, 2], [3]], Y, "rows of different lengths"),
])
def test_bad_data(x, y, text):
    with pytest.raises((ValueError, TypeError), match=text):
        binary_model().fit(x, y, verbose=0)


def test_sample_without_batch_axis():
    model = tahr.Sequential([tahr.layers.Conv2D(2, 3, input_shape=(8, 8, 1))])
    with pytest.raises(ValueError, match=r"one sample without the batch axis: use x\[None\]"):
        model.predict(np.zeros((8, 8, 1)))
    with pytest.raises(ValueError, match="looks like channels_first data"):
        model.predict(np.zeros((2, 1, 8, 9)))


def test_flat_labels_mean_a_column():
    """Labels (n,) against outputs (n, 1) are taken as (n, 1): no n x n loss."""
    wide, flat = binary_model(metrics=["accuracy"]), binary_model(metrics=["accuracy"])
    np.testing.assert_allclose(wide.evaluate(X, Y), flat.evaluate(X, Y[:, 0]))
    assert flat.train_on_batch(X, Y[:, 0])[0] == wide.train_on_batch(X, Y)[0]


def test_labels_for_the_wrong_loss():
    with pytest.raises(ValueError, match="class indices need sparse_categorical_crossentropy"):
        classifier("categorical_crossentropy").fit(X, LABELS, verbose=0)
    with pytest.raises(ValueError, match="one-hot targets need categorical_crossentropy"):
        classifier().fit(X, np.eye(3)[LABELS], verbose=0)
    with pytest.raises(ValueError, match="needs at least 2 classes"):
        binary_model(loss="categorical_crossentropy").fit(X, Y, verbose=0)


@pytest.mark.parametrize("wrong", [3, -1])
def test_label_out_of_range(wrong):
    labels = LABELS.copy()
    labels[7] = wrong
    model = classifier()
    before = model.get_weights()
    with pytest.raises(ValueError, match=rf"from 0 to 2, the classes of the output, got {wrong} at position \(7,\)"):
        model.train_on_batch(X, labels)
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_embedding_index_out_of_range():
    model = tahr.Sequential([Embedding(10, 4, input_length=3), Flatten(), Dense(1)])
    with pytest.raises(IndexError, match=r"from 0 to 9 .*got 10 at position \(1, 2\)"):
        model.predict([[0, 1, 2], [3, 4, 10]])
    assert model.predict(np.array([[0.0, 1.0, 9.0]])).shape == (1, 1)       # floats are cast to integers


def test_nan_in_the_data_is_named():
    x = X.copy()
    x[3, 2] = np.nan
    with pytest.warns(RuntimeWarning, match="the loss became nan in epoch 1: x hold NaN") as said:
        history = binary_model().fit(x, Y, epochs=3, verbose=0)
    assert np.isnan(history.history["loss"][0]) and len(said) == 1


def test_any_number_type_is_cast():
    model = tahr.Sequential([Dense(1, input_dim=2)])
    model.compile("sgd", "mse")
    for dtype in ("float64", "float16", "int8", "uint8", "bool", "int64"):
        assert model.predict(np.ones((3, 2), dtype)).dtype == np.float32
    assert model.predict([[1, 2]]).dtype == np.float32
    model.fit(np.ones((3, 2), "uint8"), np.ones((3, 1), "int64"), verbose=0)


def test_a_float64_model_computes_in_float64():
    model = tahr.Sequential([Dense(3, input_dim=5, dtype="float64"), Dense(1, dtype="float64")])
    model.compile("sgd", "mse")
    (w1, b1), (w2, b2) = (layer.get_weights() for layer in model.layers)
    found = model.predict(X)
    np.testing.assert_allclose(found, (X @ w1 + b1) @ w2 + b2, rtol=1e-13)
    targets = X[:, :1]
    assert model.test_on_batch(X, targets) == pytest.approx(np.mean((found - targets) ** 2), rel=1e-13)


def test_wrong_batch_size_and_split():
    for value in (0, 2.5, True, "32"):
        with pytest.raises(ValueError, match="batch_size must be a positive integer"):
            binary_model().fit(X, Y, batch_size=value, verbose=0)
    with pytest.raises(ValueError, match="validation_split must lie between 0 and 1"):
        binary_model().fit(X, Y, validation_split=1.5, verbose=0)
    with pytest.raises(ValueError, match="leaves 1 to train on and 0 to validate on|leaves 0"):
        binary_model().fit(X[:1], Y[:1], validation_split=0.5, verbose=0)
    with pytest.raises(ValueError, match=r"must be \(x, y\) or \(x, y, sample_weight\), got 1 items"):
        binary_model().fit(X, Y, validation_data=(X,), verbose=0)


# Fit

def test_training_learns_and_history_records():
    model = binary_model(optimizer=tahr.optimizers.SGD(0.5), metrics=["accuracy", "mse"])
    history = model.fit(X, Y, epochs=60, validation_data=(X, Y), verbose=0)
    assert isinstance(history, History) and model.history is history
    assert list(history.history) == ["loss", "accuracy", "mse", "val_loss", "val_accuracy", "val_mse"]
    assert history.epoch == list(range(60))
    assert all(isinstance(v, float) for values in history.history.values() for v in values)
    assert history.history["loss"][-1] < 0.2 < history.history["loss"][0]
    assert history.history["acc"] == history.history["accuracy"] and history.history["val_acc"][-1] >= 0.95
    with pytest.raises(KeyError):
        history.history["nothing"]


def reference_epoch(weights, x, y, lr, batch):
    """One epoch of SGD on tanh-sigmoid cross-entropy in float64 NumPy, samples in order; returns the mean loss."""
    w1, b1, w2, b2 = weights
    total = 0.0
    for start in range(0, len(x), batch):
        xb, yb = x[start:start + batch], y[start:start + batch]
        h = np.tanh(xb @ w1 + b1)
        p = 1 / (1 + np.exp(-(h @ w2 + b2)))
        total += -np.sum(yb * np.log(p) + (1 - yb) * np.log(1 - p))
        dz = (p - yb) / len(xb)
        dh = dz @ w2.T * (1 - h * h)
        w2 -= lr * h.T @ dz
        b2 -= lr * dz.sum(0)
        w1 -= lr * xb.T @ dh
        b1 -= lr * dh.sum(0)
    return total / len(x)


def test_training_follows_the_formulas():
    model = binary_model(optimizer=tahr.optimizers.SGD(0.3))
    weights = [w.astype(np.float64) for w in model.get_weights()]
    history = model.fit(X, Y, epochs=10, batch_size=16, shuffle=False, verbose=0)
    expected = [reference_epoch(weights, X, Y.astype(np.float64), 0.3, 16) for _ in range(10)]
    np.testing.assert_allclose(history.history["loss"], expected, rtol=1e-5)
    for a, b in zip(model.get_weights(), weights):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_same_seed_same_bits():
    def train():
        tahr.utils.set_random_seed(7)
        model = tahr.Sequential([Dense(8, activation="relu", input_dim=5), Dropout(0.5),
                                 Dense(3, activation="softmax")])
        model.compile("rmsprop", "sparse_categorical_crossentropy")
        model.fit(X, LABELS, epochs=3, verbose=0)
        return model.get_weights()
    for a, b in zip(train(), train()):
        np.testing.assert_array_equal(a, b)


def test_numpy_seed_fixes_a_run():
    def first_weights(seed):
        rng._Default.generator = None       # as at the start of a process
        np.random.seed(seed)
        return tahr.Sequential([Dense(3, input_dim=2)]).get_weights()[0]
    np.testing.assert_array_equal(first_weights(1337), first_weights(1337))
    assert not np.array_equal(first_weights(1337), first_weights(1338))


def test_shuffle_takes_each_sample_once_in_a_new_order():
    class Watch(tahr.Sequential):
        seen = []

        def train_step(self, data):
            self.seen.append(data[1].numpy()[:, 0].copy())
            return super().train_step(data)
    model = Watch([Dense(1, input_dim=1)])
    model.compile("sgd", "mse", run_eagerly=True)
    rows = np.arange(10.0)[:, None] / 10
    model.fit(rows, rows, epochs=2, batch_size=4, verbose=0)
    assert [len(b) for b in model.seen] == [4, 4, 2] * 2
    epochs = [np.concatenate(model.seen[i:i + 3]) for i in (0, 3)]
    for epoch in epochs:
        np.testing.assert_array_equal(np.sort(epoch), rows[:, 0].astype("float32"))
    assert not np.array_equal(*epochs)
    model.seen.clear()
    model.fit(rows, rows, batch_size=4, shuffle=False, verbose=0)
    np.testing.assert_array_equal(np.concatenate(model.seen), rows[:, 0].astype("float32"))


def test_validation_split_takes_the_tail_before_shuffling():
    model = binary_model()
    history = model.fit(X, Y, validation_split=0.25, verbose=0)
    assert history.params["samples"] == 30
    assert history.history["val_loss"][0] == pytest.approx(model.evaluate(X[30:], Y[30:]))


def test_epoch_means_weigh_batches_by_size():
    model = binary_model(optimizer=tahr.optimizers.SGD(0.0), metrics=["accuracy"])
    history = model.fit(X, Y, batch_size=16, verbose=0)      # batches of 16, 16 and 8, weights that stay
    assert history.history["loss"][0] == pytest.approx(model.evaluate(X, Y, batch_size=40)[0], rel=1e-6)
    assert history.history["accuracy"][0] == pytest.approx(model.evaluate(X, Y, batch_size=7)[1], rel=1e-6)


def test_sample_weights_scale_the_loss():
    model = binary_model()
    w = np.where(np.arange(40) < 20, 2.0, 0.0)
    weighted = model.evaluate(X, Y, batch_size=40, sample_weight=w)
    assert weighted == pytest.approx(model.evaluate(X[:20], Y[:20]), rel=1e-6)
    with pytest.raises(ValueError, match="same number of samples, got 40 and 3"):
        model.fit(X, Y, sample_weight=np.ones(3), verbose=0)


def test_initial_epoch_and_repeated_fit_continue():
    model = binary_model()
    history = model.fit(X, Y, epochs=5, initial_epoch=3, verbose=0)
    assert history.epoch == [3, 4] and model.optimizer.iterations.item() == 4
    model.fit(X, Y, verbose=0)
    assert model.optimizer.iterations.item() == 6


def test_frozen_layers_stay_and_thaw_without_compiling_again():
    model = binary_model(optimizer=tahr.optimizers.SGD(0.1, momentum=0.9))
    first = model.layers[0]
    first.trainable = False
    before = first.get_weights()
    model.fit(X, Y, verbose=0)
    for a, b in zip(before, first.get_weights()):
        np.testing.assert_array_equal(a, b)
    first.trainable = True
    model.fit(X, Y, verbose=0)
    assert not np.array_equal(before[0], first.get_weights()[0])


def test_regularizers_count_in_training_and_evaluation():
    plain, penalised = (tahr.Sequential([Dense(1, input_dim=5, kernel_initializer="ones", kernel_regularizer=r)])
                        for r in (None, tahr.regularizers.l2(0.1)))
    for model in (plain, penalised):
        model.compile("sgd", "mse")
    assert penalised.evaluate(X, Y) - plain.evaluate(X, Y) == pytest.approx(0.5, rel=1e-5)
    penalised.fit(X, Y, epochs=3, verbose=0)
    plain.fit(X, Y, epochs=3, verbose=0)
    assert np.abs(penalised.get_weights()[0]).sum() < np.abs(plain.get_weights()[0]).sum()


def test_custom_loss_and_metric():
    def mean_pred(y_true, y_pred):
        return tahr.ops.mean(y_pred)

    def squares(y_true, y_pred):
        return tahr.ops.mean(tahr.ops.square(y_pred - y_true), -1)
    model = binary_model(loss=squares, metrics=mean_pred)
    assert model.metrics_names == ["loss", "mean_pred"]
    loss, value = model.evaluate(X, Y, batch_size=16)
    p = model.predict(X)
    assert loss == pytest.approx(np.mean((p - Y) ** 2), rel=1e-5) and value == pytest.approx(p.mean(), rel=1e-5)


def test_old_spelling_of_epochs():
    with pytest.warns(DeprecationWarning, match="'nb_epoch' is now called 'epochs'"):
        assert len(binary_model().fit(X, Y, nb_epoch=2, verbose=0).epoch) == 2
    with pytest.warns(DeprecationWarning, match="'lr' is now called 'learning_rate'"):
        assert tahr.optimizers.SGD(lr=0.5).lr.item() == 0.5
    with pytest.raises(TypeError, match="both 'lr' and 'learning_rate'"):
        tahr.optimizers.SGD(lr=0.5, learning_rate=0.1)


def test_model_by_subclassing():
    class Net(tahr.Model):
        def __init__(self):
            super().__init__()
            self.parts = [Dense(8, activation="relu"), Dropout(0.1)]
            self.out = Dense(3, activation="softmax")

        def call(self, x, training=False):
            for part in self.parts:
                x = part(x)
            return self.out(x)
    model = Net()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    assert model.fit(X, LABELS, epochs=2, verbose=0).history["loss"][1] > 0
    assert len(model.weights) == 4 and model.predict(X).shape == (40, 3)


# Evaluate, predict, single batches

def test_predict_keeps_order_and_needs_no_batches():
    model = classifier()
    whole = model.predict(X)
    np.testing.assert_allclose(model.predict(X, batch_size=7), whole, rtol=1e-6)
    np.testing.assert_allclose(np.concatenate([model.predict(row[None]) for row in X]), whole, rtol=1e-5)
    np.testing.assert_allclose(model.predict_on_batch(X), whole, rtol=1e-6)
    np.testing.assert_allclose(model(X).numpy(), whole, rtol=1e-6)
    assert model.predict(X[:0]).shape == (0, 3)
    whole[...] = 0      # the result is the caller's


def test_evaluate_returns_scalar_list_or_dict():
    assert isinstance(binary_model().evaluate(X, Y), float)
    model = binary_model(metrics=["accuracy"])
    named = dict(zip(model.metrics_names, model.evaluate(X, Y)))
    assert named == model.evaluate(X, Y, return_dict=True)
    assert named == pytest.approx(model.test_on_batch(X, Y, return_dict=True), rel=1e-6)


def test_train_on_batch_is_one_update():
    model = binary_model()
    before = model.evaluate(X, Y)
    assert model.train_on_batch(X, Y) == pytest.approx(before, rel=1e-6)
    assert model.evaluate(X, Y) < before and model.optimizer.iterations.item() == 1


def test_dropout_and_batch_normalization_know_the_phase():
    model = tahr.Sequential([Dropout(0.5, input_shape=(100,)), BatchNormalization()])
    x = np.random.default_rng(0).normal(3, 2, (64, 100)).astype("float32")
    np.testing.assert_allclose(model.predict(x), x / np.sqrt(1 + 1e-3), rtol=1e-5)
    with tahr.layers.base.phase(True):
        out = model(x)
    np.testing.assert_allclose(out.numpy().mean(0), 0, atol=1e-5)
    assert not np.allclose(model.layers[1].moving_mean.numpy(), 0)


# Callbacks and output

class Count(Callback):
    def __init__(self):
        self.seen = []

    def on_epoch_begin(self, epoch, logs=None):
        self.seen.append(f"epoch {epoch}")

    def on_batch_end(self, batch, logs=None):
        assert set(logs) == {"batch", "size", "loss"} and logs["size"] == 20
        self.seen.append(batch)

    def on_test_begin(self, logs=None):
        self.seen.append("test")

    def on_epoch_end(self, epoch, logs=None):
        assert set(logs) == {"loss", "val_loss"}
        self.seen.append("end")


def test_callbacks_see_every_moment():
    count = Count()
    binary_model().fit(X, Y, batch_size=20, epochs=2, validation_data=(X, Y), callbacks=[count], verbose=0)
    assert count.seen == ["epoch 0", 0, 1, "test", "end", "epoch 1", 0, 1, "test", "end"]
    assert count.params["steps"] == 2 and count.params["epochs"] == 2 and count.params["do_validation"]


def test_stop_training_and_bad_callbacks():
    class Stop(Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1
    assert binary_model().fit(X, Y, epochs=9, callbacks=[Stop()], verbose=0).epoch == [0, 1]
    with pytest.raises(TypeError, match="callbacks must be Callback objects, got function"):
        binary_model().fit(X, Y, callbacks=[lambda: 0], verbose=0)


def test_a_callback_may_change_the_learning_rate():
    class Halve(Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.lr = 0.5 ** epoch
    model = binary_model()
    model.fit(X, Y, epochs=3, callbacks=[Halve()], verbose=0)
    assert model.optimizer.lr.item() == 0.25


def test_exception_inside_a_step_ends_training_in_order():
    class Fail(Callback):
        ended = False

        def on_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

        def on_train_end(self, logs=None):
            self.ended = True
    fail, model = Fail(), binary_model()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, callbacks=[fail], verbose=0)
    assert fail.ended and np.isfinite(model.evaluate(X, Y))


def test_plain_lines_without_a_terminal(capsys):
    binary_model(metrics=["accuracy"]).fit(X, Y, epochs=2, validation_split=0.5, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Train on 20 samples, validate on 20 samples"
    assert len(lines) == 3 and lines[1].startswith("Epoch 1/2 - ")
    assert all(word in lines[2] for word in ("ms/step", "loss: ", "accuracy: ", "val_loss: ", "val_accuracy: "))
    assert "\r" not in "".join(lines)


def test_bar_on_a_terminal(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    with warnings.catch_warnings():
        binary_model(metrics=["accuracy"]).fit(X, Y, epochs=1, batch_size=8, verbose=1)
    text = terminal.getvalue()
    assert "Epoch 1/1 5/5 [==============================]" in text and "loss: " in text and "accuracy: " in text


def test_silent(capsys):
    model = binary_model()
    model.fit(X, Y, verbose=0)
    model.evaluate(X, Y, verbose=0)
    model.predict(X)
    assert capsys.readouterr().out == ""


def test_learning_curves_are_drawn(tmp_path):
    history = binary_model(metrics=["accuracy"]).fit(X, Y, epochs=3, validation_data=(X, Y), verbose=0)
    text = history.plot(tmp_path / "curves.svg").read_text()
    assert text.count("<polyline") == 4 and "val_accuracy" in text
    with pytest.raises(ValueError, match="written as .svg"):
        history.plot(tmp_path / "curves.png")


def test_memory_returns_without_the_garbage_collector(no_gc):
    """Models, data and graphs are freed as soon as their last name goes."""
    model = binary_model()
    model.fit(X, Y, epochs=2, verbose=0)
    watched = [weakref.ref(w) for w in model.weights]
    del model
    assert [w() for w in watched] == [None] * 4
