"""Hostile .npz and .safetensors files: refused with our own error, the model as it was, no memory taken for them."""

import functools
import tracemalloc

import numpy as np
import pytest

import tahr
from tahr.layers import Dense
from tahr.models import from_torch
from tahr.utils import array_files
from tahr.utils.errors import ModelFileError
from tahr.utils.state_files import read_state

from . import hostile

FILES = {"npz": hostile.NPZ, "safetensors": hostile.SAFETENSORS}
CASES = [pytest.param(ending, name, id=f"{ending}: {name}") for ending, cases in FILES.items() for name in cases]
MOST = 4 * 2 ** 20      # bytes beside those of the file, for which a thousand small things are made
ENTRIES = {     # every way that leads into such a file
    "load_weights": lambda model, path: model.load_weights(path),
    "by name": lambda model, path: model.load_weights(path, by_name=True),
    "from_torch": from_torch,
    "read_state": lambda model, path: read_state(path),
}
BESIDE = ("a zip bomb beside the weights", "a weight too many")     # not looked at where weights are looked for by name


@functools.cache
def content(ending, name):
    return FILES[ending][name]()


def network():
    return tahr.Sequential([Dense(2, input_dim=3, name="d")])


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("ending, name", CASES)
def test_refused(entry, ending, name, tmp_path, monkeypatch):
    monkeypatch.setattr(array_files, "MAX_ARRAYS", hostile.MANY - 1)
    path, model = tmp_path / f"x.{ending}", network()
    path.write_bytes(content(ending, name))
    before = model.get_weights()
    tracemalloc.start()
    try:
        if entry == "by name" and name in BESIDE:
            ENTRIES[entry](model, path)
            before = [hostile.KERNEL, hostile.BIAS]
        else:
            with pytest.raises(ValueError) as caught:
                ENTRIES[entry](model, path)
            assert isinstance(caught.value, ModelFileError) or entry == "from_torch" and "layer" in str(caught.value)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
    assert peak < MOST + 40 * path.stat().st_size, f"{peak} bytes were taken"
    assert not hostile.RAN and [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("ending, make", [("npz", hostile.npz), ("safetensors", hostile.tensors)])
def test_the_files_that_were_changed_are_good(ending, make, tmp_path):
    """So that each refusal is one of what its case changes."""
    path, model = tmp_path / f"x.{ending}", network()
    path.write_bytes(make())
    for entry in ("load_weights", "by name"):
        model.set_weights([w * 0 for w in model.get_weights()])
        ENTRIES[entry](model, path)
        assert np.array_equal(model.get_weights()[0], hostile.KERNEL)
