"""Makes optimizers.npz: steps of the optimizers of Keras 3 with their options, for tests that compare.

    python tests/golden/make_optimizers.py

Made with keras 3.15.1 on torch 2.13.0; the file holds the versions that it was made with. Everything is computed in
float64. Each case is a group ``<name>/...``: ``spec`` is JSON of the class, tahr's arguments, and the parts of names
excluded from weight decay; the rest are arrays.
"""

import json
import os
import pathlib

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch

keras.config.set_floatx("float64")
rng = np.random.default_rng(2025)
SCHEDULE = {"class_name": "ExponentialDecay", "config": {"initial_learning_rate": 0.1, "decay_steps": 5,
                                                         "decay_rate": 0.5}}
TINY = 1e-30        # Keras 3 has epsilon inside the root, Keras 2 and tahr outside: with one so small both are the same

# By name: the class, the arguments of both, those of tahr alone, and names excluded from weight decay.
CASES = {
    "adam_amsgrad": ("Adam", {"learning_rate": 0.05, "beta_2": 0.8, "amsgrad": True}),
    "adamax": ("Adamax", {"learning_rate": 0.05, "beta_2": 0.9}),
    "nadam": ("Nadam", {"learning_rate": 0.05}, {"schedule_decay": 1.0}),
    "adamw": ("AdamW", {"learning_rate": 0.05, "weight_decay": 0.3}),
    "adamw_excluded": ("AdamW", {"learning_rate": 0.05, "weight_decay": 0.3}, {}, ["bias"]),
    "lion": ("Lion", {"learning_rate": 0.05, "beta_1": 0.7}),
    "lamb": ("Lamb", {"learning_rate": 0.05}),
    "ftrl": ("Ftrl", {"learning_rate": 0.3}),
    "ftrl_options": ("Ftrl", {"learning_rate": 0.3, "learning_rate_power": -0.7, "initial_accumulator_value": 0.5,
                              "l1_regularization_strength": 0.5, "l2_regularization_strength": 0.2,
                              "l2_shrinkage_regularization_strength": 0.1, "beta": 0.3}),
    "rmsprop_momentum": ("RMSprop", {"learning_rate": 0.01, "momentum": 0.8, "epsilon": TINY}),
    "rmsprop_centered": ("RMSprop", {"learning_rate": 0.01, "centered": True}),
    "rmsprop_both": ("RMSprop", {"learning_rate": 0.01, "rho": 0.8, "momentum": 0.5, "centered": True,
                                 "epsilon": 1e-3}),
    "adagrad_start": ("Adagrad", {"learning_rate": 0.1, "initial_accumulator_value": 0.5, "epsilon": TINY}),
    "clipnorm": ("SGD", {"learning_rate": 0.1, "clipnorm": 2.0}),
    "global_clipnorm": ("SGD", {"learning_rate": 0.1, "global_clipnorm": 2.5}),
    "clipvalue": ("Adam", {"learning_rate": 0.1, "clipvalue": 0.5}),
    "weight_decay": ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.2}),
    "schedule": ("SGD", {"learning_rate": SCHEDULE, "momentum": 0.9}),
    "schedule_decay": ("Adam", {"learning_rate": SCHEDULE, "weight_decay": 0.2}),
    "ema": ("SGD", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.8}),
    "ema_overwrite": ("Adam", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.7,
                               "ema_overwrite_frequency": 3}),
    "accumulation": ("Adam", {"learning_rate": 0.1, "gradient_accumulation_steps": 3, "clipnorm": 1.0,
                              "weight_decay": 0.1}),
}


def case(cls, args, own=None, excluded=()):
    start = [np.round(rng.standard_normal(shape) * 64) / 64 for shape in ((3, 2), (4,))]
    gradients = [np.round(rng.standard_normal((20, *s.shape)) * 64) / 64 for s in start]
    variables = [keras.Variable(s, name=name) for s, name in zip(start, ("kernel", "bias"))]
    rate = args["learning_rate"]
    if isinstance(rate, dict):
        rate = keras.optimizers.schedules.deserialize(rate)
    optimizer = getattr(keras.optimizers, cls)(**{**args, "learning_rate": rate})
    if excluded:
        optimizer.exclude_from_weight_decay(var_names=excluded)
    for t in range(20):
        optimizer.apply([keras.ops.convert_to_tensor(g[t]) for g in gradients], variables)
    arrays = {"spec": np.array(json.dumps([cls, {**args, **(own or {})}, list(excluded)]))}
    for i, (s, g, v) in enumerate(zip(start, gradients, variables)):
        arrays |= {f"start{i}": s, f"gradients{i}": g, f"end{i}": keras.ops.convert_to_numpy(v).copy()}
    optimizer.finalize_variable_values(variables)
    return arrays | {f"final{i}": keras.ops.convert_to_numpy(v).copy() for i, v in enumerate(variables)}


def main():
    versions = f"keras {keras.__version__}, torch {torch.__version__}, numpy {np.__version__}"
    arrays = {f"{name}/{key}": value for name, spec in CASES.items() for key, value in case(*spec).items()}
    np.savez_compressed(pathlib.Path(__file__).parent / "optimizers.npz", versions=np.array(versions), **arrays)


if __name__ == "__main__":
    main()
