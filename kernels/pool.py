"""Pooling: the largest element, the sum or the mean of windows over the space of (batch, *space, channels).

One to three spatial axes are three, the first of size 1. Where windows lie is written into a table once (see
:class:`Windows`): a forward pass walks over the pixels of the output and looks into the window of each; a backward pass
walks over the pixels of the input and looks at the windows that hold each, so that every number is written once, by one
thread, whether windows overlap or not. Channels are vectors. A maximum keeps the number of the tap it came from, in 8
bits, or 32 where a window has more than 256 taps.
"""

import functools
import math

import numpy as np

from .jit import FLOAT32, contiguous, device, entry, kernel, table
from .memory import empty
from .panels import across
from .simd import at, instruction
from .threads import split

WORK = 1_000_000        # so many elements under windows are worth a thread: some 60 us
HEAD = 16               # of the table: three sizes of input, output and window, and where the six lists begin
OUT, IN = 3, 2          # numbers in the lists for each output (origin, start, stop) and input (first, end)


# Where windows lie

class Windows:
    """The windows over an image: how many, and what each covers.

    Attributes:
        sizes: of the output.
        taps: how many elements a window has.
        table: what kernels read: the head, then for each axis and output where its window begins (outside the image
            too), where it enters and where it leaves the image; and for each input the first output whose window holds
            it, and the first after those.
        shares: what a sum is multiplied with, a factor for each axis and output, one axis after the other, such that
            the product is 1 / (elements inside the image), 1 / (elements of the window), or 1.
    """

    def __init__(self, space, window, strides, pads):
        self.taps = math.prod(window)
        missing = 3 - len(space)        # axes of size 1 come before
        space, window = (1,) * missing + space, (1,) * missing + window
        axes = [_axis(*axis) for axis in zip(space, window, (1,) * missing + strides, ((0, 0),) * missing + pads)]
        sizes = [len(outputs) for outputs, _ in axes]
        self.sizes = tuple(sizes[max(missing, 0):])
        lists = [part.ravel() for axis in axes for part in axis]
        begins = HEAD + np.cumsum([0, *map(len, lists)])[:-1]
        self.table = np.concatenate([[*space, *sizes, *window, *begins, 0], *lists]).astype(np.int64)
        self._inside = [outputs[:, 2] - outputs[:, 1] for outputs, _ in axes]
        shares = {"inside": 1 / np.concatenate(self._inside), "window": np.repeat(1 / np.array(window), sizes),
                  "sum": np.ones(sum(sizes))}
        self.shares = {name: value.astype(np.float32) for name, value in shares.items()}

    def counts(self, inside):
        """By how much the sum of each window is divided, an array (*positions, 1) or the one number for all."""
        return math.prod(np.ix_(*self._inside[-len(self.sizes):]))[..., None] if inside else self.taps

    def grain(self, channels):
        """How many pixels are worth a thread."""
        return WORK // max(1, self.taps * channels) + 1


