"""The ratios to PyTorch as a picture, written without a plotting library."""

import math
from xml.sax.saxutils import escape

from .figures import median_ratio

LEFT, BARS, RIGHT, ROW, GAP, TOP = 330, 480, 60, 15, 34, 58     # pixels
LOW, HIGH = 0.05, 2.0       # ratios at the ends; what lies beyond is cut, its number says so
TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2)
FASTER, SLOWER, INK, PALE = "#3465a4", "#cc4125", "#222222", "#dddddd"


def write_picture(kept, path, title=None):
    """Write a bar for each case, to the left of 1 where we are faster; grouped by family, on white in any mode."""
    groups = {name: [row for row in found["rows"] if "ratio" in row] for name, found in kept["families"].items()}
    groups = {name: rows for name, rows in groups.items() if rows}
    title = title or _title(kept["machine"])
    height = TOP + sum(GAP + ROW * len(rows) for rows in groups.values()) + 20
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + BARS + RIGHT}" height="{height}" '
             f'font-family="sans-serif" font-size="11" fill="{INK}">',
             '<rect width="100%" height="100%" fill="white"/>',
             f'<text x="{LEFT}" y="20" font-size="15">{escape(title)}</text>', *_axis(height)]
    if not groups:
        parts.append(f'<text x="{LEFT}" y="{TOP}">PyTorch was not installed</text>')
    y = TOP
    for name, rows in groups.items():
        y += GAP
        title = f"{name}: median {median_ratio(rows):.2f}"
        parts.append(f'<text x="{LEFT - 8}" y="{y - 8}" text-anchor="end" font-weight="bold">{escape(title)}</text>')
        for row in rows:
            parts += _bar(row, y)
            y += ROW
    path.write_text("\n".join([*parts, "</svg>\n"]), encoding="utf-8")
    return path


def _title(machine):
    return f"Time of our kernels by that of PyTorch's, {machine['threads']} threads"


def _x(ratio):
    """The place of a ratio on the logarithmic scale."""
    inside = min(max(ratio, LOW), HIGH)
    return LEFT + BARS * math.log(inside / LOW) / math.log(HIGH / LOW)


def _axis(height):
    for tick in TICKS:
        color, width = (INK, 1.5) if tick == 1 else (PALE, 1)
        yield (f'<line x1="{_x(tick):.1f}" x2="{_x(tick):.1f}" y1="{TOP - 12}" y2="{height - 10}" stroke="{color}" '
               f'stroke-width="{width}"/>')
        yield f'<text x="{_x(tick):.1f}" y="{TOP - 16}" text-anchor="middle">{tick:g}</text>'


def _bar(row, y):
    ratio = row["ratio"]
    low, high = sorted((_x(ratio), _x(1)))
    color = FASTER if ratio <= 1 else SLOWER
    yield f'<text x="{LEFT - 8}" y="{y + 10}" text-anchor="end">{escape(row["case"])}</text>'
    yield f'<rect x="{low:.1f}" y="{y + 1}" width="{high - low:.1f}" height="{ROW - 3}" fill="{color}"/>'
    if ratio <= 1:      # the number stands in the bar where there is room, else to the right of the line
        inside = high - low > 30
        at, fill = (low + 3, "white") if inside else (high + 4, INK)
    else:
        at, fill = high + 4, INK
    yield f'<text x="{at:.1f}" y="{y + 10}" fill="{fill}">{ratio:.2f}</text>'
