"""Weights from PyTorch and back: a ``state_dict`` and the layers of a model, paired and put into each other's order.

The layouts are a table in :mod:`tahr.models.torch_layouts`. Here layers and modules are paired, and what no table of
single layers can know is found out: where the features of a flattened image went.
"""

import contextlib
import math
import os
import re

import numpy as np

from ..layers.convolutional import _ImageLayer
from ..layers.core import Flatten, InputLayer, Reshape
from ..layers.node import source
from ..layers.wrappers import Wrapper
from ..utils.array_files import Stored, opened
from ..utils.errors import describe, did_you_mean
from .torch_layouts import LAYOUTS, layout_of

RECURRENT = re.compile(r"((?:weight|bias)_(?:ih|hh))(?:_l(\d+))?(_reverse)?")
COUNTER = "num_batches_tracked"     # of a normalization of PyTorch; nothing here depends on it


def from_torch(model, state_dict, names=None):
    """Set the weights of a model from those of a PyTorch model; nothing is changed unless all of it fits.

    Layers of both are paired in order, or by their names if PyTorch's modules have the names of all layers with
    weights. Dense layers, convolutions (transposed, depthwise, separable), normalizations, recurrent layers (a layer
    for each of the module's, or a Bidirectional), embeddings, multi-head attention and PReLU are known. Where a
    flattened image meets a Dense layer, its rows are put in this model's order.

    Arguments:
        model: that is built.
        state_dict: the arrays or tensors of ``module.state_dict()``, or the path of a ``.safetensors`` or ``.npz``
            file.
        names: ``{layer's name: module's name}``; only these layers are set. A list of names for a separable
            convolution; several recurrent layers may name one module with several layers. Default: as said above.

    Returns:
        The model.

    Raises:
        ValueError: where layers, keys or shapes do not fit; the text names the key, the layer and both shapes.

    >>> import tahr
    >>> model = tahr.Sequential([tahr.layers.Dense(1, input_dim=2)])
    >>> _ = from_torch(model, {"0.weight": np.array([[1.0, 2.0]]), "0.bias": np.array([3.0])})
    >>> model.predict(np.array([[1.0, 1.0]]))
    array([[6.]], dtype=float32)
    """
    with _arrays_of(state_dict) as arrays:
        values = []
        for layer, places, keys, expected in _paired(model, _modules(arrays), names):
            parts = []
            for wanted, own in zip(expected, keys):
                _check_part(layer, wanted, own, arrays)
                parts.append({name: _numbers(arrays[own[name]], array.dtype) for name, array in wanted.items()})
            values += layout_of(layer).decode(layer, places, parts)
    for variable, array in values:
        variable.assign(array)
    return model


def to_torch(model, names=None, like=None):
    """The weights of a model in PyTorch's layout, a dict of NumPy arrays.

    ``module.load_state_dict({k: torch.from_numpy(v) for k, v in to_torch(model, like=module.state_dict()).items()})``
    is the reverse of :func:`from_torch`.

    Arguments:
        model: that is built.
        names: ``{layer's name: module's name}``, as for :func:`from_torch`; default: the layers' names.
        like: a ``state_dict`` whose keys the result shall have, paired as :func:`from_torch` pairs them.

    Raises:
        ValueError: for a layer that PyTorch does not have, and where ``like`` does not fit.

    >>> import tahr
    >>> model = tahr.Sequential([tahr.layers.Dense(1, input_dim=2, name="out")])
    >>> {key: array.shape for key, array in to_torch(model).items()}
    {'out.weight': (1, 2), 'out.bias': (1,)}
    """
    found = {}
    if like is not None:
        for layer, _, keys, expected in _paired(model, _modules(like), names):
            for wanted, own in zip(expected, keys):
                _check_part(layer, wanted, own, like)
                found |= {own[name]: np.array(array) for name, array in wanted.items()}
        return {key: found.get(key, np.array(0)) for key in like if key in found or key.endswith(COUNTER)}
    count = {}
    for layer, _, expected in _leaves(model, names):
        prefixes = _prefixes(layer, names, len(expected))
        for prefix, part in zip(prefixes, expected):
            i = count[prefix] = count.get(prefix, -1) + 1
            for name, array in part.items():
                found[_key(prefix, name, i)] = np.array(array)
            if "running_mean" in part:
                found[f"{prefix}.{COUNTER}"] = np.array(0)
    return found


