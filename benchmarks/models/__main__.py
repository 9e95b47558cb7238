"""``python -m benchmarks.models``: train the same models with tahr and its peers, write the tables and the picture."""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from . import tables
from .peers import FAMILIES, OURS, PEERS, available, variable
from .process import add_options, check_modes
from .workloads import WORKLOADS

ROOT = pathlib.Path(__file__).parent.parent.parent
KEPT = ("peer", "workload", "name", "threads", "when", "versions", *tables.FIGURES)


def measure(given, pythons):
    """The records of all rounds: each workload by each peer in a process of its own, one after the other."""
    records, run = [], time.strftime("%Y-%m-%d %H:%M:%S")
    for _ in range(given.rounds):
        for workload in given.workloads:
            for peer, python in pythons.items():
                record = _process(given, workload, peer, python)
                found = record.get("error") or ", ".join(f"{f} {record[f]:.3g}" for f in tables.FIGURES if f in record)
                print(f"{workload:4} {peer:14} {found}", flush=True)
                if "error" not in record:
                    records.append({**record, "run": run})
    return records


def _process(given, workload, peer, python):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "record.jsonl"
        command = [python, "-m", "benchmarks.models.process", "--peer", peer, "--workload", workload, "--json",
                   str(path), "--modes", ",".join(given.modes), "--threads", str(given.threads), "--seconds",
                   str(given.seconds)]
        ended = subprocess.run(command + ["--once"] * given.once, cwd=ROOT, capture_output=True, text=True)
        if not path.exists():
            return {"error": f"ended with {ended.returncode}: {ended.stderr.strip()[-300:]}"}
        return json.loads(path.read_text(encoding="utf-8"))


def read(paths):
    """Records of files with one JSON object in each line; a file is a run, unless its records say otherwise."""
    found = []
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if "error" not in record:
                found.append({"run": path.name, **record})
    return found


def write(records, folder):
    """The records, their tables and their picture."""
    lines = [json.dumps({key: record[key] for key in ("run", *KEPT) if key in record}) for record in records]
    (folder / "models.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "MODELS.md").write_text(tables.text(records), encoding="utf-8")
    tables.draw(records, folder / "models.svg")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.models", description=__doc__)
    listed = {"type": lambda text: text.split(","), "metavar": "NAME,..."}
    parser.add_argument("--workloads", default=list(WORKLOADS), **listed)
    parser.add_argument("--peers", default=[p for p in PEERS if p != OURS], help=f"of {', '.join(PEERS)}", **listed)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--from", dest="files", nargs="+", type=pathlib.Path, metavar="FILE",
                        help="measure nothing: tables and picture of these records")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "benchmarks", help="folder")
    for where, words in FAMILIES.items():
        parser.add_argument(f"--{where}-python", metavar="PATH", help=f"the interpreter that has {words} "
                                                                      f"(or {variable(where)})")
    add_options(parser)
    given = parser.parse_args(arguments)
    check_modes(parser, given)
    for what, known in (("workloads", WORKLOADS), ("peers", PEERS)):
        if unknown := set(getattr(given, what)) - set(known):
            parser.error(f"no such {what}: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if given.files:
        records = read(given.files)
    else:
        names = [OURS, *(p for p in given.peers if p != OURS)]
        pythons, notes = available(names, {where: getattr(given, f"{where}_python") for where in FAMILIES})
        for note in notes:
            print(note)
        records = measure(given, pythons)
    if not records:
        print("nothing was measured")
        return 1
    write(records, given.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
