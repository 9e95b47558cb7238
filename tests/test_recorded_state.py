"""What changes between recorded steps, or beside them: the step that is run next knows of it, as without recording."""

import gc
import sys
import threading
import weakref

import numpy as np
import pytest

import tahr
from tahr import callbacks, layers, ops, optimizers
from tahr.compiler import CaptureWarning, captured

from .side_by_side import made, replaying, state

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((8, 4)).astype("float32"), RNG.standard_normal((8, 2)).astype("float32")


def mlp(optimizer=lambda: optimizers.SGD(0.1, momentum=0.9), dropout=0.5, **arguments):
    model = tahr.Sequential([layers.Dense(5, activation="tanh", input_shape=(4,), name="first"),
                             layers.Dropout(dropout), layers.Dense(2, name="last")])
    return model, dict(optimizer=optimizer(), loss="mse", **arguments)


def same(use, make=mlp):
    """Whether ``use(model)`` leaves the same bits behind, and gives the same, op by op and recorded."""
    found = []
    for eagerly in (True, False):
        with replaying():
            model = made(make, eagerly)
            given = use(model)
            found.append(([np.asarray(g) for g in given or ()], state(model)))
            if not eagerly:
                assert any(c.programs() for c in model._captured.values()), "nothing was recorded"
    for one, other in zip(*[[*given, *after] for given, after in found], strict=True):
        np.testing.assert_array_equal(one, other)


def steps(model, count=6):
    return [model.train_on_batch(X, Y) for _ in range(count)]


@pytest.mark.parametrize("change", [
    lambda m: m.optimizer.learning_rate.assign(0.01),
    lambda m: setattr(m.optimizer, "learning_rate", 0.01),
    lambda m: tahr.backend.set_value(m.optimizer.lr, 0.01),
    lambda m: m.set_weights([w * 0.5 for w in m.get_weights()]),
    lambda m: m.get_layer("first").kernel.assign(np.ones((4, 5))),
    lambda m: setattr(m.get_layer("first"), "trainable", False),
    lambda m: (setattr(m.get_layer("first"), "trainable", False), m.compile("sgd", "mae")),
    lambda m: m.compile("adam", "mae", metrics=["mae"]),
    lambda m: setattr(m.get_layer("dropout_1"), "rate", 0.1),
    lambda m: setattr(m.get_layer("first"), "activation", ops.relu),
    lambda m: tahr.utils.set_random_seed(7),
    lambda m: m.predict(X, verbose=0),
    lambda m: m.evaluate(X, Y, verbose=0),
], ids=["assigned rate", "set rate", "set_value", "weights", "a kernel", "trainable", "trainable and compile",
        "compile", "dropout's rate", "activation", "seed", "predict", "evaluate"])
def test_changes_between_steps(change):
    def use(model):
        before = steps(model)
        change(model)
        return before + [np.asarray(logs).ravel()[0] for logs in steps(model)]
    same(use)


def test_dropout_is_fresh_at_each_step():
    with replaying():
        model = made(lambda: mlp(lambda: optimizers.SGD(0.0)), False)
        assert len(set(map(float, steps(model, 12)))) == 12


@pytest.mark.parametrize("make", [lambda: callbacks.ReduceLROnPlateau(monitor="loss", patience=0, min_delta=9.0),
                                  lambda: callbacks.LearningRateScheduler(lambda epoch: 0.1 / (1 + epoch))])
def test_callbacks_that_change_the_rate(make):
    def use(model):
        return model.fit(X, Y, batch_size=2, epochs=5, verbose=0, callbacks=[make()]).history["loss"]
    same(use)


def test_a_callback_that_changes_weights_within_an_epoch():
    def use(model):
        def halve(batch, logs):
            if batch == 2:
                model.set_weights([w / 2 for w in model.get_weights()])
        watching = callbacks.LambdaCallback(on_batch_end=halve)
        return model.fit(X, Y, batch_size=2, epochs=4, verbose=0, callbacks=[watching]).history["loss"]
    same(use)


def test_states_of_recurrent_layers_are_reset():
    def make():
        model = tahr.Sequential([layers.LSTM(3, stateful=True, batch_input_shape=(2, 4, 1)), layers.Dense(2)])
        return model, dict(optimizer="sgd", loss="mse")

    def use(model):
        x, found = X[:2, :, None], []
        for i in range(12):
            found.append(model.train_on_batch(x, Y[:2]))
            if i % 5 == 4:
                model.reset_states()
        return found
    same(use, make)


