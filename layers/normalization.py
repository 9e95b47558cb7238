"""Normalisation layers."""

import math

from .. import initializers, ops
from ..autograd import Spec
from ..tensor.shapes import normalize_axes
from .arguments import weight_options
from .base import InputSpec, Layer


class BatchNormalization(Layer):
    """Brings each feature to mean 0 and variance 1 over the batch, then scales and shifts it:
    ``gamma * (x - mean) / sqrt(variance + epsilon) + beta``.

    In training, mean and (biased) variance are the batch's, and moving averages follow them:
    ``moving = momentum * moving + (1 - momentum) * batch``. Otherwise, and when ``trainable`` is False, the moving
    averages are used.

    Arguments:
        axis: the feature axis, or several; default the last.
        momentum: of the moving averages, from 0 to 1; default 0.99.
        epsilon: added to the variance, positive; default 0.001.
        center, scale: whether there is a ``beta``, a ``gamma``; default True.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: how weights begin;
            default ``'zeros'``, ``'ones'``, ``'zeros'`` and ``'ones'``.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: as for :class:`Dense`; default none.

    Input shape: any that has the axes. Output shape: the same.

    Weights: gamma, beta, moving_mean, moving_variance, each of the feature axes' sizes, in their order in the input.

    Raises:
        ValueError: for arguments outside these, and when called with another number of dimensions or other features
            than at first.

    Source: Ioffe and Szegedy, Batch normalization, ICML 2015.

    >>> import tahr
    >>> bn = tahr.layers.BatchNormalization(momentum=0.5)
    >>> tahr.ops.round(bn(tahr.Tensor([[1.0], [3.0]]), training=True).detach(), 2)
    Tensor([[-1.],
            [ 1.]])
    >>> bn.moving_mean.numpy()
    array([1.], dtype=float32)
    """

    changed_by_training = ("moving_mean", "moving_variance")

    def __init__(self, axis=-1, momentum=0.99, epsilon=1e-3, center=True, scale=True, beta_initializer="zeros",
                 gamma_initializer="ones", moving_mean_initializer="zeros", moving_variance_initializer="ones",
                 beta_regularizer=None, gamma_regularizer=None, beta_constraint=None, gamma_constraint=None, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= momentum <= 1:
            raise ValueError(f"momentum must lie in [0, 1], got {momentum}")
        if not epsilon > 0:
            raise ValueError(f"epsilon must be positive, got {epsilon}")
        self.axis = axis
        self.momentum, self.epsilon, self.center, self.scale = momentum, epsilon, center, scale
        self.gamma_options = weight_options(gamma_initializer, gamma_regularizer, gamma_constraint)
        self.beta_options = weight_options(beta_initializer, beta_regularizer, beta_constraint)
        self.moving_initializers = [initializers.get(i) for i in (moving_mean_initializer, moving_variance_initializer)]

    def build(self, input_shape):
        axes = self._axes(len(input_shape))
        shape = tuple(input_shape[a] for a in axes)
        self.gamma = self.add_weight("gamma", shape, **self.gamma_options) if self.scale else None
        self.beta = self.add_weight("beta", shape, **self.beta_options) if self.center else None
        mean, variance = self.moving_initializers
        self.moving_mean = self.add_weight("moving_mean", shape, initializer=mean, trainable=False)
        self.moving_variance = self.add_weight("moving_variance", shape, initializer=variance, trainable=False)
        self.input_spec = InputSpec(ndim=len(input_shape), axes=dict(zip(axes, shape)))

    def call(self, inputs, training=False):
        axes, by_batch = self._axes(inputs.ndim), training and self.trainable
        if axes == [inputs.ndim - 1]:
            return self._normalized(inputs, by_batch)
        order = (*(i for i in range(inputs.ndim) if i not in axes), *axes)
        last = ops.transpose(inputs, order)         # the features at the end, as one axis
        shape = (*last.shape[:-len(axes)], math.prod(self.moving_mean.shape))
        out = self._normalized(ops.reshape(last, shape), by_batch)
        return ops.transpose(ops.reshape(out, last.shape), tuple(order.index(i) for i in range(inputs.ndim)))

    def _normalized(self, x, by_batch):
        flat = lambda weight: weight if weight is None or weight.ndim == 1 else ops.reshape(weight, x.shape[-1:])
        gamma, beta = flat(self.gamma), flat(self.beta)
        if not by_batch or isinstance(x, Spec):
            mean, variance = flat(self.moving_mean), flat(self.moving_variance)
            return ops.normalize_with(x, mean, variance, gamma, beta, self.epsilon)
        out, mean, variance = ops.batch_norm(x, gamma, beta, self.epsilon)
        self._follow(self.moving_mean, mean)
        self._follow(self.moving_variance, variance)
        return out

    def _axes(self, ndim):
        """The feature axes, from 0 and rising, so that weights lie as the input does."""
        try:
            return sorted(normalize_axes(self.axis, ndim))
        except ValueError as error:
            raise ValueError(f"layer {self.name!r}: {error} of the input") from None

    def _follow(self, moving, batch):
        batch = batch.detach() if moving.ndim == 1 else ops.reshape(batch.detach(), moving.shape)
        moving.assign(moving.value * self.momentum + batch * (1 - self.momentum))


class _WithoutBatch(Layer):
    """Normalisation of each sample by itself, scaled and shifted."""

    supports_masking = True

    def __init__(self, axis=-1, epsilon=1e-3, center=True, scale=True, beta_initializer="zeros",
                 gamma_initializer="ones", beta_regularizer=None, gamma_regularizer=None, beta_constraint=None,
                 gamma_constraint=None, **kwargs):
        super().__init__(**kwargs)
        if not epsilon > 0:
            raise ValueError(f"epsilon must be positive, got {epsilon}")
        self.axis, self.epsilon, self.center, self.scale = axis, epsilon, center, scale
        self.gamma_options = weight_options(gamma_initializer, gamma_regularizer, gamma_constraint)
        self.beta_options = weight_options(beta_initializer, beta_regularizer, beta_constraint)

    def build(self, input_shape):
        axes = self.feature_axes(len(input_shape))
        shape = tuple(input_shape[a] for a in axes)
        self.gamma = self.add_weight("gamma", shape, **self.gamma_options) if self.scale else None
        self.beta = self.add_weight("beta", shape, **self.beta_options) if self.center else None
        self.input_spec = InputSpec(ndim=len(input_shape), axes=dict(zip(axes, shape)))

    def feature_axes(self, ndim):
        """Those that the weights have, from 0 and rising."""
        try:
            return sorted(normalize_axes(self.axis, ndim))
        except ValueError as error:
            raise ValueError(f"layer {self.name!r}: {error} of the input") from None


class LayerNormalization(_WithoutBatch):
    """Brings each sample to mean 0 and variance 1 over its features, then scales and shifts it:
    ``gamma * (x - mean) / sqrt(variance + epsilon) + beta``.

    Arguments:
        axis: the feature axis, or several; default the last.
        epsilon: added to the variance, positive; default 0.001.
        center, scale: whether there is a ``beta``, a ``gamma``; default True.
        beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: as
            for :class:`BatchNormalization`.

    Input shape: any that has the axes. Output shape: the same.

    Weights: gamma, beta, each of the feature axes' sizes.

    Source: Ba, Kiros and Hinton, Layer normalization, 2016.

    >>> import tahr
    >>> tahr.layers.LayerNormalization(epsilon=1e-6)(tahr.Tensor([[1.0, 3.0]])).detach().round(2)
    Tensor([[-1.,  1.]])
    """

    def call(self, inputs):
        return ops.layer_norm(inputs, self.gamma, self.beta, self.feature_axes(inputs.ndim), self.epsilon)


class RMSNormalization(_WithoutBatch):
    """Divides each sample by the root of the mean square of its features, then scales it.

    Arguments:
        axis: the feature axis, or several; default the last.
        epsilon: added to the mean square, positive; default 1e-6.
        gamma_initializer, gamma_regularizer, gamma_constraint: as for :class:`BatchNormalization`.

    Input shape: any that has the axes. Output shape: the same.

    Weights: gamma, of the feature axes' sizes.

    Source: Zhang and Sennrich, Root mean square layer normalization, NeurIPS 2019.

    >>> import tahr
    >>> tahr.layers.RMSNormalization()(tahr.Tensor([[3.0, 4.0, 0.0, 0.0]])).detach().round(2)
    Tensor([[1.2, 1.6, 0. , 0. ]])
    """

    def __init__(self, axis=-1, epsilon=1e-6, gamma_initializer="ones", gamma_regularizer=None, gamma_constraint=None,
                 **kwargs):
        super().__init__(axis, epsilon, center=False, gamma_initializer=gamma_initializer,
                         gamma_regularizer=gamma_regularizer, gamma_constraint=gamma_constraint, **kwargs)

    def call(self, inputs):
        return ops.rms_norm(inputs, self.gamma, self.feature_axes(inputs.ndim), self.epsilon)


class GroupNormalization(_WithoutBatch):
    """Brings each group of neighbouring channels of each sample to mean 0 and variance 1, then scales and shifts.

    Arguments:
        groups: how many, a divisor of the number of channels; default 32. -1 makes each channel a group (instance
            normalization), 1 all of them one.
        axis: of the channels, default the last.
        epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer,
            beta_constraint, gamma_constraint: as for :class:`LayerNormalization`.

    Input shape: (batch, ..., channels). Output shape: the same.

    Weights: gamma, beta, each (channels,).

    Raises:
        ValueError: if the channels do not divide into groups.

    Source: Wu and He, Group normalization, ECCV 2018.

    >>> import tahr
    >>> tahr.layers.GroupNormalization(2, epsilon=1e-6)(tahr.Tensor([[1.0, 3.0, 10.0, 30.0]])).detach().round(2)
    Tensor([[-1.,  1., -1.,  1.]])
    """

    def __init__(self, groups=32, axis=-1, epsilon=1e-3, **kwargs):
        super().__init__(axis, epsilon, **kwargs)
        if isinstance(axis, bool) or not isinstance(axis, int):
            raise TypeError(f"axis of GroupNormalization must be a single int, got {axis!r}")
        if isinstance(groups, bool) or not isinstance(groups, int) or groups < 1 and groups != -1:
            raise ValueError(f"groups must be a positive integer, or -1 for a group for each channel, got {groups!r}")
        self.groups = groups

    def build(self, input_shape):
        channels = input_shape[self.feature_axes(len(input_shape))[0]]
        if channels is not None and self.groups > channels:
            raise ValueError(f"Number of groups ({self.groups}) cannot be more than the number of channels "
                             f"({channels}). (layer {self.name!r})")
        if channels is not None and self.groups > 0 and channels % self.groups:
            raise ValueError(f"Number of groups ({self.groups}) must be a divisor of the number of channels "
                             f"({channels}). (layer {self.name!r})")
        super().build(input_shape)

    def call(self, inputs):
        axis, = self.feature_axes(inputs.ndim)
        groups = inputs.shape[axis] if self.groups == -1 else self.groups
        last = ops.moveaxis(inputs, axis, -1)
        return ops.moveaxis(ops.group_norm(last, self.gamma, self.beta, groups, self.epsilon), -1, axis)


class UnitNormalization(Layer):
    """Brings each vector to length 1: ``x / sqrt(sum(x**2))``.

    Arguments:
        axis: along which the vectors lie, or several axes; default the last.

    Input shape: any. Output shape: the same.

    >>> import tahr
    >>> tahr.layers.UnitNormalization()(tahr.Tensor([[3.0, 4.0]]))
    Tensor([[0.6, 0.8]])
    """

    supports_masking = True

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.axis = tuple(axis) if isinstance(axis, list | tuple) else axis

    def call(self, inputs):
        return inputs * ops.rsqrt(ops.maximum(ops.sum(inputs * inputs, self.axis, keepdims=True), 1e-12))
