"""The words in which ops write down the calls that test them: what to draw, what to call, what must raise.

>>> sample(real(2, 3), positive(3), axis=0)
sample(real(2, 3), positive(3), axis=0)
"""

import numpy as np


class Draw:
    """An array still to be drawn: a kind of values and a shape.

    >>> within(0.0, 1.0, 2, 3)(np.random.default_rng(0)).shape
    (2, 3)
    """

    __slots__ = ("kind", "shape", "bounds")

    def __init__(self, kind, shape, bounds=()):
        self.kind, self.shape, self.bounds = kind, shape, bounds

    def __call__(self, rng):
        return np.asarray(_KINDS[self.kind](rng, self.shape, *self.bounds))

    def __repr__(self):
        return f"{self.kind}({', '.join(map(repr, (*self.bounds, *self.shape)))})"


def _apart(rng, shape):
    size = int(np.prod(shape))
    steps = 2.0 * (rng.permutation(size).reshape(shape) - 0.4 * size) / max(size, 1)
    return steps + rng.uniform(0, 0.3 / (size + 1), shape)


_KINDS = {
    "real": lambda rng, shape: rng.standard_normal(shape),
    "positive": lambda rng, shape: rng.uniform(0.3, 2.0, shape),
    "nonzero": lambda rng, shape: rng.uniform(0.3, 2.0, shape) * rng.choice([-1.0, 1.0], shape),
    "within": lambda rng, shape, low, high: rng.uniform(low, high, shape),
    "apart": _apart,
    "integers": lambda rng, shape, low, high: rng.integers(low, high, shape),
    "booleans": lambda rng, shape: rng.random(shape) < 0.5,
    "simplex": lambda rng, shape: rng.dirichlet(np.ones(shape[-1]), shape[:-1]),
}


def real(*shape):
    """Standard normal floats."""
    return Draw("real", shape)


def positive(*shape):
    """Floats from 0.3 to 2."""
    return Draw("positive", shape)


def nonzero(*shape):
    """Floats of either sign, at least 0.3 from 0: for ops with a kink or pole at 0."""
    return Draw("nonzero", shape)


def within(low, high, *shape):
    """Uniform floats from ``low`` to ``high``."""
    return Draw("within", shape, (low, high))


def apart(*shape):
    """Floats no two of which are close: for maxima, sorting and other ops with kinks at ties."""
    return Draw("apart", shape)


def integers(low, high, *shape):
    """Integers in ``[low, high)``."""
    return Draw("integers", shape, (low, high))


def booleans(*shape):
    """Fair coins."""
    return Draw("booleans", shape)


def simplex(*shape):
    """Non-negative floats that sum to 1 along the last axis."""
    return Draw("simplex", shape)


class Sample:
    """One call of an op: positional arguments (:class:`Draw` or plain), keywords, and what it must raise if it must.

    ``order`` says how often it can be differentiated.
    """

    __slots__ = ("args", "kwargs", "error", "match", "order")

    def __init__(self, args, kwargs, error=None, match=None, order=2):
        self.args, self.kwargs, self.error, self.match, self.order = args, kwargs, error, match, order

    def draw(self, seed=0):
        """The call's arguments, drawn: ``args, kwargs``.

        >>> args, kwargs = sample(integers(5, 6, 2), axis=0).draw()
        >>> args, kwargs
        ([array([5, 5])], {'axis': 0})
        """
        rng = np.random.default_rng(seed)
        fill = lambda a: a(rng) if isinstance(a, Draw) else [fill(b) for b in a] if isinstance(a, list) else a
        return [fill(a) for a in self.args], {k: fill(v) for k, v in self.kwargs.items()}

    def __repr__(self):
        words = [*map(repr, self.args), *(f"{k}={v!r}" for k, v in self.kwargs.items())]
        return f"sample({', '.join(words)})"


def sample(*args, **kwargs):
    """A call that must work."""
    return Sample(args, kwargs)


def kink(*args, **kwargs):
    """A call at a kink, where the gradient must be the mean of those on both sides: as differences give it."""
    return Sample(args, kwargs, order=1)


def raises(error, match, *args, **kwargs):
    """A call that must raise ``error`` with a text that matches ``match``, on arrays and on Specs."""
    return Sample(args, kwargs, error, match)
