"""Normalisation layers."""

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
        axes = self._axes(inputs.ndim)
        rest = tuple(i for i in range(inputs.ndim) if i not in axes)
        wide = lambda v: ops.reshape(v, tuple(inputs.shape[i] if i in axes else 1 for i in range(inputs.ndim)))
        if training and self.trainable and not isinstance(inputs, Spec):
            mean, variance = ops.mean(inputs, rest), ops.var(inputs, rest)
            self._follow(self.moving_mean, mean)
            self._follow(self.moving_variance, variance)
        else:
            mean, variance = self.moving_mean, self.moving_variance
        factor = ops.rsqrt(variance + self.epsilon)
        factor = factor * self.gamma if self.scale else factor
        out = (inputs - wide(mean)) * wide(factor)
        return out + wide(self.beta) if self.center else out

    def _axes(self, ndim):
        """The feature axes, from 0 and rising, so that weights lie as the input does."""
        try:
            return sorted(normalize_axes(self.axis, ndim))
        except ValueError as error:
            raise ValueError(f"layer {self.name!r}: {error} of the input") from None

    def _follow(self, moving, batch):
        moving.assign(moving.value * self.momentum + batch.detach() * (1 - self.momentum))
