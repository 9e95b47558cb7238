"""Would the generic tests of tests/test_ops.py notice a wrong op?  ``python tests/mutate.py [--op NAME]``

Breaks each op of the table in many small ways, one at a time, and runs its generic tests in this process. A mutant that
no test notices survives and is reported (exit status 1): then the op needs a better sample. What is broken:

- the forward pass: plus a constant, negated, doubled (integers: plus one; booleans: flipped);
- the shape rule: an axis more, the last size off by one, another dtype;
- each gradient rule: negated, plus a constant, doubled, zero;
- the source of the rules and of the private functions they call: ``+`` and ``-`` exchanged, ``*`` and ``/`` exchanged,
  a minus dropped, a sum (``adjust=match`` too) replaced by its first summand.
"""

import argparse
import ast
import copy
import importlib.util
import inspect
import pathlib
import sys
import warnings

import numpy as np

from tahr import ops
from tahr.autograd import OPS, Spec
from tahr.autograd.value import spec

SMOOTH, CASTS = "exact wherever there is a derivative", "its arguments do not broadcast: adjust only casts"
EQUIVALENT = {      # mutants that nobody could notice
    "zeros_like: forward negated": "-0 is 0",
    "zeros_like: forward doubled": "2 * 0 is 0",
    "linear_grad_x: adjust takes the first summand": CASTS,
    "linear_grad_w: adjust takes the first summand": CASTS,
    "softmax_cross_entropy: adjust takes the first summand": CASTS,
    "copysign: g * copysign(sign(x), x * y) -> g / copysign(sign(x), x * y)": f"1 / 1 and 1 / -1: {SMOOTH}",
    "copysign: x * y -> x / y": f"the sign is the same: {SMOOTH}",
}
SWAPS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}


# What stands in for sum_to, sum, mean and match: their first summand

def first_to(x, shape):
    lead = x.ndim - len(shape)
    return x[(0,) * lead + tuple(slice(0, 1) if n == 1 else slice(None) for n in shape)]


def first_of(x, axis=None, keepdims=False):
    axes = range(x.ndim) if axis is None else [a % x.ndim for a in np.atleast_1d(axis)]
    return x[tuple((slice(0, 1) if keepdims else 0) if i in axes else slice(None) for i in range(x.ndim))]


def first_matching(g, like):
    return ops.astype(first_to(g, like.shape), like.dtype)


FIRST = {"sum_to": first_to, "total": first_of, "sum": first_of, "mean": first_of, "match": first_matching}


# The mutants of an op: what was done, and the attributes of the op that do it

def mutants(op):
    yield from of_forward(op)
    yield from of_shape(op)
    if op.differentiable:
        yield from of_rules(op)
        yield from of_source(op)
    if op.adjust is not None:
        yield "adjust takes the first summand", {"adjust": first_matching}


def of_forward(op):
    def then(change):
        def forward(*arrays, **attrs):
            out = original(*arrays, **attrs)
            if op.residual:
                return change(np.asarray(out[0])), out[1]
            return tuple(map(change, out)) if isinstance(out, tuple) else change(np.asarray(out))
        return {"forward": forward}
    original, kind = op.forward, result_kind(op)
    if kind == "b":
        yield "forward flipped", then(np.logical_not)
        return
    yield "forward plus a constant", then(lambda x: x + x.dtype.type(0.5 if kind == "f" else 1))
    if kind == "f":
        yield "forward negated", then(np.negative)
        yield "forward doubled", then(lambda x: x + x)


def of_shape(op):
    def then(change):
        def shape(*specs, **attrs):
            out = original(*specs, **attrs)
            return [change(o) for o in out] if isinstance(out, list) else change(out)
        return {"shape": shape}

    def resized(change):
        return then(lambda o: spec(change(o.shape), o.dtype) if isinstance(o, Spec) else change(tuple(o)))
    original = op.shape
    yield "shape with an axis more", resized(lambda shape: (*shape, 1))
    yield "shape off by one", resized(lambda shape: (*shape[:-1], shape[-1] + 1) if shape and shape[-1] else shape)
    yield "shape of another dtype", then(lambda o: spec(o.shape if isinstance(o, Spec) else o, "float16"))


def of_rules(op):
    changes = {"negated": lambda g: -g, "plus 0.5": lambda g: g + 0.5, "doubled": lambda g: 2 * g,
               "zero": lambda g: g * 0}
    for i in range(3 if op.variadic else len(op.rules)):
        for name, change in changes.items() if op.rule(i) else ():
            wrong = lambda *args, rule=op.rule(i), change=change, **attrs: change(rule(*args, **attrs))
            rules = [wrong if j == i else op.rule(j) for j in range(9 if op.variadic else len(op.rules))]
            yield f"rule {i} {name}", {"rules": rules.__getitem__ if op.variadic else rules}


def of_source(op):
    trees = source_of(op)
    for owner, tree in trees.items():
        for i, node in enumerate(ast.walk(tree)):
            for other in broken(node):
                inside = "" if owner == "vjp" else f" in {owner}"
                yield (f"{ast.unparse(node)} -> {ast.unparse(other)}{inside}",
                       {"rules": compiled(op, trees, owner, i, other)})


