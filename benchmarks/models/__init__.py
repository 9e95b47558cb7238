"""Speed of whole models, against PyTorch, JAX and Keras: ``python -m benchmarks models``."""
