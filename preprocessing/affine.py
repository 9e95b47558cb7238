"""Images moved, turned, sheared, zoomed, brightened: arrays in, arrays out.

A transform is a matrix that takes the place of a pixel in the result to its place in the image, both counted from the
image's centre. The functions here take images of any axis order; the axes are named by arguments.
"""

import numpy as np

FILL_MODES = ("nearest", "constant", "reflect", "wrap")
SNAP = 1e-9     # how far beyond the border a place may lie by rounding alone


def apply_affine_transform(x, theta=0, tx=0, ty=0, shear=0, zx=1, zy=1, row_axis=0, col_axis=1, channel_axis=2,
                           fill_mode="nearest", cval=0.0, order=1):
    """An image turned, moved, sheared and zoomed about its centre, in the order zoom, shear, shift, rotation.

    Arguments:
        x: the image, three axes.
        theta: the angle of rotation, in degrees.
        tx, ty: by how many pixels along rows and columns.
        shear: the angle of shearing, in degrees.
        zx, zy: the factors of zooming; above 1 the image shows more and gets smaller.
        row_axis, col_axis, channel_axis: default 0, 1, 2.
        fill_mode: what is seen beyond the border: ``'nearest'`` ``aaa|abcd|ddd`` (the default), ``'constant'``
            ``kkk|abcd|kkk`` with ``cval``, ``'reflect'`` ``cba|abcd|dcb`` or ``'wrap'`` ``bcd|abcd|abc``.
        cval: default 0.
        order: 1, the default, interpolates linearly, 0 takes the nearest pixel.

    Returns:
        An array like ``x``; that is ``x`` itself if nothing is asked for.

    Raises:
        ValueError: for another ``fill_mode`` or ``order``.

    >>> image = np.arange(9.0).reshape(3, 3, 1)
    >>> apply_affine_transform(image, tx=1)[..., 0]
    array([[3., 4., 5.],
           [6., 7., 8.],
           [6., 7., 8.]])
    """
    if theta == 0 and tx == 0 and ty == 0 and shear == 0 and zx == 1 and zy == 1:
        return x
    image = np.moveaxis(x, (row_axis, col_axis, channel_axis), (0, 1, 2))
    matrix = transform_matrix_offset_center(affine_matrix(theta, tx, ty, shear, zx, zy), *image.shape[:2])
    moved = warp(image, matrix, fill_mode, cval, order)
    return np.moveaxis(moved, (0, 1, 2), (row_axis, col_axis, channel_axis))


