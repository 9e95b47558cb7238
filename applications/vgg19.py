"""VGG19: VGG16 with three more convolutions."""

from .building import application
from .imagenet_utils import preparation
from .vgg16 import blocks, head

preprocess_input, decode_predictions = preparation("caffe")


@application("vgg19", head)
def VGG19(x):
    """VGG19: sixteen convolutions and three dense layers.

    Paper: K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015.
    """
    return blocks(x, (2, 2, 4, 4, 4))
