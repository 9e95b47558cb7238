"""New tensors, what they are, and changes of variables."""

import math

import numpy as np

from .. import tensor
from ..autograd import Spec, Value, op, real, sample
from ..autograd.value import OpCall, spec
from ..tensor import Symbol, Tensor, Variable
from ..utils import settings
from ..utils.rng import Generator
from .graph import Deferred, Update, as_numpy, as_tensor, is_input, late

ops = tensor.PUBLIC


# Sizes

@op(shape=lambda x: spec((x.ndim,), "int32"), reference=lambda x: np.array(x.shape, "int32"),
    samples=[sample(real(2, 3)), sample(real(0, 2)), sample(real())], name="shape_of")
def _shape_of(x):
    """The sizes of ``x`` as a tensor."""
    return np.array(x.shape, "int32")


def shape(x):
    """The shape as a tensor of integers; for a symbol with open sizes a symbol, whose elements may stand in shapes.

    >>> shape([[1.0, 2.0]])
    Tensor([1, 2], dtype=int32)
    """
    x = as_tensor(x)
    return _shape_of(x) if None in x.shape else Tensor(np.array(x.shape, "int32"))


def int_shape(x):
    """The shape as a tuple, None standing for an open size.

    >>> int_shape(placeholder((None, 3)))
    (None, 3)
    """
    return tuple(as_tensor(x).shape)


def sizes(shape, x=None):
    """A shape whose entries, or which itself, may be tensors or symbols, as ints and None; with a reference to ``x``.

    An only open size beside known ones is -1, so that it may be filled in.
    """
    if isinstance(shape, Value | Spec):
        known = _static(shape)
        shape = known if isinstance(known, tuple) else (None,) * shape.shape[0] if known is None else (known,)
    elif not isinstance(shape, list | tuple):
        shape = (shape,)
    found = [_static(n) if isinstance(n, Value | Spec) else n for n in shape]
    found = [n if n is None else int(n) for n in found]
    return tuple(-1 if n is None and found.count(None) == 1 and -1 not in found and x is not None else n
                 for n in found)


def _static(x):
    """What is known of a shape or a size: an int, a tuple, or None."""
    if isinstance(x, Value):
        return x.data.item() if x.ndim == 0 else tuple(x.data.tolist())
    call = x.source and x.source[0]
    if not isinstance(call, OpCall):
        return None
    if call.op.name == "shape_of":
        return tuple(call.inputs[0].shape)
    inner = _static(call.inputs[0]) if isinstance(call.inputs[0], Spec) else None
    key = call.attrs.get("key")
    return inner[key[0]] if call.op.name == "getitem" and isinstance(inner, tuple) and len(key) == 1 else None


def ndim(x):
    """The number of axes."""
    return as_tensor(x).ndim


def size(x, name=None):
    """The number of elements, as a tensor.

    >>> size([[1.0, 2.0]])
    Tensor(2, dtype=int32)
    """
    x = as_tensor(x)
    return ops["prod"](shape(x)).astype("int32") if None in x.shape else Tensor(np.int32(math.prod(x.shape)))


def count_params(x):
    """The number of elements, as a number."""
    return math.prod(as_tensor(x).shape)


def dtype(x):
    """The name of the dtype.

    >>> dtype(zeros((2,)))
    'float32'
    """
    return as_tensor(x).dtype.name


def cast(x, dtype):
    """``x`` in another dtype."""
    return as_tensor(x).astype(dtype)


# Kinds

def is_tensor(x):
    """Whether ``x`` is a tensor or a symbol."""
    return isinstance(x, Value | Spec)


def is_variable(x):
    """Whether ``x`` is a variable."""
    return isinstance(x, Variable)


def is_placeholder(x):
    """Whether data enter at ``x``: a symbol that ``K.placeholder`` or ``Input`` made."""
    return isinstance(x, Spec) and is_input(x)


