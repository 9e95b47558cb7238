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


# Weights that layers make themselves

def test_variables_in_attributes_are_weights():
    class Scaled(Layer):
        def __init__(self):
            super().__init__()
            self.inner = Dense(2)
            self.scale = tahr.backend.variable(3.0)

        def build(self, input_shape):
            self.shift = tahr.Variable(np.ones(2))
            self.steps = self.add_weight("steps", initializer="zeros", trainable=False)

        def call(self, inputs):
            return self.inner(inputs) * self.scale + self.shift

    layer = Scaled()
    model = tahr.Sequential([layer])
    model.compile("sgd", "mse")
    model.train_on_batch(np.ones((4, 3)), np.zeros((4, 2)))
    assert len(layer.weights) == 5 and len(layer.trainable_weights) == 4 and len(layer.non_trainable_weights) == 1
    assert float(layer.scale) != 3.0 and (layer.shift.numpy() != 1).all()


def test_keras1_lists_of_trainable_weights():
    class Old(Layer):
        def build(self, input_shape):
            self.W, self.b = tahr.backend.zeros((input_shape[-1], 2)), tahr.backend.zeros((2,))
            self.trainable_weights = [self.W]
            self.non_trainable_weights = [self.b]

        def call(self, x):
            return tahr.backend.dot(x, self.W) + self.b

    layer = Old()
    assert layer(np.ones((3, 4), np.float32)).shape == (3, 2)
    assert [w.shape for w in layer.trainable_weights] == [(4, 2)] and [w.shape for w in layer.weights] == [(4, 2), (2,)]


def test_a_layer_as_an_activation_warns():
    with pytest.warns(UserWarning, match="add it to the model as a layer of its own"):
        Dense(2, activation=tahr.layers.LeakyReLU())


# Configs

def test_functions_are_found_again_within_the_process():
    import copy
    import json
    layer = tahr.layers.Lambda(lambda x: x * 3)
    model = tahr.Sequential([Dense(2, input_shape=(2,), activation=lambda x: x + 1), layer])
    config = model.get_config()
    for again in (config, copy.deepcopy(config)):
        other = tahr.Sequential.from_config(again)
        other.set_weights(model.get_weights())
        x = np.ones((3, 2), np.float32)
        np.testing.assert_array_equal(other.predict(x), model.predict(x))
    with pytest.raises(ValueError, match="unknown activation '<lambda>'"):
        tahr.Sequential.from_config(json.loads(json.dumps(config)))


def test_layers_by_config():
    class Doubles(Layer):
        def call(self, x):
            return 2 * x

    layer = tahr.layers.Bidirectional(tahr.layers.GRU(3, reset_after=True), name="both")
    read = tahr.layers.deserialize(tahr.layers.serialize(layer))
    assert read.get_config() == layer.get_config() and read.name == "both"
    config = {"class_name": "Mine", "config": {"name": "d"}}
    assert type(tahr.layers.deserialize(config, {"Mine": Doubles})) is Doubles
    with pytest.raises(ValueError, match="unknown layer 'Mine'"):
        tahr.layers.deserialize(config)
    with pytest.raises(TypeError, match="serialize takes a layer, got int"):
        tahr.layers.serialize(3)


def test_a_sequential_that_data_built_is_built_again():
    model = tahr.Sequential([tahr.Sequential([Dense(3)]), Dense(5)])
    assert "build_input_shape" not in model.get_config()
    model(np.ones((2, 4), np.float32))
    read = tahr.Sequential.from_config(model.get_config())
    assert read.built and [w.shape for w in read.weights] == [w.shape for w in model.weights]
    read.build()        # it is already
    assert len(read.weights) == 4
    with pytest.raises(ValueError, match="cannot be built without the shape of its input"):
        tahr.Sequential([Dense(1)]).build()
    assert "build_input_shape" not in tahr.Sequential([Dense(3, input_dim=2)]).get_config()


# Recurrent layers

