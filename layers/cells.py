"""Cells of recurrent layers: what is computed at one step, from the input of that step and the states."""

import itertools
from collections.abc import Hashable

from .. import activations, initializers, ops
from ..autograd import Spec
from ..tensor import Symbol
from ..tensor.recurrent import FUNCTIONS
from ..utils.rng import Generator
from .arguments import positive_int, weight_options
from .base import InputSpec, Layer
from .functions import given_by_name, parameters
from .noise import checked_rate

_KERNEL_NAMES = {activations.ACTIVATIONS[name]: name for name in FUNCTIONS if name in activations.ACTIVATIONS}
_KERNEL_NAMES[activations.hard_sigmoid_keras3] = "hard_sigmoid_3"


# What holds for every cell, also for those of users

def listed(x):
    """A list or tuple as a list, anything else in a list."""
    return list(x) if isinstance(x, list | tuple) else [x]


def state_shapes(cell, step_shape):
    """The shapes of a cell's states without the batch axis, for a step's input of ``step_shape`` (with it).

    >>> state_shapes(LSTMCell(3), (None, 5))
    [(3,), (3,)]
    """
    if hasattr(cell, "state_shapes"):
        return cell.state_shapes(step_shape)
    return [tuple(size) if isinstance(size, list | tuple) else (int(size),) for size in listed(cell.state_size)]


def zero_states(cell, step):
    """The states that a sequence begins with, where ``step`` is the input of one step; symbols for a symbol."""
    shapes = [(step.shape[0], *shape) for shape in state_shapes(cell, tuple(step.shape))]
    if isinstance(step, Spec):
        return [Symbol(shape, step.dtype) for shape in shapes]
    own = getattr(cell, "get_initial_state", None)
    if own is not None:
        return listed(own(**given_by_name(own, {}, inputs=None, batch_size=step.shape[0], dtype=step.dtype.name)))
    return [ops.zeros(shape, step.dtype) for shape in shapes]


def stepper(cell, training=None, constants=None):
    """A function ``(input, states) -> (output, new states)`` that calls a cell with what else it takes.

    Raises:
        ValueError: for constants that the cell does not take, and where it returns other than it should.
    """
    kwargs = given_by_name(cell.call, {}, training=training)
    name = type(cell).__name__
    if constants is not None:
        if not takes_constants(cell):
            raise ValueError(f"the RNN cell {name} does not support constants: give its call a parameter constants")
        kwargs["constants"] = constants

    def step(x, states):
        result = cell.call(x, list(states), **kwargs)
        if not isinstance(result, list | tuple) or len(result) != 2:
            raise ValueError(f"the call of the RNN cell {name} must return (output, states), got "
                             f"{type(result).__name__}")
        out, new = result[0], listed(result[1])
        if len(new) != len(states):
            raise ValueError(f"the call of the RNN cell {name} got {len(states)} state(s) and returned {len(new)}: it "
                             "must return as many, in the same order")
        return out, new
    return step


def takes_constants(cell):
    """Whether a cell's ``call`` has the parameter."""
    return any(p.name == "constants" for p in parameters(cell.call))


# Keras's cells

class _DroppingCell(Layer):
    """Base of cells with dropout: what is dropped is drawn once for a sequence, for each gate, in training only."""

    gates = 1
    held_masks = None       # what has been drawn for the sequence that a layer is at work on

    def set_dropout(self, dropout, recurrent_dropout, seed):
        self.dropout, self.recurrent_dropout = checked_rate(dropout), checked_rate(recurrent_dropout)
        self.seed = seed
        self.generator = None if seed is None else Generator(seed)

    @property
    def acts_in_training(self):
        return bool(self.dropout or self.recurrent_dropout)

    def drawn(self, name, shape, dtype):
        """What to multiply by, (batch, gates, ...), for the rate called ``name``; None where nothing is dropped."""
        rate, held = getattr(self, name), self.held_masks
        if not rate:
            return None
        if held is not None and name in held:
            return held[name]
        mask = ops.dropout(ops.ones((shape[0], self.gates, *shape[1:]), dtype), rate, None, self.generator)
        if held is not None:
            held[name] = mask
        return mask


