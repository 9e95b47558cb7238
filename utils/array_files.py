"""Arrays by their names in files that hold nothing else: ``.npz`` and ``.safetensors``.

Both are read here and not by their libraries, because what a file declares is checked before memory is taken for it.
A ``.safetensors`` file is the length of a header (8 bytes, little-endian), the header (JSON: for each name dtype, shape
and the place of the data), and the data without gaps.
"""

import contextlib
import dataclasses
import errno
import hashlib
import io
import json
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Callable

import numpy as np
from numpy.lib import format as npy

from .errors import ModelFileError
from .files import replacing

ENDINGS = (".npz", ".safetensors")
MAX_ARRAYS = 100_000
MAX_HEADER = 16 * 2 ** 20       # bytes of JSON: 300 for each of 50,000 arrays
MAX_NPY_HEADER = 4096           # bytes before the data of a member of an .npz file
MAX_NAME = 1024
PIECE = 2 ** 20
DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1", "U64": "<u8",
          "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1", "BF16": "<u2"}
DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, OverflowError, RecursionError,
           RuntimeError, UnicodeError, ValueError, SyntaxError, MemoryError, TypeError, KeyError, IndexError)


def is_array_file(path):
    """Whether a path has the ending of such a file.

    >>> is_array_file("weights.npz"), is_array_file("weights.h5")
    (True, False)
    """
    return os.fsdecode(path).lower().endswith(ENDINGS)


@dataclasses.dataclass
class Stored:
    """An array in an open file: its shape and dtype are known, ``read()`` takes memory for it."""

    name: str
    shape: tuple
    dtype: np.dtype
    read: Callable


@dataclasses.dataclass
class ArrayFile:
    """An open file.

    Attributes:
        arrays: maps names to :class:`Stored`, in the order of the file.
        ordered: whether that is the order in which they were given.
        verify: raises where a checksum of the whole file does not hold.
    """

    arrays: dict
    ordered: bool = True
    verify: Callable = lambda: None


@contextlib.contextmanager
def opened(path):
    """Open an ``.npz`` or ``.safetensors`` file and check what it declares.

    Raises:
        ModelFileError: for a file that is damaged, unsafe or of another kind, also while its arrays are read.
        OSError: where it cannot be read.
    """
    with open(path, "rb") as file:
        reader = _npz if os.fsdecode(path).lower().endswith(".npz") else _safetensors
        try:
            with reader(file) as found:
                yield found
        except ModelFileError as error:
            raise ModelFileError(f"{os.fsdecode(path)!r} was not loaded: {error}") from error.__cause__


@contextlib.contextmanager
def _refusing(what):
    """Whatever goes wrong with the bytes of a file is one error."""
    try:
        yield
    except ModelFileError:
        raise
    except (*DAMAGED, OSError) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise       # the disk's; a place before the beginning of the file is EINVAL
        raise ModelFileError(f"{what} is damaged ({type(error).__name__}: {str(error)[:200]}); get the file anew"
                             ) from error


def write_arrays(path, arrays, overwrite=True):
    """Write arrays by their names to a file of either kind; it appears whole or not at all.

    Arguments:
        path: by its ending an ``.npz`` or ``.safetensors`` file.
        arrays: a dict of NumPy arrays.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "x.safetensors")
    ...     write_arrays(path, {"a": np.arange(3)})
    ...     with opened(path) as file:
    ...         print(file.arrays["a"].read())
    [0 1 2]
    """
    for name in arrays:
        check_name(name)
    with replacing(path, overwrite) as part, open(part, "wb") as file:
        if os.fsdecode(path).lower().endswith(".npz"):
            with zipfile.ZipFile(file, "w", allowZip64=True) as archive:
                for name, array in arrays.items():
                    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                        npy.write_array(member, np.asarray(array), allow_pickle=False)
        else:
            _write_safetensors(file, arrays)


def check_name(name):
    """Raise unless this can be the name of an array: short, printable, and no path that leads elsewhere."""
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or not name.isprintable() or (
            name.startswith("/") or "\\" in name or ".." in name.split("/")):
        raise ModelFileError(f"names of arrays must have 1 to {MAX_NAME} printable characters, without backslashes and "
                             f"without '/' or '..' that lead elsewhere, got {str(name)[:80]!r}")


