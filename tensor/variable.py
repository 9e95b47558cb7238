"""Tensors that keep their memory: weights, optimizer slots, counters."""

import copy

from ..utils import settings
from .tensor import Tensor


class Variable(Tensor):
    """A tensor whose value changes in place, by :meth:`assign` or by in-place operators; it is state.

    Arguments:
        initial_value: numbers, an array or a tensor; copied.
        trainable: whether gradients are taken with respect to it (floating point only).
        name: for error messages and files.
        dtype: default: floatx for floating-point data.
        regularizer, constraint: functions of the variable, for losses and after updates.

    >>> steps = Variable(0, trainable=False)
    >>> steps += 1
    >>> steps
    Variable(1)
    """

    __slots__ = ("_trainable", "regularizer", "constraint")

    def __init__(self, initial_value, trainable=True, name=None, dtype=None, regularizer=None, constraint=None):
        super().__init__(initial_value, dtype=dtype)
        self.name, self.regularizer, self.constraint = name, regularizer, constraint
        self._trainable = bool(trainable) and self.dtype.kind == "f"
        self.requires_grad = self._trainable

    @property
    def trainable(self):
        """Whether gradients are taken with respect to it in training; may be set at any time."""
        return self._trainable

    @trainable.setter
    def trainable(self, wanted):
        self._trainable = wanted
        settings.changed()

    @property
    def value(self):
        """The value, cut off from the graph."""
        return self.detach()

    def assign_add(self, value):
        """Add to the value, in place; returns the variable."""
        return self.assign(self.value + value)

    def assign_sub(self, value):
        """Subtract from the value, in place; returns the variable."""
        return self.assign(self.value - value)

    def _become(self, out):
        self._check_kept(out)
        return self.assign(out)

    def _before_write(self):
        return self.detach()

    def __reduce__(self):
        return Variable, (self.data, self.trainable, self.name, self.dtype, self.regularizer, self.constraint)

    def __deepcopy__(self, memo):
        return Variable(self.data, self.trainable, self.name, self.dtype, self.regularizer, self.constraint)

    def __copy__(self):
        return copy.deepcopy(self)
