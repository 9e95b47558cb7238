"""The Model: a layer made of layers that can be trained."""

import copy

import numpy as np

from ..autograd import Value, mode
from ..compiler import Captured
from ..layers.base import Layer, noted_losses
from ..layers.node import source, symbols_in
from ..layers.phase import called_by_itself, is_training
from ..saving import save_model, to_json
from ..utils import settings
from ..utils.array_files import is_array_file
from . import array_weights
from .config import graph_config, graph_from_config
from .graph import Graph
from .objective import leaves
from .onnx_export import export
from .summary import summary_lines
from .training import Trainer
from .weights import load_weights, save_weights


class Model(Trainer, Layer):
    """Base of all models: a graph of layers between inputs and outputs, or a subclass with a ``call`` of its own.

    Arguments:
        inputs: what :func:`~tahr.layers.Input` returned, or a list or dict of such; also other symbols of a graph.
        outputs: what layers called on them returned: one, a list or a dict.
        name, trainable: as for all layers.

    Raises:
        ValueError: if no way leads from the inputs to an output.

    >>> import tahr
    >>> x = tahr.layers.Input((3,))
    >>> model = Model(x, tahr.layers.Dense(1)(tahr.layers.Dense(8, activation="tanh")(x)))
    >>> model.compile("adam", "mse")
    >>> model.predict(tahr.ops.ones((2, 3))).shape
    (2, 1)

    A subclass makes layers in ``__init__`` and uses them in ``call``:

    >>> class Regression(tahr.Model):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.hidden, self.out = tahr.layers.Dense(8, activation="tanh"), tahr.layers.Dense(1)
    ...
    ...     def call(self, x):
    ...         return self.out(self.hidden(x))
    >>> Regression()(tahr.ops.ones((2, 3))).shape
    (2, 1)
    """

    graph = None
    acts_in_training = False        # apart from its layers
    _marks_itself = True
    _added_losses = ()      # symbols whose values are added to the loss
    _added_metrics: tuple = ()      # (name, symbol) of what is reported

    def __init__(self, inputs=None, outputs=None, name=None, trainable=True, **kwargs):
        super().__init__(name=name, **kwargs)
        for argument in ("inputs", "outputs"):      # no part of a config, which spells out the graph
            self._arguments.pop(argument, None)
        if (inputs is None) != (outputs is None):
            raise TypeError("a Model needs both inputs and outputs, or neither: subclass it and define call")
        if inputs is not None:
            self.graph = Graph(inputs, outputs)
            self._finish_graph()
        self._trainable = bool(trainable)

    def _finish_graph(self):
        shapes = [tuple(x.shape) for x in self.graph.output_symbols]
        settings.changed()
        self.built, self.known_output_shape = True, shapes[0] if len(shapes) == 1 else shapes
        self.supports_masking = True
        self._makes_mask = any(x.mask is not None for x in self.graph.output_symbols)

    # Its ends

    @property
    def inputs(self):
        """The symbols that data stand for; None for a subclassed model."""
        return self.graph and list(self.graph.input_symbols)

    @property
    def outputs(self):
        """The symbols of the outputs."""
        return self.graph and list(self.graph.output_symbols)

    @property
    def input_names(self):
        """The names of the input layers, under which data may be given in a dict."""
        if self.graph is None or isinstance(self.graph.inputs, dict):
            return self.graph and list(self.graph.inputs)
        return [layer.name for layer in self.graph.input_layers]

    @property
    def output_names(self):
        """The names of the layers that the outputs come from, each once: ``dense_1``, ``dense_1_1``, ..."""
        if self.graph is None:
            return None
        if isinstance(self.graph.outputs, dict):
            return list(self.graph.outputs)
        names = []
        for x in self.graph.output_symbols:
            base = name = source(x)[0].layer.name
            i = 1
            while name in names:
                name, i = f"{base}_{i}", i + 1
            names.append(name)
        return names

    @property
    def input_shapes(self):
        """The shape of each input, with the batch axis."""
        return self.graph and [tuple(x.shape) for x in self.graph.input_symbols]

    @property
    def input_structure(self):
        """The inputs as the model takes them: a symbol, a list or a dict."""
        return self.graph and self.graph.inputs

    @property
    def input(self):
        """The symbol that data stand for, or a list of several."""
        return super().input if self.graph is None else _single(self.graph.input_symbols)

    @property
    def output(self):
        return super().output if self.graph is None else _single(self.graph.output_symbols)

    @property
    def input_shape(self):
        return super().input_shape if self.graph is None else _single(self.input_shapes)

    @property
    def output_shape(self):
        return super().output_shape if self.graph is None else self.known_output_shape

    @property
    def batch_shape(self):
        """The shape of the (first) input with the batch axis, None while unknown."""
        return self.batch_input_shape if self.graph is None else tuple(self.graph.input_symbols[0].shape)

    def _input_dtypes(self, xs):
        """What input arrays are cast to: what the first layer wants (integers, for an Embedding), else its dtype."""
        if self.graph is not None:
            return [x.dtype for x in self.graph.input_symbols]
        first = next(iter(self.layers), None)
        return [settings.floatx() if first is None else first.input_dtype or first.dtype] * len(xs)

    def _target_dtypes(self, ys):
        """What targets and sample weights are cast to; None casts floats to floatx, and integers, labels, stay."""
        if self.graph is None:
            return [None] * len(ys)
        return [None if y is None or y.dtype.kind != "f" else x.dtype for y, x in zip(ys, self.graph.output_symbols)]

    # What it does

    def __call__(self, inputs, *args, **kwargs):
        """The outputs for inputs; where no gradient can be asked for (``no_grad``), recorded as the steps are."""
        if (mode.recording() or args or kwargs or not isinstance(inputs, Value | np.ndarray) or self.run_eagerly
                or not self.built or not called_by_itself() or getattr(inputs, "mask", None) is not None):
            return super().__call__(inputs, *args, **kwargs)

        def call():
            out = super(Model, self).__call__(inputs)
            return [out, out.logits, out.mask] if isinstance(out, Value) else [out]
        captured = vars(self).setdefault("_captured", {}).setdefault("call", Captured(f"the model {self.name!r}"))
        array = inputs.data if isinstance(inputs, Value) else inputs
        out, *notes = captured((is_training(), isinstance(inputs, Value)), [array], call)
        if notes:
            out.logits, out.mask = notes
        return out

    def call(self, inputs, training=None, mask=None):
        """Run the graph."""
        if self.graph is None:
            raise TypeError(f"{type(self).__name__} must define call(self, inputs)")
        reported = self._added_metrics
        outputs, extra = self.graph.run(inputs, [*self._added_losses, *(symbol for _, symbol in reported)])
        for value in extra[:len(self._added_losses)]:
            noted_losses(self, value)
        for (name, _), value in zip(reported, extra[len(self._added_losses):]):
            super().add_metric(value, name)
        return outputs

    def compute_mask(self, inputs, mask=None):
        """The masks of the outputs for inputs with these masks: one, or a list for several outputs.

        In a call the masks go through the graph with the tensors; the outputs have theirs.
        """
        if self.graph is None:
            return super().compute_mask(inputs, mask)
        given = [copy.copy(x) for x in self.graph.match(inputs)]
        for x, own in zip(given, mask if isinstance(mask, list | tuple) else [mask] * len(given)):
            x.mask = own
        outputs = leaves(self.graph.run(given)[0] if len(given) > 1 else self.graph.run(given[0])[0])
        return _single([x.mask for x in outputs])

    def add_loss(self, losses, inputs=None):
        """Add to the loss: a scalar symbol of the graph, a tensor computed in ``call``, or a function."""
        symbols = symbols_in(list(losses) if isinstance(losses, list | tuple) else [losses])
        if self.graph is not None and symbols:
            self._added_losses = (*self._added_losses, *symbols)
            self._extend()
        else:
            super().add_loss(losses, inputs)

    def add_metric(self, value, name=None, aggregation="mean"):
        """Report a symbol of the graph, or a tensor computed in ``call``, averaged over the batches, under ``name``."""
        super().add_metric(value, name, aggregation)
        if self.graph is not None and symbols_in([value]):
            self._added_metrics = (*self._added_metrics, (name, value))
            self._extend()

    def _extend(self):
        """Let the graph compute what was added to it."""
        self.graph.extend([*self._added_losses, *(symbol for _, symbol in self._added_metrics)])
        settings.changed()

    def _nodes(self):
        return super()._nodes() if self.graph is None else self.graph.nodes

    def declared_losses(self, inputs=None):
        return super().declared_losses(inputs) + list(self._added_losses)

    # Its layers

    @property
    def layers(self):
        """The model's layers, in order; for a graph with its input layers."""
        return list(self.graph.layers) if self.graph is not None else super().sublayers

    @property
    def sublayers(self):
        if self.graph is None:
            return super().sublayers
        return list(dict.fromkeys([*self.graph.layers, *super().sublayers]))

    def get_layer(self, name=None, index=None):
        """A layer by its name, or by its place in :attr:`layers`."""
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(f"Was asked to retrieve layer at index {index} but model only has {len(self.layers)} "
                                 "layers.")
            return self.layers[index]
        if name is None:
            raise ValueError("Provide either a layer name or layer index.")
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(f"No such layer: {name}; the model has {', '.join(layer.name for layer in self.layers)}")

    def save_weights(self, filepath, overwrite=True):
        """Write the weights to a file: ``.npz``, ``.safetensors``, or HDF5 in Keras's layout.

        It appears whole or not at all; see :func:`tahr.models.weights.save_weights`.
        """
        save = array_weights.save_weights if is_array_file(filepath) else save_weights
        save(self, filepath, overwrite)

    def load_weights(self, filepath, by_name=False, skip_mismatch=False):
        """Read weights from such a file, all or none; see :func:`tahr.models.weights.load_weights`."""
        load = array_weights.load_weights if is_array_file(filepath) else load_weights
        load(self, filepath, by_name, skip_mismatch)

    def export(self, filepath, format="onnx", verbose=False):
        """Write the model to an ``.onnx`` file, for prediction elsewhere; see :func:`tahr.models.to_onnx`."""
        export(self, filepath, format, verbose)

    def save(self, filepath, overwrite=True, include_optimizer=True, save_format=None):
        """Write the whole model to a ``.keras`` or ``.h5`` file; see :func:`tahr.saving.save_model`."""
        save_model(self, filepath, overwrite, include_optimizer, save_format)

    def to_json(self, **kwargs):
        """The layers and how they are connected, as a JSON string; see :func:`tahr.saving.to_json`."""
        return to_json(self, **kwargs)

    def to_yaml(self, **kwargs):
        """Refused: YAML files may hold code.

        Raises:
            RuntimeError: always; ``to_json`` holds the same.
        """
        raise RuntimeError("to_yaml is gone, since YAML may hold code: use model.to_json()")

    def reset_states(self):
        """Let every stateful layer begin anew."""
        for layer in self.all_layers():
            if layer is not self and layer.stateful and hasattr(layer, "reset_states"):
                layer.reset_states()

    @property
    def stateful(self):
        return any(layer.stateful for layer in self.sublayers)

    def summary(self, line_length=None, positions=None, print_fn=print):
        """Print a table of the layers, their output shapes and numbers of parameters."""
        for line in summary_lines(self, line_length, positions):
            print_fn(line)

    # Its config

    def get_config(self):
        """The layers and how they are connected, as plain data; for a subclass the arguments of its constructor."""
        return super().get_config() if self.graph is None else graph_config(self)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A model made from the result of :meth:`get_config`, with new weights."""
        if "layers" in config and "output_layers" in config:
            return graph_from_config(cls, config)
        return super().from_config(config)


def _single(items):
    return items[0] if len(items) == 1 else list(items)
