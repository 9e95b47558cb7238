"""How weights begin: objects that, called with a shape, return its values.

The scaled initializers count fans as Keras does: for a kernel ``(*window, in, out)``, fan-in is ``in`` times the size
of the window, fan-out is ``out`` times it. Names are found whatever their case and underscores, ``"he_normal"`` and
``"HeNormal"``.
"""

import math

import numpy as np

from . import ops
from .tensor import Tensor
from .tensor.shapes import as_shape
from .utils import settings
from .utils.configurable import Configurable, serialize
from .utils.custom import deserialized, in_scope
from .utils.names import snake_case
from .utils.rng import Generator, default_generator


class Initializer(Configurable):
    """Base of all initializers: ``initializer(shape, dtype=None)`` returns a tensor of that dtype (default floatx).

    With a ``seed``, every call returns the same values; without, the default generator goes on. A subclass defines
    ``values(shape, dtype)``.

    >>> class Steps(Initializer):
    ...     def values(self, shape, dtype):
    ...         return ops.arange(shape[0])
    >>> Steps()((3,))
    Tensor([0., 1., 2.])
    """

    def __call__(self, shape, dtype=None):
        dtype = np.dtype(dtype or settings.floatx()).name
        return Tensor(self.values(as_shape(shape), dtype), dtype=dtype)

    def values(self, shape, dtype):
        """The values, as a tensor or an array; if they are not of that dtype they are cast."""
        raise TypeError(f"{type(self).__name__} must define values(shape, dtype)")

    def generator(self):
        """The generator to draw from: one of its own for a seed, else the default."""
        seed = getattr(self, "seed", None)
        return default_generator() if seed is None else Generator(seed)


class Zeros(Initializer):
    """All zeros.

    >>> Zeros()((2,))
    Tensor([0., 0.])
    """

    aliases = ("zero",)

    def values(self, shape, dtype):
        return np.zeros(shape)


class Ones(Initializer):
    """All ones.

    >>> Ones()((2,))
    Tensor([1., 1.])
    """

    aliases = ("one",)

    def values(self, shape, dtype):
        return np.ones(shape)


class Constant(Initializer):
    """The values given.

    Arguments:
        value: a number, default 0, or an array of exactly the weight's shape.

    Raises:
        ValueError: when called with another shape than the array's.

    >>> Constant(3)((2,))
    Tensor([3., 3.])
    """

    def __init__(self, value=0.0):
        self.value = np.asarray(value)

    def values(self, shape, dtype):
        if self.value.shape not in ((), shape):
            raise ValueError(f"Constant holds an array of shape {self.value.shape}, the weight has shape {shape}")
        return np.broadcast_to(self.value, shape)


class RandomNormal(Initializer):
    """Normally distributed values.

    Arguments:
        mean, stddev: of the distribution, default 0 and 0.05.
        seed: see :class:`Initializer`.

    Raises:
        ValueError: for a negative ``stddev``.

    >>> RandomNormal(stddev=0.1, seed=0)((2, 3)).shape
    (2, 3)
    """

    aliases = ("normal",)

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        self.mean, self.stddev, self.seed = mean, _deviation(stddev), seed

    def values(self, shape, dtype):
        return ops.normal(shape, self.mean, self.stddev, dtype, self.generator())


class RandomUniform(Initializer):
    """Uniformly distributed values in ``[minval, maxval)``.

    Arguments:
        minval, maxval: default -0.05 and 0.05.
        seed: see :class:`Initializer`.

    Raises:
        ValueError: unless ``minval <= maxval``.

    >>> RandomUniform(0, 1, seed=0)((2, 3)).shape
    (2, 3)
    """

    aliases = ("uniform",)

    def __init__(self, minval=-0.05, maxval=0.05, seed=None):
        if not minval <= maxval:
            raise ValueError(f"minval must not exceed maxval, got {minval} and {maxval}")
        self.minval, self.maxval, self.seed = minval, maxval, seed

    def values(self, shape, dtype):
        return ops.uniform(shape, self.minval, self.maxval, dtype, self.generator())


