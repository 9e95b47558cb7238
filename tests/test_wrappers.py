"""Models as estimators of scikit-learn: by themselves, and by scikit-learn's own checks where it is installed."""

import functools
import subprocess
import sys

import numpy as np
import pytest

from tahr import layers, models, optimizers, wrappers
from tahr.utils import rng
from tahr.wrappers.scikit_learn import KerasClassifier, KerasRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype("float32")
NAMES = np.array(["low", "high"])[(X[:, 0] > 0).astype(int)]
TARGETS = X @ np.array([1.0, -2.0, 0.5, 0.0])


def classifier(units=8, loss="sparse_categorical_crossentropy"):
    model = models.Sequential([layers.Dense(units, "relu", input_dim=4),
                               layers.Dense(1 if loss == "binary_crossentropy" else 2,
                                            "sigmoid" if loss == "binary_crossentropy" else "softmax")])
    model.compile(optimizers.Adam(0.05), loss, metrics=["accuracy"])
    return model


def regressor(units=8):
    model = models.Sequential([layers.Dense(units, "relu", input_dim=4), layers.Dense(1)])
    model.compile(optimizers.Adam(0.02), "mse")
    return model


class Inherited(KerasClassifier):
    def __call__(self, units=3):
        return classifier(units)


class Callable:
    def __call__(self, units):
        return classifier(units)


def test_modules_load_by_name():
    assert wrappers.scikit_learn.KerasClassifier is KerasClassifier and "scikit_learn" in dir(wrappers)
    with pytest.raises(AttributeError, match="'torch'; there is scikit_learn"):
        _ = wrappers.torch


def test_scikit_learn_is_not_needed():
    code = ("import sys; sys.modules['sklearn'] = None; import numpy as np; from tahr import layers, models\n"
            "from tahr.wrappers.scikit_learn import KerasClassifier\n"
            "def build():\n"
            "    model = models.Sequential([layers.Dense(1, 'sigmoid')]); model.compile('sgd', 'mse'); return model\n"
            "made = KerasClassifier(build, verbose=0)\n"
            "try:\n    made.predict(np.eye(2))\n"
            "except AttributeError as error:\n    print(error)\n"
            "print(made.fit(np.eye(2), [[0], [1]]).predict(np.eye(2)).shape)")
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "is not fitted yet" in out and "(2,)" in out


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy"])
def test_a_classifier_learns_labels_of_any_type(loss):
    made = KerasClassifier(classifier, units=16, loss=loss, epochs=20, batch_size=10, verbose=0, random_state=0)
    assert made.fit(X, NAMES) is made
    assert made.classes_.tolist() == ["high", "low"] and made.n_classes_ == 2 and made.n_features_in_ == 4
    probabilities = made.predict_proba(X)
    assert probabilities.shape == (60, 2)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    np.testing.assert_array_equal(made.predict(X), made.classes_[probabilities.argmax(1)])
    np.testing.assert_allclose(np.exp(made.predict_log_proba(X)), probabilities, rtol=1e-5)
    assert made.score(X, NAMES) == np.mean(made.predict(X) == NAMES) > 0.95
    weights = np.arange(60.0)
    assert made.score(X, NAMES, weights) == pytest.approx(np.average(made.predict(X) == NAMES, weights=weights))


def test_one_hot_targets():
    made = KerasClassifier(classifier, loss="categorical_crossentropy", epochs=2, verbose=0)
    rows = np.eye(2)[(NAMES == "low").astype(int)]
    made.fit(X, rows)
    assert made.classes_.tolist() == [0, 1] and 0 <= made.score(X, rows) <= 1


def test_a_regressor_learns():
    made = KerasRegressor(regressor, units=32, epochs=50, batch_size=10, verbose=0, random_state=0).fit(X, TARGETS)
    assert made.predict(X).shape == (60,) and np.mean((made.predict(X) - TARGETS) ** 2) < 0.3
    assert made.score(X, TARGETS, verbose=0) == pytest.approx(-np.mean((made.predict(X) - TARGETS) ** 2), rel=1e-4)
    weights = np.arange(60) % 2
    assert made.score(X, TARGETS, weights) == pytest.approx(
        -np.mean(weights * (made.predict(X) - TARGETS) ** 2), rel=1e-4)


