"""Sequences and their enqueuers: order, epochs, errors, random numbers, and that nothing is left behind."""

import importlib
import multiprocessing
import pathlib
import subprocess
import sys
import textwrap
import threading
import traceback

import numpy as np
import pytest

from tahr.utils import enqueuers
from tahr.utils.data_utils import (
    GeneratorEnqueuer,
    OrderedEnqueuer,
    PyDataset,
    Sequence,
    iter_sequence_infinite,
)

FOLDER = pathlib.Path(__file__).parent
PROCESSES = [pytest.param(False, id="threads"), pytest.param(True, id="processes")]


@pytest.fixture(autouse=True)
def nothing_left():
    """No test leaves a thread or a process of ours behind."""
    yield
    assert [t.name for t in threading.enumerate() if t.name.startswith("tahr-worker")] == []
    assert multiprocessing.active_children() == []


@pytest.fixture
def sources(monkeypatch):
    """The module data_sources, as it can be imported by processes too."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("data_sources")


def take(enqueuer, count, workers=2, ahead=3):
    """The first batches; the enqueuer is stopped then."""
    enqueuer.start(workers, ahead)
    batches = enqueuer.get()
    try:
        return [next(batches) for _ in range(count)]
    finally:
        enqueuer.stop()


# Sequence

def test_a_sequence_iterates_over_one_epoch(sources):
    numbers = sources.Numbers(4, 10)
    assert list(numbers) == [0, 10, 20, 30] and numbers.num_batches == 4 and numbers.use_sequence_api
    assert (numbers.workers, numbers.use_multiprocessing, numbers.max_queue_size) == (1, False, 10)
    endless = iter_sequence_infinite(numbers)
    assert [next(endless) for _ in range(6)] == [0, 10, 20, 30, 0, 10]
    assert PyDataset is Sequence and PyDataset(workers=3).workers == 3


def test_a_sequence_says_what_it_lacks():
    class Empty(Sequence):
        def __init__(self):     # does not call the base, as many do
            pass

    with pytest.raises(NotImplementedError, match=r"Empty must define __getitem__\(self, index\)"):
        Empty()[0]
    with pytest.raises(NotImplementedError, match=r"Empty must define __len__\(self\)"):
        len(Empty())
    assert Empty().workers == 1


# Order and epochs

@pytest.mark.parametrize("workers, ahead", [(1, 1), (4, 2), (3, 10)])
def test_threads_keep_the_order(workers, ahead, sources):
    assert take(OrderedEnqueuer(sources.Numbers(7)), 16, workers, ahead) == [*range(7), *range(7), 0, 1]


def test_threads_keep_the_order_whoever_is_ready_first():
    """Batch 0 waits until batch 2 has been made by another thread."""
    made = threading.Event()

    class Waiting(Sequence):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            if index == 2:
                made.set()
            assert index != 0 or made.wait(10)
            return index

    assert take(OrderedEnqueuer(Waiting()), 3, workers=2, ahead=3) == [0, 1, 2]


def test_processes_keep_the_order_and_get_the_sequence_anew_after_each_epoch(sources):
    numbers = sources.Numbers(5, growth=4, longer=1)
    assert take(OrderedEnqueuer(numbers, use_multiprocessing=True), 13) == [*range(5), *range(0, 30, 5), 0, 9]
    assert numbers.ended == 2


def test_a_sequence_may_change_its_length_after_an_epoch(sources):
    numbers = sources.Numbers(2, longer=2)
    assert take(OrderedEnqueuer(numbers), 7) == [0, 1, 0, 1, 2, 3, 0]


def test_on_epoch_end_comes_when_the_last_batch_has_been_used(sources):
    numbers = sources.Numbers(3)
    enqueuer = OrderedEnqueuer(numbers)
    enqueuer.start(2, 10)
    batches = enqueuer.get()
    assert [next(batches) for _ in range(3)] == [0, 1, 2] and numbers.ended == 0
    assert next(batches) == 0 and numbers.ended == 1
    assert [next(batches), next(batches)] == [1, 2]
    enqueuer.stop()
    assert numbers.ended == 2
    enqueuer.stop()
    assert numbers.ended == 2 and not enqueuer.is_running()
    assert list(batches) == []


def test_an_unfinished_epoch_does_not_end(sources):
    numbers = sources.Numbers(3)
    take(OrderedEnqueuer(numbers), 2)
    assert numbers.ended == 0


@pytest.mark.parametrize("processes", PROCESSES)
def test_shuffle_takes_each_batch_once_in_an_order_from_numpy(processes, sources):
    def run():
        np.random.seed(3)
        return take(OrderedEnqueuer(sources.Numbers(6), processes, shuffle=True), 12, workers=1 + processes)
    first = run()
    assert sorted(first[:6]) == sorted(first[6:]) == list(range(6))
    assert first[:6] != first[6:] and first == run()


def test_anything_with_a_length_and_items_will_do():
    assert take(OrderedEnqueuer(["a", "b"]), 3) == ["a", "b", "a"]


def test_it_can_be_started_again(sources):
    enqueuer = OrderedEnqueuer(sources.Numbers(3))
    assert take(enqueuer, 2) == [0, 1]
    assert take(enqueuer, 2) == [0, 1]


def test_no_more_batches_are_made_than_may_wait():
    made = []

    class Counting(list):
        def __getitem__(self, index):
            made.append(index)
            return index

    enqueuer = OrderedEnqueuer(Counting(range(100)))
    enqueuer.start(1, 4)
    batches = enqueuer.get()
    assert next(batches) == 0
    batches.close()
    assert made == list(range(len(made))) and len(made) <= 5
    assert not enqueuer.is_running()


# Errors

@pytest.mark.parametrize("processes", PROCESSES)
@pytest.mark.parametrize("error", [IndexError("batch three"), KeyError(3), StopIteration()])
def test_errors_come_to_the_caller_with_the_traceback_of_the_worker(error, processes, sources):
    enqueuer = OrderedEnqueuer(sources.Failing(error), processes)
    enqueuer.start(2, 4)
    batches = enqueuer.get()
    assert [next(batches) for _ in range(3)] == [0, 1, 2]
    expected = RuntimeError if isinstance(error, StopIteration) else type(error)     # a generator may not raise that
    with pytest.raises(expected, match=None if expected is RuntimeError else str(error.args[0])) as caught:
        next(batches)
    text = "".join(traceback.format_exception(caught.value))
    assert "raise self.error" in text and "data_sources.py" in text
    assert not enqueuer.is_running()
    with pytest.raises(StopIteration):
        next(batches)


@pytest.mark.parametrize("name, error, text", [
    ("RaisesAwkward", RuntimeError, "Awkward: 7: locked"),
    ("Deadly", RuntimeError, r"ended by signal 9 .*__name__ == '__main__'.*use_multiprocessing=False"),
    ("Unpicklable", Exception, "pickle"),
])
def test_processes_that_fail_in_other_ways(name, error, text, sources):
    enqueuer = OrderedEnqueuer(getattr(sources, name)(6), use_multiprocessing=True)
    enqueuer.start(2, 4)
    with pytest.raises(error, match=text):
        list(enqueuer.get())
    assert not enqueuer.is_running()


def test_a_sequence_that_cannot_be_pickled_is_refused_at_the_start(sources):
    numbers = sources.Numbers(3)
    numbers.file = threading.Lock()
    enqueuer = OrderedEnqueuer(numbers, use_multiprocessing=True)
    with pytest.raises(TypeError, match="Numbers cannot be pickled .*use_multiprocessing=False"):
        enqueuer.start(2)
    assert not enqueuer.is_running()


def test_a_sequence_that_a_process_cannot_load_is_named(monkeypatch):
    class Local(Sequence):
        def __len__(self):
            return 2

    Local.__qualname__ = "Local"
    monkeypatch.setattr(sys.modules[__name__], "Local", Local, raising=False)
    monkeypatch.setitem(sys.modules, Local.__module__, sys.modules[__name__])
    enqueuer = OrderedEnqueuer(Local(), use_multiprocessing=True)
    enqueuer.start(1)
    with pytest.raises(Exception, match="tests|Local|test_utils_enqueuers"):
        next(enqueuer.get())


@pytest.mark.parametrize("arguments, text", [((0,), "workers must be a positive integer, got 0"),
                                             ((True,), "workers must be a positive integer, got True"),
                                             ((1, 0), "max_queue_size must be a positive integer, got 0")])
def test_wrong_numbers(arguments, text, sources):
    with pytest.raises(ValueError, match=text):
        OrderedEnqueuer(sources.Numbers()).start(*arguments)


def test_no_batches_and_two_starts(sources):
    enqueuer = OrderedEnqueuer(sources.Numbers(0))
    with pytest.raises(ValueError, match=r"Numbers has no batches: len\(...\) is 0"):
        enqueuer.start()
    enqueuer = OrderedEnqueuer(sources.Numbers(2))
    enqueuer.start()
    with pytest.raises(RuntimeError, match="is running already"):
        enqueuer.start()
    enqueuer.stop()


# Ending

@pytest.mark.parametrize("processes", PROCESSES)
def test_ctrl_c_ends_all_workers(processes, sources, monkeypatch):
    enqueuer = OrderedEnqueuer(sources.Numbers(9), processes)
    enqueuer.start(2, 4)
    batches = enqueuer.get()
    assert next(batches) == 0

    def pressed(self, timeout=None):
        raise KeyboardInterrupt

    monkeypatch.setattr("concurrent.futures.Future.exception", pressed)
    with pytest.raises(KeyboardInterrupt):
        next(batches)
    assert not enqueuer.is_running()


def test_a_loop_left_early_ends_all_workers(sources):
    enqueuer = OrderedEnqueuer(sources.Numbers(9))
    enqueuer.start(2)
    for batch in enqueuer.get():
        if batch == 2:
            break
    assert not enqueuer.is_running()


def test_stop_in_another_thread_ends_the_batches(sources):
    release, waiting = threading.Event(), threading.Event()

    class Slow(sources.Numbers):
        def __getitem__(self, index):
            if index:
                waiting.set()
                assert release.wait(10)
            return index

    enqueuer = OrderedEnqueuer(Slow(3))
    enqueuer.start(1, 3)
    batches = enqueuer.get()
    assert next(batches) == 0
    assert waiting.wait(10)
    stopper = threading.Thread(target=enqueuer.stop)
    stopper.start()
    release.set()
    stopper.join()
    assert list(batches) == []


def test_a_slow_batch_is_announced(sources, monkeypatch):
    monkeypatch.setattr(enqueuers, "SLOW", 0)
    release = threading.Event()

    class Slow(sources.Numbers):
        def __getitem__(self, index):
            assert release.wait(10)
            return index

    enqueuer = OrderedEnqueuer(Slow(2))
    enqueuer.start()
    monkeypatch.setattr(enqueuers.warnings, "warn", lambda text, stacklevel: (release.set(), said.append(text)))
    said = []
    assert next(enqueuer.get()) == 0
    assert said == ["a batch has been in the making for 0 seconds; still waiting for it"]


def run(program, **options):
    return subprocess.run([sys.executable, "-c", textwrap.dedent(program), str(FOLDER)], capture_output=True, text=True,
                          timeout=60, **options)


def test_a_program_that_ends_without_stopping_leaves_no_process():
    result = run("""
        import sys
        sys.path.insert(0, sys.argv[1])
        from data_sources import Draws
        from tahr.utils.data_utils import OrderedEnqueuer
        enqueuer = OrderedEnqueuer(Draws(4), use_multiprocessing=True)
        enqueuer.start(1)
        batches = enqueuer.get()
        print(next(batches)["process"], flush=True)
        import os
        os._exit(0)     # neither the enqueuer nor Python itself can clean up
    """)
    assert result.stderr == ""
    assert ended(int(result.stdout))


def ended(process):
    """Whether a process is gone, or goes within 10 seconds."""
    import os
    import time
    for _ in range(1000):
        try:
            os.kill(process, 0)
            with open(f"/proc/{process}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True     # ended, and nobody has asked for its exit code
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.01)
    return False


def test_a_program_without_a_guard_is_told_what_to_do(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(f"import sys; sys.path.insert(0, {str(FOLDER)!r})\n" + textwrap.dedent("""
        from data_sources import Numbers
        from tahr.utils.data_utils import OrderedEnqueuer
        enqueuer = OrderedEnqueuer(Numbers(4), use_multiprocessing=True)
        enqueuer.start(1)
        next(enqueuer.get())
    """))
    result = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert "must begin its work under `if __name__ == '__main__':`" in result.stderr


# Random numbers

def test_random_numbers_of_processes_depend_on_the_batch_and_not_on_the_worker(sources):
    def run(workers, seed=1):
        np.random.seed(seed)
        return take(OrderedEnqueuer(sources.Draws(4), use_multiprocessing=True), 8, workers)
    alone, together = run(1), run(3)
    drawn = [batch["drawn"] for batch in alone]
    assert drawn == [batch["drawn"] for batch in together]
    assert len({str(d) for d in drawn}) == 8
    assert len({d[0] for d in drawn}) == len({d[1] for d in drawn}) == len({d[3] for d in drawn}) == 8
    assert len({batch["process"] for batch in alone}) == 1 < len({batch["process"] for batch in together})
    assert all(batch["threads"] == 1 and batch["ignores_ctrl_c"] for batch in together)


# Generators

def test_a_generator_gives_its_items_in_order_whatever_the_workers():
    assert list(_started(GeneratorEnqueuer(iter(range(20))), workers=4)) == list(range(20))
    assert take(GeneratorEnqueuer(itertools_count()), 5) == [0, 1, 2, 3, 4]


def itertools_count():
    n = 0
    while True:
        yield n
        n += 1


def _started(enqueuer, workers=1):
    enqueuer.start(workers, 3)
    return enqueuer.get()


def test_a_generator_is_never_entered_twice():
    """Two threads in one generator would raise 'generator already executing'."""
    inside = []

    def items():
        for n in range(50):
            inside.append(threading.get_ident())
            yield n
    assert list(_started(GeneratorEnqueuer(items()), workers=3)) == list(range(50))
    assert len(set(inside)) == 1


def test_errors_of_a_generator():
    def items():
        yield 1
        raise KeyError("gone")
    batches = _started(GeneratorEnqueuer(items()))
    assert next(batches) == 1
    with pytest.raises(KeyError, match="gone") as caught:
        next(batches)
    assert 'raise KeyError("gone")' in "".join(traceback.format_exception(caught.value))


def test_an_iterator_in_one_process(sources):
    assert list(_started(GeneratorEnqueuer(sources.Ends(4), use_multiprocessing=True))) == [1, 2, 3, 4]


def test_several_processes_repeat_the_data_and_a_warning_says_so(sources):
    enqueuer = GeneratorEnqueuer(sources.Ends(3), use_multiprocessing=True, random_seed=0)
    with pytest.warns(UserWarning, match="`use_multiprocessing=True` and multiple workers may duplicate your data"):
        enqueuer.start(2, 10)
    items = list(enqueuer.get())
    assert set(items) == {1, 2, 3} and 3 <= len(items) <= 6


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="a generator cannot be handed over")
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="Python warns of a fork with threads")
def test_a_generator_in_a_forked_process():
    kept = threading.Lock()     # cannot be pickled

    def items():
        with kept:
            yield from (multiprocessing.current_process().name for _ in range(2))
    first, second = _started(GeneratorEnqueuer(items(), use_multiprocessing=True))
    assert first == second != multiprocessing.current_process().name


def test_a_generator_that_cannot_be_handed_over(monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    with pytest.raises(TypeError, match="cannot hand a generator to another process; use a Sequence, or a thread"):
        GeneratorEnqueuer((n for n in range(3)), use_multiprocessing=True).start()
