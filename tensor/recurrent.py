"""Recurrent layers over sequences: one op over a kernel, and the same composed of ops, step by step.

The op knows Keras's cells with the usual activations. Everything else goes through :func:`scan`: other activations,
cells of users, and second derivatives, which the kernel does not have. Both give the same results.
"""

import numpy as np

from ..autograd import Spec, Value, booleans, function, op, raises, real, sample
from ..autograd.gradient import gradients, passed_on
from ..autograd.mode import recording
from ..autograd.value import promoted, spec
from ..kernels import recurrent as kernels
from . import activation as activations
from .create import asarray, zeros
from .elementwise import clip, tanh
from .linalg import matmul
from .logic import where
from .movement import reshape, split, stack

GATES = kernels.GATES
FUNCTIONS = {       # the activations that the kernel knows, as ops
    "tanh": tanh, "sigmoid": activations.sigmoid, "relu": activations.relu, "linear": lambda x: x,
    "hard_sigmoid": activations.hard_sigmoid, "hard_sigmoid_3": lambda x: clip(x / 6 + 0.5, 0, 1),
    "softsign": activations.softsign, "softplus": activations.softplus, "elu": activations.elu,
}
INPUTS = 6      # x, kernel, recurrent_kernel, bias, h, c: what gradients flow to


# Shapes

def _fits(shape, *expected):
    return len(shape) == len(expected) and all(m is None or n is None or m == n for m, n in zip(shape, expected))


def _check(cell, x, kernel, recurrent_kernel, bias, h, c, mask, dropout, recurrent_dropout, **attrs):
    """Raise, naming the argument, unless all shapes fit; returns the number of units."""
    gates, units = GATES[cell], recurrent_kernel.shape[0]
    if x.ndim != 3:
        raise ValueError(f"a recurrent layer needs an input of shape (batch, time, features), got {x.shape}")
    batch, time, inputs = x.shape
    rows = (2,) if cell == "gru_reset_after" else ()
    expected = {"kernel": (kernel, (inputs, gates * units)), "bias": (bias, (*rows, gates * units)),
                "recurrent_kernel": (recurrent_kernel, (units, gates * units)), "h": (h, (batch, units)),
                "c": (c, (batch, units)), "mask": (mask, (batch, time))}
    for name, (array, shape) in expected.items():
        if array is not None and not _fits(array.shape, *shape):
            raise ValueError(f"the {name} of {cell} with {units} units must have shape {shape}, got {array.shape}")
    for name, array, size in ("dropout", dropout, inputs), ("recurrent_dropout", recurrent_dropout, units):
        if array is not None and not (_fits(array.shape, batch, size) or _fits(array.shape, batch, gates, size)):
            raise ValueError(f"the {name} of {cell} must have shape {(batch, size)}, or {(batch, gates, size)} for a "
                             f"mask of each gate, got {array.shape}")
    if mask is not None and mask.dtype != bool:
        raise TypeError(f"the mask of {cell} must be boolean, true where a step counts, got {mask.dtype}: mask != 0")
    if c is not None and cell != "lstm":
        raise ValueError(f"{cell} has no cell state: leave out c")
    for name in attrs.get("activation", "tanh"), attrs.get("recurrent_activation", "sigmoid"):
        if name not in FUNCTIONS:
            raise ValueError(f"the op knows the activations {', '.join(FUNCTIONS)}, got {name!r}: give any other as a "
                             "function of tensors to lstm, gru or simple_rnn")
    return units


def _shapes(x, *others, cell="lstm", **attrs):
    units = _check(cell, x, *others, **attrs)
    dtype = promoted([a for a in (x, *others) if a is not None], "float")
    states = 2 if cell == "lstm" else 1
    return [spec((*x.shape[:2], units), dtype), *(spec((x.shape[0], units), dtype) for _ in range(states))]


# What the tests compare with: loops in complex numbers, whose gradients are imaginary parts

