"""A program as a table: what each line does, on what, and what it costs."""

from ..autograd.capture import KEPT, Slot
from .passes import cost
from .replay import last_uses

POWERS = " kMGT"
HEAD = ("line", "op", "of", "gives", "bytes", "FLOP")


def table(program, compiled=False):
    """The lines of a table, and below it the sums: as a string.

    >>> import tahr
    >>> from tahr.autograd.capture import Recorder
    >>> x = tahr.Tensor([[1.0, 2.0]])
    >>> with Recorder([x.data]) as recorder:
    ...     y = (x * 3).sum()
    >>> print(table(recorder.program(y)))
    line  op        of         gives      bytes  FLOP
    0     multiply  i0 (1, 2)  m1 (1, 2)  8      2
    1     sum       m1 (1, 2)  m2 ()      4      1
    2 lines, 3 FLOP; at most 12 B of results at once, 0 B kept; runs line by line
    """
    rows = [HEAD]
    for i, line in enumerate(program.lines):
        rows.append((str(i), line.op.name, _slots(line.used()), _slots(line.outputs),
                     str(sum(s.nbytes for s in line.made() if s.shape is not None)), short(cost(line)).strip()))
    widths = [max(len(row[c]) for row in rows) for c in range(len(HEAD))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    total = sum(map(cost, program.lines))
    text.append(f"{len(program.lines)} lines, {short(total)}FLOP; at most {short(peak(program))}B of results at once, "
                f"{short(sum(s.nbytes for s in program.kept))}B kept; runs "
                f"{'as one compiled function' if compiled else 'line by line'}")
    return "\n".join(text)


def peak(program):
    """The most bytes that results take at one time; each is given back after the last line that reads it."""
    now = most = 0
    alive = set()
    for line, dead in zip(program.lines, last_uses(program)):
        for slot in line.made():
            if slot.shape is not None and slot.number not in alive:
                alive.add(slot.number)
                now += slot.nbytes
        most = max(most, now)
        for slot in dead:
            if slot.number in alive:
                alive.discard(slot.number)
                now -= slot.nbytes
    return most


def short(number):
    """A number in three digits, with the letter of its power of a thousand.

    >>> short(12), short(1234567)
    ('12 ', '1.23 M')
    """
    power = 0
    while number >= 1000 and power < len(POWERS) - 1:
        number, power = number / 1000, power + 1
    return f"{number:.3g} {POWERS[power]}" if power else f"{number} "


def _slots(slots):
    return ", ".join(f"{s!r} {s.shape}" if s.kind != KEPT or s.shape else repr(s)
                     for s in dict.fromkeys(slots) if isinstance(s, Slot) and s.shape is not None)
