"""Layers that bring words and integers to places in a vocabulary, and texts to sequences of such places."""

import re
import string

import numpy as np

from .. import ops
from ..autograd import Value, integers, op, sample
from ..tensor import Symbol, Tensor
from ..utils.errors import ModelFileError
from .arguments import positive_int
from .feature_preprocessing import _Words, checked_mode, encoded, hash_of

MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
PUNCTUATION = re.compile(f"[{re.escape(string.punctuation)}]")


class _Lookup(_Words):
    """A vocabulary: the mask token, the places for unknown tokens, then the tokens."""

    kind: type = str      # of the tokens

    @classmethod
    def from_config(cls, config):
        """A layer with the words of a config, which may come from anywhere: no file that it names is opened.

        Raises:
            ModelFileError: for a vocabulary that is a path.
        """
        if isinstance(config.get("vocabulary"), str):
            raise ModelFileError(f"{cls.__name__}: the vocabulary of a config is a list of words, got the path "
                                 f"{config['vocabulary'][:80]!r}, which is not opened")
        return super().from_config(config)

    def set_options(self, max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert,
                    output_mode, sparse, pad_to_max_tokens):
        """Check and take the arguments that all of them have."""
        if max_tokens is not None and max_tokens <= 1:
            raise ValueError(f"If set, `max_tokens` must be greater than 1. Received: max_tokens={max_tokens}")
        if isinstance(num_oov_indices, bool) or not isinstance(num_oov_indices, int) or num_oov_indices < 0:
            raise ValueError("`num_oov_indices` must be greater than or equal to 0. Received: num_oov_indices="
                             f"{num_oov_indices}")
        if invert and output_mode != "int":
            raise ValueError("`output_mode` must be `'int'` when `invert` is true. Received: output_mode="
                             f"{output_mode}")
        if invert and num_oov_indices != 1:
            raise ValueError("`num_oov_indices` must be 1 when `invert` is True.")
        if pad_to_max_tokens and max_tokens is None:
            raise ValueError("If pad_to_max_tokens is True, must set `max_tokens`.")
        self.max_tokens, self.num_oov_indices, self.invert = max_tokens, num_oov_indices, invert
        self.mask_token, self.oov_token, self.pad_to_max_tokens = mask_token, oov_token, pad_to_max_tokens
        self.output_mode = checked_mode(self, output_mode, MODES, sparse)
        self.tokens, self.idf = None, None
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    # The vocabulary

    def _special(self):
        mask = [] if self.mask_token is None or self.output_mode != "int" else [self.mask_token]
        return mask + [self.oov_token] * self.num_oov_indices

    def set_vocabulary(self, vocabulary, idf_weights=None):
        """Take a vocabulary, which the config will hold.

        Arguments:
            vocabulary: tokens, with or without the special ones in front; or the path of a file with one in each line.
            idf_weights: for ``'tf_idf'``, a number for each token, with or without those of the special ones.

        Raises:
            ValueError: for tokens that occur twice, for more than ``max_tokens``, for missing or surplus weights.
        """
        if isinstance(vocabulary, str):
            with open(vocabulary, encoding="utf-8") as file:
                vocabulary = [line.rstrip("\n") for line in file]
        tokens = [self.kind(t) for t in np.asarray(vocabulary).tolist()]
        special = self._special()
        given = len(special) if special and tokens[:len(special)] == special else 0
        tokens = tokens[given:]
        if len(set(tokens)) < len(tokens) or set(tokens) & set(special):
            twice = next(t for t in tokens if tokens.count(t) > 1 or t in special)
            raise ValueError(f"The passed vocabulary has at least one repeated term. Please uniquify your dataset. The "
                             f"repeated term is {twice!r} (layer {self.name!r})")
        if self.max_tokens is not None and len(tokens) + len(special) > self.max_tokens:
            raise ValueError("Attempted to set a vocabulary larger than the maximum vocab size. Passed vocab size is "
                             f"{len(tokens) + len(special)}, max vocab size is {self.max_tokens}.")
        self.tokens = tokens
        self._set_idf(idf_weights, len(special), given)
        self.remember(vocabulary=tokens, idf_weights=None if self.idf is None else self.idf.tolist())

    def _set_idf(self, weights, special, given):
        if (weights is None) == (self.output_mode == "tf_idf"):
            raise ValueError(f"layer {self.name!r}: `idf_weights` must be set with the vocabulary if, and only if, "
                             f"output_mode is 'tf_idf', which is {self.output_mode!r}")
        if weights is None:
            return
        weights = np.asarray(weights, np.float64)
        if len(weights) == len(self.tokens):        # unknown tokens weigh as much as others do on average
            weights = np.concatenate([np.full(special, weights.mean() if len(weights) else 0.0), weights])
        if len(weights) != len(self.tokens) + special:
            raise ValueError(f"layer {self.name!r}: `idf_weights` must be as many as tokens: {len(self.tokens)}, got "
                             f"{len(weights)}")
        self.idf = weights

    def adapt(self, data):
        """Make the vocabulary of data: the commonest tokens first; of equally common ones the last in order first.

        Arguments:
            data: an array of tokens, a sample for each row; or several batches from a generator.
        """
        counts, samples, total = {}, {}, 0
        for batch in self._adapted(data):
            total += len(batch)
            for row in batch:
                for token in row:
                    counts[token] = counts.get(token, 0) + 1
                for token in set(row):
                    samples[token] = samples.get(token, 0) + 1
        special = self._special()
        found = sorted((t for t in counts if t not in special and t != self.mask_token),
                       key=lambda t: (counts[t], t), reverse=True)
        if self.max_tokens is not None:
            found = found[:self.max_tokens - len(special)]
        idf = [np.log(1 + total / (1 + samples[t])) for t in found] if self.output_mode == "tf_idf" else None
        self.set_vocabulary(found, idf)

    def _adapted(self, data):
        """Batches as lists of samples, each a list of tokens."""
        several = hasattr(data, "__next__")
        for batch in data if several else [data]:
            array = np.asarray(batch.data if isinstance(batch, Value) else batch)
            yield array.reshape(len(array), -1).tolist()

    def get_vocabulary(self, include_special_tokens=True):
        """The tokens, each at its place; the special ones in front."""
        return (self._special() if include_special_tokens else []) + list(self.tokens or [])

    def vocabulary_size(self):
        """How many places there are, special ones included."""
        return len(self._special()) + len(self.tokens or [])

    # Looking up

    def look_up(self, values):
        """The output for an array of tokens."""
        return self.encode(self.places(values))

    def places(self, values):
        """An integer for each token of an array; tokens for integers with ``invert``."""
        self._require_vocabulary()
        if self.invert:
            different, at = np.unique(values, return_inverse=True)
            names = np.array(self.get_vocabulary())
            known = (different >= 0) & (different < len(names))
            found = np.where(known, names[np.where(known, different, 0)], self.oov_token)
            return found[at].reshape(values.shape)
        return _places(values, self.tokens, self.kind, **self._places_of())

    def _require_vocabulary(self):
        if self.tokens is None:
            raise ValueError(f"layer {self.name!r} ({type(self).__name__}) has no vocabulary yet: pass vocabulary=, or "
                             "call adapt(data) first")

    def _places_of(self):
        """What places are there besides those of the tokens."""
        masked = self.mask_token if self.output_mode == "int" else None
        return {"masked": masked, "unknown": self.num_oov_indices, "layer": self.name}

    def encode(self, places):
        """The output for places: an array or a symbol."""
        if isinstance(places, np.ndarray):
            if self.invert:
                return places if places.dtype.kind in "US" else Tensor(places, dtype="int64")
            places = Tensor(places, dtype="int64")
        if self.output_mode != "tf_idf":
            return encoded(places, self._depth(), self.output_mode, self.dtype)
        weights = np.zeros(self._depth())
        weights[:len(self.idf)] = self.idf
        return encoded(places, self._depth(), "count", self.dtype) * weights.astype(self.dtype)

    def _depth(self):
        return self.max_tokens if self.pad_to_max_tokens else self.vocabulary_size()

    def call(self, inputs):
        return self.encode(Symbol(inputs.shape, "int64"))


