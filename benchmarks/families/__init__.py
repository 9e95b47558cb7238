"""The cases, a file for each group of kernels; shapes are those of common models."""
