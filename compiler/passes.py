"""Passes: each makes a program of a program that computes the same, with fewer or better lines.

A line may be left out, moved or merged only if it does nothing but give results. It does more (:func:`acts`) if it
writes into an array, draws random numbers, or calls Python code.

>>> import tahr
>>> from tahr.autograd.capture import Recorder
>>> x = tahr.Tensor([1.0, 2.0])
>>> with Recorder([x.data]) as recorder:
...     unused, y = x * 5, (x + 1) * (x + 1)
>>> program = recorder.program(y)
>>> len(program.lines), len(dead(program).lines), len(common(dead(program)).lines)
(4, 3, 2)
"""

import functools
import itertools
import math

import numpy as np

from ..autograd.capture import Calculation, Line, Program, Slot, flat
from ..autograd.op import Op
from ..kernels.memory import empty

ELEMENTWISE = {"add", "subtract", "multiply", "divide", "negative", "square", "sqrt", "absolute", "relu", "relu_grad_x",
               "tanh", "tanh_grad_x", "sigmoid", "sigmoid_grad_x", "softplus", "softplus_grad_x", "silu", "silu_grad_x",
               "elu", "elu_grad_x", "leaky_relu", "leaky_relu_grad_x", "exp", "log", "astype"}


def optimized(program):
    """The program after all passes."""
    for improve in PASSES:
        program = improve(program)
    return program


def acts(line):
    """Whether a line does more than give results."""
    generators = any(hasattr(value, "take") and hasattr(value, "set_state") for value in line.attrs.values())
    return generators or isinstance(line.op, Calculation) or bool(line.written())


def dead(program):
    """Without the lines whose results nobody uses."""
    used = {s.number for s in flat(program.result) if isinstance(s, Slot)}
    kept = []
    for line in reversed(program.lines):
        if acts(line) or any(s.number in used for s in line.made()):
            kept.append(line)
            used |= {s.number for s in line.used()}
    return _with(program, kept[::-1])


def common(program):
    """Each calculation once: a line that does what an earlier one did on the same arrays is that one's result."""
    found, instead, versions, lines = {}, {}, {}, []
    for line in program.lines:
        line = _substituted(line, instead)
        if acts(line):
            for slot in line.written():
                versions[slot.memory] = versions.get(slot.memory, 0) + 1
            lines.append(line)
            continue
        key = (line.op, _key(line.inputs, versions), _key(line.attrs, versions))
        if key in found:
            instead.update(zip([s.number for s in _results(line)], _results(found[key])))
        else:
            found[key] = line
            lines.append(line)
    return _with(program, lines, instead)


def transposes(program):
    """Without transposes that undo each other, also through functions of single elements between them."""
    changing = _changing(program)
    program, changed = _pulled(program, changing), True
    while changed:
        changed, made, instead, lines = False, {}, {}, []
        for line in program.lines:
            line = _substituted(line, instead)
            if line.op.name == "transpose" and (before := made.get(line.inputs[0].number)) is not None:
                axes = tuple(before.attrs["axes"][a] for a in line.attrs["axes"])
                changed = True
                if axes == tuple(range(len(axes))):
                    instead[line.outputs[0].number] = before.inputs[0]
                    continue
                line = _like(line, inputs=before.inputs, attrs={**line.attrs, "axes": axes})
            if line.op.name == "transpose" and line.inputs[0].memory not in changing:
                made[line.outputs[0].number] = line
            lines.append(line)
        program = dead(_with(program, lines, instead))
    return program


def _changing(program):
    """The memory that a program writes into: what is read there earlier is something else than what is read later."""
    return {s.memory for line in program.lines for s in line.written()}


def _pulled(program, changing):
    """Transposes in front of the functions of single elements whose results they take, where they meet their inverse.

    A transpose moves up through a tree of such functions if all arrays that come into the tree are transposed the
    other way, and nobody else reads what is inside: then all of them will cancel.
    """
    makers = {s.number: line for line in program.lines for s in line.made()}
    users, fresh, lines = _users(program), _counter(program), []
    for line in program.lines:
        if line.op.name == "transpose":
            inner = []
            moved = _turned(line.inputs[0], line.attrs["axes"], makers, users, fresh, inner, changing)
            if inner and moved is not None:
                lines += [*inner[:-1], _like(inner[-1], outputs=line.outputs)]
                continue
        lines.append(line)
    return _with(program, lines)


