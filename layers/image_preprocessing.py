"""Layers that bring images into shape, and layers that vary them in training."""

import math

import numpy as np

from .. import ops
from ..autograd import Spec
from ..tensor import Symbol, Tensor
from ..utils.rng import Generator
from .arguments import image_layout, positive_int
from .base import Layer

FILL_MODES = ("reflect", "wrap", "constant", "nearest")


class Rescaling(Layer):
    """``x * scale + offset``; integers become floats.

    Arguments:
        scale: a number, or one for each channel; ``1 / 255`` brings the bytes of images to [0, 1].
        offset: likewise, default 0.

    >>> import tahr
    >>> tahr.layers.Rescaling(1 / 127.5, offset=-1)([0, 255])
    Tensor([-1.,  1.])
    """

    supports_masking = True

    def __init__(self, scale, offset=0.0, **kwargs):
        super().__init__(**kwargs)
        self.scale, self.offset = scale, offset

    def call(self, inputs):
        x = _floats(inputs, self.dtype)
        number = lambda v: np.asarray(v, x.dtype) if np.ndim(v) else v
        return x * number(self.scale) + number(self.offset)


def _floats(x, dtype):
    return x if x.dtype.kind == "f" else ops.astype(x, dtype)


class _Images(Layer):
    """Something that is done to images; a subclass sees them as (batch, rows, columns, channels)."""

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = image_layout(data_format)
        self.remember(data_format=self.data_format)

    def call(self, inputs, training=False):
        if inputs.ndim not in (3, 4):
            raise ValueError(f"layer {self.name!r} ({type(self).__name__}) needs images (batch, rows, columns, "
                             f"channels), or a single one without the batch axis, got shape {tuple(inputs.shape)}")
        x = _floats(inputs, self.dtype)
        x = ops.expand_dims(x, 0) if inputs.ndim == 3 else x
        first = self.data_format == "channels_first"
        out = self.transform(ops.moveaxis(x, 1, -1) if first else x, training)
        out = ops.moveaxis(out, -1, 1) if first else out
        return ops.squeeze(out, 0) if inputs.ndim == 3 else out


class Resizing(_Images):
    """Images of another size, by interpolation.

    Arguments:
        height, width: of the output.
        interpolation: ``'bilinear'`` (the default), ``'nearest'``, ``'bicubic'``, ``'lanczos3'`` or ``'lanczos5'``.
        crop_to_aspect_ratio: whether parts that do not fit the output's ratio are cut off, evenly at both sides,
            default False: the ratio changes.
        pad_to_aspect_ratio: whether ``fill_value`` is put around instead, default False.
        fill_mode: ``'constant'``, the only one.
        fill_value: default 0.
        antialias: whether a smaller image is a mean over what falls on each pixel, default False.
        data_format: ``'channels_last'`` or ``'channels_first'``; default: the setting.

    Input shape: (batch, rows, columns, channels), or a single image. Output shape: (batch, height, width, channels).

    >>> import tahr
    >>> tahr.layers.Resizing(1, 4)([[[[0.0], [4.0]]]]).numpy().ravel()
    array([0., 1., 3., 4.], dtype=float32)
    """

    def __init__(self, height, width, interpolation="bilinear", crop_to_aspect_ratio=False, pad_to_aspect_ratio=False,
                 fill_mode="constant", fill_value=0.0, antialias=False, data_format=None, **kwargs):
        super().__init__(data_format, **kwargs)
        self.height, self.width = positive_int("height", height), positive_int("width", width)
        if interpolation not in WINDOWS:
            raise ValueError(f"interpolation must be one of {', '.join(map(repr, WINDOWS))}, got {interpolation!r}")
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ValueError("Only one of crop_to_aspect_ratio and pad_to_aspect_ratio can be True.")
        if fill_mode != "constant":
            raise ValueError(f"fill_mode of Resizing must be 'constant', got {fill_mode!r}")
        self.interpolation, self.antialias, self.fill_value = interpolation, antialias, fill_value
        self.crops, self.pads = crop_to_aspect_ratio, pad_to_aspect_ratio

    def transform(self, x, training):
        if None in x.shape[1:3]:
            return Symbol((x.shape[0], self.height, self.width, x.shape[3]), x.dtype)
        if self.crops:
            x = _cropped_to_ratio(x, self.height, self.width)
        if self.pads:
            x = _padded_to_ratio(x, self.height, self.width, self.fill_value)
        return resized(x, self.height, self.width, self.interpolation, self.antialias)


