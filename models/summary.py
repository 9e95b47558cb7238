"""A model as a table."""

import numpy as np


def rows_of(model):
    """Name, output shape and number of parameters of each layer."""
    for layer in model.layers:
        shape = str(layer.output_shape) if layer.known_output_shape is not None else "?"
        yield f"{layer.name} ({type(layer).__name__})", shape, f"{layer.count_params():,}"


def summary_lines(model, line_length=None, positions=None):
    """The lines of the table."""
    width = line_length or 65
    ends = [int(width * p) if p <= 1 else int(p) for p in positions or (0.45, 0.85, 1.0)]

    def row(cells):
        line = ""
        for cell, end in zip(cells, ends):
            line = (line + cell)[:end - 1].ljust(end)
        return line.rstrip()
    count = lambda weights: int(sum(np.prod(w.shape) for w in weights))
    trainable, frozen = count(model.trainable_weights), count(model.non_trainable_weights)
    yield f'Model: "{model.name}"'
    yield "_" * width
    yield row(("Layer (type)", "Output Shape", "Param #"))
    yield "=" * width
    for i, cells in enumerate(rows_of(model)):
        if i:
            yield "_" * width
        yield row(cells)
    yield "=" * width
    yield f"Total params: {trainable + frozen:,}"
    yield f"Trainable params: {trainable:,}"
    yield f"Non-trainable params: {frozen:,}"
    yield "_" * width
