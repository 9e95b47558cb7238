"""Convolution over any number of spatial axes, channels last.

Inputs are (batch, *space, channels), kernels (*window, channels / groups, filters). The three passes are one family:
the gradients of each are the other two.
"""

import functools
import math

import numpy as np

from ..autograd import function, op, raises, real, sample
from ..autograd.value import spec
from ..kernels import conv as kernels
from . import shapes
from .indexing import take
from .movement import broadcast_to, pad_constant, reshape, transpose
from .windows import check_padding, per_axis, window_sizes


def _conv_shape(x, w, strides, padding, dilation, groups):
    ndim = w.ndim - 2
    if ndim < 1 or x.ndim != ndim + 2:
        raise ValueError("convolution needs an input (batch, *space, channels) and a kernel (*window, channels / "
                         f"groups, filters) with as many spatial axes, got shapes {x.shape} and {w.shape}")
    if x.shape[-1] is not None and x.shape[-1] != w.shape[-2] * groups:
        raise ValueError(f"the input has {x.shape[-1]} channels (shape {x.shape}), the kernel takes "
                         f"{w.shape[-2] * groups} (shape {w.shape}, groups={groups})")
    if 0 in w.shape[:-2]:
        raise ValueError(f"a convolution's window needs at least one element along each axis, got a kernel {w.shape}")
    if w.shape[-1] % groups:
        raise ValueError(f"the {w.shape[-1]} filters do not divide into {groups} groups")
    sizes, _ = window_sizes(x.shape[1:-1], w.shape[:-2], strides, padding, dilation)
    return (x.shape[0], *sizes, w.shape[-1])


def _gradient_shape(g, x, w, attrs):
    """Check that ``g`` has the shape of the convolution of shapes ``x`` and ``w``."""
    expected = _conv_shape(spec(x, g.dtype), spec(w, g.dtype), **attrs)
    if len(g.shape) != len(expected) or any(None not in pair and pair[0] != pair[1] for pair in zip(g.shape, expected)):
        raise ValueError(f"a convolution of an input {tuple(x)} with a kernel {tuple(w)} has a result, and so a "
                         f"gradient, of shape {expected}, got {g.shape}")


def _grad_x_shape(g, w, shape, **attrs):
    _gradient_shape(g, shape, w.shape, attrs)
    return spec(shape, g.dtype)


def _grad_w_shape(x, g, shape, **attrs):
    _gradient_shape(g, x.shape, shape, attrs)
    return spec(shape, g.dtype)


@functools.lru_cache(512)
def _slides(x, w, strides, padding, dilation):
    """How a kernel of shape ``w`` slides over an input of shape ``x``: strides, paddings as pairs, dilation."""
    _, pads = window_sizes(x[1:-1], w[:-2], strides, padding, dilation)
    return tuple(strides), tuple(map(tuple, pads)), tuple(dilation)


def _looped(x, w, strides, padding="valid", dilation=None, groups=1):
    """One output number at a time."""
    ndim = w.ndim - 2
    dilation = dilation or (1,) * ndim
    sizes, pads = window_sizes(x.shape[1:-1], w.shape[:-2], strides, padding, dilation)
    x = np.pad(x, [(0, 0), *pads, (0, 0)])
    out = np.zeros((len(x), *sizes, w.shape[-1]))
    c, f = w.shape[-2], w.shape[-1] // groups
    for index in np.ndindex(out.shape):
        b, *at, o = index
        group = o // f
        for place in np.ndindex(w.shape[:-2]):
            where = tuple(i * s + p * d for i, s, p, d in zip(at, strides, place, dilation))
            out[index] += x[b][where][group * c:(group + 1) * c] @ w[place][:, o]
    return out


_PLANE = {"strides": (1, 1), "padding": "valid", "dilation": (1, 1), "groups": 1}


