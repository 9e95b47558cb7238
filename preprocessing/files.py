"""Batches of randomly changed images, of files in folders."""

import os
import pathlib

import numpy as np

from ..utils import settings
from .iterators import Iterator
from .pictures import FORMATS, INTERPOLATIONS, MODES, img_to_array, layout, load_img


class FileIterator(Iterator):
    """What the iterators over files share. A subclass sets ``filepaths`` and ``_targets``."""

    def __init__(self, image_data_generator=None, target_size=(256, 256), color_mode="rgb", class_mode="categorical",
                 batch_size=32, shuffle=True, seed=None, data_format=None, save_to_dir=None, save_prefix="",
                 save_format="png", interpolation="nearest", keep_aspect_ratio=False, dtype=None):
        one_of("color_mode", color_mode, MODES)
        one_of("interpolation", interpolation, INTERPOLATIONS)
        self.image_data_generator, self.class_mode = image_data_generator, class_mode
        self.data_format, self.batch_dtype = layout(data_format), dtype or settings.floatx()
        self.target_size, self.color_mode = tuple(target_size), color_mode
        self.interpolation, self.keep_aspect_ratio = interpolation, keep_aspect_ratio
        self.save_to_dir, self.save_prefix, self.save_format = save_to_dir, save_prefix, save_format
        channels = MODES[color_mode]
        self.image_shape = ((*self.target_size, channels) if self.data_format == "channels_last"
                            else (channels, *self.target_size))
        super().__init__(len(self.filepaths), batch_size, shuffle, seed)
        self.samples = self.n

    sample_weight = None

    def _get_batches_of_transformed_samples(self, index_array):
        images = np.empty((len(index_array), *self.image_shape), self.batch_dtype)
        for image, j in zip(images, index_array):
            image[:] = self._transformed(self.image_data_generator, self._image(self.filepaths[j]), j)
        self._save(images, index_array)
        if self.class_mode is None:
            return images
        batch = (images, self._targets(images, index_array))
        return batch if self.sample_weight is None else (*batch, self.sample_weight[index_array])

    def _image(self, path):
        image = load_img(path, color_mode=self.color_mode, target_size=self.target_size,
                         interpolation=self.interpolation, keep_aspect_ratio=self.keep_aspect_ratio)
        return img_to_array(image, self.data_format, self.batch_dtype)

    def _targets(self, images, index_array):
        if self.class_mode == "input":
            return images.copy()
        labels = [self.classes[j] for j in index_array]
        if self.class_mode in ("binary", "sparse"):
            return np.array(labels, self.batch_dtype)
        return one_hot_rows(labels, len(self.class_indices), self.batch_dtype)


def one_hot_rows(labels, count, dtype="float32"):
    """Rows with a 1 for each class of a sample, which may have several.

    >>> one_hot_rows([1, [0, 2]], 3)
    array([[0., 1., 0.],
           [1., 0., 1.]], dtype=float32)
    """
    rows = np.zeros((len(labels), count), dtype)
    for row, label in zip(rows, labels):
        row[label] = 1
    return rows


def one_of(name, value, allowed):
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")


def image_files(directory, follow_links=False):
    """The paths of the image files in a folder and the folders in it, in order."""
    found = []
    for root, _, names in sorted(os.walk(directory, followlinks=follow_links)):
        found += [os.path.join(root, name) for name in sorted(names) if is_image(name)]
    return found


def is_image(name):
    return pathlib.Path(name).suffix[1:].lower() in FORMATS


def class_names(directory, classes=None):
    """The classes of images in a folder: given, or the names of the folders in it, in order.

    Raises:
        FileNotFoundError: the folder, or that of a class, is not there.
    """
    if not os.path.isdir(directory):
        raise FileNotFoundError(f"directory must be a folder with one folder for each class, and there is none at "
                                f"{os.path.abspath(directory)}")
    folders = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
    names = folders if classes is None else list(classes)
    if absent := [name for name in names if not os.path.isdir(os.path.join(directory, name))]:
        raise FileNotFoundError(f"{directory} has no folder for the class {absent[0]!r}")
    return names


class DirectoryIterator(FileIterator):
    """Batches of images from a folder with one folder for each class; :meth:`ImageDataGenerator.flow_from_directory`
    makes it and describes the arguments.

    Attributes:
        samples, num_classes: how many there are. class_indices: a dict from class names to numbers.
        filenames, filepaths: of the images. classes: their class numbers.
    """

    modes = ("categorical", "binary", "sparse", "input", None)

    def __init__(self, directory, image_data_generator=None, target_size=(256, 256), color_mode="rgb", classes=None,
                 class_mode="categorical", batch_size=32, shuffle=True, seed=None, data_format=None, save_to_dir=None,
                 save_prefix="", save_format="png", follow_links=False, subset=None, interpolation="nearest",
                 keep_aspect_ratio=False, dtype=None):
        one_of("class_mode", class_mode, self.modes)
        self.directory = directory
        names = class_names(directory, classes)
        self.class_indices, self.num_classes = {name: i for i, name in enumerate(names)}, len(names)
        files = [part_of(image_files(os.path.join(directory, name), follow_links), image_data_generator, subset)
                 for name in names]
        self.filepaths = [path for paths in files for path in paths]
        self.filenames = [os.path.relpath(path, directory) for path in self.filepaths]
        self.classes = np.repeat(np.arange(len(names), dtype=np.int32), [len(paths) for paths in files])
        print(f"Found {len(self.filepaths)} images belonging to {self.num_classes} classes.")
        super().__init__(image_data_generator, target_size, color_mode, class_mode, batch_size, shuffle, seed,
                         data_format, save_to_dir, save_prefix, save_format, interpolation, keep_aspect_ratio, dtype)

    @property
    def labels(self):
        """The class numbers of the images."""
        return self.classes


def part_of(rows, generator, subset):
    """The rows of a subset: the first ones for ``'validation'``, the rest for ``'training'``."""
    if subset is None:
        return rows
    at = int(generator.split_of(subset) * len(rows))
    return rows[:at] if subset == "validation" else rows[at:]
