"""Compile every kernel ahead of its first use: what ``python -m tahr warm`` does."""

import concurrent.futures
import importlib
import multiprocessing
import pathlib
import time

from ..utils import settings
from . import jit


def names():
    """Every kernel of the package, by the module it is in."""
    package = __name__.rpartition(".")[0]
    for path in sorted(pathlib.Path(__file__).parent.glob("*.py")):
        if path.stem != "__init__":
            importlib.import_module(f"{package}.{path.stem}")
    return {name: kernel.function.__module__ for name, kernel in jit.KERNELS.items()
            if kernel.function.__module__.startswith(package)}


def compile_one(module, name):
    """Bring one kernel into the cache; returns its name and the seconds it took."""
    importlib.import_module(module)
    start = time.perf_counter()
    jit.KERNELS[name]._load()
    return name, time.perf_counter() - start


def warm(report=print):
    """Compile what is not in the cache yet, in as many processes as there are threads to use.

    Returns the number of kernels that the cache cannot hold, 0 where all is well.
    """
    known = names()
    missing = {name: module for name, module in known.items() if not jit.read_code(jit.cache_path(jit.KERNELS[name]))}
    report(f"{len(known)} kernels, {len(known) - len(missing)} of them compiled before, in {jit.cache_folder()}")
    if missing:
        spawn = multiprocessing.get_context("spawn")        # forked processes would inherit Numba's locks
        workers = min(settings.num_threads(), len(missing))
        with concurrent.futures.ProcessPoolExecutor(workers, mp_context=spawn) as pool:
            for job in concurrent.futures.as_completed(
                    [pool.submit(compile_one, module, name) for name, module in missing.items()]):
                name, seconds = job.result()
                report(f"{seconds:6.2f} s  {name}")
    lost = [name for name in known if not jit.read_code(jit.cache_path(jit.KERNELS[name]))]
    if lost:
        report(f"the cache folder does not keep {len(lost)} kernels: is it writable, is the disk full? Set TAHR_CACHE "
               "to another folder")
    return len(lost)
