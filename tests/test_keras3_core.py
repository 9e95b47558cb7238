"""Core, attention, normalization and preprocessing layers against Keras 3 (see golden/make_keras3_core.py)."""

import json
import pathlib

import numpy as np
import pytest

from tahr import layers

GOLDEN = np.load(pathlib.Path(__file__).parent / "golden" / "keras3_core.npz")
CASES = sorted({key.split("/")[0] for key in GOLDEN})


def case(name):
    return {key.removeprefix(f"{name}/"): GOLDEN[key] for key in GOLDEN if key.startswith(f"{name}/")}


@pytest.mark.parametrize("name", CASES)
def test_same_as_keras3(name):
    data = case(name)
    cls, args, call = json.loads(str(data["spec"]))
    numbered = lambda kind: [data[f"{kind}{i}"] for i in range(20) if f"{kind}{i}" in data]
    inputs, weights = numbered("x"), numbered("weight")
    layer = getattr(layers, cls)(**args, dtype="float64", weights=weights or None)
    out = layer(inputs, **call) if data["list"] else layer(*inputs, **call)
    assert len(layer.weights) == len(weights)
    np.testing.assert_allclose(out.numpy(), data["y"], rtol=1e-5, atol=1e-6)
