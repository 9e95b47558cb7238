"""Work split over threads: kernels let go of the interpreter lock, so plain threads run them side by side.

Plain threads survive a fork and suffer little from a neighbour that holds a core: parts are handed out one at a time,
to whoever is free. Waking a thread that sleeps takes 25 to 50 us, so those who wait, for work or for the others to
end, look at a counter in memory for some 100 us first, the interpreter lock free, and only then go to sleep.
"""

import collections
import os
import queue
import threading

import numpy as np

from ..utils import settings
from .jit import kernel
from .memory import aligned
from .simd import instruction

PARTS = 16          # at most; a multiple of usual numbers of cores
LOOKS = 200_000     # at a counter before going to sleep


@instruction("p", "i")
def now(code, counter):
    """What a counter is now, whoever changed it."""
    return code.builder.load_atomic(counter, "acquire", 8)


@kernel("*i i i")
def look(counter, value, times):
    """Return when the counter is no longer ``value``, or after so many looks."""
    for _ in range(times):
        if now(counter) != value:
            return


class _Pool:
    """The threads, which live as long as the process."""

    def __init__(self):
        self.inbox, self.lock, self.started = queue.SimpleQueue(), threading.Lock(), 0
        self.posted = aligned(8, np.int64)      # how many jobs have been put into the inbox
        self.posted[0] = 0

    def start(self, count):
        """Have at least so many threads."""
        with self.lock:
            while self.started < count:
                self.started += 1
                threading.Thread(target=self.work, name=f"tahr-{self.started}", daemon=True).start()

    def work(self):
        while True:
            seen = int(self.posted[0])
            try:
                job = self.inbox.get_nowait()
            except queue.Empty:
                if settings.numba():
                    look(self.posted, seen, LOOKS)
                job = self.inbox.get()
            job()
            del job     # or its arrays would live until the next

    def post(self, job, times):
        for _ in range(times):
            self.inbox.put(job)
        self.posted[0] += times


_pool = _Pool()


def _forget():
    global _pool
    _pool = _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)     # a forked child has none of its parent's threads


def parts(total, grain, most=PARTS):
    """In how many parts ``total`` items are worth being done: of at least ``grain`` items, whatever the machine."""
    return max(1, min(most, total // max(grain, 1)))


def split(total, function, grain=1, most=PARTS):
    """Call ``function(part, low, high)`` for each part of ``range(total)``, side by side.

    The cuts depend on ``total``, ``grain`` and ``most`` only, never on the number of threads: a sum over parts has the
    same bits on every machine. ``grain`` is how many items make some 50 us of work, less than which a thread's start
    does not pay. Returns the number of parts; the first error of a part is raised again when all have ended.
    """
    count = parts(total, grain, most)
    if count == 1:
        function(0, 0, total)
        return 1
    bounds = [total * i // count for i in range(count + 1)]
    others = min(settings.num_threads(), count) - 1
    if others < 1:
        for i in range(count):
            function(i, bounds[i], bounds[i + 1])
        return count
    if _pool.started < others:
        _pool.start(others)
    errors, done, ended = [], threading.Semaphore(0), aligned(8, np.int64)
    ended[0] = 0
    # each thread has its own stretch of parts, so that it meets the same memory in every call; whoever is through first
    # takes over from the others
    stretches = [collections.deque(range(count * t // (others + 1), count * (t + 1) // (others + 1)))
                 for t in range(others + 1)]
    order = iter(range(others + 1))

    def run():
        own = next(order)
        for stretch in stretches[own:] + stretches[:own]:
            while stretch:
                try:
                    i = stretch.popleft()
                except IndexError:      # somebody was faster
                    break
                try:
                    function(i, bounds[i], bounds[i + 1])
                except BaseException as error:
                    errors.append(error)
                ended[0] += 1
                done.release()
    _pool.post(run, others)
    run()
    for _ in range(count):      # not the threads: one may still be at somebody else's work, and find nothing left here
        if not done.acquire(blocking=False):
            if settings.numba():
                look(ended, int(ended[0]), LOOKS)
            done.acquire()
    if errors:
        raise errors[0]
    return count
