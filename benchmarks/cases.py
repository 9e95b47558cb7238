"""What is timed: cases, one small generator of them for each family of kernels, and the table of all families."""

import dataclasses
import importlib
import pathlib
from collections.abc import Callable

import numpy as np

FAMILIES: dict[str, Callable] = {}      # by name: (torch or None, tiny) -> cases


@dataclasses.dataclass
class Case:
    """One line of a table.

    Attributes:
        name: what is computed, with its shape.
        ours: runs our kernels once and returns their results. The same with Numba off is the NumPy competitor.
        torch: the same by PyTorch, a function for each layout; the faster one counts.
        flops: multiplications and additions, as the plain algorithm has them.
        bytes: of arrays read and written, each once.
        exact: whether the results can be compared; random ones cannot.
    """

    name: str
    ours: Callable
    torch: dict[str, Callable] = dataclasses.field(default_factory=dict)
    flops: float = 0.0
    bytes: float = 0.0
    exact: bool = True


def family(name):
    """Enter a generator of cases in the table; ``tiny`` asks for arrays of a few elements, to see that all runs."""
    def decorate(cases):
        FAMILIES[name] = cases
        return cases
    return decorate


def load_families():
    """The table, all files of families imported, by name."""
    for path in sorted((pathlib.Path(__file__).parent / "families").glob("[a-z]*.py")):
        importlib.import_module(f"{__package__}.families.{path.stem}")
    return dict(sorted(FAMILIES.items()))


def normal(*shape, seed=0):
    """Standard normal float32."""
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def size_of(*arrays):
    """Bytes of arrays."""
    return float(sum(a.nbytes for a in arrays))


def shrunk(shape, tiny, most=6):
    """The shape of a case; with ``tiny``, no axis longer than ``most``."""
    return tuple(min(n, most) for n in shape) if tiny else tuple(shape)


def same_work(one, other, tolerance=0.01):
    """Whether two results hold the same numbers, in whatever layout: their arrays have the same norms."""
    ours, theirs = list(_norms(one)), list(_norms(other))
    return len(ours) == len(theirs) and bool(np.allclose(ours, theirs, rtol=tolerance, atol=1e-6))


def _norms(result):
    if isinstance(result, tuple | list):
        for part in result:
            yield from _norms(part)
    elif result is not None:
        array = np.asarray(result, np.float64)
        yield float(np.sqrt(np.square(array).sum()))
