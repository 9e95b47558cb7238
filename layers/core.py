"""Dense, Activation, Dropout, Flatten and Reshape; Input."""

import math

import numpy as np

from .. import activations, ops, regularizers
from ..autograd import OPS
from ..tensor import Symbol
from ..tensor.shapes import as_shape, size
from ..utils.errors import did_you_mean
from ..utils.names import unique_name
from ..utils.rng import Generator
from .arguments import image_layout, positive_int, weight_options
from .base import InputSpec, Layer, checked_shape
from .functions import given_by_name, named_function, run_or_declare, sourceless
from .node import Node, run_op


def Input(shape=None, batch_shape=None, name=None, dtype=None, sparse=False, tensor=None,     # noqa: N802 (Keras's name)
          batch_size=None):
    """The input of a model, as a symbol.

    Arguments:
        shape: without the batch axis; None in it for any size.
        batch_shape: the shape with the batch axis, instead of ``shape``.
        name: of the input, default ``input_1``, ...; data may be given in a dict under it.
        dtype: default floatx.
        sparse: not supported.
        tensor: values to compute on, instead of data that are given later.
        batch_size: default None, for any.

    Raises:
        ValueError: for neither or both of the shapes, and for what is no shape.

    >>> Input((784,))
    Symbol(shape=(None, 784), dtype=float32)
    """
    if tensor is not None:
        return InputLayer(input_tensor=tensor, name=name).output
    if sparse:
        raise ValueError("sparse inputs are not supported: pass dense arrays (x.toarray()) and leave sparse=False")
    if (shape is None) == (batch_shape is None):
        raise ValueError(f"Input needs either shape or batch_shape, got shape={shape} and batch_shape={batch_shape}")
    if isinstance(shape, int | np.integer):
        raise ValueError(f"Input needs a tuple as shape, got the int {shape}: write Input(({shape},))")
    batch_shape = checked_shape("Input", batch_shape or (batch_size, *shape))
    return InputLayer(batch_input_shape=batch_shape, dtype=dtype, name=name).output


class InputLayer(Layer):
    """The place where data enter a functional model; :func:`Input` makes one and returns its symbol.

    Arguments:
        input_shape, batch_size, batch_input_shape: as for :func:`Input`.
        dtype: default floatx.
        input_tensor: values that the model shall compute on instead of data that it is given.

    >>> InputLayer(input_shape=(784,)).output
    Symbol(shape=(None, 784), dtype=float32)
    """

    supports_masking = True

    def __init__(self, input_shape=None, batch_size=None, batch_input_shape=None, dtype=None, input_tensor=None,
                 sparse=False, name=None):
        if input_tensor is not None:
            batch_input_shape, dtype = tuple(input_tensor.shape), dtype or input_tensor.dtype
        super().__init__(name=name or unique_name("input"), dtype=dtype, input_shape=input_shape,
                         batch_size=batch_size, batch_input_shape=batch_input_shape)
        if self.batch_input_shape is None:
            raise ValueError("an InputLayer needs an input_shape, a batch_input_shape or an input_tensor")
        self.remember(batch_input_shape=self.batch_input_shape)
        self._arguments.pop("input_shape", None)
        self._arguments.pop("batch_size", None)
        self._arguments.pop("input_tensor", None)
        self.value, self.sparse, self.built = input_tensor, sparse, True
        self.known_output_shape = self.batch_input_shape
        symbol = Symbol(self.batch_input_shape, self.dtype)
        symbol.name = self.name
        self.inbound_nodes.append(Node(self, (), {}, symbol))

    @property
    def input(self):
        """The symbol itself, as in Keras."""
        return self.output

    @property
    def input_shape(self):
        return self.output_shape

    def call(self, inputs):
        return inputs


