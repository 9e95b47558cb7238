"""Functions applied element by element: exponentials, logarithms, activations, and the gradients of those.

One definition makes an entry: the decorated function is the NumPy reference, and :func:`elementwise` names the device
code that does the same for one element. Every element is computed by that code alone, so its bits depend neither on the
size of the array nor on the number of threads. (This is why small arrays do not go to NumPy, whose ``exp`` has other
last digits.)
"""

import inspect
import math
import types

import numpy as np

from .approximate import HALF, ONE, ZERO
from .approximate import erf as erf_of
from .approximate import exp as exp_of
from .approximate import expm1 as expm1_of
from .approximate import log as log_of
from .approximate import log1p as log1p_of
from .approximate import sigmoid as sigmoid_of
from .approximate import tanh as tanh_of
from .jit import FLOAT32, Kernel, device, entry
from .memory import empty
from .threads import split

GRAIN = 250_000                             # elements: 50 us of exp with 16 lanes, 100 us with 8; twice that is split
EXACT = {"fastmath": {"contract"}}          # vectors and the elements that fill none must round alike
_f = np.float32
ROOT_HALF, DENSITY = _f(0.5 ** 0.5), _f((2 * np.pi) ** -0.5)
GELU_X, GELU_CUBE, THRICE = _f((8 / np.pi) ** 0.5), _f(0.044715), _f(3)
FLAT = _f(-90)                              # where sigmoid is 0: -inf times that would be NaN


# What loops over the elements

def _of_one(x, out, low, high):
    for i in range(low, high):
        out[i] = function(x[i])     # noqa: F821 - bound by `elementwise`


def _of_one_and_a_number(x, out, low, high, a):
    for i in range(low, high):
        out[i] = function(x[i], a)      # noqa: F821


def _of_one_and_two_numbers(x, out, low, high, a, b):
    for i in range(low, high):
        out[i] = function(x[i], a, b)       # noqa: F821


def _of_two(x, y, out, low, high):
    for i in range(low, high):
        out[i] = function(x[i], y[i])       # noqa: F821


def _of_two_and_a_number(x, y, out, low, high, a):
    for i in range(low, high):
        out[i] = function(x[i], y[i], a)        # noqa: F821


def _of_two_and_two_numbers(x, y, out, low, high, a, b):
    for i in range(low, high):
        out[i] = function(x[i], y[i], a, b)     # noqa: F821


def _of_three(x, y, z, out, low, high):
    for i in range(low, high):
        out[i] = function(x[i], y[i], z[i])     # noqa: F821


LOOPS = {(1, 0): _of_one, (1, 1): _of_one_and_a_number, (1, 2): _of_one_and_two_numbers, (2, 0): _of_two,
         (2, 1): _of_two_and_a_number, (2, 2): _of_two_and_two_numbers, (3, 0): _of_three}


