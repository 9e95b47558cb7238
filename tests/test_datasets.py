"""Data sets: what they hold, and what happens when a file is missing or damaged. No network."""

import contextlib
import gzip
import hashlib
import http.client
import io
import pathlib
import pickle
import tarfile
import urllib.error
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tahr import datasets
from tahr.datasets import (
    boston_housing,
    cache,
    california_housing,
    cifar10,
    cifar100,
    digits,
    fashion_mnist,
    imdb,
    mnist,
    pickled,
    reuters,
)
from tahr.utils import files, settings

CONTENT = b"some bytes"


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def archive(**arrays):
    """The bytes of an npz file."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def names(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """An empty current folder and an empty cache."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("TAHR_HOME", str(tmp_path / "home"))


@pytest.fixture(autouse=True)
def net(monkeypatch):
    """A net with nothing on it: ``net[url] = bytes or an error`` puts something there, ``net.asked`` lists requests."""

    class Net(dict):
        def open(self, url):
            self.asked.append(url)
            answer = self.get(url, urllib.error.URLError("no route to host"))
            if isinstance(answer, BaseException):
                raise answer
            return contextlib.closing(io.BytesIO(answer))

    net = Net()
    net.asked = []
    monkeypatch.setattr(files, "_open", net.open)
    return net


@pytest.fixture
def small_mnist(monkeypatch):
    """The bytes of a little archive in the layout of mnist.npz, taken for the real one."""
    rng = np.random.default_rng(0)
    content = archive(
        x_train=rng.integers(0, 256, (6, 28, 28), dtype=np.uint8),
        y_train=np.arange(6, dtype=np.uint8),
        x_test=rng.integers(0, 256, (2, 28, 28), dtype=np.uint8),
        y_test=np.arange(2, dtype=np.uint8),
    )
    monkeypatch.setattr(mnist, "SHA256", sha256(content))
    return content


def cached_file(tmp_path, name="mnist.npz"):
    return tmp_path / "home" / "datasets" / name


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def check_small_mnist(data):
    (x_train, y_train), (x_test, y_test) = data
    assert [a.shape for a in (x_train, y_train, x_test, y_test)] == [(6, 28, 28), (6,), (2, 28, 28), (2,)]
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}
    np.testing.assert_array_equal(y_train, np.arange(6))


# the package


def test_every_listed_data_set_loads_and_unknown_names_are_refused():
    for name in datasets.__all__:
        assert callable(getattr(datasets, name).load_data)
        assert name in dir(datasets)
    with pytest.raises(AttributeError, match="'cifar11'; the data sets are boston_housing, .*, reuters"):
        _ = datasets.cifar11


# digits


def test_digits_shapes_dtypes_and_values():
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    assert x_train.shape == (1438, 8, 8) and y_train.shape == (1438,)
    assert x_test.shape == (359, 8, 8) and y_test.shape == (359,)
    assert x_train.dtype == x_test.dtype == np.uint8
    assert y_train.dtype == y_test.dtype == np.int64
    assert x_train.min() == x_test.min() == 0 and x_train.max() == x_test.max() == 16


@pytest.mark.parametrize("test_split", [1e-9, 0.2, 0.5, 1 - 1e-9])
def test_digits_splits_lose_and_repeat_no_image_and_keep_labels_with_images(test_split):
    (x_train, y_train), (x_test, y_test) = digits.load_data(test_split)
    assert len(x_train) and len(x_test)
    x, y = np.concatenate([x_train, x_test]), np.concatenate([y_train, y_test])
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    with np.load(digits.FILE, allow_pickle=False) as stored:
        assert pairs(x, y) == pairs(stored["images"], stored["labels"])


def pairs(images, labels):
    return sorted((image.tobytes(), int(label)) for image, label in zip(images, labels, strict=True))


def test_digits_are_those_of_scikit_learn():
    source = pytest.importorskip("sklearn.datasets").load_digits()
    with np.load(digits.FILE, allow_pickle=False) as stored:
        assert stored["images"].dtype == stored["labels"].dtype == np.uint8
        np.testing.assert_array_equal(stored["images"], source.images)
        np.testing.assert_array_equal(stored["labels"], source.target)


