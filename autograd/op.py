"""Ops are records, each defined once, in one place; this is the record and the table of all of them."""

import functools
import inspect

from .engine import apply

OPS: dict[str, "Op"] = {}                   # every primitive op by name
FUNCTIONS: dict[str, "Composed"] = {}       # every function composed of ops by name


class Op:
    """One primitive operation.

    Attributes:
        name: the public name, NumPy's where NumPy has it.
        forward: arrays in, array (or tuple of arrays) out; keyword attributes.
        shape: the shape rule. Specs in; a shape, a Spec (where the dtype depends on the call) or a list of Specs
            (several results) out. Raises where ``forward`` would.
        dtype: of the result, if not the promotion of the inputs': a dtype, or ``"float"`` for integers to floats.
        rules: one gradient rule per argument, ``rule(g, out, *inputs, **attrs)``, written with ops; None where no
            gradient flows. A parameter whose name begins with ``_`` arrives as a Spec: its memory is not kept.
            For several results, ``g`` is a list (None for a result that nobody used) and ``out`` a tuple.
        reference: a plain NumPy function that says what ``forward`` means.
        samples: the calls on which the generic tests run.
        residual: ``forward`` returns ``(result, residual)``; rules take the residual as the keyword ``residual``.
        rectified: a function of the arrays that also replaces negative results by 0, where a kernel does that on the
            way.
        into: a function of the arrays that writes its result into its keyword ``out``, which is contiguous.
        writes: the positions of the inputs whose memory ``forward`` writes into; () for nearly all.
        adjust: brings a rule's result to the shape and dtype of the argument, after broadcasting.
    """

    __slots__ = ("name", "forward", "shape", "dtype", "rules", "reference", "samples", "residual", "adjust", "keeps",
                 "keeps_rest", "keeps_out", "ruled", "variadic", "function", "differentiable", "rectified",
                 "into", "writes")

    def __init__(self, name, forward, shape, rules, reference=None, samples=(), dtype=None, residual=False,
                 adjust=None, rectified=None, into=None, writes=()):
        self.name, self.forward, self.shape, self.rules, self.dtype = name, forward, shape, rules, dtype
        self.reference, self.samples, self.residual, self.adjust = reference, samples, residual, adjust
        self.rectified, self.into, self.writes = rectified, into, writes
        self.variadic = callable(rules)             # rules(i) is then the rule of argument i
        given = [rules(0)] if self.variadic else [r for r in rules or () if r]
        self.differentiable = bool(given)
        self.ruled = None if self.variadic else [r is not None for r in rules or ()]     # which arguments have a rule
        codes = [r.__code__ for r in given]
        named = max((c.co_argcount - 2 for c in codes), default=0) if self.variadic else len(rules or ())
        self.keeps_out = any(_uses(c, 1) for c in codes)
        self.keeps = tuple(any(_uses(c, 2 + i) for c in codes) for i in range(named))
        self.keeps_rest = any(_uses(c, 2 + named) for c in codes)       # of *inputs

    def rule(self, i):
        """The gradient rule of argument ``i``."""
        return self.rules(i) if self.variadic else self.rules[i]

    def gradients(self, needed, g, out, inputs, attrs):
        """A list of ``(i, gradient)`` for the needed arguments whose rule gives one."""
        pairs = []
        for i in needed:
            found = self.rule(i)(g, out, *inputs, **attrs)
            if found is None:
                continue
            if found.shape != inputs[i].shape or found.dtype != inputs[i].dtype:
                if self.adjust is not None:
                    found = self.adjust(found, inputs[i])
                elif found.shape != inputs[i].shape:
                    raise ValueError(f"the gradient rule of {self.name!r} for argument {i} must give the argument's "
                                     f"shape {inputs[i].shape}, gave {found.shape}: sum over broadcast axes, or set "
                                     "adjust=")
            pairs.append((i, found))
        return pairs

    def __reduce__(self):
        return OPS.__getitem__, (self.name,)

    def __repr__(self):
        return f"<op {self.name}>"


