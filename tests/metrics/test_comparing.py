"""Comparisons by name: what they ask for, what they are refused, and that they are the metrics."""

import inspect
import pkgutil

import numpy as np
import pytest

from genlab import evaluation, metrics
from genlab.config import ConfigError
from genlab.evaluation import accuracy
from genlab.evaluation import scores as named
from genlab.evaluation.comparison import Comparisons
from genlab.evaluation.sample_set import BATCH, SampleSet, needs
from genlab.features import FeatureSpace, Pixels
from genlab.metrics import (
    bins,
    class_scores,
    curves,
    frechet,
    image,
    kernel,
    neighbours,
    transport,
    two_sample,
    vendi,
)
from genlab.nets import mlp

RNG = np.random.default_rng(0)
REAL, FAKE, TRAIN = (RNG.integers(0, 256, (n, 4, 4, 1), np.uint8) for n in (60, 50, 70))
LABELS = np.arange(60) % 2, np.arange(50) % 2


def outside(real, fake, times=2.0):
    """A comparison of one's own."""
    return {"gap": times * abs(real.features.mean() - fake.features.mean())}


@needs("logits", "train")
def wanting(real, fake):
    """One that asks for much."""
    raise AssertionError("it is refused before it is called")


def classifier(images):
    features = images.reshape(len(images), -1) / 255
    return {"features": features, "logits": features[:, :3], "spatial": images[:, :2] / 255}


SPACE = FeatureSpace(classifier, {"features": "three"})


def test_three_lines_are_enough():
    """Arrays in, float out; no config, no run, no state."""
    a, b = RNG.normal(size=(100, 3)), RNG.normal(size=(100, 3)) + 1
    assert metrics.frechet_distance(a, a) < 1e-12 < metrics.frechet_distance(a, b)
    found = evaluation.compare(a, b, scores=("fd", "kid"))
    assert found.scores["fd"] == metrics.frechet_distance(a, b)
    assert found.protocol["samples"] == found.protocol["real"] == 100


@pytest.mark.parametrize("package", [evaluation, metrics])
def test_every_public_name_resolves_whatever_was_imported_before(package):
    for name in package.__all__:
        assert getattr(package, name).__name__.rpartition(".")[2] == name


@pytest.mark.parametrize("package", [evaluation, metrics])
def test_no_public_name_is_that_of_a_module(package):
    """Else `genlab.metrics.x` would be the function or the module, as imports fell out before."""
    modules = {found.name for found in pkgutil.iter_modules(package.__path__)}
    assert not modules & set(package.__all__)


BIG = {n: RNG.integers(0, 256, (n, 16, 16, 1), np.uint8) for n in (30, 24, 36)}
TRUNK = mlp.Down((4,))
FEW = {
    "fd_infinity": {"smallest": 10, "points": 3},
    "kid": {"subsets": 3, "size": 10},
    "ndb": {"bins": 4},
    "prd": {"runs": 1, "clusters": 3},
    "ms_ssim_pairs": {"scales": 1, "window": 7, "pairs": 3},
    "lpips_pairs": {"distance": lambda x, y: np.abs(x / 255 - y / 255).mean((1, 2, 3)), "pairs": 3},
    "classification_accuracy": {"trunk": TRUNK, "steps": 2, "batch_size": 8},
    "sample_accuracy": {"trunk": TRUNK, "steps": 2, "batch_size": 8},
}
PUBLIC = [name for name, value in vars(named).items()
          if inspect.isfunction(value) and not name.startswith("_")]  # fmt: skip


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_comparison_runs_by_name_on_sets_of_unlike_size(name):
    """Of a space with all taps, with labels and with what the model was trained on."""
    real, fake, train = BIG.values()
    labels = {f"{side}_labels": np.arange(n) % 2
              for side, n in (("real", 30), ("fake", 24), ("train", 36))}  # fmt: skip
    settings = {key: value for key, value in FEW.items() if key == name}
    found = evaluation.compare(real, fake, SPACE, (name,), settings, train=train, **labels)
    assert found.scores and found.scores.keys() == found.baselines.keys()
    assert all(np.isfinite([*found.scores.values(), *found.baselines.values()]))
    assert not set(FEW) - set(PUBLIC)


