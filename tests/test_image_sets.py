"""`genlab evaluate --real --fake`: images of any program, as a person types it."""

import importlib.metadata
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.shared import FAKE, LABELS, REAL, image_folder
from helpers.shared import thin as thin
from metrics.golden import vit
from PIL import Image

from genlab import evaluation
from genlab.cli.main import main
from genlab.config import ConfigError, choose
from genlab.evaluation import comparison, evaluators, image_sets
from genlab.evaluation.request import EvaluationRequest
from genlab.features import Pixels


@pytest.fixture
def sets(tmp_path):
    np.savez(tmp_path / "fake.npz", FAKE)
    return image_folder(tmp_path / "real", REAL), tmp_path / "fake.npz"


def typed(sets, *more, features="pixels"):
    return main(
        ["evaluate", f"--real={sets[0]}", f"--fake={sets[1]}", f"--features={features}", *more]
    )


def test_a_folder_and_an_npz_score_as_arrays_in_memory_do(sets, tmp_path, capsys):
    out = tmp_path / "out.json"
    assert typed(sets, "--scores=fd,kid", '--settings={"kid": {"size": 40}}', f"--out={out}") == 0
    told = capsys.readouterr()
    assert "fd " in told.out and "real data" in told.out and "kid_size=40" in told.out
    assert (
        "image 160/160" in told.err and "image" not in told.out.split("fd ")[0].split(" against")[0]
    )
    (record,) = json.loads(out.read_text())
    same = evaluation.compare(REAL, FAKE, Pixels(), ("fd", "kid"), {"kid": {"size": 40}})
    assert record["scores"] == same.scores and record["baselines"] == dict(same.baselines)
    protocol = record["protocol"]
    assert protocol["baseline"] == "halves of the real set, 40 beside 40"
    assert len(protocol["real_sha256"]) == 64 and protocol["real_files"] == "png"


def test_a_cache_that_cannot_be_written_costs_a_warning(sets, monkeypatch, capsys, tmp_path):
    (tmp_path / "scores").touch()
    monkeypatch.setenv("GENLAB_CACHE", str(tmp_path))
    assert typed(sets, "--scores=fd") == 0
    told = capsys.readouterr()
    assert "fd " in told.out and "these scores are not cached" in told.err


def test_a_result_is_kept_until_anything_it_depends_on_changes(sets, monkeypatch, capsys):
    asked = EvaluationRequest(*map(str, sets), "pixels", ("fd",))
    first = image_sets.score(asked)
    recompute = image_sets.compare
    monkeypatch.setattr(image_sets, "compare", lambda *_: pytest.fail("computed again"))
    assert image_sets.score(asked) == first
    assert typed(sets, "--scores=fd") == 0 and "scored before" in capsys.readouterr().err
    changed = [
        asked._replace(scores=("mmd",)),
        asked._replace(train=str(sets[1])),
        asked._replace(features="pixels", resize="bicubic:8x8x1"),
        asked._replace(fresh=True),
        asked._replace(fake=str(sets[0])),
    ]
    for request in changed:
        with pytest.raises(pytest.fail.Exception, match="computed again"):
            image_sets.score(request)
    monkeypatch.setattr(image_sets, "compare", recompute)
    kid = asked._replace(scores=("kid",), settings={"kid": {"seed": 1}})
    image_sets.score(kid)
    monkeypatch.setattr(image_sets, "compare", lambda *_: pytest.fail("computed again"))
    image_sets.score(kid)
    with pytest.raises(pytest.fail.Exception, match="computed again"):
        image_sets.score(kid._replace(settings={"kid": {"seed": 2}}))
    next(sets[0].iterdir()).unlink()
    with pytest.raises(pytest.fail.Exception, match="computed again"):
        image_sets.score(asked)


def test_a_changed_formula_makes_no_use_of_old_results(sets, monkeypatch):
    asked = EvaluationRequest(*map(str, sets), "pixels", ("fd",))
    image_sets.score(asked)
    monkeypatch.setattr(image_sets, "_code", lambda: "other")
    monkeypatch.setattr(image_sets, "compare", lambda *_: pytest.fail("computed again"))
    with pytest.raises(pytest.fail.Exception, match="computed again"):
        image_sets.score(asked)


