"""The updates of optimizers over flat arrays, in place and in one pass over the memory.

Kernels and references do the same operations in the same order, each rounded by itself, so they agree to the bit; they
wait for memory, not for arithmetic, and fused operations would gain nothing. Slots whose value falls below the smallest
normal number become 0: running means of gradients that have stopped would else go through the denormal numbers, with
which processors are several times slower.

``lr`` is an array of one number, read when the kernel runs, so that a step that is replayed follows a schedule.
"""

import numpy as np

from .approximate import NORMAL, ZERO
from .jit import FLOAT32, device, entry, kernel
from .threads import split

GRAIN = 400_000                     # parameters: 60 us while they are in the third cache, 400 from memory
ROUNDED: dict[str, set[str]] = {"fastmath": set()}


@device(inline=True, options=ROUNDED)
def _kept(x):
    return ZERO if abs(x) < NORMAL else x       # NaN stays


def _flushed(slot):
    """Denormal numbers of a slot become 0, in place."""
    slot[np.abs(slot) < np.finfo(slot.dtype).tiny] = 0


def _over(code, arrays, *numbers):
    """Run a kernel over flat arrays of one length."""
    count = arrays[0].size
    if count < 2 * GRAIN:
        code(*arrays, 0, count, *numbers)
    else:
        split(count, lambda _part, low, high: code(*arrays, low, high, *numbers), GRAIN)


def _flat(lr, *arrays):
    """Whether the kernels can take them: contiguous float32, written where they are."""
    for a in (lr, *arrays):
        if type(a) is not np.ndarray or a.dtype is not FLOAT32 or not a.flags.c_contiguous:
            return False
    return True


# Gradient descent

@kernel("*f *f *f i i", **ROUNDED)
def sgd_plain(p, g, lr, low, high):
    rate = lr[0]
    for i in range(low, high):
        p[i] -= g[i] * rate


@kernel("*f *f *f *f i i f", **ROUNDED)
def sgd_momentum(p, g, v, lr, low, high, momentum):
    rate = lr[0]
    for i in range(low, high):
        moved = _kept(v[i] * momentum - g[i] * rate)
        v[i] = moved
        p[i] += moved


@kernel("*f *f *f *f i i f", **ROUNDED)
def sgd_nesterov(p, g, v, lr, low, high, momentum):
    rate = lr[0]
    for i in range(low, high):
        step = g[i] * rate
        moved = _kept(v[i] * momentum - step)
        v[i] = moved
        p[i] += moved * momentum - step


def _sgd(parameter, gradient, lr, velocity=None, momentum=0.0, nesterov=False):
    step = gradient * lr
    if velocity is None:
        parameter -= step
        return
    velocity *= momentum
    velocity -= step
    _flushed(velocity)
    parameter += velocity * momentum - step if nesterov else velocity


@entry(_sgd)
def sgd(parameter, gradient, lr, velocity=None, momentum=0.0, nesterov=False):
    """``v = momentum v - lr g``, then ``p += v``, or with ``nesterov`` ``p += momentum v - lr g``.

    Without ``v`` it is ``p -= lr g``.
    """
    if not _flat(lr, parameter, gradient, gradient if velocity is None else velocity):
        _sgd(parameter, gradient, lr, velocity, momentum, nesterov)
    elif velocity is None:
        _over(sgd_plain, (parameter, gradient, lr))
    else:
        _over(sgd_nesterov if nesterov else sgd_momentum, (parameter, gradient, velocity, lr), momentum)


# Steps measured by the size of the gradients

@kernel("*f *f *f *f i i f f f", **ROUNDED)
def scaled_step(p, g, a, lr, low, high, rho, share, epsilon):
    rate = lr[0]
    for i in range(low, high):
        square = _kept(a[i] * rho + g[i] * g[i] * share)
        a[i] = square
        p[i] -= g[i] * rate / (np.sqrt(square) + epsilon)


def _scaled_step(parameter, gradient, lr, accumulator, rho, share, epsilon):
    accumulator *= rho
    accumulator += np.square(gradient) * share
    _flushed(accumulator)
    parameter -= gradient * lr / (np.sqrt(accumulator) + epsilon)


