"""The Tensor: an array plus the node that made it.

Tensors are values. ``x += 1`` and ``x[0] = 1`` give the object ``x`` a new value in new memory, with a gradient to the
old one; graphs and views keep what they had, so no gradient is spoiled. Memory is written by :meth:`Tensor.assign`
alone, and only that of leaves: of Variables, and of tensors that require gradients inside ``no_grad()`` (there the
in-place operators assign, as optimizers written by hand expect). Results may share memory with what they were made
from (a slice, a reshape), so they see such writes; a gradient that needs the memory as it was is an error that names
the op and the line that wrote.
"""

import copy
import operator

import numpy as np

from ..autograd import Spec, Value, mode
from ..autograd.capture import reading
from ..autograd.gradient import backward
from ..autograd.node import Leaf
from ..autograd.value import OpCall, Version, register_types, wrap
from . import adjust, indexing, interop
from .convert import array_of
from .operators import Operators
from .state import assign


class Tensor(Operators, Value):
    """A multi-dimensional array that records what is computed from it, so that gradients can be taken.

    Arguments:
        data: numbers, nested lists of them, a NumPy array or another tensor; copied.
        requires_grad: whether :meth:`backward` shall leave a gradient in :attr:`grad`; needs a float dtype.
        dtype: a NumPy dtype or its name; default: floatx (float32) for floating-point data, else what NumPy chooses.

    Raises:
        TypeError: for data that are not numbers. ValueError: for rows of different lengths.

    >>> import tahr
    >>> x = tahr.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> y = (x ** 2).sum()
    >>> y.backward()
    >>> x.grad
    Tensor([[2., 4.],
            [6., 8.]])
    """

    __slots__ = ()

    def __init__(self, data, requires_grad=False, dtype=None):
        self.data = array_of(data, dtype)
        self.node = self.grad = self.name = self.logits = self.mask = None
        self.version = Version()
        if requires_grad:
            self.requires_grad = True

    # What it is

    @property
    def requires_grad(self):
        """Whether gradients flow to this tensor or through it."""
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, wanted):
        if not self.is_leaf:
            raise RuntimeError("only a leaf can start or stop to require a gradient, this tensor is the result of "
                               f"{self.node.op.name if self.node.op else 'an op'}: use detach() to cut it off")
        if wanted and self.dtype.kind != "f":
            raise TypeError(f"only floating-point tensors can require a gradient, this one is {self.dtype}")
        if wanted and self.version is None:     # an op's result becomes a leaf, which is written: in memory of its own
            self.data, self.version = self.data.copy(), Version()
        self.node = (self.node or Leaf(self)) if wanted else None

    def requires_grad_(self, wanted=True):
        """Set :attr:`requires_grad`; returns the tensor."""
        self.requires_grad = wanted
        return self

    @property
    def is_leaf(self):
        """Whether no op made this tensor, as far as gradients know."""
        return self.node is None or type(self.node) is Leaf

    @property
    def grad_fn(self):
        """The name of the op that made this tensor, None for a leaf."""
        if self.is_leaf:
            return None
        return (self.node.op or self.node.parents[0].op).name

    @property
    def size(self):
        """The number of elements."""
        return self.data.size

    @property
    def nbytes(self):
        """The bytes that the elements take."""
        return self.data.nbytes

    @property
    def itemsize(self):
        """The bytes that one element takes."""
        return self.data.itemsize

    @property
    def device(self):
        """Where the data are: always ``'cpu'``."""
        return "cpu"

    # Gradients

    def backward(self, gradient=None, retain_graph=False, create_graph=False):
        """Add the gradient of this tensor to :attr:`grad` of every leaf it depends on.

        Arguments:
            gradient: what flows in from above, of this tensor's shape; needed unless it has a single element.
            retain_graph: keep what a second backward through the same graph needs.
            create_graph: record the backward pass itself, for derivatives of higher order.
        """
        backward(self, gradient, retain_graph, create_graph)

    def detach(self):
        """The same values, cut off from the graph; shares the memory."""
        out = wrap(self.data)
        out.version = self.version
        return out

    def zero_grad(self):
        """Forget :attr:`grad`."""
        self.grad = None

    # Values

    def numpy(self):
        """The values as a read-only NumPy array that shares the memory; ``t.numpy().copy()`` can be written."""
        reading(self)
        view = self.data.view()
        view.flags.writeable = False
        return view

    def item(self):
        """The only element, as a Python number."""
        if self.data.size != 1:
            raise ValueError(f"item() needs a tensor with one element, this one has shape {self.shape}")
        reading(self)
        return self.data.item()

    def tolist(self):
        """The values as nested lists of Python numbers."""
        reading(self)
        return self.data.tolist()

    def copy(self):
        """A copy of the values in memory of its own; gradients flow through it."""
        return adjust.copy(self)

    clone = copy

    def to(self, dtype):
        """Another name for :meth:`astype`."""
        return adjust.astype(self, dtype)

    def contiguous(self):
        """Itself if its memory is in order, else a copy whose is."""
        return self if self.data.flags.c_contiguous else self.copy()

    # Writing

    def assign(self, value):
        """Write ``value`` (of this shape, or a scalar) into this tensor's memory; only for leaves. Returns the tensor.

        >>> import tahr
        >>> w = tahr.zeros(2)
        >>> w.assign([1, 2])
        Tensor([1., 2.])
        """
        if not self.is_leaf or self.version is None:
            raise RuntimeError(f"assign() writes into leaves, this tensor is the result of {self.grad_fn or 'an op'}: "
                               "assign to the tensor it was made from, or make a new one")
        if not isinstance(value, Tensor):
            value = array_of(value, self.dtype if self.dtype.kind == "f" else None, copy=False)
        with mode.no_grad():
            assign(self, value)
        self.version.written(mode.user_line())
        return self

    def __setitem__(self, key, value):
        self._become(indexing.setitem(self._before_write(), key, value))

    def _before_write(self):
        if type(self.node) is Leaf and mode.recording():
            raise RuntimeError(f"a leaf that requires a gradient (shape {self.shape}) cannot be written in place while "
                               "ops are recorded: write inside `with tahr.no_grad():`, or compute a new tensor "
                               "(x = x + 1)")
        return self

    def _become(self, out):
        """Take the value of ``out``: a leaf with a gradient in its own memory, any other tensor by changing hands."""
        self._check_kept(out)
        if type(self.node) is Leaf:
            return self.assign(out)
        self.data, self.node, self.version = out.data, out.node, out.version or Version()
        self.logits = None
        return self

    def _check_kept(self, out):
        if out.shape != self.shape or out.dtype != self.dtype:
            raise ValueError(f"an in-place write keeps shape and dtype, here {self.shape} {self.dtype} would become "
                             f"{out.shape} {out.dtype}: write x = x + y instead")

    # Python's protocols

    def __len__(self):
        if not self.shape:
            raise TypeError("a 0-d tensor has no length")
        return self.shape[0]

    def __iter__(self):
        if not self.shape:
            raise TypeError("a 0-d tensor cannot be iterated over")
        return (self[i] for i in range(self.shape[0]))

    def __contains__(self, item):
        reading(self)
        return bool((self.data == (item.data if isinstance(item, Tensor) else item)).any())

    def __bool__(self):
        if self.data.size != 1:
            raise ValueError(f"the truth of a tensor of shape {self.shape} is not one value: use x.any() or x.all()")
        reading(self)
        return bool(self.data.item())

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __complex__(self):
        return complex(self.item())

    def __index__(self):
        if self.shape or self.dtype.kind not in "iu":
            raise TypeError(f"only a 0-d integer tensor is an index, this one is {self.dtype} of shape {self.shape}")
        reading(self)
        return operator.index(self.data.item())

    def __format__(self, spec):
        if not self.shape:
            reading(self)
            return format(self.data.item(), spec)
        if spec:
            raise TypeError(f"a format such as {spec!r} needs a 0-d tensor, this one has shape {self.shape}")
        return str(self)

    def __repr__(self):
        reading(self)
        notes = [np.array2string(self.data, separator=", ", prefix=f"{type(self).__name__}(")]
        if self.data.size == 0 and self.shape != (0,):
            notes.append(f"shape={self.shape}")
        if self.dtype not in (np.float32, np.int64, np.bool_):
            notes.append(f"dtype={self.dtype}")
        if not self.is_leaf:
            notes.append(f"grad_fn={self.grad_fn}")
        elif self.requires_grad:
            notes.append("requires_grad=True")
        return f"{type(self).__name__}({', '.join(notes)})"

    def __reduce__(self):
        return _restore, (type(self), self.data, self.is_leaf and self.requires_grad, self.name)

    def __copy__(self):
        out = self.detach()
        out.requires_grad, out.name = self.is_leaf and self.requires_grad, self.name
        return out

    def __deepcopy__(self, memo):
        watched = self.is_leaf and self.requires_grad
        return _restore(type(self), self.data.copy(), watched, copy.deepcopy(self.name, memo))

    # NumPy's protocols

    def __array__(self, dtype=None, copy=None):
        if dtype is not None and np.dtype(dtype) != self.dtype:
            if copy is False:
                raise ValueError(f"a {self.dtype} tensor cannot become {np.dtype(dtype)} without a copy")
            reading(self)
            return self.data.astype(dtype)
        reading(self)
        return self.data.copy() if copy else self.numpy()

    __array_ufunc__ = interop.array_ufunc
    __array_function__ = interop.array_function

    def __dlpack__(self, **kwargs):
        reading(self)
        return self.data.__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return self.data.__dlpack_device__()


