"""Image files read and written by Pillow, and Pillow's images as arrays."""

import io
import os
import pathlib

import numpy as np

from ..utils import settings
from ..utils.spellings import spellings

MODES = {"grayscale": 1, "rgb": 3, "rgba": 4}
INTERPOLATIONS = {"nearest": "NEAREST", "bilinear": "BILINEAR", "bicubic": "BICUBIC", "hamming": "HAMMING",
                  "box": "BOX", "lanczos": "LANCZOS"}
FORMATS = ("png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff")


def pillow():
    """The module ``PIL.Image``.

    Raises:
        ImportError: Pillow is not installed.
    """
    try:
        import PIL.Image
    except ImportError as error:
        raise ImportError("image files are read and written by Pillow, which is not installed: "
                          "pip install 'tahr[images]', or pip install pillow") from error
    return PIL.Image


def layout(data_format):
    """``data_format``, the setting for None.

    >>> layout(None)
    'channels_last'
    """
    data_format = settings.image_data_format() if data_format is None else data_format
    if data_format not in settings.IMAGE_FORMATS:
        raise ValueError(f"data_format must be 'channels_last' or 'channels_first', got {data_format!r}")
    return data_format


def load_img(path, grayscale=False, color_mode="rgb", target_size=None, interpolation="nearest",
             keep_aspect_ratio=False):
    """An image file as an image of Pillow.

    Arguments:
        path: the path of the file, or an ``io.BytesIO`` of its content.
        grayscale: True means ``color_mode='grayscale'``.
        color_mode: ``'rgb'``, the default, ``'rgba'`` or ``'grayscale'`` (which keeps 16 and 32 bits).
        target_size: ``(height, width)`` to scale the image to; default: its own.
        interpolation: ``'nearest'``, the default, ``'bilinear'``, ``'bicubic'``, ``'hamming'``, ``'box'`` or
            ``'lanczos'``.
        keep_aspect_ratio: whether to cut the image to the shape of ``target_size`` about its centre before it is
            scaled, default False.

    Raises:
        ImportError: Pillow is not installed. TypeError: ``path`` is none.
        ValueError: for an unknown ``color_mode`` or ``interpolation``.
    """
    color_mode = "grayscale" if grayscale else color_mode
    if color_mode not in MODES:
        raise ValueError(f"color_mode must be 'grayscale', 'rgb' or 'rgba', got {color_mode!r}")
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"interpolation must be one of {', '.join(map(repr, INTERPOLATIONS))}, got {interpolation!r}")
    if not isinstance(path, str | os.PathLike | io.BytesIO):
        raise TypeError(f"load_img: path must be a path or an io.BytesIO, got {type(path).__name__}")
    with pillow().open(path) as file:
        image = _converted(file, color_mode)
        if target_size is None or image.size == tuple(target_size)[::-1]:
            image.load()        # before the file is closed
            return image if image is not file else image.copy()
        height, width = target_size
        box = _central_box(image.size, width, height) if keep_aspect_ratio else None
        return image.resize((width, height), getattr(pillow().Resampling, INTERPOLATIONS[interpolation]), box)


def _converted(image, color_mode):
    if color_mode == "grayscale":
        return image if image.mode in ("L", "I;16", "I") else image.convert("L")
    return image.convert(color_mode.upper())


def _central_box(size, width, height):
    """The largest box of the shape ``width`` by ``height`` in the middle of an image."""
    full_width, full_height = size
    box_width = min(full_width, full_height * width // height)
    box_height = min(full_height, full_width * height // width)
    left, top = (full_width - box_width) // 2, (full_height - box_height) // 2
    return left, top, left + box_width, top + box_height


def img_to_array(img, data_format=None, dtype=None):
    """An image of Pillow as an array of three axes.

    Arguments:
        img: the image, or an array of rows and columns with or without channels.
        data_format: ``'channels_last'`` or ``'channels_first'``; default: the setting.
        dtype: default: the setting ``floatx``.

    >>> img_to_array(np.array([[1, 2]])).shape
    (1, 2, 1)
    """
    data_format = layout(data_format)
    x = np.array(img, dtype or settings.floatx())       # a copy, since Pillow's memory may not be written to
    if x.ndim == 2:
        x = x[..., None]
    if x.ndim != 3:
        raise ValueError(f"img_to_array: an image has rows, columns and perhaps channels, got the shape {x.shape}")
    return np.ascontiguousarray(np.moveaxis(x, -1, 0)) if data_format == "channels_first" else x


@spellings(img="x")
def array_to_img(x, data_format=None, scale=True, dtype=None):
    """An array of three axes as an image of Pillow.

    Arguments:
        x: the array, of 1 (grey), 3 (RGB) or 4 (RGBA) channels.
        data_format: ``'channels_last'`` or ``'channels_first'``; default: the setting.
        scale: whether to spread the values over 0 to 255, default True; without, they are taken as they are.
        dtype: of the computation, default: the setting ``floatx``.

    Raises:
        ValueError: for other than three axes and these channels. ImportError: Pillow is not installed.
    """
    data_format = layout(data_format)
    x = np.asarray(x, dtype or settings.floatx())
    if x.ndim != 3:
        raise ValueError(f"array_to_img: an image must have three axes, rows, columns and channels, got the shape "
                         f"{x.shape}")
    x = np.moveaxis(x, 0, -1) if data_format == "channels_first" else x
    if scale:
        x = x - x.min()
        x = x * (255 / (x.max() or 1))
    channels = x.shape[-1]
    if channels not in MODES.values():
        raise ValueError(f"array_to_img: an image must have 1, 3 or 4 channels, got {channels} in an array of shape "
                         f"{x.shape} ({data_format})")
    if channels == 1:
        wide = x.max(initial=0) > 255
        return pillow().fromarray(x[..., 0].astype(np.int32 if wide else np.uint8))
    return pillow().fromarray(x.astype(np.uint8))


def save_img(path, x, data_format=None, file_format=None, scale=True, **kwargs):
    """Write an array as an image file.

    Arguments:
        path: of the file, or a file object.
        x, data_format, scale: see :func:`array_to_img`. JPEG has no transparency, so it is left out there.
        file_format: such as ``'png'``; default: by the ending of the path.
        kwargs: go to Pillow's ``save``.
    """
    image = array_to_img(x, data_format, scale)
    ending = file_format or (pathlib.Path(path).suffix[1:] if isinstance(path, str | os.PathLike) else "")
    if image.mode == "RGBA" and ending.lower() in ("jpg", "jpeg"):
        image = image.convert("RGB")
    image.save(path, format="JPEG" if (file_format or "").lower() == "jpg" else file_format, **kwargs)


def list_pictures(directory, ext=FORMATS):
    """The paths of all image files in a folder and the folders in it, in order."""
    endings = (ext,) if isinstance(ext, str) else tuple(ext)
    return [str(path) for path in sorted(pathlib.Path(directory).rglob("*"))
            if path.suffix[1:].lower() in endings and path.is_file()]
