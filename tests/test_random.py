"""Random tensors: their distributions, that a seed fixes them, and what flows back through them."""

import numpy as np
import pytest

import tahr
from tahr import ops
from tahr.autograd import OPS
from tahr.tensor import Symbol, Tensor
from tahr.utils import rng, settings
from tahr.utils.rng import Generator, default_generator, seed_default

N = 20000
DRAWS = {       # name: a call for (shape, dtype, generator), mean, standard deviation, lowest, highest
    "uniform": (lambda **kw: ops.uniform(**kw), 0.5, 12 ** -0.5, 0, 1),
    "uniform in bounds": (lambda **kw: ops.uniform(low=-3.0, high=5.0, **kw), 1, 8 / 12 ** 0.5, -3, 5),
    "normal": (lambda **kw: ops.normal(**kw), 0, 1, -6, 6),
    "normal, scaled": (lambda **kw: ops.normal(mean=2.0, stddev=0.5, **kw), 2, 0.5, -1, 5),
    "truncated normal": (lambda **kw: ops.truncated_normal(**kw), 0, 0.87962566, -2, 2),
    "truncated normal, scaled": (lambda **kw: ops.truncated_normal(mean=-1.0, stddev=3.0, **kw), -1, 2.638877, -7, 5),
    "gumbel": (lambda **kw: ops.gumbel(**kw), 0.5772157, np.pi / 6 ** 0.5, -3, 17),
    "gumbel, scaled": (lambda **kw: ops.gumbel(loc=1.0, scale=2.0, **kw), 2.1544314, 2.5650997, -5, 35),
}
CALLS = {
    **{name: draw for name, (draw, *_) in DRAWS.items()},
    "randint": lambda shape, generator, **kw: ops.randint(-2, 4, shape, generator=generator),
    "bernoulli": lambda shape, generator, **kw: ops.bernoulli(0.3, shape, generator=generator),
    "permutation": lambda shape, generator, **kw: ops.permutation(1000, generator),
    "categorical": lambda shape, generator, **kw: ops.categorical(ops.zeros((5, 3)), 200, generator),
    "multinomial": lambda shape, generator, **kw: ops.multinomial([0.2, 0.8], 1000, generator),
    "dropout": lambda shape, generator, **kw: ops.dropout(ops.ones(shape), 0.4, generator=generator),
}


# Distributions

