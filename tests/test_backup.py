"""BackupAndRestore: a training that broke off anywhere goes on bit by bit as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

import tahr
from tahr.callbacks import (
    BackupAndRestore,
    Callback,
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    SwapEMAWeights,
)
from tahr.layers import LSTM, BatchNormalization, Dense, Dropout, Embedding, GaussianNoise
from tahr.utils.errors import ModelFileError
from tahr.utils.state_files import read_state, write_state

X = np.random.default_rng(0).normal(size=(37, 6)).astype("float32")
Y = (X[:, :1] * X[:, 1:2] > 0).astype("float32")


class Killed(BaseException):
    """What stands for a crash: nothing catches it."""


class Crash(Callback):
    """Ends everything at a batch (or at the end) of an epoch."""

    def __init__(self, epoch, batch=None):
        self.at, self.now = (epoch, batch), None

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.now, batch) == self.at:
            raise Killed

    def on_epoch_end(self, epoch, logs=None):
        if self.at == (epoch, None):
            raise Killed


def network(optimizer="adam"):
    model = tahr.Sequential([Dense(8, activation="relu", input_dim=6), BatchNormalization(), Dropout(0.3),
                             GaussianNoise(0.1, seed=3), Dense(1, activation="sigmoid")])
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy", tahr.metrics.AUC()])
    return model


def outcome(model, folder=None):
    """All that a training leaves behind."""
    state = model.get_training_state()
    found = {"weights": state["weights"], "optimizer": state["optimizer"], "random": state["random"],
             "history": dict(model.history.history), "epochs": model.history.epoch}
    return found | ({"csv": (folder / "log.csv").read_text()} if folder else {})


def equal(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    return np.array_equal(a, b)


def interrupted(train, crashes, folder):
    """Run a training, crash where said, and start it again, with random numbers that have moved on."""
    for crash in [*crashes, None]:
        tahr.utils.set_random_seed(1000 if os.path.exists(folder / "training_state.npz") else 0)
        try:
            return train(crash)
        except Killed:
            assert crash is not None
    raise AssertionError("never came to the end")


def trained(folder, backup, crash=None, callbacks=lambda folder: [], optimizer="adam", epochs=4, **options):
    model = network(optimizer)
    own = [*callbacks(folder), *([backup] if backup else []), *([crash] if crash else []),
           CSVLogger(folder / "log.csv")]
    model.fit(X, Y, batch_size=5, epochs=epochs, verbose=0, validation_split=0.2, callbacks=own, **options)
    return outcome(model, folder)


CASES = {
    "plain": {},
    "stopping": {"callbacks": lambda f: [EarlyStopping(patience=2, restore_best_weights=True),
                                         ReduceLROnPlateau(patience=1, factor=0.5, min_delta=10.0)], "epochs": 6},
    "rates": {"callbacks": lambda f: [LearningRateScheduler(lambda epoch, lr: lr * 0.7)], "optimizer": "rmsprop"},
    "averages": {"callbacks": lambda f: [SwapEMAWeights(swap_on_epoch=True)],
                 "optimizer": lambda: tahr.optimizers.Adam(use_ema=True)},
    "gathered": {"optimizer": lambda: tahr.optimizers.SGD(0.1, momentum=0.9, gradient_accumulation_steps=4)},
    "schedule": {"optimizer": lambda: tahr.optimizers.Nadam()},
    "unshuffled": {"shuffle": False},
}


@pytest.mark.parametrize("save_freq, crashes", [
    ("epoch", [(1, 3)]), ("epoch", [(0, 2)]), ("epoch", [(1, None), (2, 0), (3, None)]), (1, [(1, 3)]), (2, [(1, 4)]),
    (4, [(0, 5), (2, 1), (2, 3)]), (1, [(1, 5)]), (6, [(2, 5)]),
])
@pytest.mark.parametrize("name", CASES)
def test_a_training_that_goes_on_is_one_that_never_broke_off(name, save_freq, crashes, tmp_path):
    case = {**CASES[name]}
    make = case.pop("optimizer", "adam")
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir(), broken.mkdir()
    optimizer = lambda: make() if callable(make) else make
    tahr.utils.set_random_seed(0)
    expected = trained(whole, None, optimizer=optimizer(), **case)

    def train(crash):
        backup = BackupAndRestore(tmp_path / "backup", save_freq=save_freq)
        return trained(broken, backup, crash and Crash(*crash), optimizer=optimizer(), **case)

    found = interrupted(train, crashes, tmp_path / "backup")
    for key in expected:
        assert equal(expected[key], found[key]), key
    assert not (tmp_path / "backup").exists()


PROGRAM = """
import json, os, signal, sys
import numpy as np
import tahr
from tahr.callbacks import BackupAndRestore, LambdaCallback

