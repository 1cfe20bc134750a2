"""VAEs with a hierarchy of latents: Gaussians of a level, the bound, depth, parameter counts."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import tiny
from jax import random
from scipy import special

from genlab.config import ConfigError, build, spec
from genlab.game.abilities import HasLogWeight, require
from genlab.game.optim import skip_large
from genlab.losses import likelihood, spectral
from genlab.methods import HierarchicalVAE, hierarchical
from genlab.nets import ladder, nvae, topdown, vdvae
from genlab.nets.topdown import Gaussian
from genlab.train.program import prepare

RNG = np.random.default_rng(0)
UP, DOWN = "1x1,4m1,8m4,8x1", "8x1,8d2,4d4,1x1"


def gaussians(*shape):
    return [Gaussian(*np.float32(RNG.normal(size=(2, *shape)))) for _ in range(2)]


def test_a_levels_kl_ratio_and_noise():
    """The ratio's mean over draws is the KL, and the noise gives the same z from the prior."""
    q, p = gaussians(3, 2, 2)
    e = np.float32(RNG.normal(size=(3, 4)))

    @jax.jit
    def both(e, p, q):
        found = topdown.level(e, p, q)
        return found, topdown.level(found.noise, p, None)

    found, again = both(e, p, q)
    mq, sq, mp, sp = (np.float64(x) for x in (*q, *p))
    kl = sp - sq + (np.exp(2 * sq) + (mq - mp) ** 2) / (2 * np.exp(2 * sp)) - 0.5
    np.testing.assert_allclose(found.kl, kl.sum((1, 2)), rtol=1e-5)
    z = mq + np.exp(sq) * e.reshape(3, 2, 2)
    np.testing.assert_allclose(found.z, z, rtol=1e-5)
    log = lambda m, s: -0.5 * ((z - m) / np.exp(s)) ** 2 - s  # noqa: E731
    np.testing.assert_allclose(
        found.log_ratio, (log(mq, sq) - log(mp, sp)).sum((1, 2)), rtol=1e-4, atol=1e-4
    )
    np.testing.assert_allclose(again.z, z, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(again.kl, 0)


def test_merged_gaussians_are_the_normalised_product():
    q, p = gaussians(5)
    found = jax.jit(topdown.merged)(q, p)
    x = np.linspace(-40, 40, 200_001)[:, None]
    log = sum(
        -0.5 * ((x - np.float64(g.mean)) / np.exp(np.float64(g.log_sigma))) ** 2 for g in (q, p)
    )
    law = np.exp(log - log.max(0))
    law /= law.sum(0)
    mean = (law * x).sum(0)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-4)
    np.testing.assert_allclose(
        np.exp(found.log_sigma), np.sqrt((law * (x - mean) ** 2).sum(0)), rtol=1e-4
    )


