"""The functions that users call, by name: what the family modules define, and the names they have elsewhere."""

import functools
import inspect
import itertools

import numpy as np

from ..autograd import OPS, Spec, Value
from ..autograd.value import SCALARS, constant, promoted, wrap
from . import (
    activation,
    adjust,
    attention,
    conv,
    create,
    diagonals,
    elementwise,
    indexing,
    linalg,
    logic,
    loss,
    movement,
    normalize,
    order,
    pool,
    random,
    recurrent,
    reduce,
    resize,
    scatter,
)

MODULES = (logic, elementwise, adjust, movement, create, reduce, indexing, scatter, diagonals, order, linalg,
           activation, attention, loss, conv, pool, random, resize, normalize, recurrent)
_HOME = __package__.rpartition(".")[0] + ".ops"
INTERNAL = {"match", "check_labels", "rows_of", "values_of"}      # of use to other modules, not to users

ALIASES = {     # NumPy's other names, the array API's, PyTorch's and Keras's
    "sub": "subtract", "mul": "multiply", "div": "divide", "true_divide": "divide", "mod": "remainder", "pow": "power",
    "neg": "negative", "abs": "absolute", "fabs": "absolute", "around": "round", "rint": "round", "clamp": "clip",
    "acos": "arccos", "asin": "arcsin", "atan": "arctan", "atan2": "arctan2", "acosh": "arccosh", "asinh": "arcsinh",
    "atanh": "arctanh", "conj": "conjugate", "degrees": "rad2deg", "radians": "deg2rad", "bitwise_invert": "invert",
    "bitwise_not": "invert", "bitwise_left_shift": "left_shift", "bitwise_right_shift": "right_shift",
    "amax": "max", "amin": "min", "cumulative_sum": "cumsum", "cumulative_prod": "cumprod", "vector_norm": "norm",
    "concat": "concatenate", "cat": "concatenate", "permute_dims": "transpose", "permute": "transpose",
    "unsqueeze": "expand_dims", "expand": "broadcast_to", "im2col": "unfold", "swish": "silu",
    "randperm": "permutation",
}

# Parameters that are arrays wherever they occur: lists, NumPy arrays and numbers become tensors there.
DATA = {"x", "y", "w", "pointwise", "g", "arrays", "logits", "probabilities", "probability"}
CHOICES = {"condition", "indices", "mask"}      # these do not take part in the promotion of dtypes


def _taking_lists(function, name):
    """``function`` of tensors, made to take what NumPy would take for an array. Ops need no help: the gate does it."""
    signature = inspect.signature(function)
    leading = list(itertools.takewhile((DATA | CHOICES).__contains__, signature.parameters))
    if not leading:
        return function
    variadic = signature.parameters[leading[0]].kind is inspect.Parameter.VAR_POSITIONAL
    count = None if variadic else len(leading)

    @functools.wraps(function)
    def call(*args, **kwargs):
        if args and not kwargs and all(isinstance(x, (Value, Spec)) for x in args[:count]):
            return function(*args)
        bound = signature.bind(*args, **kwargs)
        given = {name: bound.arguments[name] for name in leading if name in bound.arguments}
        if "arrays" in given and not isinstance(given["arrays"], (Value, Spec)):
            given["arrays"] = tuple(_as_tensors(dict(enumerate(given["arrays"]))).values())
        else:
            given = _as_tensors(given)
        bound.arguments.update(given)
        return function(*bound.args, **bound.kwargs)
    call.__module__, call.__name__, call.__qualname__ = _HOME, name, name       # where pickles look for it
    return call


def _as_tensors(given):
    """Lists and arrays as tensors, then numbers: in the dtypes that the gate would give them beside the others."""
    given = {name: x for name, x in given.items() if x is not None}
    beside = [x for name, x in given.items() if name not in CHOICES]
    number = lambda name: name not in CHOICES and type(given[name]) in SCALARS
    for name, x in given.items():
        if not isinstance(x, (Value, Spec)) and not number(name):
            given[name] = wrap(constant(np.asarray(x), beside))
    beside = [x for name, x in given.items() if name not in CHOICES]
    return {name: wrap(np.asarray(x, promoted(beside))) if number(name) else x for name, x in given.items()}


def _collected():
    primitive = {op.function for op in OPS.values()}
    found = {}
    for module in MODULES:
        for name, value in vars(module).items():
            if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_"):
                name = name.rstrip("_")
                found[name] = value if value in primitive else _taking_lists(value, name)
    found = {name: function for name, function in found.items() if name not in INTERNAL}
    return found | {alias: found[name] for alias, name in ALIASES.items()}


PUBLIC = _collected()
