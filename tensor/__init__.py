"""The Tensor and all ops, a file for each family."""

from . import update  # noqa: F401 (for its ops)
from .public import PUBLIC
from .tensor import Symbol, Tensor
from .variable import Variable

__all__ = ["PUBLIC", "Symbol", "Tensor", "Variable"]
