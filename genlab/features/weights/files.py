"""Reads named arrays from a user's `.pth`, `.safetensors` and `.npz` files.

Nothing in a file is executed, and every size it states is checked: see `pth` for torch's pickles.
The layout of safetensors is that of its README (Hugging Face, safetensors, "Format").
"""

import errno
import hashlib
import io
import json
import math
import os
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from genlab.features.weights.pth import (
    BFLOAT16,
    extent,
    from_legacy,
    from_zip,
    listed,
    numbers,
    whole,
)
from genlab.features.weights.pth import WeightsError as WeightsError

DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": BFLOAT16,
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "<i1",
    "U8": "<u1",
    "BOOL": "?",
}
HEADER_LIMIT = 100_000_000  # bytes of a safetensors header, as in its reference implementation
WANTED = "give a state dict saved by torch (.pth, .pt), a .safetensors or an .npz file"
SAME = "pt_inception-2015-12-05-6726825d.pth has the same weights as a state dict"
REFUSED = {
    b"\x1f\x8b": "a gzip archive, as TensorFlow's inception-2015-12-05.tgz, which holds a frozen "
    f"graph: {SAME}",
    b"\n": f"a protocol buffer, as TensorFlow's classify_image_graph_def.pb, a graph: {SAME}",
    b"\x89HDF": "an HDF5 file, as Keras saves",
    b"<": "a web page: the download went wrong",
    b"version https://git-lfs": "a Git LFS pointer: the file itself was not fetched",
}


class Weights(NamedTuple):
    """The contents of a file.

    tensors: by name, read-only; half precision and bfloat16 as float32, which holds both exactly
    sha256:  of the file's bytes
    """

    tensors: dict[str, np.ndarray]
    sha256: str
    path: Path


def read(path: str | Path) -> Weights:
    """The tensors of a `.pth` (zip or legacy), `.safetensors` or `.npz` file, recognised by its
    first bytes.

    Raises WeightsError for a file that is missing, truncated, of another kind, or a pickle that
    names anything but tensors; the error says what it names, and nothing of it is executed.
    """
    path = Path(path).expanduser()
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            raise OSError(errno.EINVAL, "no regular file")
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"cannot read weights at {path}: {error.strerror}; {WANTED}") from None
    try:
        return Weights(_tensors(data), hashlib.sha256(data).hexdigest(), path)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None
    except Exception as error:  # a damaged file may raise any exception in its parser
        said = listed([f"{type(error).__name__}: {error}"])
        raise WeightsError(f"{path} is truncated or damaged ({said}); {WANTED}") from None


def check(
    tensors: Mapping[str, np.ndarray],
    expected: Mapping[str, tuple[int, ...]],
    what: str,
    unused: Collection[str] = (),
) -> dict[str, np.ndarray]:
    """The tensors named in `expected`, in that order, checked to have these shapes.

    Batch norm's `num_batches_tracked` and names that begin with one of `unused` are ignored.
    Raises WeightsError that lists the names that are missing, unexpected or of another shape.
    """
    surplus = [
        name
        for name in tensors
        if name not in expected
        and not name.endswith("num_batches_tracked")
        and not name.startswith(tuple(unused))
    ]
    found = {
        "missing": [name for name in expected if name not in tensors],
        "unexpected": surplus,
        "of another shape": [
            f"{name} is {tensors[name].shape}, not {tuple(shape)}"
            for name, shape in expected.items()
            if name in tensors and tensors[name].shape != tuple(shape)
        ],
    }
    told = [f"{kind}: {listed(names)}" for kind, names in found.items() if names]
    if told:
        raise WeightsError(f"these are not the weights of {what}; {'; '.join(told)}")
    return {name: tensors[name] for name in expected}


def _tensors(data: bytes) -> dict[str, np.ndarray]:
    """Chosen by the first bytes and not by the file name, which may be misleading."""
    if not data:
        raise WeightsError(f"the file is empty; {WANTED}")
    if data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _from_archive(data)
    if data[8:9] == b"{":
        return _from_safetensors(data)
    if data[:1] == b"\x80":
        return from_legacy(data)
    for prefix, reason in REFUSED.items():
        if data.startswith(prefix):
            raise WeightsError(f"this is {reason}; {WANTED}")
    raise WeightsError(f"of no known format; {WANTED}")


def _from_archive(data: bytes) -> dict[str, np.ndarray]:
    """A zip archive is torch's, TorchScript's or NumPy's."""
    archive = zipfile.ZipFile(io.BytesIO(data))
    names = archive.namelist()
    if any("/code/" in f"/{name}" for name in names):
        raise WeightsError(
            "a TorchScript program, as NVIDIA's inception-2015-12-05.pt, not a state dict: it "
            f"would have to be run; {SAME}"
        )
    for name in names:
        if name.endswith("/data.pkl"):
            return from_zip(archive, name.removesuffix("/data.pkl"), len(data))
    if not names or not all(name.endswith(".npy") for name in names):
        raise WeightsError(f"a zip archive of {listed(names) or 'nothing'}; {WANTED}")
    return _from_npz(data, sum(entry.file_size for entry in archive.infolist()))


def _from_npz(data: bytes, unpacked: int) -> dict[str, np.ndarray]:
    if unpacked > 20 * len(data) + 2**24:  # weights hardly compress
        raise WeightsError(f"{len(data)} bytes that unpack to {unpacked}: refused")
    tensors = {}
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        for name in archive.files:
            array = archive[name]
            if array.dtype.kind not in "fiub":
                raise WeightsError(f"{listed([name])} is of type {array.dtype}, not numbers")
            tensors[name] = array.astype(np.float32) if array.dtype == np.float16 else array
            tensors[name].flags.writeable = False
    return tensors


def _from_safetensors(data: bytes) -> dict[str, np.ndarray]:
    """Header's length (8 bytes), header (JSON), numbers: without holes, without overlap."""
    start = 8 + int.from_bytes(data[:8], "little")
    if start > min(8 + HEADER_LIMIT, len(data)):
        raise WeightsError(f"a safetensors header of {start - 8} bytes, in a file of {len(data)}")
    header = json.loads(data[8:start], object_pairs_hook=_unique)
    header.pop("__metadata__", None)
    tensors, at = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        first, last = entry["data_offsets"]
        if entry["dtype"] not in DTYPES:
            raise WeightsError(
                f"{listed([name])} is of type {listed([entry['dtype']])}: not read here"
            )
        dtype, shape = DTYPES[entry["dtype"]], [whole(n) for n in entry["shape"]]
        count = math.prod(shape)
        if first != at or last != at + extent(dtype, count) or start + last > len(data):
            raise WeightsError(
                f"{listed([name])} of shape {tuple(shape)} claims bytes {first} to {last}, not "
                f"{at} to {at + extent(dtype, count)} of {len(data) - start}: damaged"
            )
        tensors[name], at = numbers(data, dtype, count, start + at).reshape(shape), last
    if start + at != len(data):
        raise WeightsError(f"{len(data) - start - at} bytes belong to no tensor: damaged")
    return {name: tensors[name] for name in header}


def _unique(pairs: list[tuple[str, object]]) -> dict:
    """A JSON object; duplicate names are an error."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise WeightsError("a name is twice in the safetensors header: damaged")
    return found
