"""CIFAR-10: 60,000 colour images of 32 by 32 pixels, of 10 classes."""

from .cifar import load_batches

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
FOLDER = "cifar-10-batches-py"
TRAIN = {       # MD5 of the batches
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
}
TEST = {"test_batch": "40351d587109b95175f43aff81a1287e"}


def load_data(path=None):
    """Load the CIFAR-10 images, downloading them once (163 MB) when they are not in the cache.

    Arguments:
        path: the archive ``cifar-10-python.tar.gz``, or the folder extracted from it; default: either in the cache
            folder, ``$TAHR_HOME/datasets`` or else ``~/.keras/datasets``.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``, all uint8. Images: shapes ``(50000, 32, 32, 3)`` and
        ``(10000, 32, 32, 3)``, the channels first if ``image_data_format`` says so. Labels: shapes ``(50000, 1)`` and
        ``(10000, 1)``: 0 airplane, 1 automobile, 2 bird, 3 cat, 4 deer, 5 dog, 6 frog, 7 horse, 8 ship, 9 truck.

    Raises:
        FileNotFoundError: there is no such file, and downloading it failed or was not allowed.
        ValueError: a batch is damaged or another one.

    Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.

    >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
    """
    train, test = load_batches("cifar10", path, FOLDER, URL, SHA256, [TRAIN, TEST], "labels")
    return train, test