@pytest.mark.parametrize("reverse", [False, True])
def test_order_of_states_of_stacked_cells(reverse):
    cells = [tahr.layers.LSTMCell(3), tahr.layers.GRUCell(6)]
    layer = tahr.layers.RNN(tahr.layers.StackedRNNCells(cells, reverse_state_order=reverse), return_state=True)
    x = np.random.default_rng(0).normal(size=(2, 5, 4)).astype(np.float32)
    out, *states = layer(x)
    assert [s.shape[1] for s in states] == ([6, 3, 3] if reverse else [3, 3, 6])
    assert [shape[1] for shape in layer.compute_output_shape((None, 5, 4))] == [6, *(s.shape[1] for s in states)]
    np.testing.assert_array_equal(out.numpy(), states[0 if reverse else 2].numpy())
    half, *between = layer(x[:, :2])
    np.testing.assert_allclose(layer(x[:, 2:], initial_state=between)[0].numpy(), out.numpy(), rtol=1e-5)


def test_constants_are_counted_in_the_config():
    class Cell(Layer):
        state_size = 2

        def build(self, input_shape):
            (_, features), (_, constants) = input_shape
            self.kernel = self.add_weight("kernel", (features, 2))
            self.of_constant = self.add_weight("of_constant", (constants, 2))

        def call(self, inputs, states, constants):
            out = states[0] + inputs @ self.kernel + constants[0] @ self.of_constant
            return out, [out]

    for wrap in (lambda layer: layer, tahr.layers.Bidirectional):
        x, c = Input((None, 5)), Input((3,))
        layer = wrap(tahr.layers.RNN(Cell()))
        model = tahr.Model([x, c], layer(x, constants=c))
        assert layer.get_config()["num_constants"] == 1
        again = type(layer).from_config(layer.get_config())
        read = tahr.Model([x, c], again([x, c]))
        read.set_weights(model.get_weights())
        data = [np.ones((2, 4, 5), np.float32), np.ones((2, 3), np.float32)]
        np.testing.assert_allclose(read.predict(data), model.predict(data), rtol=1e-6)


def test_initial_states_of_symbols_belong_to_the_graph():
    x = Input((4, 3))
    layer = tahr.layers.LSTM(2)
    layer.build((None, 4, 3))
    states = layer.get_initial_state(x)
    model = tahr.Model(x, layer(x, initial_state=[states[0] + 1, states[1]]))
    data = np.full((5, 4, 3), np.nan, np.float32)
    data[:] = np.random.default_rng(0).normal(size=data.shape)
    expected = layer(data, initial_state=[np.ones((5, 2), np.float32), np.zeros((5, 2), np.float32)])
    np.testing.assert_allclose(model.predict(data), expected.numpy(), rtol=1e-5)


def test_the_identity_is_repeated_for_gates():
    kernel = tahr.initializers.Identity(2.0)((3, 12)).numpy()
    np.testing.assert_array_equal(kernel, np.concatenate([2 * np.eye(3)] * 4, 1))
    np.testing.assert_array_equal(tahr.initializers.Identity()((4, 2)).numpy(), np.concatenate([np.eye(2)] * 2))
    np.testing.assert_array_equal(tahr.initializers.Identity()((2, 3)).numpy(), np.eye(2, 3))
    layer = tahr.layers.GRU(2, recurrent_initializer="identity")
    layer.build((None, None, 3))
    np.testing.assert_array_equal(layer.get_weights()[1], np.tile(np.eye(2), (1, 3)))


# TimeDistributed

def test_time_distributed_stateful_goes_on_from_step_to_step():
    inner = tahr.layers.GRU(2, stateful=True)
    model = tahr.Sequential([tahr.layers.TimeDistributed(inner, batch_input_shape=(2, 3, 4, 5))])
    assert model.stateful and model.output_shape == (2, 3, 2)
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    out = model.predict(x, batch_size=2)
    alone = tahr.layers.GRU(2, return_sequences=True)
    alone.build((None, None, 5))
    alone.set_weights(inner.get_weights())
    np.testing.assert_allclose(out, alone(x.reshape(2, 12, 5)).numpy()[:, 3::4], rtol=1e-5, atol=1e-6)
    assert abs(model.predict(x, batch_size=2) - out).max() > 1e-4        # it goes on with the next batch, too
    model.reset_states()
    np.testing.assert_allclose(model.predict(x, batch_size=2), out, rtol=1e-5, atol=1e-6)


