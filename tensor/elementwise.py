"""Ops that work element by element and broadcast their arguments.

Gradients at points where there is none: ``abs`` and ``sign`` take 0 at 0, ``maximum`` and ``minimum`` share a tie
between both arguments, ``sqrt`` is infinite at 0, ``hypot`` takes 0 at the origin. A rule that divides does so by
:func:`gradient_over`: where no gradient arrives none leaves, so that ``where(x > 0, sqrt(x), 0)`` has no NaN at 0.
"""

import functools
import math
import operator

import numpy as np

from ..autograd import apart, function, integers, kink, nonzero, op, positive, raises, real, sample, within
from ..kernels import elementwise as kernels
from . import shapes
from .adjust import match
from .logic import BINARY, equal, greater, less, logical_and, not_equal, where
from .reference import each

UNARY = [sample(real(3, 4)), sample(real(0, 3)), sample(real())]
TIE = kink(np.array([1.0, 2.0, 3.0]), np.array([1.0, 5.0, 3.0]))
POSITIVE = [sample(positive(3, 4)), sample(positive(0, 3)), sample(positive())]
INNER = [sample(within(-0.9, 0.9, 3, 4)), sample(within(-0.9, 0.9))]
STEPS = [sample(nonzero(3, 4)), sample(real(0, 3))]
WHOLE = [sample(integers(0, 9, 3, 4), integers(1, 5, 4)), sample(integers(0, 9, 0), integers(1, 5, 1))]

unary = functools.partial(op, shape=shapes.same)
smooth = functools.partial(op, shape=shapes.same, dtype="float")
binary = functools.partial(op, shape=shapes.broadcast, adjust=match)


# Arithmetic

def _add_relu(x, y):
    same = type(x) is type(y) is np.ndarray and x.shape == y.shape and x.dtype == y.dtype
    return kernels.add_relu(x, y) if same and x.dtype.kind == "f" else np.maximum(np.add(x, y), 0)


@binary(vjp=[lambda g, _out, _x, _y: g, lambda g, _out, _x, _y: g], reference=each(operator.add), samples=BINARY,
        rectified=_add_relu)
def add(x, y):
    """``x + y``."""
    return kernels.add(x, y)


@binary(vjp=[lambda g, _out, _x, _y: g, lambda g, _out, _x, _y: negative(g)], reference=each(operator.sub),
        samples=BINARY)
def subtract(x, y):
    """``x - y``."""
    return np.subtract(x, y)


@binary(vjp=[lambda g, _out, _x, y: multiply(g, y), lambda g, _out, x, _y: multiply(g, x)],
        reference=each(operator.mul), samples=BINARY)
def multiply(x, y):
    """``x * y``."""
    return np.multiply(x, y)


QUOTIENT = [lambda g, _out, _x, y: gradient_over(g, y),
            lambda g, _out, x, y: gradient_over(gradient_over(negative(g * x), y), y)]


@binary(vjp=QUOTIENT, dtype="float", reference=each(operator.truediv), samples=BINARY)
def divide(x, y):
    """``x / y``, a float also for integers."""
    return np.divide(x, y)


@binary(vjp=QUOTIENT, dtype="float", reference=each(operator.truediv), samples=BINARY)
def gradient_over(x, y):
    """``x / y`` for gradients ``x``: 0 where ``x`` is 0, even if ``y`` is 0 or NaN, and no warning."""
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.divide(x, y)
    return np.where(np.equal(x, 0), np.zeros((), out.dtype), out)


@op(shape=shapes.broadcast, reference=each(operator.floordiv), samples=BINARY + WHOLE)
def floor_divide(x, y):
    """The largest integer not above ``x / y``. No gradient."""
    return np.floor_divide(x, y)


@binary(vjp=[lambda g, _out, _x, _y: g, lambda g, _out, x, y: negative(g * floor_divide(x, y))],
        reference=each(operator.mod), samples=BINARY + WHOLE)
def remainder(x, y):
    """``x - floor(x / y) * y``, with the sign of ``y``, like Python's ``%``."""
    return np.remainder(x, y)


@binary(vjp=[lambda g, _out, _x, _y: g, lambda g, _out, x, y: negative(g * trunc(x / y))], reference=each(math.fmod),
        samples=BINARY)
