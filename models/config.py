"""A graph of layers as plain data, and back: Keras's layout of the config of a functional model."""

from ..autograd import Spec
from ..layers.base import Layer
from ..layers.node import source, symbols_in
from ..utils.configurable import serialize
from ..utils.tree import flatten

MARK = "__keras_tensor__"       # stands for a symbol inside arguments


def graph_config(model):
    """``{"name", "layers", "input_layers", "output_layers"}``; each layer with the calls that belong to the graph.

    Calls are counted from 0, those of a model inside from 1, as Keras 2 does: there its own graph is the first.
    """
    graph = model.graph
    numbers, calls = numbered(graph)
    history = lambda x: [source(x)[0].layer.name, numbers[id(source(x)[0])], source(x)[1]]
    layers = [{"name": layer.name, "class_name": type(layer).__name__, "config": layer.get_config(),
               "inbound_nodes": [_call_config(n, history) for n in calls.get(id(layer), ()) if n.inputs]}
              for layer in graph.layers]
    place = lambda tree: _places(tree, history)
    return {"name": model.name, "layers": layers, "input_layers": place(graph.inputs),
            "output_layers": place(graph.outputs)}


def numbered(graph):
    """Which of its layer's calls each node of a graph is, by the node's id; and the nodes of each layer, by its id."""
    mine, numbers, calls = {id(n) for n in graph.nodes}, {}, {}
    for layer in graph.layers:
        nodes = calls[id(layer)] = [n for n in layer.inbound_nodes if id(n) in mine]
        first = 1 if getattr(layer, "graph", None) is not None else 0
        numbers.update({id(n): i for i, n in enumerate(nodes, first)})
    for symbol in graph.input_symbols:      # of a model that begins in the middle of another's graph
        numbers.setdefault(id(source(symbol)[0]), 0)
    return numbers, calls


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
    """Make the layers, then repeat their calls, each as soon as what it needs is there.

    Raises:
        ValueError: for names that are there twice, and for calls that need what is not there.
    """
    layers, calls = {}, {}
    for data in config["layers"]:
        name = data["name"]
        if name in layers:
            raise ValueError(f"the config has two layers named {name!r}")
        layer = layers[name] = Layer.get({"class_name": data["class_name"], "config": data["config"]})
        if layer.name != name:
            layer.name = name
        calls.update({(name, i): call for i, call in enumerate(data["inbound_nodes"])})
    ends = [_ends(config[key]) for key in ("input_layers", "output_layers")]
    needed = {key: _needed(call) for key, call in calls.items()}
    first = _first_numbers(layers, calls, [p for places in needed.values() for p in places]
                           + [p for end in ends for p in (end.values() if isinstance(end, dict) else end)])
    made = {}       # symbols, by the name of the layer and the number of its call
    for name, layer in layers.items():
        if (name, 0) not in calls and layer.inbound_nodes:
            made[name, 0] = layer.inbound_nodes[0].output_tensors
    symbol = lambda place: made[place[0], place[1] - first.get(place[0], 0)][place[2]]
    for name, i in _in_order(calls, needed, first, made):
        args, kwargs = _arguments(calls[name, i], symbol)
        layers[name](*args, **kwargs)
        made[name, i] = layers[name].inbound_nodes[-1].output_tensors
    inputs, outputs = [{k: symbol(p) for k, p in end.items()} if isinstance(end, dict) else
                       _only([symbol(p) for p in end]) for end in ends]
    model = cls(inputs=inputs, outputs=outputs, name=config.get("name"), trainable=config.get("trainable") is not False)
    places = {id(layer): i for i, layer in enumerate(layers.values())}
    model.graph.layers.sort(key=lambda layer: places.get(id(layer), len(places)))     # as they were
    return model


def _only(items):
    return items[0] if len(items) == 1 else items


def _ends(places):
    """Places of inputs or outputs: a dict, or a list (Keras 3 writes a single one without the list around it)."""
    return places if isinstance(places, dict) else _listed(places)


def _first_numbers(layers, calls, places):
    """For models inside whose calls are counted from 1 that number: there, their own graph is number 0."""
    highest, counts = {}, {}
    for place in places:
        highest[place[0]] = max(highest.get(place[0], 0), place[1])
    for name, _ in calls:
        counts[name] = counts.get(name, 0) + 1
    return {name: 1 for name, count in counts.items()
            if getattr(layers[name], "stack", None) is not None or hasattr(layers[name], "graph")
            if highest.get(name, 0) == count}


def _in_order(calls, needed, first, made):
    """The calls, each after those whose results it needs, and after the layer's own call before it."""
    waits, then, ready = {}, {}, []
    for key in calls:
        name, i = key
        before = {(p[0], p[1] - first.get(p[0], 0)) for p in needed[key]} | ({(name, i - 1)} if i else set())
        before -= made.keys()
        waits[key] = len(before)
        for other in before:
            then.setdefault(other, []).append(key)
        if not before:
            ready.append(key)
    ready.reverse()
    done = 0
    while ready:
        key = ready.pop()
        done += 1
        yield key
        for other in reversed(then.get(key, ())):
            waits[other] -= 1
            if not waits[other]:
                ready.append(other)
    if done < len(calls):
        stuck = next(key for key, n in waits.items() if n)
        raise ValueError(f"the config's calls need what is not there: call {stuck[1]} of {stuck[0]!r} needs "
                         f"{needed[stuck][:3]}")


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
