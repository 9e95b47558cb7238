"""Learning rates that change with the number of updates: functions of the step, written with ops.

>>> ExponentialDecay(0.1, decay_steps=100, decay_rate=0.5)(200)
Tensor(0.025, dtype=float64)
"""

import math

from ..tensor import Symbol, Tensor
from ..tensor.elementwise import ceil, cos, floor, log, maximum, minimum, power
from ..tensor.logic import where
from ..utils.configurable import Configurable, refuse_class, serialize
from ..utils.custom import deserialized
from ..utils.names import snake_case


class LearningRateSchedule(Configurable):
    """Base of all schedules: ``schedule(step)`` is the learning rate of that update, counted from 0.

    A subclass defines ``rate(step)``, ``step`` being a 0-d float64 tensor, and computes with ops.

    Arguments:
        name: default: from the class.

    >>> class Warmup(LearningRateSchedule):
    ...     def rate(self, step):
    ...         return 0.1 * minimum(step / 10, 1.0)
    >>> Warmup()(5)
    Tensor(0.05, dtype=float64)
    """

    def __init__(self, name=None):
        self.name = name or snake_case(type(self).__name__)

    def rate(self, step):
        """The learning rate at a step."""
        raise TypeError(f"{type(self).__name__} must define rate(step)")

    def __call__(self, step):
        step = step if isinstance(step, Tensor | Symbol) else Tensor(step)
        return self.rate(step.astype("float64"))


def _positive(**values):
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{name} must be positive, got {value}")


class ExponentialDecay(LearningRateSchedule):
    """``initial * decay_rate**(step / decay_steps)``.

    Arguments:
        initial_learning_rate: at step 0.
        decay_steps: after so many steps the rate is multiplied by ``decay_rate``; positive.
        decay_rate: the factor.
        staircase: whether it falls at once every ``decay_steps`` instead of gradually, default False.
        name: as for :class:`LearningRateSchedule`.

    Raises:
        ValueError: for ``decay_steps`` not above 0.

    >>> ExponentialDecay(1.0, 10, 0.5, staircase=True)(19)
    Tensor(0.5, dtype=float64)
    """

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False, name=None):
        super().__init__(name)
        _positive(decay_steps=decay_steps)
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.decay_rate, self.staircase = decay_rate, staircase

    def rate(self, step):
        passed = step / self.decay_steps
        return self.initial_learning_rate * power(self.decay_rate, floor(passed) if self.staircase else passed)


class InverseTimeDecay(LearningRateSchedule):
    """``initial / (1 + decay_rate * step / decay_steps)``.

    Arguments:
        initial_learning_rate: at step 0.
        decay_steps: what time is counted in; positive.
        decay_rate: how fast the rate falls.
        staircase: whether it falls at once every ``decay_steps`` instead of gradually, default False.
        name: as for :class:`LearningRateSchedule`.

    Raises:
        ValueError: for ``decay_steps`` not above 0.

    >>> InverseTimeDecay(1.0, 10, 1.0)(10)
    Tensor(0.5, dtype=float64)
    """

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False, name=None):
        super().__init__(name)
        _positive(decay_steps=decay_steps)
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.decay_rate, self.staircase = decay_rate, staircase

    def rate(self, step):
        passed = step / self.decay_steps
        return self.initial_learning_rate / (1 + self.decay_rate * (floor(passed) if self.staircase else passed))


class PiecewiseConstantDecay(LearningRateSchedule):
    """The first value up to the first boundary (inclusive), then the second, and so on.

    Arguments:
        boundaries: rising step numbers.
        values: one more than there are boundaries.
        name: as for :class:`LearningRateSchedule`.

    Raises:
        ValueError: for another number of values, and for boundaries that do not rise.

    >>> PiecewiseConstantDecay([100, 200], [0.1, 0.01, 0.001])(101)
    Tensor(0.01, dtype=float64)
    """

    def __init__(self, boundaries, values, name=None):
        super().__init__(name)
        if len(values) != len(boundaries) + 1:
            raise ValueError(f"there must be one value more than boundaries, got {len(values)} value(s) and "
                             f"{len(boundaries)} boundaries")
        if sorted(set(boundaries)) != list(boundaries):
            raise ValueError(f"boundaries must rise, got {boundaries}")
        self.boundaries, self.values = list(boundaries), list(values)

    def rate(self, step):
        rate = step * 0 + self.values[-1]
        for boundary, value in zip(self.boundaries[::-1], self.values[-2::-1]):
            rate = where(step <= boundary, value, rate)
        return rate


