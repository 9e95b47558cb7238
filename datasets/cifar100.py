"""CIFAR-100: 60,000 colour images of 32 by 32 pixels, of 100 classes in 20 groups."""

from .cifar import load_batches

URL = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
SHA256 = "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"
FOLDER = "cifar-100-python"
TRAIN = {"train": "16019d7e3df5f24257cddd939b257f8d"}       # MD5 of the batches
TEST = {"test": "f0ef6b0ae62326f3e7ffdfab6717acfc"}


def load_data(label_mode="fine", path=None):
    """Load the CIFAR-100 images, downloading them once (161 MB) when they are not in the cache.

    Arguments:
        label_mode: ``'fine'``, the default, for 100 classes, or ``'coarse'`` for 20 groups of them.
        path: the archive ``cifar-100-python.tar.gz``, or the folder extracted from it; default: either in the cache
            folder, ``$TAHR_HOME/datasets`` or else ``~/.keras/datasets``.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``, all uint8. Images: shapes ``(50000, 32, 32, 3)`` and
        ``(10000, 32, 32, 3)``, the channels first if ``image_data_format`` says so. Labels: shapes ``(50000, 1)`` and
        ``(10000, 1)``.

    Raises:
        FileNotFoundError: there is no such file, and downloading it failed or was not allowed.
        ValueError: a batch is damaged or another one, or the ``label_mode`` is.

    Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.

    >>> (x_train, y_train), (x_test, y_test) = load_data("coarse")  # doctest: +SKIP
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(f"cifar100.load_data: label_mode must be 'fine' or 'coarse', got {label_mode!r}")
    train, test = load_batches("cifar100", path, FOLDER, URL, SHA256, [TRAIN, TEST], f"{label_mode}_labels")
    return train, test
