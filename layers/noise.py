"""Noise in training: whole channels dropped, Gaussian noise added or multiplied, dropout for self-normalizing nets."""

import math

from .. import ops
from ..autograd import Spec
from ..tensor.activation import SELU_ALPHA, SELU_SCALE
from ..utils.rng import Generator
from .arguments import image_layout
from .base import InputSpec, Layer


def checked_rate(rate):
    """A rate of dropout.

    >>> checked_rate(1.0)
    Traceback (most recent call last):
    ValueError: the dropout rate must lie in [0, 1), got 1.0
    """
    if not 0 <= rate < 1:
        raise ValueError(f"the dropout rate must lie in [0, 1), got {rate}")
    return rate


class _Noise(Layer):
    """Something random that happens to the input in training only; the shape and the mask stay."""

    supports_masking = True

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.generator = None if seed is None else Generator(seed)

    def call(self, inputs, training=False):
        return self.disturb(inputs) if training and not isinstance(inputs, Spec) else inputs


class _SpatialDropout(_Noise):
    rank, data_format = 2, "channels_last"

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(seed, **kwargs)
        self.rate, self.input_spec = checked_rate(rate), InputSpec(ndim=self.rank + 2)

    def disturb(self, x):
        ones = (1,) * self.rank
        noise = (None, None, *ones) if self.data_format == "channels_first" else (None, *ones, None)
        return ops.dropout(x, self.rate, noise, self.generator)


class SpatialDropout1D(_SpatialDropout):
    """In training, sets whole channels of sequences to 0 with probability ``rate``, divides the rest by ``1 - rate``.

    Neighbouring steps look alike, so that dropping single ones would hide nothing.

    Arguments:
        rate: from 0 up to but without 1.
        seed: of a generator of its own; default: the default generator.

    Input shape: (batch, steps, channels). Output shape: the same.

    Source: Tompson et al., Efficient object localization using convolutional networks, CVPR 2015.

    >>> import tahr
    >>> out = tahr.layers.SpatialDropout1D(0.5)(tahr.ops.ones((1, 3, 2)), training=True)
    >>> bool((out == out[:, :1]).all())
    True
    """

    rank = 1


class SpatialDropout2D(_SpatialDropout):
    """In training, sets whole channels of images to 0; see :class:`SpatialDropout1D`.

    Arguments:
        rate: from 0 up to but without 1.
        data_format: ``'channels_last'`` or ``'channels_first'``; default: the setting.
        seed: of a generator of its own; default: the default generator.

    Input shape: (batch, rows, columns, channels), or with the channels first. Output shape: the same.

    >>> import tahr
    >>> tahr.layers.SpatialDropout2D(0.5)(tahr.ops.ones((2, 4, 4, 3)), training=True).shape
    (2, 4, 4, 3)
    """

    def __init__(self, rate, data_format=None, seed=None, **kwargs):
        super().__init__(rate, seed, **kwargs)
        self.data_format = image_layout(data_format)
        self.remember(data_format=self.data_format)


class SpatialDropout3D(SpatialDropout2D):
    """In training, sets whole channels of volumes to 0; arguments as for :class:`SpatialDropout2D`.

    Input shape: (batch, depth, rows, columns, channels), or with the channels first. Output shape: the same.

    >>> import tahr
    >>> tahr.layers.SpatialDropout3D(0.5)(tahr.ops.ones((2, 4, 4, 4, 3)), training=True).shape
    (2, 4, 4, 4, 3)
    """

    rank = 3


class GaussianNoise(_Noise):
    """In training, adds normally distributed noise with mean 0.

    Arguments:
        stddev: its standard deviation, not negative.
        seed: of a generator of its own; default: the default generator.

    Input shape: any. Output shape: the same.

    Raises:
        ValueError: for a negative ``stddev``.

    >>> import tahr
    >>> tahr.layers.GaussianNoise(0.1)(tahr.ops.ones(3))
    Tensor([1., 1., 1.])
    """

    def __init__(self, stddev, seed=None, **kwargs):
        super().__init__(seed, **kwargs)
        if not stddev >= 0:
            raise ValueError(f"stddev must not be negative, got {stddev}")
        self.stddev = stddev

    def disturb(self, x):
        return x + ops.normal(x.shape, 0.0, self.stddev, x.dtype, self.generator)


class GaussianDropout(_Noise):
    """In training, multiplies by normally distributed noise with mean 1 and variance ``rate / (1 - rate)``.

    Arguments:
        rate: as of the :class:`Dropout` with the same variance, from 0 up to but without 1.
        seed: of a generator of its own; default: the default generator.

    Input shape: any. Output shape: the same.

    Source: Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, JMLR 15, 2014.

    >>> import tahr
    >>> tahr.layers.GaussianDropout(0.5)(tahr.ops.ones(3))
    Tensor([1., 1., 1.])
    """

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(seed, **kwargs)
        self.rate = checked_rate(rate)

    def disturb(self, x):
        stddev = math.sqrt(self.rate / (1 - self.rate))
        return x * ops.normal(x.shape, 1.0, stddev, x.dtype, self.generator)


class AlphaDropout(_Noise):
    """In training, sets elements to the value that :func:`~tahr.activations.selu` has far below 0, then scales and
    shifts all, so that mean 0 and variance 1 stay.

    Arguments:
        rate: the probability, from 0 up to but without 1.
        noise_shape: as of :class:`Dropout`; default: every element on its own.
        seed: of a generator of its own; default: the default generator.

    Input shape: any. Output shape: the same.

    Source: Klambauer et al., Self-normalizing neural networks, NeurIPS 2017.

    >>> import tahr
    >>> tahr.layers.AlphaDropout(0.5)(tahr.ops.ones(3))
    Tensor([1., 1., 1.])
    """

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(seed, **kwargs)
        self.rate, self.noise_shape = checked_rate(rate), noise_shape

    def disturb(self, x):
        lowest = -SELU_ALPHA * SELU_SCALE
        scale = ((1 - self.rate) * (1 + self.rate * lowest ** 2)) ** -0.5
        shape = self.noise_shape and tuple(n if m is None else m for m, n in zip(self.noise_shape, x.shape))
        kept = ops.uniform(shape or x.shape, dtype=x.dtype, generator=self.generator) >= self.rate
        return scale * ops.where(kept, x, lowest) - scale * lowest * self.rate
