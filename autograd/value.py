"""What flows through the gate: a Value holds an array, a Spec only its shape and dtype.

``tensor/`` subclasses both, adds the operators, and registers its classes with
:func:`register_types`; autograd itself never needs to know them.
"""

import importlib
import itertools

import numpy as np

from ..utils import settings
from . import mode

SCALARS = (bool, int, float, complex)
FLOAT64 = np.dtype("float64")


class Value:
    """An array and the node that made it.

    A Value with a node belongs to a graph. ``version`` counts the writes into
    its memory; only leaves have one, since the results of ops are never written.
    ``logits`` and ``mask`` are notes that layers leave for the layers and losses after them.
    """

    __slots__ = ("data", "node", "grad", "version", "name", "logits", "mask", "__weakref__")

    __hash__ = object.__hash__

    @property
    def shape(self):
        return self.data.shape

    @property
    def ndim(self):
        return self.data.ndim

    @property
    def dtype(self):
        return self.data.dtype


class Spec:
    """The shape (``None`` = any size) and dtype of a value that does not exist yet.

    ``source`` says where it comes from: None, or ``(call, index)`` for one of the results of an :class:`OpCall` or of
    a layer's call; so a Spec that came out of a computation can be computed again, with values.
    """

    __slots__ = ("shape", "dtype", "source", "mask", "__weakref__")

    def __init__(self, shape, dtype=None):
        self.shape = tuple(None if n is None else int(n) for n in shape)
        self.dtype = np.dtype(dtype or settings.floatx())
        self.source = self.mask = None

    @property
    def ndim(self):
        return len(self.shape)

    def __repr__(self):
        return f"{type(self).__name__}(shape={self.shape}, dtype={self.dtype})"


class OpCall:
    """An op that was asked what it would return."""

    __slots__ = ("op", "inputs", "attrs")

    def __init__(self, op, inputs, attrs):
        self.op, self.inputs, self.attrs = op, inputs, attrs


class Version:
    """How often some memory was written, and where last."""

    __slots__ = ("count", "where")

    def __init__(self):
        self.count, self.where = 0, ""

    def written(self, where):
        self.count += 1
        self.where = where
        if mode.recorders and mode.recorder():
            mode.recorder().wrote(self)


class Types:
    """The classes that results take."""

    value, spec = Value, Spec


def register_types(value, spec):
    """Let results be of these subclasses of Value and Spec."""
    Types.value, Types.spec = value, spec


def load_types():
    """Let the package's tensors register themselves: for ``from tahr.autograd import grad`` and nothing else."""
    if Types.value is Value:
        importlib.import_module(__package__.rpartition(".")[0] + ".tensor")


def wrap(data, node=None):
    """The Value of an op's result."""
    value = _new(Types.value)
    value.data, value.node = data, node
    value.grad = value.version = value.name = value.logits = value.mask = None
    return value


_new = object.__new__
unique = itertools.count().__next__     # node numbers: a parent's is always smaller than its child's


def constant(x, inputs):
    """An op's raw argument as an array; ``None`` and Python scalars stay what they are (weak in NumPy's promotion).

    A float64 array is weak too: it takes the float dtype of the tensors beside it, or floatx.
    """
    if x is None or type(x) in SCALARS:
        return x
    array = x if isinstance(x, np.ndarray) else np.asarray(x)
    if array.dtype == FLOAT64:
        return array.astype(_float_type(inputs), copy=False)
    if array.dtype == object:
        raise TypeError(f"expected numbers, got {type(x).__name__} {x!r}")
    return array


def _float_type(inputs):
    floats = [x.dtype for x in inputs if isinstance(x, (Value, Spec)) and x.dtype.kind == "f"]
    return np.result_type(*floats) if floats else settings.floatx()


def promoted(inputs, kind=None):
    """The dtype of a result of these inputs: NumPy 2's promotion, but no float64 or float16 that nobody asked for.

    ``kind`` is an op's own rule: a dtype, or ``"float"`` for ops that turn integers into floats.
    """
    if kind is not None and kind != "float":
        return np.dtype(kind)
    dtype = np.result_type(*[x.dtype if hasattr(x, "dtype") else x for x in inputs if x is not None])
    if kind == "float" and dtype.kind in "biu":
        return np.dtype(settings.floatx())
    if dtype.char in "de" and not asked_for(dtype, inputs):
        return np.dtype(settings.floatx())
    return dtype


def asked_for(dtype, inputs):
    """Whether float64 or float16 is meant: an input has it, or floatx is it."""
    return any(x.dtype == dtype for x in inputs if hasattr(x, "dtype")) or settings.floatx() == dtype.name


def spec(shape, dtype=None):
    """A Spec of the registered class."""
    return Types.spec(shape, dtype)


def spec_of(array):
    """The Spec of an array."""
    out = _new(Types.spec)
    out.shape, out.dtype, out.source, out.mask = array.shape, array.dtype, None, None
    return out
