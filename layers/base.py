"""What every layer is: weights, shapes, and a call."""

import functools
import inspect
import warnings

import numpy as np

from .. import constraints, initializers, regularizers
from ..autograd import Spec, Value
from ..tensor import Symbol, Tensor, Variable
from ..tensor.convert import array_of
from ..utils import budget, settings
from ..utils.configurable import Configurable
from ..utils.names import unique_name
from .contributions import Contributing
from .node import Node, symbols_in
from .phase import _phase, noted_losses, phase, reported  # noqa: F401 (others know them as the base's)

# _arguments: what the constructor was given, of which a layer may keep a copy
_NO_LAYERS = ("own_weights", "inbound_nodes", "_arguments")


class InputSpec:
    """What a layer takes: a number of dimensions, exact or least, and sizes of single axes.

    Arguments:
        ndim, min_ndim: dimensions with the batch axis.
        axes: ``{axis: size}``.

    >>> InputSpec(ndim=2, axes={-1: 20})
    InputSpec(ndim=2, axes={-1: 20})
    """

    def __init__(self, ndim=None, min_ndim=None, axes=None):
        self.ndim, self.min_ndim, self.axes = ndim, min_ndim, axes or {}

    def check(self, shape, layer):
        """Raise a ValueError that names the layer unless ``shape`` fits; None in it fits any size."""
        wrong = None
        if self.ndim is not None and len(shape) != self.ndim:
            wrong = f"expected {self.ndim} dimensions, got {len(shape)}"
        elif self.min_ndim is not None and len(shape) < self.min_ndim:
            wrong = f"expected at least {self.min_ndim} dimensions, got {len(shape)}"
        else:
            for axis, n in self.axes.items():
                if shape[axis] not in (n, None):
                    wrong = f"expected {n} along axis {axis}, got {shape[axis]}"
        if wrong:
            one_short = len(shape) + 1 == (self.ndim or self.min_ndim)
            raise ValueError(f"layer {layer.name!r} ({type(layer).__name__}): {wrong} (input shape {tuple(shape)})"
                             + ("; a single sample needs a batch axis: x[None]" if one_short else ""))

    def __repr__(self):
        fields = {k: v for k, v in vars(self).items() if v}
        return f"InputSpec({', '.join(f'{k}={v}' for k, v in fields.items())})"


def _building(build):
    """A ``build`` that checks the shape, and leaves the layer built with its initial weights or fails leaving none."""
    @functools.wraps(build)
    def wrapped(self, input_shape=None):
        if self._in_build:                  # a subclass's build called super().build
            return build(self, input_shape)
        if input_shape is None:             # models of Keras 2 may be asked to be built once more
            if self.built:
                return None
            raise ValueError(f"layer {self.name!r} cannot be built without the shape of its input: "
                             "build((None, features))")
        if self.built and self.own_weights:
            raise RuntimeError(f"layer {self.name!r} is built already, building it again would double its weights: "
                               "make a new one, type(layer).from_config(layer.get_config())")
        count, spec, self._in_build = len(self.own_weights), self.input_spec, True
        state = _phase.asking, _phase.tracing
        _phase.asking = _phase.tracing = False      # a model that is built on the way to a shape gets its graph
        try:
            if spec is not None:
                _check_spec(spec, input_shape, self)
            build(self, input_shape)
            if self.initial_weights is not None:
                self.set_weights(self.initial_weights)
        except BaseException:
            del self.own_weights[count:]
            self.input_spec = spec
            raise
        finally:
            self._in_build = False
            _phase.asking, _phase.tracing = state
        self.built, self.initial_weights = True, None
    wrapped.is_outermost = True
    return wrapped


