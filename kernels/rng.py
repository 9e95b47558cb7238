"""Random numbers from a counter: uniform and normal fills, dropout.

Word ``i`` of a stream is a function of ``i`` and the stream's key alone (Philox 4x32-10; Salmon, Moraes, Dror and Shaw,
Parallel random numbers: as easy as 1, 2, 3, SC 2011), so any part can be drawn by itself: by another thread, in another
order, or again, as dropout does for its gradient instead of keeping a mask. Every float32 takes one word, and kernel
and reference do the same operations in the same order without fused ones, so they agree to the bit.

Sixty-four words make a block: those of 16 counters, the first word of each, then the second of each, and so on. In that
order vectors of 4, 8 or 16 words are stored as they come.
"""

import math

import numpy as np

from .approximate import HALF, L0, L1, L2, L3, L4, L5, L6, L7, L8, LN2_HIGH, LN2_LOW, ONE, SQRT_HALF, ZERO
from .approximate import exponent as exponent_of
from .approximate import mantissa as mantissa_of
from .jit import FLOAT32, device, entry, kernel, table
from .memory import empty
from .threads import split

BLOCK, COUNTERS = 64, 16
GRAIN = 4096                        # blocks: some 80 us
ROUNDED: dict[str, set[str]] = {"fastmath": set()}       # every operation rounds by itself, as NumPy's do
_u, _f = np.uint64, np.float32
M0, M1, W0, W1, LOW = map(_u, (0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85, 0xFFFFFFFF))
ZERO64, S32, S8, MAGNITUDE = map(_u, (0, 32, 8, 0x7FFFFFFF))
STEP24, STEP31, ROOT_TWO = _f(2 ** -24), _f(2 ** -31), _f(2 ** 0.5)
MIDDLE, CENTRE, EDGE = _f(5), _f(2.5), _f(3)
# the inverse of erf as polynomials: M. Giles, Approximating the erfinv function, GPU Computing Gems 2, 2011
C0, C1, C2, C3, C4, C5, C6, C7, C8 = map(_f, (2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06,
                                              0.00021858087, -0.00125372503, -0.00417768164, 0.246640727, 1.50140941))
T0, T1, T2, T3, T4, T5, T6, T7, T8 = map(_f, (-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844,
                                              0.00573950773, -0.0076224613, 0.00943887047, 1.00167406, 2.83297682))


# What numbers and arrays share

