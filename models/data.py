"""The door through which data come in: checked once, before any work starts, then cut into batches.

Data are arrays in memory (or in HDF5 files), or a stream: a generator, a ``Sequence``, any iterable of batches. Both
become a source, whose ``epoch`` gives batches ``(inputs, targets, weights)``, each a list with one entry for each input
or output of the model.
"""

import itertools

import numpy as np

from ..tensor import Tensor
from ..tensor.indexing import rows_of
from ..utils import settings
from ..utils.errors import describe, did_you_mean


def as_array(x, name):
    """Numbers of any kind as an array with a batch axis; nothing is copied that need not be."""
    if x is None:
        raise ValueError(f"{name} is missing: got None")
    if is_on_disk(x):
        return x
    if hasattr(x, "tocsr"):
        return SparseRows(x.tocsr())
    x = x.data if isinstance(x, Tensor) else x
    x = getattr(x, "values", x) if type(x).__module__.startswith("pandas") else x
    x = x.numpy() if type(x).__module__.split(".")[0] == "torch" else x
    try:
        array = np.asarray(x)
    except ValueError:
        array = np.empty(0, object)
    if array.dtype.kind not in "biuf":
        what = describe(x) if hasattr(x, "dtype") else type(x).__name__
        ragged = " of rows of different lengths" if array.dtype == object else ""
        raise TypeError(f"{name} must be numbers in a rectangular array, got {what}{ragged}")
    if array.ndim == 0:
        raise ValueError(f"{name} needs a batch axis, got the single number {array}")
    return array


class SparseRows:
    """The rows of a sparse matrix of SciPy; a batch of them is made an ordinary array.

    Arguments:
        matrix: in the layout ``csr``, whose rows are quick to find.
    """

    ndim = 2

    def __init__(self, matrix):
        self.matrix, self.shape, self.dtype, self.size = matrix, matrix.shape, matrix.dtype, matrix.nnz
        if matrix.dtype.kind not in "biuf":
            raise TypeError(f"a sparse matrix must hold numbers, got {matrix.dtype}")

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        return SparseRows(self.matrix[rows])

    def __array__(self, dtype=None, copy=None):
        return self.matrix.toarray().astype(dtype or self.dtype, copy=False)


def is_on_disk(x):
    """Whether this is a data set of an HDF5 file, which is read batch by batch."""
    return type(x).__module__.startswith("h5py") or type(x).__name__ == "HDF5Matrix"


def is_stream(x):
    """Whether data come batch by batch: a generator, a Sequence, or another iterable that is no array or list."""
    if getattr(x, "use_sequence_api", False):
        return True
    if isinstance(x, list | tuple | dict | str | Tensor) or hasattr(x, "dtype") or hasattr(x, "values"):
        return False
    return hasattr(x, "__next__") or hasattr(x, "__iter__") or hasattr(x, "__getitem__") and hasattr(x, "__len__")


def by_name(data, names, what):
    """Data as a list in the order of the names: one array for one name, a list or a dict for several.

    Raises:
        ValueError: for a dict without one of the names, and a list of another length.

    >>> by_name({"b": 2, "a": 1}, ["a", "b"], "input")
    [1, 2]
    """
    if data is None:
        return [None] * len(names)
    if isinstance(data, dict):
        if missing := [n for n in names if n not in data]:
            raise ValueError(f'No data provided for "{missing[0]}". Need data for each key in: {names}')
        return [data[n] for n in names]
    if isinstance(data, list | tuple) and (len(names) > 1 or data and all(hasattr(x, "shape") and len(x.shape)
                                                                          for x in data)):
        if len(data) != len(names):
            raise ValueError(f"Error when checking model {what}: the list of Numpy arrays that you are passing to your "
                             f"model is not the size the model expected. Expected to see {len(names)} array(s), but "
                             f"instead got the following list of {len(data)} arrays: {str(list(data))[:200]}...")
        return list(data)
    if len(names) > 1:
        raise ValueError(f"Error when checking model {what}: data should be a list of {len(names)} arrays or a dict "
                         f"with "
                         f"the keys {names}, got {describe(data)[:200]}")
    return [data]