def _places(values, tokens, kind, masked=None, unknown=1, layer=""):
    """The place of each element: 0 of the masked token, if any, then those of unknown ones, then the tokens'."""
    masks = int(masked is not None)
    table = {token: i for i, token in enumerate(tokens, masks + unknown)}
    if masks:
        table[masked] = 0
    different, at = np.unique(values, return_inverse=True)
    return np.array([_place(kind(v), table, masks, unknown, layer) for v in different.tolist()],
                    np.int64)[at].reshape(values.shape)


def _place(value, table, masks, unknown, layer):
    if value in table:
        return table[value]
    if not unknown:
        raise ValueError(f"When `num_oov_indices=0` all inputs should be in vocabulary, found the unknown value "
                         f"{value!r} (layer {layer!r}): set num_oov_indices to 1 or more")
    return masks + (hash_of(value) % unknown if unknown > 1 else 0)


def _place_one_by_one(values, tokens, masked=None, unknown=1, layer=""):
    first, tokens = int(masked is not None), tokens.tolist()
    return np.array([0 if masked is not None and v == masked else tokens.index(v) + first + unknown if v in tokens
                     else first + (hash_of(v) % unknown if unknown > 1 else 0)
                     for v in values.ravel().tolist()], int).reshape(values.shape)


@op(shape=lambda values, _tokens, **_attrs: values.shape, dtype="int64", reference=_place_one_by_one,
    samples=[sample(integers(0, 9, 2, 5), np.array([7, 2, 4])),
             sample(integers(0, 9, 20), np.array([7, 2, 4]), masked=3, unknown=3)])