def test_every_source_file_and_what_decodes_is_code_that_answers(tmp_path, monkeypatch):
    files = [tmp_path / name for name in ("schedules.py", "data/decoding.py", "metrics/kernel.py")]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        file.write_text("before")
    seen = {image_sets._code(tmp_path)}
    for file in files:
        file.write_text("after")
        seen.add(image_sets._code(tmp_path))
    for name in ("pillow", "jax"):
        version = importlib.metadata.version
        monkeypatch.setattr(
            importlib.metadata, "version", lambda x, n=name, v=version: "0" if x == n else v(x)
        )
        seen.add(image_sets._code(tmp_path))
    assert len(seen) == 6
    inside = Path(image_sets._code.__defaults__[0])
    assert all((inside / file.relative_to(tmp_path)).is_file() for file in files)


OWN = """
import numpy as np
from genlab.evaluation import scores
from genlab.features import Pixels
made = 0

def space():
    return lambda images: images.reshape(len(images), -1) * 1.0

def mine(real, fake, factor=1.0):
    global made
    made += 1
    return {"mine": np.float32(made), "none": np.nan}
"""


@pytest.mark.parametrize("name", [{"features": "own.net:space"}, {"scores": ("own:mine",)}])
def test_what_is_named_by_its_module_is_scored_each_time(name, sets, tmp_path, monkeypatch):
    """Nothing is known of its code or its weights."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "__init__.py").write_text(OWN)
    (tmp_path / "own" / "net.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    times = []
    compare = image_sets.compare
    monkeypatch.setattr(image_sets, "compare", lambda *x: times.append(1) or compare(*x))
    asked = EvaluationRequest(*map(str, sets), "pixels", ("fd",))._replace(**name)
    image_sets.score(asked)
    image_sets.score(asked)
    assert len(times) == 2


def test_a_score_that_is_not_defined_is_null_and_any_number_is_a_float(
    sets, tmp_path, monkeypatch, capsys
):
    (tmp_path / "undefined.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    assert typed(sets, "--scores=undefined:mine", f"--out={tmp_path / 'out.json'}") == 0
    told = capsys.readouterr().out
    assert "none           undefined" in told and "nan" not in told.lower()
    (record,) = json.loads((tmp_path / "out.json").read_text(), parse_constant=pytest.fail)
    assert record["scores"] == {"mine": 1.0, "none": None}


def test_an_undefined_score_is_kept_as_null(sets, monkeypatch):
    found = evaluation.EvaluationResult({"fd": np.float32("nan")}, {}, {"fd": np.float64("inf")})
    monkeypatch.setattr(image_sets, "compare", lambda *_: found)
    asked = EvaluationRequest(*map(str, sets), "pixels", ("fd",), settings={"fd": {}})
    for record in (image_sets.score(asked), image_sets.score(asked)):
        assert record["scores"] == record["baselines"] == {"fd": None}


def test_a_kept_result_is_told_with_the_names_of_this_request(sets, tmp_path):
    asked = EvaluationRequest(*map(str, sets), "pixels", ("fd", "kid"))
    first = image_sets.score(asked)
    again = shutil.copy(sets[1], tmp_path / "again.npz")
    second = image_sets.score(asked._replace(fake=str(again)))
    assert second == {**first, "name": f"{again} against {sets[0]}"}


def test_every_space_by_name_sees_images(thin, tmp_path):
    """Networks from files as thin as their own tests', so that only the ways to them are tested."""
    np.savez(tmp_path / "dinov2.npz", **vit.dinov2(registers=True))
    np.savez(tmp_path / "clip.npz", **vit.clip())
    named = {
        "pixels": ("pixels", {"features"}),
        "random-conv": ("random-conv", {"features"}),
        f"vgg16:{thin},resize=clean": ("vgg16 fc2 after ReLU", {"features", "logits"}),
        f"dinov2:{tmp_path}/dinov2.npz,size={vit.SIZE}": ("dinov2 class token", {"features"}),
        f"clip:{tmp_path}/clip.npz,resize=tf1": ("clip image embedding", {"features"}),
    }
    images = REAL[:2].repeat(2, axis=1).repeat(2, axis=2)
    for text, (name, taps) in named.items():
        space = comparison.space_of(image_sets.features_of(text), images)
        found = space.taps(images)
        assert space.protocol["features"] == name and taps <= found.keys()
        assert found["features"].shape[0] == 2 and np.isfinite(found["features"]).all()
    assert {text.partition(":")[0] for text in named} | {"inception"} == image_sets.SPACES.keys()


