"""Optimizers against their formulas over 100 random steps; a row for each, and nothing can be added untested."""

import copy
import dataclasses
import json
import pathlib
import pickle
import sys

import numpy as np
import pytest

import tahr
from tahr import optimizers
from tahr.autograd import gradients
from tahr.optimizers import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Ftrl, Lamb, Lion, Nadam, Optimizer, RMSprop
from tahr.optimizers.flat import Group
from tahr.tensor import Tensor, Variable
from tahr.utils import settings


@dataclasses.dataclass
class Row:
    """An optimizer with options, and Keras 2.3.1's formula for one parameter as a function ``(p, g, t, state)``.

    ``t`` counts updates from 0, ``state`` is a dict that begins empty.
    """

    cls: type
    args: dict
    formula: callable


def sgd(lr, momentum=0.0, nesterov=False, decay=0.0):
    def formula(p, g, t, state):
        rate = lr / (1 + decay * t)
        v = state["v"] = momentum * state.get("v", 0.0) - rate * g
        return p + momentum * v - rate * g if nesterov else p + v
    return formula


def rmsprop(lr, rho=0.9, epsilon=1e-7, decay=0.0):
    def formula(p, g, t, state):
        a = state["a"] = rho * state.get("a", 0.0) + (1 - rho) * g * g
        return p - lr / (1 + decay * t) * g / (np.sqrt(a) + epsilon)
    return formula


def adam(lr, beta_1=0.9, beta_2=0.999, epsilon=1e-7, decay=0.0):
    def formula(p, g, t, state):
        m = state["m"] = beta_1 * state.get("m", 0.0) + (1 - beta_1) * g
        v = state["v"] = beta_2 * state.get("v", 0.0) + (1 - beta_2) * g * g
        rate = lr / (1 + decay * t) * np.sqrt(1 - beta_2 ** (t + 1)) / (1 - beta_1 ** (t + 1))
        return p - rate * m / (np.sqrt(v) + epsilon)
    return formula


def adagrad(lr, epsilon=1e-7, decay=0.0):
    def formula(p, g, t, state):
        a = state["a"] = state.get("a", 0.0) + g * g
        return p - lr / (1 + decay * t) * g / (np.sqrt(a) + epsilon)
    return formula


def adadelta(lr, rho=0.95, epsilon=1e-7, decay=0.0):
    def formula(p, g, t, state):
        d = state.get("d", 0.0)
        a = state["a"] = rho * state.get("a", 0.0) + (1 - rho) * g * g
        u = g * np.sqrt(d + epsilon) / np.sqrt(a + epsilon)
        state["d"] = rho * d + (1 - rho) * u * u
        return p - lr / (1 + decay * t) * u
    return formula


