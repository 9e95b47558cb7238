"""Bidirectional: a recurrent layer that goes through a sequence from both ends."""

from .. import ops
from ..utils.configurable import serialize
from .base import Layer
from .recurrent import TakesConstants, with_states
from .wrappers import Wrapper

MERGES = {
    "sum": lambda a, b: a + b, "mul": lambda a, b: a * b, "ave": lambda a, b: (a + b) / 2,
    "concat": lambda a, b: ops.concatenate([a, b], axis=-1), None: lambda a, b: [a, b],
}


class Bidirectional(TakesConstants, Wrapper):
    """Two copies of a recurrent layer, one of which goes through the sequence backwards.

    The outputs of the one that goes backwards are turned round, so that those of both at a step stand side by side.

    Arguments:
        layer: a recurrent layer; the two are made anew from its config, under the names ``forward_`` and ``backward_``
            and its own.
        merge_mode: how the outputs are put together: ``'concat'`` (the default; along the last axis), ``'sum'``,
            ``'mul'``, ``'ave'`` (the mean), or None for a list of both.
        weights: initial values, those of the layer that goes forward first.
        backward_layer: another layer for the way back, with ``go_backwards=True``; default: like ``layer``.

    Input shape and output shape: those of the layer, with ``'concat'`` twice the last size. With ``return_state`` the
    output is a list: the merged output (or both), the states of the way forward, those of the way back.

    A call takes ``initial_state``, the states of the way forward and then as many of the way back, and ``constants``;
    both may also stand behind the input: ``layer([x, h, c, back_h, back_c])``.

    Masks go to both layers, and on with ``return_sequences``.

    Raises:
        ValueError: for an unknown ``merge_mode``, two layers that do not fit together, another number of states.

    Source: Schuster and Paliwal, Bidirectional recurrent neural networks, IEEE Transactions on Signal Processing 45,
    1997.

    >>> import tahr
    >>> layer = tahr.layers.Bidirectional(tahr.layers.LSTM(4, return_sequences=True))
    >>> layer(tahr.ops.ones((2, 5, 3))).shape
    (2, 5, 8)
    """

    supports_masking = True

    def __init__(self, layer, merge_mode="concat", weights=None, backward_layer=None, **kwargs):
        super().__init__(layer, weights=weights, **kwargs)
        self._arguments.pop("weights", None)
        if merge_mode not in MERGES:
            raise ValueError("Invalid merge mode. Merge mode should be one of {\"sum\", \"mul\", \"ave\", \"concat\", "
                             f"None}}, got {merge_mode!r}")
        layer, back = self.layer, Layer.get(backward_layer) if isinstance(backward_layer, dict) else backward_layer
        _check_direction(layer, layer if back is None else back)
        self.merge_mode = merge_mode
        self.remember(layer=self._config_of(layer), backward_layer=back and self._config_of(back))
        self.forward_layer = self._copy(layer, name=f"forward_{layer.name}")
        turned = {} if back is not None else {"go_backwards": not layer.go_backwards}
        self.backward_layer = self._copy(back or layer, name=f"backward_{(back or layer).name}", **turned)
        self.layer = self.forward_layer     # the one that was given was the model for both, and is not a part
        if self.batch_input_shape is None:
            self.batch_input_shape = layer.batch_input_shape
        self.input_spec = layer.input_spec
        self.return_sequences = getattr(layer, "return_sequences", False)
        self.return_state = getattr(layer, "return_state", False)

    def _config_of(self, layer):
        """The config of a layer, with the dtype of this one where its own was left open."""
        config = serialize(layer)
        if "dtype" in self._arguments and "dtype" not in layer._arguments:
            config["config"]["dtype"] = self.dtype
        return config

    def _copy(self, layer, **changes):
        """A new layer with almost the same config; with the weights, if there are any."""
        copy = type(layer).from_config({**self._config_of(layer)["config"], **changes})
        if layer.built:
            copy.initial_weights = layer.get_weights()
        return copy

    # States

    @property
    def stateful(self):
        """Whether the layers keep their states from batch to batch."""
        return self.forward_layer.stateful

    @property
    def state_count(self):
        """How many states both have together."""
        return self.forward_layer.state_count + self.backward_layer.state_count

    @property
    def states(self):
        """Those of the way forward, then those of the way back."""
        return [*self.forward_layer.states, *self.backward_layer.states]

    def reset_states(self, states=None):
        """Let the next batch begin with zeros, or with these states, those of the way forward first."""
        forward, back = (None, None) if states is None else self._halves(list(states))
        self.forward_layer.reset_states(forward)
        self.backward_layer.reset_states(back)

    reset_state = reset_states      # Keras 3's name

    def _halves(self, states):
        count = self.forward_layer.state_count
        if len(states) != self.state_count:
            raise ValueError(f"layer {self.name!r} needs {count} state(s) for the way forward and as many for the way "
                             f"back, got {len(states)}: when passing `initial_state` to a Bidirectional layer, give a "
                             "list with the states of both")
        return states[:count], states[count:]

    # Calling

    def __call__(self, inputs, *args, initial_state=None, constants=None, **kwargs):
        inputs, given = with_states(self, inputs, initial_state, constants)
        return super().__call__(inputs, *args, **given, **kwargs)

    def build(self, input_shape):
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.constant_shapes = self.constant_shapes
                layer.build(input_shape)

    def call(self, inputs, mask=None, training=None, initial_state=None, constants=None):
        common = {"mask": mask, "constants": constants}
        states = (None, None) if initial_state is None else self._halves(list(initial_state))
        results = []
        for layer, own in zip((self.forward_layer, self.backward_layer), states):
            given = {**common, "initial_state": own, "training": None if layer._training_at is None else training}
            out = layer(inputs, **{name: value for name, value in given.items() if value is not None})
            results.append(list(out) if self.return_state else [out])
        (forward, *forward_states), (back, *back_states) = results
        if self.return_sequences:
            back = ops.flip(back, 1)
        out = MERGES[self.merge_mode](forward, back)
        if not self.return_state:
            return out
        return [*(out if self.merge_mode is None else [out]), *forward_states, *back_states]

    def compute_mask(self, inputs, mask=None):
        of_steps = mask if self.return_sequences else None
        outputs = [of_steps] * (2 if self.merge_mode is None else 1)
        if self.return_state:
            return outputs + [None] * self.state_count
        return outputs if self.merge_mode is None else of_steps


def _check_direction(layer, back):
    """Raise unless these can be the two ways."""
    for one in (layer, back):
        if not hasattr(one, "go_backwards"):
            raise ValueError(f"Bidirectional needs a recurrent layer, with go_backwards, got {type(one).__name__} "
                             f"{one.name!r}")
    if back is layer:
        return
    if back.go_backwards == layer.go_backwards:
        raise ValueError(f"forward layer and backward layer should have different `go_backwards` value, both have "
                         f"{layer.go_backwards}")
    for name in ("stateful", "return_sequences", "return_state"):
        if getattr(back, name, None) != getattr(layer, name, None):
            raise ValueError(f"the two layers of a Bidirectional must have the same {name}, got "
                             f"{getattr(layer, name, None)} and {getattr(back, name, None)}")
