"""What the machine can do and what it is: the peaks that times are compared with, processor, versions."""

import ctypes
import datetime
import functools
import importlib.metadata
import os
import pathlib
import platform
import time

import numpy as np

from tahr.kernels import simd, threads
from tahr.kernels.jit import Kernel, aligned
from tahr.kernels.simd import at
from tahr.kernels.tiles import PANEL, ROWS, tile
from tahr.utils import settings

LENGTH = 256        # rows of B that the tile reads: 32 KB with 16 lanes, the first cache


def peak_of_tiles(a, b, c, places, count):
    """One tile of a matrix product, ``count`` times over, everything in the first cache."""
    for i in range(ROWS):
        places[i] = i * LENGTH
        places[16 + i] = i * PANEL
    places[32] = 0
    for _ in range(count):
        tile(a, places, 1, b, PANEL, 1, at(places, 32), at(places, 32), LENGTH, c, at(places, 16), PANEL, 1, c, 0)


@functools.cache
def _peak_kernel():
    """Compiled anew in each process: the cache of kernels knows the files of kernels/ only."""
    compiled = Kernel(peak_of_tiles, "*f *f *f *i i", {}).compile()
    return compiled, ctypes.CFUNCTYPE(None, *[ctypes.py_object] * 4, ctypes.c_int64)(compiled.address)


def peaks(seconds=0.5):
    """The best of so many seconds of each: ``flops`` and ``bandwidth`` (bytes), a second."""
    return {"flops": measured_flops(seconds), "bandwidth": measured_bandwidth(seconds)}


def measured_flops(seconds):
    """Multiplications and additions a second of all threads: what the register tile does at its best."""
    _, run = _peak_kernel()
    panel = simd.LANES.value() * 2
    count = settings.num_threads()
    memory = [(aligned((ROWS, LENGTH)), aligned((LENGTH, panel)), aligned((ROWS, panel)), np.zeros(64, np.int64))
              for _ in range(count)]
    for arrays in memory:
        for a in arrays[:3]:
            a.fill(1)
    return _best(lambda: threads.split(count, lambda i, _low, _high: run(*memory[i], 1000)), seconds,
                 count * 1000 * 2 * ROWS * panel * LENGTH)


def measured_bandwidth(seconds, size=64 * 2 ** 20):
    """Bytes a second that a copy of large arrays reads and writes, by all threads."""
    x, y = np.ones(size // 4, np.float32), np.zeros(size // 4, np.float32)

    def copy(_part, low, high):
        y[low:high] = x[low:high]
    return _best(lambda: threads.split(x.size, copy), seconds, 2 * size)


def _best(function, seconds, amount):
    function()
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end or best == float("inf"):
        begin = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - begin)
    return amount / best


def processor():
    """The processor's name, without that of the machine."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        found = dict(line.split(":", 1) for line in lines[:40] if ":" in line)
        found = {key.strip(): value.strip() for key, value in found.items()}
        return f"{found['model name']} (family {found['cpu family']}, model {found['model']})"
    except (OSError, KeyError):
        return platform.processor() or platform.machine()


def description(with_torch):
    """What the results were measured on, and with what: a dict of words."""
    names = ["numpy", "numba", "llvmlite", *(["torch"] if with_torch else [])]
    return {"processor": processor(), "cores": os.cpu_count(), "threads": settings.num_threads(),
            "vectors": f"{simd.LANES.value()} float32", "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(), **{name: importlib.metadata.version(name) for name in names},
            "date": datetime.date.today().isoformat()}