def _key(prefix, name, i):
    """The key of an array: those of recurrent modules carry the number of the layer."""
    if match := RECURRENT.fullmatch(name):
        name = f"{match[1]}_l{i}{match[3] or ''}"
    return f"{prefix}.{name}"


# A state_dict, sorted by modules

@contextlib.contextmanager
def _arrays_of(state_dict):
    if isinstance(state_dict, str | bytes | os.PathLike):
        with opened(state_dict) as file:
            file.verify()
            yield file.arrays
    elif hasattr(state_dict, "keys") and hasattr(state_dict, "__getitem__"):
        yield state_dict
    else:
        raise TypeError(f"from_torch takes a state_dict or the path of a .safetensors or .npz file, got "
                        f"{describe(state_dict)[:200]}; of a module give module.state_dict()")


def _numbers(value, dtype):
    """A tensor of PyTorch, or anything else that is an array, as a NumPy array."""
    if isinstance(value, Stored):
        value = value.read()
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if "bfloat16" in str(value.dtype) else value
    return np.asarray(value).astype(dtype, copy=False)


def _modules(arrays):
    """``{(module, number of a recurrent layer): {name: key}}``, in order."""
    found = {}
    attention = {key.rpartition(".")[0] for key in arrays if re.search(r"(^|\.)(in_proj_weight|q_proj_weight)$", key)}
    for key in arrays:
        prefix, _, name = key.rpartition(".")
        if name == COUNTER:
            continue
        outer, _, inner = prefix.rpartition(".")
        if inner == "out_proj" and outer in attention:
            prefix, name = outer, f"out_proj.{name}"
        number = None
        if match := RECURRENT.fullmatch(name):
            number, name = int(match[2] or 0), match[1] + (match[3] or "")
        found.setdefault((prefix, number), {})[name] = key
    return found


# The layers

def _leaves(model, names=None):
    """``(layer, places, expected)`` for every layer with weights that the table knows, each once, in order."""
    if not model.weights:
        raise ValueError(f"model {model.name!r} has no weights: build it first, by calling it on data or with an input "
                         "shape")
    before, found = _layers_before(model, None), {}
    for layer in _known_layers(model):
        if id(layer) not in found and (names is None or layer.name in names):
            places = _places(layer, before)
            found[id(layer)] = layer, places, layout_of(layer).encode(layer, places)
    if names is not None and (unknown := set(names) - {layer.name for layer, _, _ in found.values()}):
        known = [layer.name for layer in _known_layers(model)]
        raise ValueError(f"names: the model has no layer {sorted(unknown)[0]!r} with weights."
                         f"{did_you_mean(sorted(unknown)[0], known)} It has {', '.join(known)}")
    return list(found.values())


def _known_layers(layer):
    """The layers of the table inside a layer, itself among them, at any depth."""
    if not layer.weights:
        return
    if layout_of(layer) is not None:
        yield layer
        return
    inside = getattr(layer, "layers", None) or layer.sublayers
    if layer.own_weights or not inside:
        known = ", ".join(sorted(kind.__name__.lstrip("_") for kind in LAYOUTS if LAYOUTS[kind]))
        raise ValueError(f"layer {layer.name!r}: PyTorch has no layer like {type(layer).__name__}; known are {known}")
    for one in inside:
        yield from _known_layers(one)


def _layers_before(model, outer):
    """For each layer of a model, at any depth, the layer that its (first) input came from."""
    found = {}
    if model.graph is None:
        return found
    for node in model.graph.nodes:
        layer = node.layer
        if id(layer) in found:
            continue
        earlier = _last_layer(node.inbound_layers[0]) if node.inputs else outer
        found[id(layer)] = outer if isinstance(earlier, InputLayer) and outer is not None else earlier
        if getattr(layer, "graph", None) is not None:
            found |= _layers_before(layer, found[id(layer)])
        elif isinstance(layer, Wrapper):
            found[id(layer.layer)] = found[id(layer)]
    return found


def _last_layer(layer):
    """The layer itself, of a model the one that its (first) output comes from."""
    while getattr(layer, "graph", None) is not None:
        layer = source(layer.graph.output_symbols[0])[0].layer
    return layer


