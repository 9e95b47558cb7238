"""Residual networks of 50, 101 and 152 layers."""

from ..layers import Activation, Add, Conv2D, MaxPooling2D, ZeroPadding2D
from .building import application, classifier, normalized
from .imagenet_utils import preparation

preprocess_input, decode_predictions = preparation("caffe")
FILTERS = 64, 128, 256, 512
EPSILON = 1.001e-5
head = classifier("probs")


def convolved(x, filters, kernel, name, strides=1, act=None):
    x = Conv2D(filters, kernel, strides=strides, padding="same" if kernel == 3 else "valid", name=f"{name}_conv")(x)
    return normalized(x, f"{name}_bn", act, epsilon=EPSILON)


def block(x, filters, name, strides, projects):
    """Three convolutions beside a shortcut, which is one convolution in the first block of a stage."""
    shortcut = convolved(x, 4 * filters, 1, f"{name}_0", strides) if projects else x
    x = convolved(x, filters, 1, f"{name}_1", strides, act=f"{name}_1_relu")
    x = convolved(x, filters, 3, f"{name}_2", act=f"{name}_2_relu")
    x = Add(name=f"{name}_add")([shortcut, convolved(x, 4 * filters, 1, f"{name}_3")])
    return Activation("relu", name=f"{name}_out")(x)


def stages(x, depths):
    """The stem, then four stages of blocks."""
    x = ZeroPadding2D(3, name="conv1_pad")(x)
    x = normalized(Conv2D(64, 7, strides=2, name="conv1_conv")(x), "conv1_bn", "conv1_relu", epsilon=EPSILON)
    x = MaxPooling2D(3, strides=2, name="pool1_pool")(ZeroPadding2D(1, name="pool1_pad")(x))
    for stage, (filters, depth) in enumerate(zip(FILTERS, depths), 2):
        for i in range(1, depth + 1):
            x = block(x, filters, f"conv{stage}_block{i}", 2 if stage > 2 and i == 1 else 1, projects=i == 1)
    return x


@application("resnet50", head)
def ResNet50(x):
    """ResNet50, with the names of layers that Keras 3 has.

    Paper: K. He et al., "Deep residual learning for image recognition", CVPR 2016.
    """
    return stages(x, (3, 4, 6, 3))


@application("resnet101", head)
def ResNet101(x):
    """ResNet101: :func:`ResNet50` with more blocks.

    Paper: K. He et al., "Deep residual learning for image recognition", CVPR 2016.
    """
    return stages(x, (3, 4, 23, 3))


@application("resnet152", head)
def ResNet152(x):
    """ResNet152: :func:`ResNet50` with more blocks.

    Paper: K. He et al., "Deep residual learning for image recognition", CVPR 2016.
    """
    return stages(x, (3, 8, 36, 3))
