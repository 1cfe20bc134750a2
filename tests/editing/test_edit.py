"""`genlab edit` on a trained run, which stays as it is."""

import csv
import dataclasses
import hashlib
import json
from functools import cache

import jax
import numpy as np
import pytest
from helpers import tiny
from PIL import Image

import genlab
from genlab import fit, spec
from genlab.cli.main import main
from genlab.config import ConfigError
from genlab.data import digits
from genlab.data.columns import Label, Numbers
from genlab.data.sources import Resident
from genlab.editing.factors import factors
from genlab.editing.inversion import Optimisation
from genlab.evaluation import edit
from genlab.evaluation.edit import EditRequest, name_of, pictures_of
from genlab.evaluation.edit_kinds import Along, Conditioned, Mixed, Truncated

LABEL = ("label",)


@dataclasses.dataclass(frozen=True)
class Known(Resident):
    """A set that knows how dark its pictures are."""

    def decode(self, images):
        x = np.asarray(images, np.float32) / 255
        lean = x[:, :, :4].mean((1, 2)) - x[:, :, 4:].mean((1, 2))
        return {"dark": x.mean((1, 2)), "lean": lean}


def known():
    """The digits as such a set."""
    plain = digits()
    splits = {
        split: {**held, **Known({}, {}).decode(held["image"])}
        for split, held in plain.splits.items()
    }
    more = {name: Numbers((name,), (-1.0,), (1.0,)) for name in ("dark", "lean")}
    return Known(splits, {**plain.columns, **more})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A VAE given a label; the command reads it, and compiles its programs, once."""
    path = tmp_path_factory.mktemp("edit") / "vae"
    fit(tiny.vae(given=LABEL, data=spec(known), loop={"steps": 2, "checkpoint_every": 2}), path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edit, "load", cache(edit.load))
        yield path


def steps(number):
    """So many steps from one start."""
    return Optimisation(steps=number, starts=1)


def files(folder):
    """What a run consists of, by its bytes."""
    found = [path for path in folder.rglob("*") if path.is_file() and "edited" not in path.parts]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def table(path):
    """A CSV as columns of texts."""
    head, *rows = csv.reader(path.read_text().splitlines())
    return dict(zip(head, zip(*rows, strict=True), strict=True))


def test_held_out_pictures_are_inverted_edited_and_measured(folder, capfd):
    before = files(folder)
    call = ["edit", f"--workdir={folder}", "--split=test", "--n=3", "--direction=dark"]
    assert main([*call, "--by=-2..2", "--steps=3", "--keep=lean", "--optimise=4"]) == 0
    assert files(folder) == before  # nothing that is edited is trained
    out, said = capfd.readouterr()
    assert "psnr" in said and "wanted change" in said
    place = next(p for p in (folder / "edited").iterdir() if "dark" in p.name)
    assert [line.rpartition("/")[2] for line in out.split()] == [
        "strips.png", "inversion.csv", "changes.csv", "edited.npz"
    ]  # fmt: skip
    changes = table(place / "changes.csv")
    assert list(changes) == ["by", "wanted", "lean"] and changes["by"] == ("-2", "0", "2")
    assert changes["wanted"][1] == "0"
    errors = table(place / "inversion.csv")
    assert errors["label"] == tuple(str(x) for x in digits().read("test", 3)["label"])
    record = json.loads((place / "request.json").read_text())
    assert record["direction"] == "dark" and record["strengths"] == [-2.0, 0.0, 2.0]
    with np.load(place / "edited.npz") as made:
        assert made["edited"].shape == (9, *tiny.SHAPE) and made["latents"].shape == (3, 4)
    assert record["pictures"] == 3 and record["measured by"] == "decoder"
    with Image.open(place / "strips.png") as strips:
        assert strips.size[0] > 4 * 9 + 1  # wide enough for what stands above


def test_a_picture_of_ones_own_gets_the_condition_that_suits_it(folder, tmp_path, capfd):
    one = digits().read("test", 1)["image"][0, ..., 0]
    Image.fromarray(one).resize((20, 20)).save(tmp_path / "one.png")
    call = ["edit", f"--workdir={folder}", f"--input={tmp_path / 'one.png'}", "--optimise=4"]
    assert main(call) == 0
    place = next(p for p in (folder / "edited").iterdir() if "input" in p.name)
    record = json.loads((place / "request.json").read_text())
    assert record["found with the latents"] == ["label"]
    assert len(table(place / "inversion.csv")["psnr"]) == 1
    several, given = pictures_of(genlab.load(folder), EditRequest(input=str(tmp_path)))
    assert several.shape == (1, *tiny.SHAPE) and not given
    capfd.readouterr()


def test_pictures_are_made_under_other_conditions_and_truncated(folder, capfd):
    call = ["edit", f"--workdir={folder}", "--split=test", "--n=3", "--optimise=0"]
    assert main([*call, "--to=label=3", "--to=label=5"]) == 0
    place = next(p for p in (folder / "edited").iterdir() if "label-3" in p.name)
    changes = table(place / "changes.csv")
    assert list(changes) == ["by", "wanted", "dark", "lean"]  # nothing reads its label
    assert changes["by"] == ("label=3", "label=5") and changes["wanted"] == ("nan", "nan")
    with np.load(place / "edited.npz") as made:
        z, label = made["edited_latents"], made["label"]
        edited, run = made["edited"], genlab.load(folder)
        np.testing.assert_array_equal(z[:, 0], z[:, 1])
    cond = {"label": np.eye(10, dtype=np.float32)[[5, 5, 5]]}
    again = jax.jit(run.method.generate)(run.params, run.stats, z[:, 1], cond)
    np.testing.assert_array_equal(edited[1::2], run.source.columns["image"].store(again))
    np.testing.assert_array_equal(label, digits().read("test", 3)["label"])
    assert main([*call, "--truncation=0,1"]) == 0
    place = next(p for p in (folder / "edited").iterdir() if "truncation" in p.name)
    with np.load(place / "edited.npz") as made:
        assert not made["edited_latents"][:, 0].any()
        np.testing.assert_array_equal(made["edited"][1::2], made["reconstructed"])
    assert json.loads((place / "request.json").read_text())["psis"] == [0.0, 1.0]
    capfd.readouterr()


def test_a_loaded_run_edits(folder):
    run = genlab.load(folder)
    found = run.invert(run.sample(2), settings=steps(3), label="3")
    directions = run.directions("dark", "random:0", keep=("lean",))
    edited = run.edit(found, directions["dark"], by=(0.0, 1.0))
    assert edited.examples.shape == (4, *tiny.SHAPE) and edited.changes is not None
    assert run.edit(found, "random:0", by=(0.0, 1.0)).changes is None
    with pytest.raises(ConfigError, match="not conditioned on 'hue'"):
        run.invert(run.sample(2), hue=0.5)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--input=x", "--split=test"], "give one, pictures of your own"),
        (["--split=tset"], "no split 'tset'"),
        (["--input=nowhere"], "neither a folder"),
        (["--n=0"], "edit at least one"),
        (["--by=3"], "give two strengths"),
        (["--by=3..1"], "strengths that rise"),
        (["--direction=drak"], "did you mean 'dark'"),
        (["--optimise=5"], "give --input or --split"),
        (["--keep=lean"], "give --direction too"),
        (["--space=v"], "there is z, and w"),
        (["--space=w"], "nets.style.Up has"),
        (["--measure=decode"], "did you mean 'decoder'"),
        (["--samples=3"], "needs 20 or more"),
        (["--to=lable=3"], "did you mean 'label'"),
        (["--to=label"], "give NAME=VALUE"),
        (["--to=label=3", "--mix=1"], "one edit at a time"),
        (["--truncation=half"], "give numbers"),
        (["--mix=1"], "space='w'"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(folder, capfd, options, why):
    assert main(["edit", f"--workdir={folder}", *options]) == 2
    assert why in capfd.readouterr().err


def test_every_request_has_a_folder_of_its_own():
    names = {
        name_of(request, 2, 8)
        for request in (
            EditRequest(),
            EditRequest(space="w"),
            EditRequest(edit=Along("dark")),
            EditRequest(edit=Along("dark", keep=("lean",))),
            EditRequest(edit=Along("dark", steps=3)),
            EditRequest(edit=Conditioned(({"label": "3"},))),
            EditRequest(edit=Conditioned(({"label": "3"}, {"label": "4"}))),
            EditRequest(edit=Truncated((0.5, 1.0))),
            EditRequest(edit=Mixed(2)),
            EditRequest(input="a"),
            EditRequest(input="b"),
            EditRequest(split="test", optimise=3),
        )
    }
    assert len(names) == 12
    assert name_of(EditRequest(input="a", n=8), 2, 3) == "round000002_z_input3_a"


def test_names_of_directions_are_refused_before_anything_is_inverted():
    known = factors({"hue": Label(("red", "blue"))}, ["hue"])
    for name, keep, told in (
        ("sefa", (), "sefa: give the direction's number from 0, as sefa:0"),
        ("ganspce:0", (), "no direction 'ganspce:0'; did you mean 'ganspace'"),
        ("hu=red", (), "no factor 'hu' .*did you mean 'hue'"),
        ("hue", (), "hue is a label: say which, as hue=red"),
        ("hue=red", ("light",), "no factor 'light' .*measured are hue"),
    ):
        with pytest.raises(ConfigError, match=told):
            Along(name, keep=keep).check(known)
    Along("hue=red", keep=("hue",)).check(known)
    Along("whatever").check()  # what is measured is not known yet
