"""Kernels of convolution: tiles of outputs in registers, whose rows walk over the image where it lies.

Outputs are cut into boxes (images, planes, rows, columns). Where windows leave the image, the part of it that a box
sees is copied into scratch memory with zeros around; elsewhere the source is read in place. In the tile of a matrix
product each row is an output, and each run a line of the window: ``width * channels`` elements that lie side by side.
Depthwise convolutions have a tile of their own, with channels in the lanes.
"""

import numpy as np

from .gemm import pack_panel
from .jit import device, kernel
from .simd import LANES, Code, at, first, instruction, load_masked, store
from .tiles import NARROW, PANEL, ROWS, tile, tile_fours, tile_narrow, tile_pairs

ZERO = np.float32(0)
LANE_ROWS = 9           # of the depthwise tile: the taps of a 3 x 3 window, or as many outputs
PACKED = 48             # rows of the gradient of the weights from which copying a panel of g pays


# Tiles


def _tile_lanes(rows):
    @instruction("ppipipppippiipi")
    def tile_lanes(code: Code, a, a_rows, a_step, b, b_step, runs, a_runs, b_runs, length, c, c_rows, columns, start,
                   bias, relu):
        """As :func:`.tiles.tile`, with A along the columns too, one vector of them.

        ``C[i, j] = start + sum over runs r and k < length of A[i, r, k, j] B[r, k, j]``; ``A[i, r, k, j]`` is
        ``a[a_rows[i] + a_runs[r] + k a_step + j]``. No column beyond ``columns`` is read or written.
        """
        builder, mask = code.builder, code.first(columns)
        a_row = [code.get(a_rows, i) for i in range(rows)]
        c_row = [code.at(c, code.get(c_rows, i)) for i in range(rows)]

        def body(load, save):
            sums = [code.variable(code.constant(0)) for _ in range(rows)]
            with code.loop(runs) as r:
                with code.march(length, (code.at(a, code.get(a_runs, r)), a_step),
                                (code.at(b, code.get(b_runs, r)), b_step)) as (left, right):
                    right = load(right)
                    for place, row in zip(sums, a_row):
                        code.write(code.fma(load(code.at(left, row)), right, code.read(place)), place)
            with builder.if_then(builder.icmp_signed("==", start, code.integer(0))):
                for place, row in zip(sums, c_row):
                    code.write(code.add(load(row), code.read(place)), place)
            with builder.if_then(builder.icmp_signed("==", start, code.integer(2))):
                for place in sums:
                    code.write(code.add(load(bias), code.read(place)), place)
            with builder.if_then(builder.icmp_signed("!=", relu, code.integer(0))):
                for place in sums:
                    code.write(code.maximum(code.constant(0), code.read(place)), place)
            for place, row in zip(sums, c_row):
                save(code.read(place), row)
        with code.branch(builder.icmp_signed(">=", columns, code.integer(code.lanes))) as (whole, partial):
            with whole:
                body(code.load, code.store)
            with partial:
                body(lambda p: code.load_masked(p, mask), lambda value, p: code.store_masked(value, p, mask))
    return tile_lanes


tile_lanes = _tile_lanes(LANE_ROWS)


# Where in a plan the numbers stand that kernels read of it: four in a row, for batch, depth, height, width; single ones

OUT, CUTS, SIZE, STRIDE, BEFORE, REACH, SOURCE_STEP, SEEN_STEP, A_STEP, C_STEP = range(0, 40, 4)
(LANEWISE, TOGETHER, GROUP_COLUMNS, GROUP_STEP, PANELS, COLUMNS, WIDTH, CHANNELS, TAPS, ELEMENTS, RUNS, LENGTH, STEP,
 C_BASE, BORDER, BUFFER, MOST, SUMS) = range(40, 58)
NUMBERS = 58


