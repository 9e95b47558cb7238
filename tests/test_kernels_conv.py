"""Convolution kernels against their NumPy references in float64.

Errors are measured against the convolution of absolute values: the sum that rounding errors are in proportion to.
"""

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tahr import ops
from tahr.autograd import check_grads
from tahr.kernels import conv_plans
from tahr.kernels.conv import (
    _conv_grad_b_reference,
    _conv_grad_w_reference,
    _conv_grad_x_reference,
    _conv_reference,
    conv,
    conv_grad_b,
    conv_grad_w,
    conv_grad_x,
)
from tahr.tensor.conv import _grad_x_reference, _looped
from tahr.utils import settings

ERROR = 4e-7        # 7 times the rounding of one float32


@pytest.fixture(autouse=True)
def direct():
    """Without Winograd's algorithm, which has tests of its own."""
    with settings.using(winograd=False):
        yield


@st.composite
def geometries(draw, ndim=st.integers(1, 3)):
    """``x shape, w shape, (strides, pads, dilation, groups)``."""
    ndim = draw(ndim)
    each = lambda low, high: tuple(draw(st.integers(low, high)) for _ in range(ndim))
    window, strides, dilation = each(1, 4), each(1, 3), each(1, 2)
    pads = tuple(zip(each(0, 4), each(0, 3)))
    reach = [(k - 1) * d + 1 for k, d in zip(window, dilation)]
    space = tuple(max(r - a - b, 1) + draw(st.integers(0, 8)) for r, (a, b) in zip(reach, pads))
    groups = draw(st.sampled_from([1, 1, 1, 2, 3, 8]))
    most = 70 // groups
    channels, filters = draw(st.integers(1, most)), draw(st.sampled_from([1, 2, 3, 4, 7, 8, 16, 17, 33, 48, 70]))
    filters = min(filters, most)
    batch = draw(st.integers(1, 3))
    return (batch, *space, channels * groups), (*window, channels, filters * groups), (strides, pads, dilation, groups)


def drawn(x, w, how, seed=0):
    """An input, a kernel, a bias and a gradient of these shapes."""
    rng = np.random.default_rng(seed)
    x, w = rng.standard_normal(x, "f"), rng.standard_normal(w, "f")
    g = rng.standard_normal(_conv_reference(x, w, *how).shape, "f")
    return x, w, rng.standard_normal(w.shape[-1], "f"), g


def close(fast, reference, arrays, *rest):
    """Whether a float32 result is the reference's, as near as float32 lets it be."""
    found = fast(*arrays, *rest)
    exact = reference(*[a.astype("d") for a in arrays], *rest)
    scale = reference(*[abs(a).astype("d") for a in arrays], *rest)
    assert found.dtype == np.float32 and found.shape == exact.shape
    assert (abs(found - exact) <= ERROR * scale + 1e-30).all(), (abs(found - exact) / (scale + 1e-30)).max()


def three_passes(x, w, how, seed=0):
    x, w, _, g = drawn(x, w, how, seed)
    close(conv, _conv_reference, (x, w), *how)
    close(conv_grad_x, _conv_grad_x_reference, (g, w), x.shape, *how)
    close(conv_grad_w, _conv_grad_w_reference, (x, g), w.shape, *how)


def passes(x, w, g, how):
    return conv(x, w, *how), conv_grad_x(g, w, x.shape, *how), conv_grad_w(x, g, w.shape, *how)


@given(geometries())
def test_three_passes(case):
    three_passes(*case)


@given(geometries(), st.integers(1, 20), st.integers(1, 12))
def test_depthwise(case, channels, filters):
    x, w, (strides, pads, dilation, _) = case
    three_passes((*x[:-1], channels), (*w[:-2], 1, channels * filters), (strides, pads, dilation, channels))


@pytest.mark.parametrize("channels", [16, 31, 64, 70])
def test_depthwise_in_several_vectors(channels):
    three_passes((2, 7, 6, channels), (3, 3, 1, channels), ((1, 2), ((1, 1), (0, 2)), (1, 1), channels))


@given(geometries(), st.booleans())
def test_bias_and_rectifier(case, relu):
    shape, weights, how = case
    x, w, b, _ = drawn(*case)
    exact = _conv_reference(x.astype("d"), w.astype("d"), *how, b.astype("d"), relu)
    scale = _conv_reference(abs(x).astype("d"), abs(w).astype("d"), *how, abs(b).astype("d"))
    assert (abs(conv(x, w, *how, b, relu) - exact) <= ERROR * scale).all()
    np.testing.assert_array_equal(conv(x, w, *how, np.repeat(b, 2)[::2], relu), conv(x, w, *how, b, relu))


