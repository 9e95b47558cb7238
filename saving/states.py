"""The state of optimizers as Keras orders it in files."""

import numpy as np

from ..utils.errors import ModelFileError

SIDE_BY_SIDE = 2        # the first so many slots stand together, variable by variable
APART = ("RMSprop",)    # but not of these


def in_keras3(optimizer, variables):
    """``(name, array)`` of all state in the order of Keras 3 and tf_keras; arrays that may be written to.

    Iterations, the learning rate (unless a schedule gives it), running means, gathered gradients, then the slots: the
    first two side by side for each variable, others one after the other; Nadam's product last.
    """
    optimizer.build(list(variables))
    views = {id(v): slots for v, slots in optimizer._slot_views()}
    name = optimizer.name
    found = [(f"{name}/iteration", optimizer.iterations.data)]      # with gathered gradients of calls: see set_calls
    if optimizer.schedule is None:
        found.append((f"{name}/learning_rate", optimizer._learning_rate.data))
    pick = lambda slot: [(f"{name}/{(v.name or 'variable').replace('/', '_')}_{slot}", views[id(v)][slot])
                         for v in variables]
    for slot in ("average", "gradients"):
        if variables and slot in views[id(variables[0])]:
            found += pick(slot)
    slots = list(optimizer.slots)
    together = [] if type(optimizer).__name__ in APART or len(slots) < SIDE_BY_SIDE else slots[:SIDE_BY_SIDE]
    found += [entry for row in zip(*map(pick, together)) for entry in row]
    for slot in slots[len(together):]:
        found += pick(slot)
    own = own_scalars(optimizer)
    return found + [(f"{name}/{s.name}", s.data) for s in own]


def own_scalars(optimizer):
    """State that is no slot, beside the counters: Nadam's product."""
    return [s for s in optimizer.scalars() if s is not optimizer._gathered]


def in_keras2(optimizer, variables):
    """``(name, array)`` in the order of Keras 2, whose optimizers tf_keras takes for such files: slot by slot."""
    optimizer.build(list(variables))
    names = [f"{optimizer.name}/iterations", *(f"{optimizer.name}/{s.name}" for s in optimizer.scalars())]
    views = optimizer._slot_views()
    for slot in views[0][1] if views else ():
        names += [f"{optimizer.name}/{(v.name or 'variable').replace('/', '_')}_{slot}" for v, _ in views]
    return list(zip(_distinct(names), optimizer._weights()))


def _distinct(names):
    """Names, a number behind those that were there before."""
    counts, found = {}, []
    for name in names:
        counts[name] = n = counts.get(name, -1) + 1
        found.append(f"{name}_{n}" if n else name)
    return found


def written(optimizer, variables):
    """:func:`in_keras3` as it stands in files, with Keras 3's counter of calls."""
    steps, found = optimizer.gradient_accumulation_steps, in_keras3(optimizer, variables)
    if steps:
        calls = optimizer.iterations.data * steps + optimizer._gathered.data
        found[0] = found[0][0], np.asarray(calls)
    return found


def arranged(optimizer, variables, stored):
    """``(array of the optimizer, stored)`` for its whole state, however the file has it arranged.

    Arguments:
        stored: the data sets, in their order.

    Raises:
        ModelFileError: where they are the state of another optimizer or of other variables.
    """
    shapes = [s.shape for s in stored]
    modern = [array for _, array in in_keras3(optimizer, variables)]
    classic = optimizer._weights()
    no_rate = [a for i, a in enumerate(modern) if i != 1 or optimizer.schedule is not None]
    tails = [[], [(1,)] * len(variables)]       # Adam of Keras 2.1 to 2.3 has a 0 for each variable beside its slots
    none = [] if optimizer.slots else [list(v.shape) for v in variables]
    for wanted in _preferred(stored, modern, no_rate, classic):
        own = [a.shape for a in wanted]
        if any(shapes == own + tail for tail in tails) or none and shapes == own + [tuple(s) for s in none]:
            return list(zip(wanted, stored))
    own = own_scalars(optimizer)
    if own and shapes == [a.shape for a in no_rate[:-len(own)]]:      # tf_keras does not keep Nadam's product
        return [*zip(no_rate, stored), (own[0].data, _Product(optimizer, stored[0]))]
    if shapes == [a.shape for a in classic[1:]]:      # Keras 2.0 to 2.2 kept no iterations for some
        return list(zip(classic[1:], stored))
    raise ModelFileError(f"the file holds {len(stored)} arrays of state, which is not the state of {optimizer.name} "
                         f"for this model; compile=False loads the model without it")


def _preferred(stored, modern, no_rate, classic):
    """The arrangements in the order in which they are tried: equal shapes would fit several."""
    names = [s.path.lower() for s in stored]
    interleaved = len(names) > 1 and ("iteration" in names[0] and "iterations" not in names[0] or names[0].endswith(
        "vars/0"))
    return [modern, no_rate, classic] if interleaved else [classic, modern, no_rate]


class _Product:
    """The product of Nadam's momenta, computed anew from the number of updates."""

    shape, dtype, path = (), np.dtype("float64"), "momentum_product"

    def __init__(self, optimizer, iterations):
        self.optimizer, self.iterations = optimizer, iterations

    def read(self):
        """The product; after some thousands of updates it is 0."""
        updates = min(max(int(self.iterations.read()), 0), 10 ** 5)
        powers = 0.96 ** (np.arange(1, updates + 1) * self.optimizer.schedule_decay)
        return np.prod(self.optimizer.beta_1 * (1 - 0.5 * powers))


def set_calls(optimizer):
    """Turn Keras 3's counter, of calls, into ours, of updates, where gradients are gathered over several calls."""
    steps = optimizer.gradient_accumulation_steps
    if steps:
        calls = int(optimizer.iterations.data)
        optimizer.iterations.assign(calls // steps)
        optimizer._gathered.assign(calls % steps)
