"""Makes keras3.npz: what Keras 3 computes, for tests that compare.

    python tests/golden/make_keras3.py

Made with keras 3.15.1 on torch 2.13.0; the file holds the versions that it was made with. Everything is computed in
float64. Each case is a group ``<kind>/<name>/...``: ``spec`` is JSON that says what was called, the rest are arrays.
"""

import json
import os
import pathlib

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch

keras.config.set_floatx("float64")
rng = np.random.default_rng(2024)
IMAGE = (2, 7, 6, 4)

LAYERS = {
    "dense": ("Dense", {"units": 4}, (3, 5)),
    "dense_sequence": ("Dense", {"units": 2, "activation": "tanh", "use_bias": False}, (2, 3, 5)),
    "conv_valid": ("Conv2D", {"filters": 3, "kernel_size": [2, 3]}, IMAGE),
    "conv_same": ("Conv2D", {"filters": 3, "kernel_size": 3, "padding": "same"}, IMAGE),
    "conv_even_same": ("Conv2D", {"filters": 2, "kernel_size": [2, 4], "padding": "same"}, IMAGE),
    "conv_strides": ("Conv2D", {"filters": 3, "kernel_size": 3, "strides": 2}, IMAGE),
    "conv_strides_same": ("Conv2D", {"filters": 3, "kernel_size": 3, "strides": [2, 3], "padding": "same"}, IMAGE),
    "conv_dilation": ("Conv2D", {"filters": 3, "kernel_size": 2, "dilation_rate": [3, 2]}, IMAGE),
    "conv_dilation_same": ("Conv2D", {"filters": 3, "kernel_size": 3, "dilation_rate": 2, "padding": "same"}, IMAGE),
    "conv_groups": ("Conv2D", {"filters": 6, "kernel_size": 3, "groups": 2, "activation": "relu"}, IMAGE),
    "conv_first": ("Conv2D", {"filters": 3, "kernel_size": 3, "data_format": "channels_first"}, (2, 4, 7, 6)),
    "max_pool": ("MaxPooling2D", {"pool_size": 2}, IMAGE),
    "max_pool_same": ("MaxPooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}, IMAGE),
    "average_pool": ("AveragePooling2D", {"pool_size": [3, 2], "strides": 1}, IMAGE),
    # With padding that is the same on both sides: else Keras on torch repeats the edge, where Keras on TensorFlow, as
    # tahr, takes the mean over the elements inside.
    "average_pool_same": ("AveragePooling2D", {"pool_size": 3, "strides": [2, 1], "padding": "same"}, IMAGE),
    "batch_normalization": ("BatchNormalization", {"momentum": 0.8}, (5, 3)),
    "batch_normalization_axis": ("BatchNormalization", {"axis": 1, "scale": False, "epsilon": 1e-2}, (4, 3, 2, 2)),
    "embedding": ("Embedding", {"input_dim": 7, "output_dim": 3}, (4, 5)),
    "reshape": ("Reshape", {"target_shape": [4, -1]}, (3, 2, 6)),
    "flatten": ("Flatten", {}, (3, 2, 6)),
}
LOSSES = {
    "mse": ("MeanSquaredError", {}, "reals"),
    "mae": ("MeanAbsoluteError", {"reduction": "sum"}, "reals"),
    "bce": ("BinaryCrossentropy", {}, "many"),
    "bce_logits": ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "many"),
    "bce_certain": ("BinaryCrossentropy", {}, "certain"),
    "cce": ("CategoricalCrossentropy", {"label_smoothing": 0.2}, "one"),
    "cce_logits": ("CategoricalCrossentropy", {"from_logits": True}, "one"),
    "cce_unnormalized": ("CategoricalCrossentropy", {}, "certain"),
    "scce": ("SparseCategoricalCrossentropy", {}, "label"),
    "scce_logits": ("SparseCategoricalCrossentropy", {"from_logits": True, "reduction": None}, "label"),
}
OPTIMIZERS = {
    "sgd": ("SGD", {"learning_rate": 0.1}),
    "sgd_momentum": ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    "sgd_nesterov": ("SGD", {"learning_rate": 0.1, "momentum": 0.8, "nesterov": True}),
    "adam": ("Adam", {"learning_rate": 0.05}),
    "adam_betas": ("Adam", {"learning_rate": 0.02, "beta_1": 0.7, "beta_2": 0.95, "epsilon": 1e-3}),
    # Keras 3 has epsilon inside the root, Keras 2 and tahr outside: with one so small both are the same.
    "rmsprop": ("RMSprop", {"learning_rate": 0.01, "rho": 0.8, "epsilon": 1e-30}),
    "adadelta": ("Adadelta", {"learning_rate": 1.0, "rho": 0.9, "epsilon": 1e-3}),
    "adagrad": ("Adagrad", {"learning_rate": 0.1, "epsilon": 1e-30}),
}
KERAS3_ONLY = {"Adagrad": {"initial_accumulator_value": 0.0}}       # what Keras 2 and tahr do not have


