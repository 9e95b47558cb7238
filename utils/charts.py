"""Models as boxes and arrows: all that the drawing of models knows of models."""

import collections

Box = collections.namedtuple("Box", "key layer model inputs outputs")       # shapes in, shapes out
Chart = collections.namedtuple("Chart", "boxes edges")      # edges: pairs of keys

def chart(model, expand_nested=False, path=()):
    """The boxes and edges of a model: one box for each layer, and for the layers of models in it if asked for.

    A model with a graph has ``graph.nodes``, each with ``layer``, ``inbound_layers``, ``input_shapes`` and
    ``output_shapes``; any other one is a chain of ``layers``.
    """
    boxes, edges, ends = {}, {}, {}
    for layer, parents, inputs, outputs in _calls(model):
        key = (*path, id(layer))
        if expand_nested and getattr(layer, "layers", None):
            inner = chart(layer, True, key)
            boxes |= {box.key: box for box in inner.boxes}
            edges |= dict.fromkeys(inner.edges)
            ends[id(layer)] = _firsts(inner), _lasts(inner)
        else:
            before = boxes.get(key, Box(key, layer, model, (), ()))
            boxes[key] = before._replace(inputs=_more(before.inputs, inputs), outputs=_more(before.outputs, outputs))
            ends[id(layer)] = [key], [key]
        for parent in parents:
            edges |= {(a, b): None for a in ends[id(parent)][1] for b in ends[id(layer)][0]}
    return Chart(list(boxes.values()), list(edges))


def _calls(model):
    """``(layer, the layers before it, its input shapes, its output shapes)`` for each call, in order."""
    if getattr(model, "graph", None) is not None:
        for node in model.graph.nodes:
            yield node.layer, node.inbound_layers, node.input_shapes, node.output_shapes
        return
    before = []
    for layer in model.layers:
        yield layer, before, _shapes(layer, "input_shape"), _shapes(layer, "output_shape")
        before = [layer]


def _shapes(layer, name):
    try:
        shape = getattr(layer, name)
    except (AttributeError, RuntimeError):      # not built yet
        shape = None
    return [] if shape is None else [shape]


def _more(known, others):
    return (*known, *(s for s in map(tuple, others) if s not in known))


def _firsts(chart):
    later = {b for _, b in chart.edges}
    return [box.key for box in chart.boxes if box.key not in later]


def _lasts(chart):
    earlier = {a for a, _ in chart.edges}
    return [box.key for box in chart.boxes if box.key not in earlier]


def box_lines(box, options):
    """The lines of text in a box."""
    kind, layer = type(box.layer).__name__, box.layer
    lines = [f"{layer.name}: {kind}" if options["show_layer_names"] else kind]
    if options["show_layer_activations"] and getattr(layer, "activation", None) is not None:
        activation = layer.activation
        lines.append(f"activation: {getattr(activation, '__name__', type(activation).__name__)}")
    if options["show_dtype"]:
        lines.append(f"dtype: {layer.dtype}")
    if options["show_trainable"]:
        lines.append(f"trainable: {layer.trainable}")
    if options["show_shapes"]:
        lines += [f"{name}: {_text(shapes)}" for name, shapes in (("input", box.inputs), ("output", box.outputs))]
    return lines


def _text(shapes):
    return ", ".join(map(str, shapes)) or "?"


def options_of(*values):
    """What is to stand in the boxes, by name."""
    names = ("show_shapes", "show_layer_names", "show_dtype", "show_layer_activations", "show_trainable")
    return dict(zip(names, values))


def direction(rankdir):
    """``rankdir``; ValueError for an unknown one."""
    if rankdir not in ("TB", "LR", "BT", "RL"):
        raise ValueError(f"rankdir must be 'TB', 'LR', 'BT' or 'RL', got {rankdir!r}")
    return rankdir
