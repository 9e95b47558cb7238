"""Boxes and arrows drawn without graphviz: as SVG, by Pillow, and as text."""

import collections
from xml.sax.saxutils import escape

from .charts import box_lines

Place = collections.namedtuple("Place", "x y width height lines")

LETTER, LINE, PAD, GAP = 7, 16, 8, 34       # pixels: of a letter, a line of text, around it, between boxes


def layout(drawn, options, rankdir="TB"):
    """``(places by key, width, height)``: each box below all that lead to it, the boxes of a rank side by side."""
    ranks = {box.key: 0 for box in drawn.boxes}
    for box in drawn.boxes:     # boxes come after those that lead to them
        ranks[box.key] = max([ranks[a] + 1 for a, b in drawn.edges if b == box.key], default=0)
    rows = collections.defaultdict(list)
    for box in drawn.boxes:
        rows[ranks[box.key]].append(box)
    across = rankdir in ("LR", "RL")
    texts = {box.key: box_lines(box, options) for box in drawn.boxes}
    sizes = {key: (LETTER * max(map(len, lines)) + 2 * PAD, LINE * len(lines) + 2 * PAD)
             for key, lines in texts.items()}
    along, beside = (0, 1) if across else (1, 0)
    breadths = {r: sum(sizes[b.key][beside] + GAP for b in row) - GAP for r, row in rows.items()}
    places, depth, breadth = {}, GAP // 2, max(breadths.values(), default=0)
    for rank, row in sorted(rows.items(), reverse=rankdir in ("BT", "RL")):
        at = (breadth - breadths[rank] + GAP) / 2
        for box in row:
            width, height = sizes[box.key]
            x, y = (depth, at) if across else (at, depth)
            places[box.key] = Place(x, y, width, height, texts[box.key])
            at += sizes[box.key][beside] + GAP
        depth += max(sizes[b.key][along] for b in row) + GAP
    depth, breadth = depth - GAP // 2, breadth + GAP
    return (places, depth, breadth) if across else (places, breadth, depth)


def _edge(a, b, rankdir):
    """Where the line from one place to another begins and ends."""
    sides = {"TB": (0.5, 1, 0.5, 0), "BT": (0.5, 0, 0.5, 1), "LR": (1, 0.5, 0, 0.5), "RL": (0, 0.5, 1, 0.5)}[rankdir]
    return (a.x + sides[0] * a.width, a.y + sides[1] * a.height, b.x + sides[2] * b.width, b.y + sides[3] * b.height)


def to_svg(drawn, options, rankdir="TB"):
    """The picture as SVG text."""
    places, width, height = layout(drawn, options, rankdir)
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
             f'font-family="monospace" font-size="{LETTER / 0.6:.2f}">',
             '<defs><marker id="arrow" markerWidth="8" markerHeight="8" refX="8" refY="4" orient="auto">'
             '<path d="M0,0 L8,4 L0,8 z"/></marker></defs>']
    for edge in drawn.edges:
        x1, y1, x2, y2 = _edge(*(places[key] for key in edge), rankdir)
        lines.append(f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="black" marker-end="url(#arrow)"/>')
    for place in places.values():
        lines.append(f'<rect x="{place.x:g}" y="{place.y:g}" width="{place.width:g}" height="{place.height:g}" '
                     f'fill="white" stroke="black"/>')
        lines += [f'<text x="{place.x + PAD:g}" y="{place.y + PAD + LINE * (i + 0.75):g}">{escape(text)}</text>'
                  for i, text in enumerate(place.lines)]
    return "\n".join([*lines, "</svg>"]) + "\n"


def to_image(drawn, options, rankdir="TB", dpi=96):
    """The picture as an image of Pillow; ImportError without it."""
    from PIL import Image, ImageDraw, ImageFont
    scale = dpi / 96
    places, width, height = layout(drawn, options, rankdir)
    image = Image.new("RGB", (round(width * scale), round(height * scale)), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(12 * scale)
    for edge in drawn.edges:
        x1, y1, x2, y2 = (scale * v for v in _edge(*(places[key] for key in edge), rankdir))
        draw.line((x1, y1, x2, y2), fill="black")
        draw.ellipse((x2 - 3, y2 - 3, x2 + 3, y2 + 3), fill="black")
    for place in places.values():
        corners = place.x, place.y, place.x + place.width, place.y + place.height
        draw.rectangle([scale * v for v in corners], fill="white", outline="black")
        for i, text in enumerate(place.lines):
            draw.text((scale * (place.x + PAD), scale * (place.y + PAD + LINE * i)), text, "black", font)
    return image


def to_text(drawn, options):
    """One line for each box, and what leads to it."""
    names = {box.key: box.layer.name for box in drawn.boxes}
    lines = []
    for box in drawn.boxes:
        before = [names[a] for a, b in drawn.edges if b == box.key]
        lines.append("  ".join(box_lines(box, options)) + (f"  <- {', '.join(before)}" if before else ""))
    return "\n".join(lines) + "\n"
