"""Reading back what configs name, with names that only the caller knows."""


def deserialized(config, custom_objects, get):
    """The object that a name or config means: by ``custom_objects`` if it stands there, else by ``get``.

    Arguments:
        config: a name, or a dict of ``class_name`` and ``config``.
        custom_objects: maps names to functions and classes; None for none.
        get: what finds every other name.

    >>> deserialized("mine", {"mine": abs}, None) is abs
    True
    """
    name = config.get("class_name") if isinstance(config, dict) else config
    custom = (custom_objects or {}).get(name) if isinstance(name, str) else None
    if custom is None:
        return get(config)
    if not isinstance(custom, type):
        return custom
    return custom.from_config(config.get("config") or {}) if isinstance(config, dict) else custom()
