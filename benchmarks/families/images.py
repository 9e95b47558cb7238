"""Convolutions and pooling, forward and backward."""

import math

from tahr.kernels import conv, pool

from ..cases import Case, family, normal, size_of

# batch, space, channels, filters, window, stride, padding, groups, whether the input needs a gradient
CONVOLUTIONS = {
    "3x3 100x100": (32, (100, 100), 3, 32, 3, 1, 0, 1, False),
    "3x3 98x98": (32, (98, 98), 32, 32, 3, 1, 0, 1, True),
    "3x3 48x48": (32, (48, 48), 32, 64, 3, 1, 0, 1, True),
    "3x3 46x46": (32, (46, 46), 64, 64, 3, 1, 0, 1, True),
    "3x3 28x28": (128, (28, 28), 1, 32, 3, 1, 0, 1, False),
    "3x3 26x26": (128, (26, 26), 32, 64, 3, 1, 0, 1, True),
    "3x3 same 32x32": (128, (32, 32), 16, 16, 3, 1, 1, 1, True),
    "3x3 same 16x16": (128, (16, 16), 32, 32, 3, 1, 1, 1, True),
    "3x3 same 8x8": (128, (8, 8), 64, 64, 3, 1, 1, 1, True),
    "3x3 stride 2 32x32": (128, (32, 32), 16, 32, 3, 2, 1, 1, True),
    "1x1 stride 2 32x32": (128, (32, 32), 16, 32, 1, 2, 0, 1, True),
    "1x1 stride 2 16x16": (128, (16, 16), 32, 64, 1, 2, 0, 1, True),
    "1x1 28x28": (32, (28, 28), 64, 128, 1, 1, 0, 1, True),
    "5x5 28x28": (128, (28, 28), 6, 16, 5, 1, 0, 1, True),
    "7x7 stride 2 224x224": (8, (224, 224), 3, 64, 7, 2, 3, 1, False),
    "depthwise 3x3 56x56": (32, (56, 56), 64, 64, 3, 1, 1, 64, True),
    "depthwise 3x3 14x14": (32, (14, 14), 256, 256, 3, 1, 1, 256, True),
    "3x3 in 4 groups 28x28": (32, (28, 28), 64, 64, 3, 1, 1, 4, True),
    "3 over 128 steps": (16, (128,), 100, 64, 3, 1, 0, 1, True),
    "3x3x3 8x24x24": (8, (8, 24, 24), 16, 32, 3, 1, 1, 1, True),
}
# batch, space, channels, window, stride, padding
POOLS = {
    "2x2 96x96": (32, (96, 96), 32, 2, 2, 0),
    "2x2 44x44": (32, (44, 44), 64, 2, 2, 0),
    "2x2 24x24": (128, (24, 24), 64, 2, 2, 0),
    "3x3 stride 2 112x112": (8, (112, 112), 64, 3, 2, 1),
}


def _layouts(torch, arrays):
    """``{layout: tensors}`` of arrays (batch, *space, channels), channels second in shape: in both orders in memory."""
    views = [torch.from_numpy(a).movedim(-1, 1) for a in arrays]
    return {"channels last": views, "channels first": [v.contiguous() for v in views]}


def _convolution_by(torch, x, w, b, g, stride, padding, groups, needs_x):
    aten, n = torch.ops.aten, x.ndim - 2
    strides, pads, ones, zeros = [stride] * n, [padding] * n, [1] * n, [0] * n

    def run():
        y = aten.convolution(x, w, b, strides, pads, ones, False, zeros, groups)
        return y, *aten.convolution_backward(g, x, w, [len(b)], strides, pads, ones, False, zeros, groups,
                                             [needs_x, True, True])
    return run


