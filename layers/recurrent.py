"""Recurrent layers: cells that go through sequences."""

import contextlib

import numpy as np

from .. import ops, regularizers
from ..autograd import Spec, Value
from ..tensor import Symbol, Variable
from ..tensor.recurrent import scan
from ..utils import budget
from .base import InputSpec, Layer, _as_tensors, phase
from .cells import (
    GRUCell,
    LSTMCell,
    SimpleRNNCell,
    StackedRNNCells,
    _Cell,
    _DroppingCell,
    adopt,
    check_cell,
    listed,
    state_shapes,
    stepper,
    takes_constants,
    zero_states,
)

NO_BATCH_SIZE = (
    "If a RNN is stateful, it needs to know its batch size. Specify the batch size of your input tensors: \n"
    "- If using a Sequential model, specify the batch size by passing a `batch_input_shape` argument to your first "
    "layer.\n"
    "- If using the functional API, specify the batch size by passing a `batch_shape` argument to your Input layer.")


class TakesConstants:
    """Mixin of layers whose calls may have constants behind the input and the states: it knows how many."""

    constant_count = 0
    constant_shapes = ()

    def get_config(self):
        count = {"num_constants": self.constant_count} if self.constant_count else {}
        return {**super().get_config(), **count}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        count = config.pop("num_constants", None)       # Keras 2 writes it
        layer = super().from_config(config)
        layer.constant_count = count or 0
        return layer


