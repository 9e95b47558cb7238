"""tahr: an autograd-first tensor framework with a Keras-style front end, built on NumPy and Numba."""
import importlib as _importlib

__version__ = "0.1.0"

# What loads when first named, so that `import tahr` costs nothing.
_SUBMODULES = ("activations", "applications", "autograd", "backend", "callbacks", "compat", "constraints",
               "datasets", "initializers", "layers", "losses", "metrics", "models", "ops", "optimizers",
               "preprocessing", "regularizers", "saving", "utils", "wrappers")
_NAMES = {"Tensor": "tensor", "Variable": "tensor", "Symbol": "tensor", "no_grad": "autograd",
          "enable_grad": "autograd", "set_grad_enabled": "autograd", "Model": "models", "Sequential": "models",
          "jit": "compiler"}


def __getattr__(name):
    if name in _SUBMODULES:
        return _importlib.import_module(f"{__name__}.{name}")
    if name in _NAMES:
        value = getattr(_importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    else:
        tensor = _importlib.import_module(f"{__name__}.tensor")
        if name not in tensor.PUBLIC:
            raise AttributeError(f"module 'tahr' has no attribute {name!r}")
        value = tensor.PUBLIC[name]
    globals()[name] = value
    return value
