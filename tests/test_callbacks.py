"""Callbacks: what each does to a model and its logs; a row for each, and nothing can be added untested."""

import copy
import csv
import http.server
import io
import json
import math
import sys
import threading
import types
import urllib.parse
import weakref

import numpy as np
import pytest

import tahr
from tahr import callbacks
from tahr.callbacks import (
    BackupAndRestore,
    BaseLogger,
    Callback,
    CallbackList,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    Monitor,
    ProgbarLogger,
    ReduceLROnPlateau,
    RemoteMonitor,
    ResetStates,
    SwapEMAWeights,
    TensorBoard,
    TerminateOnNaN,
)
from tahr.callbacks.history import Logs

ROWS = {        # every callback, and options that are not its defaults
    BackupAndRestore: {"backup_dir": "x", "save_freq": 3, "double_checkpoint": True, "delete_checkpoint": False},
    BaseLogger: {"stateful_metrics": ["lr"]}, CSVLogger: {"filename": "x.csv", "separator": ";", "append": True},
    EarlyStopping: {"monitor": "loss", "patience": 3, "mode": "min", "baseline": 0.5, "start_from_epoch": 2},
    History: {}, LambdaCallback: {}, LearningRateScheduler: {"schedule": abs, "verbose": 1},
    ModelCheckpoint: {"filepath": "x.h5", "save_best_only": True, "period": 2, "initial_value_threshold": 0.5},
    Monitor: {"monitor": "loss", "mode": "max"}, ProgbarLogger: {"verbose": 2, "count_mode": "samples"},
    ReduceLROnPlateau: {"factor": 0.5, "min_lr": 0.1, "cooldown": 2},
    RemoteMonitor: {"root": "https://x", "send_as_json": True}, ResetStates: {"epochs": False},
    SwapEMAWeights: {"swap_on_epoch": True}, TensorBoard: {"log_dir": "x", "update_freq": 5},
    TerminateOnNaN: {"raise_error": True},
}
HOOKS = [name for name in dir(Callback) if name.startswith("on_")]


class Optimizer:
    learning_rate = 1.0


class Model:
    """What callbacks may expect of a model: its public attributes."""

    def __init__(self):
        self.optimizer, self.stop_training, self.weight, self.saved, self.resets = Optimizer(), False, 0.0, [], 0

    def get_weights(self):
        return [np.array(self.weight)]

    def set_weights(self, weights):
        self.weight = float(weights[0])

    def save(self, path):
        self.saved.append(("model", path))

    def save_weights(self, path):
        self.saved.append(("weights", path))

    def reset_states(self):
        self.resets += 1


def ours():
    return {c for c in Callback.registry.values() if c.__module__.startswith("tahr.")
            and getattr(sys.modules[c.__module__], c.__name__, None) is c}


def train(callback, losses, model=None, name="val_loss", **logs):
    """Epoch after epoch with these values, until the callback stops it; the weight is the epoch's number."""
    model = model or Model()
    run, seen = CallbackList([callback], model, {"epochs": len(losses), "metrics": ["loss", "val_loss"]}), []
    run.on_train_begin({})
    for epoch, value in enumerate(losses):
        run.on_epoch_begin(epoch, {})
        model.weight = float(epoch)
        seen.append({name: value, **logs})
        run.on_epoch_end(epoch, seen[-1])
        if model.stop_training:
            break
    run.on_train_end({})
    return model, seen


def test_every_callback_has_a_row():
    assert ours() == set(ROWS)
    assert set(callbacks.__all__) == {c.__name__ for c in ROWS} | {"Callback", "CallbackList"}


@pytest.mark.parametrize("cls", ROWS, ids=lambda c: c.__name__)
def test_config_round_trip(cls):
    made = cls(**ROWS[cls])
    config = made.get_config()
    expected = {**ROWS[cls], **({"schedule": "abs"} if cls is LearningRateScheduler else {})}
    assert config.items() >= expected.items()
    if cls is not LearningRateScheduler:        # which holds a function
        assert cls.from_config(json.loads(json.dumps(config))).get_config() == config
    assert copy.deepcopy(made).get_config() == config
    with pytest.raises(TypeError, match="unknown argument 'no_such'"):
        cls(**ROWS[cls], no_such=1)


