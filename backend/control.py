"""Loops and choices."""

import numpy as np

from .. import tensor
from ..autograd import Spec, Value
from ..autograd.value import spec
from ..tensor.recurrent import scan
from . import config, graph
from .graph import as_tensor, late
from .shaping import expand_dims

ops = tensor.PUBLIC


@late
def rnn(step_function, inputs, initial_states, go_backwards=False, mask=None, constants=None, unroll=False,
        input_length=None):
    """Go through the time axis of ``inputs`` with a step.

    Arguments:
        step_function: takes the input of a time, (batch, ...), and a list of states and constants; returns an output
            and the list of new states.
        inputs: (batch, time, ...).
        initial_states: a list of tensors.
        go_backwards: from the last time to the first.
        mask: (batch, time) or (batch, time, 1) booleans; where it is false, states stay and the output repeats.
        constants: a list of tensors that every step is given after the states.
        unroll, input_length: for other back ends.

    Returns:
        The last output, all outputs (batch, time, ...) and the last states.

    >>> import tahr
    >>> step = lambda x, states: (x + states[0], [x + states[0]])
    >>> last, outputs, states = rnn(step, tahr.ops.ones((1, 3, 1)), [tahr.ops.zeros((1, 1))])
    >>> outputs.numpy().ravel()
    array([1., 2., 3.], dtype=float32)
    """
    inputs, states = as_tensor(inputs), [as_tensor(s) for s in initial_states]
    if inputs.ndim < 3:
        raise ValueError(f"Input should be at least 3D, (batch, time, ...), got shape {inputs.shape}")
    constants = list(constants or ())
    step = lambda x, states: step_function(x, [*states, *constants])
    if inputs.shape[1] is None:
        out, new = step(inputs[:, 0], states)
        return out, spec((out.shape[0], None, *out.shape[1:]), out.dtype), list(new)
    if mask is not None:
        mask = as_tensor(mask)
        mask = (ops["squeeze"](mask, -1) if mask.ndim == 3 else mask).astype("bool")
    outputs, states = scan(step, inputs, states, mask, go_backwards)
    return outputs[:, -1], outputs, list(states)


def _called(x):
    return x() if callable(x) and not isinstance(x, Value | Spec) else x


def switch(condition, then_expression, else_expression):
    """One of two expressions, by a condition: a single one, or one for each element or leading axis.

    Expressions may be functions without arguments, of which only the chosen one is called where the condition is a
    single known value.

    >>> switch(True, lambda: 1.0, lambda: 2.0)
    1.0
    """
    if not isinstance(condition, Value | Spec):
        condition = np.asarray(condition)
    if not condition.ndim and not isinstance(condition, Spec):
        return _called(then_expression if bool(condition) else else_expression)
    then, other = as_tensor(_called(then_expression)), as_tensor(_called(else_expression))
    condition = as_tensor(condition)
    if condition.ndim > then.ndim:
        raise ValueError("Rank of `condition` should be less than or equal to rank of `then_expression` and "
                         f"`else_expression`. ndim(condition)={condition.ndim}, ndim(then_expression)={then.ndim}")
    condition = condition if condition.dtype.kind == "b" else ops["not_equal"](condition, 0)
    for _ in range(then.ndim - condition.ndim if condition.ndim else 0):
        condition = expand_dims(condition)
    return ops["where"](condition, then, other)


def in_train_phase(x, alt, training=None):
    """``x`` while layers train, ``alt`` otherwise; both may be functions without arguments.

    >>> in_train_phase(1.0, 2.0, training=0)
    2.0
    """
    training = config.learning_phase() if training is None else training
    if not isinstance(training, Value | Spec):
        return _called(x if training else alt)
    if isinstance(training, Value):
        return _called(x if training.data.any() else alt)
    now, later = _called(x), _called(alt)
    if training is graph.PHASE and not any(isinstance(v, Spec) for v in (now, later)):
        return now if graph.phase_now() else later
    return switch(training, now, later)


def in_test_phase(x, alt, training=None):
    """``alt`` while layers train, ``x`` otherwise."""
    return in_train_phase(alt, x, training)


@late
def map_fn(fn, elems, name=None, dtype=None):
    """``fn`` of each element along the first axis, put together again; of a list, of one element of each.

    >>> map_fn(lambda row: row * 2.0, [[1.0], [2.0]]).tolist()
    [[2.0], [4.0]]
    """
    several = isinstance(elems, tuple) or isinstance(elems, list) and any(isinstance(e, Value | Spec) for e in elems)
    columns = [as_tensor(e) for e in elems] if several else [as_tensor(elems)]
    call = (lambda *row: fn(list(row))) if several else fn
    if columns[0].shape[0] is None:
        out = as_tensor(call(*[c[0] for c in columns]))
        return spec((None, *out.shape), dtype or out.dtype)
    out = ops["stack"]([as_tensor(call(*row)) for row in zip(*columns)])
    return out if dtype is None else out.astype(dtype)


def _fold(fn, elems, initializer, order):
    elems = as_tensor(elems)
    if elems.shape[0] is None:
        first = elems[0]
        return spec(first.shape, first.dtype) if initializer is None else as_tensor(fn(as_tensor(initializer), first))
    rows = list(elems)[::order]
    result = rows.pop(0) if initializer is None else initializer
    for row in rows:
        result = fn(result, row)
    return result


@late
def foldl(fn, elems, initializer=None, name=None):
    """``fn(fn(fn(initializer, first), second), ...)`` over the first axis.

    >>> foldl(lambda total, x: total + x, [1.0, 2.0, 3.0])
    Tensor(6.)
    """
    return _fold(fn, elems, initializer, 1)


@late
def foldr(fn, elems, initializer=None, name=None):
    """As :func:`foldl`, from the last element to the first.

    >>> foldr(lambda total, x: total - x, [1.0, 2.0, 3.0])
    Tensor(0.)
    """
    return _fold(fn, elems, initializer, -1)
