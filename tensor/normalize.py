"""Normalisation: over the batch, over features, over groups of channels.

Each op has one kernel for all its gradients, which its rules share. Where the gradients are to be differentiated
again, the rules differentiate the op's definition (a function of plain ops, beside it) instead: slower, and right to
any order.
"""

import functools
import math

import numpy as np

from ..autograd import Value, enable_grad, mode, op, positive, raises, real, sample
from ..autograd.gradient import gradients, passed_on
from ..autograd.value import spec
from ..kernels import normalize as kernels
from ..utils import settings
from . import shapes
from .elementwise import rsqrt, square
from .movement import reshape, transpose
from .reduce import mean as average
from .reduce import sum as total

# Gradients that the rules share

def _fused(definition, kernel):
    """The rules of an op of (x, scale, offset) whose residual is ``(what the kernel wants, {})``.

    Arguments:
        definition: a function of ops that gives what the op gives: its results, as a tuple.
        kernel: an op ``(g, x, scale, *wanted, **attrs)`` that gives the gradients of the first result, as a tuple.
    """
    def again(g, inputs, attrs):
        with enable_grad():
            stand_ins = [passed_on(x) if isinstance(x, Value) else None for x in inputs]
            results = definition(*stand_ins, **attrs)
        given = [(r, seed) for r, seed in zip(results, g) if seed is not None and r.node is not None]
        found = iter(gradients([r for r, _ in given], [s for s in stand_ins if s is not None],
                               [seed for _, seed in given], create_graph=mode.recording(), allow_unused=True))
        return [None if s is None else next(found) for s in stand_ins]

    def rule(i):
        def gradient(g, _out, x, scale, offset, residual, **attrs):
            flows = g if isinstance(g, list) else [g]
            if mode.recording() or flows[0] is None or any(f is not None for f in flows[1:]):
                return again(flows, (x, scale, offset), attrs)[i]
            wanted, shared = residual
            if shared.get("g") is not g or shared["found"][i] is None:      # the first rule of this pass
                shared.update(g=g, found=list(kernel(flows[0], x, scale, *wanted, **attrs)))
            found, shared["found"][i] = shared["found"][i], None
            return found
        return gradient
    return [rule(0), rule(1), rule(2)]


def _float(x):
    return x.dtype if x.dtype.kind == "f" else np.dtype(settings.floatx())


def _as_floats(x):
    return x if x.dtype.kind == "f" else x.astype(settings.floatx())


def _check(x, features, **weights):
    """Raise unless the weights have a number for each of the features."""
    for name, w in weights.items():
        if w is not None and w.shape != features and (len(w.shape) != len(features) or any(
                m != n for m, n in zip(w.shape, features) if None not in (m, n))):
            raise ValueError(f"{name} must have the shape {features}, a number for each normalised feature of an input "
                             f"of shape {x.shape}, got {w.shape}")


def _weighted(normal, scale, offset):
    normal = normal if scale is None else normal * scale
    return normal if offset is None else normal + offset


def _gradient_shapes(g, x, *_others, **_attrs):
    return [spec(x.shape, g.dtype), spec(x.shape[-1:], g.dtype), spec(x.shape[-1:], g.dtype)]


# Over the batch

def _batch_definition(x, scale, offset, epsilon):
    rest = tuple(range(x.ndim - 1))
    mean = average(x, rest)
    apart = x - mean
    variance = average(square(apart), rest)
    return _weighted(apart * rsqrt(variance + epsilon), scale, offset), mean, variance


def _normal(v, epsilon, centered=True):
    """The normalised numbers, their mean and their variance (mean square, unless centered)."""
    mean = math.fsum(v) / len(v) if centered else 0
    variance = math.fsum((a - mean) ** 2 for a in v) / len(v)
    return [(a - mean) / math.sqrt(variance + epsilon) for a in v], mean, variance


def _looped_batch(x, scale, offset, epsilon):
    columns = [_normal(v, epsilon) for v in x.reshape(-1, x.shape[-1]).T]
    normal, means, variances = map(np.array, zip(*columns))
    return _weighted(normal.T.reshape(x.shape), scale, offset), means, variances


