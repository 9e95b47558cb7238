"""Layers that make images, sequences and volumes larger or smaller without weights."""

from .. import ops
from ..tensor.windows import per_axis
from .convolutional import _ImageLayer


def sides(name, value, rank):
    """Elements before and after along each axis: from an int, an int for each axis, or a pair for each axis.

    >>> sides("padding", 1, 2), sides("padding", (1, 2), 2), sides("cropping", (1, 2), 1)
    (((1, 1), (1, 1)), ((1, 1), (2, 2)), ((1, 2),))
    """
    whole = lambda n: hasattr(n, "__index__") and not isinstance(n, bool) and n >= 0
    if whole(value):
        return ((int(value),) * 2,) * rank
    if rank == 1 and isinstance(value, tuple | list) and len(value) == 2 and all(map(whole, value)):
        return (tuple(value),)
    if isinstance(value, tuple | list) and len(value) == rank:
        pairs = [(v, v) if whole(v) else v for v in value]
        if all(isinstance(p, tuple | list) and len(p) == 2 and all(map(whole, p)) for p in pairs):
            return tuple(map(tuple, pairs))
    raise ValueError(f"{name} must be an int, {rank} of them, or {rank} pairs (before, after), none negative, got "
                     f"{value!r}")


class _ZeroPadding(_ImageLayer):
    """Zeros around."""

    def __init__(self, padding=1, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.padding = sides("padding", padding, self.rank)
        self.set_layout(data_format)

    def slide(self, x):
        return ops.pad(x, ((0, 0), *self.padding, (0, 0)))


class ZeroPadding1D(_ZeroPadding):
    """Zeros before and after a sequence.

    Arguments:
        padding: steps on both sides, an int (default 1) or (before, after).

    Input shape: (batch, steps, channels). Output shape: (batch, before + steps + after, channels).

    >>> import tahr
    >>> tahr.layers.ZeroPadding1D((1, 2))(tahr.ops.ones((2, 5, 4))).shape
    (2, 8, 4)
    """

    rank = 1


class ZeroPadding2D(_ZeroPadding):
    """Zeros around an image.

    Arguments:
        padding: rows and columns: an int for all sides (default 1), two ints, or ((top, bottom), (left, right)).
        data_format: ``'channels_last'`` or ``'channels_first'``; default: the setting.

    >>> import tahr
    >>> tahr.layers.ZeroPadding2D(((1, 0), (2, 2)))(tahr.ops.ones((2, 5, 6, 4))).shape
    (2, 6, 10, 4)
    """


class ZeroPadding3D(_ZeroPadding):
    """Zeros around a volume; arguments as for :class:`ZeroPadding2D`, with three numbers or pairs.

    >>> import tahr
    >>> tahr.layers.ZeroPadding3D()(tahr.ops.ones((2, 5, 6, 7, 4))).shape
    (2, 7, 8, 9, 4)
    """

    rank = 3


class _Cropping(_ImageLayer):
    """Borders taken away."""

    def __init__(self, cropping=0, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.cropping = sides("cropping", cropping, self.rank)
        self.set_layout(data_format)

    def slide(self, x):
        return ops.crop(x, self.cropping)


class Cropping1D(_Cropping):
    """A sequence without its first and last steps.

    Arguments:
        cropping: steps on both sides, an int or (before, after); default (1, 1).

    >>> import tahr
    >>> tahr.layers.Cropping1D()(tahr.ops.ones((2, 5, 4))).shape
    (2, 3, 4)
    """

    rank = 1

    def __init__(self, cropping=(1, 1), data_format=None, **kwargs):
        super().__init__(cropping, data_format, **kwargs)


class Cropping2D(_Cropping):
    """An image without its borders.

    Arguments:
        cropping: rows and columns: an int for all sides, two ints, or ((top, bottom), (left, right)); default none.
        data_format: ``'channels_last'`` or ``'channels_first'``; default: the setting.

    >>> import tahr
    >>> tahr.layers.Cropping2D(((1, 0), (2, 2)))(tahr.ops.ones((2, 5, 6, 4))).shape
    (2, 4, 2, 4)
    """

    def __init__(self, cropping=((0, 0), (0, 0)), data_format=None, **kwargs):
        super().__init__(cropping, data_format, **kwargs)


class Cropping3D(_Cropping):
    """A volume without its borders; arguments as for :class:`Cropping2D`; by default 1 on all sides.

    >>> import tahr
    >>> tahr.layers.Cropping3D()(tahr.ops.ones((2, 5, 6, 7, 4))).shape
    (2, 3, 4, 5, 4)
    """

    rank = 3

    def __init__(self, cropping=((1, 1), (1, 1), (1, 1)), data_format=None, **kwargs):
        super().__init__(cropping, data_format, **kwargs)


class _UpSampling(_ImageLayer):
    """Each element several times."""

    interpolation = "nearest"

    def __init__(self, size=2, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.size = per_axis("size", size, self.rank)
        self.set_layout(data_format)

    def slide(self, x):
        return ops.upsample(x, self.size, self.interpolation)


class UpSampling1D(_UpSampling):
    """Each step ``size`` times.

    Arguments:
        size: default 2.

    >>> import tahr
    >>> tahr.layers.UpSampling1D(3)(tahr.ops.ones((2, 5, 4))).shape
    (2, 15, 4)
    """

    rank = 1


class UpSampling2D(_UpSampling):
    """An image with ``size`` times as many rows and columns.

    Arguments:
        size: an int or two; default 2.
        data_format: ``'channels_last'`` or ``'channels_first'``; default: the setting.
        interpolation: ``'nearest'`` (the default) repeats pixels, ``'bilinear'`` draws lines between them.

    >>> import tahr
    >>> tahr.layers.UpSampling2D((2, 3))(tahr.ops.ones((2, 5, 6, 4))).shape
    (2, 10, 18, 4)
    """

    def __init__(self, size=(2, 2), data_format=None, interpolation="nearest", **kwargs):
        super().__init__(size, data_format, **kwargs)
        if interpolation not in ("nearest", "bilinear"):
            raise ValueError('`interpolation` argument should be one of `"nearest"` or `"bilinear"`, got '
                             f"{interpolation!r}")
        self.interpolation = interpolation


class UpSampling3D(_UpSampling):
    """A volume with each element ``size`` times along each axis; an int or three, default 2.

    >>> import tahr
    >>> tahr.layers.UpSampling3D()(tahr.ops.ones((2, 2, 3, 4, 1))).shape
    (2, 4, 6, 8, 1)
    """

    rank = 3
