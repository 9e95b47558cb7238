"""What CIFAR-10 and CIFAR-100 share: batches of images in an archive, or in the folder extracted from it."""

import hashlib
import os
import pathlib
import tarfile

import numpy as np

from ..utils import settings
from ..utils.files import fetch
from . import cache
from .pickled import load


def load_batches(owner, path, folder, url, sha256, members, label):
    """``(images, labels)`` for each group of batches.

    Arguments:
        owner: the data set, for error texts.
        path: the archive, or the folder extracted from it; None looks for either in the cache, and downloads.
        folder: the name of the folder in the archive.
        url, sha256: of the archive.
        members: lists of ``{name: md5}``, one for each group.
        label: the name of the labels in a batch.

    Returns:
        Images ``(n, 32, 32, 3)``, or ``(n, 3, 32, 32)`` if images are kept with channels first, and labels ``(n, 1)``,
        all uint8.
    """
    place = _place(owner, path, folder, url, sha256)
    hashes = {name: md5 for group in members for name, md5 in group.items()}
    contents = _from_folder(place, hashes) if place.is_dir() else _from_archive(place, folder, hashes)
    return [_joined([_batch(contents[name], label) for name in group]) for group in members]


def _place(owner, path, folder, url, sha256):
    if path is not None:
        if os.path.exists(path):
            return pathlib.Path(path)
        raise FileNotFoundError(f"{owner}.load_data: path must be an existing archive {url.rsplit('/', 1)[1]} or the "
                                f"folder {folder} extracted from it, and there is nothing at {os.path.abspath(path)}; "
                                f"correct path=, or leave it out to use the cache folder")
    target = f"{folder}-target"     # Keras 3's name
    names = (folder, f"{target}/{folder}", f"{folder}.tar.gz", url.rsplit("/", 1)[1], f"{target}_archive")
    for name in names:
        if (cache.folder() / name).exists():
            return cache.folder() / name
    archive = cache.folder() / f"{folder}.tar.gz"
    try:
        fetch(url, sha256, archive)
    except OSError as error:
        raise cache.missing(owner, archive, url, error) from error
    return archive


def _from_folder(place, hashes):
    return {name: _checked((place / name).read_bytes(), md5, place / name) for name, md5 in hashes.items()}


def _from_archive(place, folder, hashes):
    """The batches, read from the archive: nothing is extracted."""
    wanted, contents = {f"{folder}/{name}": name for name in hashes}, {}
    try:
        with tarfile.open(place) as archive:
            for member in archive:
                if (name := wanted.get(member.name)) and member.isreg():
                    contents[name] = _checked(archive.extractfile(member).read(), hashes[name], f"{place}: {name}")
    except (tarfile.TarError, EOFError) as error:
        raise ValueError(f"{place} is damaged ({error}); discard it and fetch it again") from error
    if absent := hashes.keys() - contents.keys():
        raise ValueError(f"{place} must have the members {', '.join(wanted)}; {', '.join(sorted(absent))} is missing")
    return contents


def _checked(content, md5, source):
    found = hashlib.md5(content).hexdigest()
    if found != md5:
        raise ValueError(f"{source} must have the MD5 {md5}, found {found}: it is damaged, cut short or another file; "
                         f"discard it and fetch it again")
    return content


def _batch(content, label):
    batch = load(content)
    images = np.asarray(batch[b"data"], np.uint8).reshape(-1, 3, 32, 32)
    return images, np.array(batch[label.encode()], np.uint8)[:, None]


def _joined(batches):
    images, labels = (np.concatenate(parts) for parts in zip(*batches))
    if settings.image_data_format() == "channels_last":
        images = np.ascontiguousarray(np.moveaxis(images, 1, -1))
    return images, labels
