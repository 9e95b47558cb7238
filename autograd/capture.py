"""Recording what goes through the gate, as a program that can be run again without the Python code that made it.

While a :class:`Recorder` is at work in a thread, the gate hands it every op that it runs there. Arrays are known by
identity: one that no line made and that is no input was there before, or was made by other means than ops; the program
keeps it as it is. What it cannot know, whether Python code looked at a value to decide what to do, it is told by those
who read values (:func:`reading`), and by comparing two recordings of the same function (:meth:`Program.differs`).
"""

import weakref

import numpy as np

from . import mode
from .value import Value

INPUT, KEPT, MADE = "input", "kept", "made"
PLAIN = (bool, int, float, complex, str, type(None))


class Slot:
    """A place of a program for one array, or for an object that an op hands to its gradient.

    Attributes:
        number: counted in the order in which arrays turned up.
        kind: ``'input'``, ``'kept'`` (an array that the program holds: a weight, a counter, a constant) or ``'made'``.
        shape, dtype: of the array, None for another object.
        array: what is kept, else None.
        memory: a number that arrays in the same memory have in common: views of each other.
    """

    __slots__ = ("number", "kind", "shape", "dtype", "array", "memory")

    def __init__(self, number, kind, array):
        self.number, self.kind = number, kind
        self.shape, self.dtype = getattr(array, "shape", None), getattr(array, "dtype", None)
        self.array, self.memory = array if kind == KEPT else None, id(_owner(array))

    @property
    def nbytes(self):
        """The bytes that its elements take; of an object, which may hold anything, many."""
        if self.shape is None:
            return 1 << 30
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def __repr__(self):
        return f"{self.kind[0]}{self.number}"


class Line:
    """One step of a program: an op, and where its arrays come from and go.

    Attributes:
        op: an :class:`~tahr.autograd.op.Op`, or the :class:`Calculation` of a metric.
        inputs: slots, and for what is no array the value itself.
        attrs: the op's attributes; arrays among them are slots.
        outputs: a slot for each result. The slot of an input, where the op wrote into it and gave it back.
        several: whether the op gives a tuple of results.
        casts: for each result the dtype that the gate gave it, None where it took it as it was.
        residual: what else the op handed out, with slots for arrays.
        where: the user's line that ran the op.
    """

    __slots__ = ("op", "inputs", "attrs", "outputs", "several", "casts", "residual", "where")

    def __init__(self, op, inputs, attrs, outputs, several=False, casts=(None,), residual=None, where=""):
        self.op, self.inputs, self.attrs, self.outputs = op, inputs, attrs, outputs
        self.several, self.casts, self.residual, self.where = several, casts, residual, where

    def used(self):
        """The slots that it reads (or writes into)."""
        return [s for s in flat((self.inputs, tuple(self.attrs.values()))) if isinstance(s, Slot)]

    def written(self):
        """The slots of inputs that it writes into."""
        into = [self.inputs[i] for i in self.op.writes] + [s for s in self.outputs if s in self.inputs]
        return [s for s in into if isinstance(s, Slot)]

    def made(self):
        """The slots that it fills, those of the residual too."""
        own = {id(s) for s in self.used()}
        return [s for s in flat((self.outputs, self.residual)) if isinstance(s, Slot) and id(s) not in own]

    def __repr__(self):
        return f"{', '.join(map(repr, self.outputs))} = {self.op.name}({', '.join(map(repr, self.inputs))})"


class Calculation:
    """Python code that a program calls where it stood: it reads state and gives numbers.

    It stands where an op stands in a line.
    """

    residual, writes, differentiable = False, (), False

    def __init__(self, name, forward):
        self.name, self.forward = name, forward


