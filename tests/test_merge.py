"""Layers that merge several tensors, their functions, and Keras 1's Merge of branches."""

import copy
import json
import pickle

import numpy as np
import pytest

import tahr
from tahr import layers, ops
from tahr.autograd import check_grads
from tahr.layers import (
    LSTM,
    Add,
    Average,
    Concatenate,
    Dense,
    Dot,
    Dropout,
    Embedding,
    Input,
    Layer,
    Masking,
    Maximum,
    Merge,
    Minimum,
    Multiply,
    Subtract,
    merge,
)
from tahr.tensor import Symbol, Tensor


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def tensors(arrays):
    return [Tensor(a, dtype=a.dtype) for a in arrays]


def pairs(x, y, a, b):
    """The sum of products along two axes, a sample and an element at a time."""
    out = []
    for i in range(len(x)):
        left, right = np.moveaxis(x[i], a - 1, -1), np.moveaxis(y[i], b - 1, -1)
        one = np.zeros(left.shape[:-1] + right.shape[:-1])
        for p in np.ndindex(*left.shape[:-1]):
            for q in np.ndindex(*right.shape[:-1]):
                one[p + q] = sum(left[p][k] * right[q][k] for k in range(left.shape[-1]))
        out.append(one if one.ndim else one[None])
    return np.stack(out)


def unit(x, axis):
    return x / np.sqrt((x ** 2).sum(axis, keepdims=True))


SAME = (3, 4), (3, 4), (3, 4)
MIXED = (3, 4), (3, 5, 1), (3, 2, 5, 4)     # (3, 4) stands for (3, 1, 1, 4), (3, 5, 1) for (3, 1, 5, 1)
wide = lambda xs: [x.reshape(x.shape[0], *(1,) * (4 - x.ndim), *x.shape[1:]) for x in xs]
CASES = [
    (Add, {}, SAME, lambda *xs: xs[0] + xs[1] + xs[2]), (Add, {}, MIXED, lambda *xs: sum(wide(xs))),
    (Subtract, {}, SAME[:2], lambda x, y: x - y), (Subtract, {}, MIXED[1:], lambda x, y: x[:, None] - y),
    (Multiply, {}, SAME, lambda *xs: xs[0] * xs[1] * xs[2]),
    (Average, {}, SAME, lambda *xs: np.mean(xs, 0)), (Average, {}, MIXED, lambda *xs: sum(wide(xs)) / 3),
    (Maximum, {}, SAME, lambda *xs: np.max(xs, 0)), (Minimum, {}, SAME, lambda *xs: np.min(xs, 0)),
    (Concatenate, {}, ((3, 4), (3, 1), (3, 2)), lambda *xs: np.concatenate(xs, 1)),
    (Concatenate, {"axis": 1}, ((3, 4, 2), (3, 1, 2)), lambda *xs: np.concatenate(xs, 1)),
    (Dot, {"axes": -1}, ((3, 4), (3, 4)), lambda x, y: pairs(x, y, 1, 1)),
    (Dot, {"axes": 1, "normalize": True}, ((3, 4), (3, 4)), lambda x, y: pairs(unit(x, 1), unit(y, 1), 1, 1)),
    (Dot, {"axes": (2, 1)}, ((3, 2, 4), (3, 4, 5)), lambda x, y: pairs(x, y, 2, 1)),
    (Dot, {"axes": [1, -2]}, ((3, 4, 2), (3, 2, 4, 5)), lambda x, y: pairs(x, y, 1, 2)),
    (Dot, {"axes": (1, 3), "normalize": True}, ((3, 4), (3, 2, 5, 4)),
     lambda x, y: pairs(unit(x, 1), unit(y, 3), 1, 3)),
    *((Merge, {"mode": mode}, SAME, reference) for mode, reference in (
        ("sum", lambda *xs: sum(xs)), ("mul", lambda *xs: np.prod(xs, 0)), ("ave", lambda *xs: np.mean(xs, 0)),
        ("max", lambda *xs: np.max(xs, 0)), ("concat", lambda *xs: np.concatenate(xs, 1)))),
    (Merge, {"mode": "concat", "concat_axis": 1}, ((3, 4, 2), (3, 1, 2)), lambda *xs: np.concatenate(xs, 1)),
    (Merge, {"mode": "dot"}, SAME[:2], lambda x, y: pairs(x, y, 1, 1)),
    (Merge, {"mode": "dot", "dot_axes": (2, 1)}, ((3, 2, 4), (3, 4, 5)), lambda x, y: pairs(x, y, 2, 1)),
    (Merge, {"mode": "cos"}, SAME[:2], lambda x, y: pairs(unit(x, 1), unit(y, 1), 1, 1)),
    (Merge, {"mode": "cos", "dot_axes": 2}, ((3, 2, 4), (3, 5, 4)),
     lambda x, y: pairs(unit(x, 2), unit(y, 2), 2, 2)),
    (Merge, {"mode": ops.hypot}, SAME[:2], np.hypot),
]
each_case = pytest.mark.parametrize("cls, args, shapes, reference", [
    pytest.param(*case, id=f"{case[0].__name__}-{i}") for i, case in enumerate(CASES)])


