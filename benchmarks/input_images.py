"""Sets of images with one thing wrong, for `input_cases`."""

import io
import os
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header, with a valid checksum, claims any size: grey, 8 bits."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(min(height * (width + 1), 2**20)))
    parts = chunk(b"IHDR", header), chunk(b"IDAT", rows), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def jpeg_claiming(width: int, height: int) -> bytes:
    """A JPEG of 8x8 pixels whose header claims any size."""
    data = bytearray(encoded(np.zeros((8, 8, 3), np.uint8), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def encoded(pixels: np.ndarray, kind: str, mode: str | None = None, **options) -> bytes:
    """Pixels as a file of some kind."""
    image, stream = Image.fromarray(pixels), io.BytesIO()
    (image.convert(mode) if mode else image).save(stream, kind, **options)
    return stream.getvalue()


def noise(rng: random.Random, side: int = 8) -> np.ndarray:
    """Random colour pixels."""
    return np.random.default_rng(rng.randrange(2**32)).integers(0, 256, (side, side, 3), np.uint8)


def spoil_folder(place: Path, rng: random.Random) -> None:
    """Twelve good images, and up to three of another kind."""
    place.mkdir()
    for i in range(12):
        Image.fromarray(noise(rng)).save(place / f"{i}.png")
    for i in range(rng.randrange(1, 4)):
        rng.choice(SPOILERS)(place / f"odd{i}.png", rng)


def odd_folder(place: Path, rng: random.Random) -> None:
    """Good images as people keep them: nested folders, suffixes of any kind, classes called as
    splits, splits in capitals.
    """
    tops = rng.choice([
        ("cat", "dog"), ("Train", "Test"), ("train", "bus"), ("prepared-x", "dog"), ("", ""),
        ("train", "test", "extra"), ("e\u0301", "\u00e9"), ("1.5", "10"), ("[1]", "a b"),
        ("images/cat", "images/dog"),
    ])  # fmt: skip
    for i in range(12):
        inner = rng.choice(["", "", "a/b", "x"])
        name = f"{i}{rng.choice(['.png', '.PNG', '.jfif', '.jpe', '', '.0001', '.heic', '.txt'])}"
        file = place / tops[i % len(tops)] / inner / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encoded(noise(rng), rng.choice(("PNG", "JPEG", "BMP", "GIF"))))


def table(place: Path, rng: random.Random) -> str:
    """A table of attributes beside images `0.png` to `11.png`; the name of its column, or ""."""
    separator = rng.choice([",", ";", "\t", " ", "  ", "|"])
    kind = rng.choice(["kind", "1", "label", "file", "age", "", "k\u0301"])
    rows = [[f"{i}{rng.choice(['.png', '.png', '.png', ''])}", _cell(rng)] for i in range(12)]
    rows = [["file", kind], *rows] if rng.random() < 0.7 else rows
    lines = [separator.join(row) for row in rows]
    lines = [str(len(lines) - 1), *lines] if rng.random() < 0.2 else lines
    text = rng.choice(["\n", "\r\n"]).join(lines)
    encoding = rng.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"])
    (place / "table.csv").write_bytes(text.encode(encoding, errors="replace"))
    return rng.choice(["", kind])


def _cell(rng: random.Random) -> str:
    return rng.choice(
        ["a", "b", "1", "-1", "0.5", "1.0", "10.0", "0,5", "nan", "", "a b", "\u00e9"]
    )


def _bytes(make: Callable[[random.Random], bytes]) -> Callable[[Path, random.Random], None]:
    return lambda path, rng: path.write_bytes(make(rng)) and None


def _damaged(rng: random.Random) -> bytes:
    kind = rng.choice(("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"))
    data = bytearray(encoded(noise(rng), kind))
    for _ in range(rng.randrange(1, 6)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data[: rng.randrange(len(data))] if rng.random() < 0.5 else data)


def _animation(rng: random.Random) -> bytes:
    frames = [Image.fromarray(noise(rng)) for _ in range(3)]
    stream = io.BytesIO()
    kind = rng.choice(("GIF", "PNG", "WEBP"))
    frames[0].save(stream, kind, save_all=True, append_images=frames[1:])
    return stream.getvalue()


SPOILERS = [
    *[_bytes(_damaged)] * 4,
    _bytes(_animation),
    _bytes(lambda rng: b""),
    _bytes(lambda rng: rng.randbytes(300)),
    _bytes(lambda rng: png_claiming(40_000, 40_000)),
    _bytes(lambda rng: png_claiming(rng.choice((0, 8, 9, 9_000)), 8)),
    _bytes(lambda rng: jpeg_claiming(65_000, 65_000)),
    _bytes(lambda rng: encoded(noise(rng), "JPEG", "CMYK")),
    _bytes(lambda rng: encoded(noise(rng), "TIFF", "LAB")),
    _bytes(lambda rng: encoded(noise(rng), "PNG", rng.choice(("P", "1", "LA", "I;16")))),
    _bytes(lambda rng: encoded(noise(rng), "TIFF", rng.choice(("F", "I", "CMYK")))),
    _bytes(lambda rng: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\nshowpage\n"),
    lambda path, rng: path.mkdir(),
    lambda path, rng: path.symlink_to("nowhere"),
    lambda path, rng: path.symlink_to(path.name),
    lambda path, rng: path.symlink_to("/dev/zero"),
    lambda path, rng: os.mkfifo(path),
    lambda path, rng: Path(os.fsdecode(bytes(path) + b"\xff\n.png")).write_bytes(b"x") and None,
    lambda path, rng: (path.parent / ".genlab-images.json").write_text("[3]") and None,
    lambda path, rng: (path.parent / ".genlab-images.json").write_text('{"0.png": 3}') and None,
]


def spoil_npz(path: Path, rng: random.Random) -> None:
    """An npz file of images with labels, of which one thing is wrong."""
    images = np.stack([noise(rng) for _ in range(12)])
    label = np.arange(12) % 3
    arrays = {"image": images, "label": label}
    arrays |= rng.choice([
        {"label": label - 1}, {"label": label / 2}, {"label": label * np.nan}, {"label": label[:5]},
        {"label": label.astype(str)}, {"label": label + 2**33}, {"label": label[:, None]},
        {"label": np.array([{}] * 12)}, {"image": images / 255}, {"image": images[..., 0]},
        {"image": images[:0], "label": label[:0]}, {"image": images.transpose(0, 3, 1, 2)},
        {"image": images.astype(">u2")}, {"image": np.array([object()] * 12)}, {"image": images[:,
        :0]},
        {"image": images.astype(np.int64)}, {"image": images.astype(np.int64) * 3},
        {"image": images.astype(np.float16) / 255}, {"names": np.array([{}] * 12, object)},
        {"version": np.array(3)}, {"label": label.astype(np.float16)},
        {"image": np.zeros((12, 8, 8, 7), np.uint8)}, {"label": label.astype(np.uint64) + 2**63},
        {},
    ])  # fmt: skip
    np.savez(path, **arrays)
    rng.choice([lambda path, rng: None, _cut, _overwritten, _header])(path, rng)


def _cut(path: Path, rng: random.Random) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: rng.randrange(len(data))])


def _overwritten(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(5):
        data[rng.randrange(len(data))] = rng.randrange(256)
    path.write_bytes(bytes(data))


def _header(path: Path, rng: random.Random) -> None:
    """Another shape or kind in the header of the images, with a valid checksum."""
    shape = rng.choice(
        ["(-1, 8, 8, 3)", "(-2, -6, 8, 24)", "(99999999999, 8, 8, 3)", "()", "'x'", "(1e9,)"]
    )
    kind = rng.choice(["'|u1'", "'|u1'", "'|O'", "'<f8'", "'|V9'", "[('a', '<i4')]"])
    text = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    member = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(2304)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("image.npy", member)
