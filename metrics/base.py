"""What a metric is."""

import functools
from collections.abc import Callable

import numpy as np

from ..autograd import Value, mode, no_grad
from ..autograd.value import wrap
from ..losses.base import FUNCTIONS as LOSSES
from ..tensor import Variable
from ..tensor.create import asarray
from ..tensor.reduce import sum as total
from ..tensor.state import assign
from ..utils.configurable import Configurable, serialize
from ..utils.custom import deserialized, in_scope
from ..utils.errors import did_you_mean
from ..utils.names import snake_case, under_names
from .counts import mean_state

FUNCTIONS: dict[str, Callable] = {}      # metric functions by every name they have
STREAMING: dict[str, Callable] = {}      # names that mean a metric object with other options than its class's defaults


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


class State(Variable):
    """A variable of a metric.

    >>> seen = State([1.0, 2.0])
    >>> seen.assign_add([1.0, 1.0])
    State([2., 3.])
    """

    __slots__ = ("initial",)

    def __init__(self, initial_value, name=None, dtype=None):
        super().__init__(initial_value, trainable=False, name=name, dtype=dtype)
        self.initial = self.data.copy()

    def __reduce__(self):
        return _restored, (self.data, self.initial, self.name)

    def __deepcopy__(self, memo):
        return _restored(self.data, self.initial, self.name)


def _restored(values, initial, name):
    state = State(initial, name, initial.dtype)
    np.copyto(state.data, values)
    return state


class Metric(Configurable):
    """Base of all metrics: ``update_state`` for each batch, then ``result``, then ``reset_state``.

    A subclass makes its state by :meth:`add_weight` and defines ``update_state`` and ``result``.

    Arguments:
        name: the key in logs; default: from the class.
        dtype: of the state; default float64, so that no count is lost in a long epoch.

    >>> class Samples(Metric):
    ...     def __init__(self, name=None):
    ...         super().__init__(name)
    ...         self.seen = self.add_weight("seen")
    ...
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.seen.assign_add(len(y_true))
    ...
    ...     def result(self):
    ...         return self.seen
    >>> float(Samples()([1, 2], [1, 2]))
    2.0
    """

    stateful = True

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "result" in vars(cls):
            cls.result = _recorded(cls.result)

    def __init__(self, name=None, dtype=None):
        self.name = name or snake_case(type(self).__name__)
        self.dtype = np.dtype(dtype or "float64").name
        self.states = []

    def add_weight(self, name=None, shape=(), initializer=None, dtype=None):
        """Make a state; :meth:`reset_state` sets it back to its first value.

        Arguments:
            name, shape: in either order, for Keras has both.
            initializer: ``'zeros'`` (the default), ``'ones'``, a number, or a function of shape and dtype.
            dtype: default: the metric's.

        Returns:
            The variable; it changes by ``assign``, ``assign_add`` and ``assign_sub``.
        """
        if not isinstance(name, str | None) or isinstance(shape, str):
            name, shape = shape if isinstance(shape, str) else None, name
        shape, dtype = tuple(np.ravel(shape).astype(int).tolist()), dtype or self.dtype
        initializer = {None: 0.0, "zeros": 0.0, "zero": 0.0, "ones": 1.0, "one": 1.0}.get(initializer, initializer) \
            if isinstance(initializer, str | None) else initializer
        if isinstance(initializer, str):
            raise ValueError(f"{self.name}: a state begins as 'zeros', 'ones', a number or what a function of shape "
                             f"and dtype returns, got {initializer!r}")
        values = initializer(shape, dtype) if callable(initializer) else np.full(shape, initializer)
        self.states.append(State(values, name, dtype))
        return self.states[-1]

    add_variable = add_weight

    @property
    def variables(self):
        """All states."""
        return list(self.states)

    weights = non_trainable_weights = non_trainable_variables = variables

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take in a batch."""
        raise TypeError(f"{type(self).__name__} must define update_state(y_true, y_pred, sample_weight=None)")

    def result(self):
        """The value over all batches since the last reset: a number, an array, or a dict of several."""
        raise TypeError(f"{type(self).__name__} must define result()")

    def reset_state(self):
        """Forget all batches."""
        own = type(self)
        if own.reset_states is not Metric.reset_states and own.reset_state is Metric.reset_state:
            self.reset_states()         # a subclass has it under the older name
        else:
            self._forget()

    def reset_states(self):
        """:meth:`reset_state` under its Keras 2 name."""
        if type(self).reset_state is not Metric.reset_state and type(self).reset_states is Metric.reset_states:
            self.reset_state()
        else:
            self._forget()

    def _forget(self):
        for state in self.states:
            assign(state, state.initial)

    def __call__(self, *args, **kwargs):
        """Take in a batch and return the value so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    def logs(self):
        """The result as a dict of Python floats (or arrays) under the metric's name, or the names that it gives."""
        found = self.result()
        found = found if isinstance(found, dict) else {self.name: found}
        return {name: value if type(value) is float else _plain(value) for name, value in found.items()}

    def __repr__(self):
        return f"<{type(self).__name__} {self.name!r}>"


def _recorded(result):
    """``result``, whose numbers are computed again where a recorded step that asks for them is run again."""
    @functools.wraps(result)
    def wrapped(self):
        recorder = mode.recorder() if mode.recorders else None
        if recorder is None:
            return result(self)
        arrays, names = recorder.calculate(self.name, functools.partial(result, self))
        values = [wrap(a) for a in arrays]
        return dict(zip(names, values)) if names else values[0]
    return wrapped


def _plain(value):
    array = _array(value)
    return float(array) if array.size == 1 else array


def _array(x):
    return x.data if isinstance(x, Value) else np.asarray(x)


