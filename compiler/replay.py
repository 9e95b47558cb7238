"""A program as one Python function: a line of source for each op, called on arrays.

That leaves out all that stands between a user's code and the kernels: layers, the gate, the graph and the way back
through it. The source is kept for tracebacks, and says what runs:

>>> import tahr
>>> from tahr.autograd.capture import Recorder
>>> x = tahr.Tensor([1.0, 2.0])
>>> with Recorder([x.data]) as recorder:
...     y = (x * 3 + 1).sum()
>>> program = recorder.program(y)
>>> print(source(program)[0])
def step(i0):
    m1 = multiply(i0, 3)
    m2 = add(m1, 1)
    m3 = asarray(sum_(m2, axis=None, keepdims=False), 'float32')
    return (m3,)
>>> function_of(program)(np.array([1.0, 1.0], "float32"))[0].item()
8.0
"""

import itertools
import keyword
import linecache

import numpy as np

from ..autograd import mode
from ..autograd.capture import KEPT, Slot, flat
from ..autograd.infer import explain
from ..autograd.value import spec_of

LARGE = 1 << 15         # bytes from which on memory is given back as soon as nobody reads it any more
PLAIN = (bool, int, float, str, type(None))
_numbers = itertools.count()


def source(program):
    """``(text, names)``: the source of the function, and what the names in it stand for."""
    names = {"asarray": np.asarray}
    arguments = ", ".join(map(repr, program.inputs))
    text = [f"def step({arguments}):"]
    for line, dead in zip(program.lines, last_uses(program)):
        dead = [s for s in dead if s.nbytes >= LARGE]
        text.append("    " + _statement(line, names) + (f"; del {', '.join(map(repr, dead))}" if dead else ""))
    results = [_name(s, names) for s in returned(program)]
    text.append(f"    return ({', '.join(results)}{',' if len(results) == 1 else ''})")
    return "\n".join(text), names


def returned(program):
    """The slots that the program's result is made of."""
    return [s for s in flat(program.result) if isinstance(s, Slot)]


def last_uses(program):
    """For each line the slots made here or before that no later line reads and that are not returned."""
    kept = {s.number for s in returned(program)}
    ends = {}
    for i, line in enumerate(program.lines):
        for slot in (*line.used(), *line.made()):
            if slot.kind != KEPT and slot.number not in kept:
                ends[slot.number] = (i, slot)
    found = [[] for _ in program.lines]
    for i, slot in ends.values():
        found[i].append(slot)
    return found


def function_of(program):
    """The function ``(*arrays) -> tuple of arrays`` that does what the program says.

    Errors are those of the ops, with a note that says where the user's code called them.
    """
    text, names = source(program)
    filename = f"<captured step {next(_numbers)}>"
    exec(compile(text, filename, "exec"), names)
    linecache.cache[filename] = (len(text), None, text.splitlines(True), filename)
    step = names["step"]

    def run(*arrays):
        try:
            with mode.GradMode(program.saving):
                return step(*arrays)
        except Exception as error:
            raise _explained(error, filename, program) from None
    return run


def _explained(error, filename, program):
    """The error with what the gate would have said of it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != filename:
        trace = trace.tb_next
    if trace is None or not 0 <= trace.tb_lineno - 2 < len(program.lines):
        return error
    line = program.lines[trace.tb_lineno - 2]
    if hasattr(line.op, "shape"):
        error = explain(error, line.op, [spec_of(x) if isinstance(x, Slot) else x for x in line.inputs], line.attrs)
    error.add_note(f"called at {line.where}")
    return error


def _statement(line, names):
    arguments = [_name(x, names) for x in line.inputs]
    arguments += [f"{key}={_name(value, names)}" for key, value in line.attrs.items()]
    call = f"{_function(line.op, names)}({', '.join(arguments)})"
    if line.op.residual:
        whole = repr(line.residual) if isinstance(line.residual, Slot) else "rest"
        parts = "".join(f"; {s!r} = rest{path}" for s, path in _places(line.residual) if path)
        return f"{_targets(line, line.several)}, {whole} = {call}{_casting(line)}{parts}"
    if line.several:
        return f"{_targets(line, True)} = {call}{_casting(line)}"
    [cast] = line.casts
    if cast is not None:
        call = f"asarray({call}, {cast.name!r})"
    if line.outputs[0] in line.inputs:
        return call     # written in place
    return f"{line.outputs[0]!r} = {call}"


def _targets(line, several):
    names = [repr(s) for s in line.outputs]
    return f"({', '.join(names)},)" if several else names[0]


def _casting(line):
    """Statements that give results the dtypes that the gate gave them."""
    return "".join(f"; {s!r} = asarray({s!r}, {d.name!r})" for s, d in zip(line.outputs, line.casts) if d is not None)


def _places(residual, path=""):
    """``(slot, how to get there)`` for each slot in what an op handed out beside its result."""
    if isinstance(residual, Slot):
        yield residual, path
    elif isinstance(residual, tuple | dict):
        for key, part in residual.items() if isinstance(residual, dict) else enumerate(residual):
            yield from _places(part, f"{path}[{key!r}]")


def _function(op, names):
    """The op's function under a name of its own."""
    name = op.name if op.name.isidentifier() and not keyword.iskeyword(op.name) else "op"
    name = name + "_" if name in __builtins__ or name == "step" else name
    while names.get(name, op.forward) is not op.forward:
        name += "_"
    names[name] = op.forward
    return name


def _name(value, names):
    """How a value is written down: slots by their names, plain values as they are, all else by a name of its own."""
    if isinstance(value, Slot):
        if value.kind == KEPT:
            names[repr(value)] = value.array
        return repr(value)
    if type(value) in PLAIN and value == value and value not in (float("inf"), -float("inf")):
        return repr(value)
    if type(value) in (tuple, list) and any(isinstance(v, Slot | tuple | list) for v in value) or \
            type(value) is tuple and all(type(v) in PLAIN and v == v for v in value):
        parts = [_name(v, names) for v in value]
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})" if type(value) is tuple else \
            f"[{', '.join(parts)}]"
    name = f"c{len(names)}"
    names[name] = value
    return name
