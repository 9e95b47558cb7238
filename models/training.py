"""Compile, fit, evaluate and predict: the loop around one step."""

import functools
import inspect
import warnings
import weakref

import numpy as np

from .. import optimizers
from ..autograd import Spec, gradients, mode, no_grad
from ..autograd.value import Value, Version, wrap
from ..callbacks import CallbackList, History, ProgbarLogger
from ..compiler import Captured
from ..layers import base as layers_base
from ..layers.phase import in_one_step, phase_of_step
from ..metrics import Mean
from ..utils import settings
from ..utils.errors import did_you_mean
from ..utils.keras1 import translate
from ..utils.rng import default_generator
from .data import (
    Arrays,
    Stream,
    as_array,
    by_name,
    check_input,
    check_lengths,
    class_weights,
    is_stream,
    same_lengths,
    split_tail,
    weights_by_name,
)
from .objective import MODES, Objective, _made, leaves, plain
from .resuming import Resuming

QUEUE = ("max_queue_size", "workers", "use_multiprocessing")


class Trainer(Resuming):
    """The part of a model that learns; :class:`Model` mixes it in."""

    optimizer = loss = objective = history = None
    stop_training = run_eagerly = False
    _stateful_at = (None, False)        # at which count of changes it was looked up whether any layer is stateful

    # Compile

    def compile(self, optimizer="rmsprop", loss=None, metrics=None, loss_weights=None, sample_weight_mode=None,
                weighted_metrics=None, target_tensors=None, run_eagerly=False, steps_per_execution=1,
                jit_compile="auto", auto_scale_loss=True, **kwargs):
        """Say how to train.

        Arguments:
            optimizer: a name or an :class:`~tahr.optimizers.Optimizer`.
            loss: a name, a function ``(y_true, y_pred) -> values`` or a :class:`~tahr.losses.Loss`; for several outputs
                one for all, a list, or a dict by the outputs' names. An output whose loss is None is not trained.
            metrics: names, functions or :class:`~tahr.metrics.Metric` objects; a single one or a list; for several
                outputs a list for all, a list of lists, or a dict by the outputs' names.
            loss_weights: what each output's loss is multiplied by in the sum, a list or dict; default 1.
            sample_weight_mode: ``'temporal'`` for sample weights of shape (samples, steps); one for all outputs, a list
                or a dict; default None, for (samples,).
            weighted_metrics: like ``metrics``; they see sample weights and class weights.
            target_tensors: targets to use instead of data given to ``fit``: a tensor, a list or a dict.
            run_eagerly, steps_per_execution, jit_compile, auto_scale_loss: how, not what, is computed.

        Raises:
            ValueError, TypeError: for names that are not known and objects of the wrong kind, here and not in ``fit``.
        """
        if kwargs:
            known = [p for p in inspect.signature(self.compile).parameters if p != "kwargs"]
            name = next(iter(kwargs))
            raise TypeError(f"compile got an unknown argument {name!r}.{did_you_mean(name, known)} It takes: "
                            f"{', '.join(known)}")
        optimizer = optimizers.get(optimizer)
        arguments = (loss, metrics, loss_weights, weighted_metrics, sample_weight_mode)
        names = self.output_names
        objective = Objective(names, *arguments) if names else None
        if objective is None:       # nothing can be checked against the outputs, which the first batch brings
            Objective(["output_1"], *[x if not isinstance(x, list | dict) else None for x in arguments])
            _made(metrics if not isinstance(metrics, dict) else [*metrics.values()])
        if target_tensors is not None:
            target_tensors = self._checked_targets(target_tensors)
        self.optimizer, self.loss, self.objective = optimizer, loss, objective
        self._compiled, self._targets = arguments, target_tensors
        self.loss_total, self._added = Mean("loss"), {}
        self.run_eagerly, self.steps_per_execution, self._captured = run_eagerly, steps_per_execution, {}

    def _checked_targets(self, targets):
        if isinstance(targets, dict | list | tuple):
            if isinstance(targets, list | tuple) and len(targets) != len(self.output_names or targets):
                raise ValueError("When passing a list as `target_tensors`, it should have one entry per model output. "
                                 "The "
                                 f"model has {len(self.output_names)} outputs, but you passed target_tensors={targets}")
            return by_name(targets, self.output_names, "target") if self.output_names else list(targets)
        if isinstance(targets, Value | Spec | np.ndarray):
            if len(self.output_names or [targets]) > 1:
                raise ValueError(f"The model has {len(self.output_names)} outputs, but you passed a single tensor as "
                                 "`target_tensors`. Expected a list or a dict of tensors.")
            return [targets]
        raise TypeError(f"Expected `target_tensors` to be a list or dict, but got: {targets!r}")

    @property
    def metrics_names(self):
        """``'loss'`` and the names of the metrics, in the order of ``evaluate``'s results."""
        return ["loss", *(self.objective.names if self.objective else ()), *getattr(self, "_added", ())]

    @property
    def metrics(self):
        """The metric objects, of ``compile`` and of ``add_metric``."""
        return [*(self.objective.metrics if self.objective else ()), *getattr(self, "_added", {}).values()]

    @property
    def metric_objects(self):
        return self.metrics

    @property
    def loss_function(self):
        """The loss of the (first) output, None before ``compile``."""
        return self.objective and self.objective.outputs[0].loss

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The number to minimise: the weighted losses of all outputs, and the penalties of the layers."""
        outputs = leaves(y_pred)
        objective = self._objective_for(outputs)
        ys = self._aligned(y, outputs)
        self._values = objective.values(ys, outputs, self._aligned(sample_weight, outputs)) if objective.trained else []
        loss = objective.total(self._values)
        for penalty in self.losses:
            loss = penalty if loss is None else loss + penalty
        if loss is None:
            raise ValueError("the model was compiled without a loss, so there is nothing to optimize: "
                             "model.compile(optimizer, loss='mse')")
        return loss

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Let the metrics take in a batch; returns loss and metrics so far, by name."""
        outputs = leaves(y_pred)
        self._objective_for(outputs).update(self._aligned(y, outputs), outputs, self._aligned(sample_weight, outputs),
                                            getattr(self, "_values", ()), len(outputs[0].data))
        return self._logs()

    def _objective_for(self, outputs):
        if self.objective is None:
            names = self.output_names or [f"output_{i + 1}" for i in range(len(outputs))]
            self.objective = Objective(names, *self._compiled)
        return self.objective

    def _aligned(self, data, outputs):
        """One entry of targets or weights for each output."""
        if data is None:
            return [None] * len(outputs)
        if isinstance(data, dict):
            return [data.get(o.name) for o in self.objective.outputs]
        return list(data) if isinstance(data, list | tuple) else [data]

    # Steps

    def train_step(self, data):
        """One batch forward, backward and the update; returns loss and metrics so far, by name.

        Arguments:
            data: ``(x, y, sample_weight)`` as tensors, lists or dicts of them; the last may be None.
        """
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        with phase_of_step(True):
            y_pred = self(x)
            loss = self.compute_loss(x, y, y_pred, sample_weight)
        weights = self.trainable_weights
        if weights:
            found = gradients(loss, weights, allow_unused=True)
            if any(output.loss is None for output in self.objective.outputs):     # their weights are not reached
                weights = [w for w, g in zip(weights, found) if g is not None]
                found = [g for g in found if g is not None]
            self.optimizer.apply(found, weights)
        self._note(loss, y_pred)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def test_step(self, data):
        """One batch forward, without training; returns loss and metrics so far."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        with phase_of_step(False), no_grad():
            y_pred = self(x)
            self._note(self.compute_loss(x, y, y_pred, sample_weight, training=False), y_pred)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data):
        """One batch forward, without training; returns the outputs."""
        with phase_of_step(False), no_grad():
            return self(unpack_x_y_sample_weight(data)[0])

    def _step(self, name, batch):
        """One of the steps on a batch of arrays: recorded, and run again without its Python from then on."""
        step = getattr(self, name)
        if self.run_eagerly:
            return in_one_step(step, self._tensors(batch))
        captured = vars(self).setdefault("_captured", {})
        if name not in captured:
            captured[name] = Captured(f"{name} of the model {self.name!r}")
        return captured[name](self._key(name, batch), [a for part in batch for a in part if a is not None],
                              lambda: in_one_step(step, self._tensors(batch)))

    def explain_step(self, kind="train", print_fn=print):
        """Print what a recorded step does: each op, its arrays and their bytes, about how many operations it takes.

        Arguments:
            kind: ``'train'``, ``'test'`` or ``'predict'``.
            print_fn: takes the text.

        >>> import tahr
        >>> model = tahr.Sequential([tahr.layers.Dense(1, input_dim=3)])
        >>> model.predict(np.ones((2, 3))).shape
        (2, 1)
        >>> model.explain_step("predict")       # doctest: +ELLIPSIS
        predict_step of the model ... has not been recorded yet: it is from the third call or so of a kind on
        """
        name = f"{_one_of(kind, ('train', 'test', 'predict'))}_step"
        captured = vars(self).get("_captured", {}).get(name)
        print_fn(captured.explain() if captured else f"{name} of the model {self.name!r} has not run yet")

    def _ahead(self, name, source, order, first, most):
        """Run up to ``most`` whole batches from the ``first`` on without Python in between: ``(how many, logs)``."""
        captured = vars(self).get("_captured", {}).get(name)
        whole = min(most, source.samples // source.batch_size - first) if isinstance(source, Arrays) else 0
        if captured is None or whole < 1 or self.run_eagerly or name == "train_step" and self.optimizer.way():
            return 0, None
        key = self._key(name, source.lists)
        if not captured.ready(key, source.batch_size) or (data := source.whole()) is None:
            return 0, None
        rows = slice(first * source.batch_size, (first + whole) * source.batch_size)
        order = np.arange(rows.start, rows.stop) if order is None else order[rows]
        return captured.many(key, data, order, source.batch_size)

    def _key(self, name, lists):
        """What decides how a step goes, besides the shapes of the arrays."""
        given = tuple([a is not None for part in lists for a in part])
        return given, len(lists[0]), name == "train_step" and self.optimizer.way()

    def _note(self, loss, y_pred):
        """Add a batch to the mean of the loss, and to what layers asked to be reported."""
        batch = len(leaves(y_pred)[0].data)
        self.loss_total.update_state(loss.data, batch)
        for _, name, value in layers_base.reported():
            if name not in self._added:
                self._added[name] = Mean(name)
            self._added[name].update_state(getattr(value, "data", value))

    def _logs(self):
        """Loss and metrics so far; a recorded step that returns them asks for them again."""
        with mode.unrecorded():
            return Logs(self._current(), again=functools.partial(_logs_of, weakref.ref(self)))

    def _current(self):
        logs = {"loss": self.loss_total.result()}
        if self.objective:
            logs.update(self.objective.logs())
        for name, metric in self._added.items():
            logs[name] = metric.result()
        return logs

    def reset_metrics(self):
        """Forget the batches that loss and metrics have seen."""
        self.loss_total.reset_state()
        if self.objective:
            self.objective.reset()
        for metric in self._added.values():
            metric.reset_state()

    # Loops

    def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None, validation_split=0.0,
            validation_data=None, shuffle=True, class_weight=None, sample_weight=None, initial_epoch=0,
            steps_per_epoch=None, validation_steps=None, validation_batch_size=None, validation_freq=1,
            max_queue_size=10, workers=1, use_multiprocessing=False, **kwargs):
        """Train for some epochs.

        Arguments:
            x, y: inputs and targets, arrays with one row for each sample; for several a list, or a dict by the names of
                the inputs and outputs. Or ``x`` alone: a generator, a ``Sequence`` or another iterable of batches
                ``(x, y)`` or ``(x, y, sample_weight)``. A NaN in arrays makes the loss NaN, with a warning that says
                where it came from.
            batch_size: rows of a batch, default 32; the last of an epoch may be smaller.
            epochs: the number of the last epoch; counting starts at ``initial_epoch``.
            verbose: 0 silent; 1 a progress bar, or a plain line for each epoch where there is no terminal; 2 lines.
            callbacks: a list of :class:`~tahr.callbacks.Callback`.
            validation_split: this fraction of the samples, the last ones before shuffling, is held out and evaluated
                after each epoch.
            validation_data: ``(x, y)`` or ``(x, y, sample_weight)``, or batches as for ``x``, to evaluate instead.
            shuffle: whether each epoch takes the samples (the batches of a Sequence) in a new random order; ``'batch'``
                shuffles whole batches, for HDF5 files.
            class_weight: ``{class: weight}`` or ``'balanced'``; for several outputs a list or a dict by their names.
            sample_weight: one weight for each sample, multiplied into its loss; (samples, steps) for an output whose
                ``sample_weight_mode`` is ``'temporal'``.
            steps_per_epoch: batches of an epoch, for batches that have no end.
            validation_steps, validation_batch_size: the same for the validation data.
            validation_freq: validate every so many epochs, or in the epochs of a list (counted from 1).
            max_queue_size, workers, use_multiprocessing: how batches of a Sequence or generator are prepared ahead: so
                many in so many threads (or processes); with 0 workers in this thread.

        Returns:
            A :class:`~tahr.callbacks.History`: ``.history`` maps ``'loss'``, the metrics and their ``'val_...'`` to
            lists with one value for each epoch. Losses and metrics are means over the epoch's batches as the weights
            change, dropout at work; ``evaluate`` measures afterwards, without.
        """
        epochs = self._old_arguments(epochs, kwargs)
        self._require_compiled()
        queue = dict(zip(QUEUE, (max_queue_size, workers, use_multiprocessing)))
        source, tail = self._training_data(x, y, sample_weight, class_weight, batch_size, validation_split,
                                           validation_data, shuffle, steps_per_epoch, queue)
        held_out = None
        if validation_data is not None:
            held_out = self._source(*_validation(validation_data), validation_batch_size or batch_size,
                                    validation_steps, queue)
        elif tail is not None:
            held_out = self._arrays(tail, validation_batch_size or batch_size)
        if verbose == "auto":
            verbose = 1
        history, steps = History(), getattr(source, "steps", None) if source.samples is None else len(source)
        run = CallbackList([*(callbacks or ()), *([ProgbarLogger(verbose)] if verbose else ()), history], self, {
            "batch_size": source.batch_size, "epochs": epochs, "steps": steps, "samples": source.samples,
            "verbose": verbose, "do_validation": held_out is not None,
            "metrics": self.metrics_names + (["val_" + n for n in self.metrics_names] if held_out else [])})
        if verbose and held_out and source.samples is not None and held_out.samples is not None:
            print(f"Train on {source.samples} samples, validate on {held_out.samples} samples")
        if isinstance(held_out, Arrays):
            for callback in callbacks or ():
                callback.validation_data = held_out.parts()
        self.history, self.stop_training, self.resumed = history, False, None
        run.on_train_begin({})
        initial_epoch = self.resumed.epoch if self.resumed else initial_epoch
        try:
            for epoch in range(initial_epoch, epochs):
                if source.samples is None and epoch > initial_epoch:       # a Sequence may have another length now
                    run.set_params({**run.params, "steps": source.steps})
                run.on_epoch_begin(epoch, {})
                logs = self._train_epoch(source, shuffle, run)
                if held_out is not None and _validates(epoch, validation_freq):
                    logs |= {"val_" + k: v for k, v in self._test(held_out, run).items()}
                if np.isfinite(history.history.get("loss", [0.0])[-1]):      # else it has been said
                    _warn_of_nan(logs, source, epoch)
                run.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
        finally:
            run.on_train_end({})
            _close(source, held_out)
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

    def _training_data(self, x, y, sample_weight, class_weight, batch_size, split, validation_data, shuffle, steps,
                       queue):
        """The source to train on, and the lists of arrays that are held out, or None."""
        if is_stream(x):
            if y is not None or sample_weight is not None:
                raise ValueError("x gives batches of inputs and targets: y and sample_weight must not be given beside "
                                 "it")
            if split:
                raise ValueError("validation_split needs arrays; give validation_data beside batches")
            return self._source(x, None, None, batch_size, steps, queue, class_weight, bool(shuffle)), None
        lists = self._checked(x, y, sample_weight)
        if steps is not None and batch_size is not None:
            raise ValueError("If steps_per_epoch is set, the `batch_size` must be None.")
        tail = None
        if split and validation_data is None:
            lists, tail = split_tail(lists, split)
        self._check_stateful(len(lists[0][0]), batch_size)
        lists[2] = self._class_weighted(lists[1], lists[2], class_weight)
        if steps is not None:
            batch_size = -(-len(lists[0][0]) // steps)
        return self._arrays(lists, batch_size), tail

    def _train_epoch(self, source, shuffle, run):
        order = source.order(shuffle, default_generator().numpy.permutation) if isinstance(source, Arrays) else None
        place, self.resumed = self.resumed, None
        return self._batches("train", source, order, run, place if place and place.batch else None)

    def _test(self, source, run):
        run.on_test_begin({})
        logs = self._batches("test", source, None, run)
        run.on_test_end(logs)
        return logs

    def _batches(self, kind, source, order, run, place=None):
        """All batches of an epoch through the step of that kind; callbacks are called once an execution of steps.

        Where no callback asks for batches, an epoch of arrays is one execution. An epoch that goes on does so behind
        the batches of its ``place``.
        """
        self.reset_metrics()
        step, begin, end = f"{kind}_step", getattr(run, f"on_{kind}_batch_begin"), getattr(run, f"on_{kind}_batch_end")
        quiet = isinstance(source, Arrays) and not run.watches(kind)
        together = len(source) if quiet else self.steps_per_execution
        logs, i = {}, 0
        if place:
            source.skip(place.batch)
            logs, i = place.restore(), place.batch
        batches = source.epoch(order, i)
        while (batch := next(batches, None)) is not None:
            size, count = len(batch[0][0]), 0
            begin(i, {"batch": i, "size": size})
            while batch is not None:
                done, found = self._ahead(step, source, order, i + count, together - count)
                if done:
                    logs, batches = found, source.epoch(order, i + count + done)
                else:
                    logs, done, size = self._step(step, batch), 1, len(batch[0][0])
                count += done
                batch = next(batches, None) if count < together else None
            i += count
            logs = _plain(logs)
            end(i - 1, {"batch": i - 1, "size": size, **logs})
            if kind == "train" and self.stop_training:
                break
        return dict(logs)

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, steps=None, callbacks=None,
                 max_queue_size=10, workers=1, use_multiprocessing=False, return_dict=False):
        """Loss and metrics over some data, without training.

        Arguments:
            x, y, batch_size, sample_weight, callbacks: as for :meth:`fit`; so are max_queue_size, workers and
                use_multiprocessing.
            verbose: 1 prints a line with the results; 0 and ``'auto'``, the default, print nothing.
            steps: so many batches, of batches that have no end.
            return_dict: default False.

        Returns:
            The loss, or a list of it and the metrics in the order of :attr:`metrics_names`, or a dict with
            ``return_dict``.
        """
        self._require_compiled()
        source = self._source(x, y, sample_weight, batch_size, steps,
                              dict(zip(QUEUE, (max_queue_size, workers, use_multiprocessing))))
        run = CallbackList(callbacks or (), self, {"steps": steps or source.samples and len(source),
                                                   "samples": source.samples})
        try:
            logs = self._test(source, run)
        finally:
            _close(source)
        if verbose not in (0, "auto"):
            print(" - ".join(f"{k}: {v:.4f}" for k, v in logs.items()))
        return logs if return_dict else _results(logs)

    def predict(self, x, batch_size=None, verbose=0, steps=None, callbacks=None, max_queue_size=10, workers=1,
                use_multiprocessing=False):
        """The outputs for some inputs, as a NumPy array, in their order; as a list or dict of them for several.

        No rows give an empty array. The arguments are those of :meth:`evaluate`.
        """
        if is_stream(x):
            source = Stream(x, steps, lambda batch: self._standardized(batch[0] if isinstance(batch, tuple) else batch,
                                                                       None, None, check=False),
                            {"ahead": True, **dict(zip(QUEUE, (max_queue_size, workers, use_multiprocessing)))})
        else:
            xs = self._checked_inputs(x)
            if len(xs[0]) == 0:
                return self._empty(xs)
            self._check_stateful(len(xs[0]), batch_size)
            source = self._arrays([xs, [], []], batch_size)
            if not callbacks:
                return _joined([_map(_array_of, self._step("predict_step", batch)) for batch in source.epoch()])
        run = CallbackList(callbacks or (), self, {"steps": steps or source.samples and len(source),
                                                   "samples": source.samples})
        outputs = []
        run.on_predict_begin({})
        try:
            for i, batch in enumerate(source.epoch()):
                run.on_predict_batch_begin(i, {"batch": i, "size": len(batch[0][0])})
                outputs.append(_map(_array_of, self._step("predict_step", batch)))
                run.on_predict_batch_end(i, {"batch": i, "size": len(batch[0][0]), "outputs": outputs[-1]})
        finally:
            _close(source)
        run.on_predict_end({})
        return _joined(outputs)

    def _empty(self, xs):
        shapes = self.compute_output_shape(_only([a.shape for a in xs]))
        return _map_shapes(lambda shape: np.empty((0, *shape[1:]), self.dtype), shapes)

    # Single batches

    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, reset_metrics=True, return_dict=False):
        """One update on one batch; returns its loss, or loss and metrics as ``evaluate`` does.

        ``class_weight`` is a dict and ``sample_weight`` an array or list, in either order.
        """
        if isinstance(sample_weight, dict) and sample_weight and not any(isinstance(k, str) for k in sample_weight):
            sample_weight, class_weight = class_weight, sample_weight
        return self._on_batch("train_step", x, y, sample_weight, class_weight, reset_metrics, return_dict)

    def test_on_batch(self, x, y=None, sample_weight=None, reset_metrics=True, return_dict=False):
        """Loss and metrics of one batch, without an update."""
        return self._on_batch("test_step", x, y, sample_weight, None, reset_metrics, return_dict)

    def predict_on_batch(self, x):
        """The outputs for one batch, as a NumPy array, or a list or dict of them."""
        batch = next(self._arrays([xs := self._checked_inputs(x), [], []], max(len(xs[0]), 1)).epoch())
        return _map(_array_of, self._step("predict_step", batch))

    def _on_batch(self, step, x, y, sample_weight, class_weight, reset_metrics, return_dict):
        self._require_compiled()
        lists = self._checked(x, y, sample_weight)
        lists[2] = self._class_weighted(lists[1], lists[2], class_weight)
        batch = next(self._arrays(lists, len(lists[0][0])).epoch())
        if reset_metrics:
            self.reset_metrics()
        logs = _plain(self._step(step, batch))
        return logs if return_dict else _results(logs)

    # Generators, under Keras 2's names

    def fit_generator(self, generator, steps_per_epoch=None, epochs=1, verbose="auto", callbacks=None,
                      validation_data=None, validation_steps=None, validation_freq=1, class_weight=None,
                      max_queue_size=10, workers=1, use_multiprocessing=False, shuffle=True, initial_epoch=0,
                      **kwargs):
        """:meth:`fit` on batches; programs of Keras 1 may give ``samples_per_epoch``, ``nb_epoch``, ``nb_worker``."""
        old = translate("fit_generator", ("generator",), kwargs)
        if "samples_per_epoch" in old:
            steps_per_epoch = old.pop("samples_per_epoch") // getattr(generator, "batch_size", 1)
        if "nb_val_samples" in old:
            validation_steps = old.pop("nb_val_samples") // getattr(validation_data, "batch_size", 1)
        options = {"epochs": epochs, "max_queue_size": max_queue_size, "workers": workers,
                   "use_multiprocessing": use_multiprocessing, **old}
        if steps_per_epoch is None and not hasattr(generator, "__len__"):
            raise ValueError("`steps_per_epoch=None` is only valid for a generator based on the `keras.utils.Sequence` "
                             "class. Please specify `steps_per_epoch` or use the `keras.utils.Sequence` class.")
        return self.fit(generator, steps_per_epoch=steps_per_epoch, verbose=verbose, callbacks=callbacks,
                        validation_data=validation_data, validation_steps=validation_steps, shuffle=shuffle,
                        validation_freq=validation_freq, class_weight=class_weight, initial_epoch=initial_epoch,
                        **options)

    def evaluate_generator(self, generator, steps=None, callbacks=None, max_queue_size=10, workers=1,
                           use_multiprocessing=False, verbose=0, **kwargs):
        """:meth:`evaluate` on batches."""
        options = {**dict(zip(QUEUE, (max_queue_size, workers, use_multiprocessing))),
                   **translate("evaluate_generator", ("generator",), kwargs)}
        if "val_samples" in options:
            steps = options.pop("val_samples") // getattr(generator, "batch_size", 1)
        return self.evaluate(generator, steps=steps, callbacks=callbacks, verbose=verbose, **options)

    def predict_generator(self, generator, steps=None, callbacks=None, max_queue_size=10, workers=1,
                          use_multiprocessing=False, verbose=0, **kwargs):
        """:meth:`predict` on batches."""
        options = {**dict(zip(QUEUE, (max_queue_size, workers, use_multiprocessing))),
                   **translate("predict_generator", ("generator",), kwargs)}
        if "val_samples" in options:
            steps = options.pop("val_samples") // getattr(generator, "batch_size", 1)
        return self.predict(generator, steps=steps, callbacks=callbacks, verbose=verbose, **options)

    # Data

    def _require_compiled(self):
        if self.optimizer is None:
            raise RuntimeError("the model must be compiled before training or testing: model.compile(optimizer, loss)")
        if self.loss is None and not self._own_losses():
            raise ValueError("the model was compiled without a loss, so there is nothing to optimize: "
                             "model.compile(optimizer, loss='mse')")

    def _own_losses(self):
        """Whether losses may come from elsewhere: from ``add_loss``, or from a step that the user wrote."""
        own = any(getattr(type(self), name) is not getattr(Trainer, name) for name in ("train_step", "compute_loss"))
        return own or self.adds_losses()

    def adds_losses(self):
        return bool(self.losses or self.declared_losses())

    def _source(self, x, y, sample_weight, batch_size, steps, queue, class_weight=None, shuffle=False):
        """Where batches come from: of arrays, or of a stream."""
        if not is_stream(x):
            lists = self._checked(x, y, sample_weight)
            self._check_stateful(len(lists[0][0]), batch_size)
            return self._arrays(lists, batch_size)

        def standardize(batch):
            if not isinstance(batch, tuple) or not 1 <= len(batch) <= 3:
                raise ValueError("Output of generator should be a tuple `(x, y, sample_weight)` or `(x, y)`. Found: "
                                 f"{str(batch)[:200]}")
            return self._standardized(*batch, *[None] * (3 - len(batch)), class_weight=class_weight)
        return Stream(x, steps, standardize, {"ahead": True, **queue}, shuffle)

    def _standardized(self, x, y, sample_weight, class_weight=None, check=True):
        """A batch of a stream as lists of arrays of the right dtypes."""
        lists = self._checked(x, y, sample_weight) if check else [self._checked_inputs(x), [], []]
        if class_weight is not None:
            lists[2] = self._class_weighted(lists[1], lists[2], class_weight)
        return next(self._arrays(lists, max(len(lists[0][0]), 1)).epoch())

    def _checked_inputs(self, x):
        """The inputs as a list of arrays that fit the model."""
        names, shapes = self.input_names, self.input_shapes
        if names is None:       # a subclassed model takes what its call takes
            self._structure, xs = x if isinstance(x, dict | list | tuple) else None, x
            xs = list(x.values()) if isinstance(x, dict) else x
            if isinstance(xs, list | tuple) and xs and all(np.ndim(a) > 0 and hasattr(a, "dtype") for a in xs):
                return same_lengths([as_array(a, "x") for a in xs])
            self._structure = None
            return [as_array(x, "x")]
        xs = [as_array(a, "x" if len(names) == 1 else n) for a, n in zip(by_name(x, names, "input"), names)]
        for i, shape in enumerate(shapes):
            if xs[i].ndim == 1 and len(shape or (None, None)) == 2:
                xs[i] = np.asarray(xs[i])[:, None]
            check_input(xs[i], shape, names[i] if len(names) > 1 else self.name)
        return same_lengths(xs)

    def _checked(self, x, y, sample_weight=None):
        xs = self._checked_inputs(x)
        names = self.output_names or [f"output_{i + 1}" for i in range(len(y) if isinstance(y, list | tuple) and all(
            np.ndim(a) and hasattr(a, "dtype") for a in y) else 1)]
        if given := [t for t in self._targets or () if not isinstance(t, Spec)]:
            if y is not None:
                raise ValueError("the targets were given to compile, as target_tensors: y must be None here")
            y = [np.asarray(getattr(t, "data", t)) for t in given]
        if y is None and self._own_losses():
            ys = [None] * len(names)
        else:
            ys = self._checked_targets_of(y, names)
        ws = [None if w is None else as_array(w, "sample_weight") for w in weights_by_name(sample_weight, names)]
        check_lengths(xs, ys, ws)
        self._check_weights(ws, ys, names)
        return [xs, ys, ws]

    def _checked_targets_of(self, y, names):
        """Targets as a list of arrays; None for outputs without a loss."""
        outputs = self.objective.outputs if self.objective else [None] * len(names)
        wanted = [n for n, o in zip(names, outputs) if o is None or o.loss is not None]
        given = by_name(y, wanted if isinstance(y, dict) or len(wanted) != len(names) else names, "target")
        found = dict(zip(wanted if len(given) == len(wanted) else names, given))
        return [as_array(found[n], "y" if len(names) == 1 else n) if found.get(n) is not None or n in wanted else None
                for n in names]

    def _check_weights(self, ws, ys, names):
        modes = [o.mode for o in self.objective.outputs] if self.objective else [None] * len(names)
        for w, y, kind in zip(ws, ys, modes):
            if w is None:
                continue
            if kind == "temporal":
                if y is not None and y.ndim < 3:
                    raise ValueError(f"Found a sample_weight array for an output with shape {y.shape}. Timestep-wise "
                                     f"sample "
                                     "weighting (use of sample_weight_mode=\"temporal\") is restricted to outputs "
                                                                                      "that are "
                                     "at least 3D, i.e. that have a time dimension.")
                if w.ndim != 2:
                    raise ValueError(f"Found a sample_weight array with shape {w.shape}. In order to use timestep-wise "
                                     "sample weighting, you should pass a 2D sample_weight array.")
            elif w.ndim > 1 and w.shape[1:] != (1,) * (w.ndim - 1) and (y is None or y.ndim < 3) and kind is None:
                raise ValueError(f"Found a sample_weight array with shape {w.shape}. In order to use timestep-wise "
                                 f"sample "
                                 "weights, you should specify sample_weight_mode=\"temporal\" in compile().")

    def _class_weighted(self, ys, ws, class_weight):
        """Sample weights with the classes' weights multiplied in."""
        if class_weight is None:
            return ws
        names = self.output_names or ["output_1"]
        if _by_output(class_weight, names):
            each = [class_weight.get(n) for n in names]
        else:
            each = list(class_weight) if isinstance(class_weight, list | tuple) else [class_weight] * len(ys)
        out = []
        for y, w, weights in zip(ys, ws, each):
            if weights is not None and y is not None:
                own = class_weights(y, weights)
                w = own if w is None else own * np.asarray(w).reshape(w.shape + (1,) * (own.ndim - w.ndim))
            out.append(w)
        return out

    def _arrays(self, lists, batch_size):
        batch_size = self.fixed_batch_size(batch_size)
        if isinstance(batch_size, bool) or not isinstance(batch_size, int | np.integer) or batch_size < 1:
            raise ValueError(f"batch_size must be a positive integer, got {batch_size!r}")
        xs, ys, ws = lists
        dtypes = [self._input_dtypes(xs), self._target_dtypes(ys), self._target_dtypes(ws)]
        return Arrays(xs, ys, ws, int(batch_size), dtypes)

    def fixed_batch_size(self, batch_size):
        """The batch size that was asked for, or that of the model's input; default 32.

        Raises:
            ValueError: where both are known and differ.
        """
        fixed = next((shape[0] for shape in self.input_shapes or () if shape and shape[0] is not None), None)
        if fixed is None or batch_size == fixed:
            return 32 if batch_size is None else batch_size
        if batch_size is not None and self._keeps_state():
            raise ValueError(f"batch_size is {batch_size}, the model's input has the fixed batch size {fixed}")
        return fixed if batch_size is None else batch_size

    def _keeps_state(self):
        """Whether any layer is stateful; looked up once, and again when a configuration has changed."""
        when, found = self._stateful_at
        if when != settings.changes():
            found = any(layer.stateful for layer in self.all_layers())
            self._stateful_at = settings.changes(), found
        return found

    def _check_stateful(self, samples, batch_size):
        if self._keeps_state():
            batch_size = self.fixed_batch_size(batch_size)
            if samples % batch_size:
                raise ValueError("In a stateful network, you should only pass inputs with a number of samples that "
                                 "can be "
                                 f"divided by the batch size. Found: {samples} samples")

    def _tensors(self, batch):
        """A batch of arrays as ``(x, y, sample_weight)`` of tensors, in the structure that the model takes."""
        xs, ys, ws = batch
        y = _only([None if a is None else _tensor(a) for a in ys]) if ys else None
        w = None if all(a is None for a in ws) else _only([None if a is None else _tensor(a) for a in ws])
        return self._as_inputs(xs), y, w

    def _as_inputs(self, xs):
        tensors = [_tensor(a) for a in xs]
        structure = self.input_structure
        if structure is None:
            structure = getattr(self, "_structure", None)
        if isinstance(structure, dict):
            return dict(zip(structure, tensors))
        return tensors if isinstance(structure, list | tuple) else _only(tensors)