@family("convolution")
def convolutions(torch, tiny):
    """Forward with a bias, and the gradients of input (not in a first layer), weights and bias."""
    for name, (batch, space, channels, filters, k, stride, padding, groups, needs_x) in CONVOLUTIONS.items():
        if tiny:        # not too tiny for Winograd
            batch, space = 4, tuple(min(n, k + 4) for n in space)
        n = len(space)
        out = tuple((size + 2 * padding - k) // stride + 1 for size in space)
        x, g = normal(batch, *space, channels), normal(batch, *out, filters, seed=1)
        w, b = normal(*[k] * n, channels // groups, filters, seed=2), normal(filters, seed=3)
        how = (stride,) * n, ((padding, padding),) * n, (1,) * n, groups

        def ours(x=x, w=w, b=b, g=g, how=how, needs_x=needs_x):
            return (conv.conv(x, w, *how, b), conv.conv_grad_x(g, w, x.shape, *how) if needs_x else None,
                    conv.conv_grad_w(x, g, w.shape, *how), conv.conv_grad_b(g))
        flops = 2.0 * g.size * math.prod(w.shape[:-1]) * (3 if needs_x else 2)
        case = Case(f"{name} {channels} to {filters}, batch {batch}", ours, flops=flops,
                    bytes=size_of(x, g) * (3 if needs_x else 2))
        if torch:
            weights = torch.from_numpy(w).permute(n + 1, n, *range(n))
            for layout, (tx, tg) in _layouts(torch, (x, g)).items():
                tw = weights.contiguous() if layout == "channels first" else weights.contiguous(
                    memory_format={4: torch.channels_last, 5: torch.channels_last_3d}.get(n + 2,
                                                                                          torch.contiguous_format))
                case.torch[layout] = _convolution_by(torch, tx, tw, torch.from_numpy(b), tg, stride, padding, groups,
                                                     needs_x)
        yield case


def _max_pool_by(torch, x, g, k, stride, padding):
    aten, how = torch.ops.aten, ([k, k], [stride, stride], [padding, padding], [1, 1], False)

    def run():
        y, index = aten.max_pool2d_with_indices(x, *how)
        return y, aten.max_pool2d_with_indices_backward(g, x, *how, index)
    return run


def _average_pool_by(torch, x, g, k, stride, padding, divisor):
    aten, how = torch.ops.aten, ([k, k], [stride, stride], [padding, padding], False, False, divisor)
    return lambda: (aten.avg_pool2d(x, *how), aten.avg_pool2d_backward(g, x, *how))


@family("pooling")
def pools(torch, tiny):
    """Forward and backward: the largest of each window, their mean and, once, their sum."""
    for i, (name, (batch, space, channels, k, stride, padding)) in enumerate(POOLS.items()):
        if tiny:
            batch, space = 2, (8, 8)
        out = tuple((size + 2 * padding - k) // stride + 1 for size in space)
        x, g = normal(batch, *space, channels), normal(batch, *out, channels, seed=1)
        how = (k, k), (stride, stride), ((padding, padding),) * 2

        def largest(x=x, g=g, how=how):
            y, index = pool.max_pool(x, *how)
            return y, pool.max_pool_grad_x(g, index, x.shape, *how)

        def mean(x=x, g=g, how=how):
            return pool.mean_pool(x, *how), pool.mean_pool_grad_x(g, x.shape, *how)

        def total(x=x, g=g, how=how):
            return pool.sum_pool(x, *how), pool.sum_pool_grad_x(g, x.shape, *how)
        by = {"max": (largest, _max_pool_by, ()), "mean": (mean, _average_pool_by, (None,))}
        if i == 1:
            by["sum"] = total, _average_pool_by, (1,)
        for kind, (ours, theirs, rest) in by.items():
            case = Case(f"{kind} {name} of {channels}, batch {batch}", ours, flops=float(x.size),
                        bytes=2 * size_of(x, g))
            if torch:
                case.torch = {layout: theirs(torch, *tensors, k, stride, padding, *rest)
                              for layout, tensors in _layouts(torch, (x, g)).items()}
            yield case
