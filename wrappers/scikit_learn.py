"""Models as estimators of scikit-learn, for its pipelines, searches and cross-validation.

scikit-learn itself is needed only where it asks for something of its own, such as tags.
"""

import contextlib
import inspect
import random
import warnings

import numpy as np

from ..models import Sequential
from ..utils import rng
from ..utils.errors import describe, did_you_mean
from ..utils.keras1 import translate
from ..utils.numeric import to_categorical

METHODS = ("fit", "predict", "evaluate")        # whose arguments an estimator takes too


class BaseWrapper:
    """What :class:`KerasClassifier` and :class:`KerasRegressor` share.

    Arguments:
        build_fn: a function that returns a compiled model, or an object that can be called so; None if the subclass
            has a method ``__call__`` that does. If it takes an argument ``meta``, it gets a dict of what is known of
            the data: ``n_features_in_``, ``X_shape_``, ``y_shape_``, and for classifiers ``n_classes_``.
        sk_params: arguments for ``build_fn`` and for the model's ``fit``, ``predict`` and ``evaluate``, each of which
            gets those that it takes; and ``random_state``, a seed that makes ``fit`` repeatable.

    Attributes:
        model: the model, after ``fit``. history: of the last ``fit``: a dict as ``History.history``.
    """

    def __init__(self, build_fn=None, **sk_params):
        sk_params = translate(type(self).__name__, ("fit",), sk_params)
        self.build_fn, self.sk_params = build_fn, sk_params
        self.check_params(sk_params)

    # Parameters

    def check_params(self, params):
        """Raise ValueError for parameters that neither ``build_fn`` nor the model's methods take."""
        known = [p for f in (self._builder(), *(getattr(Sequential, m) for m in METHODS)) for p in _parameters(f)]
        if any(p.kind == p.VAR_KEYWORD for p in _parameters(self._builder())):
            return
        names = [p.name for p in known] + ["random_state"]
        for name in params:
            if name not in names and name != "build_fn":
                raise ValueError(f"{name} is not a legal parameter: neither build_fn nor the model's "
                                 f"{', '.join(METHODS)} take it.{did_you_mean(name, names)}")

    def get_params(self, deep=True):
        """The parameters, as scikit-learn asks for them: ``build_fn`` and those it was made with."""
        return {"build_fn": self.build_fn, **self.sk_params}

    def set_params(self, **params):
        """Change parameters; ValueError for unknown ones."""
        self.check_params(params)
        params = dict(params)
        self.build_fn = params.pop("build_fn", self.build_fn)
        self.sk_params = {**self.sk_params, **params}
        return self

    def filter_sk_params(self, fn, override=None):
        """Those of the parameters that a function takes, and ``override``."""
        names = {p.name for p in _parameters(fn)}
        anything = fn is self._builder() and any(p.kind == p.VAR_KEYWORD for p in _parameters(fn))
        others = {p.name for m in METHODS for p in _parameters(getattr(Sequential, m))}
        taken = {k: v for k, v in self.sk_params.items() if k in names or anything and k not in others}
        return {**taken, **(override or {})}

    def _builder(self):
        if not callable(self if self.build_fn is None else self.build_fn):
            raise ValueError(f"{type(self).__name__} needs build_fn, a function that returns a compiled model, got "
                             f"{self.build_fn!r}")
        return type(self).__call__ if self.build_fn is None else self.build_fn

    def __repr__(self):
        arguments = ", ".join(f"{k}={v!r}" for k, v in self.get_params().items())
        return f"{type(self).__name__}({arguments})"

    # Training

    @property
    def model(self):
        """The model, after ``fit``."""
        self._require_fitted()
        return self.model_

    @property
    def history(self):
        """Losses and metrics of the last ``fit``, as ``History.history``."""
        self._require_fitted()
        return self.history_.history

    @property
    def epoch(self):
        """The numbers of the epochs of the last ``fit``."""
        self._require_fitted()
        return self.history_.epoch

    def _fit(self, x, y, sample_weight, kwargs, meta):
        sample_weight = None if sample_weight is None else np.asarray(sample_weight)
        if sample_weight is not None and not sample_weight.any():
            raise ValueError("Sample weights must contain at least one non-zero number.")
        with _seeded(self.sk_params.get("random_state")):
            return self._fit_anew(x, y, sample_weight, kwargs, meta)

    def _fit_anew(self, x, y, sample_weight, kwargs, meta):
        meta = {"X_shape_": np.shape(x), "y_shape_": np.shape(y), "n_features_in_": self.n_features_in_, **meta}
        wants = "meta" in {p.name for p in _parameters(self._builder())}
        arguments = self.filter_sk_params(self._builder(), {"meta": meta} if wants else None)
        self.model_ = (self if self.build_fn is None else self.build_fn)(**arguments)
        if self._loss() == "categorical_crossentropy" and np.ndim(y) != 2:
            y = to_categorical(y, meta.get("n_classes_"))
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.history_ = self.model_.fit(x, y, **self._arguments("fit", {**weights, **kwargs}))
        return self

    def _loss(self):
        loss = getattr(self.model_, "loss", None)
        return loss if isinstance(loss, str) else getattr(loss, "__name__", getattr(loss, "name", None))

    def _arguments(self, method, kwargs):
        """The parameters for one of the model's methods; silent unless the user says otherwise."""
        kwargs = translate(type(self).__name__, ("fit",), kwargs)
        return self.filter_sk_params(getattr(Sequential, method), kwargs)

    def _outputs(self, x, kwargs):
        self._require_fitted()
        return self.model_.predict(self._checked(x, fitted=True), **self._arguments("predict", kwargs))

    def _require_fitted(self):
        if "model_" not in vars(self):
            raise _not_fitted()(f"This {type(self).__name__} instance is not fitted yet. Call 'fit' with appropriate "
                                f"arguments before using this estimator.")

    def __sklearn_is_fitted__(self):
        return "model_" in vars(self)

    # Data

    def _checked(self, x, fitted=False):
        """Inputs as arrays of numbers; lists and dicts of several inputs pass as they are."""
        if hasattr(x, "toarray"):
            raise TypeError(f"{type(self).__name__} takes dense data, got a sparse matrix of type {type(x).__name__}; "
                            f"use x.toarray()")
        if isinstance(x, dict) or isinstance(x, list | tuple) and x and isinstance(x[0], np.ndarray) and x[0].ndim > 1:
            if not fitted:
                self.n_features_in_ = None
            return x
        names = [str(c) for c in x.columns] if hasattr(x, "columns") else None
        x = _numbers(x, "X")
        if x.ndim == 1:
            raise ValueError(f"Expected 2D array, got 1D array instead, of shape {x.shape}. Reshape your data either "
                             f"using array.reshape(-1, 1) if your data has a single feature or array.reshape(1, -1) if "
                             f"it contains a single sample.")
        if x.ndim == 0 or 0 in x.shape:
            kind = "sample" if x.ndim == 0 or len(x) == 0 else "feature"
            raise ValueError(f"Found array with 0 {kind}(s) (shape={x.shape}) while a minimum of 1 is required.")
        self._check_features(x.shape[-1], names, fitted)
        return x

    def _check_features(self, count, names, fitted):
        if not fitted:
            self.n_features_in_ = count
            vars(self).pop("feature_names_in_", None)
            if names is not None:
                self.feature_names_in_ = np.array(names, object)
        elif self.n_features_in_ not in (None, count):
            raise ValueError(f"X has {count} features, but {type(self).__name__} is expecting {self.n_features_in_} "
                             f"features as input")

    # What scikit-learn asks of an estimator

    def __sklearn_tags__(self):
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags
        classifier = self._estimator_type == "classifier"
        return Tags(
            estimator_type=self._estimator_type,
            target_tags=TargetTags(required=True, multi_output=not classifier),
            classifier_tags=ClassifierTags(poor_score=True) if classifier else None,
            regressor_tags=None if classifier else RegressorTags(poor_score=True), transformer_tags=None,
            input_tags=InputTags(three_d_array=True, allow_nan=True),
            non_deterministic=self.sk_params.get("random_state") is None)


