"""Compiling, keeping and calling kernels: the one place that knows how.

A *kernel* is a function of pointers and numbers that returns nothing. Its body is plain Python that Numba compiles; it
may call *device* code: functions marked with :func:`device` and the vector instructions of :mod:`.simd`. Nothing is
compiled, and Numba is not imported, before a kernel is first called. Then its object code is looked for in the cache
folder; only where it is missing does Numba compile it. Loading takes llvmlite alone: 0.07 s, not 0.6.

An *entry* is what the rest of the package calls: a function of arrays that prepares memory, splits the work over
threads and calls kernels, beside a NumPy reference of the same signature.
"""

import ast
import ctypes
import functools
import hashlib
import importlib.metadata
import inspect
import os
import pathlib
import re
import tempfile
import textwrap
import threading
import types
import warnings

import numpy as np

from ..utils import settings
from .memory import aligned, table, workspace

KERNELS: dict[str, "Kernel"] = {}       # every kernel by name
ENTRIES: dict[str, "Entry"] = {}        # every entry by name
NUMBERS = {"i": (ctypes.c_int64, "int64"), "f": (ctypes.c_float, "float32"), "d": (ctypes.c_double, "float64")}
ELEMENTS = {"f": "float32", "d": "float64", "i": "int64", "j": "int32", "b": "uint8", "u": "uint64"}
# "reassoc" lets sums be vectorised, "contract" gives fused multiply-adds; without "nnan" and "ninf", so that NaN and
# infinities stay what they are.
OPTIONS = {"error_model": "numpy", "fastmath": {"reassoc", "contract", "nsz", "arcp"}}
INSIDE = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}     # Python never calls it: a fifth less to compile
MAGIC = b"tahr object code 1\n"
FLOAT32 = np.dtype("float32")
NOTHING = np.zeros(16, "float32")       # stands for an array that is not there
_lock = threading.RLock()


# Code that kernels call

class Device:
    """A piece of code that kernels call; ``build`` makes what Numba compiles, when it is first needed."""

    def __init__(self, name, build):
        self.name = name
        self.build = functools.lru_cache(None)(build)

    def __call__(self, *args):
        raise TypeError(f"{self.name} is device code: it runs inside kernels only")


class Constant:
    """A number that kernels use and that only the machine knows, when it is first needed."""

    def __init__(self, compute):
        self.value = functools.lru_cache(None)(compute)


def device(function=None, *, inline=False, options=None):
    """Mark a function as device code; ``inline=True`` puts it into its callers whatever its length."""
    if function is None:
        return lambda f: device(f, inline=inline, options=options)

    def build():
        import numba
        return numba.njit(**{**OPTIONS, **INSIDE, **(options or {})}, forceinline=inline)(linked(function))
    return Device(function.__name__, build)


def linked(function):
    """The function with what it names in place of the marks: device code compiled, constants known."""
    scope = dict(function.__globals__)
    for name in set(_names(function.__code__)):
        if isinstance(scope.get(name), Device):
            scope[name] = scope[name].build()
        elif isinstance(scope.get(name), Constant):
            scope[name] = scope[name].value()
    return types.FunctionType(function.__code__, scope, function.__name__, function.__defaults__, function.__closure__)


def _names(code):
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


# Kernels

