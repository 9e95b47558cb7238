"""Windows of time series, batch by batch."""

import json

import numpy as np

from ..utils.sequences import Sequence


class TimeseriesGenerator(Sequence):
    """Batches of windows of a series, and the target of the step that follows each window.

    Window ``r`` holds ``data[r - length:r:sampling_rate]``, and its target is ``targets[r]``.

    Arguments:
        data: the series, indexed by time along its first axis; a list or an array.
        targets: one for each step, as many as ``data`` has.
        length: how many steps a window spans.
        sampling_rate: take every so-manieth step of a window, default 1.
        stride: how many steps lie between one window and the next, default 1.
        start_index, end_index: the first and the last step to use; default: all.
        shuffle: whether each batch takes random windows (from ``np.random``, with repetitions), default False.
        reverse: whether windows run backward in time, default False.
        batch_size: windows of a batch, default 128; the last may have fewer.

    Raises:
        ValueError: for data and targets of different lengths, and when no window fits.

    >>> series = TimeseriesGenerator(np.arange(6), np.arange(6) * 10, length=2, batch_size=3)
    >>> x, y = series[0]
    >>> x
    array([[0, 1],
           [1, 2],
           [2, 3]])
    >>> y
    array([20, 30, 40])
    """

    def __init__(self, data, targets, length, sampling_rate=1, stride=1, start_index=0, end_index=None, shuffle=False,
                 reverse=False, batch_size=128):
        if len(data) != len(targets):
            raise ValueError(f"data and targets must have the same length, got {len(data)} and {len(targets)}")
        super().__init__()
        self.data, self.targets, self.length = data, targets, length
        self.sampling_rate, self.stride = sampling_rate, stride
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle, self.reverse, self.batch_size = shuffle, reverse, batch_size
        if self.start_index > self.end_index:
            raise ValueError(f"`start_index+length={self.start_index} > end_index={self.end_index}` is disallowed, as "
                             f"no part of the sequence would be left to be used as current step.")

    def __len__(self):
        span = self.batch_size * self.stride
        return (self.end_index - self.start_index + span) // span

    def __getitem__(self, index):
        if self.shuffle:
            rows = np.random.randint(self.start_index, self.end_index + 1, self.batch_size)
        else:
            index = range(len(self))[index]     # so that -1 is the last, and one beyond raises
            first = self.start_index + self.batch_size * self.stride * index
            rows = range(first, min(first + self.batch_size * self.stride, self.end_index + 1), self.stride)
        samples = np.array([self.data[row - self.length:row:self.sampling_rate] for row in rows])
        targets = np.array([self.targets[row] for row in rows])
        return (samples[:, ::-1] if self.reverse else samples), targets

    def get_config(self):
        """The arguments that make an equal object, the series as JSON; TypeError for what JSON cannot hold."""
        data, targets = (_as_json(name, getattr(self, name)) for name in ("data", "targets"))
        return {"data": data, "targets": targets, "length": self.length, "sampling_rate": self.sampling_rate,
                "stride": self.stride, "start_index": self.start_index, "end_index": self.end_index,
                "shuffle": self.shuffle, "reverse": self.reverse, "batch_size": self.batch_size}

    def to_json(self, **kwargs):
        """The object as JSON, for :func:`timeseries_generator_from_json`; ``kwargs`` go to ``json.dumps``."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


def _as_json(name, series):
    try:
        return json.dumps(series.tolist() if isinstance(series, np.ndarray) else series)
    except TypeError as error:
        raise TypeError(f"{name} must be numbers that JSON can hold: {error}") from None


def timeseries_generator_from_json(json_string):
    """The :class:`TimeseriesGenerator` whose ``to_json`` this is, its series as arrays.

    >>> made = TimeseriesGenerator([1, 2, 3], [4, 5, 6], length=1)
    >>> timeseries_generator_from_json(made.to_json())[0][1]
    array([5, 6])
    """
    config = dict(json.loads(json_string)["config"])
    series = {name: np.array(json.loads(config.pop(name))) for name in ("data", "targets")}
    config["start_index"] -= config["length"]       # Keras writes the sum, and reads it as start_index
    return TimeseriesGenerator(**series, **config)


class _Windows(Sequence):
    """What :func:`timeseries_dataset_from_array` returns."""

    def __init__(self, data, targets, steps, starts, batch_size, random):
        super().__init__()
        self.data, self.targets, self.steps, self.starts, self.batch_size = data, targets, steps, starts, batch_size
        self.random = random
        self.on_epoch_end()

    def __len__(self):
        return -(-len(self.starts) // (self.batch_size or 1))

    def __getitem__(self, index):
        index = range(len(self))[index]
        if self.batch_size is None:
            starts = self.starts[index]
            windows = self.data[starts + self.steps]
        else:
            starts = self.starts[index * self.batch_size:(index + 1) * self.batch_size]
            windows = self.data[starts[:, None] + self.steps]
        return windows if self.targets is None else (windows, self.targets[starts])

    def on_epoch_end(self):
        if self.random is not None:
            self.random.shuffle(self.starts)


def timeseries_dataset_from_array(data, targets, sequence_length, sequence_stride=1, sampling_rate=1, batch_size=128,
                                  shuffle=False, seed=None, start_index=None, end_index=None):
    """Batches of windows of a series, as Keras 3 cuts them: window ``s`` begins at step ``s``, and so does its target.

    Arguments:
        data: the series, an array indexed by time along its first axis.
        targets: ``targets[s]`` belongs to the window that begins at step ``s``; None for windows alone.
        sequence_length: how many values a window has.
        sequence_stride: how many steps lie between the beginnings of windows, default 1.
        sampling_rate: how many steps lie between the values of a window, default 1.
        batch_size: windows of a batch, default 128; the last may have fewer. None gives them one by one.
        shuffle: whether the windows come in random order, a new one after each epoch, default False.
        seed: of these orders; default: drawn from ``np.random``.
        start_index, end_index: use the steps from the first to before the last; default: all.

    Returns:
        A :class:`~tahr.utils.data_utils.Sequence` of ``(windows, targets)``.

    Raises:
        ValueError: for a size that is not positive, and when no window fits.

    >>> batches = timeseries_dataset_from_array(np.arange(5), np.arange(5), 3, batch_size=2)
    >>> batches[0]
    (array([[0, 1, 2],
           [1, 2, 3]]), array([0, 1]))
    """
    sizes = {"sequence_length": sequence_length, "sequence_stride": sequence_stride, "sampling_rate": sampling_rate,
             "batch_size": 1 if batch_size is None else batch_size}
    for name, value in sizes.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ValueError(f"{name} must be a positive integer, got {value!r}")
    data, targets = np.asarray(data), None if targets is None else np.asarray(targets)
    first, end, _ = slice(start_index, end_index).indices(len(data))
    last = end - (sequence_length - 1) * sampling_rate
    if targets is not None:
        last = min(last, len(targets))
    starts = np.arange(first, last, sequence_stride)
    if not len(starts):
        raise ValueError(f"no window of {sequence_length} steps at a sampling rate of {sampling_rate} fits into the "
                         f"steps from {first} to {end}")
    random = None
    if shuffle:
        random = np.random.RandomState(np.random.randint(2 ** 31 - 1) if seed is None else seed)
    return _Windows(data, targets, np.arange(sequence_length) * sampling_rate, starts, batch_size, random)