def _through(flow, normal, inverse, centered=True):
    """The gradient of normalised numbers: ``flow`` times their matrix of derivatives."""
    matrix = np.eye(len(normal)) - np.outer(normal, normal) / len(normal)
    return flow @ (matrix - 1 / len(normal) if centered else matrix) * inverse


def _rows(x):
    return x.reshape(-1, x.shape[-1])


def _weight_slopes(g, normal):
    """The gradients of scale and offset."""
    return np.einsum("rc,rc->c", _rows(g), _rows(normal)), np.einsum("rc->c", _rows(g))


def _looped_batch_grad(g, x, scale, mean, variance, epsilon):
    normal, flow = (x - mean) / np.sqrt(variance + epsilon), _weighted(g, scale, None)
    dx = [_through(*column, 1 / math.sqrt(v + epsilon)) for *column, v in zip(_rows(flow).T, _rows(normal).T, variance)]
    return np.array(dx).T.reshape(x.shape), *_weight_slopes(g, normal)


@op(shape=_gradient_shapes, reference=_looped_batch_grad,
    samples=[sample(real(5, 3), real(5, 3), real(3), real(3), positive(3), epsilon=0.1),
             sample(real(4, 3, 2), real(4, 3, 2), None, real(2), positive(2), epsilon=0.01)])
def _batch_norm_grad(g, x, scale, mean, variance, epsilon=0.0):
    return kernels.batch_norm_grad(g, x, scale, mean, variance, epsilon)


def _check_batch(x, scale, offset):
    if x.ndim < 2:
        raise ValueError(f"batch_norm needs an input (..., features) of 2 or more dimensions, got shape {x.shape}")
    _check(x, x.shape[-1:], scale=scale, offset=offset)


def _batch_shapes(x, scale, offset, epsilon):
    _check_batch(x, scale, offset)
    return [spec(x.shape, _float(x)), spec(x.shape[-1:], _float(x)), spec(x.shape[-1:], _float(x))]


def _batch_normal(x, scale, offset, epsilon=0.0, relu=False):
    _check_batch(x, scale, offset)
    y, mean, variance = kernels.batch_norm(_as_floats(x), scale, offset, epsilon, relu)
    return (y, mean, variance), ((mean, variance), {})


@op(shape=_batch_shapes, residual=True, reference=_looped_batch, vjp=_fused(_batch_definition, _batch_norm_grad),
    rectified=functools.partial(_batch_normal, relu=True),
    samples=[sample(real(5, 3), real(3), real(3), epsilon=0.1), sample(real(2, 3, 2), None, real(2), epsilon=0.01),
             sample(real(2, 2, 3, 2), real(2), None, epsilon=0.01), sample(real(4, 2), None, None, epsilon=0.5),
             raises(ValueError, "of 2 or more dimensions", real(3), None, None, epsilon=0.1),
             raises(ValueError, "scale must have the shape .3,.", real(2, 3), real(2), None, epsilon=0.1)])
def _batch_norm(x, scale, offset, epsilon=0.0):
    return _batch_normal(x, scale, offset, epsilon)


def batch_norm(x, scale=None, offset=None, epsilon=1e-3):
    """Each feature brought to mean 0 and variance 1 over all other axes, scaled and shifted: ``y, mean, variance``.

    ``y = (x - mean) / sqrt(variance + epsilon) * scale + offset``, with the biased variance.

    Arguments:
        x: (..., features), 2 or more dimensions.
        scale, offset: (features,), or None for 1 and 0.
        epsilon: added to the variance; default 0.001.

    Source: Ioffe and Szegedy, Batch normalization, ICML 2015.

    >>> import tahr
    >>> y, mean, variance = tahr.ops.batch_norm(tahr.Tensor([[1.0], [3.0]]), epsilon=0.0)
    >>> y, mean, variance
    (Tensor([[-1.],
            [ 1.]]), Tensor([2.]), Tensor([1.]))
    """
    return _batch_norm(x, scale, offset, epsilon=epsilon)