def test_digits_are_the_same_at_every_call_and_free_to_change():
    (first, _), _ = digits.load_data()
    kept = first.copy()
    first[:] = 0
    (again, labels), _ = digits.load_data()
    np.testing.assert_array_equal(again, kept)
    (_, other_labels), _ = digits.load_data(seed=114)
    assert not np.array_equal(labels, other_labels)


def test_digits_leave_the_global_random_state_alone():
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    digits.load_data()
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("test_split", [0, 1, -0.1, 1.5, 100, float("nan")])
def test_digits_refuse_a_split_outside_0_to_1(test_split):
    with pytest.raises(ValueError, match=f"test_split .* between 0 and 1 .* got {test_split}"):
        digits.load_data(test_split)


# mnist


def test_mnist_is_keras_file():
    assert mnist.URL == "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
    assert mnist.SHA256 == "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"


@pytest.mark.parametrize("path", [None, "mnist.npz"])
def test_mnist_reads_the_cache_without_asking_the_net(path, tmp_path, small_mnist, net):
    put(cached_file(tmp_path), small_mnist)
    check_small_mnist(mnist.load_data(path))
    assert net.asked == []


@pytest.mark.parametrize("path, name", [(None, "mnist.npz"), ("mnist.npz", "mnist.npz"), ("mine.npz", "mine.npz")])
def test_mnist_is_downloaded_once_into_the_cache(path, name, tmp_path, small_mnist, net):
    net[mnist.URL] = small_mnist
    check_small_mnist(mnist.load_data(path))
    check_small_mnist(mnist.load_data(path))
    assert net.asked == [mnist.URL]
    assert names(tmp_path) == [name]
    assert cached_file(tmp_path, name).read_bytes() == small_mnist


@pytest.mark.parametrize(
    "error", [urllib.error.URLError("no route to host"), TimeoutError("timed out"), http.client.IncompleteRead(b"")]
)
def test_mnist_absent_and_not_downloadable_says_where_to_put_it(error, tmp_path, net):
    net[mnist.URL] = error
    with pytest.raises(FileNotFoundError) as caught:
        mnist.load_data()
    for part in (str(cached_file(tmp_path)), mnist.URL, "path=", "TAHR_HOME"):
        assert part in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)
    assert names(tmp_path) == []


def test_mnist_refuses_a_download_with_another_hash(tmp_path, net):
    net[mnist.URL] = CONTENT
    with pytest.raises(ValueError, match=f"SHA-256 {mnist.SHA256}, found {sha256(CONTENT)}.*fetch it again"):
        mnist.load_data()
    assert names(tmp_path) == []


@pytest.mark.parametrize("kind", ["cache", "explicit"])
def test_mnist_refuses_a_damaged_file(kind, tmp_path, small_mnist, net):
    damaged = small_mnist[:-1] + bytes([small_mnist[-1] ^ 1])
    file = put(cached_file(tmp_path) if kind == "cache" else tmp_path / "own.npz", damaged)
    with pytest.raises(ValueError, match=f"{mnist.SHA256}, found {sha256(damaged)}.*fetch it again") as caught:
        mnist.load_data(None if kind == "cache" else file)
    assert str(file) in str(caught.value)
    assert file.read_bytes() == damaged and net.asked == []


def test_mnist_never_unpickles(tmp_path, monkeypatch):
    class Trap:
        def __reduce__(self):
            return (pathlib.Path.touch, (tmp_path / "sprung",))

    trap = np.array([Trap()], dtype=object)
    content = archive(x_train=trap, y_train=trap, x_test=trap, y_test=trap)
    monkeypatch.setattr(mnist, "SHA256", sha256(content))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        mnist.load_data(put(tmp_path / "trap.npz", content))
    assert names(tmp_path) == ["trap.npz"]


