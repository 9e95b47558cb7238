"""Networks for images whose architectures are well known, built layer for layer as Keras has them.

>>> from tahr.applications import MobileNetV2
>>> MobileNetV2(alpha=0.35, weights=None, classes=10).count_params()
423018

Weights trained elsewhere are read from files of Keras: a path, or ``weights="imagenet"`` for a file that lies where
Keras keeps it, ``~/.keras/models``. Nothing is downloaded.
"""

import importlib

MODULES = {     # which module has which networks
    "densenet": ("DenseNet121", "DenseNet169", "DenseNet201"),
    "imagenet_utils": (),
    "inception_resnet_v2": ("InceptionResNetV2",),
    "inception_v3": ("InceptionV3",),
    "mobilenet": ("MobileNet",),
    "mobilenet_v2": ("MobileNetV2",),
    "nasnet": ("NASNetLarge", "NASNetMobile"),
    "resnet": ("ResNet101", "ResNet152"),
    "resnet50": ("ResNet50",),
    "resnet_v2": ("ResNet101V2", "ResNet152V2", "ResNet50V2"),
    "vgg16": ("VGG16",),
    "vgg19": ("VGG19",),
    "xception": ("Xception",),
}
_HOMES = {name: module for module, names in MODULES.items() for name in names}
__all__ = sorted([*_HOMES, *MODULES])


def __getattr__(name):
    if name in MODULES:
        return importlib.import_module(f".{name}", __name__)
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; the networks are {', '.join(_HOMES)}")


def __dir__():
    return sorted({*globals(), *__all__})