def test_what_the_model_was_trained_on_comes_with_its_labels(sets, tmp_path, monkeypatch):
    np.savez(tmp_path / "train.npz", image=FAKE, label=LABELS)
    seen = {}

    def noted(*given):
        seen.update(train=given[7], train_labels=given[9])
        return evaluation.compare(*given)

    monkeypatch.setattr(image_sets, "compare", noted)
    asked = EvaluationRequest(
        *map(str, sets), "pixels", ("authenticity",), train=str(tmp_path / "train.npz")
    )
    protocol = image_sets.score(asked)["protocol"]
    assert np.array_equal(seen["train"], FAKE) and np.array_equal(seen["train_labels"], LABELS)
    assert protocol["train"] == 80 and len(protocol["train_sha256"]) == 64


def test_class_folders_and_npz_labels_are_labels(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (80, 2, 2, 1), np.uint8)
    real = image_folder(tmp_path / "real", images, classes=LABELS % 2)
    np.savez(tmp_path / "fake.npz", image=images[::-1], label=LABELS[::-1] % 2)
    asked = EvaluationRequest(str(real), str(tmp_path / "fake.npz"), "pixels", ("class_fd",))
    record = image_sets.score(asked)
    assert record["scores"]["class_fd"] == pytest.approx(0, abs=1e-9)
    assert [*record["tables"]["class"]["samples"]] == ["class0", "class1"]


def test_jpeg_is_warned_of(tmp_path, sets, capsys):
    lossy = image_folder(tmp_path / "lossy", FAKE, ".jpg")
    assert typed((sets[0], lossy), "--scores=fd") == 0
    told = capsys.readouterr()
    assert "warning" in told.err and "save PNG" in told.err and "fake_files=jpg" in told.out


def test_sizes_are_brought_together_only_when_asked(tmp_path, sets, capsys):
    big = image_folder(tmp_path / "big", np.kron(FAKE, np.ones((1, 2, 2, 1), np.uint8)))
    assert typed((sets[0], big), "--scores=fd") == 2
    assert "real images are 8x8x1 and fake ones 16x16x1" in capsys.readouterr().err
    assert typed((sets[0], big), "--scores=fd", "--resize=box:8x8x1") == 0
    boxed = capsys.readouterr().out
    assert typed(sets, "--scores=fd") == 0
    assert "resized=box:8x8x1 after a central crop to its aspect, alpha over white" in boxed
    assert boxed.splitlines()[1] == capsys.readouterr().out.splitlines()[1]
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(big / "odd.png")
    assert typed((sets[0], big), "--scores=fd") == 2
    assert "odd.png" in capsys.readouterr().err
    assert typed(sets, "--scores=fd", f"--train={tmp_path / 'big'}") == 2
    assert "odd.png" in capsys.readouterr().err
    (big / "odd.png").unlink()
    assert typed(sets, "--scores=fd", f"--train={big}") == 2
    assert "real images are 8x8x1 and train ones 16x16x1" in capsys.readouterr().err


def test_nothing_is_written_beside_the_images(sets):
    before = sorted(sets[0].iterdir())
    assert typed(sets, "--scores=fd") == 0
    assert sorted(sets[0].iterdir()) == before


