"""VGG16: sixteen layers of small windows."""

from ..layers import Conv2D, Dense, Flatten, MaxPooling2D
from .building import application
from .imagenet_utils import preparation

preprocess_input, decode_predictions = preparation("caffe")
FILTERS = 64, 128, 256, 512, 512


def blocks(x, depths):
    """Five blocks of convolutions, each followed by pooling."""
    for number, (depth, filters) in enumerate(zip(depths, FILTERS), 1):
        for i in range(1, depth + 1):
            x = Conv2D(filters, 3, padding="same", activation="relu", name=f"block{number}_conv{i}")(x)
        x = MaxPooling2D(2, strides=2, name=f"block{number}_pool")(x)
    return x


def head(x, classes, activation):
    """Two wide layers, then the classes."""
    x = Flatten(name="flatten")(x)
    for name in ("fc1", "fc2"):
        x = Dense(4096, activation="relu", name=name)(x)
    return Dense(classes, activation=activation, name="predictions")(x)


@application("vgg16", head)
def VGG16(x):
    """VGG16: thirteen convolutions and three dense layers.

    Paper: K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015.
    """
    return blocks(x, (2, 2, 3, 3, 3))
