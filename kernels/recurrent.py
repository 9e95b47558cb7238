"""Recurrent layers over whole sequences: LSTM, GRU and the simple cell, forward and back through time.

The batch is cut into as many parts as there are threads; each part goes through all its time steps in one call of a
kernel, so that nothing waits for anybody at a step. A row of the batch is computed in the same order wherever it
stands: the cut does not change a bit.

Inside a kernel the gates lie in *planes*: for each step and gate a matrix (rows, units), its rows padded to whole
vectors, so that a loop over a gate is one long loop and no product has a ragged edge. Weights are packed once per call
into *panels* of two vectors of columns, which the products read in order. The products of some steps' inputs are made
together, just before these steps: the panels then come from the first cache, the planes from the second.

On the way back the gradients of the gates are written as panels too, from which a second kernel makes the gradients of
both weights and of the bias: each of its threads takes some columns, and sums over batch and time in one fixed order.
"""

import numpy as np

from ..utils import settings
from .approximate import exp, sigmoid, tanh
from .gemm import FLOP
from .jit import NOTHING, Constant, aligned, contiguous, device, entry, kernel, workspace
from .memory import empty
from .simd import LANES, at, instruction
from .threads import parts, split
from .tiles import PANEL, transpose

GATES = {"lstm": 4, "gru": 3, "gru_reset_after": 3, "simple": 1}
ACTIVATIONS = ("tanh", "sigmoid", "relu", "linear", "hard_sigmoid", "hard_sigmoid_3", "softsign", "softplus", "elu")
TANH, SIGMOID, RELU, LINEAR, HARD, HARD_3, SOFTSIGN, SOFTPLUS, ELU = range(len(ACTIVATIONS))


# What is computed: NumPy, step by step

_FUNCTIONS = {      # the activation, and its derivative as a function of the activated value
    "tanh": (np.tanh, lambda a: 1 - a * a),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda a: a * (1 - a)),
    "relu": (lambda x: np.maximum(x, 0), lambda a: a > 0),
    "linear": (lambda x: x, np.ones_like),
    "hard_sigmoid": (lambda x: np.clip(0.2 * x + 0.5, 0, 1), lambda a: 0.2 * ((a > 0) & (a < 1))),
    "hard_sigmoid_3": (lambda x: np.clip(x / 6 + 0.5, 0, 1), lambda a: ((a > 0) & (a < 1)) / 6),
    "softsign": (lambda x: x / (1 + abs(x)), lambda a: (1 - abs(a)) ** 2),
    "softplus": (lambda x: np.logaddexp(x, 0), lambda a: -np.expm1(-a)),
    "elu": (lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), lambda a: np.where(a > 0, 1, a + 1)),
}


class _Weights:
    """The recurrent weights of a cell gate by gate, the dropout masks of its state, and its activations."""

    def __init__(self, cell, recurrent, bias, masks, activation, recurrent_activation):
        self.u = np.split(recurrent, GATES[cell], axis=1)
        self.bias = np.split(bias[1], 3) if bias is not None and bias.ndim == 2 else [0.0] * GATES[cell]
        self.masks = list(_of_gates(masks, GATES[cell]))
        self.act, self.act_slope = _FUNCTIONS[activation]
        self.rec, self.rec_slope = _FUNCTIONS[recurrent_activation]

    def products(self, h):
        return [(h * m) @ u + b for m, u, b in zip(self.masks, self.u, self.bias)]

    def back(self, gradients):
        """From the gradients of the products to that of the state."""
        return sum((g @ u.T) * m for g, u, m in zip(gradients, self.u, self.masks))

    def met(self, h):
        """What each gate's recurrent weights meet."""
        return [h * m for m in self.masks]


def _of_gates(masks, gates):
    """The mask of each gate: masks are None, (batch, n) for all gates, or (batch, gates, n)."""
    return [1.0] * gates if masks is None else [masks] * gates if masks.ndim == 2 else list(masks.swapaxes(0, 1))


# A step takes the products of the inputs (a list by gate), h and c, and returns the new h and c and the way back: a
# function from their gradients to (gradients of the products of the inputs, of the recurrent products, what the
# recurrent weights met, gradients of the h and c before).

def _lstm_step(w, z, h, c):
    i, f, g, o = (a(x + r) for a, x, r in zip((w.rec, w.rec, w.act, w.rec), z, w.products(h)))
    new = f * c + i * g
    t = w.act(new)

    def back(dh, dc):
        dc = dc + dh * o * w.act_slope(t)
        d = [dc * g * w.rec_slope(i), dc * c * w.rec_slope(f), dc * i * w.act_slope(g), dh * t * w.rec_slope(o)]
        return d, d, w.met(h), w.back(d), dc * f
    return o * t, new, back


def _gru_step(w, z, h, c):
    update, reset = (w.rec(x + r) for x, r in zip(z[:2], w.products(h)))
    met = w.met(h)
    kept = met[2]
    met[2] = reset * kept
    new = w.act(z[2] + met[2] @ w.u[2])

    def back(dh, dc):
        d_new = dh * (1 - update) * w.act_slope(new)
        d_met = d_new @ w.u[2].T
        d = [dh * (h - new) * w.rec_slope(update), d_met * kept * w.rec_slope(reset), d_new]
        return d, d, met, dh * update + d_met * reset * w.masks[2] + w.back(d[:2]), dc
    return update * h + (1 - update) * new, c, back


def _gru_reset_after_step(w, z, h, c):
    products = w.products(h)
    update, reset = (w.rec(x + r) for x, r in zip(z[:2], products))
    new = w.act(z[2] + reset * products[2])

    def back(dh, dc):
        d_new = dh * (1 - update) * w.act_slope(new)
        d = [dh * (h - new) * w.rec_slope(update), d_new * products[2] * w.rec_slope(reset)]
        after = [*d, d_new * reset]
        return [*d, d_new], after, w.met(h), dh * update + w.back(after), dc
    return update * h + (1 - update) * new, c, back


def _simple_step(w, z, h, c):
    new = w.act(z[0] + w.products(h)[0])

    def back(dh, dc):
        d = [dh * w.act_slope(new)]
        return d, d, w.met(h), w.back(d), dc
    return new, c, back


_STEPS = {"lstm": _lstm_step, "gru": _gru_step, "gru_reset_after": _gru_reset_after_step, "simple": _simple_step}


def _walk(cell, x, kernel, recurrent, bias, h, c, mask, dropout, recurrent_dropout, activation, recurrent_activation,
          backwards, zero_output):
    """The outputs, the last states, and for each step ``(time, rows that take it, the way back)``."""
    w = _Weights(cell, recurrent, bias, recurrent_dropout, activation, recurrent_activation)
    batch, time = x.shape[:2]
    h, c = (np.zeros((batch, len(recurrent)), x.dtype) if s is None else s for s in (h, c))
    kernels, kept = np.split(kernel, GATES[cell], axis=1), _of_gates(dropout, GATES[cell])
    biases = [0.0] * GATES[cell] if bias is None else np.split(bias if bias.ndim == 1 else bias[0], GATES[cell])
    y, trail, before = np.zeros((batch, time, len(recurrent)), x.dtype), [], np.zeros_like(h)
    for s in range(time):
        t = time - 1 - s if backwards else s
        z = [(x[:, t] * m) @ k + b for m, k, b in zip(kept, kernels, biases)]
        new_h, new_c, back = _STEPS[cell](w, z, h, c)
        on = np.ones((batch, 1), bool) if mask is None else np.asarray(mask[:, t, None], bool)
        y[:, s] = before = np.where(on, new_h, 0 if zero_output else before)
        h, c = np.where(on, new_h, h), np.where(on, new_c, c)
        trail.append((t, on, back))
    return (y, h, c), trail


