"""Older spellings of arguments, by the class or function that takes them; applied where objects are constructed."""

import warnings

RENAMED = {
    "Optimizer": {"lr": "learning_rate"},
    "fit": {"nb_epoch": "epochs"},
    "generator": {"nb_epoch": "epochs", "nb_worker": "workers", "pickle_safe": "use_multiprocessing",
                  "max_q_size": "max_queue_size"},
    "Model": {"input": "inputs", "output": "outputs"},
}


def translate(owner, kinds, kwargs):
    """``kwargs`` under today's names; an old one warns at the line that called the caller of this function.

    Arguments:
        owner: the class or function, for error texts.
        kinds: the entries of ``RENAMED`` that hold for it.
        kwargs: as they were given; left as they are.

    Raises:
        TypeError: for both spellings of one argument.

    >>> translate("fit", ("fit",), {"epochs": 3})
    {'epochs': 3}
    """
    for kind in kinds:
        for old, new in RENAMED.get(kind, {}).items():
            if old not in kwargs:
                continue
            if new in kwargs:
                raise TypeError(f"{owner} got both {old!r} and {new!r}, two spellings of one argument: keep {new!r}")
            warnings.warn(f"{owner}: {old!r} is now called {new!r}", DeprecationWarning, stacklevel=3)
            kwargs = {new if k == old else k: v for k, v in kwargs.items()}
    return kwargs
