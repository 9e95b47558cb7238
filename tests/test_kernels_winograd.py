"""Winograd convolution against direct sums in float64."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tahr.kernels import winograd as module
from tahr.kernels.winograd import suits, winograd, winograd_grad_w, winograd_grad_x
from tahr.utils import settings

# For numbers of size 1 the error of a sum of n products is some sqrt(n) * 1e-7 times what the transforms add to it; at
# most 1e-5 was seen over 1500 random cases.
BOUND = 2e-5

sizes = st.integers(3, 14)
channels = st.integers(1, 70)
sides = st.tuples(st.integers(0, 2), st.integers(0, 2))


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def direct(x, w, pads, bias=None, relu=False):
    """The convolution in float64, one tap at a time."""
    x, w = np.pad(x.astype(np.float64), ((0, 0), *pads, (0, 0))), w.astype(np.float64)
    height, width = x.shape[1] - 2, x.shape[2] - 2
    y = sum(x[:, i:i + height, j:j + width] @ w[i, j] for i in range(3) for j in range(3))
    y = y if bias is None else y + bias
    return np.maximum(y, 0) if relu else y


def direct_grad_w(x, g, pads):
    x, g = np.pad(x.astype(np.float64), ((0, 0), *pads, (0, 0))), g.astype(np.float64)
    height, width = g.shape[1:3]
    taps = [np.tensordot(x[:, i:i + height, j:j + width], g, [(0, 1, 2)] * 2) for i in range(3) for j in range(3)]
    return np.reshape(taps, (3, 3, x.shape[-1], g.shape[-1]))


def direct_grad_x(g, w, pads):
    return direct(g, w[::-1, ::-1].swapaxes(2, 3), [(2 - a, 2 - b) for a, b in pads])


def assert_near(got, expected, terms):
    assert got.dtype == np.float32 and got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=0, atol=BOUND * np.sqrt(terms))


def check(images, height, width, inputs, outputs, pads):
    x, w = numbers(images, height, width, inputs), numbers(3, 3, inputs, outputs, seed=1)
    bias = numbers(outputs, seed=2)
    assert_near(winograd(x, w, pads), direct(x, w, pads), 9 * inputs)
    y = winograd(x, w, pads, bias, True)
    assert_near(y, direct(x, w, pads, bias, True), 9 * inputs)
    g = numbers(*y.shape, seed=3)
    assert_near(winograd_grad_x(g, w, x.shape, pads), direct_grad_x(g, w, pads), 9 * outputs)
    assert_near(winograd_grad_w(x, g, pads), direct_grad_w(x, g, pads), images * y.shape[1] * y.shape[2])


@pytest.mark.parametrize("factors, points", [(module.INPUT, 6), (module.GRADIENT, 4), (module.FILTER, 3)])
def test_transforms_have_the_shapes_of_their_points(factors, points):
    assert (factors[1] @ factors[0]).shape == (6, points)


def test_transforms_convolve():
    b_t, a, g = (factors[1] @ factors[0] for factors in (module.INPUT, module.GRADIENT, module.FILTER))
    assert np.array_equal(module.OUTPUT[1] @ module.OUTPUT[0], a.T)
    assert np.array_equal(module.FILTER_GRAD[1] @ module.FILTER_GRAD[0], g.T)
    x, w = numbers(6).astype(np.float64), numbers(3, seed=1).astype(np.float64)
    np.testing.assert_allclose(a.T @ ((g @ w) * (b_t @ x)), np.correlate(x, w, "valid"), rtol=0, atol=1e-14)


@given(st.integers(1, 3), sizes, sizes, channels, channels, st.tuples(sides, sides))
def test_all_three_against_direct_sums(images, height, width, inputs, outputs, pads):
    check(images, height, width, inputs, outputs, pads)


@given(st.integers(1, 2), st.integers(1, 2), st.integers(1, 2))
def test_images_smaller_than_the_window(images, height, width):
    check(images, height, width, 5, 18, ((2, 3 - height), (1, 2)))


@pytest.mark.parametrize("shape", [(1, 12, 12, 130, 200), (2, 9, 9, 257, 33), (40, 8, 8, 16, 16), (16, 33, 33, 16, 16)])
def test_groups_of_channels_and_many_parts(shape):
    check(*shape, ((1, 1), (1, 1)))


@pytest.mark.parametrize("shape, outputs", [((0, 8, 8, 16), 16), ((2, 2, 8, 16), 16), ((2, 8, 8, 0), 16),
                                            ((2, 8, 8, 16), 0)])
def test_nothing(shape, outputs):
    x, w, pads = np.ones(shape, np.float32), np.ones((3, 3, shape[-1], outputs), np.float32), ((0, 0), (0, 0))
    bias = np.arange(outputs, dtype=np.float32) - 1
    y = winograd(x, w, pads, bias, True)
    expected = (shape[0], shape[1] - 2, shape[2] - 2, outputs)
    assert np.array_equal(y, np.broadcast_to(np.maximum(bias, 0), expected))
    assert np.array_equal(winograd_grad_x(y, w, shape, pads).shape, shape)
    assert not winograd_grad_w(x, y, pads).any()


def test_reference_is_the_same_convolution():
    x, w, bias, pads = numbers(2, 7, 9, 5), numbers(3, 3, 5, 6, seed=1), numbers(6, seed=2), ((1, 2), (0, 1))
    with settings.using(numba=False):
        y = winograd(x, w, pads, bias, True)
        assert_near(y, direct(x, w, pads, bias, True), 45)
        assert_near(winograd_grad_x(y, w, x.shape, pads), direct_grad_x(y, w, pads), 54)
        assert_near(winograd_grad_w(x, y, pads), direct_grad_w(x, y, pads), y.size)
    assert winograd(x.astype(np.float64), w.astype(np.float64), pads).dtype == np.float64


def test_arrays_that_are_not_contiguous():
    x, w, bias = numbers(2, 20, 9, 32)[:, ::2, :, ::2], numbers(3, 3, 20, 16, seed=1).swapaxes(2, 3), numbers(40)[::2]
    assert_near(winograd(x, w, ((1, 1), (1, 1)), bias), direct(x, w, ((1, 1), (1, 1)), bias), 144)
    g = numbers(2, 9, 20, 10, seed=1).transpose(0, 3, 1, 2)
    assert g.shape == (2, 10, 9, 20)
    assert_near(winograd_grad_x(g, w, x.shape, ((1, 1), (1, 1))), direct_grad_x(g, w, ((1, 1), (1, 1))), 180)
    assert_near(winograd_grad_w(x, g, ((1, 1), (1, 1))), direct_grad_w(x, g, ((1, 1), (1, 1))), 180)


def test_bits_do_not_depend_on_the_number_of_threads():
    # 5.2 MB of results: written past the caches; 8 parts of sums
    x, w, pads = numbers(13, 40, 40, 16), numbers(3, 3, 16, 64, seed=1), ((1, 1), (1, 1))
    results = []
    for threads in 1, 2, 3:
        with settings.using(num_threads=threads):
            y = winograd(x, w, pads)
            results.append([y, winograd_grad_x(y, w, x.shape, pads), winograd_grad_w(x, y, pads)])
    assert results[0][0].size >= module.STREAM
    assert_near(results[0][0], direct(x, w, pads), 144)
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other))


def test_inputs_stay_as_they_are():
    x, w, bias = numbers(2, 8, 8, 16), numbers(3, 3, 16, 16, seed=1), numbers(16)
    copies = [a.copy() for a in (x, w, bias)]
    y = winograd(x, w, ((0, 0), (0, 0)), bias)
    winograd_grad_x(y, w, x.shape, ((0, 0), (0, 0)))
    winograd_grad_w(x, y, ((0, 0), (0, 0)))
    assert all(np.array_equal(a, b) for a, b in zip(copies, (x, w, bias)))


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_stays_in_its_tiles(value, relu):
    x, w = numbers(2, 20, 20, 18), numbers(3, 3, 18, 20, seed=1)
    expected = direct(x, w, ((1, 1), (1, 1)), None, relu)
    x[0, 9, 9, 3] = value       # of the outputs 8 to 10, which are in the tiles 8 to 11
    y = winograd(x, w, ((1, 1), (1, 1)), None, relu)
    assert not np.isfinite(y[0, 8:11, 8:11]).any()
    y[0, 8:12, 8:12] = expected[0, 8:12, 8:12]
    assert_near(y, expected, 9 * 18)


def test_denormal_numbers():
    x, w = numbers(1, 8, 8, 16) * np.float32(1e-40), numbers(3, 3, 16, 16, seed=1)
    expected = direct(x, w, ((1, 1), (1, 1)))
    np.testing.assert_allclose(winograd(x, w, ((1, 1), (1, 1))), expected, rtol=0, atol=1e-42)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2))
def test_error_is_at_most_16_times_a_direct_one(inputs, outputs, pad):
    pads = ((pad, pad), (pad, pad))
    x, w = numbers(2, 9, 9, inputs), numbers(3, 3, inputs, outputs, seed=1)
    exact, tap_by_tap = direct(x, w, pads), np.zeros((2, 7 + 2 * pad, 7 + 2 * pad, outputs), np.float32)
    padded = np.pad(x, ((0, 0), *pads, (0, 0)))
    for i in range(3):
        for j in range(3):
            for k in range(inputs):     # rounded after every term, like a plain loop
                tap_by_tap += padded[:, i:i + 7 + 2 * pad, j:j + 7 + 2 * pad, k, None] * w[i, j, k]

    def error(y):
        return np.sqrt(np.mean((y - exact) ** 2))
    assert error(winograd(x, w, pads)) <= 16 * error(tap_by_tap)


def test_suits():
    plain = (32, 32, 32, 16), (3, 3, 16, 32), (1, 1), ((1, 1), (1, 1)), (1, 1), 1
    assert suits(*plain)
    for place, other in [(0, (0, 32, 32, 16)), (0, (1, 8, 8, 16)), (0, (128, 2, 2, 16)), (0, (8, 1, 32, 16)),
                         (1, (3, 3, 16, 4)), (1, (3, 3, 8, 8)), (1, (3, 3, 8, 32)), (1, (5, 5, 16, 32)),
                         (1, (3, 16, 32)), (1, (3, 3, 3, 16, 32)), (2, (2, 1)), (3, ((1, 1), (3, 0))),
                         (3, ((1, 1), (-1, 0))), (4, (1, 2)), (5, 2)]:
        changed = [*plain[:place], other, *plain[place + 1:]]
        assert suits(*changed) == (other == (3, 3, 8, 32)), other
    assert not suits((8, 7, 7, 512), (3, 3, 512, 512), *plain[2:])
    assert suits((32, 7, 7, 512), (3, 3, 512, 512), *plain[2:])


@pytest.mark.parametrize("lanes", [4, 8])
def test_other_widths_of_vectors(lanes, tmp_path):
    """The same code, compiled for processors with shorter vectors, in a process of its own."""
    code = f"""
import numpy as np
from tahr.kernels import simd
simd.LANES.value = lambda: {lanes}
from tahr.kernels import winograd as k
rng, pads = np.random.default_rng(0), ((1, 2), (0, 1))
for inputs, outputs in (3, 5), (16, 8), (33, 70), (64, 64):
    x, w = rng.standard_normal((2, 9, 14, inputs), np.float32), rng.standard_normal((3, 3, inputs, outputs), np.float32)
    y, expected = k.winograd(x, w, pads), k.winograd.entry.reference(x.astype(float), w.astype(float), pads)
    assert np.abs(y - expected).max() < 1e-5 * np.sqrt(9 * inputs)
    dx, expected = k.winograd_grad_x(y, w, x.shape, pads), k.winograd_grad_x.entry.reference(
        y.astype(float), w.astype(float), x.shape, pads)
    assert np.abs(dx - expected).max() < 1e-5 * np.abs(expected).max()
    dw, expected = k.winograd_grad_w(x, y, pads), k.winograd_grad_w.entry.reference(
        x.astype(float), y.astype(float), pads)
    assert np.abs(dw - expected).max() < 1e-5 * np.abs(expected).max()
"""
    environment = {**os.environ, "TAHR_CACHE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
