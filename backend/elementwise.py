"""Arithmetic: element by element, along axes, and products of matrices."""


import numpy as np

from .. import tensor
from ..utils import settings
from .graph import as_tensor, late

ops = tensor.PUBLIC


# Element by element

def _one(name, text=None):
    """A function of one tensor by the name of its op."""
    def call(x):
        return ops[name](as_tensor(x))
    call.__name__ = call.__qualname__ = name
    call.__doc__ = text or ops[name].__doc__
    return call


def _two(name):
    """A function of two tensors by the name of its op."""
    def call(x, y):
        return ops[name](as_tensor(x), y)
    call.__name__ = call.__qualname__ = name
    call.__doc__ = ops[name].__doc__
    return call


square, exp, log, sin, cos, sign, round = map(_one, ("square", "exp", "log", "sin", "cos", "sign", "round"))
abs = _one("absolute")
equal, not_equal, greater, greater_equal, less, less_equal, maximum, minimum = map(
    _two, ("equal", "not_equal", "greater", "greater_equal", "less", "less_equal", "maximum", "minimum"))


def sqrt(x):
    """The square root; that of negative numbers is 0.

    >>> sqrt([4.0, -4.0])
    Tensor([2., 0.])
    """
    return ops["sqrt"](ops["maximum"](as_tensor(x), 0.0))


def pow(x, a):
    """``x ** a``."""
    return as_tensor(x) ** a


def clip(x, min_value, max_value):
    """``x`` limited to ``[min_value, max_value]``; a smaller maximum counts as the minimum, None as no limit.

    >>> clip([-2.0, 0.5, 2.0], -1, 1)
    Tensor([-1. ,  0.5,  1. ])
    """
    if isinstance(min_value, int | float) and isinstance(max_value, int | float) and max_value < min_value:
        max_value = min_value
    return ops["clip"](as_tensor(x), min_value, max_value)


# Along axes

def _axes(axis):
    return tuple(axis) if isinstance(axis, list) else axis


def _reduction(name, prepare=as_tensor):
    def call(x, axis=None, keepdims=False):
        return ops[name](prepare(x), _axes(axis), keepdims=keepdims)
    call.__name__ = call.__qualname__ = name
    call.__doc__ = ops[name].__doc__
    return call


def _floats(x):
    x = as_tensor(x)
    return x.astype(settings.floatx()) if x.dtype.kind in "bui" else x


def _truths(x):
    x = as_tensor(x)
    return x if x.dtype.kind == "b" else ops["not_equal"](x, 0)


max, min, sum, prod, logsumexp = map(_reduction, ("max", "min", "sum", "prod", "logsumexp"))
mean, var, std = (_reduction(name, _floats) for name in ("mean", "var", "std"))
any, all = (_reduction(name, _truths) for name in ("any", "all"))


def cumsum(x, axis=0):
    """The running sum along an axis.

    >>> cumsum([1.0, 2.0, 3.0])
    Tensor([1., 3., 6.])
    """
    return ops["cumsum"](as_tensor(x), axis)


def cumprod(x, axis=0):
    """The running product along an axis."""
    return ops["cumprod"](as_tensor(x), axis)


def argmax(x, axis=-1):
    """The index of the (first) largest element along an axis."""
    return ops["argmax"](as_tensor(x), axis)


def argmin(x, axis=-1):
    """The index of the (first) smallest element along an axis."""
    return ops["argmin"](as_tensor(x), axis)


# Products

@late
def dot(x, y):
    """The last axis of ``x`` against the second to last of ``y``; all other axes stay: (2, 3) and (4, 3, 5) give
    (2, 4, 5).

    >>> dot([[1.0, 2.0]], [[3.0], [4.0]])
    Tensor([[11.]])
    """
    x, y = as_tensor(x), as_tensor(y)
    if y.ndim < 2:
        return ops["tensordot"](x, y, ((-1,), (-1,))) if y.ndim and x.ndim else x * y
    return ops["tensordot"](x, y, ((x.ndim - 1,), (y.ndim - 2,)))


@late
def batch_dot(x, y, axes=None):
    """The product of each sample of ``x`` with that of ``y``, summed over one axis of each.

    Arguments:
        x, y: (batch, ...), at least 2 axes each.
        axes: the axis of both, or a pair; default: the last of ``x`` and the second to last of ``y`` (the last of a
            ``y`` of 2 axes).

    Output shape: ``x``'s without its axis, then ``y``'s without batch and axis; (batch, 1) if only the batch is left.

    Raises:
        ValueError: for tensors of fewer axes, for the batch axis, and for different sizes.

    >>> batch_dot([[1.0, 2.0]], [[3.0, 4.0]], axes=1)
    Tensor([[11.]])
    """
    x, y = as_tensor(x), as_tensor(y)
    if x.ndim < 2 or y.ndim < 2:
        raise ValueError(f"Cannot do batch_dot on inputs with rank < 2. Received inputs with shapes {x.shape} and "
                         f"{y.shape}.")
    if axes is None:
        axes = (x.ndim - 1, 1 if y.ndim == 2 else y.ndim - 2)
    a, b = (axes, axes) if isinstance(axes, int) else axes
    a, b = a % x.ndim, b % y.ndim
    if not (a and b):
        raise ValueError(f"Cannot perform batch_dot over axis 0, the batch, got axes={axes}")
    if None not in (x.shape[a], y.shape[b]) and x.shape[a] != y.shape[b]:
        raise ValueError(f"Can not do batch_dot on inputs with shapes {x.shape} and {y.shape} with axes={axes}. "
                         f"x.shape[{a}] != y.shape[{b}] ({x.shape[a]} != {y.shape[b]}).")
    letters = "abcdefghijklmnopqrstuvwxyz"
    left = "z" + letters[:x.ndim - 1]
    right = "z" + letters[x.ndim - 1:x.ndim + y.ndim - 2]
    right = right[:b] + left[a] + right[b + 1:]
    out = (left + right[1:]).replace(left[a], "")
    found = ops["einsum"](f"{left},{right}->{out}", x, y)
    return ops["expand_dims"](found, 1) if found.ndim == 1 else found


def transpose(x):
    """The axes in reverse order."""
    return ops["transpose"](as_tensor(x))


def gather(reference, indices):
    """The rows of ``reference`` at ``indices``.

    >>> gather([[1.0], [2.0]], [1, 0, 1]).numpy().ravel()
    array([2., 1., 2.], dtype=float32)
    """
    indices = indices if hasattr(indices, "dtype") else np.asarray(indices)
    indices = indices if indices.dtype.kind in "iu" else indices.astype("int32")
    return ops["take"](as_tensor(reference), indices, 0)


def l2_normalize(x, axis=None):
    """``x`` divided by its norm along an axis (None: of all elements), of which 1e-12 is the least.

    >>> l2_normalize([3.0, 4.0])
    Tensor([0.6, 0.8])
    """
    x = as_tensor(x)
    total = ops["sum"](x * x, _axes(axis), keepdims=True)
    return x * ops["rsqrt"](ops["maximum"](total, 1e-12))
