"""What works on elements or rows: functions, softmax and cross-entropies, random numbers."""

import inspect

import numpy as np

from tahr.kernels import elementwise, rng, softmax

from ..cases import Case, family, normal, shrunk, size_of

SIZES = [(128, 64), (128, 8192)]
# Of PyTorch: the function of its tensors that computes the entry of the same name.
FUNCTIONS = {
    "exp": lambda torch: torch.exp, "expm1": lambda torch: torch.expm1, "log": lambda torch: torch.log,
    "log1p": lambda torch: torch.log1p, "erf": lambda torch: torch.erf, "tanh": lambda torch: torch.tanh,
    "relu": lambda torch: torch.relu, "sigmoid": lambda torch: torch.sigmoid,
    "softplus": lambda torch: torch.nn.functional.softplus, "silu": lambda torch: torch.nn.functional.silu,
    "leaky_relu": lambda torch: lambda x: torch.nn.functional.leaky_relu(x, 0.2),
    "elu": lambda torch: torch.nn.functional.elu, "gelu": lambda torch: torch.nn.functional.gelu,
    "gelu_tanh": lambda torch: lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
    "tanh_grad_x": lambda torch: torch.ops.aten.tanh_backward,
    "sigmoid_grad_x": lambda torch: torch.ops.aten.sigmoid_backward,
    "relu_grad_x": lambda torch: lambda g, y: torch.ops.aten.threshold_backward(g, y, 0),
    "softplus_grad_x": lambda torch: lambda g, x: torch.ops.aten.softplus_backward(g, x, 1, 20),
    "leaky_relu_grad_x": lambda torch: lambda g, x: torch.ops.aten.leaky_relu_backward(g, x, 0.2, False),
    "elu_grad_x": lambda torch: lambda g, x: torch.ops.aten.elu_backward(g, 1, 1, 1, False, x),
    "silu_grad_x": lambda torch: torch.ops.aten.silu_backward,
    "gelu_grad_x": lambda torch: torch.ops.aten.gelu_backward,
    "gelu_tanh_grad_x": lambda torch: lambda g, x: torch.ops.aten.gelu_backward(g, x, approximate="tanh"),
    "sigmoid_cross_entropy": lambda torch: lambda x, t: torch.nn.functional.binary_cross_entropy_with_logits(
        x, t, reduction="none"),
}


def _arrays(function, shape):
    """Arguments for the arrays that an entry takes: positive for logarithms, probabilities for targets."""
    parameters = [p for p in inspect.signature(function).parameters.values() if p.default is inspect.Parameter.empty]
    drawn = [normal(*shape, seed=i) for i in range(len(parameters))]
    positive = function.entry.name.startswith("log")
    return [np.abs(a) + np.float32(0.1) if positive or p.name == "targets" else a for a, p in zip(drawn, parameters)]


@family("elementwise")
def functions(torch, tiny):
    """Every elementwise entry; gradients on the larger array only."""
    entries = {name: value for name, value in vars(elementwise).items() if hasattr(value, "entry")}
    for name, function in entries.items():
        for shape in SIZES[name.endswith("_grad_x"):]:
            arrays = _arrays(function, shrunk(shape, tiny))
            case = Case(f"{name} {' x '.join(map(str, arrays[0].shape))}", lambda f=function, a=arrays: f(*a),
                        bytes=size_of(*arrays) + arrays[0].nbytes)
            if torch and name in FUNCTIONS:
                theirs, tensors = FUNCTIONS[name](torch), [torch.from_numpy(a) for a in arrays]
                case.torch["contiguous"] = lambda f=theirs, t=tensors: f(*t)
            yield case


ROWS = [(16, 10), (128, 10), (128, 1000), (1024, 4096)]


def _rows_of_softmax(x, g):
    y = softmax.softmax(x)
    return y, softmax.softmax_grad_x(g, y)


def _rows_of_log_softmax(x, g):
    y = softmax.log_softmax(x)
    return y, softmax.log_softmax_grad_x(g, y)