class _Cell(_DroppingCell):
    """What the cells that the ops know have in common: the ops are a whole sequence, and a step is one of length 1."""

    state_count = 1
    bias_rows = ()

    def _set(self, units, activation, use_bias, initializers_, regularizers_, constraints_, dropout, recurrent_dropout,
             seed):
        self.units, self.use_bias = positive_int("units", units), use_bias
        self.activation = activations.get(activation)
        self.kernel_options, self.recurrent_options, self.bias_options = (
            weight_options(*of) for of in zip(initializers_, regularizers_, constraints_))
        self.set_dropout(dropout, recurrent_dropout, seed)
        self.input_spec = InputSpec(ndim=2)

    @property
    def state_size(self):
        """The size of the state, or a tuple of those of several."""
        return self.units if self.state_count == 1 else (self.units,) * self.state_count

    @property
    def output_size(self):
        return self.units

    def get_initial_state(self, batch_size):
        """Zeros for a batch of this size, in a list."""
        return [ops.zeros((batch_size, self.units), self.dtype) for _ in range(self.state_count)]

    def build(self, input_shape):
        width = self.gates * self.units
        self.kernel = self.add_weight("kernel", (input_shape[-1], width), **self.kernel_options)
        self.recurrent_kernel = self.add_weight("recurrent_kernel", (self.units, width), **self.recurrent_options)
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight("bias", (*self.bias_rows, width), **self._bias_options())
        self.input_spec = InputSpec(ndim=2, axes={-1: input_shape[-1]})

    def _bias_options(self):
        return self.bias_options

    def call(self, inputs, states=None, training=None):
        last = self.over_time(ops.expand_dims(inputs, 1), states, training=training)[1]
        return last[0], last

    def over_time(self, x, states=None, mask=None, training=None, **order):
        """``(outputs, last states)`` of a sequence, (batch, time, features)."""
        kept = met = None
        if training and not isinstance(x, Spec):
            kept = self.drawn("dropout", (x.shape[0], x.shape[2]), x.dtype)
            met = self.drawn("recurrent_dropout", (x.shape[0], self.units), x.dtype)
        states = listed(states or [None] * self.state_count)
        if len(states) != self.state_count:
            raise ValueError(f"{type(self).__name__} has {self.state_count} state(s), got {len(states)}")
        outputs, *last = self.run(x, self.kernel, self.recurrent_kernel, self.bias, *states, mask=mask, dropout=kept,
                                  recurrent_dropout=met, activation=_for_op(self.activation), **order)
        return outputs, last

    def run(self, *arrays, **options):
        """The op."""
        raise TypeError(f"{type(self).__name__} must define run")


def _for_op(activation):
    """The name under which the op's kernel knows an activation, or the function itself."""
    return _KERNEL_NAMES.get(activation, activation) if isinstance(activation, Hashable) else activation


def forget_bias(initializer, units):
    """An initializer of an LSTM's bias whose part for the forget gate is 1."""
    def initial(shape, dtype=None):
        parts = [initializer((units,), dtype), initializers.get("ones")((units,), dtype),
                 initializer((2 * units,), dtype)]
        return ops.concatenate(parts)
    return initial