def _cases():
    """Shapes of an input and a kernel, and how the one slides over the other."""
    case = lambda x, w, **attrs: (x, w, {**_PLANE, **attrs})
    return [case((2, 5, 6, 3), (3, 2, 3, 4)),
            case((1, 5, 5, 2), (3, 3, 2, 2), padding="same", strides=(2, 2)),
            case((2, 7, 6, 4), (2, 3, 2, 6), groups=2, dilation=(2, 1)),
            case((1, 4, 5, 3), (2, 2, 1, 3), groups=3),
            case((1, 3, 4, 2), (2, 2, 2, 3), padding=((1, 2), (0, 1)), strides=(2, 1)),
            case((2, 9, 2), (3, 2, 4), padding="causal", strides=(2,), dilation=(2,)),
            case((1, 3, 4, 3, 2), (2, 2, 2, 2, 2), strides=(1, 2, 1), dilation=(1, 1, 1))]


FORWARD = [sample(real(*x), real(*w), **attrs) for x, w, attrs in _cases()]
EMPTY = sample(real(0, 5, 5, 2), real(3, 3, 2, 2), **_PLANE)


def _gradient_samples(wanted):
    """The same cases, for the gradient of the input or of the kernel: its shape stands in for it."""
    for x, w, attrs in _cases()[1:]:
        g = _conv_shape(spec(x), spec(w), **attrs)
        if wanted == "x":
            yield sample(real(*g), real(*w), shape=x, **attrs)
        else:
            yield sample(real(*x), real(*g), shape=w, **attrs)


def _grad_x_reference(g, w, shape, **attrs):
    """The transpose of the forward pass, as the matrix it is."""
    basis = np.eye(math.prod(shape)).reshape(-1, *shape)
    return np.array([np.sum(_looped(e, w, **attrs) * g) for e in basis]).reshape(shape)


def _grad_w_reference(x, g, shape, **attrs):
    basis = np.eye(math.prod(shape)).reshape(-1, *shape)
    return np.array([np.sum(_looped(x, e, **attrs) * g) for e in basis]).reshape(shape)


@op(shape=_conv_shape, name="conv", reference=_looped,
    vjp=[lambda g, _out, _x, w, **attrs: conv_grad_x(g, w, shape=_x.shape, **attrs),
         lambda g, _out, x, _w, **attrs: conv_grad_w(x, g, shape=_w.shape, **attrs)],
    samples=[*FORWARD, EMPTY,
             raises(ValueError, "has 3 channels .*, the kernel takes 2", real(1, 5, 5, 3), real(3, 3, 2, 4), **_PLANE),
             raises(ValueError, "does not fit into 2", real(1, 2, 5, 2), real(3, 3, 2, 4), **_PLANE),
             raises(ValueError, "as many spatial axes", real(5, 5, 2), real(3, 3, 2, 4), **_PLANE),
             raises(ValueError, "at least one element", real(1, 5, 5, 2), real(3, 0, 2, 4), **_PLANE)])
def _conv(x, w, strides=(), padding="valid", dilation=(), groups=1):
    _conv_shape(x, w, strides, padding, dilation, groups)
    return kernels.conv(x, w, *_slides(x.shape, w.shape, strides, padding, dilation), groups)


@op(shape=_grad_x_shape, reference=_grad_x_reference,
    vjp=[lambda g, _out, _gy, w, shape, **attrs: _conv(g, w, **attrs),
         lambda g, _out, gy, _w, shape, **attrs: conv_grad_w(g, gy, shape=_w.shape, **attrs)],
    samples=[*_gradient_samples("x"), raises(ValueError, r"of shape \(1, 3, 3, 4\), got \(1, 2, 3, 4\)",
                                             real(1, 2, 3, 4), real(3, 3, 2, 4), shape=(1, 5, 5, 2), **_PLANE)])
def conv_grad_x(g, w, shape=(), strides=(), padding="valid", dilation=(), groups=1):
    """The gradient of a convolution with respect to its input of ``shape``: also the transposed convolution."""
    _grad_x_shape(g, w, shape, strides=strides, padding=padding, dilation=dilation, groups=groups)
    return kernels.conv_grad_x(g, w, shape, *_slides(shape, w.shape, strides, padding, dilation), groups)