@each_case
def test_values_shapes_and_copies(cls, args, shapes, reference):
    layer, arrays = cls(**args), [normal(*s, seed=i) for i, s in enumerate(shapes)]
    expected = reference(*arrays)
    out = layer(tensors(arrays))
    assert out.shape == expected.shape and out.dtype == np.float64
    np.testing.assert_allclose(out.numpy(), expected, rtol=1e-12)
    assert layer(tensors([a.astype("float32") for a in arrays])).dtype == np.float32
    assert layer([Symbol(s) for s in shapes]).shape == expected.shape
    assert layer.compute_output_shape([(None, *s[1:]) for s in shapes]) == (None, *expected.shape[1:])
    open_axes = [(None, None, *s[2:]) for s in shapes]
    assert len(layer.compute_output_shape(open_axes)) == expected.ndim
    assert layer(tensors([a[:0] for a in arrays])).shape == (0, *expected.shape[1:])
    check_grads(lambda *xs: layer(list(xs)), *arrays)
    read = json.loads(json.dumps({"class_name": cls.__name__, "config": layer.get_config()}))
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), Layer.get(read)):
        np.testing.assert_array_equal(other(tensors(arrays)).numpy(), out.numpy())
        assert json.dumps(other.get_config()) == json.dumps(layer.get_config())


def test_every_merge_has_a_case():
    found = {c for c in Layer.registry.values() if c.__module__ == "tahr.layers.merge"}
    assert found == {case[0] for case in CASES}


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "average", "maximum", "minimum", "concatenate"])
def test_functions(name):
    arrays = tensors([normal(3, 4), normal(3, 4, seed=1)])
    cls = getattr(layers, name.capitalize())
    np.testing.assert_array_equal(getattr(layers, name)(arrays).numpy(), cls()(arrays).numpy())
    symbols = [Input((4,)), Input((4,))]
    out = getattr(layers, name)(symbols, name="mine")
    assert out.name == "mine" and tahr.Model(symbols, out).layers[-1].__class__ is cls
    assert layers.concatenate(arrays, axis=0).shape == (6, 4)
    assert layers.dot(arrays, axes=1, normalize=True).shape == (3, 1)


ERRORS = [
    (Add, {}, [(3, 4)], "A merge layer should be called on a list of at least 2 inputs. Got 1 inputs."),
    (Subtract, {}, SAME, "should be called on exactly 2 inputs"),
    (Add, {}, [(3, 4), (3, 5)], r"Operands could not be broadcast together with shapes \(4,\) \(5,\)"),
    (Add, {}, [(3, 4), (2, 4)], "Can not merge tensors with different batch sizes. Got tensors with shapes : "),
    (Concatenate, {}, [(3, 4)], "A `Concatenate` layer should be called on a list of at least 2 inputs"),
    (Concatenate, {"axis": 1}, [(3, 4, 2), (3, 4, 3)],
     "A `Concatenate` layer requires inputs with matching shapes except for the concat axis. Got inputs shapes: "),
    (Concatenate, {"axis": 1}, [(3, 4, 2), (3, 4)], "requires inputs with matching shapes"),
    (Concatenate, {"axis": 2}, [(3, 4), (3, 4)], "requires inputs with matching shapes"),
    (Dot, {"axes": 1}, SAME, "A `Dot` layer should be called on a list of 2 inputs."),
    (Dot, {"axes": 1}, [(3, 4), (3, 5)], r"Dimension incompatibility 4 != 5. Layer shapes: \(3, 4\), \(3, 5\)"),
    (Dot, {"axes": 0}, SAME[:2], "Can not perform batch_dot over axis 0"),
    (Dot, {"axes": 2}, SAME[:2], "the axis 2 of a dot lies outside"),
    (Dot, {"axes": 1}, [(3,), (3,)], "Can not do batch_dot on inputs with rank < 2"),
    *((Merge, {"mode": mode}, [(3, 4), (3, 5)],
       rf"Only layers of same output shape can be merged using {mode} mode. Layer shapes: \[\(3, 4\), \(3, 5\)\]")
      for mode in ("sum", "mul", "ave", "max")),
    (Merge, {"mode": "concat"}, [(3, 4, 2), (3, 5, 2)],
     '"concat" mode can only merge layers with matching output shapes except for the concat axis. Layer shapes: '),
    (Merge, {"mode": "dot"}, SAME, "dot merge takes exactly 2 layers"),
    (Merge, {"mode": "dot"}, [(3, 32), (3, 16)], "Dimension incompatibility using dot mode: 32 != 16. Layer shapes: "),
    (Merge, {"mode": "cos"}, SAME, "cos merge takes exactly 2 layers"),
]