_PLAIN = {
    "tanh": np.tanh, "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "linear": lambda x: x,
    "relu": lambda x: np.where(x.real > 0, x, 0),
    "hard_sigmoid": lambda x: np.where(abs(x.real) < 2.5, 0.2 * x + 0.5, x.real > 0),
    "hard_sigmoid_3": lambda x: np.where(abs(x.real) < 3, x / 6 + 0.5, x.real > 0),
    "softsign": lambda x: x / (1 + np.where(x.real > 0, x, -x)), "softplus": lambda x: np.log(1 + np.exp(x)),
    "elu": lambda x: np.where(x.real > 0, x, np.exp(x) - 1),
}


def _looped(x, kernel, recurrent_kernel, bias, h, c, mask, dropout, recurrent_dropout, cell="lstm", activation="tanh",
            recurrent_activation="sigmoid", go_backwards=False, zero_output_for_mask=False):
    """One row of the batch and one step at a time."""
    (batch, time, _), units, gates = x.shape, len(recurrent_kernel), GATES[cell]
    act, rec = _PLAIN[activation], _PLAIN[recurrent_activation]
    kind = np.result_type(*[a for a in (x, kernel, recurrent_kernel, bias, h, c) if a is not None])
    outer = np.zeros(gates * units) if bias is None or bias.ndim == 1 else bias[1]
    bias = np.zeros(gates * units) if bias is None else bias if bias.ndim == 1 else bias[0]
    columns = [slice(g * units, (g + 1) * units) for g in range(gates)]
    y, last_h, last_c = (np.zeros(s, kind) for s in ((batch, time, units), (batch, units), (batch, units)))
    for b in range(batch):
        kept, met = (np.ones((gates, 1)) if m is None else np.broadcast_to(m[b], (gates, m.shape[-1]))
                     for m in (dropout, recurrent_dropout))
        state, memory = (np.zeros(units, kind) if s is None else s[b] for s in (h, c))
        for s in range(time):
            t = time - 1 - s if go_backwards else s
            if mask is not None and not mask[b, t]:
                y[b, s] = y[b, s - 1] if s and not zero_output_for_mask else 0
                continue
            z = [(x[b, t] * kept[g]) @ kernel[:, k] + bias[k] for g, k in enumerate(columns)]
            u = [(state * met[g]) @ recurrent_kernel[:, k] + outer[k] for g, k in enumerate(columns)]
            if cell == "lstm":
                memory = rec(z[1] + u[1]) * memory + rec(z[0] + u[0]) * act(z[2] + u[2])
                state = rec(z[3] + u[3]) * act(memory)
            elif cell == "simple":
                state = act(z[0] + u[0])
            else:
                update, reset = rec(z[0] + u[0]), rec(z[1] + u[1])
                new = reset * u[2] if cell == "gru_reset_after" else (
                    (reset * state * met[2]) @ recurrent_kernel[:, columns[2]])
                state = update * state + (1 - update) * act(z[2] + new)
            y[b, s] = state
        last_h[b], last_c[b] = state, memory
    return (y, last_h, last_c) if cell == "lstm" else (y, last_h)


def _looped_grads(*arrays, input_gradient=True, saved=None, **attrs):
    """The derivative for each number: it gets a small imaginary part, so small that it makes no difference."""
    inputs, others, seeds = arrays[:INPUTS], arrays[INPUTS:9], arrays[9:]
    found = []
    for i, array in enumerate(inputs):
        if array is None or not (i or input_gradient):
            continue
        grad = np.zeros(array.shape)
        for at in np.ndindex(array.shape):
            moved = array.astype(complex)
            moved[at] += 1e-30j
            outs = _looped(*inputs[:i], moved, *inputs[i + 1:], *others, **attrs)
            grad[at] = sum(np.sum(o.imag * g) for o, g in zip(outs, seeds) if g is not None) / 1e-30
        found.append(grad)
    return tuple(found)


def _case(cell, bias=True, states=True, mask=None, dropout=None, recurrent_dropout=None, **attrs):
    """Arrays for a layer of 2 units over 3 x 3 steps of 2 numbers."""
    gates = GATES[cell]
    given = [real(3, 3, 2), real(2, 2 * gates), real(2, 2 * gates),
             (real(2, 6) if cell == "gru_reset_after" else real(2 * gates)) if bias else None,
             real(3, 2) if states else None, real(3, 2) if states and cell == "lstm" else None,
             mask, dropout, recurrent_dropout]
    return given, {"cell": cell, **attrs}


