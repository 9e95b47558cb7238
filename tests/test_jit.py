"""Compiling and keeping kernels: the cache survives whatever the disk and other processes do to it."""

import inspect
import os
import pathlib
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tahr.kernels import gemm, jit, threads, warm
from tahr.utils import settings


def scale(x, y, n, factor):
    for i in range(n):
        y[i] = x[i] * factor


@pytest.fixture
def kernel():
    """A kernel that nobody has compiled."""
    yield jit.kernel("*f *f i f")(scale)
    del jit.KERNELS["scale"]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("TAHR_CACHE", str(tmp_path))
    jit.cache_folder.cache_clear()
    yield jit.cache_folder()
    jit.cache_folder.cache_clear()


def run(kernel):
    x, y = np.arange(5, dtype="float32"), np.zeros(5, "float32")
    kernel(x, y, 5, 3.0)
    assert np.array_equal(y, x * 3)


def forgotten(kernel):
    """The same kernel, as a new process meets it."""
    del jit.KERNELS["scale"]
    return jit.kernel("*f *f i f")(scale)


def never(self):
    raise AssertionError("compiled, though the object code was in the cache")


def test_object_code_is_kept_and_loaded_without_numba(kernel, cache, monkeypatch):
    run(kernel)
    assert [path.name for path in cache.iterdir()] == [jit.cache_path(kernel).name]
    again = forgotten(kernel)
    monkeypatch.setattr(jit.Kernel, "compile", never)
    run(again)


@pytest.mark.parametrize("damage", [
    lambda data: b"", lambda data: data[:-1], lambda data: data[:40], lambda data: b"x" + data[1:],
    lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:], lambda data: b"not object code at all",
], ids=["empty", "cut", "head only", "other magic", "one bit", "something else"])
def test_a_damaged_entry_is_compiled_again(kernel, cache, damage):
    run(kernel)
    path = jit.cache_path(kernel)
    good = path.read_bytes()
    path.write_bytes(damage(good))
    again = forgotten(kernel)
    run(again)
    assert jit.read_code(path) is not None


def test_a_folder_that_cannot_be_written_is_no_error(kernel, tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("here is no room for a folder")
    monkeypatch.setenv("TAHR_CACHE", str(blocked))
    jit.cache_folder.cache_clear()
    run(kernel)
    jit.cache_folder.cache_clear()


def test_a_full_disk_leaves_no_part_of_a_file(kernel, cache, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(jit.os, "replace", full)
    run(kernel)
    assert list(cache.iterdir()) == []


def test_changed_source_has_another_file(kernel, cache, monkeypatch, tmp_path):
    before = jit.cache_path(kernel)
    other = tmp_path / "other.py"
    other.write_text("a change")
    monkeypatch.setattr(jit, "sources", lambda module: {other})
    assert jit.cache_path(kernel) != before


def test_sources_are_found_through_imports():
    assert {path.name for path in jit.sources("tahr.kernels.gemm")} >= {"gemm.py", "tiles.py", "simd.py", "jit.py"}


def test_the_private_interface_of_numba_is_there(kernel):
    compiled = kernel.compile()
    assert isinstance(compiled._library._get_compiled_object(), bytes) and compiled.native_name


def test_processes_compile_side_by_side(tmp_path):
    program = ("import numpy as np; from tahr.kernels.gemm import matmul;"
               "a = np.ones((60, 60), 'float32'); assert (matmul(a, a) == 60).all()")
    env = {**os.environ, "TAHR_CACHE": str(tmp_path)}
    running = [subprocess.Popen([sys.executable, "-c", program], env=env) for _ in range(3)]
    assert [p.wait() for p in running] == [0, 0, 0]
    assert len(list(tmp_path.rglob("*.o"))) == 1
    check = program + ";import sys; assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", check], env=env, check=True)


def test_kernels_import_neither_numba_nor_llvmlite():
    modules = [f"tahr.kernels.{p.stem}" for p in pathlib.Path(jit.__file__).parent.glob("*.py") if p.stem != "__init__"]
    program = f"import sys, {', '.join(modules)}; assert not {{'numba', 'llvmlite', 'scipy'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_kernel_must_fit_its_signature():
    with pytest.raises(TypeError, match="4 parameters, 2 letters"):
        jit.kernel("*f *f")(scale)
    assert "scale" not in jit.KERNELS


def test_device_code_runs_in_kernels_only():
    with pytest.raises(TypeError, match="runs inside kernels only"):
        jit.device(scale)()


def test_an_entry_and_its_reference_have_one_signature():
    for found in jit.ENTRIES.values():
        assert inspect.signature(found.fast) == inspect.signature(found.reference), found.name
    with pytest.raises(TypeError, match="another signature"):
        jit.entry(lambda x: x)(lambda y: y)


