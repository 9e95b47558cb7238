"""Single objects as configs, and back: what ``keras.saving`` has beside whole models."""

from ..layers.base import Layer
from ..utils.configurable import Configurable
from ..utils.custom import custom_object_scope, get_custom_objects
from ..utils.errors import ModelFileError
from .reading import KINDS, Reader
from .writing import Writer


def get_registered_name(obj):
    """The name under which a class or function was registered, else its own.

    >>> get_registered_name(dict)
    'dict'
    """
    return next((name for name, thing in get_custom_objects().items() if thing is obj), obj.__name__)


def get_registered_object(name, custom_objects=None, module_objects=None):
    """The class or function registered or passed under a name; None for none.

    >>> get_registered_object("mine", {"mine": dict})
    <class 'dict'>
    """
    for known in (get_custom_objects(), custom_objects or {}, module_objects or {}):
        if name in known:
            return known[name]
    return None


def serialize_keras_object(obj):
    """A layer, loss, optimizer, ... as the config that Keras 3 writes; functions by their names, plain data as is.

    >>> import tahr
    >>> serialize_keras_object(tahr.initializers.Zeros())
    {'module': 'keras.initializers', 'class_name': 'Zeros', 'config': {}, 'registered_name': None}
    """
    if isinstance(obj, Configurable):
        return Writer(3).write(obj)
    if isinstance(obj, list | tuple):
        return [serialize_keras_object(o) for o in obj]
    if isinstance(obj, dict):
        return {k: serialize_keras_object(o) for k, o in obj.items()}
    if callable(obj):
        return get_registered_name(obj) if hasattr(obj, "__name__") else str(obj)
    return obj


def made(config, custom_objects=None, kind=None):
    """The object that a config in tahr's own form means.

    Raises:
        ModelFileError: for a class of no kind that is read.
    """
    with custom_object_scope(custom_objects or {}):
        name = config["class_name"]
        custom = get_custom_objects().get(name)
        if isinstance(custom, type):
            return custom.from_config(config["config"])
        for one in (kind,) if kind else KINDS:
            if name in one.registry:
                return one.registry[name].from_config(config["config"])
    raise ModelFileError(f"unknown class {name!r}")


def deserialize_keras_object(config, custom_objects=None, safe_mode=True):
    """What :func:`serialize_keras_object` wrote down; also configs of Keras 2.

    Arguments:
        custom_objects: maps names to classes and functions of your own.
        safe_mode: False also finds classes of the running program that were neither registered nor passed.

    Raises:
        ModelFileError: for classes and functions that are not known, and for code.

    >>> deserialize_keras_object({"class_name": "L2", "config": {"l2": 0.5}}).l2
    0.5
    """
    if isinstance(config, str):
        return get_registered_object(config, custom_objects) or config
    if isinstance(config, list | tuple):
        return [deserialize_keras_object(c, custom_objects, safe_mode) for c in config]
    if not isinstance(config, dict):
        return config
    if "class_name" not in config:
        return {k: deserialize_keras_object(c, custom_objects, safe_mode) for k, c in config.items()}
    with custom_object_scope(custom_objects or {}):
        found = Reader(3 if "module" in config else 2, not safe_mode).read(config)
        return made(found)


__all__ = ["Layer", "deserialize_keras_object", "get_registered_name", "get_registered_object", "made",
           "serialize_keras_object"]
