"""Work split over threads: kernels let go of the interpreter lock, so plain threads run them side by side.

Plain threads survive a fork, cost nothing while they wait (waking one takes 25 us), and suffer little from a neighbour
that holds a core: parts are handed out one at a time, to whoever is free.
"""

import collections
import os
import queue
import threading

from ..utils import settings

PARTS = 16          # at most; a multiple of usual numbers of cores
_inbox: queue.SimpleQueue = queue.SimpleQueue()
_started = 0
_lock = threading.Lock()


def _work(inbox):
    while True:
        inbox.get()()


def _forget():
    global _inbox, _started, _lock
    _inbox, _started, _lock = queue.SimpleQueue(), 0, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)     # a forked child has none of its parent's threads


def _start(count):
    global _started
    with _lock:
        while _started < count:
            _started += 1
            threading.Thread(target=_work, args=(_inbox,), name=f"tahr-{_started}", daemon=True).start()


def parts(total, grain, most=PARTS):
    """In how many parts ``total`` items are worth being done: of at least ``grain`` items, whatever the machine."""
    return max(1, min(most, total // max(grain, 1)))


def split(total, function, grain=1, most=PARTS):
    """Call ``function(part, low, high)`` for each part of ``range(total)``, side by side.

    The cuts depend on ``total``, ``grain`` and ``most`` only, never on the number of threads: a sum over parts has the
    same bits on every machine. ``grain`` is how many items make some 100 us of work, less than which a thread's start
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
    if _started < others:
        _start(others)
    errors, done = [], threading.Semaphore(0)
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
                done.release()
    for _ in range(others):
        _inbox.put(run)
    run()
    for _ in range(count):      # not the threads: one may still be at somebody else's work, and find nothing left here
        done.acquire()
    if errors:
        raise errors[0]
    return count
