"""Convolution layers, plain, transposed, depthwise, separable and unshared; in one, two and three dimensions."""

from .. import activations, ops, regularizers
from ..autograd import Spec
from ..tensor.windows import per_axis, window_sizes
from .arguments import image_layout, line_layout, positive_int, weight_options
from .base import InputSpec, Layer

PADDINGS = ("valid", "same", "causal")
CHANNELS = (1, 3, 4)        # of pictures


class _ImageLayer(Layer):
    """Base of layers over (batch, *space, channels), or (batch, channels, *space) with channels_first.

    ``slide`` computes on channels_last; the other layout is transposed on the way in and out. A layer that was given no
    ``data_format`` takes that of its input's layer if that one had to find out its own (see :class:`Convolution2D`).
    """

    rank = 2

    def set_layout(self, data_format):
        self.told_layout = data_format is not None
        self.data_format = line_layout(data_format) if self.rank == 1 else image_layout(data_format)
        self.remember(data_format=self.data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def __call__(self, inputs, *args, **kwargs):
        if not self.told_layout and not self.built and isinstance(inputs, Spec):
            self.find_layout(inputs)
        out = super().__call__(inputs, *args, **kwargs)
        if isinstance(out, Spec) and self.data_format == "channels_first":
            out.layout = self.data_format
        return out

    def find_layout(self, symbol):
        """Follow the layout of the layers before."""
        if getattr(symbol, "layout", None):
            self.data_format = symbol.layout
            self.remember(data_format=self.data_format)

    @property
    def channel_axis(self):
        return 1 if self.data_format == "channels_first" else -1

    def call(self, inputs):
        if self.data_format == "channels_last":
            return self.slide(inputs)
        return ops.moveaxis(self.slide(ops.moveaxis(inputs, 1, -1)), -1, 1)

    def slide(self, x):
        """The output for an input with its channels last."""
        raise TypeError(f"{type(self).__name__} must define slide(self, x)")


class _Conv(_ImageLayer):
    """What the convolutions have in common: arguments, weights, activation."""

    transposed = False

    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1, groups=1,
                 activation=None, use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros",
                 kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
                 bias_constraint=None, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.groups = positive_int("filters", filters), positive_int("groups", groups)
        self._set_window(kernel_size, strides, padding, data_format, dilation_rate)
        if self.filters % self.groups:
            raise ValueError(f"the {self.filters} filters do not divide into {self.groups} groups")
        self._set_bias(activation, use_bias, bias_initializer, bias_regularizer, bias_constraint, activity_regularizer)
        self.kernel_options = weight_options(kernel_initializer, kernel_regularizer, kernel_constraint)

    def _set_window(self, kernel_size, strides, padding, data_format, dilation_rate):
        self.kernel_size = per_axis("kernel_size", kernel_size, self.rank)
        self.strides = per_axis("strides", strides, self.rank)
        self.padding = _padding(padding, self.rank)
        self.set_layout(data_format)
        self.dilation_rate = per_axis("dilation_rate", dilation_rate, self.rank)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(f"strides and dilation_rate cannot both exceed 1, got {self.strides} and "
                             f"{self.dilation_rate}")

    def _set_bias(self, activation, use_bias, initializer, regularizer, constraint, activity_regularizer):
        self.activation, self.use_bias = activations.get(activation), use_bias
        self.bias_options = weight_options(initializer, regularizer, constraint)
        self.activity_regularizer = regularizers.get(activity_regularizer)

    def _channels(self, input_shape):
        channels = input_shape[self.channel_axis]
        if channels is None:
            raise ValueError(f"layer {self.name!r} needs a known shape: the channel dimension of the inputs should be "
                             f"defined. Found `None` at axis {self.channel_axis} of {tuple(input_shape)}")
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={self.channel_axis: channels})
        return channels

    def _add_bias(self, filters):
        self.bias = self.add_weight("bias", (filters,), **self.bias_options) if self.use_bias else None

    def build(self, input_shape):
        channels = self._channels(input_shape)
        if channels % self.groups:
            raise ValueError(f"layer {self.name!r}: the {channels} channels do not divide into {self.groups} groups")
        self.kernel = self.add_weight("kernel", (*self.kernel_size, channels // self.groups, self.filters),
                                      **self.kernel_options)
        self._add_bias(self.filters)

    def slide(self, x):
        return self.activation(ops.conv(x, self.kernel, self.strides, self.padding, self.dilation_rate, self.groups,
                                        self.bias))


def _padding(padding, rank):
    lower = padding.lower() if isinstance(padding, str) else padding
    if lower not in PADDINGS or lower == "causal" and rank > 1:
        raise ValueError(f"padding must be 'valid'{', ' if rank == 1 else ' or '}'same'"
                         f"{' or causal' if rank == 1 else ''}, got {padding!r}")
    return lower


class Conv1D(_Conv):
    """1D convolution: each filter slides along time and looks at some steps of all channels.

    Arguments:
        filters: how many; the output's channels.
        kernel_size: steps of the window, an int.
        strides: steps that the window moves on; default 1.
        padding: ``'valid'`` (the default; windows lie inside), ``'same'`` (zeros around, output of size
            ``ceil(steps / stride)``), or ``'causal'`` (zeros in front, so that no output sees a later step).
        data_format: ``'channels_last'`` (the default) or ``'channels_first'``.
        dilation_rate: distance between the window's elements, default 1; only with strides of 1.
        groups: channels and filters are cut into so many groups that do not see each other; default 1.
        activation, use_bias, initializers, regularizers, constraints: as for :class:`Dense`.

    Input shape: (batch, steps, channels). Output shape: (batch, new_steps, filters).

    Weights: kernel (kernel_size, channels / groups, filters), bias (filters,).

    >>> import tahr
    >>> tahr.layers.Conv1D(8, 3, padding="causal")(tahr.ops.ones((2, 10, 4))).shape
    (2, 10, 8)
    """

    aliases = ("Convolution1D", "AtrousConvolution1D")
    rank = 1

    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format="channels_last", dilation_rate=1,
                 groups=1, activation=None, use_bias=True, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 kernel_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(filters, kernel_size, strides, padding, data_format, dilation_rate, groups, activation,
                         use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
                         activity_regularizer, kernel_constraint, bias_constraint, **kwargs)


class Conv2D(_Conv):
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

    aliases = ("AtrousConvolution2D",)


class Convolution2D(Conv2D):
    """:class:`Conv2D` as Keras 1 has it: ``Convolution2D(nb_filter, nb_row, nb_col)``.

    Programs of Keras 1 give images as (rows, columns, channels) or as (channels, rows, columns), after a setting that
    is not in the program. Without ``dim_ordering`` the layer finds out from its first symbolic input: channels come
    first where only the first axis can be that of channels (1, 3 or 4), or where the window does not fit otherwise. It
    says so once; the image layers after it follow.

    >>> import tahr
    >>> Convolution2D(8, 3, 3)(tahr.layers.Input((28, 28, 1))).shape
    (None, 26, 26, 8)
    """

    def find_layout(self, symbol):
        super().find_layout(symbol)
        shape = tuple(symbol.shape)
        if self.data_format == "channels_first" or len(shape) != 4:
            return
        try:
            window_sizes(shape[1:3], self.kernel_size, self.strides, self.padding, self.dilation_rate)
            first = shape[1] in CHANNELS and shape[3] not in CHANNELS
        except ValueError:
            first = True
        if first:
            from ..utils.keras1 import notice
            notice(f"{type(self).__name__}: an input of shape {shape} is taken as (batch, channels, rows, columns); "
                   f"say "
                   "so with data_format='channels_first' (dim_ordering='th')", UserWarning)
            self.data_format = "channels_first"
            self.remember(data_format=self.data_format)


class Conv3D(_Conv):
    """3D convolution: each filter slides over a volume and looks at a window of all channels.

    The arguments are those of :class:`Conv2D`, with three numbers in place of two.

    Input shape: (batch, depth, rows, columns, channels), or with the channels behind the batch axis.

    Weights: kernel (depth, height, width, channels / groups, filters), bias (filters,).

    >>> import tahr
    >>> tahr.layers.Conv3D(8, 3)(tahr.ops.ones((2, 5, 6, 7, 1))).shape
    (2, 3, 4, 5, 8)
    """

    aliases = ("Convolution3D",)
    rank = 3


# Transposed

class _ConvTranspose(_Conv):
    """A convolution run backwards: each input element spreads over a window of the output."""

    def __init__(self, filters, kernel_size, strides=1, padding="valid", output_padding=None, data_format=None,
                 dilation_rate=1, activation=None, use_bias=True, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 kernel_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(filters, kernel_size, strides, padding, data_format, dilation_rate, 1, activation, use_bias,
                         kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
                         activity_regularizer, kernel_constraint, bias_constraint, **kwargs)
        if self.padding == "causal":
            raise ValueError("padding must be 'valid' or 'same' for a transposed convolution, got 'causal'")
        self.output_padding = output_padding
        if output_padding is not None:
            more = output_padding if isinstance(output_padding, tuple | list) else (output_padding,) * self.rank
            if any(m >= s for m, s in zip(more, self.strides)):
                raise ValueError(f"Stride {self.strides} must be greater than output padding {output_padding}")
            self.output_padding = tuple(more)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        self.kernel = self.add_weight("kernel", (*self.kernel_size, self.filters, channels), **self.kernel_options)
        self._add_bias(self.filters)

    def slide(self, x):
        x = ops.conv_transpose(x, self.kernel, None, self.strides, self.padding, self.dilation_rate, 1,
                               self.output_padding)
        return self.activation(x if self.bias is None else x + self.bias)


class Conv1DTranspose(_ConvTranspose):
    """Transposed 1D convolution: longer sequences from shorter ones.

    The arguments are those of :class:`Conv2DTranspose`, with one number in place of two.

    Input shape: (batch, steps, channels). Weights: kernel (kernel_size, filters, channels), bias (filters,).

    >>> import tahr
    >>> tahr.layers.Conv1DTranspose(8, 3, strides=2)(tahr.ops.ones((2, 5, 4))).shape
    (2, 11, 8)
    """

    rank = 1


class Conv2DTranspose(_ConvTranspose):
    """Transposed 2D convolution ("deconvolution"): larger images from smaller ones.

    Arguments:
        filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, initializers,
            regularizers, constraints: as for :class:`Conv2D`.
        output_padding: rows and columns to add at the end, fewer than the strides; default None, for an output of
            ``size * stride`` with 'same' and of ``size * stride + max(window - stride, 0)`` with 'valid'. With it the
            size is ``(size - 1) * stride + window - 2 * padding + output_padding``.

    Input shape: (batch, rows, columns, channels), or with the channels first.

    Weights: kernel (height, width, filters, channels), bias (filters,).

    >>> import tahr
    >>> tahr.layers.Conv2DTranspose(8, 3, strides=2, padding="same")(tahr.ops.ones((2, 5, 6, 4))).shape
    (2, 10, 12, 8)
    """

    aliases = ("Deconvolution2D",)


class Conv3DTranspose(_ConvTranspose):
    """Transposed 3D convolution; arguments as for :class:`Conv2DTranspose`, with three numbers in place of two.

    >>> import tahr
    >>> tahr.layers.Conv3DTranspose(2, 2, strides=2)(tahr.ops.ones((1, 2, 3, 4, 5))).shape
    (1, 4, 6, 8, 2)
    """

    aliases = ("Deconvolution3D",)
    rank = 3


# Depthwise and separable

class _DepthwiseConv(_Conv):
    """A convolution of each channel with filters of its own."""

    def __init__(self, kernel_size, strides=1, padding="valid", depth_multiplier=1, data_format=None, dilation_rate=1,
                 activation=None, use_bias=True, depthwise_initializer="glorot_uniform", bias_initializer="zeros",
                 depthwise_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 depthwise_constraint=None, bias_constraint=None, **kwargs):
        super(_Conv, self).__init__(**kwargs)
        self._set_window(kernel_size, strides, padding, data_format, dilation_rate)
        self.depth_multiplier = positive_int("depth_multiplier", depth_multiplier)
        self._set_bias(activation, use_bias, bias_initializer, bias_regularizer, bias_constraint, activity_regularizer)
        self.depthwise_options = weight_options(depthwise_initializer, depthwise_regularizer, depthwise_constraint)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        self.depthwise_kernel = self.add_weight("depthwise_kernel", (*self.kernel_size, channels,
                                                                     self.depth_multiplier), **self.depthwise_options)
        self._add_bias(channels * self.depth_multiplier)

    def slide(self, x):
        x = ops.depthwise_conv(x, self.depthwise_kernel, self.strides, self.padding, self.dilation_rate)
        return self.activation(x if self.bias is None else x + self.bias)


class DepthwiseConv1D(_DepthwiseConv):
    """1D convolution of each channel on its own; arguments as for :class:`DepthwiseConv2D`.

    >>> import tahr
    >>> tahr.layers.DepthwiseConv1D(3)(tahr.ops.ones((2, 10, 4))).shape
    (2, 8, 4)
    """

    rank = 1


class DepthwiseConv2D(_DepthwiseConv):
    """2D convolution of each channel on its own.

    Arguments:
        kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias: as for :class:`Conv2D`.
        depth_multiplier: filters of each channel; default 1.
        depthwise_initializer, bias_initializer and the regularizers and constraints of the same names.

    Input shape: (batch, rows, columns, channels), or with the channels first. The output has ``channels *
    depth_multiplier`` channels, those of one input channel side by side.

    Weights: depthwise_kernel (height, width, channels, depth_multiplier), bias (channels * depth_multiplier,).

    >>> import tahr
    >>> tahr.layers.DepthwiseConv2D(3, depth_multiplier=2)(tahr.ops.ones((2, 8, 8, 4))).shape
    (2, 6, 6, 8)
    """


class _SeparableConv(_Conv):
    """A depthwise convolution, whose channels a pointwise one then mixes."""

    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1,
                 depth_multiplier=1, activation=None, use_bias=True, depthwise_initializer="glorot_uniform",
                 pointwise_initializer="glorot_uniform", bias_initializer="zeros", depthwise_regularizer=None,
                 pointwise_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 depthwise_constraint=None, pointwise_constraint=None, bias_constraint=None, **kwargs):
        super(_Conv, self).__init__(**kwargs)
        self.filters = positive_int("filters", filters)
        self._set_window(kernel_size, strides, padding, data_format, dilation_rate)
        self.depth_multiplier = positive_int("depth_multiplier", depth_multiplier)
        self._set_bias(activation, use_bias, bias_initializer, bias_regularizer, bias_constraint, activity_regularizer)
        self.depthwise_options = weight_options(depthwise_initializer, depthwise_regularizer, depthwise_constraint)
        self.pointwise_options = weight_options(pointwise_initializer, pointwise_regularizer, pointwise_constraint)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        self.depthwise_kernel = self.add_weight("depthwise_kernel", (*self.kernel_size, channels,
                                                                     self.depth_multiplier), **self.depthwise_options)
        self.pointwise_kernel = self.add_weight(
            "pointwise_kernel", (*(1,) * self.rank, channels * self.depth_multiplier, self.filters),
            **self.pointwise_options)
        self._add_bias(self.filters)

    def slide(self, x):
        x = ops.depthwise_conv(x, self.depthwise_kernel, self.strides, self.padding, self.dilation_rate)
        return self.activation(ops.conv(x, self.pointwise_kernel, bias=self.bias))


class SeparableConv1D(_SeparableConv):
    """Depthwise, then pointwise 1D convolution; arguments as for :class:`SeparableConv2D`.

    >>> import tahr
    >>> tahr.layers.SeparableConv1D(8, 3)(tahr.ops.ones((2, 10, 4))).shape
    (2, 8, 8)
    """

    aliases = ("SeparableConvolution1D",)
    rank = 1


class SeparableConv2D(_SeparableConv):
    """Depthwise, then pointwise 2D convolution: far fewer weights than :class:`Conv2D` (Chollet 2017, Xception).

    Arguments:
        filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias: as for
            :class:`Conv2D`.
        depth_multiplier: depthwise filters of each channel; default 1.
        depthwise_initializer, pointwise_initializer, bias_initializer and the regularizers and constraints of the same
            names.

    Weights: depthwise_kernel (height, width, channels, depth_multiplier), pointwise_kernel (1, 1, channels *
    depth_multiplier, filters), bias (filters,).

    >>> import tahr
    >>> tahr.layers.SeparableConv2D(8, 3)(tahr.ops.ones((2, 8, 8, 4))).shape
    (2, 6, 6, 8)
    """

    aliases = ("SeparableConvolution2D",)


# Unshared

class _LocallyConnected(_Conv):
    """A convolution with another kernel at every place."""

    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format=None, activation=None,
                 use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros", kernel_regularizer=None,
                 bias_regularizer=None, activity_regularizer=None, kernel_constraint=None, bias_constraint=None,
                 **kwargs):
        super().__init__(filters, kernel_size, strides, padding, data_format, 1, 1, activation, use_bias,
                         kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
                         activity_regularizer, kernel_constraint, bias_constraint, **kwargs)
        if self.padding != "valid":
            raise ValueError(f"Invalid border mode for {type(self).__name__} (only \"valid\" is supported): {padding}")

    def build(self, input_shape):
        channels = self._channels(input_shape)
        space = tuple(input_shape[2:] if self.channel_axis == 1 else input_shape[1:-1])
        if None in space:
            raise ValueError(f"The spatial dimensions of the inputs to a {type(self).__name__} layer should be fully "
                             f"defined, but layer {self.name!r} received the shape {tuple(input_shape)}")
        self.places, _ = window_sizes(space, self.kernel_size, self.strides, "valid", (1,) * self.rank)
        count, reach = 1, channels
        for n, k in zip(self.places, self.kernel_size):
            count, reach = count * n, reach * k
        self.kernel = self.add_weight("kernel", (count, reach, self.filters), **self.kernel_options)
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight("bias", (*self.places, self.filters), **self.bias_options)
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={
            self.channel_axis: channels, **dict(enumerate(space, 2 if self.channel_axis == 1 else 1))})

    def slide(self, x):
        windows = ops.moveaxis(ops.reshape(ops.unfold(x, self.kernel_size, self.strides),
                                           (x.shape[0], *self.kernel.shape[:2])), 0, 1)
        x = ops.moveaxis(ops.matmul(windows, self.kernel), 0, 1)
        x = ops.reshape(x, (x.shape[0], *self.places, self.filters))
        return self.activation(x if self.bias is None else x + self.bias)


class LocallyConnected1D(_LocallyConnected):
    """1D convolution with another kernel at every step; arguments as for :class:`Conv1D`, padding 'valid' only.

    Weights: kernel (new_steps, kernel_size * channels, filters), bias (new_steps, filters).

    >>> import tahr
    >>> tahr.layers.LocallyConnected1D(8, 3)(tahr.ops.ones((2, 10, 4))).shape
    (2, 8, 8)
    """

    rank = 1


class LocallyConnected2D(_LocallyConnected):
    """2D convolution with another kernel at every place; arguments as for :class:`Conv2D`, padding 'valid' only.

    Weights: kernel (new_rows * new_columns, height * width * channels, filters), bias (new_rows, new_columns, filters).

    >>> import tahr
    >>> tahr.layers.LocallyConnected2D(8, 3)(tahr.ops.ones((2, 6, 7, 4))).shape
    (2, 4, 5, 8)
    """
