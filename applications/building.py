"""What all networks share: the arguments that they take, their inputs, their last layers, files of weights."""

import os
import pathlib

from ..autograd import Spec, Value
from ..layers import Activation, BatchNormalization, Dense, GlobalAveragePooling2D, GlobalMaxPooling2D, Input
from ..layers.merge import source_inputs
from ..layers.node import source
from ..models import Model
from ..utils import settings

POOLING = {"avg": GlobalAveragePooling2D, "max": GlobalMaxPooling2D}
CLASSES = 1000      # of ImageNet
ARGUMENTS = """
    Arguments:
        include_top: whether the layers that classify come last, default True.
        weights: None for random ones; the path of an HDF5 file of weights; or ``'imagenet'``, the default, for the file
            of Keras in the cache folder, ``$TAHR_HOME/models`` or else ``~/.keras/models``.
        input_tensor: a symbol to build upon, default a new ``Input``.
        input_shape: of an image, channels included; at least {least} by {least} pixels. Default: 3 channels and {size}
            by {size} pixels, {without} without top.
        pooling: without top: ``'avg'`` or ``'max'`` over all pixels; default None, for images of features.
        classes: how many classes there are, default 1000.
        classifier_activation: of the last layer, default ``'softmax'``; None for logits.
        name: of the model.

    Raises:
        FileNotFoundError: there is no such file of weights; the message names it.
        ValueError: for an ``input_shape`` that is too small or does not fit the weights, and for other ``classes`` than
            those of the weights.
"""


def application(name, head, files=None, size=224, least=32):
    """Makes a network of a function from an image (a symbol) to features.

    Arguments:
        name: of the model.
        head: see :func:`assemble`.
        files: names of Keras's files of weights, with top and without; default: by Keras's pattern.
        size, least: of images, see :data:`ARGUMENTS`.
    """
    defaults, pattern = name, f"{name}_weights_tf_dim_ordering_tf_kernels"
    files = files or (f"{pattern}.h5", f"{pattern}_notop.h5")

    def network(body):
        def build(include_top=True, weights="imagenet", input_tensor=None, input_shape=None, pooling=None,
                  classes=CLASSES, classifier_activation="softmax", name=defaults):
            return assemble(body, head, files, size, least, include_top, weights, input_tensor, input_shape, pooling,
                            classes, classifier_activation, name)
        build.__name__ = build.__qualname__ = body.__name__
        build.__module__ = body.__module__
        build.__doc__ = body.__doc__ + ARGUMENTS.format(size=size, least=least, without="any number")
        return build
    return network


def assemble(body, head, files, size, least, include_top, weights, input_tensor, input_shape, pooling, classes,
             classifier_activation, name):
    """A model: an input, the body, and the head or a pooling, with weights.

    Arguments:
        body: a function from an image to features.
        head: a function of features, number of classes and activation.
        files: names of the files for ``'imagenet'``, with top and without.
        the rest: see :data:`ARGUMENTS`.
    """
    if pooling not in (None, *POOLING):
        raise ValueError(f"{name}: pooling must be None, 'avg' or 'max', got {pooling!r}")
    if weights == "imagenet" and include_top and classes != CLASSES:
        raise ValueError(f"{name}: weights='imagenet' with include_top=True has classes={CLASSES}, got {classes!r}; "
                         f"leave out the top, or the weights")
    path = weights_file(name, weights, files[0 if include_top else 1])
    shape = image_shape(name, input_shape, size, least, include_top, weights == "imagenet")
    image = input_of(name, input_tensor, shape)
    x = body(image)
    if include_top:
        x = head(x, classes, classifier_activation)
    elif pooling:
        x = POOLING[pooling]()(x)
    model = Model(image if input_tensor is None else source_inputs([image]), x, name=name)
    if path is not None:
        model.load_weights(path)
    return model


def weights_file(name, weights, file):
    """The path of a file that is there; None for None."""
    if weights is None:
        return None
    path = settings.home() / "models" / file if weights == "imagenet" else pathlib.Path(os.fspath(weights))
    if path.is_file():
        return path
    if weights == "imagenet":
        raise FileNotFoundError(f"{name}: weights='imagenet' needs Keras's file {file}, which is not at {path}; put it "
                                f"there, pass its path as weights=, or weights=None for random weights")
    raise FileNotFoundError(f"{name}: weights must be None, 'imagenet' or the path of a file of weights, got "
                            f"{weights!r}, and there is no file at {path.absolute()}")


def image_shape(name, given, size, least, include_top, imagenet):
    """The shape of an image, channels included, in the order of ``image_data_format``."""
    first = settings.image_data_format() == "channels_first"
    full = lambda side: (3, side, side) if first else (side, side, 3)
    if given is None:
        return full(size if include_top else None)
    shape = tuple(given)
    sides = shape[1:] if first else shape[:-1]
    channels = shape[0 if first else -1] if shape else None
    if len(shape) != 3:
        raise ValueError(f"{name}: input_shape must be three integers, two sides and the channels, got {given!r}")
    if include_top and None in shape:
        raise ValueError(f"{name}: with include_top=True the input_shape must be known, got {given!r}")
    if any(side is not None and side < least for side in sides):
        raise ValueError(f"{name}: images must have at least {least} by {least} pixels, got input_shape={given!r}")
    if imagenet and (channels != 3 or include_top and sides != (size, size)):
        raise ValueError(f"{name}: weights='imagenet' were trained on images of shape {full(size)}, got input_shape="
                         f"{given!r}; with include_top=False the sides may be others")
    return shape


def input_of(name, tensor, shape):
    """The symbol that a network starts from."""
    if tensor is None:
        return Input(shape=shape)
    if isinstance(tensor, Value):
        return Input(tensor=tensor)
    if not isinstance(tensor, Spec) or source(tensor) is None:
        raise ValueError(f"{name}: input_tensor must be what Input or a layer called on a symbol returned, got "
                         f"{tensor!r}")
    return tensor


# Parts of networks

def channel_axis():
    """The axis of channels in batches of images."""
    return 1 if settings.image_data_format() == "channels_first" else 3


def normalized(x, name=None, act=None, **options):
    """Batch normalization, and relu if ``act`` names it; True for a relu without name."""
    x = BatchNormalization(axis=channel_axis(), name=name, **options)(x)
    return Activation("relu", name=None if act is True else act)(x) if act else x


def classifier(name, pool="avg_pool"):
    """A head: the mean over all pixels, then a Dense of that name."""
    def head(x, classes, activation):
        return Dense(classes, activation=activation, name=name)(GlobalAveragePooling2D(name=pool)(x))
    return head


def stride_padding(x, kernel):
    """What to pad an image with for a convolution with stride 2, such that it sees what TensorFlow's 'same' would."""
    first = channel_axis() == 1
    rows, columns = x.shape[2:4] if first else x.shape[1:3]
    return tuple((kernel // 2 - (1 if side is None else 1 - side % 2), kernel // 2) for side in (rows, columns))
