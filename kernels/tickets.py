"""Parts of one kernel call that several threads draw from inside it.

Where a pass takes some 100 us, handing out its parts from Python costs as much as the pass (each part goes through the
interpreter lock), and so does waking a thread anew for a second pass. Here each thread calls the kernel once. Within
it, it draws the next part from a counter in memory, and several passes follow each other: who comes late finds the
first pass done and helps with the second. What a part is depends on the work alone, so results do not depend on who
did it.
"""

import numpy as np

from ..utils import settings
from .jit import device
from .simd import instruction
from .threads import PARTS, split

LINE = 8            # int64 in a cache line: each counter has its own
PATIENCE = 1_000_000    # looks at a counter, some 1 ms: then whoever it waits for has been sent off its core


@instruction("pi", "i")
def draw(code, tickets, counter):
    """Count a counter up by one; what it was before."""
    place = code.at(tickets, code.builder.mul(counter, code.integer(LINE)))
    return code.builder.atomic_rmw("add", place, code.integer(1), "seq_cst")


@instruction("pi", "i")
def count(code, tickets, counter):
    """What a counter is now."""
    place = code.at(tickets, code.builder.mul(counter, code.integer(LINE)))
    return code.builder.load_atomic(place, "seq_cst", 8)


@device
def reached(tickets, counter, target):
    """Wait a little for a counter; whether it is there."""
    for _ in range(PATIENCE):
        if count(tickets, counter) >= target:
            return True
    return False


def parts_of(rows, numbers, small):
    """Into how many parts so many rows are cut: one if they are no more than ``small`` numbers, else as many as can be.
    """
    return 1 if numbers <= small else max(1, min(PARTS, rows))


def share(parts, call, last=None):
    """Let as many threads as there are, or parts, ``call(tickets)``, which begin at 0.

    ``last`` is the counter of the last of several passes. If a thread lost its patience before it, the rest is done
    here when all have come back.
    """
    tickets = np.zeros(8 * LINE, np.int64)
    threads = min(settings.num_threads(), parts)
    if threads == 1:
        call(tickets)
    else:
        split(threads, lambda *_: call(tickets))
    if last is not None and tickets[last * LINE] < parts:
        call(tickets)
    return parts
