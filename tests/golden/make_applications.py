"""Makes applications.json: what Keras 3's networks for images are made of and compute, for tests that compare.

    python tests/golden/make_applications.py

Made with keras 3.15.1 on tensorflow 2.21.0. For each network: how many parameters it has, and a hash of its layers in
order (class and shapes of weights, layers without weights left out). For one of each family: outputs for a small
image, with weights that :func:`weight_values` makes from their places in the list, which the tests import from here.
"""

import hashlib
import json
import os
import pathlib

import numpy as np

# name: (module of a family member whose outputs are kept, side of the image)
OUTPUTS = {"VGG16": ("vgg16", 32), "ResNet50": ("resnet", 33), "ResNet50V2": ("resnet_v2", 40),
           "InceptionV3": ("inception_v3", 75), "InceptionResNetV2": ("inception_resnet_v2", 75),
           "Xception": ("xception", 71), "MobileNet": ("mobilenet", 32), "MobileNetV2": ("mobilenet_v2", 48),
           "DenseNet121": ("densenet", 32), "NASNetMobile": ("nasnet", 64)}
CLASSES = 7


def weight_values(index, name, shape):
    """The weight at a place in the list of all weights: normal numbers, scaled such that outputs stay near 1."""
    values = np.random.RandomState(index).standard_normal(shape)
    if "variance" in name or "gamma" in name:
        return np.abs(1 + 0.2 * values).astype("float32")
    fan = np.prod(shape[:2] if shape[-1] == 1 else shape[:-1])      # 1: of a convolution channel by channel
    scale = np.sqrt(2 / fan) if len(shape) > 1 else 0.1
    return (scale * values).astype("float32")


def image(side):
    """A batch of two images with values from -1 to 1."""
    return np.random.RandomState(side).uniform(-1, 1, (2, side, side, 3)).astype("float32")


def layers_hash(model):
    """A hash of what has weights in a model, in order."""
    found = [(type(layer).__name__, [list(w.shape) for w in layer.weights]) for layer in model.layers if layer.weights]
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()


def set_weights(model):
    """Give all weights of a model, layer by layer, their values."""
    place = 0
    for layer in model.layers:
        values = []
        for weight in layer.weights:
            values.append(weight_values(place, weight.name, tuple(weight.shape)))
            place += 1
        if values:
            layer.set_weights(values)


def main():
    os.environ["KERAS_BACKEND"] = "tensorflow"     # Keras refuses NASNet on torch
    import keras
    import tensorflow
    names = [name for name in dir(keras.applications) if name[0].isupper()]
    known = ("VGG", "ResNet", "Inception", "Xception", "MobileNet", "DenseNet", "NASNet")
    versions = {"keras": keras.__version__, "tensorflow": tensorflow.__version__}
    made = {"versions": versions, "networks": {}, "outputs": {}}
    for name in names:
        if name.startswith(known) and not name.startswith("MobileNetV3"):
            model = getattr(keras.applications, name)(weights=None)
            made["networks"][name] = {"parameters": model.count_params(), "layers": layers_hash(model)}
            keras.backend.clear_session()
    for name, (module, side) in OUTPUTS.items():
        build = getattr(getattr(keras.applications, module), name)
        model = build(weights=None, input_shape=(side, side, 3), classes=CLASSES, classifier_activation=None)
        set_weights(model)
        made["outputs"][name] = np.asarray(model.predict(image(side), verbose=0), "float64").round(6).tolist()
    pixels = np.arange(24.0, dtype="float32").reshape(2, 4, 3) * 11
    made["preprocess"] = {mode: keras.applications.imagenet_utils.preprocess_input(pixels.copy(), mode=mode).tolist()
                          for mode in ("caffe", "tf", "torch")}
    path = pathlib.Path(__file__).with_name("applications.json")
    path.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