GAPS = np.array([[False, True, False], [True, False, False], [True, True, True]])
ALL, BY_GATE = booleans(3, 2), {gates: booleans(3, gates, 2) for gates in (3, 4)}
CASES = [_case("lstm"), _case("lstm", False, False, activation="softsign", recurrent_activation="hard_sigmoid_3"),
         _case("lstm", True, True, GAPS, ALL, BY_GATE[4], go_backwards=True),
         _case("lstm", True, True, booleans(3, 3), BY_GATE[4], ALL, zero_output_for_mask=True, activation="softplus",
               recurrent_activation="elu"),
         _case("gru"), _case("gru", True, True, GAPS, BY_GATE[3], ALL, recurrent_activation="hard_sigmoid"),
         _case("gru", False, False, None, None, BY_GATE[3], activation="elu"),
         _case("gru_reset_after"), _case("gru_reset_after", False, True, GAPS, ALL, BY_GATE[3], go_backwards=True),
         _case("simple"), _case("simple", False, False, GAPS, ALL, ALL, activation="linear"),
         _case("simple", activation="relu")]
CALLS = [sample(*given, **attrs) for given, attrs in CASES]
PLAIN = CASES[0][0]
ERRORS = [raises(ValueError, r"shape \(batch, time, features\)", real(3, 2), *PLAIN[1:]),
          raises(ValueError, "the kernel of lstm with 2 units", PLAIN[0], real(3, 8), *PLAIN[2:]),
          raises(ValueError, "the h of lstm", *PLAIN[:4], real(3, 4), *PLAIN[5:]),
          raises(ValueError, "the dropout of lstm", *PLAIN[:7], real(3, 4), None),
          raises(TypeError, "must be boolean", *PLAIN[:6], real(3, 3), None, None),
          raises(ValueError, "has no cell state", *_case("simple")[0][:5], real(3, 2), None, None, None, cell="simple"),
          raises(ValueError, "the op knows the activations", *PLAIN, activation="cosine")]


# The op and its gradients

def _grads_shape(*specs, input_gradient=True, saved=None, **attrs):
    outs = _shapes(*specs[:9], **attrs)
    for out, g in zip(outs, specs[9:]):
        if g is not None and not _fits(g.shape, *out.shape):
            raise ValueError(f"the gradient of a result of shape {out.shape} must have that shape, got {g.shape}")
    dtype = promoted([s for s in specs if s is not None], "float")
    return [spec(s.shape, dtype) for i, s in enumerate(specs[:INPUTS]) if s is not None and (i or input_gradient)]


def _gradient_samples():
    for given, attrs in CASES:
        yield sample(*given, real(3, 3, 2), real(3, 2), real(3, 2) if attrs["cell"] == "lstm" else None, **attrs)
    yield sample(*PLAIN, None, real(3, 2), None, input_gradient=False)
    yield raises(ValueError, "the gradient of a result", *PLAIN, real(3, 3, 4), None, None)


@op(shape=_grads_shape, name="rnn_grads", reference=_looped_grads, samples=[*_gradient_samples()])
def _rnn_grads(x, kernel, recurrent_kernel, bias, h, c, mask, dropout, recurrent_dropout, g, gh, gc, cell="lstm",
               activation="tanh", recurrent_activation="sigmoid", go_backwards=False, zero_output_for_mask=False,
               input_gradient=True, saved=None):
    """The gradients of a recurrent layer for those of x, kernel, recurrent_kernel, bias, h and c that are given.

    It has no gradient: where one may be asked for, steps composed of ops stand in (see :func:`_gradient`).
    """
    arrays = x, kernel, recurrent_kernel, bias, h, c
    _grads_shape(*arrays, mask, dropout, recurrent_dropout, g, gh, gc, cell=cell, activation=activation,
                 recurrent_activation=recurrent_activation)
    found = kernels.rnn_grad(cell, *arrays, mask, dropout, recurrent_dropout, g, gh, gc, saved, activation,
                             recurrent_activation, go_backwards, zero_output_for_mask, input_gradient)
    return tuple(d for i, (d, array) in enumerate(zip(found, arrays)) if array is not None and (i or input_gradient))


