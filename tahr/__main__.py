"""``python -m tahr warm``: compile all kernels now, so that no program waits for them."""

import argparse
import sys


def main(arguments=None):
    """Run a command; returns the process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m tahr", description="Commands of tahr.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser("warm", help="compile all kernels into the cache, so that the first use of each is quick")
    parser.parse_args(arguments)
    from .kernels.warm import warm
    return 1 if warm(lambda line: print(line, flush=True)) else 0


if __name__ == "__main__":
    sys.exit(main())
