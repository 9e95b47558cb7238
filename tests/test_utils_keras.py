"""What custom layers and models of Keras import from its utils: lists, functions, windows, HDF5 as a dict."""

import builtins
import importlib
import io
import pathlib
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tahr import activations, compat, utils
from tahr.utils import callables, custom, h5dict, lists, windows


@pytest.mark.parametrize("path, names", [
    ("keras.utils.generic_utils", "to_list unpack_singleton object_list_uid is_all_none slice_arrays has_arg func_dump "
     "func_load transpose_shape check_for_unexpected_keys serialize_keras_object deserialize_keras_object"),
    ("keras.utils.conv_utils", "normalize_tuple normalize_padding convert_kernel conv_output_length conv_input_length "
     "deconv_length"),
    ("keras.utils.io_utils", "HDF5Matrix H5Dict ask_to_proceed_with_overwrite load_from_binary_h5py "
     "save_to_binary_h5py"),
    ("keras.utils", "H5Dict serialize_keras_object deserialize_keras_object"),
])
def test_where_programs_import_them_from(path, names):
    compat.install_as_keras()
    try:
        module = importlib.import_module(path)
        assert all(callable(getattr(module, name)) for name in names.split())
    finally:
        compat.uninstall()


def test_rows_of_several_arrays():
    x = np.arange(12).reshape(6, 2)
    np.testing.assert_array_equal(lists.slice_arrays(x, 2, 4), x[2:4])
    np.testing.assert_array_equal(lists.slice_arrays(x, np.array([5, 0])), x[[5, 0]])
    first, none, second = lists.slice_arrays([x, None, x + 1], 1)
    assert none is None
    np.testing.assert_array_equal((first, second), (x[1:], x[1:] + 1))
    with pytest.raises(ValueError, match="start=\\[0\\] and stop=2"):
        lists.slice_arrays(x, [0], 2)
    with pytest.raises(ValueError, match="unknown keys \\['c'\\].*'a', 'b'"):
        lists.check_for_unexpected_keys("loss_weights", {"a": 1, "c": 2}, ["a", "b"])


@pytest.mark.parametrize("fn, name, accept_all, answer", [
    (lambda x: x, "x", False, True), (lambda x: x, "y", True, False), (lambda **kw: kw, "y", True, True),
    (lambda **kw: kw, "kw", True, True), (lambda **kw: kw, "kw", False, False), (lambda *a: a, "a", False, False),
    (lambda x, /: x, "x", True, False), (lambda *, y=1: y, "y", False, True), (dict, "x", False, False),
])
def test_what_a_function_takes(fn, name, accept_all, answer):
    assert callables.has_arg(fn, name, accept_all) is answer


def test_functions_as_text():
    offset = 3
    dumped = callables.func_dump(lambda x, times=2: x * times + offset)
    loaded = callables.func_load([dumped[0], [5], list(dumped[2])])     # as JSON gives it back
    assert callables.func_load(dumped)(4) == 11 and loaded(4) == 23 and loaded.__defaults__ == (5,)
    assert callables.func_load(callables.func_dump(lambda x: len(x)))([1, 2]) == 2
    assert callables.func_load(callables.func_dump(lambda: limit), globs={"limit": 9})() == 9  # noqa: F821
    with pytest.raises(ValueError, match=r"1 values for its free variables \('offset',\), got 0"):
        callables.func_load(dumped[0])
    for text in ("", "no function", "gAAA\n", "\u20ac"):
        with pytest.raises(ValueError, match="custom_objects"):
            callables.func_load(text)


sizes = st.integers(1, 30)


@given(sizes, st.integers(1, 5), st.integers(1, 4), st.integers(1, 3))
def test_a_window_has_as_many_places_as_it_can_stand_on(n, k, stride, dilation):
    """Counted: the windows that begin at 0, stride, ... and end within the padded input."""
    reach = (k - 1) * dilation + 1
    for padding, pad in (("valid", 0), ("same", reach - 1), ("causal", reach - 1), ("full", 2 * (reach - 1))):
        places = sum(begin + reach <= n + pad for begin in range(0, n + pad, stride))
        assert windows.conv_output_length(n, k, padding, stride, dilation) == places
    assert windows.conv_output_length(None, k, "same", stride) is None


