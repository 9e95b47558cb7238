"""Weights in HDF5 files as Keras 1 and 2 lay them out: a group for each layer, a data set for each weight."""

import math

import numpy as np

from ..utils.errors import ModelFileError
from .hdf5 import write_names, write_text
from .reading import keras_of

CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", "ConvLSTM2D")
BACKENDS = (None, "tensorflow", "theano", "cntk")
TOP = "top_level_model_weights"


# Writing

def ordered(layer):
    """The weights of a layer or inner model in Keras's order: what is trained, then the rest."""
    trained = layer.trainable_weights
    known = {id(w) for w in trained}
    return trained + [w for w in layer.weights if id(w) not in known]


def write(group, layers, version):
    """Write the weights of layers into an HDF5 group."""
    write_names(group, "layer_names", [layer.name for layer in layers])
    group.attrs["backend"], group.attrs["keras_version"] = "tensorflow", version
    for layer in sorted(layers, key=lambda layer: layer.name):
        own = group.require_group(layer.name)
        weights, names = ordered(layer), []
        taken = set()
        for w in weights:
            base = name = w.name or "weight"
            i = 1
            while name in taken:
                name, i = f"{base}_{i}", i + 1
            taken.add(name)
            names.append(f"{name}:0")
        write_names(own, "weight_names", names)
        for name, w in zip(names, weights):
            own.create_dataset(name, data=w.data)
    top = group.create_group(TOP)
    write_names(top, "weight_names", [])


# Reading

class LegacyWeights:
    """The layers and weights of a file.

    Arguments:
        group: of the layers, as a :class:`~tahr.saving.hdf5.Group`.
        version: of Keras, where the group does not say it.
        backend: that the weights were trained with, where the group does not say it: ``'theano'`` turns the kernels of
            convolutions round; None for any other.

    Raises:
        ModelFileError: for layers that the list does not name.
    """

    def __init__(self, group, version=None, backend=None):
        self.keras = keras_of(group.text("keras_version") or version)
        self.backend = group.text("backend") or backend
        names = group.names("layer_names")
        if len(set(names)) < len(names):
            raise ModelFileError("the file lists a layer twice")
        first = {name.split("/")[0] for name in names}
        if unknown := [key for key in group.keys() if key not in first and key not in (TOP, "optimizer_weights")]:
            raise ModelFileError(f"the file has a group {unknown[0][:80]!r} that its list of layers does not name")
        self.layers = {}
        for name in names:
            own = group.child(name)
            self.layers[name] = [(weight, own.array(weight)) for weight in own.names("weight_names")]

    @property
    def elements(self):
        """How many numbers they hold together."""
        return sum(stored.size for weights in self.layers.values() for _, stored in weights)

    def pairs(self, model, by_name=False, skip_mismatch=False):
        """``(weight, array)`` for all weights that are to be set.

        Raises:
            ModelFileError: where numbers of layers, of weights, or shapes differ.
        """
        layers = [layer for whole in model.layers for layer in _flattened(whole)]
        if by_name:
            chosen = [(layer, layer.name) for layer in layers if self.layers.get(layer.name) and layer.weights]
        else:
            chosen = self._in_order([layer for layer in layers if layer.weights])
        found, most = [], 4
        for layer, name in chosen:
            stored, own = self.layers[name], ordered(layer)
            if sum(s.size for _, s in stored) > most * sum(w.size for w in own) + 1024:
                shapes = [s.shape for _, s in stored]
                if skip_mismatch:
                    continue
                raise ModelFileError(f"layer {layer.name!r} has weights of shapes {[w.shape for w in own]}, the file "
                                     f"has {shapes} under {name!r}: the shapes differ")
            arrays = self._arrays(layer, stored)
            found += _fitting(layer, name, own, arrays, by_name, skip_mismatch,
                              next(i for i, (one, _) in enumerate(chosen) if one is layer) if not by_name else None)
        return found

    def _in_order(self, layers):
        names = [name for name, weights in self.layers.items() if weights]
        if len(names) != len(layers):
            raise ModelFileError(f"You are trying to load a weight file containing {len(names)} layers into a model "
                                 f"with {len(layers)} layers.")
        if {layer.name for layer in layers} == set(names):
            return [(layer, layer.name) for layer in layers]
        return list(zip(layers, names))

    def _arrays(self, layer, stored):
        names = [name.rpartition(":")[0] or name for name, _ in stored]
        arrays = _in_our_order(layer, names, [s.read() for _, s in stored])
        return converted(layer, arrays, self.keras, self.backend)


