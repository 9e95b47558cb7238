"""softmax, its logarithm and its cross-entropies over the last axis, forward and backward.

A row is read two or three times, from the first cache: for its largest number, for the exponentials and their sum, for
the result. Rows are shared over threads; a row is always summed by one thread in one order, so its bits depend on its
length alone.
"""

import numpy as np

from .approximate import INF, ONE, ZERO
from .approximate import exp as exp_of
from .approximate import exp_of_negative as lowered
from .approximate import log as log_of
from .jit import FLOAT32, device, entry, kernel, workspace
from .memory import empty
from .simd import LANES, Code, at, instruction
from .threads import split

GRAIN = 250_000         # elements with an exponential each: some 70 us; twice that is split
LIGHT = 1_000_000       # elements of the gradients, which read and write memory and little else
MINUS_INF = np.float32(-np.inf)
BLOCK = 32              # rows whose logarithms are taken together, as vectors: one by one they are a third of the time
AT_ONCE = 4             # maxima side by side: one would wait for itself, four times as long


@instruction("pi", "f")
def _largest_of_vectors(code: Code, x, n):
    """The largest of at least one vector of numbers; NaN are passed over."""
    builder, lanes = code.builder, code.lanes
    larger = lambda a, b: builder.select(builder.fcmp_ordered(">", a, b), a, b)
    mosts = [code.variable(code.load(x)) for _ in range(AT_ONCE)]
    with code.loop(builder.sdiv(n, code.integer(AT_ONCE * lanes))) as i:
        step = code.at(x, builder.mul(i, code.integer(AT_ONCE * lanes)))
        for j, most in enumerate(mosts):
            code.write(larger(code.load(step, j * lanes), code.read(most)), most)
    rest = builder.mul(builder.sdiv(n, code.integer(AT_ONCE * lanes)), code.integer(AT_ONCE * lanes))
    with code.loop(builder.sdiv(builder.sub(n, rest), code.integer(lanes))) as i:
        now = code.load(code.at(x, rest, builder.mul(i, code.integer(lanes))))
        code.write(larger(now, code.read(mosts[0])), mosts[0])
    found = code.load(code.at(x, builder.sub(n, code.integer(lanes))))      # overlaps the last whole vector
    for most in mosts:
        found = larger(found, code.read(most))
    half = lanes // 2
    while half:
        found = larger(code.shuffle(found, found, range(half)), code.shuffle(found, found, range(half, 2 * half)))
        half //= 2
    return builder.extract_element(found, code.ir.Constant(code.ir.IntType(32), 0))


@device
def _largest(x, n):
    """The largest of ``n`` numbers. NaN are passed over: they come back with the sum of exponentials."""
    if n >= LANES:
        return _largest_of_vectors(x, n)
    most = MINUS_INF
    for j in range(n):
        most = x[j] if x[j] > most else most
    return most


@device(inline=True, options={"fastmath": {"contract"}})
def _minus(x, y):
    """``x - y``, not to be reordered: ``x - (most + log_sum)`` has lost what is small beside ``most``."""
    return x - y


@device
def _softmax_row(x, out, n):
    """``out = softmax(x)``; returns the largest of ``x`` and the sum of ``exp(x - largest)``."""
    most, total = _largest(x, n), ZERO
    for j in range(n):
        e = lowered(_minus(x[j], most))
        out[j] = e
        total += e
    scale = ONE / total
    for j in range(n):
        out[j] *= scale
    return most, total


@device
def _sum_row(x, n):
    """The largest of ``x`` and the sum of ``exp(x - largest)``."""
    most, total = _largest(x, n), ZERO
    for j in range(n):
        total += lowered(_minus(x[j], most))
    return most, total


@kernel("*f *f i i i")
def softmax_rows(x, out, low, high, n):
    for row in range(low, high):
        _softmax_row(at(x, row * n), at(out, row * n), n)


@kernel("*f *f *f i i i")
def log_softmax_rows(x, out, scratch, low, high, n):
    mosts, logs = scratch, at(scratch, BLOCK)
    for block in range(low, high, BLOCK):
        rows = min(BLOCK, high - block)
        for i in range(rows):
            mosts[i], logs[i] = _sum_row(at(x, (block + i) * n), n)
        for i in range(rows):
            logs[i] = log_of(logs[i])
        for i in range(rows):
            one, to, most, log_sum = at(x, (block + i) * n), at(out, (block + i) * n), mosts[i], logs[i]
            for j in range(n):
                to[j] = _minus(_minus(one[j], most), log_sum)


@kernel("*f *f *f i i i")
def logsumexp_rows(x, out, scratch, low, high, n):
    mosts, sums = scratch, at(scratch, BLOCK)
    for block in range(low, high, BLOCK):
        rows, to = min(BLOCK, high - block), at(out, block)
        for i in range(rows):
            mosts[i], sums[i] = _sum_row(at(x, (block + i) * n), n)
        for i in range(rows):
            to[i] = mosts[i] + (log_of(sums[i]) if abs(mosts[i]) < INF else ZERO)


