"""Data preparation against Keras 3: the same programs, run there for the golden file and here now."""

import importlib.util
import json
import pathlib
import types

import numpy as np
import pytest

from tahr.datasets import boston_housing, california_housing, imdb, reuters
from tahr.preprocessing import image, sequence, text
from tahr.utils import numeric
from tahr.utils.files import hash_file

FOLDER = pathlib.Path(__file__).parent / "golden"
spec = importlib.util.spec_from_file_location("data_programs", FOLDER / "data_programs.py")
data_programs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(data_programs)
GOLDEN = json.loads((FOLDER / "keras3_data.json").read_text())
DATASETS = {"imdb": imdb, "reuters": reuters, "boston": boston_housing, "california": california_housing}


@pytest.fixture
def ours(tmp_path, monkeypatch):
    """The namespace that the programs are run with."""
    found = {}
    for module in (numeric, image, sequence, text):
        found |= {name: value for name, value in vars(module).items() if not name.startswith("_")}
    for name, module in DATASETS.items():
        path = tmp_path / f"{name}.npz"
        np.savez(path, **data_programs.FILES[name])
        monkeypatch.setattr(module, "SHA256", hash_file(path))
        found[name] = lambda load=module.load_data, path=path, **options: load(path=path, **options)
    return types.SimpleNamespace(**found)


def check(found, expected, path):
    """Equal types, shapes and values; floats within rounding."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), path
        for name in expected:
            if name == "values":
                np.testing.assert_allclose(found[name], expected[name], rtol=1e-6, atol=1e-9, err_msg=path)
            else:
                check(found[name], expected[name], f"{path}.{name}")
    elif isinstance(expected, list):
        assert isinstance(found, list) and len(found) == len(expected), path
        for i, (a, b) in enumerate(zip(found, expected)):
            check(a, b, f"{path}[{i}]")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-12), path
    else:
        assert found == expected and isinstance(found, type(expected)), path


@pytest.mark.parametrize("name", data_programs.PROGRAMS)
def test_as_keras_3(name, ours):
    check(json.loads(json.dumps(data_programs.plain(data_programs.PROGRAMS[name](ours)))), GOLDEN[name], name)


def test_the_golden_file_is_of_these_programs():
    assert GOLDEN.keys() == {*data_programs.PROGRAMS, "versions"}
