"""Per-thread switches: whether ops are recorded, and whether their gradients are watched."""

import contextlib
import functools
import inspect
import os
import sys
import threading


class _State(threading.local):
    def __init__(self):
        self.recording, self.anomaly, self.recorder = True, False, None
        self.before = []        # what the switches now on found, in the order in which they were turned on


_state = _State()
recorders: list = []        # all that are at work, in any thread: nearly always none, which the gate asks first


def recording():
    """Whether ops leave nodes behind, in this thread."""
    return _state.recording


def anomaly():
    """Whether backward looks for gradients that are not finite, in this thread."""
    return _state.anomaly


def recorder():
    """The recorder that takes down the ops of this thread, or None."""
    return _state.recorder


def start_recorder(recorder):
    """Let it take down the ops of this thread."""
    _state.recorder = recorder
    recorders.append(recorder)


def stop_recorder(recorder):
    """Take down no more."""
    _state.recorder = None
    recorders.remove(recorder)


@contextlib.contextmanager
def unrecorded():
    """Within it the ops of this thread are not taken down."""
    before, _state.recorder = _state.recorder, None
    try:
        yield
    finally:
        _state.recorder = before


class _Switch:
    """A context manager and decorator (of functions and generators) that sets one field of the thread's state."""

    field = ""

    def __init__(self, value):
        self.value = value

    def __enter__(self):
        _state.before.append(getattr(_state, self.field))
        setattr(_state, self.field, self.value)
        return self

    def __exit__(self, *error):
        setattr(_state, self.field, _state.before.pop())

    def __call__(self, function):
        if inspect.isgeneratorfunction(function):
            return self._wrap_generator(function)

        @functools.wraps(function)
        def switched(*args, **kwargs):
            with self:
                return function(*args, **kwargs)
        return switched

    def _wrap_generator(self, function):
        """Switch only while the generator runs, never while its consumer does."""
        @functools.wraps(function)
        def switched(*args, **kwargs):
            generator = function(*args, **kwargs)
            resume, value = generator.send, None
            try:
                while True:
                    with self:
                        item = resume(value)
                    try:
                        resume, value = generator.send, (yield item)
                    except GeneratorExit:
                        raise
                    except BaseException as error:
                        resume, value = generator.throw, error
            except StopIteration as stop:
                return stop.value
            finally:
                with self:
                    generator.close()
        return switched


class GradMode(_Switch):
    """Record ops or not; ``no_grad()`` and ``enable_grad()`` are the names to use."""

    field = "recording"


class AnomalyMode(_Switch):
    """Watch gradients or not; ``detect_anomaly()`` is the name to use."""

    field = "anomaly"


def no_grad():
    """Within it ops leave no graph: for evaluation, and for writing into tensors that require gradients.

    A context manager and a decorator; it holds for the calling thread.

    >>> import tahr
    >>> x = tahr.Tensor([1.0], requires_grad=True)
    >>> with tahr.no_grad():
    ...     (x * 2).requires_grad
    False
    """
    return GradMode(False)


def enable_grad():
    """Within it ops are recorded again, inside :func:`no_grad`. A context manager and a decorator.

    >>> import tahr
    >>> x = tahr.Tensor([1.0], requires_grad=True)
    >>> with tahr.no_grad(), tahr.enable_grad():
    ...     (x * 2).requires_grad
    True
    """
    return GradMode(True)


def set_grad_enabled(mode):
    """:func:`enable_grad` if ``mode`` is true, else :func:`no_grad`.

    >>> import tahr
    >>> x = tahr.Tensor([1.0], requires_grad=True)
    >>> training = False
    >>> with tahr.set_grad_enabled(training):
    ...     (x * 2).requires_grad
    False
    """
    return GradMode(bool(mode))


def detect_anomaly():
    """Within it, backward raises ``FloatingPointError`` at the first gradient that is not finite.

    The message names the op and the line that ran it forward; run both passes inside. Slow: for debugging. A context
    manager and a decorator.

    >>> import tahr
    >>> x = tahr.Tensor([0.0], requires_grad=True)
    >>> with tahr.autograd.detect_anomaly():
    ...     tahr.ops.sqrt(x).sum().backward()       # doctest: +ELLIPSIS
    Traceback (most recent call last):
    FloatingPointError: the gradient of 'sqrt' with respect to argument 0 (shape (1,)) is not finite; the op ran at ...
    """
    return AnomalyMode(True)


def user_line():
    """``file:line`` of the innermost caller that is not part of tahr."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if not (name == _package or name.startswith(_package + ".")):
            return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
        frame = frame.f_back
    return "an unknown line"


_package = __name__.partition(".")[0]
