"""Data files from the net: over https only, checked by SHA-256, and put in place whole or not at all."""

import hashlib
import http.client
import os
import pathlib
import shutil
import tempfile

TIMEOUT = 10  # seconds that connecting, or one wait for more data, may take


def fetch(url, sha256, destination):
    """Download ``url`` to the file ``destination``, which appears only when its content is the expected one.

    Arguments:
        url: an address that begins with ``https://``; redirections must stay on https.
        sha256: the expected SHA-256 of the content, 64 lowercase hexadecimal digits.
        destination: the path of the file; its folder is made when missing, an old file is replaced.

    Raises:
        ValueError: the address is not https, or the content has another hash.
        OSError: the download or the writing failed.

    Whatever is raised, ``destination`` is as it was and the temporary file beside it is gone.
    """
    if not url.startswith("https://"):
        raise ValueError(f"fetch: data are downloaded over https only, got {url!r}; use an https:// address")
    destination = pathlib.Path(destination)
    destination.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(prefix=destination.name + ".", suffix=".part", dir=destination.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            _download(url, file)
            file.flush()
            os.fsync(file.fileno())
        _require(_sha256(part), sha256, url)
        os.replace(part, destination)
    except BaseException:  # an interrupted download (Ctrl-C) must not leave its part behind either
        os.unlink(part)
        raise


def verify(path, *sha256):
    """Check that the file ``path`` has one of these SHA-256 (64 lowercase hexadecimal digits each).

    Raises:
        ValueError: the hash is another one; the text gives both.
        OSError: the file cannot be read.
    """
    found = _sha256(path)
    if found not in sha256:
        _require(found, sha256[0], path)


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _require(found, expected, source):
    if found != expected:
        raise ValueError(
            f"{source} must have the SHA-256 {expected}, found {found}: it is damaged, cut short or another file; "
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
