"""Models as the configs that Keras 3, and Keras 2 and tf_keras, read."""

from ..autograd import Spec
from ..layers.base import Layer
from ..layers.node import source
from ..optimizers.schedules import LearningRateSchedule
from ..utils.configurable import Configurable, _parameters, serialize
from ..utils.custom import get_custom_objects
from ..utils.tree import flatten
from .reading import KINDS, MARK, OPERATIONS

MODULES = dict(zip(KINDS, ("layers", "initializers", "regularizers", "constraints", "optimizers",
                           "optimizers.schedules", "losses", "metrics")))
# Arguments of ours that the other side does not have: left out where they say nothing, refused where they do.
_DEPTHWISE = ("filters", "groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint")
_RECURRENT = ("implementation",)
LACKS_3 = {
    **dict.fromkeys(("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"), ("groups",)),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), _DEPTHWISE),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), _DEPTHWISE[1:]),
    **dict.fromkeys(("Cropping1D", "UpSampling1D"), ("data_format",)),
    **dict.fromkeys(("LSTM", "GRU", "SimpleRNN", "LSTMCell", "GRUCell"), _RECURRENT),
    **dict.fromkeys(("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "Discretization"), ("trainable",)),
    "RMSNormalization": ("beta_constraint", "beta_initializer", "beta_regularizer", "center", "gamma_constraint",
                         "gamma_initializer", "gamma_regularizer", "scale"),
}
LACKS_2 = {
    **dict.fromkeys(("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"), ("seed", "zero_output_for_mask")),
    **dict.fromkeys(("LSTM", "GRU"), ("zero_output_for_mask",)),
    "SimpleRNN": ("seed", "zero_output_for_mask", "implementation"),
    "RNN": ("activity_regularizer", "zero_output_for_mask"),
    **dict.fromkeys(("LSTMCell", "GRUCell"), _RECURRENT),
    **dict.fromkeys(("Cropping1D", "UpSampling1D", "ZeroPadding1D", "CenterCrop", "RandomBrightness",
                     "RandomContrast", "RandomCrop", "RandomFlip", "RandomRotation", "RandomTranslation",
                     "RandomZoom"), ("data_format",)),
    **dict.fromkeys(("LocallyConnected1D", "LocallyConnected2D"), ("dilation_rate", "groups")),
    "Resizing": ("antialias", "data_format", "fill_mode", "fill_value", "pad_to_aspect_ratio"),
    "MultiHeadAttention": ("seed",),
}
OPTIMIZER_LACKS = ("decay", "schedule_decay")
RENAMED_3 = {"LeakyReLU": {"alpha": "negative_slope"}}
HARD_SIGMOID = {"hard_sigmoid": "hard_sigmoid_keras2", "hard_sigmoid_keras3": "hard_sigmoid"}


INPUT_ARGUMENTS = ("input_shape", "batch_input_shape", "input_dim", "input_length", "batch_size")


class Writer:
    """Writes configs for one version of Keras, 2 or 3.

    Raises:
        ValueError: for what that Keras cannot compute.

    >>> import tahr
    >>> Writer(3).write(tahr.layers.Activation("relu", name="a"))["config"]
    {'name': 'a', 'trainable': True, 'dtype': 'float32', 'activation': 'relu'}
    """

    def __init__(self, version):
        self.version = version

    def write(self, thing):
        """The config of an object of ours."""
        cls = type(thing)
        if isinstance(thing, Layer) and getattr(thing, "graph", None) is not None and cls.from_config.__func__ is (
                Layer.registry["Model"].from_config.__func__) and not hasattr(thing, "stack"):
            return self._entry(cls, self._graph(thing), thing)
        if hasattr(thing, "stack"):
            return self._entry(cls, self._sequential(thing), thing)
        return self._entry(cls, self.config(cls, thing.get_config(), thing), thing)

    def _entry(self, cls, config, thing=None, inner=False):
        name = "Functional" if self.version == 3 and cls.__name__ == "Model" else cls.__name__
        if self.version == 2 and not inner:     # Keras 3 reads the layers inside layers of old files by their modules
            return {"class_name": name, "config": config}
        registered = next((label for label, c in get_custom_objects().items() if c is cls), None)
        if cls.__module__.partition(".")[0] != __name__.partition(".")[0]:
            return {"module": cls.__module__, "class_name": name, "config": config,
                    "registered_name": registered or name}
        kind = next(k for k in KINDS if issubclass(cls, k))
        module = "keras" if name in ("Sequential", "Model") else f"keras.{MODULES[kind]}"
        entry = {"module": "keras.src.models.functional" if name == "Functional" else module, "class_name": name,
                 "config": config, "registered_name": "Functional" if name == "Functional" else None}
        shape = _built_shape(thing)
        return {**entry, "build_config": {"input_shape": shape}} if shape else entry

    def config(self, cls, config, thing=None):
        """The arguments of a layer or another object, as that Keras takes them."""
        name = cls.__name__
        lacks = (LACKS_3 if self.version == 3 else LACKS_2).get(name, ())
        if issubclass(cls, Layer.registry["InputLayer"]) and self.version == 3:
            return {"batch_shape": list(config["batch_input_shape"]), "dtype": config["dtype"], "sparse": False,
                    "name": config["name"]}
        out = {}
        for key, value in config.items():
            if key in INPUT_ARGUMENTS and (
                    value is None or self.version == 3 and (name, key) != ("Embedding", "input_dim")):
                continue
            if value is None and (key == "dtype" or key == "name" and not issubclass(cls, Layer)):
                continue
            if key in lacks:
                self._require_default(cls, key, value)
                continue
            key = (RENAMED_3 if self.version == 3 else {}).get(name, {}).get(key, key)
            if name == "LeakyReLU" and value is None:
                continue
            out[key] = self._value(key, value)
        return {**out, **_attention_shapes(thing)} if self.version == 2 and name == "MultiHeadAttention" else out

    def _require_default(self, cls, key, value):
        parameter = _parameters(cls)[0].parameters.get(key)
        default = parameter.default if parameter is not None else None
        if (value not in (None, False, True, 1, (1, 1), [1, 1], "channels_last", default)
                and key != "implementation" and not key.endswith("initializer")):
            raise ValueError(f"{cls.__name__} has {key}={value!r}, which Keras {self.version} does not have: the model "
                             "cannot be written for it")

    def _value(self, key, value):
        if isinstance(value, dict) and value.keys() == {"class_name", "config"}:
            found = [kind.registry[value["class_name"]] for kind in KINDS if value["class_name"] in kind.registry]
            wanted = [c for c in found if key.endswith(MODULES[next(k for k in KINDS if issubclass(c, k))][:-1])]
            cls = next(iter(wanted or found), None)
            if cls is None:
                return value
            return self._entry(cls, self.config(cls, value["config"]),
                               inner=issubclass(cls, Layer | LearningRateSchedule))
        if isinstance(value, dict):
            return {k: self._value(key, v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self._value(key, v) for v in value]
        if self.version == 3 and key.endswith("activation"):
            return HARD_SIGMOID.get(value, value) if isinstance(value, str) else value
        return value

    # Models

    def _sequential(self, model):
        layers = [self.write(layer) for layer in model.stack]
        if self.version == 3 and model.symbols and not isinstance(model.symbols[0], list):
            first = model.symbols[0]
            layers.insert(0, self._entry(Layer.registry["InputLayer"], {
                "batch_shape": list(first.shape), "dtype": first.dtype.name, "name": source(first)[0].layer.name}))
        elif self.version == 2 and model.symbols and model.stack and not isinstance(model.symbols[0], list):
            config, first = layers[0]["config"], model.symbols[0]
            config.pop("input_shape", None)
            config.pop("batch_input_shape", None)
            layers.insert(0, self._entry(Layer.registry["InputLayer"], {
                "batch_input_shape": list(first.shape), "dtype": first.dtype.name, "sparse": False,
                "name": source(first)[0].layer.name}))
        own = {"name": model.name, "layers": layers}
        return {**own, "trainable": model.trainable, "dtype": model.dtype} if self.version == 3 else own

    def _graph(self, model):
        if self.version == 2:
            config = model.get_config()
            by_name = {layer.name: layer for layer in model.graph.layers}
            config["layers"] = [{**entry, **self.write(by_name[entry["name"]]),
                                 "inbound_nodes": [_classic_call(call) for call in entry["inbound_nodes"]]}
                                for entry in config["layers"]]
            return config
        numbers, calls = numbered(model.graph)
        history = lambda x: [source(x)[0].layer.name, numbers[id(source(x)[0])], source(x)[1]]
        layers = []
        for layer in model.graph.layers:
            nodes = [n for n in calls[id(layer)] if n.inputs]
            entry = self._operation(layer, nodes[0], history) if type(layer).__name__ == "OpLayer" and nodes else {
                **self.write(layer), "inbound_nodes": [_call(n.args, n.kwargs, history) for n in nodes]}
            layers.append({**entry, "name": layer.name})
        place = lambda tree: ({k: history(x) for k, x in tree.items()} if isinstance(tree, dict) else
                              _single([history(x) for x in flatten(tree)[0]]))
        return {"name": model.name, "trainable": model.trainable, "layers": layers,
                "input_layers": place(model.graph.inputs), "output_layers": place(model.graph.outputs)}

    def _operation(self, layer, node, history):
        """An op in a graph, as the operation of Keras 3 of the same name."""
        names = {ours: theirs for theirs, ours in OPERATIONS.items()}
        name = names.get(layer.op, "".join(part.capitalize() for part in layer.op.split("_")))
        if layer.attributes:
            return {**self.write(layer), "inbound_nodes": [_call(node.args, node.kwargs, history)]}
        symbols = iter(node.inputs)
        count = len(layer.constants) + len(node.inputs)
        args = tuple(layer.constants[i] if i in layer.constants else next(symbols) for i in range(count))
        return {"module": "keras.src.ops.numpy", "class_name": name, "config": {"name": layer.name},
                "registered_name": name, "inbound_nodes": [_call(args, {}, history)]}


def numbered(graph):
    """Which of its layer's calls each node is, by its id, counted from 0; and the nodes of each layer, by its id."""
    mine, numbers, calls = {id(n) for n in graph.nodes}, {}, {}
    for layer in graph.layers:
        nodes = calls[id(layer)] = [n for n in layer.inbound_nodes if id(n) in mine]
        numbers.update({id(n): i for i, n in enumerate(nodes)})
    for symbol in graph.input_symbols:
        numbers.setdefault(id(source(symbol)[0]), 0)
    return numbers, calls


def _classic_call(call):
    """A call on one symbol, with others among its arguments by name, as tf_keras writes it; any other as it is."""
    places = [_place(x) for x in call["args"]] if isinstance(call, dict) else []
    if len(places) != 1 or places[0] is None:
        return call
    return [[*places[0], {k: _place(v) or v for k, v in call["kwargs"].items()}]]


def _place(value):
    return value["config"]["keras_history"] if isinstance(value, dict) and value.get("class_name") == MARK else None


def _call(args, kwargs, history):
    return {"args": _marked(list(args), history), "kwargs": _marked(kwargs, history)}


def _marked(tree, history):
    if isinstance(tree, Spec):
        return {"class_name": MARK, "config": {"shape": list(tree.shape), "dtype": tree.dtype.name,
                                               "keras_history": history(tree)}}
    if isinstance(tree, dict):
        return {k: _marked(v, history) for k, v in tree.items()}
    if isinstance(tree, list | tuple):
        return [_marked(v, history) for v in tree]
    if hasattr(tree, "dtype"):
        return {"class_name": "__numpy__", "config": {"value": tree.tolist(), "dtype": str(tree.dtype)}} if (
            tree.shape) else tree.item()
    return serialize(tree)


def _attention_shapes(layer):
    """What tf_keras builds a MultiHeadAttention by: the shapes of its first call."""
    shapes = [list(x.shape) for x in layer.inbound_nodes[0].inputs] if layer is not None and layer.inbound_nodes else []
    query, value, key = (*shapes, None, None, None)[:3]
    return {"query_shape": query, "value_shape": value or query, "key_shape": key or value or query}


def _single(items):
    return items[0] if len(items) == 1 else items


def _built_shape(layer):
    """The input shape of a layer that was built on one symbol."""
    if not isinstance(layer, Layer) or not layer.inbound_nodes or len(layer.inbound_nodes[0].inputs) != 1:
        return None
    return list(layer.inbound_nodes[0].inputs[0].shape)


__all__ = ["OPTIMIZER_LACKS", "Configurable", "Writer", "numbered"]
