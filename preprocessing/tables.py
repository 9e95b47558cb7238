"""Batches of randomly changed images, of files named in a table."""

import os
import warnings

import numpy as np

from .files import FileIterator, is_image, one_of, part_of


class DataFrameIterator(FileIterator):
    """Batches of images named in a table; :meth:`ImageDataGenerator.flow_from_dataframe` makes it and describes the
    arguments. See :class:`DirectoryIterator` for the attributes.
    """

    modes = ("binary", "categorical", "input", "multi_output", "raw", "sparse", None)

    def __init__(self, dataframe, directory=None, image_data_generator=None, x_col="filename", y_col="class",
                 weight_col=None, target_size=(256, 256), color_mode="rgb", classes=None, class_mode="categorical",
                 batch_size=32, shuffle=True, seed=None, data_format="channels_last", save_to_dir=None, save_prefix="",
                 save_format="png", subset=None, interpolation="nearest", keep_aspect_ratio=False, dtype=None,
                 validate_filenames=True):
        one_of("class_mode", class_mode, self.modes)
        self.directory = directory or ""
        y_cols = [] if class_mode in ("input", None) else [y_col] if isinstance(y_col, str) else list(y_col)
        table = _columns(dataframe, [x_col, *y_cols, *([weight_col] if weight_col else [])])
        if class_mode in ("binary", "categorical", "sparse"):
            table = self._classified(table, y_cols, class_mode, classes)
        if validate_filenames:
            table = _existing(table, x_col, self.directory)
        table = {name: part_of(values, image_data_generator, subset) for name, values in table.items()}
        self.filenames = table[x_col]
        self.filepaths = [os.path.join(self.directory, name) for name in self.filenames]
        self.sample_weight = np.array(table[weight_col]) if weight_col else None
        self._take_labels(table, y_cols)
        kinds = f" belonging to {len(self.class_indices)} classes" if self._classes_of else ""
        names = "validated" if validate_filenames else "non-validated"
        print(f"Found {len(self.filenames)} {names} image filenames{kinds}.")
        super().__init__(image_data_generator, target_size, color_mode, class_mode, batch_size, shuffle, seed,
                         data_format, save_to_dir, save_prefix, save_format, interpolation, keep_aspect_ratio, dtype)

    class_indices: dict[str, int] = {}
    _classes_of = None

    def _classified(self, table, y_cols, class_mode, classes):
        """The rows whose labels are among the classes; sets ``class_indices``."""
        if len(y_cols) != 1:
            raise ValueError(f"class_mode={class_mode!r} needs y_col to be one column, got {y_cols}; use 'raw' or "
                             f"'multi_output' for several")
        [column] = y_cols
        several = (list, tuple) if class_mode == "categorical" else ()
        for label in table[column]:
            if not isinstance(label, (str, *several)):
                kinds = "strings, lists or tuples" if several else "strings"
                raise TypeError(f"class_mode={class_mode!r} needs the column {column!r} to hold {kinds}, got "
                                f"{type(label).__name__} {label!r}; convert numbers by .astype(str)")
        labels = [[label] if isinstance(label, str) else list(label) for label in table[column]]
        names = list(classes) if classes else sorted({name for row in labels for name in row})
        if class_mode == "binary" and len(names) != 2:
            raise ValueError(f"class_mode='binary' needs 2 classes, found {len(names)} in the column {column!r}")
        self.class_indices, self.num_classes = {name: i for i, name in enumerate(names)}, len(names)
        kept = [[name for name in row if name in self.class_indices] for row in labels]
        numbers = [[self.class_indices[name] for name in row] for row in kept]
        self._classes_of = column
        several = [not isinstance(label, str) for label in table[column]]
        table = {**table, column: [row if many else row[0] if row else None for row, many in zip(numbers, several)]}
        rows = [i for i, row in enumerate(numbers) if row]
        return {name: [values[i] for i in rows] for name, values in table.items()}

    def _take_labels(self, table, y_cols):
        if self._classes_of:
            self.classes = table[self._classes_of]
        self._outputs = [np.array(table[name]) for name in y_cols] if not self._classes_of else []

    @property
    def labels(self):
        """The class numbers of the images, or the columns of ``y_col``."""
        return self.classes if self._classes_of else self._outputs

    def _targets(self, images, index_array):
        if self._classes_of or self.class_mode == "input":
            return super()._targets(images, index_array)
        outputs = [column[index_array] for column in self._outputs]
        if self.class_mode == "multi_output":
            return outputs
        return outputs[0] if len(outputs) == 1 else np.stack(outputs, -1)


def _columns(dataframe, names):
    """The columns of a pandas table, or of a dict of lists, as lists."""
    columns = {}
    for name in names:
        try:
            columns[name] = list(dataframe[name])
        except (KeyError, IndexError, TypeError) as error:
            raise KeyError(f"the dataframe must have a column {name!r}; see x_col, y_col and weight_col "
                           f"({error})") from None
    return columns


def _existing(table, x_col, directory):
    """The rows whose image file is there."""
    rows = [i for i, name in enumerate(table[x_col]) if isinstance(name, str | os.PathLike) and is_image(name)
            and os.path.isfile(os.path.join(directory, name))]
    missing = len(table[x_col]) - len(rows)
    if missing:
        warnings.warn(f'Found {missing} invalid image filename(s) in x_col="{x_col}". These filename(s) will be '
                      f'ignored.', stacklevel=4)
    return {name: [values[i] for i in rows] for name, values in table.items()}
