"""Programs written for Keras 1 and 2: ``import keras`` finds tahr.

>>> from tahr import compat
>>> compat.install_as_keras()
>>> from keras.layers.core import Dense
>>> import tahr
>>> Dense is tahr.layers.Dense
True
>>> compat.uninstall()

``python -m tahr run script.py [args]`` does this for a whole program.

Every module path of Keras is a module made here, which looks names up in the modules of tahr of the same path, and in
those that stand above it: classes and functions are tahr's own, whatever path they are reached by.
"""

import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import pkgutil
import sys
import types

from .utils.errors import did_you_mean

_PACKAGE = __package__
_VERSION = "2.3.1"      # whose names these are; programs compare it

# Keras's modules that have no namesake here. Names are looked for where HOMES says, else in the folder above.
PATHS = {
    "layers": "advanced_activations convolutional convolutional_recurrent core cudnn_recurrent embeddings local merge "
              "noise normalization pooling recurrent wrappers",
    "engine": "base_layer input_layer network saving sequential topology training training_arrays training_generator "
              "training_utils",
    "legacy": "interfaces layers models",
    "utils": "conv_utils data_utils generic_utils io_utils layer_utils losses_utils metrics_utils multi_gpu_utils "
             "np_utils test_utils vis_utils visualize_util",
    "backend": "common load_backend tensorflow_backend", "callbacks": "callbacks tensorboard_v1 tensorboard_v2",
    "optimizers": "schedules", "objectives": "", "initializations": "",
}
_ENGINE = ("models", "layers", "layers.base", "layers.node", "layers.merge")
HOMES = {
    "": ("", "models", "layers"), "engine": _ENGINE, "legacy": _ENGINE, "legacy.interfaces": ("utils.keras1",),
    "models": ("models", "layers"), "objectives": ("losses",), "initializations": ("initializers",),
    "utils": ("utils", "utils.*"), "utils.layer_utils": ("models", "utils", "utils.*"),
    "utils.losses_utils": ("losses", "utils", "utils.*"), "utils.metrics_utils": ("metrics", "utils", "utils.*"),
    "utils.test_utils": ("models.testing",), "backend": ("backend",),
}
CALLED = {"Container": "Model", "Network": "Model", "get_source_inputs": "source_inputs"}      # classes of old, by ours


def homes(path):
    """The modules of tahr in which the names of a module of Keras are looked for, in order; none: no such module.

    >>> homes("layers.core"), homes("objectives"), homes("no_such")
    (['tahr.layers.core', 'tahr.layers'], ['tahr.losses'], [])
    """
    top, _, rest = path.partition(".")
    known = path in HOMES or not rest and top in PATHS or rest in PATHS.get(top, "").split() or _exists(path)
    if not known:
        return []
    own = [path] if _exists(path) and path else []
    named = HOMES.get(path) or HOMES.get(top) or (top,)
    return [module for name in dict.fromkeys([*own, *named]) for module in _modules(name)]


@functools.cache
def _exists(path):
    """Whether tahr has a module of that path that users import."""
    if not path:
        return True
    if any(part.startswith("_") for part in path.split(".")):
        return False
    try:
        return importlib.util.find_spec(f"{_PACKAGE}.{path}") is not None
    except ModuleNotFoundError:
        return False


def _modules(name):
    """The full names of a module, or of all modules of a folder."""
    if not name.endswith(".*"):
        return [f"{_PACKAGE}.{name}".rstrip(".")] if _exists(name) else []
    folder = importlib.import_module(f"{_PACKAGE}.{name[:-2]}")
    return [f"{folder.__name__}.{info.name}" for info in pkgutil.iter_modules(folder.__path__)]


class KerasModule(types.ModuleType):
    """A module of Keras: its names are those of modules of tahr."""

    def __init__(self, name, path):
        super().__init__(name, f"The module {name} of Keras, as tahr has it.")
        vars(self).update(_path=path, __path__=[])
        if not path:
            self.__version__ = _VERSION

    def __getattr__(self, name):
        if name.startswith("__") and name != "__all__":
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if name == "__all__":
            return [n for n in dir(self) if not n.startswith("_")]
        value = _found(self._path, name)
        if value is _MISSING and homes(child := f"{self._path}.{name}".lstrip(".")):
            return importlib.import_module(f"{self.__name__}.{name}") if child else value
        if value is _MISSING:
            raise AttributeError(missing(self.__name__, self._path, name))
        vars(self)[name] = value
        return value

    def __dir__(self):
        names = set(vars(self))
        for home in homes(self._path):
            module = importlib.import_module(home)
            names |= {n for n in getattr(module, "__all__", None) or vars(module) if _is_name(module, n)}
        return sorted(names)


