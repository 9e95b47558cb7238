"""Batches of randomly changed images, of arrays."""

import os
import threading
import warnings

import numpy as np

from ..utils import settings
from ..utils.sequences import Sequence
from .pictures import array_to_img, layout


class Iterator(Sequence):
    """Base of the image iterators: batches by number as a Sequence, or one after the other without end by ``next``.

    A subclass defines ``_get_batches_of_transformed_samples(index_array)``, the batch of the samples of those numbers.

    Arguments:
        n: the number of samples.
        batch_size: samples of a batch; the last of an epoch may have fewer.
        shuffle: whether each epoch takes the samples in a new random order.
        seed: of the order and of all random changes; what happens to a sample then depends on the seed, the epoch and
            the number of the sample alone, not on how many workers there are. Default: ``np.random`` goes on.
    """

    def __init__(self, n, batch_size, shuffle, seed):
        super().__init__()
        self.n, self.batch_size, self.shuffle, self.seed = n, batch_size, shuffle, seed
        self.epoch = self.batch_index = self.total_batches_seen = 0
        self.index_array, self._just_ended = None, False
        self.lock, self._at_work = threading.Lock(), threading.local()

    def __getstate__(self):
        return {**vars(self), "lock": None, "_at_work": None}

    def __setstate__(self, state):
        vars(self).update(state, lock=threading.Lock(), _at_work=threading.local())

    def __len__(self):
        return -(-self.n // self.batch_size)

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise ValueError(f"Asked to retrieve element {index}, but the Sequence has length {len(self)}")
        with self.lock:
            samples = self._samples(index)
        return self._get_batches_of_transformed_samples(samples)

    def __iter__(self):
        return self

    def __next__(self):
        if self.n == 0:
            raise ValueError("there are no images to take a batch of")
        with self.lock:     # the images are changed outside of it, so that several threads can be at work
            samples = self._samples(self.batch_index)
            self.batch_index += 1
            if self.batch_index == len(self):
                self._end_epoch()
                self._just_ended = True
        return self._get_batches_of_transformed_samples(samples)

    def next(self):
        """The next batch, as ``next(iterator)``."""
        return next(self)

    def on_epoch_end(self):
        """Begin a new epoch, in another order; nothing happens if ``next`` has just done so."""
        with self.lock:
            if not self._just_ended:
                self._end_epoch()
            self._just_ended = False

    def reset(self):
        """Begin the epoch again."""
        self.batch_index = 0

    def _samples(self, index):
        if self.index_array is None:
            self._set_index_array()
        self.total_batches_seen += 1
        self._just_ended = False
        self._at_work.epoch = self.epoch        # of this thread's batch: another one may soon begin the next
        return self.index_array[index * self.batch_size:(index + 1) * self.batch_size]

    def _end_epoch(self):
        self.epoch += 1
        self.batch_index, self.index_array = 0, None

    def _set_index_array(self):
        if not self.shuffle:
            self.index_array = np.arange(self.n)
        elif self.seed is None:
            self.index_array = np.random.permutation(self.n)
        else:
            self.index_array = np.random.RandomState(self.seed + self.epoch * len(self)).permutation(self.n)

    def _get_batches_of_transformed_samples(self, index_array):
        raise NotImplementedError(f"{type(self).__name__} must define _get_batches_of_transformed_samples(self, "
                                  f"index_array)")

    # For subclasses

    def _transformed(self, generator, image, sample):
        """The image as the generator changes it for this sample in this epoch."""
        if generator is None:
            return image
        # A copy, so that a preprocessing function that works in place leaves the data alone.
        parameters = generator.get_random_transform(image.shape, self._sample_seed(sample))
        return generator.standardize(generator.apply_transform(image.astype(self.batch_dtype), parameters))

    def _sample_seed(self, sample):
        if self.seed is None:
            return None
        epoch = getattr(self._at_work, "epoch", self.epoch)
        return int(np.random.SeedSequence([self.seed, epoch, int(sample)]).generate_state(1)[0])

    def _save(self, images, samples):
        """Write the images of a batch where the user wants to look at them."""
        for image, sample in zip(images, samples) if self.save_to_dir else ():
            name = f"{self.save_prefix}_{sample}_{np.random.randint(10 ** 7)}.{self.save_format}"
            array_to_img(image, self.data_format, scale=True).save(os.path.join(self.save_to_dir, name))


class NumpyArrayIterator(Iterator):
    """Batches of images from an array; :meth:`ImageDataGenerator.flow` makes it and describes the arguments."""

    def __init__(self, x, y, image_data_generator, batch_size=32, shuffle=False, sample_weight=None, seed=None,
                 data_format=None, save_to_dir=None, save_prefix="", save_format="png", subset=None,
                 ignore_class_split=False, dtype=None):
        self.batch_dtype = dtype or settings.floatx()       # not dtype: what has that is taken for an array
        self.data_format = layout(data_format)
        self.image_data_generator = image_data_generator
        x, others = x if isinstance(x, tuple | list) and len(x) == 2 and np.ndim(x[0]) == 4 else (x, [])
        others = others if isinstance(others, list) else [others]
        arrays = {"x": np.asarray(x), "y": y, "sample_weight": sample_weight}
        arrays |= {f"x[1][{i}]": other for i, other in enumerate(others)}
        arrays = {name: None if a is None else np.asarray(a) for name, a in arrays.items()}
        _check(arrays, self.data_format)
        if subset is not None:
            arrays = self._part(arrays, subset, ignore_class_split)
        self.x, self.y, self.sample_weight, *self.x_misc = arrays.values()
        self.save_to_dir, self.save_prefix, self.save_format = save_to_dir, save_prefix, save_format
        super().__init__(len(self.x), batch_size, shuffle, seed)

    def _part(self, arrays, subset, ignore_class_split):
        n = len(arrays["x"])
        at = int(n * self.image_data_generator.split_of(subset))
        rows, rest = (slice(at), slice(at, n)) if subset == "validation" else (slice(at, n), slice(at))
        if not ignore_class_split and not _same_classes(arrays["y"], rows, rest):
            raise ValueError("Training and validation subsets have different number of classes after the split: the "
                             "validation part is the first samples. If your numpy arrays are sorted by the label, you "
                             "might want to shuffle them.")
        part = {name: None if a is None else a[rows] for name, a in arrays.items()}
        if len(part["x"]) == 0:
            raise ValueError(f"the {subset} subset of {n} images is empty; change validation_split")
        return part

    def _get_batches_of_transformed_samples(self, index_array):
        images = np.stack([self._transformed(self.image_data_generator, self.x[j], j) for j in index_array])
        images = images.astype(self.batch_dtype, copy=False)
        self._save(images, index_array)
        inputs = [images, *(other[index_array] for other in self.x_misc)] if self.x_misc else images
        if self.y is None:
            return inputs
        batch = (inputs, self.y[index_array])
        return batch if self.sample_weight is None else (*batch, self.sample_weight[index_array])


def _same_classes(y, rows, rest):
    """Whether both parts have the same labels, if these are whole numbers and so may be classes."""
    if y is None or y.dtype.kind not in "biuf" or not np.array_equal(y, np.floor(y)):
        return True
    return np.array_equal(np.unique(y[rows]), np.unique(y[rest]))


def _check(arrays, data_format):
    x = arrays["x"]
    if x.ndim != 4:
        raise ValueError(f"images must be an array of 4 axes, (samples, rows, columns, channels), got the shape "
                         f"{x.shape}")
    for name, array in arrays.items():
        if array is not None and len(array) != len(x):
            raise ValueError(f"x and {name} must have the same number of samples, got {len(x)} and {len(array)}")
    check_channels(x, data_format, stacklevel=6)


def check_channels(x, data_format, stacklevel):
    """Warn if images have other than 1, 3 or 4 channels."""
    channels = x.shape[1 if data_format == "channels_first" else 3]
    if channels not in (1, 3, 4):
        warnings.warn(f"images of shape {x.shape} have {channels} channels in the layout {data_format}; expected 1, 3 "
                      f"or 4", stacklevel=stacklevel)