def test_of_a_gif_the_first_frame_is_scored_and_that_is_told(tmp_path, sets, capsys):
    moving = image_folder(tmp_path / "moving", FAKE, ".gif")
    assert typed((sets[0], moving), "--scores=fd", "--resize=box:8x8x1") == 0
    assert "of a GIF the first frame alone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--features=pixls"], "no feature space 'pixls'; did you mean 'pixels'?"),
        (["--features=inception"], "inception needs its file of weights"),
        (["--features=inception:nowhere.pth"], "nowhere.pth"),
        (["--features=inception:nowhere.pth,resize=bicubic"], "it must be one of 'tf1'"),
        (["--features=dinov2:nowhere.pth,side=14"], "unexpected keyword argument 'side'"),
        (["--features=pixels:x"], "pixels takes no file"),
        (["--scores=fdd"], "no 'fdd'; did you mean 'fd'?"),
        (["--scores=inception_score"], "'inception_score' needs 'logits'"),
        (["--scores=class_fd"], "the real images have no labels"),
        (["--scores=wasserstein", '--settings={"wasserstein": {"p": 0.5}}'], "p"),
        (["--settings=kid"], "--settings takes JSON"),
        (["--resize=cubic:8x8"], "give a filter and a size"),
        (["--fake=nowhere"], "nowhere is neither a folder of images nor an npz file"),
        (["--workdir=run"], "is for two sets of images, --workdir for a run"),
        (["--split=validation"], "--split is for a run (--workdir)"),
        (["--step=0"], "--step is for a run (--workdir)"),
        (["--out=nowhere/out.json"], "--out=nowhere/out.json: give a file, in a folder that"),
        (["--out=."], "--out=.: give a file"),
        (["--resize=bicubic:²x3"], "give a filter and a size"),
        (["--resize=bicubic:999999x999999"], "at most 67108864 pixels"),
        (["--resize=bicubic:" + "9" * 5000 + "x1"], "give a filter and a size"),
        (["--resize=bicubic:8x8x4"], "1 or 3 channels"),
        (["--scores=kid", '--settings={"kid": {"size": "a"}}'], "size is int (1000); 'a' is str"),
        (["--scores=kid", '--settings={"kid": {"subsets": 1.5}}'], "subsets is int (100); 1.5"),
        (["--scores=kid", '--settings={"kid": {"seed": true}}'], "True is bool"),
        (["--scores=mmd", '--settings={"mmd": {"bandwidth": "a"}}'], "'a' is str"),
        (['--settings={"precision_recall": {"k": 2.5}}'], "k is int (3); 2.5 is float"),
        (["--scores=os:getcwd"], "is no part of an experiment"),
        (["--scores=os.path:join"], "is no part of an experiment"),
        (["--scores=os:curdir"], "is a str: it cannot be called"),
        (["--scores=:fd"], "names nothing"),
        (["--scores=genlab.metrics:frechet_distance_of"], "has no 'frechet_distance_of'"),
        (["--features=os.path:join"], "is no part of an experiment"),
        (["--features=genlab.config:override"], "it is called without arguments"),
        (["--features=os.path:curdir"], "is a str: it cannot be called"),
        (["--scores=lpips_pairs"], "`distance`, an object, which no option can say"),
        (["--scores=sample_accuracy"], "ask for it from a config or the library"),
        (
            ["--scores=lpips_pairs", '--settings={"lpips_pairs": {"distance": "x"}}'],
            "ask for it from a config or the library",
        ),
    ],
)
def test_mistakes_are_one_line(more, told, sets, capsys):
    assert typed(sets, *more) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert told in error and error.startswith("genlab: ")


def test_a_setting_may_widen_to_a_float(sets):
    asked = ['--settings={"wasserstein": {"p": 2}}', "--scores=wasserstein"]
    assert typed(sets, *asked) == 0


def test_out_in_no_folder_is_told_before_the_work(sets, monkeypatch):
    monkeypatch.setattr(image_sets, "score", lambda *_: pytest.fail("worked first"))
    assert typed(sets, "--out=nowhere/out.json") == 2


def test_what_a_module_imports_is_not_suggested():
    """Or a name that is refused, being that of a module, would be suggested again."""
    for name in ("annealing", "Callabel"):
        with pytest.raises(ConfigError, match=f"has no '{name}'; or give"):
            choose(evaluators, name)
    with pytest.raises(ConfigError, match="did you mean 'Reconstruction'"):
        choose(evaluators, "Reconstructoin")


def test_one_set_is_not_enough(sets, capsys):
    assert main(["evaluate", f"--real={sets[0]}"]) == 2
    assert "--fake=... is needed too" in capsys.readouterr().err


def test_the_name_of_a_file_of_weights_may_have_commas(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a,b=c,d.pth").write_bytes(b"")
    for text, file, options in (
        ("a,b=c,d.pth", "a,b=c,d.pth", []),
        ("a,b=c,d.pth,resize=clean", "a,b=c,d.pth", ["resize=clean"]),
        ("gone,1.pth,resize=clean", "gone,1.pth", ["resize=clean"]),
        ("gone.pth", "gone.pth", []),
        ("", "", []),
    ):
        assert image_sets._file_and_options(text) == (file, options)