def elementwise(function):
    """Make an entry of a NumPy reference and the device code ``function(*elements, *numbers)`` of one element.

    The reference's parameters: arrays of one shape (without a default), numbers (with a default, positional), and the
    keyword ``out``, a contiguous array to write to that overlaps none of the others. Arrays that are not float32, or
    not of one shape, take the reference.
    """
    def decorate(reference):
        signature = inspect.signature(reference)
        defaults = [p.default for p in signature.parameters.values()][:-1]
        arrays, numbers = defaults.count(inspect.Parameter.empty), [d for d in defaults if not inspect.isclass(d)]
        loop = LOOPS[arrays, len(numbers)]
        body = types.FunctionType(loop.__code__, {**globals(), "function": function}, f"map_{reference.__name__}")
        kernel = Kernel(body, " ".join(["*f"] * (arrays + 1) + ["i", "i"] + ["f"] * len(numbers)), EXACT)

        def run(args, given, out):
            args = [a if a.flags.c_contiguous else np.ascontiguousarray(a) for a in args]
            out, size = empty(args[0].shape) if out is None else out, args[0].size
            if size < 2 * GRAIN:
                kernel(*args, out, 0, size, *given)
            else:
                split(size, lambda _part, low, high: kernel(*args, out, low, high, *given), GRAIN)
            return out

        # Small arrays of the common cases take a straight way: in the middle of a step `run` alone would cost 1.5 us.
        def of_one(x, *, out=None):
            if type(x) is not np.ndarray or x.dtype is not FLOAT32:
                return reference(x, out=out)
            size = x.size
            if size < 2 * GRAIN and out is None and x.flags.c_contiguous:
                out = empty(x.shape)
                kernel(x, out, 0, size)
                return out
            return run((x,), (), out)

        def of_two(x, y, *, out=None):
            if not (type(x) is type(y) is np.ndarray and x.dtype is y.dtype is FLOAT32 and x.shape == y.shape):
                return reference(x, y, out=out)
            size = x.size
            if size < 2 * GRAIN and out is None and x.flags.c_contiguous and y.flags.c_contiguous:
                out = empty(x.shape)
                kernel(x, y, out, 0, size)
                return out
            return run((x, y), (), out)

        def of_any(*args, out=None):
            if not all(type(a) is np.ndarray and a.dtype is FLOAT32 and a.shape == args[0].shape
                       for a in args[:arrays]):
                return reference(*args, out=out)
            return run(args[:arrays], args[arrays:] + tuple(numbers[len(args) - arrays:]), out)
        fast = {(1, 0): of_one, (2, 0): of_two}.get((arrays, len(numbers)), of_any)
        fast.__name__, fast.__doc__, fast.__signature__ = reference.__name__, reference.__doc__, signature
        return entry(reference)(fast)
    return decorate


def _into(out, value):
    """``value``, written to ``out`` if there is one."""
    if out is None:
        return value
    out[...] = value
    return out


# Exponentials and logarithms

@elementwise(exp_of)
def exp(x, *, out=None):
    """``e ** x``."""
    return np.exp(x, out=out)


@elementwise(expm1_of)
def expm1(x, *, out=None):
    """``e ** x - 1``, accurate near 0."""
    return np.expm1(x, out=out)


@elementwise(log_of)
def log(x, *, out=None):
    """The natural logarithm."""
    return np.log(x, out=out)


@elementwise(log1p_of)
def log1p(x, *, out=None):
    """``log(1 + x)``, accurate near 0."""
    return np.log1p(x, out=out)


_erf_of_number = np.frompyfunc(math.erf, 1, 1)


@elementwise(erf_of)
def erf(x, *, out=None):
    """The error function."""
    x = np.asarray(x)
    return _into(out, np.asarray(_erf_of_number(x)).astype(x.dtype if x.dtype.kind == "f" else np.float64))


@elementwise(tanh_of)
def tanh(x, *, out=None):
    """The hyperbolic tangent."""
    return np.tanh(x, out=out)


@device(inline=True, options=EXACT)
def _tanh_grad(g, y):
    return g * (ONE - y * y)


@elementwise(_tanh_grad)
def tanh_grad_x(g, y, *, out=None):
    """The gradient of ``y = tanh(x)``."""
    return _into(out, g * (1 - y * y))


# Activations

def relu(x, out=None):
    """``max(x, 0)``. No kernel: NumPy's own is as fast as memory, and threads share large arrays."""
    if type(x) is not np.ndarray or x.size < 2 * GRAIN or not x.flags.c_contiguous:
        return np.maximum(x, 0, out=out)
    out = empty(x.shape, x.dtype) if out is None else out
    flat, result = x.reshape(-1), out.reshape(-1)
    split(x.size, lambda _part, low, high: np.maximum(flat[low:high], 0, out=result[low:high]), GRAIN)
    return out


@device(inline=True, options=EXACT)
def _add_relu(x, y):
    z = x + y
    return ZERO if z < ZERO else z


@elementwise(_add_relu)
def add_relu(x, y, *, out=None):
    """``relu(x + y)`` in one pass."""
    return np.maximum(np.add(x, y), 0, out=out)


