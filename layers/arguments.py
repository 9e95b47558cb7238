"""Checks of arguments that many layers take."""

from .. import constraints, initializers, regularizers
from ..utils import settings


def positive_int(name, value):
    """``value`` as an int.

    >>> positive_int("units", 0)
    Traceback (most recent call last):
    ValueError: units must be a positive integer, got 0
    """
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < 1:
        raise ValueError(f"{name} must be a positive integer, got {value!r}")
    return int(value)


def window_padding(padding):
    """``'valid'`` or ``'same'``, whatever its case.

    >>> window_padding("SAME")
    'same'
    """
    lower = padding.lower() if isinstance(padding, str) else padding
    if lower not in ("valid", "same"):
        raise ValueError(f"padding must be 'valid' or 'same', got {padding!r}")
    return lower


def image_layout(data_format):
    """``'channels_last'`` or ``'channels_first'``; None is the setting.

    >>> image_layout(None)
    'channels_last'
    """
    data_format = settings.image_data_format() if data_format is None else data_format
    if data_format not in settings.IMAGE_FORMATS:
        raise ValueError(f"data_format must be 'channels_last' or 'channels_first', got {data_format!r}")
    return data_format


def line_layout(data_format):
    """The same for sequences, whose default is ``'channels_last'`` whatever the setting.

    >>> line_layout(None)
    'channels_last'
    """
    return image_layout(data_format or "channels_last")


def weight_options(initializer, regularizer, constraint):
    """What a layer's arguments say about one weight, for :meth:`Layer.add_weight`; unknown names raise here.

    >>> weight_options("zeros", "l2", None)["regularizer"].get_config()
    {'l2': 0.01}
    """
    return {"initializer": initializers.get(initializer), "regularizer": regularizers.get(regularizer),
            "constraint": constraints.get(constraint)}
