"""Layers as plain data, and back."""

from ..utils.custom import custom_object_scope
from .base import Layer


def serialize(layer):
    """A layer as ``{"class_name": ..., "config": ...}``, without the values of its weights.

    >>> import tahr
    >>> serialize(tahr.layers.Flatten(name="flat"))["class_name"]
    'Flatten'
    """
    if not isinstance(layer, Layer):
        raise TypeError(f"serialize takes a layer, got {type(layer).__name__} {layer!r}")
    return {"class_name": type(layer).__name__, "config": layer.get_config()}


def deserialize(config, custom_objects=None):
    """The layer or model that :func:`serialize` wrote down.

    Arguments:
        config: the dict; the name of a class alone makes the layer without arguments.
        custom_objects: ``{name: class or function}`` of the user's own that it names.

    Raises:
        ValueError: for the name of no layer.

    >>> import tahr
    >>> deserialize(serialize(tahr.layers.Dense(3, name="head")))
    <Dense 'head'>
    """
    with custom_object_scope(custom_objects or {}):
        return Layer.get(config)