@family("softmax")
def rows(torch, tiny):
    """Softmax and its logarithm, and cross-entropies from logits, forward and backward."""
    for shape in ROWS:
        shape = shrunk(shape, tiny)
        words = " x ".join(map(str, shape))
        x, g = normal(*shape), normal(*shape, seed=1)
        each, labels = normal(shape[0], seed=2), np.random.default_rng(0).integers(0, shape[1], shape[0])
        targets = np.abs(g) / np.abs(g).sum(1, keepdims=True)

        def sparse(x=x, each=each, labels=labels):
            loss, p = softmax.sparse_softmax_cross_entropy(x, labels)
            return loss, softmax.sparse_softmax_cross_entropy_grad_x(each, labels, p)

        def dense(x=x, each=each, targets=targets):
            loss, p = softmax.softmax_cross_entropy(x, targets)
            return loss, softmax.softmax_cross_entropy_grad_x(each, targets, p)
        cases = [Case(f"softmax {words}", lambda x=x, g=g: _rows_of_softmax(x, g), bytes=5 * size_of(x)),
                 Case(f"log-softmax {words}", lambda x=x, g=g: _rows_of_log_softmax(x, g), bytes=5 * size_of(x)),
                 Case(f"logsumexp {words}", lambda x=x: softmax.logsumexp(x), bytes=size_of(x)),
                 Case(f"cross-entropy of labels {words}", sparse, bytes=4 * size_of(x)),
                 Case(f"cross-entropy of probabilities {words}", dense, bytes=6 * size_of(x))]
        if torch:
            for case, theirs in zip(cases, _rows_by(torch, x, g, each, labels, targets)):
                case.torch["contiguous"] = theirs
        yield from cases


def _rows_by(torch, x, g, each, labels, targets):
    """The same five by PyTorch's kernels, without a graph."""
    aten = torch.ops.aten
    x, g, each, labels, targets = map(torch.from_numpy, (x, g, each, labels, targets))

    def plain():
        y = aten._softmax(x, 1, False)
        return y, aten._softmax_backward_data(g, y, 1, torch.float32)

    def logarithm():
        y = aten._log_softmax(x, 1, False)
        return y, aten._log_softmax_backward_data(g, y, 1, torch.float32)

    def sparse():
        y = aten._log_softmax(x, 1, False)
        loss, weight = aten.nll_loss_forward(y, labels, None, 0, -100)
        back = aten.nll_loss_backward(each, y, labels, None, 0, -100, weight)
        return loss, aten._log_softmax_backward_data(back, y, 1, torch.float32)

    def dense():
        y = aten._log_softmax(x, 1, False)
        loss = -(y * targets).sum(1)
        return loss, aten._log_softmax_backward_data(targets * -each[:, None], y, 1, torch.float32)
    return plain, logarithm, lambda: torch.logsumexp(x, 1), sparse, dense


@family("random")
def draws(torch, tiny):
    """Uniform and normal numbers, dropout; bits differ from PyTorch's, so results are not compared."""
    for shape in SIZES:
        shape = shrunk(shape, tiny)
        words, x = " x ".join(map(str, shape)), normal(*shape)
        cases = [Case(f"uniform {words}", lambda s=shape: rng.uniform(s, 7, 0), bytes=size_of(x), exact=False),
                 Case(f"normal {words}", lambda s=shape: rng.normal(s, 7, 0), bytes=size_of(x), exact=False),
                 Case(f"dropout {words}", lambda x=x: rng.dropout(x, 0.5, 7, 0), bytes=2 * size_of(x), exact=False)]
        if torch:
            t, functional = torch.from_numpy(x), torch.nn.functional
            cases[0].torch["contiguous"] = lambda torch=torch, s=shape: torch.rand(s)
            cases[1].torch["contiguous"] = lambda torch=torch, s=shape: torch.randn(s)
            cases[2].torch["contiguous"] = lambda f=functional, t=t: f.dropout(t, 0.5)
        yield from cases