def normal(*shape):
    """Multiples of 1/64, which the file keeps in little space."""
    return np.round(rng.standard_normal(shape) * 64) / 64


def layer_case(name, args, shape):
    integers = args["input_dim"] if name == "Embedding" else None
    x = rng.integers(0, integers, shape) if integers else normal(*shape)
    layer = getattr(keras.layers, name)(**args)
    layer.build(shape)
    layer.set_weights([1 + 0.25 * np.abs(normal(*w.shape)) for w in layer.get_weights()])
    case = {"x": x, **{f"weight{i}": w for i, w in enumerate(layer.get_weights())}}
    if name == "BatchNormalization":
        case["batches"] = normal(3, *shape) * 2 + 1
        case["trained"] = np.stack([array(layer(b, training=True)) for b in case["batches"]])
        case |= {f"after{i}": w for i, w in enumerate(layer.get_weights())}
    return {**case, "y": array(layer(x, training=False))}


def loss_case(name, args, kind):
    n, k = 6, 4
    logits = normal(n, k) * 3
    softmax = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    targets = {"reals": normal(n, k), "many": rng.integers(0, 2, (n, k)).astype(float),
               "one": np.eye(k)[rng.integers(0, k, n)], "label": rng.integers(0, k, n),
               "certain": np.eye(k)[rng.integers(0, k, n)]}[kind]
    if kind == "reals" or args.get("from_logits"):
        outputs = logits
    elif kind == "many":
        outputs = 1 / (1 + np.exp(-logits))
    else:       # certain: zeros and ones, the rows of no fixed sum
        outputs = (logits > -2).astype(float) + (np.arange(k) == 0) * 1e-3 if kind == "certain" else softmax
    if name == "BinaryCrossentropy":
        outputs = np.minimum(outputs, 1.0) if kind == "certain" else outputs
    weights = np.abs(normal(n))
    loss = getattr(keras.losses, name)(**args)
    return {"y_true": targets, "y_pred": outputs, "weights": weights, "value": array(loss(targets, outputs)),
            "weighted": array(loss(targets, outputs, sample_weight=weights))}


def optimizer_case(name, args):
    start = [normal(3, 2), normal(4)]
    gradients = [normal(20, *s.shape) for s in start]
    variables = [keras.Variable(s) for s in start]
    optimizer = getattr(keras.optimizers, name)(**args, **KERAS3_ONLY.get(name, {}))
    for t in range(20):
        optimizer.apply([keras.ops.convert_to_tensor(g[t]) for g in gradients], variables)
    parts = zip(start, gradients, variables)
    return {f"{key}{i}": a for i, (s, g, v) in enumerate(parts)
            for key, a in (("start", s), ("gradients", g), ("end", array(v)))}


def array(x):
    return keras.ops.convert_to_numpy(x)


def main():
    arrays = {"versions": np.array(f"keras {keras.__version__}, torch {torch.__version__}, numpy {np.__version__}")}
    for kind, table, make in (("layers", LAYERS, layer_case), ("losses", LOSSES, loss_case),
                              ("optimizers", OPTIMIZERS, optimizer_case)):
        for name, case in table.items():
            arrays[f"{kind}/{name}/spec"] = np.array(json.dumps(case[:2]))
            arrays |= {f"{kind}/{name}/{key}": value for key, value in make(*case).items()}
    np.savez_compressed(pathlib.Path(__file__).parent / "keras3.npz", **arrays)


if __name__ == "__main__":
    main()
