"""Keras-style packages: Keras 3 on each back end, tf_keras, tahr."""

import importlib
import math
import os
import time

import numpy as np

from .keras_models import compiled, labels
from .measure import Disturbance, time_calls

PARTS = ("models", "layers", "optimizers", "callbacks", "regularizers")     # some packages load them when asked


def start(peer, _threads):
    """Import the package; its version and that of its back end."""
    if peer.backend:
        os.environ["KERAS_BACKEND"] = peer.backend
    keras = importlib.import_module(peer.module)
    for part in PARTS:
        if not hasattr(keras, part):
            importlib.import_module(f"{peer.module}.{part}")
    return {name: importlib.import_module(name).__version__ for name in (peer.module, peer.backend) if name}


def variants(_peer, _workload):
    return {"default": {}}


class Runner:
    """One compiled model; ``fit`` and ``predict`` are the package's own."""

    def __init__(self, peer, workload, _variant):
        self.keras, self.workload = importlib.import_module(peer.module), workload
        self.model = compiled(self.keras, workload, **peer.options)

    def parameters(self):
        return sum(math.prod(map(int, w.shape)) for w in self.model.trainable_weights)

    def prepare(self, batch):
        xs, ys = batch
        return _alone(xs), _alone(labels(self.workload, ys))

    def train(self, data):
        logs = self.model.train_on_batch(*data)
        return logs[0] if isinstance(logs, list | tuple) else logs

    def predict(self, data):
        return self.model.predict_on_batch(data[0])

    def fit(self, data, step_ms, seconds):
        """Milliseconds of a step: the best epoch but the first, which warms up."""
        w = self.workload
        steps = max(4, min(w.fit_batches, int(seconds / 2 * 1e3 / step_ms)))
        x, y = (_each(lambda *parts: np.concatenate(parts), *(data[i % len(data)][part] for i in range(steps)))
                for part in (0, 1))
        clock = _clock(self.keras)
        with Disturbance() as disturbance:
            self.model.fit(x, y, batch_size=w.batch, epochs=3 if w.calls >= 300 else 2, verbose=0, callbacks=[clock])
        return {"median": min(clock.epochs[1:]) / steps * 1e3, "reps": steps, **disturbance.figures}

    def predict_method(self, data, seconds):
        """``predict`` of a batch and of one row."""
        rows = [(_each(lambda a: a[:1], x),) for x, _ in data]
        batch = self.workload.batch
        return {"keras_predict": time_calls(lambda d: self.model.predict(d[0], batch_size=batch, verbose=0), data, 10,
                                            seconds / 3, warmup=1),
                "predict_one": time_calls(lambda d: self.model.predict(d[0], verbose=0), rows, 50, seconds / 3)}


def _clock(keras):
    class Clock(keras.callbacks.Callback):
        """Seconds of each epoch."""

        epochs = []

        def on_epoch_begin(self, epoch, logs=None):
            self.begin = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            self.epochs.append(time.perf_counter() - self.begin)
    return Clock()


def _alone(arrays):
    return arrays[0] if len(arrays) == 1 else list(arrays)


def _each(function, *arrays):
    """The function of arrays, or of each input where there are several."""
    return [function(*a) for a in zip(*arrays)] if isinstance(arrays[0], list) else function(*arrays)
