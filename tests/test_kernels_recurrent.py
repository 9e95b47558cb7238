"""Recurrent layers over sequences: the kernels against NumPy's steps in float64, and the ops against their parts."""

import itertools

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from tahr import ops
from tahr.autograd import grad, no_grad
from tahr.kernels import recurrent as kernels
from tahr.kernels import simd
from tahr.kernels.recurrent import ACTIVATIONS, GATES, rnn, rnn_grad
from tahr.tensor import Symbol, Tensor
from tahr.utils import settings

ERROR = 2e-6            # of results, relative to their largest number; float32 has 6e-8
GRADIENT_ERROR = 1e-5   # sums over batch and time
KINKED = {"relu", "hard_sigmoid", "hard_sigmoid_3"}     # rounding may fall on the other side of a kink
SIZES = st.sampled_from([1, 2, 3, 8, 15, 16, 17, 31, 32, 33, 48, 57, 64, 70])
SMOOTH = st.sampled_from([name for name in ACTIVATIONS if name not in KINKED | {"linear", "softplus", "elu"}])


@pytest.fixture(autouse=True)
def compiled():
    with settings.using(numba=True):
        yield


def arrays(seed, cell, batch, time, inputs, units):
    """x, kernel, recurrent, bias, h, c and the gradients of the outputs and last states, float32."""
    rng = np.random.default_rng(seed)
    gates = GATES[cell]
    draw = lambda *shape, scale=1.0: (scale * rng.standard_normal(shape)).astype(np.float32)
    states = lambda: [draw(batch, units), draw(batch, units) if cell == "lstm" else None]
    given = [draw(batch, time, inputs), draw(inputs, gates * units, scale=inputs ** -0.5),
             draw(units, gates * units, scale=units ** -0.5),
             draw(*(2,) * (cell == "gru_reset_after"), gates * units), *states()]
    return given, [draw(batch, time, units), *states()]


def factors(seed, batch, gates, size, by_gate):
    kept = np.random.default_rng(seed).random((batch, gates, size) if by_gate else (batch, size)) < 0.7
    return (kept / 0.7).astype(np.float32)


def wide(values):
    return [v.astype(np.float64) if isinstance(v, np.ndarray) and v.dtype == np.float32 else v for v in values]


def both_ways(cell, given, masks, gradients, activation="tanh", recurrent_activation="sigmoid", backwards=False,
              zero_output=False):
    """Results and gradients."""
    results, saved = rnn(cell, *given, *masks, activation, recurrent_activation, backwards, zero_output, True)
    grads = rnn_grad(cell, *given, *masks, *gradients, saved, activation, recurrent_activation, backwards, zero_output,
                     True)
    states = 2 + (cell == "lstm")
    return [*results[:states], *grads[:3 + states]]


def exact(cell, given, masks, gradients, *options):
    return both_ways(cell, wide(given), wide(masks), wide(gradients), *options)


def agree(found, expected, states, error=ERROR, gradient_error=GRADIENT_ERROR):
    for i, (f, e) in enumerate(zip(found, expected, strict=True)):
        assert f.dtype == np.float32 and f.shape == e.shape
        if e.size:
            np.testing.assert_allclose(f, e, rtol=0, atol=(error if i < states else gradient_error) * max(
                1, abs(e).max()))


@st.composite
def calls(draw):
    cell = draw(st.sampled_from(sorted(GATES)))
    batch, time = draw(st.sampled_from([0, 1, 2, 5, 7, 8, 9, 17, 33])), draw(st.sampled_from([0, 1, 2, 3, 6]))
    inputs, units, seed = draw(SIZES), draw(SIZES), draw(st.integers(0, 99))
    given, gradients = arrays(seed, cell, batch, time, inputs, units)
    rng = np.random.default_rng(seed)
    if draw(st.booleans()):
        given[3:] = None, None, None
    if draw(st.booleans()):
        gradients[draw(st.integers(0, 2))] = None
    masks = [rng.random((batch, time)) < draw(st.sampled_from([0.0, 0.4, 0.8])) if draw(st.booleans()) else None,
             factors(seed, batch, GATES[cell], inputs, draw(st.booleans())) if draw(st.booleans()) else None,
             factors(seed + 1, batch, GATES[cell], units, draw(st.booleans())) if draw(st.booleans()) else None]
    return cell, given, masks, gradients, draw(SMOOTH), draw(SMOOTH), draw(st.booleans()), draw(st.booleans())