def test_time_distributed_hands_on_the_masks_of_steps():
    table, inner = Embedding(7, 3, mask_zero=True), tahr.layers.LSTM(2)
    model = tahr.Sequential([tahr.layers.TimeDistributed(table, input_shape=(None, None)),
                             tahr.layers.TimeDistributed(inner)])
    words = np.random.default_rng(0).integers(1, 7, (4, 3, 5))
    words[0, 1, 2:] = words[2, 0, 1:] = words[3, 2] = 0
    expected = [[inner(table(words[i, t][None])).numpy()[0] for t in range(3)] for i in range(4)]
    np.testing.assert_allclose(model.predict(words), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(model(words).mask.numpy(), words.any(-1))


# Masks asked for

def test_merges_check_the_masks_they_are_asked_about():
    x, y = Input((4,)), Input((4,))
    for layer in (tahr.layers.Add(), tahr.layers.Concatenate()):
        assert layer.compute_mask([x, y], [None, None]) is None
        for inputs, masks in (([x, y], np.ones(4)), (x, [None, None])):
            with pytest.raises(ValueError, match="should be a list, got"):
                layer.compute_mask(inputs, masks)
        with pytest.raises(ValueError, match="got 1 masks for 2 inputs"):
            layer.compute_mask([x, y], [None])


def test_masks_of_a_model():
    x = Input((3, 2))
    masked = tahr.layers.Masking()(x)
    model = tahr.Model(x, [masked, tahr.layers.Flatten()(x)])
    shown, none = model.compute_mask(x)
    assert tuple(shown.shape) == (None, 3) and none is None
    shown, _ = model.compute_mask(tahr.Tensor(np.eye(3)[None, :, :2]))
    np.testing.assert_array_equal(shown.numpy(), [[True, True, False]])
    plain = tahr.Model(x, Dense(2)(x))
    mask = tahr.Tensor(np.array([[True, False, True]]))
    data = tahr.ops.ones((1, 3, 2))
    assert plain.compute_mask(data, None) is None and data.mask is None
    np.testing.assert_array_equal(plain.compute_mask(data, mask).numpy(), mask.numpy())
    assert data.mask is None


def test_masks_of_symbols_can_be_computed():
    x = Input((3, 2))
    layer = tahr.layers.Masking()
    layer(x)
    f = tahr.backend.function([x], [layer.compute_mask(x)])
    np.testing.assert_array_equal(f([np.eye(3)[None, :, :2]])[0], [[True, True, False]])


# Models

def test_clone_model():
    x, y = Input((4,)), Input((4,))
    shared = Dense(3, activation=lambda t: t * t)
    model = tahr.Model([x, y], tahr.layers.add([shared(x), shared(y)]))
    clone = tahr.models.clone_model(model)
    assert [w.shape for w in clone.weights] == [(4, 3), (3,)]
    assert not {id(w) for w in clone.weights} & {id(w) for w in model.weights}
    clone.set_weights(model.get_weights())
    data = [np.ones((2, 4), np.float32), np.arange(8, dtype=np.float32).reshape(2, 4)]
    np.testing.assert_allclose(clone.predict(data), model.predict(data), rtol=1e-6)
    a, b = Input((4,), name="a"), Input((4,), name="b")
    on_others = tahr.models.clone_model(model, input_tensors=[a, b])
    assert on_others.input_names == ["a", "b"] and [type(la) for la in on_others.layers[2:]] == [
        type(la) for la in model.layers[2:]]
    on_others.set_weights(model.get_weights())
    np.testing.assert_allclose(on_others.predict(data), model.predict(data), rtol=1e-6)


def test_clone_sequential_and_what_cannot_be_cloned():
    model = tahr.Sequential([Dense(3, input_dim=2), tahr.layers.Lambda(lambda x: x + 1)])
    clone = tahr.models.clone_model(model)
    assert isinstance(clone, tahr.Sequential) and clone.layers[0] is not model.layers[0]
    on_other = tahr.models.clone_model(model, Input((2,), name="other"))
    assert on_other.input_names == ["other"] and len(on_other.layers) == 2

    class Own(tahr.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="cannot copy the subclassed model"):
        tahr.models.clone_model(Own())
    with pytest.raises(ValueError, match=r"has 1 input\(s\), got 2 input_tensors"):
        tahr.models.clone_model(model, [Input((2,)), Input((2,))])
    with pytest.raises(ValueError, match="takes a model, got Dense"):
        tahr.models.clone_model(Dense(1))


@pytest.mark.parametrize("phase", [0, 1])
def test_the_learning_phase_that_was_set_holds_for_all_steps(phase):
    layer = tahr.layers.BatchNormalization(momentum=0.5)
    model = tahr.Sequential([layer])
    model.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(3, 2, (8, 3)).astype(np.float32)
    first = model.predict(x)
    try:
        tahr.backend.set_learning_phase(phase)
        for _ in range(4):      # also the recorded steps
            out = model.predict(x)
        moved = layer.moving_mean.numpy().copy()
        model.fit(x, x, epochs=4, verbose=0)
        assert (moved != 0).all() == bool(phase) and (layer.moving_mean.numpy() != 0).all() == bool(phase)
    finally:
        tahr.backend.clear_session()
    if phase:
        np.testing.assert_allclose(out.mean(0), 0, atol=1e-5)
    else:
        np.testing.assert_array_equal(out, first)
    before = layer.moving_mean.numpy().copy()
    model.predict(x)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), before)
    model.fit(x, x, epochs=1, verbose=0)
    assert (layer.moving_mean.numpy() != before).all()


