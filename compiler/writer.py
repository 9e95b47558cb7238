"""Writes a small program down as LLVM instructions: loops over elements, and calls of kernels.

All sizes are literals. What differs from one process to the next, where arrays and kernels lie, comes in a table of
addresses, so that the object code can be kept on disk.
"""

import contextlib
import ctypes
import math

import numpy as np

from ..autograd.capture import INPUT, KEPT, Slot
from ..kernels.memory import aligned

SUMMED = ("reassoc", "nsz", "contract")     # a sum may be taken in several parts, which become vectors
ROUNDED = ("contract",)
FLOATS = {"float32": "float", "float64": "double"}
BITS = {"int64": 64, "uint64": 64, "int32": 32, "uint32": 32, "int8": 8, "uint8": 8, "bool": 8}


class NotWritableError(Exception):
    """The program has something in it that this module cannot write; it stays a list of calls."""


class Writer:
    """The code of one program, under way.

    Attributes:
        table: what the addresses are taken of: ``(kind, object)``, kind ``'data'`` (the elements of an array),
            ``'object'`` (an array object, which is what kernels take) or ``'code'`` (a kernel).
        kept: memory that an op keeps for its gradient, by the number of the slot that stands for it.
    """

    def __init__(self):
        from llvmlite import ir
        self.ir, self.module = ir, ir.Module("step")
        self.i64 = ir.IntType(64)
        kind = ir.FunctionType(self.i64, [self.i64.as_pointer()])
        self.function = ir.Function(self.module, kind, "step")
        self.loads = ir.IRBuilder(self.function.append_basic_block("addresses"))
        self.first_block = self.function.append_basic_block("work")
        self.builder = ir.IRBuilder(self.first_block)
        self.first_check = self.function.append_basic_block("checks")
        self.checks = ir.IRBuilder(self.first_check)
        self.table, self._places, self._buffers, self._pointers = [], {}, {}, {}
        self._given, self.kept = set(), {}

    def finish(self):
        """End the step."""
        self.builder.ret(self.i64(0))
        self.checks.branch(self.first_block)
        self.loads.branch(self.first_check)

    def epoch(self, inputs, sources):
        """Write ``epoch(table, order, batches)``: gathers rows of each source into its input, then runs the step.

        Arguments:
            inputs: the slots that batches go to.
            sources: arrays of one row; where the data of an epoch lie stands in the table at their places.

        Returns from it how many batches went well.
        """
        i64, b0 = self.i64, self.builder
        kind = self.ir.FunctionType(i64, [i64.as_pointer(), i64.as_pointer(), i64])
        function = self.ir.Function(self.module, kind, "epoch")
        table, order, batches = function.args
        b = self.builder = self.ir.IRBuilder(function.append_basic_block("entry"))
        loops, end = function.append_basic_block("batch"), function.append_basic_block("end")
        pairs = [(self._from(table, self.array(slot)), self._from(table, one), slot, one)
                 for slot, one in zip(inputs, sources)]
        before = b.block
        b.branch(loops)
        b.position_at_end(loops)
        batch = b.phi(i64)
        batch.add_incoming(i64(0), before)
        for to, source, slot, one in pairs:
            rows = slot.shape[0]
            with self.loop(rows) as i:
                place = b.add(b.mul(batch, i64(rows)), i)
                row = b.mul(b.load(b.gep(order, [place])), i64(one.size))
                start = b.mul(i, i64(one.size))
                with self.loop(one.size) as j:
                    value = b.load(b.gep(source, [b.add(row, j)]))
                    b.store(self.cast(value, one.dtype, slot.dtype), b.gep(to, [b.add(start, j)]))
        failed = b.icmp_signed("!=", b.call(self.function, [table]), i64(0))
        following = b.add(batch, i64(1))
        done = b.or_(failed, b.icmp_signed(">=", following, batches))
        batch.add_incoming(following, b.block)
        b.cbranch(done, end, loops)
        b.position_at_end(end)
        b.ret(b.select(failed, batch, following))
        self.builder = b0

    def _from(self, table, array):
        """The pointer to an array's elements that stands in the table."""
        at = self.builder.gep(table, [self.i64(self._index("data", array))])
        return self.builder.inttoptr(self.builder.load(at), self.type(array.dtype).as_pointer())

    @contextlib.contextmanager
    def checking(self, array):
        """What is written inside runs before all else, so that nothing is half done when it leaves: on inputs only."""
        if id(array) not in self._given:
            raise NotWritableError("a check of what is computed on the way")
        work, self.builder = self.builder, self.checks
        try:
            yield
        finally:
            self.builder = work

    # Memory

    def array(self, slot):
        """The array that a slot's elements lie in."""
        if slot.kind == KEPT:
            if not slot.array.flags.c_contiguous:
                raise NotWritableError("an array that is not contiguous")
            return slot.array
        return self._buffers[slot.number]

    def make(self, slot, like=None):
        """Memory for a slot; with ``like``, that of another array, in the slot's shape."""
        if slot.shape is None or slot.dtype.name not in FLOATS and slot.dtype.name not in BITS or 0 in slot.shape:
            raise NotWritableError(f"a result of {slot.dtype} of shape {slot.shape}")
        if slot.number not in self._buffers:
            array = aligned(slot.shape, slot.dtype) if like is None else like.reshape(slot.shape)
            self._buffers[slot.number] = array
            if slot.kind == INPUT or id(like) in self._given:
                self._given.add(id(array))
        return self._buffers[slot.number]

    def address(self, kind, thing):
        """The address of something, as an integer, loaded once at the beginning."""
        key = (kind, id(thing))
        if key not in self._pointers:
            at = self.loads.gep(self.function.args[0], [self.i64(self._index(kind, thing))])
            self._pointers[key] = self.loads.load(at)
        return self._pointers[key]

    def _index(self, kind, thing):
        """The place of something in the table."""
        key = (kind, id(thing))
        if key not in self._places:
            self._places[key] = len(self.table)
            self.table.append((kind, thing))
        return self._places[key]

    def pointer(self, x):
        """Where the elements of a slot or an array begin."""
        array = self.array(x) if isinstance(x, Slot) else x
        key = ("pointer", id(array))
        if key not in self._pointers:
            where = self.address("data", array)
            self._pointers[key] = self.loads.inttoptr(where, self.type(array.dtype).as_pointer())
        return self._pointers[key]

    def type(self, dtype):
        """LLVM's type of a dtype."""
        name = np.dtype(dtype).name
        if name == "float32":
            return self.ir.FloatType()
        if name == "float64":
            return self.ir.DoubleType()
        if name in BITS:
            return self.ir.IntType(BITS[name])
        raise NotWritableError(f"numbers of {name}")

    def load(self, x, index):
        """An element of a slot or an array."""
        return self.builder.load(self.builder.gep(self.pointer(x), [self.integer(index)]))

    def store(self, value, x, index):
        """Write an element."""
        self.builder.store(value, self.builder.gep(self.pointer(x), [self.integer(index)]))

    # Values

    def integer(self, value):
        return self.i64(value) if isinstance(value, int) else value

    def constant(self, value, dtype):
        """A number as a value of that dtype."""
        dtype = np.dtype(dtype)
        if dtype.kind == "f":
            return self.ir.Constant(self.type(dtype), float(dtype.type(value)))
        return self.ir.Constant(self.type(dtype), int(value))

    def cast(self, value, before, after):
        """A value of one dtype as one of another."""
        before, after, b = np.dtype(before), np.dtype(after), self.builder
        if before == after:
            return value
        kinds = before.kind + after.kind
        if kinds == "ff":
            return (b.fpext if after.itemsize > before.itemsize else b.fptrunc)(value, self.type(after))
        if kinds[1] == "f":
            return (b.uitofp if before.kind in "bu" else b.sitofp)(value, self.type(after))
        if kinds[0] == "f" and kinds[1] == "i":
            return b.fptosi(value, self.type(after))
        if kinds[0] in "bui" and kinds[1] in "ui":
            if after.itemsize == before.itemsize:
                return value
            if after.itemsize < before.itemsize:
                return b.trunc(value, self.type(after))
            return (b.zext if before.kind in "bu" else b.sext)(value, self.type(after))
        raise NotWritableError(f"{before} as {after}")

    def intrinsic(self, name, value, *more):
        """LLVM's function of that name, e.g. ``llvm.sqrt``."""
        kind = self.ir.FunctionType(value.type, [value.type] * (1 + len(more)))
        width = "f32" if isinstance(value.type, self.ir.FloatType) else "f64"
        return self.builder.call(self._declared(f"{name}.{width}", kind), [value, *more])

    def _declared(self, name, kind):
        return self.module.globals.get(name) or self.ir.Function(self.module, kind, name)

    # Control

    @contextlib.contextmanager
    def loop(self, count):
        """Repeat what is written inside so many times, at least once; gives the index."""
        if count == 1:
            yield self.i64(0)
            return
        before, body = self.builder.block, self.builder.append_basic_block("body")
        after = self.builder.append_basic_block("after")
        self.builder.branch(body)
        self.builder.position_at_end(body)
        index = self.builder.phi(self.i64)
        index.add_incoming(self.i64(0), before)
        yield index
        following = self.builder.add(index, self.i64(1), flags=("nsw", "nuw"))
        index.add_incoming(following, self.builder.block)
        self.builder.cbranch(self.builder.icmp_unsigned("<", following, self.i64(count)), body, after)
        self.builder.position_at_end(after)

    @contextlib.contextmanager
    def loops(self, sizes):
        """Nested loops; gives the list of indices."""
        with contextlib.ExitStack() as stack:
            yield [stack.enter_context(self.loop(n)) for n in sizes]

    def variable(self, value):
        """A place for a number that changes; LLVM makes it a register."""
        place = self.loads.alloca(value.type)
        self.builder.store(value, place)
        return place

    def leave_if(self, condition, code):
        """Return ``code`` at once where the condition holds."""
        out, on = self.builder.append_basic_block("leave"), self.builder.append_basic_block("on")
        self.builder.cbranch(condition, out, on)
        self.builder.position_at_end(out)
        self.builder.ret(self.i64(code))
        self.builder.position_at_end(on)

    def kernel(self, kernel, *args):
        """Call a kernel: arrays and slots for its arrays, numbers or values for its numbers."""
        kinds, values = [], []
        for letter, arg in zip(kernel.signature, args, strict=True):
            if letter[0] == "*":
                array = self.array(arg) if isinstance(arg, Slot) else arg
                kinds.append(self.i64)
                values.append(self.address("object", array))
            elif letter == "i":
                kinds.append(self.i64)
                values.append(self.integer(int(arg) if isinstance(arg, int | np.integer) else arg))
            else:
                dtype = {"f": "float32", "d": "float64"}[letter]
                kinds.append(self.type(dtype))
                values.append(self.constant(arg, dtype) if isinstance(arg, int | float | np.floating) else arg)
        kind = self.ir.FunctionType(self.ir.VoidType(), kinds).as_pointer()
        self.builder.call(self.builder.inttoptr(self.address("code", kernel), kind), values)

    # Loops over elements

    def each(self, out, operands, expression, dtype=None):
        """``out[i] = expression(*operands[i])`` with NumPy's broadcasting.

        Arguments:
            out: the slot to fill.
            operands: slots and Python numbers.
            expression: of values, gives a value of the dtype of ``out``.
            dtype: what the operands are cast to; default: that of ``out``.
        """
        array = self.make(out)
        dtype = np.dtype(dtype or out.dtype)
        arrays = [self.array(x) if isinstance(x, Slot) else None for x in operands]
        steps = [_steps(a, array.shape) for a in arrays if a is not None]
        sizes, steps = _collapsed(array.shape, [_steps(array, array.shape), *steps])
        with self.loops(sizes) as indices:
            places = [self._offset(indices, own) for own in steps]
            values, rest = [], iter(places[1:])
            for x, a in zip(operands, arrays):
                if a is None:
                    values.append(self.constant(x, dtype))
                else:
                    values.append(self.cast(self.load(a, next(rest)), a.dtype, dtype))
            self.store(expression(*values), array, places[0])

    def total(self, out, x, axes, finish=lambda value: value, expression=lambda value: value, start=0, combine=None):
        """``out = finish(the sum of expression(x) over the axes)``; ``out`` has the shape without them, or 1s there."""
        array, source = self.make(out), self.array(x)
        axes = sorted(a % source.ndim for a in axes) if source.ndim else []
        kept = [i for i in range(source.ndim) if i not in axes]
        combine = combine or (lambda a, b: self.builder.fadd(a, b, flags=SUMMED))
        inner = math.prod(source.shape[i] for i in axes)
        if not axes or axes == list(range(len(kept), source.ndim)):         # rows
            with self.loop(array.size) as i:
                place = self.variable(self.constant(start, out.dtype))
                base = self.builder.mul(i, self.i64(inner))
                with self.loop(inner) as j:
                    value = expression(self.cast(self.load(source, self.builder.add(base, j)), source.dtype, out.dtype))
                    self.builder.store(combine(self.builder.load(place), value), place)
                self.store(finish(self.builder.load(place)), array, i)
        elif axes == list(range(len(axes))):                                # columns
            with self.loop(array.size) as j:
                self.store(self.constant(start, out.dtype), array, j)
            with self.loop(inner) as i:
                base = self.builder.mul(i, self.i64(array.size))
                with self.loop(array.size) as j:
                    value = expression(self.cast(self.load(source, self.builder.add(base, j)), source.dtype, out.dtype))
                    self.store(combine(self.load(array, j), value), array, j)
            with self.loop(array.size) as j:
                self.store(finish(self.load(array, j)), array, j)
        else:
            raise NotWritableError("a sum over axes in the middle")

    def copy(self, out, source, start=0):
        """The elements of a slot or an array into an array, from ``start`` on."""
        source = self.array(source) if isinstance(source, Slot) else source
        with self.loop(source.size) as i:
            value = self.cast(self.load(source, i), source.dtype, out.dtype)
            self.store(value, out, self.builder.add(i, self.i64(start)) if start else i)

    def fill(self, array, value):
        """A number into all places of an array."""
        with self.loop(array.size) as i:
            self.store(self.constant(value, array.dtype), array, i)

    def _offset(self, indices, steps):
        total = None
        for index, step in zip(indices, steps):
            if step:
                part = index if step == 1 else self.builder.mul(index, self.i64(step))
                total = part if total is None else self.builder.add(total, part)
        return self.i64(0) if total is None else total


