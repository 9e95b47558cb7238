"""Plans of convolutions: which taps meet which outputs, in which order and how much at a time.

Everything is a correlation of a *source* image with packed weights: forward, of x; for the gradient of the input, of g
with the window turned round. With a stride the latter falls apart into phases, one for each place of an element between
two steps, each of which meets its own taps: nothing is multiplied with inserted zeros. The gradient of the weights is
the transposed product, of the forward plan.
"""

import functools
import itertools
import math
from typing import NamedTuple

import numpy as np

from . import correlate as places
from .simd import LANES
from .threads import PARTS
from .tiles import NARROW, PANEL

SOURCE = 48 * 1024          # elements of the source that a box may see, 192 KB: they stay in the second cache
SEEN = 8 * 1024             # the same for the gradient of the weights, which goes over them many times: the first cache
BOX, BOX_MOST = 96, 512     # outputs that a box has at least and at most, if there are so many
BOX_FLOP = 2_000_000        # and work: 10 us
DEPTH = 256                 # products that are summed one after the other: sums of sums round less
TOUCH = 20                  # multiplications that take as long as reading or writing a number


class Axis(NamedTuple):
    """One axis of a correlation: output ``i`` sees the source at ``i * stride - before + offset`` under each tap.

    ``offsets`` rise from 0, ``taps`` are their indices in the window. Outputs are written at ``first + i * step`` of
    ``span`` places.
    """
    outputs: int
    size: int
    stride: int = 1
    before: int = 0
    offsets: tuple = (0,)
    taps: tuple = (0,)
    first: int = 0
    step: int = 1
    span: int = 0


class Plan(NamedTuple):
    """A correlation as kernels want it, and what is needed to share out its work."""
    numbers: np.ndarray     # see correlate.py
    runs: np.ndarray        # where they begin in what a box sees; then where in the packed weights
    weights: np.ndarray     # where those of each tap begin, in the order of the runs
    elements: np.ndarray    # where each tap's channels lie in what a box sees; then where their gradients do
    boxes: int
    panels: int             # of columns, of all groups
    integers: int           # of scratch memory
    floats: int
    work: int               # in multiplications and additions, memory counted in


