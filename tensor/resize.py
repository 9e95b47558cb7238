"""Larger and smaller images: repetition, interpolation and cropping of (batch, *space, channels)."""

import numpy as np

from ..autograd import function, integers, raises, real, sample
from .movement import concatenate, expand_dims, reshape, slice_along
from .pool import sum_pool_grad_x
from .windows import per_axis

INTERPOLATIONS = ("nearest", "bilinear")


def _at(x, position):
    """The value of a line between its elements, whose centres are 0, 1, ...; the outermost go on outside."""
    position = min(max(position, 0), len(x) - 1)
    low = min(int(position), max(len(x) - 2, 0))
    return x[low] if position == low else x[low] * (1 - (position - low)) + x[low + 1] * (position - low)


def _resampled(x, size=2, interpolation="nearest"):
    for axis, factor in enumerate(per_axis("size", size, x.ndim - 2), 1):
        places = (np.arange(x.shape[axis] * factor) + 0.5) / factor - 0.5
        line = np.moveaxis(x, axis, 0)
        line = [line[round(p)] if interpolation == "nearest" else _at(line, p) for p in places.tolist()]
        x = np.moveaxis(np.array(line).reshape(len(line), *np.delete(x.shape, axis)), 0, axis)
    return x


@function(reference=_resampled,
          samples=[sample(real(2, 3, 4, 2)), sample(real(1, 3, 2, 2), (3, 2)), sample(real(2, 3, 1), 4),
                   sample(real(1, 2, 3, 2, 1), 2), sample(real(2, 3, 4, 2), 2, "bilinear"),
                   sample(real(1, 2, 3, 2), (3, 4), interpolation="bilinear"), sample(real(1, 1, 4, 1), 2, "bilinear"),
                   sample(real(0, 3, 2), 2), sample(integers(0, 9, 1, 3, 2), 2),
                   raises(ValueError, "interpolation must be", real(1, 2, 2, 1), 2, "bicubic"),
                   raises(ValueError, "size must be a positive", real(1, 2, 2, 1), (2, 0)),
                   raises(ValueError, "needs an input", real(3, 2))])
def upsample(x, size=2, interpolation="nearest"):
    """``x`` with each spatial axis ``size`` times as long.

    Arguments:
        x: (batch, *space, channels).
        size: a positive integer, or one for each spatial axis.
        interpolation: ``'nearest'`` repeats elements; ``'bilinear'`` draws lines between their centres along each axis,
            where the pixels' edges, not their centres, fall together (Keras's rule), and repeats the outermost.

    >>> import tahr
    >>> tahr.ops.upsample([[[0.0], [4.0]]], 2, "bilinear").numpy().ravel()
    array([0., 1., 3., 4.], dtype=float32)
    """
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"interpolation must be one of {', '.join(map(repr, INTERPOLATIONS))}, got {interpolation!r}")
    if x.ndim < 3:
        raise ValueError(f"upsample needs an input (batch, *space, channels), got shape {x.shape}")
    size = per_axis("size", size, x.ndim - 2)
    if interpolation == "nearest":      # every element goes to all of its window: what the gradient of a sum does
        space = tuple(None if n is None else n * k for n, k in zip(x.shape[1:-1], size))
        return sum_pool_grad_x(x, (x.shape[0], *space, x.shape[-1]), size, size, "valid")
    for axis, factor in enumerate(size, 1):
        x = _interpolated(x, axis, factor)
    return x


def _interpolated(x, axis, factor):
    """The ``factor`` elements that come from each element, mixed of it and a neighbour, set side by side."""
    n = x.shape[axis]
    if factor == 1 or n == 0:
        return x
    last = None if n is None else n - 1
    before = concatenate([slice_along(x, axis, 0, 1), slice_along(x, axis, 0, last)], axis)
    after = concatenate([slice_along(x, axis, 1, n), slice_along(x, axis, last, n)], axis)
    mixed = []
    for i in range(factor):
        place = (i + 0.5) / factor - 0.5
        mixed.append(x if place == 0 else (1 - abs(place)) * x + abs(place) * (before if place < 0 else after))
    together = concatenate([expand_dims(part, axis + 1) for part in mixed], axis + 1)
    return reshape(together, (*x.shape[:axis], None if n is None else n * factor, *x.shape[axis + 1:]))


@function(reference=lambda x, cropping: x[(slice(None), *(slice(a, n - b) for n, (a, b) in zip(
              x.shape[1:-1], [cropping] if isinstance(cropping[0], int) else cropping)))],
          samples=[sample(real(2, 5, 6, 3), ((1, 2), (0, 3))), sample(real(1, 4, 2), (1, 2)),
                   sample(real(0, 4, 2), (1, 2)), sample(real(1, 4, 2), (1, 3)),
                   raises(ValueError, "cannot crop", real(1, 4, 2), (3, 2)),
                   raises(ValueError, "a pair .before, after. for each", real(1, 4, 4, 2), ((1, 1),)),
                   raises(ValueError, "a pair .before, after. for each", real(1, 4, 2), ((-1, 1),))])
def crop(x, cropping):
    """``x`` (batch, *space, channels) without its borders: a pair (before, after) for each spatial axis.

    With one spatial axis the pair may stand by itself. Its opposite is :func:`pad`.

    >>> import tahr
    >>> tahr.ops.crop(tahr.ops.ones((1, 5, 6, 3)), ((1, 1), (0, 2))).shape
    (1, 3, 4, 3)
    """
    pairs = (cropping,) if len(cropping) == 2 and all(isinstance(n, int | np.integer) for n in cropping) else cropping
    if len(pairs) != x.ndim - 2 or any(len(pair) != 2 or min(pair) < 0 for pair in pairs):
        raise ValueError(f"cropping must be a pair (before, after) for each spatial axis of shape {x.shape}, none "
                         f"negative, got {cropping}")
    for axis, (before, after) in enumerate(pairs, 1):
        n = x.shape[axis]
        if n is not None and before + after > n:
            raise ValueError(f"cannot crop {before} + {after} elements from axis {axis} of shape {x.shape}")
        x = slice_along(x, axis, before, None if n is None else n - after)
    return x
