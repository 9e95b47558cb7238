"""Vectors of float32 for kernels: LLVM's vector type in Numba, and the instructions on it.

Plain Numba cannot keep a tile of a matrix in registers; with this type it can. A vector has as many lanes as the
processor's registers (16 with AVX-512, 8 with AVX2, 4 with NEON or SSE): kernels read the number from ``LANES``.
Pointers and offsets count in elements.

:class:`Code` writes the instructions. Device code calls them one by one (``load``, ``fma``, ...); a longer piece whose
shape is known when it is compiled, such as a tile of a matrix product, is written in one go as a function of a ``Code``
under :func:`instruction`. That keeps Numba's type inference out of it: a tile of 6 x 2 vectors compiles in 0.1 s
instead of 0.5 s.
"""

import contextlib
import functools

from .jit import Constant, Device


def lanes():
    """How many float32 a vector register of this processor holds."""
    import llvmlite.binding as llvm
    features = llvm.get_host_cpu_features()
    return 16 if features.get("avx512f") else 8 if features.get("avx2") else 4


LANES = Constant(lanes)


@functools.lru_cache(None)
def _types():
    """Numba's and LLVM's type for each letter of an instruction's signature; pointers keep the type they have."""
    import numba
    from llvmlite import ir
    from numba.extending import models, register_model

    class Vector(numba.types.Type):
        def __init__(self, name):
            super().__init__(name=f"{name}x{LANES.value()}")

    @register_model(Vector)
    class VectorModel(models.PrimitiveModel):
        def __init__(self, manager, kind):
            element = {"f": ir.FloatType(), "m": ir.IntType(1)}[kind.name[0]]
            super().__init__(manager, kind, ir.VectorType(element, LANES.value()))
    return {"v": Vector("float32"), "m": Vector("mask"), "i": numba.types.intp, "f": numba.types.float32,
            "b": numba.types.boolean, "": numba.types.void}


def instruction(parameters, result=""):
    """Make device code of a function ``(code, *values) -> value`` that writes with a :class:`Code`.

    ``parameters`` has a letter for each value: ``p`` a pointer, ``i`` an integer, ``f`` a float32, ``v`` a vector,
    ``m`` a mask. ``result`` is the letter of the result: ``p`` a pointer like the first argument, nothing for none.
    """
    def decorate(write):
        def build():
            from numba.extending import intrinsic
            kinds = _types()

            def typed(*args):
                returned = args[0] if result == "p" else kinds[result]

                def generate(context, builder, _signature, values):
                    value = write(Code(builder), *values)
                    return value if result else context.get_dummy_value()
                return returned(*[kinds.get(letter, a) for letter, a in zip(parameters, args)]), generate
            names = ", ".join(f"a{i}" for i in range(len(parameters)))
            scope = {"typed": typed}        # Numba wants a function with exactly these parameters
            exec(f"def {write.__name__}(_context, {names}):\n    return typed({names})", scope)
            return intrinsic(scope[write.__name__])
        return Device(write.__name__, build)
    return decorate


