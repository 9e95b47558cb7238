"""Layers that bring columns of data into shape: numbers to mean 0, numbers to bins, integers to vectors."""

import hashlib

import numpy as np

from .. import ops
from ..autograd import Spec, Value, integers, op, sample
from ..autograd.capture import reading
from ..tensor import Symbol, Tensor
from ..tensor.shapes import normalize_axes
from .arguments import positive_int
from .base import Layer

EPSILON = 1e-7      # the least standard deviation that is divided by
MODES = ("int", "one_hot", "multi_hot", "count")


class Normalization(Layer):
    """``(x - mean) / sqrt(variance)``, with mean and variance of data that were seen before training.

    Arguments:
        axis: the feature axis, or several, each feature with a mean of its own; None for one mean of everything;
            default the last.
        mean, variance: known ones, numbers or arrays of the sizes of the axes; default None: see :meth:`adapt`.
        invert: whether ``x * sqrt(variance) + mean`` is computed instead, default False.

    Input shape: any that has the axes. Output shape: the same.

    Weights: mean and variance, unless they were given; not trained.

    Raises:
        ValueError: for a mean without variance, or a variance without mean.

    >>> import tahr
    >>> layer = tahr.layers.Normalization()
    >>> layer.adapt([[0.0], [4.0]])
    >>> layer([[6.0]])
    Tensor([[2.]])
    """

    supports_masking = True

    def __init__(self, axis=-1, mean=None, variance=None, invert=False, **kwargs):
        super().__init__(**kwargs)
        if (mean is None) != (variance is None):
            raise ValueError("When setting values directly, both `mean` and `variance` must be set. Got "
                             f"mean={mean} and variance={variance}")
        self.axis, self.invert = tuple(axis) if isinstance(axis, list | tuple) else axis, invert
        self.known = None if mean is None else (np.asarray(mean, self.dtype), np.asarray(variance, self.dtype))

    def build(self, input_shape):
        shape = tuple(input_shape[a] for a in self._axes(len(input_shape)))
        if self.known is None:
            self.mean = self.add_weight("mean", shape, initializer="zeros", trainable=False)
            self.variance = self.add_weight("variance", shape, initializer="ones", trainable=False)

    def adapt(self, data):
        """Take mean and variance from data: an array, or several batches in a list or from a generator.

        Arguments:
            data: arrays with the batch axis. What was seen in earlier calls is forgotten.
        """
        if self.known is not None:
            raise ValueError(f"layer {self.name!r} was given its mean and variance: it cannot adapt")
        count = mean = variance = 0.0
        for batch in _batches(data):
            if not self.built:
                self.build((None, *batch.shape[1:]))
            rest = tuple(i for i in range(batch.ndim) if i not in self._axes(batch.ndim))
            seen = np.prod([batch.shape[i] for i in rest])
            if not seen:
                continue
            share = seen / (count + seen)
            apart = batch.mean(rest) - mean
            variance = (1 - share) * variance + share * batch.var(rest) + share * (1 - share) * apart ** 2
            mean, count = mean + share * apart, count + seen
        if not count:
            raise ValueError(f"layer {self.name!r}: there are no data to adapt to")
        self.mean.assign(np.asarray(mean, self.dtype))
        self.variance.assign(np.asarray(variance, self.dtype))

    def call(self, inputs):
        x = inputs if inputs.dtype.kind == "f" else ops.astype(inputs, self.dtype)
        axes = self._axes(x.ndim)
        shape = tuple(n if i in axes else 1 for i, n in enumerate(x.shape))
        mean, variance = self.known or (self.mean, self.variance)
        wide = lambda v: ops.reshape(Tensor(v, dtype=x.dtype) if isinstance(v, np.ndarray) else v, shape) \
            if np.ndim(v) == len(axes) and axes else v
        mean, deviation = wide(mean), ops.maximum(ops.sqrt(wide(variance)), EPSILON)
        return x * deviation + mean if self.invert else (x - mean) / deviation

    def _axes(self, ndim):
        return [] if self.axis is None else sorted(normalize_axes(self.axis, ndim))


def _batches(data):
    """Arrays of float64: the data, or each item of an iterator or of a list of arrays."""
    if isinstance(data, Value):
        data = data.data
    several = not hasattr(data, "__array__") and (
        not isinstance(data, list | tuple) or any(hasattr(x, "__array__") and np.ndim(x) > 1 for x in data))
    for batch in data if several else [data]:
        yield np.asarray(getattr(batch, "data", batch) if isinstance(batch, Value) else batch, np.float64)