def test_mnist_explicit_paths(tmp_path, small_mnist, net):
    file = put(tmp_path / "here" / "data" / "own.npz", small_mnist)
    for path in (file, str(file), "data/own.npz", pathlib.Path("data/own.npz")):
        check_small_mnist(mnist.load_data(path))
    assert net.asked == []


def test_mnist_finds_a_bare_name_in_the_current_folder_before_the_cache(tmp_path, small_mnist):
    put(cached_file(tmp_path), CONTENT)
    put(tmp_path / "here" / "mnist.npz", small_mnist)
    check_small_mnist(mnist.load_data("mnist.npz"))


@pytest.mark.parametrize("path", ["data/mnist.npz", "./mnist.npz", ""])
def test_mnist_never_downloads_for_an_explicit_path(path, tmp_path, small_mnist, net):
    net[mnist.URL] = small_mnist
    with pytest.raises(FileNotFoundError, match="no file at") as caught:
        mnist.load_data(path)
    assert str((tmp_path / "here" / path).resolve()) in str(caught.value)
    with pytest.raises(FileNotFoundError, match="no file at"):
        mnist.load_data(tmp_path / "absent.npz")
    assert net.asked == [] and names(tmp_path) == []


# Files of other data sets: each is made here, small, in the layout of the real one

def saved(path, **arrays):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)
    return files.hash_file(path)


def lists(*rows):
    array = np.empty(len(rows), object)
    array[:] = rows
    return array


@pytest.mark.parametrize("module, url, hash", [
    (boston_housing, "boston_housing.npz", "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"),
    (california_housing, "california_housing.npz", "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"),
    (imdb, "imdb.npz", "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"),
    (reuters, "reuters.npz", "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"),
    (cifar10, "cifar-10-python.tar.gz", "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"),
    (cifar100, "cifar-100-python.tar.gz", "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"),
])
def test_other_files_are_those_of_keras(module, url, hash, net, tmp_path):
    assert module.SHA256 == hash and module.URL.startswith("https://") and module.URL.endswith("/" + url)
    name = module.__name__.rpartition(".")[2]
    with pytest.raises(FileNotFoundError, match=f"{name}.load_data: there is no file at "):
        module.load_data()
    assert net.asked == [module.URL]
    net[module.URL] = CONTENT
    with pytest.raises(ValueError, match=f"must have the SHA-256 {hash}, found {sha256(CONTENT)}"):
        module.load_data()
    with pytest.raises(FileNotFoundError, match="path must be an existing .* there is no"):
        module.load_data(path=tmp_path / "absent" / "file")


def test_imdb_numbers_words_as_asked(tmp_path, monkeypatch):
    arrays = {"x_train": lists([1, 5, 9], [2], [3, 3]), "y_train": np.array([1, 0, 1]), "x_test": lists([9, 8], [4]),
              "y_test": np.array([0, 1])}
    monkeypatch.setattr(imdb, "SHA256", saved(cached_file(tmp_path, "imdb.npz"), **arrays))
    (x, y), (x_test, y_test) = imdb.load_data(seed=0)
    assert sorted(zip(x.tolist(), y.tolist())) == [([1, 4, 8, 2], 1), ([1, 5], 0), ([1, 6, 6], 1)]
    assert sorted(zip(x_test.tolist(), y_test.tolist())) == [([1, 2, 11], 0), ([1, 7], 1)]      # 12 is not below 12
    assert x.dtype == x_test.dtype == object and isinstance(x[0], list)
    (x, _), _ = imdb.load_data(num_words=9, skip_top=6, start_char=None, oov_char=None)
    assert sorted(x.tolist()) == [[], [6, 6], [8]]
    (x, y), (x_test, _) = imdb.load_data(maxlen=3)
    assert (x.tolist(), y.tolist(), sorted(map(len, x_test))) == ([[1, 5]], [0], [2])
    with pytest.raises(ValueError, match="fewer than maxlen=2 words; increase maxlen"):
        imdb.load_data(maxlen=2)


