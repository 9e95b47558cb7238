"""Scaled dot product attention without its matrix of scores (Dao et al., FlashAttention, 2022).

Queries, keys and values are (batch, time, heads, depth): what a layer's projections give and what its last projection
takes, so that nothing is transposed. For each pair of batch and head the kernel goes over blocks of keys and, for each,
over blocks of queries: a block of scores is made, turned into weights and used while it is in the cache. The softmax
is the running one (Milakov and Gimelshein, Online normalizer calculation for softmax, 2018): each query keeps the
largest score so far and the sum of its weights; when a larger score comes, what it has summed is scaled down. The
gradient makes the scores again from the logarithm of that sum. Memory is linear in time.
"""

import math

import numpy as np

from .approximate import exp, log
from .jit import NOTHING, device, entry, kernel, table, workspace
from .memory import empty
from .simd import LANES, Code, at, instruction
from .threads import split
from .tiles import PANEL, ROWS, tile, transpose

BLOCK = 96              # queries and keys of a block: a multiple of the tiles' rows and columns; its scores take 36 KB
CHUNK = 4 * BLOCK       # queries of one piece of work, which packs the keys and values it meets
FLOP = 20_000_000       # so much work is worth a thread: some 100 us
FEW = 4                 # where there are fewer pairs of batch and head, the gradient's keys are shared out as well
MASK, BIAS, CAUSAL = 1, 2, 4
MINUS, NONE, ONE = np.float32(-np.inf), np.float32(0), np.float32(1)


# Pieces of the kernels. A block of scores lies in memory by rows of BLOCK.

@instruction("i", "i")
def _number(_code, value):
    """A constant as any other number: Numba compiles a called function anew for each constant it is given."""
    return value


@device
def _product(a, a_row, a_step, b, b_step, length, c, c_row, rows, columns, start, places):
    """``C = A B`` (``start`` 1) or ``C += A B`` (0), tile by tile; ``A[i, k]`` is ``a[i a_row + k a_step]``."""
    a_rows, c_rows, zero = places, at(places, 16), at(places, 32)
    zero[0] = 0
    for column in range(0, columns, PANEL):
        for row in range(0, rows, ROWS):
            for i in range(ROWS):
                r = min(row + i, rows - 1)
                a_rows[i] = r * a_row
                c_rows[i] = r * c_row
            tile(a, a_rows, a_step, at(b, column), b_step, 1, zero, zero, length, at(c, column), c_rows,
                 columns - column, start, c, 0)


@device
def _packed(x, step, rows, depth, scale, out):
    """The rows ``x[i step ...]`` one after the other, times ``scale``."""
    for i in range(rows):
        row, to = at(x, i * step), at(out, i * depth)
        for d in range(depth):
            to[d] = row[d] * scale


@device
def _turned(x, step, rows, padded, depth, scale, out):
    """``out[d BLOCK + i] = x[i step + d] scale``, zeros for ``i`` from ``rows`` to ``padded``."""
    done = rows // LANES * LANES
    for i in range(0, done, LANES):
        for d in range(0, depth, LANES):
            transpose(at(out, d * BLOCK + i), at(x, i * step + d), step, BLOCK)
    for d in range(depth):
        for i in range(done, rows):
            out[d * BLOCK + i] = x[i * step + d]
        for i in range(rows, padded):
            out[d * BLOCK + i] = NONE
        to = at(out, d * BLOCK)
        for i in range(rows):
            to[i] *= scale


@device
def _hide(scores, rows, keys, padded, query, key, mask, bias, steps, flags):
    """Add the bias to a block of scores, and put -inf where a query must not look, from ``query`` and ``key`` on."""
    for i in range(rows):
        row = at(scores, i * BLOCK)
        if flags & BIAS:
            added, step = at(bias, (query + i) * steps[6] + key * steps[7]), steps[7]
            for j in range(keys):
                row[j] += added[j * step]
        if flags & MASK:
            shown, step = at(mask, (query + i) * steps[2] + key * steps[3]), steps[3]
            for j in range(keys):
                row[j] = row[j] if shown[j * step] else MINUS
        last = min(keys, query + i + 1 - key) if flags & CAUSAL else keys
        for j in range(max(last, 0), padded):
            row[j] = MINUS


