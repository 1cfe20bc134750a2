"""Weight files are read bit by bit, run never, and believed in nothing."""

import gzip
import hashlib
import io
import json
import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from genlab.config import ConfigError
from genlab.features.weights.files import WeightsError, check, read

DATA = Path(__file__).parent / "data"
TENSORS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.float32([0.5, -1])}


# ------------------------------------------------------ .pth by hand, without torch: pickle opcodes
def plain(value) -> bytes:
    """The opcodes of plain data, without protocol and stop."""
    return pickle.dumps(value, 2)[2:-1]


def tensor(key, count, shape, stride, offset=0, kind="FloatStorage", extra=b""):
    """`torch._utils._rebuild_tensor_v2(storage, offset, shape, stride, False, OrderedDict())`."""
    pid = b"(" + plain("storage") + b"ctorch\n" + kind.encode() + b"\n" + plain(key)
    pid += plain("cpu") + plain(count) + extra + b"tQ"
    rest = plain(offset) + plain(shape) + plain(stride) + b"\x89" + b"ccollections\nOrderedDict\n)R"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + pid + rest + b"tR"


def ordered(items: dict[str, bytes]) -> bytes:
    """A pickled OrderedDict of pickled values."""
    body = b"".join(plain(name) + value for name, value in items.items())
    return b"\x80\x02ccollections\nOrderedDict\n)R(" + body + b"u."


