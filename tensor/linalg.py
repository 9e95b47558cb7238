"""Products of vectors, matrices and tensors."""

import functools
import itertools
import math
import string

import numpy as np

from ..autograd import function, op, raises, real, sample
from ..kernels import gemm
from . import shapes
from .adjust import match
from .elementwise import multiply
from .movement import expand_dims, matrix_transpose, reshape, transpose
from .reduce import sum as total


def _product_shape(x, y):
    if x.ndim == 0 or y.ndim == 0:
        raise ValueError(f"matmul needs at least 1 dimension on both sides, got shapes {x.shape} and {y.shape}: "
                         "use * to scale")
    inner, outer = x.shape[-1], y.shape[-2] if y.ndim > 1 else y.shape[0]
    if inner != outer and None not in (inner, outer):
        raise ValueError(f"matmul of shapes {x.shape} and {y.shape}: the last size of the first, {inner}, must equal "
                         f"the {'second to last ' if y.ndim > 1 else ''}size of the second, {outer}")
    batch = shapes.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    return batch + x.shape[-2:-1] * (x.ndim > 1) + y.shape[-1:] * (y.ndim > 1)


def _matmul_grad_x(g, _out, _x, y):
    if y.ndim == 1:
        return expand_dims(g, -1) * y
    return matmul(g if len(_x.shape) > 1 else expand_dims(g, -2), matrix_transpose(y))


def _matmul_grad_y(g, _out, x, _y):
    if len(_y.shape) == 1:
        return expand_dims(g, -1) * x
    if x.ndim == 1:
        return expand_dims(x, -1) * expand_dims(g, -2)
    return matmul(matrix_transpose(x), g)


def _looped_matmul(x, y):
    a, b = np.atleast_2d(x), y[:, None] if y.ndim == 1 else y
    out = (a[..., :, :, None] * b[..., None, :, :]).sum(-2)
    out = out[..., 0, :] if x.ndim == 1 else out
    return out[..., 0] if y.ndim == 1 else out


def _matrix(x):
    """An array whose matrices lie in memory by rows, and whether they had to be seen transposed for that."""
    turned = x.swapaxes(-1, -2)
    return (turned, True) if turned.flags.c_contiguous and not x.flags.c_contiguous else (x, False)


def _product(x, y):
    """``x @ y`` by our own kernel, which NumPy's broadcasting of stacks is left out of."""
    if (x.ndim < 2 or y.ndim < 2 or y.ndim > 2 and x.shape[:-2] != y.shape[:-2]
            or x.size * y.shape[-1] <= gemm.SMALL):
        return np.matmul(x, y)
    (x, turned_x), (y, turned_y) = _matrix(x), _matrix(y)
    return gemm.matmul(x, y, turned_x, turned_y)


@op(shape=_product_shape, vjp=[_matmul_grad_x, _matmul_grad_y], adjust=match, reference=_looped_matmul,
    samples=[sample(real(3, 4), real(4, 2)), sample(real(4), real(4)), sample(real(3, 4), real(4)),
             sample(real(4), real(4, 2)),
             sample(real(2, 1, 3, 4), real(5, 4, 2)), sample(real(4), real(2, 4, 3)), sample(real(2, 3, 4), real(4)),
             sample(real(0, 4), real(4, 2)), sample(real(3, 0), real(0, 2)),
             raises(ValueError, "the last size of the first, 4, must equal", real(3, 4), real(3, 4)),
             raises(ValueError, "at least 1 dimension", real(), real(3))])
def matmul(x, y):
    """The matrix product ``x @ y``; leading axes broadcast, vectors are rows on the left and columns on the right."""
    return _product(x, y)


def _linear_shape(x, w, b):
    if w.ndim != 2 or x.ndim == 0 or None not in (x.shape[-1], w.shape[0]) and x.shape[-1] != w.shape[0]:
        raise ValueError(f"linear needs weights of shape (features, units), with as many features as the input's last "
                         f"axis: got input {x.shape} and weights {w.shape}")
    if b is not None and b.shape != w.shape[1:]:
        raise ValueError(f"linear needs one bias for each of {w.shape[1]} units, got shape {b.shape}")
    return (*x.shape[:-1], w.shape[1])


def _rows(x):
    """An array as a matrix, all axes but the last merged."""
    return x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