def broken(node):
    """What a node of a rule's syntax tree is replaced by."""
    called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None
    if isinstance(node, ast.BinOp) and type(node.op) in SWAPS:
        yield ast.BinOp(node.left, SWAPS[type(node.op)](), node.right)
        if isinstance(node.left, ast.UnaryOp):
            yield ast.BinOp(node.left.operand, node.op, node.right)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield node.operand
    elif called == "negative":
        yield node.args[0]
    elif called in FIRST:
        yield ast.Call(ast.Name(f"first_{called}", ast.Load()), node.args, node.keywords)


# The source of rules

def source_of(op):
    """``{name: tree}``: the expression after ``vjp=``, and the private functions of the module that it leads to."""
    top = ast.parse(inspect.getsource(sys.modules[op.forward.__module__])).body
    functions = {node.name: node for node in top if isinstance(node, ast.FunctionDef)}
    constants = {node.targets[0].id: node.value for node in top if isinstance(node, ast.Assign)
                 and isinstance(node.targets[0], ast.Name)}
    rules = next(tree for function in functions.values() for tree in rules_of(function, op.name))
    trees = {"vjp": constants.get(rules.id, rules) if isinstance(rules, ast.Name) else rules}
    queue = ["vjp"]
    while queue:
        names = {n.id for n in ast.walk(trees[queue.pop()]) if isinstance(n, ast.Name)} - trees.keys()
        for name in sorted(names & functions.keys()):
            if name.startswith("_") and not functions[name].decorator_list:
                trees[name] = functions[name]
                queue.append(name)
    return trees


def rules_of(function, op_name):
    """The expression after ``vjp=`` if this function defines that op."""
    for call in function.decorator_list:
        keywords = {k.arg: k.value for k in call.keywords} if isinstance(call, ast.Call) else {}
        name = keywords.get("name", ast.Constant(function.name.strip("_")))
        if "vjp" in keywords and ast.literal_eval(name) == op_name:
            yield keywords["vjp"]


def compiled(op, trees, owner=None, place=None, other=None):
    """The rules of this source, with one node (of a tree, by its place in the walk) exchanged for another."""
    module = sys.modules[op.forward.__module__]
    namespace = {**vars(module), **{f"first_{name}": function for name, function in FIRST.items()}}
    trees = copy.deepcopy(trees)
    if owner is not None:
        trees[owner] = Exchange(list(ast.walk(trees[owner]))[place], other).visit(trees[owner])
    rules = ast.Assign([ast.Name("rules", ast.Store())], trees.pop("vjp"))
    body = ast.fix_missing_locations(ast.Module([*trees.values(), rules], []))
    exec(compile(body, module.__file__, "exec"), namespace)
    return namespace["rules"]


class Exchange(ast.NodeTransformer):
    def __init__(self, node, other):
        self.node, self.other = node, other

    def visit(self, node):
        return self.other if node is self.node else self.generic_visit(node)


# Running the tests

def load_tests():
    source = importlib.util.spec_from_file_location("test_ops", pathlib.Path(__file__).with_name("test_ops.py"))
    module = importlib.util.module_from_spec(source)
    source.loader.exec_module(module)
    return module


def calls(op):
    return [s for s in op.samples if s.error is None]


def result_kind(op):
    """The kind of dtype that the op's first sample gives."""
    args, kwargs = tests.drawn(op, calls(op)[0])
    return tests.run(op, tests.each_array(args, tests.as_tensor), kwargs)[0].dtype.kind


def noticed(op, **changes):
    """Whether a generic test of the op fails while it has these attributes."""
    before = {name: getattr(op, name) for name in changes}
    try:
        for name, value in changes.items():
            setattr(op, name, value)
        for sample in calls(op):
            tests.test_value(op, sample)
            if op.differentiable:
                tests.test_gradient_to_second_order(op, sample)
            for dtype in ("float64", "float32"):
                tests.test_shape_rule(op, sample, dtype)
            tests.test_shape_rule_with_unknown_batch(op, sample)
    except Exception:       # a mutant may fail in any way: every way is a notice, and none is hidden from a user
        return True
    finally:
        for name, value in before.items():
            setattr(op, name, value)
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--op", help="only this one")
    wanted = parser.parse_args().op
    table = {name: op for name, op in sorted(OPS.items()) if name not in tests.EXCUSED and wanted in (None, name)}
    if not table:
        parser.error(f"there is no tested op {wanted!r}")
    count, odd = 0, []
    for name, op in table.items():
        if noticed(op) or op.differentiable and noticed(op, rules=compiled(op, source_of(op))):
            sys.exit(f"{name} fails its tests as it is, or with its rules compiled again")
        for text, changes in mutants(op):
            count += 1
            caught, text = noticed(op, **changes), f"{name}: {text}"
            if caught == (text in EQUIVALENT):
                odd.append(f"{text}{'   (noticed, but listed as equivalent)' if caught else ''}")
    print(f"{len(table)} ops, {count} mutants, {len(odd)} survived", *odd, sep="\n")
    return bool(odd)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    tests = load_tests()
    sys.exit(main())