# .npz

@contextlib.contextmanager
def _npz(file):
    with _refusing("the zip archive"):
        archive = zipfile.ZipFile(file)
    with archive:
        if len(archive.infolist()) > MAX_ARRAYS:
            raise ModelFileError(f"it has {len(archive.infolist())} members, more than {MAX_ARRAYS}")
        arrays = {}
        for info in archive.infolist():
            name = _member_name(info)
            if name in arrays:
                raise ModelFileError(f"it has two members {info.filename!r}")
            with _refusing(f"the member {name!r}"):
                arrays[name] = _npz_array(archive, info, name)
        yield ArrayFile(arrays)


def _member_name(info):
    check_name(info.orig_filename)
    if info.flag_bits & 1:
        raise ModelFileError(f"the member {info.filename!r} is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ModelFileError(f"the member {info.filename!r} is compressed in another way than that of .npz files")
    if info.external_attr >> 16 & 0o170000 not in (0, 0o100000) or not info.filename.endswith(".npy"):
        raise ModelFileError(f"the member {info.filename!r} is no array: members must be plain files that end in .npy")
    return info.filename.removesuffix(".npy")


def _npz_array(archive, info, name):
    """What a member declares, from its first bytes."""
    with archive.open(info) as member:
        head = io.BytesIO(member.read(MAX_NPY_HEADER))
    version = npy.read_magic(head)
    if version not in ((1, 0), (2, 0)):
        raise ModelFileError(f"the member {name!r} has the version {version} of the format, known are 1.0 and 2.0")
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read_header(head, max_header_size=MAX_NPY_HEADER)
    if dtype.kind not in "fiub" or dtype.names or dtype.shape:
        raise ModelFileError(f"the member {name!r} must hold numbers, its dtype is {str(dtype)[:80]!r}; pickled "
                             "objects are not read")
    _check_shape(name, shape)
    start, size = head.tell(), math.prod(shape) * dtype.itemsize
    if info.file_size != start + size:
        raise ModelFileError(f"the member {name!r} declares an array of shape {shape} and {dtype}, {size} bytes, and "
                             f"has {info.file_size - start}")

    def read():
        with _refusing(f"the member {name!r}"), archive.open(info) as member:
            member.read(start)
            flat = np.empty(math.prod(shape), dtype)
            _fill(member, flat)
            if member.read(1):      # also where the checksum of the member is compared
                raise ModelFileError(f"the member {name!r} is longer than it declares")
        return flat.reshape(shape, order="F" if fortran else "C")
    return Stored(name, shape, dtype, read)


def _fill(stream, flat):
    """Read exactly as many bytes as an array has."""
    view, at = memoryview(flat).cast("B") if flat.size else b"", 0
    while at < len(view):
        piece = stream.read(min(PIECE, len(view) - at))
        if not piece:
            raise EOFError(f"{len(view) - at} bytes are missing")
        view[at:at + len(piece)] = piece
        at += len(piece)


def _check_shape(name, shape):
    if not isinstance(shape, list | tuple) or len(shape) > 32 or any(
            type(n) is not int or not 0 <= n < 2 ** 48 for n in shape) or math.prod(shape) >= 2 ** 48:
        raise ModelFileError(f"the array {name!r} has the impossible shape {str(shape)[:80]}")


# .safetensors

@contextlib.contextmanager
def _safetensors(file):
    size = os.fstat(file.fileno()).st_size
    length, = struct.unpack("<Q", file.read(8).ljust(8, b"\xff"))
    if length > min(MAX_HEADER, size - 8):
        raise ModelFileError(f"its header is to have {length} bytes, the file has {size}, the limit is {MAX_HEADER}: "
                             "it is cut short or no .safetensors file")
    with _refusing("the header"):
        header = json.loads(file.read(length).decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_number)
        if not isinstance(header, dict):
            raise ModelFileError(f"its header must be a dict, got {type(header).__name__}")
        metadata = header.pop("__metadata__", {})
        if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
            raise ModelFileError("its __metadata__ must be a dict of strings")
    start = 8 + length
    yield ArrayFile(_entries(file, header, start, size), metadata.get("format") == "tahr",
                    lambda: _verify(file, start, metadata.get("sha256")))


def _unique(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ModelFileError("its header has a name twice")
    return found


def _no_number(word):
    raise ModelFileError(f"its header has {word} in place of a number")


def _entries(file, header, start, size):
    """The arrays in the order of their data, which must fill the file without gaps."""
    if len(header) > MAX_ARRAYS:
        raise ModelFileError(f"it has {len(header)} arrays, more than {MAX_ARRAYS}")
    found, end = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: _place(*item)):
        check_name(name)
        at, to = _place(name, entry)
        dtype = np.dtype(DTYPES[entry["dtype"]])
        wanted = math.prod(entry["shape"]) * dtype.itemsize
        if at != end or to - at != wanted:
            raise ModelFileError(f"the array {name!r} of shape {tuple(entry['shape'])} and {entry['dtype']} must lie "
                                 f"in {wanted} bytes from {end} on, the header says from {at} to {to}")
        found[name] = _entry(file, name, tuple(entry["shape"]), entry["dtype"], dtype, start + at)
        end = to
    if start + end != size:
        raise ModelFileError(f"its arrays have {end} bytes, the file has {size - start} of them")
    return found


def _place(name, entry):
    """Where the data of an entry lie; the entry is checked."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ModelFileError(f"the entry {name[:80]!r} of its header must have dtype, shape and data_offsets, got "
                             f"{str(entry)[:80]}")
    places = entry["data_offsets"]
    if not isinstance(places, list) or len(places) != 2 or any(type(n) is not int or n < 0 for n in places):
        raise ModelFileError(f"the array {name[:80]!r} has the impossible places {str(places)[:80]}")
    if not isinstance(entry["dtype"], str) or entry["dtype"] not in DTYPES:
        raise ModelFileError(f"the array {name[:80]!r} has the dtype {str(entry['dtype'])[:80]!r}, known are "
                             f"{', '.join(DTYPES)}")
    _check_shape(name[:80], entry["shape"])
    return tuple(places)


def _entry(file, name, shape, kind, dtype, start):
    def read():
        with _refusing(f"the array {name!r}"):
            flat = np.empty(math.prod(shape), dtype)
            file.seek(start)
            _fill(file, flat)
        if kind == "BF16":      # the upper half of a float32
            flat = (flat.astype(np.uint32) << 16).view(np.float32)
        return flat.reshape(shape)
    return Stored(name, shape, np.dtype("float32") if kind == "BF16" else dtype, read)


def _verify(file, start, expected):
    if expected is None:        # not written by us
        return
    file.seek(start)
    digest = hashlib.sha256()
    while piece := file.read(PIECE):
        digest.update(piece)
    if digest.hexdigest() != expected:
        raise ModelFileError("its data do not have the SHA-256 of its header: it is damaged; get it anew")


def _write_safetensors(file, arrays):
    kinds = {np.dtype(code): kind for kind, code in DTYPES.items() if kind != "BF16"}
    header, digest, at, data = {}, hashlib.sha256(), 0, []
    for name, array in arrays.items():
        array = np.asarray(array, order="C")
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        if array.dtype not in kinds:
            raise TypeError(f"a .safetensors file cannot hold the {array.dtype} array {name!r}; it holds numbers")
        header[name] = {"dtype": kinds[array.dtype], "shape": list(array.shape),
                        "data_offsets": [at, at + array.nbytes]}
        digest.update(array.reshape(-1).view(np.uint8))
        at += array.nbytes
        data.append(array)
    text = json.dumps({"__metadata__": {"format": "tahr", "sha256": digest.hexdigest()}, **header}).encode()
    text += b" " * (-len(text) % 8)     # so that the data are aligned
    file.write(struct.pack("<Q", len(text)) + text)
    for array in data:
        file.write(array.reshape(-1).view(np.uint8))