class PolynomialDecay(LearningRateSchedule):
    """``(initial - end) * (1 - step / decay_steps)**power + end``, and ``end`` afterwards.

    Arguments:
        initial_learning_rate: at step 0.
        decay_steps: where the end is reached; positive.
        end_learning_rate: default 0.0001.
        power: default 1, a straight line.
        cycle: whether to begin anew after the end, each time with the next multiple of ``decay_steps``; default False.
        name: as for :class:`LearningRateSchedule`.

    Raises:
        ValueError: for ``decay_steps`` not above 0.

    >>> PolynomialDecay(1.0, 10, 0.0)(5)
    Tensor(0.5, dtype=float64)
    """

    def __init__(self, initial_learning_rate, decay_steps, end_learning_rate=0.0001, power=1.0, cycle=False, name=None):
        super().__init__(name)
        _positive(decay_steps=decay_steps)
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.end_learning_rate, self.power, self.cycle = end_learning_rate, power, cycle

    def rate(self, step):
        if self.cycle:
            passed = step / (self.decay_steps * maximum(ceil(step / self.decay_steps), 1.0))
        else:
            passed = minimum(step / self.decay_steps, 1.0)
        return (self.initial_learning_rate - self.end_learning_rate) * power(1 - passed, self.power) \
            + self.end_learning_rate


class CosineDecay(LearningRateSchedule):
    """Half a cosine from the initial rate down to ``alpha`` times it; before that, a straight line up to
    ``warmup_target`` if there is one.

    Arguments:
        initial_learning_rate: at step 0.
        decay_steps: how long the fall takes; positive.
        alpha: what part is left, default 0.
        name: as for :class:`LearningRateSchedule`.
        warmup_target: the rate from which it falls; default: the initial one, without warming up.
        warmup_steps: how long the line takes, default 0.

    Raises:
        ValueError: for ``decay_steps`` not above 0, and for negative ``warmup_steps``.

    Source: Loshchilov and Hutter, SGDR: stochastic gradient descent with warm restarts, ICLR 2017.

    >>> CosineDecay(0.0, 100, warmup_target=1.0, warmup_steps=10)(5)
    Tensor(0.5, dtype=float64)
    """

    def __init__(self, initial_learning_rate, decay_steps, alpha=0.0, name=None, warmup_target=None, warmup_steps=0):
        super().__init__(name)
        _positive(decay_steps=decay_steps)
        if not warmup_steps >= 0:
            raise ValueError(f"warmup_steps must not be negative, got {warmup_steps}")
        self.initial_learning_rate, self.decay_steps, self.alpha = initial_learning_rate, decay_steps, alpha
        self.warmup_target, self.warmup_steps = warmup_target, warmup_steps

    def rate(self, step):
        start = self.initial_learning_rate
        if self.warmup_target is None:
            return start * _cosine(minimum(step / self.decay_steps, 1.0), self.alpha)
        line = start + (self.warmup_target - start) * step / max(self.warmup_steps, 1)
        passed = minimum(maximum(step - self.warmup_steps, 0.0) / self.decay_steps, 1.0)
        return where(step < self.warmup_steps, line, self.warmup_target * _cosine(passed, self.alpha))


def _cosine(passed, alpha):
    """From 1 to ``alpha`` while ``passed`` goes from 0 to 1."""
    return (1 - alpha) * 0.5 * (1 + cos(math.pi * passed)) + alpha


class CosineDecayRestarts(LearningRateSchedule):
    """:class:`CosineDecay` again and again, each ``t_mul`` times as long and ``m_mul`` times as high as the last.

    Arguments:
        initial_learning_rate: at step 0.
        first_decay_steps: how long the first one takes; positive.
        t_mul: at least 1, default 2.
        m_mul: default 1.
        alpha: what part of the initial rate is left at the end of each, default 0.
        name: as for :class:`LearningRateSchedule`.

    Raises:
        ValueError: for ``first_decay_steps`` not above 0, and for ``t_mul`` below 1.

    Source: Loshchilov and Hutter, SGDR: stochastic gradient descent with warm restarts, ICLR 2017.

    >>> CosineDecayRestarts(1.0, 10, m_mul=0.5)(10)
    Tensor(0.5, dtype=float64)
    """

    def __init__(self, initial_learning_rate, first_decay_steps, t_mul=2.0, m_mul=1.0, alpha=0.0, name=None):
        super().__init__(name)
        _positive(first_decay_steps=first_decay_steps)
        if not t_mul >= 1:
            raise ValueError(f"t_mul must be at least 1, got {t_mul}")
        self.initial_learning_rate, self.first_decay_steps = initial_learning_rate, first_decay_steps
        self.t_mul, self.m_mul, self.alpha = t_mul, m_mul, alpha

    def rate(self, step):
        passed = step / self.first_decay_steps
        if self.t_mul == 1:
            restarts = floor(passed)
            passed = passed - restarts
        else:       # 1e-9, because log(243) / log(3) is 4.999999999999999
            restarts = floor(log(1 + passed * (self.t_mul - 1)) / math.log(self.t_mul) + 1e-9)
            length = power(self.t_mul, restarts)
            passed = maximum(passed - (length - 1) / (self.t_mul - 1), 0.0) / length
        height = power(self.m_mul, restarts) * _cosine(passed, 0.0)
        return self.initial_learning_rate * ((1 - self.alpha) * height + self.alpha)


