"""Making tensors out of numbers, arrays and sizes."""

import numpy as np

from ..autograd import Value, op, real, sample
from ..autograd.value import Version, spec, wrap
from ..utils import settings
from . import shapes
from .convert import array_of, resolve_dtype


def array(data, dtype=None, requires_grad=False):
    """A :class:`Tensor` that holds a copy of ``data``."""
    return _leaf(array_of(data, dtype), requires_grad)


def asarray(data, dtype=None, copy=None):
    """``data`` as a Tensor; a Tensor of that dtype is returned as it is, an array's memory is shared where possible."""
    if isinstance(data, Value) and (dtype is None or data.dtype == resolve_dtype(dtype)) and not copy:
        return data
    return _leaf(array_of(data, dtype, bool(copy)))


def from_numpy(array):
    """A Tensor that shares the array's memory and keeps its dtype. Writes to the array change the Tensor."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy takes a NumPy array, got {type(array).__name__}")
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
    """A Tensor filled with one value."""
    return _leaf(np.full(shapes.as_shape(shape), fill_value, dtype and resolve_dtype(dtype) or array_of(fill_value).dtype))


def _like(name, fill):
    @op(shape=lambda x, dtype: spec(x.shape, dtype or x.dtype), name=name, samples=[sample(real(2, 3)), sample(real(0, 3), "int32")],
        reference=lambda x, dtype=None: np.array([fill] * x.size, dtype or x.dtype).reshape(x.shape))
    def like(x, dtype=None):
        return np.full(x.shape, fill, dtype or x.dtype)
    like.__name__, like.__doc__ = name, f"A tensor of {name[:-5]}, of the shape (and dtype) of ``x``. No gradient."
    return like


zeros_like, ones_like = _like("zeros_like", 0), _like("ones_like", 1)


def full_like(x, fill_value, dtype=None):
    """A tensor filled with one value, of the shape (and dtype) of ``x``. No gradient."""
    return ones_like(x, dtype) * fill_value if dtype else zeros_like(x) + fill_value


def empty_like(x, dtype=None):
    """A tensor of the shape (and dtype) of ``x`` whose values do not matter."""
    return zeros_like(x, dtype)


def empty(shape, dtype=None):
    """A Tensor whose values are left to chance."""
    return _leaf(np.empty(shapes.as_shape(shape), _default(dtype)))


def eye(n, m=None, k=0, dtype=None):
    """A matrix with ones on its ``k``-th diagonal."""
    return _leaf(np.eye(n, m, k, _default(dtype)))


identity = eye


def arange(start, stop=None, step=1, dtype=None):
    """Numbers from ``start`` (0 if only one is given) up to but without ``stop``."""
    start, stop = (0, start) if stop is None else (start, stop)
    return _leaf(array_of(np.arange(start, stop, step), dtype, False))


def linspace(start, stop, num=50, endpoint=True, dtype=None):
    """``num`` evenly spaced numbers from ``start`` to ``stop``."""
    return _leaf(array_of(np.linspace(start, stop, num, endpoint), dtype, False))


def logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None):
    """``num`` numbers from ``base ** start`` to ``base ** stop``, evenly spaced in their logarithm."""
    return _leaf(array_of(np.logspace(start, stop, num, endpoint, base), dtype, False))


def meshgrid(*arrays, indexing="xy"):
    """Coordinate matrices of coordinate vectors."""
    return tuple(wrap(a) for a in np.meshgrid(*(array_of(a, getattr(a, "dtype", None), False) for a in arrays), indexing=indexing, copy=True))


def _default(dtype):
    return resolve_dtype(dtype or settings.floatx())
