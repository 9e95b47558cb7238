"""Random tensors: every function draws from a :class:`~tahr.utils.rng.Generator`, the default one unless given."""

import numpy as np

from ..autograd import Spec, op
from ..autograd.value import spec
from ..utils import settings
from ..utils.rng import default_generator
from . import shapes
from .elementwise import log, multiply
from .indexing import take
from .reduce import argmax

GENERATED = ("float32", "float64")      # what NumPy draws directly; the rest is cast


def _drawn(shape, dtype, **_attrs):
    return spec(shape, dtype)


@op(shape=_drawn)
def random_uniform(*, shape=(), dtype="float32", generator=None):
    """Floats from [0, 1)."""
    drawn = dtype if dtype in GENERATED else "float32"
    return generator.numpy.random(shape, dtype=drawn).astype(dtype, copy=False)


@op(shape=_drawn)
def random_normal(*, shape=(), dtype="float32", generator=None):
    """Floats from the standard normal distribution."""
    drawn = dtype if dtype in GENERATED else "float32"
    return generator.numpy.standard_normal(shape, dtype=drawn).astype(dtype, copy=False)


@op(shape=_drawn)
def random_truncated_normal(*, shape=(), dtype="float32", generator=None):
    """Standard normal floats, those beyond 2 deviations drawn again."""
    out = generator.numpy.standard_normal(shape)
    while (beyond := np.abs(out) > 2).any():
        out[beyond] = generator.numpy.standard_normal(np.count_nonzero(beyond))
    return out.astype(dtype)


@op(shape=_drawn)
def random_integers(*, shape=(), dtype="int64", low=0, high=1, generator=None):
    """Integers from [low, high)."""
    return generator.numpy.integers(low, high, shape, dtype=dtype)


@op(shape=_drawn)
def random_permutation(*, shape=(), dtype="int64", generator=None):
    """0, 1, ..., n - 1 in random order."""
    return generator.numpy.permutation(shape[0]).astype(dtype, copy=False)


@op(shape=_drawn)
def dropout_mask(*, shape=(), dtype="float32", rate=0.5, generator=None):
    """0 with probability ``rate``, else ``1 / (1 - rate)``, so that the mean is 1."""
    kept = generator.numpy.random(shape, dtype="float32") >= rate
    return np.multiply(kept, np.asarray(1 / (1 - rate), dtype))


# What users call

def uniform(shape=(), low=0.0, high=1.0, dtype=None, generator=None):
    """Floats from [low, high).

    >>> from tahr.utils.rng import Generator
    >>> uniform((2, 3), generator=Generator(0)).shape
    (2, 3)
    """
    drawn = random_uniform(shape=shapes.as_shape(shape), dtype=_float(dtype), generator=generator or default_generator())
    return drawn if (low, high) == (0.0, 1.0) else drawn * (high - low) + low


def normal(shape=(), mean=0.0, stddev=1.0, dtype=None, generator=None):
    """Normally distributed floats; gradients flow to a ``mean`` and ``stddev`` that are tensors."""
    drawn = random_normal(shape=shapes.as_shape(shape), dtype=_float(dtype), generator=generator or default_generator())
    return drawn * stddev + mean


def truncated_normal(shape=(), mean=0.0, stddev=1.0, dtype=None, generator=None):
    """Normally distributed floats, those beyond 2 deviations drawn again."""
    drawn = random_truncated_normal(shape=shapes.as_shape(shape), dtype=_float(dtype),
                                    generator=generator or default_generator())
    return drawn * stddev + mean


def randint(low, high=None, shape=(), dtype="int64", generator=None):
    """Integers from [low, high), or from [0, low) without ``high``."""
    low, high = (0, low) if high is None else (low, high)
    if not low < high:
        raise ValueError(f"randint needs low < high, got {low} and {high}")
    return random_integers(shape=shapes.as_shape(shape), dtype=dtype, low=low, high=high,
                           generator=generator or default_generator())


def bernoulli(probability, shape=None, dtype=None, generator=None):
    """1 with the given probability (a number or a tensor), else 0. No gradient."""
    shape = getattr(probability, "shape", ()) if shape is None else shape
    return (uniform(shape, generator=generator) < probability) * np.ones((), _float(dtype))


def permutation(x, generator=None):
    """0, ..., n - 1 in random order for an integer, else the rows of ``x`` in random order."""
    n = x if isinstance(x, int | np.integer) else x.shape[0]
    order = random_permutation(shape=(int(n),), generator=generator or default_generator())
    return order if isinstance(x, int | np.integer) else take(x, order, 0)


def categorical(logits, num_samples=1, generator=None):
    """``num_samples`` class indices for each row of unnormalised log-probabilities (Gumbel's trick). No gradient."""
    noise = uniform((*logits.shape[:-1], num_samples, logits.shape[-1]), 1e-7, 1.0, generator=generator)
    return argmax(logits[..., None, :] - log(-log(noise)), -1)


def multinomial(probabilities, num_samples=1, generator=None):
    """``num_samples`` class indices drawn, with replacement, for a vector or rows of probabilities. No gradient."""
    return categorical(log(probabilities), num_samples, generator)


def dropout(x, rate, noise_shape=None, generator=None):
    """``x`` with elements set to 0 with probability ``rate``, the rest divided by ``1 - rate``.

    ``noise_shape`` broadcasts against ``x``: its axes of size 1 are dropped as one, None stands for the size of ``x``.
    """
    if not 0 <= rate < 1:
        raise ValueError(f"the dropout rate must lie in [0, 1), got {rate}")
    if isinstance(x, Spec) or rate == 0:
        return x
    shape = x.shape
    if noise_shape is not None:
        shape = tuple(n if m is None else m for m, n in zip(noise_shape, shape, strict=True))
    return multiply(x, dropout_mask(shape=shape, dtype=x.dtype.name, rate=rate, generator=generator or default_generator()))


def _float(dtype):
    return np.dtype(dtype or settings.floatx()).name
