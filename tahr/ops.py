"""Every op and tensor function, by its NumPy name where NumPy has it.

>>> from tahr import ops
>>> ops.tanh([0.0])
Tensor([0.])
"""

from collections.abc import Callable

from .tensor import PUBLIC
from .utils.errors import did_you_mean

globals().update(PUBLIC)
__all__ = sorted(PUBLIC)


def __getattr__(name: str) -> Callable:     # for names that are not there; tells type checkers what those there are
    raise AttributeError(f"tahr.ops has no {name!r}{did_you_mean(name, PUBLIC) or '.'}")
