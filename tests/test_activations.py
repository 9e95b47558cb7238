"""Activations: a reference for each, and nothing can be added untested."""

import math

import numpy as np
import pytest

from tahr import activations
from tahr.activations import ACTIVATIONS
from tahr.autograd import check_grads, gradients
from tahr.tensor import Symbol, Tensor


def logistic(x):
    return 1 / (1 + math.exp(-x))


def soft(v):
    return np.exp(v) / np.exp(v).sum(-1, keepdims=True)


SCALAR = {      # the values of one number
    "linear": lambda x: x, "relu": lambda x: max(x, 0.0), "sigmoid": logistic, "tanh": math.tanh,
    "exponential": math.exp, "elu": lambda x: x if x > 0 else math.exp(x) - 1,
    "selu": lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * (math.exp(x) - 1)),
    "softplus": lambda x: math.log(1 + math.exp(x)), "softsign": lambda x: x / (1 + abs(x)),
    "hard_sigmoid": lambda x: min(max(0.2 * x + 0.5, 0.0), 1.0), "silu": lambda x: x * logistic(x),
    "gelu": lambda x: x * 0.5 * (1 + math.erf(x / math.sqrt(2))),
    "mish": lambda x: x * math.tanh(math.log(1 + math.exp(x))), "leaky_relu": lambda x: x if x > 0 else 0.2 * x,
    "relu6": lambda x: min(max(x, 0.0), 6.0), "log_sigmoid": lambda x: math.log(logistic(x)),
    "hard_sigmoid_keras3": lambda x: min(max(x + 3, 0.0), 6.0) / 6,
    "hard_silu": lambda x: x * min(max(x + 3, 0.0), 6.0) / 6,
    "hard_tanh": lambda x: min(max(x, -1.0), 1.0), "tanh_shrink": lambda x: x - math.tanh(x),
    "soft_shrink": lambda x: math.copysign(max(abs(x) - 0.5, 0), x),
    "hard_shrink": lambda x: x if abs(x) > 0.5 else 0.0,
    "celu": lambda x: x if x > 0 else math.exp(x) - 1, "squareplus": lambda x: (x + math.sqrt(x * x + 4)) / 2,
    "sparse_plus": lambda x: x if x > 1 else 0.0 if x < -1 else (x + 1) ** 2 / 4,
    "sparse_sigmoid": lambda x: min(max((x + 1) / 2, 0.0), 1.0),
}


def nearest_distribution(v):
    """Of every row the distribution of least squared distance: by trying out how many are left."""
    out = np.zeros_like(v)
    for at in np.ndindex(v.shape[:-1]):
        row, best = v[at], math.inf
        for count in range(1, len(row) + 1):
            kept = np.argsort(-row)[:count]
            p = np.zeros_like(row)
            p[kept] = row[kept] - (row[kept].sum() - 1) / count
            if (p >= 0).all() and ((p - row) ** 2).sum() < best:
                best, out[at] = ((p - row) ** 2).sum(), p
    return out


def gated(v):
    a, b = np.split(v, 2, -1)
    return a / (1 + np.exp(-b))


VECTOR = {"softmax": soft, "log_softmax": lambda v: np.log(soft(v)), "sparsemax": nearest_distribution, "glu": gated}
ALIASES = {"swish": "silu", "hard_swish": "hard_silu"}
MORE_ARGUMENTS = {"threshold": "takes a threshold and what stands below it: tested by itself"}


def expected_of(name, x):
    name = ALIASES.get(name, name)
    return VECTOR[name](x) if name in VECTOR else np.vectorize(SCALAR[name])(x)


def points():
    """No kink (0, 6, and -2.5 and 2.5 of hard_sigmoid) is near."""
    x = np.array([-8.0, -3.1, -2.2, -1.3, -0.4, -0.1, 0.2, 0.7, 1.1, 2.1, 3.3, 9.0])
    return np.random.default_rng(0).permutation(x).reshape(2, 3, 2)


each_name = pytest.mark.parametrize("name", sorted(ACTIVATIONS.keys() - MORE_ARGUMENTS.keys()))


def test_every_activation_has_a_reference():
    assert set(ACTIVATIONS) == {*SCALAR, *VECTOR, *ALIASES, *MORE_ARGUMENTS}
    assert all(getattr(activations, name) is f for name, f in ACTIVATIONS.items())


@each_name
def test_activation_value(name):
    x = points()
    out = activations.get(name)(Tensor(x, dtype="float64"))
    assert out.dtype == np.float64
    np.testing.assert_allclose(out.numpy(), expected_of(name, x), rtol=1e-10, atol=1e-14)
    out = activations.get(name)(Tensor(x))
    assert out.dtype == np.float32
    np.testing.assert_allclose(out.numpy(), expected_of(name, x), rtol=1e-4, atol=1e-6)
    inferred = activations.get(name)(Symbol((None, *x.shape[1:])))
    assert inferred.shape == (None, *out.shape[1:]) and inferred.dtype == np.float32
    if name != "linear":        # which gives back what it gets
        np.testing.assert_array_equal(activations.get(name)(x.tolist()).numpy(), out.numpy())


