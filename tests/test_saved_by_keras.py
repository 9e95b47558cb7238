"""Files that the real Keras 3 and tf_keras wrote (tests/golden/make_saved.py): same predictions, same next step."""

import pathlib
import sys

import numpy as np
import pytest

import tahr

GOLDEN = pathlib.Path(__file__).parent / "golden"
sys.path.insert(0, str(GOLDEN))
try:
    from model_zoo import ZOO, targets
finally:
    sys.path.remove(str(GOLDEN))
FILES = GOLDEN / "files"
LIBRARIES = ("keras", "tf_keras")
MODELS = [(library, name, ending) for library in LIBRARIES for name in ZOO for ending in (".keras", ".h5")]
INPUTS = dict.fromkeys(ZOO)


class Nothing:
    """Takes the place of Keras where only the input of a model is wanted."""

    def __getattr__(self, name):
        return self

    def __call__(self, *args, **kwargs):
        return self


def inputs(name):
    return ZOO[name](Nothing())[1]


def golden(library, name, when):
    with np.load(FILES / f"{library}.npz") as file:
        return file[f"{name}/{when}"]


def test_all_files_are_read():
    whole = {f"{library}_{name}{ending}" for library, name, ending in MODELS}
    rest = {"keras.npz", "tf_keras.npz", "keras_shared.weights.h5", "tf_keras_shared.weights.h5",
            "tf_keras_shared_weights.h5"}
    assert {path.name for path in FILES.iterdir()} == whole | rest


@pytest.mark.parametrize("library, name, ending", MODELS)
def test_predictions_and_the_next_step(library, name, ending):
    model, x = tahr.models.load_model(FILES / f"{library}_{name}{ending}"), inputs(name)
    np.testing.assert_allclose(model.predict(x, verbose=0), golden(library, name, "before"), rtol=1e-6, atol=1e-6)
    assert int(model.optimizer.iterations) == 3
    model.train_on_batch(x, targets(name))
    np.testing.assert_allclose(model.predict(x, verbose=0), golden(library, name, "after"), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("ending", [".weights.h5", "_weights.h5", ".keras", ".h5"])
def test_weights_alone(library, ending):
    path = FILES / f"{library}_shared{ending}"
    if not path.exists():
        assert (library, ending) == ("keras", "_weights.h5")     # which Keras 3 does not write
        return
    model = tahr.models.load_model(FILES / f"{library}_shared.keras", compile=False)
    model.set_weights([w * 0 + 1 for w in model.get_weights()])
    model.load_weights(path)
    np.testing.assert_allclose(model.predict(inputs("shared"), verbose=0), golden(library, "shared", "before"),
                               rtol=1e-6, atol=1e-6)
