"""Kernels: arrays in, arrays out; they know no tensors and no ops.

Each family has, in one file, a NumPy reference that says what is computed and compiled code that says how, with one
signature (see :func:`tahr.kernels.jit.entry`). Numba compiles the code when it is first needed; from then on its
object code comes from the disk and Numba is not loaded. ``TAHR_NUMBA=0`` runs the references alone.
"""