def adamax(lr, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    def formula(p, g, t, state):
        m = state["m"] = beta_1 * state.get("m", 0.0) + (1 - beta_1) * g
        u = state["u"] = np.maximum(beta_2 * state.get("u", 0.0), abs(g))
        return p - lr / (1 - beta_1 ** (t + 1)) * m / (u + epsilon)
    return formula


def nadam(lr, beta_1=0.9, beta_2=0.999, epsilon=1e-7, schedule_decay=0.004):
    momentum = lambda t: beta_1 * (1 - 0.5 * 0.96 ** (t * schedule_decay))

    def formula(p, g, t, state):
        now, following = momentum(t + 1), momentum(t + 2)
        product = np.prod([momentum(i + 1) for i in range(t + 1)])      # of all updates, this parameter's or not
        m = state["m"] = beta_1 * state.get("m", 0.0) + (1 - beta_1) * g
        v = state["v"] = beta_2 * state.get("v", 0.0) + (1 - beta_2) * g * g
        step = (1 - now) * g / (1 - product) + following * m / (1 - product * following)
        return p - lr * step / (np.sqrt(v / (1 - beta_2 ** (t + 1))) + epsilon)
    return formula


def adamw(lr, weight_decay=0.004):
    plain = adam(lr)
    return lambda p, g, t, state: plain(p - lr * weight_decay * p, g, t, state)


def lion(lr, beta_1=0.9, beta_2=0.99):
    def formula(p, g, t, state):
        m = state.get("m", 0.0)
        state["m"] = beta_2 * m + (1 - beta_2) * g
        return p - lr * np.sign(beta_1 * m + (1 - beta_1) * g)
    return formula


def lamb(lr, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    def formula(p, g, t, state):
        m = state["m"] = beta_1 * state.get("m", 0.0) + (1 - beta_1) * g
        v = state["v"] = beta_2 * state.get("v", 0.0) + (1 - beta_2) * g * g
        step = m / (1 - beta_1 ** (t + 1)) / (np.sqrt(v / (1 - beta_2 ** (t + 1))) + epsilon)
        length, of_step = np.sqrt(np.sum(p * p)), np.sqrt(np.sum(step * step))
        return p - lr * (length / of_step if length > 0 and of_step > 0 else 1.0) * step
    return formula


def ftrl(lr, power=-0.5, start=0.1, l1=0.0, l2=0.0):
    def formula(p, g, t, state):
        if lr == 0:
            return p
        n, z = state.get("n", start), state.get("z", 0.0)
        total = state["n"] = n + g * g
        z = state["z"] = z + g - (total ** -power - n ** -power) / lr * p
        return (np.clip(z, -l1, l1) - z) / (total ** -power / lr + 2 * l2)
    return formula


ROWS = [
    Row(Adamax, {}, adamax(0.002)),
    Row(Adamax, {"learning_rate": 0.05, "beta_1": 0.6, "beta_2": 0.9}, adamax(0.05, 0.6, 0.9)),
    Row(Nadam, {}, nadam(0.002)),
    Row(Nadam, {"learning_rate": 0.05, "beta_1": 0.6, "beta_2": 0.9}, nadam(0.05, 0.6, 0.9)),
    Row(AdamW, {}, adamw(0.001, 0.004)),
    Row(AdamW, {"learning_rate": 0.05, "weight_decay": 0.2}, adamw(0.05, 0.2)),
    Row(Lion, {}, lion(0.001)),
    Row(Lion, {"learning_rate": 0.01, "beta_1": 0.5, "beta_2": 0.8}, lion(0.01, 0.5, 0.8)),
    Row(Lamb, {}, lamb(0.001)),
    Row(Ftrl, {}, ftrl(0.001)),
    Row(Ftrl, {"learning_rate": 0.1}, ftrl(0.1)),
    Row(SGD, {}, sgd(0.01)),
    Row(SGD, {"learning_rate": 0.3, "decay": 0.1}, sgd(0.3, decay=0.1)),
    Row(SGD, {"learning_rate": 0.1, "momentum": 0.9}, sgd(0.1, 0.9)),
    Row(SGD, {"learning_rate": 0.1, "momentum": 0.8, "nesterov": True, "decay": 0.01}, sgd(0.1, 0.8, True, 0.01)),
    Row(SGD, {"learning_rate": 0.1, "nesterov": True}, sgd(0.1)),
    Row(RMSprop, {}, rmsprop(0.001)),
    Row(RMSprop, {"learning_rate": 0.05, "rho": 0.5, "epsilon": 1e-2, "decay": 0.05}, rmsprop(0.05, 0.5, 1e-2, 0.05)),
    Row(RMSprop, {"learning_rate": 0.05, "rho": 0.0}, rmsprop(0.05, 0.0)),
    Row(Adagrad, {}, adagrad(0.01)),
    Row(Adagrad, {"learning_rate": 0.1, "epsilon": 1e-2, "decay": 0.05}, adagrad(0.1, 1e-2, 0.05)),
    Row(Adadelta, {}, adadelta(1.0)),
    Row(Adadelta, {"learning_rate": 0.5, "rho": 0.6, "epsilon": 1e-2, "decay": 0.02}, adadelta(0.5, 0.6, 1e-2, 0.02)),
    Row(Adam, {}, adam(0.001)),
    Row(Adam, {"learning_rate": 0.05, "beta_1": 0.6, "beta_2": 0.9, "epsilon": 1e-2, "decay": 0.02},
        adam(0.05, 0.6, 0.9, 1e-2, 0.02)),
    Row(Adam, {"learning_rate": 0.05, "beta_1": 0.0, "beta_2": 0.0}, adam(0.05, 0.0, 0.0)),
]
each_row = pytest.mark.parametrize("row", [pytest.param(r, id=f"{r.cls.__name__}-{i}") for i, r in enumerate(ROWS)])
SHAPES = [(3, 2), (), (4,), (0, 2), (1, 2, 2)]


def ours(kind):
    """The package's classes of a kind, not those that examples and tests define."""
    return {c for c in kind.registry.values() if c.__module__.startswith("tahr.")
            and getattr(sys.modules[c.__module__], c.__name__, None) is c}


def test_every_optimizer_has_a_row():
    classes = ours(Optimizer)
    assert classes == {r.cls for r in ROWS}
    assert {c for c in vars(optimizers).values() if isinstance(c, type)} == classes | {Optimizer}


def started(shapes, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    return [Variable(rng.standard_normal(s), dtype=dtype, name=f"w{i}") for i, s in enumerate(shapes)]


class Reference:
    """The formula, applied to float64 copies of the variables."""

    def __init__(self, formula, variables):
        self.formula, self.t = formula, 0
        self.parameters = {id(v): v.data.astype(np.float64) for v in variables}
        self.states = {id(v): {} for v in variables}

    def apply(self, grads, variables):
        for g, v in zip(grads, variables):
            key = id(v)
            self.parameters[key] = self.formula(self.parameters[key], g, self.t, self.states[key])
        self.t += 1

    def check(self, variables, rtol):
        for v in variables:
            np.testing.assert_allclose(v.numpy(), self.parameters[id(v)], rtol=rtol, atol=rtol)


def stepper(optimizer, formula, variables, seed=1):
    """A function that updates some of the variables and the reference by one random gradient."""
    rng, reference = np.random.default_rng(seed), Reference(formula, variables)

    def step(some=variables):
        grads = [rng.standard_normal(v.shape) for v in some]
        optimizer.apply([Tensor(g, dtype=v.dtype) for g, v in zip(grads, some)], some)
        reference.apply(grads, some)
    return step, reference


# Formulas

@each_row
@pytest.mark.parametrize("dtype, rtol", [("float64", 1e-12), ("float32", 1e-4)])
@pytest.mark.parametrize("way", ["write", "update"])
def test_100_steps(row, dtype, rtol, way, monkeypatch):
    """Both as it is done, in place, and as it is said, by ``update``."""
    if way == "update":
        monkeypatch.setattr(row.cls, "write", Optimizer.write)
    variables = started(SHAPES, dtype)
    optimizer = row.cls(**row.args)
    step, reference = stepper(optimizer, row.formula, variables)
    for _ in range(100):
        step()
    assert [v.dtype for v in variables] == [dtype] * len(SHAPES) and [v.shape for v in variables] == SHAPES
    assert optimizer.iterations == 100
    reference.check(variables, rtol)
    assert len(optimizer.groups) == 1 and optimizer.groups[0].intact


@each_row
def test_variables_of_several_dtypes(row):
    variables = started([(2, 2), (3,), (), (2,)])
    variables[1:3] = started([(3,), ()], "float32")
    optimizer = row.cls(**row.args)
    step, reference = stepper(optimizer, row.formula, variables)
    for _ in range(20):
        step()
    assert len(optimizer.groups) == 2
    reference.check([variables[0], variables[3]], 1e-12)
    reference.check(variables[1:3], 1e-4)


@each_row
def test_order_of_the_variables_does_not_matter(row):
    variables = started(SHAPES)
    optimizer = row.cls(**row.args)
    step, reference = stepper(optimizer, row.formula, variables)
    for i in range(6):
        step(variables[::-1] if i % 2 else variables)
    reference.check(variables, 1e-12)


@each_row
@pytest.mark.parametrize("name", ["learning_rate", "lr"])
def test_learning_rate_changes_between_steps(row, name):
    variables = started(SHAPES)
    optimizer = row.cls(**row.args)
    step, reference = stepper(optimizer, row.formula, variables)
    step()
    for rate in (0.5, 0.0, np.float32(0.25), Tensor(0.125)):
        setattr(optimizer, name, rate)
        assert float(optimizer.learning_rate) == float(optimizer.lr) == float(rate)
        options = {"lr": float(rate), **{k: v for k, v in row.args.items() if k != "learning_rate"}}
        formulas = {SGD: sgd, RMSprop: rmsprop, Adagrad: adagrad, Adadelta: adadelta, Adam: adam,
                    Adamax: adamax, Nadam: nadam, AdamW: adamw, Lion: lion, Lamb: lamb, Ftrl: ftrl}
        reference.formula = formulas[row.cls](**options)
        step()
    reference.check(variables, 1e-12)


# Slots and flat arrays

@each_row
def test_slots_are_kept_while_a_parameter_is_frozen(row):
    variables = started([(3, 2), (4,), (2,)])
    optimizer = row.cls(**row.args)
    step, reference = stepper(optimizer, row.formula, variables)
    a, b, c = variables
    for some in ([a, b], [a, b, c], [a], [a], [c, b], [a, b, c], [b], [], [a, b, c]):
        step(some)
    reference.check(variables, 1e-12)


@each_row
def test_two_optimizers_of_the_same_variables(row):
    """Each moves the parameters into its own flat array; neither loses its slots or the other's updates."""
    variables = started([(3, 2), (4,)])
    one, other = row.cls(**row.args), SGD(0.1, momentum=0.9)
    step_one, reference = stepper(one, row.formula, variables)
    rng, velocities = np.random.default_rng(5), [0.0, 0.0]
    for i in range(8):
        if i % 3 == 2:
            grads = [rng.standard_normal(v.shape) for v in variables]
            other.apply([Tensor(g, dtype="float64") for g in grads], variables)
            assert other.groups[0].intact and not one.groups[0].intact
            velocities = [0.9 * v - 0.1 * g for v, g in zip(velocities, grads)]
            for p, v in zip(variables, velocities):
                reference.parameters[id(p)] = reference.parameters[id(p)] + v
        else:
            step_one()
            assert one.groups[0].intact
    reference.check(variables, 1e-12)


@each_row
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))],
                         ids=["deepcopy", "pickle"])