# The list

def test_every_moment_reaches_every_callback_in_order():
    seen = []

    def note(i, name):
        return lambda self, *args: seen.append((i, name, args))
    made = [type(f"Noting{i}", (Callback,), {name: note(i, name) for name in HOOKS})() for i in range(2)]
    run = CallbackList(made, Model(), {})
    for name in HOOKS:
        args = ({"x": 1},) if name.endswith(("train_begin", "train_end", "test_begin", "test_end", "predict_begin",
                                             "predict_end")) else (3, {"x": 1})
        seen.clear()
        getattr(run, name)(*args)
        assert seen == [(0, name, args), (1, name, args)]
    for c in made:
        assert c.params == {} and isinstance(c.model, Model)


def test_both_names_of_batches():
    class Old(Callback):
        def on_batch_begin(self, batch, logs=None):
            self.began = batch

        def on_batch_end(self, batch, logs=None):
            self.ended = batch, logs

    old = Old()
    run = CallbackList([old])
    run.on_train_batch_begin(1, {})
    run.on_train_batch_end(1, {"loss": 2.0})
    assert old.began == 1 and old.ended == (1, {"loss": 2.0})


def test_list():
    first, model = Callback(), Model()
    run = CallbackList([first])
    assert first.model is None and first.params is None and list(run) == [first]
    run.on_epoch_begin(0)
    run.set_model(model)
    run.set_params({"epochs": 3})
    seen = []
    run.append(LambdaCallback(on_epoch_begin=lambda epoch, logs: seen.append(epoch)))
    run.on_epoch_begin(4, {})
    assert seen == [4] and run.callbacks[1].model is model and run.callbacks[1].params == {"epochs": 3}
    with pytest.raises(AttributeError):
        _ = run.on_no_such_moment
    for wrong, hint in ((abs, ""), (Callback, "did you forget the parentheses")):
        with pytest.raises(TypeError, match=f"callbacks must be Callback objects, got .*{hint}"):
            CallbackList([wrong])


@pytest.mark.parametrize("own, batch, slow", [(0.5, 0.2, True), (0.5, 2.0, False), (0.01, 0.001, False)])
def test_slow_callbacks_are_named_once(own, batch, slow, monkeypatch, recwarn):
    now = [0.0]
    monkeypatch.setattr("tahr.callbacks.base.time.perf_counter", lambda: now[0])

    class Slow(Callback):
        def on_train_batch_end(self, batch, logs=None):
            now[0] += own

    run = CallbackList([Slow()], queue_length=4)
    for i in range(12):
        run.on_train_batch_begin(i, {})
        now[0] += batch
        run.on_train_batch_end(i, {})
    found = [str(w.message) for w in recwarn]
    recwarn.clear()
    assert len(found) == slow
    assert all("the callbacks' on_train_batch_end takes 0.50s, the batch itself 0.20s" in text for text in found)


def test_lists_are_no_cycle(no_gc):
    """The model that a list holds is freed with it, without the garbage collector."""
    model = Model()
    run = CallbackList([Callback(), LambdaCallback(on_batch_end=lambda *args: None)], model, {})
    for name in HOOKS:
        getattr(run, name)(0, {})
    watched = weakref.ref(model)
    del model, run
    assert watched() is None


# Logs and histories

def test_logs_find_acc_and_accuracy():
    logs = Logs(acc=1.0, val_accuracy=2.0)
    assert logs["accuracy"] == logs["acc"] == 1.0 and logs["val_acc"] == logs.get("val_acc") == 2.0
    assert "accuracy" in logs and "val_acc" in logs and "loss" not in logs and 3 not in logs
    assert logs.get("loss") is None and list(logs) == ["acc", "val_accuracy"]
    with pytest.raises(KeyError, match="loss"):
        logs["loss"]
    assert Logs(acc=1.0, accuracy=2.0)["accuracy"] == 2.0