folder, kill_at, freq = sys.argv[1], int(sys.argv[2]), sys.argv[3]
tahr.utils.set_random_seed(0)
x = np.random.normal(size=(64, 6)).astype("float32")
y = x[:, :1] * x[:, 1:2]
model = tahr.Sequential([tahr.layers.Dense(8, activation="tanh", input_dim=6), tahr.layers.Dropout(0.3),
                         tahr.layers.Dense(1)])
model.compile("adam", "mse", run_eagerly=sys.argv[4] == "eager")
count = [0]

def kill(*_):
    count[0] += 1
    if count[0] == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)

backup = BackupAndRestore(folder, save_freq=freq if freq == "epoch" else int(freq))
model.fit(x, y, batch_size=8, epochs=4, verbose=0, callbacks=[LambdaCallback(on_batch_end=kill), backup])
print(json.dumps([[w.tolist() for w in model.get_weights()], model.history.history, int(model.optimizer.iterations)]))
"""


def run(folder, kill_at, freq, mode):
    command = [sys.executable, "-c", PROGRAM, str(folder), str(kill_at), freq, mode]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("freq, mode", [("epoch", "eager"), ("3", "eager"), ("3", "compiled")])
def test_a_killed_process(freq, mode, tmp_path):
    """To the bit; compiled steps round otherwise than the first ones of a run, which are not yet compiled."""
    expected = run(tmp_path / "whole", 0, freq, mode)
    assert expected.returncode == 0, expected.stderr
    for _ in range(2):      # 11 batches on from where it stood
        assert run(tmp_path / "broken", 11, freq, mode).returncode == -signal.SIGKILL
    weights, history, iterations = json.loads(run(tmp_path / "broken", 0, freq, mode).stdout)
    expected = json.loads(expected.stdout)
    if mode == "eager":
        assert [weights, history, iterations] == expected
    assert iterations == expected[2] and history.keys() == expected[1].keys()
    for found, wanted in zip([*weights, history["loss"]], [*expected[0], expected[1]["loss"]], strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_checkpoints_remember_what_was_best(tmp_path):
    saved = []

    def train(crash):
        model = tahr.Sequential([Dense(1, input_dim=6)])
        model.compile("sgd", "mse")
        model.save_weights = saved.append
        values = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(score=[3.0, 1.0, 2.0, 0.5][epoch]))
        keep = ModelCheckpoint("{epoch}", "score", save_best_only=True, save_weights_only=True)
        model.fit(X, Y, epochs=4, verbose=0, callbacks=[
            values, keep, *([Crash(*crash)] if crash else []), BackupAndRestore(tmp_path / "backup")])

    interrupted(train, [(2, None)], tmp_path / "backup")
    assert saved == ["1", "2", "4"]     # without its state it would save the third epoch, when it is seen again


@pytest.mark.parametrize("freq", ["epoch", 2])
def test_states_of_recurrent_layers_go_on(freq, tmp_path):
    x, y = np.random.default_rng(1).normal(size=(18, 4, 5)).astype("float32"), np.ones((18, 1), "float32")

    def train(crash, backup=True):
        first = {"batch_input_shape": (6, 4, 5)}
        model = tahr.Sequential([LSTM(3, stateful=True, return_sequences=True, **first), LSTM(2), Dense(1)])
        model.compile("adam", "mse")
        own = [*([BackupAndRestore(tmp_path / "backup", save_freq=freq)] if backup else []),
               *([Crash(*crash)] if crash else [])]
        model.fit(x, y, batch_size=6, epochs=3, verbose=0, callbacks=own)
        return outcome(model) | {"states": [s.data.copy() for s in model.layers[0].states]}

    tahr.utils.set_random_seed(0)
    expected = train(None, backup=False)
    assert equal(expected, interrupted(train, [(1, 2)], tmp_path / "backup"))


@pytest.mark.parametrize("freq", ["epoch", 2])
def test_models_that_their_data_build(freq, tmp_path):
    def train(crash, backup=True):
        model = tahr.Sequential([Embedding(9, 3), LSTM(4), Dense(1)])
        model.compile("adam", "mse")
        own = [*([BackupAndRestore(tmp_path / "backup", save_freq=freq)] if backup else []),
               *([Crash(*crash)] if crash else [])]
        model.fit(np.arange(36).reshape(12, 3) % 9, np.ones((12, 1)), batch_size=4, epochs=3, verbose=0, callbacks=own)
        return outcome(model)

    tahr.utils.set_random_seed(0)
    assert equal(train(None, backup=False), interrupted(train, [(1, 2), (2, 1)], tmp_path / "backup"))


class Batches(tahr.utils.Sequence):
    """Batches with noise drawn from NumPy."""

    def __len__(self):
        return 5

    def __getitem__(self, i):
        return X[i * 5:i * 5 + 5] + np.random.normal(size=(5, 6)) * 0.1, Y[i * 5:i * 5 + 5]


def generator():
    while True:
        for i in range(5):
            yield X[i * 5:i * 5 + 5], Y[i * 5:i * 5 + 5]


@pytest.mark.parametrize("make, options", [(Batches, {"workers": 0, "shuffle": False}),
                                           (generator, {"steps_per_epoch": 5, "workers": 0})])
@pytest.mark.parametrize("freq", ["epoch", 1])
def test_streams(freq, make, options, tmp_path):
    def train(crash, backup=True):
        model = network()
        own = [*([BackupAndRestore(tmp_path / "backup", save_freq=freq)] if backup else []),
               *([Crash(*crash)] if crash else [])]
        model.fit(make(), epochs=3, verbose=0, callbacks=own, **options)
        return outcome(model)

    tahr.utils.set_random_seed(0)
    assert equal(train(None, backup=False), interrupted(train, [(1, 2)], tmp_path / "backup"))


def test_metrics_that_come_with_the_first_batch(tmp_path):
    class Reporting(Dense):
        def call(self, inputs):
            self.add_metric(inputs.sum(), "total")
            return super().call(inputs)

    def several(y_true, y_pred):
        return {"low": y_pred.min(), "high": y_pred.max()}

    def train(crash, backup=True):
        model = tahr.Sequential([Reporting(1, input_dim=6)])
        model.compile("adam", "mse", metrics=[several])
        own = [*([BackupAndRestore(tmp_path / "backup", save_freq=1)] if backup else []),
               *([Crash(*crash)] if crash else [])]
        model.fit(X, Y, batch_size=5, epochs=2, verbose=0, callbacks=own)
        return outcome(model)

    tahr.utils.set_random_seed(0)
    expected = train(None, backup=False)
    assert {"loss", "low", "high", "total"} <= expected["history"].keys()
    assert equal(expected, interrupted(train, [(0, 3), (1, 6)], tmp_path / "backup"))


# The files

def fit(folder, epochs=2, model=None, crash=None, **options):
    model = model or network()
    model.fit(X, Y, epochs=epochs, verbose=0, callbacks=[
        *([Crash(*crash)] if crash else []), BackupAndRestore(folder, **options)])
    return model


def test_backups_stay_as_asked(tmp_path):
    model = fit(tmp_path / "a", delete_checkpoint=False)
    assert os.listdir(tmp_path / "a") == ["training_state.npz"]
    again = fit(tmp_path / "a", delete_checkpoint=False)        # nothing is left to train
    assert equal(outcome(model), outcome(again)) and again.history.epoch == [0, 1]
    longer = fit(tmp_path / "a", epochs=3)
    assert longer.history.epoch == [0, 1, 2] and not (tmp_path / "a").exists()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine.txt").write_text("other files")
    (tmp_path / "b" / ".0123456789abcdef.part").write_text("of a killed process")
    fit(tmp_path / "b")
    assert os.listdir(tmp_path / "b") == ["mine.txt"]


def test_an_error_or_ctrl_c_keeps_the_backup(tmp_path):
    for error in (KeyboardInterrupt, ValueError):
        def fail(epoch, logs, error=error):
            if epoch == 1:
                raise error
        with pytest.raises(error):
            network().fit(X, Y, epochs=3, verbose=0, callbacks=[LambdaCallback(on_epoch_begin=fail),
                                                                BackupAndRestore(tmp_path / "a")])
        assert os.listdir(tmp_path / "a") == ["training_state.npz"]


def test_a_stopped_training_stays_stopped(tmp_path):
    def stopped(folder, crash):
        model = network()
        model.fit(X, Y, epochs=9, verbose=0, callbacks=[
            EarlyStopping("loss", patience=1, min_delta=100.0), LambdaCallback(on_train_end=crash),
            BackupAndRestore(folder)])
        return model

    def crash(logs):
        raise Killed

    with pytest.raises(Killed):
        stopped(tmp_path / "a", crash)
    assert stopped(tmp_path / "a", None).history.epoch == [0, 1]


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


def test_the_backup_before_the_last(tmp_path):
    with pytest.raises(Killed):
        fit(tmp_path / "a", 5, crash=(3, None), double_checkpoint=True)
    assert sorted(os.listdir(tmp_path / "a")) == ["previous_state.npz", "training_state.npz"]
    damage(tmp_path / "a" / "training_state.npz")
    with pytest.warns(RuntimeWarning, match="the last backup cannot be used .*goes on from the one before"):
        model = fit(tmp_path / "a", 5, double_checkpoint=True)
    assert model.history.epoch == [0, 1, 2, 3, 4]


def test_damaged_backups_and_those_of_others_are_refused(tmp_path):
    with pytest.raises(Killed):
        fit(tmp_path / "a", crash=(1, None))
    path = tmp_path / "a" / "training_state.npz"
    good = path.read_bytes()
    other = tahr.Sequential([Dense(1, input_dim=6)])
    other.compile("adam", "mse")
    before = other.get_weights()
    with pytest.raises(ModelFileError, match="does not fit this training .*weights are .*delete the folder"):
        fit(tmp_path / "a", model=other)
    assert equal(before, other.get_weights())
    with pytest.raises(ModelFileError, match="another optimizer: Adam, this model is trained by SGD"):
        fit(tmp_path / "a", model=network("sgd"))
    damage(path)
    with pytest.raises(ModelFileError, match="the backup cannot be used"):
        fit(tmp_path / "a")
    path.write_bytes(good)
    state = read_state(path)
    for name, value in (("epoch", "x"), ("epoch", None), ("training", {}), ("callbacks", [["EarlyStopping"]])):
        write_state(path, {**state, name: value})
        with pytest.raises(ModelFileError):
            fit(tmp_path / "a")


@pytest.mark.parametrize("options, text", [({"save_freq": 0}, "save_freq must be"), ({"save_freq": True}, "save_freq"),
                                           ({"save_freq": "batch"}, "save_freq"), ({"backup_dir": ""}, "backup_dir")])
def test_arguments(options, text):
    with pytest.raises(ValueError, match=text):
        BackupAndRestore(**{"backup_dir": "x", **options})


# States

@pytest.mark.parametrize("state", [
    {}, [], None, 1, -2 ** 70, "x", 0.1, float("inf"),
    {"a": [1, {"b": [np.arange(3), None, True]}], "c": np.float32(2)},
    [np.zeros((0, 2)), np.array(True), np.arange(3, dtype="uint64")], (1, 2.5),
])
def test_states_come_back(state, tmp_path):
    write_state(tmp_path / "s.npz", state)
    found = read_state(tmp_path / "s.npz")
    assert equal(state, found) and np.isnan(read_back(float("nan"), tmp_path))


def read_back(state, folder):
    write_state(folder / "n.npz", state)
    return read_state(folder / "n.npz")


@pytest.mark.parametrize("state", [{1: 2}, {"__array__": "x"}, object(), np.array([object()]), b"x", {1, 2}])
def test_what_is_no_state(state, tmp_path):
    with pytest.raises(TypeError):
        write_state(tmp_path / "s.npz", {"a": state})
    assert not list(tmp_path.iterdir())
