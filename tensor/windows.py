"""Windows that slide over the spatial axes of (batch, *space, channels): sizes, padding, the walk over their taps."""

import itertools

import numpy as np
from numpy.lib.stride_tricks import as_strided


def per_axis(name, value, ndim):
    """An int or a sequence of ``ndim`` ints, all positive, as a tuple."""
    values = tuple(value) if isinstance(value, tuple | list) else (value,) * ndim
    if len(values) != ndim or any(
            isinstance(v, bool) or not isinstance(v, int | np.integer) or v < 1 for v in values):
        raise ValueError(f"{name} must be a positive integer or {ndim} of them, got {value!r}")
    return tuple(map(int, values))


def window_sizes(space, window, strides, padding, dilation):
    """Output sizes and ``(before, after)`` paddings of a window that slides over ``space`` (sizes may be None)."""
    if isinstance(padding, str):
        padding = (padding,) * len(space)
    sizes, pads = zip(*map(_along_one_axis, space, window, strides, padding, dilation), strict=True)
    return sizes, pads


def _along_one_axis(n, k, stride, padding, dilation):
    reach = (k - 1) * dilation + 1
    if n is None:
        return None, (0, 0)
    if padding == "same":           # TensorFlow's rule: the odd element goes to the end
        size = -(-n // stride)
        total = max((size - 1) * stride + reach - n, 0)
        return size, (total // 2, total - total // 2)
    before, after = (0, 0) if padding == "valid" else (reach - 1, 0) if padding == "causal" else padding
    size = (n + before + after - reach) // stride + 1
    if size < 1 and n > 0:
        raise ValueError(f"a window that reaches over {reach} elements does not fit into {n + before + after}: use a "
                         "smaller one, or padding='same'")
    return max(size, 0), (before, after)


def taps(window, sizes, strides, dilation):
    """Each place in the window, and the slices of the padded input that it meets over all outputs."""
    for place in itertools.product(*map(range, window)):
        yield place, tuple(slice(p * d, p * d + (n - 1) * s + 1, s)
                           for p, d, n, s in zip(place, dilation, sizes, strides))


def runs(x, window, sizes, strides, dilation):
    """As :func:`taps`, a line of the window at a time: ``place, (batch, *sizes, window[-1] * channels)``.

    What lies under a line of the window, with its channels, is one piece of memory if the line is not dilated.
    """
    x = np.ascontiguousarray(x)
    for place, view in taps(window[:-1], sizes[:-1], strides[:-1], dilation[:-1]):
        seen = x[(slice(None), *view)]
        shape = (*seen.shape[:-2], sizes[-1], window[-1] * x.shape[-1])
        yield place, as_strided(seen, shape, (*seen.strides[:-2], strides[-1] * seen.strides[-2], seen.strides[-1]),
                                writeable=False)


def padded(x, pads, value=0):
    """``x`` with its spatial axes padded."""
    if not any(map(any, pads)):
        return x
    out = np.full((x.shape[0], *(n + a + b for n, (a, b) in zip(x.shape[1:-1], pads)), x.shape[-1]), value, x.dtype)
    out[(slice(None), *(slice(a, a + n) for n, (a, _) in zip(x.shape[1:-1], pads)))] = x
    return out


def check_padding(padding, ndim):
    if padding in ("valid", "same") or padding == "causal" and ndim == 1:
        return padding
    if isinstance(padding, str) or len(padding) != ndim or any(len(p) != 2 or min(p) < 0 for p in padding):
        raise ValueError(f"padding must be 'valid', 'same'{', causal' if ndim == 1 else ''} or {ndim} pairs of "
                         f"(before, after), got {padding!r}")
    return tuple(map(tuple, padding))
