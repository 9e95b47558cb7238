"""Parameters side by side in one array, so that one pass updates them all."""

import math

import numpy as np

from ..autograd import op, real, sample
from ..autograd.value import spec
from ..tensor import Variable
from ..tensor.create import from_numpy


def _gathered_shape(*arrays, dtype):
    known = all(None not in a.shape for a in arrays)
    return spec((sum(math.prod(a.shape) for a in arrays) if known else None,), dtype)


@op(shape=_gathered_shape, reference=lambda *arrays, dtype="float32": np.array([v for a in arrays for v in a.ravel()]),
    samples=[sample(real(2, 3), real(4)), sample(real()), sample(real(2), real(0, 3), real(1, 2, 2), dtype="float64")])
def gathered(*arrays, dtype="float32"):
    """The elements of all arrays, one after the other."""
    return np.concatenate([a.ravel() for a in arrays], dtype=dtype, casting="same_kind")


class Group:
    """The parameters of one dtype: their flat array, of which each is a view, and the optimizer's flat slots.

    Arguments:
        variables: of one dtype; their memory moves into the flat array.
        slot_names: the slots of the rule, one number for each parameter's.
        extras: further slots, which the rule does not see.

    >>> group = Group([Variable([1.0, 2.0]), Variable([[3.0]])], ("velocity",))
    >>> group.parameters
    Variable([1., 2., 3.])
    >>> group.variables[0].data.base is group.parameters.data
    True
    """

    def __init__(self, variables, slot_names, extras=()):
        self.variables, dtype = variables, variables[0].dtype
        flat = np.concatenate([v.data.ravel() for v in variables])
        self.parameters = Variable(0.0, trainable=False, dtype=dtype)
        self.parameters.data = flat
        self.slots, self.extras = ({name: Variable(np.zeros(flat.size), trainable=False, name=name, dtype=dtype)
                                    for name in names} for names in (slot_names, extras))
        self.pieces, start = [], 0
        for v in variables:
            self.pieces.append(slice(start, start + v.size))
            v.data = flat[self.pieces[-1]].reshape(v.shape)
            start += v.size

    @property
    def intact(self):
        """Whether every parameter is still the view that was made here (another optimizer may have moved it)."""
        return all(v.data.base is self.parameters.data for v in self.variables)

    def slot_views(self):
        """For each parameter its slots, by name, in its shape."""
        slots = {**self.slots, **self.extras}
        return [(v, {name: slot.data[piece].reshape(v.shape) for name, slot in slots.items()})
                for v, piece in zip(self.variables, self.pieces)]

    def split(self, flat):
        """For each parameter its part of a flat tensor, flat."""
        return [flat[piece] for piece in self.pieces]

    def parts(self, flat):
        """For each parameter its memory, its part of a flat tensor and its slots, all in its shape."""
        return [(from_numpy(v.data), flat[piece].reshape(v.shape),
                 {name: from_numpy(slot.data[piece].reshape(v.shape)) for name, slot in self.slots.items()})
                for v, piece in zip(self.variables, self.pieces)]

    def per_element(self, values):
        """A flat tensor with one number for each parameter, repeated over its elements."""
        return from_numpy(np.repeat(np.asarray(values, self.parameters.dtype), [v.size for v in self.variables]))

    def gather(self, gradients):
        """The gradients as one flat tensor of the parameters' dtype."""
        return gathered(*gradients, dtype=self.parameters.dtype.name)

    def written(self, where):
        """Note a write into every parameter, for the check of saved tensors."""
        for v in self.variables:
            v.version.written(where)


def grouped(variables, slot_names, extras=()):
    """One group for each dtype.

    >>> [len(g.variables) for g in grouped([Variable(1.0), Variable(2.0, dtype="float64"), Variable(3.0)], ())]
    [2, 1]
    """
    by_dtype = {}
    for v in variables:
        by_dtype.setdefault(v.dtype, []).append(v)
    return [Group(group, slot_names, extras) for group in by_dtype.values()]
