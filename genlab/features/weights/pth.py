"""Reads files saved by torch without torch, and without executing anything in them.

A `.pth` file is a pickle, and unpickling calls whatever the pickle names. Here only the few things
a state dict is made of are allowed; they become placeholders, and the arrays are then cut from the
bytes of the file, with every stated size checked. Both layouts are those of
`torch/serialization.py` (`_load` and `_legacy_load`).
"""

import io
import math
import pickle
import pickletools
import zipfile
from collections import OrderedDict
from collections.abc import Collection
from typing import Any, ClassVar, NamedTuple

import numpy as np

from genlab.config import ConfigError

MAGIC = 0x1950A86A20F9469CFC6C  # first object of a legacy file
BFLOAT16 = "bfloat16"  # NumPy has no bfloat16: read as bits, returned as float32
DTYPES = {
    "Double": "<f8",
    "Float": "<f4",
    "Half": "<f2",
    "BFloat16": BFLOAT16,
    "Long": "<i8",
    "Int": "<i4",
    "Short": "<i2",
    "Char": "<i1",
    "Byte": "<u1",
    "Bool": "?",
}
NESTED = ("state_dict", "model")
HEAVIEST = 10_000  # parts of one tuple


class WeightsError(ConfigError):
    """A weight file that cannot be used; nothing in it was executed."""


class _Kind(NamedTuple):
    """Placeholder for a storage class of torch; it can be neither called nor changed."""

    dtype: str


class _Storage(NamedTuple):
    """`count` numbers of the file from `first` on, under `key`."""

    key: str
    dtype: str
    count: int  # pyright: ignore[reportIncompatibleMethodOverride]
    first: int = 0


class _Tensor:
    """A view of a storage, resolved later."""

    __slots__ = ("offset", "shape", "storage", "stride")

    def __init__(self, storage, offset, shape, stride, *_):
        self.storage, self.offset, self.shape, self.stride = storage, offset, shape, stride

    def __setstate__(self, state):
        """Ignores the flags of parameters saved by torch 0.1; the numbers do not depend on them."""


def _allowed() -> dict[str, object]:
    """The names a state dict may use; made for each file, so that files do not share them."""

    def tensor(*args):
        return _Tensor(*args)

    def parameter(data, *_):
        return data

    return {
        "collections.OrderedDict": OrderedDict,
        "torch._utils._rebuild_tensor": tensor,
        "torch._utils._rebuild_tensor_v2": tensor,
        "torch._utils._rebuild_parameter": parameter,
        "torch.nn.parameter.Parameter": parameter,
        **{f"torch.{name}Storage": _Kind(dtype) for name, dtype in DTYPES.items()},
    }


class _Unpickler(pickle._Unpickler):
    """Resolves only allowed names.

    It is the unpickler written in Python, so that tuples can be counted: deeply nested tuples of
    the same tuples take a few bytes, and hashing one as a key would never end.
    """

    dispatch: ClassVar[dict] = dict(pickle._Unpickler.dispatch)
    stack: list  # its own

    def __init__(self, stream: io.BytesIO):
        super().__init__(stream)
        self.allowed = _allowed()
        self.storages: dict[str, _Storage] = {}
        self.weighed: dict[int, tuple[int, tuple]] = {}

    def weigh(self, made: tuple) -> None:
        """Counts the items of a new tuple, with repeated ones counted each time."""
        weight = 1 + sum(self.weighed.get(id(part), (1,))[0] for part in made)
        if weight > HEAVIEST:
            raise WeightsError("a tuple that holds itself many times over: refused")
        self.weighed[id(made)] = weight, made  # kept alive, so that its id is not reused

    def find_class(self, module, name):
        asked = f"{module}.{name}"
        if asked not in self.allowed:
            raise WeightsError(
                f"the pickle asks for {listed([asked])}, which is no part of a state dict; it was "
                "refused and nothing was run: save the state dict alone"
            )
        return self.allowed[asked]

    def persistent_load(self, pid):
        kind, token, key, _, count, *view = pid
        if kind != "storage" or not (isinstance(token, _Kind) and isinstance(key, str)):
            raise WeightsError("the pickle refers to more than tensors: save the state dict alone")
        root = _Storage(key, token.dtype, whole(count))
        if self.storages.setdefault(key, root) != root:
            raise WeightsError(f"storage {listed([key])} is claimed twice, with other contents")
        if not view or view[0] is None:
            return root
        _, first, size = view[0]
        return root._replace(first=whole(first), count=whole(size))


def _weighing(load):
    def loaded(unpickler: _Unpickler) -> None:
        load(unpickler)
        unpickler.weigh(unpickler.stack[-1])

    return loaded


for _code in (pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3):
    _Unpickler.dispatch[_code[0]] = _weighing(pickle._Unpickler.dispatch[_code[0]])


def unpickle(stream: io.BytesIO) -> tuple[Any, dict[str, _Storage]]:
    """One object from `stream`, which is advanced past it, and the storages it refers to."""
    start = stream.tell()
    for opcode, argument, _ in pickletools.genops(stream):
        # the unpickler allocates up to the highest index: 64 GB for a file of 10 bytes
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and (argument or 0) > stream.tell():
            raise WeightsError("the pickle's memo is larger than the pickle: refused")
        if opcode.name.startswith("EXT"):  # would bypass find_class
            raise WeightsError("the pickle asks for a copyreg extension: refused")
    stream.seek(start)
    unpickler = _Unpickler(stream)
    return unpickler.load(), unpickler.storages