def _by_kernel(g, arrays, attrs, saved):
    """The gradient of each argument, by its place."""
    wanted = arrays[0].node is not None
    found = _rnn_grads(*arrays, *g, *[None] * (3 - len(g)), input_gradient=wanted, saved=saved, **attrs)
    places = [i for i, a in enumerate(arrays[:INPUTS]) if a is not None and (i or wanted)]
    return dict(zip(places, found))


def _by_steps(g, arrays, attrs):
    """The same from the gradients of the steps: can be differentiated further."""
    places = [i for i, a in enumerate(arrays[:INPUTS]) if a is not None and a.node is not None]
    arrays = [passed_on(a) if i in places else a for i, a in enumerate(arrays)]     # one tensor may be two arguments
    outs = _steps(*arrays, **attrs)
    pairs = [(o, d) for o, d in zip(outs, g) if d is not None]
    found = gradients([o for o, _ in pairs], [arrays[i] for i in places], [d for _, d in pairs], create_graph=True,
                      allow_unused=True)
    return dict(zip(places, found))


def _gradient(place):
    def rule(g, _out, x, kernel, recurrent_kernel, bias, h, c, mask, dropout, recurrent_dropout, residual, **attrs):
        if residual.get("g") is not g:      # the first rule of this step; the others take what it has found
            arrays = x, kernel, recurrent_kernel, bias, h, c, mask, dropout, recurrent_dropout
            residual["found"] = (_by_steps(g, arrays, attrs) if recording() else
                                 _by_kernel(g, arrays, attrs, residual["saved"]))
            residual["g"] = g
        return residual["found"].get(place)
    return rule


@op(shape=_shapes, name="rnn", residual=True, reference=_looped, samples=[*CALLS, *ERRORS],
    vjp=[*map(_gradient, range(INPUTS)), None, None, None])
def _rnn(x, kernel, recurrent_kernel, bias, h, c, mask, dropout, recurrent_dropout, cell="lstm", activation="tanh",
         recurrent_activation="sigmoid", go_backwards=False, zero_output_for_mask=False):
    arrays = x, kernel, recurrent_kernel, bias, h, c, mask, dropout, recurrent_dropout
    _check(cell, *arrays, activation=activation, recurrent_activation=recurrent_activation)
    results, saved = kernels.rnn(cell, *arrays, activation, recurrent_activation, go_backwards, zero_output_for_mask,
                                 recording())
    return results[:3 if cell == "lstm" else 2], {"saved": saved}


# Step by step

def scan(step, x, states, mask=None, go_backwards=False, zero_output_for_mask=False):
    """Go through time with any cell: ``(outputs, last states)``.

    Arguments:
        step: takes the input of a time, (batch, ...), and the list of states; returns an output and the new states.
        x: (batch, time, ...); its time must be known.
        states: a list of tensors, (batch, ...) each.
        mask: (batch, time) booleans; where it is false, a row keeps its states and repeats its last output, 0 at first.
        go_backwards: from the last time to the first; outputs come in the order of the steps.
        zero_output_for_mask: masked steps give 0.

    Output shape: (batch, time, ...), and the states' own.

    Raises: ValueError for a time that is unknown or 0.

    >>> from tahr import Tensor
    >>> total = lambda x, states: (x + states[0], [x + states[0]])
    >>> outputs, last = scan(total, Tensor([[[1.0], [2.0], [3.0]]]), [Tensor([[0.0]])])
    >>> outputs.numpy().ravel()
    array([1., 3., 6.], dtype=float32)
    """
    if not x.shape[1]:
        raise ValueError(f"scan goes through a known number of steps, at least 1, got an input of shape {x.shape}")
    outputs, before = [], None
    for t in range(x.shape[1])[::-1 if go_backwards else 1]:
        out, new = step(x[:, t], states)
        if mask is not None:
            on = lambda value, t=t: reshape(mask[:, t], (-1, *[1] * (value.ndim - 1)))
            out = where(on(out), out, 0 if before is None or zero_output_for_mask else before)
            new = [where(on(n), n, state) for n, state in zip(new, states)]
            before = out
        outputs.append(out)
        states = new
    return stack(outputs, 1), states


