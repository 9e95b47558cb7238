"""Layers: the parts that models are made of."""

from .base import InputSpec, Layer
from .convolutional import Conv2D
from .core import Activation, Dense, Dropout, Flatten, Input, InputLayer, OpLayer, Reshape
from .embeddings import Embedding
from .normalization import BatchNormalization
from .pooling import AveragePooling2D, AvgPool2D, MaxPool2D, MaxPooling2D

__all__ = ["Activation", "AveragePooling2D", "AvgPool2D", "BatchNormalization", "Conv2D", "Dense", "Dropout",
           "Embedding", "Flatten", "Input", "InputLayer", "InputSpec", "Layer", "MaxPool2D", "MaxPooling2D",
           "OpLayer", "Reshape"]
