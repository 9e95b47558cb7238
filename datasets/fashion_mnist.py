"""Fashion-MNIST: 70,000 images of clothes, of the format of MNIST."""

import gzip
import os
import pathlib

import numpy as np

from . import cache

FILES = {       # MD5 as published with the data set
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}


def load_data(path=None):
    """Load the Fashion-MNIST images of clothes, downloading them once (31 MB) when they are not in the cache.

    Arguments:
        path: the folder of the four files ``train-images-idx3-ubyte.gz``, ``train-labels-idx1-ubyte.gz``,
            ``t10k-images-idx3-ubyte.gz`` and ``t10k-labels-idx1-ubyte.gz``; default: ``fashion-mnist`` in the cache
            folder, ``$TAHR_HOME/datasets`` or else ``~/.keras/datasets``.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``, all uint8. Images: shapes ``(60000, 28, 28)`` and
        ``(10000, 28, 28)``. Labels: 0 T-shirt, 1 trouser, 2 pullover, 3 dress, 4 coat, 5 sandal, 6 shirt, 7 sneaker,
        8 bag, 9 ankle boot.

    Raises:
        FileNotFoundError: a file is missing, and downloading it failed or was not allowed.
        ValueError: a file is damaged or another one.

    Source: H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning
    algorithms", arXiv:1708.07747, 2017; MIT licence.

    >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
    """
    images, labels, test_images, test_labels = (_array(path, name) for name in FILES)
    return (images, labels), (test_images, test_labels)


def _array(path, name):
    given = None if path is None else pathlib.Path(os.fspath(path)).absolute() / name
    file = cache.locate("fashion_mnist", f"fashion-mnist/{name}", given, cache.KERAS + name, FILES[name])
    with gzip.open(file) as opened:
        return idx(opened.read(), name)


def idx(content, name):
    """The array in a file of the IDX format: two zeros, 8 for uint8, the number of axes, their sizes, the values.

    >>> idx(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]), "example")
    array([7, 8, 9], dtype=uint8)
    """
    axes = content[3] if content[:3] == b"\0\0\x08" else 0
    start = 4 + 4 * axes
    shape = tuple(np.frombuffer(content[4:start], ">u4").tolist())
    if not axes or len(content) != start + np.prod(shape, dtype=np.int64):
        raise ValueError(f"{name} must be an IDX file of bytes, found {len(content)} bytes that begin {content[:4]!r}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy()
