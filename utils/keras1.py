"""Spellings of Keras 1, translated where objects are constructed and where training is called.

``RENAMED`` maps old argument names to today's by class (and by the classes above it); ``VALUES`` says what became of
an argument whose values changed too. Both spellings at once are an error; an old one gives one notice at each line
that uses it.
"""

import sys
import warnings

_WEIGHT = {"init": "kernel_initializer", "W_regularizer": "kernel_regularizer", "b_regularizer": "bias_regularizer",
           "W_constraint": "kernel_constraint", "b_constraint": "bias_constraint", "bias": "use_bias"}
_CONV = {"nb_filter": "filters", "border_mode": "padding", "subsample": "strides", "dim_ordering": "data_format",
         "atrous_rate": "dilation_rate", **_WEIGHT}
_POOL = {"border_mode": "padding", "dim_ordering": "data_format"}
_RECURRENT = {"output_dim": "units", "init": "kernel_initializer", "inner_init": "recurrent_initializer",
              "inner_activation": "recurrent_activation", "W_regularizer": "kernel_regularizer",
              "U_regularizer": "recurrent_regularizer", "b_regularizer": "bias_regularizer", "dropout_W": "dropout",
              "dropout_U": "recurrent_dropout", "consume_less": "implementation"}

RENAMED = {
    "Optimizer": {"lr": "learning_rate"},
    "fit": {"nb_epoch": "epochs"},
    "generator": {"nb_epoch": "epochs", "nb_worker": "workers", "pickle_safe": "use_multiprocessing",
                  "max_q_size": "max_queue_size"},
    "Model": {"input": "inputs", "output": "outputs"},
    "Layer": {"input_dtype": "dtype"},
    "Dense": {"output_dim": "units", **_WEIGHT},
    "Dropout": {"p": "rate"}, "GaussianDropout": {"p": "rate"}, "GaussianNoise": {"sigma": "stddev"},
    "SpatialDropout1D": {"p": "rate"}, "SpatialDropout2D": {"p": "rate", "dim_ordering": "data_format"},
    "SpatialDropout3D": {"p": "rate", "dim_ordering": "data_format"},
    "Embedding": {"init": "embeddings_initializer", "W_regularizer": "embeddings_regularizer",
                  "W_constraint": "embeddings_constraint"},
    "SimpleRNN": _RECURRENT, "LSTM": _RECURRENT, "GRU": _RECURRENT,
    "ConvLSTM2D": {**_CONV, **_RECURRENT, "output_dim": "filters"},
    "Conv1D": {**_CONV, "filter_length": "kernel_size", "subsample_length": "strides"},
    "Conv2D": _CONV, "Conv3D": _CONV, "Conv2DTranspose": _CONV, "Conv3DTranspose": _CONV,
    "DepthwiseConv2D": _CONV, "LocallyConnected1D": {**_CONV, "filter_length": "kernel_size",
                                                     "subsample_length": "strides"},
    "LocallyConnected2D": _CONV,
    "SeparableConv1D": {**_CONV, "init": "pointwise_initializer", "filter_length": "kernel_size"},
    "SeparableConv2D": {**_CONV, "init": "pointwise_initializer"},
    "MaxPooling1D": {"pool_length": "pool_size", "stride": "strides", **_POOL},
    "AveragePooling1D": {"pool_length": "pool_size", "stride": "strides", **_POOL},
    **{name + d: _POOL for name in ("MaxPooling", "AveragePooling", "GlobalMaxPooling", "GlobalAveragePooling")
       for d in ("2D", "3D")},
    "UpSampling1D": {"length": "size"}, "UpSampling2D": _POOL, "UpSampling3D": _POOL, "ZeroPadding2D": _POOL,
    "ZeroPadding3D": _POOL, "Cropping2D": _POOL, "Cropping3D": _POOL,
    "BatchNormalization": {"beta_init": "beta_initializer", "gamma_init": "gamma_initializer"},
    "PReLU": {"init": "alpha_initializer"},
    "Merge": {"dot_axis": "dot_axes"},
    "ReduceLROnPlateau": {"epsilon": "min_delta"}, "MaxNorm": {"m": "max_value"},
    "MinMaxNorm": {"low": "min_value", "high": "max_value"},
    "to_categorical": {"nb_classes": "num_classes"}, "Tokenizer": {"nb_words": "num_words"},
    "load_data": {"nb_words": "num_words"}, "ImageDataGenerator": {"dim_ordering": "data_format"},
}
ORDERINGS = {"tf": "channels_last", "th": "channels_first", "default": None}
OLD_DEFAULTS = {kind: {"recurrent_activation": "hard_sigmoid"} for kind in ("LSTM", "GRU")}     # for Keras 1 spellings
_told: set[tuple] = set()       # where a notice has been given