@pytest.mark.parametrize("draw, mean, std, low, high", DRAWS.values(), ids=DRAWS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_moments_and_bounds(draw, mean, std, low, high, dtype):
    drawn = draw(shape=(N,), dtype=dtype, generator=Generator(1)).numpy().astype("float64")
    assert abs(drawn.mean() - mean) < 4 * std / N ** 0.5
    assert abs(drawn.std() / std - 1) < 0.05
    assert low <= drawn.min() and drawn.max() <= high
    assert len(np.unique(drawn)) > (N / 2 if dtype != "float16" else 500)


def test_uniform_floats_stay_below_one():
    for dtype in ("float16", "float32", "float64"):
        drawn = ops.uniform((200000,), dtype=dtype, generator=Generator(0)).numpy()
        assert drawn.min() >= 0 and drawn.max() < 1


@pytest.mark.parametrize("name", DRAWS)
def test_dtypes_and_shapes(name):
    draw = DRAWS[name][0]
    assert draw(shape=(2, 3)).dtype == np.float32 and draw(shape=(2, 3)).shape == (2, 3)
    assert draw().shape == () and draw(shape=4).shape == (4,) and draw(shape=(0, 2)).shape == (0, 2)
    for dtype in ("float16", np.float64, np.dtype("float32")):
        assert draw(shape=2, dtype=dtype).dtype == np.dtype(dtype)
    with settings.using(floatx="float64"):
        assert draw(shape=2).dtype == np.float64


def test_normal_has_normal_quantiles():
    drawn = np.sort(ops.normal((N,), generator=Generator(2)).numpy())
    for share, quantile in ((0.0228, -2), (0.1587, -1), (0.5, 0), (0.8413, 1), (0.9772, 2)):
        assert abs(drawn[int(share * N)] - quantile) < 0.06


def test_randint():
    drawn = ops.randint(-2, 4, (N,), generator=Generator(0))
    values, counts = np.unique(drawn.numpy(), return_counts=True)
    assert values.tolist() == [-2, -1, 0, 1, 2, 3] and abs(counts / N - 1 / 6).max() < 0.01
    assert drawn.dtype == np.int64 and ops.randint(3, shape=2, dtype=np.int8).dtype == np.int8
    assert set(ops.randint(2, shape=(100,)).tolist()) == {0, 1} and ops.randint(1).item() == 0


def test_bernoulli():
    drawn = ops.bernoulli([[0.0, 0.2], [0.7, 1.0]], (N, 2, 2), generator=Generator(0))
    assert drawn.dtype == np.float32 and set(np.unique(drawn.numpy())) == {0, 1}
    np.testing.assert_allclose(drawn.numpy().mean(0), [[0, 0.2], [0.7, 1]], atol=0.015)
    assert ops.bernoulli(Tensor([0.5, 0.5])).shape == (2,) and ops.bernoulli(0.5).shape == ()
    assert ops.bernoulli([0.0, 1.0], dtype="bool").tolist() == [False, True]


def test_permutation():
    order = ops.permutation(1000, Generator(0))
    assert sorted(order.tolist()) == list(range(1000)) and order.tolist() != sorted(order.tolist())
    x = Tensor(np.arange(20.0).reshape(10, 2), requires_grad=True)
    rows = ops.permutation(x, Generator(1))
    assert sorted(map(tuple, rows.tolist())) == sorted(map(tuple, x.tolist())) and rows.tolist() != x.tolist()
    (rows * ops.arange(10)[:, None]).sum().backward()
    assert sorted(x.grad[:, 0].tolist()) == list(range(10))
    assert sorted(ops.permutation([3, 1, 2]).tolist()) == [1, 2, 3] and ops.permutation(np.int64(4)).shape == (4,)
    firsts = [ops.permutation(3, Generator(i))[0].item() for i in range(300)]
    assert all(70 < firsts.count(i) < 130 for i in range(3))


PROBABILITIES = np.array([[0.1, 0.2, 0.7], [0.5, 0.5, 0.0]])


@pytest.mark.parametrize("draw", [
    lambda generator: ops.multinomial(PROBABILITIES, N, generator),
    lambda generator: ops.multinomial(Tensor(3 * PROBABILITIES), N, generator),
    lambda generator: ops.categorical(ops.log(ops.maximum(PROBABILITIES, 1e-30)) + 100.0, N, generator),
])
def test_frequencies_of_classes(draw):
    drawn = draw(Generator(3))
    assert drawn.shape == (2, N) and drawn.dtype == np.int64
    for row, expected in zip(drawn.numpy(), PROBABILITIES):
        np.testing.assert_allclose(np.bincount(row, minlength=3) / N, expected, atol=0.015)
    assert not (drawn[1] == 2).any()
    assert abs(np.corrcoef(drawn.numpy()[0, :-1], drawn.numpy()[0, 1:])[0, 1]) < 0.03


def test_shapes_of_class_draws():
    assert ops.multinomial([0.5, 0.5]).shape == (1,) and ops.categorical(ops.zeros((4, 2, 3)), 5).shape == (4, 2, 5)
    assert ops.categorical(Symbol((None, 3)), 5).shape == (None, 5)
    assert ops.categorical(Symbol((None, 3))).dtype == np.int64


def test_rand_and_randn():
    assert ops.rand(2, 3).shape == (2, 3) and ops.randn(4).shape == (4,) and ops.rand().shape == ()
    drawn = ops.rand(1000).numpy()
    assert 0 <= drawn.min() < 0.05 and 0.95 < drawn.max() < 1
    assert ops.randn(1000).numpy().min() < -2


# Dropout

def test_dropout_keeps_the_mean():
    x = ops.ones((N,))
    for rate in (0.1, 0.5, 0.9):
        out = ops.dropout(x, rate, generator=Generator(0)).numpy()
        assert set(np.unique(out)) == {0, np.float32(1 / (1 - rate))}
        assert abs(np.mean(out == 0) - rate) < 0.015 and abs(out.mean() - 1) < 5 * (rate / (1 - rate) / N) ** 0.5


def test_dropout_gradient_is_the_mask():
    x = Tensor(np.full(100, 3.0), requires_grad=True)
    out = ops.dropout(x, 0.5)
    out.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy() * 3, out.numpy())
    assert (x.grad.numpy() == 0).any() and (x.grad.numpy() == 2).any()


