"""Files that attack: one for each way that is known, made by hand; what each may do is nothing.

A case is a name, the ending of the file, and a function that writes it. ``fuzz_files.py`` changes good files at random.
"""

import io
import json
import pickle
import struct
import warnings
import zipfile

import numpy as np

from tahr.utils.array_files import MAX_HEADER, MAX_NAME

MANY = 1001     # more than the limit that the tests set
RAN = []        # what a hostile file managed to run


class Bomb:
    """Runs something when it is unpickled."""

    def __reduce__(self):
        return RAN.append, ("pickle",)


# .npz, for a model with the weights d/kernel (3, 2) and d/bias (2,)

KERNEL, BIAS = np.ones((3, 2), np.float32), np.ones(2, np.float32)


def npy(array, **changes):
    """The bytes of a member; ``changes`` are of its header."""
    header = {"descr": "<f4", "fortran_order": False, "shape": array.shape, **changes}
    text = (repr(header) if "text" not in changes else changes["text"]).encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + array.tobytes()


def zipped(*members, **options):
    """A zip file of ``(name or ZipInfo, content)``."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")     # of two members of one name
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def npz(kernel=None, bias=None, *more, **options):
    """The weights file of the model with other members."""
    return zipped(("d/kernel.npy", npy(KERNEL) if kernel is None else kernel),
                  ("d/bias.npy", npy(BIAS) if bias is None else bias), *more, **options)


def info(name, **attributes):
    made = zipfile.ZipInfo(name)
    for attribute, value in attributes.items():
        setattr(made, attribute, value)
    return made


def flagged(content, flag):
    """A zip file whose members have a flag of the format set."""
    content = bytearray(content)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(signature)
        while at >= 0:
            content[at + offset] |= flag
            at = content.find(signature, at + 4)
    return bytes(content)


def pickled():
    file = io.BytesIO()
    np.save(file, np.array([Bomb(), Bomb()], object), allow_pickle=True)
    return npz(bias=file.getvalue())


def bomb(size, name="d/bias.npy"):
    """So many bytes of zeros in a thousandth of them."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("d/kernel.npy", npy(KERNEL))
        if name != "d/bias.npy":
            archive.writestr("d/bias.npy", npy(BIAS))
        with archive.open(name, "w", force_zip64=True) as member:
            member.write(npy(np.zeros(0, np.float32), shape=(size // 4,)))
            for _ in range(size // 2 ** 20):
                member.write(bytes(2 ** 20))
    return file.getvalue()


def with_size(content, size):
    """A zip file in which the last member claims to be so large."""
    content = bytearray(content)
    at = content.rfind(b"PK\x01\x02")
    content[at + 24:at + 28] = struct.pack("<I", size)
    return bytes(content)


NPZ = {
    "pickled objects": pickled,
    "a bare pickle": lambda: pickle.dumps([Bomb()]),
    "a pickle as a member": lambda: npz(bias=pickle.dumps(Bomb())),
    "an object dtype without data": lambda: npz(bias=npy(BIAS, descr="|O")),
    "a structured dtype": lambda: npz(bias=npy(BIAS, descr=[("a", "<f4")])),
    "a structured dtype of objects": lambda: npz(bias=npy(BIAS, descr=[("a", "|O")])),
    "strings": lambda: npz(bias=npy(BIAS, descr="<U2")),
    "times": lambda: npz(bias=npy(BIAS, descr="<M8[s]")),
    "complex numbers": lambda: npz(bias=npy(BIAS, descr="<c8")),
    "a dtype that is code": lambda: npz(bias=npy(BIAS, text="{'descr': __import__('os').getcwd(), "
                                                            "'fortran_order': False, 'shape': (2,)}")),
    "a header that is no dict": lambda: npz(bias=npy(BIAS, text="[1, 2]")),
    "a deep header": lambda: npz(bias=npy(BIAS, text="(" * 3000 + ")" * 3000)),
    "a header of signs": lambda: npz(bias=npy(BIAS, text="-" * 3000 + "1")),
    "a header of many digits": lambda: npz(bias=npy(BIAS, text="{'shape': (" + "9" * 3500 + ",)}")),
    "a header longer than the member": lambda: npz(bias=b"\x93NUMPY\x01\x00\xff\xff{}"),
    "a header of 4 GB": lambda: npz(bias=b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}"),
    "an unknown version": lambda: npz(bias=b"\x93NUMPY\x09\x00" + npy(BIAS)[8:]),
    "no magic": lambda: npz(bias=b"hello"),
    "an empty member": lambda: npz(bias=b""),
    "a petabyte declared": lambda: npz(bias=npy(BIAS, shape=(2 ** 48,))),
    "sizes whose product overflows": lambda: npz(bias=npy(BIAS, shape=(2 ** 32, 2 ** 32))),
    "a negative size": lambda: npz(bias=npy(BIAS, shape=(-2,))),
    "a size that is a float": lambda: npz(bias=npy(BIAS, shape=(2.0,))),
    "a size that is no number": lambda: npz(bias=npy(BIAS, text="{'descr': '<f4', 'fortran_order': False, "
                                                                "'shape': ('nan',)}")),
    "a shape that is no tuple": lambda: npz(bias=npy(BIAS, shape=2)),
    "a hundred axes": lambda: npz(bias=npy(BIAS, shape=(1,) * 100)),
    "too little data": lambda: npz(bias=npy(BIAS)[:-1]),
    "too much data": lambda: npz(bias=npy(BIAS) + b"\0"),
    "a zip bomb": lambda: bomb(2 ** 26),
    "a zip bomb beside the weights": lambda: bomb(2 ** 26, "d/other.npy"),
    "a member that claims 4 GB": lambda: with_size(npz(), 2 ** 32 - 2),
    "a member that claims less": lambda: with_size(npz(), 40),
    "an absolute path": lambda: npz(None, None, ("/etc/passwd.npy", npy(BIAS))),
    "a path that leads out": lambda: npz(None, None, ("d/../../x.npy", npy(BIAS))),
    "a path with a backslash": lambda: npz(None, None, ("..\\x.npy", npy(BIAS))),
    "a name with a NUL": lambda: npz(None, None, (info("d/bias.npy", filename="d/b\0ias.npy",
                                                       orig_filename="d/b\0ias.npy"), npy(BIAS))),
    "a name with a newline": lambda: npz(None, None, ("d/b\nias.npy", npy(BIAS))),
    "a huge name": lambda: npz(None, None, ("d/" + "x" * (MAX_NAME + 1) + ".npy", npy(BIAS))),
    "a link as a member": lambda: npz(None, None, (info("d/x.npy", external_attr=0o120777 << 16, create_system=3),
                                                   "/etc/passwd")),
    "a device as a member": lambda: npz(None, None, (info("d/x.npy", external_attr=0o020666 << 16, create_system=3),
                                                     npy(BIAS))),
    "a folder as a member": lambda: npz(None, None, ("d/", b"")),
    "a member that is no array": lambda: npz(None, None, ("setup.py", b"print()")),
    "two members of one name": lambda: npz(None, None, ("d/bias.npy", npy(BIAS * 2))),
    "an encrypted member": lambda: flagged(npz(), 1),
    "another compression": lambda: npz(compression=zipfile.ZIP_BZIP2),
    "too many members": lambda: npz(None, None, *((f"d/{i}.npy", b"") for i in range(MANY))),
    "a wrong checksum": lambda: npz().replace(npy(BIAS), npy(BIAS * 2)),
    "a file cut short": lambda: npz()[:-30],
    "half a file": lambda: npz()[:100],
    "an empty file": lambda: b"",
    "an HDF5 file": lambda: b"\x89HDF\r\n\x1a\n" + bytes(100),
    "a weight of another shape": lambda: npz(bias=npy(np.ones(3, np.float32))),
    "a weight too many": lambda: npz(None, None, ("d/more.npy", npy(BIAS))),
}


# .safetensors

def tensors(**changes):
    """The file with a changed header: entries by their names, None takes one away."""
    entries = {"d/kernel": {"dtype": "F32", "shape": [3, 2], "data_offsets": [0, 24]},
               "d/bias": {"dtype": "F32", "shape": [2], "data_offsets": [24, 32]}}
    for name, value in changes.items():
        entries[name] = value
    return with_header(json.dumps({k: v for k, v in entries.items() if v is not None}))


def with_header(text, length=None, data=KERNEL.tobytes() + BIAS.tobytes()):
    text = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def bias(**changes):
    return tensors(**{"d/bias": {"dtype": "F32", "shape": [2], "data_offsets": [24, 32], **changes}})


SAFETENSORS = {
    "an empty file": lambda: b"",
    "a pickle": lambda: pickle.dumps([Bomb()] * 100),
    "no header": lambda: struct.pack("<Q", 0) + bytes(32),
    "a header of 16 exabytes": lambda: with_header("{}", 2 ** 64 - 1),
    "a header longer than the file": lambda: with_header("{}", 100_000),
    "a header over the limit": lambda: with_header("{}" + " " * MAX_HEADER),
    "a header that is a list": lambda: with_header("[]"),
    "a header that is no JSON": lambda: with_header("{'a': 1}"),
    "a header that is no text": lambda: with_header(b"\xff\xfe{}"),
    "deep JSON": lambda: with_header('{"a":' * 100_000 + "1" + "}" * 100_000),
    "deep lists": lambda: with_header("[" * 200_000),
    "a name twice": lambda: with_header('{"d/bias": 1, "d/bias": 2}'),
    "NaN as a size": lambda: with_header('{"d/bias": {"dtype": "F32", "shape": [NaN], "data_offsets": [0, 8]}}'),
    "infinity as a place": lambda: with_header('{"d/bias": {"dtype": "F32", "shape": [2], '
                                               '"data_offsets": [0, Infinity]}}'),
    "a million digits": lambda: with_header('{"d/bias": {"dtype": "F32", "shape": [' + "9" * 1_000_000
                                            + '], "data_offsets": [0, 8]}}'),
    "an entry that is a number": lambda: tensors(**{"d/bias": 7}),
    "an entry without a dtype": lambda: tensors(**{"d/bias": {"shape": [2], "data_offsets": [24, 32]}}),
    "an entry with more": lambda: bias(path="/etc/passwd"),
    "an unknown dtype": lambda: bias(dtype="O"),
    "a dtype that is a list": lambda: bias(dtype=["F32"]),
    "a petabyte declared": lambda: bias(shape=[2 ** 48]),
    "sizes whose product overflows": lambda: bias(shape=[2 ** 33, 2 ** 33, 0]),
    "a product that wraps to the size": lambda: bias(shape=[2 ** 63, 2, 2]),
    "a negative size": lambda: bias(shape=[-2]),
    "a size that is a float": lambda: bias(shape=[2.0]),
    "a size that is true": lambda: bias(shape=[True, 2]),
    "a shape that is a string": lambda: bias(shape="2"),
    "a hundred axes": lambda: bias(shape=[1] * 99 + [2]),
    "a place behind the end": lambda: bias(data_offsets=[2 ** 40, 2 ** 40 + 8]),
    "a place before the beginning": lambda: bias(data_offsets=[-8, 0]),
    "places the wrong way round": lambda: bias(data_offsets=[32, 24]),
    "three places": lambda: bias(data_offsets=[24, 32, 40]),
    "places that overlap": lambda: bias(data_offsets=[16, 24]),
    "a gap": lambda: tensors(**{"d/kernel": None}),
    "data that nobody declares": lambda: tensors() + b"more",
    "data that are missing": lambda: tensors()[:-1],
    "a size and a place that differ": lambda: bias(shape=[3]),
    "metadata that are a list": lambda: tensors(__metadata__=["x"]),
    "metadata that are nested": lambda: tensors(__metadata__={"format": {"x": "y"}}),
    "a wrong checksum": lambda: tensors(__metadata__={"format": "tahr", "sha256": "0" * 64}),
    "a huge name": lambda: tensors(**{"x" * (MAX_NAME + 1): {"dtype": "F32", "shape": [0], "data_offsets": [32, 32]}}),
    "a name that leads out": lambda: tensors(**{"../x": {"dtype": "F32", "shape": [0], "data_offsets": [32, 32]}}),
    "an absolute name": lambda: tensors(**{"/etc/x": {"dtype": "F32", "shape": [0], "data_offsets": [32, 32]}}),
    "a name with a control character": lambda: tensors(**{"a\x1b[2J": {"dtype": "F32", "shape": [0],
                                                                       "data_offsets": [32, 32]}}),
    "an empty name": lambda: tensors(**{"": {"dtype": "F32", "shape": [0], "data_offsets": [32, 32]}}),
    "too many arrays": lambda: tensors(**{f"x{i}": {"dtype": "F32", "shape": [0], "data_offsets": [32, 32]}
                                         for i in range(MANY)}),
    "a weight of another shape": lambda: bias(shape=[1, 2]),
    "a weight too many": lambda: tensors(more={"dtype": "F32", "shape": [0], "data_offsets": [32, 32]}),
}
