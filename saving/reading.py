"""Configs of every Keras as tahr's own: what classes and arguments are called there, and what their values mean.

What a config may name is closed: classes and functions of tahr, and those of the user that were registered, are in
scope, or were passed. Nothing is imported, run or opened because a file says so.
"""

import re

import numpy as np

from ..autograd import OPS
from ..constraints import Constraint
from ..initializers import Initializer
from ..layers.base import Layer
from ..losses.base import Loss
from ..metrics.base import Metric
from ..optimizers import Optimizer
from ..optimizers.schedules import LearningRateSchedule
from ..regularizers import Regularizer
from ..utils.configurable import _parameters
from ..utils.custom import get_custom_objects
from ..utils.errors import ModelFileError, did_you_mean
from ..utils.keras1 import RENAMED, SPECIAL
from ..utils.names import snake_case
from .hdf5 import safe_name

KINDS = (Layer, Initializer, Regularizer, Constraint, Optimizer, LearningRateSchedule, Loss, Metric)
TOP = {"module", "class_name", "config", "registered_name", "build_config", "compile_config", "shared_object_id",
       "name", "keras_version", "backend", "inbound_nodes", "tahr"}
MARK = "__keras_tensor__"
CLASSES = {"Functional": "Model", "Network": "Model", "Container": "Model"}      # by other names
# Arguments of other versions that say nothing about what is computed
SAYS_NOTHING = {"fn", "query_shape", "key_shape", "value_shape", "renorm_momentum", "shared_object_id",
                "_keras_api_names", "lora_alpha"}
LIMITS = {"num_thresholds": 10 ** 6, "num_classes": 4096, "n": 10 ** 9, "size": 10 ** 6, "num_sections": 10 ** 5}
FILES = {"vocabulary", "idf_weights", "feature_extractor_path", "filepath"}      # arguments that could name one


def keras_of(version):
    """The dialect of a config by the version of Keras that wrote it: 1, 2 or 3.

    Raises:
        ModelFileError: for a version that is not known.

    >>> keras_of("2.2.4-tf"), keras_of("3.15.1"), keras_of(None)
    (2, 3, 1)
    """
    if version is None:
        return 1
    major = re.match(r"(\d{1,3})(\.|$)", version) if isinstance(version, str) else None
    if major is None or int(major[1]) not in (0, 1, 2, 3):
        raise ModelFileError(f"the file was written by Keras {str(version)[:40]!r}; versions 1 to 3 are read")
    return max(1, int(major[1]))