def fmod(x, y):
    """``x - trunc(x / y) * y``, with the sign of ``x``, like C's ``fmod``."""
    return np.fmod(x, y)


def _power_grad_x(g, _out, x, y):
    """``g y x**(y - 1)``, as a quotient where that power may be infinite (at 0) or NaN (below 0)."""
    number = isinstance(y, int | float)
    if number and float(y).is_integer():
        return _whole_power_grad(g, x, y)
    undefined = less(x, 0) if number else logical_and(less(x, 0), not_equal(y, floor(y)))
    x = where(undefined, 1, x)
    if number:
        above, below = (power(x, y - 1), 1) if y > 1 else (1, power(x, 1 - y))
    else:
        above, below = power(x, maximum(y - 1, 0)), power(x, maximum(1 - y, 0))
    return gradient_over(g * y * above, where(undefined, math.nan, below))


def _whole_power_grad(g, x, y):
    if y == 2:
        return g * (2 * x)
    return g * (y * power(x, y - 1)) if y >= 1 else gradient_over(g * y, power(x, 1 - y))


def _power_grad_y(g, out, x, _y):
    defined = greater(x, 0)
    return g * where(defined, out, 0) * log(where(defined, x, 1))


@binary(vjp=[_power_grad_x, _power_grad_y], reference=each(operator.pow),
        samples=[sample(positive(3, 4), real(3, 4)), sample(positive(3, 1), real(2)), sample(nonzero(3), 3),
                 sample(real(3), 2), sample(nonzero(3), -2), sample(positive(3), -0.5), sample(positive(3), 1.5),
                 sample(2.0, real(3)), sample(positive(0), real(1)),
                 raises(ValueError, "do not broadcast", positive(3), real(2))])
def power(x, y):
    """``x ** y``. The gradient for ``y`` takes 0 where ``x`` is not positive, that for ``x`` where ``y`` is 0."""
    return np.power(x, y)


@unary(vjp=[lambda g, _out, _x: g], reference=each(lambda x: x), samples=UNARY)
def positive_(x):
    """``+x``."""
    return np.positive(x)


@unary(vjp=[lambda g, _out, _x: negative(g)], reference=each(operator.neg), samples=UNARY)
def negative(x):
    """``-x``."""
    return np.negative(x)


@unary(vjp=[lambda g, _out, _x: conjugate(g)], reference=each(lambda x: x), samples=UNARY)
def conjugate(x):
    """The complex conjugate: ``x`` itself if it is real."""
    return np.conjugate(x)


@unary(vjp=[lambda g, _out, x: g * sign(x)], reference=each(abs),
       samples=[*STEPS, kink(np.array([0.0, 1.5]))])
def absolute(x):
    """The magnitude of ``x``; its gradient is 0 at 0."""
    return np.absolute(x)


@unary(reference=each(lambda x: (x > 0) - (x < 0)), samples=STEPS)
def sign(x):
    """-1, 0 or 1. No gradient."""
    return np.sign(x)


@smooth(vjp=[lambda g, _out, x: gradient_over(negative(g), x * x)], reference=each(lambda x: x ** -1), samples=STEPS)
def reciprocal(x):
    """``1 / x``, a float also for integers."""
    return np.divide(1, x)


@unary(vjp=[lambda g, _out, x: g * (2 * x)], reference=each(lambda x: x ** 2), samples=UNARY)
def square(x):
    """``x * x``."""
    return np.square(x)


@smooth(vjp=[lambda g, out, _x: gradient_over(g, 2 * out)], reference=each(math.sqrt), samples=POSITIVE)
def sqrt(x):
    """The square root; its gradient at 0 is infinite."""
    return np.sqrt(x)


@smooth(vjp=[lambda g, _out, x: gradient_over(g, -2 * x * sqrt(x))], reference=each(lambda x: x ** -0.5),
        samples=POSITIVE)
def rsqrt(x):
    """``1 / sqrt(x)``."""
    return np.divide(1, np.sqrt(x))


@smooth(vjp=[lambda g, out, _x: gradient_over(g, 3 * out * out)], reference=each(math.cbrt), samples=STEPS)
def cbrt(x):
    """The cube root, also of negative numbers."""
    return np.cbrt(x)


def _share(chosen, x, y, g):
    return where(chosen, g, where(equal(x, y), 0.5 * g, 0))


