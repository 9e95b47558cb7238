"""Winograd convolution F(4x4, 3x3): 3 x 3 convolutions of stride 1 with a quarter of the multiplications.

A tile of 4 x 4 outputs is made from 6 x 6 inputs. Along one axis ``y = A^T ((G w) * (B^T x))`` evaluates polynomials at
six points (0, +-5/8, +-3/2, infinity): 6 products in place of 12; along both axes 36 in place of 144. For each of these
36 *frequencies* the sum over channels is a product of matrices, tiles x channels and channels x filters.
Rounding errors grow with the spread of the points: 5/8 and 3/2 make them 2.2 times smaller than the usual 1 and 2.

A thread takes a block of tiles at a time: it transforms x into V[frequency, tile, channel], multiplies that into
M[frequency, tile, filter], and transforms this into y; the block stays in the second cache. The gradient for x is the
same with weights turned by 180 degrees and transposed. The gradient for w multiplies V with Z = ``A g A^T``, sums over
tiles, and transforms the sums by ``G^T``.
"""

import functools

import numpy as np

from .jit import Constant, aligned, contiguous, device, entry, kernel, workspace
from .simd import LANES, Code, at, first, instruction, load_masked, store
from .threads import split
from .tiles import PANEL, transpose

FREQUENCIES = 36
# Rows of a tile of products: 8 x 2 or 16 x 1 vectors on 32 registers, 4 x 2 or 8 x 1 on 16. Channels and tiles are
# padded to UNIT, so that products know no tails.
ROWS = Constant(lambda: max(4, LANES.value() // 2))
UNIT = Constant(lambda: 2 * ROWS.value())
WORTH = 150_000_000         # operations of the convolution that make it worth being compiled for
FLOP = 20_000_000           # so much work is worth a part: some 200 us, transforms included
MEMORY = 120_000            # floats of a block: 480 KB, beside weights or sums in the second cache
GROUP = 64                  # filters whose outputs a block makes at a time; channels and filters of a part's sums
STREAM = 1 << 20            # results of so many numbers (4 MB) go past the caches: 5 % faster, and no slower to read


# The transforms along one axis, as products of sparse matrices: first even and odd parts, then what these add up to

P, Q = 5 / 8, 3 / 2         # the points are 0, P, -P, Q, -Q and infinity
P2, Q2 = P * P, Q * Q
PARITY = np.array([[1, 0, 0, 0, 0, 0],
                   [0, 1, P, 0, 0, 0],
                   [0, 1, -P, 0, 0, 0],
                   [0, 0, 0, 1, Q, 0],
                   [0, 0, 0, 1, -Q, 0],
                   [0, 0, 0, 0, 0, 1]])
INPUT = [np.array([[P2 * Q2, 0, -P2 - Q2, 0, 1, 0],         # B^T, of 6 inputs
                   [0, 0, -Q2, 0, 1, 0],
                   [0, -Q2, 0, 1, 0, 0],
                   [0, 0, -P2, 0, 1, 0],
                   [0, -P2, 0, 1, 0, 0],
                   [0, P2 * Q2, 0, -P2 - Q2, 0, 1]]), PARITY]
GRADIENT = [np.array([[1, 0, 0, 0],                         # A, of 4 gradients
                      [1, 0, P2, 0],
                      [0, 1, 0, P2],
                      [1, 0, Q2, 0],
                      [0, 1, 0, Q2],
                      [0, 0, 0, 1]]), PARITY]
SCALE = 1 / np.array([P2 * Q2, *[2 * P2 * (P2 - Q2)] * 2, *[2 * Q2 * (Q2 - P2)] * 2, 1])
FILTER = [np.array([[1, 0, 0],                              # G, of 3 weights
                    [1, 0, P2],
                    [0, 1, 0],
                    [1, 0, Q2],
                    [0, 1, 0],
                    [0, 0, 1]]), SCALE[:, None] * PARITY]
OUTPUT = [matrix.T for matrix in reversed(GRADIENT)]        # A^T, to 4 outputs
FILTER_GRAD = [matrix.T for matrix in reversed(FILTER)]     # G^T, to 3 gradients
PAIRS = (0, 5), (1, 2), (3, 4)                              # rows of frequencies that share their parts


def _combine(code, matrix, element, row):
    """One row of the matrix times a vector, whose elements ``element(i)`` gives."""
    terms = sorted(((c, i) for i, c in enumerate(matrix[row]) if c), key=lambda term: term[0] != 1)     # a 1 first
    (c, i), *rest = terms
    value = element(i) if c == 1 else code.mul(code.constant(c), element(i))
    for c, i in rest:
        if abs(c) == 1:
            value = (code.add if c == 1 else code.sub)(value, element(i))
        else:
            value = code.fma(code.constant(c), element(i), value)
    return value


def _apply(code, matrices, element, wanted):
    """The ``wanted`` rows of the matrices' product with a vector; what they share is computed once."""
    for matrix in matrices:
        element = functools.partial(_combine, code, matrix, functools.lru_cache(None)(element))
    return [element(i) for i in wanted]


def _transform(code, matrices, groups, load, store):
    """The transform of a square along both axes; ``load(i, j)`` and ``store(i, j, value)`` read and write its vectors.

    A group of rows of the result at a time: 36 vectors do not fit into the registers, and to load the square again for
    each group takes half the time of writing them away.
    """
    size, results = matrices[0].shape[1], len(matrices[-1])
    for group in groups:
        columns = [_apply(code, matrices, lambda i, j=j: load(i, j), group) for j in range(size)]
        for row, values in zip(group, zip(*columns)):
            for j, value in enumerate(_apply(code, matrices, values.__getitem__, range(results))):
                store(row, j, value)


# Squares in memory

class Square:
    """Vectors in memory at rows and columns of a given step."""

    def __init__(self, code, pointer, row_step, column_step):
        self.code, self.pointer, self.steps = code, pointer, (row_step, column_step)

    def at(self, *place):
        steps = [self.code.builder.mul(step, self.code.integer(i)) for step, i in zip(self.steps, place)]
        return self.code.at(self.pointer, *steps)

    def load(self, i, j):
        return self.code.load(self.at(i, j))

    def store(self, i, j, value):
        self.code.store(value, self.at(i, j))

    def stream(self, i, j, value):
        """Write a vector to memory past the caches, which need not read its line first."""
        builder = self.code.builder
        pointer = builder.bitcast(self.at(i, j), value.type.as_pointer())
        written = builder.store(value, pointer, align=4 * self.code.lanes)
        one = self.code.ir.Constant(self.code.ir.IntType(32), 1)
        written.set_metadata("nontemporal", builder.module.add_metadata([one]))


def frequencies(code, pointer, step):
    """6 x 6 vectors, one after the other ``step`` apart."""
    return Square(code, pointer, code.builder.mul(step, code.integer(6)), step)


class Clipped:
    """A square in an image, of which rows, columns and channels may lie outside: they are 0, and are not written.

    What lies outside gets the address of a neighbour: even under an empty mask it costs 1000 cycles to touch memory
    that is not there.
    """

    def __init__(self, code, size, pointer, row_step, column_step, top, bottom, left, right, channels):
        self.code = code
        rows, i = zip(*[self._within(top, bottom, i) for i in range(size)])
        columns, j = zip(*[self._within(left, right, j) for j in range(size)])
        self.rows = [code.at(pointer, code.builder.mul(i, row_step)) for i in i]
        self.columns = [code.builder.mul(j, column_step) for j in j]
        self.row_masks = [code.splat(inside) for inside in rows]
        self.column_masks = [code.first(code.builder.select(inside, channels, code.integer(0))) for inside in columns]

    def _within(self, low, high, i):
        """Whether ``low <= i < high``, and the nearest number that is."""
        builder, index = self.code.builder, self.code.integer(i)
        above, below = builder.icmp_signed("<=", low, index), builder.icmp_signed("<", index, high)
        last = builder.sub(high, self.code.integer(1))
        return builder.and_(above, below), builder.select(above, builder.select(below, index, last), low)

    def _place(self, i, j):
        mask = self.code.builder.and_(self.row_masks[i], self.column_masks[j])
        return self.code.at(self.rows[i], self.columns[j]), mask

    def load(self, i, j):
        return self.code.load_masked(*self._place(i, j))

    def store(self, i, j, value):
        pointer, mask = self._place(i, j)
        self.code.store_masked(value, pointer, mask)


def _is_whole(code, size, top, bottom, left, right, channels):
    """Whether a square lies within rows ``top`` to ``bottom`` and columns ``left`` to ``right``, with all its lanes."""
    signed, integer = code.builder.icmp_signed, code.integer
    return functools.reduce(code.builder.and_, [
        signed("<=", top, integer(0)), signed(">=", bottom, integer(size)), signed("<=", left, integer(0)),
        signed(">=", right, integer(size)), signed(">=", channels, integer(code.lanes))])


def _call(code, write, *values):
    """Call a function of its own that ``write(code, *values)`` writes.

    Inside a loop over tiles LLVM would make a variable of each of a transform's 72 addresses, kept and counted up in
    memory: that takes 1.5 times as long.
    """
    module, name = code.builder.module, write.__name__
    function = module.globals.get(name)
    if function is None:
        kind = code.ir.FunctionType(code.ir.VoidType(), [value.type for value in values])
        function = code.ir.Function(module, kind, name)
        function.linkage = "internal"
        function.attributes.add("noinline")
        inner = Code(code.ir.IRBuilder(function.append_basic_block()))
        write(inner, *function.args)
        inner.builder.ret_void()
    code.builder.call(function, values)


# The transforms of a tile

def _image_to_frequencies(name, matrices):
    """The transform of a square of an image, outside of which it is zero, into 6 x 6 frequencies."""
    size = matrices[0].shape[1]

    def whole(code, x, row_step, column_step, out, step):
        _transform(code, matrices, PAIRS, Square(code, x, row_step, column_step).load,
                   frequencies(code, out, step).store)

    def clipped(code, x, row_step, column_step, out, step, *bounds):
        _transform(code, matrices, PAIRS, Clipped(code, size, x, row_step, column_step, *bounds).load,
                   frequencies(code, out, step).store)

    def write(code: Code, x, row_step, column_step, out, step, *bounds):
        with code.branch(_is_whole(code, size, *bounds)) as (then, otherwise):
            with then:
                _call(code, whole, x, row_step, column_step, out, step)
            with otherwise:
                _call(code, clipped, x, row_step, column_step, out, step, *bounds)
    write.__name__, whole.__name__, clipped.__name__ = name, f"{name}_whole", f"{name}_clipped"
    return instruction("piipiiiiii")(write)


input_tile = _image_to_frequencies("input_tile", INPUT)             # (x, row_step, column_step, out, step,
gradient_tile = _image_to_frequencies("gradient_tile", GRADIENT)    # top, bottom, left, right, channels)


@instruction("pipiipiiiii")
def output_tile(code: Code, m, step, y, row_step, column_step, bias, relu, stream, bottom, right, channels):
    """Transform 6 x 6 frequencies into 4 x 4 outputs, of which ``bottom`` rows and ``right`` columns are written."""
    values = m, step, y, row_step, column_step, bias, relu
    bounds = code.integer(0), bottom, code.integer(0), right, channels
    with code.branch(_is_whole(code, 4, *bounds)) as (then, otherwise):
        with then:
            with code.branch(code.builder.icmp_signed("!=", stream, code.integer(0))) as (past, through):
                with past:
                    _call(code, _output_streamed, *values)
                with through:
                    _call(code, _output_whole, *values)
        with otherwise:
            _call(code, _output_clipped, *values, *bounds)


def _output_whole(code, m, step, y, row_step, column_step, bias, relu):
    _output(code, m, step, code.load(bias), relu, Square(code, y, row_step, column_step).store)


def _output_streamed(code, m, step, y, row_step, column_step, bias, relu):
    _output(code, m, step, code.load(bias), relu, Square(code, y, row_step, column_step).stream)


def _output_clipped(code, m, step, y, row_step, column_step, bias, relu, *bounds):
    bias = code.load_masked(bias, code.first(bounds[-1]))
    _output(code, m, step, bias, relu, Clipped(code, 4, y, row_step, column_step, *bounds).store)


def _output(code, m, step, bias, relu, store):
    positive = code.builder.icmp_signed("!=", relu, code.integer(0))
    floor = code.builder.select(positive, code.constant(0), code.constant("-inf"))

    def finish(i, j, value):
        value = code.add(value, bias)
        store(i, j, code.select(code.builder.fcmp_ordered(">", floor, value), floor, value))     # NaN stays NaN
    _transform(code, OUTPUT, [range(4)], frequencies(code, m, step).load, finish)


@instruction("pipi")
def filter_tile(code: Code, w, tap_step, u, step):
    """Transform 3 x 3 taps into 6 x 6 frequencies."""
    taps = Square(code, w, code.builder.mul(tap_step, code.integer(3)), tap_step)
    _transform(code, FILTER, PAIRS, taps.load, frequencies(code, u, step).store)


@instruction("pipii")
def filter_grad_tile(code: Code, sums, step, dw, tap_step, columns):
    """Transform 6 x 6 frequencies into 3 x 3 taps, of which the first ``columns`` lanes are written."""
    mask, taps = code.first(columns), Square(code, dw, code.builder.mul(tap_step, code.integer(3)), tap_step)
    _transform(code, FILTER_GRAD, [range(3)], frequencies(code, sums, step).load,
               lambda i, j, value: code.store_masked(value, taps.at(i, j), mask))


# The products

def _product(name, shape):
    """A tile of C of as many rows and vectors as ``shape()`` says, kept in registers."""
    def write(code: Code, a, a_row, a_step, b, b_step, length, c, c_row, add):
        """``C[i, j] = sum over k of a[i a_row + k a_step] b[k b_step + j]``, added to what C holds if ``add``."""
        builder, (rows, vectors) = code.builder, shape()
        grid = [(i, j) for i in range(rows) for j in range(vectors)]
        out = [code.at(c, builder.mul(c_row, code.integer(i))) for i in range(rows)]
        left = [code.at(a, builder.mul(a_row, code.integer(i))) for i in range(rows)]
        sums = {at: code.variable(code.constant(0)) for at in grid}
        with builder.if_then(builder.icmp_signed("!=", add, code.integer(0))):
            for i, j in grid:
                code.write(code.load(out[i], j * code.lanes), sums[i, j])
        with code.loop(length) as k:
            row = code.at(b, builder.mul(k, b_step))
            right = [code.load(row, j * code.lanes) for j in range(vectors)]
            for i in range(rows):
                value = code.broadcast(left[i], builder.mul(k, a_step))
                for j in range(vectors):
                    code.write(code.fma(value, right[j], code.read(sums[i, j])), sums[i, j])
        for i, j in grid:
            code.store(code.read(sums[i, j]), out[i], j * code.lanes)
    write.__name__ = name
    return instruction("piipiipii")(write)


wide = _product("wide", lambda: (ROWS.value(), 2))
narrow = _product("narrow", lambda: (UNIT.value(), 1))


@device
def _multiply(a, a_row, a_step, rows, b, b_step, b_panel, columns, length, c, c_row, add):
    """C = A B, or C += A B, of whole UNITs of rows and columns; B in panels ``b_panel`` apart."""
    for panel in range((columns + PANEL - 1) // PANEL):
        right, out = at(b, panel * b_panel), at(c, panel * PANEL)
        if columns - panel * PANEL > LANES:
            for i in range(0, rows, ROWS):
                wide(at(a, i * a_row), a_row, a_step, right, b_step, length, at(out, i * c_row), c_row, add)
        else:
            for i in range(0, rows, UNIT):
                narrow(at(a, i * a_row), a_row, a_step, right, b_step, length, at(out, i * c_row), c_row, add)


# Blocks of tiles

def _padded(count, unit):
    """``count`` rounded up to whole units."""
    return (count + unit - 1) // unit * unit


def _spread(count):
    """A step of at least ``count`` that is an odd number of cache lines: 36 frequencies fall into different sets."""
    return ((count + 15) // 16 | 1) * 16


padded, spread = device(_padded), device(_spread)


@device
def _position(tile, height, width):
    """Image, row and column of a tile in images of ``height`` x ``width`` outputs."""
    across, down = (width + 3) // 4, (height + 3) // 4
    line = tile // across
    return line // down, line % down * 4, tile % across * 4


@device
def _next_position(image, row, column, height, width):
    if column + 4 < width:
        return image, row, column + 4
    if row + 4 < height:
        return image, row + 4, 0
    return image + 1, 0, 0


@device
def _input_tiles(x, low, high, height, width, channels, of_channels, out_height, out_width, top, left, v, v_row,
                 v_step):
    """V of the tiles ``low`` to ``high``, for the first ``channels`` of ``of_channels``."""
    image, row, column = _position(low, out_height, out_width)
    for tile in range(high - low):
        i, j = row - top, column - left
        corner = at(x, ((image * height + i) * width + j) * of_channels)
        for c in range(0, v_row, LANES):
            input_tile(at(corner, c), width * of_channels, of_channels, at(v, tile * v_row + c), v_step,
                       -i, height - i, -j, width - j, channels - c)
        image, row, column = _next_position(image, row, column, out_height, out_width)


@device
def _gradient_tiles(g, low, high, height, width, filters, of_filters, z, z_row, z_step):
    """Z of the tiles ``low`` to ``high``, for the first ``filters`` of ``of_filters``."""
    image, row, column = _position(low, height, width)
    for tile in range(high - low):
        corner = at(g, ((image * height + row) * width + column) * of_filters)
        for c in range(0, z_row, LANES):
            gradient_tile(at(corner, c), width * of_filters, of_filters, at(z, tile * z_row + c), z_step,
                          0, height - row, 0, width - column, filters - c)
        image, row, column = _next_position(image, row, column, height, width)


@device
def _output_tiles(m, m_row, m_step, low, high, y, height, width, filters, of_filters, bias, relu, stream):
    """The outputs of the tiles ``low`` to ``high``, for the first ``filters`` of ``of_filters``."""
    image, row, column = _position(low, height, width)
    for tile in range(high - low):
        corner = at(y, ((image * height + row) * width + column) * of_filters)
        for c in range(0, filters, LANES):
            output_tile(at(m, tile * m_row + c), m_step, at(corner, c), width * of_filters, of_filters, at(bias, c),
                        relu, stream, height - row, width - column, filters - c)
        image, row, column = _next_position(image, row, column, height, width)


@instruction("p")
def prefetch(code: Code, pointer):
    """Ask for a cache line to come into the second cache."""
    word = code.ir.IntType(32)
    kind = code.ir.FunctionType(code.ir.VoidType(), [code.ir.IntType(8).as_pointer(), word, word, word])
    byte = code.builder.bitcast(pointer, code.ir.IntType(8).as_pointer())
    read, second, data = (code.ir.Constant(word, value) for value in (0, 2, 1))
    code.builder.call(code._declared("llvm.prefetch.p0", kind), [byte, read, second, data])


@device
def _prefetch_tiles(x, low, high, rows, height, width, channels, out_height, out_width, top, left):
    """Ask for the images' lines of the tiles ``low`` to ``high``: their memory comes while products are computed.

    Four columns of each, since the next tile asks for the others.
    """
    for tile in range(low, high):
        image, row, column = _position(tile, out_height, out_width)
        start, end = max(column - left, 0) * channels, min(column - left + 4, width) * channels
        for i in range(max(row - top, 0), min(row - top + rows, height)):
            line = at(x, (image * height + i) * width * channels)
            for j in range(start, end, 16):
                prefetch(at(line, j))


@instruction("")
def fence(code: Code):
    """Streamed results are in memory before anything that follows."""
    code.builder.fence("seq_cst")


# The kernels

@kernel("*f *f *f i i i i i")
def winograd_filter(w, u, scratch, low, high, channels, filters, turned):
    """U[frequency, panel of filters, channel] of the channels in blocks ``low`` to ``high`` of LANES.

    ``turned``: of the weights turned by 180 degrees and transposed; then ``channels`` counts w's last axis.
    """
    step, square = spread(padded(filters, PANEL) * channels), LANES * LANES
    for k in range(low * LANES, min(high * LANES, channels), LANES):
        for j in range(0, padded(filters, PANEL), LANES):
            rows, columns = min(LANES, channels - k), min(LANES, filters - j)
            for tap in range(9):
                out = at(scratch, tap * square)
                if not turned:
                    mask = first(columns)
                    for i in range(rows):
                        store(out, i * LANES, load_masked(at(w, (tap * channels + k + i) * filters + j), mask))
                    continue
                source = at(w, ((8 - tap) * filters + j) * channels + k)
                if rows == LANES and columns == LANES:
                    transpose(out, source, channels, LANES)
                else:
                    for i in range(rows):
                        for c in range(LANES):
                            out[i * LANES + c] = source[c * channels + i] if c < columns else np.float32(0)
            for i in range(rows):
                filter_tile(at(scratch, i * LANES), square,
                            at(u, j // PANEL * PANEL * channels + (k + i) * PANEL + j % PANEL), step)


@kernel("*f *f *f *f *f i i i i i i i i i i i i i i")
def winograd_output(x, u, bias, y, scratch, low, high, block, group, height, width, channels, out_height, out_width,
                    filters, top, left, relu, stream):
    """The tiles from ``low`` to ``high``, ``block`` at a time; products and outputs for ``group`` filters at a time."""
    v_row, m_row = padded(channels, UNIT), padded(min(group, filters), UNIT)
    v_step, m_step = spread(block * v_row), spread(block * m_row)
    u_step = spread(padded(filters, PANEL) * channels)
    v, m = scratch, at(scratch, FREQUENCIES * v_step)
    for tile in range(low, high, block):
        end = min(tile + block, high)
        ahead = min(end + block, high) - end
        _input_tiles(x, tile, end, height, width, channels, channels, out_height, out_width, top, left, v, v_row,
                     v_step)
        for column in range(0, filters, group):
            columns = min(group, filters - column)
            for f in range(FREQUENCIES):
                _multiply(at(v, f * v_step), v_row, 1, padded(end - tile, UNIT), at(u, f * u_step + column * channels),
                          PANEL, PANEL * channels, columns, channels, at(m, f * m_step), m_row, 0)
                if column == 0:
                    _prefetch_tiles(x, end + ahead * f // FREQUENCIES, end + ahead * (f + 1) // FREQUENCIES, 6, height,
                                    width, channels, out_height, out_width, top, left)
            _output_tiles(m, m_row, m_step, tile, end, at(y, column), out_height, out_width, columns, filters,
                          at(bias, column), relu, stream)
    if stream:
        fence()


@kernel("*f *f *f *f i i i i i i i i i i i i i i i")
def winograd_sums(x, g, sums, scratch, low, high, block, height, width, channels, out_height, out_width, filters, top,
                  left, row, row_group, column, column_group):
    """Sums of V Z over the tiles from ``low`` to ``high``, for a group of channels and a group of filters."""
    rows, columns = min(row_group, channels - row), min(column_group, filters - column)
    v_row, z_row, sums_row = padded(rows, UNIT), padded(columns, UNIT), padded(filters, UNIT)
    v_step, z_step = spread(block * v_row), spread(block * z_row)
    sums_step = spread(padded(channels, UNIT) * sums_row)
    x, g, sums = at(x, row), at(g, column), at(sums, row * sums_row + column)
    v, z = scratch, at(scratch, FREQUENCIES * v_step)
    for tile in range(low, high, block):
        end = min(tile + block, high)
        ahead = min(end + block, high) - end
        _input_tiles(x, tile, end, height, width, rows, channels, out_height, out_width, top, left, v, v_row, v_step)
        _gradient_tiles(g, tile, end, out_height, out_width, columns, filters, z, z_row, z_step)
        for f in range(FREQUENCIES):
            _multiply(at(v, f * v_step), 1, v_row, v_row, at(z, f * z_step), z_row, PANEL, z_row, end - tile,
                      at(sums, f * sums_step), sums_row, 1 if tile > low else 0)
            start, stop = end + ahead * f // FREQUENCIES, end + ahead * (f + 1) // FREQUENCIES
            _prefetch_tiles(x, start, stop, 6, height, width, channels, out_height, out_width, top, left)
            _prefetch_tiles(g, start, stop, 4, out_height, out_width, filters, out_height, out_width, 0, 0)


@kernel("*f *f i i i i i")
def winograd_filter_grad(sums, dw, low, high, parts, channels, filters):
    """dw of the channels ``low`` to ``high`` from the sums of all parts, added up in the place of the first."""
    row = padded(filters, UNIT)
    step = spread(padded(channels, UNIT) * row)
    for k in range(low, high):
        for f in range(FREQUENCIES):
            total = at(sums, f * step + k * row)
            for part in range(1, parts):
                more = at(total, part * FREQUENCIES * step)
                for j in range(row):
                    total[j] += more[j]
        for j in range(0, filters, LANES):
            filter_grad_tile(at(sums, k * row + j), step, at(dw, k * filters + j), channels * filters, filters - j)


# The entries

def _shares(work):
    """In how many parts to cut work of so many operations: a power of two, for 7 parts leave one of 2 threads idle."""
    return min(16, 1 << max(0, int(work // FLOP).bit_length() - 1))


def _block(channels, filters, most):
    """How many tiles fit into the memory of a block."""
    unit = UNIT.value()
    fitting = min(most, MEMORY // FREQUENCIES // (_padded(channels, unit) + _padded(filters, unit)))
    return max(unit, fitting // unit * unit)


def _even(count, block):
    """The size of blocks, whole UNITs up to ``block``, that cuts ``count`` tiles most evenly."""
    return _padded(-(-count // -(-count // block)), UNIT.value())


def _scratch(block, channels, filters):
    """How many floats a block needs."""
    unit = UNIT.value()
    return FREQUENCIES * (_spread(block * _padded(channels, unit)) + _spread(block * _padded(filters, unit)))


def _filter(w, turned):
    """The transformed weights; ``turned`` for the gradient for x."""
    lanes, panel = LANES.value(), PANEL.value()
    channels, filters = w.shape[:1:-1] if turned else w.shape[2:]
    u = aligned(FREQUENCIES * _spread(_padded(filters, panel) * channels))

    def run(_part, low, high):
        winograd_filter(w, u, workspace(9 * lanes * lanes), low, high, channels, filters, turned)
    split(-(-channels // lanes), run, 1024 // filters + 1)
    return u


def _convolve(x, w, pads, bias, relu, turned):
    """``x`` convolved with the weights, or with the ``turned`` ones."""
    x, w = contiguous(x, w)
    (images, height, width, channels), ((top, bottom), (left, right)) = x.shape, pads
    filters = w.shape[2 if turned else 3]
    out_height, out_width = height + top + bottom - 2, width + left + right - 2
    y = aligned((images, out_height, out_width, filters))
    if y.size == 0 or channels == 0:
        y[...] = 0 if bias is None else np.maximum(bias, 0) if relu else bias
        return y
    u = _filter(w, turned)
    bias = np.zeros(filters, np.float32) if bias is None else contiguous(bias)[0]
    unit, tiles = UNIT.value(), images * -(-out_height // 4) * -(-out_width // 4)
    # past the caches only whole lines: half lines, written one after the other, take several times as long
    stream = y.size >= STREAM and LANES.value() == 16 and filters % 16 == 0
    sizes = height, width, channels, out_height, out_width, filters, top, left, relu, stream

    def run(_part, low, high):
        low, high = low * unit, min(high * unit, tiles)
        block = _even(high - low, _block(channels, min(filters, GROUP), 48))
        memory = workspace(_scratch(block, channels, min(filters, GROUP)))
        winograd_output(x, u, bias, y, memory, low, high, block, GROUP, *sizes)
    split(-(-tiles // unit), run, most=_shares(2 * FREQUENCIES * tiles * channels * filters))
    return y


def _windows(x, pads):
    return np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), *pads, (0, 0))), (3, 3), axis=(1, 2))


def _winograd_reference(x, w, pads, bias=None, relu=False):
    y = np.einsum("nhwcij,ijcf->nhwf", _windows(x, pads), w, optimize=True)
    if bias is not None:
        y = y + bias
    return np.maximum(y, 0) if relu else y


@entry(_winograd_reference)
def winograd(x, w, pads, bias=None, relu=False):
    """The convolution of ``x`` (N, H, W, Ci) with ``w`` (3, 3, Ci, Co), stride 1: (N, OH, OW, Co).

    Rounding errors are two to three times those of direct sums (of :func:`winograd_grad_w`, four to eight).
    A NaN or an infinity makes NaN of the whole 4 x 4 outputs of each tile that reads it.

    Arguments:
        pads: ((top, bottom), (left, right)), zeros around every image, 0 to 2 on each side.
        bias: (Co,), added to every pixel.
        relu: negative results become 0.
    """
    return _convolve(x, w, pads, bias, relu, False)


def _winograd_grad_x_reference(g, w, shape, pads):
    return _winograd_reference(g, w[::-1, ::-1].swapaxes(2, 3), [(2 - a, 2 - b) for a, b in pads])


@entry(_winograd_grad_x_reference)
def winograd_grad_x(g, w, shape, pads):
    """The gradient for x, which has this ``shape``, from the gradient ``g`` (N, OH, OW, Co) for the result."""
    return _convolve(g, w, [(2 - a, 2 - b) for a, b in pads], None, False, True)


def _winograd_grad_w_reference(x, g, pads):
    return np.einsum("nhwcij,nhwf->ijcf", _windows(x, pads), g, optimize=True)


@entry(_winograd_grad_w_reference)
def winograd_grad_w(x, g, pads):
    """The gradient for w (3, 3, Ci, Co), from the gradient ``g`` (N, OH, OW, Co) for the result."""
    x, g = contiguous(x, g)
    (images, height, width, channels), (out_height, out_width, filters) = x.shape, g.shape[1:]
    (top, _), (left, _) = pads
    dw = np.zeros((3, 3, channels, filters), np.float32)
    if g.size == 0 or channels == 0:
        return dw
    unit, tiles = UNIT.value(), images * -(-out_height // 4) * -(-out_width // 4)
    pairs = [(i, j) for i in range(0, channels, GROUP) for j in range(0, filters, GROUP)]
    # each part has its own sums, 36 / 9 times as large as the weights: some 8 of them, fewer if there are many weights
    parts = min(_shares(2 * FREQUENCIES * tiles * channels * filters), max(1, 8 // len(pairs)), -(-tiles // unit))
    bounds = [min(-(-tiles // unit) * part // parts * unit, tiles) for part in range(parts + 1)]
    sums = aligned((parts, FREQUENCIES * _spread(_padded(channels, unit) * _padded(filters, unit))))
    sizes = height, width, channels, out_height, out_width, filters, top, left
    block = _block(min(channels, GROUP), min(filters, GROUP), 96)
    memory = _scratch(block, min(channels, GROUP), min(filters, GROUP))

    def multiply(_part, start, end):
        for item in range(start, end):
            part, (i, j) = item % parts, pairs[item // parts]
            low, high = bounds[part:part + 2]
            winograd_sums(x, g, sums[part], workspace(memory), low, high, _even(high - low, block), *sizes, i, GROUP, j,
                          GROUP)

    def finish(_part, low, high):
        winograd_filter_grad(sums, dw, low, high, parts, channels, filters)
    split(len(pairs) * parts, multiply, most=len(pairs) * parts)
    split(channels, finish, 8192 // (filters * parts) + 1)
    return dw


def suits(x_shape, w_shape, strides, pads, dilation, groups):
    """Whether this convolution is one that :func:`winograd` computes, and faster than a direct one.

    By measurement: 12 channels to 12 filters take 0.7 of the direct time, 8 to 8 1.9; images of 5 x 5 outputs, of which
    four tiles waste more than half, 0.9, of 2 x 2 1.2; 16 tiles 0.8, 4 tiles 1.2; with 512 channels and filters, whose
    transformed weights fill 38 MB, 32 tiles 1.6. And it must be large: compiling takes 3.5 s, once, which small ones
    do not win back.
    """
    if tuple(w_shape[:-2]) != (3, 3) or tuple(strides) != (1, 1) or tuple(dilation) != (1, 1) or groups != 1:
        return False
    (images, *size, _), (channels, filters) = x_shape, w_shape[2:]
    height, width = (length + low + high - 2 for length, (low, high) in zip(size, pads))
    tiles, products = -(-height // 4) * -(-width // 4), channels * filters
    return (all(0 <= pad <= 2 for side in pads for pad in side) and min(channels, filters) >= 8 and products >= 128
            and height > 0 and width > 0 and height * width >= 6 * tiles
            and 18 * images * height * width * products >= WORTH and images * tiles >= max(16, products // 4096))
