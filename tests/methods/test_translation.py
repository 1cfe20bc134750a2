"""Paired translation: regression and pix2pix, by hand."""

import dataclasses
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import random

from genlab.config import ConfigError, build, spec
from genlab.game.abilities import Generates, can
from genlab.losses import adversarial, features
from genlab.methods import GAN, Comparison, Regression

KEY, ROUND, SIDE = random.key(1), jnp.asarray(0), 4


class Across(nn.Module):
    """One convolution of the picture that is given, and a coarse stage as a second output."""

    stages: bool = False

    @nn.compact
    def __call__(self, z, cond=None, train=True):
        """A picture."""
        made = jnp.tanh(nn.Conv(1, (3, 3))(cond["sketch"]))
        if self.stages:
            self.sow("intermediates", "outputs", 0.5 * made)
            self.sow("intermediates", "outputs", made)
        return made


class Patches(nn.Module):
    """Logits of patches of 2x2 pixels."""

    @nn.compact
    def __call__(self, x, cond=None, train=True):
        """[b, 2, 2]."""
        both = jnp.concatenate([x, cond["sketch"]], -1)
        return nn.Conv(1, (2, 2), strides=(2, 2))(both)[..., 0]


class Judge(nn.Module):
    """A layer that is sown as a map, and logits of every pixel."""

    @nn.compact
    def __call__(self, x):
        """[b, h, w]."""
        h = nn.Dense(2)(x)
        self.sow("intermediates", "maps", h)
        return nn.Dense(1)(h)[..., 0]


class TwoScales(nn.Module):
    """Every pixel, and every other."""

    @nn.compact
    def __call__(self, x, cond=None, train=True):
        """Logits, fine and coarse."""
        both = jnp.concatenate([x, cond["sketch"]], -1)
        return Judge(name="fine")(both), Judge(name="rough")(both[:, ::2, ::2])


class Maps(nn.Module):
    """Two layers."""

    @nn.compact
    def __call__(self, x, cond=None, train=True):
        """A tuple."""
        first = nn.Conv(2, (3, 3))(x)
        return first, nn.Conv(3, (3, 3))(nn.relu(first))


def batch():
    """Two columns."""
    rng = np.random.default_rng(0)
    pictures = jnp.float32(rng.uniform(-1, 1, (2, 3, SIDE, SIDE, 1)))
    return {"image": pictures[0], "sketch": pictures[1]}


BOTH = spec(
    Comparison,
    {"l1": {"weight": 100}, "l2": 2.0},
    features=spec(Maps),
    perceptual={"gram": 3.0},
)
GIVEN = ("sketch",)


@pytest.fixture(scope="module")
def pix2pix():
    """(method, params, stats)."""
    method = build(
        spec(GAN, spec(Across, True), spec(Patches), latent=0, given=GIVEN, comparison=BOTH)
    )
    return method, *jax.jit(method.init)(random.key(0), batch())


def by_hand(method, params):
    """(output, the terms of the comparison, the comparison)."""
    held = {"params": params["gen"]}
    made, target = method.generator.apply(held, None, batch()), batch()["image"]
    maps = partial(method.comparison.features.apply, {"params": params["features"]})
    stages = (0.5 * made, made)
    terms = {
        "l1": sum(jnp.abs(y - target).mean() for y in stages),
        "l2": sum(jnp.square(y - target).mean() for y in stages),
        "gram": sum(features.gram(maps(y), maps(target)).mean() for y in stages),
    }
    return made, terms, 100 * terms["l1"] + 2 * terms["l2"] + 3 * terms["gram"]


def of_patches(loss):
    """The mean over patches, then over examples."""
    return loss.reshape(3, -1).mean(1).mean()


def test_pix2pix_is_an_adversarial_loss_over_patches_and_the_comparison(pix2pix):
    """Every output that the generator sows counts; the mean over patches is of their losses. A
    regression is the comparison without the critic.
    """
    method, params, stats = pix2pix
    regression = build(spec(Regression, spec(Across, True), BOTH, given=GIVEN))
    noisy = dataclasses.replace(regression, given=("sketch", "again"), target="again")
    swapped = {**batch(), "again": batch()["image"], "image": batch()["sketch"]}

    @jax.jit
    def found_and_expected(params):
        made, terms, compared = by_hand(method, params)
        judge = partial(method.discriminator.apply, {"params": params["disc"]}, cond=batch())
        fake, real = judge(made), judge(batch()["image"])
        move = params, stats, batch(), KEY, ROUND
        loss, (_, seen) = method.generator_loss(*move)
        answer = regression.generate(params, {}, jnp.zeros((3, 0)), {"sketch": batch()["sketch"]})
        critic = adversarial.nonsaturating.critic(real, fake)
        return {
            "generator": (loss, of_patches(jax.nn.softplus(-fake)) + compared),
            "critic": (method.critic_loss(*move)[0], of_patches(critic)),
            "regression": (regression.loss(*move)[0], compared),
            "answer": (answer, made),
            "another noisy picture": (noisy.loss(params, stats, swapped, KEY, ROUND)[0], compared),
            **{name: (seen[name], value) for name, value in terms.items()},
        }

    for name, (found, expected) in found_and_expected(params).items():
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6, err_msg=name)
    assert can(regression, Generates) and regression.players()["gen"].owns == ("gen",)


