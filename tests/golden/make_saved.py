"""Writes tests/golden/files: run with the real Keras 3, ``python make_saved.py keras``, and with ``tf_keras``.

For each model of ``model_zoo.py`` the whole model in every format of that Keras, and in an .npz file what it predicts,
and what it predicts after one more step of training.
"""

import importlib
import pathlib
import sys

import numpy as np
from model_zoo import ZOO, compiled, targets

HERE = pathlib.Path(__file__).parent / "files"


def main(library):
    keras = importlib.import_module(library)
    found = {"version": keras.__version__}
    for name in ZOO:
        keras.utils.set_random_seed(7)
        keras.backend.clear_session()
        model, x = compiled(keras, name)
        found[f"{name}/before"] = model.predict(x, verbose=0)
        model.save(HERE / f"{library}_{name}.keras")
        model.save(HERE / f"{library}_{name}.h5")
        if name == "shared":
            model.save_weights(HERE / f"{library}_{name}.weights.h5")
            if library == "tf_keras":
                model.save_weights(HERE / f"{library}_{name}_weights.h5")
        model.train_on_batch(x, targets(name))
        found[f"{name}/after"] = model.predict(x, verbose=0)
    np.savez_compressed(HERE / f"{library}.npz", **found)


if __name__ == "__main__":
    main(sys.argv[1])