@given(sizes, st.integers(1, 5), st.integers(1, 4), st.sampled_from(["valid", "full"]))
def test_sizes_there_and_back(places, k, stride, padding):
    n = windows.conv_input_length(places, k, padding, stride)
    if n > 0:
        assert windows.conv_output_length(n, k, padding, stride) == places
        assert windows.conv_output_length(n - 1, k, padding, stride) == places - 1
    assert windows.conv_input_length(None, k, padding, stride) is None


@given(sizes, st.integers(1, 4), st.integers(1, 5), st.integers(1, 3))
def test_a_transposed_window_reaches_over(n, stride, k, dilation):
    """The cells that windows at ``0, stride, ...`` cover; what a smaller padding cuts off is counted off."""
    reach = (k - 1) * dilation + 1
    covered = max(i * stride + reach for i in range(n))
    assert windows.deconv_length(n, stride, k, "valid", 0, dilation) == covered
    assert windows.deconv_length(n, stride, k, "full", 1, dilation) == covered - 2 * (reach - 1) + 1
    assert windows.deconv_length(n, stride, k, "valid", None, dilation) == max(covered, n * stride)
    assert windows.deconv_length(n, stride, k, "same", None, dilation) == n * stride
    assert windows.deconv_length(None, stride, k, "same", None) is None


def test_kernels_turned_around():
    kernel = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    turned = windows.convert_kernel(kernel)
    assert turned[0, 1, 2, 3] == kernel[1, 1, 2, 3] and turned[1, 0, 0, 0] == kernel[0, 2, 0, 0]
    np.testing.assert_array_equal(windows.convert_kernel(turned), kernel)
    assert windows.transpose_shape([8, 9, 3], "channels_first", (0, 1)) == [3, 8, 9]
    assert windows.transpose_shape((1, 8, 9, 3), "channels_last", (1, 2)) == (1, 8, 9, 3)


@pytest.mark.parametrize("call, error, text", [
    (lambda: windows.normalize_tuple(None, 2, "strides"), ValueError, "strides.*None"),
    (lambda: windows.normalize_tuple(["a", "b"], 2, "strides"), ValueError, "integer or 2 of them"),
    (lambda: windows.normalize_tuple((1, True), 2, "strides"), ValueError, "True"),
    (lambda: windows.normalize_padding("full"), ValueError, "'valid', 'same', 'causal', got 'full'"),
    (lambda: windows.convert_kernel(np.ones((2, 2))), ValueError, r"\(2, 2\)"),
    (lambda: windows.conv_output_length(3, 1, "most", 1), AssertionError, "got 'most'"),
    (lambda: windows.conv_input_length(3, 1, "causal", 1), AssertionError, "got 'causal'"),
    (lambda: windows.transpose_shape((1, 2), "channels_middle", (0,)), ValueError, "channels_middle"),
])
def test_wrong_windows_are_refused(call, error, text):
    with pytest.raises(error, match=text):
        call()


@pytest.fixture(params=["file", "dict"])
def place(request, tmp_path):
    return str(tmp_path / "data.h5") if request.param == "file" else {}


def test_a_dict_of_arrays_texts_and_groups(place):
    x = np.arange(6.0, dtype="float32").reshape(2, 3)
    with utils.H5Dict(place, mode="w") as file:
        file["name"], file["count"], file[b"kernel"] = "dense", 3, x
        file["names"] = ["a", "bc"] if isinstance(place, str) else [b"a", b"bc"]
        file["outer"]["inner"]["scalar"] = np.float32(2.5)
        file.update({"more": np.ones(1)})
    x[:] = -1
    file = utils.H5Dict(place, mode="r")
    assert file["name"] == "dense" and file["count"] == 3 and file["names"] == [b"a", b"bc"]
    assert file["kernel"].dtype == np.float32 and file["kernel"][1, 2] == 5
    assert file["outer"]["inner"]["scalar"] == 2.5 and isinstance(file["outer"], utils.H5Dict)
    assert "outer" in file and b"name" in file and "no" not in file and file.get("no", 7) == 7
    assert {"kernel", "more", "outer"} <= set(file) == set(file.keys()) == {k for k, _ in file.items()}
    assert len(file) == len(set(file))
    with pytest.raises(ValueError, match="'count' cannot be written"):
        file["count"] = 4
    with pytest.raises(ValueError, match="'new' cannot be written"):
        file["outer"]["new"] = 4
    with pytest.raises(KeyError, match="no 'nothing'"):
        file["nothing"]
    file.close()


