"""Batch, layer and group normalisation, forward and backward."""

import numpy as np

from tahr.kernels import normalize

from ..cases import Case, family, normal, size_of

EPSILON = 1e-3
BATCHES = [(128, 512), (32, 28, 28, 64), (128, 32, 32, 16)]
LAYERS = [(2048, 128), (2048, 768)]
GROUPS = [(32, 28, 28, 64)]


def _by_batch(torch, x, w, b, g):
    aten = torch.ops.aten

    def run():
        y, mean, inverse = aten.native_batch_norm(x, w, b, None, None, True, 0.0, EPSILON)
        return y, aten.native_batch_norm_backward(g, x, w, None, None, mean, inverse, True, EPSILON, [True] * 3)
    return run


def _by_layer(torch, x, w, b, g):
    aten = torch.ops.aten

    def run():
        y, mean, inverse = aten.native_layer_norm(x, [x.shape[-1]], w, b, EPSILON)
        return y, aten.native_layer_norm_backward(g, x, [x.shape[-1]], mean, inverse, w, b, [True] * 3)
    return run


def _by_group(torch, x, w, b, g, groups):
    aten, sizes = torch.ops.aten, (x.shape[0], x.shape[1], x.shape[2] * x.shape[3])

    def run():
        y, mean, inverse = aten.native_group_norm(x, w, b, *sizes, groups, EPSILON)
        return y, aten.native_group_norm_backward(g, x, mean, inverse, w, *sizes, groups, [True] * 3)
    return run


def _layouts(torch, *arrays):
    """Channels second in shape, in both orders in memory; a matrix has one."""
    views = [torch.from_numpy(a).movedim(-1, 1) for a in arrays]
    if views[0].ndim == 2:
        return {"contiguous": views}
    return {"channels last": views, "channels first": [v.contiguous() for v in views]}


def _arrays(shape, tiny):
    shape = (min(shape[0], 4), *(min(n, 4) for n in shape[1:-1]), min(shape[-1], 8)) if tiny else shape
    return normal(*shape), normal(shape[-1], seed=1), normal(shape[-1], seed=2), normal(*shape, seed=3)


def _words(x):
    return " x ".join(map(str, x.shape))


def _batch(x, w, b, g):
    y, mean, variance = normalize.batch_norm(x, w, b, EPSILON)
    return y, normalize.batch_norm_grad(g, x, w, mean, variance, EPSILON)


def _layer(x, w, b, g, centered=True):
    y, mean, inverse = normalize.layer_norm(x, w, b, EPSILON, centered)
    return y, normalize.layer_norm_grad(g, x, w, mean, inverse, centered)


def _group(x, w, b, g, groups):
    y, mean, inverse = normalize.group_norm(x, w, b, groups, EPSILON)
    return y, normalize.group_norm_grad(g, x, w, mean, inverse, groups)


@family("normalization")
def norms(torch, tiny):
    """Over the batch, the features of a row and groups of channels; with given moments; by the mean square alone."""
    for shape in BATCHES:
        x, w, b, g = arrays = _arrays(shape, tiny)
        mean, variance = x.mean(tuple(range(x.ndim - 1))), np.ones(x.shape[-1], np.float32)
        train = Case(f"batch {_words(x)}", lambda a=arrays: _batch(*a), bytes=8 * size_of(x))
        given = Case(f"batch {_words(x)}, moments given",
                     lambda x=x, m=mean, v=variance, w=w, b=b: normalize.normalize_with(x, m, v, w, b, EPSILON),
                     bytes=2 * size_of(x))
        if torch:
            tw, tb, tm, tv = map(torch.from_numpy, (w, b, mean, variance))
            for layout, (tx, tg) in _layouts(torch, x, g).items():
                train.torch[layout] = _by_batch(torch, tx, tw, tb, tg)
                given.torch[layout] = lambda torch=torch, a=(tx, tw, tb, tm, tv): torch.ops.aten.native_batch_norm(
                    *a, False, 0.0, EPSILON)[0]
        yield from (train, given)
    for shape in LAYERS:
        x, w, b, g = arrays = _arrays(shape, tiny)
        case = Case(f"layer {_words(x)}", lambda a=arrays: _layer(*a), bytes=5 * size_of(x))
        if torch:
            case.torch["contiguous"] = _by_layer(torch, *map(torch.from_numpy, arrays))
        yield case
        yield Case(f"mean square {_words(x)}", lambda a=arrays: _layer(*a, False), bytes=5 * size_of(x))
    for shape in GROUPS:
        x, w, b, g = arrays = _arrays(shape, tiny)
        for kind, groups in (("8 groups", min(8, x.shape[-1])), ("instance", x.shape[-1])):
            case = Case(f"{kind} {_words(x)}", lambda a=arrays, n=groups: _group(*a, n), bytes=5 * size_of(x))
            if torch:
                tw, tb = map(torch.from_numpy, (w, b))
                for layout, (tx, tg) in _layouts(torch, x, g).items():
                    if layout == "channels first":      # its gradient takes no other
                        case.torch[layout] = _by_group(torch, tx, tw, tb, tg, groups)
            yield case
