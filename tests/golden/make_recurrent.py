"""Makes recurrent.npz: the recurrent layers of Keras 3, for tests that compare.

    python tests/golden/make_recurrent.py

Made with keras 3.15.1 on torch 2.13.0; the file holds the versions that it was made with. Everything is computed in
float64. Each case is a group ``<name>/...``: ``spec`` is JSON with the class and its arguments, ``x`` and ``weight0``,
``weight1``, ... what it was given (some cases also ``mask`` and ``state0``, ...), ``y0``, ``y1``, ... what it returned.
Arguments whose defaults differ between the versions of Keras are always written.
"""

import json
import os
import pathlib

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch

keras.config.set_floatx("float64")
rng = np.random.default_rng(11)
SEQUENCE, FILM = (3, 5, 4), (2, 3, 5, 4, 2)
LSTM = {"units": 3, "return_sequences": True}
GRU = {"units": 3, "reset_after": False}
CONV = {"filters": 2, "kernel_size": 3, "recurrent_activation": "sigmoid"}


def inner(name, **arguments):
    return {"class_name": name, "config": {"name": "inner", **arguments}}


CASES = {       # class, arguments, input shape, what else it is called with
    "simple": ("SimpleRNN", {"units": 3}, SEQUENCE),
    "simple_relu": ("SimpleRNN", {"units": 3, "activation": "relu", "return_state": True}, SEQUENCE, "mask"),
    "lstm": ("LSTM", {"units": 3}, SEQUENCE),
    "lstm_all": ("LSTM", {**LSTM, "return_state": True}, SEQUENCE),
    "lstm_backwards": ("LSTM", {**LSTM, "go_backwards": True, "use_bias": False}, SEQUENCE),
    "lstm_mask": ("LSTM", {**LSTM, "return_state": True}, SEQUENCE, "mask"),
    "lstm_mask_zeros": ("LSTM", {**LSTM, "zero_output_for_mask": True}, SEQUENCE, "mask"),
    "lstm_states": ("LSTM", {**LSTM, "return_state": True}, SEQUENCE, "mask", 2),
    "gru": ("GRU", GRU, SEQUENCE),
    "gru_mask": ("GRU", {**GRU, "return_sequences": True, "return_state": True}, SEQUENCE, "mask", 1),
    "gru_after": ("GRU", {"units": 3, "reset_after": True, "return_sequences": True}, SEQUENCE, "mask"),
    "concat": ("Bidirectional", {"layer": inner("LSTM", **LSTM)}, SEQUENCE),
    "concat_mask": ("Bidirectional", {"layer": inner("LSTM", **LSTM, zero_output_for_mask=True)}, SEQUENCE, "mask"),
    "sum_last": ("Bidirectional", {"layer": inner("GRU", **GRU), "merge_mode": "sum"}, SEQUENCE, "mask"),
    "mul": ("Bidirectional", {"layer": inner("LSTM", **LSTM), "merge_mode": "mul"}, SEQUENCE),
    "ave_states": ("Bidirectional", {"layer": inner("LSTM", units=3, return_state=True), "merge_mode": "ave"}, SEQUENCE,
                   None, 4),
    "none": ("Bidirectional", {"layer": inner("SimpleRNN", units=2, return_sequences=True), "merge_mode": None},
             SEQUENCE),
    "stack": ("RNN", {"cell": inner("StackedRNNCells", cells=[
        {"class_name": "LSTMCell", "config": {"units": 2, "name": "a"}},
        {"class_name": "GRUCell", "config": {"units": 3, "reset_after": False, "name": "b"}}])}, SEQUENCE),
    "conv": ("ConvLSTM2D", CONV, FILM),
    "conv_same": ("ConvLSTM2D", {**CONV, "padding": "same", "strides": 2, "return_sequences": True}, FILM),
    "conv_line": ("ConvLSTM1D", {**CONV, "kernel_size": 2}, (2, 3, 5, 2)),
    "conv_volume": ("ConvLSTM3D", {**CONV, "kernel_size": 2}, (2, 2, 3, 2, 3, 1)),
}


def normal(*shape):
    """Multiples of 1/64, which the file keeps in little space."""
    return np.round(rng.standard_normal(shape) * 64) / 64


def made(name, arguments):
    return getattr(keras.layers, name)(**{key: unpacked(value) for key, value in arguments.items()})


def unpacked(value):
    """Configs as the layers that they describe."""
    if isinstance(value, list):
        return [unpacked(v) for v in value]
    return made(value["class_name"], value["config"]) if isinstance(value, dict) else value


def case(name, arguments, shape, masked=None, states=0):
    layer, x = made(name, arguments), normal(*shape)
    layer(x)
    layer.set_weights([normal(*w.shape) / 2 for w in layer.get_weights()])
    given = {"x": x, **{f"weight{i}": w for i, w in enumerate(layer.get_weights())}}
    kwargs = {}
    if masked:
        given["mask"] = kwargs["mask"] = rng.random(shape[:2]) < 0.6
    if states:
        kwargs["initial_state"] = [normal(shape[0], 3) for _ in range(states)]
        given |= {f"state{i}": s for i, s in enumerate(kwargs["initial_state"])}
    kwargs = {k: [keras.ops.convert_to_tensor(s) for s in v] if isinstance(v, list) else
              keras.ops.convert_to_tensor(v) for k, v in kwargs.items()}
    out = layer(keras.ops.convert_to_tensor(x), **kwargs)
    outs = out if isinstance(out, list | tuple) else [out]
    return given | {f"y{i}": keras.ops.convert_to_numpy(y) for i, y in enumerate(outs)}


found = {"versions": json.dumps({"keras": keras.__version__, "torch": torch.__version__, "numpy": np.__version__})}
for key, (name, arguments, *rest) in CASES.items():
    found[f"{key}/spec"] = json.dumps([name, arguments])
    found |= {f"{key}/{part}": array for part, array in case(name, arguments, *rest).items()}
np.savez_compressed(pathlib.Path(__file__).parent / "recurrent.npz", **found)
print(f"{len(CASES)} cases, {len(found)} arrays")
