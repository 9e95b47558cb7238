"""JSON of strangers: bounded in size, depth and numbers before anything is made of it."""

import json

from ..utils.errors import ModelFileError

MAX_BYTES = 64 * 2 ** 20        # 20,000 layers as Keras 3 writes them
MAX_DEPTH = 100
MAX_INTEGER = 2 ** 64


def parse(text, what="the config"):
    """The value of a JSON text.

    Arguments:
        text: a string or UTF-8 bytes.
        what: it is, for error texts.

    Raises:
        ModelFileError: for what is no JSON, above 64 MB or 100 levels, keys that occur twice, NaN and infinite numbers,
            integers beyond 64 bits.

    >>> parse('{"units": 3}')
    {'units': 3}
    >>> parse('{"units": 3, "units": 4}')
    Traceback (most recent call last):
    tahr.utils.errors.ModelFileError: the config has the key 'units' twice
    """
    if not isinstance(text, str | bytes):
        raise ModelFileError(f"{what} must be JSON text, got {type(text).__name__}")
    if len(text) > MAX_BYTES:
        raise ModelFileError(f"{what} has {len(text)} bytes, more than the {MAX_BYTES} that are read")
    try:
        value = json.loads(text, object_pairs_hook=lambda pairs: _once(pairs, what), parse_int=_integer,
                           parse_constant=_refuse_constant)
    except ModelFileError:
        raise
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{what} is no JSON that can be read: {str(error)[:200]}") from error
    _check_depth(value, what)
    return value


def _once(pairs, what):
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ModelFileError(f"{what} has the key {next(k for k in keys if keys.count(k) > 1)!r} twice")
    return found


def _integer(digits):
    if len(digits) > 20 or abs(int(digits)) > MAX_INTEGER:
        raise ModelFileError(f"an integer has more than 64 bits: {digits[:40]}")
    return int(digits)


def _refuse_constant(name):
    raise ModelFileError(f"{name} is no JSON")


def _check_depth(value, what):
    level = [value]
    for _ in range(MAX_DEPTH):
        if not level:
            return
        level = [child for v in level if isinstance(v, dict | list)
                 for child in (v.values() if isinstance(v, dict) else v)]
    raise ModelFileError(f"{what} is nested deeper than {MAX_DEPTH} levels")
