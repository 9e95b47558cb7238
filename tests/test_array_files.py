"""Weights in .npz and .safetensors files: what is written is read, by names or in order, all or nothing."""

import hashlib
import json
import struct

import numpy as np
import pytest

import tahr
from tahr.layers import LSTM, BatchNormalization, Bidirectional, Conv2D, Dense, Flatten, Input
from tahr.models.array_weights import names_of_weights
from tahr.utils.array_files import DTYPES, opened, write_arrays
from tahr.utils.errors import ModelFileError

KINDS = pytest.mark.parametrize("ending", ["npz", "safetensors"])


def network(*names, units=3):
    names = iter(names)
    own = lambda: {"name": name} if (name := next(names, None)) else {}
    return tahr.Sequential([Conv2D(2, 3, input_shape=(6, 6, 2), **own()), BatchNormalization(**own()), Flatten(),
                            Dense(units, **own())])


def same(left, right):
    return all(np.array_equal(a, b) for a, b in zip(left.get_weights(), right.get_weights(), strict=True))


@KINDS
def test_round_trip(ending, tmp_path):
    model, other = network("a", "b", "c"), network("a", "b", "c")
    model.save_weights(tmp_path / f"w.{ending}")
    assert not same(model, other)
    other.load_weights(tmp_path / f"w.{ending}")
    assert same(model, other)
    assert all(w.dtype == "float32" for w in other.weights)


@KINDS
def test_models_under_other_names_load_in_order(ending, tmp_path):
    model, other = network(), network()
    assert names_of_weights(model).keys().isdisjoint(names_of_weights(other))
    model.save_weights(tmp_path / f"w.{ending}")
    other.load_weights(tmp_path / f"w.{ending}")
    assert same(model, other)


@KINDS
def test_names_count_more_than_the_order(ending, tmp_path):
    model, other = network("a", "b", "c"), network("a", "b", "c")
    arrays = {name: w.data for name, w in names_of_weights(model).items()}
    write_arrays(tmp_path / f"w.{ending}", dict(sorted(arrays.items(), reverse=True)))
    other.load_weights(tmp_path / f"w.{ending}")
    assert same(model, other)


@KINDS
def test_by_name_and_skip_mismatch(ending, tmp_path):
    model, other = network("a", "b", "c"), network("a", "z", "c", units=5)
    model.save_weights(tmp_path / f"w.{ending}")
    before = other.get_weights()
    with pytest.raises(ModelFileError, match=r"the weight 'c/kernel' has shape \(32, 5\), the array .* has \(32, 3\)"):
        other.load_weights(tmp_path / f"w.{ending}", by_name=True)
    assert all(np.array_equal(a, b) for a, b in zip(before, other.get_weights()))
    other.load_weights(tmp_path / f"w.{ending}", by_name=True, skip_mismatch=True)
    assert np.array_equal(other.get_weights()[0], model.get_weights()[0])
    assert np.array_equal(other.get_weights()[2], before[2]) and np.array_equal(other.get_weights()[-1], before[-1])


@KINDS
def test_files_that_do_not_fit(ending, tmp_path):
    model, path = network("a", "b", "c"), tmp_path / f"w.{ending}"
    before = model.get_weights()
    tahr.Sequential([Dense(2, input_dim=3)]).save_weights(path)
    with pytest.raises(ModelFileError, match=f"w.{ending}' was not loaded: model .* has 8 weights, the file has 2"):
        model.load_weights(path)
    write_arrays(path, {f"{i}.x/{'bias' if i == 1 else 'kernel'}": w for i, w in enumerate(before)})
    with pytest.raises(ModelFileError, match="the weight .* stands where the file has .*from_torch"):
        model.load_weights(path)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
    with pytest.raises(ValueError, match="has no weights to save"):
        tahr.Sequential([Dense(2)]).save_weights(path)
    with pytest.raises(FileNotFoundError):
        model.load_weights(tmp_path / f"missing.{ending}")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        model.save_weights(path, overwrite=False)


def test_order_is_only_trusted_where_it_is_kept(tmp_path):
    """Other writers of .safetensors sort by name, so arrays under foreign names are not set in order."""
    model, path = network("a", "b", "c"), tmp_path / "w.safetensors"
    names = {name: f"d{name}" for name in names_of_weights(model)}
    foreign(path, {names[n]: w.data for n, w in names_of_weights(model).items()}, {})
    with pytest.raises(ModelFileError, match="the weight 'a/kernel' stands where the file has 'da/kernel'"):
        model.load_weights(path)


