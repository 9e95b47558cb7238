"""Objects that know how they were made: arguments are checked, remembered and written to configs in one place.

>>> class Shape(Configurable):
...     pass
>>> class Square(Shape):
...     def __init__(self, side=1):
...         self.side = side
>>> Square(side=3).get_config()
{'side': 3}
>>> Shape.get("square").side
1
>>> Square(sides=3)
Traceback (most recent call last):
TypeError: Square got an unknown argument 'sides'. Did you mean 'side'? It takes: side
"""

import functools
import inspect
from typing import ClassVar

from . import settings
from .custom import _objects
from .errors import did_you_mean
from .keras1 import positions, translate
from .names import snake_case


class _Construction(type):
    """The gate through which every configurable object is made."""

    def __call__(cls, *args, **kwargs):
        kinds = cls.kinds()
        if len(args) > 2:
            args, kwargs = positions(cls.__name__, kinds, args, kwargs)
        kwargs = translate(cls.__name__, kinds, kwargs)
        signature, accepted = _parameters(cls)
        takes = ", ".join(accepted) or "no arguments"
        if unknown := [k for k in kwargs if k not in accepted]:
            raise TypeError(f"{cls.__name__} got an unknown argument {unknown[0]!r}."
                            f"{did_you_mean(unknown[0], accepted)} It takes: {takes}")
        try:
            bound = signature.bind(None, *args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{cls.__name__}: {error}; it takes: {takes}") from None
        obj = cls.__new__(cls)
        obj._arguments = _by_name(bound)
        obj.__init__(*args, **kwargs)
        vars(obj)["_made"] = True
        return obj


def _by_name(bound):
    """The given arguments without ``self``, those that went into ``**kwargs`` under their own names."""
    given = {}
    for name, value in list(bound.arguments.items())[1:]:
        if bound.signature.parameters[name].kind == inspect.Parameter.VAR_KEYWORD:
            given.update(value)
        else:
            given[name] = value
    return given


@functools.lru_cache(None)
def _parameters(cls):
    """The signature of ``__init__``, and all argument names: where it takes ``**kwargs``, those of base classes too."""
    if cls.__init__ is object.__init__:         # which says it takes anything
        return inspect.Signature([inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)]), ()
    accepted = []
    for base in cls.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = list(inspect.signature(base.__init__).parameters.values())[1:]
        accepted += [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        if not any(p.kind == p.VAR_KEYWORD for p in parameters):
            break
    return inspect.signature(cls.__init__), tuple(dict.fromkeys(accepted))


class Configurable(metaclass=_Construction):
    """Base of everything with a config: layers, initializers, optimizers, ...

    Each direct subclass is a kind with a registry of its own, which its subclasses enter by themselves, under their
    names and ``aliases``; a class whose name begins with ``_`` is a base of others and stays outside.

    ``get_config`` is derived from the arguments of the constructor. An ``__init__`` that fills in an argument from a
    setting that may be another one day says so by ``self.remember(name=value)``.
    """

    aliases: tuple[str, ...] = ()
    registry: ClassVar[dict[str, type]]

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if Configurable in cls.__bases__:
            cls.registry = {}
        elif not cls.__name__.startswith("_"):
            for name in (cls.__name__, *vars(cls).get("aliases", ())):
                cls.registry[name] = cls

    _made = False           # whether the constructor has run

    def __setattr__(self, name, value):
        """Let recorded steps be recorded anew when an argument of the constructor is changed afterwards."""
        if self._made and vars(self).get(name, value) is not value and name in _parameters(type(self))[1]:
            settings.changed()
        object.__setattr__(self, name, value)

    @classmethod
    def kinds(cls):
        """The names of this class and of those it is derived from, the most general first."""
        return tuple(base.__name__ for base in reversed(cls.__mro__) if issubclass(base, Configurable))

    @classmethod
    def accepts(cls, name):
        """Whether the constructor takes an argument of that name."""
        return name in _parameters(cls)[1]

    def remember(self, **arguments):
        """Have these values in the config, whatever the constructor was given."""
        self._arguments.update(arguments)

    def get_config(self):
        """The arguments that make an equal object, as plain data."""
        defaults = {name: p.default for name, p in _parameters(type(self))[0].parameters.items()
                    if p.default is not p.empty}
        return {name: serialize(value) for name, value in {**defaults, **self._arguments}.items()}

    @classmethod
    def from_config(cls, config):
        """An object made from the result of :meth:`get_config`."""
        return cls(**{k: v.function if isinstance(v, FunctionName) else v for k, v in config.items()})

    @classmethod
    def get(cls, identifier):
        """The object meant by a name, a config dict, or an object of this kind (returned as it is)."""
        if isinstance(identifier, cls):
            return identifier
        if isinstance(identifier, dict) and identifier.keys() >= {"class_name", "config"}:
            return cls.named(identifier["class_name"]).from_config(identifier["config"])
        if isinstance(identifier, str):
            return cls.named(identifier)()
        refuse_class(identifier)
        kind = _article(cls.__name__)
        raise TypeError(f"expected the name of {kind} or {kind} object, got {type(identifier).__name__} {identifier!r}")

    @classmethod
    def named(cls, name):
        """The class registered under a name, whatever its case and underscores."""
        if not isinstance(name, str):
            raise TypeError(f"the name of a class must be a string, got {type(name).__name__} {name!r}")
        custom = _objects.get(name)
        if isinstance(custom, type) and issubclass(custom, cls):
            return custom
        found = cls.registry.get(name) or {_plain(k): v for k, v in cls.registry.items()}.get(_plain(name))
        if found is None:
            known = sorted({_plain(k): snake_case(k) for k in cls.registry}.values())     # an alias says it better
            raise ValueError(f"unknown {cls.__name__.lower()} {name!r}.{did_you_mean(snake_case(name), known)} "
                             f"Known: {', '.join(known)}")
        return found


class FunctionName(str):
    """The name of a function in a config; within the process that wrote the config, the function itself is found.

    >>> copy = FunctionName("abs", abs)
    >>> copy == "abs", copy.function is abs
    (True, True)
    """

    function: object

    def __new__(cls, name, function):
        made = super().__new__(cls, name)
        made.function = function
        return made

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        return str, (str(self),)


def refuse_class(identifier):
    """Raise where a class was given and one of its objects is wanted."""
    if isinstance(identifier, type):
        name = identifier.__name__
        raise TypeError(f"{name} is a class: did you forget the parentheses, {name}()?")


def serialize(value):
    """An argument as plain data: objects as ``{"class_name", "config"}``, functions by their names.

    >>> import numpy as np
    >>> serialize((abs, np.float64(0.5), {"table": np.arange(2)}))
    ('abs', 0.5, {'table': [0, 1]})
    """
    if hasattr(value, "get_config") and not isinstance(value, type):
        return {"class_name": type(value).__name__, "config": value.get_config()}
    if isinstance(value, tuple | list):
        return type(value)(serialize(v) for v in value)
    if isinstance(value, dict):
        return {k: serialize(v) for k, v in value.items()}
    if callable(value):
        return FunctionName(getattr(value, "__name__", repr(value)), value)
    return value.tolist() if hasattr(value, "tolist") else value


def _plain(name):
    return name.replace("_", "").lower()


def _article(noun):
    return f"{'an' if noun[0] in 'AEIOU' else 'a'} {noun.lower()}"
