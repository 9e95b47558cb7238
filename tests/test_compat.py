"""Programs of Keras 1 and 2: import paths, names that are not there, and ``python -m tahr run``."""

import importlib
import pathlib
import signal
import subprocess
import sys
import types

import pytest

import tahr
from tahr import compat
from tahr.__main__ import main, run

SEEDS = pathlib.Path(__file__).parent / "seeds"

# Where Keras 1.2.2 and 2.3.1 have things: path, then names; all of which tahr has under another path or name.
PATHS = """
keras: Input Model Sequential
keras.models: Model Sequential
keras.layers: Dense Activation Dropout Flatten Conv2D Convolution2D MaxPooling2D Input InputSpec Layer
keras.layers.core: Dense Activation Dropout Flatten Reshape RepeatVector Permute Lambda Masking SpatialDropout2D
keras.layers.convolutional: Conv1D Convolution1D Conv2D Convolution2D ZeroPadding2D UpSampling2D Cropping2D MaxPooling2D
keras.layers.normalization: BatchNormalization
keras.layers.advanced_activations: LeakyReLU PReLU ELU
keras.layers.merge: Concatenate Add concatenate add
keras.layers.wrappers: TimeDistributed Wrapper Bidirectional
keras.layers.recurrent: RNN SimpleRNN GRU LSTM SimpleRNNCell GRUCell LSTMCell StackedRNNCells
keras.layers.convolutional_recurrent: ConvLSTM2D
keras.layers.cudnn_recurrent: CuDNNGRU CuDNNLSTM
keras.layers.noise: GaussianNoise GaussianDropout AlphaDropout
keras.layers.local: LocallyConnected1D LocallyConnected2D
keras.layers.embeddings: Embedding
keras.layers.pooling: MaxPooling2D AveragePooling1D GlobalMaxPooling2D
keras.engine: Input InputLayer Layer InputSpec Model
keras.engine.topology: Input InputLayer Layer InputSpec Container Node merge Merge get_source_inputs
keras.engine.training: Model
keras.engine.network: Network
keras.engine.sequential: Sequential
keras.engine.base_layer: Layer InputSpec Node
keras.engine.input_layer: Input InputLayer
keras.legacy: Merge
keras.legacy.layers: Merge MaxoutDense Highway
keras.legacy.interfaces: RENAMED
keras.optimizers: SGD RMSprop Adam Optimizer get
keras.losses: mean_squared_error mse categorical_crossentropy get
keras.objectives: mse binary_crossentropy get
keras.metrics: binary_accuracy get
keras.initializers: glorot_uniform RandomNormal get
keras.initializations: get zero
keras.regularizers: l1 l2 L1L2
keras.constraints: MaxNorm maxnorm non_neg
keras.activations: relu softmax get
keras.callbacks: Callback EarlyStopping ModelCheckpoint History
keras.callbacks.callbacks: Callback EarlyStopping
keras.backend: mean function gradients set_image_dim_ordering
keras.backend.common: epsilon floatx
keras.backend.tensorflow_backend: mean
keras.utils: to_categorical Sequence get_file plot_model Progbar HDF5Matrix
keras.utils.np_utils: to_categorical normalize
keras.utils.generic_utils: Progbar get_custom_objects CustomObjectScope
keras.utils.data_utils: get_file Sequence OrderedEnqueuer GeneratorEnqueuer
keras.utils.io_utils: HDF5Matrix
keras.utils.vis_utils: plot_model
keras.preprocessing.sequence: pad_sequences TimeseriesGenerator skipgrams
keras.preprocessing.text: Tokenizer text_to_word_sequence one_hot
keras.preprocessing.image: ImageDataGenerator load_img img_to_array
keras.datasets.mnist: load_data
keras.datasets.imdb: load_data get_word_index
keras.wrappers.scikit_learn: KerasClassifier KerasRegressor
"""
CASES = [pytest.param(path, names.split(), id=path) for path, names in (
    line.split(":") for line in PATHS.strip().splitlines())]


@pytest.fixture
def keras():
    compat.install_as_keras()
    yield
    compat.uninstall()


def origin(value):
    return getattr(value, "__module__", "tahr").split(".")[0]


@pytest.mark.parametrize("path, names", CASES)
def test_paths_resolve(keras, path, names):
    module = importlib.import_module(path)
    for name in names:
        found = {}
        exec(f"from {path} import {name} as found", found)
        assert found["found"] is getattr(module, name) and origin(found["found"]) == "tahr"
    assert set(names) - set(dir(module)) <= set(compat.CALLED)


