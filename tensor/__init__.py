"""The Tensor and all ops, a file for each family."""

from . import (
    activation,
    adjust,
    conv,
    create,
    elementwise,
    indexing,
    interop,
    linalg,
    loss,
    movement,
    order,
    pool,
    random,
    reduce,
    state,
)
from .tensor import Symbol, Tensor

_MODULES = (elementwise, adjust, movement, reduce, indexing, order, linalg, activation, loss, conv, pool, create, random)


def _public_functions():
    """Every function that users call, by name: what the family modules define without a leading underscore."""
    found = {}
    for module in _MODULES:
        for name, value in vars(module).items():
            if callable(value) and not name.startswith("_") and not isinstance(value, type):
                if getattr(value, "__module__", None) == module.__name__:
                    found[name.rstrip("_")] = value
    return found


__all__ = ["PUBLIC", "Symbol", "Tensor"]

PUBLIC = _public_functions()
interop.PUBLIC.update(PUBLIC)