def _in_place(method):
    """The in-place form of an operator."""
    def write(self, other):
        return self._become(method(self._before_write(), other))
    return write


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "lshift",
              "rshift"):
    setattr(Tensor, f"__i{_name}__", _in_place(getattr(Operators, f"__{_name}__")))


def _restore(cls, data, requires_grad, name):
    """A leaf again, after pickling or copying: values travel, graphs do not."""
    tensor = object.__new__(cls)
    tensor.data, tensor.node, tensor.grad, tensor.logits, tensor.mask = data, None, None, None, None
    tensor.version, tensor.name = Version(), name
    if requires_grad:
        tensor.node = Leaf(tensor)
    return tensor


class Symbol(Operators, Spec):
    """A tensor that does not exist yet: a shape, with None for sizes still unknown, and a dtype.

    Ops and layers called with symbols return symbols: that is how shapes are inferred.

    >>> import tahr
    >>> x = Symbol((None, 20))
    >>> tahr.ops.matmul(x, tahr.zeros((20, 64)))
    Symbol(shape=(None, 64), dtype=float32)
    """

    __slots__ = ("name", "layout")

    @property
    def _keras_shape(self):
        """The shape, by Keras's name."""
        return self.shape

    @property
    def _keras_history(self):
        """Where the result of a layer comes from, by Keras's name: the layer, which call, which of its results."""
        if self.source is None or isinstance(self.source[0], OpCall):
            raise AttributeError(f"{self!r} did not come out of a layer, so it has no _keras_history")
        node, index, layer = self.source
        return layer, node.index, index

    def __bool__(self):
        call = self.source and self.source[0]
        if isinstance(call, OpCall) and call.op.name in ("equal", "not_equal"):     # as Python objects: `out == other`
            left, right = call.inputs
            return (left is right) == (call.op.name == "equal")
        raise TypeError(f"{self!r} has no value yet, so it is neither true nor false: Python's if, while and 'and' "
                        "cannot decide on it; use tahr.ops.where, or run the code on tensors")

    def __len__(self):
        if not self.shape or self.shape[0] is None:
            raise TypeError(f"{self!r} has no known length")
        return self.shape[0]

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype=None, copy=None):
        raise TypeError(f"{self!r} has no value yet: NumPy can only work on tensors; use the functions of tahr.ops")

    __array_ufunc__ = interop.array_ufunc
    __array_function__ = interop.array_function


register_types(Tensor, Symbol)
