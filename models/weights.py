"""Weights of a model in files: the functions that :class:`Model` has as methods."""

from ..saving.files import load_weights, save_weights

__all__ = ["load_weights", "save_weights"]
