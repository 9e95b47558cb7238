"""Gradients given by the user, and gradients that recompute: nodes made by hand."""

import functools

import numpy as np

from ..utils.rng import default_generator
from . import engine, mode
from .gradient import watched
from .node import Node, Part
from .transforms import IDENTITY
from .value import Value, spec_of, unique, wrap


class _Pullback:
    """Stands where an op stands in a node: one function from the gradients of the results to those of the inputs."""

    residual, adjust, keeps_out = False, None, False

    def __init__(self, name, function):
        self.name, self.function, self.last = name, function, (None, None)

    def rule(self, i):
        return lambda g, out: self._gradients(g, out)[i]

    def _gradients(self, g, out):
        """Computed at the first of the node's parents, kept for the others."""
        if self.last[0] is not g:
            outs = out if type(out) is tuple else (out,)
            given = g if isinstance(g, list) else [g]
            filled = [wrap(np.zeros(o.shape, o.dtype)) if d is None else d for d, o in zip(given, outs)]
            self.last = g, self.function(*filled)
        return self.last[1]


def _attach(name, outputs, parents, pullback):
    """The outputs as results of one node whose gradients ``pullback`` computes."""
    several = isinstance(outputs, tuple)
    specs = tuple(spec_of(o.data) for o in outputs) if several else spec_of(outputs.data)
    node = Node(_Pullback(name, pullback), {}, tuple(parents), (), specs)
    if several:
        return tuple(wrap(o.data, Part(node, i)) for i, o in enumerate(outputs))
    return wrap(outputs.data, node)


def _tracked(args):
    return mode.recording() and any(isinstance(a, Value) and a.node is not None for a in args)


def _nodes(args):
    return [a.node if isinstance(a, Value) else None for a in args]


def custom_gradient(f):
    """Decorate a function that returns its value (or a tuple of them) and its own gradient function.

    The gradient function takes one gradient for each result and returns one (or None) for each positional argument.
    Written with ops on the arguments, it can be differentiated again.

    >>> import tahr
    >>> @custom_gradient
    ... def clipped_exp(x):
    ...     y = tahr.ops.exp(x)
    ...     return y, lambda g: g * tahr.ops.minimum(tahr.ops.exp(x), 10.0)
    >>> x = tahr.Tensor(5.0, requires_grad=True)
    >>> clipped_exp(x).backward()
    >>> x.grad
    Tensor(10.)
    """
    @functools.wraps(f)
    def wrapped(*args, **kwargs):
        with mode.no_grad():
            result, gradient = f(*args, **kwargs)
        if not _tracked(args):
            return result

        def pullback(*grads):
            given = gradient(*grads)
            given = given if isinstance(given, list | tuple) else (given,)
            if len(given) != len(args):
                raise ValueError(f"the gradient function of {f.__name__} must return one gradient for each of its "
                                 f"{len(args)} argument(s), got {len(given)}")
            return given
        return _attach(f.__name__, result, _nodes(args), pullback)
    return wrapped


class Context:
    """What a :class:`Function` hands from its forward to its backward."""

    def __init__(self, needs_input_grad):
        self.needs_input_grad = needs_input_grad
        self.saved_tensors = ()

    def save_for_backward(self, *tensors):
        """Keep tensors for the backward pass, as ``saved_tensors``."""
        self.saved_tensors = tensors


class Function:
    """A function with its own gradient, as a class with two static methods; call it by ``apply``.

    >>> class Double(Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return x * 2
    ...
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         return g * 2
    >>> import tahr
    >>> x = tahr.Tensor(3.0, requires_grad=True)
    >>> Double.apply(x).backward()
    >>> x.grad
    Tensor(2.)
    """

    @classmethod
    def apply(cls, *args):
        """Run ``forward(ctx, *args)``; ``backward(ctx, *gradients)`` gives one gradient (or None) for each argument."""
        ctx = Context(tuple(isinstance(a, Value) and a.node is not None for a in args))

        @custom_gradient
        def run(*args):
            return cls.forward(ctx, *args), lambda *grads: cls.backward(ctx, *grads)
        run.__name__ = cls.__name__
        return run(*args)


def checkpoint(f):
    """``f`` without the memory of its graph: the backward pass runs it again, with the same random numbers.

    Gradients reach the arguments that are tensors, and tensors that ``f`` uses from outside.

    >>> import tahr
    >>> x = tahr.Tensor([1.0, 2.0], requires_grad=True)
    >>> checkpoint(lambda x: tahr.ops.exp(x).sum())(x).backward()
    >>> x.grad
    Tensor([2.7182817, 7.389056 ])
    """
    @functools.wraps(f)
    def wrapped(*args, **kwargs):
        if not mode.recording():
            return f(*args, **kwargs)
        random_state, begin = default_generator().get_state(), unique()
        fresh = [watched(a) if isinstance(a, Value) and a.node is not None else a for a in args]
        own = {a.node for a in fresh if isinstance(a, Value)}
        result = f(*fresh, **kwargs)
        outputs = result if isinstance(result, tuple) else (result,)
        outside = _frontier([o.node for o in outputs if o.node is not None], begin, own)
        if not outside and not _tracked(args):
            return result

        def pullback(*grads):
            return _recompute(f, args, kwargs, random_state, outside, grads)
        return _attach(f.__name__, result, _nodes(args) + outside, pullback)
    return wrapped


def _frontier(nodes, begin, own):
    """The nodes from before ``begin`` that these depend on directly."""
    found = {p for n in engine.reachable(nodes) if n.number > begin for p in n.parents
             if p is not None and p.number < begin and p not in own}
    return sorted(found | {n for n in nodes if n.number < begin}, key=lambda n: n.number)


def _recompute(f, args, kwargs, random_state, outside, grads):
    """Run ``f`` again, recorded, and send the gradients through that graph."""
    create_graph = mode.recording()
    generator = default_generator()
    now = generator.get_state()
    generator.set_state(random_state)
    try:
        with mode.enable_grad():
            fresh = [engine.apply(IDENTITY, (a,), {}) if isinstance(a, Value) and a.node is not None else a for a in args]
            result = f(*fresh, **kwargs)
    finally:
        generator.set_state(now)
    pairs = [(o, g) for o, g in zip(result if isinstance(result, tuple) else (result,), grads) if o.node is not None]
    targets = [a.node if isinstance(a, Value) else None for a in fresh] + outside
    found = engine.backward([o for o, _ in pairs], [g for _, g in pairs], [t for t in targets if t is not None],
                            create_graph, create_graph)
    return [found.get(t) for t in targets]
