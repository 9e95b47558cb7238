"""Pooling layers."""

from collections.abc import Callable

from .. import ops
from ..tensor.windows import per_axis
from .arguments import image_layout, window_padding
from .base import InputSpec, Layer


class _Pooling2D(Layer):
    """A window that slides over the image; ``pool`` is the op that looks through it."""

    pool: Callable | None = None

    def __init__(self, pool_size=(2, 2), strides=None, padding="valid", data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.pool_size = per_axis("pool_size", pool_size, 2)
        self.strides = per_axis("strides", self.pool_size if strides is None else strides, 2)
        self.padding = window_padding(padding)
        self.data_format = image_layout(data_format)
        self.remember(data_format=self.data_format)
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs):
        first = self.data_format == "channels_first"
        x = ops.moveaxis(inputs, 1, -1) if first else inputs
        x = self.pool(x, self.pool_size, self.strides, self.padding)
        return ops.moveaxis(x, -1, 1) if first else x


class MaxPooling2D(_Pooling2D):
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


class AveragePooling2D(_Pooling2D):
    """The mean of each window, over its elements inside the image; also called ``AvgPool2D``.

    Arguments:
        pool_size, strides, padding, data_format: as for :class:`MaxPooling2D`.

    Input shape, output shape and errors: as for :class:`MaxPooling2D`.

    >>> import tahr
    >>> tahr.layers.AveragePooling2D((1, 2))(tahr.Tensor([[[[1.0], [3.0]]]]))
    Tensor([[[[2.]]]])
    """

    aliases = ("AvgPool2D",)
    pool = staticmethod(ops.average_pool)


MaxPool2D, AvgPool2D = MaxPooling2D, AveragePooling2D