def _per_gate(masks, gates):
    """What each gate multiplies by, or Nones."""
    return [masks] * gates if masks is None or masks.ndim == 2 else [masks[:, g] for g in range(gates)]


def _cell_step(cell, kernel, recurrent_kernel, bias, dropout, recurrent_dropout, activation, recurrent_activation):
    """The step of one of Keras's cells, for :func:`scan`."""
    gates = GATES[cell]
    act, rec = (FUNCTIONS.get(f, f) if isinstance(f, str) else f for f in (activation, recurrent_activation))
    inner, outer = (bias[0], bias[1]) if cell == "gru_reset_after" and bias is not None else (bias, None)
    kernels_, recurrent = split(kernel, gates, 1), split(recurrent_kernel, gates, 1)
    kept, met = _per_gate(dropout, gates), _per_gate(recurrent_dropout, gates)
    biases, outers = ([None] * gates if b is None else split(b, gates) for b in (inner, outer))

    def product(value, mask, weights, bias=None):
        out = matmul(value if mask is None else value * mask, weights)
        return out if bias is None else out + bias

    def step(x, states):
        h = states[0]
        z = [product(x, *given) for given in zip(kept, kernels_, biases)]
        u = [product(h, *given) for given in zip(met, recurrent, outers)][:2 if cell == "gru" else gates]
        if cell == "lstm":
            c = rec(z[1] + u[1]) * states[1] + rec(z[0] + u[0]) * act(z[2] + u[2])
            h = rec(z[3] + u[3]) * act(c)
            return h, [h, c]
        if cell == "simple":
            h = act(z[0] + u[0])
            return h, [h]
        update, reset = rec(z[0] + u[0]), rec(z[1] + u[1])
        new = act(z[2] + (product(reset * h, met[2], recurrent[2]) if cell == "gru" else reset * u[2]))
        h = update * h + (1 - update) * new
        return h, [h]
    return step


@function(name="rnn_steps", reference=_looped, samples=CALLS)
def _steps(x, kernel, recurrent_kernel, bias, h, c, mask, dropout, recurrent_dropout, cell="lstm", activation="tanh",
           recurrent_activation="sigmoid", go_backwards=False, zero_output_for_mask=False):
    """What the op does, composed of other ops."""
    if isinstance(x, Spec):
        return _rnn(x, kernel, recurrent_kernel, bias, h, c, mask, dropout, recurrent_dropout, cell=cell)
    arrays = kernel, recurrent_kernel, bias, h, c, mask, dropout, recurrent_dropout
    units = _check(cell, x, *arrays)
    states = [zeros((x.shape[0], units), x.dtype) if s is None else s for s in ((h, c) if cell == "lstm" else (h,))]
    step = _cell_step(cell, kernel, recurrent_kernel, bias, dropout, recurrent_dropout, activation,
                      recurrent_activation)
    outputs, states = scan(step, x, states, mask, go_backwards, zero_output_for_mask)
    return (outputs, *states)


# What users call

def _run(cell, arrays, activation, recurrent_activation, **order):
    arrays = [a if a is None or isinstance(a, (Value, Spec)) else asarray(a) for a in arrays]
    by_name = isinstance(activation, str) and isinstance(recurrent_activation, str)
    return (_rnn if by_name else _steps)(*arrays, cell=cell, activation=activation,
                                         recurrent_activation=recurrent_activation, **order)


