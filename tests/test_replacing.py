"""Files that replace others: whole or not at all, whatever happens on the way."""

import errno
import os
import pathlib
import signal
import stat
import subprocess
import sys

import h5py
import numpy as np
import pytest

from tahr.utils import files
from tahr.utils.files import replacing

OLD = "what was there"
posix = pytest.mark.skipif(os.name != "posix", reason="modes and links of POSIX")


@pytest.fixture
def target(tmp_path):
    """A file in a folder of its own."""
    path = tmp_path / "folder" / "file.txt"
    path.parent.mkdir()
    path.write_text(OLD)
    return path


def write(path, text="new", **options):
    with replacing(path, **options) as part:
        pathlib.Path(part).write_text(text)


def unchanged(path):
    return path.read_text() == OLD and os.listdir(path.parent) == [path.name]


def failing(code):
    def fail(*_, **__):
        raise OSError(code, os.strerror(code))
    return fail


def test_the_new_file_takes_the_place_when_the_block_ends(target):
    with replacing(target) as part:
        assert os.path.dirname(part) == str(target.parent)
        pathlib.Path(part).write_text("new")
        assert target.read_text() == OLD
    assert target.read_text() == "new" and os.listdir(target.parent) == ["file.txt"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError, MemoryError])
def test_whatever_is_raised_the_old_file_stays(error, target):
    with pytest.raises(error), replacing(target) as part:
        pathlib.Path(part).write_text("half")
        raise error
    assert unchanged(target)


def test_a_block_that_removed_the_part_is_an_error(target):
    with pytest.raises(FileNotFoundError), replacing(target) as part:
        os.unlink(part)
    assert unchanged(target)


