"""Checks of the arguments of optimizers."""

import math

from ..utils import settings


def checked_rate(value):
    """A learning rate as a float.

    >>> checked_rate(-1)
    Traceback (most recent call last):
    ValueError: the learning rate must be finite and not negative, got -1
    """
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise TypeError(f"the learning rate must be a number, got {type(value).__name__} {value!r} (a schedule or a "
                        "function of the step will do, too)")
    if not 0 <= float(value) < math.inf:
        raise ValueError(f"the learning rate must be finite and not negative, got {value}")
    return float(value)


def checked_fraction(name, value):
    """``value``, if it lies in [0, 1).

    >>> checked_fraction("rho", 1.0)
    Traceback (most recent call last):
    ValueError: rho must lie in [0, 1), got 1.0
    """
    if not 0 <= value < 1:
        raise ValueError(f"{name} must lie in [0, 1), got {value}")
    return value


def checked_momentum(value, name="momentum"):
    """``value``, if it lies in [0, 1].

    >>> checked_momentum(1.5)
    Traceback (most recent call last):
    ValueError: momentum must lie in [0, 1], got 1.5
    """
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must lie in [0, 1], got {value}")
    return value


def checked_epsilon(value):
    """``value``, if it is positive; None is the setting, as in Keras 2.

    >>> checked_epsilon(None)
    1e-07
    """
    value = settings.epsilon() if value is None else value
    if not value > 0:
        raise ValueError(f"epsilon must be positive, got {value}")
    return value


def checked_size(name, value):
    """``value``, if it is finite and not negative.

    >>> checked_size("decay", -1)
    Traceback (most recent call last):
    ValueError: decay must not be negative, got -1
    """
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise TypeError(f"{name} must be a number, got {type(value).__name__} {value!r}")
    if not value >= 0:
        raise ValueError(f"{name} must not be negative, got {value}")
    if value == math.inf:
        raise ValueError(f"{name} must be finite, got {value}")
    return value


def checked_limit(name, value):
    """``value``, if it is positive or None.

    >>> checked_limit("clipnorm", 0.0)
    Traceback (most recent call last):
    ValueError: clipnorm must be positive, got 0.0: None is no limit
    """
    if value is not None and not checked_size(name, value) > 0:
        raise ValueError(f"{name} must be positive, got {value}: None is no limit")
    return value


def checked_count(name, value, least):
    """``value``, if it is None or an integer of at least ``least``.

    >>> checked_count("gradient_accumulation_steps", 1, 2)
    Traceback (most recent call last):
    ValueError: gradient_accumulation_steps must be an integer of at least 2 or None, got 1
    """
    if value is not None and (isinstance(value, bool) or not hasattr(value, "__index__") or value < least):
        raise ValueError(f"{name} must be an integer of at least {least} or None, got {value!r}")
    return value