@kernel("*f *f *f i i i")
def softmax_grad_rows(g, y, out, low, high, n):
    for row in range(low, high):
        slope, one, to, dot = at(g, row * n), at(y, row * n), at(out, row * n), ZERO
        for j in range(n):
            dot += slope[j] * one[j]
        for j in range(n):
            to[j] = one[j] * (slope[j] - dot)


@kernel("*f *f *f i i i")
def log_softmax_grad_rows(g, y, out, low, high, n):
    for row in range(low, high):
        slope, one, to, total = at(g, row * n), at(y, row * n), at(out, row * n), ZERO
        for j in range(n):
            total += slope[j]
        for j in range(n):
            to[j] = slope[j] - exp_of(one[j]) * total


@kernel("*f *f *f *f *f i i i")
def cross_entropy_rows(x, targets, out, p, scratch, low, high, n):
    sums, masses = scratch, at(scratch, BLOCK)
    for block in range(low, high, BLOCK):
        rows, to = min(BLOCK, high - block), at(out, block)
        for i in range(rows):
            one, target = at(x, (block + i) * n), at(targets, (block + i) * n)
            most, sums[i] = _softmax_row(one, at(p, (block + i) * n), n)
            dot, mass = ZERO, ZERO
            for j in range(n):
                dot += target[j] * _minus(one[j], most)
                mass += target[j]
            to[i], masses[i] = dot, mass
        for i in range(rows):
            to[i] = _minus(masses[i] * log_of(sums[i]), to[i])


@kernel("*f *f *f *f i i i")
def cross_entropy_grad_rows(g, targets, p, out, low, high, n):
    for row in range(low, high):
        target, weight, to, mass = at(targets, row * n), at(p, row * n), at(out, row * n), ZERO
        slope = g[row]
        for j in range(n):
            mass += target[j]
        for j in range(n):
            to[j] = slope * (weight[j] * mass - target[j])


@kernel("*f *i *f *f *f i i i")
def sparse_cross_entropy_rows(x, labels, out, p, sums, low, high, n):
    for block in range(low, high, BLOCK):
        rows, to = min(BLOCK, high - block), at(out, block)
        for i in range(rows):
            one = at(x, (block + i) * n)
            most, sums[i] = _softmax_row(one, at(p, (block + i) * n), n)
            to[i] = _minus(one[labels[block + i]], most)
        for i in range(rows):
            to[i] = _minus(log_of(sums[i]), to[i])


@kernel("*f *i *f *f i i i")
def sparse_cross_entropy_grad_rows(g, labels, p, out, low, high, n):
    for row in range(low, high):
        weight, to, slope = at(p, row * n), at(out, row * n), g[row]
        for j in range(n):
            to[j] = slope * weight[j]
        to[labels[row]] -= slope


