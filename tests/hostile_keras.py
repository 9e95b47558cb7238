"""Files that attack, in Keras's formats: each is a good file of ours in which one thing was changed.

``CONFIGS`` change the config of a model (in ``.keras`` and ``.h5`` files and in JSON), ``TEXTS`` its JSON text,
``HDF5`` the weights, ``ZIPS`` the ``.keras`` archive. What any of them may do is nothing: code that was run would
make a folder ``touched``.
"""

import base64
import copy
import io
import json
import marshal
import zipfile

import h5py
import numpy as np

import tahr

from .hostile import flagged, info, zipped


def network():
    """A model of known names, compiled."""
    model = tahr.Sequential([tahr.layers.Dense(2, activation="relu", input_dim=3, name="d"),
                             tahr.layers.Dense(1, name="e")], name="m")
    model.compile("adam", "mse")
    return model


def touching(*_):
    """What hostile code would do."""
    __import__("os").makedirs("touched", exist_ok=True)


CODE = base64.b64encode(marshal.dumps(touching.__code__)).decode()
COMMAND = {"command": "mkdir touched"}


# Configs: each takes the list of layers' entries of a Sequential, and changes it

def replaced(entry):
    """The second layer is another."""
    def change(layers):
        layers[-1].clear()
        layers[-1].update(copy.deepcopy(entry))
    return change


def argument(name, value):
    """An argument of the second layer has another value."""
    def change(layers):
        layers[-1]["config"][name] = copy.deepcopy(value)
    return change


def layer(class_name, module="keras.layers", registered_name=None, /, **config):
    return replaced({"module": module, "class_name": class_name, "registered_name": registered_name,
                     "config": {"name": "x", "trainable": True, **config}})


