"""Functions in, functions out: gradients, products with Jacobians, Jacobians and Hessians.

Arguments may be tensors, arrays, numbers, and lists, tuples and dicts of them; results have the same structure.
Transforms compose: ``grad(grad(f))`` is the second derivative.

>>> grad(grad(lambda x: x ** 3))(2.0)
Tensor(12.)
"""

import functools
import inspect

import numpy as np

from ..utils import settings
from ..utils.tree import flatten, leaves_like
from . import engine, mode
from .gradient import gradients, watched
from .node import Leaf
from .op import Op
from .value import Value, load_types, wrap

IDENTITY = Op("identity", lambda x: x, lambda x: x.shape, [lambda g, _out, _x: g])


def grad(f, argnums=0, has_aux=False):
    """The function that gives the gradient of a scalar function.

    Arguments:
        f: takes tensors, returns a scalar tensor, or ``(scalar, anything)`` with ``has_aux``.
        argnums: which argument to differentiate by: an index, a name, or a tuple of them (then a tuple is returned).
        has_aux: return ``(gradient, anything)``.

    >>> grad(lambda x, y: (x * y).sum(), argnums=(0, 1))([1.0, 2.0], [3.0, 4.0])
    (Tensor([3., 4.]), Tensor([1., 2.]))
    """
    both = value_and_grad(f, argnums, has_aux)

    @functools.wraps(f)
    def gradient(*args, **kwargs):
        value, grads = both(*args, **kwargs)
        return (grads, value[1]) if has_aux else grads
    return gradient


def value_and_grad(f, argnums=0, has_aux=False):
    """The function that gives ``(f(...), gradient)``; arguments as for :func:`grad`.

    >>> value_and_grad(lambda x: x ** 2)(3.0)
    (Tensor(9.), Tensor(6.))
    """
    @functools.wraps(f)
    def both(*args, **kwargs):
        args, kwargs, picked = _pick(f, args, kwargs, argnums)
        leaves, build = flatten(picked)
        inputs = [_fresh(x) for x in leaves]
        with mode.enable_grad():
            out = f(*_put(args, argnums, build(inputs)), **_put_named(kwargs, argnums, build(inputs)))
        value, aux = out if has_aux else (out, None)
        _require_scalar(f, value)
        grads = _gradients([value], inputs, [wrap(np.ones(value.shape, value.dtype))])
        plain = _plain([value], inputs)[0]
        return ((plain, aux) if has_aux else plain), build(grads)
    return both


def vjp(f, *primals):
    """``f(*primals)`` and the function from a cotangent (of the result's structure) to those of the primals.

    >>> value, pull = vjp(lambda x: x * x, [1.0, 2.0])
    >>> pull([1.0, 10.0])
    (Tensor([ 2., 40.]),)
    """
    leaves, build = flatten(primals)
    inputs = [_fresh(x) for x in leaves]
    with mode.enable_grad():
        out = f(*build(inputs))
    outputs, build_out = flatten(out)

    def pull(cotangent):
        seeds = [_as_value(c, o) for c, o in zip(leaves_like(cotangent, out), outputs)]
        return build(_gradients(outputs, inputs, seeds, retain_graph=True))
    return build_out(_plain(outputs, inputs)), pull


def jvp(f, primals, tangents):
    """``f(*primals)`` and its derivative in the direction ``tangents``, of the result's structure.

    >>> jvp(lambda x: x * x, ([1.0, 2.0],), ([1.0, 10.0],))
    (Tensor([1., 4.]), Tensor([ 2., 40.]))
    """
    leaves, build = flatten(tuple(primals))
    inputs = [_fresh(x) for x in leaves]
    with mode.enable_grad():
        outputs, build_out = flatten(f(*build(inputs)))
        # A vector-Jacobian product is linear in its vector u; its own derivative by u is the Jacobian-vector product.
        dummies = [watched(wrap(np.ones(o.shape, o.dtype))) for o in outputs]
        pulled = gradients(list(outputs), inputs, dummies, create_graph=True, allow_unused=True)
    pairs = [(p, _as_value(t, x)) for p, t, x in zip(pulled, leaves_like(tuple(tangents), tuple(primals)), inputs) if p is not None]
    pushed = _gradients([p for p, _ in pairs], dummies, [t for _, t in pairs], besides=inputs)
    return build_out(_plain(outputs, inputs)), build_out(pushed)


def jacobian(f, argnums=0):
    """The function that gives all derivatives: an array of shape ``f(x).shape + x.shape``.

    >>> jacobian(lambda x: x * x)([1.0, 2.0])
    Tensor([[2., 0.],
            [0., 4.]])
    """
    @functools.wraps(f)
    def derivatives(*args, **kwargs):
        args, kwargs, picked = _pick(f, args, kwargs, argnums)
        leaves, build = flatten(picked)
        inputs = [_fresh(x) for x in leaves]
        with mode.enable_grad():
            out = f(*_put(args, argnums, build(inputs)), **_put_named(kwargs, argnums, build(inputs)))
        if not isinstance(out, Value):
            raise TypeError(f"jacobian needs a function that returns one tensor, {_name(f)} returned {type(out).__name__}")
        rows = [_gradients([out], inputs, [wrap(one)], retain_graph=True) for one in _basis(out)]
        return build([_stacked([row[i] for row in rows], out.shape, x) for i, x in enumerate(inputs)])
    return derivatives


