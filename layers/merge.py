"""Layers that make one tensor of several: Keras 2's, each with its function, and Keras 1's ``Merge`` of branches."""

import functools
import inspect

from .. import ops
from ..autograd import Spec
from ..tensor.shapes import broadcast_shapes
from ..utils.configurable import serialize
from .base import Layer
from .core import Input
from .functions import given_by_name, named_function, parameters, run_or_declare, sourceless
from .node import key, source

EPSILON = 1e-7      # below it, Keras 1 takes the product of two lengths for this


class _Merge(Layer):
    """Combines a list of inputs; a step is masked if any input masks it."""

    supports_masking = True
    few = "A merge layer should be called on a list of at least 2 inputs. Got {n} inputs."

    def call(self, inputs):
        if not isinstance(inputs, list | tuple):
            raise ValueError(f"A merge layer should be called on a list of inputs. (layer {self.name!r})")
        shapes = [tuple(x.shape) for x in inputs]
        self.check(shapes)
        if len({s[0] for s in shapes if s and s[0] is not None}) > 1:
            raise ValueError(f"Can not merge tensors with different batch sizes. Got tensors with shapes : {shapes}")
        return self.merge(inputs)

    def check(self, shapes):
        """Raise a ValueError unless inputs of these shapes can be merged."""
        if len(shapes) < 2:
            raise ValueError(self.few.format(n=len(shapes)))

    def compute_mask(self, inputs, mask=None):
        return all_masks(_masks_for(inputs, mask))


def _masks_for(inputs, masks):
    """A list with a mask, or None, for each input; None alone for no masks."""
    if masks is None:
        return None
    for name, given in (("inputs", inputs), ("mask", masks)):
        if not isinstance(given, list | tuple):
            raise ValueError(f"compute_mask of a layer that merges takes lists: `{name}` should be a list, got "
                             f"{type(given).__name__}")
    if len(masks) != len(inputs):
        raise ValueError(f"compute_mask needs as many masks as inputs, None where there is none: got {len(masks)} "
                         f"masks for {len(inputs)} inputs")
    return masks


class _Elementwise(_Merge):
    """Inputs of any ranks: behind the batch axis of one with fewer axes come as many of size 1 as it lacks."""

    def check(self, shapes):
        super().check(shapes)
        try:
            broadcast_shapes(*(s[1:] for s in shapes))
        except ValueError:
            raise ValueError("Operands could not be broadcast together with shapes "
                             f"{' '.join(str(s[1:]) for s in shapes)} (layer {self.name!r})") from None

    def merge(self, inputs):
        rank = max(x.ndim for x in inputs)
        wide = [ops.reshape(x, (*x.shape[:1], *(1,) * (rank - x.ndim), *x.shape[1:])) if x.ndim < rank else x
                for x in inputs]
        return functools.reduce(self.combine, wide)


class Add(_Elementwise):
    """The sum of several inputs.

    Input shape: a list of shapes that broadcast, the batch axis aside. Output shape: that to which they broadcast.

    Raises:
        ValueError: for what is no list, for fewer than 2 inputs, and for shapes that do not fit.

    >>> import tahr
    >>> tahr.layers.Add()([tahr.Tensor([[1.0, 2.0]]), tahr.Tensor([[10.0, 20.0]])])
    Tensor([[11., 22.]])
    """

    combine = staticmethod(ops.add)


class Subtract(_Elementwise):
    """The first of two inputs minus the second; shapes as for :class:`Add`.

    >>> import tahr
    >>> tahr.layers.Subtract()([tahr.Tensor([[1.0, 2.0]]), tahr.Tensor([[10.0, 20.0]])])
    Tensor([[ -9., -18.]])
    """

    combine = staticmethod(ops.subtract)

    def check(self, shapes):
        if len(shapes) != 2:
            raise ValueError(f"A `Subtract` layer should be called on exactly 2 inputs. Got {len(shapes)}.")
        super().check(shapes)


class Multiply(_Elementwise):
    """The product of several inputs, element by element; shapes as for :class:`Add`.

    >>> import tahr
    >>> tahr.layers.Multiply()([tahr.Tensor([[1.0, 2.0]]), tahr.Tensor([[10.0, 20.0]])])
    Tensor([[10., 40.]])
    """

    combine = staticmethod(ops.multiply)


class Average(_Elementwise):
    """The mean of several inputs, element by element; shapes as for :class:`Add`.

    >>> import tahr
    >>> tahr.layers.Average()([tahr.Tensor([[1.0, 2.0]]), tahr.Tensor([[3.0, 6.0]])])
    Tensor([[2., 4.]])
    """

    combine = staticmethod(ops.add)

    def merge(self, inputs):
        return super().merge(inputs) / len(inputs)


