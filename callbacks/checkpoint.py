"""Saving a model while it trains."""

import os

from .history import Logs
from .monitor import Monitor


class ModelCheckpoint(Monitor):
    """Saves the model after each epoch, or whenever a log is better than ever before.

    Arguments:
        filepath: where to, by ``model.save`` or ``model.save_weights``. May hold ``{epoch}`` (from 1), ``{batch}`` and
            the names of logs, as in ``'model.{epoch:02d}-{val_loss:.2f}.h5'``; else each file replaces the last.
            Missing folders are made.
        monitor: the log, default ``'val_loss'``.
        verbose: whether to say what is saved, default 0.
        save_best_only: whether to save when the log is better alone, default False.
        save_weights_only: whether to save the weights alone, default False.
        mode: ``'auto'`` (the default), ``'min'`` or ``'max'``; see :class:`~tahr.callbacks.Monitor`.
        period: every how many epochs, default 1.
        save_freq: ``'epoch'`` (the default), or every how many batches.
        initial_value_threshold: what the log must be better than at first; default None.

    Raises:
        ValueError: for another mode, period or frequency, and for a path that names what is no log.

    >>> ModelCheckpoint("best.h5", save_best_only=True).filepath
    'best.h5'
    """

    def __init__(self, filepath, monitor="val_loss", verbose=0, save_best_only=False, save_weights_only=False,
                 mode="auto", period=1, save_freq="epoch", initial_value_threshold=None):
        super().__init__(monitor, mode)
        if period == "epoch":       # Keras 3 has save_freq in this place
            period, save_freq = 1, period
            self.remember(period=1, save_freq=save_freq)
        for name, value, word in (("period", period, None), ("save_freq", save_freq, "epoch")):
            if value != word and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise ValueError(f"{name} must be a positive integer{' or ' + repr(word) if word else ''}, got "
                                 f"{value!r}")
        self.filepath, self.verbose = os.fspath(filepath), verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.period, self.save_freq = period, save_freq
        self.best = self.worst if initial_value_threshold is None else initial_value_threshold
        self.epochs_since_last_save = self.batches_since_last_save = self.epoch = self.seen_batches = 0

    kept = ("best", "epochs_since_last_save", "batches_since_last_save")

    @property
    def of_batches(self):
        """Whether it has to be called at batches."""
        return self.save_freq != "epoch"

    def set_model(self, model):
        super().set_model(model)
        method = "save_weights" if self.save_weights_only else "save"
        if not callable(getattr(model, method, None)):
            raise TypeError(f"ModelCheckpoint needs a model with a method {method}, {type(model).__name__} has none")

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch, self.seen_batches = epoch, 0

    def on_train_batch_end(self, batch, logs=None):
        if self.save_freq == "epoch":
            return
        self.batches_since_last_save += max(batch + 1 - self.seen_batches, 1)      # several batches may be one call
        self.seen_batches = batch + 1
        if self.batches_since_last_save >= self.save_freq:
            self.batches_since_last_save = 0
            self._save(batch, logs)

    def on_epoch_end(self, epoch, logs=None):
        self.epochs_since_last_save += 1
        if self.save_freq == "epoch" and self.epochs_since_last_save >= self.period:
            self.epochs_since_last_save = 0
            self._save(None, logs)

    def _save(self, batch, logs):
        if not self.save_best_only:
            return self._write(batch, logs, "")
        value = self.watched(logs)
        if value is None:
            return
        if not self.improves(value, self.best):
            return self.say(f"Epoch {self.epoch + 1}: {self.monitor} is no better than {self.best:.5f}")
        self._write(batch, logs, f"{self.monitor} went from {self.best:.5f} to {value:.5f}, ")
        self.best = value

    def _write(self, batch, logs, reason):
        path = self._path(batch, logs)
        self.say(f"Epoch {self.epoch + 1}: {reason}saving {path}")
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        self.model.save_weights(path) if self.save_weights_only else self.model.save(path)

    def _path(self, batch, logs):
        places = Logs(logs or {}, epoch=self.epoch + 1)
        if batch is not None:
            places["batch"] = batch + 1
        try:
            return self.filepath.format_map(places)
        except KeyError as error:
            raise ValueError(f"ModelCheckpoint: the path {self.filepath!r} names {error}, which is not among "
                             f"{', '.join(places)}") from None
