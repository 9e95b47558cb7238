"""The gate through which every op goes, the graph it leaves behind, and the walk back through it."""

import numpy as np

from ..utils import settings
from . import mode
from .node import Leaf, Node, Part
from .value import SCALARS, Spec, Types, Value, asked_for, constant, promoted, spec_of, wrap


def apply(op, inputs, attrs):
    """Run ``op``: on arrays, leaving a Node if a gradient may be asked for; on a Spec, only its shape rule."""
    arrays, recording, versioned = [], False, False
    for i, x in enumerate(inputs):
        if isinstance(x, Value):
            arrays.append(x.data)
            recording = recording or x.node is not None
            versioned = versioned or x.version is not None
        elif isinstance(x, Spec):
            return infer(op, inputs, attrs)
        elif type(x) in SCALARS or x is None:
            arrays.append(x)
        else:
            x = constant(x, inputs)
            arrays.append(x)
            inputs = (*inputs[:i], x, *inputs[i + 1:])
    try:
        data = op.forward(*arrays, **attrs)
    except Exception as error:
        raise explain(error, op, inputs, attrs) from None
    residual = None
    if op.residual:
        data, residual = data
    if type(data) is tuple:
        return _several(op, inputs, attrs, data, residual, recording)
    data = _result(data, inputs, attrs)
    out = wrap(data)
    if recording and op.differentiable and data.dtype.kind in "fc" and mode.recording():
        out.node = _record(op, inputs, attrs, data, residual, versioned)
    if versioned and data.base is not None:
        out.version = _shared_version(data, inputs)
    return out


def _result(data, inputs, attrs):
    """An array, 0-d too (NumPy returns scalars), and of a float dtype that somebody asked for."""
    if type(data) is not np.ndarray:
        data = np.asarray(data)
    if data.dtype.char in "de" and not (asked_for(data.dtype, inputs) or attrs.get("dtype") == data.dtype.name):
        return data.astype(settings.floatx())
    return data


def _several(op, inputs, attrs, data, residual, recording):
    data = tuple(_result(d, inputs, attrs) for d in data)
    if not (recording and op.differentiable and mode.recording()):
        return tuple(wrap(d) for d in data)
    node = _record(op, inputs, attrs, data, residual, True)
    return tuple(wrap(d, Part(node, i) if d.dtype.kind in "fc" else None) for i, d in enumerate(data))


def _record(op, inputs, attrs, data, residual, versioned):
    """The node of a result. It keeps arrays, not Values: a Value may be given another array later (``x += 1``)."""
    parents = tuple([x.node if isinstance(x, Value) and op.rule(i) else None for i, x in enumerate(inputs)])
    kept = op.keeps or (True,) * len(inputs)
    saved = tuple([x if not isinstance(x, Value) else x.data if keep else spec_of(x.data)
                   for x, keep in zip(inputs, kept)])
    node = Node(op, attrs, parents, saved, data if op.keeps_out else _specs(data), residual)
    if versioned:
        node.versions = [(x.version, x.version.count, x.shape) for x, keep in zip(inputs, kept)
                         if keep and isinstance(x, Value) and x.version]
    if mode.anomaly():
        node.where = mode.user_line()
    return node


def _specs(data):
    return tuple(map(spec_of, data)) if type(data) is tuple else spec_of(data)


def _shared_version(data, inputs):
    """The version of the input whose memory ``data`` is a view of, so that a write there is noticed here."""
    for x in inputs:
        if isinstance(x, Value) and x.version and (data.base is x.data or data.base is x.data.base):
            return x.version
    return None


def infer(op, inputs, attrs):
    """What ``op`` would return, as a Spec: runs its shape rule."""
    specs = [_as_spec(x, inputs) for x in inputs]
    result = op.shape(*specs, **attrs)
    if isinstance(result, Spec):
        return result
    if isinstance(result, list):
        return tuple(result)
    return Types.spec(result, promoted(inputs, op.dtype))


