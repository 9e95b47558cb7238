"""The Model: a layer made of layers that can be trained."""

from ..layers.base import Layer
from ..utils import settings
from .summary import summary_lines
from .training import Trainer


class Model(Trainer, Layer):
    """Base of all models. Subclass it: make layers in ``__init__``, use them in ``call``.

    >>> import tahr
    >>> class Regression(tahr.Model):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.hidden, self.out = tahr.layers.Dense(8, activation="tanh"), tahr.layers.Dense(1)
    ...
    ...     def call(self, x):
    ...         return self.out(self.hidden(x))
    >>> model = Regression()
    >>> model.compile("adam", "mse")
    >>> model.predict(tahr.ops.ones((2, 3))).shape
    (2, 1)
    """

    @property
    def layers(self):
        """The model's layers, in order."""
        return self.sublayers

    @property
    def batch_shape(self):
        """The shape of the input with the batch axis, None while unknown."""
        return self.batch_input_shape

    def _input_dtype(self, x):
        """What an input array is cast to: what the first layer wants (integers, for an Embedding), else its dtype."""
        first = next(iter(self.layers), None)
        return settings.floatx() if first is None else first.input_dtype or first.dtype

    def _target_dtype(self, y):
        """What targets and sample weights are cast to; None casts floats to floatx, and integers, labels, stay."""
        return None

    def get_layer(self, name=None, index=None):
        """A layer by its name, or by its place in :attr:`layers`."""
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(f"there is no layer {index}: the model has {len(self.layers)} layer(s)")
            return self.layers[index]
        if name is None:
            raise ValueError("get_layer needs a name or an index")
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(f"there is no layer {name!r}; the model has {', '.join(layer.name for layer in self.layers)}")

    def summary(self, line_length=None, positions=None, print_fn=print):
        """Print a table of the layers, their output shapes and numbers of parameters."""
        for line in summary_lines(self, line_length, positions):
            print_fn(line)
