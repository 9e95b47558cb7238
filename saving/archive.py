"""Zip files of strangers: every member is checked before one is unpacked, and nothing is written to disk."""

import contextlib
import errno
import stat
import zipfile
import zlib

from ..utils.errors import ModelFileError
from .bounded_json import MAX_BYTES

MAX_MEMBERS = 1000
MAX_RATIO, FLOOR = 200, 2 ** 20     # unpacked bytes for each packed one, above a megabyte
KNOWN = ("config.json", "metadata.json", "model.weights.h5")
FOLDERS = ("assets/",)


@contextlib.contextmanager
def opened(source):
    """Open a path or binary file object, as a dict of functions that read its members.

    Raises:
        ModelFileError: for what is no zip file or is damaged, also while it is read; for more than 1000 members, names
            that leave the archive, occur twice or are none of Keras's; links, encryption, unknown compression; members
            that unpack to more than 200 times their size, JSON to more than 64 MB.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise ModelFileError(f"the file has {len(members)} members, more than {MAX_MEMBERS}")
            for member in members:
                _check(member)
            names = [m.filename for m in members]
            if twice := {n for n in names if names.count(n) > 1}:
                raise ModelFileError(f"the member {sorted(twice)[0]!r} is there twice")
            yield {m.filename: lambda m=m: archive.read(m) for m in members}
    except ModelFileError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, UnicodeError,
            OverflowError, MemoryError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise       # the disk's; a place before the beginning of the file is EINVAL
        raise ModelFileError(f"the zip file is damaged ({type(error).__name__}: {str(error)[:200]})") from error


def _check(member):
    name = member.filename
    shown = repr(name[:80])
    parts = name.split("/")
    if name.startswith("/") or "\\" in name or ".." in parts or "\x00" in member.orig_filename or ":" in parts[0]:
        raise ModelFileError(f"the member {shown} leads out of the archive")
    if name not in KNOWN and not name.startswith(FOLDERS):
        raise ModelFileError(f"the member {shown} is none of a Keras model: {', '.join((*KNOWN, *FOLDERS))}")
    if member.flag_bits & 1:
        raise ModelFileError(f"the member {shown} is encrypted")
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ModelFileError(f"the member {shown} is no plain file (a link or device)")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ModelFileError(f"the member {shown} is packed by the method {member.compress_type}; stored and deflated "
                             "ones are read")
    if name.endswith(".json") and member.file_size > MAX_BYTES:
        raise ModelFileError(f"the member {shown} has {member.file_size} bytes, more than the {MAX_BYTES} that are "
                             "read")
    if member.file_size > max(FLOOR, MAX_RATIO * member.compress_size):
        raise ModelFileError(f"the member {shown} unpacks from {member.compress_size} to {member.file_size} bytes")