class CenterCrop(_Images):
    """The middle of images; images that are too small are enlarged first, keeping their ratio.

    Arguments:
        height, width: of the output.
        data_format: ``'channels_last'`` or ``'channels_first'``; default: the setting.

    Input shape: (batch, rows, columns, channels), or a single image. Output shape: (batch, height, width, channels).

    >>> import tahr
    >>> tahr.layers.CenterCrop(1, 2)([[[[1.0], [2.0], [3.0], [4.0]]]]).numpy().ravel()
    array([2., 3.], dtype=float32)
    """

    def __init__(self, height, width, data_format=None, **kwargs):
        super().__init__(data_format, **kwargs)
        self.height, self.width = positive_int("height", height), positive_int("width", width)

    def transform(self, x, training):
        if None in x.shape[1:3]:
            return Symbol((x.shape[0], self.height, self.width, x.shape[3]), x.dtype)
        x = _large_enough(x, self.height, self.width)
        top, left = (x.shape[1] - self.height) // 2, (x.shape[2] - self.width) // 2
        return x[:, top:top + self.height, left:left + self.width]


# Resizing

def _triangle(x):
    return np.maximum(1 - np.abs(x), 0)


def _cubic(x):
    """Keys's cubic convolution with a = -1/2."""
    x = np.abs(x)
    return np.where(x <= 1, (1.5 * x - 2.5) * x * x + 1, np.where(x < 2, ((-0.5 * x + 2.5) * x - 4) * x + 2, 0))


def _lanczos(radius):
    return lambda x: np.where(np.abs(x) < radius, np.sinc(x) * np.sinc(x / radius), 0)


WINDOWS = {"bilinear": _triangle, "nearest": None, "bicubic": _cubic, "lanczos3": _lanczos(3), "lanczos5": _lanczos(5)}


def _mixture(old, new, interpolation, antialias, dtype):
    """The matrix (new, old) whose rows say what of a line of ``old`` pixels each of ``new`` pixels is made of."""
    places = (np.arange(new) + 0.5) * old / new
    if interpolation == "nearest":
        return np.eye(old, dtype=dtype)[np.minimum(places.astype(int), old - 1)]
    wide = max(old / new, 1.0) if antialias else 1.0
    weights = WINDOWS[interpolation]((np.arange(old) + 0.5 - places[:, None]) / wide)
    return (weights / weights.sum(1, keepdims=True)).astype(dtype)


def resized(x, height, width, interpolation="bilinear", antialias=False):
    """Images (batch, rows, columns, channels) of known size in another size; pixels' edges fall together."""
    down = _mixture(x.shape[1], height, interpolation, antialias, x.dtype)
    across = _mixture(x.shape[2], width, interpolation, antialias, x.dtype)
    return ops.einsum("wq,bhqc->bhwc", Tensor(across, dtype=x.dtype),
                      ops.einsum("hp,bpqc->bhqc", Tensor(down, dtype=x.dtype), x))


