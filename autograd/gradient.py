"""Gradients of tensors: what ``Tensor.backward`` and the transforms of functions are made of."""

import threading

import numpy as np

from ..utils.tree import is_leaf
from . import engine, mode
from .node import Leaf
from .op import Op
from .value import Value, wrap

IDENTITY = Op("identity", lambda x: x, lambda x: x.shape, [lambda g, _out, _x: g])
_adding = threading.Lock()      # threads that share leaves may run backward at once


def backward(value, gradient=None, retain_graph=False, create_graph=False):
    """Add the gradient of ``value`` to ``.grad`` of every leaf it depends on that requires one."""
    if value.node is None:
        raise RuntimeError("backward() needs a tensor that depends on one with requires_grad=True, computed outside "
                           f"no_grad(); this one, of shape {value.shape}, does not")
    found = engine.backward([value], [_seed(value, gradient)], None, retain_graph, create_graph)
    with _adding, mode.GradMode(create_graph):
        for node, grad in found.items():
            leaf = node.value()
            if leaf is not None and grad is not None:
                grad = _own(grad, leaf)
                leaf.grad = grad if leaf.grad is None else leaf.grad + grad


def gradients(outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, allow_unused=False):
    """The gradients of ``outputs`` with respect to ``inputs``, as a list; no ``.grad`` is touched.

    Arguments:
        outputs: a tensor or a list of them; the gradients of several are added up.
        inputs: a tensor or a list of them, leaves or results.
        grad_outputs: what flows into each output, of its shape; may be left out for an output with a single element.
        retain_graph: keep what another backward through the same graph needs; default: as ``create_graph``.
        create_graph: record the backward pass, so that the gradients can be differentiated again.
        allow_unused: give None for an input that the outputs do not depend on; otherwise that is an error.

    Raises:
        RuntimeError: for an unused input, a missing ``grad_outputs``, a graph that is freed or whose memory was
            written. ValueError: for a ``grad_outputs`` of the wrong shape or length.

    >>> import tahr
    >>> x = tahr.Tensor([1.0, 2.0], requires_grad=True)
    >>> gradients((x * x).sum(), [x])
    [Tensor([2., 4.])]
    """
    inputs = [inputs] if isinstance(inputs, Value) else list(inputs)
    pairs = [(o, _seed(o, g)) for o, g in _paired(outputs, grad_outputs) if o.node is not None]
    targets = [x.node for x in inputs]
    found = engine.backward([o for o, _ in pairs], [seed for _, seed in pairs], [n for n in targets if n is not None],
                            create_graph if retain_graph is None else retain_graph, create_graph)
    grads = [found.get(node) for node in targets]
    unused = [i for i, g in enumerate(grads) if g is None]
    if unused and not allow_unused:
        raise RuntimeError(f"the outputs do not depend on input {unused[0]} of shape {inputs[unused[0]].shape} (or it "
                           "does not require a gradient); pass allow_unused=True to get None for it")
    with mode.GradMode(create_graph):
        return [g if g is None else _own(g, x) for g, x in zip(grads, inputs)]


def detached(value):
    """The same array outside any graph."""
    out = wrap(value.data)
    out.version = value.version
    return out


def watched(value):
    """The same array at the beginning of a graph of its own."""
    out = detached(value)
    out.node = Leaf(out)
    return out


def passed_on(value):
    """A Value of the same array that is one step further in its graph."""
    with mode.enable_grad():
        return engine.apply(IDENTITY, (value,), {})


def name_of(f):
    """A function's name, for error texts."""
    return getattr(f, "__name__", type(f).__name__)


def _paired(outputs, grad_outputs):
    """``(output, gradient)`` pairs."""
    single = isinstance(outputs, Value)
    outputs = [outputs] if single else list(outputs)
    if grad_outputs is None or single and is_leaf(grad_outputs):
        grad_outputs = [grad_outputs] * len(outputs)
    if not isinstance(grad_outputs, list | tuple) or len(grad_outputs) != len(outputs):
        got = len(grad_outputs) if isinstance(grad_outputs, list | tuple) else type(grad_outputs).__name__
        raise ValueError(f"grad_outputs must be a list of {len(outputs)} gradient(s), one for each output, got {got}")
    return zip(outputs, grad_outputs)


def _seed(value, gradient):
    """What flows into ``value``: a Value of its shape and dtype."""
    if gradient is None:
        if value.data.size != 1:
            raise RuntimeError("a gradient can start by itself only from a scalar, this tensor has shape "
                               f"{value.shape}: reduce it (x.sum(), x.mean()) or pass the gradient that flows into it")
        return wrap(np.ones(value.shape, value.dtype))
    seed = gradient if isinstance(gradient, Value) else wrap(np.array(gradient, value.dtype))
    if seed.shape != value.shape:
        raise ValueError(f"the gradient of a tensor of shape {value.shape} must have that shape, got {seed.shape}")
    return seed if seed.dtype == value.dtype else seed.astype(value.dtype)


def _own(grad, like):
    """A gradient as somebody's own: in the dtype of ``like``, and neither an object nor memory that others change.

    Rules may hand on the same object to several inputs, and what a caller passed in.
    """
    if grad.dtype != like.dtype:
        grad = grad.astype(like.dtype)
    return wrap(grad.data.copy() if grad.version else grad.data, grad.node)
