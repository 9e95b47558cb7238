"""Functions in, functions out: gradients, products with Jacobians, Jacobians and Hessians.

Arguments may be tensors, arrays, numbers, and lists, tuples and dicts of them; results have the same structure.
Transforms compose: ``grad(grad(f))`` is the second derivative. Results can be differentiated further, by another
transform or by ``backward``, where they depend on something that requires a gradient; else, and inside ``no_grad()``,
they carry no graph.

>>> grad(grad(lambda x: x ** 3))(2.0)
Tensor(12.)
"""

import functools
import inspect

import numpy as np

from ..utils import settings
from ..utils.tree import flatten, leaves_like
from . import mode
from .gradient import detached, gradients, name_of, passed_on, watched
from .node import Leaf, reachable
from .value import Value, load_types, wrap


def grad(f, argnums=0, has_aux=False):
    """The function that gives the gradient of a scalar function.

    Arguments:
        f: takes tensors, returns a scalar tensor, or ``(scalar, anything)`` with ``has_aux``.
        argnums: which argument to differentiate by: an index, a name, or a tuple of them (then a tuple is returned).
        has_aux: return ``(gradient, anything)``.

    Raises:
        TypeError: when called, for a result that is no scalar, an argument that is not of floats, or ``argnums`` that
            fit no argument.

    >>> grad(lambda x, y: (x * y).sum(), argnums=(0, 1))([1.0, 2.0], [3.0, 4.0])
    (Tensor([3., 4.]), Tensor([1., 2.]))
    >>> grad(lambda w: (w["a"] * w["b"]).sum())({"a": 2.0, "b": 5.0})
    {'a': Tensor(5.), 'b': Tensor(2.)}
    """
    both = value_and_grad(f, argnums, has_aux)

    @functools.wraps(f)
    def gradient(*args, **kwargs):
        value, grads = both(*args, **kwargs)
        return (grads, value[1]) if has_aux else grads
    return gradient


def value_and_grad(f, argnums=0, has_aux=False):
    """The function that gives ``(f(...), gradient)``, or ``((f(...), anything), gradient)`` with ``has_aux``.

    Arguments and errors are those of :func:`grad`.

    >>> value_and_grad(lambda x: x ** 2)(3.0)
    (Tensor(9.), Tensor(6.))
    """
    @functools.wraps(f)
    def both(*args, **kwargs):
        run = _Run(*_split(f, args, kwargs, argnums))
        value, aux = _with_aux(f, run.out) if has_aux else (run.out, None)
        _require_scalar(f, value)
        grads = run.build(run.gradients([value], [wrap(np.ones((), value.dtype))]))
        return run.plain((value, aux) if has_aux else value), grads
    return both


def vjp(f, *primals):
    """``f(*primals)`` and the function from a cotangent (of the result's structure) to those of the primals.

    Raises:
        TypeError: for a primal that is not of floats. ValueError: for a cotangent of another structure or shape.

    >>> value, pull = vjp(lambda x: x * x, [1.0, 2.0])
    >>> pull([1.0, 10.0])
    (Tensor([ 2., 40.]),)
    """
    run = _Run(lambda args: f(*args), primals)
    outputs, build = run.outputs()

    def pull(cotangent):
        seeds = _vectors(cotangent, run.out, outputs)
        return run.build(run.gradients(outputs, seeds, retain_graph=True))
    return run.plain(build(outputs)), pull


def jvp(f, primals, tangents):
    """``f(*primals)`` and its derivative in the direction ``tangents``, of the result's structure.

    Arguments:
        f: any differentiable function.
        primals, tangents: tuples, an item for each argument of ``f``.

    Raises:
        TypeError: for a primal that is not of floats. ValueError: for tangents of another structure or shape.

    >>> jvp(lambda x: x * x, ([1.0, 2.0],), ([1.0, 10.0],))
    (Tensor([1., 4.]), Tensor([ 2., 40.]))
    """
    run, tangents = _Run(lambda args: f(*args), _as_tuple("primals", primals)), _as_tuple("tangents", tangents)
    outputs, build = run.outputs()
    # Two passes backward make one forward: u -> u J is linear in u, and its transpose v -> J v is what we want.
    with mode.enable_grad():
        us = [watched(wrap(np.ones(o.shape, o.dtype))) for o in outputs]
        pulled = gradients(outputs, run.inputs, us, create_graph=True, allow_unused=True)
    pushed = run.gradients(pulled, _vectors(tangents, primals, run.inputs), by=us)
    return run.plain(build(outputs)), build(pushed)


