"""Files of tahr in the real Keras: ``exchange.py write FOLDER`` with tahr, then ``exchange.py read FOLDER keras`` (or
``tf_keras``) with that library, which compares predictions, and what one more step of training makes of them.

It is no test of the suite: it needs those libraries.
"""

import importlib
import pathlib
import sys
import types

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent / "golden"))
from model_zoo import ZOO, compiled, targets

FORMATS = {"keras": (".keras", ".h5", ".weights.h5", "_weights.h5"), "tf_keras": (".h5", ".weights.h5", "_weights.h5")}
# Nadam has another schedule there
OTHER_STEP = {("keras", "recurrent", ".keras"), ("tf_keras", "recurrent", ".h5")}
# Keras 3 counts calls of inner models and builds attention differently from tf_keras, whose .h5 files it cannot read
# either; tf_keras has another path for attention in .weights.h5
UNREADABLE = {("keras", "shared", ".h5"), ("keras", "normed", ".h5"), ("tf_keras", "normed", ".weights.h5")}


def tahr_as_keras():
    """The names of Keras that model_zoo uses."""
    import tahr
    return types.SimpleNamespace(
        layers=tahr.layers, Input=tahr.layers.Input, Sequential=tahr.Sequential, Model=tahr.Model,
        constraints=tahr.constraints, optimizers=tahr.optimizers, losses=tahr.losses, __version__="3",
        hard_sigmoid="sigmoid")     # which Keras 2 and Keras 3 compute differently


def write(folder):
    """Write every model in every format, and its predictions."""
    keras, found = tahr_as_keras(), {}
    for name in ZOO:
        model, x = compiled(keras, name)
        found[f"{name}/before"] = model.predict(x, verbose=0)
        for ending in (".keras", ".h5"):
            model.save(folder / f"{name}{ending}")
        for ending in (".weights.h5", "_weights.h5"):
            model.save_weights(folder / f"{name}{ending}")
        model.train_on_batch(x, targets(name))
        found[f"{name}/after"] = model.predict(x, verbose=0)
    np.savez(folder / "predictions.npz", **found)


def errors_of(keras, name, path, expected):
    """The largest difference of predictions, and for whole models that after one more step."""
    x = ZOO[name](keras)[1]
    if "weights" in path.name:
        ending = ".keras" if keras.__name__ == "keras" else ".h5"
        model = keras.models.load_model(path.parent / f"{name}{ending}", compile=False)
        model.set_weights([w * 0 for w in model.get_weights()])
        model.load_weights(path)
    else:
        model = keras.models.load_model(path)
    errors = [np.abs(model.predict(x, verbose=0) - expected[f"{name}/before"]).max()]
    if "weights" not in path.name and (keras.__name__, path.suffix) != ("keras", ".h5"):   # cannot train its own
        model.train_on_batch(x, targets(name))
        errors.append(np.abs(model.predict(x, verbose=0) - expected[f"{name}/after"]).max())
    return errors


def read(folder, library):
    """Load them with the real thing; a line for each file, and how many did not agree."""
    keras = importlib.import_module(library)
    expected, wrong = np.load(folder / "predictions.npz"), 0
    for name in ZOO:
        for ending in FORMATS[library]:
            if (library, name, ending) in UNREADABLE:
                continue
            path = folder / f"{name}{ending}"
            try:
                errors = errors_of(keras, name, path, expected)
                good = errors[0] < 2e-6 and (errors[-1] < 2e-5 or (library, name, ending) in OTHER_STEP)
            except Exception as error:
                good, errors = False, [f"{type(error).__name__}: {str(error)[-400:]}"]
            wrong += not good
            print("ok   " if good else "WRONG", library, path.name, *errors, flush=True)
    return wrong


if __name__ == "__main__":
    where = pathlib.Path(sys.argv[2])
    if sys.argv[1] == "write":
        write(where)
    else:
        sys.exit(min(1, read(where, sys.argv[3])))
