"""Operators and methods, the same for tensors and for symbols."""

from . import activation, adjust, diagonals, elementwise, indexing, linalg, logic, movement, order, reduce, scatter
from .elementwise import (
    add,
    divide,
    floor_divide,
    multiply,
    power,
    remainder,
    subtract,
)
from .public import PUBLIC


class Operators:
    """What Python's operators and the usual methods do; mixed into Tensor and Symbol."""

    __slots__ = ()
    __array_priority__ = 1000

    __add__, __sub__, __mul__, __truediv__ = add, subtract, multiply, divide
    __floordiv__, __mod__, __pow__, __matmul__ = floor_divide, remainder, power, linalg.matmul
    __and__, __or__, __xor__ = logic.bitwise_and, logic.bitwise_or, logic.bitwise_xor
    __lshift__, __rshift__ = logic.left_shift, logic.right_shift
    __neg__, __pos__, __abs__, __invert__ = (elementwise.negative, elementwise.positive_, elementwise.absolute,
                                             logic.invert)
    __lt__, __le__, __gt__, __ge__ = logic.less, logic.less_equal, logic.greater, logic.greater_equal
    __divmod__ = elementwise.divmod
    __hash__ = object.__hash__
    __getitem__ = indexing.getitem

    def __eq__(self, other):
        return NotImplemented if other is None or isinstance(other, str) else logic.equal(self, other)

    def __ne__(self, other):
        return NotImplemented if other is None or isinstance(other, str) else logic.not_equal(self, other)

    def __radd__(self, other):
        return add(other, self)

    def __rsub__(self, other):
        return subtract(other, self)

    def __rmul__(self, other):
        return multiply(other, self)

    def __rtruediv__(self, other):
        return divide(other, self)

    def __rfloordiv__(self, other):
        return floor_divide(other, self)

    def __rmod__(self, other):
        return remainder(other, self)

    def __rpow__(self, other):
        return power(other, self)

    def __rmatmul__(self, other):
        return linalg.matmul(other, self)

    def __rand__(self, other):
        return logic.bitwise_and(other, self)

    def __ror__(self, other):
        return logic.bitwise_or(other, self)

    def __rxor__(self, other):
        return logic.bitwise_xor(other, self)

    def __rlshift__(self, other):
        return logic.left_shift(other, self)

    def __rrshift__(self, other):
        return logic.right_shift(other, self)

    def __rdivmod__(self, other):
        return elementwise.divmod(other, self)

    def __round__(self, ndigits=0):
        return elementwise.round(self, ndigits or 0)

    def reshape(self, *shape):
        """The same elements in another shape: ``x.reshape(2, 3)`` or ``x.reshape((2, 3))``."""
        return movement.reshape(self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes):
        """The axes in another order, without arguments reversed: ``x.transpose(1, 0)`` or ``x.transpose((1, 0))``."""
        return movement.transpose(self, axes[0] if len(axes) == 1 else axes or None)

    view, permute = reshape, transpose
    T = property(movement.transpose, doc="All axes reversed, as in NumPy.")
    mT = property(movement.matrix_transpose, doc="The last two axes exchanged.")     # noqa: N815

    abs, exp, log, sqrt, square = (elementwise.absolute, elementwise.exp, elementwise.log, elementwise.sqrt,
                                   elementwise.square)
    sin, cos, tanh, sign, floor, ceil, round = (elementwise.sin, elementwise.cos, elementwise.tanh, elementwise.sign,
                                                elementwise.floor, elementwise.ceil, elementwise.round)
    clip = clamp = elementwise.clip
    pow, maximum, minimum = power, elementwise.maximum, elementwise.minimum
    isnan, isinf, isfinite = logic.isnan, logic.isinf, logic.isfinite
    relu, sigmoid, softmax, log_softmax = (activation.relu, activation.sigmoid, activation.softmax,
                                           activation.log_softmax)
    sum, mean, prod, max, min, var, std, norm = (reduce.sum, reduce.mean, reduce.prod, reduce.max, reduce.min,
                                                 reduce.var, reduce.std, reduce.norm)
    argmax, argmin, any, all, logsumexp = (reduce.argmax, reduce.argmin, reduce.any, reduce.all, reduce.logsumexp)
    cumsum, cumprod, cummax, median = reduce.cumsum, reduce.cumprod, order.cummax, order.median
    sort, argsort, topk = order.sort, order.argsort, order.topk
    dot, inner, outer = PUBLIC["dot"], PUBLIC["inner"], PUBLIC["outer"]
    matmul, trace = linalg.matmul, diagonals.trace
    swapaxes, moveaxis, flatten, ravel, squeeze = (movement.swapaxes, movement.moveaxis, movement.flatten,
                                                   movement.ravel, movement.squeeze)
    expand_dims = unsqueeze = movement.expand_dims
    broadcast_to = expand = adjust.broadcast_to
    flip, roll, tile, repeat, split, chunk = (movement.flip, movement.roll, movement.tile, indexing.repeat,
                                              movement.split, movement.chunk)
    take, gather, diagonal, nonzero = indexing.take, scatter.gather, diagonals.diagonal, indexing.nonzero
    masked_fill, masked_select, index_select = (indexing.masked_fill, PUBLIC["masked_select"],
                                                indexing.index_select)
    astype = adjust.astype