def _over_rows(code, arrays, rows, n, scratch=0, grain=GRAIN):
    """Run a kernel over all rows of ``n`` numbers; ``scratch`` floats of memory are its last array."""
    arrays = [a if a.flags.c_contiguous else np.ascontiguousarray(a) for a in arrays]
    if rows * n < 2 * grain:
        code(*arrays, *_scratch(scratch), 0, rows, n)
    else:
        split(rows, lambda _part, low, high: code(*arrays, *_scratch(scratch), low, high, n), max(1, grain // n))


def _scratch(count):
    return (workspace(count),) if count else ()


def _like_rows(code, *arrays, scratch=0, grain=GRAIN):
    """What a kernel writes for rows of the last axis: an array of the last one's shape."""
    out, n = empty(arrays[-1].shape), arrays[-1].shape[-1]
    _over_rows(code, (*arrays, out), out.size // n, n, scratch, grain)
    return out


def _along(axis, entry_, *arrays):
    """A function of the last axis, along another one."""
    arrays = [np.moveaxis(a, axis, -1) for a in arrays]
    return np.ascontiguousarray(np.moveaxis(entry_(*arrays), -1, axis))


def _float32(*arrays):
    """Whether the arrays are float32 and not empty: the rest is left to the references."""
    for a in arrays:
        if type(a) is not np.ndarray or a.dtype is not FLOAT32 or not a.size:
            return False
    return True


def _shifted(x, axis=-1):
    """``x`` less its largest along ``axis``, where the exponential is no larger than 1."""
    return x - np.maximum.reduce(x, axis=axis, keepdims=True, initial=-np.inf)


def _softmax(x, axis=-1):
    e = np.exp(_shifted(x, axis))
    return np.divide(e, np.add.reduce(e, axis=axis, keepdims=True), out=e if e.dtype.kind == "f" else None)


@entry(_softmax)
def softmax(x, axis=-1):
    """``exp(x) / sum(exp(x))`` along ``axis``, without overflow."""
    if not _float32(x) or type(axis) is not int:
        return _softmax(x, axis)
    if axis not in (-1, x.ndim - 1):
        return _along(axis, softmax, x)
    return _like_rows(softmax_rows, x)


def _softmax_grad(g, y, axis=-1):
    return y * (g - np.add.reduce(g * y, axis=axis, keepdims=True))


@entry(_softmax_grad)
def softmax_grad_x(g, y, axis=-1):
    """The gradient of ``y = softmax(x)``."""
    if not _float32(g, y) or type(axis) is not int:
        return _softmax_grad(g, y, axis)
    if axis not in (-1, y.ndim - 1):
        return _along(axis, softmax_grad_x, g, y)
    return _like_rows(softmax_grad_rows, g, y, grain=LIGHT)


def _log_softmax(x, axis=-1):
    shifted = _shifted(x, axis)
    return shifted - np.log(np.add.reduce(np.exp(shifted), axis=axis, keepdims=True))


@entry(_log_softmax)
def log_softmax(x, axis=-1):
    """The logarithm of :func:`softmax`, without overflow or loss of small probabilities."""
    if not _float32(x) or type(axis) is not int:
        return _log_softmax(x, axis)
    if axis not in (-1, x.ndim - 1):
        return _along(axis, log_softmax, x)
    return _like_rows(log_softmax_rows, x, scratch=2 * BLOCK)


def _log_softmax_grad(g, y, axis=-1):
    return g - np.exp(y) * np.add.reduce(g, axis=axis, keepdims=True)


@entry(_log_softmax_grad)
def log_softmax_grad_x(g, y, axis=-1):
    """The gradient of ``y = log_softmax(x)``."""
    if not _float32(g, y) or type(axis) is not int:
        return _log_softmax_grad(g, y, axis)
    if axis not in (-1, y.ndim - 1):
        return _along(axis, log_softmax_grad_x, g, y)
    return _like_rows(log_softmax_grad_rows, g, y)


def _logsumexp(x):
    most = np.maximum.reduce(x, axis=-1, keepdims=True, initial=-np.inf)
    base = np.where(np.isfinite(most), most, np.zeros((), most.dtype))
    with np.errstate(divide="ignore"):
        return np.log(np.add.reduce(np.exp(x - base), axis=-1)) + base[..., 0]


@entry(_logsumexp)
def logsumexp(x):
    """``log(sum(exp(x)))`` along the last axis; minus infinity of nothing."""
    if not _float32(x):
        return _logsumexp(x)
    out = empty(x.shape[:-1])
    _over_rows(logsumexp_rows, (x, out), out.size, x.shape[-1], 2 * BLOCK)
    return out


# Cross-entropies of logits: one number for each row, and the softmax, of which the gradient is made

def _softmax_cross_entropy(logits, targets):
    log_p = _log_softmax(logits)
    return -np.add.reduce(targets * log_p, axis=-1), np.exp(log_p)


@entry(_softmax_cross_entropy)
def softmax_cross_entropy(logits, targets):
    """``-sum(targets * log_softmax(logits))`` along the last axis, and ``softmax(logits)``; inputs of one shape."""
    if not _float32(logits, targets):
        return _softmax_cross_entropy(logits, targets)
    out, p = empty(logits.shape[:-1]), empty(logits.shape)
    _over_rows(cross_entropy_rows, (logits, targets, out, p), out.size, logits.shape[-1], 2 * BLOCK)
    return out, p


def _softmax_cross_entropy_grad(g, targets, p):
    return g[..., None] * (p * np.add.reduce(targets, axis=-1, keepdims=True) - targets)


@entry(_softmax_cross_entropy_grad)
def softmax_cross_entropy_grad_x(g, targets, p):
    """``g * (sum(targets) * p - targets)``: ``g`` one number for each row, ``p`` the softmax of the logits."""
    if not _float32(g, targets, p):
        return _softmax_cross_entropy_grad(g, targets, p)
    return _like_rows(cross_entropy_grad_rows, g, targets, p, grain=LIGHT)


def _sparse_softmax_cross_entropy(logits, labels):
    log_p = _log_softmax(logits)
    return -np.take_along_axis(log_p, labels[..., None], -1)[..., 0], np.exp(log_p)


@entry(_sparse_softmax_cross_entropy)
def sparse_softmax_cross_entropy(logits, labels):
    """``-log_softmax(logits)[label]``, and ``softmax(logits)``; labels must be right: nothing is checked here."""
    if not _float32(logits):
        return _sparse_softmax_cross_entropy(logits, labels)
    out, p = empty(labels.shape), empty(logits.shape)
    arrays = logits, labels.astype(np.int64, copy=False), out, p
    _over_rows(sparse_cross_entropy_rows, arrays, out.size, logits.shape[-1], BLOCK)
    return out, p


def _sparse_softmax_cross_entropy_grad(g, labels, p):
    return g[..., None] * (p - np.equal(labels[..., None], np.arange(p.shape[-1])).astype(p.dtype))


@entry(_sparse_softmax_cross_entropy_grad)
def sparse_softmax_cross_entropy_grad_x(g, labels, p):
    """``g * (p - one_hot(labels))``: ``g`` one number for each row, ``p`` the softmax of the logits."""
    if not _float32(g, p):
        return _sparse_softmax_cross_entropy_grad(g, labels, p)
    return _like_rows(sparse_cross_entropy_grad_rows, g, labels.astype(np.int64, copy=False), p, grain=LIGHT)
