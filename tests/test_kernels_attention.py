"""Attention without its matrix of scores, against the NumPy code that has it."""

import tracemalloc

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from tahr import ops
from tahr.autograd import grad, no_grad
from tahr.kernels import attention as kernels
from tahr.tensor import Tensor
from tahr.utils import settings
from tahr.utils.rng import Generator

ERROR = 4e-6        # of results, relative to their largest number; float32 has 6e-8
GRADIENT_ERROR = 2e-5       # of gradients: differences of products that may cancel whole, as with a single key
TIMES = st.sampled_from([0, 1, 2, 5, 16, 17, 95, 96, 97, 130, 200, 400])
DEPTHS = st.sampled_from([1, 2, 3, 8, 15, 16, 17, 32, 33, 48, 64, 70])


@st.composite
def calls(draw):
    """Arrays and options of a call, float32."""
    batch, heads = draw(st.sampled_from([0, 1, 2, 3])), draw(st.integers(1, 3))
    queries, keys, depth, width = draw(TIMES), draw(TIMES), draw(DEPTHS), draw(DEPTHS)
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    shape = batch, heads, queries, keys
    q, k, v, g = (rng.standard_normal((batch, time, heads, size), dtype=np.float32) for time, size in
                  ((queries, depth), (keys, depth), (keys, width), (queries, width)))
    parts = lambda: tuple(draw(st.sampled_from([1, n])) for n in shape[draw(st.integers(0, 4)):])
    mask = rng.random(parts()) < draw(st.sampled_from([0.0, 0.3, 0.9])) if draw(st.booleans()) else None
    bias = rng.standard_normal(parts(), dtype=np.float32) if draw(st.booleans()) else None
    return (g, q, k, v), (mask, bias, draw(st.booleans()), draw(st.sampled_from([None, 0.5, -1.0])))


def exact(arrays, options):
    """The results in float64: by the references, with the matrix of scores."""
    g, q, k, v = (x.astype(np.float64) for x in arrays)
    mask, bias, *rest = options
    options = (mask, None if bias is None else bias.astype(np.float64), *rest)
    out, logsumexp = kernels.attention.entry.reference(q, k, v, *options)
    return out, logsumexp, *kernels.attention_grad.entry.reference(g, q, k, v, out, logsumexp, *options)


def fast(arrays, options):
    g, q, k, v = arrays
    out, logsumexp = kernels.attention.entry.fast(q, k, v, *options)
    return out, logsumexp, *kernels.attention_grad.entry.fast(g, q, k, v, out, logsumexp, *options)


def close(found, expected):
    errors = ERROR, ERROR, GRADIENT_ERROR, GRADIENT_ERROR, GRADIENT_ERROR
    for f, e, error in zip(found, expected, errors, strict=True):
        assert f.dtype == np.float32 and f.flags.c_contiguous and f.shape == e.shape
        finite = np.isfinite(e)
        np.testing.assert_array_equal(f[~finite], e[~finite])
        np.testing.assert_allclose(f[finite], e[finite], rtol=0, atol=error * max(1, abs(e[finite]).max(initial=0)))


@hypothesis.settings(max_examples=150)
@hypothesis.given(calls())
def test_fast_against_reference(call):
    arrays, options = call
    found = fast(arrays, options)
    close(found, exact(arrays, options))
    with settings.using(num_threads=3):
        for one, three in zip(found, fast(arrays, options), strict=True):
            np.testing.assert_array_equal(one, three)


def some(batch=2, queries=7, keys=9, heads=2, depth=16, width=16, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((batch, time, heads, size), dtype=np.float32) for time, size in
            ((queries, width), (queries, depth), (keys, depth), (keys, width))]


NO_OPTIONS = None, None, False, None


def test_any_strides():
    """Parts of one array, as of one projection for all three; backward memory; a broadcast gradient."""
    rng = np.random.default_rng(0)
    joint = rng.standard_normal((2, 11, 3, 2, 32), dtype=np.float32)
    q, k, v = joint[:, :, 0], joint[:, ::-1, 1], joint[::-1, :, 2, :, ::2]
    g = np.broadcast_to(np.float32(0.5), (2, 11, 2, 16))
    mask = np.asfortranarray(rng.random((2, 1, 11, 22)) < 0.7)[..., ::2]
    bias = rng.standard_normal((11, 22), dtype=np.float32).T[::2]
    options = mask, bias, False, None
    close(fast([g, q, k, v], options), exact([g, q, k, v], options))


def test_a_query_that_sees_nothing_gives_zero():
    g, q, k, v = some()
    mask = np.ones((7, 9), bool)
    mask[3] = False
    out, logsumexp, dq, dk, dv = fast([g, q, k, v], (mask, None, False, None))
    assert not out[:, 3].any() and not dq[:, 3].any() and np.all(logsumexp[:, :, 3] == -np.inf)
    assert np.isfinite(dk).all() and np.isfinite(dv).all()
    close((out, logsumexp, dq, dk, dv), exact([g, q, k, v], (mask, None, False, None)))
    out, _, *grads = fast([g, q, k, v], (np.zeros((1,), bool), None, True, None))
    assert not any(x.any() for x in (out, *grads))


def test_minus_infinity_in_the_bias_hides_a_key():
    g, q, k, v = some()
    mask = np.random.default_rng(1).random((2, 1, 7, 9)) < 0.6
    bias = np.where(mask, np.float32(0), -np.float32(np.inf))
    for one, other in zip(fast([g, q, k, v], (mask, None, False, None)), fast([g, q, k, v], (None, bias, False, None))):
        np.testing.assert_array_equal(one, other)


