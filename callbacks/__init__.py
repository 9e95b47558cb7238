"""Callbacks: what happens between the batches and epochs of a training run."""

from .base import Callback, CallbackList
from .history import History
from .progress import ProgbarLogger

__all__ = ["Callback", "CallbackList", "History", "ProgbarLogger"]
