"""Threads and processes that make batches.

A :class:`Workers` is a crew of threads with one list of tasks. Where processes are asked for, each thread owns one and
hands its tasks on through a pipe. So threads and processes are one code, and everything ends with the pipes: a process
whose parent has gone reads the end of its pipe and goes too; a thread whose process has died reads the same, and says
so instead of waiting for ever.
"""

import concurrent.futures
import contextlib
import multiprocessing
import pickle
import queue
import random
import signal
import threading
import traceback

import numpy as np

from . import rng, settings


class WorkerTraceback(Exception):  # noqa: N818 (no error itself: the cause of one, which shows where it came from)
    """Where in a worker process an error was raised."""

    def __str__(self):
        return "\n" + self.args[0]


class Workers:
    """Threads that fetch items, each perhaps by a process of its own.

    Arguments:
        fetch: ``fetch(index)`` returns an item; what the threads call if there are no processes.
        count: how many threads.
        processes: one :class:`Process` for each thread, or None.
    """

    def __init__(self, fetch, count, processes=None):
        self.tasks, self.processes = queue.SimpleQueue(), processes or []
        fetches = [process.fetch for process in self.processes] or [fetch] * count
        self.threads = [threading.Thread(target=_work, args=(self.tasks, f), daemon=True, name=f"tahr-worker-{i}")
                        for i, f in enumerate(fetches)]
        for thread in self.threads:
            thread.start()

    def submit(self, *task):
        """A future of ``fetch(*task)``."""
        future = concurrent.futures.Future()
        self.tasks.put((future, task))
        return future

    def stop(self, timeout=None):
        """End all threads and processes. A thread finishes the batch that it is making; a process does not."""
        for _ in self.threads:
            self.tasks.put(None)
        for process in self.processes:
            process.stop()
        for thread in self.threads:
            thread.join(timeout)


def _work(tasks, fetch):
    """What a thread does until it reads None."""
    while (item := tasks.get()) is not None:
        future, task = item
        if not future.set_running_or_notify_cancel():
            continue
        try:
            future.set_result(fetch(*task))
        except BaseException as error:      # of any kind: the caller of future.result() is to see it
            future.set_exception(error)
        del future, item, task              # or the last batch would live until the next task comes


class Process:
    """A process with its own copy of a source of items.

    Arguments:
        source: a :class:`Pickled`, whose changes are sent along with the next task; or any iterator, which a forked
            process simply inherits.
        method: ``'spawn'`` or ``'fork'``.
    """

    def __init__(self, source, method="spawn"):
        context = multiprocessing.get_context(method)
        self.source, self.sent = source, None
        self.connection, theirs = context.Pipe()
        inherited = source if method == "fork" else None
        ours = self.connection if method == "fork" else None
        self.process = context.Process(target=_serve, args=(theirs, ours, inherited), daemon=True)
        self.process.start()
        theirs.close()

    def fetch(self, index, seed):
        """Item ``index`` of the source, or the next one for None, made with random numbers from ``seed``."""
        content = None
        if isinstance(self.source, Pickled) and self.source.content is not self.sent:
            content = self.sent = self.source.content
        try:
            self.connection.send((content, index, seed))
            done, answer = self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            raise RuntimeError(_died(self.process.exitcode)) from None
        if done:
            return answer
        error, text = answer
        raise error from WorkerTraceback(text)

    def stop(self):
        """End it at once."""
        self.process.terminate()
        self.process.join()
        # The connection is left to the thread that may be reading from it; it reads the end and lets go.


def start_processes(source, count, method="spawn"):
    """``count`` processes, or none if one of them cannot be started."""
    started = []
    try:
        for _ in range(count):
            started.append(Process(source, method))
    except BaseException:
        for process in started:
            process.stop()
        raise
    return started


def _died(code):
    how = f"was ended by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
    return (f"a worker process {how} before it could answer. Each one imports your program when it starts, so a "
            f"program must begin its work under `if __name__ == '__main__':`; a kill may mean that memory ran out. "
            f"use_multiprocessing=False makes the batches in threads instead")


class Pickled:
    """The pickle of an object, for processes to load."""

    def __init__(self, source):
        self.source, self.content = source, None

    def update(self):
        """Pickle the object as it is now; equal content is kept, so that it is not sent again.

        Raises:
            TypeError: if it cannot be pickled.
        """
        try:
            content = pickle.dumps(self.source, pickle.HIGHEST_PROTOCOL)
        except Exception as error:
            raise TypeError(
                f"with use_multiprocessing=True the data source is sent to other processes by pickle, and "
                f"{type(self.source).__name__} cannot be pickled ({error}); define its class and functions at the top "
                f"level of a module, open files in __getitem__, or use threads: use_multiprocessing=False") from error
        if content != self.content:
            self.content = content


def _serve(connection, others_end, source):
    """What a process does until its parent closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)        # Ctrl-C is for the parent, who ends this process
    if others_end is not None:
        others_end.close()
    settings.set_num_threads(1)         # the workers are the parallel part
    with contextlib.suppress(EOFError, OSError):        # when the parent is gone
        while True:
            content, index, seed = connection.recv()
            if content is not None:
                source = _loaded(content)
            connection.send_bytes(_answer(source, index, seed))


def _loaded(content):
    try:
        return pickle.loads(content)
    except Exception as error:      # to be answered to every task
        return error


def _answer(source, index, seed):
    """A pickled ``(True, item)`` or ``(False, (error, traceback))``."""
    try:
        if isinstance(source, Exception):
            raise source
        _seed(seed)
        return pickle.dumps((True, next(source) if index is None else source[index]), pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        return pickle.dumps((False, (_portable(error), traceback.format_exc())))


def _seed(seed):
    random.seed(seed)
    np.random.seed(seed % 2 ** 32)
    rng.seed_default(seed)


def _portable(error):
    """The error if it survives a pickle, else a RuntimeError that says what it was."""
    try:
        if type(pickle.loads(pickle.dumps(error))) is type(error):
            return error
    except Exception:
        pass
    return RuntimeError(f"{type(error).__name__}: {error}")