def philox(c0, c1, c2, c3, k0, k1):
    """The four words of a counter and a key: 32 bits each, in uint64, where a product has room for both its halves.

    >>> [hex(word) for word in philox(*[np.uint64(0)] * 6)]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    for _ in range(10):
        p0, p1 = (c0 & LOW) * M0, (c2 & LOW) * M1       # what stands above the low 32 bits never gets down there
        c0, c1, c2, c3 = (p1 >> S32) ^ c1 ^ k0, p1, (p0 >> S32) ^ c3 ^ k1, p0
        k0, k1 = k0 + W0, k1 + W1
    return c0 & LOW, c1 & LOW, c2 & LOW, c3 & LOW


def log_near_one(m, e):
    """``log((1 + m) 2**e)`` for small ``m``."""
    z = m * m
    p = ((((((((L0 * m + L1) * m + L2) * m + L3) * m + L4) * m + L5) * m + L6) * m + L7) * m + L8) * m * z
    return e * LN2_HIGH + (m + ((e * LN2_LOW + p) - HALF * z))


def central(w):
    """``erfinv(x) / x`` for ``w = -log(1 - x**2)`` below 5."""
    w = w - CENTRE
    return (((((((C0 * w + C1) * w + C2) * w + C3) * w + C4) * w + C5) * w + C6) * w + C7) * w + C8


def tail(root):
    """``erfinv(x) / x`` for ``root = sqrt(-log(1 - x**2))`` from ``sqrt(5)`` on."""
    w = root - EDGE
    return (((((((T0 * w + T1) * w + T2) * w + T3) * w + T4) * w + T5) * w + T6) * w + T7) * w + T8


_philox, _log_near_one, _central, _tail = (device(f, inline=True, options=ROUNDED)
                                           for f in (philox, log_near_one, central, tail))


# Compiled: one number at a time

@device(inline=True, options=ROUNDED)
def _block(number, key, words):
    """The words of one block."""
    for lane in range(COUNTERS):
        counter = _u(number) * _u(COUNTERS) + _u(lane)
        w0, w1, w2, w3 = _philox(counter & LOW, counter >> S32, ZERO64, ZERO64, key & LOW, key >> S32)
        words[lane] = w0
        words[lane + COUNTERS] = w1
        words[lane + 2 * COUNTERS] = w2
        words[lane + 3 * COUNTERS] = w3


@device(inline=True, options=ROUNDED)
def _uniform_of(word):
    return _f(np.int32(word >> S8)) * STEP24


@device(inline=True, options=ROUNDED)
def _normal_of(word, limit, most):
    m = np.int32(word & MAGNITUDE)
    x = (_f(m) + HALF) * STEP31 * limit
    q = (_f(np.int32(MAGNITUDE) - m) + HALF) * STEP31 * limit + (ONE - limit)       # 1 - x, with all its digits
    y = q * (ONE + x)
    f, e = mantissa_of(y), exponent_of(y)
    low = f < SQRT_HALF
    w = -_log_near_one((f + f if low else f) - ONE, e - ONE if low else e)
    inner, outer = _central(w), _tail(np.sqrt(w))       # both: a branch would keep the loop from becoming vectors
    z = ROOT_TWO * x * (inner if w < MIDDLE else outer)
    z = most if z > most else z
    return z if word <= MAGNITUDE else -z


@kernel("*f *u i i i i i", **ROUNDED)
def fill_uniform(out, words, low, high, key, position, count):
    """Blocks ``low`` to ``high`` of a draw of ``count`` words from ``position`` on."""
    for number in range(low, high):
        _block(number, _u(key), words)
        start = number * BLOCK - position
        for j in range(max(0, -start), min(BLOCK, count - start)):
            out[start + j] = _uniform_of(words[j])


@kernel("*f *u i i i i i f f", **ROUNDED)
def fill_normal(out, words, low, high, key, position, count, limit, most):
    for number in range(low, high):
        _block(number, _u(key), words)
        start = number * BLOCK - position
        for j in range(max(0, -start), min(BLOCK, count - start)):
            out[start + j] = _normal_of(words[j], limit, most)


@kernel("*f *f *u i i i i i i f", **ROUNDED)
def drop(x, out, words, low, high, key, position, count, threshold, scale):
    for number in range(low, high):
        _block(number, _u(key), words)
        start = number * BLOCK - position
        for j in range(max(0, -start), min(BLOCK, count - start)):
            out[start + j] = x[start + j] * scale if words[j] >= _u(threshold) else ZERO


def _over_blocks(code, arrays, key, position, count, *numbers):
    """Run a kernel over the blocks that hold words ``position`` to ``position + count``."""
    first, last = position // BLOCK, -(-(position + count) // BLOCK)
    key = key - 2 ** 64 if key >= 2 ** 63 else key      # the same bits, as a signed integer

    if last - first < 2 * GRAIN:
        return code(*arrays, table(BLOCK), first, last, key, position, count, *numbers)

    def run(_part, low, high):
        code(*arrays, table(BLOCK), first + low, first + high, key, position, count, *numbers)
    split(last - first, run, GRAIN)


# With NumPy: all numbers at once

def draw_words(count, key, position):
    """Words ``position`` to ``position + count`` of the stream of ``key``, as uint64."""
    numbers = np.arange(position // BLOCK, -(-(position + count) // BLOCK), dtype=np.uint64)
    counters = numbers[:, None] * _u(COUNTERS) + np.arange(COUNTERS, dtype=np.uint64)
    key = _u(key)
    words = philox(counters & LOW, counters >> S32, ZERO64, ZERO64, key & LOW, key >> S32)
    start = position % BLOCK
    return np.stack(words, 1).reshape(-1)[start:start + count]


def _uniform(shape, key, position, dtype="float32"):
    if dtype == "float32":
        return ((draw_words(math.prod(shape), key, position) >> S8).astype(np.float32) * STEP24).reshape(shape)
    words = draw_words(2 * math.prod(shape), key, position).reshape(*shape, 2)
    return ((words[..., 0] >> _u(5)) * 67108864.0 + (words[..., 1] >> _u(6))) * 2.0 ** -53


@entry(_uniform)
def uniform(shape, key, position, dtype="float32"):
    """Floats from [0, 1): multiples of 2**-24 (float64: of 2**-53, two words each).

    Arguments:
        shape: of the result, whose elements take consecutive words.
        key: of the stream, an integer below 2**64.
        position: of the first word in the stream.
        dtype: ``'float32'`` or ``'float64'``.
    """
    if dtype != "float32":
        return _uniform(shape, key, position, dtype)
    out = empty(shape)
    _over_blocks(fill_uniform, (out,), key, position, out.size)
    return out


LIMITS = {0.0: 1.0, 2.0: math.erf(2 ** 0.5)}        # how much of the distribution lies between the bounds


def _normal(shape, key, position, bound=0.0):
    words, limit = draw_words(math.prod(shape), key, position), _f(LIMITS[bound])
    m = (words & MAGNITUDE).astype(np.int32)
    x = (m.astype(np.float32) + HALF) * STEP31 * limit
    q = ((np.int32(MAGNITUDE) - m).astype(np.float32) + HALF) * STEP31 * limit + (ONE - limit)
    m, e = np.frexp(q * (ONE + x))
    low, e = m < SQRT_HALF, e.astype(np.float32)
    w = -log_near_one(np.where(low, m + m, m) - ONE, np.where(low, e - ONE, e))
    z = ROOT_TWO * x * np.where(w < MIDDLE, central(w), tail(np.sqrt(np.maximum(w, ZERO))))
    z = np.minimum(z, _f(bound or np.inf))
    return np.where(words <= MAGNITUDE, z, -z).reshape(shape)


@entry(_normal)
def normal(shape, key, position, bound=0.0):
    """Standard normal float32 by the inverse of the distribution function; at most 6.3 from 0.

    ``bound`` 2.0 draws from the part of the distribution within 2 of 0.
    """
    out = empty(shape)
    _over_blocks(fill_normal, (out,), key, position, out.size, LIMITS[bound], bound or np.inf)
    return out


def _threshold(rate):
    return math.ceil(rate * 2 ** 32)


def _dropout(x, rate, key, position):
    kept = draw_words(x.size, key, position).reshape(x.shape) >= _u(_threshold(rate))
    return np.where(kept, x * x.dtype.type(1 / (1 - rate)), np.zeros((), x.dtype))


@entry(_dropout)
def dropout(x, rate, key, position):
    """``x`` with elements set to 0 with probability ``rate``, the rest divided by ``1 - rate``.

    Element ``i`` is kept if word ``position + i`` of the stream of ``key`` is large enough: called again with the same
    key and position, it does to a gradient what it did to ``x``.
    """
    if x.dtype is not FLOAT32:
        return _dropout(x, rate, key, position)
    x = x if x.flags.c_contiguous else np.ascontiguousarray(x)
    out = empty(x.shape)
    _over_blocks(drop, (x, out), key, position, x.size, _threshold(rate), 1 / (1 - rate))
    return out
