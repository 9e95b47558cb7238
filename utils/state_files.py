"""States of a training in files: trees of lists, dicts, numbers, strings and arrays, in one ``.npz`` file."""

import json
import math
import os

import numpy as np

from .array_files import opened, write_arrays
from .errors import ModelFileError

TREE = "tree"               # the array that is the JSON of all that is no array
MAX_TREE = 64 * 2 ** 20     # bytes of it
ARRAY, NUMBER = "__array__", "__number__"
NUMBERS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}      # which JSON does not have


def write_state(path, state):
    """Write a tree to a file, which appears whole or not at all.

    Arguments:
        path: of an ``.npz`` file.
        state: lists, tuples (which come back as lists) and dicts by strings, of None, booleans, integers, floats,
            strings and arrays of numbers.

    Raises:
        TypeError: for anything else. OSError: where it cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "state.npz")
    ...     write_state(path, {"epoch": 3, "best": math.inf, "weights": [np.arange(2)]})
    ...     read_state(path)
    {'epoch': 3, 'best': inf, 'weights': [array([0, 1])]}
    """
    arrays = {}
    text = json.dumps(_written(state, arrays), allow_nan=False).encode()
    write_arrays(path, {TREE: np.frombuffer(text, np.uint8), **arrays})


def _written(tree, arrays):
    if isinstance(tree, dict):
        if wrong := [k for k in tree if not isinstance(k, str) or k in (ARRAY, NUMBER)]:
            raise TypeError(f"a state has dicts by strings, got the key {wrong[0]!r}")
        return {key: _written(value, arrays) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_written(value, arrays) for value in tree]
    if isinstance(tree, np.generic) and tree.ndim == 0 and tree.dtype.kind in "biuf":
        tree = tree.item()
    if tree is None or isinstance(tree, bool | int | str):
        return tree
    if isinstance(tree, float):
        return tree if math.isfinite(tree) else {NUMBER: str(tree)}
    if isinstance(tree, np.ndarray) and tree.dtype.kind in "biuf":
        name = f"array/{len(arrays)}"
        arrays[name] = tree
        return {ARRAY: name}
    raise TypeError(f"a state holds numbers, strings, arrays of numbers, lists and dicts, got {type(tree).__name__} "
                    f"{str(tree)[:80]!r}")


def read_state(path):
    """The tree that :func:`write_state` wrote.

    Raises:
        ModelFileError: for a file that is damaged or no such file. OSError: where it cannot be read.
    """
    with opened(path) as file:
        stored = file.arrays
        if TREE not in stored or stored[TREE].dtype != np.uint8 or not len(stored[TREE].shape) == 1:
            raise ModelFileError(f"it has no array {TREE!r} of bytes: it is no state of a training")
        size = sum(math.prod(s.shape) * s.dtype.itemsize for s in stored.values())
        if math.prod(stored[TREE].shape) > MAX_TREE or size > os.path.getsize(path):
            raise ModelFileError(f"it declares {size} bytes, more than it has: such files are not compressed")
        try:
            tree = json.loads(stored[TREE].read().tobytes().decode())
            return _read(tree, stored)
        except (ValueError, RecursionError, KeyError, TypeError) as error:
            if isinstance(error, ModelFileError):
                raise
            raise ModelFileError(f"it is damaged ({type(error).__name__}: {str(error)[:200]})") from error


def _read(tree, stored):
    if isinstance(tree, list):
        return [_read(value, stored) for value in tree]
    if not isinstance(tree, dict):
        return tree
    if tree.keys() == {ARRAY}:
        return stored[tree[ARRAY]].read()
    if tree.keys() == {NUMBER}:
        return NUMBERS[tree[NUMBER]]
    return {key: _read(value, stored) for key, value in tree.items()}