def _flattened(layer):
    """A layer; what Keras 1's Merge holds is listed layer by layer."""
    return layer.parts if type(layer).__name__ == "Merge" else [layer]


def _fitting(layer, name, own, arrays, by_name, skip_mismatch, index):
    if len(arrays) != len(own):
        if skip_mismatch:
            return []
        where = "" if index is None else f"Layer #{index} (named {layer.name!r} in the current model), "
        raise ModelFileError(f'{where}layer {layer.name} corresponds to layer {name} in the file: it expects '
                             f"{len(own)} weights, but the saved weights have {len(arrays)} elements")
    for w, a in zip(own, arrays):
        if w.shape != a.shape:
            if skip_mismatch:
                return []
            hint = "; skip_mismatch=True leaves such layers alone" if by_name else ""
            raise ModelFileError(f"layer {layer.name!r} has weights of shapes {[w.shape for w in own]}, the file "
                                 f"has {[a.shape for a in arrays]} under {name!r}: {w.name!r} has shape {w.shape}, "
                                 f"the file has one of {a.shape}{hint}")
    return list(zip(own, arrays))


BATCH_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
BATCH_NORM_OLD = {"running_mean": "moving_mean", "running_std": "moving_variance", "running_var": "moving_variance"}


def _in_our_order(layer, names, arrays):
    """The arrays of a BatchNormalization in today's order, whatever theirs was, where their names say what they are."""
    if type(layer).__name__ != "BatchNormalization":
        return arrays
    known = {}
    for name, array in zip(names, arrays):
        kind = next((k for k in (*BATCH_NORM, *BATCH_NORM_OLD) if name.endswith(k)), None)
        known[BATCH_NORM_OLD.get(kind, kind)] = array
    if None in known or len(known) < len(arrays):
        return arrays
    return [known[k] for k in BATCH_NORM if k in known]


def converted(layer, arrays, keras, backend):
    """The weights of a layer as it has them today.

    Keras 1 had an array for each gate of an LSTM (in the order i, c, f, o) or GRU (z, r, h), and kernels (filters,
    channels, rows, columns) for ``channels_first``. Theano's convolutions turn their kernels round. CuDNN's layers have
    transposed kernels and two biases.
    """
    kind = type(layer).__name__
    if kind == "Bidirectional":
        half = len(arrays) // 2
        return (converted(layer.forward_layer, arrays[:half], keras, backend)
                + converted(layer.backward_layer, arrays[half:], keras, backend))
    if kind == "TimeDistributed":
        return converted(layer.layer, arrays, keras, backend)
    if hasattr(layer, "layers") and not isinstance(layer.layers, tuple):
        return _of_model(layer, arrays, keras, backend)
    if keras == 1:
        arrays = OLD.get(kind, lambda layer, arrays: arrays)(layer, list(arrays))
    if kind in CONVOLUTIONS and backend == "theano" and arrays:
        kernels = 2 if kind == "ConvLSTM2D" else 1
        arrays = [np.flip(a, tuple(range(a.ndim - 2))) if i < kernels else a for i, a in enumerate(arrays)]
    return _from_cudnn(layer, kind, arrays)


