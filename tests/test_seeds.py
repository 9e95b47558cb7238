"""The example programs of Keras's guides, as they stand there, and the decisions that their contradictions asked for.

The programs are in tests/seeds: damaged lines are repaired, missing imports and data are added, nothing else. Long
trainings are cut short by :func:`run`, from outside.
"""

import pathlib
import re
import subprocess
import sys
import types
import warnings

import numpy as np
import pytest

import tahr
from tahr import compat, layers
from tahr.layers import Dense
from tahr.models import Model, Sequential
from tahr.utils import settings
from tahr.utils.names import reset_uids

SEEDS = pathlib.Path(__file__).parent / "seeds"


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs a program with keras standing for tahr; returns its names, and what it warned of as ``warned``.

    ``epochs``: the most that a training may take.
    """
    before = {name for name in sys.modules if name.split(".")[0] == "keras"}
    assert not before
    monkeypatch.chdir(tmp_path)
    compat.install_as_keras()

    def program(name, *arguments, epochs=None):
        if epochs:
            for method in ("fit", "fit_generator"):
                monkeypatch.setattr(Model, method, _shortened(getattr(Model, method), epochs))
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        [path] = SEEDS.glob(f"{name}*.py")
        names = {"__name__": "__main__", "__file__": str(path)}
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
        return types.SimpleNamespace(**{k: v for k, v in names.items() if k[:2] != "__"}, warned=warned)
    yield program
    compat.uninstall()


def _shortened(method, most):
    def fit(self, *args, **kwargs):
        for name in ("epochs", "nb_epoch"):
            if name in kwargs:
                kwargs[name] = min(kwargs[name], most)
        return method(self, *args, **kwargs)
    return fit


def softmax_rows(y):
    np.testing.assert_allclose(np.sum(y, -1), 1.0, rtol=1e-5)
    assert (y >= 0).all()


def test_every_program_is_run_here():
    own = pathlib.Path(__file__).read_text(encoding="utf-8")
    asked = re.findall(r'"(e\d\d\w*)"', own)
    for path in SEEDS.glob("*.py"):
        assert any(path.stem.startswith(name) for name in asked), path.name
    assert {p.stem[:3] for p in SEEDS.glob("*.py")} == {f"e{i:02d}" for i in range(1, 27)}


# The programs

def test_01_and_02_lists_and_add(run):
    by_list, by_add = run("e01").model, run("e02").model
    assert by_list.count_params() == by_add.count_params() == 25450
    softmax_rows(by_list.predict(np.random.random((5, 784))))
    strip = lambda config: [(c["class_name"], {k: v for k, v in c["config"].items() if k != "name"})
                            for c in config["layers"]]
    assert strip(by_list.get_config()) == strip(by_add.get_config())


@pytest.mark.parametrize("program, shape, params", [("e03", (None, 784), 784 * 32 + 32),
                                                    ("e04", (None, 10, 64), 4 * (64 * 32 + 32 * 32 + 32))])
def test_03_and_04_three_ways_to_say_the_input_shape(run, program, shape, params):
    names = run(program)
    models = [names.model_1, names.model_2, names.model_3]
    assert {m.input_shape for m in models} == {shape} and {m.output_shape for m in models} == {(None, 32)}
    assert {m.count_params() for m in models} == {params}
    for model in models[1:]:
        model.set_weights(models[0].get_weights())
    x = np.random.random((3, *shape[1:]))
    first, *others = [m.predict(x) for m in models]
    for other in others:
        np.testing.assert_array_equal(first, other)


def test_05_two_branches_merged(run):
    names = run("e05")
    model = names.final_model
    assert model.count_params() == 50890
    left, right = (branch.predict(x) for branch, x in ((names.left_branch, names.input_data_1),
                                                       (names.right_branch, names.input_data_2)))
    kernel, bias = model.layers[-1].get_weights()
    logits = np.concatenate([left, right], 1) @ kernel + bias
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(model.predict([names.input_data_1, names.input_data_2]), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("program", ["e06_merge_function_of_two_arguments", "e06_merge_function_of_a_list"])
def test_06_merge_by_a_function(run, program):
    names = run(program)
    a, b = np.random.random((2, 4, 784))
    np.testing.assert_allclose(names.final_model.predict([a, b]),
                               names.left_branch.predict(a) - names.right_branch.predict(b), rtol=1e-4, atol=1e-6)


def test_07_compile_and_metrics_of_all_kinds(run):
    names = run("e07")
    assert list(names.history_of_multi_class.history) == ["loss", "accuracy"]
    assert list(names.history_of_regression.history) == ["loss"]
    assert list(names.history_in_r.history) == ["loss", "binary_accuracy"]
    assert list(names.history_of_custom.history) == [
        p + k for p in ("", "val_") for k in ("loss", "accuracy", "mean_pred", "false_neg", "false_pos")]
    y, p = names.labels, names.custom.predict(names.data)
    result = names.custom.evaluate(names.data, y, verbose=0, return_dict=True)
    assert result["mean_pred"] == pytest.approx(p.mean(), rel=1e-5)
    assert result["false_neg"] == pytest.approx(np.mean((y == 1) & (p <= 0.5)), abs=1e-6)
    assert result["false_pos"] == pytest.approx(np.mean((y == 0) & (p > 0.5)), abs=1e-6)
    assert float(names.in_r.optimizer.lr) == 0.002


def test_08_binary_classifier(run):
    names = run("e08")
    assert list(names.history.history) == ["loss", "accuracy"] and names.history.epoch == list(range(10))
    assert names.history.history["acc"] == names.history.history["accuracy"]
    assert [w.category for w in names.warned] == [DeprecationWarning] and "nb_epoch" in str(names.warned[0].message)
    assert names.warned[0].filename.endswith("e08_binary_classifier.py")


def test_09_ten_classes_of_two_inputs(run):
    names = run("e09", epochs=3)
    assert names.labels.shape == (1000, 10)
    softmax_rows(names.model.predict([names.data_1, names.data_2]))
    with pytest.raises(ValueError, match="same number of samples"):
        names.model.evaluate([names.data_1, names.data_2[:9]], names.labels)


def test_10_ten_classes(run):
    names = run("e10")
    assert names.one_hot_labels.dtype == np.float32 and names.one_hot_labels.shape == (1000, 10)
    softmax_rows(names.model.predict(names.data))


def test_11_mlp_with_momentum(run):
    names = run("e11")
    loss, accuracy = names.score
    assert np.isfinite(loss) and 0 <= accuracy <= 1
    assert (float(names.sgd.lr), int(names.sgd.iterations)) == (pytest.approx(0.1), 20 * 13)
    fresh = Sequential([Dense(64, input_dim=20, kernel_initializer="uniform")]).get_weights()[0]
    assert 0.04 < np.abs(fresh).max() <= 0.05


def test_12_mlp_with_adadelta_learns(run):
    names = run("e12")
    losses = names.history.history["loss"]
    assert np.mean(losses[-5:]) < losses[0] and float(names.model.optimizer.lr) == 1.0


def test_13_mlp_for_two_classes(run):
    names = run("e13")
    assert len(names.score) == 2 and 0 <= names.score[1] <= 1
    p = names.model.predict_classes(names.x_test)
    assert set(np.unique(p)) <= {0, 1} and p.shape == (100, 1)


def test_14_vgg_in_both_layouts(run):
    first = run("e14_vgg_channels_first")
    shapes = [layer.output_shape for layer in first.model.layers]
    assert [s[2] for s in shapes if len(s) == 4] == [98, 98, 96, 96, 48, 48, 46, 46, 44, 44, 22, 22]
    assert shapes[0] == (None, 32, 98, 98) and (None, 30976) in shapes
    told = [w for w in first.warned if "channels_first" in str(w.message)]
    assert len(told) <= 1 and {w.category for w in first.warned} <= {DeprecationWarning, UserWarning}
    last = run("e14_vgg_channels_last")
    assert [layer.output_shape for layer in last.model.layers if "conv" in layer.name] == [
        (None, 98, 98, 32), (None, 96, 96, 32), (None, 46, 46, 64), (None, 44, 44, 64)]
    before = last.model.evaluate(last.x_train, last.y_train, verbose=0)
    last.model.fit(last.x_train, last.y_train, epochs=5, verbose=0)
    assert last.model.evaluate(last.x_train, last.y_train, verbose=0) < min(before, np.log(10))
    # The same network: with the same weights, images turned round give the same.
    weights = last.model.get_weights()
    dense = weights[8].reshape(22, 22, 64, 256).transpose(2, 0, 1, 3).reshape(30976, 256)
    first.model.set_weights([*weights[:8], dense, *weights[9:]])
    np.testing.assert_allclose(first.model.predict(last.x_test.transpose(0, 3, 1, 2)),
                               last.model.predict(last.x_test), rtol=1e-3, atol=1e-5)


def test_14_vgg_channels_first_learns(run):
    names = run("e14_vgg_channels_first")
    model = names.model
    model.optimizer.lr = 0.01
    before = model.evaluate(names.X_train, names.Y_train, verbose=0)
    model.fit(names.X_train, names.Y_train, epochs=4, verbose=0)
    assert model.evaluate(names.X_train, names.Y_train, verbose=0) < min(before, np.log(10))


def test_15_lstm_for_sequences_of_words(run):
    names = run("e15", epochs=2)
    lstm = names.model.layers[1]
    assert lstm.get_config()["recurrent_activation"] == "hard_sigmoid"
    assert lstm.get_config()["activation"] == "sigmoid" and len(names.score) == 2
    assert names.model.layers[0].input_shape == (None, 12)


def test_16_convolutions_over_time(run):
    names = run("e16", epochs=2)
    shapes = [layer.output_shape for layer in names.model.layers]
    assert shapes == [(None, 28, 64), (None, 26, 64), (None, 8, 64), (None, 6, 128), (None, 4, 128), (None, 128),
                      (None, 128), (None, 1)]
    assert len(names.score) == 2


def test_17_captions(run):
    branch = {}
    with warnings.catch_warnings(action="ignore"):
        exec((SEEDS / "e17_captions.py").read_text(encoding="utf-8").partition("# Let's load")[0], branch)
    trained = branch["image_model"]
    trained.save_weights("weight_file.h5")
    names = run("e17", epochs=1)
    assert names.model.output_shape == (None, 10000)
    assert names.image_model.output_shape == (None, 16, 128)
    softmax_rows(names.model.predict([names.images[:2], names.partial_captions[:2]]))
    assert any(not np.array_equal(a, b) for a, b in zip(trained.get_weights(), names.image_model.get_weights()))


def test_18_stacked_lstms(run):
    names = run("e18", epochs=2)
    assert [layer.output_shape for layer in names.model.layers] == [(None, 8, 32), (None, 8, 32), (None, 32),
                                                                   (None, 10)]
    assert list(names.history.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert names.model.layers[0].count_params() == 4 * (16 * 32 + 32 * 32 + 32)


def test_19_stateful_lstms_go_on_where_they_were(run):
    names = run("e19", epochs=2)
    model, x = names.model, names.x_val[:32]
    whole = Sequential([layers.LSTM(32, return_sequences=True, input_shape=(None, 16)),
                        layers.LSTM(32, return_sequences=True), layers.LSTM(32), Dense(10, activation="softmax")])
    whole.set_weights(model.get_weights())
    model.reset_states()
    model.predict(x[:, :8], batch_size=32)
    second = model.predict(names.x_val[32:64], batch_size=32)
    expected = whole.predict(np.concatenate([x, names.x_val[32:64]], 1))
    np.testing.assert_allclose(second, expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="can be divided by the batch size"):
        model.predict(names.x_val[:33], batch_size=32)


def test_20_two_encoders(run):
    names = run("e20", epochs=2)
    assert list(names.history.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    softmax_rows(names.decoder.predict([names.x_val_a, names.x_val_b]))


def digits(count, generator):
    """Images that show their class: a bright band at one of ten heights."""
    labels = generator.integers(0, 10, count)
    images = generator.integers(0, 90, (count, 28, 28), np.uint8)
    images[np.arange(count), 2 * labels + 4] = 250
    return images, labels.astype("uint8")


def test_21_mnist_mlp(run, monkeypatch, capsys):
    generator = np.random.default_rng(0)
    data = digits(60000, generator), digits(10000, generator)
    load_data = lambda: data
    load_data.__module__ = "tahr.datasets.mnist"        # keras.datasets.mnist shows what is tahr's
    monkeypatch.setattr("tahr.datasets.mnist.load_data", load_data)
    names = run("e21", epochs=1)
    assert names.model.count_params() == 784 * 512 + 512 + 512 * 512 + 512 + 5130
    assert names.score[1] > 0.97
    said = capsys.readouterr().out
    assert "60000 train samples" in said and f"Test accuracy: {names.score[1]}" in said


def real_mnist():
    """Whether the real data are in the cache: tests download nothing."""
    return (settings.home() / "datasets" / "mnist.npz").exists()


@pytest.mark.slow
@pytest.mark.skipif(not real_mnist(), reason="the MNIST data are not in the cache")
def test_21_mnist_mlp_on_the_real_data(run):
    assert run("e21", epochs=3).score[1] > 0.97


def test_22_functional_models_are_layers(run):
    names = run("e22")
    assert names.y.shape == (None, 10) and names.processed_sequences.shape == (None, 20, 10)
    video = Model(names.input_sequences, names.processed_sequences)
    frames = np.random.random((2, 20, 784))
    np.testing.assert_allclose(video.predict(frames)[:, 3], names.model.predict(frames[:, 3]), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(Model(names.x, names.y).predict(names.data), names.model.predict(names.data))


def test_23_headlines_by_lists_and_by_dicts(run):
    names = run("e23", epochs=3)
    assert list(names.by_lists.history) == ["loss", "main_output_loss", "aux_output_loss"]
    for key, values in names.by_lists.history.items():
        np.testing.assert_allclose(values, names.by_dicts.history[key], rtol=1e-4)
    for total, main, aux in zip(*names.by_lists.history.values()):
        assert total == pytest.approx(main + 0.2 * aux, rel=1e-4)
    for a, b in zip(names.pred, names.pred_of_dict):
        np.testing.assert_array_equal(a, b)
    assert np.isfinite(names.by_lists.history["loss"]).all()


def test_24_tweets_share_a_layer(run):
    names = run("e24", epochs=1)
    assert names.model.count_params() == 4 * (256 * 64 + 64 * 64 + 64) + 129
    assert len(names.model.trainable_weights) == 5 and len(names.shared_lstm.inbound_nodes) == 2


def test_25_nodes(run):
    reset_uids()
    assert run("e25").message == ('Layer lstm_2 has multiple inbound nodes, hence the notion of "layer output" is '
                                  "ill-defined. Use `get_output_at(node_index)` instead.")


def test_26_generator_over_a_file(run, tmp_path):
    file = tmp_path / "my_file.txt"
    file.write_text("".join(f"{i % 10} {i}\n" for i in range(30)))
    history = run("e26", file, epochs=1).history
    assert history.epoch == [0] and history.params["steps"] == 1000


WHOLE = [p for p in sorted(SEEDS.glob("*.py")) if p.stem[:3] not in ("e17", "e21")]     # which need files: above


@pytest.mark.slow
@pytest.mark.parametrize("path", WHOLE, ids=lambda p: p.stem)
def test_programs_as_they_stand(path, tmp_path):
    """To their last epoch, by ``python -m tahr run``."""
    (tmp_path / "my_file.txt").write_text("".join(f"{i % 10} {i}\n" for i in range(30)))
    command = [sys.executable, "-m", "tahr", "run", str(path), "my_file.txt"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


# The decisions

def compiled(**options):
    model = Sequential([Dense(1, input_dim=3)])
    model.compile("sgd", "mse", **options)
    return model


X, Y = np.random.default_rng(1).random((8, 3)), np.random.default_rng(2).random((8, 1))


def test_d1_layout_of_images(run):
    from tahr import backend as K  # noqa: N812 (as all programs have it)
    old = lambda shape, **k: Sequential([layers.Convolution2D(2, 3, 3, input_shape=shape, **k)]).output_shape
    assert old((9, 9, 3)) == (None, 7, 7, 2)
    with pytest.warns(DeprecationWarning, match="dim_ordering"):
        assert old((3, 9, 9), dim_ordering="th") == (None, 2, 7, 7)
    with pytest.warns(UserWarning, match="channels_first"):
        assert old((3, 9, 9)) == (None, 2, 7, 7)
    assert Sequential([layers.Conv2D(2, (3, 3), input_shape=(3, 9, 9))]).output_shape == (None, 1, 7, 2)
    K.set_image_dim_ordering("th")
    assert K.image_data_format() == "channels_first" and K.image_dim_ordering() == "th"
    assert Sequential([layers.Conv2D(2, (3, 3), input_shape=(3, 9, 9))]).output_shape == (None, 2, 7, 7)


def test_d2_merge_takes_functions_of_one_list_or_of_all_inputs():
    branches = lambda: [Sequential([Dense(2, input_dim=3)]) for _ in range(2)]
    for mode in (lambda x: x[0] + x[1], lambda x, y: x + y, lambda *x: x[0] + x[1]):
        assert Sequential([layers.Merge(branches(), mode=mode)]).output_shape == (None, 2)
    with pytest.raises(TypeError):
        Sequential([layers.Merge(branches(), mode=lambda x, y, z: x)])


def test_d3_one_epoch_is_the_default():
    assert compiled().fit(X, Y, verbose=0).epoch == [0]
    with pytest.warns(DeprecationWarning, match="nb_epoch"):
        assert compiled().fit(X, Y, nb_epoch=2, verbose=0).epoch == [0, 1]
    with pytest.raises(TypeError, match="nb_epoch"):
        compiled().fit(X, Y, nb_epoch=2, epochs=2)


def test_d4_names_count_from_1():
    from tahr import backend as K  # noqa: N812
    K.clear_session()
    assert [Dense(1).name, Dense(1).name, layers.MaxPooling2D().name] == ["dense_1", "dense_2", "max_pooling2d_1"]
    K.reset_uids()
    assert Dense(1).name == "dense_1"
    x = layers.Input((3,))
    with pytest.raises(ValueError, match='The name "a" is used 2 times'):
        Model(x, Dense(1, name="a")(Dense(3, name="a")(x)))


def test_d5_history_keeps_the_string_and_finds_the_other():
    model = Sequential([Dense(1, input_dim=3, activation="sigmoid")])
    for given, other in (("acc", "accuracy"), ("accuracy", "acc")):
        model.compile("sgd", "binary_crossentropy", metrics=[given])
        history = model.fit(X, Y.round(), verbose=0, validation_data=(X, Y.round())).history
        assert list(history) == ["loss", given, "val_loss", f"val_{given}"]
        assert history[other] == history[given] and history[f"val_{other}"] == history[f"val_{given}"]


def test_d6_weighted_losses_are_divided_by_the_number_of_samples():
    model, w = compiled(), np.array([0, 0, 0, 0, 1, 2, 3, 4.0])
    squares = (model.predict(X) - Y)[:, 0] ** 2
    assert model.test_on_batch(X, Y, sample_weight=w) == pytest.approx(np.sum(w * squares) / 8, rel=1e-5)


def test_d7_class_and_sample_weights_in_either_order():
    model, w, y = compiled(), np.arange(8.0), Y.round()
    weights = model.get_weights()
    losses = []
    for args in (({0: 2.0, 1: 3.0}, w), (w, {0: 2.0, 1: 3.0})):
        model.set_weights(weights)
        losses.append(model.train_on_batch(X, y, *args))
    assert losses[0] == losses[1]


def test_d8_recurrent_layers_of_old_have_defaults_of_old():
    config = lambda layer: [layer.get_config().get(k) for k in ("recurrent_activation", "reset_after")]
    assert config(layers.LSTM(4))[0] == "sigmoid" and config(layers.GRU(4)) == ["sigmoid", False]
    with pytest.warns(DeprecationWarning, match="output_dim"):
        assert config(layers.LSTM(output_dim=4))[0] == "hard_sigmoid"
    with pytest.warns(DeprecationWarning, match="output_dim"):
        assert config(layers.GRU(output_dim=4)) == ["hard_sigmoid", False]


def test_d9_symbols_are_equal_to_themselves():
    a, b = layers.Input((3,)), layers.Input((3,))
    assert a == a and a != b and not a == b and len({a, b}) == 2
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(a < b)


def test_d11_a_slip_in_an_argument_is_named():
    with pytest.raises(TypeError, match="'inpuit_shape'. Did you mean 'input_shape'"):
        Dense(32, inpuit_shape=(784,))


def test_d12_numbers_after_the_filters():
    assert layers.Convolution2D(32, 3, 3).get_config()["kernel_size"] == (3, 3)
    with pytest.warns(FutureWarning, match="strides=3"):
        config = layers.Conv2D(32, 3, 3).get_config()
    assert config["kernel_size"] == (3, 3) and set(np.ravel(config["strides"])) == {1}


def test_d13_class_weights_do_not_weigh_the_validation():
    y = np.array([0, 1] * 4)[:, None].astype(float)
    frozen = Sequential([Dense(1, input_dim=3, activation="sigmoid", trainable=False)])
    frozen.compile("sgd", "binary_crossentropy")
    plain, weighted = (frozen.fit(X, y, verbose=0, validation_split=0.5, class_weight=c).history
                       for c in (None, {0: 1.0, 1: 50.0}))
    assert plain["val_loss"] == weighted["val_loss"] and plain["loss"] != weighted["loss"]
    w = np.arange(8.0)
    p = frozen.predict(X[4:])[:, 0].astype("float64")
    expected = np.mean(-w[4:] * np.log(np.where(y[4:, 0] == 1, p, 1 - p)))
    found = frozen.fit(X, y, verbose=0, validation_split=0.5, sample_weight=w).history["val_loss"]
    assert found == pytest.approx([expected], rel=1e-5)


def test_d14_layers_are_counted_without_the_input():
    model = Sequential([Dense(2, input_dim=3), Dense(1)])
    assert model.get_layer(index=0) is model.layers[0] and isinstance(model.layers[0], Dense)
    assert model.get_layer(index=-1) is model.layers[1]


@pytest.mark.parametrize("metrics", ["mae", tahr.metrics.mae, tahr.metrics.MeanAbsoluteError()])
def test_d15_a_single_metric_needs_no_list(metrics):
    assert len(compiled(metrics=metrics).metrics_names) == 2


def test_d16_learning_rates_of_keras_2():
    rate = lambda name: float(tahr.optimizers.get(name).learning_rate)
    expected = {"sgd": 0.01, "rmsprop": 0.001, "adagrad": 0.01, "adadelta": 1.0, "adam": 0.001}
    assert {name: rate(name) for name in expected} == pytest.approx(expected)
    modern = {"adamax": 0.002, "nadam": 0.002}
    assert {name: rate(name) for name in modern} == pytest.approx(modern)
    assert tahr.optimizers.Adam().get_config()["epsilon"] in (None, 1e-7)


def test_d17_dot_axis_is_dot_axes():
    branches = [Sequential([Dense(2, input_dim=3)]) for _ in range(2)]
    with pytest.warns(DeprecationWarning, match="dot_axis"):
        merged = Sequential([layers.Merge(branches, mode="dot", dot_axis=1)])
    with pytest.raises(TypeError, match="dot_axis"):
        layers.Merge(branches, mode="dot", dot_axis=1, dot_axes=1)
    left, right = (branch.predict(X) for branch in branches)
    np.testing.assert_allclose(merged.predict([X, X]), (left * right).sum(1, keepdims=True), rtol=1e-5)


def test_d18_cosine_of_two_branches():
    branches = [Sequential([Dense(2, input_dim=3)]) for _ in range(2)]
    merged = Sequential([layers.Merge(branches, mode="cos")])
    left, right = (branch.predict(X) for branch in branches)
    expected = (left * right).sum(1) / np.sqrt((left ** 2).sum(1) * (right ** 2).sum(1))
    assert merged.output_shape == (None, 1)
    np.testing.assert_allclose(merged.predict([X, X])[:, 0], expected, rtol=1e-4)