def deep(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


LAMBDA = {"class_name": "__lambda__", "config": {"code": CODE, "defaults": None, "closure": None}}
CONFIGS = {
    "os.system as a layer": layer("system", "os", None, **COMMAND),
    "os.system with a registered name": layer("system", "os", "os>system", **COMMAND),
    "subprocess as a layer": layer("Popen", "subprocess", args=["mkdir", "touched"]),
    "eval as a layer": layer("eval", "builtins", source="__import__('os').mkdir('touched')"),
    "a class by its dotted path": layer("os.makedirs", name="touched"),
    "a module of ours as the path": layer("files.fetch", "tahr.utils", url="https://x", hash=None),
    "get_file as a layer": layer("get_file", "keras.utils", fname="x", origin="file:///etc/passwd"),
    "the unsafe switch as a layer": layer("enable_unsafe_deserialization", "keras.config"),
    "a callback as a layer": layer("CSVLogger", "keras.callbacks", filename="touched"),
    "another callback": layer("BackupAndRestore", "keras.callbacks", backup_dir="touched"),
    "an optimizer as a layer": layer("Adam", "keras.optimizers"),
    "a metric as a layer": layer("Mean", "keras.metrics"),
    "an abstract base": layer("Layer"),
    "an unknown class": layer("NoSuchLayer"),
    "an empty name of a class": layer(""),
    "a class that is a number": layer(7),
    "a class that is a list": layer(["Dense"]),
    "a class of huge name": layer("D" * 100_000),
    "a private class": layer("_Conv", filters=1, kernel_size=1),
    "a torch module": layer("TorchModuleWrapper", "keras.layers", module=CODE),
    "a saved model of TensorFlow": layer("TFSMLayer", "keras.layers", filepath="/tmp"),
    "bytecode in a Lambda of Keras 3": layer("Lambda", function=LAMBDA),
    "bytecode in a Lambda of Keras 2": layer("Lambda", function=[CODE, None, None], function_type="lambda"),
    "bytecode in a Lambda's shape": layer("Lambda", function="relu", function_type="function",
                                          output_shape=[CODE, None, None], output_shape_type="lambda"),
    "a Lambda of os.system": layer("Lambda", function="system", function_type="function", module="os"),
    "a Lambda of eval": layer("Lambda", function="eval", function_type="function", module="builtins"),
    "a Lambda of a dotted path": layer("Lambda", function="os.system", function_type="function"),
    "a Lambda of a dunder": layer("Lambda", function="__import__", function_type="function"),
    "a Lambda of text": layer("Lambda", function="lambda x: x", function_type="function"),
    "a Lambda around a function object": layer("Lambda", function={
        "module": "builtins", "class_name": "function", "config": "eval", "registered_name": "function"}),
    "an op that is none": layer("OpLayer", "tahr.layers", op="__import__", constants={}, attributes={}),
    "a Merge with code": layer("Merge", mode=[CODE, None, None], mode_type="raw"),
    "a vocabulary of a file": layer("StringLookup", vocabulary="/etc/passwd"),
    "a vocabulary of a file by its address": layer("StringLookup", vocabulary="file:///etc/passwd"),
    "a vocabulary from the net": layer("TextVectorization", vocabulary="https://localhost/x"),
    "integers of a file": layer("IntegerLookup", vocabulary="/etc/passwd"),
    "a wrapper around os.system": layer("TimeDistributed", layer={"module": "os", "class_name": "system",
                                                                   "config": COMMAND}),
    "a cell that is os.system": layer("RNN", cell={"module": "os", "class_name": "system", "config": COMMAND}),
    "a Bidirectional around bytecode": layer("Bidirectional", layer={"class_name": "Lambda", "config": {
        "name": "y", "function": LAMBDA}}),
    "a model inside with bytecode": layer("Sequential", "keras", layers=[
        {"class_name": "Lambda", "config": {"name": "y", "function": LAMBDA}}]),
    "an activation that is code": argument("activation", LAMBDA),
    "an activation that is eval": argument("activation", "eval"),
    "an activation by its path": argument("activation", "os.system"),
    "an activation that is an object": argument("activation", {
        "module": "builtins", "class_name": "function", "config": "exec", "registered_name": "function"}),
    "an activation that is a class": argument("activation", {"module": "keras.callbacks", "class_name": "CSVLogger",
                                                             "config": {"filename": "touched"}}),
    "an initializer that is os.makedirs": argument("kernel_initializer", {
        "module": "os", "class_name": "makedirs", "config": {"name": "touched"}, "registered_name": "makedirs"}),
    "an initializer that is a layer": argument("kernel_initializer", {"class_name": "Dense", "config": {"units": 1}}),
    "an initializer that is code": argument("kernel_initializer", LAMBDA),
    "a regularizer that is code": argument("kernel_regularizer", LAMBDA),
    "a constraint that is os.system": argument("kernel_constraint", {"module": "os", "class_name": "system",
                                                                     "config": COMMAND}),
    "a number that is an object": argument("units", {"module": "os", "class_name": "system", "config": COMMAND}),
    "a trillion units": argument("units", 10 ** 12),
    "as many units as there are integers": argument("units", 2 ** 63 - 1),
    "negative units": argument("units", -1),
    "units that are text": argument("units", "2" * 100),
    "units that are true": argument("units", True),
    "units that are a list": argument("units", [2]),
    "a convolution of a trillion weights": layer("Conv2D", filters=10 ** 6, kernel_size=[1000, 1000],
                                                 batch_input_shape=[None, 9, 9, 3]),
    "an embedding of a trillion rows": layer("Embedding", input_dim=10 ** 12, output_dim=10 ** 3),
    "a repetition of a trillion": layer("RepeatVector", n=10 ** 15),
    "a padding of a trillion": layer("ZeroPadding1D", padding=10 ** 12),
    "a deep config": argument("kernel_initializer", deep(150)),
    "an unknown argument": argument("backdoor", "touched"),
    "values for weights": argument("weights", [[1.0] * 10] * 10),
    "a name that leads out": argument("name", "../../touched"),
    "an absolute name": argument("name", "/touched"),
    "a name with a control character": argument("name", "x\x1b[2J"),
    "a name with a NUL": argument("name", "x\0"),
    "a name of a megabyte": argument("name", "x" * 2 ** 20),
    "a name that is a number": argument("name", 7),
    "a dtype that is code": argument("dtype", "__import__('os').mkdir('touched')"),
    "a dtype of objects": argument("dtype", "object"),
    "a dtype that is a class": argument("dtype", {"module": "os", "class_name": "system", "config": COMMAND}),
    "two layers of one name": argument("name", "d"),
    "no config": lambda layers: layers[-1].pop("config"),
    "no class": lambda layers: layers[-1].pop("class_name"),
    "a layer that is a number": lambda layers: layers.append(7),
    "a layer that is null": lambda layers: layers.append(None),
    "a layer that is text": lambda layers: layers.append("Dense"),
}


def with_config(change):
    """The bytes of a ``.keras`` file, of an ``.h5`` file, and the JSON text, of a model with a changed config."""
    return keras_file(change), h5_file(change), json_text(change)


def _changed(config, change):
    change(config["config"]["layers"])
    return json.dumps(config)


def good(ending):
    file = io.BytesIO()
    network().save(file, save_format=ending)
    return file.getvalue()


def members(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def keras_file(change):
    parts = members(good("keras"))
    parts["config.json"] = _changed(json.loads(parts["config.json"]), change)
    return zipped(*parts.items())


def changed_h5(change):
    """An ``.h5`` file after ``change(file)``."""
    content = io.BytesIO(good("h5"))
    with h5py.File(content, "r+") as file:
        change(file)
    return content.getvalue()


def h5_file(change):
    def rewrite(file):
        file.attrs["model_config"] = _changed(json.loads(file.attrs["model_config"]), change)
    return changed_h5(rewrite)


def json_text(change):
    return _changed(json.loads(network().to_json()), change)


# JSON text

TEXTS = {
    "deep lists": lambda text: "[" * 100_000 + "]" * 100_000,
    "deep dicts": lambda text: '{"a":' * 100_000 + "1" + "}" * 100_000,
    "a key twice": lambda text: text.replace('"class_name"', '"class_name": "Lambda", "class_name"', 1),
    "NaN": lambda text: text.replace('"units": 2', '"units": NaN'),
    "infinity": lambda text: text.replace('"units": 2', '"units": Infinity'),
    "a number that is infinite": lambda text: text.replace('"units": 2', '"units": 1e999'),
    "a million digits": lambda text: text.replace('"units": 2', '"units": ' + "9" * 10 ** 6),
    "no JSON": lambda text: "{'a': 1}",
    "a list": lambda text: "[]",
    "a number": lambda text: "7",
    "nothing": lambda text: "",
    "half of it": lambda text: text[:len(text) // 2],
    "YAML with code": lambda text: "!!python/object/apply:os.mkdir ['touched']",
    "another top": lambda text: text.replace('"class_name": "Sequential"', '"class_name": "system"', 1),
}


# HDF5: each changes an open file; the weights are under model_weights

KERNEL = "model_weights/d/d/kernel:0"


def instead(make):
    """Another thing in place of the first kernel."""
    def change(file):
        del file[KERNEL]
        make(file, KERNEL)
    return change


def _virtual(file, name):
    source = h5py.VirtualSource("/etc/hosts", "x", shape=(3, 2))
    layout = h5py.VirtualLayout(shape=(3, 2), dtype="f4")
    layout[...] = source
    file.create_virtual_dataset(name, layout)


def _text(file, name):
    file.create_dataset(name, (3, 2), dtype=h5py.string_dtype())


def _many(file, name):
    for i in range(2000):
        file.create_dataset(f"{name}{i}", data=np.zeros(1))


def attribute(place, name, value):
    def change(file):
        file[place].attrs[name] = value
    return change


HDF5 = {
    "an external link": instead(lambda f, n: f.__setitem__(n, h5py.ExternalLink("/etc/hosts", "/x"))),
    "an external link for a layer": lambda f: (f.__delitem__("model_weights/d"), f.__setitem__(
        "model_weights/d", h5py.ExternalLink("/etc/hosts", "/x"))),
    "an external link for all weights": lambda f: (f.__delitem__("model_weights"), f.__setitem__(
        "model_weights", h5py.ExternalLink("/etc/hosts", "/x"))),
    "a soft link": instead(lambda f, n: f.__setitem__(n, h5py.SoftLink("/model_weights/d/d/bias:0"))),
    "a soft link for a layer": lambda f: (f.__delitem__("model_weights/d"), f.__setitem__(
        "model_weights/d", h5py.SoftLink("/model_weights/e"))),
    "a soft link to itself": instead(lambda f, n: f.__setitem__(n, h5py.SoftLink(f"/{n}"))),
    "external storage": instead(lambda f, n: f.create_dataset(n, (3, 2), "f4", external=[("/etc/hosts", 0, 24)])),
    "a virtual data set": instead(_virtual),
    "a petabyte declared": instead(lambda f, n: f.create_dataset(n, (2 ** 24, 2 ** 24), "f4", chunks=(64, 64))),
    "a gigabyte of zeros packed": instead(lambda f, n: f.create_dataset(
        n, (2 ** 14, 2 ** 14), "f4", chunks=(2 ** 10, 2 ** 10), compression="gzip")),
    "another shape": instead(lambda f, n: f.create_dataset(n, data=np.ones((2, 3), "f4"))),
    "more axes": instead(lambda f, n: f.create_dataset(n, data=np.ones((3, 2, 1), "f4"))),
    "no axes": instead(lambda f, n: f.create_dataset(n, data=np.float32(1))),
    "nothing in it": instead(lambda f, n: f.create_dataset(n, data=h5py.Empty("f4"))),
    "text in place of numbers": instead(_text),
    "a structured type": instead(lambda f, n: f.create_dataset(n, (3, 2), [("a", "f4")])),
    "references": instead(lambda f, n: f.create_dataset(n, (3, 2), h5py.ref_dtype)),
    "region references": instead(lambda f, n: f.create_dataset(n, (3, 2), h5py.regionref_dtype)),
    "rows of any length": instead(lambda f, n: f.create_dataset(n, (3, 2), h5py.vlen_dtype("f4"))),
    "complex numbers": instead(lambda f, n: f.create_dataset(n, (3, 2), "c8")),
    "a filter that is not known": instead(lambda f, n: f.create_dataset(n, (3, 2), "i4", chunks=(3, 2), scaleoffset=4)),
    "a group in place of a weight": instead(lambda f, n: f.create_group(n)),
    "a type in place of a weight": instead(lambda f, n: f.__setitem__(n, np.dtype("f4"))),
    "no such weight": lambda f: f.__delitem__(KERNEL),
    "no such layer": lambda f: f.__delitem__("model_weights/d"),
    "a layer that is a data set": lambda f: (f.__delitem__("model_weights/d"),
                                             f.create_dataset("model_weights/d", data=np.ones(3))),
    "a cycle of groups": lambda f: (f.__delitem__("model_weights/d"), f.__setitem__(
        "model_weights/d", f["model_weights"])),
    "no names of layers": lambda f: f["model_weights"].attrs.__delitem__("layer_names"),
    "names of layers that are numbers": attribute("model_weights", "layer_names", [1, 2]),
    "a name of a layer that leads out": attribute("model_weights", "layer_names", [b"../x", b"e"]),
    "a name of a layer that is absolute": attribute("model_weights", "layer_names", [b"/model_weights/d", b"e"]),
    "a layer too many": attribute("model_weights", "layer_names", [b"d", b"e", b"e"]),
    "a weight's name that leads out": attribute("model_weights/d", "weight_names", [b"../e/e/kernel:0", b"d/bias:0"]),
    "a weight's name that is absolute": attribute("model_weights/d", "weight_names", [b"/x", b"d/bias:0"]),
    "a weight too many": attribute("model_weights/d", "weight_names", [b"d/kernel:0", b"d/bias:0", b"d/bias:0"]),
    "names that are not text": attribute("model_weights/d", "weight_names", [b"\xff\xfe", b"d/bias:0"]),
    "a name with a NUL": attribute("model_weights/d", "weight_names", np.array([b"d\0x", b"d/bias:0"])),
}


# Zip archives

def with_members(**changes):
    """A ``.keras`` file with other members; None takes one away."""
    parts = {**members(good("keras")), **changes}
    return zipped(*((k, v) for k, v in parts.items() if v is not None))


def with_more(*more, **options):
    return zipped(*members(good("keras")).items(), *more, **options)


def packed(name, size, kind=zipfile.ZIP_DEFLATED):
    parts = members(good("keras"))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as archive:
        for key, value in parts.items():
            if key != name:
                archive.writestr(key, value)
        with archive.open(name, "w", force_zip64=True) as member:
            for _ in range(size // 2 ** 20):
                member.write(b" " * 2 ** 20)
    return file.getvalue()


def metadata(**changes):
    own = json.loads(members(good("keras"))["metadata.json"])
    return with_members(**{"metadata.json": json.dumps({**own, **changes})})


ZIPS = {
    "a bomb as the config": lambda: packed("config.json", 2 ** 28),
    "a bomb as the weights": lambda: packed("model.weights.h5", 2 ** 28),
    "a bomb as the metadata": lambda: packed("metadata.json", 2 ** 28),
    "a config of 65 MB": lambda: packed("config.json", 65 * 2 ** 20, zipfile.ZIP_STORED),
    "an absolute member": lambda: with_more(("/touched", b"x")),
    "a member that leads out": lambda: with_more(("assets/../../touched", b"x")),
    "a member with a backslash": lambda: with_more(("..\\touched", b"x")),
    "a member with a drive": lambda: with_more(("C:/touched", b"x")),
    "a link": lambda: with_more((info("assets/x", external_attr=0o120777 << 16, create_system=3), "/etc/passwd")),
    "a device": lambda: with_more((info("assets/x", external_attr=0o020666 << 16, create_system=3), b"")),
    "a pickle beside": lambda: with_more(("model.pkl", b"cos\nsystem\n(S'mkdir touched'\ntR.")),
    "a script beside": lambda: with_more(("setup.py", b"import os; os.mkdir('touched')")),
    "a member twice": lambda: with_more(("config.json", b"{}")),
    "an encrypted member": lambda: flagged(good("keras"), 1),
    "another compression": lambda: zipped(*members(good("keras")).items(), compression=zipfile.ZIP_LZMA),
    "too many members": lambda: with_more(*((f"assets/{i}", b"") for i in range(1001))),
    "no config": lambda: with_members(**{"config.json": None}),
    "no weights": lambda: with_members(**{"model.weights.h5": None}),
    "weights that are no HDF5": lambda: with_members(**{"model.weights.h5": b"hello" * 100}),
    "weights of another checksum": lambda: with_members(**{"model.weights.h5": members(good("keras"))[
        "model.weights.h5"] + b"\0"}),
    "a version to come": lambda: metadata(keras_version="99.0.0"),
    "a version that is a list": lambda: metadata(keras_version=[3]),
    "metadata that are a list": lambda: with_members(**{"metadata.json": "[]"}),
    "a config that is no JSON": lambda: with_members(**{"config.json": b"\xff\xfe"}),
    "a file cut short": lambda: good("keras")[:-40],
    "half a file": lambda: good("keras")[:len(good("keras")) // 2],
    "an empty file": lambda: b"",
    "a pickle": lambda: b"\x80\x04\x95" + bytes(100),
}
