"""The door through which data come in: checked once, before any work starts, then cut into batches."""

import numpy as np

from ..tensor import Tensor
from ..utils import settings
from ..utils.errors import describe


def as_array(x, name):
    """Numbers of any kind as an array with a batch axis; nothing is copied that need not be."""
    if x is None:
        raise ValueError(f"{name} is missing: got None")
    x = x.data if isinstance(x, Tensor) else x
    x = getattr(x, "values", x) if type(x).__module__.startswith("pandas") else x
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
    if not _fits(x.shape, shape):
        if len(shape) == 4 and x.shape[1] == shape[-1]:
            hint = "; this looks like channels_first data: use np.moveaxis(x, 1, -1)"
        raise ValueError(f"the model's input ({layer}) must have shape {shape}, got an array of shape {x.shape}{hint}")


def _fits(found, wanted):
    return all(m in (None, n) for m, n in zip(wanted, found))


def check_lengths(x, y, sample_weight=None):
    """Raise unless all have the same number of samples, at least one."""
    if len(x) == 0:
        raise ValueError(f"there is no data: the input has 0 samples (shape {x.shape})")
    for name, other in (("target", y), ("sample_weight", sample_weight)):
        if other is not None and len(other) != len(x):
            raise ValueError(f"input and {name} must have the same number of samples, got {len(x)} and {len(other)}")


class Batches:
    """Arrays, cut into batches of tensors.

    Arguments:
        arrays: x, y and sample weights, None where there are none.
        batch_size: rows of a batch; the last may be smaller.
        dtypes: what each array is cast to, batch by batch; None keeps integers and casts floats to floatx.
    """

    def __init__(self, arrays, batch_size, dtypes):
        self.arrays, self.batch_size = arrays, batch_size
        self.dtypes = [_batch_dtype(a, d) for a, d in zip(arrays, dtypes)]
        self.samples = len(arrays[0])

    def __len__(self):
        return -(-self.samples // self.batch_size)

    def __call__(self, order=None):
        """The batches, in the order of the rows' numbers if one is given."""
        for start in range(0, self.samples, self.batch_size):
            rows = slice(start, start + self.batch_size)
            rows = rows if order is None else order[rows]
            yield tuple(None if a is None else a[rows].astype(d, copy=False) for a, d in zip(self.arrays, self.dtypes))


def _batch_dtype(array, dtype):
    if array is None or dtype is not None:
        return dtype
    return settings.floatx() if array.dtype.kind == "f" else array.dtype


def split_tail(arrays, fraction):
    """The head and the last ``fraction`` of the samples of each array, before any shuffling."""
    if not 0 < fraction < 1:
        raise ValueError(f"validation_split must lie between 0 and 1, got {fraction}")
    n = len(arrays[0])
    at = int(n * (1 - fraction))
    if at == 0 or at == n:
        raise ValueError(f"validation_split={fraction} of {n} samples leaves {at} to train on and {n - at} to validate "
                         "on")
    return [None if a is None else a[:at] for a in arrays], [None if a is None else a[at:] for a in arrays]