def test_noise_shape():
    x = ops.ones((50, 20, 3))
    out = ops.dropout(x, 0.5, noise_shape=(None, 1, 3), generator=Generator(0)).numpy()
    assert (out == out[:, :1]).all() and not (out == out[:1]).all() and not (out == out[:, :, :1]).all()
    same = ops.dropout(x, 0.5, (50, 20, 1), Generator(0)).numpy()
    assert (same == same[:, :, :1]).all() and 0 < (same == 0).mean() < 1


def test_dropout_of_nothing():
    x = Tensor([1.0, 2.0])
    assert ops.dropout(x, 0) is x and ops.dropout(Symbol((None, 3)), 0.5).shape == (None, 3)
    assert ops.dropout([1.0, 2.0], 0.0).tolist() == [1, 2]
    assert ops.dropout(ops.ones(3, "float16"), 0.5).dtype == np.float16
    assert ops.dropout(ops.ones(1000, "int64"), 0.3).numpy().max() == np.float32(1 / 0.7)


# Seeds

@pytest.mark.parametrize("draw", CALLS.values(), ids=CALLS)
def test_a_seed_fixes_what_is_drawn(draw):
    first, again, other = (draw(shape=(500,), generator=Generator(seed)).numpy() for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("draw", CALLS.values(), ids=CALLS)
def test_the_default_generator_goes_on(draw):
    """Without a generator the default one is drawn from: the next draw differs, a new start repeats."""
    seed_default(3)
    first, second = (draw(shape=(500,), generator=None).numpy() for _ in range(2))
    seed_default(3)
    np.testing.assert_array_equal(draw(shape=(500,), generator=None).numpy(), first)
    assert (first != second).any()


def test_streams_are_independent_of_how_they_are_cut():
    one, many = Generator(7), Generator(7)
    whole = ops.uniform((10,), generator=one).numpy()
    parts = [ops.uniform((), generator=many).item() for _ in range(10)]
    assert whole.tolist() == parts


def test_numpys_seed_fixes_the_default_generator_at_its_first_use(monkeypatch):
    def first_draw(seed):
        monkeypatch.setattr(rng._Default, "generator", None)
        np.random.seed(seed)
        return ops.uniform((3,)).tolist()
    assert first_draw(1337) == first_draw(1337) != first_draw(1338)


def test_seed_default_restarts_the_same_object():
    generator = default_generator()
    seed_default(11)
    assert default_generator() is generator and generator.seed == 11
    drawn = ops.normal((3,)).tolist()
    assert drawn == ops.normal((3,), generator=Generator(11)).tolist()
    np.random.seed(0)       # has no say once there is a generator
    assert ops.normal((3,)).tolist() != drawn


def test_states_come_back():
    generator = Generator(4)
    ops.normal((7,), generator=generator)
    state = generator.get_state()
    first = ops.normal((5,), generator=generator).tolist()
    generator.set_state(state)
    assert ops.normal((5,), generator=generator).tolist() == first
    other = Generator(99)
    other.set_state(state)
    assert ops.normal((5,), generator=other).tolist() == first


def test_random_ops_are_ops():
    """They have a shape rule, so a captured step can plan them."""
    for name in ("random_uniform", "random_normal", "random_truncated_normal", "random_integers"):
        rule = OPS[name].shape(shape=(2, 3), dtype="float32")
        assert rule.shape == (2, 3) and rule.dtype == np.float32
    assert OPS["random_permutation"].shape(shape=(4,), dtype="int64").shape == (4,)


# Gradients

@pytest.mark.parametrize("draw", [
    lambda a, b, generator: ops.normal((3, 4), a, b, generator=generator),
    lambda a, b, generator: ops.truncated_normal((3, 4), a, b, generator=generator),
    lambda a, b, generator: ops.gumbel((3, 4), a, b, generator=generator),
])
def test_gradients_reach_location_and_scale(draw):
    location = Tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True, dtype="float64")
    scale = Tensor(0.5, requires_grad=True, dtype="float64")
    out = draw(location, scale, Generator(0))
    noise = (out.numpy() - location.numpy()) / 0.5
    out.sum().backward()
    np.testing.assert_allclose(location.grad.numpy(), np.full(4, 3.0))
    np.testing.assert_allclose(scale.grad.item(), noise.sum(), rtol=1e-5)