def translate(owner, kinds, kwargs):
    """``kwargs`` under today's names; an old one warns, once a line, at the line that called into tahr.

    Arguments:
        owner: the class or function, for error texts.
        kinds: the entries of ``RENAMED`` that hold for it.
        kwargs: as they were given; left as they are.

    Raises:
        TypeError: for both spellings of one argument.

    >>> translate("fit", ("fit",), {"epochs": 3})
    {'epochs': 3}
    """
    if not kwargs:
        return kwargs
    names = {}
    for kind in kinds:
        names.update(RENAMED.get(kind, ()))
    special = [kind for kind in kinds if kind in SPECIAL]
    if kwargs.keys().isdisjoint(names) and not special:
        return kwargs
    found = [k for k in names if k in kwargs]
    for old in found:
        new = names[old]
        if new in kwargs:
            raise TypeError(f"For the `{new}` argument, the layer received both the legacy keyword argument `{old}` "
                            f"and "
                            f"the Keras 2 keyword argument `{new}`: {owner} got both {old!r} and {new!r}, two "
                            f"spellings "
                            f"of one argument: keep {new!r}")
        notice(f"{owner}: {old!r} is now called {new!r}")
        kwargs = {new if k == old else k: _value(old, v) for k, v in kwargs.items()}
    for kind in kinds if found else ():
        kwargs = {**OLD_DEFAULTS.get(kind, {}), **kwargs}
    for kind in special:
        kwargs = SPECIAL[kind](owner, kwargs)
    return kwargs


def _value(name, value):
    """An argument's value of today for one of old."""
    if name == "dim_ordering" and value in ORDERINGS:
        return ORDERINGS[value]
    if name == "consume_less":
        return {"cpu": 0, "mem": 1, "gpu": 2}.get(value, value)
    return value


def notice(text, category=DeprecationWarning):
    """Warn of an old spelling at the line outside of tahr that used it, once for each line."""
    frame, level = sys._getframe(1), 2
    package = __name__.rpartition(".")[0].rpartition(".")[0]
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(package + "."):
        frame, level = frame.f_back, level + 1
    place = frame.f_code.co_filename, frame.f_lineno, text
    if place not in _told:
        _told.add(place)
        warnings.warn(text, category, stacklevel=level)


# Arguments that are more than renamed

