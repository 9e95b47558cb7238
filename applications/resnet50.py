"""ResNet50 as Keras first had it: layers named res2a_branch2a and so on, epsilon 0.001.

:mod:`tahr.applications.resnet` has the newer one; each reads its own file of weights.
"""

from ..layers import Activation, Conv2D, MaxPooling2D, ZeroPadding2D, add
from .building import application, classifier, normalized
from .imagenet_utils import preparation

preprocess_input, decode_predictions = preparation("caffe")
STAGES = (2, 64, 3), (3, 128, 4), (4, 256, 6), (5, 512, 3)      # number, filters, blocks


def convolved(x, filters, kernel, name, strides=1, act=None):
    x = Conv2D(filters, kernel, strides=strides, padding="same" if kernel == 3 else "valid",
               kernel_initializer="he_normal", name=f"res{name}")(x)
    return normalized(x, f"bn{name}", act)


def block(x, filters, name, strides, projects):
    """Three convolutions beside a shortcut, which is one convolution in the first block of a stage."""
    inner = convolved(x, filters, 1, f"{name}_branch2a", strides, act=True)
    inner = convolved(inner, filters, 3, f"{name}_branch2b", act=True)
    inner = convolved(inner, 4 * filters, 1, f"{name}_branch2c")
    shortcut = convolved(x, 4 * filters, 1, f"{name}_branch1", strides) if projects else x
    return Activation("relu")(add([inner, shortcut]))


@application("resnet50", classifier("fc1000"))
def ResNet50(x):
    """ResNet50 with the names of layers that Keras 2.3.1 has.

    Paper: K. He et al., "Deep residual learning for image recognition", CVPR 2016.
    """
    x = ZeroPadding2D(3, name="conv1_pad")(x)
    x = Conv2D(64, 7, strides=2, kernel_initializer="he_normal", name="conv1")(x)
    x = normalized(x, "bn_conv1", act=True)
    x = MaxPooling2D(3, strides=2)(ZeroPadding2D(1, name="pool1_pad")(x))
    for stage, filters, depth in STAGES:
        for i in range(depth):
            strides = 2 if stage > 2 and i == 0 else 1
            x = block(x, filters, f"{stage}{'abcdef'[i]}", strides, projects=i == 0)
    return x
