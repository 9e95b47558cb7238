"""California housing: prices in 20,640 districts of 1990, with 8 numbers about each."""

import numpy as np

from . import cache
from .splits import check_split, shuffle_and_split

URL = cache.KERAS + "california_housing.npz"
SHA256 = "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"
SMALL = 600     # rows of the small version


def load_data(version="large", path=None, test_split=0.2, seed=113):
    """Load the California housing prices, downloading them once (744 kB) when they are not in the cache.

    Arguments:
        version: ``'large'``, the default, or ``'small'``, the first 600 rows.
        path: where Keras's ``california_housing.npz`` lies; see :func:`tahr.datasets.mnist.load_data`.
        test_split: the share of the rows that becomes test data, from 0 to below 1, default 0.2.
        seed: of the order of the rows.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``, floats: shapes ``(n, 8)`` and ``(n,)``, the price in dollars.

    Raises:
        FileNotFoundError: there is no such file, and downloading it failed or was not allowed.
        ValueError: the file or the version is another one, or ``test_split`` lies outside.

    Source: R. Pace and R. Barry, "Sparse spatial autoregressions", Statistics and Probability Letters 33, 1997.

    >>> (x_train, y_train), (x_test, y_test) = load_data("small")  # doctest: +SKIP
    """
    check_split("california_housing", test_split)
    if version not in ("large", "small"):
        raise ValueError(f"california_housing.load_data: version must be 'large' or 'small', got {version!r}")
    file = cache.locate("california_housing", "california_housing.npz", path, URL, SHA256)
    rows = slice(SMALL if version == "small" else None)
    with np.load(file, allow_pickle=False) as arrays:
        return shuffle_and_split(arrays["x"][rows], arrays["y"][rows], test_split, seed)
