"""Layers around a layer: the same one at every step; a kernel kept from growing."""

from .. import ops
from ..autograd import Spec, Value
from ..tensor import Symbol
from .arguments import positive_int
from .base import InputSpec, Layer, phase
from .functions import sourceless


class Wrapper(Layer):
    """Base of layers that hold another one, whose weights are theirs.

    Arguments:
        layer: that is wrapped, or its config.
    """

    acts_in_training = False        # by itself

    def __init__(self, layer, **kwargs):
        if isinstance(layer, dict):
            layer = Layer.get(layer)
        if not isinstance(layer, Layer):
            raise ValueError(f"{type(self).__name__} needs a layer to wrap, got {type(layer).__name__} {layer!r}")
        super().__init__(**kwargs)
        self.layer = layer
        if not self._trainable:
            layer.trainable = False

    def build_inner(self, input_shape):
        """Build the wrapped layer, once."""
        if not self.layer.built:
            self.layer.build(input_shape)


class TimeDistributed(Wrapper):
    """The same layer, or model, at every step of a sequence.

    Arguments:
        layer: of a single step.

    Input shape: (batch, steps, ...). Output shape: (batch, steps, *output of the layer without the batch axis).

    Masks: a mask of the steps goes on. A mask with more axes goes into the layer; where nothing of it comes out, steps
    are masked that have nothing left.

    All steps are computed at once, as one batch; those of a stateful layer one after the other, so that each goes on
    with the states of the step before. That needs a fixed batch size.

    Raises:
        ValueError: for what is no layer, and when called with fewer than 3 dimensions.

    >>> import tahr
    >>> tahr.layers.TimeDistributed(tahr.layers.Dense(8))(tahr.ops.ones((32, 10, 16))).shape
    (32, 10, 8)
    """

    supports_masking = _makes_mask = True

    def __init__(self, layer, **kwargs):
        super().__init__(layer, **kwargs)
        self.input_spec = InputSpec(min_ndim=3)

    def build(self, input_shape):
        self.build_inner((input_shape[0] if self.stateful else None, *input_shape[2:]))

    @property
    def stateful(self):
        return self.layer.stateful

    def call(self, inputs, mask=None, training=None):
        if self.stateful and not isinstance(inputs, Spec):
            return self._in_turn(inputs, mask if _deep(mask) else None, training)
        steps = _one_batch(inputs, self.stateful)
        if _deep(mask):
            steps.mask = _one_batch(mask, self.stateful)
        with phase(training):
            out = self.layer(steps)
        split = lambda x: (*inputs.shape[:2], *x.shape[1:])
        apart = lambda x: Symbol(split(x), x.dtype) if self.stateful else ops.reshape(x, split(x))
        return [apart(x) for x in out] if isinstance(out, list | tuple) else apart(out)

    def _in_turn(self, inputs, mask, training):
        """The layer called on one step after the other."""
        outputs = []
        with phase(training):
            for t in range(inputs.shape[1]):
                step = inputs[:, t]
                if mask is not None:
                    step.mask = mask[:, t]
                outputs.append(self.layer(step))
        if isinstance(outputs[0], list | tuple):
            return [ops.stack(each, 1) for each in zip(*outputs)]
        return ops.stack(outputs, 1)

    def compute_mask(self, inputs, mask=None):
        inner = None
        if self.layer.supports_masking or self.layer._makes_mask:
            inner = self.layer.compute_mask(_one_batch(inputs), _one_batch(mask) if _deep(mask) else None)
        if inner is not None:
            return sourceless(ops.reshape(inner, (*inputs.shape[:2], *inner.shape[1:])))
        return sourceless(ops.any(mask, tuple(range(2, mask.ndim)))) if _deep(mask) else mask


def _deep(mask):
    return mask is not None and mask.ndim > 2


def _one_batch(x, first=False):
    """The steps of all samples as samples; or the first step alone, for shapes."""
    if first:
        return x[:, 0]
    batch, steps = x.shape[:2]
    return ops.reshape(x, (None if None in (batch, steps) else batch * steps, *x.shape[2:]))


class SpectralNormalization(Wrapper):
    """Divides the kernel of a layer by its largest singular value in every step of training.

    The singular value is approximated by power iteration, which goes on from step to step.

    Arguments:
        layer: with a weight ``kernel`` or ``embeddings``.
        power_iterations: how many for each step, default 1.

    Weights: those of the layer, then the vector of the iteration, (1, the kernel's last size), which is not trained.

    Raises:
        AttributeError: for a layer that has neither weight.

    Source: Miyato et al., Spectral normalization for generative adversarial networks, ICLR 2018.

    >>> import tahr
    >>> layer = tahr.layers.SpectralNormalization(tahr.layers.Dense(1, use_bias=False), power_iterations=3)
    >>> layer(tahr.Tensor([[3.0, 4.0]]), training=True).shape
    (1, 1)
    >>> tahr.ops.norm(layer.layer.kernel).round(4)
    Tensor(1.)
    """

    supports_masking = True

    def __init__(self, layer, power_iterations=1, **kwargs):
        super().__init__(layer, **kwargs)
        self.power_iterations = positive_int("power_iterations", power_iterations)

    def build(self, input_shape):
        self.build_inner(input_shape)
        self.vector = self.add_weight("vector_u", (1, self.kernel().shape[-1]), initializer="truncated_normal",
                                      trainable=False)

    def kernel(self):
        """The weight that is normalized."""
        for name in ("kernel", "embeddings"):
            if hasattr(self.layer, name):
                return getattr(self.layer, name)
        raise AttributeError(f"layer {self.name!r}: {self.layer!r} has no weight called kernel or embeddings that "
                             "could be normalized")

    def call(self, inputs, training=None):
        if training and isinstance(inputs, Value):
            self._normalize()
        with phase(training):
            return self.layer(inputs)

    def _normalize(self):
        kernel = self.kernel()
        matrix, u = ops.reshape(kernel.detach(), (-1, kernel.shape[-1])), self.vector.detach()
        for _ in range(self.power_iterations):
            v = _unit(ops.matmul(u, ops.matrix_transpose(matrix)))
            u = _unit(ops.matmul(v, matrix))
        largest = ops.matmul(ops.matmul(v, matrix), ops.matrix_transpose(u))
        self.vector.assign(u)
        kernel.assign(kernel.detach() / ops.reshape(largest, ()))


def _unit(x):
    return x * ops.rsqrt(ops.maximum(ops.sum(x * x), 1e-12))
