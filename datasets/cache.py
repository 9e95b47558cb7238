"""Where the files of data sets lie: given by path, or in the cache folder, downloaded there if they are missing."""

import os
import pathlib

from ..utils import settings
from ..utils.files import fetch, verify

KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"      # where Keras keeps most of its files


def folder():
    """The cache folder: ``$TAHR_HOME/datasets`` or else ``~/.keras/datasets``."""
    return settings.home() / "datasets"


def locate(owner, name, path, url, *hashes):
    """The file that ``path`` means, downloaded if it belongs in the cache and is not there.

    Arguments:
        owner: the data set, for error texts.
        name: the file's name in the cache folder.
        path: what the user gave:

            - None: ``name`` in the cache folder.
            - a bare name: in the current folder, or else in the cache folder.
            - a path with a folder: there, and never downloaded.
        url, hashes: where the file comes from, and the hashes that it may have, that of ``url`` first.

    Raises:
        FileNotFoundError: there is no such file, and downloading it failed or was not allowed.
        ValueError: the file has another hash.
    """
    file = _place(owner, name, path)
    if not file.is_file():
        try:
            fetch(url, hashes[0], file)
        except OSError as error:
            raise missing(owner, file, url, error) from error
    verify(file, *hashes)
    return file


def missing(owner, file, url, error):
    """What to raise when a file is not in the cache and cannot be downloaded."""
    inside = file.relative_to(folder().parent).as_posix()
    return FileNotFoundError(
        f"{owner}.load_data: there is no file at {file}, and downloading {url} failed ({error}); put Keras's "
        f"{file.name} there, pass its place as path=, or set TAHR_HOME to a folder that has {inside}"
    )


def _place(owner, name, path):
    if path is None:
        return folder() / name
    given = os.fspath(path)
    if os.path.isfile(given):
        return pathlib.Path(given)
    if not given or os.path.basename(given) != given:
        raise FileNotFoundError(
            f"{owner}.load_data: path must be an existing {pathlib.Path(name).name}, got {given!r}, and there is no "
            f"file at {os.path.abspath(given)}; correct path=, or leave it out to use the cache folder"
        )
    return folder() / given
