"""Counter-based random numbers: the published test vectors, the same bits everywhere, and the distributions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tahr
from tahr import ops
from tahr.autograd import checkpoint
from tahr.kernels import rng
from tahr.tensor import Tensor
from tahr.utils import settings
from tahr.utils.rng import Generator

KNOWN = [       # Random123's known answers for philox4x32 with 10 rounds: counter, key, result
    ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    ([0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344], [0xA4093822, 0x299F31D0],
     [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]),
]


@pytest.mark.parametrize("counter, key, result", KNOWN)
def test_known_answers(counter, key, result):
    assert [int(w) for w in rng.philox(*map(np.uint64, counter + key))] == result
    arrays = [np.full(3, c, np.uint64) for c in counter + key]
    assert [w.tolist() for w in rng.philox(*arrays)] == [[r] * 3 for r in result]


def test_where_words_lie():
    """Block b: the first words of counters 16 b to 16 b + 15, then their second words, and so on."""
    words = rng.draw_words(256, 5, 0).tolist()
    for counter in (0, 3, 15, 16, 40, 63):
        place = counter // 16 * 64 + counter % 16
        found = rng.philox(*[np.uint64(c) for c in (counter, 0, 0, 0, 5, 0)])
        assert [words[place + 16 * i] for i in range(4)] == [int(w) for w in found]
    far = rng.draw_words(1, 2 ** 40 + 9, 64 * 2 ** 31)[0]       # counter 2**35: its high half is 8
    assert far == rng.philox(*[np.uint64(c) for c in (0, 8, 0, 0, 9, 2 ** 8)])[0]


keys = st.sampled_from([0, 1, 2 ** 31, 2 ** 32 + 7, 2 ** 63, 2 ** 64 - 1])
positions = st.integers(0, 200) | st.sampled_from([2 ** 31 - 3, 2 ** 38 - 5, 2 ** 50])
counts = st.integers(0, 200) | st.just(5000)


def same_bits(a, b):
    assert a.dtype == b.dtype == np.float32 and a.shape == b.shape
    np.testing.assert_array_equal(a.view("int32"), b.view("int32"))


@given(count=counts, key=keys, position=positions)
def test_kernels_have_the_references_bits(count, key, position):
    for draw, *options in [(rng.uniform,), (rng.normal,), (rng.normal, 2.0)]:
        args = (count,), key, position, *options
        same_bits(draw.entry.fast(*args), draw.entry.reference(*args))
    x = np.arange(1, count + 1, dtype="float32")
    same_bits(rng.dropout.entry.fast(x, 0.3, key, position), rng.dropout.entry.reference(x, 0.3, key, position))


@given(count=st.integers(1, 300), cut=st.integers(0, 300), position=positions)
def test_any_part_can_be_drawn_by_itself(count, cut, position):
    cut = min(cut, count)
    for draw in (rng.uniform, rng.normal):
        whole = draw((count,), 3, position)
        same_bits(draw((cut,), 3, position), whole[:cut])
        same_bits(draw((count - cut,), 3, position + cut), whole[cut:])


def test_threads_do_not_change_bits(monkeypatch):
    x = np.random.default_rng(0).standard_normal((37, 50)).astype("float32")
    calls = [lambda: rng.uniform((1000,), 1, 17), lambda: rng.normal((1000,), 1, 17),
             lambda: rng.dropout(x, 0.4, 1, 17)]
    wholes = [call() for call in calls]
    monkeypatch.setattr(rng, "GRAIN", 2)
    for threads in (1, 3):
        with settings.using(num_threads=threads):
            for call, whole in zip(calls, wholes):
                same_bits(call(), whole)


def test_float64():
    drawn = rng.uniform((20000,), 3, 5, "float64")
    assert drawn.dtype == np.float64 and abs(drawn.mean() - 0.5) < 0.01 and len(np.unique(drawn)) == 20000
    np.testing.assert_allclose(drawn[:5], rng.uniform((5,), 3, 5, "float64"), rtol=0)
    assert (drawn * 2 ** 53 == np.floor(drawn * 2 ** 53)).all() and (drawn * 2 ** 30 != np.floor(drawn * 2 ** 30)).any()


# Distributions

def normal_cdf(z):
    return np.array([0.5 * math.erfc(-v / 2 ** 0.5) for v in z.tolist()])


def test_normal_is_normal():
    """Kolmogorov's distance at a million draws is 0.00195 at 0.1 %; the inverse is good to some 1e-6."""
    z = np.sort(rng.normal((1_000_000,), 12, 0).astype(float))[::10]
    assert abs(normal_cdf(z) - np.linspace(0, 1, z.size)).max() < 0.002
    words = rng.draw_words(100_000, 12, 0).astype(float)
    z = rng.normal((100_000,), 12, 0).astype(float)
    magnitude = (words % 2 ** 31 + 0.5) / 2 ** 31
    exact = np.array([math.erf(v / 2 ** 0.5) for v in abs(z).tolist()])     # how much lies within z of 0
    np.testing.assert_allclose(exact, magnitude, rtol=3e-6, atol=2e-9)
    np.testing.assert_array_equal(z > 0, words < 2 ** 31)


