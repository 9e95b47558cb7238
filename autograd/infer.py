"""What an op would return, asked of its shape rule."""

import numpy as np

from .value import SCALARS, OpCall, Spec, Types, Value, constant, promoted


def infer(op, inputs, attrs):
    """What ``op`` would return, as a Spec that knows where it comes from: runs the op's shape rule."""
    specs = [_as_spec(x, inputs) for x in inputs]
    result = op.shape(*specs, **attrs)
    if not isinstance(result, Spec | list):
        result = Types.spec(result, promoted(inputs, op.dtype))
    call, several = OpCall(op, inputs, attrs), isinstance(result, list)
    outs = tuple([Types.spec(s.shape, s.dtype) for s in (result if several else [result])])     # an input may come back
    for i, out in enumerate(outs):
        out.source = (call, i)
    return outs if several else outs[0]


def _as_spec(x, inputs):
    if isinstance(x, Spec) or x is None:
        return x
    x = x if isinstance(x, Value) else constant(x, inputs)
    return Types.spec((), np.result_type(x)) if type(x) in SCALARS else Types.spec(x.shape, x.dtype)


def explain(error, op, inputs, attrs):
    """The shape rule's error where it has one, which says more than NumPy's; else ``error`` with the op's name."""
    try:
        infer(op, inputs, attrs)
    except Exception as better:
        return better
    shapes = ", ".join(str(getattr(x, "shape", x)) for x in inputs)
    error.add_note(f"in tahr.ops.{op.name} of {shapes}")
    return error