class Maximum(_Elementwise):
    """The largest of several inputs at each element; shapes as for :class:`Add`.

    >>> import tahr
    >>> tahr.layers.Maximum()([tahr.Tensor([[1.0, 9.0]]), tahr.Tensor([[3.0, 6.0]])])
    Tensor([[3., 9.]])
    """

    combine = staticmethod(ops.maximum)


class Minimum(_Elementwise):
    """The smallest of several inputs at each element; shapes as for :class:`Add`.

    >>> import tahr
    >>> tahr.layers.Minimum()([tahr.Tensor([[1.0, 9.0]]), tahr.Tensor([[3.0, 6.0]])])
    Tensor([[1., 6.]])
    """

    combine = staticmethod(ops.minimum)


class Concatenate(_Merge):
    """Several inputs one after the other.

    Arguments:
        axis: along which, counted with the batch axis; default the last.

    Input shape: a list of shapes that differ along the axis only. Output shape: their sizes along it added up.

    Raises:
        ValueError: for fewer than 2 inputs, and for shapes that do not fit.

    >>> import tahr
    >>> tahr.layers.Concatenate()([tahr.Tensor([[1.0, 2.0]]), tahr.Tensor([[3.0]])])
    Tensor([[1., 2., 3.]])
    """

    few = "A `Concatenate` layer should be called on a list of at least 2 inputs"

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis

    def check(self, shapes):
        super().check(shapes)
        if not _same_but_for(shapes, self.axis):
            raise ValueError("A `Concatenate` layer requires inputs with matching shapes except for the concat axis. "
                             f"Got inputs shapes: {shapes}")

    def merge(self, inputs):
        return ops.concatenate(inputs, self.axis)

    def compute_mask(self, inputs, mask=None):
        return joined_masks(inputs, _masks_for(inputs, mask), self.axis)


class Dot(_Merge):
    """The products of the vectors that two inputs hold along an axis each, for every sample.

    Arguments:
        axes: the axis of both, or a pair, counted with the batch axis.
        normalize: whether the vectors are brought to length 1 first (cosine proximity), default False.

    Input shape: two shapes of the same size along their axes. Output shape: the first without its axis, then the second
    without its batch and its axis; (batch, 1) where nothing but the batch is left.

    Raises:
        ValueError: for other than 2 inputs, and for sizes that do not fit.

    >>> import tahr
    >>> tahr.layers.Dot(-1)([tahr.Tensor([[1.0, 2.0]]), tahr.Tensor([[3.0, 4.0]])])
    Tensor([[11.]])
    """

    def __init__(self, axes, normalize=False, **kwargs):
        super().__init__(**kwargs)
        if isinstance(axes, bool) or not isinstance(axes, int | list | tuple):
            raise TypeError(f"Invalid type for `axes` - should be a list or an int. Got {axes!r}")
        if not isinstance(axes, int) and (len(axes) != 2 or not all(isinstance(a, int) for a in axes)):
            raise ValueError(f"Invalid format for `axes` - should contain two elements, both integers. Got {axes!r}")
        self.axes, self.normalize = axes if isinstance(axes, int) else tuple(axes), normalize

    def check(self, shapes):
        if len(shapes) != 2:
            raise ValueError(f"A `Dot` layer should be called on a list of 2 inputs. Got {len(shapes)}.")
        x, y = shapes
        a, b = dot_axes(self.axes, x, y)
        if x[a] != y[b] and None not in (x[a], y[b]):
            raise ValueError(f"Dimension incompatibility {x[a]} != {y[b]}. Layer shapes: {x}, {y}")

    def merge(self, inputs):
        x, y = inputs
        a, b = dot_axes(self.axes, x.shape, y.shape)
        if self.normalize:
            x, y = _unit(x, a), _unit(y, b)
        return batch_dot(x, y, a, b)

    def compute_mask(self, inputs, mask=None):
        return None


# What they share

def all_masks(masks):
    """True where all the masks are that there are."""
    masks = [m for m in masks or () if m is not None]
    return sourceless(functools.reduce(ops.logical_and, masks)) if masks else None


def joined_masks(inputs, masks, axis):
    """The mask of a concatenation: along an axis of the masks they are concatenated too, else all must hold."""
    given = [m for m in masks or () if m is not None]
    if not given:
        return None
    axis = axis % inputs[0].ndim
    if axis >= given[0].ndim:
        return all_masks(given)
    true = lambda x: ops.all(ops.equal(x, x) | True, tuple(range(given[0].ndim, x.ndim)))
    return sourceless(ops.concatenate([true(x) if m is None else m for x, m in zip(inputs, masks)], axis))


