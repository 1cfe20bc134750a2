"""What `compare` refuses, what its protocol says, and when a score has no baseline."""

import numpy as np
import pytest
from helpers.shared import subject

from genlab import evaluation
from genlab.config import ConfigError
from genlab.data.sets.arrays import from_arrays
from genlab.evaluation import cautions, scores
from genlab.evaluation.fidelity import Fidelity
from genlab.evaluation.sample_set import BATCH, SampleSet, needs
from genlab.features import Domain, FeatureSpace, Pixels
from genlab.metrics import kernel
from genlab.nets import mlp

RNG = np.random.default_rng(0)
REAL, FAKE, TRAIN = (RNG.integers(0, 256, (n, 4, 4, 1), np.uint8) for n in (61, 50, 70))


@pytest.mark.parametrize("wrong", [lambda x: x[:-1], lambda x: x.repeat(2, 0), lambda x: x.sum()])
def test_a_space_that_gives_no_row_for_each_image_is_refused(wrong):
    """Rows that it left out would be scored as whatever lay in memory."""
    with pytest.raises(ConfigError, match=r"'short' gave 'features' of shape .* one row for each"):
        evaluation.compare(REAL, FAKE, FeatureSpace(
            lambda x: {"features": wrong(x.reshape(len(x), -1) / 255)}, {"features": "short"}
        ))  # fmt: skip


def test_pixels_that_are_not_8_bit_are_refused_with_how_to_quantise():
    with pytest.raises(ValueError, match=r"images are float32.*np\.rint\(\(x \+ 1\) \* 127\.5\)"):
        evaluation.compare(*(np.float32(x / 127.5 - 1) for x in (REAL, FAKE)), Pixels())


LABELS = {"real_labels": np.zeros(61, int), "fake_labels": np.zeros(50, int)}


@pytest.mark.parametrize(
    ("fake", "more", "told"),
    [
        (FAKE[:, :2], {}, "real set is of shape 4x4x1 and the fake set of 2x4x1"),
        (FAKE, {"train": TRAIN.repeat(3, -1)}, "and the train set of 4x4x3"),
        (FAKE[:0], {}, "the fake set is empty"),
        (FAKE, {"train": TRAIN[:0]}, "the train set is empty"),
        (FAKE, {**LABELS, "fake_labels": np.zeros(61, int)}, "fake set has 50 images and labels"),
        (FAKE, {**LABELS, "real_labels": np.zeros((61, 2), int)}, r"labels of shape \(61, 2\)"),
        (FAKE, {"train": TRAIN, "train_labels": [1, 2]}, "train set has 70 images and labels"),
    ],
)
def test_sets_that_are_not_alike_are_refused(fake, more, told, monkeypatch):
    monkeypatch.setattr(scores, "fd", lambda real, fake: pytest.fail("computed"))
    with pytest.raises(ConfigError, match=told):
        evaluation.compare(REAL, fake, lambda x: x.reshape(len(x), -1)[:, :4], **more)


def test_domain_of_two_sets_is_refused_for_its_true_reason():
    with pytest.raises(ConfigError, match=r"two sets of images are none: name it in a config"):
        evaluation.compare(REAL, FAKE, Domain(mlp.Down((4,))), **LABELS)


def test_the_protocol_says_the_shape_and_what_was_trained_on_where_it_matters():
    told = evaluation.compare(REAL, FAKE, Pixels(), ("fd",), train=TRAIN).protocol
    assert told["shape"] == "4x4x1" and "train" not in told
    labels = np.arange(70)
    seen = [
        evaluation.compare(REAL, FAKE, Pixels(), ("authenticity",), train=train, train_labels=given)
        for train in (TRAIN, TRAIN[::-1])
        for given in (None, labels, labels[::-1])
    ]
    assert {found.protocol["train"] for found in seen} == {70}
    assert len({found.protocol["train_sha256"] for found in seen}) == 6
    assert evaluation.compare(np.zeros((9, 3)), np.ones((8, 3))).protocol["shape"] == "3"


def test_a_sides_sha256_is_the_same_with_and_without_the_pass_over_it():
    many = RNG.integers(0, 256, (BATCH + 3, 2, 2, 1), np.uint8)
    passed, unread = (
        SampleSet(many, Pixels().space({}, None), np.arange(BATCH + 3)) for _ in range(2)
    )
    assert len(passed.features) == BATCH + 3 and "sha256" in vars(passed)
    assert unread.sha256 == passed.sha256 and "taps" not in vars(unread)


def strict(real, fake):
    """A score of sets of 40 rows and more, and of equal halves."""
    if len(real) < 40:
        assert len(real) == len(fake) == 30
        raise ValueError("too few")
    return {"strict": 1.0}


@needs("features", "train")
def undefined(real, fake):
    """NaN of all but the whole set."""
    return {"undefined": 1.0 if len(real) > 40 else float("nan")}


