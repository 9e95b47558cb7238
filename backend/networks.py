"""What networks are made of: activations, losses, normalisation, convolution, pooling."""

import numpy as np

from .. import tensor
from ..autograd import Spec
from ..tensor import Tensor
from ..utils import settings
from . import config, creation
from .graph import as_tensor, late
from .shaping import _last

ops = tensor.PUBLIC


# Activations

def relu(x, alpha=0.0, max_value=None, threshold=0.0):
    """``x`` from ``threshold`` on, ``alpha * (x - threshold)`` below it, at most ``max_value``.

    >>> relu([-1.0, 2.0, 9.0], 0.5, 6.0)
    Tensor([-0.5,  2. ,  6. ])
    """
    x = as_tensor(x)
    if (alpha, max_value, threshold) == (0.0, None, 0.0):
        return ops["relu"](x)
    out = ops["where"](x >= threshold, x, alpha * (x - threshold))
    return out if max_value is None else ops["minimum"](out, max_value)


def elu(x, alpha=1.0):
    """``x``, and ``alpha * (exp(x) - 1)`` below 0."""
    return ops["elu"](as_tensor(x), alpha)


def softmax(x, axis=-1):
    """``exp(x) / sum(exp(x))`` along an axis, without overflow."""
    x = as_tensor(x)
    out = ops["softmax"](x, axis)
    return _from(out, "softmax", x) if axis in (-1, out.ndim - 1) else out


def sigmoid(x):
    """``1 / (1 + exp(-x))``, without overflow."""
    x = as_tensor(x)
    return _from(ops["sigmoid"](x), "sigmoid", x)


def _from(out, function, x):
    """``out`` with the note from which cross-entropies take the logits."""
    if isinstance(out, Tensor):
        out.logits = function, x
    return out


def softplus(x):
    """``log(1 + exp(x))``."""
    return ops["softplus"](as_tensor(x))


def softsign(x):
    """``x / (1 + |x|)``."""
    return ops["softsign"](as_tensor(x))


def hard_sigmoid(x):
    """``0.2 * x + 0.5`` limited to [0, 1]."""
    return ops["hard_sigmoid"](as_tensor(x))


def tanh(x):
    """The hyperbolic tangent."""
    return ops["tanh"](as_tensor(x))


def dropout(x, level, noise_shape=None, seed=None):
    """``x`` with elements set to 0 with probability ``level``, the rest divided by ``1 - level``.

    Raises:
        ValueError: for a level outside [0, 1).
    """
    if not 0 <= level < 1:
        raise ValueError(f"Dropout level must be in interval [0, 1[, got {level}")
    return ops["dropout"](as_tensor(x), level, noise_shape, creation._generator(seed))


# Losses

def _logits(output, function):
    """What ``output`` is the softmax or sigmoid of, None if it is not known to be one."""
    made = getattr(output, "logits", None)
    return made[1] if made and made[0] == function else None


def _bounded(p):
    return ops["clip"](p, settings.epsilon(), 1.0 - settings.epsilon())


def _axis_to_end(x, axis):
    return x if axis in (-1, x.ndim - 1) else ops["moveaxis"](x, axis, -1)


def categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """``-sum(target * log(output))`` along an axis; probabilities are brought to a sum of 1 and kept off 0.

    >>> round(float(categorical_crossentropy([0.0, 1.0], [0.5, 0.5])), 4)
    0.6931
    """
    target, output = as_tensor(target), as_tensor(output)
    logits = output if from_logits else _logits(output, "softmax")
    if logits is not None:
        logits, target = _axis_to_end(logits, axis), _axis_to_end(target, axis)
        return ops["softmax_cross_entropy"](logits, target.astype(logits.dtype))
    p = output / ops["sum"](output, axis, keepdims=True)
    return -ops["sum"](target * ops["log"](_bounded(p)), axis)


