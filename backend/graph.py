"""Expressions over symbols: what they are computed from, and their evaluation by ``K.function``.

A symbol knows its source: an op, the call of a layer, or a :class:`Deferred` call. So a function of symbols is a walk
through sources; layers and models need not be known for it.
"""

import contextlib
import functools
import importlib
import sys
import threading

import numpy as np

from ..autograd import Spec, Value, enable_grad, no_grad, op, real, sample
from ..autograd.engine import apply
from ..autograd.gradient import gradients as gradients_of
from ..autograd.gradient import watched as as_leaf
from ..autograd.value import OpCall, constant, spec
from ..autograd.value import wrap as wrapped
from ..tensor import Tensor, Variable
from ..utils.tree import flatten

_PACKAGE = __package__.rpartition(".")[0]


class Deferred:
    """A function of tensors that waits for the values of symbols among its arguments.

    Attributes:
        function, args, kwargs: the call.
        watched: symbols whose values must be in the graph of what is computed from them; None if nothing need be.
    """

    def __init__(self, function, args, kwargs, watched=None):
        self.function, self.args, self.kwargs, self.watched = function, args, kwargs, watched

    @property
    def layer(self):
        """What a model asks of whatever is in its graph."""
        raise ValueError(f"K.{self.function.__name__.strip('_')} of symbols is computed by K.function; in a model, "
                         "put it into a Lambda layer")


def late(function):
    """A decorator: called with symbols, the function runs for the shapes now, and again once there are values.

    For functions that look at sizes, which are None now and known then.

    >>> from tahr import Symbol
    >>> @late
    ... def rows(x):
    ...     return x + x.shape[0] if x.shape[0] else x
    >>> rows(Symbol((None, 2)))
    Symbol(shape=(None, 2), dtype=float32)
    """
    @functools.wraps(function)
    def call(*args, **kwargs):
        if not any(isinstance(x, Spec) for x in flatten((args, kwargs))[0]):
            return function(*args, **kwargs)
        return deferred(function, args, kwargs, function(*args, **kwargs))
    return call


def deferred(function, args, kwargs, like, watched=None):
    """Symbols of the shapes of ``like`` that a call makes once there are values."""
    call = Deferred(function, args, kwargs, watched)
    leaves, build = flatten(like)
    symbols = []
    for i, x in enumerate(leaves):
        symbol = spec(tuple(x.shape), x.dtype)
        symbol.source = (call, i, None)
        symbols.append(symbol)
    return build(symbols)


def place(symbol):
    """What tells the value of a symbol from all others."""
    return (id(symbol.source[0]), symbol.source[1]) if symbol.source else (id(symbol), 0)


def is_input(symbol):
    """Whether data enter here: a placeholder or an Input."""
    call = symbol.source and symbol.source[0]
    return not call or not isinstance(call, OpCall | Deferred) and not call.args and call.layer.value is None


def _parts(symbol):
    """``(function, args, kwargs)`` of the call that makes a symbol."""
    call = symbol.source[0]
    if isinstance(call, OpCall):
        return (lambda *args, **_: apply(call.op, args, call.attrs)), call.inputs, {}
    if isinstance(call, Deferred):
        return call.function, call.args, call.kwargs
    layer = call.layer
    return (layer if call.args else lambda: layer.value), call.args, call.kwargs


def _symbols(tree):
    return [x for x in flatten(tree)[0] if isinstance(x, Spec)]


def calls_behind(symbols, given=()):
    """One symbol of each call that the symbols need, the calls before those that need them; without recursion."""
    given, done, order = set(given), set(), []
    stack = [(x, False) for x in reversed(symbols)]
    while stack:
        symbol, ready = stack.pop()
        if place(symbol) in given or (call := id(symbol.source[0]) if symbol.source else id(symbol)) in done:
            continue
        if ready or not symbol.source:
            done.add(call)
            order.append(symbol)
        else:
            _, args, kwargs = _parts(symbol)
            stack.append((symbol, True))
            stack += [(x, False) for x in reversed(_symbols((args, kwargs)))]
    return order


