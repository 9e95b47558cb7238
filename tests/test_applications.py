"""Networks for images: parameters, layers, outputs as Keras has them; arguments; files of weights; preparation."""

import importlib.util
import inspect
import json
import pathlib

import h5py
import numpy as np
import pytest

import tahr
from tahr import applications, ops
from tahr.applications import building, imagenet_utils
from tahr.layers import Dense, Input
from tahr.models import Model
from tahr.utils import settings

FOLDER = pathlib.Path(__file__).parent / "golden"
_spec = importlib.util.spec_from_file_location("make_applications", FOLDER / "make_applications.py")
golden = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(golden)
KERAS = json.loads((FOLDER / "applications.json").read_text(encoding="utf-8"))
NETWORKS = sorted(applications._HOMES)


def network(name):
    """The network of Keras 3's name: for ResNet50 the newer of the two."""
    return tahr.applications.resnet.ResNet50 if name == "ResNet50" else getattr(applications, name)


def test_every_network_is_compared():
    assert set(NETWORKS) == set(KERAS["networks"])
    families = {applications._HOMES[name].removesuffix("19") for name in NETWORKS}
    assert {module for module, _ in golden.OUTPUTS.values()} >= families - {"vgg", "resnet50"}


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n.startswith("VGG") else n
                                  for n in NETWORKS])
def test_parameters_and_order_of_layers(name):
    model = network(name)(weights=None)
    assert model.count_params() == KERAS["networks"][name]["parameters"]
    assert golden.layers_hash(model) == KERAS["networks"][name]["layers"]
    assert model.output_shape == (None, 1000)


@pytest.mark.parametrize("name", sorted(golden.OUTPUTS))
def test_outputs(name):
    _, side = golden.OUTPUTS[name]
    model = network(name)(weights=None, input_shape=(side, side, 3), classes=golden.CLASSES,
                          classifier_activation=None)
    golden.set_weights(model)
    want = np.array(KERAS["outputs"][name])
    got = model.predict(golden.image(side), verbose=0)
    np.testing.assert_allclose(got, want, rtol=2e-4, atol=2e-4 * np.abs(want).max())


def test_resnet50_of_keras_2_has_its_names_and_its_order():
    model = applications.ResNet50(weights=None, include_top=False, input_shape=(32, 32, 3))
    names = [layer.name for layer in model.layers if layer.weights]
    assert names[:8] == ["conv1", "bn_conv1", "res2a_branch2a", "bn2a_branch2a", "res2a_branch2b", "bn2a_branch2b",
                         "res2a_branch2c", "res2a_branch1"]
    assert names[-2:] == ["res5c_branch2c", "bn5c_branch2c"]
    assert {layer.epsilon for layer in model.layers if hasattr(layer, "epsilon")} == {1e-3}
    assert len(applications.resnet50.ResNet50(weights=None).layers) == len(applications.resnet.ResNet50(
        weights=None).layers)


def test_signatures():
    common = ["include_top", "weights", "input_tensor", "input_shape", "pooling", "classes"]
    for name in ("VGG16", "ResNet50", "ResNet152V2", "InceptionV3", "Xception", "DenseNet201", "InceptionResNetV2"):
        assert list(inspect.signature(network(name)).parameters)[:6] == common
        assert network(name).__name__ == name
    assert list(inspect.signature(applications.MobileNet).parameters)[:9] == [
        "input_shape", "alpha", "depth_multiplier", "dropout", "include_top", "weights", "input_tensor", "pooling",
        "classes"]
    assert list(inspect.signature(applications.MobileNetV2).parameters)[:7] == [
        "input_shape", "alpha", "include_top", "weights", "input_tensor", "pooling", "classes"]
    for name in ("NASNetMobile", "NASNetLarge"):
        assert getattr(applications, name).__name__ == name
        assert list(inspect.signature(getattr(applications, name)).parameters)[:6] == [
            "input_shape", "include_top", "weights", "input_tensor", "pooling", "classes"]


@pytest.mark.parametrize("name", NETWORKS)
def test_docstrings_say_paper_arguments_and_errors(name):
    text = network(name).__doc__
    assert "Paper:" in text and "input_shape: of an image" in text and "Raises:" in text and "{" not in text


@pytest.mark.parametrize("name, side, channels", [("VGG16", 32, 512), ("MobileNetV2", 64, 1280),
                                                  ("Xception", 71, 2048), ("DenseNet121", 40, 1024)])
