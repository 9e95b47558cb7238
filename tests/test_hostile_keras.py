"""Hostile files in Keras's formats: refused with our own error, nothing run, the model as it was, no memory taken."""

import functools
import json
import os
import tracemalloc
import unittest.mock

import numpy as np
import pytest

import tahr
from tahr.models import load_model, model_from_json
from tahr.utils.errors import ModelFileError

from . import hostile_keras as hostile

MOST = 64 * 2 ** 20     # bytes; Python's objects of a config take many times its text
LEFT_ALONE = ("a cycle of groups",)      # by name: a group without weights
ONLY_CONFIG = ("no config", "a config that is no JSON")      # which is not looked at where weights alone are wanted


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    """Work in an empty folder, which afterwards has nothing but the file that was given."""
    monkeypatch.chdir(tmp_path)


def refused(read, *content_of):
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError):
            read()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MOST, f"{peak} bytes were taken"
    assert set(os.listdir()) <= set(content_of)


@functools.cache
def contents(name):
    return hostile.with_config(hostile.CONFIGS[name])


@pytest.mark.parametrize("way", [0, 1, 2], ids=["keras", "h5", "json"])
@pytest.mark.parametrize("name", hostile.CONFIGS)
def test_configs(name, way):
    content = contents(name)[way]
    if way == 2:
        return refused(lambda: model_from_json(content))
    path = ("x.keras", "x.h5")[way]
    with open(path, "wb") as file:
        file.write(content)
    refused(lambda: load_model(path), path)


@pytest.mark.parametrize("name", hostile.TEXTS)
def test_texts(name):
    text = hostile.TEXTS[name](hostile.network().to_json())
    refused(lambda: model_from_json(text))
    if text:
        with open("x.keras", "wb") as file:
            file.write(hostile.with_members(**{"config.json": text}))
        refused(lambda: load_model("x.keras"), "x.keras")


@pytest.mark.parametrize("entry", ["load_model", "load_weights", "by_name"])
@pytest.mark.parametrize("name", hostile.HDF5)
def test_hdf5(name, entry):
    with open("x.h5", "wb") as file:
        file.write(hostile.changed_h5(hostile.HDF5[name]))
    model = hostile.network()
    before = model.get_weights()
    if entry == "load_model":
        return refused(lambda: load_model("x.h5"), "x.h5")
    if entry == "by_name" and name in LEFT_ALONE:
        model.load_weights("x.h5", by_name=True)
        return
    refused(lambda: model.load_weights("x.h5", by_name=entry == "by_name"), "x.h5")
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))


@pytest.mark.parametrize("entry", ["load_model", "load_weights"])
@pytest.mark.parametrize("name", hostile.ZIPS)
def test_zips(name, entry):
    with open("x.keras", "wb") as file:
        file.write(hostile.ZIPS[name]())
    model = hostile.network()
    before = model.get_weights()
    if entry == "load_model":
        return refused(lambda: load_model("x.keras"), "x.keras")
    if name in ONLY_CONFIG:
        return model.load_weights("x.keras")
    refused(lambda: model.load_weights("x.keras"), "x.keras")
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))


def test_the_files_that_were_changed_are_good():
    """So that each refusal is one of what its case changes."""
    for ending in ("keras", "h5"):
        with open(f"x.{ending}", "wb") as file:
            file.write(hostile.good(ending))
        assert load_model(f"x.{ending}").count_params() == 11
        hostile.network().load_weights(f"x.{ending}")
    assert model_from_json(hostile.json_text(lambda layers: None)).count_params() == 11
    with open("x.keras", "wb") as file:
        file.write(hostile.with_members())
    assert load_model("x.keras").count_params() == 11
    with open("x.h5", "wb") as file:
        file.write(hostile.changed_h5(lambda file: None))
    assert isinstance(load_model("x.h5"), tahr.Sequential)


@pytest.mark.parametrize("read", [lambda config: tahr.Sequential.from_config(config),
                                  lambda config: tahr.layers.Layer.get(config["layers"][-1])],
                         ids=["from_config", "Layer.get"])
@pytest.mark.parametrize("name", [name for name in hostile.CONFIGS if "illion" not in name and "integers" not in name])
def test_configs_that_a_program_reads_itself(name, read):
    """Whatever else is allowed there: nothing is run, imported or opened, and errors are those of wrong arguments."""
    config = json.loads(contents(name)[2])["config"]
    opened = []
    with unittest.mock.patch("builtins.open", opened.append):
        try:
            read(config)
        except (ValueError, TypeError):
            pass
        else:
            assert any(word in name for word in ("name", "weights", "objects"))
    assert not opened and not os.listdir()
