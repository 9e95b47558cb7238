"""Weights in HDF5 files, as Keras 1 and 2 lay them out: a group for each layer, a data set for each weight."""

import numpy as np

from ..utils.hdf5 import hdf5_replacing

CHUNK = 64_000      # bytes that an attribute may take; longer lists of names go into name0, name1, ...


def save_weights(model, path, overwrite=True):
    """Write the weights of all layers to a file, which appears whole or not at all.

    Raises:
        FileExistsError: without ``overwrite`` where there is a file. OSError: where it cannot be written; an old file
            is then as it was.
    """
    with hdf5_replacing(path, overwrite) as file:
        _write(file, model)


def _write(file, model):
    layers = model.layers
    _set_names(file, "layer_names", [layer.name for layer in layers])
    file.attrs["backend"], file.attrs["keras_version"] = "tahr", "2.3.1"
    for layer in layers:
        group = file.create_group(layer.name)
        names = [f"{w.name}:0" for w in layer.weights]
        _set_names(group, "weight_names", names)
        for name, weight in zip(names, layer.weights):
            group.create_dataset(name, data=weight.data)


def _set_names(group, attribute, names):
    encoded = np.array([name.encode() for name in names], "S" if names else "S1")
    if encoded.nbytes < CHUNK:
        group.attrs[attribute] = encoded
        return
    parts = np.array_split(encoded, -(-encoded.nbytes // CHUNK) + 1)
    for i, part in enumerate(parts):
        group.attrs[f"{attribute}{i}"] = part


def _names(group, attribute):
    found = group.attrs.get(attribute)
    if found is None:
        found, i = [], 0
        while f"{attribute}{i}" in group.attrs:
            found += list(group.attrs[f"{attribute}{i}"])
            i += 1
    return [n.decode() if isinstance(n, bytes) else str(n) for n in found]


def load_weights(model, path, by_name=False, skip_mismatch=False):
    """Set the weights of all layers from a file; nothing is changed unless all of it fits.

    Arguments:
        path: of a file of weights, or of a whole model, in Keras's HDF5 layout.
        by_name: match layers by their names, and leave those alone that the file does not have; default: by their
            order.
        skip_mismatch: with ``by_name``, leave layers alone whose weights have other shapes.

    Raises:
        ValueError: where numbers of layers, of weights, or shapes differ. OSError: where there is no such file.
    """
    import h5py
    with h5py.File(path, "r") as file:
        root = file["model_weights"] if "layer_names" not in file.attrs and "model_weights" in file else file
        found = [(name, [np.asarray(root[name][w]) for w in _names(root[name], "weight_names")])
                 for name in _names(root, "layer_names")]
    pairs = _by_name(model, found, skip_mismatch) if by_name else _in_order(model, found)
    for weight, array in pairs:
        if weight.shape != array.shape:
            raise ValueError(f"the weight {weight.name!r} has shape {weight.shape}, the file has one of {array.shape}")
    for weight, array in pairs:
        weight.assign(array.astype(weight.dtype, copy=False))


def _in_order(model, found):
    found = [(name, arrays) for name, arrays in found if arrays]
    layers = [layer for layer in model.layers if layer.weights]
    if len(found) != len(layers):
        raise ValueError(f"You are trying to load a weight file containing {len(found)} layers into a model with "
                         f"{len(layers)} layers.")
    pairs = []
    for i, (layer, (name, arrays)) in enumerate(zip(layers, found)):
        if len(arrays) != len(layer.weights):
            raise ValueError(f'Layer #{i} (named "{layer.name}" in the current model) was found to correspond to layer '
                             f"{name} in the save file. However the new layer {layer.name} expects "
                             f"{len(layer.weights)} weights, but the saved weights have {len(arrays)} elements.")
        pairs += zip(layer.weights, arrays)
    return pairs


def _by_name(model, found, skip_mismatch):
    known, pairs = dict(found), []
    for layer in model.layers:
        arrays = known.get(layer.name)
        if not arrays or not layer.weights:
            continue
        shapes, own = [a.shape for a in arrays], [w.shape for w in layer.weights]
        if shapes != own:
            if skip_mismatch:
                continue
            raise ValueError(f"layer {layer.name!r} has weights of shapes {own}, the file has {shapes} under its name; "
                             "skip_mismatch=True leaves such layers alone")
        pairs += zip(layer.weights, arrays)
    return pairs
