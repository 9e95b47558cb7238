"""Layers in ONNX: activations, dense layers, shapes, merges, ops on symbols, normalisations."""

import numpy as np

from ..layers import advanced_activations as advanced
from ..layers import core, merging, noise
from ..layers.embeddings import Embedding
from ..layers.image_preprocessing import Rescaling
from ..layers.normalization import BatchNormalization, GroupNormalization, LayerNormalization, RMSNormalization
from ..layers.wrappers import TimeDistributed
from ..tensor.shapes import normalize_axes
from .onnx_table import _relu, activate, number, writer_of, writes


@writes(core.Activation, ignores_masks=True)
def _activation(w, layer, x, shape):
    return activate(w, layer, x)


@writes(core.Dropout, noise._Noise, core.ActivityRegularization, core.Identity, ignores_masks=True)
def _nothing(w, layer, x, shape):
    """What does something in training alone."""
    return x


@writes(advanced.ReLU, ignores_masks=True)
def _relu_layer(w, layer, x, shape):
    return _relu(w, x, layer.dtype, layer.negative_slope, layer.max_value, layer.threshold)


@writes(advanced.LeakyReLU, ignores_masks=True)
def _leaky(w, layer, x, shape):
    return w.op("LeakyRelu", x, alpha=float(layer.alpha))


@writes(advanced.ELU, ignores_masks=True)
def _elu(w, layer, x, shape):
    return w.op("Elu", x, alpha=float(layer.alpha))


@writes(advanced.ThresholdedReLU, ignores_masks=True)
def _thresholded(w, layer, x, shape):
    return w.op("ThresholdedRelu", x, alpha=float(layer.theta))


@writes(advanced.PReLU, ignores_masks=True)
def _prelu(w, layer, x, shape):
    return w.op("PRelu", x, w.weight(layer.alpha))


@writes(advanced.Softmax)
def _softmax(w, layer, x, shape):
    if isinstance(layer.axis, tuple):
        raise ValueError(f"layer {layer.name!r}: a softmax over several axes has no ONNX form")
    return w.op("Softmax", x, axis=layer.axis)


@writes(Rescaling, ignores_masks=True)
def _rescaling(w, layer, x, shape):
    scaled = w.op("Mul", x, w.constant(np.asarray(layer.scale, layer.dtype)))
    return w.op("Add", scaled, w.constant(np.asarray(layer.offset, layer.dtype)))


# Dense, embeddings, shapes

@writes(core.Dense, ignores_masks=True)
def _dense(w, layer, x, shape):
    x = w.op("MatMul", x, w.weight(layer.kernel))
    return activate(w, layer, x if layer.bias is None else w.op("Add", x, w.weight(layer.bias)))


@writes(Embedding, ignores_masks=True)
def _embedding(w, layer, x, shape):
    return w.op("Gather", w.weight(layer.embeddings), w.op("Cast", x, to=w.onnx.TensorProto.INT64), axis=0)


@writes(core.Flatten)
def _flatten(w, layer, x, shape):
    if layer.data_format == "channels_first" and len(shape) > 2:
        x = w.transpose(x, (0, *range(2, len(shape)), 1))
    return w.op("Flatten", x, axis=1)


@writes(core.Reshape)
def _reshape(w, layer, x, shape):
    target = layer.target_shape
    if -1 not in target and None not in shape[1:]:      # an inferred batch axis also stands for 0 samples
        return w.reshape(x, -1, *target)
    return w.reshape(x, 0, *target)


@writes(core.Permute)
def _permute(w, layer, x, shape):
    return w.transpose(x, (0, *layer.dims))


@writes(core.RepeatVector)
def _repeat(w, layer, x, shape):
    return w.op("Tile", w.op("Unsqueeze", x, w.integers(1)), w.integers(1, layer.n, 1))


@writes(TimeDistributed)
def _each_step(w, layer, x, shape):
    """Steps as samples, and back."""
    if None in shape[1:]:
        raise ValueError(f"layer {layer.name!r}: a TimeDistributed can be exported for inputs of known sizes alone, "
                         f"got {shape}")
    inner, each = layer.layer, (None, *shape[2:])
    if getattr(inner, "graph", None) is not None:
        raise ValueError(f"layer {layer.name!r}: a model inside a TimeDistributed cannot be exported")
    found = writer_of(inner)(w, inner, w.reshape(x, -1, *shape[2:]), each)
    return w.reshape(found, -1, shape[1], *inner.compute_output_shape(each)[1:])


# Merges