@op(shape=_grad_w_shape, reference=_grad_w_reference,
    vjp=[lambda g, _out, _x, gy, shape, **attrs: conv_grad_x(gy, g, shape=_x.shape, **attrs),
         lambda g, _out, x, _gy, shape, **attrs: _conv(x, g, **attrs)],
    samples=[*_gradient_samples("w"), raises(ValueError, r"of shape \(1, 3, 3, 4\), got \(1, 2, 3, 4\)",
                                             real(1, 5, 5, 2), real(1, 2, 3, 4), shape=(3, 3, 2, 4), **_PLANE)])
def conv_grad_w(x, g, shape=(), strides=(), padding="valid", dilation=(), groups=1):
    """The gradient of a convolution with respect to its kernel of ``shape``."""
    _grad_w_shape(x, g, shape, strides=strides, padding=padding, dilation=dilation, groups=groups)
    return kernels.conv_grad_w(x, g, shape, *_slides(x.shape, shape, strides, padding, dilation), groups)


@op(shape=lambda g: g.shape[-1:], reference=lambda g: np.sum(g, axis=tuple(range(g.ndim - 1))),
    vjp=[lambda g, _out, _gy: broadcast_to(g, _gy.shape)],
    samples=[sample(real(2, 3, 4, 5)), sample(real(2, 3, 1)), sample(real(0, 3, 2))])
def conv_grad_b(g):
    """The gradient of a convolution with respect to its bias: the sum over all places."""
    return kernels.conv_grad_b(g)


def _biased_shape(x, w, b, **attrs):
    out = _conv_shape(x, w, **attrs)
    if b.shape != w.shape[-1:]:
        raise ValueError(f"a convolution needs one bias for each of {w.shape[-1]} filters, got shape {b.shape}")
    return out


def _biased_cases():
    return [sample(real(*x), real(*w), real(w[-1]), **attrs) for x, w, attrs in _cases()]


def _biased(x, w, b, strides=(), padding="valid", dilation=(), groups=1, relu=False):
    _biased_shape(x, w, b, strides=strides, padding=padding, dilation=dilation, groups=groups)
    return kernels.conv(x, w, *_slides(x.shape, w.shape, strides, padding, dilation), groups, b, relu)


@op(shape=_biased_shape, reference=lambda x, w, b, **attrs: _looped(x, w, **attrs) + b,
    rectified=functools.partial(_biased, relu=True),
    vjp=[lambda g, _out, _x, w, _b, **attrs: conv_grad_x(g, w, shape=_x.shape, **attrs),
         lambda g, _out, x, _w, _b, **attrs: conv_grad_w(x, g, shape=_w.shape, **attrs),
         lambda g, _out, _x, _w, _b, **attrs: conv_grad_b(g)],
    samples=[*_biased_cases(), sample(real(0, 5, 5, 2), real(3, 3, 2, 2), real(2), **_PLANE),
             raises(ValueError, "one bias for each of 4 filters", real(1, 5, 5, 3), real(3, 3, 3, 4), real(3),
                    **_PLANE)])
def conv_bias(x, w, b, strides=(), padding="valid", dilation=(), groups=1):
    """A convolution plus a bias for each filter, in one pass over the result."""
    return _biased(x, w, b, strides, padding, dilation, groups)


def conv(x, w, strides=1, padding="valid", dilation=1, groups=1, bias=None):
    """Convolution (cross-correlation, as everywhere in the field) of ``x`` with the kernel ``w``.

    Arguments:
        x: (batch, *space, channels), with 1, 2, 3, ... spatial axes.
        w: (*window, channels / groups, filters).
        strides, dilation: an int or one for each spatial axis.
        padding: ``'valid'``, ``'same'`` (TensorFlow's rule), ``'causal'`` (one axis), or a ``(before, after)`` pair for
            each spatial axis.
        groups: channels and filters are cut into so many groups that do not see each other.
        bias: (filters,), added to every place; default none.

    Returns:
        (batch, *positions, filters).

    Raises:
        ValueError: for shapes that do not fit each other, and for other values of the arguments.

    >>> import tahr
    >>> tahr.ops.conv(tahr.ops.ones((1, 5, 5, 3)), tahr.ops.ones((3, 3, 3, 8)), padding="same").shape
    (1, 5, 5, 8)
    """
    ndim = w.ndim - 2
    attrs = {"strides": per_axis("strides", strides, ndim), "padding": check_padding(padding, ndim),
             "dilation": per_axis("dilation", dilation, ndim), "groups": groups}
    return _conv(x, w, **attrs) if bias is None else conv_bias(x, w, bias, **attrs)


