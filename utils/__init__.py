"""What every part of tahr stands on; imports nothing of ours.

Keras's utilities are here by name; their modules load when they are first used.
"""

import importlib as _importlib

from .rng import set_random_seed

_NAMES = {"to_categorical": "numeric", "normalize": "numeric", "HDF5Matrix": "hdf5", "H5Dict": "h5dict",
          "Progbar": "progress", "plot_model": "plot", "model_to_dot": "plot",
          **dict.fromkeys(("get_custom_objects", "custom_object_scope", "CustomObjectScope",
                           "register_keras_serializable", "serialize_keras_object", "deserialize_keras_object"),
                          "custom"),
          **dict.fromkeys(("Sequence", "PyDataset", "OrderedEnqueuer", "GeneratorEnqueuer", "SequenceEnqueuer",
                           "get_file"), "data_utils")}
_ELSEWHERE = {"pad_sequences": "sequence", "timeseries_dataset_from_array": "sequence",
              **dict.fromkeys(("image_dataset_from_directory", "load_img", "img_to_array", "array_to_img", "save_img"),
                              "image")}
__all__ = ["set_random_seed", *_NAMES, *_ELSEWHERE]


def __getattr__(name):
    if name in _NAMES:
        return getattr(_importlib.import_module(f".{_NAMES[name]}", __name__), name)
    if name in _ELSEWHERE:
        module = f"{__name__.rpartition('.')[0]}.preprocessing.{_ELSEWHERE[name]}"
        return getattr(_importlib.import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
