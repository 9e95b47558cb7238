"""Good files changed at random, and read: nothing but our own errors, no memory and no time for them.

    python tests/fuzz_files.py 100000 [seed]

prints what came of them. The same seed gives the same files.
"""

import collections
import pathlib
import random
import resource
import sys
import tempfile
import time
import warnings

import numpy as np

import tahr
from tahr.models import load_model, model_from_json
from tahr.utils.errors import ModelFileError
from tahr.utils.state_files import read_state, write_state

INTERESTING = (b"\0", b"\xff", b"\x80", b"\x7f", b"{", b"}", b"[", b"]", b'"', b"(", b")", b",", b":", b"/", b"..",
               b"9" * 20, b"-1", b"NaN", b"null", b"true", b"\xff\xff\xff\xff",
               b"\xff\xff\xff\xff\xff\xff\xff\x7f", b"PK\x03\x04")


def mutated(content, rng):
    """A copy with one to eight changes: bits, bytes, words that parsers stumble over, pieces doubled, moved or gone."""
    content = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at, kind = rng.randrange(len(content) + 1), rng.randrange(7)
        end = min(at + rng.choice((1, 2, 4, 8, 100)), len(content))
        if kind == 0 and at < len(content):
            content[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and at < len(content):
            content[at] = rng.randrange(256)
        elif kind == 2:
            word = rng.choice(INTERESTING)
            content[at:at + len(word)] = word
        elif kind == 3:
            content[at:at] = rng.choice(INTERESTING)
        elif kind == 4:
            del content[at:end]
        elif kind == 5:
            content[at:at] = content[at:end]
        elif content:
            del content[rng.randrange(len(content)):]
        if not content:
            break
    return bytes(content)


def network():
    return tahr.Sequential([tahr.layers.Dense(2, input_dim=3, name="d"), tahr.layers.Dense(1, name="e")])


def sources(folder):
    """``{ending: (content of a good file, function that reads a file of that name into a model)}``."""
    model, found = network(), {}
    for ending in ("npz", "safetensors"):
        model.save_weights(folder / f"good.{ending}")
        found[ending] = (folder / f"good.{ending}").read_bytes(), lambda model, path: model.load_weights(path)
    write_state(folder / "state.npz", {"a": [1, 2.5, {"b": np.arange(5)}], "c": None})
    found["state.npz"] = (folder / "state.npz").read_bytes(), lambda model, path: read_state(path)
    names = ("d/kernel", "d/bias", "e/kernel", "e/bias")
    np.savez_compressed(folder / "packed.npz", **dict(zip(names, model.get_weights())))
    found["packed.npz"] = (folder / "packed.npz").read_bytes(), lambda model, path: model.load_weights(path)
    model.compile("adam", "mse", metrics=["accuracy"])
    for ending in ("keras", "h5", "weights.h5"):
        save = model.save_weights if ending == "weights.h5" else model.save
        save(folder / f"good.{ending}")
        content = (folder / f"good.{ending}").read_bytes()
        found[ending] = content, lambda model, path: model.load_weights(path)
        if ending != "weights.h5":
            found[f"whole.{ending}"] = content, lambda model, path: load_model(path)
    found["json"] = model.to_json().encode(), lambda model, path: model_from_json(path.read_text("utf-8", "replace"))
    return found


def fuzz(count, seed=0):
    """Read so many files; how many were refused and how many read, by kinds.

    Raises:
        AssertionError: at the first that does anything else; its text names the file, which is kept.
    """
    rng, outcome, model = random.Random(seed), collections.Counter(), network()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Error in loading the saved optimizer state")
        folder = pathlib.Path(folder)
        kinds = sources(folder)
        before = model.get_weights()
        for i in range(count):
            ending = rng.choice(sorted(kinds))
            content, read = kinds[ending]
            path = folder / f"x.{ending}"
            path.write_bytes(changed := mutated(content, rng))
            began = time.perf_counter()
            try:
                read(model, path)
                outcome[ending, "read"] += 1
                model.set_weights(before)
            except ModelFileError:
                outcome[ending, "refused"] += 1
                assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights())), keep(changed, ending)
            except Exception as error:
                raise AssertionError(f"file {i} of seed {seed}, {keep(changed, ending)}: {error!r}") from error
            assert time.perf_counter() - began < 5.0, f"{keep(changed, ending)} took its time"
    return outcome


def keep(content, ending):
    """Put a file where it can be looked at; its path."""
    with tempfile.NamedTemporaryFile(suffix=f".{ending}", delete=False) as file:
        file.write(content)
    return file.name


def main(count, seed=0):
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    for (ending, what), n in sorted(fuzz(count, seed).items()):
        print(f"{ending:20} {what:8} {n}")
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{count} files in {time.perf_counter() - began:.0f} s, {more:.0f} MB more memory than before")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:] or ["1000"]))
