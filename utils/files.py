"""Files that appear whole or not at all: written by us, or from the net, over https only and checked by their hash."""

import contextlib
import errno
import hashlib
import http.client
import os
import pathlib
import secrets
import shutil
import stat
import urllib.parse

from . import settings
from .archives import extract_archive

TIMEOUT = 10  # seconds that connecting, or one wait for more data, may take
ALGORITHMS = {64: "sha256", 32: "md5"}      # by the number of hexadecimal digits


def fetch(url, hash, destination):
    """Download ``url`` to the file ``destination``, which appears only when its content is the expected one.

    Arguments:
        url: an address that begins with ``https://``; redirections must stay on https.
        hash: the expected hash of the content, 64 (SHA-256) or 32 (MD5) hexadecimal digits; None checks nothing.
        destination: the path of the file; its folder is made when missing, an old file is replaced.

    Raises:
        ValueError: the address is not https, or the content has another hash.
        OSError: the download or the writing failed.

    Whatever is raised, ``destination`` is as it was and the temporary file beside it is gone.
    """
    if not url.startswith("https://"):
        raise ValueError(f"fetch: data are downloaded over https only, got {url!r}; use an https:// address")
    with _replacing(destination, hash, url) as file:
        _download(url, file)


def copy(source, hash, destination):
    """Copy a file as :func:`fetch` downloads one: checked, and whole or not at all."""
    with open(source, "rb") as original, _replacing(destination, hash, source) as file:
        shutil.copyfileobj(original, file)


@contextlib.contextmanager
def _replacing(destination, expected, source):
    """A file to write to, which then takes the place of ``destination`` if its content has the expected hash."""
    destination = pathlib.Path(destination)
    destination.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with replacing(destination) as part:
        with open(part, "wb") as file:
            yield file
        if expected is not None:
            _require(part, source, expected)


@contextlib.contextmanager
def replacing(path, overwrite=True):
    """A path beside ``path`` to write a file to, which takes its place at the end: whole, or not at all.

    What was written is on the disk before the old file goes. If anything fails, Ctrl-C and a full disk too, the old
    file is as it was and the new one is gone; of several who write to one path at a time the last one's file stays. A
    link is followed: the file that it leads to is replaced. The new file has the mode of the old one.

    Arguments:
        path: where the file shall be, in a folder that is there.
        overwrite: whether an old file may be replaced, default True.

    Yields:
        The path of an empty file in the same folder; it must be closed when the block ends.

    Raises:
        FileExistsError: without ``overwrite`` where there is a file, at the beginning or by then.
        OSError: where ``path`` is no place for a file, and where it cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = os.path.join(folder, "words.txt")
    ...     with replacing(target) as part:
    ...         _ = pathlib.Path(part).write_text("one two")
    ...     pathlib.Path(target).read_text(), os.listdir(folder)
    ('one two', ['words.txt'])
    """
    target = os.path.realpath(os.fsdecode(path))
    _require_place(path, target, overwrite)
    with _explained(path):
        part = _part(target)
    try:
        with _explained(path):
            yield part
            _flush(part, os.O_RDWR)
            _put(part, target, overwrite)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)
        raise
    with contextlib.suppress(OSError):      # the file is there; not every file system can do more
        _flush(os.path.dirname(target), os.O_RDONLY)


def _require_place(path, target, overwrite):
    """Raise unless a file may be put to this place."""
    folder = os.path.dirname(target)
    if os.path.isdir(target):
        raise IsADirectoryError(errno.EISDIR, f"a file is to be written, and there is a folder at {os.fsdecode(path)!r}"
                                              "; give the name of a file in it")
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, f"{os.fsdecode(path)!r} cannot be written: there is no folder {folder!r};"
                                              " make it first")
    if os.path.lexists(target):
        if not os.path.isfile(target):
            raise OSError(errno.EINVAL, f"{os.fsdecode(path)!r} is a device, pipe or socket, which cannot be replaced "
                                        "by a file; give another path")
        if not overwrite:
            raise _there_already(path)