class StepLR(LearningRateSchedule):
    """``initial * gamma**floor(step / step_size)``: PyTorch's, counted in updates.

    Arguments:
        initial_learning_rate: at step 0.
        step_size: every how many updates the rate falls; positive.
        gamma: the factor, default 0.1.
        name: as for :class:`LearningRateSchedule`.

    Raises:
        ValueError: for ``step_size`` not above 0.

    >>> StepLR(1.0, 10, 0.5)(20)
    Tensor(0.25, dtype=float64)
    """

    def __init__(self, initial_learning_rate, step_size, gamma=0.1, name=None):
        super().__init__(name)
        _positive(step_size=step_size)
        self.initial_learning_rate, self.step_size, self.gamma = initial_learning_rate, step_size, gamma

    def rate(self, step):
        return self.initial_learning_rate * power(self.gamma, floor(step / self.step_size))


class OneCycleLR(LearningRateSchedule):
    """Half a cosine up to the largest rate, then half a cosine far down: PyTorch's, without its momentum.

    Arguments:
        max_lr: the largest rate.
        total_steps: how many updates the cycle has; at least 2.
        pct_start: the part of them that goes up, between 0 and 1, default 0.3.
        div_factor: ``max_lr / div_factor`` is the first rate, default 25.
        final_div_factor: the first rate divided by it is the last one, default 10000.
        name: as for :class:`LearningRateSchedule`.

    Raises:
        ValueError: for arguments outside these.

    Source: Smith and Topin, Super-convergence, 2017.

    >>> OneCycleLR(1.0, total_steps=101, div_factor=10.0)(0)
    Tensor(0.1, dtype=float64)
    """

    def __init__(self, max_lr, total_steps, pct_start=0.3, div_factor=25.0, final_div_factor=1e4, name=None):
        super().__init__(name)
        if not total_steps >= 2:
            raise ValueError(f"total_steps must be at least 2, got {total_steps}")
        if not 0 < pct_start < 1:
            raise ValueError(f"pct_start must lie between 0 and 1, got {pct_start}")
        _positive(div_factor=div_factor, final_div_factor=final_div_factor)
        self.max_lr, self.total_steps, self.pct_start = max_lr, total_steps, pct_start
        self.div_factor, self.final_div_factor = div_factor, final_div_factor

    def rate(self, step):
        first = self.max_lr / self.div_factor
        last, top = first / self.final_div_factor, self.pct_start * self.total_steps - 1
        end = self.total_steps - 1
        up = self.max_lr + (first - self.max_lr) * _cosine(step / top if top else step * 0 + 1.0, 0.0)
        down = last + (self.max_lr - last) * _cosine(minimum((step - top) / (end - top), 1.0), 0.0)
        return where(step <= top, up, down)


def get(identifier):
    """A schedule by config or itself; a function of the step is used as it is.

    Raises:
        TypeError: for a class instead of its object, and for anything else.

    >>> get({"class_name": "StepLR", "config": {"initial_learning_rate": 0.1, "step_size": 5}}).step_size
    5
    """
    refuse_class(identifier)
    return identifier if callable(identifier) else LearningRateSchedule.get(identifier)


def deserialize(config, custom_objects=None):
    """The schedule that :func:`serialize` wrote down; ``custom_objects`` maps further names to classes.

    >>> deserialize(serialize(StepLR(0.1, 5))).step_size
    5
    """
    return get(deserialized(config, custom_objects, get))


_ALL = {name: cls for name, cls in LearningRateSchedule.registry.items() if cls.__module__ == __name__}
__all__ = ["LearningRateSchedule", "deserialize", "get", "serialize", *_ALL]