def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """``-log`` of the output of the class that ``target``, an integer (an axis of 1 aside), names.

    >>> round(float(sparse_categorical_crossentropy([1], [[0.25, 0.75]])[0]), 4)
    0.2877
    """
    target, output = as_tensor(target), as_tensor(output)
    if target.ndim == output.ndim and target.shape[axis] == 1:
        target = ops["squeeze"](target, axis)
    output = _axis_to_end(output, axis)
    target = target if target.dtype.kind in "iu" else target.astype("int64")
    logits = output if from_logits else _logits(output, "softmax")
    if logits is None:
        logits = ops["log"](_bounded(output))
    return ops["sparse_softmax_cross_entropy"](logits, target)


def binary_crossentropy(target, output, from_logits=False):
    """``-target * log(output) - (1 - target) * log(1 - output)``, element by element.

    >>> round(float(binary_crossentropy([1.0], [0.5])[0]), 4)
    0.6931
    """
    target, output = as_tensor(target), as_tensor(output)
    logits = output if from_logits else _logits(output, "sigmoid")
    if logits is not None:
        return ops["sigmoid_cross_entropy"](logits, target)
    p = _bounded(output)
    return -target * ops["log"](p) - (1.0 - target) * ops["log"](1.0 - p)


def in_top_k(predictions, targets, k):
    """Whether each target class is among the ``k`` largest predictions; classes as large as the k-th are.

    >>> in_top_k([[0.1, 0.7, 0.2]], [2], 2).tolist()
    [True]
    """
    predictions, targets = as_tensor(predictions), as_tensor(targets)
    classes = predictions.shape[-1]
    own = ops["take_along_axis"](predictions, ops["expand_dims"](targets.astype("int64"), -1), -1)
    larger = ops["sum"]((predictions > own).astype("int64"), -1)
    finite = ops["all"](ops["isfinite"](predictions), -1)
    return ops["logical_and"](larger < min(k, classes), finite)


# Normalisation

def bias_add(x, bias, data_format=None):
    """``x`` with a bias for each channel, or one of the shape ``(*space, channels)`` of a sample.

    For channels_first data the latter is taken as it lies in memory, reshaped to ``(channels, *space)`` as in Keras.

    Raises:
        ValueError: for a bias of another number of axes than 1 and those of a sample.

    >>> bias_add([[1.0, 2.0]], [10.0, 20.0]).tolist()
    [[11.0, 22.0]]
    """
    x, bias = as_tensor(x), as_tensor(bias)
    if bias.ndim not in (1, x.ndim - 1):
        raise ValueError(f"Unexpected bias dimensions {bias.ndim}, expect to be 1 or {x.ndim - 1} dimensions")
    if config.normalize_data_format(data_format) == "channels_last" or x.ndim < 3:
        return x + bias
    if bias.ndim == 1:
        return x + ops["reshape"](bias, (-1, *[1] * (x.ndim - 2)))
    return x + ops["reshape"](bias, (bias.shape[-1], *bias.shape[:-1]))


def normalize_batch_in_training(x, gamma, beta, reduction_axes, epsilon=1e-3):
    """``x`` brought to mean 0 and variance 1 over some axes, scaled and shifted; with that mean and variance.

    >>> normalize_batch_in_training([[1.0], [3.0]], None, None, [0])[1]
    Tensor([2.])
    """
    x, axes = as_tensor(x), tuple(a % as_tensor(x).ndim for a in reduction_axes)
    mean, variance = ops["mean"](x, axes), ops["var"](x, axes)
    shape = tuple(1 if a in axes else n for a, n in enumerate(x.shape))
    broad = lambda w: w if w is None or w.ndim == x.ndim else ops["reshape"](w, shape)
    out = batch_normalization(x, broad(mean), broad(variance), broad(_maybe(beta)), broad(_maybe(gamma)),
                              epsilon=epsilon)
    return out, mean, variance


def _maybe(x):
    return None if x is None else as_tensor(x)


