"""Layers: the parts that models are made of.

Every layer is here under its name and under the names that older versions gave it.
"""

from typing import TYPE_CHECKING

from . import (
    advanced_activations,
    attention,
    bidirectional,
    cells,
    conv_recurrent,
    convolutional,
    core,
    einsum_dense,
    embeddings,
    feature_preprocessing,
    image_preprocessing,
    legacy,
    lookup,
    noise,
    normalization,
    pooling,
    recurrent,
    reshaping,
    wrappers,
)
from . import merge as merging
from .base import InputSpec, Layer
from .core import Input
from .merge import add, average, concatenate, dot, maximum, merge, minimum, multiply, subtract
from .serialization import deserialize, serialize

__all__ = ["Input", "InputSpec", "Layer", "add", "average", "concatenate", "deserialize", "dot", "maximum", "merge",
           "minimum", "multiply", "serialize", "subtract"]
for _module in (core, convolutional, pooling, reshaping, embeddings, normalization, advanced_activations, attention,
                einsum_dense, feature_preprocessing, image_preprocessing, legacy, lookup, merging, noise, wrappers,
                cells, recurrent, bidirectional, conv_recurrent):
    for _name, _value in list(vars(_module).items()):
        if isinstance(_value, type) and issubclass(_value, Layer) and not _name.startswith("_") and \
                _value.__module__ == _module.__name__:
            globals()[_name] = _value
            for _alias in vars(_value).get("aliases", ()):
                globals()[_alias] = _value
                __all__.append(_alias)
            __all__.append(_name)
del _module, _name, _value, _alias

if TYPE_CHECKING:
    def __getattr__(name: str) -> type[Layer]: ...