def add(x, y):
    """``x + y``. No kernel: see :func:`relu`."""
    if (type(x) is not np.ndarray or x.size < 2 * GRAIN or type(y) is not np.ndarray or x.shape != y.shape
            or x.dtype is not y.dtype or not (x.flags.c_contiguous and y.flags.c_contiguous)):
        return np.add(x, y)
    out = empty(x.shape, x.dtype)
    left, right, result = x.reshape(-1), y.reshape(-1), out.reshape(-1)
    split(x.size, lambda _part, low, high: np.add(left[low:high], right[low:high], out=result[low:high]), GRAIN)
    return out


@device(inline=True, options=EXACT)
def _relu_grad(g, y):
    return g if y > ZERO else ZERO


@elementwise(_relu_grad)
def relu_grad_x(g, y, *, out=None):
    """The gradient of ``y = relu(x)``: ``g`` where ``y`` is positive."""
    return _into(out, np.where(np.greater(y, 0), g, np.zeros((), np.result_type(g))))


@elementwise(sigmoid_of)
def sigmoid(x, *, out=None):
    """``1 / (1 + exp(-x))``, without overflow."""
    e = np.exp(-np.abs(x))
    return _into(out, np.where(np.greater_equal(x, 0), 1, e) / (1 + e))


@device(inline=True, options=EXACT)
def _sigmoid_grad(g, y):
    return g * (y * (ONE - y))


@elementwise(_sigmoid_grad)
def sigmoid_grad_x(g, y, *, out=None):
    """The gradient of ``y = sigmoid(x)``."""
    return _into(out, g * (y * (1 - y)))


@device(inline=True, options=EXACT)
def _softplus(x):
    return (x if x > ZERO else ZERO) + log1p_of(exp_of(-abs(x))) if x == x else x


@elementwise(_softplus)
def softplus(x, *, out=None):
    """``log(1 + exp(x))``, without overflow."""
    return _into(out, np.logaddexp(x, np.zeros((), np.result_type(x))))


@device(inline=True, options=EXACT)
def _softplus_grad(g, x):
    return g * sigmoid_of(x)


@elementwise(_softplus_grad)
def softplus_grad_x(g, x, *, out=None):
    """The gradient of :func:`softplus`: ``g * sigmoid(x)``."""
    return _into(out, g * sigmoid.entry.reference(x))


@device(inline=True, options=EXACT)
def _leaky_relu(x, slope):
    return slope * x if x < ZERO else x


@elementwise(_leaky_relu)
def leaky_relu(x, negative_slope=0.2, /, *, out=None):
    """``x``, and ``negative_slope * x`` below 0."""
    return _into(out, np.where(np.less(x, 0), negative_slope * x, x))


@device(inline=True, options=EXACT)
def _leaky_relu_grad(g, x, slope):
    return slope * g if x < ZERO else g


@elementwise(_leaky_relu_grad)
def leaky_relu_grad_x(g, x, negative_slope=0.2, /, *, out=None):
    """The gradient of :func:`leaky_relu`."""
    return _into(out, np.where(np.less(x, 0), negative_slope * g, g))


@device(inline=True, options=EXACT)
def _elu(x, alpha, scale):
    return scale * (alpha * expm1_of(x) if x < ZERO else x)


@elementwise(_elu)
def elu(x, alpha=1.0, scale=1.0, /, *, out=None):
    """``scale * x``, and ``scale * alpha * (exp(x) - 1)`` below 0."""
    return _into(out, scale * np.where(np.less(x, 0), alpha * np.expm1(np.minimum(x, 0)), x))


@device(inline=True, options=EXACT)
def _elu_grad(g, x, alpha, scale):
    return scale * g * (alpha * exp_of(x) if x < ZERO else ONE)


@elementwise(_elu_grad)
def elu_grad_x(g, x, alpha=1.0, scale=1.0, /, *, out=None):
    """The gradient of :func:`elu`."""
    return _into(out, scale * g * np.where(np.less(x, 0), alpha * np.exp(np.minimum(x, 0)), 1))


@device(inline=True, options=EXACT)
def _silu(x):
    return (FLAT if x < FLAT else x) * sigmoid_of(x)


@elementwise(_silu)
def silu(x, *, out=None):
    """``x * sigmoid(x)``."""
    return _into(out, np.maximum(x, -90.0) * sigmoid.entry.reference(x))


