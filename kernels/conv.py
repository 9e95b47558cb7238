"""Convolution over one, two or three spatial axes, direct or by Winograd's algorithm, and its gradients.

Inputs are (batch, *space, channels), kernels (*window, channels / groups, filters). ``strides`` and ``dilation`` have a
number for each spatial axis, ``pads`` a pair (before, after).
"""

import functools
import itertools
import math

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..utils import settings
from . import conv_plans, winograd
from .correlate import CHANNELS, WIDTH, column_sums, correlate, correlate_weights, pack_weights
from .gemm import FLOP, matmul
from .jit import FLOAT32, NOTHING, aligned, contiguous, entry, table, workspace
from .memory import empty
from .simd import LANES
from .threads import PARTS, parts, split
from .tiles import PANEL

REPEATED = 8            # with up to so many filters a channel, a depthwise convolution repeats its channels
COPIED = 200_000        # numbers whose copying is worth a thread
SMALL = 4096            # numbers that NumPy adds up sooner
PRIVATE = 1 << 22       # elements that the parts' private gradients of the weights may take together: 16 MB


# References

def taps(window, sizes, strides, dilation):
    """Each place in the window, and the slices of the padded input that it meets over all outputs."""
    for place in itertools.product(*map(range, window)):
        yield place, tuple(slice(p * d, p * d + (n - 1) * s + 1, s)
                           for p, d, n, s in zip(place, dilation, sizes, strides))


def _sizes(space, window, strides, pads, dilation):
    return tuple((n + a + b - (k - 1) * d - 1) // s + 1
                 for n, k, s, (a, b), d in zip(space, window, strides, pads, dilation))


def _padded(x, pads):
    return np.pad(x, ((0, 0), *pads, (0, 0))) if any(map(any, pads)) else x


def _cropped(x, pads):
    return x[(slice(None), *(slice(a, n - b) for n, (a, b) in zip(x.shape[1:-1], pads)))]


def _rows(x):
    """An array as a matrix, all axes but the last merged."""
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def _product(x, matrix):
    """``x @ matrix`` as one product: NumPy would go through the leading axes one small matrix at a time."""
    return (_rows(x) @ matrix).reshape(*x.shape[:-1], matrix.shape[1])


def _groups(channels, filters, groups):
    """The channel and filter slices of each group."""
    c, f = channels // groups, filters // groups
    return [(slice(i * c, (i + 1) * c), slice(i * f, (i + 1) * f)) for i in range(groups)]


def _conv_reference(x, w, strides, pads, dilation, groups, bias=None, relu=False):
    sizes = _sizes(x.shape[1:-1], w.shape[:-2], strides, pads, dilation)
    x = _padded(x, pads)
    out = np.zeros((len(x), *sizes, w.shape[-1]), np.result_type(x, w))
    if groups == 1 and dilation[-1] == 1:       # a line of the window at a time: 10 times faster for one channel
        for place, lines in _window_lines(x, w.shape[:-2], sizes, strides, dilation):
            out += _product(lines, _rows(w[place]))
    else:
        for place, view in taps(w.shape[:-2], sizes, strides, dilation):
            seen = x[(slice(None), *view)]
            for c, f in _groups(x.shape[-1], w.shape[-1], groups):
                out[..., f] += _product(seen[..., c], w[place][:, f])
    out = out if bias is None else out + bias
    return np.maximum(out, 0) if relu else out


def _window_lines(x, window, sizes, strides, dilation):
    """As :func:`taps`, a line of the window at a time: ``place, (batch, *sizes, window[-1] * channels)``.

    What lies under a line of the window, with its channels, is one piece of memory if the line is not dilated.
    """
    x = np.ascontiguousarray(x)
    for place, view in taps(window[:-1], sizes[:-1], strides[:-1], dilation[:-1]):
        seen = x[(slice(None), *view)]
        shape = (*seen.shape[:-2], sizes[-1], window[-1] * x.shape[-1])
        yield place, as_strided(seen, shape, (*seen.strides[:-2], strides[-1] * seen.strides[-2], seen.strides[-1]),
                                writeable=False)


