"""Checks of layers that people write, and data to try models on: Keras's ``utils.test_utils``."""

import functools
import inspect

import numpy as np

from ..layers import Input
from ..utils import settings
from ..utils.names import reset_uids
from .model import Model

__all__ = ["get_test_data", "keras_test", "layer_test"]


def get_test_data(num_train=1000, num_test=500, input_shape=(10,), output_shape=(2,), classification=True,
                  num_classes=2):
    """Random samples that a model can learn from: each is normal noise (deviation 0.7) around what is to be found.

    Arguments:
        num_train, num_test: how many samples of each.
        input_shape: of a sample, default ``(10,)``.
        output_shape: of a target, default ``(2,)``; of no effect with ``classification``.
        classification: targets are integers from 0 to ``num_classes - 1`` (default), else float32 arrays, noise
            around a number between 0 and 1 that the inputs are noise around as well.
        num_classes: default 2.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``.

    >>> (x, y), (x_test, y_test) = get_test_data(8, 4, input_shape=(3,), num_classes=5)
    >>> x.shape, x.dtype.name, y.shape, x_test.shape
    ((8, 3), 'float32', (8,), (4, 3))
    """
    n = num_train + num_test
    centres = np.random.randint(0, num_classes, n) if classification else np.random.random(n)
    around = lambda shape: np.random.normal(centres.reshape((n,) + (1,) * len(shape)), 0.7, (n, *shape))
    x = around(tuple(input_shape)).astype(np.float32)
    y = centres if classification else around(tuple(output_shape)).astype(np.float32)
    return (x[:num_train], y[:num_train]), (x[num_train:], y[num_train:])


def layer_test(layer_cls, kwargs=None, input_shape=None, input_dtype=None, input_data=None, expected_output=None,
               expected_output_dtype=None, fixed_batch_size=False):
    """Check that a layer with one input and one output keeps what every layer promises.

    Its symbolic shape and dtype are those of its output; its config and its weights make an equal layer, alone and
    within a model; if it does something else in training, a training step runs.

    Arguments:
        layer_cls, kwargs: the class and the constructor's arguments.
        input_shape: with the batch axis; None in it for a random size. Default: that of ``input_data``.
        input_dtype: default floatx.
        input_data: default: random numbers from 0 to 10.
        expected_output: an array that the output must be near (1e-3), if given.
        expected_output_dtype: default: that of the input.
        fixed_batch_size: give the layer the size of the batch, which is otherwise left open.

    Returns:
        The output, an array.

    Raises:
        AssertionError: names what does not hold.

    >>> import tahr
    >>> layer_test(tahr.layers.Dense, {"units": 3}, input_shape=(2, 4)).shape
    (2, 3)
    """
    if input_data is None:
        if input_shape is None:
            raise ValueError("layer_test needs input_shape or input_data")
        shape = [np.random.randint(1, 4) if n is None else n for n in input_shape]
        input_data = (10 * np.random.random(shape)).astype(input_dtype or settings.floatx())
    input_shape = tuple(input_data.shape if input_shape is None else input_shape)
    input_dtype = np.dtype(input_dtype or input_data.dtype).name
    layer = layer_cls(**(kwargs or {}))
    layer.set_weights(layer.get_weights())
    expected_shape = layer.compute_output_shape(input_shape)
    ends = {"batch_shape": input_shape} if fixed_batch_size else {"shape": input_shape[1:]}
    x = Input(dtype=input_dtype, **ends)
    y = layer(x)
    _check_dtype(layer, y, expected_output_dtype or input_dtype)
    model = Model(x, y)
    out = model.predict(input_data)
    if len(out.shape) != len(expected_shape) or any(n not in (None, m) for n, m in zip(expected_shape, out.shape)):
        raise AssertionError(f"{layer!r}: compute_output_shape({input_shape}) says {tuple(expected_shape)}, the output "
                             f"has shape {out.shape}")
    if expected_output is not None:
        np.testing.assert_allclose(out, expected_output, rtol=1e-3, err_msg=f"output of {layer!r}")
    _check_config(layer, model, input_data, out)
    if "training" in inspect.signature(layer.call).parameters:
        model.compile("rmsprop", "mse")
        model.train_on_batch(input_data, out)
    return out


def _check_dtype(layer, y, expected):
    if np.dtype(y.dtype) != np.dtype(expected):
        raise AssertionError(f"{layer!r}: the output's dtype is {np.dtype(y.dtype).name}, expected "
                             f"{np.dtype(expected).name}")


def _check_config(layer, model, x, out):
    """The layer and the model can be made again from their configs; with the same weights they compute the same."""
    again = type(model).from_config(model.get_config())
    if model.weights:
        again.set_weights(model.get_weights())
        np.testing.assert_allclose(again.predict(x), out, rtol=1e-3,
                                   err_msg=f"{layer!r}: made from its config, with the same weights")
    type(layer).from_config({**layer.get_config(), "batch_input_shape": tuple(x.shape)})


def keras_test(function):
    """Mark a test function for Keras's own suite: afterwards the state that layers share (names) starts anew.

    >>> @keras_test
    ... def test_name():
    ...     import tahr
    ...     return tahr.layers.Dense(1).name
    >>> first = test_name()
    >>> test_name()
    'dense_1'
    """
    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        finally:
            reset_uids()
    return wrapped
