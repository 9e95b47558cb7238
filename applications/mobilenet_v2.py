"""MobileNetV2: blocks that widen, filter each channel, and narrow again, beside shortcuts."""

from ..layers import Add, BatchNormalization, Conv2D, DepthwiseConv2D, ReLU, ZeroPadding2D
from .building import ARGUMENTS, CLASSES, assemble, channel_axis, classifier, stride_padding
from .imagenet_utils import preparation
from .mobilenet import WIDTH, known_width, side_of

preprocess_input, decode_predictions = preparation("tf")
SIDES = 96, 128, 160, 192, 224
WIDTHS = 0.35, 0.5, 0.75, 1.0, 1.3, 1.4
# Filters, strides of the first block, blocks.
STAGES = (16, 1, 1), (24, 2, 2), (32, 2, 3), (64, 2, 4), (96, 1, 3), (160, 2, 3), (320, 1, 1)


def rounded(filters, divisor=8):
    """The multiple of 8 next to a number of filters, but not less than nine tenths of it.

    >>> rounded(22.4), rounded(12)
    (24, 16)
    """
    near = max(divisor, int(filters + divisor / 2) // divisor * divisor)
    return near + divisor if near < 0.9 * filters else near


def normalized(x, name, relu=None):
    x = BatchNormalization(axis=channel_axis(), momentum=0.999, name=name)(x)
    return ReLU(6.0, name=relu)(x) if relu else x


def block(x, number, filters, strides, widening):
    """Wider, filtered by channel, narrower; beside a shortcut where the shapes allow it."""
    name, given, channels = f"block_{number}" if number else "expanded_conv", x, x.shape[channel_axis()]
    if number:
        x = Conv2D(widening * channels, 1, padding="same", use_bias=False, name=f"{name}_expand")(x)
        x = normalized(x, f"{name}_expand_BN", f"{name}_expand_relu")
    if strides == 2:
        x = ZeroPadding2D(stride_padding(x, 3), name=f"{name}_pad")(x)
    x = DepthwiseConv2D(3, strides=strides, padding="same" if strides == 1 else "valid", use_bias=False,
                        name=f"{name}_depthwise")(x)
    x = normalized(x, f"{name}_depthwise_BN", f"{name}_depthwise_relu")
    x = Conv2D(filters, 1, padding="same", use_bias=False, name=f"{name}_project")(x)
    x = normalized(x, f"{name}_project_BN")
    return Add(name=f"{name}_add")([given, x]) if channels == filters and strides == 1 else x


def MobileNetV2(input_shape=None, alpha=1.0, include_top=True, weights="imagenet", input_tensor=None, pooling=None,
                classes=CLASSES, classifier_activation="softmax", name=None):
    side = side_of(input_shape, SIDES)
    name = name or f"mobilenetv2_{alpha:0.2f}_{side}"
    known_width(name, weights, alpha, WIDTHS)

    def body(x):
        x = ZeroPadding2D(stride_padding(x, 3), name="Conv1_pad")(x)
        x = Conv2D(rounded(32 * alpha), 3, strides=2, use_bias=False, name="Conv1")(x)
        x = normalized(x, "bn_Conv1", "Conv1_relu")
        steps = [(filters, strides if i == 0 else 1) for filters, strides, depth in STAGES for i in range(depth)]
        for number, (filters, strides) in enumerate(steps):
            x = block(x, number, rounded(int(filters * alpha)), strides, widening=6)
        x = Conv2D(rounded(1280 * max(alpha, 1.0)), 1, use_bias=False, name="Conv_1")(x)
        return normalized(x, "Conv_1_bn", "out_relu")

    stem = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(alpha)}_{side}"
    return assemble(body, classifier("Logits", None), (f"{stem}.h5", f"{stem}_no_top.h5"), side, 32, include_top,
                    weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)


MobileNetV2.__doc__ = f"""MobileNetV2.
{WIDTH.rstrip()}
        {ARGUMENTS.format(size=224, least=32, without='any number').partition('Arguments:')[2].strip()}

    Paper: M. Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", CVPR 2018.
    """