def test_reuters_splits_and_names(tmp_path, monkeypatch):
    arrays = {"x": lists(*([n] for n in range(10))), "y": np.arange(10)}
    monkeypatch.setattr(reuters, "SHA256", saved(cached_file(tmp_path, "reuters.npz"), **arrays))
    (x, y), (x_test, y_test) = reuters.load_data(test_split=0.3, num_words=99, index_from=0, start_char=None)
    assert (len(x), len(x_test)) == (7, 3)
    for text, label in zip([*x, *x_test], [*y, *y_test]):
        assert text == [label]
    topics = reuters.get_label_names()
    assert len(topics) == 46 and topics[:4] == ("cocoa", "grain", "veg-oil", "earn")
    for split in (-0.1, 1):
        with pytest.raises(ValueError, match=f"reuters.load_data: test_split .* got {split}"):
            reuters.load_data(test_split=split)


@pytest.mark.parametrize("module, name", [(imdb, "imdb"), (reuters, "reuters")])
def test_word_indices(module, name, tmp_path, monkeypatch):
    assert module.INDEX_MD5 == {"imdb": "bfafd718b763782e994055a2d397834f",
                                "reuters": "4d44cc38712099c9e383dc6e5f11a921"}[name]
    put(cached_file(tmp_path, f"{name}_word_index.json"), '{"the": 1, "caf\u00e9": 2}'.encode())
    with pytest.raises(ValueError, match=f"must have the MD5 {module.INDEX_MD5}"):
        module.get_word_index()
    monkeypatch.setattr(module, "INDEX_MD5", files.hash_file(cached_file(tmp_path, f"{name}_word_index.json"), "md5"))
    assert module.get_word_index() == {"the": 1, "caf\u00e9": 2}


def test_housing(tmp_path, monkeypatch):
    x, y = np.arange(2100.0).reshape(700, 3), np.arange(700.0)
    for module, name in ((boston_housing, "boston_housing.npz"), (california_housing, "california_housing.npz")):
        monkeypatch.setattr(module, "SHA256", saved(cached_file(tmp_path, name), x=x, y=y))
        (x_train, y_train), (x_test, y_test) = module.load_data(test_split=0.1)
        assert len(x_train) == 630 and len(x_test) == 70
        np.testing.assert_array_equal(np.concatenate([x_train, x_test])[:, 0], 3 * np.concatenate([y_train, y_test]))
        assert sorted([*y_train, *y_test]) == y.tolist() and not np.array_equal(y_train, y[:630])
        with pytest.raises(ValueError, match="test_split"):
            module.load_data(test_split=1)
    (x_train, _), (x_test, _) = california_housing.load_data("small")
    assert (len(x_train), len(x_test)) == (480, 120) and x_train.max() < 1800
    with pytest.raises(ValueError, match="version must be 'large' or 'small', got 'tiny'"):
        california_housing.load_data("tiny")


def test_fashion_mnist(tmp_path, monkeypatch, net):
    def idx_file(array):
        header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
        return gzip.compress(header + array.tobytes())

    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 256, shape, dtype=np.uint8) for shape in ((3, 28, 28), (3,), (2, 28, 28), (2,))]
    contents = dict(zip(fashion_mnist.FILES, map(idx_file, arrays)))
    with pytest.raises(FileNotFoundError, match="fashion_mnist.load_data: there is no file at .*train-images-idx3"):
        fashion_mnist.load_data()
    assert net.asked == [cache.KERAS + "train-images-idx3-ubyte.gz"]
    for name, content in contents.items():
        net[cache.KERAS + name] = content
        put(tmp_path / "own" / name, content)
        monkeypatch.setitem(fashion_mnist.FILES, name, hashlib.md5(content).hexdigest())
    for _ in range(2):
        (x, y), (x_test, y_test) = fashion_mnist.load_data()
        for found, expected in zip((x, y, x_test, y_test), arrays):
            np.testing.assert_array_equal(found, expected)
    assert len(net.asked) == 5 and names(tmp_path / "home" / "datasets" / "fashion-mnist") == sorted(contents)
    x[:] = 0        # fresh copies, free to be changed
    assert fashion_mnist.load_data(tmp_path / "own")[0][0].any()
    with pytest.raises(FileNotFoundError, match="path must be an existing train-images-idx3-ubyte.gz"):
        fashion_mnist.load_data(tmp_path / "elsewhere")
    for content in (b"", bytes([0, 0, 8, 1, 0, 0, 0, 3, 7]), bytes([0, 0, 9, 1, 0, 0, 0, 1, 7])):
        with pytest.raises(ValueError, match="example must be an IDX file of bytes"):
            fashion_mnist.idx(content, "example")


