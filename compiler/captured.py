"""Functions that are recorded and run again: the first call of a kind runs as it is, later ones without its Python."""

import collections
import functools
import threading
import warnings

import numpy as np

from ..autograd import mode
from ..autograd.capture import Again, Recorder, Slot
from ..autograd.value import Value, Version, wrap
from ..utils import settings
from ..utils.tree import flatten
from .explain import table
from .native import Native
from .passes import optimized
from .replay import function_of
from .writer import NotWritableError

TRIES = 4           # calls that are recorded before a function counts as one that takes another way each time
KINDS = 64          # programs that are kept at once, those used last


class CaptureWarning(UserWarning):
    """A function cannot be recorded, and runs as it is: with the same results, only slower."""


class _Kind:
    """What is known of the calls of one kind, that is with one key."""

    __slots__ = ("lock", "before", "tries", "program", "run", "native", "reason")

    def __init__(self):
        self.lock = threading.Lock()
        self.before = self.program = self.run = self.native = self.reason = None
        self.tries = 0


class Captured:
    """Runs a function of arrays, and from the third or fourth call of a kind on what it did to arrays instead.

    A kind is all calls with arrays of one shape and dtype and one key. A call is recorded while it runs; once two in a
    row did the same, later ones run the recorded program. Whoever calls says by the key what else decides what the
    function does; a tensor whose memory has moved makes it be recorded anew. A call while another thread is at the
    same program runs as it is.

    Arguments:
        name: of the function, for the message when it cannot be recorded.

    Attributes:
        reason: why it cannot be recorded, None if it can.
    """

    def __init__(self, name):
        self.name, self.reason = name, None
        self._kinds: collections.OrderedDict[tuple, _Kind] = collections.OrderedDict()
        self._valid_for = settings.changes()

    def __call__(self, key, arrays, function):
        """What ``function()`` returns, which computes with these arrays: a tree of tensors."""
        if mode.recorder() is not None or not settings.numba():     # inside another: it takes down this one's lines
            return function()
        if self._valid_for != settings.changes():
            self._kinds, self._valid_for = collections.OrderedDict(), settings.changes()
        key = ((key, mode.recording()), tuple([(a.shape, a.dtype) for a in arrays]))
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._new(key)
        if kind.reason is not None or not kind.lock.acquire(blocking=False):
            return function()
        try:
            if kind.run is not None:
                if kind.program.intact():
                    return self._again(kind, arrays)
                kind.run = kind.program = kind.before = kind.native = None
                kind.tries = 0
            return self._recorded(kind, arrays, function)
        finally:
            kind.lock.release()

    def ready(self, key, batch):
        """Whether :meth:`many` may do something for batches of so many rows."""
        if not settings.numba() or self._valid_for != settings.changes() or mode.recorder() is not None:
            return False
        key = key, mode.recording()
        return any(k == key and kind.native is not None and kind.native.gathers and kind.native.batch == {batch}
                   for (k, _), kind in self._kinds.items())

    def many(self, key, data, rows, batch):
        """Run the steps of many batches without coming back in between, where that can be done.

        Arguments:
            key: as for a call.
            data: the arrays that batches are rows of.
            rows: the numbers of the rows, in order.
            batch: how many rows a batch has.

        Returns:
            How many whole batches were done, and what the last one returned.
        """
        kind = self._kinds.get(((key, mode.recording()), tuple([((batch, *a.shape[1:]), a.dtype) for a in data])))
        if kind is None or kind.native is None or not kind.lock.acquire(blocking=False):
            return 0, None
        try:
            if not kind.program.intact() or not (done := kind.native.epoch(data, np.ascontiguousarray(rows, np.int64))):
                return 0, None
            for version in kind.program.written:
                version.count += done
            return done, _rebuilt(kind.program.result, iter(kind.native.copies()))
        finally:
            kind.lock.release()

    def _new(self, key):
        self._kinds[key] = kind = _Kind()
        while len(self._kinds) > KINDS:
            self._kinds.popitem(last=False)
        return kind

    def _again(self, kind, arrays):
        program = kind.program
        found = kind.native(*arrays) if kind.native is not None else None
        if found is None:
            found = kind.run(*arrays)
        for version in program.written:
            version.count += 1
        return _rebuilt(program.result, iter(found))

    def _recorded(self, kind, arrays, function):
        recorder = Recorder(arrays)
        with recorder:
            result = function()
        program, before = recorder.program(result), kind.before
        kind.tries += 1
        kind.before = program
        if program is None:
            self._give_up(kind, f"{recorder.reason} at {recorder.where}")
        elif before is not None and (difference := before.differs(program)) is None:
            kind.program, kind.before = optimized(program), None
            kind.run, kind.native = function_of(kind.program), native_of(kind.program)
        elif before is not None and kind.tries >= TRIES:
            self._give_up(kind, difference)
        return result

    def _give_up(self, kind, reason):
        kind.reason, kind.before = reason, None
        if self.reason is None:
            self.reason = reason
            warnings.warn(f"{self.name} runs op by op, since it could not be recorded: {reason}; results are the same. "
                          "Ops alone (tahr.ops.where instead of if, no float() or .numpy()) can be recorded",
                          CaptureWarning, stacklevel=5)

    def __reduce__(self):
        return Captured, (self.name,)       # a copy records for itself

    def programs(self):
        """The programs that are in use, the latest last."""
        return [kind.program for kind in self._kinds.values() if kind.program is not None]

    def explain(self):
        """Tables of the programs in use, or why there are none."""
        found = [table(kind.program, kind.native is not None) for kind in self._kinds.values() if kind.program]
        if found:
            return "\n\n".join(found)
        return f"{self.name} " + (f"is not recorded: {self.reason}" if self.reason else "has not been recorded yet: it "
                                  "is from the third call or so of a kind on")


