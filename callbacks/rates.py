"""Changing the learning rate while a model trains."""

import inspect
import math

from .base import Callback
from .monitor import Monitor


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch.

    Arguments:
        schedule: a function of the epoch (from 0), or of the epoch and the learning rate as it is; returns the new one.
        verbose: whether to print it, default 0.

    Raises:
        ValueError: in training, if the schedule returns no finite number.

    >>> LearningRateScheduler(lambda epoch, lr: lr * 0.5).verbose
    0
    """

    def __init__(self, schedule, verbose=0):
        self.schedule, self.verbose = schedule, verbose
        self.takes_rate = _takes_two(schedule)

    def on_epoch_begin(self, epoch, logs=None):
        now = rate_of(self.model)
        rate = self.schedule(epoch, now) if self.takes_rate else self.schedule(epoch)
        if isinstance(rate, bool | str) or not hasattr(rate, "__float__") or not math.isfinite(float(rate)):
            raise ValueError(f"the schedule must return a finite number, the learning rate, got {rate!r} for epoch "
                             f"{epoch}")
        set_rate(self.model, float(rate))
        if self.verbose:
            print(f"Epoch {epoch + 1}: the learning rate is {float(rate):g}")

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["lr"] = rate_of(self.model)


def _takes_two(function):
    """Whether a function can be called with two arguments."""
    try:
        inspect.signature(function).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:      # a builtin without a signature
        return True
    return True


def rate_of(model):
    """The learning rate of a model's optimizer, as a Python float."""
    return float(getattr(model.optimizer, _rate_name(model)))


def set_rate(model, rate):
    """Change the learning rate of a model's optimizer: a variable keeps its identity."""
    name = _rate_name(model)
    state = getattr(model.optimizer, name)
    if name == "lr" and hasattr(state, "assign"):
        state.assign(rate)
    else:
        setattr(model.optimizer, name, rate)


def _rate_name(model):
    """``'learning_rate'``, or ``'lr'`` for an optimizer of the user's own that has it by that name alone."""
    optimizer = getattr(model, "optimizer", None)
    for name in ("learning_rate", "lr"):
        if hasattr(optimizer, name):
            return name
    raise ValueError("the model has no optimizer with a learning rate: compile it first")


class ReduceLROnPlateau(Monitor):
    """Multiplies the learning rate by a factor when a log has not become better for some epochs.

    Arguments:
        monitor: the log, default ``'val_loss'``.
        factor: below 1, default 0.1.
        patience: how many epochs in a row may bring nothing better, default 10.
        verbose: whether to say so, default 0.
        mode: ``'auto'`` (the default), ``'min'`` or ``'max'``; see :class:`~tahr.callbacks.Monitor`.
        min_delta: a smaller change does not count as better, default 0.0001.
        cooldown: how many epochs are not looked at after a reduction, default 0.
        min_lr: where reducing ends, default 0.

    Raises:
        ValueError: for a factor of 1 or more, and for another mode.

    >>> ReduceLROnPlateau(factor=0.2, patience=5).factor
    0.2
    """

    kept = ("best", "wait", "cooldown_counter")

    def __init__(self, monitor="val_loss", factor=0.1, patience=10, verbose=0, mode="auto", min_delta=1e-4, cooldown=0,
                 min_lr=0):
        super().__init__(monitor, mode, min_delta)
        if not 0 <= factor < 1:
            raise ValueError(f"factor must be at least 0 and below 1, got {factor}: the learning rate is to fall")
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr
        self._begin()

    def _begin(self):
        self.best, self.wait, self.cooldown_counter = self.worst, 0, 0

    def on_train_begin(self, logs=None):
        self._begin()

    def in_cooldown(self):
        """Whether a reduction was too recent to look again."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch, logs=None):
        rate, value = rate_of(self.model), self.watched(logs)
        if logs is not None:
            logs["lr"] = rate
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.improves(value, self.best):
            self.best, self.wait = value, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and rate > self.min_lr:
                self._reduce(epoch, rate)

    def _reduce(self, epoch, rate):
        reduced = max(rate * self.factor, self.min_lr)
        set_rate(self.model, reduced)
        self.say(f"Epoch {epoch + 1}: {self.monitor} is no better, the learning rate falls to {reduced:g}")
        self.cooldown_counter, self.wait = self.cooldown, 0