class Reader:
    """Reads configs of one version of Keras.

    Arguments:
        version: 1, 2 or 3.
        own_classes: whether classes of the user's program may be named that were neither registered nor passed.

    Raises:
        ModelFileError: for code, names of classes and functions that are not known, arguments that would open files,
            and whatever else is no config.

    >>> Reader(3).read({"module": "keras.layers", "class_name": "Dense", "registered_name": None,
    ...                 "config": {"units": 3, "activation": "hard_sigmoid", "quantization_config": None}})
    {'class_name': 'Dense', 'config': {'units': 3, 'activation': 'hard_sigmoid_keras3'}}
    """

    def __init__(self, version, own_classes=False):
        self.version, self.own_classes = version, own_classes

    def read(self, config):
        """The config of an object, in tahr's own form."""
        if not isinstance(config, dict) or not {"class_name", "config"} <= config.keys():
            raise ModelFileError(f"a config is a dict of class_name and config, got {_shown(config)}")
        if unknown := config.keys() - TOP:
            raise ModelFileError(f"the config has an unknown key {sorted(map(str, unknown))[0]!r}; known are "
                                 f"{', '.join(sorted(TOP))}")
        found = self.plain(config)
        if not isinstance(found, dict):
            raise ModelFileError(f"the config is of no model or object: {_shown(config)}")
        return found

    def plain(self, value):
        """A part of a config."""
        if isinstance(value, list | tuple):
            return [self.plain(v) for v in value]
        if not isinstance(value, dict):
            return value
        if "class_name" in value:
            return self._object(value)
        return {k: self.plain(v) for k, v in value.items()}

    def _object(self, value):
        name = value["class_name"]
        if not isinstance(name, str):
            raise ModelFileError(f"class_name must be a name, got {_shown(name)}")
        if name in VALUES:
            return VALUES[name](self, value)
        if self._is_operation(value):
            value = _operation(self, value)
            name = "OpLayer"
        config = value.get("config")
        name, known = self._class(name, value)
        if isinstance(config, list) and name == "Sequential":       # as Keras 1 and 2.0 wrote it
            config = {"layers": config}
        if config is None:
            config = {}
        if not isinstance(config, dict):
            raise ModelFileError(f"the config of {name} must be a dict, got {_shown(config)}")
        if name == "Lambda" or "function" in config:
            config = _named_function(name, config)
        read = {k: self.plain(v) for k, v in config.items()}
        if known:
            read = self._adapted(name, known, read)
        found = {"class_name": name, "config": read}
        if "inbound_nodes" in value:        # an entry of a graph
            found["name"] = safe_name(value.get("name", read.get("name")))
            found["inbound_nodes"] = [self._call(call) for call in _list(value["inbound_nodes"])]
        return found

    def _is_operation(self, value):
        """Whether this is an op of Keras 3 in a graph; HDF5 files of Keras 3 do not say so outright."""
        module, config = value.get("module"), value.get("config")
        if "inbound_nodes" not in value or self.version != 3:
            return False
        if isinstance(module, str):
            return re.fullmatch(r"keras\.src\.ops\.\w+", module) is not None
        return isinstance(config, dict) and value["class_name"] != "InputLayer" and (
            "trainable" not in config and "layers" not in config) and value["class_name"] not in get_custom_objects()

    def _class(self, name, value):
        """The name under which a class is found, and the classes of ours of that name; none for one of the user's."""
        custom = get_custom_objects()
        for label in (value.get("registered_name"), name):
            if isinstance(label, str) and label in custom:
                return label, ()
        name = CLASSES.get(name, name).removeprefix("Custom>")
        found = [kind.registry[name] for kind in KINDS if name in kind.registry]
        package = __name__.partition(".")[0]
        if not found or not self.own_classes and all(c.__module__.partition(".")[0] != package for c in found):
            known = sorted({n for kind in KINDS for n in kind.registry})
            hint = ", and pass code of functions by name" if name.startswith("TF") else ""
            raise ModelFileError(f"unknown class {name[:80]!r}.{did_you_mean(name, known)} A class of your own is "
                                 f"found if it is decorated with register_keras_serializable or passed: "
                                 f"custom_objects={{{name[:80]!r}: ...}}{hint}")
        return name, found

    # Arguments

    def _adapted(self, name, classes, config):
        accepted = {a for c in classes for a in _parameters(c)[1]}
        old = {a for c in classes for kind in c.kinds() for a in RENAMED.get(kind, ())}
        special = any(kind in SPECIAL for c in classes for kind in c.kinds())
        is_layer = issubclass(classes[0], Layer)
        out = {}
        for key, v in config.items():
            if key in FILES and isinstance(v, str):
                raise ModelFileError(f"{name} would open a file: {key}={v[:80]!r}; a config holds the values "
                                     "themselves")
            if key in LIMITS and isinstance(v, int) and v > LIMITS[key]:
                raise ModelFileError(f"{name} has {key}={v}, above {LIMITS[key]}")
            if is_layer and key == "name" and v is not None:
                safe_name(v)
            v = self._value(key, v)
            if key in accepted or key in old or "layers" in config and key in MODEL_KEYS:
                out[key] = v
            elif (key in EXTRA.get(name, ()) or key not in SAYS_NOTHING and not _is_nothing(v)
                  or special and key in KERAS1):
                out[key] = v
        return FIXES.get(name, lambda reader, config: config)(self, out)

    def _value(self, key, value):
        if key.endswith("activation") and value == "hard_sigmoid" and self.version == 3:
            return "hard_sigmoid_keras3"
        if key.endswith("activation") and value == "hard_sigmoid_keras2":
            return "hard_sigmoid"
        if self.version == 1 and isinstance(value, dict) and "name" in value and "class_name" not in value:
            return _keras1_object(key, value)
        return value

    # Calls in a graph

    def _call(self, call):
        if isinstance(call, dict):
            if call.keys() - {"args", "kwargs"}:
                raise ModelFileError(f"a call in a graph has args and kwargs, got {_shown(call)}")
            return {"args": self.plain(_list(call.get("args", []))), "kwargs": self._options(call.get("kwargs", {}))}
        places = [self._place(place) for place in _list(call)]
        options = places[0][3] if places and len(places[0]) == 4 else {}
        if not any(_holds_mark(v) for v in options.values()):
            return places
        symbols = [{"class_name": MARK, "config": {"keras_history": place[:3]}} for place in places]
        return {"args": [symbols[0] if len(symbols) == 1 else symbols], "kwargs": options}

    def _place(self, place):
        """``[layer, node, index]``, maybe with the call's further arguments."""
        place = list(_list(place))
        if len(place) not in (3, 4):
            raise ModelFileError(f"a place in a graph is [layer, node, index], got {_shown(place)}")
        history = checked_history(place[:3])
        return [*history, self._options(place[3])] if len(place) == 4 else history

    def _options(self, kwargs):
        if not isinstance(kwargs, dict):
            raise ModelFileError(f"arguments of a call are a dict, got {_shown(kwargs)}")
        return {k: self._option(v) for k, v in kwargs.items() if v is not None and not (k == "training" and v is False)}

    def _option(self, value):
        """An argument of a call; before Keras 3, a list ``[layer, node, index]`` is a tensor of the graph."""
        if self.version < 3 and isinstance(value, list):
            if len(value) == 3 and isinstance(value[0], str) and all(type(n) is int for n in value[1:]):
                return {"class_name": MARK, "config": {"keras_history": checked_history(value)}}
            return [self._option(v) for v in value]
        return self.plain(value)


