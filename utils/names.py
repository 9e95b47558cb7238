"""Automatic names: ``dense_1``, ``dense_2``, ... counted per process."""

import collections
import re

_counts: collections.Counter[str] = collections.Counter()


def snake_case(name):
    """The name of a class as words of lower case.

    >>> snake_case("MaxPooling2D"), snake_case("LSTM")
    ('max_pooling2d', 'lstm')
    """
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def unique_name(class_name):
    """The next automatic name for an object of that class.

    >>> unique_name("SnowLeopard"), unique_name("SnowLeopard")
    ('snow_leopard_1', 'snow_leopard_2')
    """
    base = snake_case(class_name)
    _counts[base] += 1
    return f"{base}_{_counts[base]}"


def reset_uids():
    """Begin to count at 1 again.

    >>> before = unique_name("MarcoPoloSheep")
    >>> reset_uids()
    >>> unique_name("MarcoPoloSheep")
    'marco_polo_sheep_1'
    """
    _counts.clear()


def under_names(table, aliases):
    """A decorator that enters a function in a table, under its own name and its aliases.

    >>> table = {}
    >>> @under_names(table, ("sq",))
    ... def square(x):
    ...     return x * x
    >>> sorted(table)
    ['sq', 'square']
    """
    def enter(function):
        for name in (function.__name__, *aliases):
            table[name] = function
        return function
    return enter
