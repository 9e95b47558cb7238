"""Recurrent layers over sequences of images: LSTMs whose products are convolutions."""

from .. import activations, ops
from ..autograd import Spec
from ..tensor import Symbol
from ..tensor.windows import per_axis
from .arguments import image_layout, line_layout, positive_int, weight_options, window_padding
from .base import InputSpec
from .cells import _DroppingCell, forget_bias, zero_states
from .recurrent import _of_cell, _OwnCell


class _ConvLSTMCell(_DroppingCell):
    """One step of an LSTM whose products are convolutions, in any number of dimensions."""

    rank, gates = 2, 4

    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1,
                 activation="tanh", recurrent_activation="hard_sigmoid", use_bias=True,
                 kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
                 unit_forget_bias=True, kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None,
                 kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, dropout=0.0,
                 recurrent_dropout=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.filters = positive_int("filters", filters)
        self.kernel_size = per_axis("kernel_size", kernel_size, self.rank)
        self.strides = per_axis("strides", strides, self.rank)
        self.padding = window_padding(padding)
        self.data_format = line_layout(data_format) if self.rank == 1 else image_layout(data_format)
        self.remember(data_format=self.data_format)
        self.dilation_rate = per_axis("dilation_rate", dilation_rate, self.rank)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(f"strides and dilation_rate cannot both exceed 1, got {self.strides} and "
                             f"{self.dilation_rate}")
        self.activation = activations.get(activation)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.use_bias, self.unit_forget_bias = use_bias, unit_forget_bias
        self.kernel_options = weight_options(kernel_initializer, kernel_regularizer, kernel_constraint)
        self.recurrent_options = weight_options(recurrent_initializer, recurrent_regularizer, recurrent_constraint)
        self.bias_options = weight_options(bias_initializer, bias_regularizer, bias_constraint)
        self.set_dropout(dropout, recurrent_dropout, seed)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def state_size(self):
        """The channels of both states."""
        return self.filters, self.filters

    @property
    def output_size(self):
        return self.filters

    @property
    def channel_axis(self):
        return 1 if self.data_format == "channels_first" else -1

    def state_shapes(self, step_shape):
        """The shapes of both states without the batch axis: that of the convolved input."""
        x = self._last(Symbol(step_shape, self.dtype))
        kernel = Symbol((*self.kernel_size, x.shape[-1], self.filters), self.dtype)
        return [tuple(self._back(self._convolved(x, kernel)).shape[1:])] * 2

    def build(self, input_shape):
        channels = input_shape[self.channel_axis]
        if channels is None:
            raise ValueError(f"layer {self.name!r} needs a known shape: the channel dimension of the inputs should be "
                             f"defined. Found `None` at axis {self.channel_axis} of {tuple(input_shape)}")
        width = self.gates * self.filters
        self.kernel = self.add_weight("kernel", (*self.kernel_size, channels, width), **self.kernel_options)
        self.recurrent_kernel = self.add_weight("recurrent_kernel", (*self.kernel_size, self.filters, width),
                                                **self.recurrent_options)
        self.bias = None
        if self.use_bias:
            options = self.bias_options
            if self.unit_forget_bias:
                options = {**options, "initializer": forget_bias(options["initializer"], self.filters)}
            self.bias = self.add_weight("bias", (width,), **options)
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={self.channel_axis: channels})

    def call(self, inputs, states=None, training=None):
        states = zero_states(self, inputs) if states is None else states
        x, h, c = map(self._last, (inputs, *states))
        symbolic = isinstance(inputs, Spec)
        kept, met = (self.drawn(name, tuple(a.shape), a.dtype) if training and not symbolic else None
                     for name, a in (("dropout", x), ("recurrent_dropout", h)))
        i, f, new, o = (a + b for a, b in zip(
            self._gates(x, kept, self.kernel, self.bias, self._convolved),
            self._gates(h, met, self.recurrent_kernel, None, lambda h, kernel, bias: ops.conv(h, kernel, 1, "same"))))
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(new)
        h = self.recurrent_activation(o) * self.activation(c)
        h, c = self._back(h), self._back(c)
        return h, [h, c]

    def _gates(self, x, masks, kernel, bias, convolve):
        """What ``x`` gives each gate: by one convolution, or by one for each where their inputs are dropped apart."""
        if masks is None:
            return ops.split(convolve(x, kernel, bias), self.gates, -1)
        biases = [None] * self.gates if bias is None else ops.split(bias, self.gates)
        return [convolve(x * masks[:, g], part, b)
                for g, (part, b) in enumerate(zip(ops.split(kernel, self.gates, -1), biases))]

    def _convolved(self, x, kernel, bias=None):
        return ops.conv(x, kernel, self.strides, self.padding, self.dilation_rate, 1, bias)

    def _last(self, x):
        """With the channels last."""
        return x if self.data_format == "channels_last" else ops.moveaxis(x, 1, -1)

    def _back(self, x):
        """As the data format has it."""
        return x if self.data_format == "channels_last" else ops.moveaxis(x, -1, 1)


