"""Copies of models with new weights."""

from ..autograd import Spec
from ..layers import Input
from ..layers.base import Layer
from ..utils.custom import custom_object_scope
from .model import Model
from .sequential import Sequential


def clone_model(model, input_tensors=None):
    """A model with the same layers, made anew: their weights begin afresh, nothing is shared.

    Arguments:
        model: a Sequential or a graph of layers.
        input_tensors: what the copy shall take as its inputs: symbols, or tensors to compute on; one or a list.
            Default: inputs of its own.

    Raises:
        ValueError: for a subclassed model, whose layers only its class knows how to make, and for another number of
            ``input_tensors``.

    >>> import tahr
    >>> model = tahr.Sequential([tahr.layers.Dense(2, input_shape=(3,))])
    >>> copy = clone_model(model)
    >>> copy.layers[0] is model.layers[0], copy.output_shape
    (False, (None, 2))
    """
    if not isinstance(model, Model):
        raise ValueError(f"clone_model takes a model, got {type(model).__name__} {model!r}")
    sequential = isinstance(model, Sequential)
    if model.graph is None and not sequential:
        raise ValueError(f"clone_model cannot copy the subclassed model {model.name!r}: make it anew with "
                         f"{type(model).__name__}(...)")
    with custom_object_scope({type(layer).__name__: type(layer) for layer in model.all_layers()}):
        if input_tensors is None:
            return type(model).from_config(model.get_config())
        symbols = _as_symbols(input_tensors, model)
        if sequential:
            return Sequential([symbols[0], *(Layer.get(one) for one in model.get_config()["layers"])], model.name)
        copy = type(model).from_config(model.get_config())
        return type(model)(symbols if len(symbols) > 1 else symbols[0], copy.graph.run(symbols)[0], name=model.name)


def _as_symbols(tensors, model):
    """One symbol for each input of the model."""
    tensors = list(tensors) if isinstance(tensors, list | tuple) else [tensors]
    wanted = len(model.inputs) if model.graph is not None else 1
    if len(tensors) != wanted:
        raise ValueError(f"the model {model.name!r} has {wanted} input(s), got {len(tensors)} input_tensors")
    return [x if isinstance(x, Spec) else Input(tensor=x) for x in tensors]
