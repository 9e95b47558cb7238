"""How PyTorch lays out the weights of each kind of layer: a table, by which they are brought over and back.

Each entry says for a layer what its arrays are called and how they lie in PyTorch, and turns such arrays into weights
again. A layer may be several modules of PyTorch (a separable convolution is two), hence lists of dicts.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from ..activations import sigmoid
from ..layers.advanced_activations import PReLU
from ..layers.attention import MultiHeadAttention
from ..layers.bidirectional import Bidirectional
from ..layers.cells import GRUCell, LSTMCell, SimpleRNNCell
from ..layers.convolutional import _Conv, _DepthwiseConv, _LocallyConnected, _SeparableConv
from ..layers.core import Dense
from ..layers.embeddings import Embedding
from ..layers.normalization import BatchNormalization, GroupNormalization, LayerNormalization, RMSNormalization
from ..utils.errors import describe


@dataclasses.dataclass
class Layout:
    """What PyTorch makes of a layer.

    Attributes:
        encode: the layer's weights in PyTorch's order, ``(layer, places) -> [{name: array}, ...]``; ``places`` says
            where PyTorch has each of the features that come in, None for where the layer has them.
        decode: such arrays as ``(variable, array)``, ``(layer, places, parts) -> list``.
    """

    encode: Callable
    decode: Callable


def rows(*entries):
    """A layout of arrays that only lie otherwise: ``(attribute, name, there, back)``, with functions of an array."""
    def encode(layer, places):
        return [{name: there(_in_places(layer, attribute, places)) for attribute, name, there, _ in entries
                 if getattr(layer, attribute) is not None}]

    def decode(layer, places, parts):
        found = []
        for attribute, name, _, back in entries:
            variable = getattr(layer, attribute)
            if variable is not None:
                array = back(parts[0][name])
                if _follows(layer, attribute, places):
                    array = array[places]
                found.append((variable, array.reshape(variable.shape)))
        return found
    return Layout(encode, decode)


def _follows(layer, attribute, places):
    """Whether the first axis of a weight is that of the features that come in."""
    return places is not None and not (isinstance(layer, Dense) and attribute == "bias")


def _in_places(layer, attribute, places):
    """A weight with the features that come in where PyTorch has them."""
    array = getattr(layer, attribute).data
    if not _follows(layer, attribute, places):
        return array
    out = np.empty_like(array)
    out[places] = array
    return out


same = lambda array: array
transposed = lambda array: array.T


def _filters_first(array):
    """(*window, channels, filters) as (filters, channels, *window)."""
    return np.moveaxis(array, (-1, -2), (0, 1))


def _filters_last(array):
    return np.moveaxis(array, (0, 1), (-1, -2))


# Depthwise: (*window, channels, multiplier) is (channels * multiplier, 1, *window) there

def _each_first(array):
    by_channel = np.moveaxis(array, (-2, -1), (0, 1))
    return by_channel.reshape(-1, 1, *array.shape[:-2])


def _depthwise_kernel(layer, array):
    *window, channels, multiplier = layer.depthwise_kernel.shape
    return np.moveaxis(array.reshape(channels, multiplier, *window), (0, 1), (-2, -1))


def _depthwise_encode(layer, places):
    return [_with_bias(layer, {"weight": _each_first(layer.depthwise_kernel.data)})]


def _depthwise_decode(layer, places, parts):
    found = [(layer.depthwise_kernel, _depthwise_kernel(layer, parts[0]["weight"]))]
    return found if layer.bias is None else [*found, (layer.bias, parts[0]["bias"])]


def _separable_encode(layer, places):
    return [{"weight": _each_first(layer.depthwise_kernel.data)},
            _with_bias(layer, {"weight": _filters_first(layer.pointwise_kernel.data)})]


def _separable_decode(layer, places, parts):
    found = [(layer.depthwise_kernel, _depthwise_kernel(layer, parts[0]["weight"])),
             (layer.pointwise_kernel, _filters_last(parts[1]["weight"]))]
    return found if layer.bias is None else [*found, (layer.bias, parts[1]["bias"])]


def _with_bias(layer, arrays):
    return arrays if layer.bias is None else {**arrays, "bias": layer.bias.data}


# Recurrent: gates side by side, in PyTorch along the first axis, and two biases that are added

def _gates(array, order):
    """Blocks along the last axis in another order."""
    parts = np.split(array, len(order), -1)
    return np.concatenate([parts[i] for i in order], -1)


def _cell_encode(layer, order):
    found = {"weight_ih": _gates(layer.kernel.data, order).T, "weight_hh": _gates(layer.recurrent_kernel.data, order).T}
    if layer.bias is not None:
        bias = _gates(layer.bias.data, order)
        found["bias_ih"], found["bias_hh"] = bias if bias.ndim == 2 else (bias, np.zeros_like(bias))
    return found


def _cell_decode(layer, order, part):
    found = [(layer.kernel, _gates(part["weight_ih"].T, order)),
             (layer.recurrent_kernel, _gates(part["weight_hh"].T, order))]
    if layer.bias is not None:
        both = [_gates(part[name], order) for name in ("bias_ih", "bias_hh")]
        found.append((layer.bias, np.stack(both) if layer.bias.ndim == 2 else both[0] + both[1]))
    return found


ORDERS = {SimpleRNNCell: (0,), LSTMCell: (0, 1, 2, 3), GRUCell: (1, 0, 2)}      # each is its own inverse


def _order(cell):
    """The order of a cell's gates, where PyTorch computes the same from them."""
    kind = next((kind for kind in ORDERS if isinstance(cell, kind)), None)
    if kind is None:
        raise ValueError(f"layer {cell.name!r}: PyTorch has no recurrent layer like {type(cell).__name__}")
    if kind is not SimpleRNNCell and cell.recurrent_activation is not sigmoid:
        raise ValueError(f"layer {cell.name!r}: the gates of PyTorch are computed with 'sigmoid'; make the layer with "
                         "recurrent_activation='sigmoid'")
    if kind is GRUCell and not cell.reset_after:
        raise ValueError(f"layer {cell.name!r}: PyTorch's GRU resets the state after its product; make the layer with "
                         "reset_after=True")
    return ORDERS[kind]