def test_copies_go_on_alike(row, duplicate):
    variables = started([(3, 2), (4,)])
    optimizer = row.cls(**row.args)
    step, reference = stepper(optimizer, row.formula, variables)
    for some in (variables, variables, variables[:1]):
        step(some)
    other, copies = duplicate((optimizer, variables))
    assert not any(np.shares_memory(a.data, b.data) for a, b in zip(variables, copies))
    grads = [np.ones(v.shape) for v in variables]
    for opt, vs in ((optimizer, variables), (other, copies)):
        opt.apply([Tensor(g, dtype="float64") for g in grads], vs)
    reference.apply(grads, variables)
    reference.check(variables, 1e-12)
    for a, b in zip(variables, copies):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_parameters_are_views_of_one_array():
    variables = started([(3, 2), (4,), ()])
    optimizer = Adam()
    before = [v.numpy().copy() for v in variables]
    optimizer.build(variables)
    flat = optimizer.groups[0].parameters.data
    assert all(v.data.base is flat for v in variables) and flat.size == 11
    for v, b in zip(variables, before):
        np.testing.assert_array_equal(v.numpy(), b)
    variables[1].assign(np.full(4, 7.0))
    assert (flat == 7).sum() == 4
    assert [s.shape for s in optimizer.variables] == [(), (), (11,), (11,)]
    optimizer.apply([np.ones(v.shape) for v in variables], variables)
    assert optimizer.groups[0].parameters.data is flat      # written in place
    group = Group(variables, ("s",))
    assert group.intact and not optimizer.groups[0].intact


