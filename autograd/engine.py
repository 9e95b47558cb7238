"""The gate through which every op goes, the graph it leaves behind, and the walk back through it."""

import numpy as np

from ..utils import settings
from . import mode
from .infer import explain, infer
from .node import NEVER, Leaf, Node, Part, leading_to, reachable, version_of
from .value import SCALARS, Spec, Value, asked_for, constant, spec_of, wrap


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
    raw = data
    if type(data) is tuple:
        outs = _several(op, inputs, attrs, data, residual, recording, versioned)
        if mode.recorders and mode.recorder():
            mode.recorder().note(op, inputs, arrays, attrs, raw, outs, residual)
        return outs
    if type(data) is not np.ndarray or data.dtype.char in "de":
        data = _result(data, inputs, attrs)
    out = wrap(data)
    if recording and op.differentiable and mode.recording() and data.dtype.kind in "fc":
        out.node = _record(op, inputs, attrs, data, residual, versioned)
    if versioned and (data.base is not None or any(data is a for a in arrays)):
        out.version = _shared_version(data, inputs)
    if mode.recorders and mode.recorder():
        mode.recorder().note(op, inputs, arrays, attrs, raw, out, residual)
    return out


def _result(data, inputs, attrs):
    """An array, 0-d too (NumPy returns scalars), and of a float dtype that somebody asked for."""
    if type(data) is not np.ndarray:
        data = np.asarray(data)
    if data.dtype.char in "de" and not (asked_for(data.dtype, inputs) or attrs.get("dtype") == data.dtype.name):
        return data.astype(settings.floatx())
    return data


def _several(op, inputs, attrs, data, residual, recording, versioned):
    data = tuple(_result(d, inputs, attrs) for d in data)
    outs = tuple(map(wrap, data))
    if recording and op.differentiable and mode.recording():
        node = _record(op, inputs, attrs, data, residual, versioned)
        for i, out in enumerate(outs):
            out.node = Part(node, i) if out.dtype.kind in "fc" else None
    if versioned:
        for out in outs:
            out.version = _shared_version(out.data, inputs)
    return outs


def _record(op, inputs, attrs, data, residual, versioned):
    """The node of a result. It keeps arrays, not Values: a Value may be given another array later (``x += 1``)."""
    ruled = op.ruled if op.ruled is not None else [op.rule(i) for i in range(len(inputs))]
    parents = tuple([x.node if has_rule and isinstance(x, Value) else None for x, has_rule in zip(inputs, ruled)])
    kept = op.keeps if len(inputs) == len(op.keeps) else op.keeps + (op.keeps_rest,) * (len(inputs) - len(op.keeps))
    saved = tuple([x if not isinstance(x, Value) else x.data if keep else spec_of(x.data)
                   for x, keep in zip(inputs, kept)])
    node = Node(op, attrs, parents, saved, data if op.keeps_out else _specs(data), residual)
    if versioned:
        node.versions = tuple([version_of(x) if keep else NEVER for x, keep in zip(inputs, kept)])
    if mode.anomaly():
        node.where = mode.user_line()
    return node


def _specs(data):
    return tuple(map(spec_of, data)) if type(data) is tuple else spec_of(data)


def _shared_version(data, inputs):
    """The version of the input whose memory ``data`` is or is a view of, so that a write there is noticed here."""
    for x in inputs:
        if isinstance(x, Value) and x.version and (
                data is x.data or data.base is not None and np.may_share_memory(data, x.data)):
            return x.version
    return None


def backward(outputs, seeds, targets=None, retain_graph=False, create_graph=False, since=0):
    """Send ``seeds`` back from ``outputs``; returns ``{node: gradient}`` for the leaves, or for the target nodes.

    Nodes are visited by falling number, so each once, after all its children, and without recursion. Nodes with a
    number below ``since`` receive gradients and pass none on.
    """
    order = reachable([x.node for x in outputs], since)
    wanted = set(targets) if targets is not None else {n for n in order if type(n) is Leaf}
    leading = leading_to(order, wanted, since)
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
                _accumulate(pending.setdefault(node.parents[0], {}), node.index, grad)
                continue
            for i, g in _step(node, grad, useful):
                _accumulate(pending, node.parents[i], g)
            if not (retain_graph or create_graph):
                node.saved = node.out = node.residual = None
    return found


def _step(node, grad, useful):
    """What ``grad`` sends through one node's rules to each of its useful parents."""
    op, attrs, out = node.op, node.attrs, node.out
    if node.saved is None:
        raise RuntimeError(f"this graph was freed by an earlier backward (at {op.name!r}); to go through it "
                           "again, call the first with retain_graph=True, or run the forward pass again")
    inputs = [wrap(x, parent) if type(x) is np.ndarray else x for x, parent in zip(node.saved, node.parents)]
    if node.versions:
        _look_at_versions(node, inputs)
    if type(grad) is dict:      # of several results, by index; None for one that nobody used
        grad = [grad.get(i) for i in range(len(out))]
    if op.residual:
        attrs = {**attrs, "residual": node.residual}
    if op.keeps_out:
        out = wrap(out, node) if type(out) is not tuple else tuple(wrap(o, Part(node, i)) for i, o in enumerate(out))
    needed = [i for i, parent in enumerate(node.parents) if parent in useful]
    found = op.gradients(needed, grad, out, inputs, attrs)
    if mode.anomaly():
        for i, g in found:
            if not np.isfinite(g.data).all():
                raise FloatingPointError(
                    f"the gradient of {op.name!r} with respect to argument {i} (shape {g.shape}) is not finite; the op "
                    f"ran at {node.where or 'a line outside detect_anomaly()'}")
    return found


def _look_at_versions(node, inputs):
    """Raise if memory that the rules need was written since the forward pass."""
    for x, (version, count) in zip(inputs, node.versions):
        if version is not None and version.count != count:
            raise RuntimeError(
                f"the gradient of {node.op.name!r} needs a tensor of shape {x.shape} as it was in the forward pass, "
                f"but its memory was written {version.count - count} time(s) since, last at {version.where}: call "
                "backward before the write, or give the op a copy (x.copy())")
        if version is not None and isinstance(x, Value):
            x.version = version


def _accumulate(pending, key, grad):
    before = pending.get(key)
    pending[key] = grad if before is None else before + grad