@binary(vjp=[lambda g, _out, x, y: _share(greater(x, y), x, y, g), lambda g, _out, x, y: _share(less(x, y), x, y, g)],
        reference=each(max), samples=[*BINARY, TIE])
def maximum(x, y):
    """The larger of two; a tie gives each half of the gradient. NaN if either is."""
    return np.maximum(x, y)


@binary(vjp=[lambda g, _out, x, y: _share(less(x, y), x, y, g), lambda g, _out, x, y: _share(greater(x, y), x, y, g)],
        reference=each(min), samples=[*BINARY, TIE])
def minimum(x, y):
    """The smaller of two; a tie gives each half of the gradient. NaN if either is."""
    return np.minimum(x, y)


def _clipped(x, min=None, max=None):
    between = each(lambda v, low, high: low if v < low else high if v > high else v)
    return between(x, -np.inf if min is None else min, np.inf if max is None else max)


@function(reference=_clipped,
          samples=[sample(apart(3, 4), -0.3, 0.4), sample(apart(3, 4), None, 0.1), sample(apart(3, 4), max=0.2),
                   sample(apart(2, 3), within(-1, 0, 3), None), sample(apart(0, 2), 0, 1),
                   raises(ValueError, "do not broadcast", real(3), real(2), 1)])
def clip(x, min=None, max=None):
    """``x`` limited to ``[min, max]``; None is no limit. At a limit the gradient goes to ``x``."""
    if min is not None:
        x = where(less(x, min), min, x)
    return x if max is None else where(greater(x, max), max, x)


@function(reference=lambda x, y, weight: (1 - weight) * x + weight * y,
          samples=[sample(real(3, 4), real(3, 4), real(4)), sample(real(2), real(2), 0.25)])
def lerp(x, y, weight):
    """``x + weight * (y - x)``."""
    return x + weight * (y - x)


@binary(vjp=[lambda g, out, x, _y: gradient_over(g * x, out), lambda g, out, _x, y: gradient_over(g * y, out)],
        dtype="float", reference=each(lambda x, y: abs(complex(x, y))),
        samples=[*BINARY, kink(np.array([0.0, 1.0]), np.array([0.0, 2.0]))])
def hypot(x, y):
    """``sqrt(x**2 + y**2)`` without overflow; its gradient at the origin is 0."""
    return np.hypot(x, y)


@binary(vjp=[lambda g, _out, x, y: g * copysign(sign(x), x * y), None], dtype="float", reference=each(math.copysign),
        samples=[sample(nonzero(3, 4), nonzero(4)), sample(nonzero(4), nonzero(3, 1)),
                 raises(ValueError, "do not broadcast", real(2, 3), real(2))])
def copysign(x, y):
    """The magnitude of ``x`` with the sign of ``y``. No gradient for ``y``."""
    return np.copysign(x, y)


@op(shape=shapes.broadcast, dtype="float", reference=each(math.nextafter), samples=BINARY)
def nextafter(x, y):
    """The next float after ``x`` towards ``y``. No gradient."""
    return np.nextafter(x, y)


@unary(reference=lambda x, decimals=0: each(lambda v: float(format(v, f".{decimals}f")))(x),
       samples=[sample(real(3, 4)), sample(real(3), 2), sample(real(0))])
def round(x, decimals=0):
    """Rounded to ``decimals`` places, halves to even. No gradient."""
    return np.round(x, decimals)


@unary(reference=each(math.floor), samples=UNARY)
def floor(x):
    """The largest integer not above ``x``. No gradient."""
    return np.floor(x)


@unary(reference=each(math.ceil), samples=UNARY)
def ceil(x):
    """The smallest integer not below ``x``. No gradient."""
    return np.ceil(x)


@unary(reference=each(math.trunc), samples=UNARY)
def trunc(x):
    """``x`` without its fraction. No gradient."""
    return np.trunc(x)