def test_gradients_reach_uniform_bounds():
    low, high = Tensor([0.0, 1.0], requires_grad=True), Tensor([2.0, 3.0], requires_grad=True)
    out = ops.uniform((2,), low, high, generator=Generator(0))
    out.sum().backward()
    share = (out.numpy() - low.numpy()) / 2
    np.testing.assert_allclose(high.grad.numpy(), share, rtol=1e-6)
    np.testing.assert_allclose(low.grad.numpy(), 1 - share, rtol=1e-6)


def test_draws_need_no_gradient():
    assert not ops.normal((2,)).requires_grad and not ops.randint(3, shape=2).requires_grad
    logits = Tensor([0.0, 1.0], requires_grad=True)
    assert not ops.categorical(logits).requires_grad and not ops.bernoulli(ops.sigmoid(logits)).requires_grad


# Bad arguments

@pytest.mark.parametrize("error, text, f", [
    (ValueError, "randint needs low < high, got 3 and 3", lambda: ops.randint(3, 3)),
    (ValueError, "randint needs low < high, got 0 and -1", lambda: ops.randint(-1)),
    (ValueError, r"the dropout rate must lie in \[0, 1\), got 1", lambda: ops.dropout([1.0], 1)),
    (ValueError, "the dropout rate must lie", lambda: ops.dropout([1.0], -0.1)),
    (ValueError, r"noise_shape must have 1, None or .* at each axis of shape \(2, 3\), got \(2,\)",
     lambda: ops.dropout(ops.ones((2, 3)), 0.5, (2,))),
    (ValueError, r"got \(3, 1\)", lambda: ops.dropout(ops.ones((2, 3)), 0.5, (3, 1))),
    (TypeError, "random floats need a float dtype, got int32", lambda: ops.uniform(2, dtype="int32")),
    (TypeError, "random floats need a float dtype, got bool", lambda: ops.normal(2, dtype=bool)),
    (TypeError, "generator must be a tahr.utils.rng.Generator, got int 3", lambda: ops.normal(2, generator=3)),
    (TypeError, "got Generator Generator", lambda: ops.permutation(2, np.random.default_rng(0))),
    (ValueError, "a seed must be an integer from 0 to", lambda: Generator(-1)),
    (ValueError, r"a seed must be .* got 1.5", lambda: seed_default(1.5)),
    (ValueError, "a seed must be .* got True", lambda: Generator(True)),
    (ValueError, "negative dimensions", lambda: ops.uniform((-1,))),
    (TypeError, "integer", lambda: ops.uniform((1.5,))),
])
def test_bad_arguments(error, text, f):
    with pytest.raises(error, match=text):
        f()


def test_no_grad_changes_nothing_drawn():
    with tahr.no_grad():
        drawn = ops.normal((3,), generator=Generator(0)).tolist()
    assert drawn == ops.normal((3,), generator=Generator(0)).tolist()
