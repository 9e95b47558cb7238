"""Functional models: graphs of layers, several inputs and outputs, masks, nodes, configs and copies."""

import copy
import json
import pickle
import re
import weakref

import numpy as np
import pytest

import tahr
from tahr import Model, Sequential
from tahr.layers import Dense, Embedding, Input, Layer, Masking, OpLayer
from tahr.utils.names import reset_uids

RNG = np.random.default_rng(0)
A, B = RNG.random((20, 5)), RNG.random((20, 3))
Y, Z = (RNG.random((20, 1)) > 0.5) * 1.0, RNG.random((20, 2))


class Join(Layer):
    """Inputs side by side."""

    def call(self, inputs):
        return tahr.ops.concatenate(inputs, -1)


def two_ends():
    a, b = Input((5,), name="a"), Input((3,), name="b")
    hidden = Dense(4, activation="relu")(a)
    main = Dense(1, activation="sigmoid", name="main")(Join()([hidden, b]))
    return Model(inputs=[a, b], outputs=[main, Dense(2, name="aux")(hidden)])


def compiled(**options):
    model = two_ends()
    options = {"loss": {"main": "binary_crossentropy", "aux": "mse"}, "metrics": {"main": "accuracy"}, **options}
    model.compile("sgd", **options)
    return model


# The graph

def test_layers_are_in_keras_order_and_outputs_have_names():
    reset_uids()
    model = two_ends()
    assert [layer.name for layer in model.layers] == ["a", "dense_1", "b", "join_1", "main", "aux"]
    assert (model.input_names, model.output_names) == (["a", "b"], ["main", "aux"])
    assert (model.input_shape, model.output_shape) == ([(None, 5), (None, 3)], [(None, 1), (None, 2)])
    assert model.count_params() == 5 * 4 + 4 + 7 + 1 + 4 * 2 + 2


def test_a_graph_computes_what_its_layers_do():
    model = two_ends()
    main, aux = model.predict([A, B])
    hidden, join, out, second = (model.get_layer(index=i) for i in (1, 3, 4, 5))
    h = hidden(A)
    np.testing.assert_allclose(main, out(join([h, tahr.Tensor(B)])).data, rtol=1e-6)
    np.testing.assert_allclose(aux, second(h).data, rtol=1e-6)
    by_name = model.predict({"b": B, "a": A})
    assert np.array_equal(by_name[0], main) and np.array_equal(by_name[1], aux)


def test_shared_layers_have_one_set_of_weights_and_gradients_of_all_uses():
    shared = Dense(2, use_bias=False)
    p, q = Input((5,)), Input((5,))
    model = Model([p, q], shared(p) - 3 * shared(q))
    assert len(model.weights) == 1
    w = shared.get_weights()[0]
    np.testing.assert_allclose(model.predict([A, A[::-1].copy()]), A @ w - 3 * (A[::-1] @ w), atol=1e-5)
    model.compile(tahr.optimizers.SGD(1.0), lambda y, pred: pred)
    model.train_on_batch([A, A[::-1].copy()], np.zeros((20, 2)))
    expected = w - ((A.sum(0) - 3 * A.sum(0))[:, None] / 40)
    np.testing.assert_allclose(shared.get_weights()[0], expected, atol=1e-5)


def test_ops_on_symbols_become_layers():
    x = Input((5,))
    model = Model(x, tahr.ops.tanh(2 * x + 1))
    assert [type(layer) for layer in model.layers[1:]] == [OpLayer] * 3
    np.testing.assert_allclose(model.predict(A), np.tanh(2 * A + 1), rtol=1e-5)
    again = Model.from_config(json.loads(json.dumps(model.get_config())))
    np.testing.assert_array_equal(again.predict(A), model.predict(A))


def test_models_are_layers_and_parts_of_graphs_are_models():
    inner = Sequential([Dense(4, input_shape=(5,), activation="tanh"), Dense(2)])
    x = Input((5,))
    outer = Model(x, inner(x))
    np.testing.assert_allclose(outer.predict(A), inner.predict(A), rtol=1e-6)
    features = Model(inner.input, inner.layers[0].output)
    np.testing.assert_allclose(features.predict(A), inner.layers[0](A).data, rtol=1e-6)
    assert outer.layers[1] is inner and outer.output_shape == (None, 2)
    middle = two_ends()
    cut = Model(middle.inputs, middle.get_layer("main").input)
    assert cut.predict([A, B]).shape == (20, 7)