def zipped(pickled: bytes, storages: dict[str, bytes], method=zipfile.ZIP_STORED) -> bytes:
    """torch's zip format."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("net/data.pkl", pickled)
        for key, raw in storages.items():
            archive.writestr(f"net/data/{key}", raw)
    return stream.getvalue()


def legacy(pickled: bytes, storages: dict[str, bytes], itemsize=4) -> bytes:
    """torch's format before 1.6."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    head = [pickle.dumps(x, 2) for x in (0x1950A86A20F9469CFC6C, 1001, system)]
    tail = [pickle.dumps(list(storages), 2)]
    tail += [struct.pack("<q", len(raw) // itemsize) + raw for raw in storages.values()]
    return b"".join([*head, pickled, *tail])


FORMATS = pytest.mark.parametrize("layout", [zipped, legacy])


def state(tensors=TENSORS) -> tuple[bytes, dict[str, bytes]]:
    """Pickle and storages of contiguous float32 arrays."""
    items, storages = {}, {}
    for key, (name, x) in enumerate(tensors.items()):
        stride = tuple(s // 4 for s in x.strides)
        items[name], storages[str(key)] = tensor(str(key), x.size, x.shape, stride), x.tobytes()
    return ordered(items), storages


@pytest.fixture
def file(tmp_path):
    """Bytes -> path."""

    def write(data: bytes, name: str = "weights") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


def same(found, wanted=TENSORS) -> None:
    assert list(found) == list(wanted)
    for name, x in wanted.items():
        np.testing.assert_array_equal(found[name], x)
        assert found[name].shape == x.shape


# ------------------------------------------------------------------------------------- what is read
@pytest.mark.parametrize("name", ["zip", "legacy", "nested"])
def test_what_torch_wrote(name):
    found = read(DATA / f"{name}.pth").tensors
    base = np.arange(12.0).reshape(3, 4)
    wanted = {
        "weight": np.ones(2),
        "bias": np.zeros(2),
        "running_mean": np.zeros(2),
        "running_var": np.ones(2),
        "num_batches_tracked": np.int64(0),
        "plain": base,
        "transposed": base.T,
        "part": base[1:, 1],
        "half": [0.5, -2, 1024],
        "bfloat16": [0.5, -2, 2.0**120],
        "double": [1 / 3],
        "parameter": np.full((2, 2), 7),
        "empty": np.zeros((0, 3)),
        "scalar": np.float32(3),
        "flags": [True, False],
    }
    assert list(found) == list(wanted)
    for key, value in wanted.items():
        np.testing.assert_array_equal(found[key], value)
        assert found[key].shape == np.shape(value), key
    assert found["half"].dtype == found["bfloat16"].dtype == np.float32
    assert found["double"].dtype == np.float64
    assert found["flags"].dtype == bool


@FORMATS
def test_by_hand_in_both_formats(layout, file):
    data = layout(*state())
    found = read(file(data))
    same(found.tensors)
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert not any(x.flags.writeable for x in found.tensors.values())


@FORMATS
def test_a_parameter_of_torch_0_1(layout, file):
    """vgg16-397923af.pth is as old: Parameter(tensor), then a state of flags."""
    value = b"ctorch.nn.parameter\nParameter\n" + tensor("0", 2, (2,), (1,)) + b"\x85R"
    value = value.replace(b"_v2", b"") + plain((True, False, None)) + b"b"
    same(
        read(file(layout(ordered({"b": value}), {"0": TENSORS["b"].tobytes()}))).tensors,
        {"b": TENSORS["b"]},
    )


def test_a_view_of_a_legacy_storage(file):
    """Old files say of a storage that it is part of another: (its own key, first, count)."""
    value = tensor("0", 6, (2,), (1,), offset=1, extra=plain(("view", 3, 3)))
    found = read(file(legacy(ordered({"a": value}), {"0": TENSORS["a"].tobytes()})))
    same(found.tensors, {"a": np.float32([4, 5])})


def test_npz(file):
    stream = io.BytesIO()
    np.savez_compressed(stream, **TENSORS, half=np.float16([0.5]))
    found = read(file(stream.getvalue())).tensors
    same(found, {**TENSORS, "half": np.float32([0.5])})
    assert found["half"].dtype == np.float32


def safetensors(header: dict | str, body: bytes) -> bytes:
    text = header if isinstance(header, str) else json.dumps(header)
    return struct.pack("<Q", len(text)) + text.encode() + body


def entry(first, last, shape, dtype="F32") -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": [first, last]}


def test_safetensors(file):
    header = {"__metadata__": {"format": "pt"}, "b": entry(24, 32, [2]), "a": entry(0, 24, [2, 3])}
    header["c"] = entry(32, 36, [2], "BF16")
    body = TENSORS["a"].tobytes() + TENSORS["b"].tobytes() + b"\x00\x3f\x80\xbf"
    found = read(file(safetensors(header, body))).tensors
    same(found, {"b": TENSORS["b"], "a": TENSORS["a"], "c": np.float32([0.5, -1])})


# ---------------------------------------------------------------------------------- what is refused
class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


@FORMATS
def test_a_malicious_pickle_is_named_and_not_run(layout, file, tmp_path):
    marker = tmp_path / "ran"
    evil = plain(Evil(marker))
    good, storages = state()
    for pickled in (ordered({"a": evil}), good[:-1] + b"0" + evil + b"."):
        with pytest.raises(WeightsError, match=r"asks for (posix|nt)\.system.*refused"):
            read(file(layout(pickled, storages)))
    with pytest.raises(WeightsError, match=r"asks for (posix|nt)\.system"):
        read(file(pickle.dumps(Evil(marker), 2)))
    assert not marker.exists()
    pickle.loads(b"\x80\x02" + evil + b".")  # it would have run
    assert marker.exists()


@pytest.mark.parametrize(
    "asked", ["builtins.eval", "torch._utils.__dict__", "collections.OrderedDict.fromkeys"]
)
def test_only_whole_names_are_allowed(asked, file):
    module, _, name = asked.rpartition(".")
    pickled = b"\x80\x02c" + f"{module}\n{name}\n.".encode()
    with pytest.raises(WeightsError, match=f"asks for {asked}"):
        read(file(zipped(pickled, {})))


def test_a_pickle_leaves_no_trace(file):
    """BUILD may set attributes of what it finds; the next file finds it anew."""
    poison = b"ctorch._utils\n_rebuild_tensor_v2\n" + plain({"__defaults__": (1,)}) + b"b"
    with pytest.raises(WeightsError):
        read(file(zipped(ordered({"a": poison}), {})))
    same(read(file(zipped(*state()))).tensors)


def test_a_small_pickle_cannot_ask_for_years_of_hashing(file):
    """A pair of a pair of ... the same, sixty deep, as a key."""
    pairs = b"".join(b"q%c0h%ch%c\x86" % (i, i, i) for i in range(60))
    with pytest.raises(WeightsError, match="many times over"):
        read(file(zipped(b"\x80\x02}(" + b")" + pairs + b"K\x01u.", {})))


def test_a_small_pickle_cannot_ask_for_a_large_memo(file):
    with pytest.raises(WeightsError, match="memo"):
        read(file(b"\x80\x02Nr\xff\xff\xff\x7f."))


@FORMATS
@pytest.mark.parametrize(
    ("value", "said"),
    [
        (tensor("0", 6, (2, 4), (4, 1)), "number 7 of a storage of 6"),
        (tensor("0", 6, (2, 3), (4, 1)), "number 6 of a storage of 6"),
        (tensor("0", 6, (3,), (1,), offset=4), "number 6 of a storage of 6"),
        (tensor("0", 6, (1000, 1000), (0, 0)), "storage of 6"),
        (tensor("0", 6, (2,), (-1,)), "count should be"),
        (tensor("0", 6, (2, 3), (1,)), "damaged"),
        (tensor("0", 6, (2,), (1,), kind="DoubleStorage"), "storage 0"),
        (tensor("0", 5, (2,), (1,)), "storage 0"),
        (tensor("0", 10**9, (2,), (1,)), "storage 0"),
        (tensor("1", 6, (2,), (1,)), "1"),
    ],
)
def test_a_tensor_that_its_storage_cannot_hold(layout, value, said, file):
    with pytest.raises(WeightsError, match=said):
        read(file(layout(ordered({"a": value}), {"0": TENSORS["a"].tobytes()})))


def test_compressed_zeros_are_no_weights(file):
    zeros = bytes(4 * 10**6)
    data = zipped(
        ordered({"a": tensor("0", 10**6, (10**6,), (1,))}), {"0": zeros}, zipfile.ZIP_DEFLATED
    )
    with pytest.raises(WeightsError, match="more bytes than the file has"):
        read(file(data))
    stream = io.BytesIO()
    np.savez_compressed(stream, a=np.zeros(2**23))
    with pytest.raises(WeightsError, match="unpack to"):
        read(file(stream.getvalue()))


@pytest.mark.parametrize(
    ("header", "body", "said"),
    [
        ({"a": entry(0, 8, [2]), "b": entry(4, 12, [2])}, 12, "claims bytes 4 to 12"),
        ({"a": entry(0, 8, [2]), "b": entry(12, 20, [2])}, 20, "claims bytes 12 to 20"),
        ({"a": entry(4, 8, [2])}, 8, "claims bytes 4 to 8"),
        ({"a": entry(0, 8, [3])}, 8, "claims bytes 0 to 8"),
        ({"a": entry(0, 80, [20])}, 8, "claims bytes 0 to 80"),
        ({"a": entry(0, 8, [2])}, 12, "belong to no tensor"),
        ({"a": entry(0, 8, [-2])}, 8, "damaged"),
        ({"a": entry(0, 8, [8], "F8_E4M3")}, 8, "F8_E4M3"),
        ('{"a": 1, "a": 2}', 8, "twice"),
        ('{"a": [}', 8, "damaged"),
        ('{"a":' * 5000, 8, "damaged"),
    ],
)
def test_a_safetensors_file_that_contradicts_itself(header, body, said, file):
    with pytest.raises(WeightsError, match=said):
        read(file(safetensors(header, bytes(body))))


def test_a_safetensors_header_longer_than_the_file(file):
    with pytest.raises(WeightsError, match="header of 9000000000"):
        read(file(struct.pack("<Q", 9 * 10**9) + b"{}"))


def archive(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        for name in names:
            made.writestr(name, b"")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (archive("net/data.pkl", "net/code/__torch__.py"), "TorchScript.*6726825d"),
        (gzip.compress(b"graph", mtime=0), "inception-2015-12-05.tgz.*6726825d"),
        (b"\n\x1a\n\x06DecodeJpeg", "classify_image_graph_def.pb"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"<!DOCTYPE html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1", "LFS"),
        (archive("config.json", "model.weights.h5"), "config.json"),
        (pickle.dumps({"conv": np.ones(3)}, 2), r"asks for numpy\.\S+_reconstruct"),  # jax-fid's
        (pickle.dumps({"conv": [1.0]}, 2), "not one that torch saved"),
        (zipped(b"\x80\x02K\x01.", {}), "holds a int"),
        (zipped(ordered({"lr": b"K\x01"}), {}), "no tensors by name, but lr"),
        (b"", "empty"),
        (b"\x00" * 64, "no known format"),
    ],
)
def test_other_files_are_refused_with_the_reason(data, said, file):
    with pytest.raises(WeightsError, match=said) as caught:
        read(file(data))
    assert "\n" not in str(caught.value)


def test_objects_in_an_npz(file):
    stream = io.BytesIO()
    np.savez(stream, a=np.array([Evil(Path("nothing"))], object))
    with pytest.raises(WeightsError, match="allow_pickle"):
        read(file(stream.getvalue()))
    stream = io.BytesIO()
    np.savez(stream, a=np.array(["text"]))
    with pytest.raises(WeightsError, match="not numbers"):
        read(file(stream.getvalue()))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="cannot read weights"):
        read(tmp_path / "none.pth")


SAMPLES = {
    "zip": zipped(*state()),
    "legacy": legacy(*state()),
    "safetensors": safetensors({"a": entry(0, 24, [2, 3])}, TENSORS["a"].tobytes()),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_truncation_is_refused(name, file):
    data = SAMPLES[name]
    for length in range(0, len(data), 7):
        with pytest.raises(WeightsError):
            read(file(data[:length]))


@pytest.mark.parametrize("name", SAMPLES)
def test_damage_is_an_error_of_ours_or_harmless(name, file):
    """Any bytes at all: arrays, or WeightsError; never another error, never a crash."""
    rng = np.random.default_rng(0)
    for _ in range(60):
        data = bytearray(SAMPLES[name])
        for at in rng.integers(0, len(data), 2):
            data[at] = rng.integers(256)
        try:
            found = read(file(bytes(data))).tensors
        except WeightsError:
            continue
        for x in found.values():
            x.copy()  # every byte is there


def test_check_says_what_is_wrong():
    shapes = {"b": (2,), "a": (2, 3)}
    extra = {"bn.num_batches_tracked": np.int64(0), "head.weight": np.ones(1)}
    found = check({**TENSORS, **extra}, shapes, "a net", unused=("head.",))
    same(found, {"b": TENSORS["b"], "a": TENSORS["a"]})
    with pytest.raises(WeightsError) as caught:
        check({"a": np.ones(5), "x": np.ones(1)}, shapes, "a net")
    assert str(caught.value) == (
        "these are not the weights of a net; missing: b; unexpected: x; "
        "of another shape: a is (5,), not (2, 3)"
    )
    with pytest.raises(WeightsError, match=r"head\.weight"):
        check({**TENSORS, **extra}, shapes, "a net")
