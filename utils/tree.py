"""Nested lists, tuples and dicts, as trees whose leaves are anything else.

A list of nothing but numbers (or of such lists) is a leaf too: it is data, not structure.

>>> leaves, build = flatten({"b": (1, 2), "a": [3.0, 4.0]})
>>> leaves
[[3.0, 4.0], 1, 2]
>>> build([30, 10, 20])
{'a': 30, 'b': (10, 20)}
"""


def is_leaf(tree):
    """Whether this is no structure: neither dict, tuple, nor a list of anything but numbers."""
    if isinstance(tree, list):
        return bool(tree) and all(isinstance(t, int | float) or isinstance(t, list) and is_leaf(t) for t in tree)
    return not isinstance(tree, dict | tuple)


def leaves_like(tree, like):
    """The parts of ``tree`` at the places where ``like`` has its leaves."""
    if is_leaf(like):
        return [tree]
    if isinstance(like, dict):
        return [leaf for k in sorted(like, key=str) for leaf in leaves_like(tree[k], like[k])]
    return [leaf for t, part in zip(tree, like, strict=True) for leaf in leaves_like(t, part)]


def flatten(tree):
    """The leaves of a tree, dicts in the order of their sorted keys, and the function that puts leaves back."""
    if is_leaf(tree):
        return [tree], lambda leaves: leaves[0]
    if isinstance(tree, dict):
        keys = sorted(tree, key=str)
        parts = [flatten(tree[k]) for k in keys]
        return _joined(parts), lambda leaves: dict(zip(keys, _built(parts, leaves)))
    parts = [flatten(t) for t in tree]
    kind = type(tree)
    make = (lambda items: kind(*items)) if hasattr(tree, "_fields") else kind
    return _joined(parts), lambda leaves: make(_built(parts, leaves))


def _joined(parts):
    return [leaf for leaves, _ in parts for leaf in leaves]


def _built(parts, leaves):
    built, at = [], 0
    for own, build in parts:
        built.append(build(leaves[at:at + len(own)]))
        at += len(own)
    return built
