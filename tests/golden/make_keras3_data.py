"""Makes keras3_data.json: what Keras 3 finds for the programs in data_programs.py.

    python tests/golden/make_keras3_data.py

Made with keras 3.15.1 on torch; the file holds the versions that it was made with.
"""

import json
import os
import pathlib
import sys
import tempfile
import types

os.environ["KERAS_BACKEND"] = "torch"
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import data_programs
import keras
import numpy as np
from keras.src.datasets import boston_housing, california_housing, imdb, reuters
from keras.src.legacy.preprocessing import image, sequence, text

DATASETS = {"imdb": imdb, "reuters": reuters, "boston": boston_housing, "california": california_housing}


def names(folder):
    found = {"to_categorical": keras.utils.to_categorical, "normalize": keras.utils.normalize,
             "pad_sequences": keras.utils.pad_sequences}
    for module in (image, sequence, text):
        found |= {k: v for k, v in vars(module).items() if not k.startswith("_")}
    for name, module in DATASETS.items():
        path = os.path.join(folder, f"{name}.npz")
        np.savez(path, **data_programs.FILES[name])
        module.get_file = lambda *args, path=path, **kwargs: path
        found[name] = module.load_data
    return types.SimpleNamespace(**found)


def main():
    with tempfile.TemporaryDirectory() as folder:
        k = names(folder)
        golden = {name: data_programs.plain(run(k)) for name, run in data_programs.PROGRAMS.items()}
    golden["versions"] = f"keras {keras.__version__}, numpy {np.__version__}"
    path = pathlib.Path(__file__).parent / "keras3_data.json"
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