class _ConvLSTM1DCell(_ConvLSTMCell):
    rank = 1


class ConvLSTM2DCell(_ConvLSTMCell):
    """One step of :class:`ConvLSTM2D`.

    Arguments:
        filters and all others: as for :class:`ConvLSTM2D`.

    Input shape: (batch, rows, columns, channels), and a list of the states h and c, (batch, new_rows, new_columns,
    filters) each. Returns the output and a list of the new states, the first of which is the same.

    >>> import tahr
    >>> cell = tahr.layers.ConvLSTM2DCell(4, 3, padding="same")
    >>> out, states = cell(tahr.ops.ones((2, 8, 8, 1)), [tahr.ops.zeros((2, 8, 8, 4))] * 2)
    >>> out.shape
    (2, 8, 8, 4)
    """


class _ConvLSTM3DCell(_ConvLSTMCell):
    rank = 3


class _ConvLSTM(_OwnCell):
    """What the layers have in common."""

    cell_class: type = ConvLSTM2DCell

    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1,
                 activation="tanh", recurrent_activation="hard_sigmoid", use_bias=True,
                 kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
                 unit_forget_bias=True, kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, recurrent_constraint=None, bias_constraint=None,
                 return_sequences=False, go_backwards=False, stateful=False, dropout=0.0, recurrent_dropout=0.0,
                 return_state=False, unroll=False, zero_output_for_mask=False, seed=None, **kwargs):
        cell = self.cell_class(filters, kernel_size, strides, padding, data_format, dilation_rate, activation,
                               recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
                               bias_initializer, unit_forget_bias, kernel_regularizer, recurrent_regularizer,
                               bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout,
                               recurrent_dropout, seed, name="cell")
        self.input_ndim = cell.rank + 3
        super().__init__(cell, return_sequences=return_sequences, return_state=return_state, go_backwards=go_backwards,
                         stateful=stateful, unroll=unroll, zero_output_for_mask=zero_output_for_mask,
                         activity_regularizer=activity_regularizer, **kwargs)
        self.remember(data_format=cell.data_format)

    filters = _of_cell("filters")
    kernel_size = _of_cell("kernel_size")
    strides = _of_cell("strides")
    padding = _of_cell("padding")
    data_format = _of_cell("data_format")
    dilation_rate = _of_cell("dilation_rate")
    unit_forget_bias = _of_cell("unit_forget_bias")


class ConvLSTM1D(_ConvLSTM):
    """An LSTM over sequences of lines; arguments as for :class:`ConvLSTM2D`, with one number in place of two.

    Input shape: (batch, steps, length, channels).

    >>> import tahr
    >>> tahr.layers.ConvLSTM1D(4, 3)(tahr.ops.ones((2, 5, 8, 1))).shape
    (2, 6, 4)
    """

    cell_class = _ConvLSTM1DCell


class ConvLSTM2D(_ConvLSTM):
    """An LSTM over sequences of images: convolutions stand where :class:`LSTM` has products of matrices.

    ``i, f, o = rec(conv(x, W) + conv(h, U) + b)``, ``c = f * c + i * act(conv(x, W) + conv(h, U) + b)``, ``h = o *
    act(c)``, at each step. The convolution of h has strides of 1 and padding 'same'.

    Arguments:
        filters, kernel_size, strides, padding, data_format, dilation_rate: as for :class:`Conv2D`.
        activation, recurrent_activation: act and rec; default ``'tanh'`` and ``'hard_sigmoid'``.
        use_bias, initializers, regularizers, constraints, unit_forget_bias, dropout, recurrent_dropout,
            return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask, seed: as for
            :class:`LSTM`.

    Input shape: (batch, steps, rows, columns, channels), or with the channels behind the steps. Output shape: (batch,
    new_rows, new_columns, filters), with ``return_sequences`` (batch, steps, new_rows, new_columns, filters).

    Weights: kernel (height, width, channels, 4 * filters), recurrent_kernel (height, width, filters, 4 * filters), bias
    (4 * filters,).

    Source: Shi et al., Convolutional LSTM network: a machine learning approach for precipitation nowcasting, NeurIPS
    2015.

    >>> import tahr
    >>> tahr.layers.ConvLSTM2D(4, 3, padding="same")(tahr.ops.ones((2, 5, 8, 8, 1))).shape
    (2, 8, 8, 4)
    """


class ConvLSTM3D(_ConvLSTM):
    """An LSTM over sequences of volumes; arguments as for :class:`ConvLSTM2D`, with three numbers in place of two.

    Input shape: (batch, steps, depth, rows, columns, channels).

    >>> import tahr
    >>> tahr.layers.ConvLSTM3D(2, 2)(tahr.ops.ones((1, 3, 4, 4, 4, 1))).shape
    (1, 3, 3, 3, 2)
    """

    cell_class = _ConvLSTM3DCell