@op(shape=lambda g, w: (*g.shape[:-1], w.shape[0]), adjust=match, reference=lambda g, w: _looped_matmul(g, w.T),
    vjp=[lambda g, _out, _g, w: _linear(g, w, None), lambda g, _out, gy, _w: linear_grad_w(g, gy)],
    samples=[sample(real(3, 4), real(2, 4)), sample(real(2, 3, 4), real(2, 4)), sample(real(0, 4), real(2, 4))])
def linear_grad_x(g, w):
    """The gradient of :func:`linear` for its input: ``g @ w.T``."""
    if g.size * w.shape[0] <= gemm.SMALL:
        return g @ w.T
    return gemm.matmul(_rows(g), w, False, True).reshape(*g.shape[:-1], w.shape[0])


def _grad_w_into(x, g, out):
    x, g = _rows(x), _rows(g)
    if x.size * g.shape[1] <= gemm.SMALL or out.dtype != x.dtype:
        return np.matmul(x.T, g, out=out)
    return gemm.matmul(x, g, True, out=out)


@op(shape=lambda x, g: (x.shape[-1], g.shape[-1]), adjust=match, into=_grad_w_into,
    reference=lambda x, g: np.sum(_rows(x)[:, :, None] * _rows(g)[:, None, :], axis=0),
    vjp=[lambda g, _out, _x, gy: linear_grad_x(gy, g), lambda g, _out, x, _g: _linear(x, g, None)],
    samples=[sample(real(3, 4), real(3, 2)), sample(real(2, 3, 4), real(2, 3, 2)), sample(real(4), real(2)),
             sample(real(0, 4), real(0, 2))])
def linear_grad_w(x, g):
    """The gradient of :func:`linear` for its weights: ``x.T @ g``, summed over all rows."""
    x, g = _rows(x), _rows(g)
    return x.T @ g if x.size * g.shape[1] <= gemm.SMALL else gemm.matmul(x, g, True)


def _affine(x, w, b, relu=False):
    if x.size * w.shape[1] <= gemm.SMALL or b is not None and b.dtype is not x.dtype:
        out = np.matmul(_rows(x), w)
        if b is not None:
            out = np.add(out, b, out=out if out.dtype == b.dtype else None)
        out = np.maximum(out, 0, out=out) if relu else out
    else:
        out = gemm.matmul(_rows(x), w, False, False, b, relu)
    return out if x.ndim == 2 else out.reshape(*x.shape[:-1], w.shape[1])


@op(shape=_linear_shape, adjust=match, rectified=functools.partial(_affine, relu=True),
    vjp=[lambda g, _out, _x, w, _b: linear_grad_x(g, w), lambda g, _out, x, _w, _b: linear_grad_w(x, g),
         lambda g, _out, _x, _w, _b: g],
    reference=lambda x, w, b=None: _looped_matmul(x, w) + (0 if b is None else b), name="linear",
    samples=[sample(real(3, 4), real(4, 2), real(2)), sample(real(2, 3, 4), real(4, 2), real(2)),
             sample(real(4), real(4, 2), real(2)), sample(real(3, 4), real(4, 2), None),
             sample(real(0, 4), real(4, 2), real(2)),
             raises(ValueError, "as many features as the input's last axis", real(3, 4), real(3, 2), real(2)),
             raises(ValueError, "one bias for each of 2 units", real(3, 4), real(4, 2), real(3))])
def _linear(x, w, b):
    return _affine(x, w, b)


def linear(x, w, b=None):
    """``x @ w + b`` over the last axis of ``x``: what a Dense layer computes. ``w`` is (features, units)."""
    return _linear(x, w, b)


@function(reference=np.dot,
          samples=[sample(real(3), real(3)), sample(real(3, 4), real(4, 2)), sample(real(2, 3), real(4, 3, 2)),
                   sample(real(), real(2, 3)), raises(ValueError, "must equal", real(3), real(4))])
def dot(x, y):
    """NumPy's ``dot``: the last axis of ``x`` against the second to last of ``y``; with a scalar, the product."""
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    if x.ndim <= 2 and y.ndim <= 2:
        return matmul(x, y)
    return tensordot(x, y, ((x.ndim - 1,), (max(y.ndim - 2, 0),)))


@function(reference=np.inner,
          samples=[sample(real(3), real(3)), sample(real(2, 3), real(4, 3)), sample(real(2, 3), real(5, 1, 3)),
                   sample(real(2), real()), raises(ValueError, "sizes", real(3), real(4))])