@instruction("pi", "f")
def _largest(code: Code, row, columns):
    """The largest of a whole number of vectors, NaN not counted: it comes through the exponential."""
    larger = lambda x, y: code.select(code.builder.fcmp_ordered(">", x, y), x, y)
    best = code.variable(code.constant(-math.inf))
    with code.loop(code.builder.sdiv(columns, code.integer(code.lanes))) as i:
        x = code.load(row, code.builder.mul(i, code.integer(code.lanes)))
        code.write(larger(x, code.read(best)), best)
    x, half = code.read(best), code.lanes // 2
    while half:
        x = larger(code.shuffle(x, x, range(half)), code.shuffle(x, x, range(half, 2 * half)))
        half //= 2
    return code.builder.extract_element(x, code.ir.Constant(code.ir.IntType(32), 0))


@device
def _weigh(scores, rows, padded, best, sums, out, out_step, width, first):
    """Scores become weights ``exp(score - best)``; ``best``, ``sums`` and ``out`` are brought to the new ``best``."""
    for i in range(rows):
        row = at(scores, i * BLOCK)
        before = best[i]
        now = max(_largest(row, padded), before)
        base = now if now > MINUS else NONE         # -inf: nothing seen so far, all weights are 0
        total = NONE
        for j in range(padded):
            weight = exp(row[j] - base)
            row[j] = weight
            total += weight
        if first:
            sums[i] = total
        elif now > before:
            shrink = exp(before - base)
            sums[i] = sums[i] * shrink + total
            to = at(out, i * out_step)
            for d in range(width):
                to[d] *= shrink
        else:
            sums[i] += total
        best[i] = now


@device
def _divide(best, sums, rows, out, out_step, width, logsumexp):
    """Divide by the sum of the weights; 0 for a query that saw nothing."""
    for i in range(rows):
        share = NONE if sums[i] == NONE else ONE / sums[i]
        to = at(out, i * out_step)
        for d in range(width):
            to[d] *= share
        logsumexp[i] = best[i] + log(sums[i])


# The kernels. ``steps``: 0 to 3 of the mask, 4 to 7 of the bias (batch, head, query, key), then batch, time and head of
# queries (8), keys (11), values (14) and the result's gradient (17).

@kernel("*f *f *f *b *f *f *f *f *i *i i i i i i i i f i")
def attention_forward(q, k, v, mask, bias, out, logsumexp, scratch, places, steps, low, high, heads, queries, keys,
                      depth, width, scale, flags):
    """Pieces ``low`` to ``high``: chunks of queries of a pair of batch and head."""
    turned = scratch
    values = at(turned, depth * BLOCK)
    scores = at(values, width * BLOCK)
    best = at(scores, BLOCK * BLOCK)
    sums = at(best, CHUNK)
    out_step = heads * width
    chunks = (queries + CHUNK - 1) // CHUNK
    zero, one, line = _number(0), _number(1), _number(BLOCK)
    for item in range(low, high):
        chunk, pair = item % chunks, item // chunks
        b, h = pair // heads, pair % heads
        q0 = chunk * CHUNK
        count = min(CHUNK, queries - q0)
        q_at = at(q, b * steps[8] + h * steps[10] + q0 * steps[9])
        out_at = at(out, (b * queries + q0) * out_step + h * width)
        mask_at, bias_at = at(mask, b * steps[0] + h * steps[1]), at(bias, b * steps[4] + h * steps[5])
        for i in range(count):
            best[i] = MINUS
        seen = min(keys, q0 + count) if flags & CAUSAL else keys
        for k0 in range(0, seen, BLOCK):
            n = min(BLOCK, keys - k0)
            padded = (n + LANES - 1) // LANES * LANES
            _turned(at(k, b * steps[11] + h * steps[13] + k0 * steps[12]), steps[12], n, padded, depth, scale, turned)
            _packed(at(v, b * steps[14] + h * steps[16] + k0 * steps[15]), steps[15], n, width, ONE, values)
            for i0 in range(0, count, BLOCK):
                rows = min(BLOCK, count - i0)
                if flags & CAUSAL and q0 + i0 + rows <= k0:
                    continue
                _product(at(q_at, i0 * steps[9]), steps[9], one, turned, line, depth, scores, line, rows, padded, one,
                         places)
                if flags & (MASK | BIAS) or n < padded or flags & CAUSAL and q0 + i0 < k0 + n:
                    _hide(scores, rows, n, padded, q0 + i0, k0, mask_at, bias_at, steps, flags)
                to = at(out_at, i0 * out_step)
                _weigh(scores, rows, padded, at(best, i0), at(sums, i0), to, out_step, width, k0 == 0)
                start = one if k0 == 0 else zero
                _product(scores, line, one, values, width, n, to, out_step, rows, width, start, places)
        _divide(best, sums, count, out_at, out_step, width, at(logsumexp, pair * queries + q0))