def test_fit_keeps_what_it_found():
    made = KerasClassifier(classifier, epochs=3, verbose=0)
    history = made.fit(X, NAMES)
    assert len(history.history["loss"]) == 3 and history.epoch == [0, 1, 2]
    assert isinstance(made.model, models.Sequential)
    assert len(made.fit(X, NAMES, epochs=2).history["loss"]) == 2       # arguments of fit win


@pytest.mark.parametrize("make", [
    lambda: KerasClassifier(classifier, units=5), lambda: KerasClassifier(build_fn=classifier, units=5),
    lambda: Inherited(units=5), lambda: KerasClassifier(Callable(), units=5),
    lambda: KerasClassifier(functools.partial(classifier, units=5)),
    lambda: KerasClassifier(lambda **options: classifier(**options), units=5),
])
def test_ways_to_say_how_to_build(make):
    made = make().fit(X, NAMES, verbose=0)
    assert made.model.layers[0].units == 5


def test_a_builder_that_asks_is_told_about_the_data():
    seen = []

    def build(meta, units=2):
        seen.append(meta)
        return classifier(units)

    KerasClassifier(build, verbose=0).fit(X, NAMES)
    assert seen == [{"X_shape_": (60, 4), "y_shape_": (60,), "n_features_in_": 4, "n_classes_": 2}]


def test_parameters():
    made = KerasClassifier(classifier, units=5, epochs=2)
    assert made.get_params() == made.get_params(deep=False) == {"build_fn": classifier, "units": 5, "epochs": 2}
    assert made.set_params(units=7, batch_size=3) is made
    assert made.get_params() == {"build_fn": classifier, "units": 7, "epochs": 2, "batch_size": 3}
    made.set_params(build_fn=regressor)
    assert made.build_fn is regressor
    assert made.filter_sk_params(models.Sequential.fit, {"verbose": 0}) == {"epochs": 2, "batch_size": 3, "verbose": 0}
    assert made.filter_sk_params(regressor) == {"units": 7}
    assert repr(KerasRegressor(regressor, units=2)).endswith(", units=2)")


