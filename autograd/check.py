"""Checking gradients against differences: for our ops and for users' functions."""

import numpy as np

from . import mode
from .gradient import gradients, passed_on, watched
from .value import Value, load_types, wrap


def check_grads(f, *args, order=2, eps=1e-6, atol=1e-5, rtol=1e-5, seed=0):
    """Compare the gradients of ``f`` with central differences, in float64; raises AssertionError where they differ.

    For each argument the derivative along one random direction, of the results weighted at random, is compared: an
    error in any single entry shows, and it costs two evaluations.

    Arguments:
        f: takes the arguments as tensors, returns a tensor or a tuple of them. Must be smooth around them.
        args: floating-point arrays or tensors (checked; cast to float64) and anything else (handed on).
        order: how often to differentiate; 2 checks also the gradients of the gradients.
        eps: the step of the differences.
        atol, rtol: the difference allowed, absolute and relative to the larger derivative.
        seed: of the random directions.

    Raises:
        AssertionError: where they differ, naming the order and the argument. TypeError: for a call without a
            floating-point argument or result.

    >>> import tahr
    >>> check_grads(lambda x: tahr.ops.tanh(x) * x, [0.5, -1.0])
    >>> wrong = tahr.autograd.custom_gradient(lambda x: (x * x, lambda g: g * x))
    >>> check_grads(wrong, [0.5, -1.0], order=1)        # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: the gradient of order 1 with respect to argument 0 ...
    """
    load_types()
    rng = np.random.default_rng(seed)
    args = [_float64(a) for a in args]
    if not any(isinstance(a, Value) for a in args):
        raise TypeError("check_grads needs at least one floating-point argument, got "
                        f"{', '.join(type(a).__name__ for a in args) or 'none'}")
    _check(f, args, 1, order, eps, atol, rtol, rng)


def _check(f, args, now, order, eps, atol, rtol, rng):
    seeds = [rng.standard_normal(o.shape) for o in _evaluated(f, args)]
    if not seeds:
        raise TypeError("check_grads needs a function that returns floating-point tensors")
    grads = _gradient(f, args, seeds, create_graph=False)
    if now < order:     # a rule may take another way where it is recorded
        for i, (one, other) in enumerate(zip(grads, _gradient(f, args, seeds, create_graph=True))):
            if isinstance(args[i], Value) and not np.allclose(one.data, other.data, rtol, atol):
                raise AssertionError(f"the gradient of order {now} with respect to argument {i} is another one where "
                                     "it is recorded for derivatives of higher order (create_graph=True)")
    for i, (x, g) in enumerate(zip(args, grads)):
        if not isinstance(x, Value):
            continue
        direction = rng.standard_normal(x.shape)
        ahead, behind = (_weighted(f, args, seeds, i, x.data + step * direction) for step in (eps, -eps))
        expected, found = (ahead - behind) / (2 * eps), float(np.sum(g.data * direction))
        allowed = atol + rtol * max(abs(found), abs(expected))
        if not (np.isfinite(found) and abs(found - expected) <= allowed):
            raise AssertionError(f"the gradient of order {now} with respect to argument {i} (shape {x.shape}) gives "
                                 f"{found:.8g} along a random direction, differences give {expected:.8g}")
    if now < order:
        def gradient(*inputs):
            """The gradients as a function of the arguments and of what flows into them."""
            return _gradient(f, inputs[:len(args)], inputs[len(args):], create_graph=True)
        _check(gradient, [*args, *map(wrap, seeds)], now + 1, order, eps, atol, rtol, rng)


def _gradient(f, args, seeds, create_graph):
    """The gradient for each float argument, None for the others."""
    inputs = [watched(x) if isinstance(x, Value) and x.node is None else x for x in args]
    floats = [x for x in inputs if isinstance(x, Value)]
    with mode.enable_grad():
        outputs = _outputs(f(*(passed_on(x) if isinstance(x, Value) else x for x in inputs)))
    found = gradients(outputs, floats, list(seeds), create_graph=create_graph, allow_unused=True)
    found = iter([wrap(np.zeros(x.shape, x.dtype)) if g is None else g for g, x in zip(found, floats)])
    return [next(found) if isinstance(x, Value) else None for x in inputs]


def _weighted(f, args, seeds, i, moved):
    """The sum of the outputs times their seeds, with one argument moved."""
    outputs = _evaluated(f, [wrap(np.asarray(moved)) if j == i else a for j, a in enumerate(args)])
    return sum(float(np.sum(o.data * s)) for o, s in zip(outputs, seeds))


def _evaluated(f, args):
    """The outputs, without a graph; ``f`` gets tensors of its own, since it may write (``x += 1``)."""
    with mode.no_grad():
        return _outputs(f(*(wrap(a.data) if isinstance(a, Value) else a for a in args)))


def _outputs(result):
    result = result if isinstance(result, tuple | list) else (result,)
    return [o for o in result if isinstance(o, Value) and o.dtype.kind == "f"]


_ARRAYS = np.ndarray | np.generic | list | float


def _float64(x):
    """A float argument as a float64 Value, anything else as it is."""
    array = x.data if isinstance(x, Value) else np.asarray(x) if isinstance(x, _ARRAYS) else None
    return wrap(array.astype(np.float64)) if array is not None and array.dtype.kind == "f" else x
