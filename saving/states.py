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
    views = dict((id(v), slots) for v, slots in optimizer._slot_views())
    name = optimizer.name
    found = [(f"{name}/iteration", optimizer.iterations.data)]
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
    own = [s for s in optimizer.scalars() if s is not optimizer._gathered]
    return found + [(f"{name}/{s.name}", s.data) for s in own]


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
    if shapes == [a.shape for a in classic[1:]]:      # Keras 2.0 to 2.2 kept no iterations for some
        return list(zip(classic[1:], stored))
    raise ModelFileError(f"the file holds {len(stored)} arrays of state, which is not the state of {optimizer.name} for "
                         f"this model; compile=False loads the model without it")


def _preferred(stored, modern, no_rate, classic):
    """The arrangements in the order in which they are tried: equal shapes would fit several."""
    names = [s.path.lower() for s in stored]
    interleaved = len(names) > 1 and ("iteration" in names[0] and "iterations" not in names[0] or names[0].endswith(
        "vars/0"))
    return [modern, no_rate, classic] if interleaved else [classic, modern, no_rate]


def gathered(optimizer, calls):
    """Set the counters from Keras 3's, which counts calls and not updates where gradients are gathered."""
    steps = optimizer.gradient_accumulation_steps
    if steps:
        optimizer.iterations.assign(np.int64(calls // steps))
        optimizer._gathered.assign(np.int64(calls % steps))