def test_inputs_of_unequal_length_are_refused():
    x, y = Input((2,)), Input((2,))
    model = tahr.Model([x, y], tahr.layers.add([x, y]))
    model.compile("sgd", "mse")
    good, bad = [np.ones((3, 2)), np.ones((3, 2))], [np.ones((3, 2)), np.ones((4, 2))]
    target = np.ones((3, 2))

    class Own(tahr.Model):
        def call(self, inputs):
            return inputs[0]

    own = Own()
    for call in (model.predict, model.predict_on_batch, own.predict, lambda d: model.fit(d, target, verbose=0),
                 lambda d: model.train_on_batch(d, target), lambda d: model.evaluate(d, target, verbose=0),
                 lambda d: model.predict((one for one in [(d,)]), steps=1)):
        for _ in range(3):
            call(good)
        with pytest.raises(ValueError, match=r"same number of samples. Got array shapes: \[\(3, 2\), \(4, 2\)\]"):
            call(bad)


def test_a_compiled_model_can_be_pickled():
    import pickle
    model = tahr.Sequential([Dense(3, input_dim=2, activation="selu"), Dense(1, activation="hard_sigmoid")])
    model.compile("rmsprop", "mse", metrics=["mae", "mae"])
    x, y = np.ones((4, 2), np.float32), np.zeros((4, 1), np.float32)
    model.train_on_batch(x, y)
    other = pickle.loads(pickle.dumps(model))
    for _ in range(3):
        np.testing.assert_allclose(other.train_on_batch(x, y), model.train_on_batch(x, y), rtol=1e-5)
    assert other.metrics_names == model.metrics_names == ["loss", "mae", "mae_1"]
    np.testing.assert_allclose(other.predict(x), model.predict(x), rtol=1e-6)


def test_every_function_of_ops_can_be_pickled():
    import pickle
    for name in tahr.ops.__all__:
        function = getattr(tahr.ops, name)
        assert pickle.loads(pickle.dumps(function)) is function, name


def test_axes_are_added_and_taken_away_where_sizes_are_open():
    x = Input((None, 1, 3))
    model = tahr.Model(x, [tahr.ops.expand_dims(x, (1, -1)), tahr.ops.squeeze(x, 2), tahr.ops.squeeze(x, -2)])
    assert model.output_shape == [(None, 1, None, 1, 3, 1), (None, None, 3), (None, None, 3)]
    data = np.random.default_rng(0).normal(size=(2, 4, 1, 3)).astype(np.float32)
    wide, *narrow = model.predict(data)
    np.testing.assert_array_equal(wide, data[:, None, ..., None])
    for out in narrow:
        np.testing.assert_array_equal(out, data[:, :, 0])