@functools.lru_cache(512)
def forward(x, w, strides, pads, dilation, groups, lanewise):
    """The plan of a convolution of shapes ``x`` and ``w``, and the shape of its result."""
    axes = _axes(x[0], _forward_axis, x[1:-1], w[:-2], strides, pads, dilation)
    outputs = [a.outputs for a in axes]
    flop = 2 * math.prod(outputs) * math.prod(w)
    room = _room(axes, SOURCE // (x[-1] * math.prod(strides)), flop)
    return _plan(axes, w, x[-1], w[-1], groups, lanewise, room), (x[0], *outputs[6 - len(x):], w[-1])


@functools.lru_cache(512)
def backward(x, w, strides, pads, dilation, groups, lanewise):
    """The plans of the gradient of the input, one for each phase of the strides, and whether a phase meets no taps."""
    batch, *each = _axes(x[0], lambda *along: list(_phases(*along)), x[1:-1], w[:-2], strides, pads, dilation)
    plans, phases = [], list(itertools.product([batch], *each))
    for axes in phases:
        if all(a.taps for a in axes):
            flop = 2 * math.prod(a.outputs * len(a.taps) for a in axes) * math.prod(w[-2:])
            plans.append(_plan(axes, w, w[-1], x[-1], groups, lanewise, _room(axes, SOURCE // w[-1], flop)))
    return plans, len(plans) < len(phases)


@functools.lru_cache(512)
def of_weights(x, w, strides, pads, dilation, groups, lanewise):
    """The plan of the gradient of the weights."""
    axes = _axes(x[0], _forward_axis, x[1:-1], w[:-2], strides, pads, dilation)
    seen = x[-1] * math.prod(strides)
    room = SOURCE // seen if lanewise else SEEN // (seen + PANEL.value())
    return _plan(axes, w, x[-1], w[-1], groups, lanewise, max(min(room, BOX_MOST), BOX))


# Axes

def _axes(batch, along, space, window, strides, pads, dilation):
    """The batch axis and the result of ``along`` for three spatial axes, of which the missing lead, with size 1."""
    given = list(zip(space, window, strides, pads, dilation))
    given = [(1, 1, 1, (0, 0), 1)] * (3 - len(given)) + given
    return [Axis(batch, batch, span=batch), *(along(*values) for values in given)]


def _forward_axis(size, window, stride, pads, dilation):
    outputs = (size + sum(pads) - (window - 1) * dilation - 1) // stride + 1
    return Axis(outputs, size, stride, pads[0], tuple(range(0, window * dilation, dilation)), tuple(range(window)),
                span=outputs)


def _phases(size, window, stride, pads, dilation):
    """The axes of the gradient of the input, one for each phase of the stride.

    Forward, element ``i`` meets tap ``t`` in output ``(i + before - t * dilation) / stride``, where that is whole: for
    elements of one phase, ``(i + before) % stride``, these are the same taps, at the same distances.
    """
    outputs, before = _forward_axis(size, window, stride, pads, dilation).outputs, pads[0]
    for phase in range(stride):
        met = sorted(((phase - t * dilation) // stride, t) for t in range(window)
                     if (phase - t * dilation) % stride == 0)
        lowest = met[0][0] if met else 0
        steps = -((phase - before) // stride)       # to the first element of this phase, counted from -before
        first = phase - before + steps * stride
        if first < size:
            yield Axis(-((first - size) // stride), outputs, 1, -steps - lowest, tuple(m - lowest for m, _ in met),
                       tuple(t for _, t in met), first, stride, size)


# Boxes

def _room(axes, seen, flop):
    """Outputs of a box: what it sees should stay in the cache, but there should be boxes for all threads."""
    total = math.prod(a.outputs for a in axes)
    return max(min(seen, BOX_MOST, max(total // PARTS, total * BOX_FLOP // flop)), BOX)


def _cuts(outputs, room):
    """In how many pieces to cut each axis, so that boxes have at most ``room`` outputs: whole inner axes, one cut."""
    cuts = []
    for n in reversed(outputs):
        pieces = -(-n // room)
        cuts.append(pieces)
        room = max(room // n, 1) if pieces == 1 else 1
    return cuts[::-1]


# Plans

def _plan(axes, w, channels, columns, groups, lanewise, room):
    """The plan of a correlation of a source of ``channels`` to ``columns`` filters, in boxes of ``room`` outputs."""
    own = 1 if lanewise else channels // groups
    together = 1 if lanewise else _together(own, columns // groups)
    width = LANES.value() // together if lanewise or together > 1 else PANEL.value()
    group_columns = width if lanewise else columns // groups
    panels = -(-group_columns // width)
    outputs, sizes = [a.outputs for a in axes], [a.size for a in axes]
    cuts = _cuts(outputs, room)
    most = [-(-n // c) for n, c in zip(outputs, cuts)]      # outputs of the largest box
    reach = [a.offsets[-1] + 1 for a in axes]
    border = any(a.before > 0 or (a.outputs - 1) * a.stride - a.before + r > a.size for a, r in zip(axes, reach))
    extent = [(m - 1) * a.stride + r for m, a, r in zip(most, axes, reach)] if border else sizes
    seen_step, c_step = _steps(extent, channels), _steps([a.span for a in axes], columns)
    buffer = extent[0] * seen_step[0] if border else 0
    taps, runs, length, step = _runs(axes, seen_step, own, together, lanewise, groups)
    elements = [t + c for t in taps for c in range(own)]
    depth = len(elements) // together       # of the sum for each output
    numbers = _numbers({
        places.OUT: outputs, places.CUTS: cuts, places.SIZE: sizes, places.STRIDE: [a.stride for a in axes],
        places.BEFORE: [a.before for a in axes], places.REACH: reach, places.SOURCE_STEP: _steps(sizes, channels),
        places.SEEN_STEP: seen_step, places.A_STEP: [a.stride * s for a, s in zip(axes, seen_step)],
        places.C_STEP: [a.step * s for a, s in zip(axes, c_step)], places.LANEWISE: lanewise,
        places.TOGETHER: together, places.GROUP_COLUMNS: group_columns, places.GROUP_STEP: width if lanewise else own,
        places.PANELS: panels, places.COLUMNS: columns, places.WIDTH: width, places.CHANNELS: own,
        places.TAPS: len(taps), places.ELEMENTS: len(elements), places.RUNS: len(runs), places.LENGTH: length,
        places.STEP: step, places.C_BASE: sum(a.first * s for a, s in zip(axes, c_step)), places.BORDER: border,
        places.BUFFER: buffer, places.MOST: math.prod(most), places.SUMS: min(len(runs), -(-depth // DEPTH))})
    packed = range(0, len(elements) * width, len(elements) * width // len(runs))
    again = lambda values: [*values, *values[-1:] * NARROW]         # the last tile repeats the last row
    rows = [i * columns for i in range(len(elements))]
    work = math.prod(outputs) * columns * (len(elements) + TOUCH) + math.prod(sizes) * channels * TOUCH
    return Plan(numbers, np.array([*runs, *packed], np.int64), _weights(axes, w),
                np.array(again(elements) + again(rows), np.int64), math.prod(cuts),
                -(-columns // width) if lanewise else groups * panels, 2 * math.prod(most) + 64,
                buffer + math.prod(most) * PANEL.value(), 2 * work)


def _together(own, columns):
    """How many elements of the source a step can take as one, where columns leave lanes free."""
    for count in (4, 2):
        if own % count == 0 and columns * count <= LANES.value():
            return count
    return 1


def _runs(axes, step, own, together, lanewise, groups):
    """Where the taps begin in what a box sees, where the runs do, of how many steps those are, and how long the steps.

    A line of the window is a single run if it is one piece of memory, or, where each tap is a single step, if its taps
    are equally far apart; but a long one is cut in equal pieces, which are summed apart.
    """
    lines = [d * step[1] + h * step[2] for d in axes[1].offsets for h in axes[2].offsets]
    line = [w * step[3] for w in axes[3].offsets]
    gaps = set(np.diff(line).tolist())
    taps = [a + b for a in lines for b in line]
    if own == together and len(gaps) == 1 and (lanewise or together > 1):
        return taps, lines, len(line), gaps.pop()
    whole = not lanewise and groups == 1 and gaps <= {step[3]}
    runs, length = (lines, len(line) * own // together) if whole else (taps, own // together)
    pieces = next(n for n in range(1, length + 1) if length % n == 0 and length // n <= DEPTH)
    length //= pieces
    return taps, [r + i * length * together for r in runs for i in range(pieces)], length, together


def _weights(axes, w):
    """Where the weights of each tap begin, in an array of shape ``w``."""
    window = (1,) * (5 - len(w)) + w[:-2]
    met = itertools.product(*(a.taps for a in axes[1:]))
    return np.array([np.ravel_multi_index(tap, window) * w[-2] * w[-1] for tap in met], np.int64)


def _steps(sizes, channels):
    """From one element to the next along each axis, in memory."""
    return [math.prod(sizes[i + 1:]) * channels for i in range(len(sizes))]


def _numbers(given):
    """The numbers at their places."""
    numbers = np.zeros(places.NUMBERS, np.int64)
    for place, value in given.items():
        numbers[place:place + np.size(value)] = value
    return numbers
