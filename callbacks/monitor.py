"""Watching one of the logs: which way is better, and what to do when it is not there."""

import math
import warnings

from .base import Callback
from .history import Logs

LARGER_IS_BETTER = ("acc", "auc", "precision", "recall", "f1", "fmeasure", "fscore", "fbeta", "f_beta", "iou", "io_u",
                    "r2", "correlation", "sensitivity", "specificity", "true_positives", "true_negatives")


class Monitor(Callback):
    """Base of callbacks that watch a log.

    Arguments:
        monitor: its name; ``acc`` and ``accuracy`` find each other.
        mode: ``'min'`` if smaller is better, ``'max'`` if larger is; ``'auto'`` says so by the name: larger accuracies,
            areas, precisions, recalls, F-scores, overlaps and correlations are better, of all else smaller ones.
        min_delta: a smaller change is none.

    Raises:
        ValueError: for another mode.
    """

    def __init__(self, monitor, mode, min_delta=0.0):
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"mode must be 'auto', 'min' or 'max', got {mode!r}")
        self.monitor, self.mode, self.min_delta = monitor, mode, abs(min_delta)
        self.larger = mode == "max" or mode == "auto" and any(word in monitor for word in LARGER_IS_BETTER)
        self.worst, self.missed = -math.inf if self.larger else math.inf, False

    def improves(self, value, best):
        """Whether ``value`` is better than ``best``, by at least ``min_delta``; NaN is not."""
        return value - self.min_delta > best if self.larger else value + self.min_delta < best

    def watched(self, logs):
        """The value, None with a warning (the first time) where there is none."""
        value = Logs(logs or {}).get(self.monitor)
        if value is not None:
            return float(value)
        if not self.missed:
            known = ", ".join(logs or ()) or "none"
            warnings.warn(f"{type(self).__name__} watches {self.monitor!r}, which is not among the logs: {known}",
                          RuntimeWarning, stacklevel=2)
            self.missed = True
        return None

    def say(self, text):
        """Print a line if the callback is verbose."""
        if self.verbose:
            print(text)
