"""Regularizers, constraints and activations: a row for each, and nothing can be added untested."""

import copy
import json
import math
import pickle
import sys

import numpy as np
import pytest

from tahr import activations, constraints, regularizers
from tahr.activations import ACTIVATIONS
from tahr.autograd import check_grads, gradients
from tahr.constraints import Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from tahr.regularizers import L1, L1L2, L2, Regularizer
from tahr.tensor import Symbol, Tensor

REGULARIZERS = [        # class, options, and the penalty in NumPy
    (L1L2, {}, lambda w: 0.0),
    (L1L2, {"l1": 0.5}, lambda w: 0.5 * np.abs(w).sum()),
    (L1L2, {"l1": 0.1, "l2": 0.3}, lambda w: 0.1 * np.abs(w).sum() + 0.3 * (w * w).sum()),
    (L1, {}, lambda w: 0.01 * np.abs(w).sum()),
    (L1, {"l1": 2.0}, lambda w: 2.0 * np.abs(w).sum()),
    (L2, {}, lambda w: 0.01 * (w * w).sum()),
    (L2, {"l2": 2.0}, lambda w: 2.0 * (w * w).sum()),
]


def bounded(w, low, high, rate=1.0, axis=0, epsilon=1e-7):
    norms = np.sqrt((w * w).sum(axis, keepdims=True))
    return w * (rate * np.clip(norms, low, high) + (1 - rate) * norms) / (norms + epsilon)


CONSTRAINTS = [         # class, options, and the weight as it must be, in NumPy
    (MaxNorm, {}, lambda w: bounded(w, 0, 2)),
    (MaxNorm, {"max_value": 0.5, "axis": 1}, lambda w: bounded(w, 0, 0.5, axis=1)),
    (MaxNorm, {"max_value": 1.0, "axis": [0, 1]}, lambda w: bounded(w, 0, 1, axis=(0, 1))),
    (NonNeg, {}, lambda w: np.where(w < 0, 0, w)),
    (UnitNorm, {}, lambda w: w / (1e-7 + np.sqrt((w * w).sum(0, keepdims=True)))),
    (UnitNorm, {"axis": (0, -1)}, lambda w: w / (1e-7 + np.sqrt((w * w).sum((0, 2), keepdims=True)))),
    (MinMaxNorm, {}, lambda w: bounded(w, 0, 1)),
    (MinMaxNorm, {"min_value": 1.0, "max_value": 2.0, "rate": 0.4, "axis": 1}, lambda w: bounded(w, 1, 2, 0.4, 1)),
]
SHAPE = (3, 4, 2)


def each(table):
    return pytest.mark.parametrize("cls, args, reference", [pytest.param(*row, id=f"{row[0].__name__}-{i}")
                                                            for i, row in enumerate(table)])


def weight():
    return np.random.default_rng(0).standard_normal(SHAPE)


def ours(kind):
    """The package's classes of a kind, not those that examples and tests define."""
    return {c for c in kind.registry.values() if c.__module__.startswith("tahr.")
            and getattr(sys.modules[c.__module__], c.__name__, None) is c}


def test_every_regularizer_and_constraint_has_a_row():
    assert ours(Regularizer) == {row[0] for row in REGULARIZERS}
    assert ours(Constraint) == {row[0] for row in CONSTRAINTS}


@each(REGULARIZERS)
def test_penalty(cls, args, reference):
    w = weight()
    penalty = cls(**args)(Tensor(w, dtype="float64"))
    assert isinstance(penalty, Tensor) and penalty.shape == ()
    assert penalty.dtype == np.float64 or (cls, args) == (L1L2, {})
    assert float(penalty) == pytest.approx(reference(w), rel=1e-12)
    assert cls(**args)(Tensor(w)).dtype == np.float32
    assert float(cls(**args)(w.tolist())) == pytest.approx(reference(w), rel=1e-6)


@each(REGULARIZERS)
def test_penalty_gradient(cls, args, reference):
    if (cls, args) != (L1L2, {}):
        check_grads(cls(**args), weight())


@each(CONSTRAINTS)
def test_constraint(cls, args, reference):
    w = weight()
    before, constraint = w.copy(), cls(**args)
    found = constraint(Tensor(w, dtype="float64"))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found.numpy(), reference(w), rtol=1e-12)
    np.testing.assert_allclose(constraint(w.tolist()).numpy(), reference(w), rtol=1e-5)
    again = constraint(found)       # nothing more to do, but for the part of the way that rate leaves
    if args.get("rate", 1.0) == 1.0:
        np.testing.assert_allclose(again.numpy(), found.numpy(), rtol=1e-6)
    assert constraint(Tensor(w)).dtype == np.float32
    np.testing.assert_array_equal(w, before)
    assert np.isfinite(constraint(Tensor(np.zeros(SHAPE))).numpy()).all()


