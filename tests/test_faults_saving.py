"""A few of the broken saves of faults_saving.py, at every run of the tests."""

import random

import pytest

pytest.importorskip("resource")

from . import faults_saving


@pytest.mark.parametrize("kind", faults_saving.KINDS)
def test_a_broken_save_leaves_the_old_file_or_the_new_one(kind):
    outcome = faults_saving.faults(kind, random.Random(0), 45)
    ended = {(way, ending, file) for _, way, ending, file in outcome}
    assert {("killed at a write", "killed", "old"), ("full disk", "error", "old"),
            ("killed at a step", "killed", "old"), ("killed at a step", "killed", "new")} <= ended