@each_name
def test_activation_gradient(name):
    check_grads(activations.get(name), points())


@each_name
@pytest.mark.filterwarnings("ignore:overflow encountered in exp:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value encountered in logaddexp:RuntimeWarning")
def test_activation_of_huge_numbers(name):
    x = Tensor([[-1000.0, 1000.0]], requires_grad=True)
    out = activations.get(name)(x)
    if name != "exponential":
        assert np.isfinite(out.numpy()).all()
        assert np.isfinite(gradients(out.sum(), [x])[0].numpy()).all()
    assert np.isnan(activations.get(name)(Tensor([np.nan, 1.0])).numpy()[0])


@pytest.mark.parametrize("slope, top, threshold", [(0.0, None, 0.0), (0.1, None, 0.0), (0.0, 2.0, 0.0),
                                                   (0.0, None, 1.0), (0.3, 3.0, 0.5), (0.0, 2.0, -1.5)])
def test_relu(slope, top, threshold):
    x = points()
    expected = np.where(x > threshold, x, slope * (x - threshold))
    expected = expected if top is None else np.minimum(expected, top)
    found = activations.relu(Tensor(x, dtype="float64"), slope, top, threshold)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(activations.relu(x.tolist(), slope, top, threshold).numpy(), expected, rtol=1e-6)
    assert activations.relu([threshold], slope, top, threshold).numpy() == 0        # as Keras computes, not as it says
    check_grads(lambda x: activations.relu(x, slope, top, threshold), x)
    inf = activations.relu(Tensor([-np.inf, np.inf, np.nan]), slope, top, threshold).numpy()
    assert inf[0] == (-np.inf if slope else 0) and inf[1] == (np.inf if top is None else top) and np.isnan(inf[2])


def test_softmax_axes_and_kinds_of_input():
    x = points()
    for axis in (0, 1, -1):
        moved = np.moveaxis(soft(np.moveaxis(x, axis, -1)), -1, axis)
        np.testing.assert_allclose(activations.softmax(x, axis).numpy(), moved, rtol=1e-5)
    np.testing.assert_allclose(activations.softmax(x.tolist()).numpy(), soft(x), rtol=1e-5)
    np.testing.assert_allclose(activations.sigmoid(x.tolist()).numpy(), np.vectorize(logistic)(x), rtol=1e-5)


def test_unknown_activation():
    with pytest.raises(ValueError, match=r"unknown activation 'sigmod'. Did you mean 'sigmoid'\? Known: celu, elu, e"):
        activations.get("sigmod")


def test_get():
    function = lambda x: x
    assert activations.get(function) is function and activations.get(None) is activations.linear
    for wrong in (3, {"relu": 1}):
        with pytest.raises(TypeError, match="expected the name of an activation or a function of a tensor"):
            activations.get(wrong)
    with pytest.raises(TypeError, match=r"dict is a class: did you forget the parentheses, dict\(\)\?"):
        activations.get(dict)
    assert activations.serialize(activations.relu) == "relu"
    assert activations.deserialize("relu") is activations.relu
    assert activations.deserialize("mine", {"mine": function}) is function


def test_relu_by_the_name_of_keras_2():
    np.testing.assert_array_equal(activations.relu([-2.0, 1.0], alpha=0.5).numpy(), [-1.0, 1.0])
    with pytest.raises(TypeError, match="relu got both 'alpha' and 'negative_slope'"):
        activations.relu([1.0], 0.1, alpha=0.2)


def test_options():
    x = points()
    t = Tensor(x, dtype="float64")
    cases = {
        "threshold": (activations.threshold(t, 0.5, 7.0), np.where(x > 0.5, x, 7.0)),
        "soft_shrink": (activations.soft_shrink(t, 2.0), np.sign(x) * np.maximum(np.abs(x) - 2, 0)),
        "hard_shrink": (activations.hard_shrink(t, 2.0), np.where(np.abs(x) > 2, x, 0)),
        "celu": (activations.celu(t, 2.0), np.where(x > 0, x, 2 * (np.exp(x / 2) - 1))),
        "squareplus": (activations.squareplus(t, 1.0), (x + np.sqrt(x * x + 1)) / 2),
    }
    for name, (found, expected) in cases.items():
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-14, err_msg=name)
    check_grads(lambda x: activations.threshold(x, 0.5, 7.0), x)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_axes_of_sparsemax_and_glu(axis):
    x = np.random.default_rng(3).standard_normal((4, 2, 6))
    moved = np.moveaxis(x, axis, -1)
    for function, reference in ((activations.sparsemax, nearest_distribution), (activations.glu, gated)):
        found = function(Tensor(x, dtype="float64"), axis)
        np.testing.assert_allclose(found.numpy(), np.moveaxis(reference(moved), -1, axis), rtol=1e-10, atol=1e-12)
    with pytest.raises(ValueError, match="glu halves axis 1, which must be even"):
        activations.glu(x[:, :1], 1)


def test_sparsemax_of_equal_numbers():
    np.testing.assert_allclose(activations.sparsemax([[1.0, 1.0, 1.0, -5.0]]).numpy(), [[1 / 3, 1 / 3, 1 / 3, 0]],
                               rtol=1e-6)
