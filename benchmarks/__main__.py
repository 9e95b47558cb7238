"""``python -m benchmarks [family ...]``: time the kernels, keep the figures, write the tables and the picture."""

import argparse
import pathlib
import statistics
import sys

from tahr.utils import settings

from . import figures, machine, timing
from .cases import load_families, same_work
from .picture import write_picture
from .report import write_tables


def measure(case, effort):
    """One row of figures: seconds, ratios, spreads; see benchmarks/README.md."""
    results = {"ours": case.ours()}
    for layout, function in case.torch.items():
        results[layout] = function()
        if case.exact and not same_work(results["ours"], results[layout]):
            raise AssertionError(f"{case.name}: PyTorch ({layout}) computes something else")
    times = timing.alternate({"ours": case.ours, **case.torch}, effort)
    with settings.using(numba=False):
        numpy = timing.alone(case.ours, effort)
    row = {"case": case.name, "seconds": statistics.median(times["ours"]), "spread": timing.spread(times["ours"]),
           "numpy": numpy, "flops": case.flops, "bytes": case.bytes}
    if case.torch:
        layout = min(case.torch, key=lambda name: statistics.median(times[name]))
        ratios = [own / other for own, other in zip(times["ours"], times[layout])]
        row |= {"torch": statistics.median(times[layout]), "layout": layout, "ratio": statistics.median(ratios),
                "ratio spread": timing.spread(ratios)}
    return row


def imported_torch(wanted, threads):
    """PyTorch with that many threads, or None with a line that says why."""
    if not wanted:
        return None
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: NumPy is the only competitor")
        return None
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    return torch


def main(arguments=None):
    known = load_families()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("families", nargs="*", help=f"of {', '.join(known)}; all unless given")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a look, not a measurement")
    parser.add_argument("--once", action="store_true", help="tiny arrays, one call each: whether everything runs")
    parser.add_argument("--no-torch", action="store_true", help="leave PyTorch out")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path(__file__).parent, help="folder")
    given = parser.parse_args(arguments)
    unknown = set(given.families) - set(known)
    if unknown:
        parser.error(f"no such families: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    effort = timing.ONCE if given.once else timing.QUICK if given.quick else timing.Effort()
    with settings.using(num_threads=given.threads):
        torch = imported_torch(not given.no_torch, given.threads)
        about = machine.description(bool(torch))
        peaks = machine.peaks(0.0 if given.once else 0.5)
        rows = {}
        for name in given.families or known:
            rows[name] = []
            for case in known[name](torch, given.once):
                row = measure(case, effort)
                rows[name].append(row)
                print(f"{name:15} {figures.line(row, peaks)}", flush=True)
    kept = figures.merged(given.output / "results.json", about, peaks, rows, effort.name)
    write_tables(kept, given.output / "RESULTS.md")
    write_picture(kept, given.output / "results.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
