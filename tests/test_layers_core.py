"""Layers whose inputs are lists, words or other layers, and what single layers do beyond their rows in test_layers."""

import copy
import json
import pickle

import numpy as np
import pytest

import tahr
from tahr import layers, ops
from tahr.autograd import check_grads, gradients
from tahr.layers import (
    Activation,
    AdditiveAttention,
    AlphaDropout,
    Attention,
    CategoryEncoding,
    CenterCrop,
    Dense,
    Discretization,
    Dropout,
    EinsumDense,
    Embedding,
    GaussianDropout,
    GaussianNoise,
    GroupNormalization,
    GroupQueryAttention,
    Hashing,
    Input,
    IntegerLookup,
    Lambda,
    Layer,
    LeakyReLU,
    Masking,
    MultiHeadAttention,
    Normalization,
    Permute,
    RandomBrightness,
    RandomContrast,
    RandomCrop,
    RandomFlip,
    RandomRotation,
    RandomTranslation,
    RandomZoom,
    ReLU,
    RepeatVector,
    Resizing,
    Softmax,
    SpatialDropout1D,
    SpatialDropout2D,
    SpectralNormalization,
    StringLookup,
    TextVectorization,
    ThresholdedReLU,
    TimeDistributed,
    Wrapper,
)
from tahr.layers.base import phase
from tahr.tensor import Symbol, Tensor

from .layer_rows_core import heads, multi_head, softmax

# Classes that have their tests here and in test_merge, not a row in test_layers: what they are called on is no tensor.
ELSEWHERE = {Wrapper, TimeDistributed, SpectralNormalization, Attention, AdditiveAttention, StringLookup, IntegerLookup,
             TextVectorization, Hashing, Discretization, layers.Add, layers.Subtract, layers.Multiply, layers.Average,
             layers.Maximum, layers.Minimum, layers.Concatenate, layers.Dot, layers.Merge}


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def tensor(a, **kwargs):
    a = np.asarray(a)
    return Tensor(a, dtype=a.dtype, **kwargs)


def close(found, expected):
    np.testing.assert_allclose(getattr(found, "data", found), expected, rtol=1e-12, atol=1e-13)


def copies(layer):
    """The layer itself and all ways to get another one like it, without the values of weights for the last."""
    read = json.loads(json.dumps({"class_name": type(layer).__name__, "config": layer.get_config()}))
    return [layer, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), Layer.get(read)]


# Core

def test_masking_masks_steps_of_nothing_but_the_value():
    x = normal(2, 3, 4)
    x[0, 1], x[1, 2], x[1, 0, :3] = 0.0, 0.0, 0.0
    out = Masking()(x)
    np.testing.assert_array_equal(out.mask.numpy(), [[True, False, True], [True, True, False]])
    out = Masking(0.5)(np.full((1, 2, 2), 0.5))
    assert not out.mask.numpy().any() and not out.numpy().any()
    assert Masking()(Symbol((None, None, 4))).mask.shape == (None, None)


@pytest.mark.parametrize("layer", [layers.Identity(), SpatialDropout1D(0.3), GaussianNoise(1.0), ReLU(),
                                   layers.LayerNormalization(), LeakyReLU(), Softmax(), layers.UnitNormalization(),
                                   layers.ActivityRegularization(0.1), layers.Rescaling(2.0), layers.PReLU()],
                         ids=lambda layer: type(layer).__name__)
def test_masks_go_on(layer):
    x = Masking()(np.ones((2, 3, 4), np.float32))
    with phase(True):
        assert layer(x).mask is x.mask


def test_lambda():
    x = normal(2, 3)
    close(Lambda(lambda x, k: x * k, arguments={"k": 3}, dtype="float64")(x), 3 * x)
    flags = []

    def told(x, training, mask):
        flags.append((training, mask is not None))
        return x
    layer = Lambda(told)
    layer(Tensor(x))
    with phase(True), pytest.warns(UserWarning, match="does not support masks"):
        layer(Masking()(x[None]))
    assert flags == [(False, False), (True, True)]
    summed = Lambda(lambda xs: xs[0] + xs[1])
    assert summed([Symbol((None, 3)), Symbol((None, 3))]).shape == (None, 3)
    masked = Lambda(lambda x: x, mask=lambda x, mask: ops.any(x > 0, -1))
    np.testing.assert_array_equal(masked(Tensor([[[1.0], [-1.0]]])).mask.numpy(), [[True, False]])


def test_lambda_that_needs_values():
    function = lambda x: Tensor(np.sort(x.numpy(), -1)[:, :2])
    for shape in ((2,), lambda shape: (shape[0], 2)):
        layer = Lambda(function, output_shape=shape)
        assert layer(Symbol((None, 3))).shape == (None, 2)
        np.testing.assert_array_equal(layer(Tensor([[3.0, 1.0, 2.0]])).numpy(), [[1.0, 2.0]])
    with pytest.raises(Exception) as error:
        Lambda(function)(Symbol((None, 3)))
    assert "output_shape=" in error.value.__notes__[0]


