"""Initializers: what they draw, by its mean, variance and bounds; a row for each, and nothing can be added untested."""

import copy
import dataclasses
import json
import math
import pickle
import sys

import numpy as np
import pytest

from tahr import initializers
from tahr.initializers import (
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    Initializer,
    LecunNormal,
    LecunUniform,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
    fans,
)
from tahr.tensor import Tensor
from tahr.utils import set_random_seed, settings
from tahr.utils.rng import seed_default


@dataclasses.dataclass
class Row:
    """A random initializer on a large shape: mean, deviation and the bound that no value passes (None for none)."""

    cls: type
    args: dict
    shape: tuple
    mean: float
    stddev: float
    bound: float


DENSE, CONV = (300, 400), (3, 5, 40, 60)        # fans 300 and 400, 600 and 900
CUT = 0.87962566103423978       # the deviation that is left of a normal distribution cut off at two of its own


def uniform(cls, args, shape, limit):
    return Row(cls, args, shape, 0.0, limit / math.sqrt(3), limit)


def truncated(cls, args, shape, variance):
    return Row(cls, args, shape, 0.0, math.sqrt(variance), 2 * math.sqrt(variance) / CUT)


RANDOM = [
    Row(RandomNormal, {}, DENSE, 0.0, 0.05, None),
    Row(RandomNormal, {"mean": 1.0, "stddev": 0.5}, DENSE, 1.0, 0.5, None),
    Row(RandomUniform, {}, DENSE, 0.0, 0.05 / math.sqrt(3), 0.05),
    Row(RandomUniform, {"minval": 1.0, "maxval": 3.0}, DENSE, 2.0, 1 / math.sqrt(3), 1.0),
    Row(TruncatedNormal, {}, DENSE, 0.0, 0.05 * CUT, 0.1),
    Row(TruncatedNormal, {"mean": -1.0, "stddev": 2.0}, DENSE, -1.0, 2.0 * CUT, 4.0),
    truncated(VarianceScaling, {}, DENSE, 1 / 300),
    truncated(VarianceScaling, {"scale": 3.0, "mode": "fan_out", "distribution": "normal"}, CONV, 3 / 900),
    uniform(VarianceScaling, {"scale": 0.5, "mode": "fan_avg", "distribution": "uniform"}, CONV, math.sqrt(1.5 / 750)),
    Row(VarianceScaling, {"mode": "fan_out", "distribution": "untruncated_normal"}, DENSE, 0.0, 0.05, None),
    uniform(GlorotUniform, {}, DENSE, math.sqrt(6 / 700)),
    uniform(GlorotUniform, {}, CONV, math.sqrt(6 / 1500)),
    truncated(GlorotNormal, {}, DENSE, 2 / 700),
    truncated(GlorotNormal, {}, CONV, 2 / 1500),
    uniform(HeUniform, {}, DENSE, math.sqrt(6 / 300)),
    uniform(HeUniform, {}, CONV, math.sqrt(6 / 600)),
    uniform(HeUniform, {}, (1, 5000), math.sqrt(6)),
    truncated(HeNormal, {}, DENSE, 2 / 300),
    truncated(HeNormal, {}, CONV, 2 / 600),
    uniform(LecunUniform, {}, DENSE, math.sqrt(3 / 300)),
    uniform(LecunUniform, {}, CONV, math.sqrt(3 / 600)),
    truncated(LecunNormal, {}, DENSE, 1 / 300),
    truncated(LecunNormal, {}, CONV, 1 / 600),
    Row(Orthogonal, {}, (60, 60), 0.0, 1 / math.sqrt(60), None),
    Row(Orthogonal, {"gain": 2.0}, (3, 10, 40), 0.0, 2 / math.sqrt(40), None),
]
FIXED = [(Zeros, {}, (2, 3), np.zeros((2, 3))), (Ones, {}, (4,), np.ones(4)), (Constant, {}, (2,), np.zeros(2)),
         (Constant, {"value": 2.5}, (2, 1), [[2.5], [2.5]]), (Constant, {"value": [[1, 2]]}, (1, 2), [[1, 2]]),
         (RandomNormal, {"mean": 1.5, "stddev": 0.0}, (2,), [1.5, 1.5]),
         (Identity, {}, (3, 3), np.eye(3)), (Identity, {"gain": 0.5}, (2, 3), 0.5 * np.eye(2, 3))]
EACH = [(r.cls, r.args, r.shape) for r in RANDOM] + [f[:3] for f in FIXED]
each = pytest.mark.parametrize("cls, args, shape", [pytest.param(*e, id=f"{e[0].__name__}-{i}")
                                                    for i, e in enumerate(EACH)])
each_random = pytest.mark.parametrize("row", [pytest.param(r, id=f"{r.cls.__name__}-{i}")
                                              for i, r in enumerate(RANDOM)])


def ours(kind):
    """The package's classes of a kind, not those that examples and tests define."""
    return {c for c in kind.registry.values() if c.__module__.startswith("tahr.")
            and getattr(sys.modules[c.__module__], c.__name__, None) is c}


