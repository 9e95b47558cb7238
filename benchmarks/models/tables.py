"""Records of models as tables in Markdown and as a picture."""

import collections
import statistics

from ..picture import write_picture
from ..report import table
from .peers import OURS

FIGURES = {"fit_ms": "`fit` per step, ms (hand-written peers: a bare loop)",
           "train_ms": "One training step by itself, ms", "predict_ms": "Predict a batch, ms",
           "predict_one_ms": "`predict` of one row, ms",
           "cold_start_s": "Process start to the end of the first step, s", "peak_rss_mib": "Peak memory, MiB"}
DRAWN = {"fit_ms": "fit, per step", "predict_one_ms": "predict of one row, to Keras 3", "peak_rss_mib": "peak memory"}
HEAD = """# Speed of whole models

Written by `python -m benchmarks.models`; what is measured is in [README.md](README.md). Each peer's column has its
median, and in brackets our figure by its, of the same run: below 1 we are better. The last column is the worst of
these, to the best peer.

![whole models, by the best peer](models.svg)
"""


def compared(records):
    """``{figure: {workload: (our median, {peer: (its median, ratio)})}}``; ratios are medians over the runs."""
    values = collections.defaultdict(list)
    for record in records:
        for figure in FIGURES.keys() & record.keys():
            values[figure, record["workload"], record["peer"], record["run"]].append(record[figure])
    medians = {place: statistics.median(found) for place, found in values.items()}
    names = {(record["workload"], record["name"]) for record in records}
    found = {figure: {} for figure in FIGURES}
    for figure in FIGURES:
        for workload, name in sorted(names, key=lambda pair: int(pair[0][1:])):
            runs = collections.defaultdict(dict)        # by peer
            for (what, whose, peer, run), value in medians.items():
                if (what, whose) == (figure, workload):
                    runs[peer][run] = value
            ours = runs.pop(OURS, {})
            others = {peer: (statistics.median(theirs.values()),
                             statistics.median([ours[run] / theirs[run] for run in theirs if run in ours]))
                      for peer, theirs in runs.items() if ours.keys() & theirs.keys()}
            if others:
                found[figure][f"{workload} {name}"] = statistics.median(ours.values()), others
    return found


def text(records):
    """All tables."""
    versions = sorted({f"{name} {version}" for r in records for name, version in r["versions"].items()})
    parts = [HEAD, f"{', '.join(versions)}; {records[0]['threads']} threads; {max(r['when'] for r in records)[:10]}.\n"]
    for figure, rows in compared(records).items():
        peers = sorted({peer for _, others in rows.values() for peer in others})
        if not peers:
            continue
        lines = []
        for name, (ours, others) in rows.items():
            cells = [f"{others[p][0]:.3g} ({others[p][1]:.2f})" if p in others else "" for p in peers]
            lines.append([name, f"{ours:.3g}", *cells, f"{max(ratio for _, ratio in others.values()):.2f}"])
        parts.append(f"## {FIGURES[figure]}\n\n{table(['workload', OURS, *peers, 'to the best'], lines)}")
    return "\n".join(parts)


def draw(records, path):
    """Bars of our figures by those of the best peer."""
    found = compared(records)
    groups = {DRAWN[figure]: {"rows": [{"case": name, "ratio": max(ratio for _, ratio in others.values())}
                                       for name, (_, others) in found[figure].items()]} for figure in DRAWN}
    title = f"Whole models: tahr by the best peer, {records[0]['threads']} threads"
    return write_picture({"families": groups}, path, title)
