"""Columns of a matrix as vectors: what kernels that go down the rows of an image or a batch are written with."""

from .simd import Code

WIDE = 4        # vectors side by side: enough sums in flight to hide the time that each addition takes


class Panel:
    """Some columns: ``vectors`` whole vectors, or for 0 the first ``count`` lanes of one."""

    def __init__(self, code: Code, vectors, count=None):
        self.code, self.width = code, max(vectors, 1)
        self.mask = None if vectors else code.first(count)

    def load(self, pointer, i=0):
        """A row of the panel, from ``pointer[i]`` on: a list of vectors, zeros where there is no column."""
        pointer = self.code.at(pointer, i)
        if self.mask is not None:
            return [self.code.load_masked(pointer, self.mask)]
        return [self.code.load(pointer, j * self.code.lanes) for j in range(self.width)]

    def store(self, values, pointer, i=0):
        """Write a row of the panel."""
        pointer = self.code.at(pointer, i)
        if self.mask is not None:
            return self.code.store_masked(values[0], pointer, self.mask)
        for j, value in enumerate(values):
            self.code.store(value, pointer, j * self.code.lanes)

    def sums(self):
        """A variable for each vector, 0 at first."""
        return [self.code.variable(self.code.constant(0)) for _ in range(self.width)]

    def read(self, places):
        return [self.code.read(place) for place in places]

    def write(self, values, places):
        for value, place in zip(values, places):
            self.code.write(value, place)

    def add(self, values, places):
        """Add to variables."""
        self.write([self.code.add(self.code.read(place), value) for value, place in zip(values, places)], places)


def across(code: Code, columns, write, wide=WIDE):
    """Write ``write(panel, first column)`` for panels that together are all ``columns``: the wide ones, single vectors,
    and what is left."""
    builder = code.builder
    done = code.variable(code.integer(0))
    for vectors in (wide, 1):
        size = code.integer(vectors * code.lanes)
        with code.loop(builder.sdiv(builder.sub(columns, code.read(done)), size)) as i:
            write(Panel(code, vectors), builder.add(code.read(done), builder.mul(i, size)))
        rest = builder.srem(builder.sub(columns, code.read(done)), size)
        code.write(builder.sub(columns, rest), done)
    with builder.if_then(builder.icmp_signed("<", code.read(done), columns)):
        write(Panel(code, 0, builder.sub(columns, code.read(done))), code.read(done))
