"""Dense layers that an einsum equation describes."""

import re

from .. import activations, ops, regularizers
from .arguments import weight_options
from .base import InputSpec, Layer

FORMS = (r"([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]+)", r"(\.\.\.[a-zA-Z]+),([a-zA-Z]+)->(\.\.\.[a-zA-Z]+)",
         r"([a-zA-Z]+\.\.\.),([a-zA-Z]+)->([a-zA-Z]+\.\.\.)")


class EinsumDense(Layer):
    """``activation(einsum(equation, x, kernel) + bias)``.

    Arguments:
        equation: of two terms, the input and the kernel: ``'ab,bc->ac'`` is a :class:`Dense` layer, ``'...x,xy->...y'``
            one for inputs of any rank.
        output_shape: the output's sizes without the batch axis (and without what ``...`` stands for), an int or
            several; None for a size that is not known.
        activation: a name or function; default None, for none.
        bias_axes: letters of the output that the bias has, e.g. ``'c'``; default None, for no bias.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint: as for :class:`Dense`.

    Weights: kernel, of the sizes that the equation says; bias, of those of ``bias_axes``, 1 for letters between them.

    Raises:
        ValueError: for another form of equation, and for letters whose size nothing says.

    >>> import tahr
    >>> layer = tahr.layers.EinsumDense("abc,cde->abde", (None, 4, 5), bias_axes="de")
    >>> layer(tahr.ops.ones((2, 7, 3))).shape, layer.bias.shape
    ((2, 7, 4, 5), (4, 5))
    """

    def __init__(self, equation, output_shape, activation=None, bias_axes=None, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 kernel_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(**kwargs)
        self.equation, self.bias_axes = equation, bias_axes
        self.terms = _terms(equation)
        self.partial_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self.activation = activations.get(activation)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.kernel_options = weight_options(kernel_initializer, kernel_regularizer, kernel_constraint)
        self.bias_options = weight_options(bias_initializer, bias_regularizer, bias_constraint)
        for letter in bias_axes or "":
            if letter not in self.terms[2]:
                raise ValueError(f"Bias dimension {letter!r} was requested, but is not part of the output spec "
                                 f"{self.terms[2]!r} of {equation!r}")

    def build(self, input_shape):
        x, kernel, out = self.terms
        if "..." not in x and len(input_shape) != len(x):
            raise ValueError(f"layer {self.name!r}: {self.equation!r} needs an input of {len(x)} dimensions, got shape "
                             f"{tuple(input_shape)}")
        sizes = {**_sizes(out, (None, *self.partial_shape)), **_sizes(x, input_shape)}
        if unknown := [c for c in kernel if sizes.get(c) is None]:
            raise ValueError(f"layer {self.name!r}: the kernel's size along {unknown[0]!r} of {self.equation!r} is "
                             f"known from neither the input shape {tuple(input_shape)} nor "
                             f"output_shape={self.partial_shape}")
        self.kernel = self.add_weight("kernel", tuple(sizes[c] for c in kernel), **self.kernel_options)
        self.bias = self.add_weight("bias", self._bias_shape(sizes, len(input_shape)), **self.bias_options) \
            if self.bias_axes else None
        fixed = {i: sizes[c] for i, c in enumerate(x) if c in kernel} if "..." not in x else {}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=fixed)

    def _bias_shape(self, sizes, rank):
        x, _, out = self.terms
        first = min(out.replace(".", "").index(c) for c in self.bias_axes)
        hidden = rank - len(x) + 3 if out.endswith("...") else 0
        return (*(sizes[c] if c in self.bias_axes else 1 for c in out.replace(".", "")[first:]), *(1,) * hidden)

    def call(self, inputs):
        out = ops.einsum(self.equation, inputs, self.kernel)
        return self.activation(out if self.bias is None else out + self.bias)


def _terms(equation):
    """Input, kernel and output of an equation.

    >>> _terms("ab, bc -> ac")
    ('ab', 'bc', 'ac')
    """
    for form in FORMS:
        if found := re.fullmatch(form, equation.replace(" ", "")):
            return found.groups()
    raise ValueError(f"Invalid einsum equation {equation!r}. Equations must be in the form [X],[Y]->[Z], "
                     "...[X],[Y]->...[Z], or [X]...,[Y]->[Z]....")


def _sizes(term, shape):
    """The size of each letter, from the end where the term begins with an ellipsis.

    >>> _sizes("...yz", (5, 6, 7, 8))
    {'y': 7, 'z': 8}
    """
    letters = term.replace(".", "")
    return dict(zip(letters, shape[-len(letters):] if term.startswith("...") else shape))