def cifar_batch(seed, count, **labels):
    images = np.random.default_rng(seed).integers(0, 256, (count, 3072), dtype=np.uint8)
    content = {b"data": images, b"filenames": [b"x.png"] * count, **{k.encode(): v for k, v in labels.items()}}
    return images, pickle.dumps(content, protocol=2)


@pytest.fixture(params=[cifar10, cifar100])
def small_cifar(request, monkeypatch):
    """A data set, its images, labels and the bytes of its batches, taken for the real ones."""
    module = request.param
    images, labels, contents = [], [], {}
    for i, name in enumerate([*module.TRAIN, *module.TEST]):
        numbers = [(i + k) % 10 for k in range(3)]
        both = {"fine_labels": numbers, "coarse_labels": [9 - n for n in numbers]}
        keys = {"labels": numbers} if module is cifar10 else both
        made, contents[name] = cifar_batch(i, 3, **keys)
        images.append(made)
        labels.append(numbers)
        group = module.TRAIN if name in module.TRAIN else module.TEST
        monkeypatch.setitem(group, name, hashlib.md5(contents[name]).hexdigest())
    return module, np.concatenate(images), np.concatenate(labels), contents


def cifar_archive(folder, contents):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in {"readme.html": b"hello", **contents}.items():
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def check_cifar(data, images, labels, data_format="channels_last"):
    (x, y), (x_test, y_test) = data
    assert {a.dtype for a in (x, y, x_test, y_test)} == {np.dtype(np.uint8)}
    assert len(x_test) == 3 and y.shape == (len(x), 1) and y_test.shape == (3, 1)
    expected = images.reshape(-1, 3, 32, 32)
    expected = np.moveaxis(expected, 1, -1) if data_format == "channels_last" else expected
    np.testing.assert_array_equal(np.concatenate([x, x_test]), expected)
    np.testing.assert_array_equal(np.concatenate([y, y_test])[:, 0], labels)


def test_cifar_from_an_archive_and_a_folder(small_cifar, tmp_path, net, monkeypatch):
    module, images, labels, contents = small_cifar
    archive = cifar_archive(module.FOLDER, contents)
    net[module.URL] = archive
    monkeypatch.setattr(module, "SHA256", sha256(archive))
    for _ in range(2):
        check_cifar(module.load_data(), images, labels)
    assert net.asked == [module.URL] and names(tmp_path) == [f"{module.FOLDER}.tar.gz"]
    check_cifar(module.load_data(path=cached_file(tmp_path, f"{module.FOLDER}.tar.gz")), images, labels)
    cached_file(tmp_path, f"{module.FOLDER}.tar.gz").unlink()
    for name, content in contents.items():
        put(cached_file(tmp_path, module.FOLDER) / name, content)
    with settings.using(image_data_format="channels_first"):
        check_cifar(module.load_data(), images, labels, "channels_first")
    check_cifar(module.load_data(path=cached_file(tmp_path, module.FOLDER)), images, labels)
    assert len(net.asked) == 1


def test_cifar_refuses_damaged_batches(small_cifar, tmp_path):
    module, _, _, contents = small_cifar
    first = next(iter(contents))
    for name, content in contents.items():
        put(tmp_path / "folder" / name, content if name != first else content + b"x")
    with pytest.raises(ValueError, match=f"{first} must have the MD5 .* damaged, cut short or another file"):
        module.load_data(path=tmp_path / "folder")
    archive = put(tmp_path / "archive", cifar_archive(module.FOLDER, {k: v for k, v in contents.items() if k != first}))
    with pytest.raises(ValueError, match=f"{first} is missing"):
        module.load_data(path=archive)
    archive.write_bytes(archive.read_bytes()[:-50])
    with pytest.raises(ValueError, match="is damaged|is missing"):
        module.load_data(path=archive)