@device
def _means(g, g_step, out, out_step, rows, width, means):
    """``sum(g out)`` of each query: the mean of its weights' gradients."""
    for i in range(rows):
        a, b = at(g, i * g_step), at(out, i * out_step)
        total = NONE
        for d in range(width):
            total += a[d] * b[d]
        means[i] = total


@device
def _weigh_again(scores, rows, padded, logsumexp):
    """Scores become the softmax's weights."""
    for i in range(rows):
        row = at(scores, i * BLOCK)
        base = logsumexp[i] if logsumexp[i] != MINUS else NONE      # -inf: all its scores are -inf
        for j in range(padded):
            row[j] = exp(row[j] - base)


@device
def _differentiate(weights, slopes, rows, padded, means):
    """The weights' gradients become the scores': ``weight (slope - mean)``."""
    for i in range(rows):
        weight, slope, mean = at(weights, i * BLOCK), at(slopes, i * BLOCK), means[i]
        for j in range(padded):
            slope[j] = weight[j] * (slope[j] - mean)


@kernel("*f *f *f *f *f *f *b *f *f *f *f *f *i *i i i i i i i i i i f i")
def attention_backward(g, q, k, v, out, logsumexp, mask, bias, dq, dk, dv, scratch, places, steps, low, high, shares,
                       batch, heads, queries, keys, depth, width, scale, flags):
    """Pieces ``low`` to ``high``: shares of the keys of a pair of batch and head, each with a ``dq`` of its own."""
    k_turned = scratch
    k_packed = at(k_turned, depth * BLOCK)
    q_packed = at(k_packed, depth * BLOCK)
    v_turned = at(q_packed, depth * BLOCK)
    g_packed = at(v_turned, width * BLOCK)
    weights = at(g_packed, width * BLOCK)
    slopes = at(weights, BLOCK * BLOCK)
    means = at(slopes, BLOCK * BLOCK)
    q_step, g_step, k_row, v_row = steps[9], steps[18], heads * depth, heads * width
    blocks = (keys + BLOCK - 1) // BLOCK
    zero, one, line = _number(0), _number(1), _number(BLOCK)
    for item in range(low, high):
        share, pair = item % shares, item // shares
        b, h = pair // heads, pair % heads
        q_at, g_at = at(q, b * steps[8] + h * steps[10]), at(g, b * steps[17] + h * steps[19])
        mask_at, bias_at = at(mask, b * steps[0] + h * steps[1]), at(bias, b * steps[4] + h * steps[5])
        dq_at = at(dq, (share * batch + b) * queries * k_row + h * depth)
        sums = at(logsumexp, pair * queries)
        _means(g_at, g_step, at(out, b * queries * v_row + h * width), v_row, queries, width, means)
        first = blocks * share // shares
        for block in range(first, blocks * (share + 1) // shares):
            k0 = block * BLOCK
            n = min(BLOCK, keys - k0)
            padded = (n + LANES - 1) // LANES * LANES
            k_at = at(k, b * steps[11] + h * steps[13] + k0 * steps[12])
            _turned(k_at, steps[12], n, padded, depth, scale, k_turned)
            _packed(k_at, steps[12], n, depth, scale, k_packed)
            _turned(at(v, b * steps[14] + h * steps[16] + k0 * steps[15]), steps[15], n, padded, width, ONE, v_turned)
            dk_at = at(dk, (b * keys + k0) * k_row + h * depth)
            dv_at = at(dv, (b * keys + k0) * v_row + h * width)
            start = one
            for i0 in range(0, queries, BLOCK):
                rows = min(BLOCK, queries - i0)
                to = at(dq_at, i0 * k_row)
                if flags & CAUSAL and i0 + rows <= k0:
                    if block == first:      # a product over nothing writes zeros
                        _product(q_packed, zero, zero, k_packed, depth, zero, to, k_row, rows, depth, one, places)
                    continue
                _packed(at(q_at, i0 * q_step), q_step, rows, depth, ONE, q_packed)
                _packed(at(g_at, i0 * g_step), g_step, rows, width, ONE, g_packed)
                _product(q_packed, depth, one, k_turned, line, depth, weights, line, rows, padded, one, places)
                if flags & (MASK | BIAS) or n < padded or flags & CAUSAL and i0 < k0 + n:
                    _hide(weights, rows, n, padded, i0, k0, mask_at, bias_at, steps, flags)
                _weigh_again(weights, rows, padded, at(sums, i0))
                _product(weights, one, line, g_packed, width, rows, dv_at, v_row, n, width, start, places)
                _product(g_packed, width, one, v_turned, line, width, slopes, line, rows, padded, one, places)
                _differentiate(weights, slopes, rows, padded, at(means, i0))
                _product(slopes, one, line, q_packed, depth, rows, dk_at, k_row, n, depth, start, places)
                begin = one if block == first else zero
                _product(slopes, line, one, k_packed, depth, n, to, k_row, rows, depth, begin, places)
                start = zero
            for i in range(n):
                row = at(dk_at, i * k_row)
                for d in range(depth):
                    row[d] = row[d] * scale if start == 0 else NONE
            if start == 1:      # no query looks as far as here
                for i in range(n):
                    row = at(dv_at, i * v_row)
                    for d in range(width):
                        row[d] = NONE


# The entries

def _scores(q, k, mask, bias, causal, scale):
    """All scores, (batch, heads, queries, keys): -inf where a query must not look."""
    scores = np.matmul(q.transpose(0, 2, 1, 3), k.transpose(0, 2, 3, 1)) * _scale(scale, q)
    if bias is not None:
        scores = scores + bias
    if causal:
        scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
    return scores if mask is None else np.where(mask, scores, -np.inf)


def _scale(scale, q):
    return q.dtype.type(1 / math.sqrt(max(q.shape[-1], 1)) if scale is None else scale)


def _finite(x):
    """-inf, which has no difference to itself, becomes 0."""
    return np.where(np.isneginf(x), x.dtype.type(0), x)


def _attention_reference(q, k, v, mask=None, bias=None, causal=False, scale=None):
    scores = _scores(q, k, mask, bias, causal, scale)
    best = scores.max(-1, keepdims=True, initial=-np.inf)
    weights = np.exp(scores - _finite(best))
    sums = weights.sum(-1, keepdims=True)
    out = np.matmul(weights / np.where(sums == 0, 1, sums), v.transpose(0, 2, 1, 3))
    with np.errstate(divide="ignore"):
        logsumexp = best + np.log(sums)
    return np.ascontiguousarray(out.transpose(0, 2, 1, 3)), logsumexp[..., 0]


@entry(_attention_reference)
def attention(q, k, v, mask=None, bias=None, causal=False, scale=None):
    """``softmax(scale q k^T + bias) v`` for each batch and head, the softmax over the keys.

    Arguments:
        q: (batch, queries, heads, depth).
        k: (batch, keys, heads, depth).
        v: (batch, keys, heads, width).
        mask: booleans that broadcast to (batch, heads, queries, keys); a query looks at keys where it is true.
        bias: added to the scores, broadcasts like the mask.
        causal: query i looks at keys 0 to i only.
        scale: of the scores; ``1 / sqrt(depth)`` unless given.

    Returns the result, (batch, queries, heads, width), and the logarithm of the sum of the scores' exponentials,
    (batch, heads, queries), which the gradient needs. A query that may look at nothing gives 0, and -inf.
    """
    batch, queries, heads, depth = q.shape
    keys, width = k.shape[1], v.shape[3]
    scale = _scale(scale, q)
    q, k, v = _whole_vectors(q), _whole_vectors(k), _whole_vectors(v)
    out = empty((batch, queries, heads, v.shape[3]))
    logsumexp = empty((batch, heads, queries))
    if keys == 0:
        out.fill(0)
        logsumexp.fill(-np.inf)
    elif logsumexp.size:
        shape = batch, heads, queries, keys
        mask, bias, steps, flags = _surroundings(mask, bias, causal, shape, q, k, v)
        sizes = heads, queries, keys, q.shape[3], v.shape[3], scale, flags
        memory = (q.shape[3] + v.shape[3] + BLOCK) * BLOCK + 2 * CHUNK

        def run(_part, low, high):
            attention_forward(q, k, v, mask, bias, out, logsumexp, workspace(memory), table(48), steps, low, high,
                              *sizes)
        pieces = batch * heads * -(-queries // CHUNK)
        split(pieces, run, pieces * FLOP // max(1, 2 * batch * heads * queries * keys * (depth + width)))
    return out if width == v.shape[3] else np.ascontiguousarray(out[..., :width]), logsumexp


def _attention_grad_reference(g, q, k, v, out, logsumexp, mask=None, bias=None, causal=False, scale=None):
    weights = np.exp(_scores(q, k, mask, bias, causal, scale) - _finite(logsumexp)[..., None])
    q, k, v, g, out = (x.transpose(0, 2, 1, 3) for x in (q, k, v, g, out))
    slopes = weights * (np.matmul(g, v.swapaxes(-1, -2)) - (g * out).sum(-1, keepdims=True)) * _scale(scale, q)
    grads = np.matmul(slopes, k), np.matmul(slopes.swapaxes(-1, -2), q), np.matmul(weights.swapaxes(-1, -2), g)
    return tuple(np.ascontiguousarray(x.transpose(0, 2, 1, 3)) for x in grads)


@entry(_attention_grad_reference)
def attention_grad(g, q, k, v, out, logsumexp, mask=None, bias=None, causal=False, scale=None):
    """The gradients of :func:`attention` for ``q``, ``k`` and ``v``, from that of its result and its two results."""
    batch, queries, heads, depth = q.shape
    keys, width = k.shape[1], v.shape[3]
    scale = _scale(scale, q)
    g, q, k, v, out = (_whole_vectors(x) for x in (g, q, k, v, np.ascontiguousarray(out)))
    pairs, blocks = batch * heads, -(-keys // BLOCK)
    shares = 1 if pairs >= FEW else max(1, min(FEW, blocks))
    dq = empty((shares, *q.shape))
    dk, dv = empty(k.shape), empty(v.shape)
    if pairs * queries * keys:
        mask, bias, steps, flags = _surroundings(mask, bias, causal, (batch, heads, queries, keys), q, k, v, g)
        sizes = shares, batch, heads, queries, keys, q.shape[3], v.shape[3], scale, flags
        memory = (3 * q.shape[3] + 2 * v.shape[3] + 2 * BLOCK) * BLOCK + queries

        def run(_part, low, high):
            attention_backward(g, q, k, v, out, np.ascontiguousarray(logsumexp), mask, bias, dq, dk, dv,
                               workspace(memory), table(48), steps, low, high, *sizes)
        pieces = pairs * shares
        split(pieces, run, pieces * FLOP // max(1, 2 * pairs * queries * keys * (3 * depth + 2 * width)))
    else:
        for x in (dq, dk, dv):
            x.fill(0)
    dq = dq[0] if shares == 1 else dq.sum(0)
    if depth != q.shape[3]:
        dq, dk = np.ascontiguousarray(dq[..., :depth]), np.ascontiguousarray(dk[..., :depth])
    return dq, dk, dv if width == v.shape[3] else np.ascontiguousarray(dv[..., :width])


def _whole_vectors(x):
    """``x`` with its last axis contiguous and filled with zeros to whole vectors, for tiles read nothing less."""
    missing = -x.shape[3] % LANES.value()
    if missing:
        out = np.zeros((*x.shape[:3], x.shape[3] + missing), np.float32)
        out[..., :x.shape[3]] = x
        return out
    return x if x.strides[3] == 4 and not any(s % 4 for s in x.strides) else np.ascontiguousarray(x)


def _surroundings(mask, bias, causal, shape, *arrays):
    """The mask and bias, how far apart the elements of everything lie, and the flags."""
    flags = (mask is not None) * MASK | (bias is not None) * BIAS | bool(causal) * CAUSAL
    mask = NOTHING if mask is None else np.asarray(mask, bool)
    bias = NOTHING if bias is None else np.ascontiguousarray(bias, np.float32)
    steps = [*_broadcast_steps(mask, shape), *_broadcast_steps(bias, shape)] if flags & (MASK | BIAS) else [0] * 8
    for x in arrays:
        steps += [s // 4 for s in x.strides[:3]]
    return mask, bias, np.array(steps, np.int64), flags


def _broadcast_steps(x, shape):
    """How far apart the elements of ``x`` lie along each axis of the shape that it broadcasts to."""
    if x is NOTHING:
        return [0] * len(shape)
    return [s // x.itemsize for s in np.broadcast_to(x, shape).strides]
