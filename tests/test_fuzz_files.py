"""A few of the files of fuzz_files.py, at every run of the tests."""

import pytest

pytest.importorskip("resource")

from . import fuzz_files


@pytest.mark.parametrize("seed", range(3))
def test_changed_files_are_read_or_refused(seed):
    outcome = fuzz_files.fuzz(200, seed)
    assert {what for _, what in outcome} == {"read", "refused"}