@pytest.mark.parametrize("cls, args, shapes, text", ERRORS)
def test_errors_of_inputs(cls, args, shapes, text):
    for inputs in ([Symbol(s) for s in shapes], tensors([np.ones(s) for s in shapes])):
        with pytest.raises(ValueError, match=text):
            cls(**args)(inputs)


def test_other_errors():
    with pytest.raises(ValueError, match="A merge layer should be called on a list of inputs"):
        Add()(np.ones((2, 3)))
    with pytest.raises(TypeError, match="Invalid type for `axes` - should be a list or an int"):
        Dot("last")
    with pytest.raises(ValueError, match="Invalid format for `axes` - should contain two elements"):
        Dot((1, 2, 3))
    with pytest.raises(ValueError, match="Invalid merge mode: foo"):
        Merge(mode="foo")
    for wrong in ([], [Dense(2, input_dim=3)], "layers"):
        with pytest.raises(TypeError, match="A Merge should only be applied to a list of layers with at least 2 elem"):
            Merge(wrong)
    with pytest.raises(TypeError, match="A Merge should only be applied to a list"):
        Merge()([np.ones((2, 3))])
    with pytest.raises(TypeError, match="Merge takes models and layers, got ndarray"):
        Merge([np.ones((2, 3)), np.ones((2, 3))])
    with pytest.raises(ValueError, match="the branch 'left' of a Merge has no known input shape"):
        Merge([tahr.Sequential([Dense(2)], name="left"), Dense(2, input_dim=3)])


# Masks

def masked(mask, x=None):
    x = Tensor(np.ones((*np.shape(mask), 2)) if x is None else x)
    x.mask = Tensor(np.array(mask))
    return x


LEFT, RIGHT = [[True, True, False]], [[True, False, True]]


@pytest.mark.parametrize("layer", [Add(), Multiply(), Average(), Maximum(), Minimum(), Subtract(), Concatenate(),
                                   *(Merge(mode=m) for m in ("sum", "mul", "ave", "max", "concat"))])
def test_masks_must_all_hold(layer):
    x, y, plain = masked(LEFT), masked(RIGHT), Tensor(np.ones((1, 3, 2)))
    np.testing.assert_array_equal(layer([x, y]).mask.numpy(), [[True, False, False]])
    np.testing.assert_array_equal(layer([plain, y]).mask.numpy(), RIGHT)
    assert layer([plain, plain]).mask is None


def test_masks_of_concatenated_steps_are_concatenated():
    for layer in (Concatenate(1), Merge(mode="concat", concat_axis=1)):
        out = layer([masked(LEFT), Tensor(np.ones((1, 2, 2))), masked(RIGHT)])
        np.testing.assert_array_equal(out.mask.numpy(), [[True, True, False, True, True, True, False, True]])


def test_masks_that_do_not_go_on():
    for layer in (Dot(2), Merge(mode="dot"), Merge(mode="cos"), Merge(mode=lambda x, y: x + y)):
        assert layer([masked(LEFT), masked(RIGHT)]).mask is None
    given = Merge(mode=lambda xs: xs[0], output_mask=lambda masks: masks[1])
    np.testing.assert_array_equal(given([masked(LEFT), masked(RIGHT)]).mask.numpy(), RIGHT)


# Keras 1

def branches(*sizes, units=3):
    return [tahr.Sequential([Dense(units, input_dim=n)]) for n in sizes]