def test_wrong_labels_leave_everything_as_it_was():
    model = made(lambda: (tahr.Sequential([layers.Dense(3, activation="softmax", input_shape=(4,))]),
                          dict(optimizer="adam", loss="sparse_categorical_crossentropy")), False)
    labels = np.arange(8) % 3
    for _ in range(5):
        model.train_on_batch(X, labels)
    before = state(model)
    with pytest.raises((ValueError, IndexError)):
        model.train_on_batch(X, labels + 1)
    weights = [v.data for v in model.weights]
    for one, other in zip(before, weights):
        np.testing.assert_array_equal(one, other)
    assert np.isfinite(model.train_on_batch(X, labels))


def test_two_models_in_turn_one_inside_the_other():
    """A network that learns by itself, and stands still in another, as the two of a GAN do."""
    def losses(eagerly):
        with replaying():
            judge = made(mlp, eagerly)
            judge.trainable = False
            maker = tahr.Sequential([layers.Dense(4, input_shape=(4,)), judge])
            maker.compile("adam", "mse", run_eagerly=eagerly)
            return [float(model.train_on_batch(X, Y)) for _ in range(8) for model in (judge, maker)]
    assert losses(True) == losses(False)


def test_threads_that_predict_at_once():
    model = made(mlp, False)
    expected = {n: model.predict_on_batch(X[:n]) for n in range(1, 9)}
    wrong = []

    def predict():
        for i in range(60):
            n = 1 + i % 8
            if not np.allclose(model.predict_on_batch(X[:n]), expected[n], rtol=1e-6):
                wrong.append(n)
    threads = [threading.Thread(target=predict) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_many_lengths_of_batches_keep_few_programs():
    model = made(mlp, False)
    data = np.zeros((captured.KINDS + 20, 4), "float32")
    for n in range(1, len(data) + 1):
        for _ in range(4):
            model.predict_on_batch(data[:n])
    assert [len(c.programs()) for c in model._captured.values()] == [captured.KINDS]


def test_a_step_that_decides_on_values_goes_on_as_before():
    class Deciding(tahr.Model):
        def __init__(self):
            super().__init__()
            self.last = layers.Dense(2)

        def call(self, x):
            if not isinstance(x, tahr.Symbol) and float(ops.sum(x)) > 0:
                x = x * 2
            return self.last(x)

    def make():
        return Deciding(), dict(optimizer="sgd", loss="mse")
    with pytest.warns(CaptureWarning, match="test_recorded_state.py") as caught:
        model = made(make, False)
        recorded = steps(model)
    assert len([w for w in caught if w.category is CaptureWarning]) == 1
    assert recorded == steps(made(make, True))


def test_a_model_that_is_dropped_takes_its_programs_with_it():
    model = made(mlp, False)
    steps(model)
    model.fit(X, Y, batch_size=2, epochs=3, verbose=0)
    program = weakref.ref(next(p for c in model._captured.values() for p in c.programs()))
    alive = weakref.ref(model)
    del model
    gc.collect()
    assert alive() is None and program() is None


def _memory():
    """The most until now, in MiB."""
    resource = pytest.importorskip("resource")      # Windows has none
    gc.collect()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


@pytest.mark.parametrize("lists_of_calls", [False, True], ids=["compiled", "replayed"])
def test_memory_is_flat_over_steps(lists_of_calls):
    with replaying() if lists_of_calls else pytest.MonkeyPatch.context():
        model = made(mlp, False)
        steps(model, 100)
        before, objects = _memory(), len(gc.get_objects())
        steps(model, 10_000)
        assert _memory() - before < 8
        assert len(gc.get_objects()) - objects < 500


def test_memory_is_flat_over_models():
    def use():
        model = made(mlp, False)
        steps(model)
        model.predict(X, verbose=0)
    for _ in range(20):
        use()
    before, objects = _memory(), len(gc.get_objects())
    for _ in range(100):
        use()
    assert _memory() - before < 24
    gc.collect()
    assert len(gc.get_objects()) - objects < 2000