def test_lambda_keeps_names_not_code():
    for layer in copies(Lambda(ops.square)):
        close(layer(Tensor([3.0])), [9.0])
    config = Lambda(lambda x: x).get_config()
    assert config["function"] == "<lambda>"
    with pytest.raises(ValueError, match="made from a lambda, whose code is not kept"):
        Lambda.from_config({**config, "function": str(config["function"])})
    with pytest.raises(ValueError, match="called 'squar'. Did you mean 'square'"):
        Lambda("squar")
    with pytest.raises(TypeError, match="Lambda needs a function"):
        Lambda(3)


def test_activity_regularization_adds_its_penalty():
    layer = layers.ActivityRegularization(l1=0.5, l2=0.25)
    layer(Tensor([[1.0, -2.0]]))
    assert float(layer.losses[0]) == pytest.approx(0.5 * 3 + 0.25 * 5)


# Noise

def test_whole_channels_drop():
    x = np.ones((20, 6, 5), np.float32)
    out = SpatialDropout1D(0.5, seed=0)(x, training=True).numpy()
    assert set(np.unique(out)) == {0.0, 2.0} and (out == out[:, :1]).all() and not (out == out[:, :, :1]).all()
    image = np.ones((20, 3, 4, 5), np.float32)
    for layout, axes in (("channels_last", (1, 2)), ("channels_first", (2, 3))):
        out = SpatialDropout2D(0.5, data_format=layout, seed=0)(image, training=True).numpy()
        assert set(np.unique(out)) == {0.0, 2.0} and (out == out.max(axes, keepdims=True)).all()
        assert not (out == out.max(tuple({1, 2, 3} - set(axes)), keepdims=True)).all()


@pytest.mark.parametrize("layer, mean, deviation", [
    (GaussianNoise(0.5, seed=1), 2.0, 0.5), (GaussianDropout(0.2, seed=1), 2.0, 2 * np.sqrt(0.25))])
def test_gaussian_noise(layer, mean, deviation):
    x = np.full((300, 300), 2.0, np.float32)
    out = layer(x, training=True).numpy()
    assert out.mean() == pytest.approx(mean, abs=0.01) and out.std() == pytest.approx(deviation, rel=0.01)
    assert (layer(x, training=True).numpy() != out).any()
    assert layer(Tensor(x)).numpy().std() == 0


def test_alpha_dropout_keeps_mean_and_variance():
    x = normal(400, 400).astype("float32")
    out = AlphaDropout(0.3, seed=2)(x, training=True).numpy()
    assert out.mean() == pytest.approx(0, abs=0.02) and out.std() == pytest.approx(1, abs=0.02)
    values, counts = np.unique(out, return_counts=True)
    assert counts.max() / out.size == pytest.approx(0.3, abs=0.01)
    rows = AlphaDropout(0.5, noise_shape=(None, 1), seed=2)(np.ones((30, 4)), training=True).numpy()
    assert (rows == rows[:, :1]).all() and len(np.unique(rows)) == 2


# Activations

def test_softmax_leaves_out_what_a_mask_hides():
    x, mask = normal(2, 3, 4), np.random.default_rng(1).random((2, 3, 4)) < 0.6
    mask[..., 0] = True
    for axis in (-1, 1, (1, 2)):
        out = Softmax(axis, dtype="float64")(x, mask=Tensor(mask)).numpy()
        assert not out[~mask].any()
        e = np.exp(x) * mask
        close(out, e / e.sum(axis, keepdims=True))


def test_leaky_relu_has_two_names():
    assert LeakyReLU(negative_slope=0.1).alpha == 0.1
    assert LeakyReLU.from_config(LeakyReLU(negative_slope=0.1).get_config()).alpha == 0.1
    with pytest.raises(TypeError, match="two names of one argument"):
        LeakyReLU(alpha=0.1, negative_slope=0.2)


# Around other layers

def test_time_distributed_over_a_layer():
    layer = TimeDistributed(Dense(3, activation="tanh", dtype="float64"), dtype="float64")
    x = normal(4, 5, 2)
    out = layer(tensor(x))
    w, b = layer.get_weights()
    close(out, np.tanh(x @ w + b))
    assert layer.weights == layer.layer.weights and layer.count_params() == 9
    check_grads(lambda x: layer(x), x)
    for other in copies(layer):
        other(tensor(x))
        other.set_weights([w, b])
        close(other(tensor(x)), out.numpy())
    assert layer.compute_output_shape((None, None, 2)) == (None, None, 3)
    assert layer(tensor(x[:0])).shape == (0, 5, 3)


def test_time_distributed_over_images_and_models():
    conv = TimeDistributed(layers.Conv2D(2, 3))
    x = normal(2, 3, 5, 6, 1).astype("float32")
    out = conv(x)
    assert out.shape == (2, 3, 3, 4, 2) == conv(Symbol((2, 3, 5, 6, 1))).shape
    np.testing.assert_allclose(out.numpy()[:, 1], conv.layer(x[:, 1]).numpy(), rtol=1e-5)
    inner = tahr.Sequential([Dense(10, activation="softmax", input_dim=784)])
    sequences = Input((20, 784))
    model = tahr.Model(sequences, TimeDistributed(inner)(sequences))
    assert model.output_shape == (None, 20, 10)
    np.testing.assert_allclose(model.predict(np.ones((2, 20, 784))).sum(-1), 1.0, rtol=1e-5)


