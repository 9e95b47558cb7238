"""Running means of the weights."""

from ..tensor.logic import where
from ..tensor.state import assign


class Averaging:
    """The part of an optimizer that keeps a running mean of each parameter, in the slot ``average``."""

    def _average(self):
        """Take in the parameters as they are after an update; the first one is the mean itself."""
        momentum = self.ema_momentum * (self.iterations > 1).astype("float64")
        every = self.ema_overwrite_frequency
        for group in self.groups:
            kept, mean = momentum.astype(group.parameters.dtype), group.extras["average"]
            assign(mean, kept * mean + (1 - kept) * group.parameters)
            if every:
                assign(group.parameters, where(self.iterations % every == 0, mean, group.parameters))
                group.written(f"{self.name}.apply")

    def _means(self):
        """For each parameter that was ever updated, by its id, its mean as an array."""
        return {id(v): slots["average"] for v, slots in self._slot_views()}

    def swap_ema(self, variables):
        """Exchange the values of variables with their means; the second time it does the reverse.

        Variables that were never updated stay as they are.

        Raises:
            ValueError: without ``use_ema=True``.

        >>> import tahr
        >>> w = tahr.Variable([0.0])
        >>> optimizer = tahr.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
        >>> for _ in range(2):
        ...     optimizer.apply([tahr.Tensor([-1.0])], [w])
        >>> optimizer.swap_ema([w])
        >>> w
        Variable([1.5], requires_grad=True)
        """
        if not self.use_ema:
            raise ValueError("swap_ema needs the means of the weights: make the optimizer with use_ema=True")
        means = self._means()
        for v in variables:
            if id(v) in means:
                value = v.data.copy()
                v.assign(means[id(v)])
                means[id(v)][...] = value

    def finalize_variable_values(self, variables):
        """Give variables their means, as Keras 3 does at the end of ``fit``; nothing without ``use_ema=True``.

        >>> import tahr
        >>> w = tahr.Variable([0.0])
        >>> optimizer = tahr.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
        >>> for _ in range(2):
        ...     optimizer.apply([tahr.Tensor([-1.0])], [w])
        >>> optimizer.finalize_variable_values([w])
        >>> w
        Variable([1.5], requires_grad=True)
        """
        if self.use_ema:
            means = self._means()
            for v in variables:
                if id(v) in means:
                    v.assign(means[id(v)])
