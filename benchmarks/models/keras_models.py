"""The workloads in Keras's API: each function takes the package, whichever it is, and returns the model."""

import numpy as np

from .workloads import Builders, resnet_blocks

BUILDERS = Builders()


@BUILDERS("W1")
def mlp_small(keras):
    kl = keras.layers
    return keras.models.Sequential([
        kl.Input(shape=(20,)), kl.Dense(64, activation="tanh"), kl.Dropout(0.5),
        kl.Dense(64, activation="tanh"), kl.Dropout(0.5), kl.Dense(10, activation="softmax")])


@BUILDERS("W2")
def mlp_mnist(keras):
    kl = keras.layers
    return keras.models.Sequential([
        kl.Input(shape=(784,)), kl.Dense(512, activation="relu"), kl.Dense(512, activation="relu"),
        kl.Dense(10, activation="softmax")])


@BUILDERS("W3")
def mlp_binary(keras):
    kl = keras.layers
    return keras.models.Sequential([
        kl.Input(shape=(100,)), kl.Dense(32, activation="relu"), kl.Dense(1, activation="sigmoid")])


def _convolutions(kl, dropout=()):
    """Two blocks of VGG's kind for images of 100 x 100."""
    found = [kl.Input(shape=(100, 100, 3))]
    for filters in (32, 64):
        found += [kl.Conv2D(filters, (3, 3), activation="relu"), kl.Conv2D(filters, (3, 3), activation="relu"),
                  kl.MaxPooling2D((2, 2)), *(kl.Dropout(rate) for rate in dropout)]
    return [*found, kl.Flatten()]


@BUILDERS("W4")
def vgg_small(keras):
    kl = keras.layers
    return keras.models.Sequential([
        *_convolutions(kl, [0.25]), kl.Dense(256, activation="relu"), kl.Dropout(0.5),
        kl.Dense(10, activation="softmax")])


@BUILDERS("W5")
def mnist_cnn(keras):
    kl = keras.layers
    return keras.models.Sequential([
        kl.Input(shape=(28, 28, 1)), kl.Conv2D(32, (3, 3), activation="relu"),
        kl.Conv2D(64, (3, 3), activation="relu"), kl.MaxPooling2D((2, 2)), kl.Dropout(0.25), kl.Flatten(),
        kl.Dense(128, activation="relu"), kl.Dropout(0.5), kl.Dense(10, activation="softmax")])


@BUILDERS("W6")
def imdb_lstm(keras):
    kl = keras.layers
    return keras.models.Sequential([
        kl.Input(shape=(80,), dtype="int32"), kl.Embedding(20_000, 128), kl.LSTM(128), kl.Dropout(0.5),
        kl.Dense(1, activation="sigmoid")])


@BUILDERS("W7")
def stacked_lstm(keras):
    kl = keras.layers
    return keras.models.Sequential([
        kl.Input(shape=(8, 16)), kl.LSTM(32, return_sequences=True), kl.LSTM(32, return_sequences=True), kl.LSTM(32),
        kl.Dense(10, activation="softmax")])


@BUILDERS("W8")
def conv1d(keras):
    kl = keras.layers
    return keras.models.Sequential([
        kl.Input(shape=(128, 100)), kl.Conv1D(64, 3, activation="relu"), kl.Conv1D(64, 3, activation="relu"),
        kl.MaxPooling1D(3), kl.Conv1D(128, 3, activation="relu"), kl.Conv1D(128, 3, activation="relu"),
        kl.GlobalAveragePooling1D(), kl.Dropout(0.5), kl.Dense(1, activation="sigmoid")])


@BUILDERS("W9")
def caption_gru(keras):
    kl = keras.layers
    image, words = kl.Input(shape=(100, 100, 3)), kl.Input(shape=(16,), dtype="int32")
    seen = keras.models.Sequential([*_convolutions(kl), kl.Dense(128)])
    read = keras.models.Sequential([
        kl.Input(shape=(16,), dtype="int32"), kl.Embedding(10_000, 256),
        kl.GRU(128, return_sequences=True, reset_after=True), kl.TimeDistributed(kl.Dense(128))])
    merged = kl.Concatenate(axis=-1)([kl.RepeatVector(16)(seen(image)), read(words)])
    word = kl.Dense(10_000, activation="softmax")(kl.GRU(256, reset_after=True)(merged))
    return keras.models.Model([image, words], word)


