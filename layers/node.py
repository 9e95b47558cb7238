"""The graph of a functional model: each call of a layer on symbols is a node, which its results point back to."""

import weakref

from ..autograd import OPS, Spec
from ..autograd.value import OpCall, spec
from ..utils.tree import flatten


class Node:
    """One call of a layer on symbols.

    What points where: a result points to its node and its layer, a layer to its nodes, a node to the symbols that went
    in. Nothing points back, so that graphs are freed as soon as nobody holds them; a result that nobody held is made
    anew when it is asked for.

    Attributes:
        layer: that was called.
        args, kwargs: what it was called with, symbols and other things, in lists, tuples and dicts.
        inputs: the symbols among them, in order.
        losses: symbols for what the call adds to the loss.
    """

    def __init__(self, layer, args, kwargs, outputs, losses=()):
        self._layer, self.args, self.kwargs = weakref.ref(layer), args, kwargs
        self.inputs, self.losses = symbols_in((args, kwargs)), tuple(losses)
        leaves, build = flatten(outputs)
        self._structure = build(["result"] * len(leaves))
        self.single = isinstance(outputs, Spec)
        self._kept = [(x.shape, x.dtype, x.mask) if isinstance(x, Spec) else x for x in leaves]
        self._outputs = [weakref.ref(x) if isinstance(x, Spec) else None for x in leaves]
        for i, x in enumerate(leaves):
            if isinstance(x, Spec):
                x.source = (self, i, layer)

    @property
    def layer(self):
        return self._layer()

    @property
    def outputs(self):
        """The symbols that came out, as the layer returned them."""
        return flatten(self._structure)[1](self._output(i) for i in range(len(self._outputs)))

    def _output(self, i):
        if self._outputs[i] is None:
            return self._kept[i]
        symbol = self._outputs[i]()
        if symbol is None:
            shape, dtype, mask = self._kept[i]
            symbol = spec(shape, dtype)
            symbol.mask, symbol.source, symbol.name = mask, (self, i, self.layer), self.layer.name
            self._outputs[i] = weakref.ref(symbol)
        return symbol

    def __getstate__(self):
        """For pickling and copying: results come back when they are asked for."""
        return {**vars(self), "_layer": self.layer, "_outputs": [o is not None for o in self._outputs]}

    def __setstate__(self, state):
        vars(self).update(state)
        self._layer = weakref.ref(state["_layer"])
        self._outputs = [_gone if symbolic else None for symbolic in state["_outputs"]]

    def take_over(self, i, symbol):
        """Let ``symbol`` stand for result ``i``."""
        symbol.source, symbol.mask = (self, i, self.layer), self._kept[i][2]
        self._outputs[i] = weakref.ref(symbol)

    def __call__(self, values):
        """Call the layer again: ``values`` maps :func:`key` of symbols to what now stands for them."""
        if not self.args:
            return self.layer.value
        if len(self.args) == 1 and not self.kwargs and isinstance(self.args[0], Spec):
            return self.layer(values[key(self.args[0])])
        leaves, build = flatten((self.args, self.kwargs))
        args, kwargs = build(values[key(x)] if isinstance(x, Spec) else x for x in leaves)
        return self.layer(*args, **kwargs)

    def keys(self):
        """The keys under which the results go into ``values``."""
        return [(id(self), i) for i in range(len(self._outputs))]

    # Keras's names

    @property
    def outbound_layer(self):
        return self.layer

    @property
    def input_tensors(self):
        return self.inputs

    @property
    def output_tensors(self):
        return [self._output(i) for i, kept in enumerate(self._outputs) if kept is not None]

    @property
    def inbound_layers(self):
        """The layers that the inputs came from, one for each input."""
        return [source(x)[0].layer for x in self.inputs]

    @property
    def node_indices(self):
        return [source(x)[0].index for x in self.inputs]

    @property
    def tensor_indices(self):
        return [source(x)[1] for x in self.inputs]

    @property
    def input_masks(self):
        return [x.mask for x in self.inputs]

    @property
    def output_masks(self):
        return [x.mask for x in self.output_tensors]

    @property
    def input_shapes(self):
        return [tuple(x.shape) for x in self.inputs]

    @property
    def output_shapes(self):
        return [tuple(kept[0]) for kept, out in zip(self._kept, self._outputs) if out is not None]

    @property
    def index(self):
        """Which of its layer's calls this is."""
        return next(i for i, node in enumerate(self.layer.inbound_nodes) if node is self)

    def __repr__(self):
        return f"<Node {self.index} of {self.layer.name!r}>"


def _gone():
    """A reference to what is no more."""


def key(symbol):
    """What tells a symbol from all others: its place among the results of its node."""
    node, i, _ = source(symbol)
    return id(node), i


def symbols_in(tree):
    """The symbols among the leaves of a tree, in order."""
    return [x for x in flatten(tree)[0] if isinstance(x, Spec)]


def source(symbol):
    """``(node, index, layer)`` of a symbol; None for one that no layer made.

    An op that was called on symbols outside any layer becomes a layer of its own here, once.
    """
    if symbol.source is not None and isinstance(symbol.source[0], OpCall):
        _as_layer(symbol)
    return symbol.source


def _as_layer(symbol):
    """Turn the ops that a symbol comes out of into nodes of layers, the first ones first, without recursion."""
    stack = [symbol]
    while stack:
        call = stack[-1].source and stack[-1].source[0]
        if not isinstance(call, OpCall):
            stack.pop()
            continue
        waiting = [x for x in call.inputs if isinstance(x, Spec) and x.source and isinstance(x.source[0], OpCall)]
        if waiting:
            stack.extend(waiting)
            continue
        _enter(stack.pop(), call)


def _enter(symbol, call):
    from .core import OpLayer  # a layer, which needs the base, which needs this file
    index = symbol.source[1]
    layer = OpLayer(call.op.name, constants=_constants(call), attributes=call.attrs)
    inputs = [x for x in call.inputs if isinstance(x, Spec)]
    out = layer(inputs if len(inputs) > 1 else inputs[0])
    made = out if isinstance(out, Spec) else out[index]
    node, i, _ = made.source
    node.take_over(i, symbol)


def _constants(call):
    """What an op was given beside symbols, by position."""
    return {i: getattr(x, "data", x) for i, x in enumerate(call.inputs) if not isinstance(x, Spec)}


def run_op(name, constants, attributes, inputs):
    """Call an op by its name, with the symbols' values in the places between the constants."""
    values = iter(inputs)
    places = range(len(constants) + len(inputs))
    return OPS[name].function(*[constants[i] if i in constants else next(values) for i in places], **attributes)