def test_scores_of_each_class_are_by_its_name(monkeypatch):
    """Of labels without a name by their number; a score that keeps none has no table."""
    x, y, classes = RNG.normal(size=(60, 3)), RNG.normal(size=(40, 3)), np.arange(60) % 2
    y[classes[:40] == 1] += 9
    told = {"real_labels": classes, "fake_labels": classes[:40], "label_names": ("bag", "hat")}
    found = evaluation.compare(x, y, scores=("class_fd", "fd"), **told)
    made = found.tables["class"]
    bag, hat = (made["samples"][name]["class_fd"] for name in ("bag", "hat"))
    for label, value in enumerate((bag, hat)):
        rows = x[classes == label], y[classes[:40] == label]
        assert value == pytest.approx(frechet.frechet_distance(*rows), rel=1e-9)
    assert hat > 10 * bag and (bag + hat) / 2 == pytest.approx(found.scores["class_fd"])
    real = [made["real data"][name]["class_fd"] for name in ("bag", "hat")]
    assert np.mean(real) == pytest.approx(found.baselines["class_fd"])
    unnamed = evaluation.compare(x, y, scores=("class_fd",), **{**told, "label_names": ()})
    assert [*unnamed.tables["class"]["samples"]] == ["0", "1"]
    assert not evaluation.compare(x, y, scores=("fd",)).tables


def test_the_larger_set_is_cut_to_rows_from_all_over_it():
    """Of a sorted set its first rows would be its first classes."""
    x, y = np.repeat([0.0, 100.0], 50)[:, None], np.repeat([0.0, 100.0], 10)[:, None]
    for real, fake in ((x, y), (y, x)):
        found = evaluation.compare(real, fake, scores=("wasserstein",)).scores["wasserstein"]
        assert found < 50  # the first 20 rows are all 0: they would be 50 away
    a, b = (RNG.normal(size=(n, 3)) for n in (7, 7))
    same = evaluation.compare(a, b, scores=("wasserstein",)).scores["wasserstein"]
    assert same == transport.wasserstein(a, b)


def test_samples_are_classified_by_what_the_model_was_trained_on_where_that_is_known(monkeypatch):
    """Else by the real side; the baseline: real images it was not trained on."""
    asked = []

    def noted(images, labels, others, their_labels, *_):
        assert len(images) == len(labels) and len(others) == len(their_labels)
        asked.append((len(images), len(others)))
        return 0.5

    monkeypatch.setattr(accuracy, "classification_accuracy", noted)
    labels = {"real_labels": LABELS[0], "fake_labels": LABELS[1]}
    sides = (REAL, FAKE, SPACE, ("sample_accuracy",), {"sample_accuracy": {"trunk": TRUNK}})
    alone = evaluation.compare(*sides, **labels)
    known = evaluation.compare(*sides, **labels, train=TRAIN, train_labels=np.arange(70) % 2)
    assert asked == [(60, 50), (30, 30), (70, 50), (70, 30)]
    assert known.protocol["train"] == 70 and "train" not in alone.protocol
    assert known.scores == known.baselines == {"sample_accuracy": 0.5}
    with pytest.raises(ConfigError, match="needs 'known_train': the images that the model was tr"):
        evaluation.compare(*sides, **labels, train=TRAIN)


def cut(rows, count):
    return rows[np.sort(np.random.default_rng(0).permutation(len(rows))[:count])]


# Dimmer samples than data, of other counts and shares of the classes, half of the training images
# nearly among them: each comparison's arguments in another order are another number.
DIM = BIG[24] // 2 + 40
TAUGHT = np.concatenate([BIG[36][:18], DIM[:18] + 1])
CLASSES = {30: np.arange(30) % 2, 24: (np.arange(24) % 3 > 0).astype(int), 36: np.arange(36) % 2}
X, Y, T = (classifier(images)["features"] for images in (BIG[30], DIM, TAUGHT))
SPATIAL = [(images[:, :2] / 255).reshape(len(images), -1) for images in (BIG[30], DIM)]


