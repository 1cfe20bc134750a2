"""What pictures say of how they were made, and `genlab inspect`."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genlab.cli.main import main
from genlab.data import provenance
from genlab.data.pictures import write_png

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)


@pytest.fixture
def what(tmp_path):
    run = tmp_path / "secret" / "runs" / "denoiser"
    run.mkdir(parents=True)
    (run / "config.json").write_text("{}")
    settings = {"n": np.int64(4), "input": tmp_path / "secret" / "photos", "given": {"hue": "0.3"}}
    return provenance.about(run, 500, "genlab apply", settings, changed=True)


def test_a_picture_says_what_made_it_and_no_paths(what, tmp_path):
    assert what["run"] == "denoiser" and what["round"] == 500
    of_a_sweep = provenance.about(tmp_path / "gan" / "seed0", 1, "", {})
    assert of_a_sweep["run"] == "gan/seed0"
    assert what["config"] == "44136fa355b3678a"  # sha256 of "{}"
    assert what["settings"] == {"n": 4, "input": "photos", "given": {"hue": "0.3"}}
    assert str(tmp_path) not in provenance.text(what)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_every_format_reads_back_and_says_it_to_other_programs(format, what, tmp_path):
    path = tmp_path / f"x.{format.lower()}"
    Image.fromarray(PIXELS).save(path, format, **provenance.options(format, what))
    found = provenance.read(path)
    assert found == {**what, "file": f"{format} 5x6 RGB"}
    assert provenance.SOURCES + provenance.CHANGED in path.read_bytes().decode("latin-1")
    with Image.open(path) as picture:
        xmp = picture.info.get("xmp") or picture.info["XML:com.adobe.xmp"].encode()
    assert json.loads(re.search(rb'x-default">(.*)</rdf:li>', xmp)[1]) == json.loads(
        provenance.text(what)
    )


def test_a_mark_is_put_into_a_file_without_touching_pixels_and_replaces_the_last(what, tmp_path):
    path = tmp_path / "x.png"
    write_png(path, PIXELS)
    plain = path.read_bytes()
    provenance.marked(path, {**what, "round": 1})
    provenance.mark_all(tmp_path, what)
    assert provenance.read(path)["round"] == 500
    assert path.read_bytes().count(b"tEXt") == path.read_bytes().count(b"iTXt") == 1
    assert path.read_bytes().endswith(plain[33:]) and path.read_bytes().startswith(plain[:33])
    np.testing.assert_array_equal(np.asarray(Image.open(path)), PIXELS)
    write_png(path, PIXELS, what)
    assert provenance.read(path) == {**what, "file": "PNG 5x6 RGB"}
    (tmp_path / "no.png").write_bytes(b"nothing")
    provenance.marked(tmp_path / "no.png", what)
    assert (tmp_path / "no.png").read_bytes() == b"nothing"


def test_exif_that_no_file_can_hold_is_left_out(what, tmp_path):
    for tag, value in ((0x010F, "x" * 70_000), (0x0100, "no number")):
        exif = Image.Exif()
        exif[tag] = value
        said = provenance.options("JPEG", what, exif)
        Image.fromarray(PIXELS).save(tmp_path / "x.jpg", **said)
        assert provenance.read(tmp_path / "x.jpg")["run"] == "denoiser"


def test_inspect_prints_it_and_says_where_there_is_nothing(what, tmp_path, capsys):
    told, silent = tmp_path / "told.png", tmp_path / "silent.png"
    write_png(told, PIXELS, what)
    write_png(silent, PIXELS)
    assert main(["inspect", str(told)]) == 0
    printed = capsys.readouterr().out
    assert "run        denoiser" in printed and "input=photos" in printed
    assert main(["inspect", str(told), str(silent)]) == 1
    assert "says nothing of genlab" in capsys.readouterr().out
    (tmp_path / "no.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    assert main(["inspect", str(tmp_path / "absent.png")]) == 2
    assert "give a picture file" in capsys.readouterr().err
    for odd in (tmp_path / "no.png", tmp_path):  # a folder's other files are no reason to stop
        assert main(["inspect", str(odd), str(told)]) == 1
        printed = capsys.readouterr().out
        assert "is no picture that can be read" in printed and "run        denoiser" in printed
        assert not [line for line in printed.splitlines() if line[0] == " " and str(odd) in line]


@pytest.mark.parametrize("said", ["[1]", "{}", "no json", "[" * 5000])
def test_what_others_wrote_under_the_name_is_not_believed(said, tmp_path):
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add_text("genlab", said)
    Image.fromarray(PIXELS).save(tmp_path / "x.png", pnginfo=info)
    assert provenance.read(Path(tmp_path / "x.png")) is None
