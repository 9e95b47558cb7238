"""Xception: convolutions that treat channels one by one, beside shortcuts."""

from ..layers import Activation, Conv2D, MaxPooling2D, SeparableConv2D, add
from .building import application, classifier, normalized
from .imagenet_utils import preparation

preprocess_input, decode_predictions = preparation("tf")


def separable(x, filters, name):
    x = SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    return normalized(x, f"{name}_bn")


def relu(x, name):
    return Activation("relu", name=f"{name}_act")(x)


def shrinking(x, number, filters):
    """Two separable convolutions and pooling, beside a convolution with steps of two pixels."""
    shortcut = normalized(Conv2D(filters[1], 1, strides=2, padding="same", use_bias=False)(x))
    for i, n in enumerate(filters, 1):
        name = f"block{number}_sepconv{i}"
        if number > 2 or i > 1:
            x = relu(x, name)
        x = separable(x, n, name)
    return add([MaxPooling2D(3, strides=2, padding="same", name=f"block{number}_pool")(x), shortcut])


@application("xception", classifier("predictions"), size=299, least=71)
def Xception(x):
    """Xception.

    Paper: F. Chollet, "Xception: deep learning with depthwise separable convolutions", CVPR 2017.
    """
    for name, filters, strides in (("block1_conv1", 32, 2), ("block1_conv2", 64, 1)):
        x = Conv2D(filters, 3, strides=strides, use_bias=False, name=name)(x)
        x = normalized(x, f"{name}_bn", f"{name}_act")
    for number, filters in ((2, 128), (3, 256), (4, 728)):
        x = shrinking(x, number, (filters, filters))
    for number in range(5, 13):
        shortcut = x
        for name in (f"block{number}_sepconv{i}" for i in (1, 2, 3)):
            x = separable(relu(x, name), 728, name)
        x = add([x, shortcut])
    x = shrinking(x, 13, (728, 1024))
    for name, filters in (("block14_sepconv1", 1536), ("block14_sepconv2", 2048)):
        x = relu(separable(x, filters, name), name)
    return x
