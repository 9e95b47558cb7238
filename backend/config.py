"""What holds for the whole process: precision, image layout, names, the learning phase; and the sessions of old."""

import contextlib

import numpy as np

from ..autograd import Spec, Value
from ..utils import names, settings
from ..utils.settings import (
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from . import graph

__all__ = ["epsilon", "floatx", "image_data_format", "set_epsilon", "set_floatx", "set_image_data_format"]
_ORDERINGS = {"th": "channels_first", "tf": "channels_last"}


def backend():
    """The name of the library that computes: ``'tahr'``."""
    return "tahr"


def cast_to_floatx(x):
    """``x`` as an array (a tensor, if it is one) of the default float dtype.

    >>> cast_to_floatx([1, 2])
    array([1., 2.], dtype=float32)
    """
    return x.astype(floatx()) if isinstance(x, Value | Spec) else np.asarray(x, dtype=floatx())


def image_dim_ordering():
    """Keras 1's name of the image layout: ``'tf'`` for channels last, ``'th'`` for channels first."""
    return {layout: old for old, layout in _ORDERINGS.items()}[image_data_format()]


def set_image_dim_ordering(dim_ordering):
    """Set the image layout by Keras 1's name, ``'tf'`` or ``'th'``."""
    if dim_ordering not in _ORDERINGS:
        raise ValueError(f"Unknown dim_ordering: {dim_ordering!r}; it is 'tf' (channels last) or 'th' (channels first)")
    set_image_data_format(_ORDERINGS[dim_ordering])


def normalize_data_format(value):
    """``value`` as ``'channels_last'`` or ``'channels_first'``, None standing for the setting.

    >>> normalize_data_format("Channels_First")
    'channels_first'
    """
    found = (value or image_data_format()).lower()
    if found not in settings.IMAGE_FORMATS:
        raise ValueError("The `data_format` argument must be one of \"channels_first\", \"channels_last\". Received: "
                         f"{value}")
    return found


def get_uid(prefix=""):
    """The next number of a prefix, from 1 on: that of automatic names.

    >>> get_uid("wisent"), get_uid("wisent")
    (1, 2)
    """
    return int(names.unique_name(prefix).rpartition("_")[2])


def reset_uids():
    """Begin to count names at 1 again."""
    names.reset_uids()


def clear_session():
    """Count names from 1 again and forget the learning phase that was set; there is no graph to destroy."""
    reset_uids()
    _fix_phase(None)


def learning_phase():
    """Whether layers train: 0 or 1 where that is known, else a symbol that ``K.function`` takes as an input."""
    if graph.state.phase is not None:
        return graph.state.phase
    return int(graph.phase_now()) if graph.at_work() else graph.PHASE


def set_learning_phase(value):
    """Fix the learning phase for this thread: with 0 nothing trains, with 1 all does, ``predict`` too.

    So a network with dropout and batch normalization can be trained as it will be used. ``clear_session()`` ends it.
    """
    if value not in (0, 1):
        raise ValueError(f"Expected learning phase to be 0 or 1, got {value!r}")
    _fix_phase(int(value))


def _fix_phase(value):
    graph.state.phase = value
    if value is not None or graph._layers():
        phase = graph.of_the_package("layers.base")._phase
        phase.training, phase.fixed = bool(value), value
        settings.changed()


@contextlib.contextmanager
def name_scope(name):
    """Does nothing: variables have the names that they are given."""
    yield


def manual_variable_initialization(value):
    """Does nothing: variables have their values from the beginning."""


def get_session():
    """There are no sessions.

    Raises:
        RuntimeError: with what to use instead.
    """
    raise RuntimeError("tahr has no sessions: tensors have their values at once. Use K.get_value(x) or K.eval(x) "
                       "instead of session.run(x), and K.function(inputs, outputs) for symbols")


def set_session(session):
    """There are no sessions; see :func:`get_session`."""
    get_session()