def hvp(f, primals, tangents):
    """The Hessian of a scalar function times a vector, without forming it; structured like ``primals``.

    Arguments and errors are those of :func:`jvp`, and ``f`` must return a scalar tensor.

    >>> hvp(lambda x: (x ** 3).sum(), ([1.0, 2.0],), ([1.0, 10.0],))
    (Tensor([  6., 120.]),)
    """
    run, tangents = _Run(lambda args: f(*args), _as_tuple("primals", primals)), _as_tuple("tangents", tangents)
    _require_scalar(f, run.out)
    with mode.enable_grad():
        first = gradients(run.out, run.inputs, create_graph=True, allow_unused=True)
    return run.build(run.gradients(first, _vectors(tangents, primals, run.inputs)))


def jacobian(f, argnums=0):
    """The function that gives all derivatives of ``f``: an array of shape ``f(x).shape + x.shape``.

    For an ``f`` that returns several tensors, or arguments of several, it gives the structure of the result, at each
    place with the structure of the arguments.

    Arguments:
        f: returns a tensor, or a tuple, list or dict of them.
        argnums: as for :func:`grad`.

    >>> jacobian(lambda x: x * x)([1.0, 2.0])
    Tensor([[2., 0.],
            [0., 4.]])
    """
    @functools.wraps(f)
    def derivatives(*args, **kwargs):
        run = _Run(*_split(f, args, kwargs, argnums))
        outputs, build = run.outputs()
        return build([run.build(_jacobians(run, output)) for output in outputs])
    return derivatives