def _rnn_reference(cell, x, kernel, recurrent, bias, h, c, mask, dropout, recurrent_dropout, activation,
                   recurrent_activation, backwards, zero_output, keep):
    return _walk(cell, x, kernel, recurrent, bias, h, c, mask, dropout, recurrent_dropout, activation,
                 recurrent_activation, backwards, zero_output)[0], None


def _rnn_grad_reference(cell, x, kernel, recurrent, bias, h, c, mask, dropout, recurrent_dropout, g, gh, gc, saved,
                        activation, recurrent_activation, backwards, zero_output, input_gradient):
    (y, h, c), trail = _walk(cell, x, kernel, recurrent, bias, h, c, mask, dropout, recurrent_dropout, activation,
                             recurrent_activation, backwards, zero_output)
    g, dh, dc = (np.zeros_like(like) if s is None else s for s, like in zip((g, gh, gc), (y, h, c)))
    dx, before = np.zeros_like(x), np.zeros_like(h)
    kept = _of_gates(dropout, GATES[cell])
    kernels = np.split(kernel, GATES[cell], axis=1)
    dw, du = ([np.zeros_like(part) for part in np.split(m, GATES[cell], axis=1)] for m in (kernel, recurrent))
    biases = np.zeros((2, recurrent.shape[1]), x.dtype)
    for s, (t, on, back) in reversed(list(enumerate(trail))):
        out = g[:, s] + before
        before = np.where(on | zero_output, 0, out)
        d, after, met, dh_before, dc_before = back(np.where(on, out + dh, 0), np.where(on, dc, 0))
        dh, dc = np.where(on, dh_before, dh), np.where(on, dc_before, dc)
        for gate, (m, k) in enumerate(zip(kept, kernels)):
            dw[gate] += (x[:, t] * m).T @ d[gate]
            du[gate] += met[gate].T @ after[gate]
            dx[:, t] += (d[gate] @ k.T) * m
        biases += np.stack([np.concatenate([a.sum(0) for a in side]) for side in (d, after)])
    return (dx if input_gradient else None, np.concatenate(dw, 1), np.concatenate(du, 1),
            biases if cell == "gru_reset_after" else biases[0], dh, dc)


# Activations

CHUNK = 512             # numbers that a gate loop takes through all its passes at once: they stay in the L1 cache
AHEAD = 96              # rows of the batch times steps whose input products are made together
DEPTH = 256             # rows of a panel (32 KB) that meet all columns of x and h before the next
BACKWARDS, MASKED, DROPOUT, KEEP, RESET_BEFORE, RESET_AFTER, GRADIENT, INPUT_GRADIENT = (1 << i for i in range(8))

_f = np.float32
ZERO, HALF, ONE, TWO, FIFTH, SIXTH = map(_f, (0, 0.5, 1, 2, 0.2, 1 / 6))
A3, A5, A7, A9, A11, A13, A15 = (_f(1 / n) for n in range(3, 17, 2))


def _outlined(function):
    return device(function, options={"no_cpython_wrapper": True, "no_cfunc_wrapper": True})


def _inlined(function):
    return device(function, options={"inline": "always"})


@instruction("")
def _apart(code):
    """Keep the function that says this out of its callers: inlined everywhere, a kernel takes twice as long to compile.
    """
    code.builder.function.attributes.add("noinline")


@instruction("i", "i")
def _number(_code, value):
    """A constant as any other number: else Numba compiles a called function once for each constant."""
    return value


@_outlined
def _activate(x, count, kind):
    """``x = activation(x)``, element by element; the branch is outside of the loops."""
    _apart()
    if kind == TANH:
        for j in range(count):
            x[j] = tanh(x[j])
    elif kind == SIGMOID:
        for j in range(count):
            x[j] = sigmoid(x[j])
    elif kind == RELU:
        for j in range(count):
            x[j] = ZERO if x[j] < ZERO else x[j]        # NaN stays
    elif kind == HARD or kind == HARD_3:
        slope = FIFTH if kind == HARD else SIXTH
        for j in range(count):
            y = slope * x[j] + HALF
            y = ZERO if y < ZERO else y
            x[j] = ONE if y > ONE else y
    elif kind == SOFTSIGN:
        for j in range(count):
            x[j] = x[j] / (ONE + abs(x[j]))
    elif kind == SOFTPLUS:
        for j in range(count):
            e = exp(-abs(x[j]))
            u = e / (TWO + e)       # log(1 + e) = 2 artanh(u), u up to 1/3
            v = u * u
            p = ((((((A15 * v + A13) * v + A11) * v + A9) * v + A7) * v + A5) * v + A3) * v + ONE
            x[j] = (ZERO if x[j] < ZERO else x[j]) + TWO * u * p
    elif kind == ELU:
        for j in range(count):
            t = tanh(x[j] * HALF)
            x[j] = x[j] if x[j] > ZERO else TWO * t / (ONE - t)     # exp(x) - 1 without cancellation


@_outlined
def _slope(g, a, count, kind):
    """``g *= activation'(x)``, from the activated value ``a``."""
    _apart()
    if kind == TANH:
        for j in range(count):
            g[j] *= ONE - a[j] * a[j]
    elif kind == SIGMOID:
        for j in range(count):
            g[j] *= a[j] * (ONE - a[j])
    elif kind == RELU:
        for j in range(count):
            g[j] = g[j] if a[j] > ZERO else ZERO
    elif kind == HARD or kind == HARD_3:
        slope = FIFTH if kind == HARD else SIXTH
        for j in range(count):
            g[j] = g[j] * slope if a[j] > ZERO and a[j] < ONE else ZERO
    elif kind == SOFTSIGN:
        for j in range(count):
            r = ONE - abs(a[j])
            g[j] *= r * r
    elif kind == SOFTPLUS:
        for j in range(count):
            t = tanh(a[j] * HALF)
            g[j] *= TWO * t / (ONE + t)     # 1 - exp(-a) without cancellation
    elif kind == ELU:
        for j in range(count):
            g[j] *= ONE if a[j] > ZERO else a[j] + ONE


# Loops over planes, in whole vectors

def _vectors(code, count, *pointers):
    """A loop that takes all pointers through ``count`` numbers, a vector at a time."""
    lanes = code.integer(code.lanes)
    return code.march(code.builder.sdiv(count, lanes), *((pointer, lanes) for pointer in pointers))


@instruction("pi")
def _clear(code, x, count):
    with _vectors(code, count, x) as (x,):
        code.store(code.constant(0), x)


@instruction("ppi")
def _copy(code, x, out, count):
    with _vectors(code, count, x, out) as (x, out):
        code.store(code.load(x), out)


@instruction("pppi")
def _multiply(code, x, y, out, count):
    """``out = x y``"""
    with _vectors(code, count, x, y, out) as (x, y, out):
        code.store(code.mul(code.load(x), code.load(y)), out)


@instruction("pppi")
def _multiply_add(code, x, y, out, count):
    """``out += x y``"""
    with _vectors(code, count, x, y, out) as (x, y, out):
        code.store(code.fma(code.load(x), code.load(y), code.load(out)), out)


