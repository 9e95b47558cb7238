"""One workload by one peer in this process: ``python -m benchmarks.models.process --peer tahr --workload W1``.

Runs under the peer's interpreter, from the root of the repository, and needs NumPy and the peer only.
"""

import argparse
import dataclasses
import importlib
import json
import os
import pathlib
import platform
import sys
import tempfile
import time
import traceback

from .measure import limit_threads, peak_memory, process_start, time_calls
from .peers import PEERS

MODES = ("train", "fit", "predict")
SECTIONS = {"train_ms": "train", "fit_ms": "fit", "predict_ms": "predict", "keras_predict_ms": "keras_predict",
            "predict_one_ms": "predict_one"}        # of which timed section each figure is


def add_options(parser):
    """What a comparison hands on to its processes."""
    parser.add_argument("--modes", type=lambda text: text.split(","), default=list(MODES), metavar="MODE,...",
                        help=f"of {','.join(MODES)}")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=4.0, help="for each timed section of a variant")
    parser.add_argument("--once", action="store_true", help="batches of 2, a few calls: whether everything runs")


def check_modes(parser, given):
    if unknown := set(given.modes) - set(MODES):
        parser.error(f"no such modes: {', '.join(sorted(unknown))}; there are {', '.join(MODES)}")


def measured(given):
    """All figures as one record; each is that of the fastest variant, start-up and memory are the first's."""
    from .workloads import WORKLOADS  # NumPy: after the number of threads is set
    peer, w = PEERS[given.peer], WORKLOADS[given.workload]
    if given.once:
        w = dataclasses.replace(w, batch=2)
    batches = w.batches(8)
    library = importlib.import_module(f".{peer.runner}", __package__)
    result = {"peer": given.peer, "workload": w.id, "name": w.name, "batch": w.batch, "threads": given.threads,
              "python": platform.python_version(), "when": time.strftime("%Y-%m-%d %H:%M:%S"),
              "versions": library.start(peer, given.threads), "variants": {}}
    for name, variant in library.variants(peer, w).items():
        if result["variants"] and time.time() - process_start() > given.budget:
            break
        try:
            runner = library.Runner(peer, w, variant)
            result["variants"][name] = _timed(runner, w, batches, given, result)
        except Exception as error:
            result["variants"][name] = {"error": f"{type(error).__name__}: {error}"[:500]}
            traceback.print_exc()
    return result | _best(result["variants"], given.modes)


def _timed(runner, w, batches, given, result):
    """The sections of one variant."""
    if runner.parameters() != w.cost.parameters:
        raise AssertionError(f"{w.id} has {w.cost.parameters} parameters, this model {runner.parameters()}")
    data, seconds = [runner.prepare(batch) for batch in batches], 0.0 if given.once else given.seconds
    found = {"loss0": float(runner.train(data[0]))}
    result.setdefault("cold_start_s", round(time.time() - process_start(), 3))
    for i in range(3):
        begin = time.perf_counter()
        runner.train(data[i])
        step_ms = (time.perf_counter() - begin) * 1e3
    result.setdefault("peak_rss_mib", round(peak_memory(), 1))
    if "train" in given.modes:
        found["train"] = time_calls(runner.train, data, w.calls, seconds, warmup=3 if w.calls < 30 else 20)
    if "fit" in given.modes:
        found["fit"] = runner.fit(data, step_ms, seconds)
    if "predict" in given.modes:
        found["predict"] = time_calls(runner.predict, data, min(w.calls, 300), seconds / 3)
        if hasattr(runner, "predict_method"):
            found |= runner.predict_method(data, seconds)
    return found | {"loss1": float(runner.train(data[0]))}


def _best(variants, modes):
    """The least of each figure; losses and disturbance are those of the variant that is fastest in the first mode."""
    fine = {name: found for name, found in variants.items() if "error" not in found}
    if not fine:
        raise RuntimeError("; ".join(found["error"] for found in variants.values()))
    best = min(fine, key=lambda name: fine[name][modes[0]]["median"])
    sections = [part for part in fine[best].values() if isinstance(part, dict)]
    return {**{figure: min(found[part]["median"] for found in fine.values() if part in found)
               for figure, part in SECTIONS.items() if any(part in found for found in fine.values())},
            "best": best, "loss0": fine[best]["loss0"], "loss1": fine[best]["loss1"],
            **{name: max(part[name] for part in sections) for name in ("foreign_load", "run_delay")}}


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.models.process", description=__doc__)
    parser.add_argument("--peer", required=True, choices=PEERS)
    parser.add_argument("--workload", required=True)
    parser.add_argument("--json", type=pathlib.Path, help="append the record to this file as one line")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds after which no further variant begins")
    add_options(parser)
    given = parser.parse_args(arguments)
    check_modes(parser, given)
    limit_threads(given.threads)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryDirectory() as home:
        os.environ["KERAS_HOME"] = home         # Keras's defaults, whatever the user's keras.json says
        try:
            result = measured(given)
        except Exception as error:
            traceback.print_exc()
            result = {"peer": given.peer, "workload": given.workload, "threads": given.threads,
                      "error": f"{type(error).__name__}: {error}"[:800]}
    line = json.dumps(result)
    if given.json:
        with given.json.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    print(line)
    return 1 if "error" in result else 0


if __name__ == "__main__":
    sys.exit(main())