class Program:
    """What a function did to arrays.

    Attributes:
        inputs: the slots of its arguments' arrays.
        lines: in order.
        result: what it returned, a tree with slots in place of tensors.
        guards: ``(value, array)`` for each tensor that keeps its memory: while it holds this array the program is true.
        written: the versions of the memory that it writes.
        saving: whether ops keep what their gradients need.
    """

    def __init__(self, inputs, lines, result, guards, written, saving):
        self.inputs, self.lines, self.result, self.saving = inputs, lines, result, saving
        self.guards, self.written = guards, written

    @property
    def kept(self):
        """The slots of the arrays that it holds, in order."""
        found = {s.number: s for line in self.lines for s in line.used() if s.kind == KEPT}
        found |= {s.number: s for s in flat(self.result) if isinstance(s, Slot) and s.kind == KEPT}
        return [found[n] for n in sorted(found)]

    def intact(self):
        """Whether the tensors it works on still lie in the memory that it knows."""
        for value, array in self.guards:
            if value.data is not array:
                return False
        return True

    def differs(self, other):
        """What the first difference to another recording is, None if there is none.

        Arrays that were made anew each time must hold the same numbers.
        """
        for mine, theirs in zip(self.lines, other.lines):
            if mine.op is not theirs.op and mine.op.name != theirs.op.name:
                return f"{theirs.op.name} was followed here by {mine.op.name} the time before: {mine.where}"
            if not (_same(mine.inputs, theirs.inputs) and _same(mine.attrs, theirs.attrs)
                    and _same(mine.outputs, theirs.outputs) and _same(mine.residual, theirs.residual)):
                return f"{mine.op.name} got a number or an array that depends on the data, at {mine.where}"
        if len(self.lines) != len(other.lines):
            return f"one call made {len(self.lines)} steps, the next {len(other.lines)}"
        return None if _same(self.result, other.result) else "it returned a number that depends on the data"


class Again:
    """A dict that a program returns: what ``again()`` gives then, and ``rest``, whose values are part of the program.

    It stands for a dict that has the attributes ``again`` and ``given``, the items that came from there.
    """

    __slots__ = ("again", "rest")

    def __init__(self, again, rest):
        self.again, self.rest = again, rest


