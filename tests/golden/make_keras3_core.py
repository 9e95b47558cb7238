"""Makes keras3_core.npz: what Keras 3's core, attention, normalization and preprocessing layers compute.

    python tests/golden/make_keras3_core.py

Made with keras 3.15.1 on torch 2.13.0. Each case is a group ``<name>/...``: ``spec`` is JSON that says what was called
(class, arguments, keywords of the call), ``x<i>`` are the inputs (``list`` says whether they came in one list),
``weight<i>`` the weights, ``y`` the output. Everything is computed in float64.
"""

import json
import os
import pathlib

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np

keras.config.set_floatx("float64")
rng = np.random.default_rng(2025)
IMAGE = (2, 7, 6, 3)
QVK = (2, 3, 4), (2, 5, 4), (2, 5, 4)

CASES = {       # class, arguments, input shapes, whether they are a list, keywords of the call
    "prelu": ("PReLU", {"shared_axes": [1]}, [(3, 4, 5)], False, {}),
    "elu": ("ELU", {"alpha": 0.5}, [(3, 4)], False, {}),
    "relu": ("ReLU", {"max_value": 1.0, "negative_slope": 0.2, "threshold": 0.3}, [(3, 4)], False, {}),
    "softmax": ("Softmax", {"axis": [1, 2]}, [(3, 4, 2)], False, {}),
    "layer_norm": ("LayerNormalization", {"axis": [1, 2]}, [(3, 4, 2)], False, {}),
    "group_norm": ("GroupNormalization", {"groups": 3}, [(2, 4, 6)], False, {}),
    "group_norm_first": ("GroupNormalization", {"groups": 2, "axis": 1}, [(2, 4, 6)], False, {}),
    "instance_norm": ("GroupNormalization", {"groups": -1}, [(2, 4, 6)], False, {}),
    "rms_norm": ("RMSNormalization", {}, [(2, 4, 6)], False, {}),
    "unit_norm": ("UnitNormalization", {"axis": 1}, [(2, 4, 6)], False, {}),
    "einsum": ("EinsumDense", {"equation": "abc,cde->abde", "output_shape": [None, 4, 5], "bias_axes": "e"},
               [(2, 7, 3)], False, {}),
    "einsum_left": ("EinsumDense", {"equation": "...x,xy->...y", "output_shape": 4, "bias_axes": "y"}, [(2, 7, 3)],
                    False, {}),
    "einsum_right": ("EinsumDense", {"equation": "abc...,bd->adc...", "output_shape": [4, 3], "bias_axes": "d"},
                     [(2, 7, 3, 2)], False, {}),
    "dot": ("Dot", {"axes": [2, 1], "normalize": True}, [(2, 3, 4), (2, 4, 5)], True, {}),
    "concatenate": ("Concatenate", {"axis": 1}, [(2, 3, 4), (2, 1, 4)], True, {}),
    "subtract": ("Subtract", {}, [(2, 3), (2, 4, 3)], True, {}),
    "attention": ("Attention", {"use_scale": True}, QVK, True, {"use_causal_mask": True}),
    "attention_concat": ("Attention", {"score_mode": "concat", "use_scale": True}, QVK, True, {}),
    "additive": ("AdditiveAttention", {}, QVK, True, {}),
    "multi_head": ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "value_dim": 5}, QVK, False,
                   {"use_causal_mask": True}),
    "multi_head_output": ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "output_shape": 6, "use_bias": False},
                          QVK, False, {}),
    "multi_head_axes": ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "attention_axes": [2]},
                        [(2, 3, 5, 4), (2, 3, 6, 4)], False, {}),
    "multi_head_image": ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}, [(2, 3, 5, 4), (2, 3, 5, 4)], False, {}),
    "group_query": ("GroupQueryAttention", {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}, QVK, False,
                    {}),
    "rescaling": ("Rescaling", {"scale": 0.5, "offset": 1.0}, [(2, 3)], False, {}),
    "normalization": ("Normalization", {"axis": -1, "mean": [1.0, 2.0], "variance": [4.0, 9.0]}, [(3, 2)], False, {}),
    "resizing": ("Resizing", {"height": 4, "width": 9}, [IMAGE], False, {}),
    "resizing_nearest": ("Resizing", {"height": 14, "width": 3, "interpolation": "nearest"}, [IMAGE], False, {}),
    "resizing_crop": ("Resizing", {"height": 4, "width": 4, "crop_to_aspect_ratio": True}, [(2, 6, 8, 1)], False, {}),
    "center_crop": ("CenterCrop", {"height": 4, "width": 3}, [IMAGE], False, {}),
    "rotation": ("RandomRotation", {"factor": [0.1, 0.1], "fill_mode": "constant"}, [IMAGE], False, {"training": True}),
    "rotation_reflect": ("RandomRotation", {"factor": [-0.3, -0.3]}, [IMAGE], False, {"training": True}),
    "zoom": ("RandomZoom", {"height_factor": [0.3, 0.3], "width_factor": [-0.2, -0.2], "fill_mode": "nearest"}, [IMAGE],
             False, {"training": True}),
    "translation": ("RandomTranslation", {"height_factor": [0.3, 0.3], "width_factor": [-0.2, -0.2],
                                          "fill_mode": "wrap"}, [IMAGE], False, {"training": True}),
}


def case(name, args, shapes, as_list, call):
    layer = getattr(keras.layers, name)(**args)
    inputs = [np.round(rng.standard_normal(s) * 64) / 64 for s in shapes]
    run = lambda: layer(inputs, **call) if as_list else layer(*inputs, **call)
    run()
    found = {f"x{i}": x for i, x in enumerate(inputs)}
    if not name.startswith("Random"):       # whose only state is that of their generators
        layer.set_weights([1 + 0.25 * np.round(rng.standard_normal(w.shape) * 64) / 64 for w in layer.get_weights()])
        found |= {f"weight{i}": w for i, w in enumerate(layer.get_weights())}
    return {**found, "y": keras.ops.convert_to_numpy(run()), "list": np.array(as_list),
            "spec": np.array(json.dumps([name, args, call]))}


def main():
    arrays = {}
    for name, spec in CASES.items():
        arrays |= {f"{name}/{key}": value for key, value in case(*spec).items()}
    np.savez_compressed(pathlib.Path(__file__).parent / "keras3_core.npz", **arrays)


if __name__ == "__main__":
    main()