def _turned(slot, axes, makers, users, fresh, lines, changing):
    """The slot of what a transpose of ``slot`` would give, made by ``lines``; None where that does not pay."""
    maker = makers.get(slot.number)
    if maker is None or acts(maker):
        return None
    if maker.op.name == "transpose":
        undone = tuple(maker.attrs["axes"][a] for a in axes) == tuple(range(len(axes)))
        return maker.inputs[0] if undone and maker.inputs[0].memory not in changing else None
    if maker.op.name not in ELEMENTWISE or len(users[slot.number]) != 1:
        return None
    inputs = []
    for x in maker.inputs:
        plain = not isinstance(x, Slot) or x.shape == () and x.memory not in changing
        inputs.append(x if plain else _turned(x, axes, makers, users, fresh, lines, changing))
        if inputs[-1] is None:
            return None
    out = _slot(fresh, [slot.shape[a] for a in axes], slot.dtype)
    lines.append(_like(maker, inputs=tuple(inputs), outputs=(out,)))
    return out


def epilogues(program):
    """Products and convolutions with a bias whose only use is a rectifier do it as they write their results."""
    users, lines, skipped = _users(program), [], {}
    for line in program.lines:
        if id(line) in skipped:
            continue
        following = users.get(line.outputs[0].number, []) if line.outputs else []
        if (getattr(line.op, "rectified", None) and len(following) == 1 and following[0] is not None
                and following[0].op.name == "relu" and not any((*following[0].casts, *line.casts))
                and line.outputs[0].dtype == np.float32):
            relu = following[0]
            skipped[id(relu)] = relu
            line = _like(line, op=_rectified(line.op), outputs=(*relu.outputs, *line.outputs[1:]))
        lines.append(line)
    return _with(program, lines)


@functools.cache
def _rectified(op):
    """An op that does what ``op`` does, and then replaces negative results by 0."""
    return Op(f"{op.name}_relu", op.rectified, op.shape, None, residual=op.residual)


def into_flat(program):
    """Large gradients that are made to be gathered into one array are made there: a copy of each less."""
    parts, fresh, arrays, lines = _parts(program), _counter(program), {}, []
    for line in program.lines:
        if id(line) in parts:
            gathering, start = parts[id(line)]
            [out] = gathering.outputs
            if id(gathering) not in arrays:
                arrays[id(gathering)] = whole = _slot(fresh, out.shape, out.dtype)
                lines.append(Line(EMPTY, (), {"shape": out.shape, "dtype": out.dtype.name}, (whole,)))
            attrs = {**line.attrs, "start": start, "shape_": line.outputs[0].shape}
            line = _like(line, op=_into(line.op), inputs=(arrays[id(gathering)], *line.inputs), attrs=attrs)
        elif id(line) in arrays:
            there = {start for gathering, start in parts.values() if gathering is line}
            rest = [(slot, start) for slot, start in _places(line) if start not in there]
            line = _like(line, op=REST, inputs=(arrays[id(line)], *[slot for slot, _ in rest]),
                         attrs={"starts": tuple([start for _, start in rest])})
        lines.append(line)
    return _with(program, lines)


def _parts(program):
    """``{id of a line: (the line that gathers its result, from which place on)}`` for those that may be made there."""
    makers, found = {s.number: line for line in program.lines for s in line.outputs}, {}
    for gathering in program.lines:
        if gathering.op.name != "gathered":
            continue
        for slot, start in _places(gathering):
            maker = makers.get(slot.number) if isinstance(slot, Slot) else None
            if (maker is not None and getattr(maker.op, "into", None) and not any(maker.casts)
                    and id(maker) not in found and slot.nbytes >= WORTH
                    and slot.dtype == gathering.outputs[0].dtype):
                found[id(maker)] = gathering, start
    return found


def _places(gathering):
    """``(slot, from which place on)`` for all that a line gathers."""
    sizes = [math.prod(x.shape) if isinstance(x, Slot) else 1 for x in gathering.inputs]
    return zip(gathering.inputs, [0, *itertools.accumulate(sizes)])


@functools.cache
def _into(op):
    """An op that writes into a part of a flat array, which is its first argument, and returns that part."""
    def forward(flat_array, *arrays, start, shape_, **attrs):
        out = flat_array[start:start + math.prod(shape_)].reshape(shape_)
        op.into(*arrays, out=out, **attrs)
        return out
    return Op(f"{op.name}_into", forward, None, None, writes=(0,))


def _fill_rest(flat_array, *arrays, starts):
    for array, start in zip(arrays, starts):
        array = np.asarray(array)
        flat_array[start:start + array.size] = array.reshape(-1)
    return flat_array.view()