def _uses(code, position):
    """Whether a rule uses the argument at a position: whether its name begins without ``_``."""
    if position < code.co_argcount:
        return not code.co_varnames[position].startswith("_")
    star = code.co_flags & inspect.CO_VARARGS and code.co_varnames[code.co_argcount + code.co_kwonlyargcount]
    return bool(star) and not star.startswith("_")


class Composed:
    """A function composed of ops; tested like an op, by the same fields."""

    __slots__ = ("name", "function", "reference", "samples", "differentiable")

    def __init__(self, name, function, reference, samples, differentiable):
        self.name, self.function, self.reference = name, function, reference
        self.samples, self.differentiable = samples, differentiable


def op(*, shape, vjp=None, reference=None, samples=(), dtype=None, residual=False, adjust=None, name=None,
       rectified=None, into=None, writes=()):
    """Define an op by its function of arrays; returns the function that users call.

    Parameters without a default are inputs, those with a default are attributes. ``vjp`` is a list of rules, or for
    an op of any number of inputs (``*arrays``) a function from the argument's index to its rule.

    >>> import numpy as np
    >>> from tahr.autograd import OPS, op
    >>> @op(shape=lambda x: x.shape, vjp=[lambda g, _out, _x: 3 * g])
    ... def triple(x):
    ...     return x * 3
    >>> import tahr
    >>> triple(tahr.Tensor([1.0, 2.0]))
    Tensor([3., 6.])
    >>> del OPS["triple"]
    """
    def decorate(forward):
        label = name or forward.__name__.strip("_")
        record = Op(label, forward, shape, vjp, reference, samples, dtype, residual, adjust, rectified, into, writes)
        record.function = _public(record, forward)
        OPS[label] = record
        return record.function
    return decorate


def function(*, reference, samples, name=None, differentiable=True):
    """Enter a function composed of ops in the table, so that the generic tests run over it too.

    >>> from tahr.autograd import FUNCTIONS, function, real, sample
    >>> @function(reference=lambda x: 4 * x, samples=[sample(real(3))])
    ... def quadruple(x):
    ...     return x * 2 * 2
    >>> FUNCTIONS.pop("quadruple").samples
    [sample(real(3))]
    """
    def decorate(composed):
        label = name or composed.__name__.strip("_")
        FUNCTIONS[label] = Composed(label, composed, reference, samples, differentiable)
        return composed
    return decorate


def _public(record, forward):
    """The function users call: splits its arguments into inputs and attributes and goes through the gate."""
    code, defaults = forward.__code__, forward.__defaults__ or ()
    names = code.co_varnames[:code.co_argcount + code.co_kwonlyargcount]
    if code.co_flags & inspect.CO_VARARGS:
        attributes = dict(forward.__kwdefaults__ or {})

        def call(*inputs, **attrs):
            if not attrs.keys() <= attributes.keys():
                _refuse(record.name, names, attrs.keys() - attributes.keys())
            return apply(record, inputs, {**attributes, **attrs})
        return functools.update_wrapper(call, forward)

    count = code.co_argcount - len(defaults)
    attributes = {**dict(zip(names[count:], defaults)), **(forward.__kwdefaults__ or {})}

    def call(*args, **kwargs):
        if len(args) == count and kwargs.keys() <= attributes.keys():
            return apply(record, args, {**attributes, **kwargs} if kwargs else attributes)
        bound = dict(zip(names, args)) if len(args) <= len(names) else _too_many(record.name, names, args)
        twice = bound.keys() & kwargs.keys()
        bound |= kwargs
        missing = [n for n in names[:count] if n not in bound]
        if twice or missing or not bound.keys() <= set(names):
            _refuse(record.name, names, bound.keys() - set(names), twice, missing)
        inputs = tuple(bound.pop(n) for n in names[:count])
        return apply(record, inputs, {**attributes, **bound})
    return functools.update_wrapper(call, forward)


def _too_many(name, names, args):
    raise TypeError(f"{name}({', '.join(names)}) takes {len(names)} arguments, got {len(args)}")


def _refuse(name, names, unknown=(), twice=(), missing=()):
    what = (f"unknown {sorted(unknown)}" if unknown else f"{sorted(twice)} given twice" if twice
            else f"{missing} missing")
    raise TypeError(f"{name}({', '.join(names)}): {what}")