class OpLayer(Layer):
    """An op of :mod:`tahr.ops`, called on symbols, as a layer of the model that it became part of.

    Arguments:
        op: the op's name.
        constants: ``{position: value}`` of those arguments that are no symbols.
        attributes: the op's keyword arguments.

    >>> import tahr
    >>> x = Input((3,))
    >>> tahr.Model(x, 2 * x + 1).predict([[1.0, 2.0, 3.0]])
    array([[3., 5., 7.]], dtype=float32)
    """

    supports_masking = True

    def __init__(self, op, constants=None, attributes=None, **kwargs):
        super().__init__(**kwargs)
        if op not in OPS:
            raise ValueError(f"there is no op {op!r}.{did_you_mean(op, OPS)}")
        self.op, self.attributes = op, attributes or {}
        self.constants = {int(i): value for i, value in (constants or {}).items()}

    def call(self, inputs):
        return run_op(self.op, self.constants, self.attributes, inputs if isinstance(inputs, list) else [inputs])


class Dense(Layer):
    """``activation(x @ kernel + bias)``, over the last axis of the input.

    Arguments:
        units: the size of the output's last axis.
        activation: a name or function; None (the default) for none.
        use_bias: whether to add a bias, default True.
        kernel_initializer, bias_initializer: how the weights begin, see :mod:`tahr.initializers`; default
            ``'glorot_uniform'`` and ``'zeros'``.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties of the weights and of the output, added to
            the loss, see :mod:`tahr.regularizers`; default none.
        kernel_constraint, bias_constraint: applied after each update, see :mod:`tahr.constraints`; default none.

    Input shape: (batch, ..., features). Output shape: (batch, ..., units).

    Weights: kernel (features, units), bias (units,).

    Raises:
        ValueError: when called with fewer than 2 dimensions, or other features than at first.

    >>> import tahr
    >>> tahr.layers.Dense(32)(tahr.ops.ones((8, 784))).shape
    (8, 32)
    """

    supports_masking = True

    def __init__(self, units, activation=None, use_bias=True, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(**kwargs)
        self.units = positive_int("units", units)
        self.activation = activations.get(activation)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.use_bias = use_bias
        self.kernel_options = weight_options(kernel_initializer, kernel_regularizer, kernel_constraint)
        self.bias_options = weight_options(bias_initializer, bias_regularizer, bias_constraint)
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape):
        self.kernel = self.add_weight("kernel", (input_shape[-1], self.units), **self.kernel_options)
        self.bias = self.add_weight("bias", (self.units,), **self.bias_options) if self.use_bias else None
        self.input_spec = InputSpec(min_ndim=2, axes={-1: input_shape[-1]})

    def call(self, inputs):
        return self.activation(ops.linear(inputs, self.kernel, self.bias))


class Activation(Layer):
    """An activation function as a layer; the shape stays.

    Arguments:
        activation: a name, see :mod:`tahr.activations`, or a function of a tensor.

    >>> import tahr
    >>> tahr.layers.Activation("relu")(tahr.Tensor([-1.0, 2.0]))
    Tensor([0., 2.])
    """

    supports_masking = True

    def __init__(self, activation, **kwargs):
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs):
        return self.activation(inputs)


class Dropout(Layer):
    """In training, sets elements to 0 with probability ``rate`` and divides the rest by ``1 - rate``.

    Otherwise it does nothing; the shape stays.

    Arguments:
        rate: from 0 (nothing is dropped) up to but without 1.
        noise_shape: where it has a 1, that axis is dropped as one; elsewhere it has the input's size, for which None
            may stand. Default: every element is dropped on its own.
        seed: of a generator of its own; default: the default generator.

    Raises:
        ValueError: for a rate outside [0, 1), and in training for a ``noise_shape`` that does not fit the input.

    Source: Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, JMLR 15, 2014.

    >>> import tahr
    >>> tahr.layers.Dropout(0.5)(tahr.ops.ones(3))
    Tensor([1., 1., 1.])
    """

    supports_masking = True

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"the dropout rate must lie in [0, 1), got {rate}")
        self.rate, self.noise_shape = rate, noise_shape
        self.generator = None if seed is None else Generator(seed)

    @property
    def acts_in_training(self):
        return bool(self.rate)

    def call(self, inputs, training=False):
        if not training:
            return inputs
        if self.noise_shape is not None:
            self._check_noise(inputs.shape)
        return ops.dropout(inputs, self.rate, self.noise_shape, self.generator)

    def _check_noise(self, shape):
        noise = tuple(self.noise_shape)
        if len(noise) != len(shape) or any(m not in (None, 1, n) for m, n in zip(noise, shape) if n is not None):
            raise ValueError(f"layer {self.name!r}: noise_shape {noise} does not fit the input shape {shape}: each "
                             "entry must be 1, None or the input's size")


