"""From what users have to arrays: the door at which floating-point data become floatx."""

import numpy as np

from ..autograd import Spec, Value
from ..utils import settings


def array_of(data, dtype=None, copy=True):
    """The array that a Tensor of ``data`` holds: floating-point data become floatx unless ``dtype`` is given."""
    if isinstance(data, Spec):
        raise TypeError(f"a Tensor needs values, got {data}, which has only a shape")
    array = data.data if isinstance(data, Value) else _nested(data) if isinstance(data, list | tuple) else data
    array = np.asarray(array)
    if dtype is None:
        dtype = settings.floatx() if array.dtype.kind == "f" else array.dtype
    dtype = resolve_dtype(dtype)
    check_numbers(array.dtype, data)
    check_numbers(dtype, data)
    return np.array(array, dtype, order="C") if copy else np.asarray(array, dtype)


def check_numbers(dtype, data):
    """Raise unless elements of this dtype are numbers."""
    if dtype.kind not in "biufc" and dtype.name != "bfloat16":
        raise TypeError("a Tensor needs numbers in a rectangular arrangement, got "
                        f"{type(data).__name__} of dtype {dtype}")


def _nested(data):
    """Nested sequences that may hold tensors, as arrays."""
    if any(isinstance(d, Value | list | tuple) for d in data):
        data = [d.data if isinstance(d, Value) else _nested(d) if isinstance(d, list | tuple) else d for d in data]
    try:
        return np.asarray(data)
    except ValueError:
        raise ValueError(f"a Tensor needs rows of one length, got a list whose {len(data)} items have the shapes "
                         f"{sorted({np.shape(d) for d in data})}") from None


def resolve_dtype(dtype):
    """A NumPy dtype of a name, a type or a dtype; ``'bfloat16'`` needs the package ml_dtypes."""
    if isinstance(dtype, np.dtype):
        return dtype
    if str(dtype) == "bfloat16":
        try:
            import ml_dtypes
        except ImportError:
            raise ImportError("dtype 'bfloat16' needs the package ml_dtypes: pip install ml_dtypes") from None
        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(dtype)
