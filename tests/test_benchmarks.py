"""The benchmarks run, leave no kernel out, and write what they should. Times are not looked at."""

import importlib
import json
import pathlib
import pkgutil
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from tahr import kernels
from tahr.kernels import jit, winograd

ROOT = pathlib.Path(__file__).parent.parent
EXCUSED = {}        # entries that no case runs, with the reason


@pytest.fixture(scope="module")
def benchmarks():
    """The package, which is not installed: it is found from the root of the repository only."""
    sys.path.insert(0, str(ROOT))
    try:
        package = importlib.import_module("benchmarks")
        importlib.import_module("benchmarks.__main__")
        for info in pkgutil.walk_packages(package.__path__, "benchmarks."):
            if "torch_" not in info.name:       # those need PyTorch
                importlib.import_module(info.name)
        yield package
    finally:
        sys.path.remove(str(ROOT))


@pytest.fixture(scope="module")
def ran(benchmarks, tmp_path_factory):
    """One call of every case, on tiny arrays: the folder of the results and the names of the entries that ran."""
    folder, called = tmp_path_factory.mktemp("results"), set()

    def watch(frame, event, _arg):
        if event == "call" and frame.f_code.co_name == "call" and "made" in frame.f_code.co_freevars:
            called.add(frame.f_locals["made"].name)
    worth, winograd.WORTH = winograd.WORTH, 0       # tiny ones go there too
    sys.setprofile(watch)
    try:
        assert benchmarks.__main__.main(["--once", "--no-torch", "--output", str(folder)]) == 0
    finally:
        sys.setprofile(None)
        winograd.WORTH = worth
    return folder, called


def test_every_entry_is_in_some_case(ran):
    for info in pkgutil.iter_modules(kernels.__path__):
        importlib.import_module(f"{kernels.__name__}.{info.name}")
    ours = {name for name, entry in jit.ENTRIES.items() if entry.fast.__module__.startswith(kernels.__name__)}
    assert ours - ran[1] == set(EXCUSED)


def test_tables(benchmarks, ran):
    text = (ran[0] / "RESULTS.md").read_text(encoding="utf-8")
    kept = json.loads((ran[0] / "results.json").read_text(encoding="utf-8"))
    assert set(kept["families"]) == set(benchmarks.cases.FAMILIES)
    for name, found in kept["families"].items():
        assert f"## {name}\n" in text and found["rows"]
        for row in found["rows"]:
            assert f"| {row['case']} |" in text and row["seconds"] > 0 and row["numpy"] > 0
    assert "GFLOP/s" in text and np.__version__ in text


def test_picture(benchmarks, ran, tmp_path):
    kept = json.loads((ran[0] / "results.json").read_text(encoding="utf-8"))
    assert "PyTorch was not installed" in (ran[0] / "results.svg").read_text(encoding="utf-8")
    rows = [{"case": f"<{ratio}>", "ratio": ratio} for ratio in (0.001, 0.5, 1.0, 1.7, 30.0)]
    kept["families"] = {"some": {"rows": rows}, "none": {"rows": [{"case": "alone"}]}}
    path = benchmarks.picture.write_picture(kept, tmp_path / "picture.svg")
    root = ElementTree.parse(path).getroot()
    bars = list(root.iter("{http://www.w3.org/2000/svg}rect"))[1:]
    width = float(root.get("width"))
    assert len(bars) == len(rows)
    assert all(0 <= float(b.get("x")) and float(b.get("x")) + float(b.get("width")) <= width for b in bars)
    one = float(bars[2].get("x"))
    assert float(bars[1].get("x")) < one and float(bars[3].get("x")) == pytest.approx(one)
    words = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "some: median 1.00" in words and "<0.5>" in words and "alone" not in words


def test_some_families_again(benchmarks, ran, tmp_path):
    """A run of one family leaves the others' figures; a run elsewhere does not."""
    rows = [{"case": "a"}]
    figures, about = benchmarks.figures, {"processor": "x", "date": "today"}
    first = figures.merged(tmp_path / "r.json", about, {}, {"one": rows, "two": rows}, "full")
    again = figures.merged(tmp_path / "r.json", {**about, "date": "tomorrow"}, {}, {"two": []}, "quick")
    assert again["families"]["one"] == first["families"]["one"]
    assert again["families"]["two"] == {"date": "tomorrow", "effort": "quick", "rows": []}
    other = figures.merged(tmp_path / "r.json", {"processor": "y", "date": "today"}, {}, {"two": []}, "full")
    assert set(other["families"]) == {"two"}


def test_ratios_are_of_the_faster_layout(benchmarks, monkeypatch):
    times = {"ours": [1.0, 1.0, 4.0], "slow": [9.0, 9.0, 9.0], "fast": [2.0, 2.0, 2.0]}
    monkeypatch.setattr(benchmarks.timing, "alternate", lambda *_: times)
    result = lambda: np.ones(3)
    case = benchmarks.cases.Case("x", result, {"slow": result, "fast": result})
    row = benchmarks.__main__.measure(case, benchmarks.timing.ONCE)
    assert (row["layout"], row["ratio"], row["torch"], row["seconds"]) == ("fast", 0.5, 2.0, 1.0)
    with pytest.raises(AssertionError, match="computes something else"):
        benchmarks.__main__.measure(benchmarks.cases.Case("x", result, {"wrong": lambda: np.zeros(3)}),
                                    benchmarks.timing.ONCE)


