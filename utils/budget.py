"""How many weights a model may have that is made from a file: they are counted before memory is taken for them."""

import contextlib
import math
import threading

from .errors import ModelFileError


class _Budget(threading.local):
    left = None         # elements that may still be taken; None for any number
    empty = False       # whether weights begin with whatever is cheapest, because they are set from a file at once


_budget = _Budget()


@contextlib.contextmanager
def weights_within(elements, empty=False):
    """Within it, layers of this thread may make weights of so many elements in all.

    Arguments:
        elements: the largest sum.
        empty: whether weights shall be zeros whatever their initializers, default False.

    >>> with weights_within(10, empty=True):
    ...     taken("dense", (3, 3))
    True
    """
    before = _budget.left, _budget.empty, getattr(_budget, "total", None)
    _budget.left, _budget.empty, _budget.total = elements, empty, elements
    try:
        yield
    finally:
        _budget.left, _budget.empty, _budget.total = before


def taken(name, shape):
    """Count an array that is about to be made; whether it may begin as zeros.

    Raises:
        ModelFileError: within :func:`weights_within`, where it does not fit any more.
    """
    if _budget.left is None:
        return False
    size = math.prod(int(n) for n in shape)
    if size > _budget.left:
        raise ModelFileError(f"{name!r} would take {size} elements more, of shape {tuple(shape)}, than are left of the "
                             f"{_budget.total} that there may be: the file holds no such weights (for a config "
                             "without weights, max_parameters raises the limit)")
    _budget.left -= size
    return _budget.empty