@pytest.mark.parametrize("make, text", [
    (lambda: KerasClassifier(classifier, unitz=3), "unitz is not a legal parameter.*Did you mean 'units'"),
    (lambda: KerasClassifier(classifier).set_params(depth=3), "depth is not a legal parameter"),
    (lambda: KerasClassifier(), "KerasClassifier needs build_fn, a function that returns a compiled model, got None"),
    (lambda: KerasRegressor(3), "KerasRegressor needs build_fn, .* got 3"),
])
def test_wrong_parameters(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_keras_1_epochs():
    with pytest.warns(DeprecationWarning, match="'nb_epoch' is now called 'epochs'"):
        made = KerasClassifier(classifier, nb_epoch=2)
    assert made.get_params()["epochs"] == 2
    with pytest.warns(DeprecationWarning, match="'nb_epoch' is now called 'epochs'"):
        assert len(made.fit(X, NAMES, nb_epoch=3, verbose=0).history["loss"]) == 3


def test_a_random_state_repeats_and_leaves_random_numbers_alone():
    def run():
        return KerasRegressor(regressor, epochs=1, verbose=0, random_state=3).fit(X, TARGETS).predict(X)
    before = np.random.get_state()[1].copy(), rng.default_generator().get_state()
    first = run()
    np.testing.assert_array_equal(np.random.get_state()[1], before[0])
    after = rng.default_generator().get_state()
    assert (after["key"], after["position"]) == (before[1]["key"], before[1]["position"])
    np.testing.assert_array_equal(run(), first)


@pytest.mark.parametrize("x, y, error, text", [
    (X[:, 0], NAMES, ValueError, "Expected 2D array, got 1D array"), (X[:0], NAMES[:0], ValueError, r"0 sample\(s\)"),
    (X[:, :0], NAMES, ValueError, r"0 feature\(s\)"), (X, NAMES[:5], ValueError, "inconsistent numbers of samples"),
    (X, None, ValueError, "requires y to be passed"), (X * 1j, NAMES, ValueError, "Complex data not supported"),
    (X, np.zeros(60), ValueError, "at least 2 classes, got one class"),
    (X, TARGETS, ValueError, "Unknown label type: continuous"), (X, np.zeros((60, 2, 2)), ValueError, "Invalid shape"),
    (X.astype(str), NAMES, ValueError, "X must hold numbers"),
    (np.full((2, 1), {}), [0, 1], TypeError, "must hold numbers"),
])
def test_wrong_data(x, y, error, text):
    with pytest.raises(error, match=text):
        KerasClassifier(classifier, verbose=0).fit(x, y)


def test_wrong_data_later():
    made = KerasClassifier(classifier, verbose=0).fit(X, NAMES)
    with pytest.raises(ValueError, match="X has 3 features, but KerasClassifier is expecting 4 features as input"):
        made.predict(X[:, :3])
    with pytest.raises(ValueError, match="at least one non-zero"):
        made.fit(X, NAMES, np.zeros(60))
    with pytest.raises(ValueError, match="Input y contains NaN"):
        KerasRegressor(regressor).fit(X, TARGETS * np.nan)
    with pytest.raises(AttributeError, match="not fitted yet"):
        _ = KerasRegressor(regressor).model


# scikit-learn

def sized_classifier(meta):
    model = models.Sequential([layers.Dense(8, "relu"), layers.Dense(meta["n_classes_"], "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def sized_regressor(meta):
    model = models.Sequential([layers.Dense(8, "relu"), layers.Dense(*(meta["y_shape_"][1:] or (1,)))])
    model.compile("adam", "mse")
    return model


# What does not apply to models: the name of the check, and why.
EXPECTED = {
    "check_no_attributes_set_in_init": "parameters beside build_fn are those of other functions: Keras keeps them in "
                                       "sk_params",
    "check_do_not_raise_errors_in_init_or_set_params": "Keras refuses unknown parameters at once",
    "check_parameters_default_constructible": "there is no model without build_fn",
    "check_sample_weight_equivalence_on_dense_data": "a repeated row makes other batches than a weight does",
    "check_regressor_multioutput": "float32 stays float32",
    "check_estimators_pickle": "a History holds a weak reference to its model, and weak references are not pickled",
}


@pytest.mark.parametrize("estimator", [
    KerasClassifier(sized_classifier, epochs=1, verbose=0, random_state=0),
    KerasRegressor(sized_regressor, epochs=1, verbose=0, random_state=0)], ids=["classifier", "regressor"])
@pytest.mark.filterwarnings("ignore:ValueError occurred during set_params")
@pytest.mark.filterwarnings("ignore:Estimator Keras.* does not inherit from `sklearn.base.BaseEstimator`")
def test_the_checks_of_scikit_learn(estimator):
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    with np.errstate(all="ignore"):
        results = checks.check_estimator(estimator, expected_failed_checks=EXPECTED, on_skip=None, on_fail=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert failed == {}
    assert sum(r["status"] == "passed" for r in results) > 40
    assert {r["check_name"] for r in results if r["status"] == "xfail"} <= EXPECTED.keys()


def test_clones_searches_and_pipelines():
    sklearn = pytest.importorskip("sklearn")
    from sklearn.model_selection import GridSearchCV, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    made = KerasClassifier(classifier, units=5, epochs=20, verbose=0, random_state=0)
    again = sklearn.clone(made)
    assert again is not made and again.get_params() == made.get_params()
    assert sklearn.base.is_classifier(made) and sklearn.base.is_regressor(KerasRegressor(regressor))
    search = GridSearchCV(made, {"units": [8], "epochs": [1, 20]}, cv=2).fit(X, NAMES)
    assert search.best_params_ == {"units": 8, "epochs": 20} and search.best_score_ > 0.6
    assert (cross_val_score(made, X, NAMES, cv=2) > 0.5).all()
    assert make_pipeline(StandardScaler(), made).fit(X, NAMES).score(X, NAMES) > 0.8
    from sklearn.exceptions import NotFittedError
    with pytest.raises(NotFittedError, match="Call 'fit' with appropriate arguments"):
        again.predict(X)
