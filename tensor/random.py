"""Random tensors: every function draws from a :class:`~tahr.utils.rng.Generator`, the default one unless given."""

import numpy as np

from ..autograd import Spec, op
from ..autograd.value import spec
from ..utils import settings
from ..utils.rng import Generator, default_generator
from . import shapes
from .adjust import astype
from .create import asarray
from .elementwise import log, negative
from .indexing import take
from .logic import greater, less, where
from .reduce import argmax

GENERATED = ("float32", "float64")      # what NumPy draws directly; the rest is cast


def _drawn(shape, dtype, **_attrs):
    return spec(shape, dtype)


@op(shape=_drawn)
def _random_uniform(*, shape=(), dtype="float32", generator=None):
    """Floats from [0, 1)."""
    if dtype in GENERATED:
        return generator.numpy.random(shape, dtype=dtype)
    steps = 2 ** (np.finfo(dtype).nmant + 1)        # multiples of 1 / steps are exact: nothing is rounded up to 1
    return (np.floor(generator.numpy.random(shape, dtype="float32") * steps) / steps).astype(dtype)


@op(shape=_drawn)
def _random_normal(*, shape=(), dtype="float32", generator=None):
    """Floats from the standard normal distribution."""
    drawn = dtype if dtype in GENERATED else "float32"
    return generator.numpy.standard_normal(shape, dtype=drawn).astype(dtype, copy=False)


@op(shape=_drawn)
def _random_truncated_normal(*, shape=(), dtype="float32", generator=None):
    """Standard normal floats, those beyond 2 deviations drawn again."""
    out = np.asarray(generator.numpy.standard_normal(shape))
    while (beyond := np.abs(out) > 2).any():
        out[beyond] = generator.numpy.standard_normal(np.count_nonzero(beyond))
    return out.astype(dtype)


@op(shape=_drawn)
def _random_integers(*, shape=(), dtype="int64", low=0, high=1, generator=None):
    """Integers from [low, high)."""
    return generator.numpy.integers(low, high, shape, dtype=dtype)


@op(shape=_drawn)
def _random_permutation(*, shape=(), dtype="int64", generator=None):
    """0, 1, ..., n - 1 in random order."""
    return generator.numpy.permutation(shape[0]).astype(dtype, copy=False)


@op(shape=lambda x, **_attrs: x.shape, dtype="float", residual=True,
    vjp=[lambda g, _out, _x, shape, rate, generator, residual: g * residual])
def _dropout(x, shape=(), rate=0.5, generator=None):
    """``x`` times a mask of 0, with probability ``rate``, and ``1 / (1 - rate)``, so that the mean stays."""
    kept = generator.numpy.random(shape, dtype="float32") >= rate
    mask = kept * (x.dtype.type if x.dtype.kind == "f" else np.dtype(settings.floatx()).type)(1 / (1 - rate))
    return x * mask, mask


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
