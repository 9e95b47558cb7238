"""Learning curves as a picture, written without a plotting library."""

import math
import pathlib
from xml.sax.saxutils import escape

COLORS = ("#3465a4", "#cc4125", "#4e9a06", "#75507b", "#c17d11", "#06989a")
WIDTH, HEIGHT, LEFT, TOP, GAP = 460, 300, 56, 36, 40


def write_curves(history, path):
    """Write the values of ``{name: list of values}`` as an SVG file, a panel for each name with its ``val_`` curve.

    >>> import os, tempfile
    >>> history = {"loss": [1.0, 0.5], "val_loss": [1.1, 0.7]}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_curves(history, os.path.join(folder, "curves.svg")).read_text().startswith("<svg")
    True
    """
    path = pathlib.Path(path)
    if path.suffix != ".svg":
        raise ValueError(f"learning curves are written as .svg, got {path.name!r}")
    names = [n for n in history if not n.startswith("val_")]
    width = len(names) * (WIDTH + GAP) + GAP
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT + 2 * TOP}" '
             'font-family="sans-serif" font-size="12">', '<rect width="100%" height="100%" fill="white"/>']
    for i, name in enumerate(names):
        curves = {n: history[n] for n in (name, "val_" + name) if n in history}
        parts += [f'<g transform="translate({GAP + i * (WIDTH + GAP)} {TOP})">', *_panel(name, curves), "</g>"]
    path.write_text("\n".join([*parts, "</svg>\n"]), encoding="utf-8")
    return path


def _panel(title, curves):
    """One diagram: axes with ticks, a line for each curve, and their names."""
    values = [v for curve in curves.values() for v in curve if math.isfinite(v)]
    ticks = _ticks(min(values, default=0.0), max(values, default=1.0))
    low, high, epochs = ticks[0], ticks[-1], max(map(len, curves.values()))
    x = lambda epoch: LEFT + (WIDTH - LEFT) * ((epoch - 1) / max(epochs - 1, 1))
    y = lambda value: HEIGHT - TOP - (HEIGHT - 2 * TOP) * (value - low) / (high - low)
    yield f'<text x="{(LEFT + WIDTH) / 2:.0f}" y="14" text-anchor="middle" font-size="15">{escape(title)}</text>'
    for tick in ticks:
        yield f'<line x1="{LEFT}" x2="{WIDTH}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="#ddd"/>'
        yield f'<text x="{LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:.4g}</text>'
    for epoch in sorted({1, epochs, *(round(t) for t in _ticks(1, max(epochs, 2)) if 1 <= t <= epochs)}):
        yield f'<text x="{x(epoch):.1f}" y="{HEIGHT - TOP + 18}" text-anchor="middle">{epoch}</text>'
    for i, (name, curve) in enumerate(curves.items()):
        points = " ".join(f"{x(e):.1f},{y(v):.1f}" for e, v in enumerate(curve, 1) if math.isfinite(v))
        yield f'<polyline points="{points}" fill="none" stroke="{COLORS[i]}" stroke-width="2"/>'
        yield f'<text x="{WIDTH - 110 * i}" y="{HEIGHT}" text-anchor="end" fill="{COLORS[i]}">{escape(name)}</text>'
    yield f'<text x="{LEFT}" y="{HEIGHT}">epoch</text>'


def _ticks(low, high):
    """Round numbers that enclose the range, about five of them."""
    if not high > low:
        low, high = low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1)
    step = 10 ** math.floor(math.log10((high - low) / 4))
    step *= next((m for m in (1, 2, 5) if (high - low) / (step * m) <= 5), 10)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [i * step for i in range(first, last + 1)]
