"""Pictures of models: by graphviz where it is installed, drawn here where it is not, and as text."""

import collections
import os
import pathlib
import shutil
import subprocess
import sys
import warnings

from .charts import box_lines, chart, direction, options_of
from .drawing import to_image, to_svg, to_text


class Dot:
    """A graph in the language of graphviz.

    >>> print(Dot("digraph {}", 96))
    digraph {}
    """

    def __init__(self, source, dpi):
        self.source, self.dpi = source, dpi

    def to_string(self):
        """The text."""
        return self.source

    __str__ = to_string

    def create(self, prog="dot", format="png"):
        """The picture, as bytes; OSError without graphviz."""
        program = shutil.which(prog)
        if program is None:
            raise OSError(f"graphviz is not installed: there is no program {prog!r} on the path")
        command = [program, f"-T{format}", f"-Gdpi={self.dpi}"]
        return subprocess.run(command, input=self.source.encode(), stdout=subprocess.PIPE, check=True).stdout

    def write(self, path, prog="dot", format="png"):
        """Write the picture, or for ``format='raw'`` or ``'dot'`` the text."""
        raw = format in ("raw", "dot")
        pathlib.Path(path).write_bytes(self.source.encode() if raw else self.create(prog, format))


def model_to_dot(model, show_shapes=False, show_layer_names=True, rankdir="TB", expand_nested=False, dpi=96,
                 subgraph=False, show_dtype=False, show_layer_activations=False, show_trainable=False):
    """A model as a :class:`Dot`; see :func:`plot_model` for the arguments.

    Arguments:
        subgraph: whether to make a cluster for another graph, default False.
    """
    options = options_of(show_shapes, show_layer_names, show_dtype, show_layer_activations, show_trainable)
    drawn = chart(model, expand_nested)
    numbers = {box.key: i for i, box in enumerate(drawn.boxes)}
    head = f'subgraph "cluster_{_quoted(model.name)}"' if subgraph else "digraph"
    lines = [f"{head} {{", f"rankdir={direction(rankdir)};", "concentrate=true;", "node [shape=record];"]
    inner = collections.defaultdict(list)
    for box in drawn.boxes:
        label = "|".join(map(_field, box_lines(box, options)))
        inner[box.model.name, box.model is model].append(f'{numbers[box.key]} [label="{{{label}}}"];')
    for (name, outermost), nodes in inner.items():
        lines += nodes if outermost else [f'subgraph "cluster_{_quoted(name)}" {{', f'label="{_quoted(name)}";', *nodes,
                                          "}"]
    lines += [f"{numbers[a]} -> {numbers[b]};" for a, b in drawn.edges]
    return Dot("\n".join([*lines, "}"]), dpi)


def _quoted(text):
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _field(text):
    """A line in a record of graphviz, where some characters have a meaning."""
    return "".join("\\" + c if c in '\\"{}|<>' else c for c in text)


def plot_model(model, to_file="model.png", show_shapes=False, show_layer_names=True, rankdir="TB", expand_nested=False,
               dpi=96, show_dtype=False, show_layer_activations=False, show_trainable=False):
    """Draw a model: a box for each layer, an arrow for each way that data take.

    Arguments:
        model: a built model.
        to_file: where to; the ending says what: ``.png``, ``.svg``, ``.txt`` for text, ``.dot`` for the language of
            graphviz, and with graphviz installed all that it knows, such as ``.pdf``. Without it, SVG is drawn here,
            and PNG by Pillow.
        show_shapes, show_layer_names, show_dtype, show_layer_activations, show_trainable: what stands in the boxes;
            default: the names alone.
        rankdir: where the arrows go: ``'TB'`` from top to bottom, the default, ``'LR'`` from left to right, ``'BT'``,
            ``'RL'``.
        expand_nested: whether the layers of models in the model are drawn, default False.
        dpi: dots per inch, default 96.

    Returns:
        In a notebook, the picture; else None.

    Raises:
        ValueError: for a model that is not built and an unknown ``rankdir``; OSError for an ending that needs graphviz.
    """
    path, ending = pathlib.Path(to_file), os.path.splitext(to_file)[1][1:].lower() or "png"
    options = options_of(show_shapes, show_layer_names, show_dtype, show_layer_activations, show_trainable)
    if not getattr(model, "built", True):
        raise ValueError(f"plot_model: the model {model.name!r} is not built yet, so its layers are not connected; "
                         f"build it or call it on data first")
    direction(rankdir)
    drawn = chart(model, expand_nested)
    if ending == "txt":
        path.write_text(to_text(drawn, options), encoding="utf-8")
    elif ending == "dot" or shutil.which("dot"):
        dot = model_to_dot(model, rankdir=rankdir, expand_nested=expand_nested, dpi=dpi, **options)
        dot.write(path, format=ending)
    elif ending == "svg":
        path.write_text(to_svg(drawn, options, rankdir), encoding="utf-8")
    elif not _draw(drawn, options, rankdir, dpi, path, ending):
        return None
    return _shown(path, ending)


def _draw(drawn, options, rankdir, dpi, path, ending):
    """Draw by Pillow; without it, print the model as text. Whether there is a file."""
    if ending != "png":
        raise OSError(f"plot_model: {path} needs graphviz, and there is no program 'dot' on the path; without it there "
                      f"are .svg, .png, .txt and .dot")
    try:
        to_image(drawn, options, rankdir, dpi).save(path)
    except ImportError:
        warnings.warn(f"{path} was not written: a PNG needs graphviz or Pillow. The model as text follows; "
                      f"to_file='model.svg' needs neither", stacklevel=3)
        print(to_text(drawn, options), end="")
        return False
    return True


def _shown(path, ending):
    if "IPython" not in sys.modules or ending not in ("png", "svg"):
        return None
    from IPython import display
    return display.SVG(filename=str(path)) if ending == "svg" else display.Image(filename=str(path))
