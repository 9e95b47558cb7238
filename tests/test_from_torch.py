"""Weights from PyTorch and back: the same outputs as PyTorch's modules, and errors that name what does not fit."""

import pathlib

import numpy as np
import pytest

import tahr
from tahr.layers import (
    GRU,
    LSTM,
    RNN,
    BatchNormalization,
    Bidirectional,
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Conv3DTranspose,
    Dense,
    DepthwiseConv1D,
    DepthwiseConv2D,
    Dropout,
    Embedding,
    Flatten,
    GroupNormalization,
    GRUCell,
    Input,
    Layer,
    LayerNormalization,
    LocallyConnected1D,
    LSTMCell,
    MaxPooling2D,
    MultiHeadAttention,
    PReLU,
    ReLU,
    Reshape,
    RMSNormalization,
    SeparableConv2D,
    SimpleRNN,
    TimeDistributed,
)
from tahr.models import from_torch, to_torch
from tahr.models.torch_layouts import LAYOUTS, layout_of
from tahr.utils.array_files import write_arrays

GOLDEN = np.load(pathlib.Path(__file__).parent / "golden" / "torch.npz")
ALL = {"return_sequences": True}


class Looking(Layer):
    """Attention of a sequence to a part of its features, which a Sequential cannot express."""

    def __init__(self, width, attention):
        super().__init__()
        self.width, self.attention = width, attention

    def build(self, input_shape):
        self.attention(Input(input_shape[1:]), Input((*input_shape[1:-1], self.width)))

    def call(self, inputs):
        return self.attention(inputs, inputs[:, :, :self.width])


CASES = {       # layers like the modules of golden/make_torch.py
    "dense": lambda: [Dense(4, activation="relu"), Dropout(0.5), Dense(3, use_bias=False)],
    "conv1d": lambda: [Conv1D(6, 3, padding="same", dilation_rate=2)],
    "conv2d": lambda: [Conv2D(6, (3, 2), strides=2, groups=2)],
    "conv3d": lambda: [Conv3D(3, 2, use_bias=False)],
    "conv1d_transpose": lambda: [Conv1DTranspose(3, 3, strides=2)],
    "conv2d_transpose": lambda: [Conv2DTranspose(3, (3, 2), strides=2)],
    "conv3d_transpose": lambda: [Conv3DTranspose(3, 2, strides=2)],
    "depthwise": lambda: [DepthwiseConv2D(3, depth_multiplier=2)],
    "depthwise1d": lambda: [DepthwiseConv1D(3, depth_multiplier=2, use_bias=False)],
    "separable": lambda: [SeparableConv2D(4, 3, depth_multiplier=2)],
    "norms": lambda: [Conv2D(4, 3), BatchNormalization(), GroupNormalization(2), PReLU(shared_axes=(1, 2))],
    "layer_norm": lambda: [LayerNormalization()],
    "rms_norm": lambda: [RMSNormalization()],
    "flatten": lambda: [Conv2D(4, 3), MaxPooling2D(), Flatten(), BatchNormalization(), ReLU(), Dense(5)],
    "flatten1d": lambda: [Conv1D(4, 3), Flatten(), Dropout(0.5), Dense(5)],
    "rnn": lambda: [SimpleRNN(3, **ALL)],
    "lstm": lambda: [LSTM(3, **ALL), RNN(LSTMCell(3), **ALL)],
    "lstm_both": lambda: [Bidirectional(LSTM(3, **ALL))],
    "gru": lambda: [GRU(3, reset_after=True)],
    "gru_both": lambda: [Bidirectional(GRU(3, reset_after=True, use_bias=False, **ALL)) for _ in range(2)],
    "embedding": lambda: [Embedding(7, 3)],
    "attention": lambda: [Looking(6, MultiHeadAttention(num_heads=2, key_dim=3))],
    "attention_widths": lambda: [Looking(4, MultiHeadAttention(num_heads=3, key_dim=2))],
    "attention_without_bias": lambda: [Looking(6, MultiHeadAttention(num_heads=1, key_dim=6, use_bias=False))],
}


def state_of(name):
    prefix = f"{name}/state/"
    return {key.removeprefix(prefix): GOLDEN[key] for key in GOLDEN.files if key.startswith(prefix)}


def model_of(name):
    model = tahr.Sequential(CASES[name]())
    model.build(GOLDEN[f"{name}/x"].shape)
    return model