EMPTY = Op("empty_flat", lambda *, shape, dtype: empty(shape, np.dtype(dtype)), None, None)
REST = Op("gathered_rest_into", _fill_rest, None, None, writes=(0,))
WORTH = 1 << 16         # bytes of a gradient from which on a copy less pays
PASSES = (dead, common, transposes, epilogues, into_flat)


# Programs, line by line

def _with(program, lines, instead=()):
    """A program of other lines, with other slots in its result."""
    result = _renamed(program.result, instead) if instead else program.result
    return Program(program.inputs, lines, result, program.guards, program.written, program.saving)


def _like(line, **changes):
    fields = {name: getattr(line, name) for name in Line.__slots__}
    return Line(**{**fields, **changes})


def _substituted(line, instead):
    """A line that reads other slots."""
    if not instead or not any(s.number in instead for s in line.used()):
        return line
    return _like(line, inputs=_renamed(line.inputs, instead), attrs=_renamed(line.attrs, instead))


def _renamed(tree, instead):
    if isinstance(tree, Slot):
        return instead.get(tree.number, tree)
    if type(tree) in (tuple, list):
        return type(tree)([_renamed(t, instead) for t in tree])
    if type(tree) is dict:
        return {k: _renamed(v, instead) for k, v in tree.items()}
    if hasattr(tree, "rest"):
        return type(tree)(tree.again, _renamed(tree.rest, instead))
    return tree


def _results(line):
    return [s for s in flat((line.outputs, line.residual)) if isinstance(s, Slot)]


def _users(program):
    """For each slot the lines that read it, None for the program's result."""
    found = {}
    for line in program.lines:
        for number in {s.number for s in line.used()}:
            found.setdefault(number, []).append(line)
    for slot in flat(program.result):
        if isinstance(slot, Slot):
            found.setdefault(slot.number, []).append(None)
    return found


def _key(value, versions):
    """What two calculations must have in common to be one."""
    if isinstance(value, Slot):
        return ("slot", value.number, versions.get(value.memory, 0))
    if isinstance(value, tuple | list):
        return (type(value), *[_key(v, versions) for v in value])
    if isinstance(value, dict):
        return tuple([(k, _key(v, versions)) for k, v in value.items()])
    if isinstance(value, int | float | complex | str | None):
        return (type(value), repr(value))
    return ("object", id(value))


def _counter(program):
    numbers = [s.number for line in program.lines for s in (*line.used(), *line.made())]
    return [max(numbers, default=0) + 1]


def _slot(counter, shape, dtype):
    slot = Slot(counter[0], "made", np.empty(0, dtype))
    slot.shape = tuple(shape)
    counter[0] += 1
    return slot


def cost(line):
    """About how many floating-point operations a line takes."""
    shapes = [s.shape for s in line.inputs if isinstance(s, Slot)]
    made = sum(math.prod(s.shape) for s in line.made() if s.shape is not None)
    name = line.op.name
    if name.endswith("_into"):
        shapes, name = shapes[1:], name.removesuffix("_into")
    if name in ("linear", "linear_relu", "matmul"):
        return 2 * made * shapes[0][-1] if shapes[0] else made
    if name == "linear_grad_x":
        return 2 * made * shapes[0][-1]
    if name == "linear_grad_w":
        return 2 * made * math.prod(shapes[0][:-1])
    if name in ("conv", "conv_relu", "conv_bias", "conv_bias_relu"):
        return 2 * made * math.prod(shapes[1][:-1])
    if name == "conv_grad_x":
        return 2 * math.prod(shapes[0]) * math.prod(shapes[1][:-1])
    if name == "conv_grad_w":
        return 2 * math.prod(shapes[1]) * made // max(shapes[1][-1], 1)
    if name == "rnn":       # of every step: the products with the input and with the state
        batch, time = shapes[0][:2]
        return 2 * batch * time * (math.prod(shapes[1]) + math.prod(shapes[2]))
    if name == "rnn_grads":
        batch, time = shapes[0][:2]
        return 4 * batch * time * (math.prod(shapes[1]) + math.prod(shapes[2]))
    if name in ("scaled_attention", "scaled_attention_grads"):
        *_, time, size = shapes[0]
        return (4 if name == "scaled_attention" else 10) * math.prod(shapes[0]) * shapes[1][-2 if len(shapes[1]) < 4
                                                                                            else 1]
    return made
