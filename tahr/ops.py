"""Every op and tensor function, by its NumPy name where NumPy has it.

>>> from tahr import ops
>>> ops.tanh([0.0])
Tensor([0.])
"""

from .tensor import PUBLIC

globals().update(PUBLIC)
__all__ = sorted(PUBLIC)
