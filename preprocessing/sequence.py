"""Sequences: padded to one length, cut into windows, and pairs of neighbouring words."""

import random

import numpy as np

from .timeseries import TimeseriesGenerator, timeseries_dataset_from_array, timeseries_generator_from_json

__all__ = ["TimeseriesGenerator", "make_sampling_table", "pad_sequences", "skipgrams",
           "timeseries_dataset_from_array", "timeseries_generator_from_json"]


def pad_sequences(sequences, maxlen=None, dtype="int32", padding="pre", truncating="pre", value=0.0):
    """Sequences of different lengths as one array: short ones are filled up, long ones cut.

    Arguments:
        sequences: a list of sequences; the steps may be numbers or arrays of one shape.
        maxlen: the length of all rows; default: that of the longest.
        dtype: of the result, default ``'int32'``; ``object`` or a text type for strings.
        padding: ``'pre'``, the default, fills up at the beginning, ``'post'`` at the end.
        truncating: ``'pre'``, the default, cuts off the beginning, ``'post'`` the end.
        value: what fills up, default 0.

    Returns:
        An array of shape ``(len(sequences), maxlen, *shape of a step)``.

    Raises:
        ValueError: for an unknown ``padding`` or ``truncating``, for a sequence that is none, for steps of different
            shapes, and for a ``value`` that ``dtype`` cannot hold.

    >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2)
    array([[0, 1],
           [2, 3],
           [5, 6]], dtype=int32)
    >>> pad_sequences([[1], [4, 5, 6]], maxlen=2, padding="post", truncating="post", value=9)
    array([[1, 9],
           [4, 5]], dtype=int32)
    """
    for name, given in (("padding", padding), ("truncating", truncating)):
        if given not in ("pre", "post"):
            raise ValueError(f"{name} must be 'pre' or 'post', got {given!r}")
    if not hasattr(sequences, "__len__"):
        raise ValueError(f"pad_sequences: sequences must be a list of sequences, got {type(sequences).__name__}")
    for i, row in enumerate(sequences):
        if not hasattr(row, "__len__"):
            raise ValueError(f"pad_sequences: `sequences` must be a list of iterables; found non-iterable {row!r} at "
                             f"index {i}")
    maxlen = max(map(len, sequences), default=0) if maxlen is None else maxlen
    step = next((np.shape(row)[1:] for row in sequences if len(row)), ())
    padded = np.full((len(sequences), maxlen, *step), value, _checked_dtype(dtype, value))
    for i, row in enumerate(sequences):
        kept = row[max(len(row) - maxlen, 0):] if truncating == "pre" else row[:maxlen]
        if not len(kept):
            continue
        kept = np.asarray(kept, padded.dtype)
        if kept.shape[1:] != step:
            raise ValueError(f"pad_sequences: the steps of all sequences must have one shape, got {kept.shape[1:]} in "
                             f"sequence {i}, and {step} before")
        padded[i, slice(maxlen - len(kept), None) if padding == "pre" else slice(len(kept))] = kept
    return padded


def _checked_dtype(dtype, value):
    if isinstance(value, str) and dtype is not object and np.dtype(dtype).kind not in "OSU":
        raise ValueError(f"pad_sequences: the dtype {dtype!r} cannot hold the value {value!r}; for strings use "
                         f"dtype=object")
    return np.dtype(dtype)


def make_sampling_table(size, sampling_factor=1e-5):
    """How likely each word is to be kept by :func:`skipgrams`, if words are numbered by how often they occur.

    By Zipf's law the word of rank ``r`` has the frequency ``1 / (r (log r + gamma) + 1/2 - 1 / (12 r))``, with Euler's
    constant ``gamma = 0.577``; it is kept with the probability ``min(1, sqrt(sampling_factor / frequency))``.

    Arguments:
        size: how many words there are.
        sampling_factor: default 1e-5.

    Returns:
        Probabilities, float64 of shape ``(size,)``; number 0 is treated as number 1.

    Source: Mikolov et al., Distributed representations of words and phrases and their compositionality, NIPS 2013.

    >>> make_sampling_table(3).round(5)
    array([0.00315, 0.00315, 0.00548])
    """
    rank = np.maximum(np.arange(size), 1.0)
    share = sampling_factor * (rank * (np.log(rank) + 0.577) + 0.5 - 1 / (12 * rank))
    return np.minimum(1.0, np.sqrt(share))


def skipgrams(sequence, vocabulary_size, window_size=4, negative_samples=1.0, shuffle=True, categorical=False,
              sampling_table=None, seed=None):
    """Pairs of words: neighbours, labelled 1, and a word with a random one, labelled 0.

    Arguments:
        sequence: word numbers; 0 is no word and is left out.
        vocabulary_size: the largest word number and one.
        window_size: how far apart neighbours may be, default 4.
        negative_samples: how many random pairs there are for each pair of neighbours, default 1; 0 for none.
        shuffle: whether the pairs come in random order, default True.
        categorical: whether labels are ``[0, 1]`` and ``[1, 0]`` instead of 1 and 0, default False.
        sampling_table: how likely each word is to be considered; see :func:`make_sampling_table`.
        seed: of the random numbers; default: drawn from Python's ``random``, whose state is otherwise left alone.

    Returns:
        ``couples, labels``, two lists.

    Source: Mikolov et al., Efficient estimation of word representations in vector space, 2013.

    >>> skipgrams([1, 2, 3], 4, window_size=1, negative_samples=0, shuffle=False)
    ([[1, 2], [2, 1], [2, 3], [3, 2]], [1, 1, 1, 1])
    """
    seed = random.randint(0, 10 ** 7) if seed is None else seed
    draws = random.Random(seed)
    couples = _neighbours(sequence, window_size, sampling_table, draws)
    positive = len(couples)
    if negative_samples > 0:
        words = [word for word, _ in couples]
        draws.shuffle(words)
        couples += [[words[i % positive], draws.randint(1, vocabulary_size - 1)]
                    for i in range(int(positive * negative_samples))]
    yes, no = ([0, 1], [1, 0]) if categorical else (1, 0)
    labels = [yes if i < positive else no for i in range(len(couples))]
    if shuffle:
        random.Random(seed).shuffle(couples)
        random.Random(seed).shuffle(labels)
    return couples, labels


def _neighbours(sequence, window_size, sampling_table, draws):
    couples = []
    for i, word in enumerate(sequence):
        if not word or sampling_table is not None and sampling_table[word] < draws.random():
            continue
        window = range(max(0, i - window_size), min(len(sequence), i + window_size + 1))
        couples += [[word, sequence[j]] for j in window if j != i and sequence[j]]
    return couples
