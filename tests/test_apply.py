"""`genlab apply`: pictures of any size, in tiles, with all that a file holds."""

import csv
import dataclasses
import os
import types
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from PIL import Image

from genlab.cli import apply as command
from genlab.cli.main import main
from genlab.config import ConfigError
from genlab.data import columns, provenance
from genlab.data.contents import file_sha256
from genlab.evaluation import apply as applied
from genlab.evaluation import apply_files, apply_scores, postprocess
from genlab.evaluation.apply_model import Model
from genlab.evaluation.apply_request import ApplyRequest
from genlab.evaluation.convention import Convention
from genlab.evaluation.tiling import Tiled

RNG = np.random.default_rng(0)
KERNEL = np.float32(RNG.normal(0, 0.2, (9, 9, 3, 3)))
NHWC = ("NHWC", "HWIO", "NHWC")


def local(x):
    """A stride of two down, 9x9, and up again: sides must be even; a block of 2x2 pixels sees those
    around it.
    """
    x = lax.conv_general_dilated(x, KERNEL, (2, 2), "SAME", dimension_numbers=NHWC)
    return jnp.tanh(x.repeat(2, 1).repeat(2, 2)) + x.repeat(2, 1).repeat(2, 2)


def tiled(forward=local, tile=32, given=3, trained=(16, 16)):
    return Tiled(lambda _, pictures: forward(pictures["x"]), {}, {"x": given}, trained, tile)


def test_tiles_have_no_seams():
    """Whatever the size: as in one piece, but for what mirroring does to odd sides."""
    net, x = tiled(), RNG.uniform(-1, 1, (90, 62, 3)).astype(np.float32)
    assert net.scale == 1 and net.step == 2 and net.reach == 4
    made, whole = net({"x": x}), np.asarray(local(x[None]))[0]
    np.testing.assert_allclose(made, whole, atol=1e-5)
    short = dataclasses.replace(net)
    short.__dict__["reach"] = 2  # less than a pixel sees: seams
    assert np.abs(short({"x": x}) - whole).max() > 1e-2
    odd = net({"x": x[:45, :61]})
    assert odd.shape == (45, 61, 3)
    np.testing.assert_allclose(odd[:36, :52], whole[:36, :52], atol=1e-5)


def test_a_network_that_enlarges_is_tiled_too():
    def double(x):
        return local(x).repeat(2, 1).repeat(2, 2)

    net, x = tiled(double), RNG.uniform(-1, 1, (50, 34, 3)).astype(np.float32)
    assert net.scale == 2
    np.testing.assert_allclose(net({"x": x}), np.asarray(double(x[None]))[0], atol=1e-5)


def test_a_network_that_sees_all_of_a_tile_fades_and_one_of_fixed_size_is_refused():
    net = tiled(lambda x: x - x.mean((1, 2), keepdims=True))
    assert net.reach is None
    x = np.linspace(-1, 1, 100, dtype=np.float32)[:, None, None] + np.zeros((1, 40, 3), np.float32)
    made = net({"x": x})
    assert np.abs(np.diff(made[:, 0, 0])).max() < 0.2 and made.shape == x.shape
    fixed = tiled(lambda x: (x.reshape(1, -1) @ jnp.ones((768, 768))).reshape(1, 16, 16, 3))
    assert fixed({"x": x[:16, :16]}).shape == (16, 16, 3)
    with pytest.raises(ConfigError, match="takes pictures of 16x16 alone"):
        fixed({"x": x})
    shrunk = tiled(lambda x: x[:, :16, :16])
    with pytest.raises(ConfigError, match="takes pictures of 16x16 alone"):
        shrunk({"x": x})


def test_a_network_that_takes_some_multiples_alone_is_given_those():
    """As one that halves as often as sides allow, and has weights for two halvings."""

    def twice(x):
        common = np.gcd(*x.shape[1:3])
        if common & -common != 4:
            raise TypeError(f"no weights for {x.shape}")
        return local(x)

    net, x = tiled(twice, trained=(12, 12)), RNG.uniform(-1, 1, (72, 56, 3)).astype(np.float32)
    assert net.step == net.reach == 4 and net.side == 32
    np.testing.assert_allclose(net({"x": x}), np.asarray(local(x[None]))[0], atol=1e-5)
    assert net({"x": x[:16, :15]}).shape == (16, 15, 3)
    never = tiled(lambda x: twice(x) if x.shape[1:3] in {(12, 12), (16, 20)} else twice(x[:, :1]))
    never = dataclasses.replace(never, trained=(12, 12))
    with pytest.raises(ConfigError, match=r"of 24x24, nor of sizes near it \(no weights"):
        never({"x": x[:22, :23]})


