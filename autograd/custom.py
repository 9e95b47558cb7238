"""Gradients given by the user: nodes made by hand."""

import functools

import numpy as np

from ..utils.tree import flatten
from . import mode
from .gradient import name_of
from .node import Node, Part, version_of
from .value import Value, spec_of, wrap


class _Custom:
    """Stands where an op stands in a node: one function gives the gradients of all inputs.

    The node holds that function as its residual, so what it closes over is freed with the graph.
    """

    residual, keeps_out = True, False

    def __init__(self, name):
        self.name = name

    def gradients(self, needed, grads, outs, inputs, attrs):
        """A list of ``(i, gradient)`` for the needed inputs that get one."""
        found = attrs["residual"](*(_zeros(out) if g is None else g for g, out in zip(grads, outs)))
        return [(i, found[i] if inputs[i] is None else self._fitting(found[i], inputs[i], i))
                for i in needed if found[i] is not None]

    def _fitting(self, g, like, i):
        g = g if isinstance(g, Value) else wrap(np.asarray(g, like.dtype))
        if g.shape != like.shape:
            raise ValueError(f"the gradient function of {self.name} must return a gradient of shape {like.shape} for "
                             f"argument {i}, got {g.shape} (None stands for no gradient)")
        return g if g.dtype == like.dtype else g.astype(like.dtype)


def attach(name, results, inputs, nodes, pullback):
    """The results as those of one node, which depends on ``nodes``; ``inputs`` are their Values, where there are any.

    ``pullback`` takes one gradient for each result and gives one, or None, for each node.
    """
    results = [wrap(r) if isinstance(r, np.ndarray) else r for r in results]
    node = Node(_Custom(name), {}, tuple(nodes), tuple(map(_spec, inputs)), tuple(map(_spec, results)), pullback)
    node.versions = tuple(map(version_of, inputs))
    node.where = mode.user_line() if mode.anomaly() else None
    for i, result in enumerate(results):
        if isinstance(result, Value):
            results[i] = wrap(result.data, Part(node, i) if result.dtype.kind == "f" else None)
            results[i].version = result.version
    return results


def _spec(x):
    return spec_of(x.data) if isinstance(x, Value) else None


def _zeros(spec):
    """The gradient of a result that nobody used; None if it is not of floats."""
    return wrap(np.zeros(spec.shape, spec.dtype)) if spec is not None and spec.dtype.kind == "f" else None


def node_of(x):
    """The node of any argument, None if it has none."""
    return x.node if isinstance(x, Value) else None


def tracked(args):
    """Whether ops on these arguments would be recorded."""
    return mode.recording() and any(node_of(a) is not None for a in args)


def custom_gradient(f):
    """Decorate a function that returns ``(value, gradient function)``: its gradient is then what that function says.

    The gradient function takes one gradient for each result (zeros for one that nobody used) and returns one, or None,
    for each positional argument. It may use arguments and whatever ``f`` computed; made of ops, it can be
    differentiated again. It is called when the backward pass comes by, at most once for each.

    Arguments:
        f: takes tensors by position and anything else; its value is a tensor, or a tuple, list or dict of them.

    Raises:
        TypeError: if ``f`` returns anything else, or a tensor that requires a gradient is passed by keyword.
        ValueError: during backward, for the wrong number of gradients or one of the wrong shape.

    >>> import tahr
    >>> @custom_gradient
    ... def clipped_exp(x):
    ...     y = tahr.ops.exp(x)
    ...     return y, lambda g: g * tahr.ops.minimum(y, 10.0)
    >>> x = tahr.Tensor(5.0, requires_grad=True)
    >>> clipped_exp(x).backward()
    >>> x.grad
    Tensor(10.)
    """
    @functools.wraps(f)
    def wrapped(*args, **kwargs):
        if tracked(kwargs.values()):
            named = [k for k, v in kwargs.items() if node_of(v) is not None]
            raise TypeError(f"{name_of(f)} gives a gradient for each positional argument, but {named} require one and "
                            "came by keyword: pass them by position")
        if not tracked(args):
            with mode.no_grad():
                return _value_and_gradient(f, args, kwargs)[0]
        # Recorded, so that the gradient function can be differentiated by what it uses of the forward pass.
        value, gradient = _value_and_gradient(f, args, kwargs)
        results, build = flatten(value)

        def pullback(*grads):
            found = gradient(*grads)
            found = found if isinstance(found, list | tuple) else (found,)
            if len(found) != len(args):
                raise ValueError(f"the gradient function of {name_of(f)} must return a gradient (or None) for each of "
                                 f"its {len(args)} positional argument(s), got {len(found)}")
            return found
        return build(attach(name_of(f), results, args, map(node_of, args), pullback))
    return wrapped


def _value_and_gradient(f, args, kwargs):
    out = f(*args, **kwargs)
    if not isinstance(out, tuple) or len(out) != 2 or not callable(out[1]):
        raise TypeError("a function with its own gradient must return (value, gradient function), "
                        f"{name_of(f)} returned {type(out).__name__}")
    return out


class Context:
    """What a :class:`Function` hands from its forward to its backward; any attribute may be set on it.

    Attributes:
        needs_input_grad: for each positional argument, whether its gradient will be asked for.
        saved_tensors: what :meth:`save_for_backward` was given.
    """

    def __init__(self, needs_input_grad):
        self.needs_input_grad = needs_input_grad
        self.saved_tensors = ()

    def save_for_backward(self, *tensors):
        """Keep tensors for the backward pass, as :attr:`saved_tensors`."""
        self.saved_tensors = tensors


class Function:
    """A function with its own gradient, as a class with two static methods; call it by :meth:`apply`.

    ``forward(ctx, *args)`` computes the value; ``backward(ctx, *grads)`` takes one gradient for each result and returns
    one, or None, for each positional argument. What holds for :func:`custom_gradient` holds here.

    >>> import tahr
    >>> class Exp(Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         y = tahr.ops.exp(x)
    ...         ctx.save_for_backward(y)
    ...         return y
    ...
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         y, = ctx.saved_tensors
    ...         return g * y
    >>> x = tahr.Tensor(0.0, requires_grad=True)
    >>> Exp.apply(x).backward()
    >>> x.grad
    Tensor(1.)
    """

    @classmethod
    def apply(cls, *args, **kwargs):
        """Run ``forward``, with ``backward`` as its gradient."""
        def run(*args, **kwargs):
            ctx = Context(tuple(node_of(a) is not None for a in args))
            return cls.forward(ctx, *args, **kwargs), functools.partial(cls.backward, ctx)
        run.__name__ = cls.__name__
        return custom_gradient(run)(*args, **kwargs)