def affine_matrix(theta, tx, ty, shear, zx, zy):
    """The product of the matrices of rotation, shift, shear and zoom, 3 by 3.

    >>> affine_matrix(0, 1, 2, 0, 3, 4)
    array([[3., 0., 1.],
           [0., 4., 2.],
           [0., 0., 1.]])
    """
    theta, shear = np.deg2rad(theta), np.deg2rad(shear)
    rotation = np.array([[np.cos(theta), -np.sin(theta), 0], [np.sin(theta), np.cos(theta), 0], [0, 0, 1]])
    shift = np.array([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
    shearing = np.array([[1, -np.sin(shear), 0], [0, np.cos(shear), 0], [0, 0, 1]])
    return rotation @ shift @ shearing @ np.diag([zx, zy, 1.0])


def transform_matrix_offset_center(matrix, x, y):
    """The matrix for places counted from the corner, of one for places counted from the centre of ``x`` by ``y``."""
    to_center, back = np.eye(3), np.eye(3)
    to_center[:2, 2] = (x - 1) / 2, (y - 1) / 2
    back[:2, 2] = -to_center[:2, 2]
    return to_center @ matrix @ back


def apply_transform(x, transform_matrix, channel_axis=0, fill_mode="nearest", cval=0.0, order=1):
    """An image warped by a matrix for places counted from the corner; Keras 1 has this function."""
    image = np.moveaxis(x, channel_axis, -1)
    return np.moveaxis(warp(image, transform_matrix, fill_mode, cval, order), -1, channel_axis)


def warp(image, matrix, fill_mode="nearest", cval=0.0, order=1):
    """The image whose pixel ``(i, j)`` is that of ``image`` at ``matrix @ (i, j, 1)``.

    Arguments:
        image: rows, columns, channels; left as it is.
        matrix: 2 by 3, or 3 by 3 with a last row that is not used.
        fill_mode, cval, order: see :func:`apply_affine_transform`.
    """
    if fill_mode not in FILL_MODES:
        raise ValueError(f"fill_mode must be one of {', '.join(map(repr, FILL_MODES))}, got {fill_mode!r}")
    if order not in (0, 1):
        raise ValueError(f"the order of interpolation must be 0 (nearest pixel) or 1 (linear), got {order!r}")
    height, width, channels = image.shape
    i, j = np.arange(height)[:, None], np.arange(width)
    rows, columns = (m[0] * i + m[1] * j + m[2] for m in np.asarray(matrix, float)[:2])
    # One plane for each channel, so that the inner loops run over pixels and not over 3 channels.
    planes = np.moveaxis(image, -1, 0).reshape(channels, height * width)
    if order == 0:
        picked = _indices(np.floor(rows + 0.5), height, fill_mode) * width
        moved = planes.take(picked + _indices(np.floor(columns + 0.5), width, fill_mode), axis=1)
    else:
        moved = _linear(planes, rows, columns, height, width, fill_mode)
    if fill_mode == "constant":
        inside = (rows >= -SNAP) & (rows <= height - 1 + SNAP) & (columns >= -SNAP) & (columns <= width - 1 + SNAP)
        moved = np.where(inside, moved, np.asarray(cval, moved.dtype))
    if image.dtype.kind in "biu" and order == 1:
        moved = np.rint(moved)
    return np.ascontiguousarray(np.moveaxis(moved, 0, -1), image.dtype)


def _linear(planes, rows, columns, height, width, fill_mode):
    dtype = planes.dtype if planes.dtype.kind == "f" else np.float64
    top, left = np.floor(rows), np.floor(columns)
    down, right = (rows - top).astype(dtype), (columns - left).astype(dtype)
    above, below = (_indices(r, height, fill_mode) * width for r in (top, top + 1))
    before, after = (_indices(c, width, fill_mode) for c in (left, left + 1))
    upper, lower = (planes.take(r + before, axis=1) * (1 - right) + planes.take(r + after, axis=1) * right
                    for r in (above, below))
    return upper * (1 - down) + lower * down


def _indices(places, size, fill_mode):
    """The pixels that stand at whole places inside or outside."""
    places = places.astype(np.intp)
    if fill_mode == "wrap":
        return places % size
    if fill_mode == "reflect":
        places = places % (2 * size)
        return np.minimum(places, 2 * size - 1 - places)
    return places.clip(0, size - 1)


def flip_axis(x, axis):
    """The image with one axis reversed.

    >>> flip_axis(np.arange(3), 0)
    array([2, 1, 0])
    """
    return np.flip(x, axis)


def apply_channel_shift(x, intensity, channel_axis=0):
    """An image with ``intensity`` added to all values, kept between its own smallest and largest.

    >>> apply_channel_shift(np.array([[[1.0, 2.0, 4.0]]]), 1.5, channel_axis=2)
    array([[[2.5, 3.5, 4. ]]])
    """
    return np.clip(x + np.asarray(intensity, x.dtype if x.dtype.kind == "f" else None), x.min(), x.max())


def apply_brightness_shift(x, brightness, scale=True):
    """An image with all values times ``brightness``, kept between 0 and 255.

    Arguments:
        x: the image.
        brightness: 1 changes nothing, 0 gives black.
        scale: whether to spread the values over 0 to 255 first, as Keras 2.3 always does, default True. Without, that
            is done only to images with values outside, and undone in the end.

    >>> apply_brightness_shift(np.array([[[100.0, 200.0]]]), 1.5, scale=False)
    array([[[150., 255.]]])
    """
    x = np.asarray(x)
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    low, high = x.min(), x.max()
    spread = (high - low) or 1
    outside = low < 0 or high > 255
    if scale or outside:
        x = (x - low) * (255 / spread)
    x = np.clip(x * np.asarray(brightness, x.dtype), 0, 255)
    return x if scale or not outside else x * (spread / 255) + low


# With random numbers

def random_rotation(x, rg, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0,
                    interpolation_order=1):
    """An image turned by a random angle within ``rg`` degrees; for the rest see :func:`apply_affine_transform`."""
    return apply_affine_transform(x, theta=np.random.uniform(-rg, rg), row_axis=row_axis, col_axis=col_axis,
                                  channel_axis=channel_axis, fill_mode=fill_mode, cval=cval, order=interpolation_order)


def random_shift(x, wrg, hrg, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0,
                 interpolation_order=1):
    """An image moved at random, within the shares ``wrg`` of its width and ``hrg`` of its height."""
    tx = np.random.uniform(-hrg, hrg) * x.shape[row_axis]
    ty = np.random.uniform(-wrg, wrg) * x.shape[col_axis]
    return apply_affine_transform(x, tx=tx, ty=ty, row_axis=row_axis, col_axis=col_axis, channel_axis=channel_axis,
                                  fill_mode=fill_mode, cval=cval, order=interpolation_order)


def random_shear(x, intensity, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0,
                 interpolation_order=1):
    """An image sheared by a random angle within ``intensity`` degrees."""
    return apply_affine_transform(x, shear=np.random.uniform(-intensity, intensity), row_axis=row_axis,
                                  col_axis=col_axis, channel_axis=channel_axis, fill_mode=fill_mode, cval=cval,
                                  order=interpolation_order)


def random_zoom(x, zoom_range, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0,
                interpolation_order=1):
    """An image zoomed along rows and columns by random factors between the two of ``zoom_range``."""
    if np.shape(zoom_range) != (2,):
        raise ValueError(f"zoom_range must be two numbers, the smallest and the largest factor, got {zoom_range!r}")
    zx, zy = np.random.uniform(*zoom_range, 2)
    return apply_affine_transform(x, zx=zx, zy=zy, row_axis=row_axis, col_axis=col_axis, channel_axis=channel_axis,
                                  fill_mode=fill_mode, cval=cval, order=interpolation_order)


def random_channel_shift(x, intensity_range, channel_axis=0):
    """An image with a random number within ``intensity_range`` added; see :func:`apply_channel_shift`."""
    return apply_channel_shift(x, np.random.uniform(-intensity_range, intensity_range), channel_axis)


def random_brightness(x, brightness_range, scale=True):
    """An image brightened by a random factor between the two of ``brightness_range``."""
    if np.shape(brightness_range) != (2,):
        raise ValueError(f"brightness_range must be two numbers, the smallest and the largest factor, got "
                         f"{brightness_range!r}")
    return apply_brightness_shift(x, np.random.uniform(*brightness_range), scale)
