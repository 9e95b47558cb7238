"""Whole models and weights in the files of Keras: ``.keras``, ``.weights.h5``, ``.h5``; JSON."""

import contextlib
import datetime
import hashlib
import io
import json
import math
import os
import warnings
import zipfile

import numpy as np

from .. import losses, metrics, optimizers
from ..layers.base import Layer
from ..utils.budget import weights_within
from ..utils.custom import custom_object_scope, get_custom_objects
from ..utils.errors import ModelFileError
from ..utils.files import replacing
from ..utils.hdf5 import hdf5_writing
from . import archive, hdf5, layout, legacy, states
from .bounded_json import parse
from .objects import made, serialize_keras_object
from .reading import Reader, keras_of
from .writing import OPTIMIZER_LACKS, Writer

VERSION_2, VERSION_3 = "2.3.1", "3.0.0"     # whose layouts are written
ENDINGS = (".keras", ".h5", ".hdf5", ".h5df")
MAX_PARAMETERS = 2 ** 28        # that a config without weights may ask for: a gigabyte
BROKEN = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError, RuntimeError,
          ZeroDivisionError, AssertionError, NotImplementedError, MemoryError)


# Saving

def save_model(model, filepath, overwrite=True, include_optimizer=True, save_format=None):
    """Write a whole model to a file: its layers, weights, how it is trained, and the state of its training.

    Arguments:
        filepath: its ending says the format: ``.keras`` (Keras 3's), ``.h5``, ``.hdf5`` or none (Keras 2's HDF5, which
            tf_keras and Keras 3 read too). Or a binary file object, or an ``h5py.File``, for Keras 2's.
        overwrite: whether a file that is there may be replaced, default True.
        include_optimizer: whether the state of the optimizer is written, default True.
        save_format: ``'keras'`` or ``'h5'``; default: by the ending.

    The file appears whole or not at all.

    Raises:
        ValueError: for another format, and for a model that is not built. FileExistsError: without ``overwrite``.

    >>> import os, tempfile, tahr
    >>> model = tahr.Sequential([tahr.layers.Dense(2, input_dim=3)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(model, os.path.join(folder, "model.keras"))
    ...     load_model(os.path.join(folder, "model.keras")).count_params()
    8
    """
    _require_built(model, "saved")
    kind = _format(filepath, save_format)
    if kind == "h5" and not _is_path(filepath):
        return _to_open_file(model, filepath, include_optimizer)
    write = _write_keras if kind == "keras" else _write_h5
    if not _is_path(filepath):
        return write(filepath, model, include_optimizer)
    with replacing(filepath, overwrite) as part:
        write(part, model, include_optimizer)


def _require_built(model, what):
    if not model.weights and not model.built:
        raise ValueError(f"model {model.name!r} is not built yet and cannot be {what}: call it on data, or give its "
                         "first layer an input_shape")


def _is_path(filepath):
    return isinstance(filepath, str | bytes | os.PathLike)


def _format(filepath, save_format):
    if save_format is None:
        ending = os.path.splitext(os.fsdecode(filepath))[1].lower() if _is_path(filepath) else ".h5"
        if ending not in (*ENDINGS, "") and len(ending) > 1 and not ending[1:].isdigit():
            raise ValueError(f"a model is saved to a file whose name ends with {', '.join(ENDINGS)}, got "
                             f"{os.fsdecode(filepath)!r}")
        return "keras" if ending == ".keras" else "h5"
    if save_format not in ("keras", "keras_v3", "h5", "hdf5"):
        raise ValueError(f"save_format must be 'keras' or 'h5', got {save_format!r}")
    return "keras" if save_format.startswith("keras") else "h5"


def _to_open_file(model, target, include_optimizer):
    import h5py
    if isinstance(target, h5py.Group):
        return _fill_h5(target, model, include_optimizer)
    with h5py.File.in_memory() as file:
        _fill_h5(file, model, include_optimizer)
        file.flush()
        target.write(file.id.get_file_image())


def _own_metadata(model, training, digest=None):
    """What Keras has no place for: it is left out of account there."""
    own = {"version": 1}
    if digest:
        own["sha256"] = digest
    if training:
        own["optimizer"] = _plain(Writer(2)._entry(type(model.optimizer), model.optimizer.get_config()))
        own["sample_weight_mode"] = _plain(model._compiled[4])
        own["scalars"] = [float(s.data) for s in states.own_scalars(model.optimizer)]
        own["random"] = _plain(model.get_random_state())
    return own


