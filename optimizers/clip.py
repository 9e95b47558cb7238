"""Limits for the size of gradients."""

from ..tensor.elementwise import clip, maximum, sqrt, square


def norm(tensors):
    """The root of the sum of all squares, in float64, which squares of float32 numbers cannot overflow.

    >>> from tahr import Tensor
    >>> norm([Tensor([3.0]), Tensor([[4.0]])])
    Tensor(5., dtype=float64)
    """
    total = 0.0
    for x in tensors:
        total = total + square(x.astype("float64")).sum()
    return sqrt(total)


def limited(tensors, limit):
    """The tensors, all multiplied by one number so that their norm is at most ``limit``.

    >>> from tahr import Tensor
    >>> limited([Tensor([3.0]), Tensor([4.0])], 1.0)
    [Tensor([0.6]), Tensor([0.8])]
    """
    scale = limit / maximum(norm(tensors), limit)
    return [x * scale.astype(x.dtype) for x in tensors]


def clipped(tensors, each=None, together=None, value=None):
    """Gradients within limits: of the norm of each, of their norm together, and then of every element's size.

    >>> from tahr import Tensor
    >>> clipped([Tensor([3.0]), Tensor([0.5, 0.1])], each=2.0, value=0.25)
    [Tensor([0.25]), Tensor([0.25, 0.1 ])]
    """
    if each is not None:
        tensors = [limited([x], each)[0] for x in tensors]
    if together is not None and tensors:
        tensors = limited(tensors, together)
    return tensors if value is None else [clip(x, -value, value) for x in tensors]