def weights_by_name(weights, names):
    """Sample weights in the order of the outputs' names; an output that a dict does not name has none.

    >>> weights_by_name({"b": [2.0]}, ["a", "b"])
    [None, [2.0]]
    """
    if not isinstance(weights, dict):
        return by_name(weights, names, "sample weight")
    if unknown := [n for n in weights if n not in names]:
        raise ValueError(f"sample_weight names {unknown[0]!r}, which is no output of the model."
                         f"{did_you_mean(unknown[0], names)} The outputs are {names}")
    return [weights.get(n) for n in names]


def check_input(x, shape, layer):
    """Raise unless the array ``x`` fits the model's input shape (None for any size)."""
    if shape is None:
        return
    hint = ""
    if x.ndim != len(shape):
        if x.ndim == len(shape) - 1 and _fits(x.shape, shape[1:]):
            hint = "; this looks like one sample without the batch axis: use x[None]"
        raise ValueError(f"the model's input ({layer}) must have {len(shape)} dimensions, shape {shape}, got an array "
                         f"of shape {x.shape}{hint}")
    if not _fits(x.shape[1:], shape[1:]):
        if len(shape) == 4 and x.shape[1] == shape[-1]:
            hint = "; this looks like channels_first data: use np.moveaxis(x, 1, -1)"
        raise ValueError(f"the model's input ({layer}) must have shape {shape}, got an array of shape {x.shape}{hint}")


def _fits(found, wanted):
    return all(m in (None, n) for m, n in zip(wanted, found))


def same_lengths(xs):
    """The inputs, if all have the same number of samples.

    >>> same_lengths([np.ones((3, 2)), np.ones((1, 2))])
    Traceback (most recent call last):
    ValueError: All input arrays (x) should have the same number of samples. Got array shapes: [(3, 2), (1, 2)]
    """
    if any(len(x) != len(xs[0]) for x in xs):
        raise ValueError("All input arrays (x) should have the same number of samples. Got array shapes: "
                         f"{[tuple(x.shape) for x in xs]}")
    return xs


def check_lengths(xs, ys, ws):
    """Raise unless targets and weights have as many samples as the inputs, which agree, and those at least one."""
    n = len(xs[0])
    if n == 0:
        raise ValueError(f"there is no data: the input has 0 samples (shape {xs[0].shape})")
    for name, others in (("target", ys), ("sample_weight", ws)):
        for other in others:
            if other is not None and len(other) != n:
                raise ValueError(f"input and {name} must have the same number of samples, got {n} and {len(other)}")


SHARED = 1 << 17        # bytes of a batch from which on threads share the work of gathering it
COPIED = 1 << 26        # elements that are cast and put in order for a whole training, at most