def _window(owner, kwargs):
    """``nb_row, nb_col`` or ``kernel_dim1, ...`` make the kernel's size."""
    for parts in (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3")):
        if any(p in kwargs for p in parts):
            if "kernel_size" in kwargs or not all(p in kwargs for p in parts):
                raise TypeError(f"{owner} got {[p for p in parts if p in kwargs]}: give all of {', '.join(parts)}, or "
                                "kernel_size=(rows, columns), not both")
            notice(f"{owner}: {', '.join(parts)} are now kernel_size=({', '.join(str(kwargs[p]) for p in parts)})")
            size = tuple(kwargs[p] for p in parts)
            kwargs = {k: v for k, v in kwargs.items() if k not in parts}
            kwargs["kernel_size"] = size
    return kwargs


def _transposed(owner, kwargs):
    """``output_shape`` follows from the rest today."""
    return {k: v for k, v in _window(owner, kwargs).items() if k != "output_shape"}


def _batch_norm(owner, kwargs):
    """``mode`` 0 is all there is."""
    if "mode" in kwargs:
        if kwargs["mode"] != 0:
            raise TypeError(f"{owner}: The `mode` argument of `BatchNormalization` no longer exists; mode="
                            f"{kwargs['mode']} has no counterpart")
        kwargs = {k: v for k, v in kwargs.items() if k != "mode"}
    return kwargs


def _recurrent(owner, kwargs):
    """``forget_bias_init='one'`` is a switch today."""
    if "forget_bias_init" in kwargs:
        kwargs = {**OLD_DEFAULTS["LSTM"], **kwargs}
        value = kwargs.pop("forget_bias_init")
        if value in ("one", "ones"):
            kwargs["unit_forget_bias"] = True
        else:
            notice(f"{owner}: forget_bias_init={value!r} is ignored; 'one' is unit_forget_bias=True", UserWarning)
    return kwargs


def _conv_recurrent(owner, kwargs):
    return _recurrent(owner, _window(owner, kwargs))


def _embedding(owner, kwargs):
    """Dropout of whole words is a layer of its own today."""
    if "dropout" in kwargs:
        notice(f"{owner}: the dropout argument is gone: apply SpatialDropout1D right after the Embedding", UserWarning)
        kwargs = {k: v for k, v in kwargs.items() if k != "dropout"}
    return kwargs


def _zero_padding(owner, kwargs):
    """A dict of sides is a pair of pairs today."""
    sides = kwargs.get("padding")
    if isinstance(sides, dict):
        kwargs = dict(kwargs)
        kwargs["padding"] = ((sides.get("top_pad", 0), sides.get("bottom_pad", 0)),
                             (sides.get("left_pad", 0), sides.get("right_pad", 0)))
    return kwargs


SPECIAL = {"Conv2D": _window, "Conv3D": _window, "SeparableConv2D": _window, "ConvLSTM2D": _conv_recurrent,
           "LocallyConnected2D": _window, "Conv2DTranspose": _transposed, "Conv3DTranspose": _transposed,
           "BatchNormalization": _batch_norm, "LSTM": _recurrent, "GRU": _recurrent, "SimpleRNN": _recurrent,
           "Embedding": _embedding, "ZeroPadding2D": _zero_padding}


# Arguments by position

def positions(owner, kinds, args, kwargs):
    """Arguments by position as Keras 1 had them, for classes whose order changed: ``Conv2D(32, 3, 3)``.

    Returns:
        ``args, kwargs`` in today's order.

    >>> positions("Conv2D", ("Layer", "Convolution2D"), (32, 3, 3), {})
    ((32, (3, 3)), {})
    """
    whole = lambda x: isinstance(x, int) and not isinstance(x, bool)
    if any(kind in ("Conv2D", "SeparableConv2D", "LocallyConnected2D", "Conv2DTranspose", "ConvLSTM2D")
           for kind in kinds) or "Convolution2D" in kinds:
        if len(args) >= 3 and whole(args[1]) and whole(args[2]):
            if "Convolution2D" not in kinds:
                notice(f"{owner}({args[0]}, {args[1]}, {args[2]}) is read as Keras 1 and 2 did, a window of {args[1]} "
                       f"x "
                       f"{args[2]}; Keras 3 reads kernel_size={args[1]}, strides={args[2]}. Write "
                       f"kernel_size=({args[1]}, {args[2]}), or strides by its name", FutureWarning)
            return _shifted(args, 2, kwargs)
    if any(kind == "Conv3D" for kind in kinds) and len(args) >= 4 and all(map(whole, args[1:4])):
        return _shifted(args, 3, kwargs)
    return args, kwargs


OLD_CONV_ORDER = ("init", "activation", "weights", "border_mode", "subsample", "dim_ordering", "W_regularizer",
                  "b_regularizer", "activity_regularizer", "W_constraint", "b_constraint", "bias")


def _shifted(args, dimensions, kwargs):
    """The window as one argument; what followed it in Keras 1 by its old name."""
    rest = args[1 + dimensions:]
    named = dict(zip(OLD_CONV_ORDER, rest))
    return (args[0], tuple(args[1:1 + dimensions])), {**named, **kwargs}
