"""The package as a whole: imports go downward, nothing heavy loads early, every example in a docstring runs."""

import ast
import doctest
import importlib
import pathlib
import pkgutil
import subprocess
import sys

import pytest

import tahr

ROOT = pathlib.Path(__file__).parent.parent
FRONT = {"activations", "compat", "constraints", "initializers", "ops", "regularizers"}       # tahr/*.py
ALLOWED = {
    "utils": set(),
    "kernels": {"utils"},
    "autograd": {"utils"},
    "tensor": {"autograd", "kernels", "utils"},
    "compiler": {"autograd", "kernels", "utils"},
    "front": {"tensor", "utils", "front"},
    "losses": {"tensor", "autograd", "utils"},
    "metrics": {"losses", "tensor", "autograd", "utils"},
    "optimizers": {"tensor", "autograd", "utils"},
    "layers": {"tensor", "autograd", "utils", "front"},
    "callbacks": {"utils"},
    "datasets": {"utils"},
    "preprocessing": {"utils"},
    "wrappers": {"models", "utils"},
    "backend": {"tensor", "autograd", "utils"},
    "saving": {"layers", "optimizers", "losses", "metrics", "tensor", "autograd", "utils", "front"},
    "models": {"saving", "layers", "optimizers", "losses", "metrics", "callbacks", "tensor", "autograd", "compiler",
               "utils", "front"},
    "applications": {"models", "layers", "tensor", "autograd", "utils", "front"},
}


def sources():
    for folder in ALLOWED:
        if folder != "front":
            yield from ((folder, path) for path in sorted((ROOT / folder).glob("*.py"))
                        if path.name != "make_digits.py")
    yield from (("front", ROOT / "tahr" / f"{name}.py") for name in sorted(FRONT))


def imported_folders(path):
    """The folders of ours that a file imports from: by ``from ..x import``, in tahr/ by ``from .x import``."""
    level = 1 if path.parent.name == "tahr" else 2
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == level:
            for name in [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]:
                yield "front" if name in FRONT else name


@pytest.mark.parametrize("folder, path", [pytest.param(f, p, id=f"{f}/{p.name}") for f, p in sources()])
def test_imports_go_downward(folder, path):
    assert set(imported_folders(path)) <= ALLOWED[folder] | ({folder} if folder == "front" else set())


def modules():
    found = [info.name for info in pkgutil.walk_packages(tahr.__path__, "tahr.")]
    for folder in sorted(ALLOWED.keys() - {"front"}):
        found += [f"tahr.{folder}.{path.stem}".removesuffix(".__init__")
                  for path in sorted((ROOT / folder).glob("*.py")) if path.stem != "make_digits"]
    return sorted(set(found) - {"tahr.__main__"})


@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings(name):
    importlib.import_module(name)
    failed, _ = doctest.testmod(sys.modules[name])
    assert failed == 0


def run(code):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT.parent).stdout


def test_import_loads_no_numba_and_compiles_nothing():
    loaded = run("import sys, tahr; print(*sys.modules)").split()
    assert not {"numba", "llvmlite", "h5py", "tqdm", "matplotlib", "scipy"} & set(loaded)


def test_training_loads_no_numba():
    code = ("import sys, tahr; m = tahr.Sequential([tahr.layers.Dense(1, input_dim=2)]); m.compile('sgd', 'mse'); "
            "m.train_on_batch([[1.0, 2.0]], [[1.0]]); print(*sys.modules)")
    assert "numba" not in run(code).split()


@pytest.mark.parametrize("first", ["from tahr.autograd import grad; print(grad(lambda x: x ** 2)(3.0).item())",
                                   "import tahr; print(tahr.autograd.grad(lambda x: x ** 2)(3.0).item())",
                                   "from tahr import ops; print(ops.exp(1.791759469).item())",
                                   "from tahr.layers import Dense; print(float(Dense(6).units))"])
def test_any_import_may_come_first(first):
    assert float(run(first)) == pytest.approx(6.0)


def test_unknown_names_raise():
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        getattr(tahr, "no_such_name")       # noqa: B009 (what is tested is the attribute)


def test_no_second_copy_from_the_repository_root():
    """The folders at the root are not importable by themselves: relative imports see to it."""
    result = subprocess.run([sys.executable, "-c", "import layers"], capture_output=True, text=True, cwd=ROOT)
    assert "ImportError" in result.stderr


def code_blocks(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    return [block.partition("```")[0] for block in text.split("```python\n")[1:]]


def test_readme_programs_run(capsys):
    """The README's programs run as they stand, one after the other, as a reader would type them."""
    names = {}
    for block in code_blocks("README.md"):
        exec(compile(block, "README.md", "exec"), names)
    predicted, actual = capsys.readouterr().out.split()[-2:]
    assert predicted == actual


def test_contributing_shows_the_op_as_it_stands():
    """The recipe's example is the code of the package, line by line."""
    source = (ROOT / "tensor" / "elementwise.py").read_text(encoding="utf-8")
    [block] = code_blocks("CONTRIBUTING.md")
    assert block.splitlines()[-3:] == source[source.index("def exp(x):"):].splitlines()[:3]