def test_history():
    history = History()
    train(history, [3.0, 2.0], loss=1.0)
    assert history.history == {"val_loss": [3.0, 2.0], "loss": [1.0, 1.0]} and history.epoch == [0, 1]
    train(history, [5.0])
    assert history.history == {"val_loss": [5.0]} and history.epoch == [0]


def test_base_logger_fills_in_what_lacks():
    logger, logs = BaseLogger(["lr"]), {"loss": 9.0}
    logger.on_epoch_begin(0)
    for batch, (size, x) in enumerate([(4, 1.0), (1, 6.0)]):
        logger.on_train_batch_end(batch, {"batch": batch, "size": size, "loss": 0.0, "own": x, "lr": x})
    logger.on_epoch_end(0, logs)
    assert logs == {"loss": 9.0, "own": 2.0, "lr": 6.0}


# Stopping

def early(losses, best, stop, **options):
    """Options of EarlyStopping, the epoch that it finds best, and the last epoch that runs."""
    return pytest.param(losses, best, stop, options, id=f"{options}")


@pytest.mark.parametrize("losses, best, stop, options", [
    early([3, 2, 1, 0], 3, 3), early([3, 2, 2, 0], 1, 2), early([3, 4, 5, 2, 1], 0, 1, patience=1),
    early([3, 4, 5, 2, 1], 0, 2, patience=2), early([3, 4, 2, 4, 4, 1], 2, 4, patience=2),
    early([3, 5, 4, 4, 9], 1, 3, patience=2, mode="max"),
    early([3, 2.9, 2.8, 2.7, 1], 0, 2, patience=2, min_delta=0.5), early([3, 2, 1], 1, 1, patience=2, baseline=1.5),
    early([3, 1.4, 2, 2, 1], 1, 3, patience=2, baseline=1.5), early([3, 2.5, 2.2, 1], 2, 2, patience=3, baseline=2.0),
    early([3, 9, 9, 2, 3, 4], 3, 5, patience=2, start_from_epoch=3),
    early([3, math.nan, math.nan, 1], 0, 2, patience=2), early([math.nan, math.nan, 1], 0, 1, patience=2),
])
def test_early_stopping(losses, best, stop, options):
    for restore in (False, True):
        model, seen = train(EarlyStopping(**options, restore_best_weights=restore), losses)
        assert len(seen) == stop + 1
        assert model.weight == (best if restore else stop)
        assert model.stop_training == (losses != [3, 2, 1, 0])


def test_early_stopping_restores_however_training_ends():
    stopping = EarlyStopping(patience=10, restore_best_weights=True)
    model, _ = train(stopping, [3, 1, 2])
    assert model.weight == 1.0 and not model.stop_training and stopping.best == 1 and stopping.best_epoch == 1
    train(stopping, [5, 6])         # begins anew
    assert stopping.best == 5


def test_early_stopping_says_so(capsys):
    train(EarlyStopping(verbose=1, restore_best_weights=True), [3, 1, 2])
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 3: early stopping, val_loss was best in epoch 2", "Restoring the weights of epoch 2"]
    train(EarlyStopping(), [3, 1, 2])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("make", [EarlyStopping, ReduceLROnPlateau,
                                  lambda: ModelCheckpoint("x", save_best_only=True)])
def test_a_log_that_is_not_there_is_said_once(make):
    callback = make()
    with pytest.warns(RuntimeWarning, match=r"watches 'val_loss', which is not among the logs: loss$") as caught:
        model, _ = train(callback, [3, 4, 5], name="loss")
    assert len(caught) == 1 and not model.stop_training and not model.saved


@pytest.mark.parametrize("name, larger", [
    ("val_loss", False), ("loss", False), ("val_acc", True), ("accuracy", True), ("fmeasure", True), ("val_auc", True),
    ("precision", True), ("f1_score", True), ("mean_io_u", True), ("mse", False), ("out_binary_accuracy", True),
    ("r2_score", True), ("mae", False), ("matthews_correlation", True)])