class Recorder:
    """Takes down what one call of a function does in this thread; a context manager around that call.

    Arguments:
        inputs: the arrays of the call's arguments.
    """

    def __init__(self, inputs):
        self.lines, self.reason, self.where = [], None, ""
        self._known, self._count, self._values, self._versions, self._saving = {}, 0, [], {}, False
        self.inputs = [self._enter(array, INPUT) for array in inputs]
        self._arguments = list(inputs)

    def __enter__(self):
        mode.start_recorder(self)
        return self

    def __exit__(self, *error):
        mode.stop_recorder(self)

    def stop(self, reason, where=None):
        """Give up: the function goes on, nothing more is taken down. The first reason counts."""
        if self.reason is None:
            self.reason, self.where = reason, where or mode.user_line()
            self.lines.clear()
            self._known.clear()

    def note(self, op, inputs, arrays, attrs, raw, outs, residual):
        """A line for an op that the gate has run: ``raw`` is what it gave, ``outs`` what the gate made of that."""
        if self.reason is not None:
            return
        taken = tuple([self._slot(a, x) if type(a) is np.ndarray else a for a, x in zip(arrays, inputs)])
        attrs = {k: self._resolved(v) for k, v in attrs.items()}
        self._saving = self._saving or op.residual and mode.recording()
        several = type(raw) is tuple
        pairs = list(zip(raw, outs)) if several else [(raw, outs)]
        outputs = tuple([self._made(out.data) for _, out in pairs])
        casts = tuple([None if r is out.data else out.dtype for r, out in pairs])
        self.lines.append(Line(op, taken, attrs, outputs, several, casts, self._taken_out(residual), mode.user_line()))

    def calculate(self, name, function):
        """Run Python code that reads state, as one line; its numbers come back as tensors."""
        with mode.unrecorded():
            found = function()
        names = list(found) if isinstance(found, dict) else None
        arrays = tuple(np.asarray(getattr(v, "data", v)) for v in (found.values() if names else [found]))

        def forward():
            again = function()
            return tuple(np.asarray(getattr(v, "data", v)) for v in (again.values() if names else [again]))
        outputs = tuple(self._made(a) for a in arrays)
        self.lines.append(Line(Calculation(name, forward), (), {}, outputs, True, (None,) * len(arrays), None,
                               mode.user_line()))
        return arrays, names

    def read(self, value):
        """Somebody looks at the numbers of a tensor."""
        if self.reason is None and (id(value.data) in self._known or value.version is not None):
            self.stop("the value of a tensor was read")

    def wrote(self, version):
        self._versions[id(version)] = version

    def program(self, result):
        """The program, once the function has returned ``result``; None if it gave up."""
        if self.reason is None:
            result = self._returned(result)
        if self.reason is not None:
            return None
        guards = [(value, array) for ref, array in self._values if (value := ref()) is not None]
        return Program(self.inputs, self.lines, result, guards, list(self._versions.values()), self._saving)

    def _returned(self, tree):
        if isinstance(tree, Value):
            return self._slot(tree.data, tree)
        if isinstance(tree, np.ndarray):
            return self._slot(tree, None)
        if type(tree) in (list, tuple):
            return type(tree)(self._returned(t) for t in tree)
        if isinstance(tree, dict):
            given = getattr(tree, "given", {})
            rest = {k: self._returned(t) for k, t in tree.items() if not (k in given and given[k] is t)}
            return Again(tree.again, rest) if given else rest
        return tree

    def _enter(self, array, kind):
        slot = Slot(self._count, kind, array)
        self._count += 1
        try:
            self._known[id(array)] = (weakref.ref(array), slot)
        except TypeError:
            self._known[id(array)] = (lambda: array, slot)
        return slot

    def _find(self, array):
        """The slot of an array that turned up before; another may have had this address."""
        ref, slot = self._known.get(id(array), (None, None))
        return slot if ref is not None and ref() is array else None

    def _slot(self, array, value):
        """The slot of an array that is read."""
        slot = self._find(array)
        if slot is not None:
            return slot
        base = array.base
        if type(base) is np.ndarray and (made := self._find(base)) is not None and made.kind != KEPT:
            self.stop("a part of a tensor's array was taken by NumPy, not by an op")
        if isinstance(value, Value) and value.version is not None:
            self._values.append((weakref.ref(value), array))
        return self._enter(array, KEPT)

    def _made(self, array):
        return self._find(array) or self._enter(array, MADE)

    def _resolved(self, value):
        """An attribute with slots for the arrays in it."""
        if type(value) is np.ndarray:
            return self._slot(value, None)
        if isinstance(value, Value):
            return self._slot(value.data, value)
        if type(value) in (tuple, list) and any(isinstance(v, np.ndarray | Value | tuple | list) for v in value):
            return type(value)(self._resolved(v) for v in value)
        return value if type(value) in PLAIN else self._find(value) or value

    def _taken_out(self, residual):
        """A residual with slots for its arrays."""
        if type(residual) is np.ndarray:
            return self._made(residual)
        if type(residual) in (tuple, list):
            return tuple(self._taken_out(r) for r in residual)
        if type(residual) is dict:
            return {k: self._taken_out(r) for k, r in residual.items()}
        return residual if type(residual) in PLAIN else self._made(residual)


def reading(value):
    """Say that the numbers of a tensor are looked at: what is done with them, a recording cannot know."""
    if mode.recorders:
        recorder = mode.recorder()
        if recorder is not None:
            recorder.read(value)


def _owner(array):
    """The array whose memory this one is a part of."""
    while type(getattr(array, "base", None)) is np.ndarray:
        array = array.base
    return array


def flat(tree):
    """The leaves of nested tuples, lists and dicts."""
    if isinstance(tree, tuple | list):
        for part in tree:
            yield from flat(part)
    elif isinstance(tree, dict):
        yield from flat(list(tree.values()))
    elif isinstance(tree, Again):
        yield from flat(tree.rest)
    else:
        yield tree


def _same(a, b):
    """Whether two recordings have the same here."""
    if isinstance(a, Slot):
        if not isinstance(b, Slot) or (a.number, a.kind, a.shape, a.dtype) != (b.number, b.kind, b.shape, b.dtype):
            return False
        return a.array is b.array or a.array.tobytes() == b.array.tobytes()
    if isinstance(a, Again):
        return isinstance(b, Again) and _same(a.rest, b.rest)
    if isinstance(a, tuple | list):
        return type(a) is type(b) and len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    return a is b or type(a) is type(b) and (a == b or a != a and b != b)
