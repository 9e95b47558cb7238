"""Activations that are layers: with weights, with masks, or with numbers that belong to a config."""

import math

from .. import activations, ops
from ..tensor.shapes import normalize_axes
from .arguments import weight_options
from .base import InputSpec, Layer


class LeakyReLU(Layer):
    """``x``, and ``alpha * x`` below 0; the shape stays.

    Arguments:
        alpha: the slope below 0, default 0.3.
        negative_slope: Keras 3's name of ``alpha``.

    Source: Maas, Hannun and Ng, Rectifier nonlinearities improve neural network acoustic models, ICML 2013.

    >>> import tahr
    >>> tahr.layers.LeakyReLU(0.5)(tahr.Tensor([-2.0, 3.0]))
    Tensor([-1.,  3.])
    """

    supports_masking = True

    def __init__(self, alpha=0.3, negative_slope=None, **kwargs):
        super().__init__(**kwargs)
        if negative_slope is not None:
            if "alpha" in self._arguments:
                raise TypeError("LeakyReLU got both 'alpha' and 'negative_slope', two names of one argument: keep one")
            alpha = negative_slope
            self.remember(alpha=alpha, negative_slope=None)
        self.alpha = _number("alpha", alpha)

    def call(self, inputs):
        return ops.leaky_relu(inputs, self.alpha)


class PReLU(Layer):
    """``x``, and ``alpha * x`` below 0, where ``alpha`` is learned.

    Arguments:
        alpha_initializer, alpha_regularizer, alpha_constraint: of the weight, as for :class:`Dense`; default
            ``'zeros'``, none and none.
        shared_axes: axes, or one, along which the slope is the same, e.g. (1, 2) for a slope for each channel of
            images; default none.

    Input shape: any, whose unshared axes are known. Output shape: the same.

    Weights: alpha, of the input's sizes without the batch axis, 1 at shared axes.

    Source: He et al., Delving deep into rectifiers, ICCV 2015.

    >>> import tahr
    >>> tahr.layers.PReLU(alpha_initializer="ones")(tahr.Tensor([[-2.0, 3.0]])).detach()
    Tensor([[-2.,  3.]])
    """

    supports_masking = True

    def __init__(self, alpha_initializer="zeros", alpha_regularizer=None, alpha_constraint=None, shared_axes=None,
                 **kwargs):
        super().__init__(**kwargs)
        self.options = weight_options(alpha_initializer, alpha_regularizer, alpha_constraint)
        axes = () if shared_axes is None else shared_axes
        self.shared_axes = tuple(axes) if isinstance(axes, list | tuple) else (axes,)

    def build(self, input_shape):
        shared = normalize_axes(self.shared_axes, len(input_shape))
        shape = tuple(1 if i in shared else n for i, n in enumerate(input_shape) if i)
        self.alpha = self.add_weight("alpha", shape, **self.options)
        known = {i: n for i, n in enumerate(input_shape) if i and i not in shared}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=known)

    def call(self, inputs):
        return ops.relu(inputs) - self.alpha * ops.relu(-inputs)


class ELU(Layer):
    """``x``, and ``alpha * (exp(x) - 1)`` below 0; the shape stays.

    Arguments:
        alpha: default 1.0.

    Source: Clevert, Unterthiner and Hochreiter, Fast and accurate deep network learning by ELUs, ICLR 2016.

    >>> import tahr
    >>> tahr.layers.ELU()(tahr.Tensor([-1000.0, 3.0]))
    Tensor([-1.,  3.])
    """

    supports_masking = True

    def __init__(self, alpha=1.0, **kwargs):
        super().__init__(**kwargs)
        self.alpha = _number("alpha", alpha)

    def call(self, inputs):
        return ops.elu(inputs, self.alpha)


class ThresholdedReLU(Layer):
    """``x`` above ``theta``, 0 elsewhere; the shape stays.

    Arguments:
        theta: not negative, default 1.0.

    Source: Konda, Memisevic and Krueger, Zero-bias autoencoders, ICLR 2015.

    >>> import tahr
    >>> tahr.layers.ThresholdedReLU()(tahr.Tensor([-2.0, 0.5, 3.0]))
    Tensor([0., 0., 3.])
    """

    supports_masking = True

    def __init__(self, theta=1.0, **kwargs):
        super().__init__(**kwargs)
        if theta is None or not theta >= 0:
            raise ValueError(f"Theta of a Thresholded ReLU layer cannot be None, requires a float >= 0. Got {theta}")
        self.theta = theta

    def call(self, inputs):
        return ops.where(inputs > self.theta, inputs, 0.0)


class Softmax(Layer):
    """``exp(x) / sum(exp(x))`` along an axis; the shape stays.

    Arguments:
        axis: an axis or several, default the last.

    Called with a boolean ``mask`` of the input's dimensions, it leaves out elements where the mask is false: they
    become 0. A mask of steps only goes on to the next layer.

    >>> import tahr
    >>> x = tahr.Tensor([[1.0, 1.0, 9.0]])
    >>> tahr.layers.Softmax()(x, mask=tahr.Tensor([[True, True, False]]))
    Tensor([[0.5, 0.5, 0. ]])
    """

    supports_masking = True

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.axis = tuple(axis) if isinstance(axis, list | tuple) else axis

    def call(self, inputs, mask=None):
        if mask is not None and mask.ndim < inputs.ndim:
            mask = None
        if mask is None and not isinstance(self.axis, tuple):
            return activations.softmax(inputs, self.axis)
        axes = normalize_axes(self.axis, inputs.ndim)
        order = (*(i for i in range(inputs.ndim) if i not in axes), *axes)
        last = ops.transpose(inputs, order)
        kept = last.shape[:-len(axes)]
        flat = lambda x: ops.reshape(x, (*kept, math.prod(last.shape[-len(axes):]))) if len(axes) > 1 else x
        out = ops.masked_softmax(flat(last), None if mask is None else flat(ops.transpose(mask, order)))
        return ops.transpose(ops.reshape(out, last.shape), tuple(order.index(i) for i in range(inputs.ndim)))


class ReLU(Layer):
    """``x`` above ``threshold``, ``negative_slope * (x - threshold)`` below it, at most ``max_value``.

    Arguments:
        max_value: not negative; default None, for no limit.
        negative_slope: not negative, default 0.
        threshold: not negative, default 0.

    Input shape: any. Output shape: the same.

    Raises:
        ValueError: for negative numbers.

    >>> import tahr
    >>> tahr.layers.ReLU(max_value=6.0)(tahr.Tensor([-2.0, 3.0, 9.0]))
    Tensor([0., 3., 6.])
    """

    supports_masking = True

    def __init__(self, max_value=None, negative_slope=0.0, threshold=0.0, **kwargs):
        super().__init__(**kwargs)
        if max_value is not None and not max_value >= 0:
            raise ValueError(f"max_value of ReLU layer cannot be negative value: {max_value}")
        if negative_slope is None or not negative_slope >= 0:
            raise ValueError(f"negative_slope of ReLU layer cannot be negative value: {negative_slope}")
        if threshold is None or not threshold >= 0:
            raise ValueError(f"threshold of ReLU layer cannot be negative value: {threshold}")
        self.max_value, self.negative_slope, self.threshold = max_value, float(negative_slope), float(threshold)

    def call(self, inputs):
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


def _number(name, value):
    """An argument as a float.

    >>> _number("alpha", None)
    Traceback (most recent call last):
    ValueError: alpha must be a number, got None
    """
    if value is None or isinstance(value, str):
        raise ValueError(f"{name} must be a number, got {value!r}")
    return float(value)