def places_in(values, tokens, masked=None, unknown=1, layer=""):
    """The place of each integer in a vocabulary, behind those of the masked and of unknown ones."""
    return _places(values, tokens.tolist(), int, masked, unknown, layer)


class StringLookup(_Lookup):
    """The place of each word in a vocabulary, or a vector that says it.

    Arguments:
        max_tokens: the most places that there may be; default None, for any number.
        num_oov_indices: how many places there are for unknown words, default 1; with several a hash chooses.
        mask_token: a word that gets place 0; default None, for none.
        oov_token: what unknown words are read back as, default ``'[UNK]'``.
        vocabulary: words, or the path of a file with one in each line; default None: see :meth:`adapt`. The config
            holds the words.
        idf_weights: for ``'tf_idf'``, of the vocabulary.
        invert: whether words are found by their places, default False.
        output_mode: ``'int'`` (the default), ``'one_hot'``, ``'multi_hot'``, ``'count'`` (see
            :class:`CategoryEncoding`), or ``'tf_idf'``, counts times weights.
        pad_to_max_tokens: whether vectors have ``max_tokens`` elements, whatever the vocabulary; default False.
        sparse: not supported.
        encoding: of texts, ``'utf-8'``.

    Input shape: any, of words. Output shape: the same for ``'int'``. With ``invert`` an array of words comes out.

    Raises:
        ValueError: for unknown words where there is no place for them.

    >>> import tahr
    >>> tahr.layers.StringLookup(vocabulary=["a", "b"])([["b", "x"], ["a", "a"]])
    Tensor([[2, 0],
            [1, 1]])
    """

    def __init__(self, max_tokens=None, num_oov_indices=1, mask_token=None, oov_token="[UNK]", vocabulary=None,
                 idf_weights=None, invert=False, output_mode="int", pad_to_max_tokens=False, sparse=False,
                 encoding="utf-8", **kwargs):
        super().__init__(**kwargs)
        self.set_options(max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert,
                         output_mode, sparse, pad_to_max_tokens)


class IntegerLookup(_Lookup):
    """The place of each integer in a vocabulary of integers; arguments as for :class:`StringLookup`.

    Arguments:
        oov_token: default -1.
        vocabulary_dtype: accepted for Keras.

    >>> import tahr
    >>> tahr.layers.IntegerLookup(vocabulary=[12, 36])([[36, 7], [12, 12]])
    Tensor([[2, 0],
            [1, 1]])
    """

    kind = int

    def look_up_tensor(self, values):
        if self.invert:
            return super().look_up_tensor(values)
        self._require_vocabulary()
        tokens = Tensor(np.array(self.tokens, np.int64), dtype="int64")
        return self.encode(places_in(ops.astype(values, "int64"), tokens, **self._places_of()))

    def __init__(self, max_tokens=None, num_oov_indices=1, mask_token=None, oov_token=-1, vocabulary=None,
                 vocabulary_dtype="int64", idf_weights=None, invert=False, output_mode="int", sparse=False,
                 pad_to_max_tokens=False, **kwargs):
        super().__init__(**kwargs)
        self.set_options(max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert,
                         output_mode, sparse, pad_to_max_tokens)


