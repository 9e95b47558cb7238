"""What is trained: fourteen small models as data, sizes and costs. No deep-learning package is imported here."""

import dataclasses

import numpy as np


class Builders(dict):
    """Functions or classes that build a workload, entered by ``@builds("W1")``."""

    def __call__(self, workload):
        def enter(build):
            self[workload] = build
            return build
        return enter


@dataclasses.dataclass
class Cost:
    """What the plain algorithms take, summed layer by layer.

    Attributes:
        flops: multiplications and additions of matrix products and convolutions, forward, for one sample.
        parameters: numbers that are trained.
    """

    flops: float = 0.0
    parameters: int = 0

    def dense(self, inputs, units, rows=1):
        self.flops += 2.0 * inputs * units * rows
        return self.trained(inputs * units + units)

    def conv(self, positions, inputs, filters, window=9):
        """``positions`` of the output, ``window`` of the kernel."""
        self.flops += 2.0 * positions * window * inputs * filters
        return self.trained(window * inputs * filters + filters)

    def lstm(self, steps, inputs, units, copies=1):
        return self._recurrent(steps, inputs, 4 * units, units, copies).trained(4 * units)

    def gru(self, steps, inputs, units):
        """With the reset gate after the product, which takes two biases."""
        return self._recurrent(steps, inputs, 3 * units, units).trained(6 * units)

    def _recurrent(self, steps, inputs, gates, units, copies=1):
        self.flops += copies * 2.0 * steps * (inputs + units) * gates
        return self.trained((inputs + units) * gates)

    def table(self, rows, length):
        return self.trained(rows * length)

    def trained(self, count):
        self.parameters += count
        return self

    def products(self, flops):
        """Products without parameters."""
        self.flops += flops
        return self


@dataclasses.dataclass(frozen=True)
class Input:
    """One input: floats in [0, 1), or indices below ``vocabulary``."""

    shape: tuple
    vocabulary: int = 0


@dataclasses.dataclass(frozen=True)
class Workload:
    """One model and how it is trained.

    Attributes:
        inputs: what a sample is made of.
        outputs: for each output the number of classes; 1 for a probability.
        calls: timed calls, at least, where time allows.
        fit_batches: steps of an epoch.
        kind: "conv", "recurrent" or "": which variants peers have.
        sparse: labels stay integers in the Keras API, they are not made one-hot.
    """

    id: str
    name: str
    batch: int
    inputs: tuple
    outputs: tuple
    optimizer: str
    cost: Cost
    learning_rate: float = 1e-3
    calls: int = 300
    fit_batches: int = 50
    kind: str = ""
    sparse: bool = False

    @property
    def train_flops(self):
        """Of a step: the gradients of inputs and of weights take one forward pass each."""
        return 3.0 * self.cost.flops * self.batch

    def batches(self, count, seed=0):
        """``count`` pairs ``(xs, ys)`` of tuples: floats or int32 in, int32 classes or float32 ``(batch, 1)`` out."""
        rng = np.random.default_rng(seed)
        return [(tuple(self._input(rng, x) for x in self.inputs), tuple(self._labels(rng, n) for n in self.outputs))
                for _ in range(count)]

    def _input(self, rng, x):
        shape = (self.batch, *x.shape)
        if x.vocabulary:
            return rng.integers(0, x.vocabulary, shape, dtype=np.int32)
        return rng.random(shape, dtype=np.float32)

    def _labels(self, rng, classes):
        if classes == 1:
            return rng.integers(0, 2, (self.batch, 1)).astype(np.float32)
        return rng.integers(0, classes, self.batch, dtype=np.int32)


def _vgg(units):
    return (Cost().conv(98 * 98, 3, 32).conv(96 * 96, 32, 32).conv(46 * 46, 32, 64).conv(44 * 44, 64, 64)
            .dense(22 * 22 * 64, units))


def resnet_blocks():
    """``(inputs, filters, stride)`` of the nine blocks of ResNet-20."""
    inputs = 16
    for stack, filters in enumerate((16, 32, 64)):
        for block in range(3):
            yield inputs, filters, 2 if stack and not block else 1
            inputs = filters


