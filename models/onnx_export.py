"""Models as ONNX graphs, for prediction elsewhere; :mod:`tahr.models.onnx_table` has what layers become."""

import os

import numpy as np

from ..autograd import Spec
from ..layers.node import key
from ..utils.errors import describe
from ..utils.files import replacing

OPSET = 17      # of onnxruntime 1.12 and later
IR_VERSION = 8
NEED = "exporting to ONNX needs the package onnx: pip install 'tahr[onnx]', or pip install onnx"


class Writer:
    """The graph so far: nodes, constants, and names that are free.

    Attributes:
        nodes, initializers: of the graph, in order.
    """

    def __init__(self):
        try:
            import onnx
        except ImportError:
            raise ImportError(NEED) from None
        self.onnx, self.nodes, self.initializers, self._count, self._taken = onnx, [], [], {}, set()

    def name(self, wish):
        """A name that is free, like the wish."""
        name = wish
        while name in self._taken:
            count = self._count[wish] = self._count.get(wish, 0) + 1
            name = f"{wish}_{count}"
        self._taken.add(name)
        return name

    def op(self, kind, *inputs, outputs=1, **attributes):
        """Add a node of this operator; the name of its output, or a list of several."""
        names = [self.name(kind.lower()) for _ in range(outputs)]
        given = ["" if x is None else x for x in inputs]
        self.nodes.append(self.onnx.helper.make_node(kind, given, names, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, array, wish="constant"):
        """The name of an array in the graph."""
        name = self.name(wish)
        self.initializers.append(self.onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def integers(self, *values):
        """The name of a vector of int64, as which ONNX takes shapes and axes."""
        return self.constant(np.array(values, np.int64))

    def weight(self, variable):
        """The name of a variable's values, called like it."""
        return self.constant(variable.data, variable.name or "weight")

    def transpose(self, x, order):
        """``x`` with its axes in another order."""
        order = list(order)
        return x if order == sorted(order) else self.op("Transpose", x, perm=order)

    def reshape(self, x, *shape):
        """``x`` in another shape; 0 keeps a size, -1 is inferred."""
        return self.op("Reshape", x, self.integers(*shape))


def to_onnx(model, path=None):
    """A model as an ONNX graph that predicts.

    Arguments:
        model: that is built and made of layers (a functional model or a Sequential).
        path: of a file to write as well, which appears whole or not at all; default None.

    Returns:
        The ``onnx.ModelProto``, with the inputs' and outputs' names of the model and any number of samples.

    Raises:
        ImportError: without the package onnx. ValueError: for a model that is no graph of layers or not built, and for
            a layer that has no ONNX form; the text names it.

    Source: https://onnx.ai, operators of version 17.
    """
    from . import onnx_images, onnx_layers, onnx_recurrent  # noqa: F401 (they fill the table)
    from .onnx_table import writer_of
    writer = Writer()
    if getattr(model, "graph", None) is None:
        hint = "it is not built yet: call it on data or give an input shape" if hasattr(model, "stack") else (
            "it is a subclass with a call of its own")
        raise ValueError(f"only models made of layers can be exported, got {describe(model)[:200]}: {hint}")
    graph, names = model.graph, list(model.input_names)
    values = {key(x): writer.name(name) for x, name in zip(graph.input_symbols, names)}
    inputs = [_info(writer, values[key(x)], x) for x in graph.input_symbols]
    found = run(writer, graph, values, writer_of)
    outputs = []
    for name, x, value in zip(model.output_names, graph.output_symbols, found, strict=True):
        last = writer.name(name)
        writer.nodes.append(writer.onnx.helper.make_node("Identity", [value], [last]))
        outputs.append(_info(writer, last, x))
    made = writer.onnx.helper
    proto = made.make_model(made.make_graph(writer.nodes, model.name, inputs, outputs, writer.initializers),
                            producer_name="tahr", ir_version=IR_VERSION, opset_imports=[made.make_opsetid("", OPSET)])
    if path is not None:
        with replacing(path) as part:
            writer.onnx.save_model(proto, part)
    return proto


def _info(writer, name, symbol):
    kind = writer.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(symbol.dtype))
    shape = ["samples" if i == 0 and n is None else n for i, n in enumerate(symbol.shape)]
    return writer.onnx.helper.make_tensor_value_info(name, kind, shape)


def run(writer, graph, values, writer_of):
    """Write all calls of a graph; the names of its outputs.

    Arguments:
        values: maps :func:`key` of the graph's inputs to names.
    """
    for node in graph.nodes:
        if all(k in values for k in node.keys()):
            continue
        if not node.args:
            raise ValueError(f"the input {node.layer.name!r} is a constant tensor, which cannot be exported: make it "
                             "an input of the model")
        found = call(writer, node.layer, _arguments(node, values), node, writer_of)
        values.update(zip(node.keys(), found if isinstance(found, list) else [found]))
    return [values[key(x)] for x in graph.output_symbols]


def _arguments(node, values):
    """The names of what a call takes: one, or a list."""
    first, rest = node.args[0], node.args[1:]
    if rest or node.kwargs:
        raise ValueError(f"layer {node.layer.name!r} is called with more than its inputs "
                         f"({', '.join(node.kwargs) or 'positional arguments'}), which cannot be exported")
    return values[key(first)] if isinstance(first, Spec) else [values[key(x)] for x in first]


def call(writer, layer, x, node, writer_of):
    """Write one call of a layer on ``x``, a name or a list of them."""
    if getattr(layer, "graph", None) is not None:       # a model inside
        names = x if isinstance(x, list) else [x]
        inner = {key(symbol): name for symbol, name in zip(layer.graph.input_symbols, names, strict=True)}
        found = run(writer, layer.graph, inner, writer_of)
        return found[0] if len(found) == 1 else found
    write = writer_of(layer)
    if any(mask is not None for mask in node.input_masks) and not getattr(write, "ignores_masks", False):
        raise ValueError(f"layer {layer.name!r} ({type(layer).__name__}) takes a mask, which cannot be exported")
    if getattr(layer, "stateful", False):
        raise ValueError(f"layer {layer.name!r} is stateful, which cannot be exported: an ONNX graph keeps nothing")
    shapes = [tuple(s.shape) for s in node.inputs]
    return write(writer, layer, x, shapes if isinstance(x, list) else shapes[0])


def export(model, filepath, format="onnx", verbose=False):
    """Write a model to a file for prediction elsewhere; see :func:`to_onnx`.

    Arguments:
        filepath: of the file, ``.onnx``.
        format: ``'onnx'``, the only one.
        verbose: whether to say where it went, default False.

    Raises:
        ValueError: for another format.
    """
    if format != "onnx":
        raise ValueError(f"format must be 'onnx', got {format!r}")
    to_onnx(model, filepath)
    if verbose:
        print(f"Saved {model.name} to {os.fsdecode(filepath)}")