class _Reduction(Metric):
    """A total of values, and the weight of all of them."""

    def __init__(self, name=None, dtype=None):
        super().__init__(name, dtype)
        self.sums = self.add_weight("total_and_count", (2,))

    @property
    def total(self):
        """The weighted sum of the values."""
        return self.sums[0]

    @property
    def count(self):
        """The sum of the weights."""
        return self.sums[1]

    def update_state(self, values, sample_weight=None):
        """Take in values of any shape, and weights of that shape or of its first axes; 1s at its end do not count."""
        try:
            assign(self.sums, mean_state(values, sample_weight, self.sums))
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None


class Sum(_Reduction):
    """The sum of the values given to ``update_state``, weighted if weights are given.

    Arguments:
        name: default ``'sum'``.
        dtype: as for :class:`Metric`.

    Raises:
        ValueError: for weights that have neither the values' shape nor that of their first axes.

    >>> Sum()([1.0, 3.0], sample_weight=[1.0, 0.5])
    2.5
    """

    def result(self):
        return self.sums.data.item(0)


class Mean(_Reduction):
    """The mean of the values given to ``update_state``, weighted if weights are given; 0 before the first.

    Arguments:
        name: default ``'mean'``.
        dtype: as for :class:`Metric`.

    Raises:
        ValueError: for weights that have neither the values' shape nor that of their first axes.

    >>> mean = Mean()
    >>> mean.update_state([1.0, 3.0])
    >>> mean.update_state(5.0)
    >>> mean.result()
    3.0
    """

    def result(self):
        total, count = self.sums.data.tolist()
        return total / count if count else 0.0


class MeanMetricWrapper(Mean):
    """The mean over samples of a function ``(y_true, y_pred) -> values``.

    Arguments:
        fn: or the name of a metric or loss function. A single number counts for its whole batch; a dict of values
            makes a mean of each, under their keys.
        name: default: the function's.
        dtype: as for :class:`Metric`.

    Raises:
        ValueError: for an unknown name, and for sample weights that do not fit.

    >>> error = MeanMetricWrapper(lambda y_true, y_pred: abs(y_true - y_pred), name="error")
    >>> error(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    1.0
    """

    def __init__(self, fn, name=None, dtype=None):
        self.fn = _function(fn)
        own = getattr(self.fn, "__name__", snake_case(type(self.fn).__name__))
        super().__init__(name or own.strip("<>"), dtype)        # a lambda's name has brackets
        self.parts = {}

    def values(self, y_true, y_pred):
        """What is averaged."""
        return self.fn(y_true, y_pred)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take in a batch, with one weight for each sample if any."""
        with no_grad():
            values = self.values(y_true, y_pred)
        if not isinstance(values, dict):
            return _add(self, values, y_pred, sample_weight)
        for key, value in values.items():
            _add(self.part(key), value, y_pred, sample_weight)

    def part(self, key):
        """The mean of the values under a key of the function's dicts."""
        if key not in self.parts:
            self.parts[key] = Mean(key, self.dtype)
            self.states += self.parts[key].states
        return self.parts[key]

    def result(self):
        return {key: part.result() for key, part in self.parts.items()} if self.parts else super().result()


def _add(mean, values, y_pred, sample_weight):
    """Take the values of a batch in; a single one weighs as much as the batch."""
    if not (values.ndim if hasattr(values, "ndim") else np.ndim(values)):
        sample_weight = float(len(y_pred)) if sample_weight is None else total(asarray(sample_weight))
    Mean.update_state(mean, values, sample_weight)


def custom_metric(name, metric_fn):
    """A function as a metric of that name: the helper of Keras for R.

    >>> custom_metric("mean_pred", lambda y_true, y_pred: y_pred.mean())(np.array([0.0]), np.array([3.0]))
    3.0
    """
    return MeanMetricWrapper(metric_fn, name)


def _function(identifier):
    if isinstance(identifier, str):
        known = {**LOSSES, **FUNCTIONS}
        if identifier not in known:
            raise _unknown(identifier, known)
        return known[identifier]
    return identifier


def _unknown(name, functions):
    known = sorted({*functions, *STREAMING, *map(snake_case, Metric.registry)})
    return ValueError(f"unknown metric {name!r}.{did_you_mean(name, known)} Known: {', '.join(known)}")


def get(identifier, extra=None):
    """A metric by name, config, function or itself; None is none.

    Arguments:
        identifier: a function ``(y_true, y_pred) -> values`` is averaged over the samples; a name stays the metric's.
        extra: further functions that names may mean, as a dict.

    Raises:
        ValueError: for an unknown name. TypeError: for a class instead of its object, and for anything else.

    >>> get("acc").name, get("auc").name
    ('acc', 'auc')
    """
    identifier = in_scope(identifier)
    if identifier is None or isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, str):
        functions = {**(extra or {}), **LOSSES, **FUNCTIONS}
        if identifier in STREAMING:
            return STREAMING[identifier](name=identifier)
        if identifier in functions:
            return MeanMetricWrapper(functions[identifier], identifier)
        try:
            found = Metric.named(identifier)
        except ValueError:
            raise _unknown(identifier, functions) from None
        return found(name=identifier) if found.accepts("name") else found()
    if callable(identifier) and not isinstance(identifier, type):
        return MeanMetricWrapper(identifier)
    return Metric.get(identifier)


def deserialize(config, custom_objects=None):
    """The metric that :func:`serialize` wrote down; ``custom_objects`` maps further names to functions and classes.

    >>> deserialize(serialize(Mean("loss"))).name
    'loss'
    """
    return get(deserialized(config, custom_objects, get))


__all__ = ["FUNCTIONS", "Mean", "MeanMetricWrapper", "Metric", "Sum", "custom_metric", "deserialize", "get",
           "metric_function", "serialize"]
