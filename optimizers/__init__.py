"""Optimizers: how gradients change weights."""

from ..utils.configurable import serialize
from . import schedules as schedules
from .adagrad import Adadelta, Adagrad
from .adam import Adam, Adamax, AdamW, Lamb, Nadam
from .base import Optimizer, deserialize
from .ftrl import Ftrl
from .lion import Lion
from .rmsprop import RMSprop
from .sgd import SGD

__all__ = ["Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lamb", "Lion", "Nadam", "Optimizer", "RMSprop",
           "SGD", "deserialize", "get", "serialize"]

get = Optimizer.get