@device
def _box(item, plan, start, count):
    """Where on each axis the box with this number starts, and how many outputs it holds; returns their number."""
    outputs = 1
    for axis in (3, 2, 1, 0):
        cuts = plan[CUTS + axis]
        cut = item % cuts
        item //= cuts
        start[axis] = plan[OUT + axis] * cut // cuts
        count[axis] = plan[OUT + axis] * (cut + 1) // cuts - start[axis]
        outputs *= count[axis]
    return outputs


@device
def _border(x, plan, start, count, out):
    """Copy what a box sees of ``x`` to ``out``, with zeros where there is no image."""
    channels = plan[SOURCE_STEP + 3]
    low = start[3] * plan[STRIDE + 3] - plan[BEFORE + 3]
    wide = (count[3] - 1) * plan[STRIDE + 3] + plan[REACH + 3]
    left = min(max(-low, 0), wide)
    right = max(min(plan[SIZE + 3] - low, wide), left)
    for n in range(count[0]):
        for d in range((count[1] - 1) * plan[STRIDE + 1] + plan[REACH + 1]):
            z = start[1] * plan[STRIDE + 1] - plan[BEFORE + 1] + d
            for h in range((count[2] - 1) * plan[STRIDE + 2] + plan[REACH + 2]):
                y = start[2] * plan[STRIDE + 2] - plan[BEFORE + 2] + h
                line = at(out, n * plan[SEEN_STEP] + d * plan[SEEN_STEP + 1] + h * plan[SEEN_STEP + 2])
                inside = 0 <= z < plan[SIZE + 1] and 0 <= y < plan[SIZE + 2]
                end = left * channels if inside else wide * channels
                for i in range(end):
                    line[i] = 0
                if inside:
                    source = at(x, (start[0] + n) * plan[SOURCE_STEP] + z * plan[SOURCE_STEP + 1]
                                + y * plan[SOURCE_STEP + 2] + low * channels)
                    for i in range(end, right * channels):
                        line[i] = source[i]
                    for i in range(right * channels, wide * channels):
                        line[i] = 0


@device
def _seen(x, plan, start, count, scratch):
    """Where the box's first window begins: in the source itself, or in its bordered copy."""
    if plan[BORDER]:
        _border(x, plan, start, count, scratch)
        return scratch
    offset = 0
    for axis in range(4):
        offset += (start[axis] * plan[STRIDE + axis] - plan[BEFORE + axis]) * plan[SOURCE_STEP + axis]
    return at(x, offset)


@device
def _lines(count, step, out):
    """Where each line of a box begins, from its first, in an image with these steps from output to output."""
    i = 0
    for n in range(count[0]):
        for d in range(count[1]):
            for h in range(count[2]):
                out[i] = n * step[0] + d * step[1] + h * step[2]
                i += 1
    return i


@device
def _places(count, step, out):
    """The same for each output of a box. The lines' go to the end of the table, and are then overwritten."""
    lines = at(out, count[0] * count[1] * count[2] * (count[3] - 1))
    for i in range(_lines(count, step, lines)):
        line, places = lines[i], at(out, i * count[3])
        for w in range(count[3]):
            places[w] = line + w * step[3]


@device
def _panel(unit, plan):
    """The group of a panel of columns, its first column, and how many it has."""
    group, panel = unit // plan[PANELS], unit % plan[PANELS]
    column = group * plan[GROUP_COLUMNS] + panel * plan[WIDTH]
    return group, column, min(plan[WIDTH], plan[GROUP_COLUMNS] - panel * plan[WIDTH], plan[COLUMNS] - column)


