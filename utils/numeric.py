"""Labels as one-hot rows, and rows of length one."""

import numpy as np

from .errors import describe
from .spellings import spellings


@spellings(x="y")
def to_categorical(y, num_classes=None, dtype="float32"):
    """One-hot rows for class numbers: ``result[..., k]`` is 1 where the class is ``k``, else 0.

    Arguments:
        y: class numbers from 0, whole numbers of any dtype and shape. A last axis of size 1 is dropped.
        num_classes: how many classes there are; default: the largest number and one.
        dtype: of the result, default ``'float32'``.

    Returns:
        An array of shape ``(*y.shape, num_classes)``.

    Raises:
        IndexError: for a number below 0 or not below ``num_classes``; the text says which and where.
        ValueError: for numbers that are not whole, and for no numbers without ``num_classes``.

    >>> to_categorical([2, 0, 1])
    array([[0., 0., 1.],
           [1., 0., 0.],
           [0., 1., 0.]], dtype=float32)
    >>> to_categorical([3, 1], num_classes=3)
    Traceback (most recent call last):
    IndexError: to_categorical: class numbers must lie between 0 and num_classes - 1 = 2, got 3 at index (0,)
    """
    classes = _class_numbers(y)
    if num_classes is None:
        if classes.size == 0:
            raise ValueError("to_categorical: without any class numbers, give num_classes")
        num_classes = int(classes.max()) + 1
    wrong = (classes < 0) | (classes >= num_classes)
    if wrong.any():
        place = np.unravel_index(np.argmax(wrong), classes.shape)
        raise IndexError(f"to_categorical: class numbers must lie between 0 and num_classes - 1 = {num_classes - 1}, "
                         f"got {classes[place]} at index {tuple(map(int, place))}")
    if classes.ndim > 1 and classes.shape[-1] == 1:
        classes = classes[..., 0]
    rows = np.zeros((classes.size, num_classes), dtype)
    rows[np.arange(classes.size), classes.ravel()] = 1
    return rows.reshape(*classes.shape, num_classes)


def _class_numbers(y):
    given = np.asarray(y)
    if given.dtype.kind not in "biuf":
        raise ValueError(f"to_categorical: y must be class numbers, got {describe(given)}; for names use "
                         f"np.unique(y, return_inverse=True)[1]")
    with np.errstate(invalid="ignore"):
        classes = given.astype(np.int64)
    if given.dtype.kind == "f" and not np.array_equal(classes, given):
        place = tuple(map(int, np.unravel_index(np.argmax(classes != given), given.shape)))
        raise ValueError(f"to_categorical: class numbers must be whole, got {given[place]} at index {place}")
    return classes


def normalize(x, axis=-1, order=2):
    """Vectors of norm 1: ``x / norm(x)``; vectors of zeros stay.

    Arguments:
        x: numbers of any shape; they are left as they are.
        axis: along which the vectors lie, default the last.
        order: of the norm, default 2: 1 is the sum of absolute values, ``np.inf`` the largest of them.

    Returns:
        An array of the shape of ``x``, of its dtype if that is a float, else float64.

    >>> normalize([[3.0, 4.0], [0.0, 0.0]])
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    x = np.asarray(x)
    if x.ndim == 0:
        raise ValueError(f"normalize: x must have at least one axis, got the single number {x}")
    norm = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.where(norm == 0, 1, norm).astype(norm.dtype)