def test_a_model_of_dicts():
    inputs = {"left": Input((5,)), "right": Input((3,))}
    model = Model(inputs, {"sum": Dense(1, name="one")(inputs["left"]), "two": Dense(2, name="other")(inputs["right"])})
    found = model.predict({"left": A, "right": B})
    assert {k: v.shape for k, v in found.items()} == {"sum": (20, 1), "two": (20, 2)}
    model.compile("sgd", {"sum": "mse", "two": "mae"})
    assert model.metrics_names == ["loss", "sum_loss", "two_loss"]
    model.fit({"left": A, "right": B}, {"sum": Y, "two": Z}, verbose=0)


@pytest.mark.parametrize("build, text", [
    (lambda x, y: Model(x, tahr.zeros(3)), "must be symbolic"),
    (lambda x, y: Model(tahr.zeros(3), x), "must be symbolic"),
    (lambda x, y: Model(x, tahr.tensor.Symbol((None, 3))), "must be the output of a Keras `Layer`"),
    (lambda x, y: Model(x, Join()([x, y])), "Graph disconnected: cannot obtain value for tensor"),
    (lambda x, y: Model([x, x], Dense(1)(x)), "inputs passed to the model is redundant"),
    (lambda x, y: Model(x, Dense(1, name="d")(Dense(1, name="d")(x))), 'The name "d" is used 2 times in the model'),
])
def test_graphs_that_cannot_be(build, text):
    with pytest.raises(ValueError, match=text):
        build(Input((3,)), Input((2,)))


def test_a_model_needs_both_ends():
    with pytest.raises(TypeError, match="both inputs and outputs"):
        Model(Input((3,)))


def test_a_deep_graph_needs_no_recursion():
    x = out = Input((2,))
    for _ in range(1500):
        out = out + 1.0
    np.testing.assert_allclose(Model(x, out).predict(np.zeros((1, 2))), 1500.0)


# Nodes

def test_each_call_is_a_node():
    a, b = Input((280, 256)), Input((280, 256))
    layer = Dense(32)
    with pytest.raises(AttributeError, match="Layer dense_.* has no inbound nodes."):
        _ = layer.output
    with pytest.raises(RuntimeError, match="never been called"):
        layer.get_output_at(0)
    first = layer(a)
    assert layer.output is first and bool(layer.output == first) and layer.input is a
    second = layer(b)
    text = (f'Layer {layer.name} has multiple inbound nodes, hence the notion of "layer output" is ill-defined. '
            "Use `get_output_at(node_index)` instead.")
    with pytest.raises(AttributeError, match=f"^{re.escape(text)}$"):
        _ = layer.output
    assert layer.get_output_at(0) is first and layer.get_output_at(1) is second and layer.get_input_at(1) is b
    assert layer.output_shape == layer.get_output_shape_at(1) == (None, 280, 32)
    with pytest.raises(ValueError, match="Asked to get output at node 2, but the layer has only 2 inbound nodes."):
        layer.get_output_at(2)


def test_different_shapes_have_no_single_answer():
    layer = Dense(3)
    layer(Input((7, 5)))
    layer(Input((9, 5)))
    with pytest.raises(AttributeError, match="multiple inbound nodes, with different input shapes"):
        _ = layer.input_shape
    assert layer.get_input_shape_at(1) == (None, 9, 5)


def test_a_result_that_nobody_kept_comes_back():
    layer = Dense(3)
    x = Input((5,))
    layer(x)
    assert layer.output.shape == (None, 3)
    assert Model(x, layer.output).predict(A).shape == (20, 3)


def test_graphs_are_freed_without_the_garbage_collector(no_gc):
    model = two_ends()
    watched = [weakref.ref(layer) for layer in model.layers]
    del model
    assert [w() for w in watched] == [None] * len(watched)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_have_weights_of_their_own(duplicate):
    model = two_ends()
    other = duplicate(model)
    before = other.predict([A, B])[0]
    np.testing.assert_array_equal(before, model.predict([A, B])[0])
    model.set_weights([w + 1 for w in model.get_weights()])
    np.testing.assert_array_equal(other.predict([A, B])[0], before)


def test_config_round_trip():
    model = two_ends()
    config = json.loads(json.dumps(model.get_config()))
    again = Model.from_config(config)
    assert again.get_config() == model.get_config()
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict([A, B])[0], model.predict([A, B])[0])


# Training