class Discretization(Layer):
    """The number of the bin that a number falls into, or a vector that says it.

    Arguments:
        bin_boundaries: rising numbers; bin 0 lies below the first, bin i from boundary i - 1 up to the next.
        num_bins: instead, how many bins :meth:`adapt` shall make, with as many data in each.
        epsilon: accepted for Keras; quantiles are exact here.
        output_mode: ``'int'`` (the default), ``'one_hot'``, ``'multi_hot'`` or ``'count'``: see
            :class:`CategoryEncoding`.
        sparse: not supported.

    Input shape: any. Output shape: the same for ``'int'``, else see :class:`CategoryEncoding`.

    >>> import tahr
    >>> tahr.layers.Discretization([0.0, 1.0])([-1.5, 0.0, 3.4])
    Tensor([0, 1, 2])
    """

    def __init__(self, bin_boundaries=None, num_bins=None, epsilon=0.01, output_mode="int", sparse=False, **kwargs):
        super().__init__(**kwargs)
        if bin_boundaries is not None and num_bins is not None:
            raise ValueError("Both `num_bins` and `bin_boundaries` cannot be set. Received: "
                             f"num_bins={num_bins} and bin_boundaries={bin_boundaries}")
        if bin_boundaries is None and num_bins is None:
            raise ValueError("You need to set either `num_bins` or `bin_boundaries`.")
        self.num_bins = None if num_bins is None else positive_int("num_bins", num_bins)
        self.output_mode, self.bin_boundaries = checked_mode(self, output_mode, MODES, sparse), None
        if bin_boundaries is not None:
            self._set(np.asarray(bin_boundaries, np.float64))

    def _set(self, boundaries):
        if boundaries.ndim != 1 or (np.diff(boundaries) < 0).any():
            raise ValueError(f"layer {self.name!r}: bin_boundaries must be a list of rising numbers, got "
                             f"{boundaries.tolist()}")
        self.bin_boundaries = boundaries

    def adapt(self, data):
        """Choose boundaries such that each bin gets as many of the data."""
        if self.num_bins is None:
            raise ValueError(f"Cannot adapt a Discretization layer that has been initialized with `bin_boundaries`, "
                             f"use `num_bins` instead. (layer {self.name!r})")
        seen = np.concatenate([batch.ravel() for batch in _batches(data)])
        boundaries = np.quantile(seen, np.arange(1, self.num_bins) / self.num_bins)
        self._set(boundaries)
        self.remember(bin_boundaries=boundaries.tolist(), num_bins=None)

    def call(self, inputs):
        if self.bin_boundaries is None:
            raise ValueError(f"layer {self.name!r} has no boundaries yet: call adapt(data) first")
        boundaries = Tensor(self.bin_boundaries, dtype="float64")
        found = ops.searchsorted(boundaries, inputs, side="right")
        return encoded(found, len(self.bin_boundaries) + 1, self.output_mode, self.dtype)


def checked_mode(layer, mode, modes, sparse):
    """An ``output_mode`` that a layer knows."""
    if mode not in modes:
        raise ValueError(f"Invalid value for argument `output_mode`. Expected one of {set(modes)}. Received: "
                         f"output_mode={mode} (layer {layer.name!r})")
    if sparse:
        raise ValueError(f"layer {layer.name!r}: sparse outputs are not supported, leave sparse=False")
    return mode


def encoded(indices, depth, mode, dtype, weights=None):
    """Integers as they are, or as vectors of ``depth``: each of its own, or those of the last axis in one."""
    if mode == "int":
        return indices
    if mode == "one_hot":
        if indices.ndim > 1 and indices.shape[-1] == 1:
            indices = ops.squeeze(indices, -1)
        return ops.astype(ops.one_hot(indices, depth), dtype)
    if indices.ndim == 0:
        indices = ops.expand_dims(indices, 0)
    rows = ops.astype(ops.one_hot(indices, depth), dtype)
    if mode == "multi_hot":
        return ops.max(rows, -2) if rows.shape[-2] != 0 else ops.sum(rows, -2)
    return ops.sum(rows if weights is None else rows * ops.expand_dims(weights, -1), -2)


@op(shape=lambda tokens, **_attrs: tokens.shape, reference=lambda tokens, count, layer="": np.array(tokens.tolist()),
    samples=[sample(integers(0, 4, 5), 4, "encoding"), sample(integers(0, 3, 2, 3), count=3)])
def tokens_within(tokens, count=1, layer=""):
    """The tokens; raises, naming the first that does not, unless all lie from 0 to ``count - 1``."""
    if tokens.size and not 0 <= tokens.min() <= tokens.max() < count:
        wrong = tokens[(tokens < 0) | (tokens >= count)][0]
        raise ValueError(f"Input values must be in the range 0 <= values < num_tokens with num_tokens={count}, got "
                         f"{wrong} (layer {layer!r})")
    return tokens