@device(inline=True, options=EXACT)
def _silu_grad(g, x):
    s = sigmoid_of(x)
    y = FLAT if x < FLAT else x
    return g * (s + s * (ONE - s) * (-FLAT if y > -FLAT else y))


@elementwise(_silu_grad)
def silu_grad_x(g, x, *, out=None):
    """The gradient of :func:`silu`."""
    s = sigmoid.entry.reference(x)
    return _into(out, g * (s + s * (1 - s) * np.clip(x, -90.0, 90.0)))


@device(inline=True, options=EXACT)
def _gelu(x):
    return HALF * (FLAT if x < FLAT else x) * (ONE + erf_of(x * ROOT_HALF))


@elementwise(_gelu)
def gelu(x, *, out=None):
    """``x`` times the normal distribution up to ``x``."""
    return _into(out, 0.5 * np.maximum(x, -90.0) * (1 + erf.entry.reference(x * 0.5 ** 0.5)))


@device(inline=True, options=EXACT)
def _gelu_grad(g, x):
    y = FLAT if x < FLAT else x
    y = -FLAT if y > -FLAT else y
    return g * (HALF * (ONE + erf_of(y * ROOT_HALF)) + y * (DENSITY * exp_of(-HALF * y * y)))


@elementwise(_gelu_grad)
def gelu_grad_x(g, x, *, out=None):
    """The gradient of :func:`gelu`."""
    y = np.clip(x, -90.0, 90.0)
    bell = (2 * np.pi) ** -0.5 * np.exp(-0.5 * y * y)
    return _into(out, g * (0.5 * (1 + erf.entry.reference(y * 0.5 ** 0.5)) + y * bell))


@device(inline=True, options=EXACT)
def _gelu_tanh(x):
    y = FLAT if x < FLAT else x
    return y * sigmoid_of(GELU_X * (y + GELU_CUBE * (y * y * y)))


@elementwise(_gelu_tanh)
def gelu_tanh(x, *, out=None):
    """:func:`gelu` by a tanh, ``x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x**3))) / 2``: a sigmoid of twice that."""
    y = np.maximum(x, -90.0)
    return _into(out, y * sigmoid.entry.reference((8 / np.pi) ** 0.5 * (y + 0.044715 * (y * y * y))))


@device(inline=True, options=EXACT)
def _gelu_tanh_grad(g, x):
    y = FLAT if x < FLAT else x
    y = -FLAT if y > -FLAT else y
    s = sigmoid_of(GELU_X * (y + GELU_CUBE * (y * y * y)))
    return g * (s + s * (ONE - s) * (GELU_X * (y + THRICE * GELU_CUBE * (y * y * y))))


@elementwise(_gelu_tanh_grad)
def gelu_tanh_grad_x(g, x, *, out=None):
    """The gradient of :func:`gelu_tanh`."""
    y = np.clip(x, -90.0, 90.0)
    s = sigmoid.entry.reference((8 / np.pi) ** 0.5 * (y + 0.044715 * (y * y * y)))
    return _into(out, g * (s + s * (1 - s) * ((8 / np.pi) ** 0.5 * (y + 3 * 0.044715 * (y * y * y)))))


# The cross-entropy of a sigmoid

@device(inline=True, options=EXACT)
def _sigmoid_cross_entropy(x, t):
    return (x if x > ZERO else ZERO) - x * t + log1p_of(exp_of(-abs(x)))


@elementwise(_sigmoid_cross_entropy)
def sigmoid_cross_entropy(logits, targets, *, out=None):
    """``-t log(sigmoid(x)) - (1 - t) log(1 - sigmoid(x))``."""
    return _into(out, np.maximum(logits, 0) - logits * targets + np.log1p(np.exp(-np.abs(logits))))


@device(inline=True, options=EXACT)
def _sigmoid_cross_entropy_grad(g, x, t):
    return g * (sigmoid_of(x) - t)


@elementwise(_sigmoid_cross_entropy_grad)
def sigmoid_cross_entropy_grad_x(g, logits, targets, *, out=None):
    """The gradient of :func:`sigmoid_cross_entropy` for its logits."""
    return _into(out, g * (sigmoid.entry.reference(logits) - targets))
