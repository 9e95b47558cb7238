"""HDF5 files of strangers: nothing is followed out of the file, and nothing read before its size is known."""

import contextlib
import math
import re

import numpy as np

from ..utils.errors import ModelFileError

CHUNK = 64_000              # bytes that an attribute may take; longer lists of names go into name0, name1, ...
MAX_OBJECTS = 200_000       # groups and data sets: 20,000 layers with their optimizer's state
MAX_NAMES = 100_000         # in an attribute
MAX_DEPTH = 64
MAX_RATIO, FLOOR = 200, 2 ** 20     # bytes that a data set may declare for each byte stored, above a megabyte
FILTERS = {1: "gzip", 2: "shuffle", 32000: "lzf"}
NAME = re.compile(r"[^\x00-\x1f\x7f]{1,1024}")


@contextlib.contextmanager
def opened(source):
    """Open a path or a binary file object for reading, as a :class:`Group`.

    Raises:
        ModelFileError: for what is no HDF5 file, also while it is read. OSError: for a path that cannot be read.
    """
    import h5py  # 0.1 s that other programs need not wait for
    if not hasattr(source, "read"):
        with open(source, "rb"):        # the operating system's own words where there is no such file
            pass
    with refusing("the HDF5 file"), h5py.File(source, "r") as file:
        yield Group(file, "/")


@contextlib.contextmanager
def refusing(what):
    """Whatever goes wrong with the bytes of a file is one error."""
    try:
        yield
    except ModelFileError:
        raise
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError,
            UnicodeError, MemoryError) as error:
        raise ModelFileError(f"{what} is damaged or of another kind ({type(error).__name__}: {str(error)[:200]})"
                             ) from error


def safe_name(name):
    """``name``, if it is one that may be a place in a file.

    >>> safe_name("block1/conv")
    'block1/conv'
    >>> safe_name("../conv")       # doctest: +ELLIPSIS
    Traceback (most recent call last):
    tahr.utils.errors.ModelFileError: '../conv' is no name of a layer or weight: ...
    """
    if not isinstance(name, str) or not NAME.fullmatch(name) or name.startswith("/") or ".." in name.split("/"):
        raise ModelFileError(f"{str(name)[:80]!r} is no name of a layer or weight: those have 1 to 1024 characters, no "
                             "control characters, no '..' and no '/' in front")
    return name


class Group:
    """A group of an open file, of which only what lies in the file itself can be reached."""

    def __init__(self, group, path):
        self.group, self.path = group, path

    def __contains__(self, name):
        return self._link(self.group, name) is not None

    def _link(self, group, name):
        """What a link leads to; None where there is none."""
        import h5py
        if name in ("", ".", ".."):
            raise ModelFileError(f"{self.path} is asked for {name!r}")
        link = group.get(name, getlink=True)
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise ModelFileError(f"{self.path}: {name!r} is a link that leads elsewhere ({type(link).__name__}), which "
                                 "is not followed")
        return group[name]

    def _walked(self, path):
        found = self.group
        for part in safe_name(path).split("/"):
            found = self._link(found, part) if hasattr(found, "keys") else None
            if found is None:
                raise ModelFileError(f"{self.path} has no {path!r}")
        return found

    def child(self, path):
        """A group in it, by its name or path."""
        found = self._walked(path)
        if not hasattr(found, "keys"):
            raise ModelFileError(f"{self.path}: {path!r} is no group")
        return Group(found, f"{self.path.rstrip('/')}/{path}")

    def array(self, path):
        """A data set in it, as :class:`Stored`."""
        return Stored(self._walked(path), f"{self.path.rstrip('/')}/{path}")

    def keys(self):
        """The names in it, at most as many as a file may have objects."""
        if len(self.group) > MAX_OBJECTS:
            raise ModelFileError(f"{self.path} has {len(self.group)} entries, more than {MAX_OBJECTS}")
        return list(self.group)

    def tree(self):
        """All data sets in it, at any depth, by their paths (with ``/`` between parts, whatever wrote the file)."""
        import h5py
        found, seen, waiting = {}, set(), [(self.group, "", 0)]
        while waiting:
            group, path, depth = waiting.pop()
            address = h5py.h5o.get_info(group.id).addr
            if address in seen:
                raise ModelFileError(f"{self.path}: the group {path!r} is there twice, by hard links")
            seen.add(address)
            if depth > MAX_DEPTH or len(seen) + len(found) > MAX_OBJECTS:
                raise ModelFileError(f"the file has more than {MAX_DEPTH} levels or {MAX_OBJECTS} objects")
            for name in Group(group, path or "/").keys():
                child = self._link(group, name)
                own = f"{path}/{safe_name(name)}".lstrip("/").replace("\\", "/")
                if isinstance(child, h5py.Group):
                    waiting.append((child, own, depth + 1))
                else:
                    found[own] = Stored(child, own)
        return found

    # Attributes

    def text(self, name):
        """A text attribute; None where there is none."""
        if name not in self.group.attrs:
            return None
        self._check_attribute(name, 1)
        value = self.group.attrs[name]
        if isinstance(value, np.ndarray) and value.size == 1:
            value = value.ravel()[0]
        return _text(value, name)

    def names(self, name):
        """A list of names, from one attribute or from several that continue each other."""
        attrs, found = self.group.attrs, []
        if name in attrs:
            return self._names(name)
        while f"{name}{len(found)}" in attrs:
            found.append(self._names(f"{name}{len(found)}"))
            if len(found) > 10_000:
                raise ModelFileError(f"{self.path}: more than 10000 parts of {name!r}")
        return [n for part in found for n in part]

    def _names(self, name):
        self._check_attribute(name, MAX_NAMES)
        return [safe_name(_text(n, name)) for n in np.atleast_1d(self.group.attrs[name]).ravel()]

    def _check_attribute(self, name, most):
        import h5py
        attribute = self.group.attrs.get_id(name)
        size = math.prod(attribute.shape)
        if attribute.dtype.kind != "S" and h5py.check_string_dtype(attribute.dtype) is None and size:
            raise ModelFileError(f"{self.path}: the attribute {name!r} is no text")
        if size > most:
            raise ModelFileError(f"{self.path}: the attribute {name!r} has {size} entries, more than {most}")


