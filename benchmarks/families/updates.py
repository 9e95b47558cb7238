"""Steps of optimizers over all parameters of a model, and rows of an embedding."""

import numpy as np

from tahr.kernels import embedding, update

from ..cases import Case, family, normal, shrunk, size_of

MODELS = {"6 k": [20, 64, 64, 10], "0.7 M": [784, 512, 512, 10], "9 M": [33856, 256, 10]}     # units of dense layers
RATE = 1e-3
# By name: how many slots, our step of (p, g, lr, slots), PyTorch's optimizer and its options.
STEPS = {
    "sgd": (0, lambda p, g, lr: update.sgd(p, g, lr), "SGD", {}),
    "sgd, momentum": (1, lambda p, g, lr, v: update.sgd(p, g, lr, v, 0.9), "SGD", {"momentum": 0.9}),
    "sgd, Nesterov": (1, lambda p, g, lr, v: update.sgd(p, g, lr, v, 0.9, True), "SGD",
                      {"momentum": 0.9, "nesterov": True}),
    "rmsprop": (1, update.rmsprop, "RMSprop", {}), "adagrad": (1, update.adagrad, "Adagrad", {}),
    "adam": (2, update.adam, "Adam", {}), "adadelta": (2, update.adadelta, "Adadelta", {}),
}


def _shapes(units):
    """Weights and biases of dense layers."""
    return [shape for n, m in zip(units, units[1:]) for shape in ((n, m), (m,))]


def _steps_by(torch, shapes, name, options):
    """PyTorch's implementations that take this optimizer: for all tensors at once or one by one."""
    found = {}
    for how in ("fused", "foreach", "one by one"):
        parameters = [torch.zeros(shape, requires_grad=True) for shape in shapes]
        for p in parameters:
            p.grad = torch.randn(p.shape)
        kind = {"fused": False, "foreach": False, how: True} if how != "one by one" else {"foreach": False}
        kind.pop("one by one", None)
        try:
            optimizer = getattr(torch.optim, name)(parameters, lr=RATE, **options, **kind)
            optimizer.step()
        except (RuntimeError, TypeError):       # not every optimizer is there fused
            continue
        found[how] = optimizer.step
    return found


@family("updates")
def updates(torch, tiny):
    """Every optimizer's step: ours on one flat array, as models here have it, PyTorch's on a list of tensors."""
    for size, units in MODELS.items():
        shapes = _shapes([min(n, 6) for n in units] if tiny else units)
        count = sum(int(np.prod(shape)) for shape in shapes)
        for name, (slots, step, theirs, options) in STEPS.items():
            if size == "9 M" and name not in ("sgd", "adam"):
                continue
            arrays = normal(count), normal(count, seed=1), np.full((), RATE, np.float32), *[
                np.zeros(count, np.float32) for _ in range(slots)]
            case = Case(f"{name}, {size} parameters", lambda f=step, a=arrays: f(*a), flops=4.0 * count,
                        bytes=4.0 * count * (3 + 2 * slots), exact=False)
            if torch:
                case.torch = _steps_by(torch, shapes, theirs, options)
            yield case


TABLES = [((32, 80), 20_000, 128), ((128, 40), 60, 16)]        # indices, rows of the table, their length


@family("embedding")
def tables(torch, tiny):
    """Rows taken from a table, and their gradients added up in one."""
    for shape, count, length in TABLES:
        shape = shrunk(shape, tiny)
        indices = np.random.default_rng(0).integers(0, count, shape)
        table, g = normal(count, length), normal(*shape, length, seed=1)
        words = f"{' x '.join(map(str, shape))} of {count} x {length}"
        take = Case(f"gather {words}", lambda t=table, i=indices: embedding.gather(t, i), bytes=2 * size_of(g))
        add = Case(f"scatter {words}", lambda g=g, i=indices, n=count: embedding.scatter(g, i, n),
                   bytes=size_of(g, table))
        if torch:
            tt, tg, ti = map(torch.from_numpy, (table, g, indices))
            take.torch["contiguous"] = lambda f=torch.ops.aten.embedding, t=tt, i=ti: f(t, i)
            add.torch["contiguous"] = lambda f=torch.ops.aten.embedding_dense_backward, g=tg, i=ti, n=count: f(
                g, i, n, -1, False)
        yield from (take, add)