MODEL_KEYS = ("layers", "input_layers", "output_layers", "name", "trainable", "dtype")
KERAS1 = {"nb_row", "nb_col", "kernel_dim1", "kernel_dim2", "kernel_dim3", "forget_bias_init", "mode", "output_shape",
          "dropout"}
EXTRA = {"RNN": ("num_constants",), "Bidirectional": ("num_constants",)}


def checked_history(place):
    """``[layer, node, index]`` with what each must be."""
    name, node, index = place
    if not all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 10 ** 6 for n in (node, index)):
        raise ModelFileError(f"a place in a graph is [layer, node, index], got {_shown(place)}")
    return [safe_name(name), node, index]


def _list(value):
    if not isinstance(value, list | tuple):
        raise ModelFileError(f"a config has {_shown(value)} where a list is expected")
    return value


def _shown(value):
    return f"{type(value).__name__} {str(value)[:80]!r}"


def _is_nothing(value):
    return value is None or value is False or value == []


def _holds_mark(value):
    if isinstance(value, list):
        return any(map(_holds_mark, value))
    return isinstance(value, dict) and value.get("class_name") == MARK


# What is no object

def _mark(reader, value):
    config = value.get("config")
    if not isinstance(config, dict) or len(_list(config.get("keras_history"))) != 3:
        raise ModelFileError(f"a tensor of the graph needs its keras_history, got {_shown(value)}")
    return {"class_name": MARK, "config": {"keras_history": checked_history(config["keras_history"])}}


def _array(reader, value):
    config = value.get("config")
    config = config if isinstance(config, dict) else {}
    dtype = str(config.get("dtype"))
    if not re.fullmatch(r"bool|u?int(8|16|32|64)|float(16|32|64)", dtype):
        raise ModelFileError(f"a tensor in a config has the dtype {dtype[:40]!r}")
    return np.array(config.get("value"), dtype)


