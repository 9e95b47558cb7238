"""Writing down what happens: into files and to servers."""

import csv
import json
import urllib.error
import urllib.parse
import urllib.request
import warnings

from .base import Callback


def plain(value):
    """A log as a Python number, or a list of them.

    >>> import numpy as np
    >>> plain(np.float32(0.5)), plain(np.array([1.0, 2.0])), plain("x")
    (0.5, [1.0, 2.0], 'x')
    """
    return value.tolist() if hasattr(value, "tolist") else value


class BaseLogger(Callback):
    """Fills the logs of an epoch with the means of those of its batches, weighted by their ``size``, where they lack.

    The metrics of a model are means of the epoch by themselves; this is for programs that make their own batch logs.

    Arguments:
        stateful_metrics: logs whose last value is taken instead of the mean.

    >>> logger, logs = BaseLogger(), {}
    >>> logger.on_epoch_begin(0)
    >>> logger.on_train_batch_end(0, {"size": 1, "loss": 1.0})
    >>> logger.on_train_batch_end(1, {"size": 3, "loss": 3.0})
    >>> logger.on_epoch_end(0, logs)
    >>> logs
    {'loss': 2.5}
    """

    kept = ("seen", "totals")

    def __init__(self, stateful_metrics=None):
        self.stateful_metrics = set(stateful_metrics or ())

        self.seen, self.totals = 0, {}

    def on_epoch_begin(self, epoch, logs=None):
        self.seen, self.totals = 0, {}

    def on_train_batch_end(self, batch, logs=None):
        size = (logs or {}).get("size", 1)
        self.seen += size
        for name, value in (logs or {}).items():
            if name in ("batch", "size"):
                continue
            self.totals[name] = value if name in self.stateful_metrics else self.totals.get(name, 0) + value * size

    def on_epoch_end(self, epoch, logs=None):
        for name, total in self.totals.items():
            if logs is not None and self.seen:
                logs.setdefault(name, total if name in self.stateful_metrics else total / self.seen)


class CSVLogger(Callback):
    """Writes a row for each epoch into a CSV file, at once, so that nothing is lost if training breaks off.

    Arguments:
        filename: the file.
        separator: between the columns, default ``','``.
        append: whether to go on at the end of a file that is there, without a second header; default False.

    >>> CSVLogger("training.csv").separator
    ','
    """

    def __init__(self, filename, separator=",", append=False):
        self.filename, self.separator, self.append = filename, separator, append
        self.keys = self.file = None
        self.size = 0

    def on_train_begin(self, logs=None):
        self.keys = None
        self.file = open(self.filename, "a", newline="", encoding="utf-8")
        self.size = self.file.tell() if self.append else 0

    def get_state(self):
        return {"keys": self.keys, "size": self.size}

    def set_state(self, state):
        """Go on behind the rows that were there; what was written after them is written again."""
        self.keys, self.size = state["keys"], min(state["size"], self.file.tell())

    def on_epoch_end(self, epoch, logs=None):
        if self.file.tell() != self.size:       # rows of another training, or ones that are trained once more
            self.file.truncate(self.size)
            self.file.seek(self.size)
        logs, writer = logs or {}, csv.writer(self.file, delimiter=self.separator)
        if self.keys is None:
            later = [name for name in (self.params or {}).get("metrics") or () if name.startswith("val_")]
            self.keys = sorted({*logs, *later})
            if self.size == 0:
                writer.writerow(["epoch", *self.keys])
        writer.writerow([epoch, *(_cell(logs[key]) if key in logs else "NA" for key in self.keys)])
        self.file.flush()
        self.size = self.file.tell()

    def on_train_end(self, logs=None):
        if self.file is not None:
            self.file.close()
            self.file = None


def _cell(value):
    value = plain(value)
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else value


class RemoteMonitor(Callback):
    """Sends the logs of each epoch to a server, by HTTP POST; warns where it cannot be reached.

    Arguments:
        root: the server, default ``'http://localhost:9000'``.
        path: where on it, default ``'/publish/epoch/end/'``.
        field: the form field that takes the JSON, default ``'data'``.
        headers: a dict of HTTP headers, default none.
        send_as_json: whether the JSON is the body itself, default False.

    >>> RemoteMonitor().root
    'http://localhost:9000'
    """

    def __init__(self, root="http://localhost:9000", path="/publish/epoch/end/", field="data", headers=None,
                 send_as_json=False):
        if not root.startswith(("http://", "https://")):
            raise ValueError(f"root must begin with http:// or https://, got {root!r}")
        self.root, self.path, self.field, self.headers = root, path, field, headers
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch, logs=None):
        text = json.dumps({"epoch": epoch, **{name: plain(value) for name, value in (logs or {}).items()}})
        headers = {**({"Content-Type": "application/json"} if self.send_as_json else {}), **(self.headers or {})}
        body = text if self.send_as_json else urllib.parse.urlencode({self.field: text})
        request = urllib.request.Request(self.root + self.path, body.encode(), headers, method="POST")
        try:
            urllib.request.urlopen(request, timeout=10).close()
        except (urllib.error.URLError, OSError) as error:
            warnings.warn(f"RemoteMonitor could not send to {self.root + self.path}: {error}", RuntimeWarning,
                          stacklevel=2)