class Flatten(Layer):
    """All axes but the batch's merged into one.

    Arguments:
        data_format: ``'channels_first'`` brings the channels to the end first, so that the order is that of a
            channels_last model; default: the setting.

    Input shape: (batch, ...). Output shape: (batch, features).

    >>> import tahr
    >>> tahr.layers.Flatten()(tahr.ops.ones((2, 3, 4))).shape
    (2, 12)
    """

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = image_layout(data_format)
        self.remember(data_format=self.data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs):
        if self.data_format == "channels_first" and inputs.ndim > 2:
            inputs = ops.moveaxis(inputs, 1, -1)
        return ops.reshape(inputs, (inputs.shape[0], size(inputs.shape[1:])))


class Reshape(Layer):
    """The same elements in another shape, the batch axis aside.

    Arguments:
        target_shape: sizes without the batch axis; one of them may be -1, which is inferred.

    Input shape: (batch, ...). Output shape: (batch, *target_shape).

    Raises:
        ValueError: for what is no shape, and when called with another number of elements.

    >>> import tahr
    >>> tahr.layers.Reshape((3, -1))(tahr.ops.ones((2, 12))).shape
    (2, 3, 4)
    """

    def __init__(self, target_shape, **kwargs):
        super().__init__(**kwargs)
        self.target_shape = as_shape(target_shape)
        if self.target_shape.count(-1) > 1:
            raise ValueError(f"only one size of target_shape may be -1, got {self.target_shape}")
        for n in self.target_shape:
            if n != -1:
                positive_int("a size of target_shape", n)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs):
        sizes, known = inputs.shape[1:], math.prod(n for n in self.target_shape if n != -1)
        total = size(sizes)
        if total is not None and (total % known if -1 in self.target_shape else total != known):
            raise ValueError(f"layer {self.name!r}: cannot reshape samples of shape {sizes} ({total} elements) to "
                             f"{self.target_shape}: the number of elements must not change")
        rest = None if total is None else total // known
        return ops.reshape(inputs, (inputs.shape[0], *(rest if n == -1 else n for n in self.target_shape)))


class Identity(Layer):
    """The input as it is.

    >>> import tahr
    >>> tahr.layers.Identity()(tahr.Tensor([1.0, 2.0]))
    Tensor([1., 2.])
    """

    supports_masking = True

    def call(self, inputs):
        return inputs


class RepeatVector(Layer):
    """A vector as a sequence of ``n`` equal steps.

    Arguments:
        n: how many steps, a positive integer.

    Input shape: (batch, features). Output shape: (batch, n, features).

    >>> import tahr
    >>> tahr.layers.RepeatVector(2)(tahr.Tensor([[1.0, 2.0]]))
    Tensor([[[1., 2.],
             [1., 2.]]])
    """

    def __init__(self, n, **kwargs):
        super().__init__(**kwargs)
        self.n = positive_int("n", n)
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs):
        return ops.repeat(ops.expand_dims(inputs, 1), self.n, 1)