def _plain(tree):
    """Arrays and NumPy numbers as lists and numbers."""
    if isinstance(tree, dict):
        return {str(k): _plain(v) for k, v in tree.items()}
    if isinstance(tree, list | tuple):
        return [_plain(v) for v in tree]
    return tree.tolist() if hasattr(tree, "tolist") else tree


def _json(tree):
    return json.dumps(_plain(tree), default=_named, allow_nan=False)


def _named(value):
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    raise TypeError(f"{type(value).__name__} {value!r} cannot stand in a config")


def _write_keras(target, model, include_optimizer):
    import h5py
    training = include_optimizer and model.optimizer is not None
    config = Writer(3).write(model)
    if model.optimizer is not None:
        config["compile_config"] = _compile_config(model)
    with h5py.File.in_memory() as file:
        layout.write(file, model)
        if training:
            own = file.create_group("optimizer/vars")
            own.attrs["name"] = model.optimizer.name
            for i, (_, array) in enumerate(states.written(model.optimizer, model.trainable_weights)):
                own.create_dataset(str(i), data=array)
        file.flush()
        weights = file.id.get_file_image()
    metadata = {"keras_version": VERSION_3, "date_saved": datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S"),
                "tahr": _own_metadata(model, training, hashlib.sha256(weights).hexdigest())}
    with zipfile.ZipFile(target, "w") as file:
        file.writestr("metadata.json", json.dumps(metadata))
        file.writestr("config.json", _json(config))
        file.writestr("model.weights.h5", weights)


def _compile_config(model):
    loss, metric, loss_weights, weighted, _ = model._compiled
    optimizer = Writer(3).write(model.optimizer)
    arguments = optimizer["config"]
    if arguments.get("decay"):
        arguments["learning_rate"] = {
            "module": "keras.optimizers.schedules", "class_name": "InverseTimeDecay", "registered_name": None,
            "config": {"initial_learning_rate": arguments["learning_rate"], "decay_steps": 1,
                       "decay_rate": arguments["decay"]}}
    for name in OPTIMIZER_LACKS:
        arguments.pop(name, None)
    return {"optimizer": optimizer, "loss": serialize_keras_object(loss), "metrics": serialize_keras_object(metric),
            "loss_weights": loss_weights, "weighted_metrics": serialize_keras_object(weighted), "run_eagerly": False,
            "steps_per_execution": 1, "jit_compile": False}


def _write_h5(path, model, include_optimizer):
    with hdf5_writing(path) as file:
        _fill_h5(file, model, include_optimizer)


def _fill_h5(file, model, include_optimizer):
    training = include_optimizer and model.optimizer is not None
    file.attrs["backend"], file.attrs["keras_version"] = "tensorflow", VERSION_2
    hdf5.write_text(file, "model_config", _json(Writer(2).write(model)))
    legacy.write(file.create_group("model_weights"), model.layers, VERSION_2)
    if model.optimizer is None:
        return
    loss, metric, loss_weights, weighted, mode = model._compiled
    optimizer = Writer(2).write(model.optimizer)
    optimizer["config"] = {k: v for k, v in optimizer["config"].items()
                           if v is not None and (k, v) != ("decay", 0.0) and k != "schedule_decay"}
    hdf5.write_text(file, "training_config", _json({
        "optimizer_config": optimizer, "loss": _spelled_out(_classic(loss)), "metrics": _classic(metric),
        "weighted_metrics": _classic(weighted), "sample_weight_mode": mode, "loss_weights": loss_weights}))
    if training:
        own = file.create_group("optimizer_weights")
        found = states.in_keras2(model.optimizer, model.trainable_weights)
        hdf5.write_names(own, "weight_names", [f"{name}:0" for name, _ in found])
        for name, array in found:
            own.create_dataset(f"{name}:0", data=array)
        hdf5.write_text(file, "tahr", json.dumps(_own_metadata(model, training)))


def _classic(tree):
    """Losses and metrics as Keras 2 writes them."""
    found = serialize_keras_object(tree)

    def stripped(value):
        if isinstance(value, list):
            return [stripped(v) for v in value]
        if isinstance(value, dict):
            return {k: stripped(v) for k, v in value.items()
                    if "class_name" not in value or k in ("class_name", "config")}
        return value
    return stripped(found)


