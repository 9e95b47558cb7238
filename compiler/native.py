"""A small program as one compiled function: the step, and a loop of steps over the batches of an epoch.

Python between two kernels costs some 2 us; where a step is hundreds of small kernels that is most of it. So a program
whose ops are all in :data:`~.lower.LOWERED`, and which is done in less time than threads would save, is written down
as LLVM instructions, which take some 50 ms to compile and are kept on disk. What it computes is what the program says,
but for sums that are taken in another order.
"""

import ctypes
import hashlib
import math

import numpy as np

from ..autograd.capture import Slot, flat
from ..kernels.gemm import FLOP
from ..kernels.jit import cache_folder, link, read_code, write_code
from . import lower_recurrent  # noqa: F401 (it fills the table)
from .lower import LOWERED
from .passes import cost
from .writer import NotWritableError, Writer, table_of

IN_PLACE = {"linear_grad_w", "sum_to", "rnn_grads"}      # ops that may write to any place, each result once
SMALL = 120_000_000         # floating-point operations of a step, up to which one thread does it
FEW = 1 << 18               # elements of an array, up to which no other thread would help with it
CHUNK = 20_000_000          # operations between two looks at the keyboard: some milliseconds
VERSION = b"1"              # of what is written; object code of others is not taken


class Native:
    """The compiled function of a program.

    Arguments:
        program: what was recorded.
        row_dtypes: for each input the dtype of the data that an epoch gathers it from; None for no epochs.

    Raises:
        NotWritableError: if the program is large, or has something in it that cannot be written down.
    """

    def __init__(self, program):
        self.work = sum(map(cost, program.lines))
        if self.work > SMALL or any(map(_threads_help, program.lines)):
            raise NotWritableError(f"{self.work:.2g} operations, or a line that threads do together")
        writer = Writer()
        self.inputs = [writer.make(slot) for slot in program.inputs]
        _gather_in_place(writer, program)
        for line in program.lines:
            if line.op.name not in LOWERED:
                raise NotWritableError(f"the op {line.op.name}")
            LOWERED[line.op.name](writer, line)
        writer.finish()
        self.rows = [np.zeros(slot.shape[1:], slot.dtype) for slot in program.inputs]
        self.batch = {slot.shape[0] for slot in program.inputs if slot.shape}
        self.gathers = len(self.batch) == 1 and all(slot.shape for slot in program.inputs)
        if self.gathers:
            writer.epoch(program.inputs, self.rows)
        self.results = [writer.array(s) for s in flat(program.result) if isinstance(s, Slot)]
        self.places = [writer._index("data", row) for row in self.rows] if self.gathers else []
        self.things = writer.table      # kept alive, since the code knows their addresses
        self.table = table_of(writer.table)
        self.at = self.table.ctypes.data
        step, epoch = compiled(str(writer.module), ("step", "epoch") if self.gathers else ("step",))
        self._step = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(step)
        if self.gathers:
            pointers = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
            self._epoch = ctypes.CFUNCTYPE(ctypes.c_int64, *pointers)(epoch)

    def __call__(self, *arrays):
        """One step: the results, or None if the step must be done otherwise; then nothing has happened yet."""
        for buffer, array in zip(self.inputs, arrays):
            buffer[...] = array
        if self._step(self.at):
            return None
        return self.copies()

    def copies(self):
        """The results of the last step."""
        return [array.copy() for array in self.results]

    def epoch(self, data, order):
        """Steps over batches of rows, as many as whole batches are in ``order``; returns how many went well.

        Arguments:
            data: the array of each input, C-contiguous, of its dtype.
            order: the numbers of the rows, int64.
        """
        for place, array in zip(self.places, data):
            self.table[place] = array.ctypes.data
        [batch] = self.batch
        total, done = len(order) // batch, 0
        per = max(1, int(CHUNK // max(self.work, 1)))
        while done < total:
            count = min(per, total - done)
            went = self._epoch(self.at, order.ctypes.data + 8 * batch * done, count)
            done += went
            if went < count:
                break
        return done


def _threads_help(line):
    """Whether threads would share the work of a line."""
    return cost(line) >= 2 * FLOP or any(s.shape and math.prod(s.shape) > FEW for s in line.made())


def _gather_in_place(writer, program):
    """Let gradients that are made to be gathered be made in the gathered array."""
    gathering = [line for line in program.lines if line.op.name == "gathered"]
    made = {s.number for line in program.lines if line.op.name in IN_PLACE for s in line.outputs}
    for line in gathering:
        flat, start = writer.make(line.outputs[0]), 0
        for slot in line.inputs:
            size = math.prod(slot.shape)
            if slot.number in made and slot.dtype == flat.dtype:
                made.discard(slot.number)
                writer.make(slot, flat[start:start + size])
            start += size


def compiled(text, symbols):
    """The addresses of a module's functions; its object code comes from the disk if it was made before."""
    digest = hashlib.sha256(VERSION + text.encode()).hexdigest()[:24]
    text = text.replace('"step"', f'"step_{digest}"').replace('"epoch"', f'"epoch_{digest}"')
    names = [f"{symbol}_{digest}" for symbol in symbols]
    path = cache_folder() / f"step-{digest}.o"
    found = read_code(path)
    code = found[1] if found else _object_code(text)
    if not found:
        write_code(path, names[0], code)
    addresses = link(names, code)
    return addresses if len(addresses) == 2 else (*addresses, 0)


def _object_code(text):
    import llvmlite.binding as llvm
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    module = llvm.parse_assembly(text)
    target = llvm.Target.from_default_triple()
    machine = target.create_target_machine(cpu=llvm.get_host_cpu_name(), opt=2, reloc="pic", codemodel="default",
                                           features=llvm.get_host_cpu_features().flatten())
    module.triple, module.data_layout = machine.triple, str(machine.target_data)
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = True
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return machine.emit_object(module)