def _parameters(function):
    """The named parameters of a function, without ``self`` and ``x``, ``y``, which are data."""
    parameters = list(inspect.signature(function).parameters.values())
    return [p for p in parameters if p.name not in ("self", "x", "y")]


def _not_fitted():
    try:
        from sklearn.exceptions import NotFittedError
    except ImportError:
        return AttributeError
    return NotFittedError


def _numbers(values, name):
    array = np.asarray(values)
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} is a {describe(array)}")
    if array.dtype == object:
        try:
            array = array.astype(np.float64)
        except TypeError as error:
            raise TypeError(f"{name} must hold numbers: {error}; argument must be a string or a number") from None
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold numbers, got a {describe(array)}")
    return array


def _aligned(x, y):
    """``y`` as an array that has as many rows as the inputs."""
    first = next(iter(x.values())) if isinstance(x, dict) else x[0] if isinstance(x, list | tuple) else x
    if y is None:
        raise ValueError("This estimator requires y to be passed, but the target y is None.")
    y = np.asarray(y)
    if y.ndim == 0 or len(first) != len(y):
        raise ValueError(f"Found input variables with inconsistent numbers of samples: {len(first)} in X, and y has "
                         f"the shape {y.shape}")
    return y


@contextlib.contextmanager
def _seeded(seed):
    """Fixed random numbers for a while, as if none had been drawn in the end; None fixes nothing."""
    if seed is None:
        yield
        return
    generator = rng.default_generator()
    before = random.getstate(), np.random.get_state(), generator.seed, generator.get_state()
    rng.set_random_seed(int(seed.randint(2 ** 31 - 1)) if hasattr(seed, "randint") else int(seed))
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        generator.seed = before[2]
        generator.set_state(before[3])


