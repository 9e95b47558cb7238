"""The models of the golden files, built with whatever Keras is given: ``zoo(keras)`` maps names to (model, input)."""

import numpy as np


def data(*shapes, seed=0):
    rng = np.random.default_rng(seed)
    arrays = [rng.standard_normal(shape).astype("float32") for shape in shapes]
    return arrays if len(arrays) > 1 else arrays[0]


def dense(keras):
    layers = keras.layers
    return keras.Sequential([
        keras.Input((4,)), layers.Dense(5, activation="relu", kernel_regularizer="l2"), layers.Dropout(0.0),
        layers.Dense(3, activation=getattr(keras, "hard_sigmoid", "hard_sigmoid"), bias_initializer="ones"),
        layers.LeakyReLU(),
        layers.Dense(2, activation="softmax", kernel_constraint=keras.constraints.MaxNorm(2.0))]), data((8, 4))


def conv(keras):
    layers = keras.layers
    return keras.Sequential([
        keras.Input((8, 8, 3)), layers.Conv2D(4, 3, padding="same", activation="relu"), layers.BatchNormalization(),
        layers.MaxPooling2D(2), layers.SeparableConv2D(5, 2), layers.DepthwiseConv2D(2, depth_multiplier=2),
        layers.Conv2DTranspose(3, 2, strides=2), layers.UpSampling2D(2), layers.ZeroPadding2D(1),
        layers.AveragePooling2D(2), layers.Flatten(), layers.Dense(2)]), data((8, 8, 8, 3))


def line(keras):
    layers = keras.layers
    return keras.Sequential([
        keras.Input((10, 3)), layers.Conv1D(4, 3, activation="tanh"), layers.BatchNormalization(scale=False),
        layers.MaxPooling1D(2), layers.GlobalAveragePooling1D(), layers.PReLU(), layers.Dense(2)]), data((8, 10, 3))


def recurrent(keras):
    layers = keras.layers
    x = keras.Input((6, 3))
    a = layers.LSTM(4, return_sequences=True)(x)
    b = layers.GRU(3, reset_after=True, return_sequences=True)(a)
    c = layers.GRU(3, reset_after=False, return_sequences=True)(b)
    d = layers.Bidirectional(layers.LSTM(2, return_sequences=True))(c)
    e = layers.Bidirectional(layers.GRU(2), merge_mode="sum")(d)
    f = layers.SimpleRNN(2)(c)
    g = layers.TimeDistributed(layers.Dense(2))(a)
    return keras.Model(x, layers.Dense(2)(layers.Concatenate()([e, f, layers.Flatten()(g)]))), data((8, 6, 3))


def text(keras):
    layers = keras.layers
    x = keras.Input((5,), dtype="int32")
    e = layers.Embedding(20, 4, mask_zero=True)(x)
    out = layers.Dense(2)(layers.LSTM(3)(e))
    return keras.Model(x, out), np.random.default_rng(3).integers(0, 20, (8, 5)).astype("int32")


def shared(keras):
    layers = keras.layers
    a, b = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    both = layers.Dense(3, activation="tanh", name="both")
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(4, activation="relu"), layers.BatchNormalization(),
                              layers.Dense(3)], name="inner")
    block_in = keras.Input((3,), name="block_in")
    block = keras.Model(block_in, layers.Add()([block_in, layers.Dense(3)(block_in)]), name="block")
    p, q = both(a), both(b)
    out = layers.Multiply()([inner(p), inner(q)])
    out = layers.Dense(2, name="out")(layers.Concatenate()([block(out), p]))
    return keras.Model([a, b], out), data((8, 4), (8, 4))


def normed(keras):
    layers = keras.layers
    x = keras.Input((5, 4))
    y = layers.LayerNormalization()(layers.MultiHeadAttention(2, 3)(x, x))
    y = layers.Permute((2, 1))(layers.Reshape((4, 5))(y))
    return keras.Model(x, layers.Dense(2)(layers.GlobalMaxPooling1D()(y))), data((8, 5, 4))


ZOO = {f.__name__: f for f in (dense, conv, line, recurrent, text, shared, normed)}
OPTIMIZERS = {"dense": "adam", "conv": "rmsprop", "line": "sgd", "recurrent": "nadam", "text": "adagrad",
              "shared": "adadelta", "normed": "adamax"}


def targets(name):
    rng = np.random.default_rng(9)
    return np.eye(2, dtype="float32")[rng.integers(0, 2, 8)] if name == "dense" else data((8, 2), seed=5)


def optimizer(keras, name):
    kinds = {"adam": lambda o: o.Adam(o.schedules.ExponentialDecay(0.02, 2, 0.5), amsgrad=True),
             "rmsprop": lambda o: o.RMSprop(0.01, momentum=0.5, centered=True),
             "sgd": lambda o: o.SGD(0.05, momentum=0.9, nesterov=True), "nadam": lambda o: o.Nadam(0.01),
             "adagrad": lambda o: o.Adagrad(0.05, initial_accumulator_value=0.1), "adadelta": lambda o: o.Adadelta(0.5),
             "adamax": lambda o: o.Adamax(0.02), "lion": lambda o: o.Lion(0.005)}
    kind = OPTIMIZERS[name]
    if kind == "nadam" and keras.__version__ < "3":      # tf_keras does not save the product that its next step needs
        kind = "lion"
    return kinds[kind](keras.optimizers)


def compiled(keras, name):
    """A model that was trained for three steps, and its input."""
    model, x = ZOO[name](keras)
    loss = {"dense": "categorical_crossentropy", "conv": keras.losses.MeanSquaredError()}.get(name, "mse")
    model.compile(optimizer=optimizer(keras, name), loss=loss, metrics=["mae"])
    for _ in range(3):
        model.train_on_batch(x, targets(name))
    return model, x
