"""Matrix products: C = A B, either matrix transposed, for one pair or a batch; a bias and a rectifier at the end.

C is cut into blocks of up to 240 rows and one panel of columns (two vectors). For each panel and each 384 rows of B,
that part of B is packed so that the tile reads it in order, from the first or second cache; then tiles go down the
rows. A is read where it is. Every number is summed in the order of k by one thread, so its bits depend on nothing else.
"""

import math

import numpy as np

from .jit import FLOAT32, NOTHING, contiguous, device, entry, kernel, table, workspace
from .memory import empty
from .simd import LANES, at, first, load, load_masked, store
from .threads import split
from .tiles import NARROW, PANEL, ROWS, tile, tile_narrow, transpose

BLOCK_ROWS, BLOCK_K = 240, 384
FLOP = 20_000_000       # so much work is worth a thread: some 100 us
SMALL = 131_072         # up to so many multiplications NumPy's BLAS, on one thread then, is done before a kernel begins


@device
def pack_panel(b, step, length, columns, transposed, out):
    """The panel ``out[k, j]`` of ``b[k step + j]`` (transposed: of ``b[j step + k]``), zeros beyond ``columns``."""
    if not transposed:
        if columns >= PANEL:
            for k in range(length):
                store(out, k * PANEL, load(b, k * step))
                store(out, k * PANEL + LANES, load(b, k * step + LANES))
        else:
            low, high = first(columns), first(columns - LANES)
            for k in range(length):
                store(out, k * PANEL, load_masked(at(b, k * step), low))
                store(out, k * PANEL + LANES, load_masked(at(b, k * step + LANES), high))
        return
    for j in range(0, PANEL, LANES):
        done = 0
        if columns - j >= LANES:
            while done + LANES <= length:
                transpose(at(out, done * PANEL + j), at(b, j * step + done), step, PANEL)
                done += LANES
        for i in range(LANES):
            if j + i < columns:
                for k in range(done, length):
                    out[k * PANEL + j + i] = b[(j + i) * step + k]
            else:
                for k in range(done, length):
                    out[k * PANEL + j + i] = 0


@kernel("*f *f *f *f *f *i i i i i i i i i i")
def gemm(a, b, bias, c, scratch, places, low, high, m, n, k, flags, a_batch, b_batch, c_batch):
    """Blocks ``low`` to ``high``; ``flags``: 1 A transposed, 2 B transposed, 4 bias, 8 rectifier, 16 add to C.

    ``places`` holds 3 * 16 integers: rows of A, rows of C, and a zero.
    """
    panels = (n + PANEL - 1) // PANEL
    blocks = (m + BLOCK_ROWS - 1) // BLOCK_ROWS
    a_rows, c_rows, zero = places, at(places, 16), at(places, 32)
    zero[0] = 0
    a_row, a_step = (1, m) if flags & 1 else (k, 1)
    parts = max(1, (k + BLOCK_K - 1) // BLOCK_K)
    for item in range(low, high):
        panel = item % panels
        block = item // panels % blocks
        pair = item // (panels * blocks)
        column = panel * PANEL
        columns = min(PANEL, n - column)
        row0, row1 = m * block // blocks, m * (block + 1) // blocks
        for part in range(parts):
            k0, k1 = k * part // parts, k * (part + 1) // parts
            right = at(b, pair * b_batch + (column * k + k0 if flags & 2 else k0 * n + column))
            b_step = n
            if flags & 2 or columns < PANEL or row1 - row0 > NARROW:
                pack_panel(right, k if flags & 2 else n, k1 - k0, columns, flags & 2, scratch)
                right, b_step = scratch, PANEL
            left = at(a, pair * a_batch + k0 * a_step)
            out = at(c, pair * c_batch + column)
            start = 0 if part > 0 or flags & 16 else 2 if flags & 4 else 1
            relu = 1 if part == parts - 1 and flags & 8 else 0
            rows = ROWS if columns > LANES else NARROW
            row = row0
            while row < row1:
                for i in range(rows):
                    r = min(row + i, row1 - 1)
                    a_rows[i] = r * a_row
                    c_rows[i] = r * n
                if columns > LANES:
                    tile(left, a_rows, a_step, right, b_step, 1, zero, zero, k1 - k0, out, c_rows, columns,
                         start, at(bias, column), relu)
                else:
                    tile_narrow(left, a_rows, a_step, right, b_step, 1, zero, zero, k1 - k0, out, c_rows, columns,
                                start, at(bias, column), relu)
                row += rows


def _matmul_reference(a, b, transpose_a=False, transpose_b=False, bias=None, relu=False, out=None, accumulate=False):
    c = np.matmul(a.swapaxes(-1, -2) if transpose_a else a, b.swapaxes(-1, -2) if transpose_b else b)
    c = c if bias is None else c + bias
    c = c + out if accumulate else c
    c = np.maximum(c, 0, out=c) if relu else c
    if out is None:
        return c
    out[...] = c
    return out


@entry(_matmul_reference)
def matmul(a, b, transpose_a=False, transpose_b=False, bias=None, relu=False, out=None, accumulate=False):
    """``A B`` for matrices, or for stacks of as many matrices.

    Arguments:
        a: (..., m, k), or (..., k, m) with ``transpose_a``.
        b: (..., k, n), or (..., n, k) with ``transpose_b``: with as many matrices as ``a``, or a single one.
        bias: (n,), added to every row.
        relu: negative results become 0.
        out: where to write, contiguous (..., m, n).
        accumulate: add to what ``out`` holds, before the rectifier.
    """
    m, k = a.shape[-2:] if not transpose_a else a.shape[:-3:-1]
    n = b.shape[-2] if transpose_b else b.shape[-1]
    if b.shape[-1 if transpose_b else -2] != k or bias is not None and bias.shape != (n,):
        raise ValueError(f"matmul of shapes {a.shape} and {b.shape} does not fit, or not to its bias")
    batch = math.prod(a.shape[:-2])
    if b.ndim == 2 and batch > 1 and not transpose_a:       # one matrix for all: a single tall product
        m, batch = m * batch, 1
    if batch * m * n * k <= SMALL or a.dtype is not FLOAT32 or b.dtype is not FLOAT32:
        return _matmul_reference(a, b, transpose_a, transpose_b, bias, relu, out, accumulate)
    a, b = contiguous(a, b)
    if out is None:
        out = empty((*a.shape[:-2], a.shape[-1 if transpose_a else -2], n))
    total = batch * -(-m // BLOCK_ROWS) * -(-n // PANEL.value())
    flags = transpose_a | transpose_b << 1 | (bias is not None) << 2 | relu << 3 | accumulate << 4
    if accumulate and bias is not None:
        out += bias
    bias = NOTHING if bias is None else bias
    sizes = m, n, k, flags, m * k, k * n if b.ndim > 2 else 0, m * n

    def run(_part, low, high):
        gemm(a, b, bias, out, workspace(BLOCK_K * PANEL.value()), table(48), low, high, *sizes)
    split(total, run, total * FLOP // max(1, 2 * batch * m * n * k))
    return out
