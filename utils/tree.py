"""Nested lists, tuples and dicts, as trees whose leaves are anything else.

A list of nothing but numbers (or of such lists) is a leaf too: it is data, not structure.

>>> leaves, build = flatten({"b": (1, 2), "a": [3.0, 4.0]})
>>> leaves
[1, 2, [3.0, 4.0]]
>>> build([10, 20, 30])
{'b': (10, 20), 'a': 30}
"""


def is_leaf(tree):
    """Whether this is no structure: neither dict, tuple, nor a list of anything but numbers.

    >>> is_leaf([[1.0, 2.0], [3.0]]), is_leaf([(1.0, 2.0)])
    (True, False)
    """
    if isinstance(tree, list):
        return bool(tree) and all(isinstance(t, int | float) or isinstance(t, list) and is_leaf(t) for t in tree)
    return not isinstance(tree, dict | tuple)


def flatten(tree):
    """The leaves of a tree, in its own order, and the function that puts as many others in their places.

    >>> leaves, build = flatten((1, {"x": 2}))
    >>> build(leaf * 10 for leaf in leaves)
    (10, {'x': 20})
    """
    leaves = []
    _collect(tree, leaves)
    return leaves, lambda others: _rebuilt(tree, iter(others))


def leaves_like(tree, like):
    """The parts of ``tree`` at the places where ``like`` has its leaves; ValueError if they are built differently.

    >>> leaves_like({"a": 1, "b": [2, 3]}, {"b": 0, "a": 0})
    [[2, 3], 1]
    """
    if is_leaf(like):
        return [tree]
    if isinstance(like, dict):
        if not isinstance(tree, dict) or tree.keys() != like.keys():
            got = f"the keys {list(tree)}" if isinstance(tree, dict) else type(tree).__name__
            raise ValueError(f"expected a dict with the keys {list(like)}, got {got}")
        return [leaf for k in like for leaf in leaves_like(tree[k], like[k])]
    if not isinstance(tree, list | tuple) or len(tree) != len(like):
        got = len(tree) if isinstance(tree, list | tuple) else type(tree).__name__
        raise ValueError(f"expected a {type(like).__name__} of {len(like)} item(s), got {got}")
    return [leaf for t, part in zip(tree, like) for leaf in leaves_like(t, part)]


def _collect(tree, leaves):
    if is_leaf(tree):
        leaves.append(tree)
        return
    for part in tree.values() if isinstance(tree, dict) else tree:
        _collect(part, leaves)


def _rebuilt(tree, leaves):
    if is_leaf(tree):
        return next(leaves)
    if isinstance(tree, dict):
        return {k: _rebuilt(part, leaves) for k, part in tree.items()}
    parts = [_rebuilt(part, leaves) for part in tree]
    return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
