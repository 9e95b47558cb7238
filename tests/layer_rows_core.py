"""References for the layers that slide no windows: plain NumPy, a sample or a query at a time."""

import numpy as np


def each_sample(function):
    """A function of one sample, for a batch."""
    return lambda x, *weights: np.stack([function(sample, *weights) for sample in x])


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def logistic(x):
    return 1 / (1 + np.exp(-x))


def heads(q, k, v, shown=None):
    """Attention of one sample: q, k, v are (steps, heads, size), the result likewise; ``shown`` (queries, keys)."""
    out = np.zeros((*q.shape[:2], v.shape[-1]))
    for i, h in np.ndindex(*q.shape[:2]):
        seen = [j for j in range(len(k)) if shown is None or shown[i, j]]
        if seen:
            weights = softmax(np.array([q[i, h] @ k[j, h] for j in seen]) / np.sqrt(q.shape[-1]))
            out[i, h] = sum(w * v[j, h] for w, j in zip(weights, seen))
    return out


def projected(x, kernel, bias):
    return np.einsum("tf,fhd->thd", x, kernel) + bias


def multi_head(q, v, k, wq, bq, wk, bk, wv, bv, wo, bo, shown=None):
    """Of one sample; key and value heads are shared by as many neighbours as there are more query heads."""
    times = wq.shape[1] // wk.shape[1]
    keys, values = (np.repeat(projected(*p), times, 1) for p in ((k, wk, bk), (v, wv, bv)))
    return np.einsum("thd,hdo->to", heads(projected(q, wq, bq), keys, values, shown), wo) + bo


def self_attention(x, *weights):
    return each_sample(lambda s: multi_head(s, s, s, *weights))(x)


def over_features(x, axes, centered=True, epsilon=1e-3):
    """Each sample normalized over some axes."""
    mean = x.mean(axes, keepdims=True) if centered else 0.0
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(axes, keepdims=True) + epsilon)


def groups(x, count, epsilon=1e-3):
    out = np.zeros(x.shape)
    size = x.shape[-1] // count
    for b in range(len(x)):
        for g in range(count):
            part = x[b, ..., g * size:(g + 1) * size]
            out[b, ..., g * size:(g + 1) * size] = (part - part.mean()) / np.sqrt(part.var() + epsilon)
    return out


def highway(x, w, carry, b, b_carry):
    t = logistic(x @ carry + b_carry)
    return t * np.tanh(x @ w + b) + (1 - t) * x


def counted(x, depth):
    """How often each integer below ``depth`` is in each row."""
    return np.array([[np.sum(row == i) for i in range(depth)] for row in x], float)


def line(x, new):
    """A line resampled to ``new`` elements, linearly, edges together."""
    out = []
    for i in range(new):
        place = min(max((i + 0.5) * len(x) / new - 0.5, 0), len(x) - 1)
        low = min(int(place), max(len(x) - 2, 0))
        out.append(x[low] + (place - low) * (x[min(low + 1, len(x) - 1)] - x[low]))
    return np.array(out)


def bilinear(x, height, width):
    """Images (batch, rows, columns, channels) in another size."""
    rows = np.moveaxis(line(np.moveaxis(x, 1, 0), height), 0, 1)
    return np.moveaxis(line(np.moveaxis(rows, 2, 0), width), 0, 2)


def moved(x, down, right):
    """Images moved by whole pixels, ``dcba|abcd|dcba`` beyond the border."""
    pad = np.pad(x, [(0, 0), (5, 5), (5, 5), (0, 0)], mode="symmetric")
    height, width = x.shape[1:3]
    return pad[:, 5 - down:5 - down + height, 5 - right:5 - right + width]