def native_of(program):
    """The program as one compiled function, None where it cannot or need not be one."""
    try:
        return Native(program)
    except (NotWritableError, ImportError, NotImplementedError):
        return None


def _rebuilt(tree, arrays):
    """A result with tensors of these arrays in place of its slots."""
    if isinstance(tree, Slot):
        return wrap(next(arrays))
    if isinstance(tree, Again):
        return {**tree.again(), **_rebuilt(tree.rest, arrays)}
    if type(tree) in (list, tuple):
        return type(tree)([_rebuilt(t, arrays) for t in tree])
    if isinstance(tree, dict):
        return {k: _rebuilt(t, arrays) for k, t in tree.items()}
    return tree


def jit(function=None, **options):
    """Make a function of tensors run without Python between its ops, once it has been called a few times.

    It may use and change state: variables by ``assign`` (or ``+=``), optimizers, layers, random numbers. It is recorded
    for every structure, shape and dtype of its arguments; Python values among them are part of the kind of a call.
    Gradients that are taken inside are part of what is recorded; results have none. Where gradients through the
    results may be asked for (an argument requires one, and ops are recorded for that) it runs as it is.

    What decides in Python on the numbers of a tensor (``if``, ``float``, ``.numpy()``) cannot be recorded: then one
    :class:`CaptureWarning` names the line, and the function runs as it is.

    Arguments:
        function: takes and returns tensors, arrays, numbers, and lists, tuples and dicts of them.

    >>> import tahr
    >>> w = tahr.Variable([1.0, 2.0])
    >>> @tahr.jit
    ... def descend(x):
    ...     loss = ((w - x) ** 2).sum()
    ...     [g] = tahr.autograd.gradients(loss, [w])
    ...     w.assign_sub(0.25 * g)
    ...     return loss
    >>> [float(descend(tahr.Tensor([0.0, 0.0]))) for _ in range(5)]
    [5.0, 1.25, 0.3125, 0.078125, 0.01953125]
    """
    if function is None:
        return functools.partial(jit, **options)
    captured = Captured(getattr(function, "__qualname__", type(function).__name__), **options)

    @functools.wraps(function)
    def call(*args, **kwargs):
        leaves, build = flatten((args, kwargs))
        places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Value | np.ndarray)]
        if mode.recording() and any(getattr(leaves[i], "node", None) is not None for i in places):
            return function(*args, **kwargs)
        arrays = [getattr(leaves[i], "data", leaves[i]) if isinstance(leaves[i], Value) else leaves[i] for i in places]
        rest = tuple([_hashable(leaf) for i, leaf in enumerate(leaves) if i not in set(places)])
        structure = _structure((args, kwargs))

        def on_tensors():
            fresh = list(leaves)
            for i, array in zip(places, arrays):
                fresh[i] = leaves[i] if isinstance(leaves[i], Value) else _tensor(array)
            args, kwargs = build(fresh)
            return function(*args, **kwargs)
        return captured((structure, rest, mode.recording()), arrays, on_tensors)
    call.captured = captured
    return call


def _tensor(array):
    tensor = wrap(array)
    tensor.version = Version()
    return tensor


def _structure(tree):
    """What a tree is built of, without its leaves."""
    if isinstance(tree, dict):
        return tuple([(k, _structure(t)) for k, t in tree.items()])
    if type(tree) in (list, tuple):
        return (type(tree).__name__, *map(_structure, tree))
    return None


def _hashable(leaf):
    try:
        hash(leaf)
    except TypeError:
        return id(leaf)
    return type(leaf), leaf


__all__ = ["CaptureWarning", "Captured", "jit"]