def is_keras_tensor(x):
    """Whether a layer (or ``Input``) made ``x``.

    Raises:
        ValueError: for what is neither a tensor nor a symbol.
    """
    if not is_tensor(x):
        raise ValueError(f"Unexpectedly found an instance of type `{type(x)}`. Expected a symbolic tensor instance.")
    return isinstance(x, Spec) and bool(x.source) and not isinstance(x.source[0], OpCall | Deferred)


def is_sparse(tensor):
    """Whether ``tensor`` is sparse: a SciPy matrix may be, tensors never are."""
    return hasattr(tensor, "tocoo")


def to_dense(tensor):
    """A sparse matrix as a tensor; tensors as they are."""
    return as_tensor(tensor.toarray() if is_sparse(tensor) else tensor)


# Variables and constants

def _type(dtype):
    return np.dtype(dtype or settings.floatx()).name


def variable(value, dtype=None, name=None, constraint=None):
    """A variable: a tensor whose value ``K.update`` and ``K.set_value`` change.

    >>> variable([1, 2])
    Variable([1., 2.], requires_grad=True)
    """
    value = value.toarray() if is_sparse(value) else value
    return Variable(as_numpy(value), name=name, dtype=_type(dtype), constraint=constraint)


def constant(value, dtype=None, shape=None, name=None):
    """A tensor of these values; a single one may fill a shape.

    >>> constant(2, shape=(2,))
    Tensor([2., 2.])
    """
    array = np.asarray(value.data if isinstance(value, Value) else value, _type(dtype))
    if shape is not None:
        array = np.broadcast_to(array, shape) if array.size == 1 else array.reshape(shape)
    return Tensor(array, dtype=array.dtype)


def placeholder(shape=None, ndim=None, dtype=None, sparse=False, name=None):
    """A symbol for which ``K.function`` takes a value.

    Arguments:
        shape: with None for open sizes; or
        ndim: the number of axes, all open.
        dtype: default floatx.

    Raises:
        ValueError: without shape and ndim, and for sparse ones.

    >>> placeholder((None, 3))
    Symbol(shape=(None, 3), dtype=float32)
    """
    if sparse:
        raise ValueError("there are no sparse placeholders: leave sparse=False and feed dense arrays")
    if shape is None and ndim is None:
        raise ValueError("Specify either a shape or ndim value.")
    symbol = Symbol((None,) * ndim if shape is None else shape, dtype)
    symbol.name = name
    return symbol


@late
def _filled(shape, value, dtype):
    known = sizes(shape)
    return spec(known, _type(dtype)) if None in known else ops["full"](known, value, _type(dtype))


def zeros(shape, dtype=None, name=None):
    """Zeros, in a variable; of a shape with open sizes a symbol.

    >>> zeros((2,))
    Variable([0., 0.], requires_grad=True)
    """
    return _kept(_filled(shape, 0, dtype), name)


def ones(shape, dtype=None, name=None):
    """Ones, in a variable; of a shape with open sizes a symbol."""
    return _kept(_filled(shape, 1, dtype), name)


def _kept(x, name=None):
    return x if isinstance(x, Spec) else Variable(x, name=name, dtype=x.dtype)


def eye(size, dtype=None, name=None):
    """The identity matrix of so many rows (or of a pair of rows and columns), in a variable."""
    rows, columns = size if isinstance(size, tuple | list) else (size, size)
    return _kept(ops["eye"](rows, columns, dtype=_type(dtype)), name)


def zeros_like(x, dtype=None, name=None):
    """Zeros of the shape and dtype of ``x``."""
    return ops["zeros_like"](as_tensor(x), dtype)


def ones_like(x, dtype=None, name=None):
    """Ones of the shape and dtype of ``x``."""
    return ops["ones_like"](as_tensor(x), dtype)


def identity(x, name=None):
    """The same values."""
    return ops["copy"](as_tensor(x))


