"""A graph of layers as plain data, and back: Keras's layout of the config of a functional model."""

from ..autograd import Spec
from ..layers.base import Layer
from ..layers.node import source, symbols_in
from ..utils.configurable import serialize
from ..utils.tree import flatten

MARK = "__keras_tensor__"       # stands for a symbol inside arguments


def graph_config(model):
    """``{"name", "layers", "input_layers", "output_layers"}``; each layer with the calls that belong to the graph."""
    graph = model.graph
    numbers, layers = {}, []
    for node in graph.nodes:        # the calls of a layer outside this graph are not counted
        mine = [n for n in node.layer.inbound_nodes if any(n is m for m in graph.nodes)]
        numbers[id(node)] = next(i for i, n in enumerate(mine) if n is node)
    history = lambda x: [source(x)[0].layer.name, numbers.get(id(source(x)[0]), 0), source(x)[1]]
    for layer in graph.layers:
        calls = [n for n in graph.nodes if n.layer is layer and n.inputs]
        calls.sort(key=lambda n: numbers[id(n)])
        layers.append({"name": layer.name, "class_name": type(layer).__name__, "config": layer.get_config(),
                       "inbound_nodes": [_call_config(n, history) for n in calls]})
    place = lambda tree: _places(tree, history)
    return {"name": model.name, "layers": layers, "input_layers": place(graph.inputs),
            "output_layers": place(graph.outputs)}


def _places(tree, history):
    """Symbols as ``[layer, node, index]``: a list of such, or a dict."""
    if isinstance(tree, dict):
        return {k: history(x) for k, x in tree.items()}
    return [history(x) for x in symbols_in(tree)]


def _call_config(node, history):
    """One call: ``[[layer, node, index, kwargs], ...]`` as Keras 2 writes it, else args and kwargs."""
    first, rest = node.args[0], node.args[1:]
    plain = isinstance(first, Spec) or isinstance(first, list | tuple) and all(isinstance(x, Spec) for x in first)
    if plain and not symbols_in((rest, node.kwargs)) and not rest:
        kwargs = {k: serialize(v) for k, v in node.kwargs.items()}
        return [[*history(x), kwargs] for x in symbols_in(first)]
    return {"args": _marked(list(node.args), history), "kwargs": _marked(node.kwargs, history)}


def _marked(tree, history):
    leaves, build = flatten(tree)
    return build({"class_name": MARK, "config": {"keras_history": history(x)}} if isinstance(x, Spec) else serialize(x)
                 for x in leaves)


def graph_from_config(cls, config):
    """Make the layers, then repeat their calls, each as soon as what it needs is there."""
    layers, made, waiting = {}, {}, []
    for data in config["layers"]:
        layer = layers[data["name"]] = Layer.get({"class_name": data["class_name"], "config": data["config"]})
        if layer.name != data["name"]:
            layer.name = data["name"]
        if not data["inbound_nodes"] and layer.inbound_nodes:
            made[layer.name, 0] = layer.inbound_nodes[0]
        waiting += [(layer, i, call) for i, call in enumerate(data["inbound_nodes"])]
    symbol = lambda place: made[place[0], place[1]].output_tensors[place[2]]
    while waiting:
        later = []
        for layer, i, call in waiting:
            if all((place[0], place[1]) in made for place in _needed(call)) and (i == 0 or (layer.name, i - 1) in made):
                args, kwargs = _arguments(call, symbol)
                layer(*args, **kwargs)
                made[layer.name, i] = layer.inbound_nodes[-1]
            else:
                later.append((layer, i, call))
        if len(later) == len(waiting):
            raise ValueError(f"the config's calls need what is not there: "
                             f"{[(entry[0].name, _needed(entry[2])) for entry in later][:3]}")
        waiting = later
    ends = lambda places: ({k: symbol(p) for k, p in places.items()} if isinstance(places, dict) else
                           [symbol(p) for p in _listed(places)])
    single = lambda ends: ends[0] if isinstance(ends, list) and len(ends) == 1 else ends
    return cls(inputs=single(ends(config["input_layers"])), outputs=single(ends(config["output_layers"])),
               name=config.get("name"))


def _listed(places):
    """A list of places; Keras 3 writes a single one without the list around it."""
    return [places] if places and isinstance(places[0], str) else places


def _needed(call):
    if isinstance(call, dict):
        leaves = _marks(call)
        return [leaf["config"]["keras_history"] for leaf in leaves]
    return [place[:3] for place in call]


def _marks(tree):
    if isinstance(tree, dict):
        if tree.get("class_name") == MARK:
            return [tree]
        return [m for part in tree.values() for m in _marks(part)]
    return [m for part in tree for m in _marks(part)] if isinstance(tree, list | tuple) else []


def _unmarked(tree, symbol):
    if isinstance(tree, dict):
        if tree.get("class_name") == MARK:
            return symbol(tree["config"]["keras_history"])
        return {k: _unmarked(v, symbol) for k, v in tree.items()}
    return type(tree)(_unmarked(v, symbol) for v in tree) if isinstance(tree, list | tuple) else tree


def _arguments(call, symbol):
    if isinstance(call, dict):
        return _unmarked(call["args"], symbol), _unmarked(call["kwargs"], symbol)
    inputs = [symbol(place) for place in call]
    kwargs = call[0][3] if len(call[0]) > 3 else {}
    return [inputs[0] if len(inputs) == 1 else inputs], kwargs