def test_every_initializer_has_a_row():
    assert ours(Initializer) == {e[0] for e in EACH}


@each_random
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_distribution(row, dtype):
    values = row.cls(**row.args, seed=1)(row.shape, dtype).numpy().astype(np.float64)
    error = row.stddev / math.sqrt(values.size)         # of the mean; the deviation's is as small
    assert abs(values.mean() - row.mean) < 5 * error
    assert abs(values.std() - row.stddev) < 5 * error
    if row.bound is not None:
        farthest = np.abs(values - row.mean).max()
        assert 0.98 * row.bound < farthest <= row.bound * (1 + 1e-6)
    elif row.cls is not Orthogonal:
        assert np.abs(values - row.mean).max() > 3.5 * row.stddev       # not cut off
    assert len(np.unique(values)) > 0.9 * values.size / (1 if dtype == "float64" else 3)


@pytest.mark.parametrize("cls, args, shape, expected", FIXED)
def test_fixed_values(cls, args, shape, expected):
    np.testing.assert_array_equal(cls(**args)(shape).numpy(), expected)


@each
def test_result(cls, args, shape):
    """A tensor of the shape and dtype asked for, default floatx, with memory of its own."""
    initializer = cls(**args)
    for dtype in ("float16", "float32", "float64", np.float32):
        values = initializer(shape, dtype)
        assert isinstance(values, Tensor) and values.shape == shape and values.dtype == np.dtype(dtype)
        assert values.data.flags.writeable and values.data.flags.c_contiguous
    assert initializer(list(shape)).dtype == np.float32
    with settings.using(floatx="float64"):
        assert initializer(shape).dtype == np.float64


@each_random
def test_seeds(row):
    seeded = row.cls(**row.args, seed=5)
    first = seeded((20, 30)).numpy()
    np.testing.assert_array_equal(seeded((20, 30)).numpy(), first)
    np.testing.assert_array_equal(row.cls.from_config(seeded.get_config())((20, 30)).numpy(), first)
    assert (row.cls(**row.args, seed=6)((20, 30)).numpy() != first).any()
    free, found = row.cls(**row.args), []
    for _ in range(2):
        seed_default(3)
        found.append((free((20, 30)).numpy(), free((20, 30)).numpy()))
    np.testing.assert_array_equal(*found)
    assert (found[0][0] != found[0][1]).any()


@each_random
def test_float64_is_drawn_in_float64(row):
    values = row.cls(**row.args, seed=5)((20, 30), "float64").numpy()
    assert (values.astype(np.float32) != values).mean() > 0.9


@each
def test_config_round_trip(cls, args, shape):
    initializer = cls(**args)
    config = initializer.get_config()
    assert config.items() >= args.items()
    read = json.loads(json.dumps({"class_name": cls.__name__, "config": config}))
    for clone in (cls.from_config(config), initializers.get(read), copy.deepcopy(initializer),
                  pickle.loads(pickle.dumps(initializer))):
        assert type(clone) is cls and clone.get_config() == config
        set_random_seed(0)
        expected = initializer(shape).numpy()
        set_random_seed(0)
        np.testing.assert_array_equal(clone(shape).numpy(), expected)


# Fans

@pytest.mark.parametrize("shape, expected", [((), (1, 1)), ((7,), (7, 7)), ((3, 5), (3, 5)), ((4, 3, 5), (12, 20)),
                                             ((3, 2, 8, 10), (48, 60)), ((2, 2, 2, 3, 4), (24, 32))])
def test_fans(shape, expected):
    assert fans(shape) == expected


def test_fans_reach_the_layers():
    """(rows, columns, channels / groups, filters): a filter sees the channels of its group alone."""
    import tahr
    layer = tahr.layers.Conv2D(60, (3, 5), groups=2, kernel_initializer=HeUniform(seed=0))
    layer(tahr.Symbol((None, 9, 9, 80)))
    assert 0.99 * math.sqrt(6 / 600) < np.abs(layer.kernel.numpy()).max() <= math.sqrt(6 / 600)


# Orthogonal

@pytest.mark.parametrize("shape", [(5, 5), (3, 8), (8, 3), (3, 3, 4, 6), (2, 1, 2, 9), (1, 4), (4, 1)])
@pytest.mark.parametrize("gain", [1.0, 1.1])
def test_orthogonal(shape, gain):
    w = Orthogonal(gain, seed=2)(shape, "float64").numpy().reshape(-1, shape[-1])
    product = w @ w.T if w.shape[0] < w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, gain ** 2 * np.eye(min(w.shape)), atol=1e-12)


def test_orthogonal_is_uniform():
    """Both signs of the first entry are as likely: the signs that QR chooses would not be."""
    first = [Orthogonal(seed=s)((2, 2)).numpy()[0, 0] for s in range(200)]
    assert 70 < sum(f > 0 for f in first) < 130


# Names and errors

