"""Timing of functions side by side, in blocks that do not disturb each other.

What one library leaves behind slows the next one down. PyTorch's OpenMP threads spin for some 4 ms after each call, as
the next may come: a function of ours on two threads that follows at once takes twice its time, 20 ms later it does not.
Telling OpenMP not to wait (``OMP_WAIT_POLICY=passive``) would be unfair to PyTorch, whose short calls live from threads
that are awake. So functions run in blocks of calls, as programs call them: a pause, some calls to wake everything up
that are not counted, then the counted ones; PyTorch keeps its own default. Longer pauses are no better: after 200 ms
the system may leave two threads on one core for 40 ms. NumPy's OpenBLAS is worse: its threads stay awake for some
60 ms, in which PyTorch took 16 ms for 3 and we 3.4 for 1.7. It comes last, by itself.
"""

import dataclasses
import statistics
import time

PAUSE, AFTER_BLAS = 0.02, 0.15      # seconds


@dataclasses.dataclass
class Effort:
    """How much time goes into a case: rounds, and in each the seconds of waking up and of counted calls."""

    name: str = "full"
    rounds: int = 9
    wake: float = 0.01
    block: float = 0.03
    pause: float = PAUSE        # before each block
    limit: float = 1.0          # seconds of a call of NumPy code


QUICK = Effort("quick", rounds=5, wake=0.005, block=0.01)
ONCE = Effort("once", rounds=1, wake=0.0, block=0.0, pause=0.0, limit=60.0)      # to see that everything runs


def seconds(function, effort):
    """Seconds of a call: the mean over a block of them."""
    time.sleep(effort.pause)
    begin, calls = time.perf_counter(), 0
    while not calls or time.perf_counter() - begin < effort.wake:
        function()
        calls += 1
    one = (time.perf_counter() - begin) / calls
    count = max(1, min(10_000, int(effort.block / one)))
    begin = time.perf_counter()
    for _ in range(count):
        function()
    return (time.perf_counter() - begin) / count


def alternate(functions, effort):
    """``{name: [seconds of a call in each round]}``; who comes first changes from round to round."""
    times = {name: [] for name in functions}
    names = list(functions)
    for i in range(effort.rounds):
        for name in names[i % len(names):] + names[:i % len(names)]:
            times[name].append(seconds(functions[name], effort))
    return times


def alone(function, effort):
    """Seconds of a call of NumPy code, the median of up to 3 rounds; None where one takes more than the limit."""
    begin = time.perf_counter()
    function()
    if time.perf_counter() - begin > effort.limit:
        return None
    found = statistics.median(seconds(function, effort) for _ in range(min(3, effort.rounds)))
    time.sleep(AFTER_BLAS if effort.pause else 0)
    return found


def spread(values):
    """The interquartile range as a fraction of the median."""
    if len(values) < 2:
        return 0.0
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / middle
