"""Choice, comparison and logic, element by element: no gradient but that of ``where``."""

import functools
import math
import operator

import numpy as np

from ..autograd import booleans, integers, nonzero, op, raises, real, sample
from . import shapes
from .adjust import match
from .reference import each

BINARY = [sample(real(3, 4), nonzero(3, 4)), sample(nonzero(2, 1, 3), nonzero(4, 1)), sample(real(0, 3), nonzero(3)),
          sample(real(3), 2.0), sample(1.5, nonzero(3)), raises(ValueError, "do not broadcast", real(2, 3), real(2))]

logical = functools.partial(op, shape=shapes.broadcast, dtype="bool")


@op(shape=shapes.broadcast, adjust=match,
    vjp=[None, lambda g, _out, c, _x, _y: where(c, g, 0), lambda g, _out, c, _x, _y: where(c, 0, g)],
    reference=each(lambda c, x, y: x if c else y),
    samples=[sample(booleans(3, 4), real(3, 4), real(4)), sample(booleans(3, 1), real(2), 0.5),
             sample(booleans(0, 2), real(2), real(1)),
             raises(ValueError, "do not broadcast", booleans(3), real(2), real(2))])
def where(condition, x, y):
    """``x`` where ``condition`` holds, else ``y``; no gradient enters the branch that is not chosen."""
    return np.where(condition, x, y)


def _compare(name, function, scalar, samples=BINARY):
    @logical(reference=each(scalar, bool), samples=samples, name=name)
    def compare(x, y):
        return function(x, y)
    compare.__name__ = compare.__qualname__ = name      # where pickles look for it
    compare.__doc__ = f"``{name}(x, y)``, element by element, as booleans."
    return compare


TIES = [sample(integers(0, 3, 3, 4), integers(0, 3, 4)), *BINARY]
equal = _compare("equal", np.equal, operator.eq, TIES)
not_equal = _compare("not_equal", np.not_equal, operator.ne, TIES)
less = _compare("less", np.less, operator.lt, TIES)
less_equal = _compare("less_equal", np.less_equal, operator.le, TIES)
greater = _compare("greater", np.greater, operator.gt, TIES)
greater_equal = _compare("greater_equal", np.greater_equal, operator.ge, TIES)

SPECIAL = [sample(np.array([0.0, -1.5, np.nan, np.inf, -np.inf])), sample(real(0, 2))]


@op(shape=shapes.same, dtype="bool", reference=each(math.isnan, bool), samples=SPECIAL)
def isnan(x):
    """Whether NaN."""
    return np.isnan(x)


@op(shape=shapes.same, dtype="bool", reference=each(lambda x: math.copysign(1, x) < 0, bool),
    samples=[sample(np.array([0.0, -0.0, 1.5, -np.inf])), sample(real(0, 2))])
def signbit(x):
    """Whether negative, -0.0 included."""
    return np.signbit(x)


@op(shape=shapes.same, dtype="bool", reference=each(math.isinf, bool), samples=SPECIAL)
def isinf(x):
    """Whether infinite, of either sign."""
    return np.isinf(x)


@op(shape=shapes.same, dtype="bool", reference=each(math.isfinite, bool), samples=SPECIAL)
def isfinite(x):
    """Whether neither infinite nor NaN."""
    return np.isfinite(x)


@logical(reference=lambda x, y, rtol=1e-5, atol=1e-8, equal_nan=False: each(
             lambda a, b: abs(a - b) <= atol + rtol * abs(b) or equal_nan and a != a and b != b, bool)(x, y),
         samples=[sample(real(3), real(3)), sample(np.array([1.0, 2, np.nan]), np.array([1 + 1e-7, 2.1, np.nan])),
                  sample(np.array([1.0, np.nan]), np.array([1.05, np.nan]), rtol=0.1, equal_nan=True),
                  raises(ValueError, "do not broadcast", real(2), real(3))])
def isclose(x, y, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Whether ``|x - y| <= atol + rtol * |y|``, element by element."""
    with np.errstate(invalid="ignore"):
        return np.isclose(x, y, rtol, atol, equal_nan)


TRUTH = [sample(booleans(3, 4), booleans(3, 4)), sample(booleans(3, 1), booleans(4)), sample(booleans(0), booleans(1)),
         raises(ValueError, "do not broadcast", booleans(2), booleans(3))]
logical_and = _compare("logical_and", np.logical_and, lambda x, y: x and y, TRUTH)
logical_or = _compare("logical_or", np.logical_or, lambda x, y: x or y, TRUTH)
logical_xor = _compare("logical_xor", np.logical_xor, lambda x, y: bool(x) != bool(y), TRUTH)


@op(shape=shapes.same, dtype="bool", reference=each(operator.not_, bool), samples=[sample(booleans(3, 4))])
def logical_not(x):
    """Whether ``x`` is 0 or False."""
    return np.logical_not(x)


BITS = [sample(integers(0, 99, 3, 4), integers(0, 5, 4)), raises(ValueError, "do not broadcast", integers(0, 9, 2),
                                                                 integers(0, 9, 3))]
integral = functools.partial(op, shape=shapes.broadcast)


@integral(reference=each(lambda x, y: int(x) & int(y), int), samples=[*BITS, sample(booleans(3), booleans(3))])
def bitwise_and(x, y):
    """``x & y`` of integers or booleans."""
    return np.bitwise_and(x, y)


@integral(reference=each(lambda x, y: int(x) | int(y), int), samples=[*BITS, sample(booleans(3), booleans(3))])
def bitwise_or(x, y):
    """``x | y`` of integers or booleans."""
    return np.bitwise_or(x, y)


@integral(reference=each(lambda x, y: int(x) ^ int(y), int), samples=[*BITS, sample(booleans(3), booleans(3))])
def bitwise_xor(x, y):
    """``x ^ y`` of integers or booleans."""
    return np.bitwise_xor(x, y)


@op(shape=shapes.same, reference=each(lambda x: -1 - int(x), int), samples=[sample(integers(-9, 9, 3, 4))])
def invert(x):
    """``~x``: every bit flipped; ``not`` for booleans."""
    return np.invert(x)


@integral(reference=each(lambda x, y: int(x) << int(y), int), samples=BITS)
def left_shift(x, y):
    """``x << y``."""
    return np.left_shift(x, y)


@integral(reference=each(lambda x, y: int(x) >> int(y), int), samples=BITS)
def right_shift(x, y):
    """``x >> y``."""
    return np.right_shift(x, y)
