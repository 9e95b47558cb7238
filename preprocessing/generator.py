"""Images changed at random as they are asked for, so that a model sees each of them in many ways."""

import warnings

import numpy as np

from ..utils.spellings import spellings
from . import affine
from .files import DirectoryIterator
from .iterators import NumpyArrayIterator, check_channels
from .pictures import layout
from .tables import DataFrameIterator

EPSILON = 1e-6      # added to deviations before they divide


class ImageDataGenerator:
    """Batches of images, changed at random and standardized.

    Arguments:
        featurewise_center, featurewise_std_normalization: subtract the mean of the data, divide by their deviation,
            for each channel; needs :meth:`fit`.
        samplewise_center, samplewise_std_normalization: the same for each image by itself.
        zca_whitening: decorrelate all values of an image; needs :meth:`fit`. zca_epsilon: default 1e-6.
        rotation_range: turn by up to so many degrees.
        width_shift_range, height_shift_range: move by up to this share of the size if it is below 1, else by up to
            so many pixels (an int: by whole pixels below it), or by one of a list of numbers, either way.
        brightness_range: two factors to brighten between.
        shear_range: shear by up to so many degrees.
        zoom_range: two factors to zoom between, or ``z`` for ``1 - z`` and ``1 + z``.
        channel_shift_range: add up to so much to all values.
        fill_mode, cval: what is seen beyond the border; see :func:`~tahr.preprocessing.image.apply_affine_transform`.
        horizontal_flip, vertical_flip: mirror every other image.
        rescale: a factor for all values, applied after ``preprocessing_function``; default: none.
        preprocessing_function: a function from an image to one of the same shape, applied after the random changes.
        data_format: ``'channels_last'`` or ``'channels_first'``; default: the setting.
        validation_split: the share of the images that is held out as ``subset='validation'``.
        interpolation_order: 1, the default, interpolates linearly, 0 takes the nearest pixel.
        dtype: of the batches, default: the setting ``floatx``.

    Raises:
        ValueError: for arguments outside these, at once.

    >>> images = np.arange(2 * 4 * 4).reshape(2, 4, 4, 1)
    >>> generator = ImageDataGenerator(width_shift_range=0.25, horizontal_flip=True, rescale=1 / 255)
    >>> x, y = next(generator.flow(images, [0, 1], batch_size=2, seed=0))
    >>> x.shape, x.dtype
    ((2, 4, 4, 1), dtype('float32'))
    """

    @spellings()
    def __init__(self, featurewise_center=False, samplewise_center=False, featurewise_std_normalization=False,
                 samplewise_std_normalization=False, zca_whitening=False, zca_epsilon=1e-6, rotation_range=0,
                 width_shift_range=0.0, height_shift_range=0.0, brightness_range=None, shear_range=0.0, zoom_range=0.0,
                 channel_shift_range=0.0, fill_mode="nearest", cval=0.0, horizontal_flip=False, vertical_flip=False,
                 rescale=None, preprocessing_function=None, data_format=None, validation_split=0.0,
                 interpolation_order=1, dtype=None):
        self.featurewise_center, self.samplewise_center = featurewise_center, samplewise_center
        self.featurewise_std_normalization = featurewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening, self.zca_epsilon = zca_whitening, zca_epsilon
        self.rotation_range, self.shear_range = rotation_range, shear_range
        self.width_shift_range, self.height_shift_range = width_shift_range, height_shift_range
        self.zoom_range = _between("zoom_range", zoom_range, 1 - np.asarray(zoom_range), 1 + np.asarray(zoom_range))
        self.brightness_range = None if brightness_range is None else _between("brightness_range", brightness_range)
        self.channel_shift_range = channel_shift_range
        self.fill_mode, self.cval = fill_mode, cval
        self.horizontal_flip, self.vertical_flip = horizontal_flip, vertical_flip
        self.rescale, self.preprocessing_function = rescale, preprocessing_function
        self.data_format, self.dtype = layout(data_format), dtype
        first = self.data_format == "channels_first"
        self.channel_axis, self.row_axis, self.col_axis = (1, 2, 3) if first else (3, 1, 2)
        self.interpolation_order = interpolation_order
        self.mean = self.std = self.zca_whitening_matrix = None
        if not 0 <= validation_split < 1:
            raise ValueError(f"validation_split must lie between 0 and 1, got {validation_split!r}")
        self._validation_split = validation_split
        if fill_mode not in affine.FILL_MODES or interpolation_order not in (0, 1):
            affine.warp(np.zeros((1, 1, 1)), np.eye(3), fill_mode, cval, interpolation_order)       # says what is wrong
        self._add_what_is_needed()

    def _add_what_is_needed(self):
        for option, needs in (("zca_whitening", "featurewise_center"),
                              ("featurewise_std_normalization", "featurewise_center"),
                              ("samplewise_std_normalization", "samplewise_center")):
            if getattr(self, option) and not getattr(self, needs):
                setattr(self, needs, True)
                warnings.warn(f"This ImageDataGenerator specifies `{option}`, which overrides setting of `{needs}`: "
                              f"it is on too", stacklevel=4)
        if self.zca_whitening and self.featurewise_std_normalization:
            self.featurewise_std_normalization = False
            warnings.warn("This ImageDataGenerator specifies `zca_whitening`, which overrides setting of "
                          "`featurewise_std_normalization`: that is off", stacklevel=4)

    @property
    def principal_components(self):
        """The whitening matrix, under the name that Keras 2 has for it."""
        return self.zca_whitening_matrix

    def split_of(self, subset):
        """The share of the images held out, for a subset of that name.

        Raises:
            ValueError: for another name, and if nothing is held out.
        """
        if subset not in ("training", "validation"):
            raise ValueError(f"subset must be 'training' or 'validation', got {subset!r}")
        if not self._validation_split:
            raise ValueError(f"subset={subset!r} needs ImageDataGenerator(validation_split=...), the share of the "
                             f"images to hold out")
        return self._validation_split

    # Batches

    @spellings(X="x")
    def flow(self, x, y=None, batch_size=32, shuffle=True, sample_weight=None, seed=None, save_to_dir=None,
             save_prefix="", save_format="png", ignore_class_split=False, subset=None):
        """Batches from an array.

        Arguments:
            x: images, 4 axes; or ``(images, others)``, other inputs that are passed through as they are.
            y: targets; None for batches of images alone.
            batch_size: default 32.
            shuffle: whether each epoch takes the images in a new order, default True.
            sample_weight: one weight for each image.
            seed: of the order and the changes; default: ``np.random`` goes on.
            save_to_dir: a folder to write the changed images to, to look at them; default: none. save_prefix,
                save_format: of the files, default ``''`` and ``'png'``.
            ignore_class_split: whether both subsets may have different labels, default False.
            subset: ``'training'`` or ``'validation'``, if ``validation_split`` was given; the validation part is the
                first images.

        Returns:
            An iterator without end that is also a :class:`~tahr.utils.data_utils.Sequence`; its batches are ``x``,
            ``(x, y)`` or ``(x, y, sample_weight)``.
        """
        return NumpyArrayIterator(x, y, self, batch_size=batch_size, shuffle=shuffle, sample_weight=sample_weight,
                                  seed=seed, data_format=self.data_format, save_to_dir=save_to_dir,
                                  save_prefix=save_prefix, save_format=save_format, subset=subset,
                                  ignore_class_split=ignore_class_split, dtype=self.dtype)

    def flow_from_directory(self, directory, target_size=(256, 256), color_mode="rgb", classes=None,
                            class_mode="categorical", batch_size=32, shuffle=True, seed=None, save_to_dir=None,
                            save_prefix="", save_format="png", follow_links=False, subset=None,
                            interpolation="nearest", keep_aspect_ratio=False):
        """Batches of image files in a folder that has one folder for each class.

        Arguments:
            directory: the folder; png, jpg, bmp, ppm and tif files in the folders of the classes, and in folders in
                them, are taken.
            target_size: ``(height, width)`` that all images are scaled to, default 256 each.
            color_mode, interpolation, keep_aspect_ratio: see :func:`~tahr.preprocessing.image.load_img`.
            classes: the names of the classes' folders, in order; default: all, in alphabetical order.
            class_mode: what the targets are: ``'categorical'``, the default, one-hot rows; ``'binary'`` or
                ``'sparse'``, class numbers; ``'input'``, the images themselves; None for no targets.
            follow_links: whether to look into folders that are links, default False.
            batch_size, shuffle, seed, save_to_dir, save_prefix, save_format: see :meth:`flow`.
            subset: as for :meth:`flow`; the validation part is the first files of each class.
        """
        return DirectoryIterator(directory, self, target_size=target_size, color_mode=color_mode, classes=classes,
                                 class_mode=class_mode, batch_size=batch_size, shuffle=shuffle, seed=seed,
                                 data_format=self.data_format, save_to_dir=save_to_dir, save_prefix=save_prefix,
                                 save_format=save_format, follow_links=follow_links, subset=subset,
                                 interpolation=interpolation, keep_aspect_ratio=keep_aspect_ratio, dtype=self.dtype)

    def flow_from_dataframe(self, dataframe, directory=None, x_col="filename", y_col="class", weight_col=None,
                            target_size=(256, 256), color_mode="rgb", classes=None, class_mode="categorical",
                            batch_size=32, shuffle=True, seed=None, save_to_dir=None, save_prefix="", save_format="png",
                            subset=None, interpolation="nearest", validate_filenames=True, keep_aspect_ratio=False):
        """Batches of image files named in a table.

        Arguments:
            dataframe: a pandas DataFrame, or a dict of columns.
            directory: where the files are; default: the names are paths.
            x_col: the column of file names. y_col: that of the targets, or a list of columns. weight_col: that of
                sample weights, default none.
            classes: the classes in order, others are left out; default: all, in alphabetical order.
            class_mode: as for :meth:`flow_from_directory`, where ``'categorical'`` takes lists of classes as well;
                or ``'raw'``, the columns as they are, in one array, or ``'multi_output'``, one array for each.
            validate_filenames: whether to leave out files that are not there, with a warning, default True.
            target_size, color_mode, batch_size, shuffle, seed, save_to_dir, save_prefix, save_format, subset,
                interpolation, keep_aspect_ratio: as for :meth:`flow_from_directory`.
        """
        return DataFrameIterator(dataframe, directory, self, x_col=x_col, y_col=y_col, weight_col=weight_col,
                                 target_size=target_size, color_mode=color_mode, classes=classes,
                                 class_mode=class_mode, data_format=self.data_format, batch_size=batch_size,
                                 shuffle=shuffle, seed=seed, save_to_dir=save_to_dir, save_prefix=save_prefix,
                                 save_format=save_format, subset=subset, interpolation=interpolation,
                                 validate_filenames=validate_filenames, keep_aspect_ratio=keep_aspect_ratio,
                                 dtype=self.dtype)

    # Single images

    def random_transform(self, x, seed=None):
        """An image changed at random, not yet standardized; it is left as it is."""
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def get_random_transform(self, img_shape, seed=None):
        """The arguments of :meth:`apply_transform` for a random change.

        Arguments:
            img_shape: the shape of the image.
            seed: the same gives the same change; default: ``np.random`` goes on.
        """
        random = np.random if seed is None else np.random.RandomState(seed)
        limit = self.rotation_range
        theta = random.uniform(-limit, limit) if limit else 0
        tx = _shift(random, self.height_shift_range, img_shape[self.row_axis - 1])
        ty = _shift(random, self.width_shift_range, img_shape[self.col_axis - 1])
        shear = random.uniform(-self.shear_range, self.shear_range) if self.shear_range else 0
        zx, zy = (1, 1) if self.zoom_range == (1, 1) else random.uniform(*self.zoom_range, 2)
        horizontal, vertical = random.random_sample() < 0.5, random.random_sample() < 0.5
        limit = self.channel_shift_range
        channel_shift = random.uniform(-limit, limit) if limit else None
        brightness = None if self.brightness_range is None else random.uniform(*self.brightness_range)
        return {"theta": theta, "tx": tx, "ty": ty, "shear": shear, "zx": zx, "zy": zy,
                "flip_horizontal": bool(horizontal and self.horizontal_flip),
                "flip_vertical": bool(vertical and self.vertical_flip),
                "channel_shift_intensity": channel_shift, "brightness": brightness}

    def apply_transform(self, x, transform_parameters):
        """An image changed as told; it is left as it is.

        Arguments:
            x: the image, three axes.
            transform_parameters: a dict with any of ``theta``, ``tx``, ``ty``, ``shear``, ``zx``, ``zy`` (see
                :func:`~tahr.preprocessing.image.apply_affine_transform`), ``flip_horizontal``, ``flip_vertical``
                (bools), ``channel_shift_intensity`` and ``brightness`` (numbers or None).
        """
        axes = {"row_axis": self.row_axis - 1, "col_axis": self.col_axis - 1, "channel_axis": self.channel_axis - 1}
        told = transform_parameters.get
        moves = {name: told(name, default) for name, default in (("theta", 0), ("tx", 0), ("ty", 0), ("shear", 0),
                                                                 ("zx", 1), ("zy", 1))}
        x = affine.apply_affine_transform(x, **moves, **axes, fill_mode=self.fill_mode, cval=self.cval,
                                          order=self.interpolation_order)
        if told("channel_shift_intensity") is not None:
            x = affine.apply_channel_shift(x, told("channel_shift_intensity"), axes["channel_axis"])
        if told("flip_horizontal"):
            x = affine.flip_axis(x, axes["col_axis"])
        if told("flip_vertical"):
            x = affine.flip_axis(x, axes["row_axis"])
        if told("brightness") is not None:
            x = affine.apply_brightness_shift(x, told("brightness"), scale=False)
        return x

    # Statistics

    def standardize(self, x):
        """Images preprocessed, rescaled, centred and normalized as the arguments say; they are left as they are.

        Arguments:
            x: an image or a batch of them.
        """
        if self.preprocessing_function is not None:
            x = self.preprocessing_function(x)
        x = np.asarray(x)
        x = x if x.dtype.kind == "f" else x.astype(self.dtype or "float32")
        if self.rescale is not None:
            x = x * np.asarray(self.rescale, x.dtype)
        if self.samplewise_center:
            x = x - x.mean(axis=(-3, -2, -1), keepdims=True)
        if self.samplewise_std_normalization:
            x = x / (x.std(axis=(-3, -2, -1), keepdims=True) + np.asarray(EPSILON, x.dtype))
        if self.featurewise_center and self._fitted(self.mean, "featurewise_center"):
            x = x - self.mean.astype(x.dtype)
        if self.featurewise_std_normalization and self._fitted(self.std, "featurewise_std_normalization"):
            x = x / (self.std.astype(x.dtype) + np.asarray(EPSILON, x.dtype))
        if self.zca_whitening and self._fitted(self.zca_whitening_matrix, "zca_whitening"):
            x = (x.reshape(-1, len(self.zca_whitening_matrix)) @ self.zca_whitening_matrix.astype(x.dtype)).reshape(
                x.shape)
        return x

    def _fitted(self, value, option):
        if value is None:
            warnings.warn(f"This ImageDataGenerator specifies `{option}`, but it hasn't been fit on any training data. "
                          f"Fit it first by calling `.fit(numpy_data)`.", stacklevel=3)
        return value is not None

    @spellings(X="x")
    def fit(self, x, augment=False, rounds=1, seed=None):
        """Compute the mean, the deviation and the whitening matrix that the arguments ask for.

        Arguments:
            x: images, 4 axes; they are left as they are.
            augment: whether to take randomly changed images instead, default False.
            rounds: how many changed versions of each image to take then, default 1.
            seed: of these changes.

        Raises:
            ValueError: for other than 4 axes.
        """
        x = np.array(x, self.dtype or "float32")
        if x.ndim != 4:
            raise ValueError(f"fit takes images as an array of 4 axes, got the shape {x.shape}")
        check_channels(x, self.data_format, stacklevel=4)
        if self.rescale is not None:
            x = x * np.asarray(self.rescale, x.dtype)       # as standardize does before it uses what is found here
        if augment:
            seeds = [None] * (rounds * len(x))
            if seed is not None:
                seeds = np.random.RandomState(seed).randint(2 ** 31 - 1, size=rounds * len(x))
            x = np.stack([self.random_transform(x[i % len(x)], s) for i, s in enumerate(seeds)])
        axes = (0, self.row_axis, self.col_axis)
        if self.featurewise_center:
            self.mean = x.mean(axes, keepdims=True)[0]
            x = x - self.mean
        if self.featurewise_std_normalization:
            self.std = x.std(axes, keepdims=True)[0]
            x = x / (self.std + np.asarray(EPSILON, x.dtype))
        if self.zca_whitening:
            flat = x.reshape(len(x), -1).astype(np.float64)
            variances, vectors = np.linalg.eigh(flat.T @ flat / len(flat))
            scales = 1 / np.sqrt(np.maximum(variances, 0) + self.zca_epsilon)
            self.zca_whitening_matrix = (vectors * scales) @ vectors.T


def _between(name, given, low=None, high=None):
    """Two numbers; a single one stands for ``low`` and ``high``."""
    if np.ndim(given) == 0 and low is not None:
        return float(low), float(high)
    if np.shape(given) != (2,):
        one = "a float or " if low is not None else ""
        raise ValueError(f"`{name}` should be {one}a tuple or list of two floats, got {given!r}")
    return tuple(given)


def _shift(random, limit, size):
    """By how many pixels to move, drawn as Keras draws it."""
    if np.ndim(limit) == 0 and not limit:
        return 0
    if np.ndim(limit) or isinstance(limit, int | np.integer):
        shift = random.choice(limit) * random.choice([-1, 1])
    else:
        shift = random.uniform(-limit, limit)
    return shift * size if np.max(limit) < 1 else shift
