"""exp, log, tanh, sigmoid, erf and others of float32 as polynomials: device code for one number; loops make it vectors.

A loop that calls one of them for every element does 2 to 4 numbers a nanosecond, NumPy 0.2 to 1. The error is a few
units in the last place (ulp); ``ULP`` says how many, and the tests hold them to it. NaN stays NaN, and infinities go
where they must. Results below 1e-38 (denormal numbers) may become 0.

Range reduction and coefficients: Cephes (S. L. Moshier); tanh and erf are the rational approximations of Eigen.
"""

import numpy as np

from .jit import device
from .simd import instruction

ULP = {"exp": 2, "exp_of_negative": 2, "expm1": 4, "log": 2, "log1p": 4, "tanh": 5, "sigmoid": 4, "erf": 8}

_f = np.float32
ONE, HALF, TWO, ZERO, INF, NAN = _f(1), _f(0.5), _f(2), _f(0), _f(np.inf), _f(np.nan)
LOG2_E, LN2_HIGH, LN2_LOW = _f(1.44269504088896341), _f(0.693359375), _f(-2.12194440e-4)
ROUND = _f(12582912)                                # 1.5 * 2 ** 23: adding it rounds to an integer
LARGEST, SMALLEST = _f(88.72283), _f(-87.33654)     # where exp leaves the normal numbers
NEARLY_ALL = _f(127.5)
ALL_LOST = _f(-20)                                  # where exp(x) - 1 rounds to -1
E0, E1, E2, E3, E4, E5 = map(_f, (5.0000001201e-1, 1.6666665459e-1, 4.1665795894e-2, 8.3334519073e-3, 1.3981999507e-3,
                                  1.9875691500e-4))
L0, L1, L2, L3, L4, L5, L6, L7, L8 = map(_f, (
    7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
    2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1))
SQRT_HALF, NORMAL, SCALE, SCALE_LOG = _f(0.707106781186547524), _f(1.1754943508e-38), _f(2 ** 23), _f(23)
TANH_ONE, TANH_FLAT = _f(7.90531110763549805), _f(9)        # the approximation ends; tanh rounds to 1
T1, T3, T5, T7, T9, T11, T13 = map(_f, (
    4.89352455891786e-3, 6.37261928875436e-4, 1.48572235717979e-5, 5.12229709037114e-8, -8.60467152213735e-11,
    2.00018790482477e-13, -2.76076847742355e-16))
T0, T2, T4, T6 = map(_f, (4.89352518554385e-3, 2.26843463243900e-3, 1.18534705686654e-4, 1.19825839466702e-6))
ERF_ONE = _f(4)
R1, R3, R5, R7, R9, R11, R13 = map(_f, (
    -1.60960333262415e-2, -2.95459980854025e-3, -7.34990630326855e-4, -5.69250639462346e-5, -2.10102402082508e-6,
    2.77068142495902e-8, -2.72614225801306e-10))
R0, R2, R4, R6, R8 = map(_f, (-1.42647390514189e-2, -7.37332916720468e-3, -1.68282697438203e-3, -2.13374055278905e-4,
                              -1.45660718464996e-5))
_exact = {"fastmath": {"contract"}}     # range reduction must not be reordered


def _bits(code, x):
    return code.builder.bitcast(x, code.ir.IntType(32))


def _word(code, value):
    return code.ir.Constant(code.ir.IntType(32), value)


@instruction("f", "f")
def power_of_two(code, z):
    """2 ** n for the integer n that lies in the low bits of ``z = n + ROUND``."""
    n = code.builder.sub(_bits(code, z), _word(code, 0x4B400000 - 127))
    return code.builder.bitcast(code.builder.shl(n, _word(code, 23)), code.ir.FloatType())


@instruction("f", "f")
def mantissa(code, x):
    """``x`` with another power of two, such that it lies in [1/2, 1)."""
    b = code.builder
    bits = b.or_(b.and_(_bits(code, x), _word(code, 0x007FFFFF)), _word(code, 0x3F000000))
    return b.bitcast(bits, code.ir.FloatType())


@instruction("f", "f")
def exponent(code, x):
    """The power of two that goes with :func:`mantissa`."""
    b = code.builder
    return b.sitofp(b.sub(b.ashr(_bits(code, x), _word(code, 23)), _word(code, 126)), code.ir.FloatType())


