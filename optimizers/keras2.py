"""What optimizers could do in Keras 2: gradients and updates of a loss, and their state as a list of arrays."""

import numpy as np

from ..autograd import gradients
from ..tensor import Symbol
from .clip import clipped


class Keras2:
    """The part of an optimizer that programs for Keras 2 know."""

    def get_gradients(self, loss, params):
        """The gradients of a loss, within the optimizer's limits.

        Arguments:
            loss: a tensor computed from the parameters.
            params: a list of variables.

        Raises:
            ValueError: for a parameter that the loss does not depend on. TypeError: for a symbol.

        >>> import tahr
        >>> w = tahr.Variable([1.0, 2.0])
        >>> tahr.optimizers.SGD(clipvalue=3.0).get_gradients((w * w).sum(), [w])
        [Tensor([2., 3.])]
        """
        params = list(params)
        if isinstance(loss, Symbol):
            raise TypeError("the loss must be a tensor computed from the parameters, got a symbol, which has no values "
                            "yet: compute the loss anew for each update, or train with fit")
        found = gradients(loss, params, allow_unused=True)
        for gradient, v in zip(found, params):
            if gradient is None:
                raise ValueError(f"An operation has `None` for gradient: the loss does not depend on "
                                 f"{v.name or 'a parameter'} by operations that have a gradient (argmax, round and "
                                 "detach have none); leave it out of params")
        return clipped(found, self.clipnorm, self.global_clipnorm, self.clipvalue)

    def get_updates(self, loss, params):
        """Update the parameters once, now, by the gradients of a loss.

        Arguments:
            loss: a tensor computed from the parameters.
            params: a list of variables.

        Returns:
            What was written: the counter of updates and the parameters, a list that ``K.function`` takes as updates
            that are done.

        Raises:
            As :meth:`get_gradients`.

        >>> import tahr
        >>> w = tahr.Variable([1.0, 2.0])
        >>> _ = tahr.optimizers.SGD(0.25).get_updates((w * w).sum(), [w])
        >>> w.numpy()
        array([0.5, 1. ], dtype=float32)
        """
        params = list(params)
        self.apply(self.get_gradients(loss, params), params)
        return [self.iterations, *params]

    def _weights(self):
        """All state but the learning rate, as arrays to read and write."""
        views = self._slot_views()
        names = views[0][1] if views else ()
        return [*(x.data for x in (self.iterations, *self.scalars())),
                *(slots[name] for name in names for _, slots in views)]

    def get_weights(self):
        """The state as a list of arrays (copies), all but the learning rate.

        In this order: ``iterations``; the optimizer's single numbers, if it has any; then slot by slot, in the order of
        ``slots``, one array for each variable, in the variables' order and shapes; then so the running means
        (``use_ema``) and the gradients gathered so far (``gradient_accumulation_steps``).

        >>> import tahr
        >>> optimizer = tahr.optimizers.Adam()
        >>> optimizer.build([tahr.Variable([1.0, 2.0]), tahr.Variable(3.0)])
        >>> [w.shape for w in optimizer.get_weights()]
        [(), (2,), (), (2,), ()]
        """
        return [w.copy() for w in self._weights()]

    def set_weights(self, weights):
        """Take back what :meth:`get_weights` of an equal optimizer gave.

        Raises:
            ValueError: for another number of arrays, and for an array of another shape; then nothing is changed.

        >>> import tahr
        >>> optimizer = tahr.optimizers.SGD()
        >>> optimizer.set_weights([7])
        >>> optimizer.iterations
        Variable(7)
        """
        own, weights = self._weights(), [np.asarray(w) for w in weights]
        if len(own) != len(weights):
            hint = "" if self.groups else "; build(variables) comes first, for the slots"
            raise ValueError(f"{self.name} has {len(own)} array(s) of state, got {len(weights)}{hint}")
        for i, (mine, given) in enumerate(zip(own, weights)):
            if mine.shape != given.shape:
                raise ValueError(f"array {i} of the state of {self.name} must have shape {mine.shape}, got "
                                 f"{given.shape}")
        for mine, given in zip(own, weights):
            mine[...] = given