class TextVectorization(_Lookup):
    """Texts as sequences of places in a vocabulary, or as vectors of counts.

    Arguments:
        max_tokens: the most places that there may be; default None, for any number.
        standardize: ``'lower_and_strip_punctuation'`` (the default), ``'lower'``, ``'strip_punctuation'``, None for
            nothing, or a function of a text.
        split: ``'whitespace'`` (the default), ``'character'``, None for texts that are tokens, or a function that makes
            a list of tokens of a text.
        ngrams: up to how many neighbours also make a token, or a tuple of numbers; default None.
        output_mode: ``'int'`` (the default), ``'multi_hot'``, ``'count'`` or ``'tf_idf'``.
        output_sequence_length: to which sequences are cut, or filled with 0; default None: the longest of each batch.
        pad_to_max_tokens: whether vectors have ``max_tokens`` elements, default False.
        vocabulary, idf_weights: as for :class:`StringLookup`.
        sparse, ragged: not supported.
        encoding: of texts, ``'utf-8'``.

    For ``'int'`` place 0 is that of the padding, 1 that of unknown words; else 0 is that of unknown words.

    Input shape: (batch,) or (batch, 1), of texts. Output shape: (batch, length), or (batch, vocabulary).

    >>> import tahr
    >>> layer = tahr.layers.TextVectorization(output_sequence_length=4)
    >>> layer.adapt(["foo bar", "bar baz", "bar"])
    >>> layer.get_vocabulary()
    ['', '[UNK]', 'bar', 'foo', 'baz']
    >>> layer(["Foo, bar!", "qux"])
    Tensor([[3, 2, 0, 0],
            [1, 0, 0, 0]])
    """

    def __init__(self, max_tokens=None, standardize="lower_and_strip_punctuation", split="whitespace", ngrams=None,
                 output_mode="int", output_sequence_length=None, pad_to_max_tokens=False, vocabulary=None,
                 idf_weights=None, sparse=False, ragged=False, encoding="utf-8", **kwargs):
        super().__init__(**kwargs)
        if ragged:
            raise ValueError(f"layer {self.name!r}: ragged outputs are not supported, leave ragged=False")
        self.standardize = _chosen("standardize", standardize, STANDARDIZERS)
        self.split = _chosen("split", split, SPLITTERS)
        self.sizes = (1,) if ngrams is None else tuple(range(1, positive_int("ngrams", ngrams) + 1)) \
            if isinstance(ngrams, int) else tuple(ngrams)
        self.length = output_sequence_length and positive_int("output_sequence_length", output_sequence_length)
        if self.length and output_mode != "int":
            raise ValueError("`output_sequence_length` must not be set if `output_mode` is not 'int', got "
                             f"{output_mode!r}")
        if output_mode == "one_hot":
            raise ValueError("output_mode of TextVectorization must be 'int', 'multi_hot', 'count' or 'tf_idf', got "
                             "'one_hot'")
        self.set_options(max_tokens, 1, "", "[UNK]", vocabulary, idf_weights, False, output_mode, False,
                         pad_to_max_tokens)

    def words(self, text):
        """The tokens of a text."""
        words = self.split(self.standardize(text))
        if self.sizes == (1,):
            return words
        return [" ".join(words[i:i + n]) for n in self.sizes for i in range(len(words) - n + 1)]

    def _adapted(self, data):
        several = hasattr(data, "__next__")
        for batch in data if several else [data]:
            yield [self.words(text) for text in np.asarray(batch).ravel().tolist()]

    def look_up(self, values):
        if values.ndim > 1 and values.shape[-1] != 1:
            raise ValueError(f"layer {self.name!r} takes texts of shape (batch,) or (batch, 1), got {values.shape}")
        rows = [self.words(text) for text in values.ravel().tolist()]
        longest = self.length or max(map(len, rows), default=0)
        if self.output_mode != "int":
            return self._vectors(rows)
        padded = np.array([(row + [""] * longest)[:longest] for row in rows], dtype=str).reshape(len(rows), longest)
        out = self.places(padded)
        return self.encode(out if values.ndim else out[0])

    def _vectors(self, rows):
        """Rows of different lengths, each as a vector of its own."""
        vectors = [self.encode(self.places(np.array(row, dtype=str))) for row in rows]
        return ops.stack(vectors) if vectors else ops.zeros((0, self._depth()), dtype=self.dtype)

    def call(self, inputs):
        batch = inputs.shape[0]
        return Symbol((batch, self.length), "int64") if self.output_mode == "int" else \
            Symbol((batch, self._depth()), self.dtype)


def without_punctuation(text):
    """A text without ASCII punctuation.

    >>> without_punctuation("a, b!")
    'a b'
    """
    return PUNCTUATION.sub("", text)


def plain(text):
    """A text in lower case, without punctuation."""
    return without_punctuation(text.lower())


def whole(text):
    """A text as its only token."""
    return [text]


STANDARDIZERS = {None: str, "lower": str.lower, "strip_punctuation": without_punctuation,
                 "lower_and_strip_punctuation": plain}
SPLITTERS = {None: whole, "whitespace": str.split, "character": list}


def _chosen(name, value, table):
    """The function that an argument means."""
    if callable(value):
        return value
    if value not in table:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, table))} or a function, got {value!r}")
    return table[value]