def test_lists_longer_than_hdf5_keeps_in_one_piece(tmp_path):
    names = [f"layer_{i:05}".encode() for i in range(9000)]
    with utils.H5Dict(tmp_path / "long.h5", "w") as file:
        file["names"] = names
        file["none"] = []
        with pytest.raises(RuntimeError, match="64512 bytes, got one of 70000"):
            file["text"] = ["x" * 70000]
    with utils.H5Dict(tmp_path / "long.h5", "r") as file:
        assert file["names"] == names and "names" in file and len(file["none"]) == 0


def test_what_an_h5dict_refuses(tmp_path):
    with pytest.raises(TypeError, match="got int"):
        utils.H5Dict(3)
    with pytest.raises(ValueError, match="got 'x'"):
        utils.H5Dict({}, "x")
    with utils.H5Dict(tmp_path / "twice.h5") as file:
        file["x"] = np.ones(2)
        with pytest.raises(KeyError, match="'x' is there already"):
            file["x"] = np.ones(3)
    saved = pickle.loads(pickle.dumps({"x": np.ones(2)}))
    assert utils.H5Dict(saved, "r")["x"].sum() == 2 and list(saved) == ["x"]      # reading leaves the dict alone


def test_hdf5_within_streams(tmp_path):
    x = np.arange(4.0)

    def fill(file):
        file["group/x"] = x
        file["group/x"].attrs["unit"] = "m"
        return "filled"
    stream = io.BytesIO()
    assert h5dict.save_to_binary_h5py(fill, stream) == "filled"
    (tmp_path / "x.h5").write_bytes(stream.getvalue())
    for source in (io.BytesIO(stream.getvalue()), (tmp_path / "x.h5").open("rb")):
        with source:
            unit, read = h5dict.load_from_binary_h5py(lambda f: (f["group/x"].attrs["unit"], f["group/x"][:]), source)
        assert unit == "m"
        np.testing.assert_array_equal(read, x)


def test_asking_before_a_file_is_replaced(monkeypatch):
    answers, asked = iter(["maybe", "Y", "n"]), []
    monkeypatch.setattr(builtins, "input", lambda question: asked.append(question) or next(answers))
    assert h5dict.ask_to_proceed_with_overwrite(pathlib.Path("model.h5")) is True
    assert h5dict.ask_to_proceed_with_overwrite("model.h5") is False
    assert len(asked) == 3 and asked[0].startswith("model.h5")


class Scale:
    def __init__(self, by):
        self.by = by

    def get_config(self):
        return {"by": self.by}


def test_objects_by_their_configs():
    config = utils.serialize_keras_object(Scale(3))
    assert config == {"class_name": "Scale", "config": {"by": 3}}
    assert utils.deserialize_keras_object(config, {"Scale": Scale}).by == 3
    assert utils.deserialize_keras_object(config, custom_objects={"Scale": Scale}).by == 3
    with custom.custom_object_scope({"Scale": Scale, "mine": abs}):
        assert utils.deserialize_keras_object(config).by == 3 and utils.deserialize_keras_object("mine") is abs
    assert utils.serialize_keras_object(activations.relu) == "relu" and utils.serialize_keras_object(None) is None
    assert utils.deserialize_keras_object(None) is None
    with pytest.raises(ValueError, match="unknown loss 'Scale': name it in custom_objects"):
        utils.deserialize_keras_object(config, printable_module_name="loss")
    with pytest.raises(ValueError, match="'class_name' and 'config', got 3"):
        utils.deserialize_keras_object(3)
    with pytest.raises(ValueError, match="or a function, got 3"):
        utils.serialize_keras_object(3)
