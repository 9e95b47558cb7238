"""Export to ONNX: what onnxruntime computes from the file is what the model predicts."""

import sys

import numpy as np
import pytest

import tahr
from tahr import layers as L  # noqa: N812 (a table of layers reads better)
from tahr.models import to_onnx

try:
    import onnx
    import onnxruntime
except ImportError:
    onnx = onnxruntime = None

needed = pytest.mark.skipif(onnxruntime is None, reason="needs onnx and onnxruntime")
IMAGE, LINE, FILM, ROWS = (7, 6, 4), (9, 4), (5, 4, 6, 2), (5,)
ALL = {"return_sequences": True}


CASES = {
    "dense": ([L.Dense(4, activation="relu"), L.Dropout(0.5), L.Dense(3, use_bias=False)], ROWS),
    "dense of sequences": ([L.Dense(4)], LINE),
    "noise": ([L.GaussianNoise(0.5), L.GaussianDropout(0.5), L.AlphaDropout(0.5), L.SpatialDropout1D(0.5),
               L.ActivityRegularization(0.1), L.Identity(), L.Dense(2)], LINE),
    "activations": ([L.ReLU(6.0, 0.1, 0.5), L.LeakyReLU(0.2), L.ELU(0.7), L.PReLU("uniform"), L.Dense(9),
                     L.ThresholdedReLU(0.3), L.ReLU(negative_slope=0.2), L.Softmax()], ROWS),
    "softmax of steps": ([L.Softmax(axis=1)], LINE),
    "shapes": ([L.Permute((2, 1)), L.Reshape((6, -1)), L.Flatten(), L.RepeatVector(3), L.Reshape((3, 36))], LINE),
    "flatten": ([L.Flatten(data_format="channels_first"), L.Dense(2)], IMAGE),
    "rescaling": ([L.Rescaling(0.5, [0.1, 0.2, 0.3, 0.4])], LINE),
    "conv1d": ([L.Conv1D(3, 3, padding="causal", dilation_rate=2), L.Conv1D(3, 2, strides=2, activation="tanh")], LINE),
    "conv2d": ([L.Conv2D(6, (3, 2), padding="same", groups=2, activation="relu"), L.Conv2D(3, 3, use_bias=False)],
               IMAGE),
    "conv2d same strides": ([L.Conv2D(5, (3, 2), strides=2, padding="same")], IMAGE),
    "conv2d dilated": ([L.Conv2D(5, (2, 3), dilation_rate=2, padding="same")], IMAGE),
    "conv2d first": ([L.Conv2D(5, 3, data_format="channels_first", activation="softmax"),
                      L.MaxPooling2D(2, data_format="channels_first"),
                      L.GlobalAveragePooling2D(data_format="channels_first")], (4, 8, 7)),
    "conv3d": ([L.Conv3D(3, 2, padding="same"), L.AveragePooling3D(2), L.GlobalMaxPooling3D()], FILM),
    "depthwise": ([L.DepthwiseConv2D(3, depth_multiplier=2, padding="same"), L.SeparableConv2D(3, 2, strides=2),
                   L.Reshape((-1, 3)), L.DepthwiseConv1D(2), L.SeparableConv1D(2, 2)], IMAGE),
    **{f"transposed {padding} {strides} {size}": (
        [L.Conv2DTranspose(3, size, strides=strides, padding=padding)], IMAGE)
       for padding in ("valid", "same") for strides, size in ((1, 3), (2, 3), (3, 2), (2, 4))},
    "transposed with more": ([L.Conv2DTranspose(3, 3, strides=2, padding="same", output_padding=1),
                              L.Conv2DTranspose(2, 3, strides=3, output_padding=2)], IMAGE),
    "transposed other": ([L.Conv1DTranspose(3, 3, strides=2, activation="relu")], LINE),
    "transposed 3d": ([L.Conv3DTranspose(3, 2, strides=2, padding="same")], FILM),
    "pooling": ([L.MaxPooling2D((3, 2), strides=2, padding="same"), L.AveragePooling2D(2, strides=1, padding="same"),
                 L.MaxPooling2D(2), L.GlobalMaxPooling2D(keepdims=True)], IMAGE),
    "pooling of steps": ([L.MaxPooling1D(2, padding="same"), L.AveragePooling1D(2, strides=2, padding="same"),
                          L.GlobalAveragePooling1D()], LINE),
    "padding": ([L.ZeroPadding2D(((1, 0), (2, 3))), L.Cropping2D(((0, 2), (1, 0))), L.UpSampling2D((2, 3))], IMAGE),
    "padding 1d": ([L.ZeroPadding1D((1, 2)), L.Cropping1D((1, 1)), L.UpSampling1D(2)], LINE),
    "padding 3d": ([L.ZeroPadding3D(1), L.Cropping3D(1), L.UpSampling3D(2)], FILM),
    "padding first": ([L.ZeroPadding2D(1, data_format="channels_first"),
                       L.Cropping2D(((2, 0), (0, 1)), data_format="channels_first"),
                       L.UpSampling2D(2, data_format="channels_first")], (4, 8, 7)),
    "norms": ([L.BatchNormalization(), L.LayerNormalization(), L.GroupNormalization(2), L.RMSNormalization()], IMAGE),
    "norms of other axes": ([L.BatchNormalization(axis=1, scale=False), L.LayerNormalization(axis=(1, 2), center=False),
                             L.GroupNormalization(-1, axis=1), L.BatchNormalization(axis=(1, 3))], IMAGE),
    "embedding": ([L.Embedding(9, 4), L.LSTM(3)], (5,)),
    "each step": ([L.TimeDistributed(L.Dense(3)), L.TimeDistributed(L.Reshape((3, 1)))], LINE),
    "lstm": ([L.LSTM(3, **ALL), L.LSTM(2, recurrent_activation="hard_sigmoid", activation="relu", use_bias=False)],
             LINE),
    "gru": ([L.GRU(3, reset_after=False, **ALL), L.GRU(2, reset_after=True, go_backwards=True, **ALL), L.GRU(2)], LINE),
    "rnn": ([L.SimpleRNN(3, activation=None, **ALL), L.RNN(L.SimpleRNNCell(2))], LINE),
    "both ways": ([L.Bidirectional(L.LSTM(3, **ALL)), L.Bidirectional(L.GRU(3, **ALL), merge_mode="mul"),
                   L.Bidirectional(L.SimpleRNN(2), merge_mode="ave"), L.Dense(2)], LINE),
    "both ways added": ([L.Bidirectional(L.LSTM(3), merge_mode="sum")], LINE),
}
NAMES = ["linear", "relu", "relu6", "leaky_relu", "sigmoid", "hard_sigmoid", "hard_sigmoid_keras3", "tanh", "hard_tanh",
         "tanh_shrink", "softmax", "log_softmax", "softplus", "softsign", "log_sigmoid", "elu", "celu", "selu", "gelu",
         "silu", "hard_silu", "mish", "exponential", "soft_shrink", "hard_shrink"]