NAMES = {
    "zeros": Zeros, "zero": Zeros, "ones": Ones, "one": Ones, "constant": Constant, "normal": RandomNormal,
    "random_normal": RandomNormal, "uniform": RandomUniform, "random_uniform": RandomUniform,
    "truncated_normal": TruncatedNormal, "variance_scaling": VarianceScaling, "glorot_uniform": GlorotUniform,
    "glorot_normal": GlorotNormal, "he_uniform": HeUniform, "he_normal": HeNormal, "lecun_uniform": LecunUniform,
    "lecun_normal": LecunNormal, "orthogonal": Orthogonal, "identity": Identity,
    "OrthogonalInitializer": Orthogonal, "IdentityInitializer": Identity,
}


def test_names():
    for name, cls in NAMES.items():
        assert type(initializers.get(name)) is type(initializers.get(cls.__name__)) is cls
        assert getattr(initializers, name) is getattr(initializers, cls.__name__) is cls
    assert set(initializers.__all__) >= {"Initializer", "get", "serialize", "deserialize", *NAMES}
    assert set(NAMES.values()) == {e[0] for e in EACH}
    initializer = HeNormal(seed=1)
    assert initializers.get(initializer) is initializer
    function = lambda shape, dtype: np.ones(shape, dtype)
    assert initializers.get(function) is function


def test_serialize_and_deserialize():
    config = initializers.serialize(initializers.glorot_uniform(seed=3))
    assert config == {"class_name": "GlorotUniform", "config": {"seed": 3}}
    assert type(initializers.deserialize(config)) is GlorotUniform and initializers.deserialize(config).seed == 3

    class Twos(Ones):
        def values(self, shape, dtype):
            return 2 * super().values(shape, dtype)

    assert type(initializers.deserialize({"class_name": "Mine", "config": {}}, {"Mine": Twos})) is Twos
    mine = lambda shape, dtype: np.zeros(shape, dtype)
    assert initializers.deserialize("mine", {"mine": mine}) is mine


def test_unknown_names():
    with pytest.raises(ValueError, match=r"unknown initializer 'he_norml'. Did you mean 'he_normal'\? Known: "):
        initializers.get("he_norml")
    with pytest.raises(ValueError, match="unknown initializer '_scaled'"):
        initializers.get("_scaled")
    with pytest.raises(TypeError, match=r"HeNormal is a class: did you forget the parentheses, HeNormal\(\)\?"):
        initializers.get(HeNormal)
    for wrong in (None, 3, {"class_name": "Zeros"}):
        with pytest.raises(TypeError, match="expected the name of an initializer or an initializer object"):
            initializers.get(wrong)


@pytest.mark.parametrize("call, text", [
    (lambda: RandomNormal(stddev=-1), "stddev must not be negative, got -1"),
    (lambda: TruncatedNormal(stddev=-1), "stddev must not be negative"),
    (lambda: RandomUniform(1, 0), "minval must not exceed maxval, got 1 and 0"),
    (lambda: VarianceScaling(scale=0), "scale must be positive, got 0"),
    (lambda: VarianceScaling(mode="fan"), "mode must be 'fan_in', 'fan_out' or 'fan_avg', got 'fan'"),
    (lambda: VarianceScaling(distribution="cauchy"), "distribution must be .* got 'cauchy'"),
    (lambda: Orthogonal()((3,)), r"at least 2 dimensions, got \(3,\)"),
    (lambda: Identity()((3,)), r"Identity needs a shape of 2 dimensions, got \(3,\)"),
    (lambda: Identity()((3, 3, 3)), "Identity needs a shape of 2 dimensions"),
    (lambda: Constant([1, 2])((3, 2)), r"Constant holds an array of shape \(2,\), the weight has shape \(3, 2\)"),
    (lambda: RandomNormal(seed=-1)((2,)), "a seed must be an integer"),
    (lambda: RandomNormal(seed=1.5)((2,)), "a seed must be an integer"),
])
def test_errors(call, text):
    with pytest.raises(ValueError, match=text):
        call()


def test_argument_errors():
    with pytest.raises(TypeError, match="HeNormal got an unknown argument 'sed'. Did you mean 'seed'. It takes: seed"):
        HeNormal(sed=1)
    with pytest.raises(TypeError, match="Zeros got an unknown argument 'value'. It takes: no arguments"):
        Zeros(value=1)
    with pytest.raises(TypeError, match="Zeros: too many positional arguments; it takes: no arguments"):
        Zeros(1)
    with pytest.raises(TypeError, match=r"Initializer must define values\(shape, dtype\)"):
        Initializer()((2,))


def test_initializers_of_users():
    class Own(Initializer):
        def __call__(self, shape, dtype=None):      # as in Keras
            return np.full(shape, 2.0, dtype)

    import tahr
    layer = tahr.layers.Dense(2, kernel_initializer=Own(), bias_initializer="Own")
    layer(np.ones((1, 3)))
    assert layer.get_config()["kernel_initializer"] == {"class_name": "Own", "config": {}}
    assert (layer.kernel.numpy() == 2).all() and (layer.bias.numpy() == 2).all()