@BUILDERS("W10")
def headline_multi(keras):
    kl = keras.layers
    words, extra = kl.Input(shape=(100,), dtype="int32"), kl.Input(shape=(5,))
    story = kl.LSTM(32)(kl.Embedding(10_000, 512)(words))
    x = kl.Concatenate(axis=-1)([story, extra])
    for _ in range(3):
        x = kl.Dense(64, activation="relu")(x)
    early = kl.Dense(1, activation="sigmoid")(story)
    return keras.models.Model([words, extra], [kl.Dense(1, activation="sigmoid")(x), early])


@BUILDERS("W11")
def siamese_lstm(keras):
    kl = keras.layers
    one, other, shared = kl.Input(shape=(280, 256)), kl.Input(shape=(280, 256)), kl.LSTM(64)
    merged = kl.Concatenate(axis=-1)([shared(one), shared(other)])
    return keras.models.Model([one, other], kl.Dense(1, activation="sigmoid")(merged))


@BUILDERS("W12")
def char_lstm(keras):
    kl = keras.layers
    return keras.models.Sequential([
        kl.Input(shape=(40, 60)), kl.LSTM(128), kl.Dense(60, activation="softmax")])


@BUILDERS("W13")
def resnet20(keras):
    kl = keras.layers

    def convolved(x, filters, size=3, strides=1):
        return kl.Conv2D(filters, size, strides=strides, padding="same", kernel_initializer="he_normal",
                         kernel_regularizer=keras.regularizers.l2(1e-4))(x)

    def normalized(x, relu=True):
        x = kl.BatchNormalization()(x)
        return kl.Activation("relu")(x) if relu else x

    image = kl.Input(shape=(32, 32, 3))
    x = normalized(convolved(image, 16))
    for _, filters, stride in resnet_blocks():
        y = normalized(convolved(x, filters, strides=stride))
        y = normalized(convolved(y, filters), relu=False)
        if stride == 2:
            x = convolved(x, filters, size=1, strides=2)
        x = kl.Activation("relu")(kl.Add()([x, y]))
    x = kl.Flatten()(kl.AveragePooling2D(8)(x))
    return keras.models.Model(image, kl.Dense(10, activation="softmax", kernel_initializer="he_normal")(x))


@BUILDERS("W14")
def transformer(keras, steps=200, words=20_000, width=32):
    kl = keras.layers

    class Positioned(kl.Layer):
        """Rows of a table for the words, and of another for their places."""

        def __init__(self, **options):
            super().__init__(**options)
            self.of_words, self.of_places = kl.Embedding(words, width), kl.Embedding(steps, width)

        def call(self, x):
            places = keras.ops.arange(0, steps, 1) if hasattr(keras, "ops") else np.arange(steps)
            return self.of_words(x) + self.of_places(places)

        def compute_output_shape(self, input_shape):
            return (*input_shape, width)

    def added(x, y):
        return kl.LayerNormalization(epsilon=1e-6)(kl.Add()([x, kl.Dropout(0.1)(y)]))

    text = kl.Input(shape=(steps,), dtype="int32")
    x = Positioned()(text)
    x = added(x, kl.MultiHeadAttention(num_heads=2, key_dim=width)(x, x))
    x = added(x, kl.Dense(width)(kl.Dense(32, activation="relu")(x)))
    x = kl.Dropout(0.1)(kl.GlobalAveragePooling1D()(x))
    x = kl.Dropout(0.1)(kl.Dense(20, activation="relu")(x))
    return keras.models.Model(text, kl.Dense(2, activation="softmax")(x))


def compiled(keras, workload, **options):
    """The model with its optimizer and losses; of several outputs the second counts a fifth."""
    model = BUILDERS[workload.id](keras)
    losses = ["binary_crossentropy" if classes == 1 else
              "sparse_categorical_crossentropy" if workload.sparse else "categorical_crossentropy"
              for classes in workload.outputs]
    if len(losses) > 1:
        options["loss_weights"] = [1.0, 0.2]
    model.compile(optimizer=_optimizer(keras.optimizers, workload), loss=losses if losses[1:] else losses[0], **options)
    return model


def _optimizer(optimizers, workload):
    rate = workload.learning_rate
    if workload.optimizer == "sgd":
        return optimizers.SGD(learning_rate=rate, momentum=0.9, nesterov=True)
    kind = {"rmsprop": optimizers.RMSprop, "adam": optimizers.Adam, "adadelta": optimizers.Adadelta}
    return kind[workload.optimizer](learning_rate=rate)


def labels(workload, ys):
    """Labels as the losses want them: one-hot, unless the workload is sparse."""
    return [np.eye(n, dtype=np.float32)[y] if n > 1 and not workload.sparse else y
            for n, y in zip(workload.outputs, ys)]
