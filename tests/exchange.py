"""Files of tahr in the real Keras: ``exchange.py write FOLDER`` with tahr, then ``exchange.py read FOLDER keras`` (or
``tf_keras``) with that library, which compares predictions, and what one more step of training makes of them.

tests/test_exchange.py runs both where the library is installed beside tahr.
"""

import importlib
import pathlib
import sys
import types

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent / "golden"))
from model_zoo import ZOO, compiled, targets

FORMATS = {"keras": (".keras", ".h5", ".weights.h5", "_weights.h5"), "tf_keras": (".h5", ".weights.h5", "_weights.h5")}
# Nadam has another schedule there; Keras 3 begins anew with the optimizers of .h5 files, which have tf_keras's order
OTHER_STEP = {("keras", "recurrent", ".keras"), ("tf_keras", "recurrent", ".h5"), *(("keras", n, ".h5") for n in ZOO)}


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
        model = keras.models.load_model(path.parent / f"{name}.h5", compile=False)
        model.set_weights([w * 0 for w in model.get_weights()])
        model.load_weights(path)
    else:
        model = keras.models.load_model(path)
    errors = [np.abs(model.predict(x, verbose=0) - expected[f"{name}/before"]).max()]
    if "weights" not in path.name:
        model.train_on_batch(x, targets(name))
        errors.append(np.abs(model.predict(x, verbose=0) - expected[f"{name}/after"]).max())
    return errors


def read(folder, library):
    """Load them with the real thing; a line for each file, and how many did not agree."""
    keras = importlib.import_module(library)
    expected, wrong = np.load(folder / "predictions.npz"), 0
    for name in ZOO:
        for ending in FORMATS[library]:
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