class Layer(Contributing, Configurable):
    """Base of all layers: ``build`` makes the weights once the input's shape is known, ``call`` computes.

    A ``call`` that has a parameter ``training`` is told whether it trains: by ``layer(x, training=True)``, else by the
    model at work.

    Arguments:
        name: unique within a model; default: from the class, ``dense_1``.
        trainable: whether training changes the weights, default True; may be set at any time.
        dtype: of the weights, and of floating-point inputs that are not tensors; default: floatx.
        input_shape: of a first layer's input, without the batch axis; None in it for any size.
        batch_input_shape: the same with the batch axis.
        input_dim, input_length: short for ``input_shape=(input_dim,)`` and ``(input_length, input_dim)``.
        batch_size: goes in front of ``input_shape``.
        weights: initial values, as from :meth:`get_weights`.

    >>> import tahr
    >>> class Scale(tahr.layers.Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight("factor", input_shape[-1:], initializer="ones")
    ...
    ...     def call(self, x):
    ...         return x * self.factor
    >>> Scale()(tahr.ops.ones((2, 3))).shape
    (2, 3)
    """

    input_dtype: str | None = None      # what the layer wants as a first layer, if not floatx
    supports_masking = False            # whether the masks of inputs go on to the outputs as they are
    stateful = False
    _in_build, _training_at, _takes_mask, _holders, _warned_of_mask = False, None, False, (), False

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if not hasattr(cls.build, "is_outermost"):      # its own, or that of a mixin
            cls.build = _building(cls.build)
        parameters = list(inspect.signature(cls.call).parameters)
        cls._training_at = parameters.index("training") - 2 if "training" in parameters else None
        cls._takes_mask = "mask" in parameters

    def __init__(self, name=None, trainable=True, dtype=None, input_shape=None, batch_input_shape=None, input_dim=None,
                 input_length=None, batch_size=None, weights=None):
        self.name = name or unique_name(type(self).__name__)
        self._trainable = bool(trainable)
        self.dtype = np.dtype(dtype or settings.floatx()).name
        self.built = False
        self.input_spec = None
        self.batch_input_shape = _batch_shape(self.name, input_shape, batch_input_shape, input_dim, input_length,
                                              batch_size)
        self.own_weights, self.inbound_nodes = vars(self).get("own_weights", []), []
        self.initial_weights = weights
        self._arguments.pop("weights", None)    # values, no part of the config
        self.known_output_shape = None

    # To override

    @_building
    def build(self, input_shape):
        """Make the weights for inputs of this shape (with the batch axis), by :meth:`add_weight`."""

    def call(self, inputs):
        """Compute the outputs. May take ``training``."""
        raise TypeError(f"{type(self).__name__} must define call(self, inputs)")

    # Calling

    def __call__(self, inputs, *args, **kwargs):
        inputs = _as_tensors(inputs, self.dtype)
        shape = _shape_of(inputs)
        if not self.built:
            self.build(shape)
        elif self.input_spec is not None:
            _check_spec(self.input_spec, shape, self)
        if not (isinstance(inputs, Value) and not args and not kwargs) and symbols_in((inputs, args, kwargs)):
            return self._trace(inputs, args, kwargs)
        if not self._has_run:
            self._has_run = True
        return self._run(inputs, args, kwargs)

    def _run(self, inputs, args, kwargs):
        """Call ``call`` with the phase, and with the masks of the inputs, and mark the outputs with theirs."""
        at = self._training_at
        if at is not None and len(args) <= at and kwargs.get("training") is None:
            kwargs = {**kwargs, "training": _phase.training}
        mask = _mask_of(inputs)
        if mask is not None and self._takes_mask and kwargs.get("mask") is None:
            kwargs = {**kwargs, "mask": mask}
        if not _phase.depth:
            _phase.losses, _phase.metrics = [], []
        _phase.depth += 1
        try:
            out = self.call(inputs, *args, **kwargs)
        finally:
            _phase.depth -= 1
        if self.known_output_shape is None or isinstance(out, Spec) and not _phase.asking:
            self.known_output_shape = _remembered_shape(out)
        if self.activity_regularizer is not None:
            for x in _listed(out):
                noted_losses(self, self.activity_regularizer(x))
        if (mask is not None or self._makes_mask) and not self._marks_itself:
            _mark(out, self.compute_mask(inputs, mask))
        return out

    def _trace(self, inputs, args, kwargs):
        """Call on symbols: what comes out knows that this call made it."""
        before, _phase.tracing = _phase.tracing, True
        if not before:
            _phase.traced = []
        try:
            out = self._run(inputs, args, kwargs)
        finally:
            _phase.tracing = before
        if before or _phase.asking:
            return out
        out = _fresh(out, self.name)
        if isinstance(out, Spec) and getattr(inputs, "layout", None) and len(inputs.shape) == len(out.shape):
            out.layout = inputs.layout
        self.inbound_nodes.append(Node(self, (inputs, *args), kwargs, out, _phase.traced))
        return out

    activity_regularizer = None     # a function of the output, added to the losses
    _makes_mask = False             # whether compute_mask says something even when no input has a mask
    _marks_itself = False           # whether call gives its outputs their masks

    def compute_mask(self, inputs, mask=None):
        """The mask of the output, from that of the input: a boolean array over (batch, time), None for none."""
        if self.supports_masking:
            return mask
        if mask is not None and not self._warned_of_mask:
            self._warned_of_mask = True
            warnings.warn(f"layer {self.name!r} ({type(self).__name__}) does not support masks: the layers after it, "
                          f"and "
                          "the loss, will not know which steps of its input were masked", stacklevel=4)
        return None

    def compute_output_shape(self, input_shape):
        """The shape of the output for an input of that shape, None standing for any size; builds the layer."""
        before, _phase.asking = _phase.asking, True
        try:
            return _shape_of(self(_symbols_of(input_shape, self.input_dtype or self.dtype)))
        finally:
            _phase.asking = before

    # Weights

    @property
    def trainable(self):
        """Whether training changes the weights; setting it sets it in all sublayers, from the next step on."""
        return self._trainable

    @trainable.setter
    def trainable(self, wanted):
        self._trainable = bool(wanted)
        settings.changed()
        for layer in self.sublayers:
            layer.trainable = wanted

    def add_weight(self, name, shape=(), dtype=None, initializer="glorot_uniform", regularizer=None, trainable=True,
                   constraint=None):
        """Make a weight; the layer keeps, saves and trains it.

        Arguments:
            name: within the layer.
            shape: of known sizes.
            dtype: default: the layer's.
            initializer, regularizer, constraint: names, objects or functions.
            trainable: whether training changes it, default True.

        Returns:
            The :class:`~tahr.Variable`.
        """
        shape, dtype = tuple(shape), dtype or self.dtype
        if None in shape:
            raise ValueError(f"layer {self.name!r}: the weight {name!r} needs a known shape, got {shape}; the input's "
                             "feature axes must not be None")
        empty = budget.taken(f"{self.name}/{name}", shape)
        values = np.zeros(shape, dtype) if empty else initializers.get(initializer)(shape, dtype)
        weight = Variable(values, trainable, f"{self.name}/{name}", dtype, regularizers.get(regularizer),
                          constraints.get(constraint))
        if weight.shape != shape:
            raise ValueError(f"layer {self.name!r}: the weight {name!r} has shape {shape}, its initializer returned "
                             f"{weight.shape}")
        self._own(weight)
        return weight

    @property
    def sublayers(self):
        """The layers that this layer keeps in its attributes, and in lists and dicts there, in order."""
        if not self._holders:
            return []
        found = []
        for name in self._holders:
            value = vars(self).get(name)
            value = list(value.values()) if isinstance(value, dict) else value
            found += [v for v in (value if isinstance(value, list | tuple) else [value])
                      if isinstance(v, Layer) and v is not self]
        return list(dict.fromkeys(found))

    def __setattr__(self, name, value):
        """Note the attributes that hold layers or may come to: looking through all of them at every step costs."""
        super().__setattr__(name, value)
        if isinstance(value, Variable):
            self._own(value)
        if isinstance(value, Layer | list | tuple | dict) and name not in self._holders and not (
                name in _NO_LAYERS or name.endswith("_options")):
            if not isinstance(value, tuple) or any(isinstance(v, Layer) for v in value):
                object.__setattr__(self, "_holders", (*self._holders, name))
                settings.changed()

    def _own(self, weight):
        """Keep a weight, one that was made by ``add_weight`` or one that was put into an attribute."""
        weights = vars(self).setdefault("own_weights", [])
        if not any(weight is own for own in weights):
            weights.append(weight)
            settings.changed()

    @property
    def weights(self):
        """All weights: of this layer the trainable ones, then its state, then those of its sublayers.

        Freezing does not change their order.
        """
        own = sorted(self.own_weights, key=lambda w: not w.trainable)
        return _unique(own + [w for layer in self.sublayers for w in layer.weights])

    variables = weights

    @property
    def trainable_weights(self):
        """The weights that training changes."""
        if not self.trainable:
            return []
        own, layers = [w for w in self.own_weights if w.trainable], self.sublayers
        return _unique(own + [w for layer in layers for w in layer.trainable_weights]) if layers else own

    @trainable_weights.setter
    def trainable_weights(self, weights):
        """Keras 1 wrote ``self.trainable_weights = [...]`` in ``build``."""
        for weight in weights:
            self._own(weight)

    @property
    def non_trainable_weights(self):
        """The weights that training leaves alone: state, and frozen weights."""
        trained = {id(w) for w in self.trainable_weights}
        return [w for w in self.weights if id(w) not in trained]

    @non_trainable_weights.setter
    def non_trainable_weights(self, weights):
        """Keras 1 wrote this, too: training leaves them alone from then on."""
        for weight in weights:
            weight.trainable = False
            self._own(weight)

    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    def get_weights(self):
        """Copies of the weights as NumPy arrays, in the order of :attr:`weights`."""
        return [w.data.copy() for w in self.weights]

    def set_weights(self, weights):
        """Set all weights from arrays, in the order of :attr:`weights`.

        Raises:
            ValueError: for another number of arrays or another shape; then no weight is changed.
        """
        own = self.weights
        if len(weights) != len(own):
            hint = "" if self.built or self._in_build else (
                "; it is not built yet: call it on data or give it an input shape first")
            raise ValueError(f"layer {self.name!r} has {len(own)} weight(s), got {len(weights)}{hint}")
        arrays = [array_of(array, w.dtype) for array, w in zip(weights, own)]
        for array, w in zip(arrays, own):
            if array.shape != w.shape:
                raise ValueError(f"weight {w.name!r} has shape {w.shape}, got an array of shape {array.shape}")
        for array, w in zip(arrays, own):
            w.assign(array)

    def count_params(self):
        """How many numbers the weights hold."""
        return sum(w.size for w in self.weights)

    def all_layers(self):
        """This layer and all layers inside it, at any depth, each once."""
        found, waiting = {}, [self]
        while waiting:
            layer = waiting.pop()
            if id(layer) not in found:
                found[id(layer)] = layer
                waiting += reversed(layer.sublayers)
        return list(found.values())

    # Where it stands in a graph

    def _node(self, index, what):
        if not self.inbound_nodes:
            raise RuntimeError(f"The layer has never been called and thus has no defined {what}.")
        if not -len(self.inbound_nodes) <= index < len(self.inbound_nodes):
            raise ValueError(f"Asked to get {what} at node {index}, but the layer has only {len(self.inbound_nodes)} "
                             "inbound nodes.")
        return self.inbound_nodes[index]

    def get_input_at(self, node_index):
        """What the layer was called on the n-th time: a symbol or a list."""
        return _single(self._node(node_index, "input").inputs)

    def get_output_at(self, node_index):
        """What came out of the n-th call: a symbol or a list."""
        return _single(self._node(node_index, "output").output_tensors)

    def get_input_shape_at(self, node_index):
        return _single(self._node(node_index, "input shape").input_shapes)

    def get_output_shape_at(self, node_index):
        return _single(self._node(node_index, "output shape").output_shapes)

    def get_input_mask_at(self, node_index):
        return _single(self._node(node_index, "input mask").input_masks)

    def get_output_mask_at(self, node_index):
        return _single(self._node(node_index, "output mask").output_masks)

    def _only_node(self, what):
        if len(self.inbound_nodes) > 1:
            raise AttributeError(f"Layer {self.name} has multiple inbound nodes, hence the notion of \"layer {what}\" "
                                 f"is ill-defined. Use `get_{what.replace(' ', '_')}_at(node_index)` instead.")
        if not self.inbound_nodes:
            raise AttributeError(f"Layer {self.name} has no inbound nodes." if what.startswith("output") else
                                 f"Layer {self.name} is not connected, no input to return.")
        return self.inbound_nodes[0]

    @property
    def input(self):
        """What the layer was called on, if that was once: a symbol or a list."""
        return _single(self._only_node("input").inputs)

    @property
    def output(self):
        """What came out of the only call on symbols."""
        return _single(self._only_node("output").output_tensors)

    @property
    def input_mask(self):
        return _single(self._only_node("input mask").input_masks)

    @property
    def output_mask(self):
        return _single(self._only_node("output mask").output_masks)

    @property
    def input_shape(self):
        """The shape of the input, if all calls on symbols had the same; None stands for any size."""
        return self._only_shape("input", [node.input_shapes for node in self.inbound_nodes])

    @property
    def output_shape(self):
        """The shape of the output, if all calls on symbols had the same, else of the first call on data."""
        if not self.inbound_nodes and self.known_output_shape is not None:
            return self.known_output_shape
        return self._only_shape("output", [node.output_shapes for node in self.inbound_nodes])

    def _only_shape(self, what, shapes):
        if not shapes:
            raise AttributeError(f"The layer has never been called and thus has no defined {what} shape. (layer "
                                 f"{self.name!r})")
        if any(s != shapes[0] for s in shapes):
            raise AttributeError(f"The layer \"{self.name} has multiple inbound nodes, with different {what} shapes. "
                                              "Hence "
                                 f"the notion of \"{what} shape\" is ill-defined for the layer. Use "
                                 f"`get_{what}_shape_at(node_index)` instead.")
        return _single(shapes[0])

    _inbound_nodes = property(lambda self: self.inbound_nodes)      # Keras's name

    def get_config(self):
        """The arguments that make an equal layer (without the values of its weights), as plain data."""
        own = {"name": self.name, "trainable": self.trainable, "dtype": self.dtype}
        config = {k: v for k, v in super().get_config().items() if k not in ("weights", *own)}
        return {**{k: v for k, v in own.items() if self.accepts(k)}, **config}

    def __repr__(self):
        return f"<{type(self).__name__} {self.name!r}>"


