"""The progress bar."""

import sys
import time

from .base import Callback


def shown(logs):
    """``loss: 0.1234 - accuracy: 0.9876``."""
    return " - ".join(f"{name}: {_number(value)}" for name, value in logs.items() if name not in ("batch", "size"))


def _number(value):
    if getattr(value, "ndim", 0):       # a metric with a value for each class
        return f"[{', '.join(map(_number, value))}]"
    return f"{value:.4f}" if abs(value) >= 1e-3 or value == 0 else f"{value:.4e}"


class ProgbarLogger(Callback):
    """Shows how training goes: a bar for each epoch on a terminal, a plain line for each where there is none.

    Arguments:
        verbose: 1 for the bar, 2 for lines always.
        stream: where to; default: standard output.
        count_mode: what the bar counts, ``'steps'`` (the default) or ``'samples'``; may come first, as in Keras 2.
        stateful_metrics: Keras 2's, without effect: all metrics are those of the epoch so far.

    Raises:
        ValueError: for another count mode.
    """

    def __init__(self, verbose=1, stream=None, count_mode="steps", stateful_metrics=None):
        if isinstance(verbose, str):
            verbose, count_mode = 1, verbose
        if count_mode not in ("steps", "samples"):
            raise ValueError(f"count_mode must be 'steps' or 'samples', got {count_mode!r}")
        self.verbose, self.stream, self.bar, self.count_mode = verbose, stream, None, count_mode

    def on_train_begin(self, logs=None):
        self.stream = self.stream or sys.stdout
        self.as_bar = self.verbose == 1 and self.stream.isatty()

    def on_epoch_begin(self, epoch, logs=None):
        self.started, self.batches, self.redrawn = time.perf_counter(), 0, 0.0
        self.title = f"Epoch {epoch + 1}/{self.params['epochs']}"
        if self.as_bar:
            from tqdm import tqdm
            total = self.params["steps" if self.count_mode == "steps" else "samples"]
            self.bar = tqdm(total=total, desc=self.title, file=self.stream, unit=self.count_mode[:-1], ascii=" =",
                            bar_format="{desc} {n_fmt}/{total_fmt} [{bar:30}] {elapsed}<{remaining}{postfix}")

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1
        if self.bar is not None:
            now = time.perf_counter()
            if now - self.redrawn > 0.1:        # formatting every batch would cost more than a small model's step
                self.bar.set_postfix_str(shown(logs), refresh=False)
                self.redrawn = now
            self.bar.update(1 if self.count_mode == "steps" else (logs or {}).get("size", 1))

    def on_epoch_end(self, epoch, logs=None):
        seconds = time.perf_counter() - self.started
        if self.bar is not None:
            self.bar.set_postfix_str(shown(logs), refresh=False)
            self.bar.refresh()
            self.bar.close()
            self.bar = None
        else:
            step = f" - {1e3 * seconds / max(self.batches, 1):.3g}ms/step"
            print(f"{self.title} - {seconds:.1f}s{step} - {shown(logs)}", file=self.stream, flush=True)

    def on_train_end(self, logs=None):
        if self.bar is not None:        # training was interrupted
            self.bar.close()
            self.bar = None
