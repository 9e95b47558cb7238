"""Makes schedules.npz: the learning-rate schedules of Keras 3 and PyTorch at some steps.

    python tests/golden/make_schedules.py

Made with keras 3.15.1 on torch 2.13.0; the file holds the versions that it was made with. Keras computes them in
float32.
"""

import json
import os
import pathlib

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch

STEPS = np.arange(0, 60)
SCHEDULES = {
    "exponential": ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.8}),
    "exponential_stairs": ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.8,
                                                "staircase": True}),
    "inverse": ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 9, "decay_rate": 0.5}),
    "inverse_stairs": ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 9, "decay_rate": 0.5,
                                            "staircase": True}),
    "piecewise": ("PiecewiseConstantDecay", {"boundaries": [10, 25], "values": [1.0, 0.5, 0.1]}),
    "polynomial": ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 40, "power": 2.0}),
    "polynomial_cycle": ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 16, "end_learning_rate": 0.01,
                                             "cycle": True}),
    "cosine": ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 50, "alpha": 0.1}),
    "cosine_warmup": ("CosineDecay", {"initial_learning_rate": 0.01, "decay_steps": 30, "warmup_target": 0.1,
                                      "warmup_steps": 12}),
    "restarts": ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 8}),
    "restarts_lower": ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 16, "t_mul": 1.0,
                                               "m_mul": 0.5, "alpha": 0.2}),
}
TORCH = {
    "StepLR": {"step_size": 11, "gamma": 0.3},
    "OneCycleLR": {"max_lr": 0.5, "total_steps": 60, "pct_start": 0.4},
}


def of_torch(name, args):
    """The rates that PyTorch sets one after the other, from 0.1."""
    parameter = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    scheduler, rates = getattr(torch.optim.lr_scheduler, name)(optimizer, **args), []
    for _ in STEPS:
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(rates) < len(STEPS):
            scheduler.step()
    return np.array(rates)


def main():
    arrays = {"versions": np.array(f"keras {keras.__version__}, torch {torch.__version__}, numpy {np.__version__}"),
              "steps": STEPS}
    for name, (cls, args) in SCHEDULES.items():
        schedule = getattr(keras.optimizers.schedules, cls)(**args)
        arrays[f"{name}/spec"] = np.array(json.dumps([cls, args]))
        arrays[f"{name}/rates"] = np.array([float(schedule(int(step))) for step in STEPS])
    for cls, args in TORCH.items():
        own = args if cls == "OneCycleLR" else {"initial_learning_rate": 0.1, **args}
        arrays[f"{cls}/spec"], arrays[f"{cls}/rates"] = np.array(json.dumps([cls, own])), of_torch(cls, args)
    np.savez_compressed(pathlib.Path(__file__).parent / "schedules.npz", **arrays)


if __name__ == "__main__":
    main()
