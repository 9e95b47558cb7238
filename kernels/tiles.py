"""Tiles of matrix products, kept in registers over the whole sum: the core of products and convolutions.

A tile of C is ``rows`` x ``vectors`` vectors: 6 x 2 (12 registers of C, 2 of B, 1 of A: 95 % of the processor's peak
on 16 registers as on 32), or 12 x 1 where there is only one vector of columns. Rows may lie anywhere, each has its
offset; a tile with fewer rows names one of them several times.
"""

from .jit import Constant
from .simd import LANES, Code, instruction

ROWS = 6                                                # of the tile of two vectors
PANEL = Constant(lambda: 2 * LANES.value())             # its columns
NARROW = 12                                             # rows of the tile of one vector


def _tile(rows, vectors, together=1):
    @instruction("ppipipppippiipi")
    def tile(code: Code, a, a_rows, a_step, b, b_step, runs, a_runs, b_runs, length, c, c_rows, columns, start, bias,
             relu):
        """``C[i, j] = start + sum over runs r and k < length of A[i, r, k] B[r, k, j]``.

        ``A[i, r, k]`` is ``a[a_rows[i] + a_runs[r] + k a_step]``, ``B[r, k, j]`` is ``b[b_runs[r] + k b_step + j]`` and
        ``C[i, j]`` is ``c[c_rows[i] + j]``. Only the first ``columns`` are written; B is read in whole vectors.
        ``start``: 0 what C holds, 1 zero, 2 ``bias[j]``. With ``relu`` negative results become 0.

        With ``together``, there may only be so many times fewer columns than a vector has lanes. Each step then takes
        so many elements of A, side by side in memory, as one: a vector repeats them, and lane ``j * together + q`` of B
        belongs to column ``j`` and the q-th of them; the lanes of a column are added at the end.
        """
        builder, width = code.builder, code.lanes
        grid = [(i, j) for i in range(rows) for j in range(vectors)]
        a_row = [code.get(a_rows, i) for i in range(rows)]
        c_row = [code.at(c, code.get(c_rows, i)) for i in range(rows)]
        masks = [code.first(builder.sub(columns, code.integer(j * width))) for j in range(vectors)]
        whole = builder.icmp_signed(">=", columns, code.integer(vectors * width))
        sums = {place: code.variable(code.constant(0)) for place in grid}
        with code.loop(runs) as r:
            with code.march(length, (code.at(a, code.get(a_runs, r)), a_step),
                            (code.at(b, code.get(b_runs, r)), b_step)) as (left, right):
                right = [code.load(right, j * width) for j in range(vectors)]
                for i in range(rows):
                    one = _repeated(code, code.at(left, a_row[i]), together)
                    for j in range(vectors):
                        code.write(code.fma(one, right[j], code.read(sums[i, j])), sums[i, j])
        for place in sums.values():
            code.write(_folded(code, code.read(place), together), place)
        with builder.if_then(builder.icmp_signed("==", start, code.integer(0))):
            for i, j in grid:
                before = code.load_masked(code.at(c_row[i], j * width), masks[j])
                code.write(code.add(before, code.read(sums[i, j])), sums[i, j])
        with builder.if_then(builder.icmp_signed("==", start, code.integer(2))):
            for j in range(vectors):
                before = code.load_masked(code.at(bias, j * width), masks[j])
                for i in range(rows):
                    code.write(code.add(before, code.read(sums[i, j])), sums[i, j])
        with builder.if_then(builder.icmp_signed("!=", relu, code.integer(0))):
            for place in sums.values():
                code.write(code.maximum(code.constant(0), code.read(place)), place)
        with code.branch(whole) as (then, otherwise):
            with then:
                for i, j in grid:
                    code.store(code.read(sums[i, j]), c_row[i], j * width)
            with otherwise:
                for i, j in grid:
                    code.store_masked(code.read(sums[i, j]), code.at(c_row[i], j * width), masks[j])
    return tile


def _repeated(code, pointer, count):
    """A vector of the first ``count`` elements, over and over."""
    kind = code.ir.VectorType(code.ir.FloatType(), count)
    few = code.builder.load(code.builder.bitcast(pointer, kind.as_pointer()), align=4)
    return code.shuffle(few, few, [i % count for i in range(code.lanes)])


def _folded(code, x, count):
    """Each ``count`` lanes added, pairs first: the first lanes hold the results."""
    while count > 1:
        even, odd = ([(2 * i + one) % code.lanes for i in range(code.lanes)] for one in (0, 1))
        x, count = code.add(code.shuffle(x, x, even), code.shuffle(x, x, odd)), count // 2
    return x


tile = _tile(ROWS, 2)
tile_narrow = _tile(NARROW, 1)
tile_pairs = _tile(NARROW, 1, 2)
tile_fours = _tile(NARROW, 1, 4)


@instruction("ppii")
def transpose(code: Code, out, x, x_step, out_step):
    """``out[j out_step + i] = x[i x_step + j]`` for a square of as many rows and columns as a vector has lanes."""
    rows = [code.load(x, code.builder.mul(x_step, code.integer(i))) for i in range(code.lanes)]
    half = code.lanes // 2
    while half:         # swap the off-diagonal quarters of ever smaller squares
        low = [i if not i & half else i - half + code.lanes for i in range(code.lanes)]
        high = [i + half if not i & half else i + code.lanes for i in range(code.lanes)]
        for i in range(code.lanes):
            if not i & half:
                rows[i], rows[i + half] = (code.shuffle(rows[i], rows[i + half], lanes) for lanes in (low, high))
        half //= 2
    for j, row in enumerate(rows):
        code.store(row, out, code.builder.mul(out_step, code.integer(j)))
