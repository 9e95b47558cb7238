"""Making tensors out of numbers, arrays and sizes."""

import numpy as np

from ..autograd import Value, integers, op, real, sample
from ..autograd.value import Version, spec, wrap
from ..utils import settings
from . import shapes
from .adjust import astype, copy
from .convert import array_of, check_numbers, resolve_dtype


def array(data, dtype=None, requires_grad=False):
    """A :class:`Tensor` that holds a copy of ``data``."""
    return _leaf(array_of(data, dtype), requires_grad)


def asarray(data, dtype=None, copy=None):
    """``data`` as a Tensor: a Tensor stays in its graph, an array's memory is shared where possible."""
    if isinstance(data, Value):
        return _as_given(data, dtype, copy)
    return _leaf(array_of(data, dtype, bool(copy)))


def _as_given(x, dtype, wants_copy):
    x = x if dtype is None or x.dtype == resolve_dtype(dtype) else astype(x, dtype)
    return copy(x) if wants_copy else x


def from_numpy(array):
    """A Tensor that shares the array's memory and keeps its dtype. Writes to the array change the Tensor."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy takes a NumPy array, got {type(array).__name__}")
    check_numbers(array.dtype, array)
    return _leaf(array)


def from_dlpack(x):
    """A Tensor that shares the memory of another library's array."""
    return _leaf(np.from_dlpack(x))


def _leaf(data, requires_grad=False):
    value = wrap(data)
    value.version = Version()
    if requires_grad:
        value.requires_grad = True
    return value


def zeros(shape, dtype=None):
    """A Tensor of zeros."""
    return _leaf(np.zeros(shapes.as_shape(shape), _default(dtype)))


def ones(shape, dtype=None):
    """A Tensor of ones."""
    return _leaf(np.ones(shapes.as_shape(shape), _default(dtype)))


def full(shape, fill_value, dtype=None):
    """A Tensor filled with one value; its dtype is that of the value unless given."""
    value = array_of(fill_value, dtype, False)
    return _leaf(np.full(shapes.as_shape(shape), value, value.dtype))


def empty(shape, dtype=None):
    """A Tensor whose values are left to chance."""
    return _leaf(np.empty(shapes.as_shape(shape), _default(dtype)))


@op(shape=lambda x, fill_value, dtype: spec(x.shape, dtype or x.dtype), name="full_like",
    reference=lambda x, fill_value, dtype=None: np.array([fill_value] * x.size, dtype or x.dtype).reshape(x.shape),
    samples=[sample(real(2, 3), 1.5), sample(real(0, 3), 2, "int32"), sample(integers(0, 9, 4), 1, dtype="float64")])
def _full_like(x, fill_value=0, dtype=None):
    return np.full(x.shape, fill_value, dtype or x.dtype)


def full_like(x, fill_value, dtype=None):
    """A tensor filled with a number, of the shape (and dtype) of ``x``. No gradient."""
    return _full_like(x, fill_value, None if dtype is None else resolve_dtype(dtype).name)


def zeros_like(x, dtype=None):
    """A tensor of zeros, of the shape (and dtype) of ``x``. No gradient."""
    return full_like(x, 0, dtype)


def ones_like(x, dtype=None):
    """A tensor of ones, of the shape (and dtype) of ``x``. No gradient."""
    return full_like(x, 1, dtype)


def empty_like(x, dtype=None):
    """A tensor of the shape (and dtype) of ``x`` whose values do not matter. No gradient."""
    return full_like(x, 0, dtype)


def eye(n, m=None, k=0, dtype=None):
    """A matrix of ``n`` rows and ``m`` (default ``n``) columns with ones on its ``k``-th diagonal."""
    return _leaf(np.eye(n, m, k, _default(dtype)))


def identity(n, dtype=None):
    """The identity matrix of ``n`` rows."""
    return eye(n, dtype=dtype)


def arange(start, stop=None, step=1, dtype=None):
    """Numbers from ``start`` (0 if only one is given) up to but without ``stop``."""
    start, stop = (0, start) if stop is None else (start, stop)
    return _leaf(array_of(np.arange(start, stop, step), dtype, False))


def linspace(start, stop, num=50, endpoint=True, dtype=None):
    """``num`` evenly spaced numbers from ``start`` to ``stop``."""
    return _leaf(array_of(np.linspace(np.asarray(start), np.asarray(stop), num, endpoint), dtype, False))


def logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None):
    """``num`` numbers from ``base ** start`` to ``base ** stop``, evenly spaced in their logarithm."""
    return _leaf(array_of(np.logspace(np.asarray(start), np.asarray(stop), num, endpoint, base), dtype, False))


def _default(dtype):
    return resolve_dtype(dtype or settings.floatx())