def data(shape, model):
    rng = np.random.default_rng(0)
    integers = np.dtype(model.inputs[0].dtype).kind in "iu"
    found = rng.integers(0, 9, (3, *shape)) if integers else rng.normal(size=(3, *shape))
    return found.astype("int32" if integers else "float32")


def shaken(model):
    """The model with weights that are no longer 0 or 1 (variances stay positive)."""
    rng = np.random.default_rng(1)
    model.set_weights([np.abs(w) + rng.uniform(0.1, 0.5, w.shape) if w.size and (w == 1).all() else
                       w + rng.normal(size=w.shape) * 0.1 for w in model.get_weights()])
    return model


def ran(proto, *inputs):
    onnx.checker.check_model(proto, full_check=True)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [i.name for i in session.get_inputs()]
    return session.run(None, dict(zip(names, inputs, strict=True)))


def agree(model, *inputs):
    expected = model.predict(list(inputs) if len(inputs) > 1 else inputs[0])
    found = ran(to_onnx(model), *inputs)
    for left, right in zip(found, expected if isinstance(expected, list) else [expected], strict=True):
        assert left.shape == right.shape
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-5)


@needed
@pytest.mark.parametrize("name", CASES)
def test_sequential(name):
    layers, shape = CASES[name]
    first = {"dtype": "int32"} if name == "embedding" else {}
    model = shaken(tahr.Sequential([L.Input(shape, **first), *[L.Layer.get(
        {"class_name": type(layer).__name__, "config": layer.get_config()}) for layer in layers]]))
    agree(model, data(shape, model))


@needed
@pytest.mark.parametrize("name", NAMES)
def test_activations(name):
    model = tahr.Sequential([L.Activation(name, input_shape=(40,))])
    agree(model, np.linspace(-4, 4, 120).reshape(3, 40).astype("float32"))


def test_every_activation_is_tested():
    from tahr.models.onnx_table import FUNCTIONS
    assert FUNCTIONS.keys() == set(NAMES)


def test_every_entry_of_the_table_is_tested():
    from tahr.models import onnx_images, onnx_layers, onnx_recurrent, onnx_table
    assert onnx_images and onnx_layers and onnx_recurrent       # which fill the table
    met = [L.Add, L.Average, L.Maximum, L.Minimum, L.Multiply, L.Subtract, L.Concatenate, L.Activation,
           *(type(layer) for layers, _ in CASES.values() for layer in layers)]
    left = {kind for kind in onnx_table.TABLE if not any(issubclass(one, kind) for one in met)}
    assert {kind.__name__ for kind in left} == {"_LocallyConnected", "OpLayer"}


