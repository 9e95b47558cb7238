"""Regularizers and constraints: a row for each, and nothing can be added untested."""

import copy
import json
import math
import pickle
import sys

import numpy as np
import pytest

from tahr import constraints, regularizers
from tahr.autograd import check_grads
from tahr.constraints import Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from tahr.regularizers import L1, L1L2, L2, OrthogonalRegularizer, Regularizer
from tahr.tensor import Symbol, Tensor

REGULARIZERS = [        # class, options, and the penalty in NumPy
    (L1L2, {}, lambda w: 0.0),
    (L1L2, {"l1": 0.5}, lambda w: 0.5 * np.abs(w).sum()),
    (L1L2, {"l1": 0.1, "l2": 0.3}, lambda w: 0.1 * np.abs(w).sum() + 0.3 * (w * w).sum()),
    (L1, {}, lambda w: 0.01 * np.abs(w).sum()),
    (L1, {"l1": 2.0}, lambda w: 2.0 * np.abs(w).sum()),
    (L2, {}, lambda w: 0.01 * (w * w).sum()),
    (L2, {"l2": 2.0}, lambda w: 2.0 * (w * w).sum()),
    (OrthogonalRegularizer, {}, lambda w: 0.01 * alignment(w)),
    (OrthogonalRegularizer, {"factor": 0.5, "mode": "columns"}, lambda w: 0.5 * alignment(w.T)),
]


def alignment(rows):
    """The mean over the pairs of rows of what their directions share."""
    pairs = [(a, b) for i, a in enumerate(rows) for b in rows[:i]]
    return sum(abs(a @ b) / math.sqrt(a @ a * b @ b) for a, b in pairs) / len(pairs)


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


def weight(cls=None):
    return np.random.default_rng(0).standard_normal(SHAPE[:2] if cls is OrthogonalRegularizer else SHAPE)


def ours(kind):
    """The package's classes of a kind, not those that examples and tests define."""
    return {c for c in kind.registry.values() if c.__module__.startswith("tahr.")
            and getattr(sys.modules[c.__module__], c.__name__, None) is c}


def test_every_regularizer_and_constraint_has_a_row():
    assert ours(Regularizer) == {row[0] for row in REGULARIZERS}
    assert ours(Constraint) == {row[0] for row in CONSTRAINTS}


@each(REGULARIZERS)
def test_penalty(cls, args, reference):
    w = weight(cls)
    penalty = cls(**args)(Tensor(w, dtype="float64"))
    assert isinstance(penalty, Tensor) and penalty.shape == ()
    assert penalty.dtype == np.float64 or (cls, args) == (L1L2, {})
    assert float(penalty) == pytest.approx(reference(w), rel=1e-12)
    assert cls(**args)(Tensor(w)).dtype == np.float32
    assert cls(**args)(Symbol(w.shape)).shape == ()
    assert float(cls(**args)(w.tolist())) == pytest.approx(reference(w), rel=1e-6)


@each(REGULARIZERS)
def test_penalty_gradient(cls, args, reference):
    if (cls, args) != (L1L2, {}):
        check_grads(cls(**args), weight(cls))


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
    w = Tensor(weight(cls))
    for clone in (cls.from_config(config), module.get(read), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert type(clone) is cls
        np.testing.assert_array_equal(clone(w).numpy(), made(w).numpy())
    assert cls.from_config(config).get_config() == config


def test_regularizer_names():
    for name, cls in {"l1": L1, "L1": L1, "l2": L2, "l1_l2": L1L2, "l1l2": L1L2, "L1L2": L1L2,
                      "OrthogonalRegularizer": OrthogonalRegularizer}.items():
        assert type(regularizers.get(name)) is cls
    assert regularizers.l1().get_config() == {"l1": 0.01} and regularizers.l2(0.5).get_config() == {"l2": 0.5}
    assert regularizers.l1(l=0.2).l1 == regularizers.activity_l1(0.2).l1 == 0.2 and regularizers.l2(l=0.3).l2 == 0.3
    assert regularizers.l1l2(l1=0.1, l2=0.2).l2 == regularizers.WeightRegularizer(l2=0.2).l2 == 0.2
    assert regularizers.l1_l2().get_config() == {"l1": 0.01, "l2": 0.01}
    assert L1L2().get_config() == {"l1": 0.0, "l2": 0.0}
    with pytest.raises(ValueError, match=r"unknown regularizer 'l1_l3'. Did you mean 'l1_l2'\? Known: "):
        regularizers.get("l1_l3")


def test_constraint_names():
    for name, cls in {"max_norm": MaxNorm, "maxnorm": MaxNorm, "non_neg": NonNeg, "nonneg": NonNeg, "NonNeg": NonNeg,
                      "unit_norm": UnitNorm, "unitnorm": UnitNorm, "min_max_norm": MinMaxNorm}.items():
        assert type(constraints.get(name)) is cls
        assert getattr(constraints, name) is cls
    with pytest.raises(ValueError, match=r"unknown constraint 'nonnegg'. Did you mean 'non_neg'\? Known: "):
        constraints.get("nonnegg")


@pytest.mark.parametrize("module, cls", [(regularizers, L2), (constraints, NonNeg)])
def test_get(module, cls):
    function = lambda x: x
    assert module.get(function) is function
    assert module.get(None) is None
    with pytest.raises(TypeError, match=rf"is a class: did you forget the parentheses, {cls.__name__}\(\)\?"):
        module.get(cls)
    for wrong in (3, {"l2": 0.1}):
        with pytest.raises(TypeError, match="expected the name of an? "):
            module.get(wrong)
    made = cls()
    assert module.get(made) is made
    assert type(module.deserialize(module.serialize(made))) is cls
    assert module.deserialize("mine", {"mine": function}) is function


@pytest.mark.parametrize("make, text", [
    (lambda: L1(math.nan), "l1 must be a finite number, got nan"), (lambda: L2(math.inf), "l2 must be a finite number"),
    (lambda: OrthogonalRegularizer(mode="rank"), "mode must be 'rows' or 'columns', got 'rank'"),
    (lambda: OrthogonalRegularizer(True), "factor must be a finite number, got True"),
    (lambda: OrthogonalRegularizer()(np.ones(3)), r"needs a matrix, got shape \(3,\)"),
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
