"""What training minimises and reports: a loss, its weight and metrics for each output of a model."""

import numpy as np

from .. import losses, metrics
from ..autograd import Spec
from ..autograd.value import Value
from ..losses.base import FUNCTIONS as LOSS_FUNCTIONS
from ..losses.base import Loss, reduce
from ..metrics import Mean
from ..tensor.create import asarray
from ..utils.errors import did_you_mean

MODES = (None, "temporal", "samplewise")


class Output:
    """One output of a model and what it is compared with.

    Attributes:
        name: of the output.
        loss: a function or a :class:`~tahr.losses.Loss`; None for an output that nothing is asked of.
        weight: of its loss in the sum.
        metrics, weighted_metrics: without and with sample weights.
        mode: ``'temporal'`` for one sample weight per step, None for one per sample.
        total: the mean of its loss.
    """

    def __init__(self, name, loss, weight, metrics, weighted_metrics, mode):
        self.name, self.loss, self.weight, self.mode = name, loss, weight, mode
        self.metrics, self.weighted_metrics = metrics, weighted_metrics
        self.total = Mean(f"{name}_loss")

    def value(self, y, pred, weights):
        """The loss of a batch, a scalar tensor."""
        mask = pred.mask
        masked = {} if mask is None else {"mask": mask}
        if isinstance(self.loss, Loss):
            return self.loss(y, pred, weights, **masked)
        return reduce(self.loss(y, pred), weights, **masked)

    def update(self, y, pred, weights):
        """Let the metrics take in a batch."""
        mask = None if pred.mask is None else asarray(pred.mask).astype(pred.dtype)
        for metric in self.metrics:
            metric.update_state(y, pred, mask) if mask is not None else metric.update_state(y, pred)
        if self.weighted_metrics:
            if mask is not None and weights is not None:
                weights = mask * weights.reshape(weights.shape + (1,) * (mask.ndim - weights.ndim))
            weights = mask if weights is None else weights
            for metric in self.weighted_metrics:
                metric.update_state(y, pred, weights)


class Objective:
    """The outputs of a model as ``compile`` was told to treat them.

    Raises:
        ValueError, TypeError: for lists and dicts that do not fit the outputs' names, and unknown names.
    """

    def __init__(self, names, loss, metric=None, loss_weights=None, weighted_metrics=None, sample_weight_mode=None):
        found = _losses(loss, names)
        weights = _spread(loss_weights, names, "loss_weights", 1.0)
        modes = _spread(sample_weight_mode, names, "sample_weight_mode", None)
        plain, weighted = _metrics(metric, names), _metrics(weighted_metrics, names)
        for name, mode in zip(names, modes):
            if mode not in MODES:
                raise ValueError(f"sample_weight_mode must be None or 'temporal', got {mode!r} for the output {name!r}")
        self.outputs = [Output(*row) for row in zip(names, found, weights, plain, weighted, modes)]
        self.trained = [o for o in self.outputs if o.loss is not None]
        self.several = len(self.outputs) > 1
        self._name_metrics()

    def __setstate__(self, state):
        vars(self).update(state)
        self._name_metrics()        # the metrics are other objects now

    def _name_metrics(self):
        """Keys of the logs: with the output's name in front if there are several, each once."""
        taken = {"loss"} | ({f"{o.name}_loss" for o in self.trained} if self.several else set())
        self.metrics, self.keys = [], {}
        for output in self.outputs:
            for metric in (*output.metrics, *output.weighted_metrics):
                base = f"{output.name}_{metric.name}" if self.several else metric.name
                key, i = base, 0
                while key in taken:
                    i += 1
                    key = f"{base}_{i}"
                taken.add(key)
                self.metrics.append(metric)
                self.keys[id(metric)] = key
                if not self.several:
                    metric.name = key

    @property
    def names(self):
        """The keys of the logs, ``'loss'`` aside."""
        names = [f"{o.name}_loss" for o in self.trained] if self.several else []
        for metric in self.metrics:
            value = metric.result()
            names += list(value) if isinstance(value, dict) else [self.keys[id(metric)]]
        return names

    def values(self, ys, preds, weights):
        """The loss of each trained output on a batch."""
        out = []
        for output, y, pred, w in zip(self.outputs, ys, preds, weights):
            if output.loss is None:
                continue
            if y is None:
                raise ValueError(f"the output {output.name!r} has a loss but no targets: give y for it")
            out.append(output.value(y, pred, w))
        return out

    def total(self, values):
        """The number to minimise: the weighted sum, without penalties."""
        total = None
        for output, value in zip(self.trained, values):
            part = value if output.weight == 1 else value * output.weight
            total = part if total is None else total + part
        return total

    def update(self, ys, preds, weights, values, batch):
        """Let all totals and metrics take in a batch."""
        if self.several:
            for output, value in zip(self.trained, values):
                output.total.update_state(value.data, batch)
        for output, y, pred, w in zip(self.outputs, ys, preds, weights):
            if y is not None and (output.metrics or output.weighted_metrics):
                output.update(y, pred, w)

    def reset(self):
        for metric in (*[o.total for o in self.outputs], *self.metrics):
            metric.reset_state()

    def logs(self):
        """The results so far, by key."""
        logs = {f"{o.name}_loss": o.total.result() for o in self.trained} if self.several else {}
        for metric in self.metrics:
            value = metric.result()     # of a user's metric it may be a tensor, or a dict
            if isinstance(value, dict):
                logs.update({k: plain(v) for k, v in value.items()})
            else:
                logs[self.keys[id(metric)]] = plain(value)
        return logs


