"""The progress bar."""

import sys
import time

from .base import Callback


def shown(logs):
    """``loss: 0.1234 - accuracy: 0.9876``."""
    return " - ".join(f"{k}: {v:.4f}" if abs(v) >= 1e-3 or v == 0 else f"{k}: {v:.4e}" for k, v in logs.items())


class ProgbarLogger(Callback):
    """Shows how training goes: a bar for each epoch on a terminal, a plain line for each where there is none.

    Arguments:
        verbose: 1 for the bar, 2 for lines always.
        stream: where to; default: standard output.
    """

    def __init__(self, verbose=1, stream=None):
        self.verbose, self.stream, self.bar = verbose, stream, None

    def on_train_begin(self, logs=None):
        self.stream = self.stream or sys.stdout
        self.as_bar = self.verbose == 1 and self.stream.isatty()

    def on_epoch_begin(self, epoch, logs=None):
        self.started, self.batches, self.redrawn = time.perf_counter(), 0, 0.0
        self.title = f"Epoch {epoch + 1}/{self.params['epochs']}"
        if self.as_bar:
            from tqdm import tqdm
            self.bar = tqdm(total=self.params["steps"], desc=self.title, file=self.stream, unit="batch", ascii=" =",
                            bar_format="{desc} {n_fmt}/{total_fmt} [{bar:30}] {elapsed}<{remaining}{postfix}")

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1
        if self.bar is not None:
            now = time.perf_counter()
            if now - self.redrawn > 0.1:        # formatting every batch would cost more than a small model's step
                self.bar.set_postfix_str(shown(logs), refresh=False)
                self.redrawn = now
            self.bar.update()

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
