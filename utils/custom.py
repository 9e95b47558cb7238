"""Objects of the user's own that configs name: registered once, given for a while, or given to one call."""

import contextlib

from .errors import did_you_mean

_objects: dict[str, object] = {}


def get_custom_objects():
    """The dict of the user's functions and classes by name, in which configs are looked up; it may be written.

    >>> get_custom_objects()["mine"] = abs
    >>> get_custom_objects().pop("mine") is abs
    True
    """
    return _objects


@contextlib.contextmanager
def custom_object_scope(*dicts):
    """Within it, these names are known as well.

    >>> with custom_object_scope({"mine": abs}):
    ...     "mine" in get_custom_objects()
    True
    """
    before = dict(_objects)
    for names in dicts:
        _objects.update(names)
    try:
        yield _objects
    finally:
        _objects.clear()
        _objects.update(before)


CustomObjectScope = custom_object_scope


def register_keras_serializable(package="Custom", name=None):
    """Decorate a class or function so that configs may name it, as ``package>name``.

    >>> @register_keras_serializable("shop")
    ... def discount(x):
    ...     return x * 0.9
    >>> get_custom_objects().pop("shop>discount") is discount
    True
    """
    def register(thing):
        label = f"{package}>{name or thing.__name__}"
        if not callable(thing):
            raise TypeError(f"register_keras_serializable takes a class or a function, got {thing!r}")
        _objects[label] = thing
        return thing
    return register


def deserialized(config, custom_objects, get):
    """The object that a name or config means: by ``custom_objects`` if it stands there, else by ``get``.

    Arguments:
        config: a name, or a dict of ``class_name`` and ``config``.
        custom_objects: maps names to functions and classes; None for none. Those of the scope are known as well.
        get: what finds every other name.

    >>> deserialized("mine", {"mine": abs}, None) is abs
    True
    """
    name = config.get("class_name") if isinstance(config, dict) else config
    custom = {**_objects, **(custom_objects or {})}.get(name) if isinstance(name, str) else None
    if custom is None:
        return get(config)
    if not isinstance(custom, type):
        return custom
    return _made(custom, config.get("config") or {}) if isinstance(config, dict) else custom()


def _made(cls, config):
    """An object of a class of the user's, which may have no ``from_config``."""
    return cls.from_config(config) if hasattr(cls, "from_config") else cls(**config)


def in_scope(identifier):
    """What a name or config means among the user's own objects; itself, if none is called so.

    >>> with custom_object_scope({"mine": abs}):
    ...     in_scope("mine") is abs, in_scope("yours")
    (True, 'yours')
    """
    return deserialized(identifier, None, lambda same: same)


def serialize_keras_object(instance):
    """An object as ``{"class_name", "config"}``, a function by its name, None as None.

    >>> serialize_keras_object(abs)
    'abs'
    """
    if instance is None:
        return None
    if hasattr(instance, "get_config"):
        return {"class_name": type(instance).__name__, "config": instance.get_config()}
    if hasattr(instance, "__name__"):
        return instance.__name__
    raise ValueError(f"serialize_keras_object takes an object with get_config(), or a function, got {instance!r}")


def deserialize_keras_object(identifier, module_objects=None, custom_objects=None, printable_module_name="object"):
    """What a name or a config means: the opposite of :func:`serialize_keras_object`.

    Arguments:
        identifier: a name, ``{"class_name", "config"}``, or None, which gives None.
        module_objects: maps names to functions and classes.
        custom_objects: the user's own, which come first; those of the scope come next.
        printable_module_name: what errors call such an object.

    Raises:
        ValueError: for an unknown name, or a dict that is no config.

    >>> deserialize_keras_object("abs", {"abs": abs}) is abs
    True
    """
    if identifier is None:
        return None
    if not isinstance(identifier, str) and not (isinstance(identifier, dict)
                                                and identifier.keys() >= {"class_name", "config"}):
        raise ValueError(f"the config of a {printable_module_name} is a name or a dict with 'class_name' and "
                         f"'config', got {identifier!r}")
    name = identifier if isinstance(identifier, str) else identifier["class_name"]
    known = {**(module_objects or {}), **_objects, **(custom_objects or {})}
    if name not in known:
        raise ValueError(f"unknown {printable_module_name} {name!r}: name it in custom_objects."
                         f"{did_you_mean(name, known)}")
    if isinstance(identifier, str):
        return known[name]
    with custom_object_scope(custom_objects or {}):
        return _made(known[name], identifier["config"])