class RNN(TakesConstants, Layer):
    """Goes through a sequence with a cell: at each step the cell takes its input and the states of the step before.

    Arguments:
        cell: a layer, or any object, with ``call(inputs, states)``, which returns ``(output, new states)``, and
            ``state_size``: an integer, or a list with one for each state (a tuple for a state with more axes). If its
            ``call`` has parameters ``training`` and ``constants``, it is given those. A list of cells is stacked.
        return_sequences: whether to return the outputs of all steps instead of the last; default False.
        return_state: whether to return a list of the output and the last states; default False.
        go_backwards: whether to begin at the end; the outputs then come in the order of the steps. Default False.
        stateful: whether a batch goes on with the states that the batch before ended with, sample by sample; needs a
            fixed batch size. States stay between epochs and between training, evaluation and prediction, until
            :meth:`reset_states`; no gradient flows from one batch to the one before. Default False.
        unroll: has no effect, there is one way to run.
        zero_output_for_mask: whether the outputs of masked steps are 0 instead of those of the step before; of effect
            with ``return_sequences``. Default False.

    Input shape: (batch, steps, ...). Output shape: (batch, steps, ...) with ``return_sequences``, else (batch, ...),
    the rest as the output of the cell.

    A call takes ``initial_state``, a list of tensors or symbols, and ``constants``, a list that the cell sees at each
    step; both may also stand behind the input: ``layer([x, h, c])``.

    Masks: at masked steps the states stay and the output is repeated; with ``return_sequences`` the mask goes on.

    Raises:
        ValueError: for what is no cell, a stateful layer without batch size, another number of states.

    >>> import tahr
    >>> class Sums(tahr.layers.Layer):
    ...     state_size = 3
    ...
    ...     def call(self, inputs, states):
    ...         return inputs + states[0], [inputs + states[0]]
    >>> tahr.layers.RNN(Sums())(tahr.ops.ones((2, 5, 3)))
    Tensor([[5., 5., 5.],
            [5., 5., 5.]])
    """

    aliases = ("ConvRNN2D",)
    supports_masking = True

    acts_in_training = False        # by itself

    def __init__(self, cell, return_sequences=False, return_state=False, go_backwards=False, stateful=False,
                 unroll=False, zero_output_for_mask=False, activity_regularizer=None, **kwargs):
        super().__init__(**kwargs)
        self.cell = self._as_cell(cell)
        adopt(self, [self.cell], "dtype" in kwargs)
        self.return_sequences, self.return_state = return_sequences, return_state
        self.go_backwards, self.stateful, self.unroll = go_backwards, stateful, unroll
        self.zero_output_for_mask = zero_output_for_mask
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.states = [None] * self.state_count
        self.input_spec = InputSpec(min_ndim=3)

    def _as_cell(self, cell):
        """The cell, where a list stands for a stack and a dict is the config of either."""
        if isinstance(cell, list | tuple):
            cell = StackedRNNCells(cell)
        elif isinstance(cell, dict):
            cell = Layer.get(cell)
        check_cell(cell)
        self.remember(cell=cell)
        return cell

    @property
    def state_size(self):
        """What the cell says."""
        return self.cell.state_size

    @property
    def state_count(self):
        """How many states there are."""
        return len(listed(self.cell.state_size))

    # Calling

    def __call__(self, inputs, *args, initial_state=None, constants=None, **kwargs):
        inputs, given = with_states(self, inputs, initial_state, constants)
        return super().__call__(inputs, *args, **given, **kwargs)

    def build(self, input_shape):
        step = (input_shape[0], *input_shape[2:])
        if isinstance(self.cell, Layer) and not self.cell.built:
            several = self.constant_shapes and takes_constants(self.cell)
            self.cell.build([step, *self.constant_shapes] if several else step)
        axes = {i: n for i, n in enumerate(input_shape) if i > 1 and n is not None}
        if self.stateful:
            if input_shape[0] is None:
                raise ValueError(NO_BATCH_SIZE)
            axes[0] = input_shape[0]
            for shape in state_shapes(self.cell, step):
                budget.taken(f"{self.name}/state", (input_shape[0], *shape))
            self.states = [Variable(np.zeros((input_shape[0], *shape)), trainable=False, dtype=self.dtype,
                                    name=f"{self.name}/state_{i}")
                           for i, shape in enumerate(state_shapes(self.cell, step))]
        self.input_spec = InputSpec(ndim=len(input_shape), axes=axes)

    def call(self, inputs, mask=None, training=None, initial_state=None, constants=None):
        if inputs.dtype.kind != "f":
            inputs = ops.astype(inputs, self.dtype)
        states = None if initial_state is None else listed(initial_state)
        if states is None and self.stateful:
            states = [ops.copy(state.detach()) for state in self.states]     # they change before the gradient is taken
        if states is not None and len(states) != self.state_count:
            raise ValueError(f"layer {self.name!r} has {self.state_count} state(s), its call got {len(states)} as "
                             "initial_state")
        outputs, last = self._over_time(inputs, states, _of_steps(mask), training, constants)
        if self.stateful and not isinstance(inputs, Spec):
            for state, value in zip(self.states, last):
                state.assign(value.detach())
        out = outputs
        if not self.return_sequences:
            out = last[0] if mask is None and self._by_op() else outputs[:, -1]
        return [out, *last] if self.return_state else out

    def _by_op(self):
        """Whether an op does the cell's whole sequence: not where a subclass has a step of its own."""
        return isinstance(self.cell, _Cell) and type(self.cell).call is _Cell.call

    def _over_time(self, x, states, mask, training, constants):
        """``(outputs, last states)``."""
        order = {"go_backwards": self.go_backwards,
                 "zero_output_for_mask": self.zero_output_for_mask and self.return_sequences}
        if self._by_op() and constants is None:
            return self.cell.over_time(x, states, mask, training, **order)
        if x.shape[1] == 0:
            raise ValueError(f"layer {self.name!r} needs sequences of at least 1 step, got an input of shape {x.shape}")
        one = Symbol((x.shape[0], *x.shape[2:]), x.dtype) if isinstance(x, Spec) else x[:, 0]
        states = zero_states(self.cell, one) if states is None else states
        with phase(bool(training)), _one_drawing(self.cell):
            step = stepper(self.cell, training, constants)
            if not isinstance(x, Spec):
                return scan(step, x, states, mask, **order)
            out, new = step(one, states)
            return Symbol((*x.shape[:2], *out.shape[1:]), out.dtype), [Symbol(s.shape, s.dtype) for s in new]

    def compute_mask(self, inputs, mask=None):
        of_steps = mask if self.return_sequences else None
        return [of_steps] + [None] * self.state_count if self.return_state else of_steps

    # States

    def get_initial_state(self, inputs):
        """The states that the sequences of ``inputs`` begin with: zeros, in a list."""
        if not isinstance(inputs, Spec):
            return zero_states(self.cell, inputs[:, 0])
        zero = ops.sum(ops.zeros_like(inputs), tuple(range(1, inputs.ndim)))      # as many as the batch will have
        return [ops.expand_dims(zero, tuple(range(1, len(shape) + 1))) + ops.zeros(shape, inputs.dtype)
                for shape in state_shapes(self.cell, (inputs.shape[0], *inputs.shape[2:]))]

    def reset_states(self, states=None):
        """Let the next batch begin with zeros, or with these states: an array, or a list with one for each state.

        Raises:
            AttributeError: for a layer that is not stateful. ValueError: for another number of states or shape.
        """
        if not self.stateful:
            raise AttributeError(f"Layer must be stateful. {self.name!r} begins every batch with zeros: make it with "
                                 "stateful=True")
        if states is None:
            for state in self.states:
                if state is not None:
                    state.assign(0)
            return
        states = listed(states)
        if len(states) != self.state_count:
            raise ValueError(f"Layer {self.name} expects {self.state_count} states, but it received {len(states)} "
                             "state values")
        if not self.built:
            raise ValueError(NO_BATCH_SIZE)
        for i, (state, value) in enumerate(zip(self.states, states)):
            if np.shape(value) != state.shape:
                raise ValueError(f"State {i} is incompatible with layer {self.name}: expected shape={state.shape}, "
                                 f"found shape={np.shape(value)}")
        for state, value in zip(self.states, states):
            state.assign(value)

    reset_state = reset_states      # Keras 3's name