def foreign(path, arrays, metadata):
    """A .safetensors file by the documented layout."""
    header, data = {"__metadata__": metadata}, b""
    for name, array in arrays.items():
        kind = {code: kind for kind, code in DTYPES.items() if kind != "BF16"}[array.dtype.str]
        header[name] = {"dtype": kind, "shape": list(array.shape),
                        "data_offsets": [len(data), len(data) + array.nbytes]}
        data += array.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


@KINDS
def test_shared_and_nested_weights_have_one_name_each(ending, tmp_path):
    x, shared = Input((3,)), Dense(3, name="shared")
    inner = tahr.Sequential([Dense(3, input_dim=3, name="shared")], name="inner")
    model = tahr.Model(x, inner(shared(shared(x))))
    assert list(names_of_weights(model)) == ["shared/kernel", "shared/bias", "inner/shared/kernel",
                                             "inner/shared/bias"]
    before = model.get_weights()
    model.save_weights(tmp_path / f"w.{ending}")
    model.set_weights([w * 0 for w in before])
    model.load_weights(tmp_path / f"w.{ending}")
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
    both = tahr.Sequential([Bidirectional(LSTM(2), input_shape=(4, 3))])
    both.save_weights(tmp_path / f"w.{ending}")
    assert len(names_of_weights(both)) == 6


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint64",
                                   "uint32", "uint16", "uint8", "bool", ">f4"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 0, 4)])
@KINDS
def test_arrays_of_all_kinds(ending, dtype, shape, tmp_path):
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    write_arrays(tmp_path / f"x.{ending}", {"a": array, "b/c": array.T})
    with opened(tmp_path / f"x.{ending}") as file:
        assert list(file.arrays) == ["a", "b/c"]
        file.verify()
        found = file.arrays["a"].read()
        assert found.dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
        np.testing.assert_array_equal(found, array)
        np.testing.assert_array_equal(file.arrays["b/c"].read(), array.T)


def test_npz_files_are_those_of_numpy(tmp_path):
    arrays = {"a": np.arange(3.0), "b": np.asfortranarray(np.arange(6).reshape(2, 3))}
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "x.npz", **arrays)
        with opened(tmp_path / "x.npz") as file:
            for name, array in arrays.items():
                np.testing.assert_array_equal(file.arrays[name].read(), array)
    write_arrays(tmp_path / "y.npz", arrays)
    with np.load(tmp_path / "y.npz") as found:
        assert found.files == ["a", "b"]
        np.testing.assert_array_equal(found["b"], arrays["b"])


def test_safetensors_files_are_those_of_the_package(tmp_path):
    package = pytest.importorskip("safetensors.numpy")
    arrays = {"a": np.arange(3.0), "b/c": np.arange(6, dtype="int32").reshape(2, 3), "d": np.array(True)}
    write_arrays(tmp_path / "x.safetensors", arrays)
    found = package.load_file(tmp_path / "x.safetensors")
    assert found.keys() == arrays.keys() and all(np.array_equal(found[k], arrays[k]) for k in arrays)
    package.save_file(arrays, tmp_path / "y.safetensors")
    with opened(tmp_path / "y.safetensors") as file:
        assert not file.ordered and all(np.array_equal(file.arrays[k].read(), arrays[k]) for k in arrays)


def test_bfloat16_becomes_float32(tmp_path):
    values = np.array([1.0, -2.5, 0.0, np.inf, 3.0e38], np.float32)
    text = json.dumps({"x": {"dtype": "BF16", "shape": [5], "data_offsets": [0, 10]}}).encode()
    halves = (values.view(np.uint32) >> 16).astype("<u2")
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + halves.tobytes())
    with opened(tmp_path / "x.safetensors") as file:
        found = file.arrays["x"].read()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, values, rtol=2 ** -8)


def test_the_checksum_is_of_the_data(tmp_path):
    path = tmp_path / "x.safetensors"
    write_arrays(path, {"a": np.arange(4.0)})
    content = path.read_bytes()
    header = json.loads(content[8:8 + struct.unpack("<Q", content[:8])[0]])
    assert header["__metadata__"]["sha256"] == hashlib.sha256(content[-32:]).hexdigest()
    path.write_bytes(content[:-1] + b"\x01")
    with pytest.raises(ModelFileError, match="do not have the SHA-256"), opened(path) as file:
        file.verify()


def test_objects_are_not_written(tmp_path):
    for ending in ("npz", "safetensors"):
        with pytest.raises((TypeError, ValueError)):
            write_arrays(tmp_path / f"x.{ending}", {"a": np.array([{}])})
    with pytest.raises(ModelFileError, match="names of arrays"):
        write_arrays(tmp_path / "x.npz", {"../a": np.zeros(1)})
    assert not list(tmp_path.iterdir())