def _same_but_for(shapes, axis):
    """Whether shapes have the same rank, an axis of that number, and the same sizes along all others."""
    rank = len(shapes[0])
    if any(len(s) != rank for s in shapes) or not -rank <= axis < rank:
        return False
    return all(len({s[i] for s in shapes} - {None}) < 2 for i in range(rank) if i != axis % rank)


def dot_axes(axes, x, y):
    """The axes of two shapes that ``axes`` of a dot means, counted from the front."""
    if len(x) < 2 or len(y) < 2:
        raise ValueError(f"Can not do batch_dot on inputs with rank < 2. Received inputs with shapes {x} and {y}.")
    pair = (axes, axes) if isinstance(axes, int) else axes
    for axis, shape in zip(pair, (x, y)):
        if not -len(shape) <= axis < len(shape):
            raise ValueError(f"the axis {axis} of a dot lies outside of the shape {tuple(shape)}")
        if axis % len(shape) == 0:
            raise ValueError("Can not perform batch_dot over axis 0. If your inputs are not batched, add a dummy batch "
                             f"dimension to your inputs: x[None]. Got axes {axes}")
    return pair[0] % len(x), pair[1] % len(y)


def batch_dot(x, y, a, b):
    """For each sample the sum of products along axis ``a`` of ``x`` and ``b`` of ``y``."""
    left, right = "b" + "cdefghijk"[:x.ndim - 1], "b" + "lmnopqrst"[:y.ndim - 1]
    right = right.replace(right[b], left[a])
    out = ops.einsum(f"{left},{right}->{left.replace(left[a], '')}{right[1:].replace(left[a], '')}", x, y)
    return ops.expand_dims(out, 1) if out.ndim == 1 else out


def _unit(x, axis):
    return x * ops.rsqrt(ops.maximum(ops.sum(x * x, axis, keepdims=True), 1e-12))


# As functions

def add(inputs, **kwargs):
    """:class:`Add` of a list of tensors.

    >>> import tahr
    >>> add([tahr.ops.ones(2), tahr.ops.ones(2)])
    Tensor([2., 2.])
    """
    return Add(**kwargs)(inputs)


def subtract(inputs, **kwargs):
    """:class:`Subtract` of two tensors in a list."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs, **kwargs):
    """:class:`Multiply` of a list of tensors."""
    return Multiply(**kwargs)(inputs)


def average(inputs, **kwargs):
    """:class:`Average` of a list of tensors."""
    return Average(**kwargs)(inputs)


def maximum(inputs, **kwargs):
    """:class:`Maximum` of a list of tensors."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs, **kwargs):
    """:class:`Minimum` of a list of tensors."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs, axis=-1, **kwargs):
    """:class:`Concatenate` of a list of tensors."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs, axes, normalize=False, **kwargs):
    """:class:`Dot` of two tensors in a list."""
    return Dot(axes=axes, normalize=normalize, **kwargs)(inputs)


# Keras 1