def _places(layer, before):
    """Where PyTorch has the features that come into a layer behind a Flatten; None for where they are.

    PyTorch flattens images with their channels in front.
    """
    flat = before.get(id(layer))
    while flat is not None and _keeps_features(flat, before):
        flat = before.get(id(flat))
    if not isinstance(flat, Flatten | Reshape) or len(flat.output_shape) != 2:
        return None
    shape = flat.input_shape[1:]
    image = _image_layer(before.get(id(flat)), before, len(shape))
    if len(shape) < 2 or image is None and len(shape) < 3:
        return None
    channels_first = image is not None and image.data_format == "channels_first"
    channels, space = (shape[0], shape[1:]) if channels_first else (shape[-1], shape[:-1])
    places = np.arange(math.prod(shape)).reshape(channels, *space)
    if not channels_first:
        places = np.moveaxis(places, 0, -1)
    if isinstance(flat, Flatten) and flat.data_format == "channels_first":
        places = np.moveaxis(places, 0, -1)
    return None if np.array_equal(places.ravel(), np.arange(places.size)) else places.ravel()


def _keeps_features(layer, before):
    """Whether each feature of a layer's output is that of its input in the same place."""
    if isinstance(layer, Flatten | Reshape | InputLayer) or before.get(id(layer)) is None:
        return False
    vectors = {"gamma", "beta", "moving_mean", "moving_variance", "alpha"}
    return layer.output_shape == layer.input_shape and all(
        (w.name or "").rpartition("/")[2] in vectors for w in layer.weights)


def _image_layer(layer, before, rank):
    """The nearest layer before that knows where the channels of images are."""
    while layer is not None and len(layer.output_shape) == rank + 1:
        if isinstance(layer, _ImageLayer):
            return layer
        layer = before.get(id(layer))
    return None


# Pairing

def _prefixes(layer, names, count):
    """The modules that a layer's parts are: those of ``names``, or called like the layer."""
    given = layer.name if names is None else names[layer.name]
    if isinstance(given, str):
        given = [given] if count == 1 else [f"{given}.{i}" for i in range(count)]
    if len(given) != count:
        raise ValueError(f"names: layer {layer.name!r} is {count} module(s) in PyTorch, got {list(given)}")
    return list(given)


def _paired(model, modules, names):
    """``(layer, places, [{name: key}, ...], expected)`` for each layer."""
    leaves = _leaves(model, names)
    needed = sum(len(expected) for _, _, expected in leaves)
    of_name = {}
    for (prefix, _), keys in modules.items():
        of_name.setdefault(prefix, []).append(keys)
    if names is None and needed == len(leaves) and all(layer.name in of_name for layer, _, _ in leaves):
        names = {layer.name: layer.name for layer, _, _ in leaves}
    if names is None and needed != len(modules):
        raise ValueError(f"model {model.name!r} has {needed} layer(s) with weights ({', '.join(_titles(leaves))}), the "
                         f"state_dict has {len(modules)} module(s) ({', '.join(p for p, _ in modules)}); names= says "
                         "which are which")
    in_order, pairs = iter(modules.values()), []
    for layer, places, expected in leaves:
        if names is None:
            keys = [next(in_order) for _ in expected]
        else:
            keys = [_taken(layer, prefix, of_name) for prefix in _prefixes(layer, names, len(expected))]
        pairs.append((layer, places, keys, expected))
    return pairs


def _titles(leaves):
    return [layer.name for layer, _, expected in leaves for _ in expected]


def _taken(layer, prefix, of_name):
    """The next layer of a module."""
    if not of_name.get(prefix):
        raise ValueError(f"layer {layer.name!r}: the state_dict has no (further) module {prefix!r}."
                         f"{did_you_mean(prefix, of_name)} It has {', '.join(of_name)}")
    return of_name[prefix].pop(0)


def _check_part(layer, wanted, own, arrays):
    """Raise unless a module has exactly the arrays of a layer, in their shapes."""
    title = f"layer {layer.name!r} ({type(layer).__name__})"
    if wanted.keys() != own.keys():
        lost, more = sorted(wanted.keys() - own.keys()), sorted(own.keys() - wanted.keys())
        raise ValueError(f"{title} needs {', '.join(sorted(wanted))}; the module of {sorted(own.values())} "
                         + " and ".join([f"lacks {', '.join(lost)}"] * bool(lost)
                                        + [f"has {', '.join(more)} besides"] * bool(more)))
    for name, array in wanted.items():
        if tuple(arrays[own[name]].shape) != array.shape:
            raise ValueError(f"{title} needs {name} of shape {array.shape} in PyTorch's layout, {own[name]!r} has "
                             f"{tuple(arrays[own[name]].shape)}")
