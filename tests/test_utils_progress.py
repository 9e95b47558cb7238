"""The progress bar for loops of one's own."""

import io
import re

import numpy as np
import pytest

from tahr.utils import progress
from tahr.utils.progress import Progbar


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Time that stands still until it is told to pass."""
    class Clock:
        now = 100.0

    monkeypatch.setattr(progress.time, "perf_counter", lambda: Clock.now)
    return Clock


def test_a_terminal_shows_a_growing_bar(clock):
    screen = Terminal()
    bar = Progbar(4, width=8, stream=screen)
    for step in range(1, 5):
        clock.now += 2
        bar.update(step, [("loss", 1.0 / step), ("tiny", 1e-5)])
    lines = screen.getvalue().split("\r")[1:]
    assert lines[0] == "1/4 [==>.....] - ETA: 6s - loss: 1.0000 - tiny: 1.0000e-05"
    assert lines[1].startswith("2/4 [====>...] - ETA: 4s - loss: 0.7500")
    assert lines[3].rstrip() == "4/4 [========] - 8s - 2s/step - loss: 0.5208 - tiny: 1.0000e-05"
    assert screen.getvalue().endswith("\n") and screen.getvalue().count("\n") == 1


def test_a_shorter_line_covers_the_longer_one_before(clock):
    screen = Terminal()
    bar = Progbar(100, width=10, stream=screen)
    for step in (50, 100):
        clock.now += 100
        bar.update(step)
    longer, shorter = screen.getvalue().rstrip("\n").split("\r")[1:]
    assert len(longer) <= len(shorter) and "ETA: 1:40" in longer


def test_it_is_not_drawn_more_often_than_the_interval(clock):
    screen = Terminal()
    bar = Progbar(100, interval=1.0, stream=screen)
    for step in range(1, 100):
        clock.now += 0.1
        bar.update(step)
    assert 9 <= screen.getvalue().count("\r") <= 11
    bar.update(100)
    assert "100/100" in screen.getvalue()


@pytest.mark.parametrize("verbose, terminal, lines", [(0, True, 0), (0, False, 0), (1, False, 1), (2, False, 1),
                                                      (2, True, 1)])
def test_files_get_one_line(verbose, terminal, lines, clock):
    stream = Terminal() if terminal else io.StringIO()
    bar = Progbar(2, verbose=verbose, stream=stream)
    bar.add(1, [("a", 1)])
    clock.now += 0.5
    bar.add(1, [("a", 3)])
    assert stream.getvalue().count("\n") == lines and "\r" not in stream.getvalue()
    if lines:
        assert stream.getvalue() == "2/2 - 0s - 250ms/step - a: 2.0000\n"


def test_values_are_means_over_steps_but_for_stateful_ones(clock):
    stream = io.StringIO()
    bar = Progbar(10, stream=stream, stateful_metrics=["auc"])
    bar.update(2, [("loss", 1.0), ("auc", 0.1)])
    bar.update(10, [("loss", np.float32(2.0)), ("auc", 0.9)])
    assert "loss: 1.8000" in stream.getvalue() and "auc: 0.9000" in stream.getvalue()


def test_an_unknown_target_and_other_units(clock):
    screen = Terminal()
    bar = Progbar(None, stream=screen, unit_name="file")
    bar.update(0, [("size", 7)])
    clock.now += 3
    bar.update(3, finalize=True)
    assert re.search(r"\r3 - 3s - 1s/file - size: 7.0000 *\n$", screen.getvalue())


def test_it_writes_to_standard_output_by_default(capsys):
    Progbar(1, verbose=2).update(1)
    assert capsys.readouterr().out.startswith("1/1 - 0s")


@pytest.mark.parametrize("seconds, text", [(0, "0s"), (59.9, "59s"), (61, "1:01"), (3661, "1:01:01")])
def test_durations(seconds, text):
    assert progress.duration(seconds) == text