def _row_by_row(adding):
    @instruction("pipiii")
    def rows_of(code, x, x_row, out, out_row, rows, columns):
        """``out[i out_row + j] = x[i x_row + j]``, or ``+=``."""
        whole = code.builder.and_(columns, code.integer(-code.lanes))
        mask = code.first(code.builder.sub(columns, whole))
        with code.march(rows, (x, x_row), (out, out_row)) as (x, out):
            with _vectors(code, whole, x, out) as (source, target):
                value = code.load(source)
                code.store(code.add(code.load(target), value) if adding else value, target)
            target = code.at(out, whole)
            value = code.load_masked(code.at(x, whole), mask)
            code.store_masked(code.add(code.load_masked(target, mask), value) if adding else value, target, mask)
    return rows_of


_copy_rows, _add_rows = _row_by_row(False), _row_by_row(True)


# Products

def _tall():
    return 8 if LANES.value() == 16 else 6


TALL = Constant(_tall)      # rows of a block of two vectors: 16 sums need 32 registers; batches are often powers of two


def _block(vectors):
    @instruction("piiippiiip")
    def block(code, a, a_row, a_step, length, b, c, c_row, count, start, bias):
        """``c[i c_row + j] = start + sum over k of a[i a_row + k a_step] b[k PANEL + j]``, for ``count`` rows of TALL.

        ``start``: 0 what C holds, 1 zero, 2 ``bias[j]``. One vector of columns takes twice as many rows.
        """
        builder, width = code.builder, code.lanes
        rows = _tall() * 2 // vectors
        last = builder.sub(count, code.integer(1))
        places = [builder.select(builder.icmp_signed("<", code.integer(i), last), code.integer(i), last)
                  for i in range(rows)]         # rows that are too many repeat the last
        a_rows = [code.at(a, builder.mul(place, a_row)) for place in places]
        c_rows = [code.at(c, builder.mul(place, c_row)) for place in places]
        grid = [(i, j) for i in range(rows) for j in range(vectors)]
        sums = {place: code.variable(code.constant(0)) for place in grid}
        with builder.if_then(builder.icmp_signed("==", start, code.integer(0))):
            for i, j in grid:
                code.write(code.load(c_rows[i], j * width), sums[i, j])
        with builder.if_then(builder.icmp_signed("==", start, code.integer(2))):
            for j in range(vectors):
                value = code.load(bias, j * width)
                for i in range(rows):
                    code.write(value, sums[i, j])
        with code.loop(length) as k:
            b_row = code.at(b, builder.mul(k, code.integer(PANEL.value())))
            right = [code.load(b_row, j * width) for j in range(vectors)]
            step = builder.mul(k, a_step)
            for i in range(rows):
                left = code.broadcast(a_rows[i], step)
                for j in range(vectors):
                    code.write(code.fma(left, right[j], code.read(sums[i, j])), sums[i, j])
        for i, j in grid:
            code.store(code.read(sums[i, j]), c_rows[i], j * width)
    return block


_wide, _narrow = _block(2), _block(1)


@_outlined
def _blocks(a, a_row, a_step, length, b, c, c_row, rows, columns, start, bias):
    """All rows of a panel's product; ``columns`` are those that are left, in whole vectors."""
    _apart()
    if columns > LANES:
        for row in range(0, rows, TALL):
            _wide(at(a, row * a_row), a_row, a_step, length, b, at(c, row * c_row), c_row, rows - row, start, bias)
    else:
        for row in range(0, rows, 2 * TALL):
            _narrow(at(a, row * a_row), a_row, a_step, length, b, at(c, row * c_row), c_row, rows - row, start, bias)


@_outlined
def _product(a, a_step, a_row, a_gate, b, length, c, c_step, c_gate, gates, steps, rows, columns, start, bias):
    """``C[gate, step] = start + A[gate, step] B[gate]`` for packed B: (rows, length) times (length, columns)."""
    _apart()
    padded = (columns + LANES - 1) // LANES * LANES
    width = (columns + PANEL - 1) // PANEL * PANEL
    for gate in range(gates):
        for column in range(0, padded, PANEL):
            for step in range(steps):
                _blocks(at(a, step * a_step + gate * a_gate), a_row, _number(1), length,
                        at(b, (gate * width + column) * length), at(c, step * c_step + gate * c_gate + column), padded,
                        rows, padded - column, start, at(bias, gate * padded + column))


@_inlined
def _multiplied(a, a_gate, b, c, c_gate, gates, rows, units, start, bias):
    """The products of one step: planes A, recurrent weights B, planes C."""
    padded = (units + LANES - 1) // LANES * LANES
    _product(a, _number(0), padded, a_gate, b, units, c, _number(0), _number(c_gate), _number(gates), _number(1), rows,
             units, _number(start), bias)