@function(reference=lambda x, y: (x // y, x % y), samples=[*BINARY, *WHOLE])
def divmod(x, y):
    """``floor_divide(x, y)`` and ``remainder(x, y)``."""
    return floor_divide(x, y), remainder(x, y)


# Exponentials and logarithms

@smooth(vjp=[lambda g, out, _x: g * out], reference=each(math.exp), samples=UNARY)
def exp(x):
    """``e ** x``."""
    return kernels.exp(x)


@smooth(vjp=[lambda g, out, _x: g * (math.log(2) * out)], reference=each(lambda x: 2.0 ** x), samples=UNARY)
def exp2(x):
    """``2 ** x``."""
    return np.exp2(x)


@smooth(vjp=[lambda g, out, _x: g * (out + 1)], reference=each(math.expm1), samples=UNARY)
def expm1(x):
    """``exp(x) - 1``, accurate near 0."""
    return kernels.expm1(x)


@smooth(vjp=[lambda g, _out, x: gradient_over(g, x)], reference=each(math.log), samples=POSITIVE)
def log(x):
    """The natural logarithm."""
    return kernels.log(x)


@smooth(vjp=[lambda g, _out, x: gradient_over(g, math.log(2) * x)], reference=each(math.log2), samples=POSITIVE)
def log2(x):
    """The logarithm to base 2."""
    return np.log2(x)


@smooth(vjp=[lambda g, _out, x: gradient_over(g, math.log(10) * x)], reference=each(math.log10), samples=POSITIVE)
def log10(x):
    """The logarithm to base 10."""
    return np.log10(x)


@smooth(vjp=[lambda g, _out, x: gradient_over(g, 1 + x)], reference=each(math.log1p), samples=POSITIVE + INNER)
def log1p(x):
    """``log(1 + x)``, accurate near 0."""
    return kernels.log1p(x)


@binary(vjp=[lambda g, out, x, _y: g * exp(x - out), lambda g, out, _x, y: g * exp(y - out)], dtype="float",
        reference=each(lambda x, y: math.log(math.exp(x) + math.exp(y))), samples=BINARY)
def logaddexp(x, y):
    """``log(exp(x) + exp(y))`` without overflow."""
    return np.logaddexp(x, y)


def _sinc(x):
    return math.sin(math.pi * x) / (math.pi * x) if x else 1.0


@function(reference=each(_sinc), samples=[*UNARY, sample(integers(0, 1, 2))])
def sinc(x):
    """``sin(pi x) / (pi x)``, and 1 at 0."""
    y = math.pi * x
    near = less(absolute(y), 1e-3)      # the series' next term is y**6 / 5040: nothing, here
    series = 1 - square(y) / 6 + square(square(y)) / 120
    safe = where(near, 1, y)
    return where(near, series, sin(safe) / safe)


def _erf_series(x):
    terms = ((-1) ** n * x ** (2 * n + 1) / (math.factorial(n) * (2 * n + 1)) for n in range(60))
    return 2 / math.sqrt(math.pi) * math.fsum(terms)


def _by_calls(scalar_function):
    """A function of arrays that NumPy does not have: a call into C for each element."""
    call = np.frompyfunc(scalar_function, 1, 1)

    def forward(x):
        x = np.asarray(x)
        return np.asarray(call(x)).astype(x.dtype if x.dtype.kind == "f" else np.float64)
    return forward


_erfc = _by_calls(math.erfc)
DENSITY = 2 / math.sqrt(math.pi)


@smooth(vjp=[lambda g, _out, x: g * (DENSITY * exp(negative(x * x)))], reference=each(_erf_series),
        samples=[*UNARY, sample(within(-3, 3, 40))])
def erf(x):
    """The error function, ``2 / sqrt(pi)`` times the integral of ``exp(-t**2)`` from 0 to ``x``."""
    return kernels.erf(x)


@smooth(vjp=[lambda g, _out, x: g * (-DENSITY * exp(negative(x * x)))],
        reference=each(lambda x: 1 - _erf_series(x)), samples=[*UNARY, sample(within(-3, 2, 40))])
def erfc(x):
    """``1 - erf(x)``, accurate for large ``x``."""
    return _erfc(x)


@function(reference=each(lambda x, y: x * math.log(y) if x else 0.0),
          samples=[sample(real(3, 4), positive(4)), sample(np.array([0, 0, 2]), np.array([0.0, -1.0, 3.0])),
                   raises(ValueError, "do not broadcast", real(3), positive(2))])
def xlogy(x, y):
    """``x * log(y)``, and 0 where ``x`` is 0, whatever ``y`` is."""
    nothing = equal(x, 0)
    return where(nothing, 0, x * log(where(nothing, 1, y)))


# Trigonometric and hyperbolic functions

@smooth(vjp=[lambda g, _out, x: g * cos(x)], reference=each(math.sin), samples=UNARY)
def sin(x):
    """The sine of ``x`` radians."""
    return np.sin(x)


@smooth(vjp=[lambda g, _out, x: negative(g * sin(x))], reference=each(math.cos), samples=UNARY)
def cos(x):
    """The cosine of ``x`` radians."""
    return np.cos(x)


@smooth(vjp=[lambda g, out, _x: g * (1 + out * out)], reference=each(math.tan), samples=INNER)
def tan(x):
    """The tangent of ``x`` radians."""
    return np.tan(x)


@smooth(vjp=[lambda g, _out, x: gradient_over(g, sqrt(1 - x * x))], reference=each(math.asin), samples=INNER)
def arcsin(x):
    """The angle, from -pi/2 to pi/2, whose sine is ``x``."""
    return np.arcsin(x)


@smooth(vjp=[lambda g, _out, x: gradient_over(negative(g), sqrt(1 - x * x))], reference=each(math.acos), samples=INNER)
def arccos(x):
    """The angle, from 0 to pi, whose cosine is ``x``."""
    return np.arccos(x)


@smooth(vjp=[lambda g, _out, x: g / (1 + x * x)], reference=each(math.atan), samples=UNARY)
def arctan(x):
    """The angle, from -pi/2 to pi/2, whose tangent is ``x``."""
    return np.arctan(x)


@binary(vjp=[lambda g, _out, y, x: gradient_over(g * x, x * x + y * y),
             lambda g, _out, y, x: gradient_over(negative(g * y), x * x + y * y)], dtype="float",
        reference=each(math.atan2), samples=BINARY)
def arctan2(y, x):
    """The angle, from -pi to pi, of the point (x, y); its gradient at the origin is 0."""
    return np.arctan2(y, x)


@smooth(vjp=[lambda g, _out, x: g * cosh(x)], reference=each(math.sinh), samples=UNARY)
def sinh(x):
    """The hyperbolic sine."""
    return np.sinh(x)


@smooth(vjp=[lambda g, _out, x: g * sinh(x)], reference=each(math.cosh), samples=UNARY)
def cosh(x):
    """The hyperbolic cosine."""
    return np.cosh(x)


PAIR = [sample(real(3, 4), real(3, 4)), sample(real(0, 3), real(0, 3))]


@op(shape=shapes.same, vjp=[lambda g, _out, _g, y: tanh_grad_x(g, y), lambda g, _out, gy, y: g * gy * (-2 * y)],
    reference=each(lambda g, y: g * (1 - y ** 2)), samples=PAIR)
def tanh_grad_x(g, y):
    """The gradient of ``y = tanh(x)``: one op instead of three, since it is in every step of many networks."""
    return kernels.tanh_grad_x(g, y)


@smooth(vjp=[lambda g, out, _x: tanh_grad_x(g, out)], reference=each(math.tanh), samples=UNARY)
def tanh(x):
    """The hyperbolic tangent."""
    return kernels.tanh(x)


@smooth(vjp=[lambda g, _out, x: g / sqrt(1 + x * x)], reference=each(math.asinh), samples=UNARY)
def arcsinh(x):
    """The inverse of ``sinh``."""
    return np.arcsinh(x)


@smooth(vjp=[lambda g, _out, x: gradient_over(g, sqrt(x * x - 1))], reference=each(math.acosh),
        samples=[sample(within(1.2, 4, 3, 4)), sample(within(2, 3, 0))])
def arccosh(x):
    """The non-negative inverse of ``cosh``."""
    return np.arccosh(x)


@smooth(vjp=[lambda g, _out, x: gradient_over(g, 1 - x * x)], reference=each(math.atanh), samples=INNER)
def arctanh(x):
    """The inverse of ``tanh``."""
    return np.arctanh(x)


@function(reference=each(math.radians), samples=UNARY)
def deg2rad(x):
    """Degrees to radians."""
    return x * (math.pi / 180)


@function(reference=each(math.degrees), samples=UNARY)
def rad2deg(x):
    """Radians to degrees."""
    return x * (180 / math.pi)