@kernel("*f *f *f *f *f *i *i *i i i i i i i")
def correlate(x, weights, bias, c, scratch, places, plan, runs, low, high, unit_low, unit_high, start, relu):
    """Boxes ``low`` to ``high`` of a correlation, of them the panels of columns ``unit_low`` to ``unit_high``.

    ``places`` is scratch, ``runs`` holds where the runs begin in the source and then in the packed weights.
    """
    begin, count, a_rest, c_rest = places, at(places, 4), at(places, 8), at(places, 8 + NARROW)
    a_places = at(places, 8 + 2 * NARROW)
    c_places = at(a_places, plan[MOST])
    a_step, c_step = at(plan, A_STEP), at(plan, C_STEP)
    length, step = plan[LENGTH], plan[STEP]
    known = 0       # so many places are in the table: a smaller box has the first of them
    for item in range(low, high):
        outputs = _box(item, plan, begin, count)
        if outputs > known:
            _places(count, a_step, a_places)
            _places(count, c_step, c_places)
            known = outputs
        image = _seen(x, plan, begin, count, scratch)
        corner = plan[C_BASE]
        for axis in range(4):
            corner += begin[axis] * c_step[axis]
        # a panel of weights goes over the whole box; channels in lanes go side by side, as they lie in memory
        stretch = LANE_ROWS if plan[LANEWISE] else outputs
        for begun in range(0, outputs, stretch):
            for unit in range(unit_low, unit_high):
                group, column, columns = _panel(unit, plan)
                a, out, start_row = at(image, group * plan[GROUP_STEP]), at(c, corner + column), at(bias, column)
                b = at(weights, unit * plan[TAPS] * plan[CHANNELS] * plan[WIDTH])
                rows = LANE_ROWS if plan[LANEWISE] else ROWS if columns > LANES else NARROW
                for part in range(plan[SUMS]):
                    run = plan[RUNS] * part // plan[SUMS]
                    count_runs = plan[RUNS] * (part + 1) // plan[SUMS] - run
                    a_runs, b_runs = at(runs, run), at(runs, plan[RUNS] + run)
                    from_what = start if part == 0 else 0
                    rectified = relu if part == plan[SUMS] - 1 else 0
                    for done in range(begun, min(begun + stretch, outputs), rows):
                        a_rows, c_rows = at(a_places, done), at(c_places, done)
                        if done + rows > outputs:
                            for i in range(rows):
                                a_rest[i] = a_places[min(done + i, outputs - 1)]
                                c_rest[i] = c_places[min(done + i, outputs - 1)]
                            a_rows, c_rows = a_rest, c_rest
                        if plan[LANEWISE]:
                            tile_lanes(a, a_rows, step, b, LANES, count_runs, a_runs, b_runs, length, out, c_rows,
                                       columns, from_what, start_row, rectified)
                        elif plan[TOGETHER] == 2:
                            tile_pairs(a, a_rows, step, b, LANES, count_runs, a_runs, b_runs, length, out, c_rows,
                                       columns, from_what, start_row, rectified)
                        elif plan[TOGETHER] == 4:
                            tile_fours(a, a_rows, step, b, LANES, count_runs, a_runs, b_runs, length, out, c_rows,
                                       columns, from_what, start_row, rectified)
                        elif columns > LANES:
                            tile(a, a_rows, step, b, PANEL, count_runs, a_runs, b_runs, length, out, c_rows, columns,
                                 from_what, start_row, rectified)
                        else:
                            tile_narrow(a, a_rows, step, b, PANEL, count_runs, a_runs, b_runs, length, out, c_rows,
                                        columns, from_what, start_row, rectified)