def test_without_top_any_size_goes(name, side, channels):
    model = network(name)(weights=None, include_top=False, pooling="max")
    assert model.input_shape == (None, None, None, 3) and model.output_shape == (None, channels)
    images = golden.image(side)
    whole = network(name)(weights=None, include_top=False, input_shape=(side, side, 3))
    golden.set_weights(model)
    whole.set_weights(model.get_weights())
    maps = whole.predict(images, verbose=0)
    np.testing.assert_allclose(model.predict(images, verbose=0), maps.max((1, 2)), rtol=1e-4, atol=1e-6)


def test_nasnet_has_one_size():
    model = applications.NASNetMobile(weights=None, include_top=False)
    assert model.input_shape == (None, 224, 224, 3) and model.output_shape == (None, 7, 7, 1056)
    with pytest.raises(ValueError, match="depends on the size of the images"):
        applications.NASNetMobile(weights=None, include_top=False, input_shape=(None, None, 3))


def test_average_pooling():
    model = applications.MobileNet(weights=None, alpha=0.25, include_top=False, input_shape=(64, 64, 3), pooling="avg")
    maps = Model(model.input, model.layers[-2].output)
    images = golden.image(64)
    np.testing.assert_allclose(model.predict(images, verbose=0), maps.predict(images, verbose=0).mean((1, 2)),
                               rtol=1e-5, atol=1e-6)


def test_built_on_a_tensor():
    image = Input((64, 64, 3))
    base = applications.MobileNetV2(alpha=0.35, weights=None, include_top=False, input_tensor=ops.flip(image, 2),
                                    pooling="avg")
    plain = applications.MobileNetV2(alpha=0.35, weights=None, include_top=False, input_shape=(64, 64, 3),
                                     pooling="avg")
    plain.set_weights(base.get_weights())
    images = golden.image(64)
    np.testing.assert_allclose(base.predict(images, verbose=0), plain.predict(images[:, :, ::-1], verbose=0),
                               rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="input_tensor must be what Input or a layer"):
        applications.VGG16(weights=None, input_tensor="image")


def test_fine_tuning():
    base = applications.MobileNet(weights=None, alpha=0.25, include_top=False, input_shape=(32, 32, 3), pooling="avg")
    base.trainable = False
    model = Model(base.input, Dense(2, activation="softmax")(base.output))
    model.compile("adam", "sparse_categorical_crossentropy")
    before = base.get_weights()
    model.fit(golden.image(32), np.array([0, 1]), epochs=2, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, base.get_weights()))


def test_channels_first_computes_the_same():
    make = lambda shape: applications.ResNet50V2(weights=None, include_top=False, input_shape=shape, pooling="avg")
    last = make((32, 32, 3))
    with settings.using(image_data_format="channels_first"):
        first = make((3, 32, 32))
    first.set_weights(last.get_weights())
    images = golden.image(32)
    np.testing.assert_allclose(first.predict(np.moveaxis(images, -1, 1), verbose=0), last.predict(images, verbose=0),
                               rtol=1e-4, atol=1e-5)


# Weights

def test_weights_from_a_path_and_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TAHR_HOME", str(tmp_path))
    options = {"alpha": 0.25, "include_top": False, "input_shape": (128, 128, 3)}
    saved = applications.MobileNet(weights=None, **options)
    (tmp_path / "models").mkdir()
    path = tmp_path / "models" / "mobilenet_2_5_128_tf_no_top.h5"
    saved.save_weights(str(path))
    with h5py.File(path) as file:
        assert "conv_pw_13" in file
    for weights in (path, str(path), "imagenet"):
        loaded = applications.MobileNet(weights=weights, **options)
        assert all(np.array_equal(a, b) for a, b in zip(saved.get_weights(), loaded.get_weights()))


FILES = [("VGG16", {}, "vgg16_weights_tf_dim_ordering_tf_kernels.h5"),
         ("ResNet50", {"include_top": False}, "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"),
         ("MobileNet", {"alpha": 0.75}, "mobilenet_7_5_224_tf.h5"),
         ("MobileNetV2", {"include_top": False, "input_shape": (96, 96, 3)},
          "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_96_no_top.h5"),
         ("NASNetLarge", {}, "nasnet_large.h5")]