def test_a_score_does_not_fall_with_its_baseline():
    scores = (f"{__name__}:strict", "fd", f"{__name__}:undefined")
    found = evaluation.compare(REAL, FAKE, Pixels(), scores, train=TRAIN)
    assert found.scores.keys() == {"strict", "fd", "undefined"} and found.baselines.keys() == {"fd"}
    assert found.protocol["baseline"] == "halves of the real set, 30 beside 30"
    few = ("precision_recall", "density_coverage")
    assert evaluation.compare(REAL[:9], FAKE, Pixels(), few).baselines.keys() == {
        "precision",
        "recall",
    }
    with pytest.raises(ValueError, match="too few"):
        evaluation.compare(REAL[:30], FAKE[:30], Pixels(), scores[:1])


def test_the_subsets_that_were_drawn_are_the_protocols():
    found = evaluation.compare(REAL, FAKE, Pixels(), ("kid",))
    assert found.protocol["kid_size"] == 50 and found.protocol["baseline_kid_size"] == 30
    assert found.scores["kid_std"] > 0 and found.baselines.keys() == {"kid"}
    few = evaluation.compare(REAL, FAKE, Pixels(), ("kid",), {"kid": {"size": 20}})
    assert few.protocol["kid_size"] == 20 and "baseline_kid_size" not in few.protocol
    assert few.baselines["kid_std"] > 0


@pytest.mark.parametrize("setting", [{}, {"size": 9, "subsets": 1}])
def test_a_deviation_that_could_only_be_0_is_undefined(setting):
    found = evaluation.compare(REAL[:50], FAKE, Pixels(), ("kid",), {"kid": setting})
    assert np.isnan(found.scores["kid_std"]) and np.isfinite(found.scores["kid"])


def test_the_bandwidth_is_one_and_the_protocol_says_it():
    found = evaluation.compare(REAL, FAKE, Pixels(), ("mmd",))
    width, (x, y) = found.protocol["mmd_bandwidth"], (r.reshape(len(r), -1) / 127.5 - 1
                                                       for r in (REAL, FAKE))  # fmt: skip
    assert width == pytest.approx(kernel.median_bandwidth(x[::2], x[1::2]), rel=1e-5)
    assert found.scores["mmd"] == kernel.mmd(x, y, kernel.gaussian(width))
    halves = x[np.random.default_rng(0).permutation(61)[:60]]
    baseline = kernel.mmd(halves[30:], halves[:30], kernel.gaussian(width))
    assert found.baselines["mmd"] == pytest.approx(baseline, abs=1e-12)
    assert not any(field.startswith("baseline_") for field in found.protocol)
    given = evaluation.compare(REAL, FAKE, Pixels(), ("mmd",), {"mmd": {"bandwidth": width}})
    assert given == found
    with pytest.raises(ValueError, match="bandwidth is 0"):
        evaluation.compare(REAL, FAKE, Pixels(), ("mmd",), {"mmd": {"bandwidth": 0}})


def test_a_runs_protocol_says_what_was_used_and_what_was_trained_on():
    rows = RNG.integers(0, 256, (200, 4, 4, 1), np.uint8)
    judged = subject(FAKE, from_arrays(rows, validation=20, test=60))
    source = judged.source.read("train")["image"]
    found = Fidelity(Pixels(), 40, 2, scores=("kid", "mmd", "authenticity"))(judged)
    assert found.protocol["kid_size"] == 40 and found.protocol["mmd_bandwidth"] > 0
    assert found.protocol["train"] == len(source) == 120
    assert found.protocol["train_sha256"] == SampleSet(source, None).sha256
    assert "baseline" not in found.protocol and "baseline_kid_size" not in found.protocol


def test_a_baseline_of_fewer_images_than_there_are_samples_is_told():
    few = from_arrays(RNG.integers(0, 256, (110, 4, 4, 1), np.uint8), validation=20, test=60)
    found = Fidelity(Pixels(), 40, 1, scores=("fd", "kid"))(subject(FAKE, few))
    assert found.protocol["baseline"] == "30 training images, fewer than the samples"
    assert found.protocol["baseline_kid_size"] == 30 and found.protocol["kid_size"] == 40
    assert found.baselines.keys() == {"fd", "kid", "kid_std"}


def test_what_makes_a_score_doubtful_is_said_beside_it():
    found = evaluation.compare(REAL, FAKE, Pixels(), ("fd",)).cautions
    assert len(found) == 2 and "50 samples, fewer than 1,000" in found[0]
    assert "50 samples against 61 real images" in found[1]
    few = evaluation.compare(REAL[:15], FAKE[:15], Pixels()).cautions
    assert any("fewer samples (15) than the features have dimensions (16)" in one for one in few)
    rows = RNG.normal(size=(2, 1000, 3))
    assert evaluation.compare(*rows).cautions == ()
    source = from_arrays(RNG.integers(0, 256, (200, 4, 4, 1), np.uint8), validation=20, test=60)
    run = Fidelity(Pixels(), 40, 1, scores=("fd",))(subject(FAKE, source))
    assert "40 samples against 60 real images" in run.cautions[1]
    assert cautions.of_files("jpg, png")[0].startswith("the samples are lossy files (jpg)")
    assert cautions.of_files("png") == ()
