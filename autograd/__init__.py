"""Differentiation: the gate, the graph, and the transforms of functions. Knows arrays and ops, no tensors or layers."""

from .check import check_grads
from .custom import Context, Function, custom_gradient
from .engine import apply
from .gradient import gradients
from .mode import detect_anomaly, enable_grad, no_grad, set_grad_enabled
from .op import FUNCTIONS, OPS, Op, function, op
from .recompute import checkpoint
from .samples import apart, booleans, integers, kink, nonzero, positive, raises, real, sample, simplex, within
from .transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .value import Spec, Value

__all__ = [
    "FUNCTIONS", "OPS", "Context", "Function", "Op", "Spec", "Value", "apart", "apply", "booleans", "check_grads",
    "checkpoint", "custom_gradient", "detect_anomaly", "enable_grad", "function", "grad", "gradients", "hessian", "hvp",
    "integers", "jacobian", "jvp", "kink", "no_grad", "nonzero", "op", "positive", "raises", "real", "sample",
    "set_grad_enabled", "simplex", "value_and_grad", "vjp", "within",
]