class Arrays:
    """Arrays, cut into batches.

    Arguments:
        xs, ys, ws: inputs, targets and sample weights, lists of arrays; None where there are none.
        batch_size: rows of a batch; the last may be smaller.
        dtypes: for each of the lists what its arrays are cast to, batch by batch; None keeps integers and casts floats
            to floatx.
    """

    def __init__(self, xs, ys, ws, batch_size, dtypes):
        self.lists, self.batch_size = (xs, ys, ws), batch_size
        self.dtypes = [[_batch_dtype(a, d) for a, d in zip(arrays, own)] for arrays, own in zip(self.lists, dtypes)]
        self.samples, self._whole = len(xs[0]), None

    def __len__(self):
        return -(-self.samples // self.batch_size)

    def order(self, shuffle, permutation):
        """The rows of an epoch in order, None for as they are; ``permutation(n)`` draws one."""
        if shuffle == "batch":      # whole batches change places, what is left over stays at the end
            full = self.samples // self.batch_size
            rows = np.arange(full * self.batch_size).reshape(full, self.batch_size)[permutation(full)].ravel()
            return np.concatenate([rows, np.arange(len(rows), self.samples)])
        if not shuffle:
            return None
        if any(is_on_disk(a) for arrays in self.lists for a in arrays):
            raise TypeError('TypeError while preparing batch. If using HDF5 input data, pass shuffle="batch".')
        return permutation(self.samples)

    def skip(self, count):
        """Nothing has to be done to leave batches out: see :meth:`epoch`."""

    def parts(self):
        """Inputs, targets and weights in one list, for callbacks; the weights are ones where there are none."""
        xs, ys, ws = self.lists
        return [*xs, *ys, *(np.ones(self.samples, settings.floatx()) if w is None else w for w in ws)]

    def whole(self):
        """All arrays as batches have them, in one list, without those that are not there; None for data too large.

        What has to be cast or put in order for that is copied, once.
        """
        if self._whole is None:
            pairs = [(a, np.dtype(d)) for arrays, own in zip(self.lists, self.dtypes) for a, d in zip(arrays, own)
                     if a is not None]
            ready = lambda a, d: a.dtype == d and a.flags.c_contiguous and a.flags.aligned
            apart = any(is_on_disk(a) or isinstance(a, SparseRows) for a, _ in pairs)
            if apart or sum(a.size for a, d in pairs if not ready(a, d)) > COPIED:
                self._whole = []
            else:
                self._whole = [a if ready(a, d) else np.ascontiguousarray(a, d) for a, d in pairs]
        return self._whole or None

    def epoch(self, order=None, first=0):
        """The batches from the ``first`` on, in the order of the rows' numbers if one is given."""
        for start in range(first * self.batch_size, self.samples, self.batch_size):
            rows = slice(start, min(start + self.batch_size, self.samples))
            rows = rows if order is None else order[rows]
            yield tuple([[None if a is None else _rows(a, rows).astype(d, copy=False) for a, d in zip(arrays, own)]
                         for arrays, own in zip(self.lists, self.dtypes)])


def _rows(array, rows):
    if not is_on_disk(array):
        if isinstance(rows, slice) or type(array) is not np.ndarray or array.nbytes // len(array) * len(rows) < SHARED:
            return np.asarray(array[rows])
        return rows_of(array, rows)
    if isinstance(rows, slice):
        return np.asarray(array[rows])
    sorted_rows, back = np.unique(rows, return_inverse=True)        # HDF5 reads rising numbers only
    return np.asarray(array[list(sorted_rows)])[back]


def _batch_dtype(array, dtype):
    if array is None or dtype is not None:
        return dtype
    return settings.floatx() if np.dtype(array.dtype).kind == "f" else array.dtype


def split_tail(lists, fraction):
    """The heads and the last ``fraction`` of the samples of each array, before any shuffling."""
    if not 0 < fraction < 1:
        raise ValueError(f"validation_split must lie between 0 and 1, got {fraction}")
    n = len(lists[0][0])
    at = int(n * (1 - fraction))
    if at == 0 or at == n:
        raise ValueError(f"validation_split={fraction} of {n} samples leaves {at} to train on and {n - at} to validate "
                         "on")
    part = lambda rows: [[None if a is None else a[rows] for a in arrays] for arrays in lists]
    return part(slice(None, at)), part(slice(at, None))


class Stream:
    """Batches that somebody else makes.

    Arguments:
        data: a generator, which goes on from epoch to epoch; a ``Sequence``; or an iterable, which begins anew.
        steps: batches of an epoch; None for the length of the data, or until they end.
        standardize: turns a batch as it comes into lists ``(inputs, targets, weights)``.
        queue: ``max_queue_size``, ``workers`` and ``use_multiprocessing`` of the threads or processes that prepare
            batches ahead.
        shuffle: whether a Sequence's batches come in another order each epoch.
    """

    samples = None

    def __init__(self, data, steps, standardize, queue=None, shuffle=False):
        self.data, self.standardize, self.queue, self.shuffle = data, standardize, queue or {}, shuffle
        self.is_sequence = hasattr(data, "__getitem__") and hasattr(data, "__len__")
        self.given = steps
        self.batch_size = getattr(data, "batch_size", None)
        self._running = self._enqueuer = None

    @property
    def steps(self):
        """Batches of the epoch that comes or runs; a Sequence may have others after its ``on_epoch_end``."""
        return len(self.data) if self.given is None and hasattr(self.data, "__len__") else self.given

    def __len__(self):
        if self.steps is None:
            raise TypeError("the number of batches is not known")
        return self.steps

    def epoch(self, order=None, first=0):
        """The batches of an epoch, from the ``first`` on, those before it having been skipped."""
        ended = object()
        for step in itertools.count(first) if self.steps is None else range(first, self.steps):
            batch = next(self._iterator(), ended)
            if batch is ended:
                self._running = None
                if step == 0:
                    raise ValueError("the data gave no batch: a generator must go on forever, or steps_per_epoch must "
                                     "be "
                                     "smaller")
                break
            yield self.standardize(batch)
        if self.is_sequence and self._enqueuer is None or not hasattr(self.data, "__next__") and self.steps is None:
            self._running = None        # begins anew
        if self._enqueuer is not None:
            self._enqueuer.end_epoch()
        elif self.is_sequence and hasattr(self.data, "on_epoch_end"):
            self.data.on_epoch_end()

    def skip(self, count):
        """Take so many batches, at the beginning of an epoch, and leave them out."""
        for _ in range(count):
            next(self._iterator(), None)

    def _iterator(self):
        if self._running is None:
            self._running = self._started()
        return self._running

    def _started(self):
        workers = self.queue.get("workers", 1)
        if workers and (self.is_sequence or hasattr(self.data, "__next__")) and self.queue.get("ahead"):
            from ..utils.data_utils import GeneratorEnqueuer, OrderedEnqueuer
            several = self.queue.get("use_multiprocessing", False)
            self._enqueuer = (OrderedEnqueuer(self.data, use_multiprocessing=several, shuffle=self.shuffle)
                              if self.is_sequence else GeneratorEnqueuer(self.data, use_multiprocessing=several))
            self._enqueuer.start(workers=workers, max_queue_size=self.queue.get("max_queue_size", 10))
            return self._enqueuer.get()
        if self.is_sequence and not hasattr(self.data, "__next__"):
            order = np.random.permutation(len(self.data)) if self.shuffle else range(len(self.data))
            return (self.data[int(i)] for i in order)
        return iter(self.data)

    def close(self):
        """Stop threads and processes that prepare batches."""
        if self._enqueuer is not None:
            self._enqueuer.stop()
            self._enqueuer = self._running = None


def class_weights(y, class_weight):
    """One weight for each sample (or position) from ``{class: weight}``, or from ``'balanced'``.

    >>> class_weights(np.array([0, 1, 1]), {0: 1.0, 1: 2.0})
    array([1., 2., 2.], dtype=float32)
    """
    y = np.asarray(y)
    if y.ndim > 2 and y.shape[-1] > 1 or y.ndim == 2 and y.shape[1] > 1:
        classes = y.argmax(-1)
    else:
        classes = (y[..., 0] if y.ndim > 1 else y).astype("int64")
    present = np.unique(classes)
    if class_weight == "balanced":
        counts = {c: np.count_nonzero(classes == c) for c in present}
        class_weight = {c: classes.size / (len(present) * n) for c, n in counts.items()}
    if not isinstance(class_weight, dict):
        raise TypeError(f"class_weight must be a dict from class to weight, or 'balanced', got {class_weight!r}")
    weights = {int(k): float(v) for k, v in class_weight.items()}
    if lost := {int(c) for c in present} - weights.keys():
        raise ValueError(f"`class_weight` must contain all classes in the data. The classes {lost} exist in the data "
                         f"but "
                         "not in `class_weight`.")
    table = np.zeros(int(present.max(initial=0)) + 1, settings.floatx())
    for c, weight in weights.items():
        if 0 <= c < len(table):
            table[c] = weight
    return table[classes]
