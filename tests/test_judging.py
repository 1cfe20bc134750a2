"""`genlab evaluate --real --fake`: images of any program, as a person types it."""

import json

import numpy as np
import pytest
from metrics.features.test_backbones import thin as thin
from metrics.golden import vit
from PIL import Image

from genlab import judging, metrics
from genlab.config import ConfigError
from genlab.data import digits
from genlab.launch import main
from genlab.metrics.features import Pixels
from genlab.request import Request
from genlab.sets import Resize, read_set

REAL, FAKE = (digits().read(split)["image"][:80] for split in ("test", "validation"))
LABELS = digits().read("test")["label"][:80]


def folder(path, images, suffix=".png", classes=None):
    """Image files as another program leaves them."""
    for i, image in enumerate(images):
        place = path / f"class{classes[i]}" if classes is not None else path
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.squeeze()).save(place / f"{i:04d}{suffix}")
    return path


@pytest.fixture
def sets(tmp_path):
    np.savez(tmp_path / "fake.npz", FAKE)
    return folder(tmp_path / "real", REAL), tmp_path / "fake.npz"


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
        "image 160/160" in told.err and "image" not in told.out.split("fd ")[0].split(" beside")[0]
    )
    (record,) = json.loads(out.read_text())
    same = metrics.compare(REAL, FAKE, Pixels(), ("fd", "kid"), {"kid": {"size": 40}})
    assert record["scores"] == same.scores and record["floors"] == dict(same.floors)
    protocol = record["protocol"]
    assert protocol["floor"] == "halves of the real set, 40 beside 40"
    assert len(protocol["real_sha256"]) == 64 and protocol["real_files"] == "png"


def test_a_result_is_kept_until_anything_it_depends_on_changes(sets, monkeypatch, capsys):
    asked = Request(*map(str, sets), "pixels", ("fd",))
    first = judging.judge(asked)
    monkeypatch.setattr(judging, "compare", lambda *_: pytest.fail("computed again"))
    assert judging.judge(asked) == first
    assert typed(sets, "--scores=fd") == 0 and "scored before" in capsys.readouterr().err
    changed = [
        asked._replace(scores=("kid",)),
        asked._replace(scores=("kid",), settings={"kid": {"seed": 1}}),
        asked._replace(features="pixels", resize="bicubic:8x8x1"),
        asked._replace(fresh=True),
        asked._replace(fake=str(sets[0])),
    ]
    for request in changed:
        with pytest.raises(pytest.fail.Exception, match="computed again"):
            judging.judge(request)
    next(sets[0].iterdir()).unlink()
    with pytest.raises(pytest.fail.Exception, match="computed again"):
        judging.judge(asked)


def test_a_changed_formula_makes_no_use_of_old_results(sets, monkeypatch):
    asked = Request(*map(str, sets), "pixels", ("fd",))
    judging.judge(asked)
    monkeypatch.setattr(judging, "_code", lambda: "other")
    monkeypatch.setattr(judging, "compare", lambda *_: pytest.fail("computed again"))
    with pytest.raises(pytest.fail.Exception, match="computed again"):
        judging.judge(asked)


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
        space = metrics.measuring.space_of(judging.features_of(text), images)
        found = space.taps(images)
        assert space.protocol["features"] == name and taps <= found.keys()
        assert found["features"].shape[0] == 2 and np.isfinite(found["features"]).all()
    assert {text.partition(":")[0] for text in named} | {"inception"} == judging.SPACES.keys()


def test_what_the_model_was_trained_on_comes_with_its_labels(sets, tmp_path, monkeypatch):
    np.savez(tmp_path / "train.npz", image=FAKE, label=LABELS)
    seen = {}

    def noted(*given):
        seen.update(train=given[7], train_labels=given[9])
        return metrics.compare(*given)

    monkeypatch.setattr(judging, "compare", noted)
    asked = Request(*map(str, sets), "pixels", ("authenticity",), train=str(tmp_path / "train.npz"))
    protocol = judging.judge(asked)["protocol"]
    assert np.array_equal(seen["train"], FAKE) and np.array_equal(seen["train_labels"], LABELS)
    assert protocol["train"] == 80 and len(protocol["train_sha256"]) == 64


