"""Convolution layers."""

from .. import activations, ops
from ..tensor.windows import per_axis
from .arguments import image_layout, positive_int, weight_options, window_padding
from .base import InputSpec, Layer


class Conv2D(Layer):
    """2D convolution: each filter slides over the image and looks at a window of all channels.

    Arguments:
        filters: how many; the output's channels.
        kernel_size: height and width of the window, an int or two.
        strides: steps of the window, an int or two; default 1.
        padding: ``'valid'`` (the default; windows lie inside) or ``'same'`` (zeros around, output of size
            ``ceil(size / stride)``, the odd row of zeros at the end).
        data_format: ``'channels_last'`` or ``'channels_first'``; default: the setting.
        dilation_rate: distance between the window's elements, an int or two, default 1; only with strides of 1.
        groups: channels and filters are cut into so many groups that do not see each other; default 1.
        activation, use_bias, initializers, regularizers, constraints: as for :class:`Dense`.

    Input shape: (batch, rows, columns, channels), or (batch, channels, rows, columns) with channels_first.

    Output shape: (batch, new_rows, new_columns, filters), or with the filters first.

    Weights: kernel (height, width, channels / groups, filters) in both layouts, bias (filters,).

    Raises:
        ValueError: for arguments outside these, and when called on other than 4 dimensions, other channels than at
            first, or an image smaller than the window with 'valid'.

    >>> import tahr
    >>> tahr.layers.Conv2D(8, 3, padding="same")(tahr.ops.ones((2, 28, 28, 1))).shape
    (2, 28, 28, 8)
    """

    rank = 2

    def __init__(self, filters, kernel_size, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1),
                 groups=1, activation=None, use_bias=True, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None, kernel_constraint=None,
                 bias_constraint=None, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.groups = positive_int("filters", filters), positive_int("groups", groups)
        self.kernel_size = per_axis("kernel_size", kernel_size, self.rank)
        self.strides = per_axis("strides", strides, self.rank)
        self.padding = window_padding(padding)
        self.data_format = image_layout(data_format)
        self.remember(data_format=self.data_format)
        self.dilation_rate = per_axis("dilation_rate", dilation_rate, self.rank)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(f"strides and dilation_rate cannot both exceed 1, got {self.strides} and "
                             f"{self.dilation_rate}")
        if self.filters % self.groups:
            raise ValueError(f"the {self.filters} filters do not divide into {self.groups} groups")
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_options = weight_options(kernel_initializer, kernel_regularizer, kernel_constraint)
        self.bias_options = weight_options(bias_initializer, bias_regularizer, bias_constraint)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def build(self, input_shape):
        axis = 1 if self.data_format == "channels_first" else -1
        channels = input_shape[axis]
        if channels is not None and channels % self.groups:
            raise ValueError(f"layer {self.name!r}: the {channels} channels do not divide into {self.groups} groups")
        shape = (*self.kernel_size, channels and channels // self.groups, self.filters)
        self.kernel = self.add_weight("kernel", shape, **self.kernel_options)
        self.bias = self.add_weight("bias", (self.filters,), **self.bias_options) if self.use_bias else None
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={axis: channels})

    def call(self, inputs):
        first = self.data_format == "channels_first"
        x = ops.moveaxis(inputs, 1, -1) if first else inputs
        x = ops.conv(x, self.kernel, self.strides, self.padding, self.dilation_rate, self.groups)
        x = x if self.bias is None else x + self.bias
        return self.activation(ops.moveaxis(x, -1, 1) if first else x)