def _there_already(path):
    return FileExistsError(errno.EEXIST, f"there is a file {os.fsdecode(path)!r} already; give overwrite=True, or "
                                         "another path")


def _part(target):
    """A new empty file in the folder of ``target``, with its mode, or with that of any new file."""
    part = os.path.join(os.path.dirname(target), f".{secrets.token_hex(8)}.part")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    with contextlib.suppress(OSError):      # no old file, or a file system without modes
        os.chmod(part, stat.S_IMODE(os.stat(target).st_mode) | stat.S_IWUSR)
    return part


def _flush(path, flags):
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _put(part, target, overwrite):
    """Give the finished file its name."""
    if overwrite:
        os.replace(part, target)
        return
    try:
        os.link(part, target)       # fails if a file has come there meanwhile, which a look beforehand would miss
    except FileExistsError:
        raise _there_already(target) from None
    except OSError:                 # a file system without hard links
        os.rename(part, target)
    else:
        os.unlink(part)


NO_PLACE = tuple(getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG", "EIO", "EROFS", "EACCES", "EPERM")
                 if hasattr(errno, name))


@contextlib.contextmanager
def _explained(path):
    """Errors of the disk say which file was to be written, and that the old one is safe."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_PLACE:
            raise
        raise OSError(error.errno, f"{os.fsdecode(path)!r} cannot be written: {os.strerror(error.errno)}; what was "
                                   "there is as it was. Make room or give another path") from error


def verify(path, *hashes):
    """Check that the file ``path`` has one of these hashes, SHA-256 or MD5.

    Raises:
        ValueError: the hash is another one; the text gives both.
        OSError: the file cannot be read.
    """
    if not any(validate_file(path, expected) for expected in hashes):
        _require(path, path, hashes[0])


def validate_file(fpath, file_hash, algorithm="auto", chunk_size=65535):
    """Whether the file ``fpath`` has this hash.

    Arguments:
        fpath: the path of the file.
        file_hash: hexadecimal digits.
        algorithm: ``'sha256'``, ``'md5'`` or ``'auto'``, the default: by the number of digits.
        chunk_size: not used; Keras has it.

    Raises:
        ValueError: for an unknown algorithm, or a hash that is none.
    """
    return hash_file(fpath, _algorithm(file_hash, algorithm)) == file_hash.lower()


def hash_file(fpath, algorithm="sha256"):
    """The hash of a file's content, in hexadecimal digits."""
    with open(fpath, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _algorithm(file_hash, algorithm="auto"):
    digits = {name: n for n, name in ALGORITHMS.items()}
    if algorithm not in ("auto", *digits):
        raise ValueError(f"hash_algorithm must be 'auto', 'sha256' or 'md5', got {algorithm!r}")
    length = len(file_hash)
    hexadecimal = set(file_hash.lower()) <= set("0123456789abcdef")
    if length not in ALGORITHMS or digits.get(algorithm, length) != length or not hexadecimal:
        raise ValueError(f"a hash must be 64 (SHA-256) or 32 (MD5) hexadecimal digits, got {file_hash!r} for "
                         f"hash_algorithm={algorithm!r}")
    return ALGORITHMS[length]


def _require(path, source, expected):
    algorithm = _algorithm(expected)
    found = hash_file(path, algorithm)
    if found != expected.lower():
        title = {"sha256": "SHA-256", "md5": "MD5"}[algorithm]
        raise ValueError(
            f"{source} must have the {title} {expected}, found {found}: it is damaged, cut short or another file; "
            f"discard it and fetch it again"
        )


def _download(url, file):
    try:
        with _open(url) as response:
            shutil.copyfileobj(response, file)
    except http.client.HTTPException as error:  # a broken connection: not an OSError in http.client
        raise ConnectionError(f"the download of {url} broke off: {error!r}") from error


def _open(url):
    return _https_opener().open(url, timeout=TIMEOUT)


def _https_opener():
    """An opener that knows https and no other protocol, so that no redirection can leave https."""
    import urllib.request as request  # here, not above: 16 to 25 ms that a cached data set need not pay

    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler,
        request.HTTPSHandler,
        request.HTTPRedirectHandler,
        request.HTTPErrorProcessor,
        request.HTTPDefaultErrorHandler,
        request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener


def get_file(fname=None, origin=None, untar=False, md5_hash=None, file_hash=None, cache_subdir="datasets",
             hash_algorithm="auto", extract=False, archive_format="auto", cache_dir=None, force_download=False):
    """The path of a file in the cache folder, put there first if it is missing or damaged.

    Arguments:
        fname: the name of the file, default the last part of ``origin``; an absolute path is used as it is.
        origin: where it comes from: an ``https://`` address, a ``file:`` address or a path.
        untar: the file is an archive, kept as ``fname + '.tar.gz'`` and extracted beside it; the result is the path
            without that ending.
        md5_hash, file_hash: the expected hash, MD5 or SHA-256 in hexadecimal digits; one that differs makes the file be
            fetched again. None, the default, trusts what is there.
        cache_subdir: the folder in the cache folder, default ``'datasets'``.
        hash_algorithm: ``'sha256'``, ``'md5'`` or ``'auto'``, the default: by the number of digits.
        extract: the file is an archive, to be extracted beside it; the result is still the path of the archive.
        archive_format: see :func:`~tahr.utils.archives.extract_archive`.
        cache_dir: the cache folder, default ``$TAHR_HOME`` or else ``~/.keras``.
        force_download: fetch it even if it is there.

    Raises:
        ValueError: what came has another hash, ``origin`` is an address of another kind, or the archive has members
            that would be unsafe to extract.
        FileNotFoundError: the file is not there and could not be fetched.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = pathlib.Path(folder, "words.txt")
    ...     _ = made.write_text("one two")
    ...     kept = get_file(origin=made.as_uri(), cache_dir=folder)
    ...     pathlib.Path(kept).relative_to(folder).as_posix()
    'datasets/words.txt'
    """
    if origin is None:
        raise ValueError("get_file: origin is missing; say where the file comes from")
    expected = file_hash or md5_hash
    if expected is not None:
        _algorithm(expected, "md5" if md5_hash and not file_hash else hash_algorithm)
    folder = pathlib.Path(cache_dir or settings.home()).expanduser() / cache_subdir
    path = folder / _name(fname, origin)
    archive = path.with_name(path.name + ".tar.gz") if untar else path
    missing = not archive.is_file() or expected is not None and not validate_file(archive, expected)
    if missing or force_download:
        _bring(origin, expected, archive)
    if extract or untar and (missing or force_download or not path.exists()):
        _unpack(archive, "tar" if untar else archive_format)
    return str(path)


def _unpack(archive, archive_format):
    if not extract_archive(archive, archive.parent, archive_format) and archive_format is not None:
        raise ValueError(f"get_file: {archive} is no archive of the format {archive_format!r}, so it cannot be "
                         f"extracted; leave out untar and extract")


def _name(fname, origin):
    name = os.fspath(fname or os.path.basename(urllib.parse.urlsplit(os.fspath(origin)).path))
    if not name or ".." in pathlib.Path(name).parts:
        raise ValueError(f"get_file: fname must be the name of a file, got {name!r}; give fname=")
    return name


def _bring(origin, expected, destination):
    """Copy or download the file."""
    try:
        if (local := local_path(origin)) is not None:
            copy(local, expected, destination)
        else:
            print(f"Downloading data from {origin}")
            fetch(origin, expected, destination)
    except OSError as error:
        raise FileNotFoundError(f"get_file: there is no file at {destination}, and getting it from {origin} failed "
                                f"({error}); put it there, or give another origin") from error


def local_path(origin):
    """The path that an origin means, None for an address of the net."""
    origin = os.fspath(origin)
    parts = urllib.parse.urlsplit(origin)
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost"):
            raise ValueError(f"get_file: a file: address must be of this computer, got {origin!r}")
        from urllib.request import url2pathname
        return url2pathname(parts.path)
    if "://" in origin:
        return None
    return os.path.expanduser(origin)
