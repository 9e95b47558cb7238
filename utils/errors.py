"""Words that many errors share."""

import difflib


def did_you_mean(name, known):
    """``" Did you mean 'relu'?"`` when a known name is close to ``name``, else ``""``."""
    close = difflib.get_close_matches(str(name), [str(k) for k in known], n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def describe(x):
    """The kind of an argument in a few words, for error texts: ``float32 array of shape (2, 3)``."""
    if hasattr(x, "shape") and hasattr(x, "dtype"):
        return f"{x.dtype} array of shape {tuple(x.shape)}"
    return f"{type(x).__name__} {x!r}"


class ModelFileError(ValueError):
    """A file of a model or of weights is damaged, unsafe or of another kind; nothing has been changed."""