def test_class_folders_and_npz_labels_are_labels(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (80, 2, 2, 1), np.uint8)
    real = folder(tmp_path / "real", images, classes=LABELS % 2)
    np.savez(tmp_path / "fake.npz", image=images[::-1], label=LABELS[::-1] % 2)
    asked = Request(str(real), str(tmp_path / "fake.npz"), "pixels", ("class_fd",))
    assert judging.judge(asked)["scores"]["class_fd"] == pytest.approx(0, abs=1e-9)


def test_jpeg_is_warned_of(tmp_path, sets, capsys):
    lossy = folder(tmp_path / "lossy", FAKE, ".jpg")
    assert typed((sets[0], lossy), "--scores=fd") == 0
    told = capsys.readouterr()
    assert "warning" in told.err and "save PNG" in told.err and "fake_files=jpg" in told.out


def test_sizes_are_brought_together_only_when_asked(tmp_path, sets, capsys):
    big = folder(tmp_path / "big", np.kron(FAKE, np.ones((1, 2, 2, 1), np.uint8)))
    assert typed((sets[0], big), "--scores=fd") == 2
    assert "real images are 8x8x1 and fake ones 16x16x1" in capsys.readouterr().err
    assert typed((sets[0], big), "--scores=fd", "--resize=box:8x8x1") == 0
    boxed = capsys.readouterr().out
    assert typed(sets, "--scores=fd") == 0
    assert "resized=box:8x8x1" in boxed
    assert boxed.splitlines()[1] == capsys.readouterr().out.splitlines()[1]
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(big / "odd.png")
    assert typed((sets[0], big), "--scores=fd") == 2
    assert "odd.png" in capsys.readouterr().err


def test_slices_and_rows_of_files_are_the_array(tmp_path):
    found = read_set(str(folder(tmp_path / "set", REAL))).images
    assert found.shape == REAL.shape and len(found) == 80
    for part in (slice(3, 9), slice(None), np.array([5, 2, 2])):
        assert np.array_equal(found[part], REAL[part])


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"image": REAL / 255}, r"float64.*quantise them first, .*rint\(x \* 255\)"),
        ({"image": REAL[..., 0]}, r"\(80, 8, 8\), expected \[N, H, W, C\].*x\[..., None\]"),
        ({"image": REAL.transpose(0, 3, 1, 2)}, r"x\.transpose\(0, 2, 3, 1\)"),
        ({"image": REAL, "label": LABELS[:3]}, "expected integers"),
        ({"x": REAL}, "holds x; it needs one of image, images, arr_0"),
        ({"image": np.array([{}], dtype=object)}, "no npz file of arrays"),
    ],
)
def test_what_an_npz_must_hold_is_told(arrays, told, tmp_path):
    np.savez(tmp_path / "set.npz", **arrays)
    with pytest.raises(ConfigError, match=told):
        read_set(str(tmp_path / "set.npz"))


def test_unreadable_files_are_refused_by_name(tmp_path):
    place = folder(tmp_path / "set", REAL[:5])
    (place / "broken.png").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match=r"unreadable \(broken\.png\)"):
        read_set(str(place))


def test_a_folder_of_splits_is_no_set(tmp_path):
    folder(tmp_path / "all" / "test", REAL[:2])
    with pytest.raises(ConfigError, match=r"holds splits: give one of them, such as .*/test"):
        read_set(str(tmp_path / "all"))


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
    ],
)
def test_mistakes_are_one_line(more, told, sets, capsys):
    assert typed(sets, *more) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert told in error and error.startswith("genlab: ")


def test_one_set_is_not_enough(sets, capsys):
    assert main(["evaluate", f"--real={sets[0]}"]) == 2
    assert "--fake=... is needed too" in capsys.readouterr().err


def test_a_resize_is_a_filter_and_a_shape():
    assert Resize.of(None) == (None, None)
    assert Resize.of("bicubic:32x16") == ("bicubic", (32, 16, 3))
    assert Resize.of("box:8x8x1") == ("box", (8, 8, 1))