def test_lists_and_dicts_train_alike():
    def run(x, y):
        tahr.utils.set_random_seed(0)
        return compiled(loss_weights={"main": 1.0, "aux": 0.2}).fit(x, y, epochs=2, verbose=0, validation_split=0.25)
    lists, dicts = run([A, B], [Y, Z]), run({"b": B, "a": A}, {"aux": Z, "main": Y})
    assert lists.history == dicts.history
    assert list(lists.history) == [p + k for p in ("", "val_")
                                   for k in ("loss", "main_loss", "aux_loss", "main_accuracy")]


def test_the_loss_is_the_weighted_sum():
    model = compiled(loss_weights=[0.5, 2.0])
    loss, main, aux, _ = model.evaluate([A, B], [Y, Z])
    p, q = model.predict([A, B])
    p = p.astype("float64")
    np.testing.assert_allclose(main, -np.mean(Y * np.log(p) + (1 - Y) * np.log(1 - p)), rtol=1e-5)
    np.testing.assert_allclose(aux, np.mean((q - Z) ** 2), rtol=1e-5)
    np.testing.assert_allclose(loss, 0.5 * main + 2 * aux, rtol=1e-6)


def test_an_output_without_a_loss_is_not_trained():
    model = two_ends()
    model.compile("sgd", {"main": "binary_crossentropy"})
    before = model.get_layer("aux").get_weights()
    model.fit([A, B], Y, verbose=0)
    for old, new in zip(before, model.get_layer("aux").get_weights()):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("options, error, text", [
    ({"loss": ["mse"]}, ValueError, "one entry per model outputs. The model has 2 outputs"),
    ({"loss": {"mian": "mse"}}, ValueError, 'Unknown entry in loss dictionary: "mian". Did you mean'),
    ({"loss_weights": [1.0]}, ValueError, "as loss_weights, it should have one entry per model output"),
    ({"loss_weights": 3.0}, TypeError, "Could not interpret loss_weights argument"),
    ({"metrics": {"foo": "mae"}}, ValueError, "Unknown entry in metrics dictionary"),
    ({"sample_weight_mode": "often"}, ValueError, "None or 'temporal'"),
    ({"target_tensors": [tahr.zeros(3)]}, ValueError, "as `target_tensors`, it should have one entry"),
    ({"lossweights": 1}, TypeError, "unknown argument 'lossweights'. Did you mean 'loss_weights'"),
])
def test_compile_refuses_what_does_not_fit(options, error, text):
    with pytest.raises(error, match=text):
        compiled(**options)


@pytest.mark.parametrize("x, y, text", [
    ([A], [Y, Z], r"Expected to see 2 array\(s\), but instead got the following list of 1 arrays"),
    ({"a": A}, [Y, Z], 'No data provided for "b". Need data for each key in'),
    ([A, B[:-1]], [Y, Z], "should have the same number of samples"),
    ([A, B], {"main": Y}, 'No data provided for "aux"'),
    ([A, B[:, :2]], [Y, Z], r"must have shape \(None, 3\), got an array of shape \(20, 2\)"),
    (A, [Y, Z], "a list of 2 arrays or a dict with the keys"),
])
def test_data_that_do_not_fit(x, y, text):
    with pytest.raises(ValueError, match=text):
        compiled().fit(x, y, verbose=0)


