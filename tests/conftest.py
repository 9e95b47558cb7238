"""Fixtures that every test gets: fixed seeds, default settings, no display."""

import gc
import os

os.environ.setdefault("MPLBACKEND", "Agg")

import hypothesis
import numpy as np
import pytest

from tahr.utils import rng, settings

hypothesis.settings.register_profile("tahr", deadline=None, derandomize=True, max_examples=50)
hypothesis.settings.load_profile("tahr")


@pytest.fixture(autouse=True)
def fixed():
    np.random.seed(0)
    rng.seed_default(0)
    with settings.using():
        yield


@pytest.fixture
def no_gc():
    """Only reference counts free memory: what a cycle holds stays."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