def _steps(array, shape):
    """By how many elements each index of the shape moves in an array that is broadcast to it."""
    own = [1] * (len(shape) - array.ndim) + list(array.shape)
    steps, step = [], 1
    for n, m in zip(reversed(own), reversed(shape)):
        if n not in (1, m):
            raise NotWritableError(f"shape {array.shape} against {tuple(shape)}")
        steps.append(0 if n == 1 else step)
        step *= n
    return steps[::-1]


def _collapsed(shape, steps):
    """The fewest loops that do: neighbouring axes that all arrays go through as one are one."""
    sizes, kept = [], []
    for axis, n in enumerate(shape):
        own = [s[axis] for s in steps]
        if n == 1:
            continue
        if sizes and all(before == step * n for before, step in zip(kept[-1], own)):
            sizes[-1] *= n
            kept[-1] = own
        else:
            sizes.append(n)
            kept.append(own)
    return sizes or [1], list(zip(*kept)) if kept else [(0,)] * len(steps)


def pointer_of(kind, thing):
    """The address that a table holds."""
    if kind == "data":
        return thing.ctypes.data
    if kind == "object":
        return id(thing)
    return thing.address


def table_of(places):
    """The addresses as an array."""
    return np.array([pointer_of(kind, thing) for kind, thing in places], np.uintp)


STEP = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)