@pytest.mark.parametrize("path", sorted({f"keras.{top}.{name}" for top, names in compat.PATHS.items()
                                         for name in names.split()} | {f"keras.{p}" for p in compat.HOMES if p}))
def test_every_path_in_the_tables_is_a_module(keras, path):
    assert isinstance(importlib.import_module(path), types.ModuleType)
    assert isinstance(getattr(importlib.import_module(path.rpartition(".")[0]), path.rpartition(".")[2]), object)


@pytest.mark.parametrize("name", ["layers", "models", "optimizers", "losses", "metrics", "callbacks", "activations",
                                  "initializers", "regularizers", "constraints", "backend"])
def test_everything_of_tahr_is_there_and_the_same(keras, name):
    ours, theirs = importlib.import_module(f"tahr.{name}"), importlib.import_module(f"keras.{name}")
    for public in getattr(ours, "__all__", None) or [n for n in vars(ours) if n[0] != "_" and compat._is_name(ours, n)]:
        assert getattr(theirs, public) is getattr(ours, public)


def test_ways_to_import(keras):
    names = {}
    exec("import keras\nimport keras.backend as K\nfrom keras import backend, layers, datasets\n"
         "import keras.layers.core as core\nfrom keras.layers import *\nfrom keras.datasets import mnist\n"
         "import keras.preprocessing.text", names)
    assert names["keras"].layers.Dense is names["core"].Dense is names["Dense"] is tahr.layers.Dense
    assert names["K"] is names["backend"] is names["keras"].backend and names["K"].mean is tahr.backend.mean
    assert names["keras"].__version__ == "2.3.1" and names["datasets"].mnist is names["mnist"]
    assert names["keras"].utils.to_categorical([1], 2).tolist() == [[0, 1]]
    assert isinstance(names["keras"].losses, types.ModuleType) and "Dense" in dir(names["layers"])
    assert names["keras"].preprocessing.text.Tokenizer is names["keras"].preprocessing.text.Tokenizer


@pytest.mark.parametrize("line, error, text", [
    ("from keras.layers import Dens", ImportError, r"keras.layers has no 'Dens' in tahr. Did you mean 'Dense'\?"),
    ("from keras.layers import Adam", ImportError, "keras.layers has no 'Adam'; tahr has it as tahr.optimizers.Adam"),
    ("import keras.no_such", ModuleNotFoundError, "keras has no 'no_such' in tahr"),
    ("import keras.layers.no_such", ModuleNotFoundError, "keras.layers has no 'no_such' in tahr"),
    ("import keras; keras.layers.Dens", AttributeError, r"Did you mean 'Dense'\?"),
    ("import keras; keras.l2", AttributeError, "tahr has it as tahr.regularizers.l2"),
    ("from keras.layers.core import np", ImportError, "has no 'np'"),
    ("from keras.layers import _phase", ImportError, "has no '_phase'"),
])
def test_what_is_not_there_is_named(keras, line, error, text):
    with pytest.raises(error, match=text):
        exec(line, {})


def test_the_real_keras_is_not_replaced(monkeypatch):
    real = types.ModuleType("keras")
    real.__file__ = "site-packages/keras/__init__.py"
    monkeypatch.setitem(sys.modules, "keras", real)
    with pytest.raises(RuntimeError, match="real Keras is imported already, from site-packages/keras"):
        compat.install_as_keras()
    assert sys.modules["keras"] is real and compat._installed() is None


def test_install_twice_and_uninstall():
    count = len(sys.meta_path)
    compat.install_as_keras()
    compat.install_as_keras()
    assert len(sys.meta_path) == count + 1
    importlib.import_module("keras.layers.core")
    compat.uninstall()
    assert len(sys.meta_path) == count and not [m for m in sys.modules if m.split(".")[0] == "keras"]


def test_modules_of_tahr_stay_as_they_are(keras):
    before = set(vars(tahr.layers)), set(vars(tahr.utils))
    for path in ("keras.layers.wrappers", "keras.layers.recurrent", "keras.utils.np_utils", "keras.engine.topology"):
        importlib.import_module(path)
    assert (set(vars(tahr.layers)), set(vars(tahr.utils))) == before


