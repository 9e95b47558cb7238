"""NASNet: two kinds of cells, which a search found, in rows."""

from ..layers import (
    Activation,
    AveragePooling2D,
    Conv2D,
    Cropping2D,
    MaxPooling2D,
    SeparableConv2D,
    ZeroPadding2D,
    add,
    concatenate,
)
from .building import ARGUMENTS, CLASSES, assemble, channel_axis, classifier, image_shape, normalized, stride_padding
from .imagenet_utils import preparation

preprocess_input, decode_predictions = preparation("tf")
MOMENTUM = 0.9997


def relu(x, name=None):
    return Activation("relu", name=name)(x)


def norm(x, name):
    return normalized(x, name, momentum=MOMENTUM)


def across(x, filters, name):
    """A convolution of single pixels."""
    return Conv2D(filters, 1, padding="same", use_bias=False, kernel_initializer="he_normal", name=name)(x)


def separable(x, filters, kernel, name, strides=1):
    """Twice relu, separable convolution, normalization; the first with the strides."""
    x = relu(x)
    if strides == 2:
        x = ZeroPadding2D(stride_padding(x, kernel), name=f"separable_conv_1_pad_{name}")(x)
    for i, step in enumerate((strides, 1), 1):
        x = x if i == 1 else relu(x)
        x = SeparableConv2D(filters, kernel, strides=step, padding="same" if step == 1 else "valid", use_bias=False,
                            name=f"separable_conv_{i}_{name}")(x)
        x = norm(x, f"separable_conv_{i}_bn_{name}")
    return x


def adjusted(p, x, filters, name):
    """What an earlier cell made, in the size and with the number of channels that this cell works with.

    Arguments:
        p, x: what the cell before the last one made (None for the first cell), and what the last one made.
    """
    if p is None:
        return x
    columns = 3 if channel_axis() == 1 else 2
    if p.shape[columns] != x.shape[columns]:
        p = relu(p, f"adjust_relu_1_{name}")
        one = AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_1_{name}")(p)
        one = across(one, filters // 2, f"adjust_conv_1_{name}")
        two = Cropping2D(((1, 0), (1, 0)))(ZeroPadding2D(((0, 1), (0, 1)))(p))      # one pixel further
        two = AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_2_{name}")(two)
        two = across(two, filters // 2, f"adjust_conv_2_{name}")
        return norm(concatenate([one, two], axis=channel_axis()), f"adjust_bn_{name}")
    if p.shape[channel_axis()] != filters:
        return norm(across(relu(p), filters, f"adjust_conv_projection_{name}"), f"adjust_bn_{name}")
    return p


def average(x, name):
    return AveragePooling2D(3, strides=1, padding="same", name=name)(x)


def normal_cell(x, p, filters, name):
    """A cell that keeps the size; returns what it made, and its input for the cell after the next."""
    p = adjusted(p, x, filters, name)
    h = norm(across(relu(x), filters, f"normal_conv_1_{name}"), f"normal_bn_1_{name}")
    total = lambda parts, i: add(parts, name=f"normal_add_{i}_{name}")
    one = total([separable(h, filters, 5, f"normal_left1_{name}"), separable(p, filters, 3, f"normal_right1_{name}")],
                1)
    two = total([separable(p, filters, 5, f"normal_left2_{name}"), separable(p, filters, 3, f"normal_right2_{name}")],
                2)
    three = total([average(h, f"normal_left3_{name}"), p], 3)
    four = total([average(p, f"normal_left4_{name}"), average(p, f"normal_right4_{name}")], 4)
    five = total([separable(h, filters, 3, f"normal_left5_{name}"), h], 5)
    made = concatenate([p, one, two, three, four, five], axis=channel_axis(), name=f"normal_concat_{name}")
    return made, x


def reduction_cell(x, p, filters, name):
    """A cell that halves the size; returns what :func:`normal_cell` does."""
    p = adjusted(p, x, filters, name)
    h = norm(across(relu(x), filters, f"reduction_conv_1_{name}"), f"reduction_bn_1_{name}")
    padded = ZeroPadding2D(stride_padding(h, 3), name=f"reduction_pad_1_{name}")(h)
    half = lambda y, kernel, label: separable(y, filters, kernel, f"reduction_{label}_{name}", strides=2)
    one = add([half(h, 5, "left1"), half(p, 7, "right1")], name=f"reduction_add_1_{name}")
    two = add([MaxPooling2D(3, strides=2, name=f"reduction_left2_{name}")(padded), half(p, 7, "right2")],
              name=f"reduction_add_2_{name}")
    three = add([AveragePooling2D(3, strides=2, name=f"reduction_left3_{name}")(padded), half(p, 5, "right3")],
                name=f"reduction_add3_{name}")
    four = add([two, average(one, f"reduction_left4_{name}")])
    five = add([separable(one, filters, 3, f"reduction_left4_{name}"),
                MaxPooling2D(3, strides=2, name=f"reduction_right5_{name}")(padded)], name=f"reduction_add4_{name}")
    return concatenate([two, three, four, five], axis=channel_axis(), name=f"reduction_concat_{name}"), x


def cells(x, filters, depth, stem, skips):
    """The stem and three rows of normal cells, each with twice the filters of the one before.

    Arguments:
        filters: of the first row.
        depth: how many cells a row has.
        stem: filters of the first convolution.
        skips: whether the cell after a reduction sees the input of the cell before it instead of its own.
    """
    if None in x.shape[1:]:
        raise ValueError(f"how NASNet is built depends on the size of the images: give the sides, got shape "
                         f"{tuple(x.shape)}")
    x = Conv2D(stem, 3, strides=2, use_bias=False, kernel_initializer="he_normal", name="stem_conv1")(x)
    x, p = reduction_cell(norm(x, "stem_bn1"), None, filters // 4, "stem_1")
    x, p = reduction_cell(x, p, filters // 2, "stem_2")
    for row in range(3):
        if row:
            x, before = reduction_cell(x, p, filters << row, f"reduce_{row * depth}")
            p = p if skips else before
        for i in range(depth):
            x, p = normal_cell(x, p, filters << row, str(row * depth + i + (row > 0)))
    return relu(x)


def _network(side, filters, depth, stem, skips, file):
    def build(input_shape=None, include_top=True, weights="imagenet", input_tensor=None, pooling=None, classes=CLASSES,
              classifier_activation="softmax", name="NASNet"):
        if input_shape is None and input_tensor is None:
            input_shape = image_shape(name, None, side, 32, True, False)
        return assemble(lambda x: cells(x, filters, depth, stem, skips), classifier("predictions", None),
                        (f"{file}.h5", f"{file}_no_top.h5"), side, 32, include_top, weights, input_tensor, input_shape,
                        pooling, classes, classifier_activation, name)
    build.__doc__ = f"""NASNet-A with {depth} cells in a row, {24 * filters} channels at the end.

    Paper: B. Zoph et al., "Learning transferable architectures for scalable image recognition", CVPR 2018.
    {ARGUMENTS.format(size=side, least=32, without='as many')}"""
    return build


NASNetMobile = _network(224, 44, 4, 32, False, "nasnet_mobile")
NASNetLarge = _network(331, 168, 6, 96, True, "nasnet_large")
for _name, _build in (("NASNetMobile", NASNetMobile), ("NASNetLarge", NASNetLarge)):
    _build.__name__ = _build.__qualname__ = _name