def hessian(f, argnums=0):
    """The function that gives all second derivatives of a scalar function: shape ``x.shape + x.shape``.

    Arguments and errors are those of :func:`grad`; several arguments give a table: ``hessian(f, (0, 1))(x, y)[0][1]``.

    >>> hessian(lambda x: (x ** 3).sum())([1.0, 2.0])
    Tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacobian(grad(f, argnums), argnums)


class _Run:
    """One run of a function of one tree, recorded from inputs that begin a graph of their own."""

    def __init__(self, f, primals):
        leaves, self.build = flatten(primals)
        self.inputs = [_fresh(x) for x in leaves]
        with mode.enable_grad():        # f gets others, since it may write: x += 1 changes the tensor's node
            self.out = f(self.build(map(passed_on, self.inputs)))

    def outputs(self):
        """The leaves of the result as Values, and the function that builds its structure."""
        leaves, build = flatten(self.out)
        return [x if isinstance(x, Value) else wrap(np.asarray(x)) for x in leaves], build

    def gradients(self, outputs, seeds, retain_graph=False, by=None):
        """The gradient for each input (or of ``by``), zeros where there is none; recorded if somebody may go on."""
        by = self.inputs if by is None else by
        pairs = [(o, s) for o, s in zip(outputs, seeds) if o is not None]
        outputs, seeds = [o for o, _ in pairs], [s for _, s in pairs]
        outer = self._in_outer_graph([*outputs, *seeds], by)
        grads = gradients(outputs, by, seeds, retain_graph, outer, allow_unused=True)
        return [wrap(np.zeros(x.shape, x.dtype)) if g is None else g for g, x in zip(grads, by)]

    def plain(self, tree):
        """The Values of a tree cut off from the inputs, unless somebody may go on through them."""
        leaves, build = flatten(tree)
        values = [x for x in leaves if isinstance(x, Value)]
        if self._in_outer_graph(values):
            return tree
        return build([detached(x) if isinstance(x, Value) else x for x in leaves])

    def _in_outer_graph(self, values, by=()):
        """Whether these depend on a leaf, still in use, that is not one of this run: then somebody may go on."""
        own = {x.node for x in (*self.inputs, *by)}
        return mode.recording() and any(type(n) is Leaf and n not in own and n.value() is not None
                                        for n in reachable([v.node for v in values if v.node is not None]))


# Arguments

def _split(f, args, kwargs, argnums):
    """``f`` as a function of the arguments to differentiate by, and those arguments."""
    several = isinstance(argnums, tuple | list)
    places = [_place(f, args, kwargs, n) for n in (argnums if several else [argnums])]
    if len(set(places)) < len(places):
        raise TypeError(f"argnums={argnums!r} names an argument of {name_of(f)} twice")

    def call(chosen):
        new_args, new_kwargs = list(args), dict(kwargs)
        for place, value in zip(places, chosen if several else [chosen]):
            (new_kwargs if isinstance(place, str) else new_args)[place] = value
        return f(*new_args, **new_kwargs)
    chosen = tuple(kwargs[p] if isinstance(p, str) else args[p] for p in places)
    return call, chosen if several else chosen[0]


def _place(f, args, kwargs, argnum):
    """Where an argument stands in this call: an index into ``args``, or a key of ``kwargs``."""
    if isinstance(argnum, str):
        if argnum in kwargs:
            return argnum
        names = [p.name for p in inspect.signature(f).parameters.values() if p.kind is not p.VAR_POSITIONAL]
        if argnum in names[:len(args)]:
            return names.index(argnum)
        raise TypeError(f"argnums names {argnum!r}, which is no argument of this call of {name_of(f)}")
    if not isinstance(argnum, int | np.integer):
        raise TypeError(f"argnums must be an index, a name or a tuple of them, got {argnum!r}")
    if not -len(args) <= argnum < len(args):
        raise TypeError(f"argnums={argnum} for a call of {name_of(f)} with {len(args)} positional argument(s): "
                        "arguments passed by keyword go by their names")
    return argnum % len(args)


def _fresh(x):
    """``x`` as the start of a graph of its own, so that gradients count only what passes through it."""
    load_types()
    if not isinstance(x, Value):
        x = wrap(np.array(x))       # a copy: results may share the memory of arguments
        if x.dtype.kind == "f" or x.dtype.kind in "biu" and not x.ndim:
            x.data = x.data.astype(settings.floatx(), copy=False)
    if x.dtype.kind != "f":
        raise TypeError(f"gradients are taken with respect to floats, got {x.dtype} of shape {x.shape}")
    return watched(x) if x.node is None else passed_on(x)


def _vectors(tree, like, values):
    """The leaves of a tree structured like another, as Values with the shapes of ``values``."""
    vectors = [x if isinstance(x, Value) else wrap(np.array(x, v.dtype))
               for x, v in zip(leaves_like(tree, like), values)]
    for x, v in zip(vectors, values):
        if x.shape != v.shape:
            raise ValueError(f"a vector of shape {x.shape} was given for a tensor of shape {v.shape}")
    return vectors


def _as_tuple(name, x):
    if not isinstance(x, tuple | list):
        raise TypeError(f"{name} must be a tuple with an item for each argument, got {type(x).__name__}: write (x,) "
                        "for a single one")
    return tuple(x)


def _with_aux(f, out):
    if not isinstance(out, tuple) or len(out) != 2:
        raise TypeError(f"with has_aux=True a function must return (scalar, anything), {name_of(f)} returned "
                        f"{type(out).__name__}")
    return out


def _require_scalar(f, value):
    if not isinstance(value, Value) or value.shape != () or value.dtype.kind != "f":
        got = f"{value.dtype} of shape {value.shape}" if isinstance(value, Value) else type(value).__name__
        raise TypeError("gradients are taken of functions that return a scalar tensor of floats, "
                        f"{name_of(f)} returned {got}: reduce it, e.g. with .sum(), or use jacobian")


# Jacobians

def _jacobians(run, output):
    """The derivatives of one output by each input, a pass backward for each element of the output."""
    size = output.data.size
    rows = [run.gradients([output], [wrap(one.reshape(output.shape))], retain_graph=True)
            for one in np.eye(size, dtype=output.dtype)]
    return [_stacked([row[i] for row in rows], (*output.shape, *x.shape), x.dtype) for i, x in enumerate(run.inputs)]


def _stacked(rows, shape, dtype):
    """The rows as one tensor of ``shape``; by NumPy's function, so that the op of its name keeps the graph."""
    return np.stack(rows).reshape(shape) if rows else wrap(np.zeros(shape, dtype))
