"""What a metric is."""

from collections.abc import Callable

import numpy as np

from ..autograd import no_grad
from ..tensor import Tensor
from ..utils.configurable import Configurable
from ..utils.errors import did_you_mean
from ..utils.names import snake_case, under_names

FUNCTIONS: dict[str, Callable] = {}      # metric functions by every name they have


def metric_function(*aliases):
    """Enter a function ``(y_true, y_pred) -> values`` under its name and aliases.

    >>> @metric_function("bias")
    ... def mean_error(y_true, y_pred):
    ...     return np.mean(np.subtract(y_pred, y_true), -1)
    >>> get("bias")([[1.0]], [[3.0]])
    2.0
    >>> del FUNCTIONS["bias"], FUNCTIONS["mean_error"]
    """
    return under_names(FUNCTIONS, aliases)


class Metric(Configurable):
    """Base of all metrics: ``update_state`` for each batch, then ``result``, then ``reset_state``.

    A subclass defines these three; ``reset_state`` is called once at construction.

    Arguments:
        name: the key in logs; default: from the class.

    >>> class Samples(Metric):
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.seen += len(y_true)
    ...
    ...     def result(self):
    ...         return float(self.seen)
    ...
    ...     def reset_state(self):
    ...         self.seen = 0
    >>> Samples()([1, 2], [1, 2])
    2.0
    """

    def __init__(self, name=None):
        self.name = name or snake_case(type(self).__name__)
        self.reset_state()

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take in a batch."""
        raise TypeError(f"{type(self).__name__} must define update_state(y_true, y_pred, sample_weight=None)")

    def result(self):
        """The value over all batches since the last reset, as a float."""
        raise TypeError(f"{type(self).__name__} must define result()")

    def reset_state(self):
        """Forget all batches."""

    def reset_states(self):
        """:meth:`reset_state` under its Keras 2 name."""
        self.reset_state()

    def __call__(self, *args, **kwargs):
        """Take in a batch and return the value so far."""
        self.update_state(*args, **kwargs)
        return self.result()


class Mean(Metric):
    """The mean of the values given to ``update_state``, weighted if weights are given; 0 before the first.

    Arguments:
        name: default ``'mean'``.

    Raises:
        ValueError: for weights that have neither the values' shape nor that of their first axes.

    >>> mean = Mean()
    >>> mean.update_state([1.0, 3.0])
    >>> mean.update_state(5.0)
    >>> mean.result()
    3.0
    """

    def update_state(self, values, sample_weight=None):
        """Take in values of any shape, and weights of that shape or of its first axes; 1s at its end do not count."""
        values = _array(values)
        weights = np.ones(()) if sample_weight is None else _array(sample_weight)
        while weights.shape != values.shape[:weights.ndim] and weights.shape[-1:] == (1,):
            weights = weights[..., 0]
        if weights.shape != values.shape[:weights.ndim]:
            raise ValueError(f"{self.name}: sample weights of shape {weights.shape} do not fit values of shape "
                             f"{values.shape}")
        weights = weights.reshape(weights.shape + (1,) * (values.ndim - weights.ndim))
        self.total += float(np.sum(values * weights, dtype=np.float64))
        self.count += float(np.sum(np.broadcast_to(weights, values.shape), dtype=np.float64))

    def result(self):
        return self.total / self.count if self.count else 0.0

    def reset_state(self):
        self.total = self.count = 0.0


class MeanOf(Mean):
    """The mean over samples of a function ``(y_true, y_pred) -> values``.

    Arguments:
        function: or the name of one in the table of metric functions. A single number counts for its whole batch.
        name: default: the function's.

    Raises:
        ValueError: for an unknown name, and for sample weights where the function gives a single number.

    >>> error = MeanOf(lambda y_true, y_pred: abs(y_true - y_pred), name="error")
    >>> error(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    1.0
    """

    def __init__(self, function, name=None):
        if isinstance(function, str) and function not in FUNCTIONS:
            raise _unknown(function, FUNCTIONS)
        self.function = FUNCTIONS[function] if isinstance(function, str) else function
        super().__init__(name or getattr(self.function, "__name__", snake_case(type(self.function).__name__)))

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take in a batch, with one weight for each sample if any."""
        with no_grad():
            values = _array(self.function(y_true, y_pred))
        if values.ndim:
            super().update_state(values, sample_weight)
        elif sample_weight is None:
            super().update_state(values, len(y_pred))
        else:
            raise ValueError(f"{self.name}: the function gives one number for the whole batch, which sample weights "
                             "cannot change: let it return one for each sample")


def _array(x):
    return x.data if isinstance(x, Tensor) else np.asarray(x)


def _unknown(name, functions):
    return ValueError(f"unknown metric {name!r}.{did_you_mean(name, functions)} Known: {', '.join(sorted(functions))}")


def get(identifier, extra=None):
    """A metric by name, config, function or itself.

    Arguments:
        identifier: a function ``(y_true, y_pred) -> values`` is averaged over the samples; a name stays the metric's.
        extra: further functions that names may mean, as a dict.

    Raises:
        ValueError: for an unknown name. TypeError: for a class instead of its object, and for anything else.

    >>> get("acc").name
    'acc'
    """
    if isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, str):
        functions = {**(extra or {}), **FUNCTIONS}
        if identifier in functions:
            return MeanOf(functions[identifier], identifier)
        if identifier not in Metric.registry:
            raise _unknown(identifier, functions)
    if callable(identifier) and not isinstance(identifier, type):
        return MeanOf(identifier)
    return Metric.get(identifier)
