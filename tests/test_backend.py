"""``K``: every function against NumPy, on tensors and on symbols; functions of symbols, their gradients, the phase."""

import math

import numpy as np
import pytest

import tahr
from tahr import Model, Sequential
from tahr import backend as K  # noqa: N812 (as all programs have it)
from tahr.autograd import Spec, Value
from tahr.layers import Dense, Dropout, Input, Layer
from tahr.utils import settings

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4))
P = np.exp(A) / np.exp(A).sum(1, keepdims=True)
T = np.eye(4)[[0, 3, 1]]
SEQ = RNG.normal(size=(2, 5, 3))
IMG = RNG.normal(size=(2, 6, 5, 3))
VOL = RNG.normal(size=(1, 4, 5, 4, 2))


# References

def channels_first(x):
    return np.moveaxis(x, -1, 1)


def correlate(x, w, strides=1, padding="valid", dilation=1):
    """A convolution by its definition, over any number of axes."""
    rank = w.ndim - 2
    strides, dilation = np.broadcast_to(strides, rank), np.broadcast_to(dilation, rank)
    reach = [(k - 1) * d + 1 for k, d in zip(w.shape, dilation)]
    total = [max((-(-n // s) - 1) * s + r - n, 0) if padding == "same" else r - 1 if padding == "causal" else 0
             for n, s, r in zip(x.shape[1:], strides, reach)]
    x = np.pad(x, [(0, 0), *[(t if padding == "causal" else t // 2, 0 if padding == "causal" else t - t // 2)
                             for t in total], (0, 0)])
    sizes = [(n - r) // s + 1 for n, r, s in zip(x.shape[1:], reach, strides)]
    out = np.zeros((len(x), *sizes, w.shape[-1]))
    for at in np.ndindex(*sizes):
        for tap in np.ndindex(*w.shape[:rank]):
            place = tuple(i * s + t * d for i, s, t, d in zip(at, strides, tap, dilation))
            out[(slice(None), *at)] += x[(slice(None), *place)] @ w[tap]
    return out


def by_channel(x, w, **options):
    return np.concatenate([correlate(x[..., [c]], w[..., [c], :], **options) for c in range(x.shape[-1])], -1)


def transposed(x, w, sizes, strides=1):
    """Each element adds its window (window..., to, from); what 'valid' gives."""
    rank = w.ndim - 2
    out = np.zeros((len(x), *sizes, w.shape[-2]))
    for at in np.ndindex(*x.shape[1:-1]):
        for tap in np.ndindex(*w.shape[:rank]):
            out[(slice(None), *(i * strides + t for i, t in zip(at, tap)))] += x[(slice(None), *at)] @ w[tap].T
    return out


def pooled(x, window, strides, combine):
    sizes = [(n - k) // s + 1 for n, k, s in zip(x.shape[1:], window, strides)]
    out = np.zeros((len(x), *sizes, x.shape[-1]))
    for at in np.ndindex(*sizes):
        seen = x[(slice(None), *(slice(i * s, i * s + k) for i, s, k in zip(at, strides, window)))]
        out[(slice(None), *at)] = combine(seen, axis=tuple(range(1, x.ndim - 1)))
    return out


def unshared(x, w, window):
    sizes = [n - k + 1 for n, k in zip(x.shape[1:], window)]
    out = np.zeros((len(x), *sizes, w.shape[-1]))
    for i, at in enumerate(np.ndindex(*sizes)):
        seen = x[(slice(None), *(slice(p, p + k) for p, k in zip(at, window)))]
        out[(slice(None), *at)] = seen.reshape(len(x), -1) @ w[i]
    return out


def recurrence(x, h, mask=None, order=1):
    """h = tanh(x + 0.5 h), held where the mask is 0."""
    outputs = []
    for t in range(x.shape[1])[::order]:
        new = np.tanh(x[:, t] + 0.5 * h)
        h = new if mask is None else np.where(mask[:, t, None], new, h)
        outputs.append(h)
    return np.stack(outputs, 1), h


def step(x, states):
    h = K.tanh(x + 0.5 * states[0])
    return h, [h]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


K1, K2, K3 = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(3, 2, 3, 4)), RNG.normal(size=(2, 2, 2, 2, 3))
D1, D2 = RNG.normal(size=(2, 3, 2)), RNG.normal(size=(3, 2, 3, 2))
W1, W2 = RNG.normal(size=(1, 6, 4)), RNG.normal(size=(1, 1, 6, 4))
L1, L2 = RNG.normal(size=(4, 2 * 3, 4)), RNG.normal(size=(4 * 4, 3 * 2 * 3, 4))
MASK = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1]], bool)
G, BETA = RNG.random(4) + 0.5, RNG.normal(size=4)
same = lambda x: x

# name -> rows: (function of K's arguments, NumPy's result, arguments). Arrays are tried as tensors and as symbols.
ROWS = [
    ("square", K.square, np.square, A), ("abs", K.abs, np.abs, A), ("exp", K.exp, np.exp, A), ("sin", K.sin, np.sin, A),
    ("cos", K.cos, np.cos, A), ("log", K.log, np.log, P), ("sign", K.sign, np.sign, A),
    ("round", K.round, np.round, np.array([0.5, 1.5, -2.5, 0.7])),
    ("sqrt", K.sqrt, lambda x: np.sqrt(np.maximum(x, 0)), A), ("pow", lambda x: K.pow(x, 3), lambda x: x ** 3, A),
    ("clip", lambda x: K.clip(x, -0.5, 0.5), lambda x: np.clip(x, -0.5, 0.5), A),
    ("clip", lambda x: K.clip(x, 0.5, -0.5), lambda x: 0 * x + 0.5, A),
    *[(n, getattr(K, n), getattr(np, n), A, B) for n in ("equal", "not_equal", "greater", "greater_equal", "less",
                                                         "less_equal", "maximum", "minimum")],
    *[(n, lambda x, n=n, o=o: getattr(K, n)(x, **o), lambda x, n=n, o=o: getattr(np, n)(x, **o), A)
      for n in ("max", "min", "sum", "prod", "mean", "var", "std")
      for o in ({}, {"axis": 1}, {"axis": (0, 1)}, {"axis": -1, "keepdims": True})],
    ("sum", lambda x: K.sum(x, axis=[0, 1]), np.sum, A),
    ("mean", lambda x: K.mean(x > 0, axis=1), lambda x: np.mean(x > 0, 1), A),
    ("logsumexp", lambda x: K.logsumexp(x, axis=1), lambda x: np.log(np.exp(x).sum(1)), A),
    ("any", lambda x: K.any(x, axis=1), lambda x: np.any(x != 0, 1), np.array([[0.0, 2.0], [0.0, 0.0]])),
    ("all", lambda x: K.all(x, axis=1), lambda x: np.all(x != 0, 1), np.array([[1.0, 2.0], [0.0, 3.0]])),
    ("cumsum", K.cumsum, lambda x: np.cumsum(x, 0), A), ("cumprod", lambda x: K.cumprod(x, 1),
                                                         lambda x: np.cumprod(x, 1), A),
    ("argmax", K.argmax, lambda x: np.argmax(x, -1), A), ("argmin", lambda x: K.argmin(x, 0),
                                                          lambda x: np.argmin(x, 0), A),
    ("dot", K.dot, np.matmul, A, B.T), ("dot", K.dot, np.dot, SEQ, RNG.normal(size=(4, 3, 2))),
    ("batch_dot", lambda x, y: K.batch_dot(x, y, axes=1), lambda x, y: (x * y).sum(1, keepdims=True), A, B),
    ("batch_dot", K.batch_dot, lambda x, y: (x * y).sum(1, keepdims=True), A, B),
    ("batch_dot", lambda x, y: K.batch_dot(x, y, axes=(1, 2)), lambda x, y: np.einsum("bij,bkli->bjkl", x, y.transpose(
        0, 1, 3, 2)), SEQ, RNG.normal(size=(2, 4, 5, 6))),
    ("batch_dot", K.batch_dot, np.matmul, SEQ, RNG.normal(size=(2, 3, 4))),
    ("transpose", K.transpose, np.transpose, SEQ),
    ("gather", lambda x: K.gather(x, [2, 0, 2]), lambda x: x[[2, 0, 2]], A),
    ("gather", K.gather, lambda x, i: x[i.astype(int)], A, np.array([[1.0, 2.0]])),
    ("l2_normalize", lambda x: K.l2_normalize(x, 1), lambda x: x / np.linalg.norm(x, axis=1, keepdims=True), A),
    ("concatenate", lambda x, y: K.concatenate([x, y]), lambda x, y: np.concatenate([x, y], -1), A, B),
    ("stack", lambda x, y: K.stack([x, y], 1), lambda x, y: np.stack([x, y], 1), A, B),
    ("reshape", lambda x: K.reshape(x, (-1, 2, 2)), lambda x: x.reshape(-1, 2, 2), A),
    ("reshape", lambda x: K.reshape(x, (K.shape(x)[0], 2, -1)), lambda x: x.reshape(3, 2, 2), A),
    ("reshape", lambda x: K.reshape(x, K.shape(x)), lambda x: x, A),
    ("permute_dimensions", lambda x: K.permute_dimensions(x, (2, 0, 1)), lambda x: x.transpose(2, 0, 1), SEQ),
    ("repeat_elements", lambda x: K.repeat_elements(x, 2, 1), lambda x: np.repeat(x, 2, 1), SEQ),
    ("repeat", lambda x: K.repeat(x, 3), lambda x: np.stack([x] * 3, 1), A),
    ("tile", lambda x: K.tile(x, (2, 3)), lambda x: np.tile(x, (2, 3)), A),
    ("tile", lambda x: K.tile(x, 2), lambda x: np.tile(x, 2), A),
    ("flatten", K.flatten, np.ravel, SEQ), ("batch_flatten", K.batch_flatten, lambda x: x.reshape(2, -1), SEQ),
    ("expand_dims", lambda x: K.expand_dims(x, 1), lambda x: x[:, None], A),
    ("squeeze", lambda x: K.squeeze(x, 1), lambda x: x[:, 0], RNG.normal(size=(3, 1, 2))),
    ("one_hot", lambda x: K.one_hot(x, 4), lambda x: np.eye(4)[x.astype(int)], np.array([[0.0, 3.0], [1.0, 1.0]])),
    ("reverse", lambda x: K.reverse(x, [1, 2]), lambda x: x[:, ::-1, ::-1], SEQ),
    ("reverse", lambda x: K.reverse(x, 1), lambda x: x[:, ::-1], SEQ),
    ("slice", lambda x: K.slice(x, (0, 1, 1), (-1, 3, 2)), lambda x: x[:, 1:4, 1:3], SEQ),
    ("temporal_padding", lambda x: K.temporal_padding(x, (1, 2)), lambda x: np.pad(x, [(0, 0), (1, 2), (0, 0)]), SEQ),
    ("spatial_2d_padding", lambda x: K.spatial_2d_padding(x, ((1, 0), (2, 1))),
     lambda x: np.pad(x, [(0, 0), (1, 0), (2, 1), (0, 0)]), IMG),
    ("spatial_2d_padding", lambda x: K.spatial_2d_padding(x, ((1, 0), (2, 1)), "channels_first"),
     lambda x: np.pad(x, [(0, 0), (0, 0), (1, 0), (2, 1)]), IMG),
    ("spatial_3d_padding", lambda x: K.spatial_3d_padding(x, ((1, 0), (0, 1), (2, 1))),
     lambda x: np.pad(x, [(0, 0), (1, 0), (0, 1), (2, 1), (0, 0)]), VOL),
    ("resize_images", lambda x: K.resize_images(x, 2, 3, "channels_last"), lambda x: x.repeat(2, 1).repeat(3, 2), IMG),
    ("resize_images", lambda x: K.resize_images(x, 2, 1, "channels_first"), lambda x: x.repeat(2, 2), IMG),
    ("resize_images", lambda x: K.resize_images(x, 1, 2, "channels_last", "bilinear"), lambda x: np.stack(
        [0.75 * x + 0.25 * x[:, :, [0, *range(4)]], 0.75 * x + 0.25 * x[:, :, [*range(1, 5), 4]]], 3).reshape(
        2, 6, 10, 3), IMG),
    ("resize_volumes", lambda x: K.resize_volumes(x, 2, 1, 3, "channels_last"),
     lambda x: x.repeat(2, 1).repeat(3, 3), VOL),
    # activations and losses
    ("relu", K.relu, lambda x: np.maximum(x, 0), A),
    ("relu", lambda x: K.relu(x, 0.1, 0.5, 0.2), lambda x: np.where(x < 0.2, 0.1 * (x - 0.2), np.minimum(x, 0.5)), A),
    ("elu", lambda x: K.elu(x, 0.5), lambda x: np.where(x > 0, x, 0.5 * np.expm1(x)), A),
    ("softmax", K.softmax, lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True), A),
    ("softmax", lambda x: K.softmax(x, 0), lambda x: np.exp(x) / np.exp(x).sum(0), A),
    ("softplus", K.softplus, lambda x: np.log1p(np.exp(x)), A), ("softsign", K.softsign, lambda x: x / (1 + np.abs(x)),
                                                                 A),
    ("sigmoid", K.sigmoid, sigmoid, A), ("tanh", K.tanh, np.tanh, A),
    ("hard_sigmoid", K.hard_sigmoid, lambda x: np.clip(0.2 * x + 0.5, 0, 1), 3 * A),
    ("categorical_crossentropy", K.categorical_crossentropy, lambda t, p: -(t * np.log(p / p.sum(-1, keepdims=True))
                                                                            ).sum(-1), T, 2 * P),
    ("categorical_crossentropy", lambda t, x: K.categorical_crossentropy(t, x, from_logits=True),
     lambda t, x: -(t * np.log(np.exp(x) / np.exp(x).sum(-1, keepdims=True))).sum(-1), T, A),
    ("categorical_crossentropy", lambda t, p: K.categorical_crossentropy(t, p, axis=0),
     lambda t, p: -(t * np.log(p)).sum(0), T.T, P.T),
    ("categorical_crossentropy", lambda t, x: K.categorical_crossentropy(t, K.softmax(x)),
     lambda t, x: -(t * np.log(np.exp(x) / np.exp(x).sum(-1, keepdims=True))).sum(-1), T, A),
    ("sparse_categorical_crossentropy", lambda p: K.sparse_categorical_crossentropy([[0], [3], [1]], p),
     lambda p: -np.log(p[range(3), [0, 3, 1]]), P),
    ("sparse_categorical_crossentropy", lambda x: K.sparse_categorical_crossentropy([0, 3, 1], x, True),
     lambda x: -np.log((np.exp(x) / np.exp(x).sum(-1, keepdims=True))[range(3), [0, 3, 1]]), A),
    ("binary_crossentropy", K.binary_crossentropy, lambda t, p: -t * np.log(p) - (1 - t) * np.log(1 - p), T, P),
    ("binary_crossentropy", lambda t, x: K.binary_crossentropy(t, x, True),
     lambda t, x: -t * np.log(sigmoid(x)) - (1 - t) * np.log(1 - sigmoid(x)), T, A),
    ("in_top_k", lambda p: K.in_top_k(p, [0, 3, 1], 2), lambda p: np.array(
        [c in np.argsort(-row)[:2] for row, c in zip(p, [0, 3, 1])]), P),
    # normalisation
    ("bias_add", K.bias_add, lambda x, b: x + b, IMG, BETA[:3]),
    ("bias_add", lambda x, b: K.bias_add(x, b, "channels_first"), lambda x, b: x + b[:, None, None], IMG,
     RNG.normal(size=6)),
    ("bias_add", lambda x, b: K.bias_add(x, b, "channels_first"), lambda x, b: x + b.reshape(6, 5, 3), IMG,
     RNG.normal(size=(5, 3, 6))),
    ("bias_add", K.bias_add, lambda x, b: x + b, IMG, RNG.normal(size=(6, 5, 3))),
    ("batch_normalization", lambda x, m, v, b, g: K.batch_normalization(x, m, v, b, g, epsilon=0.01),
     lambda x, m, v, b, g: (x - m) / np.sqrt(v + 0.01) * g + b, A, BETA, G, BETA, G),
    ("batch_normalization", lambda x: K.batch_normalization(x, [1.0, 2.0, 3.0], [1.0, 4.0, 9.0], None, None, axis=0),
     lambda x: (x - np.c_[[1, 2, 3]]) / np.sqrt(np.c_[[1, 4, 9]] + 1e-3), A),
    ("normalize_batch_in_training", lambda x, g, b: K.normalize_batch_in_training(x, g, b, [0]),
     lambda x, g, b: [(x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3) * g + b, x.mean(0), x.var(0)], A, G, BETA),
    ("normalize_batch_in_training", lambda x: K.normalize_batch_in_training(x, None, None, [0, 2, 3])[0],
     lambda x: (x - x.mean((0, 2, 3), keepdims=True)) / np.sqrt(x.var((0, 2, 3), keepdims=True) + 1e-3), IMG),
    # convolution and pooling
    ("conv1d", lambda x, w: K.conv1d(x, w, 2, "same"), lambda x, w: correlate(x, w, 2, "same"), SEQ, K1),
    ("conv1d", lambda x, w: K.conv1d(x, w, padding="causal", dilation_rate=2),
     lambda x, w: correlate(x, w, 1, "causal", 2), SEQ, K1),
    ("conv2d", lambda x, w: K.conv2d(x, w, (2, 1), "same"), lambda x, w: correlate(x, w, (2, 1), "same"), IMG, K2),
    ("conv2d", lambda x, w: K.conv2d(x, w, data_format="channels_first"),
     lambda x, w: channels_first(correlate(np.moveaxis(x, 1, -1), w)), channels_first(IMG), K2),
    ("conv3d", K.conv3d, correlate, VOL, K3),
    ("separable_conv1d", K.separable_conv1d, lambda x, d, p: correlate(by_channel(x, d), p), SEQ, D1, W1),
    ("separable_conv2d", lambda x, d, p: K.separable_conv2d(x, d, p, padding="same"),
     lambda x, d, p: correlate(by_channel(x, d, padding="same"), p), IMG, D2, W2),
    ("depthwise_conv2d", K.depthwise_conv2d, by_channel, IMG, D2),
    ("conv2d_transpose", lambda x, w: K.conv2d_transpose(x, w, (2, 13, 10, 4), (2, 2)),
     lambda x, w: transposed(x, w, (13, 10), 2), IMG, RNG.normal(size=(3, 2, 4, 3))),
    ("conv2d_transpose", lambda x, w: K.conv2d_transpose(x, w, (K.shape(x)[0], 4, 8, 6), data_format="channels_first"),
     lambda x, w: channels_first(transposed(np.moveaxis(x, 1, -1), w, (8, 6))), channels_first(IMG),
     RNG.normal(size=(3, 2, 4, 3))),
    ("conv3d_transpose", lambda x, w: K.conv3d_transpose(x, w, (1, 5, 6, 5, 3)),
     lambda x, w: transposed(x, w, (5, 6, 5)), VOL, RNG.normal(size=(2, 2, 2, 3, 2))),
    ("pool2d", lambda x: K.pool2d(x, (2, 3), (2, 1)), lambda x: pooled(x, (2, 3), (2, 1), np.max), IMG),
    ("pool2d", lambda x: K.pool2d(x, (2, 2), pool_mode="avg"), lambda x: pooled(x, (2, 2), (1, 1), np.mean), IMG),
    ("pool3d", lambda x: K.pool3d(x, (2, 2, 2), (2, 2, 2)), lambda x: pooled(x, (2, 2, 2), (2, 2, 2), np.max), VOL),
    ("local_conv1d", lambda x, w: K.local_conv1d(x, w, (2,), (1,)), lambda x, w: unshared(x, w, (2,)), SEQ, L1),
    ("local_conv2d", lambda x, w: K.local_conv2d(x, w, (3, 2), (1, 1), (4, 4)), lambda x, w: unshared(x, w, (3, 2)),
     IMG, L2),
    # loops and choices
    ("rnn", lambda x, h: K.rnn(step, x, [h])[1], lambda x, h: recurrence(x, h)[0], SEQ, A[:2, :3]),
    ("rnn", lambda x, h: K.rnn(step, x, [h], mask=MASK)[2][0], lambda x, h: recurrence(x, h, MASK)[1], SEQ, A[:2, :3]),
    ("rnn", lambda x, h: K.rnn(step, x, [h], go_backwards=True)[0], lambda x, h: recurrence(x, h, order=-1)[1], SEQ,
     A[:2, :3]),
    ("rnn", lambda x, c: K.rnn(lambda x, s: (x * s[1], [s[0]]), x, [c], constants=[c], mask=MASK[..., None])[0],
     lambda x, c: np.stack([x[0, 3], x[1, 4]]) * c, SEQ, A[:2, :3]),
    ("switch", K.switch, lambda c, x, y: np.where(c, x, y), A > 0, A, B),
    ("switch", lambda c, x: K.switch(c, x, 2 * x), lambda c, x: np.where(c[:, None], x, 2 * x),
     np.array([True, False, True]), A),
    ("in_train_phase", lambda x: K.in_train_phase(x, -x), lambda x: -x, A),
    ("in_train_phase", lambda x: K.in_train_phase(lambda: x, -x, training=1), same, A),
    ("in_test_phase", lambda x: K.in_test_phase(x, -x), same, A),
    ("map_fn", lambda x: K.map_fn(lambda row: K.sum(row) * row, x), lambda x: x.sum(1, keepdims=True) * x, A),
    ("map_fn", lambda x, y: K.map_fn(lambda pair: pair[0] + pair[1], [x, y]), np.add, A, B),
    ("foldl", lambda x: K.foldl(lambda a, b: a * 0.5 + b, x), lambda x: (x[0] / 2 + x[1]) / 2 + x[2], A),
    ("foldr", lambda x: K.foldr(lambda a, b: a * 0.5 + b, x, x[1]), lambda x: ((x[1] / 2 + x[2]) / 2 + x[1]) / 2 + x[0],
     A),
    # what they are
    ("shape", K.shape, lambda x: np.array(x.shape), SEQ), ("size", K.size, lambda x: np.array(x.size), SEQ),
    ("cast", lambda x: K.cast(x, "int32"), lambda x: x.astype(int), 3 * A),
    ("identity", K.identity, same, A), ("stop_gradient", K.stop_gradient, same, A),
    ("zeros_like", K.zeros_like, np.zeros_like, A), ("ones_like", K.ones_like, np.ones_like, A),
]
PARAMS = [pytest.param(*row[1:3], row[3:], id=f"{row[0]}-{i}") for i, row in enumerate(ROWS)]

ELSEWHERE = {   # tested below by name
    "test_variables": "variable constant zeros ones eye arange get_value set_value batch_get_value batch_set_value "
                      "update update_add update_sub moving_average_update eval is_variable count_params dtype ndim "
                      "int_shape random_uniform_variable random_normal_variable cast_to_floatx",
    "test_kinds_of_tensors": "is_tensor is_placeholder is_keras_tensor is_sparse to_dense placeholder",
    "test_settings": "epsilon set_epsilon floatx set_floatx image_data_format set_image_data_format backend "
                     "image_dim_ordering set_image_dim_ordering normalize_data_format name_scope control_dependencies "
                     "manual_variable_initialization symbolic eager",
    "test_names": "get_uid reset_uids clear_session", "test_sessions": "get_session set_session",
    "test_learning_phase": "learning_phase set_learning_phase", "test_random_numbers":
    "random_normal random_uniform truncated_normal random_binomial dropout", "test_print_tensor": "print_tensor",
    "test_function": "function", "test_gradients_of_tensors": "gradients",
    "test_ctc": "ctc_batch_cost ctc_label_dense_to_sparse ctc_decode",
}


def test_every_function_is_tested():
    named = {name for names in ELSEWHERE.values() for name in names.split()}
    assert all(test in globals() for test in ELSEWHERE)
    assert {row[0] for row in ROWS} | named == set(K.FUNCTIONS) and not named & {row[0] for row in ROWS}


KERAS = """epsilon set_epsilon floatx set_floatx cast_to_floatx image_data_format set_image_data_format
image_dim_ordering set_image_dim_ordering normalize_data_format backend get_uid reset_uids clear_session learning_phase
set_learning_phase name_scope variable constant placeholder zeros ones eye zeros_like ones_like identity
random_uniform_variable random_normal_variable arange is_variable is_tensor is_keras_tensor is_placeholder is_sparse
to_dense shape int_shape ndim size dtype eval count_params cast update update_add update_sub moving_average_update
get_value batch_get_value set_value batch_set_value dot batch_dot transpose gather max min sum prod cumsum cumprod var
std mean any all argmax argmin square abs sqrt exp log logsumexp round sign pow clip equal not_equal greater
greater_equal less less_equal maximum minimum sin cos concatenate reshape permute_dimensions repeat_elements repeat tile
flatten batch_flatten expand_dims squeeze temporal_padding spatial_2d_padding spatial_3d_padding stack one_hot reverse
slice resize_images resize_volumes function gradients stop_gradient print_tensor control_dependencies symbolic eager rnn
switch in_train_phase in_test_phase map_fn foldl foldr relu elu softmax softplus softsign categorical_crossentropy
sparse_categorical_crossentropy binary_crossentropy sigmoid hard_sigmoid tanh dropout l2_normalize in_top_k conv1d
conv2d conv3d conv2d_transpose conv3d_transpose separable_conv1d separable_conv2d depthwise_conv2d pool2d pool3d
local_conv1d local_conv2d bias_add normalize_batch_in_training batch_normalization random_normal random_uniform
random_binomial truncated_normal ctc_label_dense_to_sparse ctc_batch_cost ctc_decode get_session set_session
manual_variable_initialization"""


def test_all_of_keras_is_there():
    assert set(KERAS.split()) == set(K.FUNCTIONS) == set(K.__all__)
    assert all(f.__doc__ for f in K.FUNCTIONS.values())
    with pytest.raises(AttributeError, match="no 'categorical_crossentropi'. Did you mean 'categorical_crossentropy'"):
        _ = K.categorical_crossentropi


def flat(x):
    return [np.asarray(v.data if isinstance(v, Value) else v) for v in (x if isinstance(x, list | tuple) else [x])]


def close(found, expected, rtol):
    for a, b in zip(flat(found), flat(expected), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a.astype(float), b.astype(float), rtol=rtol, atol=rtol)


@pytest.mark.parametrize("call, reference, arrays", PARAMS)
def test_value(call, reference, arrays):
    with settings.using(floatx="float64"):
        before = [a.copy() for a in arrays]
        close(call(*map(tahr.Tensor, arrays)), reference(*arrays), 1e-9)
        for a, b in zip(arrays, before):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("call, reference, arrays", PARAMS)
def test_float32_stays(call, reference, arrays):
    for x in flat(call(*[tahr.Tensor(a) for a in arrays])):
        assert x.dtype != np.float64


@pytest.mark.parametrize("open_batch", [False, True])
@pytest.mark.parametrize("call, reference, arrays", PARAMS)
def test_symbols(call, reference, arrays, open_batch):
    """The same code on symbols gives their shapes, and K.function the values."""
    with settings.using(floatx="float64"):
        batch = [open_batch and (a is arrays[0] and a.ndim > 1 or a.shape == arrays[0].shape) for a in arrays]
        symbols = [K.placeholder((None, *a.shape[1:]) if free else a.shape, dtype=a.dtype)
                   for a, free in zip(arrays, batch)]
        out = call(*symbols)
        leaves = out if isinstance(out, list | tuple) else [out]
        expected = reference(*arrays)
        for x, value in zip(leaves, flat(expected), strict=True):
            if isinstance(x, Spec):
                assert x.ndim == value.ndim and all(n in (None, m) for n, m in zip(x.shape, value.shape))
                assert None not in x.shape or open_batch
        close(K.function(symbols, list(leaves))(list(arrays)), list(flat(expected)), 1e-9)


def test_numpy_arrays_and_lists_will_do():
    assert float(K.mean([[1.0, 3.0]])) == 2.0 and K.dot(A, B.T).dtype == np.float32
    np.testing.assert_allclose(K.concatenate([[[1]], [[2]]]).numpy(), [[1, 2]])


# Variables

def test_variables():
    x = K.variable([[1, 2], [3, 4]], name="x")
    assert K.is_variable(x) and not K.is_variable(x + 1) and K.dtype(x) == "float32" and x.name == "x"
    assert (K.int_shape(x), K.ndim(x), K.count_params(x)) == ((2, 2), 2, 4)
    K.set_value(x, [[0, 0], [1, 1]])
    np.testing.assert_array_equal(K.get_value(x), [[0, 0], [1, 1]])
    K.update(x, K.ones_like(x))
    K.update_add(x, 2.0)
    K.update_sub(x, x * 0 + 1)
    np.testing.assert_array_equal(K.eval(x), 2 * np.ones((2, 2)))
    K.moving_average_update(x, K.zeros_like(x), 0.75)
    np.testing.assert_array_equal(K.eval(x), 1.5 * np.ones((2, 2)))
    y = K.variable(3, dtype="float64")
    K.batch_set_value([(x, np.zeros((2, 2))), (y, 4)])
    first, second = K.batch_get_value([x, y])
    assert not first.any() and second == 4.0 and isinstance(second, np.float64)
    first += 1
    assert not K.get_value(x).any()                     # what was given is a copy
    close([K.zeros((2, 3)), K.ones((2,)), K.eye(3), K.eye((2, 3)), K.constant(2, shape=(2, 2)), K.arange(1, 7, 2)],
          [np.zeros((2, 3)), np.ones(2), np.eye(3), np.eye(2, 3), np.full((2, 2), 2.0), np.arange(1, 7, 2)], 0)
    assert K.is_variable(K.zeros(2)) and K.dtype(K.constant([1, 2])) == "float32" and K.dtype(K.arange(3)) == "int32"
    assert len(K.eval(K.arange(5, 2))) == 0
    u = K.eval(K.random_uniform_variable((200,), 2, 3, seed=1))
    n = K.eval(K.random_normal_variable((2000,), 5, 0.1, seed=1))
    assert 2 <= u.min() and u.max() < 3 and abs(n.mean() - 5) < 0.02
    assert K.cast_to_floatx(np.arange(3)).dtype == K.cast_to_floatx(tahr.Tensor([1])).dtype == np.float32
    with pytest.raises(TypeError, match="has no value by itself: K.function"):
        K.eval(K.placeholder((2,)))
    model = Sequential([Dense(1, input_dim=2)])
    model.compile("sgd", "mse")
    K.set_value(model.optimizer.lr, 0.5)
    assert K.get_value(model.optimizer.lr) == 0.5


def test_kinds_of_tensors():
    placeholder, made = K.placeholder(ndim=2), Input((3,))
    assert placeholder.shape == (None, None) and K.is_placeholder(placeholder) and K.is_placeholder(made)
    assert not K.is_placeholder(Dense(2)(made)) and not K.is_placeholder(K.ones((2,)))
    assert K.is_keras_tensor(made) and K.is_keras_tensor(Dense(2)(made)) and not K.is_keras_tensor(placeholder)
    assert not K.is_keras_tensor(made + 1) and not K.is_keras_tensor(K.variable(1.0))
    assert K.is_tensor(placeholder) and K.is_tensor(K.ones((2,))) and not K.is_tensor(A)
    with pytest.raises(ValueError, match="Expected a symbolic tensor"):
        K.is_keras_tensor(A)
    with pytest.raises(ValueError, match="either a shape or ndim"):
        K.placeholder()
    with pytest.raises(ValueError, match="no sparse placeholders"):
        K.placeholder((2,), sparse=True)

    class Sparse:
        tocoo = None

        def toarray(self):
            return np.eye(2)
    assert K.is_sparse(Sparse()) and not K.is_sparse(A)
    close([K.to_dense(Sparse()), K.variable(Sparse())], [np.eye(2), np.eye(2)], 0)


# Settings

def test_settings():
    assert (K.backend(), K.epsilon(), K.floatx(), K.image_data_format()) == ("tahr", 1e-7, "float32", "channels_last")
    K.set_epsilon(1e-5)
    K.set_floatx("float64")
    K.set_image_data_format("channels_first")
    assert settings.epsilon() == 1e-5 and K.dtype(K.ones((1,))) == "float64" and K.image_dim_ordering() == "th"
    K.set_image_dim_ordering("tf")
    assert K.normalize_data_format(None) == "channels_last" == K.image_data_format()
    with pytest.raises(ValueError, match="Unknown dim_ordering: 'cf'"):
        K.set_image_dim_ordering("cf")
    with pytest.raises(ValueError, match="`data_format` argument must be one of"):
        K.normalize_data_format("channels_middle")
    with K.name_scope("a"), K.control_dependencies([]):
        K.manual_variable_initialization(True)
    assert K.symbolic(abs) is abs and K.eager(abs) is abs


def test_names():
    K.clear_session()
    assert [K.get_uid("yak"), K.get_uid("yak"), Dense(1).name] == [1, 2, "dense_1"]
    K.reset_uids()
    assert K.get_uid("yak") == 1


def test_sessions():
    for call in (K.get_session, lambda: K.set_session(None)):
        with pytest.raises(RuntimeError, match="no sessions.*K.get_value.*K.function"):
            call()


# The learning phase

class Phased(Layer):
    def call(self, inputs):
        return K.in_train_phase(inputs + 1, inputs - 1)


def test_learning_phase():
    model = Sequential([Phased(input_shape=(2,)), Dropout(0.5)])
    x = np.ones((1, 2))
    assert isinstance(K.learning_phase(), Spec)
    np.testing.assert_array_equal(model.predict(x), x - 1)
    f = K.function([model.layers[0].input, K.learning_phase()], [model.layers[0].output, model.output])
    np.testing.assert_array_equal(f([x, 0]), [x - 1, x - 1])
    first, dropped = f([x, 1])
    np.testing.assert_array_equal(first, x + 1)
    assert set(dropped.ravel()) <= {0, 4}
    np.testing.assert_array_equal(K.function([model.input], [model.output])([x])[0], x - 1)
    try:
        K.set_learning_phase(1)
        assert K.learning_phase() == 1 and float(K.in_train_phase(1.0, 2.0)) == 1.0
        np.testing.assert_array_equal(Phased()(tahr.Tensor(x)).data, x + 1)
    finally:
        K.clear_session()
    np.testing.assert_array_equal(Phased()(tahr.Tensor(x)).data, x - 1)
    with pytest.raises(ValueError, match="Expected learning phase to be 0 or 1"):
        K.set_learning_phase(2)
    with tahr.layers.base.phase(True):
        assert K.learning_phase() == 1 and K.in_test_phase(1.0, 2.0) == 2.0


def test_phase_of_symbols():
    x = K.placeholder((2,))
    f = K.function([x, K.learning_phase()], [K.in_train_phase(x * 2, lambda: x * 3)])
    close([f([[1, 2], 1])[0], f([[1, 2], 0])[0]], [[2, 4], [3, 6]], 0)


# Functions of symbols

def test_function():
    a, b = K.placeholder((None, 2), name="a"), K.placeholder((2,), name="b")
    total = K.variable(0.0)
    f = K.function([a, b], {"sum": a + b, "mean": K.mean(a)}, updates=[K.update_add(total, K.sum(b)), None], name="f")
    out = f([np.ones((3, 2)), [1, 2]])
    close([out["sum"], out["mean"]], [[[2, 3]] * 3, np.float32(1)], 0)
    assert isinstance(out["mean"], np.float32) and K.get_value(total) == 3.0
    f([np.ones((3, 2)), [1, 2]])
    assert K.get_value(total) == 6.0
    K.function([b], [], updates=[(total, K.max(b))])([[7, 8]])
    assert K.get_value(total) == 8.0
    close([K.function([a], a * 2)([[[1, 2]]])], [[[2, 4]]], 0)
    close(K.function([b], [b * total])([[1, 2]]), [[8, 16]], 0)


def test_outputs_of_layers_and_shared_parts():
    x = Input((3,))
    hidden = Dense(4, activation="tanh")(x)
    model = Model(x, Dense(2)(K.square(hidden)))
    data = RNG.random((5, 3)).astype("float32")
    f = K.function([model.input], [hidden, model.output, model.layers[0].output])
    h, y, same = f([data])
    w, b = model.layers[1].get_weights()
    np.testing.assert_allclose(h, np.tanh(data @ w + b), rtol=1e-5)
    np.testing.assert_allclose(y, model.predict(data), rtol=1e-5)
    np.testing.assert_array_equal(same, data)
    from_hidden = K.function([hidden], [model.output])
    np.testing.assert_allclose(from_hidden([h])[0], y, rtol=1e-5)
    g = K.function([x], [K.sqrt(K.square(hidden))])
    Model(x, K.sqrt(K.square(hidden)))                  # gives the ops layers of their own
    np.testing.assert_allclose(g([data])[0], np.abs(h), rtol=1e-4)


@pytest.mark.parametrize("make, error, text", [
    (lambda x, y: K.function([x], [x + y]), ValueError, "need a value of 'y'"),
    (lambda x, y: K.function(x, [x]), TypeError, "needs a list of inputs"),
    (lambda x, y: K.function([K.ones((2,))], [x]), TypeError, "are symbols"),
    (lambda x, y: K.function([x], [x])([A, B]), TypeError, r"takes a list of 1 value\(s\), got 2"),
    (lambda x, y: K.function([x], [x])(A), TypeError, "takes a list of 1"),
    (lambda x, y: K.function([x], [x])([A[0]]), ValueError, r"'x' has shape \(None, 4\), got a value of shape \(4,\)"),
    (lambda x, y: K.function([x], [x])([y]), TypeError, "takes values"),
    (lambda x, y: K.gradients(K.sum(K.ones((2,))), [x]), TypeError, "cannot mix symbols with tensors"),
    (lambda x, y: Model(x, Dense(1)(K.gradients(K.sum(x), [x])[0])), ValueError, "put it into a Lambda layer"),
])
def test_functions_that_cannot_be(make, error, text):
    x, y = Input((4,), name="x"), K.placeholder((None, 4), name="y")
    with pytest.raises(error, match=text):
        make(x, y)


def test_print_tensor(capsys):
    x = K.placeholder((2,))
    f = K.function([x], [K.print_tensor(x * 2, "twice:")])
    assert capsys.readouterr().out == ""
    f([[1, 2]])
    assert capsys.readouterr().out == "twice: [2. 4.]\n"
    assert K.eval(K.print_tensor(K.ones((1,)), "one")) == 1


# Gradients

def test_gradients_of_tensors():
    x, y, unused = K.variable([1.0, 2.0]), K.variable([3.0, 4.0]), K.variable(1.0)
    loss = K.sum(K.square(x) * y)
    dx, dy, none = K.gradients(loss, [x, y, unused])
    close([dx, dy], [[6, 16], [1, 4]], 1e-6)
    assert none is None
    close(K.gradients(K.sum(dx * dx), x), [[72, 256]], 1e-5)            # of second order: (2xy)**2
    close(K.gradients(K.square(x), [x]), [[2, 4]], 1e-6)                # losses with axes are summed


def test_what_a_layer_sees():
    """The program of visualisation tutorials: climb to an input that a filter answers to."""
    x = Input((6, 6, 1))
    layer = tahr.layers.Conv2D(2, 3, activation="relu")
    layer(x)
    loss = K.mean(layer.output[:, :, :, 0])
    grads = K.gradients(loss, x)[0]
    grads /= (K.sqrt(K.mean(K.square(grads))) + 1e-5)
    iterate = K.function([x], [loss, grads])
    image = RNG.random((1, 6, 6, 1)).astype("float32") + 0.5
    layer.set_weights([np.abs(layer.get_weights()[0]), layer.get_weights()[1]])
    before, g = iterate([image])
    assert before > 0 and g.shape == image.shape
    step = 1e-2
    numeric = (iterate([image + step * g])[0] - iterate([image - step * g])[0]) / (2 * step)
    np.testing.assert_allclose(np.sqrt(np.mean(g ** 2)), 1.0, rtol=1e-2)
    w = layer.get_weights()[0][:, :, 0, 0]
    raw = np.zeros((6, 6))
    for i in range(4):
        for j in range(4):
            raw[i:i + 3, j:j + 3] += w / 16
    np.testing.assert_allclose(numeric, np.sum(raw * g[0, :, :, 0]), rtol=1e-2)
    np.testing.assert_allclose(g[0, :, :, 0], raw / (np.sqrt(np.mean(raw ** 2)) + 1e-5), rtol=1e-3)


def test_gradients_of_symbols_for_weights_and_hidden_outputs():
    x, y = Input((3,)), K.placeholder((None, 1))
    layer = Dense(1, use_bias=False)
    unused = Dense(1)
    unused(x)
    out = layer(x)
    other = K.placeholder((2,))
    loss = K.mean(K.square(out - y))
    kernel, hidden, none, far = K.gradients(loss, [layer.kernel, out, unused.kernel, other])
    assert none is None and far is None and kernel.shape == (3, 1)
    data, target = RNG.random((4, 3)), RNG.random((4, 1))
    w = layer.get_weights()[0]
    error = data @ w - target
    found = K.function([x, y], [kernel, hidden])([data, target])
    np.testing.assert_allclose(found[0], data.T @ error * 2 / 4, rtol=1e-4)
    np.testing.assert_allclose(found[1], error * 2 / 4, rtol=1e-4, atol=1e-6)


def test_training_by_hand():
    x, y = Input((3,)), K.placeholder((None, 1))
    layer = Dense(1)
    loss = K.mean(K.square(layer(x) - y))
    grads = K.gradients(loss, layer.trainable_weights)
    step = K.function([x, y], [loss], updates=[(w, w - 0.1 * g) for w, g in zip(layer.trainable_weights, grads)])
    w, b = (v.astype("float64") for v in layer.get_weights())
    data, target = RNG.random((4, 3)), RNG.random((4, 1))
    for _ in range(5):
        error = data @ w + b - target
        assert step([data, target])[0] == pytest.approx(np.mean(error ** 2), rel=1e-4)
        w, b = w - 0.1 * data.T @ error / 2, b - 0.1 * error.sum(0) / 2
    close(layer.get_weights(), [w, b], 1e-4)


def test_gradients_of_gradients():
    x = K.placeholder((2,))
    slope = K.gradients(K.sum(x ** 3), [x])[0]
    bend = K.gradients(K.sum(slope), [x])[0]
    close(K.function([x], [slope, bend])([[1.0, 2.0]]), [[3, 12], [6, 12]], 1e-6)


def test_nothing_flows_through_stop_gradient():
    x = K.placeholder((2,))
    through, none = K.gradients(K.sum(x * K.stop_gradient(x)), [x])[0], K.stop_gradient([x, x])
    close(K.function([x], [through, *none])([[1.0, 2.0]]), [[1, 2]] * 3, 0)
    y = K.variable([3.0])
    close(K.gradients(K.sum(y * K.stop_gradient(y)), y), [[3]], 0)


def test_losses_of_symbols_in_models():
    """A variational autoencoder's loss, added as an expression of symbols."""
    x = Input((4,))
    mean, log_var = Dense(2)(x), Dense(2)(x)
    out = Dense(4)(mean)
    model = Model(x, out)
    kl = -0.5 * K.mean(1 + log_var - K.square(mean) - K.exp(log_var), axis=-1)
    model.add_loss(K.mean(kl + K.mean(K.square(x - out), axis=-1)))
    model.compile("sgd")
    m, v, o = K.function([x], [mean, log_var, out])([A])
    expected = np.mean(-0.5 * np.mean(1 + v - m ** 2 - np.exp(v), -1) + np.mean((A - o) ** 2, -1))
    assert model.evaluate(A, verbose=0) == pytest.approx(expected, rel=1e-5)


# Random numbers

def test_random_numbers():
    shape = (2000,)
    close([K.eval(K.random_normal(shape, 2.0, 0.5, seed=3)).mean(), K.eval(K.random_normal(shape, 0, 0.5,
                                                                                        seed=3)).std()], [2, 0.5], 0.05)
    uniform = K.eval(K.random_uniform(shape, -1, 3, seed=1))
    assert uniform.min() >= -1 and uniform.max() < 3 and abs(uniform.mean() - 1) < 0.1
    cut = K.eval(K.truncated_normal(shape, 1.0, 2.0, seed=1))
    assert np.abs(cut - 1).max() <= 4 and cut.std() > 1.5
    coin = K.eval(K.random_binomial(shape, 0.25, seed=1))
    assert set(coin) == {0, 1} and abs(coin.mean() - 0.25) < 0.05
    np.testing.assert_array_equal(K.random_normal((5,), seed=4).data, K.random_normal((5,), seed=4).data)
    dropped = K.eval(K.dropout(K.ones(shape), 0.2, seed=1))
    assert set(dropped) == {0, np.float32(1.25)} and abs(dropped.mean() - 1) < 0.05
    rows = K.eval(K.dropout(K.ones((50, 3)), 0.5, noise_shape=(50, 1), seed=1))
    assert (rows == rows[:, :1]).all()
    with pytest.raises(ValueError, match="Dropout level must be in interval"):
        K.dropout(K.ones(shape), 1.0)


def test_random_numbers_of_the_shape_of_a_symbol():
    x = K.placeholder((None, 3))
    noise = K.random_normal((K.shape(x)[0], K.int_shape(x)[1]))
    assert noise.shape == (None, 3)
    f = K.function([x], [noise, K.zeros((K.shape(x)[0], 2)), K.random_normal(K.shape(x)), K.random_binomial(K.shape(x),
                                                                                                           1.0)])
    first, zeros, again, ones = f([np.ones((4, 3))])
    assert first.shape == again.shape == (4, 3) and zeros.shape == (4, 2) and (ones == 1).all()
    assert not np.array_equal(first, f([np.ones((4, 3))])[0])


# Errors

@pytest.mark.parametrize("call, text", [
    (lambda: K.batch_dot(A, A[0]), "rank < 2"), (lambda: K.batch_dot(A, B, axes=0), "over axis 0"),
    (lambda: K.batch_dot(A, SEQ[:, :, 0], axes=1), r"x.shape\[1\] != y.shape\[1\] \(4 != 5\)"),
    (lambda: K.repeat(SEQ, 2), "takes .batch, features."), (lambda: K.slice(SEQ, (0,), (1,)), "for each axis"),
    (lambda: K.pool2d(IMG, (2, 2), pool_mode="min"), "Invalid pooling mode: min"),
    (lambda: K.bias_add(IMG, A), "Unexpected bias dimensions 2, expect to be 1 or 3"),
    (lambda: K.switch(A > 0, A[0], A[1]), "Rank of `condition` should be less"),
    (lambda: K.rnn(step, A, [A]), "at least 3D"),
])
def test_misfits(call, text):
    with pytest.raises(ValueError, match=text):
        call()


def test_only_the_chosen_branch_is_called():
    assert K.switch(np.array(True), lambda: 1, lambda: 1 / 0) == 1
    assert K.switch(K.constant(0.0), lambda: 1 / 0, lambda: 2) == 2


def test_rnn_over_an_unknown_time():
    x = K.placeholder((None, None, 3))
    last, outputs, [state] = K.rnn(step, x, [K.zeros_like(x[:, 0])])
    assert (last.shape, outputs.shape, state.shape) == ((None, 3), (None, None, 3), (None, 3))
    found = K.function([x], [last, outputs, state])([SEQ])
    expected, end = recurrence(SEQ, np.zeros((2, 3)))
    close(found, [end, expected, end], 1e-5)


# Connectionist temporal classification

def paths(p, blank):
    """Each label sequence and its probability, by going through all ways."""
    found = {}
    for way in np.ndindex(*[p.shape[1]] * len(p)):
        labels = tuple(c for c, before in zip(way, (None, *way)) if c != before and c != blank)
        found[labels] = found.get(labels, 0) + math.prod(row[c] for row, c in zip(p, way))
    return found


def test_ctc():
    logits = RNG.normal(size=(2, 4, 3))
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    labels, lengths, steps = np.array([[0, 1], [1, 0]]), np.array([[2], [1]]), np.array([[4], [3]])
    every = [paths(p[0], 2), paths(p[1, :3], 2)]
    expected = [[-np.log(every[0][(0, 1)])], [-np.log(every[1][(1,)])]]
    close([K.ctc_batch_cost(labels, p, steps, lengths)], [expected], 1e-4)
    repeated = K.ctc_batch_cost([[0, 0]], p[:1], [[4]], [[2]])
    close([repeated], [[[-np.log(every[0][(0, 0)])]]], 1e-4)
    y = K.placeholder((2, 4, 3))
    close(K.function([y], [K.ctc_batch_cost(labels, y, steps, lengths)])([p]), [expected], 1e-4)
    sparse = K.ctc_label_dense_to_sparse(labels, lengths)
    assert (sparse["values"].tolist(), sparse["indices"].tolist()) == ([0, 1, 1], [[0, 0], [0, 1], [1, 0]])
    best, scores = K.ctc_decode(p, steps[:, 0], greedy=False, top_paths=2)
    for i in range(2):
        ranked = sorted(every[i].items(), key=lambda item: -item[1])[:2]
        for k, (path, probability) in enumerate(ranked):
            assert [c for c in best[k].data[i] if c >= 0] == list(path)
            np.testing.assert_allclose(scores.data[i, k], np.log(probability), rtol=1e-3)
    greedy, score = K.ctc_decode(p, [4, 4])
    for i in range(2):
        way = p[i].argmax(-1)
        wanted = [c for c, before in zip(way, [-1, *way]) if c != before and c != 2]
        assert [c for c in greedy[0].data[i] if c >= 0] == wanted
    np.testing.assert_allclose(score.data[:, 0], -np.log(p.max(-1)).sum(-1), rtol=1e-3)


def test_symbols_carry_names():
    assert K.placeholder((2,), name="here").name == "here"