def test_merged_model():
    left, right = branches(784, 784, units=32)
    model = tahr.Sequential()
    model.add(Merge([left, right], mode="concat"))
    model.add(Dense(10, activation="softmax"))
    assert model.count_params() == 50890
    assert model.input_names == left.input_names + right.input_names
    assert [type(layer) for layer in model.layers] == [Merge, Dense]
    assert [w.name for w in model.weights] == [w.name for part in (left, right, model.layers[-1]) for w in part.weights]
    x, y = normal(12, 784), normal(12, 784, seed=1)
    model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
    joined = np.concatenate([left.predict(x), right.predict(y)], 1)
    np.testing.assert_allclose(model.predict([x, y]), model.layers[-1](joined).numpy(), rtol=1e-5)
    before = left.get_weights()[0].copy()
    model.fit([x, y], np.eye(10)[np.arange(12) % 10], epochs=1, verbose=0)
    assert (left.get_weights()[0] != before).any()


@pytest.mark.parametrize("mode", [lambda x, y: x - y, lambda x: x[0] - x[1], lambda *xs: xs[0] - xs[1],
                                  lambda x, y, scale=1: scale * (x - y)])
def test_functions_of_a_list_or_of_each(mode):
    left, right = branches(4, 5)
    model = tahr.Sequential([Merge([left, right], mode=mode)])
    x, y = normal(2, 4), normal(2, 5)
    np.testing.assert_allclose(model.predict([x, y]), left.predict(x) - right.predict(y), rtol=1e-4, atol=1e-6)
    assert model.output_shape == (None, 3)


def test_functions_with_arguments_masks_and_declared_shapes():
    seen = []

    def mode(xs, factor, mask):
        seen.append(mask)
        return factor * xs[0] + xs[1]
    out = Merge(mode=mode, arguments={"factor": 3})([masked(LEFT), masked(RIGHT)])
    assert (out.numpy() == 4).all() and len(seen[0]) == 2
    with pytest.raises(TypeError, match=r"one list of its 3 inputs \(lambda x: x\[0\] - x\[1\]\) or the 3 inputs"):
        Merge(mode=lambda x, y: x)([Symbol((2, 3))] * 3)
    values = lambda x, y: Tensor(np.concatenate([x.numpy(), y.numpy()], 1))
    for shape in ((5,), lambda shapes: (shapes[0][0], shapes[0][1] + shapes[1][1])):
        layer = Merge(mode=values, output_shape=shape)
        assert layer([Symbol((None, 2)), Symbol((None, 3))]).shape == (None, 5)
        assert layer([np.ones((2, 2)), np.ones((2, 3))]).shape == (2, 5)


def test_dot_axis_is_another_name():
    with pytest.warns(DeprecationWarning, match="'dot_axis' is now called 'dot_axes'"):
        layer = Merge(mode="dot", dot_axis=1)
    assert layer.dot_axes == 1
    with pytest.raises(TypeError, match="For the `dot_axes` argument, the layer received both the legacy"):
        Merge(mode="dot", dot_axis=1, dot_axes=1)


def test_cos_of_a_zero_vector_is_zero():
    assert Merge(mode="cos")([np.zeros((1, 3)), np.ones((1, 3))]).numpy() == 0


def test_nested_merges_and_inputs_that_are_reached_twice():
    a, b, c = branches(4, 5, 6)
    inner = tahr.Sequential([Merge([a, b], mode="sum"), Dense(3)])
    model = tahr.Sequential([Merge([inner, c, a], mode="concat"), Dense(1)])
    assert model.input_names == [m.input_names[0] for m in (a, b, c)]
    data = [normal(2, n, seed=n) for n in (4, 5, 6)]
    expected = np.concatenate([inner.predict(data[:2]), c.predict(data[2]), a.predict(data[0])], 1)
    np.testing.assert_allclose(model.predict(data), model.layers[-1](expected).numpy(), rtol=1e-4, atol=1e-6)
    assert len(model.weights) == len({id(w) for w in model.weights}) == 10


def test_branches_that_share_their_only_input():
    shared = Dense(3, input_dim=4)
    first = tahr.Sequential([shared])
    second = tahr.Model(first.inputs[0], Dense(3)(first.outputs[0]))
    model = tahr.Sequential([Merge([first, second], mode="sum")])
    x = normal(2, 4)
    assert len(model.inputs) == 1
    np.testing.assert_allclose(model.predict(x), first.predict(x) + second.predict(x), rtol=1e-5)


