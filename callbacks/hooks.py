"""Small callbacks: functions at some moments, recurrent states, averaged weights."""

from .base import Callback


class LambdaCallback(Callback):
    """Functions as the methods of a callback.

    Arguments:
        on_epoch_begin, on_epoch_end: functions of ``(epoch, logs)``.
        on_batch_begin, on_batch_end: functions of ``(batch, logs)``; also as ``on_train_batch_begin`` and
            ``on_train_batch_end``, and as ``on_test_batch_...`` and ``on_predict_batch_...``.
        on_train_begin, on_train_end, on_test_begin, on_test_end, on_predict_begin, on_predict_end: functions of
            ``(logs)``.

    Raises:
        TypeError: for what is no function.

    >>> LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"])).on_epoch_end(3, {"loss": 0.5})
    3 0.5
    """

    def __init__(self, on_epoch_begin=None, on_epoch_end=None, on_batch_begin=None, on_batch_end=None,
                 on_train_begin=None, on_train_end=None, on_train_batch_begin=None, on_train_batch_end=None,
                 on_test_begin=None, on_test_end=None, on_test_batch_begin=None, on_test_batch_end=None,
                 on_predict_begin=None, on_predict_end=None, on_predict_batch_begin=None, on_predict_batch_end=None):
        for name, function in list(locals().items()):
            if name.startswith("on_") and function is not None:
                if not callable(function):
                    raise TypeError(f"{name} must be a function, got {type(function).__name__} {function!r}")
                vars(self)[name] = function


class ResetStates(Callback):
    """Sets the states of stateful recurrent layers to 0 between sequences that do not belong together.

    Arguments:
        epochs: whether before each epoch, default True.
        tests: whether before and after each evaluation, so that training and validation do not see each other's
            states; default True.

    >>> ResetStates(tests=False).epochs
    True
    """

    def __init__(self, epochs=True, tests=True):
        self.epochs, self.tests = epochs, tests

    def on_epoch_begin(self, epoch, logs=None):
        if self.epochs:
            self.model.reset_states()

    def on_test_begin(self, logs=None):
        if self.tests:
            self.model.reset_states()

    on_test_end = on_test_begin


class SwapEMAWeights(Callback):
    """Lets evaluations and predictions see the running means of the weights that the optimizer keeps.

    The optimizer must have been made with ``use_ema=True``; its ``swap_ema(variables)`` exchanges the variables' values
    with their means, and does the reverse the second time.

    Arguments:
        swap_on_epoch: whether the means are also in place at the end of each epoch, for callbacks that save the model;
            default False. The callbacks that shall see them come after this one.

    Raises:
        ValueError: in training, if the optimizer keeps no means.

    Source: Polyak and Juditsky, Acceleration of stochastic approximation by averaging, SIAM J. Control Optim. 30, 1992.

    >>> SwapEMAWeights(swap_on_epoch=True).swap_on_epoch
    True
    """

    kept = ("swapped",)

    def __init__(self, swap_on_epoch=False):
        self.swap_on_epoch, self.swapped = swap_on_epoch, False

    def _swap(self, wanted):
        optimizer = getattr(self.model, "optimizer", None)
        if not getattr(optimizer, "use_ema", False):
            raise ValueError("SwapEMAWeights needs an optimizer that keeps means of the weights: make it with "
                             "use_ema=True")
        if wanted != self.swapped:
            optimizer.swap_ema(self.model.trainable_weights)
            self.swapped = wanted

    def on_epoch_begin(self, epoch, logs=None):
        self._swap(False)

    def on_epoch_end(self, epoch, logs=None):
        self._swap(self.swap_on_epoch)

    def on_train_end(self, logs=None):
        self._swap(False)

    def on_test_begin(self, logs=None):
        self._swap(True)

    def on_test_end(self, logs=None):
        self._swap(False)

    on_predict_begin, on_predict_end = on_test_begin, on_test_end
