"""Batches made ahead of their use, by threads or processes, in order.

>>> enqueuer = OrderedEnqueuer([10, 20, 30])
>>> enqueuer.start(workers=2)
>>> batches = enqueuer.get()
>>> [next(batches) for _ in range(4)]
[10, 20, 30, 10]
>>> enqueuer.stop()
"""

import collections
import concurrent.futures
import multiprocessing
import pickle
import types
import warnings

import numpy as np

from .workers import Pickled, Workers, start_processes

_END = object()
SLOW = 60       # seconds for one batch, after which a warning says what is being waited for


class SequenceEnqueuer:
    """Base of the two enqueuers: ``start``, ``get``, ``stop``.

    A subclass defines ``_tasks()``, an endless or finite iterator of the indices to fetch, ``_fetch(index)``, and
    ``_processes(workers)``.
    """

    def __init__(self, sequence, use_multiprocessing=False):
        self.sequence, self.use_multiprocessing = sequence, use_multiprocessing
        self.workers = None

    def is_running(self):
        """Whether it has been started and not been stopped."""
        return self.workers is not None

    def start(self, workers=1, max_queue_size=10):
        """Begin to make batches.

        Arguments:
            workers: how many threads, or processes, at least 1.
            max_queue_size: how many batches may wait to be used.
        """
        if self.is_running():
            raise RuntimeError("the enqueuer is running already: stop() it first")
        for name, value in (("workers", workers), ("max_queue_size", max_queue_size)):
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise ValueError(f"{name} must be a positive integer, got {value!r}")
        self.ahead, self.pending, self.complete = max_queue_size, collections.deque(), False
        self.seeds = np.random.SeedSequence(self._first_seed()) if self.use_multiprocessing else None
        self.workers = Workers(self._fetch, workers, self._processes(workers) if self.use_multiprocessing else None)
        self.tasks = self._tasks()
        try:
            self._fill()
        except BaseException:
            self.stop()
            raise

    def get(self):
        """The batches, in order; an error in a worker is raised here, with the worker's traceback, and ends all."""
        try:
            while self.is_running():
                self._fill()
                if not self.pending:
                    return
                try:
                    batch = self._wait(self.pending.popleft())
                except Exception:
                    if self.is_running():
                        raise
                    return      # stop() in another thread took it away
                if batch is not _END:
                    self._taken()
                    yield batch
        finally:
            self.stop()

    def stop(self, timeout=None):
        """End all workers; may be called again.

        Arguments:
            timeout: how many seconds to wait for each thread; default: until it has finished its batch.
        """
        workers, self.workers = self.workers, None
        if workers is None:
            return
        for future in self.pending:
            future.cancel()
        self.pending.clear()
        workers.stop(timeout)
        self.end_epoch()

    def _fill(self):
        """Have as many batches under way as may wait."""
        while len(self.pending) < self.ahead and (task := next(self.tasks, None)) is not None:
            seed = () if self.seeds is None else (int(self.seeds.spawn(1)[0].generate_state(1)[0]),)
            self.pending.append(self.workers.submit(task[0], *seed))

    def _wait(self, future):
        try:
            future.exception(SLOW)
        except concurrent.futures.TimeoutError:
            warnings.warn(f"a batch has been in the making for {SLOW} seconds; still waiting for it", stacklevel=3)
        if isinstance(future.exception(), StopIteration) and self._exhausted():
            return _END
        return future.result()

    # What the subclasses differ in

    def _exhausted(self):
        return False

    def _taken(self):
        pass

    def _first_seed(self):
        return int(np.random.randint(0, 2 ** 31 - 1))

    def end_epoch(self):
        """Called when the caller has all batches of an epoch."""