@pytest.mark.parametrize("by", ["phase", "argument"])
def test_time_distributed_tells_the_inner_model_that_it_trains(by):
    layer = TimeDistributed(tahr.Sequential([Dropout(0.5, input_shape=(50,))]))
    x = np.ones((4, 3, 50), np.float32)
    if by == "phase":
        with phase(True):
            out = layer(x)
    else:
        out = layer(x, training=True)
    assert set(np.unique(out.numpy())) == {0.0, 2.0} and (layer(x).numpy() == 1).all()


def test_time_distributed_masks():
    x = Masking()(np.where(np.arange(3)[:, None] < 2, 1.0, 0.0) * np.ones((2, 3, 4)))
    assert TimeDistributed(Dense(2))(x).mask is x.mask
    steps = np.ones((2, 3, 4, 5))
    steps[0, 1, 2:] = steps[1, 2] = 0.0
    inner = TimeDistributed(Masking())(steps)
    np.testing.assert_array_equal(inner.mask.numpy(), steps.any(-1))
    with pytest.warns(UserWarning, match="layer 'flat' .* does not support masks"):
        ended = TimeDistributed(layers.Flatten(name="flat"))(inner)
    np.testing.assert_array_equal(ended.mask.numpy(), steps.any((2, 3)))


def test_time_distributed_counts_a_penalty_once():
    inner = Dense(2, activity_regularizer="l2", kernel_initializer="ones")
    layer = TimeDistributed(inner)
    layer(np.ones((1, 3, 4), np.float32))
    assert [float(v) for v in layer.losses] == pytest.approx([0.01 * 6 * 16])


def test_time_distributed_freezes_what_is_inside():
    layer = TimeDistributed(Dense(2), trainable=False)
    layer(np.ones((1, 3, 4)))
    assert layer.trainable_weights == [] and not layer.layer.trainable
    with pytest.raises(ValueError, match="needs a layer to wrap, got int 3"):
        TimeDistributed(3)
    with pytest.raises(ValueError, match="at least 3 dimensions, got 2"):
        TimeDistributed(Dense(2))(np.ones((3, 4)))


def test_spectral_normalization_divides_by_the_largest_singular_value():
    layer = SpectralNormalization(Dense(3, dtype="float64"), power_iterations=60, dtype="float64")
    x = normal(4, 5)
    layer(x)
    kernel = layer.layer.kernel.numpy().copy()
    largest = np.linalg.svd(kernel)[1][0]
    close(layer(x), x @ kernel)
    with phase(True):
        out = layer(x)
    np.testing.assert_allclose(layer.layer.kernel.numpy(), kernel / largest, rtol=1e-9)
    np.testing.assert_allclose(out.numpy(), x @ kernel / largest, rtol=1e-8, atol=1e-12)
    assert [w.trainable for w in layer.weights] == [False, True, True] and layer.vector.shape == (1, 3)
    before = layer.get_weights()
    for other in copies(layer):
        other(x)
        other.set_weights(before)
        close(other(x), layer(x).numpy())
    with pytest.raises(AttributeError, match="no weight called kernel or embeddings"):
        SpectralNormalization(Activation("relu"))(x)


# Attention

def dense_attention(layer, q, v, k, score, shown=None):
    """One query at a time."""
    out = np.zeros((*q.shape[:2], v.shape[-1]))
    for b, i in np.ndindex(*q.shape[:2]):
        seen = [j for j in range(k.shape[1]) if shown is None or shown[b, i, j]]
        weights = softmax(np.array([score(q[b, i], k[b, j]) for j in seen]))
        out[b, i] = sum(w * v[b, j] for w, j in zip(weights, seen))
    return out


ATTENTIONS = [
    (lambda: Attention(dtype="float64"), lambda ws: lambda q, k: q @ k),
    (lambda: Attention(use_scale=True, dtype="float64"), lambda ws: lambda q, k: ws[0] * (q @ k)),
    (lambda: Attention(score_mode="concat", dtype="float64"), lambda ws: lambda q, k: ws[0] * np.tanh(q + k).sum()),
    (lambda: Attention(True, "concat", dtype="float64"),
     lambda ws: lambda q, k: ws[1] * np.tanh(ws[0] * (q + k)).sum()),
    (lambda: AdditiveAttention(dtype="float64"), lambda ws: lambda q, k: (ws[0] * np.tanh(q + k)).sum()),
    (lambda: AdditiveAttention(use_scale=False, dtype="float64"), lambda ws: lambda q, k: np.tanh(q + k).sum()),
]


