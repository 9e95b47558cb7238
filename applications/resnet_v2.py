"""Residual networks whose blocks normalize first."""

from ..layers import Add, Conv2D, MaxPooling2D, ZeroPadding2D
from .building import application, normalized
from .imagenet_utils import preparation
from .resnet import EPSILON, FILTERS, head

preprocess_input, decode_predictions = preparation("tf")


def block(x, filters, name, strides, projects):
    """Three convolutions of the normalized input beside a shortcut."""
    ready = normalized(x, f"{name}_preact_bn", f"{name}_preact_relu", epsilon=EPSILON)
    if projects:
        shortcut = Conv2D(4 * filters, 1, strides=strides, name=f"{name}_0_conv")(ready)
    else:
        shortcut = MaxPooling2D(1, strides=strides)(x) if strides > 1 else x
    x = Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(ready)
    x = normalized(x, f"{name}_1_bn", f"{name}_1_relu", epsilon=EPSILON)
    x = ZeroPadding2D(1, name=f"{name}_2_pad")(x)
    x = Conv2D(filters, 3, strides=strides, use_bias=False, name=f"{name}_2_conv")(x)
    x = normalized(x, f"{name}_2_bn", f"{name}_2_relu", epsilon=EPSILON)
    return Add(name=f"{name}_out")([shortcut, Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x)])


def stages(x, depths):
    """The stem, then four stages, of which all but the last end in a step of two pixels."""
    x = Conv2D(64, 7, strides=2, name="conv1_conv")(ZeroPadding2D(3, name="conv1_pad")(x))
    x = MaxPooling2D(3, strides=2, name="pool1_pool")(ZeroPadding2D(1, name="pool1_pad")(x))
    for stage, (filters, depth) in enumerate(zip(FILTERS, depths), 2):
        for i in range(1, depth + 1):
            x = block(x, filters, f"conv{stage}_block{i}", 2 if i == depth and stage < 5 else 1, projects=i == 1)
    return normalized(x, "post_bn", "post_relu", epsilon=EPSILON)


@application("resnet50v2", head)
def ResNet50V2(x):
    """ResNet50V2: normalization and relu come before each convolution.

    Paper: K. He et al., "Identity mappings in deep residual networks", ECCV 2016.
    """
    return stages(x, (3, 4, 6, 3))


@application("resnet101v2", head)
def ResNet101V2(x):
    """ResNet101V2: :func:`ResNet50V2` with more blocks.

    Paper: K. He et al., "Identity mappings in deep residual networks", ECCV 2016.
    """
    return stages(x, (3, 4, 23, 3))


@application("resnet152v2", head)
def ResNet152V2(x):
    """ResNet152V2: :func:`ResNet50V2` with more blocks.

    Paper: K. He et al., "Identity mappings in deep residual networks", ECCV 2016.
    """
    return stages(x, (3, 8, 36, 3))
