"""What happened, epoch by epoch."""

from ..utils.curves import write_curves
from .base import Callback

SYNONYMS = {"acc": "accuracy", "accuracy": "acc"}


class Logs(dict):
    """A dict in which ``acc`` and ``accuracy`` (with ``val_`` too) find each other: Keras changed the key in 2.3.

    >>> Logs(val_accuracy=0.5)["val_acc"], "acc" in Logs(accuracy=0.5), Logs().get("acc", 0.0)
    (0.5, True, 0.0)
    """

    def __missing__(self, key):
        other = self._synonym(key)
        if dict.__contains__(self, other):
            return dict.__getitem__(self, other)
        raise KeyError(key)

    @staticmethod
    def _synonym(key):
        prefix, name = ("val_", key[4:]) if isinstance(key, str) and key.startswith("val_") else ("", key)
        return prefix + SYNONYMS[name] if isinstance(name, str) and name in SYNONYMS else key

    def get(self, key, default=None):
        return self[key] if key in self else default

    def __contains__(self, key):
        return dict.__contains__(self, key) or dict.__contains__(self, self._synonym(key))


class History(Callback):
    """The result of ``fit``: ``history`` maps each log to its list of values, ``epoch`` lists the epochs' numbers."""

    def __init__(self):
        self.history, self.epoch = Logs(), []

    def on_train_begin(self, logs=None):
        self.history, self.epoch = Logs(), []

    def get_state(self):
        return {"history": dict(self.history), "epoch": list(self.epoch)}

    def set_state(self, state):
        self.history, self.epoch = Logs(state["history"]), list(state["epoch"])

    def on_epoch_end(self, epoch, logs=None):
        self.epoch.append(epoch)
        for key, value in (logs or {}).items():
            self.history.setdefault(key, []).append(value)

    def plot(self, path):
        """Draw the curves of losses and metrics into an SVG file; returns its path."""
        return write_curves(self.history, path)