def test_which_way_is_better(name, larger):
    assert EarlyStopping(name).larger == larger
    assert EarlyStopping(name, mode="min").larger is False and EarlyStopping(name, mode="max").larger is True
    model, seen = train(EarlyStopping(name), [1, 2, 3] if larger else [3, 2, 1], name=name)
    assert len(seen) == 3
    with pytest.raises(ValueError, match="mode must be 'auto', 'min' or 'max', got 'up'"):
        EarlyStopping(name, mode="up")


def test_acc_and_accuracy_are_one_log_to_watch():
    model, seen = train(EarlyStopping("val_acc"), [1, 2, 1, 3], name="val_accuracy")
    assert len(seen) == 3


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_terminate_on_nan(loss, capsys):
    callback, model = TerminateOnNaN(), Model()
    run = CallbackList([callback], model, {})
    run.on_train_batch_end(0, {"loss": 1.0})
    run.on_train_batch_end(1, {})
    assert not model.stop_training
    run.on_train_batch_end(2, {"loss": loss})
    assert model.stop_training and capsys.readouterr().out == f"Batch 2: the loss became {loss}, training ends\n"
    with pytest.raises(RuntimeError, match=f"the loss became {loss} in batch 2"):
        TerminateOnNaN(raise_error=True).on_train_batch_end(2, {"loss": loss})


# Learning rates

def test_learning_rate_scheduler(capsys):
    model, seen = train(LearningRateScheduler(lambda epoch: 0.5 ** epoch), [1, 1, 1])
    assert [logs["lr"] for logs in seen] == [1.0, 0.5, 0.25] and capsys.readouterr().out == ""
    model, seen = train(LearningRateScheduler(lambda epoch, lr: np.float32(lr / 2), verbose=1), [1, 1])
    assert model.optimizer.learning_rate == 0.25 and type(model.optimizer.learning_rate) is float
    assert capsys.readouterr().out.splitlines() == ["Epoch 1: the learning rate is 0.5",
                                                    "Epoch 2: the learning rate is 0.25"]
    for wrong in ("fast", None, True, math.nan, [1.0]):
        with pytest.raises(ValueError, match="the schedule must return a finite number, the learning rate, got"):
            train(LearningRateScheduler({0: wrong}.get), [1])
    plain = Model()
    plain.optimizer = None
    with pytest.raises(ValueError, match="no optimizer with a learning rate: compile it first"):
        train(LearningRateScheduler(lambda epoch: 1.0), [1], plain)


@pytest.mark.parametrize("losses, options, rates", [
    ([3, 3, 3, 3, 3], {"factor": 0.5, "patience": 2}, [1, 1, 1, 0.5, 0.5]),
    ([3, 2, 1, 0.5, 0.4], {"factor": 0.5, "patience": 1}, [1, 1, 1, 1, 1]),
    ([3, 3, 3, 3, 3], {"factor": 0.5, "patience": 1}, [1, 1, 0.5, 0.25, 0.125]),
    ([3, 3, 3, 3, 3, 3], {"factor": 0.5, "patience": 1, "cooldown": 2}, [1, 1, 0.5, 0.5, 0.25, 0.25]),
    ([3, 3, 3, 3], {"factor": 0.1, "patience": 1, "min_lr": 0.3}, [1, 1, 0.3, 0.3]),
    ([3, 2.99, 2.98, 2.97], {"factor": 0.5, "patience": 1, "min_delta": 0.1}, [1, 1, 0.5, 0.25]),
    ([3, 4, 5, 5, 5], {"factor": 0.5, "patience": 1, "mode": "max"}, [1, 1, 1, 1, 0.5]),
])
def test_reduce_on_plateau(losses, options, rates, capsys):
    """The rate that the logs show is that of the epoch: a reduction is seen in the next one."""
    _, seen = train(ReduceLROnPlateau(**options), losses)
    assert [logs["lr"] for logs in seen] == pytest.approx(rates)
    assert capsys.readouterr().out == ""


