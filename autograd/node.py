"""The steps of a graph."""

import weakref

from .value import unique


class Node:
    """One step of the graph: which op made a value, of what.

    ``parents`` holds the node of each input, None where no gradient flows. ``saved`` holds the arrays of the inputs
    that a rule may use, ``out`` that of the result: a node that held its Value would be a cycle. What no rule uses
    is there as a Spec.
    """

    __slots__ = ("op", "attrs", "parents", "saved", "out", "residual", "versions", "number", "where", "__weakref__")

    def __init__(self, op, attrs=None, parents=(), saved=(), out=None, residual=None):
        self.op, self.attrs, self.parents, self.saved = op, attrs, parents, saved
        self.out, self.residual = out, residual
        self.versions = self.where = None
        self.number = unique()


class Leaf(Node):
    """Where a graph begins: a Value that asks for its gradient, which it does not keep alive."""

    __slots__ = ("value",)

    def __init__(self, value):
        super().__init__(None)
        self.value = weakref.ref(value)


class Part(Node):
    """The ``index``-th of several results; its parent is the node of the op."""

    __slots__ = ("index",)

    def __init__(self, parent, index):
        super().__init__(None, parents=(parent,))
        self.index = index
