"""Handwritten digits of 8 by 8 pixels that come with tahr: nothing is downloaded."""

import pathlib

import numpy as np

FILE = pathlib.Path(__file__).with_name("digits.npz")


def load_data(test_split=0.2, seed=113):
    """Load 1,797 images of handwritten digits, shuffled and split into training and test data.

    The same arguments give the same arrays at every call; the arrays are fresh copies, free to be changed.

    Arguments:
        test_split: the share of the images that becomes test data, between 0 and 1, both excluded. The number of
            test images is rounded, and both parts keep at least one image.
        seed: an int for ``np.random.default_rng``, which draws the order of the images.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``. Images: uint8, shape ``(n, 8, 8)``, from 0 (paper) to 16 (ink).
        Labels: int64, shape ``(n,)``, from 0 to 9. With the defaults n is 1,438 for training and 359 for testing.

    Raises:
        ValueError: ``test_split`` does not lie between 0 and 1.

    Source: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository,
    1998, https://doi.org/10.24432/C50P49, under the licence CC BY 4.0 (see ``LICENSE-digits.txt``).

    >>> (x_train, y_train), (x_test, y_test) = load_data(test_split=0.1)
    >>> x_train.shape, y_train.shape, x_test.shape, y_test.shape
    ((1617, 8, 8), (1617,), (180, 8, 8), (180,))
    >>> x_train.dtype, int(x_train.max()), y_train.dtype
    (dtype('uint8'), 16, dtype('int64'))
    """
    if not 0 < test_split < 1:
        raise ValueError(
            f"digits.load_data: test_split is the share of test images and must lie between 0 and 1 (both excluded), "
            f"got {test_split!r}; 0.2 keeps one image in five for testing"
        )
    with np.load(FILE, allow_pickle=False) as arrays:
        images, labels = arrays["images"], arrays["labels"].astype(np.int64)
    count = len(labels)
    order = np.random.default_rng(seed).permutation(count)
    test_count = min(max(round(test_split * count), 1), count - 1)
    train, test = order[test_count:], order[:test_count]
    return (images[train], labels[train]), (images[test], labels[test])
