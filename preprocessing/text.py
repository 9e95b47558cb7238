"""Texts as numbers: split into words, numbered by how often they occur or by a hash, counted in matrices.

>>> tokenizer = Tokenizer()
>>> tokenizer.fit_on_texts(["The cat saw the dog.", "The dog ran."])
>>> tokenizer.texts_to_sequences(["the dog saw a cat"])
[[1, 2, 4, 3]]
"""

import collections
import hashlib
import json

import numpy as np

from ..utils.spellings import spellings

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'


@spellings(input_text="text")
def text_to_word_sequence(text, filters=FILTERS, lower=True, split=" "):
    """The words of a text.

    Arguments:
        text: a string.
        filters: characters that separate words as ``split`` does; default: punctuation but for ``'``, tabs and line
            feeds.
        lower: whether to make everything lower case, default True.
        split: what stands between words, default a space.

    >>> text_to_word_sequence("Don't panic, Ford!")
    ["don't", 'panic', 'ford']
    """
    text = text.lower() if lower else text
    return [word for word in text.translate(dict.fromkeys(map(ord, filters), split)).split(split) if word]


@spellings(input_text="text")
def one_hot(text, n, filters=FILTERS, lower=True, split=" ", analyzer=None):
    """A number from 1 to ``n - 1`` for each word of a text, by a hash: :func:`hashing_trick` with its default.

    >>> one_hot("to be or not to be", 100)
    [5, 66, 50, 12, 5, 66]
    """
    return hashing_trick(text, n, filters=filters, lower=lower, split=split, analyzer=analyzer)


def hashing_trick(text, n, hash_function=None, filters=FILTERS, lower=True, split=" ", analyzer=None):
    """A number from 1 to ``n - 1`` for each word of a text: ``hash(word) % (n - 1) + 1``.

    Different words may have the same number; 0 stands for no word.

    Arguments:
        text: a string.
        n: one more than the largest number, at least 2.
        hash_function: from words to integers, or ``'md5'``, the default. (In Keras the default is Python's ``hash``,
            whose results differ from one run to the next, so that no model can be saved that learnt from them.)
        filters, lower, split: see :func:`text_to_word_sequence`.
        analyzer: a function from a text to its words, to use instead.

    >>> hashing_trick("to be", 10, hash_function=len)
    [3, 3]
    """
    if n < 2:
        raise ValueError(f"hashing_trick: n must be at least 2, since 0 is no word, got {n}")
    if hash_function in (None, "md5"):
        hash_function = _md5
    elif not callable(hash_function):
        raise ValueError(f"hash_function must be 'md5' or a function from words to integers, got {hash_function!r}")
    words = analyzer(text) if analyzer else text_to_word_sequence(text, filters, lower, split)
    return [hash_function(word) % (n - 1) + 1 for word in words]


def _md5(word):
    return int(hashlib.md5(word.encode()).hexdigest(), 16)


