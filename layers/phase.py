"""Whether layers train, and what calls of layers leave behind for the model, in each thread."""

import threading

from ..autograd import Spec


class _Phase(threading.local):
    training = False        # what layers do that are not told
    asking = False          # whether a shape is asked for that is not to be remembered
    tracing = False         # whether a layer is at work on symbols: the calls inside it are no nodes of their own
    stepping = False        # whether a step of a model is at work, whose calls are recorded as a whole or not at all
    depth = 0               # how many calls of layers are going on
    losses: list = []       # (layer, value) of add_loss, of the outermost call that is going on or was the last
    metrics: list = []      # (layer, name, value) of add_metric
    fixed = None            # whether models train, whatever their step: K.set_learning_phase
    traced: list = []       # symbols of add_loss, of the outermost call on symbols


_phase = _Phase()


class phase:    # noqa: N801 (used like a function)
    """Within it, layers called without ``training`` train (or not), in this thread.

    >>> import tahr
    >>> with phase(True):
    ...     tahr.layers.Dropout(0.5, seed=0)(tahr.ops.ones(3))
    Tensor([0., 2., 0.])
    """

    def __init__(self, training):
        self.training = training

    def __enter__(self):
        self.before, _phase.training = _phase.training, self.training

    def __exit__(self, *error):
        _phase.training = self.before


def is_training():
    """Whether layers that are not told train."""
    return _phase.training


def in_one_step(step, data):
    """The result of a step of a model, within which calls of the model are not recorded by themselves."""
    before, _phase.stepping = _phase.stepping, True
    try:
        return step(data)
    finally:
        _phase.stepping = before


def called_by_itself():
    """Whether a call now is none of the calls inside another layer, a step or the search for a shape."""
    return not (_phase.depth or _phase.stepping or _phase.asking or _phase.tracing)


def phase_of_step(training):
    """The phase of a step of a model: that which was fixed for all, else the given one."""
    return phase(training if _phase.fixed is None else _phase.fixed)


def noted_losses(layer, value):
    """Add a value, or a symbol, to the losses of the call that is going on."""
    if isinstance(value, Spec):
        _phase.traced.append(type(value)(value.shape, value.dtype))
    else:
        _phase.losses.append((layer, value))


def reported():
    """``(layer, name, value)`` of the calls of ``add_metric`` in the last call of a model in this thread."""
    return _phase.metrics