def _unique(variables):
    """Each variable once. By identity: tensors compare element by element."""
    return list({id(v): v for v in variables}.values())


def _single(items):
    """The only item, or the list of several."""
    return items[0] if len(items) == 1 else items


def _listed(x):
    return list(x) if isinstance(x, list | tuple) else list(x.values()) if isinstance(x, dict) else [x]


def _fresh(out, name):
    """Symbols of an output that are nobody else's (a layer may return its input), with the masks of those given."""
    if isinstance(out, dict):
        return {k: _fresh(x, name) for k, x in out.items()}
    if isinstance(out, list | tuple):
        return type(out)(_fresh(x, name) for x in out)
    if not isinstance(out, Spec):
        return out
    symbol = Symbol(out.shape, out.dtype)
    symbol.mask, symbol.name = out.mask, name
    return symbol


def _mask_of(inputs):
    """The mask of a tensor, the list of masks of a list if one has any, else None."""
    if isinstance(inputs, list | tuple | dict):
        masks = [_mask_of(x) for x in _listed(inputs)]
        return masks if any(m is not None for m in masks) else None
    return getattr(inputs, "mask", None)


def _mark(out, mask):
    """Give outputs their masks."""
    if isinstance(out, list | tuple):
        for x, m in zip(out, mask if isinstance(mask, list | tuple) else [mask] + [None] * len(out)):
            _mark(x, m)
    elif isinstance(out, Value | Spec):
        out.mask = mask


