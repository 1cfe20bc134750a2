"""VQ-VAE as a game: its loss written out, its codes, its codebook on devices and resumed."""

import jax
import numpy as np
import pytest
from helpers import tiny
from helpers.shared import leaves
from jax import random

import genlab
from genlab.config import ConfigError, build, override, spec
from genlab.data import digits, provenance
from genlab.evaluation.codebook import CodebookUsage, coloured, usage
from genlab.evaluation.context import EvaluationContext
from genlab.game.abilities import Generates, Quantises, can
from genlab.losses import likelihood
from genlab.methods import VQVAE
from genlab.nets import quantise, vqvae
from genlab.train.program import prepare

CODES, D = 6, 3


def config(quantiser=None, **kwargs):
    """A small VQ-VAE of the digits, codes 4x4."""
    net = {"width": 4, "halvings": 1, "blocks": 0}
    method = spec(
        VQVAE,
        spec(vqvae.Down, D, **net),
        quantiser or spec(quantise.Averaged, CODES, restart=1.0),
        spec(vqvae.Up, tiny.SHAPE, **net),
        spec(likelihood.gaussian, 0.5),
    )
    return tiny.experiment(method, ("vae",), **kwargs)


@pytest.fixture(scope="module")
def made():
    """(a method with a codebook by gradient, params, stats, images)."""
    method = build(config(spec(quantise.Codebook, CODES, commitment=0.5)).method)
    x = random.uniform(random.key(1), (6, *tiny.SHAPE), minval=-1.0)
    return method, *tiny.parameters(method.init, {"image": x}), x


def test_the_loss_is_the_distortion_and_the_quantisers_losses(made):
    method, params, stats, x = made
    loss, (_, seen) = jax.jit(method.loss)(params, stats, {"image": x}, random.key(7), 0)

    @jax.jit
    def parts(params):
        apply = lambda net, name, *args: net.apply({"params": params[name]}, *args)  # noqa: E731
        z = apply(method.encoder, "encoder", x)
        found = apply(method.quantiser, "quantiser", z)
        return z, found, apply(method.decoder, "decoder", found.z)

    z, found, theta = parts(params)
    theta = np.float64(theta)
    nll = ((theta - x) ** 2).sum((1, 2, 3)) / (2 * 0.25) + 64 * np.log(0.5 * np.sqrt(2 * np.pi))
    apart = ((np.float64(z) - np.float64(found.z)) ** 2).sum(-1).mean((1, 2))
    np.testing.assert_allclose(seen["distortion"], nll.mean(), rtol=1e-4)
    np.testing.assert_allclose(loss, (nll + 1.5 * apart).mean(), rtol=1e-4)
    p = np.bincount(np.asarray(found.codes[0]).ravel(), minlength=CODES) / found.codes[0].size
    entropy = -(p[p > 0] * np.log(p[p > 0])).sum()
    np.testing.assert_allclose(seen["perplexity"], np.exp(entropy), rtol=1e-5)
    np.testing.assert_allclose(seen["used"], (p > 0).mean(), rtol=1e-6)


def test_codes_are_what_the_reconstruction_is_made_of(made):
    method, params, stats, x = made
    codes = jax.jit(method.quantise)(params, stats, x)
    assert codes[0].shape == (6, 4, 4) and method.codebook_sizes() == (CODES,)
    q = np.asarray(params["quantiser"]["embedding"])[np.asarray(codes[0])]
    encoded = jax.jit(method.encode)(params, stats, x)
    np.testing.assert_allclose(encoded, q.reshape(6, -1), rtol=1e-4, atol=1e-6)
    theta = jax.jit(method.decoder.apply)({"params": params["decoder"]}, q)
    again = jax.jit(method.reconstruct)(params, stats, x)
    np.testing.assert_allclose(again, np.clip(theta, -1, 1), atol=1e-5)
    assert can(method, Quantises) and not can(method, Generates)