def _conv_grad_x_reference(g, w, shape, strides, pads, dilation, groups):
    sizes = g.shape[1:-1]
    out = np.zeros((shape[0], *(n + a + b for n, (a, b) in zip(shape[1:-1], pads)), shape[-1]), np.result_type(g, w))
    for place, view in taps(w.shape[:-2], sizes, strides, dilation):
        seen = out[(slice(None), *view)]
        for c, f in _groups(shape[-1], w.shape[-1], groups):
            seen[..., c] += _product(g[..., f], w[place][:, f].T)
    return _cropped(out, pads)


def _conv_grad_w_reference(x, g, shape, strides, pads, dilation, groups):
    x = _padded(x, pads)
    out = np.zeros(shape, np.result_type(x, g))
    for place, view in taps(shape[:-2], g.shape[1:-1], strides, dilation):
        seen = x[(slice(None), *view)]
        for c, f in _groups(x.shape[-1], shape[-1], groups):
            out[place][:, f] = _rows(seen[..., c]).T @ _rows(g[..., f])
    return out


# Entries

def _packed(plan, w, group_step, panel_step, transposed):
    """The weights in the order in which the plan's correlation reads them."""
    own, width = int(plan.numbers[CHANNELS]), int(plan.numbers[WIDTH])
    one = own * width * len(plan.weights)
    out = aligned(plan.panels * one)

    def run(_part, low, high):
        pack_weights(w, out, plan.numbers, plan.weights, low, high, w.shape[-1], group_step, panel_step, transposed)
    split(plan.panels, run, max(1, COPIED // max(one, 1)))
    return out


def _correlate(plans, x, weights, out, bias=None, relu=False):
    """Run the plans, which together make ``out``, over their boxes side by side."""
    boxes, panels = max(p.boxes for p in plans), plans[0].panels
    work = sum(p.work for p in plans)
    strips = min(panels, max(1, min(PARTS, work // FLOP) // boxes))      # of columns, where boxes are few
    integers, floats = max(p.integers for p in plans), max(p.floats for p in plans)
    start, bias = (1, NOTHING) if bias is None else (2, bias)

    def run(_part, low, high):
        memory, numbers = workspace(floats), table(integers)
        pieces = [(low, high, 0)]
        if strips > 1:
            pieces = [(i // strips, i // strips + 1, i % strips) for i in range(low, high)]
        for begin, end, strip in pieces:
            for plan, w in zip(plans, weights):
                correlate(x, w, bias, out, memory, numbers, plan.numbers, plan.runs,
                          plan.boxes * begin // boxes, plan.boxes * end // boxes,
                          panels * strip // strips, panels * (strip + 1) // strips, start, relu)
    total = boxes * strips
    split(total, run, max(1, total * FLOP // work))
    return out


def _is_product(w, strides, pads, groups):
    """Whether the convolution is a matrix product of all places with the one tap."""
    return groups == 1 and set(w[:-2]) == set(strides) == {1} and not any(map(any, pads))


def _lanewise(w, groups):
    """How many filters each channel has, where channels go into the lanes; 0 where they do not."""
    filters = w[-1] // groups
    return filters if groups > 1 and w[-2] == 1 and filters <= REPEATED else 0


def _unusual(*arrays):
    """Whether this is work for the reference: more axes than three, other types, nothing at all."""
    return any(a.dtype != FLOAT32 or a.ndim > 5 or a.size == 0 for a in arrays)


@entry(_conv_reference)
def conv(x, w, strides, pads, dilation, groups, bias=None, relu=False):
    """The convolution of ``x`` (batch, *space, channels) with ``w`` (*window, channels / groups, filters).

    Arguments:
        strides, dilation: a number for each spatial axis.
        pads: a pair (before, after) for each spatial axis.
        groups: channels and filters are cut into so many groups that do not see each other.
        bias: (filters,), added to every place.
        relu: negative results become 0.
    """
    bias = bias if bias is None else np.ascontiguousarray(bias)
    if _unusual(x, w) or bias is not None and bias.dtype != FLOAT32:
        return _conv_reference(x, w, strides, pads, dilation, groups, bias, relu)
    if settings.winograd() and winograd.suits(x.shape, w.shape, strides, pads, dilation, groups):
        return winograd.winograd(x, w, pads, bias, relu)
    x, w = contiguous(x, w)
    if _is_product(w.shape, strides, pads, groups):
        return matmul(x, w.reshape(w.shape[-2:]), False, False, bias, relu)
    repeats = _lanewise(w.shape, groups)
    if repeats > 1:
        x, groups = np.repeat(x, repeats, -1), w.shape[-1]
    plan, shape = conv_plans.forward(x.shape, w.shape, strides, pads, dilation, groups, repeats > 0)
    packed = _packed(plan, w, LANES.value() if repeats else w.shape[-1] // groups, PANEL.value(), 0)
    return _correlate([plan], x, [packed], empty(shape), bias, relu)


@entry(_conv_grad_x_reference)
def conv_grad_x(g, w, shape, strides, pads, dilation, groups):
    """The gradient of a convolution with respect to its input of ``shape``: also the transposed convolution."""
    if _unusual(g, w) or 0 in shape:
        return _conv_grad_x_reference(g, w, shape, strides, pads, dilation, groups)
    if settings.winograd() and winograd.suits(shape, w.shape, strides, pads, dilation, groups):
        return winograd.winograd_grad_x(g, w, shape, pads)
    g, w = contiguous(g, w)
    if _is_product(w.shape, strides, pads, groups):
        return matmul(g, w.reshape(w.shape[-2:]), False, True)
    repeats = _lanewise(w.shape, groups)
    if repeats > 1:
        each = conv_grad_x(g, w, (*shape[:-1], w.shape[-1]), strides, pads, dilation, w.shape[-1])
        return functools.reduce(np.add, [each[..., i::repeats] for i in range(repeats)])    # 10 times faster than sum
    plans, holes = conv_plans.backward(shape, w.shape, strides, pads, dilation, groups, repeats > 0)
    out = empty(shape)
    if holes:
        split(shape[0], lambda _part, low, high: out[low:high].fill(0), max(1, COPIED // math.prod(shape[1:])))
    if repeats:
        weights = [_packed(p, w, LANES.value(), 0, 0) for p in plans]
    else:
        weights = [_packed(p, w, w.shape[-1] // groups, PANEL.value() * w.shape[-1], 1) for p in plans]
    return _correlate(plans, g, weights, out) if plans else out


@entry(_conv_grad_w_reference)
def conv_grad_w(x, g, shape, strides, pads, dilation, groups):
    """The gradient of a convolution with respect to its weights of ``shape``."""
    if _unusual(x, g) or 0 in shape:
        return _conv_grad_w_reference(x, g, shape, strides, pads, dilation, groups)
    if settings.winograd() and winograd.suits(x.shape, shape, strides, pads, dilation, groups):
        return winograd.winograd_grad_w(x, g, pads)
    x, g = contiguous(x, g)
    if _is_product(shape, strides, pads, groups):
        return matmul(x.reshape(-1, shape[-2]), g.reshape(-1, shape[-1]), True).reshape(shape)
    repeats = _lanewise(shape, groups)
    if repeats > 1:
        x, groups = np.repeat(x, repeats, -1), shape[-1]
    plan = conv_plans.of_weights(x.shape, shape, strides, pads, dilation, groups, repeats > 0)
    wanted = max(1, min(PARTS, plan.work // FLOP))
    copies = max(1, min(wanted, plan.boxes, PRIVATE // math.prod(shape)))
    strips = min(plan.panels, max(1, wanted // copies))       # of columns, where there cannot be so many copies
    dw = empty((copies, *shape))

    def run(_part, low, high):
        memory, numbers = workspace(plan.floats), table(plan.integers)
        for copy, strip in (divmod(i, strips) for i in range(low, high)):
            correlate_weights(x, g, dw[copy], memory, numbers, plan.numbers, plan.elements,
                              plan.boxes * copy // copies, plan.boxes * (copy + 1) // copies,
                              plan.panels * strip // strips, plan.panels * (strip + 1) // strips)
    split(copies * strips, run)
    return dw.sum(0) if copies > 1 else dw[0]


def _conv_grad_b_reference(g):
    return _rows(g).sum(0)


@entry(_conv_grad_b_reference)
def conv_grad_b(g):
    """The gradient of a convolution with respect to its bias: the sum over all places."""
    if g.dtype != FLOAT32 or g.size < SMALL:
        return _conv_grad_b_reference(g)
    g, = contiguous(g)
    columns = g.shape[-1]
    rows, grain = g.size // columns, COPIED // columns + 1
    sums = empty((parts(rows, grain), columns))

    def run(part, low, high):
        column_sums(g, sums[part], workspace(columns), low, high, columns)
    split(rows, run, grain)
    return sums.sum(0)
