"""Timing in one process, and how much other processes disturbed it (Linux)."""

import os
import pathlib
import resource
import time

POOLS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "TAHR_NUM_THREADS")


def process_start():
    """When this process began, as ``time.time()`` has it, to 10 ms."""
    ticks = int(pathlib.Path("/proc/self/stat").read_text(encoding="utf-8").rsplit(") ", 1)[1].split()[19])
    awake = float(pathlib.Path("/proc/uptime").read_text(encoding="utf-8").split()[0])
    return time.time() - (awake - ticks / os.sysconf("SC_CLK_TCK"))


def limit_threads(count):
    """Variables for pools that heed them, affinity for the rest; to be called before numpy is imported."""
    os.environ.update(dict.fromkeys(POOLS, str(count)))
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def peak_memory():
    """The most memory that was resident, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _all_busy():
    """Processor seconds of every process of the machine."""
    with open("/proc/stat", encoding="utf-8") as stat:
        user, nice, system, _, _, interrupts, soft = map(int, stat.readline().split()[1:8])
    return (user + nice + system + interrupts + soft) / os.sysconf("SC_CLK_TCK")


def _own_busy():
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _waited():
    """Seconds that threads of this process were ready to run and had no core."""
    total = 0
    for thread in pathlib.Path("/proc/self/task").iterdir():
        try:
            total += int((thread / "schedstat").read_text(encoding="utf-8").split()[1])
        except OSError:         # it ended meanwhile
            pass
    return total * 1e-9


class Disturbance:
    """What disturbed a block, by its seconds: ``foreign_load`` of others, ``run_delay`` of our waiting threads."""

    def __enter__(self):
        self.begin = time.time(), _all_busy(), _own_busy(), _waited()
        return self

    def __exit__(self, *_error):
        seconds, busy, own, waited = (now - then for now, then in zip(
            (time.time(), _all_busy(), _own_busy(), _waited()), self.begin))
        seconds = max(seconds, 1e-9)
        self.figures = {"foreign_load": round(max(0.0, (busy - own) / seconds), 3),
                        "run_delay": round(max(0.0, waited / seconds), 3)}


def time_calls(function, arguments, least, seconds, warmup=3):
    """Milliseconds of ``function(argument)``, the arguments in turn: median, tenth and ninetieth of a hundred.

    It is called ``least`` times and for a second, but no longer than ``seconds`` once 5 calls are in (3 if these
    take more than four times as long).
    """
    clock, taken = time.perf_counter, []
    with Disturbance() as disturbance:
        begin = clock()
        for i in range(warmup):
            function(arguments[i % len(arguments)])
            if clock() - begin > seconds / 2:
                break
        begin, elapsed = clock(), 0.0
        while not _enough(len(taken), elapsed, least, seconds):
            argument = arguments[len(taken) % len(arguments)]
            before = clock()
            function(argument)
            after = clock()
            taken.append(after - before)
            elapsed = after - begin
    taken.sort()
    at = {name: 1e3 * taken[int(part * len(taken))] for name, part in (("median", 0.5), ("p10", 0.1), ("p90", 0.9))}
    return {**at, "reps": len(taken), **disturbance.figures}


def _enough(count, elapsed, least, seconds):
    if count >= least and elapsed > 1.0:
        return True
    return elapsed > seconds and count >= (5 if elapsed < 4 * seconds else 3)


def time_loop(step, data, step_ms, seconds, wait=lambda loss: None):
    """Mean milliseconds of a step in a bare loop, which waits for its last loss only."""
    most = max(8, min(300, int(seconds / 2 * 1e3 / max(step_ms, 1e-3))))
    with Disturbance() as disturbance:
        begin, done = time.perf_counter(), 0
        while not done or (done < most and time.perf_counter() - begin < seconds):
            loss = step(data[done % len(data)])
            done += 1
        wait(loss)
        mean = (time.perf_counter() - begin) / done * 1e3
    return {"median": mean, "reps": done, **disturbance.figures}
