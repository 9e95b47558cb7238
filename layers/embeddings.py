"""Embedding."""

import numpy as np

from .. import ops, regularizers
from ..autograd import integers, op, sample
from .arguments import positive_int, weight_options
from .base import InputSpec, Layer
from .functions import sourceless


@op(shape=lambda indices, **_attrs: indices.shape, reference=lambda indices, rows, layer="": np.array(indices.tolist()),
    samples=[sample(integers(0, 4, 5), 4, "embedding"), sample(integers(0, 3, 2, 3), rows=3)])
def rows_within(indices, rows=1, layer=""):
    """The indices; raises, naming index and position, unless all lie from 0 to ``rows - 1``."""
    if indices.size and not 0 <= indices.min() <= indices.max() < rows:
        at = np.argwhere((indices < 0) | (indices >= rows))[0]
        raise IndexError(f"layer {layer!r}: indices must lie from 0 to {rows - 1} (input_dim - 1), got "
                         f"{indices[tuple(at)]} at position {tuple(at.tolist())}")
    return indices


class Embedding(Layer):
    """A table of vectors, looked up by integers.

    Arguments:
        input_dim: how many rows; indices lie from 0 to ``input_dim - 1``.
        output_dim: the length of a row.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: as for :class:`Dense`; default
            ``'uniform'``, none and none.
        activity_regularizer: a penalty of the output, added to the loss; default none.
        mask_zero: whether 0 stands for no entry: where the input is 0, the output is masked. Default False.
        input_length: the length of the sequences, where it is fixed; a tuple for inputs with more axes, None in it for
            any size.

    As a first layer it needs no input shape. Inputs of other dtypes are cast to integers, as ``int()`` does.

    Input shape: (batch, ...), e.g. (batch, length). Output shape: (batch, ..., output_dim).

    Weights: embeddings (input_dim, output_dim).

    Raises:
        IndexError: for an index outside the table; the text names it and its position.
        ValueError: for inputs whose sizes are not those of ``input_length``.

    >>> import tahr
    >>> tahr.layers.Embedding(1000, 64)(tahr.Tensor([[1, 2, 3]])).shape
    (1, 3, 64)
    """

    input_dtype = "int32"

    def __init__(self, input_dim, output_dim, embeddings_initializer="uniform", embeddings_regularizer=None,
                 activity_regularizer=None, embeddings_constraint=None, mask_zero=False, input_length=None, **kwargs):
        length = tuple(input_length) if isinstance(input_length, list | tuple) else (input_length,)
        if "input_shape" not in kwargs and "batch_input_shape" not in kwargs:
            kwargs["batch_input_shape"] = (kwargs.pop("batch_size", None), *length)
        super().__init__(**kwargs)
        self.input_dim, self.output_dim = positive_int("input_dim", input_dim), positive_int("output_dim", output_dim)
        self.options = weight_options(embeddings_initializer, embeddings_regularizer, embeddings_constraint)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.mask_zero = self.supports_masking = self._makes_mask = bool(mask_zero)
        self.input_length = input_length
        if input_length is not None:
            self.input_spec = InputSpec(ndim=len(length) + 1, axes={i: n for i, n in enumerate(length, 1) if n})

    def build(self, input_shape):
        self.embeddings = self.add_weight("embeddings", (self.input_dim, self.output_dim), **self.options)

    def call(self, inputs):
        if inputs.dtype.kind not in "iu":
            inputs = ops.astype(inputs, "int32")
        return ops.take(self.embeddings, rows_within(inputs, self.input_dim, self.name), 0)

    def compute_mask(self, inputs, mask=None):
        if not self.mask_zero:
            return super().compute_mask(inputs, mask)
        return sourceless(ops.not_equal(inputs if inputs.dtype.kind in "iu" else ops.astype(inputs, "int32"), 0))
