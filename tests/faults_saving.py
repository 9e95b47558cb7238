"""Saving that breaks off: a process killed, or a disk full, at every write and every step; a loadable file is left.

    python tests/faults_saving.py 1000 [seed]

Every save runs in a forked process over an old file. What is there afterwards must be the old file or the new one.
"""

import collections
import os
import pathlib
import random
import resource
import signal
import sys
import tempfile

import numpy as np

import tahr
from tahr.models import load_model
from tahr.utils import files
from tahr.utils.state_files import read_state, write_state

STEPS = ("open", "chmod", "fsync", "replace", "link", "close")      # of a save, besides the writes


def network(value):
    model = tahr.Sequential([tahr.layers.Dense(40, activation="relu", input_dim=20, name="a"),
                             tahr.layers.Dense(3, name="b")])
    model.compile("adam", "mse")
    model.set_weights([np.full_like(w, value) for w in model.get_weights()])
    return model


def _load(path):
    model = network(0.0)
    model.load_weights(path)
    return model.get_weights()


KINDS = {       # how a model is saved to a path, and how its weights are read from there
    **{ending: (lambda model, path: model.save_weights(path), _load) for ending in ("npz", "safetensors", "h5")},
    **{ending: (lambda model, path: model.save(path), lambda path: load_model(path).get_weights())
       for ending in ("keras", "whole.h5")},
    "state.npz": (lambda model, path: write_state(path, {"weights": model.get_weights()}),
                  lambda path: read_state(path)["weights"]),
}


def in_a_fork(function):
    """Run a function in a process of its own: 0, the code 1 for an OSError, 2 for another, or minus the signal."""
    pid = os.fork()
    if pid == 0:
        code = 2
        try:
            function()
            code = 0
        except OSError:
            code = 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def after(steps):
    """Let the process be killed at the so-manieth of :data:`STEPS`."""
    left = [steps]

    def killing(real):
        def step(*args, **kwargs):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)
        return step

    class System:       # in place of the module os, so that nothing else is killed
        def __getattr__(self, name):
            return getattr(os, name)

    system = System()
    for name in STEPS:
        setattr(system, name, killing(getattr(os, name)))
    files.os = system


def limited(size, killed):
    """Let no file grow beyond so many bytes: the process is killed there, or has an error as of a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL if killed else signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def faults(kind, rng, count):
    """Break saves of one kind so often; what came of them: how each ended, and which file was there."""
    save, load = KINDS[kind]
    outcome = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        path, value = pathlib.Path(folder, f"model.{kind}"), 1.0
        save(network(value), path)
        size = path.stat().st_size
        for i in range(count):
            new = network(value + 1)
            way = ("killed at a write", "full disk", "killed at a step")[i % 3]

            def attempt(way=way, new=new):
                if way == "killed at a step":
                    after(rng.randrange(10))
                else:
                    limited(rng.randrange(size), way == "killed at a write")
                save(new, path)

            rng.random()        # the child draws too, and its draws are not ours
            code = in_a_fork(attempt)
            found = load(path)
            is_new = all((w == value + 1).all() for w in found)
            assert is_new or all((w == value).all() for w in found), f"{kind}, {way}: neither the old nor the new file"
            assert code != 2 and (code != 0 or is_new), f"{kind}, {way}: ended with {code}"
            assert code in (0, 1, -signal.SIGKILL, -signal.SIGXFSZ), f"{kind}, {way}: ended with {code}"
            assert way != "full disk" or code == 1 and not is_new, f"{kind}, {way}: ended with {code}"
            left = [name for name in os.listdir(folder) if name != path.name]
            assert code != 1 or not left, f"{kind}, {way}: {left} was left behind"
            for name in left:       # what a killed process was writing
                os.unlink(os.path.join(folder, name))
            value += is_new
            ending = "error" if code == 1 else "killed" if code < 0 else "done"
            outcome[kind, way, ending, "new" if is_new else "old"] += 1
    return outcome


def main(count, seed=0):
    rng, total = random.Random(seed), collections.Counter()
    for kind in KINDS:
        total += faults(kind, rng, -(-count // len(KINDS)))
    for (kind, way, ending, file), n in sorted(total.items()):
        print(f"{kind:14} {way:18} {ending:7} {file} file {n:6}")
    print(f"{sum(n for (_, _, ending, _), n in total.items() if ending != 'done')} saves broken, no file lost")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:] or ["300"]))