def batch_normalization(x, mean, var, beta, gamma, axis=-1, epsilon=1e-3):
    """``(x - mean) / sqrt(var + epsilon) * gamma + beta``; statistics and weights of one axis lie along ``axis``.

    >>> batch_normalization([[3.0]], [1.0], [4.0], [1.0], [10.0], epsilon=0.0)
    Tensor([[11.]])
    """
    x = as_tensor(x)
    place = [1] * x.ndim
    place[axis] = -1
    along = lambda w: ops["reshape"](w, tuple(place)) if w.ndim == 1 and axis not in (-1, x.ndim - 1) else w
    mean, var, beta, gamma = (w if w is None else along(as_tensor(w)) for w in (mean, var, beta, gamma))
    out = (x - mean) * ops["rsqrt"](var + epsilon)
    out = out if gamma is None else out * gamma
    return out if beta is None else out + beta


# Convolution

def conv1d(x, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """The convolution of (batch, time, channels) with (window, channels, filters).

    >>> conv1d([[[1.0], [2.0], [3.0]]], [[[1.0]], [[1.0]]]).numpy().ravel()
    array([3., 5.], dtype=float32)
    """
    return _conv(ops["conv"], x, (kernel,), strides, padding, data_format, dilation_rate)


def conv2d(x, kernel, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1)):
    """The convolution of images with (rows, columns, channels, filters)."""
    return _conv(ops["conv"], x, (kernel,), strides, padding, data_format, dilation_rate)


def conv3d(x, kernel, strides=(1, 1, 1), padding="valid", data_format=None, dilation_rate=(1, 1, 1)):
    """The convolution of volumes with (depth, rows, columns, channels, filters)."""
    return _conv(ops["conv"], x, (kernel,), strides, padding, data_format, dilation_rate)


def separable_conv1d(x, depthwise_kernel, pointwise_kernel, strides=1, padding="valid", data_format=None,
                     dilation_rate=1):
    """Each channel's own convolution, then one of window 1 over all channels."""
    kernels = depthwise_kernel, pointwise_kernel
    return _conv(ops["separable_conv"], x, kernels, strides, padding, data_format, dilation_rate)


def separable_conv2d(x, depthwise_kernel, pointwise_kernel, strides=(1, 1), padding="valid", data_format=None,
                     dilation_rate=(1, 1)):
    """Each channel's own convolution, then one of window 1 x 1 over all channels."""
    kernels = depthwise_kernel, pointwise_kernel
    return _conv(ops["separable_conv"], x, kernels, strides, padding, data_format, dilation_rate)


def depthwise_conv2d(x, depthwise_kernel, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1)):
    """Each channel's own convolution."""
    return _conv(ops["depthwise_conv"], x, (depthwise_kernel,), strides, padding, data_format, dilation_rate)


def _conv(op, x, kernels, strides, padding, data_format, dilation):
    x, back = _last(x, data_format)
    return back(op(x, *map(as_tensor, kernels), strides, padding, dilation))


@late
def conv2d_transpose(x, kernel, output_shape, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1)):
    """The way back of a convolution: to images of ``output_shape``; the kernel is (rows, columns, to, from)."""
    return _transposed(x, kernel, output_shape, strides, padding, data_format, dilation_rate)


@late
def conv3d_transpose(x, kernel, output_shape, strides=(1, 1, 1), padding="valid", data_format=None):
    """The way back of a convolution, to volumes of ``output_shape``."""
    return _transposed(x, kernel, output_shape, strides, padding, data_format, 1)


def _transposed(x, kernel, output_shape, strides, padding, data_format, dilation):
    x, back = _last(x, data_format)
    shape = creation.sizes(output_shape)
    if config.normalize_data_format(data_format) == "channels_first":
        shape = (shape[0], *shape[2:], shape[1])
    return back(ops["conv_transpose"](x, as_tensor(kernel), (x.shape[0], *shape[1:]), strides, padding, dilation))


def pool2d(x, pool_size, strides=(1, 1), padding="valid", data_format=None, pool_mode="max"):
    """The largest element (``'max'``) or the mean (``'avg'``) of each window of images."""
    return _pool(x, pool_size, strides, padding, data_format, pool_mode)


def pool3d(x, pool_size, strides=(1, 1, 1), padding="valid", data_format=None, pool_mode="max"):
    """The largest element (``'max'``) or the mean (``'avg'``) of each window of volumes."""
    return _pool(x, pool_size, strides, padding, data_format, pool_mode)


