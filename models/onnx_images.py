"""Convolutions, pooling, padding and resizing in ONNX, which has the channels behind the batch axis."""

import numpy as np

from ..layers import pooling, reshaping
from ..layers.convolutional import _Conv, _ConvTranspose, _DepthwiseConv, _LocallyConnected, _SeparableConv
from .onnx_table import activate, activation_name, number, writes
from .torch_layouts import _each_first, _filters_first


def _first(w, layer, x, shape):
    if layer.data_format == "channels_first":
        return x, shape
    rank = len(shape) - 2
    return w.transpose(x, (0, rank + 1, *range(1, rank + 1))), (shape[0], shape[-1], *shape[1:-1])


def _back(w, layer, x, rank):
    return x if layer.data_format == "channels_first" else w.transpose(x, (0, *range(2, rank + 2), 1))


def _pads(layer, reach):
    """How ONNX says what lies around: attributes of a convolution or pooling."""
    if layer.padding == "valid":
        return {}
    if layer.padding == "causal":
        return {"pads": [reach[0] - 1, 0]}
    if max(layer.strides) > 1:
        return {"auto_pad": "SAME_UPPER"}
    return {"pads": [(r - 1) // 2 for r in reach] + [r - 1 - (r - 1) // 2 for r in reach]}


def _reach(layer):
    return [(k - 1) * d + 1 for k, d in zip(layer.kernel_size, layer.dilation_rate)]


def _window(layer):
    return {"kernel_shape": list(layer.kernel_size), "strides": list(layer.strides),
            "dilations": list(layer.dilation_rate)}


def _biased(w, layer):
    return [] if layer.bias is None else [w.weight(layer.bias)]


def _activated(w, layer, x, rank):
    """The activation, which may look at the last axis, after the channels are there."""
    if layer.data_format == "channels_first" and activation_name(layer.activation, layer) in ("softmax", "log_softmax"):
        last = activate(w, layer, w.transpose(x, (0, *range(2, rank + 2), 1)))
        return w.transpose(last, (0, rank + 1, *range(1, rank + 1)))
    return activate(w, layer, _back(w, layer, x, rank))


@writes(_Conv)
def _conv(w, layer, x, shape):
    x, _ = _first(w, layer, x, shape)
    kernel = w.constant(_filters_first(layer.kernel.data), layer.kernel.name)
    x = w.op("Conv", x, kernel, *_biased(w, layer), group=layer.groups, **_window(layer),
             **_pads(layer, _reach(layer)))
    return _activated(w, layer, x, layer.rank)


@writes(_LocallyConnected)
def _unshared(w, layer, x, shape):
    raise ValueError(f"layer {layer.name!r} ({type(layer).__name__}) has no ONNX form")


@writes(_DepthwiseConv)
def _depthwise(w, layer, x, shape):
    x, _ = _first(w, layer, x, shape)
    return _activated(w, layer, _each_channel(w, layer, x, _biased(w, layer)), layer.rank)


def _each_channel(w, layer, x, biases):
    kernel = w.constant(_each_first(layer.depthwise_kernel.data), layer.depthwise_kernel.name)
    return w.op("Conv", x, kernel, *biases, group=layer.depthwise_kernel.shape[-2], **_window(layer),
                **_pads(layer, _reach(layer)))


@writes(_SeparableConv)
def _separable(w, layer, x, shape):
    x, _ = _first(w, layer, x, shape)
    kernel = w.constant(_filters_first(layer.pointwise_kernel.data), layer.pointwise_kernel.name)
    x = w.op("Conv", _each_channel(w, layer, x, []), kernel, *_biased(w, layer))
    return _activated(w, layer, x, layer.rank)


@writes(_ConvTranspose)
def _transposed(w, layer, x, shape):
    x, _ = _first(w, layer, x, shape)
    kernel = w.constant(_filters_first(layer.kernel.data), layer.kernel.name)
    begins, ends, more = [], [], []
    for i, (reach, stride) in enumerate(zip(_reach(layer), layer.strides)):
        if layer.output_padding is not None:
            total = (2 * (reach // 2) if layer.padding == "same" else 0) - layer.output_padding[i]
        else:       # the output is so much smaller than what all windows cover
            total = reach - stride if layer.padding == "same" else min(reach - stride, 0)
        begins.append(max(total, 0) // 2)
        ends.append(max(total, 0) - begins[-1])
        more.append(max(-total, 0))
    x = w.op("ConvTranspose", x, kernel, *_biased(w, layer), **_window(layer), pads=begins + ends, output_padding=more)
    return _activated(w, layer, x, layer.rank)


@writes(pooling._Pooling)
def _pooled(w, layer, x, shape):
    x, _ = _first(w, layer, x, shape)
    name = "MaxPool" if type(layer).pool is pooling.MaxPooling2D.pool else "AveragePool"
    x = w.op(name, x, kernel_shape=list(layer.pool_size), strides=list(layer.strides), **_pads(layer, layer.pool_size))
    return _back(w, layer, x, layer.rank)


@writes(pooling._GlobalPooling)
def _over_all(w, layer, x, shape):
    axes = range(2, layer.rank + 2) if layer.data_format == "channels_first" else range(1, layer.rank + 1)
    name = "ReduceMax" if type(layer).reduce is pooling.GlobalMaxPooling2D.reduce else "ReduceMean"
    return w.op(name, x, axes=list(axes), keepdims=int(layer.keepdims))


def _space(layer):
    """The axes that are no batch and no channels."""
    return list(range(2, layer.rank + 2) if layer.data_format == "channels_first" else range(1, layer.rank + 1))


@writes(reshaping._ZeroPadding)
def _padded(w, layer, x, shape):
    sides = np.zeros((2, layer.rank + 2), np.int64)
    sides[:, _space(layer)] = np.transpose(layer.padding)
    return w.op("Pad", x, w.integers(*sides.ravel()), number(w, 0.0, layer.dtype))


@writes(reshaping._Cropping)
def _cropped(w, layer, x, shape):
    begins, ends = zip(*[(a, -b if b else np.iinfo(np.int64).max) for a, b in layer.cropping])
    return w.op("Slice", x, w.integers(*begins), w.integers(*ends), w.integers(*_space(layer)))


@writes(reshaping._UpSampling)
def _upsampled(w, layer, x, shape):
    if layer.interpolation != "nearest":
        raise ValueError(f"layer {layer.name!r}: the interpolation {layer.interpolation!r} has no ONNX form here; "
                         "'nearest' has")
    x, _ = _first(w, layer, x, shape)
    scales = w.constant(np.array([1, 1, *layer.size], np.float32))
    x = w.op("Resize", x, None, scales, mode="nearest", coordinate_transformation_mode="asymmetric",
             nearest_mode="floor")
    return _back(w, layer, x, layer.rank)