class TruncatedNormal(Initializer):
    """Normally distributed values, those beyond two deviations drawn again.

    Arguments:
        mean, stddev: of the distribution before it is cut off, default 0 and 0.05.
        seed: see :class:`Initializer`.

    Raises:
        ValueError: for a negative ``stddev``.

    >>> bool((abs(TruncatedNormal(seed=0)((100,))) <= 0.1).all())
    True
    """

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        self.mean, self.stddev, self.seed = mean, _deviation(stddev), seed

    def values(self, shape, dtype):
        return ops.truncated_normal(shape, self.mean, self.stddev, dtype, self.generator())


def _deviation(stddev):
    if not stddev >= 0:
        raise ValueError(f"stddev must not be negative, got {stddev}")
    return stddev


class VarianceScaling(Initializer):
    """Random values of mean 0 whose variance is ``scale / n``.

    Arguments:
        scale: positive, default 1.
        mode: what ``n`` is: ``'fan_in'`` (the default), ``'fan_out'`` or ``'fan_avg'``, their mean.
        distribution: ``'truncated_normal'`` (the default, also called ``'normal'``), ``'untruncated_normal'`` or
            ``'uniform'``.
        seed: see :class:`Initializer`.

    Raises:
        ValueError: for an argument outside these.

    Source: He et al., Delving deep into rectifiers, ICCV 2015.

    >>> bool((abs(VarianceScaling(3.0, distribution="uniform", seed=0)((9, 100))) <= 1).all())
    True
    """

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None):
        if not scale > 0:
            raise ValueError(f"scale must be positive, got {scale}")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"mode must be 'fan_in', 'fan_out' or 'fan_avg', got {mode!r}")
        if distribution not in ("normal", "truncated_normal", "untruncated_normal", "uniform"):
            raise ValueError(f"distribution must be 'truncated_normal', 'untruncated_normal' or 'uniform', got "
                             f"{distribution!r}")
        self.scale, self.mode, self.distribution, self.seed = scale, mode, distribution, seed

    def values(self, shape, dtype):
        fan_in, fan_out = fans(shape)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        deviation = math.sqrt(self.scale / max(1.0, n))
        if self.distribution == "uniform":
            limit = math.sqrt(3) * deviation
            return ops.uniform(shape, -limit, limit, dtype, self.generator())
        if self.distribution == "untruncated_normal":
            return ops.normal(shape, 0.0, deviation, dtype, self.generator())
        # What is left of a normal distribution cut off at two deviations has 0.8796 of its deviation.
        return ops.truncated_normal(shape, 0.0, deviation / 0.87962566103423978, dtype, self.generator())


def fans(shape):
    """``(fan_in, fan_out)`` of a weight of that shape.

    >>> fans((3, 3, 16, 32)), fans((784, 10)), fans((5,))
    ((144, 288), (784, 10), (5, 5))
    """
    if not shape:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


class _Scaled(VarianceScaling):
    """A VarianceScaling whose arguments are fixed but for the seed."""

    fixed: tuple[float | str, ...] = ()

    def __init__(self, seed=None):
        super().__init__(*self.fixed, seed=seed)


class GlorotUniform(_Scaled):
    """Uniform within ``sqrt(6 / (fan_in + fan_out))`` of 0.

    Arguments:
        seed: see :class:`Initializer`.

    Source: Glorot and Bengio, Understanding the difficulty of training deep feedforward networks, AISTATS 2010.

    >>> bool((abs(GlorotUniform(seed=0)((3, 3))) <= 1).all())
    True
    """

    fixed = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Scaled):
    """Truncated normal of variance ``2 / (fan_in + fan_out)``.

    Arguments:
        seed: see :class:`Initializer`.

    Source: Glorot and Bengio, Understanding the difficulty of training deep feedforward networks, AISTATS 2010.

    >>> GlorotNormal(seed=0)((3, 3)).shape
    (3, 3)
    """

    fixed = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Scaled):
    """Uniform within ``sqrt(6 / fan_in)`` of 0.

    Arguments:
        seed: see :class:`Initializer`.

    Source: He et al., Delving deep into rectifiers, ICCV 2015.

    >>> bool((abs(HeUniform(seed=0)((6, 9))) <= 1).all())
    True
    """

    fixed = (2.0, "fan_in", "uniform")