class OrderedEnqueuer(SequenceEnqueuer):
    """The batches of a :class:`~tahr.utils.data_utils.Sequence`, epoch after epoch, in order whatever the workers.

    The sequence's ``on_epoch_end`` is called in the caller's thread when the last batch of an epoch has been used: as
    the next one is asked for, or in ``end_epoch`` or ``stop``. It may change how many batches there are.

    Arguments:
        sequence: a :class:`Sequence`, or anything with ``__getitem__`` and ``__len__``.
        use_multiprocessing: processes instead of threads, default False. They are spawned, so the sequence must be
            picklable; it is sent again after an epoch at whose end it has changed. Before each batch a process seeds
            ``random``, ``np.random`` and tahr's generator with a number that depends on the batch and on the state of
            ``np.random`` at the start alone: results do not depend on which worker makes which batch.
        shuffle: whether the order of the batches is new in each epoch, drawn from ``np.random``.
    """

    def __init__(self, sequence, use_multiprocessing=False, shuffle=False):
        super().__init__(sequence, use_multiprocessing)
        self.shuffle = shuffle

    def _processes(self, workers):
        self.pickled = Pickled(self.sequence)
        return start_processes(self.pickled, workers)

    def _fetch(self, index):
        return self.sequence[index]

    def _taken(self):
        self.left -= 1

    def _tasks(self):
        """The indices of an epoch, then None until all of its batches have been used, then the next epoch."""
        while True:
            self._begin_epoch()
            order = np.random.permutation(self.left) if self.shuffle else range(self.left)
            for index in order:
                yield (int(index),)
            while self.left:
                yield None
            self.end_epoch()

    def _begin_epoch(self):
        begin = getattr(self.sequence, "on_epoch_begin", None)
        if begin is not None:
            begin()
        self.left, self.complete = len(self.sequence), True
        if self.left == 0:
            raise ValueError(f"{type(self.sequence).__name__} has no batches: len(...) is 0")
        if self.use_multiprocessing:
            self.pickled.update()

    def end_epoch(self):
        """Tell the sequence, once, and only if all batches of the epoch have been used."""
        if self.complete and self.left == 0:
            self.complete = False
            end = getattr(self.sequence, "on_epoch_end", None)
            if end is not None:
                end()


class GeneratorEnqueuer(SequenceEnqueuer):
    """The items of a generator or another iterator, made ahead of their use.

    Arguments:
        generator: an iterator; a finite one ends :meth:`get`.
        use_multiprocessing: processes instead of a thread, default False. Each process then has a copy of its own, so
            that several workers repeat items unless the items are random. What cannot be pickled, as generators, is
            inherited by forking where the system can.
        wait_time: not used, as in Keras 2.3.
        random_seed: what the processes' random numbers begin with; default: drawn from ``np.random``.

    Iterators may not be advanced by two threads at once, so a single thread makes the items, whatever ``workers``
    says, and their order is kept.

    >>> enqueuer = GeneratorEnqueuer(n * n for n in range(3))
    >>> enqueuer.start()
    >>> list(enqueuer.get())
    [0, 1, 4]
    """

    def __init__(self, generator, use_multiprocessing=False, wait_time=None, random_seed=None):
        super().__init__(iter(generator), use_multiprocessing)
        self.random_seed = random_seed

    def start(self, workers=1, max_queue_size=10):
        """Begin to make items.

        Arguments:
            workers: how many processes; threads take turns, so without processes there is one.
            max_queue_size: how many items may wait to be used.
        """
        if self.use_multiprocessing and workers > 1:
            warnings.warn("Using a generator with `use_multiprocessing=True` and multiple workers may duplicate your "
                          "data: every process has its own copy. Please consider using the `keras.utils.Sequence` "
                          "class.", stacklevel=2)
        self.exhausted = False
        super().start(workers if self.use_multiprocessing else min(workers, 1), max_queue_size)

    def _processes(self, workers):
        source, method = self.sequence, "fork"
        if not isinstance(source, types.GeneratorType) and _can_be_pickled(source):
            source, method = Pickled(source), "spawn"
            source.update()
        elif "fork" not in multiprocessing.get_all_start_methods():
            raise TypeError(f"this system cannot hand a {type(source).__name__} to another process; use a "
                            f"Sequence, or a thread: use_multiprocessing=False")
        return start_processes(source, workers, method)

    def _first_seed(self):
        return super()._first_seed() if self.random_seed is None else self.random_seed

    def _fetch(self, _):
        return next(self.sequence)

    def _tasks(self):
        while not self.exhausted:
            yield (None,)

    def _exhausted(self):
        self.exhausted = True
        return True


def _can_be_pickled(source):
    try:
        pickle.dumps(source)
    except Exception:
        return False
    return True