def test_tails():
    z = abs(rng.normal((4_000_000,), 7, 0))
    assert 4.7 < z.max() < 6.4 and z.min() < 1e-5
    assert abs(np.mean(z > 4) - 6.334e-5) < 1.5e-5


def test_truncated_normal():
    z = rng.normal((200_000,), 3, 0, 2.0).astype(float)
    assert abs(z).max() <= 2 and abs(z.std() - 0.8796257) < 0.005 and abs(z.mean()) < 0.008
    inside = (normal_cdf(np.sort(z)) - normal_cdf(np.array([-2.0]))) / 0.9544997
    assert abs(inside - np.linspace(0, 1, z.size)).max() < 0.0045


def test_uniform_has_no_pattern():
    x = rng.uniform((1_000_000,), 99, 0).astype(float)
    assert abs(np.histogram(x, 100, (0, 1))[0] / 10_000 - 1).max() < 0.05
    for lag in (1, 4, 16, 32, 64):
        assert abs(np.corrcoef(x[:-lag], x[lag:])[0, 1]) < 0.004
    other = rng.uniform((1_000_000,), 100, 0).astype(float)
    assert abs(np.corrcoef(x, other)[0, 1]) < 0.004


# Dropout

@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_rates(rate):
    out = rng.dropout(np.ones(200_000, "float32"), rate, 5, 3)
    assert abs(np.mean(out == 0) - rate) < 0.004
    assert set(np.unique(out)) <= {0, np.float32(1 / (1 - rate))}


def test_dropped_numbers_do_not_count():
    x = np.array([np.nan, np.inf] * 50, "float32")
    out = rng.dropout(x, 0.5, 5, 3)
    kept = rng.dropout(np.ones(100, "float32"), 0.5, 5, 3) > 0
    assert (out[~kept] == 0).all() and not np.isfinite(out[kept]).any() and 0 < kept.sum() < 100
    for dtype in ("float64", "float16"):
        np.testing.assert_array_equal(rng.dropout(np.ones(100, dtype), 0.5, 5, 3) > 0, kept)


def test_dropout_of_arrays_with_gaps():
    x = np.random.default_rng(0).standard_normal((10, 14)).astype("float32")[::2, ::-2]
    same_bits(rng.dropout(x, 0.5, 5, 3), rng.dropout(x.copy(), 0.5, 5, 3))


def test_with_and_without_compiled_code():
    def step():
        tahr.utils.rng.seed_default(4)
        x = Tensor(np.ones((3, 50)), requires_grad=True)
        ops.dropout(x, 0.4).sum().backward()
        return x.grad.numpy(), ops.normal((60,)).numpy(), ops.truncated_normal((6,)).numpy(), ops.uniform((9,)).numpy()
    compiled = step()
    with settings.using(numba=False):
        for a, b in zip(compiled, step()):
            same_bits(a, b)


# The generator

def test_a_generator_gives_each_word_once():
    generator = Generator(2 ** 64 - 1)
    assert generator.take(10) == (2 ** 64 - 1, 0) and generator.take(0) == (2 ** 64 - 1, 10)
    state, key, position = generator.get_state(), generator.key, generator.position
    assert generator.take(3)[1] == 10 and int(position) == 13
    generator.set_state(state)
    assert generator.position is position and generator.key is key and generator.take(1)[1] == 10
    with pytest.raises(ValueError, match="cannot draw -1 numbers: a shape with negative dimensions"):
        generator.take(-1)


def test_gradient_of_dropout_draws_its_mask_again():
    generator = Generator(1)
    x = Tensor(np.full((4, 30), 2.0), requires_grad=True)
    out = ops.dropout(x, 0.5, generator=generator)
    position = int(generator.position)
    ops.dropout(x, 0.5, generator=generator)
    out.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy() * 2, out.numpy())
    assert position == 120 and int(generator.position) == 240      # the gradient took no new words


def test_checkpoints_draw_the_same_masks_again():
    x = Tensor(np.ones(200), requires_grad=True)
    out = checkpoint(lambda x: ops.dropout(x * x, 0.5))(x)
    before = tahr.utils.rng.default_generator().get_state()
    out.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), 2 * out.numpy())
    assert tahr.utils.rng.default_generator().get_state()["position"] == before["position"] == 200
