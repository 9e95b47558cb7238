"""A model trained twice: op by op, and by steps that are recorded."""

import contextlib

import numpy as np
import pytest

import tahr
from tahr import layers, ops
from tahr.compiler import captured
from tahr.compiler.captured import native_of
from tahr.utils.names import reset_uids
from tahr.utils.rng import default_generator


class Scale(layers.Layer):
    """``x`` times a weight: something to train in front of a layer that has none, for inputs of any shape."""

    def build(self, input_shape):
        self.scale = self.add_weight("scale", (), initializer="ones")

    def call(self, x):
        return x * self.scale


class Rows(layers.Layer):
    """The elements of each sample in a row, whatever the mask."""

    supports_masking = True

    def call(self, x):
        return ops.reshape(x, (x.shape[0], -1))

    def compute_mask(self, x, mask=None):
        return None


@contextlib.contextmanager
def replaying():
    """Within it no step is compiled: lists of calls, which give the very bits of the ops."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(captured, "native_of", lambda program: None)
        yield


def made(make, eagerly, seed=0):
    """A compiled model, the same for the same seed; ``make`` returns it and the arguments of ``compile``."""
    reset_uids()
    tahr.utils.set_random_seed(seed)
    model, arguments = make()
    model.compile(**arguments, run_eagerly=eagerly)
    return model


def state(model):
    """All that steps may change, as arrays; the place of the random numbers too."""
    variables = [*model.weights, *model.optimizer.variables, *[v for m in model.metrics for v in m.variables]]
    for layer in model.all_layers():
        variables += [s for s in getattr(layer, "states", None) or () if s is not None]
    return [*[v.data.copy() for v in variables], np.array(default_generator().get_state()["position"])]


def programs(model, name="train_step"):
    """The programs of a step that are in use: there must be one, and nothing may have been in the way."""
    found = model._captured[name]
    assert found.reason is None, found.reason
    assert found.programs(), found.explain()
    return found.programs()


def same(found, expected, close=None):
    """Equal bits, or numbers that are close."""
    for f, e in zip(found, expected, strict=True):
        if close is None:
            np.testing.assert_array_equal(f, e)
        else:
            np.testing.assert_allclose(f, e, rtol=close, atol=close * 0.1)


def alike(make, train, close=1e-3):
    """Train one model op by op and one by recorded steps, and a third by compiled ones if they can be compiled.

    The second must come to the same bits, the third to numbers that are close: it takes some sums in another order.

    Arguments:
        make: see :func:`made`.
        train: takes a model, returns a list of numbers.
    """
    plain = made(make, True)
    expected, after = train(plain), state(plain)
    with replaying():
        model = made(make, False)
        same(train(model), expected)
        same(state(model), after)
    if any(native_of(p) is not None for p in programs(model)):
        fast = made(make, False)
        same(train(fast), expected, close)
        same(state(fast), after, close)
        programs(fast)
    return model


def on_batches(batches):
    """A way to train: a step on each batch."""
    return lambda model: [model.train_on_batch(*batch) for batch in batches]


def between(layer, shape, dtype="float32", scaled=True, **compiled):
    """``make`` of a model: something to train, the layer, and two numbers for each sample."""
    def make():
        inputs = [layers.Input(batch_shape=s, dtype=dtype) for s in (shape if isinstance(shape, list) else [shape])]
        before = [Scale()(x) if dtype == "float32" and scaled else x for x in inputs]
        x = layer()(before if isinstance(shape, list) else before[0])
        if x.dtype.kind != "f":
            x = layers.Lambda(lambda t: ops.astype(t, "float32"))(x)
        return tahr.Model(inputs, layers.Dense(2)(Rows()(x))), {"optimizer": "sgd", "loss": "mse", **compiled}
    return make
