"""Every layer, loss, metric and optimizer: 20 steps op by op against 20 steps recorded, and the bits are the same."""

import numpy as np
import pytest

import tahr
from tahr import layers, losses, metrics, ops, optimizers
from tahr.compiler import CaptureWarning

from .side_by_side import Scale, alike, between, made, on_batches, same, state
from .test_layers import ROWS as LAYERS
from .test_losses import ELSEWHERE as LOSSES_ELSEWHERE
from .test_losses import ROWS as LOSSES
from .test_losses import data as loss_data
from .test_merge import CASES as MERGES
from .test_metrics import MEANS_ELSEWHERE, WHOLE
from .test_metrics import ROWS as MEANS
from .test_metrics import data as metric_data
from .test_optimizers import ROWS as OPTIMIZERS

STEPS = 20


def public(module, base):
    """The classes of a kind that users see."""
    return {c for c in vars(module).values() if isinstance(c, type) and issubclass(c, base)} - {base}


def normal(shape, i):
    return np.random.default_rng(i).standard_normal(shape).astype("float32")


def batches(shape, integers=None, steps=STEPS):
    """Batches of inputs of a shape (or of several) and of targets, all different."""
    def inputs(s, i):
        return np.random.default_rng(i).integers(0, integers, s) if integers else normal(s, i)
    several = isinstance(shape, list)
    rows = shape[0][0] if several else shape[0]
    return [([inputs(s, i + 100 * j) for j, s in enumerate(shape)] if several else inputs(shape, i),
             normal((rows, 2), i + 50)) for i in range(steps)]


# Layers

@pytest.mark.parametrize("row", [pytest.param(r, id=f"{r.cls.__name__}-{i}") for i, r in enumerate(LAYERS)])
def test_layer(row):
    make = between(lambda: row.cls(**row.args), row.shape, "int64" if row.integers else "float32")
    alike(make, on_batches(batches(row.shape, row.integers)))


@pytest.mark.parametrize("cls, args, shapes", [pytest.param(*c[:3], id=f"{c[0].__name__}-{i}")
                                               for i, c in enumerate(MERGES)])
def test_merge(cls, args, shapes):
    alike(between(lambda: cls(**args), list(shapes)), on_batches(batches(list(shapes))))


LINE, IMAGE = (3, 4, 5), (2, 6, 6, 3)
MORE = [        # what is drawn at random, kept between batches, wrapped, or takes several inputs
    (layers.Dropout, {"rate": 0.4}, (4, 6)), (layers.SpatialDropout1D, {"rate": 0.4}, LINE),
    (layers.SpatialDropout2D, {"rate": 0.4}, IMAGE), (layers.SpatialDropout3D, {"rate": 0.4}, (2, 3, 3, 3, 2)),
    (layers.GaussianNoise, {"stddev": 0.4}, (4, 6)), (layers.GaussianDropout, {"rate": 0.4}, (4, 6)),
    (layers.AlphaDropout, {"rate": 0.4}, (4, 6)), (layers.Dropout, {"rate": 0.4, "noise_shape": (None, 1)}, (4, 6)),
    (layers.RandomFlip, {}, IMAGE), (layers.RandomRotation, {"factor": 0.3}, IMAGE),
    (layers.RandomZoom, {"height_factor": 0.3}, IMAGE), (layers.RandomCrop, {"height": 3, "width": 3}, IMAGE),
    (layers.RandomTranslation, {"height_factor": 0.3, "width_factor": 0.3}, IMAGE),
    (layers.RandomContrast, {"factor": 0.3}, IMAGE),
    (layers.RandomBrightness, {"factor": 0.3, "value_range": (-1, 1)}, IMAGE),
    *[(cls, {"units": 3, "dropout": 0.3, "recurrent_dropout": 0.3}, LINE)
      for cls in (layers.SimpleRNN, layers.LSTM, layers.GRU)],
    *[(cls, {"units": 3, "stateful": True, "return_sequences": True}, LINE)
      for cls in (layers.SimpleRNN, layers.LSTM, layers.GRU)],
    (layers.ConvLSTM2D, {"filters": 2, "kernel_size": 2, "dropout": 0.3, "stateful": True}, (2, 3, 4, 4, 1)),
    (layers.MultiHeadAttention, {"num_heads": 2, "key_dim": 3, "dropout": 0.3}, LINE),
    (layers.TimeDistributed, {"layer": {"class_name": "Dense", "config": {"units": 3}}}, LINE),
    (layers.TimeDistributed, {"layer": {"class_name": "Dropout", "config": {"rate": 0.3}}}, LINE),
    (layers.SpectralNormalization, {"layer": {"class_name": "Dense", "config": {"units": 3}}}, (4, 6)),
    (layers.Attention, {"use_scale": True, "dropout": 0.2}, [LINE, LINE]), (layers.AdditiveAttention, {}, [LINE, LINE]),
    (layers.Discretization, {"bin_boundaries": [-1.0, 0.0, 0.5]}, (4, 6)),
    (layers.Dense, {"units": 3, "kernel_regularizer": "l2", "bias_constraint": "non_neg", "kernel_constraint":
                    "max_norm", "activity_regularizer": "l1"}, (4, 6)),
    (layers.BatchNormalization, {"momentum": 0.5, "renorm": False} if layers.BatchNormalization.accepts("renorm")
     else {"momentum": 0.5}, IMAGE),
]
NOT_RECORDED = {        # words are no tensors, and Python looks them up
    layers.StringLookup, layers.TextVectorization,
}
ABSTRACT = {layers.InputLayer, layers.Wrapper}