def test_tensorflow_keras(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "tensorflow" else found(name, *a))
    monkeypatch.setattr(compat.importlib.util, "find_spec", importlib.util.find_spec)
    try:
        compat.install_as_keras(tensorflow=True)
        names = {}
        exec("import tensorflow as tf\nfrom tensorflow.keras.layers import Dense\n"
             "from tensorflow.python.keras import backend as K", names)
        assert names["tf"].keras.layers.Dense is names["Dense"] is tahr.layers.Dense
        assert names["K"].mean is tahr.backend.mean
        with pytest.raises(AttributeError, match="tensorflow has no 'Session': tahr stands in for tensorflow.keras"):
            _ = names["tf"].Session
    finally:
        compat.uninstall()
    assert "tensorflow" not in sys.modules


# python -m tahr run

def script(tmp_path, text, name="program.py"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def start(*arguments, cwd=None):
    return subprocess.run([sys.executable, "-m", "tahr", "run", *map(str, arguments)], capture_output=True, text=True,
                          cwd=cwd)


def test_run_is_python(tmp_path):
    """What a program sees of the world, its exit code and its traceback, beside those of python itself."""
    script(tmp_path, "value = 7\n", "beside.py")
    text = ("import os, sys, beside\n"
            "print(__name__, __file__, sys.argv, beside.value, os.path.samefile(sys.path[0], os.path.dirname("
            "os.path.abspath(__file__))), __doc__, sys.modules['__main__'].__dict__ is globals(), __builtins__.len)\n"
            "def fail():\n"
            "    raise ValueError('as asked')\n"
            "if '--fail' in sys.argv:\n"
            "    fail()\n"
            "sys.exit(5)\n")
    path = script(tmp_path, text)
    for arguments in ([], ["--fail", "-x", "a b"], ["--help"]):
        ours = start(path.name, *arguments, cwd=tmp_path)
        theirs = subprocess.run([sys.executable, path.name, *arguments], capture_output=True, text=True, cwd=tmp_path)
        assert (ours.stdout, ours.stderr, ours.returncode) == (theirs.stdout, theirs.stderr, theirs.returncode)


@pytest.mark.parametrize("text, code, last", [
    ("import keras\nprint(keras.layers.Dense.__module__)", 0, ""),
    ("def broken(:\n", 1, "SyntaxError: invalid syntax"),
    ("import sys\nsys.exit('a word')", 1, "a word"),
    ("from keras.layers import Dens", 1, "ModuleNotFoundError: keras.layers has no 'Dens' in tahr. Did you mean "
                                         "'Dense'?"),
])
def test_exit_codes(tmp_path, text, code, last):
    result = start(script(tmp_path, text))
    assert result.returncode == code and (result.stderr.splitlines() or [""])[-1] == last
    assert "__main__.py" not in result.stderr and "importlib" not in result.stderr


def test_no_such_script(tmp_path, capsys):
    assert main(["run", str(tmp_path / "nothing.py")]) == 2
    assert "can't open file" in capsys.readouterr().err and compat._installed() is None


def test_interrupted(tmp_path):
    result = start(script(tmp_path, "raise KeyboardInterrupt"))
    assert result.returncode == -signal.SIGINT and result.stderr.splitlines()[-1] == "KeyboardInterrupt"


def test_a_program_of_the_guide_runs():
    result = start(SEEDS / "e08_binary_classifier.py")
    assert result.returncode == 0 and "loss" in result.stdout, result.stderr


def test_processes_that_a_program_spawns(tmp_path):
    text = ("import multiprocessing, sys\n"
            "from keras.layers import Dense\n"
            "def units(n):\n"
            "    return Dense(n).units, sys.argv[1:], __name__\n"
            "if __name__ == '__main__':\n"
            "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
            "        print(pool.map(units, [3]))\n")
    result = start(script(tmp_path, text), "a", cwd=tmp_path)
    assert result.stdout == "[(3, ['a'], '__mp_main__')]\n", result.stderr


def test_run_in_this_process(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["before"])
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setenv("TAHR_PROGRAM", "")
    path = script(tmp_path, "# coding: latin-1\nimport sys\nprint(sys.argv[1:], 'é')\n1 / 0\n")
    path.write_bytes(path.read_text(encoding="utf-8").encode("latin-1"))
    try:
        assert run(str(path), ["a"]) == 1
    finally:
        compat.uninstall()
    out = capsys.readouterr()
    assert out.out == "['a'] é\n" and out.err.endswith("ZeroDivisionError: division by zero\n")
    assert out.err.count("File ") == 1
