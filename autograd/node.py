"""The steps of a graph, and the ways through it."""

import operator
import weakref

from .value import Value, unique


class Node:
    """One step of the graph: which op made a value, of what.

    ``parents`` holds the node of each input, None where no gradient flows. ``saved`` holds the arrays of the inputs
    that a rule may use, ``out`` that of the result: a node that held its Value would be a cycle. What no rule uses
    is there as a Spec. ``versions`` holds ``(version, count)`` for each input whose memory may be written.
    """

    __slots__ = ("op", "attrs", "parents", "saved", "out", "residual", "versions", "number", "where", "__weakref__")

    def __init__(self, op, attrs=None, parents=(), saved=(), out=None, residual=None):
        self.op, self.attrs, self.parents, self.saved = op, attrs, parents, saved
        self.out, self.residual = out, residual
        self.versions = ()
        self.where = None
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


_number = operator.attrgetter("number")
NEVER = (None, 0)       # the version of memory that is never written


def version_of(x):
    """``(version, count)`` of an input at this moment; ``(None, 0)`` if its memory is never written."""
    return (x.version, x.version.count) if isinstance(x, Value) and x.version else NEVER


def reachable(nodes, since=0):
    """All nodes below these, children before parents; nothing below a node with a number below ``since``."""
    seen, stack = set(nodes), list(set(nodes))
    while stack:
        node = stack.pop()
        for parent in node.parents if node.number >= since else ():
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return sorted(seen, key=_number, reverse=True)


def leading_to(order, wanted, since=0):
    """Of the nodes in this order, those from number ``since`` on below which there is a wanted one."""
    leading, useful = set(), set(wanted)
    for node in reversed(order):
        if node.number >= since and not useful.isdisjoint(node.parents):
            leading.add(node)
            useful.add(node)
    return leading