def test_reduce_on_plateau_says_so(capsys):
    train(ReduceLROnPlateau(factor=0.5, patience=1, verbose=1), [3, 3])
    assert capsys.readouterr().out == "Epoch 2: val_loss is no better, the learning rate falls to 0.5\n"
    for factor in (1.0, 2.0, -0.1):
        with pytest.raises(ValueError, match="factor must be at least 0 and below 1, got"):
            ReduceLROnPlateau(factor=factor)


# Saving

def test_checkpoints_of_every_epoch(tmp_path):
    path = tmp_path / "new" / "m.{epoch:02d}-{val_loss:.1f}-{val_acc:.0f}.h5"
    model, _ = train(ModelCheckpoint(path), [3.0, 2.0], val_accuracy=7)
    assert model.saved == [("model", str(tmp_path / "new" / name)) for name in ("m.01-3.0-7.h5", "m.02-2.0-7.h5")]
    assert (tmp_path / "new").is_dir()
    model, _ = train(ModelCheckpoint("w.h5", save_weights_only=True, period=2), [1, 2, 3, 4, 5])
    assert model.saved == [("weights", "w.h5")] * 2


@pytest.mark.parametrize("losses, options, epochs", [
    ([3, 2, 4, 1], {}, [1, 2, 4]), ([3, 2, 4, 5], {"mode": "max"}, [1, 3, 4]),
    ([3, 2, 4, 1], {"initial_value_threshold": 2.5}, [2, 4]), ([math.nan, 2, math.nan], {}, [2]),
    ([3, 2, 1, 4], {"period": 2}, [2]),
])
def test_checkpoints_of_the_best(losses, options, epochs, capsys):
    callback = ModelCheckpoint("m.{epoch}.h5", save_best_only=True, verbose=1, **options)
    model, _ = train(callback, losses)
    assert model.saved == [("model", f"m.{epoch}.h5") for epoch in epochs]
    text = capsys.readouterr().out
    assert text.count("saving m.") == len(epochs) and text.count("\n") == len(losses) // options.get("period", 1)


def test_checkpoints_of_batches():
    callback, model = ModelCheckpoint("m.{epoch}.{batch}.h5", save_freq=3), Model()
    run = CallbackList([callback], model, {})
    for epoch in range(2):
        run.on_epoch_begin(epoch, {})
        for batch in range(4):
            run.on_train_batch_begin(batch, {})
            run.on_train_batch_end(batch, {"loss": 1.0})
        run.on_epoch_end(epoch, {"loss": 1.0})
    assert model.saved == [("model", "m.1.3.h5"), ("model", "m.2.2.h5")]


def test_checkpoints_count_batches_that_were_one_call():
    run, model = ModelCheckpoint("{epoch}-{batch}", save_freq=3), Model()
    run.set_model(model)
    for epoch in range(2):
        run.on_epoch_begin(epoch)
        for last in (1, 3, 5, 6):       # batches 0 and 1, 2 and 3, 4 and 5, 6
            run.on_train_batch_end(last, {})
    assert [path for _, path in model.saved] == ["1-4", "1-7", "2-4", "2-7"]


def test_checkpoints_take_the_arguments_of_keras_3():
    assert ModelCheckpoint("x", "val_loss", 0, False, True, "auto", "epoch").get_config()["save_freq"] == "epoch"
    assert not ModelCheckpoint("x").of_batches and ModelCheckpoint("x", save_freq=5).of_batches


def test_checkpoints_of_weights_are_files(tmp_path):
    model = tahr.Sequential([tahr.layers.Dense(1, input_dim=2)])
    model.compile("sgd", "mse")
    for ending in ("h5", "npz", "safetensors"):
        keep = ModelCheckpoint(tmp_path / ending / ("{epoch:02d}-{loss:.1f}." + ending), save_weights_only=True)
        model.fit(np.zeros((4, 2)), np.zeros((4, 1)), epochs=2, verbose=0, callbacks=[keep])
        assert sorted(p.name for p in (tmp_path / ending).iterdir()) == [f"01-0.0.{ending}", f"02-0.0.{ending}"]
        model.load_weights(tmp_path / ending / f"02-0.0.{ending}")