def _axis(n, k, stride, pad):
    origin = np.arange(max((n + sum(pad) - k) // stride + 1, 0)) * stride - pad[0]
    start, stop = np.maximum(origin, 0), np.minimum(origin + k, n)
    if np.any(start >= stop):
        raise ValueError(f"a window of {k} would lie in the padding {tuple(pad)} alone: pad by less than its size")
    inputs = np.arange(n)
    return (np.stack([origin, start, stop], 1),
            np.stack([np.searchsorted(stop, inputs, "right"), np.searchsorted(start, inputs, "right")], 1))


windows = functools.lru_cache(256)(Windows)


# Under one window, and around one pixel: all channels

def _numbers(code, number):
    """A vector of a tap's number."""
    return code.splat(code.builder.trunc(number, code.ir.IntType(32)))


def _masked_bytes(code, panel, what, pointer, kind, value=None):
    """LLVM's masked load or store of vectors of integers."""
    ir, mask = code.ir, panel.mask
    given = [pointer] if value is None else [value, pointer]
    rest = [mask, ir.Constant(kind, None)] if value is None else [mask]
    function = ir.FunctionType(kind if value is None else ir.VoidType(),
                               [*(v.type for v in given), ir.IntType(32), *(v.type for v in rest)])
    name = f"llvm.masked.{what}.v{code.lanes}i{kind.element.width}.p0"
    return code.builder.call(code._declared(name, function), [*given, ir.Constant(ir.IntType(32), 1), *rest])


def _index_places(code, panel, pointer):
    kind = code.vector_of(pointer.type.pointee)
    return kind, [code.builder.bitcast(code.at(pointer, j * code.lanes), kind.as_pointer()) for j in range(panel.width)]


def _store_index(code, panel, values, pointer):
    """Write tap numbers in as many bits as the array has."""
    kind, places = _index_places(code, panel, pointer)
    for value, place in zip(values, places):
        value = value if value.type == kind else code.builder.trunc(value, kind)
        if panel.mask is None:
            code.builder.store(value, place, align=1)
        else:
            _masked_bytes(code, panel, "store", place, kind, value)


def _load_index(code, panel, pointer):
    """Tap numbers, as vectors of 32 bits."""
    kind, places = _index_places(code, panel, pointer)
    found = [code.builder.load(place, align=1) if panel.mask is None
             else _masked_bytes(code, panel, "load", place, kind) for place in places]
    wide = code.vector_of(code.ir.IntType(32))
    return [value if value.type == wide else code.builder.zext(value, wide) for value in found]


@instruction("pppippi")
def largest(code, x, y, index, channels, offsets, numbers, taps):
    """The largest of ``x[offsets[t]]``, and of equals the first's ``numbers[t]``."""
    builder = code.builder

    def write(panel, c):
        image = code.at(x, c)
        best = [code.variable(value) for value in panel.load(image, code.get(offsets))]
        where = [code.variable(_numbers(code, code.get(numbers))) for _ in best]
        with code.loop(taps) as t:
            number = _numbers(code, code.get(numbers, t))
            for value, best_here, where_here in zip(panel.load(image, code.get(offsets, t)), best, where):
                old = code.read(best_here)
                larger = builder.and_(builder.fcmp_unordered(">", value, old),      # true also for a NaN ...
                                      builder.fcmp_ordered("ord", old, old))        # ... of which the first stays
                code.write(code.select(larger, value, old), best_here)
                code.write(code.select(larger, number, code.read(where_here)), where_here)
        panel.store(panel.read(best), y, c)
        _store_index(code, panel, panel.read(where), code.at(index, c))
    across(code, channels, write)


@instruction("ppfipi")
def added(code, x, y, share, channels, offsets, taps):
    """``share`` times the sum of ``x[offsets[t]]``, in sums of 64 of them first: of many, errors are smaller so."""
    builder = code.builder
    block = code.integer(64)

    def write(panel, c):
        image, sums = code.at(x, c), panel.sums()
        with code.loop(builder.sdiv(builder.add(taps, code.integer(63)), block)) as i:
            start, part = builder.mul(i, block), panel.sums()
            left = builder.sub(taps, start)
            with code.loop(builder.select(builder.icmp_signed("<", left, block), left, block)) as t:
                panel.add(panel.load(image, code.get(offsets, builder.add(start, t))), part)
            panel.add(panel.read(part), sums)
        factor = code.splat(share)
        panel.store([code.mul(value, factor) for value in panel.read(sums)], y, c)
    across(code, channels, write)


@instruction("pi")
def clear(code, dx, channels):
    """A pixel under no window: zeros."""
    across(code, channels, lambda panel, c: panel.store([code.constant(0)] * panel.width, dx, c))


def _one_window(code, dx, channels, first, contribution):
    """Write to a pixel what the first window sends it, ``contribution(panel, c, sums)``, or add it to what is there."""
    with code.branch(code.builder.icmp_signed("!=", first, code.integer(0))) as (then, otherwise):
        for place, start in (then, lambda panel, c: [code.constant(0)] * panel.width), (
                otherwise, lambda panel, c: panel.load(dx, c)):
            with place:
                across(code, channels, lambda panel, c, start=start: panel.store(
                    contribution(panel, c, start(panel, c)), dx, c))


@instruction("pppiii")
def routed(code, g, index, dx, channels, number, first):
    """The gradient of a window, for the channels whose largest element its tap ``number`` is."""
    number = _numbers(code, number)

    def contribution(panel, c, sums):
        mine = [code.builder.icmp_signed("==", number, one) for one in _load_index(code, panel, code.at(index, c))]
        return [code.add(old, code.select(mask, value, code.constant(0)))
                for old, mask, value in zip(sums, mine, panel.load(g, c))]
    _one_window(code, dx, channels, first, contribution)


@instruction("ppifi")
def shared(code, g, dx, channels, share, first):
    """The gradient of a window times its share."""
    share = code.splat(share)
    _one_window(code, dx, channels, first, lambda panel, c, sums: [
        code.fma(value, share, old) for value, old in zip(panel.load(g, c), sums)])


# Over all pixels

@device
def _list_taps(table, d_at, h_at, w_at, channels, offsets, numbers):
    """Write down where the taps of a window are that lie inside the image, from its pixel 0 on, and their numbers."""
    rows, columns = table[7], table[8]
    taps = 0
    for d in range(d_at[1], d_at[2]):
        for h in range(h_at[1], h_at[2]):
            for w in range(w_at[1], w_at[2]):
                offsets[taps] = ((d * table[1] + h) * table[2] + w) * channels
                numbers[taps] = ((d - d_at[0]) * rows + h - h_at[0]) * columns + w - w_at[0]
                taps += 1
    return taps


@device
def _max_forward(x, y, index, table, lists, channels, low, high):
    """The outputs ``low`` to ``high``, counted through the batch."""
    planes, rows, columns = table[3], table[4], table[5]
    image, most = table[0] * table[1] * table[2] * channels, table[6] * table[7] * table[8]
    offsets, numbers = lists, at(lists, most)
    done, taps, origin = low, 0, 0
    while done < high:
        line, w0 = done // columns, done % columns
        rest, h = line // rows, line % rows
        d_at, h_at = at(table, table[9] + OUT * (rest % planes)), at(table, table[11] + OUT * h)
        w1, taps = min(columns, w0 + high - done), 0
        for w in range(w0, w1):
            w_at, out = at(table, table[13] + OUT * w), (line * columns + w) * channels
            inside = w_at[2] - w_at[1] == table[8]
            if not inside or taps == 0:     # as far from the pixel as in the window before, unless it meets a border
                taps, origin = _list_taps(table, d_at, h_at, w_at, channels, offsets, numbers), w_at[1]
            start = rest // planes * image + (w_at[1] - origin) * channels
            largest(at(x, start), at(y, out), at(index, out), channels, offsets, numbers, taps)
            if not inside:
                taps = 0
        done += w1 - w0


@device
def _max_backward(g, index, dx, table, channels, low, high):
    """The inputs ``low`` to ``high``, counted through the batch."""
    depth, height, width, planes, rows, columns = table[0], table[1], table[2], table[3], table[4], table[5]
    tap_row = table[8]
    tap_plane = table[7] * tap_row
    d_list, h_list, w_list = at(table, table[9]), at(table, table[11]), at(table, table[13])
    w_spans = at(table, table[14])
    done = low
    while done < high:
        line, w0 = done // width, done % width
        rest, h = line // height, line % height
        d, n = rest % depth, rest // depth
        d_span, h_span = at(table, table[10] + IN * d), at(table, table[12] + IN * h)
        w1, first = min(width, w0 + high - done), 1
        for a in range(d_span[0], d_span[1]):
            for b in range(h_span[0], h_span[1]):
                number = (d - d_list[OUT * a]) * tap_plane + (h - h_list[OUT * b]) * tap_row
                outputs = ((n * planes + a) * rows + b) * columns
                for w in range(w0, w1):
                    pixel, fresh = at(dx, (line * width + w) * channels), first
                    for c in range(w_spans[IN * w], w_spans[IN * w + 1]):
                        here = (outputs + c) * channels
                        routed(at(g, here), at(index, here), pixel, channels, number + w - w_list[OUT * c], fresh)
                        fresh = 0
                    if fresh:
                        clear(pixel, channels)
                first = 0
        if first:
            clear(at(dx, (line * width + w0) * channels), (w1 - w0) * channels)
        done += w1 - w0


@kernel("*f *f *b *i *i i i i")
def max_pool_bytes(x, y, index, table, lists, channels, low, high):
    _max_forward(x, y, index, table, lists, channels, low, high)


@kernel("*f *f *j *i *i i i i")
def max_pool_words(x, y, index, table, lists, channels, low, high):
    _max_forward(x, y, index, table, lists, channels, low, high)


@kernel("*f *b *f *i i i i")
def max_pool_bytes_back(g, index, dx, table, channels, low, high):
    _max_backward(g, index, dx, table, channels, low, high)


@kernel("*f *j *f *i i i i")
def max_pool_words_back(g, index, dx, table, channels, low, high):
    _max_backward(g, index, dx, table, channels, low, high)


@kernel("*f *f *f *i *i i i i")
def add_up(x, y, shares, table, lists, channels, low, high):
    """The outputs ``low`` to ``high``, counted through the batch."""
    planes, rows, columns = table[3], table[4], table[5]
    image, most = table[0] * table[1] * table[2] * channels, table[6] * table[7] * table[8]
    done, taps, origin = low, 0, 0
    while done < high:
        line, w0 = done // columns, done % columns
        rest, h = line // rows, line % rows
        d = rest % planes
        d_at, h_at = at(table, table[9] + OUT * d), at(table, table[11] + OUT * h)
        share, w_shares = shares[d] * shares[planes + h], at(shares, planes + rows)
        w1, taps = min(columns, w0 + high - done), 0
        for w in range(w0, w1):
            w_at = at(table, table[13] + OUT * w)
            inside = w_at[2] - w_at[1] == table[8]
            if not inside or taps == 0:
                taps, origin = _list_taps(table, d_at, h_at, w_at, channels, lists, at(lists, most)), w_at[1]
            added(at(x, rest // planes * image + (w_at[1] - origin) * channels),
                  at(y, (line * columns + w) * channels), share * w_shares[w], channels, lists, taps)
            if not inside:
                taps = 0
        done += w1 - w0


@kernel("*f *f *f *i i i i")
def add_up_back(g, dx, shares, table, channels, low, high):
    """The inputs ``low`` to ``high``, counted through the batch."""
    depth, height, width, planes, rows, columns = table[0], table[1], table[2], table[3], table[4], table[5]
    w_shares, w_spans = at(shares, planes + rows), at(table, table[14])
    done = low
    while done < high:
        line, w0 = done // width, done % width
        rest, h = line // height, line % height
        d, n = rest % depth, rest // depth
        d_span, h_span = at(table, table[10] + IN * d), at(table, table[12] + IN * h)
        w1, first = min(width, w0 + high - done), 1
        for a in range(d_span[0], d_span[1]):
            for b in range(h_span[0], h_span[1]):
                outputs, share = ((n * planes + a) * rows + b) * columns, shares[a] * shares[planes + b]
                for w in range(w0, w1):
                    pixel, fresh = at(dx, (line * width + w) * channels), first
                    for c in range(w_spans[IN * w], w_spans[IN * w + 1]):
                        shared(at(g, (outputs + c) * channels), pixel, channels, share * w_shares[c], fresh)
                        fresh = 0
                    if fresh:
                        clear(pixel, channels)
                first = 0
        if first:
            clear(at(dx, (line * width + w0) * channels), (w1 - w0) * channels)
        done += w1 - w0


# What the rest of the package calls

def _padded(x, pads):
    return np.pad(x, ((0, 0), *pads, (0, 0)))


def _taps(x, sizes, window, strides):
    """For each tap of the window its number, and the view of the padded ``x`` that it meets over all outputs."""
    for number, place in enumerate(np.ndindex(*window)):
        view = x[(slice(None), *(slice(p, None, s) for p, s in zip(place, strides)))]
        yield number, view[(slice(None), *map(slice, sizes))]


def _unpadded(x, space, pads):
    return x[(slice(None), *(slice(a, a + n) for n, (a, _) in zip(space, pads)))]


def _index_type(where):
    return np.uint8 if where.taps <= 256 else np.int32


def _max_reference(x, window, strides, pads):
    where = windows(x.shape[1:-1], window, strides, pads)
    best = np.zeros((x.shape[0], *where.sizes, x.shape[-1]), x.dtype)
    index, found = np.zeros(best.shape, _index_type(where)), np.zeros((1, *where.sizes, 1), bool)
    inside = _padded(np.ones((1, *x.shape[1:-1], 1), bool), pads)
    for (number, here), (_, is_inside) in zip(_taps(_padded(x, pads), where.sizes, window, strides),
                                              _taps(inside, where.sizes, window, strides)):
        better = is_inside & (~found | (here > best) | (here != here) & (best == best))     # a NaN is not itself
        best, index = np.where(better, here, best), np.where(better, index.dtype.type(number), index)
        found = found | is_inside
    return best, index


@entry(_max_reference)
def max_pool(x, window, strides, pads):
    """The largest element of each window, and where it was.

    Arguments:
        x: (batch, *space, channels), with one to three axes of space (the reference takes more).
        window, strides: a tuple of integers, one for each axis of space.
        pads: a tuple of (before, after), one for each axis; what lies there is never the largest.

    Returns:
        ``(y, index)``, both (batch, *positions, channels). ``index`` is the number of the tap in its window, whose last
        axis runs fastest, as uint8 (int32 if a window has more than 256 taps). Of equals the first counts; a NaN is
        larger than any number.
    """
    if x.dtype is not FLOAT32 or len(window) > 3:
        return _max_reference(x, window, strides, pads)
    where = windows(x.shape[1:-1], window, strides, pads)
    x, = contiguous(x)
    y = empty((x.shape[0], *where.sizes, x.shape[-1]))
    index = empty(y.shape, _index_type(where))
    run, channels = max_pool_bytes if where.taps <= 256 else max_pool_words, x.shape[-1]
    split(y.size // max(1, channels), lambda _, low, high: run(
        x, y, index, where.table, table(2 * where.taps), channels, low, high), where.grain(channels))
    return y, index


def _max_grad_reference(g, index, shape, window, strides, pads):
    where = windows(shape[1:-1], window, strides, pads)
    dx = _padded(np.zeros(shape, g.dtype), pads)
    for number, here in _taps(dx, where.sizes, window, strides):
        here += np.where(index == number, g, 0)
    return _unpadded(dx, shape[1:-1], pads)


@entry(_max_grad_reference)
def max_pool_grad_x(g, index, shape, window, strides, pads):
    """The gradient of :func:`max_pool` for an ``x`` of ``shape``: each ``g`` goes where its ``index`` says."""
    if g.dtype is not FLOAT32 or len(window) > 3:
        return _max_grad_reference(g, index, shape, window, strides, pads)
    where = windows(shape[1:-1], window, strides, pads)
    g, index = contiguous(g, index.astype(_index_type(where), copy=False))
    dx = empty(shape)
    run, channels = max_pool_bytes_back if where.taps <= 256 else max_pool_words_back, shape[-1]
    split(dx.size // max(1, channels), lambda _, low, high: run(g, index, dx, where.table, channels, low, high),
          where.grain(channels))
    return dx


def max_pool_pick(x, index, window, strides, pads):
    """What lies in ``x`` where ``index`` says: the transpose of :func:`max_pool_grad_x`, rare enough for NumPy."""
    where = windows(x.shape[1:-1], window, strides, pads)
    y = np.zeros(index.shape, x.dtype)
    for number, here in _taps(_padded(x, pads), where.sizes, window, strides):
        y = np.where(index == number, here, y)
    return y


def _sum_reference(x, window, strides, pads):
    where = windows(x.shape[1:-1], window, strides, pads)
    y = np.zeros((x.shape[0], *where.sizes, x.shape[-1]), np.add.reduce(x[:0]).dtype)
    for _, here in _taps(_padded(x, pads), where.sizes, window, strides):
        y += here
    return y


@entry(_sum_reference)
def sum_pool(x, window, strides, pads):
    """The sum of each window; arguments as for :func:`max_pool`, padding counts as 0."""
    if x.dtype is not FLOAT32 or len(window) > 3:
        return _sum_reference(x, window, strides, pads)
    return _add_up(x, windows(x.shape[1:-1], window, strides, pads), "sum")


def _sum_grad_reference(g, shape, window, strides, pads):
    where = windows(shape[1:-1], window, strides, pads)
    dx = _padded(np.zeros(shape, g.dtype), pads)
    for _, here in _taps(dx, where.sizes, window, strides):
        here += g
    return _unpadded(dx, shape[1:-1], pads)


@entry(_sum_grad_reference)
def sum_pool_grad_x(g, shape, window, strides, pads):
    """The gradient of :func:`sum_pool` for an ``x`` of ``shape``."""
    if g.dtype is not FLOAT32 or len(window) > 3:
        return _sum_grad_reference(g, shape, window, strides, pads)
    return _add_up_back(g, shape, windows(shape[1:-1], window, strides, pads), "sum")


def _mean_reference(x, window, strides, pads, count_inside=True):
    where = windows(x.shape[1:-1], window, strides, pads)
    y = _sum_reference(x, window, strides, pads)
    return np.divide(y, where.counts(count_inside), dtype=y.dtype if y.dtype.kind == "f" else None)


@entry(_mean_reference)
def mean_pool(x, window, strides, pads, count_inside=True):
    """The mean of each window; arguments as for :func:`max_pool`.

    The sum is divided by the number of elements inside the image, or, without ``count_inside``, by the window's size.
    """
    if x.dtype is not FLOAT32 or len(window) > 3:
        return _mean_reference(x, window, strides, pads, count_inside)
    return _add_up(x, windows(x.shape[1:-1], window, strides, pads), "inside" if count_inside else "window")


def _mean_grad_reference(g, shape, window, strides, pads, count_inside=True):
    counts = windows(shape[1:-1], window, strides, pads).counts(count_inside)
    return _sum_grad_reference(np.divide(g, counts, dtype=g.dtype), shape, window, strides, pads)


@entry(_mean_grad_reference)
def mean_pool_grad_x(g, shape, window, strides, pads, count_inside=True):
    """The gradient of :func:`mean_pool` for an ``x`` of ``shape``."""
    if g.dtype is not FLOAT32 or len(window) > 3:
        return _mean_grad_reference(g, shape, window, strides, pads, count_inside)
    return _add_up_back(g, shape, windows(shape[1:-1], window, strides, pads), "inside" if count_inside else "window")


def _add_up(x, where, share):
    x, = contiguous(x)
    y, channels = empty((x.shape[0], *where.sizes, x.shape[-1])), x.shape[-1]
    split(y.size // max(1, channels), lambda _, low, high: add_up(
        x, y, where.shares[share], where.table, table(2 * where.taps), channels, low, high), where.grain(channels))
    return y


def _add_up_back(g, shape, where, share):
    g, = contiguous(g)
    dx, channels = empty(shape), shape[-1]
    split(dx.size // max(1, channels),
          lambda _, low, high: add_up_back(g, dx, where.shares[share], where.table, channels, low, high),
          where.grain(channels))
    return dx