def lstm(x, kernel, recurrent_kernel, bias=None, h=None, c=None, mask=None, dropout=None, recurrent_dropout=None,
         activation="tanh", recurrent_activation="sigmoid", go_backwards=False, zero_output_for_mask=False):
    """A long short-term memory over sequences (Hochreiter and Schmidhuber, 1997): ``(outputs, h, c)``.

    ``i, f, o = rec(x W + h U + b)``, ``c = f c + i act(x W + h U + b)``, ``h = o act(c)``, at each step.

    Arguments:
        x: (batch, time, features).
        kernel, recurrent_kernel, bias: (features, 4 * units), (units, 4 * units), (4 * units,) or None; the gates in
            the order i, f, c, o.
        h, c: the first states, (batch, units); None for 0.
        mask: (batch, time) booleans; where it is false, a row keeps its states and repeats its last output, 0 at first.
        dropout: what x is multiplied by, the same at all steps: (batch, features), or (batch, 4, features) by gate.
            No gradient flows to it.
        recurrent_dropout: what the h that meets U is multiplied by: (batch, units) or (batch, 4, units).
        activation, recurrent_activation: "tanh", "sigmoid", "relu", "linear", "hard_sigmoid" (Keras 2's),
            "hard_sigmoid_3" (Keras 3's), "softsign", "softplus", "elu", or functions of tensors.
        go_backwards: from the last time to the first; outputs come in the order of the steps.
        zero_output_for_mask: masked steps give 0.

    Output shape: (batch, time, units), (batch, units), (batch, units).

    Raises: ValueError where shapes do not fit; TypeError for a mask that is not boolean.

    >>> from tahr.ops import ones
    >>> outputs, h, c = lstm(ones((2, 5, 3)), ones((3, 16)), ones((4, 16)))
    >>> outputs.shape, h.shape, c.shape
    ((2, 5, 4), (2, 4), (2, 4))
    """
    return _run("lstm", (x, kernel, recurrent_kernel, bias, h, c, mask, dropout, recurrent_dropout), activation,
                recurrent_activation, go_backwards=go_backwards, zero_output_for_mask=zero_output_for_mask)


def gru(x, kernel, recurrent_kernel, bias=None, h=None, mask=None, dropout=None, recurrent_dropout=None,
        activation="tanh", recurrent_activation="sigmoid", go_backwards=False, zero_output_for_mask=False,
        reset_after=False):
    """A gated recurrent unit over sequences (Cho et al., 2014): ``(outputs, h)``.

    ``z, r = rec(x W + h U + b)``, ``n = act(x W + (r h) U + b)``, ``h = z h + (1 - z) n``, at each step. With
    ``reset_after``, as in cuDNN and Keras 3, ``n = act(x W + b + r (h U + d))``; the bias (2, 3 * units) holds b and d.

    The arguments are those of :func:`lstm`, with three gates in the order z, r, h.

    >>> from tahr.ops import ones
    >>> outputs, h = gru(ones((2, 5, 3)), ones((3, 12)), ones((4, 12)), reset_after=True)
    >>> outputs.shape, h.shape
    ((2, 5, 4), (2, 4))
    """
    return _run("gru_reset_after" if reset_after else "gru",
                (x, kernel, recurrent_kernel, bias, h, None, mask, dropout, recurrent_dropout), activation,
                recurrent_activation, go_backwards=go_backwards, zero_output_for_mask=zero_output_for_mask)


def simple_rnn(x, kernel, recurrent_kernel, bias=None, h=None, mask=None, dropout=None, recurrent_dropout=None,
               activation="tanh", go_backwards=False, zero_output_for_mask=False):
    """The simple recurrent cell over sequences (Elman, 1990): ``(outputs, h)``; each ``h = act(x W + h U + b)``.

    The arguments are those of :func:`lstm`, with one gate.

    >>> from tahr import Tensor
    >>> outputs, h = simple_rnn(Tensor([[[1.0], [1.0]]]), Tensor([[1.0]]), Tensor([[2.0]]), activation="linear")
    >>> outputs.numpy().ravel()
    array([1., 3.], dtype=float32)
    """
    return _run("simple", (x, kernel, recurrent_kernel, bias, h, None, mask, dropout, recurrent_dropout), activation,
                "sigmoid", go_backwards=go_backwards, zero_output_for_mask=zero_output_for_mask)
