"""Evaluators on models whose quality is known: one that resamples the test split, one that copies,
one that collapsed.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny
from helpers.shared import Table, subject
from jax import random
from scipy.stats import multivariate_normal

from genlab import config as config_lib
from genlab import game
from genlab.config import ConfigError, build, spec
from genlab.data import digits, ring
from genlab.evaluation import accuracy
from genlab.evaluation.evaluators import (
    Annealed,
    Bound,
    EvaluationContext,
    Fidelity,
    Modes,
    PathLength,
    Reconstruction,
)
from genlab.features import Domain, Pixels
from genlab.features import trained as features
from genlab.losses.divergence import gaussian_log_prob
from genlab.methods import GAN
from genlab.metrics.bound import importance_weighted
from genlab.metrics.frechet import frechet_distance
from genlab.metrics.neighbours import density_coverage, memorisation, precision_recall
from genlab.metrics.path_length import Squared
from genlab.metrics.perceptual import Lpips
from genlab.nets import Discriminator, Generator, mlp
from genlab.nets.layers import in_float32
from genlab.sampling.sampler import as_batch

DOMAIN = Domain(mlp.Down((64, 32), "relu"), steps=300)


@pytest.fixture(scope="module")
def data():
    return digits()


@pytest.fixture(scope="module")
def outcomes(data):
    rng = np.random.default_rng(0)
    made = {
        "real": data.read("validation")["image"],
        "copies": data.read("train")["image"],
        "collapsed": np.repeat(data.read("validation")["image"][:1], 300, 0),
        "noise": rng.integers(0, 256, (300, 8, 8, 1), np.uint8),
    }
    judge = Fidelity(DOMAIN, samples=300, draws=3)
    return {name: judge(subject(rows, data)) for name, rows in made.items()}


def test_real_images_score_like_the_baseline(outcomes):
    """Validation images as samples: as good as real data can look, up to the classifier's memory of
    its train split.
    """
    real = outcomes["real"]
    assert real.scores["fd"] < 3 * real.baselines["fd"] < 0.05 * outcomes["noise"].scores["fd"]
    for name in ("precision", "recall", "coverage"):
        assert real.scores[name] > 0.85 and real.baselines[name] > 0.85
    assert abs(real.scores["nearer"] - 0.5) < 0.1 and real.scores["copies"] < 0.05


def test_scores_are_means_over_draws_and_splits_share_none(data):
    """Each draw is of other latents, so the mean over draws is steadier than one of them."""

    @dataclasses.dataclass(frozen=True)
    class Noise:
        makes = "image"
        given = ()

        def latents(self, key, n):
            return random.normal(key, (n, 64))

        def generate(self, params, stats, z, cond=None):
            return jnp.tanh(z).reshape(-1, 8, 8, 1)

    judged = EvaluationContext({}, Noise(), data, {}, {}, "test", random.key(0))
    a, b = (judged.samples(10, draw) for draw in (0, 1))
    assert not np.array_equal(a, b) and np.array_equal(a, judged.samples(10, 0))
    one, three = (Fidelity(Pixels(), 100, draws)(judged) for draws in (1, 3))
    assert one.scores["fd"] != three.scores["fd"] and three.protocol["draws"] == 3
    with pytest.raises(ConfigError, match="give at least 1 x 7"):
        Fidelity(Pixels(), samples=3)


def test_every_score_has_its_baseline(outcomes):
    for outcome in outcomes.values():
        assert set(outcome.scores) == set(outcome.baselines)
        assert abs(outcome.baselines["nearer"] - 0.5) < 0.1 and outcome.baselines["copies"] < 0.06


def test_copies_collapse_and_noise_are_seen_for_what_they_are(outcomes):
    assert outcomes["copies"].scores["copies"] > 0.95 and outcomes["copies"].scores["nearer"] > 0.55
    assert (
        outcomes["collapsed"].scores["recall"] < 0.05
        and outcomes["collapsed"].scores["coverage"] < 0.1
    )
    assert outcomes["noise"].scores["precision"] < 0.2
    assert outcomes["collapsed"].scores["fd"] > 20 * outcomes["real"].baselines["fd"]


def test_the_protocol_names_the_feature_network_and_the_counts(outcomes):
    told = outcomes["real"].protocol
    assert told["features"] == "domain" and len(told["features_sha256"]) == 64
    assert told["features_accuracy"] > 0.9 and told["samples"] == 300 and told["real"] == 500
    assert outcomes["real"].pictures["nearest"].dtype == np.uint8


def test_the_feature_network_is_trained_once_and_comes_back_the_same(data, outcomes):
    """From the cache on disk, as another process would find it."""

    def trained():
        return {f: f.stat().st_mtime_ns for f in features.cache().rglob("metrics.jsonl")}

    config, before = {"data": config_lib.as_dict(spec(digits))}, trained()
    again = DOMAIN.space(config, data)
    assert before and trained() == before
    assert again.protocol["features_sha256"] == outcomes["real"].protocol["features_sha256"]


def test_fidelity_in_pixels_needs_no_labels(data):
    outcome = Fidelity(Pixels(), samples=300, draws=2)(
        subject(data.read("validation")["image"], data)
    )
    assert outcome.protocol["features"] == "pixels" and outcome.scores["fd"] < 2


def test_the_default_scores_of_fidelity_are_the_metrics_themselves(data):
    """To the bit, in the order and under the protocol of older runs: rows of both stand in one
    table.
    """
    made = np.random.default_rng(0).integers(0, 256, (90, 8, 8, 1), np.uint8)
    judged = subject(made, data)
    found = Fidelity(Pixels(), samples=50, draws=2)(judged)
    extract = Pixels().space({}, data).extract
    real, train = extract(judged.real["image"]), extract(data.read("train")["image"])
    fakes = [extract(judged.samples(50, draw)) for draw in range(2)]
    beside = train[np.random.default_rng(0).permutation(len(train))[:50]]

    def each(fake):
        copies = memorisation(train, real, fake)
        return [
            frechet_distance(real, fake), *precision_recall(real, fake, 3),
            *density_coverage(real, fake, 5), copies.nearer, copies.copies,
        ]  # fmt: skip

    unseen = memorisation(train, real[250:], real[:250])
    assert list(found.scores.values()) == np.mean([each(fake) for fake in fakes], axis=0).tolist()
    assert list(found.baselines.values()) == [*each(beside)[:5], unseen.nearer, unseen.copies]
    names = ["fd", "precision", "recall", "density", "coverage", "nearer", "copies"]
    assert list(found.scores) == list(found.baselines) == names
    told = {"features": "pixels", "samples": 50, "draws": 2, "real": 500}
    assert found.protocol == told | {"k_precision": 3, "k_density": 5}


def test_a_config_chooses_the_scores_and_their_settings(data):
    config = spec(
        Fidelity, spec(Pixels), samples=60, draws=2, scores=("kid", "precision_recall"),
        settings={"kid": {"size": 30}}, k_precision=4,
    )  # fmt: skip
    found = build(config)(subject(data.read("validation")["image"], data))
    assert list(found.scores) == list(found.baselines) == ["kid", "kid_std", "precision", "recall"]
    assert found.protocol["kid_size"] == 30 and found.protocol["k_precision"] == 4
    assert "k_density" not in found.protocol and not found.pictures


def test_old_paths_of_the_evaluators_resolve():
    names = (
        "Annealed",
        "Bound",
        "Fidelity",
        "Modes",
        "EvaluationResult",
        "PathLength",
        "Reconstruction",
    )
    for name in (*names, "EvaluationContext"):
        assert config_lib.resolve(f"genlab.evaluation.evaluators:{name}").__name__ == name


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"scores": ("fid",)}, "no 'fid'; did you mean 'fd'"),
        ({"settings": {"kid": {}}}, "settings of 'kid', which is none of the scores"),
        ({"settings": {"density_coverage": {"k": 3}}}, "are k_precision and k_density"),
    ],
)
def test_scores_that_there_are_not_are_told_when_the_config_is_built(fields, told):
    with pytest.raises(ConfigError, match=told):
        Fidelity(Pixels(), **fields)


def test_a_conditional_models_labels_are_those_it_was_asked_for(data):
    images = data.read("train")
    rows = np.stack([images["image"][images["label"] == k][0] for k in range(10)])

    @dataclasses.dataclass(frozen=True)
    class PerLabel(Table):
        given: tuple = ("label",)

        def generate(self, params, stats, z, cond=None):
            return jnp.asarray(self.rows)[cond["label"].argmax(-1)]

    judged = dataclasses.replace(subject(rows, data), method=PerLabel(np.float32(rows / 127.5 - 1)))
    labels = judged.labels(40)
    assert np.array_equal(labels, data.read("test")["label"][:40])
    assert np.array_equal(judged.samples(40), rows[labels])
    assert subject(rows, data).labels(5) is None
    found = Fidelity(Pixels(), samples=500, draws=1, scores=("class_fd",))(judged)
    assert found.scores["class_fd"] > found.baselines["class_fd"]
    assert [*found.tables["class"]["samples"]] == [str(digit) for digit in range(10)]
    with pytest.raises(ConfigError, match="'class_fd' needs 'labels': the samples have no labels"):
        Fidelity(Pixels(), scores=("class_fd",))(subject(rows, data))


def test_a_run_knows_what_its_model_was_trained_on(data, monkeypatch):
    """Its samples are classified by the train split, and the baseline is half the held-out one."""
    asked = []

    def noted(images, labels, others, *_):
        assert np.array_equal(images, data.read("train")["image"])
        asked.append(others)
        return 0.5

    monkeypatch.setattr(accuracy, "classification_accuracy", noted)
    rows = data.read("validation")["image"]
    method = dataclasses.replace(Table(np.float32(rows / 127.5 - 1)), given=("label",))
    judged = dataclasses.replace(subject(rows, data), method=method)
    told = {"sample_accuracy": {"trunk": mlp.Down((4,))}}
    found = Fidelity(Pixels(), 100, 1, scores=("sample_accuracy",), settings=told)(judged)
    assert np.array_equal(asked[0], rows[:100]) and found.scores == found.baselines
    assert np.array_equal(asked[1], judged.real["image"][:250])
    assert not found.pictures and "Down" in found.protocol["sample_accuracy_trunk"]


def test_modes_of_a_perfect_and_of_a_collapsed_sampler():
    source = ring(8, 1.0, 0.05)
    perfect = Modes()(subject(source.read("train", 2500)["image"], source))
    assert perfect.scores["modes"] == 8
    assert perfect.scores["high_quality"] == pytest.approx(0.98889, abs=0.01)
    assert perfect.scores["reverse_kl"] < 0.01 and perfect.baselines["modes"] == 8
    collapsed = Modes()(subject(np.repeat(source.means[:1], 100, 0), source))
    assert collapsed.scores == {
        "modes": 1,
        "high_quality": 1,
        "reverse_kl": pytest.approx(np.log(8)),
    }


def test_bound_and_reconstruction_of_a_vae(data):
    method = build(tiny.vae().method)
    params, stats = jax.jit(method.init)(random.key(0), {"image": jnp.zeros((2, 8, 8, 1))})
    judged = EvaluationContext({}, method, data, params, stats, "validation", random.key(0))
    few, many = (Bound(draws)(judged).scores for draws in (2, 50))
    assert few["iwae"] < many["iwae"] and abs(few["elbo"] - many["elbo"]) < 0.5
    scores = Reconstruction()(judged).scores
    assert scores["psnr"] == pytest.approx(
        -10 * np.log10(scores["mse"]), abs=1.0
    )  # mean of logs, log of mean
    assert 0 < scores["ssim"] < 1


@dataclasses.dataclass(frozen=True)
class Gaussian:
    """x ~ N(W z, s^2 I), z ~ N(0, I): log p(x) is that of N(0, W W^T + s^2 I)."""

    w: np.ndarray
    noise: float = 0.5
    makes: str = "image"
    given: tuple = ()

    def latents(self, key, n):
        return random.normal(key, (n, self.w.shape[1]))

    def generate(self, params, stats, z, cond=None):
        return (z @ jnp.float32(self.w).T).reshape(-1, 8, 8, 1)

    def log_likelihood(self, params, stats, x, z, cond=None):
        log_variance = 2 * jnp.log(self.noise) * jnp.ones(())
        return gaussian_log_prob(
            x.reshape(len(x), -1) - z @ jnp.float32(self.w).T, 0.0, log_variance
        )


def linear(scale):
    return scale * np.random.default_rng(0).normal(size=(64, 2))


def test_annealed_finds_the_likelihood_of_a_linear_decoder(data):
    method = Gaussian(linear(0.3))
    judged = dataclasses.replace(subject(np.zeros((4, 8, 8, 1)), data), method=method)
    found = Annealed(images=20, temperatures=150, chains=4, leapfrog=4)(judged)
    law = multivariate_normal(np.zeros(64), method.w @ method.w.T + 0.25 * np.eye(64))
    which = np.random.default_rng(0).permutation(500)[:20]
    exact = law.logpdf((judged.real["image"][which] / 127.5 - 1).reshape(20, -1))
    np.testing.assert_allclose(found.each["ais"], exact, atol=1.5)
    assert abs(found.scores["ais"] - exact.mean()) < 0.2 and 1 <= found.scores["ais_effective"] <= 4
    assert found.protocol == {
        "images": 20, "temperatures": 150, "chains": 4, "leapfrog": 4, "step_size": 0.5
    }  # fmt: skip


def test_a_vaes_hook_is_the_likelihood_in_its_weights(data):
    """log w = log p(x | z) + log p(z) - log q(z | x), with the z that the key draws."""
    method = build(tiny.vae(given=("label",)).method)
    x, cond = as_batch(data.read("test", 6), method, data)

    @jax.jit
    def both(key):
        params, stats = method.init(random.key(0), {"image": x, **cond})
        (mean, log_variance), _ = game.apply(
            method.encoder, "encoder", params, stats, x, cond, train=False
        )
        z = mean + jnp.exp(log_variance / 2) * random.normal(key, mean.shape)
        prior, posterior = gaussian_log_prob(z), gaussian_log_prob(z, mean, log_variance)
        found = method.log_likelihood(params, stats, x, z, cond) + prior - posterior
        return method.log_weight(params, stats, x, key, cond), found

    np.testing.assert_allclose(*both(random.key(1)), rtol=1e-5, atol=1e-4)


@pytest.mark.slow  # `test_annealing.py` has the chains by themselves
def test_annealed_closes_the_gap_that_an_untrained_encoder_leaves(data):
    method = build(tiny.vae(given=("label",)).method)
    x, cond = as_batch(data.read("test", 2), method, data)
    params, stats = jax.jit(method.init)(random.key(0), {"image": x, **cond})
    judged = EvaluationContext({}, method, data, params, stats, "test", random.key(0))
    found = Annealed(images=8, temperatures=30, chains=2, leapfrog=3)(judged)
    which = np.random.default_rng(0).permutation(500)[:8]
    images, labels = as_batch({k: v[which] for k, v in judged.real.items()}, method, data)
    log_weight = lambda key: method.log_weight(params, stats, images, key, labels)  # noqa: E731
    _, iwae = jax.jit(lambda key: importance_weighted(log_weight, key, 2))(random.key(0))
    assert found.each["ais"].shape == (8,) and found.scores["ais"] > float(iwae.mean())


def test_path_length_of_a_linear_generator_is_2_w_squared(data):
    """Of unrounded images: 256 levels swallow a step of 1e-4, and the answer would be 0."""
    method = Gaussian(linear(0.02))
    judged = dataclasses.replace(subject(np.zeros((4, 8, 8, 1)), data), method=method)
    found = PathLength(Squared(), 4000, space="w")(judged)
    assert found.scores["ppl"] == pytest.approx(2 * (method.w**2).sum(), rel=0.08)
    assert not found.baselines
    assert found.protocol == {
        "distance": "squared, of pixels", "samples": 4000, "epsilon": 1e-4, "space": "w",
        "sampling": "full", "percentiles": "1 to 99",
    }  # fmt: skip


def test_path_length_is_of_the_network_in_float32_and_of_one_label(data):
    """A bfloat16 generator takes steps of its rounding: hundreds of times the length."""
    generator = spec(Generator, spec(mlp.Up, (8, 8, 1), (16,), dtype="bfloat16"))
    critic = spec(Discriminator, spec(mlp.Down, (16,)))
    half = build(spec(GAN, generator, critic, latent=4, given=("label",)))
    whole = dataclasses.replace(half, generator=in_float32(half.generator))
    batch = {"image": jnp.zeros((2, 8, 8, 1)), "label": jnp.eye(10)[jnp.zeros(2, jnp.int32)]}
    params, stats = jax.jit(half.init)(random.key(0), batch)
    lengths = [
        PathLength(Squared(), 40)(
            EvaluationContext({}, m, data, params, stats, "test", random.key(0))
        ).scores
        for m in (half, whole)
    ]
    assert lengths[0] == lengths[1] and lengths[0]["ppl"] > 0


def test_lpips_of_reconstructions_where_it_is_given(data):
    class Constant(Lpips):
        def __call__(self, x, y):
            assert x.dtype == y.dtype == np.uint8
            return np.abs(x / 255 - y / 255).mean((1, 2, 3))

        protocol = {"distance": "constant"}  # noqa: RUF012

    @dataclasses.dataclass(frozen=True)
    class Darker(Table):
        def reconstruct(self, params, stats, x, cond=None):
            return (x + 1) / 2 - 1

    judged = dataclasses.replace(subject(np.zeros((4, 8, 8, 1)), data), method=Darker(np.zeros(1)))
    plain, found = Reconstruction()(judged), Reconstruction(lpips=Constant("alex", "", ""))(judged)
    assert plain.protocol == {"real": 500, "window": 7} and "lpips" not in plain.scores
    assert found.protocol == {**plain.protocol, "distance": "constant"}
    assert found.scores.items() > plain.scores.items()
    np.testing.assert_allclose(found.scores["lpips"], found.each["lpips"].mean(), rtol=1e-6)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (dict(space="x"), r"space='x'.*\['z', 'w'\]"),
        (dict(samples=0), "samples=0"),
        (dict(epsilon=0.0), "epsilon=0.0"),
    ],
)
def test_paths_that_there_are_not_are_told_when_the_config_is_built(fields, told):
    with pytest.raises(ConfigError, match=told):
        PathLength(Squared(), **fields)
    with pytest.raises(ConfigError, match="2 temperatures"):
        Annealed(temperatures=1)


@pytest.mark.parametrize(
    ("evaluator", "told"),
    [
        (Modes(), "known means"),
        (Bound(), "Table has no log_weight"),
        (Annealed(), "Table has no log_likelihood"),
        (PathLength(Squared()), "for images"),
        (Reconstruction(), "Table has no reconstruct"),
        (Fidelity(DOMAIN), "for points use"),
    ],
)
def test_scores_that_make_no_sense_are_refused(evaluator, told, data):
    source = ring() if isinstance(evaluator, Fidelity | PathLength) else data
    with pytest.raises(ConfigError, match=told):
        evaluator(subject(np.zeros((4, *source.columns["image"].shape), np.float32), source))


def test_a_domain_without_labels_is_refused_with_what_to_use():
    from genlab.data import from_arrays

    source = from_arrays(np.zeros((20, 8, 8, 1), np.uint8), test=5)
    with pytest.raises(ConfigError, match=r"use genlab\.features:Pixels"):
        DOMAIN.space({}, source)
