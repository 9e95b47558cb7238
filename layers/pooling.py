"""Pooling layers: over windows, over all space, and into a number of bins; in one, two and three dimensions."""

from collections.abc import Callable

from .. import ops
from ..tensor.windows import per_axis
from .arguments import window_padding
from .convolutional import _ImageLayer


class _Pooling(_ImageLayer):
    """A window that slides; ``pool`` is the op that looks through it."""

    pool: Callable | None = None

    def __init__(self, pool_size=2, strides=None, padding="valid", data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.pool_size = per_axis("pool_size", pool_size, self.rank)
        self.strides = per_axis("strides", self.pool_size if strides is None else strides, self.rank)
        self.padding = window_padding(padding)
        self.set_layout(data_format)

    def slide(self, x):
        return self.pool(x, self.pool_size, self.strides, self.padding)


class MaxPooling1D(_Pooling):
    """The largest element of each window of steps; also called ``MaxPool1D``.

    The arguments are those of :class:`MaxPooling2D`, with one number in place of two.

    Input shape: (batch, steps, channels). Output shape: (batch, new_steps, channels).

    >>> import tahr
    >>> tahr.layers.MaxPooling1D(3)(tahr.ops.ones((2, 10, 4))).shape
    (2, 3, 4)
    """

    aliases = ("MaxPool1D",)
    rank = 1
    pool = staticmethod(ops.max_pool)


class MaxPooling2D(_Pooling):
    """The largest element of each window; also called ``MaxPool2D``.

    Arguments:
        pool_size: height and width of the window, an int or two; default 2.
        strides: steps of the window, an int or two; default: its size.
        padding: ``'valid'`` (the default; windows lie inside) or ``'same'`` (the output has size
            ``ceil(size / stride)``; what lies outside is never the largest).
        data_format: ``'channels_last'`` or ``'channels_first'``; default: the setting.

    Input shape: (batch, rows, columns, channels), or (batch, channels, rows, columns) with channels_first.

    Output shape: (batch, new_rows, new_columns, channels), or with the channels first.

    Raises:
        ValueError: for arguments outside these, and when called on an image smaller than the window with 'valid'.

    >>> import tahr
    >>> tahr.layers.MaxPooling2D()(tahr.ops.ones((2, 28, 28, 8))).shape
    (2, 14, 14, 8)
    """

    aliases = ("MaxPool2D",)
    pool = staticmethod(ops.max_pool)


class MaxPooling3D(_Pooling):
    """The largest element of each window of a volume; arguments as for :class:`MaxPooling2D`.

    >>> import tahr
    >>> tahr.layers.MaxPooling3D()(tahr.ops.ones((2, 4, 4, 4, 8))).shape
    (2, 2, 2, 2, 8)
    """

    aliases = ("MaxPool3D",)
    rank = 3
    pool = staticmethod(ops.max_pool)


class AveragePooling1D(_Pooling):
    """The mean of each window of steps; also called ``AvgPool1D``; arguments as for :class:`MaxPooling2D`.

    >>> import tahr
    >>> tahr.layers.AveragePooling1D(3)(tahr.ops.ones((2, 10, 4))).shape
    (2, 3, 4)
    """

    aliases = ("AvgPool1D",)
    rank = 1
    pool = staticmethod(ops.average_pool)


class AveragePooling2D(_Pooling):
    """The mean of each window, over its elements inside the image; also called ``AvgPool2D``.

    The arguments and shapes are those of :class:`MaxPooling2D`; with ``padding='same'`` what lies outside does
    not count.

    >>> import tahr
    >>> tahr.layers.AveragePooling2D()(tahr.ops.ones((2, 28, 28, 8))).shape
    (2, 14, 14, 8)
    """

    aliases = ("AvgPool2D",)
    pool = staticmethod(ops.average_pool)


class AveragePooling3D(_Pooling):
    """The mean of each window of a volume; arguments as for :class:`MaxPooling2D`.

    >>> import tahr
    >>> tahr.layers.AveragePooling3D()(tahr.ops.ones((2, 4, 4, 4, 8))).shape
    (2, 2, 2, 2, 8)
    """

    aliases = ("AvgPool3D",)
    rank = 3
    pool = staticmethod(ops.average_pool)


# Over all space

class _GlobalPooling(_ImageLayer):
    """One number for each channel; ``reduce`` says which."""

    reduce: Callable | None = None

    def __init__(self, data_format=None, keepdims=False, **kwargs):
        super().__init__(**kwargs)
        self.keepdims = keepdims
        self.set_layout(data_format)

    def call(self, inputs):
        first = self.data_format == "channels_first"
        out = self.reduce(ops.moveaxis(inputs, 1, -1) if first else inputs)
        if not self.keepdims:
            return out
        ones = (1,) * self.rank
        return ops.reshape(out, (out.shape[0], out.shape[1], *ones) if first else (out.shape[0], *ones, out.shape[1]))

    def compute_mask(self, inputs, mask=None):
        return None     # time is gone, and its mask with it


class GlobalMaxPooling1D(_GlobalPooling):
    """The largest of all steps: (batch, steps, channels) to (batch, channels); also called ``GlobalMaxPool1D``.

    Arguments:
        data_format: ``'channels_last'`` or ``'channels_first'``; default: the setting.
        keepdims: whether axes of size 1 stay where space was, default False.

    >>> import tahr
    >>> tahr.layers.GlobalMaxPooling1D()(tahr.ops.ones((2, 10, 4))).shape
    (2, 4)
    """

    aliases = ("GlobalMaxPool1D",)
    rank = 1
    reduce = staticmethod(ops.global_max_pool)


class GlobalMaxPooling2D(_GlobalPooling):
    """The largest element of each channel; arguments as for :class:`GlobalMaxPooling1D`.

    >>> import tahr
    >>> tahr.layers.GlobalMaxPooling2D()(tahr.ops.ones((2, 5, 6, 4))).shape
    (2, 4)
    """

    aliases = ("GlobalMaxPool2D",)
    reduce = staticmethod(ops.global_max_pool)


class GlobalMaxPooling3D(_GlobalPooling):
    """The largest element of each channel of a volume; arguments as for :class:`GlobalMaxPooling1D`.

    >>> import tahr
    >>> tahr.layers.GlobalMaxPooling3D()(tahr.ops.ones((2, 5, 6, 7, 4))).shape
    (2, 4)
    """

    aliases = ("GlobalMaxPool3D",)
    rank = 3
    reduce = staticmethod(ops.global_max_pool)


class GlobalAveragePooling1D(_GlobalPooling):
    """The mean of all steps, of those that are not masked; also called ``GlobalAvgPool1D``.

    Arguments:
        data_format: ``'channels_last'`` or ``'channels_first'``; default: the setting.
        keepdims: whether an axis of size 1 stays where time was, default False.

    Input shape: (batch, steps, channels). Output shape: (batch, channels).

    >>> import tahr
    >>> tahr.layers.GlobalAveragePooling1D()(tahr.ops.ones((2, 10, 4))).shape
    (2, 4)
    """

    aliases = ("GlobalAvgPool1D",)
    rank = 1
    supports_masking = True
    reduce = staticmethod(ops.global_mean_pool)

    def call(self, inputs, mask=None):
        if mask is None:
            return super().call(inputs)
        time = 2 if self.data_format == "channels_first" else 1
        weights = ops.expand_dims(ops.astype(mask, inputs.dtype), 3 - time)
        out = ops.sum(inputs * weights, time, keepdims=self.keepdims)
        return out / ops.sum(weights, time, keepdims=self.keepdims)


class GlobalAveragePooling2D(_GlobalPooling):
    """The mean of each channel; arguments as for :class:`GlobalMaxPooling1D`.

    >>> import tahr
    >>> tahr.layers.GlobalAveragePooling2D()(tahr.ops.ones((2, 5, 6, 4))).shape
    (2, 4)
    """

    aliases = ("GlobalAvgPool2D",)
    reduce = staticmethod(ops.global_mean_pool)


class GlobalAveragePooling3D(_GlobalPooling):
    """The mean of each channel of a volume; arguments as for :class:`GlobalMaxPooling1D`.

    >>> import tahr
    >>> tahr.layers.GlobalAveragePooling3D()(tahr.ops.ones((2, 5, 6, 7, 4))).shape
    (2, 4)
    """

    aliases = ("GlobalAvgPool3D",)
    rank = 3
    reduce = staticmethod(ops.global_mean_pool)


# Into bins

class _AdaptivePooling(_ImageLayer):
    """So many bins of nearly equal sizes along each axis."""

    reduce: Callable | None = None

    def __init__(self, output_size, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.output_size = per_axis("output_size", output_size, self.rank)
        self.set_layout(data_format)

    def slide(self, x):
        return self.reduce(x, self.output_size)


def _adaptive(kind, rank, reduce, words):
    """A class for one rank: they differ in nothing else."""
    space = {1: "steps", 2: "rows, columns", 3: "depth, rows, columns"}[rank]
    shape = (2, *(7, 6, 5)[:rank], 4)
    doc = f"""{words} of each of ``output_size`` bins along each axis, whatever the size of the input.

    Arguments:
        output_size: how many bins, an int or one for each axis; bin ``i`` of ``n`` elements reaches from ``floor(i n /
            size)`` to ``ceil((i + 1) n / size)``.
        data_format: ``'channels_last'`` or ``'channels_first'``; default: the setting.

    Input shape: (batch, {space}, channels).

    >>> import tahr
    >>> tahr.layers.Adaptive{kind}Pooling{rank}D(3)(tahr.ops.ones({shape})).shape
    {(2, *(3,) * rank, 4)}
    """
    name = f"Adaptive{kind}Pooling{rank}D"
    return type(_AdaptivePooling)(name, (_AdaptivePooling,), {
        "rank": rank, "reduce": staticmethod(reduce), "__doc__": doc, "__module__": __name__, "__qualname__": name})


AdaptiveAveragePooling1D, AdaptiveAveragePooling2D, AdaptiveAveragePooling3D = (
    _adaptive("Average", rank, ops.adaptive_mean_pool, "The mean") for rank in (1, 2, 3))
AdaptiveMaxPooling1D, AdaptiveMaxPooling2D, AdaptiveMaxPooling3D = (
    _adaptive("Max", rank, ops.adaptive_max_pool, "The largest element") for rank in (1, 2, 3))
MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D
GlobalAvgPool1D, GlobalAvgPool2D = GlobalAveragePooling1D, GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
