"""Files from the net: over https only, checked by their hash, and put in place whole or not at all."""

import contextlib
import hashlib
import http.client
import os
import pathlib
import shutil
import tempfile
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
    handle, part = tempfile.mkstemp(prefix=destination.name + ".", suffix=".part", dir=destination.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if expected is not None:
            _require(part, source, expected)
        os.replace(part, destination)
    except BaseException:  # an interrupted download (Ctrl-C) must not leave its part behind either
        os.unlink(part)
        raise


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
