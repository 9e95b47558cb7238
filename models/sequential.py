"""Sequential: layers in a row."""

from ..autograd import Spec
from ..layers.base import Layer, phase
from ..layers.core import Input, InputLayer
from ..layers.merge import Merge
from ..utils import settings
from .graph import Graph
from .model import Model


class Sequential(Model):
    """Layers in a row, each taking the output of the one before.

    The input's shape is given to the first layer (``input_shape=(784,)``, ``batch_input_shape=(None, 784)`` or
    ``input_dim=784``) or by an :func:`~tahr.layers.Input` in front; then every ``add`` infers shapes and reports
    misfits at once. Without one, the model is built by its first data.

    Arguments:
        layers: a list of layers; the same as adding them one by one.
        name: default ``sequential_1``, ...

    >>> import tahr
    >>> model = Sequential([tahr.layers.Dense(32, activation="relu", input_shape=(784,)), tahr.layers.Dense(10)])
    >>> model.output_shape, model.count_params()
    ((None, 10), 25450)
    """

    def __init__(self, layers=None, name=None):
        super().__init__(name=name)
        self.stack = []
        self.symbols = []           # what goes into the first layer, then what comes out of each
        self.began_with_input = False
        for layer in layers or ():
            self._put(layer)
        if self.stack:
            self._refresh()

    @property
    def layers(self):
        return list(self.stack)

    @property
    def sublayers(self):
        return list(self.stack)

    @property
    def model(self):
        """The model itself, for programs of Keras 1."""
        return self

    def add(self, layer):
        """Put a layer at the end.

        Raises:
            TypeError: for what is no layer. ValueError: if its input does not fit the output before it, or a layer of
                that name is there already. The model is then as it was.
        """
        self._put(layer)
        if self.stack:
            self._refresh()

    def _put(self, layer):
        """:meth:`add`, but the graph is made later: once for many layers."""
        if isinstance(layer, Spec | InputLayer):
            return self._add_input(layer.output if isinstance(layer, InputLayer) else layer)
        if not isinstance(layer, Layer):
            hint = ": did you forget the parentheses?" if isinstance(layer, type) else ""
            raise TypeError(f"only layers can be added to a Sequential, got {layer!r}{hint}")
        if any(layer.name == other.name for other in self.stack):
            raise ValueError(f"the model has a layer named {layer.name!r} already: names must differ")
        symbols = list(self.symbols) or ([] if self.stack else _start(layer))
        if len(symbols) == len(self.stack) + 1:
            symbols.append(self._after(layer, symbols[-1]))
        elif self.stack and self.graph is None and self.built:
            self._forget()
        self.stack.append(layer)
        self.symbols = symbols

    def _after(self, layer, symbol):
        with phase(False):
            out = layer(symbol)
        if not isinstance(out, Spec):
            raise ValueError("All layers in a Sequential model should have a single output tensor. For multi-output "
                             "layers, "
                             f"use the functional API. The layer {layer.name!r} returned {type(out).__name__}.")
        return out

    def _refresh(self):
        """Follow a change of the layers."""
        known = bool(self.stack) and len(self.symbols) == len(self.stack) + 1
        self.graph = Graph(self.symbols[0], self.symbols[-1]) if known else None
        self.built, self.known_output_shape = known, None
        if known:
            self._finish_graph()

    def _add_input(self, symbol):
        if self.stack or self.symbols:
            raise ValueError("an Input stands in front of the first layer, and there is one already")
        self.symbols, self.began_with_input = [symbol], True
        self.known_output_shape = symbol.shape

    def pop(self):
        """Take the last layer away."""
        if not self.stack:
            raise TypeError("There are no layers in the model: there are no layers to pop")
        layer = self.stack.pop()
        if len(self.symbols) > len(self.stack) + 1:
            last = self.symbols.pop()
            layer.inbound_nodes = [n for n in layer.inbound_nodes if n is not last.source[0]]
        if not self.stack and not self.began_with_input:     # the input's shape was that layer's, and goes with it
            self.symbols = []
        self._refresh()

    def build(self, input_shape):
        """Build all layers for inputs of this shape (with the batch axis)."""
        first = next(iter(self.stack), None)
        dtype = settings.floatx() if first is None else first.input_dtype or first.dtype
        symbols = [Input(batch_shape=(None, *input_shape[1:]), dtype=dtype)]
        for layer in self.stack:
            symbols.append(self._after(layer, symbols[-1]))
        self.symbols = symbols
        self._refresh()

    def call(self, inputs, training=None, mask=None):
        if self.graph is not None and isinstance(self.graph.inputs, list):
            return super().call(inputs, training, mask)
        for layer in self.stack:
            inputs = layer(inputs)
        return inputs

    def _checked_inputs(self, x):
        """The inputs as arrays; a list of the only one is taken as that, before the model is built, too."""
        alone = self.graph is None and isinstance(x, list | tuple) and len(x) == 1 and hasattr(x[0], "shape")
        return super()._checked_inputs(x[0] if alone else x)

    def predict_proba(self, x, batch_size=None, verbose=0, steps=None):
        """:meth:`predict`, under the name that Keras 1 and 2 have for outputs that are probabilities."""
        return self.predict(x, batch_size, verbose, steps)

    def predict_classes(self, x, batch_size=None, verbose=0, steps=None):
        """The class of the largest output; for a single output 1 where it is above 0.5."""
        found = self.predict(x, batch_size, verbose, steps)
        return found.argmax(axis=-1) if found.shape[-1] > 1 else (found > 0.5).astype("int32")

    def summary(self, line_length=None, positions=None, print_fn=print):
        if not self.built:
            raise ValueError(f"{self.name!r} is not built yet: give the first layer an input_shape, or call the model "
                             "on data (or model.build(input_shape)) first")
        super().summary(line_length, positions, print_fn)

    def get_config(self):
        """The layers as plain data; where the first data brought the input's shape, that shape as well."""
        layers = [{"class_name": type(layer).__name__, "config": layer.get_config()} for layer in self.stack]
        deferred = self.built and self.symbols and not self.began_with_input and not _start(self.stack[0])
        shape = {"build_input_shape": tuple(self.symbols[0].shape)} if deferred else {}
        return {"name": self.name, "layers": layers, **shape}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        layers, name = (config, None) if isinstance(config, list) else (config["layers"], config.get("name"))
        model = cls([Layer.get(c) for c in layers], name)
        shape = None if isinstance(config, list) else config.get("build_input_shape")
        if shape and not model.built:
            model.build(tuple(shape))
        return model


def _start(layer):
    """What stands in front of a first layer, in a list; none where its input's shape is not known yet.

    A Merge of branches begins with the list of their inputs, and has been called on what comes out of them.
    """
    if isinstance(layer, Merge) and (ends := layer.ends()):
        return list(ends)
    if isinstance(layer, Model) and layer.graph is not None and isinstance(layer.graph.inputs, list):
        return [[Input(batch_shape=tuple(x.shape), dtype=x.dtype, name=f"{layer.name}_{name}")
                 for x, name in zip(layer.inputs, layer.input_names)]]
    shape = layer.batch_shape if isinstance(layer, Model) else layer.batch_input_shape
    if shape is None:
        return []
    dtype = layer.input_dtype or layer.dtype
    return [Input(batch_shape=shape, dtype=dtype, name=f"{layer.name}_input")]
