"""What a callback is."""

import statistics
import time
import warnings
import weakref

from ..utils.configurable import Configurable


class Callback(Configurable):
    """Base of all callbacks: override the moments of interest.

    ``self.model`` is the model, ``self.params`` a dict of batch_size, epochs, steps, samples, verbose, do_validation
    and metrics, ``self.validation_data`` the inputs, targets and sample weights to validate on, in one list (None where
    they are no arrays). ``logs`` hold loss and metrics; ``self.model.stop_training = True`` ends training after the
    epoch.

    >>> class Print(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(epoch, sorted(logs))
    >>> Print().on_epoch_end(0, {"loss": 1.0})
    0 ['loss']
    """

    params = None
    validation_data = None
    of_batches = True       # whether the callback has to be called at batches, where it has methods for them
    comes_last = False      # whether the others are called before it
    kept: tuple[str, ...] = ()      # the attributes that are its state, for a training that goes on later
    _model = lambda self: None

    @property
    def model(self):
        """The model, None before training.

        Training gives it by :meth:`set_model` and it is held weakly, so that a model and its history are no cycle; what
        is assigned is held as usual.
        """
        return self._model()

    @model.setter
    def model(self, model):
        self._model = lambda: model

    def __getstate__(self):
        """For pickling and copying: without the model."""
        return {k: v for k, v in vars(self).items() if k != "_model"}

    def set_params(self, params):
        """Receive :attr:`params`."""
        self.params = params

    def set_model(self, model):
        """Receive :attr:`model`."""
        self._model = weakref.ref(model)

    def set_list(self, callbacks):
        """Receive the :class:`CallbackList` that it is in."""

    def get_state(self):
        """What :meth:`set_state` needs to go on from here: numbers, strings, arrays, lists and dicts of these."""
        return {name: getattr(self, name) for name in self.kept}

    def set_state(self, state):
        """Go on from what :meth:`get_state` gave."""
        for name in self.kept:
            if name in state:
                setattr(self, name, state[name])

    def on_train_begin(self, logs=None):
        """Before the first epoch."""

    def on_train_end(self, logs=None):
        """After the last epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        """Before each epoch (from 0)."""

    def on_epoch_end(self, epoch, logs=None):
        """After each epoch and its validation; logs hold the epoch's loss and metrics, and ``val_...``."""

    def on_train_batch_begin(self, batch, logs=None):
        """Before each training batch (from 0 in each epoch)."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        """After each training batch; logs hold the means so far in this epoch."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch, logs=None):
        """Keras 1's name of :meth:`on_train_batch_begin`."""

    def on_batch_end(self, batch, logs=None):
        """Keras 1's name of :meth:`on_train_batch_end`."""

    def on_test_begin(self, logs=None):
        """Before an evaluation or validation."""

    def on_test_end(self, logs=None):
        """After an evaluation or validation."""

    def on_test_batch_begin(self, batch, logs=None):
        """Before each batch of it."""

    def on_test_batch_end(self, batch, logs=None):
        """After each batch of it."""

    def on_predict_begin(self, logs=None):
        """Before a prediction."""

    def on_predict_end(self, logs=None):
        """After a prediction."""

    def on_predict_batch_begin(self, batch, logs=None):
        """Before each batch of it."""

    def on_predict_batch_end(self, batch, logs=None):
        """After each batch of it; logs hold ``outputs``."""


class CallbackList:
    """Several callbacks as one; a moment that none of them overrides costs nothing.

    A method that takes longer than the batches themselves is reported once.

    Arguments:
        callbacks: in the order in which they are called.
        model, params: what :meth:`Callback.set_model` and :meth:`Callback.set_params` shall receive; default: nothing.
        queue_length: over how many batches the time is watched, default 10.

    Raises:
        TypeError: for what is no callback.

    >>> seen = CallbackList([Callback()])
    >>> seen.on_epoch_end(0, {"loss": 1.0})
    """

    def __init__(self, callbacks=None, model=None, params=None, queue_length=10):
        self.callbacks, self.queue_length, self._batch_began = [], queue_length, [None]
        self.model, self.params = model, params
        for callback in callbacks or ():
            self.append(callback)

    def append(self, callback):
        """Put a callback at the end."""
        if not isinstance(callback, Callback):
            hint = ": did you forget the parentheses?" if isinstance(callback, type) else ""
            raise TypeError(f"callbacks must be Callback objects, got {type(callback).__name__} {callback!r}{hint}")
        self.callbacks.append(callback)
        callback.set_list(self)
        if self.params is not None:
            callback.set_params(self.params)
        if self.model is not None:
            callback.set_model(self.model)
        for name in [name for name in vars(self) if name.startswith("on_")]:
            delattr(self, name)     # made anew with the callback in it

    def set_params(self, params):
        """Give all callbacks their ``params``."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model):
        """Give all callbacks their model."""
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)

    def __iter__(self):
        return iter(self.callbacks)

    def _overriders(self, *names):
        found = [c for c in self.callbacks
                 if any(getattr(type(c), name) is not getattr(Callback, name) or name in vars(c) for name in names)]
        return sorted(found, key=lambda c: c.comes_last)

    def watches(self, kind):
        """Whether any callback wants to be called at every batch of ``'train'``, ``'test'`` or ``'predict'``."""
        names = [f"on_{kind}_batch_{end}" for end in ("begin", "end")]
        found = self._overriders(*names, *(("on_batch_begin", "on_batch_end") if kind == "train" else ()))
        return any(c.of_batches for c in found)

    def __getattr__(self, name):
        """``on_...`` of all callbacks that override it, in their order."""
        if not name.startswith("on_") or not hasattr(Callback, name):
            raise AttributeError(name)
        names = (name, name.replace("_train_", "_")) if name.startswith("on_train_batch") else (name,)
        methods = [getattr(c, name) for c in self._overriders(*names)]

        def call(*args):
            for method in methods:
                method(*args)
        if "_batch_" in name:
            call = self._timed(name, call, bool(methods))
        setattr(self, name, call)
        return call

    def _timed(self, name, call, anything):
        """``call``, watched for taking longer than the batch; holds no reference to the list, which holds a model."""
        times, count, began = [], self.queue_length, self._batch_began

        def begin(*args):
            if anything:
                call(*args)
            began[0] = time.perf_counter()

        def end(*args):
            if not anything:
                return
            now = time.perf_counter()
            call(*args)
            if began[0] is not None and len(times) < count:
                times.append((time.perf_counter() - now, now - began[0]))
                if len(times) == count:
                    _warn_of_slowness(name, times)
        return begin if name.endswith("_begin") else end


def _warn_of_slowness(name, times):
    """Say so if callbacks take a tenth of a second and as long as the batch."""
    own, batch = (statistics.median(column) for column in zip(*times))
    if own > 0.1 and own > 0.95 * batch:
        warnings.warn(f"the callbacks' {name} takes {own:.2f}s, the batch itself {batch:.2f}s: training waits for the "
                      "callbacks", RuntimeWarning, stacklevel=3)