def test_same_work(benchmarks):
    x = np.arange(6.0).reshape(2, 3)
    assert benchmarks.cases.same_work((x, None), (x.T,))
    assert not benchmarks.cases.same_work((x,), (x, x))
    assert not benchmarks.cases.same_work(x, x * 1.1)


def test_share_of_peak(benchmarks):
    peaks = {"flops": 100.0, "bandwidth": 10.0}
    share = benchmarks.figures.share_of_peak
    assert share({"seconds": 2.0, "flops": 100.0, "bytes": 1.0}, peaks) == (0.5, "arithmetic")
    assert share({"seconds": 2.0, "flops": 1.0, "bytes": 10.0}, peaks) == (0.5, "memory")


def test_blocks_of_calls(benchmarks):
    """As many calls as fill a block, after those that wake everything up."""
    calls = []
    effort = benchmarks.timing.Effort("x", rounds=3, wake=0.0, block=0.0, pause=0.0)
    times = benchmarks.timing.alternate({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, effort)
    assert calls == ["a", "a", "b", "b", "b", "b", "a", "a", "a", "a", "b", "b"]
    assert all(len(found) == 3 and min(found) > 0 for found in times.values())
    assert benchmarks.timing.spread([1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx(2 / 3)


def test_times_in_words(benchmarks):
    text = benchmarks.figures.time_text
    assert [text(x) for x in (12.3, 0.0123, 4.56e-6, 7.8e-9, None)] == ["12.3 s", "12.3 ms", "4.56 us", "7.80 ns", ""]


def test_unknown_family(benchmarks, capsys):
    with pytest.raises(SystemExit):
        benchmarks.__main__.main(["gem"])
    assert "no such families: gem; there are attention" in capsys.readouterr().err


# Whole models

def record(peer, run, **figures):
    return {"peer": peer, "run": run, "workload": "W1", "name": "mlp", "threads": 2, "when": "2026-01-02 03:04:05",
            "versions": {peer: "1.0"}, **figures}


def test_ratios_of_models_are_of_one_run(benchmarks):
    """A peer that was measured when the machine was slow is compared with what we took then."""
    records = [record("tahr", "quiet", fit_ms=1.0), record("slow", "quiet", fit_ms=4.0),
               record("tahr", "busy", fit_ms=3.0), record("fast", "busy", fit_ms=6.0),
               record("alone", "night", fit_ms=1.0)]
    found = benchmarks.models.tables.compared(records)
    assert found["fit_ms"] == {"W1 mlp": (2.0, {"slow": (4.0, 0.25), "fast": (6.0, 0.5)})}
    assert found["train_ms"] == {}


def test_models_from_records(benchmarks, tmp_path):
    main = importlib.import_module("benchmarks.models.__main__").main
    path = tmp_path / "records.jsonl"
    records = [record("tahr", "a", fit_ms=1.0, peak_rss_mib=100.0),
               record("torch_eager", "a", fit_ms=8.0, peak_rss_mib=50.0),
               record("jax_jit", "a", fit_ms=2.0), record("torch_eager", "b", error="it broke")]
    path.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    assert main(["--from", str(path), "--output", str(tmp_path)]) == 0
    text = (tmp_path / "MODELS.md").read_text(encoding="utf-8")
    assert "| W1 mlp | 1 | 2 (0.50) | 8 (0.12) | 0.50 |" in text and "| W1 mlp | 100 | 50 (2.00) | 2.00 |" in text
    words = [e.text for e in ElementTree.parse(tmp_path / "models.svg").getroot().iter(
        "{http://www.w3.org/2000/svg}text")]
    assert "fit, per step: median 0.50" in words and "2.00" in words
    again = tmp_path / "again"
    again.mkdir()
    assert main(["--from", str(tmp_path / "models.jsonl"), "--output", str(again)]) == 0
    assert (again / "MODELS.md").read_text(encoding="utf-8") == text


def test_unknown_workloads_and_peers(benchmarks, capsys):
    main = importlib.import_module("benchmarks.models.__main__").main
    for option in (["--workloads", "W99"], ["--peers", "abacus"], ["--modes", "sleep"]):
        with pytest.raises(SystemExit):
            main(option)
        assert option[1] in capsys.readouterr().err


def test_a_peer_that_is_not_there(benchmarks):
    ready, notes = benchmarks.models.peers.available(["tahr", "torch_eager"], {"torch": str(ROOT / "nowhere")})
    assert list(ready) == ["tahr"] and "torch_eager is left out" in notes[0]


def test_models_have_the_parameters_they_are_counted_with(benchmarks):
    import tahr
    models, workloads = benchmarks.models.keras_models, benchmarks.models.workloads
    for name in ("W1", "W3", "W7", "W8", "W12"):
        w = workloads.WORKLOADS[name]
        model = models.compiled(tahr, w)
        assert sum(v.size for v in model.trainable_weights) == w.cost.parameters
        xs, ys = w.batches(1)[0]
        assert np.isfinite(model.train_on_batch(xs[0], models.labels(w, ys)[0]))