def _depthwise(x, w, strides=1, padding="valid", dilation=1):
    """Channel by channel."""
    ndim = x.ndim - 2
    slide = per_axis("strides", strides, ndim), padding, per_axis("dilation", dilation, ndim)
    return np.concatenate([_looped(x[..., [c]], w[..., [c], :], *slide) for c in range(x.shape[-1])], axis=-1)


@function(reference=_depthwise,
          samples=[sample(real(2, 5, 6, 3), real(3, 2, 3, 2)), sample(real(1, 5, 5, 2), real(3, 3, 2, 1), 2, "same"),
                   sample(real(2, 9, 2), real(3, 2, 3), padding="causal", dilation=2),
                   raises(ValueError, "one kernel for each of 3 channels", real(1, 5, 5, 3), real(3, 3, 2, 1))])
def depthwise_conv(x, w, strides=1, padding="valid", dilation=1):
    """Convolution of each channel with filters of its own: ``w`` is (*window, channels, filters of each).

    The result has ``channels * filters`` channels, those of one input channel side by side; the other arguments are
    those of :func:`conv`.
    """
    *window, channels, filters = w.shape
    if x.shape[-1] != channels:
        raise ValueError(f"a depthwise convolution needs one kernel for each of {x.shape[-1]} channels, got kernels "
                         f"{w.shape} (*window, channels, filters) for an input {x.shape}")
    return conv(x, reshape(w, (*window, 1, channels * filters)), strides, padding, dilation, channels)


@function(reference=lambda x, w, pointwise, *args, **kwargs: _depthwise(x, w, *args, **kwargs) @ pointwise.reshape(
              pointwise.shape[-2:]),
          samples=[sample(real(2, 5, 6, 3), real(3, 2, 3, 2), real(1, 1, 6, 4)),
                   sample(real(2, 7, 2), real(3, 2, 1), real(1, 2, 3), strides=2, padding="same")])
def separable_conv(x, w, pointwise, strides=1, padding="valid", dilation=1):
    """:func:`depthwise_conv` with ``w``, whose channels ``pointwise`` (*ones, channels, filters) then mixes."""
    return conv(depthwise_conv(x, w, strides, padding, dilation), pointwise)


def _unfolded(x, window, strides=1, padding="valid", dilation=1):
    """By a convolution whose kernel is an identity matrix."""
    ndim = x.ndim - 2
    window = per_axis("window", window, ndim)
    rows = math.prod(window) * x.shape[-1]
    kernel = np.eye(rows).reshape(*window, x.shape[-1], rows)
    return _looped(x, kernel, per_axis("strides", strides, ndim), padding, per_axis("dilation", dilation, ndim))


@function(reference=_unfolded,
          samples=[sample(real(2, 5, 6, 3), (3, 2)), sample(real(1, 5, 5, 2), 3, 2, "same"),
                   sample(real(2, 9, 2), 3, strides=2, padding="causal", dilation=2),
                   sample(real(1, 3, 4, 2), 2, padding=((1, 2), (0, 1))), sample(real(1, 3, 4, 3, 1), 2),
                   raises(ValueError, "does not fit into 2", real(1, 2, 5, 2), 3),
                   raises(ValueError, "needs an input", real(2, 5), 3)])
