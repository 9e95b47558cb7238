"""What programs of Keras 2 rely on in layers, beside their values."""

import numpy as np
import pytest

import tahr
from tahr import compat
from tahr.layers import Dense, Embedding, Input, Layer
from tahr.models import testing


@pytest.fixture
def keras():
    compat.install_as_keras()
    import keras
    yield keras
    compat.uninstall()


# Embedding

def test_embedding_masks_zeros():
    layer = Embedding(5, 2, mask_zero=True)
    out = layer(np.array([[1, 0, 3], [0, 0, 4]]))
    np.testing.assert_array_equal(out.mask.numpy(), [[True, False, True], [False, False, True]])
    assert Embedding(5, 2)(np.array([[1, 0]])).mask is None
    assert layer.get_config()["mask_zero"] is True
    assert layer(Input((3,), dtype="int32")).mask.shape == (None, 3)


def test_masked_zeros_reach_the_layer_behind():
    rng = np.random.default_rng(0)
    model = tahr.Sequential([Embedding(6, 3, mask_zero=True, input_length=4), tahr.layers.LSTM(2)])
    short = rng.integers(1, 6, (5, 2))
    padded = np.pad(short, ((0, 0), (0, 2)))
    alone = tahr.layers.LSTM(2)
    alone.build((None, None, 3))
    alone.set_weights(model.layers[1].get_weights())
    table = model.layers[0].get_weights()[0]
    np.testing.assert_allclose(model.predict(padded), alone(table[short]).numpy(), rtol=1e-6)


def test_embedding_checks_the_input_length():
    layer = Embedding(5, 2, input_length=(None, 3))
    assert layer.compute_output_shape((7, 4, 3)) == (7, 4, 3, 2)
    for length, shape in ((2, (7, 3)), (2, (7, 2, 4)), ((None, 3), (7, 4, 5))):
        with pytest.raises(ValueError, match="expected"):
            Embedding(5, 2, input_length=length).compute_output_shape(shape)


def test_embedding_activity_regularizer():
    layer = Embedding(4, 2, activity_regularizer=tahr.regularizers.l2(0.5))
    out = layer(np.array([[1, 3]]))
    np.testing.assert_allclose(layer.losses[0].numpy(), 0.5 * np.sum(out.numpy() ** 2), rtol=1e-6)


# Symbols

def test_symbols_have_kerass_names():
    x = Input((3,))
    layer = Dense(2)
    layer(Input((3,)))
    y = layer(x)
    assert y._keras_shape == (None, 2)
    assert y._keras_history == (layer, 1, 0)
    assert hasattr(x, "_keras_history") and not hasattr(y + 1, "_keras_history")


# keras.utils.test_utils

def test_layer_test_by_kerass_name(keras):
    from keras.utils.test_utils import get_test_data, keras_test, layer_test
    assert layer_test is testing.layer_test and keras_test is testing.keras_test
    assert get_test_data is testing.get_test_data


def test_layer_test_finds_what_is_wrong():
    class Shrinks(Layer):
        def call(self, inputs):
            return inputs[:1]

        def compute_output_shape(self, input_shape):
            return input_shape

    class Forgets(Dense):
        def get_config(self):
            return {**super().get_config(), "activation": "tanh"}

    with pytest.raises(AssertionError, match=r"compute_output_shape\(\(2, 3\)\) says \(2, 3\), the output has shape"):
        testing.layer_test(Shrinks, input_shape=(2, 3))
    with pytest.raises(AssertionError, match="made from its config"):
        testing.layer_test(Forgets, {"units": 2}, input_shape=(4, 3))
    with pytest.raises(AssertionError, match="dtype is float32, expected int32"):
        testing.layer_test(Dense, {"units": 2}, input_shape=(4, 3), expected_output_dtype="int32")
    with pytest.raises(AssertionError, match="output of"):
        testing.layer_test(Dense, {"units": 2}, input_data=np.ones((1, 3), np.float32), expected_output=[[9.0, 9.0]])
    with pytest.raises(ValueError, match="input_shape or input_data"):
        testing.layer_test(Dense, {"units": 2})


def test_layer_test_fixes_sizes():
    assert testing.layer_test(tahr.layers.LSTM, {"units": 2, "stateful": True}, input_shape=(4, 3, 2),
                              fixed_batch_size=True).shape == (4, 2)
    assert testing.layer_test(Dense, {"units": 2}, input_shape=(4, None, 3)).shape[::2] == (4, 2)


def test_data_can_be_learnt_from():
    np.random.seed(0)
    (x, y), (x_test, y_test) = testing.get_test_data(400, 50, (3,), num_classes=4)
    assert {a.shape for a in (x_test, x_test)} == {(50, 3)} and y_test.shape == (50,)
    for label in range(4):
        np.testing.assert_allclose(x[y == label].mean(0), label, atol=0.3)
        np.testing.assert_allclose(x[y == label].std(0), 0.7, atol=0.2)
    (x, y), _ = testing.get_test_data(400, 50, (3,), (2, 2), classification=False)
    assert y.shape == (400, 2, 2) and y.dtype == np.float32
    assert np.corrcoef(x.mean(1), y.mean((1, 2)))[0, 1] > 0.2


