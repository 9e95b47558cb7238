"""A progress bar for loops of one's own."""

import sys
import time

import numpy as np


def number(value):
    """A number in few digits.

    >>> number(0.25), number(0.0), number(1e-5)
    ('0.2500', '0.0000', '1.0000e-05')
    """
    return f"{value:.4f}" if abs(value) > 1e-3 or value == 0 else f"{value:.4e}"


def duration(seconds):
    """A time in words.

    >>> duration(3700), duration(62), duration(5)
    ('1:01:40', '1:02', '5s')
    """
    seconds = int(seconds)
    if seconds >= 3600:
        return f"{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"
    return f"{seconds // 60}:{seconds % 60:02d}" if seconds >= 60 else f"{seconds}s"


def step_time(seconds):
    """The time of a step in words.

    >>> step_time(2.4), step_time(0.004), step_time(0.0000042)
    ('2s', '4ms', '4us')
    """
    if seconds >= 1:
        return f"{seconds:.0f}s"
    return f"{1e3 * seconds:.0f}ms" if seconds >= 1e-3 else f"{1e6 * seconds:.0f}us"


class Progbar:
    """A bar that grows with the steps done, and means of values.

    On a terminal the line is drawn again and again; elsewhere only the last one is written, for a file full of them
    helps no one.

    Arguments:
        target: how many steps there are; None if that is not known.
        width: of the bar, in characters, default 30.
        verbose: 0 writes nothing, 1 the bar, 2 one line at the end.
        interval: the seconds between two drawings at least, default 0.05.
        stateful_metrics: the names of values that are shown as they are; of all others the mean over the steps is.
        unit_name: the word for a step, default ``'step'``.
        stream: where to; default: standard output.

    >>> bar = Progbar(3, verbose=2)
    >>> for step, loss in enumerate([3.0, 2.0, 1.0], 1):
    ...     bar.update(step, [("loss", loss)])      # doctest: +ELLIPSIS
    3/3 - 0s - ...s/step - loss: 2.0000
    """

    def __init__(self, target, width=30, verbose=1, interval=0.05, stateful_metrics=None, unit_name="step",
                 stream=None):
        self.target, self.width, self.verbose, self.interval = target, width, verbose, interval
        self.stateful_metrics, self.unit_name = set(stateful_metrics or ()), unit_name
        self.stream = stream
        self._values = {}       # name: the sum and the number of steps in it
        self._seen_so_far = self._drawn = 0
        self._start, self._last_update = time.perf_counter(), -float("inf")

    def update(self, current, values=None, finalize=None):
        """Say how many steps are done.

        Arguments:
            current: the number of steps done.
            values: pairs ``(name, value)``, the value being the mean over the steps since the last update.
            finalize: whether this is the last update; default: when ``current`` reaches ``target``.
        """
        steps = max(current - self._seen_so_far, 1)
        for name, value in values or ():
            if name in self.stateful_metrics:
                self._values[name] = [value, 1]
            else:
                total, count = self._values.get(name, (0, 0))
                self._values[name] = [total + value * steps, count + steps]
        self._seen_so_far = current
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        self._draw(finalize)

    def add(self, n, values=None):
        """Say how many more steps are done; see :meth:`update`."""
        self.update(self._seen_so_far + n, values)

    def _draw(self, finalize):
        stream, now = self.stream or sys.stdout, time.perf_counter()
        if self.verbose == 0:
            return
        if self.verbose == 1 and stream.isatty():
            if finalize or now - self._last_update >= self.interval:
                line = self._line(now - self._start, finalize, self._bar())
                stream.write("\r" + line.ljust(self._drawn) + ("\n" if finalize else ""))
                self._drawn, self._last_update = len(line), now
        elif finalize:
            stream.write(self._line(now - self._start, True, "") + "\n")
        stream.flush()

    def _bar(self):
        if self.target is None:
            return ""
        full = min(int(self.width * self._seen_so_far / max(self.target, 1)), self.width)
        return f" [{('=' * full + '>' * (full < self.width))[:self.width].ljust(self.width, '.')}]"

    def _line(self, seconds, finalize, bar):
        done = self._seen_so_far
        parts = [f"{done}" if self.target is None else f"{done:{len(str(self.target))}d}/{self.target}"]
        per_step = seconds / max(done, 1)
        if finalize or self.target is None:
            parts += [f"{seconds:.0f}s", f"{step_time(per_step)}/{self.unit_name}"]
        else:
            parts.append(f"ETA: {duration(per_step * (self.target - done))}")
        parts[0] += bar
        for name, (total, count) in self._values.items():
            parts.append(f"{name}: {number(float(np.mean(total / count)))}")
        return " - ".join(parts)
