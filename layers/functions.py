"""Functions of users inside layers: found by name, called with what they take, and on symbols where that goes."""

import inspect

from .. import activations, ops
from ..autograd import Spec
from ..tensor import Symbol
from ..utils.custom import get_custom_objects
from ..utils.errors import did_you_mean
from .phase import _phase


def named_function(owner, function):
    """A function itself, or that of :mod:`tahr.activations` or :mod:`tahr.ops` which a name means.

    >>> named_function("Lambda", "relu") is activations.relu
    True
    """
    if callable(function):
        return function
    if not isinstance(function, str):
        raise TypeError(f"{owner} needs a function, or the name of one of tahr.activations or tahr.ops, got "
                        f"{type(function).__name__} {function!r}")
    if function == "<lambda>":
        raise ValueError(f"the config of this {owner} was made from a lambda, whose code is not kept: make the layer "
                         "anew with the function and set its weights, or define the function by name")
    found = get_custom_objects().get(function) or activations.ACTIVATIONS.get(function) or getattr(ops, function, None)
    if not callable(found):
        raise ValueError(f"{owner}: no function of tahr.activations or tahr.ops is called {function!r}."
                         f"{did_you_mean(function, [*activations.ACTIVATIONS, *dir(ops)])} A config keeps only the "
                         "name of a function: make the layer anew with the function itself")
    return found


def sourceless(mask):
    """A mask of symbols as a shape only, in a call that becomes part of a graph: the graph computes it from data."""
    return Symbol(mask.shape, mask.dtype) if isinstance(mask, Spec) and _phase.tracing else mask


def parameters(function):
    """The parameters of a function; none for one of C that does not tell."""
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []


def given_by_name(function, arguments, **offered):
    """``arguments``, and of what is offered that for which the function has a parameter of that name.

    >>> given_by_name(lambda x, mask: x, {}, mask=1, training=True)
    {'mask': 1}
    """
    names = {p.name for p in parameters(function)}
    return {**{k: v for k, v in offered.items() if k in names}, **arguments}


def run_or_declare(layer, function, args, kwargs, inputs, shape):
    """Call a function; on symbols, where it fails, answer with the shape that was declared if there is one."""
    symbols = [x for x in (inputs if isinstance(inputs, list | tuple) else [inputs]) if isinstance(x, Spec)]
    if not symbols:
        return function(*args, **kwargs)
    try:
        return function(*args, **kwargs)
    except Exception as error:      # whatever the user's function does with a tensor that has no values
        if shape is None:
            error.add_note(f"(layer {layer.name!r} called its function on symbols, to know the output's shape; a "
                           "function that needs values can say it: output_shape=(sizes without the batch axis))")
            raise
    if callable(shape):
        shapes = [tuple(x.shape) for x in symbols]
        return Symbol(shape(shapes if isinstance(inputs, list | tuple) else shapes[0]), symbols[0].dtype)
    return Symbol((symbols[0].shape[0], *shape), symbols[0].dtype)