def _logs_of(model):
    """The logs of a model that is held weakly: a program that asks for them would else keep it alive."""
    return model()._logs()


class Logs(dict):
    """Loss and metrics by name, and ``again``, which gives them as they are at another time."""

    __slots__ = ("again", "given")

    def __init__(self, values, again):
        super().__init__(values)
        self.again, self.given = again, dict(values)


def unpack_x_y_sample_weight(data):
    """``(x, y, sample_weight)`` from a batch, None for what is not there.

    >>> unpack_x_y_sample_weight((1, 2))
    (1, 2, None)
    """
    if not isinstance(data, tuple):
        return data, None, None
    return (*data, None, None)[:3]


def _validation(data):
    """Validation data as the arguments of a source."""
    if is_stream(data):
        return data, None, None
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        raise ValueError("validation_data must be (x, y) or (x, y, sample_weight), got "
                         f"{len(data) if isinstance(data, tuple | list) else 1} items")
    return (*data, None)[:3]


def _validates(epoch, frequency):
    """Whether this epoch (from 0) is followed by a validation."""
    if isinstance(frequency, int):
        return (epoch + 1) % frequency == 0
    return epoch + 1 in frequency


def _by_output(given, names):
    """Whether a dict has outputs' names as its keys, and not classes."""
    return isinstance(given, dict) and bool(given) and all(k in (names or ()) for k in given)