@given(geometries(), st.integers(1, 9))
def test_boxes(case, room):
    """Boxes of a few outputs, so that images, planes, rows and the batch are cut anywhere: the same sums."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("BOX", "BOX_MOST"):
            patch.setattr(conv_plans, name, room)
        clear_plans()
        try:
            three_passes(*case)
        finally:
            clear_plans()


def clear_plans():
    for plan in (conv_plans.forward, conv_plans.backward, conv_plans.of_weights):
        plan.cache_clear()


LARGE = [((4, 40, 41, 16), (3, 3, 16, 40), ((1, 1), ((1, 1), (2, 0)), (1, 1), 1)),
         ((2, 40, 41, 30), (5, 5, 30, 8), ((2, 2), ((2, 2), (2, 2)), (1, 1), 1)),
         ((8, 60, 61, 48), (3, 3, 1, 48), ((1, 1), ((1, 1), (1, 1)), (1, 1), 48)),
         ((1, 7, 7, 256), (3, 3, 256, 512), ((2, 2), ((1, 1), (1, 1)), (1, 1), 1)),
         ((2, 3000, 12), (5, 12, 96), ((1,), ((4, 0),), (1,), 1)),
         ((64, 16, 16, 16), (1, 1, 16, 64), ((2, 2), ((0, 0), (0, 0)), (1, 1), 1))]


@pytest.mark.parametrize("case", LARGE)
def test_threads_change_no_bit(case):
    x, w, b, g = drawn(*case)
    with settings.using(num_threads=1):
        alone = *passes(x, w, g, case[2]), conv_grad_b(g)
    with settings.using(num_threads=3):
        together = *passes(x, w, g, case[2]), conv_grad_b(g)
    for one, three in zip(alone, together):
        np.testing.assert_array_equal(one, three)


@pytest.mark.parametrize("case", LARGE)
def test_large(case):
    three_passes(*case)


@given(geometries())
def test_inputs_that_are_not_contiguous(case):
    shape, weights, how = case
    x, w, _, g = drawn(*case)
    strided = [np.repeat(a, 2, -1)[..., ::2] for a in (x, w, g)]
    for found, expected in zip(passes(*strided, how), passes(x, w, g, how)):
        np.testing.assert_array_equal(found, expected)


@given(geometries(), st.sampled_from([np.nan, np.inf, -np.inf]), st.integers(0, 2 ** 16))
def test_what_is_not_finite_goes_where_it_must(case, value, place):
    """And nowhere else: no zero beside a window, a channel or a filter is multiplied with it.

    But for weights that are not finite: around g lie zeros, so that they reach the border of the input's gradient.
    """
    x, w, _, g = drawn(*case)
    how = case[2]
    for i in range(3):
        arrays = [x.copy(), w.copy(), g.copy()]
        arrays[i].flat[place % arrays[i].size] = value
        a, b, c = (array.astype("d") for array in arrays)
        with np.errstate(invalid="ignore"):
            exact = [_conv_reference(a, b, *how), _conv_grad_w_reference(a, c, w.shape, *how),
                     _conv_grad_x_reference(c, w.astype("d"), x.shape, *how)]
        found = [conv(*arrays[:2], *how), conv_grad_w(arrays[0], arrays[2], w.shape, *how),
                 conv_grad_x(arrays[2], w, x.shape, *how)]
        for one, other in zip(found, exact):
            np.testing.assert_array_equal(np.where(np.isfinite(one), 0, one), np.where(np.isfinite(other), 0, other))


def test_denormal_numbers():
    x, w, _, g = drawn((1, 6, 6, 5), (3, 3, 5, 20), ((1, 1), ((0, 0), (0, 0)), (1, 1), 1))
    how = (1, 1), ((0, 0), (0, 0)), (1, 1), 1
    found, expected = conv(x * np.float32(1e-40), w, *how), _conv_reference(x, w, *how)
    np.testing.assert_allclose(found * 1e20 * 1e20, expected, rtol=0.05, atol=1e-3)


def test_errors_against_float64():
    """Direct convolution stays within some roundings, also over long sums."""
    three_passes((2, 10, 10, 256), (3, 3, 256, 64), ((1, 1), ((1, 1), (1, 1)), (1, 1), 1))
    x, w, _, _ = drawn((2, 10, 10, 256), (3, 3, 256, 64), ((1, 1), ((1, 1), (1, 1)), (1, 1), 1))
    how = (1, 1), ((1, 1), (1, 1)), (1, 1), 1
    exact = _conv_reference(x.astype("d"), w.astype("d"), *how)
    assert abs(conv(x, w, *how) - exact).max() < 6e-7 * abs(exact).max()


@pytest.mark.parametrize("x, w", [((0, 5, 5, 2), (3, 3, 2, 4)), ((2, 5, 5, 2), (3, 3, 2, 0)),
                                  ((2, 5, 5, 0), (3, 3, 0, 4))])
def test_nothing(x, w):
    three_passes(x, w, ((1, 1), ((1, 1), (0, 0)), (1, 1), 1))


def test_other_types_and_more_axes_take_the_reference():
    how = (1,) * 4, ((0, 0),) * 4, (1,) * 4, 1
    three_passes((1, 3, 2, 3, 2, 2), (2, 2, 2, 1, 2, 3), how)
    how = (1,), ((0, 0),), (1,), 1
    x, w = np.arange(10).reshape(1, 5, 2), np.ones((3, 2, 2), int)
    np.testing.assert_array_equal(conv(x, w, *how), _conv_reference(x, w, *how))
    assert conv(x, w, *how).dtype == x.dtype
    assert conv(x.astype("d"), w.astype("f"), *how).dtype == np.float64


@given(st.integers(1, 3000), st.integers(1, 70))
def test_sums_of_columns(rows, columns):
    close(conv_grad_b, _conv_grad_b_reference, (np.random.default_rng(0).standard_normal((rows, columns), "f"),))


def test_winograd_is_a_setting():
    case = (12, 28, 28, 32), (3, 3, 32, 32), ((1, 1), ((1, 1), (1, 1)), (1, 1), 1)
    x, w, _, g = drawn(*case)
    slow = passes(x, w, g, case[2])
    with settings.using(winograd=True):
        fast = passes(x, w, g, case[2])
    for one, other in zip(slow, fast):
        np.testing.assert_allclose(one, other, atol=2e-5 * abs(one).max())
        assert (one != other).any()


OTHER_LANES = """
import sys
from tahr.kernels import simd
simd.LANES.value = lambda: int(sys.argv[1])
sys.path.insert(0, sys.argv[2])
from tahr.utils import settings
from test_kernels_conv import three_passes
settings.set_winograd(False)
for channels, filters, groups in [(3, 21, 1), (6, 4, 1), (8, 2, 1), (4, 4, 2), (9, 1, 9), (1, 2, 11)]:
    how = (1, 2), ((1, 1), (0, 1)), (1, 1), groups
    three_passes((2, 9, 8, channels * groups), (3, 2, channels, filters * groups), how)
