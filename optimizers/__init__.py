"""Optimizers: how gradients change weights."""

from .adagrad import Adadelta, Adagrad
from .adam import Adam
from .base import Optimizer
from .rmsprop import RMSprop
from .sgd import SGD

__all__ = ["Adadelta", "Adagrad", "Adam", "Optimizer", "RMSprop", "SGD", "get"]

get = Optimizer.get
