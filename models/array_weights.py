"""Weights of a model in ``.npz`` and ``.safetensors`` files."""

import re

from ..utils.array_files import opened, write_arrays
from ..utils.errors import ModelFileError


def names_of_weights(model):
    """Every weight once, by the name that it has in a file: the layer's, and its own in it.

    >>> import tahr
    >>> model = tahr.Sequential([tahr.layers.Dense(2, input_dim=3, name="first")])
    >>> list(names_of_weights(model))
    ['first/kernel', 'first/bias']
    """
    found = {}
    seen = set()
    for layer in model.layers or [model]:
        for weight in layer.weights:
            if id(weight) not in seen:
                seen.add(id(weight))
                found[_free(_name(layer, weight), found)] = weight
    for weight in model.weights:        # of the model itself
        if id(weight) not in seen:
            found[_free(_name(model, weight), found)] = weight
    return found


def _name(layer, weight):
    name = re.sub(r"[^\w.\-/ ]|\.\.", "_", weight.name or "weight").strip("/")
    return name if name.split("/")[0] == layer.name else f"{layer.name}/{name}"


def _free(name, taken):
    i, free = 1, name
    while free in taken:
        i, free = i + 1, f"{name}_{i}"
    return free


def save_weights(model, path, overwrite=True):
    """Write all weights of a model to an ``.npz`` or ``.safetensors`` file."""
    weights = names_of_weights(model)
    if not weights:
        raise ValueError(f"model {model.name!r} has no weights to save; an unbuilt one must first be called on data or "
                         "given an input shape")
    write_arrays(path, {name: weight.data for name, weight in weights.items()}, overwrite)


def load_weights(model, path, by_name=False, skip_mismatch=False):
    """Set all weights of a model from an ``.npz`` or ``.safetensors`` file; nothing is changed unless all of it fits.

    Arguments:
        path: of a file whose arrays have the weights' names, or that was written by :func:`save_weights` for a model
            of the same layers under other names.
        by_name: leave weights alone that are not in the file, and what is in the file and not in the model.
        skip_mismatch: leave weights alone that have another shape.

    Raises:
        ModelFileError: for a file that is damaged, unsafe or does not fit. OSError: where it cannot be read.
    """
    weights = names_of_weights(model)
    with opened(path) as file:
        pairs = _pairs(model, weights, file, by_name)
        for name, weight, stored in pairs:
            if weight.shape != stored.shape and not skip_mismatch:
                raise ModelFileError(f"the weight {name!r} has shape {weight.shape}, the array {stored.name!r} has "
                                     f"{stored.shape}")
        file.verify()
        values = [(weight, stored.read()) for _, weight, stored in pairs if weight.shape == stored.shape]
    for weight, value in values:
        weight.assign(value.astype(weight.dtype, copy=False))


def _pairs(model, weights, file, by_name):
    """``(name, weight, stored)``: by the names, or in order where the names differ."""
    arrays = file.arrays
    if by_name:
        return [(name, w, arrays[name]) for name, w in weights.items() if name in arrays]
    if arrays.keys() == weights.keys():
        return [(name, w, arrays[name]) for name, w in weights.items()]
    if len(arrays) != len(weights):
        raise ModelFileError(f"model {model.name!r} has {len(weights)} weights, the file has {len(arrays)} arrays; "
                             "by_name=True loads those whose names agree")
    last = lambda name: name.rpartition("/")[2]
    differ = next(((a, b) for a, b in zip(weights, arrays) if "/" in b and last(a) != last(b)), None)
    if not file.ordered or differ:
        a, b = differ or next((a, b) for a, b in zip(weights, arrays) if a != b)
        raise ModelFileError(f"the weight {a!r} stands where the file has {b!r}; the arrays of a PyTorch model are set "
                             "by tahr.models.from_torch(model, path)")
    return [(name, w, stored) for (name, w), stored in zip(weights.items(), arrays.values())]
