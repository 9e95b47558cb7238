"""Random numbers: one generator object is the state, and one of them is the default.

Generators are counter-based (Philox 4x64-10; Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011),
so that a kernel may draw any part of a stream by itself and the bits never depend on the number of threads.
"""

import random

import numpy as np


class Generator:
    """A stream of random numbers, fixed by its seed.

    Arguments:
        seed: an integer from 0 to 2**64 - 1; None draws one from ``np.random``, so ``np.random.seed`` fixes it.

    >>> Generator(7).numpy.random() == Generator(7).numpy.random()
    True
    """

    def __init__(self, seed=None):
        if seed is None:
            seed = int(np.random.randint(0, 2 ** 63 - 1, dtype=np.int64))
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2 ** 64:
            raise ValueError(f"a seed must be an integer from 0 to 2**64 - 1, got {seed!r}")
        self.seed = int(seed)
        self.numpy = np.random.Generator(np.random.Philox(key=self.seed))

    def get_state(self):
        """Where the stream is, as a dict that :meth:`set_state` takes back."""
        return self.numpy.bit_generator.state

    def set_state(self, state):
        """Go back to where :meth:`get_state` was called."""
        self.numpy.bit_generator.state = state

    def __repr__(self):
        return f"Generator(seed={self.seed})"


class _Default:
    generator = None


def default_generator():
    """The generator of everything that is given none; seeds itself from ``np.random`` at its first use."""
    if _Default.generator is None:
        _Default.generator = Generator()
    return _Default.generator


def seed_default(seed):
    """Start the default generator anew from ``seed``."""
    generator = Generator(seed)
    if _Default.generator is None:
        _Default.generator = generator
    else:       # the same object, since layers and captured steps may hold it
        _Default.generator.seed, _Default.generator.numpy = generator.seed, generator.numpy


def set_random_seed(seed):
    """Fix Python's, NumPy's and tahr's random numbers, for runs that repeat to the bit.

    >>> set_random_seed(1337)
    """
    random.seed(seed)
    np.random.seed(seed % 2 ** 32)
    seed_default(seed)
