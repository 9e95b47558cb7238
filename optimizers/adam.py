"""Adam, and what was made of it."""

from ..tensor import Variable
from ..tensor.elementwise import absolute, maximum, power, sqrt, square
from ..tensor.logic import where
from ..tensor.state import assign
from ..tensor.update import adam_update
from .base import Optimizer
from .checks import checked_epsilon, checked_fraction, checked_size
from .clip import norm


class _TwoMeans(Optimizer):
    """Base of the optimizers that keep running means of the gradient and of a second measure of it."""

    slots = ("m", "v")

    def __init__(self, learning_rate, beta_1, beta_2, epsilon, decay=0.0, name=None, **kwargs):
        super().__init__(learning_rate, decay, name, **kwargs)
        self.beta_1, self.beta_2 = checked_fraction("beta_1", beta_1), checked_fraction("beta_2", beta_2)
        self.epsilon = checked_epsilon(epsilon)

    def means(self, gradient, m, v):
        """The new running means of the gradient and of its square."""
        return {"m": self.beta_1 * m + (1 - self.beta_1) * gradient,
                "v": self.beta_2 * v + (1 - self.beta_2) * square(gradient)}

    def corrected(self, beta):
        """``1 - beta**t`` for the update now made, in float64: float32 would lose half its digits while it is small."""
        return 1 - power(beta, self.iterations.astype("float64") + 1)


class Adam(_TwoMeans):
    """Momentum over a running mean of the gradient's size, both corrected for beginning at 0:
    ``m = b1 * m + (1 - b1) * g``, ``v = b2 * v + (1 - b2) * g**2``,
    ``p -= lr * sqrt(1 - b2**t) / (1 - b1**t) * m / (sqrt(v) + epsilon)`` at update ``t`` (from 1).

    Epsilon stands where Keras has it, the paper's "epsilon hat", not where PyTorch has it.

    Arguments:
        learning_rate: default 0.001.
        beta_1, beta_2: of the running means, in [0, 1); default 0.9 and 0.999.
        epsilon: keeps the division away from 0; positive, default 1e-7.
        decay, name: as for :class:`Optimizer`, with all its options.
        amsgrad: whether to divide by the largest ``v`` so far, default False.

    Raises:
        ValueError: for an argument outside these.

    Source: Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015; for ``amsgrad`` Reddi, Kale and Kumar,
    On the convergence of Adam and beyond, ICLR 2018.

    >>> import tahr
    >>> w = tahr.Variable([1.0, 2.0])
    >>> Adam(0.5).apply([tahr.Tensor([3.0, -0.1])], [w])
    >>> tahr.ops.round(w.value, 3)
    Tensor([0.5, 2.5])
    """

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, decay=0.0, amsgrad=False,
                 name=None, **kwargs):
        super().__init__(learning_rate, beta_1, beta_2, epsilon, decay, name, **kwargs)
        self.amsgrad = bool(amsgrad)
        self.slots = ("m", "v", "largest") if amsgrad else ("m", "v")

    def update(self, lr, parameter, gradient, m, v, largest=None):
        slots = self.means(gradient, m, v)
        size = slots["v"]
        if largest is not None:
            size = slots["largest"] = maximum(largest, size)
        rate = lr * (sqrt(self.corrected(self.beta_2)) / self.corrected(self.beta_1)).astype(lr.dtype)
        return parameter - rate * slots["m"] / (sqrt(size) + self.epsilon), slots

    def write(self, lr, parameter, gradient, m, v, **rest):
        if rest:
            return Optimizer.write(self, lr, parameter, gradient, m=m, v=v, **rest)
        adam_update(parameter, gradient, lr, self.iterations, m, v, self.beta_1, self.beta_2, self.epsilon)


class AdamW(Adam):
    """Adam with weights that decay by themselves: ``p -= lr * weight_decay * p``, then Adam's step.

    Arguments:
        learning_rate: default 0.001.
        weight_decay: not negative; default 0.004, as Keras 3 (PyTorch: 0.01). See
            :meth:`Optimizer.exclude_from_weight_decay`.
        beta_1, beta_2, epsilon, amsgrad: as for :class:`Adam`.
        name: default ``'adamw'``.
        decay and all other options: as for :class:`Optimizer`.

    Raises:
        ValueError, TypeError: for an argument outside these.

    Source: Loshchilov and Hutter, Decoupled weight decay regularization, ICLR 2019.

    >>> import tahr
    >>> w = tahr.Variable([1.0, 2.0])
    >>> AdamW(0.5, weight_decay=0.1).apply([tahr.Tensor([3.0, -0.1])], [w])
    >>> tahr.ops.round(w.value, 3)          # 0.95 - 0.5, 1.9 + 0.5
    Tensor([0.45, 2.4 ])
    """

    aliases = ("adamw",)        # snake case would be adam_w

    def __init__(self, learning_rate=0.001, weight_decay=0.004, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False,
                 name="adamw", **kwargs):
        checked_size("weight_decay", weight_decay)      # None is no AdamW
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad=amsgrad, name=name, weight_decay=weight_decay,
                         **kwargs)


