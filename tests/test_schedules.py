"""Learning-rate schedules against their formulas and their peers; nothing can be added untested."""

import copy
import json
import math
import pathlib
import pickle
import sys

import numpy as np
import pytest

from tahr.optimizers import schedules
from tahr.optimizers.schedules import LearningRateSchedule
from tahr.tensor import Symbol, Tensor, Variable


def cosine(t):
    return 0.5 * (1 + math.cos(math.pi * t))


def restarted(step, first=9, factor=3):
    """By walking from restart to restart."""
    start, length = 0, first
    while step - start >= length:
        start, length = start + length, length * factor
    return cosine((step - start) / length)


REFERENCES = {      # options, and the rate at a step in plain Python
    "ExponentialDecay": ((0.5, 7, 0.8), lambda s: 0.5 * 0.8 ** (s / 7)),
    "InverseTimeDecay": ((0.5, 7, 0.8, True), lambda s: 0.5 / (1 + 0.8 * (s // 7))),
    "PiecewiseConstantDecay": (([3, 9], [1.0, 0.3, 0.1]), lambda s: 1.0 if s <= 3 else 0.3 if s <= 9 else 0.1),
    "PolynomialDecay": ((1.0, 20, 0.1, 2.0), lambda s: 0.9 * (1 - min(s, 20) / 20) ** 2 + 0.1),
    "CosineDecay": ((0.0, 30, 0.1, None, 2.0, 10),
                    lambda s: 0.2 * s if s < 10 else 2 * (0.9 * cosine(min((s - 10) / 30, 1)) + 0.1)),
    "CosineDecayRestarts": ((0.5, 9, 3.0), lambda s: 0.5 * restarted(s)),
    "StepLR": ((1.0, 7, 0.5), lambda s: 0.5 ** (s // 7)),
    "OneCycleLR": ((1.0, 41, 0.3, 10.0, 100.0),
                   lambda s: 1 - 0.9 * cosine(s / 11.3) if s <= 11.3 else 0.001 + 0.999 * cosine(
                       min((s - 11.3) / 28.7, 1))),
}
each = pytest.mark.parametrize("name", REFERENCES)
STEPS = range(45)


def made(name):
    return getattr(schedules, name)(*REFERENCES[name][0])


def test_every_schedule_has_a_reference():
    own = {c.__name__ for c in LearningRateSchedule.registry.values() if c.__module__ == schedules.__name__
           and getattr(sys.modules[c.__module__], c.__name__, None) is c}
    assert own == set(REFERENCES) == set(schedules.__all__) - {"LearningRateSchedule", "deserialize", "get",
                                                               "serialize"}


@each
def test_rates(name):
    schedule, reference = made(name), REFERENCES[name][1]
    for step in STEPS:
        for given in (step, np.int64(step), Tensor(step), Variable(step, trainable=False)):
            rate = schedule(given)
            assert rate.shape == () and rate.dtype == np.float64
            assert float(rate) == pytest.approx(reference(step), rel=1e-12, abs=1e-12)
    assert schedule(Symbol((), "int64")).shape == ()


@each
def test_config_round_trip(name):
    schedule = made(name)
    config = schedule.get_config()
    read = json.loads(json.dumps(schedules.serialize(schedule)))
    for clone in (type(schedule).from_config(config), schedules.deserialize(read), copy.deepcopy(schedule),
                  pickle.loads(pickle.dumps(schedule))):
        assert type(clone) is type(schedule) and clone.get_config() == config
        assert [float(clone(s)) for s in STEPS] == [float(schedule(s)) for s in STEPS]
    assert schedules.get(schedule) is schedule


def test_restarts_begin_on_time():
    """Where logarithms round to the wrong side, too."""
    for factor in (2.0, 3.0, 5.0, 10.0):
        schedule = schedules.CosineDecayRestarts(1.0, 10, factor)
        for i in range(1, 9):
            step = round(10 * (factor ** i - 1) / (factor - 1))
            assert float(schedule(step)) == pytest.approx(1.0) and float(schedule(step - 1)) < 0.1


def test_schedules_of_users():
    class Linear(LearningRateSchedule):
        def __init__(self, slope=2.0):
            super().__init__()
            self.slope = slope

        def rate(self, step):
            return self.slope * step

    clone = schedules.deserialize(schedules.serialize(Linear(3.0)))
    assert float(clone(2)) == 6.0 and clone.name == "linear"
    other = schedules.deserialize({"class_name": "Mine", "config": {"slope": 5.0}}, {"Mine": Linear})
    assert float(other(1)) == 5.0
    function = lambda step: 0.1
    assert schedules.get(function) is function
    with pytest.raises(TypeError, match=r"LearningRateSchedule must define rate\(step\)"):
        LearningRateSchedule()(1)
    with pytest.raises(TypeError, match=r"Linear is a class: did you forget the parentheses, Linear\(\)\?"):
        schedules.get(Linear)


@pytest.mark.parametrize("make, text", [
    (lambda: schedules.ExponentialDecay(0.1, 0, 0.5), "decay_steps must be positive, got 0"),
    (lambda: schedules.InverseTimeDecay(0.1, -1, 0.5), "decay_steps must be positive"),
    (lambda: schedules.PolynomialDecay(0.1, 0), "decay_steps must be positive"),
    (lambda: schedules.CosineDecay(0.1, 0), "decay_steps must be positive"),
    (lambda: schedules.CosineDecay(0.1, 1, warmup_steps=-1), "warmup_steps must not be negative, got -1"),
    (lambda: schedules.CosineDecayRestarts(0.1, 0), "first_decay_steps must be positive"),
    (lambda: schedules.CosineDecayRestarts(0.1, 5, 0.5), "t_mul must be at least 1, got 0.5"),
    (lambda: schedules.PiecewiseConstantDecay([1], [0.1]), r"one value more than boundaries, got 1 value\(s\) and 1"),
    (lambda: schedules.PiecewiseConstantDecay([3, 1], [1, 2, 3]), r"boundaries must rise, got \[3, 1\]"),
    (lambda: schedules.StepLR(0.1, 0), "step_size must be positive"),
    (lambda: schedules.OneCycleLR(0.1, 1), "total_steps must be at least 2, got 1"),
    (lambda: schedules.OneCycleLR(0.1, 9, 1.0), "pct_start must lie between 0 and 1, got 1.0"),
    (lambda: schedules.OneCycleLR(0.1, 9, div_factor=0), "div_factor must be positive"),
])
def test_errors(make, text):
    with pytest.raises(ValueError, match=text):
        make()


# Keras 3 and PyTorch

with np.load(pathlib.Path(__file__).parent / "golden" / "schedules.npz") as _file:
    GOLDEN = dict(_file)
CASES = sorted(key.split("/")[0] for key in GOLDEN if key.endswith("/spec"))


@pytest.mark.parametrize("name", CASES)
def test_peers(name):
    cls, args = json.loads(str(GOLDEN[f"{name}/spec"]))
    schedule = getattr(schedules, cls)(**args)
    rates = [float(schedule(step)) for step in GOLDEN["steps"]]
    np.testing.assert_allclose(rates, GOLDEN[f"{name}/rates"], rtol=1e-5, atol=1e-7)


def test_peers_cover_every_schedule():
    assert {json.loads(str(GOLDEN[f"{name}/spec"]))[0] for name in CASES} == set(REFERENCES)
