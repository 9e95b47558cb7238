"""Memory of results: aligned, given back when the last array on it is gone, and used again."""

import gc
import threading

import numpy as np
import pytest

from tahr.kernels import memory

SHAPE = (memory.LARGE // 4, 2)


@pytest.fixture(autouse=True)
def nothing_kept():
    memory._free.clear()
    yield
    memory._free.clear()


def kept():
    return sum(map(len, memory._free.values()))


@pytest.mark.parametrize("shape, dtype", [((3,), "float32"), (SHAPE, "float32"), ((), "float64"), (SHAPE, "uint8"),
                                          ((0, 5), "float32"), ((700, 1, 900), "int64")])
def test_arrays_are_as_asked_for(shape, dtype):
    for made in (memory.empty(shape, dtype), memory.aligned(shape, dtype)):
        assert made.shape == shape and made.dtype == dtype and made.flags.c_contiguous and made.flags.writeable
        made[...] = 1
        assert made.sum() == made.size
    assert memory.empty(SHAPE).ctypes.data % memory.LINE == memory.aligned(SHAPE).ctypes.data % memory.LINE == 0


def test_large_memory_is_used_again_and_small_memory_is_numpys():
    first = memory.empty(SHAPE)
    place = first.ctypes.data
    del first
    assert kept() == 1
    again = memory.empty(SHAPE)
    assert again.ctypes.data == place and kept() == 0
    memory.empty((3, 3))
    assert kept() == 0


def test_memory_stays_while_a_view_of_it_lives():
    first = memory.empty(SHAPE)
    first[...] = 7
    view = first[1:, ::2]
    del first
    other = memory.empty(SHAPE)
    other[...] = 0
    assert (view == 7).all() and kept() == 0
    del view
    gc.collect()
    assert kept() == 1


def test_no_more_is_kept_than_allowed(monkeypatch):
    monkeypatch.setattr(memory._Block.__del__, "__defaults__", (memory._free, 3 * memory.LARGE))
    arrays = [memory.empty(((i + 1) * memory.LARGE // 4,)) for i in range(4)]
    del arrays
    assert sum(size * len(blocks) for size, blocks in memory._free.items()) <= 6 * memory.LARGE


def test_threads_never_share_an_array():
    def work(number):
        for _ in range(50):
            mine = memory.empty(SHAPE)
            mine[:8] = number
            assert (mine[:8] == number).all()
            found.append(1)
    found = []
    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 200


def test_values_survive_copies_and_pickles():
    import pickle
    made = memory.empty(SHAPE)
    made[...] = np.arange(2)
    assert np.array_equal(pickle.loads(pickle.dumps(made)), made)
