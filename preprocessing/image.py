"""Images: read, written, changed at random, and fed to a model batch by batch."""

from .affine import (
    apply_affine_transform,
    apply_brightness_shift,
    apply_channel_shift,
    apply_transform,
    flip_axis,
    random_brightness,
    random_channel_shift,
    random_rotation,
    random_shear,
    random_shift,
    random_zoom,
    transform_matrix_offset_center,
)
from .files import DirectoryIterator
from .folders import image_dataset_from_directory
from .generator import ImageDataGenerator
from .iterators import Iterator, NumpyArrayIterator
from .pictures import array_to_img, img_to_array, list_pictures, load_img, save_img
from .tables import DataFrameIterator

__all__ = ["DataFrameIterator", "DirectoryIterator", "ImageDataGenerator", "Iterator", "NumpyArrayIterator",
           "apply_affine_transform", "apply_brightness_shift", "apply_channel_shift", "apply_transform", "array_to_img",
           "flip_axis", "image_dataset_from_directory", "img_to_array", "list_pictures", "load_img",
           "random_brightness", "random_channel_shift", "random_rotation", "random_shear", "random_shift",
           "random_zoom", "save_img", "transform_matrix_offset_center"]