class Merge(Layer):
    """Keras 1's merge of branches (models or layers), as the first layer of a Sequential; or of a list of tensors.

    The branches are taken as they are: what is added to one of them later is no part of the merged model. Weights stay
    shared both ways.

    Arguments:
        layers: at least two models with known input shapes, or layers that were called on symbols; default None, for a
            layer that is called on a list of tensors.
        mode: ``'sum'`` (the default), ``'mul'``, ``'concat'``, ``'ave'``, ``'max'``, ``'cos'`` (cosine proximity),
            ``'dot'``; or a function of the list of tensors, or of as many arguments as there are tensors.
        concat_axis: counted with the batch axis, default the last.
        dot_axes: the axis of both, or a pair; for ``'dot'`` and ``'cos'``, default the last.
        output_shape: for a function that cannot be called on symbols: a shape without the batch axis, or a function of
            the list of shapes with it.
        output_mask: the mask, or a function of the list of masks.
        arguments: a dict of further arguments of the function.
        node_indices, tensor_indices: of layers that were called several times or have several outputs, which call and
            output is meant; default the first of each.

    Raises:
        TypeError: for fewer than 2 branches, for a function of another number of arguments.
        ValueError: for an unknown mode, and for shapes that do not fit.

    >>> import tahr
    >>> left, right = (tahr.Sequential([tahr.layers.Dense(32, input_dim=n)]) for n in (8, 9))
    >>> model = tahr.Sequential([Merge([left, right], mode="concat"), tahr.layers.Dense(1)])
    >>> model.input_shape, model.output_shape, model.layers[0].output_shape
    ([(None, 8), (None, 9)], (None, 1), (None, 64))
    """

    supports_masking = True

    def __init__(self, layers=None, mode="sum", concat_axis=-1, dot_axes=-1, output_shape=None, output_mask=None,
                 arguments=None, node_indices=None, tensor_indices=None, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.mode = mode if isinstance(mode, str) and mode in MODES else _function(mode)
        self.concat_axis, self.dot_axes, self.arguments = concat_axis, dot_axes, arguments or {}
        self.declared_shape, self.output_mask_ = output_shape, output_mask
        self._makes_mask = output_mask is not None
        self.parts = []
        if layers is not None:
            self._join(layers, node_indices, tensor_indices)

    def _join(self, branches, nodes, tensors):
        if not isinstance(branches, list | tuple) or len(branches) < 2:
            raise TypeError("A Merge should only be applied to a list of layers with at least 2 elements. Found: "
                            f"{branches}")
        branches = [Layer.get(b) if isinstance(b, dict) else b for b in branches]
        first = [0] * len(branches)
        ends = [_end(b, n, t) for b, n, t in zip(branches, nodes or first, tensors or first)]
        self._arguments["layers"] = branches
        if any(isinstance(b, Spec) for b in branches):
            del self._arguments["layers"]       # symbols, which no config can hold
        layers = [b for b in branches if isinstance(b, Layer)]
        self.parts = list(dict.fromkeys(p for b in layers for p in (b.layers if _is_model(b) else [b])))
        self(ends)

    def ends(self):
        """The inputs of all branches, each once, and the symbol of what is merged; None without branches."""
        if not self._arguments.get("layers"):
            return None
        return source_inputs(self.inbound_nodes[0].inputs), self.get_output_at(0)

    def call(self, inputs, mask=None):
        if not isinstance(inputs, list | tuple) or len(inputs) < 2:
            found = [tuple(x.shape) for x in inputs] if isinstance(inputs, list | tuple) else inputs
            raise TypeError("A Merge should only be applied to a list of layers with at least 2 elements. Found: "
                            f"{found}")
        if isinstance(self.mode, str):
            return MODES[self.mode](self, inputs, [tuple(x.shape) for x in inputs])
        given = given_by_name(self.mode, self.arguments, mask=mask)
        args = (inputs,) if _takes_list(self.mode, given, len(inputs)) else tuple(inputs)
        return run_or_declare(self, self.mode, args, given, inputs, self.declared_shape)

    def compute_mask(self, inputs, mask=None):
        if self.output_mask_ is not None:
            return self.output_mask_(mask) if callable(self.output_mask_) else self.output_mask_
        if self.mode == "concat":
            return joined_masks(inputs, mask, self.concat_axis)
        return all_masks(mask) if self.mode in ("sum", "mul", "ave", "max") else None

    def get_config(self):
        config = super().get_config()
        if self._arguments.get("layers"):
            config["layers"] = [self._branch_config(b) for b in self._arguments["layers"]]
        return config

    def _branch_config(self, branch):
        """Without the layers that it got later."""
        config = serialize(branch)
        if _is_model(branch):
            kept = {layer.name for layer in self.parts}
            config["config"]["layers"] = [c for c in config["config"]["layers"]
                                          if c["config"].get("name", c.get("name")) in kept]
        return config


def merge(inputs, mode="sum", concat_axis=-1, dot_axes=-1, output_shape=None, output_mask=None, arguments=None,
          node_indices=None, tensor_indices=None, name=None):
    """Keras 1's function: :class:`Merge` of a list of tensors (the result is a tensor) or of layers (it is a layer).

    >>> import tahr
    >>> merge([tahr.Tensor([[1.0, 2.0]]), tahr.Tensor([[3.0, 4.0]])], mode="mul")
    Tensor([[3., 8.]])
    """
    options = {"mode": mode, "concat_axis": concat_axis, "dot_axes": dot_axes, "output_shape": output_shape,
               "output_mask": output_mask, "arguments": arguments, "name": name}
    if inputs and all(isinstance(x, Layer) for x in inputs):
        return Merge(inputs, node_indices=node_indices, tensor_indices=tensor_indices, **options)
    return Merge(**options)(inputs)


def source_inputs(symbols):
    """The inputs of the graph that some symbols come out of, those of the first ones first, each once."""
    found, seen, waiting = {}, set(), list(reversed(symbols))
    while waiting:
        symbol = waiting.pop()
        node = source(symbol)[0]
        if not node.inputs:
            found.setdefault(key(symbol), symbol)
        elif id(node) not in seen:
            seen.add(id(node))
            waiting += reversed(node.inputs)
    return list(found.values())


def _is_model(layer):
    return getattr(layer, "graph", None) is not None


def _end(branch, node, tensor):
    """The symbol that a branch ends in."""
    if isinstance(branch, Spec):
        return branch
    if not isinstance(branch, Layer):
        raise TypeError(f"Merge takes models and layers, got {type(branch).__name__} {branch!r}: with data, "
                        "Merge(mode=...)([x, y])")
    if _is_model(branch):
        return branch.outputs[tensor]
    if not branch.inbound_nodes:
        if branch.batch_input_shape is None:
            raise ValueError(f"the branch {branch.name!r} of a Merge has no known input shape: give its first layer an "
                             "input_shape")
        branch(Input(batch_shape=branch.batch_input_shape, dtype=branch.input_dtype or branch.dtype,
                     name=f"{branch.name}_input"))
    out = branch.get_output_at(node)
    return out[tensor] if isinstance(out, list) else out


def _function(mode):
    if isinstance(mode, str) and mode != "<lambda>":
        try:
            return named_function("Merge", mode)
        except ValueError:
            raise ValueError(f"Invalid merge mode: {mode}; the modes are {', '.join(MODES)}, or a function") from None
    return named_function("Merge", mode)


def _takes_list(function, given, count):
    """Whether a function takes the inputs as one list; else it takes them one by one."""
    kinds = inspect.Parameter
    free = [p for p in parameters(function) if p.name not in given and p.name != "mask"]
    required = [p for p in free if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)
                and p.default is kinds.empty]
    if len(required) == 1 or not free:
        return True
    if len(required) == count or any(p.kind == kinds.VAR_POSITIONAL for p in free):
        return False
    raise TypeError(f"the function of a Merge takes one list of its {count} inputs (lambda x: x[0] - x[1]) or the "
                    f"{count} inputs one by one (lambda x, y: x - y); {getattr(function, '__name__', function)} has "
                    f"{len(required)} required arguments")


