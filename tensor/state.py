"""The one op that writes."""

import numpy as np

from ..autograd import op


def _assigned(x, value):
    if value.shape != x.shape and value.ndim:
        raise ValueError(f"assign needs a value of shape {x.shape} (or a scalar), got {value.shape}")
    return x.shape


@op(shape=_assigned, writes=(0,))
def assign(x, value):
    """Write ``value`` into the memory of ``x``."""
    _assigned(x, np.asarray(value))
    np.copyto(x, value, casting="same_kind")
    return x