def test_layers_as_branches():
    x = Input((4,))
    dense = Dense(3)
    dense(x)
    dense(Input((4,)))
    model = tahr.Sequential([Merge([dense, Dense(3, input_dim=5)], mode="sum", node_indices=[1, 0])])
    assert model.input_shape == [(None, 4), (None, 5)] and len(model.weights) == 4
    assert model.inputs[0] is not x


def test_what_is_added_to_a_branch_later_is_no_part():
    left, right = branches(4, 5)
    model = tahr.Sequential([Merge([left, right], mode="sum"), Dense(1)])
    data = [normal(2, 4), normal(2, 5)]
    before, count = model.predict(data), model.count_params()
    left.add(Dense(7))
    np.testing.assert_array_equal(model.predict(data), before)
    assert model.count_params() == count and left.output_shape == (None, 7)
    other = tahr.Sequential.from_config(model.get_config())
    other.set_weights(model.get_weights())
    np.testing.assert_allclose(other.predict(data), before, rtol=1e-6)


def test_saved_and_copied_models():
    a, b, c = branches(4, 5, 6)
    inner = tahr.Sequential([Merge([a, b], mode="mul"), Dropout(0.5), Dense(3)])
    model = tahr.Sequential([Merge([inner, c], mode="concat"), Dense(1)])
    data = [normal(2, n) for n in (4, 5, 6)]
    expected = model.predict(data)
    read = tahr.Sequential.from_config(json.loads(json.dumps(model.get_config())))
    read.set_weights(model.get_weights())
    for other in (read, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_allclose(other.predict(data), expected, rtol=1e-6)
        assert other.count_params() == model.count_params()
    c.trainable = False
    assert len(model.trainable_weights) == len(model.weights) - 2
    with pytest.raises(ValueError, match="made from a lambda"):
        config = tahr.Sequential([Merge(branches(4, 5), mode=lambda x, y: x)]).get_config()
        tahr.Sequential.from_config(json.loads(json.dumps(config)))


def test_a_merge_may_be_used_again_and_taken_away():
    merged = Merge(branches(4, 5), mode="sum")
    first, second = tahr.Sequential([merged, Dense(1)]), tahr.Sequential([merged, Dense(2)])
    data = [normal(2, 4), normal(2, 5)]
    assert first.predict(data).shape == (2, 1) and second.predict(data).shape == (2, 2)
    first.pop()
    np.testing.assert_allclose(first.predict(data).shape, (2, 3))
    first.pop()
    first.add(Dense(2, input_dim=3))
    assert first.predict(np.ones((2, 3))).shape == (2, 2)


def test_a_model_of_several_inputs_begins_a_sequential():
    inner = tahr.Sequential([Merge(branches(4, 5), mode="sum")])
    model = tahr.Sequential([inner, Dense(1)])
    data = [normal(2, 4), normal(2, 5)]
    np.testing.assert_allclose(model.predict(data), model.layers[1](inner.predict(data)).numpy(), rtol=1e-5)
    assert model.input_shape == [(None, 4), (None, 5)]


def test_merge_of_tensors_and_of_layers():
    x, y = Input((4,)), Input((4,))
    out = merge([x, y], mode="sum", name="total")
    assert out.shape == (None, 4) and out.name == "total"
    model = tahr.Model([x, y], out)
    np.testing.assert_allclose(model.predict([np.ones((1, 4)), np.ones((1, 4))]), 2.0)
    assert isinstance(merge(branches(4, 5), mode="sum"), Merge)
    assert merge([Tensor([[1.0]]), Tensor([[2.0]])], mode="concat").shape == (1, 2)
    held = Merge([x, y], mode="sum")
    assert held.output_shape == (None, 4) and "layers" not in held._arguments


def test_embedded_branches_with_masks():
    encoder = lambda: tahr.Sequential([Masking(input_shape=(3, 2)), layers.TimeDistributed(Dense(4))])
    model = tahr.Sequential([Merge([encoder(), encoder()], mode="sum")])
    assert model.layers[0].get_output_mask_at(0).shape == (None, 3)
    words = tahr.Sequential([Embedding(7, 4, input_length=3)])
    other = tahr.Sequential([Merge([words, encoder()], mode="concat"), LSTM(2)])
    assert other.predict([np.ones((2, 3)), np.ones((2, 3, 2))]).shape == (2, 2)
    assert other.inputs[0].dtype == np.int32
