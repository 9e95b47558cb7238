"""Gradients that run the function again rather than keep its graph."""

import functools

from ..utils.rng import default_generator
from ..utils.tree import flatten
from . import engine, mode
from .custom import attach, node_of, tracked
from .gradient import name_of, passed_on
from .node import Leaf, reachable
from .value import unique


def checkpoint(f):
    """``f`` without the memory of its graph: the backward pass runs it again, with the same random numbers.

    Gradients reach the tensors among the arguments and those that ``f`` uses from outside. Random numbers repeat if
    they come from the default generator.

    Arguments:
        f: takes anything; returns a tensor, or a tuple, list or dict of them. Must compute the same when run again.

    >>> import tahr
    >>> x = tahr.Tensor([1.0, 2.0], requires_grad=True)
    >>> checkpoint(lambda x: (x ** 3).sum())(x).backward()
    >>> x.grad
    Tensor([ 3., 12.])
    """
    @functools.wraps(f)
    def wrapped(*args, **kwargs):
        if not mode.recording():
            return f(*args, **kwargs)
        random_state = default_generator().get_state()
        edge, since, results, build = _run_apart(f, args, kwargs)
        # What f uses from outside: nodes from before, and leaves that it made (a layer's weights, at its first call).
        outside = [n for n in reachable(_nodes(results), since)
                   if (n.number < since or type(n) is Leaf) and n not in edge]
        if not outside and not tracked(args):
            return build(results)

        def pullback(*grads):
            return _recompute(f, args, kwargs, random_state, outside, grads)
        values = [n.value() if type(n) is Leaf else None for n in outside]
        return build(attach(name_of(f), results, [*args, *values], [*map(node_of, args), *outside], pullback))
    return wrapped


def _run_apart(f, args, kwargs):
    """Run ``f`` on stand-ins for its arguments: ``the stand-ins' nodes, since, results, build``.

    Nodes from number ``since`` on are those of this run.
    """
    with mode.enable_grad():
        args = [passed_on(a) if node_of(a) is not None else a for a in args]
        edge, since = [node_of(a) for a in args], unique()
        results, build = flatten(f(*args, **kwargs))
    return edge, since, results, build


def _recompute(f, args, kwargs, random_state, outside, grads):
    """Run ``f`` again, recorded, and send the gradients through that graph, up to its edge and no further."""
    create_graph, generator = mode.recording(), default_generator()
    now = generator.get_state()
    generator.set_state(random_state)
    try:
        edge, since, results, _ = _run_apart(f, args, kwargs)
    finally:
        generator.set_state(now)
    targets = edge + outside
    pairs = [(r, g) for r, g in zip(results, grads) if node_of(r) is not None]
    found = engine.backward([r for r, _ in pairs], [g for _, g in pairs], [t for t in targets if t is not None],
                            create_graph, create_graph, since)
    return [found.get(t) for t in targets]


def _nodes(results):
    return [node_of(r) for r in results if node_of(r) is not None]