def _with_rule(i):
    """Gradients for x, mean, variance, scale and offset of :func:`normalize_with`."""
    def rule(g, _out, x, mean, variance, scale, _offset, epsilon):
        inverse, rest = rsqrt(variance + epsilon), tuple(range(len(x.shape) - 1))
        factor = inverse if scale is None else inverse * scale
        if i == 0:
            return g * factor
        if i in (1, 4):
            return total(g, rest) if i == 4 else total(g, rest) * -factor
        product = total(g * (x - mean), rest) * inverse
        return product if i == 3 else product * factor * inverse * -0.5
    return rule


@op(shape=lambda x, mean, variance, scale, offset, epsilon: _with_shape(x, mean, variance, scale, offset),
    vjp=[_with_rule(i) for i in range(5)], dtype="float",
    reference=lambda x, mean, variance, scale, offset, epsilon: _weighted(
        (x - mean) * (variance + epsilon) ** -0.5, scale, offset),
    samples=[sample(real(5, 3), real(3), positive(3), real(3), real(3), epsilon=0.1),
             sample(real(2, 3, 2), real(2), positive(2), None, None, epsilon=0.01),
             raises(ValueError, "mean must have the shape .3,.", real(2, 3), real(2), positive(3), None, None,
                    epsilon=0.1)], name="normalize_with")
def _normalize_with(x, mean, variance, scale, offset, epsilon=0.0):
    _with_shape(x, mean, variance, scale, offset)
    return kernels.normalize_with(_as_floats(x), mean, variance, scale, offset, epsilon)


def _with_shape(x, mean, variance, scale, offset):
    _check(x, x.shape[-1:], mean=mean, variance=variance, scale=scale, offset=offset)
    return x.shape


def normalize_with(x, mean, variance, scale=None, offset=None, epsilon=1e-3):
    """``(x - mean) / sqrt(variance + epsilon) * scale + offset``: :func:`batch_norm` by known statistics.

    ``x`` is (..., features), everything else (features,); ``scale`` and ``offset`` may be None for 1 and 0.

    >>> import tahr
    >>> tahr.ops.normalize_with([[5.0, 6.0]], [1.0, 2.0], [4.0, 1.0], epsilon=0.0)
    Tensor([[2., 4.]])
    """
    return _normalize_with(x, mean, variance, scale, offset, epsilon=epsilon)


# Over features

def _layer_definition(x, scale, offset, epsilon, centered):
    apart = x - average(x, -1, keepdims=True) if centered else x
    return _weighted(apart * rsqrt(average(square(apart), -1, keepdims=True) + epsilon), scale, offset),


def _looped_layer(x, scale, offset, epsilon, centered=True):
    normal = [_normal(v, epsilon, centered)[0] for v in x.reshape(-1, x.shape[-1])]
    return _weighted(np.array(normal).reshape(x.shape), scale, offset)


def _looped_layer_grad(g, x, scale, mean, inverse, centered=True):
    normal, flow = (x - mean[..., None]) * inverse[..., None], _weighted(g, scale, None)
    dx = np.zeros(x.shape)
    for at in np.ndindex(x.shape[:-1]):
        dx[at] = _through(flow[at], normal[at], inverse[at], centered)
    return dx, *_weight_slopes(g, normal)


@op(shape=_gradient_shapes, reference=_looped_layer_grad,
    samples=[sample(real(2, 5), real(2, 5), real(5), real(2), positive(2)),
             sample(real(2, 2, 3), real(2, 2, 3), None, real(2, 2), positive(2, 2), centered=False)])
def _layer_norm_grad(g, x, scale, mean, inverse, centered=True):
    return kernels.layer_norm_grad(g, x, scale, mean, inverse, centered)


def _layer_shape(x, scale, offset, epsilon, centered):
    _check(x, x.shape[-1:], scale=scale, offset=offset)
    return x.shape


