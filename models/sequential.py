"""Sequential: layers in a row."""

from ..autograd import Spec
from ..layers.base import Layer, phase
from ..tensor import Symbol
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
        self.input_symbol = self.output_symbol = None
        self.began_with_input = False
        for layer in layers or ():
            self.add(layer)

    @property
    def layers(self):
        return list(self.stack)

    @property
    def sublayers(self):
        return list(self.stack)

    @property
    def batch_shape(self):
        return None if self.input_symbol is None else self.input_symbol.shape

    def _input_dtype(self, x):
        return self.input_symbol.dtype if self.input_symbol is not None else super()._input_dtype(x)

    def _target_dtype(self, y):
        if y is None or y.dtype.kind != "f" or self.output_symbol is None:
            return None
        return self.output_symbol.dtype

    def add(self, layer):
        """Put a layer at the end.

        Raises:
            TypeError: for what is no layer. ValueError: if its input does not fit the output before it, or a layer of
                that name is there already. The model is then as it was.
        """
        if isinstance(layer, Spec):
            return self._add_input(layer)
        if not isinstance(layer, Layer):
            hint = ": did you forget the parentheses?" if isinstance(layer, type) else ""
            raise TypeError(f"only layers can be added to a Sequential, got {layer!r}{hint}")
        if any(layer.name == other.name for other in self.stack):
            raise ValueError(f"the model has a layer named {layer.name!r} already: names must differ")
        symbol, start = self.output_symbol, self.input_symbol
        if symbol is None and not self.stack and (shape := _own_shape(layer)) is not None:
            symbol = start = Symbol(shape, layer.input_dtype or layer.dtype)
        if symbol is not None:
            with phase(False):
                symbol = layer(symbol)
            if not isinstance(symbol, Spec):
                raise ValueError(f"layers of a Sequential have one output, {layer.name!r} returned "
                                 f"{type(symbol).__name__}")
        self.stack.append(layer)
        self.input_symbol, self.output_symbol = start, symbol
        self.built = symbol is not None
        self.known_output_shape = None if symbol is None else symbol.shape

    def _add_input(self, symbol):
        if self.stack or self.input_symbol is not None:
            raise ValueError("an Input stands in front of the first layer, and there is one already")
        self.input_symbol = self.output_symbol = symbol
        self.began_with_input = True

    def pop(self):
        """Take the last layer away."""
        if not self.stack:
            raise TypeError("there are no layers to pop")
        first, last = self.stack[0], self.stack.pop()
        if first is last and not self.began_with_input:     # the input's shape was that layer's, and goes with it
            self.input_symbol = None
        self.output_symbol = self.input_symbol
        if self.input_symbol is not None:
            with phase(False):
                self.output_symbol = self.call(self.input_symbol)
        self.built = bool(self.stack) and self.input_symbol is not None
        self.known_output_shape = None if self.output_symbol is None else self.output_symbol.shape

    def build(self, input_shape):
        """Build all layers for inputs of this shape (with the batch axis)."""
        symbol = start = Symbol((None, *input_shape[1:]), self._input_dtype(None))
        with phase(False):
            for layer in self.stack:
                symbol = layer(symbol)
        self.input_symbol, self.output_symbol, self.built = start, symbol, True
        self.known_output_shape = symbol.shape

    def call(self, inputs):
        for layer in self.stack:
            inputs = layer(inputs)
        return inputs

    def summary(self, line_length=None, positions=None, print_fn=print):
        if not self.built:
            raise ValueError(f"{self.name!r} is not built yet: give the first layer an input_shape, or call the model "
                             "on data (or model.build(input_shape)) first")
        super().summary(line_length, positions, print_fn)

    def get_config(self):
        return {"name": self.name, "layers": [{"class_name": type(layer).__name__, "config": layer.get_config()}
                                              for layer in self.stack]}

    @classmethod
    def from_config(cls, config):
        return cls([Layer.get(c) for c in config["layers"]], config.get("name"))


def _own_shape(layer):
    """The input shape that a first layer brings along."""
    if isinstance(layer, Model):
        return layer.batch_shape
    return layer.batch_input_shape