def test_a_write_is_noticed_by_graphs_that_need_the_old_values():
    w = Variable([1.0, 2.0])
    out = (w * w).sum()
    SGD(0.1).apply([Tensor([1.0, 1.0])], [w])
    with pytest.raises(RuntimeError, match=r"memory was written 1 time\(s\) since, last at sgd.apply"):
        gradients(out, [w])


def test_state_is_not_trained():
    optimizer = Optimizer()
    assert float(optimizer.lr) == 0.01 and optimizer.decay == 0.0 and optimizer.name == "optimizer"
    optimizer = Adam()
    optimizer.build(started([(2,)]))
    state = [*optimizer.variables, optimizer.groups[0].parameters]
    assert not any(v.trainable or v.requires_grad for v in state)
    assert SGD().slots == () and SGD(momentum=0.5).slots == ("velocity",) and SGD(momentum=1.0).momentum == 1.0


def test_constraints_hold_after_each_update():
    a, b = Variable([1.0, 2.0], constraint=tahr.constraints.NonNeg()), Variable([1.0, 2.0])
    optimizer = SGD(1.0)
    for _ in range(2):
        optimizer.apply([Tensor([3.0, 0.5])] * 2, [a, b])
        assert optimizer.groups[0].intact
    np.testing.assert_array_equal(a.numpy(), [0.0, 1.0])
    np.testing.assert_array_equal(b.numpy(), [-5.0, 1.0])


