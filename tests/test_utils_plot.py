"""Models as pictures: what is connected, graphviz's language, SVG, PNG and text."""

import stat
import sys
import types
import xml.etree.ElementTree as ElementTree

import pytest

from tahr import layers, models
from tahr.utils import plot
from tahr.utils.charts import chart, options_of
from tahr.utils.drawing import layout
from tahr.utils.plot import model_to_dot, plot_model

ENDS = ["TB", "LR", "BT", "RL"]
EVERYTHING = {"show_shapes": True, "show_dtype": True, "show_layer_activations": True, "show_trainable": True}


class Layer:
    """As much of a layer as a picture shows."""

    def __init__(self, name, activation=None, layers=None, nodes=None):
        self.name, self.activation, self.dtype, self.trainable = name, activation, "float32", True
        if layers or nodes:
            self.layers, self.graph = layers, types.SimpleNamespace(nodes=nodes) if nodes else None


class Weird(Layer):
    pass


def call(layer, *parents, shape=(None, 2)):
    return types.SimpleNamespace(layer=layer, inbound_layers=list(parents), input_shapes=[shape] * len(parents),
                                 output_shapes=[shape])


@pytest.fixture
def diamond():
    """a -> (b, c) -> d, c being called twice, d being a model of two layers."""
    a, b, c = Layer("a"), Layer("b"), Layer('we"ird <{|}>\\')
    first, second = Layer("first"), Layer("second")
    d = Weird("d", nodes=[call(first), call(second, first)], layers=[first, second])
    nodes = [call(a), call(b, a), call(c, a), call(c, b, shape=(None, 3)), call(d, b, c)]
    return Layer("whole", nodes=nodes, layers=[a, b, c, d])


@pytest.fixture(autouse=True)
def no_graphviz(monkeypatch):
    monkeypatch.setattr(plot.shutil, "which", lambda name: None)


def sequential():
    return models.Sequential([layers.Dense(3, "relu", input_dim=2, name="wide"), layers.Dense(1, name="last")])


def edges(drawn):
    names = {box.key: box.layer.name for box in drawn.boxes}
    return sorted((names[a][:6], names[b][:6]) for a, b in drawn.edges)


def test_a_graph_has_a_box_for_each_layer_and_an_edge_for_each_way(diamond):
    drawn = chart(diamond)
    assert [box.layer.name[:6] for box in drawn.boxes] == ["a", "b", 'we"ird', "d"]
    assert edges(drawn) == [("a", "b"), ("a", 'we"ird'), ("b", "d"), ("b", 'we"ird'), ('we"ird', "d")]
    assert drawn.boxes[2].inputs == ((None, 2), (None, 3)) and drawn.boxes[0].inputs == ()


def test_nested_models_are_opened_if_asked_for(diamond):
    drawn = chart(diamond, expand_nested=True)
    assert edges(drawn) == [("a", "b"), ("a", 'we"ird'), ("b", "first"), ("b", 'we"ird'), ("first", "second"),
                            ('we"ird', "first")]
    assert drawn.boxes[-1].model.name == "d"


def test_a_model_without_a_graph_is_a_chain():
    drawn = chart(Layer("chain", layers=[Layer("a"), Layer("b"), Layer("c")]))
    assert edges(drawn) == [("a", "b"), ("b", "c")]


def test_a_sequential_model_of_ours():
    drawn = chart(sequential())
    assert ("wide", "last") in edges(drawn)
    assert [box.outputs for box in drawn.boxes][-2:] == [((None, 3),), ((None, 1),)]
    inner = chart(models.Sequential([sequential(), layers.Dense(2, name="after")]), expand_nested=True)
    assert {("wide", "last"), ("last", "after")} <= set(edges(inner))


def test_a_functional_model_of_ours():
    x = layers.Input((4,), name="x")
    shared = layers.Dense(4, name="shared")
    model = models.Model(x, shared(shared(x)))
    assert edges(chart(model)) == [("shared", "shared"), ("x", "shared")]


# The language of graphviz

def test_dot_names_all_boxes_and_edges(diamond):
    dot = model_to_dot(diamond, rankdir="LR", **EVERYTHING)
    text = dot.to_string()
    assert text == str(dot) == dot.source and text.startswith("digraph {\nrankdir=LR;") and text.count("->") == 5
    assert text.count("{") - text.count("\\{") == text.count("}") - text.count("\\}")
    assert r'label="{we\"ird \<\{\|\}\>\\: Layer|dtype: float32|trainable: True|input: (None, 2), (None, 3)' in text
    nested = model_to_dot(diamond, expand_nested=True, subgraph=True, show_layer_names=False).to_string()
    assert nested.startswith('subgraph "cluster_whole" {') and 'subgraph "cluster_d" {\nlabel="d";' in nested
    assert '[label="{Layer}"]' in nested


@pytest.fixture
def graphviz(tmp_path, monkeypatch):
    """A program in the place of dot, which answers with its arguments and its input."""
    program = tmp_path / "dot"
    program.write_text(f"#!{sys.executable}\nimport sys\nprint(sys.argv[1:], sys.stdin.read())\n")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setattr(plot.shutil, "which", lambda name: str(program) if name == "dot" else None)