@_outlined
def _pack_gates(w, gates, units, length, columns, transposed, out, spare):
    """The panels of each gate's part of ``w``: (length, columns), of (columns, length) if ``transposed``.

    A transposed panel may write beyond its end: into the next, which comes later, or 8 KB of scratch memory.
    """
    _apart()
    step, width = gates * units, (columns + PANEL - 1) // PANEL * PANEL
    padded = (length + LANES - 1) // LANES * LANES
    if columns < width:
        _clear(out, gates * width * length)
    for gate in range(gates):
        source, panels = at(w, gate * units), at(out, gate * width * length)
        if not transposed:
            for column in range(0, columns, PANEL):
                _copy_rows(at(source, column), step, at(panels, column * length), PANEL, length,
                           min(PANEL, columns - column))
        else:
            for column in range(0, columns, LANES):
                panel = at(panels, column // PANEL * PANEL * length + column % PANEL)
                _copy_rows(at(source, column * step), step, spare, padded, min(LANES, columns - column), length)
                for k in range(0, length, LANES):
                    transpose(at(panel, k * PANEL), at(spare, k), padded, PANEL)


@_inlined
def _state_gradient(d, plane, packed, m, dh, dropped, gates, rows, units, dropout):
    """Add to ``dh`` what the gradients of the recurrent products mean for the state before."""
    if dropout:
        _multiplied(d, plane, packed, dropped, plane, gates, rows, units, 1, dh)
        for gate in range(gates):
            _multiply_add(at(dropped, gate * plane), at(m, gate * plane), dh, plane)
    else:
        _multiplied(d, plane, packed, dh, 0, gates, rows, units, 0, dh)


@_inlined
def _input_gradient(d, planes, w, out, dx, x_gate, step, steps, gates, rows, time, inputs, units, backwards):
    """The gradients of some steps' inputs: one for all gates, or (``x_gate``) one for each."""
    padded, wide = (units + LANES - 1) // LANES * LANES, (inputs + LANES - 1) // LANES * LANES
    block = steps * rows * wide
    if not x_gate:
        _clear(out, block)
    _product(d, planes * rows * padded, padded, rows * padded, w, units, out, rows * wide, block if x_gate else 0,
             _number(gates), steps, rows, inputs, 1 if x_gate else 0, out)
    for gate in range(gates if x_gate else 1):
        for s in range(steps):
            place = time - 1 - step - s if backwards else step + s
            _copy_rows(at(out, gate * block + s * rows * wide), wide, at(dx, gate * x_gate + place * inputs),
                       time * inputs, rows, inputs)


# Between rows of arrays and planes

@_inlined
def _run(mask, step, row, rows, masked):
    """Where the rows end that take the step together with ``row``; ``row`` itself if it does not."""
    if not masked:
        return rows
    while row < rows and mask[row * step]:
        row += 1
    return row


@_inlined
def _write_gradients(d, planes, dz, total, time, rows, units):
    """A step's gradients, from planes into panels over all of batch and time."""
    padded = (units + LANES - 1) // LANES * LANES
    panels = (units + PANEL - 1) // PANEL
    for plane in range(planes):
        for column in range(0, padded, PANEL):
            _copy_rows(at(d, plane * rows * padded + column), padded,
                       at(dz, (plane * panels + column // PANEL) * total * PANEL), time * PANEL, rows,
                       min(PANEL, padded - column))


@_inlined
def _project(x, x_gate, w, bias, z, step, steps, gates, planes, rows, time, inputs, units, backwards):
    """The products of some steps' inputs, and the bias, into their planes."""
    plane = rows * ((units + LANES - 1) // LANES * LANES)
    place = time - 1 - step if backwards else step
    _product(at(x, place * inputs), -inputs if backwards else inputs, time * inputs, x_gate, w, inputs,
             z, planes * plane, plane, _number(gates), steps, rows, units, _number(2), bias)


@_inlined
def _begin(state, plane, rows, units):
    """A plane of a state's rows."""
    padded = (units + LANES - 1) // LANES * LANES
    _clear(plane, rows * padded)
    _copy_rows(state, units, plane, padded, rows, units)


# LSTM: the planes are the gates i, f, c, o

@instruction("pipppi")
def _cell(code, z, plane, before, c, copy, count):
    """``c = f c + i g``, twice."""
    with _vectors(code, count, z, before, c, copy) as (i, before, c, copy):
        f = code.at(i, plane)
        new = code.fma(code.load(f), code.load(before), code.mul(code.load(i), code.load(f, plane)))
        code.store(new, c)
        code.store(new, copy)


@instruction("pippppi")
def _cell_back(code, z, plane, before, d, dc, dz, count):
    """The gradients of i, f and g from that of c, ``d + dc``; ``dc`` becomes that of the c before."""
    with _vectors(code, count, z, before, d, dc, dz) as (i, before, d, dc, di):
        f, df = code.at(i, plane), code.at(di, plane)
        cell = code.add(code.load(d), code.load(dc))
        for meets, out in (code.at(f, plane), di), (before, df), (i, code.at(df, plane)), (f, dc):
            code.store(code.mul(cell, code.load(meets)), out)


@_inlined
def _lstm_gates(z, plane, before, c, h, spare, count, act, rec):
    """Products to gates, ``c = f c + i g`` and ``h = o act(c)``."""
    for e in range(0, count, CHUNK):
        n = min(CHUNK, count - e)
        gates = at(z, e)
        for gate in range(4):
            _activate(at(gates, gate * plane), n, act if gate == 2 else rec)
        _cell(gates, plane, at(before, e), at(c, e), spare, n)
        _activate(spare, n, act)
        _multiply(at(gates, 3 * plane), spare, at(h, e), n)


@_inlined
def _lstm_gates_back(z, plane, before, c, dh, dc, dz, spare, count, act, rec):
    """The gradients of the products before the gates; ``dc`` goes on to the step before, ``dh`` is used up."""
    t, d = spare, at(spare, CHUNK)
    for e in range(0, count, CHUNK):
        n = min(CHUNK, count - e)
        gates, out = at(z, e), at(dz, e)
        _copy(at(c, e), t, n)
        _activate(t, n, act)
        _multiply(at(dh, e), t, at(out, 3 * plane), n)
        _multiply(at(dh, e), at(gates, 3 * plane), d, n)
        _slope(d, t, n, act)
        _cell_back(gates, plane, at(before, e), d, at(dc, e), out, n)
        _clear(at(dh, e), n)
        for gate in range(4):
            _slope(at(out, gate * plane), at(gates, gate * plane), n, act if gate == 2 else rec)


@kernel("*f *f *f *f *f *b *f *f *f *f *f *f *f i i i i i i i i")
def lstm_forward(x, w, u, bias, m, mask, z, c, h, h0, c0, y, scratch, rows, time, inputs, units, x_gate, flags, act,
                 rec):
    padded = (units + LANES - 1) // LANES * LANES
    plane, width = rows * padded, (units + PANEL - 1) // PANEL * PANEL
    packed_w = at(scratch, CHUNK)
    packed_u = at(packed_w, 4 * width * inputs)
    dropped = at(packed_u, 4 * width * units)
    _pack_gates(w, _number(4), units, inputs, units, _number(0), packed_w, packed_w)
    _pack_gates(u, _number(4), units, units, units, _number(0), packed_u, packed_u)
    _begin(h0, h, rows, units)
    _begin(c0, c, rows, units)
    ahead, now, then = max(1, AHEAD // rows), 0, 0
    for s in range(time):
        zs = at(z, 4 * plane * (s if flags & KEEP else s % ahead))
        if s % ahead == 0:
            _project(x, x_gate, packed_w, bias, zs, s, min(ahead, time - s), 4, 4, rows, time, inputs, units,
                     flags & BACKWARDS)
        now, then = (s * plane, s * plane + plane) if flags & KEEP else (0, 0)
        state, gate = at(h, now), 0
        if flags & DROPOUT:
            for i in range(4):
                _multiply(at(h, now), at(m, i * plane), at(dropped, i * plane), plane)
            state, gate = dropped, plane
        _multiplied(state, gate, packed_u, zs, plane, 4, rows, units, 0, bias)
        row = 0
        while row < rows:
            end, e = _run(at(mask, s), time, row, rows, flags & MASKED), row * padded
            if end > row:
                _lstm_gates(at(zs, e), plane, at(c, now + e), at(c, then + e), at(h, then + e), scratch,
                            (end - row) * padded, act, rec)
            elif flags & KEEP:
                _copy(at(c, now + e), at(c, then + e), padded)
                _copy(at(h, now + e), at(h, then + e), padded)
            row = max(end, row + 1)
        _copy_rows(at(h, then), padded, at(y, s * units), time * units, rows, units)
    _copy_rows(at(h, then), padded, h0, units, rows, units)
    _copy_rows(at(c, then), padded, c0, units, rows, units)


@kernel("*f *f *f *b *f *f *f *f *f *f *f *f *f *f *f i i i i i i i i i")
def lstm_backward(w, u, m, mask, z, c, h, g, dh0, dc0, dz, p, _rp, dx, scratch, rows, time, inputs, units, total,
                  x_gate, flags, act, rec):
    padded, wide = (units + LANES - 1) // LANES * LANES, (inputs + PANEL - 1) // PANEL * PANEL
    plane, width = rows * padded, (units + PANEL - 1) // PANEL * PANEL
    ahead = max(1, AHEAD // rows)
    packed_u = at(scratch, 2 * CHUNK)
    packed_w = at(packed_u, 4 * width * units)
    dh = at(packed_w, 4 * wide * units)
    dc, dropped, ds, dxs = at(dh, plane), at(dh, 2 * plane), at(dh, 6 * plane), at(dh, (6 + 4 * ahead) * plane)
    _pack_gates(u, _number(4), units, units, units, _number(1), packed_u, at(dh, LANES * PANEL))
    if flags & INPUT_GRADIENT:
        _pack_gates(w, _number(4), units, units, inputs, _number(1), packed_w, at(dh, LANES * PANEL))
    _begin(dh0, dh, rows, units)
    _begin(dc0, dc, rows, units)
    for s in range(time - 1, -1, -1):
        d, place = at(ds, s % ahead * 4 * plane), time - 1 - s if flags & BACKWARDS else s
        if flags & GRADIENT:
            _add_rows(at(g, s * units), time * units, dh, padded, rows, units)
        row = 0
        while row < rows:
            end, e = _run(at(mask, s), time, row, rows, flags & MASKED), row * padded
            if end > row:
                _lstm_gates_back(at(z, 4 * s * plane + e), plane, at(c, s * plane + e), at(c, (s + 1) * plane + e),
                                 at(dh, e), at(dc, e), at(d, e), scratch, (end - row) * padded, act, rec)
            else:
                for gate in range(4):
                    _clear(at(d, gate * plane + e), padded)
            row = max(end, row + 1)
        _write_gradients(d, 4, at(dz, place * PANEL), total, time, rows, units)
        _copy_rows(at(h, s * plane), padded, at(p, place * units), time * units, rows, units)
        _state_gradient(d, plane, packed_u, m, dh, dropped, 4, rows, units, flags & DROPOUT)
        if s % ahead == 0 and flags & INPUT_GRADIENT:
            _input_gradient(ds, 4, packed_w, dxs, dx, x_gate, s, min(ahead, time - s), 4, rows, time, inputs, units,
                            flags & BACKWARDS)
    _copy_rows(dh, padded, dh0, units, rows, units)
    _copy_rows(dc, padded, dc0, units, rows, units)


# GRU: the planes are z, r, the candidate, and beside its recurrent weights: r h before them, or U h + bias after them

@instruction("ppppi")
def _blend(code, z, new, h, out, count):
    """``out = z h + (1 - z) new``."""
    with _vectors(code, count, z, new, h, out) as (z, new, h, out):
        value = code.load(new)
        code.store(code.fma(code.load(z), code.sub(code.load(h), value), value), out)


@instruction("ppppppi")
def _blend_back(code, z, new, h, dh, dz, d_new, count):
    """The gradients of z and new; ``dh`` becomes what goes straight to the h before."""
    with _vectors(code, count, z, new, h, dh, dz, d_new) as (z, new, h, dh, dz, d_new):
        g = code.load(dh)
        straight = code.mul(g, code.load(z))
        code.store(code.mul(g, code.sub(code.load(h), code.load(new))), dz)
        code.store(code.sub(g, straight), d_new)
        code.store(straight, dh)


@kernel("*f *f *f *f *f *b *f *f *f *f *f *f *f i i i i i i i i")
def gru_forward(x, w, u, bias, m, mask, z, _c, h, h0, _c0, y, scratch, rows, time, inputs, units, x_gate, flags, act,
                rec):
    padded = (units + LANES - 1) // LANES * LANES
    plane, width = rows * padded, (units + PANEL - 1) // PANEL * PANEL
    packed_w = scratch
    packed_u = at(packed_w, 3 * width * inputs)
    last, dropped = at(packed_u, 2 * width * units), at(packed_u, 3 * width * units)
    _pack_gates(w, _number(3), units, inputs, units, _number(0), packed_w, packed_w)
    _pack_gates(u, _number(3), units, units, units, _number(0), packed_u, packed_u)
    _begin(h0, h, rows, units)
    ahead, now, then = max(1, AHEAD // rows), 0, 0
    for s in range(time):
        zs = at(z, 4 * plane * (s if flags & KEEP else s % ahead))
        if s % ahead == 0:
            _project(x, x_gate, packed_w, bias, zs, s, min(ahead, time - s), 3, 4, rows, time, inputs, units,
                     flags & BACKWARDS)
        now, then = (s * plane, s * plane + plane) if flags & KEEP else (0, 0)
        state, gate = at(h, now), 0
        if flags & DROPOUT:
            for i in range(3):
                _multiply(at(h, now), at(m, i * plane), at(dropped, i * plane), plane)
            state, gate = dropped, plane
        reset, new, beside = at(zs, plane), at(zs, 2 * plane), at(zs, 3 * plane)
        _multiplied(state, gate, packed_u, zs, plane, 2, rows, units, 0, bias)
        _activate(zs, 2 * plane, rec)
        if flags & RESET_AFTER:
            _multiplied(at(state, 2 * gate), 0, last, beside, 0, 1, rows, units, 2, at(bias, 3 * padded))
            _multiply_add(reset, beside, new, plane)
        else:
            _multiply(reset, at(state, 2 * gate), beside, plane)
            _multiplied(beside, 0, last, new, 0, 1, rows, units, 0, bias)
        _activate(new, plane, act)
        row = 0
        while row < rows:
            end, e = _run(at(mask, s), time, row, rows, flags & MASKED), row * padded
            if end > row:
                _blend(at(zs, e), at(new, e), at(h, now + e), at(h, then + e), (end - row) * padded)
            elif flags & KEEP:
                _copy(at(h, now + e), at(h, then + e), padded)
            row = max(end, row + 1)
        _copy_rows(at(h, then), padded, at(y, s * units), time * units, rows, units)
    _copy_rows(at(h, then), padded, h0, units, rows, units)


@kernel("*f *f *f *b *f *f *f *f *f *f *f *f *f *f *f i i i i i i i i i")
def gru_backward(w, u, m, mask, z, _c, h, g, dh0, _dc0, dz, p, rp, dx, scratch, rows, time, inputs, units, total,
                 x_gate, flags, act, rec):
    padded, wide = (units + LANES - 1) // LANES * LANES, (inputs + PANEL - 1) // PANEL * PANEL
    plane, width = rows * padded, (units + PANEL - 1) // PANEL * PANEL
    ahead = max(1, AHEAD // rows)
    packed_u = scratch
    last, packed_w = at(packed_u, 2 * width * units), at(packed_u, 3 * width * units)
    dh = at(packed_w, 3 * wide * units)
    dropped, ds, dxs = at(dh, plane), at(dh, 4 * plane), at(dh, (4 + 4 * ahead) * plane)
    _pack_gates(u, _number(3), units, units, units, _number(1), packed_u, at(dh, LANES * PANEL))
    if flags & INPUT_GRADIENT:
        _pack_gates(w, _number(3), units, units, inputs, _number(1), packed_w, at(dh, LANES * PANEL))
    _begin(dh0, dh, rows, units)
    for s in range(time - 1, -1, -1):
        d, place = at(ds, s % ahead * 4 * plane), time - 1 - s if flags & BACKWARDS else s
        zs, state = at(z, 4 * s * plane), at(h, s * plane)
        reset, new, beside = at(zs, plane), at(zs, 2 * plane), at(zs, 3 * plane)
        d_reset, d_new, d_beside = at(d, plane), at(d, 2 * plane), at(d, 3 * plane)
        if flags & GRADIENT:
            _add_rows(at(g, s * units), time * units, dh, padded, rows, units)
        row = 0
        while row < rows:
            end, e = _run(at(mask, s), time, row, rows, flags & MASKED), row * padded
            if end > row:
                _blend_back(at(zs, e), at(new, e), at(state, e), at(dh, e), at(d, e), at(d_new, e),
                            (end - row) * padded)
            else:
                _clear(at(d, e), padded)
                _clear(at(d_new, e), padded)
            row = max(end, row + 1)
        _slope(d, zs, plane, rec)
        _slope(d_new, new, plane, act)
        if flags & RESET_AFTER:
            _multiply(d_new, beside, d_reset, plane)
            _multiply(d_new, reset, d_beside, plane)
        else:
            _multiplied(d_new, 0, last, d_beside, 0, 1, rows, units, 1, dh)
            if flags & DROPOUT:
                _multiply(d_beside, at(m, 2 * plane), d_beside, plane)
            _multiply(d_beside, state, d_reset, plane)
            _multiply_add(d_beside, reset, dh, plane)
            _copy_rows(beside, padded, at(rp, place * units), time * units, rows, units)
        _slope(d_reset, reset, plane, rec)
        _write_gradients(d, 4 if flags & RESET_AFTER else 3, at(dz, place * PANEL), total, time, rows, units)
        _copy_rows(state, padded, at(p, place * units), time * units, rows, units)
        _state_gradient(d, plane, packed_u, m, dh, dropped, 2, rows, units, flags & DROPOUT)
        if flags & RESET_AFTER:
            _state_gradient(d_beside, plane, last, at(m, 2 * plane), dh, dropped, 1, rows, units, flags & DROPOUT)
        if s % ahead == 0 and flags & INPUT_GRADIENT:
            _input_gradient(ds, 4, packed_w, dxs, dx, x_gate, s, min(ahead, time - s), 3, rows, time, inputs, units,
                            flags & BACKWARDS)
    _copy_rows(dh, padded, dh0, units, rows, units)


# The simple cell: its one plane is h

@kernel("*f *f *f *f *f *b *f *f *f *f *f *f *f i i i i i i i i")
def simple_forward(x, w, u, bias, m, mask, z, _c, h, h0, _c0, y, scratch, rows, time, inputs, units, x_gate, flags, act,
                   _rec):
    padded = (units + LANES - 1) // LANES * LANES
    plane, width = rows * padded, (units + PANEL - 1) // PANEL * PANEL
    packed_w = scratch
    packed_u = at(packed_w, width * inputs)
    dropped = at(packed_u, width * units)
    _pack_gates(w, _number(1), units, inputs, units, _number(0), packed_w, packed_w)
    _pack_gates(u, _number(1), units, units, units, _number(0), packed_u, packed_u)
    _begin(h0, h, rows, units)
    ahead, now, then = max(1, AHEAD // rows), 0, 0
    for s in range(time):
        zs = at(z, plane * (s if flags & KEEP else s % ahead))
        if s % ahead == 0:
            _project(x, x_gate, packed_w, bias, zs, s, min(ahead, time - s), 1, 1, rows, time, inputs, units,
                     flags & BACKWARDS)
        now, then = (s * plane, s * plane + plane) if flags & KEEP else (0, 0)
        state = at(h, now)
        if flags & DROPOUT:
            _multiply(state, m, dropped, plane)
            state = dropped
        _multiplied(state, 0, packed_u, zs, 0, 1, rows, units, 0, bias)
        _activate(zs, plane, act)
        row = 0
        while row < rows:
            end, e = _run(at(mask, s), time, row, rows, flags & MASKED), row * padded
            if end > row:
                _copy(at(zs, e), at(h, then + e), (end - row) * padded)
            elif flags & KEEP:
                _copy(at(h, now + e), at(h, then + e), padded)
            row = max(end, row + 1)
        _copy_rows(at(h, then), padded, at(y, s * units), time * units, rows, units)
    _copy_rows(at(h, then), padded, h0, units, rows, units)


@kernel("*f *f *f *b *f *f *f *f *f *f *f *f *f *f *f i i i i i i i i i")
def simple_backward(w, u, m, mask, z, _c, h, g, dh0, _dc0, dz, p, _rp, dx, scratch, rows, time, inputs, units, total,
                    x_gate, flags, act, _rec):
    padded, wide = (units + LANES - 1) // LANES * LANES, (inputs + PANEL - 1) // PANEL * PANEL
    plane, width = rows * padded, (units + PANEL - 1) // PANEL * PANEL
    ahead = max(1, AHEAD // rows)
    packed_u = scratch
    packed_w = at(packed_u, width * units)
    dh = at(packed_w, wide * units)
    dropped, ds, dxs = at(dh, plane), at(dh, 2 * plane), at(dh, (2 + ahead) * plane)
    _pack_gates(u, _number(1), units, units, units, _number(1), packed_u, at(dh, LANES * PANEL))
    if flags & INPUT_GRADIENT:
        _pack_gates(w, _number(1), units, units, inputs, _number(1), packed_w, at(dh, LANES * PANEL))
    _begin(dh0, dh, rows, units)
    for s in range(time - 1, -1, -1):
        d, place = at(ds, s % ahead * plane), time - 1 - s if flags & BACKWARDS else s
        if flags & GRADIENT:
            _add_rows(at(g, s * units), time * units, dh, padded, rows, units)
        row = 0
        while row < rows:
            end, e = _run(at(mask, s), time, row, rows, flags & MASKED), row * padded
            count = (end - row) * padded
            if end > row:
                _copy(at(dh, e), at(d, e), count)
                _slope(at(d, e), at(z, s * plane + e), count, act)
                _clear(at(dh, e), count)
            else:
                _clear(at(d, e), padded)
            row = max(end, row + 1)
        _write_gradients(d, 1, at(dz, place * PANEL), total, time, rows, units)
        _copy_rows(at(h, s * plane), padded, at(p, place * units), time * units, rows, units)
        _state_gradient(d, plane, packed_u, m, dh, dropped, 1, rows, units, flags & DROPOUT)
        if s % ahead == 0 and flags & INPUT_GRADIENT:
            _input_gradient(ds, 1, packed_w, dxs, dx, x_gate, s, min(ahead, time - s), 1, rows, time, inputs, units,
                            flags & BACKWARDS)
    _copy_rows(dh, padded, dh0, units, rows, units)


# Gradients of the weights

@instruction("pip")
def _add_up(code, panel, length, sums):
    """Add the rows of a panel to ``sums``."""
    places = [code.variable(code.constant(0)) for _ in range(2)]
    with code.march(length, (panel, code.integer(PANEL.value()))) as (row,):
        for j, place in enumerate(places):
            code.write(code.add(code.read(place), code.load(row, j * code.lanes)), place)
    for j, place in enumerate(places):
        code.store(code.add(code.load(sums, j * code.lanes), code.read(place)), sums, j * code.lanes)


@kernel("*f *f *f *f *f *f *f *f i i i i i i i i i")
def recurrent_weights(x, p, rp, dz, dw, du, db, scratch, low, high, total, inputs, units, gates, x_gate, p_gate, flags):
    """The gradients of both weights and of the bias, of the panels ``low`` to ``high`` (those of a plane side by side).

    ``p`` holds the states before each step; ``rp`` what the candidate of a GRU met instead. Where r comes after the
    recurrent weights, a fourth plane has the gradient of the candidate's recurrent product.
    """
    padded, panels = (units + LANES - 1) // LANES * LANES, (units + PANEL - 1) // PANEL
    size = (inputs + units + 1) * PANEL
    zero, one, step = _number(0), _number(1), _number(PANEL)
    _clear(scratch, (high - low) * size)
    for k in range(0, total, DEPTH):
        length = min(DEPTH, total - k)
        for item in range(low, high):
            plane, column = item // panels, item % panels * PANEL
            gate, left = min(plane, gates - 1), padded - column
            panel, out = at(dz, (item * total + k) * PANEL), at(scratch, (item - low) * size)
            if plane < gates:
                rows_of_x = at(x, gate * x_gate + k * inputs)
                _blocks(rows_of_x, one, inputs, length, panel, out, step, inputs, left, zero, out)
            state = at(rp, k * units) if gate == 2 and flags & RESET_BEFORE else at(p, gate * p_gate + k * units)
            if plane != 2 or not flags & RESET_AFTER:
                _blocks(state, one, units, length, panel, at(out, inputs * PANEL), step, units, left, zero, out)
            _add_up(panel, length, at(out, (inputs + units) * PANEL))
    for item in range(low, high):
        plane, column = item // panels, item % panels * PANEL
        gate, columns = min(plane, gates - 1), min(PANEL, units - column)
        out, place = at(scratch, (item - low) * size), gate * units + column
        if plane < gates:
            _copy_rows(out, PANEL, at(dw, place), gates * units, inputs, columns)
        if plane != 2 or not flags & RESET_AFTER:
            _copy_rows(at(out, inputs * PANEL), PANEL, at(du, place), gates * units, units, columns)
        _copy_rows(at(out, (inputs + units) * PANEL), PANEL, at(db, plane * units + column), PANEL, 1, columns)


# Memory

_spare: dict = {}       # by id; no lock: the collector may run __del__ anywhere, and each step below is whole by itself


class Memory:
    """``count`` floats from memory that was used before, and will be again when this object goes.

    What the way back needs is large (8 MB for 32 x 80 steps of 128 units) and used once; taken from the system anew
    for each step, its page faults took 2 of 9 ms.
    """

    __slots__ = ("floats",)
    MOST, LARGE = 8, 1 << 16        # pieces kept for later, and from how many numbers on

    def __init__(self, count):
        fitting = [m for m in list(_spare.values()) if count <= m.size <= 2 * count]
        best = min(fitting, key=lambda m: m.size, default=None)
        taken = _spare.pop(id(best), None)      # None too if another thread was faster
        self.floats = aligned(count) if taken is None else taken

    def __del__(self):
        if self.floats.size >= self.LARGE:
            _spare[id(self.floats)] = self.floats
            for oldest in list(_spare)[:-self.MOST]:
                _spare.pop(oldest, None)


def sizes_of_saved(cell, time, padded):
    """How many numbers of gates, cells and states are kept of a row."""
    return [padded * n for n in (time * _planes(cell), (time + 1) * (cell == "lstm"), time + 1)]


class Saved:
    """What the way back needs of a run: activated gates and states, in planes, for each part of the batch in turn."""

    __slots__ = ("count", "memory", "sizes")

    def __init__(self, cell, count, batch, time, padded):
        self.count = count
        self.sizes = sizes_of_saved(cell, time, padded)
        self.memory = Memory(batch * sum(self.sizes))

    def of(self, low, high):
        """The gates, cells and states of a part."""
        places = np.cumsum([low * sum(self.sizes), *((high - low) * n for n in self.sizes)])
        return [self.memory.floats[a:b] for a, b in zip(places, places[1:])]


def unsaved(scratch, plane):
    """Where gates, cells and states are in scratch memory if nothing is kept."""
    return scratch[2 * plane:], scratch[plane:], scratch


# Entries

FORWARD = {"lstm": lstm_forward, "gru": gru_forward, "gru_reset_after": gru_forward, "simple": simple_forward}
BACKWARD = {"lstm": lstm_backward, "gru": gru_backward, "gru_reset_after": gru_backward, "simple": simple_backward}
NO_MASK = np.zeros(1, np.uint8)


def _planes(cell):
    """How many planes hold what a cell keeps of a step."""
    return 1 if cell == "simple" else 4


def _gradient_planes(cell):
    """Planes of gradients of products: of the inputs' by gate, and of a recurrent one where that has another."""
    return GATES[cell] + (cell == "gru_reset_after")


def _padded(size, unit):
    return -(-size // unit) * unit


def _masks(mask, backwards, zero_output):
    """The mask in the order of the steps, and where outputs are 0: at masked steps, or at those before the first."""
    if mask is None:
        return NO_MASK, None
    mask = np.asarray(mask, bool)[:, ::-1 if backwards else 1]
    zeros = ~(mask if zero_output else np.logical_or.accumulate(mask, axis=1))
    return np.ascontiguousarray(mask).view(np.uint8), zeros


def _bias_planes(cell, bias, units):
    """What the products start from in each plane; a bias behind the recurrent weights of z and r is added to theirs."""
    planes = np.zeros((4, _padded(units, LANES.value())), np.float32)
    if bias is not None and cell == "gru_reset_after":
        inner, outer = bias.reshape(2, 3, units)
        planes[:3, :units] = inner
        planes[:2, :units] += outer[:2]
        planes[3, :units] = outer[2]
    elif bias is not None:
        planes[:GATES[cell], :units] = bias.reshape(-1, units)
    return planes


def _masks_of(some, mask, factors, gates, units):
    """For some rows: their mask, and the dropout of their state gate by gate with padded rows."""
    mask = mask if mask is NO_MASK else mask[some]
    if factors is None:
        return mask, NOTHING
    factors = factors[some]
    out = np.zeros((gates, len(factors), _padded(units, LANES.value())), np.float32)
    out[:, :, :units] = factors if factors.ndim == 2 else factors.swapaxes(0, 1)
    return mask, out


def _masked(x, masks):
    """``x`` (batch, time, n) times its masks, contiguous; (gates, batch, time, n) where each gate has its own."""
    if masks is not None:
        x = x * (masks[:, None] if masks.ndim == 2 else masks.swapaxes(0, 1)[:, :, None])
    return contiguous(x)[0]     # NumPy chooses the order of the axes by that of the masks


def flags_of(cell, mask, recurrent_dropout, backwards):
    return (bool(backwards) * BACKWARDS | (mask is not None) * MASKED | (recurrent_dropout is not None) * DROPOUT
            | (cell == "gru") * RESET_BEFORE | (cell == "gru_reset_after") * RESET_AFTER)


def forward_floats(cell, rows, inputs, units, keep):
    """How much scratch memory a part of so many rows takes on the way forward, and where what is not kept begins."""
    plane, gates = rows * _padded(units, LANES.value()), GATES[cell]
    kept = 0 if keep else (_planes(cell) * max(1, AHEAD // rows) + 2) * plane
    weights = gates * _padded(units, PANEL.value()) * (inputs + units)
    return kept + CHUNK + weights + (gates + 2) * plane, kept


def backward_floats(cell, rows, inputs, units, x_gate):
    """How much it takes on the way back; ``x_gate``: whether each gate has inputs of its own."""
    gates, padded, ahead = GATES[cell], _padded(units, LANES.value()), max(1, AHEAD // rows)
    wide = _padded(inputs, LANES.value()) * (gates if x_gate else 1)
    weights = gates * units * (_padded(units, PANEL.value()) + _padded(inputs, PANEL.value()))
    return 2 * CHUNK + weights + rows * ((2 + gates + 4 * ahead) * padded + ahead * wide)


def gradient_panels(cell, units):
    """Of how many panels the gradients of the products are."""
    return _gradient_planes(cell) * -(-units // PANEL.value())


def codes_of(activation, recurrent_activation):
    return ACTIVATIONS.index(activation), ACTIVATIONS.index(recurrent_activation)


@entry(_rnn_reference)
def rnn(cell, x, kernel, recurrent, bias, h, c, mask, dropout, recurrent_dropout, activation, recurrent_activation,
        backwards, zero_output, keep):
    """A recurrent layer over a sequence: ``((y, h, c), saved)``, the outputs (batch, time, units) and last states.

    Arguments:
        cell: "lstm", "gru", "gru_reset_after" or "simple".
        x: (batch, time, input).
        kernel, recurrent: (input, gates * units), (units, gates * units), the gates in the order i, f, c, o or z, r, h.
        bias: (gates * units,), for "gru_reset_after" (2, 3 * units); None for 0.
        h, c: the first states (batch, units); None for 0. Only an LSTM has a ``c``.
        mask: (batch, time) booleans; where it is false, a row keeps its state and repeats its last output (at first 0).
        dropout: factors of x, the same at all steps: (batch, input), or (batch, gates, input); None for 1.
        recurrent_dropout: factors of the h that meets the recurrent weights: (batch, units) or (batch, gates, units).
        activation, recurrent_activation: of :data:`ACTIVATIONS`; hard_sigmoid is Keras 2's, hard_sigmoid_3 Keras 3's.
        backwards: go from the last time to the first; outputs come in the order of the steps.
        zero_output: masked steps give 0.
        keep: return as ``saved`` what :func:`rnn_grad` needs, else None.
    """
    (batch, time, inputs), units, gates = x.shape, len(recurrent), GATES[cell]
    x = _masked(x, dropout)
    kernel, recurrent = contiguous(kernel, recurrent)
    padded, bias = _padded(units, LANES.value()), _bias_planes(cell, bias, units)
    steps_taken, zeros = _masks(mask, backwards, zero_output)
    flags = flags_of(cell, mask, recurrent_dropout, backwards) | bool(keep) * KEEP
    codes = codes_of(activation, recurrent_activation)
    y = empty((batch, time, units))
    h, c = (np.zeros((batch, units), np.float32) if s is None else np.array(s, order="C") for s in (h, c))
    count = _parts(batch, 2 * time * (inputs + units) * gates * units, TALL.value() // 2 + 1)
    saved = Saved(cell, count, batch, time, padded) if keep else None
    x_gate = batch * time * inputs if x.ndim == 4 else 0

    def run(_part, low, high):
        some, rows = slice(low, high), high - low
        taken, factors = _masks_of(some, steps_taken, recurrent_dropout, gates, units)
        floats, kept = forward_floats(cell, rows, inputs, units, keep)
        scratch = workspace(floats)
        z, cells, states = saved.of(low, high) if keep else unsaved(scratch, rows * padded)
        FORWARD[cell](x[:, some] if x_gate else x[some], kernel, recurrent, bias, factors, taken, z, cells, states,
                      h[some], c[some], y[some], scratch[kept:], rows, time, inputs, units, x_gate, flags, *codes)
    if batch:
        split(batch, run, 1, count)
    if mask is not None:
        y[zeros] = 0
    return (y, h, c), saved


def _parts(total, work, least=1):
    """In how many parts of at least ``least`` items to cut some: as many as there are threads, if the work pays."""
    return parts(total, max(FLOP // max(work, 1) + 1, least), settings.num_threads())


@entry(_rnn_grad_reference)
def rnn_grad(cell, x, kernel, recurrent, bias, h, c, mask, dropout, recurrent_dropout, g, gh, gc, saved, activation,
             recurrent_activation, backwards, zero_output, input_gradient):
    """The gradients of :func:`rnn` for ``x`` (None without ``input_gradient``), kernel, recurrent, bias, h, c.

    ``g, gh, gc`` are the gradients of its outputs and last states, None for 0; ``saved`` is what it returned, None to
    run it again. The other arguments are its own.
    """
    if saved is None:
        saved = rnn(cell, x, kernel, recurrent, bias, h, c, mask, dropout, recurrent_dropout, activation,
                    recurrent_activation, backwards, zero_output, True)[1]
    (batch, time, inputs), units, gates = x.shape, len(recurrent), GATES[cell]
    masked = _masked(x, dropout)
    kernel, recurrent = contiguous(kernel, recurrent)
    steps_taken, zeros = _masks(mask, backwards, zero_output)
    flags = (flags_of(cell, mask, recurrent_dropout, backwards) | (g is not None) * GRADIENT
             | bool(input_gradient) * INPUT_GRADIENT)
    codes = codes_of(activation, recurrent_activation)
    if g is not None:
        g, = contiguous(g if mask is None else np.where(zeros[..., None], ZERO, g))
    dh, dc = (np.zeros((batch, units), np.float32) if s is None else np.array(s, order="C") for s in (gh, gc))
    total, x_gate = batch * time, batch * time * inputs if masked.ndim == 4 else 0
    panels = gradient_panels(cell, units)
    memory = Memory(total * (panels * PANEL.value() + 2 * units))
    dz, p, rp = np.split(memory.floats, np.cumsum([panels * PANEL.value() * total, total * units]))
    p, rp = (a[:total * units].reshape(batch, time, units) for a in (p, rp))
    dx = empty(masked.shape if input_gradient else (0,))

    def run(_part, low, high):
        some, rows = slice(low, high), high - low
        taken, factors = _masks_of(some, steps_taken, recurrent_dropout, gates, units)
        scratch = workspace(backward_floats(cell, rows, inputs, units, x_gate))
        BACKWARD[cell](kernel, recurrent, factors, taken, *saved.of(low, high), NOTHING if g is None else g[some],
                       dh[some], dc[some], dz[low * time * PANEL.value():], p[some], rp[some],
                       dx[:, some] if x_gate and input_gradient else dx[some], scratch, rows, time, inputs, units,
                       total, x_gate, flags, *codes)
    if batch:
        split(batch, run, 1, saved.count)
    if dropout is not None and input_gradient:
        dx = dx * dropout[:, None] if dropout.ndim == 2 else np.einsum("gbti,bgi->bti", dx, dropout)
    dw, du, db = _weight_gradients(cell, masked, _masked(p, recurrent_dropout), rp, dz, panels)
    return dx if input_gradient else None, dw, du, db, dh, dc


def _weight_gradients(cell, x, p, rp, dz, panels):
    inputs, units, gates, total = x.shape[-1], p.shape[-1], GATES[cell], p.shape[-3] * p.shape[-2]
    dw, du = np.empty((inputs, gates * units), np.float32), np.empty((units, gates * units), np.float32)
    db = np.empty((_gradient_planes(cell), units), np.float32)
    gate_steps = total * inputs if x.ndim == 4 else 0, total * units if p.ndim == 4 else 0
    flags = flags_of(cell, None, None, False)

    def run(_part, low, high):
        recurrent_weights(x, p, rp, dz, dw, du, db, workspace((high - low) * (inputs + units + 1) * PANEL.value()), low,
                          high, total, inputs, units, gates, *gate_steps, flags)
    split(panels, run, 1, _parts(panels, 2 * total * (inputs + units) * PANEL.value()))
    if cell == "gru_reset_after":
        return dw, du, np.stack([db[:3], db[[0, 1, 3]]]).reshape(2, -1)
    return dw, du, db[:gates].ravel()