def from_legacy(data: bytes) -> dict[str, np.ndarray]:
    """Magic number, protocol, system, state dict, keys; then each storage's count and numbers."""
    stream = io.BytesIO(data)
    magic, _ = unpickle(stream)
    if magic != MAGIC:
        raise WeightsError("a pickle, but not one that torch saved: save a state dict")
    unpickle(stream)
    system, _ = unpickle(stream)
    if not (isinstance(system, dict) and system.get("little_endian", True)):
        raise WeightsError("saved on a big-endian machine: not read here")
    state, storages = unpickle(stream)
    keys, _ = unpickle(stream)
    blocks, at = {}, stream.tell()
    for key in keys:
        storage = storages[key]
        count = int.from_bytes(data[at : at + 8], "little")
        size = extent(storage.dtype, storage.count)
        if count != storage.count or at + 8 + size > len(data):
            raise WeightsError(f"storage {listed([key])} is cut short: truncated or damaged")
        blocks[key] = numbers(data, storage.dtype, storage.count, at + 8)
        at += 8 + size
    return _state_dict(state, blocks)


def from_zip(archive: zipfile.ZipFile, root: str, length: int) -> dict[str, np.ndarray]:
    """`ROOT/data.pkl` and `ROOT/data/KEY` of a file of `length` bytes; torch does not compress."""
    sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    if sum(entry.file_size for entry in archive.infolist()) > length:
        raise WeightsError("its entries claim more bytes than the file has: refused")
    if f"{root}/byteorder" in sizes and archive.read(f"{root}/byteorder") != b"little":
        raise WeightsError("saved on a big-endian machine: not read here")
    state, storages = unpickle(io.BytesIO(archive.read(f"{root}/data.pkl")))
    blocks = {}
    for key, storage in storages.items():
        name = f"{root}/data/{key}"
        if sizes.get(name) != extent(storage.dtype, storage.count):
            raise WeightsError(
                f"storage {listed([key])} has {sizes.get(name, 'no')} bytes, not {storage.count} "
                f"numbers of {storage.dtype}: damaged"
            )
        blocks[key] = numbers(archive.read(name), storage.dtype, storage.count)
    return _state_dict(state, blocks)


def _state_dict(state: object, blocks: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Names to arrays, also from inside {"state_dict": ...} or {"model": ...}."""
    for _ in range(2):
        if isinstance(state, dict) and not any(isinstance(v, _Tensor) for v in state.values()):
            state = next((state[name] for name in NESTED if name in state), state)
    if not isinstance(state, dict):
        raise WeightsError(f"holds a {type(state).__name__}, not a state dict")
    tensors = {name: value for name, value in state.items() if isinstance(value, _Tensor)}
    if not tensors or not all(isinstance(name, str) for name in tensors):
        raise WeightsError(f"holds no tensors by name, but {listed(list(state)) or 'nothing'}")
    return {name: _view(name, tensor, blocks) for name, tensor in tensors.items()}


def _view(name: str, tensor: _Tensor, blocks: dict[str, np.ndarray]) -> np.ndarray:
    """The array of a view, checked to lie inside its storage."""
    storage = tensor.storage
    if not (isinstance(storage, _Storage) and isinstance(tensor.shape, tuple)):
        raise WeightsError(f"{listed([name])} is no tensor that can be read")
    shape, stride = [whole(n) for n in tensor.shape], [whole(n) for n in tensor.stride]
    first, block = whole(tensor.offset) + storage.first, blocks[storage.key]
    count = math.prod(shape)
    last = first + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))
    if count and (last >= len(block) or count > len(block)):
        raise WeightsError(
            f"{listed([name])} of shape {tuple(shape)} reaches for number {last} of a storage of "
            f"{len(block)}: damaged"
        )
    if not count:
        return np.zeros(shape, block.dtype)
    steps = [step * block.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(block[first:], shape, steps, writeable=False)


def whole(value: object) -> int:
    """A non-negative integer: a count, an offset or a stride."""
    if not isinstance(value, int) or not 0 <= value < 2**62:
        raise WeightsError(f"a {type(value).__name__} where a count should be: damaged")
    return value


def extent(dtype: str, count: int) -> int:
    """Bytes of `count` numbers."""
    return count * (2 if dtype == BFLOAT16 else np.dtype(dtype).itemsize)


def numbers(data: bytes, dtype: str, count: int, at: int = 0) -> np.ndarray:
    """`count` numbers from byte `at` on; half precision as float32, which is exact."""
    if not count:
        return np.zeros(0, np.float32 if dtype in (BFLOAT16, "<f2") else dtype)
    if dtype == BFLOAT16:  # the upper half of a float32
        bits = np.frombuffer(data, "<u2", count, at).astype(np.uint32) << 16
        return bits.view(np.float32)
    found = np.frombuffer(data, dtype, count, at)
    return found.astype(np.float32) if dtype == "<f2" else found


def listed(names: Collection, shown: int = 4) -> str:
    """The first few names, for an error message, without the control characters a file may hold."""
    plain = [str(name) for name in list(names)[:shown]]
    plain = [(name if name.isprintable() else ascii(name))[:100] for name in plain]
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(plain) + more
