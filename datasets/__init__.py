"""Data sets: :mod:`digits` comes with tahr, the others are kept in a cache folder.

>>> from tahr.datasets import digits
>>> (x_train, y_train), (x_test, y_test) = digits.load_data()
>>> x_train.shape
(1438, 8, 8)
"""

import importlib

__all__ = ["boston_housing", "california_housing", "cifar10", "cifar100", "digits", "fashion_mnist", "imdb", "mnist",
           "reuters"]


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; the data sets are {', '.join(__all__)}")


def __dir__():
    return sorted({*globals(), *__all__})
