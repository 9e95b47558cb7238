"""How recurrent layers are written down: their kernels, called with memory that stays where it is."""

import math

from ..autograd.capture import Slot
from ..kernels import recurrent as kernels
from ..kernels.jit import NOTHING
from ..kernels.memory import aligned
from ..kernels.simd import LANES
from ..kernels.tiles import PANEL
from .lower import floats, lowered, need

ARGUMENTS = 6       # x, kernel, recurrent kernel, bias, h, c; then mask and dropouts; then gradients


class _Layer:
    """The sizes of a line's layer, and what its kernels are told."""

    def __init__(self, line):
        x, _, recurrent, *_, mask, dropout, recurrent_dropout = line.inputs[:ARGUMENTS + 3]
        need(mask is dropout is recurrent_dropout is None, "a recurrent layer with a mask or dropout")
        need(line.inputs[4] is line.inputs[5] is None, "a recurrent layer that goes on from a state")
        floats(*line.inputs)
        attrs, self.cell = line.attrs, line.attrs["cell"]
        (self.batch, self.time, self.inputs), self.units = x.shape, recurrent.shape[0]
        need(math.prod(x.shape) and self.units, "a recurrent layer over nothing")
        self.gates, self.padded = kernels.GATES[self.cell], -(-self.units // LANES.value()) * LANES.value()
        self.flags = kernels.flags_of(self.cell, None, None, attrs["go_backwards"])
        self.codes = kernels.codes_of(attrs["activation"], attrs["recurrent_activation"])
        self.sizes = self.batch, self.time, self.inputs, self.units

    def saved(self):
        """Memory for what the way back needs."""
        return [aligned(self.batch * n) for n in kernels.sizes_of_saved(self.cell, self.time, self.padded)]


def _state(w, given, like=None, out=None):
    """Memory that begins as ``given``, or as zeros of the shape ``like``; it may be that of the slot ``out``."""
    array = w.make(out) if isinstance(out, Slot) else aligned(given.shape if isinstance(given, Slot) else like)
    if isinstance(given, Slot):
        w.copy(array, given)
    else:
        w.fill(array, 0)
    return array


def _bias(w, bias, layer):
    """What the products start from, plane by plane."""
    planes, units = aligned((4, layer.padded)), layer.units
    planes[:] = 0
    if not isinstance(bias, Slot):
        return planes
    flat = planes.ravel()
    number = lambda place, i: w.load(bias, w.builder.add(i, w.i64(place)))
    for gate in range(layer.gates):
        with w.loop(units) as i:
            value = number(gate * units, i)
            if layer.cell == "gru_reset_after" and gate < 2:
                value = w.builder.fadd(value, number((3 + gate) * units, i))
            w.store(value, flat, w.builder.add(i, w.i64(gate * layer.padded)))
    if layer.cell == "gru_reset_after":
        with w.loop(units) as i:
            w.store(number(5 * units, i), flat, w.builder.add(i, w.i64(3 * layer.padded)))
    return planes


@lowered("rnn")
def _rnn(w, line):
    layer = _Layer(line)
    x, kernel, recurrent, bias, h, c, *_ = line.inputs
    y, last_h, *last_c = line.outputs
    keep = isinstance(line.residual["saved"], Slot)
    scratch, kept = kernels.forward_floats(layer.cell, layer.batch, layer.inputs, layer.units, keep)
    scratch = aligned(scratch)
    if keep:
        planes = w.kept[line.residual["saved"].number] = layer.saved()
    else:
        planes = kernels.unsaved(scratch, layer.batch * layer.padded)
    w.make(y)
    shape = layer.batch, layer.units
    states = _state(w, h, shape, last_h), _state(w, c, shape, *last_c) if last_c else NOTHING
    w.kernel(kernels.FORWARD[layer.cell], x, kernel, recurrent, _bias(w, bias, layer), NOTHING, kernels.NO_MASK,
             *planes, *states, y, scratch[kept:], *layer.sizes, 0, layer.flags | keep * kernels.KEEP, *layer.codes)


@lowered("rnn_grads")
def _rnn_grads(w, line):
    layer, attrs = _Layer(line), line.attrs
    x, kernel, recurrent, bias, h, c, *_, g, gh, gc = line.inputs
    need(isinstance(attrs["saved"], Slot) and attrs["saved"].number in w.kept, "a recurrent layer that kept nothing")
    wanted = [i for i, a in enumerate(line.inputs[:ARGUMENTS]) if a is not None and (i or attrs["input_gradient"])]
    outs = dict(zip(wanted, line.outputs))
    total, panels = layer.batch * layer.time, kernels.gradient_panels(layer.cell, layer.units)
    dz, p, rp = (aligned(n) for n in (total * panels * PANEL.value(), total * layer.units, total * layer.units))
    dx = w.make(outs[0]) if 0 in outs else NOTHING
    shape = layer.batch, layer.units
    dh, dc = _state(w, gh, shape, outs.get(4)), _state(w, gc, shape, outs.get(5)) if layer.cell == "lstm" else NOTHING
    flags = layer.flags | (g is not None) * kernels.GRADIENT | attrs["input_gradient"] * kernels.INPUT_GRADIENT
    scratch = aligned(kernels.backward_floats(layer.cell, layer.batch, layer.inputs, layer.units, False))
    w.kernel(kernels.BACKWARD[layer.cell], kernel, recurrent, NOTHING, kernels.NO_MASK, *w.kept[attrs["saved"].number],
             NOTHING if g is None else g, dh, dc, dz, p, rp, dx, scratch, *layer.sizes, total, 0, flags, *layer.codes)
    biases = aligned((panels * PANEL.value(),))
    scratch = aligned(panels * (layer.inputs + layer.units + 1) * PANEL.value())
    w.kernel(kernels.recurrent_weights, x, p, rp, dz, w.make(outs[1]), w.make(outs[2]), biases, scratch, 0, panels,
             total, layer.inputs, layer.units, layer.gates, 0, 0, layer.flags)
    if 3 in outs:
        out, units = w.make(outs[3]).ravel(), layer.units
        w.copy(out, biases[:layer.gates * units])
        if layer.cell == "gru_reset_after":
            w.copy(out, biases[:2 * units], 3 * units)
            w.copy(out, biases[3 * units:4 * units], 5 * units)