@device(inline=True, options=_exact)
def exp(x):
    y = LARGEST if x > LARGEST else x
    y = SMALLEST if y < SMALLEST else y
    z = y * LOG2_E + ROUND
    n = z - ROUND
    r = (y - n * LN2_HIGH) - n * LN2_LOW
    p = ((((E5 * r + E4) * r + E3) * r + E2) * r + E1) * r + E0
    p = p * (r * r) + r + ONE
    last = n > NEARLY_ALL       # 2 ** 128 would be no number
    y = (p * power_of_two(z - (ONE if last else ZERO))) * (TWO if last else ONE)
    y = INF if x > LARGEST else y
    return ZERO if x < SMALLEST else y


@device(inline=True, options=_exact)
def exp_of_negative(x):
    """:func:`exp` for numbers that are not positive, as in a softmax: a third of the work less."""
    y = SMALLEST if x < SMALLEST else x
    z = y * LOG2_E + ROUND
    n = z - ROUND
    r = (y - n * LN2_HIGH) - n * LN2_LOW
    p = ((((E5 * r + E4) * r + E3) * r + E2) * r + E1) * r + E0
    p = p * (r * r) + r + ONE
    return ZERO if x < SMALLEST else p * power_of_two(z)


@device(inline=True, options=_exact)
def expm1(x):
    """``exp(x) - 1`` without cancellation: ``2 ** n * (exp(r) - 1) + (2 ** n - 1)``."""
    y = LARGEST if x > LARGEST else x
    y = ALL_LOST if y < ALL_LOST else y
    z = y * LOG2_E + ROUND
    n = z - ROUND
    r = (y - n * LN2_HIGH) - n * LN2_LOW
    p = ((((E5 * r + E4) * r + E3) * r + E2) * r + E1) * r + E0
    p = p * (r * r) + r
    last = n > NEARLY_ALL
    scale = power_of_two(z - (ONE if last else ZERO))
    y = (p * scale + (scale - (HALF if last else ONE))) * (TWO if last else ONE)
    y = INF if x > LARGEST else y
    return x if x == ZERO else y        # -0 stays -0


@device(inline=True, options=_exact)
def log(x):
    small = x < NORMAL
    y = x * SCALE if small else x
    e = exponent(y) - (SCALE_LOG if small else ZERO)
    m = mantissa(y)
    low = m < SQRT_HALF
    e = e - (ONE if low else ZERO)
    m = (m - ONE) + (m if low else ZERO)
    z = m * m
    p = ((((((((L0 * m + L1) * m + L2) * m + L3) * m + L4) * m + L5) * m + L6) * m + L7) * m + L8) * m * z
    p = (e * LN2_LOW + p) - HALF * z
    r = e * LN2_HIGH + (m + p)
    r = r if x < INF else x         # infinity, and NaN
    r = -INF if x == ZERO else r
    return NAN if x < ZERO else r


@device(inline=True, options=_exact)
def log1p(x):
    """``log(1 + x)``: the logarithm of the rounded sum, and what the rounding lost."""
    y = ONE + x
    lost = (x - (y - ONE)) / y
    r = log(y)
    r = r + lost if (y > ZERO) & (y < INF) else r
    return x if x == ZERO else r


@device(inline=True, options=_exact)
def tanh(x):
    y = TANH_ONE if x > TANH_ONE else x
    y = -TANH_ONE if y < -TANH_ONE else y
    z = y * y
    p = (((((T13 * z + T11) * z + T9) * z + T7) * z + T5) * z + T3) * z + T1
    q = ((T6 * z + T4) * z + T2) * z + T0
    r = y * (p / q)
    r = ONE if x > TANH_FLAT else r
    return -ONE if x < -TANH_FLAT else r


@device(inline=True, options=_exact)
def sigmoid(x):
    return ONE / (ONE + exp(-x))


@device(inline=True, options=_exact)
def erf(x):
    y = ERF_ONE if x > ERF_ONE else x
    y = -ERF_ONE if y < -ERF_ONE else y
    z = y * y
    p = (((((R13 * z + R11) * z + R9) * z + R7) * z + R5) * z + R3) * z + R1
    q = (((R8 * z + R6) * z + R4) * z + R2) * z + R0
    return y * (p / q)