@op(shape=_layer_shape, dtype="float", residual=True, reference=_looped_layer,
    vjp=_fused(_layer_definition, lambda *args, epsilon, centered: _layer_norm_grad(*args, centered=centered)),
    samples=[sample(real(2, 5), real(5), real(5), epsilon=0.1), sample(real(2, 2, 4), None, real(4), epsilon=0.01),
             sample(real(3, 4), real(4), None, epsilon=0.01, centered=False),
             sample(real(0, 3), None, None, epsilon=0.1),
             raises(ValueError, "offset must have the shape .3,.", real(2, 3), None, real(2), epsilon=0.1)])
def _layer_norm(x, scale, offset, epsilon=0.0, centered=True):
    _layer_shape(x, scale, offset, epsilon, centered)
    y, mean, inverse = kernels.layer_norm(_as_floats(x), scale, offset, epsilon, centered)
    return y, ((mean, inverse), {})


def layer_norm(x, scale=None, offset=None, axis=-1, epsilon=1e-3):
    """Each sample brought to mean 0 and variance 1 over its features, scaled and shifted.

    Arguments:
        x: any shape.
        scale, offset: of the sizes of the normalised axes, in the order in which ``x`` has them; or None for 1 and 0.
        axis: the axis, or axes, over which mean and variance are taken; default the last.
        epsilon: added to the variance; default 0.001.

    Source: Ba, Kiros and Hinton, Layer normalization, 2016.

    >>> import tahr
    >>> tahr.ops.layer_norm([[1.0, 3.0], [5.0, 5.0]], epsilon=0.0001).round(3)
    Tensor([[-1.,  1.],
            [ 0.,  0.]])
    """
    return _over_axes(x, scale, offset, axis, epsilon, centered=True)


def rms_norm(x, scale=None, axis=-1, epsilon=1e-6):
    """Each sample divided by the root of the mean square of its features, and scaled; as :func:`layer_norm`.

    Source: Zhang and Sennrich, Root mean square layer normalization, NeurIPS 2019.

    >>> import tahr
    >>> tahr.ops.rms_norm([[3.0, 4.0, 0.0, 0.0]]).round(3)
    Tensor([[1.2, 1.6, 0. , 0. ]])
    """
    return _over_axes(x, scale, None, axis, epsilon, centered=False)


def _over_axes(x, scale, offset, axis, epsilon, centered):
    axes = sorted(shapes.normalize_axes(axis, x.ndim))
    if not axes:
        raise ValueError("normalisation needs at least one axis, got none")
    if axes == [x.ndim - 1]:
        return _layer_norm(x, scale, offset, epsilon=epsilon, centered=centered)
    features, rest = tuple(x.shape[i] for i in axes), [i for i in range(x.ndim) if i not in axes]
    _check(x, features, scale=scale, offset=offset)
    order, flat = (*rest, *axes), shapes.size(features)
    last = transpose(x, order)
    scale, offset = (None if w is None else reshape(w, (flat,)) for w in (scale, offset))
    out = _layer_norm(reshape(last, (*last.shape[:len(rest)], flat)), scale, offset, epsilon=epsilon, centered=centered)
    return transpose(reshape(out, last.shape), tuple(order.index(i) for i in range(x.ndim)))


# Over groups of channels