def test_cifar100_labels_of_both_kinds(small_cifar, tmp_path):
    module, images, labels, contents = small_cifar
    if module is cifar10:
        pytest.skip("CIFAR-10 has one kind")
    archive = put(tmp_path / "archive", cifar_archive(module.FOLDER, contents))
    check_cifar(module.load_data("coarse", archive), images, 9 - labels)
    with pytest.raises(ValueError, match="label_mode must be 'fine' or 'coarse', got 'all'"):
        module.load_data("all")


# Pickles

class Trap:
    """Would make a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (pathlib.Path.touch, (self.path,))


@pytest.mark.parametrize("wrap", [lambda t: t, lambda t: [t], lambda t: {"a": t}, lambda t: lists([1], t)])
def test_pickles_run_nothing(wrap, tmp_path):
    content = pickle.dumps(wrap(Trap(tmp_path / "sprung")))
    with pytest.raises(ValueError, match="no plain data: it asks for pathlib"):
        pickled.load(content)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("value", [
    print, object(), np.float64(3), range(3), {1, 2}, 1j, b"x".join, np.array(["text"]), np.array([1 + 2j]),
    np.array(["2020-01-01"], "M8[D]"), np.zeros(2, [("a", "i4")]), lists([1], print), lists({1}),
])
def test_pickles_of_anything_but_plain_data_are_refused(value):
    with pytest.raises(ValueError, match="damaged or no plain data"):
        pickled.load(pickle.dumps(value, protocol=4))


@pytest.mark.parametrize("protocol", range(5))
@pytest.mark.parametrize("value", [
    [1, 2.5, "text", None, True, (1, [2])], {"a": [1], "b": {"c": 2}}, np.arange(6, dtype=np.uint8).reshape(2, 3),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(3, dtype=">i4"), lists([1, 2], [3]), np.array([], "f4"),
    lists([1.5], ["a"], [[1], [2]]), np.array([True, False]),
])
def test_pickles_of_plain_data(value, protocol):
    found = pickled.load(pickle.dumps(value, protocol=protocol))
    assert type(found) is type(value)
    if isinstance(value, np.ndarray):
        assert found.dtype == value.dtype and found.shape == value.shape and found.tolist() == value.tolist()
    else:
        assert found == value


def test_pickles_of_python_2_give_bytes():
    content = b"(dp0\nS'data'\np1\n(lp2\nI1\naI2\nas."
    assert pickled.load(content) == {b"data": [1, 2]}


@given(st.integers(0, 400), st.integers(0, 255))
def test_damaged_pickles_raise_value_errors_only(place, byte):
    content = bytearray(pickle.dumps({"x": lists([1, 2], [3]), "y": np.arange(4)}, protocol=2))
    content[place % len(content)] = byte
    try:
        pickled.load(bytes(content))
    except ValueError as error:
        assert "damaged or no plain data" in str(error)
    except MemoryError:     # a length beyond all bounds
        pass


def test_npz_of_lists_hold_what_they_announce(tmp_path, monkeypatch):
    saved(tmp_path / "a.npz", x=lists([1, 2], [3]), y=np.arange(2))
    found = pickled.load_npz(tmp_path / "a.npz")
    assert found["x"].tolist() == [[1, 2], [3]] and found["y"].tolist() == [0, 1]
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": (7,)})
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("x.npy", header.getvalue() + pickle.dumps(lists([1], [2])))
    with pytest.raises(ValueError, match=r"shape \(7,\) was announced"):
        pickled.load_npz(tmp_path / "b.npz")
    for wrong in (lists([1.5]), lists(3), lists(["a"])):
        monkeypatch.setattr(reuters, "SHA256", saved(cached_file(tmp_path, "reuters.npz"), x=wrong, y=np.arange(1)))
        with pytest.raises(ValueError, match="must hold lists of word numbers, found (float|int|str)"):
            reuters.load_data()