def test_class_weights_multiply_sample_weights():
    model = Sequential([Dense(1, input_dim=5, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    w = RNG.random(20)
    model.set_weights([x * 0 + 0.1 for x in model.get_weights()])
    whole = np.where(Y[:, 0] == 1, 3.0, 0.5) * w
    expected = model.test_on_batch(A, Y, whole)
    assert model.train_on_batch(A, Y, {0: 0.5, 1: 3.0}, w) == pytest.approx(expected, rel=1e-6)      # in either order
    with pytest.raises(ValueError, match=r"classes \{1\} exist in the data"):
        model.fit(A, Y, class_weight={0: 1.0}, verbose=0)
    with pytest.raises(TypeError, match="dict from class to weight"):
        model.fit(A, Y, class_weight=3, verbose=0)


def test_add_loss_of_a_symbol_of_the_graph():
    x = Input((5,))
    out = Dense(3)(x)
    model = Model(x, out)
    model.add_loss(tahr.ops.mean(out ** 2))
    model.compile("sgd")
    loss = np.mean(model.predict(A) ** 2)
    assert model.fit(A, verbose=0, batch_size=20).history["loss"] == pytest.approx([loss], rel=1e-5)


def test_layers_report_losses_and_metrics():
    class Report(Layer):
        def call(self, inputs):
            self.add_loss(0.1 * tahr.ops.sum(inputs))
            self.add_metric(tahr.ops.max(inputs), name="largest")
            return inputs
    model = Sequential([Report(input_shape=(5,))])
    model.compile("sgd", "mse")
    logs = model.test_on_batch(A, A, return_dict=True)
    assert logs["loss"] == pytest.approx(0.1 * A.sum(), rel=1e-5)
    assert logs["largest"] == pytest.approx(A.max(), rel=1e-5)
    assert model.evaluate(A, A, batch_size=10)[0] == pytest.approx(0.1 * A.sum() / 2, rel=1e-5)


# Streams

def test_generators_and_sequences_give_what_arrays_give():
    class Pairs:
        def __len__(self):
            return 4

        def __getitem__(self, i):
            rows = slice(5 * i, 5 * i + 5)
            return [A[rows], B[rows]], [Y[rows], Z[rows]]

    def forever():
        while True:
            yield from (Pairs()[i] for i in range(4))

    def run(*data, **options):
        tahr.utils.set_random_seed(0)
        model = compiled()
        history = model.fit(*data, epochs=3, verbose=0, shuffle=False, workers=0, **options)
        return history.history, model.get_weights()
    expected = run([A, B], [Y, Z], batch_size=5)
    for data, options in ((Pairs(), {}), (forever(), {"steps_per_epoch": 4})):
        history, weights = run(data, **options)
        assert history == expected[0]
        for found, wanted in zip(weights, expected[1]):
            np.testing.assert_array_equal(found, wanted)


def test_a_stream_that_gives_nothing_or_the_wrong_thing():
    with pytest.raises(ValueError, match="gave no batch"):
        compiled().fit(iter(()), steps_per_epoch=1, verbose=0, workers=0)
    with pytest.raises(ValueError, match=r"should be a tuple `\(x, y, sample_weight\)` or `\(x, y\)`"):
        compiled().fit(iter([[A, B]]), steps_per_epoch=1, verbose=0, workers=0)
    with pytest.raises(ValueError, match="y and sample_weight must not be given"):
        compiled().fit(iter(()), [Y, Z])
    with pytest.raises(ValueError, match="only valid for a generator based on the `keras.utils.Sequence`"):
        compiled().fit_generator(iter(()))


def test_batches_are_shuffled_whole():
    seen = []

    class Watch(Sequential):
        def train_step(self, data):
            seen.append(data[0].numpy()[:, 0].astype(int).tolist())
            return super().train_step(data)
    model = Watch([Dense(1, input_dim=1)])
    model.compile("sgd", "mse", run_eagerly=True)
    rows = np.arange(11.0)[:, None]
    model.fit(rows, rows, batch_size=3, shuffle="batch", verbose=0)
    assert seen[-1] == [9, 10] and sorted(seen[:3]) == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]


# Masks

def test_masks_go_through_graphs_and_weigh_losses():
    x = Input((4, 2))
    out = Masking()(x)
    assert out.mask.shape == (None, 4)

    class Seen(Layer):
        supports_masking = True

        def call(self, inputs, mask=None):
            self.seen = mask
            return inputs
    layer = Seen()
    data = RNG.random((3, 4, 2))
    data[1, 2:] = 0
    Model(x, layer(out)).predict(data)
    np.testing.assert_array_equal(layer.seen.data, [[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 1]])


def test_a_layer_that_knows_no_masks_says_so_once():
    with pytest.warns(UserWarning, match="layer 'plain_.*' .Plain. does not support masks"):
        model = Sequential([Masking(input_shape=(4, 2)), Plain()])
    model.predict(np.zeros((2, 4, 2)))


class Plain(Layer):
    def call(self, inputs):
        return inputs * 2


def test_embedding_takes_integers_by_the_graph():
    x = Input((3,), dtype="int32")
    model = Model(x, Embedding(10, 4)(x))
    assert model.predict(np.array([[1.0, 2.0, 9.0]])).shape == (1, 3, 4)


def test_masks_go_through_nested_models_and_layers_that_keep_time():
    inner = Sequential([Dense(3, input_shape=(4, 2)), tahr.layers.Activation("relu"), tahr.layers.Dropout(0.5)])
    x = Input((4, 2))
    out = inner(Masking()(x))
    assert out.mask is not None
    data = np.ones((2, 4, 2))
    data[1, 2:] = 0
    mean = Model(x, tahr.layers.GlobalAveragePooling1D()(out)).predict(data)
    np.testing.assert_allclose(mean[0], mean[1], rtol=1e-6)