class Kernel:
    """A compiled function over memory.

    Arguments:
        function: the body.
        signature: a letter for each parameter, separated by blanks: ``*f`` an array of float32 (``*d`` float64, ``*i``
            int64, ``*j`` int32, ``*b`` uint8, ``*u`` uint64), of which the body gets a pointer to the first element;
            ``i`` an integer, ``f`` a float32, ``d`` a float64.
        options: what its compilation has different from :data:`OPTIONS`.

    Calling it runs the code; other threads of the interpreter run on meanwhile. Arrays must be contiguous: nothing is
    checked here, that is what entries are for.
    """

    def __init__(self, function, signature, options):
        self.name, self.function, self.signature = function.__name__, function, signature.split()
        self.options = {**OPTIONS, **options}
        parameters = len(inspect.signature(function).parameters)
        if parameters != len(self.signature) or self.name in KERNELS:
            raise TypeError(f"kernel {self.name}: {parameters} parameters, {len(self.signature)} letters; or the name "
                            "is taken")
        KERNELS[self.name] = self
        self._code = None

    def __call__(self, *args):
        (self._code or self._load())(*args)

    def _load(self):
        with _lock:
            if self._code is None:
                # an array goes in as the object it is: no Python code looks for its memory (0.05 us, not 0.5)
                kinds = [ctypes.py_object if s[0] == "*" else NUMBERS[s][0] for s in self.signature]
                self._code = ctypes.CFUNCTYPE(None, *kinds)(_address(self))
        return self._code

    @property
    def address(self):
        """Where its code begins, for other code to call; arrays go in as the objects they are."""
        return ctypes.cast(self._code or self._load(), ctypes.c_void_p).value

    def compile(self):
        """Compile it with Numba; returns the compiled function, whose ``address`` is where it begins."""
        import numba
        kinds = [numba.types.CPointer(numba.types.CPointer(getattr(numba.types, ELEMENTS[s[1:]]))) if s[0] == "*"
                 else getattr(numba.types, NUMBERS[s][1]) for s in self.signature]
        body = linked(taking_objects(self.function, self.signature))
        return numba.cfunc(numba.types.void(*kinds), **self.options)(body)


def taking_objects(function, signature):
    """The function for arrays given as the objects they are: first it takes the pointers to their elements.

    An array object holds, after the head that all objects have, the pointer to its first element. The source is
    changed for that; a second function around it would be optimised once more by itself, a quarter of the time.
    """
    head = object.__basicsize__ // ctypes.sizeof(ctypes.c_void_p)
    [definition] = (tree := ast.parse(textwrap.dedent(inspect.getsource(function)))).body
    names = [a.arg for a, kind in zip(definition.args.args, signature) if kind[0] == "*"]
    definition.name, definition.decorator_list = function.__name__, []
    definition.body[:0] = ast.parse("\n".join(f"{name} = {name}[{head}]" for name in names)).body
    scope = dict(function.__globals__)
    exec(compile(ast.fix_missing_locations(tree), inspect.getsourcefile(function), "exec"), scope)
    return scope[function.__name__]


def kernel(signature, **options):
    """Decorate the body of a kernel with its signature (see :class:`Kernel`)."""
    return lambda function: Kernel(function, signature, options)


def _address(kernel):
    """Where the kernel's code is in memory: loaded from the cache, else compiled and kept there."""
    path = cache_path(kernel)
    found = read_code(path)
    if found:
        symbol, code = found
        return link([symbol], code)[0]
    compiled = kernel.compile()
    code = getattr(compiled._library, "_get_compiled_object", None)     # not public: tests/test_jit.py watches it
    if code:
        write_code(path, compiled.native_name, code())
    return compiled.address


def link(symbols, code):
    """Load object code into memory; returns where its functions of these names begin."""
    import llvmlite.binding as llvm
    with _lock:
        linker = _linker()
        if not linker.get_function_address(symbols[0]):
            linker.add_object_file(llvm.ObjectFileRef.from_data(code))
            linker.finalize_object()
        return [linker.get_function_address(symbol) for symbol in symbols]


@functools.lru_cache(None)
def _linker():
    """LLVM's linker in memory, for object code of this processor."""
    import llvmlite.binding as llvm
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    for name in ("NRT_Free", "NRT_MemInfo_call_dtor", "NRT_decref", "NRT_incref", "NRT_Allocate", "numba_do_raise",
                 "numba_gil_ensure", "numba_gil_release", "numba_runtime_build_excinfo_struct", "numba_unpickle"):
        if not llvm.address_of_symbol(name):        # named in error paths that kernels never take
            llvm.add_symbol(name, ctypes.cast(_never_called, ctypes.c_void_p).value)
    machine = llvm.Target.from_default_triple().create_target_machine()
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)


