"""What a picture's file says of how it was made: that a model made it, of which run, with which
settings. In PNG as text (`genlab`, JSON) and XMP, in other formats as EXIF and XMP, whose IPTC
field `DigitalSourceType` other programs read. Pixels are not touched, and no paths are written.
"""

import contextlib
import hashlib
import json
import os
import re
import struct
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from genlab.data.decoding import FORMATS, limit
from genlab.runs.environment import version

KEY = "genlab"
GENERATED, CHANGED = "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"
SOURCES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
SIGNATURE = b"\x89PNG\r\n\x1a\n"
DESCRIPTION, SOFTWARE, ORIENTATION = 0x010E, 0x0131, 0x0112  # EXIF tags
LONGEST = 65_000  # bytes of EXIF, for JPEG holds 65,533
XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/">'
    "<Iptc4xmpExt:DigitalSourceType>{source}</Iptc4xmpExt:DigitalSourceType>"
    "<xmp:CreatorTool>{tool}</xmp:CreatorTool>"
    '<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{text}</rdf:li></rdf:Alt>'
    "</dc:description></rdf:Description></rdf:RDF></x:xmpmeta>"
    '<?xpacket end="w"?>'
)


def about(
    run: Path, step: int, command: str, settings: Mapping[str, Any], changed: bool = False
) -> dict[str, Any]:
    """What is said of a picture that the run in a folder made.

    changed: whether it was made from another picture, not from latents alone
    """
    config = run / "config.json"
    sha256 = hashlib.sha256(config.read_bytes()).hexdigest()[:16] if config.is_file() else ""
    return {
        "generated": "from another picture" if changed else "by a trained model",
        "run": _name(run.resolve()),
        "config": sha256,
        "round": step,
        "command": command,
        "settings": {name: _plain(value) for name, value in settings.items()},
        "genlab": version(),
    }


def _name(run: Path) -> str:
    """Of a run of a sweep its variant too, as gan/seed0."""
    seeded = re.fullmatch(r"seed\d+", run.name) and run.parent.name
    return f"{run.parent.name}/{run.name}" if seeded else run.name


def marked(path: Path, what: Mapping[str, Any]) -> None:
    """Writes it into a PNG file, in the place of what it said before."""
    data = path.read_bytes()
    if not data.startswith(SIGNATURE):
        return
    head, rest = data[:33], data[33:]  # the signature and IHDR, of 25 bytes
    xmp = b"XML:com.adobe.xmp\0\0\0\0\0" + packet(what)
    own = _chunk(b"tEXt", KEY.encode() + b"\0" + text(what).encode()) + _chunk(b"iTXt", xmp)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(head + own + _without(rest))
    draft.replace(path)


def mark_all(folder: Path, what: Mapping[str, Any]) -> None:
    """`marked`, of every PNG file under a folder."""
    for path in folder.rglob("*.png"):
        marked(path, what)


def options(format: str, what: Mapping[str, Any], exif: Any = None) -> dict[str, Any]:
    """Options of Pillow's `save` that write it into a file of this format."""
    from PIL import Image, PngImagePlugin

    if format == "PNG":
        found = PngImagePlugin.PngInfo()
        found.add_text(KEY, text(what))
        found.add_itxt("XML:com.adobe.xmp", packet(what).decode())
        kept: dict[str, Any] = {}
        with contextlib.suppress(Exception):  # what cameras write may be anything: left out then
            kept = {} if exif is None or not len(exif) else {"exif": _upright(exif).tobytes()}
        return {"pnginfo": found, **kept}
    if format not in ("JPEG", "WEBP"):
        return {}
    own, written = Image.Exif(), None
    with contextlib.suppress(Exception):
        written = None if exif is None else _described(exif, what)
    if written is None or len(written) > LONGEST:
        written = _described(own, what)
    return {"exif": written, "xmp": packet(what)}


def _upright(exif: Any) -> Any:
    exif.pop(ORIENTATION, None)  # the picture is
    return exif


def _described(exif: Any, what: Mapping[str, Any]) -> bytes:
    exif = _upright(exif)
    exif[DESCRIPTION], exif[SOFTWARE] = text(what), f"genlab {what.get('genlab', '')}"
    return exif.tobytes()


def read(path: Path) -> dict[str, Any] | None:
    """What the file of a picture says; None where it says nothing of the kind.

    Raises OSError for a file that is no picture.
    """
    from PIL import Image, UnidentifiedImageError

    if path.exists() and not path.is_file():
        raise OSError(f"{path}: no regular file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes, which are not read here
            with Image.open(path, formats=FORMATS) as picture:
                written = picture.info.get(KEY)
                if written is None:
                    written = picture.getexif().get(DESCRIPTION)
                size, mode, format = picture.size, picture.mode, picture.format
    except UnidentifiedImageError:
        raise OSError(f"{path}: not of a format that is read, {', '.join(FORMATS)}") from None
    except Exception as error:  # on bad bytes a decoder may raise anything
        raise OSError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    found = _parsed(written)
    shape = {"file": f"{format} {size[0]}x{size[1]} {mode}"}
    if size[0] * size[1] > limit():
        shape["file"] += ", over the limit of pixels that are read"
    return None if found is None else {**found, **shape}


def says(path: Path, what: Mapping[str, Any]) -> bool:
    """Whether a file is a picture that says this of itself, and no more."""
    try:
        found = read(path) or {}
    except OSError:
        return False
    return {n: x for n, x in found.items() if n != "file"} == json.loads(text(what))


def text(what: Mapping[str, Any]) -> str:
    """As JSON, in ASCII, which every format takes."""
    return json.dumps(what, ensure_ascii=True, default=str)


def packet(what: Mapping[str, Any]) -> bytes:
    """As XMP."""
    source = CHANGED if what.get("generated") == "from another picture" else GENERATED
    tool = escape(f"genlab {what.get('genlab', '')}")
    return XMP.format(source=SOURCES + source, tool=tool, text=escape(text(what))).encode()


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def _without(rest: bytes) -> bytes:
    """The chunks after IHDR, but for those that `marked` writes, which come first."""
    while True:
        (length,) = struct.unpack(">I", rest[:4])
        data = rest[8 : 8 + length]
        ours = rest[4:8] == b"tEXt" and data.startswith(KEY.encode() + b"\0")
        if not ours and not (rest[4:8] == b"iTXt" and data.startswith(b"XML:com.adobe.xmp\0")):
            return rest
        rest = rest[12 + length :]


def _parsed(written: Any) -> dict[str, Any] | None:
    try:
        found = json.loads(written)
    except (TypeError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and "generated" in found else None


def _plain(value: Any) -> Any:
    """Without the folders of a path, which are nobody's business."""
    if isinstance(value, Mapping):
        return {str(name): _plain(x) for name, x in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(x) for x in value]
    if isinstance(value, str | os.PathLike):
        written = os.fspath(value)
        return Path(written).name if os.sep in written and "\n" not in written else written
    return value.item() if isinstance(value, np.generic) else value
