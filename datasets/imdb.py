"""IMDB: 50,000 film reviews as lists of word numbers, positive or negative."""

import json

import numpy as np

from ..utils.spellings import spellings
from . import cache
from .pickled import load_npz
from .texts import shorter, shuffled, vocabulary

URL = cache.KERAS + "imdb.npz"
SHA256 = "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
INDEX_URL = cache.KERAS + "imdb_word_index.json"
INDEX_MD5 = "bfafd718b763782e994055a2d397834f"


@spellings()
def load_data(path=None, num_words=None, skip_top=0, maxlen=None, seed=113, start_char=1, oov_char=2, index_from=3):
    """Load the IMDB reviews as lists of word numbers, downloading them once (17 MB) when they are not in the cache.

    Words are numbered by how often they occur, from ``index_from + 1`` on.

    Arguments:
        path: where Keras's ``imdb.npz`` lies; see :func:`tahr.datasets.mnist.load_data`.
        num_words: only numbers below this one are kept; default: below the largest.
        skip_top: only numbers from this one on are kept, default 0.
        maxlen: only reviews of fewer words are kept; default: all.
        seed: of the order of the reviews.
        start_char: the number with which each review begins, default 1; None for none.
        oov_char: what takes the place of words that are not kept, default 2; None leaves them out.
        index_from: what is added to each word's number, default 3.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: object arrays of lists, and int64 labels, 1 for positive.

    Raises:
        FileNotFoundError: there is no such file, and downloading it failed or was not allowed.
        ValueError: the file is another one, or no review has fewer than ``maxlen`` words.

    Source: A. Maas et al., "Learning word vectors for sentiment analysis", ACL 2011.

    >>> (x_train, y_train), (x_test, y_test) = load_data(num_words=20000)  # doctest: +SKIP
    """
    arrays = load_npz(cache.locate("imdb", "imdb.npz", path, URL, SHA256))
    random = np.random.RandomState(seed)
    halves = [shuffled(arrays[f"x_{part}"], arrays[f"y_{part}"], random) for part in ("train", "test")]
    halves = [shorter(texts.shifted(index_from or 0, start_char), labels, maxlen) for texts, labels in halves]
    num_words = vocabulary(num_words, *(texts for texts, _ in halves))
    train, test = ((texts.limited(skip_top, num_words, oov_char).lists(), labels) for texts, labels in halves)
    return train, test


def get_word_index(path=None):
    """A dict from words to their numbers, before ``index_from`` is added.

    Arguments:
        path: where Keras's ``imdb_word_index.json`` lies; see :func:`tahr.datasets.mnist.load_data`.

    >>> get_word_index()["the"]  # doctest: +SKIP
    1
    """
    file = cache.locate("imdb", "imdb_word_index.json", path, INDEX_URL, INDEX_MD5)
    return json.loads(file.read_text(encoding="utf-8"))
