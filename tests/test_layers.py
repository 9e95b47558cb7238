"""Generic tests over the table of layers: a row for each, and nothing can be added untested."""

import copy
import dataclasses
import gc
import itertools
import json
import pathlib
import pickle
import sys
import threading
import weakref

import numpy as np
import pytest

import tahr
from tahr import layers
from tahr.autograd import check_grads, gradients, no_grad
from tahr.layers import (
    ELU,
    Activation,
    ActivityRegularization,
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
    AlphaDropout,
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    BatchNormalization,
    CategoryEncoding,
    CenterCrop,
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Conv3DTranspose,
    Convolution2D,
    Cropping1D,
    Cropping2D,
    Cropping3D,
    Dense,
    DepthwiseConv1D,
    DepthwiseConv2D,
    Dropout,
    EinsumDense,
    Embedding,
    Flatten,
    GaussianDropout,
    GaussianNoise,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
    GroupNormalization,
    GroupQueryAttention,
    Highway,
    Identity,
    Input,
    InputSpec,
    Lambda,
    Layer,
    LayerNormalization,
    LeakyReLU,
    LocallyConnected1D,
    LocallyConnected2D,
    Masking,
    MaxoutDense,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
    MultiHeadAttention,
    Normalization,
    OpLayer,
    Permute,
    PReLU,
    RandomBrightness,
    RandomContrast,
    RandomCrop,
    RandomFlip,
    RandomRotation,
    RandomTranslation,
    RandomZoom,
    ReLU,
    RepeatVector,
    Rescaling,
    Reshape,
    Resizing,
    RMSNormalization,
    SeparableConv1D,
    SeparableConv2D,
    Softmax,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
    ThresholdedReLU,
    TimeDistributedDense,
    UnitNormalization,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from tahr.layers.base import phase
from tahr.tensor import Symbol, Tensor, Variable
from tahr.utils import settings
from tahr.utils.names import reset_uids, snake_case
from tahr.utils.rng import seed_default

from .layer_rows import binned, depthwise, look, slide, spread, stretched, unshared
from .layer_rows_core import (
    bilinear,
    counted,
    groups,
    highway,
    logistic,
    moved,
    over_features,
    self_attention,
    softmax,
)
from .layer_rows_recurrent import CELLS, with_weights_of_parts
from .layer_rows_recurrent import ROWS as RECURRENT
from .test_layers_core import ELSEWHERE


@dataclasses.dataclass
class Row:
    """How one layer is made and called, and what it must compute.

    ``reference(x, *weights)`` is plain NumPy in float64; ``training`` the same in training, where that differs;
    ``open`` are the axes besides the batch that may be None while shapes are inferred; ``integers`` bounds inputs that
    are indices.
    """

    cls: type
    args: dict
    shape: tuple
    reference: callable
    training: callable = None
    open: tuple = ()
    integers: int = None


# References: one number at a time, or NumPy's own words.

def conv(x, kernel, bias=0.0, strides=(1, 1), same=False, dilation=(1, 1), groups=1):
    rows, columns, _, filters = kernel.shape
    reach = (rows - 1) * dilation[0] + 1, (columns - 1) * dilation[1] + 1
    x, sizes = framed(x, reach, strides, same, 0.0)
    out = np.zeros((len(x), *sizes, filters))
    width = x.shape[-1] // groups
    for b, i, j, f in np.ndindex(out.shape):
        first = f // (filters // groups) * width
        for r, c, k in itertools.product(range(rows), range(columns), range(width)):
            at = i * strides[0] + r * dilation[0], j * strides[1] + c * dilation[1]
            out[b, i, j, f] += x[b, at[0], at[1], first + k] * kernel[r, c, k, f]
    return out + bias


def pool(combine, x, window, strides, same=False):
    x, sizes = framed(x, window, strides, same, np.nan)
    out = np.empty((len(x), *sizes, x.shape[-1]))
    for b, i, j, c in np.ndindex(out.shape):
        top, left = i * strides[0], j * strides[1]
        out[b, i, j, c] = combine(x[b, top:top + window[0], left:left + window[1], c])
    return out


def framed(x, reach, strides, same, fill):
    """The image with what 'same' puts around it, and the output's sizes."""
    if not same:
        return x, [(n - k) // s + 1 for n, k, s in zip(x.shape[1:3], reach, strides)]
    sizes = [-(-n // s) for n, s in zip(x.shape[1:3], strides)]
    totals = [max((m - 1) * s + k - n, 0) for m, s, k, n in zip(sizes, strides, reach, x.shape[1:3])]
    pads = [(0, 0), *((t // 2, t - t // 2) for t in totals), (0, 0)]
    return np.pad(x, pads, constant_values=fill), sizes


def first(function):
    """A function of channels_last images, for channels_first ones."""
    return lambda x, *weights: np.moveaxis(function(np.moveaxis(x, 1, -1), *weights), -1, 1)


def normalized(x, mean, variance, gamma, beta, axes, epsilon=1e-3):
    shape = [n if i in axes else 1 for i, n in enumerate(x.shape)]
    wide = lambda v: np.reshape(v, shape)
    return wide(gamma) * (x - wide(mean)) / np.sqrt(wide(variance) + epsilon) + wide(beta)


def by_batch(x, gamma, beta, axes, epsilon=1e-3):
    rest = tuple(i for i in range(x.ndim) if i not in axes)
    return normalized(x, x.mean(rest), ((x - x.mean(rest, keepdims=True)) ** 2).mean(rest), gamma, beta, axes, epsilon)


IMAGE = (2, 5, 6, 4)
LINE, VOLUME = (2, 7, 4), (2, 4, 5, 6, 2)
ROWS = [
    Row(Dense, {"units": 4}, (3, 5), lambda x, w, b: x @ w + b),
    Row(Dense, {"units": 4, "activation": "tanh", "use_bias": False}, (2, 3, 5), lambda x, w: np.tanh(x @ w),
        open=(1,)),
    Row(Activation, {"activation": "softplus"}, (3, 5), lambda x: np.log(1 + np.exp(x)), open=(1,)),
    Row(Activation, {"activation": "softmax"}, (2, 3, 5), lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
        open=(1, 2)),
    Row(OpLayer, {"op": "multiply", "constants": {0: 3.0}}, (3, 5), lambda x: 3 * x, open=(1,)),
    Row(Dropout, {"rate": 0.0}, (3, 5), lambda x: x, open=(1,)),
    Row(Flatten, {}, (2, 3, 4), lambda x: x.reshape(2, 12), open=(1, 2)),
    Row(Flatten, {"data_format": "channels_first"}, IMAGE, lambda x: np.moveaxis(x, 1, -1).reshape(2, 120), open=(2,)),
    Row(Flatten, {"data_format": "channels_first"}, (2, 3, 4), lambda x: np.moveaxis(x, 1, -1).reshape(2, 12)),
    Row(Flatten, {}, (4,), lambda x: x[:, None]),
    Row(Reshape, {"target_shape": 12}, (2, 6, 2), lambda x: x.reshape(2, 12)),
    Row(Reshape, {"target_shape": (1,)}, (4,), lambda x: x.reshape(4, 1)),
    Row(Reshape, {"target_shape": (4, 3)}, (2, 6, 2), lambda x: x.reshape(2, 4, 3)),
    Row(Reshape, {"target_shape": (3, -1)}, (2, 6, 2), lambda x: x.reshape(2, 3, 4), open=(1,)),
    Row(Conv2D, {"filters": 3, "kernel_size": 2}, IMAGE, conv, open=(1, 2)),
    Row(Conv2D, {"filters": 2, "kernel_size": (3, 2), "strides": 2, "padding": "SAME", "activation": "sigmoid"}, IMAGE,
        lambda x, w, b: 1 / (1 + np.exp(-conv(x, w, b, (2, 2), same=True))), open=(1, 2)),
    Row(Conv2D, {"filters": 2, "kernel_size": 2, "dilation_rate": (3, 2), "use_bias": False}, IMAGE,
        lambda x, w: conv(x, w, dilation=(3, 2)), open=(1,)),
    Row(Conv2D, {"filters": 6, "kernel_size": (1, 3), "groups": 2}, IMAGE, lambda x, w, b: conv(x, w, b, groups=2)),
    Row(Conv2D, {"filters": 3, "kernel_size": 2, "strides": (2, 1), "data_format": "channels_first"}, (2, 4, 5, 6),
        first(lambda x, w, b: conv(x, w, b, (2, 1))), open=(2, 3)),
    Row(MaxPooling2D, {}, IMAGE, lambda x: pool(np.nanmax, x, (2, 2), (2, 2)), open=(1, 2)),
    Row(MaxPooling2D, {"pool_size": (3, 2), "strides": 2, "padding": "same"}, IMAGE,
        lambda x: pool(np.nanmax, x, (3, 2), (2, 2), same=True), open=(1, 2)),
    Row(MaxPooling2D, {"pool_size": 2, "strides": (1, 2), "data_format": "channels_first"}, (2, 4, 5, 6),
        first(lambda x: pool(np.nanmax, x, (2, 2), (1, 2)))),
    Row(AveragePooling2D, {"pool_size": (2, 3), "strides": (1, 2)}, IMAGE,
        lambda x: pool(np.nanmean, x, (2, 3), (1, 2)), open=(1,)),
    Row(AveragePooling2D, {"pool_size": 3, "strides": 2, "padding": "same"}, IMAGE,
        lambda x: pool(np.nanmean, x, (3, 3), (2, 2), same=True)),
    Row(AveragePooling2D, {"data_format": "channels_first"}, (2, 4, 5, 6),
        first(lambda x: pool(np.nanmean, x, (2, 2), (2, 2)))),
    Row(BatchNormalization, {}, (4, 3), lambda x, g, b, m, v: normalized(x, m, v, g, b, (1,)),
        lambda x, g, b, m, v: by_batch(x, g, b, (1,))),
    Row(BatchNormalization, {"momentum": 1}, (3, 2, 4), lambda x, g, b, m, v: normalized(x, m, v, g, b, (2,)),
        lambda x, g, b, m, v: by_batch(x, g, b, (2,)), open=(1,)),
    Row(BatchNormalization, {"axis": 1, "scale": False, "epsilon": 0.1}, (3, 4, 2, 2),
        lambda x, b, m, v: normalized(x, m, v, np.ones(4), b, (1,), 0.1),
        lambda x, b, m, v: by_batch(x, np.ones(4), b, (1,), 0.1), open=(2, 3)),
    Row(BatchNormalization, {"axis": (-1, 1), "center": False}, (5, 2, 3, 4),
        lambda x, g, m, v: normalized(x, m, v, g, np.zeros((2, 4)), (1, 3)),
        lambda x, g, m, v: by_batch(x, g, np.zeros((2, 4)), (1, 3)), open=(2,)),
    Row(Embedding, {"input_dim": 6, "output_dim": 3}, (2, 4), lambda x, w: w[x], open=(1,), integers=6),
    Row(Conv1D, {"filters": 3, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}, LINE,
        lambda x, w, b: slide(x, w, b, padding="causal", dilation=2), open=(1,)),
    Row(Conv1D, {"filters": 3, "kernel_size": 2, "strides": 2, "padding": "same", "activation": "tanh"}, LINE,
        lambda x, w, b: np.tanh(slide(x, w, b, 2, "same")), open=(1,)),
    Row(Convolution2D, {"filters": 3, "kernel_size": (2, 3)}, IMAGE, slide, open=(1, 2)),
    Row(Conv3D, {"filters": 2, "kernel_size": 2, "strides": (1, 2, 1), "padding": "same"}, VOLUME,
        lambda x, w, b: slide(x, w, b, (1, 2, 1), "same"), open=(1, 2, 3)),
    Row(Conv1DTranspose, {"filters": 3, "kernel_size": 3, "strides": 2}, LINE, lambda x, w, b: spread(x, w, b, 2),
        open=(1,)),
    Row(Conv2DTranspose, {"filters": 2, "kernel_size": (3, 2), "strides": 2, "padding": "same"}, IMAGE,
        lambda x, w, b: spread(x, w, b, 2, "same"), open=(1, 2)),
    Row(Conv2DTranspose, {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same", "output_padding": 1}, IMAGE,
        lambda x, w, b: spread(x, w, b, 2, "same", 1)),
    Row(Conv3DTranspose, {"filters": 2, "kernel_size": 2, "strides": (1, 2, 3)}, VOLUME,
        lambda x, w, b: spread(x, w, b, (1, 2, 3)), open=(1,)),
    Row(DepthwiseConv1D, {"kernel_size": 3, "depth_multiplier": 2}, LINE, depthwise, open=(1,)),
    Row(DepthwiseConv2D, {"kernel_size": (2, 3), "strides": 2, "padding": "same"}, IMAGE,
        lambda x, w, b: depthwise(x, w, b, strides=2, padding="same"), open=(1, 2)),
    Row(SeparableConv1D, {"filters": 3, "kernel_size": 3}, LINE, lambda x, d, p, b: slide(depthwise(x, d), p, b),
        open=(1,)),
    Row(SeparableConv2D, {"filters": 3, "kernel_size": 2, "depth_multiplier": 2, "use_bias": False}, IMAGE,
        lambda x, d, p: slide(depthwise(x, d), p), open=(1, 2)),
    Row(LocallyConnected1D, {"filters": 3, "kernel_size": 3}, LINE, unshared),
    Row(LocallyConnected2D, {"filters": 2, "kernel_size": (2, 3)}, IMAGE, unshared),
    Row(MaxPooling1D, {"pool_size": 3, "strides": 2, "padding": "same"}, LINE,
        lambda x: look(np.nanmax, x, 3, 2, "same"), open=(1,)),
    Row(MaxPooling3D, {}, VOLUME, lambda x: look(np.nanmax, x, 2), open=(1, 2, 3)),
    Row(AveragePooling1D, {"pool_size": 3, "strides": 1, "padding": "same"}, LINE,
        lambda x: look(np.nanmean, x, 3, 1, "same"), open=(1,)),
    Row(AveragePooling3D, {"pool_size": (1, 2, 3)}, VOLUME, lambda x: look(np.nanmean, x, (1, 2, 3)), open=(1,)),
    Row(GlobalMaxPooling1D, {}, LINE, lambda x: x.max(1)),
    Row(GlobalMaxPooling2D, {"keepdims": True}, IMAGE, lambda x: x.max((1, 2), keepdims=True)),
    Row(GlobalMaxPooling3D, {"data_format": "channels_first"}, (2, 3, 4, 2, 3), lambda x: x.max((2, 3, 4))),
    Row(GlobalAveragePooling1D, {}, LINE, lambda x: x.mean(1)),
    Row(GlobalAveragePooling2D, {"data_format": "channels_first", "keepdims": True}, (2, 4, 5, 6),
        lambda x: x.mean((2, 3), keepdims=True)),
    Row(GlobalAveragePooling3D, {}, VOLUME, lambda x: x.mean((1, 2, 3))),
    Row(AdaptiveAveragePooling1D, {"output_size": 3}, LINE, lambda x: binned(np.mean, x, 3)),
    Row(AdaptiveAveragePooling2D, {"output_size": (2, 3)}, IMAGE, lambda x: binned(np.mean, x, (2, 3))),
    Row(AdaptiveAveragePooling3D, {"output_size": 2}, VOLUME, lambda x: binned(np.mean, x, 2)),
    Row(AdaptiveMaxPooling1D, {"output_size": 4}, LINE, lambda x: binned(np.max, x, 4)),
    Row(AdaptiveMaxPooling2D, {"output_size": 2, "data_format": "channels_first"}, (2, 4, 5, 6),
        first(lambda x: binned(np.max, x, 2))),
    Row(AdaptiveMaxPooling3D, {"output_size": (1, 2, 2)}, VOLUME, lambda x: binned(np.max, x, (1, 2, 2))),
    Row(ZeroPadding1D, {"padding": (2, 1)}, LINE, lambda x: np.pad(x, [(0, 0), (2, 1), (0, 0)]), open=(1,)),
    Row(ZeroPadding2D, {"padding": (1, 2)}, IMAGE, lambda x: np.pad(x, [(0, 0), (1, 1), (2, 2), (0, 0)]), open=(1, 2)),
    Row(ZeroPadding2D, {"padding": ((1, 0), (2, 3)), "data_format": "channels_first"}, (2, 4, 5, 6),
        lambda x: np.pad(x, [(0, 0), (0, 0), (1, 0), (2, 3)])),
    Row(ZeroPadding3D, {}, VOLUME, lambda x: np.pad(x, [(0, 0), (1, 1), (1, 1), (1, 1), (0, 0)]), open=(1, 2, 3)),
    Row(Cropping1D, {"cropping": (1, 2)}, LINE, lambda x: x[:, 1:-2], open=(1,)),
    Row(Cropping2D, {"cropping": ((1, 0), (2, 1))}, IMAGE, lambda x: x[:, 1:, 2:-1], open=(1, 2)),
    Row(Cropping3D, {"cropping": (1, 0, 1)}, VOLUME, lambda x: x[:, 1:-1, :, 1:-1], open=(1,)),
    Row(UpSampling1D, {"size": 3}, LINE, lambda x: stretched(x, 3), open=(1,)),
    Row(UpSampling2D, {"size": (2, 3)}, IMAGE, lambda x: stretched(x, (2, 3)), open=(1, 2)),
    Row(UpSampling2D, {"data_format": "channels_first"}, (2, 4, 5, 6), first(lambda x: stretched(x, 2))),
    Row(UpSampling3D, {"size": (1, 2, 2)}, VOLUME, lambda x: stretched(x, (1, 2, 2)), open=(1,)),
    Row(Identity, {}, (3, 5), lambda x: x, open=(1,)),
    Row(RepeatVector, {"n": 3}, (2, 4), lambda x: np.stack([x, x, x], 1), open=(1,)),
    Row(Permute, {"dims": (3, 1, 2)}, (2, 3, 4, 5), lambda x: np.moveaxis(x, 3, 1), open=(1, 3)),
    Row(Masking, {"mask_value": 0.5}, (2, 3, 4), lambda x: x, open=(1,)),
    Row(ActivityRegularization, {"l1": 0.1, "l2": 0.2}, (3, 5), lambda x: x, open=(1,)),
    Row(Lambda, {"function": "expand_dims", "arguments": {"axis": -1}}, (3, 5), lambda x: x[..., None], open=(1,)),
    Row(SpatialDropout1D, {"rate": 0.0}, LINE, lambda x: x, open=(1,)),
    Row(SpatialDropout2D, {"rate": 0.0, "data_format": "channels_first"}, IMAGE, lambda x: x, open=(1, 2)),
    Row(SpatialDropout3D, {"rate": 0.0}, VOLUME, lambda x: x, open=(1, 2, 3)),
    Row(GaussianNoise, {"stddev": 0.0}, (3, 5), lambda x: x, open=(1,)),
    Row(GaussianDropout, {"rate": 0.0}, (3, 5), lambda x: x, open=(1,)),
    Row(AlphaDropout, {"rate": 0.0}, (3, 5), lambda x: x, open=(1,)),
    Row(LeakyReLU, {"alpha": 0.2}, (3, 5), lambda x: np.where(x > 0, x, 0.2 * x), open=(1,)),
    Row(PReLU, {}, (3, 5), lambda x, a: np.where(x > 0, x, a * x)),
    Row(PReLU, {"shared_axes": (1, 2)}, IMAGE, lambda x, a: np.where(x > 0, x, a * x), open=(1, 2)),
    Row(ELU, {"alpha": 0.7}, (3, 5), lambda x: np.where(x > 0, x, 0.7 * np.expm1(x)), open=(1,)),
    Row(ThresholdedReLU, {"theta": 0.6}, (3, 5), lambda x: np.where(x > 0.6, x, 0), open=(1,)),
    Row(Softmax, {"axis": 1}, (2, 3, 5), lambda x: np.moveaxis(softmax(np.moveaxis(x, 1, -1)), -1, 1), open=(1, 2)),
    Row(Softmax, {"axis": (1, 2)}, (2, 3, 5), lambda x: softmax(x.reshape(2, 15)).reshape(x.shape)),
    Row(ReLU, {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.2}, (3, 5),
        lambda x: np.minimum(np.where(x > 0.2, x, 0.1 * (x - 0.2)), 1.0), open=(1,)),
    Row(MaxoutDense, {"output_dim": 2, "nb_feature": 3}, (4, 5),
        lambda x, w, b: np.max([x @ w[k] + b[k] for k in range(3)], 0)),
    Row(Highway, {"activation": "tanh"}, (4, 5), highway),
    Row(TimeDistributedDense, {"units": 4}, (2, 3, 5), lambda x, w, b: x @ w + b, open=(1,)),
    Row(LayerNormalization, {}, (3, 5), lambda x, g, b: over_features(x, 1) * g + b),
    Row(LayerNormalization, {"axis": (1, -1), "epsilon": 0.1}, IMAGE,
        lambda x, g, b: over_features(x, (1, 3), epsilon=0.1) * g[:, None] + b[:, None], open=(2,)),
    Row(RMSNormalization, {"axis": 1}, (2, 5, 3), lambda x, g: over_features(x, 1, False, 1e-6) * g[:, None],
        open=(2,)),
    Row(GroupNormalization, {"groups": 2}, IMAGE, lambda x, g, b: groups(x, 2) * g + b, open=(1, 2)),
    Row(GroupNormalization, {"groups": -1, "axis": 1, "scale": False}, (2, 4, 5, 6),
        first(lambda x, b: groups(x, 4) + b), open=(2, 3)),
    Row(UnitNormalization, {"axis": 1}, (2, 3, 5), lambda x: x / np.sqrt((x ** 2).sum(1, keepdims=True)), open=(1, 2)),
    Row(EinsumDense, {"equation": "abc,cde->abde", "output_shape": (None, 4, 5), "bias_axes": "e",
                      "activation": "sigmoid"}, (2, 7, 3),
        lambda x, w, b: logistic(np.tensordot(x, w, (2, 0)) + b), open=(1,)),
    Row(EinsumDense, {"equation": "...x,xy->...y", "output_shape": 4, "bias_axes": "y"}, (2, 7, 3),
        lambda x, w, b: x @ w + b, open=(1,)),
    Row(MultiHeadAttention, {"num_heads": 2, "key_dim": 3, "value_dim": 2}, (2, 4, 5), self_attention, open=(1,)),
    Row(GroupQueryAttention, {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}, (2, 4, 5), self_attention,
        open=(1,)),
    Row(Rescaling, {"scale": 0.5, "offset": [1.0, 2.0, 3.0]}, (2, 3), lambda x: x * 0.5 + [1, 2, 3]),
    Row(Normalization, {}, (4, 3), lambda x, m, v: (x - m) / np.sqrt(v)),
    Row(Normalization, {"axis": (1, 3), "invert": True}, (2, 3, 4, 2),
        lambda x, m, v: x * np.sqrt(v)[:, None] + m[:, None], open=(2,)),
    Row(Normalization, {"axis": None, "mean": 2.0, "variance": 9.0}, (4, 3), lambda x: (x - 2) / 3, open=(1,)),
    Row(CategoryEncoding, {"num_tokens": 6, "output_mode": "count"}, (3, 4), lambda x: counted(x, 6), integers=6),
    Row(CategoryEncoding, {"num_tokens": 5}, (3, 4), lambda x: np.minimum(counted(x, 5), 1), integers=5),
    Row(Resizing, {"height": 3, "width": 9}, IMAGE, lambda x: bilinear(x, 3, 9)),
    Row(Resizing, {"height": 10, "width": 4, "interpolation": "nearest", "data_format": "channels_first"}, (2, 4, 5, 8),
        lambda x: x.repeat(2, 2)[..., 1::2]),
    Row(CenterCrop, {"height": 2, "width": 3}, IMAGE, lambda x: x[:, 1:3, 1:4]),
    Row(RandomFlip, {"mode": "horizontal"}, (2, 5, 1, 3), lambda x: x, open=(1, 2)),
    Row(RandomRotation, {"factor": (0.25, 0.25)}, (2, 5, 5, 3), lambda x: x, lambda x: np.rot90(x, 1, (1, 2)),
        open=(1, 2)),
    Row(RandomZoom, {"height_factor": (-0.5, -0.5), "width_factor": (0.0, 0.0)}, (2, 3, 2, 2), lambda x: x,
        lambda x: np.stack([(x[:, 0] + x[:, 1]) / 2, x[:, 1], (x[:, 1] + x[:, 2]) / 2], 1), open=(1, 2)),
    Row(RandomTranslation, {"height_factor": (0.4, 0.4), "width_factor": (-0.5, -0.5)}, (2, 5, 6, 2), lambda x: x,
        lambda x: moved(x, 2, -3), open=(1, 2)),
    Row(RandomContrast, {"factor": (0.5, -0.5), "value_range": (-9, 9)}, IMAGE, lambda x: x,
        lambda x: (x + x.mean((1, 2), keepdims=True)) / 2, open=(1, 2)),
    Row(RandomBrightness, {"factor": (0.1, 0.1), "value_range": (-9, 9)}, IMAGE, lambda x: x, lambda x: x + 1.8,
        open=(1, 2)),
    Row(RandomCrop, {"height": 5, "width": 6}, IMAGE, lambda x: x),
]
ELSEWHERE = ELSEWHERE | CELLS       # cells: tests/test_recurrent.py
ROWS += [Row(*row[:4], open=sum(row[4:], ())) for row in RECURRENT]
each_row = pytest.mark.parametrize("row", [pytest.param(r, id=f"{r.cls.__name__}-{i}") for i, r in enumerate(ROWS)])


def inputs(row, dtype="float64"):
    rng = np.random.default_rng(1)
    return rng.integers(0, row.integers, row.shape) if row.integers else rng.standard_normal(row.shape).astype(dtype)


def tensor(a):
    return Tensor(a, dtype=a.dtype)


def built(row, dtype="float64", **kwargs):
    """The layer, built, with weights from 0.5 to 1.5, and copies of them."""
    layer = row.cls(**row.args, dtype=dtype, **kwargs)
    layer(Symbol(row.shape, "int64" if row.integers else dtype))
    rng = np.random.default_rng(2)
    layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.weights])
    return layer, layer.get_weights()


def ours(kind):
    """The package's classes of a kind, not those that examples and tests define."""
    return {c for c in kind.registry.values() if c.__module__.startswith("tahr.")
            and getattr(sys.modules[c.__module__], c.__name__, None) is c}


def test_every_layer_has_a_row():
    rows = {r.cls for r in ROWS}
    excused = {layers.InputLayer, *ELSEWHERE}       # computes nothing; models: their own tests
    own = {c for c in ours(Layer) if not c.__module__.startswith(("tahr.models.", "tahr.applications."))}
    assert own - excused == rows
    public = {c for c in vars(layers).values() if isinstance(c, type) and issubclass(c, Layer)}
    assert public - excused == rows | {Layer}


# Values and shapes

@each_row
def test_value(row):
    layer, weights = built(row)
    x = inputs(row)
    out = layer(tensor(x))
    assert out.dtype == np.float64
    expected = row.reference(x, *weights)
    assert out.shape == expected.shape
    np.testing.assert_allclose(out.numpy(), expected, rtol=1e-12, atol=1e-14)


@each_row
def test_value_in_training(row):
    layer, weights = built(row)
    x = inputs(row)
    with phase(True):
        out = layer(tensor(x))
    expected = (row.training or row.reference)(x, *weights)
    np.testing.assert_allclose(out.numpy(), expected, rtol=1e-10, atol=1e-12)
    if row.training:
        assert not np.allclose(out.numpy(), layer(tensor(x)).numpy())


@each_row
def test_shapes(row):
    layer, _ = built(row)
    dtype = "int64" if row.integers else "float64"
    out = layer(tensor(inputs(row)))
    for training in (False, True):
        inferred = layer(Symbol(row.shape, dtype), **({"training": training} if layer._training_at is not None else {}))
        assert (inferred.shape, inferred.dtype) == (out.shape, out.dtype)
    open_batch = (None, *out.shape[1:])
    assert layer.compute_output_shape((None, *row.shape[1:])) == open_batch
    assert layer(Symbol((None, *row.shape[1:]), dtype)).shape == layer.get_output_shape_at(-1) == open_batch
    empty = layer(tensor(inputs(row)[:0]))
    assert empty.shape == (0, *out.shape[1:]) == layer.compute_output_shape((0, *row.shape[1:]))
    for axis in row.open:
        shape = (None, *(None if i == axis else n for i, n in enumerate(row.shape) if i))
        found = layer.compute_output_shape(shape)
        assert len(found) == out.ndim and all(m in (None, n) for m, n in zip(found, out.shape))
        assert None in found[1:]


@each_row
def test_unbuilt_layer_infers_shapes_with_open_axes(row):
    layer = row.cls(**row.args)
    shape = tuple(None if i == 0 or i in row.open else n for i, n in enumerate(row.shape))
    found = layer.compute_output_shape(shape)
    expected = row.reference(inputs(row), *built(row)[1]).shape
    assert len(found) == len(expected) and all(m in (None, n) for m, n in zip(found, expected))
    assert layer.built


@each_row
def test_float32_stays(row):
    exact, weights = built(row)
    layer, _ = built(row, "float32")
    layer.set_weights(weights)
    x = inputs(row)
    for training in (False, True):
        with phase(training):
            out = layer(tensor(inputs(row, "float32")))
            assert out.dtype == np.float32
            np.testing.assert_allclose(out.numpy(), exact(tensor(x)).numpy(), rtol=1e-4, atol=1e-5)
        trained = layer.trainable_weights
        if trained:
            found = gradients((out * out).sum(), trained)
            assert [(g.dtype, g.shape) for g in found] == [(np.float32, w.shape) for w in trained]
    assert all(w.dtype == np.float32 for w in layer.weights)


@each_row
def test_numbers_that_are_no_tensors_take_the_layers_dtype(row):
    layer, weights = built(row)
    x = inputs(row)
    for numbers in (x, x.tolist()):
        np.testing.assert_allclose(layer(numbers).numpy(), row.reference(x, *weights), rtol=1e-12, atol=1e-14)
    assert built(row, "float32")[0](x).dtype == np.float32
    assert Activation("linear")([1, 2]).dtype == np.int64


@each_row
def test_one_by_one(row):
    """A batch gives what its samples give alone."""
    layer, _ = built(row)
    x = inputs(row)
    alone = np.concatenate([layer(tensor(x[i:i + 1])).numpy() for i in range(len(x))])
    np.testing.assert_allclose(layer(tensor(x)).numpy(), alone, rtol=1e-12, atol=1e-14)


@each_row
def test_input_untouched_and_any_strides(row):
    layer, _ = built(row)
    x = inputs(row)
    before, expected = x.copy(), layer(tensor(x)).numpy()
    np.testing.assert_array_equal(x, before)
    wide = np.zeros([2 * n for n in x.shape], x.dtype)
    view = wide[tuple(slice(None, None, -2) for _ in x.shape)]
    view[...] = x
    np.testing.assert_allclose(layer(tahr.from_numpy(view)).numpy(), expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(view, before)


# Gradients

def with_weights(layer, variables, x, tensors, training):
    """The layer's output with tensors in the place of some of its weights."""
    places = {id(v): t for v, t in zip(variables, tensors)}
    held = {name: v for name, v in vars(layer).items() if isinstance(v, Variable) and id(v) in places}
    assert len(held) == len(variables)
    vars(layer).update({name: places[id(v)] for name, v in held.items()})
    try:
        with phase(training):
            return layer(x)
    finally:
        vars(layer).update(held)


with_weights = with_weights_of_parts(with_weights)


@each_row
@pytest.mark.parametrize("training", [False, True])
def test_gradient_to_second_order(row, training):
    layer, _ = built(row)
    x = inputs(row)
    if row.cls is MaxPooling2D:     # no two elements close, so that no maximum changes hands
        x = np.random.default_rng(0).permutation(x.size).reshape(x.shape) / 10.0
    variables = layer.trainable_weights if training else layer.weights
    if row.integers and not variables:
        return      # nothing to differentiate
    check_grads(lambda x, *tensors: with_weights(layer, variables, x, tensors, training),
                x, *(v.data.copy() for v in variables))


@each_row
def test_every_trained_weight_gets_a_gradient(row):
    layer, _ = built(row)
    x = tensor(inputs(row))
    with phase(True):
        out = layer(x)
    found = gradients((out * tensor(np.random.default_rng(0).standard_normal(out.shape))).sum(),
                      layer.trainable_weights) if layer.trainable_weights else []
    assert all(np.abs(g.numpy()).max() > 0 for g in found)


@each_row
def test_no_reference_cycles(row):
    """What a call and its backward pass made is gone with the last name, without the garbage collector."""
    layer, _ = built(row)
    x = inputs(row)
    gc.collect()
    gc.disable()
    try:
        with phase(True):
            out = layer(tensor(x))
        if layer.trainable_weights:
            gradients((out * out).sum(), layer.trainable_weights)
        gone = weakref.ref(out)
        del out
        assert gone() is None
        gone = weakref.ref(layer)
        Identity()(tensor(x))       # the losses of the last call hold their layers until the next
        del layer
        assert gone() is None
    finally:
        gc.enable()


# Configs

@each_row
def test_config_round_trip(row):
    layer, weights = built(row)
    config = layer.get_config()
    assert row.cls(**row.args, name=layer.name, dtype="float64").get_config() == config
    clone = row.cls.from_config(config)
    assert clone.get_config() == config and clone.name == layer.name
    read = json.loads(json.dumps({"class_name": row.cls.__name__, "config": config}))
    for other in (clone, Layer.get(read)):
        other(tensor(inputs(row)))
        other.set_weights(weights)
        np.testing.assert_array_equal(other(tensor(inputs(row))).numpy(), layer(tensor(inputs(row))).numpy())
        assert [w.name for w in other.weights] == [w.name for w in layer.weights]


@each_row
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))],
                         ids=["deepcopy", "pickle"])
def test_copies(row, duplicate):
    layer, _ = built(row)
    other, x = duplicate(layer), tensor(inputs(row))
    expected = layer(x).numpy()
    np.testing.assert_array_equal(other(x).numpy(), expected)
    other.set_weights([np.zeros(w.shape) for w in other.weights])
    np.testing.assert_array_equal(layer(x).numpy(), expected)
    assert other.get_config() == layer.get_config()


@each_row
def test_unknown_arguments(row):
    with pytest.raises(TypeError, match=rf"{row.cls.__name__} got an unknown argument 'nmae'.*Did you mean 'name'\?"):
        row.cls(**row.args, nmae="x")
    for name in row.args:
        with pytest.raises(TypeError, match=rf"unknown argument '{name}x'.*Did you mean '{name}'\?.*It takes: "):
            row.cls(**{k: v for k, v in row.args.items() if k != name}, **{name + "x": row.args[name]})


@each_row
def test_names(row):
    reset_uids()
    base = snake_case(row.cls.__name__)
    assert [row.cls(**row.args).name for _ in range(2)] == [f"{base}_1", f"{base}_2"]
    assert row.cls(**row.args, name="mine").name == "mine"
    assert row.cls(**row.args).name == f"{base}_3"


# Weights

@each_row
def test_weights_round_trip(row):
    layer, weights = built(row)
    assert [w.dtype for w in weights] == [np.float64] * len(weights)
    assert layer.count_params() == sum(w.size for w in weights)
    for w in layer.get_weights():
        w += 1      # copies: the layer's own stay
    for now, before in zip(layer.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(now, before)
    other = row.cls(**row.args, dtype="float64", weights=weights)
    other(tensor(inputs(row)))
    for now, before in zip(other.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(now, before)
    assert "weights" not in other.get_config() and other.initial_weights is None


@each_row
def test_set_weights_sets_all_or_none(row):
    layer, weights = built(row)
    for wrong in ([*weights, np.zeros(2)], weights[:-1]):
        if len(wrong) != len(weights):
            with pytest.raises(ValueError, match=rf"has {len(weights)} weight\(s\), got {len(wrong)}$"):
                layer.set_weights(wrong)
    if weights:
        with pytest.raises(ValueError, match=rf"weight '{layer.weights[-1].name}' has shape .*, got an array of shape"):
            layer.set_weights([w + 1 for w in weights[:-1]] + [np.zeros((*weights[-1].shape, 2))])
        with pytest.raises(ValueError, match=rf"has 0 weight\(s\), got {len(weights)}; it is not built yet"):
            row.cls(**row.args).set_weights(weights)
    for now, before in zip(layer.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(now, before)


@each_row
def test_freezing(row):
    layer, weights = built(row)
    trained = [w.name for w in layer.trainable_weights]
    names = [w.name for w in layer.weights]
    assert names == trained + [w.name for w in layer.non_trainable_weights]
    layer.trainable = False
    assert layer.trainable_weights == [] and [w.name for w in layer.non_trainable_weights] == names
    assert [w.name for w in layer.weights] == names
    assert layer.get_config()["trainable"] is False
    assert row.cls.from_config(layer.get_config()).trainable is False
    layer.trainable = True
    assert [w.name for w in layer.trainable_weights] == trained


# Errors of inputs: a layer, the shape it is built with (or None), the shape it gets, and the text.

INPUT_ERRORS = [
    (Dense(2), None, (3,), r"'.*' \(Dense\): expected at least 2 dimensions, got 1 .*batch axis: x\[None\]"),
    (Dense(2), (4, 3), (4, 5), r"expected 3 along axis -1, got 5 \(input shape \(4, 5\)\)$"),
    (Dense(2), None, (4, None), "the weight 'kernel' needs a known shape"),
    (Conv2D(2, 3), None, (5, 5, 3), r"\(Conv2D\): expected 4 dimensions, got 3 .*batch axis: x\[None\]"),
    (Conv2D(2, 3), (2, 5, 5, 3), (2, 5, 5, 4), "expected 3 along axis -1, got 4"),
    (Conv2D(2, 3, data_format="channels_first"), (2, 3, 5, 5), (2, 4, 5, 5), "expected 3 along axis 1, got 4"),
    (Conv2D(2, 3), None, (2, 2, 5, 3), "does not fit into 2.*padding='same'"),
    (Conv2D(2, 3, groups=2), None, (2, 5, 5, 3), "the 3 channels do not divide into 2 groups"),
    (Conv2D(2, 3), None, (2, 5, 5, None), "needs a known shape"),
    (MaxPooling2D(), None, (5, 5, 3), r"\(MaxPooling2D\): expected 4 dimensions, got 3"),
    (MaxPooling2D(3), None, (1, 5, 2, 3), "does not fit into 2"),
    (AveragePooling2D(), None, (5, 5), r"\(AveragePooling2D\): expected 4 dimensions, got 2"),
    (BatchNormalization(), (4, 3), (4, 2), "expected 3 along axis 1, got 2"),
    (BatchNormalization(), (4, 3), (4, 2, 3), "expected 2 dimensions, got 3"),
    (BatchNormalization(axis=2), None, (4, 3), r"layer '.*': axis 2 is out of range for 2 dimension.* of the input"),
    (BatchNormalization(axis=(1, -1)), None, (4, 3), "names an axis twice"),
    (BatchNormalization(), None, (4, None), "the weight 'gamma' needs a known shape"),
    (Reshape((2, 3)), None, (4, 5), r"cannot reshape samples of shape \(5,\) \(5 elements\) to \(2, 3\)"),
    (Reshape((2, -1)), None, (4, 5), r"cannot reshape samples of shape \(5,\)"),
    (Reshape((3,)), None, (4, 6), r"cannot reshape samples of shape \(6,\) \(6 elements\) to \(3,\): the number"),
    (Reshape((1,)), None, (), "expected at least 1 dimensions, got 0"),
    (Flatten(), None, (), "expected at least 1 dimensions, got 0"),
]


@pytest.mark.parametrize("layer, before, shape, text", INPUT_ERRORS)
@pytest.mark.parametrize("kind", ["symbol", "tensor"])
def test_input_errors(layer, before, shape, text, kind):
    layer = type(layer).from_config(layer.get_config())
    if before is not None:
        layer(Symbol(before))
    if kind == "symbol" or None not in shape:
        with pytest.raises(ValueError, match=text):
            layer(Symbol(shape) if kind == "symbol" else Tensor(np.ones(shape)))
        assert layer.built or layer.weights == []
        assert not (layer.built and before is None and "dimensions, got" in text)


ARGUMENT_ERRORS = [
    (lambda: Dense(0), "units must be a positive integer, got 0"),
    (lambda: Dense(2.0), "units must be a positive integer, got 2.0"),
    (lambda: Dense(True), "units must be a positive integer"),
    (lambda: Dense(2, activation="rellu"), "unknown activation 'rellu'. Did you mean 'relu'?"),
    (lambda: Dense(2, kernel_initializer="glorot"), "unknown initializer 'glorot'"),
    (lambda: Dense(2, kernel_regularizer="l3"), "unknown regularizer 'l3'"),
    (lambda: Dense(2, bias_constraint="max"), "unknown constraint 'max'"),
    (lambda: Dropout(1.0), r"must lie in \[0, 1\), got 1.0"),
    (lambda: Dropout(-0.1), r"must lie in \[0, 1\)"),
    (lambda: Dropout(float("nan")), r"must lie in \[0, 1\)"),
    (lambda: Flatten("first"), "data_format must be 'channels_last' or 'channels_first', got 'first'"),
    (lambda: Reshape((-1, 2, -1)), "only one size of target_shape may be -1"),
    (lambda: Reshape((0, 2)), "a size of target_shape must be a positive integer, got 0"),
    (lambda: Reshape((None, 2)), "a size of target_shape must be a positive integer, got None"),
    (lambda: Conv2D(0, 3), "filters must be a positive integer, got 0"),
    (lambda: Conv2D(2, (3, 3, 3)), "kernel_size must be a positive integer or 2 of them"),
    (lambda: Conv2D(2, 0), "kernel_size must be a positive integer"),
    (lambda: Conv2D(2, 3, strides=0), "strides must be a positive integer"),
    (lambda: Conv2D(2, 3, padding="full"), "padding must be 'valid' or 'same', got 'full'"),
    (lambda: Conv2D(2, 3, padding=1), "padding must be 'valid' or 'same', got 1"),
    (lambda: Conv2D(2, 3, data_format="first"), "data_format must be"),
    (lambda: Conv2D(2, 3, strides=2, dilation_rate=2), "strides and dilation_rate cannot both exceed 1"),
    (lambda: Conv2D(3, 3, groups=2), "the 3 filters do not divide into 2 groups"),
    (lambda: MaxPooling2D(0), "pool_size must be a positive integer"),
    (lambda: MaxPooling2D(data_format="last"), "data_format must be"),
    (lambda: MaxPooling2D(padding=None), "padding must be 'valid' or 'same', got None"),
    (lambda: BatchNormalization(momentum=1.5), r"momentum must lie in \[0, 1\], got 1.5"),
    (lambda: BatchNormalization(epsilon=0), "epsilon must be positive, got 0"),
    (lambda: BatchNormalization(moving_mean_initializer="nil"), "unknown initializer 'nil'"),
    (lambda: Embedding(0, 3), "input_dim must be a positive integer"),
    (lambda: Embedding(3, None), "output_dim must be a positive integer, got None"),
    (lambda: Input(), "either shape or batch_shape"),
    (lambda: Input((2,), batch_shape=(1, 2)), "either shape or batch_shape"),
    (lambda: Input(784), r"write Input\(\(784,\)\)"),
    (lambda: Input((0,)), "positive integers and None"),
    (lambda: Dense(2, input_shape=784), r"write input_shape=\(784,\)"),
    (lambda: Dense(2, input_shape=(2.5,)), "positive integers and None"),
    (lambda: Dense(2, input_shape=(3,), batch_input_shape=(None, 4)), "contradicts"),
    (lambda: Dense(2, batch_size=3), "batch_size=3 needs an input_shape"),
]


@pytest.mark.parametrize("make, text", ARGUMENT_ERRORS)
def test_argument_errors(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_missing_and_surplus_arguments():
    with pytest.raises(TypeError, match="Dense: missing a required argument: 'units'; it takes: units, activation, "):
        Dense()
    with pytest.raises(TypeError, match="Activation: too many positional arguments"):
        Activation("relu", "tanh")
    with pytest.raises(TypeError, match="multiple values for argument 'units'"):
        Dense(2, units=3)


# What single layers do

def test_dropout_in_training():
    layer = Dropout(0.25, seed=7)
    x = tahr.ops.ones((200, 200))
    out = layer(x, training=True).numpy()
    assert set(np.unique(out)) == {0.0, np.float32(1 / 0.75)}
    assert abs((out == 0).mean() - 0.25) < 0.01
    again = layer(x, training=True).numpy()
    assert (out != again).any()
    np.testing.assert_array_equal(Dropout(0.25, seed=7)(x, training=True).numpy(), out)
    np.testing.assert_array_equal(Dropout.from_config(layer.get_config())(x, training=True).numpy(), out)
    assert layer(x) is x and layer(x, training=False) is x


def test_dropout_scales_the_gradient_as_the_value():
    x = Tensor(np.full((50, 4), 2.0), requires_grad=True)
    out = Dropout(0.5, seed=1)(x, training=True)
    grad, = gradients(out.sum(), [x])
    np.testing.assert_array_equal(grad.numpy(), out.numpy() / 2)
    assert set(np.unique(grad.numpy())) == {0.0, 2.0}


def test_dropout_draws_from_the_default_generator():
    x = tahr.ops.ones((50, 4))
    found = []
    for _ in range(2):
        seed_default(3)
        found.append(Dropout(0.5)(x, training=True).numpy())
    np.testing.assert_array_equal(*found)


def test_noise_shape():
    out = Dropout(0.5, noise_shape=(None, 1, 3), seed=0)(tahr.ops.ones((40, 5, 3)), training=True).numpy()
    assert (out == out[:, :1]).all() and not (out == out[:, :, :1]).all() and not (out == out[:1]).all()
    for noise in ((None, 1), (4, 1, 3), (None, 5, 2)):
        layer = Dropout(0.5, noise_shape=noise)
        with pytest.raises(ValueError, match="noise_shape .* does not fit the input shape"):
            layer(tahr.ops.ones((40, 5, 3)), training=True)
    assert layer(Symbol((None, 5, 3))).shape == (None, 5, 3)


def test_batch_normalization_without_momentum_takes_the_last_batch():
    layer = BatchNormalization(momentum=0)
    layer([[1.0], [5.0]], training=True)
    assert (layer.moving_mean.numpy(), layer.moving_variance.numpy()) == (3.0, 4.0)


def test_batch_normalization_follows_the_batches():
    layer = BatchNormalization(momentum=0.9, dtype="float64")
    rng, mean, variance = np.random.default_rng(0), np.zeros(3), np.ones(3)
    for _ in range(4):
        x = rng.normal(2.0, 3.0, (6, 3))
        layer(x, training=True)
        mean = 0.9 * mean + 0.1 * x.mean(0)
        variance = 0.9 * variance + 0.1 * x.var(0)
    np.testing.assert_allclose(layer.moving_mean.numpy(), mean, rtol=1e-12)
    np.testing.assert_allclose(layer.moving_variance.numpy(), variance, rtol=1e-12)
    before = layer.get_weights()
    layer(x)
    layer(Symbol((None, 3)), training=True)
    for now, then in zip(layer.get_weights(), before):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("frozen", ["layer", "model"])
def test_frozen_batch_normalization_uses_the_moving_averages(frozen):
    layer = BatchNormalization()
    model = tahr.Sequential([layer])
    x = Tensor(np.random.default_rng(0).normal(2.0, 3.0, (6, 3)))
    expected = layer(x).numpy()
    {"layer": layer, "model": model}[frozen].trainable = False
    with phase(True):
        np.testing.assert_array_equal(model(x).numpy(), expected)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), np.zeros(3))


def test_embedding_casts_and_checks():
    layer = Embedding(5, 2)
    rows = layer([[0, 4]])
    assert layer.embeddings.shape == (5, 2)
    np.testing.assert_array_equal(layer(np.array([[0.0, 4.7]])).numpy(), rows.numpy())
    np.testing.assert_array_equal(layer(np.array([[0, 4]], np.uint8)).numpy(), rows.numpy())
    assert layer([[2]]).shape == (1, 1, 2)
    for bad, at in (([[1, 2], [3, 5]], r"5 at position \(1, 1\)"), ([[0, -1]], r"-1 at position \(0, 1\)"),
                    ([[2 ** 40]], r"1099511627776 at position \(0, 0\)")):
        with pytest.raises(IndexError, match=r"indices must lie from 0 to 4 \(input_dim - 1\), got " + at):
            layer(np.array(bad))
    assert layer(np.zeros((0, 3), int)).shape == (0, 3, 2)


def test_embedding_adds_up_the_gradients_of_repeated_rows():
    layer = Embedding(4, 2)
    out = layer([[1, 3, 1]])
    grad, = gradients(out.sum(), [layer.embeddings])
    np.testing.assert_array_equal(grad.numpy(), [[0, 0], [2, 2], [0, 0], [1, 1]])


def test_embedding_needs_no_input_shape():
    assert Embedding(4, 2).batch_input_shape == (None, None)
    assert tahr.Sequential([Embedding(4, 2)]).inputs[0].dtype == np.int32
    assert Embedding(4, 2, input_length=7).batch_input_shape == (None, 7)
    assert Embedding(4, 2, input_length=(3, 2), batch_size=5).batch_input_shape == (5, 3, 2)
    assert Embedding(4, 2, input_shape=(6,)).batch_input_shape == (None, 6)


def test_short_names():
    assert layers.MaxPool2D is MaxPooling2D is Layer.named("MaxPool2D")
    assert layers.AvgPool2D is AveragePooling2D is Layer.named("AvgPool2D")


def test_layout_of_images_is_in_the_config():
    with settings.using(image_data_format="channels_first"):
        found = [cls(**args) for cls, args in ((Conv2D, {"filters": 2, "kernel_size": 1}), (MaxPooling2D, {}),
                                               (AveragePooling2D, {}), (Flatten, {}))]
    for layer in found:
        assert layer.data_format == "channels_first"
        assert type(layer).from_config(layer.get_config()).data_format == "channels_first"


def test_input():
    x = Input((None, 3), batch_size=4, dtype="int32", name="words")
    assert (x.shape, x.dtype, x.name) == ((4, None, 3), np.int32, "words")
    assert Input(batch_shape=(None, 2)).shape == Input([2]).shape == (None, 2)
    assert Input((2,)).dtype == np.float32


# What every layer does

class Affine(Layer):
    """A layer as users write them: no ``**kwargs``, ``super().build`` at the end."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor
        self.builds = 0

    def build(self, input_shape):
        self.builds += 1
        self.shift = self.add_weight("shift", input_shape[-1:], initializer="zeros")
        super().build(input_shape)

    def call(self, x, scale=1.0, training=False):
        return x * self.factor * scale + self.shift + (100.0 if training else 0.0)


def test_layers_of_users():
    layer = Affine(factor=3.0)
    assert layer.name.startswith("affine_")
    assert layer([[1.0]]).numpy() == 3.0 and layer.builds == 1
    assert layer([[1.0]], 2.0).numpy() == 6.0
    assert layer([[1.0]], training=True).numpy() == 103.0 == layer([[1.0]], 1.0, True).numpy()
    with phase(True):
        assert layer([[1.0]], 2.0).numpy() == 106.0
        assert layer([[1.0]], training=False).numpy() == 3.0
        assert layer([[1.0]], 2.0, False).numpy() == 6.0
    config = layer.get_config()
    assert config == {"factor": 3.0}        # what its constructor takes, and nothing else
    assert Affine.from_config(config)([[1.0]]).numpy() == 3.0
    with pytest.raises(TypeError, match="Affine got an unknown argument 'name'"):
        Affine(1.0, name="x")
    with pytest.raises(TypeError, match=r"Layer must define call\(self, inputs\)"):
        Layer()([1.0])


def test_options_under_another_name():
    class Options(Layer):
        def __init__(self, size=1, *, scale=2, **options):
            super().__init__(**options)

    assert Options(scale=3, name="o", trainable=False).get_config() == {
        "name": "o", "trainable": False, "dtype": "float32", "size": 1, "scale": 3}


def test_build_by_hand():
    layer = Dense(2)
    layer.build((None, 3))
    assert layer.built and len(layer.weights) == 2
    layer(tahr.ops.ones((1, 3)))
    assert len(layer.weights) == 2
    with pytest.raises(RuntimeError, match="is built already, building it again would double its weights"):
        layer.build((None, 3))
    layer = Dense(2, weights=[np.ones((3, 2)), np.ones(2)])
    layer.build((None, 3))
    np.testing.assert_array_equal(layer.get_weights()[0], np.ones((3, 2)))


def test_build_that_calls_the_one_above_first():
    class Scaled(Dense):
        def build(self, input_shape):
            super().build(input_shape)
            self.scale = self.add_weight("scale", (), initializer="ones")

        def call(self, x):
            return super().call(x) * self.scale

    layer = Scaled(1, weights=[[[2.0]], [1.0], 10.0])
    assert layer([[3.0]]).numpy() == 70.0 and len(layer.weights) == 3


def test_weights_made_by_the_constructor():
    class Shift(Layer):
        def __init__(self):
            super().__init__()
            self.shift = self.add_weight("shift", (2,), initializer="ones")

        def call(self, x):
            return x + self.shift

    layer = Shift()
    for _ in range(2):
        np.testing.assert_array_equal(layer([[1.0, 2.0]]).numpy(), [[2.0, 3.0]])
    assert layer.built and len(layer.weights) == 1


def test_repr():
    assert repr(Dense(2, name="d")) == "<Dense 'd'>"


def test_build_of_a_mixin():
    class Shifts:
        def build(self, input_shape):
            self.shift = self.add_weight("shift", input_shape[-1:], initializer="ones")

    class Shift(Shifts, Layer):
        def call(self, x):
            return x + self.shift

    layer = Shift()
    for _ in range(2):
        np.testing.assert_array_equal(layer([[1.0, 2.0]]).numpy(), [[2.0, 3.0]])
    assert layer.built and len(layer.weights) == 1


def test_failed_build_leaves_no_trace():
    layer = Dense(2, weights=[np.ones((3, 2)), np.ones(2)])
    with pytest.raises(ValueError, match=r"/kernel' has shape \(4, 2\), got an array of shape \(3, 2\)"):
        layer(tahr.ops.ones((1, 4)))
    assert not layer.built and layer.weights == []
    np.testing.assert_array_equal(layer(tahr.ops.ones((1, 3))).numpy(), [[4, 4]])
    layer = Dense(2, bias_initializer=lambda shape, dtype: np.ones(3))
    for _ in range(2):
        with pytest.raises(ValueError, match=r"the weight 'bias' has shape \(2,\), its initializer returned \(3,\)"):
            layer(tahr.ops.ones((1, 4)))
    assert layer.weights == []


def test_functions_as_initializers_regularizers_and_constraints():
    layer = Dense(2, kernel_initializer=lambda shape, dtype: np.full(shape, 2.0, dtype),
                  kernel_regularizer=lambda w: w.sum(), kernel_constraint=lambda w: w * 0)
    layer(tahr.ops.ones((1, 3)))
    assert [float(loss) for loss in layer.losses] == [12.0]
    assert layer.kernel.constraint(layer.kernel).numpy().max() == 0


def test_penalties():
    layer = Dense(2, kernel_initializer="ones", kernel_regularizer=tahr.regularizers.L1L2(0.5, 0.25),
                  bias_regularizer="l2")
    assert layer.losses == []
    layer(tahr.ops.ones((1, 3)))
    assert [float(loss) for loss in layer.losses] == [0.5 * 6 + 0.25 * 6, 0.0]
    grad, = gradients(layer.losses[0], [layer.kernel])
    np.testing.assert_array_equal(grad.numpy(), np.ones((3, 2)))
    model = tahr.Sequential([layer, Dense(1, kernel_regularizer="l1")])
    model(tahr.ops.ones((1, 3)))
    assert len(model.losses) == 3
    layer.trainable = False
    assert layer.losses == [] and len(model.losses) == 1
    model.trainable = False
    assert model.losses == []


def test_constraints_reach_the_weights():
    layer = Dense(2, kernel_constraint="non_neg", bias_constraint=tahr.constraints.MaxNorm(1.0))
    layer(tahr.ops.ones((1, 3)))
    assert isinstance(layer.kernel.constraint, tahr.constraints.NonNeg) and layer.bias.constraint.max_value == 1.0


class Block(Layer):
    """Sublayers in an attribute, a list and a dict; one of them twice, one only remembered."""

    def __init__(self, unused=None):
        super().__init__()
        self.one, self.more = Dense(2), [Dense(2), Dense(2)]
        self.named = {"a": self.one, "b": BatchNormalization()}

    def build(self, input_shape):
        self.scale = self.add_weight("scale", (), initializer="ones")

    def call(self, x):
        for layer in (self.one, *self.more, self.named["b"]):
            x = layer(x)
        return x * self.scale


def test_sublayers():
    other = Dense(3)
    block = Block(unused=other)
    assert block.sublayers == [block.one, *block.more, block.named["b"]]
    block(tahr.ops.ones((4, 2)))
    for other, name in (("variables", "weights"), ("trainable_variables", "trainable_weights"),
                        ("non_trainable_variables", "non_trainable_weights")):
        assert [id(v) for v in getattr(block, other)] == [id(v) for v in getattr(block, name)]
    assert len(block.weights) == 1 + 2 * 3 + 4 and len(block.trainable_weights) == 1 + 2 * 3 + 2
    assert block.weights[0] is block.scale
    assert block.count_params() == 1 + 3 * 6 + 8
    names = [w.name for w in block.weights]
    block.more[0].trainable = False
    assert len(block.trainable_weights) == 7 and [w.name for w in block.weights] == names
    block.trainable = False
    assert not any(layer.trainable for layer in block.sublayers) and block.trainable_weights == []
    block.trainable = True
    assert all(layer.trainable for layer in block.sublayers) and len(block.trainable_weights) == 9
    again = Block()
    again(tahr.ops.ones((4, 2)))
    again.set_weights(block.get_weights())
    np.testing.assert_array_equal(again(tahr.ops.ones((4, 2))).numpy(), block(tahr.ops.ones((4, 2))).numpy())


def test_sublayers_that_come_later():
    class Grows(Layer):
        def __init__(self):
            super().__init__()
            self.places, self.named, self.single, self.pair = [None, 1], {"size": 2}, None, (Dense(1), 2)

    layer, parts = Grows(), [Dense(n + 1) for n in range(5)]
    assert layer.sublayers == [layer.pair[0]]
    layer.places[0], layer.named["a"], layer.single = parts[:3]
    layer.places.append(parts[3])
    layer.extra = parts[4]
    assert set(layer.sublayers) == {*parts, layer.pair[0]}
    del layer.single
    layer.extra = None
    assert set(layer.sublayers) == {parts[0], parts[1], parts[3], layer.pair[0]}


def test_output_shape():
    layer = Dense(2)
    with pytest.raises(AttributeError, match="has never been called"):
        _ = layer.output_shape
    layer(tahr.ops.ones((4, 3)))
    assert layer.output_shape == (None, 2)
    assert layer.compute_output_shape((7, 5, 3)) == (7, 5, 2) and layer.output_shape == (None, 2)
    layer(Symbol((8, 3)))
    assert layer.output_shape == (8, 2)
    model = tahr.Sequential([Dense(2), Dense(3)])
    assert model.compute_output_shape((0, 4)) == (0, 3)
    assert [part.output_shape for part in (model, *model.layers)] == [(None, 3), (None, 2), (None, 3)]
    assert Dense(2).compute_output_shape((0, 4)) == (0, 2)


def test_several_inputs_and_outputs():
    class Swap(Layer):
        def call(self, inputs):
            a, b = inputs
            return [b, a]

    layer = Swap()
    b, a = layer([np.ones((2, 3)), np.ones((2, 4))])
    assert (a.shape, b.shape) == ((2, 3), (2, 4)) and isinstance(a, Tensor)
    assert layer.output_shape == [(None, 4), (None, 3)]


@pytest.mark.parametrize("args, expected", [
    ({}, None), ({"input_shape": (3, None, 1)}, (None, 3, None, 1)), ({"input_shape": [3], "batch_size": 5}, (5, 3)),
    ({"batch_input_shape": (4, 3)}, (4, 3)), ({"input_dim": 3}, (None, 3)), ({"input_shape": ()}, (None,)),
    ({"input_dim": 3, "input_length": 7, "batch_size": 2}, (2, 7, 3)), ({"input_shape": np.array([3])}, (None, 3)),
    ({"input_shape": (3,), "batch_input_shape": (4, 3)}, (4, 3)),
])
def test_shape_of_a_first_layer(args, expected):
    layer = Dense(2, **args)
    assert layer.batch_input_shape == expected
    assert Dense.from_config(json.loads(json.dumps(layer.get_config()))).batch_input_shape == expected


def test_phase_nests_and_holds_for_one_thread():
    layer, x, seen = Dropout(0.5), tahr.ops.ones(100), []
    with phase(True):
        thread = threading.Thread(target=lambda: seen.append(layer(x) is x))
        thread.start()
        thread.join()
        with phase(False):
            assert layer(x) is x
        assert layer(x) is not x
    assert layer(x) is x and seen == [True]


def test_no_graph_without_gradients():
    layer = Dense(2)
    with no_grad():
        assert not layer(tahr.ops.ones((1, 3))).requires_grad
    assert layer(tahr.ops.ones((1, 3))).requires_grad


def test_input_spec():
    spec = InputSpec(min_ndim=2, axes={1: 3})
    assert repr(spec) == "InputSpec(min_ndim=2, axes={1: 3})" and repr(InputSpec()) == "InputSpec()"
    layer = Dense(2)
    for shape in ((1, 3), (None, None), (1, 3, 7)):
        spec.check(shape, layer)
    with pytest.raises(ValueError, match="expected 3 along axis 1, got 4"):
        spec.check((1, 4), layer)


# Keras 3

GOLDEN = np.load(pathlib.Path(__file__).parent / "golden" / "keras3.npz")
CASES = sorted({key.split("/")[1] for key in GOLDEN if key.startswith("layers/")})


def golden(name):
    group = f"layers/{name}/"
    case = {key.removeprefix(group): GOLDEN[key] for key in GOLDEN if key.startswith(group)}
    cls, args = json.loads(str(case["spec"]))
    weights = [case[f"weight{i}"] for i in range(4) if f"weight{i}" in case]
    return getattr(layers, cls), args, weights, case


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_keras3(name, dtype):
    """The same weights in the same order give the same output as Keras 3, and training the same moving averages."""
    cls, args, weights, case = golden(name)
    layer = cls(**args, dtype=dtype, weights=weights)
    close = lambda found, expected: np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    for x, expected in zip(case.get("batches", ()), case.get("trained", ())):
        close(layer(x, training=True).numpy(), expected)
    for i, w in enumerate(layer.get_weights() if "batches" in case else ()):
        close(w, case[f"after{i}"])
    close(layer(case["x"]).numpy(), case["y"])


def test_keras3_covers_what_both_have():
    assert {golden(name)[0] for name in CASES} >= {Dense, Conv2D, MaxPooling2D, AveragePooling2D, BatchNormalization,
                                                   Embedding}