def _text(value, name):
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if not isinstance(value, str):
        raise ModelFileError(f"the attribute {name!r} holds {type(value).__name__}, not text")
    return str(value)


class Stored:
    """A data set: its shape and dtype are known, :meth:`read` takes memory for it.

    Raises:
        ModelFileError: for data that lie outside the file or are made of other data sets, for values that are no plain
            numbers, for filters other than gzip, shuffle and lzf, for much more declared than stored.
    """

    def __init__(self, dataset, path):
        import h5py
        if not isinstance(dataset, h5py.Dataset):
            raise ModelFileError(f"{path!r} is no data set")
        self.dataset, self.path = dataset, path
        plist = dataset.id.get_create_plist()
        if plist.get_layout() == h5py.h5d.VIRTUAL or plist.get_external_count():
            raise ModelFileError(f"{path!r} takes its data from elsewhere, which is not followed")
        if dataset.shape is None or dataset.dtype.kind not in "fiub" or dataset.dtype.metadata:
            raise ModelFileError(f"{path!r} holds no plain numbers, but {dataset.dtype}")
        codes = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
        if unknown := [code for code in codes if code not in FILTERS]:
            raise ModelFileError(f"{path!r} is packed by the filter {unknown[0]}; {', '.join(FILTERS.values())} are "
                                 "read")
        self.shape, self.dtype = tuple(int(n) for n in dataset.shape), dataset.dtype
        self.size = math.prod(self.shape)
        declared, stored = self.size * self.dtype.itemsize, dataset.id.get_storage_size()
        chunk = math.prod(dataset.chunks or ()) * self.dtype.itemsize
        if max(declared, chunk) > max(FLOOR, MAX_RATIO * stored if codes else stored):
            raise ModelFileError(f"{path!r} declares {max(declared, chunk)} bytes, and {stored} are stored")

    def read(self):
        """The values."""
        return self.dataset[()]


def write_names(group, attribute, names):
    """Write a list of names into an attribute, or into several where it is too long for one."""
    encoded = np.array([name.encode() for name in names], "S" if names else "S1")
    if encoded.nbytes < CHUNK:
        group.attrs[attribute] = encoded
        return
    longest = encoded.dtype.itemsize
    if longest > CHUNK:
        raise ValueError(f"{attribute} holds a name of {longest} bytes, more than the {CHUNK} that HDF5 takes")
    for i, start in enumerate(range(0, len(encoded), CHUNK // longest)):
        group.attrs[f"{attribute}{i}"] = encoded[start:start + CHUNK // longest]


def write_text(group, name, text):
    """Write a text attribute of any length."""
    group.attrs[name] = text
