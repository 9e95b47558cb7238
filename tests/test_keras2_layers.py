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