def test_graphviz_draws_what_it_knows(graphviz, tmp_path):
    for ending in ("png", "svg", "pdf"):
        assert plot_model(sequential(), tmp_path / f"m.{ending}", dpi=200) is None
        text = (tmp_path / f"m.{ending}").read_text()
        assert text.startswith(f"['-T{ending}', '-Gdpi=200'] digraph {{") and "wide" in text
    dot = model_to_dot(sequential())
    assert dot.create(format="png").startswith(b"['-Tpng'")
    dot.write(tmp_path / "raw", format="raw")
    assert (tmp_path / "raw").read_text() == dot.source


def test_without_graphviz():
    with pytest.raises(OSError, match="there is no program 'dot' on the path"):
        model_to_dot(sequential()).create()


# Drawn here

@pytest.mark.parametrize("rankdir", ENDS)
def test_boxes_do_not_overlap_and_follow_each_other(rankdir, diamond):
    drawn = chart(diamond)
    places, width, height = layout(drawn, options_of(True, True, True, True, True), rankdir)
    boxes = list(places.values())
    for i, a in enumerate(boxes):
        assert 0 <= a.x and a.x + a.width <= width and 0 <= a.y and a.y + a.height <= height
        for b in boxes[:i]:
            assert (a.x + a.width <= b.x or b.x + b.width <= a.x or a.y + a.height <= b.y or b.y + b.height <= a.y)
    for first, second in drawn.edges:
        a, b = places[first], places[second]
        before = {"TB": a.y + a.height < b.y, "BT": b.y + b.height < a.y, "LR": a.x + a.width < b.x,
                  "RL": b.x + b.width < a.x}
        assert before[rankdir]


@pytest.mark.parametrize("rankdir", ENDS)
def test_svg_is_well_formed_and_says_all(rankdir, diamond, tmp_path):
    plot_model(diamond, tmp_path / "m.svg", rankdir=rankdir, **EVERYTHING)
    root = ElementTree.parse(tmp_path / "m.svg").getroot()
    find = lambda tag: root.findall(f".//{{http://www.w3.org/2000/svg}}{tag}")
    assert len(find("rect")) == 4 and len(find("line")) == 5
    texts = [t.text for t in find("text")]
    assert 'we"ird <{|}>\\: Layer' in texts and "d: Weird" in texts and "output: (None, 2)" in texts


def test_png_by_pillow(tmp_path):
    image = pytest.importorskip("PIL.Image")
    sizes = []
    for dpi in (96, 192):
        plot_model(sequential(), str(tmp_path / "m.png"), dpi=dpi)
        with image.open(tmp_path / "m.png") as drawn:
            sizes.append(drawn.size)
            assert len(drawn.getcolors(10 ** 6)) > 1
    assert sizes[1] == (2 * sizes[0][0], 2 * sizes[0][1])


def test_png_without_graphviz_and_pillow_becomes_text(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.warns(UserWarning, match="needs graphviz or Pillow.*'model.svg' needs neither"):
        plot_model(sequential(), tmp_path / "m.png")
    assert "last: Dense  <- wide" in capsys.readouterr().out and not (tmp_path / "m.png").exists()


def test_text_and_dot(tmp_path):
    plot_model(sequential(), tmp_path / "m.txt", show_shapes=True, show_layer_activations=True)
    assert (tmp_path / "m.txt").read_text().splitlines()[-2:] == [
        "wide: Dense  activation: relu  input: (None, 2)  output: (None, 3)"
        + ("  <- wide_input" if "wide_input" in (tmp_path / "m.txt").read_text() else ""),
        "last: Dense  activation: linear  input: (None, 3)  output: (None, 1)  <- wide"]
    plot_model(sequential(), tmp_path / "m.dot")
    assert (tmp_path / "m.dot").read_text() == model_to_dot(sequential()).source


def test_refused(tmp_path):
    with pytest.raises(OSError, match=r"m.pdf needs graphviz, .* without it there are .svg, .png, .txt and .dot"):
        plot_model(sequential(), tmp_path / "m.pdf")
    with pytest.raises(ValueError, match="rankdir must be 'TB', 'LR', 'BT' or 'RL', got 'UP'"):
        plot_model(sequential(), tmp_path / "m.svg", rankdir="UP")
    with pytest.raises(ValueError, match="is not built yet, so its layers are not connected; build it"):
        plot_model(models.Sequential([layers.Dense(2)]), tmp_path / "m.svg")


def test_notebooks_get_the_picture(tmp_path, monkeypatch):
    shown = []
    display = types.SimpleNamespace(SVG=lambda filename: shown.append(filename) or "svg")
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(display=display))
    assert plot_model(sequential(), tmp_path / "m.svg") == "svg" and shown == [str(tmp_path / "m.svg")]
    assert plot_model(sequential(), tmp_path / "m.txt") is None
