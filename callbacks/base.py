"""What a callback is."""

import weakref

from ..utils.configurable import Configurable


class Callback(Configurable):
    """Base of all callbacks: override the moments of interest.

    ``self.model`` is the model, ``self.params`` a dict of batch_size, epochs, steps, samples, verbose, do_validation
    and metrics. ``logs`` hold loss and metrics; ``self.model.stop_training = True`` ends training after the epoch.

    >>> class Print(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(epoch, sorted(logs))
    >>> Print().on_epoch_end(0, {"loss": 1.0})
    0 ['loss']
    """

    params = None
    _model = lambda self: None

    @property
    def model(self):
        """The model, None before training; held weakly, so that a model and its history are no cycle."""
        return self._model()

    @model.setter
    def model(self, model):
        self._model = weakref.ref(model)

    def set_params(self, params):
        """Receive :attr:`params`."""
        self.params = params

    def set_model(self, model):
        """Receive :attr:`model`."""
        self.model = model

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
    """Several callbacks as one; a moment that none of them overrides costs nothing."""

    def __init__(self, callbacks, model, params):
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                raise TypeError(f"callbacks must be Callback objects, got {type(callback).__name__} {callback!r}")
            callback.set_params(params)
            callback.set_model(model)

    def _overriders(self, *names):
        return [c for c in self.callbacks
                if any(getattr(type(c), name) is not getattr(Callback, name) or name in vars(c) for name in names)]

    def __getattr__(self, name):
        """``on_...`` of all callbacks that override it, in their order."""
        if not name.startswith("on_") or not hasattr(Callback, name):
            raise AttributeError(name)
        names = (name, name.replace("_train_", "_")) if name.startswith("on_train_batch") else (name,)
        methods = [getattr(c, name) for c in self._overriders(*names)]

        def call(*args):
            for method in methods:
                method(*args)
        setattr(self, name, call)
        return call
