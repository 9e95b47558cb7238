"""``python -m tahr run script.py [args]``: run a program that was written for Keras.

``python -m tahr warm``: compile all kernels now, so that no program waits for them.
"""

import argparse
import importlib.util
import io
import os
import signal
import sys
import types

_PROGRAM = "TAHR_PROGRAM"       # how the processes that a program spawns know it: they inherit the environment


def main(arguments=None):
    """Run a command; returns the process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m tahr", description="Commands of tahr.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser("warm", help="compile all kernels into the cache, so that the first use of each is quick")
    run_parser = commands.add_parser("run", help="run a program written for Keras 1 or 2, with keras standing for tahr")
    run_parser.add_argument("script", help="the program")
    run_parser.add_argument("arguments", nargs=argparse.REMAINDER, help="its arguments")
    given = parser.parse_args(arguments)
    if given.command == "run":
        return run(given.script, given.arguments)
    from .kernels.warm import warm
    return 1 if warm(lambda line: print(line, flush=True)) else 0


def run(script, arguments=()):
    """Run a program as ``python script [arguments]`` would, but with ``keras`` resolved to tahr.

    Arguments:
        script: the path of the program.
        arguments: what it finds in ``sys.argv[1:]``.

    Returns:
        The exit code; a program that calls ``sys.exit`` raises SystemExit.
    """
    from .compat import install_as_keras
    path = os.path.abspath(script)
    try:
        with io.open_code(path) as file:
            source = file.read()
    except OSError as error:
        print(f"python -m tahr run: can't open file {path!r}: [Errno {error.errno}] {error.strerror}", file=sys.stderr)
        return 2
    install_as_keras(tensorflow=True)
    sys.argv = [script, *arguments]
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = os.path.dirname(path)
    program = types.ModuleType("__main__")
    program.__file__, program.__builtins__ = path, __builtins__
    program.__spec__ = importlib.util.find_spec(f"{__package__}.program")       # which spawned processes import
    os.environ[_PROGRAM] = path
    sys.modules["__main__"] = program
    try:
        exec(compile(source, path, "exec", dont_inherit=True), vars(program))
    except SystemExit:
        raise
    except BaseException as error:
        return _report(error, path)
    return 0


def run_again(names):
    """Run the program in a process that multiprocessing spawned, for what it defines."""
    from .compat import install_as_keras
    install_as_keras(tensorflow=True)
    path = os.environ[_PROGRAM]
    with io.open_code(path) as file:
        source = file.read()
    names["__file__"] = path
    exec(compile(source, path, "exec", dont_inherit=True), names)


def _report(error, path):
    """Print an error as Python would, from the program's own line on; returns the exit code."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != path:
        trace = trace.tb_next       # ours, and those of compile for what is no Python
    sys.excepthook(type(error), error.with_traceback(trace), trace)
    if isinstance(error, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    return 1


if __name__ == "__main__":
    sys.exit(main())