@dataclasses.dataclass(frozen=True)
class Negative:
    """Turns what it is given over, or in a mask gives `inside`."""

    given: tuple = ("noisy",)
    makes: str = "image"
    inside: float | None = None

    def latents(self, key, n):
        return jnp.zeros((n, 0))

    def generate(self, params, stats, z, cond=None):
        made = -cond[self.given[0]]
        return made if self.inside is None else jnp.where(cond["holes"] > 0, self.inside, made)


def run_of(method, channels=3, **kinds):
    names = {"image": columns.Image((8, 8, channels)), "noisy": columns.Image((8, 8, channels)),
             "holes": columns.Mask((8, 8, 1)), **kinds}  # fmt: skip
    source = types.SimpleNamespace(columns=names)
    folder = types.SimpleNamespace(path=Path("runs/negative"))
    return types.SimpleNamespace(
        method=method, source=source, folder=folder, params={}, stats={}, step=7, chosen="last"
    )


@pytest.fixture
def photos(tmp_path):
    """A folder of pictures of every kind: rgb.jpg lies on its side, alpha.png is half clear."""
    place = tmp_path / "photos"
    place.mkdir()
    rgb = RNG.integers(0, 256, (20, 30, 4), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Camera"
    Image.fromarray(rgb[..., :3]).save(place / "rgb.jpg", exif=exif, quality=100, subsampling=0)
    Image.fromarray(rgb).save(place / "alpha.png")
    Image.fromarray(rgb[..., 0]).save(place / "grey.bmp")
    deep = RNG.integers(0, 65536, (12, 9), dtype=np.uint16)
    Image.fromarray(deep).save(place / "deep.png")
    return place


def applied_to(monkeypatch, run, *arguments):
    monkeypatch.setattr(applied, "load", lambda workdir, step: run)
    return main(["apply", "--workdir=w", *map(str, arguments)])


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_files_of_every_kind_keep_what_they_hold(photos, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    run = run_of(Negative())
    assert applied_to(monkeypatch, run, f"--input={photos}", f"--output={out}", "--tile=16") == 0
    told = capsys.readouterr()
    assert [Path(line).name for line in told.out.split()] == [
        "alpha.png", "deep.png", "grey.png", "rgb.jpg", "before_after.png",
    ]  # fmt: skip
    before, after = pixels(photos / "alpha.png"), pixels(out / "alpha.png")
    np.testing.assert_array_equal(after[..., :3], 255 - before[..., :3])
    np.testing.assert_array_equal(after[..., 3], before[..., 3])
    with Image.open(out / "rgb.jpg") as made:
        assert made.size == (20, 30) and made.getexif()[0x010F] == "Camera"
        assert 0x0112 not in made.getexif()
        upright = np.rot90(pixels(photos / "rgb.jpg"), -1).astype(int)
        assert np.abs(255 - upright - np.asarray(made)).mean() < 6
    again = f"--input={photos / 'rgb.jpg'}", f"--output={tmp_path / 'png'}", "--format=png"
    assert applied_to(monkeypatch, run, *again) == 0
    with Image.open(tmp_path / "png" / "rgb.png") as made:
        assert made.getexif().get(0x010F) == "Camera" and 0x0112 not in made.getexif()
    assert provenance.read(tmp_path / "png" / "rgb.png")["run"] == "negative"
    capsys.readouterr()
    np.testing.assert_array_equal(
        pixels(out / "grey.png")[..., 1], 255 - pixels(photos / "grey.bmp")
    )
    clear = Image.fromarray(np.dstack([before[..., :3], np.zeros((20, 30), np.uint8)]))
    clear.save(tmp_path / "clear.png")  # nothing of it is seen, before or after
    again = f"--input={tmp_path / 'clear.png'}", f"--output={tmp_path / 'sheet'}"
    assert applied_to(monkeypatch, run, *again) == 0
    sheet = pixels(tmp_path / "sheet" / "before_after.png")
    assert (sheet[-apply_files.THUMB // 2] == 255).all()
    capsys.readouterr()
    assert "deep.png: 16 bits become 8" in told.err
    said = provenance.read(out / "alpha.png")
    assert (
        said["run"] == "negative" and said["round"] == 7 and said["settings"]["input"] == "photos"
    )
    assert said["generated"] == "from another picture" and str(tmp_path) not in f"{said}"
    assert said["of"] == {"input": file_sha256(photos / "alpha.png")[:16]}
    again = f"--input={photos / 'alpha.png'}", f"--output={out}"
    assert applied_to(monkeypatch, run, *again) == 2
    assert "has alpha.png, before_after.png already" in capsys.readouterr().err
    np.testing.assert_array_equal(pixels(out / "alpha.png"), after)
    assert applied_to(monkeypatch, run, *again, "--overwrite") == 0


def stamps(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_what_was_interrupted_goes_on(photos, tmp_path, monkeypatch, capsys):
    """Finished pictures of the same files, run and settings stay; others are in the way."""
    out, calls, plain = tmp_path / "out", [], Model.__call__

    def interrupted(self, image, mask):
        calls.append(image.shape)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return plain(self, image, mask)

    monkeypatch.setattr(Model, "__call__", interrupted)
    monkeypatch.setattr(apply_files, "ROWS", 1)
    arguments = run_of(Negative()), f"--input={photos}", f"--output={out}"
    assert applied_to(monkeypatch, *arguments) == 130
    told = capsys.readouterr().err
    assert "interrupted after 2 of 4 pictures; the same command goes on with the others" in told
    before = stamps(out)
    assert set(before) == {"alpha.png", "deep.png"}
    assert applied_to(monkeypatch, *arguments) == 0
    told, after = capsys.readouterr(), stamps(out)
    assert "2 of 4 pictures are finished" in told.err and len(told.out.split()) == 5
    assert {name: after[name] for name in before} == before and len(after) == 5
    assert len(calls) == 3 + 3  # one for the sheet, and the two that were left
    assert applied_to(monkeypatch, *arguments) == 0 and stamps(out) == after
    assert len(calls) == 6 and len(capsys.readouterr().out.split()) == 5
    (photos / "grey.bmp").write_bytes((photos / "deep.png").read_bytes())
    for refused in (arguments, (*arguments, "--then=contrast:1")):
        assert applied_to(monkeypatch, *refused) == 2 and stamps(out) == after
        assert "already, of other pictures or settings" in capsys.readouterr().err
    assert applied_to(monkeypatch, *arguments, "--overwrite") == 0
    assert set(stamps(out).values()).isdisjoint(after.values())


@pytest.fixture
def squares(tmp_path):
    """A folder of three pictures of one size, the first half clear."""
    place = tmp_path / "squares"
    place.mkdir()
    for i, name in enumerate(("a.png", "b.png", "c.png")):
        pixels = RNG.integers(0, 256, (16, 16, 4), dtype=np.uint8)
        Image.fromarray(pixels if i == 0 else pixels[..., :3]).save(place / name)
    return place


def test_scores_of_finished_pictures_are_kept(squares, tmp_path, monkeypatch):
    """Those of all their stages; a line that was not written to its end is made again."""
    monkeypatch.setattr(apply_files, "ROWS", 1)
    out, calls, plain = tmp_path / "out", [], Model.__call__

    def counted(self, image, mask):
        calls.append(image.shape)
        return plain(self, image, mask)

    monkeypatch.setattr(Model, "__call__", counted)
    arguments = run_of(Negative()), f"--input={squares}", f"--output={out}", "--then=contrast:2"
    assert applied_to(monkeypatch, *arguments) == 0 and len(calls) == 3
    (out / "before_after.png").unlink()
    wanted = (out / "scores.csv").read_text()
    (out / "scores.csv").write_text(wanted[:-5])  # within the last line, of c.png
    assert applied_to(monkeypatch, *arguments) == 0
    assert len(calls) == 3 + 2 and (out / "scores.csv").read_text() == wanted
    assert len(wanted.splitlines()) == 1 + 3 * 3


@dataclasses.dataclass(frozen=True)
class Moved:
    """Translates pictures by a number that is given, and draws no latents."""

    given: tuple = ("by",)
    makes: str = "image"

    def translations(self):
        return (("image", "image"),)

    def translate(self, params, stats, x, to):
        return x + to["by"][:, None, None]


def test_a_model_that_translates_by_conditions_is_given_them(photos, tmp_path, monkeypatch):
    by = columns.Numbers(("by",), (-255.0,), (255.0,))
    run, place = run_of(Moved(), 1, by=by), tmp_path / "out"
    arguments = f"--input={photos / 'grey.bmp'}", f"--output={place}", "--given=by=51"
    assert applied_to(monkeypatch, run, *arguments) == 0
    before = pixels(photos / "grey.bmp").astype(int)
    wanted = np.clip(before + 25.5, 0, 255)
    assert np.abs(pixels(place / "grey.png") - wanted).max() <= 0.5


@dataclasses.dataclass(frozen=True)
class Painted(Moved):
    """Gives every picture the mean colour of the one in the style wanted."""

    given: tuple = ("style",)

    def translate(self, params, stats, x, to):
        return 0 * x + to["style"].mean((1, 2), keepdims=True)


def test_a_picture_that_is_a_condition_is_a_file(photos, tmp_path, monkeypatch, capsys):
    run = run_of(Painted(), style=columns.Image((8, 8, 3)))
    arguments = f"--input={photos / 'grey.bmp'}", f"--output={tmp_path / 'out'}"
    assert applied_to(monkeypatch, run, *arguments) == 2
    assert "give --given=style=FILE" in capsys.readouterr().err
    style = photos / "alpha.png"
    assert applied_to(monkeypatch, run, *arguments, f"--given=style={style}") == 0
    wanted = pixels(style)[..., :3].mean((0, 1))
    assert np.abs(pixels(tmp_path / "out" / "grey.png") - wanted).max() <= 0.5 + 1e-3
    said = provenance.read(tmp_path / "out" / "grey.png")
    assert said["settings"]["given"] == {"style": "alpha.png"}


def test_what_cannot_be_read_is_left_out_and_said(photos, tmp_path, monkeypatch, capsys):
    (photos / "broken.jpg").write_bytes((photos / "rgb.jpg").read_bytes()[:200])
    (photos / "raw.heic").write_bytes(b"x")
    run, out = run_of(Negative()), tmp_path / "out"
    assert applied_to(monkeypatch, run, f"--input={photos}", f"--output={out}") == 1
    told = capsys.readouterr()
    assert "broken.jpg: left out, for it cannot be read" in told.err
    assert "raw.heic: left out, for its format is not read" in told.err
    assert (out / "rgb.jpg").is_file() and (out / "before_after.png").is_file()
    assert not (out / "broken.jpg").exists() and "broken" not in told.out
    alone = f"--input={photos / 'broken.jpg'}", f"--output={tmp_path / 'other'}"
    assert applied_to(monkeypatch, run, *alone) == 2
    assert "none of its pictures can be read" in capsys.readouterr().err


def test_odd_files_become_pictures_and_what_they_lose_is_said(tmp_path, monkeypatch, capsys):
    """One pixel, a palette with transparency, CMYK, an animation; names with spaces, in Unicode and
    of bytes that are no text; a folder within.
    """
    place, out, rgb = tmp_path / "in", tmp_path / "out", RNG.integers(0, 256, (8, 8, 3), np.uint8)
    (place / "a folder").mkdir(parents=True)
    Image.fromarray(rgb[:1, :1]).save(place / "pixel.png")
    Image.fromarray(rgb).quantize(8).save(place / "a folder" / "ünï 絵.png", transparency=0)
    Image.fromarray(rgb).convert("CMYK").save(place / "print.jpg", quality=100, subsampling=0)
    frames = [Image.fromarray(x) for x in (rgb, 255 - rgb, rgb // 2)]
    frames[0].save(place / "moving.gif", save_all=True, append_images=frames[1:])
    Image.fromarray(rgb).save(os.path.join(os.fsencode(place), b"caf\xe9.png"))
    arguments = f"--input={place}", f"--output={out}", "--then=denoise:5,unsharp:1,match:histogram"
    assert applied_to(monkeypatch, run_of(Negative()), *arguments) == 0
    told = capsys.readouterr()
    assert "moving.gif: has 3 frames or pages, of which this is the first" in told.err
    assert told.err.count("frames") == 1 and pixels(out / "pixel.png").shape == (1, 1, 3)
    clear = pixels(out / "a folder" / "ünï 絵.png")[..., 3]
    assert clear.min() == 0 and clear.max() == 255
    assert pixels(out / "print.jpg").shape == pixels(out / "moving.png").shape == (8, 8, 3)
    assert os.path.isfile(os.path.join(os.fsencode(out), b"caf\xe9.png"))
    table = list(csv.reader((out / "scores.csv").read_text().splitlines()))
    assert len(table) == 1 + 5 * 5 and ["pixel.png", "before", "", ""] == table[-10][:4]


def test_what_is_read_is_never_written_over(photos, tmp_path, monkeypatch, capsys):
    before = stamps(photos)
    for more in ((), ("--overwrite",)):
        arguments = f"--input={photos / 'deep.png'}", f"--output={photos}", *more
        assert applied_to(monkeypatch, run_of(Negative()), *arguments) == 2
        assert "deep.png would be written over the picture that is read" in capsys.readouterr().err
    assert stamps(photos) == before


def test_what_a_format_or_a_disk_does_not_take_is_said(photos, tmp_path, monkeypatch, capsys):
    deep, run = f"--input={photos / 'deep.png'}", run_of(Negative(), 1)
    assert applied_to(monkeypatch, run, deep, f"--output={tmp_path / 'a'}", "--format=jpg") == 0
    assert "16 bits become 8 in this format; --format=png keeps them" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert applied_to(monkeypatch, run, deep, f"--output={tmp_path / 'file' / 'in'}") == 2
    assert "cannot be written" in (told := capsys.readouterr().err) and "give another" in told


@pytest.mark.parametrize("size", [(20, 30, 3), (9, 40, 1), (25, 11, 3)])
def test_pictures_are_compared_in_bands_as_they_are_whole(size, monkeypatch):
    a = RNG.integers(0, 256, size, dtype=np.uint8)
    b = np.clip(a + RNG.integers(-9, 9, size), 0, 255).astype(np.uint8)
    side = min(size[:2])
    convention = Convention(window=min(11, side - 1 + side % 2))
    wanted = {name: float(x[0]) for name, x in convention.whole(a[None], b[None]).items()}
    monkeypatch.setattr(apply_scores, "BAND", 7)
    assert apply_scores.compared(a, b) == pytest.approx(wanted, rel=1e-9)
    assert apply_scores.compared(a, a) == {"psnr": 80, "ssim": pytest.approx(1), "mae": 0}
    assert apply_scores.compared(a, b[:-1]) == apply_scores.compared(a[:6], b[:6]) == {}


class Shown(NamedTuple):
    """A progress that remembers what it is to show."""

    said: list

    def begin(self, what, done, total):
        self.said.append(f"{what} {done} of {total}")

    def advance(self, done, metrics):
        self.said.append(f"{done}")

    def end(self):
        self.said.append("end")


def test_sixteen_bits_stay_where_the_model_gives_grey(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(applied, "load", lambda workdir, step: run_of(Negative(), 1))
    request, shown = ApplyRequest(str(photos / "deep.png"), str(tmp_path / "out")), Shown([])
    applied.apply("w", request, progress=shown)
    assert shown.said == ["apply 0 of 1", "1", "end"]
    made, before = (pixels(p / "deep.png").astype(int) for p in (tmp_path / "out", photos))
    assert made.max() > 255 and np.abs(65535 - before - made).max() <= 1


def test_a_mask_is_what_is_made_and_the_rest_stays(photos, tmp_path, monkeypatch, capsys):
    run = run_of(Negative(("noisy", "holes"), inside=0.5))
    mask = np.zeros((20, 30), np.uint8)
    mask[5:9, 6:20] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    arguments = [f"--input={photos / 'alpha.png'}", f"--output={tmp_path / 'out'}"]
    assert applied_to(monkeypatch, run, *arguments) == 2
    assert "give --mask" in capsys.readouterr().err
    assert applied_to(monkeypatch, run, *arguments, f"--mask={tmp_path / 'mask.png'}") == 0
    before, after = pixels(photos / "alpha.png"), pixels(tmp_path / "out" / "alpha.png")
    inside = mask > 0
    np.testing.assert_array_equal(after[~inside], before[~inside])
    assert (after[inside][:, :3] == 191).all()
    Image.fromarray(mask[:9]).save(tmp_path / "mask.png")
    arguments[1] = f"--output={tmp_path / 'other'}"
    assert applied_to(monkeypatch, run, *arguments, f"--mask={tmp_path / 'mask.png'}") == 2
    assert "the mask is 9x30" in capsys.readouterr().err


def scored(folder):
    with (folder / "scores.csv").open(newline="") as file:
        return {(row["picture"], row["stage"]): row for row in csv.DictReader(file)}


def test_each_step_is_scored_against_the_answer_where_it_is_known(
    photos, tmp_path, monkeypatch, capsys
):
    answers = tmp_path / "answers"
    answers.mkdir()
    Image.fromarray(255 - pixels(photos / "grey.bmp")).save(answers / "grey.png")
    arguments = [f"--input={photos / 'grey.bmp'}", f"--output={tmp_path / 'out'}",
                 f"--target={answers}", "--then=contrast:0.8,enlarge:2"]  # fmt: skip
    assert applied_to(monkeypatch, run_of(Negative(), 1), *arguments) == 0
    psnr = {stage: row["psnr"] for (_, stage), row in scored(tmp_path / "out").items()}
    assert float(psnr["after"]) == 80 > float(psnr["contrast:0.8"]) > 10
    assert float(psnr["before"]) < 15 and psnr["enlarge:2"] == ""
    assert pixels(tmp_path / "out" / "grey.png").shape == (40, 60)
    assert f"psnr {float(psnr['before']):.4g} -> 80" in capsys.readouterr().err
    arguments[2] = f"--target={photos}"  # other answers: the scores there are not of these
    assert applied_to(monkeypatch, run_of(Negative(), 1), *arguments) == 2


def test_each_step_is_scored_without_an_answer(squares, tmp_path, monkeypatch, capsys):
    """By itself and against what was given, also where a step is taken twice."""
    out = tmp_path / "out"
    chain = "contrast:0.5,match:mean,match:histogram,unsharp:1,contrast:0.5"
    arguments = f"--input={squares}", f"--output={out}", f"--then={chain}"
    assert applied_to(monkeypatch, run_of(Negative()), *arguments) == 0
    rows, told = scored(out), capsys.readouterr().err
    steps = ["before", "after", *chain.split(",")]
    steps[-1] += " (2)"
    assert [stage for name, stage in rows if name == "b.png"] == steps
    assert all(f"{step}: sharpness " in told for step in steps)
    first, last = rows["a.png", "before"], rows["a.png", "contrast:0.5 (2)"]
    assert (first["colour"], first["histogram"], first["input_psnr"]) == ("0", "0", "80")
    before, after = pixels(squares / "a.png"), pixels(out / "a.png")
    found = apply_scores.scores(after, before)
    assert {name: f"{x:.6g}" for name, x in found.items()}.items() <= last.items()
    luma = before[..., :3] @ [0.299, 0.587, 0.114]
    assert float(first["contrast"]) == pytest.approx(luma.std(), rel=1e-5)
    sharp = float(rows["a.png", "unsharp:1"]["contrast"])
    assert float(last["contrast"]) == pytest.approx(sharp / 2, rel=0.01)
    assert float(rows["a.png", "match:mean"]["colour"]) < 1
    assert float(rows["a.png", "match:histogram"]["histogram"]) < 2
    tiny = apply_scores.scores(after[:2, :2], before[:2, :2])
    assert {*tiny} == {"contrast", "colour", "histogram"}


def test_the_sheet_has_a_row_for_each_picture_and_a_column_for_each_stage():
    """At one size, on white; transparent and deep ones too."""
    wide = np.full((10, 40, 3), (200, 0, 0), np.uint8)
    rows = [
        {"before": wide, "after": wide.transpose(1, 0, 2)[..., ::-1]},
        {"before": np.full((4, 4, 1), 51 << 8, np.uint16), "after": np.full((4, 4, 2), 255, "u1")},
    ]
    sheet, side = apply_files.sheet(rows), apply_files.THUMB
    head = len(sheet) - (2 * (side + 2) + 2)
    middle = head + 2 + side // 2
    assert sheet.shape[1:] == (2 * (side + 2) + 2, 3) and (sheet[:head] < 128).any()
    assert tuple(sheet[middle, 2 + side // 2]) == (200, 0, 0)
    assert tuple(sheet[middle, 4 + side + side // 2]) == (0, 0, 200)
    assert tuple(sheet[middle - side // 3, 2 + side // 2]) == (255, 255, 255)  # above a wide one
    assert tuple(sheet[middle - side // 3, 4 + side + side // 2]) == (0, 0, 200)
    assert tuple(sheet[middle + side + 2, 2 + side // 2]) == (51, 51, 51)


@pytest.mark.parametrize(
    ("run", "arguments", "told"),
    [
        (run_of(Negative()), ("--output=o",), "--input=... is needed"),
        (run_of(Negative()), ("--output={photos}/in",), "is within --input"),
        (run_of(Negative()), ("--output=o", "--then=sharpn:1"), "no step 'sharpn'"),
        (run_of(Negative()), ("--output=o", "--format=gif"), "give same, png, jpg, webp"),
        (run_of(Negative()), ("--output=o", "--format=jpg"), "JPEG keeps no transparency"),
        (run_of(Negative()), ("--output=o", "--target={photos}/.."), "nothing there for alpha.png"),
        (run_of(Negative(("noisy", "image"))), ("--output=o",), "given 2 pictures"),
        (
            run_of(Negative(("noisy", "kind")), kind=columns.Label(("a", "b"))),
            ("--output=o",),
            "give --given=kind=VALUE",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(
    run, arguments, told, photos, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    given = [x.format(photos=photos) for x in arguments]
    given += [] if "is needed" in told else [f"--input={photos}"]
    assert applied_to(monkeypatch, run, *given) == 2
    assert told in capsys.readouterr().err


def test_the_options_are_the_request():
    assert {*ApplyRequest._fields} - {"given"} <= {
        action.dest for action in _parsed()._actions
    }  # fmt: skip


def _parsed():
    import argparse

    made = argparse.ArgumentParser()
    command.add(made)
    return made


GIVEN = RNG.integers(0, 256, (12, 14, 3), dtype=np.uint8)
DARK = (GIVEN * 0.4 + 20).astype(np.uint8)


def after(chain, image=DARK, like=GIVEN):
    return postprocess.chained(postprocess.parsed(chain), image, like)


def test_colours_are_matched_to_the_input():
    made = after("match:mean", like=(GIVEN * 0.6 + 50).astype(np.uint8))
    wanted = (GIVEN * 0.6 + 50).astype(np.uint8)
    np.testing.assert_allclose(made.mean((0, 1)), wanted.mean((0, 1)), atol=0.7)
    np.testing.assert_allclose(made.std((0, 1)), wanted.std((0, 1)), atol=0.7)
    from skimage.exposure import match_histograms

    wanted = match_histograms(DARK, GIVEN, channel_axis=-1)
    assert np.abs(after("match:histogram").astype(float) - wanted).max() <= 1


def test_steps_do_what_they_say_and_are_chained_in_order():
    from skimage.filters import unsharp_mask

    wanted = [255 * unsharp_mask(DARK[..., c] / 255, 1, 0.5) for c in range(3)]
    assert np.abs(after("unsharp:0.5") - np.stack(wanted, axis=-1)).max() <= 1
    np.testing.assert_array_equal(after("contrast:1"), DARK)
    assert after("contrast:0.5").std() == pytest.approx(DARK.std() / 2, rel=0.1)
    assert after("enlarge:4").shape == (48, 56, 3)
    flat = np.full((12, 14, 1), 100, np.uint8)
    for chain in ("enlarge:2", "unsharp:3", "denoise:5", "contrast:3"):
        assert (after(chain, flat, flat) == 100).all()
    noisy = np.clip(100 + RNG.normal(0, 10, (24, 24, 1)), 0, 255).astype(np.uint8)
    assert after("denoise:10", noisy, noisy).std() < noisy.std() / 2
    np.testing.assert_allclose(after("denoise:0.1", noisy, noisy), noisy, atol=1)  # so little noise
    one = after("contrast:0.5,match:mean")
    np.testing.assert_allclose(one.mean((0, 1)), GIVEN.mean((0, 1)), atol=8)
    deep = after("contrast:0.5", DARK.astype(np.uint16) * 257)
    assert deep.dtype == np.uint16 and np.abs(deep / 257 - after("contrast:0.5")).max() <= 1


@pytest.mark.parametrize(
    "chain", ["match:colour", "unsharp:x", "unsharp:-1", "enlarge:3", "blur:1"]
)
def test_steps_that_there_are_not_are_refused(chain):
    with pytest.raises(ConfigError):
        postprocess.parsed(chain)
