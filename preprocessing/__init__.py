"""From raw data to what a model takes: :mod:`sequence`, :mod:`text` and :mod:`image`.

>>> from tahr.preprocessing.sequence import pad_sequences
>>> pad_sequences([[1, 2], [3]])
array([[1, 2],
       [0, 3]], dtype=int32)
"""

import importlib

__all__ = ["image", "sequence", "text"]


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; there are {', '.join(__all__)}")


def __dir__():
    return sorted({*globals(), *__all__})
