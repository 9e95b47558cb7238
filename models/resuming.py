"""The state of a training, whole: what another process needs to go on with it bit by bit as if nothing had happened."""

import dataclasses
import random
from collections.abc import Callable

import numpy as np

from ..metrics import Mean
from ..metrics.base import MeanMetricWrapper
from ..tensor import Variable
from ..utils.errors import ModelFileError
from ..utils.rng import Generator, default_generator


@dataclasses.dataclass
class Place:
    """Where a training goes on: see :meth:`Resuming.resume`."""

    epoch: int
    batch: int = 0
    restore: Callable = dict


class Resuming:
    """The part of a model that is written down between two batches or epochs and taken back."""

    resumed: Place | None = None

    def resume(self, epoch, batch=0, restore=dict):
        """For callbacks, when training begins: let it begin in this epoch (from 0), behind so many of its batches.

        Arguments:
            epoch, batch: where training goes on.
            restore: a function that is called behind those batches, and returns the logs so far.
        """
        self.resumed = Place(epoch, batch, restore)

    def get_training_state(self):
        """Weights, states of layers, the optimizer's slots, counters and rate, metrics so far, random numbers.

        A tree of lists, dicts, numbers and arrays (copies); :meth:`set_training_state` of an equal model, in another
        process, takes it back.

        >>> import tahr
        >>> model = tahr.Sequential([tahr.layers.Dense(1, input_dim=2)])
        >>> model.compile("adam", "mse")
        >>> sorted(model.get_training_state())
        ['input_shapes', 'metrics', 'optimizer', 'random', 'states', 'weights']
        """
        return {"weights": self.get_weights(), "input_shapes": [list(shape) for shape in self.input_shapes or ()],
                "states": [v.data.copy() for v in self._state_variables()],
                "optimizer": self.optimizer and self.optimizer.get_state(self.weights),
                "metrics": {name: _metric_state(metric) for name, metric in self._counting().items()},
                "random": self.get_random_state()}

    def set_training_state(self, state):
        """Take back what :meth:`get_training_state` gave.

        Raises:
            ModelFileError: where it is the state of another model; then nothing is changed.
        """
        if state.keys() != {"weights", "input_shapes", "states", "optimizer", "metrics", "random"}:
            raise ModelFileError("it is no state of a training")
        if not self.weights and hasattr(self, "stack") and len(state["input_shapes"]) == 1:
            self.build(tuple(state["input_shapes"][0]))
        states = self._state_variables()
        _check(self.weights, state["weights"], "weights")
        _check(states, state["states"], "states of layers")
        if len(self._generators()) != len(state["random"]["generators"]):
            raise ModelFileError(f"it has {len(state['random']['generators'])} generators of random numbers, the model "
                                 f"{len(self._generators())}")
        if self.optimizer is not None and state["optimizer"] is not None:
            self.optimizer.set_state(state["optimizer"], self.weights)
        for name, value in state["metrics"].items():
            self._set_metric(name, value)
        self.set_weights(state["weights"])
        for variable, value in zip(states, state["states"]):
            variable.assign(value)
        self.set_random_state(state["random"])

    def get_random_state(self):
        """Where all random numbers are: Python's, NumPy's, tahr's, and those of layers with a seed of their own."""
        return {"python": random.getstate(), "numpy": list(np.random.get_state()),
                "generators": [g.get_state() for g in self._generators()]}

    def set_random_state(self, state):
        """Go on with the random numbers where :meth:`get_random_state` was called."""
        version, words, gauss = state["python"]
        random.setstate((version, tuple(words), gauss))
        np.random.set_state(tuple(state["numpy"]))
        for generator, value in zip(self._generators(), state["generators"]):
            generator.set_state(value)

    def _generators(self):
        found = [default_generator()]
        for layer in self.all_layers():
            found += [value for _, value in sorted(vars(layer).items()) if isinstance(value, Generator)]
        return list({id(g): g for g in found}.values())

    def _state_variables(self):
        """The variables of layers that are no weights, as those in which stateful layers keep their states."""
        known, found = {id(w) for w in self.weights}, {}
        for layer in self.all_layers():
            for _, value in sorted(vars(layer).items()):
                for one in value if isinstance(value, list | tuple) else [value]:
                    if isinstance(one, Variable) and id(one) not in known:
                        found[id(one)] = one
        return list(found.values())

    def _counting(self):
        """All metrics by names of their places."""
        if self.optimizer is None:
            return {}
        found = {"loss": self.loss_total, **{f"added/{name}": metric for name, metric in self._added.items()}}
        own = self.objective.metrics if self.objective else ()
        return found | {f"metric/{i}": metric for i, metric in enumerate(own)}

    def _set_metric(self, name, state):
        kind, _, rest = name.partition("/")
        if kind == "added" and rest not in self._added:      # made by the first batch, which is not trained again
            self._added[rest] = Mean(rest)
        metric = self._counting().get(name)
        if metric is None:
            raise ModelFileError(f"it has a metric {name!r}, which this model has not: compile the model as it was")
        for part in state["parts"] if isinstance(metric, MeanMetricWrapper) else ():
            metric.part(part)
        _check(metric.states, state["states"], f"states of the metric {metric.name!r}")
        for variable, value in zip(metric.states, state["states"]):
            variable.assign(value)


def _metric_state(metric):
    return {"states": [s.data.copy() for s in metric.states], "parts": list(getattr(metric, "parts", ()))}


def _check(variables, arrays, what):
    """Raise unless there is an array for each variable, in its shape."""
    own, found = [v.shape for v in variables], [np.shape(a) for a in arrays]
    if own != found:
        first = next((pair for pair in zip(own, found) if pair[0] != pair[1]), (len(own), len(found)))
        raise ModelFileError(f"it is the state of another model: {what} are {len(found)}, here {len(own)}; the first "
                             f"difference is {first[1]} there, {first[0]} here")