def _pool(x, window, strides, padding, data_format, mode):
    if mode not in ("max", "avg"):
        raise ValueError(f"Invalid pooling mode: {mode}; it is 'max' or 'avg'")
    x, back = _last(x, data_format)
    window, strides = tuple(window), tuple(strides)
    if mode == "max":
        return back(ops["max_pool"](x, window, strides, padding))
    return back(ops["average_pool"](x, window, strides, padding, count_inside=True))


@late
def local_conv1d(inputs, kernel, kernel_size, strides, data_format=None):
    """A convolution with a kernel of its own at each place: (places, window * channels, filters).

    >>> local_conv1d([[[1.0], [2.0]]], [[[10.0]], [[20.0]]], (1,), (1,)).numpy().ravel()
    array([10., 40.], dtype=float32)
    """
    return _local(inputs, kernel, kernel_size, strides, data_format, None)


@late
def local_conv2d(inputs, kernel, kernel_size, strides, output_shape, data_format=None):
    """A convolution of images with a kernel of its own at each place: (places, window * channels, filters)."""
    return _local(inputs, kernel, kernel_size, strides, data_format, output_shape)


def _local(x, kernel, window, strides, data_format, output_shape):
    x, back = _last(x, data_format)
    kernel = as_tensor(kernel)
    patches = ops["unfold"](x, tuple(window), tuple(strides))
    if config.normalize_data_format(data_format) == "channels_first":       # where a kernel runs over channels first
        kernel = _channels_last_rows(kernel, int(np.prod(window)), x.shape[-1])
    places = patches.shape[1:-1] if output_shape is None else tuple(output_shape)
    flat = ops["reshape"](patches, (-1, *kernel.shape[:2]))
    out = ops["einsum"]("bpi,pio->bpo", flat, kernel)
    return back(ops["reshape"](out, (-1, *places, kernel.shape[-1])))


def _channels_last_rows(kernel, taps, channels):
    places, _, filters = kernel.shape
    kernel = ops["reshape"](kernel, (places, channels, taps, filters))
    return ops["reshape"](ops["transpose"](kernel, (0, 2, 1, 3)), (places, taps * channels, filters))


# Connectionist temporal classification

def ctc_batch_cost(y_true, y_pred, input_length, label_length):
    """``-log`` of the probability that each sample's outputs spell its labels.

    Arguments:
        y_true: labels, (batch, labels); the last class is the blank.
        y_pred: probabilities, (batch, time, classes).
        input_length, label_length: how many steps and labels of each sample count, (batch, 1).

    Returns:
        (batch, 1).

    Source: Graves et al., Connectionist temporal classification, ICML 2006.

    >>> round(float(ctc_batch_cost([[0]], [[[0.5, 0.5], [0.5, 0.5]]], [[2]], [[1]])), 4)
    0.2877
    """
    if any(isinstance(x, Spec) for x in (y_true, y_pred)):
        return _ctc_later(y_true, y_pred, input_length, label_length)
    labels, p = as_tensor(y_true).data.astype(int), as_tensor(y_pred)
    steps, lengths = (np.reshape(as_tensor(n).data, -1).astype(int) for n in (input_length, label_length))
    log_p = ops["log"](p + settings.epsilon())
    costs = [_ctc_cost(log_p[i, :steps[i]], labels[i, :lengths[i]]) for i in range(p.shape[0])]
    return ops["reshape"](ops["stack"](costs), (-1, 1))


@late
def _ctc_later(y_true, y_pred, input_length, label_length):
    if isinstance(y_pred, Spec):
        return ops["sum"](y_pred, (1, 2))[:, None]
    return ctc_batch_cost(y_true, y_pred, input_length, label_length)


