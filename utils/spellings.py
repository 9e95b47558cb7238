"""Functions that take more than one spelling of an argument."""

import functools

from .keras1 import translate


def spellings(**also):
    """A decorator for functions whose arguments have other names in other versions of Keras.

    Arguments:
        also: newer names, accepted silently: ``x="y"`` takes ``x=`` for the argument ``y``. Older ones come from
            :data:`~tahr.utils.keras1.RENAMED` under the name of the function (for an ``__init__`` of its class), and
            warn.

    Raises:
        TypeError: when called with two spellings of one argument.

    >>> @spellings(b="a")
    ... def double(a):
    ...     return 2 * a
    >>> double(4), double(b=4)
    (8, 8)
    """
    def decorate(function):
        name = function.__qualname__.removesuffix(".__init__").rpartition(".")[2]

        @functools.wraps(function)
        def call(*args, **kwargs):
            kwargs = translate(name, (name,), kwargs)
            for other in also.keys() & kwargs.keys():
                if also[other] in kwargs:
                    raise TypeError(f"{name} got both {other!r} and {also[other]!r}, two spellings of one argument: "
                                    f"keep {also[other]!r}")
                kwargs[also[other]] = kwargs.pop(other)
            return function(*args, **kwargs)
        return call
    return decorate
