"""The whole state of an optimizer by the variables that it belongs to, for a training that goes on later."""

from ..utils.errors import ModelFileError


class Resuming:
    """The part of an optimizer that is written down and taken back."""

    def get_state(self, variables):
        """The state as a dict: the learning rate (None for a schedule), arrays, and which variables they belong to.

        Arguments:
            variables: a list with all variables that the optimizer updates, in an order that another run will have.

        >>> import tahr
        >>> w, optimizer = tahr.Variable([1.0, 2.0]), tahr.optimizers.SGD(0.5)
        >>> optimizer.apply([[1.0, 1.0]], [w])
        >>> state = optimizer.get_state([w])
        >>> state["learning_rate"], state["laid_out"], state["arrays"]
        (0.5, [0], [array(1)])
        """
        places = {id(v): i for i, v in enumerate(variables)}
        parked = [v for v, _ in self._parked]
        if any(id(v) not in places for v in (*self._order, *parked)):
            raise ValueError(f"{self.name} updates a variable that is not among the {len(variables)} given")
        return {"class_name": type(self).__name__, "arrays": self.get_weights(),
                "learning_rate": None if self.schedule is not None else float(self.learning_rate),
                "laid_out": [places[id(v)] for v in self._order], "parked": [places[id(v)] for v in parked]}

    def check_state(self, state, variables):
        """Raise a ModelFileError unless :meth:`set_state` can take this."""
        places = [*state["laid_out"], *state["parked"]]
        if state["class_name"] != type(self).__name__ or (state["learning_rate"] is None) != (
                self.schedule is not None):
            raise ModelFileError(f"it is the state of another optimizer: {str(state['class_name'])[:80]}, this model "
                                 f"is trained by {type(self).__name__}, or one of them has a schedule")
        if any(type(i) is not int or not 0 <= i < len(variables) for i in places) or len(set(places)) != len(places):
            raise ModelFileError(f"the state of the optimizer is that of other variables than these {len(variables)}")

    def set_state(self, state, variables):
        """Take back what :meth:`get_state` of an equal optimizer gave, for variables in the same order.

        Raises:
            ValueError: where it is the state of another optimizer or of other variables.
        """
        self.check_state(state, variables)
        laid_out = [variables[i] for i in state["laid_out"]]
        self.build([*laid_out, *(variables[i] for i in state["parked"])])
        if state["parked"]:
            self.build(laid_out)
        self.set_weights(state["arrays"])
        if self.schedule is None:
            self.learning_rate = state["learning_rate"]