@hypothesis.settings(max_examples=100)
@hypothesis.given(calls())
def test_kernels_agree_with_steps(call):
    untouched = [(a, np.copy(a)) for part in call[1:4] for a in part if a is not None]
    agree(both_ways(*call), exact(*call), 2 + (call[0] == "lstm"))
    assert all(np.array_equal(a, before) for a, before in untouched)


@pytest.mark.parametrize("cell", GATES)
def test_every_pair_of_activations(cell):
    given, gradients = arrays(3, cell, 5, 3, 4, 18)
    given[1:3] = [0.5 * w for w in given[1:3]]      # products of activations without bound stay small
    for pair in itertools.product(ACTIVATIONS, ACTIVATIONS):
        found, expected = (way(cell, given, (None,) * 3, gradients, *pair) for way in (both_ways, exact))
        agree(found, expected, 2 + (cell == "lstm"))


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_activations_at_all_scales(kind):
    """One step of an identity, from -90 to 90 and near 0: errors relative to the value, and of the derivative."""
    x = np.concatenate([np.linspace(-90, 90, 700), np.linspace(-1e-3, 1e-3, 101), [-1e-30, 1e-30]])
    x = x.astype(np.float32).reshape(-1, 1, 1)
    identity = [np.ones((1, 1), np.float32), np.zeros((1, 1), np.float32), None, None, None]
    seeds = [np.ones_like(x), None, None]
    (y, _, dx, *_), (exact_y, _, exact_dx, *_) = (way("simple", [x, *identity], (None,) * 3, seeds, kind)
                                                  for way in (both_ways, exact))
    cancels = kind.startswith("hard")       # slope * x + 1 / 2; otherwise numbers below the normal ones may become 0
    np.testing.assert_allclose(y, exact_y, rtol=5e-7, atol=6e-8 if cancels else 1e-37)
    np.testing.assert_allclose(dx, exact_dx, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_activations_of_what_is_not_finite(kind):
    x = np.array([np.inf, -np.inf, np.nan], np.float32).reshape(-1, 1, 1)
    weights = [np.ones((1, 1), np.float32), np.zeros((1, 1), np.float32)]
    y = rnn("simple", x, *weights, *(None,) * 6, kind, "sigmoid", False, False, False)[0][0].ravel()
    limits = {"tanh": (1, -1), "softsign": (np.nan, np.nan), "elu": (np.inf, -1), "linear": (np.inf, -np.inf),
              "relu": (np.inf, 0), "softplus": (np.inf, 0)}
    np.testing.assert_array_equal(y, [*limits.get(kind, (1, 0)), np.nan])


@pytest.mark.parametrize("cell", GATES)
def test_bits_depend_neither_on_threads_nor_on_neighbours(cell):
    given, gradients = arrays(4, cell, 61, 20, 40, 70)
    masks = [np.random.default_rng(0).random((61, 20)) < 0.7, None, factors(5, 61, GATES[cell], 70, True)]
    found = []
    for count in (1, 2, 3):
        with settings.using(num_threads=count):
            found.append(both_ways(cell, given, masks, gradients))
            if count == 3:      # cut for three, gone back by one
                _, saved = rnn(cell, *given, *masks, "tanh", "sigmoid", False, False, True)
    again = rnn_grad(cell, *given, *masks, *gradients, saved, "tanh", "sigmoid", False, False, True)
    for others in (found[1], found[2], found[0][:len(found[0]) - len(again) + (cell != "lstm")] + [*again]):
        assert all(np.array_equal(a, b) for a, b in zip(found[0], others))
    some = slice(7, 30)
    part = [a if a is None or i in (1, 2, 3) else a[some] for i, a in enumerate(given)]
    alone, _ = rnn(cell, *part, *(m if m is None else m[some] for m in masks), "tanh", "sigmoid", False, False, False)
    assert np.array_equal(alone[0], found[0][0][some])


@pytest.mark.parametrize("cell", GATES)
def test_saved_or_not_and_more_than_once(cell):
    given, gradients = arrays(6, cell, 3, 4, 5, 6)
    options = "tanh", "sigmoid", False, False
    results, saved = rnn(cell, *given, *(None,) * 3, *options, True)
    plain, nothing = rnn(cell, *given, *(None,) * 3, *options, False)
    assert nothing is None
    other, _ = arrays(7, cell, 3, 4, 5, 6)
    kept = rnn(cell, *other, *(None,) * 3, *options, True)[1]       # a second run, while the first is still needed
    grads = [rnn_grad(cell, *given, *(None,) * 3, *gradients, s, *options, True) for s in (saved, saved, None)]
    assert kept is not None and all(np.array_equal(a, b) for a, b in zip(results, plain))
    for one in grads[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(grads[0], one))
    without = rnn_grad(cell, *given, *(None,) * 3, *gradients, saved, *options, False)
    assert without[0] is None and all(np.array_equal(a, b) for a, b in zip(grads[0][1:], without[1:]))


@pytest.mark.parametrize("cell", GATES)
def test_any_strides(cell):
    given, gradients = arrays(8, cell, 4, 3, 5, 17)
    masks = [np.random.default_rng(1).random((3, 4)).T < 0.6, None, None]

    def strided(a):
        return a if a is None else np.repeat(a, 2, axis=-1)[..., ::2].T.copy().T
    found = both_ways(cell, [strided(a) for a in given], masks, [strided(a) for a in gradients])
    expected = both_ways(cell, given, [np.ascontiguousarray(masks[0]), None, None], gradients)
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("cell", GATES)
def test_nan_stays_in_its_row_and_behind_the_mask(cell):
    given, _ = arrays(9, cell, 6, 4, 3, 20)
    clean = rnn(cell, *given, *(None,) * 3, "tanh", "sigmoid", False, False, False)[0]
    given[0][2, 1] = np.nan
    found = rnn(cell, *given, *(None,) * 3, "tanh", "sigmoid", False, False, False)[0]
    rows = np.arange(6) != 2
    assert np.array_equal(found[0][rows], clean[0][rows]) and np.array_equal(found[0][2, 0], clean[0][2, 0])
    assert np.isnan(found[0][2, 1:]).all() and np.isnan(found[1][2]).all()
    mask = np.ones((6, 4), bool)
    mask[2, 1] = False
    hidden = rnn(cell, *given, mask, None, None, "tanh", "sigmoid", False, False, False)[0]
    assert np.isfinite(hidden[0]).all() and np.array_equal(hidden[0][2, 1], hidden[0][2, 0])


def test_infinite_and_tiny_inputs():
    given, _ = arrays(10, "lstm", 2, 1, 1, 4)
    given[1:] = [np.ones((1, 16), np.float32), np.zeros((4, 16), np.float32), None, None, None]
    given[0][:] = [[[np.inf]], [[1e-42]]]
    y, h, c = rnn("lstm", *given, *(None,) * 3, "tanh", "sigmoid", False, False, False)[0]
    np.testing.assert_allclose(y[0], np.tanh(1), rtol=1e-6)
    assert abs(y[1]).max() < 1e-40


def test_memory_is_used_again_but_never_twice_at_once():
    first = kernels.Memory(kernels.Memory.LARGE)
    place = first.floats.ctypes.data
    second = kernels.Memory(kernels.Memory.LARGE)
    assert second.floats.ctypes.data != place
    del first
    assert kernels.Memory(kernels.Memory.LARGE - 1).floats.ctypes.data == place
    many = [kernels.Memory(kernels.Memory.LARGE) for _ in range(20)]
    del many
    assert len(kernels._spare) <= kernels.Memory.MOST


# The ops

def tensors(seed, cell, *shape, **options):
    given, _ = arrays(seed, cell, *shape)
    return [a if a is None else Tensor(a, **options) for a in given]


def in_steps(function, *args, **kwargs):
    """The same layer, its activation as a function, which the kernel cannot take."""
    return function(*args, activation=lambda x: ops.tanh(x), **kwargs)


@pytest.mark.parametrize("function, cell, options", [
    (ops.lstm, "lstm", {}), (ops.gru, "gru", {}), (ops.gru, "gru_reset_after", {"reset_after": True}),
    (ops.simple_rnn, "simple", {})])
def test_op_and_steps_agree_in_float32(function, cell, options):
    given = [t for t in tensors(11, cell, 6, 5, 4, 19) if t is not None]
    mask = Tensor(np.random.default_rng(2).random((6, 5)) < 0.6)
    kept = {"dropout": Tensor(factors(3, 6, 1, 4, False)), "recurrent_dropout": Tensor(factors(4, 6, 1, 19, False))}

    def loss(run, *given):
        outputs, *states = run(*given, mask=mask, go_backwards=True, **kept, **options)
        return (outputs * outputs).sum() + sum((s * s * s).sum() for s in states)
    ways = function, lambda *a, **k: in_steps(function, *a, **k)
    found, expected = ([loss(way, *given), *grad(lambda *g, way=way: loss(way, *g), tuple(range(len(given))))(*given)]
                       for way in ways)
    for f, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(f.numpy(), e.numpy(), rtol=1e-5, atol=2e-5 * max(1, abs(e.numpy()).max()))


def test_second_derivative_of_a_tensor_used_twice():
    w = np.random.default_rng(5).standard_normal((3, 12)) / 2
    x = Tensor(np.random.default_rng(6).standard_normal((2, 3, 3)), dtype="float64")

    def curvature(run):
        def slope(w):
            return (grad(lambda w: (run(x, w, w)[0] ** 2).sum())(w) ** 2).sum()
        return grad(slope)(Tensor(w, dtype="float64")).numpy()
    np.testing.assert_allclose(curvature(ops.lstm), curvature(lambda *a: in_steps(ops.lstm, *a)), rtol=1e-10)


def test_nothing_is_kept_where_no_gradient_is_asked_for(monkeypatch):
    kept = []
    monkeypatch.setattr(kernels, "Saved", lambda *args: kept.append(args) or pytest.fail("saved for nothing"))
    with no_grad():
        ops.simple_rnn(*tensors(12, "simple", 2, 3, 4, 5)[:5], None)
    assert not kept


def test_shapes_of_unknown_batch_and_time():
    weights = [Symbol((3, 8)), Symbol((2, 8))]
    assert [s.shape for s in ops.lstm(Symbol((None, None, 3)), *weights)] == [(None, None, 2), (None, 2), (None, 2)]
    assert [s.shape for s in ops.lstm(Symbol((None, 7, 3)), *weights, activation=ops.tanh)] == [
        (None, 7, 2), (None, 2), (None, 2)]


def test_scan_needs_steps():
    with pytest.raises(ValueError, match="a known number of steps"):
        ops.scan(lambda x, states: (x, states), Tensor(np.zeros((2, 0, 3))), [])


def test_time_without_steps():
    given, gradients = arrays(13, "lstm", 2, 0, 3, 4)
    found = both_ways("lstm", given, (None,) * 3, gradients)
    assert np.array_equal(found[1], given[4]) and np.array_equal(found[-1], gradients[2])
    assert not any(f.any() for f in found[4:7])


def test_rows_of_a_block_fit_the_registers():
    assert kernels.TALL.value() * 2 + 3 <= (32 if simd.LANES.value() == 16 else 16)
