"""Weights in HDF5 files: Keras's layout, all or nothing."""

import h5py
import numpy as np
import pytest

import tahr
from tahr.layers import LSTM, Activation, BatchNormalization, Dense
from tahr.saving import hdf5, legacy


def network(units=4, names=("first", "second")):
    return tahr.Sequential([Dense(units, input_dim=3, name=names[0]), Activation("relu"),
                            BatchNormalization(name="norm"), Dense(2, name=names[1])])


def same(left, right):
    return all(np.array_equal(a, b) for a, b in zip(left.get_weights(), right.get_weights()))


def test_round_trip_and_layout(tmp_path):
    model, other = network(), network(names=("third", "fourth"))
    model.save_weights(tmp_path / "w.h5")
    assert not same(model, other)
    other.load_weights(tmp_path / "w.h5")
    assert same(model, other)
    with h5py.File(tmp_path / "w.h5") as file:
        names = [n.decode() for n in file.attrs["layer_names"]]
        assert names[0] == "first" and len(names) == 4 and file.attrs["keras_version"] == "2.3.1"
        assert [n.decode() for n in file["first"].attrs["weight_names"]] == ["first/kernel:0", "first/bias:0"]
        np.testing.assert_array_equal(file["first"]["first/kernel:0"], model.layers[0].get_weights()[0])


def test_layers_added_after_loading_keep_what_was_loaded(tmp_path):
    model = network()
    model.save_weights(tmp_path / "w.h5")
    other = network()
    other.load_weights(tmp_path / "w.h5")
    other.add(Dense(5))
    assert same(model, other)


def test_by_name(tmp_path):
    model, other = network(), network(names=("other", "second"))
    model.save_weights(tmp_path / "w.h5")
    before = other.layers[0].get_weights()
    other.load_weights(tmp_path / "w.h5", by_name=True)
    assert np.array_equal(other.layers[0].get_weights()[0], before[0])
    assert np.array_equal(other.layers[3].get_weights()[0], model.layers[3].get_weights()[0])
    wider = network(5)
    with pytest.raises(ValueError, match="layer 'first' has weights of shapes .* skip_mismatch=True"):
        wider.load_weights(tmp_path / "w.h5", by_name=True)
    wider.load_weights(tmp_path / "w.h5", by_name=True, skip_mismatch=True)


def test_weights_of_a_whole_model_file(tmp_path):
    model = network()
    model.save_weights(tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5") as source, h5py.File(tmp_path / "m.h5", "w") as file:
        source.copy(source, file, "model_weights")
    other = network()
    other.load_weights(tmp_path / "m.h5")
    assert same(model, other)


@pytest.mark.parametrize("build, text", [
    (lambda: tahr.Sequential([Dense(4, input_dim=3)]), "weight file containing 3 layers into a model with 1 layers"),
    (lambda: tahr.Sequential([Dense(4, input_dim=3, use_bias=False), BatchNormalization(), Dense(2)]),
     r"Layer #0 \(named .* expects 1 weights, but the saved weights have 2 elements"),
    (lambda: network(5), "has shape .*, the file has one of"),
])
def test_what_does_not_fit_changes_nothing(tmp_path, build, text):
    network().save_weights(tmp_path / "w.h5")
    model = build()
    before = model.get_weights()
    with pytest.raises(ValueError, match=text):
        model.load_weights(tmp_path / "w.h5")
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    model, path = network(), tmp_path / "w.h5"
    model.save_weights(path)
    good = path.read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(legacy, "write", full)
    with pytest.raises(OSError, match="No space left"):
        model.save_weights(path)
    assert path.read_bytes() == good and [p.name for p in tmp_path.iterdir()] == ["w.h5"]
    with pytest.raises(FileExistsError, match="overwrite=True"):
        model.save_weights(path, overwrite=False)


def test_names_beyond_what_an_attribute_holds(tmp_path, monkeypatch):
    monkeypatch.setattr(hdf5, "CHUNK", 40)
    model, other = network(), network()
    model.save_weights(tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5") as file:
        assert "layer_names0" in file.attrs and "layer_names" not in file.attrs
    other.load_weights(tmp_path / "w.h5")
    assert same(model, other)


def test_recurrent_weights(tmp_path):
    build = lambda: tahr.Sequential([LSTM(3, input_shape=(5, 2))])
    model, other = build(), build()
    model.save_weights(tmp_path / "w.h5")
    other.load_weights(tmp_path / "w.h5")
    assert same(model, other)
