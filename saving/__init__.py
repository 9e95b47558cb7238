"""Models on disk: every file of Keras, written and read."""

from ..utils.custom import CustomObjectScope, custom_object_scope, get_custom_objects, register_keras_serializable
from ..utils.errors import ModelFileError
from .files import (
    load_model,
    load_weights,
    model_from_config,
    model_from_json,
    save_model,
    save_weights,
    to_json,
)
from .objects import deserialize_keras_object, get_registered_name, get_registered_object, serialize_keras_object

__all__ = ["CustomObjectScope", "ModelFileError", "custom_object_scope", "deserialize_keras_object",
           "get_custom_objects", "get_registered_name", "get_registered_object", "load_model", "load_weights",
           "model_from_config", "model_from_json", "register_keras_serializable", "save_model", "save_weights",
           "serialize_keras_object", "to_json"]
