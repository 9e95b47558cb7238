"""How each op is written down: a table by the op's name, of functions of a :class:`~.writer.Writer` and a line."""

import math
from collections.abc import Callable

import numpy as np

from ..autograd.capture import Slot
from ..kernels import elementwise, rng, softmax, update
from ..kernels.gemm import BLOCK_K, BLOCK_ROWS, gemm
from ..kernels.jit import KERNELS, NOTHING
from ..kernels.memory import aligned
from ..kernels.tiles import PANEL
from .writer import ROUNDED, NotWritableError

LOWERED: dict[str, Callable] = {}       # by the op's name


def lowered(*names):
    """Enter a function ``(writer, line)`` as what writes the ops of these names."""
    def decorate(write):
        LOWERED.update(dict.fromkeys(names, write))
        return write
    return decorate


def need(condition, what):
    """Leave the program as it is unless the condition holds."""
    if not condition:
        raise NotWritableError(what)


def floats(*slots):
    """Only float32 is what the kernels take."""
    need(all(x.dtype == np.float32 for x in slots if isinstance(x, Slot)), "floats that are not float32")


# Arithmetic, element by element

ARITHMETIC = {"add": ("fadd", "add"), "subtract": ("fsub", "sub"), "multiply": ("fmul", "mul"),
              "divide": ("fdiv", None)}


@lowered(*ARITHMETIC)
def _arithmetic(w, line):
    [out] = line.outputs
    instruction = ARITHMETIC[line.op.name][out.dtype.kind != "f"]
    need(instruction and out.dtype.kind in "fi", f"{line.op.name} of {out.dtype}")
    flags = {"flags": ROUNDED} if out.dtype.kind == "f" else {}
    w.each(out, line.inputs, lambda x, y: getattr(w.builder, instruction)(x, y, **flags))


@lowered("negative")
def _negative(w, line):
    floats(*line.outputs)
    w.each(line.outputs[0], line.inputs, w.builder.fneg)


@lowered("square")
def _square(w, line):
    floats(*line.outputs)
    w.each(line.outputs[0], line.inputs, lambda x: w.builder.fmul(x, x, flags=ROUNDED))


@lowered("sqrt", "absolute")
def _root(w, line):
    floats(*line.inputs)
    name = {"sqrt": "llvm.sqrt", "absolute": "llvm.fabs"}[line.op.name]
    w.each(line.outputs[0], line.inputs, lambda x: w.intrinsic(name, x))


@lowered("relu")
def _relu(w, line):
    floats(*line.inputs)
    zero = w.constant(0, "float32")

    def write(x):       # NaN stays
        return w.builder.select(w.builder.fcmp_ordered("<", x, zero), zero, x)
    w.each(line.outputs[0], line.inputs, write)


@lowered("add_relu")
def _add_relu(w, line):
    floats(*line.outputs)
    b, zero = w.builder, w.constant(0, "float32")

    def write(x, y):
        z = b.fadd(x, y)
        return b.select(b.fcmp_ordered("<", z, zero), zero, z)
    w.each(line.outputs[0], line.inputs, write)


@lowered("maximum", "minimum")
def _extreme(w, line):
    floats(*line.outputs)
    sign, b = {"maximum": ">", "minimum": "<"}[line.op.name], w.builder

    def write(x, y):
        chosen = b.select(b.fcmp_unordered(sign, x, y), x, y)
        return b.select(b.fcmp_unordered("uno", y, y), y, chosen)
    w.each(line.outputs[0], line.inputs, write)


@lowered("astype", "broadcast_to", "copy", "positive")
def _astype(w, line):
    w.each(line.outputs[0], line.inputs, lambda x: x)


@lowered("reshape")
def _reshape(w, line):
    w.make(line.outputs[0], w.array(line.inputs[0]))


@lowered("tanh", "sigmoid", "softplus", "silu", "exp", "expm1", "log", "log1p", "erf", "tanh_grad_x", "sigmoid_grad_x",
         "softplus_grad_x", "silu_grad_x", "relu_grad_x", "leaky_relu", "leaky_relu_grad_x", "elu", "elu_grad_x",
         "sigmoid_cross_entropy", "sigmoid_cross_entropy_grad_x")
def _mapped(w, line):
    _map(w, line, line.op.name, *line.attrs.values())


@lowered("gelu", "gelu_grad_x")
def _gelu(w, line):
    _map(w, line, line.op.name.replace("gelu", "gelu_tanh") if line.attrs["approximate"] else line.op.name)


