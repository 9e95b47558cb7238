"""Where Keras 3 puts weights in its files: paths of attributes, ``layers/dense_1/vars/0``."""

from ..layers.base import Layer
from ..utils.errors import ModelFileError
from ..utils.names import snake_case

# Parts of layers of ours that are layers of their own there, by the beginning of the weights' names
PARTS = {"query": "query_dense", "key": "key_dense", "value": "value_dense", "attention_output": "output_dense"}
BEFORE = {"layers": "_layer_checkpoint_dependencies"}       # in files of TensorFlow 2.12 and 2.13
IGNORED = ("optimizer", "_optimizer", "metrics", "_metrics", "compile_metrics", "_compile_metrics", "loss_tracker",
           "_loss_tracker", "_loss_metric", "seed_generator", "_seed_generators", "_random_generator")


def places(model):
    """``(path of a group, the weights in it, the layer)`` for each layer at any depth; the model itself first.

    >>> import tahr
    >>> model = tahr.Sequential([tahr.layers.Dense(2, input_dim=3), tahr.layers.Dense(1)])
    >>> [(path, len(weights)) for path, weights, layer in places(model)]
    [('', 0), ('layers/dense', 2), ('layers/dense_1', 2)]
    """
    found, seen, waiting = [], set(), [(model, "")]
    while waiting:
        layer, path = waiting.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        own = sorted(layer.own_weights, key=lambda w: not w.trainable)
        parts = {}
        for w in own:
            part = (w.name or "").removeprefix(f"{layer.name}/").split("/")
            parts.setdefault(PARTS.get(part[0], "") if len(part) > 1 else "", []).append(w)
        for part, weights in parts.items() if own else [("", [])]:
            found.append((_joined(path, part), weights, layer))
        waiting += reversed([(child, _joined(path, name)) for name, child in children(layer)])
    return found


def children(layer):
    """``(path, layer)`` of what stands right inside a layer or model."""
    found = []
    if getattr(layer, "graph", None) is not None or hasattr(layer, "stack"):
        found += _named("layers", layer.layers)
    names = sorted(layer._holders, key=lambda name: f"~{name}" if name.startswith("_") else name)
    for name in names:
        value = vars(layer).get(name)
        if name in ("stack", "graph"):
            continue
        if isinstance(value, Layer) and value is not layer:
            found.append((name, value))
        elif isinstance(value, list | tuple | dict):
            found += _named(name, value.values() if isinstance(value, dict) else value)
    return found


def _named(folder, items):
    """Layers of a container by their classes: ``dense``, ``dense_1``, ..."""
    counts, found = {}, []
    for item in items:
        if isinstance(item, Layer):
            base = class_name(item)
            n = counts[base] = counts.get(base, -1) + 1
            found.append((f"{folder}/{base}_{n}" if n else f"{folder}/{base}", item))
    return found


def class_name(layer):
    """The name of a layer's class as it stands in paths.

    >>> import tahr
    >>> class_name(tahr.layers.GRU(1)), class_name(tahr.layers.Conv2D(1, 1))
    ('gru', 'conv2d')
    """
    name = type(layer).__name__
    return "functional" if name == "Model" else _snake(name)


def _snake(name):
    import re
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _joined(path, name):
    return f"{path}/{name}".strip("/") if name else path


def write(group, model):
    """Write all weights into an HDF5 group, each once."""
    seen = set()
    for path, weights, layer in places(model):
        own = group.create_group(_joined(path, "vars"))
        own.attrs["name"] = layer.name
        for i, w in enumerate(w for w in weights if id(w) not in seen):
            own.create_dataset(str(i), data=w.data)
        seen.update(map(id, weights))


def matched(tree, model, by_name=False, skip_mismatch=False):
    """``(weight, stored)`` for all weights of a model.

    Arguments:
        tree: all data sets of the file, by their paths.

    Raises:
        ModelFileError: for weights that the file does not have, and for what it has beside them.
    """
    found, used = [], set()
    older = any(path.startswith(BEFORE["layers"]) for path in tree)
    spots = _older_places(model) if older else places(model)
    by_group = {}
    for path in tree:
        group, _, last = path.rpartition("/vars/")
        if path.startswith("vars/"):
            group, last = "", path[5:]
        by_group.setdefault(group, {})[last] = path
    for path, weights, layer in spots:
        stored = _of_group(by_group, path)
        if _counted(stored, weights):       # Keras's Normalization also counts its batches
            used.add(stored.pop("2"))
        if len(stored) != len(weights):
            if skip_mismatch:
                used.update(stored.values())
                continue
            raise ModelFileError(f"layer {layer.name!r} expects {len(weights)} weight(s), the file has {len(stored)} "
                                 f"under {_joined(path, 'vars')!r}")
        for i, w in enumerate(weights):
            if str(i) not in stored:
                raise ModelFileError(f"layer {layer.name!r}: the file has no {_joined(path, 'vars')}/{i}")
            used.add(stored[str(i)])
            found.append((w, tree[stored[str(i)]]))
    left = [path for path in tree if path not in used and not _is_ignored(path)]
    if left and not skip_mismatch:
        raise ModelFileError(f"the file has weights at {left[0]!r} that this model has not")
    return found


def _of_group(by_group, path):
    return dict(by_group.get(path) or by_group.get("/".join(f"_{p}" if p in PARTS.values() else p
                                                            for p in path.split("/"))) or {})


def _counted(stored, weights):
    return len(weights) == 2 and len(stored) == 3 and "2" in stored and (weights[0].name or "").endswith("/mean")


def _is_ignored(path):
    parts = path.split("/")
    return parts[0] in IGNORED or any(p.startswith(("seed_generator", "_seed_generator", "_random_generator"))
                                      for p in parts)


def _older_places(model):
    """The same in the older layout, where layers with weights are counted twice."""
    renamed = {}
    for path, _, layer in places(model):
        renamed[id(layer)] = path
    found, seen = [], set()
    waiting = [(model, "")]
    while waiting:
        layer, path = waiting.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        found.append((path, sorted(layer.own_weights, key=lambda w: not w.trainable), layer))
        inner = []
        if getattr(layer, "graph", None) is not None or hasattr(layer, "stack"):
            counts = {}
            for item in layer.layers:
                base = class_name(item)
                n = counts.get(base, 0)
                counts[base] = n + (2 if item.weights else 1)
                folder = BEFORE["layers"]
                inner.append((item, _joined(path, f"{folder}/{base}_{n}" if n else f"{folder}/{base}")))
        else:
            inner = [(child, _joined(path, name)) for name, child in children(layer)]
        waiting += reversed(inner)
    return found


__all__ = ["children", "class_name", "matched", "places", "snake_case", "write"]