def test_gradients_of_other_kinds():
    """Arrays and lists, and a float64 gradient of a float32 variable."""
    w, v = Variable([1.0, 2.0]), Variable(3.0)
    SGD(0.5).apply_gradients(zip([np.array([2.0, 4.0]), Tensor(1.0, dtype="float64")], [w, v]))
    SGD(0.5).apply_gradients([([2.0, 4.0], w)])
    SGD(0.0).apply(iter([[1.0, 1.0], 1.0]), iter([w, v]))
    np.testing.assert_array_equal(w.numpy(), [-1.0, -2.0])
    assert w.dtype == v.dtype == np.float32 and float(v) == 2.5


# Errors

@each_row
def test_wrong_gradients_change_nothing(row):
    variables = started([(3, 2), (4,)])
    optimizer = row.cls(**row.args)
    before = [v.numpy().copy() for v in variables]
    good, ones = [np.ones(v.shape) for v in variables], np.ones(2)
    for grads, some, text in (
            ([good[0], None], variables, "the gradient of w1 is None: the loss does not depend on it"),
            ([good[0], ones], variables, r"the gradient of w1 must have its shape \(4,\), got \(2,\)"),
            (good[:1], variables, r"one gradient for each variable .* got 1 gradient\(s\) for 2 variable\(s\)"),
            (good, variables[:1], r"got 2 gradient\(s\) for 1 variable\(s\)"),
            ([good[0], good[0]], [variables[0]] * 2, r"2 variable\(s\), 1 different")):
        with pytest.raises(ValueError, match=text):
            optimizer.apply(grads, some)
    assert optimizer.iterations == 0
    for v, b in zip(variables, before):
        np.testing.assert_array_equal(v.numpy(), b)


RATE_ERRORS = [(-0.1, ValueError, "finite and not negative, got -0.1"), (float("nan"), ValueError, "got nan"),
               (float("inf"), ValueError, "got inf"), ("fast", TypeError, "must be a number, got str 'fast'"),
               (None, TypeError, "got NoneType"), (True, TypeError, "got bool True")]


@pytest.mark.parametrize("rate, error, text", RATE_ERRORS)
@pytest.mark.parametrize("cls", [SGD, RMSprop, Adam])
def test_wrong_learning_rates(cls, rate, error, text):
    with pytest.raises(error, match=text):
        cls(learning_rate=rate)
    optimizer = cls()
    before = float(optimizer.lr)
    for name in ("learning_rate", "lr"):
        with pytest.raises(error, match=text):
            setattr(optimizer, name, rate)
    assert float(optimizer.lr) == before


OPTION_ERRORS = [
    (lambda: SGD(momentum=-0.1), r"momentum must lie in \[0, 1\], got -0.1"),
    (lambda: SGD(momentum=1.1), "momentum must lie"),
    (lambda: SGD(decay=-1), "decay must not be negative, got -1"),
    (lambda: Adam(decay=float("nan")), "decay must not be negative"),
    (lambda: RMSprop(rho=1.0), r"rho must lie in \[0, 1\), got 1.0"),
    (lambda: RMSprop(epsilon=0), "epsilon must be positive, got 0"),
    (lambda: Adam(beta_1=1.0), r"beta_1 must lie in \[0, 1\), got 1.0"),
    (lambda: Adam(beta_2=-0.1), "beta_2 must lie in"),
    (lambda: Adam(epsilon=-1.0), "epsilon must be positive, got -1.0"),
]


@pytest.mark.parametrize("make, text", OPTION_ERRORS)
def test_wrong_options(make, text):
    with pytest.raises(ValueError, match=text):
        make()


# Objects and names

@each_row
def test_config_round_trip(row):
    optimizer = row.cls(**row.args, name="mine")
    optimizer.lr = 0.1
    config = optimizer.get_config()
    assert config.items() >= {**row.args, "learning_rate": 0.1, "name": "mine"}.items()
    read = json.loads(json.dumps({"class_name": row.cls.__name__, "config": config}))
    for clone in (row.cls.from_config(config), optimizers.get(read)):
        assert type(clone) is row.cls and clone.get_config() == config
        assert float(clone.learning_rate) == 0.1        # to the last digit


@each_row
def test_names(row):
    name = row.cls.__name__.lower()
    assert type(optimizers.get(name)) is type(optimizers.get(row.cls.__name__)) is row.cls
    assert row.cls().name == name
    optimizer = row.cls(**row.args)
    assert optimizers.get(optimizer) is optimizer
    with pytest.raises(TypeError, match=r"unknown argument 'learning_rat'. Did you mean 'learning_rate'\?"):
        row.cls(learning_rat=0.1)