def _map(w, line, name, *numbers):
    """An elementwise kernel over whole arrays."""
    [out] = line.outputs
    floats(*line.inputs, out)
    need(all(isinstance(x, Slot) and x.shape == out.shape for x in line.inputs), "operands of several shapes")
    w.make(out)
    entry = getattr(elementwise, name).entry
    w.kernel(KERNELS[f"map_{entry.name}"], *line.inputs, out, 0, math.prod(out.shape), *numbers)


# Parts of arrays

def _rows(w, source, out, count, length, source_step, out_step, source_start=0, out_start=0):
    """Copy so many stretches of numbers, which are so far apart on both sides."""
    source, b = w.array(source), w.builder
    with w.loop(count) as i:
        before = b.add(b.mul(i, w.i64(source_step)), w.i64(source_start))
        after = b.add(b.mul(i, w.i64(out_step)), w.i64(out_start))
        with w.loop(length) as j:
            value = w.cast(w.load(source, b.add(before, j)), source.dtype, out.dtype)
            w.store(value, out, b.add(after, j))


@lowered("concatenate")
def _concatenate(w, line):
    [out] = line.outputs
    axis, start = line.attrs["axis"] % len(out.shape), 0
    made, width = w.make(out), math.prod(out.shape[axis:])
    for x in line.inputs:
        length = math.prod(x.shape[axis:])
        need(length, "a part without elements")
        _rows(w, x, made, math.prod(out.shape[:axis]), length, length, width, 0, start)
        start += length


@lowered("slice_along")
def _slice_along(w, line):
    [x], [out], axis = line.inputs, line.outputs, line.attrs["axis"]
    length, inner = math.prod(out.shape[axis:]), math.prod(out.shape[axis + 1:])
    _rows(w, x, w.make(out), math.prod(out.shape[:axis]), length, math.prod(x.shape[axis:]), length,
          line.attrs["start"] * inner)


@lowered("flip")
def _flip(w, line):
    [x], [out], axis, b = line.inputs, line.outputs, line.attrs["axis"], w.builder
    turned = {a % len(x.shape) for a in ((axis,) if isinstance(axis, int) else range(len(x.shape)) if axis is None
                                         else axis)}
    made, source, step = w.make(out), w.array(x), math.prod(x.shape)
    with w.loops(x.shape) as indices:
        before = after = w.i64(0)
        for a, (i, n) in enumerate(zip(indices, x.shape)):
            step //= n
            before = b.add(before, b.mul(b.sub(w.i64(n - 1), i) if a in turned else i, w.i64(step)))
            after = b.add(after, b.mul(i, w.i64(step)))
        w.store(w.load(source, before), made, after)


# Sums

@lowered("sum", "mean")
def _sum(w, line):
    [x], [out] = line.inputs, line.outputs
    need(isinstance(x, Slot) and x.dtype.kind == "f" and out.dtype == x.dtype, "a sum of integers")
    axis = line.attrs["axis"]
    axes = range(len(x.shape)) if axis is None else axis if isinstance(axis, tuple) else [axis]
    count = math.prod(x.shape[a] for a in axes)
    finish = lambda value: value
    if line.op.name == "mean":
        finish = lambda value: w.builder.fdiv(value, w.constant(count, out.dtype))
    w.total(out, x, axes, finish)


@lowered("sum_to")
def _sum_to(w, line):
    [x], [out] = line.inputs, line.outputs
    floats(x)
    lead = len(x.shape) - len(out.shape)
    need(x.shape[lead:] == out.shape, "a sum over axes in the middle")
    w.total(out, x, range(lead))


# Matrix products

