"""Random tensors: every function draws from a :class:`~tahr.utils.rng.Generator`, the default one unless given."""

import math

import numpy as np

from ..autograd import Spec, op, real, sample
from ..autograd.value import spec
from ..kernels import rng as kernels
from ..utils import settings
from ..utils.rng import Generator, default_generator
from . import shapes
from .adjust import astype
from .create import asarray
from .elementwise import log, negative
from .indexing import take
from .logic import greater, less, where
from .reduce import argmax


def _drawn(shape, dtype, **_attrs):
    return spec(shape, dtype)


def _uniform64(shape, generator):
    return kernels.uniform(shape, *generator.take(2 * math.prod(shape)), "float64")


def _normal64(shape, generator):
    """By the method of Box and Muller."""
    radius, angle = _uniform64((2, *shape), generator)
    return np.sqrt(-2 * np.log1p(-radius)) * np.cos(2 * np.pi * angle)


@op(shape=_drawn)
def _random_uniform(*, shape=(), dtype="float32", generator=None):
    """Floats from [0, 1)."""
    if dtype == "float64":
        return _uniform64(shape, generator)
    drawn = kernels.uniform(shape, *generator.take(math.prod(shape)))
    if dtype == "float32":
        return drawn
    steps = 2 ** (np.finfo(dtype).nmant + 1)        # multiples of 1 / steps are exact: nothing is rounded up to 1
    return (np.floor(drawn * steps) / steps).astype(dtype)


@op(shape=_drawn)
def _random_normal(*, shape=(), dtype="float32", generator=None):
    """Floats from the standard normal distribution."""
    if dtype == "float64":
        return _normal64(shape, generator)
    return kernels.normal(shape, *generator.take(math.prod(shape))).astype(dtype, copy=False)


@op(shape=_drawn)
def _random_truncated_normal(*, shape=(), dtype="float32", generator=None):
    """Floats from the part of the standard normal distribution within 2 deviations."""
    if dtype != "float64":
        return kernels.normal(shape, *generator.take(math.prod(shape)), 2.0).astype(dtype, copy=False)
    out = np.asarray(_normal64(shape, generator))
    while (beyond := np.abs(out) > 2).any():
        out[beyond] = _normal64((np.count_nonzero(beyond),), generator)
    return out


@op(shape=_drawn)
def _random_integers(*, shape=(), dtype="int64", low=0, high=1, generator=None):
    """Integers from [low, high)."""
    return generator.numpy.integers(low, high, shape, dtype=dtype)


@op(shape=_drawn)
def _random_permutation(*, shape=(), dtype="int64", generator=None):
    """0, 1, ..., n - 1 in random order."""
    return generator.numpy.permutation(shape[0]).astype(dtype, copy=False)


def _dropped(x, stream, shape, rate):
    """``x`` times the mask of ``shape`` that ``stream`` gives: an array of a generator's key and a position."""
    key, position = stream.tolist()
    if x.dtype.kind != "f":
        x = x.astype(settings.floatx())
    if shape == x.shape:
        return kernels.dropout(x, rate, key, position)
    return x * kernels.dropout(np.ones(shape, x.dtype), rate, key, position)