@pytest.mark.parametrize("name, options, file", FILES)
def test_missing_files_are_named(name, options, file, tmp_path, monkeypatch):
    monkeypatch.setenv("TAHR_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=f"needs Keras's file {file}, which is not at .*models"):
        getattr(applications, name)(**options)
    with pytest.raises(FileNotFoundError, match="weights must be None, 'imagenet' or the path of a file"):
        getattr(applications, name)(weights="no/such.h5")


@pytest.mark.parametrize("options, message", [
    ({"weights": "imagenet", "classes": 10}, "has classes=1000, got 10"),
    ({"input_shape": (20, 40, 3)}, "at least 32 by 32 pixels"),
    ({"input_shape": (32, 32)}, "three integers"),
    ({"input_shape": (None, 32, 3)}, "must be known"),
    ({"pooling": "sum"}, "pooling must be None, 'avg' or 'max', got 'sum'"),
])
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        applications.VGG16(**{"weights": None, **options})


def test_weights_of_imagenet_fit_their_images_alone():
    with pytest.raises(ValueError, match="trained on images of shape"):
        building.image_shape("VGG16", (224, 224, 1), 224, 32, False, True)
    with pytest.raises(ValueError, match="trained on images of shape"):
        building.image_shape("VGG16", (100, 100, 3), 224, 32, True, True)
    assert building.image_shape("VGG16", (100, 100, 3), 224, 32, False, True) == (100, 100, 3)
    for name in ("MobileNet", "MobileNetV2"):
        with pytest.raises(ValueError, match="alpha must be one of"):
            getattr(applications, name)(alpha=0.6)
    with pytest.raises(ValueError, match="depth_multiplier=1"):
        applications.MobileNet(depth_multiplier=2)


def test_every_network_without_its_file_fails_before_it_is_built(tmp_path, monkeypatch):
    monkeypatch.setenv("TAHR_HOME", str(tmp_path))
    monkeypatch.setattr(building, "Input", lambda shape: pytest.fail("built"))
    for name in NETWORKS:
        with pytest.raises(FileNotFoundError):
            network(name)()


# Preparation

PIXELS = np.arange(24.0, dtype="float32").reshape(2, 4, 3) * 11


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
def test_preprocess_input(mode):
    want = np.array(KERAS["preprocess"][mode])
    given = PIXELS.copy()
    got = imagenet_utils.preprocess_input(given, mode=mode)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
    assert got.dtype == np.float32 and np.array_equal(given, PIXELS)
    tensor = imagenet_utils.preprocess_input(tahr.Tensor(PIXELS[None]), mode=mode)
    np.testing.assert_allclose(tensor.numpy()[0], want, rtol=1e-5, atol=1e-5)
    first = imagenet_utils.preprocess_input(np.moveaxis(PIXELS, -1, 0), "channels_first", mode)
    np.testing.assert_allclose(np.moveaxis(first, 0, -1), want, rtol=1e-5, atol=1e-5)
    assert imagenet_utils.preprocess_input(Input((4, 4, 3)), mode=mode).shape == (None, 4, 4, 3)
    assert imagenet_utils.preprocess_input(np.ones((1, 2, 2, 3), "uint8"), mode=mode).dtype == np.float32


def test_modes_of_networks():
    modes = {"vgg16": "caffe", "vgg19": "caffe", "resnet": "caffe", "resnet50": "caffe", "densenet": "torch"}
    for module in applications.MODULES:
        if module != "imagenet_utils":
            got = getattr(applications, module).preprocess_input(PIXELS)
            np.testing.assert_array_equal(got, imagenet_utils.preprocess_input(PIXELS, mode=modes.get(module, "tf")))


def test_wrong_preparation():
    with pytest.raises(ValueError, match="must be 'caffe', 'tf' or 'torch', got 'keras'"):
        imagenet_utils.preprocess_input(PIXELS, mode="keras")
    with pytest.raises(ValueError, match="data_format must be"):
        imagenet_utils.preprocess_input(PIXELS, data_format="last")


def test_decode_predictions(tmp_path, monkeypatch):
    monkeypatch.setenv("TAHR_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="needs Keras's file imagenet_class_index.json"):
        imagenet_utils.decode_predictions(np.zeros((1, 1000)))
    (tmp_path / "models").mkdir()
    names = {str(i): [f"n{i:08}", f"thing {i}"] for i in range(1000)}
    (tmp_path / "models" / "imagenet_class_index.json").write_text(json.dumps(names))
    probabilities = np.zeros((2, 1000))
    probabilities[0, [3, 999, 5]] = 0.2, 0.5, 0.3
    probabilities[1, 7] = 1
    found = applications.vgg16.decode_predictions(probabilities, top=3)
    assert found[0] == [("n00000999", "thing 999", 0.5), ("n00000005", "thing 5", 0.3), ("n00000003", "thing 3", 0.2)]
    assert found[1][0] == ("n00000007", "thing 7", 1.0) and len(found[1]) == 3
    with pytest.raises(ValueError, match=r"shape \(images, 1000\), got \(2, 10\)"):
        imagenet_utils.decode_predictions(np.zeros((2, 10)))


def test_unknown_names():
    with pytest.raises(AttributeError, match="the networks are DenseNet121"):
        applications.AlexNet  # noqa: B018 (the access is the test)
    assert "VGG16" in dir(applications)