class Permute(Layer):
    """The axes in another order, the batch axis aside.

    Arguments:
        dims: for each axis of the output, which of the input it is; counted from 1, without the batch axis.

    Input shape: (batch, ...). Output shape: the same sizes in the new order.

    Raises:
        ValueError: unless ``dims`` holds each of 1, 2, ... once.

    >>> import tahr
    >>> tahr.layers.Permute((2, 1))(tahr.ops.ones((5, 10, 64))).shape
    (5, 64, 10)
    """

    def __init__(self, dims, **kwargs):
        super().__init__(**kwargs)
        self.dims = as_shape(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"dims of Permute must hold each of 1 to {len(self.dims)} once, without the batch axis, "
                             f"got {self.dims}")
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs):
        return ops.transpose(inputs, (0, *self.dims))


class Masking(Layer):
    """Masks the steps all of whose features are ``mask_value``, and sets them to 0.

    The layers after it that know masks leave those steps out.

    Arguments:
        mask_value: default 0.

    Input shape: (batch, steps, ..., features). Output shape: the same.

    >>> import tahr
    >>> out = tahr.layers.Masking(9.0)(tahr.Tensor([[[1.0, 9.0], [9.0, 9.0]]]))
    >>> out.numpy().tolist(), out.mask.numpy().tolist()
    ([[[1.0, 9.0], [0.0, 0.0]]], [[True, False]])
    """

    supports_masking = _makes_mask = True

    def __init__(self, mask_value=0.0, **kwargs):
        super().__init__(**kwargs)
        self.mask_value = mask_value
        self.input_spec = InputSpec(min_ndim=2)

    def call(self, inputs):
        return ops.where(ops.any(inputs != self.mask_value, -1, keepdims=True), inputs, 0.0)

    def compute_mask(self, inputs, mask=None):
        return sourceless(ops.any(inputs != self.mask_value, -1))


class ActivityRegularization(Layer):
    """The input as it is, with a penalty of its size added to the loss: ``l1 * sum(|x|) + l2 * sum(x**2)``.

    Arguments:
        l1, l2: the factors, default 0.

    >>> import tahr
    >>> layer = tahr.layers.ActivityRegularization(l2=0.5)
    >>> layer(tahr.Tensor([[1.0, 2.0]])), layer.losses
    (Tensor([[1., 2.]]), [Tensor(2.5)])
    """

    supports_masking = True

    def __init__(self, l1=0.0, l2=0.0, **kwargs):
        super().__init__(**kwargs)
        self.l1, self.l2 = l1, l2
        self.activity_regularizer = regularizers.L1L2(l1, l2)

    def call(self, inputs):
        return inputs


class Lambda(Layer):
    """A function of tensors as a layer.

    A config holds the function's name and never its code: one that shall be read back is a function of
    :mod:`tahr.ops` or :mod:`tahr.activations`. Weights that the function uses are not the layer's.

    Arguments:
        function: of the input (a tensor, or a list of them) and of ``arguments``; where it has parameters ``mask`` and
            ``training``, it is given them too. It is also called on symbols, which is how shapes are known.
        output_shape: for functions that cannot be called on symbols: a shape without the batch axis, or a function of
            the input's shape with it. Default None: not needed.
        mask: of the output: a mask, or a function of the input and its mask; default None, for none.
        arguments: a dict of further arguments, default none.

    >>> import tahr
    >>> tahr.layers.Lambda(lambda x, power: x ** power, arguments={"power": 2})(tahr.Tensor([1.0, 3.0]))
    Tensor([1., 9.])
    """

    def __init__(self, function, output_shape=None, mask=None, arguments=None, **kwargs):
        super().__init__(**kwargs)
        self.function, self.arguments = named_function("Lambda", function), arguments or {}
        self.declared_shape, self.mask = output_shape, mask
        if mask is not None:
            self.supports_masking = self._makes_mask = True

    def call(self, inputs, mask=None, training=False):
        offered = given_by_name(self.function, self.arguments, mask=mask, training=training)
        return run_or_declare(self, self.function, (inputs,), offered, inputs, self.declared_shape)

    def compute_mask(self, inputs, mask=None):
        if self.mask is None:
            return super().compute_mask(inputs, mask)
        return self.mask(inputs, mask) if callable(self.mask) else self.mask
