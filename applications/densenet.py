"""DenseNet: each block sees what all blocks before it made."""

from ..layers import AveragePooling2D, Concatenate, Conv2D, MaxPooling2D, ZeroPadding2D
from .building import application, channel_axis, classifier, normalized
from .imagenet_utils import preparation

preprocess_input, decode_predictions = preparation("torch")
EPSILON = 1.001e-5
GROWTH = 32     # channels that each block adds
head = classifier("fc1000")


def block(x, name):
    """Two convolutions, whose result stands beside the input."""
    new = normalized(x, f"{name}_0_bn", f"{name}_0_relu", epsilon=EPSILON)
    new = Conv2D(4 * GROWTH, 1, use_bias=False, name=f"{name}_1_conv")(new)
    new = normalized(new, f"{name}_1_bn", f"{name}_1_relu", epsilon=EPSILON)
    new = Conv2D(GROWTH, 3, padding="same", use_bias=False, name=f"{name}_2_conv")(new)
    return Concatenate(axis=channel_axis(), name=f"{name}_concat")([x, new])


def transition(x, name):
    """Half the channels, half the pixels."""
    x = normalized(x, f"{name}_bn", f"{name}_relu", epsilon=EPSILON)
    x = Conv2D(x.shape[channel_axis()] // 2, 1, use_bias=False, name=f"{name}_conv")(x)
    return AveragePooling2D(2, strides=2, name=f"{name}_pool")(x)


def stages(x, depths):
    """The stem, then stages of blocks."""
    x = Conv2D(64, 7, strides=2, use_bias=False, name="conv1/conv")(ZeroPadding2D(3)(x))
    x = normalized(x, "conv1/bn", "conv1/relu", epsilon=EPSILON)
    x = MaxPooling2D(3, strides=2, name="pool1")(ZeroPadding2D(1)(x))
    for stage, depth in enumerate(depths, 2):
        for i in range(1, depth + 1):
            x = block(x, f"conv{stage}_block{i}")
        if stage < 5:
            x = transition(x, f"pool{stage}")
    return normalized(x, "bn", "relu", epsilon=EPSILON)


@application("densenet121", head)
def DenseNet121(x):
    """DenseNet of 121 layers.

    Paper: G. Huang et al., "Densely connected convolutional networks", CVPR 2017.
    """
    return stages(x, (6, 12, 24, 16))


@application("densenet169", head)
def DenseNet169(x):
    """DenseNet of 169 layers.

    Paper: G. Huang et al., "Densely connected convolutional networks", CVPR 2017.
    """
    return stages(x, (6, 12, 32, 32))


@application("densenet201", head)
def DenseNet201(x):
    """DenseNet of 201 layers.

    Paper: G. Huang et al., "Densely connected convolutional networks", CVPR 2017.
    """
    return stages(x, (6, 12, 48, 32))
