"""From what was recorded at the gate to what runs without it: plan, passes, code."""

from .captured import Captured, CaptureWarning, jit

__all__ = ["CaptureWarning", "Captured", "jit"]