def _of_model(model, arrays, keras, backend):
    """Of an inner model: first what is trained, layer by layer, then the rest."""
    trained, rest = {}, {}
    for part, keep in ((trained, True), (rest, False)):
        for layer in model.layers:
            ids = {id(w) for w in layer.trainable_weights}
            count = sum((id(w) in ids) is keep for w in layer.weights)
            part[id(layer)], arrays = arrays[:count], arrays[count:]
    if arrays:
        raise ModelFileError(f"the file has {len(arrays)} weight(s) more than the model {model.name!r}")
    new_trained, new_rest = [], []
    for layer in model.layers:
        own = trained[id(layer)] + rest[id(layer)]
        if own:
            count = len(trained[id(layer)])
            new = converted(layer, own, keras, backend)
            count = len(layer.trainable_weights) if len(new) != len(own) else count
            new_trained += new[:count]
            new_rest += new[count:]
    return new_trained + new_rest


def _old_conv1d(layer, arrays):
    kernel = arrays[0]
    if kernel.ndim == 4:
        if kernel.shape[:2] != (layer.kernel_size[0], 1) or kernel.shape[3] != layer.filters:
            kernel = np.transpose(kernel, (2, 3, 1, 0))     # (filters, channels, steps, 1) of Keras 1.0
        arrays[0] = kernel[:, 0]
    return arrays


def _old_conv(layer, arrays):
    if layer.data_format == "channels_first":
        kernel = arrays[0]
        arrays[0] = np.transpose(kernel, (*range(2, kernel.ndim), 1, 0))
    return arrays


def _old_transposed(layer, arrays):
    arrays[0] = np.transpose(arrays[0], (2, 3, 0, 1) if layer.data_format == "channels_first" else (0, 1, 3, 2))
    return arrays


def _joined(arrays, order, count=3):
    """Kernel, recurrent kernel and bias from those of each gate."""
    return [np.concatenate([arrays[gate * count + i] for gate in order], axis=-1) for i in range(count)]


def _old_lstm(layer, arrays):
    return _joined(arrays, (0, 2, 1, 3)) if len(arrays) == 12 else arrays


def _old_gru(layer, arrays):
    return _joined(arrays, (0, 1, 2)) if len(arrays) == 9 else arrays


def _old_conv_lstm(layer, arrays):
    if len(arrays) != 12:
        return arrays
    kernel, recurrent, bias = [np.concatenate([arrays[gate * 3 + i] for gate in (0, 2, 1, 3)], axis=(
        0 if i < 2 and layer.data_format == "channels_first" else -1)) for i in range(3)]
    if layer.data_format == "channels_first":
        kernel, recurrent = (np.transpose(k, (2, 3, 1, 0)) for k in (kernel, recurrent))
    return [kernel, recurrent, bias]


OLD = {"Conv1D": _old_conv1d, "Conv2D": _old_conv, "Convolution2D": _old_conv, "Conv3D": _old_conv,
       "Conv2DTranspose": _old_transposed, "LSTM": _old_lstm, "GRU": _old_gru, "ConvLSTM2D": _old_conv_lstm}


def _from_cudnn(layer, kind, arrays):
    if kind not in ("LSTM", "GRU", "CuDNNLSTM", "CuDNNGRU") or len(arrays) != 3:
        return arrays
    gates = 4 if "LSTM" in kind else 3
    kernel, recurrent, bias = arrays
    units = recurrent.shape[0]
    if bias.shape != (2 * gates * units,) or recurrent.ndim != 2 or recurrent.shape[1] != gates * units:
        return arrays
    turned = np.hstack([k.T.reshape(k.shape, order="F") for k in np.hsplit(kernel, gates)])
    turned_back = np.hstack([k.T for k in np.hsplit(recurrent, gates)])
    return [turned, turned_back, bias.reshape(2, -1).sum(0) if gates == 4 else bias.reshape(2, -1)]


__all__ = ["BACKENDS", "LegacyWeights", "converted", "math", "ordered", "write", "write_text"]