@pytest.mark.parametrize("cls, args, shape", [pytest.param(*c, id=f"{c[0].__name__}-{i}") for i, c in enumerate(MORE)])
def test_more_layers(cls, args, shape):
    make = between(lambda: cls(**args), shape, scaled=cls is not layers.Discretization)     # which has no gradient
    alike(make, on_batches(batches(shape)))


def test_every_layer_is_trained():
    known = public(layers, layers.Layer)
    cells = {c for c in known if c.__name__.endswith(("Cell", "Cells"))}      # layers over cells have rows
    tested = {r.cls for r in LAYERS} | {c[0] for c in (*MERGES, *MORE)} | {layers.IntegerLookup, layers.Hashing}
    assert known - cells - ABSTRACT - NOT_RECORDED == tested


@pytest.mark.parametrize("make", [
    lambda: layers.IntegerLookup(vocabulary=[0, 2], output_mode="multi_hot"),
    lambda: layers.IntegerLookup(vocabulary=[4, 2], mask_token=0, num_oov_indices=2),
    lambda: layers.Hashing(3, output_mode="multi_hot")], ids=["multi_hot", "int", "hashing"])
def test_looking_up(make):
    alike(between(make, (4, 6), "int64"), on_batches(batches((4, 6), 5)))


def test_words_are_looked_up_op_by_op():
    """A layer that numbers go into and words come out of, or that takes numbers for words, reads them."""
    make = between(lambda: layers.StringLookup(vocabulary=["0", "2"]), (4, 6), "int64")
    train = on_batches(batches((4, 6), 5, 6))
    plain = made(make, True)
    expected = train(plain)
    model = made(make, False)
    with pytest.warns(CaptureWarning, match="the value of a tensor was read"):
        same(train(model), expected)
    same(state(model), state(plain))


# Losses

def predicting(kind, shape):
    """The activation that brings what a layer gives to what a loss of that kind takes."""
    last = {"many": "sigmoid", "one": "softmax", "label": "softmax", "counts": "exponential"}
    return "linear" if kind.endswith("logits") else last.get(kind.split()[0], "linear")


def fit_to(targets, predictions, activation, **compiled):
    """``make`` and ``train`` of a model that has these as its targets and its outputs' shape."""
    shape = predictions.shape

    def make():
        inputs = layers.Input(batch_shape=(None, *shape[1:]))
        x = Scale()(layers.Dense(shape[-1])(inputs))
        return tahr.Model(inputs, layers.Activation(activation)(x)), {"optimizer": "adam", **compiled}
    dtype = {"f": "float32"}.get(targets.dtype.kind, targets.dtype)
    return make, on_batches([(normal(shape, i), np.roll(targets, i, 0).astype(dtype)) for i in range(STEPS)])


@pytest.mark.parametrize("as_function", [False, True], ids=["object", "function"])
@pytest.mark.parametrize("row", [pytest.param(r, id=f"{r.cls.__name__}-{i}") for i, r in enumerate(LOSSES)])
def test_loss(row, as_function):
    if as_function and row.args:
        return
    targets, predictions = loss_data(row.kind)
    loss = row.function if as_function else row.cls(**row.args)
    alike(*fit_to(targets, predictions, predicting(row.kind, None), loss=loss))


PLACES = {losses.Dice: "many", losses.Tversky: "many"}


@pytest.mark.parametrize("cls", sorted(PLACES, key=lambda c: c.__name__))
def test_loss_of_whole_batches(cls):
    targets, predictions = loss_data(PLACES[cls])
    alike(*fit_to(targets, predictions, "sigmoid", loss=cls()))


def test_circle():
    labels = np.array([0, 1, 2, 0, 1, 2, 0, 1])
    alike(*fit_to(labels, np.zeros((8, 4)), "linear", loss=losses.Circle()))


def test_ctc():
    labels = np.array([[1, 2, 0], [2, 1, 1], [1, 1, 0], [3, 2, 1]])
    alike(*fit_to(labels, np.zeros((4, 9, 5)), "softmax", loss=losses.CTC()))


