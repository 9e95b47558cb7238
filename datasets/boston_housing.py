"""Boston housing: prices of 506 houses of 1978, with 13 numbers about the place of each."""

import numpy as np

from . import cache
from .splits import check_split, shuffle_and_split

URL = cache.KERAS + "boston_housing.npz"
SHA256 = "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"


def load_data(path=None, test_split=0.2, seed=113):
    """Load the Boston housing prices, downloading them once (57 kB) when they are not in the cache.

    One of the columns is built on the assumption that the share of Black inhabitants lowers prices; use
    :mod:`tahr.datasets.california_housing` for anything but the comparison with older results.

    Arguments:
        path: where Keras's ``boston_housing.npz`` lies; see :func:`tahr.datasets.mnist.load_data`.
        test_split: the share of the rows that becomes test data, from 0 to below 1, default 0.2.
        seed: of the order of the rows.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``, float64: shapes ``(n, 13)`` and ``(n,)``, the price in 1,000 dollars.

    Raises:
        FileNotFoundError: there is no such file, and downloading it failed or was not allowed.
        ValueError: the file is another one, or ``test_split`` lies outside.

    Source: D. Harrison and D. Rubinfeld, "Hedonic prices and the demand for clean air", J. Environ. Economics and
    Management 5, 1978.

    >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
    """
    check_split("boston_housing", test_split)
    file = cache.locate("boston_housing", "boston_housing.npz", path, URL, SHA256)
    with np.load(file, allow_pickle=False) as arrays:
        return shuffle_and_split(arrays["x"], arrays["y"], test_split, seed)
