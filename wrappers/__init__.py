"""Models in the clothes of other libraries: :mod:`scikit_learn`."""

import importlib

__all__ = ["scikit_learn"]


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; there is {', '.join(__all__)}")


def __dir__():
    return sorted({*globals(), *__all__})