def test_crossentropy():
    targets, predictions = loss_data("label")
    alike(*fit_to(targets, predictions, "softmax", loss="crossentropy"))


def test_every_loss_is_trained():
    assert {r.cls for r in LOSSES} | set(PLACES) | {losses.Circle, losses.CTC, losses.LossFunctionWrapper} == \
        public(losses, losses.Loss)
    assert set(LOSSES_ELSEWHERE.values()) == set(PLACES) | {losses.Circle, losses.CTC, losses.LossFunctionWrapper}


# Metrics

def of_classes(cls):
    """A metric that compares numbers of classes, for predictions that are any numbers."""
    class Rounded(cls):
        def update_state(self, y_true, y_pred, sample_weight=None):
            super().update_state(y_true, ops.clip(ops.round(ops.absolute(y_pred)), 0, 2), sample_weight)
    return Rounded


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("row", [pytest.param(r, id=f"{r.cls.__name__}-{i}") for i, r in enumerate([*MEANS, *WHOLE])])
def test_metric(row, weighted):
    targets, predictions = metric_data(row.kind)
    if row.kind == "classes":
        predictions, targets = predictions[:, None], targets[:, None]
    kind = {"labels": "label", "positions": "label", "classes": "label"}.get(row.kind, row.kind)
    loss = {"label": "scce", "one-hot": "cce"}.get(kind, "mse") if row.kind != "classes" else "mse"
    activation = "linear" if kind in ("reals", "classes") else "softmax" if kind in ("label", "one-hot") else "sigmoid"
    shape = predictions.shape

    def make():
        inputs = layers.Input(batch_shape=(None, *shape[1:]))
        x = layers.Activation(activation)(layers.Dense(shape[-1])(inputs))
        metric = (of_classes(row.cls) if row.kind == "classes" else row.cls)(**row.args)
        return tahr.Model(inputs, x), {"optimizer": "adam", "loss": loss,
                                       "weighted_metrics" if weighted else "metrics": [metric]}

    def train(model):
        out = []
        for i in range(STEPS):
            batch = normal(shape, i), np.roll(targets, i, 0).astype("float32" if loss == "mse" else targets.dtype)
            weights = (np.random.default_rng(i).integers(0, 5, len(batch[0])) / 4,) if weighted else ()
            out.append(model.train_on_batch(*batch, *weights))
        return [np.hstack(step) for step in out]
    alike(make, train)


def test_functions_as_metrics():
    targets, predictions = metric_data("one-hot")
    names = ["acc", "mse", "mae", "cosine_similarity", "top_k_categorical_accuracy", "categorical_crossentropy", "kld"]
    alike(*fit_to(targets, predictions, "softmax", loss="cce", metrics=names))


def test_every_metric_is_trained():
    assert {r.cls for r in (*MEANS, *WHOLE)} | set(MEANS_ELSEWHERE) == public(metrics, metrics.Metric)


# Optimizers

def deep(optimizer):
    def make():
        model = tahr.Sequential([layers.Dense(5, activation="tanh", input_dim=4), layers.Dense(3),
                                 layers.BatchNormalization(), layers.Dense(2)])
        return model, {"optimizer": optimizer(), "loss": "mse"}
    return make


@pytest.mark.parametrize("row", [pytest.param(r, id=f"{r.cls.__name__}-{i}") for i, r in enumerate(OPTIMIZERS)])
def test_optimizer(row):
    alike(deep(lambda: row.cls(**row.args)), on_batches(batches((6, 4))))


OPTIONS = [{"clipnorm": 0.1}, {"global_clipnorm": 0.1}, {"clipvalue": 0.05}, {"clipnorm": 0.5, "clipvalue": 0.05},
           {"weight_decay": 0.1}, {"use_ema": True, "ema_momentum": 0.9},
           {"use_ema": True, "ema_overwrite_frequency": 3}, {"gradient_accumulation_steps": 2},
           {"gradient_accumulation_steps": 3, "clipnorm": 0.1, "weight_decay": 0.01, "use_ema": True}]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(o))
@pytest.mark.parametrize("cls", sorted(public(optimizers, optimizers.Optimizer), key=lambda c: c.__name__))
def test_options_of_optimizers(cls, options):
    alike(deep(lambda: cls(learning_rate=0.02, **options)), on_batches(batches((6, 4), steps=2 * STEPS)))


def test_weights_that_do_not_decay():
    def optimizer():
        made = optimizers.SGD(0.1, weight_decay=0.1)
        made.exclude_from_weight_decay(var_names=["bias"])
        return made
    alike(deep(optimizer), on_batches(batches((6, 4))))


def test_every_optimizer_is_trained():
    assert {r.cls for r in OPTIMIZERS} == public(optimizers, optimizers.Optimizer)