def test_a_critic_at_several_scales_counts_each_alike_and_its_maps_are_matched():
    matched = {"gen": {"feature_matching_l1": 10.0}}
    fields = {"latent": 0, "given": GIVEN, "regularisers": matched}
    game, odd = (
        build(spec(GAN, spec(Across), spec(TwoScales), objective=name, **fields))
        for name in ("hinge", "boundary_equilibrium")
    )
    rng = np.random.default_rng(3)
    params = jax.tree.map(
        lambda x: jnp.float32(rng.normal(0, 0.5, x.shape)),
        jax.eval_shape(game.init, KEY, batch())[0],
    )

    @jax.jit
    def played(params):
        move = params, {}, batch(), KEY, ROUND
        seen = [loss(*move)[1][1] for loss in (game.critic_loss, game.generator_loss)]
        return *seen, game.generator.apply({"params": params["gen"]}, None, batch())

    critic, generator, made = played(params)
    heads = jax.tree.map(np.asarray, params["disc"])

    def judged(x):
        """Maps and logits by scale."""
        both = np.concatenate([x, np.asarray(batch()["sketch"])], -1)
        for name, seen in (("fine", both), ("rough", both[:, ::2, ::2])):
            (a, b), (c, d) = ((p["kernel"], p["bias"]) for p in heads[name].values())
            yield seen @ a + b, (seen @ a + b) @ c + d

    pairs = list(zip(judged(batch()["image"]), judged(made), strict=True))
    hinge = [
        np.maximum(1 - real, 0).mean() + np.maximum(1 + fake, 0).mean()
        for (_, real), (_, fake) in pairs
    ]
    np.testing.assert_allclose(critic["adversarial"], np.mean(hinge), rtol=1e-5)
    fake = np.mean([logits.mean() for _, (_, logits) in pairs])
    np.testing.assert_allclose((critic["fake"], generator["adversarial"]), (fake, -fake), rtol=1e-5)
    apart = [np.abs(real - fake).mean() for (real, _), (fake, _) in pairs]
    np.testing.assert_allclose(generator["feature_matching_l1"], np.mean(apart), rtol=1e-5)
    with pytest.raises(ConfigError, match="judges at 2 scales"):
        jax.eval_shape(odd.init, KEY, batch())


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "no losses"),
        ({"losses": {"l1": 1.0}, "features": spec(Maps)}, "has features and no perceptual"),
        ({"perceptual": {"gram": 1.0}}, "has perceptual and no features"),
        ({"losses": {"l11": 1.0}}, "did you mean 'l1'"),
        ({"losses": {"masked": 1.0}}, "masked needs `mask`"),
    ],
)
def test_a_comparison_of_nothing_is_refused(fields, told):
    with pytest.raises(ConfigError, match=told):
        build(spec(Comparison, **fields))


def test_what_does_not_fit_is_refused():
    x = jnp.zeros((2, 4, 4, 3))
    holed = build(spec(Comparison, {"masked": {"weight": 1.0, "mask": "photo"}}))
    with pytest.raises(ConfigError, match=r"'photo', of \(4, 4, 3\): expected a mask"):
        holed.values({}, {}, (x,), x, KEY, ROUND, {"photo": x})
    one = {"comparison": spec(Comparison, {"l1": 1.0}), "given": GIVEN}
    nets = spec(Across), spec(Patches)
    with pytest.raises(ConfigError, match="given nothing"):
        build(spec(Regression, nets[0], one["comparison"]))
    with pytest.raises(ConfigError, match="is not among the columns given"):
        build(spec(Regression, nets[0], **one, target="image"))
    with pytest.raises(ConfigError, match="latent is 0; it is at least 1"):
        build(spec(GAN, *nets, latent=0))
    with pytest.raises(ConfigError, match="latent is 0"):
        build(spec(GAN, *nets, latent=0, regularisers={"gen": {"mode_seeking": 1.0}}, **one))
    with pytest.raises(ConfigError, match="two terms are called 'l1'"):
        penalised = {"gen": {"l1": {"fn": "genlab.losses.regularisers:orthogonal", "weight": 1.0}}}
        build(spec(GAN, *nets, latent=0, regularisers=penalised, **one))
    with pytest.raises(ConfigError, match=r"makes .* column 'image' is"):
        data = {**batch(), "sketch": jnp.zeros((3, 8, 8, 1))}
        jax.eval_shape(build(spec(Regression, nets[0], **one)).init, KEY, data)
