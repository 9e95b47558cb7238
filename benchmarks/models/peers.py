"""Who is compared, and which Python interpreter runs each."""

import dataclasses
import os
import subprocess
import sys


@dataclasses.dataclass(frozen=True)
class Peer:
    """One way to train the workloads.

    Attributes:
        words: how tables call it.
        where: whose interpreter runs it: "own", "torch", "jax" or "tf".
        needs: the modules that interpreter must have.
        runner: the file beside this one that trains with it.
        module: the package with Keras's surface; "" for hand-written steps.
        backend: of Keras 3.
        options: of ``compile``; also whether PyTorch compiles.
    """

    words: str
    where: str
    needs: tuple
    runner: str
    module: str = ""
    backend: str = ""
    options: dict = dataclasses.field(default_factory=dict)


OURS = "tahr"
PEERS = {
    OURS: Peer("tahr", "own", ("tahr",), "keras_peer", "tahr"),
    "torch_eager": Peer("PyTorch eager", "torch", ("torch",), "torch_peer"),
    "torch_compile": Peer("torch.compile", "torch", ("torch",), "torch_peer", options={"compile": True}),
    "keras_torch": Peer("Keras 3, PyTorch", "torch", ("torch", "keras"), "keras_peer", "keras", "torch"),
    "keras_jax": Peer("Keras 3, JAX", "jax", ("jax", "keras"), "keras_peer", "keras", "jax"),
    "keras_tf": Peer("Keras 3, TensorFlow", "tf", ("tensorflow", "keras"), "keras_peer", "keras", "tensorflow"),
    "keras_tf_xla": Peer("Keras 3, TensorFlow XLA", "tf", ("tensorflow", "keras"), "keras_peer", "keras", "tensorflow",
                         {"jit_compile": True}),
    "tf_keras": Peer("tf_keras", "tf", ("tf_keras",), "keras_peer", "tf_keras"),
}
FAMILIES = {"torch": "PyTorch", "jax": "JAX", "tf": "TensorFlow"}       # environments of peers


def variable(where):
    """The environment variable that names the interpreter."""
    return f"BENCH_{where.upper()}_PYTHON"


def interpreters(given):
    """By environment: what the options say, else the variables, else this interpreter."""
    found = {where: given.get(where) or os.environ.get(variable(where)) or sys.executable for where in FAMILIES}
    return {"own": sys.executable, **found}


def missing(python, modules):
    """Why that interpreter cannot import the modules; empty when it can."""
    code = "import importlib.util as u, sys; print(*(m for m in sys.argv[1:] if u.find_spec(m) is None))"
    try:
        found = subprocess.run([python, "-c", code, *modules], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        return f"{python} does not run: {error}"
    return f"{python} has no {' and no '.join(found.split())}" if found.strip() else ""


def available(names, given):
    """``({peer: interpreter}, notes on those left out)``."""
    pythons, ready, notes = interpreters(given), {}, []
    for name in names:
        peer = PEERS[name]
        why = missing(pythons[peer.where], peer.needs)
        if why:
            notes.append(f"{name} is left out: {why} (--{peer.where}-python or {variable(peer.where)} names another)")
        else:
            ready[name] = pythons[peer.where]
    return ready, notes
