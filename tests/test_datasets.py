"""Data sets: what they hold, and what happens when a file is missing, damaged or on its way. No network."""

import contextlib
import hashlib
import http.client
import io
import pathlib
import urllib.error
import urllib.request

import numpy as np
import pytest

from tahr import datasets
from tahr.datasets import cache, digits, mnist

URL = "https://example.org/data.bin"
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
    monkeypatch.setattr(cache, "_open", net.open)
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
    with pytest.raises(AttributeError, match="'cifar11'; the data sets are digits, mnist"):
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


# fetch and verify


def test_fetch_makes_the_folder_and_replaces_an_old_file(tmp_path, net):
    net[URL] = CONTENT
    file = put(tmp_path / "old", b"old")
    cache.fetch(URL, sha256(CONTENT), file)
    cache.fetch(URL, sha256(CONTENT), str(tmp_path / "a" / "b" / "new"))
    assert file.read_bytes() == (tmp_path / "a" / "b" / "new").read_bytes() == CONTENT
    assert names(tmp_path) == ["new", "old"]


def test_fetch_shows_the_file_only_when_it_is_whole_and_verified(tmp_path, net, monkeypatch):
    net[URL] = CONTENT
    replaced = []

    def replace(part, destination, replace=cache.os.replace):
        assert not destination.exists()
        assert pathlib.Path(part).parent == destination.parent
        assert pathlib.Path(part).read_bytes() == CONTENT
        replaced.append(destination)
        replace(part, destination)

    monkeypatch.setattr(cache.os, "replace", replace)
    cache.fetch(URL, sha256(CONTENT), tmp_path / "file")
    assert replaced == [tmp_path / "file"]


@pytest.mark.parametrize("error", [urllib.error.URLError("gone"), KeyboardInterrupt()])
def test_fetch_that_breaks_off_leaves_everything_as_it_was(error, tmp_path, monkeypatch):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            if self.tell():
                raise error
            return super().read(3)

    monkeypatch.setattr(cache, "_open", lambda url: Broken(CONTENT))
    file = put(tmp_path / "file", b"old")
    with pytest.raises(type(error)):
        cache.fetch(URL, sha256(CONTENT), file)
    assert file.read_bytes() == b"old" and names(tmp_path) == ["file"]


def test_fetch_refuses_another_hash_and_keeps_the_old_file(tmp_path, net):
    net[URL] = CONTENT
    file = put(tmp_path / "file", b"old")
    with pytest.raises(ValueError, match=f"^{URL} must have the SHA-256 {sha256(b'other')}, found {sha256(CONTENT)}"):
        cache.fetch(URL, sha256(b"other"), file)
    assert file.read_bytes() == b"old" and names(tmp_path) == ["file"]


@pytest.mark.parametrize("url", ["http://example.org/data.bin", "ftp://example.org/data.bin", "file:///data.bin"])
def test_fetch_is_https_only(url, tmp_path, net):
    with pytest.raises(ValueError, match="https only, got '" + url):
        cache.fetch(url, sha256(CONTENT), tmp_path / "file")
    assert net.asked == [] and names(tmp_path) == []


@pytest.mark.parametrize("target", ["http://example.org/data.bin", "ftp://example.org/data.bin"])
def test_redirections_cannot_leave_https(target, monkeypatch):
    class Response(io.BytesIO):
        code, msg = 302, "Found"

        def info(self):
            headers = http.client.HTTPMessage()
            headers["Location"] = target
            return headers

    for proxy in ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy"):
        monkeypatch.delenv(proxy, raising=False)
        monkeypatch.delenv(proxy.upper(), raising=False)
    monkeypatch.setattr(urllib.request.HTTPSHandler, "https_open", lambda self, request: Response())
    with pytest.raises(urllib.error.URLError, match="unknown url type"):
        cache._https_opener().open(URL)


def test_verify(tmp_path):
    file = put(tmp_path / "file", CONTENT)
    cache.verify(file, sha256(CONTENT))
    with pytest.raises(ValueError, match=f"SHA-256 {sha256(b'other')}, found {sha256(CONTENT)}.*fetch it again"):
        cache.verify(file, sha256(b"other"))
    with pytest.raises(FileNotFoundError):
        cache.verify(tmp_path / "absent", sha256(CONTENT))
