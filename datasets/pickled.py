"""Old data files that hold pickles, read without running what a pickle may say.

Lists of numbers of different lengths can be kept by NumPy as a pickle only, and CIFAR is one. Here a pickle can name
nothing but NumPy's array and dtype, for which it gets stand-ins that only note what they were given, and the way in
which bytes are written; the arrays are then made from these notes. Everything else is refused.
"""

import io
import math
import pickle
import zipfile

import numpy as np

NUMBERS = {f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)} | {"b1", "f2", "f4", "f8"}


def load(content):
    """The object in a pickle of dicts, lists, tuples, numbers, strings and arrays of numbers or of these.

    Text of Python 2 comes as bytes.

    Raises:
        ValueError: the pickle holds anything else, or is damaged.

    >>> load(pickle.dumps({"x": np.arange(3, dtype="int16"), "names": ["a", "b"]}))
    {'x': array([0, 1, 2], dtype=int16), 'names': ['a', 'b']}
    >>> load(pickle.dumps(print))
    Traceback (most recent call last):
    ValueError: the file holds a pickle that is damaged or no plain data: it asks for builtins.print
    """
    try:
        return _made(_Reader(io.BytesIO(content), encoding="bytes").load())
    except Exception as error:      # a damaged pickle may raise anything
        raise ValueError(f"the file holds a pickle that is damaged or no plain data: {error}") from error


class _Reader(pickle.Unpickler):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # Classes of this reader's own, so that no pickle can change those of the next one.
        array, dtype = (type(name, (_Noted,), {}) for name in ("Array", "Dtype"))
        self.known = {("numpy", "dtype"): dtype, ("numpy", "ndarray"): type("NdArray", (_Noted,), {})}
        for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            self.known[module, "_reconstruct"] = array
        self.known["_codecs", "encode"] = _latin1       # how Python 3 writes bytes for Python 2
        self.known["__builtin__", "bytes"] = self.known["builtins", "bytes"] = lambda: b""

    def find_class(self, module, name):
        if (module, name) not in self.known:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return self.known[module, name]


def _latin1(text, encoding):
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it asks for the encoding {encoding!r}")
    return text.encode("latin1")


class _Noted:
    """What a pickle made an object from, and the state that it then gave it."""

    def __init__(self, *args):
        self.args = args

    def __setstate__(self, state):
        self.state = state


def _made(value):
    """Plain data with arrays for what was noted about them."""
    if isinstance(value, dict):
        return {_made(k): _made(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        # A list of plain numbers stays the object it is: a data set has millions.
        return value if set(map(type, value)) <= {int, float, str, bytes} else type(value)(map(_made, value))
    if isinstance(value, _Noted):
        return _array(*value.state)
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return value
    raise TypeError(f"it holds a {type(value).__name__}")


def _array(version, shape, dtype, fortran, content):
    kind, order = dtype.args[0], dtype.state[1]
    kind = kind.decode() if isinstance(kind, bytes) else kind
    order = order.decode() if isinstance(order, bytes) else order
    if kind in ("O8", "O4", "O"):
        if len(content) != math.prod(shape):
            raise ValueError(f"an array of shape {shape} has {len(content)} elements")
        array = np.empty(len(content), object)
        array[:] = _made(content)
    elif kind in NUMBERS and order in tuple("<>|="):
        array = np.frombuffer(content, order + kind).copy()
    else:
        raise TypeError(f"it holds an array of {kind}")
    return array.reshape(shape, order="F" if fortran else "C")


def load_npz(path):
    """The arrays of an npz file, by name, those of objects read by :func:`load`.

    Raises:
        ValueError: an array is damaged, or holds anything but numbers, text and lists of these.
    """
    with zipfile.ZipFile(path) as archive:
        return {name.removesuffix(".npy"): _npy(archive.read(name)) for name in archive.namelist()}


def _npy(content):
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(file)
    if not dtype.hasobject:
        return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    array = load(file.read())
    if not isinstance(array, np.ndarray) or array.shape != shape:
        raise ValueError(f"an array of shape {shape} was announced, but the file holds something else")
    return array