@pytest.mark.parametrize("make, score", ATTENTIONS)
def test_attention_of_lists(make, score):
    layer, q, v, k = make(), normal(2, 3, 4), normal(2, 5, 2, seed=1), normal(2, 5, 4, seed=2)
    inputs = [tensor(q), tensor(v), tensor(k)]
    layer([Symbol((None, None, 4)), Symbol((None, None, 2)), Symbol((None, None, 4))])
    weights = [np.random.default_rng(3).uniform(0.5, 1.5, w.shape) for w in layer.weights]
    layer.set_weights(weights)
    close(layer(inputs), dense_attention(layer, q, v, k, score(weights)))
    causal = np.tri(3, 5, dtype=bool)[None].repeat(2, 0)
    out, scores = layer(inputs, use_causal_mask=True, return_attention_scores=True)
    close(out, dense_attention(layer, q, v, k, score(weights), causal))
    close(scores.numpy().sum(-1), np.ones((2, 3)))
    seen = np.array([[True, False, True, True, False], [False, True, True, False, True]])
    asked = np.array([[True, True, False], [True, False, True]])
    inputs[0].mask, inputs[1].mask = Tensor(asked), Tensor(seen)
    out = layer(inputs)
    expected = dense_attention(layer, q, v, k, score(weights), seen[:, None].repeat(3, 1)) * asked[..., None]
    close(out, expected)
    assert out.mask is inputs[0].mask
    check_grads(lambda q, v, k: layer([q, v, k]), q, v, k)
    found = gradients((layer([tensor(q), tensor(v), tensor(k)]) * tensor(normal(2, 3, 2))).sum(), layer.weights) \
        if layer.weights else []
    assert all(np.abs(g.numpy()).max() > 0 for g in found)
    close(layer([tensor(q), tensor(k)]), dense_attention(layer, q, k, k, score(weights)))
    for other in copies(layer):
        other(inputs)
        other.set_weights(weights)
        close(other(inputs), expected)


def test_attention_errors():
    for wrong in (np.ones((2, 3, 4)), [np.ones((2, 3, 4))], [np.ones((3, 4))] * 2):
        with pytest.raises(ValueError, match=r"must be called on a list of \[query, value\] or \[query, value, key\]"):
            Attention()(wrong)
    with pytest.raises(ValueError, match="Expected one of"):
        Attention(score_mode="cosine")
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\)"):
        AdditiveAttention(dropout=1.0)


def test_attention_drops_weights_in_training():
    q = v = np.ones((50, 3, 4), np.float32)
    for layer in (Attention(dropout=0.5, seed=0), AdditiveAttention(dropout=0.5, seed=0)):
        assert np.ptp(layer([q, v]).numpy()) < 1e-6 < np.ptp(layer([q, v], training=True).numpy())
    heads_ = MultiHeadAttention(2, 3, dropout=0.5, seed=0)
    assert np.ptp(heads_(q).numpy(), (0, 1)).max() < 1e-5 < np.ptp(heads_(q, training=True).numpy(), (0, 1)).max()


def ready(layer, *shapes):
    layer(*(Symbol(s, "float64") for s in shapes))
    weights = [np.random.default_rng(i).uniform(-1, 1, w.shape) for i, w in enumerate(layer.weights)]
    layer.set_weights(weights)
    return layer, weights


@pytest.mark.parametrize("make", [lambda: MultiHeadAttention(2, 3, value_dim=4, dtype="float64"),
                                  lambda: GroupQueryAttention(3, 4, 2, dtype="float64")])
def test_multi_head_attention_of_three_inputs(make):
    q, v, k = normal(2, 3, 5), normal(2, 4, 6, seed=1), normal(2, 4, 7, seed=2)
    layer, w = ready(make(), q.shape, v.shape, k.shape)
    wanted = lambda shown=None: np.stack([multi_head(q[b], v[b], k[b], *w, shown=None if shown is None else shown[b])
                                          for b in range(2)])
    close(layer(q, v, k), wanted())
    close(layer(query=q, value=v, key=k), wanted())
    mask = np.random.default_rng(5).random((2, 3, 4)) < 0.5
    close(layer(q, v, k, attention_mask=Tensor(mask)), wanted(mask))
    causal = np.tri(3, 4, dtype=bool)[None].repeat(2, 0)
    out, scores = layer(q, v, k, attention_mask=Tensor(mask), use_causal_mask=True, return_attention_scores=True)
    close(out, wanted(mask & causal))
    assert scores.shape == (2, layer.query_kernel.shape[1], 3, 4) and not scores.numpy()[:, 0][~(mask & causal)].any()
    seen = np.array([[True, True, False, True], [False, True, True, False]])
    masked = tensor(v)
    masked.mask = Tensor(seen)
    close(layer(q, masked, k), wanted(seen[:, None].repeat(3, 1)))
    close(layer(q, v, k, value_mask=Tensor(seen)), wanted(seen[:, None].repeat(3, 1)))
    close(layer(q, v, k, key_mask=Tensor(seen)), wanted(seen[:, None].repeat(3, 1)))
    check_grads(lambda q, v, k: layer(q, v, k), q, v, k)
    assert layer(Symbol((None, None, 5)), Symbol((None, 4, 6)), Symbol((None, 4, 7))).shape == (None, None, 5)
    for other in copies(layer):
        other(q, v, k)
        other.set_weights(w)
        close(other(q, v, k), wanted())


def test_multi_head_attention_over_chosen_axes():
    x = normal(2, 3, 4, 5)
    layer, w = ready(MultiHeadAttention(2, 3, attention_axes=2, dtype="float64"), x.shape)
    close(layer(x), np.stack([[multi_head(s, s, s, *w) for s in rows] for rows in x]))
    layer = MultiHeadAttention(2, 3, dtype="float64", weights=w)
    flat = x.reshape(2, 12, 5)
    close(layer(x), np.stack([multi_head(s, s, s, *w) for s in flat]).reshape(x.shape))
    assert layer(x, return_attention_scores=True)[1].shape == (2, 2, 3, 4, 3, 4)
    layer = MultiHeadAttention(2, 3, output_shape=(6, 2))
    assert layer(x[:, 0]).shape == (2, 4, 6, 2) and layer.attention_output_kernel.shape == (2, 3, 6, 2)


