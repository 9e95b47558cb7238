"""Makes torch.npz: weights, inputs and outputs of PyTorch's modules, for tests of what is brought over from there.

    python tests/golden/make_torch.py

Made with torch 2.13.0; the file holds the version that it was made with. Each case is a group ``<name>/...``:
``state/<key>`` are the arrays of the module's ``state_dict``, ``x`` what it was given and ``y`` what it returned, with
the channels of images last.
"""

import pathlib

import numpy as np
import torch
from torch import nn

torch.manual_seed(7)


class Last(nn.Module):
    """The output of a recurrent module without its states, at the last step only if so asked."""

    def __init__(self, rnn, last=False):
        super().__init__()
        self.rnn, self.last = rnn, last

    def forward(self, x):
        y = self.rnn(x)[0]
        return y[:, -1] if self.last else y


class Attention(nn.Module):
    """Queries, and values of another width."""

    def __init__(self, *args, **kwargs):
        super().__init__()
        self.attention = nn.MultiheadAttention(*args, batch_first=True, **kwargs)

    def forward(self, x):
        value = x[:, :, :self.attention.vdim]
        return self.attention(x, value, value, need_weights=False)[0]


class Norm(nn.BatchNorm2d):
    """One whose running means are no longer 0 and 1."""

    def __init__(self, features):
        super().__init__(features, eps=1e-3)
        self.running_mean.normal_()
        self.running_var.uniform_(0.5, 2.0)


class Norm1d(nn.BatchNorm1d):
    """The same over vectors."""

    def __init__(self, features):
        super().__init__(features, eps=1e-3)
        self.running_mean.normal_()
        self.running_var.uniform_(0.5, 2.0)


CASES = {       # the module, and the shape of its input with the channels first
    "dense": (nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3, bias=False)), (2, 5)),
    "conv1d": (nn.Conv1d(4, 6, 3, padding=2, dilation=2), (2, 4, 9)),
    "conv2d": (nn.Conv2d(4, 6, (3, 2), stride=2, groups=2), (2, 4, 9, 8)),
    "conv3d": (nn.Conv3d(2, 3, 2, bias=False), (2, 2, 4, 5, 6)),
    "conv1d_transpose": (nn.ConvTranspose1d(4, 3, 3, stride=2), (2, 4, 5)),
    "conv2d_transpose": (nn.ConvTranspose2d(4, 3, (3, 2), stride=2), (2, 4, 5, 4)),
    "conv3d_transpose": (nn.ConvTranspose3d(2, 3, 2, stride=2), (1, 2, 3, 2, 4)),
    "depthwise": (nn.Conv2d(3, 6, 3, groups=3), (2, 3, 6, 5)),
    "depthwise1d": (nn.Conv1d(3, 6, 3, groups=3, bias=False), (2, 3, 6)),
    "separable": (nn.Sequential(nn.Conv2d(3, 6, 3, groups=3, bias=False), nn.Conv2d(6, 4, 1)), (2, 3, 6, 5)),
    "norms": (nn.Sequential(nn.Conv2d(2, 4, 3), Norm(4), nn.GroupNorm(2, 4, eps=1e-3), nn.PReLU(4)), (2, 2, 6, 5)),
    "layer_norm": (nn.LayerNorm(6, eps=1e-3), (2, 3, 6)),
    "rms_norm": (nn.RMSNorm(6, eps=1e-6), (2, 6)),
    "flatten": (nn.Sequential(nn.Conv2d(2, 4, 3), nn.MaxPool2d(2), nn.Flatten(), Norm1d(24), nn.ReLU(),
                              nn.Linear(24, 5)), (2, 2, 6, 8)),
    "flatten1d": (nn.Sequential(nn.Conv1d(2, 4, 3), nn.Flatten(), nn.Linear(24, 5)), (2, 2, 8)),
    "rnn": (Last(nn.RNN(4, 3, batch_first=True)), (2, 5, 4)),
    "lstm": (Last(nn.LSTM(4, 3, num_layers=2, batch_first=True)), (2, 5, 4)),
    "lstm_both": (Last(nn.LSTM(4, 3, batch_first=True, bidirectional=True)), (2, 5, 4)),
    "gru": (Last(nn.GRU(4, 3, batch_first=True), last=True), (2, 5, 4)),
    "gru_both": (Last(nn.GRU(4, 3, num_layers=2, bias=False, batch_first=True, bidirectional=True)), (2, 5, 4)),
    "embedding": (nn.Embedding(7, 3), None),
    "attention": (Attention(6, 2, vdim=6, kdim=6), (2, 5, 6)),
    "attention_widths": (Attention(6, 3, vdim=4, kdim=4), (2, 5, 6)),
    "attention_without_bias": (Attention(6, 1, vdim=6, kdim=6, bias=False), (2, 5, 6)),
}
IMAGES = ("conv", "depthwise", "separable", "norms", "flatten")


def last(array, images):
    return np.ascontiguousarray(np.moveaxis(array, 1, -1)) if images and array.ndim > 2 else array


found = {"torch": torch.__version__}
for name, (module, shape) in CASES.items():
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.5)
        x = torch.randint(0, 7, (2, 5)) if shape is None else torch.randn(shape)
        y = module.eval()(x)
    found |= {f"{name}/state/{key}": value.numpy() for key, value in module.state_dict().items()}
    found[f"{name}/x"], found[f"{name}/y"] = (last(t.numpy(), name.startswith(IMAGES)) for t in (x, y))
np.savez_compressed(pathlib.Path(__file__).with_name("torch.npz"), **found)
