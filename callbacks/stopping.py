"""Ending a training run early."""

import math

from .base import Callback
from .monitor import Monitor


class EarlyStopping(Monitor):
    """Ends training when a log has not become better for some epochs.

    Arguments:
        monitor: the log, default ``'val_loss'``.
        min_delta: a smaller change does not count as better, default 0.
        patience: how many epochs in a row may bring nothing better before training ends, default 0.
        verbose: whether to say so, default 0.
        mode: ``'auto'`` (the default), ``'min'`` or ``'max'``; see :class:`~tahr.callbacks.Monitor`.
        baseline: what must be passed for an epoch to count as better; default None.
        restore_best_weights: whether to set the weights of the best epoch when training ends, however it ends; default
            False. Without one better than the start these are the weights of the first epoch.
        start_from_epoch: epochs before this one (from 0) are not looked at, default 0.

    Raises:
        ValueError: for another mode.

    >>> EarlyStopping(patience=3, restore_best_weights=True).get_config()["patience"]
    3
    """

    kept = ("wait", "stopped_epoch", "best_epoch", "best", "best_weights")

    def __init__(self, monitor="val_loss", min_delta=0, patience=0, verbose=0, mode="auto", baseline=None,
                 restore_best_weights=False, start_from_epoch=0):
        super().__init__(monitor, mode, min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self._begin()

    def _begin(self):
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best, self.best_weights = self.worst, None

    def on_train_begin(self, logs=None):
        self._begin()

    def on_epoch_end(self, epoch, logs=None):
        value = self.watched(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        better = self.improves(value, self.best)
        if better:
            self.best, self.best_epoch = value, epoch
            if self.baseline is None or self.improves(value, self.baseline):
                self.wait = 0
        if self.restore_best_weights and (better or self.best_weights is None):
            self.best_epoch, self.best_weights = epoch, self.model.get_weights()
        if self.wait >= max(self.patience, 1):
            self.stopped_epoch, self.model.stop_training = epoch, True
            self._restore()

    def on_train_end(self, logs=None):
        if self.stopped_epoch:
            self.say(f"Epoch {self.stopped_epoch + 1}: early stopping, {self.monitor} was best in epoch "
                     f"{self.best_epoch + 1}")
        if self.best_weights is not None:
            self.say(f"Restoring the weights of epoch {self.best_epoch + 1}")
        self._restore()

    def _restore(self):
        """The weights of the best epoch: at once when training is to end, so that callbacks after this one see them."""
        if self.best_weights is not None:
            self.model.set_weights(self.best_weights)


class TerminateOnNaN(Callback):
    """Ends training when the loss of a batch is NaN or infinite.

    Arguments:
        raise_error: whether to raise a RuntimeError instead, default False.

    >>> TerminateOnNaN(raise_error=True).on_train_batch_end(7, {"loss": float("nan")})
    Traceback (most recent call last):
    RuntimeError: the loss became nan in batch 7
    """

    def __init__(self, raise_error=False):
        self.raise_error = raise_error

    def on_train_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"the loss became {loss} in batch {batch}")
        print(f"Batch {batch}: the loss became {loss}, training ends")
        self.model.stop_training = True