def arange(start, stop=None, step=1, dtype="int32"):
    """Numbers from ``start`` (0 if only one is given) up to but without ``stop``.

    >>> arange(3)
    Tensor([0, 1, 2], dtype=int32)
    """
    if stop is None:
        start, stop = 0, start
    return Tensor(np.arange(start, max(start, stop) if step > 0 else min(start, stop), step), dtype=dtype)


# Random numbers

def _generator(seed):
    return None if seed is None else Generator(seed)


def _drawn(name):
    @late
    def draw(shape, first, second, dtype, seed):
        known = sizes(shape)
        if None in known:
            return spec(known, _type(dtype))
        return ops[name](known, first, second, dtype=_type(dtype), generator=_generator(seed))
    return draw


_normal, _uniform, _truncated = map(_drawn, ("normal", "uniform", "truncated_normal"))


def random_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Normally distributed numbers; entries of the shape may be elements of ``K.shape(x)``."""
    return _normal(shape, mean, stddev, dtype, seed)


def random_uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    """Numbers from [minval, maxval)."""
    return _uniform(shape, minval, maxval, dtype, seed)


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Normally distributed numbers, those beyond 2 deviations drawn again."""
    return _truncated(shape, mean, stddev, dtype, seed)


@late
def random_binomial(shape, p=0.0, dtype=None, seed=None):
    """1 with probability ``p``, else 0."""
    known = sizes(shape)
    if None in known:
        return spec(known, _type(dtype))
    return ops["bernoulli"](p, known, _type(dtype), _generator(seed))


def random_uniform_variable(shape, low, high, dtype=None, name=None, seed=None):
    """A variable of numbers from [low, high)."""
    return _kept(random_uniform(shape, low, high, dtype, seed), name)


def random_normal_variable(shape, mean, scale, dtype=None, name=None, seed=None):
    """A variable of normally distributed numbers."""
    return _kept(random_normal(shape, mean, scale, dtype, seed), name)


# Values and changes

def eval(x):
    """The values as a NumPy array.

    Raises:
        TypeError: for a symbol, which has none.

    >>> eval(constant([1, 2]) + 1)
    array([2., 3.], dtype=float32)
    """
    if isinstance(x, Spec):
        raise TypeError(f"{x!r} has no value by itself: K.function([inputs], [x]) computes it from those of inputs")
    return as_numpy(x)


def get_value(x):
    """The value of a variable as a NumPy array, a single one as a NumPy number."""
    return eval(x)


def batch_get_value(ops):
    """The values of several variables."""
    return [eval(x) for x in ops]


def set_value(x, value):
    """Give a variable another value.

    >>> x = variable([1.0, 2.0])
    >>> set_value(x, [3.0, 4.0])
    >>> get_value(x)
    array([3., 4.], dtype=float32)
    """
    x.assign(value)


def batch_set_value(tuples):
    """Give several variables, in ``(variable, value)`` pairs, other values."""
    for x, value in tuples:
        x.assign(value)


def update(x, new_x):
    """Give a variable another value: now, or from a symbol in the updates of ``K.function``."""
    return Update(x, new_x) if isinstance(new_x, Spec) else x.assign(new_x)


def update_add(x, increment):
    """Add to a variable.

    >>> update_add(variable(1.0), 2.0)
    Variable(3., requires_grad=True)
    """
    return update(x, _value(x) + increment)


def update_sub(x, decrement):
    """Subtract from a variable."""
    return update(x, _value(x) - decrement)


def moving_average_update(x, value, momentum):
    """Let a variable become ``momentum * x + (1 - momentum) * value``.

    >>> moving_average_update(variable(0.0), 2.0, 0.75)
    Variable(0.5, requires_grad=True)
    """
    return update(x, _value(x) * momentum + value * (1.0 - momentum))


def _value(x):
    """A variable without its graph, so that updates are no part of gradients."""
    return x.detach()