@ctypes.CFUNCTYPE(None)
def _never_called():
    os.abort()


# The cache of object code

@functools.lru_cache(None)
def cache_folder():
    """The folder of the object code that these versions made for this processor."""
    import llvmlite.binding as llvm
    versions = [importlib.metadata.version(name) for name in ("numba", "llvmlite")]
    machine = [llvm.get_process_triple(), llvm.get_host_cpu_name(), sorted(llvm.get_host_cpu_features().items())]
    key = repr((versions, machine, object.__basicsize__))
    return settings.cache_home() / "kernels" / hashlib.sha256(key.encode()).hexdigest()[:16]


@functools.lru_cache(None)
def sources(module):
    """The files of this package that a module of it is made of: itself, and what it imports, in turn."""
    path = pathlib.Path(__file__).parent / f"{module.rpartition('.')[2]}.py"
    found = {path} if path.exists() else set()
    for imported in re.findall(r"^from \.(\w+) import", path.read_text(encoding="utf-8"), re.M) if found else ():
        found |= sources(imported)
    return found


def cache_path(kernel):
    """The file of a kernel's object code; its name tells the source that it was made from."""
    digest = hashlib.sha256()
    for path in sorted(sources(kernel.function.__module__)):
        digest.update(path.read_bytes())
    return cache_folder() / f"{kernel.name}-{digest.hexdigest()[:16]}.o"


def read_code(path):
    """``(symbol, object code)`` from the cache, None where there is none that is whole."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest, rest = data[len(MAGIC):len(MAGIC) + 32], data[len(MAGIC) + 32:]
    if not data.startswith(MAGIC) or hashlib.sha256(rest).digest() != digest:
        return None
    symbol, _, code = rest.partition(b"\n")
    return symbol.decode(), code


def write_code(path, symbol, code):
    """Put object code into the cache, whole or not at all; a folder that cannot be written is no error."""
    rest = symbol.encode() + b"\n" + code
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(MAGIC + hashlib.sha256(rest).digest() + rest)
            os.replace(part, path)
        except BaseException:
            os.unlink(part)
            raise
    except OSError:
        pass        # the next process compiles again


# Entries

class Entry:
    """A function of arrays with two bodies: compiled code, and the NumPy reference that says what it computes."""

    def __init__(self, fast, reference):
        self.name, self.fast, self.reference = fast.__name__, fast, reference
        if self.name in ENTRIES or inspect.signature(fast) != inspect.signature(reference):
            raise TypeError(f"entry {self.name}: its name is taken, or its reference has another signature")
        ENTRIES[self.name] = self
        self.broken = False


def entry(reference):
    """Decorate a function that runs kernels with the NumPy function that it stands for.

    The reference runs where Numba is switched off, where an array of floats is not float32 (float64 is for checks, and
    takes the code that is easiest to trust), and where the machine cannot compile.
    """
    def decorate(fast):
        made = Entry(fast, reference)

        @functools.wraps(fast)
        def call(*args, **kwargs):
            if made.broken or not settings.numba():
                return reference(*args, **kwargs)
            for value in args:
                if type(value) is np.ndarray and value.dtype is not FLOAT32 and value.dtype.kind == "f":
                    return reference(*args, **kwargs)
            try:
                return fast(*args, **kwargs)
            except (ImportError, NotImplementedError) as error:
                made.broken = True
                warnings.warn(f"{made.name} runs as NumPy code, since this machine cannot compile its kernel: {error}",
                              RuntimeWarning, stacklevel=2)
                return reference(*args, **kwargs)
        call.entry = made
        return call
    return decorate


def contiguous(*arrays):
    """The arrays, copied where their elements do not lie one after the other."""
    return [a if a.flags.c_contiguous else np.ascontiguousarray(a) for a in arrays]     # 10 times faster than a call


__all__ = ["ENTRIES", "FLOAT32", "KERNELS", "NOTHING", "Constant", "Device", "Entry", "Kernel", "aligned", "contiguous",
           "device", "entry", "kernel", "linked", "table", "workspace"]
