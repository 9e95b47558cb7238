"""The figures of all cases: kept as JSON beside the tables, so that one family can be timed again by itself."""

import json
import statistics


def merged(path, about, peaks, rows, effort):
    """Put new rows into the file; what other machines, versions or numbers of threads left there goes."""
    kept = {"families": {}}
    if path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
        if _setting(found["machine"]) == _setting(about):
            kept = found
    kept |= {"machine": about, "peaks": peaks}
    for name, new in rows.items():
        kept["families"][name] = {"date": about["date"], "effort": effort, "rows": new}
    kept["families"] = dict(sorted(kept["families"].items()))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return kept


def _setting(about):
    return {key: value for key, value in about.items() if key != "date"}


def share_of_peak(row, peaks):
    """``(fraction, of what)``: the least time that arithmetic or memory allow, by the time taken."""
    limits = {"arithmetic": row["flops"] / peaks["flops"], "memory": row["bytes"] / peaks["bandwidth"]}
    name = max(limits, key=limits.get)
    return limits[name] / row["seconds"], name


def ratios(rows):
    """The ratios to PyTorch of the rows that have one."""
    return [row["ratio"] for row in rows if "ratio" in row]


def median_ratio(rows):
    found = ratios(rows)
    return statistics.median(found) if found else None


def time_text(seconds):
    """Three digits and a unit.

    >>> time_text(0.0123), time_text(4.56e-6), time_text(None)
    ('12.3 ms', '4.56 us', '')
    """
    if seconds is None:
        return ""
    scale, unit = next((s, u) for s, u in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (0.0, "ns")) if seconds >= s)
    number = seconds / (scale or 1e-9)
    return f"{number:.{max(0, 2 - len(str(int(number))) + 1)}f} {unit}"


def line(row, peaks):
    """A row in one line, for the terminal."""
    share, of_what = share_of_peak(row, peaks)
    theirs = f"PyTorch {time_text(row['torch'])}, ratio {row['ratio']:.2f}" if "ratio" in row else ""
    return f"{row['case']:45} {time_text(row['seconds']):>8} {100 * share:4.0f} % of {of_what:10} {theirs}"
