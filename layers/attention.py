"""Attention: queries look at keys, and take of the values what they find."""

import math

from .. import ops, regularizers
from ..autograd import Spec, Value
from ..tensor import Tensor
from ..utils.rng import Generator
from .arguments import positive_int, weight_options
from .base import Layer
from .noise import checked_rate

CALL = ("query", "value", "key", "query_mask", "value_mask", "key_mask", "attention_mask", "return_attention_scores",
        "training", "use_causal_mask")


class _DenseAttention(Layer):
    """Attention of a list ``[query, value]`` or ``[query, value, key]``; a subclass says how they score."""

    supports_masking = True

    def __init__(self, dropout=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.dropout = checked_rate(dropout)
        self.generator = None if seed is None else Generator(seed)

    def check(self, shapes):
        """Raise a ValueError unless there are two or three inputs, of three axes each."""
        if not isinstance(shapes, list) or not 2 <= len(shapes) <= 3 or any(len(s) != 3 for s in shapes):
            raise ValueError(f"layer {self.name!r} ({type(self).__name__}) must be called on a list of [query, value] "
                             f"or [query, value, key], each of shape (batch, steps, features), got shapes {shapes}")

    def call(self, inputs, mask=None, training=False, return_attention_scores=False, use_causal_mask=False):
        self.check([tuple(x.shape) for x in inputs] if isinstance(inputs, list | tuple) else inputs)
        query, value = inputs[:2]
        key = inputs[2] if len(inputs) > 2 else value
        seen = None if mask is None or mask[1] is None else ops.expand_dims(mask[1], -2)
        weights = ops.masked_softmax(self.scores(query, key), seen, use_causal_mask)
        if training and self.dropout:
            weights = ops.dropout(weights, self.dropout, generator=self.generator)
        out = ops.matmul(weights, value)
        if mask is not None and mask[0] is not None:
            out = ops.where(ops.expand_dims(mask[0], -1), out, 0.0)
        return (out, weights) if return_attention_scores else out

    def compute_mask(self, inputs, mask=None):
        return None if mask is None else mask[0]


class Attention(_DenseAttention):
    """Queries look at keys by dot products: ``softmax(query @ key.T) @ value`` (Luong's attention).

    Arguments:
        use_scale: whether the scores are multiplied by a weight, default False.
        score_mode: ``'dot'`` (the default), or ``'concat'`` for ``sum(tanh(query + key))`` times a weight.
        dropout: of the weights of the values, default 0.
        seed: of a generator of its own for dropout; default: the default generator.

    Input shape: a list of queries (batch, queries, features), values (batch, keys, width), and keys (batch, keys,
    features), which are the values unless given. Output shape: (batch, queries, width).

    A call may say ``return_attention_scores=True``, for a second output (batch, queries, keys), and
    ``use_causal_mask=True``: query i looks at keys 0 to i. Masked keys are not looked at, outputs of masked queries are
    0; a query that may look at nothing gives 0.

    Weights: scale and concat_score_weight, numbers, each where it is used.

    Source: Luong, Pham and Manning, Effective approaches to attention-based neural machine translation, EMNLP 2015.

    >>> import tahr
    >>> q, v = tahr.Tensor([[[0.0]]]), tahr.Tensor([[[1.0], [3.0]]])
    >>> tahr.layers.Attention()([q, v])
    Tensor([[[2.]]])
    """

    def __init__(self, use_scale=False, score_mode="dot", dropout=0.0, seed=None, **kwargs):
        super().__init__(dropout, seed, **kwargs)
        if score_mode not in ("dot", "concat"):
            raise ValueError(f"Invalid value for argument score_mode. Expected one of {{'dot', 'concat'}}. Received: "
                             f"score_mode={score_mode}")
        self.use_scale, self.score_mode = use_scale, score_mode

    def build(self, input_shape):
        self.check(input_shape)
        number = lambda name: self.add_weight(name, (), initializer="ones")
        self.scale = number("scale") if self.use_scale else None
        self.concat_score_weight = number("concat_score_weight") if self.score_mode == "concat" else None

    def scores(self, query, key):
        """(batch, queries, keys)."""
        if self.score_mode == "concat":
            pairs = ops.expand_dims(query, -2) + ops.expand_dims(key, -3)
            return self.concat_score_weight * ops.sum(ops.tanh(_times(pairs, self.scale)), -1)
        return _times(ops.matmul(query, ops.matrix_transpose(key)), self.scale)


class AdditiveAttention(_DenseAttention):
    """Queries look at keys by ``sum(scale * tanh(query + key))`` (Bahdanau's attention).

    Arguments:
        use_scale: whether there is a weight for each feature, default True.
        dropout: of the weights of the values, default 0.
        seed: of a generator of its own for dropout; default: the default generator.

    Inputs, masks, options of a call and output: as for :class:`Attention`.

    Weights: scale (features,).

    Source: Bahdanau, Cho and Bengio, Neural machine translation by jointly learning to align and translate, ICLR 2015.

    >>> import tahr
    >>> tahr.layers.AdditiveAttention()([tahr.ops.ones((2, 3, 4)), tahr.ops.ones((2, 5, 4))]).shape
    (2, 3, 4)
    """

    def __init__(self, use_scale=True, dropout=0.0, seed=None, **kwargs):
        super().__init__(dropout, seed, **kwargs)
        self.use_scale = use_scale

    def build(self, input_shape):
        self.check(input_shape)
        self.scale = self.add_weight("scale", (input_shape[0][-1],)) if self.use_scale else None

    def scores(self, query, key):
        """(batch, queries, keys)."""
        pairs = ops.tanh(ops.expand_dims(query, -2) + ops.expand_dims(key, -3))
        return ops.sum(_times(pairs, self.scale), -1)


def _times(x, weight):
    return x if weight is None else x * weight


class _HeadedAttention(Layer):
    """Queries, keys and values are projected to heads, each head attends, and what they find is projected back."""

    supports_masking = True
    features = None     # of query, key and value, from the first call

    def set_options(self, dropout, use_bias, seed, options):
        """Take the arguments that both classes have; ``options`` are those of the weights and of the output."""
        self.dropout, self.use_bias = checked_rate(dropout), use_bias
        self.generator = None if seed is None else Generator(seed)
        for kind in ("kernel", "bias"):
            setattr(self, f"{kind}_options", weight_options(*(options[f"{kind}_{word}"] for word in (
                "initializer", "regularizer", "constraint"))))
        self.activity_regularizer = regularizers.get(options["activity_regularizer"])

    def __call__(self, *args, **kwargs):
        """Everything but the query by its name, with the value and the key as tensors."""
        given = dict(zip(CALL, args))
        if twice := [name for name in given if name in kwargs]:
            raise TypeError(f"layer {self.name!r} got two values for {twice[0]!r}")
        given.update(kwargs)
        query, value, key = (_as_tensor(given.pop(name, None), self.dtype) for name in CALL[:3])
        if query is None:
            raise TypeError(f"layer {self.name!r} needs a query: layer(query, value)")
        parts = {"query": query, "value": query if value is None else value}
        parts["key"] = parts["value"] if key is None else key
        for name, x in parts.items():
            if x.ndim < 3:
                raise ValueError(f"layer {self.name!r} ({type(self).__name__}): the {name} must have the shape (batch, "
                                 f"steps, ..., features), got {tuple(x.shape)}")
        if not self.built:
            self.features = tuple(parts[name].shape[-1] for name in ("query", "key", "value"))
        given.update({name: x for name, x in (("value", value), ("key", key)) if x is not None})
        return super().__call__(query, **given)

    def widths(self, input_shape):
        """The sizes of the last axis of query, key and value."""
        return self.features or (input_shape[-1],) * 3

    def add_projection(self, name, features, heads, size):
        """The weights that bring ``features`` to ``heads`` times ``size``; kept as two attributes."""
        self._add(name, (features, heads, size), (heads, size))

    def _add(self, name, shape, bias_shape):
        setattr(self, f"{name}_kernel", self.add_weight(f"{name}/kernel", shape, **self.kernel_options))
        setattr(self, f"{name}_bias",
                self.add_weight(f"{name}/bias", bias_shape, **self.bias_options) if self.use_bias else None)

    def project(self, name, x):
        """(batch, ..., features) to (batch, ..., heads, size)."""
        kernel, bias = getattr(self, f"{name}_kernel"), getattr(self, f"{name}_bias")
        _, heads, size = kernel.shape
        out = ops.linear(x, ops.reshape(kernel, (kernel.shape[0], heads * size)),
                         None if bias is None else ops.reshape(bias, (heads * size,)))
        return ops.reshape(out, (*out.shape[:-1], heads, size))

    def project_back(self, x):
        """(batch, ..., heads, size) to (batch, ..., *output)."""
        kernel, bias = self.attention_output_kernel, self.attention_output_bias
        width, out = kernel.shape[0] * kernel.shape[1], kernel.shape[2:]
        flat = ops.linear(ops.reshape(x, (*x.shape[:-2], width)), ops.reshape(kernel, (width, math.prod(out))),
                          None if bias is None else ops.reshape(bias, (math.prod(out),)))
        return ops.reshape(flat, (*x.shape[:-2], *out))

    def attend(self, query, key, value, mask, causal, training, with_weights):
        """What each head finds (batch, queries, heads, width), and the weights or None."""
        rate = self.dropout if training else 0.0
        if not with_weights:
            return ops.attention(query, key, value, mask, causal=causal, dropout=rate, generator=self.generator), None
        weights = ops.attention_weights(query, key, mask, causal=causal)
        dropped = ops.dropout(weights, rate, generator=self.generator)
        return ops.einsum("bhij,bjhd->bihd", dropped, value), weights


def _as_tensor(x, dtype):
    return x if x is None or isinstance(x, Value | Spec) else Tensor(x, dtype=dtype)


def _own_masks(*pairs):
    """The mask given for each tensor, or else the one that it has."""
    return [getattr(x, "mask", None) if mask is None else mask for x, mask in pairs]


def _seen(masks, attention_mask, axes):
    """One mask (batch, 1 or heads, queries, keys) of all that hide keys; None for none.

    ``axes`` says how many axes of queries and of keys there are, which become one each.
    """
    flat = lambda m: ops.reshape(m, (m.shape[0], _product(m.shape[1:]))) if m.ndim > 2 else m
    found = [ops.expand_dims(flat(m), (1, 3) if i == 0 else (1, 2)) for i, m in enumerate(masks) if m is not None]
    if attention_mask is not None:
        m = ops.astype(attention_mask, bool)
        if m.ndim == sum(axes):         # without the batch
            m = ops.expand_dims(m, 0)
        lead = m.shape[:m.ndim - sum(axes)]
        m = ops.reshape(m, (*lead, _product(m.shape[len(lead):len(lead) + axes[0]]), _product(m.shape[-axes[1]:])))
        found.append(ops.expand_dims(m, 1) if m.ndim < 4 else m)
    out = None
    for m in found:
        out = m if out is None else ops.logical_and(out, m)
    return out


def _product(sizes):
    return None if None in sizes else math.prod(sizes)


class MultiHeadAttention(_HeadedAttention):
    """Several heads attend to projections of their own: ``concat(softmax(q k^T / sqrt(key_dim)) v) @ W + b``.

    Arguments:
        num_heads: how many.
        key_dim: the size of each head's queries and keys.
        value_dim: the size of each head's values; default ``key_dim``.
        dropout: of the weights of the values, default 0.
        use_bias: whether projections have biases, default True.
        output_shape: of the output behind the steps, an int or several; default: the query's features.
        attention_axes: the axes that are attended over; default: all but the batch and the features.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint: of all projections, as for :class:`Dense`.
        seed: of a generator of its own for dropout; default: the default generator.

    It is called as ``layer(query, value, key=None)``; the value is the query and the key the value unless given. A call
    may say ``query_mask``, ``value_mask``, ``key_mask`` (default: the masks that the inputs have), ``attention_mask``
    (batch, queries, keys), true where a query looks at a key, ``use_causal_mask=True``, and
    ``return_attention_scores=True`` for a second output (batch, heads, queries, keys). A query that may look at nothing
    gives the output's bias.

    Input shape: (batch, queries, features), (batch, keys, features). Output shape: (batch, queries, features).

    Weights: of query, key, value and attention_output a kernel and a bias each: (features, heads, size) and (heads,
    size); the last (heads, value_dim, output) and (output,).

    Source: Vaswani et al., Attention is all you need, NeurIPS 2017.

    >>> import tahr
    >>> layer = tahr.layers.MultiHeadAttention(num_heads=2, key_dim=3)
    >>> x = tahr.ops.ones((4, 5, 6))
    >>> out, scores = layer(x, x, return_attention_scores=True)
    >>> out.shape, scores.shape
    ((4, 5, 6), (4, 2, 5, 5))
    """

    def __init__(self, num_heads, key_dim, value_dim=None, dropout=0.0, use_bias=True, output_shape=None,
                 attention_axes=None, kernel_initializer="glorot_uniform", bias_initializer="zeros",
                 kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
                 bias_constraint=None, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.num_heads, self.key_dim = positive_int("num_heads", num_heads), positive_int("key_dim", key_dim)
        self.value_dim = self.key_dim if value_dim is None else positive_int("value_dim", value_dim)
        self.wanted_shape = (output_shape,) if isinstance(output_shape, int) else output_shape
        self.attention_axes = (attention_axes,) if isinstance(attention_axes, int) else attention_axes
        self.set_options(dropout, use_bias, seed, locals())

    def build(self, input_shape):
        query, key, value = self.widths(input_shape)
        self.add_projection("query", query, self.num_heads, self.key_dim)
        self.add_projection("key", key, self.num_heads, self.key_dim)
        self.add_projection("value", value, self.num_heads, self.value_dim)
        out = tuple(self.wanted_shape or (query,))
        self._add("attention_output", (self.num_heads, self.value_dim, *out), out)

    def call(self, query, value=None, key=None, query_mask=None, value_mask=None, key_mask=None, attention_mask=None,
             return_attention_scores=False, training=False, use_causal_mask=False):
        value = query if value is None else value
        key = value if key is None else key
        masks = _own_masks((query, query_mask), (value, value_mask), (key, key_mask))
        axes = tuple(a % query.ndim for a in self.attention_axes or range(1, query.ndim - 1))
        mask = _seen(masks, attention_mask, (len(axes), len(axes)))
        q, k, v = self.project("query", query), self.project("key", key), self.project("value", value)
        (q, back), (k, _), (v, _) = (_over(x, axes) for x in (q, k, v))
        out, weights = self.attend(q, k, v, mask, use_causal_mask, training, return_attention_scores)
        out = self.project_back(back(out))
        if weights is None:
            return out
        if len(axes) > 1:
            steps = [tuple(x.shape[a] for a in axes) for x in (query, key)]
            weights = ops.reshape(weights, (*weights.shape[:2], *steps[0], *steps[1]))
        return out, weights

    def compute_mask(self, inputs, mask=None):
        return mask


def _over(x, axes):
    """(batch, ..., heads, size) with the ``axes`` as one and the others part of the batch, and what brings it back."""
    free = [i for i in range(1, x.ndim - 2) if i not in axes]
    order = (0, *free, *axes, x.ndim - 2, x.ndim - 1)
    moved = ops.transpose(x, order)
    lead, steps = moved.shape[:1 + len(free)], moved.shape[1 + len(free):-2]
    flat = ops.reshape(moved, (_product(lead), _product(steps), *moved.shape[-2:]))

    def back(out):
        wide = ops.reshape(out, (*lead, *steps, *out.shape[-2:]))
        return ops.transpose(wide, tuple(order.index(i) for i in range(len(order))))
    return flat, back


class GroupQueryAttention(_HeadedAttention):
    """Attention in which groups of heads share their keys and values, which saves weights and memory.

    Arguments:
        head_dim: the size of each head.
        num_query_heads: how many heads.
        num_key_value_heads: how many different keys and values there are, a divisor of ``num_query_heads``.
        dropout: of the weights of the values, default 0.
        use_bias: whether projections have biases, default True.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint: of all projections, as for :class:`Dense`.
        seed: of a generator of its own for dropout; default: the default generator.

    Calls, masks and outputs: as for :class:`MultiHeadAttention`.

    Source: Ainslie et al., GQA: training generalized multi-query transformer models, EMNLP 2023.

    >>> import tahr
    >>> tahr.layers.GroupQueryAttention(8, 4, 2)(tahr.ops.ones((2, 5, 6))).shape
    (2, 5, 6)
    """

    def __init__(self, head_dim, num_query_heads, num_key_value_heads, dropout=0.0, use_bias=True,
                 kernel_initializer="glorot_uniform", bias_initializer="zeros", kernel_regularizer=None,
                 bias_regularizer=None, activity_regularizer=None, kernel_constraint=None, bias_constraint=None,
                 seed=None, **kwargs):
        super().__init__(**kwargs)
        self.head_dim = positive_int("head_dim", head_dim)
        self.num_query_heads = positive_int("num_query_heads", num_query_heads)
        self.num_key_value_heads = positive_int("num_key_value_heads", num_key_value_heads)
        if num_query_heads % num_key_value_heads:
            raise ValueError("`num_query_heads` must be divisible by `num_key_value_heads`, got "
                             f"{num_query_heads} and {num_key_value_heads}")
        self.set_options(dropout, use_bias, seed, locals())

    def build(self, input_shape):
        query, key, value = self.widths(input_shape)
        self.add_projection("query", query, self.num_query_heads, self.head_dim)
        self.add_projection("key", key, self.num_key_value_heads, self.head_dim)
        self.add_projection("value", value, self.num_key_value_heads, self.head_dim)
        self._add("attention_output", (self.num_query_heads, self.head_dim, query), (query,))

    def call(self, query, value=None, key=None, query_mask=None, value_mask=None, key_mask=None, attention_mask=None,
             return_attention_scores=False, training=False, use_causal_mask=False):
        value = query if value is None else value
        key = value if key is None else key
        masks = _own_masks((query, query_mask), (value, value_mask), (key, key_mask))
        mask, times = _seen(masks, attention_mask, (1, 1)), self.num_query_heads // self.num_key_value_heads
        q = self.project("query", query)
        k, v = (ops.repeat(self.project(*part), times, 2) for part in (("key", key), ("value", value)))
        out, weights = self.attend(q, k, v, mask, use_causal_mask, training, return_attention_scores)
        out = self.project_back(out)
        return out if weights is None else (out, weights)