def test_hidden_keys_do_not_matter():
    g, q, k, v = some(keys=200)
    mask = np.arange(200) < 120
    wild = k.copy()
    wild[:, 120:] = np.nan
    wild[:, 150:] = np.inf
    out, logsumexp = kernels.attention(q, wild, v, mask)
    expected = kernels.attention(q[:, :], k[:, :120], v[:, :120])
    np.testing.assert_allclose(out, expected[0], rtol=0, atol=1e-6)
    np.testing.assert_allclose(logsumexp, expected[1], rtol=0, atol=1e-6)


def test_scores_of_any_size():
    """No overflow, though exp(100) has none; scores that grow with the keys, so that the running sum is scaled down."""
    g, q, k, v = some(queries=3, keys=300)
    k *= np.linspace(1, 100, 300, dtype=np.float32)[None, :, None, None]
    found, expected = fast([g, q, k, v], NO_OPTIONS), exact([g, q, k, v], NO_OPTIONS)
    for f, e in zip(found, expected):
        np.testing.assert_allclose(f, e, rtol=0, atol=1e-4 * abs(e).max())      # scores of 500 carry errors of 3e-5
    tiny = [x * np.float32(1e-42) for x in (q, k)]
    out, _ = kernels.attention(*tiny, v)
    np.testing.assert_allclose(out, np.broadcast_to(v.mean(1, keepdims=True), out.shape), rtol=0, atol=1e-6)


def test_nan_and_infinity_come_out_where_they_belong():
    g, q, k, v = some()
    q[0, 2] = np.nan
    q[1, 4] = np.inf
    out, _ = kernels.attention(q, k, v)
    bad = np.isnan(out).all((2, 3))
    assert bad[0, 2] and bad[1, 4] and bad.sum() == 2
    expected, _ = kernels.attention.entry.reference(*some()[1:])
    np.testing.assert_allclose(out[~bad], expected[~bad], rtol=0, atol=1e-6)


def test_memory_is_linear_in_time():
    """2048 by 2048 scores would take 16 MB for each head."""
    g, q, k, v = some(1, 2048, 2048, 4, 16, 16)
    fast([g, q, k, v], NO_OPTIONS)
    tracemalloc.start()
    fast([g, q, k, v], NO_OPTIONS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8e6       # results 2.6 MB, one block of scores for each thread


def test_few_heads_share_their_keys_out():
    """One pair of batch and head: parts of the keys, whose gradients of the queries are added in one order."""
    arrays = some(1, 300, 500, 1)
    found = fast(arrays, (None, None, True, None))
    close(found, exact(arrays, (None, None, True, None)))
    with settings.using(num_threads=1):
        for one, two in zip(found, fast(arrays, (None, None, True, None))):
            np.testing.assert_array_equal(one, two)


# The op

def leaf(x):
    return Tensor(x, requires_grad=True)


@pytest.mark.parametrize("masked", [False, True])
def test_composed_path_gives_the_same(masked):
    """Weights times values, as dropout has it, and the kernel: the same result and gradients."""
    _, q, k, v = some(depth=12, width=20)
    mask = np.tile(np.arange(9) != 4, (7, 1)) & (np.arange(7) != 2)[:, None] if masked else None

    def composed(q, k, v):
        weights = ops.attention_weights(q, k, mask, causal=True)
        return ops.transpose(weights @ ops.transpose(v, (0, 2, 1, 3)), (0, 2, 1, 3))
    fused = lambda q, k, v: ops.attention(q, k, v, mask, causal=True)
    np.testing.assert_allclose(composed(Tensor(q), Tensor(k), Tensor(v)).numpy(), fused(q, k, v).numpy(), atol=2e-6)
    loss = lambda f: lambda *x: (f(*x) * np.arange(20)).sum()
    for one, other in zip(*(grad(loss(f), argnums=(0, 1, 2))(q, k, v) for f in (composed, fused))):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=0, atol=5e-5)


def test_dropout_scales_what_it_keeps():
    _, q, k, v = some(queries=50, keys=400)
    v[:] = 1
    out = ops.attention(q, k, v, dropout=0.25, generator=Generator(3)).numpy()
    again = ops.attention(q, k, v, dropout=0.25, generator=Generator(3)).numpy()
    np.testing.assert_array_equal(out, again)
    assert out.std() > 0.01 and out.mean() == pytest.approx(1, abs=0.01)
    np.testing.assert_allclose(ops.attention(q, k, v, dropout=0.0).numpy(), 1, rtol=1e-6)


def test_one_kernel_call_gives_all_three_gradients(monkeypatch):
    calls = []
    inner = kernels.attention_grad
    monkeypatch.setattr(kernels, "attention_grad", lambda *args: calls.append(1) or inner(*args))
    q, k, v = (leaf(x) for x in some()[1:])
    out = ops.attention(q, k, v)
    out.sum().backward(retain_graph=True)
    assert len(calls) == 1
    first = q.grad.numpy().copy()
    (out * 2).sum().backward()
    assert len(calls) == 2
    np.testing.assert_allclose(q.grad.numpy(), 3 * first, rtol=1e-5, atol=1e-7)


def test_without_a_gradient_nothing_is_kept():
    q, k, v = (leaf(x) for x in some()[1:])
    with no_grad():
        assert ops.attention(q, k, v).node is None
