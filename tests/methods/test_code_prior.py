"""The prior over a quantised autoencoder's codes; which weights that has does not matter here."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny
from jax import random

import genlab
from genlab import spec, trained
from genlab.config import ConfigError, build
from genlab.game.abilities import Generates, HasLogWeight, can, require
from genlab.losses import likelihood
from genlab.methods import VQVAE, CodePrior, code_prior
from genlab.nets import autoregressive, mlp, quantise, vqvae

X = np.float32(np.random.default_rng(1).uniform(-1, 1, (3, *tiny.SHAPE)))


def parts():
    """Encoder, a quantiser of two maps of three codes, decoder, likelihood."""
    encoder = spec(vqvae.Rows, spec(mlp.Down, (4,)), 3, 2)
    decoder = spec(vqvae.FromRows, spec(mlp.Up, tiny.SHAPE, (4,)))
    quantiser = spec(quantise.Residual, (spec(quantise.Codebook, 5), spec(quantise.Codebook, 7)))
    return encoder, quantiser, decoder, spec(likelihood.gaussian, 0.5)


def priors():
    net = {"width": 4, "layers": 1, "heads": 1}
    return tuple(spec(autoregressive.Transformer, (3,), size, **net) for size in (5, 7))


@pytest.fixture(scope="module")
def made():
    """(the method, params, stats)."""
    method = build(spec(CodePrior, *parts(), priors(), given=("label",)))
    return method, *tiny.parameters(method.init, {"image": X, "label": jnp.eye(3)}, scale=0.1)


def test_the_loss_is_that_of_each_map_given_the_maps_before_it(made):
    method, params, stats = made
    batch = {"image": X, "label": jnp.eye(3)}
    loss, (_, seen) = jax.jit(method.loss)(params, stats, batch, random.key(7), 0)
    top, bottom = jax.jit(method.quantise)(params, stats, X)
    assert (top.shape, bottom.shape) == ((3, 3), (3, 3))
    label = {"label": np.eye(3, dtype=np.float32)}
    told = np.eye(5, dtype=np.float32)[np.asarray(top)][:, None]  # a picture of one row

    @jax.jit
    def laws(top, bottom, told):
        of = lambda n, *args: method.priors[n].apply({"params": params[f"prior{n}"]}, *args)  # noqa: E731
        both = of(0, top, label), of(1, bottom, {**label, "codes 0": told})
        return jax.tree.map(jax.nn.log_softmax, both)

    log_p = [np.asarray(law) for law in laws(top, bottom, told)]
    picked = [
        np.take_along_axis(law, np.asarray(codes)[..., None], -1).sum((1, 2))
        for law, codes in zip(log_p, (top, bottom), strict=True)
    ]
    for n in (0, 1):
        np.testing.assert_allclose(seen[f"codes{n}"], -picked[n].mean(), rtol=1e-4)
    np.testing.assert_allclose(loss, -sum(picked).mean(), rtol=1e-4)
    bound = jax.jit(method.log_weight)(params, stats, X, random.key(0), {"label": jnp.eye(3)})
    rebuilt = np.asarray(jax.jit(method.reconstruct)(params, stats, X))
    apart = ((rebuilt - X) ** 2).sum((1, 2, 3)) / 0.5 + 64 * np.log(0.5 * np.sqrt(2 * np.pi))
    assert np.abs(rebuilt).max() < 1, "nothing is cut off, so that the mean is theta"
    np.testing.assert_allclose(bound, sum(picked) - apart, rtol=1e-4)


def test_samples_are_decoded_codes_drawn_level_by_level(made):
    method, params, stats = made
    z = method.latents(random.key(3), 3)
    assert z.shape == (3, 3 + 3)
    cond = {"label": jnp.eye(3)}
    top, bottom = jax.jit(method.codes_of)(params, stats, z, cond)
    assert top.max() < 5 and bottom.max() < 7

    @jax.jit
    def decoded(codes):
        q = method.quantiser.apply({"params": params["quantiser"]}, codes, method="lookup")
        return method.decoder.apply({"params": params["decoder"]}, q)

    x = decoded((top, bottom))
    np.testing.assert_allclose(
        jax.jit(method.generate)(params, stats, z, cond), np.clip(x, -1, 1), atol=1e-5
    )
    assert can(method, Generates) and can(method, HasLogWeight)
    assert method.players()["prior"].owns == ("prior0", "prior1")


def test_a_coarse_map_is_repeated_to_the_size_of_the_finer_one():
    x = jnp.arange(8.0).reshape(1, 2, 2, 2)
    wide = code_prior._picture(x, (4, 6))
    np.testing.assert_array_equal(wide, np.asarray(x).repeat(2, axis=1).repeat(3, axis=2))
    with pytest.raises(ConfigError, match="no multiple"):
        code_prior._picture(x, (5, 4))


def test_priors_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match="one prior for each map"):
        build(spec(CodePrior, *parts(), priors()[:1]))
    with pytest.raises(ConfigError, match="temperature=0"):
        build(spec(CodePrior, *parts(), priors(), temperature=0.0))
    *networks, _ = parts()
    loose = build(spec(CodePrior, *networks, spec(likelihood.optimal_gaussian), priors()))
    with pytest.raises(ConfigError, match=r"Bound needs .* best variance of each batch"):
        require(loose, HasLogWeight, "Bound")


@pytest.mark.slow
def test_a_prior_of_a_trained_run_samples_without_its_folder(tmp_path):
    """One with a codebook of averages, whose statistics are frozen with it."""
    quantiser = spec(quantise.Averaged, 5, decay=0.5)
    net, law = {"width": 4, "halvings": 1, "blocks": 0}, spec(likelihood.gaussian, 0.5)
    encoder, decoder = spec(vqvae.Down, 4, **net), spec(vqvae.Up, tiny.SHAPE, **net)
    first = tiny.experiment(spec(VQVAE, encoder, quantiser, decoder, law), ("vae",))
    before = genlab.fit(first, tmp_path / "vq")
    held = [spec(trained, str(tmp_path / "vq"), n) for n in ("encoder", "quantiser", "decoder")]
    prior = spec(autoregressive.Transformer, (4, 4), 5, width=4, layers=1, heads=2)
    second = tiny.experiment(spec(CodePrior, *held, law, (prior,)), ("prior",))
    after = genlab.fit(second, tmp_path / "prior")
    kept = after.stats["quantiser"]["frozen"]["weights"]["codebook"]
    np.testing.assert_array_equal(kept["sums"], before.stats["quantiser"]["codebook"]["sums"])
    (tmp_path / "vq").rename(tmp_path / "gone")
    assert np.asarray(genlab.load(tmp_path / "prior").sample(2)).shape == (2, *tiny.SHAPE)
