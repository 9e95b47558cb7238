"""MNIST: 70,000 images of handwritten digits, read from Keras's file ``mnist.npz``."""

import numpy as np

from . import cache

URL = cache.KERAS + "mnist.npz"
SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"     # Keras's file
REPACKED = "06af5dfe73b70e3bc1c36439982b18a8d76803db9b544f6fdf838a37fbb01b64"   # the same arrays in another zip


def load_data(path=None):
    """Load the MNIST images of handwritten digits, downloading them once (11 MB) when they are not in the cache.

    Arguments:
        path: where Keras's ``mnist.npz`` lies.

            - ``None``: in the cache folder, ``$TAHR_HOME/datasets`` or else ``~/.keras/datasets``.
            - a bare name such as ``'mnist.npz'``: in the current folder, or else in the cache folder.
            - a path with a folder, absolute or relative to the current one: there, and never downloaded.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``, all uint8. Images: shapes ``(60000, 28, 28)`` and
        ``(10000, 28, 28)``, from 0 (background) to 255 (ink). Labels: shapes ``(60000,)`` and ``(10000,)``, 0 to 9.

    Raises:
        FileNotFoundError: there is no such file, and downloading it failed or was not allowed.
        ValueError: the file is not Keras's file: its SHA-256 is another one.

    Source: Y. LeCun, C. Cortes and C. J. C. Burges, "The MNIST database of handwritten digits", as packed by Keras.

    Tests skip this example, because it may download:

    >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
    >>> x_train.shape, x_test.shape  # doctest: +SKIP
    ((60000, 28, 28), (10000, 28, 28))
    """
    file = cache.locate("mnist", "mnist.npz", path, URL, SHA256, REPACKED)
    with np.load(file, allow_pickle=False) as arrays:
        return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
