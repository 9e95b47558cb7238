"""The normalisation kernels: compiled code against the NumPy references in float64."""

import os
import subprocess
import sys

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from tahr import ops
from tahr.autograd import gradients
from tahr.kernels import normalize
from tahr.tensor import Symbol, Tensor
from tahr.utils import settings

ERROR = 4e-6        # of results near 1 (float32 has 6e-8), and of gradients relative to their largest number
CHANNELS = [1, 2, 3, 7, 15, 16, 17, 32, 33, 48, 64, 70]
EPSILON = 1e-3


@st.composite
def inputs(draw, dimensions=(2, 3, 4)):
    """``x``, a gradient, scale and offset (each perhaps None)."""
    shape = (*(draw(st.integers(1, 9)) for _ in range(draw(st.sampled_from(dimensions)) - 1)),
             draw(st.sampled_from(CHANNELS)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    x, g = rng.standard_normal((2, *shape), np.float32)
    x = x * np.float32(draw(st.sampled_from([0.1, 1, 30]))) + rng.standard_normal(shape[-1], np.float32)
    weights = [rng.standard_normal(shape[-1], np.float32) if draw(st.booleans()) else None for _ in range(2)]
    return x, g, *weights


def exactly(entry, *args):
    return entry.entry.reference(*(a.astype(float) if isinstance(a, np.ndarray) else a for a in args))


def close(found, expected, error=ERROR):
    for f, e in zip(found, expected, strict=True):
        assert f.dtype == np.float32 and f.shape == e.shape
        np.testing.assert_allclose(f, e, rtol=0, atol=error * max(1, np.abs(e).max()))


def slopes_close(entry, *args):
    """Gradients, as large as g / deviation: up to 30 for a deviation of sqrt(epsilon)."""
    close(entry(*args), exactly(entry, *args), 10 * ERROR)


@given(inputs())
def test_batch_norm(given):
    x, g, scale, offset = given
    y, mean, variance = found = normalize.batch_norm(x, scale, offset, EPSILON)
    close(found, exactly(normalize.batch_norm, x, scale, offset, EPSILON), 10 * ERROR)
    slopes_close(normalize.batch_norm_grad, g, x, scale, mean, variance, EPSILON)
    close([normalize.normalize_with(x, mean, variance, scale, offset, EPSILON)], [y], 10 * ERROR)


@given(inputs(), st.booleans())
def test_layer_norm(given, centered):
    x, g, scale, offset = given
    y, mean, inverse = normalize.layer_norm(x, scale, offset, EPSILON, centered)
    expected = exactly(normalize.layer_norm, x, scale, offset, EPSILON, centered)
    close([y, mean], expected[:2], 10 * ERROR)
    np.testing.assert_allclose(inverse, expected[2], rtol=10 * ERROR)
    slopes_close(normalize.layer_norm_grad, g, x, scale, mean, inverse, centered)


@given(inputs(), st.integers(0, 9))
def test_group_norm(given, choice):
    x, g, scale, offset = given
    divisors = [n for n in range(1, x.shape[-1] + 1) if x.shape[-1] % n == 0]
    groups = divisors[choice % len(divisors)]
    y, mean, inverse = normalize.group_norm(x, scale, offset, groups, EPSILON)
    expected = exactly(normalize.group_norm, x, scale, offset, groups, EPSILON)
    close([y, mean], expected[:2], 10 * ERROR)
    np.testing.assert_allclose(inverse, expected[2], rtol=10 * ERROR)
    slopes_close(normalize.group_norm_grad, g, x, scale, mean, inverse, groups)


@pytest.mark.parametrize("rows, columns", [(1, 64), (4000, 3), (3001, 70), (300, 1030), (40_000, 1), (2, 20_000)])
def test_many_rows_and_columns(rows, columns):
    """More than a block, and more than one part."""
    rng = np.random.default_rng(0)
    x, g = rng.standard_normal((2, rows, columns), np.float32)
    scale = rng.standard_normal(columns, np.float32)
    _, mean, variance = found = normalize.batch_norm(x, scale, None, EPSILON)
    close(found, exactly(normalize.batch_norm, x, scale, None, EPSILON))
    slopes_close(normalize.batch_norm_grad, g, x, scale, mean, variance, EPSILON)
    _, mean, inverse = found = normalize.layer_norm(x, scale, None, EPSILON)
    close(found, exactly(normalize.layer_norm, x, scale, None, EPSILON), 10 * ERROR)
    slopes_close(normalize.layer_norm_grad, g, x, scale, mean, inverse)


@pytest.mark.parametrize("shape", [(30_000, 5), (500, 300), (50, 20, 20, 20)])
def test_a_mean_far_from_zero_costs_no_digits(shape):
    """The variance of numbers near 4096 is exact; from mean squares it would be off by some 100 %."""
    x = 4096 + np.random.default_rng(0).standard_normal(shape, np.float32)
    x[:2] = 0       # the first rows are no hint at the mean either
    exact = exactly(normalize.batch_norm, x, None, None, EPSILON)
    _, mean, variance = normalize.batch_norm(x, None, None, EPSILON)
    np.testing.assert_allclose(mean, exact[1], rtol=1e-6)
    np.testing.assert_allclose(variance, exact[2], rtol=1e-4)
    same = np.full((32, 64), 2.0 ** 66, np.float32)         # whose square is no float32
    y, mean, variance = normalize.batch_norm(same, None, None, EPSILON)
    assert np.all(y == 0) and np.all(mean == 2.0 ** 66) and np.all(variance == 0)


def test_not_a_number_stays_in_its_feature_or_row():
    x = np.random.default_rng(0).standard_normal((6, 20), np.float32)
    x[2, 3], x[4, 17] = np.nan, np.inf
    y, mean, variance = normalize.batch_norm(x, None, None, EPSILON)
    wrong = np.isin(np.arange(20), [3, 17])
    np.testing.assert_array_equal(np.isnan(variance), wrong)
    np.testing.assert_array_equal(np.isfinite(y).all(0), ~wrong)
    y, _, inverse = normalize.layer_norm(x, None, None, EPSILON)
    wrong = np.isin(np.arange(6), [2, 4])
    np.testing.assert_array_equal(np.isfinite(y).all(1), ~wrong)
    np.testing.assert_array_equal(np.isnan(inverse), wrong)


def test_any_strides_integers_and_nothing():
    wide = np.random.default_rng(0).standard_normal((12, 10, 40), np.float32)
    x, scale = wide[::-2, 1:, ::2], wide[0, 0, ::2]
    packed = np.ascontiguousarray(x)
    for entry, *options in ((normalize.batch_norm, EPSILON), (normalize.layer_norm, EPSILON),
                            (normalize.group_norm, 4, EPSILON)):
        expected = entry(packed, scale.copy(), scale.copy(), *options)
        for found, wanted in zip(entry(x, scale, scale, *options), expected):
            np.testing.assert_array_equal(found, wanted)
        assert entry(np.arange(24).reshape(2, 3, 4), None, None, *options)[0].dtype == np.float64
    assert normalize.layer_norm(packed[:0], None, None, EPSILON)[0].shape == (0, 9, 20)
    assert normalize.group_norm(packed[:0], None, None, 4, EPSILON)[0].shape == (0, 9, 20)


@pytest.mark.parametrize("shape", [(4000, 70), (20, 30, 30, 24), (60, 9000)])
def test_bits_do_not_depend_on_threads(shape):
    rng = np.random.default_rng(0)
    x, g = rng.standard_normal((2, *shape), np.float32)
    scale = rng.standard_normal(shape[-1], np.float32)

    def results(threads):
        with settings.using(num_threads=threads):
            y, mean, variance = normalize.batch_norm(x, scale, None, EPSILON)
            z, *layer = normalize.layer_norm(x, scale, None, EPSILON)
            w, *group = normalize.group_norm(x, scale, None, 2, EPSILON)
            return [y, mean, variance, z, *layer, w, *group,
                    *normalize.batch_norm_grad(g, x, scale, mean, variance, EPSILON),
                    *normalize.layer_norm_grad(g, x, scale, *layer),
                    *normalize.group_norm_grad(g, x, scale, *group, 2)]
    expected = results(1)
    for threads in (2, 3, 3):
        for found, wanted in zip(results(threads), expected):
            np.testing.assert_array_equal(found, wanted)


# The ops: gradients that the rules share

def norms(x, scale, offset):
    return [ops.batch_norm(x, scale, offset)[0], ops.layer_norm(x, scale, offset),
            ops.group_norm(x, scale, offset, groups=2)]


@pytest.mark.parametrize("which", range(3))
def test_one_kernel_call_gives_all_gradients(which, monkeypatch):
    calls = []
    for name in ("batch_norm_grad", "layer_norm_grad", "group_norm_grad"):
        inner = getattr(normalize, name)
        monkeypatch.setattr(normalize, name, lambda *args, inner=inner: calls.append(1) or inner(*args))
    rng = np.random.default_rng(0)
    inputs = [Tensor(rng.standard_normal(shape, np.float32), requires_grad=True) for shape in ((5, 3, 4), (4,), (4,))]
    out = norms(*inputs)[which]
    first = gradients(out, inputs, [Tensor(rng.standard_normal((5, 3, 4), np.float32))], retain_graph=True)
    assert len(calls) == 1
    g = Tensor(rng.standard_normal((5, 3, 4), np.float32))
    again = [gradients(out, inputs, [g], retain_graph=True) for _ in range(2)]
    assert len(calls) == 3 and not np.allclose(first[0].numpy(), again[0][0].numpy())
    recorded = gradients(out, inputs, [g], create_graph=True)       # by the definition, in plain ops
    assert len(calls) == 3
    for a, b, c in zip(*again, recorded):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
        np.testing.assert_allclose(a.numpy(), c.numpy(), rtol=1e-4, atol=1e-5)


def test_gradients_through_the_statistics():
    x = Tensor(np.random.default_rng(0).standard_normal((6, 3)), dtype="float64", requires_grad=True)
    _, mean, variance = ops.batch_norm(x)
    found, = gradients([mean.sum(), (variance * Tensor([1.0, 2.0, 3.0], dtype="float64")).sum()], [x])
    expected = 1 / 6 + 2 / 6 * (x.numpy() - x.numpy().mean(0)) * np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("axis, shape", [(-1, (4,)), ((1, 2), (3, 4)), (1, (3,)), ((0, -1), (2, 4)), (0, (2,))])
def test_layer_norm_over_any_axes(axis, shape):
    rng = np.random.default_rng(0)
    x, scale = rng.standard_normal((2, 3, 4)), rng.standard_normal(shape)
    axes = tuple(a % 3 for a in np.atleast_1d(axis))
    wide = scale.reshape([n if i in axes else 1 for i, n in enumerate(x.shape)])
    expected = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + EPSILON) * wide
    found = ops.layer_norm(Tensor(x, dtype="float64"), Tensor(scale, dtype="float64"), axis=axis)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)
    squares = x / np.sqrt((x * x).mean(axes, keepdims=True) + 1e-6) * wide
    found = ops.rms_norm(Tensor(x, dtype="float64"), Tensor(scale, dtype="float64"), axis=axis)
    np.testing.assert_allclose(found.numpy(), squares, rtol=1e-12)
    with pytest.raises(ValueError, match="scale must have the shape"):
        ops.layer_norm(x, np.ones((*shape, 1)), axis=axis)


