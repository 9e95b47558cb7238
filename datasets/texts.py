"""Texts as lists of word numbers, as the data sets ``imdb`` and ``reuters`` have them."""

import itertools

import numpy as np


class Texts:
    """Texts of different lengths, as one array of all their words.

    >>> texts = Texts.of([[5, 6], [7]])
    >>> texts.shifted(1, start=0).lists().tolist()
    [[0, 6, 7], [0, 8]]
    """

    def __init__(self, words, lengths):
        self.words, self.lengths = words, lengths

    @classmethod
    def of(cls, lists):
        """From lists of word numbers.

        Raises:
            ValueError: for anything else.
        """
        wrong = {type(text) for text in lists} - {list}
        wrong |= set(map(type, itertools.chain.from_iterable(lists if not wrong else []))) - {int}
        if wrong:
            raise ValueError(f"the file must hold lists of word numbers, found {', '.join(t.__name__ for t in wrong)}")
        lengths = np.array([len(text) for text in lists], np.int64)
        return cls(np.fromiter(itertools.chain.from_iterable(lists), np.int64, int(lengths.sum())), lengths)

    def shifted(self, by, start=None):
        """Every number greater by ``by``, and the number ``start`` before each text if it is not None."""
        words = self.words + by
        if start is None:
            return Texts(words, self.lengths)
        begins = np.cumsum(self.lengths) - self.lengths
        return Texts(np.insert(words, begins, start), self.lengths + 1)

    def chosen(self, rows):
        """The texts whose row is True."""
        return Texts(self.words[np.repeat(rows, self.lengths)], self.lengths[rows])

    def limited(self, low, high, other=None):
        """Words from ``low`` to below ``high`` alone; ``other`` takes the place of the rest, or nothing for None."""
        known = (low <= self.words) & (self.words < high)
        if other is not None:
            return Texts(np.where(known, self.words, other), self.lengths)
        rows = np.repeat(np.arange(len(self.lengths)), self.lengths)
        return Texts(self.words[known], np.bincount(rows[known], minlength=len(self.lengths)))

    def lists(self):
        """An object array of lists."""
        result = np.empty(len(self.lengths), object)
        words, end = self.words.tolist(), 0
        for i, length in enumerate(self.lengths.tolist()):
            result[i] = words[end:end + length]
            end += length
        return result


def shuffled(lists, labels, random):
    """Both in the same new order."""
    order = np.arange(len(lists))
    random.shuffle(order)
    return Texts.of(lists[order].tolist()), labels[order]


def shorter(texts, labels, maxlen):
    """The texts of fewer than ``maxlen`` words, all for None.

    Raises:
        ValueError: none is left.
    """
    if not maxlen:
        return texts, labels
    short = texts.lengths < maxlen
    if not short.any():
        raise ValueError(f"no text has fewer than maxlen={maxlen} words; increase maxlen")
    return texts.chosen(short), labels[short]


def vocabulary(num_words, *texts):
    """``num_words``, or the largest word number for None."""
    return num_words or int(max(t.words.max() for t in texts))