def inner(x, y):
    """The products of all pairs of last axes, summed."""
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    return tensordot(x, y, ((x.ndim - 1,), (y.ndim - 1,)))


@function(reference=np.outer,
          samples=[sample(real(3), real(4)), sample(real(2, 3), real(2))])
def outer(x, y):
    """All products of an element of ``x`` and one of ``y``, both flattened: a matrix."""
    return multiply(reshape(x, (-1, 1)), reshape(y, (1, -1)))


@function(reference=np.vecdot,
          samples=[sample(real(3, 4), real(3, 4)), sample(real(3, 4), real(3, 1), axis=0),
                   raises(ValueError, "broadcast", real(3), real(4))])
def vecdot(x, y, axis=-1):
    """The dot products of the vectors along ``axis``; the other axes broadcast."""
    return total(x * y, axis)


@function(reference=np.kron,
          samples=[sample(real(2, 3), real(4, 2)), sample(real(3), real(2)), sample(real(2, 2), real(3))])
def kron(x, y):
    """The Kronecker product: ``y`` scaled by each element of ``x``, as blocks."""
    ndim = max(x.ndim, y.ndim)
    a, b = (1,) * (ndim - x.ndim) + tuple(x.shape), (1,) * (ndim - y.ndim) + tuple(y.shape)
    x = reshape(x, tuple(n for size in a for n in (size, 1)))
    y = reshape(y, tuple(n for size in b for n in (1, size)))
    return reshape(x * y, tuple(shapes.size(pair) for pair in zip(a, b)))


def _pairs(axes, x, y):
    if isinstance(axes, int):
        axes = (range(x.ndim - axes, x.ndim), range(axes))
    left, right = (tuple(a) if isinstance(a, tuple | list | range) else (a,) for a in axes)
    left, right = shapes.normalize_axes(left, x.ndim), shapes.normalize_axes(right, y.ndim)
    sizes = [(x.shape[i], y.shape[j]) for i, j in zip(left, right)]
    if len(left) != len(right) or any(m != n for m, n in sizes if None not in (m, n)):
        raise ValueError(f"tensordot of shapes {x.shape} and {y.shape} over axes {left} and {right}: the sizes must be "
                         "equal in pairs")
    return left, right


@function(reference=np.tensordot,
          samples=[sample(real(2, 3, 4), real(3, 4, 5)), sample(real(3, 4), real(4, 2), 1),
                   sample(real(2, 3, 4), real(4, 5, 2), ((0, 2), (2, 0))),
                   sample(real(2), real(3), 0), raises(ValueError, "equal in pairs", real(2, 3), real(2, 3), 1)])
def tensordot(x, y, axes=2):
    """The sum of products over pairs of axes: the last and first ``axes``, or ``axes=(of_x, of_y)``."""
    left, right = _pairs(axes, x, y)
    rest_x = [i for i in range(x.ndim) if i not in left]
    rest_y = [i for i in range(y.ndim) if i not in right]
    size = lambda x, axes: shapes.size([x.shape[i] for i in axes])
    a = reshape(transpose(x, (*rest_x, *left)), (size(x, rest_x), size(x, left)))
    b = reshape(transpose(y, (*right, *rest_y)), (size(y, right), size(y, rest_y)))
    return reshape(matmul(a, b), tuple([x.shape[i] for i in rest_x] + [y.shape[i] for i in rest_y]))


# Einstein summation