@needed
def test_graphs():
    a, b = L.Input((4,), name="left"), L.Input((3, 4), name="right")
    merged = L.Add()([a, b, b])
    parts = [L.Average()([a, b]), L.Maximum()([merged, b]), L.Minimum()([merged, b]), L.Multiply()([a, b, merged]),
             L.Subtract()([merged, b])]
    inner = tahr.Sequential([L.Dense(3, input_shape=(3, 4)), L.ReLU()])
    joined = L.Concatenate(axis=1)([inner(part) for part in parts])
    agree(tahr.Model([a, b], [joined, L.Concatenate()([merged, b])]), data((4,), tahr.Model(a, a * 1.0)),
          data((3, 4), tahr.Model(b, b * 1.0)))


@needed
def test_ops_on_symbols():
    x = L.Input((4,))
    agree(tahr.Model(x, [2 * x + 1, 1 - x, x / 2, tahr.ops.tanh(x) * x, tahr.ops.exp(-x), tahr.ops.maximum(x, 0.5)]),
          np.random.default_rng(0).normal(size=(3, 4)).astype("float32"))


@needed
def test_states_are_outputs():
    x = L.Input(LINE)
    out, h, c = L.LSTM(3, return_state=True, **ALL)(x)
    agree(tahr.Model(x, [out, h, c]), np.random.default_rng(0).normal(size=(3, *LINE)).astype("float32"))
    found = L.Bidirectional(L.GRU(3, return_state=True), merge_mode=None)(x)
    agree(tahr.Model(x, found), np.random.default_rng(0).normal(size=(3, *LINE)).astype("float32"))


@needed
def test_sizes_that_are_not_known():
    """Any number of samples, and of steps and pixels where the layers allow it."""
    x = L.Input((None, 4))
    steps = tahr.Model(x, L.GlobalMaxPooling1D()(L.LSTM(3, **ALL)(L.Conv1D(3, 3, padding="same")(x))))
    y = L.Input((None, None, 2))
    pixels = tahr.Model(y, L.GlobalAveragePooling2D()(L.Conv2DTranspose(3, 3, strides=2, padding="same")(
        L.MaxPooling2D(padding="same")(L.BatchNormalization()(y)))))
    rng = np.random.default_rng(0)
    for n in (1, 5):
        agree(steps, rng.normal(size=(n, 4 + n, 4)).astype("float32"))
        agree(pixels, rng.normal(size=(n, 4 + n, 6, 2)).astype("float32"))


@needed
def test_files(tmp_path, capsys):
    model = tahr.Sequential([L.Dense(2, input_dim=3)])
    model.export(tmp_path / "m.onnx", verbose=True)
    x = np.ones((2, 3), "float32")
    np.testing.assert_allclose(ran(onnx.load(tmp_path / "m.onnx"), x)[0], model.predict(x), rtol=1e-5)
    assert "m.onnx" in capsys.readouterr().out and [p.name for p in tmp_path.iterdir()] == ["m.onnx"]
    with pytest.raises(ValueError, match="format must be 'onnx'"):
        model.export(tmp_path / "m", format="tf_saved_model")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        model.export(tmp_path / "missing" / "m.onnx")


class Own(L.Layer):
    def call(self, inputs):
        return inputs


class Subclassed(tahr.Model):
    def call(self, inputs):
        return inputs


def attention():
    x = L.Input((3, 4))
    return tahr.Model(x, L.MultiHeadAttention(2, 2)(x, x))


def masked():
    return tahr.Sequential([L.Masking(input_shape=(3, 4)), L.LSTM(2)])


@needed
@pytest.mark.parametrize("make, text", [
    (lambda: tahr.Sequential([Own(name="mine", input_shape=(2,))]), r"layer 'mine' \(Own\) has no ONNX form"),
    (lambda: tahr.Sequential([L.LocallyConnected1D(2, 2, input_shape=(5, 4))]), "LocallyConnected1D"),
    (lambda: tahr.Sequential([L.Dense(2)]), "it is not built yet"),
    (Subclassed, "a subclass with a call of its own"),
    (attention, "called with more than its inputs"),
    (masked, "has no ONNX form"),
    (lambda: tahr.Sequential([L.LSTM(2, stateful=True, batch_input_shape=(2, 3, 4))]), "is stateful"),
    (lambda: tahr.Sequential([L.Dense(2, activation=lambda x: x, input_dim=2)]), "the activation '<lambda>' has no"),
    (lambda: tahr.Sequential([L.LSTM(2, activation="mish", input_shape=(3, 4))]), "'mish' has no ONNX form inside"),
    (lambda: tahr.Sequential([L.UpSampling2D(2, interpolation="bilinear", input_shape=(2, 3, 4))]), "bilinear"),
    (lambda: tahr.Model(x := L.Input((2,)), tahr.ops.sort(x)), "the op 'argsort' on symbols has no"),
])
def test_what_cannot_be_exported(make, text):
    with pytest.raises(ValueError, match=text):
        to_onnx(make())


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'tahr\[onnx\]'"):
        to_onnx(tahr.Sequential([L.Dense(2, input_dim=3)]))


def test_ops_in_the_table_are_ops():
    from tahr.autograd import OPS
    from tahr.models.onnx_layers import OPS as TABLE
    assert not [name for name in TABLE if name not in OPS]
