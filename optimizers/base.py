"""What an optimizer is: names of slots, and one update rule written with ops."""

import inspect
import operator
import re

from ..autograd import Value, no_grad
from ..tensor import Tensor, Variable
from ..tensor.movement import concatenate
from ..tensor.state import assign
from ..utils import settings
from ..utils.configurable import Configurable, serialize
from ..utils.custom import deserialized
from ..utils.names import snake_case
from . import schedules
from .averaging import Averaging
from .checks import checked_count, checked_limit, checked_momentum, checked_rate, checked_size
from .clip import clipped
from .flat import grouped
from .keras2 import Keras2
from .resuming import Resuming


class Optimizer(Averaging, Keras2, Resuming, Configurable):
    """Base of all optimizers.

    A subclass lists ``slots``, the state it keeps for each parameter, and defines ``update(lr, parameter, gradient,
    **slots)``, which returns the new parameter and a dict of the new slots. It is called once for all parameters of a
    dtype, which lie in one flat array, or, if it says ``per_variable = True``, for one parameter at a time, in its
    shape; ``lr`` comes in that dtype. Slots begin at 0, or at what ``starts`` maps their names to, and are kept while
    their parameter is frozen.

    What is set of the options below happens in this order: the gradients are gathered over several calls, limited in
    their norm, then in their elements; the weights decay; the rule updates them; their constraints; the running means.

    Arguments:
        learning_rate: the step size, default 0.01; finite and not negative. It is state, a 0-d float64 tensor that
            ``optimizer.learning_rate = 0.001`` (or ``.lr``) changes, from the next step on. Or what gives it for the
            number of updates so far: a schedule (see :mod:`tahr.optimizers.schedules`), its config, or a function of
            the 0-d ``iterations`` (or of nothing); then it cannot be set to a number.
        decay: the step size of update ``t`` (from 0) is ``learning_rate / (1 + decay * t)``; default 0.
        name: default: from the class.
        weight_decay: each update first takes ``lr * weight_decay`` times itself from every weight, whatever the rule;
            default None. See :meth:`exclude_from_weight_decay`.
        clipnorm: the largest norm of the gradient of each variable, by itself; positive, default None. That is Keras
            3's meaning; Keras 2's ``clipnorm`` was ``global_clipnorm``.
        global_clipnorm: the largest norm of all gradients together; larger ones are all scaled down by one number.
        clipvalue: the largest size of each element of the gradients, after a limit of the norm.
        use_ema: whether to keep a running mean of each variable after each update, for :meth:`swap_ema` and
            :class:`~tahr.callbacks.SwapEMAWeights`; default False.
        ema_momentum: the mean is ``ema_momentum * mean + (1 - ema_momentum) * variable``; from 0 to 1, default 0.99.
        ema_overwrite_frequency: after every so many updates the variables become their means; default None, never.
        gradient_accumulation_steps: every so many calls make one update, by the mean of their gradients; at least 2,
            default None. ``iterations``, and so schedules, count updates (Keras 3's schedules count calls).

    Raises:
        TypeError, ValueError: for arguments outside these, and for both norms at once.

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
    starts: dict[str, float] = {}
    per_variable = False

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "update" in vars(cls) and "write" not in vars(cls):      # the inherited one would write another rule
            cls.write = Optimizer.write

    def __init__(self, learning_rate=0.01, decay=0.0, name=None, *, weight_decay=None, clipnorm=None, clipvalue=None,
                 global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
                 gradient_accumulation_steps=None):
        self.name = name or snake_case(type(self).__name__)
        self.decay = checked_size("decay", decay)
        self.weight_decay = None if weight_decay is None else checked_size("weight_decay", weight_decay)
        if clipnorm is not None and global_clipnorm is not None:
            raise ValueError(f"clipnorm limits each gradient, global_clipnorm all together: give one of them, got "
                             f"{clipnorm} and {global_clipnorm}")
        self.clipnorm, self.clipvalue = checked_limit("clipnorm", clipnorm), checked_limit("clipvalue", clipvalue)
        self.global_clipnorm = checked_limit("global_clipnorm", global_clipnorm)
        self.use_ema, self.ema_momentum = bool(use_ema), checked_momentum(ema_momentum, "ema_momentum")
        self.ema_overwrite_frequency = checked_count("ema_overwrite_frequency", ema_overwrite_frequency, 1)
        self.gradient_accumulation_steps = checked_count("gradient_accumulation_steps", gradient_accumulation_steps, 2)
        self.schedule = self._learning_rate = None
        self.learning_rate = learning_rate
        self.iterations = Variable(0, trainable=False, name="iterations", dtype="int64")
        self._gathered = Variable(0, trainable=False, name="gathered", dtype="int64")      # calls since the last update
        self.groups = []
        self._order = []        # the variables of the groups, as they were given
        self._parked = []       # parameters that were updated once and now are not, with their slots
        self._undecayed, self._undecayed_names = [], []

    @property
    def learning_rate(self):
        """The step size, a 0-d float64 tensor; with a schedule, what it says for the next update."""
        if self.schedule is None:
            return self._learning_rate
        with no_grad():
            rate = self.schedule(self.iterations) if _takes_step(self.schedule) else self.schedule()
            rate = (rate if isinstance(rate, Value) else Tensor(rate, dtype="float64")).astype("float64")
        if rate.shape:
            raise ValueError(f"the learning rate must be one number, the schedule gave one of shape {rate.shape}")
        return rate

    @learning_rate.setter
    def learning_rate(self, value):
        if isinstance(value, dict) or (callable(value) and not hasattr(value, "__float__")):
            self.schedule, self._learning_rate = schedules.get(value), None
            settings.changed()
        elif self.schedule is not None:
            raise TypeError(f"the learning rate of {self.name} follows a schedule and cannot be set to {value!r}: make "
                            "the optimizer with a number, or set another schedule")
        elif self._learning_rate is None:
            # In float64, so that schedules lose no digits; cast once to the parameters' dtype.
            self._learning_rate = Variable(checked_rate(value), trainable=False, name="learning_rate", dtype="float64")
        else:
            self._learning_rate.assign(checked_rate(value))

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

    def begin(self):
        """What changes once for each update, before the parameters; for state that is no slot."""

    def scalars(self):
        """State that is no slot, besides the counter and the learning rate."""
        return [self._gathered] if self.gradient_accumulation_steps else []

    def build(self, variables):
        """Lay out the parameters and their slots; slots of parameters that were here before are kept."""
        known = {id(v): (v, slots) for v, slots in self._slot_views()}
        extras = ("average",) * self.use_ema + ("gradients",) * (self.gradient_accumulation_steps is not None)
        self._order = list(variables)
        self.groups = grouped(self._order, self.slots, extras)
        for group in self.groups:
            for v, slots in group.slot_views():
                _, before = known.pop(id(v), (v, {**self.starts, **({"average": v.data} if self.use_ema else {})}))
                for name, values in before.items():
                    slots[name][...] = values
        self._parked = [(v, {name: values.copy() for name, values in slots.items()}) for v, slots in known.values()]

    def _slot_views(self):
        """For each parameter that was ever updated its slots: those laid out as they were given, then those parked."""
        laid_out = {id(v): (v, slots) for group in self.groups for v, slots in group.slot_views()}
        return [*(laid_out[id(v)] for v in self._order), *self._parked]

    def apply(self, gradients, variables=None):
        """One update of the variables by their gradients, both in the same order; then their constraints.

        Arguments:
            gradients: tensors or arrays.
            variables: default: those of the last time, or of :meth:`build`.

        Raises:
            ValueError: for a gradient that is None or of another shape than its variable, for another number of
                gradients, and for a variable given twice; then nothing is changed.
        """
        gradients, variables = list(gradients), self._order if variables is None else list(variables)
        by_id = {id(v): _checked(g, v) for g, v in zip(gradients, variables)}
        if not len(gradients) == len(variables) == len(by_id):
            raise ValueError(f"apply needs one gradient for each variable and each variable once, got {len(gradients)} "
                             f"gradient(s) for {len(variables)} variable(s), {len(set(map(id, variables)))} different")
        self._lay_out(variables)
        with no_grad():
            flats = [group.gather([by_id[id(v)] for v in group.variables]) for group in self.groups]
            if self.gradient_accumulation_steps is not None and not self._gather(flats):
                return
            if self.clipnorm is not None or self.global_clipnorm is not None or self.clipvalue is not None:
                flats = self._limited(flats)
            self._write_all(flats)
            assign(self.iterations, self.iterations + 1)
            for v in variables:
                if v.constraint is not None:
                    v.assign(v.constraint(v))
            if self.use_ema:
                self._average()

    def apply_gradients(self, pairs):
        """:meth:`apply` for pairs of gradient and variable."""
        pairs = list(pairs)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])

    def way(self):
        """What decides which ops the next :meth:`apply` runs, besides its arguments."""
        return int(self._gathered.data) if self.gradient_accumulation_steps is not None else None

    def _lay_out(self, variables):
        """Build anew unless exactly these variables lie in the flat arrays."""
        same = len(variables) == len(self._order) and all(map(operator.is_, variables, self._order))
        if not (same or sorted(map(id, variables)) == sorted(map(id, self._order))) or not all(
                group.intact for group in self.groups):
            self.build(variables)

    def _gather(self, flats):
        """Add gradients to those of the calls before; whether they are all there: then they become their mean."""
        assign(self._gathered, (self._gathered + 1) % self.gradient_accumulation_steps)
        complete = not self._gathered.data      # which way a recorded step goes, see :meth:`way`
        for i, (group, flat) in enumerate(zip(self.groups, flats)):
            kept = group.extras["gradients"]
            total = kept + flat
            assign(kept, 0.0 if complete else total)
            flats[i] = total / self.gradient_accumulation_steps
        return complete

    def _limited(self, flats):
        """The gradients within the limits that are set."""
        if self.clipnorm is not None:
            flats = [concatenate(clipped(group.split(flat), each=self.clipnorm))
                     for group, flat in zip(self.groups, flats)]
        if self.global_clipnorm is not None or self.clipvalue is not None:
            flats = clipped(flats, together=self.global_clipnorm, value=self.clipvalue)
        return flats

    def _write_all(self, flats):
        """Every parameter and its slots, by their gradients."""
        rate = self._learning_rate if self.schedule is None else self.learning_rate
        if self.decay:
            rate = rate / (1 + self.decay * self.iterations.astype("float64"))
        self.begin()
        for group, flat in zip(self.groups, flats):
            lr = rate.astype(flat.dtype)
            if self.weight_decay:
                self._decay(lr, group)
            if self.per_variable:
                for parameter, gradient, slots in group.parts(flat):
                    self.write(lr, parameter, gradient, **slots)
            else:
                self.write(lr, group.parameters, flat, **group.slots)
            group.written(f"{self.name}.apply")

    def exclude_from_weight_decay(self, var_list=None, var_names=None):
        """Let some variables not decay, from the next update on: these, and those with such a part in their name.

        Arguments:
            var_list: variables.
            var_names: regular expressions; ``['bias']`` is all variables with ``bias`` in their names.

        >>> import tahr
        >>> w, b = tahr.Variable([1.0], name="kernel"), tahr.Variable([1.0], name="bias")
        >>> optimizer = tahr.optimizers.SGD(0.5, weight_decay=0.5)
        >>> optimizer.exclude_from_weight_decay(var_names=["bias"])
        >>> optimizer.apply([[0.0], [0.0]], [w, b])
        >>> float(w), float(b)
        (0.75, 1.0)
        """
        if isinstance(var_names, str):
            raise TypeError(f"var_names must be a list, got the string {var_names!r}: [{var_names!r}]")
        self._undecayed += var_list or ()
        self._undecayed_names += var_names or ()

    def _decays(self, variable):
        return not (any(v is variable for v in self._undecayed)
                    or any(re.search(part, variable.name or "") for part in self._undecayed_names))

    def _decay(self, lr, group):
        """Take their share from the weights, by ``lr``."""
        share = lr * self.weight_decay
        if self._undecayed or self._undecayed_names:
            share = share * group.per_element([self._decays(v) for v in group.variables])
        assign(group.parameters, group.parameters - share * group.parameters)

    @property
    def variables(self):
        """All state: iterations, learning rate (if it is no schedule), other single numbers, then the flat slots."""
        return [self.iterations, *([self._learning_rate] if self.schedule is None else ()), *self.scalars(),
                *(s for group in self.groups for s in (*group.slots.values(), *group.extras.values()))]

    def get_config(self):
        """The arguments that make an equal optimizer (without its slots), with the learning rate as it is now.

        A learning rate that is a function is there by its name, for ``custom_objects`` of ``optimizers.deserialize``.
        """
        rate = float(self._learning_rate) if self.schedule is None else serialize(self.schedule)
        return {**super().get_config(), "learning_rate": rate}


def deserialize(config, custom_objects=None):
    """The optimizer that ``serialize`` wrote down.

    Arguments:
        config: a dict of ``class_name`` and ``config``, or a name.
        custom_objects: maps further names to classes, and to functions and schedules used as learning rates.

    >>> from tahr.optimizers import SGD, serialize
    >>> def halving(step):
    ...     return 0.5 ** float(step)
    >>> deserialize(serialize(SGD(halving)), {"halving": halving}).schedule is halving
    True
    """
    if isinstance(config, dict) and isinstance(config.get("config"), dict):
        arguments = dict(config["config"])
        rate = arguments.get("learning_rate")
        if isinstance(rate, dict) or isinstance(rate, str) and rate in (custom_objects or {}):
            arguments["learning_rate"] = schedules.deserialize(rate, custom_objects)
        config = {**config, "config": arguments}
    return deserialized(config, custom_objects, Optimizer.get)


def _takes_step(schedule):
    """Whether a function takes the step (Keras 3 calls functions without it)."""
    try:
        inspect.signature(schedule).bind(0)
    except TypeError:
        return False
    except ValueError:      # a builtin without a signature
        return True
    return True


def _checked(gradient, variable):
    """The gradient as a tensor of the variable's shape."""
    name = variable.name or "a variable"
    if gradient is None:
        raise ValueError(f"the gradient of {name} is None: the loss does not depend on it; leave it out")
    gradient = gradient if isinstance(gradient, Value) else Tensor(gradient, dtype=variable.dtype)
    if gradient.shape != variable.shape:
        raise ValueError(f"the gradient of {name} must have its shape {variable.shape}, got {gradient.shape}")
    return gradient