class HeNormal(_Scaled):
    """Truncated normal of variance ``2 / fan_in``.

    Arguments:
        seed: see :class:`Initializer`.

    Source: He et al., Delving deep into rectifiers, ICCV 2015.

    >>> HeNormal(seed=0)((3, 3)).shape
    (3, 3)
    """

    fixed = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Scaled):
    """Uniform within ``sqrt(3 / fan_in)`` of 0.

    Arguments:
        seed: see :class:`Initializer`.

    Source: LeCun et al., Efficient backprop, Neural networks: tricks of the trade, 1998.

    >>> bool((abs(LecunUniform(seed=0)((3, 9))) <= 1).all())
    True
    """

    fixed = (1.0, "fan_in", "uniform")


class LecunNormal(_Scaled):
    """Truncated normal of variance ``1 / fan_in``, for ``selu``.

    Arguments:
        seed: see :class:`Initializer`.

    Source: LeCun et al., Efficient backprop, Neural networks: tricks of the trade, 1998; Klambauer et al.,
    Self-normalizing neural networks, NIPS 2017.

    >>> LecunNormal(seed=0)((3, 3)).shape
    (3, 3)
    """

    fixed = (1.0, "fan_in", "truncated_normal")


class Orthogonal(Initializer):
    """A matrix with orthonormal rows or columns, whichever are fewer, times ``gain``.

    Arguments:
        gain: default 1 (Keras 1 had 1.1).
        seed: see :class:`Initializer`.

    The axes of a kernel but for the last are taken as one.

    Raises:
        ValueError: when called with fewer than 2 dimensions.

    Source: Saxe et al., Exact solutions to the nonlinear dynamics of learning in deep linear networks, ICLR 2014.

    >>> w = Orthogonal(seed=0)((4, 2), "float64")
    >>> bool((abs(w.T @ w - ops.eye(2)) < 1e-12).all())
    True
    """

    aliases = ("OrthogonalInitializer",)

    def __init__(self, gain=1.0, seed=None):
        self.gain, self.seed = gain, seed

    def values(self, shape, dtype):
        if len(shape) < 2:
            raise ValueError(f"Orthogonal needs a shape of at least 2 dimensions, got {shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        draw = self.generator().numpy.standard_normal((max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(draw)
        q = q * np.sign(np.diag(r))         # makes the distribution uniform
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


class Identity(Initializer):
    """The identity matrix, times ``gain``; where one side is a multiple of the other, as often as it fits.

    So the recurrent kernel of an LSTM is an identity for each of its gates. Other shapes have ones on the main
    diagonal.

    Arguments:
        gain: default 1.

    Raises:
        ValueError: when called with other than 2 dimensions.

    >>> Identity()((2, 2))
    Tensor([[1., 0.],
            [0., 1.]])
    """

    aliases = ("IdentityInitializer",)

    def __init__(self, gain=1.0):
        self.gain = gain

    def values(self, shape, dtype):
        if len(shape) != 2:
            raise ValueError(f"Identity needs a shape of 2 dimensions, got {shape}")
        rows, columns = shape
        if 0 in shape or max(shape) % min(shape):
            return self.gain * np.eye(rows, columns)
        side = min(shape)
        return self.gain * np.tile(np.eye(side), (rows // side, columns // side))


def get(identifier):
    """An initializer by name, config or itself; a function of shape and dtype is used as it is.

    Raises:
        ValueError: for an unknown name. TypeError: for a class instead of its object, and for anything else.

    >>> get("he_normal").get_config()
    {'seed': None}
    """
    if (own := in_scope(identifier)) is not identifier:
        return own
    if callable(identifier) and not isinstance(identifier, type | Initializer):
        return identifier
    return Initializer.get(identifier)


def deserialize(config, custom_objects=None):
    """The initializer that :func:`serialize` wrote down; ``custom_objects`` maps further names to classes.

    >>> deserialize(serialize(HeNormal(seed=3))).seed
    3
    """
    return get(deserialized(config, custom_objects, get))


# Every class under its other names, too: Keras 2 has glorot_uniform(seed=1), Keras 1 zero.
_ALL = {name: cls for key, cls in Initializer.registry.items() for name in (key, snake_case(key))}
globals().update(_ALL)
__all__ = ["Initializer", "deserialize", "fans", "get", "serialize", *_ALL]
