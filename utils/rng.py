"""Random numbers: one generator object is the state, and one of them is the default.

Generators are counter-based (Philox; Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011): a word of
their stream is a function of its number and the key, so a kernel may draw any part by itself, and the bits never depend
on the number of threads.
"""

import random
import threading

import numpy as np

_taking = threading.Lock()      # two threads must not be given the same words


class Generator:
    """A stream of random numbers, fixed by its seed.

    Arguments:
        seed: an integer from 0 to 2**64 - 1; None draws one from ``np.random``, so ``np.random.seed`` fixes it.

    Attributes:
        key: of the stream of words that floats and dropout are made of; a 0-d array, written in place.
        position: the next word of that stream that nobody has had; likewise.
        numpy: a NumPy generator with the same seed, for integers and permutations.

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
        self.key, self.position = np.array(self.seed, np.uint64), np.array(0, np.uint64)

    def take(self, count):
        """The next ``count`` words of the stream for the caller alone: its ``key`` and the position of the first.

        >>> generator = Generator(7)
        >>> generator.take(5), generator.take(1)
        ((7, 0), (7, 5))
        """
        if count < 0:
            raise ValueError(f"cannot draw {count} numbers: a shape with negative dimensions")
        with _taking:
            first = int(self.position)
            self.position[...] = first + count
        return int(self.key), first

    def get_state(self):
        """Where the streams are, as a dict that :meth:`set_state` takes back."""
        return {**self.numpy.bit_generator.state, "key": int(self.key), "position": int(self.position)}

    def set_state(self, state):
        """Go back to where :meth:`get_state` was called."""
        self.key[...], self.position[...] = state["key"], state["position"]
        self.numpy.bit_generator.state = state      # which takes what is its own

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
        _Default.generator.seed = generator.seed
        _Default.generator.set_state(generator.get_state())


def set_random_seed(seed):
    """Fix Python's, NumPy's and tahr's random numbers, for runs that repeat to the bit.

    >>> set_random_seed(1337)
    """
    random.seed(seed)
    np.random.seed(seed % 2 ** 32)
    seed_default(seed)
