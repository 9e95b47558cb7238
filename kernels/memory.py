"""Memory for results and for scratch.

Large results take memory that earlier ones gave back: fresh memory comes from the system page by page, zeroed, which
takes three times as long as writing it (38 MB: 3.2 ms against 1.0). And they begin at a cache line: vectors of 64 bytes
load 1.6 times as fast from there.
"""

import collections
import math
import threading

import numpy as np

LINE = 64                   # bytes
LARGE = 1 << 17             # bytes from which on memory is kept; below, NumPy's own takes 0.2 us
KEPT = 1 << 30              # bytes that wait for a next use, at most
FLOAT32 = np.dtype("float32")

_free: collections.OrderedDict[int, list] = collections.OrderedDict()      # size: memory, the least used size first


class _Block:
    """Memory that an array lies in; when the last array on it is gone, it is kept for the next of its size."""

    __slots__ = ("memory", "__array_interface__")

    def __init__(self, memory, shape, dtype):
        start = -(-memory.ctypes.data // LINE) * LINE
        self.memory = memory
        self.__array_interface__ = {"data": (start, False), "shape": shape, "typestr": dtype.str, "version": 3}

    def __del__(self, keep=_free, kept=KEPT):
        memory = self.memory
        keep.setdefault(memory.size, []).append(memory)
        while len(keep) > 1 and sum(size * len(blocks) for size, blocks in list(keep.items())) > kept:
            try:
                keep.popitem(last=False)
            except KeyError:        # another thread did
                return


def empty(shape, dtype=FLOAT32):
    """An uninitialised array, C-contiguous; large ones begin at a cache line."""
    shape = (shape,) if isinstance(shape, int) else shape
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    if size < LARGE:
        return np.empty(shape, dtype)
    size = -(-(size + LINE) // LARGE) * LARGE
    try:
        memory = _free[size].pop()
        _free.move_to_end(size)
    except (KeyError, IndexError):
        memory = np.empty(size, np.uint8)
    return np.asarray(_Block(memory, tuple(shape), dtype))


def aligned(shape, dtype=FLOAT32):
    """An uninitialised array that begins at a cache line, whatever its size."""
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    if size >= LARGE:
        return empty(shape, dtype)
    memory = np.empty(size + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start:start + size].view(dtype).reshape(shape)


class _Scratch(threading.local):
    def __init__(self):
        self.floats, self.integers = np.zeros(16, FLOAT32), np.zeros(64, np.int64)


_scratch = _Scratch()


def workspace(count):
    """At least ``count`` float32 of scratch memory that belongs to this thread until it asks again."""
    if _scratch.floats.size < count:
        _scratch.floats = aligned(count)
    return _scratch.floats


def table(count):
    """At least ``count`` int64 of scratch memory that belongs to this thread until it asks again."""
    if _scratch.integers.size < count:
        _scratch.integers = np.zeros(max(count, 64), np.int64)
    return _scratch.integers