def with_states(layer, inputs, initial_state, constants):
    """The input alone, and the states and constants, which may stand behind it in a list, as keyword arguments."""
    if isinstance(inputs, list | tuple) and any(isinstance(x, Value | Spec | np.ndarray) for x in inputs):
        inputs, *rest = inputs
        count = len(constants) if constants is not None else layer.constant_count
        if rest and (initial_state is not None or constants is not None and len(rest) > layer.state_count):
            raise ValueError(f"layer {layer.name!r} got {len(rest)} tensors behind its input, and initial_state or "
                             "constants as well: give each only once")
        if constants is None and count:
            rest, constants = rest[:-count], rest[-count:]
        initial_state = rest or initial_state
    given = {"initial_state": initial_state, "constants": constants}
    given = {name: _as_tensors(listed(x), layer.dtype) for name, x in given.items() if x is not None}
    if "constants" in given:
        layer.constant_count = len(given["constants"])
        layer.constant_shapes = tuple(tuple(x.shape) for x in given["constants"])
    return inputs, given


def _of_steps(mask):
    """A mask as booleans (batch, steps); a last axis of 1 is taken away."""
    if mask is None:
        return None
    if not isinstance(mask, Value | Spec):
        mask = ops.asarray(mask)
    if mask.ndim == 3 and mask.shape[2] == 1:
        mask = mask[:, :, 0]
    return mask if mask.dtype == bool else mask != 0


@contextlib.contextmanager
def _one_drawing(cell):
    """Within it, every cell draws what it drops once."""
    layers = cell.all_layers() if isinstance(cell, Layer) else []
    dropping = [layer for layer in layers if isinstance(layer, _DroppingCell)]
    for one in dropping:
        one.held_masks = {}
    try:
        yield
    finally:
        for one in dropping:
            one.held_masks = None


# Layers that make their cell

def _of_cell(name):
    return property(lambda self: getattr(self.cell, name), doc=f"``{name}`` of the cell.")


class _OwnCell(RNN):
    """Base of layers that make their cell themselves: its weights carry the layer's name."""

    input_ndim = 3

    def __init__(self, cell, **kwargs):
        super().__init__(cell, **kwargs)
        self.input_spec = InputSpec(ndim=self.input_ndim)
        self.cell.name, self.cell.dtype = self.name, self.dtype

    def _as_cell(self, cell):
        return cell

    units = _of_cell("units")
    activation = _of_cell("activation")
    recurrent_activation = _of_cell("recurrent_activation")
    use_bias = _of_cell("use_bias")
    dropout = _of_cell("dropout")
    recurrent_dropout = _of_cell("recurrent_dropout")
    implementation = _of_cell("implementation")
    kernel = _of_cell("kernel")
    recurrent_kernel = _of_cell("recurrent_kernel")
    bias = _of_cell("bias")