def test_usage_is_of_all_codes_of_a_split_and_codes_have_colours(made):
    method, params, stats, _ = made
    source = digits()
    context = EvaluationContext({}, method, source, params, stats, "test", random.key(0))
    found = CodebookUsage(4)(context)
    codes = np.asarray(jax.jit(method.quantise)(params, stats, context.batch[0])[0])
    p = np.bincount(codes.ravel(), minlength=CODES) / codes.size
    entropy = -(p[p > 0] * np.log(p[p > 0])).sum()
    np.testing.assert_allclose(found.scores["used"], (p > 0).mean())
    np.testing.assert_allclose(found.scores["perplexity"], np.exp(entropy), rtol=1e-6)
    drawn = found.pictures["codes"]
    below = coloured(codes[:4], (8, 8))
    assert below.shape == (4, 8, 8, 3) and len(np.unique(below.reshape(-1, 3), axis=0)) == len(
        np.unique(codes[:4])
    )
    assert drawn.shape[1] == 4 * 9 + 1 and drawn.shape[2] == 3
    assert usage(np.array([[0, 0, 1, 1]]), 4) == {
        "codes": 4.0, "used": 0.5, "perplexity": pytest.approx(2.0), "commonest ten": 1.0
    }  # fmt: skip
    assert coloured(np.arange(3)[None], (2, 6)).shape == (1, 2, 6, 3)
    four = coloured(np.arange(4)[None], (4, 4))[0]  # as 2x2
    assert (four[:2, :2] == four[0, 0]).all() and (four[:2, 2:] == four[0, 3]).all()
    assert len(np.unique(four.reshape(-1, 3), axis=0)) == 4


def test_what_does_not_fit_is_refused():
    wrong = config()
    override(wrong, "method.decoder.shape", (8, 8, 2))
    with pytest.raises(ConfigError, match=r"method\.decoder\.shape=\(8, 8, 1\)"):
        prepare(wrong)
    with pytest.raises(ConfigError, match="CodePrior"):
        build(spec(VQVAE, None, None, None, spec(likelihood.gaussian), given=("label",)))
    deep = config()
    override(deep, "method.encoder.halvings", 4)
    with pytest.raises(ConfigError, match="halvings=4"):
        prepare(deep)


@pytest.mark.slow
def test_a_codebook_of_averages_does_not_depend_on_the_devices():
    """Without restarts, which draw; per device too, since nothing else is drawn."""
    states = []
    for devices, placed in ((1, "jit"), (2, "jit"), (2, "pmap")):
        loop = {"devices": devices, "placement": placed}
        training = prepare(config(spec(quantise.Averaged, CODES), loop=loop))
        state, held = training.init(), training.fetch(0, 2)
        program = training.compile(state, held, 2)
        state, _ = program.run(state, held, training.data_key)
        states.append(jax.tree.map(np.asarray, (state.params, state.stats)))
    assert set(states[0][1]["quantiser"]["codebook"]) == {"sums", "counts"}
    for other in states[1:]:
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-5), states[0], other)


@pytest.mark.slow
def test_a_run_trains_draws_reconstructions_and_resumes_bit_for_bit(tmp_path):
    """With restarts, whose draws are a function of the round."""
    loop = {"sample_every": 4, "checkpoint_every": 2}
    whole = genlab.fit(config(loop=loop), tmp_path / "whole")
    genlab.fit(config(loop={**loop, "steps": 2}), tmp_path / "parts")
    resumed = genlab.fit(config(loop=loop), tmp_path / "parts")
    for a, b in zip(leaves(whole), leaves(resumed), strict=True):
        np.testing.assert_array_equal(a, b)
    drawn = {path.name for path in (tmp_path / "whole" / "samples").iterdir()}
    assert "reconstructions_000004.png" in drawn and "000004.png" not in drawn
    said = provenance.read(tmp_path / "whole" / "samples" / "reconstructions_000004.png")
    assert said["run"] == "whole" and said["generated"] == "from another picture"