class Adamax(_TwoMeans):
    """Adam measured by the largest gradient: ``m = b1 * m + (1 - b1) * g``, ``u = max(b2 * u, abs(g))``,
    ``p -= lr / (1 - b1**t) * m / (u + epsilon)`` at update ``t`` (from 1).

    Arguments:
        learning_rate: default 0.002, as Keras 2 (Keras 3: 0.001).
        beta_1, beta_2: in [0, 1); default 0.9 and 0.999.
        epsilon: keeps the division away from 0; positive, default 1e-7.
        decay, name: as for :class:`Optimizer`, with all its options.

    Raises:
        ValueError: for an argument outside these.

    Source: Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015, section 7.

    >>> import tahr
    >>> w = tahr.Variable([1.0, 2.0])
    >>> Adamax(0.5).apply([tahr.Tensor([3.0, -0.1])], [w])
    >>> tahr.ops.round(w.value, 3)
    Tensor([0.5, 2.5])
    """

    slots = ("m", "largest")

    def __init__(self, learning_rate=0.002, beta_1=0.9, beta_2=0.999, epsilon=1e-7, decay=0.0, name=None, **kwargs):
        super().__init__(learning_rate, beta_1, beta_2, epsilon, decay, name, **kwargs)

    def update(self, lr, parameter, gradient, m, largest):
        m = self.beta_1 * m + (1 - self.beta_1) * gradient
        largest = maximum(self.beta_2 * largest, absolute(gradient))
        rate = lr / self.corrected(self.beta_1).astype(lr.dtype)
        return parameter - rate * m / (largest + self.epsilon), {"m": m, "largest": largest}


class Nadam(_TwoMeans):
    """Adam with Nesterov momentum that grows: with ``u(t) = b1 * (1 - 0.96**(t * schedule_decay) / 2)`` and
    ``c(t) = u(1) * ... * u(t)`` at update ``t`` (from 1),
    ``s = (1 - u(t)) * g / (1 - c(t)) + u(t + 1) * m / (1 - c(t + 1))``,
    ``p -= lr * s / (sqrt(v / (1 - b2**t)) + epsilon)``, where ``m`` and ``v`` are Adam's.

    Arguments:
        learning_rate: default 0.002, as Keras 2 (Keras 3: 0.001).
        beta_1, beta_2: in [0, 1); default 0.9 and 0.999.
        epsilon: keeps the division away from 0; positive, default 1e-7.
        schedule_decay: how fast the momentum grows, default 0.004, as Keras 2 and the paper (Keras 3: always 1).
        decay, name: as for :class:`Optimizer`, with all its options.

    Raises:
        ValueError: for an argument outside these.

    Source: Dozat, Incorporating Nesterov momentum into Adam, ICLR workshop 2016.

    >>> import tahr
    >>> w = tahr.Variable([1.0])
    >>> Nadam(0.5).apply([tahr.Tensor([3.0])], [w])
    >>> float(w) < 0.6
    True
    """

    def __init__(self, learning_rate=0.002, beta_1=0.9, beta_2=0.999, epsilon=1e-7, schedule_decay=0.004, decay=0.0,
                 name=None, **kwargs):
        super().__init__(learning_rate, beta_1, beta_2, epsilon, decay, name, **kwargs)
        self.schedule_decay = checked_size("schedule_decay", schedule_decay)
        self.momentum_product = Variable(1.0, trainable=False, name="momentum_product", dtype="float64")

    def scalars(self):
        return [self.momentum_product, *super().scalars()]

    def begin(self):
        assign(self.momentum_product, self.momentum_product * self._momentum(1))

    def _momentum(self, ahead):
        """``u`` of a coming update; 1 is the one now made."""
        t = self.iterations.astype("float64") + ahead
        return self.beta_1 * (1 - 0.5 * power(0.96, t * self.schedule_decay))

    def update(self, lr, parameter, gradient, m, v):
        slots = self.means(gradient, m, v)
        now, following, product = self._momentum(1), self._momentum(2), self.momentum_product
        of_gradient = ((1 - now) / (1 - product)).astype(lr.dtype)
        of_mean = (following / (1 - product * following)).astype(lr.dtype)
        size = sqrt(slots["v"] / self.corrected(self.beta_2).astype(lr.dtype)) + self.epsilon
        return parameter - lr * (of_gradient * gradient + of_mean * slots["m"]) / size, slots


class Lamb(_TwoMeans):
    """Adam for large batches: the step of each variable is as long as the variable itself, times the learning rate:
    ``s = m / (1 - b1**t) / (sqrt(v / (1 - b2**t)) + epsilon)``, ``p -= lr * norm(p) / norm(s) * s``, where ``m`` and
    ``v`` are Adam's; if one of the norms is 0, their ratio is taken as 1.

    Arguments:
        learning_rate: default 0.001.
        beta_1, beta_2: in [0, 1); default 0.9 and 0.999.
        epsilon: keeps the division away from 0; positive, default 1e-7.
        decay, name: as for :class:`Optimizer`, with all its options; ``weight_decay`` comes before the step and is no
            part of its norm, as Keras 3.

    Raises:
        ValueError: for an argument outside these.

    Source: You et al., Large batch optimization for deep learning: training BERT in 76 minutes, ICLR 2020.

    >>> import tahr
    >>> w = tahr.Variable([3.0, 4.0])
    >>> Lamb(0.2).apply([tahr.Tensor([0.0, 0.1])], [w])
    >>> tahr.ops.round(w.value, 3)          # as long as w: 5; times 0.2
    Tensor([3., 3.])
    """

    per_variable = True

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, decay=0.0, name=None, **kwargs):
        super().__init__(learning_rate, beta_1, beta_2, epsilon, decay, name, **kwargs)

    def update(self, lr, parameter, gradient, m, v):
        slots = self.means(gradient, m, v)
        mean = slots["m"] / self.corrected(self.beta_1).astype(lr.dtype)
        step = mean / (sqrt(slots["v"] / self.corrected(self.beta_2).astype(lr.dtype)) + self.epsilon)
        length, of_step = norm([parameter]), norm([step])
        known = (length > 0) & (of_step > 0)
        ratio = where(known, length, 1.0) / where(known, of_step, 1.0)
        return parameter - lr * ratio.astype(lr.dtype) * step, slots
