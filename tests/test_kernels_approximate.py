"""The polynomials against float64, over all sizes of numbers: the bounds that they state, and what is no number."""

import math

import numpy as np
import pytest

from tahr.kernels import elementwise, softmax
from tahr.kernels.approximate import ULP

EXACT = {
    "exp": np.exp, "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "erf": lambda x: np.array([math.erf(v) for v in x.tolist()]),
}
TINY, MOST = np.finfo("float32").tiny, np.finfo("float32").max


def every(step):
    """Every ``step``-th of all float32: both signs, denormal numbers, infinities and NaN among them."""
    bits = np.arange(0, 2 ** 32, step, dtype=np.uint64).astype(np.uint32).view("float32")
    return np.concatenate([bits, np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, TINY, -TINY], "float32")])


def ulps(found, exact):
    """The distance in units in the last place of the exact value; where that is denormal, 0 will do."""
    with np.errstate(over="ignore", invalid="ignore"):
        found, rounded = found.astype(float), exact.astype("float32")
        unit = np.spacing(abs(rounded).clip(TINY, MOST)).astype(float)
        error = abs(found - exact) / unit
    same = (found == rounded) | np.isnan(found) & np.isnan(exact) | (abs(exact) < TINY) & (abs(found) <= TINY)
    return np.where(same, 0, error)


def test_every_bound_is_tested():
    assert set(ULP) == {*EXACT, "exp_of_negative"}


@pytest.mark.parametrize("name", EXACT)
def test_error(name):
    x = every(6007)
    with np.errstate(all="ignore"):
        exact = EXACT[name](x.astype(float))
    error = ulps(getattr(elementwise, name).entry.fast(x), exact)
    worst = error.argmax()
    assert error[worst] <= ULP[name], (x[worst], exact[worst])


def test_error_of_the_exponential_of_negative_numbers():
    """A softmax over x and 0 has it as the quotient of its two results, which are rounded three more times."""
    x = -abs(every(6007))
    x = x[np.isfinite(x)]
    p = softmax.softmax.entry.fast(np.stack([x, np.zeros_like(x)], 1)).astype(float)
    assert ulps((p[:, 0] / p[:, 1]), np.exp(x.astype(float))).max() <= ULP["exp_of_negative"] + 1.5


@pytest.mark.parametrize("name", ["exp", "log", "tanh", "sigmoid", "erf"])
def test_denser_where_it_is_steep(name):
    x = np.concatenate([np.linspace(-20, 20, 400_001), np.linspace(0.4, 2.1, 100_001)]).astype("float32")
    with np.errstate(all="ignore"):
        exact = EXACT[name](x.astype(float))
    assert ulps(getattr(elementwise, name).entry.fast(x), exact).max() <= ULP[name]


def test_signs_of_zero():
    zeros = np.array([0.0, -0.0], "float32")
    for name in ("expm1", "log1p", "tanh", "erf"):
        assert np.signbit(getattr(elementwise, name).entry.fast(zeros)).tolist() == [False, True], name
