"""Penalties on weights that are added to the loss: of a layer, by its arguments ``..._regularizer``."""

import math

from . import ops
from .tensor import Symbol, Tensor
from .utils.configurable import Configurable, refuse_class, serialize
from .utils.custom import deserialized, in_scope


class Regularizer(Configurable):
    """Base of all regularizers: ``regularizer(tensor)`` returns a scalar tensor.

    >>> class Spread(Regularizer):
    ...     def __call__(self, x):
    ...         return ops.var(x)
    >>> Spread()([1.0, 3.0])
    Tensor(1.)
    """

    def __call__(self, x):
        raise TypeError(f"{type(self).__name__} must define __call__(x)")


class L1L2(Regularizer):
    """``l1 * sum(|x|) + l2 * sum(x**2)``, without a factor of one half.

    Arguments:
        l1, l2: finite factors, default 0.

    Raises:
        ValueError: for a factor that is not finite.

    >>> L1L2(l1=0.5, l2=0.25)([1.0, -2.0])
    Tensor(2.75)
    """

    def __init__(self, l1=0.0, l2=0.0):
        self.l1, self.l2 = _finite("l1", l1), _finite("l2", l2)

    def __call__(self, x):
        penalty = Tensor(0.0)
        if self.l1:
            penalty = penalty + self.l1 * ops.sum(ops.absolute(x))
        if self.l2:
            penalty = penalty + self.l2 * ops.sum(ops.square(x))
        return penalty


class L1(L1L2):
    """``l1 * sum(|x|)``; its gradient draws weights to exactly 0.

    Arguments:
        l1: the factor, default 0.01.

    Source: Tibshirani, Regression shrinkage and selection via the lasso, JRSS B 58, 1996.

    >>> L1(0.5)([1.0, -2.0])
    Tensor(1.5)
    """

    def __init__(self, l1=0.01):
        super().__init__(l1=l1)


class L2(L1L2):
    """``l2 * sum(x**2)``, without a factor of one half; its gradient shrinks weights in proportion.

    Arguments:
        l2: the factor, default 0.01.

    Source: Hoerl and Kennard, Ridge regression, Technometrics 12, 1970.

    >>> L2(0.5)([1.0, -2.0])
    Tensor(2.5)
    """

    def __init__(self, l2=0.01):
        super().__init__(l2=l2)


class OrthogonalRegularizer(Regularizer):
    """Draws the rows (or columns) of a matrix apart: ``factor`` times the mean over all pairs of ``|cos|`` of their
    angle.

    Arguments:
        factor: finite, default 0.01.
        mode: ``'rows'`` (the default) or ``'columns'``.

    Raises:
        ValueError: for another mode or a factor that is not finite, and when called with other than 2 dimensions.

    >>> OrthogonalRegularizer(0.5)([[1.0, 0.0], [3.0, 0.0]])
    Tensor(0.5)
    """

    def __init__(self, factor=0.01, mode="rows"):
        if mode not in ("rows", "columns"):
            raise ValueError(f"mode must be 'rows' or 'columns', got {mode!r}")
        self.factor, self.mode = _finite("factor", factor), mode

    def __call__(self, x):
        x = x if isinstance(x, Tensor | Symbol) else Tensor(x)
        if x.ndim != 2:
            raise ValueError(f"OrthogonalRegularizer needs a matrix, got shape {x.shape}")
        x = x if self.mode == "rows" else x.T
        unit = x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), 1, True), 1e-12))
        cosines, n = ops.absolute(ops.matmul(unit, unit.T)), len(x)
        pairs = n * (n - 1) / 2
        return 0.5 * self.factor * ops.sum(cosines * (1 - ops.eye(n, dtype=x.dtype))) / max(pairs, 1)


def _finite(name, factor):
    if isinstance(factor, bool) or not hasattr(factor, "__float__") or not math.isfinite(factor):
        raise ValueError(f"{name} must be a finite number, got {factor!r}")
    return float(factor)


def l1(l1=0.01, l=None):    # noqa: E741 (Keras 2's name of it)
    """:class:`L1` under its Keras 2 name; ``l`` is what Keras 2 calls the factor.

    >>> l1()([2.0])
    Tensor(0.02)
    """
    return L1(l1 if l is None else l)


def l2(l2=0.01, l=None):    # noqa: E741 (Keras 2's name of it)
    """:class:`L2` under its Keras 2 name; ``l`` is what Keras 2 calls the factor.

    >>> l2()([2.0])
    Tensor(0.04)
    """
    return L2(l2 if l is None else l)


def l1_l2(l1=0.01, l2=0.01):
    """:class:`L1L2` under its Keras 2 name, with factors of 0.01 where the class has 0.

    >>> l1_l2()([2.0])
    Tensor(0.06)
    """
    return L1L2(l1, l2)


# Keras 1's names; there a penalty on outputs was another class, here any regularizer is one.
l1l2 = activity_l1l2 = l1_l2
activity_l1, activity_l2 = l1, l2
WeightRegularizer = ActivityRegularizer = L1L2
orthogonal_regularizer = OrthogonalRegularizer


def get(identifier):
    """A regularizer by name, config or itself; a function of a tensor is used as it is, None is none.

    Raises:
        ValueError: for an unknown name. TypeError: for a class instead of its object, and for anything else.

    >>> get("l2").get_config()
    {'l2': 0.01}
    """
    if (own := in_scope(identifier)) is not identifier:
        return own
    refuse_class(identifier)
    return identifier if identifier is None or callable(identifier) else Regularizer.get(identifier)


def deserialize(config, custom_objects=None):
    """The regularizer that :func:`serialize` wrote down; ``custom_objects`` maps more names to functions and classes.

    >>> deserialize(serialize(L2(0.5))).get_config()
    {'l2': 0.5}
    """
    return get(deserialized(config, custom_objects, get))


__all__ = ["ActivityRegularizer", "L1", "L1L2", "L2", "OrthogonalRegularizer", "Regularizer", "WeightRegularizer",
           "activity_l1", "activity_l1l2", "activity_l2", "deserialize", "get", "l1", "l1_l2", "l1l2", "l2",
           "orthogonal_regularizer", "serialize"]