def product(w, out, a, b, m, n, k, transpose_a=False, transpose_b=False, bias=None, relu=False):
    """``out = A B + bias``, with ``relu`` no less than 0."""
    w.make(out)
    scratch, places = aligned(BLOCK_K * PANEL.value()), np.zeros(48, np.int64)
    blocks = -(-m // BLOCK_ROWS) * -(-n // PANEL.value())
    flags = transpose_a | transpose_b << 1 | (bias is not None) << 2 | relu << 3
    w.kernel(gemm, a, b, NOTHING if bias is None else bias, out, scratch, places, 0, blocks, m, n, k, flags, m * k, 0,
             m * n)


@lowered("linear", "linear_relu")
def _linear(w, line):
    x, weights, bias = line.inputs
    floats(x, weights, bias)
    rows = math.prod(x.shape[:-1])
    product(w, line.outputs[0], x, weights, rows, weights.shape[1], weights.shape[0], bias=bias,
            relu=line.op.name == "linear_relu")


@lowered("linear_grad_x")
def _linear_grad_x(w, line):
    g, weights = line.inputs
    floats(g, weights)
    product(w, line.outputs[0], g, weights, math.prod(g.shape[:-1]), weights.shape[0], weights.shape[1],
            transpose_b=True)


@lowered("linear_grad_w")
def _linear_grad_w(w, line):
    x, g = line.inputs
    floats(x, g)
    product(w, line.outputs[0], x, g, x.shape[-1], g.shape[-1], math.prod(g.shape[:-1]), transpose_a=True)


@lowered("matmul")
def _matmul(w, line):
    x, y = line.inputs
    floats(x, y)
    need(len(x.shape) == len(y.shape) == 2, "stacks of matrices")
    product(w, line.outputs[0], x, y, x.shape[0], y.shape[1], x.shape[1])


@lowered("gathered")
def _gathered(w, line):
    [out], start = line.outputs, 0
    flat = w.make(out)
    for x in line.inputs:
        if not np.shares_memory(flat, w.array(x)):      # else it was made there
            w.copy(flat, x, start)
        start += math.prod(x.shape)


# Softmax and cross-entropies

@lowered("softmax")
def _softmax(w, line):
    [x], [out] = line.inputs, line.outputs
    floats(x)
    need(line.attrs["axis"] in (-1, len(x.shape) - 1), "a softmax along another axis than the last")
    w.make(out)
    w.kernel(softmax.softmax_rows, x, out, 0, math.prod(x.shape[:-1]), x.shape[-1])


@lowered("softmax_cross_entropy", "sparse_softmax_cross_entropy")
def _cross_entropy(w, line):
    (x, targets), [out], p = line.inputs, line.outputs, line.residual
    floats(x)
    need(isinstance(p, Slot), "no residual")
    w.make(out)
    w.make(p)
    rows, n = math.prod(x.shape[:-1]), x.shape[-1]
    scratch = aligned(2 * softmax.BLOCK)
    if line.op.name == "softmax_cross_entropy":
        floats(targets)
        return w.kernel(softmax.cross_entropy_rows, x, targets, out, p, scratch, 0, rows, n)
    _check(w, w.array(targets), n, line)
    labels = _labels(w, targets)
    w.kernel(softmax.sparse_cross_entropy_rows, x, labels, out, p, scratch, 0, rows, n)


@lowered("softmax_cross_entropy_grad_x", "sparse_softmax_cross_entropy_grad_x")
def _cross_entropy_grad(w, line):
    (g, x, targets, p), [out] = line.inputs, line.outputs
    floats(g, x)
    need(isinstance(p, Slot), "no softmax of the forward pass")
    w.make(out)
    rows, n = math.prod(x.shape[:-1]), x.shape[-1]
    if line.op.name == "softmax_cross_entropy_grad_x":
        floats(targets)
        return w.kernel(softmax.cross_entropy_grad_rows, g, targets, p, out, 0, rows, n)
    w.kernel(softmax.sparse_cross_entropy_grad_rows, g, _labels(w, targets), p, out, 0, rows, n)


def _labels(w, slot):
    """Labels as int64."""
    array = w.array(slot)
    if array.dtype == np.int64:
        return array
    need(array.dtype.kind in "iu", "labels that are no integers")
    out = aligned(array.shape, np.int64)
    w.copy(out, array)
    return out


def _check(w, labels, count, line):
    """Leave unless all integers lie from 0 to ``count - 1``: the op itself then says what is wrong."""
    with w.checking(labels), w.loop(labels.size) as i:
        label = w.load(labels, i)
        w.leave_if(w.builder.icmp_unsigned(">=", w.cast(label, labels.dtype, "int64"), w.i64(count)), 1)


@lowered("labels_within")
def _labels_within(w, line):
    array = w.array(line.inputs[0])
    _check(w, array, line.attrs["classes"], line)
    w.make(line.outputs[0], array)


@lowered("rows_within")
def _rows_within(w, line):
    _check(w, w.array(line.inputs[0]), line.attrs["rows"], line)


# Random numbers

def _blocks(w, position, count):
    """The numbers of the first block of words and of the one after the last."""
    b, size = w.builder, w.i64(rng.BLOCK)
    last = b.add(position, w.i64(count + rng.BLOCK - 1))
    return b.udiv(position, size), b.udiv(last, size)


@lowered("dropout")
def _dropout(w, line):
    [x], [out], stream, attrs = line.inputs, line.outputs, line.residual, line.attrs
    floats(x)
    need(attrs["shape"] == x.shape and isinstance(stream, Slot), "a noise shape of its own")
    w.make(out)
    kept, count, generator = w.make(stream), math.prod(x.shape), attrs["generator"]
    key = w.load(generator.key, 0)
    position = w.builder.atomic_rmw("add", w.pointer(generator.position), w.i64(count), "monotonic")
    w.store(key, kept, 0)
    w.store(position, kept, 1)
    _drop(w, x, out, key, position, attrs["rate"])


@lowered("dropout_grad_x")
def _dropout_grad(w, line):
    (g, stream), [out], attrs = line.inputs, line.outputs, line.attrs
    floats(g)
    need(attrs["shape"] == g.shape, "a noise shape of its own")
    w.make(out)
    _drop(w, g, out, w.load(stream, 0), w.load(stream, 1), attrs["rate"])


def _drop(w, x, out, key, position, rate):
    words, count = np.zeros(rng.BLOCK, np.uint64), math.prod(x.shape)
    first, last = _blocks(w, position, count)
    w.kernel(rng.drop, x, out, words, first, last, key, position, count, rng._threshold(rate), 1 / (1 - rate))


# State

@lowered("assign")
def _assign(w, line):
    x, value = line.inputs
    need(isinstance(value, Slot) or isinstance(value, int | float), "a value that is no number")
    if not isinstance(value, Slot):
        w.fill(w.array(x), value)
    elif value.shape == x.shape:
        w.copy(w.array(x), value)
    else:       # one number for all
        number = w.cast(w.load(value, 0), value.dtype, x.dtype)
        with w.loop(math.prod(x.shape)) as i:
            w.store(number, w.array(x), i)


def _over(w, kernel, arrays, *numbers):
    floats(*arrays)
    w.kernel(kernel, *arrays, 0, math.prod(arrays[0].shape), *numbers)


@lowered("sgd_update")
def _sgd(w, line):
    p, g, lr, velocity = line.inputs
    if velocity is None:
        return _over(w, update.sgd_plain, (p, g, lr))
    kernel = update.sgd_nesterov if line.attrs["nesterov"] else update.sgd_momentum
    _over(w, kernel, (p, g, velocity, lr), line.attrs["momentum"])


@lowered("rmsprop_update", "adagrad_update")
def _scaled(w, line):
    p, g, lr, accumulator = line.inputs
    rho = line.attrs.get("rho")
    shares = (1.0, 1.0) if rho is None else (rho, 1 - rho)
    _over(w, update.scaled_step, (p, g, accumulator, lr), *shares, line.attrs["epsilon"])


@lowered("adadelta_update")
def _adadelta(w, line):
    p, g, lr, accumulator, steps = line.inputs
    rho = line.attrs["rho"]
    _over(w, update.adadelta_step, (p, g, accumulator, steps, lr), rho, 1 - rho, line.attrs["epsilon"])


@lowered("adam_update")
def _adam(w, line):
    p, g, lr, iterations, m, v = line.inputs
    floats(p, g, lr, m, v)
    need(iterations.dtype == np.int64, "a counter that is no int64")
    b, attrs, double = w.builder, line.attrs, lambda value: w.constant(value, "float64")
    t = b.sitofp(b.add(w.load(iterations, 0), w.i64(1)), w.type("float64"))
    left = [b.fsub(double(1), w.intrinsic("llvm.pow", double(attrs[name]), t)) for name in ("beta_2", "beta_1")]
    rate = b.fmul(w.cast(w.load(lr, 0), "float32", "float64"), w.intrinsic("llvm.sqrt", left[0]))
    scaled = np.zeros((), np.float32)
    w.store(w.cast(b.fdiv(rate, left[1]), "float64", "float32"), scaled, 0)
    w.kernel(update.adam_step, p, g, m, v, scaled, 0, math.prod(p.shape), attrs["beta_1"], 1 - attrs["beta_1"],
             attrs["beta_2"], 1 - attrs["beta_2"], attrs["epsilon"])


# Metrics

@lowered("mean_state")
def _mean_state(w, line):
    (values, weights, state), [out], b = line.inputs, line.outputs, w.builder
    need(isinstance(values, Slot) and state.shape == (2,) and state.dtype == np.float64, "another state")
    array, made = w.array(values), w.make(out)
    total, weight = w.variable(w.constant(0, "float64")), w.variable(w.constant(0, "float64"))
    by = w.array(weights) if isinstance(weights, Slot) else None
    need(by is None or by.size == array.size or by.size == len(array), "weights of another shape")
    per = array.size // by.size if by is not None else array.size
    with w.loop(array.size // per) as i:
        of = w.cast(w.load(by, i), by.dtype, "float64") if by is not None else w.constant(
            1 if weights is None else weights, "float64")
        with w.loop(per) as j:
            value = w.cast(w.load(array, b.add(b.mul(i, w.i64(per)), j)), array.dtype, "float64")
            product = b.fmul(value, of)
            if by is not None:      # what has weight 0 may be anything
                zero = w.constant(0, "float64")
                product = b.select(b.fcmp_ordered("==", of, zero), zero, product)
            b.store(b.fadd(b.load(total), product), total)
            b.store(b.fadd(b.load(weight), of), weight)
    for i, place in enumerate((total, weight)):
        w.store(b.fadd(w.load(state, i), b.load(place)), made, i)


def _largest(w, array, row, n):
    """The place of the first largest number of a row; a NaN counts as the largest."""
    b = w.builder
    base = b.mul(row, w.i64(n))
    most, at = w.variable(w.load(array, base)), w.variable(w.i64(0))
    if n > 1:
        with w.loop(n - 1) as j:
            place = b.add(j, w.i64(1))
            value, before = w.load(array, b.add(base, place)), b.load(most)
            larger = b.and_(b.fcmp_unordered(">", value, before), b.fcmp_ordered("ord", before, before))
            b.store(b.select(larger, value, before), most)
            b.store(b.select(larger, place, b.load(at)), at)
    return b.load(at)


@lowered("categorical_hits", "label_hits")
def _hits(w, line):
    (targets, p), [out] = line.inputs, line.outputs
    floats(p, out)
    made, truth, guess, n = w.make(out), w.array(targets), w.array(p), p.shape[-1]
    need(targets.dtype.kind == "f" or line.op.name == "label_hits", "one-hot targets of integers")
    with w.loop(made.size) as i:
        if line.op.name == "label_hits":
            need(targets.dtype.kind in "iu", "labels that are no integers")
            right = w.cast(w.load(truth, i), truth.dtype, "int64")
        else:
            right = _largest(w, truth, i, n)
        hit = w.builder.icmp_signed("==", right, _largest(w, guess, i, n))
        w.store(w.builder.uitofp(hit, w.type(out.dtype)), made, i)


@lowered("binary_hits")
def _binary_hits(w, line):
    (targets, p), [out], b = line.inputs, line.outputs, w.builder
    floats(p, out)
    need(targets.shape == p.shape and targets.dtype.kind in "fiu", "targets of another shape")
    made, truth, guess, n = w.make(out), w.array(targets), w.array(p), p.shape[-1]
    one, zero, threshold = (w.constant(v, "float32") for v in (1, 0, line.attrs["threshold"]))
    with w.loop(made.size) as i:
        hits, base = w.variable(zero), b.mul(i, w.i64(n))
        with w.loop(n) as j:
            at = b.add(base, j)
            guessed = b.select(b.fcmp_ordered(">", w.load(guess, at), threshold), one, zero)
            hit = b.fcmp_ordered("==", w.cast(w.load(truth, at), truth.dtype, "float32"), guessed)
            b.store(b.fadd(b.load(hits), b.select(hit, one, zero)), hits)
        w.store(b.fdiv(b.load(hits), w.constant(n, "float32")), made, i)


# Tables of vectors

@lowered("take")
def _take(w, line):
    (x, indices), [out] = line.inputs, line.outputs
    floats(x)
    need(line.attrs["axis"] == 0 and isinstance(indices, Slot) and indices.dtype.kind in "iu", "a take of another kind")
    made, source, rows, n, b = w.make(out), w.array(x), w.array(indices), math.prod(x.shape[1:]), w.builder
    _check(w, rows, x.shape[0], line)       # negative ones count from the end: left to NumPy
    with w.loop(rows.size) as i:
        row = w.cast(w.load(rows, i), rows.dtype, "int64")
        with w.loop(n) as j:
            w.store(w.load(source, b.add(b.mul(row, w.i64(n)), j)), made, b.add(b.mul(i, w.i64(n)), j))