def plain(value):
    """A result of a metric as a Python float, or as an array if it is several numbers."""
    if type(value) is float:
        return value
    array = value.data if isinstance(value, Value) else np.asarray(value)
    return float(array) if array.ndim == 0 else array


def _loss(identifier):
    return None if identifier is None else losses.get(identifier)


def _losses(loss, names):
    if isinstance(loss, dict):
        _only_known(loss, names, "loss")
        return [_loss(loss.get(n)) for n in names]
    if isinstance(loss, list | tuple):
        if len(loss) != len(names):
            raise ValueError("When passing a list as loss, it should have one entry per model outputs. The model has "
                             f"{len(names)} outputs, but you passed loss={loss}")
        return [_loss(item) for item in loss]
    return [_loss(loss) for _ in names]


def _spread(values, names, what, default):
    """One value for each name, from a single one, a list or a dict."""
    if isinstance(values, dict):
        _only_known(values, names, what)
        return [values.get(n, default) for n in names]
    if isinstance(values, list | tuple):
        if len(values) != len(names):
            raise ValueError(f"When passing a list as {what}, it should have one entry per model output. The model has "
                             f"{len(names)} outputs, but you passed {what}={values}")
        return list(values)
    if what == "loss_weights" and values is not None:
        raise TypeError(f"Could not interpret loss_weights argument: {values} - expected a list of dicts.")
    return [default if values is None else values] * len(names)


def _metrics(given, names):
    """A list of metrics for each output: from one for all, a list for all, a list of lists, or a dict."""
    if given is None:
        return [[] for _ in names]
    if isinstance(given, dict):
        _only_known(given, names, "metrics")
        return [_made(given.get(n)) for n in names]
    if isinstance(given, list | tuple) and len(names) > 1 and any(isinstance(m, list | tuple) for m in given):
        if len(given) != len(names):
            raise ValueError(f"metrics as a list of lists needs one list for each of the {len(names)} outputs {names}, "
                             f"got {len(given)}")
        return [_made(m) for m in given]
    made = _made(given)
    return [made] if len(names) == 1 else [[_own(metric) for metric in made] for _ in names]


def _own(metric):
    """A metric like this one, for one of several outputs: each counts for itself."""
    return type(metric).from_config(metric.get_config())


def _made(identifiers):
    identifiers = [] if identifiers is None else identifiers
    identifiers = list(identifiers) if isinstance(identifiers, list | tuple) else [identifiers]
    flat = [m for item in identifiers for m in (item if isinstance(item, list | tuple) else [item])]
    return [metrics.get(m, LOSS_FUNCTIONS) for m in flat]


def _only_known(given, names, what):
    for key in given:
        if key not in names:
            raise ValueError(f'Unknown entry in {what} dictionary: "{key}".{did_you_mean(key, names)} Only expected '
                             f'the '
                             f"following keys: {names}")


def leaves(outputs):
    """The outputs of a model as a flat list: of a tensor, a list, or a dict."""
    if isinstance(outputs, Value | Spec):
        return [outputs]
    return [leaf for part in (outputs.values() if isinstance(outputs, dict) else outputs) for leaf in leaves(part)]