@kernel("*f *f *f *f *i *i *i i i i i")
def correlate_weights(x, g, dw, scratch, places, plan, elements, low, high, unit_low, unit_high):
    """What boxes ``low`` to ``high`` give to the gradient of the weights (taps, channels, filters), which it sets.

    ``elements`` holds, for each tap and channel, where it lies in the window, and then where in the gradient.
    """
    begin, count, a_runs = places, at(places, 4), at(places, 8)
    b_runs = at(a_runs, plan[MOST])
    a_step, c_step = at(plan, A_STEP), at(plan, C_STEP)
    total, rest = plan[ELEMENTS], at(elements, plan[ELEMENTS] + NARROW)
    packed, nothing = at(scratch, plan[BUFFER]), dw
    for item in range(low, high):
        _box(item, plan, begin, count)
        image = _seen(x, plan, begin, count, scratch)
        lines, length, corner = _lines(count, a_step, a_runs), count[3], 0
        for axis in range(4):
            corner += begin[axis] * c_step[axis]
        for unit in range(unit_low, unit_high):
            group, column, columns = _panel(unit, plan)
            a, b, b_step = at(image, group * plan[GROUP_STEP]), at(g, corner + column), c_step[3]
            packing = not plan[LANEWISE] and (columns % LANES != 0 or total > PACKED)
            _lines(count, c_step, b_runs)
            if packing:
                for i in range(lines):
                    pack_panel(at(b, b_runs[i]), b_step, length, columns, 0, at(packed, i * length * PANEL))
                    b_runs[i] = i * length * PANEL
                b, b_step = packed, PANEL
            rows = LANE_ROWS if plan[LANEWISE] else ROWS if columns > LANES else NARROW
            for done in range(0, total, rows):
                if plan[LANEWISE]:
                    tile_lanes(a, at(elements, done), a_step[3], b, b_step, lines, a_runs, b_runs, length,
                               at(dw, column), at(rest, done), columns, 1 if item == low else 0, nothing, 0)
                elif columns > LANES:
                    tile(a, at(elements, done), a_step[3], b, b_step, lines, a_runs, b_runs, length,
                         at(dw, column), at(rest, done), columns, 1 if item == low else 0, nothing, 0)
                else:
                    tile_narrow(a, at(elements, done), a_step[3], b, b_step, lines, a_runs, b_runs, length,
                                at(dw, column), at(rest, done), columns, 1 if item == low else 0, nothing, 0)


@kernel("*f *f *i *i i i i i i i")
def pack_weights(w, out, plan, taps, low, high, step, group_step, panel_step, transposed):
    """Weights as :func:`correlate` reads them: (panels of columns, taps, channels, columns), zeros beyond the last.

    Those of a tap begin at ``taps[i]``, of a group and of a panel so many steps further; in ``w`` either the columns
    lie side by side, or, transposed, the channels.
    """
    length, width = plan[CHANNELS], plan[WIDTH]
    for unit in range(low, high):
        group, _, columns = _panel(unit, plan)
        begin = group * group_step + unit % plan[PANELS] * panel_step
        for i in range(plan[TAPS]):
            b, panel = at(w, taps[i] + begin), at(out, (unit * plan[TAPS] + i) * length * width)
            if plan[LANEWISE]:
                store(panel, 0, load_masked(b, first(columns)))
            elif plan[TOGETHER] > 1:
                column_step, k_step = (step, 1) if transposed else (1, step)
                for k in range(length):
                    side_by_side = at(panel, k // plan[TOGETHER] * LANES + k % plan[TOGETHER])
                    for j in range(width):
                        side_by_side[j * plan[TOGETHER]] = b[j * column_step + k * k_step] if j < columns else ZERO
            else:
                pack_panel(b, step, length, columns, transposed, panel)


@kernel("*f *f *f i i i")
def column_sums(x, out, block, low, high, columns):
    """The sums of the columns over rows ``low`` to ``high``; by blocks of 256 rows, whose ``block`` rounds less."""
    for j in range(columns):
        out[j] = 0
    for begin in range(low, high, 256):
        for j in range(columns):
            block[j] = 0
        end = min(begin + 256, high)
        row = begin
        while row + 4 <= end:
            a, b, c, d = at(x, row * columns), at(x, (row + 1) * columns), at(x, (row + 2) * columns), \
                at(x, (row + 3) * columns)
            for j in range(columns):
                block[j] += (a[j] + b[j]) + (c[j] + d[j])
            row += 4
        while row < end:
            for j in range(columns):
                block[j] += x[row * columns + j]
            row += 1
        for j in range(columns):
            out[j] += block[j]