def _resnet():
    cost, size = Cost().conv(32 * 32, 3, 16).trained(32), 32
    for inputs, filters, stride in resnet_blocks():
        size //= stride
        if stride == 2:
            cost.conv(size * size, inputs, filters, window=1)
        cost.conv(size * size, inputs, filters).conv(size * size, filters, filters).trained(4 * filters)
    return cost.dense(64, 10)


def _transformer(steps=200, width=32, heads=2):
    return (Cost().table(20_000, width).table(steps, width)
            .dense(width, 3 * heads * width, steps).dense(heads * width, width, steps)
            .products(4.0 * heads * steps * steps * width)      # queries by keys, weights by values
            .dense(width, 32, steps).dense(32, width, steps).trained(4 * width).dense(width, 20).dense(20, 2))


WORKLOADS = {w.id: w for w in (
    Workload("W1", "mlp_small", 16, (Input((20,)),), (10,), "sgd", Cost().dense(20, 64).dense(64, 64).dense(64, 10),
             learning_rate=0.1, calls=1000, fit_batches=200),
    Workload("W2", "mlp_mnist", 128, (Input((784,)),), (10,), "rmsprop",
             Cost().dense(784, 512).dense(512, 512).dense(512, 10), fit_batches=100),
    Workload("W3", "mlp_binary", 32, (Input((100,)),), (1,), "rmsprop", Cost().dense(100, 32).dense(32, 1),
             calls=1000, fit_batches=200),
    Workload("W4", "vgg_small", 32, (Input((100, 100, 3)),), (10,), "sgd", _vgg(256).dense(256, 10),
             learning_rate=0.01, calls=8, fit_batches=8, kind="conv"),
    Workload("W5", "mnist_cnn", 128, (Input((28, 28, 1)),), (10,), "adadelta",
             Cost().conv(26 * 26, 1, 32).conv(24 * 24, 32, 64).dense(9216, 128).dense(128, 10),
             learning_rate=1.0, calls=20, fit_batches=16, kind="conv"),
    Workload("W6", "imdb_lstm", 32, (Input((80,), 20_000),), (1,), "rmsprop",
             Cost().table(20_000, 128).lstm(80, 128, 128).dense(128, 1), calls=60, kind="recurrent"),
    Workload("W7", "stacked_lstm", 64, (Input((8, 16)),), (10,), "rmsprop",
             Cost().lstm(8, 16, 32).lstm(8, 32, 32).lstm(8, 32, 32).dense(32, 10), fit_batches=60, kind="recurrent"),
    Workload("W8", "conv1d", 16, (Input((128, 100)),), (1,), "rmsprop",
             Cost().conv(126, 100, 64, 3).conv(124, 64, 64, 3).conv(39, 64, 128, 3).conv(37, 128, 128, 3).dense(128, 1),
             fit_batches=60, kind="conv"),
    Workload("W9", "caption_gru", 16, (Input((100, 100, 3)), Input((16,), 10_000)), (10_000,), "rmsprop",
             _vgg(128).table(10_000, 256).gru(16, 256, 128).dense(128, 128, 16).gru(16, 256, 256).dense(256, 10_000),
             calls=8, fit_batches=8, kind="conv", sparse=True),
    Workload("W10", "headline_multi", 32, (Input((100,), 10_000), Input((5,))), (1, 1), "rmsprop",
             Cost().table(10_000, 512).lstm(100, 512, 32).dense(32, 1).dense(37, 64).dense(64, 64).dense(64, 64)
             .dense(64, 1), calls=60, kind="recurrent"),
    Workload("W11", "siamese_lstm", 32, (Input((280, 256)), Input((280, 256))), (1,), "rmsprop",
             Cost().lstm(280, 256, 64, copies=2).dense(128, 1), calls=20, fit_batches=12, kind="recurrent"),
    Workload("W12", "char_lstm", 128, (Input((40, 60)),), (60,), "rmsprop", Cost().lstm(40, 60, 128).dense(128, 60),
             calls=60, kind="recurrent"),
    Workload("W13", "resnet20", 128, (Input((32, 32, 3)),), (10,), "adam", _resnet(), calls=8, fit_batches=8,
             kind="conv"),
    Workload("W14", "transformer", 32, (Input((200,), 20_000),), (2,), "adam", _transformer(), calls=60, sparse=True),
)}
