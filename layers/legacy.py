"""Layers that Keras 1 had, under the argument names that they had there."""

from .. import activations, ops, regularizers
from .arguments import positive_int, weight_options
from .base import InputSpec, Layer
from .core import Dense


class _Legacy(Layer):
    """A kernel and a bias by their old names."""

    def set_options(self, init, kernel, bias, activity_regularizer, use_bias):
        self.kernel_options, self.bias_options = weight_options(init, *kernel), weight_options("zeros", *bias)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.bias, self.input_spec = use_bias, InputSpec(ndim=2)


class MaxoutDense(_Legacy):
    """The largest of several dense outputs at each unit: ``max_k(x @ W[k] + b[k])``.

    Arguments:
        output_dim: how many units.
        nb_feature: how many dense outputs each is the largest of, default 4.
        init: of the kernels, default ``'glorot_uniform'``.
        W_regularizer, b_regularizer, activity_regularizer, W_constraint, b_constraint: of kernels, biases and outputs,
            default none.
        bias: whether there are biases, default True.

    Input shape: (batch, features). Output shape: (batch, output_dim).

    Weights: W (nb_feature, features, output_dim), b (nb_feature, output_dim).

    Source: Goodfellow et al., Maxout networks, ICML 2013.

    >>> import tahr
    >>> MaxoutDense(5, nb_feature=3)(tahr.ops.ones((2, 4))).shape
    (2, 5)
    """

    def __init__(self, output_dim, nb_feature=4, init="glorot_uniform", W_regularizer=None, b_regularizer=None,  # noqa: N803
                 activity_regularizer=None, W_constraint=None, b_constraint=None, bias=True, **kwargs):          # noqa: N803
        super().__init__(**kwargs)
        self.output_dim = positive_int("output_dim", output_dim)
        self.nb_feature = positive_int("nb_feature", nb_feature)
        self.set_options(init, (W_regularizer, W_constraint), (b_regularizer, b_constraint), activity_regularizer, bias)

    def build(self, input_shape):
        features = input_shape[1]
        self.W = self.add_weight("W", (self.nb_feature, features, self.output_dim), **self.kernel_options)
        self.b = self.add_weight("b", (self.nb_feature, self.output_dim), **self.bias_options) if self.bias else None
        self.input_spec = InputSpec(ndim=2, axes={1: features})

    def call(self, inputs):
        out = ops.einsum("bi,kio->bko", inputs, self.W)
        return ops.max(out if self.b is None else out + self.b, 1)


class Highway(_Legacy):
    """``t * activation(x @ W + b) + (1 - t) * x`` with ``t = sigmoid(x @ W_carry + b_carry)``.

    Arguments:
        init: of the kernels, default ``'glorot_uniform'``.
        activation: a name or function; default None, for none.
        W_regularizer, b_regularizer, activity_regularizer, W_constraint, b_constraint: of kernels, biases and outputs,
            default none.
        bias: whether there are biases, default True; ``b_carry`` begins at 1.

    Input shape: (batch, features). Output shape: the same.

    Weights: W and W_carry (features, features), b and b_carry (features,).

    Source: Srivastava, Greff and Schmidhuber, Highway networks, 2015.

    >>> import tahr
    >>> Highway(activation="tanh")(tahr.ops.ones((2, 4))).shape
    (2, 4)
    """

    def __init__(self, init="glorot_uniform", activation=None, W_regularizer=None, b_regularizer=None,  # noqa: N803
                 activity_regularizer=None, W_constraint=None, b_constraint=None, bias=True, **kwargs):  # noqa: N803
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.set_options(init, (W_regularizer, W_constraint), (b_regularizer, b_constraint), activity_regularizer, bias)

    def build(self, input_shape):
        n = input_shape[1]
        self.W = self.add_weight("W", (n, n), **self.kernel_options)
        self.W_carry = self.add_weight("W_carry", (n, n), **self.kernel_options)
        self.b = self.b_carry = None
        if self.bias:
            self.b = self.add_weight("b", (n,), **self.bias_options)
            self.b_carry = self.add_weight("b_carry", (n,), **{**self.bias_options, "initializer": "ones"})
        self.input_spec = InputSpec(ndim=2, axes={1: n})

    def call(self, inputs):
        carried = ops.sigmoid(ops.linear(inputs, self.W_carry, self.b_carry))
        return carried * self.activation(ops.linear(inputs, self.W, self.b)) + (1 - carried) * inputs


class TimeDistributedDense(Dense):
    """A :class:`Dense` at every step, as Keras 1 spelled it; arguments as there.

    Input shape: (batch, steps, features). Output shape: (batch, steps, units).

    >>> import tahr
    >>> TimeDistributedDense(8)(tahr.ops.ones((2, 3, 4))).shape
    (2, 3, 8)
    """

    supports_masking = True

    def __init__(self, units, *args, **kwargs):
        super().__init__(units, *args, **kwargs)
        self.input_spec = InputSpec(ndim=3)