def _as_spec(x, inputs):
    if isinstance(x, Spec) or x is None:
        return x
    x = x if isinstance(x, Value) else constant(x, inputs)
    return Types.spec((), np.result_type(x)) if type(x) in SCALARS else Types.spec(x.shape, x.dtype)


def explain(error, op, inputs, attrs):
    """The shape rule's error where it has one, which says more than NumPy's; else ``error`` with the op's name."""
    try:
        infer(op, inputs, attrs)
    except Exception as better:
        return better
    shapes = ", ".join(str(getattr(x, "shape", x)) for x in inputs)
    error.add_note(f"in tahr.ops.{op.name} of {shapes}")
    return error


def backward(outputs, seeds, targets=None, retain_graph=False, create_graph=False):
    """Send ``seeds`` back from ``outputs``; returns ``{node: gradient}`` for the leaves, or for the target nodes.

    Nodes are visited by falling number, so each once, after all its children, and without recursion.
    """
    order = reachable([x.node for x in outputs])
    wanted = set(targets) if targets is not None else {n for n in order if type(n) is Leaf}
    leading = _leading_to(order, wanted)
    useful = leading | wanted
    pending, found = {}, {}
    with mode.GradMode(create_graph):
        for value, seed in zip(outputs, seeds):
            _accumulate(pending, value.node, seed)
        for node in order:
            grad = pending.pop(node, None)
            if node in wanted:
                found[node] = grad
            if grad is None or node not in leading:
                continue
            if type(node) is Part:
                parent = node.parents[0]
                grads = pending.setdefault(parent, [None] * len(parent.out))
                grads[node.index] = grad
                continue
            for parent, g in _step(node, grad, useful):
                _accumulate(pending, parent, g)
            if not (retain_graph or create_graph):
                node.saved = node.out = node.residual = None
    return found


def _step(node, grad, useful):
    """What ``grad`` sends through one node's rules to each of its useful parents."""
    if node.saved is None:
        raise RuntimeError(f"this graph was freed by an earlier backward (at {node.op.name!r}); to go through it "
                           "again, call the first with retain_graph=True, or run the forward pass again")
    for version, count, shape in node.versions or ():
        if version.count != count:
            raise _spoiled(node, version, count, shape)
    op, attrs, out = node.op, node.attrs, node.out
    saved = [wrap(x, parent) if type(x) is np.ndarray else x for x, parent in zip(node.saved, node.parents)]
    if op.residual:
        attrs = {**attrs, "residual": node.residual}
    if op.keeps_out:
        out = wrap(out, node) if type(out) is not tuple else tuple(wrap(o, Part(node, i)) for i, o in enumerate(out))
    for i, parent in enumerate(node.parents):
        if parent is None or parent not in useful:
            continue
        g = op.rule(i)(grad, out, *saved, **attrs)
        if g is None:
            continue
        if op.adjust is not None:
            g = op.adjust(g, saved[i])
        if mode.anomaly() and not np.isfinite(g.data).all():
            raise FloatingPointError(f"the gradient of {op.name!r} with respect to argument {i} (shape {g.shape}) is "
                                     f"not finite; the op ran at {node.where or 'a line outside detect_anomaly()'}")
        yield parent, g


def _spoiled(node, version, count, shape):
    return RuntimeError(
        f"the gradient of {node.op.name!r} needs a tensor of shape {shape} as it was in the forward pass, but its memory "
        f"was written {version.count - count} time(s) since, last at {version.where}: call backward before the write, or "
        "give the op a copy (x.copy())")


def _accumulate(pending, node, grad):
    before = pending.get(node)
    pending[node] = grad if before is None else before + grad


def reachable(nodes):
    """All nodes below these, children before parents."""
    seen, stack = set(nodes), list(set(nodes))
    while stack:
        for parent in stack.pop().parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return sorted(seen, key=lambda node: node.number, reverse=True)


def _leading_to(order, wanted):
    """The nodes below which there is a wanted one."""
    leading = set()
    for node in reversed(order):
        if any(parent in leading or parent in wanted for parent in node.parents):
            leading.add(node)
    return leading