class Plan:
    """How the values of some symbols follow from those of others.

    Places are looked up once: a model that is made of the same symbols later gives them other sources.
    """

    def __init__(self, symbols, given):
        self.given, self.asked = [place(x) for x in given], [place(x) for x in symbols]
        calls = calls_behind(symbols, self.given)
        if missing := [x for x in calls if is_input(x) and x is not PHASE]:
            name = getattr(missing[0], "name", None)
            raise ValueError(f"the outputs need a value of {name or missing[0]!r}, which is not among the inputs: "
                             "K.function(inputs=[..., it], ...)")
        sources = [x.source[0] for x in calls if x is not PHASE]
        watching = [call.watched for call in sources if isinstance(call, Deferred) and call.watched is not None]
        self.records, self.watched = bool(watching), {place(x) for symbols in watching for x in symbols}
        self.steps = [(call, *self._step(x)) for call, x in zip(sources, (x for x in calls if x is not PHASE))]
        self.kept = given, symbols, calls       # places are addresses, of objects that must not go

    @staticmethod
    def _step(symbol):
        function, args, kwargs = _parts(symbol)
        leaves, build = flatten((args, kwargs))
        return function, [place(x) if isinstance(x, Spec) else None for x in leaves], leaves, build

    def run(self, values):
        """The values of the symbols, for values of those that are given."""
        with enable_grad() if self.records else no_grad():
            found = {}
            self._keep(found, self.given, values)
            if place(PHASE) not in found:
                found[place(PHASE)] = wrapped(np.asarray(int(phase_now()), PHASE.dtype))
            with layers_in_phase(bool(found[place(PHASE)].data)):
                for call, function, places, leaves, build in self.steps:
                    args, kwargs = build(x if at is None else found[at] for at, x in zip(places, leaves))
                    results = flatten(function(*args, **kwargs))[0]
                    self._keep(found, [(id(call), i) for i in range(len(results))], results)
        return [found[at] for at in self.asked]

    def _keep(self, found, places, values):
        for at, value in zip(places, values):
            found[at] = as_leaf(value) if at in self.watched and value.node is None else value


# The learning phase

class _State(threading.local):
    phase = None        # what set_learning_phase fixed


state = _State()
PHASE = spec((), "int32")
PHASE.name = "learning_phase"


def _layers():
    """Where layers keep their phase; None while no layer was ever made."""
    return sys.modules.get(f"{_PACKAGE}.layers.base")


def phase_now():
    """Whether layers that are told nothing train."""
    if state.phase is not None:
        return state.phase
    base = _layers()
    return bool(base and base._phase.training)


def at_work():
    """Whether a layer is computing values, so that the phase is known."""
    base = _layers()
    return bool(base and (base._phase.training or base._phase.depth and not base._phase.tracing))


def layers_in_phase(training):
    """A context in which layers train, or not."""
    base = _layers()
    return base.phase(training) if base else contextlib.nullcontext()


def of_the_package(name):
    """A module of tahr that this package may not import, since it stands above or beside it."""
    return importlib.import_module(f"{_PACKAGE}.{name}")


# Functions

class Update:
    """What a variable shall become, once the value is known."""

    def __init__(self, variable, value):
        self.variable, self.value = variable, value


class Function:
    """A function of the values of symbols; :func:`function` makes it."""

    def __init__(self, inputs, outputs, updates, name):
        if not isinstance(inputs, list | tuple):
            raise TypeError(f"K.function needs a list of inputs, got {type(inputs).__name__}: write [x]")
        self.name, self.inputs = name, [PHASE if isinstance(x, int) else x for x in inputs]
        if wrong := [x for x in self.inputs if not isinstance(x, Spec)]:
            raise TypeError(f"the inputs of K.function are symbols (K.placeholder, Input, layer.output), got "
                            f"{wrong[0]!r}")
        self.leaves, self.build = flatten(outputs)
        self.updates = [_as_update(u) for u in updates or () if not isinstance(u, Value) and u is not None]
        self.targets = [u.value for u in self.updates]
        self.plan = Plan(_symbols(self.leaves) + _symbols(self.targets), self.inputs)

    def __call__(self, inputs=()):
        if not isinstance(inputs, list | tuple) or len(inputs) != len(self.inputs):
            got = f"{len(inputs)} of them" if isinstance(inputs, list | tuple) else type(inputs).__name__
            raise TypeError(f"{self.name or 'the function'} takes a list of {len(self.inputs)} value(s), got {got}")
        values = [_checked(x, symbol) for x, symbol in zip(inputs, self.inputs)]
        found = iter(self.plan.run(values))
        known = [next(found) if isinstance(x, Spec) else x for x in [*self.leaves, *self.targets]]
        outputs = self.build(map(as_numpy, known))
        for update, value in zip(self.updates, known[len(self.leaves):]):
            update.variable.assign(value)
        return outputs


def _as_update(update):
    return update if isinstance(update, Update) else Update(*update)


def _checked(value, symbol):
    """A value for a symbol, as a tensor of its dtype."""
    if isinstance(value, Spec):
        raise TypeError(f"a function of K.function takes values, got {value!r}")
    value = Tensor(value, dtype=symbol.dtype).detach()
    shape = tuple(symbol.shape)
    if len(shape) != value.ndim or any(n not in (None, m) for n, m in zip(shape, value.shape)):
        raise ValueError(f"the input {getattr(symbol, 'name', None) or symbol!r} has shape {shape}, got a value of "
                         f"shape {value.shape}")
    return value


def as_numpy(x):
    """A copy as a NumPy array, or as a NumPy number where it has no axes."""
    return np.array(x.data if isinstance(x, Value) else x)[()]


