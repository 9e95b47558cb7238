"""References for layers that slide windows, in any number of dimensions: plain NumPy, a tap of the window at a time."""

import itertools

import numpy as np


def bordered(x, reach, strides, padding, fill=0.0):
    """``x`` (batch, *space, channels) with what ``padding`` puts around it, and the sizes of the output."""
    pads = []
    for n, k, s in zip(x.shape[1:-1], reach, strides):
        total = {"valid": 0, "causal": k - 1, "same": max((-(-n // s) - 1) * s + k - n, 0)}[padding]
        pads.append((total, 0) if padding == "causal" else (total // 2, total - total // 2))
    x = np.pad(x, [(0, 0), *pads, (0, 0)], constant_values=fill)
    return x, [(n - k) // s + 1 for n, k, s in zip(x.shape[1:-1], reach, strides)]


def taps(x, window, sizes, strides, dilation):
    """Each place of the window and what the outputs see there."""
    for place in itertools.product(*map(range, window)):
        yield place, x[(slice(None), *(slice(p * d, p * d + (n - 1) * s + 1, s)
                                       for p, d, n, s in zip(place, dilation, sizes, strides)))]


def slide(x, w, b=0.0, strides=1, padding="valid", dilation=1):
    """A convolution with the kernel ``w`` (*window, channels, filters)."""
    rank = w.ndim - 2
    strides, dilation = np.broadcast_to(strides, rank), np.broadcast_to(dilation, rank)
    reach = [(k - 1) * d + 1 for k, d in zip(w.shape, dilation)]
    x, sizes = bordered(x, reach, strides, padding)
    return sum(seen @ w[place] for place, seen in taps(x, w.shape[:rank], sizes, strides, dilation)) + b


def depthwise(x, w, b=0.0, **options):
    """Each channel on its own; ``w`` is (*window, channels, multiplier)."""
    parts = [slide(x[..., [c]], w[..., [c], :], **options) for c in range(x.shape[-1])]
    return np.concatenate(parts, -1) + b


def spread(x, w, b=0.0, strides=1, padding="valid", more=None):
    """A transposed convolution: ``w`` (*window, filters, channels); every element adds a window to the output."""
    rank = w.ndim - 2
    strides = np.broadcast_to(strides, rank)
    sizes = [(n - 1) * s + k for n, s, k in zip(x.shape[1:-1], strides, w.shape)]
    out = np.zeros((len(x), *(n + max(s - k, 0) for n, s, k in zip(sizes, strides, w.shape)), w.shape[-2]))
    for place in itertools.product(*map(range, w.shape[:rank])):
        at = tuple(slice(p, p + (n - 1) * s + 1, s) for p, n, s in zip(place, x.shape[1:-1], strides))
        out[(slice(None), *at)] += x @ w[place].T
    if padding == "same":
        cuts = []
        for n, s, k in zip(x.shape[1:-1], strides, w.shape):
            size = n * s if more is None else (n - 1) * s + k - 2 * (k // 2) + more
            before = max((n - 1) * s + k - size, 0) // 2        # what 'same' puts in front of the convolution back
            cuts.append(slice(before, before + size))
        longer = [(0, max(c.stop - n, 0)) for c, n in zip(cuts, out.shape[1:-1])]
        out = np.pad(out, [(0, 0), *longer, (0, 0)])[(slice(None), *cuts)]
    return out + b


def look(combine, x, window, strides=None, padding="valid"):
    """A pooling: ``combine`` of what each window sees, what lies outside aside."""
    rank = x.ndim - 2
    window = tuple(np.broadcast_to(window, rank))
    strides = window if strides is None else np.broadcast_to(strides, rank)
    x, sizes = bordered(x, window, strides, padding, np.nan)
    return combine(np.stack([seen for _, seen in taps(x, window, sizes, strides, (1,) * rank)]), axis=0)


def unshared(x, w, b):
    """A convolution with another kernel at every place; ``w`` is (places, window * channels, filters)."""
    places, rank = b.shape[:-1], x.ndim - 2
    out = np.zeros((len(x), *b.shape))
    window = [n - m + 1 for n, m in zip(x.shape[1:-1], places)]
    for i, place in enumerate(np.ndindex(*places)):
        seen = x[(slice(None), *(slice(p, p + k) for p, k in zip(place, window)))]
        out[(slice(None), *place)] = seen.reshape(len(x), -1) @ w[i]
    assert rank == len(places)
    return out + b


def binned(combine, x, sizes):
    """A number for each of so many bins along each axis."""
    sizes = np.broadcast_to(sizes, x.ndim - 2)
    out = np.zeros((len(x), *sizes, x.shape[-1]))
    for place in np.ndindex(*sizes):
        bins = tuple(slice(i * n // s, -(-(i + 1) * n // s)) for i, n, s in zip(place, x.shape[1:-1], sizes))
        out[(slice(None), *place)] = combine(x[(slice(None), *bins)], axis=tuple(range(1, x.ndim - 1)))
    return out


def stretched(x, size):
    """Each element several times."""
    for axis, k in enumerate(np.broadcast_to(size, x.ndim - 2), 1):
        x = np.repeat(x, k, axis)
    return x
