"""What an optimizer is: names of slots, and one update rule written with ops."""

import math

from ..autograd import Value, no_grad
from ..tensor import Tensor, Variable
from ..tensor.create import from_numpy
from ..tensor.state import assign
from ..utils import settings
from ..utils.configurable import Configurable
from ..utils.names import snake_case
from .flat import grouped


class Optimizer(Configurable):
    """Base of all optimizers.

    A subclass lists ``slots``, the state it keeps for each parameter, and defines ``update(lr, parameter, gradient,
    **slots)``, which returns the new parameter and a dict of the new slots. It is called once for all parameters of a
    dtype, which lie in one flat array; ``lr`` comes in that dtype. Slots begin at 0, and are kept while their parameter
    is frozen.

    Arguments:
        learning_rate: the step size, default 0.01; finite and not negative. It is state, a 0-d float64 tensor that
            ``optimizer.learning_rate = 0.001`` (or ``.lr``) changes, from the next step on.
        decay: the step size of update ``t`` (from 0) is ``learning_rate / (1 + decay * t)``; default 0.
        name: default: from the class.

    Raises:
        TypeError, ValueError: for a learning rate or decay outside these.

    >>> import tahr
    >>> class SignDescent(Optimizer):
    ...     def update(self, lr, parameter, gradient):
    ...         return parameter - lr * tahr.ops.sign(gradient), {}
    >>> w = tahr.Variable([1.0, 2.0])
    >>> SignDescent(0.5).apply([tahr.Tensor([3.0, -0.1])], [w])
    >>> w
    Variable([0.5, 2.5], requires_grad=True)
    """

    slots: tuple[str, ...] = ()

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "update" in vars(cls) and "write" not in vars(cls):      # the inherited one would write another rule
            cls.write = Optimizer.write

    def __init__(self, learning_rate=0.01, decay=0.0, name=None):
        if not decay >= 0:
            raise ValueError(f"decay must not be negative, got {decay}")
        self.name = name or snake_case(type(self).__name__)
        # In float64, so that schedules lose no digits; cast once to the parameters' dtype.
        self._learning_rate = Variable(_checked_rate(learning_rate), trainable=False, name="learning_rate",
                                       dtype="float64")
        self.decay = decay
        self.iterations = Variable(0, trainable=False, name="iterations", dtype="int64")
        self.groups = []
        self._parked = []       # parameters that were updated once and now are not, with their slots

    @property
    def learning_rate(self):
        """The step size, a 0-d tensor."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value):
        self._learning_rate.assign(_checked_rate(value))

    lr = learning_rate

    def update(self, lr, parameter, gradient):
        """The new parameter, and a dict of the new slots."""
        raise TypeError(f"{type(self).__name__} must define update(lr, parameter, gradient, **slots)")

    def write(self, lr, parameter, gradient, **slots):
        """Put what :meth:`update` computes in place; optimizers of ours do both in one op."""
        parameter_now, slots_now = self.update(lr, parameter, gradient, **slots)
        assign(parameter, parameter_now)
        for name, value in slots_now.items():
            assign(slots[name], value)

    def build(self, variables):
        """Lay out the parameters and their slots; slots of parameters that were here before are kept."""
        pairs = [*self._parked, *(pair for group in self.groups for pair in group.slot_views())]
        known = {id(v): (v, slots) for v, slots in pairs}
        self.groups = grouped(variables, self.slots)
        for group in self.groups:
            for v, slots in group.slot_views():
                _, before = known.pop(id(v), (v, {}))
                for name, values in before.items():
                    slots[name][...] = values
        self._parked = [(v, {name: values.copy() for name, values in slots.items()}) for v, slots in known.values()]

    def apply(self, gradients, variables):
        """One update of the variables by their gradients, both in the same order; then their constraints.

        Raises:
            ValueError: for a gradient that is None or of another shape than its variable, for another number of
                gradients, and for a variable given twice; then nothing is changed.
        """
        gradients, variables = list(gradients), list(variables)
        by_id = {id(v): _checked(g, v) for g, v in zip(gradients, variables)}
        if not len(gradients) == len(variables) == len(by_id):
            raise ValueError(f"apply needs one gradient for each variable and each variable once, got {len(gradients)} "
                             f"gradient(s) for {len(variables)} variable(s), {len(set(map(id, variables)))} different")
        self._lay_out(variables)
        with no_grad():
            lr = self._current_rate()
            for group in self.groups:
                flat = from_numpy(group.gather([by_id[id(v)] for v in group.variables]))
                self.write(lr.astype(flat.dtype), group.parameters, flat, **group.slots)
                group.written(f"{self.name}.apply")
            assign(self.iterations, self.iterations + 1)
            for v in variables:
                if v.constraint is not None:
                    v.assign(v.constraint(v))

    def apply_gradients(self, pairs):
        """:meth:`apply` for pairs of gradient and variable."""
        pairs = list(pairs)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])

    def _lay_out(self, variables):
        """Build anew unless exactly these variables lie in the flat arrays."""
        laid_out = [id(v) for group in self.groups for v in group.variables]
        if sorted(laid_out) != sorted(map(id, variables)) or not all(group.intact for group in self.groups):
            self.build(variables)

    def _current_rate(self):
        if not self.decay:
            return self._learning_rate
        return self._learning_rate / (1 + self.decay * self.iterations.astype("float64"))

    @property
    def variables(self):
        """All state: iterations, learning rate, then the flat slots."""
        return [self.iterations, self._learning_rate, *(s for group in self.groups for s in group.slots.values())]

    def get_config(self):
        """The arguments that make an equal optimizer (without its slots), with the learning rate as it is now."""
        return {**super().get_config(), "learning_rate": float(self._learning_rate)}


def _checked(gradient, variable):
    """The gradient as a tensor of the variable's shape."""
    name = variable.name or "a variable"
    if gradient is None:
        raise ValueError(f"the gradient of {name} is None: the loss does not depend on it; leave it out")
    gradient = gradient if isinstance(gradient, Value) else Tensor(gradient, dtype=variable.dtype)
    if gradient.shape != variable.shape:
        raise ValueError(f"the gradient of {name} must have its shape {variable.shape}, got {gradient.shape}")
    return gradient


def _checked_rate(value):
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise TypeError(f"the learning rate must be a number, got {type(value).__name__} {value!r}")
    if not 0 <= float(value) < math.inf:
        raise ValueError(f"the learning rate must be finite and not negative, got {value}")
    return float(value)


def checked_fraction(name, value):
    """``value``, if it lies in [0, 1).

    >>> checked_fraction("rho", 1.0)
    Traceback (most recent call last):
    ValueError: rho must lie in [0, 1), got 1.0
    """
    if not 0 <= value < 1:
        raise ValueError(f"{name} must lie in [0, 1), got {value}")
    return value


def checked_epsilon(value):
    """``value``, if it is positive; None is the setting, as in Keras 2.

    >>> checked_epsilon(None)
    1e-07
    """
    value = settings.epsilon() if value is None else value
    if not value > 0:
        raise ValueError(f"epsilon must be positive, got {value}")
    return value
