"""NumPy's functions on tensors: each goes to the op of its name, so that the graph goes on."""


from ..autograd import FUNCTIONS, OPS, op, real, sample
from . import shapes

REDUCTIONS = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min", "logical_and": "all",
              "logical_or": "any"}
ALIASES = {"amax": "max", "amin": "min", "concat": "concatenate", "permute_dims": "transpose", "abs": "absolute",
           "bitwise_invert": "invert", "conjugate": "positive", "acos": "arccos", "asin": "arcsin", "atan": "arctan",
           "pow": "power", "mod": "remainder", "around": "round"}


@op(shape=shapes.same, vjp=[lambda g, _out, _x: g], name="copy", reference=lambda x: x + 0, samples=[sample(real(2, 3))])
def copy_of(x):
    """The values in memory of their own."""
    return x.copy()


def lookup(name):
    """The public function of that NumPy name, or None."""
    name = ALIASES.get(name, name)
    entry = FUNCTIONS.get(name) or OPS.get(name)
    return PUBLIC.get(name) or entry and entry.function


PUBLIC = {}     # functions over an op that bring its arguments into NumPy's form; filled by tensor/__init__


def array_ufunc(self, ufunc, method, *inputs, out=None, where=True, **kwargs):
    """``np.exp(t)``, ``array * t``, ``np.add.reduce(t)``: run the op of the ufunc's name."""
    if out is not None:
        raise TypeError(f"np.{ufunc.__name__} cannot write tensors through out=, which would lose their graph: "
                        "use the returned value (x = x + t instead of x += t for an array x)")
    if where is not True or kwargs.keys() - {"axis", "keepdims"}:
        raise TypeError(f"np.{ufunc.__name__} takes no where=, dtype= or alike on tensors: use tahr.ops")
    name = ufunc.__name__ if method == "__call__" else REDUCTIONS.get(ufunc.__name__) if method == "reduce" else None
    function = name and lookup(name)
    if function is None:
        call = ufunc.__name__ + ("" if method == "__call__" else "." + method)
        raise TypeError(f"np.{call} has no counterpart on tensors: use np.asarray(t) for its values, without a gradient")
    if method == "reduce":
        kwargs.setdefault("axis", 0)
    return function(*inputs, **kwargs)


def array_function(self, func, types, args, kwargs):
    """``np.concatenate([t, u])``, ``np.mean(t, axis=0)``: run the op of the function's name."""
    module = (func.__module__ or "").removeprefix("numpy").lstrip(".")
    function = lookup(func.__name__) if module in ("", "linalg") else None
    if function is None:
        raise TypeError(f"{func.__module__}.{func.__name__} has no counterpart on tensors: use tahr.ops, or np.asarray(t) "
                        "for its values, without a gradient")
    return function(*args, **kwargs)