class Tokenizer:
    """Numbers the words of some texts by how often they occur, and turns texts into numbers and back.

    Number 0 is no word. Texts may also be lists of words, which are taken as they are but for ``lower``.

    Arguments:
        num_words: use only numbers below this one, so the ``num_words - 1`` most frequent words; default: all.
        filters, lower, split: see :func:`text_to_word_sequence`.
        char_level: whether every character is a word, default False.
        oov_token: what stands for words that are not known; it gets number 1. Default None: they are left out.
        analyzer: a function from a text to its words, to use instead of :func:`text_to_word_sequence`.
        document_count: how many texts have been seen already, default 0.

    Attributes:
        word_index, index_word: dicts from words to numbers and back.
        word_counts: how often each word occurs. word_docs, index_docs: in how many texts a word, a number occurs.
        document_count: how many texts have been seen.

    >>> tokenizer = Tokenizer(oov_token="?")
    >>> tokenizer.fit_on_texts(["a b b", "b c"])
    >>> tokenizer.word_index
    {'?': 1, 'b': 2, 'a': 3, 'c': 4}
    >>> tokenizer.sequences_to_texts(tokenizer.texts_to_sequences(["a x b"]))
    ['a ? b']
    """

    @spellings()
    def __init__(self, num_words=None, filters=FILTERS, lower=True, split=" ", char_level=False, oov_token=None,
                 analyzer=None, document_count=0):
        self.num_words, self.filters, self.lower, self.split = num_words, filters, lower, split
        self.char_level, self.oov_token, self.analyzer = char_level, oov_token, analyzer
        self.document_count = document_count
        self.word_counts, self.word_docs = collections.OrderedDict(), collections.defaultdict(int)
        self.index_docs = collections.defaultdict(int)
        self.word_index, self.index_word = {}, {}

    def fit_on_texts(self, texts):
        """Count the words of some texts, a list or a generator, and number all words seen so far."""
        for text in texts:
            words = self._words(text)
            self.document_count += 1
            for word in words:
                self.word_counts[word] = self.word_counts.get(word, 0) + 1
            for word in set(words):
                self.word_docs[word] += 1
        by_count = sorted(self.word_counts, key=self.word_counts.get, reverse=True)
        known = [*([] if self.oov_token is None else [self.oov_token]), *by_count]
        self.word_index = {word: number for number, word in enumerate(dict.fromkeys(known), 1)}
        self.index_word = {number: word for word, number in self.word_index.items()}
        self.index_docs = collections.defaultdict(int, {self.word_index[w]: n for w, n in self.word_docs.items()})

    def fit_on_sequences(self, sequences):
        """Count in how many sequences each number occurs, for ``sequences_to_matrix(mode='tfidf')`` without texts."""
        for sequence in sequences:
            self.document_count += 1
            for number in set(sequence):
                self.index_docs[number] += 1

    def _words(self, text):
        if isinstance(text, list | tuple):
            return [word.lower() for word in text] if self.lower else list(text)
        if self.char_level:
            return text.lower() if self.lower else text
        if self.analyzer is not None:
            return self.analyzer(text)
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    # To numbers and back

    def texts_to_sequences(self, texts):
        """A list of numbers for each text."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts):
        """The lists of numbers one by one."""
        unknown = self._unknown()
        for text in texts:
            numbers = (self._limited(self.word_index.get(word), unknown) for word in self._words(text))
            yield [number for number in numbers if number is not None]

    def sequences_to_texts(self, sequences):
        """The words of each list of numbers, with spaces between them."""
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences):
        """The texts one by one."""
        unknown = self._unknown()
        for sequence in sequences:
            numbers = (self._limited(n if n in self.index_word else None, unknown) for n in sequence)
            yield " ".join(self.index_word[number] for number in numbers if number is not None)

    def _unknown(self):
        return None if self.oov_token is None else self.word_index.get(self.oov_token)

    def _limited(self, number, unknown):
        return unknown if number is None or self.num_words and number >= self.num_words else number

    # To matrices

    def texts_to_matrix(self, texts, mode="binary"):
        """:meth:`sequences_to_matrix` of texts."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences, mode="binary"):
        """One row for each list of numbers, one column for each number.

        Arguments:
            sequences: lists of numbers.
            mode: what stands in a row where a number occurs ``c`` times: ``'binary'``, the default, 1; ``'count'``,
                ``c``; ``'freq'``, ``c`` by the length of the list; ``'tfidf'``,
                ``(1 + log c) log(1 + texts / (1 + texts with it))``.

        Returns:
            A float64 array of shape ``(len(sequences), num_words)``; ``num_words`` is one more than the largest number
            if it was not given.

        Raises:
            ValueError: for an unknown mode, and before anything has been fitted that it needs.

        >>> Tokenizer(num_words=3).sequences_to_matrix([[1, 2, 2]], mode="count")
        array([[0., 1., 2.]])
        """
        if mode not in ("binary", "count", "freq", "tfidf"):
            raise ValueError(f"mode must be 'binary', 'count', 'freq' or 'tfidf', got {mode!r}")
        if not self.num_words and not self.word_index:
            raise ValueError("sequences_to_matrix: the number of columns is not known; give num_words, or fit on some "
                             "texts first")
        if mode == "tfidf" and not self.document_count:
            raise ValueError("sequences_to_matrix: mode='tfidf' needs counts; fit on some texts or sequences first")
        num_words = self.num_words or len(self.word_index) + 1
        matrix = np.zeros((len(sequences), num_words))
        for row, sequence in zip(matrix, sequences):
            counts = collections.Counter(number for number in sequence if number < num_words)
            numbers = np.fromiter(counts.keys(), np.intp, len(counts))
            row[numbers] = self._weights(mode, numbers, np.fromiter(counts.values(), float, len(counts)), len(sequence))
        return matrix

    def _weights(self, mode, numbers, counts, length):
        if mode == "tfidf":
            texts = np.array([self.index_docs.get(number, 0) for number in numbers.tolist()])
            return (1 + np.log(counts)) * np.log(1 + self.document_count / (1 + texts))
        return {"binary": 1.0, "count": counts, "freq": counts / max(length, 1)}[mode]

    # As JSON

    def get_config(self):
        """Everything but the ``analyzer``, as Keras writes it: the dicts as JSON."""
        config = {name: getattr(self, name) for name in ("num_words", "filters", "lower", "split", "char_level",
                                                         "oov_token", "document_count")}
        return config | {name: json.dumps(getattr(self, name)) for name in _DICTS}

    def to_json(self, **kwargs):
        """The tokenizer as JSON, for :func:`tokenizer_from_json`; ``kwargs`` go to ``json.dumps``."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


_DICTS = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")


def tokenizer_from_json(json_string):
    """The :class:`Tokenizer` whose ``to_json`` this is, of tahr or Keras.

    >>> tokenizer = Tokenizer()
    >>> tokenizer.fit_on_texts(["a b b"])
    >>> tokenizer_from_json(tokenizer.to_json()).word_index
    {'b': 1, 'a': 2}
    """
    config = dict(json.loads(json_string)["config"])
    dicts = {name: json.loads(config.pop(name)) for name in _DICTS}
    tokenizer = Tokenizer(**config)
    for name, loaded in dicts.items():
        if name.startswith("index_"):       # JSON has no numbers as keys
            loaded = {int(number): value for number, value in loaded.items()}
        known = getattr(tokenizer, name)
        known.update(loaded)
    return tokenizer