@pytest.fixture(scope="module")
def small():
    """(a ladder of two levels over points, params, stats, points)."""
    net = {"latents": (2, 1), "widths": (4, 3), "norm": "Identity"}
    law = spec(likelihood.gaussian, 0.7)
    points = np.float32(np.random.default_rng(1).normal(size=(3, 2)))
    method = build(
        spec(HierarchicalVAE, spec(ladder.Encoder, **net), spec(ladder.Decoder, (2,), **net), law)
    )
    params, stats = tiny.parameters(method.init, {"image": points})
    for head in ("gaussian0", "gaussian1"):  # posteriors so wide that their weights have a variance
        bias = params["encoder"][head]["bias"]
        params["encoder"][head]["bias"] = np.r_[np.zeros(len(bias) // 2), [1.5] * (len(bias) // 2)]
    return method, jax.tree.map(np.float32, params), stats, points


def test_importance_weights_and_draws_from_the_prior_agree_on_the_likelihood(small):
    """E_q[w] = p(x), whatever the posterior: every level's ratio is in the weight."""
    method, params, stats, points = small
    n = 20_000
    x = np.repeat(points, n, axis=0)

    @jax.jit
    def both(key):
        weights = method.log_weight(params, stats, x, key)
        z = method.latents(random.fold_in(key, 1), len(x))
        return (
            weights,
            method.log_likelihood(params, stats, x, z),
            method.elbo(params, stats, x, key),
        )

    weights, prior, elbo = (np.float64(v).reshape(3, n) for v in both(random.key(2)))
    log_p = special.logsumexp(prior, axis=1) - np.log(n)
    np.testing.assert_allclose(special.logsumexp(weights, axis=1) - np.log(n), log_p, atol=0.03)
    np.testing.assert_allclose(elbo.mean(1), weights.mean(1), atol=0.03)
    assert (elbo.mean(1) < log_p).all()


def test_the_loss_is_minus_the_elbo_with_beta_and_free_nats(small):
    method, params, stats, points = small
    key, batch = random.key(3), {"image": points}

    @jax.jit
    def found(params):
        losses = []
        for changes in ({"beta": 2.0}, {}, {"free_nats": 0.5}):
            one = HierarchicalVAE(method.encoder, method.decoder, method.likelihood, **changes)
            losses.append(one.loss(params, stats, batch, key, 0))
        seen = method.encoder.apply({"params": params["encoder"]}, points)
        noise = method.latents(key, 3)
        levels = method.decoder.apply({"params": params["decoder"]}, noise, seen).kl.mean(1)
        z, each = (of(params, stats, points, key) for of in (
            method.posterior_draw, method.level_kl
        ))  # fmt: skip
        likely = method.log_likelihood(params, stats, points, z)
        return losses, method.elbo(params, stats, points, key), levels, likely - each.sum(axis=1)

    ((loss, (_, seen)), (plain, _), (free, (_, freed))), elbo, of_levels, same = found(params)
    np.testing.assert_allclose(same, elbo, rtol=1e-4)
    np.testing.assert_allclose(loss, seen["distortion"] + 2 * seen["kl"], rtol=1e-5)
    np.testing.assert_allclose(plain, -elbo.mean(), rtol=1e-5)
    of_levels = np.asarray(of_levels)
    held = np.maximum(np.float64(of_levels), 0.5).sum()
    np.testing.assert_allclose(free, seen["distortion"] + held, rtol=1e-4)
    np.testing.assert_allclose(freed["kl"], seen["kl"], rtol=1e-5)
    assert held > of_levels.sum() + 1e-3 and seen["active"] == (of_levels > 0.01).sum()


def test_while_beta_is_below_one_levels_are_balanced_by_their_kl(small):
    method, params, stats, points = small
    key, batch = random.key(3), {"image": points}
    counts = (1,) * len(method.decoder.latents)

    @jax.jit
    def found(params):
        of = {"balance": counts, "beta": optax.linear_schedule(0.5, 1.0, 10)}
        one = HierarchicalVAE(method.encoder, method.decoder, method.likelihood, **of)
        losses = [one.loss(params, stats, batch, key, jnp.asarray(step)) for step in (0, 10)]
        seen = method.encoder.apply({"params": params["encoder"]}, points)
        noise = method.latents(key, 3)
        return losses, method.decoder.apply({"params": params["decoder"]}, noise, seen).kl

    ((loss, (_, seen)), (after, _)), kl = found(params)
    kl = np.float64(kl).mean(1)
    ratio = (kl + 0.01) / 4.0 ** np.arange(len(kl))
    pressed = (kl * ratio / ratio.mean()).sum()
    np.testing.assert_allclose(loss, seen["distortion"] + 0.5 * pressed, rtol=1e-4)
    np.testing.assert_allclose(after, seen["distortion"] + kl.sum(), rtol=1e-5)
    assert abs(pressed - kl.sum()) > 1e-3 and len(kl) > 1
    weights = jax.jit(hierarchical.balanced, static_argnums=1)(np.float32([1, 2, 3, 4]), (1, 1, 2))
    ratio = np.array([1.01, 2.01, 3.01, 4.01]) / np.array([1, 4, 8, 8])
    np.testing.assert_allclose(weights, ratio / ratio.mean(), rtol=1e-5)
    with pytest.raises(ConfigError, match="has 7 levels, the decoder"):
        wrong = HierarchicalVAE(method.encoder, method.decoder, method.likelihood, balance=(3, 4))
        jax.eval_shape(wrong.init, random.key(0), batch)


def deep(**kwargs):
    net = {"width": 8, **kwargs}
    law = spec(likelihood.logistic_mixture, 2)
    return spec(
        HierarchicalVAE, spec(vdvae.Encoder, DOWN, **net),
        spec(vdvae.Decoder, (8, 8, 6), UP, latent_width=2, **net), law,
    )  # fmt: skip


@pytest.mark.slow
def test_a_very_deep_vae_encodes_to_noise_that_generates_its_reconstruction():
    method = build(deep())
    x = random.uniform(random.key(1), (2, *tiny.SHAPE), minval=-1.0)
    params, stats = jax.jit(method.init)(random.key(0), {"image": x})

    @jax.jit
    def both(params):
        z = method.encode(params, stats, x)
        return z, method.generate(params, stats, z), method.reconstruct(params, stats, x)

    z, made, again = both(params)
    q = method.decoder.apply({"params": params["decoder"]}, jnp.zeros_like(z))
    assert z.shape == (2, method.latent) and q.kl.shape == (4, 2)
    np.testing.assert_allclose(made, again, atol=1e-5)
    keys = random.split(random.key(5), 500)
    leaves, tree = jax.tree.flatten(params)
    wild = [x + 0.2 * random.normal(k, x.shape) for x, k in zip(leaves, keys, strict=False)]
    z, made, again = both(tree.unflatten(wild))
    np.testing.assert_allclose(made, again, atol=1e-4)
    assert np.abs(z).max() > 0.5


def test_a_very_deep_vae_has_a_level_for_each_block_of_its_decoder():
    method = build(deep())
    batch = {"image": jax.ShapeDtypeStruct((2, *tiny.SHAPE), jnp.float32)}
    params, _ = jax.eval_shape(method.init, random.key(0), batch)
    assert method.latent == 2 * (1 + 16 + 64 + 64)
    assert {name for name in params["decoder"] if "block" in name} == {
        f"block{n}" for n in range(4)
    }


@pytest.mark.slow
def test_the_very_deep_vae_of_cifar10_has_the_papers_parameters_and_its_layers():
    blocks = "1x1,4m1,4x2,8m4,8x5,16m8,16x10,32m16,32x21"
    down = "32x11,32d2,16x6,16d2,8x6,8d2,4x3,4d4,1x3"
    encoder, decoder = vdvae.Encoder(down), vdvae.Decoder((32, 32, 100), blocks)
    x = jax.ShapeDtypeStruct((2, 32, 32, 3), jnp.float32)
    seen, params = jax.eval_shape(partial(encoder.init_with_output), random.key(0), x)
    noise = jax.ShapeDtypeStruct((2, decoder.latent), jnp.float32)
    more = jax.eval_shape(decoder.init, random.key(0), noise, seen)
    count = sum(leaf.size for leaf in jax.tree.leaves((params, more)))
    assert round(count / 1e6, 2) == 39.15 and len(vdvae.parsed(blocks, "m")) == 43


def test_the_sum_of_spectral_norms_and_its_gradient_are_those_of_singular_values():
    kernels = {"a": RNG.normal(size=(3, 3, 2, 4)), "b": RNG.normal(size=(5, 3))}
    params = {"net": {n: {"kernel": np.float32(w), "bias": np.ones(2)} for n, w in kernels.items()}}
    params["net"]["norm"] = {"scale": np.float32([0.5, -3.0, 1.0])}

    @jax.jit
    def both(params):
        vectors = spectral.begun(params, random.key(0))
        of = lambda p: spectral.sum_of_norms(p, vectors)[0]  # noqa: E731
        return jax.value_and_grad(of)(params), spectral.largest_gains(params)

    (total, slopes), gain = both(params)
    expected = 0.0
    for name, w in kernels.items():
        u, s, v = np.linalg.svd(w.reshape(-1, w.shape[-1]), full_matrices=False)
        expected += s[0]
        slope = slopes["net"][name]["kernel"].reshape(-1, w.shape[-1])
        np.testing.assert_allclose(slope, np.outer(u[:, 0], v[0]), rtol=1e-2, atol=1e-3)
    np.testing.assert_allclose(total, expected, rtol=1e-4)
    assert gain == 3


def test_spectral_norms_of_kernels_that_differ_between_devices():
    """As under loop.placement="pmap", where a loop's values are marked as a device's own or not."""
    kernels = np.float32(RNG.normal(size=(2, 5, 3)))
    vectors = spectral.begun({"kernel": kernels[0]}, random.key(0))

    def total(kernel, vectors):
        return spectral.sum_of_norms({"kernel": kernel[0]}, vectors)[0][None]

    mesh = jax.make_mesh((2,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    own, alike = jax.P("data"), jax.P()
    split = jax.jit(jax.shard_map(total, mesh=mesh, in_specs=(own, alike), out_specs=own))
    each = [jax.jit(total)(kernel[None], vectors)[0] for kernel in kernels]
    np.testing.assert_allclose(split(kernels, vectors), each, rtol=1e-6)


def test_a_squeezed_cell_starts_near_what_goes_in():
    """A tenth of the branch; the decoder's filters are one for each channel."""
    x = random.normal(random.key(0), (2, 4, 4, 8))
    cell = nvae.DecoderCell(8)
    made, variables = jax.jit(cell.init_with_output)(random.key(1), x)
    shapes = jax.tree.map(np.shape, variables["params"])
    assert shapes["depthwise"]["kernel"] == (5, 5, 1, 48)
    assert shapes["squeeze"]["kernel"] == (8, 4) and shapes["expand"]["kernel"] == (1, 1, 8, 48)
    branch = (np.asarray(made) - np.asarray(x)) / nvae.BRANCH
    assert 0.1 < branch.std() < 2


def test_doubled_maps_keep_their_corners():
    x = np.float32(np.random.default_rng(0).normal(size=(1, 3, 4, 2)))
    made = np.asarray(jax.jit(nvae.doubled)(x))
    np.testing.assert_allclose(made[:, ::5, ::7], x[:, ::2, ::3], rtol=1e-6)
    across = np.interp(np.linspace(0, 3, 8), np.arange(4), x[0, 0, :, 1])
    np.testing.assert_allclose(made[0, 0, :, 1], across, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_nvae_encodes_to_noise_that_generates_its_reconstruction():
    net = {"groups": (1, 2), "width": 8}
    law = spec(likelihood.discretised_logistic)
    decoder = spec(nvae.Decoder, (8, 8, 2), latent_width=3, **net)
    method = spec(HierarchicalVAE, spec(nvae.Encoder, **net), decoder, law, spectral=0.01)
    method = build(method)
    x = random.uniform(random.key(1), (4, *tiny.SHAPE), minval=-1.0)
    params, stats = jax.jit(method.init)(random.key(0), {"image": x})
    assert method.latent == 3 * (2 * 16 + 64)
    loss, (after, seen) = jax.jit(method.loss)(params, stats, {"image": x}, random.key(2), 0)
    held = seen["distortion"] + seen["kl"] + 0.01 * seen["spectral"]
    np.testing.assert_allclose(loss, held, rtol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_equal(a.shape, b.shape), stats, after)

    @jax.jit
    def both(params):
        z = method.encode(params, stats, x)
        return method.generate(params, stats, z), method.reconstruct(params, stats, x)

    np.testing.assert_allclose(*both(params), atol=1e-4)


@pytest.mark.parametrize(
    ("blocks", "says"),
    [("8x1,8q2", "neither"), ("8x0", "neither"), ("8d3", "does not go into"), ("16x1", "16x16")],
)
def test_blocks_that_mean_nothing_are_refused(blocks, says):
    with pytest.raises(ConfigError, match=says):
        jax.eval_shape(vdvae.Encoder(blocks, 8).init, random.key(0), jnp.zeros((1, 8, 8, 1)))


def test_decoder_and_encoder_of_unlike_sizes_are_refused():
    config = tiny.experiment(deep(), ("vae",))
    config.method.decoder.blocks = "2x1,8m2"
    with pytest.raises(ConfigError, match="a map of 2x2"):
        prepare(config)
    with pytest.raises(ConfigError, match="conditions"):
        build(spec(HierarchicalVAE, None, None, None, given=("label",)))
    config.method.likelihood = spec(likelihood.compared)
    with pytest.raises(ConfigError, match=r"Bound needs .* no density"):
        require(build(config.method), HasLogWeight, "Bound")


@pytest.mark.parametrize("gradient", [(3.0, 4.0), (jnp.nan, 0.0)])
def test_a_large_gradient_is_skipped_whole(gradient):
    inner = optax.adam(0.1)
    optimiser, params = skip_large(inner, 5.0), np.float32([1.0, 2.0])
    small, large = np.float32([0.3, 0.4]), np.float32(gradient)

    @jax.jit
    def both(small, large):
        updates, state = optimiser.update(small, optimiser.init(params), params)
        expected, _ = inner.update(small, inner.init(params), params)
        return updates, state, expected, optimiser.update(large, state, params)

    updates, state, expected, (skipped, after) = both(small, large)
    np.testing.assert_allclose(updates, expected, rtol=1e-6)
    np.testing.assert_array_equal(skipped, 0)
    assert after.skipped == 1
    jax.tree.map(np.testing.assert_array_equal, after.inner, state.inner)
    with pytest.raises(ConfigError, match="every update"):
        skip_large(inner, 0.0)