class Code:
    """Writes LLVM instructions on vectors at the place where a builder stands."""

    def __init__(self, builder):
        from llvmlite import ir
        self.builder, self.ir, self.lanes = builder, ir, LANES.value()
        self.vector = self.vector_of(ir.FloatType())

    def vector_of(self, element):
        return self.ir.VectorType(element, self.lanes)

    def integer(self, value):
        return self.ir.Constant(self.ir.IntType(64), value)

    def float(self, value):
        return self.ir.Constant(self.ir.FloatType(), value)

    def constant(self, value):
        """A vector of one number."""
        return self.ir.Constant(self.vector, [float(value)] * self.lanes)

    def splat(self, x):
        """A vector of the value ``x``."""
        one = self.builder.insert_element(self.ir.Constant(self.vector_of(x.type), self.ir.Undefined), x,
                                          self.ir.Constant(self.ir.IntType(32), 0))
        return self.shuffle(one, one, [0] * self.lanes)

    def shuffle(self, x, y, lanes):
        """A vector of these lanes of ``x`` (0, 1, ...) and of ``y`` (counted on from the last of ``x``)."""
        i32 = self.ir.IntType(32)
        return self.builder.shuffle_vector(x, y, self.ir.Constant(self.ir.VectorType(i32, len(lanes)), list(lanes)))

    # memory

    def at(self, pointer, *steps):
        """The pointer moved on by the sum of ``steps``: numbers or values."""
        for step in steps:
            pointer = self.builder.gep(pointer, [self.integer(step) if isinstance(step, int) else step])
        return pointer

    def get(self, pointer, i=0):
        """The element ``pointer[i]``."""
        return self.builder.load(self.at(pointer, i))

    def load(self, pointer, i=0):
        """The vector that begins at ``pointer[i]``."""
        return self.builder.load(self._vector_pointer(pointer, i), align=4)

    def store(self, value, pointer, i=0):
        """Write a vector to ``pointer[i]`` and after it."""
        self.builder.store(value, self._vector_pointer(pointer, i), align=4)

    def broadcast(self, pointer, i=0):
        """The element ``pointer[i]`` in every lane."""
        return self.splat(self.get(pointer, i))

    def first(self, count):
        """The mask of the first ``count`` lanes; none for a negative count, all for a larger one."""
        order = self.ir.Constant(self.vector_of(self.ir.IntType(64)), list(range(self.lanes)))
        return self.builder.icmp_signed("<", order, self.splat(count))

    def load_masked(self, pointer, mask):
        """A vector whose masked lanes come from memory and whose others are 0, untouched memory behind them."""
        at = self._vector_pointer(pointer, 0)
        name = f"llvm.masked.load.v{self.lanes}f32.p0"
        kind = self.ir.FunctionType(self.vector, [at.type, self.ir.IntType(32), mask.type, self.vector])
        return self.builder.call(self._declared(name, kind),
                                 [at, self.ir.Constant(self.ir.IntType(32), 4), mask, self.constant(0)])

    def store_masked(self, value, pointer, mask):
        """Write the masked lanes of a vector."""
        at = self._vector_pointer(pointer, 0)
        name = f"llvm.masked.store.v{self.lanes}f32.p0"
        kind = self.ir.FunctionType(self.ir.VoidType(), [self.vector, at.type, self.ir.IntType(32), mask.type])
        self.builder.call(self._declared(name, kind), [value, at, self.ir.Constant(self.ir.IntType(32), 4), mask])

    def _vector_pointer(self, pointer, i):
        return self.builder.bitcast(self.at(pointer, i), self.vector.as_pointer())

    def _declared(self, name, kind):
        from numba.core import cgutils
        return cgutils.get_or_insert_function(self.builder.module, kind, name)

    # arithmetic

    def add(self, x, y):
        return self.builder.fadd(x, y)

    def sub(self, x, y):
        return self.builder.fsub(x, y)

    def mul(self, x, y):
        return self.builder.fmul(x, y)

    def fma(self, x, y, z):
        """``x * y + z`` with one rounding."""
        kind = self.ir.FunctionType(x.type, [x.type] * 3)
        return self.builder.call(self._declared(f"llvm.fma.v{self.lanes}f32", kind), [x, y, z])

    def maximum(self, x, y):
        """The larger of each pair; NaN if either is."""
        larger = self.builder.select(self.builder.fcmp_unordered(">", x, y), x, y)    # true also for a NaN: then x, ...
        return self.builder.select(self.builder.fcmp_unordered("uno", y, y), y, larger)     # ... unless y is the NaN

    def positive(self, x):
        """The mask of ``x > 0``."""
        return self.builder.fcmp_ordered(">", x, self.constant(0))

    def select(self, mask, x, y):
        """``x`` where masked, else ``y``."""
        return self.builder.select(mask, x, y)

    def sum(self, x):
        """The sum of the lanes, halves first."""
        half = self.lanes // 2
        while half:
            x = self.add(self.shuffle(x, x, range(half)), self.shuffle(x, x, range(half, 2 * half)))
            half //= 2
        return self.builder.extract_element(x, self.ir.Constant(self.ir.IntType(32), 0))

    # control

    def variable(self, value):
        """A place for a value that changes, kept in a register: ``read(place)``, ``write(value, place)``."""
        from numba.core import cgutils
        place = cgutils.alloca_once(self.builder, value.type)
        self.builder.store(value, place)
        return place

    def read(self, place):
        return self.builder.load(place)

    def write(self, value, place):
        self.builder.store(value, place)

    @contextlib.contextmanager
    def loop(self, count):
        """Repeat what is written inside ``count`` times; gives the index."""
        from numba.core import cgutils
        with cgutils.for_range(self.builder, count, intp=self.ir.IntType(64)) as loop:
            yield loop.index

    def branch(self, condition):
        """``with code.branch(condition) as (then, otherwise)``, each written in a ``with`` of its own."""
        return self.builder.if_else(condition)


    @contextlib.contextmanager
    def march(self, count, *moving):
        """Repeat ``count`` times; of each ``(pointer, step)`` gives the pointer, which then moves on by the step.

        How it moves is hidden from LLVM, which would else unroll the loop and keep every address made from a pointer
        and an offset as a pointer of its own: more than there are registers, so that each step of a tile of 6 x 2
        adds to a dozen places in memory. Hidden, they stay what processors add for free: one register and another.
        """
        builder, ir, count_type = self.builder, self.ir, count.type
        before, body, after = builder.block, builder.append_basic_block("march"), builder.append_basic_block("halt")
        builder.cbranch(builder.icmp_signed(">", count, ir.Constant(count_type, 0)), body, after)
        builder.position_at_end(body)
        left, places = builder.phi(count_type), [builder.phi(pointer.type) for pointer, _ in moving]
        left.add_incoming(count, before)
        for place, (pointer, _) in zip(places, moving):
            place.add_incoming(pointer, before)
        yield places
        for place, (_, step) in zip(places, moving):
            hidden = ir.InlineAsm(ir.FunctionType(place.type, [place.type]), "", "=r,0")
            place.add_incoming(builder.call(hidden, [self.at(place, step)]), builder.block)
        rest = builder.sub(left, ir.Constant(count_type, 1))
        left.add_incoming(rest, builder.block)
        again = builder.cbranch(builder.icmp_signed("!=", rest, ir.Constant(count_type, 0)), body, after)
        again.set_metadata("llvm.loop", self._kept_rolled())
        builder.position_at_end(after)

    def _kept_rolled(self):
        """The mark of a loop that is not to be unrolled: a list whose first member is itself."""
        module = self.builder.module
        mark = module.add_metadata([module.add_metadata(["llvm.loop.unroll.disable"])])
        mark.operands = (mark, *mark.operands)
        return mark


# What device code written in Python calls

at = instruction("pi", "p")(Code.at)
load = instruction("pi", "v")(Code.load)
broadcast = instruction("pi", "v")(Code.broadcast)
splat = instruction("f", "v")(Code.splat)
first = instruction("i", "m")(Code.first)
load_masked = instruction("pm", "v")(Code.load_masked)
fma = instruction("vvv", "v")(Code.fma)
add = instruction("vv", "v")(Code.add)
sub = instruction("vv", "v")(Code.sub)
mul = instruction("vv", "v")(Code.mul)
maximum = instruction("vv", "v")(Code.maximum)
positive = instruction("v", "m")(Code.positive)
select = instruction("mvv", "v")(Code.select)
total = instruction("v", "f")(Code.sum)


@instruction("piv")
def store(code, pointer, i, value):
    """Write a vector to ``pointer[i]`` and after it."""
    code.store(value, pointer, i)


@instruction("pvm")
def store_masked(code, pointer, value, mask):
    """Write the masked lanes of a vector."""
    code.store_masked(value, pointer, mask)