def _policy(reader, value):
    name = (value.get("config") or {}).get("name")
    if not isinstance(name, str):
        raise ModelFileError(f"a dtype policy needs a name, got {_shown(value)}")
    return "float32" if name.startswith("mixed_") else name


def _function(reader, value):
    custom = get_custom_objects()
    for name in (value.get("registered_name"), value.get("config")):
        if isinstance(name, str) and name in custom:
            return name
    name = value.get("config")
    if not isinstance(name, str):
        raise ModelFileError(f"a function is known by its name, got {_shown(name)}")
    return "hard_sigmoid_keras3" if name == "hard_sigmoid" and reader.version == 3 else name


def _refuse_code(reader, value):
    raise ModelFileError("the file holds the code of a function, which is never run: pass the function itself, "
                         "custom_objects={'name of the layer': function}")


def _slice(reader, value):
    config = value.get("config") or {}
    return slice(*(reader.plain(config.get(k)) for k in ("start", "stop", "step")))


VALUES = {
    MARK: _mark, "__tensor__": _array, "__numpy__": _array, "DTypePolicy": _policy, "FloatDTypePolicy": _policy,
    "Policy": _policy, "PolicyV1": _policy, "function": _function, "__lambda__": _refuse_code, "__slice__": _slice,
    "__ellipsis__": lambda reader, value: ..., "__tuple__": lambda reader, value: tuple(
        reader.plain(_list(value.get("items", value.get("config"))))),
    "TensorShape": lambda reader, value: reader.plain(_list(value.get("items"))),
    "__bytes__": _refuse_code,
}


def _named_function(owner, config):
    """The config of a Lambda: its function by a name, or as the user passed it under the name of the layer."""
    name, function = config.get("name"), config.get("function")
    custom = get_custom_objects()
    if isinstance(name, str) and callable(custom.get(name)):
        function = name
    elif isinstance(function, list | tuple) or config.get("function_type") == "lambda" or isinstance(
            function, dict) and function.get("class_name") == "__lambda__" or function == "<lambda>":
        raise ModelFileError(f"the {owner} {str(name)[:80]!r} holds the code of a function, which is never run: pass "
                             f"the function itself, custom_objects={{{str(name)[:80]!r}: function}}")
    dropped = ("function_type", "module", "output_shape_type", "output_shape_module", "mask_type", "mask_module")
    shape = config.get("output_shape")
    if isinstance(shape, dict) or config.get("output_shape_type") == "lambda":
        raise ModelFileError(f"the {owner} {str(name)[:80]!r} holds code that tells its output's shape, which is never "
                             "run")
    return {**{k: v for k, v in config.items() if k not in dropped}, "function": function}


# Arguments that are more than renamed

def _input_layer(reader, config):
    if "shape" in config:
        config["input_shape"] = config.pop("shape")
    if "batch_shape" in config:
        config["batch_input_shape"] = config.pop("batch_shape")
    if config.pop("sparse", False) or config.pop("ragged", False):
        raise ModelFileError("the model takes sparse or ragged inputs, which are not supported")
    for key in ("optional", "trainable", "input_dtype"):
        value = config.pop(key, None)
        if key == "input_dtype" and value:
            config["dtype"] = value
    return config


def _batch_norm(reader, config):
    axis = config.get("axis")
    if isinstance(axis, list) and len(axis) == 1:
        config["axis"] = axis[0]
    for key in ("gamma_regularizer", "beta_regularizer", "gamma_constraint", "beta_constraint"):
        if key in config and config[key] is None:
            del config[key]
    return {k: v for k, v in config.items() if k != "mode" or v != 0}


def _flatten(reader, config):
    return {"data_format": "channels_last", **config} if reader.version == 1 else config


def _nadam(reader, config):
    """Keras 3 and tf_keras have no ``schedule_decay``: it is 1 there."""
    return {"schedule_decay": 1.0, **config}