def _check_spec(spec, shape, layer):
    """Check the shape of an input, or those of a list against as many specs."""
    if isinstance(spec, InputSpec):
        spec.check(shape, layer)
        return
    shapes = shape if isinstance(shape, list) else [shape]
    if len(shapes) != len(spec):
        raise ValueError(f"layer {layer.name!r} expects {len(spec)} inputs, got {len(shapes)}")
    for one, own in zip(spec, shapes):
        if one is not None:
            one.check(own, layer)


def _as_tensors(inputs, dtype):
    """Tensors and symbols as they are, numbers as tensors, floating-point ones of the given dtype."""
    if isinstance(inputs, Value | Spec):
        return inputs
    if isinstance(inputs, dict):
        return {k: _as_tensors(x, dtype) for k, x in inputs.items()}
    if isinstance(inputs, list | tuple) and any(isinstance(x, Value | Spec | np.ndarray) for x in inputs):
        return [x if x is None else _as_tensors(x, dtype) for x in inputs]
    tensor = Tensor(inputs)
    return Tensor(inputs, dtype=dtype) if tensor.dtype.kind == "f" and tensor.dtype != dtype else tensor


def _symbols_of(shape, dtype):
    """A symbol of this shape, a list of them for a list of shapes."""
    if shape and any(isinstance(n, list | tuple) for n in shape):
        return [_symbols_of(s, dtype) for s in shape]
    return Symbol(shape, dtype)


