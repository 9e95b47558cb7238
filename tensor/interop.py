"""NumPy's functions on tensors: each goes to the function of its name here, so that the graph goes on."""

import inspect

import numpy as np

from .public import PUBLIC

REDUCTIONS = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min", "logical_and": "all",
              "logical_or": "any"}
LINALG = {"matmul", "matrix_transpose", "norm", "outer", "tensordot", "vecdot"}     # these mean the same as ours
OTHERWISE = {"linspace", "logspace", "put_along_axis"}      # these do not: they write, or leave the graph

# NumPy's names for the arrays that functions take; ours stand at the same places.
ARRAYS = {"a", "A", "m", "v", "ar", "arr", "ary", "array", "prototype", "b", "x1", "x2", "a1", "a2", "a_min", "a_max"}
MEANS = {"kind", "optimize", "overwrite_input", "stable", "subok"}       # say how to compute, not what: no matter here


def array_ufunc(self, ufunc, method, *inputs, out=None, where=True, **kwargs):
    """``np.exp(t)``, ``array * t``, ``np.add.reduce(t)``: run the function of the ufunc's name."""
    if out is not None:
        raise TypeError(f"np.{ufunc.__name__} cannot write tensors through out=, which would lose their graph: "
                        "use the returned value (x = x + t instead of x += t for an array x)")
    if where is not True or kwargs.keys() - {"axis", "keepdims"}:
        raise TypeError(f"np.{ufunc.__name__} takes no where=, dtype= or alike on tensors: use tahr.ops")
    name = {"__call__": ufunc.__name__, "reduce": REDUCTIONS.get(ufunc.__name__)}.get(method)
    if name not in PUBLIC:
        raise _no_counterpart(f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}"))
    if method == "reduce":
        kwargs.setdefault("axis", 0)
    return PUBLIC[name](*inputs, **kwargs)


def array_function(self, func, types, args, kwargs):
    """``np.concatenate([t, u])``, ``np.mean(t, axis=0)``: run the function of this name."""
    module, name = func.__module__, func.__name__
    if func in (np.shape, np.ndim, np.size):
        return getattr(args[0], name)
    known = name in PUBLIC and name not in OTHERWISE if module == "numpy" else name in LINALG
    if not known or module not in ("numpy", "numpy.linalg"):
        raise _no_counterpart(f"{module}.{name}".replace("numpy", "np", 1))
    args, kwargs = _in_our_words(func, PUBLIC[name], args, kwargs)
    return PUBLIC[name](*args, **kwargs)


def _no_counterpart(call):
    return TypeError(f"{call} has no counterpart on tensors: use tahr.ops, or np.asarray(t) for the values, without a "
                     "gradient")


def _in_our_words(func, function, args, kwargs):
    """A call of NumPy's ``func`` as the arguments of our ``function``."""
    try:
        theirs = inspect.signature(func)
    except ValueError:          # before NumPy 2.4 some have no signature; they take their arguments in our order
        return args, kwargs
    ours = list(inspect.signature(function).parameters)
    given, places = theirs.bind(*args, **kwargs).arguments, list(theirs.parameters)
    positional, named = (), {}
    for name, value in given.items():
        parameter = theirs.parameters[name]
        if parameter.kind is parameter.VAR_POSITIONAL:
            positional = value
        elif parameter.kind is parameter.VAR_KEYWORD:
            named.update(value)
        elif value is not parameter.default and name not in MEANS:
            named[ours[places.index(name)] if name in ARRAYS else name] = value
    if unknown := named.keys() - set(ours):
        raise TypeError(f"np.{func.__name__} takes no {', '.join(sorted(unknown))}= on tensors: use tahr.ops, or "
                        "np.asarray(t) for the values, without a gradient")
    return positional, named
