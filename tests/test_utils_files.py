"""Files from the net and archives: whole or not at all, checked, and nothing unsafe extracted. No network."""

import contextlib
import hashlib
import http.client
import io
import os
import pathlib
import random
import stat
import tarfile
import urllib.error
import urllib.request
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tahr.utils import archives, files
from tahr.utils.archives import extract_archive, safe_parts
from tahr.utils.data_utils import get_file, validate_file

URL = "https://example.org/data.bin"
CONTENT = b"some bytes"


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def md5(content):
    return hashlib.md5(content).hexdigest()


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("TAHR_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "datasets"


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


# fetch and verify


def test_fetch_makes_the_folder_and_replaces_an_old_file(tmp_path, net):
    net[URL] = CONTENT
    file = put(tmp_path / "old", b"old")
    files.fetch(URL, sha256(CONTENT), file)
    files.fetch(URL, sha256(CONTENT), str(tmp_path / "a" / "b" / "new"))
    assert file.read_bytes() == (tmp_path / "a" / "b" / "new").read_bytes() == CONTENT
    assert names(tmp_path) == ["a/b/new", "old"]


def test_fetch_shows_the_file_only_when_it_is_whole_and_verified(tmp_path, net, monkeypatch):
    net[URL] = CONTENT
    replaced = []

    def replace(part, destination, replace=files.os.replace):
        assert not os.path.exists(destination)
        assert os.path.dirname(part) == os.path.dirname(destination)
        assert pathlib.Path(part).read_bytes() == CONTENT
        replaced.append(destination)
        replace(part, destination)

    monkeypatch.setattr(files.os, "replace", replace)
    files.fetch(URL, sha256(CONTENT), tmp_path / "file")
    assert replaced == [os.path.realpath(tmp_path / "file")]


@pytest.mark.parametrize("error", [urllib.error.URLError("gone"), KeyboardInterrupt()])
def test_fetch_that_breaks_off_leaves_everything_as_it_was(error, tmp_path, monkeypatch):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            if self.tell():
                raise error
            return super().read(3)

    monkeypatch.setattr(files, "_open", lambda url: Broken(CONTENT))
    file = put(tmp_path / "file", b"old")
    with pytest.raises(type(error)):
        files.fetch(URL, sha256(CONTENT), file)
    assert file.read_bytes() == b"old" and names(tmp_path) == ["file"]


def test_fetch_refuses_another_hash_and_keeps_the_old_file(tmp_path, net):
    net[URL] = CONTENT
    file = put(tmp_path / "file", b"old")
    with pytest.raises(ValueError, match=f"^{URL} must have the SHA-256 {sha256(b'other')}, found {sha256(CONTENT)}"):
        files.fetch(URL, sha256(b"other"), file)
    assert file.read_bytes() == b"old" and names(tmp_path) == ["file"]


@pytest.mark.parametrize("url", ["http://example.org/data.bin", "ftp://example.org/data.bin", "file:///data.bin"])
def test_fetch_is_https_only(url, tmp_path, net):
    with pytest.raises(ValueError, match="https only, got '" + url):
        files.fetch(url, sha256(CONTENT), tmp_path / "file")
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
        files._https_opener().open(URL)


def test_verify(tmp_path):
    file = put(tmp_path / "file", CONTENT)
    files.verify(file, sha256(CONTENT))
    with pytest.raises(ValueError, match=f"SHA-256 {sha256(b'other')}, found {sha256(CONTENT)}.*fetch it again"):
        files.verify(file, sha256(b"other"))
    with pytest.raises(FileNotFoundError):
        files.verify(tmp_path / "absent", sha256(CONTENT))


@pytest.mark.parametrize("hash", [md5(CONTENT), md5(CONTENT).upper(), None])
def test_fetch_with_other_hashes_and_none(hash, tmp_path, net):
    net[URL] = CONTENT
    files.fetch(URL, hash, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    with pytest.raises(ValueError, match=f"must have the MD5 {md5(b'x')}, found {md5(CONTENT)}"):
        files.fetch(URL, md5(b"x"), tmp_path / "file")


def test_validate_file(tmp_path):
    file = put(tmp_path / "file", CONTENT)
    for hash, algorithm in ((sha256(CONTENT), "auto"), (sha256(CONTENT), "sha256"), (md5(CONTENT), "md5")):
        assert validate_file(file, hash, algorithm) and not validate_file(file, hash[::-1], algorithm)
    for hash, algorithm in (("abc", "auto"), (md5(CONTENT), "sha256"), ("x" * 64, "auto")):
        with pytest.raises(ValueError, match="64 .* or 32 .* hexadecimal digits"):
            validate_file(file, hash, algorithm)
    with pytest.raises(ValueError, match="hash_algorithm must be 'auto', 'sha256' or 'md5', got 'crc'"):
        validate_file(file, md5(CONTENT), "crc")


# get_file

def test_get_file_downloads_once(net, cache_folder, capsys):
    net[URL] = CONTENT
    for _ in range(2):
        path = get_file("data.bin", URL)
        assert path == str(cache_folder / "data.bin") and pathlib.Path(path).read_bytes() == CONTENT
    assert net.asked == [URL] and capsys.readouterr().out == f"Downloading data from {URL}\n"
    assert get_file(origin=URL) == path and get_file(origin=URL + "?version=2") == path
    get_file("data.bin", URL, force_download=True)
    assert net.asked == [URL, URL]


@pytest.mark.parametrize("options", [{"file_hash": sha256(CONTENT)}, {"md5_hash": md5(CONTENT)},
                                     {"file_hash": md5(CONTENT)},
                                     {"file_hash": sha256(CONTENT), "hash_algorithm": "sha256"}])
def test_get_file_replaces_a_file_with_another_hash(options, net, cache_folder):
    put(cache_folder / "data.bin", b"old")
    net[URL] = CONTENT
    assert pathlib.Path(get_file("data.bin", URL, **options)).read_bytes() == CONTENT
    get_file("data.bin", URL, **options)
    assert net.asked == [URL]
    net[URL] = b"damaged"
    put(cache_folder / "data.bin", b"old")
    with pytest.raises(ValueError, match="found .* damaged, cut short or another file"):
        get_file("data.bin", URL, **options)
    assert names(cache_folder) == ["data.bin"] and (cache_folder / "data.bin").read_bytes() == b"old"


def test_get_file_offline_says_where_to_put_it(cache_folder):
    with pytest.raises(FileNotFoundError) as caught:
        get_file("data.bin", URL)
    assert str(cache_folder / "data.bin") in str(caught.value) and URL in str(caught.value)


def test_get_file_from_this_computer(tmp_path, net, cache_folder):
    file = put(tmp_path / "a folder" / "file.txt", CONTENT)
    for i, origin in enumerate([file.as_uri(), str(file), file, "file://localhost" + file.as_uri()[7:]]):
        path = get_file(f"{i}.txt", origin, file_hash=sha256(CONTENT), cache_subdir="texts")
        assert pathlib.Path(path).read_bytes() == CONTENT
    assert path == str(tmp_path / "home" / "texts" / "3.txt") and net.asked == []
    assert get_file(str(tmp_path / "absolute.txt"), file) == str(tmp_path / "absolute.txt")
    assert get_file("x", file, cache_dir=tmp_path / "other") == str(tmp_path / "other" / "datasets" / "x")


@pytest.mark.parametrize("fname, origin, text", [
    ("x", "http://example.org/x", "https only"), ("x", "ftp://example.org/x", "https only"),
    ("x", "file://elsewhere/x", "must be of this computer"), ("x", None, "origin is missing"),
    ("../x", URL, "must be the name of a file"), (None, "https://example.org/", "must be the name of a file"),
])
def test_get_file_refuses(fname, origin, text, net, tmp_path):
    with pytest.raises(ValueError, match=text):
        get_file(fname, origin)
    assert net.asked == [] and names(tmp_path) == []


# Archives

def tar(path, *members, mode="w:gz"):
    """An archive of ``(name, content)`` and whole ``TarInfo``."""
    with tarfile.open(path, mode) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            archive.addfile(info, io.BytesIO(member[1]))
    return path


def special(name, kind, linkname="", **more):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, linkname
    vars(info).update(more) if not hasattr(tarfile.TarInfo, "__slots__") else [setattr(info, *m) for m in more.items()]
    return info


def zipped(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz", "zip"])
def test_archives_of_all_kinds(mode, tmp_path):
    members = [("data/train.txt", b"1 2"), ("./data/deep/test.txt", b"3"), ("top", b"")]
    path = tmp_path / "archive"
    zipped(path, *members) if mode == "zip" else tar(path, special("data", tarfile.DIRTYPE), *members, mode=mode)
    assert extract_archive(path, tmp_path / "out") is True
    assert names(tmp_path / "out") == ["data/deep/test.txt", "data/train.txt", "top"]
    assert (tmp_path / "out" / "data" / "train.txt").read_bytes() == b"1 2"
    put(tmp_path / "out" / "data" / "train.txt", b"old")
    put(tmp_path / "out" / "data" / "other.txt", b"kept")
    extract_archive(path, tmp_path / "out", ["zip", "tar"])
    assert (tmp_path / "out" / "data" / "train.txt").read_bytes() == b"1 2"
    assert (tmp_path / "out" / "data" / "other.txt").read_bytes() == b"kept"


def test_formats(tmp_path):
    path = tar(tmp_path / "archive", ("a", b"1"))
    assert extract_archive(path, tmp_path, "zip") is False and extract_archive(path, tmp_path, None) is False
    assert extract_archive(put(tmp_path / "text", CONTENT), tmp_path) is False
    with pytest.raises(ValueError, match="archive_format must be .*, got 'rar'"):
        extract_archive(path, tmp_path, "rar")
    assert names(tmp_path) == ["archive", "text"]


UNSAFE = [
    (("/etc/passwd", b"x"), "its path is absolute"),
    (("C:/windows", b"x"), "its path is absolute"),
    (("../outside", b"x"), "leads out of the folder"),
    (("a/../../outside", b"x"), "leads out of the folder"),
    (("a\\..\\b", b"x"), "backslash or a control character"),
    (("line\nfeed", b"x"), "backslash or a control character"),
]


@pytest.mark.parametrize("member, text", UNSAFE)
@pytest.mark.parametrize("make", [tar, zipped])
def test_unsafe_paths_are_refused_and_nothing_is_extracted(make, member, text, tmp_path):
    path = make(tmp_path / "archive", ("good", b"1"), member, ("later", b"2"))
    with pytest.raises(ValueError, match=f"unsafe and was not extracted: member .*{text}"):
        extract_archive(path, tmp_path / "out")
    assert names(tmp_path) == ["archive"]


@pytest.mark.parametrize("member, text", [
    (special("a", tarfile.SYMTYPE, "/etc/passwd"), "links to '/etc/passwd', out of the folder"),
    (special("a", tarfile.SYMTYPE, "../good"), "links to '../good', out of the folder"),
    (special("a/b", tarfile.SYMTYPE, "../../good"), "out of the folder"),
    (special("a", tarfile.LNKTYPE, "/etc/passwd"), "out of the folder"),
    (special("a/b", tarfile.LNKTYPE, "../good"), "out of the folder"),
    (special("a", tarfile.SYMTYPE, "missing"), "no plain file of the archive"),
    (special("a", tarfile.SYMTYPE, "."), "no plain file of the archive"),
    (special("a", tarfile.SYMTYPE, "a"), "no plain file of the archive"),
    (special("a", tarfile.CHRTYPE), "a device, pipe or sparse file"),
    (special("a", tarfile.BLKTYPE), "a device, pipe or sparse file"),
    (special("a", tarfile.FIFOTYPE), "a device, pipe or sparse file"),
    (special("a", tarfile.GNUTYPE_SPARSE), "a device, pipe or sparse file|damaged"),
    (("good", b"again"), "two members of that name"),
    (("good/below", b"again"), "two members of that name"),
    (special("good", tarfile.DIRTYPE), "two members of that name"),
])
def test_unsafe_members_of_a_tar(member, text, tmp_path):
    path = tar(tmp_path / "archive", ("good", b"1"), member)
    with pytest.raises(ValueError, match=text):
        extract_archive(path, tmp_path / "out")
    assert names(tmp_path) == ["archive"]


def test_links_to_files_of_the_archive_become_copies(tmp_path):
    path = tar(tmp_path / "archive", ("data/good", b"1"), special("data/soft", tarfile.SYMTYPE, "good"),
               special("up/soft", tarfile.SYMTYPE, "../data/good"), special("hard", tarfile.LNKTYPE, "data/good"))
    extract_archive(path, tmp_path / "out")
    assert names(tmp_path / "out") == ["data/good", "data/soft", "hard", "up/soft"]
    for name in names(tmp_path / "out"):
        file = tmp_path / "out" / name
        assert file.read_bytes() == b"1" and not file.is_symlink() and os.stat(file).st_nlink == 1


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_unsafe_members_of_a_zip(kind, tmp_path):
    info = zipfile.ZipInfo("link")
    info.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "archive", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(ValueError, match=r"no plain file or folder \(a link or device\)"):
        extract_archive(tmp_path / "archive", tmp_path / "out")


def test_encrypted_members_of_a_zip(tmp_path):
    path = zipped(tmp_path / "archive", ("a", b"1"))
    content = bytearray(path.read_bytes())
    for signature, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(signature) + place] |= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="it is encrypted"):
        extract_archive(path, tmp_path / "out")


def test_a_folder_of_the_target_that_leads_elsewhere_is_not_followed(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "data").symlink_to(tmp_path / "elsewhere")
    path = tar(tmp_path / "archive", ("a", b"1"), ("data/b", b"2"))
    with pytest.raises(ValueError, match="a link that leads out of"):
        extract_archive(path, tmp_path / "out")
    assert names(tmp_path) == ["archive"]


@pytest.mark.parametrize("make", [tar, zipped])
def test_bombs(make, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "FREE_BYTES", 1000)
    path = make(tmp_path / "archive", ("a", b"0" * 900_000), ("b", b"1"))
    with pytest.raises(ValueError, match="member 'a': up to here there are 1 members of 900000 bytes, more than"):
        extract_archive(path, tmp_path / "out")
    monkeypatch.setattr(archives, "FREE_BYTES", 10 ** 6)
    assert extract_archive(path, tmp_path / "out")
    monkeypatch.setattr(archives, "MAX_BYTES", 899_999)
    with pytest.raises(ValueError, match="more than the limits"):
        extract_archive(path, tmp_path / "out2")
    monkeypatch.setattr(archives, "MAX_BYTES", 10 ** 9)
    monkeypatch.setattr(archives, "MAX_MEMBERS", 1)
    with pytest.raises(ValueError, match="member 'b': up to here there are 2 members"):
        extract_archive(path, tmp_path / "out2")


@pytest.mark.parametrize("mode", ["w:gz", "zip"])
@pytest.mark.parametrize("cut", [False, True])
def test_damaged_archives(mode, cut, tmp_path):
    path, content = tmp_path / "archive", random.Random(0).randbytes(50_000)
    zipped(path, ("a", content)) if mode == "zip" else tar(path, ("a", content), mode=mode)
    damaged = bytearray(path.read_bytes())
    if cut:
        damaged = damaged[:-30] if mode != "zip" else damaged[:20_000] + damaged[20_100:]
    else:
        damaged[30_000:30_100] = bytes(100)
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match="is damaged and was not extracted"):
        extract_archive(path, tmp_path / "out")
    assert names(tmp_path) == ["archive"]