def _only(items):
    return items[0] if len(items) == 1 else items


def _results(logs):
    """The values of the logs: one number, or a list."""
    return list(logs.values()) if len(logs) > 1 else next(iter(logs.values()))


def _plain(logs):
    """Logs as Python numbers; a step may return tensors."""
    logs = logs if isinstance(logs, dict) else {"loss": logs}
    return {k: plain(v) if isinstance(v, Value | np.generic | np.ndarray) else v for k, v in logs.items()}


def _one_of(value, allowed):
    if value not in allowed:
        raise ValueError(f"expected one of {', '.join(map(repr, allowed))}, got {value!r}")
    return value


def _array_of(tensor):
    """The array of an output, in memory that nobody else has."""
    data = tensor.data
    return data.copy() if tensor.version is not None or type(data.base) is np.ndarray else data


def _map(function, outputs):
    if isinstance(outputs, dict):
        return {k: _map(function, v) for k, v in outputs.items()}
    if isinstance(outputs, list | tuple):
        return [_map(function, v) for v in outputs]
    return function(outputs)


def _map_shapes(function, shapes):
    if isinstance(shapes, list):
        return [_map_shapes(function, s) for s in shapes]
    return function(shapes)


def _joined(batches):
    """Outputs of batches, one after the other."""
    first = batches[0]
    if isinstance(first, dict):
        return {k: _joined([b[k] for b in batches]) for k in first}
    if isinstance(first, list):
        return [_joined([b[i] for b in batches]) for i in range(len(first))]
    return np.concatenate(batches) if len(batches) > 1 else first


def _close(*sources):
    for source in sources:
        if isinstance(source, Stream):
            source.close()


def _tensor(array):
    tensor = wrap(array)
    tensor.version = Version()
    return tensor


def _warn_of_nan(logs, source, epoch):
    if np.isfinite(logs.get("loss", 0.0)) or not isinstance(source, Arrays):
        return
    names = [name for name, arrays in zip(("x", "y", "sample_weight"), source.lists)
             if any(a is not None and a.dtype.kind == "f" and not np.isfinite(a).all() for a in arrays)]
    cause = (f"{' and '.join(names)} hold NaN or infinite values" if names else
             "the data are finite, so the numbers overflowed: try a smaller learning rate, or data scaled to about 1")
    warnings.warn(f"the loss became {logs['loss']} in epoch {epoch + 1}: {cause}", RuntimeWarning, stacklevel=3)


__all__ = ["MODES", "Trainer", "unpack_x_y_sample_weight"]
