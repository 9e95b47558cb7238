"""Sizes of what windows slide over, as Keras's conv_utils have them for custom layers."""

import numpy as np

PADDINGS = ("valid", "same", "causal", "full")


def normalize_tuple(value, n, name):
    """An int, or ``n`` of them, as a tuple of ``n``.

    >>> normalize_tuple(3, 2, "kernel_size"), normalize_tuple([1, 2], 2, "strides")
    ((3, 3), (1, 2))
    >>> normalize_tuple([1, 2, 3], 2, "strides")
    Traceback (most recent call last):
    ValueError: strides must be an integer or 2 of them, got [1, 2, 3]
    """
    values = (value,) * n if _whole(value) else value
    try:
        values = tuple(values)
    except TypeError:
        values = ()
    if len(values) != n or not all(map(_whole, values)):
        raise ValueError(f"{name} must be an integer or {n} of them, got {value!r}")
    return tuple(map(int, values))


def _whole(value):
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def normalize_padding(value):
    """The name of a padding in lower case: ``'valid'``, ``'same'`` or ``'causal'``.

    >>> normalize_padding("SAME")
    'same'
    """
    padding = value.lower() if isinstance(value, str) else value
    if padding not in PADDINGS[:3]:
        raise ValueError(f"padding must be one of {', '.join(map(repr, PADDINGS[:3]))}, got {value!r}")
    return padding


def convert_kernel(kernel):
    """A convolution's kernel turned around along its spatial axes: cross-correlation becomes convolution, and back.

    ``result[i, j, ...] = kernel[-1 - i, -1 - j, ...]`` for a kernel of shape ``(*window, in, out)``.

    >>> convert_kernel(np.arange(3.0).reshape(3, 1, 1)).ravel()
    array([2., 1., 0.])
    """
    kernel = np.asarray(kernel)
    if not 3 <= kernel.ndim <= 5:
        raise ValueError(f"convert_kernel: a kernel has the shape (*window, in, out) with a window of one to three "
                         f"axes, got {kernel.shape}")
    return np.flip(kernel, tuple(range(kernel.ndim - 2))).copy()


def _checked(padding, known=PADDINGS):
    assert padding in known, f"padding must be one of {', '.join(map(repr, known))}, got {padding!r}"


def conv_output_length(input_length, filter_size, padding, stride, dilation=1):
    """How many places a window has: ``(n + pad - reach) // stride + 1`` with ``reach = (k - 1) * dilation + 1``.

    Arguments:
        input_length: ``n``, or None, which gives None.
        filter_size: ``k``, the elements of the window.
        padding: ``'valid'`` (``pad = 0``), ``'same'`` or ``'causal'`` (``reach - 1``), ``'full'`` (twice that).
        stride, dilation: steps between windows, and between elements of one.

    Raises:
        AssertionError: for another padding.

    >>> conv_output_length(32, 5, "valid", 2), conv_output_length(None, 5, "same", 1)
    (14, None)
    """
    _checked(padding)
    if input_length is None:
        return None
    reach = (filter_size - 1) * dilation + 1
    pad = {"valid": 0, "full": 2 * (reach - 1)}.get(padding, reach - 1)
    return max(-(-(input_length + pad - reach + 1) // stride), 0)


def conv_input_length(output_length, filter_size, padding, stride):
    """The input size for which a window has ``m`` places and nothing is left over: ``(m - 1) * stride + k - pad``.

    >>> conv_input_length(14, 5, "valid", 2), conv_output_length(31, 5, "valid", 2)
    (31, 14)
    """
    _checked(padding, ("valid", "same", "full"))
    if output_length is None:
        return None
    pad = {"valid": 0, "same": filter_size // 2, "full": filter_size - 1}[padding]
    return (output_length - 1) * stride - 2 * pad + filter_size


def deconv_length(dim_size, stride_size, kernel_size, padding, output_padding=None, dilation=1):
    """The output size of a transposed convolution.

    ``(n - 1) * stride + reach - 2 * pad + output_padding`` where that is given; else ``n * stride`` for ``'same'``,
    ``n * stride + max(reach - stride, 0)`` for ``'valid'``, ``n * stride - (stride + reach - 2)`` for ``'full'``.

    Arguments:
        dim_size: ``n``, or None, which gives None.
        stride_size, kernel_size, dilation: ``reach = (kernel_size - 1) * dilation + 1``.
        padding: ``'valid'`` (``pad = 0``), ``'same'`` (``reach // 2``) or ``'full'`` (``reach - 1``).
        output_padding: elements more at the end; None: as above.

    >>> deconv_length(32, 2, 5, "valid"), deconv_length(224, 2, 7, "same", 1)
    (67, 448)
    """
    _checked(padding, ("valid", "same", "full"))
    if dim_size is None:
        return None
    reach = (kernel_size - 1) * dilation + 1
    if output_padding is None:
        more = {"valid": max(reach - stride_size, 0), "same": 0, "full": 2 - stride_size - reach}
        return dim_size * stride_size + more[padding]
    pad = {"valid": 0, "same": reach // 2, "full": reach - 1}[padding]
    return (dim_size - 1) * stride_size + reach - 2 * pad + output_padding


def transpose_shape(shape, target_format, spatial_axes):
    """A channels_last shape in another layout: for channels_first, the last size goes before the spatial ones.

    >>> transpose_shape((16, 128, 96, 3), "channels_first", spatial_axes=(1, 2))
    (16, 3, 128, 96)
    """
    if target_format == "channels_last":
        return shape
    if target_format != "channels_first":
        raise ValueError(f"the layout must be 'channels_last' or 'channels_first', got {target_format!r}")
    return type(shape)([*shape[:spatial_axes[0]], shape[-1], *(shape[axis] for axis in spatial_axes)])