@each(REGULARIZERS + CONSTRAINTS)
def test_config_round_trip(cls, args, reference):
    made = cls(**args)
    config = made.get_config()
    assert config.items() >= args.items()
    read = json.loads(json.dumps({"class_name": cls.__name__, "config": config}))
    module = regularizers if issubclass(cls, Regularizer) else constraints
    w = Tensor(weight())
    for clone in (cls.from_config(config), module.get(read), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert type(clone) is cls
        np.testing.assert_array_equal(clone(w).numpy(), made(w).numpy())
    assert cls.from_config(config).get_config() == config


def test_regularizer_names():
    for name, cls in {"l1": L1, "L1": L1, "l2": L2, "l1_l2": L1L2, "l1l2": L1L2, "L1L2": L1L2}.items():
        assert type(regularizers.get(name)) is cls
    assert regularizers.l1().get_config() == {"l1": 0.01} and regularizers.l2(0.5).get_config() == {"l2": 0.5}
    assert regularizers.l1_l2().get_config() == {"l1": 0.01, "l2": 0.01}
    assert L1L2().get_config() == {"l1": 0.0, "l2": 0.0}
    with pytest.raises(ValueError, match=r"unknown regularizer 'l1_l3'. Did you mean 'l1_l2'\? Known: "):
        regularizers.get("l1_l3")


def test_constraint_names():
    for name, cls in {"max_norm": MaxNorm, "maxnorm": MaxNorm, "non_neg": NonNeg, "nonneg": NonNeg, "NonNeg": NonNeg,
                      "unit_norm": UnitNorm, "unitnorm": UnitNorm, "min_max_norm": MinMaxNorm}.items():
        assert type(constraints.get(name)) is cls
    with pytest.raises(ValueError, match=r"unknown constraint 'nonnegg'. Did you mean 'non_neg'\? Known: "):
        constraints.get("nonnegg")


@pytest.mark.parametrize("module, cls", [(regularizers, L2), (constraints, NonNeg), (activations, L2)])
def test_get(module, cls):
    function = lambda x: x
    assert module.get(function) is function
    assert module.get(None) is (activations.linear if module is activations else None)
    with pytest.raises(TypeError, match=rf"is a class: did you forget the parentheses, {cls.__name__}\(\)\?"):
        module.get(cls)
    for wrong in (3, {"l2": 0.1}):
        with pytest.raises(TypeError, match="expected the name of an? "):
            module.get(wrong)
    if module is not activations:
        made = cls()
        assert module.get(made) is made


@pytest.mark.parametrize("make, text", [
    (lambda: L1(math.nan), "l1 must be a finite number, got nan"), (lambda: L2(math.inf), "l2 must be a finite number"),
    (lambda: MaxNorm(-1), "max_value must not be negative, got -1"),
    (lambda: MinMaxNorm(-1, 1), "0 <= min_value <= max_value, got -1 and 1"),
    (lambda: MinMaxNorm(2, 1), "0 <= min_value <= max_value, got 2 and 1"),
    (lambda: MinMaxNorm(rate=1.5), r"rate must lie in \[0, 1\], got 1.5"),
])
def test_option_errors(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_options_at_their_bounds():
    w = Tensor([[3.0], [4.0]])
    assert not MaxNorm(0)(w).numpy().any()
    np.testing.assert_allclose(MinMaxNorm(1, 1)(w).numpy(), [[0.6], [0.8]], rtol=1e-6)
    np.testing.assert_allclose(MinMaxNorm(rate=0)(w).numpy(), w.numpy(), rtol=1e-6)


def test_bases_say_what_to_define():
    for base in (Regularizer, Constraint):
        with pytest.raises(TypeError, match=rf"{base.__name__} must define __call__"):
            base()(1.0)


def test_classes_of_users():
    class Sum(Regularizer):
        def __init__(self, factor=1.0):
            self.factor = factor

        def __call__(self, x):
            return self.factor * x.sum()

    made = regularizers.get({"class_name": "Sum", "config": Sum(factor=3.0).get_config()})
    assert float(made(Tensor([1.0, 2.0]))) == 9.0 and type(regularizers.get("sum")) is Sum


# Activations

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
}
VECTOR = {"softmax": soft, "log_softmax": lambda v: np.log(soft(v))}
ALIASES = {"swish": "silu"}


def expected_of(name, x):
    name = ALIASES.get(name, name)
    return VECTOR[name](x) if name in VECTOR else np.vectorize(SCALAR[name])(x)


def points():
    """No kink (0, 6, and -2.5 and 2.5 of hard_sigmoid) is near."""
    x = np.array([-8.0, -3.1, -2.2, -1.3, -0.4, -0.1, 0.2, 0.7, 1.1, 2.1, 3.3, 9.0])
    return np.random.default_rng(0).permutation(x).reshape(2, 3, 2)


each_name = pytest.mark.parametrize("name", sorted(ACTIVATIONS))


def test_every_activation_has_a_reference():
    assert set(ACTIVATIONS) == {*SCALAR, *VECTOR, *ALIASES}
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
    assert inferred.shape == (None, *x.shape[1:]) and inferred.dtype == np.float32


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
    with pytest.raises(ValueError, match=r"unknown activation 'sigmod'. Did you mean 'sigmoid'\? Known: elu, expon"):
        activations.get("sigmod")