def test_checkpoint_errors():
    with pytest.raises(ValueError, match=r"the path 'm.\{val_los\}' names 'val_los', which is not among val_loss, "):
        train(ModelCheckpoint("m.{val_los}"), [1])
    for name in ("period", "save_freq"):
        for wrong in (0, 1.5, True, "batch"):
            with pytest.raises(ValueError, match=f"{name} must be a positive integer"):
                ModelCheckpoint("x", **{name: wrong})
    with pytest.raises(TypeError, match="needs a model with a method save_weights, Optimizer has none"):
        ModelCheckpoint("x", save_weights_only=True).set_model(Optimizer())


# Recording

def rows(path, separator=","):
    with open(path, newline="") as file:
        return list(csv.reader(file, delimiter=separator))


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    model, run = Model(), CSVLogger(path)
    run.set_params({"metrics": ["loss", "val_loss"]})
    run.on_train_begin({})
    run.on_epoch_end(0, {"loss": np.float32(0.5), "f1": np.array([1.0, 2.0])})
    header = ["epoch", "f1", "loss", "val_loss"]
    assert rows(path) == [header, ["0", "[1.0, 2.0]", "0.5", "NA"]]      # at once, before the file is closed
    run.on_epoch_end(1, {"loss": 0.25, "val_loss": 1.0, "new": 3})
    run.on_train_end({})
    assert rows(path)[2] == ["1", "NA", "0.25", "1.0"]
    train(CSVLogger(path), [3.0], model)
    assert rows(path) == [["epoch", "val_loss"], ["0", "3.0"]]
    train(CSVLogger(path, append=True), [4.0])
    assert rows(path) == [["epoch", "val_loss"], ["0", "3.0"], ["0", "4.0"]]
    train(CSVLogger(tmp_path / "new.csv", separator=";", append=True), [4.0])
    assert rows(tmp_path / "new.csv", ";") == [["epoch", "val_loss"], ["0", "4.0"]]


