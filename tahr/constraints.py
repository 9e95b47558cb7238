"""Functions that bring weights back into bounds after each update: of a layer, by its arguments ``..._constraint``.

The norms are those of the vectors along ``axis``: 0 for a Dense kernel (features, units), where each unit has a vector,
and ``(0, 1, 2)`` for a Conv2D kernel (rows, columns, channels, filters), where each filter has one.
"""

from . import ops
from .utils import settings
from .utils.configurable import Configurable, refuse_class, serialize
from .utils.custom import deserialized, in_scope
from .utils.names import snake_case


class Constraint(Configurable):
    """Base of all constraints: ``constraint(weight)`` returns the weight as it should be, in its shape.

    >>> class Rounded(Constraint):
    ...     def __call__(self, w):
    ...         return ops.round(w)
    >>> Rounded()([0.4, 0.6])
    Tensor([0., 1.])
    """

    def __call__(self, w):
        raise TypeError(f"{type(self).__name__} must define __call__(w)")


class MaxNorm(Constraint):
    """Shrinks the vectors whose norm exceeds ``max_value`` to it.

    Arguments:
        max_value: the largest norm, default 2.
        axis: one axis or several, default 0; see the module.

    Raises:
        ValueError: for a negative ``max_value``.

    Source: Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, JMLR 15, 2014.

    >>> MaxNorm(5.0)([[30.0, 3.0], [40.0, 4.0]])
    Tensor([[3., 3.],
            [4., 4.]])
    """

    def __init__(self, max_value=2, axis=0):
        if not max_value >= 0:
            raise ValueError(f"max_value must not be negative, got {max_value}")
        self.max_value, self.axis = max_value, axis

    def __call__(self, w):
        norms = _norms(w, self.axis)
        return w * (ops.clip(norms, 0, self.max_value) / (settings.epsilon() + norms))


class NonNeg(Constraint):
    """Sets negative weights to 0.

    >>> NonNeg()([-1.0, 2.0])
    Tensor([0., 2.])
    """

    def __call__(self, w):
        return ops.maximum(w, 0.0)


class UnitNorm(Constraint):
    """Scales the vectors to norm 1.

    Arguments:
        axis: one axis or several, default 0; see the module.

    >>> UnitNorm()([[3.0], [4.0]])
    Tensor([[0.6],
            [0.8]])
    """

    def __init__(self, axis=0):
        self.axis = axis

    def __call__(self, w):
        return w / (settings.epsilon() + _norms(w, self.axis))


class MinMaxNorm(Constraint):
    """Brings the norms of the vectors into ``[min_value, max_value]``.

    Arguments:
        min_value, max_value: the smallest and the largest norm, default 0 and 1.
        rate: the fraction of the way that one call goes, from 0 to 1, default 1.
        axis: one axis or several, default 0; see the module.

    Raises:
        ValueError: unless ``0 <= min_value <= max_value`` and ``0 <= rate <= 1``.

    >>> ops.round(MinMaxNorm(2.0, 3.0, rate=0.5)([[1.0, 5.0]]), 5)
    Tensor([[1.5, 4. ]])
    """

    def __init__(self, min_value=0.0, max_value=1.0, rate=1.0, axis=0):
        if not 0 <= min_value <= max_value:
            raise ValueError(f"norms must satisfy 0 <= min_value <= max_value, got {min_value} and {max_value}")
        if not 0 <= rate <= 1:
            raise ValueError(f"rate must lie in [0, 1], got {rate}")
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w):
        norms = _norms(w, self.axis)
        wanted = self.rate * ops.clip(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        return w * (wanted / (settings.epsilon() + norms))


def _norms(w, axis):
    return ops.sqrt(ops.sum(ops.square(w), axis, True))


def get(identifier):
    """A constraint by name, config or itself; a function of a weight is used as it is, None is none.

    Raises:
        ValueError: for an unknown name. TypeError: for a class instead of its object, and for anything else.

    >>> get("max_norm").max_value
    2
    """
    if (own := in_scope(identifier)) is not identifier:
        return own
    refuse_class(identifier)
    return identifier if identifier is None or callable(identifier) else Constraint.get(identifier)


def deserialize(config, custom_objects=None):
    """The constraint that :func:`serialize` wrote down; ``custom_objects`` maps further names to functions and classes.

    >>> deserialize(serialize(MaxNorm(3))).max_value
    3
    """
    return get(deserialized(config, custom_objects, get))


# Every class under its other names, too: Keras 2 has max_norm(2.), Keras 1 maxnorm(2.).
_ALL = {name: cls for key, cls in Constraint.registry.items()
        for name in (key, snake_case(key), snake_case(key).replace("_", ""))}
globals().update(_ALL)
__all__ = ["Constraint", "deserialize", "get", "serialize", *_ALL]
