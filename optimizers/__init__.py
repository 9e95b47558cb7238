"""Optimizers: how gradients change weights."""

from .adam import Adam
from .base import Optimizer
from .rmsprop import RMSprop
from .sgd import SGD

__all__ = ["Adam", "Optimizer", "RMSprop", "SGD", "get"]

get = Optimizer.get