def _spelled_out(tree):
    """Losses by their whole names: Keras 3 does not find ``mse`` in old files."""
    if isinstance(tree, list):
        return [_spelled_out(v) for v in tree]
    if isinstance(tree, dict):
        return tree if "class_name" in tree else {k: _spelled_out(v) for k, v in tree.items()}
    return getattr(getattr(losses, tree, None), "__name__", tree) if isinstance(tree, str) else tree


def to_json(model, **kwargs):
    """The layers of a model and how they are connected, as a JSON string in Keras 2's form.

    Arguments:
        kwargs: for ``json.dumps``.

    >>> import tahr
    >>> text = to_json(tahr.Sequential([tahr.layers.Dense(2, input_dim=3)]))
    >>> model_from_json(text).output_shape
    (None, 2)
    """
    config = {**Writer(2).write(model), "keras_version": VERSION_2, "backend": "tensorflow"}
    return json.dumps(_plain(config), **{"default": _named, **kwargs})


# Loading

def load_model(filepath, custom_objects=None, compile=True, safe_mode=True, backend=None, max_parameters=None):
    """Read a whole model from a file of Keras 1, 2 or 3, tf_keras or tahr, whatever its ending.

    No code in a file is ever run, nothing that it names is imported or opened, and its sizes are checked before memory
    is taken. Where the file has the state of a training, ``fit`` goes on with the step that would have come next.

    Arguments:
        filepath: the path, a binary file object, or an ``h5py.File``.
        custom_objects: maps names to classes and functions of your own; the function of a ``Lambda`` also by the name
            of the layer.
        compile: whether the model is also compiled as it was, default True.
        safe_mode: True (the default) finds only those of your classes that were registered or are in
            ``custom_objects``; False finds every class of the running program that is derived from one of tahr's.
        backend: the backend of a file of Keras 1, which does not say it: ``'theano'`` turns kernels round.
        max_parameters: how many numbers the weights may hold; default: as many as the file.

    Raises:
        ModelFileError: for a file that is damaged, unsafe, of another kind or version. OSError: where it cannot be
            read.
    """
    if backend not in legacy.BACKENDS:
        raise ValueError(f"backend must be one of {legacy.BACKENDS}, got {backend!r}")
    with _naming(filepath), _source(filepath) as (source, kind), custom_object_scope(custom_objects or {}):
        if kind == "keras":
            return _read_keras(source, compile, not safe_mode, max_parameters)
        with hdf5.opened(source) if not hasattr(source, "attrs") else contextlib.nullcontext(
                hdf5.Group(source, "/")) as file:
            return _read_h5(file, compile, not safe_mode, backend, max_parameters)


