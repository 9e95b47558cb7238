"""Compile, fit, evaluate and predict: the loop around one step."""

import inspect
import warnings

import numpy as np

from .. import losses, metrics, optimizers
from ..autograd import gradients, no_grad
from ..autograd.value import Version, wrap
from ..callbacks import CallbackList, History, ProgbarLogger
from ..layers.base import phase
from ..losses.base import FUNCTIONS as LOSS_FUNCTIONS
from ..losses.base import Loss, reduce
from ..metrics import Mean
from ..utils.errors import did_you_mean
from ..utils.keras1 import translate
from ..utils.rng import default_generator
from .data import Batches, as_array, check_input, check_lengths, split_tail


class Trainer:
    """The part of a model that learns; :class:`Model` mixes it in."""

    optimizer = loss = None
    stop_training = False

    # Compile

    def compile(self, optimizer="rmsprop", loss=None, metrics=None):
        """Say how to train.

        Arguments:
            optimizer: a name or an :class:`~tahr.optimizers.Optimizer`.
            loss: a name, a function ``(y_true, y_pred) -> values`` or a :class:`~tahr.losses.Loss`.
            metrics: names, functions or :class:`~tahr.metrics.Metric` objects; a single one or a list.

        Raises:
            ValueError, TypeError: for names that are not known and objects of the wrong kind, here and not in ``fit``.
        """
        optimizer, loss_object = optimizers.get(optimizer), None if loss is None else losses.get(loss)
        metric_objects = _metrics(metrics)
        self.optimizer, self.loss, self.loss_function = optimizer, loss, loss_object
        self.metric_objects = metric_objects
        self.loss_total = Mean("loss")

    @property
    def metrics_names(self):
        """``'loss'`` and the names of the metrics, in the order of ``evaluate``'s results."""
        return ["loss", *(m.name for m in self.metric_objects)]

    def compute_loss(self, y_true, y_pred, sample_weight=None):
        """The number to minimise: the loss of the batch and the penalties of regularized weights."""
        if isinstance(self.loss_function, Loss):
            value = self.loss_function(y_true, y_pred, sample_weight)
        else:
            value = reduce(self.loss_function(y_true, y_pred), sample_weight)
        for penalty in self.losses:
            value = value + penalty
        return value

    # Steps

    def train_step(self, x, y, sample_weight=None):
        """One batch forward, backward and the update; returns the loss, a scalar tensor."""
        with phase(True):
            y_pred = self(x)
            loss = self.compute_loss(y, y_pred, sample_weight)
        weights = self.trainable_weights
        if weights:
            self.optimizer.apply(gradients(loss, weights, allow_unused=True), weights)
        self._update_metrics(loss, y, y_pred)
        return loss

    def test_step(self, x, y, sample_weight=None):
        """One batch forward, without training; returns the loss."""
        with phase(False), no_grad():
            y_pred = self(x)
            loss = self.compute_loss(y, y_pred, sample_weight)
        self._update_metrics(loss, y, y_pred)
        return loss

    def predict_step(self, x):
        """One batch forward, without training."""
        with phase(False), no_grad():
            return self(x)

    def _update_metrics(self, loss, y, y_pred):
        self.loss_total.update_state(loss.data, len(y_pred.data))
        for metric in self.metric_objects:
            metric.update_state(y, y_pred)

    def _logs(self):
        return {"loss": self.loss_total.result(), **{m.name: m.result() for m in self.metric_objects}}

    def reset_metrics(self):
        """Forget the batches that loss and metrics have seen."""
        for metric in (self.loss_total, *self.metric_objects):
            metric.reset_state()

    # Loops

    def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None, validation_split=0.0,
            validation_data=None, shuffle=True, sample_weight=None, initial_epoch=0, **kwargs):
        """Train for some epochs.

        Arguments:
            x, y: inputs and targets, arrays with one row for each sample. A NaN in them makes the loss NaN, with a
                warning that says where it came from.
            batch_size: rows of a batch, default 32; the last of an epoch may be smaller.
            epochs: the number of the last epoch; counting starts at ``initial_epoch``.
            verbose: 0 silent; 1 a progress bar, or a plain line for each epoch where there is no terminal; 2 lines.
            callbacks: a list of :class:`~tahr.callbacks.Callback`.
            validation_split: this fraction of the samples, the last ones before shuffling, is held out and evaluated
                after each epoch.
            validation_data: ``(x, y)`` or ``(x, y, sample_weight)`` to evaluate instead.
            shuffle: whether each epoch takes the samples in a new random order.
            sample_weight: one weight for each sample, multiplied into its loss.

        Returns:
            A :class:`~tahr.callbacks.History`: ``.history`` maps ``'loss'``, the metrics and their ``'val_...'`` to
            lists with one value for each epoch. Losses and metrics are means over the epoch's batches as the weights
            change, dropout at work; ``evaluate`` measures afterwards, without.
        """
        epochs = self._old_arguments(epochs, kwargs)
        self._require_compiled()
        arrays = self._checked(x, y, sample_weight)
        validation = None
        if validation_data is not None:
            if len(validation_data) not in (2, 3):
                raise ValueError("validation_data must be (x, y) or (x, y, sample_weight), got "
                                 f"{len(validation_data)} items")
            validation = self._checked(*validation_data)
        elif validation_split:
            arrays, validation = split_tail(arrays, validation_split)
        batches = self._batches(arrays, batch_size)
        held_out = None if validation is None else self._batches(validation, batch_size)
        if verbose == "auto":
            verbose = 1
        history = History()
        run = CallbackList([*(callbacks or ()), *([ProgbarLogger(verbose)] if verbose else ()), history], self, {
            "batch_size": batches.batch_size, "epochs": epochs, "steps": len(batches), "samples": batches.samples,
            "verbose": verbose, "do_validation": held_out is not None,
            "metrics": self.metrics_names + (["val_" + n for n in self.metrics_names] if held_out else [])})
        if verbose and held_out:
            print(f"Train on {batches.samples} samples, validate on {held_out.samples} samples")
        self.history, self.stop_training = history, False
        run.on_train_begin({})
        try:
            for epoch in range(initial_epoch, epochs):
                run.on_epoch_begin(epoch, {})
                logs = self._train_epoch(batches, shuffle, run)
                if held_out:
                    logs |= {"val_" + k: v for k, v in self._test(held_out, run).items()}
                if np.isfinite(history.history.get("loss", [0.0])[-1]):      # else it has been said
                    _warn_of_nan(logs, arrays, epoch)
                run.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
        finally:
            run.on_train_end({})
        return history

    def _old_arguments(self, epochs, kwargs):
        """The number of epochs, under whichever name it came; anything else unknown is an error."""
        if epochs != 1 and "nb_epoch" in kwargs:
            kwargs = {**kwargs, "epochs": epochs}
        kwargs = translate("fit", ("fit",), kwargs)
        epochs = kwargs.pop("epochs", epochs)
        if kwargs:
            name, known = next(iter(kwargs)), list(inspect.signature(self.fit).parameters)[:-1]
            raise TypeError(f"fit got an unknown argument {name!r}.{did_you_mean(name, known)} It takes: "
                            f"{', '.join(known)}")
        return epochs

    def _train_epoch(self, batches, shuffle, run):
        order = default_generator().numpy.permutation(batches.samples) if shuffle else None
        self.reset_metrics()
        for i, (x, y, w) in enumerate(batches(order)):
            run.on_train_batch_begin(i, {})
            self.train_step(_tensor(x), _tensor(y), None if w is None else _tensor(w))
            run.on_train_batch_end(i, self._logs())
        return self._logs()

    def _test(self, batches, run):
        self.reset_metrics()
        run.on_test_begin({})
        for i, (x, y, w) in enumerate(batches()):
            run.on_test_batch_begin(i, {})
            self.test_step(_tensor(x), _tensor(y), None if w is None else _tensor(w))
            run.on_test_batch_end(i, self._logs())
        run.on_test_end(self._logs())
        return self._logs()

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, callbacks=None,
                 return_dict=False):
        """Loss and metrics over some data, without training.

        Arguments:
            x, y, batch_size, sample_weight, callbacks: as for :meth:`fit`.
            verbose: 1 prints a line with the results; 0 and ``'auto'``, the default, print nothing.
            return_dict: default False.

        Returns:
            The loss, or a list of it and the metrics in the order of :attr:`metrics_names`, or a dict with
            ``return_dict``.
        """
        self._require_compiled()
        batches = self._batches(self._checked(x, y, sample_weight), batch_size)
        run = CallbackList(callbacks or (), self, {"steps": len(batches), "samples": batches.samples})
        logs = self._test(batches, run)
        if verbose not in (0, "auto"):
            print(" - ".join(f"{k}: {v:.4f}" for k, v in logs.items()))
        return logs if return_dict else list(logs.values()) if len(logs) > 1 else logs["loss"]

    def predict(self, x, batch_size=None, verbose=0, callbacks=None):
        """The outputs for some inputs, as a NumPy array, in their order. No rows give an empty array."""
        x = self._checked_input(x)
        batches = self._batches([x], batch_size)
        if batches.samples == 0:
            return np.empty((0, *self.compute_output_shape(x.shape)[1:]), self.dtype)
        run = CallbackList(callbacks or (), self, {"steps": len(batches), "samples": batches.samples})
        outputs = []
        run.on_predict_begin({})
        for i, (rows,) in enumerate(batches()):
            run.on_predict_batch_begin(i, {})
            outputs.append(self.predict_step(_tensor(rows)).data)
            run.on_predict_batch_end(i, {"outputs": outputs[-1]})
        run.on_predict_end({})
        return np.concatenate(outputs) if len(outputs) > 1 else outputs[0].copy()

    # Single batches

    def train_on_batch(self, x, y, sample_weight=None, return_dict=False):
        """One update on one batch; returns its loss, or loss and metrics as ``evaluate`` does."""
        return self._on_batch(self.train_step, x, y, sample_weight, return_dict)

    def test_on_batch(self, x, y, sample_weight=None, return_dict=False):
        """Loss and metrics of one batch, without an update."""
        return self._on_batch(self.test_step, x, y, sample_weight, return_dict)

    def predict_on_batch(self, x):
        """The outputs for one batch, as a NumPy array."""
        x = self._checked_input(x)
        return self.predict_step(_tensor(x.astype(self._input_dtype(x), copy=False))).data

    def _on_batch(self, step, x, y, sample_weight, return_dict):
        self._require_compiled()
        arrays = self._checked(x, y, sample_weight)
        x, y, w = next(iter(self._batches(arrays, len(arrays[0]))()))
        self.reset_metrics()
        step(_tensor(x), _tensor(y), None if w is None else _tensor(w))
        logs = self._logs()
        return logs if return_dict else list(logs.values()) if len(logs) > 1 else logs["loss"]

    # Checks

    def _require_compiled(self):
        if self.optimizer is None:
            raise RuntimeError("the model must be compiled before training or testing: model.compile(optimizer, loss)")
        if self.loss_function is None:
            raise ValueError("the model was compiled without a loss, so there is nothing to optimize: "
                             "model.compile(optimizer, loss='mse')")

    def _checked_input(self, x):
        x = as_array(x, "x")
        if x.ndim == 1 and len(self.batch_shape or (None, None)) == 2:
            x = x[:, None]
        check_input(x, self.batch_shape, self.name)
        return x

    def _checked(self, x, y, sample_weight=None):
        x, y = self._checked_input(x), as_array(y, "y")
        w = None if sample_weight is None else as_array(sample_weight, "sample_weight")
        check_lengths(x, y, w)
        return [x, y, w]

    def _batches(self, arrays, batch_size):
        batch_size = 32 if batch_size is None else batch_size
        if isinstance(batch_size, bool) or not isinstance(batch_size, int | np.integer) or batch_size < 1:
            raise ValueError(f"batch_size must be a positive integer, got {batch_size!r}")
        dtypes = [self._input_dtype(arrays[0]), *(self._target_dtype(a) for a in arrays[1:])]
        return Batches(arrays, int(batch_size), dtypes)


def _metrics(identifiers):
    identifiers = [] if identifiers is None else identifiers
    identifiers = list(identifiers) if isinstance(identifiers, list | tuple) else [identifiers]
    found = [metrics.get(m, LOSS_FUNCTIONS) for m in identifiers]
    names = set()
    for metric in found:
        base, i = metric.name, 0
        while metric.name in names:
            i += 1
            metric.name = f"{base}_{i}"
        names.add(metric.name)
    return found


def _tensor(array):
    tensor = wrap(array)
    tensor.version = Version()
    return tensor


def _warn_of_nan(logs, arrays, epoch):
    if np.isfinite(logs["loss"]):
        return
    names = [name for name, a in zip(("x", "y", "sample_weight"), arrays)
             if a is not None and a.dtype.kind == "f" and not np.isfinite(a).all()]
    cause = (f"{' and '.join(names)} hold NaN or infinite values" if names else
             "the data are finite, so the numbers overflowed: try a smaller learning rate, or data scaled to about 1")
    warnings.warn(f"the loss became {logs['loss']} in epoch {epoch + 1}: {cause}", RuntimeWarning, stacklevel=3)