def test_multi_head_attention_in_a_model():
    q, v = Input((None, 5)), Input((4, 6))
    out, scores = MultiHeadAttention(2, 3)(query=q, value=v, return_attention_scores=True)
    model = tahr.Model([q, v], [out, scores])
    data = [normal(2, 3, 5).astype("float32"), normal(2, 4, 6).astype("float32")]
    found = model.predict(data)
    assert [f.shape for f in found] == [(2, 3, 5), (2, 2, 3, 4)]
    other = tahr.Model.from_config(json.loads(json.dumps(model.get_config())))
    other.set_weights(model.get_weights())
    for a, b in zip(other.predict(data), found):
        np.testing.assert_array_equal(a, b)


def test_multi_head_attention_errors():
    with pytest.raises(ValueError, match="the query must have the shape"):
        MultiHeadAttention(2, 3)(np.ones((3, 4)))
    with pytest.raises(TypeError, match="needs a query"):
        MultiHeadAttention(2, 3)(value=np.ones((1, 3, 4)))
    with pytest.raises(TypeError, match="two values for 'value'"):
        MultiHeadAttention(2, 3)(np.ones((1, 3, 4)), np.ones((1, 3, 4)), value=np.ones((1, 3, 4)))
    with pytest.raises(ValueError, match="must be divisible"):
        GroupQueryAttention(3, 4, 3)
    with pytest.raises(ValueError, match="num_heads must be a positive integer"):
        MultiHeadAttention(0, 3)
    assert heads(np.ones((2, 1, 1)), np.ones((2, 1, 1)), np.ones((2, 1, 1)), np.zeros((2, 2), bool)).sum() == 0


# Numbers, words, texts

def test_normalization_adapts():
    data = normal(50, 3) * [1, 2, 3] + [4, 5, 6]
    whole, parts = Normalization(dtype="float64"), Normalization(dtype="float64")
    whole.adapt(data)
    parts.adapt(batch for batch in (data[:7], data[7:30], data[30:]))
    for layer in (whole, parts, *copies(whole)[1:3]):
        close(layer(data), (data - data.mean(0)) / data.std(0))
    restored = Normalization.from_config(whole.get_config())
    restored(data)
    restored.set_weights(whole.get_weights())
    close(restored(data), whole(data).numpy())
    everything = Normalization(axis=None, dtype="float64")
    everything.adapt(data)
    close(everything(data), (data - data.mean()) / data.std())
    close(Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 1.0, 9.0], dtype="float64")(data),
          (data - [1, 2, 3]) / [2, 1, 3])
    with pytest.raises(ValueError, match="both `mean` and `variance` must be set"):
        Normalization(mean=1.0)
    with pytest.raises(ValueError, match="it cannot adapt"):
        Normalization(mean=1.0, variance=1.0).adapt(data)


def test_discretization():
    x = np.array([[-1.5, 1.0], [3.4, 0.5]])
    layer = Discretization([0.0, 1.0, 2.0])
    np.testing.assert_array_equal(layer(x).numpy(), [[0, 2], [3, 1]])
    np.testing.assert_array_equal(Discretization([0.0, 1.0, 2.0], output_mode="one_hot")(x).numpy(), np.eye(4)[
        [[0, 2], [3, 1]]])
    assert layer(Symbol((None, 2))).shape == (None, 2)
    adapted = Discretization(num_bins=4)
    with pytest.raises(ValueError, match="call adapt"):
        adapted(x)
    adapted.adapt(np.arange(100.0))
    for other in copies(adapted):
        np.testing.assert_array_equal(np.bincount(other(np.arange(100.0)).numpy()), [25] * 4)
    for wrong, text in (({}, "You need to set either"), ({"bin_boundaries": [1, 2], "num_bins": 3}, "cannot be set"),
                        ({"bin_boundaries": [2, 1]}, "rising numbers"),
                        ({"num_bins": 3, "output_mode": "two_hot"}, "Expected one of")):
        with pytest.raises(ValueError, match=text):
            Discretization(**wrong)


def test_category_encoding():
    x = [[3, 2, 0, 1], [1, 1, 2, 5]]
    hot = CategoryEncoding(6, output_mode="one_hot")
    np.testing.assert_array_equal(hot(x).numpy(), np.eye(6)[np.array(x)])
    np.testing.assert_array_equal(hot([[3], [1]]).numpy(), np.eye(6)[[3, 1]])
    np.testing.assert_array_equal(hot([3, 1]).numpy(), np.eye(6)[[3, 1]])
    weighted = CategoryEncoding(4, output_mode="count")([[0, 1, 1]], count_weights=[[0.5, 2.0, 3.0]])
    np.testing.assert_array_equal(weighted.numpy(), [[0.5, 5.0, 0.0, 0.0]])
    for bad in ([[0, 6]], [[-1, 0]]):
        with pytest.raises(ValueError, match=f"num_tokens=6, got {6 if bad[0][1] else -1}"):
            hot(bad)
    with pytest.raises(ValueError, match="`count_weights` is not used"):
        hot(x, count_weights=x)


