"""Write digits.npz from the copy of the data in scikit-learn: ``python datasets/make_digits.py``.

Never imported by tahr. Run twice with the same NumPy and zlib, it writes the same bytes.
"""

import pathlib

import numpy as np
from sklearn.datasets import load_digits


def main():
    source = load_digits()
    images, labels = source.images.astype(np.uint8), source.target.astype(np.uint8)
    if not (np.array_equal(images, source.images) and np.array_equal(labels, source.target)):
        raise ValueError("the digits must be whole numbers from 0 to 255 to be stored as uint8")
    np.savez_compressed(pathlib.Path(__file__).with_name("digits.npz"), images=images, labels=labels)


if __name__ == "__main__":
    main()
