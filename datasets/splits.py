"""Rows shuffled and split into training and test data, as Keras does it."""

import numpy as np


def check_split(owner, test_split):
    """Raise unless ``test_split`` is a share.

    >>> check_split("reuters", 1)
    Traceback (most recent call last):
    ValueError: reuters.load_data: test_split is the share of test data, from 0 to below 1, got 1
    """
    if not 0 <= test_split < 1:
        raise ValueError(f"{owner}.load_data: test_split is the share of test data, from 0 to below 1, got "
                         f"{test_split!r}")


def shuffle_and_split(x, y, test_split, seed):
    """``(x_train, y_train), (x_test, y_test)``, in an order that depends on the seed.

    >>> (x_train, y_train), (x_test, y_test) = shuffle_and_split(np.arange(5), np.arange(5), 0.2, 0)
    >>> x_train, x_test
    (array([2, 0, 1, 3]), array([4]))
    """
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    x, y = x[order], y[order]
    train = int(len(x) * (1 - test_split))
    return (x[:train].copy(), y[:train].copy()), (x[train:].copy(), y[train:].copy())