def _ctc_cost(log_p, labels):
    """Forward probabilities over blank, label, blank, ..., label, blank, in logarithms."""
    blank = log_p.shape[-1] - 1
    path = np.full(2 * len(labels) + 1, blank)
    path[1::2] = labels
    jumps = np.zeros(len(path), bool)       # from two places before, past a blank between different labels
    jumps[2:] = (path[2:] != blank) & (path[2:] != path[:-2])
    nothing = float(np.finfo(log_p.dtype).min) / 4
    emitted = ops["take"](log_p, path, 1)
    reached = ops["where"](np.arange(len(path)) < 2, emitted[0], nothing)
    for t in range(1, log_p.shape[0]):
        padded = ops["pad"](reached, [(2, 0)], constant_values=nothing)
        before = ops["logaddexp"](reached, padded[1:-1])
        reached = emitted[t] + ops["logaddexp"](before, ops["where"](jumps, padded[:-2], nothing))
    return -ops["logsumexp"](reached[-2:])


def ctc_label_dense_to_sparse(labels, label_lengths):
    """The labels that count, one after the other, as a dict: ``indices`` (n, 2), ``values`` (n,), ``shape``.

    >>> ctc_label_dense_to_sparse([[7, 8], [9, 0]], [2, 1])["values"].tolist()
    [7, 8, 9]
    """
    labels, lengths = as_tensor(labels).data, np.reshape(as_tensor(label_lengths).data, -1)
    indices = np.argwhere(np.arange(labels.shape[1]) < lengths[:, None])
    return {"indices": indices, "values": labels[tuple(indices.T)], "shape": labels.shape}


def ctc_decode(y_pred, input_length, greedy=True, beam_width=100, top_paths=1):
    """The most probable labels of each sample: ``([labels, ...], log probabilities)``; -1 fills up.

    Arguments:
        y_pred: probabilities, (batch, time, classes), the last class being the blank.
        input_length: how many steps of each sample count, (batch,).
        greedy: take the best class of each step; else search, keeping ``beam_width`` beginnings.
        top_paths: how many answers the search shall give.

    >>> paths, _ = ctc_decode([[[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]], [3])
    >>> paths[0].tolist()
    [[0]]
    """
    log_p = np.log(as_tensor(y_pred).data.astype("float64") + settings.epsilon())
    lengths = np.reshape(as_tensor(input_length).data, -1).astype(int)
    search = _best_steps if greedy else lambda rows: _beam_search(rows, beam_width)[:top_paths]
    found = [search(rows[:n]) for rows, n in zip(log_p, lengths)]
    count = 1 if greedy else top_paths
    paths = [_rectangle([f[k][0] for f in found]) for k in range(count)]
    scores = np.array([[f[k][1] for k in range(count)] for f in found], settings.floatx())
    return [Tensor(p) for p in paths], Tensor(scores)


def _best_steps(rows):
    best = rows.argmax(-1)
    kept = [int(c) for c, before in zip(best, [-1, *best]) if c != before and c != rows.shape[1] - 1]
    return [(tuple(kept), -rows.max(-1).sum())]


def _beam_search(rows, width):
    """Beginnings and their log probabilities, the most probable first: each ends in a blank, or in its last label."""
    blank, empty = rows.shape[1] - 1, (-np.inf, -np.inf)
    beams = {(): (0.0, -np.inf)}
    for row in rows:
        after = {}

        def add(path, ending, score, after=after):
            old = after.get(path, empty)
            after[path] = tuple(np.logaddexp(o, score) if i == ending else o for i, o in enumerate(old))
        for path, (in_blank, in_label) in beams.items():
            total = np.logaddexp(in_blank, in_label)
            add(path, 0, total + row[blank])
            if path:
                add(path, 1, in_label + row[path[-1]])
            for c in range(blank):
                add((*path, c), 1, (in_blank if path and c == path[-1] else total) + row[c])
        ranked = sorted(after.items(), key=lambda item: -np.logaddexp(*item[1]))
        beams = dict(ranked[:width])
    return [(path, np.logaddexp(*ends)) for path, ends in beams.items()]


def _rectangle(rows):
    width = max(map(len, rows), default=0)
    return np.array([[*row, *[-1] * (width - len(row))] for row in rows], "int64").reshape(len(rows), width)