def _remembered_shape(out):
    """The shape of an output, for any batch but where a symbol says which."""
    if isinstance(out, list | tuple):
        return [_remembered_shape(o) for o in out]
    if isinstance(out, dict):
        return {k: _remembered_shape(o) for k, o in out.items()}
    said = isinstance(out, Spec) and not _phase.asking
    return tuple(out.shape) if said or not out.shape else (None, *out.shape[1:])


def _shape_of(x):
    """The shape of a tensor; a list or dict of them for a list or dict."""
    if isinstance(x, dict):
        return {k: _shape_of(t) for k, t in x.items()}
    return [_shape_of(t) for t in x] if isinstance(x, list | tuple) else tuple(getattr(x, "shape", ()))


def _batch_shape(name, input_shape, batch_input_shape, input_dim, input_length, batch_size):
    """The batch input shape that a first layer's arguments mean, None without any."""
    if isinstance(input_shape, int | np.integer):
        raise ValueError(f"layer {name!r}: input_shape must be a tuple without the batch axis, got the int "
                         f"{input_shape}: write input_shape=({input_shape},)")
    if batch_input_shape is not None:
        if input_shape is not None and tuple(input_shape) != tuple(batch_input_shape[1:]):
            raise ValueError(f"layer {name!r}: input_shape={tuple(input_shape)} contradicts "
                             f"batch_input_shape={tuple(batch_input_shape)}")
        return checked_shape(f"layer {name!r}", batch_input_shape)
    if input_shape is None and input_dim is not None:
        input_shape = (input_dim,) if input_length is None else (input_length, input_dim)
    if input_shape is None:
        if batch_size is not None:
            raise ValueError(f"layer {name!r}: batch_size={batch_size} needs an input_shape beside it")
        return None
    return checked_shape(f"layer {name!r}", (batch_size, *input_shape))


def checked_shape(where, shape):
    """An input shape as a tuple of positive ints and None.

    >>> checked_shape("Input", (None, 2.5))
    Traceback (most recent call last):
    ValueError: Input: an input shape holds positive integers and None, got (None, 2.5)
    """
    if any(n is not None and (isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1) for n in shape):
        raise ValueError(f"{where}: an input shape holds positive integers and None, got {tuple(shape)}")
    return tuple(None if n is None else int(n) for n in shape)