@contextlib.contextmanager
def _naming(filepath):
    """Whatever goes wrong with a file is one error, which names it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)     # of old spellings in the file
            yield
    except ModelFileError as error:
        shown = repr(os.fsdecode(filepath)) if _is_path(filepath) else "the file"
        raise ModelFileError(f"{shown} was not loaded: {error}") from error.__cause__


@contextlib.contextmanager
def _source(filepath):
    """``(path or file object, 'keras' or 'h5')`` by the first bytes."""
    if hasattr(filepath, "attrs"):
        yield filepath, "h5"
        return
    if not _is_path(filepath):
        data = io.BytesIO(filepath.read())
        yield data, _kind(data.getvalue()[:8])
        return
    if os.path.isdir(filepath):
        raise ModelFileError("it is a folder: models are read from .keras and .h5 files")
    with open(filepath, "rb") as file:
        kind = _kind(file.read(8))
    yield os.fsdecode(filepath), kind


def _kind(head):
    if head.startswith(b"PK"):
        return "keras"
    if head == b"\x89HDF\r\n\x1a\n":
        return "h5"
    raise ModelFileError("it is neither a zip file, as .keras files are, nor an HDF5 file")


def _read_keras(source, compile, own_classes, max_parameters):
    with archive.opened(source) as members:
        if missing := [n for n in ("config.json", "model.weights.h5") if n not in members]:
            raise ModelFileError(f"it has no {missing[0]}")
        config = parse(members["config.json"](), "config.json")
        version, own, weights = _checked_weights(members)
    reader = Reader(version, own_classes)
    compiled = config.pop("compile_config", None) if isinstance(config, dict) else None
    with hdf5.opened(io.BytesIO(weights)) as file:
        tree = file.tree()
        of_training = sorted((p for p in tree if _of_optimizer(p)), key=lambda p: int(p.rpartition("/")[2]))
        limit = sum(s.size for p, s in tree.items() if not layout._is_ignored(p))
        model = _built(reader.read(config), limit if max_parameters is None else max_parameters, True)
        _build_by_file(model, config)
        _assign([(w, stored) for w, stored in layout.matched(tree, model)])
        if compile and isinstance(compiled, dict):
            _compile(model, reader, compiled, own, [tree[p] for p in of_training])
    return model


def _checked_weights(members):
    """The version of Keras, our own metadata, and the bytes of the weights, of a ``.keras`` file."""
    metadata = parse(members["metadata.json"](), "metadata.json") if "metadata.json" in members else {}
    if not isinstance(metadata, dict):
        raise ModelFileError(f"metadata.json must hold a dict, got {type(metadata).__name__}")
    version, own = keras_of(metadata.get("keras_version", "3")), _checked_metadata(metadata.get("tahr"))
    weights = members["model.weights.h5"]()
    if own.get("sha256") not in (None, hashlib.sha256(weights).hexdigest()):
        raise ModelFileError("the weights are not those that were written: their checksum differs")
    return version, own, weights


def _of_optimizer(path):
    group, _, number = path.rpartition("/")
    return group in ("optimizer/vars", "_optimizer/vars") and number.isdigit()


def _checked_metadata(own):
    if own is None:
        return {}
    if not isinstance(own, dict) or own.get("version") != 1:
        raise ModelFileError("its own metadata are of a later version, or damaged")
    return own


def _build_by_file(model, config):
    """Build a model whose layers did not say the shape of their input, by what the file says of it."""
    if model.weights or model.built:
        return
    shape = (config.get("build_config") or {}).get("input_shape") if isinstance(config, dict) else None
    if isinstance(shape, list) and hasattr(model, "build"):
        with _broken("the input shape"):
            model.build(tuple(shape))


@contextlib.contextmanager
def _broken(what):
    try:
        yield
    except ModelFileError:
        raise
    except BROKEN as error:
        raise ModelFileError(f"{what} cannot be made ({type(error).__name__}: {str(error)[:500]})") from error


def _built(config, limit, empty):
    """The model of a config, with weights within a limit."""
    with _broken("the model"), weights_within(limit, empty):
        model = made(config, None, Layer)
        if not hasattr(model, "get_layer"):
            raise ModelFileError(f"it holds a {type(model).__name__}, not a model")
        return model


def _assign(pairs):
    """Set weights, all or none."""
    for w, stored in pairs:
        if tuple(w.shape) != tuple(stored.shape):
            raise ModelFileError(f"the weight {w.name!r} has shape {tuple(w.shape)}, the file has one of "
                                 f"{stored.shape}")
        if not _same_kind(w.dtype, stored.dtype):
            raise ModelFileError(f"the weight {w.name!r} holds {w.dtype}, the file {stored.dtype}")
    values = [stored.read() if hasattr(stored, "read") else stored for _, stored in pairs]
    for (w, _), value in zip(pairs, values):
        w.assign(np.asarray(value).astype(w.dtype, copy=False))


def _same_kind(own, stored):
    return (own.kind in "iu") == (stored.kind in "iu") and (own.kind == "b") == (stored.kind == "b")


def _read_h5(file, compile, own_classes, backend, max_parameters):
    text = file.text("model_config")
    if text is None:
        raise ModelFileError("No model found in config: the file has weights alone; make the model and call "
                             "load_weights")
    version = file.text("keras_version")
    weights = legacy.LegacyWeights(file.child("model_weights"), None, file.text("backend") or backend)
    reader = Reader(keras_of(version), own_classes)
    config = parse(text, "model_config")
    limit = weights.elements if max_parameters is None else max_parameters
    model = _built(reader.read(config), limit, True)
    _assign(weights.pairs(model))
    own = _checked_metadata(parse(file.text("tahr"), "the metadata")) if "tahr" in file.group.attrs else {}
    training = file.text("training_config")
    if compile and training is None:
        warnings.warn("Error in loading the saved optimizer state, or none was saved: the file has no training "
                      "configuration, the model is not compiled. Compile it manually.", UserWarning, stacklevel=4)
    elif compile:
        stored = []
        if "optimizer_weights" in file:
            group = file.child("optimizer_weights")
            stored = [group.array(name) for name in group.names("weight_names")]
        settings = parse(training, "training_config")
        if not isinstance(settings, dict):
            raise ModelFileError("training_config must be a dict")
        settings = {("optimizer" if k == "optimizer_config" else k): v for k, v in settings.items()}
        _old_limit(settings.get("optimizer"), version)
        _compile(model, reader, settings, own, stored)
    return model


def _old_limit(optimizer, version):
    """Before Keras 2.4, clipnorm was the largest norm of all gradients together."""
    config = optimizer.get("config") if isinstance(optimizer, dict) else None
    if isinstance(config, dict) and config.get("clipnorm") and (version or "1") < "2.4" and "tf" not in (version or ""):
        config["global_clipnorm"] = config.pop("clipnorm")


# Training

def _compile(model, reader, settings, own, stored):
    """Compile a model as it was, and give its optimizer the state that it had."""
    with _broken("how the model was compiled"):
        optimizer = _optimizer(reader, settings.get("optimizer"), own.get("optimizer"))
        mode = settings.get("sample_weight_mode", own.get("sample_weight_mode"))
        model.compile(optimizer, loss=_objects(reader, settings.get("loss"), losses),
                      metrics=_objects(reader, settings.get("metrics"), metrics),
                      loss_weights=reader.plain(settings.get("loss_weights")),
                      weighted_metrics=_objects(reader, settings.get("weighted_metrics"), metrics),
                      sample_weight_mode=mode)
    if stored:
        with _broken("the state of the optimizer"):
            pairs = states.arranged(model.optimizer, model.trainable_weights, stored)
            values = [s.read() for _, s in pairs]
            for (array, s), value in zip(pairs, values):
                if not _same_kind(array.dtype, s.dtype):
                    raise ModelFileError(f"{s.path!r} holds {s.dtype} for {array.dtype}")
                array[...] = value
            states.set_calls(model.optimizer)
            if int(model.optimizer.iterations.data) < 0:
                raise ModelFileError("the optimizer has made a negative number of updates")
        _set_scalars(model.optimizer, own.get("scalars"))
    if "random" in own:
        with _broken("the state of random numbers"):
            model.set_random_state(_random_state(own["random"]))


def _set_scalars(optimizer, values):
    """Single numbers of the optimizer, to the last bit."""
    scalars = states.own_scalars(optimizer)
    if values is not None and len(values) == len(scalars):
        for scalar, value in zip(scalars, values):
            scalar.assign(float(value))


def _random_state(tree):
    """A state of random numbers from JSON, where arrays are lists."""
    name, words, place, gauss, cached = tree["numpy"]
    generators = [{**g, "state": {k: np.array(v, np.uint64) for k, v in g["state"].items()},
                   "buffer": np.array(g["buffer"], np.uint64)} for g in tree["generators"]]
    return {"python": tree["python"], "numpy": [name, np.array(words, np.uint32), place, gauss, cached],
            "generators": generators}


def _optimizer(reader, config, own):
    """The optimizer; by our own metadata where the file has them."""
    for given, by in ((own, Reader(2, reader.own_classes)), (config, reader)):
        if isinstance(given, dict):
            given = {k: v for k, v in given.items() if k in ("class_name", "config", "module", "registered_name")}
            found = by.read(given)
            if found["class_name"] not in get_custom_objects():
                found["config"] = _optimizer_arguments(found)
            return optimizers.deserialize(found, dict(get_custom_objects()))
    if config is None or isinstance(config, str):
        return config or "rmsprop"
    raise ModelFileError("the optimizer must be a name or a config")


IGNORED_BY_OPTIMIZERS = ("jit_compile", "is_legacy_optimizer", "loss_scale_factor")


def _optimizer_arguments(found):
    config = {k: v for k, v in found["config"].items() if k not in IGNORED_BY_OPTIMIZERS}
    rate = config.get("learning_rate", config.get("lr"))
    if isinstance(rate, list):
        config["learning_rate"] = rate[0]
    return config


def _objects(reader, tree, module):
    """Losses or metrics: names, configs, lists and dicts of such."""
    if isinstance(tree, list):
        return [_objects(reader, t, module) for t in tree]
    if isinstance(tree, dict) and "class_name" in tree:
        found = reader.plain(tree)
        return module.deserialize(found, dict(get_custom_objects())) if isinstance(found, dict | str) else found
    if isinstance(tree, dict):
        return {k: _objects(reader, t, module) for k, t in tree.items()}
    if isinstance(tree, str) and tree in get_custom_objects():
        return get_custom_objects()[tree]
    return tree


# Weights alone

def save_weights(model, filepath, overwrite=True):
    """Write the weights of a model to an HDF5 file, which appears whole or not at all.

    Arguments:
        filepath: ``.weights.h5`` is Keras 3's layout; every other ending that of Keras 1 and 2.
        overwrite: whether a file that is there may be replaced, default True.

    Raises:
        ValueError: for a model that is not built. FileExistsError: without ``overwrite`` where there is a file.
        OSError: where it cannot be written.
    """
    import h5py
    _require_built(model, "saved")
    if isinstance(filepath, h5py.Group):
        return legacy.write(filepath, model.layers, VERSION_2)
    with replacing(filepath, overwrite) as part, hdf5_writing(part) as file:
        if os.fsdecode(filepath).endswith(".weights.h5"):
            layout.write(file, model)
        else:
            legacy.write(file, model.layers, VERSION_2)


def load_weights(model, filepath, by_name=False, skip_mismatch=False, backend=None):
    """Set the weights of a model from a file of any of Keras's formats; nothing is changed unless all of it fits.

    Arguments:
        filepath: of weights or of a whole model: ``.weights.h5``, ``.h5``, ``.keras``.
        by_name: match layers by their names, and leave those alone that the file does not have; default: by their
            order. In Keras 3's files, which have no names, it is by the layers' paths.
        skip_mismatch: leave layers alone whose weights are others in number or shape.
        backend: as for :func:`load_model`.

    Raises:
        ModelFileError: for a file that is damaged or unsafe, and where layers, weights or shapes differ. OSError: where
            it cannot be read.
    """
    with _naming(filepath), _source(filepath) as (source, kind):
        if kind == "keras":
            with archive.opened(source) as members:
                if "model.weights.h5" not in members:
                    raise ModelFileError("it has no model.weights.h5")
                source = io.BytesIO(_checked_weights(members)[2])
        with hdf5.opened(source) if not hasattr(source, "attrs") else contextlib.nullcontext(
                hdf5.Group(source, "/")) as file:
            _assign(_pairs(model, file, by_name, skip_mismatch, backend))


def _pairs(model, file, by_name, skip_mismatch, backend):
    names = file.group.attrs
    if "layer_names" in names or "layer_names0" in names or "model_weights" in file:
        group = file if "model_weights" not in file else file.child("model_weights")
        version = None if group is file else file.text("keras_version")
        found = legacy.LegacyWeights(group, None if "keras_version" in group.group.attrs else version and "1",
                                     backend or file.text("backend"))
        return found.pairs(model, by_name, skip_mismatch)
    pairs = layout.matched(file.tree(), model, by_name, skip_mismatch)
    if skip_mismatch:
        pairs = [(w, s) for w, s in pairs if tuple(w.shape) == s.shape]
    return pairs


# Configs

def model_from_json(json_string, custom_objects=None, safe_mode=True, max_parameters=MAX_PARAMETERS):
    """A model, with new weights, from what :func:`to_json` gave.

    Arguments:
        json_string: of Keras 1, 2 or 3, or tahr.
        custom_objects, safe_mode: as for :func:`load_model`.
        max_parameters: how many numbers its weights may hold, default 2**28.

    Raises:
        ModelFileError: for what is no config of a model, for code, and for more weights.
    """
    config = parse(json_string)
    if not isinstance(config, dict):
        raise ModelFileError(f"the config of a model must be a dict, got {type(config).__name__}")
    return model_from_config(config, custom_objects, safe_mode, max_parameters)


def model_from_config(config, custom_objects=None, safe_mode=True, max_parameters=MAX_PARAMETERS):
    """A model, with new weights, from a dict of ``class_name`` and ``config``; see :func:`model_from_json`."""
    if isinstance(config, list):
        raise TypeError("`model_from_config` expects a dictionary, not a list. Maybe you meant to use "
                        "`Sequential.from_config(config)`?")
    with _naming("the config"), custom_object_scope(custom_objects or {}):
        version = config.get("keras_version") if isinstance(config, dict) else None
        known = keras_of(version) if version else 3 if isinstance(config, dict) and "module" in config else 2
        config = {k: v for k, v in config.items() if k != "compile_config"} if isinstance(config, dict) else config
        return _built(Reader(known, not safe_mode).read(config), max_parameters, False)


__all__ = ["load_model", "load_weights", "math", "model_from_config", "model_from_json", "save_model", "save_weights",
           "to_json"]