def _group_definition(x, scale, offset, groups, epsilon):
    parts = reshape(x, (x.shape[0], math.prod(x.shape[1:-1]), groups, x.shape[-1] // groups))
    apart = parts - average(parts, (1, 3), keepdims=True)
    normal = apart * rsqrt(average(square(apart), (1, 3), keepdims=True) + epsilon)
    return _weighted(reshape(normal, x.shape), scale, offset),


def _group_slices(x, groups):
    """The index of each group of channels of each image."""
    size = x.shape[-1] // groups
    for n in range(len(x)):
        for k in range(groups):
            yield (n, k), (n, ..., slice(k * size, (k + 1) * size))


def _looped_group(x, scale, offset, groups, epsilon):
    out = np.zeros(x.shape)
    for _, at in _group_slices(x, groups):
        out[at] = np.reshape(_normal(x[at].ravel(), epsilon)[0], x[at].shape)
    return _weighted(out, scale, offset)


def _looped_group_grad(g, x, scale, mean, inverse, groups):
    flow, normal, dx = _weighted(g, scale, None), np.zeros(x.shape), np.zeros(x.shape)
    for group, at in _group_slices(x, groups):
        normal[at] = (x[at] - mean[group]) * inverse[group]
        dx[at] = _through(flow[at].ravel(), normal[at].ravel(), inverse[group]).reshape(x[at].shape)
    return dx, *_weight_slopes(g, normal)


@op(shape=_gradient_shapes, reference=_looped_group_grad,
    samples=[sample(real(2, 3, 4), real(2, 3, 4), real(4), real(2, 2), positive(2, 2), groups=2),
             sample(real(1, 2, 2, 3), real(1, 2, 2, 3), None, real(1, 3), positive(1, 3), groups=3)])
def _group_norm_grad(g, x, scale, mean, inverse, groups=1):
    return kernels.group_norm_grad(g, x, scale, mean, inverse, groups)


def _group_shape(x, scale, offset, groups, epsilon):
    if x.ndim < 2:
        raise ValueError(f"group_norm needs an input (batch, *space, channels), got shape {x.shape}")
    if groups < 1 or x.shape[-1] is not None and x.shape[-1] % groups:
        raise ValueError(f"the {x.shape[-1]} channels of shape {x.shape} do not divide into {groups} groups")
    _check(x, x.shape[-1:], scale=scale, offset=offset)
    return x.shape


@op(shape=_group_shape, dtype="float", residual=True, reference=_looped_group,
    vjp=_fused(_group_definition, lambda *args, groups, epsilon: _group_norm_grad(*args, groups=groups)),
    samples=[sample(real(2, 3, 4), real(4), real(4), groups=2, epsilon=0.1),
             sample(real(2, 2, 2, 3), None, real(3), groups=3, epsilon=0.01),
             sample(real(3, 4), real(4), None, groups=1, epsilon=0.01),
             sample(real(0, 2, 4), None, None, groups=2, epsilon=0.1),
             raises(ValueError, "do not divide into 3 groups", real(2, 4), None, None, groups=3),
             raises(ValueError, "needs an input", real(4), None, None, groups=2)])
def _group_norm(x, scale, offset, groups=1, epsilon=0.0):
    _group_shape(x, scale, offset, groups, epsilon)
    y, mean, inverse = kernels.group_norm(_as_floats(x), scale, offset, groups, epsilon)
    return y, ((mean, inverse), {})


def group_norm(x, scale=None, offset=None, groups=32, epsilon=1e-3):
    """Each group of channels of each image brought to mean 0 and variance 1, scaled and shifted.

    Arguments:
        x: (batch, *space, channels).
        scale, offset: (channels,), or None for 1 and 0.
        groups: into how many groups of neighbours the channels are cut, a divisor of their number; default 32.
        epsilon: added to the variance; default 0.001.

    Source: Wu and He, Group normalization, ECCV 2018.

    >>> import tahr
    >>> tahr.ops.group_norm([[1.0, 3.0, 10.0, 30.0]], groups=2, epsilon=0.0)
    Tensor([[-1.,  1., -1.,  1.]])
    """
    return _group_norm(x, scale, offset, groups=groups, epsilon=epsilon)


def instance_norm(x, scale=None, offset=None, epsilon=1e-3):
    """Each channel of each image brought to mean 0 and variance 1 over its space; as :func:`group_norm`.

    Source: Ulyanov, Vedaldi and Lempitsky, Instance normalization, 2016.

    >>> import tahr
    >>> tahr.ops.instance_norm([[[1.0, 2.0], [3.0, 6.0]]], epsilon=0.0)
    Tensor([[[-1., -1.],
             [ 1.,  1.]]])
    """
    if x.shape[-1] is None:
        raise ValueError(f"instance_norm needs a known number of channels, got shape {x.shape}")
    return _group_norm(x, scale, offset, groups=x.shape[-1], epsilon=epsilon)
