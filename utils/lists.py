"""One thing or a list of them: what Keras's generic_utils have for custom layers and models."""

import numpy as np


def to_list(x, allow_tuple=False):
    """``x`` if it is a list, else the list of it alone; a tuple is made a list if ``allow_tuple``.

    >>> to_list(1), to_list([1, 2]), to_list((1, 2)), to_list((1, 2), allow_tuple=True)
    ([1], [1, 2], [(1, 2)], [1, 2])
    """
    if isinstance(x, list):
        return x
    return list(x) if allow_tuple and isinstance(x, tuple) else [x]


def unpack_singleton(x):
    """The only element of ``x`` if there is one alone, else ``x``.

    >>> unpack_singleton([1]), unpack_singleton([1, 2])
    (1, [1, 2])
    """
    return x[0] if len(x) == 1 else x


def object_list_uid(object_list):
    """A text that names these very objects, as long as they live.

    >>> x, y = [], []
    >>> object_list_uid([x, y]) == object_list_uid([x, y]) != object_list_uid([y, x])
    True
    """
    return ", ".join(str(id(x)) for x in to_list(object_list))


def is_all_none(iterable_or_element):
    """Whether nothing is there: None, or a list or tuple of None.

    >>> is_all_none(None), is_all_none([None, None]), is_all_none((None, 0))
    (True, True, False)
    """
    return all(x is None for x in to_list(iterable_or_element, allow_tuple=True))


def slice_arrays(arrays, start=None, stop=None):
    """The rows from ``start`` to before ``stop``, or those that ``start`` lists, of an array or of each of a list.

    Arguments:
        arrays: an array, a list of arrays and None, or None.
        start: the first row, default 0; or a list or array of row numbers, without ``stop``.
        stop: the row to end before, default: all rows.

    >>> x = np.arange(4)
    >>> slice_arrays(x, 1, 3), slice_arrays([x, None], [0, 3]), slice_arrays(None)
    (array([1, 2]), [array([0, 3]), None], [None])
    """
    if arrays is None:
        return [None]
    listed = hasattr(start, "__len__")
    if listed and stop is not None:
        raise ValueError(f"slice_arrays: rows are asked for by a list of numbers, or from start to before stop, got "
                         f"start={start!r} and stop={stop!r}")
    rows = np.asarray(start).tolist() if listed else slice(start, stop)     # a list: what HDF5 data sets take
    if isinstance(arrays, list):
        return [None if x is None else x[rows] for x in arrays]
    return arrays[rows]


def check_for_unexpected_keys(name, input_dict, expected_values):
    """Raise ValueError if a dict has other keys than the expected ones.

    >>> check_for_unexpected_keys("loss", {"a": 1, "b": 2}, ["a"])
    Traceback (most recent call last):
    ValueError: loss: unknown keys ['b'] in the dict; it may have ['a']
    """
    unknown = [key for key in input_dict if key not in expected_values]
    if unknown:
        raise ValueError(f"{name}: unknown keys {unknown} in the dict; it may have {list(expected_values)}")