def _cropped_to_ratio(x, height, width):
    rows, columns = x.shape[1:3]
    tall, broad = min(rows, columns * height // width), min(columns, rows * width // height)
    top, left = (rows - tall) // 2, (columns - broad) // 2
    return x[:, top:top + tall, left:left + broad]


def _padded_to_ratio(x, height, width, value):
    rows, columns = x.shape[1:3]
    more = max(columns * height // width - rows, 0), max(rows * width // height - columns, 0)
    sides = [(n // 2, n - n // 2) for n in more]
    return ops.pad(x, ((0, 0), *sides, (0, 0)), constant_values=value)


def _large_enough(x, height, width):
    if x.shape[1] >= height and x.shape[2] >= width:
        return x
    return resized(_cropped_to_ratio(x, height, width), height, width)


# Variations in training

class _RandomImages(_Images):
    """A random change in training, another for each image; no change otherwise."""

    def __init__(self, seed=None, data_format=None, **kwargs):
        super().__init__(data_format, **kwargs)
        self.generator = None if seed is None else Generator(seed)

    def transform(self, x, training):
        return self.vary(x) if training and not isinstance(x, Spec) else x

    def draw(self, x, bounds):
        """A number for each image, of a shape that broadcasts to images."""
        return ops.uniform((x.shape[0], 1, 1, 1), *bounds, x.dtype, self.generator)


class RandomFlip(_RandomImages):
    """In training, mirrors each image with probability 1/2.

    Arguments:
        mode: ``'horizontal'`` (left and right), ``'vertical'`` or ``'horizontal_and_vertical'``, the default: each by
            itself.
        seed: of a generator of its own; default: the default generator.
        data_format: ``'channels_last'`` or ``'channels_first'``; default: the setting.

    Input shape: (batch, rows, columns, channels), or a single image. Output shape: the same.

    >>> import tahr
    >>> out = tahr.layers.RandomFlip("horizontal")([[[[1.0], [2.0]]]], training=True).numpy().ravel().tolist()
    >>> out in ([1.0, 2.0], [2.0, 1.0])
    True
    """

    def __init__(self, mode="horizontal_and_vertical", seed=None, data_format=None, **kwargs):
        super().__init__(seed, data_format, **kwargs)
        if mode not in ("horizontal", "vertical", "horizontal_and_vertical"):
            raise ValueError("mode of RandomFlip must be 'horizontal', 'vertical' or 'horizontal_and_vertical', got "
                             f"{mode!r}")
        self.axes = [axis for axis, word in ((2, "horizontal"), (1, "vertical")) if word in mode]

    def vary(self, x):
        for axis in self.axes:
            x = ops.where(self.draw(x, (0.0, 1.0)) < 0.5, ops.flip(x, axis), x)
        return x


class _Warping(_RandomImages):
    """A change of the places of pixels."""

    def __init__(self, fill_mode="reflect", interpolation="bilinear", seed=None, fill_value=0.0, data_format=None,
                 **kwargs):
        super().__init__(seed, data_format, **kwargs)
        if fill_mode not in FILL_MODES:
            raise ValueError(f"fill_mode must be one of {', '.join(map(repr, FILL_MODES))}, got {fill_mode!r}")
        if interpolation not in ("bilinear", "nearest"):
            raise ValueError(f"interpolation must be 'bilinear' or 'nearest', got {interpolation!r}")
        self.fill_mode, self.interpolation, self.fill_value = fill_mode, interpolation, fill_value

    def vary(self, x):
        height, width = x.shape[1:3]
        rows = Tensor(np.arange(height).reshape(1, -1, 1, 1), dtype=x.dtype)
        columns = Tensor(np.arange(width).reshape(1, 1, -1, 1), dtype=x.dtype)
        rows, columns = self.places(x, rows, columns)
        flat = lambda p: ops.broadcast_to(p, (x.shape[0], height, width, 1))[..., 0]
        return warped(x, flat(rows), flat(columns), self.fill_mode, self.fill_value, self.interpolation)


WARPING = """fill_mode: what is seen beyond the border: ``'reflect'`` ``dcba|abcd|dcba`` (the default), ``'wrap'``
            ``abcd|abcd|abcd``, ``'nearest'`` ``aaaa|abcd|dddd`` or ``'constant'``, ``fill_value``.
        interpolation: ``'bilinear'`` (the default) or ``'nearest'``.
        seed: of a generator of its own; default: the default generator.
        fill_value: default 0.
        data_format: ``'channels_last'`` or ``'channels_first'``; default: the setting.

    Input shape: (batch, rows, columns, channels), or a single image. Output shape: the same."""


class RandomRotation(_Warping):
    __doc__ = f"""In training, turns each image about its centre.

    Arguments:
        factor: bounds of the angle as parts of a full turn, counter-clockwise; a single number f means (-f, f).
        {WARPING}

    >>> import tahr
    >>> turn = tahr.layers.RandomRotation((0.25, 0.25))
    >>> turn([[[[1.0], [2.0]], [[3.0], [4.0]]]], training=True).numpy().round(3).ravel()
    array([2., 4., 1., 3.], dtype=float32)
    """

    def __init__(self, factor, fill_mode="reflect", interpolation="bilinear", seed=None, fill_value=0.0,
                 data_format=None, **kwargs):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.factor = _bounds("factor", factor)

    def places(self, x, rows, columns):
        angle = self.draw(x, self.factor) * (2 * math.pi)
        sine, cosine = ops.sin(angle), ops.cos(angle)
        middle = (x.shape[1] - 1) / 2, (x.shape[2] - 1) / 2
        rows, columns = rows - middle[0], columns - middle[1]
        return columns * sine + rows * cosine + middle[0], columns * cosine - rows * sine + middle[1]


class RandomZoom(_Warping):
    __doc__ = f"""In training, makes what each image shows larger or smaller.

    Arguments:
        height_factor: bounds of how much more is shown, e.g. (0.2, 0.3) for 20 to 30 % more, (-0.3, -0.2) for less; a
            single number f means (-f, f).
        width_factor: likewise; default: each image's factor for the height, which keeps the ratio.
        {WARPING}

    >>> import tahr
    >>> zoom = tahr.layers.RandomZoom((1.0, 1.0), (0.0, 0.0), fill_mode="constant")
    >>> zoom([[[[1.0]], [[2.0]], [[3.0]]]], training=True).numpy().ravel()
    array([0., 2., 0.], dtype=float32)
    """

    def __init__(self, height_factor, width_factor=None, fill_mode="reflect", interpolation="bilinear", seed=None,
                 fill_value=0.0, data_format=None, **kwargs):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor = _bounds("height_factor", height_factor, least=-1.0)
        self.width_factor = None if width_factor is None else _bounds("width_factor", width_factor, least=-1.0)

    def places(self, x, rows, columns):
        middle = (x.shape[1] - 1) / 2, (x.shape[2] - 1) / 2
        down = 1 + self.draw(x, self.height_factor)
        across = down if self.width_factor is None else 1 + self.draw(x, self.width_factor)
        return (rows - middle[0]) * down + middle[0], (columns - middle[1]) * across + middle[1]


class RandomTranslation(_Warping):
    __doc__ = f"""In training, moves each image.

    Arguments:
        height_factor: bounds of the way down as parts of the height; a single number f means (-f, f).
        width_factor: bounds of the way to the right as parts of the width, likewise.
        {WARPING}

    >>> import tahr
    >>> move = tahr.layers.RandomTranslation(0.0, (0.5, 0.5), fill_mode="wrap")
    >>> move([[[[1.0], [2.0], [3.0], [4.0]]]], training=True).numpy().ravel()
    array([3., 4., 1., 2.], dtype=float32)
    """

    def __init__(self, height_factor, width_factor, fill_mode="reflect", interpolation="bilinear", seed=None,
                 fill_value=0.0, data_format=None, **kwargs):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor, self.width_factor = (_bounds("height_factor", height_factor),
                                                 _bounds("width_factor", width_factor))

    def places(self, x, rows, columns):
        return (rows - self.draw(x, self.height_factor) * x.shape[1],
                columns - self.draw(x, self.width_factor) * x.shape[2])


class RandomContrast(_RandomImages):
    """In training, moves the pixels of each channel away from its mean or towards it: ``(x - mean) * c + mean``.

    Arguments:
        factor: ``c`` lies between ``1 - factor`` and ``1 + factor``; a pair gives each side its own.
        value_range: what pixels are limited to, default (0, 255).
        seed: of a generator of its own; default: the default generator.
        data_format: ``'channels_last'`` or ``'channels_first'``; default: the setting.

    Input shape: (batch, rows, columns, channels), or a single image. Output shape: the same.

    >>> import tahr
    >>> tahr.layers.RandomContrast((0.5, -0.5))([[[[10.0], [30.0]]]], training=True).numpy().ravel()
    array([15., 25.], dtype=float32)
    """

    def __init__(self, factor, value_range=(0, 255), seed=None, data_format=None, **kwargs):
        super().__init__(seed, data_format, **kwargs)
        low, high = factor if isinstance(factor, list | tuple) else (factor, factor)
        if not (low <= 1 and 1 - low <= 1 + high):
            raise ValueError(f"factor of RandomContrast must lie in [0, 1], or be a pair of such, got {factor!r}")
        self.bounds, self.value_range = (1.0 - low, 1.0 + high), tuple(value_range)

    def vary(self, x):
        mean = ops.mean(x, (1, 2), keepdims=True)
        return ops.clip((x - mean) * self.draw(x, self.bounds) + mean, *self.value_range)


class RandomBrightness(_RandomImages):
    """In training, adds a number to each image.

    Arguments:
        factor: bounds of the number as parts of the range of values, from -1 to 1; a single number f means (-f, f).
        value_range: of the pixels, which stay inside; default (0, 255).
        seed: of a generator of its own; default: the default generator.
        data_format: ``'channels_last'`` or ``'channels_first'``; default: the setting.

    Input shape: (batch, rows, columns, channels), or a single image. Output shape: the same.

    >>> import tahr
    >>> tahr.layers.RandomBrightness((0.2, 0.2))([[[[10.0], [230.0]]]], training=True).numpy().ravel()
    array([ 61., 255.], dtype=float32)
    """

    def __init__(self, factor, value_range=(0, 255), seed=None, data_format=None, **kwargs):
        super().__init__(seed, data_format, **kwargs)
        self.bounds, self.value_range = _bounds("factor", factor, -1.0, 1.0), tuple(value_range)

    def vary(self, x):
        low, high = self.value_range
        return ops.clip(x + self.draw(x, self.bounds) * (high - low), low, high)


class RandomCrop(_RandomImages):
    """In training, a random part of each image, otherwise the middle; too small images are enlarged first.

    Arguments:
        height, width: of the output.
        seed: of a generator of its own; default: the default generator.
        data_format: ``'channels_last'`` or ``'channels_first'``; default: the setting.

    Input shape: (batch, rows, columns, channels), or a single image. Output shape: (batch, height, width, channels).

    >>> import tahr
    >>> tahr.layers.RandomCrop(2, 3)(tahr.ops.ones((4, 5, 5, 1)), training=True).shape
    (4, 2, 3, 1)
    """

    def __init__(self, height, width, seed=None, data_format=None, **kwargs):
        super().__init__(seed, data_format, **kwargs)
        self.height, self.width = positive_int("height", height), positive_int("width", width)

    transform_middle = CenterCrop.transform

    def transform(self, x, training):
        return self.vary(x) if training and not isinstance(x, Spec) else self.transform_middle(x, training)

    def vary(self, x):
        x = _large_enough(x, self.height, self.width)
        start = lambda room: ops.randint(0, room + 1, (x.shape[0], 1, 1), generator=self.generator)
        shape = x.shape[0], self.height, self.width
        rows = start(x.shape[1] - self.height) + np.arange(self.height)[:, None]
        columns = start(x.shape[2] - self.width) + np.arange(self.width)
        return _pixels(x, ops.broadcast_to(rows, shape), ops.broadcast_to(columns, shape))


def _bounds(name, factor, least=-math.inf, most=math.inf):
    """Two numbers, the lower first.

    >>> _bounds("factor", 0.2)
    (-0.2, 0.2)
    """
    pair = tuple(factor) if isinstance(factor, list | tuple) else (-abs(factor), abs(factor))
    if len(pair) != 2 or not least <= pair[0] <= pair[1] <= most:
        limits = f" from {least} to {most}" if least > -math.inf else ""
        raise ValueError(f"{name} must be a number or a pair (lower, upper){limits}, got {factor!r}")
    return tuple(map(float, pair))


def warped(x, rows, columns, fill_mode, fill_value, interpolation):
    """Images whose pixels are those of ``x`` (batch, rows, columns, channels) at places (batch, rows, columns)."""
    pixel = lambda r, c: _filled(x, r, c, fill_mode, fill_value)
    rows, columns = rows.detach(), columns.detach()
    if interpolation == "nearest":
        return pixel(ops.floor(rows + 0.5), ops.floor(columns + 0.5))
    top, left = ops.floor(rows), ops.floor(columns)
    down, right = ops.expand_dims(rows - top, -1), ops.expand_dims(columns - left, -1)
    upper = pixel(top, left) * (1 - right) + pixel(top, left + 1) * right
    lower = pixel(top + 1, left) * (1 - right) + pixel(top + 1, left + 1) * right
    return upper * (1 - down) + lower * down


def _filled(x, rows, columns, mode, value):
    """The pixels at whole places, inside or outside."""
    height, width = x.shape[1:3]
    out = _pixels(x, _inside(rows, height, mode), _inside(columns, width, mode))
    if mode != "constant":
        return out
    seen = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    return ops.where(ops.expand_dims(seen, -1), out, value)


def _inside(places, size, mode):
    """Places outside as those inside that stand for them, as integers."""
    if mode == "wrap":
        places = ops.remainder(places, size)
    elif mode == "reflect":
        places = ops.remainder(places, 2 * size)
        places = ops.minimum(places, 2 * size - 1 - places)
    return ops.astype(ops.clip(places, 0, size - 1), "int64")


def _pixels(x, rows, columns):
    """``x[b, rows[b], columns[b]]``."""
    batch, height, width, channels = x.shape
    first = np.arange(batch).reshape(-1, 1, 1) * (height * width)
    return ops.take(ops.reshape(x, (batch * height * width, channels)), rows * width + columns + first, 0)