def _of_equal_shapes(mode, combine):
    def merged(layer, inputs, shapes):
        if len({len(s) for s in shapes}) > 1 or any(len({s[i] for s in shapes} - {None}) > 1
                                                    for i in range(len(shapes[0]))):
            raise ValueError(f"Only layers of same output shape can be merged using {mode} mode. Layer shapes: "
                             f"{shapes}")
        return combine(inputs)
    return merged


def _concatenated(layer, inputs, shapes):
    if not _same_but_for(shapes, layer.concat_axis):
        raise ValueError('"concat" mode can only merge layers with matching output shapes except for the concat axis. '
                         f"Layer shapes: {shapes}")
    return ops.concatenate(inputs, layer.concat_axis)


def _checked_dot(mode, layer, inputs, shapes):
    if len(shapes) != 2:
        raise ValueError(f"{mode} merge takes exactly 2 layers")
    if not isinstance(layer.dot_axes, int | list | tuple) or not isinstance(layer.dot_axes, int) and (
            len(layer.dot_axes) != 2):
        raise TypeError(f"dot_axes must be an int or a pair of them, got {layer.dot_axes!r}")
    x, y = shapes
    a, b = dot_axes(layer.dot_axes, x, y)
    if x[a] != y[b] and None not in (x[a], y[b]):
        raise ValueError(f"Dimension incompatibility using {mode} mode: {x[a]} != {y[b]}. Layer shapes: {shapes}")
    return a, b


def _dotted(layer, inputs, shapes):
    return batch_dot(*inputs, *_checked_dot("dot", layer, inputs, shapes))


def _cosine(layer, inputs, shapes):
    a, b = _checked_dot("cos", layer, inputs, shapes)
    x, y = inputs
    lengths = batch_dot(ops.sum(x * x, a, keepdims=True), ops.sum(y * y, b, keepdims=True), a, b)
    return batch_dot(x, y, a, b) / ops.sqrt(ops.maximum(lengths, EPSILON ** 2))


_reduced = lambda combine: lambda inputs: functools.reduce(combine, inputs)
MODES = {"sum": _of_equal_shapes("sum", _reduced(ops.add)), "mul": _of_equal_shapes("mul", _reduced(ops.multiply)),
         "concat": _concatenated,
         "ave": _of_equal_shapes("ave", lambda inputs: _reduced(ops.add)(inputs) / len(inputs)),
         "max": _of_equal_shapes("max", _reduced(ops.maximum)), "dot": _dotted, "cos": _cosine}
