"""What every layer is: weights, shapes, and a call."""

import functools
import inspect
import threading

import numpy as np

from .. import constraints, initializers, regularizers
from ..autograd import Spec, Value
from ..tensor import Symbol, Tensor, Variable
from ..tensor.convert import array_of
from ..utils import settings
from ..utils.configurable import Configurable
from ..utils.names import unique_name


class _Phase(threading.local):
    training = False        # what layers do that are not told
    asking = False          # whether a shape is asked for that is not to be remembered


_phase = _Phase()
_NO_LAYERS = ("own_weights", "_arguments")      # _arguments: what the constructor was given, a layer may keep a copy


class phase:    # noqa: N801 (used like a function)
    """Within it, layers called without ``training`` train (or not), in this thread.

    >>> import tahr
    >>> with phase(True):
    ...     tahr.layers.Dropout(0.5, seed=0)(tahr.ops.ones(3))
    Tensor([0., 0., 2.])
    """

    def __init__(self, training):
        self.training = training

    def __enter__(self):
        self.before, _phase.training = _phase.training, self.training

    def __exit__(self, *error):
        _phase.training = self.before


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
    def wrapped(self, input_shape):
        if self._in_build:                  # a subclass's build called super().build
            return build(self, input_shape)
        if self.built and self.own_weights:
            raise RuntimeError(f"layer {self.name!r} is built already, building it again would double its weights: "
                               "make a new one, type(layer).from_config(layer.get_config())")
        count, spec, self._in_build = len(self.own_weights), self.input_spec, True
        try:
            if spec is not None:
                spec.check(input_shape, self)
            build(self, input_shape)
            if self.initial_weights is not None:
                self.set_weights(self.initial_weights)
        except BaseException:
            del self.own_weights[count:]
            self.input_spec = spec
            raise
        finally:
            self._in_build = False
        self.built, self.initial_weights = True, None
    wrapped.is_outermost = True
    return wrapped


class Layer(Configurable):
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
    _in_build, _training_at, _holders = False, None, ()

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if not hasattr(cls.build, "is_outermost"):      # its own, or that of a mixin
            cls.build = _building(cls.build)
        parameters = list(inspect.signature(cls.call).parameters)
        cls._training_at = parameters.index("training") - 2 if "training" in parameters else None

    def __init__(self, name=None, trainable=True, dtype=None, input_shape=None, batch_input_shape=None, input_dim=None,
                 input_length=None, batch_size=None, weights=None):
        self.name = name or unique_name(type(self).__name__)
        self._trainable = bool(trainable)
        self.dtype = np.dtype(dtype or settings.floatx()).name
        self.built = False
        self.input_spec = None
        self.batch_input_shape = _batch_shape(self.name, input_shape, batch_input_shape, input_dim, input_length,
                                              batch_size)
        self.own_weights = []
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
            self.input_spec.check(shape, self)
        at = self._training_at
        if at is not None and len(args) <= at and kwargs.get("training") is None:
            kwargs["training"] = _phase.training
        out = self.call(inputs, *args, **kwargs)
        if self.known_output_shape is None or isinstance(out, Spec) and not _phase.asking:
            self.known_output_shape = _remembered_shape(out)
        return out

    def compute_output_shape(self, input_shape):
        """The shape of the output for an input of that shape, None standing for any size; builds the layer."""
        before, _phase.asking = _phase.asking, True
        try:
            return _shape_of(self(Symbol(input_shape, self.input_dtype or self.dtype)))
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
        values = initializers.get(initializer)(shape, dtype)
        weight = Variable(values, trainable, f"{self.name}/{name}", dtype, regularizers.get(regularizer),
                          constraints.get(constraint))
        if weight.shape != shape:
            raise ValueError(f"layer {self.name!r}: the weight {name!r} has shape {shape}, its initializer returned "
                             f"{weight.shape}")
        self.own_weights.append(weight)
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
        object.__setattr__(self, name, value)
        if isinstance(value, Layer | list | tuple | dict) and name not in self._holders and name not in _NO_LAYERS:
            if not isinstance(value, tuple) or any(isinstance(v, Layer) for v in value):
                object.__setattr__(self, "_holders", (*self._holders, name))

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

    @property
    def non_trainable_weights(self):
        """The weights that training leaves alone: state, and frozen weights."""
        trained = {id(w) for w in self.trainable_weights}
        return [w for w in self.weights if id(w) not in trained]

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

    @property
    def losses(self):
        """The penalties of the regularized weights that are trained, as scalar tensors."""
        return [w.regularizer(w) for w in self.trainable_weights if w.regularizer is not None]

    @property
    def output_shape(self):
        """The shape of the last symbolic output, or of the first one on data; None stands for any size."""
        if self.known_output_shape is None:
            raise AttributeError(f"layer {self.name!r} was not called yet and has no output shape")
        return self.known_output_shape

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


def _as_tensors(inputs, dtype):
    """Tensors and symbols as they are, numbers as tensors, floating-point ones of the given dtype."""
    if isinstance(inputs, Value | Spec):
        return inputs
    if isinstance(inputs, list | tuple) and any(isinstance(x, Value | Spec | np.ndarray) for x in inputs):
        return [_as_tensors(x, dtype) for x in inputs]
    tensor = Tensor(inputs)
    return Tensor(inputs, dtype=dtype) if tensor.dtype.kind == "f" and tensor.dtype != dtype else tensor


def _remembered_shape(out):
    """The shape of an output, for any batch but where a symbol says which."""
    if isinstance(out, list | tuple):
        return [_remembered_shape(o) for o in out]
    said = isinstance(out, Spec) and not _phase.asking
    return tuple(out.shape) if said or not out.shape else (None, *out.shape[1:])


def _shape_of(x):
    return [tuple(t.shape) for t in x] if isinstance(x, list | tuple) else tuple(x.shape)


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