@given(st.lists(st.sampled_from(["..", ".", "", "a", "b.txt", "..."]), min_size=1).map("/".join))
def test_safe_parts_stay_inside(name):
    try:
        parts = safe_parts(name)
    except ValueError:
        assert name.startswith("/") or ".." in name.split("/")
    else:
        base = os.path.abspath("/base")
        assert os.path.commonpath([base, os.path.normpath(os.path.join(base, *parts))]) == base


def test_get_file_extracts(tmp_path, cache_folder):
    source = tar(tmp_path / "made.tar.gz", ("set/a.txt", b"1"))
    assert get_file("set", source, untar=True) == str(cache_folder / "set")
    assert names(cache_folder) == ["set.tar.gz", "set/a.txt"]
    put(cache_folder / "set" / "a.txt", b"changed")
    get_file("set", source, untar=True)         # nothing new came, so nothing is extracted again
    assert (cache_folder / "set" / "a.txt").read_bytes() == b"changed"
    source = zipped(tmp_path / "made.zip", ("b.txt", b"2"))
    assert get_file("more.zip", source, extract=True) == str(cache_folder / "more.zip")
    assert names(cache_folder) == ["b.txt", "more.zip", "set.tar.gz", "set/a.txt"]
    with pytest.raises(ValueError, match="no archive of the format 'tar'"):
        get_file("more.zip", source, extract=True, archive_format="tar")
