"""Inception-ResNet v2: blocks of Inception beside shortcuts."""

from ..layers import Activation, AveragePooling2D, Conv2D, Layer, MaxPooling2D
from .building import application, channel_axis, classifier, normalized
from .imagenet_utils import preparation
from .inception_v3 import chain, joined, shrunk, stem, unit

preprocess_input, decode_predictions = preparation("tf")
BLOCKS = {      # the branches of a block: filters and windows
    "block35": (((32, 1),), ((32, 1), (32, 3)), ((32, 1), (48, 3), (64, 3))),
    "block17": (((192, 1),), ((128, 1), (160, (1, 7)), (192, (7, 1)))),
    "block8": (((192, 1),), ((192, 1), (224, (1, 3)), (256, (3, 1)))),
}


class CustomScaleLayer(Layer):
    """``a + scale * b`` of two inputs.

    Arguments:
        scale: a number.

    >>> import tahr
    >>> CustomScaleLayer(0.5)([tahr.Tensor([1.0]), tahr.Tensor([4.0])])
    Tensor([3.])
    """

    def __init__(self, scale, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs):
        a, b = inputs
        return a + b * self.scale


def block(x, kind, number, scale, act=True):
    """Branches, brought to the input's channels, scaled and added to it."""
    name = f"{kind}_{number}"
    mixed = joined([chain(x, *steps) for steps in BLOCKS[kind]], f"{name}_mixed")
    up = Conv2D(x.shape[channel_axis()], 1, padding="same", name=f"{name}_conv")(mixed)
    x = CustomScaleLayer(scale, name=name)([x, up])
    return Activation("relu", name=f"{name}_ac")(x) if act else x


@application("inception_resnet_v2", classifier("predictions"), size=299, least=75)
def InceptionResNetV2(x):
    """Inception-ResNet v2.

    Paper: C. Szegedy et al., "Inception-v4, Inception-ResNet and the impact of residual connections on learning",
    AAAI 2017.
    """
    x = stem(x)
    x = joined([unit(x, 96, 1), chain(x, (48, 1), (64, 5)), chain(x, (64, 1), (96, 3), (96, 3)),
                unit(AveragePooling2D(3, strides=1, padding="same")(x), 64, 1)], "mixed_5b")
    for i in range(1, 11):
        x = block(x, "block35", i, 0.17)
    x = joined([shrunk(x, 384), shrunk(chain(x, (256, 1), (256, 3)), 384), MaxPooling2D(3, strides=2)(x)], "mixed_6a")
    for i in range(1, 21):
        x = block(x, "block17", i, 0.1)
    x = joined([shrunk(unit(x, 256, 1), 384), shrunk(unit(x, 256, 1), 288), shrunk(chain(x, (256, 1), (288, 3)), 320),
                MaxPooling2D(3, strides=2)(x)], "mixed_7a")
    for i in range(1, 10):
        x = block(x, "block8", i, 0.2)
    x = block(x, "block8", 10, 1.0, act=False)
    x = Conv2D(1536, 1, padding="same", use_bias=False, name="conv_7b")(x)
    return normalized(x, "conv_7b_bn", "conv_7b_ac", scale=False)