def test_every_golden_case_is_tested():
    assert CASES.keys() == {name.split("/")[0] for name in GOLDEN.files} - {"torch"}


def test_every_layout_is_tested():
    used = set()
    for name in CASES:
        for layer in model_of(name).all_layers():
            used |= {next((kind for kind in type(layer).__mro__ if kind in LAYOUTS), None)}
    assert {kind for kind in LAYOUTS if LAYOUTS[kind]} <= used


@pytest.mark.parametrize("name", CASES)
def test_outputs_are_those_of_pytorch(name):
    model = from_torch(model_of(name), state_of(name))
    np.testing.assert_allclose(model.predict(GOLDEN[f"{name}/x"]), GOLDEN[f"{name}/y"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_back_again(name):
    """What comes back has the same keys, and makes an equal model; two biases that are added come back as one."""
    model, other, state = model_of(name), model_of(name), state_of(name)
    back = to_torch(from_torch(model, state), like=state)
    assert list(back) == list(state)
    for key in back:
        if "bias_" not in key:
            np.testing.assert_array_equal(back[key], state[key])
        assert back[key].shape == state[key].shape
    from_torch(other, back)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), other.get_weights()))


@pytest.mark.parametrize("name", CASES)
def test_by_the_layers_names(name):
    """Without ``like`` the keys are made of the layers' names, by which they are found again."""
    model, other = model_of(name), model_of(name)
    other.set_weights([w + 1 for w in model.get_weights()])
    from_torch(model, to_torch(model))
    from_torch(other, to_torch(model))
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), other.get_weights()))


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
def test_from_files(ending, tmp_path):
    write_arrays(tmp_path / f"x.{ending}", state_of("flatten"))
    model = from_torch(model_of("flatten"), tmp_path / f"x.{ending}")
    np.testing.assert_allclose(model.predict(GOLDEN["flatten/x"]), GOLDEN["flatten/y"], rtol=1e-5, atol=1e-6)


def image_model(layout, flatten):
    """The model of the case ``flatten`` with the channels first or last, flattened in either way."""
    last = layout == "channels_last"
    shape = GOLDEN["flatten/x"].shape[1:]
    return tahr.Sequential([
        Conv2D(4, 3, data_format=layout, input_shape=shape if last else (shape[2], *shape[:2])),
        MaxPooling2D(data_format=layout), flatten, BatchNormalization(), ReLU(), Dense(5)])


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
@pytest.mark.parametrize("flatten", [lambda: Flatten(data_format="channels_last"),
                                     lambda: Flatten(data_format="channels_first"), lambda: Reshape((-1,))])
def test_flattened_images_of_every_layout(layout, flatten):
    model, x = image_model(layout, flatten()), GOLDEN["flatten/x"]
    from_torch(model, state_of("flatten"))
    x = x if layout == "channels_last" else np.moveaxis(x, -1, 1)
    np.testing.assert_allclose(model.predict(x), GOLDEN["flatten/y"], rtol=1e-5, atol=1e-6)


def test_nested_models_and_wrappers():
    x = Input(GOLDEN["flatten/x"].shape[1:])
    front = tahr.Sequential([Conv2D(4, 3), MaxPooling2D(), Flatten()])
    back = tahr.Sequential([BatchNormalization(input_dim=24), ReLU(), Dense(5)])
    model = from_torch(tahr.Model(x, back(front(x))), state_of("flatten"))
    np.testing.assert_allclose(model.predict(GOLDEN["flatten/x"]), GOLDEN["flatten/y"], rtol=1e-5, atol=1e-6)
    each = tahr.Sequential([TimeDistributed(model_of("dense"), input_shape=(3, 5))])
    rows = np.repeat(GOLDEN["dense/x"][:, None], 3, 1)
    np.testing.assert_allclose(from_torch(each, state_of("dense")).predict(rows)[:, 1], GOLDEN["dense/y"], rtol=1e-5,
                               atol=1e-6)