"""


@pytest.mark.parametrize("lanes", [4, 8])
def test_other_vectors(lanes, tmp_path):
    """On processors with other registers."""
    subprocess.run([sys.executable, "-c", OTHER_LANES, str(lanes), os.path.dirname(__file__)], check=True,
                   env={**os.environ, "TAHR_CACHE": str(tmp_path)})


# Transposed convolutions

@pytest.mark.parametrize("sizes, window, attrs, expected", [
    ((4, 5), (3, 3), {}, (6, 7)),
    ((4, 5), (3, 2), {"strides": 2}, (9, 10)),
    ((4, 5), (1, 2), {"strides": 3}, (12, 15)),
    ((4, 5), (3, 4), {"strides": 2, "padding": "same"}, (8, 10)),
    ((4, 5), (3, 3), {"strides": 2, "padding": "same", "output_padding": 0}, (7, 9)),
    ((4, 5), (3, 3), {"strides": 2, "padding": "same", "output_padding": 1}, (8, 10)),
    ((4, 5), (3, 3), {"strides": (2, 3), "output_padding": (1, 2)}, (10, 17)),
    ((4, 5), (3, 3), {"strides": 2, "padding": ((1, 0), (1, 1))}, (8, 9)),
    ((4, 5), (3, 3), {"dilation": 2}, (8, 9)),
    ((6,), (3,), {"strides": 2, "padding": "causal"}, (12,))])
def test_transposed_sizes(sizes, window, attrs, expected):
    """Keras's rules; and the values are the transpose of the convolution that leads from there to here."""
    rng = np.random.default_rng(0)
    g, w = rng.standard_normal((2, *sizes, 3)), rng.standard_normal((*window, 2, 3))
    found = ops.conv_transpose(ops.asarray(g, "float64"), ops.asarray(w, "float64"), **attrs)
    assert found.shape == (2, *expected, 2)
    how = {name: value for name, value in attrs.items() if name != "output_padding"}
    for name in ("strides", "dilation"):
        value = how.get(name, 1)
        how[name] = value if isinstance(value, tuple) else (value,) * len(sizes)
    np.testing.assert_allclose(found.numpy(), _grad_x_reference(g, w, found.shape, **how), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("attrs, match", [({"output_padding": 2, "strides": 2}, "smaller than the strides"),
                                          ({"output_padding": (0,), "strides": 2}, "smaller than the strides"),
                                          ({"shape": (1, 6, 6, 2), "output_padding": 0}, "either a shape"),
                                          ({"shape": (1, 9, 9, 2)}, "gradient, of shape")])
def test_transposed_errors(attrs, match):
    with pytest.raises(ValueError, match=match):
        ops.conv_transpose(ops.ones((1, 4, 4, 3)), ops.ones((3, 3, 2, 3)), **attrs)


def test_transposed_gradients():
    rng = np.random.default_rng(0)
    check_grads(lambda g, w: ops.conv_transpose(g, w, strides=2, padding="same", output_padding=1),
                rng.standard_normal((1, 3, 3, 2)), rng.standard_normal((3, 3, 2, 2)))


def test_bias_through_the_public_function():
    rng = np.random.default_rng(0)
    x, w, b = rng.standard_normal((2, 6, 5, 3)), rng.standard_normal((3, 3, 3, 4)), rng.standard_normal(4)
    wanted = _looped(x, w, (1, 1), "same") + b
    found = ops.conv(*(ops.asarray(a, "float64") for a in (x, w)), padding="same", bias=ops.asarray(b, "float64"))
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-12)
    assert math.isclose(ops.conv(x, w, padding="same", bias=b).numpy().sum(), wanted.sum(), rel_tol=1e-4)
