"""Models: layers put together, and trained."""

from ..saving import load_model, model_from_config, model_from_json, save_model
from .cloning import clone_model
from .model import Model
from .onnx_export import to_onnx
from .pytorch import from_torch, to_torch
from .sequential import Sequential

__all__ = ["Model", "Sequential", "clone_model", "from_torch", "load_model", "model_from_config", "model_from_json",
           "save_model", "to_onnx", "to_torch"]
