"""Sequential: how it is put together."""

import tahr
from tahr.models import sequential


def test_many_layers_make_one_graph(monkeypatch):
    """A graph after each layer made the time of building and loading grow with the square of the layers."""
    made = []
    monkeypatch.setattr(sequential, "Graph", lambda *ends, graph=sequential.Graph: made.append(ends) or graph(*ends))
    model = tahr.Sequential([tahr.layers.Dense(2, input_shape=(2,)) for _ in range(50)])
    assert len(made) == 1 and model.output_shape == (None, 2)
    again = tahr.Sequential.from_config(model.get_config())
    assert len(made) == 2 and len(again.layers) == 50
