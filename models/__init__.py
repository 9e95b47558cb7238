"""Models: layers put together, and trained."""

from .model import Model
from .pytorch import from_torch, to_torch
from .sequential import Sequential

__all__ = ["Model", "Sequential", "from_torch", "to_torch"]
