"""Archives from strangers: extracted only if every member is a plain file or folder that stays inside.

What is refused: absolute paths, ``..``, links that lead out or to anything but a file of the archive, devices, sparse
files, encrypted members, two members of one name, and more bytes than an honest archive has. Links to files of the
archive become copies, so that no link is ever made.
"""

import errno
import functools
import gzip
import lzma
import os
import pathlib
import posixpath
import re
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib

DAMAGED = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError)
MAX_BYTES = 16 * 2 ** 30        # of all members together
MAX_MEMBERS = 1_000_000
MAX_RATIO, FREE_BYTES = 200, 256 * 2 ** 20      # more than so many times the archive's size, beyond so many bytes


def extract_archive(file_path, path=".", archive_format="auto"):
    """Extract an archive; nothing appears in ``path`` unless all of it is well.

    Arguments:
        file_path: the archive.
        path: the folder to extract into, default the current one; it is made when missing.
        archive_format: ``'tar'`` (plain, gzip, bzip2 or xz), ``'zip'``, ``'auto'`` for either (the default), a list of
            these, or None for no extraction.

    Returns:
        Whether the file was an archive of such a format, and has been extracted.

    Raises:
        ValueError: a member is unsafe; the text says which and why.
    """
    for name in _formats(archive_format):
        recognized, opened, members = READERS[name]
        if recognized(file_path):
            try:
                with opened(file_path) as archive:
                    _extract(file_path, path, members(archive))
            except (*DAMAGED, OSError) as error:
                if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                    raise       # the disk; a damaged file has no number, a zip with wrong places EINVAL
                raise ValueError(f"{file_path} is damaged and was not extracted: {error!r}") from error
            return True
    return False


def _formats(given):
    if given is None or isinstance(given, str):
        given = {"auto": ["tar", "zip"], None: []}.get(given, [given])
    if unknown := [name for name in given if name not in READERS]:
        raise ValueError(f"archive_format must be 'auto', 'tar', 'zip', a list of these or None, got {unknown[0]!r}")
    return given


def _extract(file_path, path, members):
    """Write all members into a folder beside their place, then move them there."""
    path = pathlib.Path(path)
    path.mkdir(parents=True, exist_ok=True)
    limit = max(FREE_BYTES, MAX_RATIO * os.path.getsize(file_path))
    with tempfile.TemporaryDirectory(prefix=".extracting-", dir=path) as folder:
        folder = pathlib.Path(folder)
        _write(members, folder, min(limit, MAX_BYTES))
        _move(folder, path)


def _write(members, folder, limit):
    """Write ``(name, size, opened)`` one by one; ``opened`` is None for a folder."""
    total = 0
    for count, (name, size, opened) in enumerate(members, 1):
        target = folder.joinpath(*safe_parts(name))
        total += size
        if total > limit or count > MAX_MEMBERS:
            _refuse(name, f"up to here there are {count} members of {total} bytes, more than the limits of "
                          f"{MAX_MEMBERS} members and {limit} bytes")
        try:
            if opened is None:
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with opened() as source, open(target, "xb") as file:
                shutil.copyfileobj(source, file)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            _refuse(name, "there are two members of that name")


def _move(folder, path):
    """Move all files below ``folder`` to the same places below ``path``, over those that are there."""
    inside = os.path.realpath(path)
    moves = [(source, path / source.relative_to(folder)) for source in sorted(folder.rglob("*"))]
    for source, target in moves:
        if os.path.commonpath([inside, os.path.realpath(target.parent)]) != inside:
            _refuse(source.relative_to(folder), f"{target.parent} is a link that leads out of {path}")
    for source, target in moves:
        if source.is_dir():
            target.mkdir(exist_ok=True)
        else:
            os.replace(source, target)


def safe_parts(name):
    """The parts of a member's path.

    Raises:
        ValueError: for a path that is absolute, leads out or is no path.

    >>> safe_parts("./data/train.txt")
    ('data', 'train.txt')
    >>> safe_parts("../secret")
    Traceback (most recent call last):
    ValueError: the archive is unsafe and was not extracted: member '../secret': its path leads out of the folder
    """
    if name.startswith("/") or re.match("[A-Za-z]:", name):
        _refuse(name, "its path is absolute")
    if "\\" in name or any(ord(c) < 32 or ord(c) == 127 for c in name):
        _refuse(name, "its path has a backslash or a control character")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if ".." in parts:
        _refuse(name, "its path leads out of the folder")
    return parts


def _refuse(name, reason):
    raise ValueError(f"the archive is unsafe and was not extracted: member {str(name)!r}: {reason}")


def _tar_members(archive):
    for member in archive:
        if member.isdir():
            yield member.name, 0, None
        elif member.issym() or member.islnk():
            file = _linked(archive, member)
            yield member.name, file.size, functools.partial(archive.extractfile, file)
        elif _is_plain(member):
            yield member.name, member.size, functools.partial(archive.extractfile, member)
        else:
            _refuse(member.name, "it is no plain file, folder or link (a device, pipe or sparse file)")
    for _ in range(64):     # on to the end of the compressed stream, where its checksum stands; a bomb is not followed
        if not archive.fileobj.read(2 ** 20):
            break


def _is_plain(member):
    return member.isreg() and not member.issparse()


def _linked(archive, link):
    """The plain file of the archive that a link means: a symbolic one from its own folder, a hard one from the top."""
    base = posixpath.dirname(link.name) if link.issym() else ""
    target = posixpath.normpath(posixpath.join(base, link.linkname))
    if link.linkname.startswith("/") or target.split("/")[0] == "..":
        _refuse(link.name, f"it links to {link.linkname!r}, out of the folder")
    found = [m for m in archive.getmembers() if posixpath.normpath(m.name) == target]
    if len(found) != 1 or not _is_plain(found[0]):
        _refuse(link.name, f"it links to {link.linkname!r}, which is no plain file of the archive")
    return found[0]


def _zip_members(archive):
    for info in archive.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16)
        if info.flag_bits & 1:
            _refuse(info.filename, "it is encrypted")
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            _refuse(info.filename, "it is no plain file or folder (a link or device)")
        if info.is_dir():
            yield info.orig_filename, 0, None
        else:
            yield info.orig_filename, info.file_size, functools.partial(archive.open, info)


READERS = {     # how to recognize a kind of archive, how to open it, and what yields its members
    "tar": (tarfile.is_tarfile, tarfile.open, _tar_members),
    "zip": (zipfile.is_zipfile, zipfile.ZipFile, _zip_members),
}