def _rmsprop(parameter, gradient, lr, accumulator, rho=0.9, epsilon=1e-7):
    _scaled_step(parameter, gradient, lr, accumulator, rho, 1 - rho, epsilon)


@entry(_rmsprop)
def rmsprop(parameter, gradient, lr, accumulator, rho=0.9, epsilon=1e-7):
    """``a = rho a + (1 - rho) g**2``, then ``p -= lr g / (sqrt(a) + epsilon)``."""
    if not _flat(lr, parameter, gradient, accumulator):
        return _rmsprop(parameter, gradient, lr, accumulator, rho, epsilon)
    _over(scaled_step, (parameter, gradient, accumulator, lr), rho, 1 - rho, epsilon)


def _adagrad(parameter, gradient, lr, accumulator, epsilon=1e-7):
    _scaled_step(parameter, gradient, lr, accumulator, 1, 1, epsilon)


@entry(_adagrad)
def adagrad(parameter, gradient, lr, accumulator, epsilon=1e-7):
    """``a = a + g**2``, then ``p -= lr g / (sqrt(a) + epsilon)``."""
    if not _flat(lr, parameter, gradient, accumulator):
        return _adagrad(parameter, gradient, lr, accumulator, epsilon)
    _over(scaled_step, (parameter, gradient, accumulator, lr), 1.0, 1.0, epsilon)


@kernel("*f *f *f *f *f i i f f f", **ROUNDED)
def adadelta_step(p, g, a, d, lr, low, high, rho, share, epsilon):
    rate = lr[0]
    for i in range(low, high):
        square = _kept(a[i] * rho + g[i] * g[i] * share)
        step = g[i] * np.sqrt(d[i] + epsilon) / np.sqrt(square + epsilon)
        a[i] = square
        d[i] = _kept(d[i] * rho + step * step * share)
        p[i] -= step * rate


def _adadelta(parameter, gradient, lr, accumulator, steps, rho=0.95, epsilon=1e-7):
    accumulator *= rho
    accumulator += np.square(gradient) * (1 - rho)
    _flushed(accumulator)
    step = gradient * np.sqrt(steps + epsilon) / np.sqrt(accumulator + epsilon)
    steps *= rho
    steps += np.square(step) * (1 - rho)
    _flushed(steps)
    parameter -= step * lr


@entry(_adadelta)
def adadelta(parameter, gradient, lr, accumulator, steps, rho=0.95, epsilon=1e-7):
    """``a = rho a + (1 - rho) g**2``, ``u = g sqrt(d + epsilon) / sqrt(a + epsilon)``, ``p -= lr u``.

    ``d``, in ``steps``, is the running mean of ``u**2``: ``d = rho d + (1 - rho) u**2``.
    """
    if not _flat(lr, parameter, gradient, accumulator, steps):
        return _adadelta(parameter, gradient, lr, accumulator, steps, rho, epsilon)
    _over(adadelta_step, (parameter, gradient, accumulator, steps, lr), rho, 1 - rho, epsilon)


# Adam

@kernel("*f *f *f *f *f i i f f f f f", **ROUNDED)
def adam_step(p, g, m, v, lr, low, high, beta_1, share_1, beta_2, share_2, epsilon):
    rate = lr[0]
    for i in range(low, high):
        mean = _kept(m[i] * beta_1 + g[i] * share_1)
        square = _kept(v[i] * beta_2 + g[i] * g[i] * share_2)
        m[i] = mean
        v[i] = square
        p[i] -= mean * rate / (np.sqrt(square) + epsilon)


def _adam(parameter, gradient, rate, m, v, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    m *= beta_1
    m += gradient * (1 - beta_1)
    _flushed(m)
    v *= beta_2
    v += np.square(gradient) * (1 - beta_2)
    _flushed(v)
    parameter -= m * rate / (np.sqrt(v) + epsilon)


@entry(_adam)
def adam(parameter, gradient, rate, m, v, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """``m`` and ``v``, the running means of ``g`` and ``g**2``, then ``p -= rate m / (sqrt(v) + epsilon)``."""
    if not _flat(rate, parameter, gradient, m, v):
        return _adam(parameter, gradient, rate, m, v, beta_1, beta_2, epsilon)
    _over(adam_step, (parameter, gradient, m, v, rate), beta_1, 1 - beta_1, beta_2, 1 - beta_2, epsilon)