@pytest.fixture
def server():
    """A server on this machine that keeps what it is sent."""
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            received.append((self.path, dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    running = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}", received
    running.shutdown()
    thread.join()
    running.server_close()


def test_remote_monitor(server):
    root, received = server
    train(RemoteMonitor(root, headers={"X-Run": "7"}), [np.float32(0.5)])
    train(RemoteMonitor(root, "/json", send_as_json=True), [np.array([1.0, 2.0])])
    (path, headers, body), (other, _, text) = received
    assert path == "/publish/epoch/end/" and other == "/json" and headers["X-Run"] == "7"
    assert json.loads(urllib.parse.parse_qs(body.decode())["data"][0]) == {"epoch": 0, "val_loss": 0.5}
    assert json.loads(text) == {"epoch": 0, "val_loss": [1.0, 2.0]}
    with pytest.raises(ValueError, match="root must begin with http"):
        RemoteMonitor("file:///etc/passwd")


def test_remote_monitor_without_a_server():
    with pytest.warns(RuntimeWarning, match="RemoteMonitor could not send to .*: .*refused"):
        train(RemoteMonitor("http://127.0.0.1:1"), [1.0])


# Small ones

def test_lambda_callback():
    seen = []
    names = list(HOOKS)
    callback = LambdaCallback(**{name: lambda *args, name=name: seen.append((name, args)) for name in names})
    run = CallbackList([callback], Model(), {})
    for name in names:
        seen.clear()
        getattr(run, name)(1, {"x": 2})
        assert seen == [(name, (1, {"x": 2}))]
    with pytest.raises(TypeError, match="on_epoch_end must be a function, got int 3"):
        LambdaCallback(on_epoch_end=3)
    assert vars(LambdaCallback()).keys() == vars(Callback()).keys()


@pytest.mark.parametrize("options, resets", [({}, 6), ({"tests": False}, 2), ({"epochs": False}, 4)])
def test_reset_states(options, resets):
    model = Model()
    run = CallbackList([ResetStates(**options)], model, {})
    for epoch in range(2):
        run.on_epoch_begin(epoch, {})
        run.on_test_begin({})
        run.on_test_end({})
        run.on_epoch_end(epoch, {})
    assert model.resets == resets


def test_swap_ema_weights():
    class Averaging(Optimizer):
        use_ema = True

        def swap_ema(self, variables):
            self.swaps += 1
            assert variables == "weights"

    model = Model()
    model.trainable_weights, model.optimizer = "weights", Averaging()
    for at_epochs in (False, True):
        model.optimizer.swaps, seen = 0, []
        note = lambda *args, seen=seen: seen.append(model.optimizer.swaps % 2)
        run = CallbackList([SwapEMAWeights(at_epochs), LambdaCallback(on_train_batch_end=note, on_epoch_end=note,
                                                                      on_test_batch_end=note)], model, {})
        run.on_train_begin({})
        for epoch in range(2):
            run.on_epoch_begin(epoch, {})
            run.on_train_batch_end(0, {})
            run.on_test_begin({})
            run.on_test_batch_end(0, {})
            run.on_test_end({})
            run.on_epoch_end(epoch, {})
        run.on_train_end({})
        assert seen == [0, 1, int(at_epochs)] * 2 and model.optimizer.swaps % 2 == 0
    run.on_predict_begin({})
    assert model.optimizer.swaps % 2 == 1
    model.optimizer = Optimizer()
    with pytest.raises(ValueError, match="needs an optimizer that keeps means of the weights"):
        CallbackList([SwapEMAWeights()], model, {}).on_test_begin({})


# The progress bar

class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("arguments, counted", [((), "3/3"), (("steps",), "3/3"), (("samples",), "70/70")])
def test_progress_bar(arguments, counted):
    terminal = Terminal()
    bar = ProgbarLogger(*arguments, stream=terminal)
    run = CallbackList([bar], Model(), {"epochs": 1, "steps": 3, "samples": 70})
    run.on_train_begin({})
    run.on_epoch_begin(0, {})
    for i, size in enumerate((32, 32, 6)):
        run.on_train_batch_begin(i, {})
        run.on_train_batch_end(i, {"batch": i, "size": size, "loss": 0.5})
    run.on_epoch_end(0, {"loss": 0.5, "f1": np.array([0.25, 1e-5])})
    run.on_train_end({})
    text = terminal.getvalue()
    assert f"Epoch 1/1 {counted} [" in text and "loss: 0.5000 - f1: [0.2500, 1.0000e-05]" in text and "size" not in text


def test_progress_bar_errors():
    with pytest.raises(ValueError, match="count_mode must be 'steps' or 'samples', got 'batches'"):
        ProgbarLogger("batches")


# TensorBoard

class Writer:
    """Keeps what a SummaryWriter of tensorboardX would write."""

    folders: dict = {}

    def __init__(self, folder):
        self.written = self.folders[folder.replace("\\", "/")] = []

    def add_scalar(self, tag, value, step):
        assert type(value) is float
        self.written.append((tag, round(value, 4), step))

    def add_histogram(self, tag, values, step):
        self.written.append((tag, values.shape, step))

    def add_text(self, tag, text, step):
        self.written.append((tag, text, step))

    def flush(self):
        self.written.append("flush")

    def close(self):
        self.written.append("close")


@pytest.fixture
def writer(monkeypatch):
    monkeypatch.setattr(Writer, "folders", {})
    monkeypatch.setitem(sys.modules, "tensorboardX", types.SimpleNamespace(SummaryWriter=Writer))
    return Writer.folders


def test_tensorboard(writer):
    model = Model()
    model.weights = [types.SimpleNamespace(name="dense/kernel", numpy=lambda: np.ones((2, 3)))]
    model.summary = lambda print_fn: print_fn("one line")
    run = CallbackList([TensorBoard("logs", histogram_freq=2, update_freq=2)], model, {})
    run.on_train_begin({})
    for epoch in range(2):
        run.on_epoch_begin(epoch, {})
        for i in range(3):
            run.on_train_batch_begin(i, {})
            run.on_train_batch_end(i, {"batch": i, "size": 8, "loss": 1.5})
        run.on_epoch_end(epoch, {"loss": 0.5, "val_loss": np.float32(0.25), "val_f1": np.array([0.1, 0.2])})
    run.on_train_end({})
    assert writer["logs/train"] == [
        ("model", "    one line", 0), ("batch_loss", 1.5, 2), ("epoch_loss", 0.5, 0), ("epoch_learning_rate", 1.0, 0),
        ("dense/kernel", (2, 3), 0), "flush", ("batch_loss", 1.5, 4), ("batch_loss", 1.5, 6), ("epoch_loss", 0.5, 1),
        ("epoch_learning_rate", 1.0, 1), "flush", "close"]
    assert writer["logs/validation"] == [
        ("epoch_loss", 0.25, 0), ("epoch_f1_0", 0.1, 0), ("epoch_f1_1", 0.2, 0), "flush",
        ("epoch_loss", 0.25, 1), ("epoch_f1_0", 0.1, 1), ("epoch_f1_1", 0.2, 1), "flush", "close"]


@pytest.mark.parametrize("freq, count", [("epoch", 0), ("batch", 3), (1, 3), (3, 1)])
def test_tensorboard_frequency(writer, freq, count):
    run = CallbackList([TensorBoard("logs", write_graph=False, update_freq=freq, write_steps_per_second=True)],
                       Model(), {})
    run.on_train_begin({})
    run.on_epoch_begin(0, {})
    for i in range(3):
        run.on_train_batch_end(i, {"loss": 1.0})
    run.on_epoch_end(0, {})
    tags = [entry[0] for entry in writer["logs/train"]]
    assert tags.count("batch_loss") == count and "epoch_steps_per_second" in tags


def test_tensorboard_writes_files(tmp_path):
    """With the real writer, where it is installed."""
    pytest.importorskip("tensorboardX")
    train(TensorBoard(tmp_path, write_graph=False), [1.0, 2.0])
    [file] = (tmp_path / "validation").iterdir()
    assert b"epoch_loss" in file.read_bytes()


def test_tensorboard_without_its_writer(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r"by tensorboardX, which is not there: pip install 'tahr\[tensorboard\]'"):
        TensorBoard().set_model(Model())


@pytest.mark.parametrize("options", [{"update_freq": 0}, {"update_freq": "step"}, {"write_images": True},
                                     {"embeddings_freq": 1}, {"write_grads": True}, {"profile_batch": 2}])
def test_tensorboard_errors(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        TensorBoard(**options)
    assert TensorBoard(batch_size=32, write_images=False, embeddings_freq=0).log_dir == "./logs"


# With a real model

def test_in_training(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 4))
    y = (x.sum(1) > 0).astype(float)
    model = tahr.Sequential([tahr.layers.Dense(1, activation="sigmoid", input_shape=(4,))])
    model.compile(tahr.optimizers.SGD(learning_rate=0.5), "binary_crossentropy", metrics=["accuracy", "auc"])
    lines, stopping = [], EarlyStopping("val_auc", patience=2, restore_best_weights=True)
    history = model.fit(x, y, epochs=30, validation_data=(x, y), verbose=0, callbacks=[
        LearningRateScheduler(lambda epoch, lr: lr * 0.9), ReduceLROnPlateau("loss", patience=1), stopping,
        CSVLogger(tmp_path / "log.csv"), TerminateOnNaN(), LambdaCallback(on_epoch_end=lambda e, logs: lines.append(e)),
    ])
    epochs = len(history.epoch)
    assert lines == history.epoch and 3 <= epochs <= 30
    assert set(history.history) == {"loss", "accuracy", "auc", "val_loss", "val_accuracy", "val_auc", "lr"}
    assert history.history["val_acc"] == history.history["val_accuracy"]
    assert history.history["lr"][:2] == pytest.approx([0.45, 0.405]) and len(rows(tmp_path / "log.csv")) == epochs + 1
    found = model.evaluate(x, y, return_dict=True)
    assert found["auc"] == pytest.approx(stopping.best) == max(history.history["val_auc"])
