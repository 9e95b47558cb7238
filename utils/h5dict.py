"""HDF5 files and groups, or plain dicts, under one face; and HDF5 files within streams."""

import io
import os

import numpy as np

ATTRIBUTE_LIMIT = 64512         # bytes that HDF5 keeps beside a group; longer lists of names go in pieces
_GROUP = "_is_group"            # marks the dicts that stand for groups


class H5Dict:
    """A group of an HDF5 file that reads and writes like a dict: what was saved by parts is asked for by name.

    Arguments:
        path: the path of a file, an ``h5py.Group``, or a dict, which then takes the place of the file.
        mode: ``'r'`` to read, ``'w'`` to begin anew, ``'a'`` (default) to read and write.

    Arrays become data sets; numbers, texts and lists of texts become attributes (which come back as bytes, as HDF5
    keeps them). A name that is not there yet is made a group, unless ``mode='r'``. A name is written once.

    Raises:
        KeyError: a name is written twice, or read with ``mode='r'`` and not there. ValueError: writing with
        ``mode='r'``. TypeError: ``path`` is none of these.

    >>> saved = {}
    >>> file = H5Dict(saved, mode="w")
    >>> file["layer"]["kernel"] = np.ones(2)
    >>> H5Dict(saved, mode="r")["layer"]["kernel"]
    array([1., 1.])
    """

    def __init__(self, path, mode="a"):
        if mode not in ("r", "w", "a"):
            raise ValueError(f"H5Dict: mode must be 'r', 'w' or 'a', got {mode!r}")
        self.read_only = mode == "r"
        self._is_file = isinstance(path, str | os.PathLike)
        if self._is_file:
            import h5py
            self.data = h5py.File(path, mode)
        elif self.is_supported_type(path):
            self.data = path
        else:
            raise TypeError(f"H5Dict: path must be a path, an h5py.Group or a dict, got {type(path).__name__}")
        if isinstance(path, dict):
            if mode == "w":
                path.clear()
            if not self.read_only:
                path[_GROUP] = True

    @staticmethod
    def is_supported_type(path):
        """Whether ``path`` is of a type that an H5Dict is made of."""
        return isinstance(path, str | os.PathLike | dict) or hasattr(path, "create_group")

    def _of_group(self, group):
        """An H5Dict over a group, which may be written if this one may."""
        return H5Dict(group, "r" if self.read_only else "a")

    @property
    def _attributes(self):
        return getattr(self.data, "attrs", {})

    def __setitem__(self, attr, val):
        attr = _text(attr)
        if self.read_only:
            raise ValueError(f"H5Dict: {attr!r} cannot be written, it was opened with mode='r'")
        if attr in self.data and not isinstance(self.data, dict):
            raise KeyError(f"H5Dict: {attr!r} is there already, and a name is written once")
        if isinstance(self.data, dict):
            self.data[attr] = np.array(val) if isinstance(val, np.ndarray) else val
        elif isinstance(val, np.ndarray | np.generic):
            self.data[attr] = val
        elif isinstance(val, list | tuple):
            self._write_list(attr, val)
        else:
            self._attributes[attr] = val

    def _write_list(self, attr, values):
        """A list as an attribute, or as ``attr0, attr1, ...`` where it is too long for one."""
        values = [v.encode() if isinstance(v, str) else v for v in values]
        if too_long := [v for v in values if isinstance(v, bytes) and len(v) > ATTRIBUTE_LIMIT]:
            raise RuntimeError(f"H5Dict: each text of {attr!r} must have at most {ATTRIBUTE_LIMIT} bytes, got one of "
                               f"{len(too_long[0])}, which begins with {too_long[0][:40]!r}")
        array = np.asarray(values)
        pieces = np.array_split(array, max(1, -(-array.nbytes // ATTRIBUTE_LIMIT)))
        while len(pieces) > 1 and max(p.nbytes for p in pieces) > ATTRIBUTE_LIMIT:
            pieces = np.array_split(array, len(pieces) + 1)
        for number, piece in enumerate(pieces):
            self._attributes[attr if len(pieces) == 1 else f"{attr}{number}"] = piece

    def __getitem__(self, attr):
        attr = _text(attr)
        if attr in self._attributes:
            return _plain(self._attributes[attr])
        if attr in self.data:
            return self._item(self.data[attr])
        if f"{attr}0" in self._attributes:
            return self._joined(attr)
        if self.read_only:
            raise KeyError(f"H5Dict: there is no {attr!r}, and it was opened with mode='r'; it has {list(self)}")
        if isinstance(self.data, dict):
            return self._of_group(self.data.setdefault(attr, {}))
        return self._of_group(self.data.create_group(attr))

    def _item(self, item):
        if isinstance(item, dict) and item.get(_GROUP) or hasattr(item, "create_group"):
            return self._of_group(item)
        return np.asarray(item) if hasattr(item, "dtype") else item

    def _joined(self, attr):
        """A list that was written in pieces."""
        values, number = [], 0
        while f"{attr}{number}" in self._attributes:
            values += _plain(self._attributes[f"{attr}{number}"])
            number += 1
        return values

    def __contains__(self, attr):
        attr = _text(attr)
        return attr in self.data or attr in self._attributes or f"{attr}0" in self._attributes

    def __iter__(self):
        return (name for name in self.data if name != _GROUP)

    def __len__(self):
        return sum(1 for _ in self)

    def keys(self):
        """The names of groups and data sets."""
        return list(self)

    def items(self):
        """Names with what is there."""
        return [(name, self[name]) for name in self]

    def get(self, attr, default=None):
        """What stands under a name, or ``default``."""
        return self[attr] if attr in self else default

    def update(self, other):
        """Write every item of a dict."""
        for name, value in dict(other).items():
            self[name] = value

    def close(self):
        """Write out what is left; a file that was opened here is closed."""
        if not isinstance(self.data, dict) and self.data:
            self.data.file.flush()
            if self._is_file:
                self.data.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _text(name):
    return name.decode() if isinstance(name, bytes) else name


def _plain(value):
    """An attribute: lists of bytes for arrays of them, else what h5py gives."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "S" else value


def load_from_binary_h5py(load_function, stream):
    """What a function reads from the HDF5 file that a stream of bytes holds.

    Arguments:
        load_function: takes an open ``h5py.File``.
        stream: something with ``read()``, such as an open file or ``io.BytesIO``.

    >>> stream = io.BytesIO()
    >>> save_to_binary_h5py(lambda file: file.update(x=[1, 2]), stream)
    >>> load_from_binary_h5py(lambda file: file["x"][:], io.BytesIO(stream.getvalue()))
    array([1, 2])
    """
    import h5py
    with h5py.File(io.BytesIO(stream.read()), "r") as file:
        return load_function(file)


def save_to_binary_h5py(save_function, stream):
    """Write an HDF5 file that a function fills to a stream of bytes; returns what the function returned.

    Arguments:
        save_function: takes an open, empty ``h5py.File``.
        stream: something with ``write(bytes)``.
    """
    import h5py
    written = io.BytesIO()
    with h5py.File(written, "w") as file:
        result = save_function(file)
    stream.write(written.getvalue())
    return result


def ask_to_proceed_with_overwrite(filepath):
    """Ask at the terminal whether a file may be replaced; whether the answer was ``y``."""
    question = f"{filepath} is there already: replace it? [y/n] "
    while (answer := input(question).strip().lower()) not in ("y", "n"):
        question = "y to replace it, n to leave it: "
    return answer == "y"