def _widened(w, xs, shapes):
    """Inputs with as many axes as the largest, the new ones behind the batch axis."""
    rank = max(map(len, shapes))
    return [x if len(s) == rank else w.op("Unsqueeze", x, w.integers(*range(1, 1 + rank - len(s))))
            for x, s in zip(xs, shapes)]


VARIADIC = {merging.Add: "Sum", merging.Average: "Mean", merging.Maximum: "Max", merging.Minimum: "Min"}


@writes(*VARIADIC)
def _at_once(w, layer, xs, shapes):
    name = next(VARIADIC[kind] for kind in type(layer).__mro__ if kind in VARIADIC)
    return w.op(name, *_widened(w, xs, shapes))


@writes(merging.Multiply, merging.Subtract)
def _in_turn(w, layer, xs, shapes):
    name = "Mul" if isinstance(layer, merging.Multiply) else "Sub"
    first, *rest = _widened(w, xs, shapes)
    for x in rest:
        first = w.op(name, first, x)
    return first


@writes(merging.Concatenate)
def _concatenate(w, layer, xs, shapes):
    return w.op("Concat", *xs, axis=layer.axis)


OPS = {"add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "Div", "negative": "Neg", "exp": "Exp",
       "log": "Log", "sqrt": "Sqrt", "absolute": "Abs", "matmul": "MatMul", "power": "Pow", "relu": "Relu",
       "tanh": "Tanh", "sigmoid": "Sigmoid", "maximum": "Max", "minimum": "Min"}


@writes(core.OpLayer, ignores_masks=True)
def _op_layer(w, layer, x, shapes):
    if layer.op not in OPS or layer.attributes:
        raise ValueError(f"the op {layer.op!r} on symbols has no ONNX form; those that have: {', '.join(OPS)}")
    values = iter(x if isinstance(x, list) else [x])
    count = len(layer.constants) + (len(x) if isinstance(x, list) else 1)
    given = [w.constant(np.asarray(layer.constants[i], layer.dtype)) if i in layer.constants else next(values)
             for i in range(count)]
    return w.op(OPS[layer.op], *given)


# Normalisations

@writes(BatchNormalization, ignores_masks=True)
def _batch_norm(w, layer, x, shape):
    """``x * factor + offset``, both along the feature axes."""
    axes = normalize_axes(layer.axis, len(shape))
    wide = [n if i in axes else 1 for i, n in enumerate(shape)]
    factor = 1 / np.sqrt(layer.moving_variance.data.astype("float64") + layer.epsilon)
    factor = factor if layer.gamma is None else factor * layer.gamma.data
    offset = -layer.moving_mean.data * factor
    offset = offset if layer.beta is None else offset + layer.beta.data
    scaled = w.op("Mul", x, w.constant(factor.reshape(wide).astype(layer.dtype), f"{layer.name}/factor"))
    return w.op("Add", scaled, w.constant(offset.reshape(wide).astype(layer.dtype), f"{layer.name}/offset"))


def _scaled(w, layer, x, wide):
    for weight, name in ((layer.gamma, "Mul"), (layer.beta, "Add")):
        if weight is not None:
            x = w.op(name, x, w.constant(weight.data.reshape(wide), weight.name))
    return x


@writes(LayerNormalization, RMSNormalization, ignores_masks=True)
def _layer_norm(w, layer, x, shape):
    axes = layer.feature_axes(len(shape))
    wide = [n if i in axes else 1 for i, n in enumerate(shape)]
    if isinstance(layer, LayerNormalization):
        x = w.op("Sub", x, w.op("ReduceMean", x, axes=axes, keepdims=1))
    square = w.op("ReduceMean", w.op("Mul", x, x), axes=axes, keepdims=1)
    x = w.op("Div", x, w.op("Sqrt", w.op("Add", square, number(w, layer.epsilon, layer.dtype))))
    return _scaled(w, layer, x, wide)


@writes(GroupNormalization, ignores_masks=True)
def _group_norm(w, layer, x, shape):
    axis, = layer.feature_axes(len(shape))
    order = [0, axis, *(i for i in range(1, len(shape)) if i != axis)]
    channels = shape[axis]
    groups = channels if layer.groups == -1 else layer.groups
    x = w.transpose(x, order)
    whole = w.op("Shape", x)
    ones, zeros = (w.constant(np.full(groups, value, layer.dtype)) for value in (1, 0))
    x = w.op("InstanceNormalization", w.reshape(x, 0, groups, -1), ones, zeros, epsilon=layer.epsilon)
    x = _scaled(w, layer, w.op("Reshape", x, whole), [channels, *[1] * (len(shape) - 2)])
    return w.transpose(x, [order.index(i) for i in range(len(shape))])