class SimpleRNNCell(_Cell):
    """One step of :class:`SimpleRNN`: ``h = activation(x @ kernel + h @ recurrent_kernel + bias)``.

    Arguments:
        units and all others: as for :class:`SimpleRNN`.

    Input shape: (batch, features), and a list of the state, (batch, units). Returns the output and a list of the new
    state, which is the same.

    >>> import tahr
    >>> cell = tahr.layers.SimpleRNNCell(4)
    >>> out, states = cell(tahr.ops.ones((2, 3)), [tahr.ops.zeros((2, 4))])
    >>> out.shape, len(states)
    ((2, 4), 1)
    """

    def __init__(self, units, activation="tanh", use_bias=True, kernel_initializer="glorot_uniform",
                 recurrent_initializer="orthogonal", bias_initializer="zeros", kernel_regularizer=None,
                 recurrent_regularizer=None, bias_regularizer=None, kernel_constraint=None, recurrent_constraint=None,
                 bias_constraint=None, dropout=0.0, recurrent_dropout=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        self._set(units, activation, use_bias, (kernel_initializer, recurrent_initializer, bias_initializer),
                  (kernel_regularizer, recurrent_regularizer, bias_regularizer),
                  (kernel_constraint, recurrent_constraint, bias_constraint), dropout, recurrent_dropout, seed)

    def run(self, *arrays, **options):
        return ops.simple_rnn(*arrays, **options)


class GRUCell(_Cell):
    """One step of :class:`GRU`.

    Arguments:
        units and all others: as for :class:`GRU`.

    Input shape: (batch, features), and a list of the state, (batch, units). Returns the output and a list of the new
    state, which is the same.

    >>> import tahr
    >>> out, states = tahr.layers.GRUCell(4)(tahr.ops.ones((2, 3)), [tahr.ops.zeros((2, 4))])
    >>> out.shape, len(states)
    ((2, 4), 1)
    """

    gates = 3

    def __init__(self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True,
                 kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
                 kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None, kernel_constraint=None,
                 recurrent_constraint=None, bias_constraint=None, dropout=0.0, recurrent_dropout=0.0, implementation=2,
                 reset_after=False, seed=None, **kwargs):
        super().__init__(**kwargs)
        self._set(units, activation, use_bias, (kernel_initializer, recurrent_initializer, bias_initializer),
                  (kernel_regularizer, recurrent_regularizer, bias_regularizer),
                  (kernel_constraint, recurrent_constraint, bias_constraint), dropout, recurrent_dropout, seed)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.implementation, self.reset_after = implementation, reset_after

    @property
    def bias_rows(self):
        return (2,) if self.reset_after else ()

    def run(self, *arrays, **options):
        return ops.gru(*arrays, recurrent_activation=_for_op(self.recurrent_activation), reset_after=self.reset_after,
                       **options)


class LSTMCell(_Cell):
    """One step of :class:`LSTM`.

    Arguments:
        units and all others: as for :class:`LSTM`.

    Input shape: (batch, features), and a list of the states h and c, (batch, units) each. Returns the output and a list
    of the new states, the first of which is the same.

    >>> import tahr
    >>> out, states = tahr.layers.LSTMCell(4)(tahr.ops.ones((2, 3)), [tahr.ops.zeros((2, 4))] * 2)
    >>> out.shape, len(states)
    ((2, 4), 2)
    """

    gates, state_count = 4, 2

    def __init__(self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True,
                 kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
                 unit_forget_bias=True, kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None,
                 kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, dropout=0.0,
                 recurrent_dropout=0.0, implementation=2, seed=None, **kwargs):
        super().__init__(**kwargs)
        self._set(units, activation, use_bias, (kernel_initializer, recurrent_initializer, bias_initializer),
                  (kernel_regularizer, recurrent_regularizer, bias_regularizer),
                  (kernel_constraint, recurrent_constraint, bias_constraint), dropout, recurrent_dropout, seed)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.implementation, self.unit_forget_bias = implementation, unit_forget_bias

    def _bias_options(self):
        options = self.bias_options
        if not self.unit_forget_bias:
            return options
        return {**options, "initializer": forget_bias(options["initializer"], self.units)}

    def run(self, *arrays, **options):
        return ops.lstm(*arrays, recurrent_activation=_for_op(self.recurrent_activation), **options)


class StackedRNNCells(Layer):
    """Cells on top of each other as one cell: each takes the output of the one before as its input.

    Arguments:
        cells: a list of cells, of any kind.
        reverse_state_order: whether the states of the last cell come first, as in Keras 2.1. Default False: the states
            are those of the first cell, then those of the second, ... in one list.

    >>> import tahr
    >>> cells = [tahr.layers.LSTMCell(4), tahr.layers.GRUCell(5)]
    >>> tahr.layers.RNN(cells)(tahr.ops.ones((2, 7, 3))).shape
    (2, 5)
    >>> tahr.layers.StackedRNNCells(cells).state_size
    (4, 4, 5)
    """

    acts_in_training = False        # by itself

    def __init__(self, cells, reverse_state_order=False, **kwargs):
        super().__init__(**kwargs)
        self.reverse_state_order = reverse_state_order
        cells = [Layer.get(cell) if isinstance(cell, dict) else cell for cell in cells]
        for cell in cells:
            check_cell(cell)
        if not cells:
            raise ValueError("StackedRNNCells needs at least one cell, got none")
        self.cells = cells
        self.remember(cells=cells)
        adopt(self, cells, "dtype" in kwargs)

    @property
    def state_size(self):
        """The sizes of all states, in order."""
        return tuple(size for cell in self._in_order() for size in listed(cell.state_size))

    def _in_order(self):
        """The cells in the order of their states."""
        return self.cells[::-1] if self.reverse_state_order else self.cells

    @property
    def output_size(self):
        return getattr(self.cells[-1], "output_size", listed(self.cells[-1].state_size)[0])

    def _inputs_of_cells(self, step_shape, constants=(), build=False):
        """The shape of each cell's input, found by calling the cells on symbols."""
        x, given = Symbol(step_shape, self.dtype), [Symbol(shape, self.dtype) for shape in constants] or None
        for cell in self.cells:
            takes = given is not None and takes_constants(cell)
            if build and isinstance(cell, Layer) and not cell.built:
                cell.build([tuple(x.shape), *constants] if takes else tuple(x.shape))
            yield cell, tuple(x.shape)
            x = stepper(cell, False, given if takes else None)(x, zero_states(cell, x))[0]

    def build(self, input_shape):
        several = isinstance(input_shape, list)
        step, constants = (input_shape[0], input_shape[1:]) if several else (input_shape, ())
        for _ in self._inputs_of_cells(step, constants, build=True):
            pass

    def state_shapes(self, step_shape):
        """The shapes of all states without the batch axis."""
        if not any(hasattr(cell, "state_shapes") for cell in self.cells):
            return [shape for cell in self._in_order() for shape in state_shapes(cell, step_shape)]
        found = [state_shapes(cell, step) for cell, step in self._inputs_of_cells(step_shape)]
        return [shape for shapes in (found[::-1] if self.reverse_state_order else found) for shape in shapes]

    def call(self, inputs, states=None, constants=None, training=None):
        states = zero_states(self, inputs) if states is None else listed(states)
        after, rest = {}, iter(states)
        own = {id(cell): list(itertools.islice(rest, len(listed(cell.state_size)))) for cell in self._in_order()}
        for cell in self.cells:
            step = stepper(cell, training, constants if takes_constants(cell) else None)
            inputs, after[id(cell)] = step(inputs, own[id(cell)])
        return inputs, [state for cell in self._in_order() for state in after[id(cell)]]


def check_cell(cell):
    """Raise unless this can be a cell."""
    name = type(cell).__name__
    if not callable(getattr(cell, "call", None)):
        raise ValueError(f"an RNN cell needs a method call(inputs, states), got {name} {cell!r}")
    if not hasattr(cell, "state_size"):
        raise ValueError(f"the RNN cell {name} needs an attribute state_size: an integer, or one for each of its "
                         "states in a tuple")


def adopt(owner, cells, dtype_given):
    """Give cells what holds for the layer around them: that it is frozen; its dtype, where theirs was left open."""
    for cell in cells:
        if not isinstance(cell, Layer):
            continue
        if not owner.trainable:
            cell.trainable = False
        for layer in cell.all_layers() if dtype_given else ():
            if not layer.built and "dtype" not in layer._arguments:
                layer.dtype = owner.dtype