def test_hashing():
    words = np.array([["a", "b"], ["c", "a"]])
    layer = Hashing(7)
    found = layer(words).numpy()
    assert found[0, 0] == found[1, 1] and found.min() >= 0 and found.max() < 7
    many = layer(np.array([f"w{i}" for i in range(7000)])).numpy()
    assert 850 < np.bincount(many, minlength=7).min() and (Hashing(7, salt=3)(words[0]).numpy() != -1).all()
    assert (Hashing(1000, salt=3)(many).numpy() != Hashing(1000)(many).numpy()).any()
    masked = Hashing(3, mask_value="a")(words).numpy()
    np.testing.assert_array_equal(masked == 0, words == "a")
    for other in copies(layer):
        np.testing.assert_array_equal(other(words).numpy(), found)
    assert layer(Symbol((None, 2), "int64")).shape == (None, 2)


def test_string_lookup():
    layer = StringLookup(vocabulary=["a", "b", "c"], mask_token="")
    np.testing.assert_array_equal(layer([["c", "", "x"]]).numpy(), [[4, 0, 1]])
    assert layer.get_vocabulary() == ["", "[UNK]", "a", "b", "c"] and layer.vocabulary_size() == 5
    back = StringLookup(vocabulary=layer.get_vocabulary(), mask_token="", invert=True)
    np.testing.assert_array_equal(back([[4, 1, 99]]), [["c", "[UNK]", "[UNK]"]])
    adapted = StringLookup(max_tokens=3)
    adapted.adapt([["b", "a"], ["b", "c"]])
    assert adapted.get_vocabulary() == ["[UNK]", "b", "c"]
    for other in copies(adapted):
        np.testing.assert_array_equal(other([["b"], ["c"], ["a"]]).numpy(), [[1], [2], [0]])
    counts = StringLookup(vocabulary=["a", "b"], output_mode="count", max_tokens=5, pad_to_max_tokens=True)
    np.testing.assert_array_equal(counts([["a", "a", "x"]]).numpy(), [[1, 2, 0, 0, 0]])
    weighted = StringLookup(vocabulary=["a", "b"], idf_weights=[0.5, 2.0], output_mode="tf_idf")
    np.testing.assert_array_equal(weighted([["a", "a", "x"], ["b", "b", "b"]]).numpy(), [[1.25, 1, 0], [0, 0, 6]])
    several = StringLookup(vocabulary=["a"], num_oov_indices=3)
    found = several([f"w{i}" for i in range(60)]).numpy()
    assert set(found) == {0, 1, 2} and several(["a"]).numpy() == [3]


