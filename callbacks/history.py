"""What happened, epoch by epoch."""

from ..utils.curves import write_curves
from .base import Callback

SYNONYMS = {"acc": "accuracy", "accuracy": "acc"}


class Logs(dict):
    """A dict in which ``acc`` and ``accuracy`` (with ``val_`` too) find each other: Keras changed the key in 2.3."""

    def __missing__(self, key):
        prefix, name = ("val_", key[4:]) if isinstance(key, str) and key.startswith("val_") else ("", key)
        other = prefix + SYNONYMS.get(name, "")
        if name in SYNONYMS and other in self.keys():
            return dict.__getitem__(self, other)
        raise KeyError(key)


class History(Callback):
    """The result of ``fit``: ``history`` maps each log to its list of values, ``epoch`` lists the epochs' numbers."""

    def __init__(self):
        self.history, self.epoch = Logs(), []

    def on_train_begin(self, logs=None):
        self.history, self.epoch = Logs(), []

    def on_epoch_end(self, epoch, logs=None):
        self.epoch.append(epoch)
        for key, value in (logs or {}).items():
            self.history.setdefault(key, []).append(value)

    def plot(self, path):
        """Draw the curves of losses and metrics into an SVG file; returns its path."""
        return write_curves(self.history, path)
