"""The workloads as PyTorch modules; each returns a tuple of logits."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from .workloads import Builders, resnet_blocks

BUILDERS = Builders()       # a function of the variant's options


class Single(nn.Sequential):
    """Layers one after the other, with one output."""

    def forward(self, x):
        return (super().forward(x),)


class Last(nn.Module):
    """The last output of a recurrent layer."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0][:, -1]


def _lstm(inputs, units, layers=1):
    return nn.LSTM(inputs, units, num_layers=layers, batch_first=True)


@BUILDERS("W1")
def mlp_small(_options):
    return Single(nn.Linear(20, 64), nn.Tanh(), nn.Dropout(0.5), nn.Linear(64, 64), nn.Tanh(), nn.Dropout(0.5),
                  nn.Linear(64, 10))


@BUILDERS("W2")
def mlp_mnist(_options):
    return Single(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))


@BUILDERS("W3")
def mlp_binary(_options):
    return Single(nn.Linear(100, 32), nn.ReLU(), nn.Linear(32, 1))


def _convolutions(units, dropout=()):
    """Two blocks of VGG's kind for images of 100 x 100, and a dense layer."""
    found = []
    for inputs, filters in ((3, 32), (32, 64)):
        found += [nn.Conv2d(inputs, filters, 3), nn.ReLU(), nn.Conv2d(filters, filters, 3), nn.ReLU(),
                  nn.MaxPool2d(2), *(nn.Dropout(rate) for rate in dropout)]
    return [*found, nn.Flatten(), nn.Linear(22 * 22 * 64, units)]


@BUILDERS("W4")
def vgg_small(_options):
    return Single(*_convolutions(256, [0.25]), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 10))


@BUILDERS("W5")
def mnist_cnn(_options):
    return Single(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25),
                  nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10))


@BUILDERS("W6")
def imdb_lstm(_options):
    return Single(nn.Embedding(20_000, 128), Last(_lstm(128, 128)), nn.Dropout(0.5), nn.Linear(128, 1))


@BUILDERS("W7")
def stacked_lstm(_options):
    return Single(Last(_lstm(16, 32, layers=3)), nn.Linear(32, 10))


@BUILDERS("W8")
class Conv1d(nn.Module):
    """With ``channels_last`` in two dimensions, of which one has length 1: that layout is for images only."""

    def __init__(self, options):
        super().__init__()
        two = options["channels_last"]
        size, conv, pool = ((1, 3), nn.Conv2d, nn.MaxPool2d) if two else (3, nn.Conv1d, nn.MaxPool1d)
        self.body = nn.Sequential(conv(100, 64, size), nn.ReLU(), conv(64, 64, size), nn.ReLU(), pool(size),
                                  conv(64, 128, size), nn.ReLU(), conv(128, 128, size), nn.ReLU())
        self.axes, self.dropout, self.out = (2, 3) if two else (2,), nn.Dropout(0.5), nn.Linear(128, 1)

    def forward(self, x):
        return (self.out(self.dropout(self.body(x).mean(self.axes))),)


@BUILDERS("W9")
class Caption(nn.Module):
    def __init__(self, _options):
        super().__init__()
        self.image = nn.Sequential(*_convolutions(128))
        self.words, self.read = nn.Embedding(10_000, 256), nn.GRU(256, 128, batch_first=True)
        self.each, self.write = nn.Linear(128, 128), nn.GRU(256, 256, batch_first=True)
        self.out = nn.Linear(256, 10_000)

    def forward(self, image, words):
        seen = self.image(image).unsqueeze(1).expand(-1, 16, -1)
        read = self.each(self.read(self.words(words))[0])
        return (self.out(self.write(torch.cat([seen, read], -1))[0][:, -1]),)


@BUILDERS("W10")
class Headline(nn.Module):
    def __init__(self, _options):
        super().__init__()
        self.words, self.read, self.early = nn.Embedding(10_000, 512), Last(_lstm(512, 32)), nn.Linear(32, 1)
        self.late = nn.Sequential(nn.Linear(37, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64),
                                  nn.ReLU(), nn.Linear(64, 1))

    def forward(self, words, extra):
        story = self.read(self.words(words))
        return self.late(torch.cat([story, extra], -1)), self.early(story)


@BUILDERS("W11")
class Siamese(nn.Module):
    """With ``stacked``, both branches as one batch of twice the size, which computes the same."""

    def __init__(self, options):
        super().__init__()
        self.read, self.out, self.stacked = Last(_lstm(256, 64)), nn.Linear(128, 1), options.get("stacked")

    def forward(self, one, other):
        if self.stacked:
            one, other = self.read(torch.cat([one, other])).chunk(2)
        else:
            one, other = self.read(one), self.read(other)
        return (self.out(torch.cat([one, other], -1)),)


@BUILDERS("W12")
def char_lstm(_options):
    return Single(Last(_lstm(60, 128)), nn.Linear(128, 60))


def _normalization(filters):
    return nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01)


class Block(nn.Module):
    def __init__(self, inputs, filters, stride):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(inputs, filters, 3, stride, 1), _normalization(filters), nn.ReLU(),
                                  nn.Conv2d(filters, filters, 3, 1, 1), _normalization(filters))
        self.short = nn.Conv2d(inputs, filters, 1, stride) if stride == 2 else nn.Identity()

    def forward(self, x):
        return F.relu(self.body(x) + self.short(x))


@BUILDERS("W13")
def resnet20(_options):
    return Single(nn.Conv2d(3, 16, 3, 1, 1), _normalization(16), nn.ReLU(), *(Block(*b) for b in resnet_blocks()),
                  nn.AvgPool2d(8), nn.Flatten(), nn.Linear(64, 10))


@BUILDERS("W14")
class Transformer(nn.Module):
    def __init__(self, _options, steps=200, words=20_000, width=32, heads=2):
        super().__init__()
        self.heads, self.width = heads, width
        self.words, self.places = nn.Embedding(words, width), nn.Parameter(torch.randn(steps, width) * 0.05)
        self.project, self.join = nn.Linear(width, 3 * heads * width), nn.Linear(heads * width, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width, eps=1e-6) for _ in range(2))
        self.feed = nn.Sequential(nn.Linear(width, 32), nn.ReLU(), nn.Linear(32, width))
        self.dropout, self.hidden, self.out = nn.Dropout(0.1), nn.Linear(width, 20), nn.Linear(20, 2)

    def forward(self, text):
        x = self.words(text) + self.places
        x = self.norms[0](x + self.dropout(self.join(self.attention(x))))
        x = self.norms[1](x + self.dropout(self.feed(x)))
        return (self.out(self.dropout(F.relu(self.hidden(self.dropout(x.mean(1)))))),)

    def attention(self, x):
        batch, steps, _ = x.shape
        q, k, v = self.project(x).view(batch, steps, 3, self.heads, self.width).permute(2, 0, 3, 1, 4)
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, steps, self.heads * self.width)
