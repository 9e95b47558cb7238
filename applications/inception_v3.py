"""Inception v3: several windows beside each other, large ones in two steps."""

from ..layers import AveragePooling2D, Conv2D, MaxPooling2D, concatenate
from .building import application, channel_axis, classifier, normalized
from .imagenet_utils import preparation

preprocess_input, decode_predictions = preparation("tf")
WIDE, HIGH = (1, 7), (7, 1)


def unit(x, filters, kernel, strides=1, padding="same"):
    """Convolution, normalization, relu."""
    x = Conv2D(filters, kernel, strides=strides, padding=padding, use_bias=False)(x)
    return normalized(x, act=True, scale=False)


def chain(x, *steps):
    """Units one after the other: their filters and windows."""
    for filters, kernel in steps:
        x = unit(x, filters, kernel)
    return x


def pooled(x, filters):
    return unit(AveragePooling2D(3, strides=1, padding="same")(x), filters, 1)


def shrunk(x, filters):
    """A unit that takes steps of two pixels."""
    return unit(x, filters, 3, strides=2, padding="valid")


def joined(branches, name=None):
    return concatenate(branches, axis=channel_axis(), name=name)


def fine(x, filters, name):
    """Windows of 1, 5 and twice 3 pixels."""
    return joined([unit(x, 64, 1), chain(x, (48, 1), (64, 5)), chain(x, (64, 1), (96, 3), (96, 3)),
                   pooled(x, filters)], name)


def middle(x, n, name):
    """Windows of 7 pixels, in rows and columns."""
    return joined([unit(x, 192, 1), chain(x, (n, 1), (n, WIDE), (192, HIGH)),
                   chain(x, (n, 1), (n, HIGH), (n, WIDE), (n, HIGH), (192, WIDE)), pooled(x, 192)], name)


def coarse(x, i):
    """Windows of 3 pixels in rows beside such in columns."""
    one = unit(x, 320, 1)
    first = unit(x, 384, 1)
    first = joined([unit(first, 384, (1, 3)), unit(first, 384, (3, 1))], f"mixed9_{i}")
    second = chain(x, (448, 1), (384, 3))
    second = joined([unit(second, 384, (1, 3)), unit(second, 384, (3, 1))])
    return joined([one, first, second, pooled(x, 192)], f"mixed{9 + i}")


def stem(x):
    x = unit(x, 32, 3, strides=2, padding="valid")
    x = unit(unit(x, 32, 3, padding="valid"), 64, 3)
    x = MaxPooling2D(3, strides=2)(x)
    return MaxPooling2D(3, strides=2)(unit(unit(x, 80, 1, padding="valid"), 192, 3, padding="valid"))


@application("inception_v3", classifier("predictions"), size=299, least=75)
def InceptionV3(x):
    """Inception v3.

    Paper: C. Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016.
    """
    x = stem(x)
    for i, filters in enumerate((32, 64, 64)):
        x = fine(x, filters, f"mixed{i}")
    x = joined([shrunk(x, 384), shrunk(chain(x, (64, 1), (96, 3)), 96), MaxPooling2D(3, strides=2)(x)], "mixed3")
    for i, filters in enumerate((128, 160, 160, 192), 4):
        x = middle(x, filters, f"mixed{i}")
    x = joined([shrunk(unit(x, 192, 1), 320), shrunk(chain(x, (192, 1), (192, WIDE), (192, HIGH)), 192),
                MaxPooling2D(3, strides=2)(x)], "mixed8")
    return coarse(coarse(x, 0), 1)