class KerasClassifier(BaseWrapper):
    """A model as a classifier of scikit-learn.

    See :class:`BaseWrapper` for the arguments. Labels may be of any type; the model learns their numbers, in order, or
    one-hot rows if its loss is ``'categorical_crossentropy'``.

    Attributes:
        classes_: the labels in order. n_classes_: how many there are.

    >>> from tahr import layers, models
    >>> def build(units=8):
    ...     model = models.Sequential([layers.Dense(units, "relu"), layers.Dense(1, "sigmoid")])
    ...     model.compile("adam", "binary_crossentropy")
    ...     return model
    >>> classifier = KerasClassifier(build, units=4, epochs=2, verbose=0)
    >>> x, y = np.eye(4), np.array(["no", "no", "yes", "yes"])
    >>> classifier.fit(x, y).predict_proba(x).shape
    (4, 2)
    """

    _estimator_type = "classifier"

    def fit(self, x, y, sample_weight=None, **kwargs):
        """Build the model and train it; see the model's ``fit`` for ``kwargs``.

        Arguments:
            x: inputs, shape ``(n, ...)``, or a list of such.
            y: labels, shape ``(n,)`` or ``(n, 1)``, or one-hot rows ``(n, classes)``.
            sample_weight: one weight for each sample.

        Returns:
            The estimator itself, whose ``history`` holds what the model's ``fit`` found.

        Raises:
            ValueError: for labels of more dimensions, and for only one class.
        """
        x = self._checked(x)
        y = self._numbered(_aligned(x, y))
        return self._fit(x, y, sample_weight, kwargs, {"n_classes_": self.n_classes_})

    def _numbered(self, y):
        """Class numbers, or one-hot rows as they are; sets ``classes_``."""
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_ = np.arange(y.shape[1])
        elif y.ndim == 1 or y.ndim == 2:
            if y.ndim == 2:
                _warn_of_column(y)
            y = y.ravel()
            if y.dtype.kind == "f" and not np.array_equal(y, np.floor(y)):
                if not np.isfinite(y).all():
                    raise ValueError("Input y contains NaN or infinity.")
                raise ValueError("Unknown label type: continuous. Maybe you are trying to fit a classifier, which "
                                 "expects discrete classes on a regression target with continuous values.")
            self.classes_, y = np.unique(y, return_inverse=True)
        else:
            raise ValueError(f"Invalid shape for y: {y.shape}; it must be (n,), (n, 1) or one-hot rows (n, classes)")
        self.n_classes_ = len(self.classes_)
        if self.n_classes_ < 2:
            raise ValueError(f"{type(self).__name__} needs at least 2 classes, got one class: {self.classes_}")
        return y

    def predict(self, x, **kwargs):
        """The most likely label for each row; ``kwargs`` go to the model's ``predict``."""
        numbers = np.argmax(self.predict_proba(x, **kwargs), -1)
        return self.classes_[numbers]

    def predict_proba(self, x, **kwargs):
        """How likely each label is, shape ``(n, classes)``; a model with one output says how likely the second is."""
        outputs = self._outputs(x, kwargs)
        return np.hstack([1 - outputs, outputs]) if outputs.shape[-1] == 1 else outputs

    def predict_log_proba(self, x, **kwargs):
        """The logarithms of :meth:`predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(x, **kwargs))

    def score(self, x, y, sample_weight=None, **kwargs):
        """The share of rows whose most likely label is the right one, weighted if weights are given."""
        self._require_fitted()
        y = np.asarray(y)
        y = self.classes_[np.argmax(y, -1)] if y.ndim == 2 and y.shape[1] > 1 else y.ravel()
        kwargs = {k: v for k, v in kwargs.items() if k in {p.name for p in _parameters(Sequential.predict)}}
        return float(np.average(self.predict(x, **kwargs) == y, weights=sample_weight))


def _warn_of_column(y):
    try:
        from sklearn.exceptions import DataConversionWarning
    except ImportError:
        return
    warnings.warn(f"A column-vector y was passed when a 1d array was expected: y has the shape {y.shape}",
                  DataConversionWarning, stacklevel=4)


class KerasRegressor(BaseWrapper):
    """A model as a regressor of scikit-learn; see :class:`BaseWrapper` for the arguments.

    >>> from tahr import layers, models
    >>> def build():
    ...     model = models.Sequential([layers.Dense(1)])
    ...     model.compile("sgd", "mse")
    ...     return model
    >>> regressor = KerasRegressor(build, epochs=2, verbose=0)
    >>> x, y = np.eye(4), np.arange(4.0)
    >>> regressor.fit(x, y).predict(x).shape
    (4,)
    """

    _estimator_type = "regressor"

    def fit(self, x, y, sample_weight=None, **kwargs):
        """Build the model and train it; see :meth:`KerasClassifier.fit`."""
        x = self._checked(x)
        y = _numbers(_aligned(x, y), "y")
        if not np.isfinite(y).all():
            raise ValueError("Input y contains NaN or infinity.")
        return self._fit(x, y, sample_weight, kwargs, {})

    def predict(self, x, **kwargs):
        """The outputs for each row, without an axis of size 1; ``kwargs`` go to the model's ``predict``."""
        outputs = self._outputs(x, kwargs)
        return outputs[:, 0] if outputs.ndim == 2 and outputs.shape[1] == 1 else outputs

    def score(self, x, y, sample_weight=None, **kwargs):
        """Minus the model's loss, so that more is better, as in Keras."""
        self._require_fitted()
        weights = {} if sample_weight is None else {"sample_weight": np.asarray(sample_weight)}
        loss = self.model_.evaluate(self._checked(x, fitted=True), _numbers(y, "y"),
                                    **self._arguments("evaluate", {**weights, **kwargs}))
        return -float(loss[0] if isinstance(loss, list) else loss)
