"""Metrics: totals over batches of any size, read off at the end of an epoch."""

from .accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
)
from .base import Mean, MeanOf, Metric, get, metric_function

__all__ = ["Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "Mean", "MeanOf", "Metric", "SparseCategoricalAccuracy",
           "accuracy", "binary_accuracy", "categorical_accuracy", "get", "metric_function",
           "sparse_categorical_accuracy"]