def test_vocabulary_of_a_file_is_kept_in_the_config(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("a\nb\n", encoding="utf-8")
    layer = StringLookup(vocabulary=str(path))
    path.unlink()
    assert layer.get_config()["vocabulary"] == ["a", "b"]
    np.testing.assert_array_equal(StringLookup.from_config(layer.get_config())(["b"]).numpy(), [2])


LOOKUP_ERRORS = [({"vocabulary": ["a", "a"]}, "repeated term is 'a'"), ({"max_tokens": 1}, "greater than 1"),
                 ({"vocabulary": ["a", "b"], "max_tokens": 2}, "larger than the maximum vocab size"),
                 ({"output_mode": "tf_idf", "vocabulary": ["a"]}, "`idf_weights` must be set"),
                 ({"idf_weights": [1.0], "vocabulary": ["a"]}, "`idf_weights` must be set"),
                 ({"output_mode": "tf_idf", "vocabulary": ["a"], "idf_weights": [1.0] * 4}, "as many as tokens"),
                 ({"invert": True, "output_mode": "count"}, "must be `'int'` when"),
                 ({"num_oov_indices": -1}, "greater than or equal to 0"), ({"pad_to_max_tokens": True}, "must set"),
                 ({"output_mode": "bits"}, "Expected one of"), ({"sparse": True}, "sparse outputs are not supported")]


@pytest.mark.parametrize("args, text", LOOKUP_ERRORS)
def test_lookup_errors(args, text):
    with pytest.raises(ValueError, match=text):
        StringLookup(**args)


def test_lookup_without_a_place_or_a_vocabulary():
    with pytest.raises(ValueError, match="found the unknown value 'x'"):
        StringLookup(vocabulary=["a"], num_oov_indices=0)(["x"])
    with pytest.raises(ValueError, match="has no vocabulary yet"):
        StringLookup()(["x"])


def test_integer_lookup():
    layer = IntegerLookup()
    layer.adapt([[12, 1138, 42], [42, 1000, 42]])
    assert layer.get_vocabulary() == [-1, 42, 1138, 1000, 12]
    for other in copies(layer):
        np.testing.assert_array_equal(other(np.array([[12, 7], [42, 1000]])).numpy(), [[4, 0], [1, 3]])
    model_input = Input((2,), dtype="int64")
    model = tahr.Model(model_input, Embedding(5, 3)(layer(model_input)))
    assert model.predict(np.array([[12, 7]])).shape == (1, 2, 3)
    back = IntegerLookup(vocabulary=[42, 12], invert=True)
    np.testing.assert_array_equal(back([[1, 2, 0]]).numpy(), [[42, 12, -1]])


def test_text_vectorization():
    texts = ["The cat sat.", "The DOG sat, sat!", ""]
    layer = TextVectorization()
    layer.adapt(texts)
    assert layer.get_vocabulary() == ["", "[UNK]", "sat", "the", "dog", "cat"]
    found = [[3, 5, 2, 0], [3, 4, 2, 2], [0, 0, 0, 0]]
    for other in copies(layer):
        np.testing.assert_array_equal(other(texts).numpy(), found)
        np.testing.assert_array_equal(other(np.array(texts)[:, None]).numpy(), found)
    short = TextVectorization(output_sequence_length=2, vocabulary=["sat", "the"])
    np.testing.assert_array_equal(short(texts).numpy(), [[3, 1], [3, 1], [0, 0]])
    assert short(Symbol((None, 1), "str")).shape == (None, 2)
    counts = TextVectorization(output_mode="count", vocabulary=["sat", "the"])
    np.testing.assert_array_equal(counts(texts).numpy(), [[1, 1, 1], [1, 2, 1], [0, 0, 0]])
    hot = TextVectorization(output_mode="multi_hot", vocabulary=["sat", "the"])
    np.testing.assert_array_equal(hot(texts).numpy(), [[1, 1, 1], [1, 1, 1], [0, 0, 0]])
    weighted = TextVectorization(output_mode="tf_idf")
    weighted.adapt(texts)
    idf = {t: np.log(1 + 3 / (1 + n)) for t, n in (("sat", 2), ("the", 2), ("dog", 1), ("cat", 1))}
    np.testing.assert_allclose(weighted(texts).numpy()[1], [0, 2 * idf["sat"], idf["the"], idf["dog"], 0], rtol=1e-6)
    for other in copies(weighted):
        np.testing.assert_array_equal(other(texts).numpy(), weighted(texts).numpy())


def test_text_vectorization_options():
    pairs = TextVectorization(ngrams=2)
    assert pairs.words("a b, c") == ["a", "b", "c", "a b", "b c"]
    assert TextVectorization(ngrams=(2,)).words("a b c") == ["a b", "b c"]
    assert TextVectorization(split="character", standardize="lower").words("Ab!") == ["a", "b", "!"]
    assert TextVectorization(split=None, standardize="strip_punctuation").words("A b!") == ["A b"]
    assert TextVectorization(split=lambda t: t.split("-"), standardize=None).words("A-b!") == ["A", "b!"]
    for wrong, text in (({"split": "lines"}, "split must be one of"), ({"standardize": "upper"}, "standardize must be"),
                        ({"output_mode": "one_hot"}, "'multi_hot', 'count'"), ({"ragged": True}, "not supported"),
                        ({"output_mode": "count", "output_sequence_length": 3}, "must not be set")):
        with pytest.raises(ValueError, match=text):
            TextVectorization(**wrong)
    with pytest.raises(ValueError, match=r"texts of shape \(batch,\) or \(batch, 1\)"):
        TextVectorization(vocabulary=["a"])([["a", "b"]])


# Images

IMAGES = normal(40, 5, 6, 2).astype("float32")


def test_random_flip_mirrors_about_half_of_the_images():
    for mode, kinds in (("horizontal", {(2,)}), ("vertical", {(1,)}),
                        ("horizontal_and_vertical", {(1,), (2,), (1, 2)})):
        out = RandomFlip(mode, seed=0)(IMAGES, training=True).numpy()
        seen = set()
        for image, found in zip(IMAGES, out):
            ways = [axes for axes in [(), (1,), (2,), (1, 2)]
                    if (np.flip(image, [a - 1 for a in axes]) == found).all()]
            assert len(ways) == 1
            seen.add(ways[0])
        assert seen == kinds | {()}


@pytest.mark.parametrize("make", [lambda **k: RandomRotation(0.2, seed=1, **k),
                                  lambda **k: RandomZoom(0.3, seed=1, **k),
                                  lambda **k: RandomTranslation(0.3, 0.2, seed=1, **k),
                                  lambda **k: RandomContrast(0.5, (-9, 9), seed=1, **k),
                                  lambda **k: RandomBrightness(0.2, (-9, 9), seed=1, **k),
                                  lambda **k: RandomCrop(3, 4, seed=1, **k),
                                  lambda **k: RandomFlip(seed=1, **k)])
def test_random_images(make):
    layer = make()
    out = layer(IMAGES, training=True)
    assert out.dtype == np.float32 and (layer(IMAGES, training=True).numpy() != out.numpy()).any()
    np.testing.assert_array_equal(make()(IMAGES, training=True).numpy(), out.numpy())
    again = type(layer).from_config(layer.get_config())(IMAGES, training=True)
    np.testing.assert_array_equal(again.numpy(), out.numpy())
    first = make(data_format="channels_first")(np.moveaxis(IMAGES, -1, 1), training=True).numpy()
    np.testing.assert_allclose(np.moveaxis(first, 1, -1), out.numpy(), rtol=1e-4, atol=1e-6)
    single = make()(IMAGES[0], training=True)
    np.testing.assert_allclose(single.numpy(), make()(IMAGES[:1], training=True).numpy()[0])
    assert layer(Symbol((None, None, None, 2)), training=True).ndim == 4
    x = Tensor(IMAGES, requires_grad=True)
    grad, = gradients(layer(x, training=True).sum(), [x])
    assert np.isfinite(grad.numpy()).all() and np.abs(grad.numpy()).max() > 0


FILLED = {"reflect": [2, 1, 1, 2, 3], "wrap": [2, 3, 1, 2, 3], "nearest": [1, 1, 1, 2, 3], "constant": [9, 9, 1, 2, 3]}


@pytest.mark.parametrize("mode", FILLED)
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_what_lies_beyond_the_border(mode, interpolation):
    line = np.array([1, 2, 3, 4, 5], np.float32) if mode != "wrap" else np.array([1, 2, 3, 2, 3], np.float32)
    layer = RandomTranslation(0.0, (0.4, 0.4), fill_mode=mode, fill_value=9.0, interpolation=interpolation)
    np.testing.assert_allclose(layer(line.reshape(1, 1, 5, 1), training=True).numpy().ravel(), FILLED[mode], rtol=1e-6)


def test_random_crops_are_parts_of_their_images():
    out = RandomCrop(3, 4, seed=1)(IMAGES, training=True).numpy()
    places = set()
    for image, found in zip(IMAGES, out):
        ways = [(i, j) for i in range(3) for j in range(3) if (image[i:i + 3, j:j + 4] == found).all()]
        assert len(ways) == 1
        places.update(ways)
    assert len(places) == 9
    assert RandomCrop(7, 7)(IMAGES, training=True).shape == (40, 7, 7, 2) == CenterCrop(7, 7)(IMAGES).shape


def test_resizing_keeps_the_ratio_if_asked():
    image = np.arange(32.0, dtype=np.float32).reshape(1, 4, 8, 1)
    cropped = Resizing(2, 2, crop_to_aspect_ratio=True)(image).numpy()
    np.testing.assert_allclose(cropped, Resizing(2, 2)(image[:, :, 2:6]).numpy())
    padded = Resizing(8, 8, pad_to_aspect_ratio=True, fill_value=-1.0)(image).numpy()
    np.testing.assert_array_equal(padded[0, 2:6], image[0])
    assert (padded[0, [0, 1, 6, 7]] == -1).all()
    small = Resizing(2, 4, antialias=True)(np.ones((1, 9, 9, 1))).numpy()
    np.testing.assert_allclose(small, 1.0, rtol=1e-6)
    assert Resizing(3, 3)(Symbol((None, None, 8, 1))).shape == (None, 3, 3, 1)
    assert Resizing(3, 3)(np.zeros((4, 5, 3), np.uint8)).dtype == np.float32


ARGUMENT_ERRORS = [
    (lambda: RepeatVector(0), "n must be a positive integer"), (lambda: Permute((0, 1)), "each of 1 to 2 once"),
    (lambda: GaussianNoise(-1.0), "stddev must not be negative"), (lambda: AlphaDropout(1.0), r"lie in \[0, 1\)"),
    (lambda: ReLU(max_value=-1.0), "max_value of ReLU layer cannot be negative value"),
    (lambda: ReLU(negative_slope=-1.0), "negative_slope of ReLU"), (lambda: ReLU(threshold=-1.0), "threshold of ReLU"),
    (lambda: ThresholdedReLU(-1.0), "Theta of a Thresholded ReLU layer"), (lambda: LeakyReLU(None), "must be a number"),
    (lambda: GroupNormalization(0), "groups must be a positive integer"),
    (lambda: GroupNormalization(8)(np.ones((2, 4))), r"Number of groups \(8\) cannot be more than"),
    (lambda: GroupNormalization(3)(np.ones((2, 4))), "must be a divisor of the number of channels"),
    (lambda: layers.LayerNormalization(epsilon=0), "epsilon must be positive"),
    (lambda: layers.LayerNormalization(axis=3)(np.ones((2, 4))), "axis 3 is out of range"),
    (lambda: EinsumDense("ab,bc", 3), "Invalid einsum equation"),
    (lambda: EinsumDense("ab,bc->ac", 3, bias_axes="b"), "was requested, but is not part of the output"),
    (lambda: EinsumDense("ab,bc->ac", (None,))(np.ones((2, 4))), "is known from neither"),
    (lambda: EinsumDense("ab,bc->ac", 3)(np.ones((2, 4, 5))), "needs an input of 2 dimensions"),
    (lambda: RandomFlip("sideways"), "mode of RandomFlip must be"),
    (lambda: RandomZoom(-2.0), "must be a number or a pair"),
    (lambda: RandomRotation(0.1, fill_mode="zero"), "fill_mode must be one of"),
    (lambda: RandomRotation((0.2, 0.1)), r"a pair \(lower, upper\)"), (lambda: RandomContrast(2.0), "factor of"),
    (lambda: RandomRotation(0.1, interpolation="cubic"), "interpolation must be"),
    (lambda: RandomBrightness(2.0), "from -1.0 to 1.0"), (lambda: Resizing(2, 0), "width must be a positive"),
    (lambda: Resizing(2, 2, "area"), "interpolation must be one of"),
    (lambda: Resizing(2, 2, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True), "Only one of"),
    (lambda: CenterCrop(2, 2)(np.ones((3, 3))), "needs images"),
]


@pytest.mark.parametrize("make, text", ARGUMENT_ERRORS)
def test_errors(make, text):
    with pytest.raises(ValueError, match=text):
        make()