def test_names_choose_layers():
    state = {f"body.{key}": value for key, value in state_of("dense").items()}
    model = tahr.Sequential([Dense(4, input_dim=5, name="first"), Dense(3, use_bias=False, name="second")])
    before = model.get_weights()
    from_torch(model, state, names={"second": "body.2"})
    after = model.get_weights()
    assert np.array_equal(after[0], before[0]) and np.array_equal(after[2], state["body.2.weight"].T)
    from_torch(model, dict(reversed(state.items())), names={"first": "body.0", "second": "body.2"})
    assert np.array_equal(model.get_weights()[0], state["body.0.weight"].T)
    assert to_torch(model, names={"first": "a"}).keys() == {"a.weight", "a.bias"}
    assert sorted(to_torch(model, like=state, names={"second": "body.2"})) == ["body.2.weight"]
    lstm = tahr.Sequential([LSTM(3, name="one", input_shape=(5, 4), **ALL), LSTM(3, name="two", **ALL)])
    names = {"one": "rnn", "two": "rnn"}
    from_torch(lstm, state_of("lstm"), names=names)
    np.testing.assert_allclose(lstm.predict(GOLDEN["lstm/x"]), GOLDEN["lstm/y"], rtol=1e-5, atol=1e-6)
    assert to_torch(lstm, names).keys() == state_of("lstm").keys()


def dense(**options):
    return tahr.Sequential([Dense(4, input_dim=5, name="first"), Dense(3, name="second", **options)])


STATE = {"0.weight": np.ones((4, 5)), "0.bias": np.ones(4), "2.weight": np.ones((3, 4)), "2.bias": np.ones(3)}


@pytest.mark.parametrize("state, names, text", [
    ({k: v for k, v in STATE.items() if k != "2.bias"}, None,
     r"layer 'second' \(Dense\) needs bias, weight; the module of \['2.weight'\] lacks bias"),
    ({**STATE, "2.scale": np.ones(3)}, None, "the module of .* has scale besides"),
    ({k: v for k, v in STATE.items() if k[0] != "2"}, None,
     r"has 2 layer\(s\) with weights \(first, second\), the state_dict has 1 module\(s\) \(0\)"),
    ({**STATE, "2.weight": np.ones((4, 3))}, None,
     r"layer 'second' \(Dense\) needs weight of shape \(3, 4\) in PyTorch's layout, '2.weight' has \(4, 3\)"),
    (STATE, {"second": "3"}, r"layer 'second': the state_dict has no \(further\) module '3'"),
    (STATE, {"secnd": "2"}, "has no layer 'secnd' with weights. Did you mean 'second'?"),
    (STATE, {"second": ["2", "3"]}, r"layer 'second' is 1 module\(s\) in PyTorch"),
])
def test_what_does_not_fit(state, names, text):
    model = dense()
    before = model.get_weights()
    with pytest.raises(ValueError, match=text):
        from_torch(model, state, names)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))


@pytest.mark.parametrize("layer, text", [
    (GRU(3, input_shape=(5, 4)), "reset_after=True"),
    (LSTM(3, recurrent_activation="hard_sigmoid", input_shape=(5, 4)), "recurrent_activation='sigmoid'"),
    (LocallyConnected1D(2, 3, input_shape=(5, 4)), "PyTorch has no layer like LocallyConnected1D; known are"),
])
def test_layers_that_pytorch_does_not_have(layer, text):
    with pytest.raises(ValueError, match=text):
        to_torch(tahr.Sequential([layer]))


def test_other_mistakes():
    with pytest.raises(ValueError, match="has no weights: build it first"):
        from_torch(tahr.Sequential([Dense(2)]), STATE)
    with pytest.raises(TypeError, match="of a module give module.state_dict"):
        from_torch(dense(), dense())
    x = Input((5, 4))
    odd = tahr.Model(x, MultiHeadAttention(2, 3)(x, x))
    with pytest.raises(ValueError, match="attention of PyTorch has num_heads"):
        to_torch(odd)


def test_tensors_of_pytorch():
    """Anything with ``detach``, ``cpu`` and ``dtype``, bfloat16 too, which NumPy does not know."""
    class Tensor:
        def __init__(self, array, dtype="torch.bfloat16"):
            self.array, self.dtype, self.shape = array, dtype, array.shape

        detach = cpu = lambda self: self

        def float(self):
            return Tensor(self.array, "torch.float32")

        def __array__(self, dtype=None, copy=None):
            assert "bfloat16" not in self.dtype
            return self.array

    model = from_torch(dense(), {key: Tensor(value) for key, value in STATE.items()})
    assert all((w == 1).all() and w.dtype == np.float32 for w in model.get_weights())


def test_cells_have_their_own_layouts():
    assert layout_of(GRUCell(2)) is LAYOUTS[GRUCell] and layout_of(LocallyConnected1D(1, 1)) is None
