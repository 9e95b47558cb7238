"""Images as networks for ImageNet want them, and the names of what they saw."""

import json

import numpy as np

from .. import ops
from ..autograd import Spec, Value
from ..utils import settings

MEANS = {"caffe": (103.939, 116.779, 123.68), "torch": (0.485, 0.456, 0.406)}       # caffe: blue, green, red
DEVIATIONS = (0.229, 0.224, 0.225)
CLASS_INDEX = "imagenet_class_index.json"


def preprocess_input(x, data_format=None, mode="caffe"):
    """Images with values from 0 to 255, red, green and blue, as a network was trained on them.

    Arguments:
        x: an array, tensor or symbol, (rows, columns, 3) or (batch, rows, columns, 3); left as it is. Integers become
            float32.
        data_format: ``'channels_last'`` or ``'channels_first'``; default: the setting.
        mode: ``'caffe'``, the default: blue, green, red, minus the mean of each; ``'tf'``: from -1 to 1; ``'torch'``:
            from 0 to 1, then minus the mean, by the standard deviation, of each channel.

    Raises:
        ValueError: for another mode or data format.

    >>> preprocess_input(np.array([[[255, 0, 51]]]), mode="tf")
    array([[[ 1. , -1. , -0.6]]], dtype=float32)
    """
    data_format = settings.image_data_format() if data_format is None else data_format
    if mode not in ("caffe", "tf", "torch"):
        raise ValueError(f"mode of preprocess_input must be 'caffe', 'tf' or 'torch', got {mode!r}")
    if data_format not in ("channels_first", "channels_last"):
        raise ValueError(f"data_format must be 'channels_first' or 'channels_last', got {data_format!r}")
    tensor = isinstance(x, Value | Spec)
    x = x if tensor else np.asarray(x)
    if x.dtype.kind != "f":
        x = ops.astype(x, settings.floatx()) if tensor else x.astype(settings.floatx())
    if mode == "tf":
        return x / 127.5 - 1
    shape = (3, 1, 1) if data_format == "channels_first" else (3,)
    channels = lambda values: np.array(values, x.dtype).reshape(shape)
    if mode == "torch":
        return (x / 255 - channels(MEANS[mode])) / channels(DEVIATIONS)
    axis = -3 if data_format == "channels_first" else -1
    return (ops if tensor else np).flip(x, axis) - channels(MEANS[mode])


def decode_predictions(preds, top=5):
    """The most probable classes of ImageNet for each image.

    The names come from Keras's file ``imagenet_class_index.json``, ``$TAHR_HOME/models`` or else ``~/.keras/models``.

    Arguments:
        preds: probabilities, shape (images, 1000).
        top: how many classes to name, default 5.

    Returns:
        For each image a list of ``(WordNet number, name, probability)``, the most probable first.

    Raises:
        ValueError: for another shape. FileNotFoundError: there is no such file.

    >>> decode_predictions(model.predict(images), top=1)  # doctest: +SKIP
    [[('n02504458', 'African_elephant', 0.82)]]
    """
    preds = np.asarray(preds.data if isinstance(preds, Value) else preds)
    if preds.ndim != 2 or preds.shape[1] != 1000:
        raise ValueError(f"decode_predictions needs probabilities of shape (images, 1000), got {preds.shape}")
    path = settings.home() / "models" / CLASS_INDEX
    if not path.is_file():
        raise FileNotFoundError(f"decode_predictions needs Keras's file {CLASS_INDEX}, which is not at {path}; put it "
                                f"there, or set TAHR_HOME to a folder that has models/{CLASS_INDEX}")
    names = json.loads(path.read_text(encoding="utf-8"))
    return [[(*names[str(i)], row[i]) for i in np.argsort(-row, kind="stable")[:top].tolist()] for row in preds]


def preparation(mode):
    """The functions ``preprocess_input`` and ``decode_predictions`` of a network."""
    def preprocess(x, data_format=None):
        return preprocess_input(x, data_format, mode)
    preprocess.__name__ = preprocess.__qualname__ = "preprocess_input"
    preprocess.__doc__ = f"Images as this network wants them: mode {mode!r} of :func:`imagenet_utils.preprocess_input`."
    return preprocess, decode_predictions