def _word(key, number):
    """Word ``number`` of a stream, by Philox 4x32-10 in Python's integers."""
    block, place = divmod(number, 64)
    counter, whole = 16 * block + place % 16, 2 ** 32
    c, k = [counter % whole, counter // whole, 0, 0], [key % whole, key // whole]
    for _ in range(10):
        high_0, low_0 = divmod(0xD2511F53 * c[0], whole)
        high_1, low_1 = divmod(0xCD9E8D57 * c[2], whole)
        c = [high_1 ^ c[1] ^ k[0], low_1, high_0 ^ c[3] ^ k[1], low_0]
        k = [(k[0] + 0x9E3779B9) % whole, (k[1] + 0xBB67AE85) % whole]
    return c[place // 16]


def _masked(g, stream, shape, rate):
    key, position = map(int, stream)
    kept = [_word(key, position + i) / 2 ** 32 >= rate for i in range(math.prod(shape))]
    return g * np.reshape(kept, shape) / (1 - rate)


@op(shape=lambda g, stream, shape, rate: g.shape, dtype="float", reference=_masked,
    vjp=[lambda g, _out, _g, stream, shape, rate: dropout_grad_x(g, stream, shape, rate), None],
    samples=[sample(real(5, 4), np.array([3, 70], np.uint64), shape=(5, 4), rate=0.5),
             sample(real(3, 40), np.array([2 ** 64 - 1, 2 ** 40 + 60], np.uint64), shape=(3, 40), rate=0.1),
             sample(real(2, 5, 3), np.array([0, 0], np.uint64), shape=(2, 1, 3), rate=0.7)])
def dropout_grad_x(g, stream, shape=(), rate=0.5):
    """What dropout did to ``x``, done to its gradient: the mask is drawn again, not kept."""
    return _dropped(g, stream, shape, rate)


@op(shape=lambda x, **_attrs: x.shape, dtype="float", residual=True,
    vjp=[lambda g, _out, _x, shape, rate, generator, residual: dropout_grad_x(g, residual, shape, rate)])
def _dropout(x, shape=(), rate=0.5, generator=None):
    """``x`` times a mask of 0, with probability ``rate``, and ``1 / (1 - rate)``, so that the mean stays."""
    stream = np.array(generator.take(math.prod(shape)), np.uint64)
    return _dropped(x, stream, shape, rate), stream


# What users call

def uniform(shape=(), low=0.0, high=1.0, dtype=None, generator=None):
    """Floats from [low, high).

    >>> from tahr.utils.rng import Generator
    >>> uniform((2, 3), generator=Generator(0)).shape
    (2, 3)
    """
    drawn = _random_uniform(shape=shapes.as_shape(shape), dtype=_float(dtype), generator=_stream(generator))
    return drawn * (high - low) + low


def normal(shape=(), mean=0.0, stddev=1.0, dtype=None, generator=None):
    """Normally distributed floats; gradients flow to a ``mean`` and ``stddev`` that are tensors."""
    drawn = _random_normal(shape=shapes.as_shape(shape), dtype=_float(dtype), generator=_stream(generator))
    return drawn * stddev + mean


def truncated_normal(shape=(), mean=0.0, stddev=1.0, dtype=None, generator=None):
    """Normally distributed floats, those beyond 2 deviations drawn again."""
    drawn = _random_truncated_normal(shape=shapes.as_shape(shape), dtype=_float(dtype), generator=_stream(generator))
    return drawn * stddev + mean


def gumbel(shape=(), loc=0.0, scale=1.0, dtype=None, generator=None):
    """Gumbel distributed floats; gradients flow to a ``loc`` and ``scale`` that are tensors."""
    drawn = uniform(shape, 1e-7, 1.0, dtype, generator)      # no 0, whose logarithm is infinite
    return negative(log(negative(log(drawn)))) * scale + loc


def rand(*shape):
    """Floats from [0, 1): ``rand(2, 3)``."""
    return uniform(shape)


def randn(*shape):
    """Floats from the standard normal distribution: ``randn(2, 3)``."""
    return normal(shape)


def randint(low, high=None, shape=(), dtype="int64", generator=None):
    """Integers from [low, high), or from [0, low) without ``high``."""
    low, high = (0, low) if high is None else (low, high)
    if not low < high:
        raise ValueError(f"randint needs low < high, got {low} and {high}")
    return _random_integers(shape=shapes.as_shape(shape), dtype=np.dtype(dtype).name, low=low, high=high,
                            generator=_stream(generator))


def bernoulli(probability, shape=None, dtype=None, generator=None):
    """1 with the given probability (a number or a tensor, whose shape is the default), else 0. No gradient."""
    shape = np.shape(probability) if shape is None else shape
    return astype(less(uniform(shape, generator=generator), probability), dtype or settings.floatx())


def permutation(n, generator=None):
    """0, ..., n - 1 in random order, or the rows of an array in random order."""
    rows = None if isinstance(n, int | np.integer) else asarray(n)
    order = _random_permutation(shape=(int(n) if rows is None else rows.shape[0],), generator=_stream(generator))
    return order if rows is None else take(rows, order, 0)


def categorical(logits, num_samples=1, generator=None):
    """``num_samples`` class indices for each row of unnormalised log-probabilities (Gumbel's trick). No gradient."""
    shape = (*logits.shape[:-1], num_samples)
    if isinstance(logits, Spec):
        return spec(shape, "int64")
    return argmax(logits[..., None, :] + gumbel((*shape, logits.shape[-1]), generator=generator), -1)


def multinomial(probabilities, num_samples=1, generator=None):
    """``num_samples`` class indices, drawn with replacement, for a vector or rows of probabilities. No gradient.

    The probabilities need not sum to 1; classes whose probability is 0 are never drawn.
    """
    possible = greater(probabilities, 0)
    logits = where(possible, log(where(possible, probabilities, 1)), -np.inf)
    return categorical(logits, num_samples, generator)


def dropout(x, rate, noise_shape=None, generator=None):
    """``x`` with elements set to 0 with probability ``rate``, the rest divided by ``1 - rate``.

    ``noise_shape`` broadcasts against ``x``: its axes of size 1 are dropped as one, None stands for the size of ``x``.
    """
    if not 0 <= rate < 1:
        raise ValueError(f"the dropout rate must lie in [0, 1), got {rate}")
    if isinstance(x, Spec) or rate == 0:
        return x
    shape = x.shape if noise_shape is None else _noise_shape(noise_shape, x.shape)
    return _dropout(x, shape=shape, rate=rate, generator=_stream(generator))


def _noise_shape(noise_shape, shape):
    if len(noise_shape) != len(shape) or any(m not in (None, 1, n) for m, n in zip(noise_shape, shape)):
        raise ValueError(f"noise_shape must have 1, None or the input's size at each axis of shape {shape}, got "
                         f"{tuple(noise_shape)}")
    return tuple(n if m is None else m for m, n in zip(noise_shape, shape))


def _float(dtype):
    dtype = np.dtype(dtype or settings.floatx())
    if dtype.kind != "f":
        raise TypeError(f"random floats need a float dtype, got {dtype}: round them and use astype for integers")
    return dtype.name


def _stream(generator):
    if generator is None:
        return default_generator()
    if not isinstance(generator, Generator):
        raise TypeError(f"generator must be a tahr.utils.rng.Generator, got {type(generator).__name__} {generator!r}")
    return generator