def _both_encode(layer, places):
    back = _cell_encode(layer.backward_layer.cell, _order(layer.backward_layer.cell))
    return [{**_cell_encode(layer.forward_layer.cell, _order(layer.forward_layer.cell)),
             **{f"{name}_reverse": array for name, array in back.items()}}]


def _both_decode(layer, places, parts):
    forward, back = layer.forward_layer.cell, layer.backward_layer.cell
    of_back = {name.removesuffix("_reverse"): array for name, array in parts[0].items() if name.endswith("_reverse")}
    return _cell_decode(forward, _order(forward), parts[0]) + _cell_decode(back, _order(back), of_back)


# Attention: heads side by side, and the projections of query, key and value in one array where they have one width

PARTS = ("query", "key", "value")


def _attention_encode(layer, places):
    flat = lambda w: w.data.reshape(w.shape[0], -1).T
    kernels = {part: flat(getattr(layer, f"{part}_kernel")) for part in PARTS}
    out = layer.attention_output_kernel
    width = kernels["query"].shape[1]
    if layer.value_dim != layer.key_dim or out.shape[2:] != (width,) or len(kernels["query"]) != width:
        raise ValueError(f"layer {layer.name!r}: attention of PyTorch has num_heads * key_dim features, and values and "
                         f"outputs of as many; this layer has {layer.num_heads} * {layer.key_dim}, values of "
                         f"{layer.value_dim} and {describe(out.data)} as its output's kernel")
    if len({kernel.shape for kernel in kernels.values()}) == 1:
        found = {"in_proj_weight": np.concatenate([*kernels.values()])}
    else:
        found = {f"{part[0]}_proj_weight": kernel for part, kernel in kernels.items()}
    found["out_proj.weight"] = out.data.reshape(-1, width).T
    if layer.use_bias:
        found["in_proj_bias"] = np.concatenate([getattr(layer, f"{part}_bias").data.ravel() for part in PARTS])
        found["out_proj.bias"] = layer.attention_output_bias.data
    return [found]


def _attention_decode(layer, places, parts):
    part, found = parts[0], []
    split = np.split(part["in_proj_weight"], 3) if "in_proj_weight" in part else [
        part[f"{name[0]}_proj_weight"] for name in PARTS]
    values = {f"{name}_kernel": array.T for name, array in zip(PARTS, split)}
    values["attention_output_kernel"] = part["out_proj.weight"].T
    if layer.use_bias:
        values |= {f"{name}_bias": array for name, array in zip(PARTS, np.split(part["in_proj_bias"], 3))}
        values["attention_output_bias"] = part["out_proj.bias"]
    for name, array in values.items():
        variable = getattr(layer, name)
        found.append((variable, array.reshape(variable.shape)))
    return found


def _single_slopes(array):
    """PReLU's slopes, one for each channel or one for all."""
    return array.reshape(-1)


SCALED = (("gamma", "weight", same, same), ("beta", "bias", same, same))
LAYOUTS = {
    Dense: rows(("kernel", "weight", transposed, transposed), ("bias", "bias", same, same)),
    _DepthwiseConv: Layout(_depthwise_encode, _depthwise_decode),
    _SeparableConv: Layout(_separable_encode, _separable_decode),
    _LocallyConnected: None,
    # also transposed ones: their kernel lies as that of the convolution that they are the reverse of
    _Conv: rows(("kernel", "weight", _filters_first, _filters_last), ("bias", "bias", same, same)),
    BatchNormalization: rows(*SCALED, ("moving_mean", "running_mean", same, same),
                             ("moving_variance", "running_var", same, same)),
    LayerNormalization: rows(*SCALED),
    GroupNormalization: rows(*SCALED),
    RMSNormalization: rows(SCALED[0]),
    Embedding: rows(("embeddings", "weight", same, same)),
    PReLU: rows(("alpha", "weight", _single_slopes, same)),
    MultiHeadAttention: Layout(_attention_encode, _attention_decode),
    Bidirectional: Layout(_both_encode, _both_decode),
    **{kind: Layout(lambda layer, places: [_cell_encode(layer, _order(layer))],
                    lambda layer, places, parts: _cell_decode(layer, _order(layer), parts[0])) for kind in ORDERS},
}


def layout_of(layer):
    """The entry of a layer's class, or of the nearest base that has one; None for a class without one."""
    return next((LAYOUTS[kind] for kind in type(layer).__mro__ if kind in LAYOUTS), None)