class CategoryEncoding(Layer):
    """Integers as vectors.

    Arguments:
        num_tokens: how long the vectors are; integers lie from 0 to ``num_tokens - 1``.
        output_mode: ``'multi_hot'`` (the default): 1 for each integer of a sample; ``'one_hot'``: a vector for each
            integer; ``'count'``: how often a sample has it.
        sparse: not supported.

    Input shape: (batch, n), or (batch,) for ``'one_hot'``. Output shape: (batch, num_tokens); for ``'one_hot'`` (batch,
    n, num_tokens), or without an n of 1.

    A call may say ``count_weights``, of the input's shape: how much each integer counts.

    Raises:
        ValueError: for integers outside, with the first of them.

    >>> import tahr
    >>> tahr.layers.CategoryEncoding(4)([[0, 1], [3, 3]])
    Tensor([[1., 1., 0., 0.],
            [0., 0., 0., 1.]])
    """

    input_dtype = "int32"

    def __init__(self, num_tokens, output_mode="multi_hot", sparse=False, **kwargs):
        super().__init__(**kwargs)
        self.num_tokens = positive_int("num_tokens", num_tokens)
        self.output_mode = checked_mode(self, output_mode, MODES[1:], sparse)

    def call(self, inputs, count_weights=None):
        if count_weights is not None and self.output_mode != "count":
            raise ValueError("`count_weights` is not used when `output_mode` is not `'count'`. Received `count_weights="
                             f"{count_weights}` (layer {self.name!r})")
        x = tokens_within(ops.astype(inputs, "int64"), self.num_tokens, self.name)
        if count_weights is not None and not isinstance(count_weights, Value | Spec):
            count_weights = Tensor(count_weights, dtype=self.dtype)
        return encoded(x, self.num_tokens, self.output_mode, self.dtype, count_weights)


class _Words(Layer):
    """A layer whose inputs may be words: arrays of strings, which are no tensors, go in as they are.

    A subclass defines ``look_up``, of an array, and may define ``look_up_tensor``, by ops, for tensors of numbers.
    """

    def __call__(self, inputs, *args, **kwargs):
        if isinstance(inputs, Spec):
            return super().__call__(inputs, *args, **kwargs)
        if not self.built:
            self.build(np.shape(inputs.data if isinstance(inputs, Value) else inputs))
        return self.look_up_tensor(inputs) if isinstance(inputs, Value) else self.look_up(np.asarray(inputs))

    def look_up_tensor(self, values):
        reading(values)
        return self.look_up(values.data)


def _hashes(values, bins=1, mask_value=None, salt=None):
    """The bin of each word or number of an array."""
    first = int(mask_value is not None)
    different, places = np.unique(values, return_inverse=True)
    bins_of = [0 if first and v == mask_value else first + hash_of(v, salt) % (bins - first)
               for v in different.tolist()]
    return np.array(bins_of, np.int64)[places].reshape(values.shape)


@op(shape=lambda values, **_attrs: values.shape, dtype="int64",
    reference=lambda values, bins, mask_value=None, salt=None: np.array([
        0 if v == mask_value else (mask_value is not None) + hash_of(v, salt) % (bins - (mask_value is not None))
        for v in values.ravel().tolist()], int).reshape(values.shape),
    samples=[sample(integers(0, 9, 2, 5), 3), sample(integers(0, 4, 9), bins=4, mask_value=2, salt=7)])
def hashed(values, bins=1, mask_value=None, salt=None):
    """The number of a bin for each number, by a hash; ``mask_value`` has bin 0 for itself."""
    return _hashes(values, bins, mask_value, salt)


class Hashing(_Words):
    """The number of a bin for each word or integer, by a hash.

    The hash is BLAKE2b; it stays the same from run to run and differs from that of Keras.

    Arguments:
        num_bins: how many bins there are.
        mask_value: goes into bin 0, which nothing else gets into then; default None, for none.
        salt: an integer; another one gives another hash. Default none.
        output_mode: ``'int'`` (the default), ``'one_hot'``, ``'multi_hot'`` or ``'count'``: see
            :class:`CategoryEncoding`.
        sparse: not supported.

    Input shape: any. Output shape: the same for ``'int'``.

    >>> import tahr
    >>> found = tahr.layers.Hashing(3)([["A"], ["B"], ["A"]]).numpy().ravel()
    >>> found[0] == found[2], found.max() < 3
    (np.True_, np.True_)
    """

    def __init__(self, num_bins, mask_value=None, salt=None, output_mode="int", sparse=False, **kwargs):
        super().__init__(**kwargs)
        self.num_bins, self.mask_value, self.salt = positive_int("num_bins", num_bins), mask_value, salt
        if mask_value is not None and self.num_bins < 2:
            raise ValueError(f"layer {self.name!r}: with a mask_value there must be at least 2 bins, got {num_bins}")
        self.output_mode = checked_mode(self, output_mode, MODES, sparse)

    def look_up(self, values):
        bins = Tensor(_hashes(values, self.num_bins, self.mask_value, self.salt), dtype="int64")
        return encoded(bins, self.num_bins, self.output_mode, self.dtype)

    def look_up_tensor(self, values):
        bins = hashed(values, self.num_bins, self.mask_value, self.salt)
        return encoded(bins, self.num_bins, self.output_mode, self.dtype)

    def call(self, inputs):
        return encoded(Symbol(inputs.shape, "int64"), self.num_bins, self.output_mode, self.dtype)

def hash_of(value, salt=None):
    """An integer of 64 bits that depends on a word or number alone.

    >>> hash_of("tahr") == hash_of("tahr") != hash_of("tahr", salt=1)
    True
    """
    salted = b"" if salt is None else repr(salt).encode()[:64]
    text = value if isinstance(value, str) else repr(value)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8, key=salted).digest(), "little")