def similarity(a, b):
    return image.ms_ssim(a, b, 255, 1, 7).values


def taught(a, a_labels, b, b_labels, *settings):
    """Instead of a classifier: a number that no exchange of arguments leaves as it is."""
    assert settings == (TRUNK, 2, 8, 0)
    return float(a.mean() + 2 * a_labels.mean() + 3 * b.mean() + 5 * b_labels.mean())


METRICS = {
    "fd": lambda: frechet.frechet_distance(X, Y),
    "fd_infinity": lambda: frechet.fd_infinity(X, Y, 10, 3).value,
    "class_fd": lambda: frechet.class_frechet(X, CLASSES[30], Y, CLASSES[24])[0],
    "sfd": lambda: frechet.frechet_distance(*SPATIAL),
    "kid": lambda: kernel.kernel_distance(X, Y, 3, 10, 2020),
    "inception_score": lambda: class_scores.inception_score(Y[:, :3], 10, 2020),
    "precision_recall": lambda: neighbours.precision_recall(X, Y, 3),
    "density_coverage": lambda: neighbours.density_coverage(X, Y, 5),
    "memorisation": lambda: neighbours.memorisation(T, X, Y)[:2],
    "authenticity": lambda: neighbours.authenticity(T, Y),
    "prd": lambda: curves.f_beta(curves.prd(cut(X, 24), Y, 3, 1001, 1, 0)),
    "ndb": lambda: bins.ndb(X, Y, 4)[:2],
    "vendi": lambda: vendi.vendi_from_features(Y),
    "mmd": lambda: kernel.mmd(X, Y, kernel.gaussian(
        float(f"{kernel.median_bandwidth(X[::2], X[1::2]):.6g}"))),
    "neighbour_test": lambda: two_sample.nearest_neighbour_test(cut(X, 24), Y)[:3],
    "sliced_wasserstein": lambda: transport.sliced_wasserstein(
        X, Y, transport.directions(256, 512, 0), 1.0),
    "wasserstein": lambda: transport.wasserstein(cut(X, 24), Y, 1.0),
    "swd": lambda: (lambda found: (found.mean, *found.levels))(
        transport.image_sliced_wasserstein(cut(BIG[30], 24), DIM, 0)),
    "ms_ssim_pairs": lambda: image.diversity(DIM, similarity, CLASSES[24], 3, 0).similarity,
    "lpips_pairs": lambda: image.diversity(
        DIM, FEW["lpips_pairs"]["distance"], CLASSES[24], 3, 0).similarity,
    "classification_accuracy": lambda: taught(
        DIM, CLASSES[24], BIG[30], CLASSES[30], TRUNK, 2, 8, 0),
    "sample_accuracy": lambda: taught(TAUGHT, CLASSES[36], DIM, CLASSES[24], TRUNK, 2, 8, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLIC)
def test_every_comparison_by_name_is_its_metric(name, monkeypatch):
    """Of both sides the right way round, to the bit."""
    monkeypatch.setattr(accuracy, "classification_accuracy", taught)
    sides = SampleSet(BIG[30], SPACE, CLASSES[30]), SampleSet(DIM, SPACE, CLASSES[24])
    for side in sides:
        side.keep = "features", "logits", "spatial"
    sides[0].train = SampleSet(TAUGHT, SPACE, CLASSES[36])
    found = getattr(named, name)(*sides, **FEW.get(name, {}))
    assert tuple(found.values()) == tuple(np.atleast_1d(METRICS[name]()))
    assert all(np.isfinite([*found.values()])) and METRICS.keys() == set(PUBLIC)


def test_noise_against_noise_scores_like_its_baseline_and_a_shift_does_not():
    moved = np.clip(FAKE.astype(int) + 120, 0, 255).astype(np.uint8)
    scores = ("fd", "sliced_wasserstein", "neighbour_test")
    same, other = (evaluation.compare(REAL, made, SPACE, scores) for made in (FAKE, moved))
    for name in ("fd", "sliced_wasserstein"):
        assert same.scores[name] < 2 * same.baselines[name] < other.scores[name]
    assert other.scores["nn_accuracy"] > 0.8 > same.scores["nn_accuracy"] + 0.1


def test_the_baseline_of_what_asks_for_training_images_shows_it_no_copies():
    found = evaluation.compare(REAL, TRAIN[:50], SPACE, ("memorisation",), train=TRAIN)
    assert found.scores["copies"] == 1 and found.baselines["copies"] < 0.2


def test_images_go_through_the_network_once_a_batch_at_a_time():
    calls, passed = [], []

    def counted(images):
        calls.append(len(images))
        return classifier(images)

    many = np.zeros((BATCH + 3, 2, 2, 1), np.uint8)
    side = SampleSet(
        many, FeatureSpace(counted, {}), keep=("features", "logits"), seen=passed.append
    )
    assert side.features.shape == (BATCH + 3, 4) and side.taps["logits"].shape == (BATCH + 3, 3)
    half = side.rows(np.arange(5))
    assert half.features.shape == (5, 4) and len(half.pictures) == 5
    assert side.moments.count == BATCH + 3
    assert calls == passed == [BATCH, 3] and set(side.taps) == {"features", "logits"}


def test_a_part_of_a_side_that_was_not_computed_computes_only_that():
    calls = []
    space = FeatureSpace(lambda x: calls.append(len(x)) or classifier(x), {})
    part = SampleSet(REAL, space, LABELS[0]).rows(slice(10, 15))
    assert np.array_equal(part.features, classifier(REAL[10:15])["features"]) and calls == [5]
    assert np.array_equal(part.labels, LABELS[0][10:15])


@pytest.mark.parametrize(
    ("scores", "told"),
    [
        (
            ("inception_score",),
            "'inception_score' needs 'logits': the feature space 'pixels' gives",
        ),
        (("sfd",), "needs 'spatial'"),
        (("fd", "class_fd"), "'class_fd' needs 'labels': the real images have no labels"),
        (("memorisation",), "not known which images the model was trained on"),
        ((f"{__name__}:wanting",), "'wanting' needs 'logits'"),
    ],
)
def test_what_cannot_be_had_is_refused_with_the_reason_before_anything_is_computed(
    scores, told, monkeypatch
):
    monkeypatch.setattr(named, "fd", lambda real, fake: pytest.fail("computed"))
    with pytest.raises(ConfigError, match=told):
        evaluation.compare(REAL, FAKE, Pixels(), scores)


@pytest.mark.parametrize(
    ("scores", "settings", "told"),
    [
        (("fdd",), {}, r"no 'fdd'; did you mean 'fd'"),
        (("kid",), {"kidd": {}}, "settings of 'kidd'.*did you mean 'kid'"),
        (("kid",), {"kid": {"subset": 3}}, "no setting 'subset'; did you mean 'subsets'"),
        (("fd",), {"fd": {"k": 3}}, "no setting 'k'; it has none"),
        (("fd", "fd"), {}, "name each once"),
        ((), {}, "scores are none"),
        (("classification_accuracy",), {}, "needs the setting 'trunk'"),
    ],
)
def test_misspelt_scores_and_settings_are_told(scores, settings, told):
    with pytest.raises(ConfigError, match=told):
        Comparisons.of(scores, settings)


def test_a_comparison_of_ones_own_by_path():
    found = evaluation.compare(
        REAL, FAKE, SPACE, ("fd", f"{__name__}:outside"), {"outside": {"times": 3.0}}
    )
    assert found.scores["gap"] > 0 and found.protocol["outside_times"] == 3.0


def test_two_comparisons_may_not_give_one_score():
    with pytest.raises(ConfigError, match="'twin' gives 'fd', as another score does"):
        evaluation.compare(REAL, FAKE, SPACE, ("fd", f"{__name__}:twin"))


def twin(real, fake):
    """Calls its score what another is called."""
    return {"fd": 0.0}


def test_features_may_be_a_function():
    def means(images):
        return images.reshape(len(images), -1).mean(axis=1, keepdims=True)

    found = evaluation.compare(REAL, FAKE, means)
    assert found.protocol["features"] == "means" and found.scores["fd"] >= 0
    with pytest.raises(ConfigError, match="features=None takes features"):
        evaluation.compare(REAL, FAKE)