def test_a_machine_that_cannot_compile_runs_the_references():
    def reference(x):
        return x + 1

    def fast_on_other_machines(x):
        raise NotImplementedError("no such processor")
    call = jit.entry(reference)(fast_on_other_machines)
    try:
        with pytest.warns(RuntimeWarning, match="fast_on_other_machines runs as NumPy code.*no such processor"):
            assert call(np.float32(1)) == 2
        assert call(np.float32(2)) == 3     # and says so once
    finally:
        del jit.ENTRIES["fast_on_other_machines"]


def test_numba_off_and_other_floats_run_the_reference():
    def only_float32(x):
        return "fast"

    def reference(x):
        return "reference"
    call = jit.entry(reference)(only_float32)
    try:
        assert call(np.zeros(3, "float32")) == "fast" and call(np.zeros(3, "int64")) == "fast"
        assert call(np.zeros(3)) == "reference" and call(np.zeros(3, "float16")) == "reference"
        with settings.using(numba=False):
            assert call(np.zeros(3, "float32")) == "reference"
    finally:
        del jit.ENTRIES["only_float32"]


# Threads

@given(st.integers(0, 1000), st.integers(1, 300), st.integers(1, 20))
def test_parts_cover_the_range_whatever_the_number_of_threads(total, grain, most):
    cuts = []
    for count in (1, 2, 5):
        seen, lock = [], threading.Lock()

        def part(i, low, high, seen=seen, lock=lock):
            with lock:
                seen.append((i, low, high))
        with settings.using(num_threads=count):
            number = threads.split(total, part, grain, most)
        cuts.append(sorted(seen))
        assert number == len(seen) <= most
    assert cuts[0] == cuts[1] == cuts[2]
    assert [x for _, low, high in cuts[0] for x in range(low, high)] == list(range(total))


def test_small_work_stays_on_the_callers_thread():
    with settings.using(num_threads=4):
        names = []
        threads.split(10, lambda *_: names.append(threading.current_thread()), grain=10)
    assert names == [threading.current_thread()]


def test_an_error_of_a_part_reaches_the_caller():
    def part(i, low, high):
        if i == 3:
            raise KeyError("part 3")
    for count in (1, 3):
        with settings.using(num_threads=count), pytest.raises(KeyError, match="part 3"):
            threads.split(8, part)
    assert threads.split(2, lambda *_: None) == 2       # and the threads are still there


def test_parts_within_parts_and_several_callers():
    def outer(i, low, high):
        threads.split(4, lambda *_: None)
    with settings.using(num_threads=3):
        callers = [threading.Thread(target=threads.split, args=(8, outer)) for _ in range(4)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(60)
            assert not caller.is_alive()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
def test_threads_work_after_a_fork():
    with settings.using(num_threads=3):
        threads.split(8, lambda *_: None)
        program = ("import os, threading; from tahr.kernels import threads; from tahr.utils import settings\n"
                   "settings.set_num_threads(3); threads.split(8, lambda *_: None)\n"
                   "child = os.fork()\n"
                   "if not child:\n"
                   "    done = []; threads.split(8, lambda *_: done.append(1)); os._exit(len(done) != 8)\n"
                   "assert os.waitpid(child, 0)[1] == 0")
        subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, timeout=60)


# Memory

def test_aligned_memory_begins_at_a_cache_line():
    for shape in [(3,), (5, 7), ()]:
        a = jit.aligned(shape)
        assert a.ctypes.data % 64 == 0 and a.shape == shape and a.dtype == np.float32 and a.flags.c_contiguous


def test_scratch_memory_belongs_to_its_thread():
    mine, found = jit.workspace(100), []
    other = threading.Thread(target=lambda: found.append(jit.workspace(100)))
    other.start()
    other.join()
    assert mine.size >= 100 and not np.shares_memory(mine, found[0]) and jit.workspace(50) is mine
    assert jit.table(200).size >= 200


# Compiling ahead

@pytest.mark.slow
def test_warm_fills_the_cache(tmp_path):
    env = {**os.environ, "TAHR_CACHE": str(tmp_path), "TAHR_NUM_THREADS": "2"}
    command = [sys.executable, "-m", "tahr", "warm"]
    first = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
    assert "0 of them compiled before" in first and " s  gemm" in first
    second = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
    assert len(second.splitlines()) == 1 and "0 of them" not in second


def test_warm_says_when_the_cache_keeps_nothing(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("TAHR_CACHE", str(blocked))
    monkeypatch.setattr(warm, "names", lambda: {gemm.gemm.name: "tahr.kernels.gemm"})
    jit.cache_folder.cache_clear()
    lines = []
    assert warm.warm(lines.append) == 1
    assert "does not keep 1 kernels" in lines[-1]
    jit.cache_folder.cache_clear()
