"""Speed of the kernels, against NumPy and PyTorch: ``python -m benchmarks`` from the root of the repository."""
