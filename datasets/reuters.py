"""Reuters: 11,228 news messages as lists of word numbers, of 46 topics."""

import json

import numpy as np

from ..utils.spellings import spellings
from . import cache
from .pickled import load_npz
from .splits import check_split
from .texts import shorter, shuffled, vocabulary

URL = cache.KERAS + "reuters.npz"
SHA256 = "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
INDEX_URL = cache.KERAS + "reuters_word_index.json"
INDEX_MD5 = "4d44cc38712099c9e383dc6e5f11a921"
LABELS = """cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton
carcass crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi
iron-steel rubber heat jobs lei bop zinc orange pet-chem dlr gas silver wpi hog lead""".split()


@spellings()
def load_data(path=None, num_words=None, skip_top=0, maxlen=None, test_split=0.2, seed=113, start_char=1, oov_char=2,
              index_from=3):
    """Load the Reuters messages as lists of word numbers, downloading them once (2 MB) when they are not in the cache.

    Arguments:
        path: where Keras's ``reuters.npz`` lies; see :func:`tahr.datasets.mnist.load_data`.
        test_split: the share of the messages that becomes test data, from 0 to below 1, default 0.2.
        num_words, skip_top, maxlen, seed, start_char, oov_char, index_from: as for
            :func:`tahr.datasets.imdb.load_data`.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: object arrays of lists, and int64 labels from 0 to 45, whose names
        :func:`get_label_names` gives.

    Raises:
        FileNotFoundError: there is no such file, and downloading it failed or was not allowed.
        ValueError: the file is another one, ``test_split`` lies outside, or no message has fewer than ``maxlen`` words.

    Source: D. Lewis, "Reuters-21578 text categorization test collection", as packed by Keras.

    >>> (x_train, y_train), (x_test, y_test) = load_data(num_words=1000)  # doctest: +SKIP
    """
    check_split("reuters", test_split)
    arrays = load_npz(cache.locate("reuters", "reuters.npz", path, URL, SHA256))
    texts, labels = shuffled(arrays["x"], arrays["y"], np.random.RandomState(seed))
    texts, labels = shorter(texts.shifted(index_from or 0, start_char), labels, maxlen)
    lists = texts.limited(skip_top, vocabulary(num_words, texts), oov_char).lists()
    train = int(len(lists) * (1 - test_split))
    return (lists[:train], labels[:train]), (lists[train:], labels[train:])


def get_word_index(path=None):
    """A dict from words to their numbers, before ``index_from`` is added.

    Arguments:
        path: where Keras's ``reuters_word_index.json`` lies; see :func:`tahr.datasets.mnist.load_data`.

    >>> get_word_index()["the"]  # doctest: +SKIP
    1
    """
    file = cache.locate("reuters", "reuters_word_index.json", path, INDEX_URL, INDEX_MD5)
    return json.loads(file.read_text(encoding="utf-8"))


def get_label_names():
    """The names of the 46 topics, in the order of their numbers.

    >>> get_label_names()[3]
    'earn'
    """
    return tuple(LABELS)
