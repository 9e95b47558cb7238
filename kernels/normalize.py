"""Normalisation: to mean 0 and variance 1 over the batch, over features, or over groups of channels; forward and back.

A matrix has a row for each pixel or sample and a column for each channel or feature. Over the batch (and over groups
of channels of one image) rows are summed into columns: blocks of rows that fit into the first cache are gone through
twice, for their mean and then for the squares around it, and merged into what is known of the rows before (Chan, Golub
and LeVeque, 1979): one pass over memory, and no cancellation however far the mean is from 0. Over features each row is
summed by itself. Rows are cut into parts that depend on the shape alone, and parts are merged in order: results have
the same bits for any number of threads.
"""

import functools
import math

import numpy as np

from .jit import FLOAT32, contiguous, device, entry, kernel, workspace
from .memory import empty
from .panels import WIDE, across
from .simd import at, instruction
from .tickets import draw, parts_of, reached, share

BLOCK = 6144            # numbers in a block of rows: 24 KB, half of a usual first cache
SMALL = 500_000         # up to so many numbers the caller's thread does it all, in some 80 us
ONE, ZERO = np.float32(1), np.float32(0)
FIRST, DONE, MERGE, MERGED, SECOND = range(5)        # counters of tickets: parts drawn and done, ...


# Rows summed into columns

@instruction("piippffi")
def merge_moments(code, x, columns, rows, mean, square, inverse, weight, first):
    """Merge the mean and the sum of squared deviations of ``rows`` more rows into ``mean`` and ``square``.

    ``inverse`` is 1 / rows, ``weight`` is rows / (rows before and these); ``first`` if there are none before.
    """
    builder = code.builder
    inverse, weight, first = code.splat(inverse), code.splat(weight), builder.icmp_signed("!=", first, code.integer(0))
    count = builder.fdiv(code.constant(1), inverse)
    before = builder.fmul(count, builder.fsub(code.constant(1), weight))       # rows (rows before) / (all rows)

    def write(panel, c):
        sums, squares = panel.sums(), panel.sums()
        with code.loop(rows) as r:
            panel.add(panel.load(x, builder.add(builder.mul(r, columns), c)), sums)
        here = [code.mul(value, inverse) for value in panel.read(sums)]
        with code.loop(rows) as r:
            apart = map(code.sub, panel.load(x, builder.add(builder.mul(r, columns), c)), here)
            panel.write([code.fma(d, d, code.read(place)) for d, place in zip(apart, squares)], squares)
        merged, spread = [], []
        for now, old, add, old_square in zip(here, panel.load(mean, c), panel.read(squares), panel.load(square, c)):
            step = builder.select(first, code.constant(0), code.sub(now, old))
            merged.append(builder.select(first, now, code.fma(step, weight, old)))
            spread.append(code.add(builder.select(first, code.constant(0), old_square),
                                   code.fma(code.mul(step, step), before, add)))
        panel.store(merged, mean, c)
        panel.store(spread, square, c)
    across(code, columns, write)


@instruction("ppiippp")
def scale_rows(code, x, y, columns, rows, mean, factor, offset):
    """``y = (x - mean) * factor + offset``, these given for each column."""
    def write(panel, c):
        means, factors, offsets = (panel.load(p, c) for p in (mean, factor, offset))
        with code.loop(rows) as r:
            place = code.builder.add(code.builder.mul(r, columns), c)
            panel.store([code.fma(code.sub(value, m), f, o) for value, m, f, o
                         in zip(panel.load(x, place), means, factors, offsets)], y, place)
    across(code, columns, write)


@instruction("pppiipp")
def sum_rows(code, g, x, mean, columns, rows, total, product):
    """Add the sums of ``g`` and of ``g * (x - mean)`` over rows to ``total`` and ``product``."""
    def write(panel, c):
        totals, products, means = panel.sums(), panel.sums(), panel.load(mean, c)
        with code.loop(rows) as r:
            place = code.builder.add(code.builder.mul(r, columns), c)
            gs = panel.load(g, place)
            panel.add(gs, totals)
            panel.write([code.fma(one, code.sub(value, m), code.read(p)) for one, value, m, p
                         in zip(gs, panel.load(x, place), means, products)], products)
        for places, out in ((totals, total), (products, product)):
            panel.store([code.add(*pair) for pair in zip(panel.read(places), panel.load(out, c))], out, c)
    across(code, columns, write)