def test_instance_norm_is_a_group_for_each_channel():
    x = np.random.default_rng(0).standard_normal((2, 5, 6, 3))
    expected = (x - x.mean((1, 2), keepdims=True)) / np.sqrt(x.var((1, 2), keepdims=True) + EPSILON)
    np.testing.assert_allclose(ops.instance_norm(Tensor(x, dtype="float64")).numpy(), expected, rtol=1e-12)
    with pytest.raises(ValueError, match="known number of channels"):
        ops.instance_norm(Symbol((2, 5, None)))


OTHER_WIDTH = """
import numpy as np
from tahr.kernels import simd
simd.LANES.value = lambda: {lanes}
from tahr.kernels import normalize as k
rng = np.random.default_rng(0)
for channels in (1, 6, 8, 21, 70):
    x, g = rng.standard_normal((2, 30, 7, channels), np.float32)
    scale = rng.standard_normal(channels, np.float32)
    for forward, back, options, last in ((k.batch_norm, k.batch_norm_grad, (1e-3,), (1e-3,)),
                                         (k.layer_norm, k.layer_norm_grad, (1e-3,), ()),
                                         (k.group_norm, k.group_norm_grad, (1, 1e-3), (1,))):
        y, *kept = found = forward(x, scale, None, *options)
        for f, e in zip(found, forward.entry.reference(x.astype(float), scale.astype(float), None, *options)):
            assert np.abs(f - e).max() < 4e-5 * max(1, np.abs(e).max())
        for f, e in zip(back(g, x, scale, *kept, *last), back.entry.reference(g, x, scale, *kept, *last)):
            assert np.abs(f - e).max() < 4e-5 * max(1, np.abs(e).max())
"""


@pytest.mark.parametrize("lanes", [4, 8])
def test_other_widths_of_vectors(lanes, tmp_path):
    """Narrower vectors, as other processors have them, run here too."""
    subprocess.run([sys.executable, "-c", OTHER_WIDTH.format(lanes=lanes)], check=True,
                   env={**os.environ, "TAHR_CACHE": str(tmp_path)})
