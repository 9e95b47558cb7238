"""The figures as tables in Markdown."""

from .figures import median_ratio, ratios, share_of_peak, time_text

HEAD = """# Speed of the kernels

Written by `python -m benchmarks`; what the columns mean is in [README.md](README.md). Ratios are our time by that of
the faster of PyTorch's layouts: below 1 we are faster.

![ratio to PyTorch, case by case](results.svg)

Whole models, against PyTorch, JAX and Keras: [MODELS.md](MODELS.md).
"""


def write_tables(kept, path):
    """Write all families, the machine and the versions."""
    parts = [HEAD, _machine(kept), _summary(kept["families"])]
    parts += [_family(name, found, kept["peaks"]) for name, found in kept["families"].items()]
    path.write_text("\n".join(parts), encoding="utf-8")
    return path


def table(head, rows, left=1):
    """A table in Markdown; the first ``left`` columns are words."""
    lines = [head, ["---"] * left + ["--:"] * (len(head) - left), *rows]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in lines) + "\n"


def _machine(kept):
    peaks = kept["peaks"]
    rows = [*kept["machine"].items(), ("arithmetic, measured", f"{peaks['flops'] / 1e9:.0f} GFLOP/s"),
            ("memory, measured", f"{peaks['bandwidth'] / 1e9:.1f} GB/s")]
    return table(["machine", ""], rows, left=2)


def _summary(families):
    rows = []
    for name, found in families.items():
        middle = median_ratio(found["rows"])
        if middle is not None:
            rows.append([name, len(ratios(found["rows"])), f"{middle:.2f}", f"{max(ratios(found['rows'])):.2f}"])
    return table(["family", "cases", "median ratio", "worst"], rows) if rows else "PyTorch was not installed.\n"


def _percent(fraction):
    return f"{100 * fraction:.0f} %"


def _family(name, found, peaks):
    head = ["case", "ours", "spread", "of peak", "NumPy", "PyTorch", "its layout", "ratio", "spread"]
    rows = []
    for row in found["rows"]:
        share, of_what = share_of_peak(row, peaks)
        cells = [row["case"], time_text(row["seconds"]), _percent(row["spread"]), f"{_percent(share)} {of_what}",
                 time_text(row["numpy"]), *[""] * 4]
        if "ratio" in row:
            cells[5:] = [time_text(row["torch"]), row["layout"], f"{row['ratio']:.2f}", _percent(row["ratio spread"])]
        rows.append(cells)
    return f"## {name}\n\n{found['date']}, {found['effort']}.\n\n{table(head, rows)}"
