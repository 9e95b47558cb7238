"""Data sources that processes can load: this file is imported by name, by the tests and by the processes they start."""

import os
import random
import signal

import numpy as np

from tahr.utils import rng, settings
from tahr.utils.data_utils import Sequence


class Numbers(Sequence):
    """Batch ``i`` is ``i * factor``; the factor grows by ``growth`` and the length by ``longer`` after each epoch."""

    def __init__(self, length=5, factor=1, growth=0, longer=0):
        super().__init__()
        self.length, self.factor, self.growth, self.longer, self.ended = length, factor, growth, longer, 0

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        return index * self.factor

    def on_epoch_end(self):
        self.factor += self.growth
        self.length += self.longer
        self.ended += 1


class Failing(Numbers):
    """Raises ``error`` for batch 3."""

    def __init__(self, error, length=8):
        super().__init__(length)
        self.error = error

    def __getitem__(self, index):
        if index == 3:
            raise self.error
        return index


class Awkward(Exception):  # noqa: N818
    """An error that cannot be unpickled."""

    def __init__(self, code, text):
        super().__init__(f"{code}: {text}")


class RaisesAwkward(Numbers):
    def __getitem__(self, index):
        raise Awkward(7, "locked")


class Deadly(Numbers):
    """Batch 3 kills its process."""

    def __getitem__(self, index):
        if index == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return index


class Unpicklable(Numbers):
    """Batch 3 cannot be sent."""

    def __getitem__(self, index):
        return (lambda: 0) if index == 3 else index


class Draws(Numbers):
    """What random numbers a worker draws, the process it is, and its settings."""

    def __getitem__(self, index):
        drawn = (random.random(), np.random.random(), rng.default_generator().take(1), rng.default_generator().seed)
        return {"drawn": drawn, "process": os.getpid(), "threads": settings.num_threads(),
                "ignores_ctrl_c": signal.getsignal(signal.SIGINT) is signal.SIG_IGN}


class Ends:
    """An iterator that ends, and can be pickled."""

    def __init__(self, length):
        self.length, self.at = length, 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.at == self.length:
            raise StopIteration
        self.at += 1
        return self.at