class SimpleRNN(_OwnCell):
    """A layer whose output is fed back: ``h = activation(x @ kernel + h @ recurrent_kernel + bias)``, at each step.

    Arguments:
        units: the size of the output.
        activation: default ``'tanh'``; None for none.
        use_bias: whether to add a bias, default True.
        kernel_initializer, recurrent_initializer, bias_initializer: how the weights begin; default
            ``'glorot_uniform'``, ``'orthogonal'`` and ``'zeros'``.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer: penalties of the weights and
            of the output; default none.
        kernel_constraint, recurrent_constraint, bias_constraint: applied after each update; default none.
        dropout, recurrent_dropout: rates, from 0 up to but without 1, at which elements of the inputs and of the state
            are dropped in training, the same ones at all steps of a sequence; default 0.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: as for :class:`RNN`.
        seed: of a generator for dropout; default: the default generator.
        implementation: has no effect.

    Input shape: (batch, steps, features). Output shape: (batch, units), or (batch, steps, units) with
    ``return_sequences``; with ``return_state`` a list of that and the state, (batch, units).

    Weights: kernel (features, units), recurrent_kernel (units, units), bias (units,).

    Source: Elman, Finding structure in time, Cognitive Science 14, 1990.

    >>> import tahr
    >>> tahr.layers.SimpleRNN(4)(tahr.ops.ones((2, 5, 3))).shape
    (2, 4)
    """

    def __init__(self, units, activation="tanh", use_bias=True, kernel_initializer="glorot_uniform",
                 recurrent_initializer="orthogonal", bias_initializer="zeros", kernel_regularizer=None,
                 recurrent_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
                 recurrent_constraint=None, bias_constraint=None, dropout=0.0, recurrent_dropout=0.0,
                 return_sequences=False, return_state=False, go_backwards=False, stateful=False, unroll=False,
                 zero_output_for_mask=False, seed=None, implementation=2, **kwargs):
        cell = SimpleRNNCell(units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
                             kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint,
                             recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed, name="cell")
        cell.implementation = implementation
        super().__init__(cell, return_sequences=return_sequences, return_state=return_state, go_backwards=go_backwards,
                         stateful=stateful, unroll=unroll, zero_output_for_mask=zero_output_for_mask,
                         activity_regularizer=activity_regularizer, **kwargs)


class GRU(_OwnCell):
    """The gated recurrent unit: gates decide what of the state is renewed.

    ``z, r = rec(x @ W + h @ U + b)``, ``n = act(x @ W + (r * h) @ U + b)``, ``h = z * h + (1 - z) * n``, at each step.
    With ``reset_after``, as in cuDNN and Keras 3, ``n = act(x @ W + b + r * (h @ U + d))``, and the bias is (2, 3 *
    units): b and d.

    Arguments:
        units: the size of the output.
        activation, recurrent_activation: act and rec; default ``'tanh'`` and ``'sigmoid'`` (``'hard_sigmoid'`` when the
            layer is given arguments under their Keras 1 names).
        use_bias, initializers, regularizers, constraints, dropout, recurrent_dropout, return_sequences, return_state,
            go_backwards, stateful, unroll, zero_output_for_mask, seed, implementation: as for :class:`SimpleRNN`.
        reset_after: default False.

    Input shape: (batch, steps, features). Output shape: (batch, units), or (batch, steps, units) with
    ``return_sequences``; with ``return_state`` a list of that and the state, (batch, units).

    Weights: kernel (features, 3 * units), recurrent_kernel (units, 3 * units), bias (3 * units,); in the order z, r, n.

    Source: Cho et al., Learning phrase representations using RNN encoder-decoder, EMNLP 2014.

    >>> import tahr
    >>> tahr.layers.GRU(4, return_sequences=True)(tahr.ops.ones((2, 5, 3))).shape
    (2, 5, 4)
    """

    def __init__(self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True,
                 kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
                 kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, dropout=0.0,
                 recurrent_dropout=0.0, implementation=2, return_sequences=False, return_state=False,
                 go_backwards=False, stateful=False, unroll=False, reset_after=False, zero_output_for_mask=False,
                 seed=None, **kwargs):
        cell = GRUCell(units, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
                       bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer,
                       kernel_constraint, recurrent_constraint, bias_constraint, dropout, recurrent_dropout,
                       implementation, reset_after, seed, name="cell")
        super().__init__(cell, return_sequences=return_sequences, return_state=return_state, go_backwards=go_backwards,
                         stateful=stateful, unroll=unroll, zero_output_for_mask=zero_output_for_mask,
                         activity_regularizer=activity_regularizer, **kwargs)

    reset_after = _of_cell("reset_after")