def _parse(subscripts, ndims):
    """Subscripts with ``...`` spelled out and the output written: ``["ij", "jk"], "ik"``."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    inputs = inputs.split(",")
    if len(inputs) != len(ndims):
        raise ValueError(f"einsum {subscripts!r} names {len(inputs)} operand(s), got {len(ndims)}")
    free = [c for c in string.ascii_letters if c not in subscripts]
    extra = [n - len(s.replace("...", "")) for s, n in zip(inputs, ndims)]
    for s, n, e in zip(inputs, ndims, extra):
        if e < 0 or e > 0 and "..." not in s:
            raise ValueError(f"einsum {subscripts!r}: {s!r} names {len(s.replace('...', ''))} axes, its operand has "
                             f"{n}")
    dots = "".join(free[:max(extra, default=0)])
    inputs = [s.replace("...", dots[len(dots) - e:]) for s, e in zip(inputs, extra)]
    letters = "".join(inputs)
    if not arrow:
        output = dots + "".join(sorted(c for c in set(letters) if letters.count(c) == 1 and c not in dots))
    output = output.replace("...", dots)
    if unknown := sorted(set(output) - set(letters)):
        raise ValueError(f"einsum {subscripts!r}: output axes {unknown} occur in no operand")
    return inputs, output


def _einsum_shape(*xs, subscripts):
    inputs, output = _parse(subscripts, [x.ndim for x in xs])
    sizes = {}
    for letters, x in zip(inputs, xs):
        for c, n in zip(letters, x.shape):
            known = sizes.get(c, 1)
            if n not in (None, 1) and known not in (None, 1) and n != known:
                raise ValueError(f"einsum {subscripts!r}: axis {c!r} has sizes {known} and {n}")
            sizes[c] = n if known == 1 or known is None and n != 1 else known
    return tuple(sizes[c] for c in output)


def _einsum_rule(i):
    def rule(g, _out, *xs, subscripts):
        """The sum with operand ``i`` and the result exchanged: an axis that neither ``g`` nor the other operands have
        is filled by ones, and an axis repeated within the operand gets its diagonal by an identity matrix."""
        inputs, output = _parse(subscripts, [x.ndim for x in xs])
        others = [(s, x) for j, (s, x) in enumerate(zip(inputs, xs)) if j != i]
        target, terms = "", [(output, g), *others]
        free = [c for c in string.ascii_letters if c not in "".join(inputs)]
        for c, n in zip(inputs[i], xs[i].shape):
            if c in target:
                alias = free.pop()
                terms.append((c + alias, np.eye(n, dtype=xs[i].dtype)))
                c = alias
            elif not any(c in s for s, _ in terms):
                terms.append((c, np.ones(n, xs[i].dtype)))
            target += c
        return _einsum(*(x for _, x in terms), subscripts=",".join(s for s, _ in terms) + "->" + target)
    return rule


def _summed_products(*xs, subscripts):
    """The product of one element of each operand, for every value of every index, added up at the output's."""
    inputs, output = _parse(subscripts, [x.ndim for x in xs])
    letters = sorted(set("".join(inputs)))
    sizes = {c: max(x.shape[s.index(c)] for s, x in zip(inputs, xs) if c in s) for c in letters}
    out = np.zeros([sizes[c] for c in output])
    for values in itertools.product(*(range(sizes[c]) for c in letters)):
        at = dict(zip(letters, values))
        product = 1.0
        for s, x in zip(inputs, xs):
            product *= x[tuple(min(at[c], n - 1) for c, n in zip(s, x.shape))]      # n is 1 where x broadcasts
        out[tuple(at[c] for c in output)] += product
    return out


@op(shape=_einsum_shape, vjp=_einsum_rule, adjust=match, name="einsum", reference=_summed_products,
    samples=[sample(real(3, 4), real(4, 2), subscripts="ij,jk->ik"), sample(real(3, 4), subscripts="ij->"),
             sample(real(3, 3), subscripts="ii->i"), sample(real(3, 3), subscripts="ii"),
             sample(real(2, 3, 4), subscripts="...ij->...ji"), sample(real(2, 3, 4), real(4, 5), subscripts="...j,jk"),
             sample(real(2, 3), real(3), real(3, 2), subscripts="ab,b,ba->a"),
             sample(real(2, 1, 3), real(4, 3), subscripts="...i,...i->..."),
             sample(real(0, 3), real(3), subscripts="ij,j->i"),
             raises(ValueError, "has sizes 3 and 4", real(2, 3), real(4, 2), subscripts="ij,jk"),
             raises(ValueError, r"names 2 operand\(s\), got 1", real(2, 3), subscripts="ij,jk"),
             raises(ValueError, "names 2 axes, its operand has 3", real(2, 3, 4), subscripts="ij->i"),
             raises(ValueError, "occur in no operand", real(2, 3), subscripts="ij->k")])
def _einsum(*arrays, subscripts=""):
    if any(x.size == 0 for x in arrays):
        _einsum_shape(*arrays, subscripts=subscripts)       # NumPy lets axes of sizes 0 and 3 pass as one
    return np.einsum(subscripts, *arrays, optimize=len(arrays) > 2)


def einsum(subscripts, *arrays):
    """Einstein summation, ``...`` and repeated axes included: ``einsum("bij,bjk->bik", x, y)``."""
    return _einsum(*arrays, subscripts=subscripts)
