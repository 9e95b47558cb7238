"""The graph behind a functional model: which calls of layers lead from its inputs to its outputs, in what order."""

from ..autograd import Spec
from ..layers.node import key, source, symbols_in
from ..utils.tree import flatten


class Graph:
    """The nodes between inputs and outputs.

    Arguments:
        inputs, outputs: symbols, in lists, tuples and dicts as the model takes and returns them.

    Attributes:
        input_symbols, output_symbols: the symbols, flat.
        nodes: the calls of layers, each after those it needs.
        layers: in Keras's order: those furthest from the outputs first, among them those that the search from the
            outputs meets first.

    Raises:
        ValueError: for inputs and outputs between which there is no way, and for what no layer made.
    """

    def __init__(self, inputs, outputs):
        self.inputs, self.outputs = inputs, outputs
        self.input_symbols, self.output_symbols = symbols_in(inputs), symbols_in(outputs)
        self._check_ends()
        self.input_layers = [source(x)[0].layer for x in self.input_symbols]
        self.nodes = self._search(self.output_symbols)
        self.layers = self._ordered()
        names = [layer.name for layer in self.layers]
        if twice := [n for n in dict.fromkeys(names) if names.count(n) > 1]:
            raise ValueError(f'The name "{twice[0]}" is used {names.count(twice[0])} times in the model. All layer '
                             f'names '
                             "should be unique.")
        self._prepare()

    def __getstate__(self):
        derived = ("input_keys", "output_keys", "steps", "_build", "_met")
        return {k: v for k, v in vars(self).items() if k not in derived}

    def __setstate__(self, state):
        vars(self).update(state)
        self._prepare()

    def _prepare(self):
        """What every run needs."""
        self.input_keys, self.output_keys = list(map(key, self.input_symbols)), list(map(key, self.output_symbols))
        given = set(self.input_keys)
        self.steps = [(node, node.keys()) for node in self.nodes if not given.issuperset(node.keys())]
        self._build = flatten(self.outputs)[1]

    def _check_ends(self):
        for kind, tree, symbols in (("input", self.inputs, self.input_symbols),
                                    ("output", self.outputs, self.output_symbols)):
            leaves = flatten(tree)[0]
            if not symbols or len(symbols) != len(leaves):
                wrong = next((x for x in leaves if not isinstance(x, Spec)), tree)
                raise ValueError(f"{kind.capitalize()} tensors to a Model must be symbolic, made by Input and by "
                                 f"layers "
                                 f"called on such. Found: {wrong!r}")
            for x in symbols:
                if source(x) is None:
                    raise ValueError(f"{kind.capitalize()} tensors to a Model must be the output of a Keras `Layer` "
                                     f"(thus "
                                     f"holding past layer metadata). Found: {x!r}")
        if len({key(x) for x in self.input_symbols}) != len(self.input_symbols):
            raise ValueError("The list of inputs passed to the model is redundant. All inputs should only appear once. "
                             f"Found: {self.inputs}")

    def _search(self, ends):
        """All nodes that the ends need, each after its own inputs, without recursion; stops at the inputs."""
        known = {key(x) for x in self.input_symbols}
        done, order, self._met = set(), [], {}
        stack = [(source(x)[0], False) for x in reversed(ends)]
        while stack:
            node, ready = stack.pop()
            if ready:
                order.append(node)
                continue
            if id(node) in done:
                continue
            done.add(id(node))
            self._met.setdefault(id(node.layer), len(self._met))
            stack.append((node, True))
            if all(k in known for k in node.keys()):
                continue        # an input of the model: what it was made from does not matter
            if not node.inputs:
                known_layers = [n.layer.name for n in order]
                raise ValueError(f"Graph disconnected: cannot obtain value for tensor {node.output_tensors[0]!r} at "
                                 f"layer "
                                 f'"{node.layer.name}". The following previous layers were accessed without issue: '
                                 f"{known_layers}")
            stack += [(source(x)[0], False) for x in reversed(node.inputs)]
        return order

    def _ordered(self):
        known = {key(x) for x in self.input_symbols}
        depths, layer_depth, layers = {}, {}, {}
        for node in reversed(self.nodes):
            depth = max(depths.setdefault(id(node), 0), layer_depth.get(id(node.layer), 0))
            layer_depth[id(node.layer)] = depths[id(node)] = depth
            layers[id(node.layer)] = node.layer
            if not all(k in known for k in node.keys()):
                for x in node.inputs:
                    parent = source(x)[0]
                    depths[id(parent)] = max(depth + 1, depths.get(id(parent), 0))
        for layer in self.input_layers:
            layers.setdefault(id(layer), layer)
            layer_depth.setdefault(id(layer), 0)
        return sorted(layers.values(), key=lambda layer: (-layer_depth[id(layer)],
                                                              self._met.get(id(layer), len(self._met))))

    def extend(self, symbols):
        """Let the graph compute these symbols as well."""
        self.nodes = self._search([*self.output_symbols, *symbols])
        self.layers = self._ordered()
        self._prepare()

    def run(self, inputs, extra=()):
        """The outputs for some inputs (in the structure of ``inputs``), and the values of ``extra`` symbols."""
        leaves = self.match(inputs)
        values = dict(zip(self.input_keys, leaves))
        for node, keys in self.steps:
            made = node(values)
            if node.single:
                values[keys[0]] = made
            else:
                values.update(zip(keys, flatten(made)[0]))
        return self._build([values[k] for k in self.output_keys]), [values[key(x)] for x in extra]

    def match(self, inputs):
        """The parts of ``inputs`` that go into each input symbol, in their order."""
        if isinstance(inputs, dict):
            names = list(self.inputs) if isinstance(self.inputs, dict) else [x.name for x in self.input_layers]
            if missing := [n for n in names if n not in inputs]:
                raise ValueError(f'No data provided for "{missing[0]}". Need data for each key in: {names}')
            return [inputs[n] for n in names]
        leaves = flatten(inputs)[0] if isinstance(inputs, list | tuple) else [inputs]
        if len(leaves) != len(self.input_symbols):
            raise ValueError(f"the model has {len(self.input_symbols)} input(s) "
                             f"({', '.join(x.name for x in self.input_layers)}), got {len(leaves)}")
        return leaves