def unfold(x, window, strides=1, padding="valid", dilation=1):
    """The windows that slide over ``x``, each flattened: im2col.

    ``x`` is (batch, *space, channels), the result (batch, *positions, elements), where the elements run over the
    window's axes and then the channels, as in a kernel of :func:`conv`. The other arguments are those of :func:`conv`.
    """
    ndim = x.ndim - 2
    if ndim < 1:
        raise ValueError(f"unfold needs an input (batch, *space, channels), got shape {x.shape}")
    window, strides = per_axis("window", window, ndim), per_axis("strides", strides, ndim)
    dilation, padding = per_axis("dilation", dilation, ndim), check_padding(padding, ndim)
    sizes, pads = window_sizes(x.shape[1:-1], window, strides, padding, dilation)
    x = pad_constant(x, ((0, 0), *pads, (0, 0)))
    for axis, (n, k, step, gap) in enumerate(zip(sizes, window, strides, dilation)):
        unknown = spec((n, k), "int64")
        places = unknown if n is None else np.arange(n)[:, None] * step + np.arange(k) * gap
        x = take(x, places, 2 * axis + 1)
    positions, offsets = range(1, 2 * ndim, 2), range(2, 2 * ndim + 1, 2)
    x = transpose(x, (0, *positions, *offsets, 2 * ndim + 1))
    return reshape(x, (*x.shape[:ndim + 1], shapes.size(x.shape[ndim + 1:])))


def conv_transpose(g, w, shape=None, strides=1, padding="valid", dilation=1, groups=1, output_padding=None):
    """The transpose of :func:`conv`: from its output back to its input.

    Arguments:
        g: (batch, *positions, filters): what :func:`conv` would return.
        w: (*window, channels / groups, filters): the kernel of that convolution.
        shape: of the result, (batch, *space, channels). Several give positions of one size; by default the smallest
            in which each window lies whole (with ``'same'``, the positions times the strides).
        strides, padding, dilation, groups: of that convolution.
        output_padding: elements to add at the end of each spatial axis, fewer than its stride: an int or one each.
            With it the size is ``(positions - 1) * stride + reach - padding + output_padding``, where the padding that
            ``'same'`` stands for is ``reach // 2`` on both sides.

    >>> import tahr
    >>> tahr.ops.conv_transpose(tahr.ops.ones((1, 4, 4, 8)), tahr.ops.ones((3, 3, 2, 8)), strides=2).shape
    (1, 9, 9, 2)
    """
    ndim = w.ndim - 2
    strides, dilation = per_axis("strides", strides, ndim), per_axis("dilation", dilation, ndim)
    padding = check_padding(padding, ndim)
    if shape is None:
        space = _transposed_sizes(g.shape[1:-1], w.shape[:-2], strides, padding, dilation, output_padding)
        shape = (g.shape[0], *space, w.shape[-2] * groups)
    elif output_padding is not None:
        raise ValueError(f"conv_transpose takes either a shape or an output_padding, got {shape} and {output_padding}")
    return conv_grad_x(g, w, tuple(shape), strides, padding, dilation, groups)


def _transposed_sizes(sizes, window, strides, padding, dilation, output_padding):
    """The spatial sizes of a transposed convolution: Keras's rules."""
    more = output_padding
    if not isinstance(more, tuple | list):
        more = (more,) * len(sizes)
    if len(more) != len(sizes) or any(m is not None and not 0 <= m < s for m, s in zip(more, strides)):
        raise ValueError(f"output_padding must be smaller than the strides {strides} and not negative, got "
                         f"{output_padding}")
    padding = (padding,) * len(sizes) if isinstance(padding, str) else padding
    return tuple(None if n is None else _transposed_size(n, (k - 1) * d + 1, s, p, m)
                 for n, k, s, p, d, m in zip(sizes, window, strides, padding, dilation, more))


def _transposed_size(n, reach, stride, padding, more):
    if more is None and padding in ("same", "causal"):
        return n * stride
    if more is None and padding == "valid":
        return n * stride + max(reach - stride, 0)
    pads = {"valid": 0, "same": 2 * (reach // 2), "causal": reach - 1}
    total = pads[padding] if isinstance(padding, str) else sum(padding)
    return (n - 1) * stride + reach - total + (more or 0)
