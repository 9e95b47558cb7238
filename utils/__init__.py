"""What every part of tahr stands on; imports nothing of ours."""

from .rng import set_random_seed

__all__ = ["set_random_seed"]
