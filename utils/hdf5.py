"""Data sets of HDF5 files, read piece by piece; HDF5 files written where the disk may be full."""

import contextlib

import numpy as np


class HDF5Matrix:
    """Some rows of a data set of an HDF5 file, in place of an array: what is asked for is read, and no more.

    Arguments:
        datapath: the path of the file.
        dataset: the name of the data set in it.
        start, end: the rows from the first to before the last; default: all.
        normalizer: a function to apply to what was read; default: none.

    Rows are asked for by numbers, slices, and lists or arrays of numbers in any order; negative ones count from the
    end. The object can be pickled: every process opens the file for itself.

    Raises:
        OSError: the file cannot be opened. KeyError: it has no such data set.
        ValueError: ``start`` and ``end`` do not lie in it, in this order.

    >>> import h5py, os, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "data.h5")
    >>> with h5py.File(path, "w") as file:
    ...     file["x"] = np.arange(10)
    >>> with HDF5Matrix(path, "x", start=2, normalizer=lambda x: x / 2) as x:
    ...     x.shape, x[:3], x[[5, 0]]
    ((8,), array([1. , 1.5, 2. ]), array([3.5, 1. ]))
    >>> folder.cleanup()
    """

    def __init__(self, datapath, dataset, start=0, end=None, normalizer=None):
        self.datapath, self.dataset, self.normalizer = datapath, dataset, normalizer
        self._file = None
        rows = len(self.data)
        self.start, self.end = start or 0, rows if end is None else end
        if not 0 <= self.start <= self.end <= rows:
            self.close()
            raise ValueError(f"HDF5Matrix: start and end must be 0 <= start <= end <= {rows}, got {start} and {end}")
        sample = self._normalized(self.data[self.start:min(self.start + 1, self.end)])
        self._row_shape, self._dtype = tuple(sample.shape[1:]), sample.dtype

    @property
    def data(self):
        """The ``h5py.Dataset``; the file is opened when it is first asked for."""
        if self._file is None:
            import h5py
            self._file = h5py.File(self.datapath, "r")
        if self.dataset not in self._file:
            known = ", ".join(self._file)
            self.close()
            raise KeyError(f"{self.datapath} has no data set {self.dataset!r}; at its top it has {known}")
        return self._file[self.dataset]

    def close(self):
        """Close the file; it is opened again when it is needed."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __getstate__(self):
        return {**vars(self), "_file": None}

    def __len__(self):
        return self.end - self.start

    @property
    def shape(self):
        """That of an array of all rows, after the normalizer."""
        return len(self), *self._row_shape

    @property
    def dtype(self):
        """That of an array of the rows, after the normalizer."""
        return self._dtype

    @property
    def ndim(self):
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self):
        """The number of elements."""
        return int(np.prod(self.shape))

    def __array__(self, dtype=None, copy=None):
        array = self[:]
        return array if dtype is None else array.astype(dtype, copy=False)

    def __getitem__(self, key):
        if isinstance(key, slice):
            return self._normalized(self._slice(key))
        if isinstance(key, int | np.integer) and not isinstance(key, bool):
            return self._normalized(self.data[self.start + self._row(key)])
        if isinstance(key, list | tuple | range | np.ndarray):
            return self._normalized(self._chosen(np.asarray(key)))
        raise TypeError(f"HDF5Matrix: rows are asked for by integers, slices and lists of integers, got "
                        f"{type(key).__name__} {key!r}")

    def _slice(self, key):
        rows = range(len(self))[key]
        if key.start is not None and key.start >= len(self) and key.start != key.stop and len(self):
            raise IndexError(f"HDF5Matrix: the slice begins at row {key.start}, and there are {len(self)}")
        if rows.step < 0:
            return self._chosen(np.asarray(rows))
        return self.data[self.start + rows.start:self.start + rows.stop:rows.step]

    def _chosen(self, rows):
        """Rows in any order; h5py itself reads increasing ones, each once."""
        if rows.dtype == bool:
            if rows.shape != (len(self),):
                raise IndexError(f"HDF5Matrix: a mask must have the shape ({len(self)},), got {rows.shape}")
            rows = np.flatnonzero(rows)
        if rows.ndim != 1 or rows.dtype.kind not in "iu" and rows.size:
            raise TypeError(f"HDF5Matrix: lists of rows must hold integers along one axis, got {rows.dtype} of shape "
                            f"{rows.shape}")
        for row in (rows.min(), rows.max()) if rows.size else ():
            self._row(row)
        wanted, places = np.unique(np.where(rows < 0, rows + len(self), rows).astype(np.intp), return_inverse=True)
        return self.data[self.start + wanted][places]

    def _row(self, row):
        if not -len(self) <= row < len(self):
            raise IndexError(f"HDF5Matrix: row {row} is asked for, and there are {len(self)}")
        return row + len(self) if row < 0 else row

    def _normalized(self, rows):
        return rows if self.normalizer is None else self.normalizer(rows)


@contextlib.contextmanager
def hdf5_writing(path):
    """A new ``h5py.File`` to write to, whose errors come when it is closed; see :class:`_Sink`.

    >>> import h5py, os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "data.h5")
    ...     with hdf5_writing(path) as file:
    ...         file["x"] = [1, 2]
    ...     with h5py.File(path) as file:
    ...         file["x"][:].tolist()
    [1, 2]
    """
    import h5py
    with open(path, "w+b") as plain:
        sink = _Sink(plain)
        with h5py.File(sink, "w") as file:
            yield file
        sink.close()


class _Sink:
    """A new file whose writes seem to succeed, and whose first error comes when it is closed.

    The HDF5 library crashes (a segmentation fault) when it cannot write what is left as it closes a file.
    """

    def __init__(self, file):
        self.file, self.error, self.at, self.size = file, None, 0, 0

    def _tried(self, method, *args, otherwise=None):
        if self.error is None:
            try:
                return getattr(self.file, method)(*args)
            except OSError as error:
                self.error = error
        return otherwise

    def write(self, data):
        count = len(memoryview(data).cast("B"))
        self._tried("write", data)
        self.at += count
        self.size = max(self.size, self.at)
        return count

    def read(self, size):       # by which h5py knows a file
        buffer = bytearray(size)
        return bytes(buffer[:self.readinto(buffer)])

    def readinto(self, buffer):
        count = self._tried("readinto", buffer, otherwise=len(buffer))
        self.at += count
        return count

    def seek(self, offset, whence=0):
        self.at = offset + (0, self.at, self.size)[whence]
        self._tried("seek", self.at)
        return self.at

    def tell(self):
        return self.at

    def truncate(self, size=None):
        self.size = self.at if size is None else size
        self._tried("truncate", self.size)
        return self.size

    def flush(self):
        self._tried("flush")

    def close(self):
        """Close the file, and raise what went wrong."""
        self._tried("close")
        if self.error is not None:
            with contextlib.suppress(OSError):      # which tries once more to write
                self.file.close()
            raise self.error