class CuDNNGRU(GRU):
    """:class:`GRU` with ``reset_after=True``, under the name that Keras 2 has for a variant on GPUs.

    Arguments:
        units and all others: as for :class:`GRU`.

    >>> import tahr
    >>> tahr.layers.CuDNNGRU(4)(tahr.ops.ones((2, 5, 3))).shape
    (2, 4)
    """

    def __init__(self, units, kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal",
                 bias_initializer="zeros", kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, recurrent_constraint=None, bias_constraint=None,
                 return_sequences=False, return_state=False, stateful=False, reset_after=True, **kwargs):
        super().__init__(units, kernel_initializer=kernel_initializer, recurrent_initializer=recurrent_initializer,
                         bias_initializer=bias_initializer, kernel_regularizer=kernel_regularizer,
                         recurrent_regularizer=recurrent_regularizer, bias_regularizer=bias_regularizer,
                         activity_regularizer=activity_regularizer, kernel_constraint=kernel_constraint,
                         recurrent_constraint=recurrent_constraint, bias_constraint=bias_constraint,
                         return_sequences=return_sequences, return_state=return_state, stateful=stateful,
                         reset_after=reset_after, **kwargs)


class LSTM(_OwnCell):
    """Long short-term memory: a cell state c that gates write, keep and read.

    ``i, f, o = rec(x @ W + h @ U + b)``, ``c = f * c + i * act(x @ W + h @ U + b)``, ``h = o * act(c)``, at each step.

    Arguments:
        units: the size of the output.
        activation, recurrent_activation: act and rec; default ``'tanh'`` and ``'sigmoid'`` (``'hard_sigmoid'`` when the
            layer is given arguments under their Keras 1 names).
        unit_forget_bias: whether the bias of the forget gate begins with 1, default True.
        use_bias, initializers, regularizers, constraints, dropout, recurrent_dropout, return_sequences, return_state,
            go_backwards, stateful, unroll, zero_output_for_mask, seed, implementation: as for :class:`SimpleRNN`.

    Input shape: (batch, steps, features). Output shape: (batch, units), or (batch, steps, units) with
    ``return_sequences``; with ``return_state`` a list of that and the states h and c, (batch, units) each.

    Weights: kernel (features, 4 * units), recurrent_kernel (units, 4 * units), bias (4 * units,); in the order i, f,
    c, o.

    Source: Hochreiter and Schmidhuber, Long short-term memory, Neural Computation 9, 1997.

    >>> import tahr
    >>> encoder = tahr.layers.LSTM(4, return_state=True)
    >>> out, h, c = encoder(tahr.ops.ones((2, 5, 3)))
    >>> tahr.layers.LSTM(4, return_sequences=True)(tahr.ops.ones((2, 7, 6)), initial_state=[h, c]).shape
    (2, 7, 4)
    """

    aliases = ("CuDNNLSTM",)

    def __init__(self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True,
                 kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
                 unit_forget_bias=True, kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, recurrent_constraint=None, bias_constraint=None,
                 dropout=0.0, recurrent_dropout=0.0, implementation=2, return_sequences=False, return_state=False,
                 go_backwards=False, stateful=False, unroll=False, zero_output_for_mask=False, seed=None, **kwargs):
        cell = LSTMCell(units, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
                        bias_initializer, unit_forget_bias, kernel_regularizer, recurrent_regularizer,
                        bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout,
                        recurrent_dropout, implementation, seed, name="cell")
        super().__init__(cell, return_sequences=return_sequences, return_state=return_state, go_backwards=go_backwards,
                         stateful=stateful, unroll=unroll, zero_output_for_mask=zero_output_for_mask,
                         activity_regularizer=activity_regularizer, **kwargs)

    unit_forget_bias = _of_cell("unit_forget_bias")