@instruction("pppiipppp")
def change_rows(code, g, x, dx, columns, rows, mean, slope, bend, shift):
    """``dx = slope * g + bend * (x - mean) + shift``, these given for each column."""
    def write(panel, c):
        means, slopes, bends, shifts = (panel.load(p, c) for p in (mean, slope, bend, shift))
        with code.loop(rows) as r:
            place = code.builder.add(code.builder.mul(r, columns), c)
            panel.store([code.fma(s, one, code.fma(b, code.sub(value, m), t)) for one, value, m, s, b, t
                         in zip(panel.load(g, place), panel.load(x, place), means, slopes, bends, shifts)], dx, place)
    across(code, columns, write)


@device
def _moments(x, columns, low, high, mean, square):
    """The mean and the sum of squared deviations of the rows ``low`` to ``high``."""
    step = max(1, BLOCK // columns)
    row = low
    while row < high:
        rows = min(step, high - row)
        merge_moments(at(x, row * columns), columns, rows, mean, square, ONE / np.float32(rows),
                      np.float32(rows) / np.float32(row - low + rows), 1 if row == low else 0)
        row += rows


@device
def _merge(mean, square, scale, factor, columns, parts, rows, epsilon):
    """Merge the parts into the first: mean, variance; and ``factor = scale / sqrt(variance + epsilon)``."""
    for part in range(1, parts):
        before, now = rows * part // parts, rows * (part + 1) // parts
        weight = np.float32(now - before) / np.float32(now)
        for c in range(columns):
            step = mean[part * columns + c] - mean[c]
            mean[c] += step * weight
            square[c] += square[part * columns + c] + step * step * weight * np.float32(before)
    for c in range(columns):
        square[c] = square[c] / np.float32(rows)
        factor[c] = scale[c] / np.sqrt(square[c] + epsilon)


@device
def _scale(x, y, mean, factor, offset, columns, low, high):
    step = max(4, BLOCK // 8 // columns)
    for row in range(low, high, step):
        scale_rows(at(x, row * columns), at(y, row * columns), columns, min(step, high - row), mean, factor, offset)


@device
def _rectify(y, low, high):
    for i in range(low, high):
        y[i] = ZERO if y[i] < ZERO else y[i]        # NaN stays


@kernel("*f *f *f *f *f *f *f *i i i i i f")
def batch_forward(x, y, scale, offset, mean, square, factor, tickets, columns, rows, parts, relu, epsilon):
    """Mean and variance of all rows, left in the first rows of ``mean`` and ``square``, then ``y``."""
    part = draw(tickets, FIRST)
    while part < parts:
        _moments(x, columns, rows * part // parts, rows * (part + 1) // parts, at(mean, part * columns),
                 at(square, part * columns))
        draw(tickets, DONE)
        part = draw(tickets, FIRST)
    if not reached(tickets, DONE, parts):
        return
    if draw(tickets, MERGE) == 0:
        _merge(mean, square, scale, factor, columns, parts, rows, epsilon)
        draw(tickets, MERGED)
    if not reached(tickets, MERGED, 1):
        return
    part = parts - 1 - draw(tickets, SECOND)        # backwards: what came last is still in the cache
    while part >= 0:
        low, high = rows * part // parts, rows * (part + 1) // parts
        _scale(x, y, mean, factor, offset, columns, low, high)
        if relu:        # what was written last is in the second cache
            _rectify(y, low * columns, high * columns)
        part = parts - 1 - draw(tickets, SECOND)


@kernel("*f *f *f *f *f *i i i i")
def scaled(x, y, mean, factor, offset, tickets, columns, rows, parts):
    part = draw(tickets, FIRST)
    while part < parts:
        _scale(x, y, mean, factor, offset, columns, rows * part // parts, rows * (part + 1) // parts)
        part = draw(tickets, FIRST)


@device
def _coefficients(total, product, scale, variance, lines, columns, parts, rows, epsilon):
    """Add the parts to the first, ``product`` divided by the deviation; ``lines``: slope, bend, shift of the change."""
    inverse = ONE / np.float32(rows)
    for part in range(1, parts):
        for c in range(columns):
            total[c] += total[part * columns + c]
            product[c] += product[part * columns + c]
    for c in range(columns):
        deviation = ONE / np.sqrt(variance[c] + epsilon)
        product[c] *= deviation
        lines[c] = scale[c] * deviation
        lines[columns + c] = -lines[c] * deviation * product[c] * inverse
        lines[2 * columns + c] = -lines[c] * total[c] * inverse


@kernel("*f *f *f *f *f *f *f *f *f *i i i i f")
def batch_backward(g, x, scale, mean, variance, dx, total, product, lines, tickets, columns, rows, parts, epsilon):
    """The sums of all rows, left in the first rows of ``total`` and ``product`` (zeros at first), then ``dx``."""
    part = draw(tickets, FIRST)
    while part < parts:
        high, step = rows * (part + 1) // parts, max(1, BLOCK // columns)
        for row in range(rows * part // parts, high, step):     # sums of blocks first: errors stay small
            sum_rows(at(g, row * columns), at(x, row * columns), mean, columns, min(step, high - row),
                     at(total, part * columns), at(product, part * columns))
        draw(tickets, DONE)
        part = draw(tickets, FIRST)
    if not reached(tickets, DONE, parts):
        return
    if draw(tickets, MERGE) == 0:
        _coefficients(total, product, scale, variance, lines, columns, parts, rows, epsilon)
        draw(tickets, MERGED)
    if not reached(tickets, MERGED, 1):
        return
    part = parts - 1 - draw(tickets, SECOND)
    while part >= 0:
        high, step = rows * (part + 1) // parts, max(4, BLOCK // 8 // columns)
        for row in range(rows * part // parts, high, step):
            place = row * columns
            change_rows(at(g, place), at(x, place), at(dx, place), columns, min(step, high - row), mean, lines,
                        at(lines, columns), at(lines, 2 * columns))
        part = parts - 1 - draw(tickets, SECOND)


# Groups of channels of an image

@kernel("*f *f *f *f *f *f *f *i i i i i f")
def group_forward(x, y, scale, offset, mean, inverse, scratch, tickets, channels, rows, groups, images, epsilon):
    """Draws images; ``mean`` and ``inverse`` (of the deviation) are written for each group."""
    means, squares = scratch, at(scratch, channels)
    size = channels // groups
    n = draw(tickets, FIRST)
    while n < images:
        image = at(x, n * rows * channels)
        _moments(image, channels, 0, rows, means, squares)
        for k in range(groups):
            middle, square = ZERO, ZERO
            for c in range(k * size, (k + 1) * size):
                middle += means[c]
            middle /= np.float32(size)
            for c in range(k * size, (k + 1) * size):
                apart = means[c] - middle
                square += squares[c] + apart * apart * np.float32(rows)
            deviation = ONE / np.sqrt(square / np.float32(size * rows) + epsilon)
            mean[n * groups + k], inverse[n * groups + k] = middle, deviation
            for c in range(k * size, (k + 1) * size):
                means[c] = middle
                squares[c] = deviation * scale[c]
        _scale(image, at(y, n * rows * channels), means, squares, offset, channels, 0, rows)
        n = draw(tickets, FIRST)


@kernel("*f *f *f *f *f *f *f *f *f *i i i i i i")
def group_backward(g, x, scale, mean, inverse, dx, d_scale, d_offset, scratch, tickets, channels, rows, groups, images,
                   parts):
    """The gradients of scale and offset are added to a row for each part of the images."""
    part = draw(tickets, FIRST)
    while part < parts:
        for n in range(images * part // parts, images * (part + 1) // parts):
            image = n * rows * channels
            _image_backward(at(g, image), at(x, image), scale, at(mean, n * groups), at(inverse, n * groups),
                            at(dx, image), at(d_scale, part * channels), at(d_offset, part * channels), scratch,
                            channels, rows, groups)
        part = draw(tickets, FIRST)


@device
def _image_backward(g, x, scale, mean, inverse, dx, d_scale, d_offset, scratch, channels, rows, groups):
    means, totals, products = scratch, at(scratch, channels), at(scratch, 2 * channels)
    lines = at(scratch, 3 * channels)
    size, step = channels // groups, max(1, BLOCK // channels)
    for c in range(channels):
        means[c], totals[c], products[c] = mean[c // size], ZERO, ZERO
    for row in range(0, rows, step):
        place = row * channels
        sum_rows(at(g, place), at(x, place), means, channels, min(step, rows - row), totals, products)
    share = ONE / np.float32(size * rows)
    for k in range(groups):
        deviation = inverse[k]
        middle, slope = ZERO, ZERO
        for c in range(k * size, (k + 1) * size):
            products[c] *= deviation
            d_scale[c] += products[c]
            d_offset[c] += totals[c]
            middle += scale[c] * totals[c]
            slope += scale[c] * products[c]
        for c in range(k * size, (k + 1) * size):
            lines[c] = scale[c] * deviation
            lines[channels + c] = -deviation * deviation * slope * share
            lines[2 * channels + c] = -deviation * middle * share
    step = max(4, BLOCK // 8 // channels)
    for row in range(0, rows, step):
        place = row * channels
        change_rows(at(g, place), at(x, place), at(dx, place), channels, min(step, rows - row), means, lines,
                    at(lines, channels), at(lines, 2 * channels))


# Each row by itself

def _reduced(code, columns, count, terms):
    """The sums over a row of the ``count`` lists of vectors that ``terms(panel, c)`` gives."""
    sums = [[code.variable(code.constant(0)) for _ in range(WIDE)] for _ in range(count)]

    def write(panel, c):
        for values, places in zip(terms(panel, c), sums):
            if panel.mask is not None:
                values = [code.select(panel.mask, value, code.constant(0)) for value in values]
            panel.add(values, places)
    across(code, columns, write)
    return [code.sum(functools.reduce(code.add, map(code.read, places))) for places in sums]


@instruction("pi", "f")
def row_sum(code, x, columns):
    return _reduced(code, columns, 1, lambda panel, c: [panel.load(x, c)])[0]


@instruction("pif", "f")
def row_square(code, x, columns, mean):
    """The sum of ``(x - mean) ** 2``."""
    mean = code.splat(mean)

    def terms(panel, c):
        apart = [code.sub(value, mean) for value in panel.load(x, c)]
        return [[code.mul(d, d) for d in apart]]
    return _reduced(code, columns, 1, terms)[0]


@instruction("ppiffpp")
def row_scaled(code, x, y, columns, mean, inverse, scale, offset):
    """``y = (x - mean) * inverse * scale + offset``."""
    mean, inverse = code.splat(mean), code.splat(inverse)
    across(code, columns, lambda panel, c: panel.store([
        code.fma(code.mul(code.sub(value, mean), inverse), s, o) for value, s, o
        in zip(panel.load(x, c), panel.load(scale, c), panel.load(offset, c))], y, c))


@instruction("pppiffppp")
def row_sums(code, g, x, scale, columns, mean, inverse, d_scale, d_offset, results):
    """Add a row to the gradients of scale and offset; to ``results`` the sums of ``g scale`` and of that times ``x^``,
    the normalised ``x``."""
    mean, inverse = code.splat(mean), code.splat(inverse)

    def terms(panel, c):
        gs = panel.load(g, c)
        normal = [code.mul(code.sub(value, mean), inverse) for value in panel.load(x, c)]
        panel.store([code.fma(one, n, old) for one, n, old in zip(gs, normal, panel.load(d_scale, c))], d_scale, c)
        panel.store([code.add(one, old) for one, old in zip(gs, panel.load(d_offset, c))], d_offset, c)
        flows = [code.mul(one, s) for one, s in zip(gs, panel.load(scale, c))]
        return [flows, [code.mul(flow, n) for flow, n in zip(flows, normal)]]
    for i, value in enumerate(_reduced(code, columns, 2, terms)):
        code.builder.store(value, code.at(results, i))


@instruction("ppppiffff")
def row_changed(code, g, x, scale, dx, columns, mean, slope, bend, shift):
    """``dx = slope * g * scale + bend * (x - mean) + shift``."""
    mean, slope, bend, shift = map(code.splat, (mean, slope, bend, shift))
    across(code, columns, lambda panel, c: panel.store([
        code.fma(code.mul(one, s), slope, code.fma(code.sub(value, mean), bend, shift)) for one, value, s
        in zip(panel.load(g, c), panel.load(x, c), panel.load(scale, c))], dx, c))


@kernel("*f *f *f *f *f *f *i i i i i f")
def layer_forward(x, y, scale, offset, mean, inverse, tickets, columns, rows, parts, centered, epsilon):
    """Of each row the mean (0 unless ``centered``) and the inverse of the deviation are kept."""
    share = ONE / np.float32(columns)
    part = draw(tickets, FIRST)
    while part < parts:
        for r in range(rows * part // parts, rows * (part + 1) // parts):
            row = at(x, r * columns)
            middle = row_sum(row, columns) * share if centered else ZERO
            deviation = ONE / np.sqrt(row_square(row, columns, middle) * share + epsilon)
            mean[r], inverse[r] = middle, deviation
            row_scaled(row, at(y, r * columns), columns, middle, deviation, scale, offset)
        part = draw(tickets, FIRST)


@kernel("*f *f *f *f *f *f *f *f *i i i i i i")
def layer_backward(g, x, scale, mean, inverse, dx, weights, results, tickets, columns, rows, parts, step, centered):
    """The gradients of scale and offset are added to two rows of ``weights``, ``step`` numbers apart, of each part."""
    share = ONE / np.float32(columns)
    part = draw(tickets, FIRST)
    while part < parts:
        for r in range(rows * part // parts, rows * (part + 1) // parts):
            place, middle, deviation = r * columns, mean[r], inverse[r]
            row_sums(at(g, place), at(x, place), scale, columns, middle, deviation, at(weights, 2 * part * step),
                     at(weights, (2 * part + 1) * step), results)
            shift = -deviation * results[0] * share if centered else ZERO
            row_changed(at(g, place), at(x, place), scale, at(dx, place), columns, middle, deviation,
                        -deviation * deviation * results[1] * share, shift)
        part = draw(tickets, FIRST)


# What the rest of the package calls

def _vector(values, size, default):
    """A scale or an offset, contiguous; ones or zeros for None."""
    if values is None:
        return _constant(size, default)
    return values if values.flags.c_contiguous else np.ascontiguousarray(values)


@functools.lru_cache(64)
def _constant(size, value):
    return np.full(size, value, np.float32)


def _apart(parts, columns):
    """Zeros (parts, 2, at least ``columns``), no two parts in a cache line that cores would contend for."""
    return np.zeros((parts, 2, columns + 32), np.float32)


def _slow(*arrays):
    """Whether the kernels cannot take these: integers, or nothing at all."""
    return any(a is not None and (a.dtype is not FLOAT32 or not a.size) for a in arrays)


def _scaled_reference(normal, scale, offset):
    normal = normal if scale is None else normal * scale
    return normal if offset is None else normal + offset


def _batch_reference(x, scale, offset, epsilon, relu=False):
    rest = tuple(range(x.ndim - 1))
    mean, variance = x.mean(rest), x.var(rest)
    y = _with_reference(x, mean, variance, scale, offset, epsilon)
    return np.maximum(y, 0) if relu else y, mean, variance


@entry(_batch_reference)
def batch_norm(x, scale, offset, epsilon, relu=False):
    """Each feature brought to mean 0 and variance 1 over everything else: ``y, mean, variance``.

    Arguments:
        x: (..., features).
        scale, offset: (features,), or None for 1 and 0.
        epsilon: added to the (biased) variance.
        relu: whether negative ``y`` become 0.
    """
    if _slow(x, scale, offset):
        return _batch_reference(x, scale, offset, epsilon, relu)
    x, = contiguous(x)
    columns = x.shape[-1]
    rows = x.size // columns
    scale, offset = _vector(scale, columns, 1), _vector(offset, columns, 0)
    y, factor = empty(x.shape), empty(columns)
    parts = parts_of(rows, x.size, SMALL)
    means, squares = empty((2, parts, columns))
    share(parts, lambda tickets: batch_forward(
        x, y, scale, offset, means, squares, factor, tickets, columns, rows, parts, relu, epsilon), SECOND)
    return y, means[0].copy(), squares[0].copy()


def _batch_grad_reference(g, x, scale, mean, variance, epsilon):
    rest = tuple(range(x.ndim - 1))
    deviation = np.sqrt(variance + epsilon)
    normal = (x - mean) / deviation
    d_scale, d_offset = (g * normal).sum(rest), g.sum(rest)
    count = max(1, x.size // max(1, x.shape[-1]))
    dx = (g - d_offset / count - normal * (d_scale / count)) / deviation
    return dx if scale is None else dx * scale, d_scale, d_offset


@entry(_batch_grad_reference)
def batch_norm_grad(g, x, scale, mean, variance, epsilon):
    """The gradients of :func:`batch_norm`'s ``y`` for x, scale and offset: ``dx, d_scale, d_offset``."""
    if _slow(g, x, scale, mean, variance):
        return _batch_grad_reference(g, x, scale, mean, variance, epsilon)
    g, x, mean, variance = contiguous(g, x, mean, variance)
    columns = x.shape[-1]
    rows = x.size // columns
    scale, dx, lines = _vector(scale, columns, 1), empty(x.shape), np.empty(3 * columns, np.float32)
    parts = parts_of(rows, x.size, SMALL)
    totals, products = np.zeros((2, parts, columns), np.float32)
    share(parts, lambda tickets: batch_backward(
        g, x, scale, mean, variance, dx, totals, products, lines, tickets, columns, rows, parts, epsilon), SECOND)
    return dx, products[0].copy(), totals[0].copy()


def _with_reference(x, mean, variance, scale, offset, epsilon):
    return _scaled_reference((x - mean) / np.sqrt(variance + epsilon), scale, offset)


@entry(_with_reference)
def normalize_with(x, mean, variance, scale, offset, epsilon):
    """``(x - mean) / sqrt(variance + epsilon) * scale + offset``, all but ``x`` (..., features) for each feature."""
    if _slow(x, mean, variance, scale, offset):
        return _with_reference(x, mean, variance, scale, offset, epsilon)
    x, mean = contiguous(x, mean)
    columns = x.shape[-1]
    factor = 1 / np.sqrt(variance + np.float32(epsilon))
    factor = factor if scale is None else factor * scale
    y, offset = empty(x.shape), _vector(offset, columns, 0)
    rows = x.size // columns
    parts = parts_of(rows, x.size, SMALL)
    share(parts, lambda tickets: scaled(x, y, mean, factor, offset, tickets, columns, rows, parts))
    return y


def _groups_of(x, groups):
    """(batch, everything, groups, channels of a group)."""
    return x.reshape(len(x), math.prod(x.shape[1:-1]), groups, x.shape[-1] // groups)


def _group_reference(x, scale, offset, groups, epsilon):
    parts = _groups_of(x, groups)
    mean, inverse = parts.mean((1, 3)), 1 / np.sqrt(parts.var((1, 3)) + epsilon)
    normal = ((parts - mean[:, None, :, None]) * inverse[:, None, :, None]).reshape(x.shape)
    return _scaled_reference(normal, scale, offset), mean, inverse


@entry(_group_reference)
def group_norm(x, scale, offset, groups, epsilon):
    """Each group of channels of each image brought to mean 0 and variance 1: ``y, mean, inverse``.

    Arguments:
        x: (batch, *space, channels).
        scale, offset: (channels,), or None for 1 and 0.
        groups: how many, a divisor of the number of channels.
        epsilon: added to the variance.

    ``mean`` and ``inverse`` (1 / the deviation) are (batch, groups).
    """
    if _slow(x, scale, offset):
        return _group_reference(x, scale, offset, groups, epsilon)
    x, = contiguous(x)
    batch, channels = len(x), x.shape[-1]
    rows = x.size // (batch * channels)
    scale, offset, y = _vector(scale, channels, 1), _vector(offset, channels, 0), empty(x.shape)
    mean, inverse = empty((batch, groups)), empty((batch, groups))
    share(parts_of(batch, x.size, SMALL), lambda tickets: group_forward(
        x, y, scale, offset, mean, inverse, workspace(2 * channels), tickets, channels, rows, groups, batch, epsilon))
    return y, mean, inverse


def _group_grad_reference(g, x, scale, mean, inverse, groups):
    mean, inverse = mean[:, None, :, None], inverse[:, None, :, None]
    normal = (_groups_of(x, groups) - mean) * inverse
    products = (g * normal.reshape(x.shape)).reshape(-1, x.shape[-1])
    flow = _groups_of(g if scale is None else g * scale, groups)
    dx = (flow - flow.mean((1, 3), keepdims=True) - normal * (flow * normal).mean((1, 3), keepdims=True)) * inverse
    return dx.reshape(x.shape), products.sum(0), g.reshape(products.shape).sum(0)


@entry(_group_grad_reference)
def group_norm_grad(g, x, scale, mean, inverse, groups):
    """The gradients of :func:`group_norm`'s ``y`` for x, scale and offset: ``dx, d_scale, d_offset``."""
    if _slow(g, x, scale, mean, inverse):
        return _group_grad_reference(g, x, scale, mean, inverse, groups)
    g, x, mean, inverse = contiguous(g, x, mean, inverse)
    batch, channels = len(x), x.shape[-1]
    rows = x.size // (batch * channels)
    scale, dx = _vector(scale, channels, 1), empty(x.shape)
    parts = parts_of(batch, x.size, SMALL)
    d_scale, d_offset = np.zeros((2, parts, channels), np.float32)
    share(parts, lambda tickets: group_backward(
        g, x, scale, mean, inverse, dx, d_scale, d_offset, workspace(6 * channels), tickets, channels, rows, groups,
        batch, parts))
    return dx, np.add.reduce(d_scale), np.add.reduce(d_offset)


def _layer_reference(x, scale, offset, epsilon, centered=True):
    mean = x.mean(-1) if centered else np.zeros(x.shape[:-1], x.dtype)
    apart = x - mean[..., None]
    inverse = 1 / np.sqrt((apart * apart).mean(-1) + epsilon)
    return _scaled_reference(apart * inverse[..., None], scale, offset), mean, inverse


@entry(_layer_reference)
def layer_norm(x, scale, offset, epsilon, centered=True):
    """Each row brought to mean 0 and variance 1: ``y, mean, inverse``.

    Arguments:
        x: (..., features).
        scale, offset: (features,), or None for 1 and 0.
        epsilon: added to the variance.
        centered: False leaves the mean where it is, and divides by the root of the mean square.

    ``mean`` and ``inverse`` (1 / the deviation) have the shape of ``x`` without its last axis.
    """
    if _slow(x, scale, offset):
        return _layer_reference(x, scale, offset, epsilon, centered)
    x, = contiguous(x)
    columns = x.shape[-1]
    scale, offset, y = _vector(scale, columns, 1), _vector(offset, columns, 0), empty(x.shape)
    mean, inverse = empty(x.shape[:-1]), empty(x.shape[:-1])
    rows = x.size // columns
    parts = parts_of(rows, x.size, SMALL)
    share(parts, lambda tickets: layer_forward(
        x, y, scale, offset, mean, inverse, tickets, columns, rows, parts, centered, epsilon))
    return y, mean, inverse


def _layer_grad_reference(g, x, scale, mean, inverse, centered=True):
    normal = (x - mean[..., None]) * inverse[..., None]
    rest = tuple(range(x.ndim - 1))
    flow = g if scale is None else g * scale
    dx = flow - normal * (flow * normal).mean(-1, keepdims=True)
    dx = dx - flow.mean(-1, keepdims=True) if centered else dx
    return dx * inverse[..., None], (g * normal).sum(rest), g.sum(rest)


@entry(_layer_grad_reference)
def layer_norm_grad(g, x, scale, mean, inverse, centered=True):
    """The gradients of :func:`layer_norm`'s ``y`` for x, scale and offset: ``dx, d_scale, d_offset``."""
    if _slow(g, x, scale, mean, inverse):
        return _layer_grad_reference(g, x, scale, mean, inverse, centered)
    g, x, mean, inverse = contiguous(g, x, mean, inverse)
    columns = x.shape[-1]
    scale, dx = _vector(scale, columns, 1), empty(x.shape)
    rows = x.size // columns
    parts = parts_of(rows, x.size, SMALL)
    weights = _apart(parts, columns)
    share(parts, lambda tickets: layer_backward(
        g, x, scale, mean, inverse, dx, weights, workspace(2), tickets, columns, rows, parts, weights.shape[-1],
        centered))
    return dx, *np.add.reduce(weights)[:, :columns]
