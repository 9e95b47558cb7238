"""Metrics: totals over batches of any size, read off at the end of an epoch.

The functions give one value for each sample; every loss function is one, too, under all its names. The classes take in
batch after batch, so that unequal batches weigh what they hold; precision, recall, F-scores and areas are those of all
data, never means of those of batches.
"""

from collections.abc import Callable

from ..losses.base import FUNCTIONS as _LOSSES
from . import accuracy as _accuracy
from . import confusion, means, overlap, scores
from .base import (
    FUNCTIONS,
    Mean,
    MeanMetricWrapper,
    Metric,
    Sum,
    custom_metric,
    deserialize,
    get,
    metric_function,
    serialize,
)

_ALL = {**_LOSSES, **FUNCTIONS, **{name: value for module in (_accuracy, confusion, means, overlap, scores)
                                   for name, value in vars(module).items()
                                   if isinstance(value, type) and issubclass(value, Metric) and name[0] != "_"}}
globals().update(_ALL)
__all__ = ["Mean", "MeanMetricWrapper", "Metric", "Sum", "custom_metric", "deserialize", "get", "metric_function",
           "serialize", *sorted(_ALL.keys() - {"Mean", "MeanMetricWrapper", "Metric", "Sum"})]


def __getattr__(name: str) -> Callable:     # for names that are not there; tells type checkers what those there are
    raise AttributeError(f"tahr.metrics has no {name!r}")
