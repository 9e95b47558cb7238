"""Keras's ``K``: the functions of its backend by their names there, on tensors and on symbols.

>>> from tahr import backend as K
>>> K.mean(K.constant([[1.0, 2.0], [3.0, 4.0]]), axis=0)
Tensor([2., 3.])

On tensors they compute at once. On symbols (of ``Input``, ``K.placeholder`` or any layer's output) they give symbols,
from which ``K.function`` and models compute.
"""

import types as _types

from ..utils.errors import did_you_mean as _did_you_mean
from . import config, control, creation, elementwise, graph, networks, shaping

_MODULES = (config, creation, elementwise, shaping, networks, control, graph)
_HIDDEN = {"late", "deferred", "place", "is_input", "calls_behind", "phase_now", "at_work", "layers_in_phase",
           "of_the_package", "as_numpy", "as_tensor", "sizes"}      # of use to the modules, not to users


def _collected():
    found = {}
    for module in _MODULES:
        for name, value in vars(module).items():
            own = getattr(value, "__module__", None) == module.__name__ or name in getattr(module, "__all__", ())
            if isinstance(value, _types.FunctionType) and own and name[0] != "_" and name not in _HIDDEN:
                found[name] = value
    return found


FUNCTIONS = _collected()
globals().update(FUNCTIONS)
__all__ = sorted(FUNCTIONS)


def __getattr__(name):
    raise AttributeError(f"tahr.backend has no {name!r}.{_did_you_mean(name, FUNCTIONS)}")
