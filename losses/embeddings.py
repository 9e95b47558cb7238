"""Losses of embeddings: samples of one class belong together."""

from ..tensor.activation import softplus
from ..tensor.create import eye
from ..tensor.elementwise import maximum
from ..tensor.linalg import matmul
from ..tensor.logic import equal, logical_and, logical_not, where
from ..tensor.movement import expand_dims, matrix_transpose, ravel
from ..tensor.reduce import logsumexp
from .base import as_tensor, loss_function
from .pairs import floats

NOTHING = -1e9      # the logarithm of nothing, finite so that it has a gradient


@loss_function()
def circle(y_true, y_pred, ref_labels=None, ref_embeddings=None, remove_diagonal=True, gamma=80.0, margin=0.4):
    """``log(1 + sum_n exp(gamma (1 + margin - d_n) (1 - margin - d_n)) sum_p exp(-gamma (margin + d_p) (margin -
    d_p)))`` over the cosine distances ``d_n`` to embeddings of other classes and ``d_p`` to those of the same.

    Arguments:
        y_true: class labels; shape (batch,) or (batch, 1).
        y_pred: embeddings of length 1; shape (batch, features).
        ref_labels, ref_embeddings: what to compare with; default: the batch itself.
        remove_diagonal: whether a sample is not compared with itself, default True.
        gamma: the scale, default 80.
        margin: default 0.4.

    Returns:
        Shape (batch,); 0 for a sample without another of its class.

    Raises:
        ValueError: for shapes other than these.

    Source: Sun et al., Circle loss: a unified perspective of pair similarity optimization, CVPR 2020.

    >>> circle([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], gamma=1.0)[2]
    Tensor(0.)
    """
    y_pred = floats(y_pred)
    labels = _flat(y_true, y_pred, "y_true")
    references = y_pred if ref_embeddings is None else floats(ref_embeddings)
    others = labels if ref_labels is None else _flat(ref_labels, references, "ref_labels")
    same = equal(expand_dims(labels, 1), expand_dims(others, 0))
    apart = logical_not(same)
    if remove_diagonal:
        same = logical_and(same, logical_not(eye(len(y_pred), len(references), dtype="bool")))
    d = maximum(1 - matmul(y_pred, matrix_transpose(references)), 0.0)
    near = where(same, -gamma * (margin + d) * (margin - d), NOTHING)
    far = where(apart, gamma * maximum(1 + margin - d, 0.0) * (1 - margin - d), NOTHING)
    return softplus(logsumexp(near, 1) + logsumexp(far, 1))


def _flat(labels, embeddings, name):
    labels = as_tensor(labels)
    if embeddings.ndim != 2 or labels.shape not in (embeddings.shape[:1], (embeddings.shape[0], 1)):
        raise ValueError(f"circle needs embeddings of shape (batch, features) and one label for each, got {name} of "
                         f"shape {labels.shape} for embeddings of shape {embeddings.shape}")
    return ravel(labels)