_MISSING = object()


def _found(path, name):
    """What a name of a module of Keras is here."""
    for home in homes(path):
        module = importlib.import_module(home)
        if _is_name(module, name):
            return getattr(module, name)
    return _found(path, CALLED[name]) if name in CALLED else _MISSING


def _is_name(module, name):
    """Whether a module has something of tahr's under a name, other than a module."""
    if name.startswith("_"):
        return False
    try:
        value = getattr(module, name)
    except (AttributeError, ImportError):
        return False
    made = getattr(value, "__module__", None)
    return not isinstance(value, types.ModuleType) and (made is None or made.split(".")[0] == _PACKAGE)


def missing(module, path, name):
    """What an error says of a name that is not there: where tahr has it, or what is like it."""
    places = [top for top in importlib.import_module(_PACKAGE)._SUBMODULES
              if top != path and _found(top, name) is not _MISSING]
    if places:
        return f"{module} has no {name!r}; tahr has it as {_PACKAGE}.{places[0]}.{name}"
    return f"{module} has no {name!r} in tahr.{did_you_mean(name, dir(sys.modules.get(module, [])))}"


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules below the names that stand for Keras.

    Arguments:
        roots: ``"keras"``, and ``"tensorflow.keras"`` where that is wanted.
    """

    def __init__(self, roots):
        self.roots = roots

    def _path(self, name):
        """The path within Keras; None for other modules."""
        for root in self.roots:
            if name == root or name.startswith(root + "."):
                return name[len(root) + 1:]
        return None

    def find_spec(self, name, path=None, target=None):
        if any(root.startswith(name + ".") for root in self.roots):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        own = self._path(name)
        if own is None:
            return None
        if homes(own):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        parent, _, last = name.rpartition(".")
        # Under another name than the one looked for: else `from ... import` puts a message of its own in its place.
        raise ModuleNotFoundError(missing(parent, own.rpartition(".")[0], last), name=f"{_PACKAGE}.{own}")

    def create_module(self, spec):
        own = self._path(spec.name)
        return Outside(spec.name) if own is None else KerasModule(spec.name, own)

    def exec_module(self, module):
        """Nothing is left to do."""


class Outside(types.ModuleType):
    """A package of which only what stands for Keras is there: ``tensorflow`` without TensorFlow."""

    __version__ = "2.0.0"

    def __getattr__(self, name):
        if name in ("keras", "python"):
            return importlib.import_module(f"{self.__name__}.{name}")
        raise AttributeError(f"{self.__name__} has no {name!r}: tahr stands in for {self.__name__}.keras alone")


def _installed():
    return next((f for f in sys.meta_path if isinstance(f, Finder)), None)


def install_as_keras(tensorflow=False):
    """Let ``import keras`` and all module paths of Keras 1 and 2 find tahr, in this process.

    Arguments:
        tensorflow: let ``tensorflow.keras`` do so, too, unless TensorFlow is installed.

    Raises:
        RuntimeError: if the real Keras is imported already.
    """
    real = sys.modules.get("keras")
    if real is not None and not isinstance(real, KerasModule):
        raise RuntimeError("the real Keras is imported already, from "
                           f"{getattr(real, '__file__', 'somewhere')}: install_as_keras() must come before the first "
                           "import of keras")
    roots = ["keras"]
    if tensorflow and "tensorflow" not in sys.modules and importlib.util.find_spec("tensorflow") is None:
        roots += ["tensorflow.keras", "tensorflow.python.keras"]
    if (finder := _installed()) is None:
        sys.meta_path.insert(0, Finder(roots))
    else:
        finder.roots = list(dict.fromkeys([*finder.roots, *roots]))


def uninstall():
    """Take back :func:`install_as_keras`; modules that programs have imported stay with them."""
    sys.meta_path[:] = [f for f in sys.meta_path if not isinstance(f, Finder)]
    for name, module in list(sys.modules.items()):
        if isinstance(module, KerasModule | Outside):
            del sys.modules[name]
