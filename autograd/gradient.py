"""Gradients of tensors: what ``Tensor.backward`` and the transforms of functions are made of."""

import numpy as np

from . import engine
from .node import Leaf
from .value import Value, wrap


def backward(value, gradient=None, retain_graph=False, create_graph=False):
    """Add the gradient of ``value`` to ``.grad`` of every leaf it depends on that requires one."""
    if value.node is None:
        raise RuntimeError("backward() needs a tensor that depends on one with requires_grad=True, computed outside "
                           f"no_grad(); this one, of shape {value.shape}, does not")
    found = engine.backward([value], [_seed(value, gradient)], None, retain_graph, create_graph)
    for node, grad in found.items():
        leaf = node.value()
        if leaf is not None and grad is not None:
            leaf.grad = grad if leaf.grad is None else leaf.grad + grad


def gradients(outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, allow_unused=False):
    """The gradients of ``outputs`` (a tensor or several) with respect to ``inputs``, as a list; ``.grad`` is untouched.

    Arguments:
        grad_outputs: what flows into each output; 1 for a scalar.
        create_graph: record the backward pass, so that the gradients can be differentiated again.
        allow_unused: give None for an input that the outputs do not depend on; otherwise that is an error.

    >>> import tahr
    >>> x = tahr.Tensor([1.0, 2.0], requires_grad=True)
    >>> tahr.autograd.gradients((x * x).sum(), [x])
    [Tensor([2., 4.])]
    """
    outputs = [outputs] if isinstance(outputs, Value) else list(outputs)
    inputs = [inputs] if isinstance(inputs, Value) else list(inputs)
    seeds = grad_outputs if isinstance(grad_outputs, list | tuple) else [grad_outputs] * len(outputs)
    pairs = [(o, _seed(o, s)) for o, s in zip(outputs, seeds, strict=True) if o.node is not None]
    targets = [x.node for x in inputs]
    retain_graph = create_graph if retain_graph is None else retain_graph
    found = engine.backward([o for o, _ in pairs], [s for _, s in pairs], [n for n in targets if n is not None],
                            retain_graph, create_graph) if pairs else {}
    grads = [found.get(node) for node in targets]
    unused = [i for i, g in enumerate(grads) if g is None]
    if unused and not allow_unused:
        raise RuntimeError(f"the outputs do not depend on input {unused[0]} of shape {inputs[unused[0]].shape} (or it does "
                           "not require a gradient); pass allow_unused=True to get None for it")
    return grads


def _seed(value, gradient):
    if gradient is None:
        if value.data.size != 1:
            raise RuntimeError("a gradient can start by itself only from a scalar, this tensor has shape "
                               f"{value.shape}: reduce it (x.sum(), x.mean()) or pass the gradient that flows into it")
        return wrap(np.ones(value.shape, value.dtype))
    seed = gradient if isinstance(gradient, Value) else wrap(np.asarray(gradient, value.dtype))
    if seed.shape != value.shape:
        raise ValueError(f"the gradient of a tensor of shape {value.shape} must have that shape, got {seed.shape}")
    return seed


def watched(value):
    """A Value of the same array that begins a graph of its own."""
    copy = wrap(value.data)
    copy.node = Leaf(copy)
    return copy