def test_unknown_names():
    with pytest.raises(ValueError, match=r"unknown optimizer 'adem'. Did you mean 'adam'\? Known: .*rmsprop"):
        optimizers.get("adem")
    with pytest.raises(TypeError, match=r"Adam is a class: did you forget the parentheses, Adam\(\)\?"):
        optimizers.get(Adam)
    with pytest.raises(TypeError, match="expected the name of an optimizer or an optimizer object, got NoneType None"):
        optimizers.get(None)


@pytest.mark.parametrize("cls", [SGD, RMSprop, Adam])
def test_lr_is_the_old_name_of_learning_rate(cls):
    with pytest.warns(DeprecationWarning, match=f"{cls.__name__}: 'lr' is now called 'learning_rate'") as caught:
        optimizer = cls(lr=0.5)
    assert caught[0].filename == __file__
    assert float(optimizer.learning_rate) == 0.5 and optimizer.get_config()["learning_rate"] == 0.5
    with pytest.raises(TypeError, match="both 'lr' and 'learning_rate'.*keep 'learning_rate'"):
        cls(lr=0.5, learning_rate=0.1)


def test_epsilon_none_is_the_setting():
    with settings.using(epsilon=1e-3):
        assert Adam(epsilon=None).epsilon == RMSprop(epsilon=None).epsilon == 1e-3


def test_optimizers_of_users(monkeypatch):
    """Two methods: the constructor and the rule."""
    monkeypatch.setattr(Optimizer, "registry", dict(Optimizer.registry))      # ours is found again afterwards

    class Lion(Optimizer):
        slots = ("m",)

        def __init__(self, learning_rate=1e-4, beta=0.9, **kwargs):
            super().__init__(learning_rate, **kwargs)
            self.beta = beta

        def update(self, lr, parameter, gradient, m):
            step = tahr.ops.sign(self.beta * m + (1 - self.beta) * gradient)
            return parameter - lr * step, {"m": 0.99 * m + 0.01 * gradient}

    def lion(p, g, t, state):
        m = state.get("m", 0.0)
        state["m"] = 0.99 * m + 0.01 * g
        return p - 0.1 / (1 + 0.2 * t) * np.sign(0.8 * m + 0.2 * g)

    optimizer = optimizers.get({"class_name": "Lion", "config": Lion(0.1, beta=0.8, decay=0.2).get_config()})
    assert optimizer.name == "lion" and optimizer.beta == 0.8
    variables = started(SHAPES)
    step, reference = stepper(optimizer, lion, variables)
    for some in (variables, variables[:2], variables, variables):
        step(some)
    reference.check(variables, 1e-12)
    with pytest.raises(TypeError, match="Optimizer must define update"):
        Optimizer().apply([Tensor([1.0])], [Variable([1.0])])


def test_a_rule_of_their_own_for_an_optimizer_of_ours():
    class Decayed(SGD):
        def update(self, lr, parameter, gradient, velocity=None):
            return super().update(lr, parameter * 0.5, gradient, velocity)

    w = Variable([4.0])
    Decayed(1.0).apply([Tensor([0.5])], [w])
    assert w.numpy() == 1.5


# Keras 3

GOLDEN = np.load(pathlib.Path(__file__).parent / "golden" / "keras3.npz")
CASES = sorted({key.split("/")[1] for key in GOLDEN if key.startswith("optimizers/")})


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_keras3(name, dtype):
    """20 steps as Keras 3. RMSprop with an epsilon of almost nothing: Keras 3 has it inside the root."""
    case = lambda key: GOLDEN[f"optimizers/{name}/{key}"]
    cls, args = json.loads(str(case("spec")))
    optimizer = getattr(optimizers, cls)(**args)
    variables = [Variable(case(f"start{i}"), dtype=dtype) for i in range(2)]
    for t in range(20):
        optimizer.apply([Tensor(case(f"gradients{i}")[t], dtype=dtype) for i in range(2)], variables)
    for i, v in enumerate(variables):
        np.testing.assert_allclose(v.numpy(), case(f"end{i}"), rtol=1e-5, atol=1e-5 if dtype == "float32" else 1e-7)


def test_keras3_covers_every_optimizer():
    by_formula = {"Adamax", "Nadam", "AdamW", "Lion", "Lamb", "Ftrl"}       # compared with their formulas alone
    compared = {json.loads(str(GOLDEN[f"optimizers/{name}/spec"]))[0] for name in CASES}
    assert compared | by_formula == {r.cls.__name__ for r in ROWS}