def _without_groups(reader, config):
    return {k: v for k, v in config.items() if k != "groups" or v != 1}


def _by_channel(reader, config):
    """tf_keras also writes down an initializer that these layers, which have two kernels or another, do not use."""
    return {k: v for k, v in _without_groups(reader, config).items()
            if not k.startswith("kernel_") or k == "kernel_size"}


def _recurrent(reader, config):
    return {"recurrent_activation": "hard_sigmoid", **config} if reader.version == 1 and (
        "inner_activation" not in config) else config


def _merge(reader, config):
    for key in [k for k in config if k.endswith("_type")]:
        if config.pop(key) in ("lambda", "function"):
            raise ModelFileError("a Merge holds the code of a function, which is never run")
    return config


OPERATIONS = {"TrueDivide": "divide", "GetItem": "getitem", "Relu": "relu", "Abs": "absolute"}


def _operation(reader, value):
    """An op of Keras 3 that stands in a graph, as a layer of ours."""
    name = str(value["class_name"])
    op = OPERATIONS.get(name, snake_case(name))
    calls, config = value.get("inbound_nodes"), value.get("config")
    if op not in OPS or not isinstance(calls, list) or len(calls) != 1 or not isinstance(config, dict):
        raise ModelFileError(f"the operation {name[:80]!r} of Keras 3 has no counterpart that can be read")
    call = calls[0] if isinstance(calls[0], dict) else {}
    args, kwargs = _list(call.get("args")), call.get("kwargs") or {}
    marked = [isinstance(a, dict) and a.get("class_name") == MARK for a in args]
    if not any(marked):
        raise ModelFileError(f"the operation {name[:80]!r} is not called on tensors of the graph alone")
    constants = {i: reader.plain(a) for i, (a, mark) in enumerate(zip(args, marked)) if not mark}
    attributes = {k: v for k, v in {**config, **kwargs}.items() if k not in ("name", "dtype", "trainable")}
    places = [[*_mark(reader, a)["config"]["keras_history"], {}] for a, mark in zip(args, marked) if mark]
    return {"class_name": "OpLayer", "name": value.get("name"), "inbound_nodes": [places],
            "config": {"name": value.get("name"), "op": op, "constants": constants, "attributes": attributes}}


def _op_layer(reader, config):
    for value in _numbers(config.get("attributes") or {}):
        if abs(value) > 10 ** 6:
            raise ModelFileError(f"an OpLayer has the number {value} among its attributes, above a million")
    return config


def _numbers(tree):
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list | tuple) else [tree]
    for part in parts:
        if isinstance(part, dict | list | tuple):
            yield from _numbers(part)
        elif isinstance(part, int):
            yield part


FIXES = {"InputLayer": _input_layer, "BatchNormalization": _batch_norm, "Flatten": _flatten, "Nadam": _nadam,
         **dict.fromkeys(("SeparableConv1D", "SeparableConv2D", "DepthwiseConv1D", "DepthwiseConv2D"), _by_channel),
         **dict.fromkeys(("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"), _without_groups),
         "LSTM": _recurrent, "GRU": _recurrent, "Merge": _merge, "OpLayer": _op_layer}

KERAS1_NAMES = {"WeightRegularizer": "L1L2", "ActivityRegularizer": "L1L2", "L1L2Regularizer": "L1L2"}


def _keras1_object(key, value):
    """Regularizers and constraints of Keras 1: ``{"name": ..., **arguments}``."""
    if not key.endswith(("regularizer", "constraint")):
        return value
    arguments = {k: v for k, v in value.items() if k != "name"}
    name = str(value["name"])
    kind = Regularizer if key.endswith("regularizer") else Constraint
    found = KERAS1_NAMES.get(name) or next((n for n in kind.registry if n.lower() == name.lower()), name)
    return {"class_name": found, "config": arguments}


__all__ = ["KINDS", "MARK", "Reader", "checked_history", "keras_of"]