def function(inputs, outputs, updates=None, name=None, **kwargs):
    """A function from the values of ``inputs`` to NumPy arrays: those of ``outputs``.

    Arguments:
        inputs: a list of symbols: of ``Input``, ``K.placeholder``, any layer's output, and ``K.learning_phase()``
            (fed with 1 to train, with 0, the default, to test).
        outputs: a symbol, or a list or dict of them; ``K.gradients`` of symbols among them.
        updates: a list of ``(variable, new value)`` or of what ``K.update`` returned, written after each call.
        name: for error messages. Further arguments are those of TensorFlow's sessions, which there are none of.

    Raises:
        ValueError: for outputs that need other inputs, and for values that do not fit. TypeError: for inputs that are
            no symbols.

    >>> from tahr import backend as K
    >>> x = K.placeholder((None, 2))
    >>> f = K.function([x], [K.sum(x, axis=1)])
    >>> f([[[1, 2], [3, 4]]])
    [array([3., 7.], dtype=float32)]
    """
    return Function(inputs, outputs, updates, name)


def gradients(loss, variables):
    """The gradients of ``loss`` (summed, if it has axes) with respect to each of ``variables``, as a list.

    On symbols they are symbols, which ``K.function`` computes; on tensors they are tensors. None stands for the
    gradient of what the loss does not depend on.

    >>> from tahr import backend as K
    >>> x = K.placeholder((2,))
    >>> f = K.function([x], K.gradients(K.sum(K.square(x)), [x]))
    >>> f([[1.0, 2.0]])
    [array([2., 4.], dtype=float32)]
    """
    losses = list(loss) if isinstance(loss, list | tuple) else [loss]
    variables = list(variables) if isinstance(variables, list | tuple) else [variables]
    if not _symbols([losses, variables]):
        return _gradient_values(losses, variables)
    if mixed := [x for x in losses if not isinstance(x, Spec)]:
        raise TypeError(f"K.gradients cannot mix symbols with tensors: the loss is {mixed[0]!r}, which was computed "
                        "from values; compute it from the symbols, or the variables from tensors")
    reached = _reached(losses)
    at = [i for i, v in enumerate(variables) if (place(v) if isinstance(v, Spec) else id(v)) in reached]
    wanted = [variables[i] for i in at]
    found = deferred(_known_gradients, (losses, wanted), {}, wanted, _symbols(wanted)) if wanted else []
    out = [None] * len(variables)
    for i, symbol in zip(at, found):
        out[i] = symbol
    return out


def _reached(losses):
    """Places and ids of the symbols and variables that losses are computed from."""
    found = {place(x) for x in losses}
    for symbol in calls_behind(losses):
        found.add(place(symbol))
        if symbol.source:
            function, args, kwargs = _parts(symbol)
            leaves = flatten((args, kwargs))[0] + list(getattr(function, "weights", ()))
            found |= {place(x) if isinstance(x, Spec) else id(x) for x in leaves
                      if isinstance(x, Spec) or isinstance(x, Variable) and x.trainable}
    return found


def _gradient_values(losses, variables):
    seeds = [wrapped(np.ones(x.shape, x.dtype)) for x in losses]
    return gradients_of(losses, variables, seeds, create_graph=True, allow_unused=True)


def _known_gradients(losses, variables):
    """Gradients of symbols: shapes are settled, so what turns out not to depend has a gradient of 0."""
    found = _gradient_values(losses, variables)
    return [wrapped(np.zeros(v.shape, v.dtype)) if g is None else g for g, v in zip(found, variables)]


_known_gradients.__name__ = "gradients"


@op(shape=lambda x: x.shape, reference=lambda x: +x, samples=[sample(real(2, 3)), sample(real(0, 2))],
    name="stop_gradient")
def _stopped(x):
    """``x``, to which no gradient flows."""
    return x


def stop_gradient(variables):
    """The same values, as constants for gradients; lists give lists.

    >>> from tahr import backend as K
    >>> x = K.variable([3.0])
    >>> K.gradients(x * K.stop_gradient(x), x)
    [Tensor([3.])]
    """
    if isinstance(variables, list | tuple):
        return [stop_gradient(x) for x in variables]
    return variables.detach() if isinstance(variables, Tensor) else _stopped(as_tensor(variables))


def as_tensor(x, dtype=None):
    """Tensors and symbols as they are, everything else as a tensor."""
    if isinstance(x, Value | Spec):
        return x
    return Tensor(x, dtype=dtype) if dtype else wrapped(np.asarray(constant(np.asarray(x), ())))


def print_tensor(x, message=""):
    """``x``; its values are printed after ``message``, those of a symbol each time that they are computed.

    >>> from tahr import backend as K
    >>> y = K.print_tensor(K.ones((2,)), "y is")
    y is [1. 1.]
    """
    if isinstance(x, Spec):
        return deferred(print_tensor, (x, message), {}, x)
    print(message, as_tensor(x).numpy())
    return x


@contextlib.contextmanager
def control_dependencies(control_inputs):
    """Does nothing: everything happens in the order in which it is written."""
    yield


def symbolic(function):
    """``function`` itself: whether it is symbolic is a matter of its arguments."""
    return function


eager = symbolic