def hessian(f, argnums=0):
    """The function that gives all second derivatives of a scalar function: shape ``x.shape + x.shape``.

    >>> hessian(lambda x: (x ** 3).sum())([1.0, 2.0])
    Tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacobian(grad(f, argnums), argnums)


def hvp(f, primals, tangents):
    """The Hessian of a scalar function times a vector, without forming it; structured like ``primals``.

    >>> hvp(lambda x: (x ** 3).sum(), ([1.0, 2.0],), ([1.0, 10.0],))
    (Tensor([  6., 120.]),)
    """
    leaves, build = flatten(tuple(primals))
    inputs = [_fresh(x) for x in leaves]
    with mode.enable_grad():
        value = f(*build(inputs))
        _require_scalar(f, value)
        first = gradients(value, inputs, create_graph=True, allow_unused=True)
    pairs = [(g, _as_value(t, x)) for g, t, x in zip(first, leaves_like(tuple(tangents), tuple(primals)), inputs)
             if g is not None and g.node is not None]
    return build(_gradients([g for g, _ in pairs], inputs, [t for _, t in pairs]))


# Arguments

def _pick(f, args, kwargs, argnums):
    """The arguments, those passed by position or by name alike, and the ones to differentiate by."""
    names = argnums if isinstance(argnums, tuple | list) else (argnums,)
    args, kwargs = list(args), dict(kwargs)
    for name in [n for n in names if isinstance(n, str) and n not in kwargs]:
        bound = inspect.signature(f).bind(*args, **kwargs)
        position = list(bound.arguments).index(name) if name in bound.arguments else None
        if position is None:
            raise TypeError(f"argnums names {name!r}, which is no argument of this call of {_name(f)}")
        kwargs[name] = args[position]
        if position != len(args) - 1:
            kwargs.update({n: args[list(bound.arguments).index(n)] for n in list(bound.arguments)[position + 1:len(args)]})
        del args[position:]
    for i in names:
        if isinstance(i, int) and not -len(args) <= i < len(args):
            raise TypeError(f"argnums={argnums} for a call of {_name(f)} with {len(args)} positional argument(s)")
    picked = tuple(kwargs[n] if isinstance(n, str) else args[n] for n in names)
    return args, kwargs, picked if isinstance(argnums, tuple | list) else picked[0]


def _put(args, argnums, values):
    pairs = zip(argnums, values) if isinstance(argnums, tuple | list) else [(argnums, values)]
    args = list(args)
    for n, value in pairs:
        if not isinstance(n, str):
            args[n] = value
    return args


def _put_named(kwargs, argnums, values):
    pairs = zip(argnums, values) if isinstance(argnums, tuple | list) else [(argnums, values)]
    return {**kwargs, **{n: value for n, value in pairs if isinstance(n, str)}}


def _fresh(x):
    """``x`` as the start of a graph of its own, so that gradients count only what passes through it."""
    load_types()
    if not isinstance(x, Value):
        x = wrap(np.asarray(x))
        if x.dtype.kind == "f" or x.dtype.kind in "biu" and not x.ndim:
            x.data = x.data.astype(settings.floatx(), copy=False)
    if x.dtype.kind != "f":
        raise TypeError(f"gradients are taken with respect to floats, got {x.dtype} of shape {x.shape}")
    if x.node is None:
        return watched(x)
    with mode.enable_grad():
        return engine.apply(IDENTITY, (x,), {})


def _as_value(x, like):
    x = x if isinstance(x, Value) else wrap(np.asarray(x, like.dtype))
    if x.shape != like.shape:
        raise ValueError(f"a vector of shape {x.shape} was given for a tensor of shape {like.shape}")
    return x


def _require_scalar(f, value):
    if not isinstance(value, Value) or value.shape != ():
        got = f"a tensor of shape {value.shape}" if isinstance(value, Value) else type(value).__name__
        raise TypeError(f"gradients are taken of functions that return a scalar tensor, {_name(f)} returned {got}: reduce "
                        "it, e.g. with .sum(), or use jacobian")


def _name(f):
    return getattr(f, "__name__", type(f).__name__)


# Gradients

def _gradients(outputs, inputs, seeds, retain_graph=False, besides=()):
    """Gradients with zeros for unused inputs; differentiable again if the outputs depend on more than the inputs."""
    outer = _outer_graph([*outputs, *seeds], [*inputs, *besides])
    grads = gradients(outputs, inputs, list(seeds), retain_graph or outer, outer, allow_unused=True)
    return [wrap(np.zeros(x.shape, x.dtype)) if g is None else g for g, x in zip(grads, inputs)]


def _outer_graph(values, inputs):
    """Whether these values depend on a leaf, still in use, that is not one of the inputs: then somebody may go on."""
    own = {x.node for x in inputs}
    return mode.recording() and any(type(n) is Leaf and n not in own and n.value() is not None for n in engine.reachable(
        [v.node for v in values if v.node is not None]))


def _plain(outputs, inputs):
    """The outputs, cut off from the inputs unless an outer graph goes on through them."""
    return outputs if _outer_graph(outputs, inputs) else [wrap(o.data) for o in outputs]


def _basis(out):
    for i in range(out.data.size):
        one = np.zeros(out.data.size, out.dtype)
        one[i] = 1
        yield one.reshape(out.shape)


def _stacked(rows, shape, x):
    """The rows of a Jacobian as one tensor; NumPy's function, so that the op of its name keeps the graph."""
    if not rows:
        return wrap(np.zeros((*shape, *x.shape), x.dtype))
    return np.concatenate([row.reshape((1, *x.shape)) for row in rows]).reshape((*shape, *x.shape))
