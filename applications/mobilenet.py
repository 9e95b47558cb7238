"""MobileNet: convolutions of each channel by itself, then across channels; as wide as one wants."""

from ..layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    ReLU,
    Reshape,
    ZeroPadding2D,
)
from ..utils import settings
from .building import ARGUMENTS, CLASSES, assemble, channel_axis
from .imagenet_utils import preparation

preprocess_input, decode_predictions = preparation("tf")
SIDES = 128, 160, 192, 224      # of images that there are weights for
WIDTHS = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}
BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))
WIDTH = """
    Arguments:
        alpha: the numbers of filters are multiplied by it, default 1.
"""


def side_of(input_shape, sides):
    """The side of images: that of ``input_shape`` if there are weights for it, else 224."""
    if input_shape is None or len(input_shape) != 3:
        return 224
    rows, columns = input_shape[1:] if channel_axis() == 1 else input_shape[:2]
    return rows if rows == columns and rows in sides else 224


def known_width(name, weights, alpha, widths):
    """An error for a width without weights."""
    if weights == "imagenet" and alpha not in widths:
        raise ValueError(f"{name}: with weights='imagenet' alpha must be one of {', '.join(map(str, widths))}, got "
                         f"{alpha!r}")


def capped(x, name):
    """Normalization, then relu up to 6."""
    return ReLU(6.0, name=f"{name}_relu")(BatchNormalization(axis=channel_axis(), name=f"{name}_bn")(x))


def block(x, number, filters, strides, multiplier):
    """A convolution of each channel, then one across them."""
    if strides == 2:
        x = ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{number}")(x)
    x = DepthwiseConv2D(3, strides=strides, padding="same" if strides == 1 else "valid", depth_multiplier=multiplier,
                        use_bias=False, name=f"conv_dw_{number}")(x)
    x = capped(x, f"conv_dw_{number}")
    x = Conv2D(filters, 1, padding="same", use_bias=False, name=f"conv_pw_{number}")(x)
    return capped(x, f"conv_pw_{number}")


def MobileNet(input_shape=None, alpha=1.0, depth_multiplier=1, dropout=1e-3, include_top=True, weights="imagenet",
              input_tensor=None, pooling=None, classes=CLASSES, classifier_activation="softmax", name=None):
    side = side_of(input_shape, SIDES)
    name = name or f"mobilenet_{alpha:0.2f}_{side}"
    known_width(name, weights, alpha, WIDTHS)
    if weights == "imagenet" and depth_multiplier != 1:
        raise ValueError(f"{name}: weights='imagenet' are for depth_multiplier=1, got {depth_multiplier!r}")

    def body(x):
        x = ZeroPadding2D(((0, 1), (0, 1)), name="conv1_pad")(x)
        x = capped(Conv2D(int(32 * alpha), 3, strides=2, use_bias=False, name="conv1")(x), "conv1")
        for number, (filters, strides) in enumerate(BLOCKS, 1):
            x = block(x, number, int(filters * alpha), strides, depth_multiplier)
        return x

    def head(x, classes, activation):
        x = GlobalAveragePooling2D()(x)
        features = int(1024 * alpha)
        first = settings.image_data_format() == "channels_first"
        x = Reshape((features, 1, 1) if first else (1, 1, features), name="reshape_1")(x)
        x = Conv2D(classes, 1, padding="same", name="conv_preds")(Dropout(dropout, name="dropout")(x))
        return Activation(activation, name="act_softmax")(Reshape((classes,), name="reshape_2")(x))

    stem = f"mobilenet_{WIDTHS.get(alpha)}_{side}_tf"
    return assemble(body, head, (f"{stem}.h5", f"{stem}_no_top.h5"), side, 32, include_top, weights, input_tensor,
                    input_shape, pooling, classes, classifier_activation, name)


MobileNet.__doc__ = f"""MobileNet.
{WIDTH.rstrip()}
        depth_multiplier: how many filters each channel has in the convolutions by channel, default 1.
        dropout: before the last layer, default 0.001.
        {ARGUMENTS.format(size=224, least=32, without='any number').partition('Arguments:')[2].strip()}

    Paper: A. Howard et al., "MobileNets: efficient convolutional neural networks for mobile vision applications", 2017.
    """
