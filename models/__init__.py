"""Models: layers put together, and trained."""

from .model import Model
from .sequential import Sequential

__all__ = ["Model", "Sequential"]
