"""What a function takes, and functions as text."""

import binascii
import builtins
import codecs
import inspect
import marshal
import types


def has_arg(fn, name, accept_all=False):
    """Whether a function can be called with an argument of that name.

    Arguments:
        fn: a function, method or class.
        name: of the argument.
        accept_all: whether ``**kwargs`` counts as taking it; default: no.

    >>> has_arg(print, "end"), has_arg(len, "obj"), has_arg(dict.fromkeys, "no_such")
    (True, False, False)
    """
    try:
        parameters = inspect.signature(fn).parameters
    except ValueError:                  # a function written in C which does not tell
        return False
    if name in parameters and parameters[name].kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD,
                                                        inspect.Parameter.KEYWORD_ONLY):
        return True
    return accept_all and any(p.kind == inspect.Parameter.VAR_KEYWORD for p in parameters.values())


def func_dump(func):
    """A Python function as ``(code, defaults, closure)``: its bytecode as text, which this version of Python reads.

    >>> double = func_load(func_dump(lambda x: 2 * x))
    >>> double(3)
    6
    """
    cells = func.__closure__
    code = codecs.encode(marshal.dumps(func.__code__), "base64").decode("ascii")
    return code, func.__defaults__, tuple(cell.cell_contents for cell in cells) if cells else None


def func_load(code, defaults=None, closure=None, globs=None):
    """The function that :func:`func_dump` wrote. **Only for text you trust**: calling the result runs its code.

    Arguments:
        code: the text, or the whole tuple that ``func_dump`` gave.
        defaults: of the last arguments, a tuple.
        closure: the values, or cells, of the function's free variables.
        globs: the dict of names that the function sees; default: Python's own alone.

    Raises:
        ValueError: for text that is no bytecode of this version of Python.
    """
    if isinstance(code, tuple | list):
        code, defaults, closure = code
    loaded = _code_of(code)
    cells = tuple(c if isinstance(c, types.CellType) else types.CellType(c) for c in closure or ())
    if len(cells) != len(loaded.co_freevars):
        raise ValueError(f"func_load: the function needs {len(loaded.co_freevars)} values for its free variables "
                         f"{loaded.co_freevars}, got {len(cells)}: pass them as closure")
    scope = {"__builtins__": builtins} if globs is None else globs
    return types.FunctionType(loaded, scope, loaded.co_name, None if defaults is None else tuple(defaults),
                              cells or None)


def _code_of(text):
    """The code object of base64 text; before Keras 2.1.2 it was the bytes themselves, as characters."""
    for raw in _bytes_of(text):
        try:
            loaded = marshal.loads(raw)
        except (ValueError, EOFError, TypeError):
            continue
        if isinstance(loaded, types.CodeType):
            return loaded
    raise ValueError("func_load: the text is no function that func_dump wrote with this version of Python; import "
                     "the function from its module, or name it in custom_objects")


def _bytes_of(text):
    try:
        yield codecs.decode(text.encode("ascii"), "base64")
    except (UnicodeEncodeError, binascii.Error):
        pass
    yield text.encode("raw_unicode_escape")