# Losses, updates and the learning phase, asked of layers and models

def penalized(units=2):
    return Dense(units, kernel_regularizer="l1", activity_regularizer="l2")


def test_losses_before_and_after_data():
    x = Input((3,))
    layer = penalized()
    model = tahr.Model(x, layer(x))
    assert [isinstance(loss, tahr.Symbol) for loss in model.losses] == [False, True]
    assert len(model.get_losses_for(None)) == len(model.get_losses_for(x)) == 1
    assert model.get_losses_for(Input((3,))) == []
    data = np.ones((4, 3), np.float32)
    out = model(data).numpy()
    kernel = layer.get_weights()[0]
    np.testing.assert_allclose([float(v) for v in model.losses], [0.01 * abs(kernel).sum(), 0.01 * (out ** 2).sum()],
                               rtol=1e-6)
    assert len(layer.get_losses_for(tahr.Tensor(data))) == 1


def test_losses_of_each_call_of_a_shared_layer():
    layer = penalized()
    a = Input((3,))
    inner = tahr.Model(a, layer(a))
    x, y = Input((3,)), Input((3,))
    model = tahr.Model([x, y], tahr.layers.add([inner(x), inner(y)]))
    assert len(model.losses) == 3 and len(inner.losses) == 2        # the kernel's, and one for each call
    assert len(model.get_losses_for(x)) == 1 and len(model.get_losses_for([x, y])) == 2


def test_numbers_and_symbols_added_outside_of_calls():
    x = Input((2,))
    layer = Dense(1)
    model = tahr.Model(x, layer(x))
    model.add_loss(3)
    layer.add_loss(1, inputs=x)
    assert model.get_losses_for(None) == [3] and layer.get_losses_for(x) == [1]
    model.compile("sgd", "mse")
    data = np.zeros((2, 2))
    for _ in range(2):      # they stay
        np.testing.assert_allclose(model.evaluate(data, np.zeros((2, 1)), verbose=0), 4.0, rtol=1e-6)


def test_activity_penalties_alone_can_be_trained_on():
    x = Input((2,))
    inner = tahr.Model(x, Dense(2, kernel_initializer="ones", use_bias=False, activity_regularizer=tahr.ops.sum)(x))
    y = Input((2,))
    model = tahr.Model(y, inner(y))
    model.compile("sgd", loss=None)
    np.testing.assert_allclose(model.evaluate(np.ones((1, 2)), verbose=0), 4.0)


def test_updates_are_the_moving_averages():
    x = Input((3,))
    layer = tahr.layers.BatchNormalization()
    model = tahr.Model(x, layer(x))
    assert [w is v for w, v in zip(model.updates, (layer.moving_mean, layer.moving_variance))] == [True, True]
    assert len(model.get_updates_for(x)) == 2 and model.get_updates_for(None) == []
    model.trainable = False
    assert model.updates == []
    told = tahr.layers.BatchNormalization()
    told(x, training=False)
    assert told.updates == []
    layer.add_update("mine")
    layer.trainable = True
    assert layer.get_updates_for(None) == ["mine"] and len(layer.updates) == 3
    layer.updates = []
    assert layer.get_updates_for(None) == []


def test_updates_may_be_given_to_a_function():
    x = Input((3,))
    layer = tahr.layers.BatchNormalization(momentum=0.5)
    model = tahr.Model(x, layer(x))
    step = tahr.backend.function([x, tahr.backend.learning_phase()], [model.output], updates=model.updates)
    data = np.random.default_rng(0).normal(4, 1, (8, 3)).astype(np.float32)
    step([data, 0])
    np.testing.assert_array_equal(layer.moving_mean.numpy(), 0)
    step([data, 1])
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.5 * data.mean(0), rtol=1e-5)


@pytest.mark.parametrize("layer, uses", [
    (lambda: Dense(2), False), (lambda: tahr.layers.Dropout(0.5), True), (lambda: tahr.layers.Dropout(0.0), False),
    (lambda: tahr.layers.LSTM(2), False), (lambda: tahr.layers.LSTM(2, dropout=0.1), True),
    (lambda: tahr.layers.TimeDistributed(Dense(2)), False),
    (lambda: tahr.layers.TimeDistributed(tahr.layers.Dropout(0.5)), True),
    (lambda: tahr.layers.BatchNormalization(), True)])
def test_uses_learning_phase(layer, uses):
    x = Input((4, 3))
    made = layer()
    model = tahr.Model(x, made(x))
    assert model.uses_learning_phase is uses
    assert tahr.Sequential([model]).uses_learning_phase is uses


def test_a_model_that_was_told_does_not_use_the_learning_phase():
    x = Input((3,))
    model = tahr.Model(x, tahr.layers.Dropout(0.5)(x, training=True))
    assert not model.uses_learning_phase
    assert not tahr.Model.from_config(model.get_config()).uses_learning_phase
