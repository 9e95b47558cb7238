"""Data sets of images in folders, as Keras 3 has them."""

import os

import numpy as np

from ..utils.sequences import Sequence
from .files import FileIterator, class_names, image_files, one_hot_rows, one_of


class _ImageFolder(FileIterator):
    """What :func:`image_dataset_from_directory` returns: one epoch each time it is iterated over."""

    __iter__ = Sequence.__iter__

    def __init__(self, filepaths, classes, class_names, **options):
        self.filepaths, self.file_paths = filepaths, filepaths
        self.classes, self.class_names = classes, class_names
        self.class_indices = {name: i for i, name in enumerate(class_names)}
        super().__init__(**options)

    def _targets(self, images, index_array):
        labels = np.array([self.classes[j] for j in index_array])
        if self.class_mode == "categorical":
            return one_hot_rows(labels, len(self.class_names), self.batch_dtype)
        return labels.astype(np.int32) if self.class_mode == "int" else labels.astype(self.batch_dtype)[:, None]


def image_dataset_from_directory(directory, labels="inferred", label_mode="int", class_names=None, color_mode="rgb",
                                 batch_size=32, image_size=(256, 256), shuffle=True, seed=None, validation_split=None,
                                 subset=None, interpolation="bilinear", follow_links=False,
                                 crop_to_aspect_ratio=False, data_format=None, verbose=True):
    """Batches of images from a folder with one folder for each class, as Keras 3 reads them.

    Arguments:
        directory: the folder.
        labels: ``'inferred'``, the default, from the names of the folders; None for images alone; or a list of class
            numbers, one for each file in the order of their paths.
        label_mode: ``'int'``, the default: int32 class numbers; ``'categorical'``: one-hot rows; ``'binary'``: floats
            of shape ``(batch, 1)``; None: no labels.
        class_names: the classes in their order; default: the folders' names in alphabetical order.
        color_mode, interpolation: see :func:`~tahr.preprocessing.image.load_img`; the default is ``'bilinear'``.
        batch_size: images of a batch, default 32.
        image_size: ``(height, width)``, default 256 each.
        shuffle: whether each epoch takes the images in a new order, default True.
        seed: of these orders; needed for a shuffled split.
        validation_split: the share of the images that is held out, between 0 and 1.
        subset: ``'training'``, ``'validation'`` or ``'both'`` parts; needed with ``validation_split``.
        follow_links: whether to look into folders that are links, default False.
        crop_to_aspect_ratio: whether to cut images to the shape of ``image_size`` first, default False.
        data_format: default: the setting.
        verbose: whether to print what was found, default True.

    Returns:
        A :class:`~tahr.utils.data_utils.Sequence` of ``(images, labels)`` with the attributes ``class_names`` and
        ``file_paths``; two of them for ``subset='both'``.
    """
    one_of("label_mode", label_mode, ("int", "categorical", "binary", None))
    one_of("subset", subset, ("training", "validation", "both", None))
    if (validation_split is None) != (subset is None) or validation_split is not None and not 0 < validation_split < 1:
        raise ValueError(f"validation_split (between 0 and 1) and subset go together, got {validation_split!r} and "
                         f"{subset!r}")
    if validation_split and shuffle and seed is None:
        raise ValueError("validation_split with shuffle=True needs a seed, so that both parts have no image in common")
    paths, numbers, names = _labelled(directory, labels, class_names, follow_links)
    if label_mode == "binary" and len(names) != 2:
        raise ValueError(f"label_mode='binary' needs 2 classes, found {len(names)}")
    options = {"target_size": image_size, "color_mode": color_mode, "batch_size": batch_size, "shuffle": shuffle,
               "class_mode": None if labels is None else label_mode, "seed": seed, "interpolation": interpolation,
               "keep_aspect_ratio": crop_to_aspect_ratio, "data_format": data_format}
    order = np.arange(len(paths))
    if shuffle and validation_split:
        np.random.RandomState(seed).shuffle(order)
    held_out = int((validation_split or 0) * len(paths))
    parts = {None: order, "training": order[:len(order) - held_out], "validation": order[len(order) - held_out:]}
    if verbose:
        print(f"Found {len(paths)} files belonging to {len(names)} classes.")
    made = [_ImageFolder([paths[i] for i in parts[part]], [numbers[i] for i in parts[part]], names, **options)
            for part in (("training", "validation") if subset == "both" else (subset,))]
    return made if subset == "both" else made[0]


def _labelled(directory, labels, names, follow_links):
    """The paths of the images, their class numbers and the classes' names."""
    if labels is None or not isinstance(labels, str):
        paths = image_files(directory, follow_links)
        numbers = [0] * len(paths) if labels is None else list(labels)
        if len(numbers) != len(paths):
            raise ValueError(f"labels must be one for each of the {len(paths)} images in {directory}, got "
                             f"{len(numbers)}")
        return paths, numbers, names or [str(i) for i in sorted(set(numbers))]
    one_of("labels", labels, ("inferred",))
    names = class_names(directory, names)
    files = [image_files(os.path.join(directory, name), follow_links) for name in names]
    return [p for paths in files for p in paths], [i for i, paths in enumerate(files) for _ in paths], names
