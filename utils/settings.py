"""Settings that hold for the whole process; the environment is read here and nowhere else.

>>> from tahr.utils import settings
>>> settings.floatx()
'float32'
>>> with settings.using(floatx="float64"):
...     settings.floatx()
'float64'
"""

import contextlib
import os
import pathlib

FLOAT_TYPES = ("float16", "float32", "float64")
IMAGE_FORMATS = ("channels_last", "channels_first")

_values = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last",
           "num_threads": None, "numba": None, "winograd": True}


_changes = 0


def changes():
    """A number that grows whenever a setting changes, or the configuration of an object does (:func:`changed`)."""
    return _changes


def changed():
    """Let what was recorded of steps count no longer: something has changed that they took for granted."""
    global _changes
    _changes += 1


def floatx():
    """The dtype that floating-point data take when they enter tahr: ``'float32'`` unless changed."""
    return _values["floatx"]


def set_floatx(dtype):
    """Set the default float dtype to ``'float16'``, ``'float32'`` or ``'float64'``."""
    _values["floatx"] = _one_of("floatx", dtype, FLOAT_TYPES)
    changed()


def epsilon():
    """The small number that keeps divisions and logarithms away from 0: ``1e-7`` unless changed."""
    return _values["epsilon"]


def set_epsilon(value):
    """Set :func:`epsilon`; a positive float."""
    value = float(value)
    if not value > 0:
        raise ValueError(f"epsilon must be positive, got {value}")
    _values["epsilon"] = value
    changed()


def image_data_format():
    """Where images keep their channels: ``'channels_last'`` unless changed."""
    return _values["image_data_format"]


def set_image_data_format(data_format):
    """Set the default image layout to ``'channels_last'`` or ``'channels_first'``."""
    _values["image_data_format"] = _one_of("image_data_format", data_format, IMAGE_FORMATS)
    changed()


def num_threads():
    """How many threads work side by side: ``$TAHR_NUM_THREADS``, else the processors that this process may use."""
    if _values["num_threads"] is None:
        given = os.environ.get("TAHR_NUM_THREADS")
        usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        set_num_threads(given or usable)
    return _values["num_threads"]


def set_num_threads(count):
    """Set :func:`num_threads`; results do not depend on it."""
    if not str(count).isdigit() or int(count) < 1:
        raise ValueError(f"num_threads must be a positive integer, got {count!r}")
    _values["num_threads"] = int(count)


def numba():
    """Whether compiled kernels run: yes, unless ``TAHR_NUMBA=0``, which leaves their NumPy references."""
    if _values["numba"] is None:
        _values["numba"] = os.environ.get("TAHR_NUMBA", "1") != "0"
    return _values["numba"]


def set_numba(on):
    """Switch compiled kernels on or off."""
    _values["numba"] = bool(on)
    changed()


def winograd():
    """Whether 3 x 3 convolutions go by Winograd's algorithm where that is faster: yes, unless changed."""
    return _values["winograd"]


def set_winograd(on):
    """Switch Winograd's algorithm on or off; without it, results are some 10 times closer to the exact ones."""
    _values["winograd"] = bool(on)
    changed()


@contextlib.contextmanager
def using(**changes):
    """Change settings for the length of a ``with`` block: ``using(floatx='float64', epsilon=1e-9)``."""
    setters = {"floatx": set_floatx, "epsilon": set_epsilon, "image_data_format": set_image_data_format,
               "num_threads": set_num_threads, "numba": set_numba, "winograd": set_winograd}
    unknown = changes.keys() - setters
    if unknown:
        raise TypeError(f"using() knows the settings {sorted(setters)}, got {sorted(unknown)}")
    before = dict(_values)
    try:
        for name, value in changes.items():
            setters[name](value)
        yield
    finally:
        if _values != before:
            _values.update(before)
            changed()


def home():
    """The folder of cached data sets: ``$TAHR_HOME``, or ``~/.keras`` so that Keras's files are found."""
    return pathlib.Path(os.environ.get("TAHR_HOME") or pathlib.Path.home() / ".keras")


def cache_home():
    """The folder of compiled kernels: ``$TAHR_CACHE``, else where the system keeps what can be made again."""
    given = os.environ.get("TAHR_CACHE") or os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_CACHE_HOME")
    return pathlib.Path(given or pathlib.Path.home() / ".cache") / "tahr"


def _one_of(name, value, allowed):
    value = getattr(value, "__name__", value)
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")
    return value
