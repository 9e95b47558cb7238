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


def _tile(rows, vectors):
    @instruction("ppipipppippiipi")
    def tile(code: Code, a, a_rows, a_step, b, b_step, runs, a_runs, b_runs, length, c, c_rows, columns, start, bias,
             relu):
        """``C[i, j] = start + sum over runs r and k < length of A[i, r, k] B[r, k, j]``.

        ``A[i, r, k]`` is ``a[a_rows[i] + a_runs[r] + k a_step]``, ``B[r, k, j]`` is ``b[b_runs[r] + k b_step + j]`` and
        ``C[i, j]`` is ``c[c_rows[i] + j]``. Only the first ``columns`` are written; B is read in whole vectors.
        ``start``: 0 what C holds, 1 zero, 2 ``bias[j]``. With ``relu`` negative results become 0.
        """
        builder, width = code.builder, code.lanes
        grid = [(i, j) for i in range(rows) for j in range(vectors)]
        a_row = [code.at(a, code.get(a_rows, i)) for i in range(rows)]
        c_row = [code.at(c, code.get(c_rows, i)) for i in range(rows)]
        masks = [code.first(builder.sub(columns, code.integer(j * width))) for j in range(vectors)]
        whole = builder.icmp_signed(">=", columns, code.integer(vectors * width))
        sums = {at: code.variable(code.constant(0)) for at in grid}
        with builder.if_then(builder.icmp_signed("==", start, code.integer(0))):
            with code.branch(whole) as (then, otherwise):
                with then:
                    for i, j in grid:
                        code.write(code.load(c_row[i], j * width), sums[i, j])
                with otherwise:
                    for i, j in grid:
                        code.write(code.load_masked(code.at(c_row[i], j * width), masks[j]), sums[i, j])
        with builder.if_then(builder.icmp_signed("==", start, code.integer(2))):
            for j in range(vectors):
                value = code.load_masked(code.at(bias, j * width), masks[j])
                for i in range(rows):
                    code.write(value, sums[i, j])
        with code.loop(runs) as r:
            a_run, b_run = code.get(a_runs, r), code.at(b, code.get(b_runs, r))
            with code.loop(length) as k:
                step = builder.add(a_run, builder.mul(k, a_step))
                b_row = code.at(b_run, builder.mul(k, b_step))
                right = [code.load(b_row, j * width) for j in range(vectors)]
                for i in range(rows):
                    left = code.broadcast(a_row[i], step)
                    for j in range(vectors):
                        code.write(code.fma(left, right[j], code.read(sums[i, j])), sums[i, j])
        with builder.if_then(builder.icmp_signed("!=", relu, code.integer(0))):
            for at in grid:
                code.write(code.maximum(code.constant(0), code.read(sums[at])), sums[at])
        with code.branch(whole) as (then, otherwise):
            with then:
                for i, j in grid:
                    code.store(code.read(sums[i, j]), c_row[i], j * width)
            with otherwise:
                for i, j in grid:
                    code.store_masked(code.read(sums[i, j]), code.at(c_row[i], j * width), masks[j])
    return tile


tile = _tile(ROWS, 2)
tile_narrow = _tile(NARROW, 1)


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