@pytest.mark.parametrize("name", ["open", "fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS])
def test_a_disk_that_fails(name, code, target, monkeypatch):
    monkeypatch.setattr(files.os, name, failing(code))
    with pytest.raises(OSError, match="file.txt' cannot be written: .*what was there is as it was") as caught:
        write(target)
    assert caught.value.errno == code
    monkeypatch.undo()
    assert unchanged(target)


def test_what_was_written_is_on_the_disk_before_the_old_file_goes(target, monkeypatch):
    seen, real = [], {name: getattr(os, name) for name in ("fsync", "replace")}

    def synced(handle):
        seen.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else f"file of {os.fstat(handle).st_size}")
        real["fsync"](handle)

    monkeypatch.setattr(files.os, "fsync", synced)
    monkeypatch.setattr(files.os, "replace", lambda *args: (seen.append("replace"), real["replace"](*args)))
    write(target)
    assert seen == ["file of 3", "replace", "folder"]


def test_a_folder_that_cannot_be_synced_is_no_failure(target, monkeypatch):
    real = os.fsync
    monkeypatch.setattr(files.os, "fsync", lambda handle: failing(errno.EINVAL)() if stat.S_ISDIR(
        os.fstat(handle).st_mode) else real(handle))
    write(target)
    assert target.read_text() == "new"


LIMITED = """
import resource, signal, sys
import h5py, numpy as np
from tahr.utils.files import replacing
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    with replacing(sys.argv[1]) as part:
        if sys.argv[2] == "h5":
            with h5py.File(part, "w") as file:
                file["x"] = np.zeros(100_000)
        else:
            with open(part, "wb") as file:
                file.write(bytes(100_000))
except OSError as error:
    print(error)
"""


@posix
@pytest.mark.parametrize("kind", ["h5", "plain"])
def test_a_full_disk(kind, target):
    result = subprocess.run([sys.executable, "-c", LIMITED, target, kind], capture_output=True, text=True, check=True)
    assert "cannot be written: File too large; what was there is as it was" in result.stdout
    assert unchanged(target)


def test_without_overwrite_a_file_stays(target):
    with pytest.raises(FileExistsError, match="there is a file .* already; give overwrite=True, or another path"):
        write(target, overwrite=False)
    assert unchanged(target)
    write(target.with_name("other"), overwrite=False)
    assert target.with_name("other").read_text() == "new"
    assert sorted(os.listdir(target.parent)) == ["file.txt", "other"]


@pytest.mark.parametrize("links", [True, False])
def test_without_overwrite_a_file_that_came_meanwhile_stays(links, target, monkeypatch):
    path = target.with_name("other")
    if not links:
        monkeypatch.setattr(files.os, "link", failing(errno.EPERM))
        write(path, overwrite=False)
        assert path.read_text() == "new"
        return
    with pytest.raises(FileExistsError), replacing(path, overwrite=False) as part:
        pathlib.Path(part).write_text("mine")
        path.write_text("theirs")
    assert path.read_text() == "theirs" and sorted(os.listdir(target.parent)) == ["file.txt", "other"]


@pytest.mark.parametrize("name", ["a b", "ünï-漢字-🐐", "quote'\"$(x)`;", "new\nline", "-rf", "%s{epoch}", "x" * 255,
                                  b"\xff\xfe"])
@posix
def test_odd_names(name, tmp_path):
    path = os.path.join(os.fsencode(tmp_path) if isinstance(name, bytes) else tmp_path, name)
    write(path, "one")
    write(path, "two")
    with open(path) as file:
        assert file.read() == "two"
    assert len(os.listdir(tmp_path)) == 1


@pytest.mark.parametrize("path, error, text", [
    ("", IsADirectoryError, "there is a folder"),
    ("folder", IsADirectoryError, "give the name of a file in it"),
    ("missing/file", FileNotFoundError, "there is no folder .*make it first"),
    ("folder/file.txt/more", FileNotFoundError, "there is no folder"),
    pytest.param("/dev/null", OSError, "device, pipe or socket", marks=posix),
])
def test_no_places_for_a_file(path, error, text, target, monkeypatch):
    monkeypatch.chdir(target.parent.parent)
    with pytest.raises(error, match=text):
        write(path)
    assert unchanged(target)


@posix
def test_a_folder_that_may_not_be_written(target):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    target.parent.chmod(0o500)
    try:
        with pytest.raises(PermissionError, match="cannot be written"):
            write(target)
    finally:
        target.parent.chmod(0o700)
    assert unchanged(target)


@posix
def test_links_stay_links(target):
    link = target.parent.parent / "link"
    link.symlink_to("folder/file.txt")
    write(link)
    assert link.is_symlink() and target.read_text() == "new"
    dangling = link.with_name("dangling")
    dangling.symlink_to("folder/later.txt")
    write(dangling)
    assert dangling.is_symlink() and target.with_name("later.txt").read_text() == "new"


@posix
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_modes(umask, target):
    before = os.umask(umask)
    try:
        write(target.with_name("other"))
        target.chmod(0o640)
        write(target)
    finally:
        os.umask(before)
    assert stat.S_IMODE(target.with_name("other").stat().st_mode) == 0o666 & ~umask
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_hdf5_files(target):
    for value in (1.0, 2.0):
        with replacing(target) as part, h5py.File(part, "w") as file:
            file["x"] = np.full(1000, value)
    with h5py.File(target) as file:
        assert (file["x"][:] == 2.0).all()


WRITER = """
import pathlib, sys
from tahr.utils.files import replacing
for i in range(60):
    with replacing(sys.argv[1]) as part:
        pathlib.Path(part).write_bytes(sys.argv[2].encode() * 100_000)
"""


def test_two_processes_write_to_one_path(target):
    target.write_bytes(b"a" * 100_000)
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, target, letter]) for letter in "ab"]
    try:
        seen = set()
        while any(writer.poll() is None for writer in writers):
            content = target.read_bytes()
            assert len(content) == 100_000 and len(set(content)) == 1
            seen.add(content[0])
    finally:
        codes = [writer.wait() for writer in writers]
    assert codes == [0, 0] and seen <= set(b"ab") and os.listdir(target.parent) == ["file.txt"]


@posix
def test_a_killed_writer_leaves_the_old_file(target):
    code = ("import os, pathlib, signal, sys\nfrom tahr.utils.files import replacing\n"
            "with replacing(sys.argv[1]) as part:\n    pathlib.Path(part).write_text('half')\n"
            "    os.kill(os.getpid(), signal.SIGKILL)")
    assert subprocess.run([sys.executable, "-c", code, target]).returncode == -signal.SIGKILL
    assert target.read_text() == OLD
    write(target)
    assert target.read_text() == "new"
